//! Who was guilty when an attempt failed: what its participants signed is kept until the next one
//! begins, complaints are judged against it, and what is proven is shown to everybody
//! (`spec/blame.md`).

use super::ceremony::Ceremony;
use crate::durable::{Table, Write};
use crate::event::Millis;
use crate::evidence::{
    Evidence, FIRST_ROUND, Finding, Proof, RecordBytes, Run, SECOND_ROUND, signatures,
};
use crate::limits;
use crate::node::{Node, Turn};
use crate::wire::{DealMessage, DealStep, Message, ShownMessage};
use minicbor::{Decode, Encode};
use quorate_charter::{AttemptPlan, EpochRecord, Instance, PreparedStatement, State};
use quorate_codec::{Canonical, Digest};
use quorate_engine::{
    self as engine, Accusation, Complaint, DealPlan, DealSource, Equivocation, Misdealing, Place,
    Signed,
};
use quorate_identity::{KeyId, NodeId, NodeSignature};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// How much a proof counts among failures: more than any number of silences that is borne.
pub(super) const PROVEN: u32 = 1 << 16;

/// What was said in one attempt, as its participants signed it; the first message of each for
/// each place. Public.
pub(crate) struct Hearing {
    plan: AttemptPlan,
    context: Digest,
    before: Option<Arc<EpochRecord>>,
    heard: BTreeMap<(Place, NodeId), Signed>,
    /// What each participant showed of the first round.
    shown: BTreeMap<NodeId, BTreeMap<NodeId, Signed>>,
    /// Who is proven guilty.
    guilty: BTreeSet<NodeId>,
    /// Complaints that are judged already, or cannot be.
    judged: BTreeSet<NodeId>,
    /// How often each participant showed something: of its own accord, and as an answer.
    showings: BTreeMap<NodeId, u8>,
    has_shown: bool,
    has_answered: bool,
}

impl Hearing {
    pub fn new(plan: AttemptPlan, before: Option<Arc<EpochRecord>>) -> Self {
        let context = plan.context();
        Self {
            plan,
            context,
            before,
            heard: BTreeMap::new(),
            shown: BTreeMap::new(),
            guilty: BTreeSet::new(),
            judged: BTreeSet::new(),
            showings: BTreeMap::new(),
            has_shown: false,
            has_answered: false,
        }
    }

    fn may_show_more(&self, from: &NodeId) -> bool {
        self.showings.get(from).is_none_or(|times| *times < 2)
    }

    /// Whether somebody was proven guilty in this attempt.
    pub fn is_settled(&self) -> bool {
        !self.guilty.is_empty()
    }

    fn is_about(&self, message: &DealMessage) -> bool {
        let plan = &self.plan;
        (plan.key, plan.epoch, plan.attempt) == (message.key, message.epoch, message.attempt)
            && message.context == Some(self.context)
    }

    fn run(&self) -> Run {
        let before = self.before.as_ref();
        let before = before.map(|record| RecordBytes(quorate_codec::to_bytes(record.as_ref())));
        Run { plan: self.plan.clone(), before }
    }

    /// Takes note of a message; whoever signed another one for its place is proven guilty by the
    /// two (BLM-03).
    fn note(&mut self, place: Place, author: NodeId, signed: Signed) -> Option<Evidence> {
        if !self.plan.participants().contains(&author) {
            return None;
        }
        let known = self.heard.entry((place, author)).or_insert_with(|| signed.clone());
        if known.bytes == signed.bytes {
            return None;
        }
        // In one order, so that everybody who finds the two makes the same of them.
        let mut both = [known.clone(), signed];
        both.sort_by(|left, right| left.bytes.cmp(&right.bytes));
        let [one, other] = both;
        let proof = Equivocation { author, place, one, other };
        Some(Evidence::new(Proof::Twice(self.plan.clone(), proof)))
    }

    /// The messages of a round, if all are here.
    fn round(&self, place: Place) -> Option<BTreeMap<NodeId, Signed>> {
        let message = |from: NodeId| Some((from, self.heard.get(&(place, from))?.clone()));
        self.plan.participants().into_iter().map(message).collect()
    }

