//! How requests end: signed, denied, rejected, expired, taken back, given up.

use super::Stage;
use crate::durable::{Table, Write};
use crate::event::Notice;
use crate::job::{JobId, Task};
use crate::limits;
use crate::node::{Node, Turn};
use crate::wire::{Message, Outcome, Target};
use quorate_identity::{NodeId, RequestId};
use quorate_intent::Artifact;
use quorate_policy::request::Verdict;

impl Node {
    /// Finished signatures came from a session here or from a peer: they are verified, then kept.
    pub(crate) fn on_outcome(&mut self, from: NodeId, outcome: Outcome, turn: &mut Turn<'_>) {
        let id = match outcome.target {
            Target::Request(id) => id,
            Target::Ahead(..) => return,
            Target::Birth(key, epoch) => return self.on_birth(from, key, epoch, outcome, turn),
        };
        let Some(book) = self.requests.books.get_mut(&id) else { return };
        if book.stage == Stage::Signed {
            return;
        }
        book.unverified.push(from, outcome);
        self.verify_next(id, turn);
    }

    /// Verifies the next of the signatures that wait, once this node has read the bytes itself.
    pub(super) fn verify_next(&mut self, id: RequestId, turn: &mut Turn<'_>) {
        let Some(book) = self.requests.books.get_mut(&id) else { return };
        let Some(decoded) = book.decoded.clone().filter(|_| book.finishing.is_none()) else {
            return;
        };
        let Some((from, outcome)) = book.unverified.take_next() else { return };
        let task = Task::Finish { decoded, signatures: outcome.signatures.clone() };
        let job = self.start_job(task, turn);
        if let Some(book) = self.requests.books.get_mut(&id) {
            book.finishing = Some(job);
        }
        self.requests.by_job.insert(job, id);
        self.requests.finishing.insert(job, (id, from, outcome));
    }

    /// Signatures were verified and made into the artifact, or do not verify (SES-09).
    pub(crate) fn on_finished(
        &mut self,
        job: JobId,
        result: Result<Artifact, String>,
        turn: &mut Turn<'_>,
    ) {
        self.requests.by_job.remove(&job);
        let Some((id, from, outcome)) = self.requests.finishing.remove(&job) else { return };
        let Some(book) = self.requests.books.get_mut(&id) else { return };
        book.finishing = None;
        match result {
            Ok(artifact) => {
                book.unverified.clear();
                book.artifact = Some(artifact);
                book.outcome = Some(outcome);
                self.requests.has_untold = true;
                self.finish(id, Stage::Signed, turn);
            }
            Err(why) => {
                self.audit(format!("an outcome of request {id}: {why}"), &[from], turn);
                self.verify_next(id, turn);
            }
        }
    }

    /// Gives a request up after too many attempts.
    pub(crate) fn give_up(&mut self, id: RequestId, turn: &mut Turn<'_>) {
        self.finish(id, Stage::Failed, turn);
    }

    /// Tells a peer that still works on a request how it ended.
    pub(crate) fn share_end(&mut self, peer: NodeId, id: &RequestId, turn: &mut Turn<'_>) {
        let Some(book) = self.requests.books.get(id) else { return };
        let message = match book.stage {
            Stage::Signed => book.outcome.clone().map(Message::Outcome),
            Stage::Cancelled => book.cancellation.clone().map(Message::Cancellation),
            Stage::Rejected => {
                let rejects =
                    book.approvals.iter().find(|vote| vote.body().verdict == Verdict::Reject);
                rejects.map(|vote| Message::Approval(vote.signed().clone()))
            }
            Stage::Denied => {
                book.decisions.get(&self.me).map(|own| Message::Decision(own.signed().clone()))
            }
            Stage::Waiting | Stage::Signing | Stage::Expired | Stage::Failed => None,
        };
        if let Some(message) = message {
            self.send(peer, &message, turn);
        }
    }

    /// A request has ended. The oldest ended ones are dropped beyond the limit.
    pub(super) fn finish(&mut self, id: RequestId, stage: Stage, turn: &mut Turn<'_>) {
        let Some(book) = self.requests.books.get_mut(&id) else { return };
        let was_final = book.stage.is_final();
        book.stage = stage;
        book.authorized = None;
        if !was_final {
            self.requests.open.remove(&id);
            self.requests.expiries.remove(&id);
            self.requests.ended.push_back(id);
            if stage.is_withdrawn() {
                let body = book.request.body();
                self.requests.withdrawn.hold(id, body.requester, body.expiry_ms);
            }
        }
        self.abandon(&Target::Request(id));
        self.store_request(&id, turn);
        self.prune_requests(turn);
        turn.out.notices.push(Notice::Ended(id));
    }

    /// Keeps the newest of the ended requests. One that people withdrew stays until it expires:
    /// else it could be filed again as if nobody had said no (RQS-05).
    fn prune_requests(&mut self, turn: &mut Turn<'_>) {
        while self.requests.books.len() > limits::REQUESTS_KEPT_MAX {
            let Some(oldest) = self.requests.ended.pop_front() else { return };
            if !self.requests.withdrawn.keeps(&oldest) {
                self.drop_request(&oldest, turn);
            }
        }
    }

    pub(super) fn drop_request(&mut self, id: &RequestId, turn: &mut Turn<'_>) {
        let Some(book) = self.requests.books.remove(id) else { return };
        let requester = book.request.body().requester;
        if let Some(key) = book.idempotency {
            self.requests.idempotent.remove(&(requester, key));
        }
        let key: &[u8] = id.as_ref();
        turn.out.writes.push(Write::delete(Table::Request, key));
    }
}
