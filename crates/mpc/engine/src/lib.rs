//! One face for all schemes: dealing keys, pair set-up, signing. Generics over curves end here.
//!
//! ```text
//! start_deal ────────► Box<dyn Round> ──► … ──► PreparedKeys    rounds await the own message too
//! start_pair_setup ──► Box<dyn Round> ──► … ──► PairSetup       ECDSA only, once per pair of nodes
//! quorum ─ open_ahead ─► Opening ─ begin ─► Box<dyn Round> ──► … ──► Vec<Presignature>
//! Permit + quorum ─ open ─► Opening ─ begin ─► Box<dyn Round> ──► … ──► Vec<Signature>
//! ```
//!
//! A run is values in, values out: bytes whose sender the channel knows, a seed for every step,
//! and a [`Failure`] that says whose fault it was. Inside, every engine is a chain of typestates;
//! [`Round`] is all that a user sees of them.
//!
//! A [`Signature`] exists because it verified. A session signs only with a quorum that is
//! canonical for the key's tree and recombines to the key, and is bound to its permit's terms, to
//! the selection, and to the very messages that it began with.
//!
//! What this crate does not do: it decides nothing ([`Permit`]s come from `node/machine`), sends
//! nothing, stores nothing, and remembers no quarantine. See `spec/engine.md`.

mod backup;
mod blame;
mod deal;
mod failure;
mod key;
pub mod local;
mod pair;
mod permit;
mod presignature;
mod quorum;
mod round;
mod seed;
mod sign;
mod signature;

pub use backup::{Backed, BackedUp, BackupSource, BackupTerms, Backups, ExportTerms};
pub use blame::{Charge, judge, judge_echoes};
pub use deal::{
    DealPlan, DealSource, PreparedKey, PreparedKeys, check_public, start_deal,
    verify_all_leaf_proofs,
};
pub use failure::{Failure, Fault};
pub use key::{KeyPublic, KeyShare};
pub use pair::{PairPlan, PairSetup, start_pair_setup};
pub use permit::{Payload, Permit, Tweak};
pub use presignature::Presignature;
pub use quorate_backup::possession::{
    Answer as PossessionAnswer, Challenge as PossessionChallenge,
};
pub use quorate_backup::{
    BackupError, BackupFault, CanaryError, Parameters, Recovery, RecoveryKey, Standard,
    bundle_bytes_max, bundle_digest, restored_canary,
};
pub use quorate_keygen::{
    Accusation, Complaint, EchoFindings, Equivocation, Misdealing, Place, Signed,
};
pub use round::{Inbound, Outbound, Outcome, Progress, Round, To};
pub use seed::Seed;
pub use sign::{AheadPlan, OpenPlan, Opening, PAYLOADS_MAX, open, open_ahead};
pub use signature::{Signature, output_key, verify};
