//! The new machine's side: a verified backup, and the shares that custodians' parts give (REC-38,
//! REC-39).

use super::part::{OpenedKey, SeatPart};
use super::{Arrival, Fate, MissingCustodians, PartFault, RestoreSeatError, context};
use crate::backup_file::BackupReader;
use crate::opened::opened;
use crate::verify::{HeldKey, ProvenShares, Report, parallel, verify_keeping};
use quorate_backup::{Opener, Part, Proven, RestoreError, SoftKey, handing};
use quorate_charter::{Ask, Seat, State};
use quorate_codec::{Digest, to_bytes};
use quorate_curve::{Curve, Ed25519, P256, Secp256k1, SecretScalar};
use quorate_identity::{GenesisHash, KeyId, Name, NodeId, RecoveryKeyId};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Read;
use zeroize::Zeroizing;

/// A backup file that holds, whole in memory: its charter, and of every key the certified outcome of
/// its newest epoch with all bundles. The only way to one is [`read`](Self::read). Public.
pub struct VerifiedBackup {
    report: Report,
    digest: Digest,
    state: State,
    keys: Vec<HeldKey>,
}

/// What custodians gave back to a seat.
#[derive(Debug)]
pub struct RestoredSeat {
    /// The keys of which custodians opened shares, ascending.
    pub keys: Vec<RestoredKey>,
    /// Custodians whose answer is not what was encrypted to them, each with the key.
    pub liars: BTreeSet<(Name, KeyId)>,
    /// Custodians who gave a part, could open this key and opened nothing of it: their keys or
    /// devices failed them, or they left it out.
    pub silent: BTreeSet<(Name, KeyId)>,
    /// Keys that too few custodians opened, and who could still help: these are not restored.
    pub missing: Vec<MissingCustodians>,
}

/// A node's shares of one key in one epoch. Secret.
#[derive(Debug)]
pub struct RestoredKey {
    /// The key.
    pub key: KeyId,
    /// The epoch.
    pub epoch: u64,
    /// The shares.
    pub secrets: Secrets,
}

/// Shares over the curve of their key: of every account in their order, the node's leaves ascending
/// (BAK-25). Each was compared with its public point. Secret, wiped when dropped, printed as their
/// number.
pub enum Secrets {
    /// Over secp256k1.
    Secp256k1(Vec<SecretScalar<Secp256k1>>),
    /// Over edwards25519.
    Ed25519(Vec<SecretScalar<Ed25519>>),
    /// Over P-256.
    P256(Vec<SecretScalar<P256>>),
}

/// What custodians handed over: who did, by their keys, and what they opened of each key.
#[derive(Default)]
struct Handed {
    custodians: BTreeMap<RecoveryKeyId, Name>,
    opened: BTreeMap<KeyId, Vec<Part>>,
}

/// One key restored: its shares, who lied, who was silent.
type Outcome =
    Result<(Secrets, BTreeSet<RecoveryKeyId>, BTreeSet<RecoveryKeyId>), RestoreSeatError>;

impl VerifiedBackup {
    /// Verifies a whole backup file of the domain with this genesis hash, which comes from elsewhere.
    ///
    /// Cost: that of [`verify`](crate::verify::verify), and the whole file in memory.
    ///
    /// # Errors
    /// The report, if the file does not hold.
    pub fn read<R: Read>(
        reader: BackupReader<R>,
        genesis: &GenesisHash,
    ) -> Result<Self, Box<Report>> {
        Self::read_without(reader, genesis, &[])
    }

    /// The same where keys of these names are given up: it holds without them.
    ///
    /// # Errors
    /// As of [`read`](Self::read).
    pub fn read_without<R: Read>(
        reader: BackupReader<R>,
        genesis: &GenesisHash,
        omitted: &[Name],
    ) -> Result<Self, Box<Report>> {
        let mut keys = Vec::new();
        let (report, state) = verify_keeping(reader, genesis, |_, key| keys.push(key));
        match (state, report.digest) {
            (Some(state), Some(digest)) if report.holds_without(omitted) => {
                keys.sort_by_key(HeldKey::key);
                Ok(Self { report, digest, state, keys })
            }
            _ => Err(Box::new(report)),
        }
    }

    /// What was verified.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The hash at the end of the file, which names it.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The charter in the file.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The keys, ascending.
    pub fn keys(&self) -> &[HeldKey] {
        &self.keys
    }

    /// A key.
    pub fn key(&self, key: &KeyId) -> Option<&HeldKey> {
        self.keys.iter().find(|held| held.key() == *key)
    }

