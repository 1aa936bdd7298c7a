//! Sealing: XChaCha20-Poly1305 with a random nonce for every write.
//!
//! The nonce has 24 bytes and comes from the system at each write. A counter would repeat itself
//! after a snapshot of the machine was restored; random ones do not, for any number of writes
//! that a node can make.

use crate::StoreId;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use quorate_codec::{Digest, Transcript, tag};
use quorate_machine::durable::Table;
use rand_core::{OsRng, RngCore};
use std::fmt;
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
const NUMBER_BYTES: usize = 8;
/// Length of a slot. Four fill a sector of a disk, so none lies in two.
pub(crate) const SLOT_BYTES: usize = 128;
const SLOT_PLAIN_BYTES: usize = SLOT_BYTES - NONCE_BYTES - TAG_BYTES;

/// A slot as it stands in its file (STO-12).
pub(crate) type Slot = [u8; SLOT_BYTES];

/// Seals and opens the rows of one store. Secret: wiped when dropped, never printed.
pub(crate) struct Sealer {
    store: StoreId,
    cipher: XChaCha20Poly1305,
    mark_key: Zeroizing<[u8; 32]>,
}

impl Sealer {
    pub(crate) fn new(store: StoreId, data_key: &[u8; 32]) -> Self {
        let cipher = XChaCha20Poly1305::new(&Key::from(*data_key));
        let mark_key = Transcript::new(tag::STORE_STATE).part("key").part(data_key).digest();
        Self { store, cipher, mark_key: Zeroizing::new(mark_key.0) }
    }

    /// `nonce || ciphertext`, bound to the row's place (STO-04).
    pub(crate) fn seal(&self, table: u8, key: &[u8], value: &[u8]) -> Vec<u8> {
        encrypt(&self.cipher, &self.place(table, key), value)
    }

    /// The inverse; `None` where the row is damaged or stands in another place.
    pub(crate) fn open(&self, table: u8, key: &[u8], row: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        decrypt(&self.cipher, &self.place(table, key), row)
    }

    /// `slot number || nonce || ciphertext` under a key of its own, and that key sealed for the
    /// slot. Without the slot nothing opens the row, the data key neither (STO-12).
    pub(crate) fn seal_erasable(
        &self,
        table: u8,
        key: &[u8],
        number: u64,
        value: &[u8],
    ) -> (Vec<u8>, Slot) {
        let mut plain = Zeroizing::new([0; SLOT_PLAIN_BYTES]);
        let mut row_key = Zeroizing::new([0; 32]);
        OsRng.fill_bytes(&mut *row_key);
        plain.iter_mut().zip(row_key.iter()).for_each(|(to, from)| *to = *from);
        let cipher = XChaCha20Poly1305::new(&Key::from(*row_key));
        let sealed = encrypt(&cipher, &self.erasable_place(table, key, number), value);
        let slot = self.seal_slot("key", number, &plain);
        ([&number.to_be_bytes(), sealed.as_slice()].concat(), slot)
    }

    /// The inverse; `None` where row or slot are damaged, or do not belong together.
    pub(crate) fn open_erasable(
        &self,
        table: u8,
        key: &[u8],
        row: &[u8],
        slot: &Slot,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let number = slot_number(row)?;
        let plain = self.open_slot("key", number, slot)?;
        let row_key = Zeroizing::new(*plain.first_chunk::<32>()?);
        let cipher = XChaCha20Poly1305::new(&Key::from(*row_key));
        decrypt(&cipher, &self.erasable_place(table, key, number), row.get(NUMBER_BYTES..)?)
    }

    /// A head of the slots' file: the number of a commit.
    pub(crate) fn seal_head(&self, head: u64, commits: u64) -> Slot {
        let mut plain = [0; SLOT_PLAIN_BYTES];
        plain.iter_mut().zip(commits.to_be_bytes()).for_each(|(to, from)| *to = from);
        self.seal_slot("head", head, &plain)
    }

