//! What a change of nodes would do, in words.

use super::super::{NodeChange, NodesChange, Standing};
use crate::agreement::quorum;
use crate::motion::Declaration;
use crate::state::State;
use quorate_identity::{Name, NodeId, words};
use std::collections::BTreeSet;

/// Most keys that are named before the others are counted.
const NAMED_MAX: usize = 8;

/// What changes about nodes, one line a fact.
pub(super) fn nodes_effect(change: &NodesChange, state: &State) -> Vec<String> {
    let mut lines: Vec<String> =
        change.changes.iter().flat_map(|one| one_effect(one, state)).collect();
    if let Some(faults) = change.faults {
        lines.push(format!("{faults} voters may lie (before: {})", state.faults()));
        if usize::from(faults) > state.faults() {
            lines.push(
                "every key is shared anew; until then its next epoch is decided as before"
                    .to_owned(),
            );
        }
    }
    let Some((voters, signing)) = state.nodes_after(change) else { return lines };
    let faults = change.faults.map_or(state.faults(), usize::from);
    let decide = quorum(voters.len(), faults);
    if change.faults.is_some() || voters != *state.electorate_now().voters() {
        lines.push(format!(
            "{} nodes vote then, {decide} decide, {faults} may lie (before: {}, {}, {})",
            voters.len(),
            state.voters().len(),
            state.quorum(),
            state.faults()
        ));
        if voters.len() == decide {
            lines
                .push("while any one of them is away nothing is decided, and soon nothing signed: admit another".to_owned());
        }
    }
    lines.extend(keys_effect(&signing, change.revokes(), state));
    lines
}

fn one_effect(change: &NodeChange, state: &State) -> Vec<String> {
    match change {
        NodeChange::Admit { enrolment, declared, standing } => {
            let (name, role) = (&enrolment.body().name, enrolment.body().role);
            let fingerprint = words(&enrolment.body().keys.fingerprint()).join(" ");
            let mut lines = vec![
                format!("admits node {name}, a {role}, under keys with the words: {fingerprint}"),
                "read these words on the machine itself: whoever sits there takes its part"
                    .to_owned(),
                match standing {
                    Standing::Votes => "it votes from then on, whether it runs or not".to_owned(),
                    Standing::Waits => {
                        "it is on probation: it follows the charter, and neither votes nor signs \
                         until a motion lets it"
                            .to_owned()
                    }
                },
            ];
            lines.extend(declared_line(name, declared));
            lines
                .push("it gets no shares by this: a key is shared over it by a reshare".to_owned());
            lines
        }
        NodeChange::Stand { name, standing: Standing::Votes } => {
            vec![format!(
                "node {name} votes from then on, and may hold shares and sign if it is a signer"
            )]
        }
        NodeChange::Stand { name, standing: Standing::Waits } => vec![
            format!("node {name} neither votes nor signs until a motion lets it again"),
            "it keeps its shares; whoever fears for them revokes it".to_owned(),
        ],
        NodeChange::Revoke { name } => vec![
            format!("node {name} is refused from then on, for ever; nobody has its name again"),
            "destroy its disk: it keeps its shares".to_owned(),
        ],
        NodeChange::Declare { name, declared } => {
            let line = declared_line(name, declared);
            let before = state.node_named(name).map(|node| node.declared.clone());
            let before = before.and_then(|declared| declared_line(name, &declared));
            let said = line.unwrap_or_else(|| format!("nothing is declared of node {name}"));
            let before = before.map(|line| format!("before: {line}"));
            std::iter::once(said).chain(before).collect()
        }
    }
}

fn declared_line(name: &Name, declared: &Declaration) -> Option<String> {
    let parts = declared.parts().into_iter().filter(|(_, text)| !text.is_empty());
    let parts: Vec<String> = parts.map(|(what, text)| format!("{what} {text}")).collect();
    (!parts.is_empty()).then(|| format!("declared of node {name}: {}", parts.join(", ")))
}

/// Of keys that those hold who stop signing: who is needed then, and what to do.
fn keys_effect(signing: &BTreeSet<NodeId>, revokes: bool, state: &State) -> Vec<String> {
    let mut touched = Vec::new();
    for order in state.keys().filter(|order| !order.retired) {
        let Some(sharing) = order.last_sharing() else { continue };
        let parties = sharing.tree.parties();
        let stops = |node: &NodeId| state.is_signing(node) && !signing.contains(node);
        if parties.iter().any(stops) {
            touched.push(order.name.as_str());
        }
    }
    let mut lines = Vec::new();
    if revokes {
        lines.push(
            "every key is shared anew by those who stay, as far as they are enough; public keys stay"
                .to_owned(),
        );
    }
    if !touched.is_empty() {
        let named = touched.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
        let more = match touched.len().saturating_sub(NAMED_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let advice = match revokes {
            true => "; order a reshare of each over those who stay",
            false => "",
        };
        lines.push(format!("{named}{more}: one who can sign less{advice}"));
    }
    lines
}