    /// The keys of which the shares of a node were lost with the machine that had its seat before;
    /// none if the seat was given to nobody.
    pub fn lost(&self, node: &NodeId) -> impl Iterator<Item = &HeldKey> {
        let seat = self.state.seat(node);
        let lost = move |key: &&HeldKey| {
            let fate = seat.map(|seat| Fate::of(&self.state, seat, key));
            fate == Some(Fate::Lost) && key.has_shares_of(node)
        };
        self.keys.iter().filter(lost)
    }

    /// The shares of a node from what custodians opened for the machine that claimed its seat. Keys
    /// that nobody opened are left out; without parts that is all of them, and what is verified is
    /// that the seat is this machine's.
    ///
    /// Cost: for each key that of verifying its bundle, and of restoring from it.
    ///
    /// # Errors
    /// [`RestoreSeatError`]; then nothing is restored.
    pub fn restore(
        &self,
        node: &NodeId,
        arrival: &Arrival,
        parts: &[SeatPart],
    ) -> Result<RestoredSeat, RestoreSeatError> {
        let table = self.table(node, arrival)?;
        let handed = table.take(parts)?;
        table.restore(&handed)
    }

    /// What one part opens, before there are enough of them: keys and epochs, ascending. It is its
    /// custodian's if this is no error; whether what they opened is true is seen when it is restored.
    ///
    /// # Errors
    /// [`RestoreSeatError`].
    pub fn look_at(
        &self,
        node: &NodeId,
        arrival: &Arrival,
        part: &SeatPart,
    ) -> Result<Vec<(KeyId, u64)>, RestoreSeatError> {
        let opened = self.table(node, arrival)?.open(part).map_err(|fault| {
            let custodian = part.custodian.clone();
            RestoreSeatError::Part { custodian, fault }
        })?;
        Ok(opened.iter().map(|it| (it.key, it.which)).collect())
    }

    fn table<'a>(
        &'a self,
        node: &NodeId,
        arrival: &'a Arrival,
    ) -> Result<Table<'a>, RestoreSeatError> {
        let seat = self.state.seat(node).ok_or(RestoreSeatError::NotGiven(*node))?;
        let key = arrival.key();
        if seat.claim.arrival != key.public().to_bytes() {
            return Err(RestoreSeatError::AnotherClaim(*node));
        }
        Ok(Table { state: &self.state, seat, arrival, key, lost: self.lost(node).collect() })
    }
}

/// What parts are held against.
struct Table<'a> {
    state: &'a State,
    seat: &'a Seat,
    arrival: &'a Arrival,
    key: SoftKey,
    lost: Vec<&'a HeldKey>,
}

impl<'a> Table<'a> {
    fn take(&self, parts: &[SeatPart]) -> Result<Handed, RestoreSeatError> {
        let mut handed = Handed::default();
        for part in parts {
            let custodian = part.custodian.clone();
            let first = handed.custodians.insert(part.key, custodian.clone()).is_none();
            let opened = if first { self.open(part) } else { Err(PartFault::Twice) };
            let opened = opened.map_err(|fault| RestoreSeatError::Part { custodian, fault })?;
            for OpenedKey { key, part, .. } in opened {
                handed.opened.entry(key).or_default().push(part);
            }
        }
        Ok(handed)
    }

    /// Opens a part, which is the custodian's if it opens.
    fn open(&self, part: &SeatPart) -> Result<Vec<OpenedKey>, PartFault> {
        let (claim, entry) = (&self.seat.claim, self.seat.entry);
        if part.genesis != claim.genesis {
            return Err(PartFault::Domain);
        }
        if part.node != claim.node {
            return Err(PartFault::Seat(part.node));
        }
        if part.entry != entry {
            return Err(PartFault::Entry);
        }
        let custodians = self.lost.iter().filter_map(|key| key.custodian(&part.key));
        let mut named = custodians.filter(|(name, _)| **name == part.custodian);
        let (_, key) = named.next().ok_or(PartFault::NoCustodian)?;
        let asked = self.arrival.ask(claim.genesis, claim.node, key);
        let (challenge, bond) = asked.ok_or(PartFault::NotAsked)?;
        let ask = Ask { key: part.key, challenge: to_bytes(&challenge) };
        if !claim.asks.contains(&ask) {
            return Err(PartFault::NotAsked);
        }
        let context = context(claim.genesis, claim.node, entry, part.key);
        let plain = handing::open(&self.key, &bond, &context, &part.sealed);
        let opened = opened(&plain.ok_or(PartFault::Sealed)?).ok_or(PartFault::Form)?;
        opened.iter().try_for_each(|it| self.check(it, part.key))?;
        Ok(opened)
    }

    /// What was opened is of this file, and by the custodian's own key, which restores it.
    fn check(&self, opened: &OpenedKey, custodian: RecoveryKeyId) -> Result<(), PartFault> {
        let OpenedKey { key, which: epoch, part } = opened;
        let held = self.lost.iter().find(|it| it.key() == *key && it.epoch() == *epoch);
        let held = held.ok_or(PartFault::Other { key: *key, epoch: *epoch })?;
        let is_own = part.custodian() == custodian && held.custodian(&custodian).is_some();
        if is_own { Ok(()) } else { Err(PartFault::Form) }
    }

