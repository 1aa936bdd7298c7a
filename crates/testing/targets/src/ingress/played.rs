//! The node under way, and the peers that are played.

use super::arrival::{Arrival, Kind};
use super::guard;
use super::lies::signed_anew;
use super::scene::{CALLERS, LIAR, NODE, Scene};
use crate::input::{Input, pick};
use quorate_charter::{Ahead, Hello, Recognition, SignedHello, SignedWelcome, Welcome};
use quorate_codec::{Digest, from_bytes, to_bytes};
use quorate_engine::Backups;
use quorate_identity::{ActorId, NodeId, NodeSecrets, PersonId};
use quorate_machine::boot::BootPlan;
use quorate_machine::call::{self, Caller};
use quorate_machine::cores::one_by_one;
use quorate_machine::event::{CallId, Event, Output};
use quorate_machine::ingress;
use quorate_machine::job::{Job, JobResult};
use quorate_machine::limits::Pace;
use quorate_machine::node::Node;
use quorate_machine::wire::Message;
use quorate_testkit::custodians::Reduced;
use quorate_testkit::world::{Disk, VERSION, commit, program, records};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::VecDeque;

/// Jobs that are computed; those after them are lost, as jobs may be.
const JOBS_MAX: usize = 6;
/// The longest that time goes on at once.
const WAIT_MS_MAX: u64 = 24 * 60 * 60 * 1_000;

pub struct Played<'a> {
    scene: &'a Scene,
    node: Node,
    disk: Disk,
    now: u64,
    rng: ChaCha20Rng,
    calls: u64,
    jobs: usize,
}

impl<'a> Played<'a> {
    /// Starts the node; its peers recognise it and attest its head.
    pub fn new(scene: &'a Scene) -> Self {
        let mut rng = ChaCha20Rng::from_seed([5; 32]);
        let (node, output) = start(scene, &scene.disk, scene.now, &mut rng).expect("it starts");
        let (disk, now) = (scene.disk.clone(), scene.now);
        let mut played = Self { scene, node, disk, now, rng, calls: 0, jobs: 0 };
        played.release(output);
        for peer in played.peers() {
            played.give(Event::Connected(peer));
            played.greet(peer);
        }
        assert!(played.node.is_leased(), "it takes part");
        played
    }

    /// Something arrives; whether the node took it.
    pub fn arrive(&mut self, arrival: &Arrival<'_>) -> bool {
        // What time alone makes due is not the doing of what arrives.
        self.give(Event::Tick);
        match arrival.kind {
            Kind::Frame => {
                let peer = pick(&self.peers(), arrival.who);
                self.frame(peer, arrival.bytes)
            }
            Kind::Lie => self.lie(arrival.bytes),
            Kind::Strange => {
                let stranger = NodeId(Digest([arrival.who; 32]));
                let checked = ingress::check(&self.node.state(), stranger, arrival.bytes);
                assert!(checked.is_err(), "a stranger is not heard (N-59)");
                false
            }
            Kind::Get => self.call(arrival.who, "GET", arrival.bytes, b""),
            Kind::Post => {
                let mut input = Input::new(arrival.bytes);
                let target = input.part();
                let body = input.take(arrival.bytes.len());
                self.call(arrival.who, "POST", target, body)
            }
            Kind::Wait => {
                let ms = u64::from_le_bytes(Input::new(arrival.bytes).array());
                self.now += ms % WAIT_MS_MAX;
                self.give(Event::Tick);
                true
            }
            Kind::Flap => {
                let peer = pick(&self.peers(), arrival.who);
                self.give(Event::Disconnected(peer));
                self.give(Event::Connected(peer));
                true
            }
        }
    }

    /// Nothing was lost, and the node starts again from what is durable. How many requests are signed.
    pub fn end(mut self) -> usize {
        guard::nothing_lost(&self.scene.disk, &self.disk);
        let scene = self.scene;
        let signed = guard::receipts_hold(scene, |target| self.answer("auditor", "GET", target));
        let head = self.node.state().head();
        let again = start(self.scene, &self.disk, self.now, &mut self.rng);
        let (node, _) = again.expect("whatever came, it starts again (NOD-05)");
        assert_eq!(node.state().head(), head, "where it stood");
        signed
    }

    fn peers(&self) -> Vec<NodeId> {
        let me = self.node.id();
        self.scene.founding.nodes.keys().copied().filter(|node| *node != me).collect()
    }

    fn secrets_of(&self, node: &NodeId) -> NodeSecrets {
        self.scene.founding.nodes[node].secrets()
    }

    fn frame(&mut self, from: NodeId, bytes: &[u8]) -> bool {
        let checked = ingress::check(&self.node.state(), from, bytes);
        match checked {
            Ok(frame) => {
                self.give(Event::Frame { from, frame: Box::new(frame) });
                true
            }
            Err(_) => false,
        }
    }

    /// The liar says it, under its own key.
    fn lie(&mut self, bytes: &[u8]) -> bool {
        let liar = self.scene.founding.node(LIAR);
        let secrets = self.secrets_of(&liar);
        let said = match from_bytes::<Message>(bytes) {
            Ok(message) => signed_anew(message, liar, &secrets, self.scene.state.genesis()),
            Err(_) => return self.frame(liar, bytes),
        };
        self.frame(liar, &to_bytes(&said))
    }

