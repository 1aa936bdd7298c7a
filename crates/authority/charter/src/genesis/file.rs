//! The file of a genesis: complete once everybody who founds has signed it.

use super::{Genesis, GenesisError, GenesisPerson};
use crate::limits::{GENESIS_BYTES_MAX, PEOPLE_MAX};
use crate::state::State;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, Transcript, tag};
use quorate_identity::{
    CredentialSignature, CredentialSigner, GenesisHash, Name, NodeId, NodeSecrets, NodeSignatures,
    PersonId,
};
use std::collections::BTreeMap;
use std::fmt;

/// A genesis and the signatures under it: it founds a domain once *all* founding administrators
/// have signed and *all* founding nodes have countersigned exactly these bytes (GOV-04).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct GenesisFile {
    #[n(0)]
    version: u8,
    #[n(1)]
    genesis: ByteVec,
    #[n(2)]
    administrators: Vec<(PersonId, CredentialSignature)>,
    #[n(3)]
    nodes: NodeSignatures,
}

/// Who has not signed a genesis yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing {
    /// Founding administrators.
    pub administrators: Vec<Name>,
    /// Founding nodes.
    pub nodes: Vec<Name>,
}

impl GenesisFile {
    /// A file around a well-formed genesis that nobody has signed yet.
    ///
    /// # Errors
    /// [`GenesisError`].
    pub fn create(genesis: &Genesis) -> Result<Self, GenesisError> {
        genesis.check()?;
        let genesis = quorate_codec::to_bytes(genesis).into();
        Ok(Self {
            version: 1,
            genesis,
            administrators: Vec::new(),
            nodes: NodeSignatures::default(),
        })
    }

    /// The bytes that founders sign.
    pub fn genesis_bytes(&self) -> &[u8] {
        &self.genesis
    }

    /// What they say, well-formed; signatures are not looked at.
    ///
    /// # Errors
    /// [`GenesisError`].
    pub fn genesis(&self) -> Result<Genesis, GenesisError> {
        if self.version != 1 {
            return Err(GenesisError::Version(self.version));
        }
        let genesis: Genesis = quorate_codec::from_bytes(&self.genesis)?;
        genesis.check()?;
        Ok(genesis)
    }

    /// The domain's identity: the hash of the genesis bytes (GOV-03).
    pub fn hash(&self) -> GenesisHash {
        GenesisHash(Transcript::new(tag::GENESIS).part(self.genesis_bytes()).digest())
    }

    /// Signs as a founding administrator; returns their name.
    ///
    /// # Errors
    /// [`GenesisError`].
    pub fn sign(&mut self, signer: &dyn CredentialSigner) -> Result<Name, GenesisError> {
        let genesis = self.genesis()?;
        let is_signer = |person: &&GenesisPerson| person.credential == *signer.credential();
        let person = genesis.administrators().find(is_signer);
        let person = person.ok_or(GenesisError::NotAFounder("administrator"))?;
        let signature = signer.sign(tag::GENESIS, &self.genesis)?;
        self.add_administrator(genesis.person_id(person), signature);
        Ok(person.name.clone())
    }

    /// Countersigns as a founding node; returns its name.
    ///
    /// # Errors
    /// [`GenesisError`].
    pub fn countersign(&mut self, secrets: &NodeSecrets) -> Result<Name, GenesisError> {
        let genesis = self.genesis()?;
        let keys = secrets.public();
        let node = genesis.nodes.iter().find(|node| node.body().keys == keys);
        let node = node.ok_or(GenesisError::NotAFounder("node"))?;
        self.nodes.insert(node.id(), secrets.sign(tag::GENESIS_COUNTERSIGN, &self.genesis));
        Ok(node.body().name.clone())
    }

