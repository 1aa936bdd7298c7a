//! The numbered checks of `spec/` and the code hold each other: what code or a test cites exists
//! in a page, and what a page demands is cited by code or a test.
//!
//! A page defines a check by beginning a line, a list item, a heading or a table row with its id:
//! `- **DKG-12** …` or `| DKG-12 | …`. Everything else is a citation.

use crate::finding::Finding;
use crate::repo::Repo;
use std::collections::{BTreeMap, BTreeSet};

const RULE: &str = "spec link";

/// Names of standards that look like ids of ours.
const FOREIGN: [&str; 20] = [
    "AES", "ASCII", "BIP", "BLAKE", "CVE", "EIP", "ERC", "FIPS", "HMAC", "IEEE", "ISO", "KDF",
    "MIT", "PKCS", "RFC", "SEC", "SHA", "SLIP", "TLS", "UTF",
];

/// Both directions.
pub fn check(repo: &Repo) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut defined: BTreeMap<String, (String, usize)> = BTreeMap::new();
    for page in repo.files.iter().filter(|file| file.path.starts_with("spec/") && file.is("md")) {
        for (index, line) in page.text().lines().enumerate() {
            let Some(id) = definition(line) else { continue };
            if defined.insert(id.clone(), (page.path.clone(), index + 1)).is_some() {
                findings.push(Finding::at(
                    &page.path,
                    index + 1,
                    RULE,
                    format!("{id} is defined twice"),
                ));
            }
        }
    }
    let mut cited = BTreeSet::new();
    for file in repo.files.iter().filter(|file| file.path.starts_with("crates/") && file.is("rs")) {
        for (index, line) in file.text().lines().enumerate() {
            for id in ids(line) {
                if !defined.contains_key(&id) {
                    findings.push(Finding::at(
                        &file.path,
                        index + 1,
                        RULE,
                        format!("cites {id}, which no page of spec/ defines"),
                    ));
                }
                cited.insert(id);
            }
        }
    }
    let uncited = defined.iter().filter(|(id, _)| !cited.contains(*id));
    findings.extend(uncited.map(|(id, (path, line))| {
        Finding::at(path, *line, RULE, format!("{id} is cited by no code and no test"))
    }));
    findings
}

/// The id that this line of a page defines.
fn definition(line: &str) -> Option<String> {
    let start = line.trim_start_matches([' ', '-', '*', '|', '#', '`']);
    let marked = start.len() < line.trim_start().len();
    let first = ids(start).into_iter().next()?;
    (marked && start.starts_with(&first)).then_some(first)
}

/// Every id in a text: two to nine capitals, a dash, two or three digits, nothing attached.
pub fn ids(text: &str) -> Vec<String> {
    let words =
        text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '/'));
    words.filter(|word| is_id(word)).map(str::to_owned).collect()
}

fn is_id(word: &str) -> bool {
    word.split_once('-').is_some_and(|(letters, digits)| {
        (2..=9).contains(&letters.len())
            && letters.chars().all(|c| c.is_ascii_uppercase())
            && (2..=3).contains(&digits.len())
            && digits.chars().all(|c| c.is_ascii_digit())
            && !FOREIGN.contains(&letters)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(page: &str, code: &str) -> Vec<String> {
        let repo = Repo::drawn(&[("spec/dkg.md", page), ("crates/mpc/keygen/src/lib.rs", code)]);
        check(&repo).into_iter().map(|finding| finding.to_string()).collect()
    }

    #[test]
    fn a_cited_definition_is_fine_in_every_form() {
        for form in ["- **DKG-01** x", "| DKG-01 | x |", "### DKG-01", "* `DKG-01`: x"] {
            assert_eq!(messages(form, "// DKG-01"), Vec::<String>::new(), "{form}");
        }
    }

    #[test]
    fn each_side_alone_is_found() {
        assert_eq!(
            messages("- **DKG-01** x", ""),
            ["spec/dkg.md:1: spec link: DKG-01 is cited by no code and no test"]
        );
        assert_eq!(
            messages("Text that mentions DKG-01.", "// DKG-01"),
            [
                "crates/mpc/keygen/src/lib.rs:1: spec link: cites DKG-01, which no page of spec/ defines"
            ]
        );
    }

    #[test]
    fn a_check_is_defined_once() {
        assert_eq!(messages("- **DKG-01** x\n- **DKG-01** y", "// DKG-01").len(), 1);
    }

    #[test]
    fn standards_and_attacks_are_no_checks_of_ours() {
        assert_eq!(
            ids("BIP-340, SHA-256, N-12, RFC-8949, X-1, CVE-2023-33241"),
            Vec::<String>::new()
        );
        assert_eq!(ids("(GOV-07), ENC-101."), ["GOV-07", "ENC-101"]);
    }
}
