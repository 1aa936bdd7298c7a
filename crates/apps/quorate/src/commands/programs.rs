//! Which programs nodes say that they run, and whether one that is to vote runs what the others run
//! (REL-14).

use crate::face::Face;
use crate::failure::{Exit, Failure, Result};
use crate::session::Session;
use quorate_charter::{Standing, State};
use quorate_client::contract::{ProgramView, Status};
use quorate_codec::Digest;
use quorate_identity::Name;
use quorate_release::Version;
use std::collections::BTreeSet;

/// What each node that answers says that it runs itself.
pub fn own(nodes: &[(Name, Option<Status>)]) -> Vec<(&Name, &ProgramView)> {
    let own = nodes.iter().filter_map(|(name, status)| {
        let line = status.as_ref()?.nodes.iter().find(|line| line.name == *name)?;
        Some((name, line.program.as_ref()?))
    });
    own.collect()
}

/// Shows what a node runs that is to vote, beside what the others run, and refuses what nobody meant.
///
/// # Errors
/// The answer no, with its reason.
pub async fn look_at(
    session: &Session,
    state: &State,
    node: &Name,
    meant: Option<Digest>,
    face: Face,
) -> Result<()> {
    let nodes = session.statuses(state).await;
    let heard = heard_of(node, &nodes);
    let own = own(&nodes);
    let others = || own.iter().filter(|(name, _)| *name != node);
    let said = heard.iter().map(|it| line(node, it));
    let lines: Vec<String> = said.chain(others().map(|(name, it)| line(name, it))).collect();
    face.brief(&lines.join("\n"));
    let is_voter =
        |name: &&Name| state.node_named(name).is_some_and(|node| node.standing == Standing::Votes);
    let voters = others().filter(|(name, _)| is_voter(name)).map(|(_, it)| Program::of(it));
    let judged = judge(&heard, &voters.collect::<Vec<_>>(), state.faults(), state.minimum(), meant);
    judged.map_err(|unfit| unfit.refused(node))
}

fn line(node: &Name, program: &ProgramView) -> String {
    format!("{node:<16} runs {} {}", program.version, program.digest)
}

/// What a node runs, by its own word or as others hear it now; where nobody does, as they last did.
fn heard_of(node: &Name, nodes: &[(Name, Option<Status>)]) -> Vec<ProgramView> {
    let lines = || {
        let lines = nodes.iter().flat_map(|(_, status)| status).flat_map(|status| &status.nodes);
        lines.filter(|line| line.name == *node)
    };
    let programs = |is_alive: bool| {
        let mut programs: Vec<ProgramView> = Vec::new();
        for line in lines().filter(|line| line.alive || !is_alive) {
            if let Some(program) = line.program.as_ref().filter(|it| !programs.contains(it)) {
                programs.push(program.clone());
            }
        }
        programs
    };
    let now = programs(true);
    if now.is_empty() { programs(false) } else { now }
}

/// Version and digest: as a release names them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Program {
    version: String,
    digest: Digest,
}

impl Program {
    fn of(view: &ProgramView) -> Self {
        Self { version: view.version.clone(), digest: view.digest }
    }
}

/// Why a node should not vote with what it runs.
#[derive(Debug, PartialEq, Eq)]
enum Unfit {
    /// Nobody who answers has heard what it runs.
    Unheard,
    /// Nodes heard different things.
    Disputed,
    /// It is older than the charter requires.
    Outdated { runs: String, minimum: Version },
    /// It is not the one that was meant.
    Other { runs: Digest, meant: Digest },
    /// Too few voters run the same.
    Unlike { runs: Digest, alike: usize, needed: usize },
}

/// Holds what a node runs against what voters say that they run. As many as may lie prove nothing, so
/// one more must say the same. Pure.
fn judge(
    heard: &[ProgramView],
    voters: &[Program],
    faults: usize,
    minimum: Option<&Version>,
    meant: Option<Digest>,
) -> std::result::Result<(), Unfit> {
    let heard: BTreeSet<Program> = heard.iter().map(Program::of).collect();
    let mut heard = heard.into_iter();
    let runs = heard.next().ok_or(Unfit::Unheard)?;
    if heard.next().is_some() {
        return Err(Unfit::Disputed);
    }
    if let Some(minimum) = minimum
        && runs.version.parse::<Version>().map_or(true, |version| version < *minimum)
    {
        return Err(Unfit::Outdated { runs: runs.version, minimum: minimum.clone() });
    }
    if let Some(meant) = meant {
        let runs = runs.digest;
        return if runs == meant { Ok(()) } else { Err(Unfit::Other { runs, meant }) };
    }
    let alike = voters.iter().filter(|program| **program == runs).count();
    let needed = faults.saturating_add(1);
    match alike >= needed {
        true => Ok(()),
        false => Err(Unfit::Unlike { runs: runs.digest, alike, needed }),
    }
}

