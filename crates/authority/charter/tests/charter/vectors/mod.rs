//! The vectors of `vectors/charter.json`, which other implementations share: founded domains and
//! their logs, to be verified from the genesis hash alone; what people and nodes sign beside the
//! log; what is only hashed; and what must be refused.

mod forms;
mod judged;
mod presign;
mod refused;
mod said;
mod stories;
mod values;

use crate::support::drawn::Drawing;
use crate::support::{Domain, name};
use quorate_charter::{CertifiedEntry, GenesisFile, State, verify_log};
use quorate_codec::{Digest, from_bytes, hex, to_bytes};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const ABOUT: &str = "GOV-10 to GOV-92, SUC-01, SUC-20, SUC-30, KEX-11, AGR-02: two more domains \
    and their logs, in which an entry that lets a motion take effect has the id of that motion; \
    statements, each to be verified under its tag by those named, at the state after the entry of \
    this position, or, where nobody is named, by the keys in it; forms that are hashed or kept and \
    signed by nobody; and what must be refused at the state after that position. Points, recovery \
    keys and SSH keys are such; backups, transcripts, challenges and proofs are bytes that stand \
    for some";

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Vectors {
    genesis_hash: String,
    genesis_file: String,
    nodes: Vec<Member>,
    people: Vec<Member>,
    services: Vec<Member>,
    entries: Vec<Placed>,
    keys: Vec<Member>,
    about: String,
    logs: Vec<Log>,
    statements: Vec<Statement>,
    values: Vec<Value>,
    refused: Vec<Refused>,
}

/// One more domain.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Log {
    domain: String,
    genesis_hash: String,
    genesis_file: String,
    nodes: Vec<Member>,
    people: Vec<Member>,
    services: Vec<Member>,
    entries: Vec<Placed>,
    keys: Vec<Member>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Member {
    name: String,
    id: String,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Placed {
    position: u64,
    kind: String,
    /// Nothing where there is none: a node is back.
    motion: Option<String>,
    head: String,
    bytes: String,
}

/// What holds at a state, beside the log.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Statement {
    name: String,
    form: String,
    domain: String,
    position: u64,
    /// People or nodes, in the order of the signatures.
    by: Vec<String>,
    /// What the signatures are for, and over which bytes; nothing where it is two that are signed.
    tag: Option<String>,
    signed: Option<String>,
    signatures: Vec<String>,
    /// As others name it, if they do.
    digest: Option<Digest>,
    bytes: String,
}

/// What is signed by nobody.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Value {
    name: String,
    form: String,
    digest: Option<Digest>,
    bytes: String,
}

/// What must be refused at a state.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Refused {
    why: String,
    form: String,
    domain: String,
    position: u64,
    bytes: String,
}

impl Placed {
    fn new(certified: &CertifiedEntry, motion: Option<String>) -> Self {
        Self {
            position: certified.position(),
            kind: certified.entry().kind().to_owned(),
            motion,
            head: certified.head().to_string(),
            bytes: hex::encode(&to_bytes(certified)),
        }
    }
}

/// An entry of nearly every kind; those with keys of other crates have vectors there.
const LOG: &str = "G -> hot[key hot] -> policy[policy 1, by ben+cleo] -> refresh[refresh hot, by ada] \
    -> void[void hot] -> nightly[nightly hot] -> gina[join gina approve] -> robot[serve robot] \
    -> keys[rekey gina gina-2+gina-3] -> roles[roles finn operate] -> reader[roles gina audit:ops+treasury] -> team[team desk ada+gina] \
    -> dora[join dora admin, leave cleo, rules 2 ada+ben+dora] -> lease[lease 30] -> thaw[thaw 7] -> on[refuse 8] \
    -> wait[wait 60] -> told[policy 2] -> no[object told, by dora] -> yes[override told] \
    -> done[enact told] -> more[policy 3] -> back[withdraw more] -> end[retire hot] \
    -> ended[enact end] -> left[leave robot] \
    -> soon[wait 0] -> now[enact soon] -> probe[probe n5] -> vote[resume n5] \
    -> told5[declare n5 acme] -> six[admit n6] -> seven[admit n7, bear 2] -> hush[suspend n3] \
    -> gone[expel n3] -> least[require 0.1.0] \
    -> warm[key warm n1+n2+n5] -> out[export warm gil] -> kept[keep warm]";

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../../../../vectors/charter.json")).unwrap()
}

fn member(name: &impl ToString, id: &impl ToString) -> Member {
    Member { name: name.to_string(), id: id.to_string() }
}

