//! The vectors of `vectors/derivation.json` and `vectors/derivation-p256.json`, which other
//! implementations share.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed")]

use quorate_codec::hex;
use quorate_curve::{Ed25519, NonIdentity, P256};
use quorate_derivation::{
    Branch, Descriptor, ExtendedKey, KeyNetwork, Path, ScriptType, XpubError, derive,
    derive_encoded, fingerprint,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    bip32: Vec<Step>,
    read: Vec<Key>,
    invalid: Vec<Key>,
    accounts: Vec<Account>,
    ed25519: Vec<Additive>,
}

#[derive(Deserialize)]
struct Step {
    name: String,
    parent: String,
    index: u32,
    child: String,
}

#[derive(Deserialize)]
struct Key {
    name: String,
    key: String,
}

#[derive(Deserialize)]
struct Account {
    name: String,
    account: String,
    path: String,
    public_key: String,
    scheme: String,
}

/// `vectors/derivation-p256.json`.
#[derive(Deserialize)]
struct Nist {
    slip10: Vec<NistStep>,
}

#[derive(Deserialize)]
struct NistStep {
    name: String,
    parent: String,
    chain_code: String,
    index: u32,
    child: String,
    child_chain_code: String,
}

#[derive(Deserialize)]
struct Additive {
    key: String,
    chain_code: String,
    path: String,
    child: String,
    child_chain_code: String,
    tweak: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../../vectors/derivation.json")).unwrap()
}

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    hex::decode(hex).unwrap().try_into().unwrap()
}

/// DER-03, DER-07: the public steps of test vectors 1 and 2, with all fields of the child.
#[test]
fn bip_32_derives_publicly_as_its_vectors_say() {
    for step in vectors().bip32 {
        let parent: ExtendedKey = step.parent.parse().unwrap();
        let path = Path::new(vec![step.index]).unwrap();
        let child = derive(&parent.key, &parent.chain_code, &path).unwrap();
        let text = ExtendedKey {
            network: KeyNetwork::Mainnet,
            depth: parent.depth + 1,
            parent: parent.fingerprint(),
            child_number: step.index,
            chain_code: child.chain_code,
            key: child.key,
        };
        assert_eq!(text.to_string(), step.child, "{}", step.name);
        assert_eq!(step.child.parse(), Ok(text), "{}", step.name);
    }
}

/// DER-07: what vectors 1, 3 and 4 have above their hardened steps is read and written.
#[test]
fn extended_keys_are_written_as_they_were_read() {
    for key in vectors().read {
        let read: ExtendedKey = key.key.parse().unwrap();
        assert_eq!(read.to_string(), key.key, "{}", key.name);
        if read.depth == 0 {
            let root = ExtendedKey::root(KeyNetwork::Mainnet, read.key, read.chain_code);
            assert_eq!(root, read, "{}", key.name);
        }
        let test = ExtendedKey { network: KeyNetwork::Testnet, ..read };
        assert!(test.to_string().starts_with("tpub"));
        assert_eq!(test.to_string().parse(), Ok(test));
    }
}

/// DER-08: test vector 5.
#[test]
fn neg_009_invalid_extended_keys_are_refused() {
    for key in vectors().invalid {
        assert_eq!(key.key.parse::<ExtendedKey>(), Err(XpubError), "{}", key.name);
    }
    let good = &vectors().read[0].key;
    for bad in [&good[1..], &format!("{good}1"), &format!(" {good}"), "", &"1".repeat(300)] {
        assert_eq!(bad.parse::<ExtendedKey>(), Err(XpubError), "{bad}");
    }
}

/// DER-05: accounts of BIP-84 and BIP-86, one of them for keys that are written without parity.
#[test]
fn accounts_lead_to_the_addresses_of_bip_84_and_bip_86() {
    for account in vectors().accounts {
        let key: ExtendedKey = account.account.parse().unwrap();
        let scheme = account.scheme.parse().unwrap();
        let (point, path) = (key.key.to_bytes(), account.path.parse().unwrap());
        let child = derive_encoded(scheme, &point, &key.chain_code, &path).unwrap();
        assert_eq!(hex::encode(&child.public_key), account.public_key, "{}", account.name);
    }
}

/// DER-06.
#[test]
fn ed25519_derives_by_the_scheme_of_our_own() {
    for case in vectors().ed25519 {
        let key = NonIdentity::<Ed25519>::from_bytes(&bytes::<32>(&case.key)).unwrap();
        let child = derive(&key, &bytes(&case.chain_code), &case.path.parse().unwrap()).unwrap();
        assert_eq!(hex::encode(&child.key.to_bytes()), case.child);
        assert_eq!(hex::encode(&child.chain_code), case.child_chain_code);
        assert_eq!(hex::encode(&child.tweak.to_bytes()), case.tweak);
    }
}

/// DER-10: the public steps of SLIP-10's test vectors 1 and 2, and of its test of a step that is
/// hashed twice.
#[test]
fn p256_derives_publicly_as_the_vectors_of_slip_10_say() {
    let text = include_str!("../../../../vectors/derivation-p256.json");
    let vectors: Nist = serde_json::from_str(text).unwrap();
    for step in vectors.slip10 {
        let parent = NonIdentity::<P256>::from_bytes(&bytes::<33>(&step.parent)).unwrap();
        let path = Path::new(vec![step.index]).unwrap();
        let child = derive(&parent, &bytes(&step.chain_code), &path).unwrap();
        assert_eq!(hex::encode(&child.key.to_bytes()), step.child, "{}", step.name);
        assert_eq!(hex::encode(&child.chain_code), step.child_chain_code, "{}", step.name);
    }
}

/// DER-09: the origin is the key itself.
#[test]
fn descriptors_name_the_key_as_its_own_origin() {
    let key: ExtendedKey = vectors().read[0].key.parse().unwrap();
    assert_eq!(fingerprint(&key.key), [0x34, 0x42, 0x19, 0x3e]);
    let text = |script, branch| Descriptor { script, key, branch }.to_string();
    for (script, open, close) in [
        (ScriptType::Pkh, "pkh(", ")"),
        (ScriptType::ShWpkh, "sh(wpkh(", "))"),
        (ScriptType::Wpkh, "wpkh(", ")"),
        (ScriptType::Tr, "tr(", ")"),
    ] {
        for (branch, number) in [(Branch::Receive, 0), (Branch::Change, 1)] {
            let wanted = format!("{open}[3442193e]{key}/{number}/*{close}#");
            let text = text(script, branch);
            assert!(text.starts_with(&wanted) && text.len() == wanted.len() + 8, "{text}");
        }
    }
}
