//! One ballot by hand, with real signatures: messages, certificates, evidence, silence
//! (AGR-01 to AGR-12).

use crate::support::Domain;
use crate::support::drawn::Drawing;
use quorate_charter::{
    Agreement, BallotBody, BallotError, Decided, DecidedError, Effects, Evidence, Input, Instance,
    Lock, LockKeys, SignedBallotMessage, State, Validity, Votes, limits::VALUE_BYTES_MAX, quorum,
};
use quorate_codec::{Digest, from_bytes, to_bytes};
use quorate_identity::{CertificateError, NodeId};
use std::collections::BTreeMap;

const POSITION: Instance = Instance::Position(1);

struct Table {
    domain: Domain,
    seats: BTreeMap<NodeId, Agreement>,
    now: u64,
}

fn voter_of(state: &State, voter: NodeId, votes: Option<Votes>) -> Agreement {
    let voters = (state.genesis(), state.electorate_now());
    Agreement::new(POSITION, voters, voter, votes, 1_000)
}

impl Table {
    fn new(nodes: u8, faults: u8) -> Self {
        let domain = Domain::new(nodes, faults);
        let seat = |id: &NodeId| (*id, voter_of(&domain.state, *id, None));
        let seats = domain.nodes.keys().map(seat).collect();
        Self { domain, seats, now: 0 }
    }

    fn voter(&self, place: usize) -> NodeId {
        *self.seats.keys().nth(place).unwrap()
    }

    /// The proposer of ballot 0 of position 1 stands at place 1, and so on (AGR-03).
    fn proposer(&self, ballot: usize) -> NodeId {
        self.voter((1 + ballot) % self.seats.len())
    }

    fn tell(&mut self, voter: NodeId, input: Input) -> Effects {
        self.tell_judging(voter, input, Validity::Valid)
    }

    fn tell_judging(&mut self, voter: NodeId, input: Input, validity: Validity) -> Effects {
        if let Input::Message(message) = &input {
            assert_eq!(message.verify(&self.domain.state), Ok(LockKeys::OfNow));
        }
        let secrets = &self.domain.nodes[&voter];
        let sign = |tag, bytes: &[u8]| secrets.sign(tag, bytes);
        self.seats.get_mut(&voter).unwrap().handle(input, self.now, &sign, &|_: &[u8]| validity)
    }

    /// Delivers everything at once until all is said; decisions by voter. Counts the rounds.
    fn settle(&mut self, said: Vec<SignedBallotMessage>) -> (BTreeMap<NodeId, Decided>, usize) {
        self.settle_judging(said, Validity::Valid)
    }

    fn settle_judging(
        &mut self,
        mut said: Vec<SignedBallotMessage>,
        validity: Validity,
    ) -> (BTreeMap<NodeId, Decided>, usize) {
        let (mut decided, mut rounds) = (BTreeMap::new(), 0);
        while !said.is_empty() {
            rounds += 1;
            let mut next = Vec::new();
            for message in said {
                for voter in self.seats.keys().copied().collect::<Vec<_>>() {
                    if voter != message.voter() {
                        let input = Input::Message(message.clone());
                        let effects = self.tell_judging(voter, input, validity);
                        next.extend(effects.broadcast);
                        decided.extend(effects.decided.map(|decided| (voter, decided)));
                    }
                }
            }
            said = next;
        }
        (decided, rounds)
    }

    fn say(&self, voter: NodeId, ballot: u32, body: BallotBody) -> SignedBallotMessage {
        let secrets = &self.domain.nodes[&voter];
        let sign = |tag, bytes: &[u8]| secrets.sign(tag, bytes);
        SignedBallotMessage::sign(self.domain.hash, POSITION, ballot, voter, body, &sign)
    }

