//! What a backup file proves, offline and with public data alone (REC-24 to REC-32).
//!
//! ```text
//! genesis hash, from elsewhere ──► genesis ──► charter, replayed
//!                                                 │
//!        epoch ──► certified by its voters, a record of a key as it was ordered
//!                                                 │
//!        bundles ──► the ones that the record names, each proves its statement,
//!                    together they are the key
//! ```
//!
//! Nothing that is verified against comes from whoever made the file: every statement is made here
//! from the charter and the certified record. It never stops at what does not hold, but goes on with
//! what does not rest upon it.
//!
//! What it does not do: it restores nothing, and cannot know whether the file is the newest.

mod bundle;
mod canary;
mod held;
mod key;
pub(crate) mod parallel;
mod record;
mod replay;
mod report;
mod why;

pub use canary::Canary;
pub use held::HeldKey;
pub(crate) use held::{Contributed, ProvenKey, ProvenShares};
pub use key::verify_key;
pub(crate) use record::{Accounts, Certified};
pub(crate) use replay::Replay;
pub use report::{
    Author, BackupPart, CharterSeen, Checked, KeyReport, MissingKey, Note, Part, Report, Said,
};
pub use why::{Refusal, Whose, Why};

use crate::backup_file::{BackupReader, FileError, FileFault, Item, ItemKind};
use key::KeyCheck;
use quorate_charter::{Decided, State};
use quorate_identity::{GenesisHash, KeyId};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

/// Verifies a backup file of the domain with this genesis hash, which comes from elsewhere: a file
/// that brings its own domain proves nothing (REC-24).
///
/// It keeps the bundles of one key at a time. Cost: that of [`verify_key`] for every key, and some
/// signature verifications for every entry.
pub fn verify<R: Read>(reader: BackupReader<R>, genesis: &GenesisHash) -> Report {
    verify_keeping(reader, genesis, |_, _| ()).0
}

/// The same, and every key whose record is certified goes to `keep`, with the charter that it stands
/// in: nothing of it is to be relied on before the report says that the file holds. The charter at the
/// end, if the genesis holds.
pub(crate) fn verify_keeping<R: Read>(
    reader: BackupReader<R>,
    genesis: &GenesisHash,
    keep: impl FnMut(&State, HeldKey),
) -> (Report, Option<State>) {
    let (report, state, _) = Verifier::new(genesis, keep).read(reader);
    (report, state)
}

/// The same, keeping the canaries that hold: nothing of them is to be relied on either before the
/// report says that the file holds.
pub(crate) fn verify_canaries<R: Read>(
    reader: BackupReader<R>,
    genesis: &GenesisHash,
) -> (Report, Option<State>, Vec<Canary>) {
    Verifier::new(genesis, |_, _| ()).read(reader)
}

/// A file that is being verified.
struct Verifier<F> {
    report: Report,
    replay: Option<Replay>,
    /// The key whose bundles come in, with its outcome if that can be read.
    open: Option<(KeyCheck, Option<Decided>)>,
    keep: F,
    canaries: Vec<Canary>,
    is_whole: bool,
    is_behind: bool,
}

impl<F: FnMut(&State, HeldKey)> Verifier<F> {
    fn new(genesis: &GenesisHash, keep: F) -> Self {
        let report = Report::new(*genesis);
        let (canaries, is_whole, is_behind) = (Vec::new(), true, false);
        Self { report, replay: None, open: None, keep, canaries, is_whole, is_behind }
    }

    fn read<R: Read>(mut self, reader: BackupReader<R>) -> (Report, Option<State>, Vec<Canary>) {
        for item in reader {
            match item {
                Ok(item) => self.take(item),
                Err(error) => self.fail(error),
            }
        }
        self.finish()
    }

    fn take(&mut self, item: Item) {
        match item {
            Item::Head(head) => {
                self.report.said = Some(Said { made_at_ms: head.made_at_ms, export: head.export });
                match Replay::begin(&head.genesis, &self.report.genesis) {
                    Ok(replay) => self.replay = Some(replay),
                    Err(refusal) => self.refuse(Part::Genesis, refusal),
                }
            }
            Item::Entry(entry) => {
                let entered = self.replay.as_mut().map(|replay| replay.enter(&entry));
                if let Some(Err(refusal)) = entered {
                    self.refuse(Part::Entry(entry.position()), refusal);
                }
            }
            Item::Epoch(decided) => self.open(decided),
            Item::Bundle(bundle) => {
                if let Some((check, _)) = &mut self.open {
                    check.take(bundle);
                }
            }
            Item::Canary(bytes) => {
                self.close();
                let export = self.report.said.map(|said| said.export);
                if let (Some(replay), Some(export)) = (&self.replay, export) {
                    let (checked, canary) = canary::check(replay.state(), export, &bytes);
                    self.report.of_file.push(checked);
                    self.canaries.extend(canary);
                }
            }
            Item::End(end) => {
                self.report.digest = Some(end.digest);
                self.close();
            }
        }
    }

