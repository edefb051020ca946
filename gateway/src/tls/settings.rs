//! What the worker file says of TLS.

use std::fmt;

/// A secret text: never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for its one use.
    pub(crate) fn expose(&self) -> &str {
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
pub(crate) enum ClientAuth {
    /// They are not asked.
    None,
    /// They may; one that is shown must be trusted.
    Requested,
    /// They must.
    Required,
}

/// A key store or a trust store.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoreSettings {
    /// What its keys begin with, for messages: `listeners.https.ssl.keystore.`.
    pub(crate) prefix: String,
    /// JKS, PKCS12 or PEM.
    pub(crate) kind: String,
    /// The file.
    pub(crate) location: Option<String>,
    /// What opens it.
    pub(crate) password: Option<Secret>,
    /// What opens the private key, if not the store's password.
    pub(crate) key_password: Option<Secret>,
    /// The name of the key of `key_password`.
    pub(crate) key_password_key: String,
    /// The private key itself, as PEM.
    pub(crate) key: Option<Secret>,
    /// The certificates themselves, as PEM.
    pub(crate) certificates: Option<Secret>,
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
pub(crate) struct TlsSettings {
    /// What its keys begin with, for messages: empty, `listeners.https.` or
    /// `admin.listeners.https.`.
    pub(crate) prefix: String,
    pub(crate) key_store: StoreSettings,
    pub(crate) trust_store: StoreSettings,
    pub(crate) client_auth: ClientAuth,
    /// `ssl.protocol`: the newest version.
    pub(crate) protocol: String,
    /// `ssl.enabled.protocols`.
    pub(crate) protocols: Vec<String>,
    /// `ssl.cipher.suites`; empty is all.
    pub(crate) cipher_suites: Vec<String>,
}
