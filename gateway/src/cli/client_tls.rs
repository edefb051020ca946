//! TLS of the command line's requests.

use std::path::Path;

use gantry_tls::{Identity, client_config, parse_certificates, parse_key, system_certificates};
use ureq::Error;
use ureq::tls::TlsConfig;

use super::args::WorkerUrl;
use crate::files::read_bounded;

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
        None => system_certificates(),
    };
    if trusted.is_empty() {
        return Err("this system has no certificates to trust; name those of the worker with \
                    --cacert"
            .to_owned());
    }
    client_config(&trusted, identity(worker)?).map_err(|why| format!("--key: {why}"))
}

fn identity(worker: &WorkerUrl) -> Result<Option<Identity>, String> {
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
    Ok(Some(Identity { chain, key }))
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
