//! Who lies, in the midst of a real domain: what everybody else does are the programs.

use crate::harness::{Domain, fresh_dir, kill, quorate, until};
use quorate_backup::{Opener, RecoveryKey, Shared, SoftKey};
use quorate_charter::{BallotBody, GenesisFile, Instance, SignedBallotMessage};
use quorate_codec::{Digest, to_bytes};
use quorate_identity::{GenesisHash, NodeId, NodeSecrets};
use quorate_machine::durable::{Record, Table};
use quorate_machine::wire::Message;
use quorate_recovery::backup_file::BackupReader;
use quorate_recovery::key_file::KeyFile;
use quorate_recovery::passphrase::Passphrase;
use quorate_recovery::seat::Opening;
use quorate_store::Store;
use quorate_transport::{MeshEvent, MeshHandle, MeshPlan, Peer};
use rand_core::OsRng;
use serde_json::{Value, json};
use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// A custodian's real key, which opens what proves that it is there, and gives something else of
/// everything after that.
struct Custodian {
    key: SoftKey,
    lies: bool,
    asked: Cell<usize>,
}

impl Opener for Custodian {
    type Error = <SoftKey as Opener>::Error;

    fn public(&self) -> &RecoveryKey {
        self.key.public()
    }

    fn open(&self, with: &[u8]) -> Result<Option<Shared>, Self::Error> {
        self.asked.set(self.asked.get() + 1);
        let mut shared = self.key.open(with)?;
        if self.lies
            && self.asked.get() > 1
            && let Some(shared) = shared.as_mut()
        {
            shared[0] ^= 1;
        }
        Ok(shared)
    }
}

impl Custodian {
    fn of(domain: &Domain, name: &str, lies: bool) -> Self {
        let folder = domain.dir.join("custodians");
        let file: KeyFile = fs::read_to_string(folder.join(name)).unwrap().parse().unwrap();
        let passphrase = fs::read_to_string(folder.join(format!("{name}.passphrase"))).unwrap();
        let passphrase = Passphrase::from(passphrase.trim_end());
        let key = file.open(&passphrase).unwrap().key();
        Self { key, lies, asked: Cell::new(0) }
    }

    /// What they give for the machine in node-3's seat.
    fn part(&self, domain: &Domain, backup: &str) -> Vec<u8> {
        let bytes = fs::read(backup).unwrap();
        let genesis: GenesisHash = domain.genesis().parse().unwrap();
        let reader = BackupReader::new(&bytes[..]).unwrap();
        let opening = Opening::read(reader, &genesis, &"node-3".parse().unwrap()).unwrap();
        let custodian = opening.for_key(self.public().id()).unwrap();
        let part = custodian.open(self, &mut OsRng).unwrap_or_else(|never| match never {});
        to_bytes(&part.unwrap())
    }
}

/// REC-39, BAK-16: the machine that takes a seat says who lied, by name and with every key, and has its
/// shares all the same.
#[test]
fn neg_096_a_custodian_who_lies_is_named_by_the_machine_that_takes_a_seat() {
    let domain = Domain::up("liars");
    let folder = fresh_dir("liars");
    let at = |name: &str| folder.join(name).display().to_string();
    let (early, backup) = (at("early"), at("backup"));
    domain.run(&["backup", "export", "--output", &early]).ok();
    kill(domain.node_pid("node-3"));

    let (machine, phrase, claim) = (at("machine"), at("phrase"), at("claim"));
    fs::write(&phrase, "of this machine alone").unwrap();
    let of_machine = |verb: &[&str], more: &[&str]| {
        let known = ["--dir", &machine, "--passphrase-file", &phrase];
        quorate(&[&["--json"], verb, more, &known].concat())
    };
    of_machine(&["node", "init", "node-3"], &[]).ok();
    let genesis = domain.genesis();
    let of_file = |file| ["--backup", file, "--genesis", &genesis];
    let claiming = [&of_file(early.as_str())[..], &["--output", &claim]].concat();
    of_machine(&["seat", "claim", "node-3"], &claiming).ok();
    let filed = domain.run(&["seat", "give", &claim, "--as", "ada"]).ok();
    let motion = filed["motion"].as_str().unwrap();
    domain.run(&["charter", "sign", motion, "--as", "ben"]).ok();
    until(|| {
        let shown = domain.run(&["charter", "show", motion]).ok();
        (shown["state"] == "enacted").then_some(())
    });
    domain.run(&["backup", "export", "--output", &backup]).ok();

    let parts = [("greta", false), ("hugo", true), ("iris", false)].map(|(name, lies)| {
        let part = at(&format!("{name}.part"));
        let custodian = Custodian::of(&domain, name, lies);
        fs::write(Path::new(&part), custodian.part(&domain, &backup)).unwrap();
        part
    });
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let taking = [&parts[..], &of_file(backup.as_str())].concat();
    let took = of_machine(&["seat", "take", "node-3"], &taking).ok();
    let sorted = |list: &Value| {
        let mut keys: Vec<String> =
            list.as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect();
        keys.sort();
        keys
    };
    let keys = ["ops", "treasury", "vault"];
    assert_eq!(sorted(&took["restored"]), keys);
    // What does not open with what he gives counts as silence, what opens to something else as a lie:
    // which of them it is falls out by chance in each row. He is named with every key, nobody else.
    let mut of_hugo = Vec::new();
    for blamed in ["lied", "silent"] {
        for (name, keys) in took[blamed].as_object().unwrap() {
            assert_eq!(name, "hugo", "{took}");
            of_hugo.extend(keys.as_array().unwrap().clone());
        }
    }
    assert_eq!(sorted(&json!(of_hugo)), keys);
}

