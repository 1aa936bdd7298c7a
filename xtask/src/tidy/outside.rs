//! Packages from outside: licences of the allow-list in `deny.toml`, and the registry as their
//! only source. `cargo deny check` reads the same file and knows more; this needs no extra tool.

use crate::finding::Finding;
use crate::repo::Repo;
use std::collections::BTreeSet;

const LIST: &str = "deny.toml";
const RULE: &str = "outside package";

/// Licences and sources of everything that the lock file resolves for this platform.
pub fn check(repo: &Repo) -> Vec<Finding> {
    let allowed = allowed(repo.file(LIST).map(|file| file.text()).unwrap_or_default());
    let mut findings = Vec::new();
    for package in &repo.outside {
        if !package.from_registry {
            findings.push(Finding::of(
                "Cargo.lock",
                RULE,
                format!("{} does not come from the registry", package.name),
            ));
        }
        if !permitted(&package.licence, &allowed) {
            let what = format!(
                "{} is under \"{}\", which {LIST} does not allow",
                package.name, package.licence
            );
            findings.push(Finding::of("Cargo.lock", RULE, what));
        }
    }
    findings
}

/// The strings of `allow = [ … ]` in the section `[licenses]`.
fn allowed(text: &str) -> BTreeSet<&str> {
    let section = text.split("[licenses]").nth(1).unwrap_or_default();
    let list = section
        .split("allow = [")
        .nth(1)
        .and_then(|rest| rest.split(']').next())
        .unwrap_or_default();
    let lines = list.lines().filter_map(|line| line.split('#').next());
    lines.flat_map(|line| line.split('"').skip(1).step_by(2)).collect()
}

/// Whether an SPDX expression can be met by allowed licences alone.
fn permitted(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    // old manifests write "MIT/Apache-2.0" for "or"
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    any(&mut words, allowed) && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words, allowed: &BTreeSet<&str>) -> bool {
    let mut met = all(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        met |= all(words, allowed);
    }
    met
}

fn all(words: &mut Words, allowed: &BTreeSet<&str>) -> bool {
    let mut met = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut Words, allowed: &BTreeSet<&str>) -> bool {
    match words.next() {
        Some("(") => {
            let met = any(words, allowed);
            words.next_if_eq(&")").is_some() && met
        }
        Some(licence) => {
            // an exception only ever permits more
            if words.next_if_eq(&"WITH").is_some() {
                words.next();
            }
            allowed.contains(licence)
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::Outside;

    #[test]
    fn expressions_are_judged() {
        let allowed = BTreeSet::from(["MIT", "Apache-2.0"]);
        for good in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "(MIT OR GPL-3.0) AND Apache-2.0",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(permitted(good, &allowed), "{good}");
        }
        for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT", "MIT Apache-2.0"] {
            assert!(!permitted(bad, &allowed), "{bad}");
        }
    }

    #[test]
    fn list_and_source_are_held() {
        let mut repo =
            Repo::drawn(&[(LIST, "[licenses]\nallow = [\n  \"MIT\", # a \"GPL\" is not\n]\n")]);
        let outside = |licence: &str, from_registry| Outside {
            name: "x 1".into(),
            licence: licence.into(),
            from_registry,
        };
        repo.outside = vec![outside("MIT", true)];
        assert_eq!(check(&repo).len(), 0);
        repo.outside = vec![outside("GPL", true), outside("MIT", false)];
        assert_eq!(check(&repo).len(), 2);
    }
}
