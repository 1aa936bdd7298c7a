//! Round 3: the parts are summed to signatures, and only what verifies comes out.

use super::round2::Summand;
use super::{Letters, read};
use crate::{EcdsaCurve, EcdsaError, Signature};
use quorate_codec::Digest;
use quorate_curve::{NonIdentity, Scalar};
use quorate_identity::NodeId;

/// Waits for the parts of all other parties.
pub struct ExpectParts<C: EcdsaCurve> {
    others: Vec<NodeId>,
    public_key: NonIdentity<C>,
    name: Digest,
    parts: Vec<Part<C>>,
}

/// What every party says of one digest, summed by everybody.
struct Part<C: EcdsaCurve> {
    digest: [u8; 32],
    /// The x-coordinate of R modulo the order.
    r: Scalar<C>,
    /// Of R.
    recovery_id: u8,
    u: Scalar<C>,
    w: Scalar<C>,
}

/// Makes this node's parts public: the same bytes for everybody.
pub(crate) fn say<C: EcdsaCurve>(
    others: Vec<NodeId>,
    public_key: NonIdentity<C>,
    name: Digest,
    signings: Vec<([u8; 32], Summand<C>)>,
) -> (ExpectParts<C>, Vec<u8>) {
    let mut message = name.0.to_vec();
    let mut parts = Vec::with_capacity(signings.len());
    for (digest, Summand { nonce_point, u, v, mask }) in signings {
        let (r, recovery_id) = coordinate(&nonce_point);
        let w = mask.times(Scalar::reduced(&digest)).plus(&v.times(r)).reveal();
        let u = u.reveal();
        message.extend(u.to_bytes());
        message.extend(w.to_bytes());
        parts.push(Part { digest, r, recovery_id, u, w });
    }
    (ExpectParts { others, public_key, name, parts }, message)
}

/// r and the recovery id of a nonce point.
fn coordinate<C: EcdsaCurve>(point: &NonIdentity<C>) -> (Scalar<C>, u8) {
    let bytes = point.to_bytes();
    let x = bytes.last_chunk().copied().unwrap_or_default();
    let is_odd = bytes.first() == Some(&3);
    let r = Scalar::reduced(&x);
    (r, u8::from(is_odd) | u8::from(r.to_bytes() != x) << 1)
}

impl<C: EcdsaCurve> ExpectParts<C> {
    /// From whom a message is awaited, ascending.
    pub fn awaits(&self) -> Vec<NodeId> {
        self.others.clone()
    }

    /// Sums the parts. Either all signatures come out, in order, or none.
    ///
    /// # Errors
    /// A malformed message is its sender's fault. Where the sum is no signature, the other
    /// party's; among three or more it cannot be told whose (ECD-10). The caller tries again with a
    /// fresh session; nothing is ever adjusted until it verifies (N-12).
    pub fn handle(self, messages: &Letters) -> Result<Vec<Signature>, EcdsaError> {
        let Self { others, public_key, name, mut parts } = self;
        let awaited: Vec<_> = others.iter().map(|party| (*party, name, 64 * parts.len())).collect();
        for (sender, mut reader) in read(messages, &awaited)? {
            for part in &mut parts {
                let (u, w) = (reader.scalar(), reader.scalar());
                let (u, w) = u.zip(w).ok_or_else(|| EcdsaError::malformed(sender))?;
                (part.u, part.w) = (part.u + u, part.w + w);
            }
        }
        let failed = || EcdsaError::last_check(&others, "no valid signature came out");
        let finish = |part: Part<C>| {
            let u = part.u.non_zero().ok()?;
            let s = part.w * u.invert().scalar();
            let Part { digest, r, recovery_id, .. } = part;
            Signature::assemble(&public_key, &digest, r, s, recovery_id)
        };
        parts.into_iter().map(finish).collect::<Option<_>>().ok_or_else(failed)
    }
}
