//! `posture`: how a domain stands against what its design expects, graded, each finding with its
//! reason and what to do about it.

#[cfg(test)]
mod tests;

use super::programs;
use crate::args::Posture as Options;
use crate::face::Face;
use crate::failure::{Exit, Failure, Result};
use crate::session::Session;
use quorate_charter::{Declaration, Matter, Node, Role, Rules, Standing, State};
use quorate_client::contract::{CustodianView, CustodyView, KeyState, KeyView, Status, routes};
use quorate_identity::{CredentialKind, Name, NodeId};
use quorate_release::Version;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// A key whose shares are older than this should have had new ones.
const SHARES_AGE_MS_MAX: u64 = 90 * 24 * 60 * 60 * 1_000;
/// So long before a recovery key is to be another one people should know: they meet in person.
const EXPIRY_NOTICE_MS: u64 = 30 * 24 * 60 * 60 * 1_000;
/// The seal that somebody always gives.
const PASSPHRASE: &str = "passphrase";
/// The shortest delay that gives people time to object.
const DELAY_MS_MIN: u64 = 12 * 60 * 60 * 1_000;

/// How well a domain stands: the worst of its findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
enum Grade {
    /// One thing gone wrong may be the end: of secrecy, of the keys, or of the domain.
    D,
    /// One attacker, or one accident, is borne only with luck.
    C,
    /// Something is worth doing.
    B,
    /// As it should be.
    A,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    grade: Grade,
    what: String,
    why: &'static str,
    fix: &'static str,
}

/// What nodes said: each about itself, and one of them about custodians and backups.
struct Said {
    /// Of every node of the charter its status, where it answers.
    nodes: Vec<(Name, Option<Status>)>,
    keys: Vec<KeyView>,
    custody: CustodyView,
}

#[derive(Serialize)]
struct Assessment {
    domain: Name,
    grade: Grade,
    findings: Vec<Finding>,
    /// What nothing here can know.
    unknown: Vec<&'static str>,
}

/// Runs `posture`.
///
/// # Errors
/// The caller's: no such grade. That the domain stands worse than was required (exit 3).
pub async fn run(options: Options, face: Face) -> Result<()> {
    let required = options.require.as_deref().map(str::parse::<Grade>).transpose();
    let required = required.map_err(|()| {
        Failure::caller("bad_grade", "the grades are A, B, C and D", "name one of them")
    })?;
    let session = Session::read(&options.reader)?;
    let state = session.replay().await?;
    let custody: CustodyView = session.get(routes::CUSTODY.path).await?;
    let keys: Vec<KeyView> = session.get(routes::KEYS.path).await?;
    // One that does not answer is a finding, not the end of looking.
    let nodes = session.statuses(&state).await;
    let findings = assess(&state, &Said { nodes, keys, custody }, crate::now_ms());
    let grade = worst(&findings);
    let unknown = vec![
        "whether what is declared of nodes is so",
        "whether people compare words, and read what they sign",
    ];
    let assessment = Assessment { domain: state.domain().clone(), grade, findings, unknown };
    face.show(&assessment, text);
    match required.is_some_and(|required| grade < required) {
        true => {
            let message = format!("the domain stands at {grade}");
            let next = "see the findings: each says what to do";
            Err(Failure::caller("posture", message, next).with_exit(Exit::Refused))
        }
        false => Ok(()),
    }
}

fn text(assessment: &Assessment) -> String {
    let mut lines = vec![format!("{} stands at {}", assessment.domain, assessment.grade)];
    for finding in &assessment.findings {
        lines.push(format!("{}  {}", finding.grade, finding.what));
        lines.push(format!("   why: {}", finding.why));
        lines.push(format!("   fix: {}", finding.fix));
    }
    lines.extend(assessment.unknown.iter().map(|what| format!("?  {what}")));
    lines.join("\n")
}

