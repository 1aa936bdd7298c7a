//! What a command shows: one JSON object a line for programs, calm text for people. Progress
//! appears on a terminal only.

use crate::failure::{Failure, Result};
use indicatif::{ProgressBar, ProgressStyle};
use quorate_charter::GenesisFile;
use quorate_identity::{GenesisHash, Name};
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// How this process talks, for what is far from its arguments.
static OF_PROCESS: OnceLock<Face> = OnceLock::new();

/// Staging domains that this process has named.
static NAMED: Mutex<BTreeSet<GenesisHash>> = Mutex::new(BTreeSet::new());

/// Backgrounds of a staging domain's name, one of which its genesis hash chooses: blue, magenta,
/// cyan, and green.
const COLOURS: [u8; 4] = [44, 45, 46, 42];

/// How the process talks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Face {
    json: bool,
    dry_run: bool,
}

/// What a dry run ends with: what would be done.
#[derive(Serialize)]
struct Rehearsed<'a> {
    dry_run: bool,
    would: &'a str,
}

impl Face {
    /// JSON on stdout, or text; and whether what would be done is only shown.
    pub fn new(json: bool, dry_run: bool) -> Self {
        Self { json, dry_run }
    }

    /// Makes it the face of this process. The first one counts.
    pub fn wear(self) -> Self {
        *OF_PROCESS.get_or_init(|| self)
    }

    /// That of this process.
    pub fn of_process() -> Self {
        OF_PROCESS.get().copied().unwrap_or_default()
    }

    /// Whether what would be done is shown and not done.
    pub fn is_dry_run(self) -> bool {
        self.dry_run
    }

    /// Comes before anything that is signed, sent or written. A dry run ends here, with what that
    /// would be.
    ///
    /// # Errors
    /// In a dry run always: [`Failure::rehearsed`], which [`end`](Self::end) shows.
    pub fn before(self, would: impl FnOnce() -> String) -> Result<()> {
        match self.dry_run {
            true => Err(Failure::rehearsed(would())),
            false => Ok(()),
        }
    }

    /// Shows how a command ended, where it did not do what it was asked for.
    pub fn end(self, failure: &Failure) {
        match failure.would() {
            Some(would) => self.show(&Rehearsed { dry_run: true, would }, |it| {
                format!("a dry run, nothing was done; it would {}", it.would)
            }),
            None => self.fail(failure),
        }
    }

    /// Says that a domain is for staging, before anything else is said about it: on stderr, in colour
    /// on a terminal. Programs that read JSON ask `status`: their stderr holds errors alone.
    pub fn name_staging(self, file: &GenesisFile) {
        let Ok(genesis) = file.genesis() else { return };
        let is_first = || NAMED.lock().unwrap_or_else(PoisonError::into_inner).insert(file.hash());
        if self.json || !genesis.staging || !is_first() {
            return;
        }
        let is_plain = std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty());
        let is_coloured = std::io::stderr().is_terminal() && !is_plain;
        let line = staging_line(&genesis.domain, &file.hash(), is_coloured);
        let _ = writeln!(std::io::stderr(), "{line}");
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

/// What is said of a staging domain.
fn staging_line(domain: &Name, hash: &GenesisHash, is_coloured: bool) -> String {
    let text = format!("STAGING: {domain} is a domain for trying things out, not production");
    let digest = hash.digest();
    let colour = digest.0.first().and_then(|byte| COLOURS.get(usize::from(byte % 4)));
    match colour.filter(|_| is_coloured) {
        Some(colour) => format!("\x1b[1;97;{colour}m {text} \x1b[0m"),
        None => text,
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

/// A text of somebody else's, many lines long, that neither writes on a terminal nor turns around what
/// is read.
pub fn harmless(text: &str) -> String {
    const TURN: [char; 3] = ['\u{61c}', '\u{200e}', '\u{200f}'];
    let turns = |character| {
        matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            || TURN.contains(&character)
    };
    let mut harmless = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => harmless.push(character),
            _ if character.is_control() || turns(character) => {
                harmless.extend(character.escape_unicode());
            }
            _ => harmless.push(character),
        }
    }
    harmless
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
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use super::*;

    #[test]
    fn a_text_of_somebody_else_writes_on_no_terminal() {
        assert_eq!(harmless("permit(\n\tprincipal, ä);"), "permit(\n\tprincipal, ä);");
        let text = harmless("a\u{1b}[2Jb\rc\u{202e}d\u{61c}");
        assert_eq!(text, r"a\u{1b}[2Jb\u{d}c\u{202e}d\u{61c}");
    }

    #[test]
    fn a_staging_domain_has_the_colour_that_its_genesis_chooses() {
        let name = crate::domain::name("trial").unwrap();
        let line = |byte, is_coloured| {
            staging_line(&name, &GenesisHash(quorate_codec::Digest([byte; 32])), is_coloured)
        };
        assert!(
            line(1, true).starts_with("\x1b[1;97;45m STAGING: trial is"),
            "{:?}",
            line(1, true)
        );
        assert_eq!(line(5, true), line(1, true));
        assert_ne!(line(2, true), line(1, true));
        assert_eq!(
            line(1, false),
            "STAGING: trial is a domain for trying things out, not production"
        );
    }

    #[test]
    fn short_ids_keep_their_beginning() {
        assert_eq!(short(&"0x00112233445566778899"), "0x001122334455…");
        assert_eq!(short(&"short"), "short");
    }
}
