//! The world: one clock, one seed, one queue of happenings.

use crate::ceding::{DELAY_MS, refuses, shown_cessions};
use crate::check::{Checkers, going_on, unsettled};
use crate::disk::Disk;
use crate::faults::{Coverage, Fault, Milestone};
use crate::host::{Fate, Handled, Host};
use crate::liar::{Heard, Liar};
use crate::machines::{Newcomer, Vacant};
use crate::mutant::Mutant;
use crate::net::Net;
use crate::people::People;
use crate::ready;
use crate::report::Report;
use quorate_charter::{CertifiedEntry, State};
use quorate_codec::{Digest, Transcript, tag};
use quorate_identity::{NodeId, NodeSecrets, RequestId, Scheme};
use quorate_machine::boot::BootError;
use quorate_machine::call::{Call, Caller, View};
use quorate_machine::durable::Table;
use quorate_machine::event::{Envelope, Event, Millis, Output};
use quorate_machine::ingress;
use quorate_machine::job::{Job, JobResult};
use quorate_testkit::founding::Founding;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How far a clock may be off, in milliseconds.
const SKEW_MAX_MS: u32 = 60_000;

/// What somebody tells one node, which must not forget it.
const TOLD: [Table; 3] = [Table::Freeze, Table::Cession, Table::Possession];

/// When every world begins, in milliseconds since 1970.
pub const DAWN: Millis = 1_800_000_000_000;
/// How long a healed world may take until everything has ended.
const HEALING_MS: Millis = 30 * 60_000;

/// What a run is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Story {
    /// Keys exist; messages are signed. Replays byte for byte.
    Schnorr,
    /// Nothing exists: the first key is made among faults. Replays byte for byte.
    Birth,
    /// An ECDSA key and its pair set-ups exist.
    Ecdsa,
    /// A key is moved from tree to tree among five signers, again and again. Replays byte for
    /// byte.
    Epochs,
    /// Two signers of five are cut off while the charter moves on.
    Withheld,
    /// The domain succeeds another one, whose key is restored among faults. Replays byte for byte.
    Succession,
    /// People change everything, one against another: policies, people, rules, nodes, freezes.
    /// Replays byte for byte.
    Governance,
}

/// One run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Decides everything.
    pub seed: u64,
    /// What it is about.
    pub story: Story,
    /// Events until the world heals.
    pub events: u64,
    /// A bug to plant.
    pub mutant: Option<Mutant>,
}

/// Runs a seed to its end.
pub fn run(plan: Plan) -> Report {
    let mut world = World::new(plan);
    world.live();
    world.heal();
    world.report()
}

/// Something that is going to happen.
#[allow(clippy::large_enum_variant, reason = "moved once or twice")]
pub(crate) enum Happening {
    Frame { from: NodeId, to: NodeId, era: u64, bytes: Vec<u8> },
    Job { host: NodeId, life: u64, job: Job },
    Commit { host: NodeId, life: u64 },
    Tick { host: NodeId, life: u64 },
    Start { host: NodeId },
    Link { a: NodeId, b: NodeId },
    People,
    Mischief,
}

/// A running world.
pub(crate) struct World {
    plan: Plan,
    pub(crate) founding: Arc<Founding>,
    pub(crate) now: Millis,
    fate: ChaCha20Rng,
    queue: BTreeMap<(Millis, u64), Happening>,
    numbered: u64,
    pub(crate) hosts: BTreeMap<NodeId, Host>,
    ticks: BTreeMap<NodeId, Millis>,
    net: Net,
    pub(crate) people: People,
    pub(crate) checkers: Checkers,
    pub(crate) coverage: Coverage,
    trace: Digest,
    liar: Option<NodeId>,
    /// What the liar heard.
    heard: Heard,
    pub(crate) rolled: Option<NodeId>,
    /// The machine in a seat that was taken, by the seed of its keys.
    pub(crate) heirs: BTreeMap<NodeId, [u8; 32]>,
    /// A seat whose machine is lost, until another one takes it.
    pub(crate) vacant: Option<Vacant>,
    /// Whether fewer vote than at the founding, or may soon.
    pub(crate) is_thin: bool,
    /// Machines that were to join.
    pub(crate) newcomers: Vec<Newcomer>,
    pub(crate) healed: bool,
    /// Entries of the charter with which it began.
    began_at: usize,
}

