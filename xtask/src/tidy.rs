//! What the compiler cannot see. Each check is a function from the repository to findings, with
//! tests on small drawn repositories beside it.

mod banned;
mod dead_files;
mod documents;
mod error_codes;
mod layering;
mod offline;
mod outside;
pub mod spec_links;
mod vectors;
mod words;

use crate::Trouble;
use crate::finding::Finding;
use crate::repo::Repo;

type Check = fn(&Repo) -> Vec<Finding>;

/// Every check by its name.
const CHECKS: [(&str, Check); 10] = [
    ("layering", layering::check),
    ("offline", offline::check),
    ("spec links", spec_links::check),
    ("dead files", dead_files::check),
    ("banned calls", banned::check),
    ("vectors", vectors::check),
    ("words", words::check),
    ("documents", documents::check),
    ("error codes", error_codes::check),
    ("outside packages", outside::check),
];

/// Runs every check and prints what they find.
pub fn run(repo: &Repo) -> Result<(), Trouble> {
    let mut findings: Vec<Finding> = CHECKS.iter().flat_map(|(_, check)| check(repo)).collect();
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    let names: Vec<&str> = CHECKS.iter().map(|(name, _)| *name).collect();
    println!("tidy: {} files, {}: {} findings", repo.files.len(), names.join(", "), findings.len());
    if findings.is_empty() { Ok(()) } else { Err(Trouble::Failed) }
}
