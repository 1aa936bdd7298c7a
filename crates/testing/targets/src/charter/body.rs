//! What motions of a program say: two numbers choose among names, trees and values, of which some
//! are good and some are not.

use super::domain::{custody, key, name, roles, secrets};
use super::step::Kind;
use crate::input::pick;
use quorate_access::Tree;
use quorate_charter::{
    Change, Declaration, Imported, MemberKind, Motion, MotionBody, NodeChange, NodesChange,
    PeopleChange, Recipient, Recovery, RefreshSchedule, Restored, Role, Rule, Rules, Settings,
    SignedEnrolment, SignedMember, SignedSeatClaim, Standing, State, Window,
};
use quorate_codec::Digest;
use quorate_identity::{CredentialSigner, ImporterSecret, KeyId, MotionId, Name, NodeId, Scheme};

/// Who may come, go and change: people, services, teams, and names that are none of theirs.
const MEMBERS: [&str; 14] = [
    "ada", "ben", "cleo", "gus", "gwen", "finn", "dora", "emil", "olga", "bot", "bot-2", "team",
    "greta", "n1",
];

/// Who rules; the last ones must be refused.
const RULES: [&str; 10] = [
    "2 of (ada, ben, cleo)",
    "all of (ada, ben)",
    "2 of (ada, ben, cleo, dora)",
    "2 of (ada, any of (ben, cleo))",
    "2 of (ben, cleo, dora)",
    "all of (dora, emil)",
    "2 of (ada, ben, gus)",
    "any of (ada, ben)",
    "2 of (ada, ben, any of (ada, cleo))",
    "any of (all of (ada, ben), cleo)",
];

/// Who holds shares; the last ones must be refused.
const ACCESS: [&str; 8] = [
    "2 of (n1, n2, n3)",
    "all of (n1, n2)",
    "2 of (n1, n2, n3, n5)",
    "2 of (n2, n3, n5)",
    "2 of (n1, any of (n2, n3))",
    "2 of (n1, n2, n4)",
    "any of (n1, n2)",
    "2 of (n1, n2, n9)",
];

/// Changes that were put aside for the next motion.
#[derive(Default)]
pub struct Aside {
    /// Of members.
    pub members: Vec<Change>,
    /// Of nodes.
    pub nodes: Vec<NodeChange>,
}

