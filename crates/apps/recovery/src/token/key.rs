//! A key in a token, which opens what is encrypted to it (REC-43, REC-44).

use super::public::{self, long_point};
use super::{TokenError, Unlocked};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::elliptic_curve::{EcKdf, Ecdh1DeriveParams};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use quorate_backup::possession::{Challenge, answer};
use quorate_backup::{Opener, RecoveryKey, Shared};
use quorate_codec::Digest;
use quorate_identity::{GenesisHash, NodeId};
use rand_core::CryptoRngCore;
use std::fmt;
use zeroize::Zeroizing;

/// A recovery key whose private half is in a token that was unlocked.
pub struct TokenKey {
    token: Unlocked,
    private: ObjectHandle,
    public: RecoveryKey,
    does: Does,
}

/// What the token does to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    Ecdh,
    Oaep,
}

impl TokenKey {
    /// # Errors
    /// [`TokenError::Unsuitable`], [`TokenError::SeveralKeys`], [`TokenError::Device`].
    pub(super) fn new(
        token: Unlocked,
        private: ObjectHandle,
        label: &str,
    ) -> Result<Self, TokenError> {
        let unsuitable = |why| TokenError::Unsuitable { label: label.to_owned(), why };
        let (does, kind) = match token.attribute(private, AttributeType::KeyType)? {
            Some(Attribute::KeyType(kind @ KeyType::EC)) => (Does::Ecdh, kind),
            Some(Attribute::KeyType(kind @ KeyType::RSA)) => (Does::Oaep, kind),
            _ => return Err(unsuitable("it is no key of P-256 and no RSA key")),
        };
        // What a token does not say of a key shows when the key is used.
        let (may, why) = match does {
            Does::Ecdh => (AttributeType::Derive, "it may not do ECDH (CKA_DERIVE)"),
            Does::Oaep => (AttributeType::Decrypt, "it may not decrypt (CKA_DECRYPT)"),
        };
        if let Some(Attribute::Derive(false) | Attribute::Decrypt(false)) =
            token.attribute(private, may)?
        {
            return Err(unsuitable(why));
        }
        let asks = token.attribute(private, AttributeType::AlwaysAuthenticate)?;
        if asks == Some(Attribute::AlwaysAuthenticate(true)) {
            let why = "it asks for the PIN at every use, and a backup is opened with dozens";
            return Err(unsuitable(why));
        }
        let public = public::read(&token, private, (kind, label))?;
        Ok(Self { token, private, public, does })
    }

    /// Whether it was made in this token and can never be copied out of it, as the token says.
    ///
    /// # Errors
    /// [`TokenError::Device`].
    pub fn never_leaves(&self) -> Result<bool, TokenError> {
        let never = self.token.attribute(self.private, AttributeType::NeverExtractable)?;
        Ok(never == Some(Attribute::NeverExtractable(true)))
    }

    /// Whether the token opens what is encrypted to the public half that it shows: a challenge of
    /// nobody's, with fresh coins (REC-44).
    ///
    /// # Errors
    /// [`TokenError::Device`].
    pub fn opens(&self, rng: &mut impl CryptoRngCore) -> Result<bool, TokenError> {
        let mut fresh = || {
            let mut bytes = Zeroizing::new([0; 32]);
            rng.fill_bytes(bytes.as_mut());
            bytes
        };
        let (genesis, node) = (GenesisHash(Digest(*fresh())), NodeId(Digest(*fresh())));
        let Some((challenge, expected)) = Challenge::new(genesis, node, &self.public, &fresh())
        else {
            return Ok(false);
        };
        Ok(answer(self, genesis, node, &challenge)? == Some(expected))
    }

    /// The coordinate that the private half shares with a point, by a key of this session that is
    /// destroyed again.
    fn derive(&self, point: &[u8]) -> Result<Option<Shared>, TokenError> {
        let Some(point) = long_point(point) else { return Ok(None) };
        let params = Ecdh1DeriveParams::new(EcKdf::null(), &point);
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::GENERIC_SECRET),
            Attribute::Token(false),
            Attribute::Sensitive(false),
            Attribute::Extractable(true),
            Attribute::ValueLen(32.into()),
        ];
        let session = self.token.session();
        let derived =
            session.derive_key(&Mechanism::Ecdh1Derive(params), self.private, &template)?;
        let value = self.token.attribute(derived, AttributeType::Value);
        // It ends with the session anyway, and not every token lets it end before.
        let _ = session.destroy_object(derived);
        Ok(match value? {
            Some(Attribute::Value(value)) => shared(value),
            _ => None,
        })
    }

    fn decrypt(&self, ciphertext: &[u8]) -> Result<Option<Shared>, TokenError> {
        let (hash, source) = (MechanismType::SHA1, PkcsOaepSource::empty());
        let params = PkcsOaepParams::new(hash, PkcsMgfType::MGF1_SHA1, source);
        let session = self.token.session();
        match session.decrypt(&Mechanism::RsaPkcsOaep(params), self.private, ciphertext) {
            Ok(plain) => Ok(shared(plain)),
            // What says that it is the ciphertext's fault and not the token's.
            Err(Error::Pkcs11(
                RvError::EncryptedDataInvalid | RvError::EncryptedDataLenRange,
                _,
            )) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// What is no secret of 32 bytes is none.
fn shared(bytes: Vec<u8>) -> Option<Shared> {
    let bytes = Zeroizing::new(bytes);
    let mut shared = Shared::default();
    (bytes.len() == shared.len()).then(|| {
        shared.copy_from_slice(&bytes);
        shared
    })
}

impl Opener for TokenKey {
    type Error = TokenError;

    fn public(&self) -> &RecoveryKey {
        &self.public
    }

    fn open(&self, with: &[u8]) -> Result<Option<Shared>, TokenError> {
        match self.does {
            Does::Ecdh => self.derive(with),
            Does::Oaep => self.decrypt(with),
        }
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TokenKey({})", self.public.kind())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// REC-43: a secret has 32 bytes.
    #[test]
    fn a_plaintext_of_another_length_is_no_secret() {
        assert_eq!(shared(vec![7; 32]).as_deref(), Some(&[7; 32]));
        for bytes in [0, 31, 33] {
            assert_eq!(shared(vec![7; bytes]), None, "{bytes}");
        }
    }
}
