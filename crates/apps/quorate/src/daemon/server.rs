//! The interface for people and services: HTTP over TLS with the node's raw public key.
//!
//! Every call passes the same gates, in this order: path and body within their limits, the
//! four headers, a signer whom the charter knows, the signature over exactly the bytes as sent,
//! the time and the nonce (API-04 to API-08). Only then does anything look at what is asked.

use super::accounts::Accounts;
use super::backups::Findings;
use super::driver::Inbox;
use super::generation::Notice;
use super::{calls, events, metrics};
use crate::now_ms;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State as Shared;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use axum::response::Response;
use axum::serve::Listener;
use http_body_util::BodyExt;
use quorate_charter::State;
use quorate_client::contract::call::{
    Addressed, BODY_BYTES_MAX, CallError, CallHeaders, ReplayGuard, TARGET_BYTES_MAX,
};
use quorate_client::contract::{ErrorAnswer, ErrorBody, ErrorCode, openapi, routes};
use quorate_identity::NodeId;
use quorate_machine::call::{Caller, out_of_scope};
use quorate_store::{SealKind, StoreReader};
use quorate_transport::{ApiListener, ApiStream, MeshHandle};
use serde::Serialize;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// A call that has not sent its body within this time is dropped.
const BODY_MAX: Duration = Duration::from_secs(20);

/// So many bytes of a body that is too long are read before the answer; then the connection
/// closes.
const BODY_BYTES_DRAINED_MAX: usize = 8 * BODY_BYTES_MAX;

/// What the interface of one node knows.
pub struct Interface {
    /// The node.
    pub me: NodeId,
    /// Where its events go.
    pub inbox: Inbox,
    /// The charter at the node's head.
    pub state: watch::Receiver<Arc<State>>,
    /// Where the node's time goes.
    pub accounts: Arc<Accounts>,
    /// The node's channels, for metrics.
    pub mesh: MeshHandle,
    /// Reads rows of backups.
    pub rows: StoreReader,
    /// What was found about them.
    pub findings: Findings,
    /// Calls of the current window.
    pub replays: Mutex<ReplayGuard>,
    /// Held by the one call that has a canary verified.
    pub drill_turn: tokio::sync::Mutex<()>,
    /// What opens the store.
    pub seal: SealKind,
    /// Whether somebody gives it.
    pub attended: bool,
    /// How a copy of the memory would be noticed.
    pub memory: Notice,
}

/// Serves until the process ends.
pub async fn serve(listener: ApiListener, interface: Arc<Interface>) {
    let router = Router::new().fallback(handle).with_state(interface);
    // Ends only with the listener, which never does.
    let _ = axum::serve(Accept(listener), router).await;
}

/// The listener in the form that the HTTP server takes.
struct Accept(ApiListener);

impl Listener for Accept {
    type Io = ApiStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (ApiStream, SocketAddr) {
        self.0.accept().await
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.0.local_addr())
    }
}

async fn handle(Shared(interface): Shared<Arc<Interface>>, request: Request<Body>) -> Response {
    match answer(&interface, request).await {
        Ok(response) => response,
        Err(error) => refusal(error),
    }
}

async fn answer(interface: &Interface, request: Request<Body>) -> Result<Response, ErrorBody> {
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query().map_or("", |target| target.as_str());
    if target.len() > TARGET_BYTES_MAX {
        let message = format!("a path and query have at most {TARGET_BYTES_MAX} bytes");
        return Err(ErrorBody::new(ErrorCode::TooLong, message, "shorten them"));
    }
    let body = read_body(body).await?;
    let method = head.method.as_str();
    let caller = verify(interface, &head.headers, method, target, &body)?;
    match (method, target) {
        ("GET", EVENTS | METRICS | ACCOUNTS) if !caller.reads_all() => Err(out_of_scope()),
        ("GET", EVENTS) => Ok(events::stream(&interface.inbox, interface.state.clone())),
        ("GET", METRICS) => metrics::text(interface, caller).await.map(plain),
        ("GET", OPENAPI) => json(&openapi()),
        ("GET", ACCOUNTS) => json(&interface.accounts.read()),
        _ => calls::answer(interface, caller, method, target, &body).await,
    }
}