    /// All messages that are here, to be looked through by anybody (BLM-05).
    fn misdealing(&self) -> Option<Evidence> {
        let firsts = self.round(Place::Message1)?;
        let seconds = self.round(Place::Message2).unwrap_or_default();
        Some(Evidence::new(Proof::Run(self.run(), Misdealing::new(firsts, seconds))))
    }

    /// A complaint with what this node heard of its dealer; nothing while that is not all here.
    fn accusation(&self, complainer: NodeId) -> Option<Evidence> {
        let complaint = self.heard.get(&(Place::Complaint, complainer))?;
        let dealers = &self.plan.dealers;
        let named = accused(&complaint.bytes).filter(|dealer| dealers.contains(dealer));
        let dealer = named.or_else(|| dealers.first().copied())?;
        let second = self.heard.get(&(Place::Message2, dealer))?;
        let firsts = self.round(Place::Message1)?;
        let firsts = firsts.into_iter().map(|(from, first)| (from, first.bytes.into())).collect();
        let (second, complaint) = (second.clone(), complaint.clone());
        let accusation = Accusation::new(&firsts, (dealer, second), (complainer, complaint));
        Some(Evidence::new(Proof::Share(self.run(), accusation)))
    }

    /// Complaints that were not judged yet.
    fn complainers(&self) -> Vec<NodeId> {
        let said = self.heard.keys().filter(|(place, _)| *place == Place::Complaint);
        said.map(|(_, from)| *from).filter(|from| !self.judged.contains(from)).collect()
    }
}

/// Whom a complaint is about, if it is one.
fn accused(bytes: &[u8]) -> Option<NodeId> {
    quorate_codec::from_bytes::<Complaint>(bytes).ok().map(|complaint| complaint.dealer())
}

fn signed(bytes: &[u8], signature: &NodeSignature) -> Signed {
    Signed { bytes: bytes.to_vec().into(), signature: signature.0.to_vec().into() }
}

fn place_of(number: u8) -> Option<Place> {
    match number {
        FIRST_ROUND => Some(Place::Message1),
        SECOND_ROUND => Some(Place::Message2),
        _ => None,
    }
}

/// The dealing that a plan sets out to do, as anybody sees it; nothing if that is not the record
/// before it, nor for an import, whose dealer is no node (IMP-06). Holds no secret.
pub(crate) fn terms_of(plan: &AttemptPlan, before: Option<&EpochRecord>) -> Option<DealPlan> {
    let source = match before {
        None if plan.is_import() => return None,
        None if plan.previous == Digest::ZERO => {
            DealSource::Fresh { count: usize::from(plan.accounts) }
        }
        Some(before) if before.digest() == plan.previous => DealSource::Shared {
            dealers: plan.dealers.iter().copied().collect(),
            keys: super::publics_of(before)?.into_iter().map(Arc::new).collect(),
            shares: Vec::new(),
        },
        _ => return None,
    };
    Some(DealPlan {
        ctx0: plan.context(),
        scheme: plan.scheme,
        tree: plan.tree.clone(),
        receivers: plan.members(),
        me: plan.members().first().copied()?,
        source,
    })
}

impl Node {
    /// Takes note of a message of a dealing, and acts on it if it is about blame. Whether that is
    /// all: what is about no attempt that this node takes part in is nobody's (BLM-06).
    pub(super) fn hear(
        &mut self,
        from: NodeId,
        message: &DealMessage,
        turn: &mut Turn<'_>,
    ) -> bool {
        let is_blame = matches!(message.step, DealStep::Complaint { .. } | DealStep::Shown { .. });
        let key = message.key;
        let hearing = self.keys.books.get_mut(&key).and_then(|book| book.hearing.as_mut());
        let Some(hearing) = hearing.filter(|hearing| hearing.is_about(message)) else {
            return is_blame;
        };
        if !hearing.plan.participants().contains(&from) {
            return is_blame;
        }
        let mut found = Vec::new();
        match &message.step {
            DealStep::Round { number, bytes } => {
                if let Some(place) = place_of(*number) {
                    found.extend(hearing.note(place, from, signed(bytes, &message.signature)));
                }
            }
            DealStep::Complaint { bytes } => {
                let said = signed(bytes, &message.signature);
                found.extend(hearing.note(Place::Complaint, from, said));
            }
            DealStep::Shown { messages } if from != self.me && hearing.may_show_more(&from) => {
                let mut firsts = hearing.shown.remove(&from).unwrap_or_default();
                for ShownMessage { author, number, bytes, signature } in messages {
                    let Some(place) = place_of(*number) else { continue };
                    let said = signed(bytes, signature);
                    if place == Place::Message1 {
                        firsts.entry(*author).or_insert_with(|| said.clone());
                    }
                    found.extend(hearing.note(place, *author, said));
                }
                hearing.shown.insert(from, firsts);
                *hearing.showings.entry(from).or_default() += 1;
                // An answer before this node has said all it has to say would be half of it.
                if hearing.heard.contains_key(&(Place::Message2, self.me)) {
                    self.answer_showing(key, turn);
                }
            }
            DealStep::Shown { .. }
            | DealStep::Prepared { .. }
            | DealStep::Abort { .. }
            | DealStep::Plan { .. } => {}
        }
        for evidence in found {
            self.found(evidence, turn);
        }
        self.judge_complaints(key, turn);
        is_blame
    }

