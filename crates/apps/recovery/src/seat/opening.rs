//! A custodian's side: what of a backup is opened for a seat, and by whose key (REC-33 to REC-37).

use super::part::{OpenedKey, SeatPart};
use super::{Fate, OpeningError, claim_digest, context};
use crate::backup_file::BackupReader;
use crate::opened::plain;
use crate::verify::{HeldKey, ProvenShares, parallel, verify_keeping};
use quorate_backup::possession::Challenge;
use quorate_backup::{Opener, RecoveryKey, handing};
use quorate_charter::{Seat, State};
use quorate_codec::{Digest, from_bytes};
use quorate_identity::{GenesisHash, KeyId, Name, NodeId, RecoveryKeyId};
use rand_core::CryptoRngCore;
use std::io::Read;

/// What of a verified backup is to be opened for the machine that has a node's seat now. Public.
pub struct Opening {
    state: State,
    name: Name,
    seat: Seat,
    arrival: RecoveryKey,
    /// Keys of which the shares were lost with the node, ascending.
    lost: Vec<Lost>,
    /// Keys and epochs whose shares were dealt to the new machine itself.
    later: Vec<(KeyId, u64)>,
}

/// A key, and the backup of the shares that were lost.
struct Lost {
    key: HeldKey,
    shares: ProvenShares,
}

/// The same for the holder of one key.
pub struct ForCustodian<'a> {
    opening: &'a Opening,
    name: Name,
    key: RecoveryKeyId,
    asked: Challenge,
}

impl Opening {
    /// Verifies a whole backup file of the domain with this genesis hash, which comes from elsewhere,
    /// and finds what is lost with the node of this name. It keeps the lost node's bundles alone.
    ///
    /// Cost: that of [`verify`](crate::verify::verify), and of the lost node's bundles once more.
    ///
    /// # Errors
    /// [`OpeningError`].
    pub fn read<R: Read>(
        reader: BackupReader<R>,
        genesis: &GenesisHash,
        node: &Name,
    ) -> Result<Self, OpeningError> {
        let mut held = Vec::new();
        let (report, state) = verify_keeping(reader, genesis, |state, mut key| {
            let Some(node) = state.node_named(node) else { return };
            key.retain_shares_of(&node.id);
            if key.has_shares_of(&node.id) {
                held.push(key);
            }
        });
        let state = match state {
            Some(state) if report.holds() => state,
            _ => return Err(OpeningError::Refused(Box::new(report))),
        };
        Self::of(state, node, held)
    }

    fn of(state: State, name: &Name, mut held: Vec<HeldKey>) -> Result<Self, OpeningError> {
        let node = state.node_named(name).ok_or_else(|| OpeningError::NoNode(name.clone()))?;
        let seat = state.seat(&node.id).ok_or_else(|| OpeningError::NotGiven(name.clone()))?;
        let seat = seat.clone();
        let arrival = RecoveryKey::from_bytes(&seat.claim.arrival);
        let arrival = arrival.map_err(|_| OpeningError::Arrival(name.clone()))?;
        let later = held.iter().filter(|key| Fate::of(&state, &seat, key) == Fate::Later);
        let later: Vec<_> = later.map(|key| (key.key(), key.epoch())).collect();
        held.retain(|key| Fate::of(&state, &seat, key) == Fate::Lost);
        if held.is_empty() {
            return Err(OpeningError::Nothing { node: name.clone(), later: later.len() });
        }
        held.sort_by_key(HeldKey::key);
        // Once more, each as what it is: nothing else is opened.
        let proven = parallel::map(&held, |key| key.shares_of(&node.id));
        let lost = held.into_iter().zip(proven).map(|(key, shares)| {
            let again = OpeningError::Machine(key.key());
            shares.map(|shares| Lost { key: key.without_bundles(), shares }).ok_or(again)
        });
        let lost = lost.collect::<Result<_, _>>()?;
        Ok(Self { name: name.clone(), seat, arrival, lost, later, state })
    }

