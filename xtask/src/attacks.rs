//! The catalogue of attacks against its tests. `docs/attacks.md` says what each attack is and
//! what defeats it; a test named `neg_NNN_what` tries it, and cites the checks of `spec/` it relies
//! on. A row that this release claims and no test tries is a failure.

use crate::Trouble;
use crate::repo::Repo;
use crate::source::{Source, end_of_item};
use crate::tidy::spec_links::ids;
use std::collections::{BTreeMap, BTreeSet};

const CATALOGUE: &str = "docs/attacks.md";

/// One row of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Attack {
    number: u16,
    what: String,
    /// Whether this release claims to defeat it.
    claimed: bool,
}

/// One test that tries an attack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Attempt {
    /// `crates/…/file.rs::name`.
    name: String,
    /// Checks of `spec/` that the test or its comment cites.
    checks: BTreeSet<String>,
}

/// Prints attack, spec check and test; fails where one is missing.
pub fn run(repo: &Repo) -> Result<(), Trouble> {
    let attacks = catalogue(repo.file(CATALOGUE).map(|file| file.text()).unwrap_or_default());
    let attempts = attempts(repo);
    for attack in &attacks {
        let tests = attempts.get(&attack.number).into_iter().flatten();
        let mut tests = tests.peekable();
        if tests.peek().is_none() {
            let state = if attack.claimed { "NO TEST" } else { "a later release" };
            println!("N-{:02}  {}\n        {state}", attack.number, attack.what);
            continue;
        }
        println!("N-{:02}  {}", attack.number, attack.what);
        for test in tests {
            let checks: Vec<&str> = test.checks.iter().map(String::as_str).collect();
            println!("        {:<24} {}", checks.join(" "), test.name);
        }
    }
    let gaps = gaps(&attacks, &attempts);
    for gap in &gaps {
        println!("attacks: {gap}");
    }
    let tests: usize = attempts.values().map(Vec::len).sum();
    println!("attacks: {} in the catalogue, {tests} tests, {} gaps", attacks.len(), gaps.len());
    if gaps.is_empty() { Ok(()) } else { Err(Trouble::Failed) }
}

/// What is claimed and not tried, or tried and not in the catalogue.
fn gaps(attacks: &[Attack], attempts: &BTreeMap<u16, Vec<Attempt>>) -> Vec<String> {
    let untried =
        attacks.iter().filter(|attack| attack.claimed && !attempts.contains_key(&attack.number));
    let untried =
        untried.map(|attack| format!("N-{:02} is claimed and no test tries it", attack.number));
    let unknown = attempts
        .iter()
        .filter(|(number, _)| !attacks.iter().any(|attack| attack.number == **number));
    let unknown = unknown.flat_map(|(number, tests)| {
        tests.iter().map(move |test| {
            format!("{} tries N-{number:02}, which {CATALOGUE} does not have", test.name)
        })
    });
    let mut gaps: Vec<String> = untried.chain(unknown).collect();
    if attacks.is_empty() {
        gaps.push(format!("{CATALOGUE} has no rows"));
    }
    gaps
}

/// Rows of the form `| N-07 | what | what defeats it | now |`.
fn catalogue(text: &str) -> Vec<Attack> {
    text.lines().filter_map(row).collect()
}

fn row(line: &str) -> Option<Attack> {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let [_, number, what, _, release, _] = cells.as_slice() else {
        return None;
    };
    let number = number.strip_prefix("N-")?.parse().ok()?;
    Some(Attack { number, what: (*what).to_owned(), claimed: *release == "now" })
}

