//! A release with the signatures of people, and what becomes of it when enough of them hold.

use crate::limits::{FILE_BYTES_MAX, SIGNATURES_MAX};
use crate::manifest::{FORM, check_form};
use crate::{Release, ReleaseError, Signers};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use quorate_access::Tree;
use quorate_codec::{Canonical, Digest, Transcript, from_bytes, tag, to_bytes};
use quorate_identity::{Credential, CredentialSignature, CredentialSigner, Name, SignerError};
use std::collections::{BTreeMap, BTreeSet};

/// A release as it lies in a file: the exact bytes that people sign, and their signatures so far
/// (REL-07). Every signature in it verifies; whether they are enough, [`verify`](Self::verify)
/// says. Public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseFile {
    release: Release,
    bytes: Vec<u8>,
    signatures: BTreeMap<Credential, CredentialSignature>,
}

/// How the file is encoded: `[1, release, [[key, signature], …]]`.
#[derive(Encode, Decode)]
struct Wire {
    #[n(0)]
    form: u8,
    #[n(1)]
    release: ByteVec,
    #[n(2)]
    signatures: Vec<(Credential, CredentialSignature)>,
}

impl Canonical for Wire {
    const BYTES_MAX: usize = FILE_BYTES_MAX;
}

impl Wire {
    /// REL-07: few enough, and each key once.
    fn check_keys(&self) -> Result<(), FileError> {
        if self.signatures.len() > SIGNATURES_MAX {
            return Err(FileError::Count(self.signatures.len()));
        }
        for ((one, _), (next, _)) in self.signatures.iter().zip(self.signatures.iter().skip(1)) {
            if one >= next {
                return Err(FileError::Order);
            }
        }
        Ok(())
    }

    /// REL-07: each by its key, for these bytes, as a release.
    fn check_signatures(&self) -> Result<(), FileError> {
        for (credential, signature) in &self.signatures {
            if credential.verify(tag::RELEASE, &self.release, signature).is_err() {
                return Err(FileError::FalseSignature(Box::new(credential.clone())));
            }
        }
        Ok(())
    }
}

/// Who of a list of signers has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Those who have.
    pub signed_by: BTreeSet<Name>,
    /// Keys that signed and that the list does not know. They count for nothing.
    pub strangers: Vec<Credential>,
    /// Who must sign yet; nobody if it is enough.
    pub missing: Option<Tree<Name>>,
}

/// A release that enough people signed. Only [`ReleaseFile::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    release: Release,
    digest: Digest,
    signed_by: BTreeSet<Name>,
    strangers: Vec<Credential>,
}

/// Why a file is no release, or not one to rely on.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The fault of whoever wrote it.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// The fault of whoever put the file together, and not of the person whose key it names.
    #[error("a signature that is said to be by {} is not, or is for something else", .0.fingerprint())]
    FalseSignature(Box<Credential>),
    /// Keys that stand twice or in no order.
    #[error("the signatures are not sorted by key, or a key stands twice")]
    Order,
    /// More than a rule can ask for.
    #[error("it has {0} signatures, and at most {SIGNATURES_MAX} are read")]
    Count(usize),
    /// Nobody's fault, or not yet.
    #[error("signed by {}; what is missing: {missing}", list(signed_by))]
    UnderSigned {
        /// Those who have signed.
        signed_by: BTreeSet<Name>,
        /// Who must sign yet.
        missing: Tree<Name>,
    },
}

impl ReleaseFile {
    /// A file around a well-formed release that nobody has signed yet.
    ///
    /// # Errors
    /// [`ReleaseError`].
    pub fn create(release: Release) -> Result<Self, ReleaseError> {
        release.check()?;
        Ok(Self { bytes: release.to_bytes(), release, signatures: BTreeMap::new() })
    }

    /// Reads a file. Each signature is verified under the key that it stands with, whoever that
    /// belongs to.
    ///
    /// # Errors
    /// [`FileError`], all but `UnderSigned`. Cost: one verification a signature.
    pub fn read(bytes: &[u8]) -> Result<Self, FileError> {
        check_form(bytes)?;
        let wire: Wire = from_bytes(bytes).map_err(ReleaseError::from)?;
        let release = Release::read(&wire.release)?;
        wire.check_keys()?;
        wire.check_signatures()?;
        let signatures = wire.signatures.into_iter().collect();
        Ok(Self { release, bytes: wire.release.into(), signatures })
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let signatures = self.signatures.iter();
        to_bytes(&Wire {
            form: FORM,
            release: self.bytes.clone().into(),
            signatures: signatures.map(|(key, it)| (key.clone(), it.clone())).collect(),
        })
    }

    /// What it says, whoever signed it.
    pub fn release(&self) -> &Release {
        &self.release
    }

