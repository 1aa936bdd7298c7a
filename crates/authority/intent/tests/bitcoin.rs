//! PSBTs: which coins are the key's to spend, digests against a second implementation of BIP-143
//! and BIP-341, addresses against the published vectors, and everything that must be refused.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed, which is what it is for"
)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash;
use bitcoin::psbt::{Psbt, PsbtSighashType};
use bitcoin::taproot::TapNodeHash;
use bitcoin::transaction::Version;
use bitcoin::{
    Address, Amount, Network as Chain, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut,
    Txid, XOnlyPublicKey,
};
use proptest::prelude::*;
use quorate_codec::hex;
use quorate_identity::Scheme;
use quorate_intent::{
    Artifact, Decoded, InputProblem, Intent, IntentError, KeyFacts, Network, SignatureEncoding,
    SigningPayload, p2pkh, p2sh_p2wpkh, p2tr, p2wpkh, taproot_output_key,
};
use serde_json::json;
use sha2::{Digest, Sha256};

const PAYEE: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

fn ecdsa() -> (k256::ecdsa::SigningKey, KeyFacts) {
    let secret = k256::ecdsa::SigningKey::from_slice(&[8; 32]).unwrap();
    let public_key = secret.verifying_key().to_encoded_point(true).as_bytes().to_vec();
    (secret, KeyFacts { scheme: Scheme::EcdsaSecp256k1, public_key })
}

/// The key that signs for the output key, and the internal key.
fn taproot() -> (k256::schnorr::SigningKey, KeyFacts) {
    let internal = k256::schnorr::SigningKey::from_bytes(&[6; 32]).unwrap();
    let public_key = internal.verifying_key().to_bytes().to_vec();
    let tweak = tagged("TapTweak", &public_key);
    let tweak = k256::SecretKey::from_slice(&tweak).unwrap();
    let tweaked = **internal.as_nonzero_scalar() + *tweak.to_nonzero_scalar();
    let tweaked = k256::schnorr::SigningKey::from_bytes(&tweaked.to_bytes()).unwrap();
    (tweaked, KeyFacts { scheme: Scheme::Bip340, public_key })
}

fn script(facts: &KeyFacts) -> ScriptBuf {
    let address = match facts.scheme {
        Scheme::EcdsaSecp256k1 => p2wpkh(&facts.public_key, Network::Regtest),
        _ => p2tr(&facts.public_key, Network::Regtest),
    };
    script_of(&address.unwrap())
}

fn script_of(address: &str) -> ScriptBuf {
    let address: Address<_> = address.parse().unwrap();
    address.require_network(Chain::Regtest).unwrap().script_pubkey()
}

/// A PSBT that spends coins of these amounts and pays these outputs.
fn psbt(own: &ScriptBuf, coins: &[u64], outputs: &[(ScriptBuf, u64)]) -> Psbt {
    let coin = |sats: &u64| TxOut { value: Amount::from_sat(*sats), script_pubkey: own.clone() };
    let previous = |sats: &u64| Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn { sequence: Sequence::MAX, ..TxIn::default() }],
        output: vec![coin(&1), coin(sats)],
    };
    let previous: Vec<Transaction> = coins.iter().map(previous).collect();
    let input = previous.iter().map(|previous| TxIn {
        previous_output: OutPoint { txid: previous.compute_txid(), vout: 1 },
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        ..TxIn::default()
    });
    let output = outputs.iter().map(|(script_pubkey, sats)| TxOut {
        value: Amount::from_sat(*sats),
        script_pubkey: script_pubkey.clone(),
    });
    let mut psbt = Psbt::from_unsigned_tx(Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: input.collect(),
        output: output.collect(),
    })
    .unwrap();
    for (map, previous) in psbt.inputs.iter_mut().zip(previous) {
        map.witness_utxo = Some(previous.output[1].clone());
        map.non_witness_utxo = Some(previous);
    }
    psbt
}

/// Two coins, a payment, and change.
fn spend(facts: &KeyFacts) -> Psbt {
    let own = script(facts);
    psbt(&own, &[70_000, 50_000], &[(script_of(PAYEE), 100_000), (own.clone(), 19_000)])
}

