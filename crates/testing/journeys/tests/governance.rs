//! People come, go and change the rules; what is dangerous waits; a freeze does not. As people do
//! it: programs, files, words.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_journeys::{Machine, Said, Trial, addresses};
use serde_json::{Value, json};
use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

fn message(text: &str) -> Value {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    json!({"kind": "message", "message": format!("0x{digits}")})
}

/// Makes somebody's key where the domain directory has it, and their enrolment.
fn enrolled(trial: &Trial, kind: &str, who: &str) -> String {
    let folder = if kind == "person" { "people" } else { "services" };
    let key = trial.dir().join(folder).join(who).display().to_string();
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", who, "-f", &key])
        .status()
        .unwrap();
    assert!(made.success());
    enrol(trial, kind, who, &key)
}

fn enrol(trial: &Trial, kind: &str, who: &str, key: &str) -> String {
    let file = trial.file(&format!("{who}.enrolment"));
    let genesis = trial.genesis();
    let said = quorate_journeys::quorate(&[
        kind,
        "enrol",
        who,
        "--genesis",
        &genesis,
        "--key",
        key,
        "-o",
        &file,
    ]);
    assert_eq!(said.ok()["words"].as_str().unwrap().split(' ').count(), 12);
    file
}

/// Files a motion as the first, has the second sign it, and waits until it is in the charter.
fn enact(trial: &Trial, arguments: &[&str], first: &str, second: &str) -> Value {
    let filed = trial.run(&[arguments, &["--as", first]].concat()).ok().clone();
    let id = filed["motion"].as_str().unwrap().to_owned();
    trial.run(&["charter", "sign", &id, "--as", second]).ok();
    let view = placed(trial, &id);
    // Whoever joined is known to this directory once it has the charter in which they did.
    trial.run(&["charter", "status"]).ok();
    view
}

/// Waits until a motion is in the charter, in force or announced.
fn placed(trial: &Trial, id: &str) -> Value {
    trial.until_motion(id, &["enacted", "announced", "objected"])
}

fn names(said: &Said) -> Vec<String> {
    said.lines.iter().map(|line| line["name"].as_str().unwrap().to_owned()).collect()
}

/// N-27 and the relay that edits an enrolment: whoever is let in is who read the words.
#[test]
fn people_and_services_come_and_go() {
    let trial = Trial::founded();
    let gina = enrolled(&trial, "person", "gina");
    let words = |file: &str| {
        let said = quorate_journeys::quorate(&["person", "inspect", file]);
        said.ok()["words"].clone()
    };
    let honest = words(&gina);
    // On its way somebody puts another key into it: then it does not hold, or has other words.
    let mut edited = fs::read(&gina).unwrap();
    let at = edited.len() / 2;
    edited[at] ^= 1;
    let broken = trial.file("broken.enrolment");
    fs::write(&broken, edited).unwrap();
    quorate_journeys::quorate(&["person", "inspect", &broken]).refused();
    let admit = ["person", "admit", &broken, "--role", "approver", "--as", "ada"];
    trial.run(&admit).refused();
    fs::create_dir(trial.file("thief")).unwrap();
    let thief = trial.file("thief/key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f", &thief])
        .status()
        .unwrap();
    assert!(made.success());
    let swapped = {
        let kept = fs::read(&gina).unwrap();
        let file = enrol(&trial, "person", "gina", &thief);
        let swapped = trial.file("swapped.enrolment");
        fs::rename(&file, &swapped).unwrap();
        fs::write(&gina, kept).unwrap();
        swapped
    };
    assert_ne!(words(&swapped), honest, "people compare the words");
    // A dry run says what it would do, and files nothing.
    let admit = ["person", "admit", &gina, "--role", "approver", "--as", "ada"];
    let rehearsed = trial.run(&[&admit[..], &["--dry-run"]].concat()).ok().clone();
    assert_eq!(rehearsed["dry_run"], true);
    assert!(rehearsed["needs"].as_str().unwrap().contains("ben"), "{rehearsed}");
    let shown = rehearsed["effect"].to_string();
    assert!(shown.contains(honest.as_str().unwrap()), "{shown}");
    let status = trial.run(&["charter", "status"]).ok().clone();
    assert_eq!(status["collecting"], json!([]));
    enact(&trial, &admit[..5], "ada", "ben");
    assert!(names(&trial.run(&["person", "list"])).contains(&"gina".to_owned()));
    assert_eq!(trial.run(&["status", "--as", "gina"]).ok()["leased"], true);
    // Names and keys are never given again: neither gina's name, nor under another name her key, that
    // of a founder, or that of a service.
    trial.run(&admit).refused();
    let key = |holder: &str| trial.dir().join(holder).display().to_string();
    let double = |kind: &str, holder: &str| {
        let file = enrol(&trial, kind, "eve", &key(holder));
        let role: &[&str] = if kind == "person" { &["--role", "approver"] } else { &[] };
        let admit = [&[kind, "admit", &file], role, &["--as", "ada"]].concat();
        let refused = trial.run(&admit).error(2);
        assert_eq!(refused["code"], "bad_motion", "{refused}");
        let message = refused["message"].as_str().unwrap();
        assert!(message.contains("a key of eve is, or was, somebody's"), "{message}");
    };
    double("person", "people/gina");
    double("service", "people/alice");
    double("person", "services/wallet-service");
    let robot = enrolled(&trial, "service", "robot");
    enact(&trial, &["service", "admit", &robot], "ada", "cleo");
    trial.request("ops", &message("robots may ask"), "robot");
    enact(&trial, &["service", "revoke", "robot"], "ben", "cleo");
    trial.try_request("ops", &message("not any more"), "robot").refused();
    enact(&trial, &["person", "revoke", "gina"], "ada", "ben");
    trial.run(&["status", "--as", "gina"]).refused();
    double("person", "people/gina");
    let diff = trial.run(&["charter", "diff"]);
    let kinds: Vec<String> =
        diff.lines.iter().map(|line| line["kind"].as_str().unwrap().to_owned()).collect();
    for kind in ["person-enrol", "service-enrol", "member-revoke"] {
        assert!(kinds.iter().any(|one| one == kind), "{kind} in {kinds:?}");
    }
}

