//! People and services come, go, and change their keys; rules change with them (GOV-70 to GOV-77).

use crate::support::drawn::Drawing;
use crate::support::{Domain, member, name, person, roles, signed_by};
use quorate_charter::{
    Change, MemberKind, Motion, MotionBody, MotionError, PeopleChange, PeopleError, Recovery,
    Roles, Rules, RulesError, State, effect,
};
use quorate_codec::{Digest, tag};
use quorate_identity::CredentialSigner;

/// Why a change is refused at a state, signed by ada and ben.
fn refused(domain: &Domain, state: &State, change: PeopleChange) -> MotionError {
    let motion = domain.motion(state, MotionBody::People(change));
    let motion = signed_by(state, motion, &["ada", "ben"]);
    state.check_motion(&motion, crate::support::NOW).unwrap_err()
}

fn says(domain: &Domain, state: &State, change: PeopleChange) -> String {
    refused(domain, state, change).to_string()
}

fn enrol(domain: &Domain, who: &str, what: &str, keys: &[&str]) -> Change {
    let member = member(domain.hash, who, MemberKind::Person, keys);
    Change::Enrol { member, roles: roles(what) }
}

/// GOV-74, GOV-75.
#[test]
fn people_and_services_come_and_go() {
    let domain = Domain::new(4, 1);
    let drawing = Drawing::new(
        &domain,
        "G -> in[join gina approve] -> bot2[serve robot] -> keys[rekey gina gina-2+gina-3]
         keys -> out[leave gina] -> end[leave robot]",
    );
    let joined = drawing.state("in").person_named(&name("gina")).unwrap().clone();
    assert!(joined.roles.approver && joined.keys.contains(person("gina").credential()));
    let rekeyed = drawing.state("keys").person_named(&name("gina")).unwrap();
    assert_eq!(rekeyed.id, joined.id, "an id never changes");
    let signed = |key: &str| {
        let signature = person(key).sign(tag::TEST, b"message").unwrap();
        rekeyed.keys.verify(tag::TEST, b"message", &signature).is_ok()
    };
    assert!(signed("gina-2") && signed("gina-3") && !signed("gina"));
    let end = drawing.state("end");
    assert!(end.person_named(&name("gina")).is_none() && end.person(&joined.id).is_none());
    assert!(end.service_named(&name("robot")).is_none());
    assert_eq!(drawing.replay("in bot2 keys out end").unwrap(), *end);
}

/// N-27: a name or key that is, or was, somebody's is never somebody else's.
#[test]
fn neg_027_names_and_keys_are_never_given_again() {
    let domain = Domain::new(4, 1);
    let drawing = Drawing::new(
        &domain,
        "G -> in[join gina approve] -> keys[rekey gina gina-2] -> out[leave gina]",
    );
    let state = drawing.state("out");
    for (who, keys) in
        [("gina", &["fresh"][..]), ("n1", &["fresh"]), ("bot", &["fresh"]), ("finn", &["fresh"])]
    {
        let change = PeopleChange::one(enrol(&domain, who, "approve", keys));
        let MotionError::People(error) = refused(&domain, state, change) else { panic!() };
        assert_eq!(error, PeopleError::NameTaken(name(who)));
    }
    for keys in [&["gina"][..], &["gina-2"], &["finn"], &["bot"], &["fresh", "ada"]] {
        let change = PeopleChange::one(enrol(&domain, "hans", "approve", keys));
        let MotionError::People(error) = refused(&domain, state, change) else { panic!() };
        assert_eq!(error, PeopleError::KeyTaken(name("hans")), "{keys:?}");
    }
    let twins = ["hans", "ines"].map(|who| enrol(&domain, who, "approve", &["fresh"]));
    let change = PeopleChange { changes: twins.into(), rules: None, excepted: Vec::new() };
    assert!(says(&domain, state, change).starts_with("a key of ines"));
    let back = Change::Keys { member: member(domain.hash, "finn", MemberKind::Person, &["gina"]) };
    assert!(says(&domain, state, PeopleChange::one(back)).starts_with("a key of finn"));
}

