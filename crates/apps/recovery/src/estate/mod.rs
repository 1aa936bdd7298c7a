//! The keys of a domain whose nodes are lost, for the nodes of the domain that succeeds it
//! (`spec/succession.md`).
//!
//! ```text
//!  backup file                                     genesis of the successor
//!     └──► VerifiedBackup ── estate ──► EstateKeys    │   (claims of its heirs)
//!     └──────────────► Probate ◄──────────────────────┘
//!                         └── for_key ──► ForCustodian ── open ──► EstatePart ──┐
//!                                                                              ▼
//!  the same file ──► VerifiedBackup ──────────────────────── inherit ──► Inheritance
//!                                              heir: Arrival ─────────────┘
//! ```
//!
//! What dealers once contributed to a key adds up to it (BAK-26). Each contribution is opened to one
//! heir, and no heir gets all of them: the key is never in one place.
//!
//! What it does not do: it founds no domain, deals nothing and stores nothing.

mod error;
mod inheriting;
mod keys;
mod part;
mod probate;

pub use error::{EstateFault, InheritError, PartFault, ProbateError};
pub use inheriting::{Inheritance, Inherited};
pub use keys::{EstateKey, LeftOut, Unrestorable};
pub use part::{EstatePart, SealedPart};
pub use probate::{ForCustodian, Probate};

use quorate_charter::Succession;
use quorate_codec::{Digest, Transcript, tag};
use quorate_identity::{GenesisHash, NodeId, RecoveryKeyId};

/// To which heir the contribution of a dealer is opened, by its place among the dealers of a key,
/// ascending: to each in turn (SUC-10). `None` if there are none.
pub(crate) fn heir_of(succession: &Succession, place: usize) -> Option<NodeId> {
    let heirs = succession.heirs();
    heirs.get(place.checked_rem(heirs.len())?).copied()
}

/// For which heir of which successor, and from which custodian something is sealed (SUC-12).
fn context(
    successor: GenesisHash,
    succession: &Succession,
    heir: NodeId,
    key: RecoveryKeyId,
) -> Digest {
    let context = Transcript::new(tag::RECOVERY_ESTATE_PART).part(successor);
    let context = context.part(succession.predecessor).part(succession.backup);
    context.part(heir).part(key).digest()
}
