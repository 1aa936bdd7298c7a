//! What can be wrong with a file as a file, where, and what to do next.

use super::item::ItemKind;
use quorate_codec::DecodeError;
use std::fmt;
use std::io;

/// A file that does not read as a whole one. The fault of whoever made it, copied it or kept it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileError {
    /// Which item, from 1; 0 is the first line.
    pub item: u64,
    /// Where it begins, in bytes from the beginning of the file.
    pub offset: u64,
    /// What is wrong.
    pub fault: FileFault,
}

/// What is wrong with a file (REC-23).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// Something else.
    #[error("it is no backup file")]
    Other,
    /// A form that is not known here.
    #[error("it is a backup file of version {0}, known is 1")]
    Version(u32),
    /// The disk, or whatever it is read from.
    #[error("it cannot be read: {0}")]
    Unread(String),
    /// It ends between two items.
    #[error("the file ends here, without its last item: the rest was cut off")]
    NoEnd,
    /// It ends within an item.
    #[error("the file ends in the middle of it, at least {missing} bytes were cut off")]
    Cut {
        /// How much of the item is missing, or of its length where that is cut.
        missing: usize,
    },
    /// A number that no item of this version has.
    #[error("it is none of the items that a backup file has, or its length is damaged")]
    Unknown,
    /// Longer than such an item ever is.
    #[error("{kind} of {got} bytes, where at most {max} are allowed: its length is damaged")]
    Length {
        /// Which item it says that it is.
        kind: ItemKind,
        /// Its length.
        got: usize,
        /// The longest.
        max: usize,
    },
    /// Bytes of the right length that are no such item.
    #[error("{kind} that is damaged: {why}")]
    Malformed {
        /// Which item it says that it is.
        kind: ItemKind,
        /// Why.
        why: DecodeError,
    },
    /// An item in another place than its own.
    #[error("{got} stands behind {after}, where it does not belong")]
    Order {
        /// Which item.
        got: ItemKind,
        /// What stands before it.
        after: &'static str,
    },
    /// More than a domain has.
    #[error("there are more than {max} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        max: usize,
    },
    /// Items were taken out or put in.
    #[error("it counts {said} items before it, and there are {got}")]
    Count {
        /// What it says.
        said: u64,
        /// How many were read.
        got: u64,
    },
    /// Something before it is not what was written.
    #[error("its hash is not that of the file: something before it was damaged or changed")]
    Digest,
    /// There is more.
    #[error("the file goes on after its last item")]
    Trailing,
}

/// Why something was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The caller wrote something in another place than its own, or too much of it.
    #[error(transparent)]
    Order(FileFault),
    /// The caller's: an item that nobody would read.
    #[error("{kind} of {got} bytes, where at most {max} are allowed")]
    TooLong {
        /// Which item.
        kind: ItemKind,
        /// Its length.
        got: usize,
        /// The longest.
        max: usize,
    },
    /// The machine's: the disk is full, or gone.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl FileError {
    /// What is wrong and where, without what to do next.
    pub fn what(&self) -> String {
        match self.item {
            0 => self.fault.to_string(),
            item => format!("item {item}, at byte {}: {}", self.offset, self.fault),
        }
    }

    /// What to do next.
    pub fn next(&self) -> &'static str {
        match self.fault {
            FileFault::Other => "name the file that a node wrote as its backup",
            FileFault::Version(_) => "use a quorate-recovery that knows this version",
            FileFault::Unread(_) => "check the disk, and take another copy of the file",
            FileFault::TooMany { .. } | FileFault::Order { .. } | FileFault::Trailing => {
                "do not use the file, and take it again from the node that made it"
            }
            _ => "take another copy of the file, or another backup",
        }
    }

    /// Whether what follows can still be read: the item is damaged, its length is not.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self.fault, FileFault::Malformed { .. })
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}; {}", self.what(), self.next())
    }
}

impl std::error::Error for FileError {}