/// GOV-74: whoever is enrolled shows that they hold every key, for this domain.
#[test]
fn a_key_is_enrolled_by_whoever_holds_it() {
    let domain = Domain::new(4, 1);
    let of = |change: Change| says(&domain, &domain.state, PeopleChange::one(change));
    let mut stolen = member(domain.hash, "gina", MemberKind::Person, &["gina", "other"]);
    stolen.signatures.swap(0, 1);
    let roles = roles("approve");
    let lacks = "what gina says of itself does not hold: not every key signed";
    let enrol = |member| Change::Enrol { member, roles: roles.clone() };
    assert!(of(enrol(stolen.clone())).starts_with(lacks));
    stolen.signatures.pop();
    assert!(of(enrol(stolen)).starts_with(lacks));
    let elsewhere = Domain::new(3, 0).hash;
    let foreign = member(elsewhere, "gina", MemberKind::Person, &["gina"]);
    let error = of(enrol(foreign));
    assert!(error.contains("the statement is for another domain"), "{error}");
}

/// GOV-78: only an auditor who is nothing else reads about some keys alone.
#[test]
fn an_auditor_may_be_bound_to_keys() {
    let domain = Domain::new(4, 1);
    let reads = |what: &str, keys: &[&str]| {
        let reads = Some(keys.iter().map(|key| name(key)).collect());
        Roles { reads, ..roles(what) }
    };
    for roles in [
        reads("approve", &["ops"]),
        reads("audit operate", &["ops"]),
        reads("audit", &[]),
        reads("audit", &["treasury", "ops"]),
        reads("audit", &["ops", "ops"]),
    ] {
        let excepted = roles.operator.then(|| name("gina")).into_iter().collect();
        let member = member(domain.hash, "gina", MemberKind::Person, &["gina"]);
        let changes = vec![Change::Enrol { member, roles }];
        let error = says(&domain, &domain.state, PeopleChange { changes, rules: None, excepted });
        assert!(error.starts_with("gina reads about some keys alone"), "{error}");
    }
    let drawing = Drawing::new(
        &domain,
        "G -> in[join gina audit] -> bound[roles gina audit:ops+treasury] -> free[roles gina audit]",
    );
    let before = drawing.state("in");
    let motion = drawing.motion("bound").body();
    let words = effect(motion, before).join("\n");
    assert!(words.contains("auditor, who reads about ops, treasury alone"), "{words}");
    let of = |entry: &str| drawing.state(entry).person_named(&name("gina")).unwrap().roles.clone();
    assert_eq!(of("bound"), reads("audit", &["ops", "treasury"]));
    assert_eq!(of("free"), roles("audit"));
}

/// GOV-75 to GOV-77: what makes no change.
#[test]
fn what_makes_no_change_is_refused() {
    let domain = Domain::new(4, 1);
    let state = &domain.state;
    let cases = [
        (PeopleChange { changes: vec![], rules: None, excepted: vec![] }, "changes 1 to 16"),
        (PeopleChange::rules(state.rules().clone()), "changes 1 to 16"),
        (PeopleChange::one(enrol(&domain, "gina", "", &["gina"])), "gina must have a role"),
        (PeopleChange::one(Change::Revoke { name: name("gina") }), "no person, service or team"),
        (PeopleChange::one(Change::Revoke { name: name("ada") }), "ada must be both"),
        (
            PeopleChange::one(Change::Roles { name: name("finn"), roles: roles("approve") }),
            "nothing would change for finn",
        ),
        (
            PeopleChange::one(Change::Roles { name: name("finn"), roles: roles("") }),
            "finn must have a role",
        ),
        (
            PeopleChange::one(Change::Roles { name: name("finn"), roles: roles("admin") }),
            "finn must be both an administrator and in a rule",
        ),
        (
            PeopleChange::one(Change::Roles { name: name("finn"), roles: roles("approve audit") }),
            "finn is approver and auditor at once",
        ),
        (
            PeopleChange::one(Change::Roles { name: name("finn"), roles: roles("guard") }),
            "finn must be both a guardian",
        ),
        (
            PeopleChange::one(Change::Team { name: name("desk"), members: vec![name("gina")] }),
            "no person, service or team of the name gina",
        ),
        (
            PeopleChange::one(Change::Team { name: name("bot"), members: vec![name("finn")] }),
            "the name bot is",
        ),
        (
            PeopleChange::one(Change::Keys {
                member: member(domain.hash, "finn", MemberKind::Person, &["finn"]),
            }),
            "nothing would change for finn",
        ),
        (
            PeopleChange::one(Change::Keys {
                member: member(domain.hash, "bot", MemberKind::Person, &["fresh"]),
            }),
            "no person, service or team of the name bot",
        ),
    ];
    for (change, expected) in cases {
        let error = says(&domain, state, change);
        assert!(error.contains(expected), "{error}");
    }
    let service = member(domain.hash, "robot", MemberKind::Service, &["robot"]);
    let service = Change::Enrol { member: service, roles: roles("") };
    let team = Change::Team { name: name("desk"), members: vec![name("finn")] };
    let mixed = PeopleChange { changes: vec![team, service], rules: None, excepted: vec![] };
    assert!(says(&domain, state, mixed).starts_with("services change by motions of their own"));
    let greta = member(domain.hash, "greta", MemberKind::Service, &["robot"]);
    let greta = Change::Enrol { member: greta, roles: roles("") };
    let error = says(&domain, state, PeopleChange::one(greta));
    assert!(error.starts_with("the name greta is"), "a custodian's name: {error}");
    let many = (0..17).map(|n| enrol(&domain, &format!("p-{n:02}"), "audit", &[&format!("p{n}")]));
    let change = PeopleChange { changes: many.collect(), rules: None, excepted: vec![] };
    assert!(says(&domain, state, change).contains("changes 1 to 16"));
    let unordered = ["hans", "gina"].map(|who| enrol(&domain, who, "approve", &[who]));
    let change = PeopleChange { changes: unordered.into(), rules: None, excepted: vec![] };
    assert!(says(&domain, state, change).contains("ascending by name"));
}

