//! Calls that are refused, each with what to use instead.

use crate::finding::Finding;
use crate::repo::Repo;
use crate::source::{Line, Source};

const RULE: &str = "banned call";

/// Where a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    /// In crates whose results follow from their arguments alone.
    Pure,
    /// In everything but apps, testing and this tool.
    Libraries,
    /// In the program that custodians run.
    Offline,
    /// Everywhere but in `node/machine`.
    OutsideMachine,
}

/// `call` refused in `place`, outside tests; `instead` says what to do.
struct Ban {
    call: &'static str,
    place: Where,
    instead: &'static str,
}

const fn ban(place: Where, call: &'static str, instead: &'static str) -> Ban {
    Ban { call, place, instead }
}

const TIME: &str = "time is an argument: take `now_ms`";
const CHANCE: &str = "randomness is an argument: take a seed or `&mut impl CryptoRngCore`";
const EFFECT: &str =
    "effects belong to node/store, node/transport and apps: take bytes, give bytes";
const ORDER: &str = "its order differs from run to run: use the BTree one";
const WAIT: &str = "nothing waits here: take an event, return what is to be done";
const PRINT: &str = "a library returns what it has to say, or traces it";
const FLOAT: &str = "floats do not compare alike everywhere: use integers, U256 for amounts";
const NETWORK: &str = "it runs where there is no network, and opens no channel";
const HIDDEN: &str = "what it does follows from its arguments and files, which people see";
const PERMIT: &str = "only node/machine turns an Authorized into a Permit";

const BANS: [Ban; 28] = [
    ban(Where::Pure, "SystemTime", TIME),
    ban(Where::Pure, "Instant", TIME),
    ban(Where::Pure, "OsRng", CHANCE),
    ban(Where::Pure, "thread_rng", CHANCE),
    ban(Where::Pure, "getrandom", CHANCE),
    ban(Where::Pure, "from_entropy", CHANCE),
    ban(Where::Pure, "std::fs", EFFECT),
    ban(Where::Pure, "std::net", EFFECT),
    ban(Where::Pure, "std::env", EFFECT),
    ban(Where::Pure, "std::process", EFFECT),
    ban(Where::Pure, "std::thread", EFFECT),
    ban(Where::Pure, "HashMap", ORDER),
    ban(Where::Pure, "HashSet", ORDER),
    ban(Where::Pure, ".await", WAIT),
    ban(Where::Pure, "f32", FLOAT),
    ban(Where::Pure, "f64", FLOAT),
    ban(Where::Libraries, "println!", PRINT),
    ban(Where::Libraries, "print!", PRINT),
    ban(Where::Libraries, "eprintln!", PRINT),
    ban(Where::Libraries, "eprint!", PRINT),
    ban(Where::Libraries, "process::exit", "return an error; the binary decides"),
    ban(Where::Offline, "std::net", NETWORK),
    ban(Where::Offline, "unix::net", NETWORK),
    ban(Where::Offline, "std::process::Command", NETWORK),
    ban(Where::Offline, "AgentSigner", NETWORK),
    ban(Where::Offline, "env::var", HIDDEN),
    ban(Where::Offline, "env::var_os", HIDDEN),
    ban(Where::OutsideMachine, "Permit::issue", PERMIT),
];

const PURE: [&str; 4] =
    ["crates/base/", "crates/mpc/", "crates/authority/", "crates/node/machine/"];
const LIBRARIES: [&str; 4] = ["crates/base/", "crates/mpc/", "crates/authority/", "crates/node/"];

/// The one door for effects in a pure crate: a person's key lies in a file or behind an agent.
const SIGNER: &str = "crates/base/identity/src/signer";

/// Banned calls, and lint exceptions that give no reason.
pub fn check(repo: &Repo) -> Vec<Finding> {
    repo.sources()
        .filter(|(file, _)| file.path.starts_with("crates/") || file.path.starts_with("xtask/"))
        .flat_map(|(file, source)| {
            [calls(&file.path, &source), exceptions(&file.path, &source)].concat()
        })
        .collect()
}

fn calls(path: &str, source: &Source) -> Vec<Finding> {
    let bans: Vec<&Ban> = BANS.iter().filter(|ban| applies(ban.place, path)).collect();
    let lines = source.numbered().filter(|(_, line)| !line.test);
    lines.flat_map(|(number, line)| on_line(path, number, line, &bans)).collect()
}

fn on_line(path: &str, number: usize, line: &Line, bans: &[&Ban]) -> Vec<Finding> {
    let found = bans.iter().filter(|ban| has_word(&line.code, ban.call));
    found
        .map(|ban| Finding::at(path, number, RULE, format!("`{}`: {}", ban.call, ban.instead)))
        .collect()
}

