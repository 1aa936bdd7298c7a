//! Requests: filed, judged by this node itself, approved by people, signed or not. See
//! `spec/node.md`, RQS.

mod book;
mod early;
mod ending;
mod judging;

use crate::durable::{Table, Write};
use crate::event::{Barrier, Millis, Notice};
use crate::job::JobId;
use crate::limits;
use crate::node::{Node, Turn};
use crate::schedule::Schedule;
use crate::wire::{Message, Outcome, Target, Terms};
pub(crate) use book::{Refusal, RequestBook, Stage};
use early::Early;
pub(crate) use early::Statement;
use quorate_identity::{ActorId, NodeId, RequestId};
use quorate_policy::request::{
    RequestError, Verdict, VerifiedApproval, VerifiedCancellation, VerifiedRequest,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// All requests that a node knows.
#[derive(Default)]
pub(crate) struct Requests {
    books: BTreeMap<RequestId, RequestBook>,
    by_job: BTreeMap<JobId, RequestId>,
    finishing: BTreeMap<JobId, (RequestId, NodeId, Outcome)>,
    idempotent: BTreeMap<(ActorId, String), RequestId>,
    /// Requests that have not ended.
    open: BTreeSet<RequestId>,
    /// Requests that have, in the order in which they did.
    ended: VecDeque<RequestId>,
    expiries: Schedule<RequestId>,
    withdrawn: Withdrawn,
    early: Early,
    /// How far the last round of gossip came, by peer.
    told: BTreeMap<NodeId, RequestId>,
    /// Whether the next round tells what ended lately too.
    tells_ended: bool,
    /// Whether an outcome was written that need not be durable yet: nobody was told of it.
    pub has_untold: bool,
}

/// Requests that people rejected or cancelled, until they expire: so long nobody may file them
/// again as if nobody had said no (RQS-05).
#[derive(Default)]
struct Withdrawn {
    requesters: BTreeMap<RequestId, ActorId>,
    counts: BTreeMap<ActorId, usize>,
    expiries: Schedule<RequestId>,
    /// Those whose turn to be dropped has come.
    passed: BTreeSet<RequestId>,
}

impl Withdrawn {
    fn hold(&mut self, id: RequestId, requester: ActorId, expiry: Millis) {
        if self.requesters.insert(id, requester).is_none() {
            *self.counts.entry(requester).or_default() += 1;
            self.expiries.set(id, expiry);
        }
    }

    fn count(&self, requester: &ActorId) -> usize {
        self.counts.get(requester).copied().unwrap_or_default()
    }

    /// Whether a request has to stay; it is dropped when it expires.
    fn keeps(&mut self, id: &RequestId) -> bool {
        let kept = self.requesters.contains_key(id);
        if kept {
            self.passed.insert(*id);
        }
        kept
    }

    /// Lets go of what has expired; what of it is to be dropped now.
    fn expired(&mut self, now: Millis) -> Vec<RequestId> {
        let expired = self.expiries.take_due(now);
        for id in &expired {
            let requester = self.requesters.remove(id);
            let count = requester.and_then(|requester| self.counts.get_mut(&requester));
            if let Some(count) = count {
                *count = count.saturating_sub(1);
            }
        }
        expired.into_iter().filter(|id| self.passed.remove(id)).collect()
    }
}

/// Why a request was not taken.
#[derive(Debug)]
pub(crate) enum FileError {
    /// Too many requests are under way.
    Busy,
    /// Its times or path do not fit.
    Refused(RequestError),
    /// The key is not in the charter.
    UnknownKey,
    /// The key is ordered but not made yet.
    KeyNotReady,
    /// The key was ended for ever.
    KeyRetired,
    /// The idempotency key was used for something else.
    Conflict,
}

/// Why an approval, rejection or cancellation was not taken.
#[derive(Debug)]
pub(crate) enum VoteError {
    /// No such request here.
    UnknownRequest,
    /// The request is over.
    Final(Stage),
    /// The statement itself does not fit: wrong person, own request, expired, twice.
    Refused(String),
}

impl Requests {
    /// One request.
    pub fn book(&self, id: &RequestId) -> Option<&RequestBook> {
        self.books.get(id)
    }

    /// One request, to be completed.
    pub fn book_mut(&mut self, id: &RequestId) -> Option<&mut RequestBook> {
        self.books.get_mut(id)
    }

    /// All requests.
    pub fn books(&self) -> impl Iterator<Item = (&RequestId, &RequestBook)> {
        self.books.iter()
    }

    /// The earliest expiry that changes something.
    pub fn wake_at(&self) -> Option<Millis> {
        [self.expiries.next(), self.withdrawn.expiries.next()].into_iter().flatten().min()
    }

    /// Takes a book in: from a caller, a peer, or the disk.
    pub fn insert(&mut self, book: RequestBook) {
        let id = book.request.id();
        let body = book.request.body();
        if let Some(key) = book.idempotency.clone() {
            self.idempotent.insert((body.requester, key), id);
        }
        if book.stage.is_withdrawn() {
            self.withdrawn.hold(id, body.requester, body.expiry_ms);
        }
        if book.stage.is_final() {
            self.ended.push_back(id);
        } else {
            self.open.insert(id);
            self.expiries.set(id, body.expiry_ms);
        }
        self.books.insert(id, book);
    }

    /// Whether no further request of this requester can be taken now.
    fn is_full(&self, requester: &ActorId) -> bool {
        self.open.len() >= limits::REQUESTS_LIVE_MAX
            || self.withdrawn.count(requester) >= limits::WITHDRAWN_MAX
    }
}

impl Node {
    /// A caller files a request (RQS-01). Filing the same request again changes nothing and
    /// answers with the same id (RQS-04). A key that is retired takes none (EPO-15), nor does one
    /// that is not born yet (CER-07); who withdrew too many waits (RQS-05).
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
        request.check(turn.now).map_err(FileError::Refused)?;
        let order = self.state.key(&body.key).ok_or(FileError::UnknownKey)?;
        if order.retired {
            return Err(FileError::KeyRetired);
        }
        if !self.keys.book(&body.key).is_some_and(|book| book.is_active()) {
            return Err(FileError::KeyNotReady);
        }
        let slot = idempotency.clone().map(|key| (body.requester, key));
        let filed = slot.and_then(|slot| self.requests.idempotent.get(&slot));
        if let Some(known) = filed.and_then(|known| self.requests.books.get(known)) {
            let (known, same) = (known.request.id(), {
                let known = known.request.body();
                (known.key, known.account) == (body.key, body.account)
                    && known.intent == body.intent
                    && known.path == body.path
            });
            return if same { Ok(known) } else { Err(FileError::Conflict) };
        }
        if self.requests.is_full(&body.requester) {
            return Err(FileError::Busy);
        }
        let message = Message::Request(request.signed().clone());
        // Under an idempotency key it must not be signed elsewhere while this node may still forget
        // that it took it: filed again, it would be another one.
        match idempotency {
            None => self.spread(&message, turn),
            Some(_) => self.broadcast(&message, turn),
        }
        // Nobody else may have heard of it.
        turn.out.barrier = Barrier::Full;
        self.take_request(RequestBook::new(request, idempotency, turn.now), turn);
        Ok(id)
    }

    /// A peer spreads a request. It is stored with the next write that must be durable; until
    /// then the peer has it.
    pub(crate) fn on_request(
        &mut self,
        from: NodeId,
        request: VerifiedRequest,
        turn: &mut Turn<'_>,
    ) {
        let id = request.id();
        if let Some(known) = self.requests.books.get(&id) {
            if known.stage.is_final() {
                self.share_end(from, &id, turn);
            }
            return;
        }
        let is_timely = request.check(turn.now).is_ok();
        let has_key = self.state.key(&request.body().key).is_some();
        if is_timely && has_key && !self.requests.is_full(&request.body().requester) {
            self.take_request(RequestBook::new(request, None, turn.now), turn);
        }
    }

    fn take_request(&mut self, book: RequestBook, turn: &mut Turn<'_>) {
        let id = book.request.id();
        self.requests.insert(book);
        self.store_request(&id, turn);
        turn.out.notices.push(Notice::Request(id));
        self.judge(id, turn);
        for (from, statement) in self.requests.early.take(&id) {
            self.on_statement(from, statement, turn);
        }
    }

    /// A peer passes on a statement about a request. One that came before its request waits for
    /// it; one that does not fit any more is not the peer's fault, it may know less.
    pub(crate) fn on_statement(&mut self, from: NodeId, statement: Statement, turn: &mut Turn<'_>) {
        if !self.requests.books.contains_key(&statement.request()) {
            self.requests.early.push(from, statement);
            return;
        }
        match statement {
            Statement::Approval(vote) => _ = self.vote_request(vote, turn),
            Statement::Cancellation(cancellation) => _ = self.cancel_request(cancellation, turn),
            Statement::Decision(decision) => self.on_decision(from, decision, turn),
        }
    }

    /// Takes an approval or rejection and judges again. From a caller it is durable before the
    /// answer.
    pub(crate) fn vote_request(
        &mut self,
        vote: VerifiedApproval,
        turn: &mut Turn<'_>,
    ) -> Result<RequestId, VoteError> {
        let id = vote.body().request;
        let book = self.requests.books.get_mut(&id).ok_or(VoteError::UnknownRequest)?;
        if book.approvals.iter().any(|known| known.signed() == vote.signed()) {
            return Ok(id);
        }
        if book.stage.is_final() {
            return Err(VoteError::Final(book.stage));
        }
        let checked = vote.check(&self.state, &book.request, &book.approvals, turn.now);
        checked.map_err(|error| VoteError::Refused(error.to_string()))?;
        if book.approvals.len() >= limits::VOTES_PER_REQUEST_MAX {
            return Err(VoteError::Refused("too many votes on this request".into()));
        }
        let verdict = vote.body().verdict;
        book.approvals.push(vote);
        self.store_request(&id, turn);
        turn.out.notices.push(Notice::Request(id));
        match verdict {
            Verdict::Reject => self.finish(id, Stage::Rejected, turn),
            Verdict::Approve => self.judge(id, turn),
        }
        Ok(id)
    }

    /// Takes the requester's cancellation.
    pub(crate) fn cancel_request(
        &mut self,
        cancellation: VerifiedCancellation,
        turn: &mut Turn<'_>,
    ) -> Result<RequestId, VoteError> {
        let id = cancellation.body().request;
        let book = self.requests.books.get_mut(&id).ok_or(VoteError::UnknownRequest)?;
        if book.stage == Stage::Cancelled {
            return Ok(id);
        }
        if book.stage.is_final() {
            return Err(VoteError::Final(book.stage));
        }
        if !cancellation.is_for(&book.request) {
            return Err(VoteError::Refused("only the requester cancels a request".into()));
        }
        book.cancellation = Some(cancellation.signed().clone());
        self.finish(id, Stage::Cancelled, turn);
        Ok(id)
    }

    /// Everything that time makes due.
    pub(crate) fn drive_requests(&mut self, turn: &mut Turn<'_>) {
        for id in self.requests.expiries.take_due(turn.now) {
            self.finish(id, Stage::Expired, turn);
        }
        for id in self.requests.withdrawn.expired(turn.now) {
            self.drop_request(&id, turn);
        }
    }

    /// Tells a peer what is undecided: some of it each time, all of it in turns.
    pub(crate) fn share_requests(&mut self, peer: NodeId, turn: &mut Turn<'_>) {
        let after = self.requests.told.get(&peer).copied();
        let rest = self.requests.open.iter().filter(|id| after.is_none_or(|after| **id > after));
        let ids: Vec<RequestId> = rest.take(limits::REQUESTS_PER_GOSSIP).copied().collect();
        match ids.last().filter(|_| ids.len() == limits::REQUESTS_PER_GOSSIP) {
            Some(last) => self.requests.told.insert(peer, *last),
            None => self.requests.told.remove(&peer),
        };
        for id in ids {
            self.share_request(peer, &id, turn);
        }
    }

    /// The nodes changed: what is on its way between two that know it at different times is nobody's
    /// (NOD-05), so at the next round of gossip what ended lately is told again too.
    pub(crate) fn retell_ended(&mut self) {
        self.requests.tells_ended = true;
    }

    /// Whether this round of gossip tells what ended lately.
    pub(crate) fn tells_ended(&mut self) -> bool {
        std::mem::take(&mut self.requests.tells_ended)
    }

    /// Tells a peer that came up what ended lately, in case it was away.
    pub(crate) fn share_ended(&mut self, peer: NodeId, turn: &mut Turn<'_>) {
        let lately = self.requests.ended.iter().rev().take(limits::ENDED_TOLD_MAX);
        let is_timely = |id: &&RequestId| {
            let book = self.requests.books.get(*id);
            book.is_some_and(|book| book.request.body().expiry_ms > turn.now)
        };
        let ids: Vec<RequestId> = lately.filter(is_timely).copied().collect();
        for id in ids.into_iter().rev() {
            self.share_request(peer, &id, turn);
            self.share_end(peer, &id, turn);
        }
    }

    /// Tells a peer a request and what is said about it.
    pub(crate) fn share_request(&mut self, peer: NodeId, id: &RequestId, turn: &mut Turn<'_>) {
        let Some(book) = self.requests.books.get(id) else { return };
        let mut messages = vec![Message::Request(book.request.signed().clone())];
        let votes = book.approvals.iter().map(|vote| Message::Approval(vote.signed().clone()));
        messages.extend(votes);
        let own = book.decisions.get(&self.me);
        messages.extend(own.map(|own| Message::Decision(own.signed().clone())));
        for message in messages {
            self.send(peer, &message, turn);
        }
    }

    /// Records that a proposal was refused and why: evidence stays here.
    pub(crate) fn record_refusal(
        &mut self,
        from: NodeId,
        terms: &Terms,
        reason: &str,
        turn: &mut Turn<'_>,
    ) {
        let Target::Request(id) = terms.target else { return };
        let Some(book) = self.requests.books.get_mut(&id) else { return };
        if book.refusals.len() < limits::REFUSALS_PER_REQUEST_MAX {
            let refusal = Refusal { proposed_by: from, reason: reason.to_owned(), at: turn.now };
            book.refusals.push(refusal);
            self.store_request(&id, turn);
            turn.out.notices.push(Notice::Request(id));
        }
    }

    fn store_request(&self, id: &RequestId, turn: &mut Turn<'_>) {
        if let Some(book) = self.requests.books.get(id) {
            let key: &[u8] = id.as_ref();
            turn.out.writes.push(Write::put(Table::Request, key, book.row()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_codec::Digest;
    use quorate_identity::ServiceId;

    #[test]
    fn neg_076_what_people_withdrew_is_not_forgotten_before_it_expires() {
        let id = |number: u8| RequestId(Digest([number; 32]));
        let requester = ActorId::Service(ServiceId(Digest([9; 32])));
        let mut withdrawn = Withdrawn::default();
        withdrawn.hold(id(1), requester, 100);
        withdrawn.hold(id(2), requester, 200);
        withdrawn.hold(id(2), requester, 200);
        assert_eq!(withdrawn.count(&requester), 2);
        assert!(withdrawn.keeps(&id(1)) && !withdrawn.keeps(&id(3)));
        assert_eq!(withdrawn.expired(99), []);
        // its turn had come, so it goes now; the other one is kept like any that ended
        assert_eq!(withdrawn.expired(100), [id(1)]);
        assert_eq!(withdrawn.count(&requester), 1);
        assert_eq!(withdrawn.expired(200), []);
        assert!(!withdrawn.keeps(&id(2)));
    }
}
