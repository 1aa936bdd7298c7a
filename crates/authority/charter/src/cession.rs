//! A cession: guardians' word that this domain gives way to another one, honoured by whoever hears
//! it after its delay, whether or not anything can be agreed on (`spec/succession.md`, SUC-30 to
//! SUC-34).

use crate::limits::{MOTION_SIGNATURES_MAX, REASON_BYTES_MAX};
use crate::line::is_line;
use crate::motion::Object;
use crate::state::State;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use quorate_access::Tree;
use quorate_codec::{Canonical, DecodeError, Digest, Transcript, tag};
use quorate_identity::{
    CredentialSignature, CredentialSigner, GenesisHash, Name, PersonId, SignerError,
};
use std::collections::BTreeSet;

/// Which domain takes over, and why. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Cession {
    /// Version of this form: 1.
    #[n(0)]
    pub version: u8,
    /// The domain that gives way.
    #[n(1)]
    pub genesis: GenesisHash,
    /// The domain that takes over.
    #[n(2)]
    pub successor: GenesisHash,
    /// What that one calls itself.
    #[n(3)]
    pub called: Name,
    /// Why: a line that everybody reads.
    #[n(4)]
    pub reason: String,
    /// The version of the rules under which guardians say so: under others they say it again.
    #[n(5)]
    pub rules: u64,
    /// Fresh random bytes: one that was refused does not refuse the next.
    #[n(6)]
    pub nonce: Digest,
}

/// A cession's exact bytes and the signatures collected so far, ascending by person.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedCession {
    /// The bytes that guardians sign.
    #[n(0)]
    pub bytes: ByteVec,
    /// Who signed them; one signature a person.
    #[n(1)]
    pub signatures: Vec<(PersonId, CredentialSignature)>,
}

/// How far a cession is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CessionStatus {
    /// What it says.
    pub cession: Cession,
    /// Who signed it.
    pub signed_by: Vec<PersonId>,
    /// Who must still sign it; nothing once it counts.
    pub missing: Option<Tree<Name>>,
    /// How long after a node heard it that one stops, in milliseconds.
    pub delay_ms: u64,
}

/// Why a cession does not count; the fault of whoever wrote or sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CessionError {
    /// Not the canonical encoding of a cession.
    #[error("the announcement is malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// A form that this version does not know.
    #[error("an announcement of version {0} is not known here")]
    Version(u8),
    /// It is of another domain (N-76).
    #[error("the announcement is of another domain, {0}")]
    ForeignDomain(GenesisHash),
    /// A domain does not succeed itself.
    #[error("a domain does not succeed itself")]
    Itself,
    /// The reason is longer than a line, or holds what is no text.
    #[error("a reason is one line of plain letters, at most {REASON_BYTES_MAX}")]
    Reason,
    /// The rules changed since.
    #[error("the rules of this domain changed since this was written; guardians say it anew")]
    Superseded,
    /// The domain has no guardians.
    #[error("this domain has no guardians: nobody can announce a succession")]
    NoGuardians,
    /// The signatures do not ascend, or are too many.
    #[error("signatures must ascend by person, one a person, at most {MOTION_SIGNATURES_MAX}")]
    Signatures,
    /// Somebody signed who is no guardian of now.
    #[error("{0} is no guardian of this domain")]
    NotEntitled(PersonId),
    /// A signature does not verify under a key of now.
    #[error("the signature of {0} does not verify")]
    Signature(Name),
    /// Too few guardians signed.
    #[error("too few guardians signed; missing are {0}")]
    TooFew(Tree<Name>),
    /// Those who rule refused it.
    #[error("those who rule this domain refused it")]
    Refused,
    /// As many wait as may.
    #[error("as many announcements wait as may")]
    TooMany,
}

impl SignedCession {
    /// A cession that nobody has signed yet.
    pub fn new(cession: &Cession) -> Self {
        Self { bytes: quorate_codec::to_bytes(cession).into(), signatures: Vec::new() }
    }

    /// Names it: a thaw names what it refuses.
    pub fn digest(&self) -> Digest {
        Transcript::new(tag::CESSION).part(self.bytes.as_slice()).digest()
    }

    /// What it says, unverified.
    ///
    /// # Errors
    /// [`CessionError::Malformed`], [`CessionError::Version`].
    pub fn body(&self) -> Result<Cession, CessionError> {
        let cession: Cession = quorate_codec::from_bytes(&self.bytes)?;
        match cession.version {
            1 => Ok(cession),
            version => Err(CessionError::Version(version)),
        }
    }

