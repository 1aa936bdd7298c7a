//! The file underneath: made private, and its errors told apart.

use crate::StoreError;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// What to do about a file that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    Keep,
    Refuse,
}

/// Opens or makes a file that only its owner reads (STO-08).
pub(crate) fn private_file(path: &Path, existing: Existing) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    match existing {
        Existing::Keep => options.create(true).truncate(false),
        Existing::Refuse => options.create_new(true),
    };
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes the name of a new file durable, not only its content.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

/// An error of the system, with a full disk told apart.
pub(crate) fn io_error(path: &Path, source: io::Error) -> StoreError {
    let path = path.to_owned();
    match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            StoreError::Full(path)
        }
        _ => StoreError::Io { path, source },
    }
}

/// An error of redb in our words.
pub(crate) fn redb_error(path: &Path, error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => {
            StoreError::InUse { path: path.to_owned(), pid: None }
        }
        // How redb says that the file does not begin like one of its own.
        redb::Error::Io(source) if source.kind() == ErrorKind::InvalidData => {
            StoreError::NotAStore(path.to_owned())
        }
        redb::Error::Io(source) => io_error(path, source),
        redb::Error::PreviousIo => StoreError::Failed(path.to_owned()),
        error => damaged(path, &error.to_string()),
    }
}

pub(crate) fn damaged(path: &Path, detail: &str) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), detail: detail.to_owned() }
}

/// Runs code that reads a file which anybody may have changed. Where redb takes a wrong byte for
/// its own mistake and panics, that is damage like any other (STO-07).
pub(crate) fn guard<T>(
    path: &Path,
    body: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(body))
        .unwrap_or_else(|_| Err(damaged(path, "its pages contradict each other")))
}
