//! A lost node's shares for the machine that has its seat now (REC-33 to REC-39).
//!
//! ```text
//!  backup file, whose charter gives the seat      what the custodian's key opens
//!        └──► Opening ── for_key ──► ForCustodian ── open ──► SeatPart ──┐
//!                                                                       ▼
//!  the same file ──► VerifiedBackup ──────────────────── restore ──► RestoredSeat
//!                                       new machine: Arrival ───────────┘
//! ```
//!
//! To which key something is sealed comes from the entry that gave the seat, and from nowhere else.
//!
//! What it does not do: it gives no seat, and stores nothing.

mod arrival;
mod error;
mod opening;
mod part;
mod restoring;

pub use arrival::Arrival;
pub use error::{MissingCustodians, OpeningError, PartFault, RestoreSeatError};
pub use opening::{ForCustodian, Opening};
pub use part::SeatPart;
pub use restoring::{RestoredKey, RestoredSeat, Secrets, VerifiedBackup};

use crate::verify::HeldKey;
use quorate_charter::{NodeStatement, Seat, SeatClaim, State};
use quorate_codec::{Digest, Transcript, tag, to_bytes};
use quorate_identity::{GenesisHash, Head, NodeId, RecoveryKeyId};

/// Hash of the claim that a seat was given to: people compare its words with those that the machine
/// shows (REC-35).
pub fn claim_digest(claim: &SeatClaim) -> Digest {
    Transcript::new(SeatClaim::TAG).part(to_bytes(claim)).digest()
}

/// For which seat, by which entry and from which custodian something is sealed (REC-37).
fn context(genesis: GenesisHash, node: NodeId, entry: Head, key: RecoveryKeyId) -> Digest {
    let context = Transcript::new(tag::RECOVERY_SEAT_PART).part(genesis).part(node);
    context.part(entry).part(key).digest()
}

/// What happened to a node's shares of a key when its seat was given away (REC-36).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// They are lost with the machine that had the seat.
    Lost,
    /// They were dealt to the new machine itself.
    Later,
    /// Nobody signs with the key any more.
    Retired,
}

impl Fate {
    fn of(state: &State, seat: &Seat, key: &HeldKey) -> Self {
        let planned_at = state.position_of(&key.record().plan.head);
        match planned_at.is_some_and(|position| position < seat.position) {
            _ if state.key(&key.key()).is_none_or(|order| order.retired) => Self::Retired,
            true => Self::Lost,
            false => Self::Later,
        }
    }
}
