//! What holds of every step from one head to the next.

use super::run::{Began, Seen, Truth};
use quorate_access::Tree;
use quorate_charter::{
    EntryBody, Fate, Motion, MotionBody, NodesChange, Object, State, VerifiedEntry,
};
use quorate_identity::{MotionId, Name};

/// Checks a step.
pub fn holds(before: &State, after: &State, entry: &VerifiedEntry, truth: &Truth) {
    assert_eq!(after.position(), before.position() + 1, "one position an entry (GOV-20)");
    assert_eq!(entry.entry().prev, before.head());
    assert!(before.position_of(&after.head()).is_none(), "a head never comes back (GOV-21)");
    assert_eq!(after.position_of(&before.head()), Some(before.position()), "heads stay");
    assert!(truth.certified_by >= before.quorum() && !truth.is_wrong);
    only_forward(before, after);
    match &entry.entry().body {
        EntryBody::Motion(signed) => {
            authorised(before, after, signed.body(), truth);
            dangerous(before, after, entry, signed.body());
        }
        EntryBody::Enact(id) => {
            let motion = entry.enacted().expect("what takes effect");
            let announced = before.announcement(id).expect("announced before (GOV-80)");
            assert_eq!(*announced.motion, *motion, "exactly what was announced");
        }
        EntryBody::Rejoin(rejoin) => {
            assert!(before.is_voter(&rejoin.node()), "who waits writes nothing (GOV-34)");
            let count = rejoin.body().incarnation.count;
            let earlier = before.rejoined(&rejoin.node());
            assert!(earlier.is_none_or(|earlier| earlier.count < count), "none twice (GOV-34)");
            nothing_changed(before, after);
        }
    }
    if let Some(motion) = entry.enacted() {
        if let MotionBody::Nodes(change) = &motion.body {
            few_leave(before, after, change);
        }
        only_what_it_touches(before, after, motion);
    }
}

/// Versions, retirements, thaws and minimums never go back.
fn only_forward(before: &State, after: &State) {
    let fixed = [Object::Policy, Object::Custody, Object::Rules, Object::Settings];
    let fixed = fixed.into_iter().chain([Object::Faults, Object::Release]);
    let keys = before.keys().map(|key| Object::Key(key.name.clone()));
    let nodes = before.nodes().map(|node| Object::Node(node.name.clone()));
    let people = before.people().map(|person| Object::Member(person.name.clone()));
    for object in fixed.chain(keys).chain(nodes).chain(people) {
        let (had, has) = (before.version(&object), after.version(&object));
        assert!(had <= has && has <= had + 1, "{object}: from {had} to {has} (GOV-12)");
    }
    for key in before.keys() {
        let still = after.key(&key.key).expect("keys stay");
        assert!(!key.retired || still.retired, "{} is back (GOV-10)", key.name);
        assert_eq!(
            (key.scheme, key.accounts, &key.origin),
            (still.scheme, still.accounts, &still.origin)
        );
    }
    assert!(before.minimum() <= after.minimum(), "a minimum only rises (GOV-35)");
    assert!(before.excepted().is_subset(after.excepted()), "shown for ever (GOV-52)");
    assert_eq!(before.genesis(), after.genesis());
    assert_eq!(before.domain(), after.domain());
}

