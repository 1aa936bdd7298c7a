//! People and the service of a simulated domain: they file, approve, reject, cancel, order keys
//! and change the policy, each time at some node that happens to run.

use crate::ceding;
use crate::giving::Giving;
use crate::governing::{self, Governing};
use crate::mutant::Mutant;
use crate::ready;
use crate::report::Endings;
use crate::world::{Story, World};
use ed25519_dalek::{Signature, VerifyingKey};
use quorate_access::Tree;
use quorate_charter::{Change, MemberKind, MotionBody, PeopleChange, Roles};
use quorate_client::contract::{CeremonyPhase, Encoding, KeyState, RequestState, RequestView};
use quorate_identity::{ActorId, KeyId, Name, NodeId, RequestId, Scheme};
use quorate_intent::Intent;
use quorate_machine::call::{Call, Caller, View};
use quorate_machine::event::{CallId, Event, Millis, Reply};
use quorate_policy::PolicyBundle;
use quorate_policy::request::{
    Approval, Cancellation, RequestBody, Signed, SignedApproval, SignedCancellation, SignedRequest,
    Verdict,
};
use quorate_testkit::founding::{POLICY, name};
use std::collections::BTreeMap;

/// How long a simulated request lives, in milliseconds.
pub(crate) const REQUEST_MS: u64 = 6 * 3_600_000;

/// How long people watch an epoch that waits for a node, in milliseconds.
const PATIENCE_MS: Millis = 120_000;

/// Who acts, and what they remember.
#[derive(Debug, Default)]
pub struct People {
    calls: u64,
    pub(crate) policies: u64,
    pub(crate) governing: Governing,
    pub(crate) giving: Giving,
    pub(crate) rescuers: u32,
    keys: u64,
    epochs: u64,
    has_asked_ahead: bool,
    last: Vec<RequestId>,
    /// Since when an epoch waits for a node that should be done with the one before.
    ending: BTreeMap<Name, Millis>,
    filed: Vec<(RequestId, SignedRequest)>,
    /// Requests that a node said it recorded: they must never be lost.
    pub(crate) recorded: BTreeMap<RequestId, NodeId>,
}

impl People {
    /// Somebody does something.
    pub fn act(&mut self, world: &mut World) {
        if world.story() == Story::Succession && self.keys == 0 {
            return self.restore(world);
        }
        if world.story() == Story::Birth && self.keys == 0 {
            return self.another_key(world);
        }
        // votes are at stake: let there be many
        let votes = matches!(
            world.mutant(),
            Some(
                Mutant::ForgetsVotes | Mutant::SendsBeforeWriting | Mutant::BackdatesAnnouncements
            )
        );
        if votes && self.policies < 40 {
            return self.change_policy(world);
        }
        let renewals = match world.story() {
            Story::Epochs => 12,
            Story::Withheld => 0,
            Story::Birth
            | Story::Schnorr
            | Story::Ecdsa
            | Story::Succession
            | Story::Governance => 2,
        };
        if world.story() == Story::Governance {
            // It takes long until parts are made: it begins at once.
            if self.giving.is_to_nobody() {
                return self.give(world);
            }
            if world.draw(8) == 0 {
                return self.fetch_all(world);
            }
            if world.draw(2) == 0 {
                return self.govern(world);
            }
        }
        match world.draw(20) {
            6..=14 if world.story() == Story::Epochs && self.epochs < renewals => self.renew(world),
            6 if self.epochs < renewals => self.renew(world),
            0 if self.policies < 3 => self.change_policy(world),
            1 if self.keys < 1 && world.story() != Story::Withheld => self.another_key(world),
            2..=3 => self.vote(world),
            4 => self.cancel(world),
            5 => self.file_again(world),
            _ => self.file(world),
        }
    }

    /// An answer came back.
    pub fn hear(&mut self, node: NodeId, reply: Reply) {
        match reply.answer {
            Ok(View::Request(view)) => {
                self.recorded.entry(view.request).or_insert(node);
            }
            Ok(View::Motion(view)) => self.governing.hear(node, &view),
            _ => {}
        }
    }

    /// A node's disk was replaced by an old copy: what it alone had recorded is gone with it.
    pub fn excuse(&mut self, node: NodeId) {
        self.recorded.retain(|_, by| *by != node);
        self.governing.excuse(node);
    }

