//! A domain that succeeds a trial whose nodes are gone: founded by hand, each machine with a directory
//! and a passphrase of its own.

use crate::program::{Said, binary, quorate, quorate_with, recovery};
use crate::trial::{Trial, signal, text};
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Three signers and a witness.
pub const HEIRS: [&str; 4] = ["north", "south", "east", "watch"];
const CUSTODIANS: [&str; 3] = ["greta", "hugo", "iris"];

/// A domain in the making, then a running one. Its people, service and custodians are those of the
/// trial.
pub struct Successor {
    root: PathBuf,
    people: PathBuf,
    addresses: Vec<(String, String)>,
    nodes: Vec<(String, Child)>,
    /// The file that everybody signs.
    pub genesis_file: String,
}

impl Successor {
    /// Makes the keys of its machines.
    pub fn init(trial: &Trial, name: &str) -> Self {
        let root = PathBuf::from(trial.file(name));
        fs::create_dir(&root).expect("a directory");
        let held: Vec<TcpListener> =
            (0..8).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
        let ports: Vec<String> =
            held.iter().map(|it| it.local_addr().expect("an address").to_string()).collect();
        let addresses = ports
            .chunks(2)
            .filter_map(|pair| Some((pair.first()?.clone(), pair.get(1)?.clone())))
            .collect();
        let genesis_file = root.join("genesis").display().to_string();
        let this = Self { root, people: trial.dir(), addresses, nodes: Vec::new(), genesis_file };
        for (node, (peer, api)) in HEIRS.iter().zip(&this.addresses) {
            fs::create_dir(this.root.join(node)).expect("a directory");
            fs::write(this.passphrase(node), format!("{node} keeps its own secret"))
                .expect("a passphrase");
            let witness: &[&str] = if *node == "watch" { &["--witness"] } else { &[] };
            let init = ["node", "init", node, "--peer", peer, "--api", api];
            this.of_node(&[&init[..], witness].concat(), node).ok();
        }
        this
    }

    fn path(&self, name: &str) -> String {
        self.root.join(name).display().to_string()
    }

    fn passphrase(&self, node: &str) -> String {
        self.root.join(node).join("passphrase").display().to_string()
    }

    /// Runs a verb on the directory of a machine.
    pub fn of_node(&self, arguments: &[&str], node: &str) -> Said {
        let (dir, passphrase) = (self.path(node), self.passphrase(node));
        quorate(&[arguments, &["--dir", &dir, "--passphrase-file", &passphrase]].concat())
    }

    /// A machine's claim to its part of what is lost; what it printed.
    pub fn claim(&self, node: &str, backup: &str, predecessor: &str) -> Said {
        let claim = self.path(&format!("{node}.claim"));
        let from = ["--backup", backup, "--genesis", predecessor, "--output", &claim];
        self.of_node(&[&["succession", "claim", node][..], &from].concat(), node)
    }

