//! Java's own key store format, JKS: big-endian fields, private keys behind a key stream of
//! SHA-1 digests, and a SHA-1 digest with the password over all of it.

use pkcs8::der::asn1::{AnyRef, OctetStringRef};
use pkcs8::der::{Decode, Reader, SliceReader};
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::settings::{Secret, StoreSettings};
use super::store::{KeyEntry, Purpose, Store};

/// The first bytes of a JKS file.
pub(super) const MAGIC: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];

/// Entries of a file, more than any real one has.
const ENTRIES_MAX: u32 = 100_000;

const DIGEST_BYTES: usize = 20;
const TAG_KEY: u32 = 1;
const TAG_CERTIFICATE: u32 = 2;
/// What Java puts between password and content when it makes the digest of a file.
const WHITENER: &[u8] = b"Mighty Aphrodite";

/// Opens a store. Without a password certificates are read unchecked, as Java does. The error
/// is reason and remedy.
pub(super) fn open(
    bytes: &[u8],
    settings: &StoreSettings,
    purpose: Purpose,
) -> Result<Store, String> {
    let broken = || "the file is damaged; take a copy that is whole".to_owned();
    let end = bytes.len().checked_sub(DIGEST_BYTES).ok_or_else(broken)?;
    let (content, digest) = bytes.split_at(end);
    if let Some(password) = &settings.password {
        check_digest(content, digest, password).map_err(|()| {
            format!(
                "the password does not open it (or the file is damaged); correct {}",
                settings.name("password")
            )
        })?;
    }
    let mut store = Store::default();
    for entry in entries(content).ok_or_else(broken)? {
        match entry {
            Entry::Certificate(certificate) => store.trusted.push(certificate),
            Entry::Key { alias, protected, chain } => {
                store.trusted.extend(chain.first().cloned());
                if purpose == Purpose::PrivateKeys {
                    let key = unlock(protected, settings).map_err(|why| {
                        format!("the private key of the entry {alias} stays closed: {why}")
                    })?;
                    store.keys.push(KeyEntry { alias, key, chain });
                }
            }
        }
    }
    Ok(store)
}

enum Entry<'a> {
    Key { alias: String, protected: &'a [u8], chain: Vec<CertificateDer<'static>> },
    Certificate(CertificateDer<'static>),
}

fn utf16(password: &Secret) -> Vec<u8> {
    password.expose().encode_utf16().flat_map(u16::to_be_bytes).collect()
}

fn check_digest(content: &[u8], digest: &[u8], password: &Secret) -> Result<(), ()> {
    let found = Sha1::new()
        .chain_update(utf16(password))
        .chain_update(WHITENER)
        .chain_update(content)
        .finalize();
    if bool::from(found.as_slice().ct_eq(digest)) { Ok(()) } else { Err(()) }
}

fn entries(content: &[u8]) -> Option<Vec<Entry<'_>>> {
    let mut fields = Fields(content);
    fields.take(MAGIC.len())?;
    let version = fields.number()?;
    let count = fields.number()?;
    if !matches!(version, 1 | 2) || count > ENTRIES_MAX {
        return None;
    }
    let mut entries = Vec::new();
    for _ in 0..count {
        let tag = fields.number()?;
        let alias = String::from_utf8_lossy(fields.text()?).into_owned();
        fields.take(size_of::<u64>())?; // when it was made
        entries.push(match tag {
            TAG_KEY => {
                let protected = fields.block()?;
                let mut chain = Vec::new();
                for _ in 0..fields.number()? {
                    chain.push(fields.certificate(version)?);
                }
                Entry::Key { alias, protected, chain }
            }
            TAG_CERTIFICATE => Entry::Certificate(fields.certificate(version)?),
            _ => return None,
        });
    }
    Some(entries)
}

/// The fields that are still to be read.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }
    fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }
    fn block(&mut self) -> Option<&'a [u8]> {
        let count = self.number()?;
        self.take(usize::try_from(count).ok()?)
    }
    fn text(&mut self) -> Option<&'a [u8]> {
        let count = u16::from_be_bytes(self.take(2)?.try_into().ok()?);
        self.take(usize::from(count))
    }
    fn certificate(&mut self, version: u32) -> Option<CertificateDer<'static>> {
        // Since version 2 each certificate names its kind; there is only X.509.
        if version == 2 {
            self.text()?;
        }
        Some(CertificateDer::from(self.block()?.to_vec()))
    }
}

/// Takes the key stream off a private key.
fn unlock(protected: &[u8], settings: &StoreSettings) -> Result<PrivateKeyDer<'static>, String> {
    let Some(password) = settings.key_password.as_ref().or(settings.password.as_ref()) else {
        return Err(format!(
            "there is no password; set {} (and {} if the key has one of its own)",
            settings.name("password"),
            settings.key_password_key
        ));
    };
    let data = sealed(protected).ok_or("it is not in the form that Java writes")?;
    let password = utf16(password);
    let data = data.as_bytes();
    let open = || {
        let (salt, data) = data.split_at_checked(DIGEST_BYTES)?;
        let (data, check) = data.split_at_checked(data.len().checked_sub(DIGEST_BYTES)?)?;
        let mut key = Vec::with_capacity(data.len());
        let mut stream = salt.to_vec();
        for block in data.chunks(DIGEST_BYTES) {
            stream = Sha1::new().chain_update(&password).chain_update(&stream).finalize().to_vec();
            key.extend(block.iter().zip(&stream).map(|(byte, mask)| byte ^ mask));
        }
        let found = Sha1::new().chain_update(&password).chain_update(&key).finalize();
        bool::from(found.as_slice().ct_eq(check)).then_some(key)
    };
    match open() {
        Some(key) => Ok(PrivatePkcs8KeyDer::from(key).into()),
        None => Err(format!(
            "its password is another one; set {} to the password of the key",
            settings.key_password_key
        )),
    }
}

/// The data of an `EncryptedPrivateKeyInfo`; Java has one algorithm here.
fn sealed(protected: &[u8]) -> Option<&OctetStringRef> {
    let mut reader = SliceReader::new(protected).ok()?;
    reader
        .sequence(|fields| {
            AnyRef::decode(fields)?;
            <&OctetStringRef>::decode(fields)
        })
        .ok()
}