const EVENTS: &str = routes::EVENTS.path;
const METRICS: &str = routes::METRICS.path;
const OPENAPI: &str = routes::OPENAPI.path;
const ACCOUNTS: &str = routes::ACCOUNTS.path;

/// The body whole. One that is too long is read to its end and forgotten: a caller who is still
/// sending when the connection closes would see it broken off and never learn why.
async fn read_body(mut body: Body) -> Result<Bytes, ErrorBody> {
    let mut kept = Vec::new();
    let mut seen = 0_usize;
    let reading = async {
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.ok()?.into_data() else { continue };
            seen = seen.saturating_add(data.len());
            if seen > BODY_BYTES_DRAINED_MAX {
                return None;
            }
            if seen <= BODY_BYTES_MAX {
                kept.extend_from_slice(&data);
            } else {
                kept.clear();
            }
        }
        Some(())
    };
    let Ok(read) = tokio::time::timeout(BODY_MAX, reading).await else {
        let message = "the body did not come in time";
        return Err(ErrorBody::new(ErrorCode::BadCall, message, "send it at once"));
    };
    if read.is_none() || seen > BODY_BYTES_MAX {
        let message = format!("a body has at most {BODY_BYTES_MAX} bytes, sent whole");
        return Err(ErrorBody::new(ErrorCode::TooLong, message, "send less"));
    }
    Ok(kept.into())
}

/// Who made this call: known to the charter, fresh, and for exactly these bytes.
fn verify(
    interface: &Interface,
    headers: &HeaderMap,
    method: &str,
    target: &str,
    body: &[u8],
) -> Result<Caller, ErrorBody> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let signed = CallHeaders::parse(header).map_err(refused_call)?;
    let state = interface.state.borrow().clone();
    let call = Addressed { genesis: state.genesis(), node: interface.me, method, target, body };
    // An unknown signer and a false signature are told alike.
    let known = state.actor(&signed.actor).zip(Caller::new(&state, signed.actor));
    let (actor, caller) = known.ok_or(CallError::Signature).map_err(refused_call)?;
    let mut verified = actor.keys.iter().map(|key| signed.verify(&call, key));
    let first = verified.next().unwrap_or(Err(CallError::Signature));
    verified.fold(first, Result::or).map_err(refused_call)?;
    let mut replays = interface.replays.lock().unwrap_or_else(PoisonError::into_inner);
    replays.admit(&signed, now_ms()).map_err(refused_call)?;
    Ok(caller)
}

fn refused_call(error: CallError) -> ErrorBody {
    let (code, next) = match error {
        CallError::Header(_) => (ErrorCode::BadCall, "send all four headers; see spec/api.md"),
        CallError::Signature => {
            (ErrorCode::Unauthenticated, "sign the call with a key that the charter knows")
        }
        CallError::Stale { .. } => (ErrorCode::StaleCall, "set the clock of this machine"),
        CallError::Replayed => (ErrorCode::ReplayedCall, "sign each call anew"),
        CallError::Busy => (ErrorCode::Busy, "try again in a minute"),
    };
    ErrorBody::new(code, error.to_string(), next)
}

/// A JSON answer.
pub fn json<T: Serialize>(value: &T) -> Result<Response, ErrorBody> {
    let bytes = serde_json::to_vec(value).map_err(|error| {
        ErrorBody::new(ErrorCode::Internal, format!("the answer does not encode: {error}"), BUG)
    })?;
    Ok(respond(StatusCode::OK, "application/json", bytes))
}

fn plain(text: String) -> Response {
    respond(StatusCode::OK, "text/plain; version=0.0.4", text.into_bytes())
}

fn refusal(error: ErrorBody) -> Response {
    let code = ErrorCode::ALL.iter().find(|code| code.as_str() == error.code);
    let status = code.and_then(|code| StatusCode::from_u16(code.status()).ok());
    let bytes = serde_json::to_vec(&ErrorAnswer::from(error)).unwrap_or_default();
    respond(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), "application/json", bytes)
}

fn respond(status: StatusCode, kind: &'static str, bytes: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// What to do about a bug.
pub const BUG: &str = "this is a bug: report it with the node's log";
