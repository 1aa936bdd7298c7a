//! From verified parts to the whole key (KEX-14).

use super::{ExportFileError, Exported};
use crate::verify::{Accounts, ProvenShares};
use crate::whole::WholeKey;
use quorate_access::Selection;
use quorate_backup::{Opener, Part, Proven, Restored};
use quorate_curve::{Curve, SecretScalar};
use quorate_identity::NodeId;
use quorate_sharing::{Commitments, coefficients};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use zeroize::Zeroizing;

/// What the recipient's key opened of the parts of a quorum. Secret, wiped when dropped, printed as
/// how many.
pub struct Opened(BTreeMap<NodeId, Part>);

impl Exported {
    /// Whether parts that hold are enough.
    ///
    /// # Errors
    /// [`ExportFileError::Missing`], with those who would do.
    pub fn suffices(&self) -> Result<(), ExportFileError> {
        match self.missing() {
            Some(missing) => Err(ExportFileError::Missing(missing)),
            None => self.quorum().map(|_| ()).ok_or(ExportFileError::Machine),
        }
    }

    /// The nodes whose shares are put together: a canonical choice among those whose parts hold.
    fn quorum(&self) -> Option<Selection<NodeId>> {
        let sound: BTreeSet<NodeId> = self.sound().collect();
        self.record().plan.tree.select(&sound)
    }

    /// Opens the parts of a quorum.
    ///
    /// Cost: one use of the key for each closed row of every part.
    ///
    /// # Errors
    /// The device's.
    pub fn open<O: Opener>(&self, opener: &O) -> Result<Opened, O::Error> {
        let quorum = self.quorum().map(|quorum| quorum.parties()).unwrap_or_default();
        let mut opened = BTreeMap::new();
        for judged in self.parts.iter().filter(|judged| quorum.contains(&judged.node)) {
            let part = match &judged.held {
                Ok(ProvenShares::Secp256k1(proven)) => proven.open(opener)?,
                Ok(ProvenShares::Ed25519(proven)) => proven.open(opener)?,
                Ok(ProvenShares::P256(proven)) => proven.open(opener)?,
                Err(_) => continue,
            };
            opened.insert(judged.node, part);
        }
        Ok(Opened(opened))
    }

    /// The whole key of every account, from what was opened: every share is compared with its public
    /// point, and every key with the certified one.
    ///
    /// # Errors
    /// [`ExportFileError`]; then there is none.
    pub fn whole(&self, opened: Opened) -> Result<Vec<WholeKey>, ExportFileError> {
        let secrets = match &self.certified.accounts {
            Accounts::Secp256k1(accounts) => self.add_up(accounts, opened, |held| match held {
                ProvenShares::Secp256k1(proven) => Some(proven),
                _ => None,
            }),
            Accounts::Ed25519(accounts) => self.add_up(accounts, opened, |held| match held {
                ProvenShares::Ed25519(proven) => Some(proven),
                _ => None,
            }),
            Accounts::P256(accounts) => self.add_up(accounts, opened, |held| match held {
                ProvenShares::P256(proven) => Some(proven),
                _ => None,
            }),
        }?;
        let record = self.record();
        let whole = |(secret, account): (&Zeroizing<[u8; 32]>, &quorate_charter::AccountRecord)| {
            WholeKey::new(record.plan.scheme, secret, account.chain_code.0)
        };
        let all: Option<Vec<WholeKey>> = secrets.iter().zip(&record.accounts).map(whole).collect();
        all.ok_or(ExportFileError::Machine)
    }

    fn add_up<C: Curve>(
        &self,
        accounts: &[Commitments<C>],
        opened: Opened,
        proven: impl Fn(&ProvenShares) -> Option<&Proven<C>>,
    ) -> Result<Vec<Zeroizing<[u8; 32]>>, ExportFileError> {
        let quorum = self.quorum().ok_or(ExportFileError::Machine)?;
        let mut shares: BTreeMap<NodeId, Vec<SecretScalar<C>>> = BTreeMap::new();
        for (node, part) in opened.0 {
            let held = self.parts.iter().find(|judged| judged.node == node);
            let held = held.and_then(|judged| judged.held.as_ref().ok()).and_then(&proven);
            let held = held.ok_or(ExportFileError::Machine)?;
            let Restored { secrets, .. } = held
                .restore(&[part])
                .map_err(|_| ExportFileError::NotOpened(self.called(&node)))?;
            shares.insert(node, secrets);
        }
        let tree = &self.record().plan.tree;
        let weights = coefficients(&quorum);
        let of_account = |(number, account): (usize, &Commitments<C>)| {
            let mut sum = SecretScalar::zero();
            for leaf in quorum.leaves() {
                let own = tree.leaves().into_iter().filter(|(_, party)| **party == leaf.party);
                let own: Vec<_> = own.map(|(id, _)| id).collect();
                let place = own.iter().position(|id| *id == leaf.leaf)?;
                let at = number.checked_mul(own.len())?.checked_add(place)?;
                let share = shares.get(&leaf.party)?.get(at)?;
                sum = sum.plus(&share.times(*weights.get(&leaf.leaf)?));
            }
            (sum.commit() == account.constant()).then(|| sum.to_bytes())
        };
        let all: Option<Vec<_>> = accounts.iter().enumerate().map(of_account).collect();
        all.ok_or(ExportFileError::Machine)
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Opened({} parts)", self.0.len())
    }
}
