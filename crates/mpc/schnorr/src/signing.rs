//! One message of a session, once the commitments of all parties are here (RFC 9591, sections 4.3
//! to 4.6). Public values.

use crate::suite::SigningKey;
use crate::{SchnorrError, Suite};
use quorate_curve::{Curve, NonIdentity, Point, Scalar};
use quorate_identity::NodeId;
use std::collections::BTreeMap;

/// A party's commitments to its two nonces for one message: D_i and E_i.
#[derive(Clone)]
pub(crate) struct Commitments<C: Curve> {
    pub hiding: NonIdentity<C>,
    binding: NonIdentity<C>,
    /// Both, as they were sent.
    encoded: Vec<u8>,
}

impl<C: Curve> Commitments<C> {
    /// Bytes of both.
    pub const BYTES: usize = 2 * C::POINT_BYTES;

    /// All of one sender, from pairs of points and how they were sent.
    pub fn all<'b>(
        points: &[NonIdentity<C>],
        encoded: impl IntoIterator<Item = &'b [u8]>,
    ) -> Vec<Self> {
        let (pairs, _) = points.as_chunks::<2>();
        let both = |([hiding, binding], encoded): (&[_; 2], &[u8])| Self {
            hiding: *hiding,
            binding: *binding,
            encoded: encoded.to_vec(),
        };
        pairs.iter().zip(encoded).map(both).collect()
    }

    /// D_i + ρ_i E_i.
    fn bound(&self, factor: Scalar<C>) -> Point<C> {
        self.hiding.point() + self.binding.point() * factor
    }
}

/// A party by its number, and its commitments.
type Numbered<C> = (u64, (NodeId, Commitments<C>));

/// A party as the message has it.
struct Signer<C: Curve> {
    commitments: Commitments<C>,
    /// ρ_i.
    factor: Scalar<C>,
}

/// What everybody computes alike for one message.
pub(crate) struct Signing<S: Suite> {
    pub message: Vec<u8>,
    signers: BTreeMap<NodeId, Signer<S::Curve>>,
    /// R as verifiers mean it, and the bytes by which a signature names it.
    pub nonce: NonIdentity<S::Curve>,
    pub encoded: Vec<u8>,
    /// Whether that is the negative of the sum of all D_i + ρ_i E_i.
    pub is_negated: bool,
    /// c.
    pub challenge: Scalar<S::Curve>,
}

impl<S: Suite> Signing<S> {
    /// Computes binding factors, R and challenge of a message; the parties are numbered from 1
    /// (SCH-01).
    ///
    /// # Errors
    /// The commitments add up to the identity: by a chance of 2^-250, whatever anybody sends.
    pub fn new(
        key: &SigningKey<S::Curve>,
        message: Vec<u8>,
        commitments: BTreeMap<NodeId, Commitments<S::Curve>>,
    ) -> Result<Self, SchnorrError> {
        Self::numbered(key, message, (1..).zip(commitments).collect())
    }

    /// The same of parties with these numbers.
    pub fn numbered(
        key: &SigningKey<S::Curve>,
        message: Vec<u8>,
        parties: Vec<Numbered<S::Curve>>,
    ) -> Result<Self, SchnorrError> {
        let key = key.point.to_bytes();
        let list: Vec<_> = parties.iter().map(|(number, (_, it))| (*number, it)).collect();
        let factors = binding_factors::<S>(&key, &message, &list);
        let signers = parties.into_iter().zip(factors);
        let signers: BTreeMap<NodeId, Signer<S::Curve>> = signers
            .map(|((_, (party, commitments)), factor)| (party, Signer { commitments, factor }))
            .collect();
        let hiding: Point<S::Curve> =
            signers.values().map(|signer| signer.commitments.hiding.point()).sum();
        let terms = signers.values().map(|it| (it.factor, it.commitments.binding.point()));
        let sum = hiding + Point::linear_combination(&terms.collect::<Vec<_>>());
        let identity = |_| SchnorrError::unattributed("the nonces add up to nothing");
        let mut nonce = sum.non_identity().map_err(identity)?;
        let encoded = nonce.to_bytes();
        let is_negated = S::is_negated(&encoded);
        if is_negated {
            nonce = (-sum).non_identity().map_err(identity)?;
        }
        let challenge = S::challenge(&encoded, &key, &message);
        Ok(Self { message, signers, nonce, encoded, is_negated, challenge })
    }

    /// ρ_i.
    pub fn factor(&self, party: &NodeId) -> Option<Scalar<S::Curve>> {
        self.signers.get(party).map(|signer| signer.factor)
    }

    /// Whether z_i G = ±(D_i + ρ_i E_i) + c X_i G (section 5.4), for a public share of the key that
    /// signs.
    pub fn holds(
        &self,
        party: &NodeId,
        public_share: Point<S::Curve>,
        share: Scalar<S::Curve>,
    ) -> bool {
        self.signers.get(party).is_some_and(|signer| {
            let bound = signer.commitments.bound(signer.factor);
            let bound = if self.is_negated { -bound } else { bound };
            share.commit() == bound + public_share * self.challenge
        })
    }

    /// The signature with this sum of shares.
    pub fn signature(&self, sum: Scalar<S::Curve>) -> [u8; 64] {
        let mut bytes = [0; 64];
        // Verifiers take R by its last 32 bytes: all of them, or its x-coordinate.
        let nonce = self.encoded.last_chunk::<32>().into_iter().flatten();
        for (to, from) in bytes.iter_mut().zip(nonce.chain(&sum.to_bytes())) {
            *to = *from;
        }
        bytes
    }
}

/// Everybody's ρ_i: it covers key, message and the list of all commitments (section 4.4; SCH-07).
fn binding_factors<S: Suite>(
    key: &[u8],
    message: &[u8],
    commitments: &[(u64, &Commitments<S::Curve>)],
) -> Vec<Scalar<S::Curve>> {
    let numbers = commitments.iter().map(|(number, _)| Scalar::<S::Curve>::from_u64(*number));
    let numbers: Vec<[u8; 32]> = numbers.map(Scalar::to_bytes).collect();
    let list: Vec<&[u8]> = (numbers.iter().zip(commitments))
        .flat_map(|(number, (_, commitments))| [number.as_slice(), &commitments.encoded])
        .collect();
    let message = S::condensed("msg", &[message]);
    let list = S::condensed("com", &list);
    let factor = |number: &[u8; 32]| S::binding_factor(&[key, &message, &list, number]);
    numbers.iter().map(factor).collect()
}
