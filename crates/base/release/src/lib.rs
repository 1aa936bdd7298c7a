//! Releases that anybody can verify: what a version consists of, signed by several people.
//!
//! ```text
//!   Release ──────────▶ ReleaseFile ───────────────▶ Verified
//!   what it says        its bytes, and signatures    a quorum of Signers signed it
//!      │
//!      ├─ check_step       from which version, to none that is too old
//!      └─ check_artefact   is this file the one that was released
//! ```
//!
//! A [`Release`] names product, version, source, recipe and every file by its digest. People sign
//! its exact bytes with the SSH keys they have, under a tag of its own, so that a signature for a
//! release is none for anything else (N-22). Who must sign is an access tree over named keys, the
//! [`Signers`], which whoever verifies brings along; nothing in a release says who may sign it.
//!
//! What this crate does not do: it reads no file and hashes none, it knows no charter and no
//! address to fetch anything from. See `spec/release.md`.

mod artefact;
mod file;
pub mod limits;
mod manifest;
mod signers;
mod step;
mod version;

pub use artefact::{Artefact, ArtefactError};
pub use file::{FileError, ReleaseFile, Standing, Verified};
pub use manifest::{Release, ReleaseError};
pub use signers::{Signers, SignersError};
pub use step::StepError;
pub use version::{Version, VersionError};
