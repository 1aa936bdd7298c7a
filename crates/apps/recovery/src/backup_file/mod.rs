//! The backup file: everything that is needed to restore a domain's keys but the custodians' own
//! keys, in one file that is written and read item by item (REC-20 to REC-23).
//!
//! ```text
//! quorate-backup-1
//! head     when it was made, and the genesis
//! entry …  the whole charter
//! epoch    the certified outcome of the newest epoch of a key ┐
//! bundle … of every member's shares                           │ of every key
//! bundle … of what every dealer contributed                   ┘
//! canary … for drills
//! end      how many items, and a hash of everything before it
//! ```
//!
//! All of it is public. A reader finds what is cut, damaged or out of order; what the items prove is
//! for [`verify`](crate::verify).

mod error;
mod item;
mod order;
mod reader;
mod writer;

pub use error::{FileError, FileFault, WriteError};
pub use item::{BundleKind, FileEnd, FileHead, Item, ItemKind, StoredBundle};
pub use reader::BackupReader;
pub use writer::BackupWriter;

/// How every version begins.
pub const START: &str = "quorate-backup-";

/// The first line of this version, with its end.
const FIRST_LINE: &str = "quorate-backup-1\n";
