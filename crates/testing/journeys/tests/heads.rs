//! Nobody signs under a charter that has moved on: not a node that was frozen, not one restored from
//! an old copy, not a minority that is cut off; and of two motions at once one takes effect
//! everywhere.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed, which is what it is for"
)]

mod intents;

use intents::{message, payment};
use quorate_journeys::{Machine, Said, Trial, addresses, quorate};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Writes the policy in force to a folder, changed.
fn other_policy(
    trial: &Trial,
    folder: &str,
    change: impl Fn(&str) -> String,
    cases: impl Fn(&str) -> String,
) -> String {
    let shown = trial.run(&["policy", "show"]).ok().clone();
    let path = trial.file(folder);
    fs::create_dir(&path).unwrap();
    let put = |file: &str, text: &str| fs::write(Path::new(&path).join(file), text).unwrap();
    put("policy.cedar", &change(shown["cedar"].as_str().unwrap()));
    for (file, field) in [("limits.json", "limits"), ("lists.json", "lists")] {
        put(file, shown[field].as_str().unwrap());
    }
    put("cases.json", &cases(shown["cases"].as_str().unwrap()));
    path
}

/// The policy in force, but that nothing of a kind is signed any more.
fn forbidding(trial: &Trial, folder: &str, kind: &str) -> String {
    let hush = format!(
        r#"
@id("hush")
@reason("nobody signs such things any more")
forbid(principal, action == Action::"{kind}", resource);
"#
    );
    let others = |cases: &str| {
        let cases: Vec<Value> = serde_json::from_str(cases).unwrap();
        let is_other =
            |case: &&Value| ["intent", "facts"].iter().all(|it| case[it]["kind"] != kind);
        let others: Vec<&Value> = cases.iter().filter(is_other).collect();
        json!(others).to_string()
    };
    other_policy(trial, folder, |cedar| format!("{cedar}{hush}"), others)
}

fn own(trial: &Trial, node: &str) -> Value {
    trial.run(&["status", "--node", node]).ok().clone()
}

/// N-72: two of five nodes are kept on an old head, whose policy allows what they are asked for; they
/// are a quorum of the key. Once their leases are over they sign nothing under it.
#[test]
fn neg_072_nodes_that_are_kept_on_an_old_head_sign_nothing_under_it() {
    let mut trial = Trial::founded();
    let at = addresses();
    let machine = Machine::new(&trial, "node-5", &at);
    let enrolment = machine.enrolment();
    trial.enact(&["node", "admit", &enrolment, "--votes", "--faults", "0"]);
    trial.enact(&["rule", "times", "--lease", "5s"]);
    let admission = trial.run(&["node", "admission", "node-5"]).ok()["admission"].clone();
    let charter = trial.file("charter");
    trial.run(&["charter", "log", "--output", &charter]).ok();
    trial.admit_machine(&machine, &charter, admission.as_str().unwrap());
    trial.run(&["node", "at", "node-5", "--api", &at.1]).ok();
    trial.until_at("node-5", |status| status["leased"] == true);
    let desk = trial.desk("wallet-service");
    let asked = |node: &str, verb: &[&str]| {
        desk.run(&[verb, &["--node", node, "--as", "wallet-service"]].concat())
    };
    let own = |node: &str| asked(node, &["status"]).ok().clone();

    // The two, and one who only vouches for their head, are enough.
    trial.kill_started();
    trial.kill("node-1");
    trial.signed(&trial.request("ops", &message("by two and a witness"), "wallet-service"));
    // Somebody keeps them from the others, who go on without them.
    trial.kill("witness");
    trial.cut_off(&["node-1", "witness"]);
    trial.start("node-1");
    trial.start("witness");
    trial.run_machine(&machine);
    trial.until_at("node-1", |status| status["leased"] == true);
    let old = own("node-2")["head"].clone();
    let policy = forbidding(&trial, "hush", "message");
    trial.enact(&["policy", "propose", &policy]);
    let new = own("node-1")["head"].clone();
    let cut_off = ["node-2", "node-3"];
    while cut_off.iter().any(|node| own(node)["leased"] == true) {
        sleep(Duration::from_millis(100));
    }

    let intent = desk.path("intent.json");
    fs::write(&intent, message("as before").to_string()).unwrap();
    let create = ["request", "create", "--key", "ops", "--intent", &intent];
    let request = asked("node-2", &create).ok()["request"].clone();
    let id = request.as_str().unwrap();
    // Both know of it, and would.
    while asked("node-3", &["request", "show", id]).code != 0 {
        sleep(Duration::from_millis(100));
    }
    for node in cut_off {
        asked(node, &["request", "wait", id, "--timeout", "3"]).error(4);
        let status = own(node);
        assert_eq!((&status["leased"], &status["head"]), (&json!(false), &old), "{status}");
        let nodes = status["nodes"].as_array().unwrap().iter();
        let mut alive = nodes.filter(|node| node["alive"] == true);
        assert!(alive.all(|node| cut_off.iter().any(|it| node["name"] == *it)), "{status}");
    }
    assert_ne!(old, new);
    // The one signer who heard of the change says no.
    let asked = trial.request("ops", &message("as before"), "wallet-service");
    trial.until(|_| {
        let show = ["request", "show", asked["request"].as_str().unwrap(), "--node", "node-1"];
        let decisions = trial.run(&show).ok()["decisions"].clone();
        let mut decisions = decisions.as_array().unwrap().iter();
        decisions.any(|it| (&it["node"], &it["outcome"]) == (&json!("node-1"), &json!("deny")))
    });
}

