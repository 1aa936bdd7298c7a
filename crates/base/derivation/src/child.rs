//! One step, and many.

use crate::Path;
use hmac::{Hmac, Mac};
use quorate_codec::{Transcript, tag};
use quorate_curve::{Curve, Ed25519, NonIdentity, P256, Scalar, Secp256k1};
use quorate_identity::Scheme;
use sha2::Sha512;
use std::iter;

/// A curve whose keys have children. Sealed by what it rests on.
pub trait Family: Curve {
    /// The name of the scheme, shown wherever a child key is.
    const SCHEME: &'static str;

    /// The child one step below, with the tweak of this step (DER-03, DER-06, DER-10). `None` where
    /// the step has none.
    fn step(parent: &NonIdentity<Self>, chain_code: &[u8; 32], index: u32) -> Option<Child<Self>>;
}

/// A child key. Public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Child<C: Curve> {
    /// Q' = Q + δ G, with its real parity (DER-05).
    pub key: NonIdentity<C>,
    /// Its own chain code, to go on from.
    pub chain_code: [u8; 32],
    /// δ, the sum of the tweaks of all steps modulo the order (DER-04).
    pub tweak: Scalar<C>,
}

impl<C: Curve> Child<C> {
    /// The parent plus the tweak; `None` where that is no key.
    fn of(parent: &NonIdentity<C>, tweak: Scalar<C>, chain_code: [u8; 32]) -> Option<Self> {
        let key = (parent.point() + tweak.commit()).non_identity().ok()?;
        Some(Self { key, chain_code, tweak })
    }

    /// The same with a tweak of 32 bytes; `None` also where they are at or above the order.
    fn of_bytes(parent: &NonIdentity<C>, (tweak, chain_code): Halves) -> Option<Self> {
        Self::of(parent, Scalar::from_bytes(&tweak).ok()?, chain_code)
    }
}

/// A child key of a key whose curve is known at run time only. Public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derived {
    /// The point in its one encoding: 33 bytes compressed SEC 1, or 32 bytes RFC 8032.
    pub point: Vec<u8>,
    /// The public key as its scheme writes it: the point, for BIP-340 its x-coordinate.
    pub public_key: Vec<u8>,
    /// Its own chain code.
    pub chain_code: [u8; 32],
}

/// Why a path leads to no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeriveError {
    /// The key to derive from is no point of its curve; the fault of whoever supplied it.
    #[error("the key to derive from is not a valid point of its scheme")]
    Point,
    /// By a chance of 2^-127 an index has no key, as BIP-32 has it.
    #[error("there is no key at step {step} of the path; use the next index")]
    NoKey {
        /// Which step, from 1.
        step: usize,
    },
}

impl Family for Secp256k1 {
    const SCHEME: &'static str = "bip32";

    /// I = HMAC-SHA512(c, ser_P(K) ‖ ser_32(i)); I_L at or above the order has no key (DER-03).
    fn step(parent: &NonIdentity<Self>, chain_code: &[u8; 32], index: u32) -> Option<Child<Self>> {
        let made = hashed(chain_code, &[&parent.to_bytes(), &index.to_be_bytes()])?;
        Child::of_bytes(parent, made)
    }
}

impl Family for P256 {
    const SCHEME: &'static str = "slip10";

    /// As BIP-32, but what has no key is hashed once more, with I_R, until it has one (DER-10).
    fn step(parent: &NonIdentity<Self>, chain_code: &[u8; 32], index: u32) -> Option<Child<Self>> {
        let index = index.to_be_bytes();
        let first = hashed(chain_code, &[&parent.to_bytes(), &index]);
        let again = |(_, right): &Halves| hashed(chain_code, &[&[1], right, &index]);
        iter::successors(first, again).find_map(|made| Child::of_bytes(parent, made))
    }
}

/// I_L and I_R.
type Halves = ([u8; 32], [u8; 32]);

fn hashed(chain_code: &[u8; 32], parts: &[&[u8]]) -> Option<Halves> {
    let mut mac = Hmac::<Sha512>::new_from_slice(chain_code).ok()?;
    parts.iter().for_each(|part| mac.update(part));
    let bytes: [u8; 64] = mac.finalize().into_bytes().into();
    Some((*bytes.first_chunk()?, *bytes.last_chunk()?))
}

impl Family for Ed25519 {
    const SCHEME: &'static str = "quorate-additive-ed25519/v1";

    /// The tweak is a wide hash modulo the order, the chain code a hash, both under a tag of
    /// their own (DER-06).
    fn step(parent: &NonIdentity<Self>, chain_code: &[u8; 32], index: u32) -> Option<Child<Self>> {
        let hash = |what: &str| {
            Transcript::new(tag::DERIVE_ED25519)
                .part(what)
                .part(chain_code)
                .part(parent.to_bytes())
                .number(index.into())
        };
        let tweak = Scalar::from_wide(&hash("tweak").wide());
        Child::of(parent, tweak, hash("chain code").digest().0)
    }
}

