//! The header: whose store it is, what opens it, and the data key under that.

use crate::kek::Form;
use crate::passphrase::Stretch;
use crate::seal::{self, Sealer};
use crate::{Seal, SealKey, StoreError};
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, Digest, Transcript, from_bytes, tag, to_bytes};
use quorate_identity::NodeId;
use rand_core::{OsRng, RngCore};
use std::path::Path;
use zeroize::Zeroizing;

/// The version of the stored form, and of the header under a passphrase.
pub(crate) const VERSION: u8 = 2;
/// The version of the header under anything else.
const VERSION_OF_KINDS: u8 = 3;

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

/// Whose store it is, what opens it, and the data key under that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    store: StoreId,
    seal: Seal,
    wrapped: Vec<u8>,
}

/// The stored form under a passphrase (STO-01).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct OfPassphrase {
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

/// The stored form under anything else (STO-14).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct OfKind {
    #[n(0)]
    version: u8,
    #[n(1)]
    store: StoreId,
    #[n(2)]
    kind: u8,
    #[cbor(n(3), with = "minicbor::bytes")]
    seal: Vec<u8>,
    #[cbor(n(4), with = "minicbor::bytes")]
    wrapped: Vec<u8>,
    #[n(5)]
    checksum: Digest,
}

/// Either form.
enum Stored {
    OfPassphrase(OfPassphrase),
    OfKind(OfKind),
}

impl Canonical for OfPassphrase {
    const BYTES_MAX: usize = 256;
}

impl Canonical for OfKind {
    const BYTES_MAX: usize = 2_400;
}

impl Header {
    /// A header over a fresh data key.
    ///
    /// # Errors
    /// [`StoreError::BadSeal`]: what it should name has no room in it.
    pub(crate) fn create(
        store: StoreId,
        seal: Seal,
        key: &SealKey,
    ) -> Result<(Self, Sealer), StoreError> {
        if !seal.fits() {
            return Err(StoreError::BadSeal(seal.kind()));
        }
        let mut data_key = Zeroizing::new([0; 32]);
        OsRng.fill_bytes(&mut *data_key);
        let mut header = Self { store, seal, wrapped: Vec::new() };
        header.wrapped = seal::wrap(key.as_bytes(), &header.binding(), &*data_key);
        Ok((header, Sealer::new(store, &data_key)))
    }

    /// Reads a header (STO-03, STO-14).
    ///
    /// # Errors
    /// [`StoreError::DamagedHeader`], [`StoreError::Version`].
    pub(crate) fn read(bytes: &[u8], path: &Path) -> Result<Self, StoreError> {
        let damaged = || StoreError::DamagedHeader(path.to_owned());
        let stored = Stored::from_bytes(bytes).ok_or_else(damaged)?;
        if stored.checksum() != stored.sum() {
            return Err(damaged());
        }
        let (found, known) = stored.versions();
        if found != known {
            return Err(StoreError::Version { path: path.to_owned(), found, known });
        }
        stored.into_header().ok_or_else(damaged)
    }

    /// Unwraps the data key.
    ///
    /// # Errors
    /// That of the kind: the checksum held, so it is the key's fault, or somebody's who wrote the
    /// header anew.
    pub(crate) fn unlock(&self, key: &SealKey, path: &Path) -> Result<Sealer, StoreError> {
        let data_key = seal::unwrap(key.as_bytes(), &self.binding(), &self.wrapped);
        let data_key = data_key.ok_or_else(|| match &self.seal {
            Seal::Passphrase(_) => StoreError::WrongPassphrase,
            Seal::SystemdCredential { name, .. } => StoreError::WrongCredential(name.clone()),
            Seal::Tpm2(_) | Seal::Pkcs11(_) => {
                StoreError::WrongSealKey { path: path.to_owned(), kind: self.seal.kind() }
            }
        })?;
        Ok(Sealer::new(self.store, &data_key))
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut stored = self.stored();
        let sum = stored.sum();
        match &mut stored {
            Stored::OfPassphrase(it) => {
                it.checksum = sum;
                to_bytes(it)
            }
            Stored::OfKind(it) => {
                it.checksum = sum;
                to_bytes(it)
            }
        }
    }

    pub(crate) fn store(&self) -> StoreId {
        self.store
    }

    pub(crate) fn seal(&self) -> &Seal {
        &self.seal
    }

    /// Everything that stands before the wrapped key: bound to it by the seal. So a header that
    /// names another kind, key or blob opens under nothing.
    fn binding(&self) -> Digest {
        match self.stored() {
            Stored::OfPassphrase(it) => it.fields(tag::STORE_KEK).digest(),
            Stored::OfKind(it) => it.fields(tag::STORE_KEK_2).digest(),
        }
    }

