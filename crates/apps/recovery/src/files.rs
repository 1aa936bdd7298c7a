//! Files: read up to a limit, written once and never over another (REC-06).

use crate::failure::{Failure, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Longest file that is read: challenges of 64 nodes to a hybrid key are the longest.
const BYTES_MAX: usize = 128 << 10;

/// A file whole. What it holds may be secret, so it is wiped.
///
/// # Errors
/// The caller's: it cannot be read, or is longer than anything that is read here.
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let unread = |error| Failure::unread(path, &error);
    // Room for all of it, so that no part stays behind in a buffer that grew.
    let mut bytes = Zeroizing::new(Vec::with_capacity(BYTES_MAX + 1));
    let file = File::open(path).map_err(unread)?;
    file.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() > BYTES_MAX {
        return Err(too_long(path));
    }
    Ok(bytes)
}

/// A file whole that holds nothing secret and may be longer.
///
/// # Errors
/// As [`read`].
pub fn read_public(path: &Path, bytes_max: usize) -> Result<Vec<u8>> {
    let unread = |error| Failure::unread(path, &error);
    let (mut bytes, file) = (Vec::new(), File::open(path).map_err(unread)?);
    file.take(bytes_max as u64 + 1).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() > bytes_max {
        return Err(too_long(path));
    }
    Ok(bytes)
}

/// Whether a file begins like this.
pub fn starts_with(path: &Path, start: &[u8]) -> bool {
    let mut bytes = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(start.len() as u64).read_to_end(&mut bytes));
    read.is_ok() && bytes == start
}

fn too_long(path: &Path) -> Failure {
    let what = format!("{} is longer than any file of this program", path.display());
    Failure::caller("bad_file", what, "name the file that you mean")
}

/// A file whole, as text.
///
/// # Errors
/// As [`read`]; or it is no text.
pub fn read_text(path: &Path) -> Result<Zeroizing<String>> {
    let bytes = read(path)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        let what = format!("{} is no text", path.display());
        Failure::caller("bad_file", what, "name the file that you mean")
    })?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Refuses a name that is taken, before anybody is asked for a passphrase.
///
/// # Errors
/// The caller's.
pub fn must_be_free(path: &Path) -> Result<()> {
    match path.symlink_metadata() {
        Ok(_) => Err(Failure::exists(path)),
        Err(_) => Ok(()),
    }
}

/// Files that one command writes: all of them, or none. What was written is removed again unless it
/// is kept.
#[derive(Debug, Default)]
pub struct NewFiles(Vec<PathBuf>);

impl NewFiles {
    /// Writes a file that was not there.
    ///
    /// # Errors
    /// The caller's: it is there. The machine's.
    pub fn write(&mut self, path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
        let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
        let mut file = opened.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Failure::exists(path),
            _ => Failure::unwritten(path, &error),
        })?;
        self.0.push(path.to_owned());
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        written.map_err(|error| Failure::unwritten(path, &error))
    }

    /// Leaves the files where they are.
    pub fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for NewFiles {
    fn drop(&mut self) {
        for path in &self.0 {
            // What cannot be removed is a file that does not read as whole.
            let _ = fs::remove_file(path);
        }
    }
}

/// Makes a folder that only its owner can look into, if there is none.
///
/// # Errors
/// The machine's.
pub fn make_private_folder(path: &Path) -> Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| Failure::unwritten(path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// REC-06: a command that fails half-way leaves nothing behind, and touches nothing that was
    /// there.
    #[test]
    fn files_are_written_all_or_none_and_never_over_others() {
        let folder = tempfile::tempdir().unwrap();
        let [first, taken] = ["first", "taken"].map(|name| folder.path().join(name));
        fs::write(&taken, "mine").unwrap();
        let write_both = |second: &Path| {
            let mut files = NewFiles::default();
            files.write(&first, b"a", 0o600)?;
            files.write(second, b"b", 0o600)?;
            files.keep();
            Ok(())
        };
        assert_eq!(write_both(&taken), Err(Failure::exists(&taken)));
        assert!(must_be_free(&first).is_ok());
        assert_eq!(fs::read(&taken).unwrap(), b"mine");
        assert_eq!(write_both(&folder.path().join("second")), Ok(()));
        assert_eq!(must_be_free(&first), Err(Failure::exists(&first)));
    }
}
