//! Wallets: what libraries that are not ours make of an extended key and a descriptor.

use crate::peer::{OracleError, Peer, installed, script, text};
use serde_json::{Value, json};
use std::process::Command;

/// Two wallet libraries in one process: one reads extended keys, the other descriptors.
pub struct Wallet {
    peer: Peer,
}

impl Wallet {
    /// Starts the process; takes about half a second.
    pub fn start() -> Result<Self, OracleError> {
        installed("node_modules/@bitcoinerlab/descriptors")?;
        let modules = installed("")?;
        let mut command = Command::new("node");
        command.arg(script("wallet.mjs")).arg(modules);
        Ok(Self { peer: Peer::start(command)? })
    }

    /// The compressed public key at `path` (`m/0/5`) below an extended key, 0x-hex.
    pub fn child(&mut self, xpub: &str, path: &str) -> Result<String, OracleError> {
        let call = json!({"call": "child", "xpub": xpub, "path": path});
        text(&self.peer.call(&call)?, "public_key")
    }

    /// The first addresses of a descriptor that ends in `/*`. Its checksum must be right.
    pub fn addresses(
        &mut self,
        descriptor: &str,
        network: &str,
        count: u32,
    ) -> Result<Vec<String>, OracleError> {
        let call = json!({
            "call": "addresses", "descriptor": descriptor, "network": network, "count": count,
        });
        let answer = self.peer.call(&call)?;
        let listed = answer.get("addresses").and_then(Value::as_array);
        let texts = listed.into_iter().flatten().filter_map(Value::as_str);
        Ok(texts.map(str::to_owned).collect())
    }
}
