//! `GET /v1/metrics`: the Prometheus text format.

use super::backups::Found;
use super::calls;
use super::server::Interface;
use quorate_client::contract::{
    CustodyView, DrillView, ErrorBody, KeyState, KeyStatus, KeyView, NodeStatus, SessionFigures,
    Status, Totals,
};
use quorate_machine::call::{Call, Caller, View};
use std::fmt::Write;

/// All metrics of this node. A count counts what its name says: signatures are released ones.
///
/// # Errors
/// The node's answer.
pub async fn text(interface: &Interface, caller: Caller) -> Result<String, ErrorBody> {
    let status = calls::ask(interface, caller.clone(), Call::Status).await?;
    let keys = calls::ask(interface, caller.clone(), Call::Keys).await?;
    let custody = calls::ask(interface, caller, Call::Custody).await?;
    match (status, keys, custody) {
        (View::Status(status), View::Keys(keys), View::Custody(custody)) => {
            Ok(render(interface, &status, &keys, &custody))
        }
        _ => Err(calls::bug()),
    }
}

fn render(
    interface: &Interface,
    status: &Status,
    views: &[KeyView],
    custody: &CustodyView,
) -> String {
    let accounts = interface.accounts.read();
    let mut text = String::new();
    let mut metric = |name: &str, kind: &str, help: &str, values: &[(String, f64)]| {
        let _ = writeln!(text, "# HELP quorate_{name} {help}\n# TYPE quorate_{name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(text, "quorate_{name}{labels} {value}");
        }
    };
    let one = |value: f64| [(String::new(), value)];
    let parts = |totals: &Totals, unit: f64| {
        let part = |name: &str, total: u64| (format!("{{part=\"{name}\"}}"), total as f64 / unit);
        [
            part("engine", totals.engine),
            part("transport", totals.transport),
            part("store", totals.store),
            part("policy", totals.policy),
            part("other", totals.other),
        ]
    };
    let help = "CPU time of this process, by part.";
    metric("cpu_seconds_total", "counter", help, &parts(&accounts.cpu_ns, 1e9));
    let help = "Bytes sent to other nodes, by part; for the store, bytes of the rows written.";
    metric("bytes_total", "counter", help, &parts(&accounts.bytes, 1.0));
    let help = "Syncs of the disk, by what waited for them.";
    metric("fsyncs_total", "counter", help, &parts(&accounts.fsyncs, 1.0));
    let help = "Signatures that this node helped to make and that were verified.";
    metric("signatures_total", "counter", help, &one(accounts.signatures as f64));
    let help = "Connections refused because of keys or bytes.";
    metric("refused_connections_total", "counter", help, &one(interface.mesh.refused() as f64));
    metric("charter_position", "gauge", "Position of the head.", &one(status.position as f64));
    let help = "Whether this node holds a lease on its head: only then it signs.";
    metric("leased", "gauge", help, &one(f64::from(u8::from(status.leased))));
    let label = |kind: &str, name: &dyn std::fmt::Display, is: bool| {
        (format!("{{{kind}=\"{name}\"}}"), f64::from(u8::from(is)))
    };
    let nodes: Vec<_> =
        status.nodes.iter().map(|node| label("node", &node.name, node.alive)).collect();
    metric("node_alive", "gauge", "Whether a channel to the node is up.", &nodes);
    for (name, help, values) in sessions(&status.nodes) {
        metric(name, "counter", help, &values);
    }
    let keys: Vec<_> =
        status.keys.iter().map(|key| label("key", &key.name, key.can_sign)).collect();
    metric("key_can_sign", "gauge", "Whether a quorum for the key is there.", &keys);
    let of_keys = |value: &dyn Fn(&KeyStatus) -> Option<f64>| -> Vec<_> {
        let keys = status.keys.iter();
        keys.filter_map(|key| Some((format!("{{key=\"{}\"}}", key.name), value(key)?))).collect()
    };
    let epochs = of_keys(&|key| key.epoch.map(|epoch| epoch as f64));
    metric("key_epoch", "gauge", "The epoch of the key.", &epochs);
    let now = crate::now_ms();
    let ages = of_keys(&|key| Some(now.saturating_sub(key.oldest_epoch_ms?) as f64 / 1e3));
    let help = "Age of the oldest epoch of the key whose shares are not given up.";
    metric("key_oldest_epoch_age_seconds", "gauge", help, &ages);
    let late = of_keys(&|key| Some(key.refresh_overdue_ms as f64 / 1e3));
    let help = "For how long the scheduled refresh of the key is overdue.";
    metric("key_refresh_overdue_seconds", "gauge", help, &late);
    let live = views.iter().filter(|key| key.state != KeyState::Retired);
    let proven: Vec<_> = live.map(|it| label("key", &it.key, it.backup == "proven")).collect();
    let help = "Whether the key is backed up for the custodians of now.";
    metric("key_backup_proven", "gauge", help, &proven);
    let findings = interface.findings.read();
    let of_findings = |value: &dyn Fn(&Found) -> Option<f64>| -> Vec<_> {
        let all = findings.iter();
        all.filter_map(|(key, it)| Some((format!("{{key=\"{key}\"}}"), value(it)?))).collect()
    };
    let holds = of_findings(&|found| Some(f64::from(u8::from(found.holds))));
    let help = "Whether every backup of the key that this node is to keep was there and held.";
    metric("key_backup_holds", "gauge", help, &holds);
    let held = of_findings(&|found| Some(found.held_ms? as f64 / 1e3));
    let help = "When they all held the last time, in seconds since 1970.";
    metric("key_backup_verified_timestamp_seconds", "gauge", help, &held);
    let state = interface.state.borrow().clone();
    let custodians = state.custody().custodians.iter();
    let ends = custodians.filter_map(|custodian| {
        let labels = format!("{{custodian=\"{}\"}}", custodian.name);
        Some((labels, custodian.expires_ms? as f64 / 1e3))
    });
    let help = "Until when the custodian is to have another recovery key, in seconds since 1970.";
    metric("custodian_expires_timestamp_seconds", "gauge", help, &ends.collect::<Vec<_>>());
    let enrolled = custody.custodians.iter().filter(|it| it.proposed.is_none());
    let drilled = enrolled.filter_map(|it| {
        Some((format!("{{custodian=\"{}\"}}", it.name), it.drilled_ms? as f64 / 1e3))
    });
    let help =
        "When the drill was finished in which the custodian is said to have taken part last.";
    metric("custodian_drill_timestamp_seconds", "gauge", help, &drilled.collect::<Vec<_>>());
    let of_trees = |value: &dyn Fn(&DrillView) -> Option<u64>| -> Vec<_> {
        let all = custody.drills.iter();
        let one =
            |it: &DrillView| Some((format!("{{tree=\"{}\"}}", it.tree), value(it)? as f64 / 1e3));
        all.filter_map(one).collect()
    };
    let last = of_trees(&|drill| Some(drill.last.as_ref()?.finished_ms));
    let help = "When the last drill of those who restore by the tree was finished.";
    metric("drill_timestamp_seconds", "gauge", help, &last);
    let due = of_trees(&|drill| Some(drill.due_ms));
    let help = "When the next drill of those who restore by the tree is due.";
    metric("drill_due_timestamp_seconds", "gauge", help, &due);
    text
}

