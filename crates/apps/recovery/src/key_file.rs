//! The key file: a private half under a passphrase, as text that says to people what it is (REC-03 to
//! REC-05).

use crate::lines::{First, first, value};
use crate::passphrase::{Cost, Passphrase};
use crate::secret::{Kind, Secret};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use quorate_codec::{Digest, Transcript, tag};
use quorate_curve::SecretScalar;
use quorate_identity::{Name, RecoveryKeyId, words};
use std::fmt;
use std::str::FromStr;
use zeroize::Zeroizing;

/// A key file. What it says in plain is authenticated once it is opened, not before. Public without
/// its passphrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    name: Name,
    kind: Kind,
    key: RecoveryKeyId,
    cost: Cost,
    salt: [u8; 16],
    /// The secret scalar, sealed.
    sealed: [u8; SEALED_BYTES],
}

/// A text that is no key file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// Something else; the caller's fault.
    #[error("not a key file")]
    Other,
    /// One of another version.
    #[error("a key file of version {0}, known is 1")]
    Version(u32),
    /// One that is cut or was changed; the machine's fault, or of whoever changed it.
    #[error("the key file is damaged: it is cut, or something in it was changed")]
    Damaged,
}

/// Why a key file was not sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The file is whole, so it is not its fault.
    #[error("the passphrase is wrong")]
    Passphrase,
    /// It opens to another key than it names: whoever knew the passphrase made it so.
    #[error("the key file holds another key than it says")]
    OtherKey,
    /// Memory is short; the machine's fault.
    #[error("there is too little memory for Argon2id")]
    Memory,
}

/// How every version begins.
pub(crate) const START: &str = "quorate-recovery-secret-";

/// A scalar and the tag of Poly1305.
const SEALED_BYTES: usize = 32 + 16;

impl KeyFile {
    /// Seals a secret under a passphrase. The salt is 16 random bytes, fresh for every file: the key
    /// that follows from it serves once, so the nonce is zero (REC-04, N-26).
    ///
    /// # Errors
    /// [`SealError::Memory`].
    pub fn seal(
        name: Name,
        secret: &Secret,
        passphrase: &Passphrase,
        cost: Cost,
        salt: [u8; 16],
    ) -> Result<Self, SealError> {
        let (kind, key) = (secret.kind(), secret.public().id());
        let mut file = Self { name, kind, key, cost, salt, sealed: [0; SEALED_BYTES] };
        // Room for all of it, so that it does not move while it holds the plain scalar.
        let mut buffer = Zeroizing::new(Vec::with_capacity(SEALED_BYTES));
        buffer.extend_from_slice(secret.scalar().to_bytes().as_ref());
        let cipher = file.cipher(passphrase)?;
        let sealed =
            cipher.encrypt_in_place(&Nonce::default(), file.binding().as_ref(), &mut *buffer);
        // 32 bytes are never too many to encrypt.
        debug_assert!(sealed.is_ok());
        file.sealed = buffer.as_slice().try_into().map_err(|_| SealError::Memory)?;
        Ok(file)
    }

