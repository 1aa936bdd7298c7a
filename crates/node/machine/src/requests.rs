//! Requests: filed, judged by this node itself, approved by people, signed or not. See
//! `spec/node.md`, RQS.

use crate::durable::{Table, Write};
use crate::event::{Millis, Notice};
use crate::job::{JobId, Judged, Judgement, Task};
use crate::limits;
use crate::node::{Node, Turn};
use crate::wire::{Message, Outcome, Target, Terms};
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, tag};
use quorate_identity::{ActorId, Head, NodeId, RequestId};
use quorate_intent::{Artifact, Decoded, KeyFacts};
use quorate_policy::request::{
    NodeDecision, SignedApproval, SignedCancellation, SignedNodeDecision, SignedRequest, Verdict,
    VerifiedApproval, VerifiedCancellation, VerifiedNodeDecision, VerifiedRequest,
};
use quorate_policy::{Authorized, Decision, SignRequest};
use std::collections::BTreeMap;

/// All requests that a node knows.
#[derive(Default)]
pub(crate) struct Requests {
    books: BTreeMap<RequestId, RequestBook>,
    by_job: BTreeMap<JobId, RequestId>,
    idempotent: BTreeMap<(ActorId, String), RequestId>,
    live: usize,
}

/// What a node knows of one request.
pub(crate) struct RequestBook {
    pub request: VerifiedRequest,
    pub approvals: Vec<VerifiedApproval>,
    pub cancellation: Option<SignedCancellation>,
    pub decisions: BTreeMap<NodeId, VerifiedNodeDecision>,
    pub refusals: Vec<Refusal>,
    pub decoded: Option<Decoded>,
    pub stage: Stage,
    pub outcome: Option<Outcome>,
    pub artifact: Option<Artifact>,
    pub idempotency: Option<String>,
    pub filed_at: Millis,
    authorized: Option<(Head, Authorized<SignRequest>)>,
    judging: Option<(JobId, Head)>,
    judge_again: bool,
    /// Signatures that came before this node had decoded the request.
    unverified: Option<Outcome>,
}

/// Where a request stands at this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Stage {
    #[n(0)]
    Waiting,
    #[n(1)]
    Signing,
    #[n(2)]
    Signed,
    #[n(3)]
    Denied,
    #[n(4)]
    Rejected,
    #[n(5)]
    Expired,
    #[n(6)]
    Cancelled,
    #[n(7)]
    Failed,
}

/// A proposal that this node refused: local evidence, never on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Refusal {
    #[n(0)]
    pub proposed_by: NodeId,
    #[n(1)]
    pub reason: String,
    #[n(2)]
    pub at: Millis,
}

/// The stored form of a request.
#[derive(Encode, Decode)]
struct RequestRow {
    #[n(0)]
    version: u8,
    #[n(1)]
    request: SignedRequest,
    #[n(2)]
    approvals: Vec<SignedApproval>,
    #[n(3)]
    cancellation: Option<SignedCancellation>,
    #[n(4)]
    decisions: Vec<SignedNodeDecision>,
    #[n(5)]
    stage: Stage,
    #[n(6)]
    outcome: Option<Outcome>,
    #[n(7)]
    idempotency: Option<String>,
    #[n(8)]
    filed_at: Millis,
    #[n(9)]
    refusals: Vec<Refusal>,
}

impl Canonical for RequestRow {
    const BYTES_MAX: usize = 16 << 20;
}

impl Stage {
    /// Nothing more will happen.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Waiting | Self::Signing)
    }
}

impl RequestBook {
    fn new(request: VerifiedRequest, idempotency: Option<String>, now: Millis) -> Self {
        Self {
            request,
            approvals: Vec::new(),
            cancellation: None,
            decisions: BTreeMap::new(),
            refusals: Vec::new(),
            decoded: None,
            stage: Stage::Waiting,
            outcome: None,
            artifact: None,
            idempotency,
            filed_at: now,
            authorized: None,
            judging: None,
            judge_again: false,
            unverified: None,
        }
    }