/// What the fixture of these tests comes to.
fn written() -> Vectors {
    let domain = Domain::new(4, 1);
    let drawing = Drawing::new(&domain, LOG);
    let names: Vec<&str> =
        LOG.split("->").skip(1).map(|word| word.trim().split('[').next().unwrap()).collect();
    let state = drawing.state(names.last().unwrap());
    let placed = |entry: &str| {
        Placed::new(&drawing.entry(entry), Some(drawing.motion(entry).id().to_string()))
    };
    let vault = stories::vault();
    let mut of_vault = stories::of_vault(&vault);
    let heir = stories::heir(&of_vault);
    let mut of_heir = stories::of_heir(&of_vault, &heir);
    let (freeze, cession) = (said::freeze(&of_vault), said::cession(&of_vault, &heir));
    stories::go_on(&mut of_vault, freeze.digest(), cession.digest());
    Vectors {
        genesis_hash: domain.hash.to_string(),
        genesis_file: hex::encode(&to_bytes(&domain.file)),
        nodes: state.nodes().map(|node| member(&node.name, &node.id)).collect(),
        people: state.people().map(|person| member(&person.name, &person.id)).collect(),
        services: state.services().map(|service| member(&service.name, &service.id)).collect(),
        entries: names.into_iter().map(placed).collect(),
        keys: state.keys().map(|key| member(&key.name, &key.key)).collect(),
        about: ABOUT.to_owned(),
        logs: vec![of_vault.log(), of_heir.log()],
        statements: said::all(&of_vault, &of_heir),
        values: values::all(&of_vault, &of_heir),
        refused: refused::all(&mut of_vault, &mut of_heir),
    }
}

/// The states of the logs that are added to the first one, by domain and position.
fn states(vectors: &Vectors) -> BTreeMap<(String, u64), State> {
    let mut states = BTreeMap::new();
    for log in &vectors.logs {
        let file: GenesisFile = decoded(&log.genesis_file);
        let mut state = file.verify(&log.genesis_hash.parse().unwrap()).unwrap();
        states.insert((log.domain.clone(), 0), state.clone());
        for entry in &log.entries {
            let certified: CertifiedEntry = decoded(&entry.bytes);
            state = state.apply(state.verify_entry(&certified).unwrap());
            assert_eq!(state.head().to_string(), entry.head, "{} of {}", entry.kind, log.domain);
            states.insert((log.domain.clone(), entry.position), state.clone());
        }
    }
    states
}

fn decoded<T: quorate_codec::Canonical>(text: &str) -> T {
    from_bytes(&hex::decode(text).unwrap()).unwrap()
}

#[test]
fn the_log_of_the_vectors_is_what_these_seeds_make() {
    let written = written();
    let shown = serde_json::to_string_pretty(&written).unwrap();
    assert!(written == vectors(), "{shown}");
}

#[test]
fn the_log_of_the_vectors_verifies() {
    let vectors = vectors();
    let file: GenesisFile = from_bytes(&hex::decode(&vectors.genesis_file).unwrap()).unwrap();
    let entries = vectors.entries.iter().map(|entry| {
        let certified: CertifiedEntry = from_bytes(&hex::decode(&entry.bytes).unwrap()).unwrap();
        assert_eq!(certified.head().to_string(), entry.head);
        certified
    });
    let state = verify_log(&file, &vectors.genesis_hash.parse().unwrap(), entries).unwrap();
    assert_eq!(state.head().to_string(), vectors.entries.last().unwrap().head);
    for node in &vectors.nodes {
        assert_eq!(state.node_named(&name(&node.name)).unwrap().id.to_string(), node.id);
    }
    for key in &vectors.keys {
        assert_eq!(state.key_named(&name(&key.name)).unwrap().key.to_string(), key.id);
    }
}

#[test]
fn the_further_logs_of_the_vectors_verify() {
    let vectors = vectors();
    let states = states(&vectors);
    for log in &vectors.logs {
        let entries = log.entries.iter().map(|entry| decoded::<CertifiedEntry>(&entry.bytes));
        let file: GenesisFile = decoded(&log.genesis_file);
        let state = verify_log(&file, &log.genesis_hash.parse().unwrap(), entries).unwrap();
        let last = log.entries.last().unwrap();
        assert_eq!(Some(&state), states.get(&(log.domain.clone(), last.position)));
        let named = |members: &[Member], known: Vec<Member>| assert_eq!(members, known);
        named(&log.nodes, state.nodes().map(|it| member(&it.name, &it.id)).collect());
        named(&log.people, state.people().map(|it| member(&it.name, &it.id)).collect());
        named(&log.services, state.services().map(|it| member(&it.name, &it.id)).collect());
        named(&log.keys, state.keys().map(|it| member(&it.name, &it.key)).collect());
    }
}

#[test]
fn the_statements_of_the_vectors_hold() {
    let vectors = vectors();
    let states = states(&vectors);
    for it in &vectors.statements {
        let state = &states[&(it.domain.clone(), it.position)];
        let digest = judged::statement(&it.form, state, &hex::decode(&it.bytes).unwrap());
        assert_eq!(digest, Ok(it.digest), "{}", it.name);
        assert!(judged::are_signed(it, state), "{}", it.name);
    }
}

#[test]
fn the_values_of_the_vectors_have_their_digests() {
    for it in vectors().values {
        let digest = judged::value(&it.form, &hex::decode(&it.bytes).unwrap());
        assert_eq!(digest, Ok(it.digest), "{}", it.name);
    }
}

#[test]
fn what_the_vectors_say_is_refused_is_refused() {
    let vectors = vectors();
    let states = states(&vectors);
    for it in &vectors.refused {
        let state = &states[&(it.domain.clone(), it.position)];
        let judged = judged::statement(&it.form, state, &hex::decode(&it.bytes).unwrap());
        assert!(judged.is_err(), "{}: {}", it.form, it.why);
    }
}
