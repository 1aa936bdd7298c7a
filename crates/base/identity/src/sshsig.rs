//! Signatures of people and services: SSHSIG, as `ssh-keygen -Y sign` makes them.
//!
//! The namespace is the tag's name and the message is the exact bytes, so a person can sign and
//! check anything here with plain OpenSSH.

use crate::credential::{Credential, Key};
use crate::{SignatureError, ed25519};
use minicbor::{Decode, Encode};
use p256::ecdsa::signature::Verifier;
use quorate_codec::{Canonical, hex, tag::Tag};
use sha2::{Digest as _, Sha256};
use ssh_encoding::{Decode as _, Encode as _, Reader as _};
use ssh_key::{Algorithm, EcdsaCurve, HashAlg, LineEnding, Signature, SshSig};
use std::fmt;
use std::str::FromStr;

/// Longest binary SSHSIG that is read, in bytes.
pub const SIGNATURE_BYTES_MAX: usize = 1024;

/// The hash that `ssh-keygen -Y sign` uses by default, and the only one accepted.
pub(crate) const HASH: HashAlg = HashAlg::Sha512;

/// Touch: bit 0 of a security key's flags.
const FLAG_USER_PRESENT: u8 = 0x01;

/// An SSHSIG in its binary form, not yet verified. Public. Text form: `0x` hex; the armoured
/// form of OpenSSH through [`to_pem`](Self::to_pem).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct CredentialSignature(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>);

impl CredentialSignature {
    /// The binary SSHSIG.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Takes a binary SSHSIG as it came; [`Credential::verify`] judges it.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Reads the armoured form, as in a `.sig` file of `ssh-keygen -Y sign`.
    ///
    /// # Errors
    /// [`SignatureError`] if it is malformed.
    pub fn from_pem(pem: &str) -> Result<Self, SignatureError> {
        Self::from_sshsig(&SshSig::from_pem(pem).map_err(|_| SignatureError)?)
    }

    /// The armoured form, for `ssh-keygen -Y verify`.
    ///
    /// # Errors
    /// [`SignatureError`] if the bytes are no SSHSIG.
    pub fn to_pem(&self) -> Result<String, SignatureError> {
        decode(&self.0)?.to_pem(LineEnding::LF).map_err(|_| SignatureError)
    }

    pub(crate) fn from_sshsig(sshsig: &SshSig) -> Result<Self, SignatureError> {
        let mut bytes = Vec::new();
        sshsig.encode(&mut bytes).map_err(|_| SignatureError)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for CredentialSignature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for CredentialSignature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for CredentialSignature {
    type Err = hex::HexError;

    fn from_str(text: &str) -> Result<Self, hex::HexError> {
        hex::decode(text).map(Self)
    }
}

impl Canonical for CredentialSignature {
    const BYTES_MAX: usize = 3 + SIGNATURE_BYTES_MAX;
}

crate::text::serde_as_text!(CredentialSignature);

/// All checks of IDN-08, in the order of the specification.
pub(crate) fn verify(
    credential: &Credential,
    key: &Key,
    tag: Tag,
    bytes: &[u8],
    signature: &CredentialSignature,
) -> Result<(), SignatureError> {
    let sshsig = decode(&signature.0)?;
    let mut blob = Vec::new();
    sshsig.public_key().encode(&mut blob).map_err(|_| SignatureError)?;
    let of_this_statement = sshsig.version() == SshSig::VERSION
        && blob == credential.blob()
        && sshsig.namespace() == tag.name()
        && sshsig.reserved().is_empty()
        && sshsig.hash_alg() == HASH;
    if !of_this_statement {
        return Err(SignatureError);
    }
    let signed = signed_data(tag, bytes)?;
    verify_signature(key, &signed, sshsig.signature())
}

/// What the key itself signs.
pub(crate) fn signed_data(tag: Tag, bytes: &[u8]) -> Result<Vec<u8>, SignatureError> {
    SshSig::signed_data(tag.name(), HASH, bytes).map_err(|_| SignatureError)
}

fn verify_signature(key: &Key, signed: &[u8], signature: &Signature) -> Result<(), SignatureError> {
    match (key, signature.algorithm()) {
        (Key::Ed25519(key), Algorithm::Ed25519) => {
            ed25519::verify(key, signed, signature.as_bytes())
        }
        (Key::P256(key), Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 }) => {
            let signature = p256::ecdsa::Signature::try_from(signature);
            let signature = signature.map_err(|_| SignatureError)?;
            key.verify(signed, &signature).map_err(|_| SignatureError)
        }
        (Key::SecurityKey { key, application }, Algorithm::SkEd25519) => {
            let (signature, trailer) =
                signature.as_bytes().split_last_chunk::<5>().ok_or(SignatureError)?;
            let [flags, _counter @ ..] = trailer;
            if flags & FLAG_USER_PRESENT == 0 {
                return Err(SignatureError);
            }
            let signed = [
                &Sha256::digest(application.as_bytes())[..],
                &trailer[..],
                &Sha256::digest(signed)[..],
            ];
            ed25519::verify(key, &signed.concat(), signature)
        }
        _ => Err(SignatureError),
    }
}

/// Decodes the one binary form of a signature: encoding it again must give the same bytes.
fn decode(bytes: &[u8]) -> Result<SshSig, SignatureError> {
    if bytes.len() > SIGNATURE_BYTES_MAX {
        return Err(SignatureError);
    }
    let mut reader = bytes;
    let sshsig = SshSig::decode(&mut reader).map_err(|_| SignatureError)?;
    if !reader.is_finished() {
        return Err(SignatureError);
    }
    let again = CredentialSignature::from_sshsig(&sshsig)?;
    if again.0 == bytes { Ok(sshsig) } else { Err(SignatureError) }
}
