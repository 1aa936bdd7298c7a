//! Who was guilty when an attempt failed: what its participants signed is kept until the next one
//! begins, and complaints are judged against it (`spec/blame.md`). What becomes of a proof is in
//! [`proven`](super::proven).

use super::proven::Found;
use crate::estate;
use crate::evidence::{
    BACKUP_ROUND, BeforeBytes, Evidence, FIRST_ROUND, Proof, RecordBytes, Run, SECOND_ROUND,
    signatures,
};
use crate::node::{Node, Turn};
use crate::wire::{DealMessage, DealStep, Message, ShownMessage};
use quorate_charter::{AttemptPlan, EpochRecord, PreparedStatement, State, Summands};
use quorate_codec::{DecodeError, Digest};
use quorate_engine::{
    self as engine, Accusation, Complaint, DealPlan, DealSource, Equivocation, Misdealing, Place,
    Signed,
};
use quorate_identity::{KeyId, NodeId, NodeSignature};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What was said in one attempt, as its participants signed it; the first message of each for
/// each place. Public.
pub(crate) struct Hearing {
    plan: AttemptPlan,
    context: Digest,
    before: Before,
    heard: BTreeMap<(Place, NodeId), Signed>,
    /// What each participant showed of the first round.
    shown: BTreeMap<NodeId, BTreeMap<NodeId, Signed>>,
    /// Who said two things, and where: proven once.
    twice: BTreeSet<(Place, NodeId)>,
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
    pub fn new(plan: AttemptPlan, before: Before) -> Self {
        let context = plan.context();
        Self {
            plan,
            context,
            before,
            heard: BTreeMap::new(),
            shown: BTreeMap::new(),
            twice: BTreeSet::new(),
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

    /// Whether anybody was proven guilty in this attempt.
    pub fn is_settled(&self) -> bool {
        !self.guilty.is_empty()
    }

    /// The context of the attempt.
    pub fn context(&self) -> &Digest {
        &self.context
    }

    /// Whether somebody was proven guilty in this attempt.
    pub fn has_convicted(&self, node: &NodeId) -> bool {
        self.guilty.contains(node)
    }

    /// Notes who was proven guilty in this attempt.
    pub fn convict(&mut self, guilty: &[NodeId]) {
        self.guilty.extend(guilty);
    }

    fn is_about(&self, message: &DealMessage) -> bool {
        let plan = &self.plan;
        (plan.key, plan.epoch, plan.attempt) == (message.key, message.epoch, message.attempt)
            && message.context == Some(self.context)
    }

    fn run(&self) -> Run {
        Run { plan: self.plan.clone(), before: self.before.to_bytes() }
    }

    /// Takes note of a message; whoever signed another one for its place is proven guilty by the
    /// two (BLM-03).
    fn note(&mut self, place: Place, author: NodeId, signed: Signed) -> Option<Evidence> {
        if !self.plan.participants().contains(&author) {
            return None;
        }
        let known = self.heard.entry((place, author)).or_insert_with(|| signed.clone());
        if known.bytes == signed.bytes || !self.twice.insert((place, author)) {
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
        BACKUP_ROUND => Some(Place::Backup),
        _ => None,
    }
}

/// What a dealing goes on from, which its plan names by a digest. Public.
#[derive(Debug, Clone)]
pub(crate) enum Before {
    /// Nothing: a new key, or one that is imported.
    Nothing,
    /// The record of the epoch before.
    Epoch(Arc<EpochRecord>),
    /// The summands of a key that is restored.
    Summands(Summands),
}

impl Before {
    /// As it goes into evidence.
    fn to_bytes(&self) -> Option<BeforeBytes> {
        match self {
            Self::Nothing => None,
            Self::Epoch(record) => Some(BeforeBytes(quorate_codec::to_bytes(record.as_ref()))),
            Self::Summands(summands) => Some(BeforeBytes(quorate_codec::to_bytes(summands))),
        }
    }

    /// As it comes out of evidence about this plan.
    ///
    /// # Errors
    /// Whoever made it.
    pub fn from_bytes(
        plan: &AttemptPlan,
        bytes: Option<&BeforeBytes>,
    ) -> Result<Self, DecodeError> {
        let Some(BeforeBytes(bytes)) = bytes else { return Ok(Self::Nothing) };
        match plan.restore() {
            Some(_) => quorate_codec::from_bytes(bytes).map(Self::Summands),
            None => quorate_codec::from_bytes(bytes).map(|record| Self::Epoch(Arc::new(record))),
        }
    }
}

/// The dealing that a plan sets out to do, as anybody sees it; nothing if that is not what it goes on
/// from, nor for an import, whose dealer is no node (IMP-06). Holds no secret.
pub(crate) fn terms_of(plan: &AttemptPlan, before: &Before) -> Option<DealPlan> {
    let source = match before {
        Before::Summands(summands) => {
            let is_its = plan.restore().is_some_and(|it| it.summands == summands.digest())
                && summands.dealers().iter().eq(&plan.dealers);
            if !is_its {
                return None;
            }
            estate::source_of(summands, Vec::new())
        }
        Before::Nothing if plan.is_arrival() => return None,
        Before::Nothing if plan.previous == Digest::ZERO => {
            DealSource::Fresh { count: usize::from(plan.accounts) }
        }
        Before::Epoch(before) if before.digest() == plan.previous => DealSource::Shared {
            dealers: plan.dealers.iter().copied().collect(),
            keys: super::publics_of(before.as_ref())?.into_iter().map(Arc::new).collect(),
            shares: Vec::new(),
        },
        Before::Nothing | Before::Epoch(_) => return None,
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
            self.prove(Found::Here, evidence, turn);
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
            let context = hearing.context;
            self.prove(Found::Complaint(key, context), evidence, turn);
        }
    }

    /// The engine found this node's share bad, or somebody guilty, or cannot tell: says so as far
    /// as others can verify it, before the attempt is given up.
    pub(super) fn blame(&mut self, key: KeyId, failure: &engine::Failure, turn: &mut Turn<'_>) {
        let engine::Fault::Peer { culprits } = &failure.fault else { return };
        let of_import = |book: &super::KeyBook| {
            book.hearing.as_ref().is_some_and(|hearing| hearing.plan.import().is_some())
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
            self.prove(Found::Here, evidence, turn);
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
        self.prove(Found::Here, Evidence::new(proof), turn);
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
                Place::Backup => BACKUP_ROUND,
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
}

fn unsupported(state: &State, hearing: &Hearing) -> BTreeSet<NodeId> {
    let Some(terms) = terms_of(&hearing.plan, &hearing.before) else {
        return BTreeSet::new();
    };
    let echoes = hearing.heard.iter().filter(|((place, _), _)| *place == Place::Message2);
    let echoes = echoes.map(|((_, from), said)| (*from, said.clone())).collect();
    let holds = signatures(state, &hearing.plan);
    let judged = engine::judge_echoes(terms, &echoes, &hearing.shown, &holds);
    judged.map(|findings| findings.unsupported).unwrap_or_default()
}
