//! Schnorr signatures that exist because they verify.

use crate::round1::Session;
use crate::round2::Sum;
use crate::{SchnorrError, Suite, Tweak};
use quorate_codec::{Digest, Transcript, tag};
use quorate_curve::{NonIdentity, Point, Scalar};

/// A signature that was verified; nothing but this module makes one (SCH-12, N-43). Public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Signature {
    /// RFC 8032 or BIP-340.
    pub fn bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

/// Verifies a signature strictly against the key after its tweak.
///
/// # Errors
/// It does not verify; the fault of whoever supplied it, who is not known here.
pub fn verify<S: Suite>(
    key: &NonIdentity<S::Curve>,
    tweak: Tweak,
    message: &[u8],
    bytes: &[u8],
) -> Result<Signature, SchnorrError> {
    let invalid = || SchnorrError::unattributed("the signature does not verify");
    let bytes: [u8; 64] = bytes.try_into().map_err(|_| invalid())?;
    let holds = S::admits(message, tweak) && S::verifies(key, tweak, message, &bytes);
    if holds { Ok(Signature(bytes)) } else { Err(invalid()) }
}

/// The signatures of a session, all or none: the first by [`verify`], all by one equation (SCH-12).
pub(crate) fn all<S: Suite>(
    session: &Session<S>,
    run: Digest,
    sums: &[Sum<'_, S>],
) -> Option<Vec<Signature>> {
    if !hold(&session.key.point, run, sums) {
        return None;
    }
    let (first, others) = sums.split_first()?;
    let bytes = first.signing.signature(first.sum);
    let first =
        verify::<S>(&session.public_key, session.tweak, &first.signing.message, &bytes).ok()?;
    let others = others.iter().map(|sum| Signature(sum.signing.signature(sum.sum)));
    Some(std::iter::once(first).chain(others).collect())
}

/// Whether z G = R + c P of each, checked as one if there are several (CUR-07): the weights cover
/// all that the parties said, so nobody knew them.
fn hold<S: Suite>(key: &NonIdentity<S::Curve>, run: Digest, sums: &[Sum<'_, S>]) -> bool {
    if sums.len() < 2 {
        return true;
    }
    let said = sums.iter().flat_map(|it| [it.signing.encoded.clone(), it.sum.to_bytes().to_vec()]);
    let weights = Transcript::new(tag::SCHNORR_BATCH).part(run).list(said).stem();
    let (mut z, mut c) = (Scalar::zero(), Scalar::zero());
    let mut nonces = Vec::with_capacity(sums.len());
    for (place, Sum { signing, sum, .. }) in (0..).zip(sums) {
        let weight = weights.clone().number(place).digest().0;
        let weight = weight.first_chunk().copied().map_or(1, u128::from_be_bytes);
        z = z + Scalar::from_u128(weight) * *sum;
        c = c + Scalar::from_u128(weight) * signing.challenge;
        nonces.push((signing.nonce.point(), weight));
    }
    z.commit() == Point::weighted_sum(&nonces) + key.point() * c
}
