//! The genesis of a domain (GOV-02), and the file that collects everybody's signatures under it.

mod check;
mod exclusion;
mod file;

pub(crate) use check::point;
pub use exclusion::RolesError;
pub(crate) use exclusion::check_roles;
pub use file::{GenesisFile, Missing};

use crate::custody::{Custody, CustodyError};
use crate::enrolment::SignedEnrolment;
use crate::limits::{CLOCK_BOUND_MS, GENESIS_BYTES_MAX, LEASE_MS, READS_MAX};
use crate::rules::{Rules, RulesError};
use crate::statement::StatementError;
use crate::succession::Succession;
use minicbor::{Decode, Encode};
use quorate_access::Tree;
use quorate_codec::{Canonical, DecodeError, Digest, Transcript, tag};
use quorate_identity::{Credential, GenesisHash, Name, PersonId, ServiceId, SignerError};

/// What founds a domain. Its hash is the domain's identity and pins everything after it. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Genesis {
    /// Version of this form: 1.
    #[n(0)]
    pub version: u8,
    /// The domain's name.
    #[n(1)]
    pub domain: Name,
    /// Whether this is a trial: shown wherever the domain is shown.
    #[n(2)]
    pub staging: bool,
    /// The founding nodes, each by its own signed enrolment, ascending by name.
    #[n(3)]
    pub nodes: Vec<SignedEnrolment>,
    /// The founding people, ascending by name.
    #[n(4)]
    pub people: Vec<GenesisPerson>,
    /// The founding services, ascending by name.
    #[n(5)]
    pub services: Vec<GenesisService>,
    /// Who authorises what.
    #[n(6)]
    pub rules: Rules,
    /// How many voters may lie: n is at least 3f + 1.
    #[n(7)]
    pub faults: u8,
    /// Times that hold for all nodes.
    #[n(8)]
    pub settings: Settings,
    /// Fresh random bytes, so that no two domains are the same.
    #[n(9)]
    pub nonce: Digest,
    /// Who restores what is lost.
    #[n(10)]
    pub custody: Custody,
    /// Who may do more than one thing though nobody should, ascending: for ever shown (GOV-52).
    #[n(11)]
    pub excepted: Vec<Name>,
    /// The domain that it succeeds, if it does: encoded as if it were not there where it does not.
    #[n(12)]
    pub succession: Option<Succession>,
}

/// A founding person.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct GenesisPerson {
    /// Their name.
    #[n(0)]
    pub name: Name,
    /// Their public key.
    #[n(1)]
    pub credential: Credential,
    /// What they may do.
    #[n(2)]
    pub roles: Roles,
}

/// What a person may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Roles {
    /// Signs motions.
    #[n(0)]
    pub administrator: bool,
    /// Approves requests.
    #[n(1)]
    pub approver: bool,
    /// Reads, and does nothing else.
    #[n(2)]
    pub auditor: bool,
    /// Runs nodes.
    #[n(3)]
    pub operator: bool,
    /// Brings administrators back, and does nothing else.
    #[n(4)]
    pub guardian: bool,
    /// The keys about which an auditor reads, ascending; nothing: all. The charter is everybody's.
    #[n(5)]
    pub reads: Option<Vec<Name>>,
}

impl Roles {
    /// Signs motions, and nothing else.
    pub(crate) fn administrating() -> Self {
        Self { administrator: true, ..Self::default() }
    }

    /// Whether what they read is well-formed: only who is an auditor and nothing else reads less than
    /// everything, and about one key at least (GOV-78).
    pub(crate) fn reads_well(&self) -> bool {
        let Some(keys) = &self.reads else { return true };
        let is_only_auditor = self.named() == ["auditor"];
        let is_list = (1..=READS_MAX).contains(&keys.len()) && keys.is_sorted_by(|a, b| a < b);
        is_only_auditor && is_list
    }

    /// Whether whoever has them has a say in motions or requests, or may come to have one.
    pub(crate) fn decides(&self) -> bool {
        self.administrator || self.approver || self.guardian
    }

    /// What the person may do, in one line.
    pub fn text(&self) -> String {
        let named = match self.named().as_slice() {
            [] => "nothing".to_owned(),
            named => named.join(" and "),
        };
        match &self.reads {
            Some(keys) => {
                let keys: Vec<&str> = keys.iter().map(Name::as_str).collect();
                format!("{named}, who reads about {} alone", keys.join(", "))
            }
            None => named,
        }
    }

    /// What the person may do, word by word.
    pub fn named(&self) -> Vec<&'static str> {
        let all = [
            (self.administrator, "administrator"),
            (self.approver, "approver"),
            (self.auditor, "auditor"),
            (self.operator, "operator"),
            (self.guardian, "guardian"),
        ];
        all.into_iter().filter_map(|(has, role)| has.then_some(role)).collect()
    }
}

/// A founding service: a program that files requests.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct GenesisService {
    /// Its name.
    #[n(0)]
    pub name: Name,
    /// Its public key.
    #[n(1)]
    pub credential: Credential,
}

