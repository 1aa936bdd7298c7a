//! What the charter wants of keys: orders, what withdraws them, who may order, what is refused.

use crate::support::{Domain, NOW, name, signed_by};
use quorate_access::Tree;
use quorate_charter::{
    Imported, MotionBody, MotionError, RefreshSchedule, SignedMotion, State, has_commit_set,
    most_accounts,
};
use quorate_codec::Digest;
use quorate_identity::{ImporterSecret, Name, NodeId, Scheme};
use std::collections::BTreeSet;

fn tree(domain: &Domain, access: &str) -> Tree<NodeId> {
    access.parse::<Tree<Name>>().unwrap().map(|node| domain.node(node.as_str()))
}

/// The state after these bodies, each in an entry of its own.
pub fn after(domain: &Domain, state: &State, bodies: Vec<MotionBody>) -> State {
    bodies.into_iter().fold(state.clone(), |state, body| {
        let motion = signed_by(&state, domain.motion(&state, body), &["ada", "ben"]);
        let entry = domain.entry(&state, &motion);
        state.apply(state.verify_entry(&entry).unwrap())
    })
}

fn refresh() -> MotionBody {
    MotionBody::KeyRefresh { name: name("hot") }
}

fn void() -> MotionBody {
    MotionBody::KeyVoid { name: name("hot") }
}

fn reshare(domain: &Domain, access: &str, faults: u8) -> MotionBody {
    MotionBody::KeyReshare { name: name("hot"), access: tree(domain, access), faults }
}

/// The tree that is wanted, if an order stands; "as it is" where it names none.
fn wanted(domain: &Domain, bodies: Vec<MotionBody>) -> Option<String> {
    let state = after(domain, &domain.state, vec![domain.key_create("hot")]);
    let state = after(domain, &state, bodies);
    let goal = state.key_named(&name("hot")).unwrap().goal();
    let id = |node: &NodeId| state.node(node).unwrap().name.to_string();
    goal.map(|goal| match goal.sharing {
        Some(sharing) => sharing.tree.map(|node| id(node)).to_string(),
        None => "as it is".to_owned(),
    })
}

/// EPO-01, EPO-02: a later order includes the earlier ones that stand; a withdrawal ends all
/// before it.
#[test]
fn orders_add_up_until_they_are_withdrawn() {
    let domain = Domain::new(4, 1);
    let first = "2 of (n1, n2, n3)";
    let second = "any of (all of (n1, n2), all of (n2, n3))";
    let reshare = || reshare(&domain, second, 0);
    let is = |bodies, tree: Option<&str>| {
        assert_eq!(wanted(&domain, bodies).as_deref(), tree);
    };
    is(vec![], Some(first));
    is(vec![refresh()], Some(first));
    is(vec![reshare()], Some(second));
    is(vec![reshare(), refresh()], Some(second));
    is(vec![reshare(), void()], None);
    is(vec![reshare(), void(), refresh()], Some("as it is"));
    is(vec![void(), reshare()], Some(second));
    is(vec![MotionBody::KeyRetire { name: name("hot") }], None);
}

/// EPO-05: a record may name only an order of the key, and only a tree ordered by then.
#[test]
fn neg_056_a_tree_counts_from_its_order_on() {
    let domain = Domain::new(4, 1);
    let first = after(&domain, &domain.state, vec![domain.key_create("hot")]);
    let second = after(&domain, &first, vec![reshare(&domain, "all of (n1, n2)", 0)]);
    let third = after(&domain, &second, vec![void()]);
    let order = third.key_named(&name("hot")).unwrap();
    let (old, new) = (tree(&domain, "2 of (n1, n2, n3)"), tree(&domain, "all of (n1, n2)"));
    assert!(order.has_ordered(&first.head()) && order.has_ordered(&second.head()));
    assert!(!order.has_ordered(&third.head()) && !order.has_ordered(&domain.state.head()));
    assert!(order.has_ordered_tree(&old, &first.head()));
    assert!(!order.has_ordered_tree(&new, &first.head()));
    assert!(order.has_ordered_tree(&new, &second.head()));
    assert!(!order.has_ordered_tree(&tree(&domain, "all of (n1, n3)"), &second.head()));
    assert!(order.has_ever_named(&domain.node("n3")) && !order.has_ever_named(&domain.node("n4")));
}

