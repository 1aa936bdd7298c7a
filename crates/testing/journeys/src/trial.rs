//! A domain that `quorate up` founded and keeps running.

use crate::desk::Desk;
use crate::founded;
use crate::machine::{Machine, addresses};
use crate::program::{Said, binary, quorate, quorate_with, recovery};
use crate::relay::Relay;
use serde_json::Value;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Three signers and a witness.
const FOUNDERS: [&str; 4] = ["node-1", "node-2", "node-3", "witness"];

/// A running trial domain.
pub struct Trial {
    folder: TempDir,
    up: Option<Child>,
    /// Nodes that the test started itself.
    nodes: Vec<Child>,
    /// The line that `up` printed when the domain served.
    pub ready: Value,
}

impl Trial {
    /// Founds a domain of three signers and a witness and waits until it serves.
    pub fn found() -> Self {
        let mut trial = Self::nowhere();
        trial.up();
        trial
    }

    /// Runs a copy of a domain that was founded like that, and waits until it serves.
    pub fn founded() -> Self {
        let mut trial = Self::nowhere();
        founded::copy_to(&trial.dir());
        trial.up();
        trial
    }

    fn nowhere() -> Self {
        let folder = TempDir::new().expect("a temporary directory");
        Self { folder, up: None, nodes: Vec::new(), ready: Value::Null }
    }

    /// Starts `up` on the directory, founded or not.
    pub fn up(&mut self) {
        let mut process = begin_up(&self.dir());
        self.ready = announced(&mut process);
        self.up = Some(process);
    }

    /// The domain directory.
    pub fn dir(&self) -> PathBuf {
        self.folder.path().join("domain")
    }

    /// The directory as an argument.
    pub fn dir_text(&self) -> String {
        self.dir().display().to_string()
    }

    /// The hash of the genesis.
    pub fn genesis(&self) -> String {
        text(&self.ready, "genesis")
    }

    /// Runs a verb on this domain.
    pub fn run(&self, arguments: &[&str]) -> Said {
        let dir = self.dir_text();
        quorate(&[arguments, &["--dir", &dir]].concat())
    }

