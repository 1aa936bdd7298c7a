//! A genesis that succeeds another domain, and the motion that restores a key of it (SUC-01, SUC-20,
//! SUC-21).

use crate::support::{Domain, EXPIRY, NOW, genesis, name, secrets};
use quorate_access::Tree;
use quorate_charter::{
    Ask, Genesis, GenesisError, GenesisFile, Motion, MotionBody, MotionError, Origin, Restored,
    SignedMotion, SignedSeatClaim, StatementError, Succession, Summand, Summands,
};
use quorate_codec::{Digest, from_bytes, to_bytes};
use quorate_identity::{GenesisHash, Head, KeyId, Name, NodeId, RecoveryKeyId, Scheme};

const PREDECESSOR: GenesisHash = GenesisHash(Digest([0xbe; 32]));

fn claim(genesis: &Genesis, number: u8, arrival: u8) -> SignedSeatClaim {
    let id = genesis.nodes[usize::from(number) - 1].id();
    let asks = vec![Ask { key: RecoveryKeyId(Digest([1; 32])), challenge: vec![7; 33] }];
    SignedSeatClaim::create(PREDECESSOR, id, vec![arrival; 32], asks, &secrets(number))
}

/// The usual genesis, which succeeds another domain with claims of these signers.
pub fn succeeding(claims: &[u8]) -> Genesis {
    let mut genesis = genesis(4, 1);
    let claims = claims.iter().map(|number| claim(&genesis, *number, *number)).collect();
    genesis.succession = Some(Succession {
        predecessor: PREDECESSOR,
        head: Head(Digest([0xad; 32])),
        backup: Digest([0xba; 32]),
        reason: "both data centres burned down".to_owned(),
        claims,
        omitted: vec![name("old")],
    });
    genesis
}

fn refused(change: impl FnOnce(&Genesis, &mut Succession)) -> GenesisError {
    let mut genesis = succeeding(&[1, 2, 3]);
    let mut succession = genesis.succession.take().unwrap();
    change(&genesis, &mut succession);
    genesis.succession = Some(succession);
    GenesisFile::create(&genesis).unwrap_err()
}

/// SUC-01: a succession belongs to what everybody signs, and one without is encoded as ever.
#[test]
fn a_genesis_says_which_domain_it_succeeds() {
    let genesis = succeeding(&[1, 3]);
    let domain = Domain::of(&genesis);
    let known = domain.state.succession().unwrap();
    assert_eq!(Some(known), genesis.succession.as_ref());
    let places: Vec<NodeId> = known.claims.iter().map(|claim| claim.body().node).collect();
    assert_eq!(known.heirs(), places, "as the founders put them");
    assert_eq!(known.omitted, [name("old")]);
    let bytes = to_bytes(&genesis);
    assert_eq!(from_bytes::<Genesis>(&bytes).unwrap(), genesis);
    let plain = Genesis { succession: None, ..genesis };
    let shorter = to_bytes(&plain);
    assert_eq!((shorter[0], bytes[0]), (0x8c, 0x8d), "an item less");
    assert!(Domain::of(&plain).state.succession().is_none());
}

