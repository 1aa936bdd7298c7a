//! The accepting end. Until a stranger has proved a key, it costs a bounded amount of memory and
//! time, and learns nothing (TRN-06, N-79).

use super::{Shared, link, links::Outgoing};
use crate::limits::{HANDSHAKE_MAX, HANDSHAKES_MAX};
use crate::{refusal, tls};
use quorate_identity::NodeId;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::server::TlsStream;

/// Accepts until the mesh stops.
pub(super) async fn keep_accepting(shared: Arc<Shared>, listener: TcpListener) {
    let mut stop = shared.stop.clone();
    // An error means that the last handle is gone, which is a stop, too.
    tokio::select! {
        () = accept_forever(&shared, &listener) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    shared.links.close();
}

async fn accept_forever(shared: &Arc<Shared>, listener: &TcpListener) {
    let room = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    loop {
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Too many open files, or a connection that ended before it began.
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            tracing::debug!(%address, "too many handshakes at once; the connection is closed");
            continue;
        };
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            let welcomed = timeout(HANDSHAKE_MAX, welcome(&shared, stream)).await;
            drop(permit);
            match welcomed {
                Ok(Ok(Some((peer, stream, outgoing)))) => {
                    link::run(&shared, peer, stream, outgoing).await;
                }
                Ok(Ok(None)) => {}
                Ok(Err(error)) => tell(&shared, address, &error),
                Err(_) => tell(&shared, address, &ErrorKind::TimedOut.into()),
            }
        });
    }
}

/// A channel that counts at both ends; `None` where another one is the one.
async fn welcome(
    shared: &Shared,
    stream: TcpStream,
) -> io::Result<Option<(NodeId, TlsStream<TcpStream>, Outgoing)>> {
    stream.set_nodelay(true)?;
    let mut stream = shared.doors.acceptor().accept(stream).await?;
    let session = stream.get_ref().1;
    if session.alpn_protocol() != Some(tls::MESH_PROTOCOL) {
        return Err(io::Error::other(rustls::Error::NoApplicationProtocol));
    }
    let key = session.peer_certificates().and_then(<[_]>::first);
    // The handshake accepted one of these keys; which of them says who it is.
    let key = key.map(|key| key.as_ref().to_vec()).unwrap_or_default();
    let peer = shared.doors.holder(&key);
    let peer = peer.ok_or_else(|| io::Error::other(rustls::Error::NoCertificatesPresented))?;
    if !shared.links.would_take(peer, peer) {
        return Ok(None);
    }
    match link::greet_first(&mut stream).await {
        // The peer hung up: it has a better channel.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        greeted => greeted?,
    }
    let outgoing = shared.links.install(peer, peer);
    // Only now: a channel that is installed is ended when the peer's key is replaced.
    let outgoing = outgoing.filter(|_| shared.doors.holder(&key) == Some(peer));
    Ok(outgoing.map(|outgoing| (peer, stream, outgoing)))
}

fn tell(shared: &Shared, address: SocketAddr, error: &io::Error) {
    shared.refused.fetch_add(1, Ordering::Relaxed);
    let reason = refusal::explain(error);
    if refusal::is_about_keys(error) {
        tracing::warn!(%address, reason, "a connection is refused");
    } else {
        tracing::debug!(%address, reason, "a connection came to nothing");
    }
}