/// N-74: what waits for approvals is forbidden meanwhile, while a signer stands still; the last
/// approval comes to that signer as soon as it goes on.
#[test]
fn neg_074_an_approval_that_comes_after_the_policy_changed_signs_nothing() {
    let trial = Trial::founded();
    // to no listed address
    let large = payment("0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc", 1);
    let request = trial.request("treasury", &large, "wallet-service");
    trial.vote("approve", &request, "alice").ok();
    let (id, digest) = (&request["request"], &request["request_digest"]);
    let (id, digest) = (id.as_str().unwrap(), digest.as_str().unwrap());
    let show = |node: &str, good: &dyn Fn(&Value) -> bool| loop {
        let said = trial.run(&["request", "show", id, "--node", node]);
        match said.lines.last() {
            Some(shown) if said.code == 0 && good(shown) => break shown.clone(),
            _ => sleep(Duration::from_millis(100)),
        }
    };
    show("node-3", &|shown| shown["approvals"] != json!([]));
    trial.pause("node-3");
    let policy = forbidding(&trial, "hush", "evm.transaction");
    trial.enact(&["policy", "propose", &policy]);
    let approve = ["request", "approve", id, "--digest", digest, "--as", "bob", "--node", "node-3"];
    trial.resume("node-3");
    let came = trial.run(&approve);
    assert!(came.code == 0 || came.error(2)["code"] == "request_ended", "{came:?}");
    assert_eq!(trial.wait(&request).error(3)["code"], "denied");
    for node in ["node-1", "node-2", "node-3"] {
        let shown = show(node, &|shown| shown["state"] == "denied");
        assert_eq!(shown["signatures"], json!([]), "{shown}");
        let decisions = shown["decisions"].as_array().unwrap().iter();
        let mut denials = decisions.filter(|it| it["outcome"] == "deny");
        assert!(denials.all(|it| it["rule"] == "hush"), "{shown}");
    }
}

/// What a node has stored.
struct Disk {
    files: [(PathBuf, Vec<u8>); 2],
}

impl Disk {
    /// Of a node that does not run.
    fn of(trial: &Trial, node: &str) -> Self {
        let store = trial.dir().join("nodes").join(node).join("store.redb");
        let files = [store.with_extension("redb.slots"), store];
        Self { files: files.map(|file| (file.clone(), fs::read(file).unwrap())) }
    }

    fn restore(&self) {
        self.files.iter().for_each(|(file, bytes)| fs::write(file, bytes).unwrap());
    }
}

/// N-61, N-72: disks restored from before a policy was replaced bring that policy back for nobody,
/// though they are a quorum of the key and whoever would deny is off.
#[test]
fn neg_061_snapshots_with_an_older_policy_sign_nothing() {
    let mut trial = Trial::founded();
    let restored = ["node-2", "node-3"];
    for node in restored {
        trial.kill(node);
    }
    let old = restored.map(|node| Disk::of(&trial, node));
    for node in restored {
        trial.start(node);
    }
    let policy = forbidding(&trial, "hush", "message");
    trial.enact(&["policy", "propose", &policy]);
    for node in restored {
        trial.until_at(node, |status| status["leased"] == true);
    }
    for node in ["node-1", "node-2", "node-3"] {
        trial.kill(node);
    }
    old.iter().for_each(Disk::restore);
    for node in restored {
        trial.start(node);
    }
    for node in restored {
        trial.until_at(node, |status| status["lapsed"].is_string());
    }
    // Neither by themselves nor with the one who has the new policy.
    let request = trial.request("ops", &message("under the old policy"), "wallet-service");
    let wait = ["request", "wait", request["request"].as_str().unwrap(), "--timeout", "3"];
    trial.run(&wait).error(4);
    trial.start("node-1");
    trial.until_at("node-1", |status| status["nodes"].as_array().unwrap().len() == 4);
    trial.run(&wait).error(4);
    for node in restored {
        assert_eq!(own(&trial, node)["leased"], false);
    }
}

