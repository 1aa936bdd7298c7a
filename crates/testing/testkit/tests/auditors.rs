//! Auditors who read about some keys alone: nodes show them nothing of the others (GOV-78).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_charter::{
    AttemptOutcome, AttemptPlan, Change, Decided, EpochRecord, Freeze, FreezeScope, MotionBody,
    PeopleChange, Roles, SignedFreeze,
};
use quorate_client::contract::{ErrorCode, HexBytes, RequestState, SubmitFreeze, routes};
use quorate_codec::{Digest, from_bytes, to_bytes};
use quorate_derivation::Path;
use quorate_identity::{ActorId, Name, RequestId, Scheme};
use quorate_machine::call::{Answer, Call, Caller, View, parse};
use quorate_machine::evidence::Evidence;
use quorate_machine::wire::Message;
use quorate_testkit::forged::Forged;
use quorate_testkit::founding::{Shape, name};
use quorate_testkit::keys::with_ops;
use quorate_testkit::world::World;
use serde_json::json;

const TREE: &str = "2 of (node-1, node-2, node-3)";

/// Sets what the auditor reads about, until every node knows.
fn bind(world: &mut World, reads: Option<Vec<Name>>) {
    let roles = Roles { auditor: true, reads, ..Roles::default() };
    let change = Change::Roles { name: name("auditor"), roles };
    world.enact("node-1", MotionBody::People(PeopleChange::one(change)));
}

fn get(world: &mut World, who: &str, target: &str) -> Answer {
    world.call("node-2", who, "GET", target, b"")
}

/// Files a request under a key, until it is signed.
fn filed(world: &mut World, key: &str) -> RequestId {
    let message = json!({"kind": "message", "message": "0x6869"});
    let request = world.request(key, &message, "wallet-service");
    let filed = world.file("node-2", &request, "wallet-service", None).unwrap();
    world.until_state("node-2", &filed.request, RequestState::Signed);
    filed.request
}

/// Somebody stops signing at the node that is asked.
fn freeze(world: &mut World, scope: FreezeScope, nonce: u8) {
    let ActorId::Person(by) = world.founding.actor("alice") else { panic!() };
    let (genesis, reason) = (world.founding.hash, "look at it".to_owned());
    let freeze = Freeze { version: 1, genesis, scope, by, reason, nonce: Digest([nonce; 32]) };
    let signed = SignedFreeze::sign(&freeze, world.founding.signer("alice")).unwrap();
    let body = serde_json::to_vec(&SubmitFreeze { freeze: HexBytes(to_bytes(&signed)) }).unwrap();
    world.call("node-2", "alice", "POST", routes::FREEZE.path, &body).unwrap();
}

/// The keys that somebody is shown: in the list, in the status, and of requests.
fn keys(world: &mut World, who: &str) -> [Vec<String>; 3] {
    let shown = |names: Vec<&Name>| -> Vec<String> {
        let mut names: Vec<String> = names.into_iter().map(ToString::to_string).collect();
        names.sort();
        names.dedup();
        names
    };
    let View::Keys(keys) = get(world, who, routes::KEYS.path).unwrap() else { panic!() };
    let View::Status(status) = get(world, who, routes::STATUS.path).unwrap() else { panic!() };
    let View::Requests(requests) = get(world, who, routes::REQUESTS.path).unwrap() else {
        panic!()
    };
    [
        shown(keys.iter().map(|it| &it.key).collect()),
        shown(status.keys.iter().map(|it| &it.name).collect()),
        shown(requests.iter().map(|it| &it.key).collect()),
    ]
}

#[test]
fn an_auditor_of_some_keys_is_shown_nothing_of_the_others() {
    let (mut world, _) = with_ops(78, Shape::default(), TREE, 1);
    let payroll_key = world.make_key("payroll", Scheme::Ed25519);
    let (ops, payroll) = (filed(&mut world, "ops"), filed(&mut world, "payroll"));
    let both = vec!["ops".to_owned(), "payroll".to_owned()];
    assert_eq!(keys(&mut world, "auditor"), [both.clone(), both.clone(), both.clone()]);

    bind(&mut world, Some(vec![name("ops")]));
    let one = vec!["ops".to_owned()];
    assert_eq!(keys(&mut world, "auditor"), [one.clone(), one.clone(), one]);
    assert_eq!(keys(&mut world, "ada"), [both.clone(), both.clone(), both.clone()]);
    let (mine, other) = (name("ops"), name("payroll"));
    let account = Path::default();
    let targets = |key: &Name, request: &RequestId| {
        [
            routes::key(key),
            routes::epochs(key),
            routes::handover(key, None),
            routes::ceremony(key),
            routes::child_key(key, 0, &account),
            routes::request(request),
            routes::receipt(request),
        ]
    };
    for target in targets(&other, &payroll) {
        let shown = get(&mut world, "auditor", &target).unwrap_err();
        // as what is not there at all
        let nothing = target.replace("payroll", "nothing");
        let nothing = nothing.replace(&payroll.to_string(), &format!("0x{}", "77".repeat(32)));
        assert_eq!(shown, get(&mut world, "ada", &nothing).unwrap_err(), "{target}");
        let of_others = get(&mut world, "ada", &target);
        let hidden = [ErrorCode::UnknownKey, ErrorCode::UnknownRequest].map(ErrorCode::as_str);
        assert!(
            of_others.map_or_else(|it| !hidden.contains(&it.code.as_str()), |_| true),
            "{target}"
        );
    }
    for target in targets(&mine, &ops) {
        let of_others = get(&mut world, "ada", &target);
        assert_eq!(get(&mut world, "auditor", &target).is_ok(), of_others.is_ok(), "{target}");
    }
    freeze(&mut world, FreezeScope::Key(payroll_key), 1);
    freeze(&mut world, FreezeScope::Domain, 2);
    let frozen = |world: &mut World, who: &str| -> Vec<Option<Name>> {
        let View::Freezes(views) = get(world, who, routes::FREEZES.path).unwrap() else { panic!() };
        views.into_iter().map(|it| it.key).collect()
    };
    assert_eq!(frozen(&mut world, "auditor"), [None]);
    assert_eq!(frozen(&mut world, "ada").len(), 2);
    let audit = get(&mut world, "auditor", routes::AUDIT.path).unwrap_err();
    assert_eq!(audit.code, ErrorCode::Forbidden.as_str());
    // the charter is everybody's
    let View::Entries(page) = get(&mut world, "auditor", &routes::entries(0)).unwrap() else {
        panic!()
    };
    assert_eq!(page.position, world.state("node-2").position());

    bind(&mut world, None);
    assert_eq!(keys(&mut world, "auditor"), [both.clone(), both.clone(), both]);
    assert!(get(&mut world, "auditor", routes::AUDIT.path).is_ok());
}

