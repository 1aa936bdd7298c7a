//! Statements about requests that this node has not heard of yet: another channel was faster.

use crate::limits;
use quorate_identity::{NodeId, RequestId};
use quorate_policy::request::{VerifiedApproval, VerifiedCancellation, VerifiedNodeDecision};
use std::collections::{BTreeMap, VecDeque};

/// A statement about a request.
#[derive(Debug)]
pub(crate) enum Statement {
    Approval(VerifiedApproval),
    Cancellation(VerifiedCancellation),
    Decision(VerifiedNodeDecision),
}

impl Statement {
    /// The request that it is about.
    pub fn request(&self) -> RequestId {
        match self {
            Self::Approval(vote) => vote.body().request,
            Self::Cancellation(cancellation) => cancellation.body().request,
            Self::Decision(decision) => decision.body().request,
        }
    }
}

/// Early statements by the peer that sent them, so that nobody pushes out another's.
#[derive(Default)]
pub(super) struct Early(BTreeMap<NodeId, VecDeque<Statement>>);

impl Early {
    /// Keeps a statement; the sender's oldest one goes when it sends too many.
    pub fn push(&mut self, from: NodeId, statement: Statement) {
        let queue = self.0.entry(from).or_default();
        queue.push_back(statement);
        if queue.len() > limits::EARLY_STATEMENTS_MAX {
            queue.pop_front();
        }
    }

    /// Takes out the statements about a request, with their senders.
    pub fn take(&mut self, request: &RequestId) -> Vec<(NodeId, Statement)> {
        let mut taken = Vec::new();
        for (from, queue) in &mut self.0 {
            let (ours, rest): (VecDeque<_>, VecDeque<_>) = std::mem::take(queue)
                .into_iter()
                .partition(|statement| statement.request() == *request);
            *queue = rest;
            taken.extend(ours.into_iter().map(|statement| (*from, statement)));
        }
        self.0.retain(|_, queue| !queue.is_empty());
        taken
    }
}