    /// In the form of its kind, without a checksum.
    fn stored(&self) -> Stored {
        let (store, wrapped, checksum) = (self.store, self.wrapped.clone(), Digest::ZERO);
        match self.seal.to_stored() {
            Form::Stretched(stretch) => {
                let ((memory_kib, passes, lanes), salt) = stretch.parts();
                let version = VERSION;
                Stored::OfPassphrase(OfPassphrase {
                    version,
                    store,
                    memory_kib,
                    passes,
                    lanes,
                    salt,
                    wrapped,
                    checksum,
                })
            }
            Form::Named(kind, seal) => {
                let version = VERSION_OF_KINDS;
                Stored::OfKind(OfKind { version, store, kind, seal, wrapped, checksum })
            }
        }
    }
}

impl Stored {
    /// The forms differ in length, so no bytes are both.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let of_passphrase = from_bytes(bytes).map(Self::OfPassphrase);
        of_passphrase.or_else(|_| from_bytes(bytes).map(Self::OfKind)).ok()
    }

    fn checksum(&self) -> Digest {
        match self {
            Self::OfPassphrase(it) => it.checksum,
            Self::OfKind(it) => it.checksum,
        }
    }

    /// Tells a damaged header from a wrong secret. Not secret, and no protection against people:
    /// the seal is that.
    fn sum(&self) -> Digest {
        match self {
            Self::OfPassphrase(it) => it.fields(tag::STORE_HEADER).part(&it.wrapped).digest(),
            Self::OfKind(it) => it.fields(tag::STORE_HEADER_2).part(&it.wrapped).digest(),
        }
    }

    /// What it says, and the one that is known of this form.
    fn versions(&self) -> (u8, u8) {
        match self {
            Self::OfPassphrase(it) => (it.version, VERSION),
            Self::OfKind(it) => (it.version, VERSION_OF_KINDS),
        }
    }

    /// `None` where it names a cost beyond the limits, or no seal.
    fn into_header(self) -> Option<Header> {
        Some(match self {
            Self::OfPassphrase(it) => {
                let stretch = Stretch::of_parts((it.memory_kib, it.passes, it.lanes), it.salt)?;
                Header { store: it.store, seal: Seal::Passphrase(stretch), wrapped: it.wrapped }
            }
            Self::OfKind(it) => {
                let seal = Seal::from_stored(it.kind, &it.seal)?;
                Header { store: it.store, seal, wrapped: it.wrapped }
            }
        })
    }
}

impl OfPassphrase {
    fn fields(&self, tag: tag::Tag) -> Transcript {
        Transcript::new(tag)
            .number(self.version.into())
            .part(self.store.0.as_bytes())
            .number(self.memory_kib.into())
            .number(self.passes.into())
            .number(self.lanes.into())
            .part(self.salt)
    }
}

impl OfKind {
    fn fields(&self, tag: tag::Tag) -> Transcript {
        Transcript::new(tag)
            .number(self.version.into())
            .part(self.store.0.as_bytes())
            .number(self.kind.into())
            .part(&self.seal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cost, SealKind, TokenChallenge, TpmObject};

    fn path() -> &'static Path {
        Path::new("s")
    }

    /// A header of each kind, with the key that opens it.
    fn every() -> Vec<(Header, SealKey)> {
        let stretch = || Stretch::fresh(Cost::TRIAL);
        let of_name = Seal::SystemdCredential { name: "seal".into(), stretch: stretch() };
        let object = TpmObject { public: vec![1; 48], private: vec![2; 190], counter: Some(7) };
        let asked = TokenChallenge::fresh("vault", "node-1");
        let seals = [Seal::Passphrase(stretch()), of_name, Seal::Tpm2(object), Seal::Pkcs11(asked)];
        let made = seals.into_iter().map(|seal| {
            let key = SealKey::random();
            (Header::create(StoreId(Digest([3; 32])), seal, &key).unwrap().0, key)
        });
        made.collect()
    }

    /// Bytes whose checksum holds, as somebody would write them who changed the header.
    fn rewritten(header: &Header, change: impl Fn(&mut Stored)) -> Vec<u8> {
        let mut stored = header.stored();
        change(&mut stored);
        let sum = stored.sum();
        match &mut stored {
            Stored::OfPassphrase(it) => {
                it.checksum = sum;
                to_bytes(it)
            }
            Stored::OfKind(it) => {
                it.checksum = sum;
                to_bytes(it)
            }
        }
    }

    fn opened(bytes: &[u8], key: &SealKey) -> Result<Sealer, StoreError> {
        Header::read(bytes, path())?.unlock(key, path())
    }