impl Unfit {
    fn refused(&self, node: &Name) -> Failure {
        let refuse = |code: &'static str, message: String, next: String| {
            Failure::caller(code, message, next).with_exit(Exit::Refused)
        };
        match self {
            Self::Unheard => refuse(
                "program_unknown",
                format!("no node that answers has heard what {node} runs"),
                format!("start {node}, wait until `quorate status` shows it, and order it again"),
            ),
            Self::Disputed => refuse(
                "program_unknown",
                format!("nodes heard different things of what {node} runs"),
                format!(
                    "wait until it has spoken to all of them; where it has, one of them lies: \
                         see `quorate status --node` of each, and of {node}"
                ),
            ),
            Self::Outdated { runs, minimum } => refuse(
                "program_outdated",
                format!("{node} runs version {runs}, and the charter requires {minimum}"),
                "install that or a later one there, and start it again".to_owned(),
            ),
            Self::Other { runs, meant } => refuse(
                "program_differs",
                format!("{node} runs the program {runs}, not {meant}"),
                "install there what you mean: see `quorate verify-release`".to_owned(),
            ),
            Self::Unlike { runs, alike, needed } => refuse(
                "program_differs",
                format!(
                    "{node} runs the program {runs}; of the voters that answer {alike} run the same, \
                     {needed} must"
                ),
                format!(
                    "install there what the others run (`quorate verify-release`), or start those that \
                     do not answer; if this program is meant, say so with --program {runs}"
                ),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(version: &str, digest: u8) -> ProgramView {
        ProgramView { version: version.to_owned(), digest: Digest([digest; 32]) }
    }

    fn programs(views: &[ProgramView]) -> Vec<Program> {
        views.iter().map(Program::of).collect()
    }

    /// REL-14: one more than may lie must say the same, version and file.
    #[test]
    fn rel_14_a_node_votes_with_what_the_others_run() {
        let same = view("1.4.1", 1);
        let judge = |voters: &[ProgramView], faults| {
            judge(std::slice::from_ref(&same), &programs(voters), faults, None, None)
        };
        let two = [same.clone(), same.clone()];
        assert_eq!(judge(&two, 1), Ok(()));
        let unlike = |alike, needed| Err(Unfit::Unlike { runs: Digest([1; 32]), alike, needed });
        assert_eq!(judge(&two, 2), unlike(2, 3), "two may lie");
        assert_eq!(judge(&two[..1], 1), unlike(1, 2));
        assert_eq!(judge(&two[..1], 0), Ok(()));
        assert_eq!(judge(&[], 0), unlike(0, 1));
        let mixed = [same.clone(), view("1.4.1", 2), view("1.4.2", 1)];
        assert_eq!(judge(&mixed, 1), unlike(1, 2), "another file, another version");
    }

    /// REL-14: somebody may mean another program, and nobody one that the charter does not allow.
    #[test]
    fn rel_14_what_is_meant_is_named_and_a_minimum_holds_all_the_same() {
        let minimum: Version = "1.4.1".parse().unwrap();
        let judge = |heard: &[ProgramView], minimum, meant: Option<u8>| {
            let voters = programs(&[view("1.4.1", 1), view("1.4.1", 1)]);
            judge(heard, &voters, 1, minimum, meant.map(|byte| Digest([byte; 32])))
        };
        assert_eq!(judge(&[view("1.5.0", 7)], None, Some(7)), Ok(()));
        assert!(matches!(judge(&[view("1.5.0", 7)], None, None), Err(Unfit::Unlike { .. })));
        let meant_another = judge(&[view("1.5.0", 7)], None, Some(8));
        assert!(matches!(meant_another, Err(Unfit::Other { .. })));
        let like_the_others = judge(&[view("1.4.1", 1)], None, Some(8));
        assert!(matches!(like_the_others, Err(Unfit::Other { .. })), "it is not what was meant");
        assert_eq!(judge(&[view("1.4.1", 1)], Some(&minimum), None), Ok(()));
        for old in ["1.4.1-rc.1", "1.3.9", "none"] {
            let judged = judge(&[view(old, 7)], Some(&minimum), Some(7));
            assert!(matches!(judged, Err(Unfit::Outdated { .. })), "{old}");
        }
        assert_eq!(judge(&[], None, Some(7)), Err(Unfit::Unheard));
        let twice = [view("1.4.1", 1), view("1.4.1", 1)];
        assert_eq!(judge(&twice, None, None), Ok(()), "heard by two");
        let disputed = [view("1.4.1", 1), view("1.4.1", 7)];
        assert_eq!(judge(&disputed, None, Some(7)), Err(Unfit::Disputed));
    }
}