impl World {
    fn new(plan: Plan) -> Self {
        let (founding, mut disks) = ready::world(plan.story);
        if plan.story == Story::Ecdsa && plan.seed.is_multiple_of(4) {
            ready::lose_a_pair(&founding, &mut disks);
        }
        let mut world = Self::of(plan, founding, disks);
        world.now = DAWN + ready::AGE_MS;
        // one voter in four lies in every second world; never one in which a bug is looked for
        let ids: Vec<NodeId> = world.hosts.keys().copied().collect();
        let lies = world.draw(2) == 0 && plan.mutant.is_none();
        let liar = lies.then(|| ids[world.draw(ids.len() as u32) as usize]);
        world.liar = liar;
        let liars = liar.into_iter().collect::<BTreeSet<_>>();
        world.checkers = Checkers::new(Arc::clone(&world.founding), liars);
        let disks = world.hosts.iter().map(|(id, host)| (*id, &host.disk));
        world.checkers.begin(disks);
        let logs = world.hosts.values().map(|host| host.disk.rows(Table::Entry).count());
        world.began_at = logs.max().unwrap_or_default();
        plant(plan, &world.founding, &mut world.hosts);
        for id in ids {
            world.start(id);
        }
        world.after(500, Happening::People);
        world.after(1_000, Happening::Mischief);
        world
    }

    /// A world in which nothing goes wrong, from empty disks: for making what others begin with.
    pub(crate) fn calm(founding: Arc<Founding>, seed: u64) -> Self {
        let plan = Plan { seed, story: Story::Birth, events: 0, mutant: None };
        let mut world = Self::of(plan, founding, BTreeMap::new());
        world.healed = true;
        let ids: Vec<NodeId> = world.hosts.keys().copied().collect();
        for id in ids {
            world.start(id);
        }
        world
    }

    /// A domain whose machines are all off.
    fn of(plan: Plan, founding: Arc<Founding>, disks: BTreeMap<NodeId, Disk>) -> Self {
        let mut fate = ChaCha20Rng::seed_from_u64(plan.seed);
        let mut hosts: BTreeMap<NodeId, Host> = BTreeMap::new();
        for (id, node) in &founding.nodes {
            let disk = disks.get(id).cloned().unwrap_or_default();
            hosts.insert(*id, Host::new(node.name.clone(), disk, fate.next_u64()));
        }
        let checkers = Checkers::new(Arc::clone(&founding), BTreeSet::new());
        Self {
            plan,
            founding,
            now: DAWN,
            fate,
            queue: BTreeMap::new(),
            numbered: 0,
            hosts,
            ticks: BTreeMap::new(),
            net: Net::default(),
            people: People::default(),
            checkers,
            coverage: Coverage::default(),
            trace: Digest::ZERO,
            liar: None,
            heard: Heard::default(),
            rolled: None,
            heirs: BTreeMap::new(),
            vacant: None,
            is_thin: false,
            newcomers: Vec::new(),
            healed: false,
            began_at: 0,
        }
    }

    /// Lives through faults until the plan's number of events.
    fn live(&mut self) {
        while self.coverage.events < self.plan.events && self.step() {}
    }

