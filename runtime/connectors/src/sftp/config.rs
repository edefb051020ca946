//! What the keys mean.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gantry_api::Props;
use gantry_api::model::config::ParsedConfig;
use gantry_tls::Secret;
use russh::keys::known_hosts::known_host_keys_path;
use russh::keys::{Algorithm, Certificate, HashAlg, PrivateKey, PublicKey, decode_secret_key};

use super::keys;
use super::session::{Refusal, fingerprint};
use crate::spooldir::config::Kind;
use crate::spooldir::keys as spool;

/// Which host key the server has to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HostKeys {
    Any,
    Pinned(Vec<Pin>),
    /// Those of a file in the form of OpenSSH's `known_hosts`.
    File(PathBuf),
}

/// A host key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pin {
    Fingerprint(String),
    Key(Box<PublicKey>),
}

/// Reads one of `gantry.sftp.host.keys`.
pub(super) fn pin(text: &str) -> Result<Pin, String> {
    let text = text.trim();
    if text.starts_with("SHA256:") {
        let text = text.trim_end_matches('=');
        return match text.parse::<russh::keys::ssh_key::Fingerprint>() {
            Ok(parsed) if parsed.algorithm() == HashAlg::Sha256 => {
                Ok(Pin::Fingerprint(parsed.to_string()))
            }
            _ => {
                Err(format!("{text} is no fingerprint: it is SHA256: and 43 characters of Base64"))
            }
        };
    }
    match text.parse::<PublicKey>() {
        Ok(key) => Ok(Pin::Key(Box::new(key))),
        Err(_) => Err(format!(
            "{text} is neither a fingerprint (SHA256:…) nor a public key (ssh-ed25519 AAAA…); `ssh-keyscan HOST | \
             ssh-keygen -lf -` shows those of a server"
        )),
    }
}

impl HostKeys {
    fn known(&self, server: &Server) -> Result<Vec<PublicKey>, String> {
        match self {
            Self::Any => Ok(Vec::new()),
            Self::Pinned(pins) => Ok(pins
                .iter()
                .filter_map(|pin| match pin {
                    Pin::Key(key) => Some((**key).clone()),
                    Pin::Fingerprint(_) => None,
                })
                .collect()),
            Self::File(path) => known_host_keys_path(&server.host, server.port, path)
                .map(|found| found.into_iter().map(|(_, key)| key).collect())
                .map_err(|error| format!("{} cannot be read: {error}", path.display())),
        }
    }

    /// The kinds of keys that are known of the server.
    pub(super) fn algorithms(&self, server: &Server) -> Vec<Algorithm> {
        self.known(server).unwrap_or_default().iter().map(PublicKey::algorithm).collect()
    }

    /// Whether the server may have this key.
    pub(super) fn check(&self, server: &Server, key: &PublicKey) -> Result<(), Refusal> {
        let shown = format!("{} {}", key.algorithm(), fingerprint(key));
        let has = format!("The host key of {} is {shown}", server.shown());
        match self {
            Self::Any => Ok(()),
            Self::Pinned(pins) => {
                let known: Vec<String> = pins
                    .iter()
                    .map(|pin| match pin {
                        Pin::Fingerprint(text) => text.clone(),
                        Pin::Key(key) => fingerprint(key),
                    })
                    .collect();
                match known.contains(&fingerprint(key)) {
                    true => Ok(()),
                    false => Err(Refusal::new(
                        keys::HOST_KEYS,
                        format!(
                            "{has}, and {} has {}. If the server's key was changed on purpose, set the new one",
                            keys::HOST_KEYS,
                            known.join(", ")
                        ),
                    )),
                }
            }
            Self::File(path) => {
                let refuse = |text: String| Err(Refusal::new(keys::KNOWN_HOSTS, text));
                let known = match self.known(server) {
                    Ok(known) => known,
                    Err(what) => return refuse(what),
                };
                if known.iter().any(|known| known.key_data() == key.key_data()) {
                    return Ok(());
                }
                let known: Vec<String> = known
                    .iter()
                    .map(|known| format!("{} {}", known.algorithm(), fingerprint(known)))
                    .collect();
                refuse(match known.is_empty() {
                    true => format!("{has}, and {} has none of it; add it there", path.display()),
                    false => format!(
                        "{has}, and {} has {}. If the server's key was changed on purpose, put the new one there",
                        path.display(),
                        known.join(", ")
                    ),
                })
            }
        }
    }
}

