//! `bench`: signatures and refreshes on the full path, measured with real processes on this machine.

mod refresh;

use crate::args::Bench as Options;
use crate::demo::intents::{Ether, ether, message, psbt};
use crate::demo::step4_sign::{BITCOIN_PAYEE, PAYEE, script};
use crate::domain::{self, DomainDir, make_dir};
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::replay;
use crate::session::{AUDITOR, Session};
use crate::signals::Signals;
use crate::trial::{
    self, Founding, Running, active, found, order_keys, order_presignatures, serving, set_policy,
};
use quorate_client::contract::{
    Accounts, Bench, ByPart, HexBytes, RefreshBench, RequestState, RequestView, SubmitRequest,
    Totals, routes,
};
use quorate_identity::{KeyId, Scheme};
use quorate_intent::{Intent, Network, p2tr};
use quorate_policy::request::{RequestBody, Signed};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Signatures before the measurement: connections, caches and pair set-ups are warm then.
const WARM_UP: u32 = 5;
/// Syncs measured.
const FSYNCS: usize = 64;
/// Bytes written before each of them: a page, as a small transaction.
const FSYNC_BYTES: usize = 4_096;
/// A signature that takes longer is a failure of the measurement.
const SIGNED_MAX_MS: u64 = 30_000;

/// Founds a domain, measures, and removes it again.
///
/// # Errors
/// The caller's: an unknown scheme, a threshold that no quorum has. A node's.
pub async fn run(options: Options, face: Face) -> Result<()> {
    let scheme: Scheme = options
        .scheme
        .parse()
        .map_err(|error| Failure::caller("bad_scheme", error, "name one of them with --scheme"))?;
    if options.threshold < 2 || options.threshold > options.signers {
        let message = "a quorum has 2 to as many nodes as there are signers";
        return Err(Failure::caller("bad_access", message, "correct --threshold or --signers"));
    }
    if options.count == 0 || options.parallel == 0 {
        let message = "at least one signature is measured";
        return Err(Failure::caller("bad_usage", message, "correct --count or --parallel"));
    }
    let parent = options.dir.clone().unwrap_or_else(std::env::temp_dir);
    let dir = DomainDir::new(parent.join(format!("quorate-bench-{}", std::process::id())));
    let mut signals = Signals::new()?;
    let measured = tokio::select! {
        measured = measure(&options, scheme, &dir, face) => measured,
        () = signals.ended() => {
            Err(Failure::caller("interrupted", "the measurement was interrupted", "run it again"))
        }
    };
    // What is measured here is of no use afterwards.
    let _ = fs::remove_dir_all(dir.path());
    match measured? {
        Measured::Signatures(bench) => face.show(&bench, text),
        Measured::Refreshes(bench) => face.show(&bench, refresh::text),
    }
    Ok(())
}

/// What was measured.
enum Measured {
    Signatures(Bench),
    Refreshes(RefreshBench),
}

async fn measure(
    options: &Options,
    scheme: Scheme,
    dir: &DomainDir,
    face: Face,
) -> Result<Measured> {
    let progress = face.progress("founding a domain and making a key");
    let delay_ms = options.rtt_ms / 2;
    let founding = Founding { domain: "bench", signers: options.signers, delay_ms };
    let at = dir.clone();
    crate::blocking(move || found(&at, &founding)).await?;
    let running = Running::start(dir).await?;
    let measured = match options.refresh {
        None => signatures(options, scheme, dir).await.map(Measured::Signatures),
        Some(accounts) => {
            let measured = refresh::measure(options, scheme, accounts, dir).await;
            measured.map(Measured::Refreshes)
        }
    };
    running.stop().await;
    drop(progress);
    measured
}

async fn signatures(options: &Options, scheme: Scheme, dir: &DomainDir) -> Result<Bench> {
    let (mut times, wall, accounts) = with_nodes(options, scheme, dir).await?;
    times.sort();
    let fsync_p50_ms = fsync_p50(dir.path())?;
    let count = f64::from(options.count);
    let each = |totals: &Totals, unit: f64| each(totals, unit * count);
    Ok(Bench {
        scheme,
        count: options.count,
        p50_ms: quantile(&times, 50),
        p99_ms: quantile(&times, 99),
        per_second: count / wall.as_secs_f64(),
        cpu_ms: each(&accounts.cpu_ns, 1e6),
        bytes_per_signature: each(&accounts.bytes, 1.0),
        fsyncs_per_signature: each(&accounts.fsyncs, 1.0),
        fsync_p50_ms,
        cores: cores(),
    })
}