    /// Everything comes back, nothing goes wrong any more; whatever is open must end (8).
    fn heal(&mut self) {
        let (age, jump) = (self.now - DAWN - ready::AGE_MS, 2 * u64::from(SKEW_MAX_MS));
        if self.story() == Story::Governance && age + jump >= DELAY_MS {
            let seen = format!("{age} ms passed before the world healed");
            self.checkers.broken("the delay of a cession outlives the faults", seen);
        }
        self.healed = true;
        self.net.cut_off.clear();
        let ids: Vec<NodeId> = self.hosts.keys().copied().collect();
        for id in &ids {
            if let Some(host) = self.hosts.get_mut(id) {
                host.skew = 0;
            }
            if self.hosts.get(id).is_some_and(|host| host.node.is_none()) {
                self.start(*id);
            }
            self.reach_everybody(*id);
        }
        let end = self.now + HEALING_MS;
        let mut next_look = self.now + 10_000;
        let mut has_tried = false;
        let mut open = vec!["the world never looked".to_owned()];
        while self.now < end && self.step() {
            if self.now >= next_look {
                next_look = self.now + 10_000;
                self.help();
                if self.is_succession_meant() {
                    open = going_on(self);
                    if open.is_empty() {
                        return self.coverage.reach(Milestone::Ceded, 1);
                    }
                    continue;
                }
                open = unsettled(self);
                if open.is_empty() && has_tried {
                    let people = std::mem::take(&mut self.people);
                    for request in people.unsigned(self) {
                        let seen = format!("request {request} came last and is not signed");
                        self.checkers.broken("8: when faults heal, every key signs", seen);
                    }
                    self.people = people;
                    return;
                }
                if open.is_empty() {
                    has_tried = true;
                    let mut people = std::mem::take(&mut self.people);
                    people.try_keys(self);
                    self.people = people;
                }
            }
        }
        for seen in open {
            self.checkers.broken("8: when faults heal, everything ends", seen);
        }
    }

    /// Runs until `done` says so, at most for so long.
    pub(crate) fn run_until(&mut self, for_ms: Millis, done: impl Fn(&mut Self) -> bool) -> bool {
        let end = self.now + for_ms;
        let mut next_look = self.now;
        while self.now < end && self.step() {
            if self.now >= next_look {
                next_look = self.now + 500;
                if done(self) {
                    return true;
                }
            }
        }
        false
    }

    fn report(mut self) -> Report {
        let endings = crate::people::endings(&mut self);
        let logs = self.hosts.values().map(|host| host.disk.rows(Table::Entry));
        let longest = logs.max_by_key(|log| log.clone().count()).into_iter().flatten();
        let entries = longest.filter_map(|(_, row)| quorate_codec::from_bytes(row).ok());
        // What made it ready was placed in a calm world.
        let log: Vec<CertifiedEntry> = entries.skip(self.began_at).collect();
        self.coverage.place(&log);
        let refused = log.iter().filter(|entry| refuses(entry)).count();
        self.coverage.reach(Milestone::Refused, refused as u64);
        Report {
            seed: self.plan.seed,
            trace: self.trace,
            coverage: self.coverage,
            violations: self.checkers.violations,
            endings,
        }
    }

    /// The next happening; false when nothing is left to happen.
    fn step(&mut self) -> bool {
        let Some(((at, _), happening)) = self.queue.pop_first() else { return false };
        self.now = self.now.max(at);
        match happening {
            Happening::Frame { from, to, era, bytes } => self.arrive(from, to, era, &bytes),
            Happening::Job { host, life, job } => self.run_job(host, life, job),
            Happening::Commit { host, life } => self.commit(host, life),
            Happening::Tick { host, life } => {
                if self.is_life(host, life) && self.ticks.get(&host) == Some(&at) {
                    self.ticks.remove(&host);
                    self.handle(host, Event::Tick);
                }
            }
            Happening::Start { host } => self.start(host),
            Happening::Link { a, b } => self.link(a, b),
            Happening::People => {
                if !self.healed {
                    let mut people = std::mem::take(&mut self.people);
                    people.act(self);
                    self.people = people;
                    // administrators who work against each other are quick
                    let most = if self.story() == Story::Governance { 500 } else { 1_500 };
                    let pause = 200 + u64::from(self.draw(most));
                    self.after(pause, Happening::People);
                }
            }
            Happening::Mischief => self.mischief(),
        }
        true
    }

    // ---- hosts

