//! EVM transactions and messages against the published examples, and everything that must be
//! refused.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed, which is what it is for"
)]

use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxLegacy};
use alloy_eips::eip2930::AccessListItem;
use alloy_primitives::{Address, Bytes, TxKind, U256};
use k256::ecdsa::{SigningKey, VerifyingKey};
use proptest::prelude::*;
use quorate_codec::hex;
use quorate_identity::Scheme;
use quorate_intent::{
    Decoded, Intent, IntentError, KeyFacts, SignatureEncoding, SigningPayload, ethereum_address,
};
use serde_json::json;

/// The key of EIP-155's own example.
const EIP_155_SECRET: [u8; 32] = [0x46; 32];
const EIP_155_PREIMAGE: &str =
    "0xec098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080018080";
const PAYEE: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

fn facts(secret: &SigningKey) -> KeyFacts {
    facts_of(secret.verifying_key())
}

fn facts_of(key: &VerifyingKey) -> KeyFacts {
    let public_key = key.to_encoded_point(true).as_bytes().to_vec();
    KeyFacts { scheme: Scheme::EcdsaSecp256k1, public_key }
}

fn key() -> SigningKey {
    SigningKey::from_slice(&EIP_155_SECRET).unwrap()
}

fn transaction(chain_id: u64, unsigned: &[u8]) -> Intent {
    let unsigned = hex::encode(unsigned);
    let intent = json!({"kind": "evm.transaction", "chain_id": chain_id, "unsigned": unsigned});
    Intent::from_json(&intent.to_string()).unwrap()
}

fn decode(chain_id: u64, unsigned: &[u8]) -> Result<Decoded, IntentError> {
    transaction(chain_id, unsigned).decode(&facts(&key()))
}

fn sign(secret: &SigningKey, decoded: &Decoded) -> Vec<([u8; 64], Option<u8>)> {
    let sign = |payload: &SigningPayload| {
        let SigningPayload::Digest(digest) = payload else { panic!("a digest") };
        let (signature, id) = secret.sign_prehash_recoverable(digest).unwrap();
        (signature.to_bytes().into(), Some(id.to_byte()))
    };
    decoded.signing_payloads().iter().map(sign).collect()
}

fn dynamic() -> TxEip1559 {
    TxEip1559 {
        chain_id: 31337,
        nonce: 7,
        gas_limit: 21_000,
        max_fee_per_gas: 2_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: TxKind::Call(PAYEE.parse().unwrap()),
        value: U256::from(500_000_000_000_000_000_u64),
        ..TxEip1559::default()
    }
}

#[test]
fn int_11_the_example_of_eip_155_gives_its_digest_signature_and_raw_transaction() {
    let decoded = decode(1, &hex::decode(EIP_155_PREIMAGE).unwrap()).unwrap();
    let digest = "0xdaf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53";
    assert_eq!(decoded.signing_digests(), [hex::decode(digest).unwrap()]);
    let signature = sign(&key(), &decoded);
    let artifact = decoded.finish(&signature).unwrap();
    assert_eq!(
        artifact.value,
        "0xf86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a7640000\
         8025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f76\
         1aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
    );
    assert_eq!(artifact.kind, "evm.transaction");
    let item = &artifact.signatures[0];
    assert_eq!((item.input, item.encoding), (None, SignatureEncoding::Rsv));
    assert_eq!(item.public_key, facts(&key()).public_key);
    assert_eq!(item.signature, [&signature[0].0[..], &[0]].concat());
}

