//! Sealing of shares: HPKE (RFC 9180) in base mode with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256
//! and ChaCha20-Poly1305.
//!
//! A receiver makes a fresh key for every run and every dealer, so no long-term key opens the
//! shares of an epoch, and revealing one opens what one dealer sealed in one run. The coins of an
//! encryption follow from a secret of the dealer and from what is encrypted, so a dealer that is
//! asked again cannot but repeat itself.

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use minicbor::{Decode, Encode};
use quorate_access::LeafId;
use quorate_codec::{Digest, Transcript, tag};
use quorate_curve::{Curve, SecretScalar, SecretStream, x25519};
use quorate_identity::NodeId;
use rand_core::{CryptoRngCore, RngCore};
use zeroize::Zeroizing;

const ENCAPSULATED_BYTES: usize = 32;
const SHARE_BYTES: usize = 32;
const TAG_BYTES: usize = 16;

/// Where a sealed share belongs. All of it enters the key schedule, so that a ciphertext moved
/// to another run, dealer, receiver or leaf does not open (DEAL-13, N-26).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    /// The run.
    pub(crate) sid: Digest,
    /// Who seals.
    pub(crate) dealer: NodeId,
    /// Who opens.
    pub(crate) receiver: NodeId,
    /// Whose share it is.
    pub(crate) leaf: LeafId,
}

impl Slot {
    fn info(&self) -> Digest {
        Transcript::new(tag::DEAL_SEAL)
            .part(self.sid)
            .part(self.dealer)
            .part(self.receiver)
            .number(self.leaf.0.into())
            .digest()
    }
}

/// A receiver's secret key for one dealer of one run; wiped when dropped, never stored. Revealed
/// only in a complaint about that dealer.
pub(crate) struct SealKey(<X25519HkdfSha256 as Kem>::PrivateKey);

/// Its public half, as sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct SealPublic(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 32]);

/// The sealed shares of a leaf, of all secrets in their order: the encapsulated key, then the
/// ciphertext with its tag.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Sealed(#[cbor(n(0), with = "minicbor::bytes")] pub Vec<u8>);

impl SealPublic {
    /// Whether this is the one encoding of a key (DEAL-05).
    pub(crate) fn is_canonical(&self) -> bool {
        x25519::is_canonical(&self.0)
    }

    /// Whether something can be sealed under a canonical key: it is not of small order.
    pub(crate) fn is_usable(&self) -> bool {
        !x25519::is_of_small_order(&self.0)
    }
}

impl Sealed {
    /// Length with the shares of `count` secrets.
    pub(crate) const fn bytes(count: usize) -> usize {
        ENCAPSULATED_BYTES + SHARE_BYTES * count + TAG_BYTES
    }
}

impl SealKey {
    /// A fresh pair.
    pub(crate) fn random(rng: &mut impl CryptoRngCore) -> (Self, SealPublic) {
        let mut material = Zeroizing::new([0; 32]);
        rng.fill_bytes(material.as_mut());
        let (secret, public) = X25519HkdfSha256::derive_keypair(material.as_ref());
        (Self(secret), SealPublic(public.to_bytes().into()))
    }

    /// What was sealed for this key and slot; `None` if nothing was.
    pub(crate) fn open(&self, slot: &Slot, sealed: &Sealed) -> Option<Zeroizing<Vec<u8>>> {
        let (encapsulated, ciphertext) = sealed.0.split_at_checked(ENCAPSULATED_BYTES)?;
        let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(encapsulated).ok()?;
        let plaintext = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &self.0,
            &encapsulated,
            slot.info().as_ref(),
            ciphertext,
            &[],
        );
        plaintext.ok().map(Zeroizing::new)
    }

    /// The public half.
    pub(crate) fn public(&self) -> SealPublic {
        SealPublic(X25519HkdfSha256::sk_to_pk(&self.0).to_bytes().into())
    }

    /// To be revealed in a complaint. Secret until then.
    pub(crate) fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes().into())
    }

    /// A key that was revealed.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(bytes).ok().map(Self)
    }
}