    /// Writes the genesis that succeeds the trial, with these claims.
    pub fn create(&self, backup: &str, predecessor: &str, claims: &[&str]) -> Said {
        let file = |folder: &str, name: &str| {
            self.people.join(folder).join(format!("{name}.pub")).display().to_string()
        };
        let mut arguments: Vec<String> =
            ["genesis", "create", "--domain", "harbour"].map(str::to_owned).into();
        let mut option = |name: &str, value: String| {
            arguments.extend([name.to_owned(), value]);
        };
        for node in HEIRS {
            option("--node", self.path(&format!("{node}/nodes/{node}/enrolment.cbor")));
        }
        for (role, who) in [
            ("--administrator", "ada"),
            ("--administrator", "ben"),
            ("--administrator", "cleo"),
            ("--approver", "alice"),
            ("--approver", "bob"),
            ("--auditor", "auditor"),
        ] {
            option(role, format!("{who}={}", file("people", who)));
        }
        option("--service", format!("wallet-service={}", file("services", "wallet-service")));
        for custodian in CUSTODIANS {
            option("--custodian", file("custodians", custodian));
        }
        option("--rule", "2 of (ada, ben, cleo)".to_owned());
        // A policy that is announced for a day is no story for a test.
        option("--delay", "0s".to_owned());
        option("--succeeds", backup.to_owned());
        option("--predecessor", predecessor.to_owned());
        option("--reason", "both data centres burned down".to_owned());
        for claim in claims {
            option("--claim", self.path(&format!("{claim}.claim")));
        }
        option("--output", self.genesis_file.clone());
        quorate(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// An administrator signs the genesis.
    pub fn sign(&self, who: &str, genesis: &str) -> Said {
        let key = self.people.join("people").join(who).display().to_string();
        let verb = ["genesis", "sign", &self.genesis_file, "--as", who, "--key", &key];
        quorate(&[&verb[..], &["--genesis", genesis]].concat())
    }

    /// A node countersigns it, having verified this backup, if any.
    pub fn countersign(&self, node: &str, genesis: &str, backup: Option<&str>) -> Said {
        let dir = self.path(&format!("{node}/nodes/{node}"));
        let passphrase = self.passphrase(node);
        let verb = ["genesis", "sign", &self.genesis_file, "--node-dir", &dir];
        let with = ["--passphrase-file", &passphrase, "--genesis", genesis];
        let backup: Vec<&str> = backup.into_iter().flat_map(|it| ["--backup", it]).collect();
        quorate(&[&verb[..], &with, &backup].concat())
    }

    /// A custodian of the trial opens its backup for this domain.
    pub fn open(&self, custodian: &str, backup: &str, predecessor: &str, part: &str) -> Said {
        self.open_with(custodian, backup, predecessor, part, &[])
    }

    /// Likewise, with what guardians signed.
    pub fn open_announced(
        &self,
        custodian: &str,
        backup: &str,
        predecessor: &str,
        announcement: &str,
        part: &str,
    ) -> Said {
        self.open_with(custodian, backup, predecessor, part, &["--announcement", announcement])
    }

    fn open_with(
        &self,
        custodian: &str,
        backup: &str,
        predecessor: &str,
        part: &str,
        more: &[&str],
    ) -> Said {
        let folder = self.people.join("custodians");
        let key = folder.join(custodian).display().to_string();
        let passphrase = folder.join(format!("{custodian}.passphrase")).display().to_string();
        let verb = ["open", backup, "--genesis", predecessor, "--successor", &self.genesis_file];
        let held = ["--key", &key, "--passphrase-file", &passphrase];
        recovery(&[&verb[..], &held, &["--output", part, "--yes"], more].concat())
    }

    /// A stopped machine takes up what is lost, with these parts.
    pub fn take(&self, node: &str, genesis: &str, backup: &str, parts: &[String]) -> Said {
        let verb = ["succession", "take", node, "--backup", backup];
        let founded = ["--genesis-file", &self.genesis_file, "--genesis", genesis];
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        self.of_node(&[&verb[..], &founded, &parts].concat(), node)
    }

    /// Runs a machine.
    pub fn start(&mut self, node: &str, genesis: &str) {
        let log = OpenOptions::new().create(true).append(true).open(self.path("log"));
        let mut command = Command::new(binary());
        command.args(["node", "run", node, "--verbose", "--dir", &self.path(node)]);
        command.args(["--genesis-file", &self.genesis_file, "--genesis", genesis]);
        command.args(["--passphrase-file", &self.passphrase(node)]);
        for (other, (peer, _)) in HEIRS.iter().zip(&self.addresses) {
            if *other != node {
                command.args(["--at", &format!("{other}={peer}")]);
            }
        }
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        let process = command.stderr(log.expect("a log")).spawn().expect("the program starts");
        self.nodes.push((node.to_owned(), process));
    }

    /// Kills a machine as a power cut would.
    pub fn kill(&mut self, node: &str) {
        let at = self.nodes.iter().position(|(name, _)| name == node).expect("a running node");
        let (_, mut process) = self.nodes.remove(at);
        signal("-KILL", process.id());
        process.wait().expect("it ends");
    }

    /// Makes the directory in which its people work.
    pub fn join(&self, genesis: &str) {
        let desk = self.path("desk");
        let mut arguments: Vec<String> =
            ["genesis", "join", &self.genesis_file, "--genesis", genesis, "--dir", &desk]
                .map(str::to_owned)
                .into();
        for (node, (_, api)) in HEIRS.iter().zip(&self.addresses) {
            arguments.extend(["--api".to_owned(), format!("{node}={api}")]);
        }
        quorate(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).ok();
        for folder in ["people", "services"] {
            for file in fs::read_dir(self.people.join(folder)).expect("a folder") {
                let file = file.expect("a file").path();
                let name = file.file_name().expect("a name");
                fs::copy(&file, Path::new(&desk).join(folder).join(name)).expect("a copy");
            }
        }
    }

    /// Runs a verb as its people do.
    pub fn run(&self, arguments: &[&str]) -> Said {
        let desk = self.path("desk");
        quorate(&[arguments, &["--dir", &desk]].concat())
    }

    /// Custodians show every node that they hold their keys.
    pub fn show_recovery_keys(&self) {
        for custodian in CUSTODIANS {
            let asked = self.path(&format!("{custodian}-asked"));
            self.run(&["custodian", "challenges", custodian, "--output", &asked]).ok();
            let folder = self.people.join("custodians");
            let key = folder.join(custodian).display().to_string();
            let passphrase = folder.join(format!("{custodian}.passphrase")).display().to_string();
            let answers = format!("{asked}.answers");
            let verb = ["answer", &asked, "--key", &key, "--passphrase-file", &passphrase];
            recovery(&[&verb[..], &["--output", &answers]].concat()).ok();
            self.run(&["custodian", "answer", &answers, "--as", "ada"]).ok();
        }
    }

    /// Signs a motion that one administrator filed as another, and waits until it is an entry.
    pub fn enact(&self, filed: &Said) {
        let motion = text(filed.ok(), "motion");
        self.run(&["charter", "sign", &motion, "--as", "ben"]).ok();
        self.until(|| text(self.run(&["charter", "show", &motion]).ok(), "state") == "enacted");
    }

    /// Asks until something holds. The test fails when that never happens, by the time limit of
    /// whoever runs it.
    pub fn until(&self, good: impl Fn() -> bool) {
        while !good() {
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }

    /// Asks `status` until it holds.
    pub fn until_status(&self, good: impl Fn(&Value) -> bool) {
        self.until(|| {
            let said = self.run(&["status"]);
            said.code == 0 && said.lines.last().is_some_and(&good)
        });
    }

    /// Files a request and waits until it is signed.
    pub fn signed(&self, key: &str, intent: &Value) -> Value {
        let desk = self.path("desk");
        let verb = ["request", "create", "--key", key, "--intent", "-", "--as", "wallet-service"];
        let filed = quorate_with(&[&verb[..], &["--dir", &desk]].concat(), &intent.to_string());
        let id = text(filed.ok(), "request");
        let ended = self.run(&["request", "wait", &id, "--timeout", "60"]).ok().clone();
        assert_eq!(text(&ended, "state"), "signed", "{ended}");
        ended
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        for (_, process) in &mut self.nodes {
            signal("-TERM", process.id());
            let _ = process.wait();
        }
    }
}
