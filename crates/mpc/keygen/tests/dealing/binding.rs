//! Attacks that move messages and proofs to where they do not belong.

use crate::harness::{
    Deal, Inboxes, all_accuse, context, dealing, dealt, fresh, node, others, plans, tree,
    verify_leaf_proofs, with_foresight, with_liar,
};
use quorate_codec::{Digest, from_bytes, to_bytes};
use quorate_curve::{Ed25519, NonIdentity, Secp256k1, SecretScalar};
use quorate_identity::NodeId;
use quorate_keygen::{DealFault, Holding, Message1, Message2, Plan, Terms, Whose, start};
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use std::collections::BTreeMap;

const TREE: &str = "2 of (1, 2, 3)";

fn put(inboxes: &mut Inboxes, from: u8, bytes: &[u8]) {
    for (to, inbox) in inboxes.iter_mut().filter(|(to, _)| **to != node(from)) {
        assert!(inbox.insert(node(from), bytes.to_vec()).is_some(), "{to}");
    }
}

/// DEAL-09, DEAL-11: the same member's messages of another run, with its echo corrected.
#[test]
fn neg_017_messages_of_another_run_are_refused() {
    let (mut old, inboxes) = Deal::<Ed25519>::begin_with(TREE, context(1), |id| id.into());
    let old_first = inboxes[&node(1)][&node(2)].clone();
    let old_second = old.round1(inboxes)[&node(2)].clone().unwrap();

    // Everything of the old run: its commitment names the old context.
    let (mut deal, mut inboxes) = Deal::<Ed25519>::begin_with(TREE, context(2), |id| id.into());
    for inbox in inboxes.values_mut() {
        inbox.insert(node(2), old_first.clone());
    }
    let results = deal.round1(inboxes);
    let echo = from_bytes::<Message2>(results[&node(1)].as_ref().unwrap()).unwrap().echo;
    let mut lie: Message2 = from_bytes(&old_second).unwrap();
    lie.echo = echo;
    let seconds: BTreeMap<NodeId, Vec<u8>> = results
        .into_iter()
        .map(|(from, sent)| (from, sent.unwrap_or_else(|_| to_bytes(&lie))))
        .collect();
    let inboxes = deal.members.iter().map(|to| (*to, seconds.clone())).collect();
    all_accuse(&others(deal.round2(inboxes), 2), &[2], |fault| *fault == DealFault::Opening);
}

/// DEAL-03, DEAL-09, DEAL-11: another member's messages, and one round's message in the other.
#[test]
fn neg_017_messages_of_another_member_or_round_are_refused() {
    let opening = |fault: &DealFault| *fault == DealFault::Opening;
    let (mut deal, mut inboxes) = Deal::<Ed25519>::begin(TREE);
    let stolen = inboxes[&node(1)][&node(1)].clone();
    for inbox in inboxes.values_mut() {
        inbox.insert(node(2), stolen.clone());
    }
    let results = deal.round1(inboxes);
    let second = results[&node(1)].clone().unwrap();
    let seconds: BTreeMap<NodeId, Vec<u8>> = results
        .into_iter()
        .map(|(from, sent)| (from, sent.unwrap_or_else(|_| second.clone())))
        .collect();
    let inboxes = deal.members.iter().map(|to| (*to, seconds.clone())).collect();
    all_accuse(&others(deal.round2(inboxes), 2), &[2], opening);

    let (mut deal, inboxes) = Deal::<Ed25519>::begin(TREE);
    let first = inboxes[&node(1)][&node(2)].clone();
    let sent = deal.round1(inboxes);
    let theirs = sent[&node(1)].clone().unwrap();
    let mut inboxes = deal.deliver(sent);
    put(&mut inboxes, 2, &theirs);
    all_accuse(&others(deal.round2(inboxes), 2), &[2], opening);

    let (mut deal, inboxes) = Deal::<Ed25519>::begin(TREE);
    let sent = deal.round1(inboxes);
    let mut inboxes = deal.deliver(sent);
    put(&mut inboxes, 2, &first);
    let malformed = |fault: &DealFault| *fault == DealFault::Malformed;
    all_accuse(&others(deal.round2(inboxes), 2), &[2], malformed);
}