    fn precommitted(&mut self) -> (NodeId, Effects) {
        let (voter, proposer) = (self.voter(0), self.proposer(0));
        let value = b"value".to_vec();
        let proposal = BallotBody::Proposal { value: value.clone().into(), lock: None };
        let proposal = self.say(proposer, 0, proposal);
        self.tell(voter, Input::Message(proposal));
        let prevote = BallotBody::Prevote(Some(digest(&value)));
        let mut last = Effects::default();
        for place in 1..self.domain.state.quorum() {
            let vote = self.say(self.voter(place), 0, prevote.clone());
            last = self.tell(voter, Input::Message(vote));
        }
        (voter, last)
    }
}

fn digest(value: &[u8]) -> Digest {
    let transcript = quorate_codec::Transcript::new(quorate_codec::tag::DECISION_VALUE);
    transcript.part(value).digest()
}

#[test]
fn quorums_meet_in_an_honest_voter_and_outlive_the_liars() {
    for (n, f, q) in
        [(1, 0, 1), (3, 0, 2), (4, 0, 3), (4, 1, 3), (5, 1, 4), (6, 1, 4), (7, 1, 5), (7, 2, 5)]
    {
        assert_eq!(quorum(n, f), q);
        assert!(2 * q - n > f && q <= n - f);
    }
}

/// Proposal and prevotes, precommits, decision: three messages' time (AGR-08).
#[test]
fn the_good_case_takes_three_messages_time() {
    for (nodes, faults) in [(3, 0), (4, 1), (7, 2)] {
        let mut table = Table::new(nodes, faults);
        let proposer = table.proposer(0);
        let said = table.tell(proposer, Input::Propose(b"value".to_vec())).broadcast;
        let (decided, rounds) = table.settle(said);
        assert_eq!(decided.len(), usize::from(nodes));
        assert!(rounds <= 3, "{rounds}");
        for decided in decided.values() {
            assert_eq!(decided.value, b"value");
            assert_eq!(decided.verify(&table.domain.state), Ok(()));
            assert_eq!(from_bytes::<Decided>(&to_bytes(decided)).as_ref(), Ok(decided));
        }
    }
}

/// Only a voter that is not the proposer has the value: it offers it, and the ballot is not
/// lost (AGR-08).
#[test]
fn a_value_reaches_the_proposer_by_an_offer() {
    let mut table = Table::new(4, 1);
    let other = table.voter(3);
    let effects = table.tell(other, Input::Propose(b"value".to_vec()));
    assert!(effects.broadcast.is_empty() && effects.votes.is_none());
    let wake = effects.wake_at.unwrap();
    assert!(wake <= 125, "{wake}");
    table.now = wake;
    let said = table.tell(other, Input::Timeout).broadcast;
    assert!(matches!(said[0].body(), BallotBody::Offer { .. }));
    let (decided, _) = table.settle(said);
    assert_eq!(decided.len(), 4);
    assert!(decided.values().all(|decided| decided.ballot == 0));
}

