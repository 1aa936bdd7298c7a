//! Ballots about an attempt that spans the moment at which a seat was given to another machine: what
//! a lock is worth that needs the former one's keys (AGR-07, AGR-13, GOV-61).

use crate::support::drawn::Drawing;
use crate::support::{Domain, name, secrets};
use quorate_charter::{
    AbortStatement, Agreement, AttemptOutcome, BallotBody, BallotError, Effects, Input, Instance,
    Lock, LockKeys, MotionBody, SignedBallotMessage, SignedSeatClaim, State, Validity, Votes,
};
use quorate_codec::{Digest, to_bytes};
use quorate_identity::{NodeId, NodeSecrets, NodeSignature};

/// Four voters, one of whom may lie; the seat of n2 was given away after a key was ordered.
struct Table {
    domain: Domain,
    before: State,
    state: State,
    /// Once the seat of n3 was given away too.
    after: State,
    instance: Instance,
}

impl Table {
    fn new() -> Self {
        let domain = Domain::new(4, 1);
        let mut drawing = Drawing::new(&domain, "G -> hot[key hot]");
        for (node, seed) in [("n2", 22), ("n3", 33)] {
            let (arrival, by) = (node.as_bytes().to_vec(), secrets(seed));
            let id = domain.node(node);
            let claim = SignedSeatClaim::create(domain.hash, id, arrival, Vec::new(), &by);
            drawing.give(node, MotionBody::SeatGive { name: name(node), claim });
        }
        drawing.more("hot -> seat[given n2] -> both[given n3]");
        let state = |entry: &str| drawing.state(entry).clone();
        let (before, state, after) = (state("hot"), state("seat"), state("both"));
        assert_eq!(after.position(), 3, "both seats were given");
        let key = before.key_named(&name("hot")).unwrap().key;
        let instance = Instance::Attempt { key, epoch: 0, attempt: 0, era: 0 };
        Self { domain, before, state, after, instance }
    }

    /// A word that the attempt is given up, said at the head at which the key was ordered.
    fn void(&self) -> Vec<u8> {
        let (node, head) = (self.domain.node("n3"), self.before.head());
        let abort = AbortStatement { node, head, signature: NodeSignature([7; 64]) };
        to_bytes(&AttemptOutcome::Void { attempt: 0, abort })
    }

    /// The keys of a seat: `n2` those of now, `n2-before` the former ones.
    fn seat(&self, seat: &str) -> (NodeId, NodeSecrets) {
        let id = self.domain.node(seat.trim_end_matches("-before"));
        match seat {
            "n2" => (id, secrets(22)),
            _ => (id, NodeSecrets::from_bytes(&self.domain.nodes[&id].to_bytes()).unwrap()),
        }
    }

    fn say(&self, seat: &str, ballot: u32, body: BallotBody) -> SignedBallotMessage {
        let (id, secrets) = self.seat(seat);
        let sign = |tag, bytes: &[u8]| secrets.sign(tag, bytes);
        SignedBallotMessage::sign(self.domain.hash, self.instance, ballot, id, body, &sign)
    }

    /// The prevotes of these for a value in a ballot.
    fn lock(&self, ballot: u32, value: &[u8], seats: &[&str]) -> Lock {
        let vote = |seat: &&str| self.say(seat, ballot, BallotBody::Prevote(Some(digest(value))));
        let votes = seats.iter().map(vote);
        let prevotes = votes.map(|vote| (vote.voter(), *vote.signature())).collect();
        Lock { ballot, prevotes }
    }

