//! Drills of custodians, as far as this node was shown that a canary was restored (`spec/charter.md`,
//! GOV-55 to GOV-57).
//!
//! The canary's secret proves that somebody has it. Who took part, and when, is the word of whoever
//! brings it, kept with their name. What is overdue is shown, and hinders nothing.

use crate::durable::{Table, Write};
use crate::event::{Barrier, Millis};
use crate::limits::{CANARIES_REMEMBERED_MAX, DRILL_AHEAD_MS};
use crate::node::{Node, Turn};
use minicbor::{Decode, Encode};
use quorate_charter::limits::CUSTODIANS_MAX;
use quorate_charter::{Custody, CustodyTree, State};
use quorate_client::contract::{DrillView, ErrorBody, ErrorCode, LastDrill, RecordDrill};
use quorate_codec::{Canonical, Digest};
use quorate_engine::{
    BackupFault, CanaryError, Recovery, RecoveryKey, bundle_digest, restored_canary,
};
use quorate_identity::{Name, RecoveryKeyId};
use std::collections::{BTreeMap, BTreeSet};

/// A drill that was verified: its canary is one for the custodians of the charter, and was restored.
/// The only way to one is [`verify`](Self::verify).
#[derive(Debug)]
pub struct VerifiedDrill {
    /// The custody at the head at which it was verified.
    custody: Digest,
    trees: Vec<CustodyTree>,
    last: Held,
}

/// Why a drill is not recorded; the fault of whoever brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DrillError {
    /// Its canary was not restored.
    #[error("this canary: {0}")]
    Canary(#[from] CanaryError),
    /// Its canary names an author who is no node of the domain.
    #[error("this canary is of no node of the domain")]
    Stranger,
    /// The recovery keys of the charter cannot be read, which nobody votes for.
    #[error("the custodians' recovery keys cannot be read")]
    Custody,
    /// The keys of those who took part do not ascend.
    #[error("the keys of those who took part do not ascend")]
    Order,
    /// Somebody is said to have taken part who restores nothing by this tree.
    #[error("somebody is said to have taken part who is no custodian of this canary")]
    Unknown,
    /// Those who are said to have taken part do not restore.
    #[error("those who are said to have taken part do not restore this canary")]
    TooFew,
    /// It was finished before it was started.
    #[error("this drill was finished before it was started")]
    Times,
}

impl VerifiedDrill {
    /// Verifies a drill against the charter (GOV-55).
    ///
    /// Cost: that of verifying a backup of one secret.
    ///
    /// # Errors
    /// [`DrillError`].
    pub fn verify(state: &State, by: Name, drill: &RecordDrill) -> Result<Self, DrillError> {
        let RecordDrill { canary, secret, took_part, started_ms, finished_ms } = drill;
        if !took_part.is_sorted_by(|left, right| left < right) {
            return Err(DrillError::Order);
        }
        if started_ms > finished_ms {
            return Err(DrillError::Times);
        }
        let custody = state.custody();
        let restored = |tree: CustodyTree| {
            let recovery = recovery(custody, tree).ok_or(DrillError::Custody)?;
            let author = restored_canary(&canary.0, state.genesis(), &recovery, &secret.0)?;
            state.node(&author).ok_or(DrillError::Stranger)?;
            Ok((tree, recovery))
        };
        // It says itself for which of the two trees it is.
        let (tree, recovery) = match restored(CustodyTree::Seats) {
            Err(DrillError::Canary(CanaryError::Bundle(BackupFault::Recovery))) => {
                restored(CustodyTree::Keys)?
            }
            other => other?,
        };
        let present: BTreeSet<RecoveryKeyId> = took_part.iter().copied().collect();
        if !present.is_subset(&recovery.tree().parties()) {
            return Err(DrillError::Unknown);
        }
        if !recovery.tree().satisfied(&present) {
            return Err(DrillError::TooFew);
        }
        let same = |it: &CustodyTree| it.of(custody) == tree.of(custody);
        let last = Held {
            canary: bundle_digest(&canary.0),
            started_ms: *started_ms,
            finished_ms: *finished_ms,
            by,
            took_part: present.into_iter().collect(),
        };
        let trees = CustodyTree::ALL.into_iter().filter(same).collect();
        Ok(Self { custody: state.custody_digest(), trees, last })
    }
}

