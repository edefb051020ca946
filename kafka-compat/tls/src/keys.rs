//! The private keys of a listener, and which of them a client sees.

use std::sync::Arc;

use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error, InconsistentKeys};
use x509_parser::parse_x509_certificate;

use super::ec::complete;
use super::settings::StoreSettings;
use super::store::{self, KeyEntry, Purpose};

/// The private keys of a listener in the order of their store.
#[derive(Debug)]
pub(super) struct Keys(Vec<Arc<CertifiedKey>>);

/// Opens the key store. The error names key, file, reason and remedy; what a user should know
/// besides goes to `warnings`.
pub(super) fn load(
    settings: &StoreSettings,
    provider: &CryptoProvider,
    warnings: &mut Vec<String>,
) -> Result<Keys, String> {
    let entries = store::open(settings, Purpose::PrivateKeys)?.keys;
    if entries.is_empty() {
        return Err(settings.fault(
            "there is no private key in it, only certificates; take the store that keytool \
             -genkeypair made, or one into which a key was imported",
        ));
    }
    let mut keys = Vec::new();
    let mut failure = None;
    for entry in entries {
        let alias = entry.alias.clone();
        if let Some(warning) = entry.chain.first().and_then(validity) {
            warnings
                .push(settings.fault(format!("the certificate of the entry {alias} {warning}")));
        }
        match certified(entry, provider) {
            Ok(key) => keys.push(Arc::new(key)),
            Err(why) => {
                let fault = settings.fault(format!("the entry {alias} is not usable: {why}"));
                failure.get_or_insert_with(|| fault.clone());
                warnings.push(fault);
            }
        }
    }
    match failure {
        Some(failure) if keys.is_empty() => Err(failure),
        _ => Ok(Keys(keys)),
    }
}

/// A key with its certificates, which fit. The error says why they are not usable.
pub(super) fn certified(
    entry: KeyEntry,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, String> {
    let Some(certificate) = entry.chain.first() else {
        return Err("it has no certificate; import one for it".to_owned());
    };
    let key = complete(entry.key, certificate);
    let key = provider.key_provider.load_private_key(key).map_err(|_| {
        "its private key is of a kind that is not used here; take RSA (2048 bits or more), EC \
         (P-256, P-384) or Ed25519"
            .to_owned()
    })?;
    let certified = CertifiedKey::new(entry.chain, key);
    match certified.keys_match() {
        // A kind of key that cannot be compared is no fault.
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(Error::InconsistentKeys(_)) => {
            Err("its certificate belongs to another private key; import the right one".to_owned())
        }
        Err(error) => Err(format!("its certificate cannot be read ({error}); make a new one")),
    }
}

/// What is wrong with a certificate's dates, if anything.
fn validity(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, certificate) = parse_x509_certificate(certificate).ok()?;
    let validity = certificate.validity();
    if validity.is_valid() {
        return None;
    }
    let now = x509_parser::time::ASN1Time::now();
    Some(if validity.not_after < now {
        format!("expired on {}; clients will refuse it, renew it", validity.not_after)
    } else {
        format!("is valid only from {}; clients will refuse it until then", validity.not_before)
    })
}

impl ResolvesServerCert for Keys {
    /// The first that suits the client and is for the name it asked for, else the first that
    /// suits.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let suits =
            |key: &&Arc<CertifiedKey>| key.key.choose_scheme(hello.signature_schemes()).is_some();
        let named = match (self.0.len(), hello.server_name()) {
            (2.., Some(name)) => {
                let name = ServerName::try_from(name).ok()?;
                self.0.iter().filter(suits).find(|key| is_for(key, &name))
            }
            _ => None,
        };
        named.or_else(|| self.0.iter().find(suits)).cloned()
    }
}

fn is_for(key: &CertifiedKey, name: &ServerName<'_>) -> bool {
    let parsed = key.end_entity_cert().and_then(ParsedCertificate::try_from);
    parsed.is_ok_and(|certificate| verify_server_name(&certificate, name).is_ok())
}
