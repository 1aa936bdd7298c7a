//! Administrators of a simulated domain change everything, and one another's minds: they announce,
//! object, override and withdraw, freeze and thaw, enrol and revoke, let nodes in and throw them out.

use crate::host::NEXT_VERSION;
use crate::mutant::Mutant;
use crate::people::{People, ask, policy, some_host};
use crate::world::World;
use quorate_charter::{
    Change, Declaration, Freeze, FreezeScope, MemberKind, MotionBody, NodeChange, NodesChange,
    PeopleChange, Roles, Settings, SignedFreeze, SignedMember, SignedMotion, Standing, State,
};
use quorate_client::contract::{FreezeView, MotionState, MotionView};
use quorate_codec::{Digest, tag};
use quorate_identity::{ActorId, CredentialSigner, MemorySigner, MotionId, Name, NodeId};
use quorate_machine::call::{Call, View};
use quorate_machine::event::Millis;
use quorate_testkit::founding::name;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Who signs what changes the charter, and who objects or adds a signature later.
const RULING: [&str; 2] = ["ada", "cleo"];
const ANOTHER: &str = "ben";
/// Who stops signing.
const FREEZERS: [&str; 4] = ["alice", "bob", "auditor", "ben"];

/// What administrators remember.
#[derive(Debug, Default)]
pub(crate) struct Governing {
    filed: BTreeMap<MotionId, SignedMotion>,
    /// Motions that a node said it recorded, and which: they must never be lost.
    recorded: BTreeMap<MotionId, NodeId>,
    /// People who joined since the founding.
    joined: u32,
    /// Services that did.
    services: u32,
}

impl Governing {
    /// A node answered that it has a motion.
    pub(crate) fn hear(&mut self, node: NodeId, view: &MotionView) {
        self.recorded.entry(view.motion).or_insert(node);
    }

    /// A motion is on its way to a node.
    pub(crate) fn file(&mut self, motion: &SignedMotion) {
        self.filed.insert(motion.id(), motion.clone());
    }

    /// What a node recorded alone is gone with its disk.
    pub(crate) fn excuse(&mut self, node: NodeId) {
        self.recorded.retain(|_, by| *by != node);
    }

    /// The charter moved: what is placed is in good hands, and what it refuses is nobody's loss,
    /// also where it might let it in again later.
    pub(crate) fn follow(&mut self, state: &State, now: Millis) {
        let filed = &self.filed;
        self.recorded.retain(|id, _| {
            !state.has_placed(id)
                && filed.get(id).is_some_and(|motion| state.authorise(motion, now).is_ok())
        });
    }

    /// Motions that a node of the domain said it recorded, which the charter would take, and which
    /// are not in it when everything has ended.
    pub(crate) fn lost(&self, state: &State) -> Vec<String> {
        let kept = self.recorded.iter().filter(|(_, by)| state.node(by).is_some());
        kept.map(|(id, by)| format!("motion {id} was recorded by {by} and is gone")).collect()
    }
}

impl People {
    /// Somebody changes something.
    pub(crate) fn govern(&mut self, world: &mut World) {
        // freezes are at stake: let there be many
        if world.mutant() == Some(Mutant::ForgetsFreezes) && world.draw(2) == 0 {
            return self.freeze(world);
        }
        match world.draw(28) {
            0 => self.change_policy(world),
            1 => self.disagree(world),
            2 => self.about_announced(world, |motion, _| MotionBody::Object { motion }, &[ANOTHER]),
            3 => self.override_objections(world),
            4 => self.about_announced(world, |motion, _| MotionBody::Withdraw { motion }, &RULING),
            5 => self.freeze(world),
            6 => self.thaw(world),
            7..=10 => self.change_people(world),
            11 => self.change_rules(world),
            12 => self.begin(world),
            13 => self.sign_open(world),
            14..=17 => self.change_nodes(world),
            18..=20 => self.give(world),
            21 => self.change_settings(world),
            22 => self.require_a_release(world),
            23 => self.set_custody(world),
            24 if world.draw(2) == 0 => self.recover_administrators(world),
            25..=26 => self.announce_a_succession(world),
            _ if world.is_succession_meant() => {}
            _ => self.refuse_successions(world),
        }
    }

