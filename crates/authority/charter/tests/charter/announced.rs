//! Dangerous motions are announced, objected to, overridden, withdrawn; administrators are brought
//! back (GOV-80 to GOV-85).

use crate::support::drawn::Drawing;
use crate::support::{Domain, EXPIRY, NOW, genesis, name, person, roles, signed_by};
use quorate_charter::{
    Entry, EntryBody, EntryError, Fate, Genesis, GenesisPerson, Matter, Motion, MotionBody,
    MotionError, Object, Recovery, Rule, SignedMotion, State,
};
use quorate_codec::{Digest, to_bytes};
use quorate_identity::CredentialSigner;

const SECOND: u64 = 1_000;

/// A domain that announces what is dangerous a minute before, with three guardians who recover in
/// ten minutes.
fn slow() -> Genesis {
    let mut slow = genesis(4, 1);
    slow.rules.main.delay_ms = 60 * SECOND;
    slow.rules.recovery =
        Some(Recovery { tree: "2 of (gabi, hans, ines)".parse().unwrap(), delay_ms: 600 * SECOND });
    slow.people.extend(["gabi", "hans", "ines"].map(|who| GenesisPerson {
        name: name(who),
        credential: person(who).credential().clone(),
        roles: roles("guard"),
    }));
    slow.people.sort_by(|left, right| left.name.cmp(&right.name));
    slow
}

/// When the announced motion of an entry may take effect, if every entry was stored at its position
/// in seconds after [`NOW`].
fn due(state: &State, drawing: &Drawing<'_>, entry: &str) -> Option<u64> {
    let at = |position: u64| Some(NOW + position * SECOND);
    Some(state.announcement(&drawing.id(entry))?.due(&at)? - NOW)
}

/// GOV-80, GOV-81: two entries, and between them a delay that each voter measures itself.
#[test]
fn what_is_dangerous_takes_two_entries_and_a_delay() {
    let domain = Domain::of(&slow());
    let drawing =
        Drawing::new(&domain, "G -> told[policy one] -> key[key hot] -> done[enact told]");
    let told = drawing.state("told");
    assert_eq!(told.policy(), None, "announced and not in force");
    assert_eq!(told.fate(&drawing.id("told")), Some(Fate::Announced));
    assert_eq!(due(told, &drawing, "told"), Some(61 * SECOND));
    assert!(drawing.state("key").key_named(&name("hot")).is_some(), "a new key is no danger");
    let entry = to_bytes(&Entry::next(told, EntryBody::Enact(drawing.id("told"))));
    let stored = |position| (position == 1).then_some(NOW);
    let judged = |now| told.check_next(&entry, now, &stored);
    assert!(matches!(judged(NOW + 60 * SECOND - 1), Err(EntryError::Late(_))));
    assert!(judged(NOW + 60 * SECOND).is_ok());
    assert!(judged(EXPIRY + SECOND).is_ok(), "once announced, the motion's own end is over");
    let newcomer = told.check_next(&entry, u64::MAX, &|_| None);
    assert!(
        matches!(newcomer, Err(EntryError::Late(_))),
        "who never saw it announced knows no time"
    );
    let done = drawing.state("done");
    assert_eq!(done.policy(), Some(&b"one"[..]));
    assert_eq!(done.fate(&drawing.id("told")), Some(Fate::Enacted(3)));
    assert_eq!(drawing.replay("told key done").unwrap(), *done, "replay trusts the certificate");
}

/// Not announced, announced twice, or enacted twice.
#[test]
fn only_what_is_announced_takes_effect_and_once() {
    let domain = Domain::of(&slow());
    let drawing = Drawing::new(
        &domain,
        "G -> told[policy one] -> done[enact told] -> again[enact told]
         told -> twice[again told]
         G -> other[policy two]",
    );
    assert!(drawing.refusal("done", "again").contains("no motion"));
    assert_eq!(drawing.refusal("told", "twice"), MotionError::Placed.to_string());
    let early =
        domain.certify(&Entry::next(&domain.state, EntryBody::Enact(drawing.id("other"))), 3);
    assert!(domain.state.verify_entry(&early).is_err());
}

/// Of two announced motions for one thing the first to take effect supersedes the other.
#[test]
fn an_announced_motion_is_superseded() {
    let domain = Domain::of(&slow());
    let drawing = Drawing::new(
        &domain,
        "G -> one[policy one] -> two[policy two] -> done[enact two] -> late[enact one]",
    );
    let done = drawing.state("done");
    assert_eq!(done.policy(), Some(&b"two"[..]));
    assert_eq!(done.fate(&drawing.id("one")), Some(Fate::Superseded(3)));
    assert!(drawing.refusal("done", "late").contains("no motion"));
}