    fn call(&mut self, who: u8, method: &str, target: &[u8], body: &[u8]) -> bool {
        let state = self.node.state();
        let Ok(target) = std::str::from_utf8(target) else { return false };
        let Some(name) = CALLERS.get(usize::from(who) % (CALLERS.len() + 1)) else {
            let nobody = ActorId::Person(PersonId(Digest([who; 32])));
            assert!(Caller::new(&state, nobody).is_none(), "nobody calls (API-06)");
            return false;
        };
        let caller = Caller::new(&state, self.scene.founding.actor(name)).expect("somebody");
        let Ok(parsed) = call::parse(&state, &caller, method, target, body) else { return false };
        let before = self.disk.clone();
        self.calls += 1;
        let (id, call) = (CallId(self.calls), Box::new(parsed.call));
        let output = self.node.handle(self.now, Event::Call { id, caller, call }, &mut self.rng);
        assert!(output.replies.iter().any(|reply| reply.id == id), "an answer (API-01)");
        let taken = output.replies.iter().all(|reply| reply.answer.is_ok());
        let jobs = self.release_without_jobs(output);
        if method == "GET" || *name == "auditor" {
            guard::only_reads(&before, &self.disk, target);
        }
        self.run(jobs);
        taken
    }

    /// The answer to a call, as JSON.
    fn answer(&mut self, who: &str, method: &str, target: &str) -> Option<call::View> {
        let state = self.node.state();
        let caller = Caller::new(&state, self.scene.founding.actor(who))?;
        let call = call::parse(&state, &caller, method, target, b"").ok()?.call;
        self.calls += 1;
        let id = CallId(self.calls);
        let event = Event::Call { id, caller, call: Box::new(call) };
        let mut output = self.node.handle(self.now, event, &mut self.rng);
        let place = output.replies.iter().position(|reply| reply.id == id)?;
        let answer = output.replies.swap_remove(place).answer.ok();
        self.release(output);
        answer
    }

    fn give(&mut self, event: Event) {
        let output = self.node.handle(self.now, event, &mut self.rng);
        self.release(output);
    }

    fn release(&mut self, output: Output) {
        let jobs = self.release_without_jobs(output);
        self.run(jobs);
    }

    /// Makes writes durable and looks at what leaves; honest peers answer hellos.
    fn release_without_jobs(&mut self, output: Output) -> Vec<Job> {
        commit(&mut self.disk, &output.writes);
        guard::leaves(self.scene, &self.disk, &output);
        let mut hellos = VecDeque::new();
        for envelope in output.early.iter().chain(&output.envelopes) {
            let message: Message = from_bytes(&envelope.bytes).expect("what a node sends is read");
            if let Message::Hello(hello) = message {
                hellos.push_back((envelope.to, hello.body().clone()));
            }
        }
        for (peer, hello) in hellos {
            self.welcome(peer, &hello);
        }
        output.jobs
    }

    fn run(&mut self, jobs: Vec<Job>) {
        for job in jobs {
            self.jobs += 1;
            let id = job.id;
            let result = if self.jobs > JOBS_MAX { JobResult::Lost } else { job.run() };
            self.give(Event::JobDone { id, result });
        }
    }

    /// A peer says hello, as it did last.
    fn greet(&mut self, peer: NodeId) {
        let secrets = self.secrets_of(&peer);
        let last = self.scene.hellos[&peer].body().clone();
        let state = &self.scene.state;
        let (head, position, highest_vote) = (state.head(), state.position(), state.position());
        let hello = Hello { head, position, highest_vote, time_ms: self.now, ..last };
        self.frame(peer, &to_bytes(&Message::Hello(SignedHello::sign(hello, &secrets))));
    }

    /// A peer recognises the node, and attests the head at which the scene is.
    fn welcome(&mut self, peer: NodeId, hello: &Hello) {
        let state = &self.scene.state;
        let welcome = Welcome {
            version: 1,
            genesis: state.genesis(),
            node: peer,
            to: hello.node,
            recognition: Recognition::Recognised(hello.incarnation.id),
            head: state.head(),
            position: state.position(),
            highest_vote: state.position(),
            locked: false,
            nonce: hello.nonce,
            time_ms: self.now,
        };
        let signed = SignedWelcome::sign(welcome, &self.secrets_of(&peer));
        self.frame(peer, &to_bytes(&Message::Welcome(signed)));
    }
}

/// Starts the node of the scene from a disk.
fn start(
    scene: &Scene,
    disk: &Disk,
    now: u64,
    rng: &mut ChaCha20Rng,
) -> Result<(Node, Output), quorate_machine::boot::BootError> {
    let plan = BootPlan {
        file: scene.founding.file.clone(),
        secrets: scene.founding.nodes[&scene.founding.node(NODE)].secrets(),
        records: records(disk),
        pace: Pace::default(),
        proofs: Backups::of::<Reduced>(),
        program: program(VERSION),
        look_ahead: Ahead::nothing,
        cores: one_by_one,
        now,
    };
    Node::boot(plan, rng)
}
