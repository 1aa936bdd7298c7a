//! Guardians of a simulated domain announce that another one takes over. In most worlds that is
//! refused; in some it is meant, and all stop.

use crate::governing::{nodes, standpoint};
use crate::people::{People, ask};
use crate::world::World;
use quorate_charter::{
    CertifiedEntry, Cession, Change, EntryBody, MemberKind, MotionBody, Object, PeopleChange,
    Recovery, Roles, SignedCession, SignedMember, State,
};
use quorate_client::contract::CessionView;
use quorate_identity::{GenesisHash, MemorySigner, NodeId};
use quorate_machine::call::{Call, View};
use quorate_machine::event::Millis;
use quorate_testkit::founding::name;

/// Two of them recover.
pub(crate) const GUARDIANS: [&str; 3] = ["gabi", "hans", "ines"];

/// How long after it heard of a cession a node stops: longer than a world lives before it heals, by
/// however far a clock may jump.
pub(crate) const DELAY_MS: Millis = 5 * 60_000;

/// The domain has guardians from now on, and what is dangerous is announced.
pub(crate) fn guardians(world: &World, state: &State, delay_ms: Millis) -> PeopleChange {
    let changes = GUARDIANS.map(|who| {
        let (genesis, signer) = (world.founding.hash, signer(who));
        let member = SignedMember::create(genesis, name(who), MemberKind::Person, &[&signer]);
        let roles = Roles { guardian: true, ..Roles::default() };
        Change::Enrol { member: member.expect("a member"), roles }
    });
    let mut rules = state.rules().clone();
    rules.main.delay_ms = delay_ms;
    let tree = format!("2 of ({})", GUARDIANS.join(", ")).parse().expect("a tree");
    rules.recovery = Some(Recovery { tree, delay_ms: DELAY_MS });
    let changes = changes.into();
    PeopleChange { changes, rules: Some(rules), excepted: Vec::new() }
}

impl People {
    /// Two guardians announce that another domain takes over.
    pub(crate) fn announce_a_succession(&mut self, world: &mut World) {
        let Some((node, state)) = standpoint(world) else { return };
        let cession = Cession {
            version: 1,
            genesis: world.founding.hash,
            successor: GenesisHash(world.draw_digest()),
            called: name("phoenix"),
            reason: "two sites burnt down".to_owned(),
            rules: state.version(&Object::Rules),
            nonce: world.draw_digest(),
        };
        let mut signed = SignedCession::new(&cession);
        let absent = world.draw(3) as usize;
        for (_, who) in GUARDIANS.iter().enumerate().filter(|(at, _)| *at != absent) {
            let Some(person) = state.person_named(&name(who)) else { return };
            signed.sign(person.id, &signer(who)).expect("a guardian signs");
        }
        world.checkers.told(&signed);
        self.call_at(world, node, "auditor", Call::Announce(Box::new(signed)));
    }

    /// Administrators say that the domain is alive, wherever they see one announced.
    pub(crate) fn refuse_successions(&mut self, world: &mut World) {
        let seen = nodes(world).into_iter().find_map(|node| {
            let shown = cessions(world, node);
            let refused: Vec<_> = shown.iter().map(|view| view.cession).take(4).collect();
            (!refused.is_empty()).then_some((node, refused))
        });
        if let Some((node, mut refused)) = seen {
            refused.sort_unstable();
            let body = MotionBody::Thaw { freezes: Vec::new(), barred: Vec::new(), refused };
            self.move_motion_at(world, node, &body, &["ada", "cleo"]);
        }
    }

    /// In a healed world: who means it says it until it is heard; else it is refused.
    pub(crate) fn finish_ceding(&mut self, world: &mut World) {
        if !world.is_succession_meant() {
            return self.refuse_successions(world);
        }
        // What one was told before the rules changed stops that one, and counts nowhere else.
        let mut going_on = nodes(world);
        going_on.retain(|id| world.hosts[id].node.as_ref().is_none_or(|it| it.halted().is_none()));
        if going_on.into_iter().all(|node| cessions(world, node).is_empty()) {
            self.announce_a_succession(world);
        }
        // There is always something to sign, so that it is seen that nobody does once it is over.
        self.file(world);
    }
}

/// A guardian's key, which no machine has.
pub(crate) fn signer(who: &str) -> MemorySigner {
    MemorySigner::from_seed(&[who.as_bytes()[0]; 32]).expect("a key")
}

/// The cessions that wait at a node.
pub(crate) fn cessions(world: &mut World, node: NodeId) -> Vec<CessionView> {
    match ask(world, node, Call::Cessions) {
        Some(View::Cessions(views)) => views,
        _ => Vec::new(),
    }
}

/// The same, and the node is held to them. One that is off, or crashed as it started, shows nothing.
pub(crate) fn shown_cessions(world: &mut World, node: NodeId, is_healed: bool) -> Vec<CessionView> {
    let Some(View::Cessions(shown)) = ask(world, node, Call::Cessions) else { return Vec::new() };
    world.checkers.shown(node, &shown, is_healed);
    shown
}

/// Whether an entry refuses that another domain takes over.
pub(crate) fn refuses(entry: &CertifiedEntry) -> bool {
    let EntryBody::Motion(motion) = &entry.entry().body else { return false };
    matches!(&motion.body().body, MotionBody::Thaw { refused, .. } if !refused.is_empty())
}
