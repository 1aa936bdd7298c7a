//! A whole domain in one process: real nodes, an instant network unless it is made [`Slow`], jobs
//! run in place, time that jumps to whatever is next. Everything follows from the seed.

use crate::custodians::Reduced;
use crate::founding::{Founding, FoundingNode, Shape, name};
use quorate_access::Tree;
use quorate_charter::{Ahead, MotionBody, Program, State};
use quorate_client::contract::{
    ErrorBody, HexBytes, RequestState, RequestView, Status, SubmitMotion, SubmitRequest,
    SubmitStatement, routes,
};
use quorate_codec::{Digest, Transcript, tag};
use quorate_engine::Backups;
use quorate_identity::{KeyId, MotionId, NodeId, RequestId, Scheme};
use quorate_intent::Intent;
use quorate_machine::boot::{BootError, BootPlan};
use quorate_machine::call::{self, Answer, Call, Caller, View};
use quorate_machine::cores::one_by_one;
use quorate_machine::durable::{Record, Table, Write};
use quorate_machine::event::{Barrier, CallId, Event, Output};
use quorate_machine::ingress;
use quorate_machine::job::{Job, JobResult};
use quorate_machine::limits::Pace;
use quorate_machine::node::Node;
use quorate_machine::wire::Message;
use quorate_policy::PolicyBundle;
use quorate_policy::request::{Approval, Cancellation, RequestBody, Signed, Statement, Verdict};
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The rows of one node.
pub type Disk = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

/// What becomes of a frame: the messages that arrive in its place.
pub type Wiretap = Box<dyn FnMut(NodeId, NodeId, Message) -> Vec<Message>>;

/// What comes of a node's job; nothing while it is still computed.
pub type Runner = Box<dyn FnMut(NodeId, Job) -> Option<JobResult>>;

/// A domain under test.
pub struct World {
    /// How it was founded.
    pub founding: Founding,
    /// The time at all nodes.
    pub now: u64,
    /// Changes frames on their way.
    pub wiretap: Option<Wiretap>,
    /// Runs a node's job in place of the node.
    pub jobs: Option<Runner>,
    /// How long frames and jobs take; nothing takes no time.
    pub slow: Option<Slow>,
    /// The pace of nodes that start from now on.
    pub pace: Pace,
    hosts: BTreeMap<NodeId, Host>,
    frames: VecDeque<(NodeId, NodeId, Vec<u8>)>,
    work: VecDeque<(NodeId, u64, Job)>,
    /// What is on its way, by when it is there.
    later: BTreeMap<(u64, u64), Later>,
    /// When the last frame of a channel arrives: none overtakes another.
    arrives: BTreeMap<(NodeId, NodeId), u64>,
    numbered: u64,
    cut: BTreeSet<(NodeId, NodeId)>,
    rng: ChaCha20Rng,
    calls: u64,
}

/// How long things take, each time another while, drawn from the seed.
#[derive(Debug, Clone, Copy)]
pub struct Slow {
    /// A frame takes from one to so many milliseconds.
    pub frame_ms: u64,
    /// A job takes from one to so many milliseconds.
    pub job_ms: u64,
}

/// Something under way in a slow world.
#[allow(clippy::large_enum_variant, reason = "moved once or twice")]
enum Later {
    Frame(NodeId, NodeId, Vec<u8>),
    Job(NodeId, u64, Job),
}

/// One machine: a disk, and a node while it runs.
#[derive(Default)]
pub struct Host {
    /// What is durable.
    pub disk: Disk,
    /// The node, while it runs.
    pub node: Option<Node>,
    /// What its alarms said.
    pub alarms: Vec<String>,
    /// Every output: the tables written, whether behind a barrier, and the messages released.
    pub outputs: Vec<Released>,
    /// How far its clock runs ahead.
    pub ahead_ms: u64,
    /// Which version it runs from its next start on; the usual one where nothing is said.
    pub version: Option<&'static str>,
    wake_at: Option<u64>,
    lives: u64,
    replies: BTreeMap<CallId, Answer>,
}