/// AGR-04, AGR-08: one voter alone is bound to a value, which has become late for everybody; nobody else
/// has a wish any more, and one has started again. It shows what it is bound to with the proof, and
/// is not left alone with it.
#[test]
fn neg_101_nobody_is_left_alone_with_a_value_that_is_late() {
    let mut table = Table::new(4, 1);
    let [bound, proposer, other, late] = [0, 1, 2, 3].map(|place| table.voter(place));
    let value = || b"value".to_vec();
    let said = table.tell(proposer, Input::Propose(value())).broadcast;
    let is_proposal =
        |said: &&SignedBallotMessage| matches!(said.body(), BallotBody::Proposal { .. });
    let proposal = said.iter().find(is_proposal).unwrap().clone();
    let of_proposer = said.iter().find(|said| !is_proposal(said)).unwrap().clone();
    let hear = |table: &mut Table, voter, message: &SignedBallotMessage, validity| {
        table.tell_judging(voter, Input::Message(message.clone()), validity).broadcast
    };
    let heard = [(bound, Validity::Valid), (other, Validity::Valid), (late, Validity::Late)];
    let [_, of_other, of_late] =
        heard.map(|(voter, validity)| hear(&mut table, voter, &proposal, validity).remove(0));
    assert_eq!(of_late.body(), &BallotBody::Prevote(None));
    // A quorum prevoted it, which the bound one alone saw in time.
    for vote in [&of_proposer, &of_other] {
        hear(&mut table, bound, vote, Validity::Valid);
    }
    assert!(table.seats[&bound].has_precommitted());
    for (voter, votes) in [
        (proposer, [&of_other, &of_late]),
        (other, [&of_proposer, &of_late]),
        (late, [&of_proposer, &of_other]),
    ] {
        for vote in votes {
            hear(&mut table, voter, vote, Validity::Late);
        }
    }
    table.now = 3_000;
    let mut nothing = Vec::new();
    for voter in [proposer, other, late] {
        let effects = table.tell_judging(voter, Input::Timeout, Validity::Late);
        let own = |said: &SignedBallotMessage| matches!(said.body(), BallotBody::Precommit(None));
        nothing.extend(effects.broadcast.into_iter().filter(own));
        if voter == proposer {
            let restarted = voter_of(&table.domain.state, voter, effects.votes);
            table.seats.insert(voter, restarted);
        }
    }
    assert_eq!(nothing.len(), 3);
    let (mut decided, mut said) = (BTreeMap::new(), nothing);
    while table.now < 600_000 && decided.len() < 4 {
        decided.extend(table.settle_judging(std::mem::take(&mut said), Validity::Late).0);
        table.now += 250;
        for voter in [bound, proposer, other, late] {
            let effects = table.tell_judging(voter, Input::Timeout, Validity::Late);
            said.extend(effects.broadcast);
            decided.extend(effects.decided.map(|decided| (voter, decided)));
        }
    }
    assert_eq!(decided.len(), 4);
    assert!(decided.values().all(|decided| decided.value == value()));
}

/// Where no proposer finds the value valid, it is told less often each time (AGR-08).
#[test]
fn offers_come_less_often_each_time() {
    let mut table = Table::new(4, 1);
    let voter = table.voter(0);
    let mut wake = table.tell(voter, Input::Propose(b"value".to_vec())).wake_at;
    let mut offered = Vec::new();
    while let Some(at) = wake.filter(|at| *at < 4_000) {
        table.now = at;
        let effects = table.tell(voter, Input::Timeout);
        let is_offer = |said: &SignedBallotMessage| matches!(said.body(), BallotBody::Offer { .. });
        offered.extend(effects.broadcast.iter().filter(|said| is_offer(said)).map(|_| at));
        wake = effects.wake_at;
    }
    // Twice as long each time until it prevotes nothing, and every second with everything else, for
    // nobody may have heard it.
    assert_eq!(offered, [125, 375, 875, 1_000, 1_875, 2_000, 3_000]);
}

/// AGR-04: with nothing to decide, nothing is said, whatever a liar mutters.
#[test]
fn a_liar_alone_keeps_nobody_busy() {
    let mut table = Table::new(4, 1);
    let (voter, liar) = (table.voter(0), table.voter(2));
    assert_eq!(table.tell(voter, Input::Timeout).wake_at, None);
    for ballot in [0, 1, 7, 1_000] {
        for body in [BallotBody::Prevote(None), BallotBody::Precommit(Some(Digest([1; 32])))] {
            let effects = table.tell(voter, Input::Message(table.say(liar, ballot, body)));
            assert!(effects.broadcast.is_empty());
            assert_eq!(effects.wake_at, None);
        }
    }
}

/// AGR-05: what is said is durable first, and a restart says nothing else.
#[test]
fn a_restart_repeats_and_never_contradicts() {
    let mut table = Table::new(4, 1);
    let (voter, effects) = table.precommitted();
    let row = effects.votes.unwrap();
    assert_eq!(from_bytes::<Votes>(&to_bytes(&row)).as_ref(), Ok(&row));
    let said = table.seats[&voter].resend();
    let restarted = voter_of(&table.domain.state, voter, Some(row));
    let own = |messages: Vec<SignedBallotMessage>| -> Vec<SignedBallotMessage> {
        messages.into_iter().filter(|message| message.voter() == voter).collect()
    };
    assert_eq!(own(restarted.resend()), own(said));
    table.seats.insert(voter, restarted);
    let proposer = table.proposer(0);
    let other = BallotBody::Proposal { value: b"other".to_vec().into(), lock: None };
    let effects = table.tell(voter, Input::Message(table.say(proposer, 0, other)));
    assert!(effects.broadcast.is_empty() && effects.votes.is_none());
}