fn applies(place: Where, path: &str) -> bool {
    let within = |folders: &[&str]| folders.iter().any(|folder| path.starts_with(folder));
    match place {
        Where::Pure => within(&PURE) && !path.starts_with(SIGNER),
        Where::Libraries => within(&LIBRARIES),
        Where::Offline => path.starts_with("crates/apps/recovery/"),
        Where::OutsideMachine => !path.starts_with("crates/node/machine/"),
    }
}

/// Whether `word` stands in `code` with nothing attached that would make it another name.
fn has_word(code: &str, word: &str) -> bool {
    let attached = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code.get(..at).and_then(|before| before.chars().next_back());
        let after = code.get(at + word.len()..).and_then(|after| after.chars().next());
        let starts = !word.starts_with(attached) || !before.is_some_and(attached);
        let ends = !word.ends_with(attached) || !after.is_some_and(attached);
        starts && ends
    })
}

/// A lint exception says why, and a test that does not run says why.
fn exceptions(path: &str, source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in source.numbered() {
        let code = line.code.trim_start();
        let excuses = ["#[allow(", "#![allow(", "#[expect(", "#![expect("]
            .iter()
            .any(|start| code.starts_with(start));
        if excuses && !attribute(source, number).contains("reason") {
            findings.push(Finding::at(
                path,
                number,
                RULE,
                "a lint exception gives its `reason = \"…\"`",
            ));
        }
        if code.starts_with("#[ignore]") {
            findings.push(Finding::at(
                path,
                number,
                RULE,
                "an ignored test says why: `#[ignore = \"…\"]`",
            ));
        }
    }
    findings
}

/// The attribute that begins on this line, to the line that closes it.
fn attribute(source: &Source, number: usize) -> String {
    let mut text = String::new();
    for line in source.lines.iter().skip(number - 1) {
        text.push_str(&line.code);
        if line.code.trim_end().ends_with(']') {
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        check(&Repo::drawn(&[(path, text)])).len()
    }

    #[test]
    fn pure_crates_take_time_chance_and_files_as_arguments() {
        for text in [
            "let t = SystemTime::now();",
            "use rand_core::OsRng;",
            "std::fs::read(p)?;",
            "x.await;",
            "let a: f64;",
        ] {
            assert_eq!(found("crates/mpc/engine/src/lib.rs", text), 1, "{text}");
            assert_eq!(found("crates/apps/quorate/src/main.rs", text), 0, "{text}");
        }
        assert_eq!(found("crates/base/identity/src/signer/agent.rs", "std::fs::read(p)?;"), 0);
    }

    #[test]
    fn tests_comments_strings_and_longer_names_are_free() {
        for text in [
            "// OsRng",
            "let a = \"OsRng\";",
            "let my_OsRng_x = 1;",
            "#[cfg(test)]\nmod tests { use OsRng; }",
        ] {
            assert_eq!(found("crates/mpc/engine/src/lib.rs", text), 0, "{text}");
        }
    }

    #[test]
    fn the_engine_starts_only_in_the_machine() {
        let call = "let permit = Permit::issue(key, payloads, context);";
        assert_eq!(found("crates/apps/quorate/src/main.rs", call), 1);
        assert_eq!(found("crates/authority/policy/src/lib.rs", call), 1);
        assert_eq!(found("crates/node/machine/src/sessions.rs", call), 0);
        assert_eq!(found("crates/mpc/engine/benches/sign.rs", call), 0);
        assert_eq!(found("crates/testing/testkit/src/lib.rs", call), 0);
    }

    #[test]
    fn libraries_do_not_print() {
        assert_eq!(found("crates/node/store/src/lib.rs", "println!(\"x\");"), 1);
        assert_eq!(found("crates/apps/quorate/src/main.rs", "println!(\"x\");"), 0);
    }

    #[test]
    fn a_custodians_program_opens_no_channel_and_reads_no_environment() {
        for text in [
            "use std::net::TcpStream;",
            "use std::os::unix::net::UnixStream;",
            "std::process::Command::new(x);",
            "std::env::var(\"PASSPHRASE\")",
            "std::env::var_os(x)",
        ] {
            assert_eq!(found("crates/apps/recovery/src/passphrase.rs", text), 1, "{text}");
            assert_eq!(found("crates/apps/quorate/src/session.rs", text), 0, "{text}");
        }
        let arguments = "std::env::args_os().any(is_json)";
        assert_eq!(found("crates/apps/recovery/src/main.rs", arguments), 0);
    }

    #[test]
    fn exceptions_give_reasons() {
        let path = "crates/node/store/src/lib.rs";
        assert_eq!(found(path, "#[allow(dead_code)]"), 1);
        assert_eq!(found(path, "#[allow(\n    dead_code,\n    reason = \"x\"\n)]"), 0);
        assert_eq!(found(path, "#[ignore]"), 1);
        assert_eq!(found(path, "#[ignore = \"takes an hour\"]"), 0);
    }
}
