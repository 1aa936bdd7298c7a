//! Bitcoin: Core's own consensus code decides whether a block is valid.

use crate::peer::{OracleError, Peer, installed, script, text};
use serde_json::{Value, json};
use std::process::Command;
use tempfile::TempDir;

/// A fresh regtest chain of 101 blocks in a directory of its own.
pub struct Bitcoin {
    peer: Peer,
    _directory: TempDir,
}

/// A confirmed output under a script of the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coin {
    /// Transaction id as people write it (reversed hex, no prefix).
    pub txid: String,
    /// Index of the output.
    pub vout: u32,
    /// Value.
    pub sats: u64,
    /// The whole funding transaction, hex.
    pub raw: String,
}

/// What the kernel said of a block with the transaction in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The block became the tip.
    pub accepted: bool,
    /// `valid`, `consensus` (a rule is broken: a bad signature ends here), `mutated`, …
    pub reason: String,
}

impl Bitcoin {
    /// Opens the chain and mines until a coin is spendable; takes about 0.2 s.
    pub fn start() -> Result<Self, OracleError> {
        let python = installed("venv/bin/python")?;
        let directory = TempDir::new()?;
        let mut command = Command::new(python);
        command.arg(script("bitcoin.py")).arg(directory.path());
        Ok(Self { peer: Peer::start(command)?, _directory: directory })
    }

    /// Mines a coin of `sats` under `script_pubkey` (hex). All coins together hold 50 bitcoin.
    pub fn fund(&mut self, script_pubkey: &str, sats: u64) -> Result<Coin, OracleError> {
        let answer =
            self.peer.call(&json!({"call": "fund", "script": script_pubkey, "sats": sats}))?;
        Ok(Coin { txid: text(&answer, "txid")?, vout: 0, sats, raw: text(&answer, "raw")? })
    }

    /// Mines a block that holds this signed transaction (hex).
    pub fn spend(&mut self, raw: &str) -> Result<Verdict, OracleError> {
        self.judge(&json!({"call": "spend", "raw": raw}))
    }

    /// The same with one byte flipped in the signature of input `input`. The block commits to the
    /// flipped witness, so what is refused is the signature. The chain stays as it was.
    pub fn refuse(&mut self, raw: &str, input: usize) -> Result<Verdict, OracleError> {
        self.judge(&json!({"call": "refuse", "raw": raw, "input": input}))
    }

    fn judge(&mut self, call: &Value) -> Result<Verdict, OracleError> {
        let answer = self.peer.call(call)?;
        Ok(Verdict {
            accepted: answer.get("accepted") == Some(&Value::Bool(true)),
            reason: text(&answer, "reason")?,
        })
    }
}
