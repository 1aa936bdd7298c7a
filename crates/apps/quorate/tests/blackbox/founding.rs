//! Founding for real: each operator with a directory and passphrase of its own.

use crate::dry_runs::would;
use crate::harness::{Run, command, fresh_dir, quorate, until};
use quorate_backup::possession::Challenges;
use quorate_backup::{Opener, RecoveryKeyLine, SoftKey, SoftKind};
use quorate_codec::{from_bytes, to_bytes};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub const NODES: [&str; 4] = ["north", "south", "east", "watch"];
const CUSTODIANS: [&str; 3] = ["greta", "hugo", "iris"];

/// What a custodian holds, on a machine of its own.
fn recovery_key(custodian: &str) -> SoftKey {
    let mut seed = [7; 32];
    seed[..custodian.len()].copy_from_slice(custodian.as_bytes());
    SoftKey::from_seed(SoftKind::P256, &seed)
}

/// People with their keys, and free addresses for nodes.
pub struct Ceremony {
    pub root: PathBuf,
    pub addresses: Vec<(String, String)>,
}

impl Ceremony {
    pub fn new(name: &str) -> Self {
        let root = fresh_dir(name);
        let held: Vec<TcpListener> =
            (0..8).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let ports: Vec<String> =
            held.iter().map(|it| it.local_addr().unwrap().to_string()).collect();
        let addresses = ports.chunks(2).map(|it| (it[0].clone(), it[1].clone())).collect();
        let this = Self { root, addresses };
        let people = ["ada", "ben", "cleo", "alice", "bob", "auditor", "wallet", "gabi", "hans"];
        for person in people {
            let path = this.path(person);
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", person, "-f", &path])
                .status()
                .unwrap();
            assert!(made.success());
        }
        for custodian in CUSTODIANS {
            let line = RecoveryKeyLine {
                name: custodian.parse().unwrap(),
                key: recovery_key(custodian).public().clone(),
            };
            fs::write(this.path(&format!("{custodian}.pub")), format!("{line}\n")).unwrap();
        }
        this
    }

    pub fn path(&self, name: &str) -> String {
        self.root.join(name).to_str().unwrap().to_owned()
    }

    fn passphrase(&self, node: &str) -> String {
        let path = self.path(&format!("{node}.passphrase"));
        fs::write(&path, format!("{node} keeps its own secret\n")).unwrap();
        path
    }

    fn init(&self, node: &str, (peer, api): &(String, String)) -> Value {
        let (dir, passphrase) = (self.path(&format!("at-{node}")), self.passphrase(node));
        let mut args = vec![
            "--json",
            "node",
            "init",
            node,
            "--dir",
            &dir,
            "--peer",
            peer,
            "--api",
            api,
            "--passphrase-file",
            &passphrase,
        ];
        if node == "watch" {
            args.push("--witness");
        }
        quorate(&args).ok()
    }

    pub fn create(&self, enrolments: &[String], rule: &str) -> Run {
        self.create_with(enrolments, rule, &[])
    }

    fn create_with(&self, enrolments: &[String], rule: &str, more: &[&str]) -> Run {
        let key = |name: &str| format!("{name}={}", self.path(&format!("{name}.pub")));
        let mut args: Vec<String> =
            ["--json", "genesis", "create", "--domain", "harbour"].map(str::to_owned).into();
        for enrolment in enrolments {
            args.extend(["--node".to_owned(), enrolment.clone()]);
        }
        for administrator in ["ada", "ben", "cleo"] {
            args.extend(["--administrator".to_owned(), key(administrator)]);
        }
        for approver in ["alice", "bob"] {
            args.extend(["--approver".to_owned(), key(approver)]);
        }
        args.extend(["--auditor".to_owned(), key("auditor")]);
        for custodian in CUSTODIANS {
            args.extend(["--custodian".to_owned(), self.path(&format!("{custodian}.pub"))]);
        }
        args.extend(["--service".to_owned(), key("wallet")]);
        args.extend(["--rule", rule, "-o", &self.path("genesis")].map(str::to_owned));
        args.extend(more.iter().map(|it| (*it).to_owned()));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        quorate(&args)
    }

