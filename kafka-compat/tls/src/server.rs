//! From settings to what a listener needs.

use std::sync::Arc;

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ServerConfig, SupportedProtocolVersion};

use super::settings::TlsSettings;
use super::{clients, keys};

/// The one protocol spoken over TLS.
const ALPN: &[u8] = b"http/1.1";

/// Opens the stores and puts it all together. The error names key, value or file, reason and
/// remedy; what a user should know besides goes to `warnings`.
pub fn server_config(
    settings: &TlsSettings,
    warnings: &mut Vec<String>,
) -> Result<Arc<ServerConfig>, String> {
    if !settings.key_store.is_set() {
        return Err(format!(
            "an https listener needs a private key and {}ssl.keystore.location is not set; set it \
             (and {}ssl.keystore.password). If one key begins with {}ssl., all must",
            settings.prefix,
            settings.prefix,
            if settings.prefix.is_empty() { "listeners.https." } else { &settings.prefix },
        ));
    }
    let provider = Arc::new(provider(settings, warnings)?);
    let versions = versions(settings, warnings)?;
    let keys = keys::load(&settings.key_store, &provider, warnings)?;
    let clients = clients::verifier(settings, Arc::clone(&provider), warnings)?;
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(|error| {
        format!(
            "{}ssl.cipher.suites and {}ssl.enabled.protocols leave nothing in common \
                 ({error}); change one of them",
            settings.prefix, settings.prefix
        )
    })?;
    let builder = match clients {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(keys));
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}

/// Cryptography with the cipher suites that are allowed, in their order of preference.
pub(super) fn provider(
    settings: &TlsSettings,
    warnings: &mut Vec<String>,
) -> Result<CryptoProvider, String> {
    let mut provider = ring::default_provider();
    if settings.cipher_suites.is_empty() {
        return Ok(provider);
    }
    let all = std::mem::take(&mut provider.cipher_suites);
    // Java's names are those of the standard; rustls marks those of TLS 1.3.
    let name = |suite: &tokio_rustls::rustls::SupportedCipherSuite| {
        format!("{:?}", suite.suite()).replace("TLS13_", "TLS_")
    };
    let mut unknown = Vec::new();
    for wanted in &settings.cipher_suites {
        match all.iter().find(|suite| name(suite) == *wanted) {
            Some(suite) => provider.cipher_suites.push(*suite),
            None => unknown.push(wanted.as_str()),
        }
    }
    let known = all.iter().map(name).collect::<Vec<_>>().join(", ");
    let key = format!("{}ssl.cipher.suites", settings.prefix);
    if provider.cipher_suites.is_empty() {
        return Err(format!(
            "{key}={}: none of these is there; take of {known}",
            settings.cipher_suites.join(",")
        ));
    }
    if !unknown.is_empty() {
        warnings.push(format!(
            "{key}: {} are not there and left out; there are {known}",
            unknown.join(", ")
        ));
    }
    Ok(provider)
}

/// The versions that are allowed; `ssl.protocol` is the newest of them, as in Java.
pub(super) fn versions(
    settings: &TlsSettings,
    warnings: &mut Vec<String>,
) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    let mut versions = Vec::new();
    let mut unknown = Vec::new();
    for wanted in &settings.protocols {
        match wanted.as_str() {
            "TLSv1.3" if settings.protocol.eq_ignore_ascii_case("TLSv1.2") => {}
            "TLSv1.3" => versions.push(&TLS13),
            "TLSv1.2" => versions.push(&TLS12),
            other => unknown.push(other),
        }
    }
    let key = format!("{}ssl.enabled.protocols", settings.prefix);
    if versions.is_empty() {
        return Err(format!(
            "{key}={} (with {}ssl.protocol={}) allows no version that is there; \
             take of TLSv1.3, TLSv1.2",
            settings.protocols.join(","),
            settings.prefix,
            settings.protocol
        ));
    }
    if !unknown.is_empty() {
        warnings.push(format!(
            "{key}: {} are not there and left out; there are TLSv1.3, TLSv1.2",
            unknown.join(", ")
        ));
    }
    Ok(versions)
}
