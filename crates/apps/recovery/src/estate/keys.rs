//! Which keys a successor can restore, and of which summands (SUC-10, SUC-11).

use super::error::EstateFault;
use super::heir_of;
use crate::seat::{Arrival, VerifiedBackup};
use crate::verify::HeldKey;
use quorate_backup::RecoveryKey;
use quorate_charter::{
    Ask, Custodian, Restored, SignedSeatClaim, State, Succession, Summand, Summands,
};
use quorate_codec::{Digest, from_bytes};
use quorate_identity::{KeyId, Name, NodeId, RecoveryKeyId, Scheme};
use std::collections::{BTreeMap, BTreeSet};

/// A key of the domain before that can be restored. Public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EstateKey {
    /// What it was called there.
    pub name: Name,
    /// What it makes.
    pub scheme: Scheme,
    /// The public points of its accounts, which stay.
    pub points: Vec<Vec<u8>>,
    /// The public keys.
    pub public_keys: Vec<Vec<u8>>,
    /// Their chain codes.
    pub chain_codes: Vec<Digest>,
    /// The key as a motion of the successor names it.
    pub restored: Restored,
    /// Who deals it there, by which points.
    pub summands: Summands,
}

/// A key of the domain before that cannot be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name.
    pub name: Name,
    /// Why.
    pub why: Unrestorable,
}

/// Why a key is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unrestorable {
    /// Nobody signs with it any more.
    #[error("it was retired")]
    Retired,
    /// It came from elsewhere, and was not shared anew since: nodes backed up its shares alone.
    #[error("only its shares are backed up, not the key itself")]
    SharesAlone,
}

impl VerifiedBackup {
    /// Whether this is the backup from which a successor restores, and what its heirs claim can be
    /// read (SUC-02, SUC-03).
    ///
    /// # Errors
    /// [`EstateFault`].
    pub fn check_succession(&self, succession: &Succession) -> Result<(), EstateFault> {
        check(self.state(), self.digest(), succession)?;
        let asked = |claim: &SignedSeatClaim, key: &RecoveryKeyId| {
            claim.body().asks.iter().any(|ask| ask.key == *key)
        };
        for (key, _) in self.estate_custodians() {
            let silent = succession.claims.iter().find(|claim| !asked(claim, &key));
            if let Some(claim) = silent {
                return Err(EstateFault::NotAsked { heir: claim.body().node, key });
            }
        }
        Ok(())
    }

    /// What the claim of an heir asks of all whose keys restore something, ascending by key (BAK-30).
    /// `None` if one of them is none, for which nothing was backed up.
    pub fn asks_for_estate(&self, arrival: &Arrival, heir: NodeId) -> Option<Vec<Ask>> {
        let custodians = self.estate_custodians();
        arrival.asks_of(self.state().genesis(), heir, custodians.into_values())
    }

    /// Those who restore any key of the estate itself, by their recovery keys.
    fn estate_custodians(&self) -> BTreeMap<RecoveryKeyId, &Custodian> {
        let restored = self.keys().iter().filter(|held| unrestorable(self.state(), held).is_none());
        let custodies: BTreeSet<Digest> = restored
            .filter_map(|held| held.record().backup.key.as_ref().map(|key| key.custody))
            .collect();
        let mut all = BTreeMap::new();
        for custody in custodies.iter().filter_map(|digest| self.state().custody_of(digest)) {
            let parties = custody.keys.parties();
            let restoring = custody.custodians.iter().filter(|it| parties.contains(&it.name));
            all.extend(restoring.map(|custodian| (custodian.key_id(), custodian)));
        }
        all
    }

    /// The keys that the successor can restore, by name, and those that nobody can.
    ///
    /// Cost: a point addition for every contribution.
    ///
    /// # Errors
    /// [`EstateFault`], as of [`check_succession`](Self::check_succession).
    pub fn estate(
        &self,
        succession: &Succession,
    ) -> Result<(Vec<EstateKey>, Vec<LeftOut>), EstateFault> {
        self.check_succession(succession)?;
        let (mut keys, mut left_out) = (Vec::new(), Vec::new());
        for held in self.keys() {
            let Some(name) = self.state().key(&held.key()).map(|order| order.name.clone()) else {
                continue;
            };
            match unrestorable(self.state(), held) {
                Some(why) => left_out.push(LeftOut { name, why }),
                None => keys.push(key(name, held, succession).ok_or(EstateFault::Machine)?),
            }
        }
        keys.sort_by(|left, right| left.name.cmp(&right.name));
        left_out.sort_by(|left, right| left.name.cmp(&right.name));
        Ok((keys, left_out))
    }
}

/// Whether a file is the one from which a successor restores (SUC-04).
pub(super) fn check(
    state: &State,
    digest: Digest,
    succession: &Succession,
) -> Result<(), EstateFault> {
    if succession.predecessor != state.genesis() {
        return Err(EstateFault::Domain(succession.predecessor));
    }
    if succession.backup != digest {
        return Err(match state.position_of(&succession.head) {
            Some(position) if succession.head == state.head() => EstateFault::OtherFile(position),
            Some(position) => EstateFault::Earlier { named: position, here: state.position() },
            None => EstateFault::Later(succession.head),
        });
    }
    if succession.head != state.head() {
        return Err(EstateFault::Head);
    }
    let unread = |claim: &&SignedSeatClaim| {
        let claim = claim.body();
        RecoveryKey::from_bytes(&claim.arrival).is_err()
            || claim.asks.iter().any(|ask| {
                from_bytes::<quorate_backup::possession::Challenge>(&ask.challenge).is_err()
            })
    };
    match succession.claims.iter().find(unread) {
        Some(claim) => Err(EstateFault::Claim(claim.body().node)),
        None => Ok(()),
    }
}

/// Why a key cannot be restored, if it cannot.
pub(super) fn unrestorable(state: &State, held: &HeldKey) -> Option<Unrestorable> {
    let is_retired = state.key(&held.key()).is_none_or(|order| order.retired);
    match held.whole() {
        _ if is_retired => Some(Unrestorable::Retired),
        None => Some(Unrestorable::SharesAlone),
        Some(_) => None,
    }
}

fn key(name: Name, held: &HeldKey, succession: &Succession) -> Option<EstateKey> {
    let record = held.record();
    let mut of: BTreeMap<NodeId, Vec<usize>> = BTreeMap::new();
    for place in 0..held.dealers().len() {
        of.entry(heir_of(succession, place)?).or_default().push(place);
    }
    let points = held.contribution_sums(of.values())?;
    let summand = |((dealer, _), points)| Summand { dealer, points };
    let summands = Summands(of.into_iter().zip(points).map(summand).collect());
    let accounts = record.accounts.iter();
    let points = accounts.clone().map(|account| account.commitments.first().cloned());
    let points: Vec<Vec<u8>> = points.collect::<Option<_>>()?;
    let chain_codes: Vec<Digest> = accounts.clone().map(|account| account.chain_code).collect();
    Some(EstateKey {
        name,
        scheme: record.plan.scheme,
        public_keys: accounts.map(|account| account.public_key.clone()).collect(),
        restored: Restored::new(
            held.key(),
            &points.iter().map(Vec::as_slice).collect::<Vec<_>>(),
            &chain_codes,
            &summands,
        ),
        points,
        chain_codes,
        summands,
    })
}

impl EstateKey {
    /// Its id in the domain before.
    pub fn key(&self) -> KeyId {
        self.restored.key
    }
}
