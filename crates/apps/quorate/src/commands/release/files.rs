//! Files as releases know them: name, length, SHA-256 (REL-03).

use crate::failure::{Failure, Result};
use quorate_codec::Digest;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The file that this process was started from, even if another one lies at its path by now.
const RUNNING: &str = "/proc/self/exe";

/// A file, measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hashed {
    /// Its name without folders.
    pub name: String,
    /// Its length in bytes.
    pub length: u64,
    /// The hash of its bytes.
    pub sha256: Digest,
}

/// Measures a file that the caller named.
///
/// # Errors
/// The caller's: it cannot be read.
pub fn measure(path: &Path) -> Result<Hashed> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (length, sha256) =
        File::open(path).and_then(hash).map_err(|error| Failure::named_file(path, &error))?;
    Ok(Hashed { name, length, sha256 })
}

/// Measures the program that runs, under the name that it is released by (REL-13).
///
/// # Errors
/// The machine's.
pub fn running() -> Result<Hashed> {
    let name = env!("CARGO_PKG_NAME").to_owned();
    let path = Path::new(RUNNING);
    let (length, sha256) =
        File::open(path).and_then(hash).map_err(|error| Failure::file(path, &error))?;
    Ok(Hashed { name, length, sha256 })
}

/// Reads to the end; programs are long, so never all at once.
fn hash(mut file: impl Read) -> io::Result<(u64, Digest)> {
    let (mut hash, mut length, mut part) = (Sha256::new(), 0, vec![0; 64 << 10]);
    loop {
        let read = match file.read(&mut part) {
            Ok(0) => return Ok((length, Digest(hash.finalize().into()))),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(part.get(..read).unwrap_or_default());
        length += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_sha256sum() {
        let (length, digest) = hash(&b"abc"[..]).unwrap();
        assert_eq!(length, 3);
        let known = "0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.to_string(), known);
        let long = vec![7; (64 << 10) * 2 + 1];
        let (length, digest) = hash(&long[..]).unwrap();
        assert_eq!(length, long.len() as u64);
        assert_eq!(digest.0[..], Sha256::digest(&long)[..]);
    }

    #[test]
    fn what_runs_is_found() {
        let this = std::env::current_exe().unwrap();
        let (running, named) = (running().unwrap(), measure(&this).unwrap());
        assert_eq!((running.length, running.sha256), (named.length, named.sha256));
    }
}