/// Any person stops signing at once; a thaw takes a motion.
#[test]
fn a_freeze_stops_signing_until_it_is_thawed() {
    let trial = Trial::founded();
    trial.signed(&trial.request("ops", &message("before"), "wallet-service"));
    let frozen = trial.run(&[
        "freeze",
        "--key",
        "ops",
        "--reason",
        "something smells wrong",
        "--as",
        "auditor",
    ]);
    let frozen = frozen.ok().clone();
    assert_eq!((&frozen["key"], &frozen["by"]), (&json!("ops"), &json!("auditor")));
    let ops = |status: &Value| {
        let keys = status["keys"].as_array().unwrap();
        keys.iter().find(|key| key["name"] == "ops").unwrap().clone()
    };
    let status = trial.until(|status| ops(status)["can_sign"] == false);
    let missing = ops(&status)["missing"].to_string();
    assert!(missing.contains("auditor froze it (something smells wrong)"), "{missing}");
    let waiting = trial.request("ops", &message("while frozen"), "wallet-service");
    let id = waiting["request"].as_str().unwrap();
    trial.run(&["request", "wait", id, "--timeout", "3"]).error(4);
    let others = status["keys"].as_array().unwrap().iter().filter(|key| key["name"] != "ops");
    assert!(others.into_iter().all(|key| key["can_sign"] == true), "the others go on: {status}");
    let freeze = frozen["freeze"].as_str().unwrap();
    enact(&trial, &["thaw", "--freeze", freeze, "--bar", "auditor"], "ada", "ben");
    trial.signed(&waiting);
    let again = ["freeze", "--all", "--reason", "again", "--as", "auditor"];
    trial.run(&again).refused();
    assert_eq!(trial.run(&["freeze", "--list", "--as", "ada"]).lines.len(), 0);
}