    /// When the world has healed, people do their part: open requests are approved by all.
    pub fn finish(&mut self, world: &mut World) {
        for view in requests(world) {
            if view.state == RequestState::Waiting {
                for who in ["alice", "bob"] {
                    self.approve(world, view.request, who, Verdict::Approve);
                }
            }
        }
        self.renew_what_does_not_end(world);
        if world.story() == Story::Governance {
            self.finish_governing(world);
        }
    }

    /// A node may have come back without the shares that it had prepared, from a copy so young that
    /// nothing proves it. People see that the epoch waits for it, and order another one.
    fn renew_what_does_not_end(&mut self, world: &mut World) {
        let Some(node) = some_host(world) else { return };
        let Some(View::Ceremonies(views)) = ask(world, node, Call::Ceremonies) else { return };
        let ending = views.into_iter().filter(|it| it.phase == CeremonyPhase::Ending);
        let ending: Vec<Name> = ending.map(|it| it.key).collect();
        self.ending.retain(|key, _| ending.contains(key));
        for name in ending {
            let since = *self.ending.entry(name.clone()).or_insert(world.now);
            if world.now >= since + PATIENCE_MS {
                self.ending.remove(&name);
                self.move_motion(world, &MotionBody::KeyRefresh { name });
            }
        }
    }

    pub(crate) fn file(&mut self, world: &mut World) {
        if let Some((key, scheme)) = some_key(world) {
            self.file_for(world, key, scheme);
        }
    }

    /// Presignatures of this key are asked for, once: those of a key that signs what can be read.
    fn ask_ahead(&mut self, world: &mut World, key: KeyId) {
        let Some(node) = some_host(world) else { return };
        let Some(state) = world.hosts[&node].node.as_ref().map(|node| node.state()) else { return };
        if let Some(name) = state.key(&key).map(|order| order.name.clone()) {
            self.has_asked_ahead = true;
            self.move_motion(world, &MotionBody::KeyPresign { name, most: 8 });
        }
    }