/// GOV-14, GOV-17.
#[test]
fn what_cannot_be_wanted_is_refused() {
    let domain = Domain::new(4, 1);
    let state = after(&domain, &domain.state, vec![domain.key_create("hot")]);
    let refused = |state: &State, body: MotionBody| {
        state.check_motion(&domain.motion(state, body), NOW).unwrap_err()
    };
    let unknown = MotionError::UnknownKey(name("cold"));
    assert_eq!(refused(&state, MotionBody::KeyRefresh { name: name("cold") }), unknown);
    let faults = MotionError::Faults { asked: 2, most: 1 };
    assert_eq!(refused(&state, reshare(&domain, "2 of (n1, n2, n3)", 2)), faults);
    let witness = refused(&state, reshare(&domain, "all of (n1, n4)", 0));
    assert_eq!(witness, MotionError::NoSigner("n4".into()));
    let alone = refused(&state, reshare(&domain, "any of (n1, all of (n2, n3))", 0));
    assert!(matches!(alone, MotionError::Access(_)));
    let schedule = RefreshSchedule { every_ms: 1, jitter_ms: 0, window: None };
    let schedule = MotionBody::KeySchedule { name: name("hot"), schedule: Some(schedule) };
    assert!(matches!(refused(&state, schedule), MotionError::Schedule(_)));
    // Ed25519 has no part that could be made ahead.
    let presign = |key, most| MotionBody::KeyPresign { name: name(key), most };
    let scheme = MotionError::NoPresignatures(Scheme::Ed25519);
    assert_eq!(refused(&state, presign("hot", 1)), scheme);
    assert_eq!(refused(&state, presign("cold", 1)), unknown);
    let retired = after(&domain, &state, vec![MotionBody::KeyRetire { name: name("hot") }]);
    for body in [refresh(), void(), MotionBody::KeyRetire { name: name("hot") }] {
        assert_eq!(refused(&retired, body), MotionError::Retired(name("hot")));
    }
    let again = refused(&retired, domain.key_create("hot"));
    assert_eq!(again, MotionError::NameTaken(name("hot")));
}

/// GOV-17: presignatures are made where people asked for them, in numbers that a node bears.
#[test]
fn presignatures_are_asked_for_and_ended() {
    let domain = Domain::new(4, 1);
    let (scheme, access) = (Scheme::EcdsaSecp256k1, tree(&domain, "2 of (n1, n2, n3)"));
    let order = MotionBody::key_create(name("hot"), scheme, access);
    let state = after(&domain, &domain.state, vec![order]);
    let of = |state: &State| state.key_named(&name("hot")).unwrap().presignatures;
    assert_eq!(of(&state), 0);
    let presign = |most| MotionBody::KeyPresign { name: name("hot"), most };
    let too_many = state.check_motion(&domain.motion(&state, presign(257)), NOW);
    assert_eq!(too_many.unwrap_err(), MotionError::Presignatures(257));
    let asked = after(&domain, &state, vec![presign(256)]);
    assert_eq!(of(&asked), 256);
    assert_eq!(of(&after(&domain, &asked, vec![presign(0)])), 0);
}

/// GOV-18: a key has an account, and no more of them than one dealing over its tree makes.
#[test]
fn a_key_has_no_more_accounts_than_one_dealing_makes() {
    let domain = Domain::new(4, 1);
    let check = |accounts: u16| {
        let (scheme, access) = (Scheme::Ed25519, tree(&domain, "2 of (n1, n2, n3)"));
        let body = MotionBody::KeyCreate { name: name("hot"), scheme, access, faults: 1, accounts };
        domain.state.check_motion(&domain.motion(&domain.state, body), NOW)
    };
    let most = most_accounts(&tree(&domain, "2 of (n1, n2, n3)"));
    assert!(check(1).is_ok() && check(most).is_ok());
    for asked in [0, most + 1, u16::MAX] {
        assert_eq!(check(asked).unwrap_err(), MotionError::Accounts { asked, most });
    }
}

