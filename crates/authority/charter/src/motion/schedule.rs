//! When a key is refreshed without another order (EPO-20).

use super::span::Span;
use crate::limits::{SCHEDULE_EVERY_MS, SCHEDULE_JITTER_PART};
use minicbor::{Decode, Encode};
use quorate_codec::{Digest, Transcript, tag};
use quorate_identity::KeyId;
use std::fmt;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
const MINUTE_MS: u64 = 60 * 1_000;
const DAY_MINUTES: u16 = 24 * 60;

/// A refresh at least every so often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct RefreshSchedule {
    /// The age of an epoch at which the next is due, in milliseconds.
    #[n(0)]
    pub every_ms: u64,
    /// Keys are refreshed up to so much earlier, each by another part of it, in milliseconds.
    #[n(1)]
    pub jitter_ms: u64,
    /// The time of day in which a refresh begins.
    #[n(2)]
    pub window: Option<Window>,
}

/// A part of every day, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Window {
    /// First minute of the day, 0 to 1439.
    #[n(0)]
    pub from: u16,
    /// How many minutes it lasts, 1 to 1440; it may pass midnight.
    #[n(1)]
    pub minutes: u16,
}

impl RefreshSchedule {
    /// Whether it is within its limits.
    ///
    /// # Errors
    /// What is not.
    pub fn check(&self) -> Result<(), &'static str> {
        let window = |window: Window| {
            window.from < DAY_MINUTES && (1..=DAY_MINUTES).contains(&window.minutes)
        };
        if !SCHEDULE_EVERY_MS.contains(&self.every_ms) {
            Err("at most once a minute, and at least once in 400 days")
        } else if self.jitter_ms > self.every_ms / SCHEDULE_JITTER_PART {
            Err("the jitter is at most half of the time between two refreshes")
        } else if !self.window.is_none_or(window) {
            Err("a window begins within a day and lasts at most a day")
        } else {
            Ok(())
        }
    }

    /// When an epoch that was made at `made_at` is to be replaced, in milliseconds since 1970:
    /// the same at every node, another moment for every key and epoch.
    pub fn due_at(&self, key: &KeyId, epoch: u64, made_at: u64) -> u64 {
        let drawn = Transcript::new(tag::REFRESH_JITTER).part(key).number(epoch).digest();
        let Digest(bytes) = drawn;
        let (low, _) = bytes.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
        let earlier = u64::from_be_bytes(*low).checked_rem(self.jitter_ms + 1).unwrap_or_default();
        let due = made_at.saturating_add(self.every_ms - earlier.min(self.every_ms));
        self.window.map_or(due, |window| window.next(due))
    }
}

impl fmt::Display for RefreshSchedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "every {}", Span(self.every_ms))?;
        if self.jitter_ms > 0 {
            write!(formatter, ", up to {} earlier", Span(self.jitter_ms))?;
        }
        match self.window {
            Some(Window { from, minutes }) => {
                let (hour, minute) = (from / 60, from % 60);
                write!(formatter, ", from {hour:02}:{minute:02} UTC on for {minutes} minutes")
            }
            None => Ok(()),
        }
    }
}

impl Window {
    /// `at` if it lies in the window, else the beginning of the next one.
    fn next(self, at: u64) -> u64 {
        let from = u64::from(self.from) * MINUTE_MS;
        let since = (at % DAY_MS + DAY_MS - from) % DAY_MS;
        let lasts = u64::from(self.minutes) * MINUTE_MS;
        if since < lasts { at } else { at.saturating_add(DAY_MS - since) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 60 * MINUTE_MS;

    fn key(number: u8) -> KeyId {
        KeyId(Digest([number; 32]))
    }

    /// EPO-20: never later than asked for but for the window, at most the jitter earlier, and
    /// not all keys at once.
    #[test]
    fn jitter_spreads_keys() {
        let schedule = RefreshSchedule { every_ms: 24 * HOUR, jitter_ms: HOUR, window: None };
        let due: std::collections::BTreeSet<u64> =
            (0..50).map(|number| schedule.due_at(&key(number), 3, 5 * DAY_MS)).collect();
        assert!(due.len() > 40);
        assert!(due.iter().all(|at| (6 * DAY_MS - HOUR..=6 * DAY_MS).contains(at)));
        assert_ne!(schedule.due_at(&key(1), 3, 0), schedule.due_at(&key(1), 4, 0));
    }

    #[test]
    fn a_window_waits_for_its_time_of_day() {
        let night = Window { from: 23 * 60, minutes: 120 };
        let schedule = RefreshSchedule { every_ms: HOUR, jitter_ms: 0, window: Some(night) };
        let due = |made_at| schedule.due_at(&key(1), 0, made_at);
        assert_eq!(due(10 * HOUR), 23 * HOUR);
        assert_eq!(due(22 * HOUR + 30 * MINUTE_MS), 23 * HOUR + 30 * MINUTE_MS);
        assert_eq!(due(23 * HOUR + 30 * MINUTE_MS), DAY_MS + 30 * MINUTE_MS);
        assert_eq!(due(DAY_MS), DAY_MS + 23 * HOUR);
    }

    #[test]
    fn limits_are_kept() {
        let fine = RefreshSchedule { every_ms: HOUR, jitter_ms: HOUR / 2, window: None };
        assert_eq!(fine.check(), Ok(()));
        let window =
            |from, minutes| RefreshSchedule { window: Some(Window { from, minutes }), ..fine };
        let wrong = [
            RefreshSchedule { every_ms: MINUTE_MS - 1, jitter_ms: 0, ..fine },
            RefreshSchedule { every_ms: 401 * DAY_MS, ..fine },
            RefreshSchedule { jitter_ms: HOUR / 2 + 1, ..fine },
            window(1440, 1),
            window(0, 0),
            window(0, 1441),
        ];
        assert!(wrong.iter().all(|schedule| schedule.check().is_err()));
        assert_eq!(window(1439, 1440).check(), Ok(()));
    }
}