fn decode_bytes(bytes: &[u8], facts: &KeyFacts) -> Result<Decoded, IntentError> {
    let psbt = STANDARD.encode(bytes);
    let intent = json!({"kind": "bitcoin.psbt", "network": "regtest", "psbt": psbt});
    Intent::from_json(&intent.to_string()).unwrap().decode(facts)
}

fn decode(psbt: &Psbt, facts: &KeyFacts) -> Result<Decoded, IntentError> {
    decode_bytes(&psbt.serialize(), facts)
}

fn problem(psbt: &Psbt, facts: &KeyFacts) -> InputProblem {
    match decode(psbt, facts) {
        Err(IntentError::Input { problem, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

fn sign_all(decoded: &Decoded, ours: impl Fn(&[u8; 32]) -> [u8; 64]) -> Artifact {
    let sign = |payload: &SigningPayload| {
        let SigningPayload::Digest(digest) = payload else { panic!("a digest") };
        (ours(digest), None)
    };
    let signatures: Vec<_> = decoded.signing_payloads().iter().map(sign).collect();
    decoded.finish(&signatures).unwrap()
}

fn raw(artifact: &Artifact) -> Transaction {
    bitcoin::consensus::deserialize(&hex::decode(&artifact.value).unwrap()).unwrap()
}

fn tagged(tag: &str, bytes: &[u8]) -> [u8; 32] {
    let tag = Sha256::digest(tag);
    Sha256::new().chain_update(tag).chain_update(tag).chain_update(bytes).finalize().into()
}

fn double(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(Sha256::digest(bytes)).to_vec()
}

fn serialize<T: bitcoin::consensus::Encodable>(value: &T) -> Vec<u8> {
    bitcoin::consensus::serialize(value)
}

/// Every element of a list, serialized and joined.
fn joined<T>(list: &[T], bytes: impl Fn(&T) -> Vec<u8>) -> Vec<u8> {
    list.iter().flat_map(bytes).collect()
}

/// BIP-143 for P2WPKH and SIGHASH_ALL, from its text.
fn bip_143(transaction: &Transaction, input: usize, spent: &TxOut) -> Vec<u8> {
    let program = &spent.script_pubkey.as_bytes()[2..];
    let code = [&[0x19, 0x76, 0xa9, 0x14][..], program, &[0x88, 0xac]].concat();
    let parts = [
        serialize(&transaction.version),
        double(&joined(&transaction.input, |input| serialize(&input.previous_output))),
        double(&joined(&transaction.input, |input| serialize(&input.sequence))),
        serialize(&transaction.input[input].previous_output),
        code,
        serialize(&spent.value),
        serialize(&transaction.input[input].sequence),
        double(&joined(&transaction.output, serialize)),
        serialize(&transaction.lock_time),
        1_u32.to_le_bytes().to_vec(),
    ];
    double(&parts.concat())
}

/// BIP-341 for a key path without annex, from its text.
fn bip_341(transaction: &Transaction, input: u32, spent: &[TxOut], sighash: u8) -> Vec<u8> {
    let once = |bytes: Vec<u8>| Sha256::digest(bytes).to_vec();
    let parts = [
        vec![0, sighash],
        serialize(&transaction.version),
        serialize(&transaction.lock_time),
        once(joined(&transaction.input, |input| serialize(&input.previous_output))),
        once(joined(spent, |output| serialize(&output.value))),
        once(joined(spent, |output| serialize(&output.script_pubkey))),
        once(joined(&transaction.input, |input| serialize(&input.sequence))),
        once(joined(&transaction.output, serialize)),
        vec![0],
        input.to_le_bytes().to_vec(),
    ];
    tagged("TapSighash", &parts.concat()).to_vec()
}

fn spent(psbt: &Psbt) -> Vec<TxOut> {
    psbt.inputs.iter().map(|map| map.witness_utxo.clone().unwrap()).collect()
}

#[test]
fn int_12_p2wpkh_inputs_are_signed_as_bip_143_says_and_finished() {
    let (secret, facts) = ecdsa();
    let psbt = spend(&facts);
    let decoded = decode(&psbt, &facts).unwrap();
    assert!(!decoded.is_taproot());
    let spent = spent(&psbt);
    let expected: Vec<Vec<u8>> =
        (0..2).map(|input| bip_143(&psbt.unsigned_tx, input, &spent[input])).collect();
    assert_eq!(decoded.signing_digests(), expected);
    let artifact = sign_all(&decoded, |digest| {
        secret.sign_prehash_recoverable(digest).unwrap().0.to_bytes().into()
    });
    let signed = raw(&artifact);
    assert_eq!(signed.compute_txid(), psbt.unsigned_tx.compute_txid());
    for (index, (input, item)) in signed.input.iter().zip(&artifact.signatures).enumerate() {
        let witness: Vec<&[u8]> = input.witness.iter().collect();
        assert_eq!(witness, [&[&item.signature[..], &[1]].concat(), &facts.public_key]);
        assert_eq!(item.input, Some(index as u32));
        assert_eq!((item.encoding, &item.public_key), (SignatureEncoding::Der, &facts.public_key));
        assert!(k256::ecdsa::Signature::from_der(&item.signature).is_ok());
    }
}

#[test]
fn int_12_taproot_inputs_are_signed_as_bip_341_says_and_finished() {
    let (secret, facts) = taproot();
    for (asked, byte) in [(None, 0), (Some(0), 0), (Some(1), 1)] {
        let mut psbt = spend(&facts);
        psbt.inputs[1].sighash_type = asked.map(PsbtSighashType::from_u32);
        psbt.inputs[0].non_witness_utxo = None;
        let internal = XOnlyPublicKey::from_slice(&facts.public_key).unwrap();
        psbt.inputs[1].tap_internal_key = Some(internal);
        let decoded = decode(&psbt, &facts).unwrap();
        assert!(decoded.is_taproot());
        let spent = spent(&psbt);
        let expected =
            [bip_341(&psbt.unsigned_tx, 0, &spent, 0), bip_341(&psbt.unsigned_tx, 1, &spent, byte)];
        assert_eq!(decoded.signing_digests(), expected);
        let artifact =
            sign_all(&decoded, |digest| secret.sign_raw(digest, &[0; 32]).unwrap().to_bytes());
        let output_key = taproot_output_key(&facts.public_key[..].try_into().unwrap()).unwrap();
        let signed = raw(&artifact);
        for (index, item) in artifact.signatures.iter().enumerate() {
            assert_eq!(item.encoding, SignatureEncoding::Bip340);
            assert_eq!(item.public_key, output_key);
            let element = signed.input[index].witness.iter().next().unwrap();
            let ending: &[u8] = if index == 1 && byte == 1 { &[1] } else { &[] };
            assert_eq!(element, [&item.signature, ending].concat());
            assert_eq!(signed.input[index].witness.len(), 1);
        }
    }
}

#[test]
fn int_04_change_is_no_destination_and_the_fee_is_what_remains() {
    for facts in [ecdsa().1, taproot().1] {
        let decoded = decode(&spend(&facts), &facts).unwrap();
        let read = decoded.facts();
        assert_eq!(read.network, "bitcoin:regtest");
        assert_eq!(read.to.iter().collect::<Vec<_>>(), [PAYEE]);
        assert_eq!(read.moves[0].0, "bitcoin");
        assert_eq!((read.moves[0].1.to::<u64>(), read.fees[0].1.to::<u64>()), (100_000, 1_000));
        assert_eq!((read.calls, read.creates), (false, false));
        assert_eq!(
            decoded.effect(),
            [
                format!("sends 0.001 BTC (100000 sats) to {PAYEE} on regtest"),
                "returns 0.00019 BTC (19000 sats) to the key itself".to_owned(),
                "pays a fee of 0.00001 BTC (1000 sats), out of 2 of the key's coins".to_owned(),
            ]
        );
        assert_eq!(decoded.facts_json()["details"]["outputs"][1]["change"], true);
        let own = script(&facts);
        let consolidation = decode(&psbt(&own, &[5_000], &[(own.clone(), 4_000)]), &facts);
        let read = consolidation.unwrap().facts();
        assert!(read.to.is_empty() && read.moves[0].1.is_zero());
    }
}

#[test]
fn int_04_two_outputs_to_one_address_are_added_up() {
    let (_, facts) = ecdsa();
    let outputs = [(script_of(PAYEE), 1_000), (script_of(PAYEE), 2_000)];
    let decoded = decode(&psbt(&script(&facts), &[5_000], &outputs), &facts).unwrap();
    assert_eq!(decoded.facts().moves[0].1.to::<u64>(), 3_000);
    assert!(decoded.effect()[0].starts_with("sends 0.00003 BTC"));
}

/// The vectors of BIP-86 and, for the key without scripts, of BIP-341.
#[test]
fn neg_028_output_keys_and_addresses_are_those_of_bip_86_and_bip_341() {
    for (internal, output, address) in [
        (
            "0xcc8a4bc64d897bddc5fbc2f670f7a8ba0b386779106cf1223c6fc5d7cd6fc115",
            "0xa60869f0dbcf1dc659c9cecbaf8050135ea9e8cdc487053f1dc6880949dc684c",
            "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr",
        ),
        (
            "0x83dfe85a3151d2517290da461fe2815591ef69f2b18a2ce63f01697a8b313145",
            "0xa82f29944d65b86ae6b5e5cc75e294ead6c59391a1edc5e016e3498c67fc7bbb",
            "bc1p4qhjn9zdvkux4e44uhx8tc55attvtyu358kutcqkudyccelu0was9fqzwh",
        ),
        (
            "0x399f1b2f4393f29a18c937859c5dd8a77350103157eb880f02e8c08214277cef",
            "0x882d74e5d0572d5a816cef0041a96b6c1de832f6f9676d9605c44d5e9a97d3dc",
            "bc1p3qkhfews2uk44qtvauqyr2ttdsw7svhkl9nkm9s9c3x4ax5h60wqwruhk7",
        ),
        (
            "0xd6889cb081036e0faefa3a35157ad71086b123b2b144b649798b494c300a961d",
            "0x53a1f6e454df1aa2776a2814a721372d6258050de330b3c6d10ee8f4e0dda343",
            "bc1p2wsldez5mud2yam29q22wgfh9439spgduvct83k3pm50fcxa5dps59h4z5",
        ),
    ] {
        let internal: [u8; 32] = hex::decode_array(internal).unwrap();
        let found = taproot_output_key(&internal).unwrap();
        assert_eq!(hex::encode(&found), output);
        assert_eq!(p2tr(&internal, Network::Mainnet).unwrap(), address);
        let library = Address::p2tr(
            &bitcoin::secp256k1::Secp256k1::verification_only(),
            XOnlyPublicKey::from_slice(&internal).unwrap(),
            None,
            Chain::Regtest,
        );
        assert_eq!(p2tr(&internal, Network::Regtest).unwrap(), library.to_string());
    }
    for bad in [[0; 32], [0xff; 32]] {
        assert_eq!(taproot_output_key(&bad), Err(IntentError::Key(Scheme::Bip340)));
    }
}

/// INT-09: the public key of BIP-173's example in its older forms, as BIP-49 and every wallet
/// write them.
#[test]
fn int_09_older_addresses_of_an_ecdsa_key() {
    let key = hex::decode("0x0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
    let key = key.unwrap();
    let of = |network| (p2pkh(&key, network).unwrap(), p2sh_p2wpkh(&key, network).unwrap());
    let (pkh, sh) = of(Network::Mainnet);
    assert_eq!(pkh, "1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH");
    assert_eq!(sh, "3JvL6Ymt8MVWiCNHC7oWU6nLeHNJKLZGLN");
    let (pkh, sh) = of(Network::Regtest);
    assert_eq!(pkh, "mrCDrCybB6J1vRfbwM5hemdJz73FwDBC8r");
    assert_eq!(sh, "2NAUYAHhujozruyzpsFRP63mbrdaU5wnEpN");
    assert!(p2pkh(&key[1..], Network::Mainnet).is_err());
}

/// INT-12: coins of all three forms in one transaction, each signed as its form demands.
#[test]
fn int_12_ecdsa_coins_of_all_forms_are_signed_together() {
    let (secret, facts) = ecdsa();
    let key = bitcoin::CompressedPublicKey::from_slice(&facts.public_key).unwrap();
    let p2wpkh = ScriptBuf::new_p2wpkh(&key.wpubkey_hash());
    let forms = [
        ScriptBuf::new_p2pkh(&key.pubkey_hash()),
        ScriptBuf::new_p2sh(&p2wpkh.script_hash()),
        p2wpkh.clone(),
    ];
    let mut parts = forms.iter().map(|own| psbt(own, &[40_000], &[(script_of(PAYEE), 30_000)]));
    let mut mixed = parts.next().unwrap();
    for part in parts {
        mixed.unsigned_tx.input.extend(part.unsigned_tx.input);
        mixed.inputs.extend(part.inputs);
    }
    // change to any form of the key is no destination
    mixed
        .unsigned_tx
        .output
        .push(TxOut { value: Amount::from_sat(80_000), script_pubkey: forms[0].clone() });
    mixed.outputs.push(Default::default());
    mixed.inputs[1].redeem_script = Some(p2wpkh.clone());

    let decoded = decode(&mixed, &facts).unwrap();
    assert_eq!(decoded.facts().to.len(), 1);
    assert!(decoded.facts_json()["details"]["txid"].is_null());
    let sign =
        |digest: &[u8; 32]| secret.sign_prehash_recoverable(digest).unwrap().0.to_bytes().into();
    let signed = raw(&sign_all(&decoded, sign));
    let (pkh, sh, wpkh) = (&signed.input[0], &signed.input[1], &signed.input[2]);
    assert!(pkh.witness.is_empty() && pkh.script_sig.len() > 100);
    assert_eq!(sh.script_sig.as_bytes(), [&[22], p2wpkh.as_bytes()].concat());
    assert!(wpkh.script_sig.is_empty());
    assert_eq!((sh.witness.len(), wpkh.witness.len()), (2, 2));

    // a redeem script where there is none, or another one
    let mut other = mixed.clone();
    other.inputs[2].redeem_script = Some(p2wpkh.clone());
    assert_eq!(problem(&other, &facts), InputProblem::Script);
    let mut other = mixed.clone();
    other.inputs[1].redeem_script = Some(forms[0].clone());
    assert_eq!(problem(&other, &facts), InputProblem::Script);
    // P2PKH commits to no amount, so the whole previous transaction is always needed
    let mut other = psbt(&forms[0], &[40_000], &[(script_of(PAYEE), 30_000)]);
    other.inputs[0].non_witness_utxo = None;
    assert_eq!(problem(&other, &facts), InputProblem::NoPreviousTransaction);
    let alone = psbt(&forms[1], &[40_000], &[(script_of(PAYEE), 30_000)]);
    let txid = decode(&alone, &facts).unwrap().facts_json()["details"]["txid"].clone();
    let finished = raw(&sign_all(&decode(&alone, &facts).unwrap(), sign));
    assert_eq!(txid, json!(finished.compute_txid().to_string()));
}

#[test]
fn int_09_p2wpkh_addresses_are_those_of_bip_173() {
    let key = "0x0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    let key = hex::decode(key).unwrap();
    for (network, address) in [
        (Network::Mainnet, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        (Network::Testnet, "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"),
        (Network::Signet, "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"),
        (Network::Regtest, "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"),
    ] {
        assert_eq!(p2wpkh(&key, network).unwrap(), address);
    }
}

#[test]
fn neg_028_scripts_hidden_in_the_output_key_and_wrong_tweaks_are_refused() {
    let (_, facts) = taproot();
    let secp = bitcoin::secp256k1::Secp256k1::verification_only();
    let internal = XOnlyPublicKey::from_slice(&facts.public_key).unwrap();
    let pay = [(script_of(PAYEE), 4_000)];

    let root = TapNodeHash::from_byte_array([7; 32]);
    let hidden = ScriptBuf::new_p2tr(&secp, internal, Some(root));
    let mut with_script = psbt(&hidden, &[5_000], &pay);
    assert_eq!(problem(&with_script, &facts), InputProblem::NotOurs);
    with_script.inputs[0].tap_internal_key = Some(internal);
    assert_eq!(problem(&with_script, &facts), InputProblem::NotOurs);
    with_script.inputs[0].tap_merkle_root = Some(root);
    assert_eq!(problem(&with_script, &facts), InputProblem::Script);

    let untweaked = [&[0x51, 0x20], &facts.public_key[..]].concat();
    let untweaked = psbt(&ScriptBuf::from(untweaked), &[5_000], &pay);
    assert_eq!(problem(&untweaked, &facts), InputProblem::Untweaked);

    let mut lying = psbt(&script(&facts), &[5_000], &pay);
    lying.inputs[0].tap_merkle_root = Some(root);
    assert_eq!(problem(&lying, &facts), InputProblem::Script);
    lying.inputs[0].tap_merkle_root = None;
    let (_, other) = k256_point();
    lying.inputs[0].tap_internal_key = Some(other);
    assert_eq!(problem(&lying, &facts), InputProblem::InternalKey);
}

fn k256_point() -> ([u8; 32], XOnlyPublicKey) {
    let key = k256::schnorr::SigningKey::from_bytes(&[9; 32]).unwrap();
    let bytes: [u8; 32] = key.verifying_key().to_bytes().into();
    (bytes, XOnlyPublicKey::from_slice(&bytes).unwrap())
}

#[test]
fn neg_028_the_signature_of_the_untweaked_key_is_no_artifact() {
    let (_, facts) = taproot();
    let decoded = decode(&spend(&facts), &facts).unwrap();
    let internal = k256::schnorr::SigningKey::from_bytes(&[6; 32]).unwrap();
    let sign = |payload: &SigningPayload| {
        let SigningPayload::Digest(digest) = payload else { panic!("a digest") };
        (internal.sign_raw(digest, &[0; 32]).unwrap().to_bytes(), None)
    };
    let signatures: Vec<_> = decoded.signing_payloads().iter().map(sign).collect();
    assert_eq!(decoded.finish(&signatures), Err(IntentError::Signature(0)));
}

#[test]
fn int_12_coins_that_are_not_the_keys_are_refused() {
    let (_, facts) = ecdsa();
    let (_, other) = taproot();
    let own = script(&facts);
    let theirs = script_of(PAYEE);
    let program = &theirs.as_bytes()[2..];
    let pay = [(script_of(PAYEE), 4_000)];
    for foreign in [
        script(&other),
        script_of(PAYEE),
        ScriptBuf::new_p2wsh(&bitcoin::WScriptHash::all_zeros()),
        ScriptBuf::new_p2sh(&theirs.script_hash()),
        ScriptBuf::from([&[0x76, 0xa9, 0x14], program, &[0x88, 0xac]].concat()),
        ScriptBuf::new(),
    ] {
        assert_eq!(problem(&psbt(&foreign, &[5_000], &pay), &facts), InputProblem::NotOurs);
        let mut mixed = psbt(&own, &[5_000, 6_000], &pay);
        let map = &mut mixed.inputs[1];
        map.non_witness_utxo = None;
        map.witness_utxo = Some(TxOut { value: Amount::from_sat(1), script_pubkey: foreign });
        let refused = decode(&mixed, &facts).unwrap_err();
        assert_eq!(refused, IntentError::Input { input: 1, problem: InputProblem::NotOurs });
    }
}

#[test]
fn int_12_the_spent_outputs_must_be_proven_where_amounts_could_lie() {
    let (_, facts) = ecdsa();
    let good = spend(&facts);
    let edit = |change: &dyn Fn(&mut Psbt)| {
        let mut psbt = good.clone();
        change(&mut psbt);
        psbt
    };
    let mut none = edit(&|psbt| psbt.inputs[1].witness_utxo = None);
    assert!(decode(&none, &facts).is_ok(), "the previous transaction says it all");
    none.inputs[1].non_witness_utxo = None;
    assert_eq!(problem(&none, &facts), InputProblem::NoUtxo);
    let lie = edit(&|psbt| psbt.inputs[0].witness_utxo.as_mut().unwrap().value = Amount::ONE_BTC);
    assert_eq!(problem(&lie, &facts), InputProblem::Contradiction);
    let other = edit(&|psbt| {
        let swapped = psbt.inputs[1].non_witness_utxo.clone();
        psbt.inputs[0].non_witness_utxo = swapped;
    });
    assert_eq!(problem(&other, &facts), InputProblem::WrongPreviousTransaction);
    let beyond = edit(&|psbt| psbt.unsigned_tx.input[0].previous_output.vout = 2);
    assert_eq!(problem(&beyond, &facts), InputProblem::WrongPreviousTransaction);
    let witness_only = edit(&|psbt| psbt.inputs[1].non_witness_utxo = None);
    assert_eq!(problem(&witness_only, &facts), InputProblem::NoPreviousTransaction);
    let mut single = psbt(&script(&facts), &[5_000], &[(script_of(PAYEE), 4_000)]);
    single.inputs[0].non_witness_utxo = None;
    assert!(decode(&single, &facts).is_ok(), "a lie about the one amount spoils the signature");
}

#[test]
fn int_12_unusual_ways_to_sign_are_refused() {
    for facts in [ecdsa().1, taproot().1] {
        let good = spend(&facts);
        let taproot = facts.scheme == Scheme::Bip340;
        for sighash in [0, 2, 3, 0x81, 0x82, 0x83, 0x41, 256] {
            let mut psbt = good.clone();
            psbt.inputs[1].sighash_type = Some(PsbtSighashType::from_u32(sighash));
            if taproot && sighash == 0 {
                continue;
            }
            assert_eq!(problem(&psbt, &facts), InputProblem::Sighash, "{sighash}");
        }
        let mut scripted = good.clone();
        scripted.inputs[0].redeem_script = Some(ScriptBuf::new());
        assert_eq!(problem(&scripted, &facts), InputProblem::Script);
        let mut scripted = good.clone();
        scripted.inputs[0].witness_script = Some(ScriptBuf::new());
        assert_eq!(problem(&scripted, &facts), InputProblem::Script);
        let mut signed = good.clone();
        signed.inputs[0].final_script_witness = Some(bitcoin::Witness::from_slice(&[[1_u8]]));
        assert_eq!(problem(&signed, &facts), InputProblem::Signed);
    }
}

#[test]
fn int_12_transactions_that_cannot_be_valid_are_refused() {
    let (_, facts) = ecdsa();
    let own = script(&facts);
    let negative = psbt(&own, &[5_000], &[(script_of(PAYEE), 5_001)]);
    let refused = decode(&negative, &facts).unwrap_err();
    assert_eq!(refused, IntentError::NegativeFee { inputs: 5_000, outputs: 5_001 });
    let all = Amount::MAX_MONEY.to_sat();
    for (coins, out) in [(vec![all, 1], 1), (vec![5_000], all + 1), (vec![5_000], u64::MAX)] {
        let psbt = psbt(&own, &coins, &[(script_of(PAYEE), out)]);
        assert_eq!(decode(&psbt, &facts).unwrap_err(), IntentError::Amounts);
    }
    let many = [(script_of(PAYEE), u64::MAX), (script_of(PAYEE), u64::MAX)];
    assert_eq!(decode(&psbt(&own, &[1], &many), &facts).unwrap_err(), IntentError::Amounts);
    let coins: Vec<u64> = (1..=65).map(|number| number * 1_000).collect();
    let wide = psbt(&own, &coins, &[(script_of(PAYEE), 4_000)]);
    assert_eq!(decode(&wide, &facts).unwrap_err(), IntentError::Inputs(65));
    assert!(decode(&psbt(&own, &coins[1..], &[(script_of(PAYEE), 4_000)]), &facts).is_ok());
    let nowhere = psbt(&own, &[5_000], &[]);
    assert_eq!(decode(&nowhere, &facts).unwrap_err(), IntentError::NoOutputs);
    for unspoken in [ScriptBuf::new(), ScriptBuf::new_op_return([7; 4])] {
        let psbt = psbt(&own, &[5_000], &[(script_of(PAYEE), 1), (unspoken, 0)]);
        assert_eq!(decode(&psbt, &facts).unwrap_err(), IntentError::Output(1));
    }
    let mut twice = psbt(&own, &[5_000, 6_000], &[(script_of(PAYEE), 4_000)]);
    twice.unsigned_tx.input[1] = twice.unsigned_tx.input[0].clone();
    twice.inputs[1] = twice.inputs[0].clone();
    assert_eq!(problem(&twice, &facts), InputProblem::Outpoint);
    let mut coinbase = psbt(&own, &[5_000], &[(script_of(PAYEE), 4_000)]);
    coinbase.unsigned_tx.input[0].previous_output = OutPoint::null();
    assert_eq!(problem(&coinbase, &facts), InputProblem::Outpoint);
}

#[test]
fn int_12_malformed_psbts_are_refused() {
    let (_, facts) = ecdsa();
    let good = spend(&facts).serialize();
    assert_eq!(
        decode_bytes(&[&good[..], &[0]].concat(), &facts).unwrap_err(),
        IntentError::PsbtTrailing
    );
    let mut version_two = spend(&facts);
    version_two.version = 2;
    for (name, bytes) in [
        ("nothing", vec![]),
        ("cut short", good[..good.len() - 1].to_vec()),
        ("another magic", [b"psbu", &good[4..]].concat()),
        ("a transaction alone", serialize(&spend(&facts).unsigned_tx)),
        ("version 2", version_two.serialize()),
    ] {
        assert!(matches!(decode_bytes(&bytes, &facts), Err(IntentError::Psbt(_))), "{name}");
    }
}

/// N-73 for PSBTs: of all single-byte changes that still decode, none keeps the digests and
/// changes what is shown, and none keeps what is shown and changes the digests.
#[test]
fn neg_073_no_byte_of_a_psbt_separates_what_is_shown_from_what_is_signed() {
    for facts in [ecdsa().1, taproot().1] {
        let good = psbt(&script(&facts), &[5_000], &[(script_of(PAYEE), 4_000)]);
        let shown = decode(&good, &facts).unwrap();
        let bytes = good.serialize();
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            let Ok(decoded) = decode_bytes(&other, &facts) else { continue };
            assert_eq!(
                decoded.signing_digests() == shown.signing_digests(),
                decoded.facts_json() == shown.facts_json(),
                "byte {at}"
            );
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..120),
        at in any::<prop::sample::Index>(),
        byte: u8,
    ) {
        let (_, facts) = taproot();
        let _ = decode_bytes(&[&b"psbt\xff"[..], &bytes].concat(), &facts);
        let mut changed = spend(&facts).serialize();
        let at = at.index(changed.len());
        changed[at] = byte;
        let _ = decode_bytes(&changed, &facts);
        changed.truncate(at);
        prop_assert!(decode_bytes(&changed, &facts).is_err());
    }

    #[test]
    fn any_outpoint_without_its_transaction_is_bound_by_the_digest(txid: [u8; 32], vout: u32) {
        let (_, facts) = taproot();
        let mut psbt = psbt(&script(&facts), &[5_000], &[(script_of(PAYEE), 4_000)]);
        let before = decode(&psbt, &facts).unwrap().signing_digests();
        psbt.inputs[0].non_witness_utxo = None;
        psbt.unsigned_tx.input[0].previous_output =
            OutPoint { txid: Txid::from_byte_array(txid), vout: vout.min(u32::MAX - 1) };
        prop_assert_ne!(decode(&psbt, &facts).unwrap().signing_digests(), before);
    }
}
