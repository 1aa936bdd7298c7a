//! A key is given to somebody whole, by the verbs and files of the guide: ordered, shown, announced,
//! objected to, collected from nodes of which one is away, verified, opened offline, and brought into
//! another domain, where it has the address that it had.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_journeys::{Said, Trial, quorate, recovery};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

fn address(trial: &Trial, key: &str) -> Value {
    trial.run(&["key", "address", key, "--chain", "ethereum"]).ok()["address"].clone()
}

/// The recipient's own machine: a recovery key, and its passphrase.
struct Gil<'a>(&'a Trial);

impl Gil<'_> {
    /// Makes the key; its words.
    fn keygen(&self) -> String {
        std::fs::write(self.0.file("phrase"), "correct horse\n").unwrap();
        let (key, phrase) = (self.0.file("gil.key"), self.0.file("phrase"));
        let call = ["keygen", "--name", "gil", "--output", &key, "--passphrase-file", &phrase];
        recovery(&call).ok()["words"].as_str().unwrap().to_owned()
    }

    fn held(&self) -> [String; 4] {
        let (key, phrase) = (self.0.file("gil.key"), self.0.file("phrase"));
        ["--key".to_owned(), key, "--passphrase-file".to_owned(), phrase]
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let held = self.held();
        recovery(&[arguments, &held.each_ref().map(String::as_str)].concat())
    }

    /// Shows every node that asks that the key is held.
    fn show(&self, more: &[&str]) {
        let (challenges, answers) = (self.0.file("asked"), self.0.file("answered"));
        let _ = std::fs::remove_file(&answers);
        let call = ["custodian", "challenges", "gil", "--output", &challenges];
        self.0.run(&[&call[..], more].concat()).ok();
        self.run(&["answer", &challenges, "--output", &answers]).ok();
        self.0.run(&["custodian", "answer", &answers, "--as", "ada"]).ok();
    }
}