    /// The bytes that people sign.
    pub fn signed_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What people compare and what names this release: the hash of its bytes (REL-06).
    pub fn digest(&self) -> Digest {
        Transcript::new(tag::RELEASE).part(&self.bytes).digest()
    }

    /// Signs it; who has signed before does so again to no effect (REL-06).
    ///
    /// # Errors
    /// [`SignerError`].
    pub fn sign(&mut self, signer: &dyn CredentialSigner) -> Result<(), SignerError> {
        let signature = signer.sign(tag::RELEASE, &self.bytes)?;
        self.signatures.insert(signer.credential().clone(), signature);
        Ok(())
    }

    /// The keys that have signed.
    pub fn signed_by(&self) -> impl Iterator<Item = &Credential> {
        self.signatures.keys()
    }

    /// Who of `signers` has signed, and who is missing (REL-09).
    pub fn standing(&self, signers: &Signers) -> Standing {
        let known = self.signatures.keys().filter_map(|key| signers.holder(key).cloned());
        let signed_by: BTreeSet<Name> = known.collect();
        let strangers = self.signatures.keys().filter(|key| signers.holder(key).is_none());
        let strangers = strangers.cloned().collect();
        let missing = signers.rule().missing_for(&signed_by);
        Standing { signed_by, strangers, missing }
    }

    /// Verifies that enough of `signers` signed (REL-09).
    ///
    /// # Errors
    /// [`FileError::UnderSigned`].
    pub fn verify(&self, signers: &Signers) -> Result<Verified, FileError> {
        let Standing { signed_by, strangers, missing } = self.standing(signers);
        match missing {
            Some(missing) => Err(FileError::UnderSigned { signed_by, missing }),
            None => Ok(Verified {
                release: self.release.clone(),
                digest: self.digest(),
                signed_by,
                strangers,
            }),
        }
    }
}

impl Verified {
    /// What was released.
    pub fn release(&self) -> &Release {
        &self.release
    }

    /// What names it.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Who signed it.
    pub fn signed_by(&self) -> &BTreeSet<Name> {
        &self.signed_by
    }

    /// Keys that signed it too and count for nothing.
    pub fn strangers(&self) -> &[Credential] {
        &self.strangers
    }
}

