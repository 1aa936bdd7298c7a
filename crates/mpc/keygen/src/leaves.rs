//! Proofs that a member knows each of its final leaf shares.

use crate::proof::{Proof, Statement};
use crate::{DealError, DealFault};
use minicbor::{Decode, Encode};
use quorate_access::limits::LEAVES_MAX;
use quorate_access::{Row, Tree};
use quorate_codec::{Canonical, Digest, from_bytes, tag, to_bytes};
use quorate_curve::Curve;
use quorate_identity::NodeId;
use quorate_sharing::{Commitments, LeafShares};
use rand_core::CryptoRngCore;

/// One proof for each leaf of a member, in the order of the leaves.
#[derive(Debug, Encode, Decode)]
struct LeafProofs {
    #[n(0)]
    version: u8,
    #[n(1)]
    proofs: Vec<Proof>,
}

impl Canonical for LeafProofs {
    const BYTES_MAX: usize = 8 + LEAVES_MAX * Proof::ENCODED_BYTES;
}

/// Checks that `node` knows all its shares of the sharing that `transcript` produced: exactly
/// one proof for each of its leaves (DKG-15).
///
/// # Errors
/// [`DealFault::LeafProofs`], accusing `node`; [`DealFault::NotMember`] if it has no leaf.
pub fn verify_leaf_proofs<C: Curve>(
    transcript: &Digest,
    tree: &Tree<NodeId>,
    commitments: &Commitments<C>,
    node: NodeId,
    bytes: &[u8],
) -> Result<(), DealError> {
    let rows = own(tree, &node);
    if rows.is_empty() {
        return Err(DealError::nobody(DealFault::NotMember));
    }
    let proven = from_bytes::<LeafProofs>(bytes).is_ok_and(|message| {
        message.version == 1
            && message.proofs.len() == rows.len()
            && rows.iter().zip(&message.proofs).all(|(row, proof)| {
                let statement = statement(transcript, commitments, row);
                statement.is_some_and(|statement| proof.verifies(&statement))
            })
    });
    if proven { Ok(()) } else { Err(DealError::of(vec![node], DealFault::LeafProofs)) }
}

/// Proves knowledge of all shares of `node`; `None` if some are missing.
pub(crate) fn prove<C: Curve>(
    transcript: &Digest,
    tree: &Tree<NodeId>,
    commitments: &Commitments<C>,
    node: &NodeId,
    shares: &LeafShares<C>,
    rng: &mut impl CryptoRngCore,
) -> Option<Vec<u8>> {
    let mut proofs = Vec::new();
    for row in own(tree, node) {
        let statement = statement(transcript, commitments, &row)?;
        proofs.push(Proof::prove(&statement, shares.get(row.leaf)?, rng));
    }
    Some(to_bytes(&LeafProofs { version: 1, proofs }))
}

fn own<'a>(tree: &'a Tree<NodeId>, node: &NodeId) -> Vec<Row<'a, NodeId>> {
    tree.rows().into_iter().filter(|row| row.party == node).collect()
}

fn statement<'a, C: Curve>(
    transcript: &Digest,
    commitments: &'a Commitments<C>,
    row: &Row<'_, NodeId>,
) -> Option<Statement<'a, C>> {
    Some(Statement {
        purpose: tag::DEAL_LEAF_POK,
        run: *transcript,
        prover: *row.party,
        slot: row.leaf.0.into(),
        sharing: commitments,
        public: commitments.leaf(row).non_identity().ok()?,
    })
}
