//! What a motion would change, in words.

mod nodes;
mod people;

use super::span::Span;
use super::{Motion, MotionBody, most_faults};
use crate::custody::Custody;
use crate::export::{Export, Recipient};
use crate::genesis::Settings;
use crate::rules::objected_ms;
use crate::state::State;
use crate::succession::Succession;
use quorate_access::{LintOptions, Tree};
use quorate_codec::{Transcript, hex, tag};
use quorate_identity::{MotionId, Name, NodeId, moment, words};
use std::collections::BTreeSet;

/// The consequence of a motion at a state, in words, one line a fact: what a signer reads before
/// signing.
pub fn effect(motion: &Motion, state: &State) -> Vec<String> {
    let mut lines = body_effect(&motion.body, state);
    let delay_ms = state.delay_of(&motion.body);
    if delay_ms > 0 {
        lines.push(format!("it is announced first, and takes effect {} later", Span(delay_ms)));
        lines.push(match motion.body {
            MotionBody::Recover(_) => {
                "those who rule can withdraw it until then; nobody can object".to_owned()
            }
            _ => format!(
                "an administrator who objects until then delays it by {} more, and then those must \
                 sign who override objections",
                Span(objected_ms(delay_ms))
            ),
        });
    }
    lines
}

/// The same without what it waits for: of a motion that is announced already, or takes effect.
pub fn body_effect(body: &MotionBody, state: &State) -> Vec<String> {
    match body {
        MotionBody::KeyCreate { name, scheme, access, faults, accounts } => {
            let mut lines = vec![format!("orders the key {name}, which makes {scheme} signatures")];
            if *accounts > 1 {
                lines.push(format!(
                    "it has {accounts} accounts, each with a secret of its own; they are held, \
                     renewed and ended together"
                ));
            }
            lines.extend(access_effect(access, *faults, state));
            lines
        }
        MotionBody::KeyImport { name, scheme, access, faults, imported } => {
            let public = hex::encode(&imported.public);
            let mut lines = vec![
                format!(
                    "brings a key from elsewhere here, as {name}: it makes {scheme} signatures"
                ),
                format!("its public point is {public}; nothing else can be brought"),
                "somebody holds the whole key, alone: whoever still has a copy of it afterwards \
                 can sign without any node, for ever"
                    .to_owned(),
                "destroy every copy after the import, and move what it guards to a key that was \
                 made here as soon as that can be done"
                    .to_owned(),
                "the key is called imported for ever".to_owned(),
            ];
            lines.extend(access_effect(access, *faults, state));
            lines
        }
        MotionBody::KeyRestore { name, scheme, access, faults, accounts, restored } => {
            let mut lines = vec![
                format!(
                    "restores the key {} of the domain before, as {name} here: it makes {scheme} signatures",
                    restored.name
                ),
                format!("its id there is {}; its addresses stay what they were", restored.key),
            ];
            if *accounts > 1 {
                lines.push(format!("it has {accounts} accounts"));
            }
            if restored.name != *name {
                lines.push(format!(
                    "it was called {} and is called {name} from now on: rules for {name} decide about it",
                    restored.name
                ));
            }
            lines.push(
                "nodes of the domain before that turn up again can still sign with it: move what it \
                 guards, unless all of them are destroyed"
                    .to_owned(),
            );
            lines.extend(access_effect(access, *faults, state));
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
        MotionBody::KeyRefresh { name } => vec![
            format!("orders new shares of the key {name} for those who hold it"),
            "the public key and who can sign stay; the old shares are destroyed".to_owned(),
        ],
        MotionBody::KeyReshare { name, access, faults } => {
            reshare_effect(name, access, *faults, state)
        }
        MotionBody::KeyVoid { name } => {
            vec![format!("withdraws what was ordered for the key {name} and is not done")]
        }
        MotionBody::KeySchedule { name, schedule: None } => {
            vec![format!("the key {name} is not refreshed on schedule any more")]
        }
        MotionBody::KeySchedule { name, schedule: Some(schedule) } => {
            vec![format!("the key {name} is refreshed {schedule}")]
        }
        MotionBody::KeyPresign { name, most: 0 } => {
            vec![format!("the key {name} is signed with without presignatures, in three rounds")]
        }
        MotionBody::KeyPresign { name, most } => vec![
            format!("nodes begin up to {most} signatures of the key {name} ahead of requests"),
            "then a signature takes one round of messages instead of three".to_owned(),
            "they are in the memory of nodes only, and never sign raw digests".to_owned(),
            "the security argument is another one, and patents are applied for: see ADR 19"
                .to_owned(),
        ],
        MotionBody::KeyRetire { name } => vec![
            format!("ends the key {name} for ever: it signs nothing more"),
            "all its shares are destroyed; what it still guards is lost".to_owned(),
            "backups and old copies of shares are not destroyed by this".to_owned(),
        ],
        MotionBody::KeyExport { name, recipient: Some(recipient) } => {
            export_effect(name, recipient, state)
        }
        MotionBody::KeyExport { name, recipient: None } => export_end_effect(name, state),
        MotionBody::CustodySet { custody, excepted } => custody_effect(custody, excepted, state),
        MotionBody::SeatGive { name, claim } => {
            let fingerprint = words(&claim.digest()).join(" ");
            let mut lines = vec![
                format!("gives the seat of node {name} to another machine, under other keys"),
                format!("that machine's claim has the words: {fingerprint}"),
                "read these words on the machine itself: whoever sits there holds its shares"
                    .into(),
                format!("the machine that was {name} until now is refused from then on, for ever"),
                "destroy its disk, if it is still there: it keeps its shares".into(),
                "every key is shared anew; public keys stay".into(),
            ];
            let is_heir =
                |succession: &Succession| succession.claim_of(&claim.body().node).is_some();
            if state.succession().is_some_and(is_heir) {
                lines.push(
                    "it is an heir: keys of the domain before that were not restored yet cannot be \
                     any more in this domain"
                        .to_owned(),
                );
            }
            lines
        }
        MotionBody::ReleaseRequire { minimum } => vec![
            match state.minimum() {
                None => format!("nodes must run version {minimum} or a later one"),
                Some(before) => {
                    format!("nodes must run version {minimum} or a later one (before: {before})")
                }
            },
            "one that runs an older one is not heard any more, and neither votes nor signs, until its \
             operator installs another"
                .to_owned(),
            "it cannot be taken back; it takes effect once so many run it that all keys can be used"
                .to_owned(),
        ],
        MotionBody::Nodes(change) => nodes::nodes_effect(change, state),
        MotionBody::People(change) => people::people_effect(change, state),
        MotionBody::Recover(change) => {
            let mut lines = vec![
                "guardians bring administrators back: they do so where too few are left".to_owned(),
            ];
            lines.extend(people::people_effect(change, state));
            lines
        }
        MotionBody::SettingsSet { settings } => settings_effect(settings, state),
        MotionBody::Object { motion } => about(motion, state, "objects to"),
        MotionBody::Override { motion, .. } => about(motion, state, "overrides the objection to"),
        MotionBody::Withdraw { motion } => {
            about(motion, state, "withdraws, so that it never takes effect,")
        }
        MotionBody::Thaw { freezes, barred, refused } => {
            let mut lines: Vec<String> =
                freezes.iter().map(|freeze| format!("ends the freeze {freeze}")).collect();
            lines.extend(refused.iter().map(|cession| {
                format!("refuses the announced succession {cession}: this domain goes on")
            }));
            lines.extend(barred.iter().map(|name| format!("{name} can freeze nothing any more")));
            lines
        }
    }
}

fn settings_effect(settings: &Settings, state: &State) -> Vec<String> {
    let before = state.settings();
    vec![
        format!("a lease holds {} (before: {})", Span(settings.lease_ms), Span(before.lease_ms)),
        format!(
            "clocks of nodes may differ by {} (before: {})",
            Span(settings.clock_bound_ms),
            Span(before.clock_bound_ms)
        ),
    ]
}

/// What a motion about an announced one does, and what that one would do.
fn about(id: &MotionId, state: &State, does: &str) -> Vec<String> {
    let mut lines = vec![format!("{does} the announced motion {id}")];
    match state.announcement(id) {
        None => lines.push("no such motion is announced".to_owned()),
        Some(announced) => {
            let says = body_effect(&announced.motion.body, state);
            lines.extend(says.into_iter().map(|line| format!("which says: {line}")));
        }
    }
    lines
}

fn reshare_effect(name: &Name, access: &Tree<NodeId>, faults: u8, state: &State) -> Vec<String> {
    let mut lines = vec![
        format!("orders the key {name} to be shared over another tree"),
        "the public key stays; the old shares are destroyed".to_owned(),
    ];
    let last = state.key_named(name).and_then(|order| order.last_sharing());
    let before = last.map(|sharing| sharing.tree.parties()).unwrap_or_default();
    let after = access.parties();
    let names = |nodes: Vec<&NodeId>| {
        let names = nodes.into_iter().map(|id| node_name(id, state));
        names.collect::<Vec<_>>().join(", ")
    };
    let leaving: Vec<&NodeId> = before.difference(&after).collect();
    let joining: Vec<&NodeId> = after.difference(&before).collect();
    if !joining.is_empty() {
        lines.push(format!("{} will hold shares from then on", names(joining)));
    }
    if !leaving.is_empty() {
        lines.push(format!("{} will hold none any more", names(leaving)));
    }
    lines.extend(access_effect(access, faults, state));
    lines
}

fn custody_effect(custody: &Custody, excepted: &[Name], state: &State) -> Vec<String> {
    let names = |custody: &Custody| -> BTreeSet<Name> {
        custody.custodians.iter().map(|custodian| custodian.name.clone()).collect()
    };
    let (before, after) = (names(state.custody()), names(custody));
    let listed =
        |names: Vec<&Name>| names.into_iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
    let mut lines = vec![
        format!("shares are restored by {}", custody.seats),
        "with what any one node keeps these restore the shares of all, so the keys too".to_owned(),
        format!("keys are restored without any node's shares by {}", custody.keys),
    ];
    let joining: Vec<&Name> = after.difference(&before).collect();
    if !joining.is_empty() {
        lines.push(format!("{} will be able to restore", listed(joining.clone())));
    }
    let other_key = |name: &&Name| {
        let key = |custody: &Custody| custody.named(name).map(|custodian| custodian.key.clone());
        key(state.custody()) != key(custody)
    };
    let rotated: Vec<&Name> = after.intersection(&before).filter(other_key).collect();
    if !rotated.is_empty() {
        lines.push(format!("{} will restore with another key", listed(rotated.clone())));
    }
    let new = joining.into_iter().chain(rotated).filter_map(|name| custody.named(name));
    lines.extend(new.map(|custodian| {
        let fingerprint = words(&custodian.key_id().digest()).join(" ");
        format!("the recovery key of {} is: {fingerprint}", custodian.name)
    }));
    let leaving: Vec<&Name> = before.difference(&after).collect();
    if !leaving.is_empty() {
        lines.push(format!(
            "{} can still open every backup made until now; destroy its copies",
            listed(leaving)
        ));
    }
    for custodian in &custody.custodians {
        if let Some(expires_ms) = custodian.expires_ms {
            let due = moment(expires_ms);
            lines.push(format!("{} is to have another key by {due}", custodian.name));
        }
    }
    lines.push("every key is shared anew and backed up for them; the public keys stay".to_owned());
    if !excepted.is_empty() {
        lines.push(format!(
            "{} will be more than one thing at once; that is shown for ever",
            listed(excepted.iter().collect())
        ));
    }
    lines
}

fn export_effect(name: &Name, recipient: &Recipient, state: &State) -> Vec<String> {
    let order = state.key_named(name);
    let fewest = order.and_then(|order| order.last_sharing()).map(|it| it.tree.fewest());
    let accounts = order.map_or(1, |order| order.accounts);
    let fingerprint = words(&recipient.key_id().digest()).join(" ");
    let who = &recipient.name;
    let mut lines = vec![
        format!("gives the whole key {name} to whoever holds the recovery key of {who}"),
        match fewest {
            Some(fewest) => format!(
                "until now at least {fewest} nodes sign together; then 1 holder signs alone, without \
                 any node, for ever"
            ),
            None => "then 1 holder signs alone, without any node, for ever".to_owned(),
        },
        "no policy, no approval, no limit and no quorum protects what it guards any more; a refresh, \
         a reshare or another motion takes nothing back"
            .to_owned(),
        match accounts {
            1 => "all keys derived from it are given with it".to_owned(),
            accounts => format!(
                "all its {accounts} accounts, and all keys derived from them, are given with it"
            ),
        },
        format!("the recovery key of {who} is: {fingerprint}"),
        format!(
            "read these words where {who} keeps that key: whoever has another one in its place gets \
             the key"
        ),
        "the key is called exported for ever".to_owned(),
        "move what it guards to another key, unless it is to be used elsewhere from now on"
            .to_owned(),
    ];
    let before = order.map(|order| order.exports.len()).unwrap_or_default();
    if before > 0 {
        lines.push(format!("it was exported {before} times before"));
    }
    lines
}

fn export_end_effect(name: &Name, state: &State) -> Vec<String> {
    let open = state.key_named(name).into_iter().flat_map(|order| order.open_exports());
    let to = open.map(|Export { recipient, .. }| recipient.name.as_str());
    let to = to.collect::<Vec<_>>().join(", ");
    vec![
        format!("nodes give nothing of the key {name} to {to} any more"),
        "whoever collected enough until now has the whole key, for ever: it stays called exported"
            .to_owned(),
        "whoever collected fewer parts has shares of this epoch: refresh the key, so that they are \
         worth nothing"
            .to_owned(),
    ]
}

fn node_name(id: &NodeId, state: &State) -> String {
    state.node_ever(id).map_or_else(|| id.to_string(), |node| node.name.to_string())
}

fn access_effect(access: &Tree<NodeId>, faults: u8, state: &State) -> Vec<String> {
    let name = |id: &NodeId| node_name(id, state);
    let report = access.lint(&LintOptions::default());
    let mut lines = vec![
        format!("can be used by {}", access.map(&name)),
        format!("at least {} nodes sign together", access.fewest()),
        match most_faults(access) {
            0 => "the loss of one node can be the loss of the key".to_owned(),
            most => format!("is to survive the loss of {faults} of its nodes, at most {most}"),
        },
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
