//! A node's decision as a signed statement: what other nodes count and receipts keep.

use super::VERSION;
use super::statement::StatementError;
use crate::decide::Decision;
use crate::judge::WaitingFor;
use crate::limits::REASON_BYTES_MAX;
use crate::people;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use quorate_charter::State;
use quorate_codec::{Canonical, tag};
use quorate_identity::{GenesisHash, Head, NodeId, NodePublic, NodeSignature, RequestId};

/// What a node signs about a request (REQ-11). Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct NodeDecision {
    /// Version of this form: 1.
    #[n(0)]
    version: u8,
    /// The domain.
    #[n(1)]
    pub genesis: GenesisHash,
    /// The request.
    #[n(2)]
    pub request: RequestId,
    /// What the node decided.
    #[n(3)]
    pub outcome: NodeOutcome,
    /// The rule that decided.
    #[n(4)]
    pub rule: String,
    /// Why, in words.
    #[n(5)]
    pub reason: String,
    /// The head it judged at.
    #[n(6)]
    pub head: Head,
    /// Whom it waits for.
    #[n(7)]
    pub waiting_for: Vec<WaitingFor>,
}

/// Allow, deny or wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum NodeOutcome {
    /// It may be signed.
    #[n(0)]
    Allow,
    /// It must not be signed.
    #[n(1)]
    Deny,
    /// Approvals are missing.
    #[n(2)]
    Wait,
}

impl NodeDecision {
    /// The statement of a decision.
    pub fn new(genesis: GenesisHash, request: RequestId, head: Head, decision: &Decision) -> Self {
        let (outcome, waiting_for) = match decision {
            Decision::Allow { .. } => (NodeOutcome::Allow, Vec::new()),
            Decision::Wait { waiting_for, .. } => (NodeOutcome::Wait, waiting_for.clone()),
            Decision::Deny { .. } => (NodeOutcome::Deny, Vec::new()),
        };
        let rule = decision.rule().to_owned();
        let reason = cut(decision.reason());
        Self { version: VERSION, genesis, request, outcome, rule, reason, head, waiting_for }
    }

    /// Whether the node would sign, at its head.
    pub fn is_allowance(&self) -> bool {
        self.outcome == NodeOutcome::Allow
    }

    /// Whether the node refuses.
    pub fn is_denial(&self) -> bool {
        self.outcome == NodeOutcome::Deny
    }
}

/// At most so many bytes, whole characters.
fn cut(reason: &str) -> String {
    let fits = |at: &usize| *at <= REASON_BYTES_MAX;
    let ends = reason.char_indices().map(|(at, letter)| at + letter.len_utf8());
    let end = ends.take_while(fits).last().unwrap_or(0);
    reason.get(..end).unwrap_or_default().to_owned()
}

impl Canonical for NodeDecision {
    const BYTES_MAX: usize = 64 << 10;
}

/// A decision as it came: its exact bytes, who claims it, and a signature.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedNodeDecision {
    /// Version of this form: 1.
    #[n(0)]
    version: u8,
    /// Who decided.
    #[n(1)]
    node: NodeId,
    /// The signed bytes.
    #[n(2)]
    bytes: ByteVec,
    /// The node's signature.
    #[n(3)]
    signature: NodeSignature,
}

impl SignedNodeDecision {
    /// Signs a decision with the node's statement key, under the tag `DECISION`.
    pub fn sign(
        decision: &NodeDecision,
        node: NodeId,
        sign: impl FnOnce(&[u8]) -> NodeSignature,
    ) -> Self {
        let bytes = quorate_codec::to_bytes(decision);
        let signature = sign(&bytes);
        Self { version: VERSION, node, bytes: bytes.into(), signature }
    }

    /// Who claims it.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Verifies the decision as one of a node of this charter.
    ///
    /// # Errors
    /// [`StatementError`]; the fault of whoever sent it.
    pub fn verify(self, state: &State) -> Result<VerifiedNodeDecision, StatementError> {
        let keys = people::node(state, &self.node).ok_or(StatementError::UnknownNode(self.node))?;
        self.verify_with(state.genesis(), keys)
    }

    /// Verifies a decision of the past: under any key that the node ever had. Not for what peers say.
    ///
    /// # Errors
    /// [`StatementError`]; the fault of whoever sent it.
    pub fn verify_of_then(self, state: &State) -> Result<VerifiedNodeDecision, StatementError> {
        let (node, genesis) = (self.node, state.genesis());
        let mut keys = state.keys_ever(&node).into_iter();
        let fits = |keys: &NodePublic| self.clone().verify_with(genesis, keys).ok();
        keys.find_map(|keys| fits(&keys)).ok_or(StatementError::NodeSignature(node))
    }

    /// Verifies the decision under the node's known keys.
    ///
    /// # Errors
    /// [`StatementError`]; the fault of whoever sent it.
    pub fn verify_with(
        self,
        genesis: GenesisHash,
        keys: &NodePublic,
    ) -> Result<VerifiedNodeDecision, StatementError> {
        let body: NodeDecision = quorate_codec::from_bytes(&self.bytes)?;
        for version in [self.version, body.version] {
            if version != VERSION {
                return Err(StatementError::Version(version));
            }
        }
        if body.genesis != genesis {
            return Err(StatementError::ForeignDomain(body.genesis));
        }
        let verified = keys.verify(tag::DECISION, &self.bytes, &self.signature);
        verified.map_err(|_| StatementError::NodeSignature(self.node))?;
        Ok(VerifiedNodeDecision { body, signed: self })
    }
}

impl std::fmt::Debug for SignedNodeDecision {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "SignedNodeDecision({})", self.node)
    }
}

impl Canonical for SignedNodeDecision {
    const BYTES_MAX: usize = NodeDecision::BYTES_MAX + 128;
}

/// A decision whose signature was verified, or the node's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedNodeDecision {
    body: NodeDecision,
    signed: SignedNodeDecision,
}

impl VerifiedNodeDecision {
    /// The node's own decision, which it has just signed.
    pub fn own(body: NodeDecision, signed: SignedNodeDecision) -> Self {
        Self { body, signed }
    }

    /// What it says.
    pub fn body(&self) -> &NodeDecision {
        &self.body
    }

    /// Who decided.
    pub fn node(&self) -> NodeId {
        self.signed.node
    }

    /// The decision as it came, to keep and pass on.
    pub fn signed(&self) -> &SignedNodeDecision {
        &self.signed
    }
}
