//! Payments in bitcoin, of coins that no chain has: what nodes see of a coin is the transaction that
//! made it.

use base64::Engine;
use bitcoin::absolute::LockTime;
use bitcoin::psbt::Psbt;
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut};
use serde_json::{Value, json};

/// Spends a coin at one address to a listed one, so that nobody is asked. Another number is another
/// coin.
pub fn spend(own: &str, listed: &str, number: u32) -> Value {
    let (own, listed) = (script(own), script(listed));
    let output = |script: &ScriptBuf, sats| TxOut {
        value: Amount::from_sat(sats),
        script_pubkey: script.clone(),
    };
    let transaction = |input: TxIn, output: Vec<TxOut>| Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![input],
        output,
    };
    let anything = TxIn { sequence: Sequence::from_consensus(number), ..TxIn::default() };
    let funding = transaction(anything, vec![output(&own, 60_000)]);
    let coin = TxIn {
        previous_output: OutPoint { txid: funding.compute_txid(), vout: 0 },
        sequence: Sequence::MAX,
        ..TxIn::default()
    };
    let spending = transaction(coin, vec![output(&listed, 50_000), output(&own, 9_000)]);
    let mut psbt = Psbt::from_unsigned_tx(spending).unwrap();
    psbt.inputs[0].witness_utxo = Some(output(&own, 60_000));
    psbt.inputs[0].non_witness_utxo = Some(funding);
    let psbt = base64::engine::general_purpose::STANDARD.encode(psbt.serialize());
    json!({"kind": "bitcoin.psbt", "network": "regtest", "psbt": psbt})
}

fn script(address: &str) -> ScriptBuf {
    let address: bitcoin::Address<_> = address.parse().unwrap();
    address.require_network(bitcoin::Network::Regtest).unwrap().script_pubkey()
}
