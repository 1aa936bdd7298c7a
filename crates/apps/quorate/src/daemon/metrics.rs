//! `GET /v1/metrics`: the Prometheus text format.

use super::calls;
use super::server::Interface;
use quorate_client::contract::{ErrorBody, KeyStatus, Status, Totals};
use quorate_machine::call::{Call, Caller, View};
use std::fmt::Write;

/// All metrics of this node. A count counts what its name says: signatures are released ones.
///
/// # Errors
/// The node's answer.
pub async fn text(interface: &Interface, caller: Caller) -> Result<String, ErrorBody> {
    match calls::ask(interface, caller, Call::Status).await? {
        View::Status(status) => Ok(render(interface, &status)),
        _ => Err(calls::bug()),
    }
}

fn render(interface: &Interface, status: &Status) -> String {
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
    text
}
