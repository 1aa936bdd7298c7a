//! What a quorum signs, the outside world accepts: a chain mines it, a kernel finds it valid,
//! OpenSSL verifies it. Nothing of ours checks anything here.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed, which is what it is for"
)]

use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxLegacy};
use alloy_primitives::{Address, Bytes, TxKind, U256};
use base64::Engine;
use bitcoin::absolute::LockTime;
use bitcoin::psbt::Psbt;
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut};
use quorate_journeys::Trial;
use quorate_oracles::{Bitcoin, Coin, Ethereum, OpenSsl, Wallet};
use serde_json::{Value, json};
use std::str::FromStr;

const ETHER: u64 = 1_000_000_000_000_000_000;

#[test]
fn ethereum_mines_what_the_quorum_signed_and_the_balances_move() {
    let trial = Trial::founded();
    let mut chain = Ethereum::start().unwrap();
    let sender = address(&trial, "treasury", &["--chain", "ethereum"]);
    let listed = trial.listed("0x");
    chain.fund(&sender, "100000000000000000000").unwrap();

    // of each form of transaction one; small and to a listed address, so nobody is asked
    let value = U256::from(ETHER / 4);
    for (number, unsigned) in
        [eip1559(0, &listed, value), eip2930(1, &listed, value), legacy(2, &listed, value)]
            .into_iter()
            .enumerate()
    {
        let request = trial.request("treasury", &transaction(&unsigned), "wallet-service");
        let signed = trial.signed(&request);
        assert_eq!(signed["signatures"][0]["encoding"], "rsv");
        let raw = signed["artifact"]["value"].as_str().unwrap();
        let refusal = chain.refuse(raw).unwrap();
        assert_eq!(refusal.from, sender);
        assert!(!refusal.accepted && refusal.forged_from != sender);
        let mined = chain.send(raw).unwrap();
        assert_eq!(mined["status"], "success", "transaction {number}");
        let wei = value.to_string();
        assert_eq!((&mined["paid"], &mined["received"]), (&json!(wei), &json!(wei)));
        let report = trial.verified_receipt(&signed);
        assert_eq!(report["request"], signed["request"]);
    }

    // more than one ether waits for both approvers
    let large = transaction(&eip1559(3, &listed, U256::from(2 * ETHER)));
    let request = trial.request("treasury", &large, "wallet-service");
    let waiting = shown(&trial, &request);
    let people = &waiting["waiting_for"][0]["people"];
    assert_eq!(people, &json!(["alice", "bob"]), "{waiting}");
    trial.vote("approve", &request, "alice").ok();
    trial.vote("approve", &request, "bob").ok();
    let signed = trial.signed(&request);
    let mined = chain.send(signed["artifact"]["value"].as_str().unwrap()).unwrap();
    assert_eq!(mined["received"], json!((2 * ETHER).to_string()));

    // a message under EIP-191 is not in the policy of a trial; nothing but a denial comes out
    let message = json!({"kind": "evm.message", "message": "0x68656c6c6f"});
    let denied = trial.wait(&trial.request("treasury", &message, "wallet-service"));
    assert_eq!(denied.code, 3, "{denied:?}");
}

#[test]
fn bitcoin_accepts_taproot_and_p2wpkh_spends_and_refuses_a_flipped_byte() {
    let trial = Trial::founded();
    let mut chain = Bitcoin::start().unwrap();
    let listed = trial.listed("bcrt1");
    for (key, kind, encoding) in [("vault", "p2tr", "bip340"), ("treasury", "p2wpkh", "der")] {
        let arguments = ["--chain", "bitcoin", "--network", "regtest", "--type", kind];
        let own = script(&address(&trial, key, &arguments));
        let coins: Vec<Coin> = [60_000, 70_000]
            .into_iter()
            .map(|sats| chain.fund(&own.to_hex_string(), sats).unwrap())
            .collect();
        let psbt = psbt(&coins, &own, &script(&listed), 100_000, 28_000);
        let intent = json!({"kind": "bitcoin.psbt", "network": "regtest", "psbt": psbt});
        let signed = trial.signed(&trial.request(key, &intent, "wallet-service"));
        let signatures = signed["signatures"].as_array().unwrap();
        assert_eq!(signatures.len(), 2, "one signature an input");
        assert!(signatures.iter().all(|signature| signature["encoding"] == encoding));
        let raw = signed["artifact"]["value"].as_str().unwrap().trim_start_matches("0x");
        for input in 0..2 {
            let refused = chain.refuse(raw, input).unwrap();
            assert!(!refused.accepted && refused.reason == "consensus", "{refused:?}");
        }
        let verdict = chain.spend(raw).unwrap();
        assert!(verdict.accepted, "{verdict:?}");
        trial.verified_receipt(&signed);
    }
}

