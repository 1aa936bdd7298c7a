//! `evm.transaction`: an unsigned EVM transaction: legacy in its EIP-155 form, EIP-2930, EIP-1559.

use super::{Content, Kind, rsv};
use crate::address::evm_address;
use crate::decoded::{IntentFacts, SignatureItem, SigningPayload};
use crate::error::IntentError;
use crate::key::{Key, Verified};
use crate::limits::{CHAIN_ID_MAX, EVM_BYTES_MAX};
use crate::text::Hex;
use crate::words::{ETHER, amount_in_words};
use alloy_consensus::transaction::{RlpEcdsaDecodableTx, RlpEcdsaEncodableTx};
use alloy_consensus::{SignableTransaction, Transaction, TxEip1559, TxEip2930, TxLegacy};
use alloy_primitives::{Address, Signature, TxKind, U256, keccak256};
use minicbor::{Decode, Encode};
use quorate_codec::hex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};


/// The chain, and the bytes whose Keccak-256 hash is signed (INT-11).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvmTransaction {
    #[n(0)]
    chain_id: u64,
    #[n(1)]
    unsigned: Hex<EVM_BYTES_MAX>,
}

impl Kind for EvmTransaction {
    fn decode(&self, key: &Key) -> Result<Box<dyn Content>, IntentError> {
        let sender = evm_address(key.ecdsa("evm.transaction")?);
        if !(1..=CHAIN_ID_MAX).contains(&self.chain_id) {
            return Err(IntentError::ChainIdRange(self.chain_id));
        }
        let unsigned = Unsigned::parse(self.unsigned.bytes())?;
        let transaction = unsigned.fields();
        let inside = transaction.chain_id().ok_or(IntentError::NoChain)?;
        if inside != self.chain_id {
            return Err(IntentError::ChainId { stated: self.chain_id, inside });
        }
        if transaction.nonce() == u64::MAX {
            return Err(IntentError::Nonce);
        }
        let priority = transaction.max_priority_fee_per_gas();
        if priority.is_some_and(|priority| priority > transaction.max_fee_per_gas()) {
            return Err(IntentError::PriorityFee);
        }
        Ok(Box::new(Parsed { key: key.bytes(), sender, chain_id: inside, unsigned }))
    }
}

/// The types of transaction that are signed.
#[derive(Debug)]
enum Unsigned {
    Legacy(TxLegacy),
    Eip2930(TxEip2930),
    Eip1559(TxEip1559),
}

impl Unsigned {
    /// Reads a signing preimage: decodes it, encodes the result again, and demands the same
    /// bytes. So longer integers, trailing bytes, signed transactions and all else are refused
    /// alike (INT-11).
    fn parse(bytes: &[u8]) -> Result<Self, IntentError> {
        let unsigned = match bytes {
            [] => return Err(IntentError::Rlp("it is empty".to_owned())),
            [0x01, list @ ..] => Self::Eip2930(read(list, TxEip2930::rlp_decode)?),
            [0x02, list @ ..] => Self::Eip1559(read(list, TxEip1559::rlp_decode)?),
            [0xc0..=0xff, ..] => {
                Self::Legacy(read(bytes, <TxLegacy as alloy_rlp::Decodable>::decode)?)
            }
            [kind, ..] => return Err(IntentError::TransactionType(*kind)),
        };
        if unsigned.preimage() == bytes { Ok(unsigned) } else { Err(IntentError::NotCanonical) }
    }

    fn fields(&self) -> &dyn Transaction {
        match self {
            Self::Legacy(transaction) => transaction,
            Self::Eip2930(transaction) => transaction,
            Self::Eip1559(transaction) => transaction,
        }
    }

    /// What is hashed and signed.
    fn preimage(&self) -> Vec<u8> {
        match self {
            Self::Legacy(transaction) => transaction.encoded_for_signing(),
            Self::Eip2930(transaction) => transaction.encoded_for_signing(),
            Self::Eip1559(transaction) => transaction.encoded_for_signing(),
        }
    }

    /// The raw transaction: `v` is 35 or 36 plus twice the chain id for a legacy transaction, the
    /// parity of y for the others.
    fn signed(&self, signature: Signature) -> Vec<u8> {
        let mut raw = Vec::new();
        match self {
            Self::Legacy(transaction) => transaction.eip2718_encode(&signature, &mut raw),
            Self::Eip2930(transaction) => transaction.eip2718_encode(&signature, &mut raw),
            Self::Eip1559(transaction) => transaction.eip2718_encode(&signature, &mut raw),
        }
        raw
    }
}