fn worst(findings: &[Finding]) -> Grade {
    findings.iter().map(|finding| finding.grade).min().unwrap_or(Grade::A)
}

/// Everything that is not as it should be, the worst first. Pure.
fn assess(state: &State, said: &Said, now: u64) -> Vec<Finding> {
    let Said { nodes, keys: views, custody } = said;
    let mut findings = Vec::new();
    voters(state, &mut findings);
    sites(state, &mut findings);
    rules(state.rules(), &mut findings);
    people(state, &mut findings);
    keys(state, nodes, now, &mut findings);
    backups(views, nodes, &mut findings);
    running(nodes, &mut findings);
    seals(state, nodes, &mut findings);
    memory(state, nodes, &mut findings);
    versions(nodes, &mut findings);
    custodians(custody, now, &mut findings);
    findings.sort_by_key(|finding| finding.grade);
    findings
}

fn voters(state: &State, findings: &mut Vec<Finding>) {
    let mut add = |grade, what: String, why, fix| findings.push(Finding { grade, what, why, fix });
    if state.is_staging() {
        let what = "the domain is for staging".to_owned();
        add(Grade::D, what, "it is no place for what must not be lost", "found another domain");
    }
    let (voters, faults) = (state.voters().len(), state.faults());
    if voters - state.quorum() == 0 {
        add(
            Grade::D,
            format!("all {voters} voters are needed to decide"),
            "one machine that stops stops the domain for good",
            "quorate node admit, and node resume: one voter more than must decide",
        );
    } else if faults == 0 {
        add(
            Grade::C,
            format!("{voters} voters bear a crash, and no lie"),
            "one voter that lies can show two charters",
            "quorate node admit until four vote, then node faults 1",
        );
    } else if voters <= 3 * faults {
        add(
            Grade::C,
            format!("{voters} voters, {faults} of whom may lie: with a liar nothing is decided"),
            "a node was suspended or revoked, and nobody came for it",
            "quorate node admit, and node resume",
        );
    }
    for node in state.nodes().filter(|node| node.standing == Standing::Waits) {
        add(
            Grade::B,
            format!("node {} waits: it neither votes nor signs", node.name),
            "there is one spare less than there could be",
            "quorate node resume, or node revoke",
        );
    }
    let witnesses = state.nodes().filter(|node| node.role == Role::Witness).count();
    if witnesses == 0 && voters < 5 {
        add(
            Grade::B,
            "there is no witness".to_owned(),
            "a node that is lost takes a share and a vote with it",
            "give a vote to a machine that holds no shares",
        );
    }
}

/// One thing that is declared of a node.
type Part = fn(&Declaration) -> &String;

/// Who has several nodes in one hand, as far as people declared it.
fn sites(state: &State, findings: &mut Vec<Finding>) {
    let mut add = |grade, what: String, why, fix| findings.push(Finding { grade, what, why, fix });
    let voters = || state.nodes().filter(|node| node.standing == Standing::Votes);
    let parts: [(&str, Part); 3] = [
        ("operator", |declared| &declared.operator),
        ("cloud", |declared| &declared.cloud),
        ("jurisdiction", |declared| &declared.jurisdiction),
    ];
    for (what, part) in parts {
        let declared = |node: &Node| part(&node.declared).clone();
        let silent: Vec<&str> = voters()
            .filter(|node| declared(node).is_empty())
            .map(|node| node.name.as_str())
            .collect();
        if !silent.is_empty() {
            add(
                Grade::B,
                format!("no {what} is declared of {}", silent.join(", ")),
                "nobody can see whether one hand holds too many nodes",
                "quorate node declare",
            );
        }
        let mut hands: BTreeMap<String, BTreeSet<NodeId>> = BTreeMap::new();
        for node in voters().filter(|node| !declared(node).is_empty()) {
            hands.entry(declared(node)).or_default().insert(node.id);
        }
        for (hand, nodes) in hands {
            let mut keys = state.keys().filter(|order| !order.retired);
            let alone = keys.find(|order| {
                order.last_sharing().is_some_and(|sharing| sharing.tree.satisfied(&nodes))
            });
            let (voters, quorum) = (state.voters().len(), state.quorum());
            if let Some(order) = alone {
                add(
                    Grade::D,
                    format!("the nodes of {what} {hand} can use key {} alone", order.name),
                    "whoever has that hand has the key",
                    "quorate key reshare, over nodes of several",
                );
            } else if nodes.len() >= quorum {
                add(
                    Grade::D,
                    format!("the nodes of {what} {hand} decide alone"),
                    "whoever has that hand decides what the charter says",
                    "quorate node admit elsewhere, then node revoke",
                );
            } else if voters - nodes.len() < quorum && nodes.len() > 1 {
                add(
                    Grade::C,
                    format!(
                        "without the {} nodes of {what} {hand} nothing is decided",
                        nodes.len()
                    ),
                    "one accident there stops the domain",
                    "quorate node admit elsewhere, then node revoke",
                );
            }
        }
    }
}

