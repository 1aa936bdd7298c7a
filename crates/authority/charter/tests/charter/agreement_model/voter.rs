//! One voter of the product between two of its statements.

use super::statements::Set;
use super::{Known, POISON, VALUES, Voting};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use quorate_charter::{
    Agreement, Decided, Input, Instance, Lock, Phase, SignedBallotMessage, Validity, Votes,
};
use quorate_codec::{Digest, from_bytes, tag::Tag, to_bytes};
use quorate_identity::NodeSignature;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

pub const POSITION: Instance = Instance::Position(1);
/// Longer than every timer.
const LONG: u64 = 1_000_000;

/// What a voter finds when it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// Its row (AGR-05).
    Row,
    /// Its row, but not what it is bound to.
    RowWithoutLock,
    /// Nothing.
    Nothing,
}

/// What a voter did: its row then, and what it said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    pub row: usize,
    pub said: Set,
}

/// A voter's place, its row, and what it wishes for.
type Seat = (usize, usize, &'static [u8]);

/// All rows met so far, and what follows from them.
#[derive(Default)]
pub struct Rows {
    kept: Vec<Kept>,
    /// By the bytes of a row, and of the whole row that it was cut from.
    numbers: HashMap<Vec<u8>, usize>,
    started: HashMap<Seat, (Alive, Set)>,
    /// By what is heard.
    steps: HashMap<(Seat, Vec<usize>), Vec<Step>>,
    /// By what there is to hear.
    ways: HashMap<(Seat, Set), Arc<BTreeSet<Step>>>,
    /// One lock a ballot and value: they prove the same.
    locks: BTreeMap<(u32, Vec<u8>), Lock>,
    /// Of each voter at each row, one that never crashed.
    alive: HashMap<(usize, usize), Alive>,
    signatures: HashMap<(usize, Tag, Vec<u8>), NodeSignature>,
    decided: HashSet<Vec<u8>>,
}

/// A row, others' statements left out.
struct Kept {
    votes: Votes,
    ballot: u32,
    own: Set,
}

/// A voter in memory.
#[derive(Clone)]
struct Alive {
    agreement: Agreement,
    now: u64,
    /// What it heard and said, in this order.
    met: Vec<usize>,
    has_decided: bool,
}

/// The row of the product, field by field.
#[derive(Encode, Decode)]
struct Row {
    #[n(0)]
    version: u8,
    #[n(1)]
    ballot: u32,
    #[n(2)]
    messages: Vec<SignedBallotMessage>,
    #[n(3)]
    locked: Option<(u32, Digest)>,
    #[n(4)]
    valid: Option<ValidValue>,
}

#[derive(Encode, Decode)]
struct ValidValue {
    #[n(0)]
    value: ByteVec,
    #[n(1)]
    lock: Lock,
}

impl Rows {
    pub fn len(&self) -> usize {
        self.kept.len()
    }
}

impl Voting {
    /// The row of a voter that has done nothing.
    pub(super) fn first_row(&self, known: &mut Known, place: usize) -> usize {
        let fresh = self.voter(place, None);
        let row = self.row(known, place, &fresh.agreement);
        known.rows.alive.insert((place, row), fresh);
        row
    }

    /// Every next statement of a voter that comes back with this row, wishes for something and
    /// hears what it needs of what there is to hear.
    pub(super) fn steps(
        &self,
        known: &mut Known,
        place: usize,
        row: usize,
        wish: &'static [u8],
        heard: Set,
    ) -> Arc<BTreeSet<Step>> {
        let Kept { ballot, own, .. } = known.rows.kept[row];
        // What is said of earlier ballots may decide, and nothing else.
        let counts = |number: &usize| {
            let statement = &known.statements[*number];
            statement.place != place && statement.ballot >= ballot
        };
        let key = ((place, row, wish), heard.iter().filter(counts).collect::<Set>());
        if let Some(steps) = known.rows.ways.get(&key) {
            return Arc::clone(steps);
        }
        let (mut found, mut met, mut open) =
            (BTreeSet::new(), BTreeSet::from([row]), Vec::from([row]));
        let sets = self.sets(known, key.1);
        while let Some(at) = open.pop() {
            for set in &sets {
                for step in self.step(known, (place, at, wish), set) {
                    if known.rows.kept[step.row].ballot >= self.size.ballots {
                        continue;
                    }
                    if step.said.shared(&own) != step.said {
                        found.insert(step);
                    } else if met.insert(step.row) {
                        // It went on to another ballot, or learned of a value, in silence.
                        open.push(step.row);
                    }
                }
            }
        }
        let found = Arc::new(found);
        known.rows.ways.insert(key, Arc::clone(&found));
        found
    }

    /// What may matter to a voter when it hears it at once: nothing, a proposal, an offer, or votes of
    /// one ballot and phase, one a voter and so many that with its own they are a quorum; prevotes
    /// also with the value that they are for.
    fn sets(&self, known: &Known, heard: Set) -> Vec<Vec<usize>> {
        let least = self.charter.quorum() - 1;
        assert!(least > usize::from(self.size.faults), "enough to follow to another ballot");
        let (mut sets, mut groups, mut proposals) = (vec![vec![]], BTreeMap::new(), Vec::new());
        for number in heard.iter() {
            let statement = &known.statements[number];
            match statement.phase {
                Phase::Proposal => proposals.push(number),
                Phase::Offer => sets.push(vec![number]),
                phase => {
                    let group = groups.entry((statement.ballot, phase));
                    group.or_insert_with(Vec::new).push(number);
                }
            }
        }
        for ((_, phase), group) in groups {
            let mut part = self.choices(known, &group);
            part.retain(|set| set.len() >= least);
            for proposal in proposals.iter().filter(|_| phase == Phase::Prevote) {
                let digest = known.statements[*proposal].digest;
                let is_for_it = |number: &&usize| known.statements[**number].digest == digest;
                let won = part.iter().filter(|set| set.iter().filter(is_for_it).count() >= least);
                sets.extend(won.map(|set| [&[*proposal], set.as_slice()].concat()));
            }
            sets.extend(part);
        }
        sets.extend(proposals.into_iter().map(|proposal| vec![proposal]));
        sets
    }

    /// All choices of statements with at most one of each voter.
    fn choices(&self, known: &Known, group: &[usize]) -> Vec<Vec<usize>> {
        let place = |number: &usize| known.statements[*number].place;
        group.iter().fold(vec![vec![]], |mut choices, number| {
            let free = |set: &&Vec<usize>| set.iter().all(|other| place(other) != place(number));
            let free: Vec<Vec<usize>> = choices.iter().filter(free).cloned().collect();
            choices.extend(free.into_iter().map(|set| [set.as_slice(), &[*number]].concat()));
            choices
        })
    }

    /// A voter comes back, wishes for something and hears something; if it says nothing then,
    /// its time may be over.
    fn step(&self, known: &mut Known, seat: Seat, heard: &[usize]) -> Vec<Step> {
        let key = (seat, heard.to_vec());
        if let Some(steps) = known.rows.steps.get(&key) {
            return steps.clone();
        }
        let (place, row, wish) = seat;
        if !known.rows.started.contains_key(&seat) {
            let mut voter = self.voter(place, Some(known.rows.kept[row].votes.clone()));
            let said = self.hand(known, place, &mut voter, Input::Propose(wish.to_vec()));
            known.rows.started.insert(seat, (voter, said));
        }
        let (mut voter, said) = known.rows.started[&seat].clone();
        let said = said.with(&self.hear(known, place, &mut voter, heard));
        let mut steps = vec![Step { row: self.row(known, place, &voter.agreement), said }];
        if said.is_empty() {
            let said = self.wait(known, place, &mut voter);
            steps.push(Step { row: self.row(known, place, &voter.agreement), said });
        }
        if self.memory == Memory::Row {
            self.live_on(known, seat, heard);
        }
        known.rows.steps.insert(key, steps.clone());
        steps
    }

    /// The same of a voter that never crashed, and of one that crashes now and comes back with
    /// its whole row: they do the same (AGR-05).
    fn live_on(&self, known: &mut Known, (place, row, wish): Seat, heard: &[usize]) {
        let Some(mut alive) = known.rows.alive.get(&(place, row)).cloned() else { return };
        if alive.has_decided || !self.is_one_story(known, &alive.met, heard) {
            return;
        }
        let mut row: Row = minicbor::decode(&to_bytes(&alive.agreement.votes())).unwrap();
        // The values that it knows from proposals are not in its row: it hears them again.
        let met = alive.met.iter().map(|number| &known.statements[*number]);
        let proposals = met.filter(|statement| statement.phase == Phase::Proposal);
        row.messages.extend(proposals.map(|statement| statement.message.clone()));
        let mut back = self.voter(place, Some(from_bytes(&to_bytes(&row)).unwrap()));
        let mut said = Set::default();
        for voter in [&mut back, &mut alive] {
            said = self.hand(known, place, voter, Input::Propose(wish.to_vec()));
            said = said.with(&self.hear(known, place, voter, heard));
        }
        assert_eq!(alive.agreement.votes(), back.agreement.votes(), "a crash was noticed");
        let row = self.row(known, place, &alive.agreement);
        known.rows.alive.entry((place, row)).or_insert_with(|| alive.clone());
        if said.is_empty() {
            self.wait(known, place, &mut back);
            self.wait(known, place, &mut alive);
            assert_eq!(alive.agreement.votes(), back.agreement.votes(), "a crash was noticed");
            let row = self.row(known, place, &alive.agreement);
            known.rows.alive.entry((place, row)).or_insert(alive);
        }
    }

    /// Whether no honest voter says two things in one slot: one life is of one story.
    fn is_one_story(&self, known: &Known, met: &[usize], more: &[usize]) -> bool {
        let slot = |number: &usize| {
            let statement = &known.statements[*number];
            (statement.place, statement.ballot, statement.phase)
        };
        let is_honest = |number: &&usize| {
            let (place, _, phase) = slot(number);
            phase != Phase::Offer && !self.size.liars.contains(&place)
        };
        more.iter().filter(is_honest).all(|number| {
            met.contains(number) || met.iter().all(|other| slot(other) != slot(number))
        })
    }

    fn voter(&self, place: usize, row: Option<Votes>) -> Alive {
        let voters = (self.charter.genesis(), self.charter.electorate_now());
        let agreement = Agreement::new(POSITION, voters, self.voters[place], row, 1);
        Alive { agreement, now: 0, met: Vec::new(), has_decided: false }
    }

    fn hear(&self, known: &mut Known, place: usize, voter: &mut Alive, heard: &[usize]) -> Set {
        heard.iter().fold(Set::default(), |said, number| {
            voter.met.push(*number);
            let message = known.statements[*number].message.clone();
            said.with(&self.hand(known, place, voter, Input::Message(message)))
        })
    }

    fn wait(&self, known: &mut Known, place: usize, voter: &mut Alive) -> Set {
        voter.now += LONG;
        self.hand(known, place, voter, Input::Timeout)
    }

    /// What a voter says of its own to one input. Signatures are made once.
    fn hand(&self, known: &mut Known, place: usize, voter: &mut Alive, input: Input) -> Set {
        let id = self.voters[place];
        let made = RefCell::new(&mut known.rows.signatures);
        let sign = |tag: Tag, bytes: &[u8]| {
            let fresh = || self.secrets[&id].sign(tag, bytes);
            *made.borrow_mut().entry((place, tag, bytes.to_vec())).or_insert_with(fresh)
        };
        let judge = |value: &[u8]| match value {
            POISON => Validity::Invalid,
            _ => Validity::Valid,
        };
        let effects = voter.agreement.handle(input, voter.now, &sign, &judge);
        for evidence in effects.evidence {
            let culprit = evidence.culprit();
            let is_liar = self.size.liars.iter().any(|liar| self.voters[*liar] == culprit);
            assert!(is_liar || self.memory == Memory::Nothing, "{evidence} (AGR-10)");
        }
        if let Some(decided) = effects.decided {
            voter.has_decided = true;
            self.check(known, &decided);
        }
        let is_own = |message: &&SignedBallotMessage| {
            message.voter() == id && message.body().phase() != Phase::Offer
        };
        let own = effects.broadcast.iter().filter(is_own);
        let said: Vec<usize> = own.map(|message| self.number(known, message)).collect();
        voter.met.extend(&said);
        said.into_iter().collect()
    }

    /// What a voter decides holds for everybody (AGR-11).
    fn check(&self, known: &mut Known, decided: &Decided) {
        if known.rows.decided.insert(to_bytes(decided)) {
            assert_eq!(decided.verify(&self.charter), Ok(()));
            assert!(VALUES.contains(&decided.value.as_slice()));
        }
    }

    /// What a voter comes back with if it crashes now, others' statements left out.
    fn row(&self, known: &mut Known, place: usize, agreement: &Agreement) -> usize {
        let whole = [to_bytes(&self.voters[place]), to_bytes(&agreement.votes())].concat();
        if let Some(number) = known.rows.numbers.get(&whole) {
            return *number;
        }
        let mut row: Row = minicbor::decode(&to_bytes(&agreement.votes())).unwrap();
        row.messages.retain(|message| message.voter() == self.voters[place]);
        match self.memory {
            Memory::Row => {}
            Memory::RowWithoutLock => row.locked = None,
            Memory::Nothing => {
                row = Row { ballot: 0, messages: Vec::new(), locked: None, valid: None, ..row }
            }
        }
        if let Some(valid) = &mut row.valid {
            let lock = known.rows.locks.entry((valid.lock.ballot, valid.value.to_vec()));
            valid.lock = lock.or_insert_with(|| valid.lock.clone()).clone();
        }
        let bytes = to_bytes(&row);
        let number = known.rows.numbers.get(&bytes).copied().unwrap_or_else(|| {
            let own = row.messages.iter().map(|message| self.number(known, message)).collect();
            let votes = from_bytes(&bytes).unwrap();
            known.rows.kept.push(Kept { votes, ballot: row.ballot, own });
            known.rows.kept.len() - 1
        });
        known.rows.numbers.extend([(bytes, number), (whole, number)]);
        number
    }

    /// Whether a voter that hears all of this decides.
    pub(super) fn decides(&self, place: usize, row: usize, said: Set) -> bool {
        let mut known = self.known.lock().unwrap();
        let mut voter = self.voter(place, Some(known.rows.kept[row].votes.clone()));
        self.hear(&mut known, place, &mut voter, &said.iter().collect::<Vec<usize>>());
        voter.has_decided
    }
}
