//! The genesis: who must sign it, and what it may not contain (GOV-01 to GOV-06).

use crate::support::{Domain, genesis, name, person, roles, secrets};
use quorate_charter::{
    Genesis, GenesisError, GenesisFile, GenesisPerson, GenesisService, Role, Rule, RulesError,
    SignedEnrolment,
};
use quorate_codec::{Digest, from_bytes, to_bytes};
use quorate_identity::{CredentialSigner, GenesisHash};

fn refused(genesis: &Genesis) -> GenesisError {
    GenesisFile::create(genesis).unwrap_err()
}

#[test]
fn a_domain_is_founded_by_everybody() {
    let mut file = GenesisFile::create(&genesis(4, 1)).unwrap();
    assert_eq!(file.missing().unwrap().to_string(), "ada, ben, cleo, n1, n2, n3, n4");
    assert!(matches!(file.verify(&file.hash()), Err(GenesisError::Missing(_))));
    for administrator in ["cleo", "ada", "ben"] {
        assert_eq!(file.sign(&person(administrator)).unwrap(), name(administrator));
    }
    for node in 1..=4 {
        assert!(matches!(file.verify(&file.hash()), Err(GenesisError::Missing(_))));
        file.countersign(&secrets(node)).unwrap();
    }
    assert!(file.missing().unwrap().is_empty());
    let state = file.verify(&file.hash()).unwrap();
    assert_eq!((state.domain(), state.is_staging()), (&name("treasury"), true));
    assert_eq!((state.faults(), state.quorum(), state.position()), (1, 3, 0));
    assert_eq!(state.nodes().filter(|node| node.role == Role::Witness).count(), 1);
    assert_eq!(state.rule().parties().len(), 3);
    assert_eq!(from_bytes::<GenesisFile>(&to_bytes(&file)).unwrap(), file);
}

/// GOV-04: not even one founder may be left out, and nobody else may sign.
#[test]
fn strangers_found_nothing() {
    let mut file = GenesisFile::create(&genesis(3, 0)).unwrap();
    assert!(matches!(file.sign(&person("finn")), Err(GenesisError::NotAFounder(_))));
    assert!(matches!(file.sign(&person("eve")), Err(GenesisError::NotAFounder(_))));
    assert!(matches!(file.countersign(&secrets(9)), Err(GenesisError::NotAFounder(_))));
}

/// GOV-03: the hash that was compared decides, whoever signed.
#[test]
fn another_genesis_of_the_same_founders_is_refused() {
    let ours = Domain::new(3, 0);
    let theirs = Domain::of(&Genesis { nonce: Digest([1; 32]), ..genesis(3, 0) });
    let refused = theirs.file.verify(&ours.hash);
    assert!(matches!(refused, Err(GenesisError::Other { .. })));
    assert!(ours.file.verify(&GenesisHash(Digest::ZERO)).is_err());
}

/// N-76: signatures under one genesis are none under another.
#[test]
fn neg_076_signatures_do_not_move_to_another_genesis() {
    let ours = Domain::new(3, 0);
    let mut theirs = GenesisFile::create(&Genesis { staging: false, ..genesis(3, 0) }).unwrap();
    assert!(matches!(theirs.merge(&ours.file), Err(GenesisError::Other { .. })));
    // The file with its genesis replaced and the signatures kept: [1, genesis, …].
    let (old, new) = (to_bytes(&ours.file), to_bytes(&theirs));
    let genesis_end = |bytes: &[u8], file: &GenesisFile| {
        let genesis = file.genesis_bytes();
        bytes.windows(genesis.len()).position(|window| window == genesis).unwrap() + genesis.len()
    };
    let head = &new[..genesis_end(&new, &theirs)];
    let tail = &old[genesis_end(&old, &ours.file)..];
    let forged: GenesisFile = from_bytes(&[head, tail].concat()).unwrap();
    assert!(matches!(forged.verify(&forged.hash()), Err(GenesisError::Signature(_))));
}

#[test]
fn copies_merge() {
    let mut ours = GenesisFile::create(&genesis(3, 0)).unwrap();
    let mut theirs = ours.clone();
    ours.sign(&person("ada")).unwrap();
    theirs.sign(&person("ben")).unwrap();
    theirs.countersign(&secrets(1)).unwrap();
    ours.merge(&theirs).unwrap();
    assert_eq!(ours.missing().unwrap().to_string(), "cleo, n2, n3");
}

/// GOV-05: one space of names for nodes, people and services.
#[test]
fn neg_027_a_name_belongs_to_one() {
    let mut doubled = genesis(3, 0);
    doubled.services[0].name = name("finn");
    assert!(matches!(refused(&doubled), GenesisError::NameTwice(twice) if twice == name("finn")));
    let mut doubled = genesis(3, 0);
    doubled.nodes[1] = SignedEnrolment::create(name("n1"), Role::Signer, &secrets(2));
    assert!(matches!(refused(&doubled), GenesisError::NameTwice(_)));
    let mut doubled = genesis(3, 0);
    doubled.services[0].name = name("n2");
    assert!(matches!(refused(&doubled), GenesisError::NameTwice(_)));
}