/// N-72: somebody has copies of all disks of a domain and lets them run on. With the true keys they decide
/// something else where the domain decided, and sign. Both hold, each by itself; whoever knows a head of
/// the domain refuses what the copies certified, and nodes of both that meet stop for good.
#[test]
fn neg_072_a_domain_that_runs_on_from_copies_of_all_its_disks_is_found_out() {
    const ALL: [&str; 4] = ["node-1", "node-2", "node-3", "witness"];
    let mut trial = Trial::founded();
    let [one, two, three] = ["one", "two", "three"].map(|number| {
        let change = |cedar: &str| format!("// number {number}\n{cedar}");
        other_policy(&trial, number, change, str::to_owned)
    });
    let stop = |trial: &mut Trial| {
        for node in ALL {
            trial.kill(node);
        }
        ALL.map(|node| Disk::of(trial, node))
    };
    let run = |trial: &mut Trial, disks: &[&Disk]| {
        disks.iter().for_each(|disk| disk.restore());
        for node in ALL {
            trial.start(node);
        }
    };
    let decide = |trial: &mut Trial, disks: &[Disk], policy: &str| {
        run(trial, &disks.iter().collect::<Vec<_>>());
        trial.until(|status| status["leased"] == true);
        trial.enact(&["policy", "propose", policy]);
        let head = own(trial, "node-1")["head"].clone();
        for node in ALL {
            trial.until_at(node, |status| status["head"] == head);
        }
        head.as_str().unwrap().to_owned()
    };
    // What people have seen of the charter; whoever runs the copies has another directory.
    let seen = trial.dir().join("charter.jsonl");
    let before = stop(&mut trial);
    let head = decide(&mut trial, &before, &one);
    let domain = stop(&mut trial);

    let seen_since = fs::read(&seen).unwrap();
    fs::remove_file(&seen).unwrap();
    let other = decide(&mut trial, &before, &two);
    assert_ne!(head, other);
    let request = trial.signed(&trial.request("ops", &message("by the copies"), "wallet-service"));
    let (receipt, genesis) = (trial.file("receipt"), trial.genesis());
    trial.run(&["receipt", "get", request["request"].as_str().unwrap(), "-o", &receipt]).ok();
    let verify = ["receipt", "verify", &receipt, "--genesis", &genesis];
    quorate(&verify).ok();
    let pinned = quorate(&[&verify[..], &["--head", &head]].concat());
    assert_eq!(pinned.error(3)["code"], "other_head");
    // People of the domain whom the copies answer are shown what does not follow from what they saw.
    trial.enact(&["policy", "propose", &three]);
    fs::write(&seen, seen_since).unwrap();
    assert_eq!(trial.run(&["charter", "status"]).error(5)["code"], "bad_charter");
    let copies = stop(&mut trial);

    // Two of each, who have the key's quorum among them whichever policy is in force.
    run(&mut trial, &[&domain[0], &domain[1], &copies[2], &copies[3]]);
    for node in ALL {
        let status = trial.until_at(node, |status| status["halted"].is_string());
        assert!(status["halted"].as_str().unwrap().contains("two certified"), "{status}");
    }
    let asked = trial.try_request("ops", &message("of whoever is left"), "wallet-service");
    assert_eq!(asked.refused()["code"], "not_serving");
    for node in ALL {
        assert_eq!(own(&trial, node)["leased"], false);
    }
}

