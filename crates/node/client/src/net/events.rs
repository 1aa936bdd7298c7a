//! The stream of what changes: server-sent events, one notice each (API-11).

use super::connection::Connection;
use super::failure;
use crate::contract::{ErrorBody, Notice};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::collections::VecDeque;
use std::fmt;

/// Longest line of the stream.
const LINE_BYTES_MAX: usize = 16 << 10;

/// Notices as they come. Ends when the node stops or the connection breaks; what changed in
/// between is asked for, so a stream that begins again needs no history.
pub struct Events {
    body: Incoming,
    lines: Lines,
    ready: VecDeque<Notice>,
    address: String,
    _connection: Connection,
}

impl Events {
    pub(super) fn new(connection: Connection, body: Incoming, address: String) -> Self {
        let (lines, ready) = (Lines::default(), VecDeque::new());
        Self { body, lines, ready, address, _connection: connection }
    }

    /// The next notice; `None` at the end of the stream. May be dropped while it waits.
    ///
    /// # Errors
    /// The peer's: the connection broke, or what came is no event. The stream is over then.
    pub async fn next(&mut self) -> Option<Result<Notice, ErrorBody>> {
        loop {
            if let Some(notice) = self.ready.pop_front() {
                return Some(Ok(notice));
            }
            let Ok(frame) = self.body.frame().await? else {
                return Some(Err(failure::broken_off(&self.address)));
            };
            let Ok(data) = frame.into_data() else { continue };
            match self.lines.feed(&data) {
                Some(notices) => self.ready.extend(notices),
                None => return Some(Err(failure::nonsense(&self.address))),
            }
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Events({})", self.address)
    }
}

/// Puts lines together and reads those that carry a notice. Lines that begin with `:` keep the
/// connection alive; all other fields are ignored, as the format demands.
#[derive(Default)]
struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    /// `None` for a line beyond the limit or data that is no notice.
    fn feed(&mut self, mut bytes: &[u8]) -> Option<Vec<Notice>> {
        let mut notices = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = bytes.split_at_checked(end)?;
            self.partial.extend_from_slice(line);
            let line = std::mem::take(&mut self.partial);
            notices.extend(notice(line.strip_suffix(b"\r").unwrap_or(&line))?);
            bytes = rest.get(1..)?;
        }
        self.partial.extend_from_slice(bytes);
        (self.partial.len() <= LINE_BYTES_MAX).then_some(notices)
    }
}

/// The notice of one line; the outer `None` says that it is nonsense.
fn notice(line: &[u8]) -> Option<Option<Notice>> {
    let Some(data) = line.strip_prefix(b"data:") else { return Some(None) };
    let data = data.strip_prefix(b" ").unwrap_or(data);
    // Kinds of notices may be added, so an unknown one is skipped; what is no JSON is nonsense.
    let value: serde_json::Value = serde_json::from_slice(data).ok()?;
    Some(serde_json::from_value(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_codec::Digest;
    use quorate_identity::Head;

    #[test]
    fn api_11_notices_come_out_however_the_stream_is_cut() {
        let head = Notice::Head(Head(Digest([5; 32])));
        let key = Notice::Key("treasury".parse().unwrap());
        let line = |notice| format!("data: {}\n\n", serde_json::to_string(notice).unwrap());
        let later = "event: x\ndata: {\"weather\":\"fine\"}\n\n";
        let text = format!(": alive\r\n{}{later}{}", line(&head), line(&key));
        for size in 1..text.len() {
            let mut lines = Lines::default();
            let found = text.as_bytes().chunks(size).flat_map(|part| lines.feed(part).unwrap());
            assert_eq!(found.collect::<Vec<_>>(), [head.clone(), key.clone()], "{size}");
        }
    }

    #[test]
    fn neg_015_an_endless_line_and_nonsense_end_the_stream() {
        assert!(Lines::default().feed(&vec![b'x'; LINE_BYTES_MAX + 1]).is_none());
        assert!(Lines::default().feed(b"data: {\n").is_none());
    }
}
