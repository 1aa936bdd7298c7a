//! A run whose messages alone show who deviated: everybody who has all of them sees the same
//! (DEAL-24, DEAL-25).

use super::{Place, Signatures, Signed, Unproven};
use crate::Terms;
use crate::deal::round1::Message1;
use crate::deal::round2::{Message2, look_through};
use minicbor::{Decode, Encode};
use quorate_access::limits::PARTIES_MAX;
use quorate_codec::{Canonical, Digest, Transcript, tag};
use quorate_curve::Curve;
use quorate_identity::NodeId;
use std::collections::{BTreeMap, BTreeSet};

/// All signed messages of a run, or of its first round. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Misdealing {
    /// 1.
    #[n(0)]
    version: u8,
    /// The first message of every participant, ascending.
    #[n(1)]
    firsts: Vec<(NodeId, Signed)>,
    /// The second message of every participant, ascending; none where the first ones show it.
    #[n(2)]
    seconds: Vec<(NodeId, Signed)>,
}

impl Canonical for Misdealing {
    const BYTES_MAX: usize = 64 + PARTIES_MAX * (400 + Message1::BYTES_MAX + Message2::BYTES_MAX);
}

impl Misdealing {
    const VERSION: u8 = 1;

    /// From the signed messages of both rounds; the second ones may be missing.
    pub fn new(firsts: BTreeMap<NodeId, Signed>, seconds: BTreeMap<NodeId, Signed>) -> Self {
        let (firsts, seconds) = (firsts.into_iter().collect(), seconds.into_iter().collect());
        Self { version: Self::VERSION, firsts, seconds }
    }

    /// Who is guilty in the run with these terms, ascending and somebody. Depends on nothing but
    /// the arguments; who is honest is never among them, because the messages are looked through
    /// as every participant does, and only once all echoes agree about the first ones (DEAL-25).
    ///
    /// Cost: what a participant computes to verify the run.
    ///
    /// # Errors
    /// [`Unproven`]: nothing is proven about anybody.
    pub fn judge<C: Curve>(
        &self,
        terms: &Terms<C>,
        signatures: &impl Signatures,
    ) -> Result<Vec<NodeId>, Unproven> {
        if self.version != Self::VERSION {
            return Err(Unproven::Version);
        }
        if terms.check().is_err() {
            return Err(Unproven::Roles);
        }
        let participants = terms.participants();
        let firsts = signed(&participants, &self.firsts, Place::Message1, signatures)?;
        let seconds = match self.seconds.is_empty() {
            true => None,
            false => Some(signed(&participants, &self.seconds, Place::Message2, signatures)?),
        };
        let weights = self.weights(&terms.digest(), terms.source.count());
        match look_through(terms, firsts, seconds.as_ref(), &weights) {
            Err(error) if !error.culprits.is_empty() => Ok(error.culprits),
            Ok(()) | Err(_) => Err(Unproven::Nobody),
        }
    }

    /// Weights that follow from all messages, so that everybody has the same; the first is one.
    fn weights(&self, terms: &Digest, count: usize) -> Vec<u128> {
        let start = Transcript::new(tag::DEAL_JUDGE_WEIGHTS).part("statement").part(terms);
        let messages = self.firsts.iter().chain(&self.seconds);
        let statement = messages
            .fold(start, |transcript, (from, signed)| {
                transcript.part(from).part(signed.bytes.as_slice())
            })
            .digest();
        let weight = |at: usize| {
            let start = Transcript::new(tag::DEAL_JUDGE_WEIGHTS).part("weight").part(statement);
            let Digest(bytes) = start.number(at as u64).digest();
            bytes.iter().take(16).fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte))
        };
        (0..count).map(|at| if at == 0 { 1 } else { weight(at) }).collect()
    }
}

/// One signed message of every participant for a place, in their order.
fn signed(
    participants: &BTreeSet<NodeId>,
    messages: &[(NodeId, Signed)],
    place: Place,
    signatures: &impl Signatures,
) -> Result<BTreeMap<NodeId, Vec<u8>>, Unproven> {
    if !messages.iter().map(|(from, _)| from).eq(participants) {
        return Err(Unproven::Firsts);
    }
    if !messages.iter().all(|(from, signed)| signatures.hold(from, place, signed)) {
        return Err(Unproven::Signature);
    }
    Ok(messages.iter().map(|(from, signed)| (*from, signed.bytes.to_vec())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;
    use minicbor::bytes::ByteVec;
    use quorate_curve::Ed25519;

    fn node(number: u8) -> NodeId {
        NodeId(Digest([number; 32]))
    }

    fn terms(receivers: &[u8]) -> Terms<Ed25519> {
        let tree: quorate_access::Tree<u8> = "2 of (1, 2, 3)".parse().unwrap();
        Terms {
            ctx0: Digest([9; 32]),
            tree: tree.map(|party| node(*party)),
            receivers: receivers.iter().map(|party| node(*party)).collect(),
            source: Source::Fresh { count: 1 },
        }
    }

    /// First messages that are none, of these participants, and whether their signatures hold.
    fn judged(
        of: &[u8],
        version: u8,
        receivers: &[u8],
        hold: bool,
    ) -> Result<Vec<NodeId>, Unproven> {
        let bytes = |byte| ByteVec::from(vec![byte]);
        let garbage = || Signed { bytes: bytes(0), signature: bytes(1) };
        let firsts = of.iter().map(|participant| (node(*participant), garbage())).collect();
        let misdealing = Misdealing { version, ..Misdealing::new(firsts, BTreeMap::new()) };
        misdealing.judge(&terms(receivers), &|_: &NodeId, _: Place, _: &Signed| hold)
    }

    /// DEAL-25: what is no message convicts whoever signed it, and only in a run that could be, told
    /// whole, in a version that is known, with signatures that hold.
    #[test]
    fn nothing_is_proven_of_a_run_that_cannot_be() {
        let all = [1, 2, 3];
        assert_eq!(judged(&all, 1, &all, true), Ok(all.map(node).to_vec()));
        assert_eq!(judged(&all, 2, &all, true), Err(Unproven::Version));
        assert_eq!(judged(&all, 1, &[1, 2], true), Err(Unproven::Roles));
        assert_eq!(judged(&[1, 2], 1, &all, true), Err(Unproven::Firsts));
        assert_eq!(judged(&all, 1, &all, false), Err(Unproven::Signature));
    }
}