/// The child of `parent` at `path`, and δ (DER-04).
///
/// # Errors
/// [`DeriveError::NoKey`]. Cost: one multiplication of the generator a step.
pub fn derive<C: Family>(
    parent: &NonIdentity<C>,
    chain_code: &[u8; 32],
    path: &Path,
) -> Result<Child<C>, DeriveError> {
    let start = Child { key: *parent, chain_code: *chain_code, tweak: Scalar::zero() };
    (1..).zip(path.steps()).try_fold(start, |child, (step, index)| {
        let next = C::step(&child.key, &child.chain_code, *index);
        let next = next.ok_or(DeriveError::NoKey { step })?;
        Ok(Child { tweak: child.tweak + next.tweak, ..next })
    })
}

/// The same for an encoded point of a scheme's curve: for a BIP-340 key the compressed point with
/// its real parity, as the commitments of its record have it, not the x-coordinate (DER-05).
///
/// # Errors
/// [`DeriveError`].
pub fn derive_encoded(
    scheme: Scheme,
    point: &[u8],
    chain_code: &[u8; 32],
    path: &Path,
) -> Result<Derived, DeriveError> {
    match scheme {
        Scheme::EcdsaSecp256k1 => encoded::<Secp256k1>(point, chain_code, path),
        Scheme::Ed25519 => encoded::<Ed25519>(point, chain_code, path),
        Scheme::EcdsaP256 => encoded::<P256>(point, chain_code, path),
        Scheme::Bip340 => {
            let derived = encoded::<Secp256k1>(point, chain_code, path)?;
            let public_key = derived.point.iter().skip(1).copied().collect();
            Ok(Derived { public_key, ..derived })
        }
    }
}

fn encoded<C: Family>(
    point: &[u8],
    chain_code: &[u8; 32],
    path: &Path,
) -> Result<Derived, DeriveError> {
    let parent = NonIdentity::<C>::from_bytes(point).map_err(|_| DeriveError::Point)?;
    let child = derive(&parent, chain_code, path)?;
    let point = child.key.to_bytes();
    Ok(Derived { public_key: point.clone(), point, chain_code: child.chain_code })
}

/// How keys of a scheme derive: what a person is told beside a child key.
pub fn scheme_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::EcdsaSecp256k1 | Scheme::Bip340 => Secp256k1::SCHEME,
        Scheme::Ed25519 => Ed25519::SCHEME,
        Scheme::EcdsaP256 => P256::SCHEME,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn steps() -> impl Strategy<Value = Vec<u32>> {
        prop::collection::vec(0..crate::HARDENED, 0..=crate::STEPS_MAX)
    }

    /// DER-04: one path or two in a row, and always Q' = Q + δ G.
    fn composes<C: Family>(secret: u64, code: [u8; 32], steps: &[u32], cut: usize) {
        let parent: NonIdentity<C> = Scalar::<C>::from_u64(secret).commit().non_identity().unwrap();
        let path = |steps: &[u32]| Path::new(steps.to_vec()).unwrap();
        let whole = derive(&parent, &code, &path(steps)).unwrap();
        assert_eq!(whole.key.point(), parent.point() + whole.tweak.commit());
        let (upper, lower) = steps.split_at(cut.min(steps.len()));
        let upper = derive(&parent, &code, &path(upper)).unwrap();
        let lower = derive(&upper.key, &upper.chain_code, &path(lower)).unwrap();
        assert_eq!((lower.key, lower.chain_code), (whole.key, whole.chain_code));
        assert_eq!(upper.tweak + lower.tweak, whole.tweak);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn der_04_tweaks_add_up_along_a_path(
            secret in 1..u64::MAX, code: [u8; 32], steps in steps(), cut in 0..9_usize,
        ) {
            composes::<Secp256k1>(secret, code, &steps, cut);
            composes::<Ed25519>(secret, code, &steps, cut);
            composes::<P256>(secret, code, &steps, cut);
        }
    }

    #[test]
    fn neg_065_the_x_coordinate_alone_is_not_enough_to_derive_from() {
        let odd: NonIdentity<Secp256k1> = (1..)
            .map(|secret| Scalar::from_u64(secret).commit().non_identity().unwrap())
            .find(|point: &NonIdentity<Secp256k1>| point.to_bytes()[0] == 3)
            .unwrap();
        let (path, code) = ("m/0".parse().unwrap(), [7; 32]);
        let mut lifted = odd.to_bytes();
        lifted[0] = 2;
        let real = derive_encoded(Scheme::Bip340, &odd.to_bytes(), &code, &path).unwrap();
        let even = derive_encoded(Scheme::Bip340, &lifted, &code, &path).unwrap();
        assert_ne!(real.public_key, even.public_key);
        assert_eq!(real.public_key, real.point[1..]);
        let x = &odd.to_bytes()[1..];
        assert_eq!(derive_encoded(Scheme::Bip340, x, &code, &path), Err(DeriveError::Point));
    }

    #[test]
    fn der_06_the_scheme_of_ed25519_is_not_mistaken_for_another() {
        assert_eq!(scheme_name(Scheme::Ed25519), "quorate-additive-ed25519/v1");
        let parent = Scalar::<Ed25519>::one().commit().non_identity().unwrap();
        let child = Ed25519::step(&parent, &[0; 32], 5).unwrap();
        let (left, right) = hashed(&[0; 32], &[&parent.to_bytes(), &5_u32.to_be_bytes()]).unwrap();
        let wide = [left, right].concat().try_into().unwrap();
        assert_ne!(child.tweak, Scalar::from_wide(&wide));
        assert_ne!(child.chain_code, right);
    }
}
