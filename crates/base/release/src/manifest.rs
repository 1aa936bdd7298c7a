//! What a release says.

use crate::limits::{ARTEFACTS_MAX, RELEASE_BYTES_MAX};
use crate::{Artefact, Version};
use minicbor::{Decode, Decoder, Encode};
use quorate_codec::{Canonical, DecodeError, Digest, from_bytes, to_bytes};
use quorate_identity::Name;
use serde::Serialize;

/// The form that this code writes and reads.
pub(crate) const FORM: u8 = 1;

/// What a version of a product consists of (REL-01). Public. Encoded
/// `[1, product, version, source, migrates_from, recipe, [artefact, …]]`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct Release {
    /// The form of this statement, 1.
    #[n(0)]
    pub form: u8,
    /// What is released.
    #[n(1)]
    pub product: Name,
    /// Which version of it.
    #[n(2)]
    pub version: Version,
    /// Digest of the source that it was built from (REL-03).
    #[n(3)]
    pub source: Digest,
    /// The oldest version whose stores it takes over.
    #[n(4)]
    pub migrates_from: Version,
    /// Digest of the recipe that it was built by (REL-03).
    #[n(5)]
    pub recipe: Digest,
    /// Its files, ascending by target and name.
    #[n(6)]
    pub artefacts: Vec<Artefact>,
}

/// Why something is no release; the fault of whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// Written for a later program.
    #[error("it has form {got}, and this program reads form {FORM}")]
    Form {
        /// The form that it says it has.
        got: u64,
    },
    /// Not an encoding of one.
    #[error(transparent)]
    Encoding(#[from] DecodeError),
    /// No files, or too many.
    #[error("a release has 1 to {ARTEFACTS_MAX} files, this one has {0}")]
    Count(usize),
    /// A name that could lead somewhere else.
    #[error("{0:?} is no name of a file or target of a release")]
    Label(String),
    /// A file that stands twice, or not in its place.
    #[error("files are sorted by target and name, and {0} is not, or stands twice")]
    Order(String),
    /// A file with nothing in it.
    #[error("{0} is empty")]
    Empty(String),
    /// Stores of a later version could not have been known.
    #[error("it takes over stores from {from} on, which is later than {version} itself")]
    MigratesFromLater {
        /// Whose stores it is said to take over.
        from: Version,
        /// Its own version.
        version: Version,
    },
}

impl Canonical for Release {
    const BYTES_MAX: usize = RELEASE_BYTES_MAX;
}

impl Release {
    /// Reads the one encoding of a well-formed release.
    ///
    /// # Errors
    /// [`ReleaseError`].
    pub fn read(bytes: &[u8]) -> Result<Self, ReleaseError> {
        check_form(bytes)?;
        let release: Self = from_bytes(bytes)?;
        release.check()?;
        Ok(release)
    }

    /// Its encoding, which is what people sign.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_bytes(self)
    }

    /// Whether it is well-formed (REL-01).
    ///
    /// # Errors
    /// [`ReleaseError`].
    pub fn check(&self) -> Result<(), ReleaseError> {
        if self.form != FORM {
            return Err(ReleaseError::Form { got: u64::from(self.form) });
        }
        if self.artefacts.is_empty() || self.artefacts.len() > ARTEFACTS_MAX {
            return Err(ReleaseError::Count(self.artefacts.len()));
        }
        self.check_artefacts()?;
        self.check_order()?;
        self.check_migration()
    }

    /// REL-04: names that lead nowhere else, of files that have something in them.
    fn check_artefacts(&self) -> Result<(), ReleaseError> {
        for artefact in &self.artefacts {
            if !artefact.is_well_named() {
                let Artefact { target, file, .. } = artefact;
                return Err(ReleaseError::Label(format!("{target}/{file}")));
            }
            if artefact.length == 0 {
                return Err(ReleaseError::Empty(artefact.file.clone()));
            }
        }
        Ok(())
    }

    /// REL-04: what a file is called may stand once, whatever is in it.
    fn check_order(&self) -> Result<(), ReleaseError> {
        let place = |artefact: &Artefact| (artefact.target.clone(), artefact.file.clone());
        for (one, next) in self.artefacts.iter().zip(self.artefacts.iter().skip(1)) {
            if place(one) >= place(next) {
                return Err(ReleaseError::Order(next.file.clone()));
            }
        }
        Ok(())
    }

    /// REL-05
    fn check_migration(&self) -> Result<(), ReleaseError> {
        if self.migrates_from > self.version {
            let (from, version) = (self.migrates_from.clone(), self.version.clone());
            return Err(ReleaseError::MigratesFromLater { from, version });
        }
        Ok(())
    }
}

