//! Basic authentication, as Kafka Connect's extension does it: users and passwords from a
//! properties file that is read once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::files::read_properties;
use crate::worker_config::{AuthSource, users_files};

/// A file that cannot be read is told of at most so often.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(1);

/// Base64 as Java's decoder takes it: the padding may be missing.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What is kept of a password.
type Fingerprint = [u8; 32];

/// Who may use the REST API.
#[derive(Debug)]
pub(crate) struct BasicAuth {
    files: Vec<UsersFile>,
}

#[derive(Debug)]
struct UsersFile {
    path: PathBuf,
    users: OnceLock<HashMap<String, Fingerprint>>,
    complained: Mutex<Option<Instant>>,
}

impl BasicAuth {
    /// Reads the users. A file that is not there is no error, as in Kafka Connect: it is logged,
    /// and nobody is let in until it can be read. A broken JAAS file is one.
    pub(crate) fn open(source: &AuthSource) -> Result<Self, String> {
        let files = match source {
            AuthSource::Users(file) => vec![file.clone()],
            AuthSource::Jaas(jaas) => users_files(jaas)?,
            AuthSource::Nowhere => Vec::new(),
        };
        if files.is_empty() {
            tracing::error!(
                "basic authentication is on and no file of users is named: nobody is let in. Set \
                 gantry.rest.basic.auth.file, or name the file in the section KafkaConnect of \
                 gantry.rest.jaas.config"
            );
        }
        let files = files.into_iter().map(UsersFile::new).collect();
        let auth = Self { files };
        for file in &auth.files {
            file.users();
        }
        Ok(auth)
    }

    /// Whether a request with these headers is let in.
    pub(crate) fn allows(&self, headers: &HeaderMap) -> bool {
        let credentials = Credentials::of(headers);
        self.files.iter().filter_map(UsersFile::users).any(|users| {
            users.is_empty() || credentials.as_ref().is_some_and(|given| given.are_of(users))
        })
    }
}

impl UsersFile {
    fn new(path: PathBuf) -> Self {
        Self { path, users: OnceLock::new(), complained: Mutex::new(None) }
    }

    /// The users, read now if they could not be read before.
    fn users(&self) -> Option<&HashMap<String, Fingerprint>> {
        if let Some(users) = self.users.get() {
            return Some(users);
        }
        match read(&self.path) {
            Ok(users) => Some(self.users.get_or_init(|| users)),
            Err(why) => {
                self.complain(&why);
                None
            }
        }
    }

    fn complain(&self, why: &str) {
        let mut last = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() >= COMPLAINT_INTERVAL) {
            *last = Some(Instant::now());
            tracing::error!("Error loading credentials file: nobody of it is let in. {why}");
        }
    }
}

fn read(path: &Path) -> Result<HashMap<String, Fingerprint>, String> {
    let users = read_properties(path)?;
    if users.is_empty() {
        tracing::warn!(
            "Credential properties file '{}' is empty; all requests will be permitted",
            path.display()
        );
    }
    Ok(users.into_iter().map(|(user, password)| (user, fingerprint(&password))).collect())
}

fn fingerprint(password: &str) -> Fingerprint {
    Sha256::digest(password.as_bytes()).into()
}

/// User and password of a request.
struct Credentials {
    user: String,
    password: Fingerprint,
}

impl Credentials {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (value, None) = (values.next()?.to_str().ok()?, values.next()) else { return None };
        let (scheme, encoded) = value.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = BASE64.decode(encoded).ok()?;
        let decoded = String::from_utf8_lossy(&decoded);
        let (user, password) = decoded.split_once(':').filter(|(user, _)| !user.is_empty())?;
        Some(Self { user: user.to_owned(), password: fingerprint(password) })
    }

    /// Takes the same time whatever is wrong.
    fn are_of(&self, users: &HashMap<String, Fingerprint>) -> bool {
        let (wanted, is_known) = match users.get(&self.user) {
            Some(wanted) => (*wanted, true),
            None => (Fingerprint::default(), false),
        };
        bool::from(wanted.ct_eq(&self.password)) && is_known
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn header(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap())])
    }

    fn basic(credentials: &str) -> HeaderMap {
        header(&format!("Basic {}", BASE64.encode(credentials)))
    }

    #[test]
    fn credentials_are_read_as_kafka_connect_reads_them() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("users");
        std::fs::write(&file, "a=b\nc\\ d=e:f\nempty=\nä=ö\n").unwrap();
        let auth = BasicAuth::open(&AuthSource::Users(file.clone())).unwrap();
        for good in ["a:b", "c d:e:f", "empty:", "ä:ö"] {
            assert!(auth.allows(&basic(good)), "{good}");
        }
        for wrong in ["a:x", "x:b", "a", ":b", "a:", "a:bb", ""] {
            assert!(!auth.allows(&basic(wrong)), "{wrong}");
        }
        let encoded = BASE64.encode("a:b");
        assert!(auth.allows(&header(&format!("bAsIc {}", encoded.trim_end_matches('=')))));
        for wrong in ["Basic", "Basic ", "Basic !!!", "Bearer x", &encoded] {
            assert!(!auth.allows(&header(wrong)), "{wrong}");
        }
        assert!(!auth.allows(&HeaderMap::new()));
        let mut twice = basic("a:b");
        twice.append(header::AUTHORIZATION, HeaderValue::from_static("Basic YTpi"));
        assert!(!auth.allows(&twice));
        // It was read once.
        std::fs::write(&file, "new=pass\n").unwrap();
        assert!(auth.allows(&basic("a:b")) && !auth.allows(&basic("new:pass")));
    }

    #[test]
    fn an_empty_file_lets_all_in_and_a_missing_one_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("users");
        let auth = BasicAuth::open(&AuthSource::Users(file.clone())).unwrap();
        assert!(!auth.allows(&basic("a:b")));
        std::fs::write(&file, "").unwrap();
        assert!(auth.allows(&HeaderMap::new()));
        let nobody = BasicAuth::open(&AuthSource::Nowhere).unwrap();
        assert!(!nobody.allows(&basic("a:b")));
    }
}
