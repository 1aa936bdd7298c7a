//! What is proven against nodes: verified by a job, kept, told to everybody, and borne in mind when
//! attempts are planned (`spec/blame.md`). How proofs come about is in [`blame`](super::blame).

use super::ceremony::Ceremony;
use crate::durable::{Table, Write};
use crate::event::Millis;
use crate::evidence::{Evidence, EvidenceError, Finding, Proof};
use crate::job::{JobId, Task};
use crate::limits;
use crate::node::{Node, Turn};
use crate::wire::Message;
use minicbor::{Decode, Encode};
use quorate_charter::{AttemptPlan, Instance, State};
use quorate_codec::{Canonical, Digest};
use quorate_engine::Backups;
use quorate_identity::{KeyId, NodeId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// How much a proof counts among failures: more than any number of silences that is borne.
pub(super) const PROVEN: u32 = 1 << 16;

/// Who came upon a proof, and what follows if it proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// This node; nothing follows.
    Here,
    /// This node, as it judged a complaint in the attempt with this context at a key: it shows what
    /// it received.
    Complaint(KeyId, Digest),
    /// A peer told it; this one is believed less from then on.
    By(NodeId),
}

impl Node {
    /// This node came upon evidence: if it holds, everybody is told.
    pub(crate) fn prove(&mut self, found: Found, evidence: Evidence, turn: &mut Turn<'_>) {
        let (id, _) = evidence.named();
        self.start_proof(found, id, evidence, turn);
    }

    fn start_proof(&mut self, found: Found, id: Digest, evidence: Evidence, turn: &mut Turn<'_>) {
        let context = evidence.plan().map(AttemptPlan::context);
        let nodes_changed_at = self.state.nodes_changed_at();
        let job = self
            .start_job(Task::Prove(Arc::clone(&self.state), self.proofs, Box::new(evidence)), turn);
        self.evidence.proving.insert(job, Proving { found, id, context, nodes_changed_at });
    }

    /// A peer tells of evidence. What is about nothing of now is passed over, and what is known or
    /// would be no news is before any arithmetic; the rest is verified one piece after the other for
    /// each peer (BLM-06).
    pub(crate) fn on_evidence(&mut self, from: NodeId, evidence: Evidence, turn: &mut Turn<'_>) {
        if !self.may_be_news(&evidence) || !self.evidence.listens_to(from, turn.now) {
            return;
        }
        let (id, bytes) = evidence.named();
        if !self.evidence.is_here(&id, &from) {
            let told = self.evidence.told.entry(from).or_default();
            told.bytes += bytes;
            told.waiting.push_back((id, bytes, evidence));
            self.prove_next(from, turn);
        }
    }

    fn prove_next(&mut self, from: NodeId, turn: &mut Turn<'_>) {
        let is_its = |proving: &Proving| proving.found == Found::By(from);
        while !self.evidence.proving.values().any(is_its)
            && let Some(told) = self.evidence.told.get_mut(&from)
            && let Some((id, bytes, evidence)) = told.waiting.pop_front()
        {
            told.bytes -= bytes;
            // Somebody else may have brought the same meanwhile.
            if self.may_be_news(&evidence) {
                self.start_proof(Found::By(from), id, evidence, turn);
            }
        }
    }

    /// Whether it is about something of now that was ordered, and something would follow from it,
    /// as far as that takes no arithmetic.
    fn may_be_news(&self, evidence: &Evidence) -> bool {
        let suspects = evidence.suspects();
        self.is_of_now(&evidence.instance())
            && evidence.may_concern(&self.state)
            && (suspects.is_empty() || suspects.iter().any(|it| self.is_news(evidence, it)))
    }

