//! Every command of the guide is one that the programs know, with options that they have: whoever
//! types what is written there gets no usage error.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_journeys::{binary, commands, root};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a verb takes, as its help says.
#[derive(Clone)]
struct Help {
    options: BTreeSet<String>,
    verbs: BTreeSet<String>,
}

/// Asks programs for help, once a verb.
#[derive(Default)]
struct Helps(BTreeMap<Vec<String>, Option<Help>>);

impl Helps {
    fn of(&mut self, verb: &[String]) -> Option<Help> {
        let known = self.0.entry(verb.to_vec());
        known.or_insert_with(|| help(verb)).clone()
    }
}

fn help(verb: &[String]) -> Option<Help> {
    let program: PathBuf = binary().with_file_name(&verb[0]);
    let said = Command::new(program).args(&verb[1..]).arg("--help").output().unwrap();
    if !said.status.success() {
        return None;
    }
    let text = String::from_utf8(said.stdout).unwrap();
    let words = text.split(|it: char| it.is_whitespace() || ",[]<>=()`".contains(it));
    let options = words.filter(|it| it.starts_with('-')).map(str::to_owned).collect();
    let listed = text.split_once("Commands:\n").map_or("", |(_, rest)| rest);
    let listed = listed.split("\n\n").next().unwrap_or_default();
    // A verb stands two blanks from the margin; what it does may go on below, further in.
    let verbs = listed.lines().filter_map(|line| line.strip_prefix("  "));
    let verbs = verbs.filter(|line| !line.starts_with(' '));
    let verbs = verbs.filter_map(|line| line.split_whitespace().next()).map(str::to_owned);
    Some(Help { options, verbs: verbs.collect() })
}

/// The words of a command as a shell reads them, up to what another program gets.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in command.chars() {
        match (letter, quote) {
            (it, Some(open)) if it == open => quote = None,
            (it, Some(_)) => word.get_or_insert_default().push(it),
            ('"' | '\'', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (it, None) if it.is_whitespace() => words.extend(word.take()),
            ('#', None) if word.is_none() => break,
            ('|' | '>' | ';' | '&' | '<', None) => break,
            (it, None) => word.get_or_insert_default().push(it),
        }
    }
    words.extend(word);
    words
}

/// What is wrong with a command, if anything.
fn fault(words: &[String], helps: &mut Helps) -> Option<String> {
    let mut verb = vec![words[0].clone()];
    let mut help = helps.of(&verb)?;
    let mut rest = words[1..].iter();
    while let Some(next) = rest.clone().next().filter(|next| !next.starts_with('-')) {
        if help.verbs.is_empty() {
            break;
        }
        // `charter object|status` in prose is no command, but a block has none of that.
        if !help.verbs.contains(next) {
            return Some(format!("`{}` has no verb {next}", verb.join(" ")));
        }
        verb.push(next.clone());
        rest.next();
        help = helps.of(&verb)?;
    }
    let option = |word: &&String| word.starts_with("--") && word.len() > 2;
    let used = rest.filter(option).map(|word| word.split('=').next().unwrap().to_owned());
    let unknown: Vec<String> = used.filter(|word| !help.options.contains(word)).collect();
    let missing = !unknown.is_empty();
    missing.then(|| format!("`{}` has no {}", verb.join(" "), unknown.join(", ")))
}

fn chapters(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => chapters(&path, found),
            false if path.extension().is_some_and(|it| it == "md") => found.push(path),
            false => {}
        }
    }
}

#[test]
fn the_guide_has_no_command_that_the_programs_refuse_to_read() {
    let root = root();
    let mut paths = vec![root.join("README.md")];
    chapters(&root.join("docs/guide"), &mut paths);
    paths.sort();
    let (mut helps, mut faults, mut count) = (Helps::default(), Vec::new(), 0);
    for path in &paths {
        for (line, command) in commands(&fs::read_to_string(path).unwrap()) {
            let words = words(&command);
            let program = words.first().map(String::as_str);
            if !matches!(program, Some("quorate" | "quorate-recovery")) {
                continue;
            }
            count += 1;
            if let Some(fault) = fault(&words, &mut helps) {
                let name = path.strip_prefix(&root).unwrap().display();
                faults.push(format!("{name}:{line}: {fault}"));
            }
        }
    }
    assert!(count > 100, "the guide has commands, and this test finds them: {count}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_command_with_an_option_that_is_none_is_found() {
    let mut helps = Helps::default();
    let mut judged = |command: &str| fault(&words(command), &mut helps);
    assert_eq!(judged("quorate status --dir D # as ever"), None);
    assert_eq!(judged("quorate key show treasury --json | jq ."), None);
    assert!(judged("quorate status --dire D").unwrap().contains("--dire"));
    assert!(judged("quorate key shew treasury").unwrap().contains("shew"));
    assert!(judged("quorate-recovery open FILE --seet n").unwrap().contains("--seet"));
}
