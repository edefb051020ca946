//! TLS of the command line's requests.

use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use ureq::Error;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsProvider};

use super::args::WorkerUrl;
use crate::files::read_bounded;
use crate::tls::{complete, parse_certificates, parse_key};

/// A larger file holds no certificates.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Whom the command line trusts and what it shows. The error names option, file and reason.
pub(super) fn config(worker: &WorkerUrl) -> Result<TlsConfig, String> {
    let trusted = match &worker.cacert {
        Some(file) => {
            let text = read("--cacert", file)?;
            parse_certificates(&text)
                .map_err(|why| format!("--cacert {}: {why}", file.display()))?
        }
        None => rustls_native_certs::load_native_certs().certs,
    };
    if trusted.is_empty() {
        return Err("this system has no certificates to trust; name those of the worker with \
                    --cacert"
            .to_owned());
    }
    let roots = trusted.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .client_cert(client_cert(worker)?)
        .build())
}

fn client_cert(worker: &WorkerUrl) -> Result<Option<ClientCert>, String> {
    let Some(cert_file) = &worker.cert else {
        return match &worker.cert_key {
            Some(_) => Err("--cert-key needs --cert, the certificate of the key".to_owned()),
            None => Ok(None),
        };
    };
    let text = read("--cert", cert_file)?;
    let chain = parse_certificates(&text)
        .map_err(|why| format!("--cert {}: {why}", cert_file.display()))?;
    let key_file = worker.cert_key.as_ref().unwrap_or(cert_file);
    let key = parse_key(
        &read("--cert-key", key_file)?,
        worker.cert_key_password.as_deref(),
        "--cert-key-password or GANTRY_KEY_PASSWORD",
    )
    .map_err(|why| format!("--cert-key {}: {why}", key_file.display()))?;
    let key = match chain.first() {
        Some(certificate) => complete(key, certificate),
        None => key,
    };
    let chain: Vec<_> = chain.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    Ok(Some(ClientCert::new_with_certs(&chain, private_key(&key)?)))
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
    PrivateKey::from_pem(pem.as_bytes()).map_err(|error| format!("--key: {error}"))
}

fn read(option: &str, file: &Path) -> Result<String, String> {
    let bytes = read_bounded(file, FILE_BYTES_MAX)
        .map_err(|why| format!("{option} {}: {why}", file.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What to do when no TLS came about.
pub(super) fn remedy(error: &Error) -> Option<&'static str> {
    let text = match error {
        Error::Rustls(error) => error.to_string(),
        Error::Io(error) => error.to_string(),
        _ => return None,
    };
    if text.contains("CaUsedAsEndEntity") {
        return Some(
            "The worker's certificate says that it is a certificate authority; make one without \
             (openssl req -x509 … -addext basicConstraints=critical,CA:FALSE)",
        );
    }
    if text.contains("UnknownIssuer") {
        return Some("Name the certificate that issued the worker's with --cacert");
    }
    if text.contains("not valid for name") || text.contains("NotValidForName") {
        return Some("Write the name that the worker's certificate is for into --url");
    }
    if text.contains("CertificateRequired") || text.contains("BadCertificate") {
        return Some("The worker wants a certificate: --cert and --cert-key");
    }
    text.contains("InvalidContentType")
        .then_some("The worker does not speak TLS there; write http:// into --url")
}
