//! An heir's side: a verified backup, and what custodians' parts give of it (SUC-13, SUC-14).

use super::error::{InheritError, PartFault};
use super::keys::EstateKey;
use super::part::EstatePart;
use super::{context, heir_of};
use crate::opened::{Opened, opened};
use crate::seat::{Arrival, MissingCustodians, VerifiedBackup};
use crate::verify::{HeldKey, ProvenKey, parallel};
use quorate_backup::{Opener, Part, Proven, RestoreError, SoftKey, handing};
use quorate_charter::{Ask, SeatClaim, State, Succession};
use quorate_codec::to_bytes;
use quorate_curve::{Curve, NonIdentity, SecretScalar};
use quorate_identity::{GenesisHash, KeyId, Name, NodeId, RecoveryKeyId};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use zeroize::Zeroizing;

/// What custodians gave to an heir.
#[derive(Debug)]
pub struct Inheritance {
    /// The keys of which this heir has its summand, ascending by id.
    pub keys: Vec<Inherited>,
    /// Custodians whose answer is not what was encrypted to them, each with the key.
    pub liars: BTreeSet<(Name, KeyId)>,
    /// Custodians who gave a part, could open this key and did not open all of it: their keys or
    /// devices failed them, or they left something out. Who lied is not among them.
    pub silent: BTreeSet<(Name, KeyId)>,
    /// Keys that too few custodians opened, and who could still help.
    pub missing: Vec<MissingCustodians>,
}

/// An heir's summand of every account of a key. Secret, wiped when dropped, printed as its number.
pub struct Inherited {
    /// The key, by its id in the domain before.
    pub key: KeyId,
    /// Canonical scalars, each compared with its point.
    pub summand: Vec<Zeroizing<[u8; 32]>>,
}

/// What was opened of contributions at their places.
type Placed<'a> = Vec<(usize, &'a [Part])>;

/// Who lied, and who was silent, by their keys.
type Faults = (BTreeSet<RecoveryKeyId>, BTreeSet<RecoveryKeyId>);

impl VerifiedBackup {
    /// The summands of an heir, from what custodians opened for it. Keys that nobody opened are left
    /// out; without parts that is all of them.
    ///
    /// Cost: for each contribution that of verifying its bundle, and of restoring from it.
    ///
    /// # Errors
    /// [`InheritError`]; then nothing is inherited.
    pub fn inherit(
        &self,
        successor: &State,
        (heir, arrival): (&NodeId, &Arrival),
        parts: &[EstatePart],
    ) -> Result<Inheritance, InheritError> {
        let succession = successor.succession().ok_or(InheritError::NoHeir)?;
        let (estate, _) = self.estate(succession, successor.faults())?;
        let claim = succession.claim_of(heir).ok_or(InheritError::NoHeir)?.body();
        let key = arrival.key();
        if claim.arrival != key.public().to_bytes() {
            return Err(InheritError::AnotherClaim);
        }
        let is_restored = |held: &&HeldKey| estate.iter().any(|it| it.key() == held.key());
        let keys = self.keys().iter().filter(is_restored).collect();
        let successor = successor.genesis();
        let desk = Desk { backup: self, successor, succession, claim, arrival, key, keys };
        let handed = desk.take(parts)?;
        desk.inherit(&estate, &handed)
    }
}

/// What custodians handed over: who did, by their keys, and what they opened of each contribution.
#[derive(Default)]
struct Handed {
    custodians: BTreeMap<RecoveryKeyId, Name>,
    opened: BTreeMap<KeyId, BTreeMap<NodeId, Vec<Part>>>,
}

/// What parts are held against.
struct Desk<'a> {
    backup: &'a VerifiedBackup,
    successor: GenesisHash,
    succession: &'a Succession,
    claim: &'a SeatClaim,
    arrival: &'a Arrival,
    key: SoftKey,
    keys: Vec<&'a HeldKey>,
}