/// The server, and how to log in.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) password: Option<Secret>,
    pub(super) private_key: Option<Arc<PrivateKey>>,
    pub(super) host_keys: HostKeys,
    pub(super) connect_timeout: Duration,
    pub(super) request_timeout: Duration,
}

fn text<'a>(parsed: &'a ParsedConfig, name: &str) -> &'a str {
    parsed.string(name).unwrap_or_default()
}

/// A private key, with lines that may be divided by what stands for the ends of lines.
fn private_key(parsed: &ParsedConfig) -> Result<Option<PrivateKey>, Refusal> {
    let written = text(parsed, keys::PRIVATE_KEY);
    let file = text(parsed, keys::PEM_FILE);
    let (key, pem) = match (written.trim(), file.trim()) {
        ("", "") => return Ok(None),
        ("", file) if file.starts_with("-----BEGIN") => (keys::PEM_FILE, file.to_owned()),
        ("", path) => {
            let read = std::fs::read_to_string(path);
            let pem = read.map_err(|error| {
                Refusal::new(keys::PEM_FILE, format!("the file {path} cannot be read: {error}"))
            })?;
            (keys::PEM_FILE, pem)
        }
        (written, "") => (keys::PRIVATE_KEY, written.to_owned()),
        _ => {
            let what =
                format!("only one of {} and {} can be set", keys::PRIVATE_KEY, keys::PEM_FILE);
            return Err(Refusal::new(keys::PEM_FILE, what));
        }
    };
    let pem = pem.replace("\\r\\n", "\n").replace("\\n", "\n").replace("\r\n", "\n");
    let lines: Vec<&str> = pem.lines().map(str::trim_end).collect();
    let passphrase = text(parsed, keys::PASSPHRASE);
    let passphrase = (!passphrase.is_empty()).then_some(passphrase);
    let decoded = decode_secret_key(&lines.join("\n"), passphrase).map_err(|error| match error {
        russh::keys::Error::KeyIsEncrypted => Refusal::new(
            keys::PASSPHRASE,
            format!("the key in {key} has a passphrase: set {}", keys::PASSPHRASE),
        ),
        error if passphrase.is_some() => Refusal::new(
            key,
            format!("the key cannot be read with what stands in {}: {error}", keys::PASSPHRASE),
        ),
        error => Refusal::new(
            key,
            format!(
                "the key cannot be read ({error}): it is the text of a private key, from its line BEGIN to its line END"
            ),
        ),
    })?;
    Ok(Some(decoded))
}

/// A public key that is set has to be that of the private one.
fn check_pair(parsed: &ParsedConfig, key: Option<&PrivateKey>) -> Result<(), Refusal> {
    let public = text(parsed, keys::PUBLIC_KEY).trim();
    let (false, Some(key)) = (public.is_empty(), key) else { return Ok(()) };
    // Such a key is its owner's, whoever signed it.
    if public.parse::<Certificate>().is_ok() {
        let what = "certificates are not supported: set the public key, or leave it out";
        return Err(Refusal::new(keys::PUBLIC_KEY, what));
    }
    match public.parse::<PublicKey>() {
        Ok(public) if public.key_data() == key.public_key().key_data() => Ok(()),
        Ok(public) => Err(Refusal::new(
            keys::PUBLIC_KEY,
            format!(
                "it is another key ({}) than that of the private key ({}); it can be left out",
                fingerprint(&public),
                fingerprint(key.public_key())
            ),
        )),
        Err(error) => Err(Refusal::new(
            keys::PUBLIC_KEY,
            format!(
                "it cannot be read ({error}): it is one line, ssh-rsa AAAA…; it can be left out"
            ),
        )),
    }
}