/// Times that hold for all nodes of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Settings {
    /// How long a lease holds, counted from the sending of its nonce, in milliseconds.
    #[n(0)]
    pub lease_ms: u64,
    /// How far the clocks of nodes may differ, in milliseconds.
    #[n(1)]
    pub clock_bound_ms: u64,
}

impl Settings {
    /// Checks that they are in their ranges.
    ///
    /// # Errors
    /// The name of the one that is not.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let in_range = [
            ("lease_ms", LEASE_MS.contains(&self.lease_ms)),
            ("clock_bound_ms", CLOCK_BOUND_MS.contains(&self.clock_bound_ms)),
        ];
        in_range.into_iter().find(|(_, holds)| !holds).map_or(Ok(()), |(name, _)| Err(name))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { lease_ms: 60_000, clock_bound_ms: 5_000 }
    }
}

/// Why a genesis, or the file that holds it, is refused; the fault of whoever wrote it, except
/// where it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    /// Not the canonical encoding of a genesis.
    #[error("the genesis is malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// A form that this version does not know.
    #[error("a genesis of version {0} is not known here")]
    Version(u8),
    /// No nodes, no administrators, or more of something than a domain may have.
    #[error("{what}: {got} where {min} to {max} are allowed")]
    Number {
        /// Of what.
        what: &'static str,
        /// How many there are.
        got: usize,
        /// The fewest.
        min: usize,
        /// The most.
        max: usize,
    },
    /// A list that does not ascend by name.
    #[error("the {0} do not ascend by name")]
    Order(&'static str),
    /// Two members of one name (N-27).
    #[error("the name {0} occurs twice; nodes, people and services share one space of names")]
    NameTwice(Name),
    /// Two members of one key (N-27).
    #[error("{first} and {second} have a key in common")]
    KeyTwice {
        /// One of them.
        first: Name,
        /// The other.
        second: Name,
    },
    /// A node's enrolment does not hold.
    #[error("the enrolment of {name} does not hold: {error}")]
    Enrolment {
        /// The node.
        name: Name,
        /// Why.
        error: StatementError,
    },
    /// Somebody who may do nothing.
    #[error("{0} has no role")]
    NoRole(Name),
    /// More liars than so many voters can bear.
    #[error("{nodes} nodes cannot bear {faults} liars: at least {} are needed", 3 * faults + 1)]
    Faults {
        /// Voters.
        nodes: usize,
        /// Declared liars.
        faults: usize,
    },
    /// The rules are refused.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// Custodians or recovery trees are refused.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// Somebody may do more than one thing and is not excepted, or is for nothing.
    #[error(transparent)]
    Roles(#[from] RolesError),
    /// What it says of the domain that it succeeds is refused.
    #[error("the succession is refused: {0}")]
    Succession(&'static str),
    /// A signer's claim to the keys of the domain before does not hold.
    #[error("the claim of {name} to what is restored does not hold: {error}")]
    Claim {
        /// The signer.
        name: Name,
        /// Why.
        error: StatementError,
    },
    /// A setting outside its range.
    #[error("the setting {0} is out of range")]
    Setting(&'static str),
    /// The caller's fault: the file holds another genesis than the one expected.
    #[error("this is genesis {got}, expected was {expected}")]
    Other {
        /// The hash expected.
        expected: GenesisHash,
        /// The hash found.
        got: GenesisHash,
    },
    /// The caller's fault: not one of those who must sign.
    #[error("this key is of no founding {0}")]
    NotAFounder(&'static str),
    /// A signature that no founder made.
    #[error("the signature of {0} does not verify")]
    Signature(String),
    /// Signatures are missing.
    #[error("signatures are missing: {0}")]
    Missing(Missing),
    /// The signer did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

impl Genesis {
    /// The rule of upkeep that a domain has unless it wants another: any administrator.
    pub fn any_of<'a>(administrators: impl IntoIterator<Item = &'a Name>) -> Option<Tree<Name>> {
        let mut leaves: Vec<_> = administrators.into_iter().cloned().map(Tree::Leaf).collect();
        match leaves.len() {
            1 => leaves.pop(),
            _ => Tree::gate(1, leaves).ok(),
        }
    }

    /// The id of a founding person.
    pub fn person_id(&self, person: &GenesisPerson) -> PersonId {
        PersonId(self.member(tag::PERSON_ID, &person.name, &person.credential))
    }

    /// The id of a founding service.
    pub fn service_id(&self, service: &GenesisService) -> ServiceId {
        ServiceId(self.member(tag::SERVICE_ID, &service.name, &service.credential))
    }

    fn member(&self, tag: tag::Tag, name: &Name, credential: &Credential) -> Digest {
        let member = Transcript::new(tag).part(self.nonce).part(name.as_str());
        member.part(credential.blob()).digest()
    }
}

impl Canonical for Genesis {
    const BYTES_MAX: usize = GENESIS_BYTES_MAX;
}
