//! The malicious-party harness of the dealing: one participant's messages are taken apart, and each
//! field of each message of each kind of dealing is changed in every way of
//! [`quorate_testkit::fields`], told to all or to one. Honest participants finish with the same
//! keys, or end and can prove exactly the liar guilty to everybody; where they cannot, the reason
//! is listed here. `QUORATE_LONG=1` tries everything, otherwise a part of it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use quorate_access::Tree;
use quorate_codec::{Digest, Transcript, from_bytes, tag, to_bytes};
use quorate_curve::{Curve, Ed25519, Secp256k1, SecretScalar};
use quorate_identity::NodeId;
use quorate_keygen::{
    Accusation, DealError, DealFault, Dealt, Equivocation, Holding, Message2, Misdealing, Place,
    Plan, Signed, Source, Terms, start,
};
use quorate_sharing::{Commitments, LeafShares, Polynomial};
use quorate_testkit::fields::changes;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::{BTreeMap, BTreeSet};

fn node(number: u8) -> NodeId {
    NodeId(Digest([number; 32]))
}

fn tree(notation: &str) -> Tree<NodeId> {
    let tree: Tree<u8> = notation.parse().unwrap();
    tree.map(|number| node(*number))
}

/// A kind of dealing, and who may lie in it.
struct Instance {
    name: &'static str,
    over: &'static str,
    dealers: &'static [u8],
    kind: Kind,
    liars: &'static [u8],
}

enum Kind {
    Generate,
    /// Of a key over `2 of (1, 2, 3)`.
    Share,
    Known,
}

const INSTANCES: [Instance; 6] = [
    Instance {
        name: "key generation",
        over: "2 of (1, 2, 3)",
        dealers: &[1, 2, 3],
        kind: Kind::Generate,
        liars: &[2],
    },
    Instance {
        name: "refresh",
        over: "2 of (1, 2, 3)",
        dealers: &[1, 2],
        kind: Kind::Share,
        liars: &[2, 3],
    },
    Instance {
        name: "reshare",
        over: "2 of (3, 4, any of (5, 1))",
        dealers: &[1, 3],
        kind: Kind::Share,
        liars: &[1, 3, 4],
    },
    // Who was absent comes back: it holds nothing of this epoch and receives only.
    Instance {
        name: "repair",
        over: "2 of (1, 2, 3)",
        dealers: &[1, 3],
        kind: Kind::Share,
        liars: &[2, 3],
    },
    Instance {
        name: "import",
        over: "2 of (1, 2, 3)",
        dealers: &[9],
        kind: Kind::Known,
        liars: &[9, 2],
    },
    Instance {
        name: "restore",
        over: "2 of (1, 2, 3)",
        dealers: &[1, 3],
        kind: Kind::Known,
        liars: &[1, 2, 3],
    },
];

fn plans<C: Curve>(instance: &Instance, context: u8) -> Vec<Plan<C>> {
    let mut rng = ChaCha20Rng::seed_from_u64(77);
    let dealers: BTreeSet<NodeId> = instance.dealers.iter().map(|dealer| node(*dealer)).collect();
    let old = tree("2 of (1, 2, 3)");
    let polynomial: Polynomial<C> = Polynomial::random(&old, &mut rng);
    let committed: Commitments<C> = polynomial.commit().unwrap();
    let known: BTreeMap<NodeId, SecretScalar<C>> =
        dealers.iter().map(|dealer| (*dealer, SecretScalar::random(&mut rng))).collect();
    let source = match instance.kind {
        Kind::Generate => Source::Fresh { count: 1 },
        Kind::Share => {
            let old_tree = old.clone();
            Source::Shared { tree: old_tree, dealers: dealers.clone(), old: vec![committed] }
        }
        Kind::Known => {
            let point = |secret: &SecretScalar<C>| vec![secret.commit().non_identity().unwrap()];
            Source::Summands { of: known.iter().map(|(of, it)| (*of, point(it))).collect() }
        }
    };
    let over = tree(instance.over);
    let receivers = over.parties();
    let terms = Terms { ctx0: Digest([context; 32]), tree: over, receivers, source };
    let holding = |me: NodeId| match instance.kind {
        Kind::Share if dealers.contains(&me) => {
            let rows = old.rows();
            let own = rows.iter().filter(|row| *row.party == me);
            let shares: LeafShares<C> =
                own.map(|row| (row.leaf, polynomial.share(row).unwrap())).collect();
            Holding::Shares(vec![shares])
        }
        Kind::Known if dealers.contains(&me) => {
            Holding::Secrets(vec![known[&me].plus(&SecretScalar::zero())])
        }
        _ => Holding::Nothing,
    };
    let participants = dealers.iter().copied().chain(terms.receivers.iter().copied());
    let participants: BTreeSet<NodeId> = participants.collect();
    participants
        .into_iter()
        .map(|me| Plan { terms: terms.clone(), me, holding: holding(me) })
        .collect()
}

