//! The transfers that everything else is extended from: Masny and Rindal, "Endemic oblivious
//! transfer", ePrint 2019/706, in ristretto255 (RFC 9496).
//!
//! For each of 128 places the chooser draws one element at random and computes the other, so that
//! it knows the logarithm of only one of what the other side will multiply. Both elements are
//! uniform whatever was chosen. The other side has one element A for all places; place, bit, A and
//! both elements enter the map to the group and the keys, and so do a nonce of each side, which
//! nobody knows when r and A are fixed (PAI-02, PAI-03, ADR 19).

use crate::PairError;
use crate::trees::{Chosen, PLACES, Pairs};
use curve25519_dalek_5::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek_5::scalar::Scalar;
use curve25519_dalek_5::traits::IsIdentity;
use quorate_codec::{Digest, Transcript, tag};
use rand_core::CryptoRngCore;
use subtle::{Choice, ConditionallySelectable};
use zeroize::{Zeroize, Zeroizing};

/// Length of the chooser's message: two elements for each place.
pub(crate) const BYTES: usize = PLACES * 64;

/// The chooser. Secret: its choices and what it knows the logarithm of.
pub(crate) struct Chooser {
    choices: Box<Zeroizing<u128>>,
    logarithms: Zeroizing<Vec<Scalar>>,
    elements: Vec<[[u8; 32]; 2]>,
}

/// The side with both keys. Secret: its exponent.
pub(crate) struct Offerer {
    exponent: Box<Zeroizing<Scalar>>,
    /// A, encoded.
    pub(crate) element: [u8; 32],
}

/// What a key is bound to: the set-up and both nonces, the lower id's first.
pub(crate) struct Binding<'a> {
    pub(crate) ctx: &'a Digest,
    pub(crate) nonces: [&'a [u8; 32]; 2],
}

impl Chooser {
    /// Draws everything, with the choice of place i in bit i. Cost: 128 multiplications of the base,
    /// 256 maps to the group.
    pub(crate) fn new(ctx: &Digest, choices: u128, rng: &mut impl CryptoRngCore) -> Self {
        let mut logarithms = Zeroizing::new(Vec::with_capacity(PLACES));
        let mut elements = Vec::with_capacity(PLACES);
        for place in 0..PLACES {
            let choice = (choices >> place & 1) as u8;
            let logarithm = scalar(rng);
            let other = RistrettoPoint::from_uniform_bytes(&wide(rng)).compress();
            let known = RistrettoPoint::mul_base(&logarithm) - map(ctx, place, choice, &other.0);
            let (known, other) = (known.compress().0, other.0);
            let chosen = Choice::from(choice);
            elements.push([select(&known, &other, chosen), select(&other, &known, chosen)]);
            logarithms.push(*logarithm);
        }
        Self { choices: Box::new(Zeroizing::new(choices)), logarithms, elements }
    }

    /// Both elements of every place.
    pub(crate) fn message(&self) -> Vec<u8> {
        self.elements.as_flattened().as_flattened().to_vec()
    }

    /// The chosen key of each place (PAI-02, PAI-03). Cost: 128 multiplications.
    ///
    /// # Errors
    /// A is no element, or the identity: the sender's fault.
    pub(crate) fn keys(&self, binding: &Binding<'_>, a: &[u8; 32]) -> Result<Chosen, PairError> {
        let element = decode(a)?;
        if element.is_identity() {
            return Err(PairError::MALFORMED);
        }
        let places = self.elements.iter().zip(self.logarithms.iter()).enumerate();
        let keys = places.map(|(place, (elements, logarithm))| {
            let choice = (**self.choices >> place & 1) as u8;
            binding.key(place, choice, a, elements, &(element * logarithm))
        });
        Ok(Zeroizing::new(keys.collect()))
    }
}

impl Offerer {
    /// Draws A.
    pub(crate) fn new(rng: &mut impl CryptoRngCore) -> Self {
        let exponent = Box::new(scalar(rng));
        let element = RistrettoPoint::mul_base(&exponent).compress().0;
        Self { exponent, element }
    }

    /// Both keys of each place (PAI-02, PAI-03). Cost: 256 multiplications and maps to the group.
    ///
    /// # Errors
    /// Something is no element, or leads to the identity: the sender's fault.
    pub(crate) fn keys(
        &self,
        binding: &Binding<'_>,
        message: &[u8; BYTES],
    ) -> Result<Pairs, PairError> {
        let mut keys = Zeroizing::new(Vec::with_capacity(PLACES));
        for (place, bytes) in message.chunks_exact(64).enumerate() {
            let (Some(zero), Some(one)) = (bytes.first_chunk(), bytes.last_chunk()) else {
                continue;
            };
            let elements = [*zero, *one];
            let key = |choice: u8, own: &[u8; 32], other: &[u8; 32]| {
                let sum = decode(own)? + map(binding.ctx, place, choice, other);
                if sum.is_identity() {
                    return Err(PairError::MALFORMED);
                }
                let secret = sum * **self.exponent;
                Ok(binding.key(place, choice, &self.element, &elements, &secret))
            };
            keys.push([key(0, zero, one)?, key(1, one, zero)?]);
        }
        Ok(keys)
    }
}

impl Binding<'_> {
    fn key(
        &self,
        place: usize,
        choice: u8,
        a: &[u8; 32],
        elements: &[[u8; 32]; 2],
        secret: &RistrettoPoint,
    ) -> [u8; 32] {
        let secret = Zeroizing::new(secret.compress().0);
        let transcript = Transcript::new(tag::PAIR_BASE_KEY).part(self.ctx).list(self.nonces);
        let transcript = transcript.number(place as u64).part([choice]).part(a).list(elements);
        transcript.part(secret.as_slice()).digest().0
    }
}

