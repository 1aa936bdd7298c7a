//! A node's interface, called as any client would.

use crate::harness::{Domain, fresh_dir, id, message, quorate, shared, until};
use quorate_charter::{GenesisFile, State};
use quorate_client::contract::{Audit, ErrorBody, KeyView, Notice, Status, routes};
use quorate_client::net::Client;
use quorate_codec::{Digest, from_bytes};
use quorate_identity::{ActorId, FileSigner, NodeId, NodeSecrets, PersonId, ServiceId};
use quorate_transport::{MeshPlan, Peer, listen};
use rand_core::OsRng;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

pub fn founding(domain: &Domain) -> State {
    let file: GenesisFile =
        from_bytes(&fs::read(domain.dir.join("genesis.cbor")).unwrap()).unwrap();
    file.verify(&domain.genesis().parse().unwrap()).unwrap()
}

pub fn client(domain: &Domain, node: &str, person: &str, key: &str) -> Client {
    let person = founding(domain).person_named(&person.parse().unwrap()).unwrap().id;
    client_as(domain, node, ActorId::Person(person), key)
}

/// Calls a node as somebody whom the charter may not know.
fn client_as(domain: &Domain, node: &str, actor: ActorId, key: &str) -> Client {
    let state = founding(domain);
    let file = domain.domain_file();
    let lines = file["nodes"].as_array().unwrap();
    let line = lines.iter().find(|line| line["name"] == node).unwrap();
    let node = state.node_named(&node.parse().unwrap()).unwrap();
    let signer = FileSigner::open(&domain.dir.join("people").join(key), None).unwrap();
    let address = line["api"].as_str().unwrap();
    Client::new(address, node.id, &node.keys, state.genesis(), actor, Arc::new(signer)).unwrap()
}

pub fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn metrics_audit_and_the_description_of_the_interface_are_served() {
    let client = client(shared(), "node-1", "auditor", "auditor");
    let metrics = wait(client.get_text(routes::METRICS.path)).unwrap();
    for name in ["quorate_leased 1", "quorate_node_alive{node=\"witness\"}", "part=\"engine\""] {
        assert!(metrics.contains(name), "{name} in {metrics}");
    }
    let described: serde_json::Value = wait(client.get(routes::OPENAPI.path)).unwrap();
    assert!(described["paths"]["/v1/requests"]["post"].is_object());
    let audit: Audit = wait(client.get(routes::AUDIT.path)).unwrap();
    assert!(audit.lines.iter().all(|line| line.at_ms > 0));
}

#[test]
fn what_changes_is_told_as_it_changes() {
    let domain = shared();
    let client = client(domain, "node-1", "auditor", "auditor");
    wait(async {
        let mut events = client.events().await.unwrap();
        let request = domain.created("ops", &message("watched"), "wallet-service");
        loop {
            let Notice::Request(changed) = events.next().await.unwrap().unwrap() else { continue };
            if changed.to_string() == id(&request) {
                break;
            }
        }
    });
}

/// GOV-78: what tells of all keys at once, and no node answers but its server, is not for an auditor
/// who reads about some.
#[test]
fn an_auditor_of_some_keys_gets_no_events_metrics_and_accounts() {
    let domain = Domain::up("bound");
    let [auditor, ada] = ["auditor", "ada"].map(|who| client(&domain, "node-1", who, who));
    let asked = |client: &Client| {
        let metrics = wait(client.get_text(routes::METRICS.path)).map(drop);
        let accounts = wait(client.get::<serde_json::Value>(routes::ACCOUNTS.path)).map(drop);
        let events = wait(client.events()).map(drop);
        let audit = wait(client.get::<Audit>(routes::AUDIT.path)).map(drop);
        [metrics, accounts, events, audit]
    };
    assert!(asked(&auditor).iter().all(Result::is_ok));

    let bind = ["person", "roles", "auditor", "--role", "auditor", "--reads", "ops", "--as", "ada"];
    let motion = domain.run(&bind).ok();
    let motion = motion["motion"].as_str().unwrap();
    domain.run(&["charter", "sign", motion, "--as", "ben"]).ok();
    until(|| {
        let keys: Vec<KeyView> = wait(auditor.get(routes::KEYS.path)).unwrap();
        keys.iter().all(|it| it.key.as_str() == "ops").then_some(())
    });
    for answer in asked(&auditor) {
        assert_eq!(answer.unwrap_err().code, "forbidden");
    }
    assert!(asked(&ada).iter().all(Result::is_ok));
    let own: serde_json::Value = wait(auditor.get(&routes::key(&"ops".parse().unwrap()))).unwrap();
    assert_eq!(own["key"], "ops");
}