/// AGR-09: a voter that precommitted is silent about its old head until the position is
/// decided: at once, in later ballots, and after a restart.
#[test]
fn neg_101_a_precommit_locks_a_voter_until_the_decision() {
    let mut table = Table::new(4, 1);
    let (voter, effects) = table.precommitted();
    assert!(table.seats[&voter].has_precommitted());
    let row = effects.votes.unwrap();
    assert!(row.has_precommitted());
    let restarted = voter_of(&table.domain.state, voter, Some(row));
    assert!(restarted.has_precommitted());
    // It moves on to the next ballot and is still bound.
    for place in 1..4 {
        let nothing = table.say(table.voter(place), 0, BallotBody::Precommit(None));
        table.tell(voter, Input::Message(nothing));
    }
    assert!(table.seats[&voter].has_precommitted());
    // Prevotes and precommits for nothing bind nobody.
    let fresh = voter_of(&table.domain.state, voter, None);
    assert!(!fresh.has_precommitted());
    let mut prevoting = Table::new(4, 1);
    let proposal = BallotBody::Proposal { value: b"value".to_vec().into(), lock: None };
    let proposal = prevoting.say(prevoting.proposer(0), 0, proposal);
    let row = prevoting.tell(voter, Input::Message(proposal)).votes.unwrap();
    assert!(!row.has_precommitted());
}

/// The lock itself: a bound voter prevotes another value only on proof of a later quorum.
#[test]
fn a_bound_voter_yields_only_to_a_later_lock() {
    let mut table = Table::new(4, 1);
    let (voter, _) = table.precommitted();
    let nothing = BallotBody::Precommit(None);
    for place in 1..4 {
        table.tell(voter, Input::Message(table.say(table.voter(place), 0, nothing.clone())));
    }
    let prevote_in = |effects: &Effects| {
        effects.broadcast.iter().find_map(|message| match message.body() {
            BallotBody::Prevote(vote) => Some(*vote),
            _ => None,
        })
    };
    // Ballot 1: another value without a lock gets nothing.
    let other = BallotBody::Proposal { value: b"other".to_vec().into(), lock: None };
    let effects = table.tell(voter, Input::Message(table.say(table.proposer(1), 1, other)));
    assert_eq!(prevote_in(&effects), Some(None));
    // Ballot 2: with the prevotes of a quorum in ballot 1 it does.
    let vote = BallotBody::Prevote(Some(digest(b"other")));
    for place in 1..4 {
        let precommit = table.say(table.voter(place), 1, nothing.clone());
        table.tell(voter, Input::Message(precommit));
    }
    let prevotes = (1..4).map(|place| {
        let message = table.say(table.voter(place), 1, vote.clone());
        (message.voter(), *message.signature())
    });
    let lock = Some(Lock { ballot: 1, prevotes: prevotes.collect() });
    let proven = BallotBody::Proposal { value: b"other".to_vec().into(), lock };
    // Place (1 + 2) of 4 proposes in ballot 2.
    let effects = table.tell(voter, Input::Message(table.say(table.proposer(2), 2, proven)));
    assert_eq!(prevote_in(&effects), Some(Some(digest(b"other"))));
}