impl<'a> Desk<'a> {
    fn take(&self, parts: &[EstatePart]) -> Result<Handed, InheritError> {
        let mut handed = Handed::default();
        for part in parts {
            let custodian = part.custodian.clone();
            let first = handed.custodians.insert(part.key, custodian.clone()).is_none();
            let opened = if first { self.open(part) } else { Err(PartFault::Twice) };
            let opened = opened.map_err(|fault| InheritError::Part { custodian, fault })?;
            for Opened { key, which, part } in opened {
                let of_key = handed.opened.entry(key).or_default();
                of_key.entry(which).or_default().push(part);
            }
        }
        Ok(handed)
    }

    /// Opens a part, which is the custodian's if it opens.
    fn open(&self, part: &EstatePart) -> Result<Vec<Opened<NodeId>>, PartFault> {
        let (claim, succession) = (self.claim, self.succession);
        if part.successor != self.successor {
            return Err(PartFault::Successor(part.successor));
        }
        if (part.predecessor, part.backup) != (succession.predecessor, succession.backup) {
            return Err(PartFault::Backup);
        }
        let mut custodians = self.keys.iter().filter_map(|held| held.whole_key(&part.key));
        let named = custodians.find(|(name, _)| **name == part.custodian);
        let (_, key) = named.ok_or(PartFault::NoCustodian)?;
        let sealed = part.sealed.iter().find(|sealed| sealed.heir == claim.node);
        let sealed = sealed.ok_or(PartFault::Heir)?;
        let asked = self.arrival.ask(claim.genesis, claim.node, key);
        let (challenge, bond) = asked.ok_or(PartFault::NotAsked)?;
        let ask = Ask { key: part.key, challenge: to_bytes(&challenge) };
        if !claim.asks.contains(&ask) {
            return Err(PartFault::NotAsked);
        }
        let context = context(self.successor, succession, claim.node, part.key);
        let plain = handing::open(&self.key, &bond, &context, &sealed.bytes);
        let opened = opened(&plain.ok_or(PartFault::Sealed)?).ok_or(PartFault::Form)?;
        opened.iter().try_for_each(|it| self.check(it, part.key))?;
        Ok(opened)
    }

    /// What was opened is of this file, for this heir, and by the custodian's own key, which restores
    /// it.
    fn check(&self, opened: &Opened<NodeId>, custodian: RecoveryKeyId) -> Result<(), PartFault> {
        let Opened { key, which, part } = opened;
        let other = PartFault::Other(*key);
        let held = self.keys.iter().find(|held| held.key() == *key).ok_or(other)?;
        let place = held.dealers().iter().position(|dealer| dealer == which).ok_or(other)?;
        if heir_of(self.succession, place) != Some(self.claim.node) {
            return Err(other);
        }
        let is_own = part.custodian() == custodian && held.whole_custodian(&custodian).is_some();
        if is_own { Ok(()) } else { Err(PartFault::Form) }
    }

    fn inherit(&self, estate: &[EstateKey], handed: &Handed) -> Result<Inheritance, InheritError> {
        let mut missing = Vec::new();
        let mut opened: Vec<(&'a HeldKey, Placed<'_>)> = Vec::new();
        for held in &self.keys {
            let of_key = handed.opened.get(&held.key());
            if handed.custodians.is_empty() {
                continue;
            }
            let own = held.dealers().iter().enumerate();
            let own =
                own.filter(|(place, _)| heir_of(self.succession, *place) == Some(self.claim.node));
            let none: &[Part] = &[];
            let parts: Placed<'_> = own
                .map(|(place, dealer)| {
                    let opened = of_key.and_then(|of_key| of_key.get(dealer));
                    (place, opened.map_or(none, Vec::as_slice))
                })
                .collect();
            if parts.is_empty() {
                continue;
            }
            match parts.iter().find_map(|(_, parts)| self.missing(held, parts)) {
                Some(who) => missing.push(who),
                None => opened.push((held, parts)),
            }
        }
        if opened.is_empty() && !missing.is_empty() {
            return Err(InheritError::Missing(missing));
        }
        let outcomes = parallel::map(&opened, |(held, parts)| restored(held, parts));
        let (keys, liars, silent) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let mut inheritance = Inheritance { keys, liars, silent, missing };
        for ((held, parts), outcome) in opened.into_iter().zip(outcomes) {
            let (summand, (liars, mut silent)) = outcome?;
            let key = held.key();
            if !self.is_known(estate, &key, &summand.points) {
                return Err(super::EstateFault::Machine.into());
            }
            let gave_all = |id: &RecoveryKeyId| {
                parts.iter().all(|(_, parts)| parts.iter().any(|it| it.custodian() == *id))
            };
            silent.extend(handed.custodians.keys().copied().filter(|id| !gave_all(id)));
            silent.retain(|id| !liars.contains(id));
            let named = |id: RecoveryKeyId| Some((held.whole_custodian(&id)?.clone(), key));
            inheritance.liars.extend(liars.into_iter().filter_map(named));
            inheritance.silent.extend(silent.into_iter().filter_map(named));
            inheritance.keys.push(Inherited { key, summand: summand.secrets });
        }
        Ok(inheritance)
    }