    /// A piece was verified.
    pub(crate) fn on_proven(
        &mut self,
        job: JobId,
        evidence: &Evidence,
        proven: Result<Finding, EvidenceError>,
        turn: &mut Turn<'_>,
    ) {
        let Some(Proving { found, nodes_changed_at, .. }) = self.evidence.proving.remove(&job)
        else {
            return;
        };
        if nodes_changed_at != self.state.nodes_changed_at() {
            if let Found::By(from) = found {
                self.prove_next(from, turn);
            }
            return;
        }
        let is_news = proven.as_ref().is_ok_and(|finding| self.convict(evidence, finding, turn));
        if is_news {
            // Also what a peer told: it may have told nobody else.
            self.broadcast(&Message::Evidence(Box::new(evidence.clone())), turn);
        }
        match found {
            Found::By(from) => {
                let is_in_vain = proven.is_err() || (!is_news && evidence.suspects().is_empty());
                if is_in_vain && let Some(told) = self.evidence.told.get_mut(&from) {
                    told.in_vain += 1;
                }
                self.prove_next(from, turn);
            }
            Found::Complaint(key, context) if proven.is_err() => {
                // Of another run, or about another message than the one that is here: what
                // everybody received shows whose doing that is (DEAL-21).
                let hearing = self.keys.book(&key).and_then(|book| book.hearing.as_ref());
                if hearing.is_some_and(|hearing| *hearing.context() == context) {
                    self.show_messages(key, turn);
                }
            }
            Found::Here | Found::Complaint(..) => {}
        }
    }

    /// A job was lost: what it was to verify is not proven here.
    pub(crate) fn proof_lost(&mut self, job: JobId, turn: &mut Turn<'_>) -> bool {
        let lost = self.evidence.proving.remove(&job);
        if let Some(Proving { found: Found::By(from), .. }) = &lost {
            self.prove_next(*from, turn);
        }
        lost.is_some()
    }

    /// Whether this lies at the epoch of a key that is made next or was made last, or at a position
    /// next to the head: a liar can prove as much as it likes against itself (BLM-06).
    fn is_of_now(&self, instance: &Instance) -> bool {
        match *instance {
            Instance::Position(at) => at.abs_diff(self.state.position()) <= 1,
            Instance::Attempt { key, epoch, attempt, .. } => {
                self.keys.book(&key).is_some_and(|book| {
                    let made = book.record().map(|record| &record.plan);
                    (epoch == book.next_epoch() && attempt <= book.attempt)
                        || made.is_some_and(|plan| plan.epoch == epoch && attempt <= plan.attempt)
                })
            }
        }
    }

    /// Whether anything would follow from a proof against this node: it is not known to be guilty
    /// there, or not in the attempt that is under way (BLM-08).
    fn is_news(&self, evidence: &Evidence, culprit: &NodeId) -> bool {
        !self.evidence.is_guilty(&Place::of(evidence), culprit) || self.would_end(evidence, culprit)
    }

    /// Only what was signed in the very attempt that is under way, by who takes part in it, ends
    /// it: else anybody could end any attempt by proving something against itself (CER-09).
    fn would_end(&self, evidence: &Evidence, culprit: &NodeId) -> bool {
        let Some(plan) = evidence.plan() else { return false };
        let book = self.keys.book(&plan.key);
        book.and_then(|book| book.hearing.as_ref()).is_some_and(|hearing| {
            *hearing.context() == plan.context()
                && plan.participants().contains(culprit)
                && !hearing.has_convicted(culprit)
        })
    }

    /// Takes up what was proven; whether it is news.
    fn convict(&mut self, evidence: &Evidence, finding: &Finding, turn: &mut Turn<'_>) -> bool {
        let is_news = |culprit: &&NodeId| self.is_news(evidence, culprit);
        let news: Vec<NodeId> = finding.culprits.iter().filter(is_news).copied().collect();
        // What is too long to be read back could not be shown to anybody either.
        if news.is_empty() || quorate_codec::to_bytes(evidence).len() > Evidence::BYTES_MAX {
            return false;
        }
        turn.out.writes.extend(self.evidence.add(evidence, finding, turn.now));
        self.alarm(format!("{} about {}", finding.what, finding.instance), &finding.culprits, turn);
        if let Some(plan) = evidence.plan() {
            self.leave_out(plan, &news, finding.what, turn);
        }
        true
    }

