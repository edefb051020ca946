//! TLS of HTTP clients.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsProvider};

use crate::ec::complete;
use crate::keys::certified;
use crate::settings::StoreSettings;
use crate::store::{self, KeyEntry, Purpose};

/// Who the client is: its certificate with those that issued it, and the private key.
#[derive(Debug)]
pub struct Identity {
    /// The client's own certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key of the first.
    pub key: PrivateKeyDer<'static>,
}

/// The certificates that this system trusts.
pub fn system_certificates() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

/// A client that trusts what leads to these certificates, and shows who it is if it is asked. The
/// error says what is wrong with the key.
pub fn client_config(
    trusted: &[CertificateDer<'static>],
    identity: Option<Identity>,
) -> Result<TlsConfig, String> {
    let roots = trusted.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .client_cert(identity.map(shown).transpose()?)
        .build())
}

fn shown(identity: Identity) -> Result<ClientCert, String> {
    let Identity { chain, key } = identity;
    let key = match chain.first() {
        Some(certificate) => complete(key, certificate),
        None => key,
    };
    // The client library takes for granted that they belong together.
    let entry = KeyEntry { alias: String::new(), key: key.clone_key(), chain: chain.clone() };
    certified(entry, &ring::default_provider())?;
    let chain: Vec<_> = chain.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    Ok(ClientCert::new_with_certs(&chain, private_key(&key)?))
}

/// The client library takes a key of any kind as PEM only.
fn private_key(key: &PrivateKeyDer<'_>) -> Result<PrivateKey<'static>, String> {
    let label = match key {
        PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
        PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
        _ => "PRIVATE KEY",
    };
    let base64 = STANDARD.encode(key.secret_der());
    let pem = format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n");
    PrivateKey::from_pem(pem.as_bytes()).map_err(|error| format!("the private key: {error}"))
}

/// A client by a trust store and a key store, each where it is set; without a trust store it
/// trusts what the system does. The error names key, file, reason and remedy.
pub fn store_client_config(
    trust_store: &StoreSettings,
    key_store: &StoreSettings,
) -> Result<TlsConfig, String> {
    let trusted = match trust_store.is_set() {
        true => store::open(trust_store, Purpose::Trust)?.trusted,
        false => system_certificates(),
    };
    if trusted.is_empty() {
        let what = match trust_store.is_set() {
            true => trust_store.fault(
                "there is no trusted certificate in it; import one with keytool -importcert",
            ),
            false => format!(
                "this system has no certificates to trust; name those of the server with \
                 {}location",
                trust_store.prefix
            ),
        };
        return Err(what);
    }
    let identity = match key_store.is_set() {
        true => {
            let entry = store::open(key_store, Purpose::PrivateKeys)?.keys.into_iter().next();
            let entry = entry.ok_or_else(|| {
                key_store.fault("there is no private key in it, only certificates")
            })?;
            Some(Identity { chain: entry.chain, key: entry.key })
        }
        false => None,
    };
    client_config(&trusted, identity).map_err(|why| key_store.fault(why))
}