/// AGR-02: what is no statement of a voter of this domain, and locks that prove nothing.
#[test]
fn false_messages_are_refused() {
    let table = Table::new(4, 1);
    let state = &table.domain.state;
    let voter = table.voter(0);
    let prevote = BallotBody::Prevote(Some(digest(b"value")));
    let good = table.say(voter, 0, prevote.clone());
    assert_eq!(good.verify(state), Ok(LockKeys::OfNow));
    assert_eq!(from_bytes::<SignedBallotMessage>(&to_bytes(&good)).as_ref(), Ok(&good));

    let outside = Domain::new(5, 1);
    let stranger = outside.node("n5");
    let by = |voter: NodeId, hash, secrets: &quorate_identity::NodeSecrets| {
        let sign = |tag, bytes: &[u8]| secrets.sign(tag, bytes);
        SignedBallotMessage::sign(hash, POSITION, 0, voter, prevote.clone(), &sign)
    };
    let ours = table.domain.hash;
    let strange = by(stranger, ours, &outside.nodes[&stranger]);
    assert_eq!(strange.verify(state), Err(BallotError::Stranger(stranger)));
    let foreign = by(voter, outside.hash, &table.domain.nodes[&voter]);
    assert_eq!(foreign.verify(state), Err(BallotError::ForeignDomain(outside.hash)));
    let forged = by(voter, ours, &table.domain.nodes[&table.voter(1)]);
    assert_eq!(forged.verify(state), Err(BallotError::Signature(voter)));
    let far = table.say(voter, u32::MAX, prevote.clone());
    assert_eq!(far.verify(state), Err(BallotError::Ballot(u32::MAX)));
    let mut newer = to_bytes(&good);
    assert_eq!(newer[1], 1, "the version stands first");
    newer[1] = 2;
    let newer = from_bytes::<SignedBallotMessage>(&newer).unwrap();
    assert_eq!(newer.verify(state), Err(BallotError::Version(2)));
    let long = vec![0; VALUE_BYTES_MAX + 1];
    let long = BallotBody::Proposal { value: long.into(), lock: None };
    let too_long = Err(BallotError::TooLong(VALUE_BYTES_MAX + 1));
    assert_eq!(table.say(voter, 0, long).verify(state), too_long);

    let locked = |ballot, places: &[usize], of: &BallotBody| {
        let votes = places.iter().map(|place| {
            let message = table.say(table.voter(*place), 0, of.clone());
            (message.voter(), *message.signature())
        });
        let lock = Some(Lock { ballot, prevotes: votes.collect() });
        let proposal = BallotBody::Proposal { value: b"value".to_vec().into(), lock };
        table.say(voter, 1, proposal).verify(state)
    };
    assert_eq!(locked(0, &[1, 2, 3], &prevote), Ok(LockKeys::OfNow));
    assert_eq!(locked(1, &[1, 2, 3], &prevote), Err(BallotError::LockBallot));
    let few = BallotError::Lock(CertificateError::Few { got: 2, needed: 3 });
    assert_eq!(locked(0, &[1, 2], &prevote), Err(few));
    for other in [BallotBody::Prevote(None), BallotBody::Prevote(Some(digest(b"other")))] {
        assert!(matches!(locked(0, &[1, 2, 3], &other), Err(BallotError::Lock(_))));
    }
}

/// N-22: votes of the first phase are none of the second.
#[test]
fn neg_022_prevotes_do_not_decide() {
    let table = Table::new(4, 1);
    let prevote = |place| {
        let body = BallotBody::Prevote(Some(digest(b"value")));
        let message = table.say(table.voter(place), 0, body);
        (message.voter(), *message.signature())
    };
    let good = table.domain.decide(POSITION, b"value".to_vec(), 3);
    assert_eq!(good.verify(&table.domain.state), Ok(()));
    let forged = Decided { certificate: (0..3).map(prevote).collect(), ..good };
    assert!(matches!(forged.verify(&table.domain.state), Err(DecidedError::Certificate(_))));
}

/// AGR-11: the same nodes may be the voters of two domains; what they decided in one is
/// nothing in the other, whatever their signatures say.
#[test]
fn a_decision_of_another_domain_is_refused() {
    let table = Table::new(4, 1);
    let elsewhere = Domain::new(5, 1).hash;
    let good = table.domain.decide(POSITION, b"value".to_vec(), 3);
    let precommit = |place| {
        let voter = table.voter(place);
        let sign = |tag, bytes: &[u8]| table.domain.nodes[&voter].sign(tag, bytes);
        let body = BallotBody::Precommit(Some(digest(b"value")));
        let message =
            SignedBallotMessage::sign(elsewhere, POSITION, good.ballot, voter, body, &sign);
        (voter, *message.signature())
    };
    let certificate = (0..3).map(precommit).collect();
    let theirs = Decided { genesis: elsewhere, certificate, ..good.clone() };
    let refused = Err(DecidedError::ForeignDomain(elsewhere));
    assert_eq!(theirs.verify(&table.domain.state), refused);
}

