//! Requests as callers see them.

use super::unknown_request;
use crate::call::Caller;
use crate::node::Node;
use crate::outcome;
use crate::requests::{Refusal, RequestBook, Stage};
use crate::wire::Target;
use quorate_client::contract::routes::PAGE_MAX;
use quorate_client::contract::{
    ApprovalView, ArtifactView, DecisionView, Encoding, ErrorBody, OutcomeView, RefusalView,
    RequestState, RequestView, SignatureView, VerdictView, WaitingView,
};
use quorate_derivation::Path;
use quorate_identity::{Name, RequestId};
use quorate_intent::{Artifact, SignatureEncoding, SignatureItem};
use quorate_policy::request::{NodeOutcome, Verdict, VerifiedApproval, VerifiedNodeDecision};
use std::collections::BTreeSet;

/// Name of what a request waits for when the policy allows it and nodes are missing.
const QUORUM: &str = "quorum";

impl Node {
    /// The newest requests, newest last.
    pub(crate) fn view_requests(
        &mut self,
        state: Option<RequestState>,
        caller: &Caller,
    ) -> Vec<RequestView> {
        let is_read = |book: &RequestBook| {
            let order = self.state.key(&book.request.body().key);
            order.is_some_and(|order| caller.reads(&order.name))
        };
        let is_in = |book: &RequestBook| state.is_none_or(|state| self.state_of(book) == state);
        let fits = |book: &RequestBook| is_read(book) && is_in(book);
        let books = self.requests.books().filter(|(_, book)| fits(book));
        let mut ids: Vec<(u64, RequestId)> = books.map(|(id, book)| (book.filed_at, *id)).collect();
        ids.sort_unstable();
        let surplus = ids.len().saturating_sub(usize::try_from(PAGE_MAX).unwrap_or(usize::MAX));
        ids.into_iter().skip(surplus).filter_map(|(_, id)| self.view_request(&id).ok()).collect()
    }

    /// One request.
    pub(crate) fn view_request(&mut self, id: &RequestId) -> Result<RequestView, ErrorBody> {
        self.requests.restore_artifact(id);
        let book = self.requests.book(id).ok_or_else(unknown_request)?;
        self.request_view(*id, book).ok_or_else(unknown_request)
    }

    fn request_view(&self, id: RequestId, book: &RequestBook) -> Option<RequestView> {
        let body = book.request.body();
        let decoded = book.decoded.as_deref();
        let digests = decoded.map(quorate_intent::Decoded::signing_digests).unwrap_or_default();
        let state = self.state_of(book);
        let artifact = book.artifact.as_ref();
        Some(RequestView {
            request: id,
            request_digest: id.digest(),
            intent_digest: body.intent.digest(),
            signing_digests: digests.into_iter().map(Into::into).collect(),
            state,
            waiting_for: self.waiting_for(id, book, state),
            decisions: self.decision_views(book),
            facts: decoded.map_or(serde_json::Value::Null, quorate_intent::Decoded::facts_json),
            signatures: artifact.map(signatures).unwrap_or_default(),
            artifact: artifact.map(|artifact| ArtifactView {
                kind: artifact.kind.clone(),
                value: artifact.value.clone(),
            }),
            key: self.state.key(&body.key)?.name.clone(),
            account: body.account,
            path: path_text(&body.path),
            public_key: decoded.map(|decoded| decoded.public_key().into()),
            requester: body.requester,
            requester_name: self.state.actor(&body.requester)?.name.clone(),
            expires_ms: body.expiry_ms,
            intent: body.intent.to_json(),
            effect: decoded.map(quorate_intent::Decoded::effect).unwrap_or_default(),
            approvals: book.approvals.iter().filter_map(|vote| self.approval_view(vote)).collect(),
            refusals: book.refusals.iter().filter_map(|it| self.refusal_view(it)).collect(),
            bytes: quorate_codec::to_bytes(book.request.signed()).into(),
        })
    }

    /// Where a request stands. A node that does not judge goes by what the members decided.
    fn state_of(&self, book: &RequestBook) -> RequestState {
        match book.stage {
            Stage::Waiting if self.members_allow(book) => RequestState::Signing,
            Stage::Waiting => RequestState::Waiting,
            Stage::Signing => RequestState::Signing,
            Stage::Signed => RequestState::Signed,
            Stage::Denied => RequestState::Denied,
            Stage::Rejected => RequestState::Rejected,
            Stage::Expired => RequestState::Expired,
            Stage::Cancelled => RequestState::Cancelled,
            Stage::Failed => RequestState::Failed,
        }
    }

