//! Survivors that are known, each with the reason why no test notices.

/// `path::function`, what it becomes, and why nobody notices.
const KNOWN: [(&str, &str, &str); 12] = [
    (
        "crates/authority/charter/src/state/judge.rs::check_access",
        "without guard 1",
        "no test founds a domain with the 16,384 keys at which it ends",
    ),
    (
        "crates/base/access/src/notation.rs::gate",
        "without guard 2",
        "the tree that is made next refuses as many children; the guard only stops reading earlier",
    ),
    (
        "crates/base/derivation/src/path.rs::from_str",
        "without guard 3",
        "the path that is made next is refused for the same length; the guard only stops reading earlier",
    ),
    (
        "crates/base/derivation/src/xpub.rs::from_str",
        "without guard 1",
        "what is longer holds no point and is refused once it is decoded; the guard keeps that short",
    ),
    (
        "crates/mpc/keygen/src/deal/round2.rs::finish",
        "without guard 1",
        "the checks of every dealing leave nothing for it to find, but by a chance that no test has",
    ),
    (
        "crates/mpc/keygen/src/deal/round2.rs::finish",
        "without guard 2",
        "every share was compared when it was opened; this compares their sums once more",
    ),
    (
        "crates/node/machine/src/ceremonies/blame.rs::note",
        "without guard 1",
        "what it would find of who takes no part is not proven; the guard keeps less in memory",
    ),
    (
        "crates/node/machine/src/ceremonies/blame.rs::note",
        "without guard 2",
        "a message that is said again proves nothing; the guard spares the attempt to prove it",
    ),
    (
        "crates/node/machine/src/ceremonies/proven.rs::would_end",
        "false",
        "who is guilty already and cannot be spared is proven guilty again: the attempt ends all the same, by its time",
    ),
    (
        "crates/node/machine/src/sessions/mod.rs::is_led_by_another",
        "false",
        "whom a member counts decides only whom it asks first where it leads itself; what a leader gains has its own limit",
    ),
    (
        "crates/node/machine/src/sessions/proposals.rs::accept",
        "without guard 8",
        "two sessions that wait for each other end by their time; the guard spares it",
    ),
    (
        "crates/node/machine/src/ceremonies/outcome.rs::check_commit",
        "without guard 2",
        "the last line refuses the same; the guard spares the proofs of what is not wanted",
    ),
];

/// The reason, if this one is known.
pub fn reason(name: &str, becomes: &str) -> Option<&'static str> {
    let known = KNOWN.iter().find(|known| (known.0, known.1) == (name, becomes));
    known.map(|(_, _, reason)| *reason)
}
