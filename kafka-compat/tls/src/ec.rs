//! Java writes an EC private key without its public key, which is in the certificate anyway;
//! the cryptography library wants both together.

use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::{Decode, Reader, SliceReader};
use pkcs8::{ObjectIdentifier, PrivateKeyInfoRef};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use x509_parser::parse_x509_certificate;

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
/// The field of an `ECPrivateKey` that holds the public key.
const PUBLIC_KEY: u8 = 0xa1;

/// The key, with the public key of its certificate if it is an EC key that has none.
pub(crate) fn complete(
    key: PrivateKeyDer<'static>,
    certificate: &CertificateDer<'_>,
) -> PrivateKeyDer<'static> {
    let PrivateKeyDer::Pkcs8(pkcs8) = &key else { return key };
    match with_public_key(pkcs8.secret_pkcs8_der(), certificate) {
        Some(complete) => PrivatePkcs8KeyDer::from(complete).into(),
        None => key,
    }
}

fn with_public_key(pkcs8: &[u8], certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let info = PrivateKeyInfoRef::try_from(pkcs8).ok()?;
    if info.algorithm.oid != EC_PUBLIC_KEY {
        return None;
    }
    let secret = secret(info.private_key.as_bytes())?;
    let (_, certificate) = parse_x509_certificate(certificate).ok()?;
    let public = &*certificate.public_key().subject_public_key.data;
    let mut bits = vec![0]; // all bits of the last byte are used
    bits.extend_from_slice(public);
    let ec_key = [
        field(INTEGER, &[1]),
        field(OCTET_STRING, secret),
        field(PUBLIC_KEY, &field(BIT_STRING, &bits)),
    ];
    let algorithm = SliceReader::new(pkcs8).ok()?.sequence(|fields| {
        u8::decode(fields)?;
        let algorithm = fields.tlv_bytes()?.to_vec();
        // A sequence is read to its end or not at all.
        while !fields.is_finished() {
            fields.tlv_bytes()?;
        }
        Ok::<_, pkcs8::der::Error>(algorithm)
    });
    let info = [
        field(INTEGER, &[0]),
        algorithm.ok()?,
        field(OCTET_STRING, &field(SEQUENCE, &ec_key.concat())),
    ];
    Some(field(SEQUENCE, &info.concat()))
}

/// The secret number of an `ECPrivateKey` that has no public key.
fn secret(ec_key: &[u8]) -> Option<&[u8]> {
    let mut reader = SliceReader::new(ec_key).ok()?;
    let mut has_public_key = false;
    let secret = reader.sequence(|fields| {
        u8::decode(fields)?;
        let secret = <&OctetStringRef>::decode(fields)?;
        while !fields.is_finished() {
            has_public_key |= fields.tlv_bytes()?.first() == Some(&PUBLIC_KEY);
        }
        Ok::<_, pkcs8::der::Error>(secret.as_bytes())
    });
    secret.ok().filter(|_| !has_public_key)
}

/// A field in DER.
fn field(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let mut field = vec![tag];
    match (content.len(), u8::try_from(length.len())) {
        (0x80.., Ok(count)) => field.push(0x80 | count),
        (0, _) => field.push(0),
        _ => {}
    }
    field.extend_from_slice(length);
    field.extend_from_slice(content);
    field
}
