//! Sealing a store anew, by something else or by the same kind again (STO-18).
//!
//! A new header over the same data key would leave every copy of the old one a way in. So all rows
//! get a fresh data key, the erasable ones fresh row keys too, in one transaction; then the slots of
//! before are overwritten. What the old secret still opens is what was copied before.

use super::{HEADER, Phases, ROWS, STATE, State, Step, Store, known, read_all};
use crate::disk::{self, guard};
use crate::header::{Header, VERSION};
use crate::seal::{Sealer, Slot, slot_number};
use crate::{Seal, SealKey, StoreError};
use quorate_codec::to_bytes;
use redb::ReadableTable;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All rows under the new data key.
struct Renewed {
    rows: Vec<(Vec<u8>, Vec<u8>)>,
    taken: BTreeMap<u64, Slot>,
    freed: BTreeSet<u64>,
    state: State,
}

impl Store {
    /// Seals the store by something else, durably: a crash at any moment leaves a store that opens
    /// by the old seal or by the new one, with all its rows. Readers from before read nothing more.
    ///
    /// Nothing is overwritten before every row was read back under the new key. The caller first sees
    /// that the new seal gives the key again.
    ///
    /// # Errors
    /// [`StoreError::BadSeal`]: nothing was done. The machine's, as of [`commit`](Self::commit).
    pub fn reseal(&mut self, seal: Seal, key: &SealKey) -> Result<(), StoreError> {
        self.reseal_stepwise(seal, key, &mut |_| ())
    }

    /// `passed` is told of every step that is durable.
    pub(super) fn reseal_stepwise(
        &mut self,
        seal: Seal,
        key: &SealKey,
        passed: &mut dyn FnMut(Step),
    ) -> Result<(), StoreError> {
        if self.failed {
            return Err(StoreError::Failed(self.path.clone()));
        }
        let (header, sealer) = Header::create(self.id(), seal, key)?;
        self.failed = true;
        let path = self.path.clone();
        self.state = guard(&path, || self.renew(&header, &sealer, passed))?;
        (self.header, self.sealer) = (header, Arc::new(sealer));
        self.failed = false;
        // redb keeps the commit before the last one: let that be under the new key too.
        self.write(&[], Phases::Two, false, &mut |_| ())?;
        Ok(())
    }

    fn renew(
        &mut self,
        header: &Header,
        sealer: &Sealer,
        passed: &mut dyn FnMut(Step),
    ) -> Result<State, StoreError> {
        let path = self.path.clone();
        let failed = |error: redb::Error| disk::redb_error(&path, error);
        let slots_failed = |source| disk::io_error(&path, source);
        let mut transaction = self.database.begin_write().map_err(|error| failed(error.into()))?;
        transaction.set_two_phase_commit(true);
        let renewed = {
            let mut rows = transaction.open_table(ROWS).map_err(|error| failed(error.into()))?;
            let renewed = self.renewed(&rows, sealer)?;
            for (place, row) in &renewed.rows {
                let put = rows.insert(place.as_slice(), row.as_slice());
                put.map_err(|error| failed(error.into()))?;
            }
            let sealed = sealer.seal(STATE, &[], &to_bytes(&renewed.state));
            let put = rows.insert(&[STATE][..], sealed.as_slice());
            put.map_err(|error| failed(error.into()))?;
            renewed
        };
        {
            let mut table = transaction.open_table(HEADER).map_err(|error| failed(error.into()))?;
            let put = table.insert(&[][..], header.to_bytes().as_slice());
            put.map_err(|error| failed(error.into()))?;
        }
        // Writes one of the two heads under the new key; until the commit the other one counts.
        let commits = renewed.state.commits;
        self.slots.write(sealer, &renewed.taken, commits).map_err(slots_failed)?;
        passed(Step::SlotsTaken);
        transaction.commit().map_err(|error| failed(error.into()))?;
        passed(Step::Rows);
        // All of it, from the disk, before anything of the old is overwritten.
        let (found, ..) = read_all(&path, &self.database, sealer, &mut self.slots)?;
        if found != renewed.state {
            return Err(StoreError::ReadBack(path));
        }
        self.slots.erase(sealer, &renewed.freed, commits).map_err(slots_failed)?;
        passed(Step::SlotsErased);
        Ok(renewed.state)
    }

    /// Opens every row and seals it under the new key.
    fn renewed(
        &mut self,
        rows: &impl ReadableTable<&'static [u8], &'static [u8]>,
        sealer: &Sealer,
    ) -> Result<Renewed, StoreError> {
        let path = &self.path;
        let failed = |error: redb::StorageError| disk::redb_error(path, error);
        let state =
            State { version: VERSION, commits: self.state.commits + 1, rows: 0, sum: [0; 32] };
        let (taken, freed) = (BTreeMap::new(), BTreeSet::new());
        let mut renewed = Renewed { rows: Vec::new(), taken, freed, state };
        for row in rows.iter().map_err(failed)? {
            let (place, row) = row.map_err(failed)?;
            let (place, row) = (place.value(), row.value());
            let Some((number, key)) = place.split_first() else {
                return Err(StoreError::Mixed(path.clone()));
            };
            if *number == STATE {
                continue;
            }
            let table = known(path, *number)?;
            let damaged = || StoreError::DamagedRow { path: path.clone(), table };
            let sealed = if table.is_erasable() {
                let old = slot_number(row).ok_or_else(damaged)?;
                let slot = self.slots.read(old);
                let slot = slot.map_err(|source| disk::io_error(path, source))?;
                let slot = slot.ok_or_else(damaged)?;
                let value = self.sealer.open_erasable(*number, key, row, &slot);
                let at = self.slots.take();
                let value = value.ok_or_else(damaged)?;
                let (row, slot) = sealer.seal_erasable(*number, key, at, &value);
                renewed.freed.insert(old);
                renewed.taken.insert(at, slot);
                row
            } else {
                let value = self.sealer.open(*number, key, row).ok_or_else(damaged)?;
                sealer.seal(*number, key, &value)
            };
            renewed.state.add(sealer.mark(*number, key, &sealed));
            renewed.rows.push((place.to_vec(), sealed));
        }
        Ok(renewed)
    }
}
