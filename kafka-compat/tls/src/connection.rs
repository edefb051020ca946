//! TLS of clients that open their connections themselves.

use std::collections::HashSet;
use std::sync::Arc;

use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::{
    VerifierBuilderError, WebPkiServerVerifier, verify_server_name,
};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use x509_parser::parse_x509_certificate;

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
    let trust = match proof {
        ServerProof::None => None,
        _ => Some(trust(settings, &provider)?),
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
    let verifier = Verifier { proof, trust, provider };
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

/// Checks a server by what leads to one of these certificates, as far as `proof` asks for it. The error
/// says what is wrong with them.
pub fn server_verifier(
    proof: ServerProof,
    trusted: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let trust = match proof {
        ServerProof::None => None,
        _ => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(trusted);
            let chains = chains(roots, &provider).map_err(|error| error.to_string())?;
            Some(Trust { chains, known: HashSet::new() })
        }
    };
    Ok(Arc::new(Verifier { proof, trust, provider }))
}

fn chains(
    roots: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, VerifierBuilderError> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build()
}

/// Trusts what leads to a certificate of the trust store, and, as Java does, a certificate that
/// is itself in it: servers sign their own.
#[derive(Debug)]
struct Trust {
    chains: Arc<WebPkiServerVerifier>,
    known: HashSet<CertificateDer<'static>>,
}

fn trust(settings: &TlsSettings, provider: &Arc<CryptoProvider>) -> Result<Trust, String> {
    let source = &settings.trust_store;
    let trusted = match source.is_set() {
        true => store::open(source, Purpose::Trust)?.trusted,
        false => system_certificates(),
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trusted.iter().cloned());
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
    let chains = chains(roots, provider)
        .map_err(|error| source.fault(format!("{error}; check the certificates in it")))?;
    // Those of the system are authorities all.
    let known = if source.is_set() { trusted.into_iter().collect() } else { HashSet::new() };
    Ok(Trust { chains, known })
}

/// Whether a certificate that is trusted itself is of this time and, if asked for, of the host.
fn check_known(
    own: &CertificateDer<'_>,
    name: &ServerName<'_>,
    proof: ServerProof,
    now: UnixTime,
) -> Result<(), Error> {
    let encoding = |_| Error::InvalidCertificate(CertificateError::BadEncoding);
    let (_, parsed) = parse_x509_certificate(own).map_err(encoding)?;
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = parsed.validity();
    if seconds < validity.not_before.timestamp() {
        return Err(Error::InvalidCertificate(CertificateError::NotValidYet));
    }
    if seconds > validity.not_after.timestamp() {
        return Err(Error::InvalidCertificate(CertificateError::Expired));
    }
    match proof {
        ServerProof::Host => verify_server_name(&ParsedCertificate::try_from(own)?, name),
        _ => Ok(()),
    }
}

#[derive(Debug)]
struct Verifier {
    proof: ServerProof,
    trust: Option<Trust>,
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
        let Some(trust) = &self.trust else { return Ok(ServerCertVerified::assertion()) };
        if trust.known.contains(own) {
            check_known(own, name, self.proof, now)?;
            return Ok(ServerCertVerified::assertion());
        }
        match trust.chains.verify_server_cert(own, between, name, ocsp, now) {
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