/// Two wallet libraries that are not ours read what `key xpub` says, and find exactly the addresses
/// and keys that `key address` and `key derive` show.
#[test]
fn wallets_find_every_address_from_the_extended_key() {
    let trial = Trial::founded();
    let mut wallet = Wallet::start().unwrap();
    for (key, network, prefix) in [
        ("treasury", "regtest", "tpub"),
        ("vault", "regtest", "tpub"),
        ("vault", "mainnet", "xpub"),
    ] {
        let export = trial.run(&["key", "xpub", key, "--network", network]).ok().clone();
        let xpub = export["xpub"].as_str().unwrap();
        assert!(xpub.starts_with(prefix), "{xpub}");
        for path in ["m", "m/0/5", "m/1/2147483647", "m/7"] {
            let outside = wallet.child(xpub, path).unwrap();
            let ours = trial.run(&["key", "derive", key, "--path", path]).ok().clone();
            let ours = ours["public_key"].as_str().unwrap();
            assert!(outside.ends_with(ours.trim_start_matches("0x")), "{key} {path}");
        }
        for view in export["descriptors"].as_array().unwrap() {
            let kind = match view["script"].as_str().unwrap() {
                "pkh" => "p2pkh",
                "sh-wpkh" => "p2sh-p2wpkh",
                "wpkh" => "p2wpkh",
                _ => "p2tr",
            };
            let descriptor = view["descriptor"].as_str().unwrap();
            let listed = wallet.addresses(descriptor, network, 3).unwrap();
            let branch = view["path"].as_str().unwrap().trim_end_matches('*');
            for (index, outside) in listed.iter().enumerate() {
                let path = format!("{branch}{index}");
                let arguments =
                    ["--chain", "bitcoin", "--network", network, "--type", kind, "--path", &path];
                assert_eq!(&address(&trial, key, &arguments), outside, "{descriptor} {index}");
            }
        }
    }
    trial.run(&["key", "xpub", "ops", "--network", "mainnet"]).error(2);
    let hardened = trial.run(&["key", "derive", "treasury", "--path", "m/44'/0"]);
    assert!(hardened.error(2)["message"].as_str().unwrap().contains("private key"));
}

/// Coins at addresses that a wallet listed from a descriptor are spent by the quorum, in every form
/// that a key has.
#[test]
fn bitcoin_accepts_spends_from_derived_addresses_of_every_form() {
    let trial = Trial::founded();
    let mut chain = Bitcoin::start().unwrap();
    let mut wallet = Wallet::start().unwrap();
    let listed = script(&trial.listed("bcrt1"));
    for key in ["treasury", "vault"] {
        let export = trial.run(&["key", "xpub", key, "--network", "regtest"]).ok().clone();
        let receiving = export["descriptors"].as_array().unwrap().iter().step_by(2);
        for view in receiving {
            let descriptor = view["descriptor"].as_str().unwrap();
            let own = wallet.addresses(descriptor, "regtest", 3).unwrap();
            let own = script(own.last().unwrap());
            let coins: Vec<Coin> = [60_000, 70_000]
                .into_iter()
                .map(|sats| chain.fund(&own.to_hex_string(), sats).unwrap())
                .collect();
            let psbt = psbt(&coins, &own, &listed, 100_000, 28_000);
            let intent = json!({"kind": "bitcoin.psbt", "network": "regtest", "psbt": psbt});
            let elsewhere = trial.try_request(key, &intent, "wallet-service");
            assert!(elsewhere.error(2)["message"].as_str().unwrap().contains("not the key's own"));
            let signed = trial.signed(&trial.request_at(key, "m/0/2", &intent, "wallet-service"));
            assert_eq!(signed["path"], "m/0/2");
            let raw = signed["artifact"]["value"].as_str().unwrap().trim_start_matches("0x");
            if view["script"] != "pkh" {
                // the peer flips a byte of the witness, which P2PKH does not have
                let refused = chain.refuse(raw, 1).unwrap();
                assert!(!refused.accepted && refused.reason == "consensus", "{refused:?}");
            }
            let verdict = chain.spend(raw).unwrap();
            assert!(verdict.accepted, "{descriptor}: {verdict:?}");
            let report = trial.verified_receipt(&signed);
            assert_eq!(report["path"], "m/0/2");
        }
    }
}

/// An account of Ethereum below the key, such as one for each customer.
#[test]
fn ethereum_mines_what_a_derived_account_sends() {
    let trial = Trial::founded();
    let mut chain = Ethereum::start().unwrap();
    let (root, child) = (["--chain", "ethereum"], ["--chain", "ethereum", "--path", "m/0/5"]);
    let sender = address(&trial, "treasury", &child);
    assert_ne!(sender, address(&trial, "treasury", &root));
    chain.fund(&sender, "100000000000000000000").unwrap();
    let value = U256::from(ETHER / 4);
    let unsigned = transaction(&eip1559(0, &trial.listed("0x"), value));
    let request = trial.request_at("treasury", "m/0/5", &unsigned, "wallet-service");
    let signed = trial.signed(&request);
    let raw = signed["artifact"]["value"].as_str().unwrap();
    assert_eq!(chain.refuse(raw).unwrap().from, sender);
    let mined = chain.send(raw).unwrap();
    assert_eq!((&mined["status"], &mined["from"]), (&json!("success"), &json!(sender)));
    let report = trial.verified_receipt(&signed);
    assert_eq!((&report["path"], &report["child_key"]), (&json!("m/0/5"), &signed["public_key"]));
}