    /// n1, which votes in a charter that ends here.
    fn voter(&self, state: &State, votes: Option<Votes>) -> Voter<'_> {
        let electorate = state.electorate(&self.instance).unwrap();
        let (me, secrets) = self.seat("n1");
        let voter = Agreement::new(self.instance, (self.domain.hash, electorate), me, votes, 1_000);
        Voter { table: self, voter, state: state.clone(), secrets }
    }

    /// Who proposes in a ballot (AGR-03), under keys of now.
    fn proposer(&self, ballot: u32) -> &'static str {
        let Instance::Attempt { key, .. } = self.instance else { panic!("{:?}", self.instance) };
        let start = u64::from_be_bytes(*key.digest().as_bytes().first_chunk().unwrap());
        let place = start.wrapping_add(u64::from(ballot)) % 4;
        let id = *self.domain.nodes.keys().nth(usize::try_from(place).unwrap()).unwrap();
        ["n1", "n2", "n3", "n4"].into_iter().find(|seat| self.seat(seat).0 == id).unwrap()
    }
}

struct Voter<'a> {
    table: &'a Table,
    voter: Agreement,
    state: State,
    secrets: NodeSecrets,
}

impl Voter<'_> {
    fn hear(&mut self, input: Input, validity: Validity) -> Effects {
        let sign = |tag, bytes: &[u8]| self.secrets.sign(tag, bytes);
        self.voter.handle(input, 0, &sign, &|_: &[u8]| validity)
    }

    /// Takes a statement in as a node does: for what it is worth in the charter of now.
    fn take(&mut self, message: SignedBallotMessage, validity: Validity) -> Effects {
        let input = match message.verify(&self.state).unwrap() {
            LockKeys::OfNow => Input::Message(message),
            LockKeys::OfThen => Input::Dated(message),
        };
        self.hear(input, validity)
    }

    /// Two others are in that ballot already.
    fn go_to(&mut self, ballot: u32) {
        for seat in ["n3", "n4"] {
            let message = self.table.say(seat, ballot, BallotBody::Precommit(None));
            self.take(message, Validity::Valid);
        }
    }

    /// What it prevotes in a ballot in which this is proposed.
    fn prevote(
        &mut self,
        ballot: u32,
        value: &[u8],
        lock: Option<Lock>,
        validity: Validity,
    ) -> Option<Digest> {
        let proposer = match self.table.proposer(ballot) {
            "n2" if self.state == self.table.before => "n2-before",
            other => other,
        };
        let body = BallotBody::Proposal { value: value.to_vec().into(), lock };
        let proposal = self.table.say(proposer, ballot, body);
        let said = self.take(proposal, validity).broadcast;
        let vote = said.iter().find_map(|it| match it.body() {
            BallotBody::Prevote(vote) if it.ballot() == ballot => Some(*vote),
            _ => None,
        });
        vote.unwrap()
    }
}

fn digest(value: &[u8]) -> Digest {
    let transcript = quorate_codec::Transcript::new(quorate_codec::tag::DECISION_VALUE);
    transcript.part(value).digest()
}

/// AGR-13: a voter is bound to a value since ballot 0. Whoever has the keys of a machine whose seat was
/// given away, and one liar, show a quorum's prevotes for another value in that ballot: with the vote
/// of an honest voter, to which they proposed it. It frees nobody, or both would be decided.
#[test]
fn neg_057_a_former_key_frees_nobody_of_what_binds_them() {
    let table = Table::new();
    let ballot = (1..5).find(|ballot| !["n1", "n2"].contains(&table.proposer(*ballot))).unwrap();
    let void = table.void();
    let forged = || Some(table.lock(0, &void, &["n2-before", "n3", "n4"]));
    let bound = || {
        let mut voter = table.voter(&table.state, None);
        voter.prevote(0, b"commit", None, Validity::Valid);
        for seat in ["n2", "n4"] {
            let vote = table.say(seat, 0, BallotBody::Prevote(Some(digest(b"commit"))));
            voter.take(vote, Validity::Valid);
        }
        assert!(voter.voter.has_precommitted());
        voter.go_to(ballot);
        voter
    };
    assert_eq!(bound().prevote(ballot, &void, forged(), Validity::Valid), None);
    assert_eq!(bound().prevote(ballot, &void, forged(), Validity::Late), None);
    // The same prevotes under keys of now do.
    let real = Some(table.lock(0, &void, &["n2", "n3", "n4"]));
    assert_eq!(bound().prevote(ballot, &void, real, Validity::Late), Some(digest(&void)));
}

