//! The header: whose store it is, and the data key under the passphrase.

use crate::seal::{self, Sealer};
use crate::{Cost, Passphrase, StoreError};
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, Digest, Transcript, from_bytes, tag, to_bytes};
use quorate_identity::NodeId;
use rand_core::{OsRng, RngCore};
use std::path::Path;
use zeroize::Zeroizing;

/// The version of the stored form.
pub(crate) const VERSION: u8 = 2;

/// Names a store. It enters every row's seal and stands in the header, in plain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct StoreId(#[n(0)] pub Digest);

impl StoreId {
    /// A fresh one, for a store whose node has no id yet.
    pub fn random() -> Self {
        Self(Digest(seal::random()))
    }
}

impl From<NodeId> for StoreId {
    /// The store of this node.
    fn from(node: NodeId) -> Self {
        Self(node.digest())
    }
}

/// The header's stored form (STO-01).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Header {
    #[n(0)]
    version: u8,
    #[n(1)]
    store: StoreId,
    #[n(2)]
    memory_kib: u32,
    #[n(3)]
    passes: u32,
    #[n(4)]
    lanes: u32,
    #[cbor(n(5), with = "minicbor::bytes")]
    salt: [u8; 16],
    #[cbor(n(6), with = "minicbor::bytes")]
    wrapped: Vec<u8>,
    #[n(7)]
    checksum: Digest,
}

impl Canonical for Header {
    const BYTES_MAX: usize = 256;
}

impl Header {
    /// A header over a fresh data key.
    ///
    /// # Errors
    /// [`StoreError::EmptyPassphrase`]; [`StoreError::Io`] where memory is short.
    pub(crate) fn create(
        store: StoreId,
        phrase: &Passphrase,
        cost: Cost,
        path: &Path,
    ) -> Result<(Self, Sealer), StoreError> {
        if phrase.is_empty() {
            return Err(StoreError::EmptyPassphrase);
        }
        let mut data_key = Zeroizing::new([0; 32]);
        OsRng.fill_bytes(&mut *data_key);
        let (memory_kib, passes, lanes) = cost.parts();
        let salt: [u8; 16] = seal::random();
        let (wrapped, checksum) = (Vec::new(), Digest::ZERO);
        let version = VERSION;
        let mut header =
            Self { version, store, memory_kib, passes, lanes, salt, wrapped, checksum };
        let key = cost.derive(phrase, &salt).ok_or_else(|| short_of_memory(path))?;
        header.wrapped = seal::wrap(&key, &header.binding(), &*data_key);
        header.checksum = header.sum();
        Ok((header, Sealer::new(store, &data_key)))
    }

    /// Reads a header (STO-03).
    ///
    /// # Errors
    /// [`StoreError::DamagedHeader`], [`StoreError::Version`].
    pub(crate) fn read(bytes: &[u8], path: &Path) -> Result<Self, StoreError> {
        let damaged = || StoreError::DamagedHeader(path.to_owned());
        let header: Self = from_bytes(bytes).map_err(|_| damaged())?;
        if header.checksum != header.sum() {
            return Err(damaged());
        }
        if header.version != VERSION {
            let (path, found) = (path.to_owned(), header.version);
            return Err(StoreError::Version { path, found, known: VERSION });
        }
        Ok(header)
    }

    /// Unwraps the data key.
    ///
    /// # Errors
    /// [`StoreError::WrongPassphrase`]: the checksum held, so it is not the header's fault.
    /// [`StoreError::DamagedHeader`] where the cost is beyond all limits.
    pub(crate) fn unlock(&self, phrase: &Passphrase, path: &Path) -> Result<Sealer, StoreError> {
        let cost = Cost::new(self.memory_kib, self.passes, self.lanes)
            .ok_or_else(|| StoreError::DamagedHeader(path.to_owned()))?;
        let key = cost.derive(phrase, &self.salt).ok_or_else(|| short_of_memory(path))?;
        let data_key = seal::unwrap(&key, &self.binding(), &self.wrapped)
            .ok_or(StoreError::WrongPassphrase)?;
        Ok(Sealer::new(self.store, &data_key))
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        to_bytes(self)
    }

