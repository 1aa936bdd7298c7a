//! Where everything arrives: a disk of a node that lived in a real domain, and what was said there.

use crate::decoders::DOMAIN;
use quorate_charter::{SignedHello, State};
use quorate_client::contract::{HexBytes, RequestState, RequestView, SubmitMotion, SubmitRequest};
use quorate_codec::{Digest, to_bytes};
use quorate_identity::{NodeId, Scheme};
use quorate_machine::durable::Table;
use quorate_machine::wire::Message;
use quorate_policy::request::Verdict;
use quorate_testkit::founding::{Founding, POLICY};
use quorate_testkit::world::{Disk, World};
use serde_json::{Value, json};
use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// The node to which everything happens.
pub const NODE: &str = "node-1";
/// The peer that lies.
pub const LIAR: &str = "node-2";
/// Who calls, by number; one more is nobody.
pub const CALLERS: [&str; 7] = ["ada", "ben", "cleo", "alice", "bob", "auditor", "wallet-service"];

/// A message that a peer sent to the node.
pub type Heard = (NodeId, Message);
/// A call: who made it, its target, and its body where it files something.
pub type Called = (&'static str, String, Option<Vec<u8>>);

/// What was said in the real domain: before the disk was copied, and after.
#[derive(Default)]
pub struct Recording {
    /// What peers sent to the node.
    pub heard: Vec<Heard>,
    /// What people called at it.
    pub called: Vec<Called>,
    /// How much of that was heard before the disk was copied.
    pub on_disk: usize,
    /// What requests have a receipt.
    pub signed: Vec<RequestView>,
}

/// The scene.
pub struct Scene {
    /// The domain, and everybody's secrets.
    pub founding: Founding,
    /// Its state on the disk.
    pub state: Arc<State>,
    /// The disk.
    pub disk: Disk,
    /// The time at which it was copied.
    pub now: u64,
    /// The last hello of each peer.
    pub hellos: BTreeMap<NodeId, SignedHello>,
    /// What is secret on it: 32 bytes each.
    pub secrets: Vec<[u8; 32]>,
}

/// A world that has what the scene has, and what was recorded on the way.
pub struct Told {
    /// The world: what happens next is not on the disk.
    pub world: World,
    /// What was said so far.
    pub recording: Rc<RefCell<Recording>>,
}

/// The same scene in every run of one thread.
pub fn with_scene<T>(work: impl FnOnce(&Scene) -> T) -> T {
    thread_local! {
        static SCENE: OnceCell<Scene> = const { OnceCell::new() };
    }
    SCENE.with(|known| work(known.get_or_init(|| Told::beginning().scene())))
}

/// A digest that somebody wants signed: both approvers must find it right.
fn digest(byte: u8) -> Value {
    json!({"kind": "raw.digest", "digest": format!("0x{}", format!("{byte:02x}").repeat(32))})
}

impl Told {
    /// A domain with a policy, two keys and a request that waits for approvals.
    ///
    /// # Panics
    /// It does not come to be.
    pub fn beginning() -> Self {
        let recording: Rc<RefCell<Recording>> = Rc::default();
        let mut world = World::new(DOMAIN);
        let (keep, node) = (Rc::clone(&recording), world.id(NODE));
        world.wiretap = Some(Box::new(move |from, to, message| {
            if to == node {
                keep.borrow_mut().heard.push((from, message.clone()));
            }
            vec![message]
        }));
        world.set_policy(NODE, POLICY);
        world.make_key("ops", Scheme::Ed25519);
        world.make_key("vault", Scheme::Bip340);
        let mut told = Self { world, recording };
        told.request("vault", &digest(1));
        told
    }

    /// The disk of the node, now.
    ///
    /// # Panics
    /// The node does not run.
    pub fn scene(mut self) -> Scene {
        self.world.pass(0);
        let state = self.world.state(NODE);
        let now = self.world.now;
        let disk = self.world.host(NODE).disk.clone();
        let heard = self.recording.borrow();
        let hello = |heard: &Heard| match &heard.1 {
            Message::Hello(hello) => Some((heard.0, hello.clone())),
            _ => None,
        };
        // The last one of each.
        let hellos = heard.heard.iter().filter_map(hello).collect();
        let secrets = secrets(&disk, &self.world.founding);
        drop(heard);
        Scene { founding: self.world.founding, state, disk, now, hellos, secrets }
    }

    /// Somebody's request, filed and known everywhere.
    fn request(&mut self, key: &str, intent: &Value) -> RequestView {
        let request = self.world.request(key, intent, "wallet-service");
        let body = SubmitRequest { request: HexBytes(to_bytes(&request)), idempotency_key: None };
        self.noted(
            "wallet-service",
            "/v1/requests",
            Some(serde_json::to_vec(&body).expect("json")),
        );
        let view = self.world.file(NODE, &request, "wallet-service", None).expect("it is filed");
        self.world.until_known(&view.request);
        view
    }

    fn noted(&mut self, who: &'static str, target: &str, body: Option<Vec<u8>>) {
        self.recording.borrow_mut().called.push((who, target.to_owned(), body));
    }

    /// What happens after the disk was copied: a signature, a motion and a look at everything.
    ///
    /// # Panics
    /// It does not happen.
    pub fn goes_on(&mut self) {
        self.world.pass(0);
        let heard = self.recording.borrow().heard.len();
        self.recording.borrow_mut().on_disk = heard;
        let message = json!({"kind": "message", "message": "0x68656c6c6f"});
        let view = self.request("ops", &message);
        let signed = self.world.until_state(NODE, &view.request, RequestState::Signed);
        self.recording.borrow_mut().signed.push(signed);
        let view = self.request("vault", &digest(2));
        for who in ["alice", "bob"] {
            self.world.vote(NODE, &view.request, who, Verdict::Approve).expect("a vote");
        }
        let signed = self.world.until_state(NODE, &view.request, RequestState::Signed);
        self.recording.borrow_mut().signed.push(signed);
        let state = self.world.state(NODE);
        let body = quorate_charter::MotionBody::SettingsSet {
            settings: quorate_charter::Settings { lease_ms: 45_000, ..Default::default() },
        };
        let nonce = Digest([9; 32]);
        let expiry_ms = self.world.now + 3_600_000;
        let motion = self.world.founding.motion(&state, body.clone(), nonce, expiry_ms, &["ada"]);
        let motion = SubmitMotion { motion: HexBytes(to_bytes(&motion)) };
        self.noted("ada", "/v1/motions", Some(serde_json::to_vec(&motion).expect("json")));
        self.world.enact(NODE, body);
    }
}

/// Strings of 32 bytes that are in the node's secret rows and in no public one, and its own keys.
fn secrets(disk: &Disk, founding: &Founding) -> Vec<[u8; 32]> {
    let public: Vec<[u8; 32]> = disk
        .iter()
        .filter(|((table, _), _)| !table.is_erasable())
        .flat_map(|(_, row)| strings(row))
        .collect();
    let shares = disk.iter().filter(|((table, _), _)| *table == Table::Share);
    let shares = shares.flat_map(|(_, row)| strings(row));
    let keys = founding.nodes[&founding.node(NODE)].secrets().to_bytes();
    let all = shares.chain(strings(&keys));
    all.filter(|secret| !public.contains(secret)).collect()
}

/// Byte strings of 32 bytes, as the encoding writes them.
fn strings(bytes: &[u8]) -> Vec<[u8; 32]> {
    let windows = bytes.windows(34).filter(|window| window.starts_with(&[0x58, 0x20]));
    windows.filter_map(|window| window[2..].try_into().ok()).collect()
}