/// A node's own keys, taken out of its store while it does not run, and a channel to another one.
struct Voter {
    me: NodeId,
    secrets: NodeSecrets,
    genesis: GenesisHash,
    target: NodeId,
    mesh: MeshHandle,
}

impl Voter {
    /// Those of node-1, to node-2. Needs a runtime.
    async fn of(domain: &Domain) -> Self {
        let folder = |node: &str| domain.dir.join("nodes").join(node);
        let text = fs::read_to_string(folder("node-1").join("passphrase")).unwrap();
        let passphrase = quorate_store::Passphrase::new(text.trim_end().to_owned());
        let opened = Store::open(folder("node-1").join("store.redb"), &passphrase).unwrap();
        let is_secrets = |row: &&Record| row.table == Table::Identity && row.key == b"secrets";
        let row = opened.1.iter().find(is_secrets).unwrap();
        let secrets = NodeSecrets::from_bytes(&row.value).unwrap();

        let genesis: GenesisHash = domain.genesis().parse().unwrap();
        let file = fs::read(domain.dir.join("genesis.cbor")).unwrap();
        let file: GenesisFile = quorate_codec::from_bytes(&file).unwrap();
        let state = file.verify(&genesis).unwrap();
        let node = |name: &str| state.node_named(&name.parse().unwrap()).unwrap();
        let (me, target) = (node("node-1").id, node("node-2").id);
        let config = fs::read(folder("node-2").join("node.json")).unwrap();
        let config: Value = serde_json::from_slice(&config).unwrap();
        let address = config["peer"].as_str().unwrap().to_owned();
        let peers = [(target, Peer { keys: node("node-2").keys, address })].into();
        let listener = quorate_transport::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let plan = MeshPlan { me, peers, delay: Duration::ZERO };
        let (mesh, mut events) = quorate_transport::start(&secrets, plan, listener).unwrap();
        while !matches!(events.recv().await, Some(MeshEvent::Connected(_))) {}
        tokio::spawn(async move { while events.recv().await.is_some() {} });
        Self { me, secrets, genesis, target, mesh }
    }

    /// Votes for a value that is nobody's.
    fn votes(&self, position: u64, value: u8) {
        let sign = |tag, bytes: &[u8]| self.secrets.sign(tag, bytes);
        let body = BallotBody::Prevote(Some(Digest([value; 32])));
        let instance = Instance::Position(position);
        let vote = SignedBallotMessage::sign(self.genesis, instance, 0, self.me, body, &sign);
        self.mesh.send(self.target, to_bytes(&Message::Ballot(vote)));
    }
}

/// BLM-02, AGR-10: a voter votes twice in one ballot. Whoever hears both keeps the two statements, gives
/// them out as a file, and anybody who has the hash of the genesis and no node sees who it was.
#[test]
fn agr_10_two_votes_of_one_voter_are_a_file_that_convicts_it_before_anybody() {
    let domain = Domain::up("two-votes");
    let folder = fresh_dir("two-votes");
    let file = folder.join("evidence").display().to_string();
    let status = domain.run(&["status"]).ok();
    let position = status["position"].as_u64().unwrap() + 1;
    kill(domain.node_pid("node-1"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let voter = runtime.block_on(Voter::of(&domain));
    let listed = || domain.run(&["evidence", "list", "--node", "node-2"]).lines();
    // Once, as often as it likes.
    runtime.block_on(async { (0..3).for_each(|_| voter.votes(position, 1)) });
    until(|| domain.run(&["status", "--node", "node-2"]).code.filter(|code| *code == 0));
    assert_eq!(listed(), Vec::<Value>::new());
    runtime.block_on(async { voter.votes(position, 2) });
    let evidence = until(|| listed().first().cloned());
    assert_eq!(evidence["culprits"], json!(["node-1"]), "{evidence}");

    let name = evidence["evidence"].as_str().unwrap();
    domain.run(&["evidence", "get", name, "--node", "node-2", "--output", &file]).ok();
    let genesis = domain.genesis();
    drop(domain);
    let verify = ["--json", "evidence", "verify", &file, "--genesis"];
    let shown = quorate(&[&verify[..], &[&genesis]].concat()).ok();
    assert_eq!(shown["culprits"], json!(["node-1"]), "{shown}");
    assert!(shown["place"].as_str().unwrap().contains(&position.to_string()), "{shown}");
    // Of another domain, or with any byte of it changed, it accuses nobody.
    let other = format!("0x{}", "11".repeat(32));
    assert_eq!(quorate(&[&verify[..], &[&other]].concat()).refused(5), "bad_evidence");
    let whole = fs::read(&file).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 30 + 1) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&file, changed).unwrap();
        assert_eq!(quorate(&[&verify[..], &[&genesis]].concat()).refused(5), "bad_evidence");
    }
}