    pub(crate) fn store(&self) -> StoreId {
        self.store
    }

    /// Everything that stands before the wrapped key: bound to it by the seal.
    fn binding(&self) -> Digest {
        self.fields(Transcript::new(tag::STORE_KEK)).digest()
    }

    /// Tells a damaged header from a wrong passphrase. Not secret, and no protection against
    /// people: the seal is that.
    fn sum(&self) -> Digest {
        self.fields(Transcript::new(tag::STORE_HEADER)).part(&self.wrapped).digest()
    }

    fn fields(&self, transcript: Transcript) -> Transcript {
        transcript
            .number(self.version.into())
            .part(self.store.0.as_bytes())
            .number(self.memory_kib.into())
            .number(self.passes.into())
            .number(self.lanes.into())
            .part(self.salt)
    }
}

fn short_of_memory(path: &Path) -> StoreError {
    let source = std::io::Error::from(std::io::ErrorKind::OutOfMemory);
    StoreError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> (Header, Passphrase) {
        let phrase = Passphrase::new("right");
        let store = StoreId(Digest([3; 32]));
        (Header::create(store, &phrase, Cost::TRIAL, Path::new("s")).unwrap().0, phrase)
    }

    #[test]
    fn sto_01_a_header_survives_and_its_key_opens_what_it_sealed() {
        let phrase = Passphrase::new("right");
        let path = Path::new("s");
        let (header, sealer) =
            Header::create(StoreId::random(), &phrase, Cost::TRIAL, path).unwrap();
        let read = Header::read(&header.to_bytes(), path).unwrap();
        assert_eq!(read, header);
        let sealed = sealer.seal(1, b"k", b"value");
        let again = read.unlock(&phrase, path).unwrap();
        assert_eq!(again.open(1, b"k", &sealed).unwrap().as_slice(), b"value");
    }

    #[test]
    fn sto_03_a_wrong_passphrase_is_not_damage_and_damage_is_not_a_wrong_passphrase() {
        let (header, phrase) = made();
        let path = Path::new("s");
        let wrong = header.unlock(&Passphrase::new("wrong"), path);
        assert!(matches!(wrong, Err(StoreError::WrongPassphrase)));
        let bytes = header.to_bytes();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            let read = Header::read(&flipped, path);
            assert!(matches!(read, Err(StoreError::DamagedHeader(_))), "byte {at}");
        }
        assert!(header.unlock(&phrase, path).is_ok());
    }

    #[test]
    fn neg_060_a_header_with_another_id_or_cost_does_not_open_whatever_its_checksum_says() {
        let (header, phrase) = made();
        let path = Path::new("s");
        let rewritten = [
            Header { store: StoreId(Digest([4; 32])), ..header.clone() },
            Header { passes: 2, ..header.clone() },
            Header { salt: [0; 16], ..header.clone() },
        ];
        for mut header in rewritten {
            header.checksum = header.sum();
            let header = Header::read(&header.to_bytes(), path).unwrap();
            let opened = header.unlock(&phrase, path);
            assert!(matches!(opened, Err(StoreError::WrongPassphrase)));
        }
        let mut greedy = Header { memory_kib: u32::MAX, ..header.clone() };
        greedy.checksum = greedy.sum();
        assert!(matches!(greedy.unlock(&phrase, path), Err(StoreError::DamagedHeader(_))));
        // Version 1 had no slots.
        for version in [1, 3] {
            let mut other = Header { version, ..header.clone() };
            other.checksum = other.sum();
            let read = Header::read(&other.to_bytes(), path);
            assert!(
                matches!(read, Err(StoreError::Version { found, known: 2, .. }) if found == version)
            );
        }
    }
}