/// One output of a node, in short.
#[derive(Debug, Clone)]
pub struct Released {
    /// Tables with changed rows.
    pub tables: Vec<Table>,
    /// What the messages waited for.
    pub barrier: Barrier,
    /// How many of the messages do not wait for it.
    pub early: usize,
    /// The messages and their receivers.
    pub messages: Vec<(NodeId, Message)>,
}

/// What nodes run.
pub const VERSION: &str = "1.0.0";

/// A program of a version; nothing is hashed here.
pub fn program(version: &str) -> Program {
    let digest = Transcript::new(tag::TEST).part(version.as_bytes()).digest();
    Program { version: version.parse().expect("a version"), digest }
}

/// When everything begins.
const BEGINNING_MS: u64 = 1_700_000_000_000;
/// Steps after which a world that does not settle is broken.
const STEPS_MAX: usize = 400_000;

impl World {
    /// Founds a domain of three signers and a witness and starts all nodes.
    ///
    /// # Panics
    /// It cannot be founded.
    pub fn new(seed: u64) -> Self {
        Self::of(seed, Shape::default())
    }

    /// Founds a domain and starts all nodes.
    ///
    /// # Panics
    /// It cannot be founded.
    pub fn of(seed: u64, shape: Shape) -> Self {
        Self::with(seed, Founding::new(seed, shape))
    }

    /// Founds a domain of three signers and a witness that succeeds another one.
    ///
    /// # Panics
    /// It cannot be founded.
    pub fn succeeding(seed: u64) -> Self {
        Self::with(seed, Founding::succeeding(seed, Shape::default()))
    }

    fn with(seed: u64, founding: Founding) -> Self {
        let nodes: Vec<NodeId> = founding.nodes.keys().copied().collect();
        let mut world = Self {
            pace: Pace::default(),
            founding,
            now: BEGINNING_MS,
            wiretap: None,
            jobs: None,
            slow: None,
            hosts: nodes.iter().map(|node| (*node, Host::default())).collect(),
            frames: VecDeque::new(),
            work: VecDeque::new(),
            later: BTreeMap::new(),
            arrives: BTreeMap::new(),
            numbered: 0,
            cut: BTreeSet::new(),
            rng: ChaCha20Rng::seed_from_u64(seed),
            calls: 0,
        };
        for node in nodes {
            world.start(node);
        }
        world
    }

    /// The id of a node.
    pub fn id(&self, node: &str) -> NodeId {
        self.founding.node(node)
    }

    /// All nodes.
    pub fn nodes(&self) -> Vec<NodeId> {
        self.hosts.keys().copied().collect()
    }

    /// A machine.
    pub fn host(&self, node: &str) -> &Host {
        &self.hosts[&self.founding.node(node)]
    }

    /// A machine, to be tampered with.
    pub fn host_mut(&mut self, node: &str) -> &mut Host {
        let id = self.founding.node(node);
        self.hosts.get_mut(&id).expect("a node")
    }

    /// A machine that runs nothing yet.
    pub fn add(&mut self, id: NodeId, node: FoundingNode) {
        self.founding.nodes.insert(id, node);
        self.hosts.insert(id, Host::default());
    }

    /// The charter state of a node.
    ///
    /// # Panics
    /// It does not run.
    pub fn state(&self, node: &str) -> Arc<State> {
        self.host(node).node.as_ref().expect("a running node").state()
    }

    /// Starts a node from its disk and connects it to all that run.
    ///
    /// # Panics
    /// It does not start.
    pub fn start(&mut self, node: NodeId) {
        self.try_start(node).expect("a node that starts");
    }

