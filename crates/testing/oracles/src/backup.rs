//! A second reading of the page about backups, which shares no line with the first.

use crate::peer::{OracleError, Peer, installed, script};
use serde_json::{Value, json};
use std::process::Command;

/// A program that verifies a bundle and restores from it.
pub struct BackupReader {
    peer: Peer,
}

impl BackupReader {
    /// Starts it.
    pub fn start() -> Result<Self, OracleError> {
        let mut command = Command::new(installed("venv/bin/python")?);
        command.arg(script("backup.py"));
        Ok(Self { peer: Peer::start(command)? })
    }

    /// Whether the proof of a bundle holds, and what these custodians restore from it: `{verified,
    /// secrets}`, the secrets null if there are too few of them. Takes about five seconds.
    pub fn read(
        &mut self,
        curve: &str,
        bundle: &str,
        custodians: &Value,
    ) -> Result<Value, OracleError> {
        let call =
            json!({"call": "read", "curve": curve, "bundle": bundle, "custodians": custodians});
        self.peer.call(&call)
    }

    /// What the key of this kind and seed answers to a file of challenges: `{answers}`.
    pub fn possess(
        &mut self,
        kind: &str,
        seed: &str,
        challenges: &str,
    ) -> Result<Value, OracleError> {
        let call = json!({"call": "possess", "kind": kind, "seed": seed, "challenges": challenges});
        self.peer.call(&call)
    }
}