impl Server {
    /// Errors name keys together; each key for itself was checked before.
    pub(super) fn new(parsed: &ParsedConfig) -> Result<Self, Refusal> {
        let private_key = private_key(parsed)?;
        check_pair(parsed, private_key.as_ref())?;
        let password = text(parsed, keys::PASSWORD);
        let password = (!password.is_empty()).then(|| Secret::new(password));
        if password.is_none() && private_key.is_none() {
            let what = format!(
                "{}, {} or {} has to be set to log in",
                keys::PASSWORD,
                keys::PRIVATE_KEY,
                keys::PEM_FILE
            );
            return Err(Refusal::new(keys::PASSWORD, what));
        }
        let mut pins = Vec::new();
        for written in parsed.list(keys::HOST_KEYS).iter().filter(|text| !text.is_empty()) {
            pins.push(pin(written).map_err(|what| Refusal::new(keys::HOST_KEYS, what))?);
        }
        let file = text(parsed, keys::KNOWN_HOSTS);
        let host_keys = match (pins.is_empty(), file) {
            (true, "") => HostKeys::Any,
            (false, "") => HostKeys::Pinned(pins),
            (true, path) => match std::fs::File::open(path) {
                Ok(_) => HostKeys::File(path.into()),
                Err(error) => {
                    let what = format!("the file {path} cannot be read: {error}");
                    return Err(Refusal::new(keys::KNOWN_HOSTS, what));
                }
            },
            (false, _) => {
                let what =
                    format!("only one of {} and {} can be set", keys::HOST_KEYS, keys::KNOWN_HOSTS);
                return Err(Refusal::new(keys::KNOWN_HOSTS, what));
            }
        };
        let time = |name: &str| {
            Duration::from_millis(parsed.long(name).unwrap_or(1).max(1).unsigned_abs())
        };
        Ok(Self {
            host: text(parsed, keys::HOST).to_owned(),
            port: parsed.long(keys::PORT).and_then(|port| u16::try_from(port).ok()).unwrap_or(22),
            user: text(parsed, keys::USER).to_owned(),
            password,
            private_key: private_key.map(Arc::new),
            host_keys,
            connect_timeout: time(keys::CONNECT_TIMEOUT),
            request_timeout: time(keys::REQUEST_TIMEOUT),
        })
    }

    pub(super) fn shown(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// Which files are read as what.
pub(super) fn kind(fixed: Option<Kind>, props: &Props) -> Kind {
    let named = props.get(keys::PARSER).map_or("JSON", String::as_str);
    let found = keys::PARSERS.iter().find(|(name, _)| *name == named);
    fixed.or_else(|| found.map(|(_, kind)| *kind)).unwrap_or(Kind::Json)
}

/// The same configuration with the keys of the connectors for directories, whose paths are not used, as only
/// the server knows them.
pub(super) fn as_directory(parsed: &ParsedConfig, props: &Props) -> Props {
    let mut props = props.clone();
    let mut set = |name: &str, value: String| props.insert(name.to_owned(), value);
    set(spool::TOPIC, text(parsed, keys::TOPIC).to_owned());
    set(spool::HALT, (text(parsed, keys::ON_ERROR) == "FAIL").to_string());
    for path in [spool::INPUT, spool::ERROR, spool::FINISHED] {
        set(path, "/".to_owned());
    }
    set(spool::EMPTY_WAIT, parsed.long(spool::EMPTY_WAIT).unwrap_or(1).to_string());
    if let Some(size) = parsed.long(keys::RECORD_SIZE).filter(|size| *size > 0) {
        let own = parsed.long(keys::OWN_RECORD_SIZE).unwrap_or(size);
        set(keys::OWN_RECORD_SIZE, size.min(own).to_string());
    }
    for name in [spool::GENERATE_KEY_NAME, spool::GENERATE_VALUE_NAME] {
        if let Some(value) = parsed.string(name) {
            set(name, value.to_owned());
        }
    }
    props
}
