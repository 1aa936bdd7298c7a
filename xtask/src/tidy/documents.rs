//! Documents point to what exists: files behind links, and the file and name behind every
//! `crates/…/file.rs` and `crates/…/file.rs::name` that a document puts in backticks.

use crate::finding::Finding;
use crate::repo::{File, Repo};

const RULE: &str = "document";

/// Pages that every reader expects.
const EXPECTED: [&str; 9] = [
    "README.md",
    "ARCHITECTURE.md",
    "STYLE.md",
    "GLOSSARY.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "docs/threat-model.md",
];

/// Missing pages, links to nowhere and names that are gone.
pub fn check(repo: &Repo) -> Vec<Finding> {
    let missing = EXPECTED.iter().filter(|page| repo.file(page).is_none());
    let mut findings: Vec<Finding> =
        missing.map(|page| Finding::of(page, RULE, "is missing")).collect();
    for page in repo.files.iter().filter(|file| file.is("md")) {
        for (index, line) in page.text().lines().enumerate() {
            let complaints = links(line).filter_map(|link| dead_link(repo, page, link));
            let complaints =
                complaints.chain(code_names(line).filter_map(|name| dead_name(repo, name)));
            findings.extend(complaints.map(|what| Finding::at(&page.path, index + 1, RULE, what)));
        }
    }
    findings
}

/// Targets of `[text](target)`.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

fn dead_link(repo: &Repo, page: &File, link: &str) -> Option<String> {
    let path = link.split('#').next().unwrap_or_default();
    if path.is_empty() || link.contains("://") {
        return None;
    }
    let folder = page.path.rsplit_once('/').map(|(folder, _)| folder).unwrap_or_default();
    let target = resolve(folder, path);
    let exists = repo
        .files
        .iter()
        .any(|file| file.path == target || file.path.starts_with(&format!("{target}/")));
    (!exists).then(|| format!("links to {target}, which does not exist"))
}

fn resolve(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." { parts.truncate(parts.len().saturating_sub(1)) } else { parts.push(part) }
    }
    parts.join("/")
}

/// What stands in backticks and begins like a file of ours.
fn code_names(line: &str) -> impl Iterator<Item = &str> {
    let quoted = line.split('`').skip(1).step_by(2);
    quoted.filter(|name| {
        (name.starts_with("crates/") || name.starts_with("xtask/")) && name.contains(".rs")
    })
}

fn dead_name(repo: &Repo, name: &str) -> Option<String> {
    let (path, symbol) =
        name.split_once("::").map_or((name, None), |(path, symbol)| (path, Some(symbol)));
    let Some(file) = repo.file(path) else {
        return Some(format!("names {path}, which does not exist"));
    };
    let last = symbol?.rsplit("::").next()?;
    let declared =
        ["fn ", "struct ", "enum ", "trait ", "type ", "const ", "macro_rules! ", "mod "];
    let found = declared.iter().any(|kind| declares(file.text(), kind, last));
    (!found).then(|| format!("names {last}, which {path} does not declare"))
}

fn declares(text: &str, kind: &str, name: &str) -> bool {
    text.match_indices(&format!("{kind}{name}")).any(|(at, found)| {
        let next = text.get(at + found.len()..).and_then(|rest| rest.chars().next());
        !next.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> usize {
        let mut files: Vec<(&str, &str)> =
            EXPECTED.iter().filter(|page| **page != "README.md").map(|page| (*page, "")).collect();
        files.push(("README.md", text));
        files.push(("docs/adr/0001.md", ""));
        files.push(("crates/base/x/src/lib.rs", "pub fn begin() {}\nstruct Node;\n"));
        check(&Repo::drawn(&files)).len()
    }

    #[test]
    fn what_exists_may_be_named() {
        for text in [
            "[a](docs/adr/0001.md) and [b](docs/adr) and [c](#part) and [d](https://example.com)",
            "`crates/base/x/src/lib.rs` and `crates/base/x/src/lib.rs::begin` and `crates/base/x/src/lib.rs::Node`",
        ] {
            assert_eq!(found(text), 0, "{text}");
        }
    }

    #[test]
    fn what_is_gone_is_found() {
        for text in [
            "[a](docs/none.md)",
            "`crates/base/x/src/none.rs`",
            "`crates/base/x/src/lib.rs::end`",
            "`crates/base/x/src/lib.rs::beg`",
        ] {
            assert_eq!(found(text), 1, "{text}");
        }
    }

    #[test]
    fn every_expected_page_is_there() {
        assert_eq!(check(&Repo::default()).len(), EXPECTED.len());
    }
}
