//! Sealing of shares: HPKE (RFC 9180) in base mode with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256
//! and ChaCha20-Poly1305.
//!
//! A member makes a fresh key for every run, so no long-term key opens the shares of an epoch.
//! The coins of an encryption follow from a secret of the dealer and from what is encrypted, so
//! a dealer that is asked again cannot but repeat itself.

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use minicbor::{Decode, Encode};
use quorate_access::LeafId;
use quorate_codec::{Digest, Transcript, tag};
use quorate_curve::{Curve, SecretScalar};
use quorate_identity::NodeId;
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRngCore, RngCore, SeedableRng};
use zeroize::Zeroizing;

const ENCAPSULATED_BYTES: usize = 32;
const SEALED_BYTES: usize = ENCAPSULATED_BYTES + 32 + 16;

/// Where a sealed share belongs. All of it enters the key schedule, so that a ciphertext moved
/// to another run, dealer, receiver or leaf does not open (DKG-13, N-26).
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

/// A member's secret key of one run; wiped when dropped, never stored.
pub(crate) struct SealKey(<X25519HkdfSha256 as Kem>::PrivateKey);

/// Its public half, as sent. Not every 32 bytes are one with which something can be sealed; see
/// [`seal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct SealPublic(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 32]);

/// A sealed share: the encapsulated key, then the ciphertext with its tag.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Sealed(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; SEALED_BYTES]);

impl SealPublic {
    /// Whether this is the one encoding of a coordinate: below p = 2^255 - 19 (DKG-04).
    pub(crate) fn is_canonical(&self) -> bool {
        let mut p = [0xff; 32];
        (p[0], p[31]) = (0xed, 0x7f);
        self.0.iter().rev().lt(p.iter().rev())
    }
}

impl Sealed {
    /// Length of its canonical encoding.
    pub(crate) const ENCODED_BYTES: usize = 2 + SEALED_BYTES;
}

impl SealKey {
    /// A fresh pair.
    pub(crate) fn random(rng: &mut impl CryptoRngCore) -> (Self, SealPublic) {
        let mut material = Zeroizing::new([0; 32]);
        rng.fill_bytes(material.as_mut());
        let (secret, public) = X25519HkdfSha256::derive_keypair(material.as_ref());
        (Self(secret), SealPublic(public.to_bytes().into()))
    }

    /// The share that was sealed for this key and slot; `None` if none was.
    pub(crate) fn open<C: Curve>(&self, slot: &Slot, sealed: &Sealed) -> Option<SecretScalar<C>> {
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
        SecretScalar::from_bytes(&Zeroizing::new(plaintext.ok()?)).ok()
    }
}

/// Seals a share, with coins from the dealer's `seed` and everything that is sealed. `None` if
/// `key` is of small order: the fault of whoever sent it (DKG-04).
pub(crate) fn seal<C: Curve>(
    slot: &Slot,
    key: &SealPublic,
    share: &SecretScalar<C>,
    seed: &[u8; 32],
) -> Option<Sealed> {
    let public = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&key.0).ok()?;
    let share = share.to_bytes();
    let mut coins = Coins::new(slot, key, share.as_ref(), seed);
    let (encapsulated, ciphertext) =
        hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256, _>(
            &OpModeS::Base,
            &public,
            slot.info().as_ref(),
            share.as_ref(),
            &[],
            &mut coins,
        )
        .ok()?;
    [encapsulated.to_bytes().as_slice(), &ciphertext].concat().try_into().ok().map(Sealed)
}

/// A deterministic source in the generation of traits that hpke speaks.
struct Coins(ChaCha20Rng);

impl Coins {
    fn new(slot: &Slot, key: &SealPublic, share: &[u8], seed: &[u8; 32]) -> Self {
        let seed = Transcript::new(tag::DEAL_COINS)
            .part(seed)
            .part(slot.info())
            .part(key.0)
            .part(share)
            .digest();
        Self(ChaCha20Rng::from_seed(seed.0))
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
