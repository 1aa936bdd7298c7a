//! Nodes that come back by themselves: a TPM, a token and a unit's credentials, and a domain whose
//! nodes each open by another one, through a power cut.

use crate::founding::{Ceremony, NODES};
use crate::harness::{Domain as Trial, command, fresh_dir, kill, message, quorate, until};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What unlocks the tokens: nothing that the program says may hold it.
pub const PIN: &str = "8264019357";

/// Files of a test in a folder.
pub trait Place {
    fn root(&self) -> &Path;

    fn at(&self, name: &str) -> String {
        self.root().join(name).to_str().unwrap().to_owned()
    }
}

/// Tokens in software.
pub struct SoftHsm(PathBuf);

impl Place for SoftHsm {
    fn root(&self) -> &Path {
        &self.0
    }
}

impl SoftHsm {
    /// With a token `vault`, its PIN and a wrong one; and another token of that name elsewhere.
    pub fn new(root: &Path) -> Self {
        let hsm = Self(root.join("hsm"));
        for tokens in ["elsewhere", "tokens"] {
            fs::create_dir_all(hsm.0.join(tokens)).unwrap();
            hsm.swap(tokens);
            let init = ["--init-token", "--free", "--label", "vault", "--so-pin", "12345678"];
            hsm.util(&[&init[..], &["--pin", PIN]].concat());
        }
        fs::write(hsm.at("pin"), format!("{PIN}\n")).unwrap();
        fs::write(hsm.at("wrong-pin"), "1234567890\n").unwrap();
        hsm
    }

    /// Takes the tokens of one folder out and puts those of another one in.
    pub fn swap(&self, tokens: &str) {
        let conf = format!("directories.tokendir = {}\nlog.level = ERROR\n", self.at(tokens));
        fs::write(self.at("conf"), conf).unwrap();
    }

    /// Lets a process find the tokens.
    pub fn give(&self, command: &mut Command) {
        command.env("SOFTHSM2_CONF", self.at("conf"));
    }

    /// An AES key that came from a file, so that it was readable once and is no key of this use.
    pub fn import_readable_key(&self, label: &str) {
        fs::write(self.at("key"), [7; 32]).unwrap();
        let key = self.at("key");
        let import = ["--import", &key, "--aes", "--token", "vault", "--pin", PIN];
        self.util(&[&import[..], &["--label", label, "--id", "a1"]].concat());
    }

    pub fn module(&self) -> String {
        let places = [
            "/usr/lib/softhsm/libsofthsm2.so",
            "/usr/lib64/pkcs11/libsofthsm2.so",
            "/usr/local/lib/softhsm/libsofthsm2.so",
        ];
        let there = places.into_iter().find(|path| Path::new(path).exists());
        there.unwrap_or_else(|| panic!("{MISSING} softhsm2")).to_owned()
    }

    fn util(&self, args: &[&str]) {
        let mut command = Command::new("softhsm2-util");
        self.give(&mut command);
        let output = command.args(args).output();
        let output = output.unwrap_or_else(|_| panic!("{MISSING} softhsm2"));
        assert!(output.status.success(), "{output:?}");
    }
}

/// The directory in which systemd puts what it hands to a unit.
pub struct Credentials(PathBuf);

impl Credentials {
    pub fn new(root: &Path) -> Self {
        let folder = root.join("credentials");
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub fn put(&self, name: &str, secret: &[u8]) {
        fs::write(self.0.join(name), secret).unwrap();
    }

    pub fn get(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.join(name)).unwrap()
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.0.join(name)).unwrap();
    }

    /// Starts a process as systemd would.
    pub fn give(&self, command: &mut Command) {
        command.env("CREDENTIALS_DIRECTORY", &self.0);
    }
}

/// A TPM in software, with a state of its own. It ends with this value.
#[cfg(feature = "tpm")]
pub struct Swtpm {
    state: PathBuf,
    port: u16,
    process: Child,
}

#[cfg(feature = "tpm")]
impl Swtpm {
    pub fn new(root: &Path, name: &str) -> Self {
        let state = root.join(name);
        fs::create_dir_all(&state).unwrap();
        Self::start(state)
    }

    /// Ends it at once and starts it again: what is not in its memory that lasts is gone.
    pub fn power_cut(self) -> Self {
        let state = self.state.clone();
        drop(self);
        Self::start(state)
    }

