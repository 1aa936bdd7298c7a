//! `GET /v1/events`: what changes, as it changes, as server-sent events.

use super::driver::Inbox;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use hyper::body::Frame;
use quorate_charter::State;
use quorate_client::contract;
use quorate_machine::event::Notice;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, watch};

/// Elements that wait for a slow watcher; over it the stream ends, and the watcher asks anew.
const WAITING_MAX: usize = 256;
/// A stream with nothing to say says so, so that its end is noticed.
const COMMENT_EVERY: Duration = Duration::from_secs(15);

/// A stream of notices from now on.
pub fn stream(inbox: &Inbox, state: watch::Receiver<Arc<State>>) -> Response {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    tokio::spawn(forward(inbox.watch(), state, sender));
    let mut response = Response::new(Body::new(Elements(receiver)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn forward(
    mut notices: broadcast::Receiver<Notice>,
    state: watch::Receiver<Arc<State>>,
    elements: mpsc::Sender<Bytes>,
) {
    loop {
        let element = tokio::select! {
            notice = notices.recv() => match notice {
                Ok(notice) => element(notice, &state.borrow()),
                // It missed some: better to end than to leave a gap.
                Err(RecvError::Lagged(_) | RecvError::Closed) => return,
            },
            () = tokio::time::sleep(COMMENT_EVERY) => Some(Bytes::from_static(b": alive\n\n")),
            () = elements.closed() => return,
        };
        if element.is_some_and(|element| elements.try_send(element).is_err()) {
            return;
        }
    }
}

fn element(notice: Notice, state: &State) -> Option<Bytes> {
    let notice = match notice {
        Notice::Request(request) | Notice::Ended(request) => contract::Notice::Request(request),
        Notice::Head(head) => contract::Notice::Head(head),
        Notice::Key(key) => contract::Notice::Key(state.key(&key)?.name.clone()),
    };
    let json = serde_json::to_string(&notice).ok()?;
    Some(Bytes::from(format!("data: {json}\n\n")))
}

/// A body made of what comes through a channel.
struct Elements(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Elements {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|element| element.map(|element| Ok(Frame::data(element))))
    }
}