    fn run(&self, at: usize, genesis: &str) -> Child {
        let node = NODES[at];
        let dir = self.path(&format!("at-{node}"));
        let (file, passphrase) = (self.path("genesis"), self.passphrase(node));
        let others = NODES.iter().zip(&self.addresses).filter(|(name, _)| **name != node);
        let others: Vec<String> =
            others.map(|(name, (peer, _))| format!("--at={name}={peer}")).collect();
        let mut args = vec![
            "--json",
            "node",
            "run",
            node,
            "--dir",
            &dir,
            "--genesis-file",
            &file,
            "--genesis",
            genesis,
            "--passphrase-file",
            &passphrase,
        ];
        args.extend(others.iter().map(String::as_str));
        let mut child =
            command(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains(node), "{line}");
        child
    }
}

#[test]
fn a_domain_is_founded_by_people_and_nodes_that_each_sign_for_themselves() {
    let ceremony = Ceremony::new("founding");
    let made: Vec<Value> =
        NODES.iter().zip(&ceremony.addresses).map(|(node, at)| ceremony.init(node, at)).collect();
    assert!(made.iter().all(|it| it["words"].as_str().unwrap().split(' ').count() == 12));
    let again = quorate(&[
        "--json",
        "node",
        "init",
        "north",
        "--dir",
        &ceremony.path("at-north"),
        "--passphrase-file",
        &ceremony.passphrase("north"),
    ]);
    assert_eq!(again.refused(2), "store_exists");
    let enrolments: Vec<String> =
        made.iter().map(|it| it["enrolment"].as_str().unwrap().to_owned()).collect();

    // One person alone may not hold the domain; nobody stands in it twice.
    assert_eq!(ceremony.create(&enrolments, "any of (ada, ben)").refused(2), "bad_genesis");
    let twice = [enrolments.clone(), vec![enrolments[0].clone()]].concat();
    assert_eq!(ceremony.create(&twice, "2 of (ada, ben, cleo)").refused(2), "bad_genesis");
    let guardians =
        ["gabi", "hans"].map(|who| format!("{who}={}", ceremony.path(&format!("{who}.pub"))));
    let [gabi, hans] = guardians.each_ref().map(String::as_str);
    let recovery = ["--guardian", gabi, "--guardian", hans, "--recovery", "all of (gabi, hans)"];
    let create = |more: &[&str]| {
        ceremony.create_with(&enrolments, "2 of (ada, ben, cleo)", &[&recovery, more].concat())
    };
    let file = ceremony.path("genesis");
    let shown = would(&create(&["--dry-run"]));
    assert!(shown.contains("administrators are brought back by all of (gabi, hans)"), "{shown}");
    assert!(!Path::new(&file).exists());
    let created = create(&[]).ok();
    let genesis = created["genesis"].as_str().unwrap();
    assert_eq!(created["faults"], 1);
    assert_eq!(created["complete"], false);
    assert_eq!(created["rules"]["recovery"]["tree"], "all of (gabi, hans)");

    let sign = |who: &str, key: &str, hash: &str| {
        quorate(&["--json", "genesis", "sign", &file, "--as", who, "--key", key, "--genesis", hash])
    };
    let other = format!("0x{}", "33".repeat(32));
    assert_eq!(sign("ada", &ceremony.path("ada"), &other).refused(2), "genesis_mismatch");
    assert_eq!(sign("ada", &ceremony.path("ben"), genesis).refused(2), "wrong_key");
    let unsigned = fs::read(&file).unwrap();
    let (key, ada) = (ceremony.path("ada"), ["--as", "ada", "--genesis", genesis]);
    let dry = ["--json", "--dry-run", "genesis", "sign", &file, "--key", &key];
    assert!(would(&quorate(&[&dry[..], &ada].concat())).contains(genesis));
    assert_eq!(fs::read(&file).unwrap(), unsigned);
    // Copies are signed apart and put together.
    fs::copy(&file, ceremony.path("copy")).unwrap();
    for administrator in ["ada", "ben"] {
        sign(administrator, &ceremony.path(administrator), genesis).ok();
    }
    let copy = ceremony.path("copy");
    quorate(&[
        "--json",
        "genesis",
        "sign",
        &copy,
        "--as",
        "cleo",
        "--key",
        &ceremony.path("cleo"),
        "--genesis",
        genesis,
    ])
    .ok();
    for node in NODES {
        let dir = ceremony.path(&format!("at-{node}/nodes/{node}"));
        quorate(&[
            "--json",
            "genesis",
            "sign",
            &copy,
            "--node-dir",
            &dir,
            "--genesis",
            genesis,
            "--passphrase-file",
            &ceremony.passphrase(node),
        ])
        .ok();
    }
    unfinished(&file, &created);
    // Nobody starts before everybody signed, and nobody joins without comparing.
    let start = |hash: Option<&str>| {
        let dir = ceremony.path("at-north");
        let passphrase = ceremony.passphrase("north");
        let mut args = vec![
            "--json",
            "node",
            "run",
            "north",
            "--dir",
            &dir,
            "--genesis-file",
            &file,
            "--passphrase-file",
            &passphrase,
        ];
        args.extend(hash.iter().flat_map(|hash| ["--genesis", hash]));
        quorate(&args)
    };
    assert_eq!(start(Some(genesis)).refused(5), "bad_genesis");
    assert_eq!(start(None).refused(2), "genesis_needed");
    let merged = quorate(&["--json", "genesis", "merge", &file, "--from", &copy]).ok();
    assert_eq!(merged["complete"], true);
    finished(&ceremony, &file, &copy);

    let mut nodes = Nodes((0..NODES.len()).map(|at| ceremony.run(at, genesis)).collect());
    let dir = join(&ceremony, genesis);
    serve(&dir);
    for mut node in nodes.0.drain(..) {
        crate::harness::terminate(node.id());
        assert_eq!(node.wait().unwrap().code(), Some(0));
    }
    // Only shown: the store opens as before, once more.
    let (home, secret) = (ceremony.path("at-north"), ceremony.passphrase("north"));
    let reseal = ["--json", "--dry-run", "node", "reseal", "north", "--dir", &home];
    let by = ["--passphrase-file", &secret, "--new-passphrase-file", &file];
    for _ in 0..2 {
        assert!(would(&quorate(&[&reseal[..], &by].concat())).contains("passphrase opens it now"));
    }
    fs::remove_dir_all(&ceremony.root).unwrap();
}

