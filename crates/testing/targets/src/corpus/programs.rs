//! Seeds of the charter: programs that do what people do, and what nobody may.

use super::Seeds;
use crate::charter::step::{Act, Flaw, Kind, Step};
use crate::charter::{play, program};

/// Signers by their bits.
const ADA: u8 = 1;
const BEN: u8 = 2;
const CLEO: u8 = 4;
const GUS: u8 = 8;
const GWEN: u8 = 16;
const DORA: u8 = 64;

fn motion(kind: Kind, a: u8, b: u8, signers: u8) -> Step {
    Step::new(Act::Motion(kind), a, b, signers)
}

fn enact(number: u8) -> Step {
    Step::new(Act::Enact, number, 0, 0)
}

/// Minutes go by: 60 000 ms is 234 times 2 to the 8th, a bit more.
fn minutes(count: u8) -> Step {
    Step::new(Act::Wait, 240, 7 + count, 0)
}

fn flawed(flaw: Flaw) -> Step {
    Step { flaw, ..motion(Kind::PolicySet, 1, 1, ADA | BEN) }
}

/// The programs, and how many of their entries enter the log.
fn programs() -> Vec<(&'static str, u8, Vec<Step>)> {
    let policy = |a| motion(Kind::PolicySet, a, 3, ADA | BEN);
    let settings = motion(Kind::SettingsSet, 10, 10, ADA | BEN);
    vec![
        (
            "keys-4",
            0,
            vec![
                motion(Kind::KeyCreate, 0, 0, ADA | BEN),
                motion(Kind::KeyRefresh, 0, 0, CLEO),
                motion(Kind::KeySchedule, 0, 31, BEN | CLEO),
                motion(Kind::KeyReshare, 0, 1, ADA | CLEO),
                motion(Kind::KeyCreate, 0, 0, ADA | BEN),
            ],
        ),
        (
            "ends-4",
            0,
            vec![
                policy(1),
                motion(Kind::KeyCreate, 1, 0, ADA | BEN),
                motion(Kind::KeyVoid, 1, 0, ADA | BEN),
                motion(Kind::KeyRetire, 1, 0, ADA | BEN),
                motion(Kind::KeyRefresh, 1, 0, ADA),
            ],
        ),
        (
            "origins-1",
            0,
            vec![
                motion(Kind::KeyImport, 2, 2, ADA | BEN),
                motion(Kind::KeyImport, 1, 3, ADA | BEN),
                motion(Kind::KeyRestore, 0, 2, ADA | BEN),
            ],
        ),
        (
            "policies-3",
            0,
            vec![
                policy(1),
                motion(Kind::PolicySet, 2, 2, ADA),
                policy(2),
                Step { votes: 3, ..policy(3) },
                Step { votes: 5, first: 2, ..policy(4) },
            ],
        ),
        (
            "flaws-1",
            0,
            vec![
                policy(1),
                flawed(Flaw::Position),
                flawed(Flaw::Fork),
                flawed(Flaw::Domain),
                flawed(Flaw::Version),
                flawed(Flaw::OthersKeys),
                flawed(Flaw::Changed),
                flawed(Flaw::MotionDomain),
                flawed(Flaw::Stale),
                flawed(Flaw::Expired),
                flawed(Flaw::Ballot),
                flawed(Flaw::Stranger),
                flawed(Flaw::Forged),
                Step::new(Act::Again, 0, 0, 0),
            ],
        ),
        ("waits-2", 1, vec![settings, enact(0), minutes(2), enact(0), enact(0)]),
        ("hurried-2", 1, vec![settings, Step { flaw: Flaw::Hurried, ..enact(0) }]),
        (
            "objected-4",
            1,
            vec![
                settings,
                motion(Kind::Object, 0, 0, CLEO),
                minutes(4),
                enact(0),
                motion(Kind::Object, 0, 0, BEN),
                motion(Kind::Override, 0, 0, ADA | BEN),
                enact(0),
                minutes(4),
                enact(0),
            ],
        ),
        (
            "withdrawn-2",
            1,
            vec![
                settings,
                motion(Kind::Withdraw, 0, 0, ADA),
                motion(Kind::Withdraw, 0, 0, ADA | CLEO),
                minutes(4),
                enact(0),
            ],
        ),
        (
            "people-2",
            0,
            vec![
                // dora and finn: one joins as an approver, the other leaves
                Step::new(Act::PutMember, 6, 5, 0),
                motion(Kind::People, 6, 0, ADA | BEN),
                motion(Kind::People, 5, 1, ADA | BEN),
                motion(Kind::People, 5, 1, ADA | BEN),
            ],
        ),
        (
            "rules-2",
            0,
            vec![
                // Nobody rules or overrides alone.
                motion(Kind::Rules, 9, 0, ADA | BEN),
                motion(Kind::Rules, 0, 9, ADA | BEN),
                Step::new(Act::PutMember, 6, 0, 0),
                motion(Kind::Rules, 2, 0, ADA | BEN),
                motion(Kind::PolicySet, 1, 1, ADA | DORA),
                motion(Kind::Rules, 7, 0, ADA | BEN),
            ],
        ),
        (
            "rekeyed-2",
            0,
            vec![
                motion(Kind::People, 1, 32, ADA | CLEO),
                motion(Kind::PolicySet, 1, 1, ADA | BEN),
                Step { flaw: Flaw::FormerKeys, ..policy(2) },
            ],
        ),
        (
            "recovery-3",
            1,
            vec![
                Step::new(Act::PutMember, 6, 0, 0),
                motion(Kind::Recover, 2, 1, GUS | GWEN),
                motion(Kind::Object, 0, 0, ADA),
                minutes(2),
                enact(0),
                minutes(8),
                enact(0),
                motion(Kind::PolicySet, 1, 1, CLEO | DORA),
            ],
        ),
        (
            "superseded-3",
            1,
            vec![
                settings,
                motion(Kind::SettingsSet, 9, 9, ADA | BEN),
                minutes(4),
                enact(0),
                enact(0),
            ],
        ),
        (
            "rekeyed-slowly-4",
            1,
            vec![motion(Kind::People, 2, 32, ADA | BEN), settings, minutes(4), enact(0), enact(0)],
        ),
        ("teams-1", 0, vec![motion(Kind::People, 11, 4, ADA | BEN)]),
        (
            "services-2",
            0,
            vec![motion(Kind::People, 10, 15, ADA | BEN), motion(Kind::People, 9, 1, ADA | BEN)],
        ),
        (
            "nodes-4",
            0,
            vec![
                // The keys of the first node are its own.
                motion(Kind::Nodes, 4, 0x10, ADA | BEN),
                motion(Kind::Nodes, 4, 0, ADA | BEN),
                motion(Kind::Nodes, 0, 5, ADA | BEN),
                Step { votes: 6, ..motion(Kind::Nodes, 0, 1, ADA | BEN) },
                motion(Kind::Nodes, 1, 2, ADA | BEN),
                motion(Kind::Nodes, 1, 0, ADA | BEN),
            ],
        ),
        (
            "declared-1",
            0,
            vec![motion(Kind::Nodes, 2, 19, ADA | BEN), motion(Kind::Nodes, 2, 255, ADA | BEN)],
        ),
        (
            "seats-2",
            0,
            vec![
                motion(Kind::SeatGive, 0, 0x20, ADA | BEN),
                motion(Kind::SeatGive, 0, 0x21, ADA | BEN),
                motion(Kind::SeatGive, 1, 0x20, ADA | BEN),
                motion(Kind::SeatGive, 1, 0xa2, ADA | BEN),
            ],
        ),
        (
            "rejoined-2",
            0,
            vec![
                Step::new(Act::Rejoin, 1, 2, 0),
                Step::new(Act::Rejoin, 1, 2, 0),
                Step::new(Act::Rejoin, 1, 3, 0),
                Step::new(Act::Rejoin, 8, 3, 0),
            ],
        ),
        (
            "custody-1",
            0,
            vec![
                motion(Kind::CustodySet, 1, 1, ADA | BEN),
                motion(Kind::CustodySet, 4, 1, ADA | BEN),
                motion(Kind::CustodySet, 6, 1, ADA | BEN),
            ],
        ),
        (
            "thawed-2",
            0,
            vec![
                motion(Kind::Thaw, 1, 1, ADA | BEN),
                motion(Kind::Thaw, 1, 8, BEN | CLEO),
                motion(Kind::Thaw, 1, 0xc8, BEN | CLEO),
            ],
        ),
        (
            "twice-2",
            0,
            vec![
                motion(Kind::KeyCreate, 0, 0, ADA | BEN),
                motion(Kind::KeyRefresh, 0, 0, BEN),
                Step::new(Act::Again, 1, 1, 0),
                Step::new(Act::Again, 1, 0, 0),
            ],
        ),
        (
            "leaving-1",
            2,
            vec![
                // Three of six may not stop at once, two may.
                Step::new(Act::PutNode, 0, 5, 0),
                Step::new(Act::PutNode, 1, 5, 0),
                Step::new(Act::PutNode, 2, 5, 0),
                motion(Kind::Nodes, 0, 0, ADA | BEN | CLEO),
                Step::new(Act::PutNode, 0, 5, 0),
                Step::new(Act::PutNode, 1, 5, 0),
                motion(Kind::Nodes, 0, 0, ADA | BEN | CLEO),
            ],
        ),
        (
            "versions-2",
            0,
            vec![
                motion(Kind::ReleaseRequire, 1, 1, ADA | BEN),
                motion(Kind::ReleaseRequire, 1, 0, ADA | BEN),
                motion(Kind::ReleaseRequire, 2, 0, ADA | BEN),
            ],
        ),
        (
            "six-4",
            2,
            vec![
                motion(Kind::KeyCreate, 0, 2, ADA | BEN),
                motion(Kind::Nodes, 1, 5, ADA | BEN | CLEO),
                motion(Kind::Nodes, 1, 1, ADA | BEN | CLEO),
                minutes(3),
                enact(0),
            ],
        ),
    ]
}

pub fn seeds() -> Seeds {
    let seed =
        |(name, domain, steps): (&str, u8, Vec<Step>)| (name.to_owned(), program(domain, &steps));
    programs().into_iter().map(seed).collect()
}

/// As many entries enter the log as the name says.
pub fn is_fresh(name: &str, bytes: &[u8]) -> bool {
    let count = name.rsplit_once('-').and_then(|(_, count)| count.parse().ok());
    count == Some(play(bytes))
}
