//! A node's keys.

use crate::{KeyError, SignatureError, ed25519, text::serde_as_text};
use curve25519_dalek::MontgomeryPoint;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use minicbor::decode::{Decoder, Error as CborError};
use minicbor::encode::{Encoder, Error as EncodeError, Write};
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, DecodeError, Digest, Transcript, hex, tag, tag::Tag};
use rand_core::CryptoRngCore;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;
use x25519_dalek::StaticSecret;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The three secret keys of a node (IDN-02). Made where they are used; they leave only sealed,
/// as [`to_bytes`](Self::to_bytes). Wiped when dropped, never printed.
pub struct NodeSecrets {
    statement: SigningKey,
    transport: SigningKey,
    sealed: StaticSecret,
}

impl NodeSecrets {
    /// Three independent keys.
    pub fn generate(rng: &mut impl CryptoRngCore) -> Self {
        let mut seed = || {
            let mut seed = Zeroizing::new([0; 32]);
            rng.fill_bytes(&mut *seed);
            seed
        };
        Self {
            statement: SigningKey::from_bytes(&seed()),
            transport: SigningKey::from_bytes(&seed()),
            sealed: StaticSecret::from(*seed()),
        }
    }

    /// The public halves.
    pub fn public(&self) -> NodePublic {
        NodePublic {
            statement: self.statement.verifying_key().to_bytes(),
            transport: self.transport.verifying_key().to_bytes(),
            sealed: x25519_dalek::PublicKey::from(&self.sealed).to_bytes(),
        }
    }

    /// Signs `bytes` as what `tag` names, with the statement key.
    pub fn sign(&self, tag: Tag, bytes: &[u8]) -> NodeSignature {
        NodeSignature(self.statement.sign(&signed_message(tag, bytes)).to_bytes())
    }

    /// The transport key as unencrypted PKCS #8 (RFC 8410), which TLS libraries read. Secret.
    pub fn transport_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        let mut document = Zeroizing::new(Vec::with_capacity(PKCS8_PREFIX.len() + 32));
        document.extend_from_slice(&PKCS8_PREFIX);
        document.extend_from_slice(self.transport.as_bytes());
        document
    }

    /// The canonical encoding, to be sealed. Secret.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let stored = StoredSecrets {
            version: VERSION,
            statement: self.statement.to_bytes(),
            transport: self.transport.to_bytes(),
            sealed: self.sealed.to_bytes(),
        };
        // Room for the whole encoding, so that no half of it stays behind in a moved buffer.
        let mut bytes = Zeroizing::new(Vec::with_capacity(StoredSecrets::BYTES_MAX));
        bytes.extend_from_slice(&Zeroizing::new(quorate_codec::to_bytes(&stored)));
        bytes
    }

    /// The inverse of [`to_bytes`](Self::to_bytes).
    ///
    /// # Errors
    /// [`DecodeError`]: the store is damaged or from another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let stored: StoredSecrets = quorate_codec::from_bytes(bytes)?;
        if stored.version != VERSION {
            return Err(DecodeError::Malformed("unknown version of node keys".to_owned()));
        }
        Ok(Self {
            statement: SigningKey::from_bytes(&stored.statement),
            transport: SigningKey::from_bytes(&stored.transport),
            sealed: StaticSecret::from(stored.sealed),
        })
    }
}

impl fmt::Debug for NodeSecrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("NodeSecrets(secret)")
    }
}

/// The three public keys of a node: valid, and different from each other (IDN-03). Public.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodePublic {
    statement: [u8; 32],
    transport: [u8; 32],
    sealed: [u8; 32],
}

impl NodePublic {
    /// From the Ed25519 statement and transport keys and the X25519 sealed-message key.
    ///
    /// # Errors
    /// [`KeyError`] if a key is not canonical or not of prime order, or if one stands in two
    /// places, be it in another form (N-22).
    pub fn new(
        statement: [u8; 32],
        transport: [u8; 32],
        sealed: [u8; 32],
    ) -> Result<Self, KeyError> {
        let statement_point = ed25519::key_from_bytes(&statement)?.to_montgomery();
        let transport_point = ed25519::key_from_bytes(&transport)?.to_montgomery();
        let sealed_point = sealed_key_from_bytes(&sealed)?;
        // Compared on the Montgomery curve: the same secret there, and no sign to hide behind.
        let distinct = statement_point != transport_point
            && statement_point != sealed_point
            && transport_point != sealed_point;
        if distinct { Ok(Self { statement, transport, sealed }) } else { Err(KeyError) }
    }

    /// The Ed25519 key that signs statements.
    pub fn statement(&self) -> &[u8; 32] {
        &self.statement
    }