#[test]
fn a_call_that_is_not_signed_by_somebody_of_the_charter_is_refused() {
    let domain = shared();
    let refused = |error: ErrorBody, code: &str| assert_eq!(error.code, code, "{error:?}");
    // Another person's key under this name, and a call meant for another node.
    let wrong_key = client(domain, "node-1", "auditor", "ada");
    refused(wait(wrong_key.get::<Status>(routes::STATUS.path)).unwrap_err(), "unauthenticated");
    let auditor = client(domain, "node-1", "auditor", "auditor");
    refused(wait(auditor.get::<Status>("/v1/nothing")).unwrap_err(), "unknown_call");
    let posted = wait(auditor.post::<_, Status>("/v1/requests", &serde_json::json!({})));
    refused(posted.unwrap_err(), "forbidden");
    let admin = client(domain, "node-1", "ada", "ada");
    let nonsense = serde_json::json!({ "request": "0x00", "extra": 1 });
    refused(wait(admin.post::<_, Status>("/v1/requests", &nonsense)).unwrap_err(), "bad_call");
    let long = serde_json::json!({ "request": format!("0x{}", "00".repeat(3 << 20)) });
    refused(wait(admin.post::<_, Status>("/v1/requests", &long)).unwrap_err(), "too_long");
}

/// N-79, API-06: whoever is nobody in the charter, or is no longer, or signs with another's key, hears
/// one and the same refusal whatever they ask for, and whether the node has it or not.
#[test]
fn neg_079_what_a_stranger_hears_tells_nothing_of_what_a_node_holds() {
    let domain = Domain::up("strangers");
    let request = domain.created("ops", &message("of others"), "wallet-service");
    assert_eq!(domain.wait(&request).ok()["state"], "signed");
    let auditor = client(&domain, "node-1", "auditor", "auditor");
    let known: serde_json::Value = wait(auditor.get(routes::KEYS.path)).unwrap();
    assert_eq!(known[0]["scheme"].as_str().map(str::is_empty), Some(false));
    let revoke = domain.run(&["person", "revoke", "auditor", "--as", "ada"]).ok();
    domain.run(&["charter", "sign", revoke["motion"].as_str().unwrap(), "--as", "ben"]).ok();
    until(|| wait(auditor.get::<Status>(routes::STATUS.path)).is_err().then_some(()));

    let nobody = Digest([7; 32]);
    let strangers = [
        auditor,
        client(&domain, "node-1", "ben", "ada"),
        client_as(&domain, "node-1", ActorId::Person(PersonId(nobody)), "ada"),
        client_as(&domain, "node-1", ActorId::Service(ServiceId(nobody)), "ada"),
    ];
    let there_or_not = [
        routes::STATUS.path.to_owned(),
        routes::AUDIT.path.to_owned(),
        routes::METRICS.path.to_owned(),
        routes::key(&"ops".parse().unwrap()),
        routes::key(&"nothing".parse().unwrap()),
        format!("/v1/requests/{}", id(&request)),
        format!("/v1/requests/{nobody}"),
        "/v1/nothing".to_owned(),
    ];
    let mut heard = BTreeSet::new();
    for stranger in &strangers {
        for target in &there_or_not {
            let body = serde_json::json!({ "request": "0x00" });
            let read = wait(stranger.get_text(target)).unwrap_err();
            let written = wait(stranger.post::<_, Status>(target, &body)).unwrap_err();
            heard.extend([read, written].map(|error| serde_json::to_string(&error).unwrap()));
        }
    }
    assert_eq!(heard.len(), 1, "{heard:#?}");
    assert!(heard.first().unwrap().contains("unauthenticated"));
}

