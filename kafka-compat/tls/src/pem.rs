//! PEM, also on one line, as keys in a worker file have it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pkcs8::EncryptedPrivateKeyInfoRef;
use tokio_rustls::rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// A block: what it is, and its text without white space.
struct Block<'a> {
    label: &'a str,
    text: String,
}

impl Block<'_> {
    fn decode(&self) -> Result<Vec<u8>, String> {
        STANDARD.decode(&self.text).map_err(|error| {
            format!("the PEM block {} is damaged: {error}; take a copy that is whole", self.label)
        })
    }
}

/// The blocks in order; what stands around them is no concern.
fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, from)) = rest.split_once(BEGIN) {
        rest = from;
        let Some((label, body)) = from.split_once(DASHES) else { break };
        let Some((body, after)) = body.split_once(&format!("-----END {label}-----")) else {
            continue;
        };
        let text = body.chars().filter(|c| !c.is_whitespace()).collect();
        blocks.push(Block { label, text });
        rest = after;
    }
    blocks
}

/// All certificates; at least one. The error is reason and remedy.
pub fn parse_certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let labels = ["CERTIFICATE", "X509 CERTIFICATE"];
    let certificates: Result<Vec<_>, String> = blocks(text)
        .iter()
        .filter(|block| labels.contains(&block.label))
        .map(|block| block.decode().map(CertificateDer::from))
        .collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err("there is no certificate in it; add \
            the block that begins with -----BEGIN CERTIFICATE-----"
            .to_owned()),
        certificates => certificates,
    }
}

/// The first private key: PKCS#8, encrypted or not, PKCS#1 or SEC1. `password_key` is the name
/// of the setting that holds the password. The error is reason and remedy.
pub fn parse_key(
    text: &str,
    password: Option<&str>,
    password_key: &str,
) -> Result<PrivateKeyDer<'static>, String> {
    let blocks = blocks(text);
    let Some(block) = blocks.iter().find(|block| block.label.ends_with("PRIVATE KEY")) else {
        return Err("there is no private key in it; add the block that begins with \
                    -----BEGIN PRIVATE KEY-----"
            .to_owned());
    };
    if block.text.starts_with("Proc-Type:") {
        return Err("its private key is encrypted in OpenSSL's old way; convert it with \
                    openssl pkcs8 -topk8"
            .to_owned());
    }
    let der = block.decode()?;
    match block.label {
        "PRIVATE KEY" => Ok(PrivatePkcs8KeyDer::from(der).into()),
        "RSA PRIVATE KEY" => Ok(PrivatePkcs1KeyDer::from(der).into()),
        "EC PRIVATE KEY" => Ok(PrivateSec1KeyDer::from(der).into()),
        "ENCRYPTED PRIVATE KEY" => decrypt(&der, password, password_key),
        other => Err(format!(
            "its private key is of the kind {other}, which is not read; convert it with \
             openssl pkcs8 -topk8"
        )),
    }
}

fn decrypt(
    der: &[u8],
    password: Option<&str>,
    password_key: &str,
) -> Result<PrivateKeyDer<'static>, String> {
    let Some(password) = password else {
        return Err(format!("its private key is encrypted; set {password_key}"));
    };
    let info = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|error| {
        format!(
            "its private key is encrypted in a way that is not read ({error}); convert it with \
             openssl pkcs8 -topk8"
        )
    })?;
    let key = info.decrypt(password).map_err(|_| {
        format!("the password does not open its private key; correct {password_key}")
    })?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}