/// AGR-11, N-57, N-87: a decision is about one attempt; it says nothing about the next, and
/// collected votes of a voided attempt say nothing at all.
#[test]
fn neg_057_a_decision_does_not_move_to_another_attempt() {
    let domain = Domain::new(4, 1);
    let attempt = |attempt| Instance::Attempt {
        key: quorate_identity::KeyId(Digest([5; 32])),
        epoch: 0,
        attempt,
        era: 0,
    };
    let decided = domain.decide(attempt(0), b"commit".to_vec(), 3);
    assert_eq!(decided.verify(&domain.state), Ok(()));
    for instance in [attempt(1), POSITION] {
        let moved = Decided { instance, ..decided.clone() };
        assert!(moved.verify(&domain.state).is_err());
    }
    let void = Decided { value: b"void".to_vec(), ..decided.clone() };
    assert!(void.verify(&domain.state).is_err());
}

/// N-87, AGR-12: COMMIT and VOID of one attempt, both certified, convict the voters.
#[test]
fn neg_087_two_outcomes_of_one_attempt_are_a_conflict() {
    let domain = Domain::new(4, 1);
    let instance = Instance::Attempt {
        key: quorate_identity::KeyId(Digest([5; 32])),
        epoch: 0,
        attempt: 3,
        era: 0,
    };
    let commit = domain.decide(instance, b"commit".to_vec(), 3);
    let void = domain.decide(instance, b"void".to_vec(), 4);
    assert!(commit.verify(&domain.state).is_ok() && void.verify(&domain.state).is_ok());
    assert!(commit.conflicts_with(&void));
    assert!(commit.convicts(&domain.state) && void.convicts(&domain.state));
}

/// N-72, AGR-12: where a domain bore fewer lies than now, one that lies now and an honest voter who
/// once voted for what was not decided make a certificate of then. It stops nobody.
#[test]
fn neg_072_a_few_who_vote_still_do_not_convict_a_domain_that_grew() {
    let domain = Domain::new(3, 0);
    let drawing = Drawing::new(&domain, "G -> four[admit n4, bear 1]");
    let grown = drawing.state("four");
    let [one, two, three] = ["n1", "n2", "n3"].map(|node| domain.node(node));
    let by = |voters: &[_]| domain.decide_by(voters, Instance::Position(1), b"other".to_vec());
    let few = by(&[one, two]);
    assert!(few.verify(grown).is_ok(), "it is a certificate");
    assert!(few.convicts(&domain.state), "then it would have proven a lie");
    assert!(!few.convicts(grown));
    assert!(by(&[one, two, three]).convicts(grown));
}