    /// When the world has healed: what is stopped goes on, and what is open is decided.
    pub(crate) fn finish_governing(&mut self, world: &mut World) {
        self.thaw(world);
        self.sign_open(world);
        self.settle_objections(world);
        self.let_go_on(world);
        self.finish_giving(world);
        self.finish_ceding(world);
    }

    /// Two administrators file two policies at two nodes at once: one of them is placed.
    fn disagree(&mut self, world: &mut World) {
        for _ in 0..2 {
            self.policies += 1;
            let policy = policy(self.policies);
            self.move_motion(world, &policy);
        }
    }

    /// One signs; another one may later.
    fn begin(&mut self, world: &mut World) {
        self.policies += 1;
        let policy = policy(self.policies);
        if let Some(node) = some_host(world) {
            self.move_motion_at(world, node, &policy, &RULING[..1]);
        }
    }

    fn about_announced(
        &mut self,
        world: &mut World,
        body: impl Fn(MotionId, &MotionView) -> MotionBody,
        signers: &[&str],
    ) {
        let Some(node) = some_host(world) else { return };
        let Some(view) = first_motion(world, node, MotionState::Announced) else { return };
        self.move_motion_at(world, node, &body(view.motion, &view), signers);
    }

    fn override_objections(&mut self, world: &mut World) {
        let Some((node, state)) = standpoint(world) else { return };
        let objected = state.announced().filter(|it| it.is_objected());
        let objected = objected.filter_map(|it| Some((it.id, it.objection?.motion)));
        if let Some((motion, objection)) = objected.last() {
            let body = MotionBody::Override { motion, objection };
            self.move_motion_at(world, node, &body, &RULING);
        }
    }

    /// Objections end one way or the other.
    fn settle_objections(&mut self, world: &mut World) {
        if world.draw(2) == 0 {
            return self.override_objections(world);
        }
        let Some(node) = some_host(world) else { return };
        let Some(view) = first_motion(world, node, MotionState::Objected) else { return };
        let body = MotionBody::Withdraw { motion: view.motion };
        self.move_motion_at(world, node, &body, &RULING);
    }

    /// Somebody signs what waits for signatures.
    fn sign_open(&mut self, world: &mut World) {
        let Some(node) = some_host(world) else { return };
        let Some(view) = first_motion(world, node, MotionState::Collecting) else { return };
        let ActorId::Person(person) = world.founding.actor(ANOTHER) else { return };
        let signed = world.founding.signer(ANOTHER).sign(tag::MOTION, &view.bytes.0);
        let Ok(signature) = signed else { return };
        let call = Call::SignMotion { motion: view.motion, person, signature };
        self.call_at(world, node, ANOTHER, call);
    }

    fn freeze(&mut self, world: &mut World) {
        let Some((node, state)) = standpoint(world) else { return };
        let who = FREEZERS[world.draw(FREEZERS.len() as u32) as usize];
        let ActorId::Person(by) = world.founding.actor(who) else { return };
        let key = state.keys().next().map(|order| order.key);
        let of_key = key.filter(|_| world.draw(2) == 0).map(FreezeScope::Key);
        let scope = of_key.unwrap_or(FreezeScope::Domain);
        let (reason, nonce) = ("a laptop is gone".to_owned(), world.draw_digest());
        let freeze = Freeze { version: 1, genesis: world.founding.hash, scope, by, reason, nonce };
        let Ok(signed) = SignedFreeze::sign(&freeze, world.founding.signer(who)) else { return };
        self.call_at(world, node, who, Call::Freeze(signed));
    }

    /// Whatever some node shows as frozen goes on.
    fn thaw(&mut self, world: &mut World) {
        let frozen = nodes(world).into_iter().find_map(|node| {
            let mut freezes: Vec<Digest> =
                freezes(world, node).into_iter().map(|view| view.freeze).collect();
            freezes.sort_unstable();
            (!freezes.is_empty()).then_some((node, freezes))
        });
        let Some((node, mut freezes)) = frozen else { return };
        freezes.truncate(4);
        let is_harsh = world.draw(8) == 0;
        let barred = is_harsh.then(|| name("auditor")).into_iter().collect();
        let body = MotionBody::Thaw { freezes, barred, refused: Vec::new() };
        self.move_motion_at(world, node, &body, &RULING);
    }

