//! Runs the program and reads what it says.

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// One ether to a listed address: passes.
pub const SMALL: &str = "0x02f1827a6980843b9aca0084773594008252089470997970c51812dc3a010c7d01b50e0d17dc79c8880de0b6b3a764000080c0";
/// Five ether elsewhere: needs both approvers.
pub const LARGE: &str = "0x02f1827a6980843b9aca008477359400825208943c44cdddb6a900fa2b585dd299e03d12fa4293bc884563918244f4000080c0";

/// A domain that all tests share which take nothing away from it.
pub fn shared() -> &'static Domain {
    static SHARED: LazyLock<Domain> = LazyLock::new(|| Domain::up("shared"));
    &SHARED
}

/// What a run of the program left.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the program to its end, with this on its standard input.
pub fn quorate_with(input: &str, args: &[&str]) -> Run {
    let mut child = command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs the program to its end.
pub fn quorate(args: &[&str]) -> Run {
    quorate_with("", args)
}

pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    command.args(args).env_remove("SSH_AUTH_SOCK");
    command
}

impl Run {
    /// The one object of a run that was done.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(self.stdout.lines().last().unwrap_or_default()).unwrap()
    }

    /// All objects of a run that was done.
    #[track_caller]
    pub fn lines(&self) -> Vec<Value> {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The error of a run that ended with this status; its form is checked.
    #[track_caller]
    pub fn refused(&self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        let line = self.stderr.lines().last().unwrap_or_default();
        let error: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{self:?}"));
        let error = &error["error"];
        for field in ["message", "next"] {
            assert!(error[field].as_str().is_some_and(|text| !text.is_empty()), "{self:?}");
        }
        assert!(["peer", "caller", "machine"].contains(&error["fault"].as_str().unwrap()));
        error["code"].as_str().unwrap().to_owned()
    }

    /// The message of the error.
    pub fn message(&self) -> String {
        let line = self.stderr.lines().last().unwrap_or_default();
        let error: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{self:?}"));
        error["error"]["message"].as_str().unwrap().to_owned()
    }
}

/// An empty directory of this test run.
pub fn fresh_dir(name: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = root.join(format!("{name}-{}-{number}", std::process::id()));
    fs::create_dir_all(&path).unwrap();
    path
}

/// A domain that `up` runs; it ends with the test process, however that ends.
pub struct Domain {
    pub dir: PathBuf,
    pub ready: Value,
    up: Option<(Child, ChildStdin)>,
}

impl Domain {
    /// Founds one.
    pub fn up(name: &str) -> Self {
        let dir = fresh_dir(name).join("D");
        let mut domain = Self { dir, ready: Value::Null, up: None };
        domain.start();
        domain
    }

    /// Starts `up` on the directory and waits for its one line.
    pub fn start(&mut self) {
        let mut child = command(&["up", "--json", "--supervised", "--dir", self.dir()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let stdin = child.stdin.take().unwrap();
        self.up = Some((child, stdin));
        self.ready = serde_json::from_str(&line).unwrap();
    }

    pub fn dir(&self) -> &str {
        self.dir.to_str().unwrap()
    }

    /// The process of `up`.
    pub fn pid(&self) -> u32 {
        self.up.as_ref().unwrap().0.id()
    }

    /// Asks `up` to end, and waits.
    pub fn stop(&mut self) -> Option<i32> {
        let (mut child, stdin) = self.up.take()?;
        terminate(child.id());
        let status = child.wait().unwrap();
        drop(stdin);
        status.code()
    }

    /// Ends `up` and every node as a power cut would.
    pub fn kill_everything(&mut self) {
        let (mut child, stdin) = self.up.take().unwrap();
        // The nodes first: they would end in good order once their parent is gone.
        for pid in self.pids() {
            kill(pid);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        drop(stdin);
    }

    /// Processes of the nodes, as domain.json says.
    pub fn pids(&self) -> Vec<u32> {
        let nodes = self.domain_file()["nodes"].as_array().unwrap().clone();
        nodes.iter().map(|node| u32::try_from(node["pid"].as_u64().unwrap()).unwrap()).collect()
    }

    /// The process of one node.
    pub fn node_pid(&self, name: &str) -> u32 {
        let file = self.domain_file();
        let nodes = file["nodes"].as_array().unwrap();
        let node = nodes.iter().find(|node| node["name"] == name).unwrap();
        u32::try_from(node["pid"].as_u64().unwrap()).unwrap()
    }

    pub fn domain_file(&self) -> Value {
        let bytes = fs::read(self.dir.join("domain.json")).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    pub fn genesis(&self) -> String {
        self.domain_file()["genesis"].as_str().unwrap().to_owned()
    }

    /// Runs a command on this domain.
    pub fn run(&self, args: &[&str]) -> Run {
        self.run_with("", args)
    }

    pub fn run_with(&self, input: &str, args: &[&str]) -> Run {
        let mut all = vec!["--json"];
        all.extend_from_slice(args);
        all.extend_from_slice(&["--dir", self.dir()]);
        quorate_with(input, &all)
    }

    /// Files a request.
    pub fn create(&self, key: &str, intent: &Value, who: &str) -> Run {
        let args = ["request", "create", "--key", key, "--intent", "-", "--as", who];
        self.run_with(&intent.to_string(), &args)
    }

    /// Files a request and returns it.
    #[track_caller]
    pub fn created(&self, key: &str, intent: &Value, who: &str) -> Value {
        self.create(key, intent, who).ok()
    }

    /// Waits for the end of a request.
    pub fn wait(&self, request: &Value) -> Run {
        self.run(&["request", "wait", id(request), "--timeout", "60"])
    }

    /// Shows a request until it waits for somebody.
    #[track_caller]
    pub fn waiting(&self, request: &Value) -> Value {
        until(|| {
            let view = self.run(&["request", "show", id(request)]).ok();
            let waits = !view["waiting_for"].as_array().unwrap().is_empty();
            waits.then_some(view)
        })
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        self.stop();
        // Left where it is if a process still ends.
        let _ = fs::remove_dir_all(self.dir.parent().unwrap());
    }
}

/// The id of a request.
pub fn id(request: &Value) -> &str {
    request["request"].as_str().unwrap()
}

pub fn ether(unsigned: &str) -> Value {
    serde_json::json!({ "kind": "evm.transaction", "chain_id": 31337, "unsigned": unsigned })
}

pub fn message(text: &str) -> Value {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    serde_json::json!({ "kind": "message", "message": format!("0x{hex}") })
}

/// Waits for something that is sure to come; gives up only after very long.
#[track_caller]
pub fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it never came");
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub fn terminate(pid: u32) {
    signal(pid, "-TERM");
}

pub fn kill(pid: u32) {
    signal(pid, "-KILL");
    // Its files are closed when its last thread is gone.
    let threads = format!("/proc/{pid}/task");
    while is_alive(pid) || fs::read_dir(&threads).is_ok_and(|left| left.count() > 1) {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

fn signal(pid: u32, signal: &str) {
    // It may have ended already.
    let _ = Command::new("kill").args([signal, &pid.to_string()]).stderr(Stdio::null()).status();
}

/// Whether a process runs.
pub fn is_alive(pid: u32) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A process that ended but was not waited for yet is a zombie.
    !state.is_empty() && !state.rsplit(')').next().unwrap_or_default().trim().starts_with('Z')
}