    #[test]
    fn sto_01_a_header_survives_and_its_key_opens_what_it_sealed() {
        for seal in every().into_iter().map(|(header, _)| header.seal) {
            let key = SealKey::random();
            let (header, sealer) = Header::create(StoreId::random(), seal, &key).unwrap();
            let read = Header::read(&header.to_bytes(), path()).unwrap();
            assert_eq!(read, header);
            let sealed = sealer.seal(1, b"k", b"value");
            let again = read.unlock(&key, path()).unwrap();
            assert_eq!(again.open(1, b"k", &sealed).unwrap().as_slice(), b"value");
        }
    }

    #[test]
    fn sto_03_a_wrong_key_is_not_damage_and_damage_is_not_a_wrong_key() {
        for (header, key) in every() {
            let wrong = header.unlock(&SealKey::random(), path()).unwrap_err();
            match header.seal {
                Seal::Passphrase(_) => assert!(matches!(wrong, StoreError::WrongPassphrase)),
                Seal::SystemdCredential { .. } => {
                    assert!(matches!(wrong, StoreError::WrongCredential(name) if name == "seal"));
                }
                Seal::Tpm2(_) | Seal::Pkcs11(_) => {
                    assert!(matches!(wrong, StoreError::WrongSealKey { kind, .. }
                        if kind == header.seal.kind()));
                }
            }
            let bytes = header.to_bytes();
            for at in 0..bytes.len() {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1;
                let read = Header::read(&flipped, path());
                assert!(matches!(read, Err(StoreError::DamagedHeader(_))), "byte {at}");
            }
            assert!(header.unlock(&key, path()).is_ok());
        }
    }

    #[test]
    fn neg_060_a_header_with_another_id_cost_or_name_does_not_open_whatever_its_checksum_says() {
        let changes: [fn(&mut Stored); 3] = [
            |stored| match stored {
                Stored::OfPassphrase(it) => it.store = StoreId(Digest([4; 32])),
                Stored::OfKind(it) => it.store = StoreId(Digest([4; 32])),
            },
            |stored| match stored {
                Stored::OfPassphrase(it) => it.passes = 2,
                // The last byte of a salt, blob or challenge.
                Stored::OfKind(it) => *it.seal.last_mut().unwrap() ^= 1,
            },
            |stored| match stored {
                Stored::OfPassphrase(it) => it.salt = [0; 16],
                Stored::OfKind(it) => it.wrapped[30] ^= 1,
            },
        ];
        for (header, key) in every() {
            for change in changes {
                let error = opened(&rewritten(&header, change), &key).unwrap_err();
                let code = error.code();
                assert!(
                    ["wrong_passphrase", "wrong_credential", "wrong_seal_key"].contains(&code),
                    "{code}"
                );
            }
        }
    }

    /// STO-14: nobody who lacks the key of one seal makes it another one's, weaker or not.
    #[test]
    fn sto_14_a_header_of_another_kind_opens_under_neither_key() {
        let all = every();
        for (header, key) in &all {
            for (other, its_key) in &all {
                let moved = Header { seal: other.seal.clone(), ..header.clone() };
                let is_itself = header == other;
                assert_eq!(opened(&moved.to_bytes(), key).is_ok(), is_itself);
                assert_eq!(opened(&moved.to_bytes(), its_key).is_ok(), is_itself);
            }
        }
    }

    #[test]
    fn sto_02_what_a_header_may_not_say_is_damage() {
        for (header, _) in every() {
            // Version 1 had no slots.
            for version in [1, 4] {
                let bytes = rewritten(&header, |stored| match stored {
                    Stored::OfPassphrase(it) => it.version = version,
                    Stored::OfKind(it) => it.version = version,
                });
                let read = Header::read(&bytes, path());
                let known = if matches!(header.seal, Seal::Passphrase(_)) { 2 } else { 3 };
                assert!(matches!(read, Err(StoreError::Version { found, known: other, .. })
                    if found == version && other == known));
            }
            let bytes = rewritten(&header, |stored| match stored {
                Stored::OfPassphrase(it) => it.memory_kib = u32::MAX,
                Stored::OfKind(it) => it.kind = 0,
            });
            assert!(matches!(Header::read(&bytes, path()), Err(StoreError::DamagedHeader(_))));
        }
    }

    #[test]
    fn sto_14_a_seal_that_has_no_room_makes_no_header() {
        let object = TpmObject { public: vec![0; 3_000], private: vec![], counter: None };
        let made = Header::create(StoreId::random(), Seal::Tpm2(object), &SealKey::random());
        assert!(matches!(made, Err(StoreError::BadSeal(SealKind::Tpm2))));
    }
}
