//! What a motion would change, in words.

use super::{Motion, MotionBody};
use crate::state::State;
use quorate_access::{LintOptions, Tree};
use quorate_codec::{Transcript, tag};
use quorate_identity::NodeId;

/// The consequence of a motion at a state, in words, one line a fact: what a signer reads before
/// signing.
pub fn effect(motion: &Motion, state: &State) -> Vec<String> {
    match &motion.body {
        MotionBody::KeyCreate { name, scheme, access } => {
            let mut lines = vec![format!("orders the key {name}, which makes {scheme} signatures")];
            lines.extend(access_effect(access, state));
            lines
        }
        MotionBody::PolicySet { bundle } => {
            let digest = Transcript::new(tag::POLICY).part(bundle).digest();
            let replaced = match state.policy_version() {
                0 => "the first policy; until it is in force nothing is signed".to_owned(),
                version => format!("replaces version {version} for every key at once"),
            };
            vec![format!("sets the policy: {} bytes, digest {digest}", bundle.len()), replaced]
        }
    }
}

fn access_effect(access: &Tree<NodeId>, state: &State) -> Vec<String> {
    let name =
        |id: &NodeId| state.node(id).map_or_else(|| id.to_string(), |node| node.name.to_string());
    let report = access.lint(&LintOptions::default());
    let mut lines = vec![
        format!("can be used by {}", access.map(&name)),
        format!("at least {} nodes sign together", access.fewest()),
    ];
    if !report.indispensable.is_empty() {
        let names: Vec<String> = report.indispensable.iter().map(&name).collect();
        lines.push(format!("without {} nothing can be signed", names.join(", ")));
    }
    if report.disjoint_quorums {
        lines.push("two quorums without a common node exist".to_owned());
    }
    lines
}