fn list(names: &BTreeSet<Name>) -> String {
    match names.is_empty() {
        true => "nobody".to_owned(),
        false => names.iter().map(Name::as_str).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::tests::release;
    use crate::signers::tests::{key, signers};
    use proptest::prelude::*;
    use quorate_codec::tag::Tag;

    const RULE: &str = "2 of (ada, ben, cleo)";

    fn signed(version: &str, by: &[&str]) -> ReleaseFile {
        let mut file = ReleaseFile::create(release(version)).unwrap();
        by.iter().for_each(|name| file.sign(&key(name)).unwrap());
        file
    }

    /// A file put together by somebody who keeps no rule: each key with what it signed.
    fn forged(release: &Release, signatures: &[(&str, Tag, &[u8])]) -> Vec<u8> {
        let pair = |(name, tag, bytes): &(&str, Tag, &[u8])| {
            let signer = key(name);
            (signer.credential().clone(), signer.sign(*tag, bytes).unwrap())
        };
        let mut signatures: Vec<_> = signatures.iter().map(pair).collect();
        signatures.sort();
        to_bytes(&Wire { form: 1, release: release.to_bytes().into(), signatures })
    }

    #[test]
    fn a_quorum_that_signs_one_after_the_other_makes_a_release() {
        let signers = signers(RULE);
        let mut file = signed("1.0.0", &["cleo"]);
        let again = ReleaseFile::read(&file.to_bytes()).unwrap();
        assert_eq!(again, file);
        let standing = file.standing(&signers);
        assert_eq!(standing.missing.unwrap().to_string(), "any of (ada, ben)");

        file.sign(&key("ada")).unwrap();
        let read = ReleaseFile::read(&file.to_bytes()).unwrap();
        let verified = read.verify(&signers).unwrap();
        assert_eq!(list(verified.signed_by()), "ada, cleo");
        assert_eq!(verified.release(), &release("1.0.0"));
        assert_eq!(verified.digest(), file.digest());
        assert!(verified.strangers().is_empty());
    }

    /// REL-09
    #[test]
    fn neg_080_too_few_signatures_are_none_and_it_is_said_who_is_missing() {
        let signers = signers(RULE);
        for by in [&[][..], &["ada"], &["ada", "zoe"], &["ada", "yan", "zoe"]] {
            let error = signed("1.0.0", by).verify(&signers).unwrap_err();
            assert!(matches!(error, FileError::UnderSigned { .. }), "{by:?}");
        }
        assert!(signed("1.0.0", &["ada", "ben"]).verify(&signers).is_ok());
        let missing = signed("1.0.0", &["ada"]).verify(&signers).unwrap_err();
        assert_eq!(missing.to_string(), "signed by ada; what is missing: any of (ben, cleo)");
        let nobody = signed("1.0.0", &[]).verify(&signers).unwrap_err();
        assert!(nobody.to_string().starts_with("signed by nobody; what is missing: 2 of (ada"));
    }

    /// REL-07: whoever signs twice is one person.
    #[test]
    fn neg_080_who_signs_twice_counts_once() {
        let file = signed("1.0.0", &["ada", "ada"]);
        assert!(file.verify(&signers(RULE)).is_err());
        let release = release("1.0.0");
        let bytes = release.to_bytes();
        let honest =
            forged(&release, &[("ada", tag::RELEASE, &bytes), ("ben", tag::RELEASE, &bytes)]);
        assert!(ReleaseFile::read(&honest).unwrap().verify(&signers(RULE)).is_ok());
        let twice = forged(&release, &[("ada", tag::RELEASE, &bytes[..]); 2]);
        assert!(matches!(ReleaseFile::read(&twice), Err(FileError::Order)));
    }

    /// REL-06, REL-07: a signature for another release, or for anything else, spoils the file
    /// and not the name of the person.
    #[test]
    fn neg_022_080_a_signature_for_something_else_is_none() {
        let (release, older) = (release("1.0.0"), release("0.9.0"));
        let (bytes, other) = (release.to_bytes(), older.to_bytes());
        for (what, tag, signed) in [
            ("another release", tag::RELEASE, &other[..]),
            ("a motion", tag::MOTION, &bytes),
            ("a genesis", tag::GENESIS, &bytes),
            ("a list of signers", tag::RELEASE_SIGNERS, &bytes),
            ("nothing", tag::RELEASE, &[]),
        ] {
            let file = forged(&release, &[("ada", tag::RELEASE, &bytes), ("ben", tag, signed)]);
            let error = ReleaseFile::read(&file).unwrap_err();
            let FileError::FalseSignature(accused) = error else { panic!("{what}: {error}") };
            assert_eq!(&*accused, key("ben").credential(), "{what}");
        }
    }

    /// REL-07: another person's signature under one's own key.
    #[test]
    fn neg_080_a_signature_under_another_key_is_none() {
        let release = release("1.0.0");
        let signature = key("ada").sign(tag::RELEASE, &release.to_bytes()).unwrap();
        let signatures = vec![(key("ben").credential().clone(), signature)];
        let file = to_bytes(&Wire { form: 1, release: release.to_bytes().into(), signatures });
        assert!(matches!(ReleaseFile::read(&file), Err(FileError::FalseSignature(_))));
    }

    /// REL-09: who has a key that the list does not know is told and counts for nothing.
    #[test]
    fn strangers_are_told() {
        let verified = signed("1.0.0", &["ada", "ben", "zoe"]).verify(&signers(RULE)).unwrap();
        assert_eq!(verified.strangers(), [key("zoe").credential().clone()]);
    }

    /// REL-01, REL-07
    #[test]
    fn neg_080_a_file_that_is_cut_off_or_of_a_later_form_is_refused() {
        let bytes = signed("1.0.0", &["ada", "ben"]).to_bytes();
        for length in 0..bytes.len() {
            assert!(ReleaseFile::read(&bytes[..length]).is_err(), "{length}");
        }
        let mut later = bytes.clone();
        later[1] = 2;
        let error = ReleaseFile::read(&later).unwrap_err();
        assert!(matches!(error, FileError::Release(ReleaseError::Form { got: 2 })));
        let within = Release { form: 2, ..release("1.0.0") };
        let error = ReleaseFile::read(&forged(&within, &[])).unwrap_err();
        assert!(matches!(error, FileError::Release(ReleaseError::Form { got: 2 })));
    }

    /// REL-07
    #[test]
    fn neg_015_080_too_many_signatures_are_not_looked_at() {
        let release = release("1.0.0");
        let signature = key("ada").sign(tag::TEST, b"").unwrap();
        let many = vec![(key("ada").credential().clone(), signature); SIGNATURES_MAX + 1];
        let wire = Wire { form: 1, release: release.to_bytes().into(), signatures: many };
        assert!(matches!(ReleaseFile::read(&to_bytes(&wire)), Err(FileError::Count(65))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn neg_080_a_flipped_bit_anywhere_is_refused(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let mut bytes = signed("1.0.0", &["ada", "ben"]).to_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let held = ReleaseFile::read(&bytes).and_then(|file| file.verify(&signers(RULE)));
            prop_assert!(held.is_err());
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = ReleaseFile::read(&bytes);
        }
    }
}