    /// Whoever is guilty of an attempt takes no part in later ones at that epoch where it can be
    /// left out, and this one ends.
    fn leave_out(
        &mut self,
        plan: &AttemptPlan,
        guilty: &[NodeId],
        what: &str,
        turn: &mut Turn<'_>,
    ) {
        let Some(book) = self.keys.books.get_mut(&plan.key) else { return };
        if book.next_epoch() != plan.epoch {
            return;
        }
        for culprit in guilty {
            let count = book.failures.entry(*culprit).or_default();
            *count = (*count).max(PROVEN);
        }
        let participants = plan.participants();
        let hearing = book.hearing.as_mut().filter(|hearing| *hearing.context() == plan.context());
        let Some(hearing) = hearing.filter(|_| guilty.iter().all(|it| participants.contains(it)))
        else {
            return;
        };
        hearing.convict(guilty);
        let is_open = |open: &Ceremony| open.plan.attempt == plan.attempt && open.is_open();
        if book.ceremony.as_ref().is_some_and(is_open) {
            self.void_attempt(plan.key, what, &[], turn);
        }
    }

    /// A channel came up: the peer is shown what was proven about attempts at epochs that are not
    /// made yet, the newest first, as far as one answer goes.
    pub(crate) fn share_evidence(&mut self, peer: NodeId, turn: &mut Turn<'_>) {
        let is_open = |finding: &Finding| match finding.instance {
            Instance::Attempt { key, epoch, .. } => {
                self.keys.book(&key).is_some_and(|book| book.next_epoch() == epoch)
            }
            Instance::Position(_) => false,
        };
        let open = self.evidence.kept.iter().rev().filter(|kept| is_open(&kept.finding));
        let mut room = limits::EVIDENCE_BYTES_PER_ANSWER;
        let open = open.take_while(|kept| {
            let has_room = room > 0;
            room = room.saturating_sub(kept.bytes);
            has_room
        });
        for evidence in open.map(|kept| kept.evidence.clone()).collect::<Vec<_>>() {
            self.send(peer, &Message::Evidence(Box::new(evidence)), turn);
        }
    }

    /// Whether a proof about the attempt that this node heard last at a key is being verified.
    pub(super) fn is_judging(&self, key: &KeyId) -> bool {
        let hearing = self.keys.book(key).and_then(|book| book.hearing.as_ref());
        hearing.is_some_and(|hearing| {
            let own = |proving: &Proving| !matches!(proving.found, Found::By(_));
            let mut own = self.evidence.proving.values().filter(|proving| own(proving));
            own.any(|proving| proving.context == Some(*hearing.context()))
        })
    }
}

/// Where somebody is guilty: in one line of places that only goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    line: Line,
    /// Position or epoch.
    at: u64,
}

