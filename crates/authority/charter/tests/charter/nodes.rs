//! Nodes come and go (GOV-64 to GOV-69, AGR-13).

use crate::support::drawn::Drawing;
use crate::support::{Domain, NOW, admit, name, secrets, signed_by};
use quorate_charter::{
    AbortStatement, AttemptOutcome, CertifiedEntry, DecidedError, Declaration, Entry, EntryBody,
    EntryError, Incarnation, Instance, MotionBody, MotionError, NodeChange, NodesChange,
    NodesError, Rejoin, RejoinError, Role, SignedEnrolment, SignedRejoin, Standing, State, effect,
};
use quorate_codec::{Digest, tag, to_bytes};
use quorate_identity::{CertificateError, NodeId};

fn refused(domain: &Domain, state: &State, change: NodesChange) -> NodesError {
    let motion = domain.motion(state, MotionBody::Nodes(change));
    let motion = signed_by(state, motion, &["ada", "ben"]);
    match state.check_motion(&motion, NOW) {
        Err(MotionError::Nodes(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn leave(node: &str) -> NodeChange {
    NodeChange::Revoke { name: name(node) }
}

fn named(state: &State, nodes: &[&str]) -> Vec<NodeId> {
    let mut ids: Vec<NodeId> =
        nodes.iter().map(|node| state.node_named(&name(node)).unwrap().id).collect();
    ids.sort();
    ids
}

/// GOV-64, GOV-65: who votes, with what quorum, and what the charter remembers.
#[test]
fn nodes_come_wait_vote_and_go() {
    let domain = Domain::new(4, 1);
    let drawing = Drawing::new(
        &domain,
        "G -> in[probe n5] -> votes[resume n5] -> hush[suspend n2] -> out[expel n1]",
    );
    let (first, probed) = (&domain.state, drawing.state("in"));
    let five = probed.node_named(&name("n5")).unwrap().clone();
    assert_eq!(five.standing, Standing::Waits);
    assert!(!probed.is_voter(&five.id) && !probed.is_signing(&five.id));
    assert_eq!((probed.voters().len(), probed.quorum()), (4, 3));
    assert_eq!(probed.electorate_now().era(), 0, "nobody else votes yet");
    let voting = drawing.state("votes");
    assert_eq!((voting.voters().len(), voting.quorum(), voting.faults()), (5, 4, 1));
    assert!(voting.is_voter(&five.id) && voting.is_signing(&five.id));
    let hushed = drawing.state("hush");
    assert_eq!((hushed.voters().len(), hushed.quorum()), (4, 3));
    let out = drawing.state("out");
    assert_eq!((out.voters().len(), out.quorum(), out.faults()), (3, 3, 1), "lies are borne still");
    let one = named(first, &["n1"])[0];
    assert!(out.node(&one).is_none() && out.node_ever(&one).is_some());
    assert!(out.keys_of_now(&one).is_none() && !out.keys_ever(&one).is_empty());
    let eras: Vec<u64> = [first, probed, voting, hushed, out]
        .iter()
        .map(|state| state.electorate_now().era())
        .collect();
    assert_eq!(eras, [0, 0, 2, 3, 4]);
    assert!(out.owes_epochs_since(&hushed.head()) && !hushed.owes_epochs_since(&first.head()));
    assert_eq!(drawing.replay("in votes hush out").unwrap(), *out);
}

/// GOV-65: an entry is decided by the voters of the state before it, and by nobody else: neither
/// those who were revoked nor those who only wait.
#[test]
fn neg_072_who_left_decides_nothing() {
    let domain = Domain::new(4, 1);
    let drawing = Drawing::new(&domain, "G -> in[admit n5] -> out[expel n1] -> six[probe n6]");
    let state = drawing.state("six");
    let motion = domain.motion(state, MotionBody::PolicySet { bundle: vec![1] });
    let motion = signed_by(state, motion, &["ada", "ben"]);
    let entry = Entry::next(state, EntryBody::Motion(motion));
    let certified = |voters: &[NodeId]| {
        let decided =
            domain.decide_by(voters, Instance::Position(entry.position), to_bytes(&entry));
        let entry = CertifiedEntry::from_decided(&decided).unwrap();
        state.verify_entry(&entry)
    };
    let stranger = |voters: &[NodeId]| match certified(voters) {
        Err(EntryError::Certificate(DecidedError::Certificate(CertificateError::Stranger(
            who,
        )))) => who,
        other => panic!("{other:?}"),
    };
    let (four, left) = (named(state, &["n2", "n3", "n4", "n5"]), named(&domain.state, &["n1"])[0]);
    assert_eq!((state.voters().len(), state.quorum()), (4, 3));
    assert!(certified(&four).is_ok() && certified(&four[..3]).is_ok());
    assert!(certified(&four[..2]).is_err());
    let mut with_left = four.clone();
    with_left.push(left);
    with_left.sort();
    assert_eq!(stranger(&with_left), left);
    let waiting = named(state, &["n6"])[0];
    let mut with_waiting = four;
    with_waiting.push(waiting);
    with_waiting.sort();
    assert_eq!(stranger(&with_waiting), waiting);
}

/// AGR-13: an attempt is decided by the voters of its era, whatever the charter says meanwhile; but
/// once too few of those who certified it vote still, their word is nobody's.
#[test]
fn an_attempt_has_the_voters_of_its_era() {
    let domain = Domain::new(4, 1);
    let drawing = Drawing::new(
        &domain,
        "G -> hot[key hot] -> a[admit n5] -> b[expel n1] -> c[admit n6] -> d[expel n4]",
    );
    let key = drawing.state("hot").key_named(&name("hot")).unwrap().key;
    let attempt = |era| Instance::Attempt { key, epoch: 0, attempt: 0, era };
    let first = &domain.state;
    let given_up_at = |head| {
        let (node, signature) = (named(first, &["n2"])[0], secrets(2).sign(tag::TEST, b""));
        let abort = AbortStatement { node, head, signature };
        to_bytes(&AttemptOutcome::Void { attempt: 0, abort })
    };
    let value = given_up_at(drawing.state("hot").head());
    let three = named(first, &["n1", "n3", "n4"]);
    let old = domain.decide_by(&three, attempt(0), value.clone());
    for entry in ["a", "b"] {
        assert_eq!(old.verify(drawing.state(entry)), Ok(()), "{entry}");
    }
    // Given up after n1 had left: not under its keys.
    let late = domain.decide_by(&three, attempt(0), given_up_at(drawing.state("b").head()));
    assert!(late.verify(drawing.state("a")).is_ok() && late.verify(drawing.state("b")).is_err());
    // n1 and n4 are gone: n3 alone may be the liar.
    let gone = Err(DecidedError::Gone { still: 1, needed: 2 });
    assert_eq!(old.verify(drawing.state("d")), gone);
    assert_eq!(old.verify_kept(drawing.state("d")), Ok(()), "who took it in time keeps it");
    assert!(old.verify_now(drawing.state("b")).is_err(), "n1 has no keys any more");
    // Voters of now decide nothing in an era that is not theirs, nor the other way round.
    let state = drawing.state("b");
    let now = named(state, &["n2", "n3", "n4", "n5"]);
    assert_eq!(state.electorate_now().era(), 3);
    assert_eq!(domain.decide_by(&now, attempt(3), value.clone()).verify(state), Ok(()));
    let stranger = |decided: quorate_charter::Decided| match decided.verify(state) {
        Err(DecidedError::Certificate(CertificateError::Stranger(_))) => {}
        other => panic!("{other:?}"),
    };
    stranger(domain.decide_by(&now, attempt(0), value.clone()));
    stranger(domain.decide_by(&three, attempt(3), value.clone()));
    assert_eq!(domain.decide_by(&now, attempt(7), value).verify(state), Err(DecidedError::Era(7)));
}

/// AGR-13: as many as may lie now must be outvoted too. A founder of a small domain, or two, whose
/// words were law then, make nothing up once the domain bears more; former keys count for nobody.
#[test]
fn neg_072_an_electorate_of_before_certifies_nothing_alone() {
    let domain = Domain::new(3, 0);
    let drawing = Drawing::new(
        &domain,
        "G -> hot[key hot] -> a[admit n5] -> b[admit n6] -> c[admit n7] -> d[admit n8] -> e[bear 2]",
    );
    let key = drawing.state("hot").key_named(&name("hot")).unwrap().key;
    let instance = Instance::Attempt { key, epoch: 7, attempt: 0, era: 0 };
    let founders = named(&domain.state, &["n1", "n2", "n3"]);
    let forged = domain.decide_by(&founders[..2], instance, b"newest".to_vec());
    assert_eq!(forged.verify(drawing.state("d")), Ok(()), "none of two may lie yet");
    let gone = Err(DecidedError::Gone { still: 2, needed: 3 });
    assert_eq!(forged.verify(drawing.state("e")), gone);
    assert_eq!(
        domain.decide_by(&founders, instance, b"newest".to_vec()).verify(drawing.state("e")),
        Ok(())
    );
    // The same for a second history of the log.
    let entry = domain.decide_by(&founders[..2], Instance::Position(1), b"another".to_vec());
    assert_eq!(entry.verify(drawing.state("e")), gone);
    assert!(drawing.state("e").owes_epochs_since(&drawing.state("d").head()), "keys are owed");
}

/// GOV-34, GOV-65: who waits writes nothing into the log.
#[test]
fn who_waits_does_not_rejoin() {
    let domain = Domain::new(4, 1);
    let drawing = Drawing::new(&domain, "G -> five[admit n5] -> hush[suspend n2]");
    let node = named(&domain.state, &["n2"])[0];
    let rejoin = |state: &State| {
        let (genesis, head) = (state.genesis(), state.head());
        let incarnation = Incarnation::first(Digest([4; 32]));
        let rejoin = Rejoin { version: 1, genesis, node, incarnation, head };
        SignedRejoin::sign(rejoin, &secrets(2))
    };
    let voting = drawing.state("five");
    assert_eq!(voting.check_rejoin(&rejoin(voting)), Ok(()));
    let waiting = drawing.state("hush");
    assert_eq!(waiting.check_rejoin(&rejoin(waiting)), Err(RejoinError::NoVote(node)));
}

/// N-27, GOV-64: whoever comes in has a name and keys that nobody has or had, and holds them.
#[test]
fn neg_027_a_node_is_admitted_by_its_own_keys() {
    let domain = Domain::new(4, 1);
    let drawing = Drawing::new(&domain, "G -> in[admit n5] -> out[expel n5]");
    let state = drawing.state("out");
    let come = |node: &str, seed: u8| {
        let enrolment = SignedEnrolment::create(name(node), Role::Signer, &secrets(seed));
        let (declared, standing) = (Declaration::default(), Standing::Votes);
        NodesChange::one(NodeChange::Admit { enrolment, declared, standing })
    };
    for taken in ["n5", "n1", "ada", "bot", "greta"] {
        let error = refused(&domain, state, come(taken, 9));
        assert_eq!(error, NodesError::NameTaken(name(taken)));
    }
    for seed in [5, 1] {
        let error = refused(&domain, state, come("n9", seed));
        assert_eq!(error, NodesError::KeyTaken(name("n9")));
    }
    // Somebody on the way put other keys in.
    let honest = to_bytes(&SignedEnrolment::create(name("n9"), Role::Signer, &secrets(9)));
    let theirs = to_bytes(&secrets(8).public());
    let at = honest.windows(32).position(|at| at == secrets(9).public().statement()).unwrap();
    let mut edited = honest.clone();
    let key = secrets(8).public();
    assert!(theirs.windows(32).any(|at| at == key.statement()));
    edited[at..at + 32].copy_from_slice(key.statement());
    let enrolment: SignedEnrolment = quorate_codec::from_bytes(&edited).unwrap();
    let (declared, standing) = (Declaration::default(), Standing::Votes);
    let change = NodesChange::one(NodeChange::Admit { enrolment, declared, standing });
    let error = refused(&domain, state, change);
    assert!(matches!(error, NodesError::Enrolment { .. }), "{error}");
}

/// GOV-66: lies stay borne, and what is under way stays decidable.
#[test]
fn what_would_break_the_domain_is_refused() {
    let domain = Domain::new(4, 1);
    let state = &domain.state;
    let both = NodesChange { changes: vec![leave("n1"), leave("n2")], faults: None };
    let error = refused(&domain, state, both);
    assert_eq!(error, NodesError::Faults { voters: 2, faults: 1, needed: 3 });
    let both = NodesChange { changes: vec![leave("n1"), leave("n2")], faults: Some(0) };
    assert_eq!(refused(&domain, state, both), NodesError::Leaving { leaving: 2, most: 1 });
    let more = NodesChange { changes: vec![], faults: Some(2) };
    let error = refused(&domain, state, more);
    assert_eq!(error, NodesError::Faults { voters: 4, faults: 2, needed: 7 });
    let says = |change: NodesChange| refused(&domain, state, change).to_string();
    let none = NodesChange { changes: vec![], faults: None };
    assert!(says(none).starts_with("a motion changes 1 to 8 nodes"));
    let twice = NodesChange { changes: vec![leave("n1"), leave("n1")], faults: None };
    assert!(says(twice).starts_with("a motion changes 1 to 8 nodes"));
    assert!(says(NodesChange::one(leave("n9"))).starts_with("there is no node"));
    let votes = NodeChange::Stand { name: name("n1"), standing: Standing::Votes };
    assert!(says(NodesChange::one(votes)).starts_with("nothing would change"));
    for operator in ["a\nb".to_owned(), "x".repeat(65)] {
        let declared = Declaration { operator, ..Declaration::default() };
        let change = NodeChange::Declare { name: name("n1"), declared };
        assert!(says(NodesChange::one(change)).starts_with("what is declared of n1"));
    }
}

/// GOV-68, GOV-80: what lets somebody decide is announced; what takes that away never waits.
#[test]
fn to_come_in_takes_time_and_to_be_thrown_out_takes_none() {
    let domain = Domain::new(4, 1);
    let drawing = Drawing::new(
        &domain,
        "G -> wait[wait 60] -> in[admit n5] -> out[expel n1] -> more[bear 0]
         out -> hush[suspend n2]",
    );
    assert!(drawing.state("in").announcement(&drawing.id("in")).is_some());
    let out = drawing.state("out");
    assert!(out.node_named(&name("n1")).is_none() && out.announced().count() == 1);
    assert!(drawing.state("more").announcement(&drawing.id("more")).is_some());
    let hush = drawing.refusal("out", "hush");
    assert!(hush.contains("2 voters do not bear 1"), "{hush}");
    assert!(drawing.state("in").node_named(&name("n5")).is_none(), "not yet");
}

/// GOV-14, GOV-67: nothing new is shared over who waits or left.
#[test]
fn no_key_is_ordered_over_who_waits_or_left() {
    let domain = Domain::new(4, 1);
    let drawing = Drawing::new(&domain, "G -> hush[suspend n2] -> hot[key hot]");
    assert!(drawing.refusal("hush", "hot").starts_with("n2 is not a signer"));
}

/// What people read before they sign.
#[test]
fn a_change_of_nodes_says_what_follows() {
    let domain = Domain::new(4, 1);
    let drawing = Drawing::new(&domain, "G -> hot[key hot]");
    let state = drawing.state("hot");
    let says = |change: NodesChange| {
        let motion = domain.motion(state, MotionBody::Nodes(change));
        effect(motion.body(), state).join("\n")
    };
    let admits = says(NodesChange::one(admit("n5", Standing::Waits)));
    let fingerprint = quorate_identity::words(&secrets(5).public().fingerprint()).join(" ");
    assert!(admits.contains(&fingerprint) && admits.contains("probation"), "{admits}");
    let votes = says(NodesChange::one(admit("n5", Standing::Votes)));
    let after = "5 nodes vote then, 4 decide, 1 may lie (before: 4, 3, 1)";
    assert!(votes.contains(after), "{votes}");
    let expels = says(NodesChange::one(leave("n1")));
    for line in ["3 nodes vote then, 3 decide", "while any one of them is away", "hot: one who"] {
        assert!(expels.contains(line), "{expels}");
    }
}