/// GOV-05: two nodes with one key, two people with one key, a person with a service's, and a
/// person with a node's: no key speaks for two.
#[test]
fn neg_027_a_key_belongs_to_one() {
    let twice = |genesis: &Genesis| matches!(refused(genesis), GenesisError::KeyTwice { .. });
    let mut doubled = genesis(3, 0);
    doubled.nodes[1] = SignedEnrolment::create(name("n2"), Role::Signer, &secrets(1));
    assert!(twice(&doubled));
    let mut doubled = genesis(3, 0);
    doubled.people[1].credential = doubled.people[3].credential.clone();
    assert!(twice(&doubled));
    let mut doubled = genesis(3, 0);
    doubled.services[0].credential = doubled.people[4].credential.clone();
    assert!(twice(&doubled));
    // The statement key of a node as an SSH key, and within a security key.
    let keys = secrets(1).public();
    let string = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes(), bytes].concat();
    let plain = [string(b"ssh-ed25519"), string(keys.statement())].concat();
    let sealed =
        [string(b"sk-ssh-ed25519@openssh.com"), string(keys.transport()), string(b"ssh:quorate")];
    for blob in [plain, sealed.concat()] {
        let mut doubled = genesis(3, 0);
        doubled.people[3].credential = quorate_identity::Credential::from_blob(&blob).unwrap();
        assert!(twice(&doubled));
    }
}

/// GOV-01: an enrolment is signed by the keys that it names.
#[test]
fn a_borrowed_enrolment_is_refused() {
    let mut borrowed = genesis(3, 0);
    let good = to_bytes(&borrowed.nodes[2]);
    let mut bytes = good.clone();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    borrowed.nodes[2] = from_bytes(&bytes).unwrap();
    assert!(matches!(refused(&borrowed), GenesisError::Enrolment { .. }));
    let id = from_bytes::<SignedEnrolment>(&good).unwrap().id();
    assert_eq!(borrowed.nodes[2].id(), id, "the id is of the signed bytes, not of the signature");
}

/// GOV-02, GOV-06: numbers, order, roles, the rule and the settings.
#[test]
fn what_makes_no_domain_is_refused() {
    let with = |change: &dyn Fn(&mut Genesis)| {
        let mut changed = genesis(4, 1);
        change(&mut changed);
        refused(&changed)
    };
    assert!(matches!(with(&|genesis| genesis.version = 2), GenesisError::Version(2)));
    assert!(matches!(with(&|genesis| genesis.faults = 2), GenesisError::Faults { .. }));
    assert!(matches!(with(&|genesis| genesis.nodes.clear()), GenesisError::Number { .. }));
    assert!(matches!(with(&|genesis| genesis.nodes.reverse()), GenesisError::Order("nodes")));
    assert!(matches!(with(&|genesis| genesis.people.swap(0, 4)), GenesisError::Order("people")));
    assert!(matches!(
        with(&|genesis| genesis.people[3].roles = roles("")),
        GenesisError::NoRole(_)
    ));
    let rule = |text: &str| {
        let rule = text.parse().unwrap();
        with(&|genesis| genesis.rules.main = Rule::at_once(Clone::clone(&rule)))
    };
    assert!(matches!(rule("2 of (ada, ben)"), GenesisError::Rules(RulesError::Party(_))));
    assert!(matches!(
        rule("2 of (ada, ben, cleo, finn)"),
        GenesisError::Rules(RulesError::Party(_))
    ));
    assert!(matches!(
        rule("any of (ada, ben, cleo)"),
        GenesisError::Rules(RulesError::Tree { .. })
    ));
    assert!(matches!(with(&|genesis| genesis.settings.lease_ms = 0), GenesisError::Setting(_)));
    assert!(matches!(
        with(&|genesis| genesis.settings.clock_bound_ms = 0),
        GenesisError::Setting(_)
    ));
    let service = |number: usize| GenesisService {
        name: name(&format!("s{number:04}")),
        credential: person(&format!("s{number}")).credential().clone(),
    };
    let many = with(&|genesis| genesis.services = (0..257).map(service).collect());
    assert!(matches!(many, GenesisError::Number { what: "services", .. }));
}

#[test]
fn ids_follow_from_name_key_and_nonce() {
    let (one, other) = (genesis(3, 0), Genesis { nonce: Digest([1; 32]), ..genesis(3, 0) });
    let id = |genesis: &Genesis, who: &GenesisPerson| genesis.person_id(who);
    assert_ne!(id(&one, &one.people[0]), id(&other, &one.people[0]));
    assert_ne!(id(&one, &one.people[0]), id(&one, &one.people[1]));
    assert_eq!(
        id(&one, &one.people[0]),
        Domain::new(3, 0).state.person_named(&name("ada")).unwrap().id
    );
}