/// KEX-01 to KEX-14, as people see them.
#[test]
fn a_key_is_given_to_somebody_and_lives_on_elsewhere() {
    let mut trial = Trial::founded();
    let before = address(&trial, "treasury");
    let words = Gil(&trial).keygen();
    let public = trial.file("gil.key.pub");

    // What it means is read before anything is filed, with the words to compare.
    let order = ["key", "export", "order", "treasury", "--to", &public];
    let rehearsed = trial.run(&[&order[..], &["--as", "ada", "--dry-run"]].concat()).ok().clone();
    let effect = rehearsed["effect"].to_string();
    for said in ["then 1 holder signs alone", "for ever", &words] {
        assert!(effect.contains(said), "{said}: {effect}");
    }
    assert_eq!(trial.run(&["charter", "status"]).ok()["collecting"], json!([]));

    // From now on what is dangerous is announced.
    let rules = trial.authorised(&["rule", "set", "--delay", "4s"]);
    trial.until_motion(&rules, &["enacted"]);
    let id = trial.authorised(&order);
    sleep(Duration::from_millis(500));
    let waits = trial.run(&["charter", "show", &id]).ok().clone();
    assert_eq!(waits["state"], "deciding", "nobody showed the key yet: {waits}");
    assert_eq!(waits["waits_for"], "gil has to show this node the recovery key");
    let listed = trial.run(&["custodian", "list"]).ok().to_string();
    assert!(listed.contains(r#""gets":"treasury""#), "{listed}");
    Gil(&trial).show(&["--motion", &id]);
    trial.until_motion(&id, &["announced"]);
    let get = |trial: &Trial, output: &str| {
        trial.run(&["key", "export", "get", "treasury", "--output", output])
    };
    let (export, first) = (trial.file("treasury.export"), trial.file("first.export"));
    assert_eq!(get(&trial, &first).error(2)["code"], "export_not_open");
    // Somebody thinks better of it.
    let objection = file_alone(&trial, &["charter", "object", &id, "--as", "cleo"]);
    trial.until_motion(&objection, &["enacted"]);
    let withdrawn = trial.authorised(&["charter", "withdraw", &id]);
    trial.until_motion(&withdrawn, &["enacted"]);
    assert_eq!(get(&trial, &first).error(2)["code"], "export_not_open");
    let shown = trial.run(&["key", "show", "treasury"]).ok().clone();
    assert!(shown.get("exports").is_none(), "nobody got anything: {shown}");

    // Once more, and it stands.
    let id = trial.authorised(&order);
    Gil(&trial).show(&["--motion", &id]);
    trial.until_motion(&id, &["enacted"]);
    trial.kill("node-3");
    let got = loop {
        let said = get(&trial, &export);
        if said.code == 0 {
            break said.ok().clone();
        }
        assert_eq!(said.refused()["code"], "export_incomplete", "{said:?}");
        sleep(Duration::from_millis(200));
    };
    assert_eq!((&got["recipient"], &got["parts"]), (&json!("gil"), &json!(["node-1", "node-2"])));
    assert!(got["without"].get("node-3").is_some() && got["false"] == json!({}), "{got}");
    assert_eq!(get(&trial, &export).error(2)["code"], "file_exists");
    trial.start("node-3");

    // Anybody verifies it; the recipient opens it.
    let genesis = trial.genesis();
    let verify = ["export", "verify", &export, "--genesis", &genesis];
    let report = recovery(&verify).ok().clone();
    assert_eq!(report["missing"], Value::Null);
    assert_eq!(report["parts"].as_array().unwrap().len(), 2);
    let pem = trial.file("treasury.pem");
    let open = ["export", "open", &export, "--genesis", &genesis, "--output", &pem, "--yes"];
    let open = [&open[..], &["--format", "pkcs8", "--unencrypted"]].concat();
    Gil(&trial).run(&open).ok();
    let mode = std::fs::metadata(&pem).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!Path::new(&first).exists());

    // Everybody sees for ever that it was given.
    let ends = trial.authorised(&["key", "export", "end", "treasury"]);
    trial.until_motion(&ends, &["enacted"]);
    let shown = trial.run(&["key", "show", "treasury"]).ok().clone();
    assert_eq!(shown["exports"][0]["recipient"], "gil");
    assert_eq!(shown["exports"][0]["is_open"], false);
    assert!(shown["warning"].as_str().unwrap().contains("exported"));
    let posture = trial.run(&["posture"]).ok().to_string();
    assert!(
        posture.contains("key treasury was exported") && !posture.contains("an export is open")
    );
    let advice = trial.run(&["key", "advise", "treasury"]).ok().to_string();
    assert!(advice.contains("somebody got it whole"), "{advice}");
    let handover = trial.file("handover");
    trial.run(&["key", "handover", "get", "treasury", "--output", &handover]).ok();
    let handed = quorate(&["key", "handover", "verify", &handover, "--genesis", &genesis]);
    assert_eq!(handed.ok()["exported"], 1);

    // It lives on in another domain, with the address that it had.
    let other = Trial::found();
    let after = imported(&other, &pem);
    assert_eq!(after, before);
}

fn file_alone(trial: &Trial, arguments: &[&str]) -> String {
    trial.run(arguments).ok()["motion"].as_str().unwrap().to_owned()
}

/// Brings a key in a PEM into a domain; its address there.
fn imported(trial: &Trial, pem: &str) -> Value {
    let [ceremony, request, offer, dealing] =
        ["ceremony", "request", "offer", "dealing"].map(|name| trial.file(name));
    let secret = ["--format", "pem", "--secret-file", pem];
    let begin = ["key", "import", "begin", "--scheme", "ecdsa-secp256k1"];
    let files = ["--ceremony", &ceremony, "--request", &request];
    quorate(&[&begin[..], &secret, &files].concat()).ok();
    let order = ["key", "import", "order", "moved", "--request", &request];
    trial.authorised(&[&order[..], &["--access", "2 of (node-1, node-2, node-3)"]].concat());
    trial.run(&["key", "import", "offer", "moved", "--output", &offer]).ok();
    let deal = ["key", "import", "deal", "--offer", &offer, "--ceremony", &ceremony];
    let genesis = trial.genesis();
    let more = ["--genesis", &genesis, "--output", &dealing];
    quorate(&[&deal[..], &more, &secret].concat()).ok();
    let submit = ["key", "import", "submit", "moved", "--dealing", &dealing, "--as", "ada"];
    let key = trial.run(&submit).ok().clone();
    assert_eq!((&key["state"], &key["origin"]), (&json!("active"), &json!("imported")));
    address(trial, "moved")
}
