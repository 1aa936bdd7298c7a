//! What is taken away, found and not chosen. In the pure crates and the machine, of functions whose
//! comment cites a check of `spec/`: the whole body, if its type has one way to say that all is
//! well; and each guard, an `if` that does nothing but leave.

use crate::attacks::head;
use crate::repo::{File, Repo};
use crate::source::{Source, end_of_item};
use crate::tidy::spec_links::ids;
use std::collections::{BTreeMap, BTreeSet};

/// Crates whose checks are replaced.
const FOLDERS: [&str; 4] =
    ["crates/base/", "crates/mpc/", "crates/authority/", "crates/node/machine"];

/// One function, replaced by what it says when all is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutant {
    /// The checks that its comment cites.
    pub checks: BTreeSet<String>,
    /// The package.
    pub package: String,
    /// The package's folder.
    pub dir: String,
    /// The file.
    pub path: String,
    /// The function; one that shares its name with an earlier one of the file has a number behind.
    pub function: String,
    /// What its body becomes, or which of its guards is gone, counted from 1.
    pub becomes: String,
    /// What is put into the file, and where: line from 0, column, text; ascending.
    changes: Vec<(usize, usize, String)>,
}

impl Mutant {
    /// `path::function`.
    pub fn name(&self) -> String {
        format!("{}::{}", self.path, self.function)
    }

    /// The file with the function replaced.
    pub fn applied(&self, file: &File) -> String {
        let mut text = String::new();
        for (number, line) in file.text().lines().enumerate() {
            let mut rest = (0, line);
            for (_, column, put) in self.changes.iter().filter(|change| change.0 == number) {
                if let Some((before, after)) = rest.1.split_at_checked(column - rest.0) {
                    text.push_str(before);
                    text.push_str(put);
                    rest = (*column, after);
                }
            }
            text.push_str(rest.1);
            text.push('\n');
        }
        text
    }
}

/// All mutants, in the order of files and lines.
pub fn find(repo: &Repo) -> Vec<Mutant> {
    let mut mutants = Vec::new();
    for (file, source) in repo.sources() {
        let inside = FOLDERS.iter().any(|folder| file.path.starts_with(folder));
        let owner = repo.packages.iter().find(|package| {
            file.path.strip_prefix(&package.dir).is_some_and(|rest| rest.starts_with("/src/"))
        });
        if let Some(package) = owner.filter(|_| inside) {
            of_file(file, &source, &package.name, &package.dir, &mut mutants);
        }
    }
    mutants
}

fn of_file(file: &File, source: &Source, package: &str, dir: &str, mutants: &mut Vec<Mutant>) {
    let raw: Vec<&str> = file.text().lines().collect();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, line) in source.lines.iter().enumerate().filter(|(_, line)| !line.test) {
        let Some(name) = function_name(&line.code) else { continue };
        let count = seen.entry(name).or_default();
        *count += 1;
        let function = if *count == 1 { name.to_owned() } else { format!("{name}.{count}") };
        let above = source.lines.get(head(source, index)..index).unwrap_or_default();
        let checks: BTreeSet<String> = above.iter().flat_map(|line| ids(&line.comment)).collect();
        let Some((returns, brace)) = signature(source, &raw, index) else { continue };
        if checks.is_empty() {
            continue;
        }
        let whole = successes(&returns).iter().map(|becomes| {
            ((*becomes).to_owned(), vec![(brace.0, brace.1 + 1, format!(" return {becomes};"))])
        });
        let body = brace.0 + 1..end_of_item(&source.lines, index);
        let gone = guards(source, &raw, body).into_iter().zip(1..);
        let gone = gone.map(|(changes, number)| (format!("without guard {number}"), changes));
        for (becomes, changes) in whole.chain(gone) {
            mutants.push(Mutant {
                checks: checks.clone(),
                package: package.to_owned(),
                dir: dir.to_owned(),
                path: file.path.clone(),
                function: function.clone(),
                becomes,
                changes,
            });
        }
    }
}