fn rules(rules: &Rules, findings: &mut Vec<Finding>) {
    let mut add = |grade, what: String, why, fix| findings.push(Finding { grade, what, why, fix });
    for (what, rule) in rules.all() {
        if rule.delay_ms < DELAY_MS_MIN {
            add(
                Grade::C,
                format!("{what}: dangerous motions are announced for less than half a day"),
                "whoever has enough keys for a moment can change everything in it",
                "quorate rule set --delay 24h (or --delay-for)",
            );
        } else if rule.overriding.fewest() <= rule.tree.fewest() {
            add(
                Grade::B,
                format!("{what}: as few override an objection as rule"),
                "an objection only delays",
                "quorate rule set --override, over more people",
            );
        }
        if rule.tree.tolerance() == 0 {
            add(
                Grade::C,
                format!("{what}: everybody of {} is needed", rule.tree),
                "one key that is lost is a recovery",
                "quorate rule set --rule, so that one may be missing",
            );
        }
    }
    match &rules.recovery {
        None => add(
            Grade::C,
            "nobody brings administrators back".to_owned(),
            "with too few of them left the domain can never change again",
            "enrol guardians: quorate person admit … --role guardian --recovery TREE",
        ),
        Some(recovery) if recovery.tree.tolerance() == 0 => add(
            Grade::B,
            format!("every guardian of {} is needed", recovery.tree),
            "one of them may be lost as well",
            "quorate rule set --recovery, so that one may be missing",
        ),
        Some(_) => {}
    }
    if rules.for_matter(Matter::Rules).tree.fewest() < rules.main.tree.fewest() {
        add(
            Grade::C,
            "the rules change more easily than what they rule".to_owned(),
            "whoever wants the rest changes the rules first",
            "quorate rule set --rule-for rules=TREE",
        );
    }
}

fn people(state: &State, findings: &mut Vec<Finding>) {
    let decides =
        |roles: &quorate_charter::Roles| roles.administrator || roles.approver || roles.guardian;
    let copyable = state.people().filter(|person| {
        let is_token = |kind| kind == CredentialKind::SecurityKey;
        decides(&person.roles) && !person.keys.iter().all(|key| is_token(key.kind()))
    });
    let copyable: Vec<&str> = copyable.map(|person| person.name.as_str()).collect();
    if !copyable.is_empty() {
        findings.push(Finding {
            grade: Grade::C,
            what: format!("{} decide with keys that may be files", copyable.join(", ")),
            why: "a file is copied unseen, and then somebody else decides too",
            fix: "enrol security keys: quorate person enrol … --key, then person rotate",
        });
    }
    if !state.excepted().is_empty() {
        let names: Vec<&str> = state.excepted().iter().map(Name::as_str).collect();
        findings.push(Finding {
            grade: Grade::B,
            what: format!("{} are, or were, more than one thing at once", names.join(", ")),
            why: "whoever has two roles has two chances",
            fix: "give each role to somebody else",
        });
    }
}

