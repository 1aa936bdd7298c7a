//! A custodian who lies, in the midst of a real domain: what everybody else does are the programs.

use crate::harness::{Domain, fresh_dir, kill, quorate};
use quorate_backup::{Opener, RecoveryKey, Shared, SoftKey};
use quorate_codec::to_bytes;
use quorate_identity::GenesisHash;
use quorate_recovery::backup_file::BackupReader;
use quorate_recovery::key_file::KeyFile;
use quorate_recovery::passphrase::Passphrase;
use quorate_recovery::seat::Opening;
use rand_core::OsRng;
use serde_json::{Value, json};
use std::cell::Cell;
use std::fs;
use std::path::Path;

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
    crate::harness::until(|| {
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
