//! Basic authentication, as Kafka Connect's extension does it: users and passwords from a
//! properties file that is read once. And as Confluent's schema registry does it, whose file has
//! roles behind the passwords.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sha2::{Digest, Sha256};

use super::password::Password;
use crate::files::read_properties;
use crate::worker_config::{AuthSource, Login, users_files};

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
pub(crate) type Fingerprint = [u8; 32];

/// Who may use the REST API.
#[derive(Debug)]
pub(crate) struct BasicAuth {
    files: Vec<UsersFile>,
}

/// Users by their names.
type Users = HashMap<String, Known>;

/// What is kept of a user.
struct Known {
    password: Password,
    /// Whether there is a role among the user's that is let in.
    has_role: bool,
}

#[derive(Debug)]
struct UsersFile {
    path: PathBuf,
    /// The roles that are let in, where the file has roles; `*` is any.
    roles: Option<Vec<String>>,
    users: OnceLock<Users>,
    complained: Mutex<Option<Instant>>,
}

impl std::fmt::Debug for Known {
    /// Without what is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").field("has_role", &self.has_role).finish_non_exhaustive()
    }
}

/// Who is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    /// The name, of which the password is known; empty if nobody is asked.
    pub(crate) name: String,
    /// Whether the user has a role that is let in.
    pub(crate) has_role: bool,
}

impl BasicAuth {
    /// Reads the users. A file that is not there is no error, as in Kafka Connect: it is logged,
    /// and nobody is let in until it can be read. A broken JAAS file is one.
    pub(crate) fn open(source: &AuthSource) -> Result<Self, String> {
        let (files, roles) = match source {
            AuthSource::Users(file) => (vec![file.clone()], None),
            AuthSource::Jaas(jaas) => (users_files(jaas, &Login::of_kafka_connect())?, None),
            AuthSource::Confluent { jaas, realm, roles } => {
                let files = users_files(jaas, &Login::of_confluent(realm))?;
                if files.is_empty() {
                    return Err(format!(
                        "{}: there is no section {realm} that names a file of users; write one, or \
                         correct authentication.realm",
                        jaas.display()
                    ));
                }
                (files, Some(roles.clone()))
            }
            AuthSource::Nowhere => (Vec::new(), None),
        };
        if files.is_empty() {
            tracing::error!(
                "basic authentication is on and no file of users is named: nobody is let in. Set \
                 gantry.rest.basic.auth.file, or name the file in the section KafkaConnect of \
                 gantry.rest.jaas.config"
            );
        }
        let files = files.into_iter().map(|file| UsersFile::new(file, roles.clone())).collect();
        let auth = Self { files };
        for file in &auth.files {
            file.users();
        }
        Ok(auth)
    }

    /// Whether a request with these headers is let in.
    pub(crate) fn allows(&self, headers: &HeaderMap) -> bool {
        self.user(headers).is_some_and(|user| user.has_role)
    }

    /// Who sent a request with these headers.
    pub(crate) fn user(&self, headers: &HeaderMap) -> Option<User> {
        let credentials = Credentials::of(headers);
        self.files.iter().find_map(|file| {
            let users = file.users()?;
            if users.is_empty() && file.roles.is_none() {
                // What name a request gives is not known to be its sender's.
                return Some(User { name: String::new(), has_role: true });
            }
            let given = credentials.as_ref()?;
            let has_role = given.are_of(users)?;
            Some(User { name: given.user.clone(), has_role })
        })
    }
}

impl UsersFile {
    fn new(path: PathBuf, roles: Option<Vec<String>>) -> Self {
        Self { path, roles, users: OnceLock::new(), complained: Mutex::new(None) }
    }

    /// The users, read now if they could not be read before.
    fn users(&self) -> Option<&Users> {
        if let Some(users) = self.users.get() {
            return Some(users);
        }
        match read(&self.path, self.roles.as_deref()) {
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

fn read(path: &Path, roles: Option<&[String]>) -> Result<Users, String> {
    let users = read_properties(path)?;
    if users.is_empty() && roles.is_none() {
        tracing::warn!(
            "Credential properties file '{}' is empty; all requests will be permitted",
            path.display()
        );
    }
    let known = |(user, value): (String, String)| {
        let known = match roles {
            None => Known { password: Password::of(&value), has_role: true },
            Some(roles) => with_roles(&value, roles)
                .map_err(|why| format!("{}: user {user}: {why}", path.display()))?,
        };
        Ok((user, known))
    };
    users.into_iter().map(known).collect()
}

/// Reads `password,role,role`.
fn with_roles(value: &str, allowed: &[String]) -> Result<Known, String> {
    let mut parts = value.split(',').map(str::trim);
    let password = Password::of_jetty(parts.next().unwrap_or_default())?;
    let is_any = allowed.iter().any(|role| matches!(role.as_str(), "*" | "**"));
    let has_role = is_any || parts.any(|role| allowed.iter().any(|allowed| allowed == role));
    Ok(Known { password, has_role })
}

pub(crate) fn fingerprint(password: &str) -> Fingerprint {
    Sha256::digest(password.as_bytes()).into()
}

/// What follows a scheme in the one `Authorization` of a request.
pub(crate) fn authorization<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (values.next()?.to_str().ok()?, values.next()) else { return None };
    let (named, rest) = value.split_once(' ')?;
    named.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// User and password of a request.
pub(crate) struct Credentials {
    /// The name that is given.
    pub(crate) user: String,
    password: Vec<u8>,
}

impl Credentials {
    /// Those of basic authentication.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let encoded = authorization(headers, "basic")?;
        let decoded = BASE64.decode(encoded).ok()?;
        let decoded = String::from_utf8_lossy(&decoded);
        let (user, password) = decoded.split_once(':').filter(|(user, _)| !user.is_empty())?;
        Some(Self { user: user.to_owned(), password: password.as_bytes().to_vec() })
    }

    /// What is kept of the password that is given.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Sha256::digest(&self.password).into()
    }

    /// Whether the user has a role that is let in; none if the password is wrong. Takes the same
    /// time whatever is wrong.
    fn are_of(&self, users: &Users) -> Option<bool> {
        let unknown = Known { password: Password::UNKNOWN, has_role: false };
        let (wanted, is_known) = match users.get(&self.user) {
            Some(wanted) => (wanted, true),
            None => (&unknown, false),
        };
        (wanted.password.is(&self.password) && is_known).then_some(wanted.has_role)
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