    fn change_people(&mut self, world: &mut World) {
        let Some((node, state)) = standpoint(world) else { return };
        let mut joined = (0..=self.governing.joined).rev().map(person);
        let here = joined.find(|name| state.person_named(name).is_some());
        let mut services = (0..=self.governing.services).rev().map(service);
        let robot = services.find(|name| state.service_named(name).is_some());
        let change = match (world.draw(12), here, robot) {
            (0, ..) => {
                let mut members = vec![name("alice"), name("bob")];
                members.truncate(1 + world.draw(2) as usize);
                Change::Team { name: name("desk"), members }
            }
            (1..=3, Some(name), _) | (8, _, Some(name)) => Change::Revoke { name },
            (4 | 5, Some(name), _) => {
                Change::Keys { member: member(world, name, MemberKind::Person) }
            }
            (6, Some(name), _) => {
                let auditor = state.person_named(&name).is_some_and(|it| it.roles.approver);
                let roles = Roles { auditor, approver: !auditor, ..Roles::default() };
                Change::Roles { name, roles }
            }
            (9, _, Some(name)) => Change::Keys { member: member(world, name, MemberKind::Service) },
            (7..=9, _, None) => {
                self.governing.services += 1;
                let name = service(self.governing.services);
                let member = member(world, name, MemberKind::Service);
                Change::Enrol { member, roles: Roles::default() }
            }
            _ => {
                self.governing.joined += 1;
                let name = person(self.governing.joined);
                let roles = Roles { approver: true, ..Roles::default() };
                Change::Enrol { member: member(world, name, MemberKind::Person), roles }
            }
        };
        let body = MotionBody::People(PeopleChange::one(change));
        self.move_motion_at(world, node, &body, &RULING);
    }

    fn change_rules(&mut self, world: &mut World) {
        let Some((node, state)) = standpoint(world) else { return };
        let mut rules = state.rules().clone();
        rules.main.delay_ms = 500 * u64::from(1 + world.draw(8));
        let body = MotionBody::People(PeopleChange::rules(rules));
        self.move_motion_at(world, node, &body, &RULING);
    }

    /// A lease is shorter from now on, or as long as at the founding.
    fn change_settings(&mut self, world: &mut World) {
        let longest = world.founding.state.settings().lease_ms;
        let lease_ms = longest - 10_000 * u64::from(world.draw(4));
        let settings = Settings { lease_ms, ..*world.founding.state.settings() };
        self.move_motion(world, &MotionBody::SettingsSet { settings });
    }

    /// Nodes must run what only some run yet.
    fn require_a_release(&mut self, world: &mut World) {
        let minimum = NEXT_VERSION.parse().expect("a version");
        self.move_motion(world, &MotionBody::ReleaseRequire { minimum });
    }

    /// The same custodians, who hold their next drill another day: every key is shared anew.
    fn set_custody(&mut self, world: &mut World) {
        let Some((node, state)) = standpoint(world) else { return };
        let mut custody = state.custody().clone();
        let day = 1 + u64::from(world.draw(365));
        for custodian in &mut custody.custodians {
            custodian.expires_ms = Some(world.now + day * 86_400_000);
        }
        let body = MotionBody::CustodySet { custody, excepted: Vec::new() };
        self.move_motion_at(world, node, &body, &RULING);
    }

