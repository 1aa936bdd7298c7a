//! Calls and their answers.

use super::connection::{Connection, Dialler};
use super::events::Events;
use super::failure;
use crate::contract::call::{Addressed, CallHeaders};
use crate::contract::{ErrorAnswer, ErrorBody, routes};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST};
use hyper::{Request, Response, StatusCode};
use quorate_identity::{ActorId, CredentialSigner, GenesisHash, NodeId, NodePublic};
use rand_core::{OsRng, RngCore};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::timeout;

/// Longest answer that is read, in bytes.
pub const ANSWER_BYTES_MAX: usize = 64 << 20;
/// A node answers within [`routes::WAIT_MS_MAX`]; this much later it is given up.
const ANSWER_MAX: Duration = Duration::from_millis(routes::WAIT_MS_MAX + 30_000);
/// Connections kept open for the next call.
const IDLE_MAX: usize = 8;

/// Calls one node as one actor. Calls may run beside each other; connections are kept and used
/// again.
pub struct Client {
    dialler: Dialler,
    node: NodeId,
    genesis: GenesisHash,
    actor: ActorId,
    signer: Arc<dyn CredentialSigner + Send + Sync>,
    idle: Mutex<Vec<Connection>>,
}

impl Client {
    /// A client of the node with these keys at `address` (`host:port`, `https://` before it is
    /// allowed). Nothing is sent yet. Needs a tokio runtime once it calls.
    ///
    /// # Errors
    /// The machine's: TLS cannot be set up.
    pub fn new(
        address: impl Into<String>,
        node: NodeId,
        keys: &NodePublic,
        genesis: GenesisHash,
        actor: ActorId,
        signer: Arc<dyn CredentialSigner + Send + Sync>,
    ) -> Result<Self, ErrorBody> {
        let dialler = Dialler::new(address.into(), keys)?;
        Ok(Self { dialler, node, genesis, actor, signer, idle: Mutex::default() })
    }

    /// The node that is called.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Where it is called.
    pub fn address(&self) -> &str {
        self.dialler.address()
    }

    /// Reads. `target` is a path of [`routes`], with its query.
    ///
    /// # Errors
    /// The node's own, or what happened on the way.
    pub async fn get<T: DeserializeOwned>(&self, target: &str) -> Result<T, ErrorBody> {
        self.read(&self.call("GET", target, Bytes::new()).await?)
    }

    /// Reads an answer that is not JSON.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn get_text(&self, target: &str) -> Result<String, ErrorBody> {
        let bytes = self.call("GET", target, Bytes::new()).await?;
        String::from_utf8(bytes.to_vec()).map_err(|_| failure::nonsense(self.address()))
    }

    /// Files a statement.
    ///
    /// # Errors
    /// As [`get`](Self::get). After an error on the way the statement may have been taken: file
    /// the same bytes again, which changes nothing then.
    pub async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        target: &str,
        body: &B,
    ) -> Result<T, ErrorBody> {
        let body = serde_json::to_vec(body).map_err(|_| failure::unwritable())?;
        self.read(&self.call("POST", target, Bytes::from(body)).await?)
    }

    /// What changes from now on.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn events(&self) -> Result<Events, ErrorBody> {
        let mut connection = self.dialler.connect().await?;
        let request = self.request("GET", routes::EVENTS.path, Bytes::new()).await?;
        let sent = timeout(ANSWER_MAX, connection.send(request)).await;
        let sent = sent.map_err(|_| failure::no_answer(self.address()))?;
        let answer = sent.map_err(|unsent| unsent.error)?;
        if answer.status() != StatusCode::OK {
            return Err(self.refusal(answer).await);
        }
        Ok(Events::new(connection, answer.into_body(), self.address().to_owned()))
    }

    async fn call(
        &self,
        method: &'static str,
        target: &str,
        body: Bytes,
    ) -> Result<Bytes, ErrorBody> {
        let calling = async {
            let (connection, answer) = self.exchange(method, target, body).await?;
            if answer.status() != StatusCode::OK {
                return Err(self.refusal(answer).await);
            }
            let bytes = self.body(answer).await?;
            self.keep(connection);
            Ok(bytes)
        };
        timeout(ANSWER_MAX, calling).await.map_err(|_| failure::no_answer(self.address()))?
    }

    /// Sends over a kept connection if there is one. Kept ones may have ended unnoticed, so what
    /// was not sent, and what only reads, goes out once more over a fresh one, signed afresh.
    async fn exchange(
        &self,
        method: &'static str,
        target: &str,
        body: Bytes,
    ) -> Result<(Connection, Response<Incoming>), ErrorBody> {
        if let Some(mut kept) = self.kept() {
            let request = self.request(method, target, body.clone()).await?;
            match kept.send(request).await {
                Ok(answer) => return Ok((kept, answer)),
                Err(unsent) if unsent.surely || method == "GET" => {}
                Err(unsent) => return Err(unsent.error),
            }
        }
        let mut fresh = self.dialler.connect().await?;
        let request = self.request(method, target, body).await?;
        let answer = fresh.send(request).await.map_err(|unsent| unsent.error)?;
        Ok((fresh, answer))
    }

    /// A signed request (API-04, API-05). The signer may wait for a person's touch, so it runs
    /// where waiting is allowed.
    async fn request(
        &self,
        method: &'static str,
        target: &str,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, ErrorBody> {
        let mut nonce = [0; 16];
        OsRng.fill_bytes(&mut nonce);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let time_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let (genesis, node, actor) = (self.genesis, self.node, self.actor);
        let (signer, signed_target, signed_body) =
            (Arc::clone(&self.signer), target.to_owned(), body.clone());
        let signing = tokio::task::spawn_blocking(move || {
            let (target, body) = (signed_target.as_str(), &*signed_body);
            let call = Addressed { genesis, node, method, target, body };
            CallHeaders::sign(&call, actor, time_ms, nonce, signer.as_ref())
        });
        let headers = signing.await.map_err(|_| failure::unwritable())?;
        let headers = headers.map_err(|error| failure::unsigned(&error))?;
        let mut request =
            Request::builder().method(method).uri(target).header(HOST, self.address());
        for (name, value) in headers.to_pairs() {
            request = request.header(name, value);
        }
        request = request.header(ACCEPT, "application/json, text/event-stream");
        if method == "POST" {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request.body(Full::new(body)).map_err(|_| failure::unwritable())
    }

    /// The error in an answer that is not a success.
    async fn refusal(&self, answer: Response<Incoming>) -> ErrorBody {
        let status = answer.status().as_u16();
        let Ok(bytes) = self.body(answer).await else { return failure::nonsense(self.address()) };
        match serde_json::from_slice::<ErrorAnswer>(&bytes) {
            Ok(answer) => answer.error,
            Err(_) => failure::bare_status(self.address(), status),
        }
    }

    async fn body(&self, answer: Response<Incoming>) -> Result<Bytes, ErrorBody> {
        let limited = Limited::new(answer.into_body(), ANSWER_BYTES_MAX);
        let collected = limited.collect().await;
        Ok(collected.map_err(|_| failure::broken_off(self.address()))?.to_bytes())
    }

    fn read<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, ErrorBody> {
        serde_json::from_slice(bytes).map_err(|_| failure::nonsense(self.address()))
    }

    fn kept(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(Connection::is_open);
        idle.pop()
    }

    fn keep(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Client({} at {})", self.node, self.address())
    }
}