fn read<T>(
    mut list: &[u8],
    decode: impl FnOnce(&mut &[u8]) -> alloy_rlp::Result<T>,
) -> Result<T, IntentError> {
    decode(&mut list).map_err(|error| IntentError::Rlp(error.to_string()))
}

#[derive(Debug)]
struct Parsed {
    key: Vec<u8>,
    sender: Address,
    chain_id: u64,
    unsigned: Unsigned,
}

impl Parsed {
    fn fields(&self) -> &dyn Transaction {
        self.unsigned.fields()
    }

    /// The most that the chain can take: a product of 64 and 128 bits.
    fn fee_max(&self) -> U256 {
        U256::from(self.fields().gas_limit()) * U256::from(self.fields().max_fee_per_gas())
    }

    fn is_call(&self) -> bool {
        !self.fields().is_create() && !self.fields().input().is_empty()
    }

    fn selector(&self) -> Option<String> {
        let input = self.fields().input().get(..4).filter(|_| self.is_call());
        input.map(hex::encode)
    }
}

impl Content for Parsed {
    /// The recipient always counts as a destination, even the key's own address: a transaction
    /// to oneself spends a nonce and a fee.
    fn facts(&self) -> IntentFacts {
        let amount = |amount: U256| vec![(ETHER.to_owned(), amount)];
        IntentFacts {
            network: format!("eip155:{}", self.chain_id),
            to: self.fields().to().into_iter().map(|to| to.to_string()).collect(),
            moves: amount(self.fields().value()),
            fees: amount(self.fee_max()),
            calls: self.is_call(),
            creates: self.fields().is_create(),
            selector: self.selector(),
        }
    }

    fn details(&self) -> Value {
        let transaction = self.fields();
        let accesses = transaction.access_list().into_iter().flat_map(|list| list.iter());
        let accesses = accesses.map(|item| {
            let keys = item.storage_keys.iter().map(|key| hex::encode(key.as_slice()));
            json!({"address": item.address.to_string(), "storage_keys": keys.collect::<Vec<_>>()})
        });
        json!({
            "type": transaction.ty(),
            "chain_id": self.chain_id,
            "from": self.sender.to_string(),
            "to": transaction.to().map(|to| to.to_string()),
            "value": transaction.value().to_string(),
            "nonce": transaction.nonce(),
            "gas_limit": transaction.gas_limit(),
            "max_fee_per_gas": transaction.max_fee_per_gas().to_string(),
            "max_priority_fee_per_gas": transaction.max_priority_fee_per_gas().map(|fee| fee.to_string()),
            "data": hex::encode(transaction.input()),
            "access_list": accesses.collect::<Vec<_>>(),
        })
    }

    fn effect(&self) -> Vec<String> {
        let (transaction, chain) = (self.fields(), self.chain_id);
        let value = ether(transaction.value());
        let input = transaction.input().len();
        let first = match (transaction.kind(), self.selector()) {
            (TxKind::Create, _) => format!(
                "creates a contract on chain {chain} from {input} bytes of code and gives it {value}"
            ),
            (TxKind::Call(to), _) if input == 0 => {
                let own = if to == self.sender { ", the key's own address," } else { "" };
                format!("sends {value} to {to}{own} on chain {chain}")
            }
            (TxKind::Call(to), selector) => {
                let function = selector.map_or_else(
                    || "its fallback function".to_owned(),
                    |selector| format!("function {selector}"),
                );
                format!(
                    "calls {to} on chain {chain}, {function} with {input} bytes of input, and sends \
                     it {value}; what the call moves beyond that cannot be seen here"
                )
            }
        };
        vec![
            first,
            format!("pays a fee of at most {}", ether(self.fee_max())),
            format!("is number {} from {}", transaction.nonce(), self.sender),
        ]
    }

    fn payloads(&self) -> Vec<SigningPayload> {
        vec![SigningPayload::Digest(keccak256(self.unsigned.preimage()).0)]
    }

    /// The artifact is the signed raw transaction.
    fn finish(&self, signatures: &[Verified]) -> (Vec<u8>, Vec<SignatureItem>) {
        let raw = signatures.iter().flat_map(|signature| {
            let parity = signature.recovery_id == 1;
            self.unsigned.signed(Signature::from_bytes_and_parity(&signature.bytes, parity))
        });
        (raw.collect(), signatures.iter().map(|signature| rsv(&self.key, signature)).collect())
    }
}

fn ether(wei: U256) -> String {
    format!("{} ({wei} wei)", amount_in_words(ETHER, wei))
}