/// The shares of a leaf in one piece, in the order of the secrets; `None` if one is missing.
/// Secret.
pub(crate) fn plaintext<C: Curve>(
    shares: impl ExactSizeIterator<Item = Option<SecretScalar<C>>>,
) -> Option<Zeroizing<Vec<u8>>> {
    // Room for all, so that no half of it stays behind in a moved buffer.
    let mut bytes = Zeroizing::new(Vec::with_capacity(SHARE_BYTES * shares.len()));
    for share in shares {
        bytes.extend_from_slice(share?.to_bytes().as_ref());
    }
    Some(bytes)
}

/// The inverse of [`plaintext`]: exactly `count` canonical scalars.
pub(crate) fn shares_of<C: Curve>(bytes: &[u8], count: usize) -> Option<Vec<SecretScalar<C>>> {
    let (shares, rest) = bytes.as_chunks::<SHARE_BYTES>();
    let exact = shares.len() == count && rest.is_empty();
    let read = |share: &[u8; SHARE_BYTES]| SecretScalar::from_bytes(share).ok();
    if exact { shares.iter().map(read).collect() } else { None }
}

/// Seals the shares of a leaf, with coins from the dealer's `seed` and everything that is
/// sealed. `None` if `key` is of small order: the fault of whoever sent it (DEAL-05).
pub(crate) fn seal(
    slot: &Slot,
    key: &SealPublic,
    plaintext: &[u8],
    seed: &[u8; 32],
) -> Option<Sealed> {
    let public = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&key.0).ok()?;
    let mut coins = Coins::new(slot, key, plaintext, seed);
    let (encapsulated, ciphertext) =
        hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256, _>(
            &OpModeS::Base,
            &public,
            slot.info().as_ref(),
            plaintext,
            &[],
            &mut coins,
        )
        .ok()?;
    Some(Sealed([encapsulated.to_bytes().as_slice(), &ciphertext].concat()))
}

/// A deterministic source in the generation of traits that hpke speaks. Wiped when dropped.
struct Coins(SecretStream);

impl Coins {
    fn new(slot: &Slot, key: &SealPublic, plaintext: &[u8], seed: &[u8; 32]) -> Self {
        let coins = Transcript::new(tag::DEAL_COINS)
            .part(seed)
            .part(slot.info())
            .part(key.0)
            .part(plaintext)
            .digest();
        Self(SecretStream::new(&Zeroizing::new(coins.0)))
    }
}

impl hpke::rand_core::RngCore for Coins {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

impl hpke::rand_core::CryptoRng for Coins {}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    fn slot() -> Slot {
        let node = |number| NodeId(Digest([number; 32]));
        Slot { sid: Digest([1; 32]), dealer: node(2), receiver: node(3), leaf: LeafId(4) }
    }

    /// DEAL-05: nothing is sealed under a key with which any receiver would have made the same
    /// secret.
    #[test]
    fn neg_008_nothing_is_sealed_under_a_key_of_small_order() {
        assert!(!SealPublic([0; 32]).is_usable());
        assert!(seal(&slot(), &SealPublic([0; 32]), &[5; 32], &[6; 32]).is_none());
    }

    /// DEAL-13: a revealed key opens what its holder could open, and shows its public half.
    #[test]
    fn a_revealed_key_is_the_key() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let (key, public) = SealKey::random(&mut rng);
        let sealed = seal(&slot(), &public, &[5; 64], &[6; 32]).unwrap();
        assert_eq!(sealed.0.len(), Sealed::bytes(2));
        let revealed = SealKey::from_bytes(&key.to_bytes()).unwrap();
        assert_eq!(revealed.public(), public);
        assert_eq!(*revealed.open(&slot(), &sealed).unwrap(), [5; 64]);
        assert_eq!(*key.open(&slot(), &sealed).unwrap(), [5; 64]);
    }
}