/// Every `if` in these lines that begins a line, binds nothing, and whose block begins by leaving
/// with a failure: how its condition becomes one that never holds.
fn guards(
    source: &Source,
    raw: &[&str],
    body: std::ops::Range<usize>,
) -> Vec<Vec<(usize, usize, String)>> {
    let code = |at: usize| source.lines.get(at).map_or("", |line| line.code.trim());
    let mut found = Vec::new();
    for first in body.clone().filter(|at| code(*at).starts_with("if ")) {
        let last = (first..body.end).find(|at| code(*at).ends_with('{'));
        let Some(last) = last else { continue };
        let leaves = ["return Err(", "return None", "return false", "return Ok(Verdict", "Err("];
        let binds = (first..=last).any(|at| code(at).contains("let ") || code(at).contains("else"));
        if binds || !leaves.iter().any(|word| code(last + 1).starts_with(word)) {
            continue;
        }
        let (Some(opens), Some(closes)) = (
            raw.get(first).and_then(|line| line.find("if ")),
            raw.get(last).and_then(|line| line.rfind('{')),
        ) else {
            continue;
        };
        let before = (first, opens + "if ".len(), "false && (".to_owned());
        found.push(vec![before, (last, closes, ") ".to_owned())]);
    }
    found
}

/// What a function of this type says when all is well; of a truth value, both.
fn successes(returns: &str) -> &'static [&'static str] {
    match returns {
        "bool" => &["true", "false"],
        "Option<()>" => &["Some(())"],
        _ if returns.starts_with("Result<(),") => &["Ok(())"],
        _ => &[],
    }
}

/// `pub(crate) fn check<T>(` is named `check`.
fn function_name(code: &str) -> Option<&str> {
    let start = code.trim_start();
    let (before, rest) = start.split_once("fn ")?;
    let words = ["pub", "pub(crate)", "pub(super)", "const"];
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'))?;
    before.split_whitespace().all(|word| words.contains(&word)).then(|| rest.get(..end)).flatten()
}

/// What the function that begins at line `index` returns, and where its body opens; `None` if it
/// has no body.
fn signature(source: &Source, raw: &[&str], index: usize) -> Option<(String, (usize, usize))> {
    let mut code = String::new();
    for number in index..=end_of_item(&source.lines, index) {
        let line = source.lines.get(number)?;
        if let Some((before, _)) = line.code.split_once('{') {
            code.push_str(before);
            let (_, returns) = code.rsplit_once("->")?;
            let returns = returns.split(" where ").next().unwrap_or_default().trim();
            return Some((returns.to_owned(), (number, raw.get(number)?.find('{')?)));
        }
        // Without a body; not the `;` in the type of an array.
        if line.code.trim_end().ends_with(';') {
            return None;
        }
        code.push_str(&line.code);
        code.push(' ');
    }
    None
}

/// Tests of a package, by name, and the programs that they are in, as cargo is asked for them. All
/// of the package if there are none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tests {
    /// Names, or parts of them.
    pub names: BTreeSet<String>,
    /// Arguments of cargo.
    pub programs: BTreeSet<String>,
}

/// Tests of a package whose comment cites one of these checks.
pub fn citing_tests(repo: &Repo, dir: &str, checks: &BTreeSet<String>) -> Tests {
    let mut tests = Tests::default();
    for (file, source) in repo.sources() {
        let inside = file.path.strip_prefix(dir).and_then(|rest| rest.strip_prefix('/'));
        let Some(inside) = inside else { continue };
        for (index, line) in source.lines.iter().enumerate().filter(|(_, line)| line.test) {
            let Some(name) = function_name(&line.code) else { continue };
            let above = source.lines.get(head(&source, index)..index).unwrap_or_default();
            let is_test = above.iter().any(|line| line.code.contains("#[test]"));
            let mut cited = above.iter().flat_map(|line| ids(&line.comment)).chain(of_name(name));
            if is_test && cited.any(|id| checks.contains(&id)) {
                tests.names.insert(name.to_owned());
                tests.programs.insert(program_of(inside));
            }
        }
    }
    tests
}

/// `tests/dealing/blame.rs` and `tests/dealing.rs` are in the program `dealing`.
fn program_of(path: &str) -> String {
    let program = path.strip_prefix("tests/").and_then(|rest| rest.split(['/', '.']).next());
    program.map_or("--lib".to_owned(), |program| format!("--test={program}"))
}

