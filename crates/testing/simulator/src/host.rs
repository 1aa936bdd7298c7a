//! One simulated machine: a node, its disk, and the loop around them, as the real driver runs it.

use crate::disk::Disk;
use crate::faults::{Coverage, EpochWrite, Fault, Side};
use crate::mutant::Mutant;
use quorate_charter::{Ahead, GenesisFile, Program};
use quorate_engine::Backups;
use quorate_identity::{Name, NodeSecrets};
use quorate_machine::boot::{BootError, BootPlan};
use quorate_machine::call::{Answer, Call, Caller};
use quorate_machine::cores::one_by_one;
use quorate_machine::durable::{Table, Write};
use quorate_machine::event::{Barrier, CallId, Event, Millis, Output};
use quorate_machine::limits::Pace;
use quorate_machine::node::Node;
use quorate_testkit::custodians::Reduced;
use quorate_testkit::world::{VERSION, program};
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use std::collections::BTreeSet;

/// The release that comes out while a world lives.
pub const NEXT_VERSION: &str = "1.1.0";

/// One machine.
pub struct Host {
    /// Its name.
    pub name: Name,
    /// What survives a crash.
    pub disk: Disk,
    /// An older copy of the disk, which an operator may restore by mistake.
    pub old: Option<Disk>,
    /// The running node.
    pub node: Option<Node>,
    /// Counts the starts: what an earlier life began is lost.
    pub life: u64,
    /// How far its clock is from the world's, in milliseconds.
    pub skew: i64,
    /// Which release its operator installed.
    pub version: &'static str,
    /// A bug that was planted in it.
    pub mutant: Option<Mutant>,
    /// When its operator looks again whether it lapsed.
    pub look_at: Millis,
    stopped_at: Option<Millis>,
    outputs: Vec<Output>,
    lazy: Vec<Write>,
    /// The rows that the newest commit changed, as they were, if it was a light one.
    behind: Vec<Write>,
    rng: ChaCha20Rng,
    seed: u64,
}

/// How the machine goes through a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nothing goes wrong.
    Lives,
    /// It dies before the writes are durable.
    DiesBefore,
    /// It dies after them, before anything left.
    DiesAfter,
}

impl Host {
    /// A machine with this disk, switched off.
    pub fn new(name: Name, disk: Disk, seed: u64) -> Self {
        Self {
            name,
            disk,
            old: None,
            node: None,
            life: 0,
            skew: 0,
            version: VERSION,
            mutant: None,
            look_at: 0,
            stopped_at: None,
            outputs: Vec::new(),
            lazy: Vec::new(),
            behind: Vec::new(),
            rng: ChaCha20Rng::seed_from_u64(seed),
            seed,
        }
    }

    /// What its own clock shows.
    pub fn clock(&mut self, now: Millis) -> Millis {
        let time = now.saturating_add_signed(self.skew);
        if self.mutant == Some(Mutant::StopsItsClock) {
            return *self.stopped_at.get_or_insert(time);
        }
        time
    }

    /// What it runs.
    pub fn program(&self) -> Program {
        program(self.version)
    }

    /// Starts the node from its disk.
    ///
    /// # Errors
    /// The node refuses its disk.
    pub fn start(
        &mut self,
        file: &GenesisFile,
        secrets: NodeSecrets,
        now: Millis,
    ) -> Result<Handled, BootError> {
        self.life += 1;
        if self.mutant == Some(Mutant::RepeatsRandomness) {
            self.rng = ChaCha20Rng::seed_from_u64(self.seed);
        }
        let now = self.clock(now);
        // Nothing fits one answer, so that all is asked for in parts.
        let pace = Pace { records_per_answer: 1, ..Pace::default() };
        let (file, records) = (file.clone(), self.disk.records());
        let proofs = Backups::of::<Reduced>();
        let program = match self.mutant {
            Some(Mutant::ClaimsANewerProgram) => program(NEXT_VERSION),
            _ => self.program(),
        };
        let look_ahead = Ahead::nothing;
        let cores = one_by_one;
        let plan =
            BootPlan { file, secrets, records, pace, proofs, program, look_ahead, cores, now };
        let (node, output) = Node::boot(plan, &mut self.rng)?;
        self.node = Some(node);
        Ok(self.take(output))
    }

    /// Lets the node handle an event. The output waits for [`commit`](Self::commit); its jobs are
    /// handed back at once, and so is what a planted bug lets out too early.
    pub fn handle(&mut self, now: Millis, event: Event) -> Option<Handled> {
        let now = self.clock(now);
        let node = self.node.as_mut()?;
        let output = node.handle(now, event, &mut self.rng);
        Some(self.take(output))
    }