    fn change_nodes(&mut self, world: &mut World) {
        let Some((node, state)) = standpoint(world) else { return };
        let late = world.newcomers.iter().map(|newcomer| newcomer.name.clone());
        let here: Vec<Name> = late.filter(|name| state.node_named(name).is_some()).collect();
        if world.newcomers.len() < 3 && world.draw(3) == 0 {
            let standing = if world.draw(2) == 0 { Standing::Votes } else { Standing::Waits };
            let body = world.enrol_a_machine(standing);
            return self.move_motion_at(world, node, &body, &RULING);
        }
        let nodes: Vec<(Name, Standing)> =
            state.nodes().map(|node| (node.name.clone(), node.standing)).collect();
        let (some, standing) = nodes[world.draw(nodes.len() as u32) as usize].clone();
        let change = match (world.draw(8), here.last().cloned()) {
            (0, _) => {
                let operator = format!("operator {}", world.draw(3));
                let declared = Declaration { operator, ..Declaration::default() };
                NodeChange::Declare { name: some, declared }
            }
            (1..=3, Some(name)) if world.may_thin() => NodeChange::Revoke { name },
            (_, Some(name)) if !world.may_thin() => {
                NodeChange::Stand { name, standing: Standing::Votes }
            }
            (_, None) if !world.may_thin() => return,
            _ => NodeChange::Stand { name: some, standing: other(standing) },
        };
        self.move_motion_at(world, node, &MotionBody::Nodes(NodesChange::one(change)), &RULING);
    }

    /// Nodes of the founding that wait take part again, others that wait are sent away, and keys are shared anew where a change of
    /// nodes waits for that.
    fn let_go_on(&mut self, world: &mut World) {
        let Some((node, state)) = standpoint(world) else { return };
        let waiting = state.nodes().find(|node| node.standing == Standing::Waits);
        if let Some((id, name)) = waiting.map(|node| (node.id, node.name.clone())) {
            let change = match world.founding.nodes.contains_key(&id) {
                true => NodeChange::Stand { name, standing: Standing::Votes },
                false => NodeChange::Revoke { name },
            };
            self.move_motion_at(world, node, &MotionBody::Nodes(NodesChange::one(change)), &RULING);
        }
        let waits = motions(world, node).into_iter().any(|view| view.waits_for.is_some());
        if waits {
            let keys: Vec<Name> = state.keys().map(|order| order.name.clone()).collect();
            for name in keys {
                self.move_motion_at(world, node, &MotionBody::KeyRefresh { name }, &RULING);
            }
        }
    }
}

/// The name of one who joins; there is one, and a service, from the beginning.
pub(crate) fn person(number: u32) -> Name {
    name(&format!("person-{number}"))
}

/// The name of a service that joins.
pub(crate) fn service(number: u32) -> Name {
    name(&format!("service-{number}"))
}

/// A new key of a person or service, who shows that they hold it.
pub(crate) fn member(world: &mut World, name: Name, kind: MemberKind) -> SignedMember {
    let signer = MemorySigner::from_seed(&world.draw_digest().0).expect("a key");
    SignedMember::create(world.founding.hash, name, kind, &[&signer]).expect("a member")
}

fn other(standing: Standing) -> Standing {
    match standing {
        Standing::Votes => Standing::Waits,
        Standing::Waits => Standing::Votes,
    }
}

/// A node that runs, and what it believes.
pub(crate) fn standpoint(world: &mut World) -> Option<(NodeId, Arc<State>)> {
    let node = some_host(world)?;
    Some((node, world.hosts[&node].node.as_ref()?.state()))
}

/// The nodes of the domain: whoever was thrown out keeps what it was told.
pub(crate) fn nodes(world: &World) -> Vec<NodeId> {
    let newest = world.checkers.newest();
    world.hosts.keys().filter(|id| newest.node(id).is_some()).copied().collect()
}

/// What a node shows as frozen.
pub(crate) fn freezes(world: &mut World, node: NodeId) -> Vec<FreezeView> {
    match ask(world, node, Call::Freezes) {
        Some(View::Freezes(views)) => views,
        _ => Vec::new(),
    }
}

/// The motions that a node knows.
pub(crate) fn motions(world: &mut World, node: NodeId) -> Vec<MotionView> {
    match ask(world, node, Call::Motions) {
        Some(View::Motions(views)) => views,
        _ => Vec::new(),
    }
}

fn first_motion(world: &mut World, node: NodeId, state: MotionState) -> Option<MotionView> {
    motions(world, node).into_iter().find(|view| view.state == state)
}