/// GOV-71 to GOV-73: rules that must not be.
#[test]
fn rules_that_lock_out_or_let_one_rule_are_refused() {
    let domain = Domain::new(4, 1);
    let tree = |text: &str| text.parse().unwrap();
    type Fault<'a> = (&'a dyn Fn(&mut Rules), &'a str);
    let cases: [Fault<'_>; 8] = [
        (&|rules| rules.main.tree = tree("any of (ada, ben, cleo)"), "everything else is refused"),
        (&|rules| rules.main.tree = tree("2 of (ada, ben)"), "cleo must be both"),
        (&|rules| rules.main.tree = tree("2 of (ada, ben, cleo, finn)"), "finn must be both"),
        (
            &|rules| rules.main.overriding = tree("any of (ada, ben)"),
            "everything else after an objection is refused",
        ),
        (&|rules| rules.main.overriding = tree("2 of (ada, ben, gina)"), "gina must be both"),
        (&|rules| rules.upkeep = tree("any of (ada, finn)"), "finn has a say in upkeep"),
        (&|rules| rules.main.delay_ms = 91 * 86_400_000, "the delay of the rule"),
        (
            &|rules| {
                rules.recovery = Some(Recovery { tree: tree("2 of (ada, ben)"), delay_ms: 1 });
            },
            "ada must be both a guardian",
        ),
    ];
    for (change, expected) in cases {
        let mut rules = domain.state.rules().clone();
        change(&mut rules);
        let error = says(&domain, &domain.state, PeopleChange::rules(rules));
        assert!(error.contains(expected), "{error}");
    }
}

/// GOV-73: guardians never act faster than administrators can stop them.
#[test]
fn a_recovery_is_slower_than_those_who_can_stop_it() {
    let domain = Domain::new(4, 1);
    let with = |delay_ms| {
        let mut rules = domain.state.rules().clone();
        rules.main.delay_ms = 10_000;
        rules.recovery =
            Some(Recovery { tree: "2 of (gina, hans, ines)".parse().unwrap(), delay_ms });
        let guardians = ["gina", "hans", "ines"].map(|who| enrol(&domain, who, "guard", &[who]));
        PeopleChange { changes: guardians.into(), rules: Some(rules), excepted: Vec::new() }
    };
    let MotionError::People(error) = refused(&domain, &domain.state, with(29_999)) else {
        panic!()
    };
    assert_eq!(error, PeopleError::Rules(RulesError::RecoveryTooFast { least_ms: 30_000 }));
    let motion = domain.motion(&domain.state, MotionBody::People(with(30_000)));
    let motion = signed_by(&domain.state, motion, &["ada", "ben"]);
    assert!(domain.state.check_motion(&motion, crate::support::NOW).is_ok());
}