/// AGR-07, AGR-13: a voter that is bound to a value whose prevotes nobody believes any more is not left
/// alone with it. More of those who prevoted it than may lie have their keys still: so it was valid in
/// time, and whoever is bound to nothing else goes along.
#[test]
fn a_lock_with_former_keys_shows_that_its_value_was_valid_in_time() {
    let table = Table::new();
    let ballot = (1..5).find(|ballot| !["n1", "n2"].contains(&table.proposer(*ballot))).unwrap();
    let void = table.void();
    let prevote = |lock, validity| {
        let mut voter = table.voter(&table.state, None);
        voter.go_to(ballot);
        voter.prevote(ballot, &void, lock, validity)
    };
    let dated = || Some(table.lock(0, &void, &["n2-before", "n3", "n4"]));
    assert_eq!(prevote(None, Validity::Late), None);
    assert_eq!(prevote(dated(), Validity::Late), Some(digest(&void)));
    assert_eq!(prevote(dated(), Validity::Invalid), None);
    // Not of a quorum, or of no more under keys of now than may lie: no lock at all.
    let verified = |seats: &[&str], state: &State| {
        let lock = Some(table.lock(0, &void, seats));
        let offer = BallotBody::Offer { value: void.clone().into(), lock };
        table.say("n4", ballot, offer).verify(state)
    };
    let is_refused = |verified| matches!(verified, Err(BallotError::Lock(_)));
    let dated = ["n2-before", "n3", "n4"];
    assert_eq!(verified(&dated, &table.state), Ok(LockKeys::OfThen));
    assert_eq!(verified(&dated, &table.before), Ok(LockKeys::OfNow));
    let besides = ["n1", "n2-before", "n3", "n4"];
    assert_eq!(verified(&besides, &table.state), Ok(LockKeys::OfNow), "a quorum without it");
    assert!(is_refused(verified(&dated[..2], &table.state)));
    assert!(is_refused(verified(&dated, &table.after)), "n3 has other keys too by then");
}

/// AGR-05, AGR-13: who saw the prevotes of a quorum while all their keys were in force is free of an
/// earlier lock, after the seat was given away and a restart included.
#[test]
fn who_saw_a_lock_in_time_is_free_though_its_keys_are_former_ones_now() {
    let table = Table::new();
    let ballot = (3..7).find(|ballot| !["n1", "n2"].contains(&table.proposer(*ballot))).unwrap();
    let void = table.void();
    let mut before = table.voter(&table.before, None);
    before.prevote(0, b"commit", None, Validity::Valid);
    for seat in ["n3", "n4"] {
        before.take(
            table.say(seat, 0, BallotBody::Prevote(Some(digest(b"commit")))),
            Validity::Valid,
        );
    }
    assert!(before.voter.has_precommitted());
    let lock = table.lock(1, &void, &["n2-before", "n3", "n4"]);
    let offer = BallotBody::Offer { value: void.clone().into(), lock: Some(lock.clone()) };
    let later = |seen: bool| {
        let mut before = Voter { voter: before.voter.clone(), ..table.voter(&table.before, None) };
        before.go_to(2);
        if seen {
            before.take(table.say("n4", 2, offer.clone()), Validity::Valid);
        }
        let row = before.voter.votes();
        let mut after = table.voter(&table.state, Some(row));
        after.voter.forget(&table.domain.node("n2"));
        after.go_to(ballot);
        after.prevote(ballot, &void, Some(lock.clone()), Validity::Late)
    };
    assert_eq!(later(false), None);
    assert_eq!(later(true), Some(digest(&void)));
}