/// DEAL-16: leaf proofs of another member, leaf, sharing or transcript.
#[test]
fn neg_017_leaf_proofs_stay_where_they_were_made() {
    let tree = tree(TREE);
    let all = Deal::<Ed25519>::honest(TREE);
    let (one, two) = (&all[&node(1)], &all[&node(2)]);
    let (of_one, of_two) = (one.leaf_proofs.clone().unwrap(), two.leaf_proofs.clone().unwrap());
    let key = &one.keys[0].commitments;
    let verify = |transcript: &Digest, commitments: &_, who: u8, bytes: &[u8]| {
        verify_leaf_proofs(transcript, &tree, commitments, node(who), bytes).is_ok()
    };
    assert!(verify(&one.transcript, key, 1, &of_one));
    assert!(!verify(&one.transcript, key, 1, &of_two));
    assert!(!verify(&Digest([7; 32]), key, 1, &of_one));
    let (mut other, inboxes) = Deal::<Ed25519>::begin_with(TREE, context(3), |id| id.into());
    let sent = other.round1(inboxes);
    let inboxes = other.deliver(sent);
    let other = other.round2(inboxes).remove(&node(1)).unwrap().unwrap();
    // The same seeds, so the same key; only the run differs.
    assert_eq!(&other.keys[0].commitments, key);
    assert!(!verify(&other.transcript, key, 1, &of_one));
}

/// DEAL-11: another member's whole dealing, with its proof, in time.
#[test]
fn neg_018_a_copied_proof_of_possession_is_refused() {
    let copy = |foreseen: &BTreeMap<NodeId, Message2>, lie: &mut Message2| {
        dealing(lie).commitments = dealt(&foreseen[&node(1)]).commitments.clone();
    };
    let results = with_foresight::<Secp256k1>(TREE, 2, copy, 1);
    all_accuse(&results, &[2], |fault| *fault == DealFault::Possession);
}

/// DEAL-12: two members that deal the same secret and can both prove it. Nobody is accused.
#[test]
fn neg_018_equal_constant_terms_are_refused() {
    let same = |id: u8| if id == 2 { 1 } else { u64::from(id) };
    let (mut deal, inboxes) = Deal::<Secp256k1>::begin_with(TREE, context(0), same);
    let sent = deal.round1(inboxes);
    let inboxes = deal.deliver(sent);
    let results = others(deal.round2(inboxes), 9);
    let members = vec![node(1), node(2)];
    all_accuse(&results, &[], |fault| *fault == DealFault::Duplicate { members: members.clone() });
}

/// A source that gives the same bytes for ever.
struct Stuck;

impl RngCore for Stuck {
    fn next_u32(&mut self) -> u32 {
        7
    }

