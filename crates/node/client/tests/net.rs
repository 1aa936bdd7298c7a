//! The client against a small server: what it sends, what it makes of the answers, how it keeps
//! connections.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use quorate_client::contract::call::{Addressed, CallHeaders, ReplayGuard};
use quorate_client::contract::{Charter, ErrorBody, Fault, Notice, routes};
use quorate_client::net::Client;
use quorate_codec::Digest;
use quorate_identity::{
    ActorId, CredentialSigner, GenesisHash, Head, MemorySigner, NodeId, NodeSecrets, ServiceId,
};
use quorate_transport::{ApiListener, listen};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

fn id(byte: u8) -> Digest {
    Digest([byte; 32])
}

fn genesis() -> GenesisHash {
    GenesisHash(id(1))
}

fn node() -> NodeId {
    NodeId(id(2))
}

fn secrets(seed: u8) -> NodeSecrets {
    NodeSecrets::generate(&mut ChaCha20Rng::from_seed([seed; 32]))
}

fn signer() -> MemorySigner {
    MemorySigner::from_seed(&[7; 32]).unwrap()
}

/// A node that verifies every call and answers by the path.
#[derive(Default)]
struct Server {
    guard: Mutex<ReplayGuard>,
    connections: AtomicUsize,
    calls: AtomicUsize,
}

impl Server {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let find = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let headers = CallHeaders::parse(find).unwrap();
        let target = parts.uri.path_and_query().unwrap().as_str();
        let method = parts.method.as_str();
        let call = Addressed { genesis: genesis(), node: node(), method, target, body: &body };
        headers.verify(&call, signer().credential()).unwrap();
        self.guard.lock().unwrap().admit(&headers, headers.time_ms).unwrap();
        self.calls.fetch_add(1, Ordering::Relaxed);
        let (status, text) = reply(method, target, &body);
        Response::builder().status(status).body(Full::new(Bytes::from(text))).unwrap()
    }
}

fn reply(method: &str, target: &str, body: &[u8]) -> (u16, String) {
    match (method, target) {
        ("GET", "/v1/charter") => {
            let charter = json!({ "domain": "acme", "genesis": genesis(), "head": Head(id(3)),
                "position": 4 });
            (200, charter.to_string())
        }
        ("POST", "/v1/motions") => (200, String::from_utf8(body.to_vec()).unwrap()),
        ("GET", "/v1/events") => {
            let notice = serde_json::to_string(&Notice::Head(Head(id(5)))).unwrap();
            (200, format!(": hello\n\ndata: {notice}\n\n"))
        }
        ("GET", "/v1/metrics") => (200, "quorate_up 1\n".to_owned()),
        ("GET", "/v1/keys/spare") => {
            let error = json!({ "code": "unknown_key", "fault": "caller",
                "message": "no key spare", "next": "see `key list`" });
            (404, json!({ "error": error }).to_string())
        }
        ("GET", "/v1/status") => (502, "<html>".to_owned()),
        _ => (200, "not JSON".to_owned()),
    }
}

