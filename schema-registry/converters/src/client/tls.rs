//! TLS to the registry.

use std::sync::Arc;

use gantry_model::config::ParsedConfig;
use gantry_model::{Error, Result};
use tokio_rustls::rustls::crypto::ring;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use crate::keys;

/// Whom to trust, and what to show.
pub(super) fn config(config: &ParsedConfig) -> Result<TlsConfig> {
    let _ = config;
    let trusted = rustls_native_certs::load_native_certs().certs;
    if trusted.is_empty() {
        return Err(Error::config(format!(
            "this system has no certificates to trust; name the registry's with \
             {}truststore.location",
            keys::SSL_PREFIX
        )));
    }
    let roots = trusted.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .build())
}
