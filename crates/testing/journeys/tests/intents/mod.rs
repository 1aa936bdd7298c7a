//! What journeys have signed.

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_primitives::{Address, TxKind, U256};
use serde_json::{Value, json};

/// A message, which the service signs under `ops` without anybody's approval.
pub fn message(text: &str) -> Value {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    json!({"kind": "message", "message": format!("0x{digits}")})
}

/// A small payment to a listed address, so that nobody is asked.
pub fn payment(listed: &str, nonce: u64) -> Value {
    let to: Address = listed.parse().unwrap();
    let transaction = TxEip1559 {
        chain_id: 31337,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 20_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: TxKind::Call(to),
        value: U256::from(1_000 + nonce),
        ..TxEip1559::default()
    };
    let unsigned = transaction.encoded_for_signing();
    let digits: String = unsigned.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({"kind": "evm.transaction", "chain_id": 31337, "unsigned": format!("0x{digits}")})
}