/// Administrators set a delay and guardians; a dangerous motion waits, is objected to and
/// overridden; then too few administrators are left, and guardians bring others in.
#[test]
fn what_is_dangerous_waits_and_guardians_bring_administrators_back() {
    let mut trial = Trial::founded();
    let guardians: Vec<String> =
        ["gabi", "hans", "ines"].iter().map(|who| enrolled(&trial, "person", who)).collect();
    let mut admit: Vec<&str> = vec!["person", "admit"];
    admit.extend(guardians.iter().map(String::as_str));
    let rules = ["--role", "guardian", "--delay", "4s", "--recovery", "2 of (gabi, hans, ines)"];
    admit.extend(rules);
    // Guardians who would be too fast for those who rule are refused.
    let fast = [&admit[..], &["--recovery-delay", "5s", "--as", "ada"]].concat();
    trial.run(&fast).refused();
    admit.extend(["--recovery-delay", "15s"]);
    enact(&trial, &admit, "ada", "ben");
    let shown = trial.run(&["rule", "show"]).ok().clone();
    assert_eq!(shown["rules"][0]["delay_ms"], 4_000);
    assert_eq!(shown["recovery"]["tree"], "2 of (gabi, hans, ines)");

    // What is dangerous is announced; the key is still shared over all three after a power cut.
    let reshare = ["key", "reshare", "ops", "--access", "all of (node-1, node-2)", "--no-wait"];
    let filed = trial.run(&[&reshare[..], &["--as", "ada"]].concat()).ok().clone();
    let id = filed["motion"].as_str().unwrap().to_owned();
    trial.run(&["charter", "sign", &id, "--as", "ben"]).ok();
    let announced = placed(&trial, &id);
    assert_eq!(announced["state"], "announced", "{announced}");
    let objection = trial.run(&["charter", "object", &id, "--as", "cleo"]).ok().clone();
    placed(&trial, objection["motion"].as_str().unwrap());
    assert_eq!(placed(&trial, &id)["objected_by"], "cleo");
    trial.kill("node-2");
    trial.start("node-2");
    sleep(Duration::from_secs(10));
    let view = trial.run(&["charter", "show", &id]).ok().clone();
    assert_eq!(view["state"], "objected", "its time alone is not enough: {view}");
    enact(&trial, &["charter", "override", &id], "ada", "ben");
    trial.until_motion(&id, &["enacted"]);

    // Ben and Cleo are lost with their keys. One administrator is not enough for anything: not for a
    // policy that lets everything pass, a node of her own, or rules that do not wait.
    for gone in ["ben", "cleo"] {
        fs::remove_file(trial.dir().join("people").join(gone)).unwrap();
    }
    let before = trial.run(&["charter", "status"]).ok()["head"].clone();
    let policy = anything(&trial);
    let machine = Machine::new(&trial, "node-5", &addresses());
    let enrolment = machine.enrolment();
    let alone: Vec<String> = [
        &["policy", "propose", &policy][..],
        &["node", "admit", &enrolment, "--votes"],
        &["rule", "set", "--delay", "0s"],
    ]
    .iter()
    .map(|motion| {
        let filed = trial.run(&[motion, &["--as", "ada"][..]].concat()).ok().clone();
        assert_eq!(filed["needed"], 1, "{filed}");
        filed["motion"].as_str().unwrap().to_owned()
    })
    .collect();
    let wanted = trial.request("ops", &message("what only that policy allows"), "alice");
    assert_eq!(trial.wait(&wanted).error(3)["code"], "denied");
    for motion in &alone {
        let view = trial.run(&["charter", "show", motion]).ok().clone();
        assert_eq!(view["state"], "collecting", "{view}");
    }
    assert_eq!(trial.run(&["charter", "status"]).ok()["head"], before);
    let (dora, emil) = (enrolled(&trial, "person", "dora"), enrolled(&trial, "person", "emil"));
    let recover = [
        "recover-administrators",
        "--admit",
        &dora,
        "--admit",
        &emil,
        "--revoke",
        "ben",
        "--revoke",
        "cleo",
        "--rule",
        "2 of (ada, dora, emil)",
        "--upkeep",
        "any of (ada, dora, emil)",
        "--override",
        "2 of (ada, dora, emil)",
    ];
    trial.run(&[&recover[..], &["--as", "ada"]].concat()).refused();
    let back = enact(&trial, &recover, "gabi", "hans");
    assert_eq!(
        (&back["state"], &back["kind"]),
        (&json!("announced"), &json!("administrators-recover"))
    );
    let id = back["motion"].as_str().unwrap();
    trial.run(&["charter", "object", id, "--as", "ada"]).refused();
    trial.until_motion(id, &["enacted"]);
    trial.run(&["charter", "status"]).ok();
    enact(
        &trial,
        &[
            "key",
            "create",
            "fresh",
            "--scheme",
            "ed25519",
            "--access",
            "2 of (node-1, node-2, node-3)",
        ],
        "dora",
        "emil",
    );
    let rules = trial.run(&["rule", "show"]).ok().clone();
    assert_eq!(rules["rules"][0]["tree"], "2 of (ada, dora, emil)");
    let verified = trial.run(&["charter", "verify", "--genesis", &trial.genesis()]).ok().clone();
    assert_eq!(verified["verified"], true, "all of it, from the genesis hash alone");
}

/// Writes the policy in force with one rule in the place of all, which lets everything pass.
fn anything(trial: &Trial) -> String {
    let shown = trial.run(&["policy", "show"]).ok().clone();
    let folder = trial.dir().join("anything");
    fs::create_dir(&folder).unwrap();
    let put = |file: &str, text: &str| fs::write(folder.join(file), text).unwrap();
    put(
        "policy.cedar",
        "@id(\"anything\")\n@reason(\"whatever it is\")\npermit(principal, action, resource);\n",
    );
    for (file, field) in [("limits.json", "limits"), ("lists.json", "lists")] {
        put(file, shown[field].as_str().unwrap());
    }
    let case = json!([{
        "name": "whatever it is",
        "requester": "person:alice",
        "key": {"name": "ops", "scheme": "ed25519"},
        "facts": {"kind": "message"},
        "expect": "allow",
        "rule": "anything",
    }]);
    put("cases.json", &case.to_string());
    folder.display().to_string()
}