/// AGR-02, GOV-65: a node that waits has keys and no vote. What it prevotes is no part of a lock, or a
/// liar with two such nodes would free the others of what they are bound to.
#[test]
fn neg_059_a_node_that_waits_lends_no_lock_its_vote() {
    let domain = Domain::new(5, 1);
    let drawing = Drawing::new(&domain, "G -> hush[suspend n3]");
    let state = drawing.state("hush");
    let say = |node: &str, ballot, body| {
        let (id, position) = (domain.node(node), Instance::Position(2));
        let sign = |tag, bytes: &[u8]| domain.nodes[&id].sign(tag, bytes);
        SignedBallotMessage::sign(domain.hash, position, ballot, id, body, &sign)
    };
    let prevoted_by = |nodes: [&str; 3]| {
        let prevote = BallotBody::Prevote(Some(digest(b"value")));
        let votes = nodes.map(|node| say(node, 0, prevote.clone()));
        let prevotes = votes.iter().map(|vote| (vote.voter(), *vote.signature())).collect();
        Some(Lock { ballot: 0, prevotes })
    };
    let value = || b"value".to_vec().into();
    let stranger = CertificateError::Stranger(domain.node("n3"));
    for (nodes, verified) in [
        (["n1", "n2", "n4"], Ok(LockKeys::OfNow)),
        (["n1", "n2", "n3"], Err(BallotError::Lock(stranger))),
    ] {
        let proposal = BallotBody::Proposal { value: value(), lock: prevoted_by(nodes) };
        assert_eq!(say("n1", 1, proposal).verify(state), verified);
        let offer = BallotBody::Offer { value: value(), lock: prevoted_by(nodes) };
        assert_eq!(say("n1", 1, offer).verify(state), verified);
    }
    let early = BallotBody::Offer { value: value(), lock: prevoted_by(["n1", "n2", "n4"]) };
    assert_eq!(say("n1", 0, early).verify(state), Err(BallotError::LockBallot));
}

/// AGR-02: what a quorum prevoted, and this voter does not know, holds up nothing else.
#[test]
fn a_proven_value_that_is_not_known_holds_up_no_other() {
    let mut table = Table::new(4, 1);
    let voter = table.proposer(1);
    let prevote = BallotBody::Prevote(Some(digest(b"value")));
    let votes = [0, 1, 3].map(|place| table.say(table.voter(place), 0, prevote.clone()));
    let prevotes = votes.iter().map(|vote| (vote.voter(), *vote.signature())).collect();
    let lock = Some(Lock { ballot: 0, prevotes });
    let offer = BallotBody::Offer { value: b"value".to_vec().into(), lock };
    let offer = table.say(table.voter(3), 1, offer);
    table.tell_judging(voter, Input::Message(offer), Validity::Unknown);
    let judge = |value: &[u8]| match value {
        b"value" => Validity::Unknown,
        _ => Validity::Valid,
    };
    let secrets = &table.domain.nodes[&voter];
    let sign = |tag, bytes: &[u8]| secrets.sign(tag, bytes);
    let seat = table.seats.get_mut(&voter).unwrap();
    seat.handle(Input::Propose(b"other".to_vec()), 0, &sign, &judge);
    let mut proposed = Vec::new();
    for now in (0..20_000).step_by(250) {
        proposed.extend(seat.handle(Input::Timeout, now, &sign, &judge).broadcast);
        // Two others go on to the next ballot.
        for place in [0, 1] {
            let vote = SignedBallotMessage::sign(
                table.domain.hash,
                POSITION,
                1,
                *table.domain.nodes.keys().nth(place).unwrap(),
                BallotBody::Prevote(None),
                &|tag, bytes: &[u8]| {
                    table.domain.nodes.values().nth(place).unwrap().sign(tag, bytes)
                },
            );
            proposed.extend(seat.handle(Input::Message(vote), now, &sign, &judge).broadcast);
        }
    }
    let is_other = |said: &SignedBallotMessage| matches!(said.body(), BallotBody::Proposal { value, .. } if value[..] == *b"other");
    assert!(proposed.iter().any(is_other));
}

/// AGR-10: two statements for one slot convict; nothing else does.
#[test]
fn neg_089_only_two_statements_for_one_slot_accuse() {
    let mut table = Table::new(4, 1);
    let (voter, liar) = (table.voter(0), table.voter(2));
    let mut hear = |ballot, body: BallotBody| -> Vec<Evidence> {
        let message = table.say(liar, ballot, body);
        table.tell(voter, Input::Message(message)).evidence
    };
    let vote = |value: &[u8]| Some(digest(value));
    // The same again, another phase, another ballot, against its own lock: no proof of a lie.
    assert!(hear(0, BallotBody::Prevote(vote(b"a"))).is_empty());
    assert!(hear(0, BallotBody::Prevote(vote(b"a"))).is_empty());
    assert!(hear(0, BallotBody::Precommit(vote(b"b"))).is_empty());
    assert!(hear(1, BallotBody::Prevote(vote(b"b"))).is_empty());
    for offer in [b"a", b"b"] {
        assert!(hear(0, BallotBody::Offer { value: offer.to_vec().into(), lock: None }).is_empty());
    }
    // Two votes in one place: proof, said once.
    let evidence = hear(0, BallotBody::Prevote(vote(b"b")));
    assert_eq!(evidence.len(), 1);
    assert_eq!(evidence[0].culprit(), liar);
    assert!(hear(0, BallotBody::Prevote(None)).is_empty());
    assert_eq!(evidence[0].verify(&table.domain.state), Ok(()));
    assert!(evidence[0].to_string().contains("prevote"));
}

