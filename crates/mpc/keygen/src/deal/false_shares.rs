//! A dealer that seals shares of another polynomial than the one it committed to.

use super::round1::ExpectRound1;
use super::{Holding, Plan, Source, Terms, start};
use crate::{Accusation, DealFault, Place, Signed, Verdict};
use quorate_access::{LeafId, Tree};
use quorate_codec::Digest;
use quorate_curve::Ed25519;
use quorate_identity::NodeId;
use quorate_sharing::Polynomial;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;

fn node(number: u8) -> NodeId {
    NodeId(Digest([number; 32]))
}

fn tree() -> Tree<NodeId> {
    let tree: Tree<u8> = "2 of (1, 2, 3)".parse().unwrap();
    tree.map(|number| node(*number))
}

/// Runs a dealing in which dealer 2 seals falsely, for the secret at 1. Every other receiver ends
/// and names the pair and the secret; its complaint convicts the dealer.
fn everybody_finds_out(plans: Vec<Plan<Ed25519>>) {
    let terms = plans[0].terms.clone();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut rounds: BTreeMap<NodeId, ExpectRound1<Ed25519>> = BTreeMap::new();
    let mut firsts = BTreeMap::new();
    for plan in plans {
        let me = plan.me;
        let (round, first) = start(plan, &mut rng).unwrap();
        rounds.insert(me, round);
        firsts.insert(me, first);
    }
    let dealer = node(2);
    rounds.get_mut(&dealer).unwrap().deal_falsely(1, &mut rng);
    let (mut seconds, mut nexts) = (BTreeMap::new(), BTreeMap::new());
    for (me, round) in rounds {
        let (next, second) = round.handle(firsts.clone(), &mut rng).unwrap();
        nexts.insert(me, next);
        seconds.insert(me, second);
    }
    for (me, leaf) in [(node(1), LeafId(0)), (node(3), LeafId(2))] {
        let error = nexts.remove(&me).unwrap().handle(seconds.clone(), &mut rng).unwrap_err();
        let bad = DealFault::SubShare { dealer, receiver: me, leaf, secret: Some(1) };
        assert_eq!(error.reason, bad);
        assert!(error.culprits.is_empty());
        let signed = |bytes: Vec<u8>| Signed { bytes: bytes.into(), signature: Vec::new().into() };
        let second = signed(seconds[&dealer].clone());
        let complaint = signed(error.complaint.unwrap().to_bytes());
        let accusation = Accusation::new(&firsts, (dealer, second), (me, complaint));
        let all_hold = |_: &NodeId, _: Place, _: &Signed| true;
        assert_eq!(accusation.judge(&terms, &all_hold), Ok(Verdict::Dealer(dealer)));
    }
}

/// DEAL-14, DEAL-20: the shares of new keys open, with the constant terms that the dealer proved,
/// but are not the committed ones.
#[test]
fn neg_026_shares_that_open_are_still_checked_against_the_commitments() {
    let source = Source::Fresh { count: 3 };
    let receivers = tree().parties();
    let terms = Terms { ctx0: Digest([9; 32]), tree: tree(), receivers, source };
    let plan = |me| Plan { terms: terms.clone(), me, holding: Holding::Nothing };
    everybody_finds_out(terms.participants().into_iter().map(plan).collect());
}

/// DEAL-14, DEAL-18, DEAL-20: the same in a refresh, where the constant terms are pinned.
#[test]
fn neg_054_a_pinned_constant_term_does_not_excuse_false_shares() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let (tree, dealers) = (tree(), [node(2), node(3)].into());
    let polynomials: Vec<Polynomial<Ed25519>> =
        (0..3).map(|_| Polynomial::random(&tree, &mut rng)).collect();
    let old = polynomials.iter().map(|all| all.commit().unwrap()).collect();
    let source = Source::Shared { tree: tree.clone(), dealers, old };
    let receivers = tree.parties();
    let terms = Terms { ctx0: Digest([9; 32]), tree: tree.clone(), receivers, source };
    let plan = |me: NodeId| {
        let row = tree.rows().into_iter().find(|row| *row.party == me).unwrap();
        let share =
            |all: &Polynomial<_>| [(row.leaf, all.share(&row).unwrap())].into_iter().collect();
        let holding = Holding::Shares(polynomials.iter().map(share).collect());
        Plan { terms: terms.clone(), me, holding }
    };
    everybody_finds_out(terms.participants().into_iter().map(plan).collect());
}