    fn file_for(&mut self, world: &mut World, key: KeyId, scheme: Scheme) {
        if scheme == Scheme::EcdsaP256 && !self.has_asked_ahead {
            self.ask_ahead(world, key);
        }
        let number = world.draw(1 << 20);
        let intent = match scheme {
            Scheme::Ed25519 | Scheme::EcdsaP256 => {
                format!(r#"{{"kind":"message","message":"0x{number:08x}"}}"#)
            }
            Scheme::EcdsaSecp256k1 | Scheme::Bip340 => {
                format!(r#"{{"kind":"raw.digest","digest":"0x{number:064x}"}}"#)
            }
        };
        let Ok(intent) = Intent::from_json(&intent) else { return };
        let nonce = *world.draw_digest().as_bytes();
        let requester = world.founding.actor("wallet-service");
        let expiry = world.now + REQUEST_MS;
        let body = RequestBody::new(world.founding.hash, key, intent, nonce, expiry, requester);
        let signer = world.founding.signer("wallet-service");
        let Ok(signed) = Signed::sign(&body, signer) else { return };
        let id = RequestId(signed.digest());
        self.filed.push((id, signed.clone()));
        self.submit(world, signed);
        // People who sit together approve at once, so that long sessions happen among faults too.
        if matches!(scheme, Scheme::EcdsaSecp256k1 | Scheme::Bip340) && world.draw(4) > 0 {
            for who in ["alice", "bob"] {
                self.approve(world, id, who, Verdict::Approve);
            }
        }
    }

    /// The same request once more, perhaps at another node: it stays one request.
    fn file_again(&mut self, world: &mut World) {
        if let Some((_, request)) = self.filed.last().cloned() {
            self.submit(world, request);
        }
    }

    fn submit(&mut self, world: &mut World, request: SignedRequest) {
        let Ok(request) = request.verify(&world.founding.state) else { return };
        let call = Call::SubmitRequest { request: Box::new(request), idempotency: None };
        self.call(world, "wallet-service", call);
    }

    fn vote(&mut self, world: &mut World) {
        let Some((id, _)) = self.some_request(world) else { return };
        let who = if world.draw(2) == 0 { "alice" } else { "bob" };
        let verdict = if world.draw(8) == 0 { Verdict::Reject } else { Verdict::Approve };
        self.approve(world, id, who, verdict);
    }

    fn approve(&mut self, world: &mut World, request: RequestId, who: &str, verdict: Verdict) {
        let ActorId::Person(person) = world.founding.actor(who) else { return };
        let expiry = world.now + REQUEST_MS;
        let approval = Approval::new(world.founding.hash, request, person, verdict, expiry);
        let Ok(signed) = SignedApproval::sign(&approval, world.founding.signer(who)) else {
            return;
        };
        let Ok(verified) = signed.verify(&world.founding.state) else { return };
        self.call(world, who, Call::Vote(Box::new(verified)));
    }

    fn cancel(&mut self, world: &mut World) {
        let Some((id, _)) = self.some_request(world) else { return };
        let requester = world.founding.actor("wallet-service");
        let cancellation = Cancellation::new(world.founding.hash, id, requester);
        let signer = world.founding.signer("wallet-service");
        let Ok(signed) = SignedCancellation::sign(&cancellation, signer) else { return };
        let Ok(verified) = signed.verify(&world.founding.state) else { return };
        self.call(world, "wallet-service", Call::Cancel(Box::new(verified)));
    }

    fn some_request(&mut self, world: &mut World) -> Option<(RequestId, SignedRequest)> {
        let count = u32::try_from(self.filed.len()).ok().filter(|count| *count > 0)?;
        self.filed.get(world.draw(count) as usize).cloned()
    }

    pub(crate) fn change_policy(&mut self, world: &mut World) {
        self.policies += 1;
        let number = self.policies;
        self.move_motion(world, &policy(number));
    }

    fn another_key(&mut self, world: &mut World) {
        self.keys += 1;
        let key = format!("more-{}", self.keys);
        let order = world.founding.key_order(&key, Scheme::Ed25519);
        self.move_motion(world, &order);
    }

    /// The key of the domain before is to come back. Its name is new each time, and there is one.
    fn restore(&mut self, world: &mut World) {
        self.keys += 1;
        if let Some(lost) = ready::lost_key(&world.founding) {
            self.move_motion(world, &lost.motion("lost", world.founding.two_of_three()));
        }
    }

    /// A key is to get new shares, for the same nodes or for others; or that is withdrawn.
    fn renew(&mut self, world: &mut World) {
        let Some((key, _)) = some_key(world) else { return };
        let Some(node) = some_host(world) else { return };
        let Some(state) = world.hosts[&node].node.as_ref().map(|node| node.state()) else { return };
        let Some(name) = state.key(&key).map(|order| order.name.clone()) else { return };
        self.epochs += 1;
        // to withdraw a key before it is made ends it, and its name with it
        let key = ask(world, node, Call::Key(name.clone()));
        let is_made = matches!(key, Some(View::Key(view)) if view.state == KeyState::Active);
        let body = match world.draw(8) {
            0 if is_made => MotionBody::KeyVoid { name },
            0..=3 => MotionBody::KeyRefresh { name },
            _ => {
                let (tree, faults) = some_tree(world);
                MotionBody::KeyReshare { name, access: tree, faults }
            }
        };
        self.move_motion(world, &body);
    }

    /// When everything has ended, every key is to sign once more.
    pub fn try_keys(&mut self, world: &mut World) {
        let first = self.filed.len();
        let Some(node) = some_host(world) else { return };
        let Some(state) = world.hosts[&node].node.as_ref().map(|node| node.state()) else { return };
        for key in state.keys() {
            self.file_for(world, key.key, key.scheme);
        }
        self.last = self.filed.iter().skip(first).map(|(id, _)| *id).collect();
    }

    /// Those last requests that are not signed.
    pub(crate) fn unsigned(&self, world: &mut World) -> Vec<RequestId> {
        let signed: Vec<RequestId> = requests(world)
            .into_iter()
            .filter(|view| view.state == RequestState::Signed)
            .map(|view| view.request)
            .collect();
        self.last.iter().filter(|id| !signed.contains(id)).copied().collect()
    }

    /// Two administrators sign, and file it somewhere.
    pub(crate) fn move_motion(&mut self, world: &mut World, body: &MotionBody) {
        if let Some(node) = some_host(world) {
            self.move_motion_at(world, node, body, &["ada", "cleo"]);
        }
    }

    /// These people sign what a node shows them, and file it there.
    pub(crate) fn move_motion_at(
        &mut self,
        world: &mut World,
        node: NodeId,
        body: &MotionBody,
        signers: &[&str],
    ) {
        let Some(state) = world.hosts[&node].node.as_ref().map(|node| node.state()) else { return };
        let nonce = world.draw_digest();
        let expiry = world.now + REQUEST_MS;
        let motion = world.founding.motion(&state, body.clone(), nonce, expiry, signers);
        self.governing.file(&motion);
        let who = signers.first().copied().unwrap_or("ada");
        self.call_at(world, node, who, Call::SubmitMotion(motion));
    }

    fn call(&mut self, world: &mut World, who: &str, call: Call) {
        if let Some(node) = some_host(world) {
            self.call_at(world, node, who, call);
        }
    }

    pub(crate) fn call_at(&mut self, world: &mut World, node: NodeId, who: &str, call: Call) {
        self.calls += 1;
        let id = CallId(self.calls);
        let actor = world.founding.actor(who);
        let Some(caller) = Caller::new(&world.founding.state, actor) else { return };
        world.handle(node, Event::Call { id, caller, call: Box::new(call) });
    }
}

/// Sets the first policy, in a calm world.
pub(crate) fn set_policy(world: &mut World) {
    let mut people = People::default();
    people.move_motion(world, &policy(0));
}

/// There is a service that may change or leave, in a calm world.
pub(crate) fn enrol_a_service(world: &mut World) {
    let member = governing::member(world, governing::service(0), MemberKind::Service);
    let change = Change::Enrol { member, roles: Roles::default() };
    let mut people = People { calls: u64::from(world.draw(1 << 30)), ..People::default() };
    people.move_motion(world, &MotionBody::People(PeopleChange::one(change)));
}

/// What is dangerous is announced from now on, and there are guardians, and a person who may change
/// or leave, in a calm world.
pub(crate) fn announce_what_is_dangerous(world: &mut World) {
    let mut change = ceding::guardians(world, &world.checkers.newest(), 2_500);
    let member = governing::member(world, governing::person(0), MemberKind::Person);
    let roles = Roles { approver: true, ..Roles::default() };
    change.changes.push(Change::Enrol { member, roles });
    let body = MotionBody::People(change);
    let mut people = People { calls: u64::from(world.draw(1 << 30)), ..People::default() };
    people.move_motion(world, &body);
}

/// Orders a key, in a calm world.
pub(crate) fn order_key(world: &mut World, key: &str, scheme: Scheme) {
    let order = world.founding.key_order(key, scheme);
    // one motion after the other: each expects the versions that the one before left
    let mut people = People { calls: u64::from(world.draw(1 << 30)), ..People::default() };
    people.move_motion(world, &order);
}

pub(crate) fn policy(number: u64) -> MotionBody {
    let [cedar, limits, lists, cases] = POLICY.map(str::to_owned);
    let cedar = format!("// revision {number}\n{cedar}");
    let bundle = PolicyBundle::new(cedar, limits, lists, cases);
    MotionBody::PolicySet { bundle: bundle.to_bytes() }
}

/// A tree over signers of the domain, and how many of them may be lost. Where a disk may be lost
/// to an old copy, the key is to survive that.
fn some_tree(world: &mut World) -> (Tree<NodeId>, u8) {
    const THREE: [(&str, u8); 3] = [
        ("2 of (node-1, node-2, node-3)", 1),
        ("all of (node-1, node-3)", 0),
        ("2 of (node-1, node-2, node-3)", 0),
    ];
    const FIVE: [(&str, u8); 8] = [
        ("2 of (node-1, node-2, node-3)", 1),
        ("3 of (node-1, node-2, node-3, node-4, node-5)", 2),
        ("3 of (node-1, node-2, node-4, node-5)", 1),
        ("2 of (node-3, node-4, node-5)", 1),
        ("all of (2 of (node-1, node-2, node-3), any of (node-4, node-5))", 1),
        ("all of (node-1, node-2)", 0),
        ("3 of (node-1, node-2, node-3, node-4, node-5)", 0),
        ("all of (node-3, 2 of (node-2, node-4, node-5))", 0),
    ];
    let trees: &[(&str, u8)] = if world.story() == Story::Epochs { &FIVE } else { &THREE };
    let may_choose = |faults: u8| faults > 0 || !world.may_lose_a_disk();
    let trees: Vec<&(&str, u8)> = trees.iter().filter(|(_, faults)| may_choose(*faults)).collect();
    let (text, faults) = *trees[world.draw(trees.len() as u32) as usize];
    let tree: Tree<Name> = text.parse().expect("a tree");
    (tree.map(|node| world.founding.node(node.as_str())), faults)
}

/// A node that runs. When the world has healed, people know which ones take part.
pub(crate) fn some_host(world: &mut World) -> Option<NodeId> {
    let newest = world.checkers.newest();
    let is_asked = |id: &NodeId| !world.healed || newest.is_voter(id);
    let running = world.hosts.iter().filter(|(id, host)| host.node.is_some() && is_asked(id));
    let running: Vec<NodeId> = running.map(|(id, _)| *id).collect();
    let count = u32::try_from(running.len()).ok().filter(|count| *count > 0)?;
    running.get(world.draw(count) as usize).copied()
}

/// A key of the charter, as some node sees it; mostly the one that the story is about.
fn some_key(world: &mut World) -> Option<(KeyId, Scheme)> {
    let node = some_host(world)?;
    let any = world.draw(4) == 0 || world.story() != Story::Ecdsa;
    let state = world.hosts[&node].node.as_ref()?.state();
    let keys = state.keys().filter(|key| any || key.scheme.is_ecdsa());
    let keys: Vec<(KeyId, Scheme)> = keys.map(|key| (key.key, key.scheme)).collect();
    let count = u32::try_from(keys.len()).ok().filter(|count| *count > 0)?;
    keys.get(world.draw(count) as usize).copied()
}

/// Asks one node, outside of everything that goes wrong.
pub(crate) fn ask(world: &mut World, node: NodeId, call: Call) -> Option<View> {
    let auditor = world.founding.actor("auditor");
    let caller = Caller::new(&world.founding.state, auditor)?;
    let now = world.now;
    world.hosts.get_mut(&node)?.ask(now, caller, call).and_then(Result::ok)
}

/// Every request that any node knows, as the first one that knows it shows it.
pub(crate) fn requests(world: &mut World) -> Vec<RequestView> {
    let ids: Vec<NodeId> = world.hosts.keys().copied().collect();
    let mut known = BTreeMap::new();
    for id in ids {
        if let Some(View::Requests(views)) = ask(world, id, Call::Requests { state: None }) {
            for view in views {
                known.entry(view.request).or_insert(view);
            }
        }
    }
    known.into_values().collect()
}

/// Whether every node holds a lease.
pub(crate) fn all_serve(world: &mut World) -> bool {
    let ids: Vec<NodeId> = world.hosts.keys().copied().collect();
    ids.into_iter().all(
        |id| matches!(ask(world, id, Call::Status), Some(View::Status(status)) if status.leased),
    )
}

/// Whether every node sees every one of these keys active.
pub(crate) fn all_active(world: &mut World, keys: &[&str]) -> bool {
    let ids: Vec<NodeId> = world.hosts.keys().copied().collect();
    ids.into_iter().all(|id| {
        let has_policy = matches!(ask(world, id, Call::Policy), Some(View::Policy(_)));
        let active = |key: &&str| {
            let view = ask(world, id, Call::Key(name(key)));
            matches!(view, Some(View::Key(view)) if view.state == KeyState::Active)
        };
        has_policy && keys.iter().all(active)
    })
}

/// How everything ended; every signature is verified by a library that is not ours.
pub(crate) fn endings(world: &mut World) -> Endings {
    let mut endings = Endings::default();
    for view in requests(world) {
        match view.state {
            RequestState::Signed => {
                endings.signed += 1;
                if !is_genuine(&view) {
                    let seen = format!("request {} has a false signature", view.request);
                    world.checkers.broken("1: no false signature", seen);
                }
            }
            RequestState::Denied => endings.denied += 1,
            _ => endings.other += 1,
        }
    }
    endings
}

fn is_genuine(view: &RequestView) -> bool {
    let Some(signature) = view.signatures.first() else { return false };
    let Some(message) = view.intent.get("message").and_then(|text| text.as_str()) else {
        // digests under ECDSA were verified by the engine's own library, k256
        return view.signatures.len() == 1;
    };
    let message = quorate_codec::hex::decode(message);
    if signature.encoding == Encoding::Der {
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&signature.public_key.0);
        let bytes = p256::ecdsa::Signature::from_der(&signature.signature.0);
        let (Ok(message), Ok(key), Ok(bytes)) = (message, key, bytes) else { return false };
        return p256::ecdsa::signature::Verifier::verify(&key, &message, &bytes).is_ok();
    }
    let public = <[u8; 32]>::try_from(signature.public_key.0.as_slice());
    let bytes = <[u8; 64]>::try_from(signature.signature.0.as_slice());
    let (Ok(message), Ok(public), Ok(bytes)) = (message, public, bytes) else { return false };
    VerifyingKey::from_bytes(&public)
        .and_then(|key| key.verify_strict(&message, &Signature::from_bytes(&bytes)))
        .is_ok()
}