/// GOV-75: administrators and what they may do change in one step, under the old rule.
#[test]
fn an_administrator_is_replaced_in_one_step() {
    let domain = Domain::new(4, 1);
    let drawing = Drawing::new(
        &domain,
        "G -> swap[join gina admin, leave cleo, rules 2 ada+ben+gina]
         swap -> by-new[key hot, by ben+gina]",
    );
    let swap = drawing.state("swap");
    assert_eq!(swap.rules().main.tree.to_string(), "2 of (ada, ben, gina)");
    assert!(drawing.state("by-new").key_named(&name("hot")).is_some());
    let cleo = domain.state.person_named(&name("cleo")).unwrap().id;
    let motion = domain.motion(&domain.state, domain.key_create("hot"));
    let motion = signed_by(&domain.state, motion, &["ben", "cleo"]);
    assert_eq!(swap.check_motion(&motion, crate::support::NOW), Err(MotionError::NoSay(cleo)));
}

/// Whoever may only change people does not change those who stand in the rules (GOV-75).
#[test]
fn a_lax_rule_for_people_does_not_reach_administrators() {
    let domain = Domain::new(4, 1);
    let mut rules = domain.state.rules().clone();
    let lax = quorate_charter::Rule::at_once("2 of (ada, ben, cleo)".parse().unwrap());
    rules.main.tree = "all of (ada, ben, cleo)".parse().unwrap();
    rules.special = vec![(quorate_charter::Matter::People, lax)];
    let motion = domain.motion(&domain.state, MotionBody::People(PeopleChange::rules(rules)));
    let motion = signed_by(&domain.state, motion, &["ada", "ben"]);
    let entry = domain.entry(&domain.state, &motion);
    let state = domain.state.apply(domain.state.verify_entry(&entry).unwrap());
    let missing = |change: Change| {
        let motion = domain.motion(&state, MotionBody::People(PeopleChange::one(change)));
        let motion = signed_by(&state, motion, &["ada", "ben"]);
        state.missing_for(&motion).map(|tree| tree.to_string())
    };
    assert_eq!(missing(enrol(&domain, "gina", "approve", &["gina"])), None);
    let keys = |who: &str| Change::Keys {
        member: member(domain.hash, who, MemberKind::Person, &["fresh"]),
    };
    assert_eq!(missing(keys("finn")), None);
    assert_eq!(missing(keys("cleo")).as_deref(), Some("cleo"));
}

/// Two motions about one person, or about the rules: one is superseded, motions about others go on.
#[test]
fn conflicting_motions_are_told_apart() {
    let domain = Domain::new(4, 1);
    let drawing = Drawing::new(
        &domain,
        "G -> first[roles finn audit] -> other[join gina approve]
         G -> second[leave finn]
         G -> third[join hans approve]",
    );
    let first = drawing.state("first");
    let says = |entry: &str| first.check_motion(drawing.motion(entry), crate::support::NOW);
    assert!(matches!(says("second"), Err(MotionError::Superseded { expected: 0, got: 1, .. })));
    assert!(says("third").is_ok());
}

/// A signer reads what the change comes to, in words and numbers.
#[test]
fn consequences_are_said_before_anybody_signs() {
    let domain = Domain::new(4, 1);
    let drawing = Drawing::new(&domain, "G -> team[team desk ada+ben]");
    let state = drawing.state("team");
    let mut rules = state.rules().clone();
    rules.main.tree = "2 of (ada, ben, cleo, gina)".parse().unwrap();
    rules.main.delay_ms = 86_400_000;
    rules.main.overriding = "3 of (ada, ben, cleo, gina)".parse().unwrap();
    let changes = vec![enrol(&domain, "gina", "admin", &["gina"])];
    let change = PeopleChange { changes, rules: Some(rules), excepted: vec![] };
    let motion = Motion::new(state, MotionBody::People(change), Digest([1; 32]), 1);
    let lines = effect(&motion, state).join("\n");
    for expected in [
        "gina joins as administrator",
        "read these words on gina's own machine: ",
        "a key that may be a file, and then be copied: SHA256:",
        "everything else needs 2 of (ada, ben, cleo, gina) (before: 2 of (ada, ben, cleo))",
        "everything else: 2 people are enough, as before",
        "everything else: people of the team desk are enough, with nobody else",
        "announced 1 day before it takes effect",
        "an objection begins 2 days more, and then 3 of (ada, ben, cleo, gina) override it",
        "gina will have a say",
    ] {
        assert!(lines.contains(expected), "{expected} in {lines}");
    }
}
