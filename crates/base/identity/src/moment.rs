//! Moments, for people.

/// A moment in milliseconds since 1970, as UTC.
pub fn moment(ms: u64) -> String {
    let (seconds, days) = (ms / 1_000 % 86_400, ms / 86_400_000);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// Year, month and day, so many days after the first of 1970. The calendar repeats itself every 400
/// years, so nothing here takes long.
fn date(days: u64) -> (u64, u64, u64) {
    const CYCLE: u64 = 146_097;
    let (mut year, mut rest) = (1970 + days / CYCLE * 400, days % CYCLE);
    while rest >= 365 + is_leap(year) {
        rest -= 365 + is_leap(year);
        year += 1;
    }
    let months = [31, 28 + is_leap(year), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in months {
        if rest < length {
            break;
        }
        rest -= length;
        month += 1;
    }
    (year, month, rest + 1)
}

/// 1 in a leap year.
fn is_leap(year: u64) -> u64 {
    let is_century = year.is_multiple_of(100);
    u64::from(year.is_multiple_of(if is_century { 400 } else { 4 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (86_399, "1970-01-01 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_709_164_800, "2024-02-29 00:00:00 UTC"),
            (1_735_689_599, "2024-12-31 23:59:59 UTC"),
            (1_800_000_000, "2027-01-15 08:00:00 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(moment(seconds * 1_000), text);
        }
        assert!(moment(u64::MAX).ends_with(" UTC"));
    }
}
