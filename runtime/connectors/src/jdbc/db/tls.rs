//! TLS to databases.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gantry_tls::{
    ServerProof, parse_certificates, parse_key, server_verifier, system_certificates,
};
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;

/// What a connection through TLS needs.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) proof: ServerProof,
    /// Authorities in PEM; the system's without.
    pub(crate) authorities: Option<PathBuf>,
    /// The client's own certificates and key, in PEM.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
}

impl Tls {
    /// The configuration of a client; the error names the file and the reason.
    pub(crate) fn client(&self) -> Result<ClientConfig, String> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let trusted = match (&self.authorities, self.proof) {
            (_, ServerProof::None) => Vec::new(),
            (Some(file), _) => certificates(file)?,
            (None, _) => system_certificates(),
        };
        let verifier = server_verifier(self.proof, trusted, provider)
            .map_err(|error| format!("trusted authorities: {error}"))?;
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
        let Some((chain, key)) = &self.identity else {
            return Ok(builder.with_no_client_auth());
        };
        let secret = parse_key(&read(key)?, None, "sslpassword").map_err(|error| of(key, error))?;
        builder.with_client_auth_cert(certificates(chain)?, secret).map_err(|error| of(key, error))
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    parse_certificates(&read(file)?).map_err(|error| of(file, error))
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| of(file, error))
}

fn of(file: &Path, error: impl std::fmt::Display) -> String {
    format!("{}: {error}", file.display())
}
