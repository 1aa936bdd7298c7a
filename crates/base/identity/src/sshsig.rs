//! Signatures of people and services: SSHSIG, as `ssh-keygen -Y sign` makes them.
//!
//! The namespace is the tag's name and the message is the exact bytes, so a person can sign and
//! check anything here with plain OpenSSH.

use crate::credential::{Credential, Key};
use crate::{SignatureError, ed25519};
use p256::ecdsa::signature::Verifier;
use quorate_codec::{Canonical, hex, tag::Tag};
use sha2::{Digest as _, Sha256};
use ssh_encoding::{Decode, Encode, Reader};
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
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, minicbor::Encode, minicbor::Decode)]
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
        (Key::Security { key, application }, Algorithm::SkEd25519) => {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CredentialError, CredentialSigner, MemorySigner};
    use ed25519_dalek::{Signer as _, SigningKey};
    use proptest::prelude::*;
    use quorate_codec::tag;
    use ssh_key::PublicKey;
    use ssh_key::public::{Ed25519PublicKey, KeyData, SkEd25519};

    fn signer() -> MemorySigner {
        MemorySigner::from_seed(&[7; 32]).unwrap()
    }

    /// A whole SSHSIG by hand, so that every field can be wrong while the rest is right: what
    /// is signed has the same namespace, reserved field and hash as the envelope.
    struct Forge {
        version: u32,
        blob: Vec<u8>,
        namespace: &'static str,
        reserved: &'static [u8],
        hash: HashAlg,
        algorithm: &'static str,
    }

    impl Forge {
        fn honest() -> Self {
            Self {
                version: 1,
                blob: signer().credential().blob().to_vec(),
                namespace: tag::TEST.name(),
                reserved: b"",
                hash: HASH,
                algorithm: "ssh-ed25519",
            }
        }

        fn fields(&self, last: &[u8]) -> Vec<u8> {
            let mut bytes = Vec::new();
            self.namespace.encode(&mut bytes).unwrap();
            self.reserved.encode(&mut bytes).unwrap();
            self.hash.as_str().encode(&mut bytes).unwrap();
            last.encode(&mut bytes).unwrap();
            bytes
        }

        fn sign(&self, message: &[u8]) -> CredentialSignature {
            let hash = self.hash.digest(message);
            let signed = [b"SSHSIG", &self.fields(&hash)[..]].concat();
            let raw = SigningKey::from_bytes(&[7; 32]).sign(&signed).to_bytes();
            let mut signature = Vec::new();
            self.algorithm.encode(&mut signature).unwrap();
            raw.as_slice().encode(&mut signature).unwrap();
            let mut bytes = b"SSHSIG".to_vec();
            self.version.encode(&mut bytes).unwrap();
            self.blob.encode(&mut bytes).unwrap();
            bytes.extend(self.fields(&signature));
            CredentialSignature(bytes)
        }

        fn verify(&self) -> Result<(), SignatureError> {
            signer().credential().verify(tag::TEST, b"message", &self.sign(b"message"))
        }
    }

    #[test]
    fn what_a_signer_makes_is_what_the_forge_makes_honestly() {
        let made = signer().sign(tag::TEST, b"message").unwrap();
        assert_eq!(made, Forge::honest().sign(b"message"));
        assert_eq!(Forge::honest().verify(), Ok(()));
        assert_eq!(CredentialSignature::from_pem(&made.to_pem().unwrap()), Ok(made.clone()));
        assert_eq!(made.to_string().parse(), Ok(made));
    }

    #[test]
    fn neg_022_an_ssh_signature_under_one_tag_verifies_under_no_other() {
        let signature = signer().sign(tag::APPROVAL, b"message").unwrap();
        let verifies =
            |tag: &&Tag| signer().credential().verify(**tag, b"message", &signature).is_ok();
        assert_eq!(tag::ALL.iter().filter(verifies).collect::<Vec<_>>(), [&tag::APPROVAL]);
    }

    #[test]
    fn neg_022_signatures_made_for_git_or_files_are_refused() {
        for namespace in ["git", "file", "quorate", "quorate/test"] {
            assert!(Forge { namespace, ..Forge::honest() }.verify().is_err(), "{namespace}");
        }
    }

    #[test]
    fn neg_009_every_field_of_an_envelope_is_checked_though_the_signature_holds() {
        let stranger = MemorySigner::from_seed(&[8; 32]).unwrap();
        for (what, forge) in [
            ("version 0", Forge { version: 0, ..Forge::honest() }),
            ("version 2", Forge { version: 2, ..Forge::honest() }),
            ("reserved", Forge { reserved: b"x", ..Forge::honest() }),
            ("hash", Forge { hash: HashAlg::Sha256, ..Forge::honest() }),
            ("key", Forge { blob: stranger.credential().blob().to_vec(), ..Forge::honest() }),
            ("algorithm", Forge { algorithm: "ssh-dss", ..Forge::honest() }),
        ] {
            assert_eq!(forge.verify(), Err(SignatureError), "{what}");
        }
    }

    #[test]
    fn neg_010_trailing_bytes_and_oversize_are_refused() {
        let honest = Forge::honest().sign(b"message");
        for tail in [1, SIGNATURE_BYTES_MAX] {
            let longer = CredentialSignature([honest.as_bytes(), &vec![0; tail]].concat());
            assert!(signer().credential().verify(tag::TEST, b"message", &longer).is_err());
        }
    }

    fn security_key(application: &str) -> Result<Credential, CredentialError> {
        let public = SigningKey::from_bytes(&[7; 32]).verifying_key().to_bytes();
        let key = SkEd25519::new(Ed25519PublicKey(public), application);
        let line = PublicKey::new(KeyData::SkEd25519(key), "").to_openssh().unwrap();
        Credential::from_openssh(&line)
    }

    /// What a security key answers whose touch is reported in `flags`.
    fn security_key_signature(credential: &Credential, flags: u8) -> CredentialSignature {
        let signed = signed_data(tag::TEST, b"message").unwrap();
        let trailer = [flags, 0, 0, 0, 9];
        let application = Sha256::digest(b"ssh:");
        let message = [&application[..], &trailer, &Sha256::digest(&signed)].concat();
        let raw = SigningKey::from_bytes(&[7; 32]).sign(&message).to_bytes();
        let data = [&raw[..], &trailer].concat();
        let signature = Signature::new(Algorithm::SkEd25519, data).unwrap();
        let key = PublicKey::from_bytes(credential.blob()).unwrap();
        let sshsig = SshSig::new(key.key_data().clone(), tag::TEST.name(), HASH, signature);
        CredentialSignature::from_sshsig(&sshsig.unwrap()).unwrap()
    }

    #[test]
    fn a_touched_security_key_signs() {
        let credential = security_key("ssh:").unwrap();
        for flags in [0x01, 0x05] {
            let signature = security_key_signature(&credential, flags);
            assert_eq!(credential.verify(tag::TEST, b"message", &signature), Ok(()));
        }
    }

    #[test]
    fn neg_022_an_untouched_security_key_does_not_sign() {
        let credential = security_key("ssh:").unwrap();
        for flags in [0x00, 0x04] {
            let signature = security_key_signature(&credential, flags);
            assert!(credential.verify(tag::TEST, b"message", &signature).is_err());
            // Nor does claiming the touch afterwards help.
            let mut claimed = signature.0;
            let at = claimed.len() - 5;
            claimed[at] |= FLAG_USER_PRESENT;
            let claimed = CredentialSignature(claimed);
            assert!(credential.verify(tag::TEST, b"message", &claimed).is_err());
        }
    }

    #[test]
    fn neg_022_a_security_key_of_a_web_site_is_no_credential() {
        assert_eq!(security_key("example.org"), Err(CredentialError::Key));
        assert!(security_key("ssh:quorate").is_ok());
    }

    #[test]
    fn neg_022_a_plain_signature_is_not_one_of_a_security_key() {
        let credential = security_key("ssh:").unwrap();
        let blob = credential.blob().to_vec();
        let plain = Forge { blob, ..Forge::honest() }.sign(b"message");
        assert!(credential.verify(tag::TEST, b"message", &plain).is_err());
        let touched = security_key_signature(&credential, 0x01);
        assert!(signer().credential().verify(tag::TEST, b"message", &touched).is_err());
    }

    proptest! {
        #[test]
        fn a_flipped_bit_anywhere_is_refused(
            message in prop::collection::vec(any::<u8>(), 0..64),
            at in any::<prop::sample::Index>(),
            bit in 0_u8..8,
        ) {
            let signature = signer().sign(tag::TEST, &message).unwrap();
            prop_assert!(signer().credential().verify(tag::TEST, &message, &signature).is_ok());
            let mut flipped = signature;
            let at = at.index(flipped.0.len());
            flipped.0[at] ^= 1 << bit;
            prop_assert!(signer().credential().verify(tag::TEST, &message, &flipped).is_err());
        }

        #[test]
        fn no_bytes_make_the_verifier_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let garbage = CredentialSignature([&b"SSHSIG"[..], &bytes].concat());
            prop_assert!(signer().credential().verify(tag::TEST, b"", &garbage).is_err());
        }
    }
}