    /// Like another one: its seeds are gone.
    pub fn cleared(self) -> Self {
        let state = self.state.clone();
        drop(self);
        fs::remove_dir_all(&state).unwrap();
        fs::create_dir_all(&state).unwrap();
        Self::start(state)
    }

    /// What is in its memory that lasts.
    pub fn memory(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let files = fs::read_dir(&self.state).unwrap().map(|entry| entry.unwrap().path());
        let files = files.filter(|path| path.extension().is_some_and(|it| it == "permall"));
        files.map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
    }

    /// Ends it, and starts it with the memory of before.
    pub fn put_back(self, memory: &[(PathBuf, Vec<u8>)]) -> Self {
        assert!(!memory.is_empty());
        let state = self.state.clone();
        drop(self);
        memory.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
        Self::start(state)
    }

    pub fn name(&self) -> String {
        format!("swtpm:host=127.0.0.1,port={}", self.port)
    }

    /// The TPM listens at a port, and whoever steers it at the next one: two that are free together.
    fn start(state: PathBuf) -> Self {
        for port in
            (20_000_u16..30_000).step_by(2).cycle().skip(std::process::id() as usize % 4_999)
        {
            let free = |port| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
            if !free(port) || !free(port + 1) {
                continue;
            }
            let channel = |port| format!("type=tcp,port={port},bindaddr=127.0.0.1");
            let process = Command::new("swtpm")
                .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"])
                .arg("--tpmstate")
                .arg(format!("dir={}", state.display()))
                .args(["--server", &channel(port), "--ctrl", &channel(port + 1)])
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            let mut process = process.unwrap_or_else(|_| panic!("{MISSING} swtpm"));
            // Either it listens, or somebody else took the port.
            let listens = until(|| match process.try_wait().unwrap() {
                Some(_) => Some(false),
                None => std::net::TcpStream::connect(("127.0.0.1", port)).is_ok().then_some(true),
            });
            if listens {
                return Self { state, port, process };
            }
        }
        unreachable!("some port is free")
    }
}

#[cfg(feature = "tpm")]
impl Drop for Swtpm {
    fn drop(&mut self) {
        let _ = self.process.kill().and_then(|()| self.process.wait());
    }
}

const MISSING: &str = "not installed; `cargo xtask test --install` installs it: ";

/// What opens stores on the machines of a test.
struct Devices {
    hsm: SoftHsm,
    credentials: Credentials,
    #[cfg(feature = "tpm")]
    tpm: Option<Swtpm>,
}

impl Devices {
    fn new(root: &Path) -> Self {
        let credentials = Credentials::new(root);
        credentials.put("quorate-seal", &[0x5e; 32]);
        Self {
            hsm: SoftHsm::new(root),
            credentials,
            #[cfg(feature = "tpm")]
            tpm: Some(Swtpm::new(root, "tpm")),
        }
    }

    /// How a store is sealed, and what its start needs besides: the first of a domain, and the next.
    fn seal(&self, number: usize) -> (Vec<String>, Vec<String>) {
        let owned = |args: &[&str]| args.iter().map(|arg| (*arg).to_owned()).collect();
        match number {
            #[cfg(feature = "tpm")]
            0 => {
                let at = self.tpm.as_ref().unwrap().name();
                (owned(&["--seal", "tpm2"]), owned(&["--tpm", &at]))
            }
            1 => (owned(&["--seal", "systemd-credential"]), Vec::new()),
            _ => {
                let (module, pin) = (self.hsm.module(), self.hsm.at("pin"));
                let opening = owned(&["--module", &module, "--pin-file", &pin]);
                (owned(&["--seal", "pkcs11", "--token", "vault"]), opening)
            }
        }
    }

    fn give(&self, command: &mut Command) {
        self.hsm.give(command);
        self.credentials.give(command);
    }

    /// A TPM loses its power with the machine.
    #[cfg(feature = "tpm")]
    fn lose_power(&mut self) {
        self.tpm = self.tpm.take().map(Swtpm::power_cut);
    }

    #[cfg(not(feature = "tpm"))]
    fn lose_power(&mut self) {}
}

/// A domain of which every node is sealed by something else.
struct Domain {
    ceremony: Ceremony,
    devices: Devices,
    genesis: String,
}