/// AGR-03, AGR-10: a proposer that says two things is found out, and nobody else may propose.
#[test]
fn two_proposals_are_evidence_and_strangers_proposals_are_nothing() {
    let mut table = Table::new(4, 1);
    let (voter, proposer, other) = (table.voter(0), table.proposer(0), table.voter(2));
    let propose = |value: &[u8]| BallotBody::Proposal { value: value.to_vec().into(), lock: None };
    let effects = table.tell(voter, Input::Message(table.say(other, 0, propose(b"x"))));
    assert!(effects.broadcast.is_empty());
    let effects = table.tell(voter, Input::Message(table.say(proposer, 0, propose(b"a"))));
    assert_eq!(effects.broadcast.len(), 1);
    let effects = table.tell(voter, Input::Message(table.say(proposer, 0, propose(b"b"))));
    assert_eq!(effects.evidence[0].culprit(), proposer);
    assert!(effects.broadcast.is_empty());
}

/// AGR-07: a value whose time is over, without and with the proof of a quorum.
#[test]
fn a_late_value_needs_a_proof() {
    let mut table = Table::new(4, 1);
    let (voter, proposer) = (table.voter(0), table.proposer(0));
    let late = BallotBody::Proposal { value: b"value".to_vec().into(), lock: None };
    let message = table.say(proposer, 0, late);
    let effects = table.tell_judging(voter, Input::Message(message), Validity::Late);
    assert!(matches!(effects.broadcast[0].body(), BallotBody::Prevote(None)));
    // A quorum prevoted it all the same: then this voter is bound to it like the others.
    let prevote = BallotBody::Prevote(Some(digest(b"value")));
    for place in 1..4 {
        let vote = table.say(table.voter(place), 0, prevote.clone());
        table.tell_judging(voter, Input::Message(vote), Validity::Late);
    }
    assert!(table.seats[&voter].has_precommitted());
}

/// A quorum that prevotes what this voter finds wrong does not bind it.
#[test]
fn an_invalid_value_binds_nobody() {
    let mut table = Table::new(4, 1);
    let (voter, proposer) = (table.voter(0), table.proposer(0));
    let wrong = BallotBody::Proposal { value: b"value".to_vec().into(), lock: None };
    let message = table.say(proposer, 0, wrong);
    table.tell_judging(voter, Input::Message(message), Validity::Invalid);
    for place in 1..4 {
        let vote = table.say(table.voter(place), 0, BallotBody::Prevote(Some(digest(b"value"))));
        table.tell_judging(voter, Input::Message(vote), Validity::Invalid);
    }
    assert!(!table.seats[&voter].has_precommitted());
}

/// AGR-08: what a voter keeps is bounded, whatever a liar sends.
#[test]
fn neg_015_a_liar_fills_no_memory() {
    let mut table = Table::new(4, 1);
    let (voter, liar) = (table.voter(0), table.voter(2));
    for ballot in 0..500 {
        for body in [BallotBody::Prevote(None), BallotBody::Precommit(None)] {
            table.tell(voter, Input::Message(table.say(liar, ballot, body)));
        }
        let offer = BallotBody::Offer { value: vec![1; 100].into(), lock: None };
        table.tell_judging(
            voter,
            Input::Message(table.say(liar, ballot, offer)),
            Validity::Invalid,
        );
    }
    assert!(table.seats[&voter].resend().len() <= 6);
}
