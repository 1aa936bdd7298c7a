//! Custodians, and how many of them restore (GOV-50).

use crate::limits::{CUSTODIANS_MAX, RECOVERY_KEY_BYTES_MAX, RECOVERY_LEAVES_MAX};
use minicbor::{Decode, Encode};
use quorate_access::{LintOptions, Tree, TreeError};
use quorate_codec::{Canonical, Digest, Transcript, tag};
use quorate_identity::{Name, RecoveryKeyId};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// Who restores what was lost, and how many of them together. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Custody {
    /// The custodians, ascending by name.
    #[n(0)]
    pub custodians: Vec<Custodian>,
    /// Who together restores shares: of any node, with what any other keeps, so the key as well.
    #[n(1)]
    pub seats: Tree<Name>,
    /// Who together restores keys without any node: from a backup that outlives all epochs.
    #[n(2)]
    pub keys: Tree<Name>,
}

/// Somebody who holds a recovery key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Custodian {
    /// Their name. A person of this name is the same human being.
    #[n(0)]
    pub name: Name,
    /// Their recovery key, opaque here.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub key: Vec<u8>,
    /// Until when they are to have held a drill or to have got another key, in milliseconds since
    /// 1970. What is later is an alarm and hinders nothing.
    #[n(2)]
    pub expires_ms: Option<u64>,
}

/// One of the two recovery trees of a custody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum CustodyTree {
    /// Who restores shares.
    #[n(0)]
    Seats,
    /// Who restores keys.
    #[n(1)]
    Keys,
}

/// A text that names neither recovery tree; the fault of who wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the recovery trees are called seats and keys")]
pub struct UnknownTree;

/// Why a custody is refused; the fault of who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CustodyError {
    /// No custodians, or more than a domain may have.
    #[error("a domain has 1 to {CUSTODIANS_MAX} custodians, not {0}")]
    Number(usize),
    /// A list that does not ascend by name, or names somebody twice.
    #[error("the custodians do not ascend by name")]
    Order,
    /// Bytes that are no recovery key.
    #[error("the recovery key of {0} is empty or too long")]
    Key(Name),
    /// Two custodians with one key: one of them would count as two.
    #[error("{first} and {second} have one recovery key")]
    KeyTwice {
        /// One of them.
        first: Name,
        /// The other.
        second: Name,
    },
    /// A tree over somebody who is no custodian.
    #[error("{0} is to restore and is no custodian")]
    NoCustodian(Name),
    /// A custodian who restores nothing.
    #[error("{0} is a custodian and stands in no recovery tree")]
    Idle(Name),
    /// A tree that must not be used.
    #[error("the tree that restores {what} is refused: {why}")]
    Tree {
        /// What it restores.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// Restoring keys from the backup that outlives epochs takes fewer custodians than restoring shares.
    #[error("keys are restored by {keys} custodians and shares only by {seats}")]
    Weaker {
        /// The fewest who restore keys.
        keys: usize,
        /// The fewest who restore shares.
        seats: usize,
    },
}

impl Custody {
    /// `threshold` of these custodians restore everything.
    ///
    /// # Errors
    /// No such tree: fewer custodians than the threshold, or none.
    pub fn some_of(threshold: u8, mut custodians: Vec<Custodian>) -> Result<Self, TreeError> {
        custodians.sort_by(|left, right| left.name.cmp(&right.name));
        let leaves = custodians.iter().map(|custodian| Tree::Leaf(custodian.name.clone()));
        let tree = Tree::gate(threshold, leaves.collect())?;
        Ok(Self { custodians, seats: tree.clone(), keys: tree })
    }

    /// Checks everything that is to be seen without knowing what a recovery key is (GOV-50).
    ///
    /// # Errors
    /// [`CustodyError`].
    pub fn check(&self) -> Result<(), CustodyError> {
        if !(1..=CUSTODIANS_MAX).contains(&self.custodians.len()) {
            return Err(CustodyError::Number(self.custodians.len()));
        }
        if !self.custodians.is_sorted_by(|left, right| left.name < right.name) {
            return Err(CustodyError::Order);
        }
        self.check_keys()?;
        self.check_trees()
    }