/// A transaction of the main chain, signed by somebody else: its key is what recovers from it.
#[test]
fn int_11_a_transaction_of_type_1559_from_the_main_chain_comes_out_as_it_was_sent() {
    let input = "0xa22cb4650000000000000000000000005eee75727d804a2b13038928d36f8b188945a57a\
                 0000000000000000000000000000000000000000000000000000000000000000";
    let sent = TxEip1559 {
        chain_id: 1,
        nonce: 0x42,
        gas_limit: 44_386,
        max_fee_per_gas: 20_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: TxKind::Call("0x6069a6c32cf691f5982febae4faf8a6f3ab2f0f6".parse().unwrap()),
        input: hex::decode(input).unwrap().into(),
        ..TxEip1559::default()
    };
    let signature: [u8; 64] = hex::decode_array(
        "0x840cfc572845f5786e702984c2a582528cad4b49b2a10b9db1be7fca90058565\
         25e7109ceb98168d95b09b18bbf6b685130e0562f233877d492b94eee0c5b6d1",
    )
    .unwrap();
    let digest = "0x0d5688ac3897124635b6cf1bc0e29d6dfebceebdc10a54d74f2ef8b56535b682";
    let signer = VerifyingKey::recover_from_prehash(
        &hex::decode(digest).unwrap(),
        &k256::ecdsa::Signature::from_slice(&signature).unwrap(),
        k256::ecdsa::RecoveryId::new(false, false),
    );
    let signer = facts_of(&signer.unwrap());
    let decoded = transaction(1, &sent.encoded_for_signing()).decode(&signer).unwrap();
    assert_eq!(decoded.signing_digests(), [hex::decode(digest).unwrap()]);
    let address = "0xDD6B8b3dC6B7AD97db52F08a275FF4483e024CEa";
    assert_eq!(ethereum_address(&signer.public_key).unwrap(), address);
    assert_eq!(decoded.facts_json()["details"]["from"], address);
    assert_eq!(decoded.facts().selector.as_deref(), Some("0xa22cb465"));
    let artifact = decoded.finish(&[(signature, Some(0))]).unwrap();
    let hash = alloy_primitives::keccak256(hex::decode(&artifact.value).unwrap());
    assert_eq!(
        hex::encode(hash.as_slice()),
        "0x0ec0b6a2df4d87424e5f6ad2a654e27aaeb7dac20ae9e8385cc09087ad532ee0"
    );
}

#[test]
fn int_13_the_example_of_a_personal_message_gives_its_digest_and_signature() {
    let secret = "0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318";
    let secret = SigningKey::from_slice(&hex::decode(secret).unwrap()).unwrap();
    let intent = json!({"kind": "evm.message", "message": hex::encode(b"Some data")});
    let decoded = Intent::from_value(&intent).unwrap().decode(&facts(&secret)).unwrap();
    let digest = "0x1da44b586eb0729ff70a73c326926f6ed5a25f5b056e7f47fbc6e58d86871655";
    assert_eq!(decoded.signing_digests(), [hex::decode(digest).unwrap()]);
    assert_eq!(
        decoded.finish(&sign(&secret, &decoded)).unwrap().value,
        "0xb91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd\
         6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a0291c"
    );
    assert_eq!(
        decoded.effect(),
        ["signs an Ethereum message of 9 bytes as \
          0x2c7536E3605D9C16a7a3D7b1898e529396a65c23: \"Some data\""]
    );
}