/// The plan of the epoch that a key has.
fn plan(world: &mut World, key: &str) -> AttemptPlan {
    let View::EpochRecord(answer) = get(world, "ada", &routes::epoch_record(&name(key))).unwrap()
    else {
        panic!()
    };
    let decided: Decided = from_bytes(&answer.record.0).unwrap();
    let AttemptOutcome::Commit { record, .. } = from_bytes(&decided.value).unwrap() else {
        panic!()
    };
    from_bytes::<EpochRecord>(&record).unwrap().plan
}

/// The node that is asked is told that another signed two messages in the dealing of a key.
fn accuse(world: &mut World, key: &str, node: &str) -> Digest {
    let (author, to) = (world.id(node), world.id("node-2"));
    let secrets = world.founding.nodes[&author].secrets();
    let evidence: Evidence = Forged::twice(1, plan(world, key), author, &secrets).read();
    let id = evidence.id();
    world.inject(world.id("witness-1"), to, &Message::Evidence(Box::new(evidence)));
    world.until("it is kept", |world| get(world, "ada", &routes::evidence(&id)).is_ok());
    id
}

/// The pieces of evidence in the list that somebody is shown.
fn listed(world: &mut World, who: &str) -> Vec<Digest> {
    let View::EvidenceList(views) = get(world, who, routes::EVIDENCE_LIST.path).unwrap() else {
        panic!()
    };
    views.into_iter().map(|it| it.evidence).collect()
}

#[test]
fn an_auditor_of_some_keys_is_shown_no_evidence_about_the_others() {
    let (mut world, _) = with_ops(79, Shape::default(), TREE, 1);
    world.make_key("payroll", Scheme::Ed25519);
    let ops = accuse(&mut world, "ops", "node-1");
    let payroll = accuse(&mut world, "payroll", "node-3");
    assert!(listed(&mut world, "auditor").contains(&payroll));
    assert!(get(&mut world, "auditor", &routes::evidence(&payroll)).is_ok());

    bind(&mut world, Some(vec![name("ops")]));
    assert_eq!(listed(&mut world, "auditor"), [ops]);
    assert!(get(&mut world, "auditor", &routes::evidence(&ops)).is_ok());
    let hidden = get(&mut world, "auditor", &routes::evidence(&payroll)).unwrap_err();
    // as what is not there at all
    let nothing = routes::evidence(&Digest([0x77; 32]));
    assert_eq!(hidden, get(&mut world, "ada", &nothing).unwrap_err());
    assert!(listed(&mut world, "ada").contains(&payroll));
    assert!(get(&mut world, "ada", &routes::evidence(&payroll)).is_ok());
}

/// What a node reads for itself, to look after backups and its copy of the charter, is all of it,
/// whoever is bound to what; and it writes nothing.
#[test]
fn a_node_that_reads_for_itself_is_bound_to_nothing() {
    let (mut world, _) = with_ops(80, Shape::default(), TREE, 1);
    world.make_key("payroll", Scheme::Ed25519);
    bind(&mut world, Some(vec![name("ops")]));
    assert!(get(&mut world, "auditor", &routes::epoch_record(&name("payroll"))).is_err());
    assert!(Caller::of_node().reads_all() && Caller::of_node().actor().is_none());
    let node = world.id("node-2");
    let mut ask = |call: Call| world.ask_as(node, Caller::of_node(), call).unwrap();
    assert!(matches!(ask(Call::Keys), View::Keys(keys) if keys.len() == 2));
    assert!(matches!(ask(Call::EpochRecord(name("payroll"))), View::EpochRecord(_)));
    assert!(matches!(ask(Call::Audit), View::Audit(_)));
    let state = world.state("node-2");
    for route in [routes::FREEZE, routes::RECORD_DRILL, routes::SUBMIT_REQUEST] {
        let refused = parse(&state, &Caller::of_node(), "POST", route.path, b"{}").unwrap_err();
        assert_eq!(refused.code, ErrorCode::Forbidden.as_str(), "{}", route.path);
    }
}
