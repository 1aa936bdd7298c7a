//! A new machine for a node that was lost, with a directory of its own.

use crate::program::{Said, quorate};
use crate::trial::Trial;
use serde_json::Value;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

static MACHINES: AtomicU32 = AtomicU32::new(0);

/// Addresses that nobody listens at: for nodes, for people.
pub fn addresses() -> (String, String) {
    // Both are taken before either is let go.
    let free = || TcpListener::bind("127.0.0.1:0").expect("a port");
    let [peer, api] = [free(), free()].map(|it| it.local_addr().expect("an address").to_string());
    (peer, api)
}

/// A machine with fresh keys under a node's name.
pub struct Machine {
    /// Of which node.
    pub name: String,
    dir: PathBuf,
}

impl Machine {
    /// Makes its keys. It will listen at these addresses: for nodes, for people.
    pub fn new(trial: &Trial, name: &str, (peer, api): &(String, String)) -> Self {
        let number = MACHINES.fetch_add(1, Ordering::Relaxed);
        let dir = PathBuf::from(trial.file(&format!("machine-{number}")));
        std::fs::create_dir(&dir).expect("a directory");
        let machine = Self { name: name.to_owned(), dir };
        std::fs::write(machine.passphrase(), "of this machine alone").expect("a passphrase");
        let (dir, passphrase) = (machine.dir_text(), machine.passphrase());
        let init = ["node", "init", name, "--dir", &dir, "--peer", peer, "--api", api];
        quorate(&[&init[..], &["--passphrase-file", &passphrase]].concat()).ok();
        machine
    }

    /// Claims its node's seat; the file with the claim.
    pub fn claim(&self, trial: &Trial, backup: &str) -> String {
        let claim = self.dir.join("claim").display().to_string();
        let verb = ["seat", "claim", &self.name, "--output", &claim];
        self.run(trial, &verb, backup, &[]).ok();
        claim
    }

    /// Takes the seat.
    pub fn take(&self, trial: &Trial, backup: &str, parts: &[String]) -> Said {
        self.run(trial, &["seat", "take", &self.name], backup, parts)
    }

    fn run(&self, trial: &Trial, verb: &[&str], backup: &str, parts: &[String]) -> Said {
        let (dir, genesis, passphrase) = (self.dir_text(), trial.genesis(), self.passphrase());
        let known = ["--dir", &dir, "--backup", backup, "--genesis", &genesis];
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        quorate(&[verb, &parts, &known, &["--passphrase-file", &passphrase]].concat())
    }

    /// The file with its enrolment.
    pub fn enrolment(&self) -> String {
        self.dir.join("nodes").join(&self.name).join("enrolment.cbor").display().to_string()
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn dir_text(&self) -> String {
        self.dir.display().to_string()
    }

    /// The file with the passphrase of its store.
    pub fn passphrase(&self) -> String {
        self.dir.join("passphrase").display().to_string()
    }

    /// Where the other nodes are, as `node run` is told.
    pub fn addresses_of_others(&self, trial: &Trial) -> Vec<String> {
        let others = |node: &str| {
            let config = trial.node_file(node);
            config.get("peers").and_then(Value::as_object).expect("peers").clone()
        };
        // As the others find node-1, and as it finds them.
        let first = others("witness").remove("node-1").expect("an address");
        let mut known = others("node-1");
        known.insert("node-1".to_owned(), first);
        known.remove(&self.name);
        let pair = |(name, at): (String, Value)| format!("{name}={}", at.as_str().expect("a text"));
        known.into_iter().map(pair).collect()
    }
}