/// A total in another unit.
fn each(totals: &Totals, unit: f64) -> ByPart {
    ByPart {
        engine: totals.engine as f64 / unit,
        transport: totals.transport as f64 / unit,
        store: totals.store as f64 / unit,
        policy: totals.policy as f64 / unit,
        other: totals.other as f64 / unit,
    }
}

fn cores() -> u32 {
    let cores = std::thread::available_parallelism();
    cores.map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX))
}

/// The first name that a key of a scheme has in a trial domain.
fn key_of(scheme: Scheme) -> &'static str {
    trial::KEYS.into_iter().find(|(_, its)| *its == scheme).map_or("ops", |(key, _)| key)
}

async fn with_nodes(
    options: &Options,
    scheme: Scheme,
    dir: &DomainDir,
) -> Result<(Vec<Duration>, Duration, Accounts)> {
    let reader = trial::session(dir, AUDITOR)?;
    serving(&reader).await?;
    let key = key_of(scheme);
    order_keys(dir, &[(key, scheme)], usize::from(options.threshold), 1).await?;
    set_policy(dir).await?;
    let name = domain::name(key)?;
    let view = active(&reader, &name).await?;
    if let Some(most) = options.presign {
        order_presignatures(dir, &name, most).await?;
    }
    let state = reader.replay().await?;
    let key = replay::key_named(&state, &name)?.key;
    let public_key = view.public_key.map(|key| key.0).unwrap_or_default();
    let asker = Arc::new(Asker {
        session: trial::session(dir, "wallet-service")?,
        key,
        scheme,
        public_key,
        next: AtomicU32::new(0),
    });
    for _ in 0..WARM_UP {
        asker.sign().await?;
    }
    let before = totals(&reader, dir).await?;
    let began = Instant::now();
    let times = in_parallel(&asker, options.count, options.parallel).await?;
    let wall = began.elapsed();
    let after = totals(&reader, dir).await?;
    Ok((times, wall, difference(&after, &before)))
}

/// Who asks for signatures, each time for something else.
struct Asker {
    session: Session,
    key: KeyId,
    scheme: Scheme,
    public_key: Vec<u8>,
    next: AtomicU32,
}

impl Asker {
    /// Files a request and waits for its signature: what a caller waits, in one go.
    async fn sign(&self) -> Result<Duration> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let intent = Intent::from_value(&self.intent(number)?).map_err(|error| {
            Failure::machine("internal", error, "report this: the benchmark's own intent")
        })?;
        let genesis = self.session.founding().genesis();
        let expiry_ms = crate::now_ms() + 600_000;
        let (actor, nonce) = (self.session.actor(), crate::random_bytes());
        let body = RequestBody::new(genesis, self.key, intent, nonce, expiry_ms, actor);
        let began = Instant::now();
        let signed = Signed::sign(&body, self.session.signer())?;
        let request = HexBytes(quorate_codec::to_bytes(&signed));
        let submission = SubmitRequest { request, idempotency_key: None };
        let filed: RequestView =
            self.session.post(routes::SUBMIT_REQUEST.path, &submission).await?;
        let target = routes::wait_request(&filed.request, SIGNED_MAX_MS);
        let view: RequestView = self.session.get(&target).await?;
        let time = began.elapsed();
        match view.state {
            RequestState::Signed => Ok(time),
            _ => Err(crate::commands::request::refused(&view).unwrap_or_else(|| {
                let message = "a signature did not come in time";
                Failure::machine("timeout", message, "look at the nodes' logs with --dir")
            })),
        }
    }

    fn intent(&self, number: u32) -> Result<Value> {
        Ok(match self.scheme {
            Scheme::EcdsaSecp256k1 => {
                let nonce = u64::from(number);
                Ether { nonce, to: PAYEE, value: ether(1), data: &[] }.intent()
            }
            Scheme::Bip340 => {
                let own = p2tr(&self.public_key, Network::Regtest).unwrap_or_default();
                let coin = number.to_be_bytes();
                psbt(script(&own)?, script(BITCOIN_PAYEE)?, coin)
            }
            Scheme::Ed25519 | Scheme::EcdsaP256 => message(&format!("measurement {number}")),
        })
    }
}