    /// One key, one custodian (GOV-50).
    fn check_keys(&self) -> Result<(), CustodyError> {
        let is_key = |key: &[u8]| (1..=RECOVERY_KEY_BYTES_MAX).contains(&key.len());
        if let Some(custodian) = self.custodians.iter().find(|it| !is_key(&it.key)) {
            return Err(CustodyError::Key(custodian.name.clone()));
        }
        let mut owners = std::collections::BTreeMap::new();
        for custodian in &self.custodians {
            if let Some(first) = owners.insert(&custodian.key, &custodian.name) {
                let (first, second) = (first.clone(), custodian.name.clone());
                return Err(CustodyError::KeyTwice { first, second });
            }
        }
        Ok(())
    }

    /// Both trees are over custodians, all of whom stand in one; nobody restores anything alone,
    /// and restoring everything takes no fewer than restoring a part (GOV-51).
    fn check_trees(&self) -> Result<(), CustodyError> {
        let known: BTreeSet<Name> = self.custodians.iter().map(|it| it.name.clone()).collect();
        let used: BTreeSet<Name> =
            self.seats.parties().into_iter().chain(self.keys.parties()).collect();
        if let Some(stranger) = used.difference(&known).next() {
            return Err(CustodyError::NoCustodian(stranger.clone()));
        }
        if let Some(idle) = known.difference(&used).next() {
            return Err(CustodyError::Idle(idle.clone()));
        }
        for (what, tree) in [("shares", &self.seats), ("keys", &self.keys)] {
            if tree.leaves().len() > RECOVERY_LEAVES_MAX {
                let why = format!("it has more than {RECOVERY_LEAVES_MAX} leaves");
                return Err(CustodyError::Tree { what, why });
            }
            if let Some(error) = tree.lint(&LintOptions::default()).errors.first() {
                return Err(CustodyError::Tree { what, why: error.to_string() });
            }
        }
        let (keys, seats) = (self.keys.fewest(), self.seats.fewest());
        if keys < seats { Err(CustodyError::Weaker { keys, seats }) } else { Ok(()) }
    }

    /// A custodian.
    pub fn named(&self, name: &Name) -> Option<&Custodian> {
        self.custodians.iter().find(|custodian| custodian.name == *name)
    }

    /// Names the custody: every backup is bound to it.
    pub fn digest(&self) -> Digest {
        Transcript::new(tag::CUSTODY).part(quorate_codec::to_bytes(self)).digest()
    }
}

impl CustodyTree {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Seats, Self::Keys];

    /// The tree of a custody.
    pub fn of(self, custody: &Custody) -> &Tree<Name> {
        match self {
            Self::Seats => &custody.seats,
            Self::Keys => &custody.keys,
        }
    }

    /// As it is called in a custody.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seats => "seats",
            Self::Keys => "keys",
        }
    }
}

impl fmt::Display for CustodyTree {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for CustodyTree {
    type Err = UnknownTree;

    fn from_str(text: &str) -> Result<Self, UnknownTree> {
        Self::ALL.into_iter().find(|tree| tree.as_str() == text).ok_or(UnknownTree)
    }
}

impl Custodian {
    /// Somebody whose key does not expire.
    pub fn new(name: Name, key: Vec<u8>) -> Self {
        Self { name, key, expires_ms: None }
    }

    /// The id of their key, as `spec/backup.md` names it (BAK-17).
    pub fn key_id(&self) -> RecoveryKeyId {
        RecoveryKeyId(Transcript::new(tag::RECOVERY_KEY).part(&self.key).digest())
    }
}

impl Canonical for Custody {
    const BYTES_MAX: usize = 64
        + CUSTODIANS_MAX * (RECOVERY_KEY_BYTES_MAX + Name::BYTES_MAX + 32)
        + 2 * Tree::<Name>::BYTES_MAX;
}