/// The transcript of a ceremony says who and what is founded, who signed, and what lacks.
fn unfinished(file: &str, created: &Value) {
    let shown = quorate(&["genesis", "transcript", file]).stdout;
    let named = |list: &str, fields: &[&str]| {
        for it in created[list].as_array().unwrap() {
            for field in fields {
                assert!(shown.contains(it[field].as_str().unwrap()), "{field} of {it} in {shown}");
            }
        }
    };
    named("nodes", &["name", "role", "fingerprint", "words"]);
    named("people", &["name", "fingerprint"]);
    named("services", &["name", "fingerprint"]);
    named("custodians", &["name", "fingerprint", "words"]);
    for text in [
        created["genesis"].as_str().unwrap(),
        created["words"].as_str().unwrap(),
        concat!("by quorate ", env!("CARGO_PKG_VERSION")),
        "it is for production",
        "everything else needs 2 of (ada, ben, cleo)",
        "administrator",
        "signed by the administrators ada, ben\n",
        "countersigned by the nodes nobody yet\n",
        "NOT complete",
    ] {
        assert!(shown.contains(text), "{text:?} in {shown}");
    }
    let lacking = shown.lines().last().unwrap();
    assert!(["cleo", "north", "south", "east", "watch"].iter().all(|it| lacking.contains(it)));
    assert!(!lacking.contains("ada"), "{lacking}");
    let said = quorate(&["--json", "genesis", "transcript", file]).ok();
    assert_eq!((&said["founds"], &said["signed"]["nodes"]), (&false.into(), &Value::Array(vec![])));
}

/// Whoever has all signatures has the same transcript, byte for byte, from whichever copy.
fn finished(ceremony: &Ceremony, file: &str, copy: &str) {
    quorate(&["--json", "genesis", "merge", copy, "--from", file]).ok();
    let transcripts = [file, copy].map(|from| {
        let to = ceremony.path("transcript");
        let args = ["--json", "genesis", "transcript", from, "-o", &to];
        assert_eq!(quorate(&args).ok()["founds"], true);
        let written = fs::read_to_string(&to).unwrap();
        assert_eq!(written, quorate(&["genesis", "transcript", from]).stdout);
        written
    });
    assert_eq!(transcripts[0], transcripts[1]);
    let last = transcripts[0].lines().last().unwrap();
    assert!(last.starts_with("complete: every founder signed"), "{last}");
}

/// Nodes that run until the test ends, however it ends.
struct Nodes(Vec<Child>);

impl Drop for Nodes {
    fn drop(&mut self) {
        for node in &mut self.0 {
            let _ = node.kill().and_then(|()| node.wait());
        }
    }
}