/// N-100: two administrators file motions about the same thing at once, both sign both, and every voter
/// is killed as it writes a vote about them: one takes effect, the same everywhere, the other never, and
/// nobody voted twice.
#[test]
fn neg_100_of_two_motions_at_once_one_takes_effect_though_every_voter_is_killed() {
    let mut trial = Trial::founded();
    // Whoever is asked first dies last.
    let voters = ["node-3", "witness", "node-2", "node-1"];
    // From here on they log what they write.
    for node in voters {
        trial.kill(node);
        trial.start(node);
    }
    for node in voters {
        trial.until_at(node, |status| status["leased"] == true);
    }
    let comment = |number: &str| {
        let number = number.to_owned();
        let folder = format!("policy-{number}");
        let change = move |cedar: &str| format!("// number {number}\n{cedar}");
        other_policy(&trial, &folder, change, str::to_owned)
    };
    let policies = [comment("one"), comment("two")];
    let motions: Vec<String> = std::thread::scope(|scope| {
        let file = |policy: &str, who: &'static str| {
            let policy = policy.to_owned();
            let trial = &trial;
            scope.spawn(move || trial.filed(&["policy", "propose", &policy, "--as", who]))
        };
        let (one, two) = (file(&policies[0], "ada"), file(&policies[1], "ben"));
        vec![one.join().unwrap(), two.join().unwrap()]
    });
    let logged = voters.map(|node| trial.log(node).len());
    let signs = |motion: &str, who: &'static str| {
        let (motion, dir) = (motion.to_owned(), trial.dir_text());
        // Whoever comes second may find that the other took effect already, or nobody.
        std::thread::spawn(move || {
            quorate(&["charter", "sign", &motion, "--as", who, "--dir", &dir])
        })
    };
    let signing = [signs(&motions[0], "ben"), signs(&motions[1], "ada")];
    let is_vote = |line: &&str| line.contains("writes ") && line.contains("Votes");
    let mut killed = 0;
    for (count, (node, logged)) in (1..).zip(voters.iter().zip(logged)) {
        // The first one at its first vote, the others at later ones, as far as they come.
        let begun = Instant::now();
        let votes = |trial: &Trial| trial.log(node)[logged..].lines().filter(is_vote).count();
        while votes(&trial) < count && begun.elapsed() < Duration::from_secs(5) {
            sleep(Duration::from_millis(1));
        }
        killed += usize::from(votes(&trial) > 0);
        trial.kill(node);
    }
    assert!(killed >= 2, "only {killed} had voted");
    for signed in signing {
        signed.join().unwrap();
    }
    for node in voters {
        trial.start(node);
    }
    trial.until(|status| status["leased"] == true);
    // What was signed last may have been lost with everybody.
    for (motion, who) in motions.iter().zip(["ben", "ada"]) {
        trial.run(&["charter", "sign", motion, "--as", who]);
    }
    let ends: Vec<String> = motions
        .iter()
        .map(|motion| {
            let end = trial.until_motion(motion, &["enacted", "superseded"]);
            end["state"].as_str().unwrap().to_owned()
        })
        .collect();
    let mut sorted = ends.clone();
    sorted.sort();
    assert_eq!(sorted, ["enacted", "superseded"]);
    let heads = || -> Vec<Value> {
        let head = |node: &&str| trial.run(&["status", "--node", node]).ok()["head"].clone();
        voters.iter().map(head).collect()
    };
    while heads().windows(2).any(|pair| pair[0] != pair[1]) {
        sleep(Duration::from_millis(100));
    }
    let won = ends.iter().position(|end| end == "enacted").unwrap();
    let shown = trial.run(&["policy", "show"]).ok()["cedar"].clone();
    let number = ["number one", "number two"][won];
    assert!(shown.as_str().unwrap().contains(number), "{shown}");
    for node in voters {
        let proven = trial.run(&["evidence", "list", "--node", node]);
        assert_eq!((proven.code, proven.lines.len()), (0, 0), "{proven:?}");
    }
}

/// How late everything is that some nodes say.
const LATE_MS: u64 = 400;

fn at_node_2(trial: &Trial, verb: &[&str]) -> Said {
    trial.run(&[verb, &["--node", "node-2"]].concat())
}

