//! The four files of a policy as one value with one encoding.

use crate::error::{PolicyError, PolicyFile};
use crate::limits::FILE_BYTES_MAX;
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, Digest, Transcript, tag};

/// The four files of a policy directory, byte for byte (POL-01). Public. What a motion carries
/// and the charter keeps; [`Policy::compile`](crate::Policy::compile) gives it meaning.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PolicyBundle {
    /// Version of this form: 1.
    #[n(0)]
    pub(crate) version: u8,
    /// `policy.cedar`.
    #[n(1)]
    pub cedar: String,
    /// `limits.json`.
    #[n(2)]
    pub limits: String,
    /// `lists.json`.
    #[n(3)]
    pub lists: String,
    /// `cases.json`.
    #[n(4)]
    pub cases: String,
}

impl Canonical for PolicyBundle {
    const BYTES_MAX: usize = 32 + 4 * FILE_BYTES_MAX;
}

impl PolicyBundle {
    /// From the texts of the four files.
    pub fn new(cedar: String, limits: String, lists: String, cases: String) -> Self {
        Self { version: 1, cedar, limits, lists, cases }
    }

    /// From whatever finds a file's text by its name; the error of the first one that it does
    /// not find.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn from_files<E>(
        mut read: impl FnMut(&'static str) -> Result<String, E>,
    ) -> Result<Self, E> {
        let [cedar, limits, lists, cases] = PolicyFile::ALL.map(|file| read(file.name()));
        Ok(Self::new(cedar?, limits?, lists?, cases?))
    }

    /// Decodes a bundle.
    ///
    /// # Errors
    /// [`PolicyError::Bundle`], [`PolicyError::Version`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PolicyError> {
        let bundle: Self = quorate_codec::from_bytes(bytes)?;
        if bundle.version == 1 { Ok(bundle) } else { Err(PolicyError::Version(bundle.version)) }
    }

    /// The one encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        quorate_codec::to_bytes(self)
    }

    /// Digest of the encoding.
    pub fn digest(&self) -> Digest {
        Transcript::new(tag::POLICY).part(self.to_bytes()).digest()
    }
}