async fn in_parallel(asker: &Arc<Asker>, count: u32, parallel: u32) -> Result<Vec<Duration>> {
    let left = Arc::new(AtomicU32::new(count));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..parallel.min(count) {
        let (asker, left) = (Arc::clone(asker), Arc::clone(&left));
        workers.spawn(async move {
            let mut times = Vec::new();
            let take = |left: u32| left.checked_sub(1);
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                times.push(asker.sign().await?);
            }
            Ok::<_, Failure>(times)
        });
    }
    let mut times = Vec::new();
    for worker in workers.join_all().await {
        times.extend(worker?);
    }
    Ok(times)
}

/// The accounts of all nodes together.
async fn totals(reader: &Session, dir: &DomainDir) -> Result<Accounts> {
    let mut sum = Accounts::default();
    for node in dir.read()?.nodes {
        let of: Accounts = reader.at(&node.name).get(routes::ACCOUNTS.path).await?;
        sum = combine(&sum, &of, u64::saturating_add);
    }
    Ok(sum)
}

fn difference(after: &Accounts, before: &Accounts) -> Accounts {
    combine(after, before, u64::saturating_sub)
}

fn combine(a: &Accounts, b: &Accounts, with: fn(u64, u64) -> u64) -> Accounts {
    Accounts {
        cpu_ns: a.cpu_ns.combine(&b.cpu_ns, with),
        bytes: a.bytes.combine(&b.bytes, with),
        fsyncs: a.fsyncs.combine(&b.fsyncs, with),
        signatures: with(a.signatures, b.signatures),
        // A peak is no total: the highest of all.
        memory_peak: a.memory_peak.max(b.memory_peak),
    }
}

/// Median time of a sync on the disk of `dir`, in milliseconds.
fn fsync_p50(dir: &Path) -> Result<f64> {
    make_dir(dir)?;
    let path = dir.join("fsync");
    let failed = |error: std::io::Error| Failure::file(&path, &error);
    let mut file = fs::File::create(&path).map_err(failed)?;
    let mut times = Vec::with_capacity(FSYNCS);
    for _ in 0..FSYNCS {
        file.write_all(&[0x5a; FSYNC_BYTES]).map_err(failed)?;
        let began = Instant::now();
        file.sync_data().map_err(failed)?;
        times.push(began.elapsed());
    }
    times.sort();
    Ok(quantile(&times, 50))
}

/// The time that `percent` of the sorted times do not exceed, in milliseconds.
fn quantile(sorted: &[Duration], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(rank).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

/// A quantity by its parts, in words.
fn parts(of: &ByPart, digits: usize) -> String {
    format!(
        "engine {:.digits$}, transport {:.digits$}, store {:.digits$}, policy {:.digits$}, \
         other {:.digits$}",
        of.engine, of.transport, of.store, of.policy, of.other
    )
}

fn text(bench: &Bench) -> String {
    format!(
        "{} signatures ({})\n  p50 {:.1} ms, p99 {:.1} ms, {:.1} a second\n  \
         CPU ms a signature, all nodes: {}\n  bytes a signature: {}\n  syncs a signature: {}\n  \
         one sync of this disk: p50 {:.2} ms; {} cores",
        bench.count,
        bench.scheme,
        bench.p50_ms,
        bench.p99_ms,
        bench.per_second,
        parts(&bench.cpu_ms, 2),
        parts(&bench.bytes_per_signature, 0),
        parts(&bench.fsyncs_per_signature, 2),
        bench.fsync_p50_ms,
        bench.cores
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_measured_times() {
        let times: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        assert!((quantile(&times, 50) - 50.0).abs() < 1e-9);
        assert!((quantile(&times, 99) - 99.0).abs() < 1e-9);
        assert!((quantile(times.get(..1).unwrap(), 99) - 1.0).abs() < 1e-9);
        assert!(quantile(&[], 50).abs() < 1e-9);
    }
}