/// Who restores by a tree, with their keys.
fn recovery(custody: &Custody, tree: CustodyTree) -> Option<Recovery> {
    let keys = custody.custodians.iter().map(|custodian| {
        Some((custodian.name.clone(), RecoveryKey::from_bytes(&custodian.key).ok()?))
    });
    let keys: BTreeMap<Name, RecoveryKey> = keys.collect::<Option<_>>()?;
    Recovery::over(tree.of(custody), &keys)
}

/// The drills of both trees.
#[derive(Default)]
pub(crate) struct Drills(BTreeMap<CustodyTree, Book>);

/// What this node knows of the drills of a tree: a row, by the number of the tree.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Book {
    /// The custody that it is about.
    #[n(0)]
    custody: Digest,
    /// Since when the node knows that custody.
    #[n(1)]
    since_ms: u64,
    /// The drill of these custodians that was finished last.
    #[n(2)]
    last: Option<Held>,
    /// When the drill was finished in which the holder of a key took part last; also for custodies
    /// before, as long as the key is enrolled.
    #[n(3)]
    custodians: Vec<(RecoveryKeyId, u64)>,
    /// Canaries that counted, oldest first: each counts once.
    #[n(4)]
    counted: Vec<Digest>,
}

/// A drill.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Held {
    #[n(0)]
    canary: Digest,
    #[n(1)]
    started_ms: u64,
    #[n(2)]
    finished_ms: u64,
    #[n(3)]
    by: Name,
    #[n(4)]
    took_part: Vec<RecoveryKeyId>,
}

impl Canonical for Book {
    const BYTES_MAX: usize = 256
        + 2 * CUSTODIANS_MAX * (RecoveryKeyId::BYTES_MAX + 16)
        + CANARIES_REMEMBERED_MAX * RecoveryKeyId::BYTES_MAX;
}

impl Book {
    fn of(custody: Digest, since_ms: u64) -> Self {
        let (custodians, counted) = (Vec::new(), Vec::new());
        Self { custody, since_ms, last: None, custodians, counted }
    }

    /// Takes a drill. Told again it changes nothing but who took part: nothing gets newer by it.
    fn note(&mut self, held: &Held) -> Result<(), ErrorBody> {
        let told_again = self.last.as_mut().filter(|it| it.canary == held.canary);
        let finished_ms = match told_again {
            // Somebody else's word adds nobody to what is kept under the first one's name.
            Some(last) if last.started_ms == held.started_ms && last.by != held.by => return Ok(()),
            Some(last) if last.started_ms == held.started_ms => {
                let all: BTreeSet<_> = last.took_part.iter().chain(&held.took_part).collect();
                last.took_part = all.into_iter().copied().collect();
                last.finished_ms
            }
            _ if self.counted.contains(&held.canary) => {
                let message = "this canary was restored in a drill that was recorded before";
                let next = "export another backup, and hold a drill with that";
                return Err(ErrorBody::new(ErrorCode::BadStatement, message, next));
            }
            _ => {
                self.counted.push(held.canary);
                let over = self.counted.len().saturating_sub(CANARIES_REMEMBERED_MAX);
                self.counted.drain(..over);
                if self.last.as_ref().is_none_or(|last| last.finished_ms <= held.finished_ms) {
                    self.last = Some(held.clone());
                }
                held.finished_ms
            }
        };
        for key in &held.took_part {
            match self.custodians.iter_mut().find(|(it, _)| it == key) {
                Some((_, at)) => *at = finished_ms.max(*at),
                None => self.custodians.push((*key, finished_ms)),
            }
        }
        Ok(())
    }

    fn view(&self, tree: CustodyTree, every_ms: Millis) -> DrillView {
        let last = self.last.as_ref().map_or(0, |last| last.finished_ms).max(self.since_ms);
        DrillView {
            tree: tree.to_string(),
            since_ms: self.since_ms,
            due_ms: last.saturating_add(every_ms),
            last: self.last.clone().map(|last| LastDrill {
                canary: last.canary,
                started_ms: last.started_ms,
                finished_ms: last.finished_ms,
                by: last.by,
                took_part: last.took_part,
            }),
        }
    }
}