    fn start(&mut self, id: NodeId) {
        if self.vacant.as_ref().is_some_and(|vacant| vacant.node == id) {
            return;
        }
        if self.hosts.get(&id).is_none_or(|host| host.node.is_some()) {
            return;
        }
        self.install(id);
        let secrets = self.secrets(id);
        let is_revoked = self.checkers.newest().node(&id).is_none();
        let Some(host) = self.hosts.get_mut(&id) else { return };
        let handled = host.start(&self.founding.file, secrets, self.now);
        if is_revoked && matches!(handled, Err(BootError::NotNamed)) {
            // Who heard that it was thrown out, and crashed, stays off.
            return self.note("revoked", &id, &[]);
        }
        let handled = handled.expect("a node starts from its disk");
        self.note("start", &id, &[]);
        let stands = self.hosts[&id].node.as_ref().map(|node| node.state());
        self.look_at_program(id, stands.as_deref());
        self.observe(id);
        self.follow(id, handled);
        shown_cessions(self, id, false);
        self.show_recovery_keys(id);
        self.reach_everybody(id);
    }

    /// The keys of the machine that is in a node's seat.
    pub(crate) fn secrets(&self, id: NodeId) -> NodeSecrets {
        match self.heirs.get(&id) {
            Some(seed) => NodeSecrets::generate(&mut ChaCha20Rng::from_seed(*seed)),
            None => self.founding.nodes[&id].secrets(),
        }
    }

    /// Custodians show a node that they hold their keys, as often as it has forgotten.
    fn show_recovery_keys(&mut self, id: NodeId) {
        let now = self.now;
        let ada = self.founding.actor("ada");
        let caller = || Caller::new(&self.founding.state, ada);
        let Some(host) = self.hosts.get_mut(&id) else { return };
        let Some(caller) = caller() else { return };
        if let Some(Ok(View::Custody(view))) = host.ask(now, caller.clone(), Call::Custody) {
            for answer in self.founding.answers(&view) {
                host.ask(now, caller.clone(), answer);
            }
        }
    }

    fn reach_everybody(&mut self, id: NodeId) {
        let others: Vec<NodeId> = self.hosts.keys().copied().filter(|other| *other != id).collect();
        for other in others {
            let pause = 5 + u64::from(self.draw(100));
            self.after(pause, Happening::Link { a: id, b: other });
        }
    }

    /// Hands a node an event and sets in motion what follows.
    pub(crate) fn handle(&mut self, id: NodeId, event: Event) {
        let Some(host) = self.hosts.get_mut(&id) else { return };
        let before = host.node.as_ref().map(|node| node.state());
        let Some(handled) = host.handle(self.now, event) else { return };
        self.coverage.events += 1;
        self.look_at_program(id, before.as_deref());
        self.observe(id);
        self.follow(id, handled);
    }

    /// Shows the checkers what a node made of an event, in a story in which versions are required.
    fn look_at_program(&mut self, id: NodeId, before: Option<&State>) {
        let Some(before) = before.filter(|_| self.story() == Story::Governance) else { return };
        let host = &self.hosts[&id];
        let program = host.program();
        if let Some(output) = host.made() {
            self.checkers.made(id, &program, before, output);
        }
        if !before.allows(&program) {
            self.coverage.reach(Milestone::Outdated, 1);
        }
    }

    /// Shows the checkers where a node stands.
    fn observe(&mut self, id: NodeId) {
        let host = &self.hosts[&id];
        if let Some(node) = &host.node {
            let clock = self.now.saturating_add_signed(host.skew);
            let before = self.checkers.newest().position();
            self.checkers.stands(id, &node.state(), self.now, clock);
            // Who was thrown out stops at once.
            if node.halted().is_some() && node.state().node(&id).is_some() {
                self.checkers.stopped(id);
            }
            let newest = self.checkers.newest();
            if newest.position() > before {
                self.people.governing.follow(&newest, self.now);
            }
        }
    }

    /// Sets in motion what a node wants done.
    fn follow(&mut self, id: NodeId, handled: Handled) {
        let life = self.hosts[&id].life;
        for job in handled.jobs {
            let takes = 1 + u64::from(self.draw(12));
            self.after(takes, Happening::Job { host: id, life, job });
        }
        self.release(id, handled.early);
        self.wake(id, handled.wake_at);
        self.plan_commit(id);
    }