    fn members_allow(&self, book: &RequestBook) -> bool {
        let Some(current) = self.keys.current(&book.request.body().key) else { return false };
        let plan = &current.record.plan;
        let head = self.state.head();
        let allowing = book
            .decisions
            .iter()
            .filter(|(_, known)| known.body().head == head && known.body().is_allowance());
        !plan.committee.contains(&self.me)
            && plan.tree.satisfied(&allowing.map(|(node, _)| *node).collect())
    }

    /// Whom a request waits for: people, as this node's own decision says or another member's;
    /// or nodes, where the policy allows it and no quorum is here.
    fn waiting_for(
        &self,
        id: RequestId,
        book: &RequestBook,
        state: RequestState,
    ) -> Vec<WaitingView> {
        match state {
            RequestState::Waiting => {
                let head = self.state.head();
                let own = book.decisions.get(&self.me);
                let others = book.decisions.values().filter(|known| known.body().head == head);
                let mut waits = own.into_iter().chain(others);
                let waits = waits.find(|known| known.body().outcome == NodeOutcome::Wait);
                let waits = waits.map(|known| known.body().waiting_for.as_slice());
                let view = |waiting: &quorate_policy::WaitingFor| WaitingView {
                    rule: waiting.rule.clone(),
                    people: waiting.people.clone(),
                    needed: waiting.needed,
                };
                waits.unwrap_or_default().iter().map(view).collect()
            }
            RequestState::Signing => self.missing_members(id).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn missing_members(&self, id: RequestId) -> Option<WaitingView> {
        let target = Target::Request(id);
        let live: BTreeSet<_> = self.live_signers(&target);
        let missing = self.tree_of(&target)?.missing_for(&live)?;
        Some(WaitingView {
            rule: QUORUM.to_owned(),
            people: self.names_of(&missing.parties()),
            needed: u32::try_from(missing.fewest()).unwrap_or(u32::MAX),
        })
    }

    fn decision_views(&self, book: &RequestBook) -> Vec<DecisionView> {
        let view = |known: &VerifiedNodeDecision| {
            let body = known.body();
            Some(DecisionView {
                node: self.name_of(&known.node())?,
                outcome: match body.outcome {
                    NodeOutcome::Allow => OutcomeView::Allow,
                    NodeOutcome::Deny => OutcomeView::Deny,
                    NodeOutcome::Wait => OutcomeView::Wait,
                },
                rule: body.rule.clone(),
                reason: body.reason.clone(),
                head: body.head,
            })
        };
        let mut views: Vec<DecisionView> = book.decisions.values().filter_map(view).collect();
        views.sort_by(|left, right| left.node.cmp(&right.node));
        views
    }

    fn approval_view(&self, vote: &VerifiedApproval) -> Option<ApprovalView> {
        Some(ApprovalView {
            person: self.state.person(&vote.body().person)?.name.clone(),
            verdict: match vote.body().verdict {
                Verdict::Approve => VerdictView::Approve,
                Verdict::Reject => VerdictView::Reject,
            },
        })
    }

    fn refusal_view(&self, refusal: &Refusal) -> Option<RefusalView> {
        let node: Name = self.name_of(&self.me)?;
        Some(RefusalView {
            node,
            proposed_by: self.name_of(&refusal.proposed_by)?,
            reason: refusal.reason.clone(),
            at_ms: refusal.at,
        })
    }
}

impl crate::requests::Requests {
    /// Builds the artifact of a request that was signed before this start.
    fn restore_artifact(&mut self, id: &RequestId) {
        let Some(book) = self.book_mut(id).filter(|book| book.artifact.is_none()) else { return };
        if let (Some(decoded), Some(outcome)) = (&book.decoded, &book.outcome) {
            book.artifact = outcome::finish(decoded, &outcome.signatures).ok();
        }
    }
}

/// A path as people read it. One that is no path was never taken.
fn path_text(steps: &[u32]) -> String {
    Path::new(steps.to_vec()).map_or_else(|error| error.to_string(), |path| path.to_string())
}

fn signatures(artifact: &Artifact) -> Vec<SignatureView> {
    let view = |item: &SignatureItem| SignatureView {
        input: item.input,
        public_key: item.public_key.clone().into(),
        encoding: match item.encoding {
            SignatureEncoding::Rsv => Encoding::Rsv,
            SignatureEncoding::Der => Encoding::Der,
            SignatureEncoding::Bip340 => Encoding::Bip340,
            SignatureEncoding::Ed25519 => Encoding::Ed25519,
        },
        signature: item.signature.clone().into(),
    };
    artifact.signatures.iter().map(view).collect()
}
