//! A chapter of the guide whose commands are executed as they are written there, in their order.
//!
//! ```text
//!   docs/guide/NAME.md ──▶ Chapter ──▶ the next command ──▶ what stands for something ──▶ Desk
//! ```
//!
//! Of a command nothing is changed but what no reader types as it stands: [`STANDS_FOR`] and the
//! addresses of machines. Nothing is left out: a chapter is [finished](Chapter::finish).

use crate::desk::{Desk, Running, Shown};
use std::collections::VecDeque;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// What stands for something else in the guide: a hash, a motion, a node, a position, the directory of
/// a node on its own machine. Addresses of machines do so too.
const STANDS_FOR: [&str; 5] = ["0x…", "MOTION", "NODE", "N", "/srv/quorate"];

/// What remains of a chapter.
pub struct Chapter {
    name: String,
    /// Each with the line where it begins.
    commands: VecDeque<(usize, String)>,
}

impl Chapter {
    /// Reads a chapter: `people.md`.
    pub fn open(name: &str) -> Self {
        let text = fs::read_to_string(root().join("docs/guide").join(name)).expect("a chapter");
        let is_command = |line: &str| !line.is_empty() && !line.starts_with('#');
        let commands = commands(&text).into_iter().filter(|(_, it)| is_command(it)).collect();
        Self { name: name.to_owned(), commands }
    }

    /// Types the next command, which begins so, at this desk, and waits until it ends.
    pub fn run(&mut self, begins: &str, desk: &Desk, is: &[(&str, &str)]) -> Shown {
        desk.types(&self.next(begins, is))
    }

    /// Types the next command, which begins so and goes on running, and waits until its screen shows
    /// a text.
    pub fn start(
        &mut self,
        begins: &str,
        desk: &Desk,
        is: &[(&str, &str)],
        shows: &str,
    ) -> Running {
        desk.starts(&self.next(begins, is), shows)
    }

    /// Nothing of the chapter was left out.
    pub fn finish(self) {
        assert!(self.commands.is_empty(), "{}: nobody typed {:?}", self.name, self.commands);
    }

    fn next(&mut self, begins: &str, is: &[(&str, &str)]) -> String {
        let next = self.commands.pop_front();
        let (line, command) =
            next.unwrap_or_else(|| panic!("{} ends before {begins:?}", self.name));
        let at = format!("{}:{line}: {command}", self.name);
        assert!(command.starts_with(begins), "{at}\nis not {begins:?}");
        let typed = is.iter().fold(command, |command, (word, value)| {
            assert!(STANDS_FOR.contains(word) || is_address(word), "{word} is typed as it is");
            replaced(&command, word, value).unwrap_or_else(|| panic!("{at}\nhas no {word}"))
        });
        let left = STANDS_FOR.iter().find(|word| replaced(&typed, word, "").is_some());
        assert_eq!(left, None, "{at}\nis not known");
        typed
    }
}

/// `10.0.0.1`, `10.0.0.1:7101`, `n1.example.com`.
fn is_address(word: &str) -> bool {
    let host = word.split_once(':').map_or(word, |(host, _)| host);
    host.parse::<Ipv4Addr>().is_ok() || host.ends_with(".example.com")
}

/// A text with something in place of a word, which stands for itself there and is no part of another;
/// nothing if it is not there.
fn replaced(text: &str, word: &str, by: &str) -> Option<String> {
    let (mut whole, mut rest, mut is_there, mut last) = (String::new(), text, false, None);
    while let Some((before, after)) = rest.split_once(word) {
        // The one before may end where this one begins.
        let previous = before.chars().next_back().or(last);
        last = word.chars().next_back();
        let is_part = previous.is_some_and(char::is_alphanumeric)
            || after.starts_with(|it: char| it.is_alphanumeric());
        is_there |= !is_part;
        whole = whole + before + if is_part { word } else { by };
        rest = after;
    }
    is_there.then(|| whole + rest)
}

/// The repository, which has the guide in `docs/guide`.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

/// Every command in the fenced blocks of a chapter, and the line where it begins.
pub fn commands(text: &str) -> Vec<(usize, String)> {
    let (mut found, mut is_code, mut open) = (Vec::new(), false, None::<(usize, String)>);
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
            continue;
        }
        if !is_code {
            continue;
        }
        let (begun, mut whole) = open.take().unwrap_or((number, String::new()));
        whole.push_str(line.trim());
        match whole.strip_suffix('\\') {
            Some(more) => open = Some((begun, more.to_owned())),
            None => found.push((begun, whole)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_stand_for_something() {
        let by = |text, word| replaced(text, word, "7");
        assert_eq!(by("--from N --node NODE", "N"), Some("--from 7 --node NODE".to_owned()));
        assert_eq!(by("--node NODE", "N"), None);
        assert_eq!(by("--dir /tmp/aNN", "N"), None);
        assert_eq!(by("n1=10.0.0.1:71", "10.0.0.1"), Some("n1=7:71".to_owned()));
        assert_eq!(by("n1=10.0.0.11:71", "10.0.0.1"), None);
    }

    #[test]
    fn a_command_over_several_lines_is_one() {
        let text = "quorate no\n```\na \\\n  b # c\nd\n```\n";
        assert_eq!(commands(text), [(3, "a b # c".to_owned()), (5, "d".to_owned())]);
    }
}