    /// Takes over the signatures of another copy; only those that verify.
    ///
    /// # Errors
    /// [`GenesisError`]: it is another genesis, or a signature in it does not hold.
    pub fn merge(&mut self, other: &Self) -> Result<(), GenesisError> {
        if self.genesis != other.genesis {
            return Err(GenesisError::Other { expected: self.hash(), got: other.hash() });
        }
        other.check_signatures(&other.genesis()?)?;
        for (person, signature) in &other.administrators {
            self.add_administrator(*person, signature.clone());
        }
        for (node, signature) in other.nodes.iter() {
            self.nodes.insert(*node, *signature);
        }
        Ok(())
    }

    /// Who has not signed yet.
    ///
    /// # Errors
    /// [`GenesisError`]: the genesis is not well-formed.
    pub fn missing(&self) -> Result<Missing, GenesisError> {
        Ok(self.missing_of(&self.genesis()?))
    }

    /// Verifies that this is the genesis of this hash, whole and signed by everybody, and founds
    /// the state of its domain. The hash is what an operator compared; nothing is trusted
    /// without it.
    ///
    /// # Errors
    /// [`GenesisError`]. Cost: one signature verification a founder, one more a node.
    pub fn verify(&self, hash: &GenesisHash) -> Result<State, GenesisError> {
        let got = self.hash();
        if got != *hash {
            return Err(GenesisError::Other { expected: *hash, got });
        }
        let genesis = self.genesis()?;
        self.check_signatures(&genesis)?;
        let missing = self.missing_of(&genesis);
        if !missing.is_empty() {
            return Err(GenesisError::Missing(missing));
        }
        State::found(&genesis, got)
    }

    fn missing_of(&self, genesis: &Genesis) -> Missing {
        let has_signed = |id: PersonId| self.administrators.iter().any(|(person, _)| *person == id);
        let has_countersigned = |id: NodeId| self.nodes.iter().any(|(node, _)| *node == id);
        let administrators = genesis.administrators();
        let administrators = administrators.filter(|one| !has_signed(genesis.person_id(one)));
        let nodes = genesis.nodes.iter().filter(|node| !has_countersigned(node.id()));
        Missing {
            administrators: administrators.map(|person| person.name.clone()).collect(),
            nodes: nodes.map(|node| node.body().name.clone()).collect(),
        }
    }

    /// Every signature present is a founder's, once, and verifies.
    fn check_signatures(&self, genesis: &Genesis) -> Result<(), GenesisError> {
        let ids = self.administrators.iter().map(|(person, _)| person);
        if !ids.is_sorted_by(|left, right| left < right) {
            return Err(GenesisError::Order("administrators' signatures"));
        }
        for (id, signature) in &self.administrators {
            let person = genesis.administrators().find(|one| genesis.person_id(one) == *id);
            let person = person.ok_or(GenesisError::NotAFounder("administrator"))?;
            let verified = person.credential.verify(tag::GENESIS, &self.genesis, signature);
            verified.map_err(|_| GenesisError::Signature(person.name.to_string()))?;
        }
        if self.nodes.is_empty() {
            return Ok(());
        }
        let founders: BTreeMap<_, _> =
            genesis.nodes.iter().map(|node| (node.id(), node.body().keys)).collect();
        let verified = self.nodes.verify(tag::GENESIS_COUNTERSIGN, &self.genesis, &founders, 1);
        verified.map_err(|error| GenesisError::Signature(error.to_string()))
    }

    fn add_administrator(&mut self, person: PersonId, signature: CredentialSignature) {
        if let Err(at) = self.administrators.binary_search_by_key(&person, |(id, _)| *id) {
            self.administrators.insert(at, (person, signature));
        }
    }
}

impl Missing {
    /// Whether everybody has signed.
    pub fn is_empty(&self) -> bool {
        self.administrators.is_empty() && self.nodes.is_empty()
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> =
            self.administrators.iter().chain(&self.nodes).map(Name::as_str).collect();
        formatter.write_str(&names.join(", "))
    }
}

impl Canonical for GenesisFile {
    const BYTES_MAX: usize = GENESIS_BYTES_MAX
        + 16
        + PEOPLE_MAX * (1 + PersonId::BYTES_MAX + CredentialSignature::BYTES_MAX)
        + NodeSignatures::BYTES_MAX;
}
