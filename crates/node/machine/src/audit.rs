//! The audit trail of one node: a bounded list of lines, the newest of them in memory.

use crate::durable::{Table, Write};
use crate::event::{Alarm, Millis};
use crate::limits;
use crate::node::{Node, Turn};
use minicbor::{Decode, Encode};
use quorate_codec::Canonical;
use quorate_identity::NodeId;
use std::collections::VecDeque;

/// One line. The text names nodes and checks, never a secret.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Line {
    /// When, on this node's clock.
    #[n(0)]
    pub at: Millis,
    /// What happened.
    #[n(1)]
    pub text: String,
    /// Whom it accuses.
    #[n(2)]
    pub culprits: Vec<NodeId>,
}

impl Canonical for Line {
    const BYTES_MAX: usize = 8_192;
}

/// The trail.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    /// Number of the newest line.
    count: u64,
    shown: VecDeque<Line>,
}

impl Audit {
    /// Reads a stored line; lines come in the order of their numbers.
    pub fn load(&mut self, key: &[u8], value: &[u8]) {
        let Ok(number) = <[u8; 8]>::try_from(key).map(u64::from_be_bytes) else { return };
        self.count = self.count.max(number);
        if let Ok(line) = quorate_codec::from_bytes(value) {
            self.show(line);
        }
    }

    /// The newest lines, newest last.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.shown.iter()
    }

    fn show(&mut self, line: Line) {
        self.shown.push_back(line);
        if self.shown.len() > limits::AUDIT_SHOWN_MAX {
            self.shown.pop_front();
        }
    }

    /// Adds a line; the oldest one beyond the limit goes.
    fn add(&mut self, line: Line, writes: &mut Vec<Write>) {
        self.count += 1;
        let key = |number: u64| number.to_be_bytes().to_vec();
        writes.push(Write::put(Table::Audit, key(self.count), quorate_codec::to_bytes(&line)));
        if let Some(old) = self.count.checked_sub(limits::AUDIT_KEPT_MAX).filter(|old| *old > 0) {
            writes.push(Write::delete(Table::Audit, key(old)));
        }
        self.show(line);
    }
}

impl Node {
    /// Writes a line of the audit trail: a lazy write, evidence of what this node saw.
    pub(crate) fn audit(&mut self, text: String, culprits: &[NodeId], turn: &mut Turn<'_>) {
        let line = Line { at: turn.now, text: cut(text), culprits: culprits.to_vec() };
        self.trail.add(line, &mut turn.out.writes);
    }

    /// An alarm is an audit line that an operator must see.
    pub(crate) fn alarm(&mut self, text: String, culprits: &[NodeId], turn: &mut Turn<'_>) {
        turn.out.alarms.push(Alarm { text: text.clone(), culprits: culprits.to_vec() });
        self.audit(text, culprits, turn);
    }
}

fn cut(mut text: String) -> String {
    if text.len() > limits::AUDIT_BYTES_MAX {
        let mut end = limits::AUDIT_BYTES_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line { at: 7, text: text.into(), culprits: Vec::new() }
    }

    #[test]
    fn nod_05_the_trail_has_an_end() {
        let mut trail = Audit { count: limits::AUDIT_KEPT_MAX, ..Audit::default() };
        let mut writes = Vec::new();
        for _ in 0..=limits::AUDIT_SHOWN_MAX {
            trail.add(line("x"), &mut writes);
        }
        assert_eq!(trail.lines().count(), limits::AUDIT_SHOWN_MAX);
        let deleted = writes.iter().filter(|write| write.value.is_none()).count();
        assert_eq!(deleted, limits::AUDIT_SHOWN_MAX + 1);
        assert_eq!(writes[1].key, 1_u64.to_be_bytes());
    }

    #[test]
    fn a_trail_goes_on_after_a_start() {
        let mut writes = Vec::new();
        Audit::default().add(line("one"), &mut writes);
        let mut again = Audit::default();
        again.load(&writes[0].key, writes[0].value.as_ref().unwrap());
        again.add(line("two"), &mut writes);
        assert_eq!(writes[1].key, 2_u64.to_be_bytes());
        assert_eq!(
            again.lines().map(|line| line.text.as_str()).collect::<Vec<_>>(),
            ["one", "two"]
        );
        assert_eq!(cut("ä".repeat(400)).len(), limits::AUDIT_BYTES_MAX);
    }
}
