//! The receipt of a signed request: everything that shows that it was allowed.

use super::unknown_request;
use crate::node::Node;
use crate::requests::{RequestBook, Stage};
use crate::wire::{Outcome, SignatureBytes};
use quorate_charter::{AttemptPlan, CertifiedEntry, Decided};
use quorate_client::contract::{ErrorBody, ErrorCode, ReceiptAnswer};
use quorate_identity::{Head, NodeId, RequestId};
use quorate_policy::request::{SignedNodeDecision, Verdict};
use quorate_receipt::{Receipt, ReceiptSignature};
use std::collections::BTreeSet;

impl Node {
    /// The receipt of a signed request.
    pub(crate) fn view_receipt(&self, id: &RequestId) -> Result<ReceiptAnswer, ErrorBody> {
        let book = self.requests.book(id).ok_or_else(unknown_request)?;
        let outcome = book.outcome.as_ref().filter(|_| book.stage == Stage::Signed);
        let outcome = outcome.ok_or_else(|| {
            let message = "there is no receipt: the request is not signed";
            ErrorBody::new(ErrorCode::NotSigned, message, "wait until it is signed")
        })?;
        let receipt = self.receipt(book, outcome).ok_or_else(|| {
            let message = "this node has not heard every statement that the receipt needs";
            ErrorBody::new(ErrorCode::NotServing, message, "ask another node, or try again later")
        })?;
        Ok(ReceiptAnswer { receipt: receipt.to_bytes().into() })
    }

    fn receipt(&self, book: &RequestBook, outcome: &Outcome) -> Option<Receipt> {
        let (epoch, decisions) = self.epoch_that_allowed(book, outcome)?;
        let approvals =
            book.approvals.iter().filter(|vote| vote.body().verdict == Verdict::Approve);
        let signature = |signature: &SignatureBytes| {
            let bytes = signature.bytes.as_slice().try_into().ok()?;
            Some(ReceiptSignature { bytes, recovery_id: signature.recovery_id })
        };
        Some(Receipt {
            version: 1,
            genesis: self.file.clone(),
            entries: self.entries_to(outcome.head)?,
            epoch,
            request: book.request.signed().clone(),
            approvals: approvals.map(|vote| vote.signed().clone()).collect(),
            decisions,
            signatures: outcome.signatures.iter().map(signature).collect::<Option<_>>()?,
        })
    }

    /// All entries up to a head of this node's log.
    fn entries_to(&self, head: Head) -> Option<Vec<quorate_charter::CertifiedEntry>> {
        let log = self.governor.log();
        let last = log.iter().rposition(|entry| entry.head() == head)?;
        Some(log.iter().take(last + 1).cloned().collect())
    }

    /// The newest epoch under which a quorum allowed the request, and its decisions: after a
    /// refresh or reshare others hold the key than those who signed.
    fn epoch_that_allowed(
        &self,
        book: &RequestBook,
        outcome: &Outcome,
    ) -> Option<(Decided, Vec<SignedNodeDecision>)> {
        let key = self.keys.book(&book.request.body().key)?;
        // The receipt shows the charter up to the head of the decision, so the epoch's order must
        // be there, and those who decided about it.
        let entries = self.entries_to(outcome.head)?;
        let heads: BTreeSet<Head> = entries.iter().map(CertifiedEntry::head).collect();
        let known = |plan: &AttemptPlan| heads.contains(&plan.order) && heads.contains(&plan.head);
        let mut epochs = key.certified().filter(|(plan, _)| known(plan));
        epochs.find_map(|(plan, decided)| Some((decided.clone(), allowances(plan, book, outcome)?)))
    }
}

/// The allowances of the quorum that signed. The quorum of an outcome that a peer sent is
/// hearsay: what counts are statements, of any quorum of the key.
fn allowances(
    plan: &AttemptPlan,
    book: &RequestBook,
    outcome: &Outcome,
) -> Option<Vec<SignedNodeDecision>> {
    let allows = |node: &NodeId| {
        plan.committee.contains(node)
            && book.decisions.get(node).is_some_and(|known| {
                known.body().head == outcome.head && known.body().is_allowance()
            })
    };
    let said: BTreeSet<NodeId> = outcome.quorum.iter().copied().collect();
    let quorum = match plan.tree.satisfied(&said) && said.iter().all(allows) {
        true => said,
        false => {
            let allowing = book.decisions.keys().copied().filter(|node| allows(node)).collect();
            plan.tree.select(&allowing)?.parties()
        }
    };
    let decisions = quorum.iter().map(|node| book.decisions.get(node));
    decisions.map(|known| known.map(|known| known.signed().clone())).collect()
}
