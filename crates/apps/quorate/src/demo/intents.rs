//! What the demo asks to have signed, built as a wallet would build it.

use alloy_primitives::{Address, U256};
use alloy_rlp::Encodable;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bitcoin::hashes::Hash as _;
use bitcoin::psbt::{Input, Psbt};
use bitcoin::{
    Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness,
    absolute::LockTime, transaction::Version,
};
use quorate_codec::hex;
use serde_json::{Value, json};

/// The chain of the demo's ether: a development chain.
pub const CHAIN_ID: u64 = 31_337;

/// An unsigned transfer or call of type 2 (EIP-1559).
#[derive(Debug, Clone, Copy)]
pub struct Ether<'a> {
    /// The account's next number.
    pub nonce: u64,
    /// The destination.
    pub to: Address,
    /// Wei.
    pub value: U256,
    /// Input of a call; empty for a transfer.
    pub data: &'a [u8],
}

impl Ether<'_> {
    /// The bytes whose hash is signed.
    pub fn unsigned(&self) -> Vec<u8> {
        let gas: u64 = if self.data.is_empty() { 21_000 } else { 100_000 };
        let mut fields = Vec::new();
        CHAIN_ID.encode(&mut fields);
        self.nonce.encode(&mut fields);
        PRIORITY_FEE.encode(&mut fields);
        MAX_FEE.encode(&mut fields);
        gas.encode(&mut fields);
        self.to.encode(&mut fields);
        self.value.encode(&mut fields);
        self.data.encode(&mut fields);
        Vec::<Address>::new().encode(&mut fields);
        let mut bytes = vec![2];
        alloy_rlp::Header { list: true, payload_length: fields.len() }.encode(&mut bytes);
        bytes.extend_from_slice(&fields);
        bytes
    }

    /// The intent.
    pub fn intent(&self) -> Value {
        json!({
            "kind": "evm.transaction",
            "chain_id": CHAIN_ID,
            "unsigned": hex::encode(&self.unsigned()),
        })
    }
}

/// One ether, in wei.
pub fn ether(milli: u64) -> U256 {
    U256::from(milli) * U256::from(1_000_000_000_000_000_u64)
}

/// A PSBT that spends one output of `from` and pays `to`; what is left goes back.
pub fn psbt(from: ScriptBuf, to: ScriptBuf, coin: [u8; 4]) -> Value {
    let mut txid = [0; 32];
    txid.iter_mut().zip(coin).for_each(|(byte, coin)| *byte = coin ^ 0xff);
    let spent = TxOut { value: Amount::from_sat(1_000_000), script_pubkey: from.clone() };
    let input = TxIn {
        previous_output: OutPoint { txid: Txid::from_byte_array(txid), vout: 0 },
        script_sig: ScriptBuf::new(),
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        witness: Witness::new(),
    };
    let payment = TxOut { value: Amount::from_sat(250_000), script_pubkey: to };
    let change = TxOut { value: Amount::from_sat(749_000), script_pubkey: from };
    let unsigned_tx = Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![input],
        output: vec![payment, change],
    };
    let psbt = Psbt {
        inputs: vec![Input { witness_utxo: Some(spent), ..Input::default() }],
        outputs: vec![bitcoin::psbt::Output::default(); unsigned_tx.output.len()],
        unsigned_tx,
        version: 0,
        xpub: Default::default(),
        proprietary: Default::default(),
        unknown: Default::default(),
    };
    let psbt = BASE64.encode(psbt.serialize());
    json!({ "kind": "bitcoin.psbt", "network": "regtest", "psbt": psbt })
}

/// A message for a key of Ed25519 or ECDSA on P-256.
pub fn message(text: &str) -> Value {
    json!({ "kind": "message", "message": hex::encode(text.as_bytes()) })
}

/// Wei per unit of gas for whoever mines.
const PRIORITY_FEE: u64 = 1_000_000_000;
/// Wei per unit of gas at most.
const MAX_FEE: u64 = 20_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::address;
    use quorate_identity::Scheme;
    use quorate_intent::{Intent, KeyFacts, p2wpkh};

    fn key() -> KeyFacts {
        let generator = "0x0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
        let public_key = hex::decode(generator).unwrap();
        KeyFacts { scheme: Scheme::EcdsaSecp256k1, public_key }
    }

    #[test]
    fn what_the_demo_builds_the_decoders_read() {
        let to = address!("70997970C51812dc3A010C7d01b50e0d17dc79C8");
        let transfer = Ether { nonce: 0, to, value: ether(500), data: &[] };
        let decoded = Intent::from_value(&transfer.intent()).unwrap().decode(&key()).unwrap();
        assert_eq!(decoded.facts().moves, [("ether".to_owned(), ether(500))]);
        assert!(!decoded.facts().calls);
        let hash = alloy_primitives::keccak256(transfer.unsigned());
        assert_eq!(decoded.signing_digests(), [hash.to_vec()]);

        let own: bitcoin::CompressedPublicKey =
            bitcoin::CompressedPublicKey::from_slice(&key().public_key).unwrap();
        let own = ScriptBuf::new_p2wpkh(&own.wpubkey_hash());
        let payee = ScriptBuf::new_p2wpkh(&bitcoin::WPubkeyHash::from_byte_array([7; 20]));
        let intent = psbt(own, payee, [0, 0, 0, 1]);
        let decoded = Intent::from_value(&intent).unwrap().decode(&key()).unwrap();
        assert_eq!(decoded.facts().to.len(), 1);
        let ours = p2wpkh(&key().public_key, "regtest".parse().unwrap());
        assert!(!decoded.facts().to.contains(&ours.unwrap()));
    }
}
