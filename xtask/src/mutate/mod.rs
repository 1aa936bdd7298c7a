//! Does a test notice when a check is gone? One numbered check, or guard, at a time is replaced, in
//! a copy of the tree, by what it says when all is well, and the tests must fail.
//! `docs/mutation.md` says which test did. What no test notices is a defect of the tests, listed
//! there with a reason.
//!
//! First the tests that cite the check are run, of the crate and of the testkit, then all of the
//! crate, then all of whole domains. What is in the table with the test that noticed, or with the
//! reason why none does, is not tried again, so a run that was interrupted goes on; `--again` tries
//! all.

mod known;
mod mutants;
mod table;
mod trial;

use crate::Trouble;
use crate::repo::Repo;
use known::reason;
use mutants::{Mutant, Tests, citing_tests};
use std::collections::BTreeMap;
use table::{Row, Table, Verdict};
use trial::{LONG, Seen, Trial};

/// Tests of whole domains, for what no nearer test notices.
const FARTHER: (&str, &str) = ("quorate-testkit", "crates/testing/testkit");

/// What a run does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Only these packages, by the last part of their names; all if empty.
    packages: Vec<String>,
    /// Only says what would be tried.
    list: bool,
    /// Tries what is in the table too.
    again: bool,
    /// Runs no tests of other crates.
    near: bool,
}

impl Options {
    /// From the command line.
    pub fn parse(words: &[&str]) -> Result<Self, Trouble> {
        let mut options = Self::default();
        for word in words {
            match *word {
                "--list" => options.list = true,
                "--again" => options.again = true,
                "--near" => options.near = true,
                flag if flag.starts_with('-') => return Err(Trouble::Usage),
                name => options.packages.push(format!("quorate-{name}")),
            }
        }
        Ok(options)
    }

    fn has(&self, mutant: &Mutant) -> bool {
        self.packages.is_empty() || self.packages.contains(&mutant.package)
    }
}

/// Tries the mutants; fails where one survives that is not known to.
pub fn run(repo: &Repo, options: &Options) -> Result<(), Trouble> {
    let all = mutants::find(repo);
    let chosen: Vec<&Mutant> = all.iter().filter(|mutant| options.has(mutant)).collect();
    if options.list {
        chosen.iter().for_each(|mutant| println!("{} becomes {}", mutant.name(), mutant.becomes));
        println!("mutate: {} of {}", chosen.len(), all.len());
        return Ok(());
    }
    let mut table = Table::load(repo, &all);
    let is_open = |mutant: &Mutant| options.again || !table.is_settled(mutant);
    let mut todo: Vec<&Mutant> = chosen.iter().copied().filter(|mutant| is_open(mutant)).collect();
    // What survived before is tried again at the end.
    todo.sort_by_key(|mutant| table.has(mutant));
    let trial = Trial::prepare(repo)?;
    let mut sound: BTreeMap<String, bool> = BTreeMap::new();
    for (at, mutant) in todo.iter().enumerate() {
        let (package, dir) = (&mutant.package, &mutant.dir);
        if !sound.contains_key(package) {
            let passes = trial.test(package, (package, dir), &Tests::default())? == Seen::Passed;
            sound.insert(package.clone(), passes);
        }
        if sound.get(package) != Some(&true) {
            return Err(Trouble::Machine(format!("mutate: the tests of {package} do not pass")));
        }
        let verdict = judge(repo, &trial, mutant, options.near)?;
        println!(
            "{}/{} {} becomes {}: {verdict}",
            at + 1,
            todo.len(),
            mutant.name(),
            mutant.becomes
        );
        table.note(Row::new(mutant, verdict));
        table.store(&all)?;
    }
    table.store(&all)?;
    let survivors = table.survivors().filter(|row| chosen.iter().any(|mutant| row.is_of(mutant)));
    let (known, unknown): (Vec<&Row>, Vec<&Row>) =
        survivors.partition(|row| row.reason().is_some());
    unknown.iter().for_each(|row| println!("survived: {row}"));
    println!(
        "mutate: {} tried, {} in the table, {} survived, {} of them known",
        todo.len(),
        table.len(),
        known.len() + unknown.len(),
        known.len()
    );
    if unknown.is_empty() { Ok(()) } else { Err(Trouble::Failed) }
}

/// Replaces one function, lets the tests run, and puts it back.
fn judge(repo: &Repo, trial: &Trial, mutant: &Mutant, near: bool) -> Result<Verdict, Trouble> {
    let file = repo.file(&mutant.path).ok_or(Trouble::Failed)?;
    trial.write(&mutant.path, &mutant.applied(file))?;
    let verdict = noticed(repo, trial, mutant, near);
    trial.write(&mutant.path, file.text())?;
    verdict
}

/// All tests of whole domains, and those that use the package itself.
fn worlds(repo: &Repo, package: &str) -> Tests {
    let uses = ["quorate_testkit::world".to_owned(), package.replace('-', "_")];
    let folder = format!("{}/tests/", FARTHER.1);
    let programs = repo.files.iter().filter_map(|file| {
        let program = file.path.strip_prefix(&folder)?.strip_suffix(".rs")?;
        let is_of_use = uses.iter().any(|used| file.text().contains(used));
        is_of_use.then(|| format!("--test={program}"))
    });
    Tests { programs: programs.collect(), names: Default::default() }
}

fn noticed(repo: &Repo, trial: &Trial, mutant: &Mutant, near: bool) -> Result<Verdict, Trouble> {
    let (package, dir) = (mutant.package.as_str(), mutant.dir.as_str());
    let farther = if near { None } else { Some(FARTHER) };
    for place in std::iter::once((package, dir)).chain(farther) {
        let citing = citing_tests(repo, place.1, &mutant.checks);
        // One program after the other: the first is mostly enough, and each must be linked.
        let mut programs: Vec<String> = citing.programs.into_iter().collect();
        programs.sort_by_key(|program| LONG.iter().any(|long| program.ends_with(long)));
        for program in programs {
            let tests = Tests { names: citing.names.clone(), programs: [program].into() };
            if let Seen::Failed(test) = trial.test(package, place, &tests)? {
                return Ok(Verdict::Cited(test));
            }
        }
    }
    if reason(&mutant.name(), &mutant.becomes).is_some() {
        return Ok(Verdict::Survived);
    }
    match trial.test(package, (package, dir), &Tests::default())? {
        Seen::Failed(test) => return Ok(Verdict::Other(test)),
        Seen::NotCompiled => return Ok(Verdict::NotCompiled),
        Seen::Passed if near => return Ok(Verdict::Survived),
        Seen::Passed => {}
    }
    match trial.test(package, FARTHER, &worlds(repo, package))? {
        Seen::Failed(test) => Ok(Verdict::Other(test)),
        Seen::NotCompiled => Ok(Verdict::NotCompiled),
        Seen::Passed => Ok(Verdict::Survived),
    }
}
