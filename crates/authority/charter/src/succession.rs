//! A domain that succeeds another one, whose nodes are lost (`spec/succession.md`).

use crate::genesis::{Genesis, GenesisError};
use crate::limits::{NODES_MAX, REASON_BYTES_MAX};
use crate::line::is_line;
use crate::seat::SignedSeatClaim;
use crate::{Role, StatementError};
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, Digest};
use quorate_identity::{GenesisHash, Head, Name, NodeId};
use std::collections::BTreeSet;

/// What a genesis says of the domain that it succeeds. The founders sign all of it; custodians of that
/// domain open what restores its keys for the nodes named here, and for nobody else (SUC-02). Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Succession {
    /// The domain before.
    #[n(0)]
    pub predecessor: GenesisHash,
    /// The last head of it that is known.
    #[n(1)]
    pub head: Head,
    /// The hash at the end of the one backup file from which everybody restores (REC-22).
    #[n(2)]
    pub backup: Digest,
    /// Why, in the founders' words.
    #[n(3)]
    pub reason: String,
    /// The founding signers among which the predecessor's keys are given out, each in its place: the
    /// founders say which.
    #[n(4)]
    pub claims: Vec<SignedSeatClaim>,
    /// Keys of the predecessor that are given up, ascending: nothing of them is opened.
    #[n(5)]
    pub omitted: Vec<Name>,
}

impl Succession {
    /// The signers among which what custodians open is given out, in their places.
    pub fn heirs(&self) -> Vec<NodeId> {
        self.claims.iter().map(|claim| claim.body().node).collect()
    }

    /// The claim of a signer.
    pub fn claim_of(&self, node: &NodeId) -> Option<&SignedSeatClaim> {
        self.claims.iter().find(|claim| claim.body().node == *node)
    }

    /// Checks it within its genesis: more founding signers than may lie, at least two, each with a
    /// claim under its own keys to the domain before, and a one-time key that nobody else has
    /// (SUC-01).
    pub(crate) fn check(&self, genesis: &Genesis) -> Result<(), GenesisError> {
        let wrong = |what| Err(GenesisError::Succession(what));
        let fewest = usize::from(genesis.faults).saturating_add(1).max(2);
        if !(fewest..=NODES_MAX).contains(&self.claims.len()) {
            return wrong(
                "what is restored is given out among two signers or more, and more than may lie",
            );
        }
        if self.reason.is_empty() || !is_line(&self.reason, REASON_BYTES_MAX) {
            return wrong("its reason is one line of plain letters, at most 200");
        }
        if !self.omitted.is_sorted_by(|left, right| left < right) {
            return wrong("the keys that are given up do not ascend by name");
        }
        let (mut arrivals, mut heirs) = (BTreeSet::new(), BTreeSet::new());
        for signed in &self.claims {
            let claim = signed.body();
            if !heirs.insert(claim.node) {
                return wrong("a node claims twice");
            }
            let node = genesis.nodes.iter().find(|node| node.id() == claim.node);
            let Some(node) = node.filter(|node| node.body().role == Role::Signer) else {
                return wrong("a claim is of no founding signer");
            };
            let name = || node.body().name.clone();
            let refused = |error: StatementError| GenesisError::Claim { name: name(), error };
            signed.verify_own().map_err(refused)?;
            if claim.genesis != self.predecessor {
                return Err(refused(StatementError::ForeignDomain(claim.genesis)));
            }
            if claim.keys != node.body().keys {
                return wrong("a claim has other keys than its node");
            }
            if !claim.is_well_formed() {
                return wrong("what a claim asks of custodians cannot be read");
            }
            if !arrivals.insert(&claim.arrival) {
                return wrong("two claims have one one-time key");
            }
        }
        Ok(())
    }
}

impl Canonical for Succession {
    const BYTES_MAX: usize = crate::limits::GENESIS_BYTES_MAX;
}
