//! Times as people write them.

use crate::failure::{Failure, Result};
use quorate_charter::{RefreshSchedule, Window};

/// A schedule out of `24h`, `1h` and `02:00-05:00`.
///
/// # Errors
/// The caller's.
pub fn schedule(every: &str, jitter: &str, window: Option<&str>) -> Result<RefreshSchedule> {
    let time = |text: &str| {
        duration_ms(text).ok_or_else(|| {
            let message = format!("{text} is not a time");
            Failure::caller("bad_schedule", message, "write it as 24h, 30m, 90s or 7d")
        })
    };
    let window = window.map(|text| {
        parse_window(text).ok_or_else(|| {
            let message = format!("{text} is not a part of a day");
            Failure::caller("bad_schedule", message, "write it as 02:00-05:00, in UTC")
        })
    });
    let schedule = RefreshSchedule {
        every_ms: time(every)?,
        jitter_ms: time(jitter)?,
        window: window.transpose()?,
    };
    let refused = |why| Failure::caller("bad_schedule", why, "choose other times");
    schedule.check().map_err(refused)?;
    Ok(schedule)
}

/// A span of time out of `30m` or `400d`, in milliseconds.
///
/// # Errors
/// The caller's.
pub fn span(text: &str) -> Result<u64> {
    duration_ms(text).ok_or_else(|| {
        let message = format!("{text} is not a time");
        Failure::caller("bad_time", message, "write it as 400d, 24h or 30m")
    })
}

fn duration_ms(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit_ms: u64 = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit_ms)
}

fn parse_window(text: &str) -> Option<Window> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (minute(from)?, minute(to)?);
    let lasts = (to + 24 * 60 - from) % (24 * 60);
    let minutes = if lasts == 0 { 24 * 60 } else { lasts };
    Some(Window { from, minutes })
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_write_them() {
        let night = schedule("24h", "30m", Some("22:00-05:30")).unwrap();
        assert_eq!((night.every_ms, night.jitter_ms), (86_400_000, 1_800_000));
        assert_eq!(night.window, Some(Window { from: 22 * 60, minutes: 7 * 60 + 30 }));
        assert_eq!(schedule("90s", "0s", None).unwrap().every_ms, 90_000);
        for (every, jitter, window) in [
            ("24", "0s", None),
            ("-1h", "0s", None),
            ("1h", "2h", None),
            ("1s", "0s", None),
            ("", "0s", None),
            ("99999999999999999999d", "0s", None),
            ("1h", "0s", Some("25:00-05:00")),
            ("1h", "0s", Some("02:00")),
        ] {
            assert!(schedule(every, jitter, window).is_err(), "{every} {jitter} {window:?}");
        }
    }
}
