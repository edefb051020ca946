//! Opening key and trust stores. Java's formats are recognised by what the file holds, as Java
//! does, whichever of the two the worker file names.

use std::path::Path;

use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::settings::{Secret, StoreSettings};
use super::{jks, pem, pkcs12};
use gantry_model::files::read_bounded;

/// A larger file is no key store.
const STORE_BYTES_MAX: u64 = 16 << 20;

/// A private key with its certificates, the owner's first.
#[derive(Debug)]
pub(super) struct KeyEntry {
    pub(super) alias: String,
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) chain: Vec<CertificateDer<'static>>,
}

/// What a store holds, in its order.
#[derive(Debug, Default)]
pub(super) struct Store {
    /// Private keys; empty where only certificates were asked for.
    pub(super) keys: Vec<KeyEntry>,
    /// Certificates that are trusted: entries of their own, and the first of each private key.
    pub(super) trusted: Vec<CertificateDer<'static>>,
}

/// What a store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    PrivateKeys,
    Trust,
}

/// Opens a store. The error names key, file, reason and remedy.
pub(super) fn open(settings: &StoreSettings, purpose: Purpose) -> Result<Store, String> {
    match settings.kind.trim().to_ascii_uppercase().as_str() {
        "PEM" => open_pem(settings, purpose),
        "JKS" | "PKCS12" => open_java(settings, purpose),
        other => Err(format!(
            "{}={other}: there is no such format; write JKS, PKCS12 or PEM",
            settings.name("type")
        )),
    }
}

fn read(settings: &StoreSettings) -> Result<Vec<u8>, String> {
    let file = settings.location.as_deref().unwrap_or_default();
    read_bounded(Path::new(file), STORE_BYTES_MAX)
        .map_err(|why| settings.fault(format!("{why}; check the path and its permissions")))
}

fn open_java(settings: &StoreSettings, purpose: Purpose) -> Result<Store, String> {
    if settings.key.is_some() || settings.certificates.is_some() {
        return Err(format!(
            "{}={}: keys and certificates that stand in the worker file itself are PEM; \
             write {}=PEM",
            settings.name("type"),
            settings.kind,
            settings.name("type")
        ));
    }
    let bytes = read(settings)?;
    let opened = match bytes.first_chunk() {
        Some(&jks::MAGIC) => jks::open(&bytes, settings, purpose),
        Some(b"\xce\xce\xce\xce") => Err("it is in Java's format JCEKS, which is not read; \
             convert it with keytool -importkeystore -deststoretype PKCS12"
            .to_owned()),
        Some([0x30, ..]) => pkcs12::open(&bytes, settings, purpose),
        _ if String::from_utf8_lossy(&bytes).contains("-----BEGIN") => {
            Err(format!("it is PEM; write {}=PEM", settings.name("type")))
        }
        _ => Err("it is neither JKS nor PKCS12; check that it is a key store".to_owned()),
    };
    opened.map_err(|why| settings.fault(why))
}

fn open_pem(settings: &StoreSettings, purpose: Purpose) -> Result<Store, String> {
    if settings.password.is_some() {
        return Err(settings.fault(format!(
            "PEM has no store password; leave {} out, and put the password of an encrypted \
             private key into {}",
            settings.name("password"),
            settings.key_password_key
        )));
    }
    let inline = settings.key.is_some() || settings.certificates.is_some();
    if inline && settings.location.is_some() {
        return Err(settings.fault(
            "the file and keys or certificates in the worker file itself are both set; \
             leave one of them out",
        ));
    }
    let text = |secret: &Option<Secret>| {
        secret.as_ref().map(|secret| secret.expose().to_owned()).unwrap_or_default()
    };
    let (key, certificates) = if inline {
        (text(&settings.key), text(&settings.certificates))
    } else {
        let text = String::from_utf8_lossy(&read(settings)?).into_owned();
        (text.clone(), text)
    };
    let chain = pem::parse_certificates(&certificates).map_err(|why| settings.fault(why))?;
    if purpose == Purpose::Trust {
        return Ok(Store { keys: Vec::new(), trusted: chain });
    }
    let password = settings.key_password.as_ref().map(Secret::expose);
    let key = pem::parse_key(&key, password, &settings.key_password_key)
        .map_err(|why| settings.fault(why))?;
    let trusted = chain.first().cloned().into_iter().collect();
    Ok(Store { keys: vec![KeyEntry { alias: "PEM".to_owned(), key, chain }], trusted })
}
