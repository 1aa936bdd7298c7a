//! What a node keeps for the custodians is verified again every day: that every backup which the
//! newest record of a key names lies here and proves what it must (EPO-36). What does not hold is an
//! alarm; it stops nothing.

use super::calls;
use super::server::Interface;
use crate::replay;
use quorate_charter::{Decided, EpochRecord, KeyOrder, State};
use quorate_client::contract::{ErrorBody, ErrorCode};
use quorate_identity::Name;
use quorate_machine::call::{Call, View};
use quorate_recovery::backup_file::StoredBundle;
use quorate_recovery::verify::{KeyReport, verify_key};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// From a start to the first time: signing comes first.
const FIRST: Duration = Duration::from_secs(300);
/// Between two times, where the operator says nothing else.
pub const EVERY: Duration = Duration::from_secs(86_400);

/// What was found about a key at the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Whether all of it holds.
    pub holds: bool,
    /// When all of it held the last time, in milliseconds since 1970.
    pub held_ms: Option<u64>,
}

/// What was found about every key of which the node is to keep backups.
#[derive(Debug, Default)]
pub struct Findings(Mutex<BTreeMap<Name, Found>>);

impl Findings {
    /// All of them.
    pub fn read(&self) -> BTreeMap<Name, Found> {
        self.locked().clone()
    }

    fn note(&self, key: &Name, holds: bool, now: u64) {
        let mut all = self.locked();
        let before = all.get(key).and_then(|found| found.held_ms);
        let held_ms = if holds { Some(now) } else { before };
        all.insert(key.clone(), Found { holds, held_ms });
    }

    /// Keeps what is about keys of the charter.
    fn retain(&self, is_live: impl Fn(&Name) -> bool) {
        self.locked().retain(|key, _| is_live(key));
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<Name, Found>> {
        // What was found stands whole whatever happened to another thread.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at everything that the node keeps, again and again, until the process ends.
pub async fn watch(interface: Arc<Interface>, every: Duration) {
    tokio::time::sleep(FIRST.min(every)).await;
    loop {
        let state = interface.state.borrow().clone();
        for order in state.keys().filter(|order| !order.retired) {
            look(&interface, &state, order).await;
        }
        let live = |key: &Name| state.key_named(key).is_some_and(|order| !order.retired);
        interface.findings.retain(live);
        tokio::time::sleep(every).await;
    }
}

/// Looks at one key and says what does not hold.
async fn look(interface: &Interface, state: &Arc<State>, order: &KeyOrder) {
    let key = &order.name;
    match kept(interface, state, order).await {
        // Not made yet, or not a member.
        Ok(None) => {}
        Ok(Some(Kept { decided, bundles })) => {
            let at = Arc::clone(state);
            let judged = tokio::task::spawn_blocking(move || verify_key(&at, &decided, bundles));
            match judged.await {
                Ok(report) => judge(interface, key, &report),
                Err(error) => tracing::error!(%key, %error, "backups could not be verified"),
            }
        }
        Err(error) => tracing::warn!(%key, reason = %error.message, "backups were not looked at"),
    }
}

fn judge(interface: &Interface, key: &Name, report: &KeyReport) {
    interface.findings.note(key, report.holds(), crate::now_ms());
    for failed in report.failures() {
        tracing::error!(%key, reason = %failed, "a backup that this node keeps does not hold");
    }
}

/// What a node keeps of a key.
struct Kept {
    decided: Decided,
    bundles: Vec<StoredBundle>,
}

/// Reads what the newest record names. What is gone is not among it.
async fn kept(
    interface: &Interface,
    state: &State,
    order: &KeyOrder,
) -> Result<Option<Kept>, ErrorBody> {
    let Some((decided, record)) = newest(interface, state, order).await? else { return Ok(None) };
    if !record.plan.committee.contains(&interface.me) {
        return Ok(None);
    }
    let mut bundles = Vec::new();
    for (kind, author, digest) in replay::bundles(&record) {
        let call = Call::Bundle { key: order.name.clone(), bundle: digest };
        let place = calls::ask(interface, calls::anybody(state)?, call).await;
        let bundle = match place {
            Ok(View::Bundle(place)) => calls::bundle(interface, place).await,
            Ok(_) => Err(calls::bug()),
            Err(error) => Err(error),
        };
        match bundle {
            Ok(answer) => bundles.push(StoredBundle { kind, author, bytes: answer.bundle.0 }),
            Err(error) if error.code == ErrorCode::UnknownBundle.as_str() => {}
            Err(error) => return Err(error),
        }
    }
    // An epoch that came meanwhile has backups of its own.
    let is_newest = newest(interface, state, order).await?.is_some_and(|(now, _)| now == decided);
    Ok(is_newest.then_some(Kept { decided, bundles }))
}

async fn newest(
    interface: &Interface,
    state: &State,
    order: &KeyOrder,
) -> Result<Option<(Decided, EpochRecord)>, ErrorBody> {
    let call = Call::EpochRecord(order.name.clone());
    let answer = match calls::ask(interface, calls::anybody(state)?, call).await {
        Ok(View::EpochRecord(answer)) => answer,
        Ok(_) => return Err(calls::bug()),
        Err(error) if error.code == ErrorCode::KeyNotReady.as_str() => return Ok(None),
        Err(error) => return Err(error),
    };
    let record = replay::key_record(state, order, &answer).map_err(|_| calls::bug())?;
    let decided = quorate_codec::from_bytes(&answer.record.0).map_err(|_| calls::bug())?;
    Ok(Some((decided, record)))
}
