//! Sharing of a secret over an access tree, with commitments that everybody can check, and the
//! way back from a quorum to additive shares.
//!
//! ```text
//!  Polynomial ── commit ──► Commitments   E points: C_0 = xG, then one for each column
//!      │                        │
//!    share(row)              leaf(row)    s_l and its public S_l = s_l G
//!      ▼                        ▼
//!  LeafShares ─ additive_share / additive_public ─► X_p and X_p G, of a Selection
//! ```
//!
//! What dealers publish are coefficients, exactly [`Tree::columns`](quorate_access::Tree::columns)
//! of them, so the thresholds are a matter of a count (N-07). Evaluation points are positions in
//! the tree; no function here takes an index (N-01, N-02). Shares are kept by leaf, never by
//! party (N-03).
//!
//! What this crate does not do: it sends nothing, proves nothing and signs nothing. See
//! `spec/sharing.md`.

mod commitments;
mod error;
mod polynomial;
mod quorum;
mod shares;

pub use commitments::Commitments;
pub use error::SharingError;
pub use polynomial::Polynomial;
pub use quorum::{additive_public, additive_share, check_quorum, coefficients, quorum_digest};
pub use shares::LeafShares;