    fn row(&self) -> Vec<u8> {
        quorate_codec::to_bytes(&RequestRow {
            version: 1,
            request: self.request.signed().clone(),
            approvals: self.approvals.iter().map(|approval| approval.signed().clone()).collect(),
            cancellation: self.cancellation.clone(),
            decisions: self.decisions.values().map(|decision| decision.signed().clone()).collect(),
            stage: self.stage,
            outcome: self.outcome.clone(),
            idempotency: self.idempotency.clone(),
            filed_at: self.filed_at,
            refusals: self.refusals.clone(),
        })
    }
}

impl Requests {
    /// One request.
    pub fn book(&self, id: &RequestId) -> Option<&RequestBook> {
        self.books.get(id)
    }

    /// All requests.
    pub fn books(&self) -> impl Iterator<Item = (&RequestId, &RequestBook)> {
        self.books.iter()
    }

    /// The earliest expiry of a request that is not final.
    pub fn wake_at(&self) -> Option<Millis> {
        self.books
            .values()
            .filter(|book| !book.stage.is_final())
            .map(|book| book.request.body().expiry_ms)
            .min()
    }
}

/// Why a request was not taken.
pub(crate) enum FileError {
    /// Too many requests are under way.
    Busy,
    /// It expired already, or expires too far ahead.
    Expired,
    /// The key is not in the charter.
    UnknownKey,
    /// The idempotency key was used for something else.
    Conflict,
}

/// Why an approval or rejection was not taken.
pub(crate) enum VoteError {
    /// No such request here.
    UnknownRequest,
    /// The request is over.
    Final(Stage),
    /// The statement itself does not fit: wrong person, own request, expired, twice.
    Refused(String),
}

impl Node {
    /// Takes a request, tells everybody, and begins to judge it. Filing the same request again
    /// changes nothing and answers with the same id.
    pub(crate) fn file_request(
        &mut self,
        request: VerifiedRequest,
        idempotency: Option<String>,
        turn: &mut Turn<'_>,
    ) -> Result<RequestId, FileError> {
        let id = request.id();
        if self.requests.books.contains_key(&id) {
            return Ok(id);
        }
        let body = request.body();
        if body.expiry_ms <= turn.now {
            return Err(FileError::Expired);
        }
        if self.state.key(&body.key).is_none() {
            return Err(FileError::UnknownKey);
        }
        let slot = idempotency.clone().map(|key| (body.requester, key));
        if let Some(known) = slot.as_ref().and_then(|slot| self.requests.idempotent.get(slot)) {
            let same = self.requests.books.get(known).is_some_and(|book| {
                book.request.body().key == body.key && book.request.body().intent == body.intent
            });
            return if same { Ok(*known) } else { Err(FileError::Conflict) };
        }
        if self.requests.live >= limits::REQUESTS_LIVE_MAX {
            return Err(FileError::Busy);
        }
        self.requests.live += 1;
        if let Some(slot) = slot {
            self.requests.idempotent.insert(slot, id);
        }
        self.broadcast(&Message::Request(request.signed().clone()), turn);
        self.requests.books.insert(id, RequestBook::new(request, idempotency, turn.now));
        self.store_request(&id, turn);
        turn.out.barrier = true;
        self.judge(id, turn);
        Ok(id)
    }

    /// Takes an approval or rejection and judges again.
    pub(crate) fn vote_request(
        &mut self,
        approval: VerifiedApproval,
        turn: &mut Turn<'_>,
    ) -> Result<(), VoteError> {
        let id = approval.body().request;
        let book = self.requests.books.get_mut(&id).ok_or(VoteError::UnknownRequest)?;
        if book.approvals.iter().any(|known| known.signed() == approval.signed()) {
            return Ok(());
        }
        if book.stage.is_final() {
            return Err(VoteError::Final(book.stage));
        }
        approval
            .check(&self.state, &book.request, &book.approvals, turn.now)
            .map_err(|error| VoteError::Refused(error.to_string()))?;
        if book.approvals.len() >= limits::VOTES_PER_REQUEST_MAX {
            return Err(VoteError::Refused("too many approvals".into()));
        }
        let verdict = approval.body().verdict;
        let message = Message::Approval(approval.signed().clone());
        book.approvals.push(approval);
        self.broadcast(&message, turn);
        self.store_request(&id, turn);
        turn.out.barrier = true;
        turn.out.notices.push(Notice::Request(id));
        if verdict == Verdict::Reject {
            self.finish(id, Stage::Rejected, turn);
        } else {
            self.judge(id, turn);
        }
        Ok(())
    }