    /// The Ed25519 key that authenticates channels.
    pub fn transport(&self) -> &[u8; 32] {
        &self.transport
    }

    /// The X25519 key that messages are sealed to.
    pub fn sealed(&self) -> &[u8; 32] {
        &self.sealed
    }

    /// Verifies a statement of this node about the exact `bytes`.
    ///
    /// # Errors
    /// [`SignatureError`]; the sender's fault.
    pub fn verify(
        &self,
        tag: Tag,
        bytes: &[u8],
        signature: &NodeSignature,
    ) -> Result<(), SignatureError> {
        // The key was found valid when it was constructed; that is not repeated here.
        let key = VerifyingKey::from_bytes(&self.statement).map_err(|_| SignatureError)?;
        ed25519::verify(&key, &signed_message(tag, bytes), &signature.0)
    }

    /// The transport key as SubjectPublicKeyInfo (RFC 8410): 44 bytes, the raw public key of a
    /// TLS channel (RFC 7250).
    pub fn transport_spki(&self) -> Vec<u8> {
        [&SPKI_PREFIX[..], &self.transport].concat()
    }

    /// What people compare when a node is enrolled: twelve words over all three keys.
    pub fn fingerprint(&self) -> Digest {
        Transcript::new(tag::FINGERPRINT).part(quorate_codec::to_bytes(self)).digest()
    }
}

impl fmt::Debug for NodePublic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "NodePublic({})", hex::encode(&self.statement))
    }
}

impl<C> Encode<C> for NodePublic {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.array(3)?;
        encoder.bytes(&self.statement)?.bytes(&self.transport)?.bytes(&self.sealed)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for NodePublic {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, CborError> {
        if decoder.array()? != Some(3) {
            return Err(CborError::message("not the keys of a node"));
        }
        let mut key = || -> Result<[u8; 32], CborError> {
            decoder.bytes()?.try_into().map_err(|_| CborError::message("a key has 32 bytes"))
        };
        Self::new(key()?, key()?, key()?).map_err(CborError::message)
    }
}

impl Canonical for NodePublic {
    const BYTES_MAX: usize = 1 + 3 * 34;
}

/// A node's Ed25519 signature under a statement: 64 bytes. Public. Text form: `0x` hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct NodeSignature(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 64]);

impl fmt::Display for NodeSignature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for NodeSignature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for NodeSignature {
    type Err = hex::HexError;

    fn from_str(text: &str) -> Result<Self, hex::HexError> {
        hex::decode_array(text).map(Self)
    }
}

impl Canonical for NodeSignature {
    const BYTES_MAX: usize = 66;
}

serde_as_text!(NodeSignature);

/// What a node's signature is over: `tag || SHA-256(bytes)` (IDN-05). The hash has a fixed
/// length and stands last, so the tag cannot run into it.
pub(crate) fn signed_message(tag: Tag, bytes: &[u8]) -> Vec<u8> {
    [tag.name().as_bytes(), &Sha256::digest(bytes)].concat()
}

/// An X25519 key that generation can produce: canonical, on the curve and not its twist, of
/// prime order.
fn sealed_key_from_bytes(bytes: &[u8; 32]) -> Result<MontgomeryPoint, KeyError> {
    let point = MontgomeryPoint(*bytes);
    let edwards = point.to_edwards(0).ok_or(KeyError)?;
    let canonical = edwards.to_montgomery().as_bytes() == bytes;
    let prime_order = edwards.is_torsion_free() && !edwards.is_small_order();
    if canonical && prime_order { Ok(point) } else { Err(KeyError) }
}

const VERSION: u8 = 1;

#[derive(Encode, Decode, Zeroize, ZeroizeOnDrop)]
struct StoredSecrets {
    #[n(0)]
    version: u8,
    #[cbor(n(1), with = "minicbor::bytes")]
    statement: [u8; 32],
    #[cbor(n(2), with = "minicbor::bytes")]
    transport: [u8; 32],
    #[cbor(n(3), with = "minicbor::bytes")]
    sealed: [u8; 32],
}

impl Canonical for StoredSecrets {
    const BYTES_MAX: usize = 2 + 3 * 34;
}

/// PKCS #8 version 1, id-Ed25519, an octet string of 32 bytes.
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// SubjectPublicKeyInfo, id-Ed25519, a bit string of 32 bytes.
const SPKI_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use quorate_codec::{from_bytes, to_bytes};
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    fn secrets(seed: u8) -> NodeSecrets {
        NodeSecrets::generate(&mut ChaCha20Rng::from_seed([seed; 32]))
    }

