//! A program under way: what it did so far, and what must come of the next step.

use super::body::{self, Aside};
use super::domain::{Domain, PEOPLE, key, machine, name, secrets};
use super::step::{Act, Flaw, Step};
use super::{standing, transition};
use crate::input::pick;
use quorate_charter::{
    BallotBody, CertifiedEntry, Decided, Entry, EntryBody, EntryError, Incarnation, Instance,
    Motion, Rejoin, SignedBallotMessage, SignedMotion, SignedRejoin, State, VerifiedEntry, effect,
    verify_log,
};
use quorate_codec::{Digest, Transcript, from_bytes, tag, to_bytes};
use quorate_identity::{
    CredentialSigner, GenesisHash, Head, MotionId, Name, NodeId, NodeSecrets, NodeSignature,
    PersonId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// When programs begin.
const BEGINNING_MS: u64 = 1_800_000_000_000;
/// How long motions last.
const LIFETIME_MS: u64 = 30 * 24 * 60 * 60 * 1_000;

/// What this target knows of an entry by itself.
pub struct Truth {
    /// Who signed its motion, exactly as it is, with a key that is theirs.
    pub signed_by: BTreeSet<Name>,
    /// How many voters certified exactly this entry with keys that are theirs.
    pub certified_by: usize,
    /// Whether it must be refused, whatever else it is.
    pub is_wrong: bool,
    /// Whether voters looked at their clocks.
    pub is_in_time: bool,
}

/// When what announced a motion was stored, and for how long it waits from then on.
#[derive(Debug, Clone, Copy)]
pub struct Began {
    pub at_ms: u64,
    pub wait_ms: u64,
}

/// What became of motions, by what this target saw.
#[derive(Default)]
pub struct Seen {
    /// Waits of announced motions.
    pub waits: BTreeMap<MotionId, Vec<Began>>,
    /// Those that somebody objected to and nobody overrode since.
    pub objected: BTreeSet<MotionId>,
    /// Those that took effect, were withdrawn or fell away: for ever.
    pub over: BTreeSet<MotionId>,
}

pub struct Run<'a> {
    domain: &'a Domain,
    state: State,
    now_ms: u64,
    log: Vec<CertifiedEntry>,
    stored_at: BTreeMap<u64, u64>,
    seen: Seen,
    aside: Aside,
    nonce: u8,
    last: Option<VerifiedEntry>,
}

impl<'a> Run<'a> {
    pub fn new(domain: &'a Domain) -> Self {
        Self {
            domain,
            state: domain.state.clone(),
            now_ms: BEGINNING_MS,
            log: Vec::new(),
            stored_at: BTreeMap::new(),
            seen: Seen::default(),
            aside: Aside::default(),
            nonce: 0,
            last: None,
        }
    }

    pub fn step(&mut self, step: &Step) {
        match step.act {
            Act::Wait => self.now_ms += u64::from(step.a) << (step.b % 24),
            Act::PutMember if self.aside.members.len() < 4 => {
                self.aside.members.push(body::member_change(&self.state, step.a, step.b));
            }
            Act::PutNode if self.aside.nodes.len() < 4 => {
                self.aside.nodes.push(body::node_change(step.a, step.b));
            }
            Act::PutMember | Act::PutNode => {}
            Act::Again if self.log.is_empty() => {}
            Act::Again if step.b & 1 == 0 => {
                let again = pick(&self.log, step.a);
                assert!(self.state.verify_entry(&again).is_err(), "no entry twice (GOV-20)");
            }
            // What it places, in an entry of its own: nothing is placed twice.
            Act::Again => {
                let body = pick(&self.log, step.a).entry().body.clone();
                self.propose(body, BTreeSet::new(), true, step);
            }
            Act::Motion(kind) => {
                let body = body::body(&self.state, kind, step.a, step.b, &mut self.aside);
                self.file(body, step);
            }
            Act::Enact => {
                let id = body::announced(&self.state, step.a);
                self.propose(EntryBody::Enact(id), BTreeSet::new(), false, step);
            }
            Act::Rejoin => {
                let rejoin = self.rejoin(step);
                self.propose(EntryBody::Rejoin(rejoin), BTreeSet::new(), false, step);
            }
        }
    }

    /// Replays the log from its genesis, as bytes; how long it is.
    pub fn replay(&self) -> usize {
        let bytes: Vec<Vec<u8>> = self.log.iter().map(to_bytes).collect();
        let read = |bytes: &Vec<u8>| from_bytes::<CertifiedEntry>(bytes).expect("what was written");
        let replayed = verify_log(&self.domain.file, &self.domain.hash, bytes.iter().map(read));
        let replayed = replayed.expect("a log whose entries were verified one by one (GOV-22)");
        assert!(replayed == self.state, "the same log, the same state");
        assert_eq!(self.state.position(), self.log.len() as u64);
        self.log.len()
    }

