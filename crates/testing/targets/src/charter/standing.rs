//! What holds at every head, whatever led there.

use quorate_access::Tree;
use quorate_charter::{Fate, MotionBody, Standing, State, limits, quorum};
use quorate_identity::{Name, NodeId};
use std::collections::{BTreeMap, BTreeSet};

/// Checks a state.
pub fn holds(state: &State) {
    heads(state);
    rules(state);
    people(state);
    keys_are_their_own(state);
    nodes(state);
    announced(state);
    orders(state);
}

fn heads(state: &State) {
    assert_eq!(state.position_of(&state.head()), Some(state.position()), "GOV-21");
}

/// Nobody rules, overrides or recovers alone, and a say and a role are the same (GOV-71).
fn rules(state: &State) {
    let rules = state.rules();
    for (what, rule) in rules.all() {
        nobody_alone(&rule.tree, &what);
        nobody_alone(&rule.overriding, &what);
        assert!(rule.delay_ms <= limits::DELAY_MS_MAX, "GOV-73");
    }
    let having = |has: fn(&quorate_charter::Roles) -> bool| -> BTreeSet<Name> {
        let people = state.people().filter(|person| has(&person.roles));
        people.map(|person| person.name.clone()).collect()
    };
    assert_eq!(rules.administrators(), having(|roles| roles.administrator), "GOV-71");
    assert_eq!(rules.guardians(), having(|roles| roles.guardian), "GOV-71");
    assert!(rules.upkeep.parties().is_subset(&rules.administrators()), "GOV-71");
    if let Some(recovery) = &rules.recovery {
        nobody_alone(&recovery.tree, "recovery");
        assert!(recovery.delay_ms >= state.rules().for_matter(RULES).objected_ms(), "GOV-73");
    }
}

const RULES: quorate_charter::Matter = quorate_charter::Matter::Rules;

fn nobody_alone(tree: &Tree<Name>, what: &str) {
    let alone = |who: &Name| tree.satisfied(&BTreeSet::from([who.clone()]));
    assert!(!tree.parties().iter().any(alone), "somebody alone: {what}, {tree} (GOV-71)");
}

/// Everybody is somebody, one thing each, under a name of their own (GOV-05, GOV-06, GOV-52).
fn people(state: &State) {
    let mut names = BTreeSet::new();
    let mut name_of = |name: &Name| assert!(names.insert(name.clone()), "{name} twice (GOV-05)");
    state.people().for_each(|person| name_of(&person.name));
    state.services().for_each(|service| name_of(&service.name));
    state.nodes().for_each(|node| name_of(&node.name));
    state.teams().keys().for_each(&mut name_of);
    for custodian in &state.custody().custodians {
        let is_else = state.node_named(&custodian.name).is_some()
            || state.service_named(&custodian.name).is_some()
            || state.teams().contains_key(&custodian.name);
        assert!(!is_else, "{} is no human being (GOV-50)", custodian.name);
    }
    for person in state.people() {
        let of_roles = person.roles.named().len();
        assert!(of_roles > 0, "{} is nothing (GOV-06)", person.name);
        let keeps = usize::from(state.custody().named(&person.name).is_some());
        let is_excepted = state.excepted().contains(&person.name);
        assert!(of_roles + keeps < 2 || is_excepted, "{} is two things (GOV-52)", person.name);
    }
    for member in state.teams().values().flatten() {
        assert!(state.person_named(member).is_some(), "{member} is in a team and gone (GOV-77)");
    }
}

/// No key is somebody else's too (GOV-05).
fn keys_are_their_own(state: &State) {
    let mut known: BTreeMap<Vec<u8>, Name> = BTreeMap::new();
    let mut own = |key: &[u8], who: &Name| {
        let other = known.insert(key.to_vec(), who.clone());
        assert!(other.is_none(), "{who} and {other:?} have one key (GOV-05)");
    };
    let people = state.people().map(|person| (&person.name, &person.keys));
    let services = state.services().map(|service| (&service.name, &service.keys));
    for (who, keys) in people.chain(services) {
        // All of these are Ed25519: the point stands at the end.
        keys.iter().for_each(|key| own(&key.blob()[key.blob().len() - 32..], who));
    }
    for node in state.nodes() {
        own(node.keys.statement(), &node.name);
        own(node.keys.transport(), &node.name);
        own(node.keys.sealed(), &node.name);
    }
}

/// Those who vote are those whose standing it is, and enough (GOV-65, GOV-66).
fn nodes(state: &State) {
    let voting = state.nodes().filter(|node| node.standing == Standing::Votes);
    let voting: BTreeSet<NodeId> = voting.map(|node| node.id).collect();
    assert_eq!(voting, state.voters().keys().copied().collect(), "GOV-65");
    assert!(voting.len() > 2 * state.faults(), "too few vote (GOV-66)");
    assert_eq!(state.quorum(), quorum(voting.len(), state.faults()), "AGR-01");
    assert!(state.quorum() <= voting.len());
    for former in state.former_nodes() {
        assert!(state.node(&former.id).is_none(), "{} is back (GOV-65)", former.name);
        let keys = &former.keys;
        let has_them =
            |node: &quorate_charter::Node| node.keys == *keys || node.name == former.name;
        assert!(!state.nodes().any(has_them), "keys or name of {} (GOV-65)", former.name);
    }
}

/// What is announced waits, and there are not too many (GOV-80).
fn announced(state: &State) {
    let mut crowds = BTreeMap::<_, usize>::new();
    for it in state.announced() {
        assert_eq!(state.fate(&it.id), Some(Fate::Announced));
        assert!(it.delay_ms > 0 && it.position <= state.position());
        assert!(it.overridden.is_none() || it.objection.is_some(), "GOV-82");
        let stands =
            it.motion.expects.iter().all(|(object, version)| state.version(object) == *version);
        assert!(stands, "{} waits, and its ground is gone (GOV-80)", it.motion.kind());
        let is_recovery = matches!(it.motion.body, MotionBody::Recover(_));
        *crowds.entry((it.matter, is_recovery)).or_default() += 1;
    }
    assert!(crowds.values().all(|crowd| *crowd <= limits::ANNOUNCED_MAX), "GOV-80");
}

/// No node signs alone (GOV-14), and retired keys want nothing.
fn orders(state: &State) {
    for key in state.keys() {
        assert_eq!(state.key_named(&key.name).map(|known| known.key), Some(key.key));
        let goal = key.goal();
        assert!(!key.retired || goal.is_none(), "a retired key is not shared (GOV-10)");
        if let Some(sharing) = goal.and_then(|goal| goal.sharing) {
            let alone = |node: &NodeId| sharing.tree.satisfied(&BTreeSet::from([*node]));
            assert!(!sharing.tree.parties().iter().any(alone), "a node alone (GOV-14)");
        }
    }
}
