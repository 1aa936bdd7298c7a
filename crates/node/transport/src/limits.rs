//! Every limit of a channel, in one place, with its intent (TRN-06).

use std::time::Duration;

/// Longest frame, in bytes; checked before anything is allocated.
pub const FRAME_BYTES_MAX: usize = 8 << 20;
/// Bytes that may wait to be sent to one peer. Over it the whole channel is dropped: a protocol
/// that misses one frame in the middle fares worse than one that begins again.
pub const QUEUE_BYTES_MAX: usize = 64 << 20;
/// Bytes received from one peer that the node has not taken yet; over it nothing more is read.
pub const INBOX_BYTES_MAX: usize = 2 * FRAME_BYTES_MAX;
/// Events that wait for the node; beyond it nothing more is read.
pub const EVENTS_WAITING_MAX: usize = 256;
/// Counted for every frame beside its bytes, so that many empty ones have a limit too.
pub const FRAME_OVERHEAD: usize = 64;

/// Strangers that may be in their handshake at once, at each port; further ones are closed.
pub const HANDSHAKES_MAX: usize = 128;
/// A handshake takes less than a millisecond; whoever takes so long is closed.
pub const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
/// Open connections of people and services at once; further ones wait.
pub const API_CONNECTIONS_MAX: usize = 1_024;

/// A channel with nothing to say says so, so that its end is noticed.
pub const PING_EVERY: Duration = Duration::from_secs(3);
/// A channel that is silent for so long, or does not take what it is sent, is dropped.
pub const SILENCE_MAX: Duration = Duration::from_secs(15);

/// First pause before dialling again; doubles up to [`REDIAL_MAX`].
pub const REDIAL_FIRST: Duration = Duration::from_millis(50);
/// Longest pause before dialling again.
pub const REDIAL_MAX: Duration = Duration::from_secs(2);
/// How long the node with the higher id leaves the dialling to the other.
pub const HEAD_START: Duration = Duration::from_millis(300);
/// A channel that was up for so long was a good one: the next pause is the first again.
pub const SETTLED: Duration = Duration::from_secs(5);
/// For so long a peer that is none any more is still told what was decided about it: that it left is
/// known here before it is durable, and only then it is said.
pub const LAST_WORDS_MAX: Duration = Duration::from_secs(5);
/// How long a stop waits for what is still to be sent.
pub const STOP_MAX: Duration = Duration::from_secs(1);
