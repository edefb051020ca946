//! TLS to Redis.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gantry_tls::{
    ClientAuth, Secret, ServerProof, StoreSettings, TlsSettings, connection_config,
    parse_certificates, parse_key, server_verifier, system_certificates,
};
use redis::{ClientTlsConfig, TlsCertificates};
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;

use super::address::Password;

/// What a connection through TLS needs.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) proof: ServerProof,
    pub(crate) own: Files,
}

/// Who is trusted, and what the client shows of itself.
#[derive(Clone, Debug)]
pub(crate) enum Files {
    /// Java's stores, under keys of these names.
    Stores { trust: Store, key: Store },
    /// Files in PEM.
    Pem {
        authorities: Option<PathBuf>,
        /// Certificates, their key, and what opens it.
        identity: Option<(PathBuf, PathBuf, Option<Password>)>,
    },
}

/// A store of Java's.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    /// What its keys begin with.
    pub(crate) prefix: &'static str,
    pub(crate) file: Option<String>,
    pub(crate) password: Option<Password>,
}

impl Store {
    fn settings(&self) -> StoreSettings {
        StoreSettings {
            prefix: self.prefix.to_owned(),
            kind: "JKS".to_owned(),
            location: self.file.clone(),
            password: self.password.as_ref().map(|password| Secret::new(&*password.0)),
            ..StoreSettings::default()
        }
    }
}

impl Tls {
    /// The configuration of a client; reads files. The error names file, reason and, of stores, the key.
    pub(crate) fn client(&self) -> Result<Arc<ClientConfig>, String> {
        match &self.own {
            Files::Stores { trust, key } => {
                let settings = TlsSettings {
                    prefix: "redis.".to_owned(),
                    key_store: key.settings(),
                    trust_store: trust.settings(),
                    client_auth: ClientAuth::None,
                    protocol: "TLSv1.3".to_owned(),
                    protocols: vec!["TLSv1.2".to_owned(), "TLSv1.3".to_owned()],
                    cipher_suites: Vec::new(),
                };
                let mut warnings = Vec::new();
                let made = connection_config(&settings, self.proof, &mut warnings);
                for warning in warnings {
                    tracing::warn!("{warning}");
                }
                // What Kafka calls location is a path here.
                made.map_err(|text| text.replacen(".location=", ".path=", 1))
            }
            Files::Pem { authorities, identity } => self.of_pem(authorities, identity),
        }
    }

    fn of_pem(
        &self,
        authorities: &Option<PathBuf>,
        identity: &Option<(PathBuf, PathBuf, Option<Password>)>,
    ) -> Result<Arc<ClientConfig>, String> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let trusted = match (authorities, self.proof) {
            (_, ServerProof::None) => Vec::new(),
            (Some(file), _) => certificates(file)?,
            (None, _) => system_certificates(),
        };
        let verifier = server_verifier(self.proof, trusted, provider)
            .map_err(|error| format!("trusted authorities: {error}"))?;
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
        let Some((chain, key, password)) = identity else {
            return Ok(Arc::new(builder.with_no_client_auth()));
        };
        let password = password.as_ref().map(|password| &*password.0);
        let secret = parse_key(&read(key)?, password, "redis.key.password")
            .map_err(|error| of(key, error))?;
        let made = builder.with_client_auth_cert(certificates(chain)?, secret);
        made.map(Arc::new).map_err(|error| of(key, error))
    }

    /// The same for the connections of a cluster, which the client library opens itself: it takes PEM only, and keys
    /// without a password.
    pub(crate) fn of_cluster(&self) -> Result<TlsCertificates, String> {
        let Files::Pem { authorities, identity } = &self.own else {
            return Err("Java's key and trust stores are not read for a cluster".to_owned());
        };
        let root_cert = match authorities {
            Some(file) => Some(read(file)?.into_bytes()),
            None => None,
        };
        let client_tls = match identity {
            Some((chain, key, None)) => Some(ClientTlsConfig {
                client_cert: read(chain)?.into_bytes(),
                client_key: read(key)?.into_bytes(),
            }),
            Some((_, _, Some(_))) => {
                return Err("a key with a password is not read for a cluster".to_owned());
            }
            None => None,
        };
        Ok(TlsCertificates { client_tls, root_cert })
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    parse_certificates(&read(file)?).map_err(|error| of(file, error))
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| of(file, error))
}

fn of(file: &Path, error: impl std::fmt::Display) -> String {
    format!("{}: {error}", file.display())
}