    /// Starts a node from its disk.
    ///
    /// # Errors
    /// [`BootError`].
    pub fn try_start(&mut self, node: NodeId) -> Result<(), BootError> {
        let secrets = self.founding.nodes[&node].secrets();
        let host = self.hosts.get_mut(&node).expect("a node");
        let records = records(&host.disk);
        let plan = BootPlan {
            file: self.founding.file.clone(),
            secrets,
            records,
            pace: self.pace,
            proofs: Backups::of::<Reduced>(),
            program: program(host.version.unwrap_or(VERSION)),
            look_ahead: Ahead::of,
            cores: one_by_one,
            now: self.now,
        };
        let (running, output) = Node::boot(plan, &mut self.rng)?;
        host.node = Some(running);
        host.lives += 1;
        self.release(node, output);
        self.show_recovery_keys(node);
        for peer in self.running() {
            if peer != node && !self.cut.contains(&(node, peer)) {
                self.give(node, Event::Connected(peer));
                self.give(peer, Event::Connected(node));
            }
        }
        Ok(())
    }

    /// Custodians show a node that they hold their keys.
    fn show_recovery_keys(&mut self, node: NodeId) {
        if let Ok(View::Custody(view)) = self.ask(node, Call::Custody) {
            for answer in self.founding.answers(&view) {
                self.ask(node, answer).expect("an answer that is taken");
            }
        }
    }

    /// Makes a call as an administrator, whatever a caller could write.
    ///
    /// # Panics
    /// The node does not run.
    pub fn ask(&mut self, node: NodeId, call: Call) -> Answer {
        let ada = self.founding.actor("ada");
        let caller = Caller::new(&self.founding.state, ada).expect("somebody");
        self.ask_as(node, caller, call)
    }

    /// Makes a call as anybody, whatever they could write.
    ///
    /// # Panics
    /// The node does not run.
    pub fn ask_as(&mut self, node: NodeId, caller: Caller, call: Call) -> Answer {
        self.calls += 1;
        let id = CallId(self.calls);
        self.give(node, Event::Call { id, caller, call: Box::new(call) });
        let host = self.hosts.get_mut(&node).expect("a node");
        host.replies.remove(&id).expect("an answer")
    }

    /// Stops a node as a power cut would.
    pub fn stop(&mut self, node: &str) {
        let id = self.id(node);
        let host = self.hosts.get_mut(&id).expect("a node");
        host.node = None;
        host.wake_at = None;
        self.frames.retain(|(from, to, _)| *from != id && *to != id);
        self.work.retain(|(owner, ..)| *owner != id);
        self.later.retain(|_, later| match later {
            Later::Frame(from, to, _) => *from != id && *to != id,
            Later::Job(owner, ..) => *owner != id,
        });
        for peer in self.running() {
            self.give(peer, Event::Disconnected(id));
        }
    }

    /// Cuts or mends the channel between two nodes.
    pub fn cut(&mut self, one: &str, other: &str, is_cut: bool) {
        let (one, other) = (self.id(one), self.id(other));
        let event = |peer| if is_cut { Event::Disconnected(peer) } else { Event::Connected(peer) };
        for (node, peer) in [(one, other), (other, one)] {
            let changed = match is_cut {
                true => self.cut.insert((node, peer)),
                false => self.cut.remove(&(node, peer)),
            };
            if changed {
                self.give(node, event(peer));
            }
        }
    }

    /// Nodes that run.
    pub fn running(&self) -> Vec<NodeId> {
        let running = self.hosts.iter().filter(|(_, host)| host.node.is_some());
        running.map(|(node, _)| *node).collect()
    }

    /// Hands a node an event.
    pub fn give(&mut self, node: NodeId, event: Event) {
        let host = self.hosts.get_mut(&node).expect("a node");
        if let Some(running) = host.node.as_mut() {
            let output = running.handle(self.now + host.ahead_ms, event, &mut self.rng);
            self.release(node, output);
        }
    }

    /// Sends bytes to a node as if a peer had sent them.
    pub fn inject(&mut self, from: NodeId, to: NodeId, message: &Message) {
        self.frames.push_back((from, to, quorate_codec::to_bytes(message)));
    }