    /// Puts an output in the queue of the committing thread.
    fn take(&mut self, mut output: Output) -> Handled {
        let jobs = std::mem::take(&mut output.jobs);
        let wake_at = output.wake_at.map(|at| at.saturating_add_signed(-self.skew));
        let mut early = Output::default();
        early.envelopes.append(&mut output.early);
        if self.mutant == Some(Mutant::SendsBeforeWriting) {
            early.envelopes.append(&mut output.envelopes);
            early.replies.append(&mut output.replies);
        }
        self.outputs.push(output);
        Handled { jobs, wake_at, early }
    }

    /// What the node answers to a read, outside of everything that goes wrong.
    pub fn ask(&mut self, now: Millis, caller: Caller, call: Call) -> Option<Answer> {
        let now = self.clock(now);
        let id = CallId(u64::MAX);
        let event = Event::Call { id, caller, call: Box::new(call) };
        let mut output = self.node.as_mut()?.handle(now, event, &mut self.rng);
        let position = output.replies.iter().position(|reply| reply.id == id);
        let answer = position.map(|position| output.replies.remove(position).answer);
        self.outputs.push(output);
        answer
    }

    /// What the node made of its newest event, until that is committed.
    pub fn made(&self) -> Option<&Output> {
        self.outputs.last()
    }

    /// Whether an output waits.
    pub fn has_outputs(&self) -> bool {
        !self.outputs.is_empty()
    }

    /// Which tables a commit now would change, if it had to be durable.
    pub fn writes_ahead(&self) -> BTreeSet<Table> {
        if !self.outputs.iter().any(|output| output.barrier.holds()) {
            return BTreeSet::new();
        }
        let waiting = self.outputs.iter().flat_map(|output| &output.writes);
        waiting.chain(&self.lazy).map(|write| write.table).collect()
    }

    /// Whether a commit now would be a step towards an epoch after the first.
    pub fn is_epoch_ahead(&self) -> bool {
        let waiting = self.outputs.iter().flat_map(|output| &output.writes);
        waiting.chain(&self.lazy).any(|write| EpochWrite::of(write).is_some())
    }

    /// Makes what waits durable if it must be, and releases the outputs in order (NOD-01). What
    /// comes back has left the machine.
    pub fn commit(&mut self, fate: Fate, coverage: &mut Coverage) -> Vec<Output> {
        let tables = self.writes_ahead();
        let mut outputs = std::mem::take(&mut self.outputs);
        let barrier = outputs.iter().map(|output| output.barrier).max().unwrap_or_default();
        self.lazy.extend(outputs.iter_mut().flat_map(|output| std::mem::take(&mut output.writes)));
        let steps: Vec<EpochWrite> = self.lazy.iter().filter_map(EpochWrite::of).collect();
        if fate == Fate::DiesBefore {
            coverage.hit_epoch(&steps, Side::Before);
            coverage.hit(Fault::CrashBeforeWrite);
            tables.iter().for_each(|table| coverage.hit_write(*table, Side::Before));
            self.spoil(coverage);
            self.crash();
            return Vec::new();
        }
        if barrier.holds() {
            let mutant = self.mutant;
            let mut kept = std::mem::take(&mut self.lazy);
            if let Some(mutant) = mutant {
                mutant.bend(&mut kept, &self.disk);
            }
            self.behind = match barrier {
                Barrier::Light => self.disk.inverse(&kept),
                Barrier::None | Barrier::Full => Vec::new(),
            };
            self.disk.commit(&kept);
        }
        if fate == Fate::DiesAfter {
            coverage.hit_epoch(&steps, Side::After);
            coverage.hit(Fault::CrashAfterWrite);
            tables.iter().for_each(|table| coverage.hit_write(*table, Side::After));
            self.spoil(coverage);
            self.crash();
            return Vec::new();
        }
        outputs
    }

    /// The disk may spoil what it wrote last: a light commit is then as if it never was (STO-10).
    fn spoil(&mut self, coverage: &mut Coverage) {
        if !self.behind.is_empty() && self.rng.next_u32().is_multiple_of(4) {
            coverage.hit(Fault::Spoiled);
            self.disk.commit(&self.behind);
        }
    }

    /// The machine loses power.
    pub fn crash(&mut self) {
        self.node = None;
        self.life += 1;
        self.outputs.clear();
        self.lazy.clear();
        self.behind.clear();
    }
}

/// What a node's handling of an event sets in motion.
pub struct Handled {
    /// Arithmetic to run.
    pub jobs: Vec<quorate_machine::job::Job>,
    /// When it wants to be woken, on the world's clock.
    pub wake_at: Option<Millis>,
    /// What need not wait, and what a planted bug lets out with it.
    pub early: Output,
}
