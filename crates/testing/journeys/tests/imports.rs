//! A key that a wallet held becomes a key of a domain, by the verbs and files of the guide, and
//! spends what the wallet had.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_primitives::{Address, TxKind, U256};
use quorate_journeys::{Trial, quorate};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// The scalar 1 in WIF: the address is one that every wallet computes.
const WIF: &str = "cMahea7zqjxrtgAbB7LSGbcQUr1uX1ojuat9jZodMN87JcbXMTcA";
const ETHEREUM: &str = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf";

fn file(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

fn payment(trial: &Trial) -> Value {
    let to: Address = trial.listed("0x").parse().unwrap();
    let transaction = TxEip1559 {
        chain_id: 31337,
        gas_limit: 21_000,
        max_fee_per_gas: 20_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: TxKind::Call(to),
        value: U256::from(1_000),
        ..TxEip1559::default()
    };
    let unsigned = transaction.encoded_for_signing();
    let digits: String = unsigned.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({"kind": "evm.transaction", "chain_id": 31337, "unsigned": format!("0x{digits}")})
}

fn openssl(words: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(words).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// IMP-10: keys that OpenSSL makes, with a password and without, have the public point that it says.
#[test]
fn keys_of_openssl_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| file(folder.path(), name);
    let (plain, sealed, password) = (at("plain.pem"), at("sealed.pem"), at("password"));
    std::fs::write(&password, "correct horse").unwrap();
    let from_file = format!("file:{password}");
    let secp256k1 = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"];
    let ed25519 = ["-algorithm", "ed25519"];
    let p256 = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let cases = [
        ("ecdsa-secp256k1", &secp256k1[..], 33),
        ("ed25519", &ed25519[..], 32),
        ("ecdsa-p256", &p256[..], 33),
    ];
    for (scheme, algorithm, length) in cases {
        openssl(&[&["genpkey", "-out", &plain], algorithm].concat());
        openssl(&["pkcs8", "-topk8", "-in", &plain, "-passout", &from_file, "-out", &sealed]);
        let form = ["pkey", "-in", &plain, "-pubout", "-outform", "DER"];
        let form = match scheme {
            "ed25519" => openssl(&form),
            _ => openssl(&[&form[..], &["-ec_conv_form", "compressed"]].concat()),
        };
        let expected: String =
            form[form.len() - length..].iter().map(|byte| format!("{byte:02x}")).collect();
        for (number, pem) in [&plain, &sealed].into_iter().enumerate() {
            let (ceremony, request) =
                (at(&format!("{scheme}-{number}.c")), at(&format!("{scheme}-{number}.r")));
            let begin = ["key", "import", "begin", "--scheme", scheme, "--format", "pem"];
            let files = ["--ceremony", &ceremony, "--request", &request, "--secret-file", pem];
            let mut words = [&begin[..], &files].concat();
            if number == 1 {
                words.extend(["--password-file", &password]);
            }
            let begun = quorate(&words).ok().clone();
            assert_eq!(begun["public"], format!("0x{expected}"));
        }
    }
}

/// IMP-04 to IMP-10, as a user's script sees them.
#[test]
fn a_wallets_key_is_imported_offline_and_signs() {
    let trial = Trial::founded();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| file(folder.path(), name);
    std::fs::write(at("wallet.wif"), WIF).unwrap();
    let (wif, ceremony, request) = (at("wallet.wif"), at("importer.json"), at("request.json"));
    let secret = ["--format", "wif", "--network", "regtest", "--secret-file", &wif];
    let begin = ["key", "import", "begin", "--scheme", "ecdsa-secp256k1"];
    let files = ["--ceremony", &ceremony, "--request", &request];
    let begun = quorate(&[&begin[..], &secret, &files].concat()).ok().clone();
    assert_eq!(begun["addresses"]["ethereum"], ETHEREUM);
    // Neither file holds the key.
    let scalar = format!("{:0>64}", 1);
    for name in [&ceremony, &request] {
        let text = std::fs::read_to_string(name).unwrap();
        assert!(!text.contains(WIF) && !text.contains(&scalar), "{text}");
    }

    let access = ["--access", "2 of (node-1, node-2, node-3)", "--as", "ada"];
    let order = ["key", "import", "order", "wallet", "--request", &request];
    let motion = trial.run(&[&order[..], &access].concat()).ok().clone();
    let effect = motion["effect"].to_string();
    assert!(effect.contains("can sign without any node, for ever"), "{effect}");
    if motion["state"] == "collecting" {
        trial.run(&["charter", "sign", motion["motion"].as_str().unwrap(), "--as", "ben"]).ok();
    }
    let offer = at("offer.json");
    trial.run(&["key", "import", "offer", "wallet", "--output", &offer]).ok();
    let waiting = trial.run(&["ceremony", "show", "wallet"]).ok().clone();
    assert_eq!((&waiting["kind"], &waiting["phase"]), (&json!("import"), &json!("importer")));

    let (dealing, genesis) = (at("dealing.json"), trial.genesis());
    let deal = |genesis: &str, secret: &[&str]| {
        let deal = ["key", "import", "deal", "--offer", &offer, "--genesis", genesis];
        let files = ["--ceremony", &ceremony, "--output", &dealing];
        quorate(&[&deal[..], &files, secret].concat())
    };
    // Another domain than the operator believes, or another key, and nothing is written.
    let other = format!("0x{}", "ab".repeat(32));
    assert_eq!(deal(&other, &secret).error(5)["code"], "bad_offer");
    std::fs::write(at("other.raw"), format!("{:0>64}", 2)).unwrap();
    let wrong = at("other.raw");
    let wrong = ["--format", "raw", "--secret-file", &wrong];
    assert_eq!(deal(&genesis, &wrong).error(2)["code"], "other_key");
    assert!(!Path::new(&dealing).exists());
    let dealt = deal(&genesis, &secret).ok().clone();
    assert_eq!((&dealt["key"], &dealt["attempt"]), (&json!("wallet"), &json!(0)));
    let status = trial.run(&["status"]).ok().clone();
    assert_eq!((&dealt["position"], &dealt["head"]), (&status["position"], &status["head"]));

    let submit = ["key", "import", "submit", "wallet", "--dealing", &dealing, "--as", "ada"];
    let key = trial.run(&submit).ok().clone();
    assert_eq!((&key["state"], &key["origin"]), (&json!("active"), &json!("imported")));
    assert_eq!(key["epoch"], 1);
    assert!(key["warning"].as_str().unwrap().contains("can sign alone"));
    let address = trial.run(&["key", "address", "wallet", "--chain", "ethereum"]).ok().clone();
    assert_eq!(address["address"], ETHEREUM);
    let advice = trial.run(&["key", "advise", "wallet"]).ok().clone();
    assert!(advice["steps"].to_string().contains("imported"), "{advice}");
    // Once is enough.
    trial.run(&[&submit[..], &["--no-wait"]].concat()).error(2);

    let signed = trial.signed(&trial.request("wallet", &payment(&trial), "wallet-service"));
    trial.verified_receipt(&signed);
}