/// A signature that anybody can verify, and only this test makes.
fn sign(author: NodeId, place: Place, bytes: &[u8]) -> Signed {
    let place = match place {
        Place::Message1 => 1,
        Place::Message2 => 2,
        Place::Complaint => 3,
        Place::Backup => 4,
    };
    let signature = Transcript::new(tag::DEAL_MESSAGE).part(author).number(place).part(bytes);
    Signed { bytes: bytes.to_vec().into(), signature: signature.digest().0.to_vec().into() }
}

fn holds(author: &NodeId, place: Place, signed: &Signed) -> bool {
    *signed == sign(*author, place, &signed.bytes)
}

type Messages = BTreeMap<NodeId, Vec<u8>>;

/// What the liar sends in place of its messages: nothing where it is the honest one.
#[derive(Default, Clone)]
struct Lie {
    first: Option<Vec<u8>>,
    second: Option<Vec<u8>>,
    /// The only one who is told so.
    victim: Option<NodeId>,
}

/// A run, as everybody saw it.
struct Run<C: Curve> {
    terms: Terms<C>,
    firsts: BTreeMap<NodeId, Messages>,
    seconds: BTreeMap<NodeId, Messages>,
    /// How honest participants fared.
    results: BTreeMap<NodeId, Result<Dealt<C>, DealError>>,
}

fn run<C: Curve>(plans: Vec<Plan<C>>, seed: u64, liar: NodeId, lie: &Lie) -> Run<C> {
    let terms = plans[0].terms.clone();
    let everybody: Vec<NodeId> = plans.iter().map(|plan| plan.me).collect();
    let mut rngs = BTreeMap::new();
    let (mut states, mut sent) = (BTreeMap::new(), Messages::new());
    for plan in plans {
        let me = plan.me;
        let mut rng = ChaCha20Rng::seed_from_u64(seed + u64::from(me.0.0[0]));
        let (state, message) = start::<C>(plan, &mut rng).unwrap();
        states.insert(me, state);
        sent.insert(me, message);
        rngs.insert(me, rng);
    }
    let told = |sent: &Messages, told: &Option<Vec<u8>>| -> BTreeMap<NodeId, Messages> {
        let inbox = |to: &NodeId| {
            let mut inbox = sent.clone();
            let is_told = *to != liar && lie.victim.is_none_or(|victim| victim == *to);
            if let (true, Some(told)) = (is_told, told) {
                inbox.insert(liar, told.clone());
            }
            (*to, inbox)
        };
        everybody.iter().map(inbox).collect()
    };
    let firsts = told(&sent, &lie.first);
    let (mut next, mut sent, mut results) = (BTreeMap::new(), Messages::new(), BTreeMap::new());
    for (me, state) in states {
        match state.handle(firsts[&me].clone(), rngs.get_mut(&me).unwrap()) {
            Ok((state, message)) => {
                next.insert(me, state);
                sent.insert(me, message);
            }
            Err(error) => drop(results.insert(me, Err(error))),
        }
    }
    if !results.is_empty() {
        // Nobody goes on once somebody has said that it ends.
        results.remove(&liar);
        return Run { terms, firsts, seconds: BTreeMap::new(), results };
    }
    // The liar says that it saw what the others saw, so that this is not what gives it away.
    let mut second = lie.second.clone();
    if lie.first.is_some() && lie.victim.is_none() {
        let theirs = sent.iter().find(|(from, _)| **from != liar).unwrap().1;
        let echo = from_bytes::<Message2>(theirs).unwrap().echo;
        let own: Message2 = from_bytes(&sent[&liar]).unwrap();
        second = Some(to_bytes(&Message2 { echo, ..own }));
    }
    let seconds = told(&sent, &second);
    for (me, state) in next {
        if me != liar {
            let inbox = seconds[&me].clone();
            results.insert(me, state.handle(inbox, rngs.get_mut(&me).unwrap()));
        }
    }
    Run { terms, firsts, seconds, results }
}

impl<C: Curve> Run<C> {
    fn signed(place: Place, messages: &Messages) -> BTreeMap<NodeId, Signed> {
        messages.iter().map(|(from, bytes)| (*from, sign(*from, place, bytes))).collect()
    }

    /// Whom the honest participants together can prove guilty to anybody.
    fn proven(&self) -> BTreeSet<NodeId> {
        let mut proven = BTreeSet::new();
        for (place, round) in [(Place::Message1, &self.firsts), (Place::Message2, &self.seconds)] {
            let honest: Vec<&Messages> = round
                .iter()
                .filter(|(me, _)| self.results.contains_key(me))
                .map(|it| it.1)
                .collect();
            for (one, other) in honest.iter().zip(honest.iter().skip(1)) {
                for (author, bytes) in *one {
                    let (one, other) =
                        (sign(*author, place, bytes), sign(*author, place, &other[author]));
                    let proof = Equivocation { author: *author, place, one, other };
                    proven.extend(proof.is_proven(&holds).then_some(*author));
                }
            }
        }
        for (me, result) in &self.results {
            let Err(error) = result else { continue };
            let firsts = &self.firsts[me];
            let none = Messages::new();
            let seconds = self.seconds.get(me).unwrap_or(&none);
            if !error.culprits.is_empty() {
                let misdealing = Misdealing::new(
                    Self::signed(Place::Message1, firsts),
                    Self::signed(Place::Message2, seconds),
                );
                let judged = misdealing.judge(&self.terms, &holds).unwrap();
                assert_eq!(judged, error.culprits, "{error}: judged as the participant found");
                proven.extend(judged);
            }
            if let Some(complaint) = &error.complaint {
                let dealer = complaint.dealer();
                let second = sign(dealer, Place::Message2, &seconds[&dealer]);
                let complaint = sign(*me, Place::Complaint, &complaint.to_bytes());
                let accusation = Accusation::new(firsts, (dealer, second), (*me, complaint));
                proven.insert(accusation.judge(&self.terms, &holds).unwrap().guilty());
            }
        }
        proven
    }

