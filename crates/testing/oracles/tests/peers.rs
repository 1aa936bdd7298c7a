//! The oracles prove themselves with signatures that are not ours: they accept the good ones and
//! refuse the same with one byte flipped. Only then does their verdict on ours mean anything.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use bitcoin::absolute::LockTime;
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::hashes::Hash;
use bitcoin::key::{Keypair, TapTweak};
use bitcoin::secp256k1::{Message, Secp256k1, SecretKey};
use bitcoin::sighash::{Prevouts, SighashCache};
use bitcoin::transaction::Version;
use bitcoin::{
    Amount, EcdsaSighashType, OutPoint, ScriptBuf, Sequence, TapSighashType, Transaction, TxIn,
    TxOut, Witness,
};
use ed25519_dalek::{Signer, SigningKey};
use quorate_oracles::{BackupReader, Bitcoin, Coin, Ethereum, OpenSsl, Verdict, Wallet};

/// Made once with `openssl`: a key of P-256, and its signature over the SHA-256 of `quorate`.
const P256_PUBLIC: &str = "031bb98a243b1c788aff5981636479c23f8e691539c2b82e1efef102e705901136";
const P256_SIGNATURE: &str = "304602210090f8ec76f0db2e8eb84aab4219133f6043469abd4c2273ac0aa9d5e5ae35c80d0221008eb4ef6e3ff06fd07a38fcda55c50a7257589b6411b1700b7a001c377b2c7e9d";

const RECIPIENT: &str = "0x00000000000000000000000000000000000000aa";

#[test]
fn ethereum_mines_a_transfer_and_the_balances_move() {
    let mut chain = Ethereum::start().unwrap();
    assert_eq!(chain.chain_id(), 31337);
    let sample = chain.sample(RECIPIENT, "12345").unwrap();
    let (raw, sender) = (sample["raw"].as_str().unwrap(), sample["address"].as_str().unwrap());
    assert!(chain.send(raw).is_err(), "an empty account pays for nothing");

    chain.fund(sender, "1000000000000000000").unwrap();
    let refusal = chain.refuse(raw).unwrap();
    assert!(!refusal.accepted);
    assert_eq!(refusal.from, sender);
    assert_ne!(refusal.forged_from, sender);

    let mined = chain.send(raw).unwrap();
    assert_eq!(mined["status"], "success");
    assert_eq!(mined["read_back"]["from"], sender);
    assert_eq!((&mined["paid"], &mined["received"]), (&"12345".into(), &"12345".into()));
    assert!(chain.send(raw).is_err(), "a nonce is spent once");
    assert_eq!(chain.account(sender).unwrap()["nonce"], 1);
}

#[test]
fn ethereum_recovers_who_signed_a_message() {
    let mut chain = Ethereum::start().unwrap();
    let sample = chain.sample(RECIPIENT, "0").unwrap();
    let signature = sample["message_signature"].as_str().unwrap();
    let message = sample["message"].as_str().unwrap();
    assert_eq!(chain.recover_message(message, signature).unwrap(), sample["address"]);
    assert_ne!(chain.recover_message("0x00", signature).unwrap(), sample["address"]);
}

#[test]
fn bitcoin_accepts_a_taproot_spend_and_refuses_a_flipped_byte() {
    let secp = Secp256k1::new();
    let keys = Keypair::from_secret_key(&secp, &SecretKey::from_slice(&[7; 32]).unwrap());
    let script = ScriptBuf::new_p2tr(&secp, keys.x_only_public_key().0, None);
    let (mut chain, coin, mut spend) = coin_and_spend(&script);

    let output = TxOut { value: Amount::from_sat(coin.sats), script_pubkey: script };
    let hash = SighashCache::new(&spend)
        .taproot_key_spend_signature_hash(0, &Prevouts::All(&[output]), TapSighashType::Default)
        .unwrap();
    let signer = keys.tap_tweak(&secp, None).to_keypair();
    let signature =
        secp.sign_schnorr_no_aux_rand(&Message::from_digest(hash.to_byte_array()), &signer);
    spend.input[0].witness = Witness::from_slice(&[signature.as_ref()]);

    judged_rightly(&mut chain, &spend);
}

#[test]
fn bitcoin_accepts_a_p2wpkh_spend_and_refuses_a_flipped_byte() {
    let secp = Secp256k1::new();
    let secret = SecretKey::from_slice(&[9; 32]).unwrap();
    let public = bitcoin::CompressedPublicKey(secret.public_key(&secp));
    let script = ScriptBuf::new_p2wpkh(&public.wpubkey_hash());
    let (mut chain, coin, mut spend) = coin_and_spend(&script);

    let hash = SighashCache::new(&spend)
        .p2wpkh_signature_hash(0, &script, Amount::from_sat(coin.sats), EcdsaSighashType::All)
        .unwrap();
    let signature = secp.sign_ecdsa(&Message::from_digest(hash.to_byte_array()), &secret);
    let signature = bitcoin::ecdsa::Signature::sighash_all(signature);
    spend.input[0].witness = Witness::p2wpkh(&signature, &public.0);

    judged_rightly(&mut chain, &spend);
}