    fn wake(&mut self, host: NodeId, at: Option<Millis>) {
        let Some(at) = at.map(|at| at.max(self.now + 1)) else { return };
        if self.ticks.get(&host).is_none_or(|known| at < *known || *known < self.now) {
            self.ticks.insert(host, at);
            let life = self.hosts[&host].life;
            self.numbered += 1;
            self.queue.insert((at, self.numbered), Happening::Tick { host, life });
        }
    }

    fn plan_commit(&mut self, id: NodeId) {
        let host = &self.hosts[&id];
        if host.has_outputs() {
            let life = host.life;
            let takes = 1 + u64::from(self.draw(4));
            self.after(takes, Happening::Commit { host: id, life });
        }
    }

    fn commit(&mut self, id: NodeId, life: u64) {
        if !self.is_life(id, life) || !self.hosts[&id].has_outputs() {
            return;
        }
        let fate = self.draw_fate(id);
        let Some(host) = self.hosts.get_mut(&id) else { return };
        let tables = host.writes_ahead();
        let outputs = host.commit(fate, &mut self.coverage);
        if tables.contains(&Table::Share) || tables.contains(&Table::EpochRecord) {
            self.look_at_disk(id, false);
        }
        if fate == Fate::Lives {
            for output in outputs {
                self.release(id, output);
            }
        } else {
            self.note("crash", &id, &[]);
            self.died(id);
        }
    }

    pub(crate) fn look_at_disk(&mut self, id: NodeId, restored: bool) {
        for milestone in self.checkers.wrote(id, &self.hosts[&id].disk, restored) {
            self.coverage.reach(milestone, 1);
        }
    }

    /// Whether this commit is survived. Writes that are rare are worth more crashes.
    fn draw_fate(&mut self, id: NodeId) -> Fate {
        if self.healed {
            return Fate::Lives;
        }
        let tables = self.hosts[&id].writes_ahead();
        let rare = [
            Table::Votes,
            Table::Entry,
            Table::Share,
            Table::EpochRecord,
            Table::Motion,
            Table::Incarnation,
            Table::Attempt,
        ];
        let rarest = [Table::Quarantine, Table::Export, Table::Pair];
        let rarest = rarest.into_iter().find(|table| tables.contains(table));
        let has = |those: &[Table]| tables.iter().any(|table| those.contains(table));
        let likely = match rarest.is_some() || has(&[Table::Summand]) {
            true => 600,
            false if self.hosts[&id].is_epoch_ahead() || has(&TOLD) => 90,
            false if has(&rare) => 25,
            false => 4,
        };
        let likely = match self.plan.mutant {
            Some(_) if likely < 90 => likely * 6,
            _ => likely,
        };
        if tables.is_empty() || self.draw(1_000) >= likely {
            return Fate::Lives;
        }
        // So rare that chance may miss a side in all worlds: these take turns.
        let before = match rarest {
            Some(table) => self.coverage.is_turn(table, self.plan.seed / 4),
            None => self.draw(2) == 0,
        };
        if before { Fate::DiesBefore } else { Fate::DiesAfter }
    }

    /// A machine is off: its channels break, and it comes back after a while.
    pub(crate) fn died(&mut self, id: NodeId) {
        self.ticks.remove(&id);
        let others: Vec<NodeId> = self.hosts.keys().copied().filter(|other| *other != id).collect();
        for other in others {
            if self.net.sever(id, other) {
                self.handle(other, Event::Disconnected(id));
            }
        }
        // What a bug lost is missed soon, or not at all.
        let most = if self.plan.mutant.is_some() { 2_000 } else { 20_000 };
        let off = 200 + u64::from(self.draw(most));
        self.after(off, Happening::Start { host: id });
    }

    fn is_life(&self, id: NodeId, life: u64) -> bool {
        self.hosts.get(&id).is_some_and(|host| host.life == life && host.node.is_some())
    }

