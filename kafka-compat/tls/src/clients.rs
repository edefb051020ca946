//! Which client certificates are trusted.

use std::collections::HashSet;
use std::sync::Arc;

use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{
    DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};

use super::settings::{ClientAuth, TlsSettings};
use super::store::{self, Purpose};

/// Trusts what leads to a certificate of the trust store, and, as Java does, a certificate
/// that is itself in it.
#[derive(Debug)]
struct Trust {
    chains: Arc<dyn ClientCertVerifier>,
    known: HashSet<CertificateDer<'static>>,
}

/// The verifier of clients; `None` if they are not asked for a certificate. The error names
/// key, file, reason and remedy.
pub(super) fn verifier(
    settings: &TlsSettings,
    provider: Arc<CryptoProvider>,
    warnings: &mut Vec<String>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
    if settings.client_auth == ClientAuth::None {
        return Ok(None);
    }
    // As in Kafka Connect the key store is the trust store where there is none. Then it is read
    // as what it is: of a private key's chain Java trusts the owner's certificate and not those
    // that issued it, or whoever has a certificate of the same authority would be let in.
    let (source, purpose) = if settings.trust_store.is_set() {
        (&settings.trust_store, Purpose::Trust)
    } else {
        warnings.push(format!(
            "{}ssl.client.auth asks for client certificates and there is no trust store: only \
             certificates of the key store are trusted; set {}ssl.truststore.location",
            settings.prefix, settings.prefix
        ));
        (&settings.key_store, Purpose::PrivateKeys)
    };
    let trusted = store::open(source, purpose)?.trusted;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trusted.iter().cloned());
    if roots.is_empty() {
        return Err(source
            .fault("there is no trusted certificate in it; import one with keytool -importcert"));
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = match settings.client_auth {
        ClientAuth::Required => builder,
        _ => builder.allow_unauthenticated(),
    };
    let chains = builder
        .build()
        .map_err(|error| source.fault(format!("{error}; check the certificates in it")))?;
    Ok(Some(Arc::new(Trust { chains, known: trusted.into_iter().collect() })))
}

impl ClientCertVerifier for Trust {
    fn offer_client_auth(&self) -> bool {
        self.chains.offer_client_auth()
    }
    fn client_auth_mandatory(&self) -> bool {
        self.chains.client_auth_mandatory()
    }
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chains.root_hint_subjects()
    }
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.known.contains(end_entity) {
            return Ok(ClientCertVerified::assertion());
        }
        self.chains.verify_client_cert(end_entity, intermediates, now)
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls12_signature(message, certificate, signature)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls13_signature(message, certificate, signature)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}
