//! Every error code that a program says stands in the operator's book, and the book explains none
//! that nobody says.
//!
//! What the book has are words in backticks in the tables and sentences of its pages of errors; what
//! programs say are the first words of their failures, and those of stores and of nodes.

use crate::finding::Finding;
use crate::repo::{File, Repo};
use std::collections::BTreeMap;

const RULE: &str = "error code";

/// The page of everything but the custodian's program, and that one's.
const PAGES: [(&str, &[&str]); 2] = [
    (
        "docs/guide/errors.md",
        &["crates/apps/quorate/src/", "crates/node/store/src/error.rs", CONTRACT],
    ),
    ("docs/guide/recovery.md", &["crates/apps/recovery/src/"]),
];
/// Where nodes' answers are named.
const CONTRACT: &str = "crates/node/client/src/contract/error.rs";
/// How the contract writes enumerations: no code.
const SERDE: &str = "lowercase";
/// What stands before a code.
const BEFORE: [&str; 5] =
    ["Failure::caller(", "Failure::peer(", "Failure::machine(", ".seen_as(", "=> Failure::later("];

/// Codes without an explanation.
pub fn check(repo: &Repo) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (page, sources) in PAGES {
        let Some(explained) = repo.file(page) else { continue };
        let explained = explained.text();
        let of = |file: &&File| {
            file.is("rs") && sources.iter().any(|source| file.path.starts_with(source))
        };
        let mut said: BTreeMap<String, (String, usize)> = BTreeMap::new();
        for file in repo.files.iter().filter(of) {
            for (code, line) in codes(file) {
                said.entry(code).or_insert((file.path.clone(), line));
            }
        }
        for (code, (path, line)) in said {
            if !explained.contains(&format!("`{code}`")) {
                let what = format!("{code} is not explained in {page}");
                findings.push(Finding::at(&path, line, RULE, what));
            }
        }
    }
    findings
}

/// The codes in a file, each with its line. Tests say what they like.
fn codes(file: &File) -> Vec<(String, usize)> {
    let text = file.text();
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = Vec::new();
    let line_of = |at: usize| 1 + text[..at].matches('\n').count();
    for before in BEFORE {
        for (at, _) in text.match_indices(before) {
            let rest = text[at + before.len()..].trim_start();
            found.extend(quoted(rest).map(|code| (code.to_owned(), line_of(at))));
        }
    }
    // Tables of codes: `Variant => "code"` of a store, `Name = "code", status` of a node.
    for (marker, within) in [("=> \"", "store/src/error.rs"), (" = \"", CONTRACT)] {
        if file.path.ends_with(within) {
            for (at, _) in text.match_indices(marker) {
                let code = quoted(&text[at + marker.len() - 1..]);
                found.extend(code.map(|code| (code.to_owned(), line_of(at))));
            }
        }
    }
    found
}

/// A code in quotes at the beginning of a text.
fn quoted(text: &str) -> Option<&str> {
    let code = text.strip_prefix('"')?.split('"').next()?;
    let is_plain = code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    (code.len() > 2 && is_plain && code != SERDE).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_no_page_explains_is_found() {
        let source = "fn f() {\n    Failure::caller(\n        \"no_luck\", what, next)\n}\n\
                      fn g() { Failure::peer(code, what, next) }\n\
                      #[cfg(test)] mod t { fn h() { Failure::machine(\"untold\", a, b) } }\n";
        let page = "| `bad_luck` | none |\n";
        let repo = Repo::drawn(&[
            ("crates/apps/quorate/src/luck.rs", source),
            ("docs/guide/errors.md", page),
        ]);
        let found = check(&repo);
        assert_eq!(found.len(), 1);
        assert!(found[0].to_string().contains("no_luck is not explained"), "{}", found[0]);
        let told = Repo::drawn(&[
            ("crates/apps/quorate/src/luck.rs", source),
            ("docs/guide/errors.md", "| `no_luck` | none |\n"),
        ]);
        assert!(check(&told).is_empty());
    }
}
