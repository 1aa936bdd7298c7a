//! One participant rewrites its messages, field by field, in every kind of dealing. Whoever
//! receives them ends and names it, or nobody where nobody can be named, or ends well where the
//! change hurts only its author.

use crate::harness::{Keys, dealing, fresh, import, node, plans, restore, with_liar_in};
use quorate_codec::Digest;
use quorate_curve::{Ed25519, NonIdentity, Point};
use quorate_identity::NodeId;
use quorate_keygen::{
    DealFault, Message1, Message2, Plan, SealPublic, Sealed, Source, Terms, Whose,
};

type Curve = Ed25519;

/// A kind of dealing.
struct Instance {
    name: &'static str,
    plans: fn() -> Vec<Plan<Curve>>,
}

const INSTANCES: [Instance; 12] = [
    Instance { name: "one new key", plans: || plans(&fresh("2 of (1, 2, 3)", 1)) },
    Instance { name: "two new keys", plans: || plans(&fresh("2 of (1, all of (2, 1), 3)", 2)) },
    Instance { name: "refresh", plans: || shared(&[1, 2], "2 of (1, 2, 3)", 1) },
    Instance { name: "refresh of three keys", plans: || shared(&[2, 3], "2 of (1, 2, 3)", 3) },
    Instance { name: "disjoint committee", plans: || shared(&[1, 3], "2 of (7, 8, 9)", 2) },
    Instance { name: "overlapping", plans: || shared(&[1, 2], "all of (2, any of (8, 9))", 1) },
    Instance { name: "repair", plans: || shared(&[1, 3], "2 of (1, 2, 3)", 1) },
    Instance { name: "one absent", plans: || without(&[1, 3], "2 of (1, 2, 3)", &[2]) },
    Instance {
        name: "a dealer receives nothing",
        plans: || without(&[1, 2], "2 of (1, 2, 3)", &[1]),
    },
    Instance {
        name: "an absent new member",
        plans: || without(&[2, 3], "2 of (7, 8, any of (7, 9))", &[7]),
    },
    Instance { name: "import", plans: || import(9, 2, "2 of (1, 2, 9)") },
    Instance { name: "restore", plans: || restore(&[1, 3], 2, "2 of (1, 2, 3)") },
];

fn shared(dealers: &[u8], to: &str, count: usize) -> Vec<Plan<Curve>> {
    let keys = Keys::new("2 of (1, 2, 3)", count);
    keys.plans(&keys.terms(dealers, to))
}

fn without(dealers: &[u8], to: &str, absent: &[u8]) -> Vec<Plan<Curve>> {
    let keys = Keys::new("2 of (1, 2, 3)", 2);
    keys.plans(&keys.terms_without(dealers, to, absent))
}

/// What honest participants must find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// The liar, by its own messages.
    Malformed,
    SealKey,
    Opening,
    Possession,
    Constant,
    /// Nobody is named.
    Echo,
    /// The receivers of the liar's shares for which this says so name the pair; others end well.
    Share,
    /// Everybody else ends well.
    Nothing,
}

/// One change, and what comes of it for a liar with these roles; `None` if it has no such field.
struct Lie<M> {
    name: &'static str,
    change: fn(&mut M),
    dealer: Option<Found>,
    receiver: Option<Found>,
}

fn other_point(bytes: &[u8]) -> Vec<u8> {
    let point = NonIdentity::<Curve>::from_bytes(bytes).unwrap().point() + Point::generator();
    point.non_identity().unwrap().to_bytes()
}

/// Changes of the first message; the liar's echo is put right, so that it is not what gives it
/// away.
fn first_lies() -> Vec<Lie<Message1>> {
    use Found::{Malformed, Nothing, Opening, SealKey};
    let both =
        |name, change, found| Lie { name, change, dealer: Some(found), receiver: Some(found) };
    vec![
        both("version", |m| m.version = 1, Malformed),
        Lie {
            name: "sid",
            change: |m| m.sid = Digest([1; 32]),
            dealer: Some(Opening),
            receiver: Some(Nothing),
        },
        both("a seal key more", |m| m.seal_keys.push(SealPublic([9; 32])), Malformed),
        Lie {
            name: "no commitment",
            change: |m| m.commitment = None,
            dealer: Some(Malformed),
            receiver: None,
        },
        Lie {
            name: "another commitment",
            change: |m| m.commitment = Some(Digest([1; 32])),
            dealer: Some(Opening),
            receiver: Some(Malformed),
        },
        // The rest only where there are seal keys: see `applies`.
        both("a seal key less", drop_key, Malformed),
        both("seal key not canonical", |m| set_key(m, [0xff; 32]), Malformed),
        both("seal key of small order", |m| set_key(m, [0; 32]), SealKey),
        Lie {
            name: "another seal key",
            change: |m| set_key(m, [9; 32]),
            dealer: Some(Opening),
            receiver: Some(Nothing),
        },
    ]
}

fn drop_key(message: &mut Message1) {
    message.seal_keys.pop();
}

fn set_key(message: &mut Message1, key: [u8; 32]) {
    if let Some(first) = message.seal_keys.first_mut() {
        *first = SealPublic(key);
    }
}