/// Carries what comes to a port on to another, and tells how many bytes came back on each connection.
fn tapped(target: String) -> (SocketAddr, Receiver<u64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, (tell, told)) = (listener.local_addr().unwrap(), channel());
    thread::spawn(move || {
        for dialler in listener.incoming() {
            let (mut dialler, mut answerer) =
                (dialler.unwrap(), TcpStream::connect(&target).unwrap());
            let (mut said, mut heard) =
                (dialler.try_clone().unwrap(), answerer.try_clone().unwrap());
            let tell = tell.clone();
            thread::spawn(move || {
                let _ = std::io::copy(&mut said, &mut heard);
                let _ = heard.shutdown(Shutdown::Write);
            });
            thread::spawn(move || {
                let bytes = std::io::copy(&mut answerer, &mut dialler).unwrap_or_default();
                let _ = dialler.shutdown(Shutdown::Both);
                let _ = tell.send(bytes);
            });
        }
    });
    (address, told)
}

/// N-79, TRN-08: whoever dials the port of the nodes with a key that the charter does not know gets the
/// end of a handshake, always of the same length, and no word. What was wrong stands in the node's log.
#[test]
fn neg_079_a_stranger_at_the_port_of_the_nodes_hears_nothing() {
    let domain = shared();
    let state = founding(domain);
    let asked = state.node_named(&"node-1".parse().unwrap()).unwrap();
    let node = domain.dir.join("nodes/node-1");
    let config = fs::read_to_string(node.join("node.json")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    let refusals = || {
        let log = fs::read_to_string(node.join("log")).unwrap();
        log.lines().filter(|line| line.contains("a connection is refused")).count()
    };
    let mut lengths = BTreeSet::new();
    for _ in 0..3 {
        let before = refusals();
        let (port, told) = tapped(config["peer"].as_str().unwrap().to_owned());
        let lies = async {
            let peer = Peer { keys: asked.keys, address: port.to_string() };
            let peers = BTreeMap::from([(asked.id, peer)]);
            let plan = MeshPlan { me: NodeId(Digest([9; 32])), peers, delay: Duration::ZERO };
            let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
            let secrets = NodeSecrets::generate(&mut OsRng);
            let (mesh, mut events) = quorate_transport::start(&secrets, plan, listener).unwrap();
            let refused = async {
                while mesh.refused() == 0 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::select! {
                () = refused => {}
                event = events.recv() => panic!("it got a channel: {event:?}"),
            }
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(lies);
        lengths.insert(told.recv().unwrap());
        until(|| (refusals() > before).then_some(()));
    }
    assert_eq!(lengths.len(), 1, "{lengths:?}");
    let request = domain.created("ops", &message("after strangers"), "wallet-service");
    assert_eq!(domain.wait(&request).ok()["state"], "signed");
}

#[test]
fn whoever_answers_with_another_key_is_found_out() {
    let domain = shared();
    let copy = fresh_dir("swapped");
    fs::create_dir(copy.join("people")).unwrap();
    for file in ["genesis.cbor", "trial", "people/auditor"] {
        fs::copy(domain.dir.join(file), copy.join(file)).unwrap();
    }
    let mut file = domain.domain_file();
    let other = file["nodes"][1]["api"].clone();
    file["nodes"][0]["api"] = other;
    fs::write(copy.join("domain.json"), file.to_string()).unwrap();
    let status =
        quorate(&["--json", "status", "--node", "node-1", "--dir", copy.to_str().unwrap()]);
    assert_eq!(status.refused(5), "wrong_node_key");
    assert!(status.stderr.contains("culprits"));
    fs::remove_dir_all(copy).unwrap();
}

#[test]
fn garbage_on_every_port_harms_nobody() {
    let domain = shared();
    for node in ["node-1", "node-2", "node-3", "witness"] {
        let config =
            fs::read_to_string(domain.dir.join(format!("nodes/{node}/node.json"))).unwrap();
        let config: serde_json::Value = serde_json::from_str(&config).unwrap();
        for port in ["peer", "api"] {
            for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x16, 3, 1, 0xff, 0xff], &[0; 4096]] {
                let mut stream = TcpStream::connect(config[port].as_str().unwrap()).unwrap();
                let _ = stream.write_all(garbage);
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let mut answer = Vec::new();
                let _ = stream.read_to_end(&mut answer);
                assert!(!answer.starts_with(b"HTTP"), "{node} speaks in the clear");
            }
        }
    }
    let request = domain.created("ops", &message("after garbage"), "wallet-service");
    assert_eq!(domain.wait(&request).ok()["state"], "signed");
}