/// Those whose true signatures a motion has are enough, by the rules as people read them (GOV-16,
/// GOV-72, GOV-83, GOV-84).
fn authorised(before: &State, after: &State, motion: &Motion, truth: &Truth) {
    let rules = before.rules();
    let matter = before.matter(&motion.body);
    let by = &truth.signed_by;
    let satisfied = |tree: &Tree<Name>| tree.satisfied(by);
    let is_enough = match &motion.body {
        MotionBody::KeyRefresh { .. } => satisfied(&rules.upkeep),
        MotionBody::Recover(_) => rules.recovery.as_ref().is_some_and(|it| satisfied(&it.tree)),
        MotionBody::Override { .. } => satisfied(&rules.for_matter(matter).overriding),
        MotionBody::Object { .. } => {
            let may = &rules.administrators() | &rules.guardians();
            !by.is_empty() && by.is_subset(&may)
        }
        body if body.is_upkeep() => satisfied(&rules.upkeep),
        _ => satisfied(&rules.for_matter(matter).tree),
    };
    assert!(is_enough, "{} by {by:?} (GOV-16)", motion.kind());
    let may_be_one = motion.body.is_upkeep() || matches!(motion.body, MotionBody::Object { .. });
    assert!(may_be_one || by.len() > 1, "{} by one alone (GOV-71)", motion.kind());
    let is_rule_change = before.rules() != after.rules();
    assert!(!is_rule_change || by.len() > 1, "rules changed by one alone (GOV-71)");
}

/// What is dangerous where its rule has a delay is announced, and nothing else happens (GOV-80).
fn dangerous(before: &State, after: &State, entry: &VerifiedEntry, motion: &Motion) {
    let rule_ms = before.rules().for_matter(before.matter(&motion.body)).delay_ms;
    let waits = is_always_dangerous(&motion.body) && rule_ms > 0;
    assert!(!waits || entry.announced().is_some(), "{} at once (GOV-80)", motion.kind());
    match before.delay_of(&motion.body) {
        0 => assert!(entry.announced().is_none(), "nothing to wait for"),
        delay_ms => {
            let id = entry.announced().expect("it is announced");
            let announced = after.announcement(&id).expect("it waits");
            assert_eq!((announced.delay_ms, announced.position), (delay_ms, after.position()));
            nothing_changed(before, after);
        }
    }
}

/// What GOV-80 calls dangerous whatever it says; a recovery waits by a rule of its own.
fn is_always_dangerous(body: &MotionBody) -> bool {
    match body {
        MotionBody::PolicySet { .. }
        | MotionBody::SettingsSet { .. }
        | MotionBody::CustodySet { .. }
        | MotionBody::SeatGive { .. }
        | MotionBody::KeyReshare { .. }
        | MotionBody::KeyRetire { .. }
        | MotionBody::KeyExport { recipient: Some(_), .. } => true,
        MotionBody::People(change) => change.rules.is_some(),
        MotionBody::Nodes(change) => change.faults.is_some(),
        _ => false,
    }
}

/// Nobody, nothing and no rule is another than before.
fn nothing_changed(before: &State, after: &State) {
    assert_eq!(before.rules(), after.rules());
    assert_eq!((before.policy(), before.settings()), (after.policy(), after.settings()));
    assert_eq!(before.custody_digest(), after.custody_digest());
    assert_eq!((before.voters(), before.faults()), (after.voters(), after.faults()));
    assert!(before.people().eq(after.people()) && before.services().eq(after.services()));
    assert!(before.nodes().eq(after.nodes()) && before.keys().eq(after.keys()));
    assert_eq!((before.teams(), before.minimum()), (after.teams(), after.minimum()));
}

/// A motion changes what it says it touches (GOV-12), and nothing beside it.
fn only_what_it_touches(before: &State, after: &State, motion: &Motion) {
    let (mut policy, mut rules, mut settings) = (false, false, false);
    let (mut custody, mut nodes, mut people, mut keys) = (false, false, false, false);
    let mut minimum = false;
    for object in motion.touches() {
        match object {
            Object::Policy => policy = true,
            Object::Rules => rules = true,
            Object::Settings => settings = true,
            Object::Custody => custody = true,
            Object::Node(_) | Object::Faults => nodes = true,
            Object::Member(_) => people = true,
            Object::Key(_) => keys = true,
            Object::Release => minimum = true,
            Object::Announced(_) => {}
        }
    }
    // A refresh disturbs nothing that waits, and orders a sharing all the same.
    keys |= matches!(motion.body, MotionBody::KeyRefresh { .. });
    assert!(policy || before.policy() == after.policy(), "{} sets a policy", motion.kind());
    assert!(rules || before.rules() == after.rules(), "{} sets rules", motion.kind());
    assert!(settings || before.settings() == after.settings(), "{} sets times", motion.kind());
    assert!(custody || before.custody() == after.custody(), "{} sets custodians", motion.kind());
    assert!(nodes || before.nodes().eq(after.nodes()), "{} changes nodes", motion.kind());
    assert!(nodes || before.faults() == after.faults(), "{} changes f", motion.kind());
    assert!(keys || before.keys().eq(after.keys()), "{} changes keys", motion.kind());
    let same = before.people().eq(after.people()) && before.services().eq(after.services());
    assert!(people || same, "{} changes people", motion.kind());
    assert!(people || before.teams() == after.teams(), "{} changes teams", motion.kind());
    assert!(minimum || before.minimum() == after.minimum(), "{} sets a version", motion.kind());
}

