//! The dialling end.

use super::{Shared, link, links::Outgoing};
use crate::limits::{HANDSHAKE_MAX, HEAD_START, REDIAL_FIRST, REDIAL_MAX, SETTLED};
use crate::{refusal, tls};
use quorate_identity::NodeId;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::client::TlsStream;

/// Dials everybody who is new, until the mesh stops.
pub(super) async fn keep_greeting(
    shared: Arc<Shared>,
    mut newcomers: mpsc::UnboundedReceiver<(NodeId, String)>,
) {
    let mut stop = shared.stop.clone();
    loop {
        tokio::select! {
            // Its other ends go with the last handle, which is a stop, too.
            newcomer = newcomers.recv() => match newcomer {
                Some((peer, address)) => {
                    tokio::spawn(keep_dialling(Arc::clone(&shared), peer, address));
                }
                None => return,
            },
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Dials a peer whenever there is no channel to it, until the mesh stops or it is a peer no more
/// (TRN-07). Without an address the other end dials.
pub(super) async fn keep_dialling(shared: Arc<Shared>, peer: NodeId, address: String) {
    if address.is_empty() {
        return;
    }
    let mut stop = shared.stop.clone();
    let Some(up) = shared.links.watch(peer) else { return };
    let dialling = dial_forever(&shared, peer, &address, up);
    // An error means that the last handle is gone, which is a stop, too.
    tokio::select! {
        () = dialling => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

async fn dial_forever(
    shared: &Arc<Shared>,
    peer: NodeId,
    address: &str,
    mut up: watch::Receiver<bool>,
) {
    let mut pause = REDIAL_FIRST;
    let mut told = String::new();
    loop {
        // Its sender lives as long as the links.
        let _ = up.wait_for(|up| !*up).await;
        if shared.doors.connector(&peer).is_none() {
            return;
        }
        if shared.me > peer && timeout(HEAD_START, up.wait_for(|up| *up)).await.is_ok() {
            continue;
        }
        let began = Instant::now();
        match timeout(HANDSHAKE_MAX, connect(shared, peer, address)).await {
            Ok(Ok(Some((stream, outgoing)))) => {
                told.clear();
                // A task of its own, so that a stop lets it send what waits.
                let shared = Arc::clone(shared);
                let running =
                    tokio::spawn(async move { link::run(&shared, peer, stream, outgoing).await });
                let _ = running.await;
            }
            // There is a better channel, or there will be at once.
            Ok(Ok(None)) => {}
            Ok(Err(error)) => tell(shared, peer, address, &error, &mut told),
            Err(_) => tell(shared, peer, address, &ErrorKind::TimedOut.into(), &mut told),
        }
        pause = next_pause(pause, began.elapsed());
        sleep(pause).await;
    }
}

/// Doubles up to the longest; a channel that lasted begins anew.
fn next_pause(pause: Duration, lasted: Duration) -> Duration {
    if lasted >= SETTLED { REDIAL_FIRST } else { (pause * 2).min(REDIAL_MAX) }
}

/// A channel that counts at both ends; `None` where another one is the one.
async fn connect(
    shared: &Shared,
    peer: NodeId,
    address: &str,
) -> io::Result<Option<(TlsStream<TcpStream>, Outgoing)>> {
    let Some((connector, keys)) = shared.doors.connector(&peer) else { return Ok(None) };
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut stream = connector.connect(tls::no_name(), stream).await?;
    if stream.get_ref().1.alpn_protocol() != Some(tls::MESH_PROTOCOL) {
        return Err(io::Error::other(rustls::Error::NoApplicationProtocol));
    }
    if !shared.links.would_take(peer, shared.me) {
        return Ok(None);
    }
    match link::hear(&mut stream).await {
        // The peer knows us and hung up: it has a better channel.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        heard => heard?,
    }
    let Some(outgoing) = shared.links.install(peer, shared.me) else { return Ok(None) };
    // Only now: a channel that is installed is ended when the peer's key is replaced.
    if shared.doors.connector(&peer).is_none_or(|(_, now)| now != keys) {
        return Ok(None);
    }
    link::say(&mut stream).await?;
    Ok(Some((stream, outgoing)))
}

/// Tells the operator once, until something else happens: a peer that is down is dialled for
/// hours.
fn tell(shared: &Shared, peer: NodeId, address: &str, error: &io::Error, told: &mut String) {
    let reason = refusal::explain(error);
    let about_keys = refusal::is_about_keys(error);
    if about_keys {
        shared.refused.fetch_add(1, Ordering::Relaxed);
    }
    if *told == reason {
        return;
    }
    if about_keys {
        tracing::warn!(%peer, address, reason, "who listens there is refused");
    } else {
        tracing::info!(%peer, address, reason, "the peer cannot be reached");
    }
    *told = reason;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trn_07_pauses_double_to_the_longest_and_begin_anew_after_a_good_channel() {
        let mut pause = REDIAL_FIRST;
        let mut pauses = Vec::new();
        for _ in 0..8 {
            pause = next_pause(pause, Duration::ZERO);
            pauses.push(pause.as_millis());
        }
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 2000, 2000, 2000]);
        assert_eq!(next_pause(pause, SETTLED), REDIAL_FIRST);
    }
}