/// SUC-01: nobody founds what custodians could not open for, or would open for somebody else.
#[test]
fn neg_071_claims_are_of_founding_signers_under_their_own_keys() {
    let is = |error: GenesisError, part: &str| {
        assert!(error.to_string().contains(part), "{error}");
    };
    is(refused(|_, it| it.claims.truncate(1)), "two signers or more");
    is(refused(|_, it| it.claims[1] = it.claims[0].clone()), "claims twice");
    is(refused(|_, it| it.omitted = vec![name("b"), name("a")]), "do not ascend by name");
    // As many as may lie are too few.
    let mut seven = genesis(7, 2);
    let two = [1, 2].map(|number| claim(&seven, number, number)).to_vec();
    let succession = succeeding(&[1, 2]).succession.unwrap();
    seven.succession = Some(Succession { claims: two, ..succession });
    is(GenesisFile::create(&seven).unwrap_err(), "more than may lie");
    // A witness, a stranger, and another machine under a founder's id.
    is(
        refused(|genesis, it| {
            it.claims.push(claim(genesis, 4, 4));
        }),
        "no founding signer",
    );
    let put = |it: &mut Succession, node: NodeId, seed: u8, genesis: GenesisHash| {
        let other = SignedSeatClaim::create(genesis, node, vec![9; 32], Vec::new(), &secrets(seed));
        it.claims[0] = other;
    };
    is(refused(|_, it| put(it, NodeId(Digest([5; 32])), 5, PREDECESSOR)), "no founding signer");
    let first = |it: &Succession| it.claims[0].body().node;
    is(refused(|_, it| put(it, first(it), 77, PREDECESSOR)), "other keys than its node");
    // For another domain before, and one whose signature is another's.
    let number = |genesis: &Genesis, it: &Succession| {
        let at = genesis.nodes.iter().position(|node| node.id() == first(it)).unwrap();
        u8::try_from(at + 1).unwrap()
    };
    let other = GenesisHash(Digest([1; 32]));
    let error = refused(|genesis, it| put(it, first(it), number(genesis, it), other));
    assert!(matches!(
        error,
        GenesisError::Claim { error: StatementError::ForeignDomain(got), .. } if got == other
    ));
    // One one-time key serves one heir.
    is(
        refused(|genesis, it| {
            it.claims = [1, 2, 3].map(|number| claim(genesis, number, number.min(2))).to_vec();
        }),
        "two claims have one one-time key",
    );
    let asking = |asks: Vec<Ask>, arrival: usize| {
        refused(|genesis, it| {
            let (node, seed) = (first(it), number(genesis, it));
            let arrival = vec![3; arrival];
            it.claims[0] =
                SignedSeatClaim::create(PREDECESSOR, node, arrival, asks, &secrets(seed));
        })
    };
    let ask = |key: u8, length: usize| Ask {
        key: RecoveryKeyId(Digest([key; 32])),
        challenge: vec![1; length],
    };
    let unread = "cannot be read";
    is(asking(vec![ask(2, 33), ask(1, 33)], 32), unread);
    is(asking(vec![ask(1, 33), ask(1, 33)], 32), unread);
    is(asking(vec![ask(1, 0)], 32), unread);
    is(asking(Vec::new(), 0), unread);
    is(asking((0..33).map(|key| ask(key, 33)).collect(), 32), unread);
}

/// SUC-01: what people read for ever is a line that cannot act on their terminals.
#[test]
fn a_reason_is_a_line_of_plain_letters() {
    let long = "x".repeat(201);
    for reason in ["", "two\nlines", "\u{1b}[2J", "f\u{fc}r", long.as_str()] {
        let error = refused(|_, it| it.reason = reason.to_owned());
        assert!(error.to_string().contains("one line"), "{reason:?}: {error}");
    }
    let mut longest = succeeding(&[1, 2]);
    longest.succession.as_mut().unwrap().reason = "x".repeat(200);
    assert!(GenesisFile::create(&longest).is_ok());
}

fn restored(key: u8) -> Restored {
    let summands = Summands(vec![Summand { dealer: NodeId(Digest([1; 32])), points: vec![] }]);
    let of = (KeyId(Digest([key; 32])), name("theirs"));
    Restored::new(of, &[&[2; 33]], &[Digest([4; 32])], &summands)
}

fn restore(domain: &Domain, called: &str, key: u8) -> MotionBody {
    let access: Tree<Name> = "2 of (n1, n2, n3)".parse().unwrap();
    let access = access.map(|node| domain.node(node.as_str()));
    let (scheme, restored) = (Scheme::Ed25519, restored(key));
    MotionBody::KeyRestore { name: name(called), scheme, access, faults: 1, accounts: 1, restored }
}

fn after(
    domain: &Domain,
    state: &quorate_charter::State,
    body: MotionBody,
) -> quorate_charter::State {
    let mut motion = domain.motion(state, body);
    for who in ["ada", "ben"] {
        let person = state.person_named(&name(who)).unwrap().id;
        motion.sign(person, &crate::support::person(who)).unwrap();
    }
    let entry = domain.entry(state, &motion);
    state.apply(state.verify_entry(&entry).unwrap())
}