    /// Whether a summand has the points that everybody expects of this heir.
    fn is_known(&self, estate: &[EstateKey], key: &KeyId, points: &[Vec<u8>]) -> bool {
        let known = estate.iter().find(|it| it.key() == *key);
        let of_heir = known.into_iter().flat_map(|it| &it.summands.0);
        let mut of_heir = of_heir.filter(|summand| summand.dealer == self.claim.node);
        of_heir.any(|summand| summand.points == points)
    }

    /// Who is missing for a contribution.
    fn missing(&self, held: &HeldKey, parts: &[Part]) -> Option<MissingCustodians> {
        let present = parts.iter().filter_map(|part| held.whole_custodian(&part.custodian()));
        let present: BTreeSet<Name> = present.cloned().collect();
        let (key, who) = (held.key(), held.whole()?.missing_for(&present)?);
        let name = self.backup.state().key(&key).map(|order| order.name.clone());
        Some(MissingCustodians { key, name, who })
    }
}

/// What an heir deals of a key.
struct Summed {
    secrets: Vec<Zeroizing<[u8; 32]>>,
    points: Vec<Vec<u8>>,
}

/// The contributions at these places, added up, from what custodians opened of each.
fn restored(held: &HeldKey, parts: &[(usize, &[Part])]) -> Result<(Summed, Faults), InheritError> {
    match held.contributions() {
        Some(ProvenKey::Secp256k1(proven)) => added(held, &proven.dealers, parts),
        Some(ProvenKey::Ed25519(proven)) => added(held, &proven.dealers, parts),
        Some(ProvenKey::P256(proven)) => added(held, &proven.dealers, parts),
        None => Err(super::EstateFault::Machine.into()),
    }
}

fn added<C: Curve>(
    held: &HeldKey,
    dealers: &[Proven<C>],
    parts: &[(usize, &[Part])],
) -> Result<(Summed, Faults), InheritError> {
    let key = held.key();
    let (mut sums, mut faults): (Vec<SecretScalar<C>>, Faults) = Default::default();
    for (place, parts) in parts {
        let proven = dealers.get(*place).ok_or(super::EstateFault::Machine)?;
        let restored = proven.restore(parts).map_err(|error| match error {
            RestoreError::GaveUp => InheritError::GaveUp(key),
            RestoreError::Other(id) | RestoreError::Twice(id) => match held.whole_custodian(&id) {
                Some(name) => {
                    let fault = PartFault::Bundle(key);
                    InheritError::Part { custodian: name.clone(), fault }
                }
                None => InheritError::False(key),
            },
            // Who is missing was looked at before.
            RestoreError::False | RestoreError::Missing(_) => InheritError::False(key),
        })?;
        faults.0.extend(restored.liars);
        faults.1.extend(restored.silent);
        sums = match sums.is_empty() {
            true => restored.secrets,
            false => sums.iter().zip(&restored.secrets).map(|(sum, it)| sum.plus(it)).collect(),
        };
    }
    let points: Result<Vec<NonIdentity<C>>, _> =
        sums.iter().map(|sum| sum.commit().non_identity()).collect();
    let points = points.map_err(|_| super::EstateFault::Machine)?;
    let points = NonIdentity::all_to_bytes(&points).into_iter().collect();
    let secrets = sums.iter().map(SecretScalar::to_bytes).collect();
    Ok((Summed { secrets, points }, faults))
}

impl fmt::Debug for Inherited {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Inherited({}, {})", self.key, self.summand.len())
    }
}