    fn release(&mut self, node: NodeId, output: Output) {
        let host = self.hosts.get_mut(&node).expect("a node");
        let lives = host.lives;
        commit(&mut host.disk, &output.writes);
        host.wake_at = output.wake_at.map(|at| at.saturating_sub(host.ahead_ms));
        host.alarms.extend(output.alarms.into_iter().map(|alarm| alarm.text));
        let read = |bytes: &[u8]| quorate_codec::from_bytes(bytes).expect("a message");
        host.outputs.push(Released {
            tables: output.writes.iter().map(|write| write.table).collect(),
            barrier: output.barrier,
            early: output.early.len(),
            messages: output
                .early
                .iter()
                .chain(&output.envelopes)
                .map(|sent| (sent.to, read(&sent.bytes)))
                .collect(),
        });
        host.replies.extend(output.replies.into_iter().map(|reply| (reply.id, reply.answer)));
        for job in output.jobs {
            match self.slow {
                None => self.work.push_back((node, lives, job)),
                Some(slow) => {
                    let at = self.now + self.while_of(slow.job_ms);
                    self.put_off(at, Later::Job(node, lives, job));
                }
            }
        }
        for sent in output.early.into_iter().chain(output.envelopes) {
            match self.slow {
                None => self.frames.push_back((node, sent.to, sent.bytes)),
                Some(slow) => {
                    let at = self.now + self.while_of(slow.frame_ms);
                    let last = self.arrives.entry((node, sent.to)).or_default();
                    *last = at.max(*last);
                    let at = *last;
                    self.put_off(at, Later::Frame(node, sent.to, sent.bytes));
                }
            }
        }
    }

    fn while_of(&mut self, longest_ms: u64) -> u64 {
        1 + self.rng.next_u64() % longest_ms.max(1)
    }

    fn put_off(&mut self, at: u64, later: Later) {
        self.numbered += 1;
        self.later.insert((at, self.numbered), later);
    }

    /// When time goes on to next.
    fn next_at(&self) -> Option<u64> {
        let wakes = self.hosts.values().filter_map(|host| host.wake_at);
        wakes.chain(self.later.keys().next().map(|(at, _)| *at)).min()
    }

    /// One step: a frame, else a job, else time until something is due or arrives.
    pub fn step(&mut self) {
        if let Some((from, to, bytes)) = self.frames.pop_front() {
            self.deliver(from, to, bytes);
        } else if let Some((node, lives, job)) = self.work.pop_front() {
            self.run(node, lives, job);
        } else {
            let wakes = self.hosts.iter().filter_map(|(node, host)| Some((host.wake_at?, *node)));
            let (at, node) = wakes.min().expect("nodes want to be woken");
            let due = self.later.first_entry().filter(|entry| entry.key().0 <= at);
            self.now = self.now.max(due.as_ref().map_or(at, |entry| entry.key().0));
            match due.map(|entry| entry.remove()) {
                None => self.give(node, Event::Tick),
                Some(Later::Frame(from, to, bytes)) => self.deliver(from, to, bytes),
                Some(Later::Job(node, lives, job)) => self.run(node, lives, job),
            }
        }
    }

    fn run(&mut self, node: NodeId, lives: u64, job: Job) {
        let id = job.id;
        let result = match self.jobs.as_mut() {
            Some(run) => run(node, job),
            None => Some(job.run()),
        };
        if let Some(result) = result.filter(|_| self.hosts[&node].lives == lives) {
            self.give(node, Event::JobDone { id, result });
        }
    }

    fn deliver(&mut self, from: NodeId, to: NodeId, bytes: Vec<u8>) {
        if self.cut.contains(&(from, to)) {
            return;
        }
        let frames = match self.wiretap.as_mut() {
            None => vec![bytes],
            Some(tap) => {
                let message = quorate_codec::from_bytes(&bytes).expect("a message");
                tap(from, to, message).iter().map(quorate_codec::to_bytes).collect()
            }
        };
        for bytes in frames {
            let Some(node) = self.hosts[&to].node.as_ref() else { continue };
            if let Ok(frame) = ingress::check(&node.state(), from, &bytes) {
                self.give(to, Event::Frame { from, frame: Box::new(frame) });
            }
        }
    }