    fn run_job(&mut self, id: NodeId, life: u64, job: Job) {
        if !self.is_life(id, life) {
            return;
        }
        let number = job.id;
        let lost = !self.healed && self.draw(400) == 0;
        let result = if lost {
            self.coverage.hit(Fault::JobLost);
            JobResult::Lost
        } else {
            job.run()
        };
        self.handle(id, Event::JobDone { id: number, result });
    }

    // ---- what leaves a host

    fn release(&mut self, id: NodeId, output: Output) {
        for alarm in &output.alarms {
            self.checkers.alarmed(id, alarm);
        }
        for envelope in output.envelopes {
            self.note("sent", &id, &envelope.bytes);
            self.checkers.sent(id, &envelope, self.now);
            let copies = match self.liar == Some(id) && !self.healed {
                true => self.twist(id, &envelope),
                false => vec![envelope.bytes],
            };
            for bytes in copies {
                self.post(id, envelope.to, bytes);
            }
        }
        for reply in output.replies {
            self.checkers.answered(id, &reply, &self.hosts[&id].disk, self.now);
            self.coverage.reach(Milestone::Given, self.checkers.given());
            self.people.hear(id, reply);
        }
    }

    /// What the liar sends in place of this.
    fn twist(&mut self, node: NodeId, envelope: &Envelope) -> Vec<Vec<u8>> {
        let dice = self.draw(256) as u8;
        let Some(state) = self.hosts[&node].node.as_ref().map(|node| node.state()) else {
            return vec![envelope.bytes.clone()];
        };
        let founders = &self.founding.nodes;
        let lost =
            self.heirs.keys().filter_map(|seat| Some((*seat, founders.get(seat)?.secrets())));
        let mut liar = Liar {
            genesis: self.founding.hash,
            node,
            secrets: founders[&node].secrets(),
            state: &state,
            former: lost.collect(),
            heard: &mut self.heard,
        };
        let (lies, fault) = liar.twist(envelope, dice);
        if let Some(fault) = fault {
            self.coverage.hit(fault);
        }
        lies
    }

    /// Puts a frame on its way, or loses it.
    fn post(&mut self, from: NodeId, to: NodeId, bytes: Vec<u8>) {
        if !self.net.is_up(from, to) {
            return;
        }
        let era = self.net.era(from, to);
        let mut takes = 1 + u64::from(self.draw(8));
        if !self.healed {
            match self.draw(1_000) {
                0..=9 => return self.coverage.hit(Fault::Lost),
                10..=17 => {
                    self.coverage.hit(Fault::Doubled);
                    let again = takes + u64::from(self.draw(2_000));
                    self.after(again, Happening::Frame { from, to, era, bytes: bytes.clone() });
                }
                18..=37 => {
                    self.coverage.hit(Fault::Reordered);
                    takes += u64::from(self.draw(80));
                }
                38..=43 => {
                    self.coverage.hit(Fault::Delayed);
                    takes += 1_000 + u64::from(self.draw(9_000));
                }
                44 => {
                    // the channel's own check fails, and it breaks
                    self.coverage.hit(Fault::Tampered);
                    return self.sever(from, to);
                }
                _ => {}
            }
        }
        self.after(takes, Happening::Frame { from, to, era, bytes });
    }

    fn arrive(&mut self, from: NodeId, to: NodeId, era: u64, bytes: &[u8]) {
        if !self.net.is_up(from, to) || self.net.era(from, to) != era {
            return;
        }
        let Some(node) = self.hosts.get(&to).and_then(|host| host.node.as_ref()) else { return };
        let checked = ingress::check(&node.state(), from, bytes);
        if self.liar == Some(to) {
            self.heard.note(bytes);
        }
        self.note("arrived", &to, bytes);
        // a statement of somebody whom this node does not know yet is dropped, and so is a lie
        if let Ok(frame) = checked {
            self.handle(to, Event::Frame { from, frame: Box::new(frame) });
        }
    }