    /// The secret.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open(&self, passphrase: &Passphrase) -> Result<Secret, SealError> {
        let mut buffer = Zeroizing::new(self.sealed.to_vec());
        self.cipher(passphrase)?
            .decrypt_in_place(&Nonce::default(), self.binding().as_ref(), &mut *buffer)
            .map_err(|_| SealError::Passphrase)?;
        let scalar = SecretScalar::from_bytes(&buffer).map_err(|_| SealError::OtherKey)?;
        let secret = Secret::new(self.kind, scalar);
        if secret.public().id() == self.key { Ok(secret) } else { Err(SealError::OtherKey) }
    }

    /// What the key is called.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Which algorithm it has.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The id of its public half.
    pub fn key(&self) -> RecoveryKeyId {
        self.key
    }

    fn cipher(&self, passphrase: &Passphrase) -> Result<ChaCha20Poly1305, SealError> {
        let key = self.cost.derive(passphrase, &self.salt).ok_or(SealError::Memory)?;
        Ok(ChaCha20Poly1305::new(&Key::from(*key)))
    }

    /// Everything that stands in plain, for the seal to hold (REC-04).
    fn binding(&self) -> Digest {
        Transcript::new(tag::RECOVERY_FILE).part(self.head()).digest()
    }

    /// The lines above the sealed one.
    fn head(&self) -> String {
        let Self { name, kind, key, cost, salt, .. } = self;
        let (words, salt) = (words(&key.digest()).join(" "), STANDARD.encode(salt));
        format!(
            "{START}1\nname: {name}\nkind: {kind}\nkey: {key}\nwords: {words}\nargon2id: {cost}\n\
             salt: {salt}\n"
        )
    }

    fn read(rest: &str) -> Option<Self> {
        let mut lines = rest.lines();
        let mut next = |label| value(&mut lines, label);
        let (name, kind) = (next("name")?.parse().ok()?, Kind::named(next("kind")?)?);
        let (key, _words) = (next("key")?.parse().ok()?, next("words")?);
        let (cost, salt) = (next("argon2id")?.parse().ok()?, bytes(next("salt")?)?);
        Some(Self { name, kind, key, cost, salt, sealed: bytes(next("sealed")?)? })
    }
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

impl fmt::Display for KeyFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}sealed: {}\n", self.head(), STANDARD.encode(self.sealed));
        let check = Transcript::new(tag::RECOVERY_CHECK).part(&text).digest();
        writeln!(formatter, "{text}check: {check}")
    }
}

impl FromStr for KeyFile {
    type Err = KeyFileError;