    /// Signs it as this person, in place of what stood there for them.
    ///
    /// # Errors
    /// [`SignerError`].
    pub fn sign(
        &mut self,
        person: PersonId,
        signer: &dyn CredentialSigner,
    ) -> Result<(), SignerError> {
        let signature = signer.sign(tag::CESSION, &self.bytes)?;
        self.signatures.retain(|(id, _)| *id != person);
        self.signatures.push((person, signature));
        self.signatures.sort_by_key(|(id, _)| *id);
        Ok(())
    }

    /// Leaves out signatures that do not count at the head of `state`: of people who are no guardians
    /// of now, or under other keys.
    pub fn retain_valid(&mut self, state: &State) {
        let guardians = state.recovery().map(|(tree, _)| tree.parties()).unwrap_or_default();
        let bytes = &self.bytes;
        self.signatures.retain(|(id, signature)| {
            let person = state.person(id).filter(|_| guardians.contains(id));
            person.is_some_and(|it| it.keys.verify(tag::CESSION, bytes, signature).is_ok())
        });
    }

    /// How far it is at the head of `state`: what it says, and whose signatures verify (SUC-30). One
    /// signature that does not spoils all.
    ///
    /// # Errors
    /// [`CessionError`]. Cost: one signature verification a key of each who signed.
    pub fn check(&self, state: &State) -> Result<CessionStatus, CessionError> {
        self.judge(state, false)
    }

    fn judge(&self, state: &State, is_whole: bool) -> Result<CessionStatus, CessionError> {
        let cession = self.body()?;
        if cession.genesis != state.genesis() {
            return Err(CessionError::ForeignDomain(cession.genesis));
        }
        if cession.successor == cession.genesis {
            return Err(CessionError::Itself);
        }
        if cession.reason.is_empty() || !is_line(&cession.reason, REASON_BYTES_MAX) {
            return Err(CessionError::Reason);
        }
        if state.has_refused(&self.digest()) {
            return Err(CessionError::Refused);
        }
        let (tree, _) = state.recovery().ok_or(CessionError::NoGuardians)?;
        if cession.rules != state.version(&Object::Rules) {
            return Err(CessionError::Superseded);
        }
        let delay_ms = state.cession_delay_ms();
        let guardians = tree.parties();
        let ids = || self.signatures.iter().map(|(person, _)| *person);
        let ascending = ids().is_sorted_by(|left, right| left < right);
        if !ascending || self.signatures.len() > MOTION_SIGNATURES_MAX {
            return Err(CessionError::Signatures);
        }
        let signed: BTreeSet<PersonId> = ids().collect();
        let missing = tree.missing_for(&signed);
        // Guardians are people of the charter, so all of them have names.
        let missing = missing.map(|it| state.with_names(&it).ok_or(CessionError::NoGuardians));
        let missing = missing.transpose()?;
        if let Some(missing) = missing.as_ref().filter(|_| is_whole) {
            return Err(CessionError::TooFew(missing.clone()));
        }
        for (id, signature) in &self.signatures {
            let person = state.person(id).filter(|_| guardians.contains(id));
            let person = person.ok_or(CessionError::NotEntitled(*id))?;
            let verified = person.keys.verify(tag::CESSION, &self.bytes, signature);
            verified.map_err(|_| CessionError::Signature(person.name.clone()))?;
        }
        Ok(CessionStatus { cession, signed_by: ids().collect(), missing, delay_ms })
    }

    /// Verifies that it counts at the head of `state`: guardians of now signed it under keys of now,
    /// as many as recover, and nobody refused it (SUC-30).
    ///
    /// # Errors
    /// [`CessionError`].
    pub fn verify(&self, state: &State) -> Result<CessionStatus, CessionError> {
        self.judge(state, true)
    }
}

impl Canonical for Cession {
    const BYTES_MAX: usize =
        64 + 2 * GenesisHash::BYTES_MAX + Name::BYTES_MAX + REASON_BYTES_MAX + 49;
}

impl Canonical for SignedCession {
    const BYTES_MAX: usize = 16
        + Cession::BYTES_MAX
        + MOTION_SIGNATURES_MAX * (1 + PersonId::BYTES_MAX + CredentialSignature::BYTES_MAX);
}