/// N-101, AGR-09: two signers voted for a policy that forbids what they are asked for. It is not decided,
/// and their leases on the head before would hold for a minute: it is their vote that keeps them from
/// signing under it.
#[test]
fn neg_101_who_voted_beyond_its_head_signs_nothing_under_it() {
    let mut trial = Trial::founded();
    // One says nothing, and one dies once its first vote is out; whoever proposes is not the silent one.
    let listed = trial.run(&["node", "list"]).lines;
    let mut voters: Vec<(&str, &str)> = listed
        .iter()
        .map(|node| (node["id"].as_str().unwrap(), node["name"].as_str().unwrap()))
        .collect();
    voters.sort_unstable();
    let next = trial.run(&["status"]).ok()["position"].as_u64().unwrap() + 1;
    let (_, proposer) = voters[usize::try_from(next).unwrap() % voters.len()];
    let (silent, dies) = match proposer {
        "witness" => ("node-1", "witness"),
        _ => ("witness", "node-1"),
    };
    // What the signers say comes late, so that the other one dies before it has heard enough.
    let signers = ["node-2", "node-3"];
    for node in signers {
        trial.kill(node);
        trial.change_node_file(node, |config| config["delay_ms"] = json!(LATE_MS));
        trial.start(node);
    }
    trial.kill(dies);
    trial.start(dies);
    for node in ["node-2", "node-3", dies] {
        trial.until_at(node, |status| status["leased"] == true);
    }
    let policy = forbidding(&trial, "hush", "message");
    let filed =
        at_node_2(&trial, &["policy", "propose", &policy, "--as", "ada"]).ok()["motion"].clone();
    let old = own(&trial, "node-2")["head"].clone();
    assert!(signers.iter().all(|node| own(&trial, node)["leased"] == true));
    trial.pause(silent);
    let (logged, begun) = (trial.log(dies).len(), Instant::now());
    at_node_2(&trial, &["charter", "sign", filed.as_str().unwrap(), "--as", "ben"]).ok();
    let is_vote = |line: &str| line.contains("wrote ") && line.contains("Votes");
    while !trial.log(dies)[logged..].lines().any(is_vote) {
        sleep(Duration::from_millis(1));
    }
    // It leaves at once.
    sleep(Duration::from_millis(LATE_MS / 4));
    trial.kill(dies);
    for node in signers {
        trial.until_at(node, |status| status["leased"] == false);
    }

    let create = ["request", "create", "--key", "ops", "--intent", "-", "--as", "wallet-service"];
    let create = [&create[..], &["--node", "node-2"]].concat();
    let asked = trial.run_with(&create, &message("as before").to_string()).ok().clone();
    let id = asked["request"].as_str().unwrap();
    at_node_2(&trial, &["request", "wait", id, "--timeout", "5"]).error(4);
    for node in signers {
        let status = own(&trial, node);
        assert_eq!((&status["leased"], &status["head"]), (&json!(false), &old), "{status}");
    }
    assert!(begun.elapsed() < Duration::from_secs(45), "their leases would be over by themselves");
    trial.resume(silent);
    let denied = loop {
        let shown = at_node_2(&trial, &["request", "show", id]).ok().clone();
        match shown["state"] == "denied" {
            true => break shown,
            false => sleep(Duration::from_millis(100)),
        }
    };
    assert_eq!(denied["signatures"], json!([]), "{denied}");
    assert_ne!(own(&trial, "node-2")["head"], old);
}

/// N-72, and the minority that is cut off: two signers alone have the key's quorum and not the
/// charter's, so they sign nothing once their lease is over; a freeze is honoured by them all the same,
/// and holds when the others are back.
#[test]
fn neg_072_a_minority_that_is_cut_off_signs_nothing_and_honours_a_freeze() {
    let trial = Trial::founded();
    trial.enact(&["rule", "times", "--lease", "2s"]);
    trial.signed(&trial.request("ops", &message("together"), "wallet-service"));
    trial.pause("node-1");
    trial.pause("witness");
    trial.until(|_| ["node-2", "node-3"].iter().all(|node| own(&trial, node)["leased"] == false));
    let request = trial.request("ops", &message("alone"), "wallet-service");
    let id = request["request"].as_str().unwrap();
    trial.run(&["request", "wait", id, "--timeout", "5"]).error(4);
    trial.run(&["freeze", "--key", "ops", "--reason", "cut off", "--as", "auditor"]).ok();
    trial.resume("node-1");
    trial.resume("witness");
    trial.until(|_| {
        own(&trial, "node-2")["leased"] == true && own(&trial, "node-1")["leased"] == true
    });
    trial.run(&["request", "wait", id, "--timeout", "5"]).error(4);
    let status = trial.run(&["status"]).ok().clone();
    let ops = status["keys"].as_array().unwrap().iter().find(|key| key["name"] == "ops").unwrap();
    assert!(ops["missing"].to_string().contains("auditor froze it"), "{ops}");
}
