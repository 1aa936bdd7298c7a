//! TLS 1.3 with raw public keys, pinned (TRN-01 to TRN-03).

use crate::TransportError;
use quorate_identity::{NodePublic, NodeSecrets};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::verify_tls13_signature_with_raw_key;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::{
    CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error,
    PeerIncompatible, ServerConfig, SignatureScheme,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What both ends of a channel between nodes must name (ALPN).
pub const MESH_PROTOCOL: &[u8] = b"quorate/mesh/1";
/// What both ends of a call must name (ALPN).
pub const API_PROTOCOL: &[u8] = b"http/1.1";

/// For a node's interface: proves the node's transport key, asks the caller for none.
///
/// # Errors
/// [`TransportError::Tls`]; none in practice.
pub fn api_server(secrets: &NodeSecrets) -> Result<Arc<ServerConfig>, TransportError> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth();
    let resolver = AlwaysResolvesServerRawPublicKeys::new(certified(secrets)?);
    Ok(server(builder.with_cert_resolver(Arc::new(resolver)), API_PROTOCOL))
}

/// For whoever calls a node: only the holder of this node's transport key is at the other end.
///
/// # Errors
/// [`TransportError::Tls`]; none in practice.
pub fn api_client(node: &NodePublic) -> Result<Arc<ClientConfig>, TransportError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned::new([node])));
    Ok(client(builder.with_no_client_auth(), API_PROTOCOL))
}

/// For the accepting end between nodes: one of the peers' keys, whichever.
pub(crate) fn mesh_server<'a>(
    own: Arc<CertifiedKey>,
    peers: impl IntoIterator<Item = &'a NodePublic>,
) -> Result<Arc<ServerConfig>, TransportError> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(Arc::new(Pinned::new(peers)));
    let resolver = AlwaysResolvesServerRawPublicKeys::new(own);
    Ok(server(builder.with_cert_resolver(Arc::new(resolver)), MESH_PROTOCOL))
}

/// For the dialling end between nodes: exactly this peer's key.
pub(crate) fn mesh_client(
    own: Arc<CertifiedKey>,
    peer: &NodePublic,
) -> Result<Arc<ClientConfig>, TransportError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned::new([peer])));
    let resolver = AlwaysResolvesClientRawPublicKeys::new(own);
    Ok(client(builder.with_client_cert_resolver(Arc::new(resolver)), MESH_PROTOCOL))
}

/// A name that TLS libraries want and nobody looks at: it is never sent, keys are pinned.
pub fn no_name() -> ServerName<'static> {
    ServerName::from(std::net::IpAddr::from([0, 0, 0, 0]))
}

/// No session outlives its connection: each one proves the keys anew (TRN-03).
fn server(mut config: ServerConfig, protocol: &[u8]) -> Arc<ServerConfig> {
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.alpn_protocols = vec![protocol.to_vec()];
    Arc::new(config)
}

fn client(mut config: ClientConfig, protocol: &[u8]) -> Arc<ClientConfig> {
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    config.alpn_protocols = vec![protocol.to_vec()];
    Arc::new(config)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The key that this node proves.
///
/// # Errors
/// [`TransportError::Tls`]; none in practice.
pub(crate) fn certified(secrets: &NodeSecrets) -> Result<Arc<CertifiedKey>, TransportError> {
    let document = secrets.transport_pkcs8();
    let key = ring::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(document.as_slice()))?;
    let public = CertificateDer::from(secrets.public().transport_spki());
    Ok(Arc::new(CertifiedKey::new(vec![public], key)))
}

/// Accepts exactly the keys that it was given. Whatever else is shown is refused with one and
/// the same alert (N-79).
#[derive(Debug)]
struct Pinned {
    keys: BTreeSet<Vec<u8>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Pinned {
    fn new<'a>(keys: impl IntoIterator<Item = &'a NodePublic>) -> Self {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        Self { keys: keys.into_iter().map(NodePublic::transport_spki).collect(), algorithms }
    }

    fn check(&self, key: &CertificateDer<'_>, more: &[CertificateDer<'_>]) -> Result<(), Error> {
        let known = more.is_empty() && self.keys.contains(key.as_ref());
        let refused = CertificateError::ApplicationVerificationFailure;
        if known { Ok(()) } else { Err(Error::InvalidCertificate(refused)) }
    }

    fn verify(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if signature.scheme != SignatureScheme::ED25519 {
            return Err(PeerIncompatible::NoSignatureSchemesInCommon.into());
        }
        let key = SubjectPublicKeyInfoDer::from(key.as_ref());
        verify_tls13_signature_with_raw_key(message, &key, signature, &self.algorithms)
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity, intermediates).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOfferedOrEnabled.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, key, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Pinned {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity, intermediates).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOfferedOrEnabled.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, key, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
