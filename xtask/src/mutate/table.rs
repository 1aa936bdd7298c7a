//! The table in `docs/mutation.md`: read, changed, written. It is all that a run remembers.

use super::known::reason;
use super::mutants::Mutant;
use crate::Trouble;
use crate::repo::{Repo, root};
use std::collections::BTreeMap;
use std::fmt;

const PAGE: &str = "docs/mutation.md";

const HEAD: &str = "# Mutation

A check that no test misses when it is gone is not tested. `cargo xtask mutate` finds every function of the pure crates and of the machine whose comment cites a check of `spec/`. If its type has one way to say that all is well, its body becomes that; of a truth value, both. And each guard of it goes: an `if` that does nothing but leave with a failure. One at a time, in a copy of the tree. Some test must fail.

*cited* means that a test whose comment or name cites the check noticed; *other* that another one did. Checks that are written otherwise are not reached this way. The tool writes this page; it tries what is not in it, or survived without a reason. For what is known to survive, only the tests that cite the check are run.
";

/// What came of a mutant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A test that cites the check failed.
    Cited(String),
    /// Another test failed.
    Other(String),
    /// No test failed.
    Survived,
    /// It does not compile, so nothing was tried.
    NotCompiled,
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    checks: String,
    name: String,
    becomes: String,
    verdict: Verdict,
}

/// The table.
#[derive(Debug, Default)]
pub struct Table {
    rows: BTreeMap<(String, String), Row>,
}

impl Row {
    /// What came of this mutant.
    pub fn new(mutant: &Mutant, verdict: Verdict) -> Self {
        let checks: Vec<&str> = mutant.checks.iter().map(String::as_str).collect();
        Self {
            checks: checks.join(" "),
            name: mutant.name(),
            becomes: mutant.becomes.clone(),
            verdict,
        }
    }

    /// Why no test notices, if that is known.
    pub fn reason(&self) -> Option<&'static str> {
        reason(&self.name, &self.becomes)
    }

    /// Whether it is about this mutant.
    pub fn is_of(&self, mutant: &Mutant) -> bool {
        self.name == mutant.name() && self.becomes == mutant.becomes
    }

    fn parse(line: &str) -> Option<Self> {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, checks, name, becomes, verdict, _] = cells.as_slice() else { return None };
        let verdict = match verdict.split_once(' ') {
            Some(("cited", test)) => Verdict::Cited(test.trim_matches('`').to_owned()),
            Some(("other", test)) => Verdict::Other(test.trim_matches('`').to_owned()),
            _ if verdict.starts_with("**survived**") => Verdict::Survived,
            _ if *verdict == "does not compile" => Verdict::NotCompiled,
            _ => return None,
        };
        let plain = |cell: &str| cell.trim_matches('`').to_owned();
        // `path::function` (2)
        let name = name.trim_end_matches(')').replacen("` (", ".", 1);
        Some(Self { checks: plain(checks), name: plain(&name), becomes: plain(becomes), verdict })
    }
}

impl Table {
    /// What the page says of functions that are still there.
    pub fn load(repo: &Repo, all: &[Mutant]) -> Self {
        let text = repo.file(PAGE).map(|file| file.text()).unwrap_or_default();
        Self::parse(text, all)
    }

    fn parse(text: &str, all: &[Mutant]) -> Self {
        let mut table = Self::default();
        for row in text.lines().filter_map(Row::parse) {
            if all.iter().any(|mutant| row.is_of(mutant)) {
                table.note(row);
            }
        }
        table
    }

    /// Whether a test noticed this mutant, or it is known why none does.
    pub fn is_settled(&self, mutant: &Mutant) -> bool {
        let row = self.rows.get(&(mutant.name(), mutant.becomes.clone()));
        row.is_some_and(|row| match row.verdict {
            Verdict::Cited(_) | Verdict::Other(_) => true,
            Verdict::Survived | Verdict::NotCompiled => row.reason().is_some(),
        })
    }

    /// Whether this mutant was tried.
    pub fn has(&self, mutant: &Mutant) -> bool {
        self.rows.contains_key(&(mutant.name(), mutant.becomes.clone()))
    }

    /// Adds or replaces a row.
    pub fn note(&mut self, row: Row) {
        self.rows.insert((row.name.clone(), row.becomes.clone()), row);
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// What no test noticed, or nobody could try.
    pub fn survivors(&self) -> impl Iterator<Item = &Row> {
        self.rows
            .values()
            .filter(|row| matches!(row.verdict, Verdict::Survived | Verdict::NotCompiled))
    }

    /// Writes the page.
    pub fn store(&self, all: &[Mutant]) -> Result<(), Trouble> {
        std::fs::write(root().join(PAGE), self.page(all))
            .map_err(|error| Trouble::Machine(format!("{PAGE}: {error}")))
    }

    fn page(&self, all: &[Mutant]) -> String {
        let count = |wanted: fn(&Verdict) -> bool| {
            self.rows.values().filter(|row| wanted(&row.verdict)).count()
        };
        let mut page = format!(
            "{HEAD}\nOf {} replacements {} were tried: {} noticed by a test that cites the check, {} \
             by another, {} by none.\n\n| checks | function | becomes | noticed by |\n|---|---|---|---|\n",
            all.len(),
            self.rows.len(),
            count(|verdict| matches!(verdict, Verdict::Cited(_))),
            count(|verdict| matches!(verdict, Verdict::Other(_))),
            count(|verdict| matches!(verdict, Verdict::Survived | Verdict::NotCompiled)),
        );
        for row in self.rows.values() {
            let why = row.reason().map(|reason| format!(": {reason}")).unwrap_or_default();
            page.push_str(&format!(
                "| {} | {} | `{}` | {}{why} |\n",
                row.checks,
                shown(&row.name),
                row.becomes,
                row.verdict
            ));
        }
        page
    }
}

/// `path::function`, and behind it which of that name.
fn shown(name: &str) -> String {
    let numbered = name.rsplit_once('.').filter(|(_, number)| number.parse::<u32>().is_ok());
    match numbered {
        Some((function, number)) => format!("`{function}` ({number})"),
        None => format!("`{name}`"),
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cited(test) => write!(formatter, "cited `{test}`"),
            Self::Other(test) => write!(formatter, "other `{test}`"),
            Self::Survived => formatter.write_str("**survived**"),
            Self::NotCompiled => formatter.write_str("does not compile"),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} becomes {} ({})", self.name, self.becomes, self.checks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_again_what_it_was_made_from() {
        let text = "/// DKG-01.\nfn one() -> bool {\n}\n/// DKG-02.\nfn one() -> Option<()> {\n}\n";
        let repo = Repo::drawn(&[("crates/mpc/keygen/src/lib.rs", text)]);
        let repo = repo.with_package("crates/mpc/keygen", "quorate-keygen", &[]);
        let all = super::super::mutants::find(&repo);
        let verdicts = [
            Verdict::Cited("dealing::neg_1".to_owned()),
            Verdict::Other("dealing::two: does not end".to_owned()),
            Verdict::Survived,
        ];
        let mut table = Table::default();
        for (mutant, verdict) in all.iter().zip(verdicts) {
            table.note(Row::new(mutant, verdict));
        }
        assert_eq!((all.len(), table.len(), table.survivors().count()), (3, 3, 1));
        let page = table.page(&all);
        let again = Table::parse(&page, &all);
        assert_eq!(again.page(&all), page);
        assert!(again.is_settled(all.first().unwrap()) && !again.is_settled(all.last().unwrap()));
        // A function that is gone leaves the table.
        assert_eq!(Table::parse(&page, all.get(1..).unwrap()).len(), 2);
    }
}
