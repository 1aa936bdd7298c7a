//! Ethereum: anvil mines, viem reads.

use crate::peer::{OracleError, Peer, installed, script, text};
use serde_json::{Value, json};
use std::process::Command;

/// A fresh chain of its own on a free loopback port, with a client that is not ours.
pub struct Ethereum {
    peer: Peer,
}

/// What became of a transaction whose signature had one byte flipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Whether the chain took it. It must not.
    pub accepted: bool,
    /// The sender that the untouched signature recovers to.
    pub from: String,
    /// The sender that the flipped signature recovers to; never `from`.
    pub forged_from: String,
}

impl Ethereum {
    /// Starts anvil; takes about half a second.
    pub fn start() -> Result<Self, OracleError> {
        installed("node_modules/viem")?;
        let modules = installed("")?;
        let mut command = Command::new("node");
        command.arg(script("ethereum.mjs")).arg(modules);
        Ok(Self { peer: Peer::start(command)? })
    }

    /// The chain id that transactions must carry: 31337.
    pub fn chain_id(&self) -> u64 {
        self.peer.ready.get("chain_id").and_then(Value::as_u64).unwrap_or_default()
    }

    /// Sets the balance of `address` (0x-hex) to `wei` (decimal).
    pub fn fund(&mut self, address: &str, wei: &str) -> Result<(), OracleError> {
        self.peer.call(&json!({"call": "fund", "address": address, "wei": wei})).map(drop)
    }

    /// `{wei, nonce, code}` of an address.
    pub fn account(&mut self, address: &str) -> Result<Value, OracleError> {
        self.peer.call(&json!({"call": "account", "address": address}))
    }

    /// Mines a signed raw transaction (0x-hex) and reads it back:
    /// `{type, chain_id, from, to, wei, nonce, data, hash, status, block, read_back, paid, received, fee}`,
    /// where `paid` (without the fee) and `received` are differences of balances.
    pub fn send(&mut self, raw: &str) -> Result<Value, OracleError> {
        self.peer.call(&json!({"call": "send", "raw": raw}))
    }

    /// Flips a byte of the signature and sends that. Chains have no "invalid" signature, only
    /// another sender, so compare [`Refusal::forged_from`].
    pub fn refuse(&mut self, raw: &str) -> Result<Refusal, OracleError> {
        let answer = self.peer.call(&json!({"call": "refuse", "raw": raw}))?;
        Ok(Refusal {
            accepted: answer.get("accepted") != Some(&Value::Bool(false)),
            from: text(&answer, "from")?,
            forged_from: text(&answer, "forged_from")?,
        })
    }

    /// viem's reading of a signed transaction, with the sender it recovers.
    pub fn decode(&mut self, raw: &str) -> Result<Value, OracleError> {
        self.peer.call(&json!({"call": "decode", "raw": raw}))
    }

    /// Address that signed `message` (0x-hex) under EIP-191, by viem.
    pub fn recover_message(
        &mut self,
        message: &str,
        signature: &str,
    ) -> Result<String, OracleError> {
        let call = json!({"call": "recover_message", "message": message, "signature": signature});
        text(&self.peer.call(&call)?, "address")
    }

    /// A transfer and a message signed by viem itself, `{address, raw, message, message_signature}`:
    /// what proves this oracle before ours is shown to it.
    pub fn sample(&mut self, to: &str, wei: &str) -> Result<Value, OracleError> {
        self.peer.call(&json!({"call": "sample", "to": to, "wei": wei}))
    }
}
