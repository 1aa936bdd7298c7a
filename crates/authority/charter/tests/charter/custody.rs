//! Custodians and their trees: founded, replaced, and refused (GOV-50 to GOV-53).

use crate::keys::after;
use crate::support::{Domain, NOW, custody, genesis, name, roles};
use quorate_charter::{
    Custodian, Custody, CustodyError, Genesis, GenesisError, GenesisFile, Motion, MotionBody,
    MotionError, Object, RolesError, SignedMotion, State, effect,
};
use quorate_codec::Digest;
use quorate_identity::Name;

fn refused(change: impl FnOnce(&mut Genesis)) -> GenesisError {
    let mut genesis = genesis(4, 1);
    change(&mut genesis);
    GenesisFile::create(&genesis).unwrap_err()
}

fn names(all: &[&str]) -> Vec<Name> {
    all.iter().map(|one| name(one)).collect()
}

/// GOV-50, GOV-51.
#[test]
fn custodians_are_known_hold_one_key_each_and_restore_nothing_alone() {
    type Change = fn(&mut Custody);
    let cases: [(Change, &str); 12] = [
        (|it| it.custodians.clear(), "1 to 16 custodians"),
        (|it| it.custodians.reverse(), "do not ascend"),
        (|it| it.custodians[1].name = name("greta"), "do not ascend"),
        (|it| it.custodians[1].key.clear(), "of hugo is empty"),
        (|it| it.custodians[1].key = vec![1; 1537], "of hugo is empty or too long"),
        (|it| it.custodians[2].key = b"greta".to_vec(), "greta and iris have one"),
        (|it| it.keys = "2 of (greta, ada, iris)".parse().unwrap(), "ada is to restore"),
        (|it| it.custodians.truncate(2), "iris is to restore"),
        (|it| it.custodians.push(Custodian::new(name("karl"), vec![1])), "karl is a custodian"),
        (|it| it.seats = "any of (greta, hugo, iris)".parse().unwrap(), "greta alone"),
        (|it| it.keys = "2 of (greta, hugo, any of (greta, iris))".parse().unwrap(), "greta alone"),
        (|it| it.seats = "all of (greta, hugo, iris)".parse().unwrap(), "only by 3"),
    ];
    for (change, says) in cases {
        let error = refused(|genesis| change(&mut genesis.custody));
        assert!(matches!(error, GenesisError::Custody(_)), "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
    let error = refused(|genesis| {
        let karl = |number| Custodian::new(name(&format!("karl-{number:02}")), vec![number]);
        genesis.custody = Custody::some_of(2, (0..17).map(karl).collect()).unwrap();
    });
    assert!(matches!(error, GenesisError::Custody(CustodyError::Number(17))));
    // Each next to each, in a ring of 16: 32 leaves; and then two who stand there already.
    let ring = |pairs: usize| {
        let who = |number: usize| format!("karl-{:02}", number % 16);
        let karl = |number: u8| Custodian::new(name(&who(number.into())), vec![number]);
        let mut custody = Custody::some_of(2, (0..16).map(karl).collect()).unwrap();
        let pair = |at: usize| format!("all of ({}, {})", who(at), who(at + 1 + at / 16));
        let pairs: Vec<String> = (0..pairs).map(pair).collect();
        custody.seats = format!("any of ({})", pairs.join(", ")).parse().unwrap();
        custody.check()
    };
    assert_eq!(ring(16), Ok(()));
    let error = ring(17).unwrap_err().to_string();
    assert!(error.contains("shares is refused: it has more than 32 leaves"), "{error}");
    for taken in ["n1", "bot"] {
        let error = refused(|genesis| {
            let mut custodians = genesis.custody.custodians.clone();
            custodians[0].name = name(taken);
            genesis.custody = Custody::some_of(2, custodians).unwrap();
        });
        assert!(matches!(error, GenesisError::NameTwice(_)), "{error}");
    }
}

/// GOV-52: administrator, approver, auditor, operator, custodian.
#[test]
fn nobody_is_two_things_but_who_is_excepted_by_name() {
    let error = refused(|genesis| genesis.excepted.clear());
    assert!(error.to_string().starts_with("ada is administrator and approver at once"), "{error}");
    for (who, what) in [("ben", "admin audit"), ("ben", "admin operate"), ("olga", "audit approve")]
    {
        let twice = |genesis: &mut Genesis| {
            let person = genesis.people.iter_mut().find(|person| person.name == name(who));
            person.unwrap().roles = roles(what);
        };
        assert!(matches!(
            refused(twice),
            GenesisError::Roles(RolesError::Several { name: several, .. }) if several == name(who)
        ));
        let mut excepted = genesis(4, 1);
        twice(&mut excepted);
        excepted.excepted = names(&["ada", who]);
        assert!(GenesisFile::create(&excepted).is_ok());
    }
    let also_a_custodian = |genesis: &mut Genesis| {
        let mut custodians = genesis.custody.custodians.clone();
        custodians[0].name = name("olga");
        genesis.custody = Custody::some_of(2, custodians).unwrap();
    };
    let error = refused(also_a_custodian);
    assert!(error.to_string().starts_with("olga is auditor and custodian at once"), "{error}");
    let error = refused(|genesis| genesis.excepted = names(&["ada", "ben"]));
    assert!(matches!(error, GenesisError::Roles(RolesError::NotNeeded(_))));
    let error = refused(|genesis| {
        also_a_custodian(genesis);
        genesis.excepted = names(&["olga", "ada"]);
    });
    assert!(matches!(error, GenesisError::Roles(RolesError::Order)));
}

fn custody_set(custody: &Custody, excepted: &[&str]) -> MotionBody {
    MotionBody::CustodySet { custody: custody.clone(), excepted: names(excepted) }
}

fn check(domain: &Domain, state: &State, body: MotionBody) -> Result<(), MotionError> {
    state.check_motion(&domain.motion(state, body), NOW).map(drop)
}

/// GOV-52, GOV-53: another custody takes the place of the last one. It orders nothing: that what is
/// backed up for others is owed an epoch, nodes see by its digest.
#[test]
fn another_custody_takes_the_place_of_the_last_one() {
    let domain = Domain::new(4, 1);
    let keys = ["hot", "cold", "old"].map(|key| domain.key_create(key));
    let mut state = after(&domain, &domain.state, keys.into());
    let ends =
        [MotionBody::KeyRetire { name: name("old") }, MotionBody::KeyVoid { name: name("cold") }];
    state = after(&domain, &state, ends.into());
    let mut other = custody();
    other.custodians[1].key = b"another key of hugo".to_vec();
    other.custodians[2].expires_ms = Some(NOW);
    let first = state.custody().digest();
    assert_ne!(other.digest(), first);
    let motion = Motion::new(&state, custody_set(&other, &[]), Digest::ZERO, NOW);
    assert_eq!(motion.expects, [(Object::Custody, 0)]);
    let said = effect(&motion, &state).join("\n");
    assert!(said.contains("hugo will restore with another key"), "{said}");
    let next = after(&domain, &state, vec![custody_set(&other, &[])]);
    assert_eq!(next.custody(), &other);
    assert_eq!(next.custody_of(&first), Some(&custody()), "old backups are still understood");
    assert_eq!(next.version(&Object::Custody), 1);
    let order = |state: &State, key: &str| {
        state.key_named(&name(key)).and_then(|order| order.goal().map(|goal| goal.order))
    };
    assert_eq!(order(&next, "hot"), order(&state, "hot"));
    assert_eq!((order(&next, "cold"), order(&next, "old")), (None, None));
    // What expected the custody before is superseded.
    let late = SignedMotion::new(&motion);
    assert!(matches!(next.check_motion(&late, NOW - 1), Err(MotionError::Superseded { .. })));
}

#[test]
fn a_custody_that_could_not_found_a_domain_cannot_follow_either() {
    let domain = Domain::new(4, 1);
    let check = |custody: &Custody, excepted: &[&str]| {
        check(&domain, &domain.state, custody_set(custody, excepted))
    };
    assert!(check(&custody(), &[]).is_ok());
    let mut alone = custody();
    alone.seats = "any of (greta, hugo, iris)".parse().unwrap();
    assert!(matches!(check(&alone, &[]), Err(MotionError::Custody(CustodyError::Tree { .. }))));
    let named = |who: &str| {
        let mut custodians = custody().custodians;
        custodians[0].name = name(who);
        Custody::some_of(2, custodians).unwrap()
    };
    for taken in ["n1", "bot"] {
        assert!(matches!(check(&named(taken), &[]), Err(MotionError::Roles(RolesError::Name(_)))));
    }
    assert!(matches!(
        check(&named("olga"), &[]),
        Err(MotionError::Roles(RolesError::Several { .. }))
    ));
    assert!(check(&named("olga"), &["olga"]).is_ok());
    assert!(matches!(
        check(&named("ada"), &["ada"]),
        Err(MotionError::Roles(RolesError::NotNeeded(_)))
    ));
    assert!(check(&named("ada"), &[]).is_ok(), "ada is excepted already");
    let excepted = after(&domain, &domain.state, vec![custody_set(&named("olga"), &["olga"])]);
    let back = after(&domain, &excepted, vec![custody_set(&custody(), &[])]);
    assert!(back.excepted().contains(&name("olga")), "for ever");
}