impl Domain {
    /// How a node is sealed, and what its start needs besides. Somebody types for the last one.
    fn seal(&self, node: &str) -> (Vec<String>, Vec<String>) {
        match NODES.iter().position(|name| *name == node).unwrap() {
            number @ 0..=2 => self.devices.seal(number),
            _ => {
                let path = self.ceremony.path("phrase");
                fs::write(&path, "somebody types this\n").unwrap();
                (Vec::new(), vec!["--passphrase-file".to_owned(), path])
            }
        }
    }

    fn found() -> Self {
        let ceremony = Ceremony::new("unattended");
        let devices = Devices::new(&ceremony.root);
        let mut domain = Self { ceremony, devices, genesis: String::new() };
        let mut enrolments = Vec::new();
        for (node, (peer, api)) in NODES.iter().zip(&domain.ceremony.addresses) {
            let (sealing, opening) = domain.seal(node);
            let dir = domain.ceremony.path(&format!("at-{node}"));
            let mut args = vec!["--json", "node", "init", node, "--dir", &dir];
            args.extend(["--peer", peer, "--api", api]);
            args.extend((*node == "watch").then_some("--witness"));
            let made = domain.run(&args, &[sealing, opening].concat());
            enrolments.push(made["enrolment"].as_str().unwrap().to_owned());
        }
        let created = domain.ceremony.create(&enrolments, "2 of (ada, ben, cleo)").ok();
        created["genesis"].as_str().unwrap().clone_into(&mut domain.genesis);
        let (file, genesis) = (domain.ceremony.path("genesis"), domain.genesis.clone());
        let sign = ["--json", "genesis", "sign", &file, "--genesis", &genesis];
        for person in ["ada", "ben", "cleo"] {
            let key = domain.ceremony.path(person);
            quorate(&[&sign[..], &["--as", person, "--key", &key]].concat()).ok();
        }
        for node in NODES {
            let dir = domain.ceremony.path(&format!("at-{node}/nodes/{node}"));
            domain.run(&[&sign[..], &["--node-dir", &dir]].concat(), &domain.seal(node).1);
        }
        domain
    }