    /// Begins with a key. Where the genesis does not hold there is nobody who could have certified
    /// it.
    fn open(&mut self, decided: Decided) {
        self.close();
        let Some(replay) = &self.replay else { return };
        let check = KeyCheck::new(replay.state(), &decided);
        self.is_behind |= check.planned_at().is_some_and(|head| !replay.has_passed(&head));
        self.open = Some((check, Some(decided)));
    }

    /// Something of the file cannot be read.
    fn fail(&mut self, error: FileError) {
        self.is_whole = false;
        let is_epoch = matches!(error.fault, FileFault::Malformed { kind: ItemKind::Epoch, .. });
        let refusal = Why::File(error).of_holder();
        if is_epoch {
            self.close();
            let state = self.replay.as_ref().map(Replay::state);
            self.open = state.map(|state| (KeyCheck::unread(state, refusal.clone()), None));
        }
        self.refuse(Part::File, refusal);
    }

    fn close(&mut self) {
        let Some((check, decided)) = self.open.take() else { return };
        let (report, certified) = check.finish();
        self.report.keys.push(report);
        if let (Some(replay), Some(decided), Some(certified)) = (&self.replay, decided, certified) {
            (self.keep)(replay.state(), HeldKey::new(decided, certified));
        }
    }

    fn refuse(&mut self, part: Part, refusal: Refusal) {
        self.report.of_file.push(Checked::refused(part, refusal));
    }

    fn finish(mut self) -> (Report, Option<State>, Vec<Canary>) {
        self.close();
        let file = self.is_whole.then(|| Checked::held(Part::File));
        self.report.of_file.extend(file);
        let replay = self.replay.take();
        let charter = match &replay {
            Some(replay) => {
                self.report.of_file.push(Checked::held(Part::Genesis));
                self.report.look_for_keys(replay.state());
                self.report.charter = Some(replay.seen());
                match (replay.holds(), self.is_behind) {
                    (true, false) => Some(Ok(())),
                    (true, true) => Some(Err(Why::Behind.of_holder())),
                    // Which entry does not hold was said.
                    (false, _) => None,
                }
            }
            None => Some(Err(Why::RestsOn("the genesis").of_holder())),
        };
        let charter = charter.map(|result| Checked { part: Part::Charter, result });
        self.report.of_file.extend(charter);
        self.report.of_file.sort_by_key(|statement| statement.part.rank());
        self.report.mark_older();
        (self.report, replay.map(Replay::into_state), self.canaries)
    }
}

impl Report {
    fn new(genesis: GenesisHash) -> Self {
        let (of_file, keys, missing) = (Vec::new(), Vec::new(), Vec::new());
        Self { genesis, said: None, digest: None, charter: None, of_file, keys, missing }
    }

    /// Keys of the charter that are not retired and have no epoch here (REC-29).
    fn look_for_keys(&mut self, state: &State) {
        let here: BTreeSet<KeyId> = self.keys.iter().filter_map(|report| report.key).collect();
        let missing = state.keys().filter(|order| !order.retired && !here.contains(&order.key));
        self.missing = missing
            .map(|order| MissingKey {
                key: order.key,
                name: order.name.clone(),
                is_withdrawn: order.goal().is_none(),
            })
            .collect();
    }

    /// Of two epochs of a key one is not the newest (REC-29, N-70).
    fn mark_older(&mut self) {
        let mut newest: BTreeMap<KeyId, u64> = BTreeMap::new();
        for (key, epoch) in self.keys.iter().filter_map(KeyReport::of_epoch) {
            let newest = newest.entry(key).or_insert(epoch);
            *newest = epoch.max(*newest);
        }
        let mut seen = BTreeSet::new();
        for report in &mut self.keys {
            let Some((key, epoch)) = report.of_epoch() else { continue };
            let is_again = !seen.insert((key, epoch));
            let newest = newest.get(&key).copied();
            report.newer = newest.filter(|newest| is_again || *newest > epoch);
        }
    }
}