/// Name, help and values of a metric.
type Metric = (&'static str, &'static str, Vec<(String, f64)>);

/// How sessions went, by the nodes that were in them (SES-12). Each counts some of the one before, so they
/// are metrics of their own: values of one would be added up.
fn sessions(nodes: &[NodeStatus]) -> [Metric; 3] {
    let of_nodes = |value: fn(&SessionFigures) -> u64| -> Vec<_> {
        let seen = nodes.iter().filter(|node| node.sessions.sessions > 0);
        seen.map(|it| (format!("{{node=\"{}\"}}", it.name), value(&it.sessions) as f64)).collect()
    };
    let all = of_nodes(|figures| figures.sessions);
    let failed = of_nodes(|figures| figures.failed);
    let broken = of_nodes(|figures| figures.broke);
    [
        ("sessions_total", "Sessions with the node that are over.", all),
        ("sessions_failed_total", "Of these, those that some member made fail.", failed),
        (
            "sessions_broken_total",
            "Of these, those in which the node was silent, refused or was proved false; somebody else may have caused it.",
            broken,
        ),
    ]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics has failed")]
mod tests {
    use super::*;
    use serde_json::json;

    /// SES-12: what counts some of another is not added to it.
    #[test]
    fn no_session_is_in_two_values_of_one_metric() {
        let node = |name: &str, sessions: [u64; 3]| -> NodeStatus {
            let [sessions, failed, broke] = sessions;
            let figures = json!({"sessions": sessions, "failed": failed, "broke": broke});
            let node = json!({"name": name, "role": "signer", "alive": true, "sessions": figures});
            serde_json::from_value(node).unwrap()
        };
        let nodes = [node("node-1", [0; 3]), node("node-2", [9, 4, 1])];
        let of = |value: f64| vec![("{node=\"node-2\"}".to_owned(), value)];
        let found = sessions(&nodes).map(|(name, _, values)| (name, values));
        let expected = [
            ("sessions_total", of(9.0)),
            ("sessions_failed_total", of(4.0)),
            ("sessions_broken_total", of(1.0)),
        ];
        assert_eq!(found, expected);
    }
}
