//! Keys as callers see them.

use super::EvidenceView;
use super::HexBytes;
use quorate_access::Tree;
use quorate_codec::Digest;
use quorate_identity::{Head, KeyId, Name, RecoveryKeyId, Scheme};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What every view of an imported key says besides.
pub const IMPORTED: &str = "imported: somebody held this key whole; whoever still has a copy can \
                            sign alone, for ever";

/// What every view of a restored key says besides.
pub const RESTORED: &str = "restored from the domain before: as many of its nodes as could sign there \
                            still can, unless they are destroyed";

/// What every view of a key says besides that the charter gave to somebody whole.
pub const EXPORTED: &str = "exported: the charter gave this key to somebody whole, who can sign alone, for \
                            ever";

/// What every view of a key says while nobody outside has audited this.
pub const TEST_FUNDS_ONLY: &str = "test funds only: this release has had no external audit";

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
    /// How many accounts it has: secrets of their own, held and renewed together.
    pub accounts: u16,
    /// The public key of account 0 once the key is active: 33 bytes SEC1 for ECDSA, 32 bytes for BIP-340
    /// (x-only, untweaked) and Ed25519.
    #[schema(value_type = Option<String>)]
    pub public_key: Option<HexBytes>,
    /// Which nodes can sign, in tree notation over their names.
    #[schema(value_type = String)]
    pub access: Tree<Name>,
    /// The epoch; 0 until the key is made.
    pub epoch: u64,
    /// How many of its nodes may be lost without losing the key.
    pub faults: u8,
    /// Nodes that hold shares of this epoch.
    #[schema(value_type = Vec<String>)]
    pub holders: Vec<Name>,
    /// Nodes of the access tree that hold none: absent when the epoch was made, they get shares
    /// with the next refresh.
    #[schema(value_type = Vec<String>)]
    pub without_shares: Vec<Name>,
    /// When the epoch was made, in milliseconds since 1970, by its leader's clock.
    pub made_at_ms: Option<u64>,
    /// When it is refreshed without another order, in words.
    pub schedule: Option<String>,
    /// When that is due next, in milliseconds since 1970.
    pub refresh_due_ms: Option<u64>,
    /// How far the key is.
    pub state: KeyState,
    /// `generated`; `imported`: somebody held the whole key once; or `restored`: it was a key of the
    /// domain before.
    #[serde(default)]
    pub origin: KeyOrigin,
    /// `proven`: everybody who holds shares verified the backup of this epoch, for the custodians of
    /// now. `outdated`: for others, who were replaced since. `none`: there is no key that could be
    /// used.
    pub backup: String,
    /// To whom the charter gave it whole, oldest first; none is ever forgotten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exports: Vec<ExportView>,
    /// A warning to show beside every address.
    pub warning: String,
    /// Its addresses, where somebody asked for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Addresses>,
}

/// That the charter gave a key to somebody whole, and how far the answering node is with its part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExportView {
    /// Who gets it.
    #[schema(value_type = String)]
    pub recipient: Name,
    /// The id of their recovery key.
    #[schema(value_type = String)]
    pub recovery_key: RecoveryKeyId,
    /// Its fingerprint in twelve words, as the recovery tool shows it.
    pub fingerprint: Vec<String>,
    /// The head that the entry made by which it took effect.
    #[schema(value_type = String)]
    pub entry: Head,
    /// The position of that entry.
    pub position: u64,
    /// Whether nodes still give parts for it.
    pub is_open: bool,
    /// The position of the entry that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<u64>,
    /// The epoch of which the answering node's part is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// Why the answering node gives nothing now, if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaits: Option<String>,
}

/// `GET /v1/keys/{key}/exports/{entry}`: the answering node's part of a key, encrypted to the recovery
/// key that the charter gave the key to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExportPartAnswer {
    /// The bundle.
    #[schema(value_type = String)]
    pub bundle: HexBytes,
    /// Canonical bytes of the node's signed statement that it is its own.
    #[schema(value_type = String)]
    pub statement: HexBytes,
}

/// Where a key was made. It never changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyOrigin {
    /// By its nodes together; it never existed in one place.
    #[default]
    Generated,
    /// Elsewhere: whoever still has a copy of it can sign without any node.
    Imported,
    /// It was a key of the domain that this one succeeds, and nobody held it whole.
    Restored,
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
    /// It was ended for ever.
    Retired,
}