impl Drills {
    /// Reads a row; whether it could be read.
    pub fn load(&mut self, key: &[u8], row: &[u8]) -> bool {
        let tree = CustodyTree::ALL.into_iter().find(|tree| row_key(*tree) == *key);
        let read = tree.zip(quorate_codec::from_bytes(row).ok());
        read.map(|(tree, book)| self.0.insert(tree, book)).is_some()
    }

    /// When the drill was finished in which the holder of a key is said to have taken part last.
    pub fn of(&self, key: &RecoveryKeyId) -> Option<u64> {
        let all = self.0.values().flat_map(|book| &book.custodians);
        all.filter(|(it, _)| it == key).map(|(_, at)| *at).max()
    }
}

impl Node {
    /// Begins to wait for drills of custodians whom the charter did not have before.
    pub(crate) fn look_at_drills(&mut self, turn: &mut Turn<'_>) {
        let custody = self.state.custody_digest();
        let enrolled: BTreeSet<RecoveryKeyId> =
            self.state.custody().custodians.iter().map(|it| it.key_id()).collect();
        for tree in CustodyTree::ALL {
            let before = self.drills.0.remove(&tree);
            let is_new = before.as_ref().is_none_or(|book| book.custody != custody);
            let mut book = before.unwrap_or_else(|| Book::of(custody, turn.now));
            if is_new {
                (book.custody, book.since_ms, book.last) = (custody, turn.now, None);
                book.custodians.retain(|(key, _)| enrolled.contains(key));
                turn.out.writes.push(row(tree, &book));
            }
            self.drills.0.insert(tree, book);
        }
    }

    /// Somebody brings a drill that was verified at a head.
    pub(crate) fn record_drill(
        &mut self,
        drill: &VerifiedDrill,
        turn: &mut Turn<'_>,
    ) -> Result<(), ErrorBody> {
        let refused =
            |message: &str, next: &str| ErrorBody::new(ErrorCode::BadStatement, message, next);
        let VerifiedDrill { custody, trees, last } = drill;
        if *custody != self.state.custody_digest() {
            let message = "the charter has other custodians since";
            return Err(refused(message, "export another backup, and hold a drill with that"));
        }
        if last.finished_ms > turn.now.saturating_add(DRILL_AHEAD_MS) {
            let message = "this drill is not finished yet by the clock of this node";
            return Err(refused(message, "set right whichever clock is wrong, and bring it again"));
        }
        let mut noted = Vec::new();
        for tree in trees {
            let mut book = self.drills.0.get(tree).cloned();
            let book = book.get_or_insert_with(|| Book::of(*custody, turn.now));
            book.note(last)?;
            noted.push((*tree, book.clone()));
        }
        let mut is_news = false;
        for (tree, book) in noted {
            if self.drills.0.get(&tree) != Some(&book) {
                turn.out.writes.push(row(tree, &book));
                turn.out.barrier = Barrier::Full;
                self.drills.0.insert(tree, book);
                is_news = true;
            }
        }
        if is_news {
            let named = |key| self.state.custody().custodians.iter().find(|it| it.key_id() == key);
            let names = last.took_part.iter().filter_map(|key| Some(named(*key)?.name.to_string()));
            let names = names.collect::<Vec<_>>().join(", ");
            let text = format!("a canary was restored in a drill; {} says by {names}", last.by);
            self.audit(text, &[], turn);
        }
        Ok(())
    }

    /// The drills of both trees.
    pub(crate) fn view_drills(&self) -> Vec<DrillView> {
        let every_ms = self.pace.drill_every_ms;
        self.drills.0.iter().map(|(tree, book)| book.view(*tree, every_ms)).collect()
    }
}

/// The tree's number, as rows and forms have it.
fn row_key(tree: CustodyTree) -> [u8; 1] {
    match tree {
        CustodyTree::Seats => [0],
        CustodyTree::Keys => [1],
    }
}

fn row(tree: CustodyTree, book: &Book) -> Write {
    Write::put(Table::Drill, row_key(tree), quorate_codec::to_bytes(book))
}
