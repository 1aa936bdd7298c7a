//! The vectors of `vectors/charter.json`, which other implementations share: a founded domain
//! and a short log, to be verified from the genesis hash alone.

use crate::support::drawn::Drawing;
use crate::support::{Domain, name};
use quorate_charter::{CertifiedEntry, GenesisFile, verify_log};
use quorate_codec::{from_bytes, hex, to_bytes};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Vectors {
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
    motion: String,
    head: String,
    bytes: String,
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
    serde_json::from_str(include_str!("../../../../../vectors/charter.json")).unwrap()
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
        let certified = drawing.entry(entry);
        Placed {
            position: certified.position(),
            kind: certified.entry().kind().to_owned(),
            motion: drawing.motion(entry).id().to_string(),
            head: certified.head().to_string(),
            bytes: hex::encode(&to_bytes(&certified)),
        }
    };
    Vectors {
        genesis_hash: domain.hash.to_string(),
        genesis_file: hex::encode(&to_bytes(&domain.file)),
        nodes: state.nodes().map(|node| member(&node.name, &node.id)).collect(),
        people: state.people().map(|person| member(&person.name, &person.id)).collect(),
        services: state.services().map(|service| member(&service.name, &service.id)).collect(),
        entries: names.into_iter().map(placed).collect(),
        keys: state.keys().map(|key| member(&key.name, &key.key)).collect(),
    }
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
