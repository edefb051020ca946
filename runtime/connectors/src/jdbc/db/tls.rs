//! TLS to databases.

use std::path::PathBuf;
use std::sync::Arc;

use gantry_tls::{parse_certificates, parse_key, system_certificates};
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

/// How far a server has to prove who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Not at all: what is sent is encrypted, to whomever.
    None,
    /// Its certificate is signed by an authority that is trusted.
    Authority,
    /// And it is that host's.
    Host,
}

/// What a connection through TLS needs.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) proof: Proof,
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
        let verifier = Verifier { proof: self.proof, chain: self.chain(&provider)?, provider };
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
        let Some((certificates, key)) = &self.identity else {
            return Ok(builder.with_no_client_auth());
        };
        let chain = parse_certificates(&read(certificates)?)
            .map_err(|error| format!("{}: {error}", certificates.display()))?;
        let secret = parse_key(&read(key)?, None, "sslpassword")
            .map_err(|error| format!("{}: {error}", key.display()))?;
        builder
            .with_client_auth_cert(chain, secret)
            .map_err(|error| format!("{}: {error}", key.display()))
    }

    fn chain(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Option<Arc<WebPkiServerVerifier>>, String> {
        if self.proof == Proof::None {
            return Ok(None);
        }
        let trusted = match &self.authorities {
            Some(file) => parse_certificates(&read(file)?)
                .map_err(|error| format!("{}: {error}", file.display()))?,
            None => system_certificates(),
        };
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(trusted);
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        verifier.build().map(Some).map_err(|error| format!("trusted authorities: {error}"))
    }
}

fn read(file: &PathBuf) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

#[derive(Debug)]
struct Verifier {
    proof: Proof,
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(own, between, name, ocsp, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.proof == Proof::Authority => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            own,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            own,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