#[test]
fn int_09_addresses_are_those_of_wallets() {
    let secret = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    let secret = SigningKey::from_slice(&hex::decode(secret).unwrap()).unwrap();
    let address = ethereum_address(&facts(&secret).public_key).unwrap();
    assert_eq!(address, "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
    let uncompressed = secret.verifying_key().to_encoded_point(false);
    for bad in [uncompressed.as_bytes(), &[2; 32], &[], &[0; 33]] {
        assert_eq!(ethereum_address(bad), Err(IntentError::Key(Scheme::EcdsaSecp256k1)));
    }
}

#[test]
fn int_04_a_transfer_has_its_facts_and_words() {
    let decoded = decode(31337, &dynamic().encoded_for_signing()).unwrap();
    let facts = decoded.facts();
    assert_eq!(facts.network, "eip155:31337");
    assert_eq!(facts.to.iter().collect::<Vec<_>>(), [PAYEE]);
    let value = U256::from(500_000_000_000_000_000_u64);
    assert_eq!(facts.moves, [("ether".to_owned(), value)]);
    assert_eq!(facts.fees, [("ether".to_owned(), U256::from(42_000_000_000_000_u64))]);
    assert_eq!((facts.calls, facts.creates, facts.selector), (false, false, None));
    assert_eq!(
        decoded.effect(),
        [
            format!("sends 0.5 ETH (500000000000000000 wei) to {PAYEE} on chain 31337"),
            "pays a fee of at most 0.000042 ETH (42000000000000 wei)".to_owned(),
            "is number 7 from 0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F".to_owned(),
        ]
    );
    let json = decoded.facts_json();
    assert_eq!(json["moves"][0], json!({"asset": "ether", "amount": "500000000000000000"}));
    assert_eq!((&json["details"]["type"], &json["details"]["nonce"]), (&json!(2), &json!(7)));
}

#[test]
fn int_04_calls_and_creations_are_told_apart_from_transfers() {
    let input = Bytes::from_static(&[0xa9, 0x05, 0x9c, 0xbb, 0, 0]);
    let call = TxEip1559 { input: input.clone(), ..dynamic() };
    let call = decode(31337, &call.encoded_for_signing()).unwrap();
    let (facts, words) = (call.facts(), call.effect());
    assert_eq!((facts.calls, facts.creates), (true, false));
    assert_eq!(facts.selector.as_deref(), Some("0xa9059cbb"));
    assert!(words[0].starts_with(&format!("calls {PAYEE} on chain 31337, function 0xa9059cbb")));

    let short = TxEip1559 { input: Bytes::from_static(&[1, 2, 3]), ..dynamic() };
    let short = decode(31337, &short.encoded_for_signing()).unwrap();
    assert_eq!((short.facts().calls, short.facts().selector), (true, None));

    let create = TxEip1559 { input, to: TxKind::Create, ..dynamic() };
    let create = decode(31337, &create.encoded_for_signing()).unwrap();
    let facts = create.facts();
    assert_eq!((facts.calls, facts.creates, facts.selector), (false, true, None));
    assert!(facts.to.is_empty());
    assert!(create.effect()[0].starts_with("creates a contract on chain 31337"));

    let sender: Address = "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F".parse().unwrap();
    let own = TxEip1559 { to: TxKind::Call(sender), ..dynamic() };
    let own = decode(31337, &own.encoded_for_signing()).unwrap();
    assert!(own.facts().to.contains(&sender.to_string()), "a transaction to oneself is one");
    assert!(own.effect()[0].contains("the key's own address"));
}

#[test]
fn int_11_both_parities_are_right_in_all_types() {
    let to = TxKind::Call(PAYEE.parse().unwrap());
    let mut seen = [[false; 2]; 3];
    for nonce in 0..16 {
        let legacy = TxLegacy {
            chain_id: Some(31337),
            nonce,
            gas_price: 1,
            gas_limit: 21_000,
            to,
            ..TxLegacy::default()
        };
        let access = TxEip2930 {
            chain_id: 31337,
            nonce,
            gas_price: 1,
            gas_limit: 21_000,
            to,
            ..TxEip2930::default()
        };
        let dynamic = TxEip1559 { nonce, ..dynamic() };
        let preimages = [
            legacy.encoded_for_signing(),
            access.encoded_for_signing(),
            dynamic.encoded_for_signing(),
        ];
        for (kind, preimage) in preimages.iter().enumerate() {
            let decoded = decode(31337, preimage).unwrap();
            let signature = sign(&key(), &decoded);
            let parity = signature[0].1.unwrap();
            let raw = decoded.finish(&signature).unwrap().value;
            assert_eq!(decoded.finish(&[(signature[0].0, None)]).unwrap().value, raw);
            let other = [(signature[0].0, Some(1 - parity))];
            assert_eq!(decoded.finish(&other), Err(IntentError::Signature(0)));
            // v or the parity of y stands before r, which has 32 bytes unless it begins with 0.
            let raw = hex::decode(&raw).unwrap();
            let r = signature[0].0[..32].iter().skip_while(|byte| **byte == 0);
            let r: Vec<u8> = r.copied().collect();
            let at = raw.windows(r.len()).position(|window| window == r).unwrap();
            let before = &raw[..at - 1];
            match kind {
                0 => assert!(before.ends_with(&(35 + 2 * 31337 + u16::from(parity)).to_be_bytes())),
                _ => assert!(before.ends_with(&[if parity == 0 { 0x80 } else { 1 }])),
            }
            seen[kind][usize::from(parity)] = true;
        }
    }
    assert_eq!(seen, [[true; 2]; 3], "both parities occurred");
}

#[test]
fn int_11_malformed_and_non_canonical_transactions_are_refused() {
    let good = hex::decode(EIP_155_PREIMAGE).unwrap();
    assert!(decode(1, &good).is_ok());
    let edit = |from: &str, to: &str| {
        let text = hex::encode(&good);
        assert!(text.contains(from));
        hex::decode(&text.replacen(from, to, 1)).unwrap()
    };
    let not_canonical = [
        ("a longer list head", edit("0xec09", "0xf82c09")),
        ("a signed transaction", {
            let decoded = decode(1, &good).unwrap();
            hex::decode(&decoded.finish(&sign(&key(), &decoded)).unwrap().value).unwrap()
        }),
        ("a third field that is not zero", edit("018080", "018001")),
        ("a trailing byte", [&good[..], &[0]].concat()),
    ];
    for (name, bytes) in not_canonical {
        let refused = decode(1, &bytes).unwrap_err();
        assert!(matches!(refused, IntentError::NotCanonical | IntentError::Rlp(_)), "{name}");
    }
    let malformed = [
        ("nothing", vec![]),
        ("an empty list", vec![0xc0]),
        ("cut short", good[..good.len() - 1].to_vec()),
        ("a nonce with a leading zero", edit("0xec09", "0xed8109")),
        (
            "a recipient of 19 bytes",
            edit("0xec098504a817c80082520894353535", "0xeb098504a817c800825208933535"),
        ),
        ("an empty typed transaction", vec![2]),
        ("a typed transaction of a string", vec![2, 0x83, 1, 2, 3]),
        ("a list that claims more than there is", vec![0xf9, 0xff, 0xff, 1]),
        ("a list that claims everything", [&[0xff; 9][..], &[1]].concat()),
    ];
    for (name, bytes) in malformed {
        assert!(matches!(decode(1, &bytes), Err(IntentError::Rlp(_))), "{name}");
    }
    for kind in [0x00, 0x03, 0x04, 0x7f, 0x80, 0xbf] {
        let refused = decode(1, &[&[kind], &good[..]].concat());
        assert_eq!(refused.unwrap_err(), IntentError::TransactionType(kind));
    }
}

#[test]
fn int_11_a_wrong_chain_id_is_refused() {
    let good = dynamic().encoded_for_signing();
    let refused = decode(1, &good).unwrap_err();
    assert_eq!(refused, IntentError::ChainId { stated: 1, inside: 31337 });
    assert!(refused.to_string().ends_with("make them the same"));
    let homeless = TxLegacy { chain_id: None, gas_limit: 21_000, ..TxLegacy::default() };
    assert_eq!(decode(1, &homeless.encoded_for_signing()).unwrap_err(), IntentError::NoChain);
    for chain_id in [0, u64::MAX / 2 - 35, u64::MAX] {
        let there = TxEip1559 { chain_id, ..dynamic() };
        let refused = decode(chain_id, &there.encoded_for_signing()).unwrap_err();
        assert_eq!(refused, IntentError::ChainIdRange(chain_id));
    }
}

#[test]
fn int_11_what_no_chain_takes_is_refused() {
    let priority = TxEip1559 { max_priority_fee_per_gas: 2_000_000_001, ..dynamic() };
    let refused = decode(31337, &priority.encoded_for_signing()).unwrap_err();
    assert_eq!(refused, IntentError::PriorityFee);
    let nonce = TxEip1559 { nonce: u64::MAX, ..dynamic() };
    assert_eq!(decode(31337, &nonce.encoded_for_signing()).unwrap_err(), IntentError::Nonce);
    let largest = TxEip1559 {
        gas_limit: u64::MAX,
        max_fee_per_gas: u128::MAX,
        value: U256::MAX,
        ..dynamic()
    };
    let facts = decode(31337, &largest.encoded_for_signing()).unwrap().facts();
    assert_eq!(facts.fees[0].1, U256::from(u64::MAX) * U256::from(u128::MAX));
}

#[test]
fn int_04_access_lists_are_shown_whole() {
    let entry = |key: u64| AccessListItem {
        address: PAYEE.parse().unwrap(),
        storage_keys: vec![U256::from(key).into()],
    };
    let listed = |key| TxEip1559 { access_list: vec![entry(key)].into(), ..dynamic() };
    let shown = decode(31337, &listed(1).encoded_for_signing()).unwrap().facts_json();
    let other = decode(31337, &listed(2).encoded_for_signing()).unwrap().facts_json();
    assert_ne!(shown, other);
    let list = &shown["details"]["access_list"];
    assert_eq!(
        (&list[0]["address"], list[0]["storage_keys"][0].is_string()),
        (&json!(PAYEE), true)
    );
}

/// N-73: what is shown and what is signed come out of the same bytes; a signature for any other
/// transaction never becomes the artifact of this one.
#[test]
fn neg_073_no_byte_changes_what_is_signed_without_changing_what_is_shown() {
    let good = dynamic().encoded_for_signing();
    let shown = decode(31337, &good).unwrap();
    for at in 0..good.len() {
        for flip in [0x01, 0x80] {
            let mut other = good.clone();
            other[at] ^= flip;
            let Ok(decoded) = decode(31337, &other) else { continue };
            assert_ne!(decoded.signing_digests(), shown.signing_digests());
            assert_ne!(decoded.facts_json(), shown.facts_json(), "byte {at}");
            assert_ne!(decoded.intent_digest(), shown.intent_digest());
            let transplanted = shown.finish(&sign(&key(), &decoded));
            assert_eq!(transplanted, Err(IntentError::Signature(0)), "byte {at}");
        }
    }
}

#[test]
fn int_08_only_the_keys_own_signature_with_a_low_s_becomes_an_artifact() {
    let decoded = decode(31337, &dynamic().encoded_for_signing()).unwrap();
    let good = sign(&key(), &decoded);
    assert!(decoded.finish(&good).is_ok());
    let stranger = SigningKey::from_slice(&[9; 32]).unwrap();
    assert_eq!(decoded.finish(&sign(&stranger, &decoded)), Err(IntentError::Signature(0)));
    let high = k256::ecdsa::Signature::from_slice(&good[0].0).unwrap();
    let high = k256::ecdsa::Signature::from_scalars(high.r(), -*high.s()).unwrap();
    let high = (high.to_bytes().into(), good[0].1.map(|id| 1 - id));
    assert_eq!(decoded.finish(&[high]), Err(IntentError::Signature(0)));
    for bad in [[0; 64], [0xff; 64]] {
        assert_eq!(decoded.finish(&[(bad, None)]), Err(IntentError::Signature(0)));
    }
    let count = |got| Err(IntentError::SignatureCount { got, needed: 1 });
    assert_eq!(decoded.finish(&[]), count(0));
    assert_eq!(decoded.finish(&[good[0], good[0]]), count(2));
}

proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for prefix in [&[][..], &[0x01], &[0x02], &[0x02, 0xf8, 0xc7]] {
            let _ = decode(31337, &[prefix, &bytes].concat());
        }
    }

    #[test]
    fn every_transaction_that_decodes_is_its_own_preimage(
        nonce in 0..u64::MAX, gas_limit: u64, fee: u128, value: [u8; 32], to: Option<[u8; 20]>,
        input in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let sent = TxEip1559 {
            nonce,
            gas_limit,
            max_fee_per_gas: fee,
            max_priority_fee_per_gas: fee / 2,
            to: to.map_or(TxKind::Create, |to| TxKind::Call(to.into())),
            value: U256::from_be_bytes(value),
            input: input.into(),
            ..dynamic()
        };
        let decoded = decode(31337, &sent.encoded_for_signing()).unwrap();
        prop_assert_eq!(decoded.facts().moves[0].1, sent.value);
        prop_assert_eq!(decoded.signing_digests(), [sent.signature_hash().to_vec()]);
        prop_assert!(decoded.finish(&sign(&key(), &decoded)).is_ok());
    }
}