    /// Whether all honest participants finished, and with the same.
    fn agreed(&self) -> bool {
        let finished = self.results.values().map(|result| result.as_ref().ok());
        let seen: Option<Vec<_>> = finished
            .map(|dealt| {
                let dealt = dealt?;
                let keys = dealt.keys.iter().map(|key| key.commitments.to_bytes());
                Some((dealt.transcript, keys.collect::<Vec<_>>()))
            })
            .collect();
        seen.is_some_and(|seen| seen.windows(2).all(|pair| pair[0] == pair[1]))
    }
}

/// Where nobody can be convicted although somebody lied, and why.
fn is_excused(round: u8, what: &str, errors: &[&DealError]) -> bool {
    // Who echoes something else may have been sent something else: nobody but its sender knows
    // what that was. Others are chosen the next time (DEAL-21).
    // A whole message of an earlier run has that run's echo.
    let is_echo =
        round == 2 && (what.ends_with("at [1]") || what == "an earlier run's value at []");
    is_echo && errors.iter().all(|error| matches!(error.reason, DealFault::Echo { .. }))
}

fn matrix<C: Curve>(instance: &Instance, step: usize, offset: usize) -> usize {
    let mut tried = 0;
    for liar in instance.liars {
        let liar = node(*liar);
        let nobody = Lie::default();
        let honest = run::<C>(plans(instance, 1), 0, liar, &nobody);
        assert!(honest.agreed(), "{}: nobody lied", instance.name);
        let earlier = run::<C>(plans(instance, 2), 512, liar, &nobody);
        let other = *honest.results.keys().next_back().unwrap();
        let dealer = node(instance.dealers[0]);
        for round in [1, 2] {
            let of = |run: &Run<C>, author: NodeId| {
                let inboxes = if round == 1 { &run.firsts } else { &run.seconds };
                inboxes[&other][&author].clone()
            };
            let theirs = [of(&honest, other), of(&honest, dealer), of(&earlier, liar)];
            let others = [
                ("another's value", theirs[0].as_slice()),
                ("a dealer's value", &theirs[1]),
                ("an earlier run's value", &theirs[2]),
            ];
            let lies = changes(&of(&honest, liar), &others);
            let victims = [None, Some(other)];
            let cases = lies.iter().flat_map(|lie| victims.map(|victim| (lie, victim)));
            for (change, victim) in cases.skip(offset % step).step_by(step) {
                let bytes = Some(change.bytes.clone());
                let lie = match round {
                    1 => Lie { first: bytes, second: None, victim },
                    _ => Lie { first: None, second: bytes, victim },
                };
                let told = if victim.is_some() { "told to one" } else { "told to all" };
                let what =
                    format!("{}, {liar}, message {round}, {}, {told}", instance.name, change.what);
                let run = run::<C>(plans(instance, 1), 0, liar, &lie);
                tried += 1;
                let proven = run.proven();
                assert!(proven.iter().all(|guilty| *guilty == liar), "{what}: {proven:?}");
                let errors = run.results.values().filter_map(|result| result.as_ref().err());
                let errors: Vec<&DealError> = errors.collect();
                // What happened in the first round reveals nothing.
                let is_over = round == 1 && !errors.is_empty() && run.seconds.is_empty();
                assert!(!is_over || proven.contains(&liar), "{what}");
                let is_fine = if errors.is_empty() {
                    run.agreed() || proven.contains(&liar)
                } else {
                    proven.contains(&liar) || is_excused(round, &change.what, &errors)
                };
                assert!(is_fine, "{what}: {:?}", errors);
            }
        }
    }
    tried
}

/// DEAL-03 to DEAL-14, DEAL-18 to DEAL-25: every field of every message.
#[test]
fn neg_010_whatever_field_is_changed_only_the_liar_is_named() {
    let long = std::env::var_os("QUORATE_LONG").is_some();
    let step = if long { 1 } else { 5 };
    let mut tried = 0;
    for (at, instance) in INSTANCES.iter().enumerate() {
        tried += matrix::<Ed25519>(instance, step, at * 2);
        tried += matrix::<Secp256k1>(instance, step * 2, at * 2 + 1);
    }
    println!("figures: {tried} changes of fields in {} kinds of dealings", INSTANCES.len());
    assert!(tried > 300);
}
