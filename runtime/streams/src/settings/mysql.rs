//! Which database keeps state.

use std::fmt;
use std::path::PathBuf;

use crate::error::StreamsError;

/// A database on a MySQL or MariaDB server that keeps the state of jobs. Its password is shown
/// nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct MySqlStore {
    url: String,
    tls: bool,
    ca_file: Option<PathBuf>,
}

const SCHEME: &str = "mysql://";

/// What a URL must be.
const URL: &str = "must be mysql://user:password@host:port/database, with %40 for an @ in the password and so on; other settings do not stand in it";

impl MySqlStore {
    /// The database of `mysql://user:password@host:port/database`, which must be there; the tables
    /// are made in it. Special characters of user and password are written as in any URL: `%40`.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), tls: false, ca_file: None }
    }

    /// Through TLS only, and only to a server that proves by a public authority to be that host.
    #[must_use]
    pub fn with_tls(self) -> Self {
        Self { tls: true, ..self }
    }

    /// Through TLS only; the authorities in this file, in PEM, count besides the public ones.
    #[must_use]
    pub fn with_tls_ca_file(self, file: impl Into<PathBuf>) -> Self {
        Self { tls: true, ca_file: Some(file.into()), ..self }
    }

    /// With whatever stands in it: not to be shown.
    #[cfg(feature = "mysql")]
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Whether the connection is through TLS, and with which authorities.
    #[cfg(feature = "mysql")]
    pub(crate) fn tls(&self) -> Option<Option<&std::path::Path>> {
        self.tls.then_some(self.ca_file.as_deref())
    }

    /// Host with port, and database.
    pub(crate) fn place(&self) -> Option<(&str, &str)> {
        let (_, place) = self.url.strip_prefix(SCHEME)?.rsplit_once('@')?;
        let (server, database) = place.split_once('/')?;
        let plain = |text: &str| !text.is_empty() && !text.contains(['?', '#', '/', '@']);
        (plain(server) && plain(database)).then_some((server, database))
    }

    pub(super) fn check(&self) -> Result<(), StreamsError> {
        if self.place().is_some() {
            return Ok(());
        }
        Err(StreamsError::Setting {
            key: "gantry.state.mysql.url".to_owned(),
            value: self.to_string(),
            reason: URL.to_owned(),
        })
    }
}

/// The URL without user and password.
impl fmt::Display for MySqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place() {
            Some((server, database)) => write!(f, "{SCHEME}***@{server}/{database}"),
            None => f.write_str("***"),
        }
    }
}

impl fmt::Debug for MySqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MySqlStore({self}, tls: {}, ca_file: {:?})", self.tls, self.ca_file)
    }
}