    /// Takes the requester's cancellation.
    pub(crate) fn cancel_request(
        &mut self,
        cancellation: VerifiedCancellation,
        turn: &mut Turn<'_>,
    ) -> Result<(), VoteError> {
        let id = cancellation.body().request;
        let book = self.requests.books.get_mut(&id).ok_or(VoteError::UnknownRequest)?;
        if book.stage == Stage::Cancelled {
            return Ok(());
        }
        if book.stage.is_final() {
            return Err(VoteError::Final(book.stage));
        }
        if cancellation.body().requester != book.request.body().requester {
            return Err(VoteError::Refused("only the requester cancels a request".into()));
        }
        let signed = cancellation.signed().clone();
        book.cancellation = Some(signed.clone());
        self.broadcast(&Message::Cancellation(signed), turn);
        self.finish(id, Stage::Cancelled, turn);
        turn.out.barrier = true;
        Ok(())
    }

    /// Another node's decision came in.
    pub(crate) fn on_decision(&mut self, from: NodeId, decision: VerifiedNodeDecision, turn: &mut Turn<'_>) {
        let id = decision.body().request;
        let Some(book) = self.requests.books.get_mut(&id) else { return };
        if book.stage.is_final() {
            self.share_outcome(from, &id, turn);
            return;
        }
        book.decisions.insert(from, decision);
        turn.out.notices.push(Notice::Request(id));
        self.store_request(&id, turn);
        self.settle_if_denied(id, turn);
        self.another_allows(&Target::Request(id), turn);
    }

    /// A judgement is ready.
    pub(crate) fn on_judged(&mut self, job: JobId, judged: Judged, turn: &mut Turn<'_>) {
        let Some(id) = self.requests.by_job.remove(&job) else { return };
        let head = self.state.head();
        let (me, genesis) = (self.me, self.state.genesis());
        let Some(book) = self.requests.books.get_mut(&id) else { return };
        let Some((_, judged_at)) = book.judging.take() else { return };
        if let Ok(decoded) = judged.decoded {
            book.decoded = Some(decoded);
        }
        if book.stage.is_final() {
            return;
        }
        if judged_at != head || std::mem::take(&mut book.judge_again) {
            self.judge(id, turn);
            return;
        }
        let decision = NodeDecision::new(genesis, id, head, &judged.decision);
        let unchanged = book.decisions.get(&me).is_some_and(|known| *known.body() == decision);
        if !unchanged {
            let signed = SignedNodeDecision::sign(&decision, me, |bytes| self.secrets.sign(tag::DECISION, bytes));
            let message = Message::Decision(signed.clone());
            book.decisions.insert(me, VerifiedNodeDecision::own(decision, signed));
            turn.out.notices.push(Notice::Request(id));
            self.broadcast(&message, turn);
        }
        let Some(book) = self.requests.books.get_mut(&id) else { return };
        let target = Target::Request(id);
        match judged.decision {
            Decision::Allow { authorized, .. } => {
                book.authorized = Some((head, authorized));
                book.stage = Stage::Signing;
                if self.signs_for(&id) {
                    self.undertake(target, turn);
                }
            }
            Decision::Wait { .. } => {
                book.authorized = None;
                book.stage = Stage::Waiting;
                self.answer_unjudged(target, turn);
                self.abandon(&target, turn);
            }
            Decision::Deny { .. } => {
                book.authorized = None;
                self.answer_unjudged(target, turn);
                self.abandon(&target, turn);
                self.settle_if_denied(id, turn);
            }
        }
        self.store_request(&id, turn);
        if let Some(outcome) = self.requests.books.get_mut(&id).and_then(|book| book.unverified.take()) {
            self.on_outcome(outcome, turn);
        }
    }

