//! `cargo xtask test`: everything that must hold before a change may land, part by part, with the
//! seconds each part took and one closing line.
//!
//! Nothing is built twice: one `cargo build` makes every library, binary and test, and the tests
//! are then run from where it put them. A part that fails does not stop the others, except that
//! nothing runs when the build fails. Missing outside tools fail; nothing is skipped.

mod oracles;
mod suites;
mod tools;

use crate::repo::{Repo, root};
use crate::{Trouble, attacks, tidy};
use std::process::Command;
use std::time::{Duration, Instant};

/// What the command line asks for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Install missing Debian packages.
    install: bool,
    /// The thorough profile: tests see `QUORATE_LONG=1`.
    long: bool,
}

impl Options {
    /// Reads the flags.
    pub fn parse(flags: &[&str]) -> Result<Self, Trouble> {
        let mut options = Self::default();
        for flag in flags {
            match *flag {
                "--install" => options.install = true,
                "--long" => options.long = true,
                _ => return Err(Trouble::Usage),
            }
        }
        Ok(options)
    }
}

/// How many tests of a part passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Tests that held.
    pub passed: u64,
    /// Tests that did not.
    pub failed: u64,
}

impl Count {
    /// A part that is a single check.
    fn of(passed: bool) -> Self {
        if passed { Self { passed: 1, failed: 0 } } else { Self { passed: 0, failed: 1 } }
    }

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// The parts so far.
#[derive(Default)]
struct Report {
    parts: Vec<(String, Duration, Count)>,
}

impl Report {
    fn part(
        &mut self,
        name: &str,
        work: impl FnOnce() -> Result<Count, Trouble>,
    ) -> Result<Count, Trouble> {
        println!("== {name}");
        let begun = Instant::now();
        let count = work()?;
        self.parts.push((name.to_owned(), begun.elapsed(), count));
        Ok(count)
    }

    /// Prints the table and the closing line.
    fn close(&self) -> Result<(), Trouble> {
        println!("== seconds");
        let mut total = Count::default();
        for (name, took, count) in &self.parts {
            println!(
                "{:>8.1}  {name}: {} passed, {} failed",
                took.as_secs_f64(),
                count.passed,
                count.failed
            );
            total.add(*count);
        }
        let seconds: f64 = self.parts.iter().map(|(_, took, _)| took.as_secs_f64()).sum();
        println!("{seconds:>8.1}  in all\n");
        println!("{} passed, {} failed", total.passed, total.failed);
        if total.failed == 0 { Ok(()) } else { Err(Trouble::Failed) }
    }
}

/// Runs every part.
pub fn run(options: Options) -> Result<(), Trouble> {
    let mut report = Report::default();
    report.part("tools", || tools::ensure(options.install))?;
    report.part("outside peers", oracles::install)?;
    let repo = Repo::load()?;
    report.part("tidy", || Ok(Count::of(tidy::run(&repo).is_ok())))?;
    report.part("attacks", || Ok(Count::of(attacks::run(&repo).is_ok())))?;
    report.part("format", || cargo(&["fmt", "--all", "--check"]))?;
    report.part("clippy", || {
        let lints = ["--locked", "--", "-D", "warnings"];
        let all = ["clippy", "--workspace", "--all-targets", "--features=quorate/tpm"];
        cargo(&[all.as_slice(), &lints].concat())
    })?;
    let mut built = None;
    report.part("build", || {
        built = suites::build()?;
        Ok(Count::of(built.is_some()))
    })?;
    for part in built.iter().flat_map(suites::Built::parts) {
        report.part(part.name, || suites::run(&part, options.long))?;
    }
    report.part("documentation examples", || suites::documentation(&repo))?;
    report.close()
}

/// A part that is one cargo command.
fn cargo(arguments: &[&str]) -> Result<Count, Trouble> {
    let status = Command::new("cargo").args(arguments).current_dir(root()).status();
    status
        .map(|status| Count::of(status.success()))
        .map_err(|error| Trouble::Machine(format!("cargo: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_known_ones() {
        let options = Options::parse(&["--install", "--long"]).unwrap();
        assert!(options.install && options.long);
        assert!(Options::parse(&["--fast"]).is_err());
    }

    #[test]
    fn one_failure_fails_the_whole() {
        let mut report = Report::default();
        report.part("a", || Ok(Count::of(true))).unwrap();
        assert!(report.close().is_ok());
        report.part("b", || Ok(Count::of(false))).unwrap();
        assert!(report.close().is_err());
    }
}
