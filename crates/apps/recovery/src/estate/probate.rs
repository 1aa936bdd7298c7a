//! A custodian's side: what of a backup is opened for which heir, and by whose key (SUC-02, SUC-10 to
//! SUC-12).

use super::error::ProbateError;
use super::keys::{LeftOut, Unrestorable, check, check_holders, not_asked, places, unrestorable};
use super::part::{EstatePart, SealedPart};
use super::{context, heir_of};
use crate::backup_file::BackupReader;
use crate::opened::{Opened, plain};
use crate::verify::{HeldKey, ProvenKey, parallel, verify_keeping};
use quorate_backup::possession::Challenge;
use quorate_backup::{Opener, RecoveryKey, handing};
use quorate_charter::{SignedSeatClaim, State, Succession};
use quorate_codec::from_bytes;
use quorate_identity::{GenesisHash, Name, NodeId, RecoveryKeyId};
use rand_core::CryptoRngCore;
use std::io::Read;

/// What of a verified backup is to be opened for the heirs of a successor. Public.
pub struct Probate<'a> {
    predecessor: State,
    successor: &'a State,
    succession: &'a Succession,
    keys: Vec<Bequest>,
    left_out: Vec<LeftOut>,
}

/// A key, and the backup of what its dealers contributed.
struct Bequest {
    key: HeldKey,
    proven: ProvenKey,
}

/// The same for the holder of one key.
pub struct ForCustodian<'a> {
    probate: &'a Probate<'a>,
    name: Name,
    key: RecoveryKeyId,
    /// What each heir asks, in their order.
    asked: Vec<(NodeId, RecoveryKey, Challenge)>,
}

impl<'a> Probate<'a> {
    /// Verifies a whole backup file of the domain with this genesis hash, which comes from elsewhere,
    /// and that it is the one from which the successor restores. The successor's genesis was verified
    /// under the hash that people compared.
    ///
    /// Cost: that of [`verify`](crate::verify::verify), and of all contributions once more.
    ///
    /// # Errors
    /// [`ProbateError`].
    pub fn read<R: Read>(
        reader: BackupReader<R>,
        genesis: &GenesisHash,
        successor: &'a State,
    ) -> Result<Self, ProbateError> {
        let succession = successor.succession().ok_or(ProbateError::NoSuccession)?;
        let (mut held, mut left_out) = (Vec::new(), Vec::new());
        let (report, state) = verify_keeping(reader, genesis, |state, mut key| {
            let Some(order) = state.key(&key.key()) else { return };
            match unrestorable(state, &key, succession) {
                Some(why) => left_out.push(LeftOut { name: order.name.clone(), why }),
                None => {
                    key.retain_contributions();
                    held.push(key);
                }
            }
        });
        let (predecessor, digest) = match (state, report.digest) {
            (Some(state), Some(digest)) if report.holds_without(&succession.omitted) => {
                (state, digest)
            }
            _ => return Err(ProbateError::Refused(Box::new(report))),
        };
        check(&predecessor, digest, succession)?;
        // Heirs do not begin unless everybody is asked: what is opened would be opened for nothing.
        if let Some((heir, custodian)) = not_asked(&predecessor, held.iter(), succession) {
            let heir = successor.node(&heir).ok_or(super::EstateFault::Machine)?.name.clone();
            return Err(ProbateError::NotAsked { heir, custodian: custodian.name.clone() });
        }
        for held in &held {
            if let Some(order) = predecessor.key(&held.key()) {
                check_holders(&order.name, held, succession, successor.faults())?;
            }
        }
        let missing = report.missing.iter().map(|missing| missing.name.clone());
        left_out.extend(missing.map(|name| LeftOut { name, why: Unrestorable::Omitted }));
        held.sort_by_key(HeldKey::key);
        // Once more, each as what it is: nothing else is opened.
        let proven = parallel::map(&held, HeldKey::contributions);
        let bequest = |(key, proven): (HeldKey, Option<ProvenKey>)| {
            Some(Bequest { key: key.without_bundles(), proven: proven? })
        };
        let keys: Option<Vec<Bequest>> = held.into_iter().zip(proven).map(bequest).collect();
        let keys = keys.ok_or(super::EstateFault::Machine)?;
        match keys.is_empty() {
            true => Err(ProbateError::Nothing),
            false => Ok(Self { predecessor, successor, succession, keys, left_out }),
        }
    }

    /// The domain before, as the backup has it.
    pub fn predecessor(&self) -> &State {
        &self.predecessor
    }

    /// The domain that succeeds it.
    pub fn successor(&self) -> &State {
        self.successor
    }

    /// What its genesis says of that.
    pub fn succession(&self) -> &Succession {
        self.succession
    }

    /// The keys that are restored, ascending by id.
    pub fn keys(&self) -> impl Iterator<Item = &HeldKey> {
        self.keys.iter().map(|bequest| &bequest.key)
    }

    /// The heirs among which a key is given out: these together have it.
    pub fn holders(&self, key: &HeldKey) -> Vec<&Name> {
        let of = places(key, self.succession);
        let named = self.heirs().filter(|(_, claim)| of.contains_key(&claim.body().node));
        named.map(|(name, _)| name).collect()
    }

