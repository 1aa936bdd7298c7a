//! 1. No signature without an allowed decision at every node of the quorum, on the same request,
//!    under the same charter head.

use super::signature;
use quorate_identity::{Head, NodeId, RequestId};
use quorate_machine::wire::Outcome;
use quorate_policy::request::VerifiedNodeDecision;
use std::collections::BTreeSet;

/// Who allowed what at which head.
#[derive(Debug, Default)]
pub struct Decisions(BTreeSet<(NodeId, RequestId, Head)>);

impl Decisions {
    /// A node's decision left it, or was passed on.
    pub fn decided(&mut self, decision: &VerifiedNodeDecision) {
        let body = decision.body();
        if body.is_allowance() {
            self.0.insert((decision.node(), body.request, body.head));
        }
    }

    /// A finished signature left a node.
    pub fn signed(
        &self,
        liars: &BTreeSet<NodeId>,
        request: RequestId,
        outcome: &Outcome,
    ) -> Option<String> {
        let honest = outcome.quorum.iter().filter(|node| !liars.contains(node));
        let silent: Vec<&NodeId> =
            honest.filter(|node| !self.0.contains(&(**node, request, outcome.head))).collect();
        (!silent.is_empty())
            .then(|| format!("{} without {silent:?}", signature(request, outcome.head)))
    }
}