/// A line of places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
enum Line {
    /// Positions of the log.
    #[n(0)]
    Log,
    /// Votes about attempts at the epochs of a key.
    #[n(1)]
    Votes(#[n(0)] KeyId),
    /// Dealings of a key.
    #[n(2)]
    Dealings(#[n(0)] KeyId),
}

impl Place {
    fn of(evidence: &Evidence) -> Self {
        match (evidence.instance(), evidence.proof()) {
            (Instance::Position(at), _) => Self { line: Line::Log, at },
            (Instance::Attempt { key, epoch, .. }, Proof::Votes(_)) => {
                Self { line: Line::Votes(key), at: epoch }
            }
            (Instance::Attempt { key, epoch, .. }, _) => {
                Self { line: Line::Dealings(key), at: epoch }
            }
        }
    }
}

/// Evidence that this node keeps, oldest first, and who is guilty of what, which outlives it.
#[derive(Default)]
pub(crate) struct EvidenceBook {
    count: u64,
    kept: VecDeque<Kept>,
    /// The last place of each line at which each node was proven guilty. It only grows, so that no
    /// amount of proofs writes the same twice.
    guilt: BTreeMap<(Line, NodeId), u64>,
    /// What is being verified, by its job.
    proving: BTreeMap<JobId, Proving>,
    told: BTreeMap<NodeId, Told>,
}

/// A piece that is being verified.
struct Proving {
    found: Found,
    /// Names it.
    id: Digest,
    /// The context of the attempt that it is about, if it is about one.
    context: Option<Digest>,
    /// The last entry that changed who the nodes are when it began: under other keys it proves
    /// nothing.
    nodes_changed_at: u64,
}

/// What a peer told.
#[derive(Default)]
struct Told {
    /// What is verified when the one before it is, with its name and length.
    waiting: VecDeque<(Digest, usize, Evidence)>,
    /// Length of all that waits.
    bytes: usize,
    /// How many pieces proved nothing, or after arithmetic nothing new, in this hour.
    in_vain: u32,
    /// When this hour began.
    since: Millis,
}

/// A piece that is kept.
pub(crate) struct Kept {
    number: u64,
    /// Names it.
    pub id: Digest,
    /// When it came, on this node's clock.
    pub at: Millis,
    bytes: usize,
    pub evidence: Evidence,
    pub finding: Finding,
}

/// Its row, by its number.
#[derive(Encode, Decode)]
struct EvidenceRow {
    #[n(0)]
    at: Millis,
    #[n(1)]
    evidence: Evidence,
}

impl Canonical for EvidenceRow {
    const BYTES_MAX: usize = Evidence::BYTES_MAX + 16;
}

/// The key of a row that says at which place last a node was guilty.
#[derive(Encode, Decode)]
struct GuiltKey {
    #[n(0)]
    line: Line,
    #[n(1)]
    node: NodeId,
}

impl Canonical for GuiltKey {
    const BYTES_MAX: usize = 80;
}

impl EvidenceBook {
    /// Reads a piece that was kept; whether it still proves something.
    pub fn load(&mut self, state: &State, proofs: Backups, key: &[u8], value: &[u8]) -> bool {
        let number = <[u8; 8]>::try_from(key).map(u64::from_be_bytes);
        let row = quorate_codec::from_bytes::<EvidenceRow>(value).ok();
        let Some((number, EvidenceRow { at, evidence })) = number.ok().zip(row) else {
            return false;
        };
        self.count = self.count.max(number);
        let Ok(finding) = evidence.verify(state, proofs) else { return false };
        let place = Place::of(&evidence);
        finding.culprits.iter().for_each(|node| _ = self.raise(&place, *node));
        let (id, bytes) = evidence.named();
        self.kept.push_back(Kept { number, id, at, bytes, evidence, finding });
        true
    }

    /// Reads who is guilty of what; whether it could be read.
    pub fn load_guilt(&mut self, key: &[u8], value: &[u8]) -> bool {
        let key = quorate_codec::from_bytes::<GuiltKey>(key).ok();
        let at = <[u8; 8]>::try_from(value).ok().map(u64::from_be_bytes);
        let Some((GuiltKey { line, node }, at)) = key.zip(at) else { return false };
        self.raise(&Place { line, at }, node);
        true
    }

    /// What is kept, oldest first.
    pub fn kept(&self) -> impl Iterator<Item = &Kept> {
        self.kept.iter()
    }

    /// A piece of it.
    pub fn get(&self, id: &Digest) -> Option<&Kept> {
        self.kept.iter().find(|kept| kept.id == *id)
    }

    /// Who was proven guilty in attempts at an epoch.
    pub fn guilty_of(&self, key: &KeyId, epoch: u64) -> BTreeSet<NodeId> {
        let line = Line::Dealings(*key);
        let all = (line, NodeId(Digest([0; 32])))..=(line, NodeId(Digest([0xff; 32])));
        let of_it = self.guilt.range(all).filter(|(_, at)| **at == epoch);
        of_it.map(|((_, node), _)| *node).collect()
    }

    /// Whether it is known, or being verified, or waits for that in this peer's line: what waits in
    /// another's may wait long, if that peer wants it to.
    fn is_here(&self, id: &Digest, from: &NodeId) -> bool {
        let waits = |told: &Told| told.waiting.iter().any(|(waiting, ..)| waiting == id);
        self.get(id).is_some()
            || self.proving.values().any(|proving| proving.id == *id)
            || self.told.get(from).is_some_and(waits)
    }

    /// Whether a peer's line has room, and it told not too much in vain lately.
    fn listens_to(&mut self, from: NodeId, now: Millis) -> bool {
        let told = self.told.entry(from).or_default();
        if now.saturating_sub(told.since) >= limits::EVIDENCE_IN_VAIN_MS {
            (told.in_vain, told.since) = (0, now);
        }
        told.in_vain < limits::EVIDENCE_IN_VAIN_MAX
            && told.waiting.len() < limits::EVIDENCE_KEPT_MAX
            && told.bytes < limits::EVIDENCE_BYTES_PER_ANSWER
    }

    /// Notes that a node is guilty at a place; whether that was not known.
    fn raise(&mut self, place: &Place, node: NodeId) -> bool {
        let is_news = !self.is_guilty(place, &node);
        if is_news {
            self.guilt.insert((place.line, node), place.at);
        }
        is_news
    }

    /// Whether a node is known to be guilty at this place of a line, or a later one.
    fn is_guilty(&self, place: &Place, node: &NodeId) -> bool {
        self.guilt.get(&(place.line, *node)).is_some_and(|last| *last >= place.at)
    }

    /// Forgets what was proven about the former machine of a node, and pieces that its signatures are
    /// part of: under the node's keys of now they prove nothing, and the machine of now did none of
    /// it (GOV-61).
    pub fn forget(&mut self, node: &NodeId) -> Vec<Write> {
        let is_of_it = |kept: &Kept| {
            let took_part =
                kept.evidence.plan().is_some_and(|plan| plan.participants().contains(node));
            took_part || kept.finding.culprits.contains(node)
        };
        let (gone, kept) = std::mem::take(&mut self.kept).into_iter().partition(is_of_it);
        self.kept = kept;
        let gone: VecDeque<Kept> = gone;
        let mut writes: Vec<Write> = gone
            .iter()
            .map(|kept| Write::delete(Table::Evidence, kept.number.to_be_bytes()))
            .collect();
        let guilt = self.guilt.keys().filter(|(_, of)| of == node).copied().collect::<Vec<_>>();
        for (line, node) in guilt {
            self.guilt.remove(&(line, node));
            let key = quorate_codec::to_bytes(&GuiltKey { line, node });
            writes.push(Write::delete(Table::Guilt, key));
        }
        writes
    }

    /// Keeps a piece and who is guilty of it. Of each culprit only so many pieces are kept, and of
    /// all; the guilt stays (BLM-08).
    fn add(&mut self, evidence: &Evidence, finding: &Finding, at: Millis) -> Vec<Write> {
        let place = Place::of(evidence);
        let mut writes = Vec::new();
        for node in finding.culprits.iter().copied() {
            if self.raise(&place, node) {
                let key = quorate_codec::to_bytes(&GuiltKey { line: place.line, node });
                writes.push(Write::put(Table::Guilt, key, place.at.to_be_bytes().to_vec()));
            }
        }
        let of_it = |kept: &Kept| kept.finding.culprits.first() == finding.culprits.first();
        let is_full =
            self.kept.iter().filter(|kept| of_it(kept)).count() >= limits::EVIDENCE_PER_NODE_MAX;
        let oldest = match is_full {
            true => self.kept.iter().position(of_it),
            false => (self.kept.len() >= limits::EVIDENCE_KEPT_MAX).then_some(0),
        };
        if let Some(old) = oldest.and_then(|at| self.kept.remove(at)) {
            writes.push(Write::delete(Table::Evidence, old.number.to_be_bytes()));
        }
        self.count += 1;
        let row = quorate_codec::to_bytes(&EvidenceRow { at, evidence: evidence.clone() });
        writes.push(Write::put(Table::Evidence, self.count.to_be_bytes(), row));
        let ((id, bytes), number) = (evidence.named(), self.count);
        let (evidence, finding) = (evidence.clone(), finding.clone());
        self.kept.push_back(Kept { number, id, at, bytes, evidence, finding });
        writes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_access::Tree;
    use quorate_engine::{Equivocation, Place as Slot, Signed};
    use quorate_identity::{GenesisHash, Head, Scheme};

    fn key(number: u8) -> KeyId {
        KeyId(Digest([number; 32]))
    }

    fn evidence(key: KeyId, epoch: u64) -> Evidence {
        let node = NodeId(Digest([1; 32]));
        let tree: Tree<u8> = "any of (1, 2)".parse().unwrap();
        let plan = AttemptPlan {
            version: AttemptPlan::VERSION,
            genesis: GenesisHash(Digest([2; 32])),
            key,
            epoch,
            attempt: 0,
            previous: Digest::ZERO,
            scheme: Scheme::Ed25519,
            tree: tree.map(|number| NodeId(Digest([*number; 32]))),
            faults: 0,
            order: Head(Digest::ZERO),
            head: Head(Digest::ZERO),
            made_at: 0,
            dealers: vec![node],
            committee: vec![node],
            incarnations: vec![Digest::ZERO],
            accounts: 1,
            origin: None,
            custody: Digest::ZERO,
            renews: true,
        };
        let said = |byte: u8| Signed { bytes: vec![byte].into(), signature: vec![0; 64].into() };
        let (one, other) = (said(1), said(2));
        let proof = Equivocation { author: node, place: Slot::Message1, one, other };
        Evidence::new(Proof::Twice(plan, proof))
    }

    fn finding(culprit: NodeId, evidence: &Evidence) -> Finding {
        let instance = evidence.instance();
        Finding { culprits: vec![culprit], instance, what: "a test" }
    }

    /// BLM-08: pieces have an end, of each node and of all; who is guilty of what stays known
    /// without them, after a restart too, and the same is written once.
    #[test]
    fn nod_05_evidence_has_an_end_and_guilt_stays() {
        let mut book = EvidenceBook::default();
        let mut rows: BTreeMap<(Table, Vec<u8>), Vec<u8>> = BTreeMap::new();
        let mut add = |book: &mut EvidenceBook, culprit: u8, key, epoch| {
            let piece = evidence(key, epoch);
            let culprit = NodeId(Digest([culprit; 32]));
            // As a node asks before it takes anything up.
            if book.is_guilty(&Place::of(&piece), &culprit) {
                return None;
            }
            for write in book.add(&piece, &finding(culprit, &piece), 7) {
                match write.value {
                    Some(value) => _ = rows.insert((write.table, write.key), value.to_vec()),
                    None => assert!(rows.remove(&(write.table, write.key)).is_some()),
                }
            }
            Some(rows.keys().filter(|(table, _)| *table == Table::Evidence).count())
        };
        assert_eq!(add(&mut book, 1, key(3), 1), Some(1));
        assert_eq!(add(&mut book, 1, key(3), 1), None, "no news");
        for number in 10..30 {
            let kept = add(&mut book, 1, key(number), 0).unwrap();
            assert!(kept <= limits::EVIDENCE_PER_NODE_MAX);
        }
        assert_eq!(add(&mut book, 1, key(3), 1), None, "it made room, and is no news");
        assert_eq!(add(&mut book, 1, key(3), 0), None, "nor is what went before");
        assert!(add(&mut book, 1, key(3), 2).is_some());
        for culprit in 2..100 {
            let kept = add(&mut book, culprit, key(4), 0).unwrap();
            assert!(kept <= limits::EVIDENCE_KEPT_MAX);
        }
        assert_eq!(book.kept().count(), limits::EVIDENCE_KEPT_MAX);
        let mut again = EvidenceBook::default();
        for ((_, key), value) in rows.iter().filter(|((table, _), _)| *table == Table::Guilt) {
            assert!(again.load_guilt(key, value));
        }
        assert_eq!(again.guilt, book.guilt);
        let liar = NodeId(Digest([1; 32]));
        assert_eq!(again.guilty_of(&key(3), 2), BTreeSet::from([liar]));
        assert!(again.guilty_of(&key(3), 1).is_empty(), "that epoch is over");
        assert_eq!(again.guilty_of(&key(4), 0).len(), 98);
    }
}
