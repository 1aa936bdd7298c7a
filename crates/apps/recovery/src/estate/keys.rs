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
    /// The founders gave it up.
    #[error("the founders gave it up")]
    Omitted,
    /// What one heir would get adds up to nothing: the others alone would have it.
    #[error(
        "what one heir would get of it adds up to nothing; with heirs in other places it may not"
    )]
    Cancelled,
}

impl VerifiedBackup {
    /// Whether this is the backup from which a successor restores, and what its heirs claim can be
    /// read and asks every custodian (SUC-03).
    fn check_succession(&self, succession: &Succession) -> Result<(), EstateFault> {
        check(self.state(), self.digest(), succession)?;
        let is_restored = |held: &&HeldKey| unrestorable(self.state(), held, succession).is_none();
        let restored = self.keys().iter().filter(is_restored);
        match not_asked(self.state(), restored, succession) {
            Some((heir, custodian)) => Err(EstateFault::NotAsked { heir, key: custodian.key_id() }),
            None => Ok(()),
        }
    }

    /// What the claim of an heir asks of all whose keys restore something, ascending by key (BAK-30).
    /// `None` if one of them is none, for which nothing was backed up.
    pub fn asks_for_estate(&self, arrival: &Arrival, heir: NodeId) -> Option<Vec<Ask>> {
        let is_in_use =
            |held: &&HeldKey| self.state().key(&held.key()).is_some_and(|order| !order.retired);
        let custodians = custodians(self.state(), self.keys().iter().filter(is_in_use));
        arrival.asks_of(self.state().genesis(), heir, custodians.into_values())
    }

    /// The keys that a successor can restore, by name, and those that it cannot, if this is the backup
    /// from which it restores, and its heirs claim what they should. Of its voters so many may lie: no
    /// key is given out among as few (SUC-02, SUC-03, SUC-10).
    ///
    /// Cost: a point addition for every contribution.
    ///
    /// # Errors
    /// [`EstateFault`].
    pub fn estate(
        &self,
        succession: &Succession,
        faults: usize,
    ) -> Result<(Vec<EstateKey>, Vec<LeftOut>), EstateFault> {
        self.check_succession(succession)?;
        let (mut keys, mut left_out) = (Vec::new(), Vec::new());
        for held in self.keys() {
            let Some(name) = self.state().key(&held.key()).map(|order| order.name.clone()) else {
                continue;
            };
            match unrestorable(self.state(), held, succession) {
                Some(why) => left_out.push(LeftOut { name, why }),
                None => {
                    check_holders(&name, held, succession, faults)?;
                    keys.push(key(name, held, succession).ok_or(EstateFault::Machine)?);
                }
            }
        }
        let missing = self.report().missing.iter().map(|missing| missing.name.clone());
        left_out.extend(missing.map(|name| LeftOut { name, why: Unrestorable::Omitted }));
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
    if let Some(none) = succession.omitted.iter().find(|name| state.key_named(name).is_none()) {
        return Err(EstateFault::NoKey(none.clone()));
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

/// Those who restore any of these keys itself, by their recovery keys.
fn custodians<'a>(
    state: &'a State,
    keys: impl Iterator<Item = &'a HeldKey>,
) -> BTreeMap<RecoveryKeyId, &'a Custodian> {
    let custody = |held: &HeldKey| Some(held.record().backup.key.as_ref()?.custody);
    let custodies: BTreeSet<Digest> = keys.filter_map(custody).collect();
    let mut all = BTreeMap::new();
    for custody in custodies.iter().filter_map(|digest| state.custody_of(digest)) {
        let parties = custody.keys.parties();
        let restoring = custody.custodians.iter().filter(|it| parties.contains(&it.name));
        all.extend(restoring.map(|custodian| (custodian.key_id(), custodian)));
    }
    all
}

/// An heir, and a custodian of these keys of whom it asks nothing (SUC-03).
pub(super) fn not_asked<'a>(
    state: &'a State,
    restored: impl Iterator<Item = &'a HeldKey>,
    succession: &Succession,
) -> Option<(NodeId, &'a Custodian)> {
    custodians(state, restored).into_iter().find_map(|(key, custodian)| {
        let asked = |claim: &SignedSeatClaim| claim.body().asks.iter().any(|ask| ask.key == key);
        let claim = succession.claims.iter().find(|claim| !asked(claim))?;
        Some((claim.body().node, custodian))
    })
}

/// No key is given out among so few heirs as may lie (SUC-10).
pub(super) fn check_holders(
    name: &Name,
    held: &HeldKey,
    succession: &Succession,
    faults: usize,
) -> Result<(), EstateFault> {
    let heirs = places(held, succession).len();
    match heirs > faults {
        true => Ok(()),
        false => Err(EstateFault::Holders { key: name.clone(), heirs }),
    }
}

/// Why a key cannot be restored, if it cannot. Its bundles are still here.
pub(super) fn unrestorable(
    state: &State,
    held: &HeldKey,
    succession: &Succession,
) -> Option<Unrestorable> {
    let order = state.key(&held.key()).filter(|order| !order.retired);
    match (order, held.whole()) {
        (None, _) => Some(Unrestorable::Retired),
        (Some(order), _) if succession.omitted.contains(&order.name) => Some(Unrestorable::Omitted),
        (Some(_), None) => Some(Unrestorable::SharesAlone),
        (Some(_), Some(_)) => {
            let of = places(held, succession);
            held.contribution_sums(of.values()).is_none().then_some(Unrestorable::Cancelled)
        }
    }
}

/// Which heirs get what dealers at which places contributed (SUC-10).
pub(super) fn places(held: &HeldKey, succession: &Succession) -> BTreeMap<NodeId, Vec<usize>> {
    let mut of: BTreeMap<NodeId, Vec<usize>> = BTreeMap::new();
    for place in 0..held.dealers().len() {
        if let Some(heir) = heir_of(succession, place) {
            of.entry(heir).or_default().push(place);
        }
    }
    of
}

fn key(name: Name, held: &HeldKey, succession: &Succession) -> Option<EstateKey> {
    let record = held.record();
    let of = places(held, succession);
    let points = held.contribution_sums(of.values())?;
    let summand = |((dealer, _), points)| Summand { dealer, points };
    let summands = Summands(of.into_iter().zip(points).map(summand).collect());
    let accounts = record.accounts.iter();
    let points = accounts.clone().map(|account| account.commitments.first().cloned());
    let points: Vec<Vec<u8>> = points.collect::<Option<_>>()?;
    let chain_codes: Vec<Digest> = accounts.clone().map(|account| account.chain_code).collect();
    Some(EstateKey {
        scheme: record.plan.scheme,
        public_keys: accounts.map(|account| account.public_key.clone()).collect(),
        restored: Restored::new(
            (held.key(), name.clone()),
            &points.iter().map(Vec::as_slice).collect::<Vec<_>>(),
            &chain_codes,
            &summands,
        ),
        name,
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
