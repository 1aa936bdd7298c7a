//! Auditors who read about some keys alone: nodes show them nothing of the others (GOV-78).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_charter::{Change, Freeze, FreezeScope, MotionBody, PeopleChange, Roles, SignedFreeze};
use quorate_client::contract::{ErrorCode, HexBytes, RequestState, SubmitFreeze, routes};
use quorate_codec::{Digest, to_bytes};
use quorate_derivation::Path;
use quorate_identity::{ActorId, Name, RequestId, Scheme};
use quorate_machine::call::{Answer, View};
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