/// GOV-82, GOV-83: an objection delays once, longer, and then needs those who override.
#[test]
fn neg_102_an_objection_delays_once_and_is_overridden() {
    let domain = Domain::of(&slow());
    let drawing = Drawing::new(
        &domain,
        "G -> told[policy one] -> no[object told, by cleo]
         no -> early[enact told]
         no -> again[object told, by ben]
         no -> yes[override told, by ada+ben] -> done[enact told]
         told -> soon[override told, by ada+ben]
         no -> alone[override told, by ada]",
    );
    let no = drawing.state("no");
    assert_eq!(due(no, &drawing, "told"), Some(122 * SECOND), "twice as long, counted anew");
    let cleo = domain.state.person_named(&name("cleo")).unwrap().id;
    let objection = no.announcement(&drawing.id("told")).unwrap().objection.unwrap();
    assert_eq!((objection.by, objection.position), (cleo, 2));
    assert_eq!(drawing.refusal("no", "early"), MotionError::Objected.to_string());
    assert_eq!(drawing.refusal("no", "again"), MotionError::Objected.to_string());
    assert_eq!(drawing.refusal("told", "soon"), MotionError::NoOverride.to_string());
    assert!(drawing.refusal("no", "alone").starts_with("signatures are missing"));
    assert_eq!(due(drawing.state("yes"), &drawing, "told"), Some(122 * SECOND));
    assert_eq!(drawing.state("done").policy(), Some(&b"one"[..]));
    assert!(drawing.replay("told no yes done").is_ok());
}

/// N-102: whoever is removed cannot object to it; any other administrator, or a guardian, can.
#[test]
fn neg_102_those_whom_it_removes_do_not_object() {
    let domain = Domain::of(&slow());
    let drawing = Drawing::new(
        &domain,
        "G -> out[leave cleo, rules 2 ada+ben+dora, join dora admin]
         out -> removed[object out, by cleo]
         out -> other[object out, by ben]
         out -> guardian[object out, by hans]
         out -> stranger[object out, by finn]
         G -> keys[rekey cleo cleo-2] -> thief[object keys, by cleo]
         out -> done[enact out]",
    );
    for (parent, entry) in [("out", "removed"), ("out", "stranger"), ("keys", "thief")] {
        assert!(drawing.refusal(parent, entry).ends_with("has no say in motions"), "{entry}");
    }
    for entry in ["other", "guardian"] {
        assert!(drawing.state(entry).announcement(&drawing.id("out")).unwrap().is_objected());
    }
    assert!(drawing.state("done").person_named(&name("cleo")).is_none());
}

/// GOV-84: what is announced is withdrawn by those who could have made it.
#[test]
fn what_is_announced_can_be_withdrawn() {
    let domain = Domain::of(&slow());
    let drawing = Drawing::new(
        &domain,
        "G -> told[policy one]
         told -> alone[withdraw told, by cleo]
         told -> back[withdraw told, by ben+cleo] -> late[enact told]",
    );
    assert!(drawing.refusal("told", "alone").starts_with("signatures are missing"));
    assert_eq!(drawing.state("back").fate(&drawing.id("told")), Some(Fate::Withdrawn(2)));
    assert!(drawing.refusal("back", "late").contains("no motion"));
}

/// The delay is the one that held when a motion was announced.
#[test]
fn a_shorter_delay_shortens_nothing_announced() {
    let domain = Domain::of(&slow());
    let drawing =
        Drawing::new(&domain, "G -> fast[wait 0] -> told[policy one] -> faster[enact fast]");
    let state = drawing.state("faster");
    assert_eq!(state.rules().main.delay_ms, 0);
    assert_eq!(state.announcement(&drawing.id("told")).unwrap().delay_ms, 60 * SECOND);
    let drawing = Drawing::new(&Domain::new(4, 1), "G -> now[policy one]").state("now").clone();
    assert_eq!(drawing.policy(), Some(&b"one"[..]), "without a delay it takes effect at once");
}

/// GOV-85: guardians bring administrators back, whatever single administrators do; those who rule
/// can withdraw it, and any other change of the rules voids it.
#[test]
fn guardians_bring_administrators_back() {
    let domain = Domain::of(&slow());
    let drawing = Drawing::new(
        &domain,
        "G -> back[recover, leave ben, leave cleo, join dora admin, join emil admin, rules 2 ada+dora+emil, by gabi+hans]
         back -> object[object back, by ada]
         back -> stop[withdraw back, by ada+ben]
         back -> done[enact back] -> works[key hot, by dora+emil]
         back -> told[wait 5] -> changed[enact told] -> late[enact back]
         G -> few[recover, join dora admin, rules 2 ada+ben+cleo+dora, by gabi]
         G -> usurp[recover, join dora admin, rules 2 ada+ben+cleo+dora, by ada+ben]
         G -> more[recover, join dora admin+approve, rules 2 ada+ben+cleo+dora, by gabi+hans]
         G -> policy[policy one, by gabi+hans]",
    );
    let back = drawing.state("back");
    assert_eq!(due(back, &drawing, "back"), Some(601 * SECOND));
    assert!(drawing.refusal("back", "object").starts_with("nobody can object to a recovery"));
    assert_eq!(drawing.state("stop").fate(&drawing.id("back")), Some(Fate::Withdrawn(2)));
    assert!(drawing.state("works").key_named(&name("hot")).is_some());
    assert_eq!(drawing.state("changed").fate(&drawing.id("back")), Some(Fate::Superseded(3)));
    assert!(drawing.refusal("changed", "late").contains("no motion"));
    assert!(drawing.refusal("G", "few").starts_with("signatures are missing"));
    assert!(drawing.refusal("G", "usurp").ends_with("has no say in motions"));
    assert!(drawing.refusal("G", "policy").ends_with("has no say in motions"));
    assert!(drawing.refusal("G", "more").starts_with("a recovery enrols administrators"));
    let without = Drawing::new(&Domain::new(4, 1), "G -> a").state("a").clone();
    assert!(without.rules().recovery.is_none());
}

