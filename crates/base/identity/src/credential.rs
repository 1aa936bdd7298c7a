//! The public keys of people and services: OpenSSH keys of three kinds.

use crate::{KeyError, SignatureError, ed25519, sshsig, sshsig::CredentialSignature};
use ed25519_dalek::VerifyingKey;
use minicbor::decode::{Decoder, Error as CborError};
use minicbor::encode::{Encoder, Error as EncodeError, Write};
use quorate_codec::{Canonical, Digest, Transcript, tag, tag::Tag};
use ssh_key::public::{EcdsaPublicKey, KeyData};
use ssh_key::{HashAlg, PublicKey};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// Longest key blob, in bytes: a security key with an application name of 64 characters.
pub const CREDENTIAL_BYTES_MAX: usize = 256;

/// Longest OpenSSH line that is read, in bytes.
const LINE_BYTES_MAX: usize = 4096;

/// A person's or service's public key: the OpenSSH key blob, known to be valid and canonical
/// (IDN-07). Comments are not part of it. Public.
#[derive(Clone)]
pub struct Credential {
    key: Key,
    blob: Vec<u8>,
}

/// The kinds of key that a [`Credential`] can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// `ssh-ed25519`.
    Ed25519,
    /// `ecdsa-sha2-nistp256`.
    P256,
    /// `sk-ssh-ed25519@openssh.com`: a security key, which signs only when it is touched.
    SecurityKey,
}

#[derive(Clone)]
pub(crate) enum Key {
    Ed25519(VerifyingKey),
    P256(Box<p256::ecdsa::VerifyingKey>),
    Security { key: VerifyingKey, application: String },
}

/// Why a text or blob is no credential; the fault of whoever supplied it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Not an OpenSSH public key in its canonical form.
    #[error("not an OpenSSH public key")]
    Malformed,
    /// A kind of key that is not accepted.
    #[error(
        "this kind of key is not accepted; use ssh-ed25519, ecdsa-sha2-nistp256 or \
         sk-ssh-ed25519@openssh.com"
    )]
    Kind,
    /// The point is invalid, or the application of a security key is not SSH.
    #[error("not a valid public key")]
    Key,
}

impl From<KeyError> for CredentialError {
    fn from(_: KeyError) -> Self {
        Self::Key
    }
}

impl Credential {
    /// Reads one line as in a `.pub` file: kind, base64, optional comment.
    ///
    /// # Errors
    /// [`CredentialError`].
    pub fn from_openssh(line: &str) -> Result<Self, CredentialError> {
        if line.len() > LINE_BYTES_MAX {
            return Err(CredentialError::Malformed);
        }
        let key = PublicKey::from_openssh(line.trim()).map_err(|_| CredentialError::Malformed)?;
        Self::from_key_data(key.key_data())
    }

    /// The line of a `.pub` file, without comment.
    pub fn to_openssh(&self) -> String {
        // The blob decoded once, so it decodes and prints again.
        let line = PublicKey::from_bytes(&self.blob).and_then(|key| key.to_openssh());
        line.unwrap_or_default()
    }

    /// Reads a key blob (RFC 4253, 6.6).
    ///
    /// # Errors
    /// [`CredentialError`], also when the blob is not the canonical one of its key.
    pub fn from_blob(blob: &[u8]) -> Result<Self, CredentialError> {
        if blob.len() > CREDENTIAL_BYTES_MAX {
            return Err(CredentialError::Malformed);
        }
        let key = PublicKey::from_bytes(blob).map_err(|_| CredentialError::Malformed)?;
        let credential = Self::from_key_data(key.key_data())?;
        if credential.blob == blob { Ok(credential) } else { Err(CredentialError::Malformed) }
    }

    /// The key blob.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// What kind of key it is.
    pub fn kind(&self) -> CredentialKind {
        match self.key {
            Key::Ed25519(_) => CredentialKind::Ed25519,
            Key::P256(_) => CredentialKind::P256,
            Key::Security { .. } => CredentialKind::SecurityKey,
        }
    }