    /// The inverse.
    pub(crate) fn open_head(&self, head: u64, slot: &Slot) -> Option<u64> {
        let plain = self.open_slot("head", head, slot)?;
        plain.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
    }

    fn seal_slot(&self, kind: &str, number: u64, plain: &[u8; SLOT_PLAIN_BYTES]) -> Slot {
        let sealed = encrypt(&self.cipher, &self.slot_place(kind, number), plain);
        // The length is that of a slot; were it not, the slot would not open.
        debug_assert_eq!(sealed.len(), SLOT_BYTES);
        sealed.try_into().unwrap_or([0; SLOT_BYTES])
    }

    fn open_slot(&self, kind: &str, number: u64, slot: &Slot) -> Option<Zeroizing<Vec<u8>>> {
        decrypt(&self.cipher, &self.slot_place(kind, number), slot)
    }

    fn slot_place(&self, kind: &str, number: u64) -> Digest {
        let start = Transcript::new(tag::STORE_SLOT).part(self.store.0.as_bytes());
        start.part(kind).number(number).digest()
    }

    fn erasable_place(&self, table: u8, key: &[u8], number: u64) -> Digest {
        let start = Transcript::new(tag::STORE_RECORD).part(self.store.0.as_bytes());
        start.number(table.into()).part(key).number(number).digest()
    }

    /// What a row contributes to the sum over all rows: pseudorandom in its place and nonce,
    /// which name this one write, and in the number of its slot if it has one (STO-06).
    pub(crate) fn mark(&self, table: u8, key: &[u8], row: &[u8]) -> Option<[u8; 32]> {
        let numbered = Table::from_number(table).is_some_and(Table::is_erasable);
        let nonce = row.get(..NONCE_BYTES + if numbered { NUMBER_BYTES } else { 0 })?;
        let transcript =
            Transcript::new(tag::STORE_STATE).part("row").part(self.mark_key.as_slice());
        Some(transcript.number(table.into()).part(key).part(nonce).digest().0)
    }

    fn place(&self, table: u8, key: &[u8]) -> Digest {
        Transcript::new(tag::STORE_RECORD)
            .part(self.store.0.as_bytes())
            .number(table.into())
            .part(key)
            .digest()
    }
}

/// Which slot an erasable row names.
pub(crate) fn slot_number(row: &[u8]) -> Option<u64> {
    row.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

impl fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealer(secret)")
    }
}

/// Seals the data key under the passphrase's key.
pub(crate) fn wrap(key: &[u8; 32], binding: &Digest, data_key: &[u8]) -> Vec<u8> {
    encrypt(&XChaCha20Poly1305::new(&Key::from(*key)), binding, data_key)
}

/// The inverse; `None` where the key is wrong.
pub(crate) fn unwrap(
    key: &[u8; 32],
    binding: &Digest,
    wrapped: &[u8],
) -> Option<Zeroizing<[u8; 32]>> {
    let data_key = decrypt(&XChaCha20Poly1305::new(&Key::from(*key)), binding, wrapped)?;
    data_key.as_slice().try_into().ok().map(Zeroizing::new)
}

/// Fresh bytes from the system.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRng.fill_bytes(&mut bytes);
    bytes
}

fn encrypt(cipher: &XChaCha20Poly1305, place: &Digest, value: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE_BYTES] = random();
    // Room for everything: the buffer never moves while it holds the plain value.
    let mut buffer = Zeroizing::new(Vec::with_capacity(value.len() + TAG_BYTES));
    buffer.extend_from_slice(value);
    let sealed = cipher.encrypt_in_place(&XNonce::from(nonce), place.as_bytes(), &mut *buffer);
    // Fails only beyond 256 GiB, and then the row reads back as damaged.
    debug_assert!(sealed.is_ok());
    if sealed.is_err() {
        buffer.clear();
    }
    [&nonce[..], &buffer].concat()
}