    #[test]
    fn secrets_survive_storage_and_print_as_nothing() {
        let secrets = secrets(1);
        let restored = NodeSecrets::from_bytes(&secrets.to_bytes()).unwrap();
        assert_eq!(restored.public(), secrets.public());
        assert_eq!(restored.sign(tag::TEST, b"x"), secrets.sign(tag::TEST, b"x"));
        assert_eq!(format!("{secrets:?}"), "NodeSecrets(secret)");
        let mut other_version = secrets.to_bytes().to_vec();
        other_version[1] = 2;
        assert!(NodeSecrets::from_bytes(&other_version).is_err());
    }

    #[test]
    fn generated_keys_are_valid_and_differ() {
        for seed in 0..20 {
            let public = secrets(seed).public();
            let NodePublic { statement, transport, sealed } = public;
            assert_eq!(NodePublic::new(statement, transport, sealed), Ok(public));
            assert_eq!(from_bytes(&to_bytes(&public)), Ok(public));
        }
    }

    #[test]
    fn neg_022_one_key_never_serves_two_purposes() {
        let public = secrets(1).public();
        let NodePublic { statement, transport, sealed } = public;
        assert_eq!(NodePublic::new(statement, statement, sealed), Err(KeyError));
        assert_eq!(NodePublic::new(transport, transport, sealed), Err(KeyError));
        // The same secret, seen as an X25519 key or with the other sign.
        let as_montgomery = ed25519::key_from_bytes(&statement).unwrap().to_montgomery().to_bytes();
        assert_eq!(NodePublic::new(statement, transport, as_montgomery), Err(KeyError));
        assert_eq!(NodePublic::new(transport, statement, as_montgomery), Err(KeyError));
        let mut negated = statement;
        negated[31] ^= 0x80;
        assert_eq!(NodePublic::new(statement, negated, sealed), Err(KeyError));
    }

    #[test]
    fn neg_022_the_transport_key_signs_no_statements() {
        let secrets = secrets(1);
        let public = secrets.public();
        let by_transport =
            NodeSignature(secrets.transport.sign(&signed_message(tag::TEST, b"x")).to_bytes());
        assert_eq!(public.verify(tag::TEST, b"x", &by_transport), Err(SignatureError));
        assert_eq!(public.verify(tag::TEST, b"x", &secrets.sign(tag::TEST, b"x")), Ok(()));
    }

    #[test]
    fn neg_022_a_signature_under_one_tag_verifies_under_no_other() {
        let secrets = secrets(1);
        let public = secrets.public();
        let signature = secrets.sign(tag::PREVOTE, b"vote");
        let accepting =
            tag::ALL.iter().filter(|tag| public.verify(**tag, b"vote", &signature).is_ok());
        assert_eq!(accepting.collect::<Vec<_>>(), [&tag::PREVOTE]);
    }

    #[test]
    fn neg_009_small_twisted_and_second_encodings_of_sealed_keys_are_refused() {
        let NodePublic { statement, transport, sealed } = secrets(1).public();
        let small = [0_u8, 1].map(|u| {
            let mut bytes = [0; 32];
            bytes[0] = u;
            bytes
        });
        let mut high_bit = sealed;
        high_bit[31] |= 0x80;
        let mut twist = [0; 32];
        twist[0] = 2; // u = 2 lies on the twist
        for bytes in small.into_iter().chain([high_bit, twist, [0xff; 32]]) {
            assert_eq!(NodePublic::new(statement, transport, bytes), Err(KeyError), "{bytes:?}");
        }
    }

    #[test]
    fn transport_documents_have_the_form_of_rfc_8410() {
        let secrets = secrets(1);
        assert_eq!(secrets.transport_pkcs8().len(), 48);
        let spki = secrets.public().transport_spki();
        assert_eq!(spki.len(), 44);
        assert_eq!(spki[12..], secrets.public().transport);
    }

    proptest! {
        #[test]
        fn only_the_signed_bytes_verify(
            bytes in prop::collection::vec(any::<u8>(), 0..100),
            flip in any::<prop::sample::Index>(),
            bit in 0_u8..8,
        ) {
            let secrets = secrets(1);
            let signature = secrets.sign(tag::TEST, &bytes);
            prop_assert_eq!(secrets.public().verify(tag::TEST, &bytes, &signature), Ok(()));
            let mut flipped = signature;
            flipped.0[flip.index(64)] ^= 1 << bit;
            prop_assert!(secrets.public().verify(tag::TEST, &bytes, &flipped).is_err());
            if !bytes.is_empty() {
                let mut other = bytes.clone();
                other[flip.index(bytes.len())] ^= 1 << bit;
                prop_assert!(secrets.public().verify(tag::TEST, &other, &signature).is_err());
            }
        }
    }
}
