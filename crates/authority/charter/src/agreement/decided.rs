//! A decision and the certificate that proves it to anybody.

use super::ballot::{Instance, SignedBallotMessage, statement, value_digest};
use super::evidence::Evidence;
use crate::epoch::{AttemptOutcome, EpochRecord};
use crate::limits::VALUE_BYTES_MAX;
use crate::state::{Electorate, State};
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, tag, tag::Tag};
use quorate_identity::{
    CertificateError, GenesisHash, Head, NodeId, NodePublic, NodeSignature, NodeSignatures,
};

/// What was decided, and the precommits of a quorum in one ballot. Verifiable offline with the
/// voters of the domain alone. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Decided {
    /// Version of this form: 1.
    #[n(0)]
    pub version: u8,
    /// The domain.
    #[n(1)]
    pub genesis: GenesisHash,
    /// What it is about.
    #[n(2)]
    pub instance: Instance,
    /// The ballot that decided.
    #[n(3)]
    pub ballot: u32,
    /// The value.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub value: Vec<u8>,
    /// The precommits.
    #[n(5)]
    pub certificate: NodeSignatures,
}

/// Why a decision does not hold; the fault of whoever shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecidedError {
    /// A form that this version does not know.
    #[error("a decision of version {0} is not known here")]
    Version(u8),
    /// It is for another domain.
    #[error("the decision is for another domain, {0}")]
    ForeignDomain(GenesisHash),
    /// No entry of this position made voters, as far as the charter is known.
    #[error("the charter names no voters of era {0}")]
    Era(u64),
    /// Too few of those who certified it are voters still: the others may be anybody's by now.
    #[error("{still} of those who certified it vote still, under the keys they had; {needed} must")]
    Gone {
        /// Who are.
        still: usize,
        /// Who must be.
        needed: usize,
    },
    /// The precommits do not hold.
    #[error("the certificate does not hold: {0}")]
    Certificate(#[from] CertificateError),
}

impl Decided {
    /// Verifies the certificate against the voters that `state` names (AGR-11): of an attempt those
    /// of its era, also under keys that they had when it was planned and have no more, and more of
    /// them than may lie, then or now, must vote still, under keys of now (AGR-13). What the value
    /// says is for others to check.
    ///
    /// # Errors
    /// [`DecidedError`]. Cost: one signature verification a precommit.
    pub fn verify(&self, state: &State) -> Result<(), DecidedError> {
        self.verify_by(state, voting_keys(state, self.instance, &self.value))
    }

    /// The same for what was verified when it was taken, or is named by the hash of what was: whoever
    /// certified it may have left since.
    ///
    /// # Errors
    /// As [`verify`](Self::verify), but for [`DecidedError::Gone`].
    pub fn verify_kept(&self, state: &State) -> Result<(), DecidedError> {
        self.certified_by(state, voting_keys(state, self.instance, &self.value)).map(|_| ())
    }

    /// The same under the keys that the voters have now, and no others.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_now(&self, state: &State) -> Result<(), DecidedError> {
        self.verify_by(state, |node| state.keys_of_now(node).copied().into_iter().collect())
    }

    /// The head at which the attempt that it decides was planned, or given up; nothing where it is
    /// about something else, or its value is none.
    pub fn planned_at(&self) -> Option<Head> {
        match self.instance {
            Instance::Attempt { .. } => planned_at(&self.value),
            Instance::Position(_) => None,
        }
    }

    fn verify_by(
        &self,
        state: &State,
        keys: impl Fn(&NodeId) -> Vec<NodePublic>,
    ) -> Result<(), DecidedError> {
        let electorate = self.certified_by(state, keys)?;
        // What may lie now counts too: a small electorate of before certifies nothing alone.
        let needed = electorate.faults().max(state.faults()) + 1;
        let still = self.still(state);
        if still < needed { Err(DecidedError::Gone { still, needed }) } else { Ok(()) }
    }

    /// Whether this decision, which [`verify`](Self::verify) lets pass, proves together with another one
    /// about the same thing that more voters lie than may lie now. Of those who signed it, as many as
    /// a quorum leaves out may be honest: they voted for it when it was not decided, and for the other
    /// one later, or never. More than may lie must remain who vote still; voters of before, or few
    /// where a domain bore fewer lies, prove nothing (AGR-12).
    ///
    /// Cost: a signature verification for each signer, where nodes have former keys.
    pub fn convicts(&self, state: &State) -> bool {
        let Ok(electorate) = state.electorate(&self.instance) else { return false };
        let left_out = electorate.voters().len().saturating_sub(electorate.quorum());
        self.still(state) > electorate.faults().max(state.faults()) + left_out
    }

    /// Of another decision of the same instance: who signed both in one ballot, each with the proof of
    /// it (AGR-10). Whoever signed them in two ballots may be honest.
    pub fn double_votes(&self, other: &Self) -> Vec<Evidence> {
        let vote = |decided: &Self, voter: &NodeId| {
            let signed = decided.certificate.iter().find(|(node, _)| *node == voter);
            signed.map(|(_, it)| SignedBallotMessage::of_certificate(decided, *voter, *it))
        };
        let voters = self.certificate.iter().map(|(node, _)| node);
        let both = voters.filter_map(|node| Some((vote(self, node)?, vote(other, node)?)));
        both.filter_map(|(one, two)| Evidence::of(&one, &two)).collect()
    }

    /// How many of those who signed vote still, under the keys that they signed with.
    fn still(&self, state: &State) -> usize {
        self.precommits(&self.precommit()).still(state)
    }

    fn precommits<'a>(&'a self, statement: &'a [u8]) -> Certificate<'a> {
        Certificate { votes: &self.certificate, tag: tag::PRECOMMIT, statement }
    }

    fn precommit(&self) -> Vec<u8> {
        let digest = Some(value_digest(&self.value));
        statement(self.genesis, self.instance, self.ballot, digest, None)
    }

    fn certified_by<'a>(
        &self,
        state: &'a State,
        keys: impl Fn(&NodeId) -> Vec<NodePublic>,
    ) -> Result<&'a Electorate, DecidedError> {
        if self.version != 1 {
            return Err(DecidedError::Version(self.version));
        }
        if self.genesis != state.genesis() {
            return Err(DecidedError::ForeignDomain(self.genesis));
        }
        let electorate = state.electorate(&self.instance).map_err(DecidedError::Era)?;
        self.precommits(&self.precommit()).verify(electorate, keys)?;
        Ok(electorate)
    }

    /// Whether two decisions prove that more than the declared number of voters lie: valid both,
    /// about one thing, with two values. Then every node stops and shows both (AGR-12).
    pub fn conflicts_with(&self, other: &Self) -> bool {
        self.genesis == other.genesis
            && self.instance == other.instance
            && self.value != other.value
    }
}