#[test]
fn openssl_verifies_a_message_under_ops() {
    let trial = Trial::founded();
    let message = json!({"kind": "message", "message": "0x72656c6561736520312e30"});
    let signed = trial.signed(&trial.request("ops", &message, "wallet-service"));
    let public = hex(&signed["signatures"][0]["public_key"]);
    let signature = hex(&signed["signatures"][0]["signature"]);
    let public: [u8; 32] = public.try_into().unwrap();
    let mut signature: [u8; 64] = signature.try_into().unwrap();
    assert!(OpenSsl::verify_ed25519(&public, b"release 1.0", &signature).unwrap());
    signature[3] ^= 1;
    assert!(!OpenSsl::verify_ed25519(&public, b"release 1.0", &signature).unwrap());
    assert_eq!(
        trial.run(&["key", "show", "ops"]).ok()["public_key"],
        json!(format!("0x{}", hex_text(&public)))
    );

    // and under a child of ops, by the additive scheme
    let filed = trial.request_at("ops", "m/3/0", &message, "wallet-service");
    let signed = trial.signed(&filed);
    let derived = trial.run(&["key", "derive", "ops", "--path", "m/3/0"]).ok().clone();
    assert_eq!(derived["derivation"], "quorate-additive-ed25519/v1");
    assert_eq!(derived["public_key"], signed["signatures"][0]["public_key"]);
    let child: [u8; 32] = hex(&derived["public_key"]).try_into().unwrap();
    let signature = hex(&signed["signatures"][0]["signature"]).try_into().unwrap();
    assert!(child != public);
    assert!(OpenSsl::verify_ed25519(&child, b"release 1.0", &signature).unwrap());
    assert!(!OpenSsl::verify_ed25519(&public, b"release 1.0", &signature).unwrap());
}

fn address(trial: &Trial, key: &str, arguments: &[&str]) -> String {
    let said = trial.run(&[&["key", "address", key], arguments].concat());
    said.ok()["address"].as_str().unwrap().to_owned()
}

fn shown(trial: &Trial, request: &Value) -> Value {
    let id = request["request"].as_str().unwrap();
    loop {
        let view = trial.run(&["request", "show", id]).ok().clone();
        if view["waiting_for"].as_array().is_some_and(|rules| !rules.is_empty()) {
            return view;
        }
        std::thread::yield_now();
    }
}

fn transaction(unsigned: &[u8]) -> Value {
    json!({"kind": "evm.transaction", "chain_id": 31337, "unsigned": format!("0x{}", hex_text(unsigned))})
}

fn eip1559(nonce: u64, to: &str, value: U256) -> Vec<u8> {
    let transaction = TxEip1559 {
        chain_id: 31337,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 20_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: destination(to),
        value,
        access_list: Default::default(),
        input: Bytes::new(),
    };
    transaction.encoded_for_signing()
}

fn eip2930(nonce: u64, to: &str, value: U256) -> Vec<u8> {
    let transaction = TxEip2930 {
        chain_id: 31337,
        nonce,
        gas_price: 20_000_000_000,
        gas_limit: 21_000,
        to: destination(to),
        value,
        access_list: Default::default(),
        input: Bytes::new(),
    };
    transaction.encoded_for_signing()
}

fn legacy(nonce: u64, to: &str, value: U256) -> Vec<u8> {
    let transaction = TxLegacy {
        chain_id: Some(31337),
        nonce,
        gas_price: 20_000_000_000,
        gas_limit: 21_000,
        to: destination(to),
        value,
        input: Bytes::new(),
    };
    transaction.encoded_for_signing()
}

fn destination(address: &str) -> TxKind {
    TxKind::Call(Address::from_str(address).unwrap())
}

fn script(address: &str) -> ScriptBuf {
    let address = bitcoin::Address::from_str(address).unwrap();
    address.require_network(bitcoin::Network::Regtest).unwrap().script_pubkey()
}

/// Spends the coins: `sats` to `to`, `change` back.
fn psbt(coins: &[Coin], own: &ScriptBuf, to: &ScriptBuf, sats: u64, change: u64) -> String {
    let input = |coin: &Coin| TxIn {
        previous_output: OutPoint { txid: coin.txid.parse().unwrap(), vout: coin.vout },
        sequence: Sequence::MAX,
        ..TxIn::default()
    };
    let output = |script: &ScriptBuf, sats| TxOut {
        value: Amount::from_sat(sats),
        script_pubkey: script.clone(),
    };
    let transaction = Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: coins.iter().map(input).collect(),
        output: vec![output(to, sats), output(own, change)],
    };
    let mut psbt = Psbt::from_unsigned_tx(transaction).unwrap();
    for (input, coin) in psbt.inputs.iter_mut().zip(coins) {
        input.witness_utxo = Some(output(own, coin.sats));
        let funding: Transaction = bitcoin::consensus::encode::deserialize_hex(&coin.raw).unwrap();
        input.non_witness_utxo = Some(funding);
    }
    base64::engine::general_purpose::STANDARD.encode(psbt.serialize())
}

fn hex(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap().strip_prefix("0x").unwrap();
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn hex_text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