/// What the motion says.
pub fn body(state: &State, kind: Kind, a: u8, b: u8, aside: &mut Aside) -> MotionBody {
    let key_name = name(pick(&["hot", "cold", "warm"], a));
    match kind {
        Kind::KeyCreate => MotionBody::KeyCreate {
            name: key_name,
            scheme: pick(&Scheme::ALL, b >> 6),
            access: access(state, b),
            faults: (b >> 3) % 3,
            accounts: pick(&[1, 2, 1_000, 0], b >> 5),
        },
        Kind::PolicySet => MotionBody::PolicySet { bundle: vec![a; usize::from(b)] },
        Kind::KeyRefresh => MotionBody::KeyRefresh { name: key_name },
        Kind::KeyReshare => MotionBody::KeyReshare {
            name: key_name,
            access: access(state, b),
            faults: (b >> 3) % 3,
        },
        Kind::KeyVoid => MotionBody::KeyVoid { name: key_name },
        Kind::KeySchedule => MotionBody::KeySchedule { name: key_name, schedule: schedule(b) },
        Kind::KeyPresign => {
            MotionBody::KeyPresign { name: key_name, most: pick(&[0, 1, 256, 257], b) }
        }
        Kind::KeyRetire => MotionBody::KeyRetire { name: key_name },
        Kind::KeyImport => {
            let lengths = [(Scheme::Ed25519, 32), (Scheme::Bip340, 33), (Scheme::EcdsaP256, 33)];
            let (scheme, length) = pick(&lengths, b);
            let importer = ImporterSecret::from_bytes(&[b; 32]).public();
            let public = vec![b >> 1; length - usize::from(b == 0)];
            let imported = Imported { public, chain_code: Digest([b; 32]), importer };
            let access = access(state, b >> 4);
            MotionBody::KeyImport { name: key_name, scheme, access, faults: 0, imported }
        }
        Kind::KeyRestore => MotionBody::KeyRestore {
            name: key_name.clone(),
            scheme: Scheme::Ed25519,
            access: access(state, b),
            faults: 0,
            accounts: 1,
            restored: Restored {
                key: KeyId(Digest([b; 32])),
                accounts: Digest([b; 32]),
                summands: Digest([b; 32]),
                name: key_name,
            },
        },
        Kind::CustodySet => custody_set(a, b),
        Kind::SeatGive => seat_give(state, a, b),
        Kind::People => {
            let mut changes = std::mem::take(&mut aside.members);
            if changes.is_empty() || b & 0x80 != 0 {
                changes.push(member_change(state, a, b));
            }
            MotionBody::People(people(changes, None))
        }
        Kind::Rules => {
            let changes = std::mem::take(&mut aside.members);
            MotionBody::People(people(changes, Some(rules(state, a, b))))
        }
        Kind::Recover => {
            let changes = std::mem::take(&mut aside.members);
            let recovery = state.rules().recovery.clone();
            let rules = match b & 1 {
                0 => state.rules().clone(),
                _ => Rules { recovery, ..rules(state, a, b) },
            };
            MotionBody::Recover(people(changes, Some(rules)))
        }
        Kind::SettingsSet => MotionBody::SettingsSet {
            settings: Settings {
                lease_ms: u64::from(a) * 5_000,
                clock_bound_ms: u64::from(b) * 500,
            },
        },
        Kind::Object => MotionBody::Object { motion: announced(state, a) },
        Kind::Override => {
            let motion = announced(state, a);
            let objection = state.announcement(&motion).and_then(|it| it.objection);
            let objection = objection.filter(|_| b < 0x80).map_or(motion, |it| it.motion);
            MotionBody::Override { motion, objection }
        }
        Kind::Withdraw => MotionBody::Withdraw { motion: announced(state, a) },
        Kind::Thaw => {
            let freezes = (0..=b % 3).map(|number| Digest([a.wrapping_add(number); 32])).collect();
            let barred = if b & 8 == 8 { vec![name(pick(&MEMBERS, b >> 4))] } else { Vec::new() };
            let refused = (0..b / 64).map(|number| Digest([a.wrapping_add(number); 32])).collect();
            MotionBody::Thaw { freezes, barred, refused }
        }
        Kind::Nodes => {
            let mut changes = std::mem::take(&mut aside.nodes);
            let faults = (b & 0x40 != 0).then_some(b >> 7 | (b & 2));
            if changes.is_empty() && (faults.is_none() || b & 0x20 != 0) {
                changes.push(node_change(a, b));
            }
            changes.sort_by_key(|change| change.name().clone());
            MotionBody::Nodes(NodesChange { changes, faults })
        }
        Kind::ReleaseRequire => {
            let minimum = format!("{}.{}.0", a % 4, b % 4).parse().expect("a version");
            MotionBody::ReleaseRequire { minimum }
        }
        Kind::KeyExport => {
            let recipient = Recipient { name: name(pick(&MEMBERS, b >> 4)), key: vec![a; 40] };
            let recipient = (b & 1 == 0).then_some(recipient);
            MotionBody::KeyExport { name: key_name, recipient }
        }
    }
}

/// An announced motion, or one that never was.
pub fn announced(state: &State, number: u8) -> MotionId {
    let all: Vec<MotionId> = state.announced().map(|it| it.id).collect();
    match all.is_empty() || number > 0xf0 {
        true => MotionId(Digest([number; 32])),
        false => pick(&all, number),
    }
}

fn access(state: &State, number: u8) -> Tree<NodeId> {
    let named: Tree<Name> = pick(&ACCESS, number).parse().expect("a tree");
    let unknown = NodeId(Digest([number; 32]));
    named.map(|node| state.node_named(node).map_or(unknown, |node| node.id))
}

fn schedule(number: u8) -> Option<RefreshSchedule> {
    let window = Window { from: u16::from(number) * 8, minutes: u16::from(number) * 8 };
    (number > 15).then(|| RefreshSchedule {
        every_ms: u64::from(number) * 40_000,
        jitter_ms: u64::from(number >> 4) * 200_000,
        window: (number & 1 == 1).then_some(window),
    })
}

fn custody_set(a: u8, b: u8) -> MotionBody {
    let who = pick(
        &[
            ["greta", "hugo", "iris"],
            ["greta", "jan", "kim"],
            ["ada", "hugo", "iris"],
            ["finn", "hugo", "iris"],
            ["n1", "hugo", "iris"],
            ["bot", "hugo", "iris"],
            ["hugo", "hugo", "iris"],
        ],
        a,
    );
    let custody = custody(&who, 1 + b % 3, b >> 4).expect("a threshold of at most three");
    let excepted = if b & 4 == 4 { vec![name(who[0])] } else { Vec::new() };
    MotionBody::CustodySet { custody, excepted }
}

/// A claim by a machine of new keys, of the node's own, or of another node's.
fn seat_give(state: &State, a: u8, b: u8) -> MotionBody {
    let of = name(&format!("n{}", 1 + a % 6));
    let claimed = name(&format!("n{}", 1 + (a.wrapping_add(b >> 7)) % 6));
    let node = state.node_named(&claimed).map_or(NodeId(Digest([b; 32])), |node| node.id);
    let machine = secrets(pick(&[41, 42, 43, 44, 45, 46, 1, 5], b));
    let arrival = vec![7; usize::from(b >> 5) * 8];
    let claim = SignedSeatClaim::create(state.genesis(), node, arrival, Vec::new(), &machine);
    MotionBody::SeatGive { name: of, claim }
}