/// N-102, GOV-82, GOV-83: a thief has cleo's laptop, and with it objects to all that is announced.
/// Every objection delays once and is overridden; to the key that cleo gets instead it cannot object.
#[test]
fn neg_102_a_stolen_laptop_that_objects_to_everything_stops_nothing() {
    let trial = Trial::founded();
    let slow = ["rule", "set", "--delay", "4s", "--override", "2 of (ada, ben, cleo)"];
    enact(&trial, &slow, "ada", "ben");
    let object = |id: &str| trial.run(&["charter", "object", id, "--as", "cleo"]);
    let announce = |motion: &[&str]| {
        let told = enact(&trial, motion, "ada", "ben");
        assert_eq!(told["state"], "announced", "{told}");
        told["motion"].as_str().unwrap().to_owned()
    };
    let robot = enrolled(&trial, "service", "robot");
    let motions: [&[&str]; 2] =
        [&["rule", "times", "--lease", "20s"], &["service", "admit", &robot]];
    let announced = motions.map(|motion| {
        let id = announce(motion);
        let objection = object(&id).ok().clone();
        placed(&trial, objection["motion"].as_str().unwrap());
        assert_eq!(placed(&trial, &id)["objected_by"], "cleo");
        let again = object(&id).error(2);
        assert_eq!(again["code"], "bad_motion", "{again}");
        id
    });
    for id in &announced {
        enact(&trial, &["charter", "override", id], "ada", "ben");
        object(id).refused();
    }

    // Cleo has another key, and shows its words to ada and ben.
    fs::create_dir(trial.file("new")).unwrap();
    let key = trial.file("new/cleo");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f", &key])
        .status()
        .unwrap();
    assert!(made.success());
    let rotation = announce(&["person", "rotate", &enrol(&trial, "person", "cleo", &key)]);
    let alone = object(&rotation).error(2);
    assert_eq!(alone["code"], "bad_motion", "{alone}");
    assert!(alone["message"].as_str().unwrap().contains("has no say"), "{alone}");
    for id in announced.iter().chain([&rotation]) {
        trial.until_motion(id, &["enacted"]);
    }
    trial.run(&["charter", "status"]).ok();
    trial.request("ops", &message("robots may ask"), "robot");
    // What the thief has is nobody's key any more.
    let next = announce(&["rule", "times", "--lease", "30s"]);
    assert_eq!(object(&next).error(2)["code"], "wrong_key");
    fs::copy(&key, trial.dir().join("people/cleo")).unwrap();
    object(&next).ok();
}

/// A trial domain says of itself what it is not.
#[test]
fn posture_says_what_is_not_as_it_should_be_and_what_to_do() {
    let mut trial = Trial::founded();
    let seen = trial.run(&["posture"]).ok().clone();
    assert_eq!(seen["grade"], "D");
    let findings = seen["findings"].as_array().unwrap().clone();
    let has = |findings: &[Value], grade: &str, part: &str| {
        let is = |it: &Value| it["grade"] == grade && it["what"].as_str().unwrap().contains(part);
        findings.iter().any(is)
    };
    for (grade, part) in [
        ("D", "the domain is for staging"),
        ("C", "announced for less than half a day"),
        ("C", "nobody brings administrators back"),
        ("C", "decide with keys that may be files"),
        ("B", "no drill was held for seats"),
        ("B", "node node-1 opens with a passphrase"),
    ] {
        assert!(has(&findings, grade, part), "{grade}, {part}: {findings:?}");
    }
    for finding in &findings {
        for part in ["why", "fix"] {
            assert!(!finding[part].as_str().unwrap().is_empty(), "{finding}");
        }
    }
    assert!(!has(&findings, "C", "does not answer"));
    trial.kill("node-3");
    let seen = trial.run(&["posture"]).ok().clone();
    assert!(has(seen["findings"].as_array().unwrap(), "C", "node node-3 does not answer"));
    // Rules are read from the charter: what was mended is found no more.
    enact(&trial, &["rule", "set", "--delay", "24h"], "ada", "ben");
    let seen = trial.run(&["posture"]).ok().clone();
    assert!(!has(seen["findings"].as_array().unwrap(), "C", "announced for less"));
    assert_eq!(trial.run(&["posture", "--require", "C"]).error(3)["code"], "posture");
    trial.run(&["posture", "--require", "D"]).ok();
    assert_eq!(trial.run(&["posture", "--require", "E"]).error(2)["code"], "bad_grade");
}
