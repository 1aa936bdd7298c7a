//! Custodians with keys in tokens take a whole key out of their domain.

use crate::domain::{Domain, name, written};
use crate::soft_hsm::{PIN, SoftHsm, module};
use quorate_backup::{RecoveryKeyLine, SoftKind};
use quorate_charter::{Custodian, Custody, MotionBody};
use quorate_codec::hex;
use quorate_curve::Ed25519;
use quorate_identity::Scheme;
use serde_json::json;

/// REC-47, REC-48: one key is in a file, two are in a token; together they give the key, and where one
/// of them is missing that is told once the others have opened.
#[test]
fn tokens_and_a_key_file_take_a_key_out() {
    let hsm = SoftHsm::new();
    hsm.0.keygen("greta", "hybrid");
    for label in ["p256", "rsa2048"] {
        hsm.keygen(label);
        hsm.public(label).ok();
    }
    let line = |file: &str| hsm.0.text(&format!("{file}.pub")).parse::<RecoveryKeyLine>().unwrap();
    let custodians = [("greta", "greta"), ("hugo", "p256"), ("iris", "rsa2048")];
    let custodians =
        custodians.map(|(who, key)| Custodian::new(name(who), line(key).key.to_bytes()));
    let custody = Custody::some_of(2, custodians.to_vec()).unwrap();
    let custody = Custody { keys: "all of (greta, hugo, iris)".parse().unwrap(), ..custody };
    let mut domain = Domain::founded(1, SoftKind::X25519);
    domain.place(MotionBody::CustodySet { custody, excepted: Vec::new() });
    domain.order("ops", Scheme::Ed25519, "2 of (node-1, node-2)", 1);
    let made = domain.generate::<Ed25519>("ops");
    hsm.0.write("backup", written(&domain.items(&[made.kept])));

    let genesis = domain.state.genesis().to_string();
    let [backup, key, phrase, pin] = ["backup", "greta", "right", "pin"].map(|it| hsm.0.at(it));
    let (module, output) = (module(), hsm.0.at("whole"));
    let combine = |labels: &[&str]| {
        let call = ["combine", &backup, "--genesis", &genesis, "--name", "ops", "--format", "raw"];
        let more = ["--unencrypted", "--yes", "--output", &output];
        let file = ["--key", &key, "--passphrase-file", &phrase, "--module", &module];
        let token = |label| ["--token", "vault", "--key-label", label, "--pin-file", &pin];
        let tokens: Vec<&str> = labels.iter().flat_map(|label| token(label)).collect();
        hsm.run(&[&call[..], &more, &file, &tokens].concat())
    };
    let (code, message) = combine(&["rsa2048"]).refused(2);
    assert_eq!(code, "custodians_missing");
    assert_eq!(message, "custodians are missing: hugo");
    assert!(!hsm.0.path("whole").exists());
    let shown = combine(&["rsa2048", "p256"]).ok();
    assert_eq!(shown["custodians"], json!(["greta", "iris", "hugo"]));
    let written = hsm.0.text("whole");
    let secret = hex::encode(made.secrets[0].to_bytes().as_ref());
    assert_eq!(format!("0x{written}"), format!("{secret}\n"));
    assert!(!written.contains(PIN));
}