    /// Judges complaints as far as the messages are here that they are about (BLM-04).
    fn judge_complaints(&mut self, key: KeyId, turn: &mut Turn<'_>) {
        let book = self.keys.books.get(&key);
        let Some(hearing) = book.and_then(|book| book.hearing.as_ref()) else { return };
        for complainer in hearing.complainers() {
            let book = self.keys.books.get_mut(&key);
            let Some(hearing) = book.and_then(|book| book.hearing.as_mut()) else { return };
            let Some(evidence) = hearing.accusation(complainer) else { continue };
            hearing.judged.insert(complainer);
            if !self.found(evidence, turn) {
                // Of another run, or about another message than the one that is here: what
                // everybody received shows whose doing that is (DEAL-21).
                self.show_messages(key, turn);
            }
        }
    }

    /// The engine found this node's share bad, or somebody guilty, or cannot tell: says so as far
    /// as others can verify it, before the attempt is given up.
    pub(super) fn blame(&mut self, key: KeyId, failure: &engine::Failure, turn: &mut Turn<'_>) {
        let engine::Fault::Peer { culprits } = &failure.fault else { return };
        let of_import = |book: &super::KeyBook| {
            book.hearing.as_ref().is_some_and(|hearing| hearing.plan.is_import())
        };
        if self.keys.book(&key).is_some_and(of_import) {
            // Nobody could judge it, and it would reveal good shares with the bad one (IMP-06).
            return;
        }
        if let Some(complaint) = &failure.complaint {
            self.send_deal(key, DealStep::Complaint { bytes: complaint.to_bytes() }, turn);
            return;
        }
        if culprits.is_empty() {
            return self.show_messages(key, turn);
        }
        let book = self.keys.books.get(&key);
        let hearing = book.and_then(|book| book.hearing.as_ref());
        if let Some(evidence) = hearing.and_then(Hearing::misdealing) {
            self.found(evidence, turn);
        }
    }

    /// A member's statement PREPARED does not hold.
    pub(super) fn blame_prepared(
        &mut self,
        key: KeyId,
        record: &[u8],
        statement: &PreparedStatement,
        turn: &mut Turn<'_>,
    ) {
        let book = self.keys.books.get(&key);
        let Some(hearing) = book.and_then(|book| book.hearing.as_ref()) else { return };
        let record = RecordBytes(record.to_vec());
        let proof = Proof::Prepared(hearing.plan.clone(), statement.clone(), record);
        self.found(Evidence::new(proof), turn);
    }

    /// Shows everybody who takes part what each signed, once in an attempt for a reason of this
    /// node's own: messages that all got anyhow, unless somebody told different things (DEAL-21).
    pub(super) fn show_messages(&mut self, key: KeyId, turn: &mut Turn<'_>) {
        let book = self.keys.books.get_mut(&key);
        let Some(hearing) = book.and_then(|book| book.hearing.as_mut()) else { return };
        if !std::mem::replace(&mut hearing.has_shown, true) {
            self.show_all(key, turn);
        }
    }

    /// The same because somebody else did, once.
    fn answer_showing(&mut self, key: KeyId, turn: &mut Turn<'_>) {
        let book = self.keys.books.get_mut(&key);
        let Some(hearing) = book.and_then(|book| book.hearing.as_mut()) else { return };
        if !hearing.has_shown && !std::mem::replace(&mut hearing.has_answered, true) {
            self.show_all(key, turn);
        }
    }