/// Changes of the second message. What a pure receiver may change in it is its echo only.
fn second_lies() -> Vec<Lie<Message2>> {
    use Found::{Echo, Malformed, Opening, Possession, Share};
    let dealers = |name, change, found| Lie { name, change, dealer: Some(found), receiver: None };
    vec![
        Lie {
            name: "version",
            change: |m| m.version = 1,
            dealer: Some(Malformed),
            receiver: Some(Malformed),
        },
        Lie {
            name: "echo",
            change: |m| m.echo = Digest([1; 32]),
            dealer: Some(Echo),
            receiver: Some(Echo),
        },
        dealers("no dealing", |m| m.dealing = None, Malformed),
        dealers("opening", |m| dealing(m).opening = Digest([1; 32]), Opening),
        dealers("a secret less", |m| drop(dealing(m).commitments.pop()), Malformed),
        dealers("a secret more", |m| twice(&mut dealing(m).commitments), Malformed),
        dealers("a column less", |m| drop(dealing(m).commitments[0].pop()), Malformed),
        dealers("a column more", |m| twice(&mut dealing(m).commitments[0]), Malformed),
        dealers("no point", |m| dealing(m).commitments[0][0] = vec![2; 32].into(), Malformed),
        dealers("another constant", |m| shift(m, 0), Opening),
        dealers("another coefficient", |m| shift(m, 1), Opening),
        dealers("a proof more", more_proofs, Malformed),
        dealers("a leaf less", |m| drop(dealing(m).sealed.pop()), Malformed),
        dealers("a leaf more", |m| twice(&mut dealing(m).sealed), Malformed),
        dealers("a longer leaf", |m| dealing(m).sealed[0].0.push(0), Malformed),
        dealers("a shorter leaf", |m| dealing(m).sealed[0].0.truncate(79), Malformed),
        dealers("another encapsulation", |m| flip(m, 0), Share),
        dealers("another ciphertext", |m| flip(m, 33), Share),
        dealers("leaves exchanged", |m| dealing(m).sealed.swap(0, 1), Share),
        // Only in key generation: see `applies`.
        dealers("a proof less", |m| dealing(m).proofs.truncate(0), Malformed),
        dealers("another proof", wrong_proof, Possession),
    ]
}

fn twice<T: Clone>(list: &mut Vec<T>) {
    let again = list[0].clone();
    list.push(again);
}

fn shift(message: &mut Message2, column: usize) {
    let point = dealing(message).commitments[0].iter_mut().take(column + 1).last().unwrap();
    *point = other_point(point).into();
}

fn flip(message: &mut Message2, at: usize) {
    dealing(message).sealed.iter_mut().for_each(|Sealed(bytes)| bytes[at] ^= 1);
}

fn more_proofs(message: &mut Message2) {
    let proof = quorate_codec::minicbor::decode(&any_proof()).unwrap();
    dealing(message).proofs.push(proof);
}

/// The form of a proof.
fn any_proof() -> Vec<u8> {
    [&[0x59, 0x02, 0xec][..], &[0; 748]].concat()
}

fn wrong_proof(message: &mut Message2) {
    let last = dealing(message).proofs.last_mut().unwrap();
    *last = quorate_codec::minicbor::decode(&any_proof()).unwrap();
}

/// Whether honest participants ended as the table says.
fn judge(
    what: &str,
    terms: &Terms<Curve>,
    liar: u8,
    expected: Found,
    results: &[(NodeId, Result<(), quorate_keygen::DealError>)],
) {
    for (me, result) in results {
        let what = format!("{what}, seen by {me}");
        let receives = terms.receivers.contains(me);
        let Err(error) = result else {
            let well = expected == Found::Nothing || expected == Found::Share && !receives;
            assert!(well, "{what}: not noticed");
            continue;
        };
        assert_eq!(error.whose(), Whose::Peers, "{what}: {error}");
        let accused: &[NodeId] = match expected {
            Found::Echo | Found::Share | Found::Nothing => &[],
            _ => &[node(liar)],
        };
        assert_eq!(error.culprits, accused, "{what}: {error}");
        let found = match &error.reason {
            DealFault::Malformed => Found::Malformed,
            DealFault::SealKey => Found::SealKey,
            DealFault::Opening => Found::Opening,
            DealFault::Possession => Found::Possession,
            DealFault::Constant => Found::Constant,
            DealFault::Echo { .. } => Found::Echo,
            DealFault::SubShare { dealer, receiver, .. } => {
                assert_eq!((*dealer, receiver), (node(liar), me), "{what}");
                assert_eq!(error.complaint.as_ref().unwrap().dealer(), node(liar), "{what}");
                Found::Share
            }
            other => panic!("{what}: {other}"),
        };
        assert_eq!(found, expected, "{what}");
        assert_eq!(error.complaint.is_some(), expected == Found::Share, "{what}");
    }
}