    /// The keys that are not.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// Those for whom something is opened: name, and claim.
    pub fn heirs(&self) -> impl Iterator<Item = (&Name, &SignedSeatClaim)> {
        let named = |claim: &'a SignedSeatClaim| {
            Some((&self.successor.node(&claim.body().node)?.name, claim))
        };
        self.succession.claims.iter().filter_map(named)
    }

    /// What the holder of a key is asked to open. The key must be one of those for which some key was
    /// backed up, and every heir must ask its custodian.
    ///
    /// # Errors
    /// [`ProbateError::NoCustodian`], [`ProbateError::NotAsked`].
    pub fn for_key(&'a self, key: RecoveryKeyId) -> Result<ForCustodian<'a>, ProbateError> {
        let name = self.keys().find_map(|held| held.whole_custodian(&key));
        let name = name.ok_or(ProbateError::NoCustodian(key))?;
        let asked = self.heirs().map(|(heir, claim)| {
            let claim = claim.body();
            let ask = claim.asks.iter().find(|ask| ask.key == key);
            let challenge = ask.and_then(|ask| from_bytes(&ask.challenge).ok());
            let arrival = RecoveryKey::from_bytes(&claim.arrival).ok();
            let (heir, custodian) = (heir.clone(), name.clone());
            let asked = arrival.zip(challenge).ok_or(ProbateError::NotAsked { heir, custodian });
            asked.map(|(arrival, challenge)| (claim.node, arrival, challenge))
        });
        let asked = asked.collect::<Result<_, _>>()?;
        Ok(ForCustodian { probate: self, name: name.clone(), key, asked })
    }
}

impl ForCustodian<'_> {
    /// What the custodian is called.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The keys of which something is opened, ascending.
    pub fn keys(&self) -> impl Iterator<Item = &HeldKey> {
        self.mine().map(|bequest| &bequest.key)
    }

    /// The keys that others restore.
    pub fn of_others(&self) -> impl Iterator<Item = &HeldKey> {
        self.probate.keys().filter(|it| it.whole_custodian(&self.key).is_none())
    }

    fn mine(&self) -> impl Iterator<Item = &Bequest> {
        let is_mine = |it: &&Bequest| it.key.whole_custodian(&self.key).is_some();
        self.probate.keys.iter().filter(is_mine)
    }

    /// Opens everything that is for this key, and seals to each heir what is for it. Nothing
    /// if the key is another one, or what an heir asks does not open with it.
    ///
    /// Cost: one use of the key for each closed row and leaf of every contribution.
    ///
    /// # Errors
    /// The device's; within, [`ProbateError`]: whoever made a claim made it so.
    pub fn open<O: Opener>(
        &self,
        opener: &O,
        rng: &mut impl CryptoRngCore,
    ) -> Result<Result<EstatePart, ProbateError>, O::Error> {
        let Probate { successor, succession, .. } = self.probate;
        if opener.public().id() != self.key {
            return Ok(Err(ProbateError::NoCustodian(opener.public().id())));
        }
        // All that is asked opens, or nothing is opened.
        let mut bonds = Vec::new();
        for (heir, _, challenge) in &self.asked {
            let bond = handing::bond(opener, succession.predecessor, *heir, challenge)?;
            let Some(bond) = bond else { return Ok(Err(self.unanswered(heir))) };
            bonds.push(bond);
        }
        let mut opened: Vec<Vec<Opened<NodeId>>> = self.asked.iter().map(|_| Vec::new()).collect();
        for Bequest { key, proven } in self.mine() {
            for (place, dealer) in key.dealers().iter().enumerate() {
                let heir = heir_of(succession, place);
                let at = self.asked.iter().position(|(it, ..)| Some(*it) == heir);
                let Some(part) = proven.open(place, opener)? else {
                    return Ok(Err(super::EstateFault::Machine.into()));
                };
                if let Some(opened) = at.and_then(|at| opened.get_mut(at)) {
                    opened.push(Opened { key: key.key(), which: *dealer, part });
                }
            }
        }
        let mut sealed = Vec::new();
        for (((heir, arrival, _), bond), opened) in self.asked.iter().zip(&bonds).zip(&opened) {
            let context = context(successor.genesis(), succession, *heir, self.key);
            let bytes = handing::seal(rng, arrival, bond, &context, &plain(opened));
            let Some(bytes) = bytes else { return Ok(Err(self.unanswered(heir))) };
            sealed.push(SealedPart { heir: *heir, bytes });
        }
        sealed.sort_by_key(|sealed| sealed.heir);
        Ok(Ok(EstatePart {
            version: EstatePart::VERSION,
            successor: successor.genesis(),
            predecessor: succession.predecessor,
            backup: succession.backup,
            custodian: self.name.clone(),
            key: self.key,
            sealed,
        }))
    }

    fn unanswered(&self, heir: &NodeId) -> ProbateError {
        let named = self.probate.heirs().find(|(_, claim)| claim.body().node == *heir);
        let name = named.map_or_else(|| heir.to_string(), |(name, _)| name.to_string());
        ProbateError::Unanswered(name)
    }
}