    fn show_all(&mut self, key: KeyId, turn: &mut Turn<'_>) {
        let book = self.keys.books.get_mut(&key);
        let Some(hearing) = book.and_then(|book| book.hearing.as_mut()) else { return };
        let shown = |((place, author), said): (&(Place, NodeId), &Signed)| {
            let number = match place {
                Place::Message1 => FIRST_ROUND,
                Place::Message2 => SECOND_ROUND,
                Place::Complaint => return None,
            };
            let signature = NodeSignature(said.signature.as_slice().try_into().ok()?);
            Some(ShownMessage { author: *author, number, bytes: said.bytes.to_vec(), signature })
        };
        let messages: Vec<ShownMessage> = hearing.heard.iter().filter_map(shown).collect();
        let firsts = hearing.heard.iter().filter(|((place, _), _)| *place == Place::Message1);
        let firsts = firsts.map(|((_, author), said)| (*author, said.clone())).collect();
        hearing.shown.insert(self.me, firsts);
        let (plan, context) = (hearing.plan.clone(), hearing.context);
        let step = DealStep::Shown { messages };
        let message = self.signed_step(key, plan.epoch, plan.attempt, Some(context), step);
        let to_all = Message::Deal(message);
        let me = self.me;
        for peer in plan.participants().into_iter().filter(|peer| *peer != me) {
            self.send(peer, &to_all, turn);
        }
    }

    /// This node came upon evidence: if it holds, everybody is shown it. Whether it does.
    pub(crate) fn found(&mut self, evidence: Evidence, turn: &mut Turn<'_>) -> bool {
        let Ok(finding) = evidence.verify(&self.state) else { return false };
        if self.convict(&evidence, &finding, turn) {
            self.broadcast(&Message::Evidence(Box::new(evidence)), turn);
        }
        true
    }

    /// A peer shows evidence, which was verified. What is about nothing of now is passed over: a
    /// liar can prove as much as it likes against itself (BLM-06).
    pub(crate) fn on_evidence(
        &mut self,
        evidence: &Evidence,
        finding: &Finding,
        turn: &mut Turn<'_>,
    ) {
        let is_of_now = match finding.instance {
            Instance::Position(at) => at.abs_diff(self.state.position()) <= 1,
            Instance::Attempt { key, epoch, attempt } => self.keys.book(&key).is_some_and(|book| {
                let made = book.record().map(|record| &record.plan);
                (epoch == book.next_epoch() && attempt <= book.attempt)
                    || made.is_some_and(|plan| plan.epoch == epoch && attempt <= plan.attempt)
            }),
        };
        if is_of_now {
            let _ = self.convict(evidence, finding, turn);
        }
    }

    /// Takes evidence up that was verified; whether it is news (BLM-06, BLM-08).
    pub(crate) fn convict(
        &mut self,
        evidence: &Evidence,
        finding: &Finding,
        turn: &mut Turn<'_>,
    ) -> bool {
        let Some(writes) = self.evidence.add(evidence, finding, turn.now) else { return false };
        turn.out.writes.extend(writes);
        self.alarm(format!("{} about {}", finding.what, finding.instance), &finding.culprits, turn);
        let Instance::Attempt { key, epoch, attempt } = finding.instance else { return true };
        if matches!(evidence.proof(), Proof::Votes(_)) {
            return true;
        }
        let Some(book) = self.keys.books.get_mut(&key) else { return true };
        if book.next_epoch() != epoch {
            return true;
        }
        for culprit in &finding.culprits {
            let count = book.failures.entry(*culprit).or_default();
            *count = (*count).max(PROVEN);
        }
        // Only what was signed in this very attempt, by who takes part in it, ends it: else anybody
        // could end any attempt by proving something against itself (CER-09).
        let context = evidence.plan().map(AttemptPlan::context);
        let hearing = book.hearing.as_mut().filter(|hearing| {
            let participants = hearing.plan.participants();
            Some(hearing.context) == context
                && finding.culprits.iter().all(|culprit| participants.contains(culprit))
        });
        let Some(hearing) = hearing else { return true };
        hearing.guilty.extend(&finding.culprits);
        let is_open = |ceremony: &Ceremony| ceremony.plan.attempt == attempt && ceremony.is_open();
        if book.ceremony.as_ref().is_some_and(is_open) {
            self.void_attempt(key, finding.what, &[], turn);
        }
        true
    }