/// Every test named `neg_NNN_…`, by number. One name may carry several numbers.
fn attempts(repo: &Repo) -> BTreeMap<u16, Vec<Attempt>> {
    let mut found: BTreeMap<u16, Vec<Attempt>> = BTreeMap::new();
    for (file, source) in repo.sources() {
        let raw: Vec<&str> = file.text().lines().collect();
        for (index, line) in source.lines.iter().enumerate() {
            let Some(name) = test_name(&line.code) else {
                continue;
            };
            if !runs(&source, index) {
                continue;
            }
            let first = head(&source, index);
            let text = raw
                .get(first..=end_of_item(&source.lines, index).min(raw.len() - 1))
                .unwrap_or_default();
            let attempt = Attempt {
                name: format!("{}::{name}", file.path),
                checks: text.iter().flat_map(|line| ids(line)).collect(),
            };
            for number in numbers(name) {
                found.entry(number).or_default().push(attempt.clone());
            }
        }
    }
    found
}

/// `fn neg_007_threshold_raised() {` is named `neg_007_threshold_raised`.
fn test_name(code: &str) -> Option<&str> {
    let (_, rest) = code.split_once("fn neg_")?;
    let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'))?;
    let start = code.len() - rest.len() - "neg_".len();
    code.get(start..start + "neg_".len() + length)
}

fn numbers(name: &str) -> Vec<u16> {
    let parts = name.split('_').skip(1);
    parts.map_while(|part| (part.len() == 3).then(|| part.parse().ok()).flatten()).collect()
}

/// Index of the first line of the comment and attributes above an item.
pub fn head(source: &Source, index: usize) -> usize {
    let above = |line: &crate::source::Line| {
        let code = line.code.trim();
        code.starts_with("#[") || (code.is_empty() && !line.comment.is_empty())
    };
    let lines = source.lines.get(..index).unwrap_or_default().iter().rev();
    index - lines.take_while(|line| above(line)).count()
}

/// Whether an attribute above makes it a test and none ignores it.
fn runs(source: &Source, index: usize) -> bool {
    let above = source.lines.get(head(source, index)..index).unwrap_or_default();
    let has = |what: &str| above.iter().any(|line| line.code.contains(what));
    (has("#[test]") || has("::test")) && !has("#[ignore")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: &str = "| # | attack | defeated by | release |\n|---|---|---|---|\n| N-07 | longer vector | exact length | now |\n| N-40 | old presignature | erased | later: presignatures |\n";

    fn drawn(code: &str) -> (Vec<Attack>, BTreeMap<u16, Vec<Attempt>>) {
        let repo = Repo::drawn(&[("crates/mpc/sharing/src/lib.rs", code)]);
        (catalogue(ROWS), attempts(&repo))
    }

    #[test]
    fn a_test_covers_its_rows_and_cites_its_checks() {
        let (attacks, attempts) =
            drawn("/// DKG-12\n#[test]\nfn neg_007_longer() {\n    // DKG-13\n}\n// DKG-14\n");
        assert_eq!(attacks.len(), 2);
        assert!(gaps(&attacks, &attempts).is_empty());
        let checks: Vec<&str> = attempts[&7][0].checks.iter().map(String::as_str).collect();
        assert_eq!(checks, ["DKG-12", "DKG-13"]);
        assert_eq!(attempts[&7][0].name, "crates/mpc/sharing/src/lib.rs::neg_007_longer");
    }

    #[test]
    fn a_claimed_row_without_a_running_test_is_a_gap() {
        for code in
            ["", "fn neg_007_helper() {}", "#[test]\n#[ignore = \"slow\"]\nfn neg_007_slow() {}"]
        {
            let (attacks, attempts) = drawn(code);
            assert_eq!(
                gaps(&attacks, &attempts),
                ["N-07 is claimed and no test tries it"],
                "{code}"
            );
        }
    }

    #[test]
    fn one_test_may_try_several_and_none_that_is_unknown() {
        let (attacks, attempts) =
            drawn("#[test]\nfn neg_007_040_both() {}\n#[test]\nfn neg_099_unknown() {}\n");
        assert_eq!(attempts.keys().copied().collect::<Vec<_>>(), [7, 40, 99]);
        assert_eq!(gaps(&attacks, &attempts).len(), 1);
    }
}