    /// A motion, signed by whoever signs, in an entry.
    fn file(&mut self, body: quorate_charter::MotionBody, step: &Step) {
        self.nonce = self.nonce.wrapping_add(1);
        let expiry_ms = match step.flaw {
            Flaw::Expired | Flaw::Hurried => self.now_ms - 1,
            _ => self.now_ms + LIFETIME_MS,
        };
        let mut motion = body::motion(&self.state, body, self.nonce, expiry_ms);
        if step.flaw == Flaw::MotionDomain {
            motion.genesis = GenesisHash(Digest([0xee; 32]));
        }
        let mut is_wrong = step.flaw == Flaw::MotionDomain;
        if step.flaw == Flaw::Stale {
            motion.expects.iter_mut().for_each(|(_, version)| *version += 1);
            is_wrong = !motion.expects.is_empty();
        }
        let (signed, signed_by) = self.signed(&motion, step);
        is_wrong |= step.flaw == Flaw::Changed;
        self.look_at(&signed);
        self.propose(EntryBody::Motion(signed), signed_by, is_wrong, step);
    }

    /// What is shown of a motion before anything happens, and the two ways to ask whether it is
    /// authorised, say the same.
    fn look_at(&self, signed: &SignedMotion) {
        let status = self.state.check_motion(signed, self.now_ms);
        let is_whole = status.as_ref().is_ok_and(|status| status.missing.is_none());
        assert_eq!(is_whole, self.state.authorise(signed, self.now_ms).is_ok());
        let motion = signed.body();
        let _ = (effect(motion, &self.state), motion.kind(), self.state.missing_for(signed));
    }

    /// The signatures, and whose of them are true.
    fn signed(&self, motion: &Motion, step: &Step) -> (SignedMotion, BTreeSet<Name>) {
        let mut signed = SignedMotion::new(motion);
        if step.flaw == Flaw::Changed {
            // What people sign differs from what is filed in one byte, of the nonce.
            let other = Motion { nonce: Digest([0xdd; 32]), ..motion.clone() };
            signed = SignedMotion::new(&other);
        }
        let mut signed_by = BTreeSet::new();
        for (place, who) in PEOPLE.iter().enumerate() {
            if step.signers >> place & 1 == 0 {
                continue;
            }
            let person = self.state.person_named(&name(who));
            let id = person.map_or(PersonId(Digest([step.signers; 32])), |person| person.id);
            let of = match step.flaw {
                Flaw::OthersKeys => PEOPLE[(place + 1) % PEOPLE.len()],
                _ => who,
            };
            let is_theirs = |number: &u8| {
                person.is_some_and(|person| person.keys.contains(key(of, *number).credential()))
            };
            let numbers = if step.flaw == Flaw::FormerKeys { 0..1 } else { 0..5 };
            let number = numbers.into_iter().find(is_theirs);
            signed.sign(id, &*key(of, number.unwrap_or_default())).expect("a signature");
            if number.is_some() && step.flaw != Flaw::Changed {
                signed_by.insert(name(who));
            }
        }
        if step.flaw == Flaw::Changed {
            let signatures = std::mem::take(&mut signed.signatures);
            signed = SignedMotion::new(motion);
            signed.signatures = signatures;
        }
        (signed, signed_by)
    }

    fn rejoin(&self, step: &Step) -> SignedRejoin {
        let node = self.node(step.a % 9);
        let incarnation = Incarnation {
            version: 1,
            count: u64::from(step.b % 8),
            id: Digest([step.b; 32]),
            previous: Digest([step.a; 32]),
        };
        let genesis = self.state.genesis();
        let head = self.state.head();
        let (id, secrets) = node;
        SignedRejoin::sign(Rejoin { version: 1, genesis, node: id, incarnation, head }, &secrets)
    }

    /// A node by its number, whether it is one or not, and the secrets that it has now.
    fn node(&self, number: u8) -> (NodeId, Rc<NodeSecrets>) {
        match self.state.nodes().nth(number.into()) {
            Some(node) => (node.id, machine(&node.keys).expect("a machine of this target")),
            None => (NodeId(Digest([number; 32])), secrets(9)),
        }
    }