    /// Steps until something holds.
    ///
    /// # Panics
    /// It never does.
    pub fn until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        for _ in 0..STEPS_MAX {
            if holds(self) {
                return;
            }
            self.step();
        }
        panic!("never: {what}\n{}", self.trails());
    }

    /// Lets so much time pass.
    pub fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        self.until("time passes", |world| {
            let idle = world.frames.is_empty() && world.work.is_empty();
            let next = world.next_at();
            idle && next.is_none_or(|next| next > end)
        });
        self.now = self.now.max(end);
    }

    /// Makes a call and waits for the answer.
    ///
    /// # Errors
    /// What the node answers.
    ///
    /// # Panics
    /// The node does not run.
    pub fn call(
        &mut self,
        node: &str,
        who: &str,
        method: &str,
        target: &str,
        body: &[u8],
    ) -> Answer {
        let id = self.id(node);
        let state = self.state(node);
        let caller = Caller::new(&state, self.founding.actor(who)).expect("somebody");
        let call = call::parse(&state, &caller, method, target, body)?.call;
        self.calls += 1;
        let number = CallId(self.calls);
        self.give(id, Event::Call { id: number, caller, call: Box::new(call) });
        self.host_mut(node).replies.remove(&number).expect("an answer")
    }

    /// The status, as an auditor sees it.
    ///
    /// # Panics
    /// The node does not run.
    pub fn status(&mut self, node: &str) -> Status {
        match self.call(node, "auditor", "GET", routes::STATUS.path, b"") {
            Ok(View::Status(status)) => status,
            other => panic!("no status: {other:?}"),
        }
    }

    /// Files a motion that two administrators signed and waits until all that run have it.
    ///
    /// # Panics
    /// It does not enter the charter.
    pub fn enact(&mut self, node: &str, body: MotionBody) {
        let id = self.file_motion(node, body);
        self.until("the motion is placed", |world| {
            world.running().iter().all(|node| world.placed(node, &id))
        });
    }

    /// Files a motion that two administrators signed, and waits for nobody.
    ///
    /// # Panics
    /// It is not taken.
    pub fn file_motion(&mut self, node: &str, body: MotionBody) -> MotionId {
        let (id, answer) = self.try_file_motion(node, body);
        answer.expect("a motion that is taken");
        id
    }

    /// The same, with the node's answer.
    ///
    /// # Panics
    /// The node does not run.
    pub fn try_file_motion(&mut self, node: &str, body: MotionBody) -> (MotionId, Answer) {
        let state = self.state(node);
        let nonce = Digest(self.random());
        let motion =
            self.founding.motion(&state, body, nonce, self.now + 3_600_000, &["ada", "ben"]);
        let id = motion.id();
        let body = SubmitMotion { motion: HexBytes(quorate_codec::to_bytes(&motion)) };
        let body = serde_json::to_vec(&body).expect("json");
        (id, self.call(node, "ada", "POST", routes::SUBMIT_MOTION.path, &body))
    }

    fn placed(&self, node: &NodeId, motion: &MotionId) -> bool {
        let node = self.hosts[node].node.as_ref();
        node.is_none_or(|node| node.abstains().is_some() || node.state().has_placed(motion))
    }

    /// Sets a policy of four files.
    ///
    /// # Panics
    /// It does not enter the charter.
    pub fn set_policy(&mut self, node: &str, files: [&str; 4]) {
        let [cedar, limits, lists, cases] = files.map(str::to_owned);
        let bundle = PolicyBundle::new(cedar, limits, lists, cases).to_bytes();
        self.enact(node, MotionBody::PolicySet { bundle });
    }

    /// Orders a key over two of three and waits until it can sign.
    ///
    /// # Panics
    /// It is never born.
    pub fn make_key(&mut self, key: &str, scheme: Scheme) -> KeyId {
        self.make_key_over(key, scheme, self.founding.two_of_three())
    }

    /// Orders a key over any tree and waits until it can sign.
    ///
    /// # Panics
    /// It is never born.
    pub fn make_key_over(&mut self, key: &str, scheme: Scheme, access: Tree<NodeId>) -> KeyId {
        self.enact("node-1", MotionBody::key_create(name(key), scheme, access));
        self.until("the key is active", |world| {
            world.names().iter().all(|node| world.can_sign(node, key))
        });
        self.state("node-1").key_named(&name(key)).expect("a key").key
    }

    /// Whether a node says that a key can sign.
    pub fn can_sign(&mut self, node: &str, key: &str) -> bool {
        let status = self.status(node);
        status.leased && status.keys.iter().any(|line| line.name == name(key) && line.can_sign)
    }

    /// Names of the nodes that run.
    pub fn names(&self) -> Vec<String> {
        let names =
            self.running().into_iter().map(|node| self.founding.nodes[&node].name.to_string());
        names.collect()
    }

    /// Builds and signs a request.
    pub fn request(
        &mut self,
        key: &str,
        intent: &serde_json::Value,
        who: &str,
    ) -> Signed<RequestBody> {
        self.request_at(key, Vec::new(), intent, who)
    }

    /// Builds and signs a request under a child of a key, whatever its path.
    pub fn request_at(
        &mut self,
        key: &str,
        path: Vec<u32>,
        intent: &serde_json::Value,
        who: &str,
    ) -> Signed<RequestBody> {
        self.request_for(key, 0, path, intent, who)
    }

    /// Builds and signs a request under a child of an account of a key, whatever its path.
    pub fn request_for(
        &mut self,
        key: &str,
        account: u16,
        path: Vec<u32>,
        intent: &serde_json::Value,
        who: &str,
    ) -> Signed<RequestBody> {
        let state = Arc::clone(&self.founding.state);
        let any = self.names().first().cloned().expect("a running node");
        let key = self.state(&any).key_named(&name(key)).expect("a key").key;
        let intent = Intent::from_value(intent).expect("an intent");
        let (actor, nonce) = (self.founding.actor(who), self.random());
        let mut body =
            RequestBody::new(state.genesis(), key, intent, nonce, self.now + 600_000, actor);
        (body.account, body.path) = (account, path);
        Signed::sign(&body, self.founding.signer(who)).expect("a signature")
    }

    /// Files a request.
    ///
    /// # Errors
    /// What the node answers.
    pub fn file(
        &mut self,
        node: &str,
        request: &Signed<RequestBody>,
        who: &str,
        idempotency_key: Option<&str>,
    ) -> Result<RequestView, ErrorBody> {
        let request = HexBytes(quorate_codec::to_bytes(request));
        let idempotency_key = idempotency_key.map(str::to_owned);
        let body = SubmitRequest { request, idempotency_key };
        let body = serde_json::to_vec(&body).expect("json");
        self.shown(node, who, "POST", routes::SUBMIT_REQUEST.path, &body)
    }

    /// A request, as a node shows it.
    ///
    /// # Panics
    /// The node does not know it.
    pub fn show(&mut self, node: &str, request: &RequestId) -> RequestView {
        self.find(node, request).expect("a known request")
    }

    /// A request, as a node shows it, if it knows it.
    pub fn find(&mut self, node: &str, request: &RequestId) -> Option<RequestView> {
        self.shown(node, "auditor", "GET", &routes::request(request), b"").ok()
    }

    /// Steps until all nodes that run know a request.
    ///
    /// # Panics
    /// They never do.
    pub fn until_known(&mut self, request: &RequestId) {
        self.until("all know the request", |world| {
            world.names().iter().all(|node| world.find(node, request).is_some())
        });
    }

    /// Approves or rejects.
    ///
    /// # Errors
    /// What the node answers.
    pub fn vote(
        &mut self,
        node: &str,
        request: &RequestId,
        who: &str,
        verdict: Verdict,
    ) -> Result<RequestView, ErrorBody> {
        self.vote_for(node, request, who, verdict, 600_000)
    }

    /// Approves or rejects, for so long.
    ///
    /// # Errors
    /// What the node answers.
    pub fn vote_for(
        &mut self,
        node: &str,
        request: &RequestId,
        who: &str,
        verdict: Verdict,
        lasts_ms: u64,
    ) -> Result<RequestView, ErrorBody> {
        let quorate_identity::ActorId::Person(person) = self.founding.actor(who) else {
            panic!("{who} is a service")
        };
        let genesis = self.founding.state.genesis();
        let vote = Approval::new(genesis, *request, person, verdict, self.now + lasts_ms);
        self.state_that(node, &vote, who, &routes::approvals(request))
    }

    /// Takes a request back.
    ///
    /// # Errors
    /// What the node answers.
    pub fn cancel(
        &mut self,
        node: &str,
        request: &RequestId,
        who: &str,
    ) -> Result<RequestView, ErrorBody> {
        let genesis = self.founding.state.genesis();
        let cancellation = Cancellation::new(genesis, *request, self.founding.actor(who));
        self.state_that(node, &cancellation, who, &routes::cancellation(request))
    }

    fn state_that<T: Statement>(
        &mut self,
        node: &str,
        statement: &T,
        who: &str,
        target: &str,
    ) -> Result<RequestView, ErrorBody> {
        let signed = Signed::sign(statement, self.founding.signer(who)).expect("a signature");
        let body = SubmitStatement { statement: HexBytes(quorate_codec::to_bytes(&signed)) };
        self.shown(node, who, "POST", target, &serde_json::to_vec(&body).expect("json"))
    }

    fn shown(
        &mut self,
        node: &str,
        who: &str,
        method: &str,
        target: &str,
        body: &[u8],
    ) -> Result<RequestView, ErrorBody> {
        match self.call(node, who, method, target, body)? {
            View::Request(view) => Ok(*view),
            other => panic!("no request: {other:?}"),
        }
    }

    /// Steps until a node shows a request in a state.
    ///
    /// # Panics
    /// It never does.
    pub fn until_state(
        &mut self,
        node: &str,
        request: &RequestId,
        state: RequestState,
    ) -> RequestView {
        self.until(&format!("{node} shows {state:?}"), |world| {
            world.find(node, request).is_some_and(|view| view.state == state)
        });
        self.show(node, request)
    }

    /// Random bytes of this world.
    pub fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    /// What the nodes wrote down, for whoever looks for the reason.
    pub fn trails(&mut self) -> String {
        let mut text = format!("at {}\n", self.now - BEGINNING_MS);
        for node in self.names() {
            let status = self.status(&node);
            text.push_str(&format!("{node}: leased {}, {:?}\n", status.leased, status.keys));
            if let Ok(View::Audit(audit)) = self.call(&node, "auditor", "GET", "/v1/audit", b"") {
                for line in audit.lines.iter().rev().take(12).rev() {
                    let at = line.at_ms - BEGINNING_MS;
                    text.push_str(&format!("  {at:>8} {} {:?}\n", line.text, line.culprits));
                }
            }
        }
        text
    }
}

impl Host {
    /// Writes rows while the node is stopped, as an operator's command does.
    pub fn write(&mut self, writes: &[Write]) {
        commit(&mut self.disk, writes);
    }
}

/// Makes writes durable on a disk.
pub fn commit(disk: &mut Disk, writes: &[Write]) {
    for write in writes {
        let key = (write.table, write.key.clone());
        match &write.value {
            Some(value) => _ = disk.insert(key, value.to_vec()),
            None => _ = disk.remove(&key),
        }
    }
}

/// The rows of a disk, as a start reads them.
pub fn records(disk: &Disk) -> Vec<Record> {
    let row = |((table, key), value): (&(Table, Vec<u8>), &Vec<u8>)| {
        Record::at_start(*table, key.clone(), Zeroizing::new(value.clone()))
    };
    disk.iter().map(row).collect()
}
