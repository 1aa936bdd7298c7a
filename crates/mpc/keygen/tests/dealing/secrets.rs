//! Attacks on the sealed shares.

use crate::harness::{Deal, context, dealing, dealt, node, rewrite, with_liar};
use quorate_access::LeafId;
use quorate_codec::from_bytes;
use quorate_curve::Ed25519;
use quorate_keygen::{DealFault, Message2, Sealed, Whose};

const TREE: &str = "2 of (1, 2, 3, 1)";

fn bad_share(receiver: u8, leaf: u16) -> DealFault {
    DealFault::SubShare {
        dealer: node(2),
        receiver: node(receiver),
        leaf: LeafId(leaf),
        secret: None,
    }
}

/// Exactly the receivers of a bad share end, each naming the pair and nobody as proven guilty;
/// the leaf is the first bad one.
fn ends_for(change: impl Fn(&mut Vec<Sealed>), bad: &[(u8, u16)]) {
    let results =
        with_liar::<Ed25519>(TREE, 2, |_, _| (), |_, second| change(&mut dealing(second).sealed));
    for (me, result) in results {
        let expected = bad.iter().find(|(receiver, _)| node(*receiver) == me);
        match (result, expected) {
            (Ok(()), None) => {}
            (Err(error), Some((receiver, leaf))) => {
                assert_eq!(error.reason, bad_share(*receiver, *leaf));
                assert!(error.culprits.is_empty() && error.whose() == Whose::Peers);
                assert_eq!(error.complaint.unwrap().dealer(), node(2));
            }
            (result, expected) => panic!("{me}: {result:?}, not {expected:?}"),
        }
    }
}

/// DEAL-14.
#[test]
fn neg_026_sealed_shares_do_not_open_at_another_leaf_or_receiver() {
    ends_for(|sealed| sealed.swap(0, 2), &[(1, 0), (3, 2)]);
    // Two leaves of one receiver, under one key.
    ends_for(|sealed| sealed.swap(0, 3), &[(1, 0)]);
    ends_for(|sealed| sealed[2] = sealed[0].clone(), &[(3, 2)]);
    ends_for(|sealed| sealed[3].0[79] ^= 1, &[(1, 3)]);
    ends_for(|sealed| sealed[0].0[0] ^= 1, &[(1, 0)]);
    ends_for(|sealed| sealed[2].0[..32].fill(0), &[(3, 2)]);
}

/// DEAL-14: the shares that another dealer sealed for the same leaves.
#[test]
fn neg_026_sealed_shares_of_another_dealer_do_not_open() {
    let (mut deal, inboxes) = Deal::<Ed25519>::begin(TREE);
    let sent = deal.round1(inboxes);
    let theirs: Message2 = from_bytes(sent[&node(3)].as_ref().unwrap()).unwrap();
    let mut inboxes = deal.deliver(sent);
    rewrite(&mut inboxes, node(2), |_, second: &mut Message2| {
        dealing(second).sealed = dealt(&theirs).sealed.clone();
    });
    let results = deal.round2(inboxes);
    assert_eq!(results[&node(1)].as_ref().unwrap_err().reason, bad_share(1, 0));
    assert_eq!(results[&node(3)].as_ref().unwrap_err().reason, bad_share(3, 2));
}

/// DEAL-14: the shares of a run that only differs in its context: same keys, same polynomials.
#[test]
fn neg_026_sealed_shares_of_another_run_do_not_open() {
    let (mut old, inboxes) = Deal::<Ed25519>::begin_with(TREE, context(1), |id| id.into());
    let theirs: Message2 = from_bytes(old.round1(inboxes)[&node(2)].as_ref().unwrap()).unwrap();
    let (mut deal, inboxes) = Deal::<Ed25519>::begin(TREE);
    let sent = deal.round1(inboxes);
    let mut inboxes = deal.deliver(sent);
    rewrite(&mut inboxes, node(2), |_, second: &mut Message2| {
        assert_eq!(dealt(second).commitments, dealt(&theirs).commitments);
        dealing(second).sealed = dealt(&theirs).sealed.clone();
    });
    let results = deal.round2(inboxes);
    assert_eq!(results[&node(1)].as_ref().unwrap_err().reason, bad_share(1, 0));
    assert_eq!(results[&node(3)].as_ref().unwrap_err().reason, bad_share(3, 2));
}
