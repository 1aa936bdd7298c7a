//! One channel, from its first byte to its end.

use super::links::{Outgoing, Queued};
use super::{MeshEvent, Shared};
use crate::frame;
use crate::limits::{FRAME_OVERHEAD, INBOX_BYTES_MAX, LAST_WORDS_MAX, PING_EVERY, SILENCE_MAX};
use quorate_identity::NodeId;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::time::{Instant, sleep_until, timeout};

/// Said by the accepting end first, once it knows and wants the peer; then by the dialling end,
/// once it knows that too. In TLS 1.3 the dialling end does not learn otherwise that its key was
/// refused.
const GREETING: &[u8] = b"quorate";

/// The accepting end's part before the channel counts.
///
/// # Errors
/// A broken or silent channel, another greeting.
pub(super) async fn greet_first(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> io::Result<()> {
    say(stream).await?;
    hear(stream).await
}

/// Waits for the accepting end's greeting.
///
/// # Errors
/// As [`greet_first`].
pub(super) async fn hear(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let length = frame::read_length(stream).await?.ok_or(ErrorKind::UnexpectedEof)?;
    if length != GREETING.len() || frame::read_body(stream, length).await? != GREETING {
        return Err(io::Error::new(ErrorKind::InvalidData, "not a greeting"));
    }
    Ok(())
}

/// Says the greeting.
///
/// # Errors
/// As [`greet_first`].
pub(super) async fn say(stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    frame::write(stream, GREETING).await?;
    frame::flush(stream).await
}

/// Runs an installed channel to its end and reports on it, in the peer's turn.
pub(super) async fn run(
    shared: &Shared,
    peer: NodeId,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    mut outgoing: Outgoing,
) {
    let Some(turn) = shared.links.turn(peer) else { return };
    let _turn = turn.lock().await;
    tracing::info!(%peer, "channel up");
    // Only the end of the process closes the other end of this queue.
    let _ = shared.events.send((MeshEvent::Connected(peer), None)).await;
    let ended = exchange(shared, peer, stream, &mut outgoing).await;
    drop(outgoing);
    match ended {
        Ok(()) => tracing::info!(%peer, "channel down"),
        Err(error) => tracing::info!(%peer, %error, "channel down"),
    }
    let _ = shared.events.send((MeshEvent::Disconnected(peer), None)).await;
}

async fn exchange(
    shared: &Shared,
    peer: NodeId,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    outgoing: &mut Outgoing,
) -> io::Result<()> {
    let (mut reading, mut writing) = tokio::io::split(stream);
    let (kill, dismissed) = (Arc::clone(&outgoing.kill), Arc::clone(&outgoing.dismissed));
    let mut sending = pin!(transmit(shared, &mut writing, outgoing));
    tokio::select! {
        biased;
        // A channel whose end was ordered passes nothing on any more.
        () = kill.notified() => Ok(()),
        () = dismissed.notified() => tokio::select! {
            () = kill.notified() => Ok(()),
            sent = timeout(LAST_WORDS_MAX, sending) => sent.unwrap_or(Ok(())),
        },
        ended = receive(shared, peer, &mut reading) => ended,
        ended = &mut sending => ended,
    }
}

async fn receive(
    shared: &Shared,
    peer: NodeId,
    stream: &mut (impl AsyncRead + Unpin),
) -> io::Result<()> {
    let room = Arc::new(Semaphore::new(INBOX_BYTES_MAX));
    while let Some(length) = frame::read_length(stream).await? {
        if length == 0 {
            continue;
        }
        let size = u32::try_from(length + FRAME_OVERHEAD).unwrap_or(u32::MAX);
        let taken = Arc::clone(&room).acquire_many_owned(size).await;
        let bytes = frame::read_body(stream, length).await?;
        let event = MeshEvent::Frame { from: peer, bytes };
        if shared.events.send((event, taken.ok())).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Sends what is queued until the queue is closed, then says goodbye.
async fn transmit(
    shared: &Shared,
    stream: &mut (impl AsyncWrite + Unpin),
    outgoing: &mut Outgoing,
) -> io::Result<()> {
    loop {
        let next = match outgoing.frames.try_recv() {
            Ok(queued) => Some(queued),
            Err(TryRecvError::Disconnected) => None,
            Err(TryRecvError::Empty) => {
                frame::flush(stream).await?;
                match timeout(PING_EVERY, outgoing.frames.recv()).await {
                    Ok(next) => next,
                    Err(_) => {
                        frame::write(stream, &[]).await?;
                        continue;
                    }
                }
            }
        };
        let Some(Queued { bytes, since }) = next else { break };
        let due = since + shared.delay;
        if due > Instant::now() {
            frame::flush(stream).await?;
            sleep_until(due).await;
        }
        frame::write(stream, &bytes).await?;
        outgoing.waiting.fetch_sub(bytes.len() + FRAME_OVERHEAD, Ordering::Relaxed);
    }
    frame::flush(stream).await?;
    timeout(SILENCE_MAX, stream.shutdown()).await.unwrap_or(Ok(()))
}