/// `sto_12_keys_are_gone` is about STO-12.
fn of_name(name: &str) -> Option<String> {
    let (letters, rest) = name.split_once('_')?;
    let number = rest.split('_').next()?;
    ids(&format!("{}-{number}", letters.to_ascii_uppercase())).pop()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
/// Checks it (DKG-01).
///
/// # Errors
/// Its own (DKG-02).
#[inline]
pub(crate) fn check<T>(
    a: &T,
) -> Result<(), Error> {
    a.check()
}

/// Whether it is so (DKG-03).
pub fn is_so(&self) -> bool { self.so }

/// Not a check by its type (DKG-04).
fn count() -> Option<usize> {
    if self.is_none() {
        return None;
    }
    if self.is_one()
        || self.is("{")
    {
        return None;
    }
    if self.is_two() {
        self.count();
    }
    if let Some(three) = self.three() {
        return None;
    }
    Some(1)
}

/// Without a number.
fn check_more() -> bool {
    true
}

trait Checks {
    /// DKG-05.
    fn holds(&self) -> bool;
}

#[cfg(test)]
mod tests {
    /// DKG-06.
    fn helper() -> bool {
        true
    }

    /// DKG-03.
    #[test]
    fn it_is_so() {}

    #[test]
    fn dkg_01_is_checked() {}
}
"#;

    fn drawn() -> Repo {
        Repo::drawn(&[("crates/mpc/keygen/src/lib.rs", FILE), ("crates/apps/x/src/lib.rs", FILE)])
            .with_package("crates/mpc/keygen", "quorate-keygen", &[])
            .with_package("crates/apps/x", "x", &[])
    }

    #[test]
    fn checks_are_found_by_comment_and_type() {
        let found: Vec<(String, String, Vec<String>)> = find(&drawn())
            .into_iter()
            .map(|m| (m.function.clone(), m.becomes, m.checks.into_iter().collect()))
            .collect();
        let expected = [
            ("check", "Ok(())", vec!["DKG-01", "DKG-02"]),
            ("is_so", "true", vec!["DKG-03"]),
            ("is_so", "false", vec!["DKG-03"]),
            ("count", "without guard 1", vec!["DKG-04"]),
            ("count", "without guard 2", vec!["DKG-04"]),
        ];
        let expected: Vec<(String, String, Vec<String>)> = expected
            .into_iter()
            .map(|(f, b, c)| {
                (f.to_owned(), b.to_owned(), c.into_iter().map(str::to_owned).collect())
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_mutant_returns_before_anything_else() {
        let repo = drawn();
        let file = repo.file("crates/mpc/keygen/src/lib.rs").unwrap();
        let mutants = find(&repo);
        let of = |at: usize| mutants.get(at).unwrap().applied(file);
        assert!(of(0).contains(") -> Result<(), Error> { return Ok(());\n    a.check()\n}"));
        assert!(of(2).contains("-> bool { return false; self.so }"));
        assert!(of(3).contains("    if false && (self.is_none() ) {\n"));
        assert!(
            of(4).contains("    if false && (self.is_one()\n        || self.is(\"{\")\n    ) {\n")
        );
        assert_eq!(of(0).lines().count(), FILE.lines().count());
    }

    #[test]
    fn tests_that_cite_a_check_are_found_by_comment_or_name() {
        let checks = |id: &str| BTreeSet::from([id.to_owned()]);
        let dir = "crates/mpc/keygen";
        let names = |id: &str| citing_tests(&drawn(), dir, &checks(id)).names;
        assert_eq!(names("DKG-03"), BTreeSet::from(["it_is_so".to_owned()]));
        assert_eq!(names("DKG-01"), BTreeSet::from(["dkg_01_is_checked".to_owned()]));
        assert_eq!(citing_tests(&drawn(), dir, &checks("DKG-06")), Tests::default());
        assert_eq!(program_of("src/lib.rs"), "--lib");
        assert_eq!(program_of("tests/dealing/blame.rs"), "--test=dealing");
        assert_eq!(program_of("tests/dealing.rs"), "--test=dealing");
    }
}
