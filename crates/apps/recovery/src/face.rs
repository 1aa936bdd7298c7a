//! What a command shows: one JSON object for programs, calm text for people.

use crate::failure::Failure;
use serde::Serialize;
use std::io::{IsTerminal, Write};

/// How the process talks.
#[derive(Debug, Clone, Copy)]
pub struct Face {
    json: bool,
}

impl Face {
    /// JSON on stdout, or text.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Shows a result: the object itself, or the text made of it.
    pub fn show<T: Serialize>(self, value: &T, text: impl FnOnce(&T) -> String) {
        // Texts, numbers and lists of them always serialise.
        let json = || serde_json::to_string(value).unwrap_or_default();
        say(&if self.json { json() } else { text(value) });
    }

    /// What somebody should see before a passphrase is asked for: on stderr where programs read
    /// stdout, and nowhere if nobody looks.
    pub fn brief(self, text: &str) {
        if !self.json {
            say(text);
        } else if std::io::stderr().is_terminal() {
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }

    /// Shows why a command failed, on stderr.
    pub fn fail(self, failure: &Failure) {
        let json = || serde_json::json!({ "error": failure }).to_string();
        let text = if self.json { json() } else { failure.to_string() };
        let _ = writeln!(std::io::stderr(), "{text}");
    }
}

/// Writes a line to stdout. What was done stays done if nobody reads of it.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
