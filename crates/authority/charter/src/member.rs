//! What a person or service says of itself before it is enrolled: its name and its keys, each of
//! which signs (GOV-74).

use crate::exact::{Exact, version_1};
use crate::limits::AUTHENTICATORS_MAX;
use minicbor::decode::{Decoder, Error as CborError};
use minicbor::encode::{Encoder, Error as EncodeError, Write};
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, Digest, Transcript, tag, tag::Tag};
use quorate_identity::{
    Credential, CredentialSignature, CredentialSigner, GenesisHash, Name, SignatureError,
    SignerError,
};

/// The public keys of a person or service: at least one, ascending, each once. Any of them speaks
/// for its holder. Public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticators(Vec<Credential>);

/// What a person or service says of itself. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Member {
    /// Version of this form: 1.
    #[cbor(n(0), decode_with = "version_1")]
    pub version: u8,
    /// The domain.
    #[n(1)]
    pub genesis: GenesisHash,
    /// The name.
    #[n(2)]
    pub name: Name,
    /// What it is.
    #[n(3)]
    pub kind: MemberKind,
    /// Its keys.
    #[n(4)]
    pub keys: Authenticators,
}

/// What is enrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum MemberKind {
    /// A human being.
    #[n(0)]
    Person,
    /// A program.
    #[n(1)]
    Service,
}

/// The statement's exact bytes, and a signature by each of its keys, in their order: whoever wrote
/// it holds them all.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedMember {
    #[n(0)]
    said: Exact<Member>,
    /// One signature a key.
    #[n(1)]
    pub signatures: Vec<CredentialSignature>,
}

/// Why such a statement does not hold; the fault of who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemberError {
    /// It is for another domain (N-76).
    #[error("the statement is for another domain, {0}")]
    ForeignDomain(GenesisHash),
    /// Not one signature a key, or one that does not verify.
    #[error("not every key signed: whoever wrote this does not hold them all")]
    Possession,
}

impl Authenticators {
    /// These keys, put in order.
    pub fn new(mut keys: Vec<Credential>) -> Option<Self> {
        keys.sort();
        keys.dedup();
        (1..=AUTHENTICATORS_MAX).contains(&keys.len()).then_some(Self(keys))
    }

    /// One key.
    pub fn one(key: Credential) -> Self {
        Self(vec![key])
    }

    /// The keys, ascending.
    pub fn iter(&self) -> std::slice::Iter<'_, Credential> {
        self.0.iter()
    }

    /// Whether this is one of them.
    pub fn contains(&self, key: &Credential) -> bool {
        self.0.contains(key)
    }

    /// Verifies that the holder of one of them signed exactly `bytes` as what `tag` names; which.
    ///
    /// # Errors
    /// [`SignatureError`]; the sender's fault. Cost: one signature verification a key, at most.
    pub fn verify(
        &self,
        tag: Tag,
        bytes: &[u8],
        signature: &CredentialSignature,
    ) -> Result<&Credential, SignatureError> {
        let signed = |key: &&Credential| key.verify(tag, bytes, signature).is_ok();
        self.0.iter().find(signed).ok_or(SignatureError)
    }
}

impl<'a> IntoIterator for &'a Authenticators {
    type Item = &'a Credential;
    type IntoIter = std::slice::Iter<'a, Credential>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl SignedMember {
    /// Signs what a person or service says of itself, with each of its keys.
    ///
    /// # Errors
    /// [`SignerError`]; also for no key, or too many.
    pub fn create(
        genesis: GenesisHash,
        name: Name,
        kind: MemberKind,
        signers: &[&dyn CredentialSigner],
    ) -> Result<Self, SignerError> {
        let keys = signers.iter().map(|signer| signer.credential().clone()).collect();
        let keys = Authenticators::new(keys)
            .ok_or_else(|| SignerError::Kind("a member has one to eight keys".to_owned()))?;
        let said = Exact::of(Member { version: 1, genesis, name, kind, keys });
        let mut signers: Vec<_> = signers.to_vec();
        signers.sort_by(|left, right| left.credential().cmp(right.credential()));
        signers.dedup_by(|left, right| left.credential() == right.credential());
        let signatures = signers.iter().map(|signer| signer.sign(tag::MEMBER, said.bytes()));
        let signatures = signatures.collect::<Result<_, _>>()?;
        Ok(Self { said, signatures })
    }

    /// What it says, unverified.
    pub fn body(&self) -> &Member {
        self.said.body()
    }

    /// The bytes that the keys sign.
    pub fn bytes(&self) -> &[u8] {
        self.said.bytes()
    }

    /// Hash of the signed bytes: people compare its words.
    pub fn digest(&self) -> Digest {
        Transcript::new(tag::MEMBER).part(self.bytes()).digest()
    }

    /// Verifies form, domain, and that whoever wrote it holds every key.
    ///
    /// # Errors
    /// [`MemberError`]. Cost: one signature verification a key.
    pub fn verify(&self, genesis: &GenesisHash) -> Result<&Member, MemberError> {
        let member = self.body();
        if member.genesis != *genesis {
            return Err(MemberError::ForeignDomain(member.genesis));
        }
        let signed = member.keys.iter().zip(&self.signatures);
        let mut verified =
            signed.map(|(key, signature)| key.verify(tag::MEMBER, self.bytes(), signature));
        let holds_all =
            self.signatures.len() == member.keys.0.len() && verified.all(|it| it.is_ok());
        if holds_all { Ok(member) } else { Err(MemberError::Possession) }
    }
}

impl<C> Encode<C> for Authenticators {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        self.0.encode(encoder, context)
    }
}

impl<'b, C> Decode<'b, C> for Authenticators {
    fn decode(decoder: &mut Decoder<'b>, context: &mut C) -> Result<Self, CborError> {
        let keys: Vec<Credential> = Vec::decode(decoder, context)?;
        let ascends = keys.is_sorted_by(|left, right| left < right);
        match ascends && (1..=AUTHENTICATORS_MAX).contains(&keys.len()) {
            true => Ok(Self(keys)),
            false => Err(CborError::message("not one to eight keys, ascending")),
        }
    }
}

impl Canonical for Member {
    const BYTES_MAX: usize =
        48 + GenesisHash::BYTES_MAX + Name::BYTES_MAX + AUTHENTICATORS_MAX * Credential::BYTES_MAX;
}

impl Canonical for SignedMember {
    const BYTES_MAX: usize =
        16 + Member::BYTES_MAX + AUTHENTICATORS_MAX * (4 + CredentialSignature::BYTES_MAX);
}