    fn link(&mut self, a: NodeId, b: NodeId) {
        let both_run = [a, b].iter().all(|id| self.hosts[id].node.is_some());
        if !both_run || !self.net.is_reachable(a, b) {
            return;
        }
        // A channel is pinned to keys of the charter (TRN-10): it waits until both know the other.
        let knows = |one: &NodeId, other: &NodeId| {
            let node = self.hosts[one].node.as_ref();
            node.is_some_and(|node| node.state().node(other).is_some())
        };
        if !knows(&a, &b) || !knows(&b, &a) {
            return self.after(1_000, Happening::Link { a, b });
        }
        if self.net.raise(a, b) {
            self.note("link", &a, b.as_ref());
            self.handle(a, Event::Connected(b));
            self.handle(b, Event::Connected(a));
        }
    }

    fn sever(&mut self, a: NodeId, b: NodeId) {
        if self.net.sever(a, b) {
            self.handle(a, Event::Disconnected(b));
            self.handle(b, Event::Disconnected(a));
            let pause = 100 + u64::from(self.draw(2_000));
            self.after(pause, Happening::Link { a, b });
        }
    }

    // ---- what goes wrong by itself

    fn mischief(&mut self) {
        if self.healed {
            return;
        }
        let ids: Vec<NodeId> = self.hosts.keys().copied().collect();
        let one = ids[self.draw(ids.len() as u32) as usize];
        let other = ids[self.draw(ids.len() as u32) as usize];
        match self.draw(14) {
            0 | 1 if one != other => {
                self.coverage.hit(Fault::Disconnected);
                self.sever(one, other);
            }
            2 => self.partition(one),
            3 | 4 => self.join_again(),
            5 => self.bend_clock(one),
            6 | 7 => {
                if let Some(host) = self.hosts.get_mut(&one) {
                    host.old = Some(host.disk.clone());
                }
            }
            8 => self.restore_old_disk(one),
            9 => self.help(),
            10 => self.lose_a_machine(one),
            _ => {}
        }
        self.settle_the_seat();
        self.let_them_arrive();
        let pause = 500 + u64::from(self.draw(3_000));
        self.after(pause, Happening::Mischief);
    }

    fn partition(&mut self, one: NodeId) {
        if self.plan.story == Story::Withheld {
            return;
        }
        self.coverage.hit(Fault::Partitioned);
        self.cut_off(&[one]);
    }

    /// Cuts nodes off from the others.
    fn cut_off(&mut self, nodes: &[NodeId]) {
        self.net.cut_off.extend(nodes);
        let others: Vec<NodeId> =
            self.hosts.keys().copied().filter(|id| !self.net.cut_off.contains(id)).collect();
        for node in nodes {
            for other in &others {
                if self.net.sever(*node, *other) {
                    self.handle(*node, Event::Disconnected(*other));
                    self.handle(*other, Event::Disconnected(*node));
                }
            }
        }
    }

    fn join_again(&mut self) {
        if self.plan.story == Story::Withheld {
            let isolated = ready::isolated(&self.founding);
            return self.cut_off(&isolated);
        }
        let back = std::mem::take(&mut self.net.cut_off);
        for id in back {
            self.reach_everybody(id);
        }
    }

    fn bend_clock(&mut self, one: NodeId) {
        self.coverage.hit(Fault::ClockSkew);
        let skew = match self.draw(3) {
            0 => 0,
            1 => i64::from(self.draw(8_000)) - 4_000,
            _ => i64::from(self.draw(2 * SKEW_MAX_MS)) - i64::from(SKEW_MAX_MS),
        };
        if let Some(host) = self.hosts.get_mut(&one).filter(|host| host.mutant.is_none()) {
            host.skew = skew;
        }
    }

    fn restore_old_disk(&mut self, one: NodeId) {
        // an old copy may count as a liar until it is noticed: one such node at most (f = 1)
        let one_at_most = self.rolled.is_none_or(|before| before == one);
        let rolls_back = self.may_lose_a_disk() && one_at_most && !self.is_thin;
        let rolls_back = rolls_back && self.vacant.is_none();
        let Some(host) = self.hosts.get_mut(&one).filter(|_| rolls_back) else { return };
        let Some(old) = host.old.take() else { return };
        self.rolled = Some(one);
        host.crash();
        host.disk = old;
        self.look_at_disk(one, true);
        self.people.excuse(one);
        self.checkers.restored(one);
        self.coverage.hit(Fault::RolledBack);
        self.note("restored", &one, &[]);
        self.died(one);
    }

