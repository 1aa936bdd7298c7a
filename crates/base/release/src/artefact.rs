//! One file of a release, and whether a file is that one.

use crate::Release;
use crate::limits::LABEL_BYTES_MAX;
use minicbor::{Decode, Encode};
use quorate_codec::Digest;
use serde::Serialize;

/// A file that is released (REL-04). Public. Encoded `[target, file, length, sha256]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize)]
pub struct Artefact {
    /// The machine that it is for, as compilers name it: `x86_64-unknown-linux-gnu`.
    #[n(0)]
    pub target: String,
    /// Its name, without a folder.
    #[n(1)]
    pub file: String,
    /// Its length in bytes.
    #[n(2)]
    pub length: u64,
    /// SHA-256 of its bytes, as `sha256sum` prints it.
    #[n(3)]
    pub sha256: Digest,
}

/// Why a file is not what was released. Not an accusation: whoever gave the file may have been
/// given it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArtefactError {
    /// No file of this name was released.
    #[error("the release has no file named {0}")]
    Unlisted(String),
    /// It is another file of the same release.
    #[error("{file} is not {file} but {other} of the same release")]
    Swapped {
        /// The name it was given under.
        file: String,
        /// The name that it has in the release.
        other: String,
    },
    /// It is shorter or longer.
    #[error("{file} has {got} bytes, the one that was released has {expected}")]
    Length {
        /// The file.
        file: String,
        /// What the release says.
        expected: u64,
        /// What it has.
        got: u64,
    },
    /// It has the length but not the bytes.
    #[error("{file} has the digest {got}, the one that was released has {expected}")]
    Differs {
        /// The file.
        file: String,
        /// What the release says.
        expected: Digest,
        /// What it has.
        got: Digest,
    },
}

impl Artefact {
    /// Whether both names can be file names on any machine and lead nowhere else.
    pub(crate) fn is_well_named(&self) -> bool {
        is_label(&self.target) && is_label(&self.file)
    }
}

/// Letters, digits and `.`, `_`, `-`, beginning with a letter or digit.
fn is_label(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    text.len() <= LABEL_BYTES_MAX
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(allowed)
}

impl Release {
    /// Finds the released file that has this name, length and digest (REL-12).
    ///
    /// # Errors
    /// [`ArtefactError`], which says what it is instead.
    pub fn check_artefact(
        &self,
        file: &str,
        length: u64,
        sha256: &Digest,
    ) -> Result<&Artefact, ArtefactError> {
        let same = |artefact: &&Artefact| artefact.length == length && artefact.sha256 == *sha256;
        let mut named = self.artefacts.iter().filter(|artefact| artefact.file == file);
        let file = file.to_owned();
        let Some(first) = named.clone().next() else {
            return Err(ArtefactError::Unlisted(file));
        };
        if let Some(found) = named.find(same) {
            return Ok(found);
        }
        if let Some(other) = self.artefacts.iter().find(same) {
            return Err(ArtefactError::Swapped { file, other: other.file.clone() });
        }
        let (expected, got) = (first.length, length);
        match expected == got {
            false => Err(ArtefactError::Length { file, expected, got }),
            true => Err(ArtefactError::Differs { file, expected: first.sha256, got: *sha256 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::tests::release;

    /// REL-12: swapped, cut short, one bit flipped, under another name.
    #[test]
    fn neg_080_only_the_file_that_was_released_is_that_file() {
        let release = release("1.0.0");
        let [main, recovery] = &release.artefacts[..] else { panic!("two files") };
        let check = |file: &str, length, sha256| release.check_artefact(file, length, sha256);
        assert_eq!(check("quorate", main.length, &main.sha256), Ok(main));
        assert_eq!(check("quorate-recovery", recovery.length, &recovery.sha256), Ok(recovery));

        let swapped = check("quorate", recovery.length, &recovery.sha256).unwrap_err();
        assert!(
            matches!(&swapped, ArtefactError::Swapped { other, .. } if other == "quorate-recovery")
        );
        let cut = check("quorate", main.length - 1, &main.sha256).unwrap_err();
        assert!(matches!(cut, ArtefactError::Length { got: 9, expected: 10, .. }));
        let mut flipped = main.sha256;
        flipped.0[31] ^= 1;
        let flipped = check("quorate", main.length, &flipped).unwrap_err();
        assert!(matches!(flipped, ArtefactError::Differs { .. }));
        let renamed = check("quorate-new", main.length, &main.sha256).unwrap_err();
        assert_eq!(renamed, ArtefactError::Unlisted("quorate-new".into()));
    }

    #[test]
    fn one_name_may_stand_for_several_machines() {
        let mut release = release("1.0.0");
        let arm = Artefact {
            target: "aarch64-unknown-linux-gnu".into(),
            file: "quorate".into(),
            length: 20,
            sha256: Digest([9; 32]),
        };
        release.artefacts.insert(0, arm.clone());
        assert_eq!(release.check_artefact("quorate", 20, &arm.sha256), Ok(&arm));
        let main = &release.artefacts[1];
        assert_eq!(release.check_artefact("quorate", 10, &main.sha256), Ok(main));
    }
}