/// A directory of a person's own machine.
fn join(ceremony: &Ceremony, genesis: &str) -> PathBuf {
    let dir = ceremony.root.join("desk");
    let mut args = vec![
        "--json".to_owned(),
        "genesis".into(),
        "join".into(),
        ceremony.path("genesis"),
        "--genesis".into(),
        genesis.into(),
        "--dir".into(),
        dir.to_str().unwrap().into(),
    ];
    for (node, (_, api)) in NODES.iter().zip(&ceremony.addresses) {
        args.extend(["--api".to_owned(), format!("{node}={api}")]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    assert_eq!(quorate(&args).ok()["domain"], "harbour");
    for (folder, name, key) in [
        ("people", "ada", "ada"),
        ("people", "ben", "ben"),
        ("people", "auditor", "auditor"),
        ("services", "wallet", "wallet"),
    ] {
        let to = dir.join(folder).join(name);
        fs::copy(ceremony.path(key), &to).unwrap();
    }
    dir
}

fn custodians_show(dir: &Path, run: &dyn Fn(&[&str]) -> Run) {
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let listed = run(&["custodian", "list"]).ok();
    assert_eq!(listed["seats"], "2 of (greta, hugo, iris)");
    for custodian in CUSTODIANS {
        let (asked, answered) = (path("challenges"), path("answers"));
        let made = run(&["custodian", "challenges", custodian, "-o", &asked]).ok();
        assert_eq!(made["nodes"].as_array().unwrap().len(), 4);
        let challenges: Challenges = from_bytes(&fs::read(&asked).unwrap()).unwrap();
        // Whoever holds another key answers nothing.
        let other = recovery_key(if custodian == "greta" { "hugo" } else { "greta" });
        assert!(challenges.answer(&other).unwrap().is_none());
        let answers = challenges.answer(&recovery_key(custodian)).unwrap().unwrap();
        fs::write(&answered, to_bytes(&answers)).unwrap();
        let told = run(&["custodian", "answer", &answered, "--as", "ada"]).ok();
        assert_eq!(told["taken"].as_array().unwrap().len(), 4, "{told}");
    }
    let unknown = run(&["custodian", "challenges", "karl", "-o", &path("challenges")]);
    assert_eq!(unknown.refused(2), "unknown_custodian");
    assert_eq!(
        run(&["custodian", "answer", &path("answers"), "--as", "auditor"]).refused(2),
        "forbidden"
    );
    let bad = run(&["custodian", "answer", &path("challenges"), "--as", "ada"]);
    assert_eq!(bad.refused(2), "bad_answers");
    let listed = run(&["custodian", "list"]).ok();
    for custodian in listed["custodians"].as_array().unwrap() {
        assert_eq!(custodian["not_shown_to"].as_array().unwrap().len(), 0, "{custodian}");
    }
}

fn serve(dir: &Path) {
    let run = |args: &[&str]| {
        let mut all = vec!["--json"];
        all.extend_from_slice(args);
        all.extend_from_slice(&["--dir", dir.to_str().unwrap()]);
        quorate(&all)
    };
    until(|| {
        let status = run(&["status"]);
        (status.code == Some(0) && status.ok()["leased"] == true).then_some(())
    });
    let motion = run(&[
        "key",
        "create",
        "seal",
        "--scheme",
        "ed25519",
        "--access",
        "2 of (north, south, east)",
        "--as",
        "ada",
    ]);
    let motion = motion.ok();
    // No key is made before every custodian has shown every node that it can restore it.
    custodians_show(dir, &run);
    run(&["charter", "sign", motion["motion"].as_str().unwrap(), "--as", "ben"]).ok();
    let key = until(|| {
        let key = run(&["key", "show", "seal"]);
        (key.code == Some(0)).then(|| key.ok()).filter(|key| key["state"] == "active")
    });
    assert_eq!(key["scheme"], "ed25519");
    // A stolen directory signs nothing without the enrolled key.
    fs::copy(dir.join("people/ben"), dir.join("people/cleo")).unwrap();
    assert_eq!(run(&["status", "--as", "cleo"]).refused(2), "wrong_key");
    // Production is not called anything else.
    let plain = quorate(&["status", "--dir", dir.to_str().unwrap()]);
    assert_eq!((plain.code, plain.stderr.as_str()), (Some(0), ""));
    assert!(plain.stdout.starts_with("domain harbour at position"), "{plain:?}");
    assert_eq!(run(&["status"]).ok()["staging"], false);
    let up = run(&["up"]);
    assert_eq!(up.refused(2), "not_a_trial");
}