fn keys(state: &State, nodes: &[(Name, Option<Status>)], now: u64, findings: &mut Vec<Finding>) {
    let mut add = |grade, what: String, why, fix| findings.push(Finding { grade, what, why, fix });
    if state.policy().is_none() {
        let what = "there is no policy".to_owned();
        add(Grade::B, what, "nothing can be signed", "quorate policy propose");
    }
    for order in state.keys().filter(|order| !order.retired) {
        let name = &order.name;
        let tree = order.last_sharing().map(|sharing| &sharing.tree);
        if tree.is_some_and(|tree| tree.tolerance() == 0) {
            add(
                Grade::C,
                format!("key {name}: every one of its nodes is needed"),
                "the loss of one node stops it, and may be its loss",
                "quorate key reshare, over one node more than must sign",
            );
        }
        if order.schedule.is_none() {
            add(
                Grade::B,
                format!("key {name} is never refreshed by itself"),
                "shares that were stolen one by one add up",
                "quorate key schedule --every 24h",
            );
        }
        if order.is_imported() {
            add(
                Grade::B,
                format!("key {name} was imported"),
                "somebody had it whole, and may have it still",
                "move what it guards to a key that was made here",
            );
        }
        if order.is_exported() {
            add(
                Grade::C,
                format!("key {name} was exported"),
                "somebody got it whole, and signs without any node",
                "move what it guards to a key that nobody has whole",
            );
        }
        if order.open_exports().next().is_some() {
            add(
                Grade::C,
                format!("key {name}: an export is open"),
                "nodes still give their parts of it",
                "quorate key export end, once it was opened",
            );
        }
        let lines = nodes.iter().filter_map(|(_, status)| status.as_ref());
        let lines = lines.flat_map(|status| &status.keys).filter(|line| line.name == *name);
        let oldest = lines.clone().filter_map(|line| line.oldest_epoch_ms).min();
        if oldest.is_some_and(|at| now.saturating_sub(at) > SHARES_AGE_MS_MAX) {
            add(
                Grade::C,
                format!("key {name}: its shares are older than 90 days"),
                "whoever copied a share then has it still",
                "quorate key refresh",
            );
        }
        if lines.clone().any(|line| line.refresh_overdue_ms > 0) {
            add(
                Grade::C,
                format!("key {name}: its refresh is overdue"),
                "something hinders it, and would hinder a repair too",
                "quorate ceremony show, and quorate status",
            );
        }
    }
}

/// Whether nodes run one program, as they say themselves.
fn versions(nodes: &[(Name, Option<Status>)], findings: &mut Vec<Finding>) {
    let mut add = |grade, what: String, why, fix| findings.push(Finding { grade, what, why, fix });
    let own = programs::own(nodes);
    let newest: Option<Version> =
        own.iter().filter_map(|(_, program)| program.version.parse().ok()).max();
    for (name, program) in &own {
        if program.version.parse().ok() < newest {
            add(
                Grade::C,
                format!("node {name} runs version {}, others a later one", program.version),
                "what was mended since is not mended there",
                "quorate verify-release, install it; then quorate release require",
            );
        }
    }
    let digests: BTreeSet<_> = own.iter().map(|(_, it)| (&it.version, it.digest)).collect();
    let versions: BTreeSet<_> = own.iter().map(|(_, it)| &it.version).collect();
    if digests.len() > versions.len() {
        add(
            Grade::C,
            "nodes run different programs of one version".to_owned(),
            "one of them is not what was released",
            "quorate verify-release, on each machine",
        );
    }
}