/// Everybody but the liar.
fn honest<T>(
    results: crate::harness::Results<T>,
    liar: u8,
) -> Vec<(NodeId, Result<(), quorate_keygen::DealError>)> {
    let others = results.into_iter().filter(|(me, _)| *me != node(liar));
    others.map(|(me, result)| (me, result.map(drop))).collect()
}

fn applies(name: &str, terms: &Terms<Curve>, liar: NodeId) -> bool {
    match name {
        "a seal key less"
        | "seal key not canonical"
        | "seal key of small order"
        | "another seal key" => terms.receivers.contains(&liar),
        "a proof less" | "another proof" => matches!(terms.source, Source::Fresh { .. }),
        _ => true,
    }
}

fn liars(instance: &Instance) -> impl Iterator<Item = (Terms<Curve>, u8, bool)> {
    let terms = (instance.plans)()[0].terms.clone();
    let dealers = terms.dealers();
    let all: Vec<_> = terms
        .participants()
        .into_iter()
        .map(|liar| (liar.0.0[0], dealers.contains(&liar)))
        .collect();
    all.into_iter().map(move |(liar, deals)| (terms.clone(), liar, deals))
}

/// DEAL-03 to DEAL-05, DEAL-09: changes of the first message, told to all alike. Where they are
/// noticed in the first round, nobody reveals anything: there is no second message.
#[test]
fn neg_024_a_changed_first_message_reveals_nothing_and_names_its_sender() {
    for instance in &INSTANCES {
        for (terms, liar, deals) in liars(instance) {
            for lie in first_lies() {
                let expected = if deals { lie.dealer } else { lie.receiver };
                let Some(expected) = expected.filter(|_| applies(lie.name, &terms, node(liar)))
                else {
                    continue;
                };
                let what = format!("{}: {} of {liar}", instance.name, lie.name);
                let (first, second) = told_to_all((instance.plans)(), liar, lie.change);
                let results = with_liar_in((instance.plans)(), liar, first, second);
                judge(&what, &terms, liar, expected, &honest(results, liar));
            }
        }
    }
}

/// The liar's change of its first message, and its second message with the echo that the others
/// have then, so that the echo does not give it away.
fn told_to_all(
    plans: Vec<Plan<Curve>>,
    liar: u8,
    change: fn(&mut Message1),
) -> (impl Fn(NodeId, &mut Message1), impl Fn(NodeId, &mut Message2)) {
    let (mut deal, mut inboxes) = crate::harness::Deal::<Curve>::begin_plans(plans, u64::from);
    crate::harness::rewrite(&mut inboxes, node(liar), |_, first| change(first));
    let sent = deal.round1(inboxes);
    let theirs =
        sent.iter().find(|(me, _)| **me != node(liar)).and_then(|(_, sent)| sent.as_ref().ok());
    let echo = theirs.map(|bytes| quorate_codec::from_bytes::<Message2>(bytes).unwrap().echo);
    let first = move |_: NodeId, first: &mut Message1| change(first);
    let second = move |_: NodeId, second: &mut Message2| second.echo = echo.unwrap_or(second.echo);
    (first, second)
}

/// DEAL-08 to DEAL-14, DEAL-18, DEAL-19, DEAL-24: changes of the second message.
#[test]
fn neg_010_a_changed_second_message_names_its_sender_or_nobody() {
    for instance in &INSTANCES {
        for (terms, liar, deals) in liars(instance) {
            for lie in second_lies() {
                let expected = if deals { lie.dealer } else { lie.receiver };
                let Some(expected) = expected.filter(|_| applies(lie.name, &terms, node(liar)))
                else {
                    continue;
                };
                let what = format!("{}: {} of {liar}", instance.name, lie.name);
                let second = |_: NodeId, second: &mut Message2| (lie.change)(second);
                let results = with_liar_in((instance.plans)(), liar, |_, _| (), second);
                let mut seen = honest(results, liar);
                if lie.name == "leaves exchanged" {
                    // Receivers of other leaves do not notice.
                    let leaves = terms.tree.leaves().into_iter().map(|(_, party)| party);
                    let dealt = leaves.filter(|party| terms.receivers.contains(party));
                    let hit: Vec<_> = dealt.take(2).collect();
                    seen.retain(|(me, _)| hit.contains(&me));
                }
                judge(&what, &terms, liar, expected, &seen);
            }
        }
    }
}

/// DEAL-10, N-25: the same changes of the first message, but told to one participant only: all
/// end, and only the liar is ever named.
#[test]
fn neg_025_a_first_message_changed_for_one_ends_the_dealing_for_all() {
    for instance in &INSTANCES {
        for (terms, liar, _) in liars(instance) {
            let victim = terms.participants().into_iter().find(|me| *me != node(liar)).unwrap();
            let first = |to: NodeId, first: &mut Message1| {
                if to == victim {
                    first.sid = Digest([1; 32]);
                }
            };
            let results = with_liar_in((instance.plans)(), liar, first, |_, _| ());
            for (me, result) in honest(results, liar) {
                let error = result.unwrap_err();
                assert!(error.culprits.is_empty(), "{}: {me}: {error}", instance.name);
                assert!(matches!(error.reason, DealFault::Echo { .. }), "{me}: {error}");
            }
        }
    }
}
