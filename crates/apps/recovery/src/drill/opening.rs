//! A custodian's side: the canary that a drill names, and by whose key it is opened (REC-51 to REC-53).

use super::{Drill, DrillError, DrillPart, asking, context};
use crate::backup_file::BackupReader;
use crate::verify::{Canary, verify_canaries};
use quorate_backup::possession::Challenge;
use quorate_backup::{Opener, RecoveryKey, handing};
use quorate_charter::State;
use quorate_codec::from_bytes;
use quorate_identity::{GenesisHash, Name, RecoveryKeyId};
use rand_core::CryptoRngCore;
use std::io::Read;

/// What of a verified backup is opened in a drill: one canary and nothing else. Public.
pub struct DrillOpening {
    state: State,
    drill: Drill,
    arrival: RecoveryKey,
    canary: Canary,
}

/// The same for the holder of one key.
pub struct DrillCustodian<'a> {
    opening: &'a DrillOpening,
    name: Name,
    key: RecoveryKeyId,
    asked: Challenge,
}

impl DrillOpening {
    /// Verifies a whole backup file of the domain with this genesis hash, which comes from elsewhere,
    /// and finds the canary that a drill names among those that the file has.
    ///
    /// Cost: that of [`verify`](crate::verify::verify).
    ///
    /// # Errors
    /// [`DrillError`].
    pub fn read<R: Read>(
        reader: BackupReader<R>,
        genesis: &GenesisHash,
        drill: Drill,
    ) -> Result<Self, DrillError> {
        if drill.genesis != *genesis {
            return Err(DrillError::Domain);
        }
        let arrival = RecoveryKey::from_bytes(&drill.arrival).map_err(|_| DrillError::Arrival)?;
        let (report, state, canaries) = verify_canaries(reader, genesis);
        let state = match state {
            Some(state) if report.holds() => state,
            _ => return Err(DrillError::Refused(Box::new(report))),
        };
        if report.said.is_none_or(|said| said.export != drill.export) {
            return Err(DrillError::File);
        }
        let canary = canaries.into_iter().find(|canary| canary.digest() == drill.canary);
        Ok(Self { state, arrival, canary: canary.ok_or(DrillError::NoCanary)?, drill })
    }

    /// The charter in the file.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The drill.
    pub fn drill(&self) -> &Drill {
        &self.drill
    }

    /// What it opens.
    pub fn canary(&self) -> &Canary {
        &self.canary
    }

    /// What the holder of a key is asked to open. The key must be of a custodian of the canary, and the
    /// drill must ask it.
    ///
    /// # Errors
    /// [`DrillError::NoCustodian`], [`DrillError::NotAsked`].
    pub fn for_key(&self, key: RecoveryKeyId) -> Result<DrillCustodian<'_>, DrillError> {
        let (name, _) = self.canary.custodian(&key).ok_or(DrillError::NoCustodian(key))?;
        let ask = self.drill.asks.iter().find(|ask| ask.key == key);
        let asked = ask.and_then(|ask| from_bytes(&ask.challenge).ok());
        let asked = asked.ok_or_else(|| DrillError::NotAsked(name.clone()))?;
        Ok(DrillCustodian { opening: self, name: name.clone(), key, asked })
    }
}

impl DrillCustodian<'_> {
    /// What the custodian is called.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Opens the canary and seals what it gives to whoever started the drill. `None` if the key is
    /// another one, or what the drill asks does not open with it: whoever made the drill made it so.
    ///
    /// Cost: one use of the key for each closed row and leaf of the canary, and one more.
    ///
    /// # Errors
    /// The device's.
    pub fn open<O: Opener>(
        &self,
        opener: &O,
        made_at_ms: u64,
        rng: &mut impl CryptoRngCore,
    ) -> Result<Option<DrillPart>, O::Error> {
        let DrillOpening { drill, arrival, canary, .. } = self.opening;
        if opener.public().id() != self.key {
            return Ok(None);
        }
        let id = drill.id();
        let Some(bond) = handing::bond(opener, drill.genesis, asking(id), &self.asked)? else {
            return Ok(None);
        };
        let opened = canary.proven().open(opener)?.to_bytes();
        let context = context(id, self.key, made_at_ms);
        let sealed = handing::seal(rng, arrival, &bond, &context, &opened);
        Ok(sealed.map(|sealed| DrillPart {
            version: DrillPart::VERSION,
            drill: id,
            custodian: self.name.clone(),
            key: self.key,
            made_at_ms,
            sealed,
        }))
    }
}
