//! A QR code on a terminal: for people who compare a fingerprint without typing it.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// The text as a QR code of half blocks, dark on light whatever the terminal's colours are. `None`
/// where the text is too long for one.
pub fn qr(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let drawn = code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Dark)
        .light_color(Dense1x2::Light)
        .quiet_zone(true)
        .build();
    // Black on white, so that the light part of a dark terminal is not the dark part of the code.
    let line = |line: &str| format!("\u{1b}[30;107m{line}\u{1b}[0m");
    Some(drawn.lines().map(line).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use super::*;

    #[test]
    fn twelve_words_fit_a_small_terminal() {
        let words = ["mountain"; 12].join(" ");
        let drawn = qr(&words).unwrap();
        let lines: Vec<&str> = drawn.lines().collect();
        assert!(lines.len() <= 25, "{}", lines.len());
        for line in lines {
            let blocks = line.trim_start_matches("\u{1b}[30;107m").trim_end_matches("\u{1b}[0m");
            assert!(blocks.chars().count() <= 50 && blocks.chars().all(|c| " ▀▄█".contains(c)));
        }
        assert_eq!(qr(&"x".repeat(4_000)), None);
    }
}
