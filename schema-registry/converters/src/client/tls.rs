//! TLS to the registry.

use gantry_model::config::ParsedConfig;
use gantry_model::{Error, Result};
use gantry_tls::{Secret, StoreSettings, store_client_config};
use ureq::tls::TlsConfig;

use crate::keys::SSL_PREFIX;

/// Whom to trust, and what to show.
pub(super) fn config(config: &ParsedConfig) -> Result<TlsConfig> {
    let key = |name: &str| format!("{SSL_PREFIX}{name}");
    let text = |name: &str| {
        let text = config.string(&key(name))?;
        (!text.trim().is_empty()).then(|| text.to_owned())
    };
    let secret = |name: &str| text(name).map(Secret::new);
    let store = |prefix: &str| StoreSettings {
        prefix: key(prefix),
        kind: text(&format!("{prefix}type")).unwrap_or_default(),
        location: text(&format!("{prefix}location")),
        password: secret(&format!("{prefix}password")),
        ..StoreSettings::default()
    };
    let trust_store =
        StoreSettings { certificates: secret("truststore.certificates"), ..store("truststore.") };
    let key_store = StoreSettings {
        key_password: secret("key.password"),
        key_password_key: key("key.password"),
        key: secret("keystore.key"),
        certificates: secret("keystore.certificate.chain"),
        ..store("keystore.")
    };
    if text("endpoint.identification.algorithm").is_none() {
        tracing::warn!(
            "{} is empty, and the name in the registry's certificate is checked all the same",
            key("endpoint.identification.algorithm")
        );
    }
    store_client_config(&trust_store, &key_store).map_err(Error::config)
}