    /// `SHA256:…` as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> String {
        let key = PublicKey::from_bytes(&self.blob);
        key.map(|key| key.fingerprint(HashAlg::Sha256).to_string()).unwrap_or_default()
    }

    /// A digest of the key, for [`words`](crate::words).
    pub fn digest(&self) -> Digest {
        Transcript::new(tag::FINGERPRINT).part(&self.blob).digest()
    }

    /// Verifies that the holder signed exactly `bytes` as what `tag` names (IDN-08).
    ///
    /// # Errors
    /// [`SignatureError`]; the sender's fault.
    pub fn verify(
        &self,
        tag: Tag,
        bytes: &[u8],
        signature: &CredentialSignature,
    ) -> Result<(), SignatureError> {
        sshsig::verify(self, &self.key, tag, bytes, signature)
    }

    fn from_key_data(data: &KeyData) -> Result<Self, CredentialError> {
        let key = match data {
            KeyData::Ed25519(key) => Key::Ed25519(ed25519::key_from_bytes(&key.0)?),
            // One point has one form here: uncompressed, as OpenSSH writes it.
            KeyData::Ecdsa(EcdsaPublicKey::NistP256(point)) if point.is_compressed() => {
                return Err(CredentialError::Malformed);
            }
            KeyData::Ecdsa(EcdsaPublicKey::NistP256(point)) => {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point.as_bytes());
                Key::P256(Box::new(key.map_err(|_| CredentialError::Key)?))
            }
            KeyData::SkEd25519(key) => Key::Security {
                key: ed25519::key_from_bytes(&key.public_key().0)?,
                application: ssh_application(key.application())?,
            },
            _ => return Err(CredentialError::Kind),
        };
        let blob = PublicKey::new(data.clone(), "").to_bytes();
        let blob = blob.map_err(|_| CredentialError::Malformed)?;
        if blob.len() > CREDENTIAL_BYTES_MAX {
            return Err(CredentialError::Malformed);
        }
        Ok(Self { key, blob })
    }
}

/// A security key of another application, such as a web site, must not speak here (N-22).
fn ssh_application(application: &str) -> Result<String, CredentialError> {
    let known = application.starts_with("ssh:");
    if known { Ok(application.to_owned()) } else { Err(CredentialError::Key) }
}

impl PartialEq for Credential {
    fn eq(&self, other: &Self) -> bool {
        self.blob == other.blob
    }
}

impl Eq for Credential {}

impl PartialOrd for Credential {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Credential {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.blob.cmp(&other.blob)
    }
}

impl Hash for Credential {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.blob.hash(state);
    }
}

impl fmt::Display for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_openssh())
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Credential({})", self.fingerprint())
    }
}

impl FromStr for Credential {
    type Err = CredentialError;

    fn from_str(line: &str) -> Result<Self, CredentialError> {
        Self::from_openssh(line)
    }
}

crate::text::serde_as_text!(Credential);

impl<C> minicbor::Encode<C> for Credential {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.bytes(&self.blob)?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Credential {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, CborError> {
        Self::from_blob(decoder.bytes()?).map_err(CborError::message)
    }
}

impl Canonical for Credential {
    const BYTES_MAX: usize = 3 + CREDENTIAL_BYTES_MAX;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CredentialSigner, MemorySigner};
    use proptest::prelude::*;
    use quorate_codec::{from_bytes, to_bytes};

    fn credential() -> Credential {
        MemorySigner::from_seed(&[7; 32]).unwrap().credential().clone()
    }

    #[test]
    fn a_comment_is_not_part_of_the_key() {
        let line = credential().to_openssh();
        let commented = format!("{line} ada@example.org\n");
        assert_eq!(Credential::from_openssh(&commented), Ok(credential()));
        assert_eq!(line.parse(), Ok(credential()));
        assert_eq!(from_bytes(&to_bytes(&credential())), Ok(credential()));
        assert_eq!(credential().kind(), CredentialKind::Ed25519);
    }

    #[test]
    fn neg_008_a_credential_of_small_order_is_refused() {
        let mut blob = credential().blob().to_vec();
        let key = blob.len() - 32;
        blob[key..].fill(0);
        assert_eq!(Credential::from_blob(&blob), Err(CredentialError::Key));
    }

    #[test]
    fn neg_009_points_off_p256_and_compressed_points_are_refused() {
        let secret = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let blob = |point: &[u8]| {
            let mut blob = Vec::new();
            for part in [&b"ecdsa-sha2-nistp256"[..], b"nistp256", point] {
                blob.extend((part.len() as u32).to_be_bytes());
                blob.extend(part);
            }
            blob
        };
        let honest = secret.verifying_key().to_encoded_point(false);
        let read = Credential::from_blob(&blob(honest.as_bytes())).unwrap();
        assert_eq!(read.kind(), CredentialKind::P256);
        let mut off_curve = honest.as_bytes().to_vec();
        off_curve[64] ^= 1;
        let compressed = secret.verifying_key().to_encoded_point(true);
        for point in [&off_curve[..], compressed.as_bytes(), &[0]] {
            assert!(Credential::from_blob(&blob(point)).is_err(), "{point:?}");
        }
    }

    #[test]
    fn neg_010_trailing_bytes_and_long_lines_are_refused() {
        let longer = [credential().blob(), &[0]].concat();
        assert_eq!(Credential::from_blob(&longer), Err(CredentialError::Malformed));
        let line = format!("{} {}", credential().to_openssh(), "x".repeat(LINE_BYTES_MAX));
        assert_eq!(Credential::from_openssh(&line), Err(CredentialError::Malformed));
    }

    proptest! {
        #[test]
        fn no_blob_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Credential::from_blob(&bytes);
            let mut blob = credential().blob().to_vec();
            blob.truncate(bytes.len());
            prop_assert!(blob.len() == credential().blob().len() || Credential::from_blob(&blob).is_err());
        }
    }
}
