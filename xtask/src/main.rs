//! The repository's own tool: it checks, tests and lists.
//!
//! ```text
//! cargo xtask test [--install] [--long]   everything, as the checks before a release run it
//! cargo xtask tidy                        what the compiler cannot see: layers, links, words
//! cargo xtask attacks                     attack, spec check, test; fails where a test is missing
//! cargo xtask mutate [CRATE…] [--list] [--again] [--near]
//!                                         takes one check at a time away; fails where no test notices
//! cargo xtask vectors                     adds new test vectors to the list of those that may never change
//! cargo xtask bench ecdsa|timing [--json] our engine beside a peer; whether its time shows secrets
//! cargo xtask bench branches              whether secrets decide its branches, by valgrind
//! cargo xtask dist [PROGRAM…] [--check]   builds what is released; twice, and compares, with --check
//! ```
//!
//! Exit codes are those of `quorate`: 0 done, 2 wrong use, 3 a check or test failed, 6 this
//! machine lacks a tool. It writes nothing outside `target/`, except that `test --install` may run
//! apt, `vectors` extends `vectors/SHA256SUMS` and `mutate` writes `docs/mutation.md`.

mod attacks;
mod bench;
mod dist;
mod finding;
mod mutate;
mod repo;
mod source;
mod test;
mod tidy;
mod vectors;

use repo::Repo;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask test [--install] [--long] | tidy | attacks | vectors |\n       mutate [CRATE…] [--list] [--again] [--near] |\n       bench ecdsa|timing [--json] | bench branches | dist [PROGRAM…] [--check]";

/// How a verb ended, when it did not end well.
#[derive(Debug)]
pub enum Trouble {
    /// The command line makes no sense.
    Usage,
    /// A check or a test failed; what and where has been printed.
    Failed,
    /// This machine cannot do it.
    Machine(String),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Trouble::Usage) => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
        Err(Trouble::Failed) => ExitCode::from(3),
        Err(Trouble::Machine(what)) => {
            eprintln!("{what}");
            ExitCode::from(6)
        }
    }
}

fn run(words: &[&str]) -> Result<(), Trouble> {
    let (verb, flags) = words.split_first().ok_or(Trouble::Usage)?;
    match (*verb, flags) {
        ("tidy", []) => tidy::run(&Repo::load()?),
        ("attacks", []) => attacks::run(&Repo::load()?),
        ("vectors", []) => vectors::run(&Repo::load()?),
        ("mutate", words) => mutate::run(&Repo::load()?, &mutate::Options::parse(words)?),
        ("dist", words) => dist::run(&dist::Options::parse(words)?),
        ("bench", words) => bench::run(words),
        ("test", flags) => test::run(test::Options::parse(flags)?),
        _ => Err(Trouble::Usage),
    }
}
