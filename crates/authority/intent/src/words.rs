//! Numbers and messages as people read them.

use crate::limits::SHOWN_CHARACTERS_MAX;
use quorate_codec::hex;

/// A whole number of smallest units as a decimal fraction: `decimal("1500", 3)` is `1.5`.
fn decimal(units: impl ToString, decimals: usize) -> String {
    let digits = format!("{:0>width$}", units.to_string(), width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

/// The asset of transactions that Ethereum's clients read.
pub(crate) const ETHER: &str = "ether";
/// The asset of transactions that Bitcoin's read.
pub(crate) const BITCOIN: &str = "bitcoin";

/// An amount of an asset as people read it, `1.5 ETH`; of an asset that has no name here, in the
/// smallest unit.
pub fn amount_in_words(asset: &str, units: impl ToString) -> String {
    match asset {
        ETHER => format!("{} ETH", decimal(units, 18)),
        BITCOIN => format!("{} BTC", decimal(units, 8)),
        _ => format!("{} of {asset}", units.to_string()),
    }
}

/// A message as a quoted text where it is printable text, else as hex. Nothing in it can act on
/// a terminal: control characters, line breaks and invisible ones are written out.
pub(crate) fn message(bytes: &[u8]) -> String {
    let shown = match std::str::from_utf8(bytes) {
        Ok(text) => format!("{text:?}"),
        Err(_) => return cut(&hex::encode(bytes), ""),
    };
    let inside = shown.strip_prefix('"').and_then(|shown| shown.strip_suffix('"'));
    cut(inside.unwrap_or_default(), "\"")
}

fn cut(text: &str, quote: &str) -> String {
    let length = text.chars().count();
    if length <= SHOWN_CHARACTERS_MAX {
        return format!("{quote}{text}{quote}");
    }
    let start: String = text.chars().take(SHOWN_CHARACTERS_MAX).collect();
    format!("{quote}{start}{quote} and {} characters more", length - SHOWN_CHARACTERS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_as_decimal_fractions() {
        for (units, decimals, text) in [
            ("0", 18, "0"),
            ("1", 18, "0.000000000000000001"),
            ("500000000000000000", 18, "0.5"),
            ("12000000000000000000", 18, "12"),
            ("100000001", 8, "1.00000001"),
            ("42", 0, "42"),
        ] {
            assert_eq!(decimal(units, decimals), text);
        }
    }

    #[test]
    fn amounts_are_of_something() {
        assert_eq!(amount_in_words(ETHER, "1500000000000000000"), "1.5 ETH");
        assert_eq!(amount_in_words(BITCOIN, 50_000_000), "0.5 BTC");
        assert_eq!(amount_in_words("gold", 7), "7 of gold");
    }

    #[test]
    fn int_06_a_message_cannot_act_on_the_terminal_that_shows_it() {
        assert_eq!(message("don't pay böb".as_bytes()), "\"don't pay böb\"");
        assert_eq!(message(b"a\x1b[2J\r\n\""), r#""a\u{1b}[2J\r\n\"""#);
        assert_eq!(message("\u{202e}evil".as_bytes()), r#""\u{202e}evil""#);
        assert_eq!(message(&[0xff, 0x00]), "0xff00");
        assert!(message(&[b'x'; 5_000]).ends_with("and 3976 characters more"));
    }
}