    /// Counts as failing who echoed what it does not show: a reason to choose others, which
    /// condemns nobody (DEAL-21).
    pub(super) fn note_unsupported(&mut self, key: KeyId, attempt: u32) {
        let state = Arc::clone(&self.state);
        let Some(book) = self.keys.books.get_mut(&key) else { return };
        let Some(hearing) = book.hearing.as_ref() else { return };
        if hearing.plan.attempt != attempt || hearing.shown.is_empty() || hearing.is_settled() {
            return;
        }
        for node in unsupported(&state, hearing).into_iter().filter(|node| *node != self.me) {
            *book.failures.entry(node).or_default() += 1;
        }
    }

    /// Shows a peer what was proven about attempts at epochs that are not made yet.
    pub(crate) fn share_evidence(&mut self, peer: NodeId, turn: &mut Turn<'_>) {
        let is_open = |finding: &Finding| match finding.instance {
            Instance::Attempt { key, epoch, .. } => {
                self.keys.book(&key).is_some_and(|book| book.next_epoch() == epoch)
            }
            Instance::Position(_) => false,
        };
        let open = self.evidence.kept().filter(|kept| is_open(&kept.finding));
        for evidence in open.map(|kept| kept.evidence.clone()).collect::<Vec<_>>() {
            self.send(peer, &Message::Evidence(Box::new(evidence)), turn);
        }
    }
}

fn unsupported(state: &State, hearing: &Hearing) -> BTreeSet<NodeId> {
    let Some(terms) = terms_of(&hearing.plan, hearing.before.as_deref()) else {
        return BTreeSet::new();
    };
    let echoes = hearing.heard.iter().filter(|((place, _), _)| *place == Place::Message2);
    let echoes = echoes.map(|((_, from), said)| (*from, said.clone())).collect();
    let holds = signatures(state, &hearing.plan);
    let judged = engine::judge_echoes(terms, &echoes, &hearing.shown, &holds);
    judged.map(|findings| findings.unsupported).unwrap_or_default()
}

/// Evidence that this node keeps, oldest first.
#[derive(Default)]
pub(crate) struct EvidenceBook {
    count: u64,
    kept: VecDeque<Kept>,
    /// What was kept and made room since this start: it is no news when it is shown again.
    gone: VecDeque<Finding>,
}

/// A piece of it.
pub(crate) struct Kept {
    number: u64,
    /// Names it.
    pub id: Digest,
    /// When it came, on this node's clock.
    pub at: Millis,
    pub evidence: Evidence,
    pub finding: Finding,
}

/// Its row.
#[derive(Encode, Decode)]
struct Row {
    #[n(0)]
    at: Millis,
    #[n(1)]
    evidence: Evidence,
}

impl Canonical for Row {
    const BYTES_MAX: usize = Evidence::BYTES_MAX + 16;
}