    /// Requests that some node of the domain said it recorded.
    pub(crate) fn recorded(&self, state: &State) -> impl Iterator<Item = &RequestId> {
        let recorded = self.people.recorded.iter();
        recorded.filter(|(_, by)| state.node(by).is_some()).map(|(request, _)| request)
    }

    // ---- the seed

    /// A number below `below`.
    pub(crate) fn draw(&mut self, below: u32) -> u32 {
        self.fate.next_u32() % below.max(1)
    }

    /// Fresh bytes from the seed.
    pub(crate) fn draw_digest(&mut self) -> Digest {
        let mut bytes = [0; 32];
        self.fate.fill_bytes(&mut bytes);
        Digest(bytes)
    }

    /// Whether administrators may take a node its vote, who do not want to need all that are left:
    /// from then on no disk is lost. Nobody could bring back whom all others must vote for.
    pub(crate) fn may_thin(&mut self) -> bool {
        self.is_thin |= self.rolled.is_none();
        self.is_thin
    }

    /// Whether some node may come back from an old copy of its disk.
    pub(crate) fn may_lose_a_disk(&self) -> bool {
        self.plan.mutant.is_none() && self.liar.is_none()
    }

    /// Whether a node may lose its machine. In some worlds somebody has the lost one's keys, and shares
    /// them with a voter that lies.
    pub(crate) fn may_lose_a_machine(&self, one: NodeId) -> bool {
        let shares_keys = self.plan.seed % 4 == 3 && self.liar != Some(one);
        self.may_lose_a_disk() || (self.plan.mutant.is_none() && shares_keys)
    }

    /// Whether guardians mean it when they announce that another domain takes over.
    pub(crate) fn is_succession_meant(&self) -> bool {
        let Plan { seed, story, mutant, .. } = self.plan;
        let meant = mutant.map_or(seed % 8 == 5, |it| it == Mutant::ProlongsCessions);
        story == Story::Governance && meant
    }

    /// What the plan is about.
    pub(crate) fn story(&self) -> Story {
        self.plan.story
    }

    /// The planted bug.
    pub(crate) fn mutant(&self) -> Option<Mutant> {
        self.plan.mutant
    }

    pub(crate) fn after(&mut self, pause: Millis, happening: Happening) {
        self.numbered += 1;
        self.queue.insert((self.now + pause, self.numbered), happening);
    }

    pub(crate) fn note(&mut self, what: &str, node: &NodeId, bytes: &[u8]) {
        let before = self.trace;
        let event = Transcript::new(tag::TEST).part(before).part(what).number(self.now);
        self.trace = event.part(node).part(bytes).digest();
    }
}

/// Plants the plan's bug where it does harm.
fn plant(plan: Plan, founding: &Founding, hosts: &mut BTreeMap<NodeId, Host>) {
    let Some(mutant) = plan.mutant else { return };
    let ill = match mutant {
        Mutant::StopsItsClock => ready::isolated(founding),
        // a bug of the product is in every node
        _ => hosts.keys().copied().collect(),
    };
    for id in ill {
        if let Some(host) = hosts.get_mut(&id) {
            host.mutant = Some(mutant);
        }
    }
}

/// Schemes of the keys that a story begins with.
pub(crate) fn schemes(story: Story) -> &'static [(&'static str, Scheme)] {
    match story {
        Story::Birth | Story::Succession => &[],
        Story::Schnorr | Story::Withheld | Story::Epochs | Story::Governance => {
            &[("ops", Scheme::Ed25519)]
        }
        Story::Ecdsa => &[
            ("ops", Scheme::Ed25519),
            ("treasury", Scheme::EcdsaSecp256k1),
            ("releases", Scheme::EcdsaP256),
        ],
    }
}
