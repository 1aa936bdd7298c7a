//! What opens a node's store.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Where that which opens a store is on this machine. Which of it is needed, the store says.
#[derive(Debug, Clone, Args)]
pub struct Opening {
    /// File with the passphrase of the node's store. Without it you are asked.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// A TPM or token, where the store is sealed by one.
    #[command(flatten)]
    pub device: Device,
}

/// Where a TPM or token is.
#[derive(Debug, Clone, Args)]
pub struct Device {
    /// The PKCS #11 module of the token that opens the store.
    #[arg(long, value_name = "FILE")]
    pub module: Option<PathBuf>,
    /// File with the PIN of that token. Without it you are asked.
    #[arg(long, value_name = "FILE")]
    pub pin_file: Option<PathBuf>,
    /// The TPM that opens the store.
    #[arg(long, value_name = "TPM", default_value = TPM)]
    pub tpm: String,
}

/// Where Linux has the TPM, behind its resource manager.
const TPM: &str = "device:/dev/tpmrm0";

impl Default for Opening {
    /// What needs nothing to be named.
    fn default() -> Self {
        let device = Device { module: None, pin_file: None, tpm: TPM.to_owned() };
        Self { passphrase_file: None, device }
    }
}

/// How a store is to be sealed.
#[derive(Debug, Clone, Args)]
pub struct Sealing {
    /// What opens the store: somebody who types, or something that is there when the machine starts.
    #[arg(long, value_enum, default_value = "passphrase")]
    pub seal: SealChoice,
    /// The credential's name in the unit, for `systemd-credential`.
    #[arg(long, value_name = "NAME", default_value = "quorate-seal")]
    pub credential: String,
    /// The token's label, for `pkcs11`.
    #[arg(long, value_name = "LABEL")]
    pub token: Option<String>,
    /// The label of the key in that token, which is made if there is none. Without it: quorate-NAME.
    #[arg(long, value_name = "LABEL")]
    pub key_label: Option<String>,
}

/// Kinds of seals, as they are typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SealChoice {
    /// A passphrase that somebody types at every start.
    Passphrase,
    /// A secret that systemd hands to the unit.
    SystemdCredential,
    /// The TPM 2.0 of this machine.
    Tpm2,
    /// A key in a token or HSM.
    Pkcs11,
}

/// What is to seal a store anew.
#[derive(Debug, Clone, Args)]
pub struct Resealing {
    /// By what.
    #[command(flatten)]
    pub sealing: Sealing,
    /// File with the new passphrase. Without it you are asked.
    #[arg(long, value_name = "FILE")]
    pub new_passphrase_file: Option<PathBuf>,
    /// The PKCS #11 module of the new token, if it is another one.
    #[arg(long, value_name = "FILE")]
    pub new_module: Option<PathBuf>,
    /// File with the PIN of the new token, if it is another one.
    #[arg(long, value_name = "FILE")]
    pub new_pin_file: Option<PathBuf>,
    /// The new TPM, if it is another one.
    #[arg(long, value_name = "TPM")]
    pub new_tpm: Option<String>,
}

impl Resealing {
    /// Where that which is to open the store from now on is.
    pub fn opening(&self, now: &Opening) -> Opening {
        let now = now.device.clone();
        let device = Device {
            module: self.new_module.clone().or(now.module),
            pin_file: self.new_pin_file.clone().or(now.pin_file),
            tpm: self.new_tpm.clone().unwrap_or(now.tpm),
        };
        Opening { passphrase_file: self.new_passphrase_file.clone(), device }
    }
}