/// SUC-20: a key of the domain before stands once, in a domain that succeeds one.
#[test]
fn neg_022_a_key_of_the_domain_before_stands_once() {
    let domain = Domain::of(&succeeding(&[1, 2, 3]));
    let check = |domain: &Domain, state: &quorate_charter::State, body: MotionBody| {
        state.check_motion(&domain.motion(state, body), NOW).map(drop)
    };
    let plain = Domain::new(4, 1);
    let error = check(&plain, &plain.state, restore(&plain, "ops", 1)).unwrap_err();
    assert_eq!(error, MotionError::NoPredecessor);
    let state = after(&domain, &domain.state, restore(&domain, "ops", 1));
    let order = state.key_named(&name("ops")).unwrap();
    assert_eq!(order.origin, Some(Origin::Restored(restored(1))));
    assert_eq!((order.accounts, order.is_imported()), (1, false));
    let error = check(&domain, &state, restore(&domain, "twin", 1)).unwrap_err();
    assert_eq!(error, MotionError::RestoredTaken(name("ops")));
    assert_eq!(
        check(&domain, &state, restore(&domain, "ops", 2)).unwrap_err(),
        MotionError::NameTaken(name("ops"))
    );
    assert!(check(&domain, &state, restore(&domain, "other", 2)).is_ok());
    let retired = after(&domain, &state, MotionBody::KeyRetire { name: name("ops") });
    assert!(check(&domain, &retired, restore(&domain, "again", 1)).is_ok());
}

/// SUC-20: the same limits and the same rule as for a key that is made here.
#[test]
fn a_restored_key_keeps_to_the_limits_of_a_new_one() {
    let domain = Domain::of(&succeeding(&[1, 2, 3]));
    let check = |change: &dyn Fn(&mut Tree<NodeId>, &mut u8, &mut u16)| {
        let mut body = restore(&domain, "ops", 1);
        let MotionBody::KeyRestore { access, faults, accounts, .. } = &mut body else { panic!() };
        change(access, faults, accounts);
        domain.state.check_motion(&domain.motion(&domain.state, body), NOW).unwrap_err()
    };
    let over = |text: &str| {
        let tree: Tree<Name> = text.parse().unwrap();
        tree.map(|node| domain.node(node.as_str()))
    };
    let witness = check(&|access, faults, _| (*access, *faults) = (over("all of (n1, n4)"), 0));
    assert_eq!(witness, MotionError::NoSigner("n4".into()));
    assert!(matches!(
        check(&|access, _, _| *access = over("any of (n1, n2, n3)")),
        MotionError::Access(_)
    ));
    assert_eq!(check(&|_, faults, _| *faults = 2), MotionError::Faults { asked: 2, most: 1 });
    assert!(matches!(
        check(&|_, _, accounts| *accounts = 0),
        MotionError::Accounts { asked: 0, .. }
    ));
    let alone = SignedMotion::new(&Motion::new(
        &domain.state,
        restore(&domain, "ops", 1),
        Digest([1; 32]),
        EXPIRY,
    ));
    assert!(domain.state.authorise(&alone, NOW).is_err(), "one person orders none");
    let motion = alone.body();
    assert_eq!(motion.kind(), "key-restore");
    assert_eq!(from_bytes::<Motion>(alone.bytes()).unwrap(), **motion);
    let effect = quorate_charter::effect(motion, &domain.state).join("\n");
    assert!(
        effect.contains("restores the key theirs of the domain before, as ops here"),
        "{effect}"
    );
    assert!(effect.contains("rules for ops decide about it"), "{effect}");
    assert!(effect.contains("its addresses stay"), "{effect}");
    assert!(effect.contains("can still sign with it"), "{effect}");
}

/// SUC-20: whatever of the key is another, its digests are.
#[test]
fn the_digests_of_a_restored_key_have_all_of_it_in_them() {
    let summands = |dealer: u8, point: u8| {
        Summands(vec![Summand {
            dealer: NodeId(Digest([dealer; 32])),
            points: vec![vec![point; 32]],
        }])
    };
    let id = KeyId(Digest([1; 32]));
    let of = |points: &[&[u8]], code: u8, summands: &Summands| {
        Restored::new((id, name("theirs")), points, &[Digest([code; 32])], summands)
    };
    let one = of(&[&[2; 32]], 3, &summands(4, 5));
    let others = [
        of(&[&[9; 32]], 3, &summands(4, 5)),
        of(&[&[2; 32], &[2; 32]], 3, &summands(4, 5)),
        of(&[&[2; 32]], 9, &summands(4, 5)),
        of(&[&[2; 32]], 3, &summands(9, 5)),
        of(&[&[2; 32]], 3, &summands(4, 9)),
    ];
    for (at, other) in others.iter().enumerate() {
        assert_ne!(*other, one, "{at}");
    }
}