    /// Reads exactly what `Display` writes (REC-05).
    fn from_str(text: &str) -> Result<Self, KeyFileError> {
        let rest = match first(text, START) {
            First::Known(rest) => rest,
            First::Version(version) => return Err(KeyFileError::Version(version)),
            First::Other => return Err(KeyFileError::Other),
        };
        let read = Self::read(rest).ok_or(KeyFileError::Damaged)?;
        // Words, checksum and every space are as they follow from the rest.
        if read.to_string() == text { Ok(read) } else { Err(KeyFileError::Damaged) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use quorate_curve::Ed25519;

    const KINDS: [Kind; 3] = [Kind::Hybrid, Kind::X25519, Kind::P256];

    fn secret(kind: Kind, number: u8) -> Secret {
        Secret::new(kind, SecretScalar::<Ed25519>::from_wide(&[number; 64]))
    }

    fn phrase(text: &str) -> Passphrase {
        Passphrase::from(text)
    }

    /// For tests of everything but the cost itself.
    fn sealed(kind: Kind) -> KeyFile {
        let (name, cost) = ("vault-north".parse().unwrap(), Cost::new(64, 1, 1).unwrap());
        KeyFile::seal(name, &secret(kind, 7), &phrase("open sesame"), cost, [3; 16]).unwrap()
    }

    /// REC-03, REC-04: what is written is read, and opens to what was sealed.
    #[test]
    fn what_was_sealed_opens_again() {
        for kind in KINDS {
            let file: KeyFile = sealed(kind).to_string().parse().unwrap();
            assert_eq!((file.name().as_str(), file.kind()), ("vault-north", kind));
            let opened = file.open(&phrase("open sesame")).unwrap();
            assert_eq!(opened.scalar().to_bytes(), secret(kind, 7).scalar().to_bytes());
            assert_eq!(opened.public().id(), file.key());
        }
    }

    /// REC-02: kinds of one scalar are keys of their own.
    #[test]
    fn a_kind_is_part_of_the_secret() {
        let ids = KINDS.map(|kind| secret(kind, 7).public().id());
        assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
        assert_ne!(secret(Kind::P256, 7).public().id(), secret(Kind::P256, 8).public().id());
    }

    /// REC-04, REC-05: the check is no protection, the seal is: who changes a line and makes its check
    /// anew gains nothing.
    #[test]
    fn neg_060_every_line_is_held_by_the_seal() {
        let good = sealed(Kind::X25519);
        let key = sealed(Kind::P256).key();
        for changed in [
            KeyFile { name: "vault-south".parse().unwrap(), ..good.clone() },
            KeyFile { kind: Kind::P256, ..good.clone() },
            KeyFile { key, ..good.clone() },
            KeyFile { cost: Cost::new(65, 1, 1).unwrap(), ..good.clone() },
            KeyFile { salt: [4; 16], ..good.clone() },
            KeyFile { sealed: [5; SEALED_BYTES], ..good.clone() },
        ] {
            let read: KeyFile = changed.to_string().parse().unwrap();
            let opened = read.open(&phrase("open sesame"));
            assert_eq!(opened.unwrap_err(), SealError::Passphrase, "{changed}");
        }
        for wrong in ["open sesam", "open sesame ", "Open sesame", ""] {
            assert_eq!(good.open(&phrase(wrong)).unwrap_err(), SealError::Passphrase, "{wrong}");
        }
        assert!(good.open(&phrase("open sesame")).is_ok());
    }

    /// REC-05: whoever knows the passphrase cannot pass one key for another.
    #[test]
    fn a_file_that_opens_to_another_key_is_refused() {
        let other = secret(Kind::X25519, 8);
        let mut file = sealed(Kind::X25519);
        let mut buffer = other.scalar().to_bytes().to_vec();
        let cipher = file.cipher(&phrase("open sesame")).unwrap();
        let binding = file.binding();
        cipher.encrypt_in_place(&Nonce::default(), binding.as_ref(), &mut buffer).unwrap();
        file.sealed = buffer.try_into().unwrap();
        assert_eq!(file.open(&phrase("open sesame")).unwrap_err(), SealError::OtherKey);
    }

    /// REC-05: one form, and for what is not a clear name of what it is.
    #[test]
    fn neg_010_cut_changed_and_foreign_texts_are_told_apart() {
        let text = sealed(Kind::Hybrid).to_string();
        let read = |text: &str| text.parse::<KeyFile>().unwrap_err();
        for end in START.len() + 2..text.len() {
            assert_eq!(read(&text[..end]), KeyFileError::Damaged, "{end}");
        }
        for (from, to) in [
            ("vault-north", "vault-south"),
            ("name: ", "name:  "),
            ("words: ", "words: word "),
            ("m=64 ", "m=4294967295 "),
            ("t=1", "t=2"),
            ("kind: hybrid", "kind: x25519"),
            ("check: 0x", "check: 0x0"),
            ("\n", "\r\n"),
        ] {
            let changed = text.replace(from, to);
            assert_ne!(changed, text, "{from}");
            assert_eq!(read(&changed), KeyFileError::Damaged, "{from}");
        }
        assert_eq!(read(&format!("{text}\n")), KeyFileError::Damaged);
        assert_eq!(read(&text.replace("secret-1", "secret-2")), KeyFileError::Version(2));
        for other in ["", "quorate-recovery-secret", "quorate-recovery-key-1 a b", "\n"] {
            assert_eq!(read(other), KeyFileError::Other, "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "(quorate-recovery-secret-1\n)?(name: a\n)?.*") {
            let _ = text.parse::<KeyFile>();
        }

        #[test]
        fn a_changed_byte_is_never_read(at in any::<prop::sample::Index>(), to in 0x20_u8..0x7f) {
            let text = sealed(Kind::X25519).to_string();
            let mut changed = text.clone().into_bytes();
            let at = at.index(changed.len());
            changed[at] = to;
            let changed = String::from_utf8(changed).unwrap();
            prop_assert_eq!(changed.parse::<KeyFile>().is_ok(), changed == text);
        }
    }
}