    /// Runs the program on a machine with all devices.
    fn run(&self, args: &[&str], more: &[String]) -> Value {
        let mut command = self.command(args, more);
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{args:?} {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn command(&self, args: &[&str], more: &[String]) -> Command {
        let mut command = command(args);
        self.devices.give(&mut command);
        command.args(more);
        command
    }

    /// Starts a node as its unit would: nothing is typed, there is no terminal.
    fn start(&self, node: &str, first: bool) -> Node {
        let dir = self.ceremony.path(&format!("at-{node}"));
        let mut args = vec!["--json", "node", "run", node, "--dir", &dir];
        let file = self.ceremony.path("genesis");
        let others = NODES.iter().zip(&self.ceremony.addresses).filter(|(name, _)| **name != node);
        let at: Vec<String> =
            others.map(|(name, (peer, _))| format!("--at={name}={peer}")).collect();
        if first {
            args.extend(["--genesis-file", &file, "--genesis", &self.genesis]);
            args.extend(at.iter().map(String::as_str));
        }
        let log = self.ceremony.path(&format!("{node}.log"));
        Node::start(self.command(&args, &self.seal(node).1), &log)
    }

    fn log(&self, node: &str) -> String {
        fs::read_to_string(self.ceremony.path(&format!("{node}.log"))).unwrap()
    }
}

/// A node that runs until it is killed, or the test ends.
struct Node(Child);

impl Node {
    /// Waits until it runs. What it says besides is in the log.
    fn start(mut command: Command, log: &str) -> Self {
        let file = fs::File::create(log).unwrap();
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "{}", fs::read_to_string(log).unwrap());
        Self(child)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// STO-14 to STO-17, API-13: a power cut ends every node at once, and they come back by themselves.
#[test]
fn nodes_whose_stores_open_by_themselves_come_back_after_a_power_cut() {
    let mut domain = Domain::found();
    let mut nodes: Vec<Node> = NODES.iter().map(|node| domain.start(node, true)).collect();
    let desk = join(&domain);
    let seal = |node: &str| {
        let status = quorate(&["--json", "status", "--node", node, "--dir", &desk]).ok();
        (status["seal"].as_str().unwrap().to_owned(), status["attended"].as_bool().unwrap())
    };
    let leased = |node: &str| {
        let args = ["--json", "status", "--node", node, "--dir", &desk];
        let status = quorate(&args);
        (status.code == Some(0) && status.ok()["leased"] == true).then_some(())
    };
    for node in NODES {
        until(|| leased(node));
    }
    let seals = [("systemd-credential", false), ("pkcs11", false), ("passphrase", true)];
    assert_eq!(
        NODES[1..].iter().map(|node| seal(node)).collect::<Vec<_>>(),
        seals.map(|(seal, attended)| (seal.to_owned(), attended))
    );
    for round in 0..2 {
        for node in &mut nodes {
            kill(node.0.id());
            node.0.wait().unwrap();
        }
        domain.devices.lose_power();
        nodes = NODES.iter().map(|node| domain.start(node, false)).collect();
        for node in NODES {
            until(|| leased(node));
            let log = domain.log(node);
            assert!(!log.contains(PIN) && !log.contains("somebody types this"));
            let is_attended = domain.seal(node).0.is_empty();
            assert_eq!(log.contains("cannot start again by itself"), is_attended, "{round} {log}");
        }
    }
    drop(nodes);

    // Without what opens it, it stays down and says why.
    domain.devices.credentials.remove("quorate-seal");
    let dir = domain.ceremony.path("at-south");
    let mut command = domain.command(&["--json", "node", "run", "south", "--dir", &dir], &[]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!((output.status.code(), &error["error"]["code"]), (Some(2), &"no_credential".into()));
    fs::remove_dir_all(&domain.ceremony.root).unwrap();
}

/// STO-14: keys come back with their nodes. All power is cut at once, twice; nobody types anything,
/// no passphrase is left on any disk, and the domain signs again.
#[test]
fn a_domain_whose_stores_open_by_themselves_signs_again_after_a_power_cut() {
    let mut domain = Trial::up("power");
    let signed = |domain: &Trial, text: &str| {
        let request = domain.created("ops", &message(text), "wallet-service");
        let ended = domain.wait(&request).ok();
        assert_eq!(ended["state"], "signed", "{ended}");
    };
    signed(&domain, "as it was founded");
    domain.stop();
    let root = fresh_dir("power");
    let mut devices = Devices::new(&root);
    let nodes = ["node-1", "node-2", "node-3", "witness"];
    let run = |devices: &Devices, verb: &str, node: &str, args: &[String]| {
        let mut command = command(&["--json", "node", verb, node, "--dir", domain.dir()]);
        devices.give(&mut command);
        command.args(args);
        command
    };
    for (number, node) in nodes.iter().enumerate() {
        let (sealing, opening) = devices.seal(number);
        let phrase = domain.dir.join("nodes").join(node).join("passphrase");
        let mut reseal = run(&devices, "reseal", node, &[sealing, opening].concat());
        let output = reseal.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(!phrase.exists());
    }
    for round in ["sealed anew", "after one power cut", "after another"] {
        let start = |(number, node): (usize, &&str)| {
            let log = root.join(format!("{node}.log"));
            let command = run(&devices, "run", node, &devices.seal(number).1);
            Node::start(command, log.to_str().unwrap())
        };
        let running: Vec<Node> = nodes.iter().enumerate().map(start).collect();
        until(|| {
            let status = domain.run(&["status"]);
            (status.code == Some(0) && status.ok()["leased"] == true).then_some(())
        });
        signed(&domain, round);
        for node in &running {
            kill(node.0.id());
        }
        drop(running);
        devices.lose_power();
    }
    fs::remove_dir_all(root).unwrap();
}

/// A person's own directory, with a key that may read.
fn join(domain: &Domain) -> String {
    let desk = domain.ceremony.path("desk");
    let file = domain.ceremony.path("genesis");
    let mut args = vec!["--json".to_owned(), "genesis".into(), "join".into(), file];
    args.extend(["--genesis".to_owned(), domain.genesis.clone(), "--dir".into(), desk.clone()]);
    for (node, (_, api)) in NODES.iter().zip(&domain.ceremony.addresses) {
        args.extend(["--api".to_owned(), format!("{node}={api}")]);
    }
    quorate(&args.iter().map(String::as_str).collect::<Vec<_>>()).ok();
    let key = PathBuf::from(&desk).join("people/auditor");
    fs::copy(domain.ceremony.path("auditor"), key).unwrap();
    desk
}
