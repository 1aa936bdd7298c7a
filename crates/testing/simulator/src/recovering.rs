//! Guardians of a simulated domain bring an administrator in, as if too few were left.

use crate::ceding::{GUARDIANS, signer};
use crate::governing::{member, standpoint};
use crate::people::{People, REQUEST_MS};
use crate::world::World;
use quorate_charter::{Change, MemberKind, Motion, MotionBody, PeopleChange, Roles, SignedMotion};
use quorate_machine::call::Call;
use quorate_testkit::founding::name;

impl People {
    /// Two guardians sign that somebody administers from now on, beside those who do.
    pub(crate) fn recover_administrators(&mut self, world: &mut World) {
        let Some((node, state)) = standpoint(world) else { return };
        self.rescuers += 1;
        let rescuer = name(&format!("rescuer-{}", self.rescuers));
        let mut rules = state.rules().clone();
        // Everybody who administrates has a say, those of earlier recoveries too.
        let who: Vec<String> = rules.administrators().iter().map(ToString::to_string).collect();
        let tree = format!("2 of ({}, {rescuer})", who.join(", "));
        rules.main.tree = tree.parse().expect("a tree");
        let roles = Roles { administrator: true, ..Roles::default() };
        let member = member(world, rescuer, MemberKind::Person);
        let changes = vec![Change::Enrol { member, roles }];
        let change = PeopleChange { changes, rules: Some(rules), excepted: Vec::new() };
        let body = MotionBody::Recover(change);
        let motion = Motion::new(&state, body, world.draw_digest(), world.now + REQUEST_MS);
        let mut signed = SignedMotion::new(&motion);
        let absent = world.draw(3) as usize;
        for (_, who) in GUARDIANS.iter().enumerate().filter(|(at, _)| *at != absent) {
            let Some(person) = state.person_named(&name(who)) else { return };
            signed.sign(person.id, &signer(who)).expect("a guardian signs");
        }
        self.governing.file(&signed);
        self.call_at(world, node, "auditor", Call::SubmitMotion(signed));
    }
}
