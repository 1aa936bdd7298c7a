//! Calls that the node itself answers, and waiting for the end of a request.

use super::driver::Inbox;
use super::server::{Interface, json};
use axum::response::Response;
use quorate_client::contract::{
    BundleAnswer, ErrorBody, ErrorCode, ExportPartAnswer, Status, routes,
};
use quorate_identity::RequestId;
use quorate_machine::call::{BundlePlace, Call, Caller, Parsed, View, parse};
use quorate_machine::durable::Table;
use quorate_machine::event::{Event, Notice};
use quorate_machine::{BundlesRow, ExportRow};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

/// Answers a verified call.
///
/// # Errors
/// The node's answer, or the caller's fault.
pub async fn answer(
    interface: &Interface,
    caller: Caller,
    method: &str,
    target: &str,
    body: &[u8],
) -> Result<Response, ErrorBody> {
    let state = interface.state.borrow().clone();
    let parse = || parse(&state, &caller, method, target, body);
    // A canary takes its time to verify; other calls are not to wait for that.
    let path = target.split('?').next().unwrap_or_default();
    let Parsed { call, wait_ms } = match path == routes::RECORD_DRILL.path {
        true => {
            // One at a time: they take a core each, and are brought a few times a year.
            let Ok(_turn) = interface.drill_turn.try_lock() else { return Err(busy()) };
            tokio::task::block_in_place(parse)
        }
        false => parse(),
    }?;
    let view = match (wait_ms, &call) {
        (Some(wait_ms), Call::Request(request)) => {
            wait(interface, caller, *request, Duration::from_millis(wait_ms)).await?
        }
        _ => ask(interface, caller, call).await?,
    };
    match view {
        View::Status(status) => json(&View::Status(completed(interface, status))),
        View::Bundle(place) => json(&bundle(interface, place).await?),
        View::ExportPart(row) => json(&export_part(interface, row).await?),
        view => json(&view),
    }
}

/// With what the process knows and the node does not: what opens the store, how copies of the memory
/// are noticed, and what was found about the backups in the store.
fn completed(interface: &Interface, mut status: Status) -> Status {
    status.seal = Some(interface.seal.as_str().to_owned());
    status.attended = Some(interface.attended);
    status.memory = Some(interface.memory.as_str().to_owned());
    let found = interface.findings.read();
    for key in &mut status.keys {
        key.backup_holds = found.get(&key.name).map(|found| found.holds);
    }
    status
}

fn busy() -> ErrorBody {
    let message = "another drill is being verified";
    ErrorBody::new(ErrorCode::Busy, message, "try again in a moment")
}

/// A backup, from the row in which the node says that it lies.
///
/// # Errors
/// It is gone, or the store failed.
pub async fn bundle(interface: &Interface, place: BundlePlace) -> Result<BundleAnswer, ErrorBody> {
    let rows = interface.rows.clone();
    let read = tokio::task::spawn_blocking(move || rows.read(Table::Backup, &place.row)).await;
    let row = read.map_err(|_| bug())?.unwrap_or_else(|error| {
        // Others have it whole.
        tracing::error!(%error, "a backup cannot be read");
        None
    });
    let bundles = row.and_then(|row| quorate_codec::from_bytes::<BundlesRow>(&row).ok());
    let bundle = bundles.and_then(|row| row.bundles.into_iter().nth(place.at));
    let bundle = bundle.map(|bundle| BundleAnswer { bundle: Vec::from(bundle).into() });
    bundle.ok_or_else(|| {
        let message = "this backup is gone from the node's store";
        ErrorBody::new(ErrorCode::UnknownBundle, message, "ask another node; order a refresh")
    })
}

/// This node's part of an exported key, from the row in which the node says that it lies.
async fn export_part(interface: &Interface, row: Vec<u8>) -> Result<ExportPartAnswer, ErrorBody> {
    let rows = interface.rows.clone();
    let read = tokio::task::spawn_blocking(move || rows.read(Table::Export, &row)).await;
    let row = read.map_err(|_| bug())?.unwrap_or_else(|error| {
        tracing::error!(%error, "a part of an exported key cannot be read");
        None
    });
    let row = row.and_then(|row| quorate_codec::from_bytes::<ExportRow>(&row).ok());
    let row = row.ok_or_else(|| {
        let message = "this node's part of the key is gone from its store";
        let next = "ask another node; or order a refresh, with which it makes another one";
        ErrorBody::new(ErrorCode::ExportNotReady, message, next)
    })?;
    let statement = quorate_codec::to_bytes(&row.statement).into();
    Ok(ExportPartAnswer { bundle: Vec::from(row.bundle).into(), statement })
}

/// Asks the node.
///
/// # Errors
/// The node's answer, or that it is stopping.
pub async fn ask(interface: &Interface, caller: Caller, call: Call) -> Result<View, ErrorBody> {
    ask_inbox(&interface.inbox, caller, call).await
}

async fn ask_inbox(inbox: &Inbox, caller: Caller, call: Call) -> Result<View, ErrorBody> {
    let asked = inbox.call(|id| Event::Call { id, caller, call: Box::new(call) }).await;
    asked.unwrap_or_else(|| {
        let next = "ask another node, or this one once it runs again";
        Err(ErrorBody::new(ErrorCode::NotServing, "the node is stopping", next))
    })
}

/// The request once it has ended, or as it stands when the time is over.
async fn wait(
    interface: &Interface,
    caller: Caller,
    request: RequestId,
    time: Duration,
) -> Result<View, ErrorBody> {
    let deadline = Instant::now() + time;
    // Watching begins before the first look, so that nothing falls between the two.
    let mut notices = interface.inbox.watch();
    loop {
        let view = ask(interface, caller.clone(), Call::Request(request)).await?;
        let ended = matches!(&view, View::Request(view) if view.state.is_terminal());
        if ended || deadline <= Instant::now() {
            return Ok(view);
        }
        tokio::select! {
            () = news(&mut notices, request) => {}
            () = tokio::time::sleep_until(deadline) => {}
        }
    }
}

/// Returns when the request may have ended.
async fn news(notices: &mut broadcast::Receiver<Notice>, request: RequestId) {
    loop {
        match notices.recv().await {
            Ok(Notice::Ended(ended)) if ended == request => return,
            // It may be among those that were missed.
            Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
            Ok(_) => {}
        }
    }
}

/// Something that cannot happen.
pub fn bug() -> ErrorBody {
    let message = "the node answered another call";
    ErrorBody::new(ErrorCode::Internal, message, super::server::BUG)
}
