//! What the worker file says of TLS.

use std::fmt;

/// A secret text: never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for its one use.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// Whether clients show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// They are not asked.
    None,
    /// They may; one that is shown must be trusted.
    Requested,
    /// They must.
    Required,
}

/// A key store or a trust store.
#[derive(Clone, Debug, Default)]
pub struct StoreSettings {
    /// What its keys begin with, for messages: `listeners.https.ssl.keystore.`.
    pub prefix: String,
    /// JKS, PKCS12 or PEM.
    pub kind: String,
    /// The file.
    pub location: Option<String>,
    /// What opens it.
    pub password: Option<Secret>,
    /// What opens the private key, if not the store's password.
    pub key_password: Option<Secret>,
    /// The name of the key of `key_password`.
    pub key_password_key: String,
    /// The private key itself, as PEM.
    pub key: Option<Secret>,
    /// The certificates themselves, as PEM.
    pub certificates: Option<Secret>,
}

impl StoreSettings {
    /// The name of a key of this store, for messages.
    pub(super) fn name(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// Whether anything is said of it.
    pub(super) fn is_set(&self) -> bool {
        self.location.is_some() || self.key.is_some() || self.certificates.is_some()
    }

    /// An error that names key, file, reason and remedy.
    pub(super) fn fault(&self, why: impl fmt::Display) -> String {
        match &self.location {
            Some(file) => format!("{}={file}: {why}", self.name("location")),
            None => format!("{}*: {why}", self.prefix),
        }
    }
}

/// TLS of HTTPS listeners.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// What its keys begin with, for messages: empty, `listeners.https.` or
    /// `admin.listeners.https.`.
    pub prefix: String,
    pub key_store: StoreSettings,
    pub trust_store: StoreSettings,
    pub client_auth: ClientAuth,
    /// `ssl.protocol`: the newest version.
    pub protocol: String,
    /// `ssl.enabled.protocols`.
    pub protocols: Vec<String>,
    /// `ssl.cipher.suites`; empty is all.
    pub cipher_suites: Vec<String>,
}
