//! A custodian shows that a token of theirs holds the key.

use crate::soft_hsm::{SoftHsm, module};
use quorate_backup::possession::{Answer, Answers, Challenge, Challenges};
use quorate_codec::{Digest, from_bytes, to_bytes};
use quorate_identity::{GenesisHash, NodeId};
use serde_json::json;

const GENESIS: GenesisHash = GenesisHash(Digest([1; 32]));

/// What nodes ask of the key of this label, in `LABEL.asked`; and what they expect.
fn ask(hsm: &SoftHsm, label: &str) -> Vec<(NodeId, Answer)> {
    let line = hsm.line(label);
    let nodes = [2, 3, 4].map(|node| NodeId(Digest([node; 32])));
    let made = nodes.map(|node| Challenge::new(GENESIS, node, &line.key, &[9; 32]).unwrap());
    let (asked, expected): (Vec<_>, Vec<_>) = made.into_iter().unzip();
    let asked = nodes.into_iter().zip(asked);
    let file = Challenges::new(GENESIS, line.name, line.key.id(), asked).unwrap();
    hsm.0.write(&format!("{label}.asked"), to_bytes(&file));
    nodes.into_iter().zip(expected).collect()
}

/// REC-43, BAK-21: what the token answers is what every node expects.
#[test]
fn a_key_in_a_token_answers_every_node() {
    let hsm = SoftHsm::new();
    for label in ["p256", "rsa2048"] {
        hsm.keygen(label);
        hsm.public(label).ok();
        let expected = ask(&hsm, label);
        let [asked, output] = ["asked", "answers"].map(|kind| hsm.0.at(&format!("{label}.{kind}")));
        let verb = ["answer", &asked, "--output", &output];
        let shown = hsm.with_key(&verb, label, "pin").ok();
        assert_eq!(shown["unanswered"], json!([]));
        let answers: Answers = from_bytes(&hsm.0.read(&format!("{label}.answers"))).unwrap();
        assert_eq!(answers.key(), hsm.line(label).key.id());
        for (node, expected) in expected {
            assert_eq!(answers.to(&node), Some(&expected), "{label}");
        }
    }
}

#[test]
fn a_wrong_pin_key_or_place_answers_nothing() {
    let hsm = SoftHsm::new();
    for label in ["p256", "rsa2048"] {
        hsm.keygen(label);
        hsm.public(label).ok();
        ask(&hsm, label);
    }
    let (asked, output) = (hsm.0.at("p256.asked"), hsm.0.at("answers"));
    let verb = ["answer", &asked, "--output", &output];
    let code = |label, pin| hsm.with_key(&verb, label, pin).refused(2).0;
    assert_eq!(code("p256", "wrong-pin"), "wrong_pin");
    assert_eq!(code("rsa2048", "pin"), "another_key");
    assert_eq!(code("rsa4096", "pin"), "no_key");

    let (module, key) = (module(), hsm.0.at("key"));
    let usage = |args: &[&str]| hsm.run(&[&verb, args].concat()).refused(2);
    for args in [
        &[][..],
        &["--module", &module],
        &["--module", &module, "--token", "vault"],
        &["--token", "vault", "--key-label", "p256"],
        &["--key", &key, "--module", &module, "--token", "vault", "--key-label", "p256"],
        &["--key", &key, "--pin-file", &key],
        &[
            "--module",
            &module,
            "--token",
            "vault",
            "--key-label",
            "p256",
            "--passphrase-file",
            &key,
        ],
    ] {
        assert_eq!(usage(args).0, "bad_usage", "{args:?}");
    }
    assert!(!hsm.0.path("answers").exists());
}
