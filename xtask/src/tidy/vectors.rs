//! A test vector that was ever released stays as it is: `vectors/SHA256SUMS` lists each one.

use crate::finding::Finding;
use crate::repo::Repo;
use crate::vectors::{self, LIST};

const RULE: &str = "vectors";

/// Changed, lost and unlisted vectors.
pub fn check(repo: &Repo) -> Vec<Finding> {
    let listed = vectors::listed(repo);
    let present = vectors::present(repo);
    let mut findings = Vec::new();
    for (path, hash) in &listed {
        match present.get(path) {
            None => {
                findings.push(Finding::of(path, RULE, "was released and is gone; bring it back"))
            }
            Some(now) if now != hash => {
                findings.push(Finding::of(
                    path,
                    RULE,
                    "was released and has changed; restore it, and add a new file for a new form",
                ));
            }
            Some(_) => {}
        }
    }
    let unlisted = present.keys().filter(|path| !listed.contains_key(*path));
    findings.extend(unlisted.map(|path| {
        Finding::of(path, RULE, format!("is not in {LIST}; `cargo xtask vectors` adds it"))
    }));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of "abc".
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn found(vector: Option<&str>, list: &str) -> Vec<String> {
        let mut files = vec![(LIST, list)];
        files.extend(vector.map(|text| ("vectors/a.json", text)));
        check(&Repo::drawn(&files)).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_listed_vector_must_stay() {
        let list = format!("{ABC}  vectors/a.json\n");
        assert!(found(Some("abc"), &list).is_empty());
        assert!(found(Some("abd"), &list)[0].contains("has changed"));
        assert!(found(None, &list)[0].contains("is gone"));
        assert!(found(Some("abc"), "")[0].contains("is not in"));
    }
}
