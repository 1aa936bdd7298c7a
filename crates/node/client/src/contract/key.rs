//! Keys as callers see them.

use super::HexBytes;
use quorate_access::Tree;
use quorate_identity::{Head, KeyId, Name, Scheme};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What every view of a key says while backups do not exist.
pub const TEST_FUNDS_ONLY: &str = "test funds only: this key has no proven backup";

/// `key show`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyView {
    /// Its name.
    #[schema(value_type = String)]
    pub key: Name,
    /// Its id, which never changes.
    #[schema(value_type = String)]
    pub id: KeyId,
    /// What it makes.
    #[schema(value_type = String)]
    pub scheme: Scheme,
    /// The public key once the key is active: 33 bytes SEC1 for ECDSA, 32 bytes for BIP-340
    /// (x-only, untweaked) and Ed25519.
    #[schema(value_type = Option<String>)]
    pub public_key: Option<HexBytes>,
    /// Which nodes can sign, in tree notation over their names.
    #[schema(value_type = String)]
    pub access: Tree<Name>,
    /// The epoch; 0 until the key is made.
    pub epoch: u64,
    /// How far the key is.
    pub state: KeyState,
    /// `unproven`: there is no backup that anybody verified.
    pub backup: String,
    /// A warning to show beside every address.
    pub warning: String,
    /// Its addresses, where somebody asked for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Addresses>,
}

/// How far a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// In the charter; its nodes have not made it yet.
    Ordered,
    /// Made and certified; its birth signature is missing.
    Born,
    /// It signs.
    Active,
}

/// Addresses of a key, made by the asker's own machine from the public key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Addresses {
    /// EIP-55.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ethereum: Option<String>,
    /// Bech32, witness version 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p2wpkh: Option<String>,
    /// Bech32m, the BIP-86 output of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p2tr: Option<String>,
}

/// The certified epoch record of a key, for those who verify instead of believing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EpochRecordAnswer {
    /// The key.
    #[schema(value_type = String)]
    pub key: KeyId,
    /// The answering node's head.
    #[schema(value_type = String)]
    pub head: Head,
    /// Canonical bytes of the certified record.
    #[schema(value_type = String)]
    pub record: HexBytes,
}