/// H into the group: for a place and a bit, of the element of the other bit.
fn map(ctx: &Digest, place: usize, choice: u8, other: &[u8; 32]) -> RistrettoPoint {
    let transcript = Transcript::new(tag::PAIR_BASE_MAP).part(ctx).number(place as u64);
    let mut wide = transcript.part([choice]).part(other).wide();
    let point = RistrettoPoint::from_uniform_bytes(&wide);
    wide.zeroize();
    point
}

/// The element with exactly this encoding.
fn decode(bytes: &[u8; 32]) -> Result<RistrettoPoint, PairError> {
    CompressedRistretto(*bytes).decompress().ok_or(PairError::MALFORMED)
}

fn scalar(rng: &mut impl CryptoRngCore) -> Zeroizing<Scalar> {
    Zeroizing::new(Scalar::from_bytes_mod_order_wide(&wide(rng)))
}

fn wide(rng: &mut impl CryptoRngCore) -> Zeroizing<[u8; 64]> {
    let mut bytes = Zeroizing::new([0; 64]);
    rng.fill_bytes(bytes.as_mut());
    bytes
}

fn select(zero: &[u8; 32], one: &[u8; 32], choice: Choice) -> [u8; 32] {
    <[u8; 32]>::conditional_select(zero, one, choice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    const CTX: Digest = Digest([4; 32]);
    const CHOICES: u128 = 0x0123_4567_89ab_cdef_0f1e_2d3c_4b5a_6978;

    fn binding<'a>(nonces: &'a [[u8; 32]; 2]) -> Binding<'a> {
        Binding { ctx: &CTX, nonces: [&nonces[0], &nonces[1]] }
    }

    fn sides() -> (Chooser, Offerer) {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        (Chooser::new(&CTX, CHOICES, &mut rng), Offerer::new(&mut rng))
    }

    /// PAI-02.
    #[test]
    fn the_chooser_has_one_key_of_each_place() {
        let nonces = [[1; 32], [2; 32]];
        let (chooser, offerer) = sides();
        let message = chooser.message().try_into().unwrap();
        let both = offerer.keys(&binding(&nonces), &message).unwrap();
        let chosen = chooser.keys(&binding(&nonces), &offerer.element).unwrap();
        assert_eq!((both.len(), chosen.len()), (PLACES, PLACES));
        for (place, (both, chosen)) in both.iter().zip(chosen.iter()).enumerate() {
            let choice = (CHOICES >> place & 1) as usize;
            assert_eq!(chosen, &both[choice]);
            assert_ne!(chosen, &both[1 - choice]);
        }
    }

    /// PAI-03: every key depends on both nonces, on the set-up and on all of both messages.
    #[test]
    fn neg_017_keys_belong_to_their_set_up() {
        let nonces = [[1; 32], [2; 32]];
        let (chooser, offerer) = sides();
        let message: [u8; BYTES] = chooser.message().try_into().unwrap();
        let keys = offerer.keys(&binding(&nonces), &message).unwrap();
        for others in [[[1; 32], [3; 32]], [[3; 32], [2; 32]], [[2; 32], [1; 32]]] {
            let other = offerer.keys(&binding(&others), &message).unwrap();
            assert!(keys.iter().flatten().zip(other.iter().flatten()).all(|(a, b)| a != b));
        }
        let elsewhere = Binding { ctx: &Digest([5; 32]), nonces: [&nonces[0], &nonces[1]] };
        let other = offerer.keys(&elsewhere, &message).unwrap();
        assert!(keys.iter().flatten().zip(other.iter().flatten()).all(|(a, b)| a != b));
        // The same elements at another place are other keys.
        let mut moved = message;
        moved.copy_within(0..64, 64);
        let other = offerer.keys(&binding(&nonces), &moved).unwrap();
        assert_ne!(other[0], other[1]);
        // One element for another changes the keys of both choices.
        let mut changed = message;
        changed[..32].copy_from_slice(&message[64..96]);
        let other = offerer.keys(&binding(&nonces), &changed).unwrap();
        assert!(keys[0].iter().zip(&other[0]).all(|(a, b)| a != b));
        assert_eq!(keys[1], other[1]);
    }

    /// PAI-02: encodings that are no element, other encodings of one, and the identity as A.
    #[test]
    fn neg_005_006_what_is_no_element_is_refused() {
        let nonces = [[1; 32], [2; 32]];
        let (chooser, offerer) = sides();
        let good: [u8; BYTES] = chooser.message().try_into().unwrap();
        // The prime itself is zero, not reduced; the last has a negative s (RFC 9496, A.3).
        let mut prime = [0xff; 32];
        (prime[0], prime[31]) = (0xed, 0x7f);
        let mut negative = [0; 32];
        negative[0] = 1;
        for bad in [prime, [0xff; 32], negative] {
            let refused = chooser.keys(&binding(&nonces), &bad);
            assert_eq!(refused.err(), Some(PairError::MALFORMED));
            for place in [0, 255] {
                let mut message = good;
                message[32 * place..32 * place + 32].copy_from_slice(&bad);
                let refused = offerer.keys(&binding(&nonces), &message);
                assert_eq!(refused.err(), Some(PairError::MALFORMED));
            }
        }
        let identity = chooser.keys(&binding(&nonces), &[0; 32]);
        assert_eq!(identity.err(), Some(PairError::MALFORMED));
        // Whoever makes the sum the identity would know both keys of a place.
        let one: [u8; 32] = *good[32..].first_chunk().unwrap();
        let zero = -map(&CTX, 0, 0, &one);
        let mut message = good;
        message[..32].copy_from_slice(&zero.compress().0);
        let refused = offerer.keys(&binding(&nonces), &message);
        assert_eq!(refused.err(), Some(PairError::MALFORMED));
    }
}
