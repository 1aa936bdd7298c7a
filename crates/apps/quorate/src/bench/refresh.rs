//! `bench --refresh`: all shares of a key made anew, from the order to the end of the old ones.

use super::{cores, difference, each, fsync_p50, key_of, parts, quantile, totals};
use crate::args::Bench as Options;
use crate::domain::{self, DomainDir};
use crate::failure::{Failure, Result};
use crate::session::{AUDITOR, Session};
use crate::trial::{self, active, order_keys, order_refresh, serving};
use quorate_client::contract::{CeremonyView, EpochState, EpochView, RefreshBench, routes};
use quorate_identity::{Name, Scheme};
use std::time::{Duration, Instant};

/// A refresh that takes longer is a failure of the measurement.
const REFRESHED_MAX: Duration = Duration::from_secs(120);
/// How often nodes are asked how far they are.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Makes a key with so many accounts and refreshes it again and again.
///
/// # Errors
/// A node's; not in time.
pub async fn measure(
    options: &Options,
    scheme: Scheme,
    accounts: u16,
    dir: &DomainDir,
) -> Result<RefreshBench> {
    let reader = trial::session(dir, AUDITOR)?;
    serving(&reader).await?;
    let key = key_of(scheme);
    let began = Instant::now();
    order_keys(dir, &[(key, scheme)], usize::from(options.threshold), accounts).await?;
    let name = domain::name(key)?;
    active(&reader, &name).await?;
    let created = began.elapsed();
    let nodes: Vec<Name> = dir.read()?.nodes.into_iter().map(|node| node.name).collect();
    settled(&reader, &nodes, &name, 0).await?;
    let before = totals(&reader, dir).await?;
    let mut times = Vec::new();
    for epoch in 1..=u64::from(options.count) {
        let began = Instant::now();
        order_refresh(dir, &name).await?;
        settled(&reader, &nodes, &name, epoch).await?;
        times.push(began.elapsed());
    }
    let spent = difference(&totals(&reader, dir).await?, &before);
    times.sort();
    let count = f64::from(options.count);
    Ok(RefreshBench {
        scheme,
        accounts,
        count: options.count,
        created_ms: created.as_secs_f64() * 1e3,
        p50_ms: quantile(&times, 50),
        max_ms: quantile(&times, 100),
        cpu_ms: each(&spent.cpu_ns, 1e6 * count),
        bytes_per_refresh: each(&spent.bytes, count),
        fsyncs_per_refresh: each(&spent.fsyncs, count),
        memory_peak: spent.memory_peak,
        fsync_p50_ms: fsync_p50(dir.path())?,
        cores: cores(),
    })
}

/// Waits until every node signs under an epoch and has given up those before it.
async fn settled(reader: &Session, nodes: &[Name], key: &Name, epoch: u64) -> Result<()> {
    let deadline = Instant::now() + REFRESHED_MAX;
    for node in nodes {
        while !is_settled(&reader.at(node), key, epoch).await? {
            if deadline <= Instant::now() {
                let message = format!("epoch {epoch} of {key} was not made at {node} in time");
                return Err(Failure::machine("timeout", message, "look at the nodes' logs"));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    Ok(())
}

async fn is_settled(node: &Session, key: &Name, epoch: u64) -> Result<bool> {
    let epochs: Vec<EpochView> = match node.get(&routes::epochs(key)).await {
        Ok(epochs) => epochs,
        // Not there yet.
        Err(failure) if failure.code() == "key_not_ready" => return Ok(false),
        Err(failure) => return Err(failure),
    };
    let ceremonies: Vec<CeremonyView> = node.get(&routes::ceremony(key)).await?;
    let is_safe = epochs.first().is_some_and(|newest| newest.epoch == epoch && newest.signed);
    let kept = epochs.iter().any(|past| past.state == EpochState::Kept);
    Ok(is_safe && !kept && ceremonies.is_empty())
}

/// The figures in words.
pub fn text(bench: &RefreshBench) -> String {
    format!(
        "{} refreshes of a key with {} accounts ({})\n  made in {:.0} ms; refreshed in p50 {:.0} ms, \
         longest {:.0} ms\n  CPU ms a refresh, all nodes: {}\n  bytes a refresh: {}\n  \
         syncs a refresh: {}\n  memory of a node at most: {} MiB\n  one sync of this disk: p50 {:.2} ms; {} cores",
        bench.count,
        bench.accounts,
        bench.scheme,
        bench.created_ms,
        bench.p50_ms,
        bench.max_ms,
        parts(&bench.cpu_ms, 1),
        parts(&bench.bytes_per_refresh, 0),
        parts(&bench.fsyncs_per_refresh, 1),
        bench.memory_peak >> 20,
        bench.fsync_p50_ms,
        bench.cores
    )
}
