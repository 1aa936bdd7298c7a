//! Judgements: every member of a key decodes and judges for itself; others only decode.

use super::Stage;
use crate::event::Notice;
use crate::job::{JobId, Judged, Judgement, Task};
use crate::limits;
use crate::node::{Node, Turn};
use crate::wire::{Message, Target};
use quorate_codec::tag;
use quorate_identity::{NodeId, RequestId};
use quorate_policy::request::{
    NodeDecision, NodeOutcome, SignedNodeDecision, VerifiedNodeDecision,
};
use quorate_policy::{Authorized, Decision, SignRequest};
use std::sync::Arc;

impl Node {
    /// Starts a judgement, or notes that another is needed after the one under way (RQS-02).
    pub(crate) fn judge(&mut self, id: RequestId, turn: &mut Turn<'_>) {
        let judges = self.signs_for(&id);
        let Some(book) = self.requests.books.get_mut(&id) else { return };
        if book.judging.is_some() {
            book.judge_again = true;
            return;
        }
        let key = book.request.body().key;
        let record = self.keys.current(&key).map(|current| Arc::clone(&current.record));
        let Some(record) = record else { return };
        let judgement = Judgement {
            judges,
            state: Arc::clone(&self.state),
            policy: self.policy.clone(),
            request: book.request.clone(),
            record,
            decoded: book.decoded.clone(),
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

    /// The head moved, or a key became active: everything undecided is judged again.
    pub(crate) fn judge_all(&mut self, turn: &mut Turn<'_>) {
        for id in self.requests.open.clone() {
            self.judge(id, turn);
        }
    }

    /// Whether this node's own judgement of a target is still to come.
    pub(crate) fn judgement_pending(&self, target: &Target) -> bool {
        match target {
            Target::Request(id) => {
                self.requests.book(id).is_some_and(|book| book.judging.is_some())
            }
            Target::Birth(..) | Target::Ahead(..) => false,
        }
    }

    /// A judgement is ready.
    pub(crate) fn on_judged(&mut self, job: JobId, judged: Judged, turn: &mut Turn<'_>) {
        let Some(id) = self.requests.by_job.remove(&job) else { return };
        let head = self.state.head();
        let Some(book) = self.requests.books.get_mut(&id) else { return };
        let Some((_, judged_at)) = book.judging.take() else { return };
        if let Ok(decoded) = judged.decoded {
            book.decoded = Some(decoded);
        }
        let is_final = book.stage.is_final();
        let is_stale = !is_final && (judged_at != head || std::mem::take(&mut book.judge_again));
        self.verify_next(id, turn);
        if is_stale {
            self.judge(id, turn);
        }
        if is_final || is_stale {
            return;
        }
        turn.out.notices.push(Notice::Request(id));
        // Who does not take part says nothing; once it does, it judges everything again.
        let decision = judged.decision.filter(|_| self.may_take_part());
        if let Some(decision) = decision {
            self.record_decision(id, &decision, turn);
            self.act_on_decision(id, decision, turn);
        }
        self.settle_if_denied(id, turn);
        self.store_request(&id, turn);
    }

    /// A judgement was lost: judge again, a few times.
    pub(crate) fn judgement_lost(&mut self, job: JobId, turn: &mut Turn<'_>) -> bool {
        let Some(id) = self.requests.by_job.remove(&job) else { return false };
        self.audit(format!("the judgement of request {id} was lost on this machine"), &[], turn);
        let Some(book) = self.requests.books.get_mut(&id) else { return true };
        if book.finishing.take_if(|finishing| *finishing == job).is_some() {
            self.requests.finishing.remove(&job);
            self.verify_next(id, turn);
            return true;
        }
        book.judging = None;
        book.judgements_lost += 1;
        if book.judgements_lost <= limits::JUDGEMENTS_LOST_MAX {
            self.judge(id, turn);
        }
        true
    }

    /// Another node's decision came in.
    pub(crate) fn on_decision(
        &mut self,
        from: NodeId,
        decision: VerifiedNodeDecision,
        turn: &mut Turn<'_>,
    ) {
        let (id, node) = (decision.body().request, decision.node());
        let Some(book) = self.requests.books.get_mut(&id) else { return };
        if book.stage.is_final() {
            // What the receipt may still need.
            let head = book.outcome.as_ref().map(|outcome| outcome.head);
            let stage = book.stage;
            if head == Some(decision.body().head) && !book.decisions.contains_key(&node) {
                book.decisions.insert(node, decision);
                self.store_request(&id, turn);
            }
            // A denial would be answered by a denial, and that by a denial.
            if stage != Stage::Denied {
                self.share_end(from, &id, turn);
            }
            return;
        }
        if book.decisions.get(&node).is_some_and(|known| *known.body() == *decision.body()) {
            return;
        }
        book.decisions.insert(node, decision);
        turn.out.notices.push(Notice::Request(id));
        self.store_request(&id, turn);
        self.settle_if_denied(id, turn);
        self.another_allows(&Target::Request(id), turn);
    }

    /// Judges a request again whose authorisation an attempt has consumed, so that the next one
    /// finds another.
    pub(crate) fn renew_authorisation(&mut self, target: &Target, turn: &mut Turn<'_>) {
        let Target::Request(id) = target else { return };
        let is_spent = self.requests.book(id).is_some_and(|book| {
            book.stage == Stage::Signing && book.authorized.is_none() && book.judging.is_none()
        });
        if is_spent && !self.sessions.is_live(target) {
            self.judge(*id, turn);
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
        let authorized = book.authorized.take();
        let holds = |authorized: &Authorized<SignRequest>| authorized.check(head, turn.now).is_ok();
        let authorized = authorized.map(|(_, authorized)| authorized).filter(holds);
        if authorized.is_none() {
            self.judge(*id, turn);
        }
        authorized
    }

    /// Whether this node is a member of the request's key.
    pub(super) fn signs_for(&self, id: &RequestId) -> bool {
        self.tree_of(&Target::Request(*id)).is_some_and(|tree| tree.parties().contains(&self.me))
    }

    /// Signs this node's decision and tells everybody, where it is a new one.
    fn record_decision(&mut self, id: RequestId, decision: &Decision, turn: &mut Turn<'_>) {
        let body = NodeDecision::new(self.state.genesis(), id, self.state.head(), decision);
        let Some(book) = self.requests.books.get_mut(&id) else { return };
        if book.decisions.get(&self.me).is_some_and(|known| *known.body() == body) {
            return;
        }
        let sign = |bytes: &[u8]| self.secrets.sign(tag::DECISION, bytes);
        let signed = SignedNodeDecision::sign(&body, self.me, sign);
        book.decisions.insert(self.me, VerifiedNodeDecision::own(body, signed.clone()));
        self.broadcast(&Message::Decision(signed), turn);
    }

    fn act_on_decision(&mut self, id: RequestId, decision: Decision, turn: &mut Turn<'_>) {
        let head = self.state.head();
        let target = Target::Request(id);
        let Some(book) = self.requests.books.get_mut(&id) else { return };
        match decision {
            Decision::Allow { authorized, .. } => {
                book.authorized = Some((head, authorized));
                book.stage = Stage::Signing;
                self.undertake(target, turn);
            }
            Decision::Wait { .. } | Decision::Deny { .. } => {
                book.authorized = None;
                book.stage = Stage::Waiting;
                self.answer_unjudged(target, turn);
                self.abandon(&target);
            }
        }
    }

    /// Denied is final once the members that do not deny at this head cannot form a quorum of the
    /// key (RQS-03).
    fn settle_if_denied(&mut self, id: RequestId, turn: &mut Turn<'_>) {
        let head = self.state.head();
        let Some(book) = self.requests.books.get(&id) else { return };
        let Some(tree) = self.tree_of(&Target::Request(id)) else { return };
        let denies = |node: &NodeId| {
            book.decisions.get(node).is_some_and(|known| {
                known.body().head == head && known.body().outcome == NodeOutcome::Deny
            })
        };
        let willing = tree.parties().into_iter().filter(|node| !denies(node)).collect();
        if !book.stage.is_final() && !tree.satisfied(&willing) {
            self.finish(id, Stage::Denied, turn);
        }
    }
}
