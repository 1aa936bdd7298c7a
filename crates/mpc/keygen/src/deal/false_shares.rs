//! A dealer that seals shares of another polynomial than the one it committed to.

use super::round1::ExpectRound1;
use super::{Holding, Plan, Source, Terms, start};
use crate::{Accusation, DealFault, Place, Signed, Verdict};
use quorate_access::{LeafId, Tree};
use quorate_codec::Digest;
use quorate_curve::Ed25519;
use quorate_identity::NodeId;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;

fn node(number: u8) -> NodeId {
    NodeId(Digest([number; 32]))
}

/// DEAL-14, DEAL-20: the shares open, with the constant term that the dealer proved, but are not the
/// committed ones, of one secret among several. Every receiver ends, and names pair and secret.
#[test]
fn neg_026_shares_that_open_are_still_checked_against_the_commitments() {
    let tree: Tree<u8> = "2 of (1, 2, 3)".parse().unwrap();
    let tree = tree.map(|number| node(*number));
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut rounds: BTreeMap<NodeId, ExpectRound1<Ed25519>> = BTreeMap::new();
    let mut firsts = BTreeMap::new();
    let source = Source::Fresh { count: 3 };
    let terms = Terms { ctx0: Digest([9; 32]), tree: tree.clone(), source };
    for me in tree.parties() {
        let plan = Plan { terms: terms.clone(), me, holding: Holding::Nothing };
        let (round, first) = start(plan, &mut rng).unwrap();
        rounds.insert(me, round);
        firsts.insert(me, first);
    }
    rounds.get_mut(&node(2)).unwrap().deal_falsely(1, &mut rng);
    let mut seconds = BTreeMap::new();
    let mut nexts = BTreeMap::new();
    for (me, round) in rounds {
        let (next, second) = round.handle(firsts.clone(), &mut rng).unwrap();
        nexts.insert(me, next);
        seconds.insert(me, second);
    }
    for (me, leaf) in [(node(1), LeafId(0)), (node(3), LeafId(2))] {
        let error = nexts.remove(&me).unwrap().handle(seconds.clone(), &mut rng).unwrap_err();
        let dealer = node(2);
        let bad = DealFault::SubShare { dealer, receiver: me, leaf, secret: Some(1) };
        assert_eq!(error.reason, bad);
        assert!(error.culprits.is_empty());
        // What this receiver alone can see, its complaint shows to everybody (DEAL-20).
        let signed = |bytes: Vec<u8>| Signed { bytes: bytes.into(), signature: Vec::new().into() };
        let accusation = Accusation {
            firsts: firsts.iter().map(|(from, first)| (*from, first.clone().into())).collect(),
            dealer,
            second: signed(seconds[&dealer].clone()),
            complainer: me,
            complaint: signed(error.complaint.unwrap().to_bytes()),
        };
        let all_hold = |_: &NodeId, _: Place, _: &Signed| true;
        assert_eq!(accusation.judge(&terms, &all_hold), Ok(Verdict::Dealer(dealer)));
    }
}