impl EvidenceBook {
    /// Reads a row; whether it still proves something.
    pub fn load(&mut self, state: &State, key: &[u8], value: &[u8]) -> bool {
        let number = <[u8; 8]>::try_from(key).map(u64::from_be_bytes);
        let row = quorate_codec::from_bytes::<Row>(value).ok();
        let Some((number, Row { at, evidence })) = number.ok().zip(row) else { return false };
        self.count = self.count.max(number);
        let Ok(finding) = evidence.verify(state) else { return false };
        let id = evidence.id();
        self.kept.push_back(Kept { number, id, at, evidence, finding });
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

    /// Whom it proves guilty in attempts at an epoch.
    pub fn guilty_of(&self, key: &KeyId, epoch: u64) -> BTreeSet<NodeId> {
        let about = |kept: &&Kept| {
            matches!(kept.finding.instance, Instance::Attempt { key: of, epoch: at, .. }
                if (of, at) == (*key, epoch))
                && !matches!(kept.evidence.proof(), Proof::Votes(_))
        };
        self.kept.iter().filter(about).flat_map(|kept| kept.finding.culprits.clone()).collect()
    }

    /// Keeps a piece, with what is to be written for it; nothing if it is no news. One proof a
    /// culprit, place and kind is enough; of each culprit only so many are kept, and of all (BLM-08).
    fn add(&mut self, evidence: &Evidence, finding: &Finding, at: Millis) -> Option<Vec<Write>> {
        let known = self.kept.iter().map(|kept| &kept.finding).chain(&self.gone);
        if known.into_iter().any(|known| known == finding) {
            return None;
        }
        let row = quorate_codec::to_bytes(&Row { at, evidence: evidence.clone() });
        if row.len() > Row::BYTES_MAX {
            // It could not be shown to anybody, nor read back.
            return None;
        }
        let mut writes = Vec::new();
        let first = |culprits: &[NodeId]| culprits.first().copied();
        let of_it = |kept: &Kept| first(&kept.finding.culprits) == first(&finding.culprits);
        let is_full =
            self.kept.iter().filter(|kept| of_it(kept)).count() >= limits::EVIDENCE_PER_NODE_MAX;
        let oldest = match is_full {
            true => self.kept.iter().position(of_it),
            false => (self.kept.len() >= limits::EVIDENCE_KEPT_MAX).then_some(0),
        };
        if let Some(old) = oldest.and_then(|at| self.kept.remove(at)) {
            writes.push(Write::delete(Table::Evidence, old.number.to_be_bytes()));
            self.gone.push_back(old.finding);
            if self.gone.len() > limits::EVIDENCE_GONE_MAX {
                self.gone.pop_front();
            }
        }
        self.count += 1;
        writes.push(Write::put(Table::Evidence, self.count.to_be_bytes(), row));
        let (id, number) = (evidence.id(), self.count);
        let (evidence, finding) = (evidence.clone(), finding.clone());
        self.kept.push_back(Kept { number, id, at, evidence, finding });
        Some(writes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_access::Tree;
    use quorate_identity::{GenesisHash, Head, Scheme};

    fn evidence(attempt: u32) -> Evidence {
        let node = NodeId(Digest([1; 32]));
        let tree: Tree<u8> = "any of (1, 2)".parse().unwrap();
        let plan = AttemptPlan {
            version: AttemptPlan::VERSION,
            genesis: GenesisHash(Digest([2; 32])),
            key: KeyId(Digest([3; 32])),
            epoch: 1,
            attempt,
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
            imported: None,
        };
        let said = |byte| signed(&[byte], &NodeSignature([0; 64]));
        let (one, other) = (said(1), said(2));
        let proof = Equivocation { author: node, place: Place::Message1, one, other };
        Evidence::new(Proof::Twice(plan, proof))
    }

    fn finding(culprit: u8, attempt: u32) -> Finding {
        let instance = Instance::Attempt { key: KeyId(Digest([3; 32])), epoch: 1, attempt };
        Finding { culprits: vec![NodeId(Digest([culprit; 32]))], instance, what: "a test" }
    }

    /// BLM-08: of each node and of all; what made room is no news when it comes again.
    #[test]
    fn nod_05_evidence_has_an_end() {
        let mut book = EvidenceBook::default();
        let mut rows = BTreeSet::new();
        let mut add = |book: &mut EvidenceBook, culprit, attempt| {
            let writes = book.add(&evidence(attempt), &finding(culprit, attempt), 7)?;
            for write in writes {
                assert_eq!(write.table, Table::Evidence);
                match write.value {
                    Some(_) => assert!(rows.insert(write.key)),
                    None => assert!(rows.remove(&write.key)),
                }
            }
            Some(rows.len())
        };
        for attempt in 0..20 {
            let kept = limits::EVIDENCE_PER_NODE_MAX.min(attempt as usize + 1);
            assert_eq!(add(&mut book, 1, attempt), Some(kept));
            assert_eq!(add(&mut book, 1, attempt), None, "no news");
        }
        assert_eq!(add(&mut book, 1, 0), None, "it made room, and is no news");
        for culprit in 2..100 {
            let kept = add(&mut book, culprit, 0).unwrap();
            assert!(kept <= limits::EVIDENCE_KEPT_MAX);
        }
        assert_eq!(book.kept().count(), limits::EVIDENCE_KEPT_MAX);
        let newest = NodeId(Digest([99; 32]));
        assert!(book.guilty_of(&KeyId(Digest([3; 32])), 1).contains(&newest));
        assert!(book.guilty_of(&KeyId(Digest([3; 32])), 2).is_empty());
    }
}