    /// A judgement was lost: judge again.
    pub(crate) fn judgement_lost(&mut self, job: JobId, turn: &mut Turn<'_>) -> bool {
        let Some(id) = self.requests.by_job.remove(&job) else { return false };
        if let Some(book) = self.requests.books.get_mut(&id) {
            book.judging = None;
        }
        self.audit(format!("the judgement of request {id} was lost on this machine"), &[], turn);
        false
    }

    /// Finished signatures came from a session here or from a peer: verify, then keep.
    pub(crate) fn on_outcome(&mut self, outcome: Outcome, turn: &mut Turn<'_>) {
        let id = match outcome.target {
            Target::Request(id) => id,
            Target::Birth(key, _) => return self.on_birth(key, outcome, turn),
        };
        let Some(book) = self.requests.books.get_mut(&id) else { return };
        if book.stage == Stage::Signed {
            return;
        }
        let Some(decoded) = &book.decoded else {
            book.unverified = Some(outcome);
            return;
        };
        let Some(public) = self.keys.book(&book.request.body().key).and_then(|key| key.public.clone()) else {
            return;
        };
        let Some(artifact) = crate::outcome::verify(&public, decoded, &outcome) else {
            self.audit(format!("an outcome for request {id} does not verify"), &outcome.quorum, turn);
            return;
        };
        book.artifact = Some(artifact);
        book.outcome = Some(outcome);
        self.finish(id, Stage::Signed, turn);
    }

    /// Everything that time or a new head makes due.
    pub(crate) fn drive_requests(&mut self, turn: &mut Turn<'_>) {
        let expired: Vec<RequestId> = self
            .requests
            .books
            .iter()
            .filter(|(_, book)| !book.stage.is_final() && book.request.body().expiry_ms <= turn.now)
            .map(|(id, _)| *id)
            .collect();
        for id in expired {
            self.finish(id, Stage::Expired, turn);
        }
    }

    /// The head moved, or a key became active: everything undecided is judged again.
    pub(crate) fn judge_all(&mut self, turn: &mut Turn<'_>) {
        let open: Vec<RequestId> = self
            .requests
            .books
            .iter()
            .filter(|(_, book)| !book.stage.is_final())
            .map(|(id, _)| *id)
            .collect();
        for id in open {
            self.judge(id, turn);
        }
    }

    /// Tells a peer that just connected everything undecided.
    pub(crate) fn share_requests(&mut self, peer: NodeId, turn: &mut Turn<'_>) {
        let mut messages = Vec::new();
        for book in self.requests.books.values().filter(|book| !book.stage.is_final()) {
            messages.push(Message::Request(book.request.signed().clone()));
            messages.extend(book.approvals.iter().map(|approval| Message::Approval(approval.signed().clone())));
            messages.extend(
                book.decisions.get(&self.me).map(|decision| Message::Decision(decision.signed().clone())),
            );
        }
        for message in messages {
            self.send(peer, &message, turn);
        }
    }

    /// Tells a peer that still works on a request how it ended.
    pub(crate) fn share_outcome(&mut self, peer: NodeId, id: &RequestId, turn: &mut Turn<'_>) {
        let Some(book) = self.requests.books.get(id) else { return };
        let message = match (&book.outcome, &book.cancellation) {
            (Some(outcome), _) => Message::Outcome(outcome.clone()),
            (None, Some(cancellation)) => Message::Cancellation(cancellation.clone()),
            (None, None) => return,
        };
        self.send(peer, &message, turn);
    }

    /// Records that a proposal was refused and why: evidence stays here.
    pub(crate) fn record_refusal(&mut self, from: NodeId, terms: &Terms, reason: &str, turn: &mut Turn<'_>) {
        self.audit(format!("refused a proposal for {:?}: {reason}", terms.target), &[from], turn);
        let Target::Request(id) = terms.target else { return };
        let Some(book) = self.requests.books.get_mut(&id) else { return };
        if book.refusals.len() < 16 {
            book.refusals.push(Refusal { proposed_by: from, reason: reason.to_string(), at: turn.now });
            self.store_request(&id, turn);
            turn.out.notices.push(Notice::Request(id));
        }
    }