    /// An entry, certified by whoever certifies, is verified and, if it holds, applied.
    fn propose(
        &mut self,
        body: EntryBody,
        signed_by: BTreeSet<Name>,
        mut is_wrong: bool,
        step: &Step,
    ) {
        let mut entry = Entry::next(&self.state, body);
        match step.flaw {
            Flaw::Position => entry.position += 1,
            Flaw::Fork => entry.prev = Head(Digest([0xcc; 32])),
            Flaw::Domain => entry.genesis = GenesisHash(Digest([0xee; 32])),
            Flaw::Version => entry.version = 2,
            _ => {}
        }
        is_wrong |= matches!(step.flaw, Flaw::Position | Flaw::Fork | Flaw::Domain | Flaw::Version);
        let (certified, certified_by) = self.certified(&entry, step);
        is_wrong |= matches!(step.flaw, Flaw::Ballot | Flaw::Stranger | Flaw::Forged);
        let stored_at = |position| self.stored_at.get(&position).copied();
        let judged = self.state.check_next(&to_bytes(&entry), self.now_ms, &stored_at);
        let verified = self.state.verify_entry(&certified);
        let holds = matches!(judged, Ok(_) | Err(EntryError::Late(_)));
        let is_certified = certified_by >= self.state.quorum() && certified_by > 0;
        assert!(holds || verified.is_err(), "what no voter finds valid is not replayed (GOV-22)");
        assert!(verified.is_err() || is_certified, "by a quorum of true votes (AGR-11)");
        assert!(verified.is_err() || !is_wrong, "{:?} goes unnoticed", step.flaw);
        assert!(
            verified.is_ok() || !holds || !is_certified || is_wrong,
            "a quorum certified what holds, and it is refused: {:?}",
            verified.err(),
        );
        let is_in_time = judged.is_ok();
        let truth = Truth { signed_by, certified_by, is_wrong, is_in_time };
        if let Ok(verified) = verified
            && (is_in_time || step.flaw == Flaw::Hurried)
        {
            self.apply(verified, certified, &truth);
        }
    }

    fn apply(&mut self, verified: VerifiedEntry, certified: CertifiedEntry, truth: &Truth) {
        let before = self.state.clone();
        self.state.advance(verified.clone());
        assert!(before.apply(verified.clone()) == self.state, "in place and anew, the same");
        // What was verified against another state changes nothing.
        for stale in [&verified].into_iter().chain(&self.last) {
            assert!(self.state.apply(stale.clone()) == self.state, "an entry is applied once");
        }
        self.stored_at.insert(self.state.position(), self.now_ms);
        standing::holds(&self.state);
        transition::holds(&before, &self.state, &verified, truth);
        self.seen.take(&before, &self.state, &verified, truth, self.now_ms);
        self.log.push(certified);
        self.last = Some(verified);
    }

    /// The certificate, and how many of its signatures are true votes for exactly this entry.
    fn certified(&self, entry: &Entry, step: &Step) -> (CertifiedEntry, usize) {
        let voters: Vec<NodeId> = self.state.voters().keys().copied().collect();
        let count = match step.votes {
            0 => self.state.quorum(),
            votes => usize::from(votes - 1).min(voters.len()),
        };
        let chosen = voters.iter().cycle().skip(usize::from(step.first) % voters.len());
        let chosen: Vec<NodeId> = chosen.take(count).copied().collect();
        let value = to_bytes(entry);
        let voted = u32::from(step.flaw == Flaw::Ballot);
        let vote = |id: &NodeId, secrets: &NodeSecrets| {
            (*id, precommit(entry, &value, voted, *id, secrets))
        };
        let mut votes: BTreeMap<NodeId, NodeSignature> = BTreeMap::new();
        for id in &chosen {
            let own = machine(&self.state.voters()[id]).expect("a machine of this target");
            votes.extend([vote(id, &own)]);
        }
        let mut true_votes = if step.flaw == Flaw::Ballot { 0 } else { votes.len() };
        match step.flaw {
            Flaw::Stranger => {
                let id = NodeId(Digest([0xbb; 32]));
                votes.extend([vote(&id, &secrets(9))]);
            }
            Flaw::Forged => {
                if let Some(id) = chosen.first() {
                    votes.extend([vote(id, &secrets(60))]);
                    true_votes -= 1;
                }
            }
            _ => {}
        }
        let decided = Decided {
            version: 1,
            genesis: entry.genesis,
            instance: Instance::Position(entry.position),
            ballot: 0,
            value,
            certificate: votes.into_iter().collect(),
        };
        (CertifiedEntry::from_decided(&decided).expect("an entry of its position"), true_votes)
    }
}

fn precommit(
    entry: &Entry,
    value: &[u8],
    ballot: u32,
    voter: NodeId,
    secrets: &NodeSecrets,
) -> NodeSignature {
    let digest = Transcript::new(tag::DECISION_VALUE).part(value).digest();
    let sign = |tag, bytes: &[u8]| secrets.sign(tag, bytes);
    let instance = Instance::Position(entry.position);
    let body = BallotBody::Precommit(Some(digest));
    let message = SignedBallotMessage::sign(entry.genesis, instance, ballot, voter, body, &sign);
    *message.signature()
}
