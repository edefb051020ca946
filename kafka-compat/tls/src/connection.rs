//! TLS of clients that open their connections themselves.

use std::sync::Arc;

use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use crate::client::system_certificates;
use crate::ec::complete;
use crate::server::{provider, versions};
use crate::settings::TlsSettings;
use crate::store::{self, Purpose};

/// How far a server has to prove who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerProof {
    /// Not at all: what is sent is encrypted, to whomever.
    None,
    /// Its certificate leads to one that is trusted.
    Authority,
    /// And it is that host's.
    Host,
}

/// A client by a trust store and a key store, each where it is set; without a trust store it
/// trusts what the system does. The error names key, file, reason and remedy; what a user should
/// know besides goes to `warnings`.
pub fn connection_config(
    settings: &TlsSettings,
    proof: ServerProof,
    warnings: &mut Vec<String>,
) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(provider(settings, warnings)?);
    let versions = versions(settings, warnings)?;
    let chain = match proof {
        ServerProof::None => None,
        _ => Some(chain(settings, &provider)?),
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(|error| {
            format!(
                "{}ssl.cipher.suites and {}ssl.enabled.protocols leave nothing in common \
                 ({error}); change one of them",
                settings.prefix, settings.prefix
            )
        })?;
    let verifier = Verifier { proof, chain, provider };
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    let key_store = &settings.key_store;
    if !key_store.is_set() {
        return Ok(Arc::new(builder.with_no_client_auth()));
    }
    let entry = store::open(key_store, Purpose::PrivateKeys)?.keys.into_iter().next();
    let entry =
        entry.ok_or_else(|| key_store.fault("there is no private key in it, only certificates"))?;
    let key = match entry.chain.first() {
        Some(certificate) => complete(entry.key, certificate),
        None => entry.key,
    };
    let config =
        builder.with_client_auth_cert(entry.chain, key).map_err(|error| key_store.fault(error))?;
    Ok(Arc::new(config))
}

fn chain(
    settings: &TlsSettings,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, String> {
    let source = &settings.trust_store;
    let trusted = match source.is_set() {
        true => store::open(source, Purpose::Trust)?.trusted,
        false => system_certificates(),
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trusted);
    if roots.is_empty() {
        return Err(match source.is_set() {
            true => source.fault(
                "there is no trusted certificate in it; import one with keytool -importcert",
            ),
            false => format!(
                "this system has no certificates to trust; name those of the server with \
                 {}location",
                source.prefix
            ),
        });
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| source.fault(format!("{error}; check the certificates in it")))
}

#[derive(Debug)]
struct Verifier {
    proof: ServerProof,
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
            )) if self.proof == ServerProof::Authority => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, own, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, own, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