    /// The charter in the file.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The node whose seat it is.
    pub fn node(&self) -> (&Name, NodeId) {
        (&self.name, self.seat.claim.node)
    }

    /// The entry that gave the seat.
    pub fn seat(&self) -> &Seat {
        &self.seat
    }

    /// Hash of the claim that it was given to.
    pub fn claim(&self) -> Digest {
        claim_digest(&self.seat.claim)
    }

    /// Keys of which the shares were lost with the node, ascending.
    pub fn lost(&self) -> impl Iterator<Item = &HeldKey> {
        self.lost.iter().map(|lost| &lost.key)
    }

    /// Keys and epochs whose shares were dealt to the new machine itself.
    pub fn later(&self) -> &[(KeyId, u64)] {
        &self.later
    }

    /// What the holder of a key is asked to open. The key must be one of those for which a lost share
    /// was backed up: the custody of then counts, not the charter's of now. And the claim must ask its
    /// custodian.
    ///
    /// # Errors
    /// [`OpeningError::NoCustodian`], [`OpeningError::NotAsked`].
    pub fn for_key(&self, key: RecoveryKeyId) -> Result<ForCustodian<'_>, OpeningError> {
        let mut names = self.lost().filter_map(|it| it.custodian(&key));
        let (name, _) = names.next().ok_or(OpeningError::NoCustodian(key))?;
        let ask = self.seat.claim.asks.iter().find(|ask| ask.key == key);
        let asked = ask.and_then(|ask| from_bytes(&ask.challenge).ok());
        let asked = asked.ok_or_else(|| OpeningError::NotAsked(name.clone()))?;
        Ok(ForCustodian { opening: self, name: name.clone(), key, asked })
    }
}

impl ForCustodian<'_> {
    /// What the custodian is called.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The keys of which the shares are opened, ascending.
    pub fn keys(&self) -> impl Iterator<Item = &HeldKey> {
        self.lost().map(|lost| &lost.key)
    }

    /// The keys of which others restore the shares.
    pub fn of_others(&self) -> impl Iterator<Item = &HeldKey> {
        self.opening.lost().filter(|it| it.custodian(&self.key).is_none())
    }

    fn lost(&self) -> impl Iterator<Item = &Lost> {
        self.opening.lost.iter().filter(|it| it.key.custodian(&self.key).is_some())
    }

    /// Opens everything that is for this key and seals it to the machine. `None` if the key is another
    /// one, or what the claim asks does not open with it: whoever made the claim made it so.
    ///
    /// Cost: one use of the key for each closed row and leaf of every bundle.
    ///
    /// # Errors
    /// The device's.
    pub fn open<O: Opener>(
        &self,
        opener: &O,
        rng: &mut impl CryptoRngCore,
    ) -> Result<Option<SeatPart>, O::Error> {
        let Opening { seat, arrival, .. } = self.opening;
        let (genesis, node) = (seat.claim.genesis, seat.claim.node);
        if opener.public().id() != self.key {
            return Ok(None);
        }
        let Some(bond) = handing::bond(opener, genesis, node, &self.asked)? else {
            return Ok(None);
        };
        let open = |Lost { key, shares }: &Lost| {
            let part = match shares {
                ProvenShares::Secp256k1(proven) => proven.open(opener)?,
                ProvenShares::Ed25519(proven) => proven.open(opener)?,
                ProvenShares::P256(proven) => proven.open(opener)?,
            };
            Ok(OpenedKey { key: key.key(), which: key.epoch(), part })
        };
        let opened: Vec<OpenedKey> = self.lost().map(open).collect::<Result<_, _>>()?;
        let context = context(genesis, node, seat.entry, self.key);
        let sealed = handing::seal(rng, arrival, &bond, &context, &plain(&opened));
        Ok(sealed.map(|sealed| SeatPart {
            version: SeatPart::VERSION,
            genesis,
            node,
            entry: seat.entry,
            custodian: self.name.clone(),
            key: self.key,
            sealed,
        }))
    }
}
