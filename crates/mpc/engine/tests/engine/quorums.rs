//! Who may sign: exactly the canonical quorums.

use crate::fixture::{REPEATED, TWO_GROUPS, TWO_OF_THREE, key, nodes, payload, plan, tree};
use quorate_engine::{Fault, Seed, local, open};
use quorate_identity::{NodeId, Scheme};
use std::collections::BTreeSet;

/// Opens at the first party of a quorum.
fn opens(notation: &str, quorum: &BTreeSet<NodeId>) -> Result<(), Fault> {
    let key = key(Scheme::Ed25519, notation);
    let me = *quorum.first().unwrap();
    let mut plan = plan(&key, "a", me, &[payload(Scheme::Ed25519, "m")]);
    plan.quorum = quorum.clone();
    open(plan, Seed::new([3; 32])).map(drop).map_err(|failure| failure.fault)
}

fn subsets(all: &str) -> Vec<BTreeSet<NodeId>> {
    let all: Vec<NodeId> = nodes(all).into_iter().collect();
    let subset = |mask: usize| {
        let chosen = all.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1);
        chosen.map(|(_, node)| *node).collect()
    };
    (1..1 << all.len()).map(subset).collect()
}

/// ENG-06: a party without weight would be counted as a signer, and a quorum that its own policy
/// never named would pass for one.
#[test]
fn neg_003_a_party_without_weight_never_takes_part() {
    for spare in ["abc", "abcde"] {
        assert_eq!(opens(TWO_OF_THREE, &nodes(spare)).unwrap_err(), Fault::Caller, "{spare}");
    }
    assert_eq!(opens(TWO_GROUPS, &nodes("abde")).unwrap_err(), Fault::Caller);
    // b stands only in a gate that a alone makes unnecessary.
    assert_eq!(opens(REPEATED, &nodes("abc")).unwrap_err(), Fault::Caller);
    assert_eq!(opens(REPEATED, &nodes("ac")), Ok(()));
}

/// ENG-06: of every set of nodes, the canonical quorums open, recombining to the key, and nothing
/// else does: partially satisfied siblings and spare children weigh nothing.
#[test]
fn neg_004_exactly_the_canonical_quorums_recombine_to_the_key() {
    for (notation, all) in [(TWO_OF_THREE, "abc"), (TWO_GROUPS, "abcde"), (REPEATED, "abc")] {
        let tree = tree(notation);
        let mut opened = 0;
        for subset in subsets(all) {
            let canonical =
                tree.select(&subset).is_some_and(|selection| selection.parties() == subset);
            assert_eq!(opens(notation, &subset).is_ok(), canonical, "{notation} {subset:?}");
            opened += usize::from(canonical);
        }
        assert!(opened >= 2);
    }
}

/// ENG-07, ENG-08: a party that judges the quorum otherwise is noticed before any share leaves.
#[test]
fn neg_021_parties_with_different_quorums_do_not_sign() {
    let key = key(Scheme::Ed25519, TWO_OF_THREE);
    let payloads = [payload(Scheme::Ed25519, "m")];
    let ours = plan(&key, "ab", *nodes("a").first().unwrap(), &payloads);
    let theirs = plan(&key, "bc", *nodes("b").first().unwrap(), &payloads);
    let failure = local::sign(vec![ours, theirs], &mut local::seeds(1)).unwrap_err();
    assert_ne!(failure.failure.fault, Fault::Machine);
    assert_eq!(failure.failure.quarantine, None);
}