fn decrypt(cipher: &XChaCha20Poly1305, place: &Digest, row: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = row.split_first_chunk::<NONCE_BYTES>()?;
    let mut buffer = Zeroizing::new(sealed.to_vec());
    cipher.decrypt_in_place(&XNonce::from(*nonce), place.as_bytes(), &mut *buffer).ok()?;
    Some(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sealer(store: u8, key: u8) -> Sealer {
        Sealer::new(StoreId(Digest([store; 32])), &[key; 32])
    }

    #[test]
    fn neg_060_a_row_opens_only_in_its_own_place() {
        let home = sealer(1, 1);
        let row = home.seal(7, b"key", b"share");
        assert_eq!(home.open(7, b"key", &row).unwrap().as_slice(), b"share");
        assert!(home.open(8, b"key", &row).is_none());
        assert!(home.open(7, b"kez", &row).is_none());
        assert!(home.open(7, b"ke", &row).is_none());
        assert!(sealer(2, 1).open(7, b"key", &row).is_none());
        assert!(sealer(1, 2).open(7, b"key", &row).is_none());
    }

    #[test]
    fn neg_026_no_two_writes_share_a_nonce_or_a_mark() {
        let sealer = sealer(1, 1);
        let rows: Vec<_> = (0..100).map(|_| sealer.seal(7, b"key", b"share")).collect();
        let marks: std::collections::BTreeSet<_> =
            rows.iter().map(|row| sealer.mark(7, b"key", row).unwrap()).collect();
        let nonces: std::collections::BTreeSet<_> = rows.iter().map(|row| &row[..24]).collect();
        assert_eq!((marks.len(), nonces.len()), (100, 100));
    }

    #[test]
    fn neg_077_a_sealer_prints_as_nothing() {
        assert_eq!(format!("{:?}", sealer(1, 1)), "Sealer(secret)");
    }

    #[test]
    fn neg_060_a_row_with_a_slot_opens_with_its_own_slot_only() {
        let home = sealer(1, 1);
        let (row, slot) = home.seal_erasable(7, b"key", 5, b"share");
        assert_eq!(home.open_erasable(7, b"key", &row, &slot).unwrap().as_slice(), b"share");
        assert!(home.open_erasable(8, b"key", &row, &slot).is_none());
        assert!(home.open_erasable(7, b"kez", &row, &slot).is_none());
        assert!(sealer(2, 1).open_erasable(7, b"key", &row, &slot).is_none());
        assert!(sealer(1, 2).open_erasable(7, b"key", &row, &slot).is_none());
        let (other, other_slot) = home.seal_erasable(7, b"key", 5, b"share");
        assert!(home.open_erasable(7, b"key", &row, &other_slot).is_none());
        assert!(home.open_erasable(7, b"key", &other, &slot).is_none());
        let mut renumbered = row.clone();
        renumbered[7] = 6;
        assert!(home.open_erasable(7, b"key", &renumbered, &slot).is_none());
        assert!(home.open(7, b"key", &row).is_none() && home.open(7, b"key", &row[8..]).is_none());
        assert_ne!(home.mark(7, b"key", &row), home.mark(7, b"key", &renumbered));
        let head = home.seal_head(1, 99);
        assert_eq!(home.open_head(1, &head), Some(99));
        assert_eq!(home.open_head(0, &head), None);
        assert_eq!(home.open_head(5, &slot), None);
    }

    proptest! {
        #[test]
        fn sto_04_what_was_sealed_opens_and_what_was_changed_does_not(
            value in prop::collection::vec(any::<u8>(), 0..200),
            key in prop::collection::vec(any::<u8>(), 0..40),
            at in any::<prop::sample::Index>(),
            bit in 0_u8..8,
        ) {
            let sealer = sealer(1, 1);
            let row = sealer.seal(3, &key, &value);
            prop_assert_eq!(sealer.open(3, &key, &row).unwrap().to_vec(), value);
            let mut changed = row.clone();
            changed[at.index(row.len())] ^= 1 << bit;
            prop_assert!(sealer.open(3, &key, &changed).is_none());
            prop_assert!(sealer.open(3, &key, &row[..at.index(row.len())]).is_none());
        }
    }
}