/// Serves; a connection ends after `calls_each` calls.
async fn serve(calls_each: usize) -> (Arc<Server>, String) {
    let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let mut listener = ApiListener::new(listener, &secrets(1)).unwrap();
    let address = format!("https://{}", listener.local_addr());
    let server = Arc::new(Server::default());
    let serving = Arc::clone(&server);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await;
            serving.connections.fetch_add(1, Ordering::Relaxed);
            let server = Arc::clone(&serving);
            tokio::spawn(async move {
                let seen = AtomicUsize::new(0);
                let service = service_fn(|request| {
                    let last = seen.fetch_add(1, Ordering::Relaxed) + 1 >= calls_each;
                    let server = Arc::clone(&server);
                    async move {
                        let mut answer = server.answer(request).await;
                        if last {
                            let close = "close".parse().unwrap();
                            answer.headers_mut().insert("connection", close);
                        }
                        Ok::<_, Infallible>(answer)
                    }
                });
                let http = hyper::server::conn::http1::Builder::new();
                let _ = http.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    (server, address)
}

fn client(address: &str, expects: u8) -> Client {
    let actor = ActorId::Service(ServiceId(id(3)));
    let keys = secrets(expects).public();
    Client::new(address, node(), &keys, genesis(), actor, Arc::new(signer())).unwrap()
}

async fn fails(client: &Client, target: &str) -> ErrorBody {
    client.get::<Value>(target).await.unwrap_err()
}

/// API-10.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_signs_every_call_and_keeps_its_connection() {
    let (server, address) = serve(usize::MAX).await;
    let client = client(&address, 1);
    for _ in 0..5 {
        let charter: Charter = client.get(routes::CHARTER.path).await.unwrap();
        assert_eq!(charter.head, Head(id(3)));
    }
    let motion = json!({ "motion": "0x01" });
    let echoed: Value = client.post(routes::SUBMIT_MOTION.path, &motion).await.unwrap();
    assert_eq!(echoed, motion);
    assert_eq!(client.get_text(routes::METRICS.path).await.unwrap(), "quorate_up 1\n");
    assert_eq!(server.calls.load(Ordering::Relaxed), 7);
    assert_eq!(server.connections.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_ended_is_replaced() {
    let (server, address) = serve(1).await;
    let client = client(&address, 1);
    for _ in 0..5 {
        client.get::<Charter>(routes::CHARTER.path).await.unwrap();
        client.post::<_, Value>(routes::SUBMIT_MOTION.path, &json!({})).await.unwrap();
    }
    assert_eq!(server.calls.load(Ordering::Relaxed), 10);
    assert_eq!(server.connections.load(Ordering::Relaxed), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_run_beside_each_other() {
    let (server, address) = serve(usize::MAX).await;
    let client = Arc::new(client(&address, 1));
    let call = |client: Arc<Client>| async move {
        client.get::<Charter>(routes::CHARTER.path).await.unwrap();
    };
    let calls: Vec<_> = (0..20).map(|_| tokio::spawn(call(Arc::clone(&client)))).collect();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(server.calls.load(Ordering::Relaxed), 20);
}

/// API-11.
#[tokio::test(flavor = "multi_thread")]
async fn events_come_as_they_are_sent_and_end() {
    let (_server, address) = serve(usize::MAX).await;
    let mut events = client(&address, 1).events().await.unwrap();
    assert_eq!(events.next().await.unwrap().unwrap(), Notice::Head(Head(id(5))));
    assert!(events.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nodes_error_comes_back_and_nonsense_is_named() {
    let (_server, address) = serve(usize::MAX).await;
    let client = client(&address, 1);
    let error = fails(&client, "/v1/keys/spare").await;
    assert_eq!((error.code.as_str(), error.fault), ("unknown_key", Fault::Caller));
    assert_eq!(error.next, "see `key list`");
    for target in [routes::STATUS.path, routes::POLICY.path] {
        let error = fails(&client, target).await;
        assert_eq!((error.code.as_str(), error.fault), ("bad_answer", Fault::Peer));
    }
}

/// TRN-01.
#[tokio::test(flavor = "multi_thread")]
async fn neg_076_nothing_is_sent_to_whoever_does_not_hold_the_nodes_key() {
    let (server, address) = serve(usize::MAX).await;
    let error = fails(&client(&address, 9), routes::STATUS.path).await;
    assert_eq!((error.code.as_str(), error.fault), ("wrong_node_key", Fault::Peer));
    assert_eq!(server.calls.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_at_the_address_is_a_clear_error() {
    let free = listen("127.0.0.1:0".parse().unwrap()).await.unwrap().local_addr().unwrap();
    for address in [free.to_string(), "no such address".to_owned()] {
        let error = fails(&client(&address, 1), routes::STATUS.path).await;
        assert_eq!((error.code.as_str(), error.fault), ("unreachable", Fault::Peer));
        assert!(!error.next.is_empty());
    }
    let (stranger, address) = (listen(free).await.unwrap(), free.to_string());
    tokio::spawn(async move {
        let (mut stream, _) = stranger.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"SSH-2.0-x\r\n").await.unwrap();
    });
    let error = fails(&client(&address, 1), routes::STATUS.path).await;
    assert_eq!((error.code.as_str(), error.fault), ("unreachable", Fault::Peer));
}