/// `key epochs`: one epoch of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EpochView {
    /// The key.
    #[schema(value_type = String)]
    pub key: Name,
    /// The epoch.
    pub epoch: u64,
    /// How far it is.
    pub state: EpochState,
    /// Which nodes can sign, in tree notation.
    #[schema(value_type = String)]
    pub access: Tree<Name>,
    /// How many of them may be lost.
    pub faults: u8,
    /// Nodes that got shares.
    #[schema(value_type = Vec<String>)]
    pub holders: Vec<Name>,
    /// Nodes that dealt.
    #[schema(value_type = Vec<String>)]
    pub dealers: Vec<Name>,
    /// When it was planned, in milliseconds since 1970, by its leader's clock.
    pub made_at_ms: u64,
    /// The attempt that made it.
    pub attempt: u32,
    /// Digest of the certified record.
    #[schema(value_type = String)]
    pub record: Digest,
    /// Digest of the record before; zero for the first.
    #[schema(value_type = String)]
    pub previous: Digest,
    /// The head of the entry that it fulfils.
    #[schema(value_type = String)]
    pub order: Head,
    /// Whether its first signature verified.
    pub signed: bool,
    /// Nodes that said that they hold its shares and sign under it.
    #[schema(value_type = Vec<String>)]
    pub committed: Vec<Name>,
    /// Nodes that said that they destroyed everything of earlier epochs. A promise, no proof.
    #[schema(value_type = Vec<String>)]
    pub erased_earlier: Vec<Name>,
}

/// How far an epoch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EpochState {
    /// The key signs under it.
    Current,
    /// There is a newer one; its shares are kept until that one is safe.
    Kept,
    /// Its shares were given up.
    Over,
}

/// `ceremony list|show`: what is under way for a key, as one node sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CeremonyView {
    /// The key.
    #[schema(value_type = String)]
    pub key: Name,
    /// What it makes: `generate`, `refresh` or `reshare`.
    pub kind: CeremonyKind,
    /// The epoch that it would make.
    pub epoch: u64,
    /// Counts the attempts.
    pub attempt: u32,
    /// How far the attempt is, as the answering node sees it.
    pub phase: CeremonyPhase,
    /// Which nodes can sign afterwards.
    #[schema(value_type = String)]
    pub access: Tree<Name>,
    /// Everybody who could take part.
    pub nodes: Vec<CeremonyNode>,
    /// Nodes that must be here before it can begin.
    #[schema(value_type = Vec<String>)]
    pub missing: Vec<Name>,
    /// Why the last attempt made nothing.
    pub last_failure: Option<String>,
    /// What is proven about attempts at this epoch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<EvidenceView>,
}

/// What a ceremony makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CeremonyKind {
    /// A new key.
    Generate,
    /// A key that was made elsewhere.
    Import,
    /// A key of the domain before.
    Restore,
    /// New shares for the same tree.
    Refresh,
    /// New shares for another tree.
    Reshare,
}

/// How far an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CeremonyPhase {
    /// It has not begun: nodes are missing, or its leader has not planned it.
    Waiting,
    /// An import: every node is ready for the importer's dealing.
    Importer,
    /// Messages are exchanged.
    Dealing,
    /// Backups are made and verified.
    #[serde(rename = "backing-up")]
    BackingUp,
    /// Shares are durable; others' are awaited.
    Prepared,
    /// The voters decide.
    Deciding,
    /// The epoch is made; it must sign before the one before it ends.
    Ending,
}

/// A node in a ceremony.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CeremonyNode {
    /// The node.
    #[schema(value_type = String)]
    pub node: Name,
    /// Whether a channel to it is up.
    pub alive: bool,
    /// Whether it deals.
    pub deals: bool,
    /// Whether it gets shares.
    pub receives: bool,
    /// What it did last: `waiting`, `dealing`, `prepared`, `committed`.
    pub phase: String,
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

/// `key import offer`: what the importer needs, once every node is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportOfferAnswer {
    /// Canonical bytes of the plan and every member's signed first message.
    #[schema(value_type = String)]
    pub offer: HexBytes,
}

/// `key import submit`: what the importer dealt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitImport {
    /// Canonical bytes of its signed messages.
    #[schema(value_type = String)]
    pub dealing: HexBytes,
}

/// `key handover`: the certificate as a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HandoverAnswer {
    /// The epoch that it is about.
    pub epoch: u64,
    /// The bytes of the file; whoever gets them verifies them with the hash of the genesis.
    #[schema(value_type = String)]
    pub file: HexBytes,
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
