//! Drills: custodians practise restoring on a canary, a secret of no use but for that (REC-50 to
//! REC-56).
//!
//! ```text
//!  backup file ──► HeldDrill ── drill ──► DRILL: which canary, one-time key, asks
//!                     │                     │
//!                     │       the same file ├──► DrillOpening ── for_key ── open ──► DrillPart
//!                     ▼                                                                 │
//!                   finish ◄────────────────────────────────────────────────────────────┘
//!                     └──► FinishedDrill: the canary, and how everybody did
//! ```
//!
//! Only a canary that the verified file has is ever opened, whatever a DRILL names (N-83, N-84). Who
//! started it, when, and when a part was made are the words of those who say so.
//!
//! What it does not do: it touches no share, and tells no node.

mod error;
mod file;
mod finishing;
mod held;
mod opening;

pub use error::{DrillError, DrillPartFault, FinishError};
pub use file::{Drill, DrillPart};
pub use finishing::{FinishedDrill, Graded, Outcome};
pub use held::HeldDrill;
pub use opening::{DrillCustodian, DrillOpening};

use quorate_codec::{Digest, Transcript, tag};
use quorate_identity::{NodeId, RecoveryKeyId};

/// For which drill, by whose key and when a part was sealed (REC-53).
fn context(drill: Digest, key: RecoveryKeyId, made_at_ms: u64) -> Digest {
    let context = Transcript::new(tag::RECOVERY_DRILL_PART).part(drill).part(key);
    context.number(made_at_ms).digest()
}

/// What stands in the place of a node where keys are asked: no node has it, so that no bond with a
/// drill is one with a machine in a node's seat (REC-50).
fn asking(drill: Digest) -> NodeId {
    NodeId(drill)
}
