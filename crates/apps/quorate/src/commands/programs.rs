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
    let is_voter =
        |name: &Name| state.node_named(name).is_some_and(|node| node.standing == Standing::Votes);
    let heard = Heard::of(node, &nodes, faults, is_voter);
    let own = own(&nodes);
    let others = || own.iter().filter(|(name, _)| *name != node);
    let said = heard.all().into_iter().map(|it| line(node, it));
    let others_say = others().map(|(name, it)| line(name, &Program::of(it)));
    face.brief(&said.chain(others_say).collect::<Vec<_>>().join("\n"));
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
    /// By that of each other voter which answers: as it hears it now, or where neither the node itself
    /// nor enough of them do, as it last did.
    others: Vec<Program>,
}

impl Heard {
    /// Of all that nodes answered, of which so many may lie. Each has one word.
    fn of(
        node: &Name,
        nodes: &[(Name, Option<Status>)],
        faults: usize,
        is_voter: impl Fn(&Name) -> bool,
    ) -> Self {
        let word = |status: &Status| {
            let line = status.nodes.iter().find(|line| line.name == *node)?;
            Some((line.alive, Program::of(line.program.as_ref()?)))
        };
        let mut heard = Self::default();
        let mut others = Vec::new();
        for (name, status) in nodes {
            match status.as_ref().and_then(word) {
                Some((_, program)) if name == node => heard.own = Some(program),
                Some(said) if is_voter(name) => others.push(said),
                _ => {}
            }
        }
        let now = others.iter().filter(|(hears_it, _)| *hears_it).count();
        if heard.own.is_some() || now > faults {
            others.retain(|(hears_it, _)| *hears_it);
        }
        heard.others = others.into_iter().map(|(_, program)| program).collect();
        heard
    }

    /// Each program that somebody names, the node's own word first.
    fn all(&self) -> Vec<&Program> {
        let others: BTreeSet<&Program> = self.others.iter().collect();
        let own = self.own.as_ref();
        own.into_iter().chain(others.into_iter().filter(|it| Some(*it) != own)).collect()
    }

    /// The program that it runs, though so many of the others may lie: it says so itself, or more than
    /// may lie do; and no more than may lie say anything else.
    fn agreed(&self, faults: usize) -> std::result::Result<&Program, Unfit> {
        let all = self.all();
        let is_agreed = |program: &&Program| {
            let unlike_own = self.own.as_ref().is_some_and(|own| own != *program);
            let others = self.others.len() - self.count(program);
            self.names(program, faults) && others <= faults && !unlike_own
        };
        match (all.iter().copied().find(is_agreed), all.as_slice()) {
            (Some(agreed), _) => Ok(agreed),
            (None, []) => Err(Unfit::Unheard),
            (None, [alone]) => Err(self.few(alone, faults)),
            (None, _) => Err(Unfit::Disputed),
        }
    }

    /// The same for the program that is meant: it is enough that it is named.
    fn meant(&self, meant: Digest, faults: usize) -> std::result::Result<&Program, Unfit> {
        let all = self.all();
        let mut is_meant = all.iter().copied().filter(|it| it.digest == meant);
        let named = is_meant.clone().find(|it| self.names(it, faults));
        named.ok_or_else(|| match (is_meant.next(), all.first()) {
            (Some(program), _) => self.few(program, faults),
            (None, Some(other)) => Unfit::Other { runs: other.digest, meant },
            (None, None) => Unfit::Unheard,
        })
    }

    /// Whether the node itself names a program, or more than may lie do.
    fn names(&self, program: &Program, faults: usize) -> bool {
        self.own.as_ref() == Some(program) || self.count(program) > faults
    }

    fn count(&self, program: &Program) -> usize {
        self.others.iter().filter(|it| *it == program).count()
    }

    fn few(&self, program: &Program, faults: usize) -> Unfit {
        let (heard, needed) = (self.count(program), faults.saturating_add(1));
        Unfit::Few { runs: program.digest, heard, needed }
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
    /// Not the node itself, and of the others no more than may lie, say what it runs.
    Few { runs: Digest, heard: usize, needed: usize },
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
        Some(meant) => heard.meant(meant, faults)?,
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
            Self::Few { runs, heard, needed } => refuse(
                "program_unknown",
                format!(
                    "{node} does not say itself what it runs; {heard} of the voters that answer say \
                     {runs}, {needed} must"
                ),
                format!(
                    "let `quorate` reach {node} itself (`quorate node at`), or start others that hear \
                     it, and order it again"
                ),
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
        let few = |runs| Err(Unfit::Few { runs: Digest([runs; 32]), heard: 1, needed: 2 });
        assert_eq!(judge(None, &[&good], None), few(1), "the one may lie");
        assert_eq!(judge(None, &[&good], Some(1)), few(1));
        assert_eq!(judge(None, &[&good, &bad], Some(1)), few(1), "so may either of the two");
        // What one of the others says alone is not what the node runs, whoever meant it.
        assert_eq!(judge(Some(&good), &[&good, &bad], Some(7)), few(7));
        assert_eq!(judge(Some(&good), &[&good], Some(7)), other(1));
        assert_eq!(judge(Some(&bad), &[&good, &good], Some(7)), Ok(()));
        assert_eq!(judge(None, &[&bad, &bad, &good], Some(7)), Ok(()));
    }

    /// REL-14: whoever answers has one word, only voters count, and what is heard now counts before what
    /// was.
    #[test]
    fn rel_14_each_voter_has_one_word() {
        let name = |text: &str| text.parse::<Name>().unwrap();
        let [good, bad] = [view("1.4.1", 1), view("1.4.1", 7)];
        let said = |who: &str, words: &[(&ProgramView, bool)]| {
            let lines: Vec<_> = words
                .iter()
                .map(|(program, alive)| {
                    serde_json::json!({"name": "node-9", "role": "signer", "alive": alive,
                        "program": program, "head": null, "lag": null})
                })
                .collect();
            let status = serde_json::json!({"domain": "d", "head": Digest([0; 32]), "position": 0,
                "node": who, "leased": true, "nodes": lines, "keys": []});
            (name(who), Some(serde_json::from_value::<Status>(status).unwrap()))
        };
        let heard = |nodes: &[(Name, Option<Status>)]| {
            let is_voter = |it: &Name| it.as_str() != "waits";
            let heard = Heard::of(&name("node-9"), nodes, 1, is_voter);
            let digest = |it: &Program| it.digest.as_bytes()[0];
            (heard.own.as_ref().map(digest), heard.others.iter().map(digest).collect::<Vec<_>>())
        };
        let twice = said("node-1", &[(&bad, true), (&bad, true)]);
        let (now, once) = (said("node-2", &[(&good, true)]), said("node-3", &[(&good, false)]));
        let waits = said("waits", &[(&bad, true)]);
        let own = said("node-9", &[(&good, true)]);
        let gone = (name("node-4"), None);
        assert_eq!(heard(&[twice.clone(), once.clone(), gone]), (None, vec![7, 1]));
        assert_eq!(heard(&[twice.clone(), now.clone(), once.clone(), waits]), (None, vec![7, 1]));
        assert_eq!(heard(&[own, twice, once]), (Some(1), vec![7]));
        assert_eq!(heard(&[now]), (None, vec![1]));
    }
}
