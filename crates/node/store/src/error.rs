//! Why a store does not serve.

use crate::SealKind;
use quorate_machine::durable::Table;
use std::io;
use std::path::PathBuf;

/// Why nothing was read or written. Texts never hold a secret or the content of a row.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The caller's fault: a new store would overwrite one.
    #[error("there is a store at {0} already")]
    Exists(PathBuf),
    /// The caller's fault.
    #[error("there is no store at {0}")]
    Missing(PathBuf),
    /// The caller's fault: another process has the store open (STO-09).
    #[error("the store {path} is in use by another process{}", process(*pid))]
    InUse {
        /// The store.
        path: PathBuf,
        /// Who has it, as far as the lock file says.
        pid: Option<u32>,
    },
    /// The caller's fault: a store is not sealed under nothing.
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    /// The caller's fault (STO-03).
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// The caller's fault: what was given opens another kind of seal (STO-14).
    #[error("the store is sealed by {named}, which what was given does not open")]
    OtherSeal {
        /// What its header names.
        named: SealKind,
    },
    /// The caller's fault: a name too long for a header, or none (STO-14).
    #[error("a header cannot name what this {0} seal is to name: it is empty, or too long")]
    BadSeal(SealKind),
    /// The caller's fault: the unit was handed another secret (STO-15).
    #[error("the credential \"{0}\" is not the one that the store was sealed with")]
    WrongCredential(String),
    /// The machine's fault: the TPM or token gave a key, and it opens something else (STO-16, STO-17).
    #[error("the key that the {kind} seal gave does not open the store {path}")]
    WrongSealKey {
        /// The store.
        path: PathBuf,
        /// Which kind gave it.
        kind: SealKind,
    },
    /// The machine's fault: a key cannot be derived.
    #[error("there is too little memory to derive the key of the store")]
    Memory,
    /// The machine's fault: the file is something else, or not a file.
    #[error("{0} is not a store of a node")]
    NotAStore(PathBuf),
    /// The machine's fault: made by another version of this program.
    #[error("the store {path} has version {found}; this program reads version {known}")]
    Version {
        /// The store.
        path: PathBuf,
        /// What it says.
        found: u8,
        /// What is known here.
        known: u8,
    },
    /// The machine's fault: a later version of this program wrote to it, or it is damaged (STO-22).
    #[error(
        "the store {path} has rows of a table {number}, of which this version knows nothing: a later \
         one wrote them, or the file is damaged"
    )]
    LaterTable {
        /// The store.
        path: PathBuf,
        /// The table.
        number: u8,
    },
    /// The machine's fault: a copy of the store does not hold what the store holds (STO-21).
    #[error("the copy {0} of the store does not read back as the store does")]
    BadCopy(PathBuf),
    /// The caller's fault: the store is not what it was when it was copied (STO-21).
    #[error("the copy {0} is later than the store, or of another seal: the store was put back")]
    LaterCopy(PathBuf),
    /// The machine's fault: the header's checksum does not hold (STO-03).
    #[error("the header of the store {0} is damaged")]
    DamagedHeader(PathBuf),
    /// The machine's fault: a row does not open in its place (STO-05).
    #[error("a row of table {table:?} in the store {path} is damaged")]
    DamagedRow {
        /// The store.
        path: PathBuf,
        /// The row's table.
        table: Table,
    },
    /// The machine's fault: rows are missing, or come from another copy of this store (STO-06).
    #[error(
        "the rows of the store {0} do not belong together: some are missing, or of another time"
    )]
    Mixed(PathBuf),
    /// The machine's fault: the file with the keys of shares and set-ups is not there (STO-13).
    #[error("the slots of the store are missing: {0}")]
    MissingSlots(PathBuf),
    /// The machine's fault: that file is damaged, or of another store (STO-13).
    #[error("{0} does not hold the slots of this store")]
    DamagedSlots(PathBuf),
    /// The machine's fault: the rows are older than the slots (STO-13).
    #[error("the rows of the store {0} are of an earlier time than its slots")]
    OlderRows(PathBuf),
    /// The machine's fault: what was written does not read back (STO-12).
    #[error("a row of the store {0} does not read back as it was written")]
    ReadBack(PathBuf),
    /// The machine's fault: the file around the rows is damaged.
    #[error("the store {path} is damaged: {detail}")]
    Damaged {
        /// The store.
        path: PathBuf,
        /// What does not fit.
        detail: String,
    },
    /// The machine's fault: no space left, or over a quota. Nothing of the batch was written.
    #[error("the disk of the store {0} is full")]
    Full(PathBuf),
    /// The machine's fault.
    #[error("the store {path}: {source}")]
    Io {
        /// The store.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The machine's fault: an earlier commit failed, so what is in memory may not be durable.
    #[error("the store {0} failed before; restart the node")]
    Failed(PathBuf),
}

