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
/// `faults` may lie.
///
/// # Errors
/// The answer no, with its reason.
pub async fn look_at(
    session: &Session,
    state: &State,
    node: &Name,
    faults: usize,
    meant: Option<Digest>,
    face: Face,
) -> Result<()> {
    let nodes = session.statuses(state).await;
    let heard = Heard::of(node, &nodes);
    let own = own(&nodes);
    let others = || own.iter().filter(|(name, _)| *name != node);
    let said = heard.all().into_iter().map(|it| line(node, it));
    let others_say = others().map(|(name, it)| line(name, &Program::of(it)));
    face.brief(&said.chain(others_say).collect::<Vec<_>>().join("\n"));
    let is_voter =
        |name: &&Name| state.node_named(name).is_some_and(|node| node.standing == Standing::Votes);
    let voters = others().filter(|(name, _)| is_voter(name)).map(|(_, it)| Program::of(it));
    let judged = judge(&heard, &voters.collect::<Vec<_>>(), faults, state.minimum(), meant);
    judged.map_err(|unfit| unfit.refused(node))
}

fn line(node: &Name, program: &Program) -> String {
    format!("{node:<16} runs {} {}", program.version, program.digest)
}

/// What is heard of the program that a node runs.
#[derive(Debug, Default)]
struct Heard {
    /// By its own word.
    own: Option<Program>,
    /// By that of each other node which answers: as it hears it now, or where nobody does, as it last
    /// did.
    others: Vec<Program>,
}

impl Heard {
    fn of(node: &Name, nodes: &[(Name, Option<Status>)]) -> Self {
        let lines: Vec<(bool, bool, Program)> = nodes
            .iter()
            .filter_map(|(name, status)| Some((name == node, status.as_ref()?)))
            .flat_map(|(is_own, status)| status.nodes.iter().map(move |line| (is_own, line)))
            .filter(|(_, line)| line.name == *node)
            .filter_map(|(is_own, line)| {
                Some((is_own, line.alive, Program::of(line.program.as_ref()?)))
            })
            .collect();
        let is_heard = lines.iter().any(|(_, is_alive, _)| *is_alive);
        let mut heard = Self::default();
        for (is_own, _, program) in lines.into_iter().filter(|it| it.1 || !is_heard) {
            match is_own {
                true => heard.own = Some(program),
                false => heard.others.push(program),
            }
        }
        heard
    }

    /// Each program that somebody names.
    fn all(&self) -> BTreeSet<&Program> {
        self.own.iter().chain(&self.others).collect()
    }

    /// The program that it runs, though so many of the others may lie: it says so itself, or more than
    /// may lie do; and no more than may lie say anything else.
    fn agreed(&self, faults: usize) -> std::result::Result<&Program, Unfit> {
        let all = self.all();
        if let (Some(alone), 1) = (all.first().copied(), all.len()) {
            return Ok(alone);
        }
        let is_agreed = |program: &&Program| {
            let alike = self.others.iter().filter(|it| it == program).count();
            self.names(program, faults) && self.others.len().saturating_sub(alike) <= faults
        };
        let unlike_own = |program: &Program| self.own.as_ref().is_some_and(|own| own != program);
        let agreed = all.iter().copied().find(|it| is_agreed(it) && !unlike_own(it));
        agreed.ok_or(if all.is_empty() { Unfit::Unheard } else { Unfit::Disputed })
    }

    /// Whether the node itself names a program, or more than may lie do.
    fn names(&self, program: &Program, faults: usize) -> bool {
        let alike = self.others.iter().filter(|it| *it == program).count();
        self.own.as_ref() == Some(program) || alike > faults
    }
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
/// one more must say the same, and no more hold anything up. Pure.
fn judge(
    heard: &Heard,
    voters: &[Program],
    faults: usize,
    minimum: Option<&Version>,
    meant: Option<Digest>,
) -> std::result::Result<(), Unfit> {
    let runs = match meant {
        None => heard.agreed(faults)?,
        Some(meant) => {
            let all = heard.all();
            let is_meant = |it: &&Program| it.digest == meant && heard.names(it, faults);
            let other = || all.first().map(|it| Unfit::Other { runs: it.digest, meant });
            all.iter().copied().find(is_meant).ok_or_else(|| other().unwrap_or(Unfit::Unheard))?
        }
    };
    if let Some(minimum) = minimum
        && runs.version.parse::<Version>().map_or(true, |version| version < *minimum)
    {
        return Err(Unfit::Outdated { runs: runs.version.clone(), minimum: minimum.clone() });
    }
    if meant.is_some() {
        return Ok(());
    }
    let alike = voters.iter().filter(|program| *program == runs).count();
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
                    "wait until it has spoken to all of them; where it has, some of them lie: see \
                     `quorate status --node` of each, and of {node}, and name with --program what is \
                     meant"
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
                     do not answer, and add those that your domain.json does not list (`quorate node \
                     at`); if this program is meant, say so with --program {runs}"
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

    fn heard(own: Option<&ProgramView>, others: &[ProgramView]) -> Heard {
        Heard { own: own.map(Program::of), others: programs(others) }
    }

    /// REL-14: one more than may lie must say the same, version and file.
    #[test]
    fn rel_14_a_node_votes_with_what_the_others_run() {
        let same = view("1.4.1", 1);
        let heard = heard(Some(&same), &[]);
        let judge =
            |voters: &[ProgramView], faults| judge(&heard, &programs(voters), faults, None, None);
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
        let judge = |runs: &[ProgramView], minimum, meant: Option<u8>| {
            let voters = programs(&[view("1.4.1", 1), view("1.4.1", 1)]);
            let heard = heard(runs.first(), runs);
            judge(&heard, &voters, 1, minimum, meant.map(|byte| Digest([byte; 32])))
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
        for meant in [None, Some(7)] {
            assert_eq!(judge(&[], None, meant), Err(Unfit::Unheard));
        }
    }

    /// REL-14: as many as may lie neither hold up a node nor bring one in.
    #[test]
    fn rel_14_those_who_lie_about_a_node_are_outvoted() {
        let [good, bad] = [view("1.4.1", 1), view("1.4.1", 7)];
        let voters = programs(&[good.clone(), good.clone()]);
        let judge = |own: Option<&ProgramView>, others: &[&ProgramView], meant: Option<u8>| {
            let others: Vec<ProgramView> = others.iter().copied().cloned().collect();
            judge(&heard(own, &others), &voters, 1, None, meant.map(|it| Digest([it; 32])))
        };
        let disputed = Err(Unfit::Disputed);
        let other = |runs| Err(Unfit::Other { runs: Digest([runs; 32]), meant: Digest([7; 32]) });
        assert_eq!(judge(Some(&good), &[&good, &bad], None), Ok(()));
        assert_eq!(judge(Some(&good), &[&bad], None), Ok(()), "it knows best, and one may lie");
        assert_eq!(judge(Some(&good), &[&bad, &bad], None), disputed, "not two");
        assert_eq!(judge(Some(&bad), &[&good, &good], None), disputed, "it may be the liar");
        assert_eq!(judge(None, &[&good, &good, &bad], None), Ok(()), "its door is shut to us");
        assert_eq!(judge(None, &[&good, &bad], None), disputed);
        // What one of the others says alone is not what the node runs, whoever meant it.
        assert_eq!(judge(Some(&good), &[&good, &bad], Some(7)), other(1));
        assert_eq!(judge(Some(&bad), &[&good, &good], Some(7)), Ok(()));
        assert_eq!(judge(None, &[&bad, &bad, &good], Some(7)), Ok(()));
    }
}
