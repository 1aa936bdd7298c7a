//! A key that the charter gave to somebody whole: what its nodes gave for that, verified and opened by
//! the one who gets it (`spec/export.md`).
//!
//! ```text
//!  quorate key export get ──► FILE: charter, certified epoch, parts of nodes
//!                               │ read, against the genesis hash: anybody
//!                               ▼
//!                            Exported ── open, by the recipient's key ──► Opened
//!                               └──────────── whole, of every account ◄──────┘
//! ```
//!
//! A part is a node's shares of one epoch, encrypted to the recovery key that people signed; it is no
//! backup, and no custodian opens it. What it must be is made here from the charter and the certified
//! record, never from the part.
//!
//! What it does not do: it asks no node, and writes no file.

mod error;
mod file;
mod opening;
mod reading;
mod report;

pub use error::{ExportFileError, PartFault};
pub use file::{ExportFile, NodePart};
pub use opening::Opened;
pub use reading::Exported;
pub use report::{ExportReport, PartReport};