/// Looks at the first number alone, so that what a later program wrote is called that and not
/// malformed (REL-01, ENC-04).
pub(crate) fn check_form(bytes: &[u8]) -> Result<(), ReleaseError> {
    let mut decoder = Decoder::new(bytes);
    match decoder.array().and_then(|_| decoder.u64()) {
        Ok(got) if got != u64::from(FORM) => Err(ReleaseError::Form { got }),
        // Whatever else is wrong, strict decoding finds.
        _ => Ok(()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A release of two files.
    pub fn release(version: &str) -> Release {
        let artefact = |file: &str, length, fill| Artefact {
            target: "x86_64-unknown-linux-gnu".into(),
            file: file.into(),
            length,
            sha256: Digest([fill; 32]),
        };
        Release {
            form: 1,
            product: "quorate".parse().unwrap(),
            version: version.parse().unwrap(),
            source: Digest([1; 32]),
            migrates_from: "0.1.0".parse().unwrap(),
            recipe: Digest([2; 32]),
            artefacts: vec![artefact("quorate", 10, 3), artefact("quorate-recovery", 11, 4)],
        }
    }

    #[test]
    fn a_release_survives_its_encoding() {
        let release = release("1.0.0-rc.1");
        assert_eq!(release.check(), Ok(()));
        assert_eq!(Release::read(&release.to_bytes()), Ok(release));
    }

    /// REL-01: a program says that it is too old, and guesses nothing.
    #[test]
    fn neg_080_a_later_form_is_called_that() {
        let later = Release { form: 2, ..release("1.0.0") };
        assert_eq!(Release::read(&later.to_bytes()), Err(ReleaseError::Form { got: 2 }));
        // Nor does anybody make one to sign.
        assert_eq!(later.check(), Err(ReleaseError::Form { got: 2 }));
        let unlike_anything = [0x83, 0x19, 0x01, 0x00, 0xa0, 0xf4];
        assert_eq!(Release::read(&unlike_anything), Err(ReleaseError::Form { got: 256 }));
    }

    /// REL-01, REL-04, REL-05
    #[test]
    fn neg_080_what_could_be_read_in_two_ways_is_no_release() {
        let release = release("1.0.0");
        let with = |change: &dyn Fn(&mut Release)| {
            let mut changed = release.clone();
            change(&mut changed);
            Release::read(&changed.to_bytes()).unwrap_err()
        };
        let count = |error: ReleaseError| matches!(error, ReleaseError::Count(_));
        assert!(count(with(&|it| it.artefacts.clear())));
        assert!(count(with(&|it| it.artefacts = vec![it.artefacts[0].clone(); 65])));
        let order = |error: ReleaseError| matches!(error, ReleaseError::Order(_));
        assert!(order(with(&|it| it.artefacts.reverse())));
        assert!(
            order(with(&|it| it.artefacts[1].file = "quorate".into())),
            "one name, two digests"
        );
        assert!(matches!(with(&|it| it.artefacts[0].length = 0), ReleaseError::Empty(_)));
        let later = with(&|it| it.migrates_from = "1.0.1".parse().unwrap());
        assert!(matches!(later, ReleaseError::MigratesFromLater { .. }));
        for bad in ["", "..", "../quorate", "a/b", "a b", "-x", ".x", "ä", &"a".repeat(65)] {
            let file = with(&|it| it.artefacts[0].file = bad.into());
            assert!(matches!(file, ReleaseError::Label(_)), "{bad:?}");
            let target = with(&|it| it.artefacts[0].target = bad.into());
            assert!(matches!(target, ReleaseError::Label(_)), "{bad:?}");
        }
    }

    #[test]
    fn neg_080_bytes_cut_off_or_added_are_no_release() {
        let bytes = release("1.0.0").to_bytes();
        for length in 0..bytes.len() {
            assert!(Release::read(&bytes[..length]).is_err(), "{length}");
        }
        assert!(Release::read(&[&bytes[..], &[0]].concat()).is_err());
        let long = vec![0x80; RELEASE_BYTES_MAX + 1];
        assert!(matches!(Release::read(&long), Err(ReleaseError::Encoding(_))));
    }

    #[test]
    fn the_largest_release_fits_its_limit() {
        let mut largest = release(&format!("1.0.0-{}", "a".repeat(58)));
        largest.migrates_from = largest.version.clone();
        largest.product = "a".repeat(32).parse().unwrap();
        largest.artefacts = (0..ARTEFACTS_MAX)
            .map(|at| Artefact {
                target: "t".repeat(64),
                file: format!("{}{at:02}", "f".repeat(62)),
                length: u64::MAX,
                sha256: Digest([7; 32]),
            })
            .collect();
        assert_eq!(Release::read(&largest.to_bytes()), Ok(largest));
    }

    proptest! {
        #[test]
        fn a_flipped_bit_gives_another_release_or_none(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let honest = release("1.0.0");
            let mut bytes = honest.to_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            if let Ok(other) = Release::read(&bytes) {
                prop_assert_ne!(other, honest);
            }
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Release::read(&bytes);
        }
    }
}