/// Votes that are said to be a quorum's for one value.
pub(super) struct Certificate<'a> {
    pub votes: &'a NodeSignatures,
    /// What was signed, and as what.
    pub statement: &'a [u8],
    pub tag: Tag,
}

impl Certificate<'_> {
    /// Verifies that a quorum of voters signed, and nobody else: a node that waits, or voted in
    /// another era, has keys and no vote (GOV-65, AGR-13).
    pub fn verify(
        &self,
        electorate: &Electorate,
        keys: impl Fn(&NodeId) -> Vec<NodePublic>,
    ) -> Result<(), CertificateError> {
        let mut signers = self.votes.iter().map(|(node, _)| node);
        match signers.find(|node| !electorate.contains(node)) {
            Some(stranger) => Err(CertificateError::Stranger(*stranger)),
            None => self.votes.verify_by(self.tag, self.statement, electorate.quorum(), keys),
        }
    }

    /// How many of those who signed, as was verified, vote still under the keys that they signed with.
    pub fn still(&self, state: &State) -> usize {
        self.count(state, |node| state.is_voter(node))
    }

    /// How many of those who signed, as was verified, have the keys still that they signed with.
    pub fn of_now(&self, state: &State) -> usize {
        self.count(state, |_| true)
    }

    fn count(&self, state: &State, is_meant: impl Fn(&NodeId) -> bool) -> usize {
        let is_known = !state.has_former_keys();
        let signs_now = |node: &NodeId, signature: &NodeSignature| {
            let keys = state.keys_of_now(node).filter(|_| is_meant(node));
            keys.is_some_and(|keys| {
                is_known || keys.verify(self.tag, self.statement, signature).is_ok()
            })
        };
        self.votes.iter().filter(|(node, signature)| signs_now(node, signature)).count()
    }
}

/// Under which keys a node's votes for a value count. A position is decided by the voters of the
/// state before it, under their keys of then. Attempts take their time: a node whose seat was given
/// away meanwhile, or that was revoked, voted under the keys that it had, as long as these were in
/// force when the attempt was planned.
pub(super) fn voting_keys<'a>(
    state: &'a State,
    instance: Instance,
    value: &[u8],
) -> impl Fn(&NodeId) -> Vec<NodePublic> + use<'a> {
    let attempt = match instance {
        Instance::Attempt { key, .. } if state.has_former_keys() => {
            planned_at(value).map(|head| (key, head))
        }
        Instance::Attempt { .. } | Instance::Position(_) => None,
    };
    move |node| match &attempt {
        Some((key, head)) => state.keys_for_attempt(node, key, head),
        None => state.keys_of_now(node).copied().into_iter().collect(),
    }
}

/// The head at which an attempt of this outcome was planned, or given up.
fn planned_at(value: &[u8]) -> Option<Head> {
    match quorate_codec::from_bytes(value).ok()? {
        AttemptOutcome::Commit { record, .. } => {
            quorate_codec::from_bytes::<EpochRecord>(&record).ok().map(|record| record.plan.head)
        }
        AttemptOutcome::Void { abort, .. } => Some(abort.head),
    }
}

impl Canonical for Decided {
    const BYTES_MAX: usize = 256 + VALUE_BYTES_MAX + NodeSignatures::BYTES_MAX;
}
