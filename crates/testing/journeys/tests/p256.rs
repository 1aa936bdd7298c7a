//! A key of ECDSA on P-256, by the verbs of the guide: ordered, signing what OpenSSL accepts, with new
//! shares and over another tree, backed up, put together by its custodians, retired.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_journeys::{Trial, recovery};
use quorate_oracles::OpenSsl;
use serde_json::{Value, json};
use std::process::Command;

const RULE: &str = r#"
@id("firmware-message")
@reason("firmware from wallet-service")
permit (
    principal == Service::"wallet-service",
    action == Action::"message",
    resource == Key::"firmware"
)
when {
    resource.scheme == "ecdsa-p256"
};
"#;

fn message(text: &str) -> Value {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    json!({"kind": "message", "message": format!("0x{digits}")})
}

fn hex(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap().strip_prefix("0x").unwrap();
    let pairs = (0..digits.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// Signs a text at a path, and has OpenSSL verify that under the key which the domain shows, and not
/// another text.
fn signs(trial: &Trial, path: &str, text: &str) {
    let filed = trial.request_at("firmware", path, &message(text), "wallet-service");
    let signed = trial.signed(&filed);
    let [signature] = signed["signatures"].as_array().unwrap().as_slice() else { unreachable!() };
    assert_eq!(signature["encoding"], "der");
    assert_eq!(signed["artifact"]["value"], signature["signature"]);
    let derived = trial.run(&["key", "derive", "firmware", "--path", path]).ok().clone();
    assert_eq!(
        (&derived["derivation"], &derived["scheme"]),
        (&json!("slip10"), &json!("ecdsa-p256"))
    );
    assert_eq!(derived["public_key"], signature["public_key"]);
    let public: [u8; 33] = hex(&derived["public_key"]).try_into().unwrap();
    let mut bytes = hex(&signature["signature"]);
    assert!(OpenSsl::verify_p256(&public, text.as_bytes(), &bytes).unwrap());
    assert!(!OpenSsl::verify_p256(&public, b"another", &bytes).unwrap());
    bytes[10] ^= 1;
    assert!(!OpenSsl::verify_p256(&public, text.as_bytes(), &bytes).unwrap());
    assert_eq!(trial.verified_receipt(&signed)["request"], signed["request"]);
}

fn until_epoch(trial: &Trial, epoch: u64) {
    while trial.run(&["key", "show", "firmware"]).ok()["epoch"] != epoch {
        trial.run(&["ceremony", "show", "firmware", "--wait", "--timeout", "60"]).ok();
    }
    trial.until(|status| {
        let keys = status["keys"].as_array().unwrap();
        keys.iter().any(|line| line["name"] == "firmware" && line["can_sign"] == true)
    });
}

/// The compressed point that OpenSSL finds in a private key in PEM.
fn point_in(pem: &str) -> Vec<u8> {
    let form = ["-pubout", "-outform", "DER", "-ec_conv_form", "compressed"];
    let call = [&["pkey", "-in", pem, "-check"][..], &form].concat();
    let output = Command::new("openssl").args(call).output().unwrap();
    assert!(output.status.success());
    output.stdout[output.stdout.len() - 33..].to_vec()
}

/// INT-14, DER-10, REC-49: what OpenSSL says of every signature, and of the key itself in the end.
#[test]
fn a_key_on_p256_lives_and_openssl_agrees() {
    let trial = Trial::founded();
    let tree = "2 of (node-1, node-2, node-3)";
    let create = ["key", "create", "firmware", "--scheme", "ecdsa-p256", "--access", tree];
    trial.enact(&create);
    let policy = trial.file("policy");
    trial.run(&["policy", "show", "--output", &policy]).ok();
    let cedar = format!("{policy}/policy.cedar");
    let rules = std::fs::read_to_string(&cedar).unwrap();
    std::fs::write(&cedar, rules + RULE).unwrap();
    trial.enact(&["policy", "propose", &policy]);
    until_epoch(&trial, 0);
    let public = trial.run(&["key", "show", "firmware"]).ok()["public_key"].clone();
    assert_eq!(hex(&public).len(), 33);
    signs(&trial, "m", "firmware 1.0");
    signs(&trial, "m/3/0", "firmware 1.0");
    // It has no address, and no form that wallets read.
    let address = trial.run(&["key", "address", "firmware", "--chain", "ethereum"]);
    assert_eq!(address.error(2)["code"], "bad_address");
    let xpub = trial.run(&["key", "xpub", "firmware", "--network", "mainnet"]);
    assert_eq!(xpub.error(2)["code"], "bad_xpub");

    trial.authorised(&["key", "refresh", "firmware", "--no-wait"]);
    until_epoch(&trial, 1);
    signs(&trial, "m", "firmware 1.1");
    let all = "all of (node-1, node-2, node-3)";
    trial.authorised(&["key", "reshare", "firmware", "--access", all, "--no-wait"]);
    until_epoch(&trial, 2);
    signs(&trial, "m", "firmware 1.2");
    assert_eq!(trial.run(&["key", "show", "firmware"]).ok()["public_key"], public);

    let (backup, whole) = (trial.file("backup"), trial.file("whole.pem"));
    trial.run(&["backup", "export", "--output", &backup]).ok();
    let genesis = trial.genesis();
    recovery(&["verify", &backup, "--genesis", &genesis]).ok();
    let folder = trial.dir().join("custodians");
    let held = ["greta", "hugo", "iris"].map(|who| {
        let key = folder.join(who).display().to_string();
        let phrase = folder.join(format!("{who}.passphrase")).display().to_string();
        ["--key".to_owned(), key, "--passphrase-file".to_owned(), phrase]
    });
    let held: Vec<&str> = held.iter().flatten().map(String::as_str).collect();
    let of = ["combine", &backup, "--genesis", &genesis, "--name", "firmware", "--account", "0"];
    let form = ["--format", "pkcs8", "--unencrypted", "--output", &whole, "--yes"];
    recovery(&[&of[..], &form, &held].concat()).ok();
    assert_eq!(point_in(&whole), hex(&public));

    trial.enact(&["key", "retire", "firmware", "--confirm", "firmware"]);
    assert_eq!(trial.run(&["key", "show", "firmware"]).ok()["state"], "retired");
}