fn process(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

impl StoreError {
    /// Whether the caller can mend it; otherwise it is this machine's fault.
    pub fn is_callers_fault(&self) -> bool {
        matches!(
            self,
            Self::Exists(_)
                | Self::Missing(_)
                | Self::InUse { .. }
                | Self::EmptyPassphrase
                | Self::WrongPassphrase
                | Self::OtherSeal { .. }
                | Self::BadSeal(_)
                | Self::WrongCredential(_)
                | Self::LaterCopy(_)
        )
    }

    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Exists(_) => "store_exists",
            Self::Missing(_) => "no_store",
            Self::InUse { .. } => "directory_in_use",
            Self::EmptyPassphrase => "passphrase_empty",
            Self::WrongPassphrase => "wrong_passphrase",
            Self::OtherSeal { .. } => "other_seal",
            Self::BadSeal(_) => "bad_seal",
            Self::WrongCredential(_) => "wrong_credential",
            Self::WrongSealKey { .. } => "wrong_seal_key",
            Self::Memory => "memory",
            Self::NotAStore(_) => "not_a_store",
            Self::Version { .. } | Self::LaterTable { .. } => "store_version",
            Self::DamagedHeader(_)
            | Self::DamagedRow { .. }
            | Self::Mixed(_)
            | Self::MissingSlots(_)
            | Self::DamagedSlots(_)
            | Self::OlderRows(_)
            | Self::Damaged { .. } => "store_damaged",
            Self::Full(_) => "disk_full",
            Self::Io { .. } => "store_io",
            Self::ReadBack(_) | Self::BadCopy(_) => "store_read_back",
            Self::LaterCopy(_) => "later_copy",
            Self::Failed(_) => "store_failed",
        }
    }

    /// What to do next.
    pub fn next(&self) -> &'static str {
        match self {
            Self::Exists(_) => "choose another directory, or use the node that is there",
            Self::Missing(_) => "check the directory and the name, or make the node first",
            Self::InUse { .. } => "stop the other process, or talk to the node that runs there",
            Self::EmptyPassphrase => "choose a passphrase",
            Self::WrongPassphrase => "try again with the passphrase that the store was made with",
            Self::OtherSeal { .. } => "give what that seal needs, and nothing else",
            Self::BadSeal(_) => "choose a shorter name",
            Self::WrongCredential(_) => {
                "have systemd hand the unit the credential that the store was sealed with"
            }
            Self::WrongSealKey { .. } => {
                "use the TPM, or the token with the key, that the store was sealed by; if it is, \
                 somebody changed the header: restore the file from a copy"
            }
            Self::Memory => "free memory and start again",
            Self::NotAStore(_) => "check the path",
            Self::Version { .. } => "run the version of this program that made the store",
            Self::LaterTable { .. } => {
                "run the version that used the store last, or a later one; if this is it, check the disk \
                 and restore the file from a copy"
            }
            Self::LaterCopy(_) => {
                "put the copy and its slots in the place of the store, or, if you know better, elsewhere"
            }
            Self::DamagedHeader(_)
            | Self::DamagedRow { .. }
            | Self::Mixed(_)
            | Self::Damaged { .. } => {
                "check the disk; restore the file from a copy, then let the node rejoin its domain"
            }
            Self::MissingSlots(_) | Self::DamagedSlots(_) | Self::OlderRows(_) => {
                "put back both files of the store as they were at one time, then let the node \
                 rejoin its domain"
            }
            Self::Full(_) => "make room on the disk and start the node again; nothing was lost",
            Self::Io { .. } => "check that the file, its folder and the disk are as they should be",
            Self::ReadBack(_) | Self::BadCopy(_) => {
                "check the disk before the node is started again"
            }
            Self::Failed(_) => "restart the node; it continues from the last durable batch",
        }
    }
}