    /// Whether this node's own judgement of a target is still to come.
    pub(crate) fn judgement_pending(&self, target: &Target) -> bool {
        match target {
            Target::Request(id) => self.requests.books.get(id).is_some_and(|book| book.judging.is_some()),
            Target::Birth(..) => false,
        }
    }

    /// The authorisation of a request at this head, consumed. Judges again where it was used up.
    pub(crate) fn take_request_authorisation(
        &mut self,
        id: &RequestId,
        turn: &mut Turn<'_>,
    ) -> Option<Authorized<SignRequest>> {
        let head = self.state.head();
        let book = self.requests.books.get_mut(id)?;
        match book.authorized.take() {
            Some((judged_at, authorized)) if judged_at == head && authorized.expiry_ms() > turn.now => {
                Some(authorized)
            }
            _ => {
                self.judge(*id, turn);
                None
            }
        }
    }

    /// Gives a request up after too many attempts.
    pub(crate) fn give_up(&mut self, target: Target, turn: &mut Turn<'_>) {
        match target {
            Target::Request(id) => self.finish(id, Stage::Failed, turn),
            Target::Birth(..) => self.abandon(&target, turn),
        }
    }

    /// Starts a judgement, or notes that another is needed after the one under way.
    pub(crate) fn judge(&mut self, id: RequestId, turn: &mut Turn<'_>) {
        let Some(book) = self.requests.books.get_mut(&id) else { return };
        if book.judging.is_some() {
            book.judge_again = true;
            return;
        }
        let body = book.request.body();
        let Some(record) = self.keys.book(&body.key).and_then(|key| key.record.clone()) else { return };
        let judgement = Judgement {
            state: std::sync::Arc::clone(&self.state),
            policy: self.policy.clone(),
            request: book.request.clone(),
            key: KeyFacts { scheme: record.scheme, public_key: record.public_key.clone() },
            approvals: book.approvals.clone(),
            now: turn.now,
        };
        let job = self.start_job(Task::Judge(Box::new(judgement)), turn);
        self.requests.by_job.insert(job, id);
        let head = self.state.head();
        if let Some(book) = self.requests.books.get_mut(&id) {
            book.judging = Some((job, head));
            book.judge_again = false;
        }
    }

    /// Denied is final once the nodes that do not deny cannot form a quorum of the key.
    fn settle_if_denied(&mut self, id: RequestId, turn: &mut Turn<'_>) {
        let Some(book) = self.requests.books.get(&id) else { return };
        let Some(tree) = self.tree_of(&Target::Request(id)) else { return };
        let willing = tree
            .parties()
            .into_iter()
            .filter(|node| !book.decisions.get(node).is_some_and(|decision| decision.body().is_denial()))
            .collect();
        if !tree.satisfied(&willing) {
            self.finish(id, Stage::Denied, turn);
        }
    }

    fn finish(&mut self, id: RequestId, stage: Stage, turn: &mut Turn<'_>) {
        let Some(book) = self.requests.books.get_mut(&id) else { return };
        if !book.stage.is_final() {
            self.requests.live = self.requests.live.saturating_sub(1);
        }
        book.stage = stage;
        book.authorized = None;
        self.abandon(&Target::Request(id), turn);
        self.store_request(&id, turn);
        turn.out.notices.push(Notice::Request(id));
    }

    fn signs_for(&self, id: &RequestId) -> bool {
        self.tree_of(&Target::Request(*id)).is_some_and(|tree| tree.parties().contains(&self.me))
    }

    fn store_request(&self, id: &RequestId, turn: &mut Turn<'_>) {
        if let Some(book) = self.requests.books.get(id) {
            let key: &[u8] = id.as_ref();
            turn.out.writes.push(Write::put(Table::Request, key.to_vec(), book.row()));
        }
    }
}