/// A change of one member.
pub fn member_change(state: &State, a: u8, b: u8) -> Change {
    let who = pick(&MEMBERS, a);
    let kind = if who.starts_with("bot") { MemberKind::Service } else { MemberKind::Person };
    let kind = if b & 0x40 != 0 { MemberKind::Service } else { kind };
    let say = |number: u8| {
        // One key more than the first, or keys of somebody else.
        let of = if number == 7 { "ada" } else { who };
        let keys = [key(of, number % 4), key(of, 3 + number % 2)];
        let count = 1 + usize::from(number & 1);
        let signers: Vec<&dyn CredentialSigner> =
            keys.iter().take(count).map(|key| &**key as &dyn CredentialSigner).collect();
        SignedMember::create(state.genesis(), name(who), kind, &signers).expect("a statement")
    };
    match b % 5 {
        0 => {
            Change::Enrol { member: say(b >> 5), roles: roles(pick(&[1, 2, 16, 0, 3, 36], b / 5)) }
        }
        1 => Change::Revoke { name: name(who) },
        2 => Change::Keys { member: say(b >> 5) },
        3 => Change::Roles { name: name(who), roles: roles(b / 5 % 64) },
        _ => {
            let mut members: Vec<Name> =
                MEMBERS.iter().skip(usize::from(b / 5 % 8)).take(3).map(|who| name(who)).collect();
            members.sort();
            if b / 5 % 4 == 3 {
                members.clear();
            }
            Change::Team { name: name(who), members }
        }
    }
}

/// Changes in their order, with whoever must be excepted.
fn people(mut changes: Vec<Change>, rules: Option<Rules>) -> PeopleChange {
    changes.sort_by(|left, right| left.name().cmp(right.name()));
    let is_both = |change: &Change| match change {
        Change::Enrol { roles, .. } | Change::Roles { roles, .. } => roles.named().len() > 1,
        _ => false,
    };
    let both = changes.iter().filter(|change| is_both(change));
    let mut excepted: Vec<Name> = both.map(|change| change.name().clone()).collect();
    excepted.retain(|who| who.as_str() != "ada");
    PeopleChange { changes, rules, excepted }
}

fn rules(state: &State, a: u8, b: u8) -> Rules {
    let tree = |number: u8| -> Tree<Name> { pick(&RULES, number).parse().expect("a tree") };
    let delay_ms = u64::from(b >> 4) * 15_000;
    let main = Rule { tree: tree(a), delay_ms, overriding: tree(if b & 8 == 8 { b } else { a }) };
    let names = main.tree.parties().into_iter().map(Tree::Leaf).collect();
    let upkeep = Tree::gate(1, names).expect("somebody");
    let special = if b & 4 == 4 { state.rules().special.clone() } else { Vec::new() };
    let guardians: Tree<Name> = "all of (gus, gwen)".parse().expect("a tree");
    let recovery = match b & 3 {
        0 => state.rules().recovery.clone(),
        1 => None,
        // Too fast for those who rule, where they take their time.
        2 => Some(Recovery { tree: guardians, delay_ms: u64::from(a) * 3_000 }),
        _ => Some(Recovery { tree: guardians, delay_ms: 3_600_000 }),
    };
    Rules { main, upkeep, special, recovery }
}

/// A change of one node.
pub fn node_change(a: u8, b: u8) -> NodeChange {
    let number = 1 + a % 8;
    let of = name(&format!("n{number}"));
    let standing = if b & 4 == 4 { Standing::Waits } else { Standing::Votes };
    match b % 4 {
        0 => {
            let role = if b & 8 == 8 { Role::Witness } else { Role::Signer };
            // Its own keys, or those of the first node.
            let machine = secrets(if b & 0x10 != 0 { 1 } else { number });
            let enrolment = SignedEnrolment::create(of, role, &machine);
            NodeChange::Admit { enrolment, declared: Declaration::default(), standing }
        }
        1 => NodeChange::Stand { name: of, standing },
        2 => NodeChange::Revoke { name: of },
        _ => {
            let operator = "x".repeat(usize::from(b >> 1));
            NodeChange::Declare {
                name: of,
                declared: Declaration { operator, ..Declaration::default() },
            }
        }
    }
}

/// The motion that says it, as its flaw wants it.
pub fn motion(state: &State, body: MotionBody, nonce: u8, expiry_ms: u64) -> Motion {
    Motion::new(state, body, Digest([nonce; 32]), expiry_ms)
}