/// The accounts of BIP-84 and BIP-86, with the addresses that these list.
#[test]
fn wallets_derive_the_published_accounts_and_refuse_a_wrong_checksum() {
    let mut wallet = Wallet::start().unwrap();
    let bip86 = "xpub6BgBgsespWvERF3LHQu6CnqdvfEvtMcQjYrcRzx53QJjSxarj2afYWcLteoGVky7D3UKDP9QyrLprQ3VCECoY49yfdDEHGCtMMj92pReUsQ";
    let child = wallet.child(bip86, "m/0/0").unwrap();
    assert_eq!(&child[4..], "cc8a4bc64d897bddc5fbc2f670f7a8ba0b386779106cf1223c6fc5d7cd6fc115");
    assert!(wallet.child(bip86, "m/0'").is_err());
    assert!(wallet.child(&bip86[..110], "m/0").is_err());
    let listed = format!("tr([73c5da0a/86'/0'/0']{bip86}/0/*)");
    assert!(wallet.addresses(&format!("{listed}#qqqqqqqq"), "mainnet", 1).is_err());
}

#[test]
fn openssl_verifies_ed25519_and_refuses_a_flipped_byte() {
    let key = SigningKey::from_bytes(&[5; 32]);
    let (public, mut signature) = (key.verifying_key().to_bytes(), key.sign(b"quorate").to_bytes());
    assert!(OpenSsl::verify_ed25519(&public, b"quorate", &signature).unwrap());
    assert!(!OpenSsl::verify_ed25519(&public, b"quorum", &signature).unwrap());
    signature[40] ^= 1;
    assert!(!OpenSsl::verify_ed25519(&public, b"quorate", &signature).unwrap());
}

/// A key, message and signature that OpenSSL made.
#[test]
fn openssl_verifies_ecdsa_on_p256_and_refuses_a_flipped_byte() {
    let hex = |text: &str| -> Vec<u8> {
        let pairs = (0..text.len()).step_by(2);
        pairs.map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    };
    let public: [u8; 33] = hex(P256_PUBLIC).try_into().unwrap();
    let mut signature = hex(P256_SIGNATURE);
    assert!(OpenSsl::verify_p256(&public, b"quorate", &signature).unwrap());
    assert!(!OpenSsl::verify_p256(&public, b"quorum", &signature).unwrap());
    signature[20] ^= 1;
    assert!(!OpenSsl::verify_p256(&public, b"quorate", &signature).unwrap());
}

/// A chain with a coin under `script`, and an unsigned transaction that spends it.
fn coin_and_spend(script: &ScriptBuf) -> (Bitcoin, Coin, Transaction) {
    let mut chain = Bitcoin::start().unwrap();
    let coin = chain.fund(&script.to_hex_string(), 100_000).unwrap();
    let outpoint = OutPoint { txid: coin.txid.parse().unwrap(), vout: coin.vout };
    let input = TxIn { previous_output: outpoint, sequence: Sequence::MAX, ..TxIn::default() };
    let output = TxOut { value: Amount::from_sat(99_000), script_pubkey: script.clone() };
    let spend = Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![input],
        output: vec![output],
    };
    (chain, coin, spend)
}

/// Flipped it is refused by consensus, as it is it is accepted, and a second time it is spent.
fn judged_rightly(chain: &mut Bitcoin, spend: &Transaction) {
    let raw = serialize_hex(spend);
    let refused = Verdict { accepted: false, reason: "consensus".into() };
    assert_eq!(chain.refuse(&raw, 0).unwrap(), refused);
    assert_eq!(chain.spend(&raw).unwrap(), Verdict { accepted: true, reason: "valid".into() });
    assert_eq!(chain.spend(&raw).unwrap(), refused);
}

/// The page about backups, read by somebody else, means the same: the vectors verify, a flipped byte
/// does not, and custodians restore the secrets exactly if there are enough of them.
#[test]
fn backups_are_what_their_page_says() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../../../vectors/backup.json")).unwrap();
    let mut reader = BackupReader::start().unwrap();
    let cases = vectors["cases"].as_array().unwrap().iter();
    let readable = |case: &&serde_json::Value| {
        case["custodians"]
            .as_array()
            .unwrap()
            .iter()
            .all(|each| ["x25519", "p256"].map(Into::into).contains(&each["kind"]))
    };
    let mut read = 0;
    for case in cases.filter(readable) {
        let (curve, bundle) = (case["curve"].as_str().unwrap(), case["bundle"].as_str().unwrap());
        let mut custodians = case["custodians"].clone();
        let answer = reader.read(curve, bundle, &custodians).unwrap();
        assert_eq!(answer["verified"], true);
        assert_eq!(answer["secrets"], case["secrets"]);

        custodians.as_array_mut().unwrap().remove(0);
        // the last digit of the last response
        let (whole, last) = bundle.split_at(bundle.len() - 1);
        let flipped = format!("{whole}{}", if last == "0" { '1' } else { '0' });
        let answer = reader.read(curve, &flipped, &custodians).unwrap();
        assert_eq!(answer["verified"], false);
        assert!(answer["secrets"].is_null());
        read += 1;
    }
    assert_eq!(read, 2);
}

/// And about possession: the answers of both kinds of key that it reads.
#[test]
fn possession_is_what_its_page_says() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../../../vectors/possession.json")).unwrap();
    let mut reader = BackupReader::start().unwrap();
    let mut read = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let [kind, seed, challenges] =
            ["kind", "seed", "challenges"].map(|name| case[name].as_str());
        let kind = kind.unwrap();
        if ["x25519", "p256"].contains(&kind) {
            let answer = reader.possess(kind, seed.unwrap(), challenges.unwrap()).unwrap();
            assert_eq!(answer["answers"], case["answers"], "{kind}");
            read += 1;
        }
    }
    assert_eq!(read, 2);
}
