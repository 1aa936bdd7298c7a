//! Where a key is from that was not made here.

use crate::epoch::{AccountRecord, byte_lists};
use crate::imported::Imported;
use crate::limits::{ACCOUNTS_MAX, NODES_MAX};
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, Digest, Transcript, tag};
use quorate_identity::{KeyId, Name, NodeId};
use std::collections::BTreeSet;

/// Where a key is from that was not made here. People sign all of it, and every epoch record of the
/// key repeats it, so that it is called so for ever (IMP-08, SUC-21). Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Origin {
    /// Somebody held it whole.
    #[n(0)]
    Imported(#[n(0)] Imported),
    /// It was a key of the domain that this one succeeds.
    #[n(1)]
    Restored(#[n(0)] Restored),
}

/// A key of the domain that this one succeeds. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Restored {
    /// Its id there.
    #[n(0)]
    pub key: KeyId,
    /// Digest of the public points and chain codes of its accounts, which stay.
    #[n(1)]
    pub accounts: Digest,
    /// Digest of the [`Summands`] of which it is made again.
    #[n(2)]
    pub summands: Digest,
    /// What it was called there.
    #[n(3)]
    pub name: Name,
}

/// Who deals a key that is restored, ascending, and the point of the summand of every account that
/// each deals, encoded: together they add up to the key (SUC-10). Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Summands(#[n(0)] pub Vec<Summand>);

/// One dealer's.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Summand {
    /// Who.
    #[n(0)]
    pub dealer: NodeId,
    /// The points, in the order of the accounts.
    #[cbor(n(1), with = "byte_lists")]
    pub points: Vec<Vec<u8>>,
}

impl Origin {
    /// What is known of a key that somebody brings.
    pub fn imported(&self) -> Option<&Imported> {
        match self {
            Self::Imported(imported) => Some(imported),
            Self::Restored(_) => None,
        }
    }

    /// What is known of a key of the domain before.
    pub fn restored(&self) -> Option<&Restored> {
        match self {
            Self::Imported(_) => None,
            Self::Restored(restored) => Some(restored),
        }
    }

    /// Whether a record's accounts are the key that people signed (IMP-07, SUC-23).
    pub(crate) fn is_of(&self, accounts: &[AccountRecord]) -> bool {
        match (self, accounts) {
            (Self::Imported(imported), [account]) => {
                account.commitments.first() == Some(&imported.public)
                    && account.chain_code == imported.chain_code
            }
            (Self::Imported(_), _) => false,
            (Self::Restored(restored), accounts) => {
                let points = accounts.iter().map(|it| it.commitments.first().map(Vec::as_slice));
                let points: Option<Vec<&[u8]>> = points.collect();
                let chain_codes: Vec<Digest> =
                    accounts.iter().map(|account| account.chain_code).collect();
                points.is_some_and(|points| {
                    Restored::digest_of(&points, &chain_codes) == restored.accounts
                })
            }
        }
    }
}

impl Restored {
    /// A key as a motion that restores it names it: by the public points and the chain codes of its
    /// accounts, in their order, and who deals which points of it.
    pub fn new(
        (key, name): (KeyId, Name),
        points: &[&[u8]],
        chain_codes: &[Digest],
        summands: &Summands,
    ) -> Self {
        let accounts = Self::digest_of(points, chain_codes);
        Self { key, accounts, summands: summands.digest(), name }
    }

    /// H(restored-accounts; list of the points, list of the chain codes).
    fn digest_of(points: &[&[u8]], chain_codes: &[Digest]) -> Digest {
        Transcript::new(tag::RESTORED_ACCOUNTS).list(points).list(chain_codes).digest()
    }
}

impl Summands {
    /// Those who deal.
    pub fn dealers(&self) -> BTreeSet<NodeId> {
        self.0.iter().map(|summand| summand.dealer).collect()
    }

    /// H(restored-summands; its encoding).
    pub fn digest(&self) -> Digest {
        Transcript::new(tag::RESTORED_SUMMANDS).part(quorate_codec::to_bytes(self)).digest()
    }
}

impl Canonical for Origin {
    const BYTES_MAX: usize = 128 + Imported::BYTES_MAX;
}

impl Canonical for Summands {
    const BYTES_MAX: usize = 8 + NODES_MAX * (48 + ACCOUNTS_MAX as usize * 36);
}