/// A domain without guardians says so.
#[test]
fn without_a_recovery_rule_nobody_recovers() {
    let domain = Domain::new(4, 1);
    let drawing =
        Drawing::new(&domain, "G -> back[recover, leave cleo, rules 2 ada+ben, by ada+ben]");
    assert_eq!(drawing.refusal("G", "back"), MotionError::NoRecovery.to_string());
}

/// Those who rule do not take everybody's objection away by removing everybody: together those whom
/// a motion removes may object.
#[test]
fn those_whom_a_motion_removes_object_together() {
    let domain = Domain::of(&slow());
    let drawing = Drawing::new(
        &domain,
        "G -> coup[leave cleo, leave gabi, leave hans, leave ines, join dora admin, rules 2 ada+ben+dora, no recovery]
         coup -> one[object coup, by cleo]
         coup -> two[object coup, by cleo+hans]",
    );
    assert!(drawing.refusal("coup", "one").starts_with("signatures are missing"));
    assert!(drawing.state("two").announcement(&drawing.id("coup")).unwrap().is_objected());
}

/// GOV-82: whoever overrides names the objection, so nobody signs an override in advance.
#[test]
fn an_override_is_of_one_objection() {
    let domain = Domain::of(&slow());
    let drawing = Drawing::new(&domain, "G -> told[policy one] -> no[object told, by cleo]");
    let motion = drawing.id("told");
    let early = MotionBody::Override { motion, objection: motion };
    let mut early = Motion::new(drawing.state("no"), early, Digest([3; 32]), EXPIRY);
    early.expects = vec![(Object::Announced(motion), 2)];
    let early = signed_by(drawing.state("told"), SignedMotion::new(&early), &["ada", "ben"]);
    assert_eq!(drawing.state("no").check_motion(&early, NOW), Err(MotionError::NoOverride));
}

/// GOV-80: a motion does not outlive the say of those who announced it.
#[test]
fn what_is_announced_falls_with_those_who_signed_it() {
    let domain = Domain::of(&slow());
    let drawing = Drawing::new(
        &domain,
        "G -> out[leave cleo, rules 2 ada+ben+dora, join dora admin] -> told[policy one, by ben+cleo] -> done[enact out]
         G -> keys[rekey cleo cleo-2] -> more[policy two, by ben+cleo] -> rekeyed[enact keys]",
    );
    let fate = |state: &str, entry: &str| drawing.state(state).fate(&drawing.id(entry));
    assert_eq!(fate("done", "told"), Some(Fate::Superseded(3)), "cleo signed and has no say");
    assert_eq!(fate("rekeyed", "more"), Some(Fate::Superseded(3)), "a thief may have signed");
}

/// GOV-72: a laxer rule for people does not void what is announced about the rules.
#[test]
fn a_laxer_matter_does_not_reach_what_is_announced() {
    let mut slow = slow();
    let lax = Rule::at_once("all of (ada, ben)".parse().unwrap());
    slow.rules.main.tree = "all of (ada, ben, cleo)".parse().unwrap();
    slow.rules.special = vec![(Matter::People, lax)];
    let domain = Domain::of(&slow);
    let drawing = Drawing::new(
        &domain,
        "G -> back[recover, leave cleo, join dora admin, rules 2 ada+ben+dora, by gabi+hans]
         back -> squat[team dora ada+ben]
         back -> join[join dora audit]
         back -> other[join emil audit]",
    );
    for entry in ["squat", "join"] {
        assert!(drawing.refusal("back", entry).starts_with("signatures are missing"), "{entry}");
    }
    assert!(drawing.state("other").announcement(&drawing.id("back")).is_some());
}

/// GOV-80: so many motions of one matter wait at once, and those of others still find room.
#[test]
fn one_matter_crowds_no_other_out() {
    let domain = Domain::of(&slow());
    let many: Vec<String> = (0..9).map(|n| format!("p{n}[policy {n}]")).collect();
    let drawing = Drawing::new(
        &domain,
        &format!(
            "G -> {} -> end[leave cleo, rules 2 ada+ben+dora, join dora admin]",
            many.join(" -> ")
        ),
    );
    assert!(drawing.refusal("p7", "p8").contains("as many motions of this matter"));
    assert!(drawing.state("end").announcement(&drawing.id("end")).is_some());
    let state = drawing.state("end");
    let recovery = Drawing::new(&domain, "G -> back[recover, rekey ben ben-2, by gabi+hans]");
    assert!(
        recovery.state("back").announcement(&recovery.id("back")).is_some(),
        "keys, same rules"
    );
    assert_eq!(state.announced().count(), 9);
}