    fn next_u64(&mut self) -> u64 {
        7
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.fill(7);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl rand_core::CryptoRng for Stuck {}

/// DEAL-12: one secret for two keys of one dealer, with good proofs of both: it did that alone,
/// and is accused, whoever else dealt the same secret.
#[test]
fn neg_018_who_deals_one_secret_twice_is_accused() {
    for stuck in [&[2][..], &[1, 2]] {
        let (mut rounds, mut firsts) = (BTreeMap::new(), BTreeMap::new());
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for plan in plans(&fresh::<Ed25519>(TREE, 2)) {
            let me = plan.me;
            let is_stuck = stuck.contains(&me.0.0[0]);
            let (round, first) =
                if is_stuck { start(plan, &mut Stuck) } else { start(plan, &mut rng) }.unwrap();
            rounds.insert(me, round);
            firsts.insert(me, first);
        }
        let (mut nexts, mut seconds) = (Vec::new(), BTreeMap::new());
        for (me, round) in rounds {
            let (next, second) = round.handle(firsts.clone(), &mut rng).unwrap();
            nexts.push(next);
            seconds.insert(me, second);
        }
        for next in nexts {
            let error = next.handle(seconds.clone(), &mut rng).unwrap_err();
            let culprits: Vec<_> = stuck.iter().map(|number| node(*number)).collect();
            assert_eq!((error.reason, error.culprits), (DealFault::Repeated, culprits));
        }
    }
}

/// DEAL-11: C_2 = X - C_1 would make the key X, which the liar knows.
#[test]
fn neg_023_a_rogue_key_cannot_be_proven() {
    let rogue = |foreseen: &BTreeMap<NodeId, Message2>, lie: &mut Message2| {
        let point = |id| {
            let bytes = &dealt(&foreseen[&node(id)]).commitments[0][0];
            NonIdentity::<Secp256k1>::from_bytes(bytes).unwrap().point()
        };
        let wanted = SecretScalar::<Secp256k1>::from_bytes(&[5; 32]).unwrap().commit();
        let rogue = (wanted - point(1) - point(3)).non_identity().unwrap();
        dealing(lie).commitments[0][0] = rogue.to_bytes().into();
    };
    let results = with_foresight::<Secp256k1>(TREE, 2, rogue, 2);
    all_accuse(&results, &[2], |fault| *fault == DealFault::Possession);
}

/// DEAL-04: every member's contribution changes the sid, and a dealing that was made for another
/// sid does not fit, though its dealer used the same randomness.
#[test]
fn neg_020_the_run_is_named_by_all_its_members() {
    let sid_with = |changed: u8| {
        let seed = |id: u8| u64::from(id) + if id == changed { 100 } else { 0 };
        let (mut deal, inboxes) = Deal::<Ed25519>::begin_with(TREE, context(0), seed);
        let sent = deal.round1(inboxes);
        (from_bytes::<Message2>(sent[&node(1)].as_ref().unwrap()).unwrap().echo, deal, sent)
    };
    let (unchanged, _, old) = sid_with(0);
    for changed in [1, 2, 3] {
        assert_ne!(sid_with(changed).0, unchanged);
    }
    // Member 2 sends what it sent in the old run, where member 1 was another.
    let (echo, mut deal, sent) = sid_with(1);
    let mut lie: Message2 = from_bytes(old[&node(2)].as_ref().unwrap()).unwrap();
    let mut inboxes = deal.deliver(sent);
    lie.echo = echo;
    put(&mut inboxes, 2, &to_bytes(&lie));
    all_accuse(&others(deal.round2(inboxes), 2), &[2], |fault| *fault == DealFault::Possession);
}

/// DEAL-10: members with different contexts, as after a restart that only some noticed. The run
/// ends, and nobody is accused.
#[test]
fn neg_021_different_contexts_end_the_run_without_an_accusation() {
    let plan = |me: u8| Plan {
        terms: Terms { ctx0: context(me / 3), ..fresh(TREE, 1) },
        me: node(me),
        holding: Holding::Nothing,
    };
    let plans = [1, 2, 3].map(plan).into_iter().collect();
    let (mut deal, inboxes) = Deal::<Ed25519>::begin_plans(plans, |id| id.into());
    let sent = deal.round1(inboxes);
    let inboxes = deal.deliver(sent);
    let results = others(deal.round2(inboxes), 9);
    all_accuse(&results, &[], |fault| matches!(fault, DealFault::Echo { .. }));
}

/// DEAL-04: nothing is revealed before every commitment is there, and none may change after.
#[test]
fn neg_024_nobody_reveals_before_all_have_committed() {
    for missing in [1, 2, 3] {
        let (mut deal, mut inboxes) = Deal::<Ed25519>::begin(TREE);
        inboxes.values_mut().for_each(|inbox| drop(inbox.remove(&node(missing))));
        for result in deal.round1(inboxes).into_values() {
            let error = result.unwrap_err();
            assert!(error.whose() == Whose::Caller && error.culprits.is_empty());
        }
    }
    let (mut deal, mut inboxes) = Deal::<Ed25519>::begin(TREE);
    let first = inboxes[&node(1)][&node(2)].clone();
    inboxes.values_mut().for_each(|inbox| drop(inbox.insert(node(9), first.clone())));
    assert!(
        deal.round1(inboxes)
            .into_values()
            .all(|result| result.unwrap_err().whose() == Whose::Caller)
    );
}

/// DEAL-09: a dealing chosen after seeing those of the others does not open the commitment.
#[test]
fn neg_024_a_dealing_chosen_late_does_not_open() {
    let late = |_, second: &mut Message2| dealing(second).commitments[0].swap(0, 1);
    let results = with_liar::<Ed25519>(TREE, 2, |_, _| (), late);
    all_accuse(&results, &[2], |fault| *fault == DealFault::Opening);
    let salt = |_, second: &mut Message2| dealing(second).opening = Digest([1; 32]);
    let results = with_liar::<Ed25519>(TREE, 2, |_, _| (), salt);
    all_accuse(&results, &[2], |fault| *fault == DealFault::Opening);
}

/// DEAL-10: two first messages for one slot. The echoes differ, the run ends at every honest
/// member, and no honest member is accused.
#[test]
fn neg_025_equivocation_in_round_one_is_found_by_the_echo() {
    let changes: [fn(&mut Message1); 3] = [
        |first| first.sid = Digest([1; 32]),
        |first| first.commitment = Some(Digest([1; 32])),
        |first| first.seal_keys[0] = quorate_keygen::SealPublic([9; 32]),
    ];
    for change in changes {
        let only_to_one = |to: NodeId, first: &mut Message1| {
            if to == node(1) {
                change(first);
            }
        };
        let results = with_liar::<Ed25519>("2 of (1, 2, 3, 4)", 2, only_to_one, |_, _| ());
        assert_eq!(results.len(), 3);
        all_accuse(&results, &[], |fault| matches!(fault, DealFault::Echo { .. }));
        let error = results[&node(3)].as_ref().unwrap_err();
        assert_eq!(error.reason, DealFault::Echo { differing: vec![node(1)] });
    }
    // A liar that tells each member its own echo does not hide that theirs differ.
    let echo = |_, second: &mut Message2| second.echo = Digest([1; 32]);
    let results = with_liar::<Ed25519>(TREE, 2, |_, _| (), echo);
    let differing = vec![node(2)];
    all_accuse(&results, &[], |fault| *fault == DealFault::Echo { differing: differing.clone() });
}
