//! PKCS12, Java's format since Java 9, and that of `openssl pkcs12`.

use p12_keystore::error::Error;
use p12_keystore::{Certificate, Pkcs12Archive};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::settings::{Secret, StoreSettings};
use super::store::{KeyEntry, Purpose, Store};

/// Certificates of one chain.
const CHAIN_MAX: usize = 16;

/// Opens a store. The error is reason and remedy.
pub(super) fn open(
    bytes: &[u8],
    settings: &StoreSettings,
    purpose: Purpose,
) -> Result<Store, String> {
    let password = settings.password.as_ref().map(Secret::expose);
    let archive = Pkcs12Archive::from_pkcs12(bytes, password.unwrap_or_default())
        .map_err(|error| explain(&error, settings))?;
    let mut store = Store::default();
    for bag in &archive.certs {
        if bag.trusted {
            store.trusted.push(der(&bag.cert));
        }
    }
    for bag in &archive.keys {
        let id = bag.local_key_id.as_ref().map(AsRef::<[u8]>::as_ref);
        let mut own = archive.certs.iter().filter(|cert| !cert.trusted);
        let leaf = match id {
            Some(id) => own.find(|cert| cert.local_key_id.as_deref() == Some(id)),
            None => own.next(),
        };
        let Some(leaf) = leaf else { continue };
        store.trusted.push(der(&leaf.cert));
        if purpose == Purpose::PrivateKeys {
            let all = archive.certs.iter().map(|bag| &bag.cert).collect();
            store.keys.push(KeyEntry {
                alias: bag.friendly_name.clone().unwrap_or_else(|| leaf.cert.subject().to_owned()),
                key: PrivatePkcs8KeyDer::from(bag.key.as_der().to_vec()).into(),
                chain: chain(&leaf.cert, all),
            });
        }
    }
    Ok(store)
}

fn der(certificate: &Certificate) -> CertificateDer<'static> {
    CertificateDer::from(certificate.as_der().to_vec())
}

/// A certificate with those that issued it, as far as they are there.
fn chain(leaf: &Certificate, all: Vec<&Certificate>) -> Vec<CertificateDer<'static>> {
    let (mut chain, mut last) = (vec![der(leaf)], leaf);
    while last.subject() != last.issuer() && chain.len() < CHAIN_MAX {
        let Some(issuer) = all.iter().find(|cert| cert.subject() == last.issuer()) else { break };
        chain.push(der(issuer));
        last = issuer;
    }
    chain
}

fn explain(error: &Error, settings: &StoreSettings) -> String {
    let key = settings.name("password");
    match error {
        Error::MacError(_) | Error::Pkcs5Error(_) | Error::UnpadError
            if settings.password.is_none() =>
        {
            format!("it needs a password; set {key}")
        }
        Error::MacError(_) => {
            format!("the password does not open it (or the file is damaged); correct {key}")
        }
        Error::Pkcs5Error(_) | Error::UnpadError => format!(
            "the password opens the store and not what is in it ({error}); give the private key \
             the password of the store: keytool -importkeystore -deststoretype PKCS12"
        ),
        other => format!(
            "it cannot be read as PKCS12: {other}; write it anew with keytool -importkeystore \
             -deststoretype PKCS12"
        ),
    }
}