fn running(nodes: &[(Name, Option<Status>)], findings: &mut Vec<Finding>) {
    let mut add = |grade, what: String, why, fix| findings.push(Finding { grade, what, why, fix });
    for (name, status) in nodes {
        let Some(status) = status else {
            add(
                Grade::C,
                format!("node {name} does not answer"),
                "there is one spare less",
                "start it, or give its seat to another machine",
            );
            continue;
        };
        if status.halted.is_some() || status.lapsed.is_some() || status.outdated.is_some() {
            add(
                Grade::C,
                format!("node {name} takes part in nothing"),
                "there is one spare less, and it says why",
                "quorate status --node, and do what it says",
            );
        }
        if status.nodes.iter().any(|line| line.quarantined.is_some()) {
            add(
                Grade::C,
                format!("node {name} has quarantined a peer"),
                "a check between them failed: one of them may lie",
                "quorate status --node, then node release or a new seat",
            );
        }
        if !status.successions.is_empty() && status.halted.is_none() {
            add(
                Grade::D,
                format!("node {name} was told that another domain takes over"),
                "it stops for good once the delay is over",
                "quorate succession list; where nobody meant it, quorate succession refuse",
            );
        }
    }
}

/// Who must come after a power cut, and which nodes start for whoever carries them away.
fn seals(state: &State, nodes: &[(Name, Option<Status>)], findings: &mut Vec<Finding>) {
    let mut add = |grade, what: String, why, fix| findings.push(Finding { grade, what, why, fix });
    let mut alone: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, status) in nodes {
        let Some(status) = status else { continue };
        let kind = status.seal.as_deref();
        // Versions that do not say so know no other seal that somebody gives.
        let attended = status.attended.or(kind.map(|kind| kind == PASSPHRASE));
        match attended {
            Some(true) => {
                let given = match kind {
                    None | Some(PASSPHRASE) => "a passphrase".to_owned(),
                    Some(kind) => format!("a PIN that is typed ({kind})"),
                };
                add(
                    Grade::B,
                    format!("node {name} opens with {given}"),
                    "after a power cut somebody must come and type it",
                    "quorate node reseal, or have somebody there",
                );
            }
            Some(false) => {
                let cloud = state.node_named(name).map(|node| node.declared.cloud.as_str());
                if let Some(cloud) = cloud.filter(|cloud| !cloud.is_empty()) {
                    alone.entry(cloud).or_default().push(name.as_str());
                }
            }
            None => {}
        }
    }
    for (cloud, names) in alone.into_iter().filter(|(_, names)| names.len() > 1) {
        let grade = if names.len() > state.faults() { Grade::C } else { Grade::B };
        add(
            grade,
            format!("{} open by themselves in one place: {cloud}", names.join(" and ")),
            "who carries them away, or owns that place, starts them all",
            "quorate node reseal --seal passphrase on one of them, or spread them",
        );
    }
}

/// Which nodes would go on in a copy of their memory, nonces and all.
fn memory(state: &State, nodes: &[(Name, Option<Status>)], findings: &mut Vec<Finding>) {
    let is_blind = |status: &Option<Status>| {
        status.as_ref().is_some_and(|status| status.memory.as_deref() == Some("never"))
    };
    let blind: Vec<&str> = nodes
        .iter()
        .filter(|(_, status)| is_blind(status))
        .map(|(name, _)| name.as_str())
        .collect();
    if blind.is_empty() {
        return;
    }
    let ahead = state.keys().any(|order| order.presignatures > 0 && !order.retired);
    findings.push(Finding {
        grade: if ahead { Grade::C } else { Grade::B },
        what: format!("{} would not notice a copy of their memory", blind.join(", ")),
        why: match ahead {
            true => "resumed twice they sign with one presignature twice, which gives their shares away",
            false => "resumed twice in the middle of a signature they may give their shares away",
        },
        fix: match ahead {
            true => "give those machines a generation id (vmgenid), or quorate key presign --off",
            false => "give those machines a generation id (vmgenid), or never resume a snapshot with memory",
        },
    });
}

