//! A length of time in words.

use std::fmt;

/// Milliseconds, shown in the largest unit that they are a whole number of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub u64);

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units =
            [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1_000, "second")];
        let fits = |(unit, _): &(u64, &str)| self.0 >= *unit && self.0.is_multiple_of(*unit);
        let (number, unit) = match units.into_iter().find(fits) {
            Some((unit, name)) => (self.0 / unit, name),
            None => (self.0, "millisecond"),
        };
        let plural = if number == 1 { "" } else { "s" };
        write!(formatter, "{number} {unit}{plural}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_shown_in_whole_units() {
        for (ms, text) in [
            (0, "0 milliseconds"),
            (1_500, "1500 milliseconds"),
            (60_000, "1 minute"),
            (90_000, "90 seconds"),
            (86_400_000, "1 day"),
            (172_800_000, "2 days"),
        ] {
            assert_eq!(Span(ms).to_string(), text);
        }
    }
}