/// IMP-02: the point is as long as those of the scheme, and no other key that stands has it.
#[test]
fn neg_022_a_public_key_is_ordered_once() {
    let domain = Domain::new(4, 1);
    let import = |key: &str, scheme: Scheme, public: &[u8]| {
        let importer = ImporterSecret::from_bytes(&[1; 32]).public();
        let imported = Imported { public: public.to_vec(), chain_code: Digest::ZERO, importer };
        let access = tree(&domain, "2 of (n1, n2, n3)");
        MotionBody::KeyImport { name: name(key), scheme, access, faults: 1, imported }
    };
    let check = |state: &State, body: MotionBody| {
        state.check_motion(&domain.motion(state, body), NOW).map(drop)
    };
    let (even, odd) = ([2; 33], [&[3][..], &[2; 32]].concat());
    for (scheme, public) in [(Scheme::Ed25519, &even[..]), (Scheme::Bip340, &even[1..])] {
        let wrong = check(&domain.state, import("cold", scheme, public)).unwrap_err();
        assert_eq!(wrong, MotionError::Public(scheme));
    }
    let order = import("cold", Scheme::EcdsaSecp256k1, &even);
    assert!(check(&domain.state, order.clone()).is_ok());
    let state = after(&domain, &domain.state, vec![order]);
    let taken = MotionError::PublicTaken(name("cold"));
    assert_eq!(check(&state, import("warm", Scheme::Bip340, &odd)).unwrap_err(), taken);
    assert!(check(&state, import("warm", Scheme::Bip340, &[3; 33])).is_ok());
    // Of an order that is gone nothing is left in the way.
    let retired = after(&domain, &state, vec![MotionBody::KeyRetire { name: name("cold") }]);
    assert!(check(&retired, import("warm", Scheme::Bip340, &odd)).is_ok());
}

/// GOV-16: one administrator orders a refresh, and nothing else.
#[test]
fn upkeep_needs_fewer_people_and_is_only_upkeep() {
    let domain = Domain::new(4, 1);
    let state = after(&domain, &domain.state, vec![domain.key_create("hot")]);
    let by = |body: MotionBody, people: &[&str]| -> SignedMotion {
        signed_by(&state, domain.motion(&state, body), people)
    };
    assert!(state.authorise(&by(refresh(), &["cleo"]), NOW).is_ok());
    assert!(state.authorise(&by(refresh(), &[]), NOW).is_err());
    for body in [void(), reshare(&domain, "all of (n1, n2)", 0)] {
        assert!(state.authorise(&by(body.clone(), &["cleo"]), NOW).is_err());
        assert!(state.authorise(&by(body, &["cleo", "ada"]), NOW).is_ok());
    }
    let stranger = by(refresh(), &["finn"]);
    assert!(matches!(state.check_motion(&stranger, NOW), Err(MotionError::NoSay(_))));
}

/// EPO-03, over every set of the parties of some trees.
#[test]
fn neg_088_a_committee_survives_what_the_key_is_to_survive() {
    let domain = Domain::new(6, 1);
    let nodes = ["n1", "n2", "n3", "n4", "n5"].map(|node| domain.node(node));
    let cases = [
        ("2 of (n1, n2, n3)", 1, 3),
        ("2 of (n1, n2, n3)", 0, 2),
        ("3 of (n1, n2, n3, n4, n5)", 2, 5),
        ("3 of (n1, n2, n3, n4, n5)", 1, 4),
        ("3 of (n1, n2, n3, n4, n5)", 0, 3),
        ("all of (n1, n2)", 0, 2),
    ];
    for (text, faults, fewest) in cases {
        let tree = tree(&domain, text);
        for mask in 0_u32..32 {
            let chosen = nodes.iter().enumerate().filter(|(at, _)| mask & (1 << at) != 0);
            let members: BTreeSet<NodeId> = chosen.map(|(_, node)| *node).collect();
            let fits = members.is_subset(&tree.parties()) && members.len() >= fewest;
            assert_eq!(has_commit_set(&tree, faults, &members), fits, "{text} {faults} {mask:b}");
        }
    }
}
