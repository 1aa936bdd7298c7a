//! What a command shows: one JSON object a line for programs, calm text for people. Progress
//! appears on a terminal only.

use crate::failure::Failure;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// How the process talks.
#[derive(Debug, Clone, Copy)]
pub struct Face {
    json: bool,
    dry_run: bool,
}

impl Face {
    /// JSON on stdout, or text; and whether motions are only shown.
    pub fn new(json: bool, dry_run: bool) -> Self {
        Self { json, dry_run }
    }

    /// Whether motions are shown and not filed.
    pub fn is_dry_run(self) -> bool {
        self.dry_run
    }

    /// Whether programs listen.
    pub fn is_json(self) -> bool {
        self.json
    }

    /// Whether a person looks at a terminal.
    pub fn has_terminal(self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Whether what is shown appears on a terminal, for a person.
    pub fn is_seen(self) -> bool {
        !self.json && std::io::stdout().is_terminal()
    }

    /// Shows a result: the object itself, or the text made of it.
    pub fn show<T: Serialize>(self, value: &T, text: impl FnOnce(&T) -> String) {
        if self.json {
            // The types of the contract always serialise.
            let line = serde_json::to_string(value).unwrap_or_default();
            say(&line);
        } else {
            say(&text(value));
        }
    }

    /// Shows a result on stderr, where stdout is what was made.
    pub fn aside<T: Serialize>(self, value: &T, text: impl FnOnce(&T) -> String) {
        let line = match self.json {
            true => serde_json::to_string(value).unwrap_or_default(),
            false => text(value),
        };
        let _ = writeln!(std::io::stderr(), "{line}");
    }

    /// Text for people only.
    pub fn tell(self, text: &str) {
        if !self.json {
            say(text);
        }
    }

    /// Text that somebody must see before they are asked: on stderr where programs read stdout.
    pub fn brief(self, text: &str) {
        match self.json {
            false => say(text),
            true if self.has_terminal() => {
                let _ = writeln!(std::io::stderr(), "{text}");
            }
            true => {}
        }
    }

    /// Shows why a command failed, on stderr.
    pub fn fail(self, failure: &Failure) {
        let text = if self.json {
            serde_json::json!({ "error": failure.body() }).to_string()
        } else {
            failure.to_string()
        };
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// A spinner for a long step; silent unless a person looks at a terminal.
    pub fn progress(self, what: &str) -> Progress {
        let visible = !self.json && std::io::stderr().is_terminal();
        Progress(visible.then(|| {
            let bar = ProgressBar::new_spinner().with_message(what.to_string());
            let style = ProgressStyle::with_template("  {spinner} {msg} ({elapsed})");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        }))
    }
}

/// The first digits of an id or hash, enough to tell a few apart.
pub fn short(id: &impl std::fmt::Display) -> String {
    let text = id.to_string();
    text.get(..14).map_or(text.clone(), |start| format!("{start}…"))
}

/// Asks at the terminal for a yes. `None` when there is no terminal to ask at.
pub fn ask(question: &str) -> Option<bool> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return None;
    }
    let mut stderr = std::io::stderr().lock();
    let _ = write!(stderr, "{question} Type yes to go on: ").and_then(|()| stderr.flush());
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).ok()?;
    Some(answer.trim() == "yes")
}

/// A running spinner; gone when dropped.
pub struct Progress(Option<ProgressBar>);

impl Progress {
    /// Says how far it is by now.
    pub fn says(&self, what: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(what.to_owned());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Writes a line to stdout. A closed pipe ends quietly, as `head` expects.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_ids_keep_their_beginning() {
        assert_eq!(short(&"0x00112233445566778899"), "0x001122334455…");
        assert_eq!(short(&"short"), "short");
    }
}
