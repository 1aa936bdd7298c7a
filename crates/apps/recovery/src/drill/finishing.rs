//! The side of whoever started a drill: the canary from custodians' parts, and how everybody did
//! (REC-54, REC-55).

use super::{DrillPart, DrillPartFault, FinishError, HeldDrill, asking, context};
use quorate_access::Tree;
use quorate_backup::{Part, RestoreError, SoftKey, handing};
use quorate_curve::{Ed25519, SecretScalar};
use quorate_identity::{Name, RecoveryKeyId};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use zeroize::Zeroizing;

/// A drill that gave back its canary.
pub struct FinishedDrill {
    /// Everybody who restores by its tree, ascending by name.
    pub custodians: Vec<Graded>,
    /// How many of those who took part might be missing, whoever they are, and the others restore.
    pub spare: usize,
    canary: SecretScalar<Ed25519>,
}

/// How a custodian did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graded {
    /// Who.
    pub name: Name,
    /// Their recovery key.
    pub key: RecoveryKeyId,
    /// What came of it.
    pub outcome: Outcome,
    /// When their part was made, by their own clock.
    pub made_at_ms: Option<u64>,
    /// Whether the others who took part do not restore without them.
    pub is_needed: bool,
}

/// What came of a custodian's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// They opened what was encrypted to them.
    TookPart,
    /// They gave something else.
    Lied,
    /// They gave a part and opened nothing: their key or device failed them.
    Failed,
    /// There is no part of theirs.
    Missing,
}

impl HeldDrill {
    /// The canary from what custodians opened, compared with its public point, and how each did.
    ///
    /// Cost: that of restoring one secret.
    ///
    /// # Errors
    /// [`FinishError`].
    pub fn finish(&self, parts: &[DrillPart]) -> Result<FinishedDrill, FinishError> {
        let machine = self.arrival.key();
        let mut opened = BTreeMap::new();
        for part in parts {
            let fault = match opened.contains_key(&part.key) {
                true => Err(DrillPartFault::Twice),
                false => self.open(&machine, part),
            };
            let fault = fault.map(|part| drop(opened.insert(part.custodian(), part)));
            fault
                .map_err(|fault| FinishError::Part { custodian: part.custodian.clone(), fault })?;
        }
        let tree = self.tree()?;
        let present = opened.keys().filter_map(|key| self.names.get(key).cloned()).collect();
        if let Some(missing) = tree.missing_for(&present) {
            return Err(FinishError::Missing(missing));
        }
        let opened: Vec<Part> = opened.into_values().collect();
        let restored = self.canary.restore(&opened).map_err(|error| self.unrestored(error))?;
        let outcome = |key: &RecoveryKeyId| match opened.iter().any(|it| it.custodian() == *key) {
            false => Outcome::Missing,
            true if restored.liars.contains(key) => Outcome::Lied,
            true if restored.silent.contains(key) => Outcome::Failed,
            true => Outcome::TookPart,
        };
        let outcomes = self.names.iter().map(|(key, name)| (*key, name, outcome(key)));
        let outcomes: Vec<_> = outcomes.collect();
        let took_part = outcomes.iter().filter(|(.., outcome)| *outcome == Outcome::TookPart);
        let took_part: BTreeSet<Name> = took_part.map(|(_, name, _)| (*name).clone()).collect();
        let graded = |(key, name, outcome): (RecoveryKeyId, &Name, Outcome)| {
            let without = took_part.iter().filter(|it| *it != name).cloned().collect();
            let part = parts.iter().find(|part| part.key == key);
            Graded {
                name: name.clone(),
                key,
                outcome,
                made_at_ms: part.map(|part| part.made_at_ms),
                is_needed: took_part.contains(name) && !tree.satisfied(&without),
            }
        };
        let mut custodians: Vec<Graded> = outcomes.into_iter().map(graded).collect();
        custodians.sort_by(|left, right| left.name.cmp(&right.name));
        let spare = (1..=took_part.len()).take_while(|it| tree.survives(&took_part, *it)).count();
        // Whoever restores a canary restores its one secret.
        let canary = restored.secrets.into_iter().next().ok_or(FinishError::False)?;
        Ok(FinishedDrill { custodians, spare, canary })
    }

    /// Opens a part, which is the custodian's if it opens.
    fn open(&self, machine: &SoftKey, part: &DrillPart) -> Result<Part, DrillPartFault> {
        let id = self.drill.id();
        if part.drill != id {
            return Err(DrillPartFault::Drill);
        }
        let mut keys = self.canary.statement().recovery.keys();
        let key = keys.find(|key| key.id() == part.key).ok_or(DrillPartFault::NoCustodian)?;
        if self.names.get(&part.key) != Some(&part.custodian) {
            return Err(DrillPartFault::NoCustodian);
        }
        let asked = self.arrival.ask(self.drill.genesis, asking(id), key);
        let (_, bond) = asked.ok_or(DrillPartFault::NoCustodian)?;
        let context = context(id, part.key, part.made_at_ms);
        let plain = handing::open(machine, &bond, &context, &part.sealed);
        let opened = Part::from_bytes(&plain.ok_or(DrillPartFault::Sealed)?);
        let opened = opened.filter(|opened| opened.custodian() == part.key);
        let opened = opened.ok_or(DrillPartFault::Form)?;
        match opened.bundle() == self.canary.id() {
            true => Ok(opened),
            false => Err(DrillPartFault::Bundle),
        }
    }

    /// Who restores, by name.
    fn tree(&self) -> Result<Tree<Name>, FinishError> {
        let named = |key: &RecoveryKeyId| self.names.get(key).cloned().ok_or(FinishError::False);
        self.canary.statement().recovery.tree().try_map(named)
    }

    fn unrestored(&self, error: RestoreError) -> FinishError {
        match error {
            RestoreError::Other(key) | RestoreError::Twice(key) => match self.names.get(&key) {
                Some(name) => {
                    FinishError::Part { custodian: name.clone(), fault: DrillPartFault::Form }
                }
                None => FinishError::False,
            },
            RestoreError::GaveUp => FinishError::GaveUp,
            // Who is missing was looked at before.
            RestoreError::Missing(_) | RestoreError::False => FinishError::False,
        }
    }
}

impl FinishedDrill {
    /// The canary: 32 bytes, the proof that it was restored. Of no use but for that.
    pub fn canary(&self) -> Zeroizing<[u8; 32]> {
        self.canary.to_bytes()
    }

    /// The keys of those who took part, ascending.
    pub fn took_part(&self) -> Vec<RecoveryKeyId> {
        let took_part = self.custodians.iter().filter(|it| it.outcome == Outcome::TookPart);
        let mut keys: Vec<RecoveryKeyId> = took_part.map(|it| it.key).collect();
        keys.sort();
        keys
    }
}

impl fmt::Debug for FinishedDrill {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "FinishedDrill({:?})", self.custodians)
    }
}
