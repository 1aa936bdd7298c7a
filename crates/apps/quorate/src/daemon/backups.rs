//! What a node keeps for the custodians is verified again every day: that every backup which the
//! newest record of a key names lies here and proves what it must (EPO-36). What does not hold is an
//! alarm; it stops nothing.

use super::calls;
use super::server::Interface;
use crate::replay;
use quorate_charter::{Decided, EpochRecord, KeyOrder, State};
use quorate_client::contract::{ErrorBody, ErrorCode};
use quorate_identity::{KeyId, Name, moment};
use quorate_machine::call::{Call, Caller, View};
use quorate_recovery::backup_file::StoredBundle;
use quorate_recovery::verify::{KeyReport, verify_key};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// From a start to the first time: signing comes first.
const FIRST: Duration = Duration::from_secs(300);
/// Between two times, where the operator says nothing else.
pub const EVERY: Duration = Duration::from_secs(86_400);

/// How often a key is looked at again that changes meanwhile; then at the next time.
const LOOKS_MAX: usize = 3;

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

    fn forget(&self, key: &Name) {
        self.locked().remove(key);
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
        let keys: Vec<KeyId> = interface.state.borrow().keys().map(|order| order.key).collect();
        for key in keys {
            look(&interface, &key).await;
        }
        look_at_drills(&interface).await;
        tokio::time::sleep(every).await;
    }
}

/// Says which custodians are to hold a drill by now (GOV-57).
async fn look_at_drills(interface: &Interface) {
    let caller = Caller::of_node();
    let Ok(View::Custody(custody)) = calls::ask(interface, caller, Call::Custody).await else {
        return;
    };
    for drill in custody.drills.iter().filter(|drill| drill.due_ms <= crate::now_ms()) {
        let (tree, since) = (&drill.tree, moment(drill.due_ms));
        tracing::error!(%tree, %since, "a drill of custodians is overdue: `quorate drill start`");
    }
}

/// Looks at one key and says what does not hold.
async fn look(interface: &Interface, key: &KeyId) {
    for _ in 0..LOOKS_MAX {
        let state = interface.state.borrow().clone();
        let Some(order) = state.key(key) else { return };
        let name = &order.name;
        let looked = match order.retired {
            true => Ok(Looked::NotKept),
            false => look_at(interface, &state, order).await,
        };
        match looked {
            // An epoch or an entry came meanwhile; what was found is of before.
            _ if is_outdated(interface, &state, key) => {}
            Ok(Looked::Changed) => {}
            Ok(Looked::NotKept) => return interface.findings.forget(name),
            Ok(Looked::At(report)) => return judge(interface, name, &report),
            Err(error) => {
                tracing::error!(key = %name, reason = %error.message, "backups were not verified");
                return interface.findings.note(name, false, crate::now_ms());
            }
        }
    }
}

/// Whether the charter says something else by now about the key or its custodians.
fn is_outdated(interface: &Interface, state: &State, key: &KeyId) -> bool {
    let now = interface.state.borrow().clone();
    (now.key(key), now.custody_digest()) != (state.key(key), state.custody_digest())
}

fn judge(interface: &Interface, key: &Name, report: &KeyReport) {
    interface.findings.note(key, report.holds(), crate::now_ms());
    for failed in report.failures() {
        tracing::error!(%key, reason = %failed, "a backup that this node keeps does not hold");
    }
}

/// What looking at a key came to.
enum Looked {
    /// It is not made, is retired, or others are its members.
    NotKept,
    /// Another epoch came meanwhile.
    Changed,
    /// What there is, verified. What is gone is missing in it.
    At(Box<KeyReport>),
}

/// Verifies what the newest record names.
async fn look_at(
    interface: &Interface,
    state: &Arc<State>,
    order: &KeyOrder,
) -> Result<Looked, ErrorBody> {
    let Some((decided, record)) = newest(interface, state, order).await? else {
        return Ok(Looked::NotKept);
    };
    if !record.plan.committee.contains(&interface.me) {
        return Ok(Looked::NotKept);
    }
    let mut bundles = Vec::new();
    for (kind, author, digest) in replay::bundles(&record) {
        let call = Call::Bundle { key: order.name.clone(), bundle: digest };
        let bundle = match calls::ask(interface, Caller::of_node(), call).await {
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
    if newest(interface, state, order).await?.is_none_or(|(now, _)| now != decided) {
        return Ok(Looked::Changed);
    }
    let at = Arc::clone(state);
    let verified = tokio::task::spawn_blocking(move || verify_key(&at, &decided, bundles)).await;
    verified.map(|report| Looked::At(Box::new(report))).map_err(|_| calls::bug())
}

async fn newest(
    interface: &Interface,
    state: &State,
    order: &KeyOrder,
) -> Result<Option<(Decided, EpochRecord)>, ErrorBody> {
    let call = Call::EpochRecord(order.name.clone());
    let answer = match calls::ask(interface, Caller::of_node(), call).await {
        Ok(View::EpochRecord(answer)) => answer,
        Ok(_) => return Err(calls::bug()),
        Err(error) if error.code == ErrorCode::KeyNotReady.as_str() => return Ok(None),
        Err(error) => return Err(error),
    };
    let record = replay::key_record(state, order, &answer).map_err(|_| calls::bug())?;
    let decided = quorate_codec::from_bytes(&answer.record.0).map_err(|_| calls::bug())?;
    Ok(Some((decided, record)))
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that panics has failed")]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_hold_keeps_the_time_at_which_it_did() {
        let (findings, key) = (Findings::default(), "ops".parse::<Name>().unwrap());
        findings.note(&key, false, 1);
        assert_eq!(findings.read()[&key], Found { holds: false, held_ms: None });
        findings.note(&key, true, 2);
        assert_eq!(findings.read()[&key], Found { holds: true, held_ms: Some(2) });
        findings.note(&key, false, 3);
        assert_eq!(findings.read()[&key], Found { holds: false, held_ms: Some(2) });
        findings.forget(&key);
        assert_eq!(findings.read(), BTreeMap::new());
    }
}
