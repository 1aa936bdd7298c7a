//! A token that was unlocked: which keys are in it, and a new one (REC-41, REC-45).

use super::public::P256_PARAMS;
use super::{Module, TokenError, TokenKey};
use clap::ValueEnum;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use rand_core::{OsRng, RngCore};

/// Which key a token makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TokenKind {
    /// P-256.
    P256,
    /// RSA with 2048 bits.
    Rsa2048,
    /// RSA with 3072 bits.
    Rsa3072,
    /// RSA with 4096 bits.
    Rsa4096,
}

/// A token whose PIN was given. It is locked again when this is dropped.
pub struct Unlocked {
    // Dropped first: a session ends before its module does.
    session: Session,
    _module: Module,
}

impl Unlocked {
    pub(super) fn new(session: Session, module: Module) -> Self {
        Self { session, _module: module }
    }

    /// For what other programs do with a token; what is in it stays what it is.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The one private key that is called so, with its public half.
    ///
    /// # Errors
    /// [`TokenError::NoKey`], [`TokenError::SeveralKeys`], [`TokenError::Unsuitable`],
    /// [`TokenError::Device`].
    pub fn key(self, label: &str) -> Result<TokenKey, TokenError> {
        let named = self.labelled(ObjectClass::PRIVATE_KEY, label)?;
        match named.as_slice() {
            [private] => TokenKey::new(self, *private, label),
            [] => {
                let others = self.private_labels()?;
                Err(TokenError::NoKey { label: label.to_owned(), others })
            }
            several => {
                let count = several.len();
                Err(TokenError::SeveralKeys { label: label.to_owned(), count })
            }
        }
    }

    /// Makes a pair that never leaves the token, and serves nothing but to open (REC-45).
    ///
    /// # Errors
    /// [`TokenError::KeyExists`]; [`TokenError::Device`], for instance where a token makes keys for
    /// its administrator only.
    pub fn generate(&self, kind: TokenKind, label: &str) -> Result<(), TokenError> {
        for class in [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
            if !self.labelled(class, label)?.is_empty() {
                return Err(TokenError::KeyExists { label: label.to_owned() });
            }
        }
        // By which its halves find each other.
        let mut id = [0; 16];
        OsRng.fill_bytes(&mut id);
        let common =
            [Attribute::Token(true), Attribute::Label(label.into()), Attribute::Id(id.into())];
        let (mechanism, public, private) = match kind.bits() {
            None => (
                Mechanism::EccKeyPairGen,
                vec![Attribute::EcParams(P256_PARAMS.into())],
                vec![Attribute::Derive(true), Attribute::Decrypt(false), Attribute::Unwrap(false)],
            ),
            Some(bits) => (
                Mechanism::RsaPkcsKeyPairGen,
                vec![
                    Attribute::ModulusBits(bits.into()),
                    Attribute::PublicExponent(vec![1, 0, 1]),
                    Attribute::Encrypt(true),
                ],
                vec![Attribute::Decrypt(true), Attribute::Unwrap(false), Attribute::Derive(false)],
            ),
        };
        let kept = [
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(false),
            Attribute::SignRecover(false),
        ];
        let public = [common.as_slice(), &public].concat();
        let private = [common.as_slice(), &kept, &private].concat();
        self.session.generate_key_pair(&mechanism, &public, &private)?;
        Ok(())
    }

    /// What stands in this place of an object, if anything does.
    pub(super) fn attribute(
        &self,
        object: ObjectHandle,
        which: AttributeType,
    ) -> Result<Option<Attribute>, TokenError> {
        Ok(self.session.get_attributes(object, &[which])?.pop())
    }

    /// The public half of a private key: what has its id, or its label where it has none. Of an RSA
    /// key the private half says enough (REC-41).
    pub(super) fn public_of(
        &self,
        private: ObjectHandle,
        (kind, label): (KeyType, &str),
    ) -> Result<ObjectHandle, TokenError> {
        let class = [Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::KeyType(kind)];
        let link = match self.attribute(private, AttributeType::Id)? {
            Some(Attribute::Id(id)) if !id.is_empty() => Attribute::Id(id),
            _ => Attribute::Label(label.into()),
        };
        let found = self.session.find_objects(&[class.as_slice(), &[link]].concat())?;
        match found.as_slice() {
            [public] => Ok(*public),
            [] => Ok(private),
            several => {
                let count = several.len();
                Err(TokenError::SeveralKeys { label: label.to_owned(), count })
            }
        }
    }

    fn labelled(&self, class: ObjectClass, label: &str) -> Result<Vec<ObjectHandle>, TokenError> {
        let named = [Attribute::Class(class), Attribute::Label(label.into())];
        Ok(self.session.find_objects(&named)?)
    }

    fn private_labels(&self) -> Result<Vec<String>, TokenError> {
        let keys = self.session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)])?;
        let mut labels = Vec::new();
        for key in keys {
            if let Some(Attribute::Label(label)) = self.attribute(key, AttributeType::Label)? {
                labels.push(String::from_utf8_lossy(&label).into_owned());
            }
        }
        Ok(labels)
    }
}

impl TokenKind {
    /// Of the modulus; `None` of P-256.
    fn bits(self) -> Option<u64> {
        match self {
            Self::P256 => None,
            Self::Rsa2048 => Some(2048),
            Self::Rsa3072 => Some(3072),
            Self::Rsa4096 => Some(4096),
        }
    }
}