/// Whether what restores the keys is there and holds.
fn backups(keys: &[KeyView], nodes: &[(Name, Option<Status>)], findings: &mut Vec<Finding>) {
    let mut add = |grade, what: String, why, fix| findings.push(Finding { grade, what, why, fix });
    for key in keys.iter().filter(|key| key.state != KeyState::Retired && key.backup != "proven") {
        let name = &key.key;
        match key.backup.as_str() {
            "outdated" => add(
                Grade::C,
                format!("key {name} is backed up for custodians who were replaced"),
                "those of now cannot restore it, and those of before can",
                "quorate status says whose recovery key was not shown; then quorate key refresh",
            ),
            _ => add(
                Grade::B,
                format!("key {name} has no backup: it is not made yet"),
                "nothing is signed with a key before its backup is proven",
                "quorate ceremony show, and quorate status: they say what is missing",
            ),
        }
    }
    for (name, status) in nodes {
        let lines = status.iter().flat_map(|status| &status.keys);
        let broken = lines.filter(|line| line.backup_holds == Some(false));
        let broken: Vec<&str> = broken.map(|line| line.name.as_str()).collect();
        if !broken.is_empty() {
            add(
                Grade::C,
                format!("node {name} keeps backups that do not hold: {}", broken.join(", ")),
                "what does not verify restores nothing, and others may lie damaged too",
                "look at that node's log; quorate backup export elsewhere, then quorate key refresh",
            );
        }
    }
}

fn custodians(custody: &CustodyView, now: u64, findings: &mut Vec<Finding>) {
    let mut add = |grade, what: String, why, fix| findings.push(Finding { grade, what, why, fix });
    for (what, tree) in [("shares", &custody.seats), ("keys", &custody.keys)] {
        if tree.tolerance() == 0 {
            add(
                Grade::C,
                format!("every custodian of {tree} is needed to restore {what}"),
                "one recovery key that is lost is the loss of the backup",
                "quorate custodian set, with one custodian more than must open",
            );
        }
    }
    // Whom the charter does not name yet, or who only gets a key, restores nothing.
    let custodians =
        || custody.custodians.iter().filter(|it| it.proposed.is_none() && it.gets.is_none());
    let named = |is: &dyn Fn(&CustodianView) -> bool| {
        let names: Vec<&str> =
            custodians().filter(|it| is(it)).map(|it| it.name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let notice = now.saturating_add(EXPIRY_NOTICE_MS);
    if let Some(names) = named(&|it| it.expires_ms.is_some_and(|at| at <= now)) {
        add(
            Grade::C,
            format!("to have another recovery key by now: {names}"),
            "a key that was kept for too long may be lost, or somebody else's",
            "have them make one; then quorate custodian set",
        );
    }
    if let Some(names) = named(&|it| it.expires_ms.is_some_and(|at| now < at && at <= notice)) {
        add(
            Grade::B,
            format!("to have another recovery key within 30 days: {names}"),
            "a new one is made offline, enrolled by a motion, and shown to every node",
            "have them make one; then quorate custodian set",
        );
    }
    if let Some(names) = named(&|it| !it.is_shown) {
        add(
            Grade::C,
            format!("nobody showed the node that was asked the recovery key of {names}"),
            "a key that nobody holds restores nothing, so nothing is backed up to it there",
            "quorate custodian challenges, and quorate custodian answer",
        );
    }
    for drill in &custody.drills {
        let (grade, what) = match &drill.last {
            None => (Grade::B, format!("no drill was held for {}", drill.tree)),
            Some(_) if drill.due_ms <= now => {
                (Grade::C, format!("the drill for {} is overdue", drill.tree))
            }
            Some(_) => continue,
        };
        let why = "people who never restored anything may not be able to";
        add(grade, what, why, "quorate drill start");
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

impl FromStr for Grade {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        match text {
            "A" => Ok(Self::A),
            "B" => Ok(Self::B),
            "C" => Ok(Self::C),
            "D" => Ok(Self::D),
            _ => Err(()),
        }
    }
}