/// Of those who voted at most n - q stop by one change (GOV-66).
fn few_leave(before: &State, after: &State, change: &NodesChange) {
    let left = before.voters().keys().filter(|node| !after.is_voter(node)).count();
    let most = before.voters().len() - before.quorum();
    assert!(left <= most, "{left} of {} stop at once (GOV-66)", before.voters().len());
    let (voters, faults) = (after.voters().len(), after.faults());
    assert!(faults <= before.faults() || voters > 3 * faults, "f grows (GOV-66)");
    assert!(change.faults.is_some() || faults == before.faults());
}

impl Seen {
    /// Follows announced motions by what was seen of them, and holds the charter against it (GOV-80
    /// to GOV-84).
    pub fn take(
        &mut self,
        before: &State,
        after: &State,
        entry: &VerifiedEntry,
        truth: &Truth,
        now_ms: u64,
    ) {
        if let EntryBody::Enact(id) = &entry.entry().body {
            self.enacted(id, truth, now_ms);
        }
        if let EntryBody::Motion(signed) = &entry.entry().body {
            assert!(!self.over.contains(&signed.id()), "placed twice (GOV-13)");
        }
        if let Some(id) = entry.announced() {
            let wait_ms = after.announcement(&id).map_or(0, |it| it.delay_ms);
            self.waits.insert(id, vec![Began { at_ms: now_ms, wait_ms }]);
        }
        match entry.enacted().map(|motion| &motion.body) {
            Some(MotionBody::Object { motion }) => {
                let wait_ms = 2 * before.announcement(motion).map_or(0, |it| it.delay_ms);
                assert!(self.objected.insert(*motion), "there is no second objection (GOV-82)");
                self.waits.insert(*motion, vec![Began { at_ms: now_ms, wait_ms }]);
            }
            Some(MotionBody::Override { motion, .. }) => {
                let wait_ms = before.announcement(motion).map_or(0, |it| it.delay_ms);
                assert!(self.objected.remove(motion), "nothing to override (GOV-82)");
                self.waits.entry(*motion).or_default().push(Began { at_ms: now_ms, wait_ms });
            }
            Some(MotionBody::Withdraw { motion }) => {
                assert!(matches!(after.fate(motion), Some(Fate::Withdrawn(_))), "GOV-84");
            }
            _ => {}
        }
        for id in before.announced().map(|it| it.id) {
            if after.announcement(&id).is_none() {
                self.over.insert(id);
            }
        }
        for id in &self.over {
            assert!(after.announcement(id).is_none(), "over, and announced again");
        }
    }

    fn enacted(&mut self, id: &MotionId, truth: &Truth, now_ms: u64) {
        assert!(!self.over.contains(id), "withdrawn, fallen away or done, and takes effect");
        assert!(!self.objected.contains(id), "against an objection (GOV-82)");
        let waits = self.waits.get(id).expect("announced before (GOV-80)");
        let waited = |it: &Began| it.at_ms + it.wait_ms <= now_ms;
        assert!(!truth.is_in_time || waits.iter().all(waited), "too early (GOV-81)");
    }
}