    /// Runs a verb on this domain with a standard input.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Said {
        let dir = self.dir_text();
        quorate_with(&[arguments, &["--dir", &dir]].concat(), input)
    }

    /// Files a request and returns it as recorded.
    pub fn request(&self, key: &str, intent: &Value, who: &str) -> Value {
        self.try_request(key, intent, who).ok().clone()
    }

    /// Files a request under the child of a key and returns it as recorded.
    pub fn request_at(&self, key: &str, path: &str, intent: &Value, who: &str) -> Value {
        let arguments =
            ["request", "create", "--key", key, "--path", path, "--intent", "-", "--as", who];
        self.run_with(&arguments, &intent.to_string()).ok().clone()
    }

    /// Tries to file a request.
    pub fn try_request(&self, key: &str, intent: &Value, who: &str) -> Said {
        let arguments = ["request", "create", "--key", key, "--intent", "-", "--as", who];
        self.run_with(&arguments, &intent.to_string())
    }

    /// Waits for the end of a request.
    pub fn wait(&self, request: &Value) -> Said {
        self.run(&["request", "wait", &text(request, "request"), "--timeout", "60"])
    }

    /// Waits for a request that must be signed.
    pub fn signed(&self, request: &Value) -> Value {
        let ended = self.wait(request).ok().clone();
        assert_eq!(text(&ended, "state"), "signed", "{ended}");
        ended
    }

    /// Votes `approve` or `reject` with the digest of the request as it was shown.
    pub fn vote(&self, verb: &str, request: &Value, who: &str) -> Said {
        let (id, digest) = (text(request, "request"), text(request, "request_digest"));
        self.run(&["request", verb, &id, "--digest", &digest, "--as", who])
    }

    /// Fetches and verifies a receipt offline; returns what `receipt verify` says.
    pub fn verified_receipt(&self, request: &Value) -> Value {
        let id = text(request, "request");
        let file = self.folder.path().join(format!("{id}.receipt"));
        let path = file.display().to_string();
        self.run(&["receipt", "get", &id, "-o", &path]).ok();
        quorate(&["receipt", "verify", &path, "--genesis", &self.genesis()]).ok().clone()
    }

    /// The first payee in the policy in force that begins with `prefix`.
    pub fn listed(&self, prefix: &str) -> String {
        let policy = self.run(&["policy", "show"]).ok().clone();
        let lists: Value = serde_json::from_str(&text(&policy, "lists")).expect("lists.json");
        let payees = lists.get("payees").and_then(Value::as_array).into_iter().flatten();
        let found = payees.filter_map(Value::as_str).find(|text| text.starts_with(prefix));
        found.unwrap_or_else(|| panic!("no {prefix}… in {lists}")).to_owned()
    }

    /// Kills the process of a node as a power cut would.
    pub fn kill(&mut self, node: &str) {
        let pid = self.pid(node);
        signal("-KILL", pid);
        self.nodes.retain_mut(|child| child.id() != pid || child.wait().is_err());
        // its files are closed when its last thread is gone
        let threads = format!("/proc/{pid}/task");
        let is_zombie = || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
            stat.is_ok_and(|stat| stat.contains(") Z"))
        };
        while std::fs::read_dir(&threads).is_ok_and(|left| left.count() > 1 || !is_zombie()) {
            std::thread::yield_now();
        }
    }

    /// Kills the process that was started last, however far it came.
    ///
    /// # Panics
    /// None was.
    pub fn kill_started(&mut self) {
        let mut process = self.nodes.pop().expect("a process");
        process.kill().expect("a process that can be killed");
        process.wait().expect("its end");
    }

    /// Stops the process of a node where it stands: it keeps its channels, and says nothing.
    pub fn pause(&self, node: &str) {
        signal("-STOP", self.pid(node));
    }

    /// Lets a paused node go on.
    pub fn resume(&self, node: &str) {
        signal("-CONT", self.pid(node));
    }

    /// What a node that the test started has logged in all its lives: every durable write too.
    pub fn log(&self, node: &str) -> String {
        std::fs::read_to_string(self.log_file(node)).unwrap_or_default()
    }

    fn log_file(&self, node: &str) -> PathBuf {
        self.folder.path().join(format!("{node}.log"))
    }

    /// Runs a node again, as its operator would.
    pub fn start(&mut self, node: &str) {
        self.start_with(&binary(), node);
    }

    /// Runs a node again, with another program.
    pub fn start_with(&mut self, program: &Path, node: &str) {
        let log = OpenOptions::new().create(true).append(true).open(self.log_file(node));
        let process = Command::new(program)
            .args(["node", "run", node, "--verbose", "--dir"])
            .arg(self.dir())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.expect("a log"))
            .spawn()
            .expect("the program starts");
        self.nodes.push(process);
    }

    /// A path beside the domain.
    pub fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// What a node's `node.json` says.
    pub fn node_file(&self, node: &str) -> Value {
        let path = self.dir().join("nodes").join(node).join("node.json");
        let file = std::fs::read(path).expect("node.json");
        serde_json::from_slice(&file).expect("node.json is JSON")
    }

    /// Where a node listens: for nodes, for people.
    pub fn addresses(&self, node: &str) -> (String, String) {
        let config = self.node_file(node);
        (text(&config, "peer"), text(&config, "api"))
    }

    /// Changes what a node's `node.json` says; it counts from its next start on.
    pub fn change_node_file(&self, node: &str, change: impl FnOnce(&mut Value)) {
        let mut config = self.node_file(node);
        change(&mut config);
        let path = self.dir().join("nodes").join(node).join("node.json");
        std::fs::write(path, config.to_string()).expect("node.json");
    }

    /// Nodes that do not run get other addresses, which only they know: when they run again they find
    /// each other, and neither they nor the rest of the domain find anybody else. People find all.
    pub fn cut_off(&self, nodes: &[&str]) {
        let moved: Vec<(&str, String)> = nodes.iter().map(|node| (*node, addresses().0)).collect();
        for (node, address) in &moved {
            self.change_node_file(node, |config| {
                let peers = config.get_mut("peers").and_then(Value::as_object_mut);
                for (name, peer) in peers.expect("peers") {
                    let known = moved.iter().find(|(node, _)| node == name);
                    // nobody ever listens there
                    *peer = known.map_or("127.0.0.1:1", |(_, address)| address).into();
                }
                *config.get_mut("peer").expect("an address") = address.as_str().into();
            });
        }
    }

    /// Puts a relay where each node listens for nodes, and the node elsewhere: whatever another one says
    /// to it, or hears of it, goes through there.
    pub fn relayed(&mut self) -> Vec<Relay> {
        FOUNDERS.iter().for_each(|node| self.kill(node));
        let relays = FOUNDERS.map(|node| {
            let ((was, _), (peer, _)) = (self.addresses(node), addresses());
            let elsewhere = peer.as_str().into();
            self.change_node_file(node, |config| {
                *config.get_mut("peer").expect("an address") = elsewhere;
            });
            Relay::between(&was, &peer)
        });
        FOUNDERS.iter().for_each(|node| self.start(node));
        relays.into()
    }

    /// A custodian of the trial answers what nodes ask; the file with the answers.
    pub fn answer(&self, custodian: &str, challenges: &str) -> String {
        let folder = self.dir().join("custodians");
        let key = folder.join(custodian).display().to_string();
        let passphrase = folder.join(format!("{custodian}.passphrase")).display().to_string();
        let answers = format!("{challenges}.answers");
        let verb = ["answer", challenges, "--key", &key, "--passphrase-file", &passphrase];
        recovery(&[&verb[..], &["--output", &answers]].concat()).ok();
        answers
    }

    /// The desk of a person or service of the founding.
    pub fn desk(&self, who: &str) -> Desk {
        let desk = self.desk_elsewhere(who);
        self.join(&desk);
        let mut keys =
            ["people", "services"].map(|folder| PathBuf::from(folder).join(who)).into_iter();
        let key = keys.find(|key| self.dir().join(key).exists()).expect("a founder has a key");
        let there = PathBuf::from(desk.path("quorate-domain")).join(&key);
        std::fs::create_dir_all(there.parent().expect("a folder")).expect("a folder");
        std::fs::copy(self.dir().join(key), there).expect("a copy");
        desk
    }

    /// The desk of somebody who knows nothing of the domain yet.
    pub fn desk_elsewhere(&self, who: &str) -> Desk {
        Desk::new(self.folder.path().join("desks").join(who))
    }

    /// The desk of a custodian, with the recovery key in `NAME.key`.
    pub fn desk_of_custodian(&self, who: &str) -> Desk {
        let key = self.dir().join("custodians").join(who);
        let passphrase = std::fs::read_to_string(key.with_extension("passphrase"));
        let home = self.folder.path().join("desks").join(who);
        let desk = Desk::with_passphrase(home, passphrase.expect("a passphrase"));
        std::fs::copy(key, desk.path(&format!("{who}.key"))).expect("a recovery key");
        desk
    }

    /// Makes a directory for the domain at a desk.
    pub fn join(&self, desk: &Desk) {
        let file = self.dir().join("genesis.cbor").display().to_string();
        let (genesis, dir) = (self.genesis(), desk.path("quorate-domain"));
        let apis = FOUNDERS.map(|node| format!("--api={node}={}", self.addresses(node).1));
        let join = ["genesis", "join", &file, "--genesis", &genesis, "--dir", &dir];
        quorate(&[&join[..], &apis.each_ref().map(String::as_str)].concat()).ok();
    }

    /// Runs a new machine in its node's seat.
    pub fn run_machine(&mut self, machine: &Machine) {
        self.run_with_arguments(machine, &[]);
    }

    /// Runs a machine that was admitted, for the first time.
    pub fn admit_machine(&mut self, machine: &Machine, charter: &str, admission: &str) {
        self.run_with_arguments(machine, &["--charter", charter, "--admission", admission]);
    }

    fn run_with_arguments(&mut self, machine: &Machine, arguments: &[&str]) {
        let log = OpenOptions::new().create(true).append(true).open(self.log_file(&machine.name));
        let mut command = Command::new(binary());
        command.args(["node", "run", &machine.name, "--verbose", "--dir"]).arg(machine.dir());
        command.args(["--passphrase-file", &machine.passphrase()]).args(arguments);
        for pair in machine.addresses_of_others(self) {
            command.args(["--at", &pair]);
        }
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        let process = command.stderr(log.expect("a log")).spawn().expect("the program starts");
        self.nodes.push(process);
    }

    /// Asks `status` until `good` holds of it. The test fails when that never happens, by the
    /// time limit of whoever runs it.
    pub fn until(&self, good: impl Fn(&Value) -> bool) -> Value {
        self.until_asked(&["status"], good)
    }

    /// The same at one node.
    pub fn until_at(&self, node: &str, good: impl Fn(&Value) -> bool) -> Value {
        self.until_asked(&["status", "--node", node], good)
    }

    fn until_asked(&self, status: &[&str], good: impl Fn(&Value) -> bool) -> Value {
        loop {
            let said = self.run(status);
            match said.lines.last() {
                Some(status) if said.code == 0 && good(status) => return status.clone(),
                _ => std::thread::sleep(std::time::Duration::from_millis(100)),
            }
        }
    }

    /// Ends everything that the trial started, and keeps the directory.
    pub fn down(&mut self) {
        for process in self.up.iter_mut().chain(&mut self.nodes) {
            signal("-CONT", process.id());
            signal("-TERM", process.id());
            let _ = process.wait();
        }
        self.up = None;
        self.nodes.clear();
    }

    /// The process of a node, as `domain.json` has it.
    pub fn pid(&self, node: &str) -> u32 {
        let file = std::fs::read(self.dir().join("domain.json")).expect("domain.json");
        let domain: Value = serde_json::from_slice(&file).expect("domain.json is JSON");
        let nodes = domain.get("nodes").and_then(Value::as_array).expect("nodes");
        let found = nodes.iter().find(|line| text(line, "name") == node).expect("the node");
        found.get("pid").and_then(Value::as_u64).and_then(|pid| pid.try_into().ok()).expect("a pid")
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        self.down();
    }
}

/// Starts `up` on a directory.
pub(crate) fn begin_up(dir: &Path) -> Child {
    let mut up = Command::new(binary());
    up.args(["up", "--json", "--dir"]).arg(dir).stdin(Stdio::null()).stdout(Stdio::piped());
    up.spawn().expect("the program starts")
}

/// The line that `up` prints once its domain serves.
pub(crate) fn announced(up: &mut Child) -> Value {
    let mut line = String::new();
    let stdout = up.stdout.take().expect("a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    let ready: Value =
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("`up` said {line:?}: {error}"));
    assert_eq!(ready.get("ready"), Some(&Value::Bool(true)));
    ready
}

/// Sends a signal to a process that this trial started.
pub(crate) fn signal(name: &str, pid: u32) {
    let sent = Command::new("kill").args([name, &pid.to_string()]).stderr(Stdio::null()).status();
    sent.expect("kill runs");
}

/// A text field.
pub(crate) fn text(value: &Value, field: &str) -> String {
    let found = value.get(field).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no text {field} in {value}")).to_owned()
}
