//! The domains in which programs run: real keys, real signatures, from fixed seeds.

use quorate_access::Tree;
use quorate_charter::{
    Custodian, Custody, Genesis, GenesisFile, GenesisPerson, GenesisService, Matter, Recovery,
    Role, Roles, Rule, Rules, Settings, SignedEnrolment, State,
};
use quorate_codec::Digest;
use quorate_identity::{
    CredentialSigner, GenesisHash, MemorySigner, Name, NodePublic, NodeSecrets,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// How many kinds of domain there are.
pub const DOMAINS: usize = 3;

/// Everybody who may ever sign, by name; the last two come later.
pub const PEOPLE: [&str; 8] = ["ada", "ben", "cleo", "gus", "gwen", "finn", "dora", "emil"];

/// A founded domain.
pub struct Domain {
    /// The genesis with all signatures.
    pub file: GenesisFile,
    /// Its hash.
    pub hash: GenesisHash,
    /// The state at genesis.
    pub state: State,
}

/// A name that is known to be one.
pub fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

thread_local! {
    /// What was made once: a program signs more than anything else.
    static MACHINES: RefCell<BTreeMap<u8, Rc<NodeSecrets>>> = const { RefCell::new(BTreeMap::new()) };
    static KEYS: RefCell<BTreeMap<[u8; 32], Rc<MemorySigner>>> = const { RefCell::new(BTreeMap::new()) };
}

/// The secrets of the machine of this number.
pub fn secrets(number: u8) -> Rc<NodeSecrets> {
    let make = || NodeSecrets::generate(&mut ChaCha20Rng::from_seed([number; 32]));
    MACHINES
        .with_borrow_mut(|known| Rc::clone(known.entry(number).or_insert_with(|| make().into())))
}

/// The machine that has these keys, of those that were ever asked for.
pub fn machine(keys: &NodePublic) -> Option<Rc<NodeSecrets>> {
    let has = |machine: &&Rc<NodeSecrets>| machine.public() == *keys;
    MACHINES.with_borrow(|known| known.values().find(has).map(Rc::clone))
}

/// A key of a person or service; each has as many as they like.
pub fn key(who: &str, number: u8) -> Rc<MemorySigner> {
    let mut seed = [number; 32];
    seed[1..=who.len()].copy_from_slice(who.as_bytes());
    let make = || MemorySigner::from_seed(&seed).expect("a key");
    KEYS.with_borrow_mut(|known| Rc::clone(known.entry(seed).or_insert_with(|| make().into())))
}

/// Roles from five bits.
pub fn roles(bits: u8) -> Roles {
    let has = |bit: u8| bits >> bit & 1 == 1;
    Roles {
        administrator: has(0),
        approver: has(1),
        auditor: has(2),
        operator: has(3),
        guardian: has(4),
        reads: has(5).then(|| vec![name("ops")]),
    }
}

/// Custodians whose keys are only bytes here.
pub fn custody(names: &[&str], threshold: u8, key: u8) -> Option<Custody> {
    let custodian = |who: &&str| Custodian::new(name(who), [who.as_bytes(), &[key]].concat());
    Custody::some_of(threshold, names.iter().map(custodian).collect()).ok()
}

fn tree(text: &str) -> Tree<Name> {
    text.parse().expect("a tree")
}

/// Waits of a minute, except for policies; keys by two of their own; guardians.
fn slow_rules() -> Rules {
    let main = tree("2 of (ada, ben, cleo)");
    let rule = |tree: Tree<Name>, delay_ms| Rule { overriding: main.clone(), tree, delay_ms };
    let special = vec![
        (Matter::Keys, rule(tree("all of (ada, any of (ben, cleo))"), 0)),
        (Matter::Policy, Rule::at_once(main.clone())),
        (Matter::Nodes, rule(tree("all of (ada, ben, cleo)"), 120_000)),
    ];
    Rules {
        main: rule(main.clone(), 60_000),
        upkeep: tree("any of (ada, ben, cleo)"),
        special,
        recovery: Some(Recovery { tree: tree("all of (gus, gwen)"), delay_ms: 600_000 }),
    }
}

impl Domain {
    /// 0: four nodes, everything at once; 1: four nodes that wait, and guardians; 2: the same with
    /// six nodes, of which none may lie.
    pub fn new(kind: usize) -> Self {
        let (nodes, faults) = if kind == 2 { (6, 0) } else { (4, 1) };
        let is_slow = kind > 0;
        let enrol = |number: u8| {
            let role = if number == nodes { Role::Witness } else { Role::Signer };
            SignedEnrolment::create(name(&format!("n{number}")), role, &secrets(number))
        };
        let person = |who: &str, bits| GenesisPerson {
            name: name(who),
            credential: key(who, 0).credential().clone(),
            roles: roles(bits),
        };
        let mut people = vec![
            person("ada", 3),
            person("ben", 1),
            person("cleo", 1),
            person("finn", 2),
            person("olga", 4),
        ];
        let main = tree("2 of (ada, ben, cleo)");
        let mut rules = Rules::at_once(main, tree("any of (ada, ben, cleo)"));
        if is_slow {
            people.extend([person("gus", 16), person("gwen", 16)]);
            rules = slow_rules();
        }
        people.sort_by_key(|person| person.name.clone());
        let genesis = Genesis {
            version: 1,
            domain: name("fuzzed"),
            staging: true,
            nodes: (1..=nodes).map(enrol).collect(),
            people,
            services: vec![GenesisService {
                name: name("bot"),
                credential: key("bot", 0).credential().clone(),
            }],
            rules,
            faults,
            settings: Settings::default(),
            nonce: Digest([u8::try_from(kind).unwrap_or_default(); 32]),
            custody: custody(&["greta", "hugo", "iris"], 2, 0).expect("enough custodians"),
            excepted: vec![name("ada")],
            succession: None,
        };
        let mut file = GenesisFile::create(&genesis).expect("a well-formed genesis");
        for who in ["ada", "ben", "cleo"] {
            file.sign(&*key(who, 0)).expect("an administrator signs");
        }
        for number in 1..=nodes {
            file.countersign(&secrets(number)).expect("a node countersigns");
        }
        let hash = file.hash();
        let state = file.verify(&hash).expect("a founded domain");
        Self { file, hash, state }
    }
}