    fn restore(&self, handed: &Handed) -> Result<RestoredSeat, RestoreSeatError> {
        let opened = |held: &&'a HeldKey| Some((*held, handed.opened.get(&held.key())?.as_slice()));
        let opened: Vec<(&HeldKey, &[Part])> = self.lost.iter().filter_map(opened).collect();
        let missing: Vec<_> = opened.iter().filter_map(|it| self.missing(it)).collect();
        let is_open = |(held, _): &(&HeldKey, _)| missing.iter().all(|it| it.key != held.key());
        let opened: Vec<(&HeldKey, &[Part])> = opened.into_iter().filter(is_open).collect();
        if opened.is_empty() && !missing.is_empty() {
            return Err(RestoreSeatError::Missing(missing));
        }
        let node = self.seat.claim.node;
        let outcomes = parallel::map(&opened, |(held, parts)| of_parts(held, &node, parts));
        let (keys, liars, silent) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let mut restored = RestoredSeat { keys, liars, silent, missing };
        for ((held, parts), outcome) in opened.into_iter().zip(outcomes) {
            let (secrets, liars, mut silent) = outcome?;
            let left_out = |id: &RecoveryKeyId| !parts.iter().any(|it| it.custodian() == *id);
            silent.extend(handed.custodians.keys().copied().filter(left_out));
            let key = held.key();
            let named = |id: RecoveryKeyId| Some((held.custodian(&id)?.0.clone(), key));
            restored.liars.extend(liars.into_iter().filter_map(named));
            restored.silent.extend(silent.into_iter().filter_map(named));
            restored.keys.push(RestoredKey { key, epoch: held.epoch(), secrets });
        }
        Ok(restored)
    }

    /// Who is missing for a key.
    fn missing(&self, (held, parts): &(&HeldKey, &[Part])) -> Option<MissingCustodians> {
        let present = parts.iter().filter_map(|part| held.custodian(&part.custodian()));
        let present: BTreeSet<Name> = present.map(|(name, _)| name.clone()).collect();
        let (key, who) = (held.key(), held.seats().missing_for(&present)?);
        let name = self.state.key(&key).map(|order| order.name.clone());
        Some(MissingCustodians { key, name, who })
    }
}

/// The shares of a node that these parts give.
fn of_parts(held: &HeldKey, node: &NodeId, parts: &[Part]) -> Outcome {
    match held.shares_of(node) {
        Some(ProvenShares::Secp256k1(proven)) => given(held, &proven, parts, Secrets::Secp256k1),
        Some(ProvenShares::Ed25519(proven)) => given(held, &proven, parts, Secrets::Ed25519),
        Some(ProvenShares::P256(proven)) => given(held, &proven, parts, Secrets::P256),
        None => Err(RestoreSeatError::Machine(held.key())),
    }
}

fn given<C: Curve>(
    held: &HeldKey,
    proven: &Proven<C>,
    parts: &[Part],
    secrets: fn(Vec<SecretScalar<C>>) -> Secrets,
) -> Outcome {
    let key = held.key();
    let restored = proven.restore(parts).map_err(|error| match error {
        RestoreError::Other(id) | RestoreError::Twice(id) => match held.custodian(&id) {
            Some((name, _)) => {
                let fault = PartFault::Bundle(key);
                RestoreSeatError::Part { custodian: name.clone(), fault }
            }
            None => RestoreSeatError::False(key),
        },
        // Who is missing was looked at before.
        RestoreError::Missing(_) | RestoreError::False => RestoreSeatError::False(key),
        RestoreError::GaveUp => RestoreSeatError::GaveUp(key),
    })?;
    Ok((secrets(restored.secrets), restored.liars, restored.silent))
}

impl Secrets {
    /// How many they are.
    pub fn len(&self) -> usize {
        match self {
            Self::Secp256k1(secrets) => secrets.len(),
            Self::Ed25519(secrets) => secrets.len(),
            Self::P256(secrets) => secrets.len(),
        }
    }

    /// Their encodings, in their order. Secret.
    pub fn to_bytes(&self) -> Vec<Zeroizing<[u8; 32]>> {
        match self {
            Self::Secp256k1(secrets) => secrets.iter().map(SecretScalar::to_bytes).collect(),
            Self::Ed25519(secrets) => secrets.iter().map(SecretScalar::to_bytes).collect(),
            Self::P256(secrets) => secrets.iter().map(SecretScalar::to_bytes).collect(),
        }
    }

    /// Whether there are none, which never is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Secrets({})", self.len())
    }
}
