//! Backups that everybody can verify: secrets whose public points are known, encrypted to a tree
//! of custodians, with a proof that custodians who satisfy the tree restore exactly them.
//!
//! ```text
//!  prove ──► Bundle ── verify ──► Proven ── open (one custodian) ──► Part
//!                                    └───── restore (parts) ───────► Restored
//! ```
//!
//! The proof is cut and choose, with a few rows that stay closed: the prover makes N rows, each a
//! fresh key that is shared over the recovery tree, encrypted to its leaves and stretched to hide
//! the secrets; a hash of them all says which u rows stay closed, and the seeds of the others are
//! told. Whoever verifies makes those again. Whoever opens a closed row uncovers the secrets.
//!
//! A bundle is about one batch of secrets, which have one owner and are restored together; it says
//! nothing before it is verified, and what is verified against never comes from whoever sent it.
//!
//! [`possession`] is how a custodian shows that it holds its key, before anything is encrypted to it.
//!
//! [`handing`] is how what a custodian opened reaches the machine that it is for, and no other.
//!
//! What this crate does not do: it sends and stores nothing, knows no people, and decides nothing
//! about who may restore. See `spec/backup.md`.

mod bundle;
mod canary;
mod error;
pub mod handing;
mod key;
pub mod limits;
mod line;
mod parameters;
mod part;
pub mod possession;
mod prove;
mod recovery;
mod restore;
mod row;
mod sealing;
mod seeds;
mod statement;
mod verify;

pub use bundle::{Bundle, bundle_bytes_max, bundle_digest};
pub use canary::{CanaryError, restored_canary};
pub use error::{BackupError, BackupFault, ProveError};
pub use key::{KeyError, Opener, RecoveryKey, Shared, SoftKey, SoftKind};
pub use line::{LineError, RecoveryKeyLine};
pub use parameters::{Parameters, Standard};
pub use part::{Part, part_bytes_max};
pub use prove::prove;
pub use recovery::Recovery;
pub use restore::{RestoreError, Restored};
pub use statement::{Keyed, Statement, Subject};
pub use verify::Proven;
