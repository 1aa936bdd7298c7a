//! A crate may use crates of its own folder and of the folders above it, never below; `mpc` and
//! `authority` are siblings and neither uses the other. Dev-dependencies obey the same rule, so a
//! unit test cannot reach what its crate may not. The directory is the name.

use crate::finding::Finding;
use crate::repo::{Package, Repo, Use};

const RULE: &str = "layering";

/// The folders from the top down; equal numbers are siblings.
const FOLDERS: [(&str, u8); 6] =
    [("base", 0), ("mpc", 1), ("authority", 1), ("node", 2), ("apps", 3), ("testing", 4)];

/// Outside packages that only these folders may use, and why.
const RESERVED: [(&str, &[&str], &str); 8] = [
    (
        "cedar-policy",
        &["crates/authority/policy"],
        "the one heavy dependency stays in authority/policy",
    ),
    ("redb", &["crates/node/store"], "only node/store makes things durable"),
    (
        "argon2",
        &["crates/node/store", "crates/apps/recovery"],
        "only node/store seals, and apps/recovery, which may not reach it",
    ),
    ("rustls", &["crates/node", "crates/apps"], "below node there are no channels"),
    (
        "tokio",
        &["crates/node", "crates/apps", "crates/testing"],
        "below node nothing waits: values in, values out",
    ),
    ("frost-core", &["crates/mpc"], "engines stay behind mpc/engine"),
    ("dkls23-core", &["crates/mpc"], "engines stay behind mpc/engine"),
    (
        "alloy-consensus",
        &["crates/authority/intent", "crates/testing"],
        "chains are decoded in authority/intent alone",
    ),
];

/// Names, folders and edges of every package.
pub fn check(repo: &Repo) -> Vec<Finding> {
    repo.packages
        .iter()
        .filter(|package| package.dir != "xtask")
        .flat_map(|package| one(repo, package))
        .collect()
}

fn one(repo: &Repo, package: &Package) -> Vec<Finding> {
    let manifest = format!("{}/Cargo.toml", package.dir);
    let Some((folder, name)) = place(&package.dir) else {
        return vec![Finding::of(
            &manifest,
            RULE,
            "a crate stands in crates/FOLDER/NAME, with a FOLDER of ARCHITECTURE.md",
        )];
    };
    let mut findings = Vec::new();
    let expected = if package.dir == "crates/apps/quorate" {
        "quorate".to_owned()
    } else {
        format!("quorate-{name}")
    };
    if package.name != expected {
        findings.push(Finding::of(
            &manifest,
            RULE,
            format!("is named {}, its directory says {expected}", package.name),
        ));
    }
    if !inherits_lints(repo, &manifest) {
        findings.push(Finding::of(&manifest, RULE, "lacks `[lints] workspace = true`"));
    }
    for (dependency, kind) in &package.dependencies {
        let complaint = match repo.packages.iter().find(|other| other.name == *dependency) {
            Some(other) => place(&other.dir).and_then(|(used, _)| forbidden_edge(folder, used)),
            None => forbidden_outside(&package.dir, dependency),
        };
        if let Some(why) = complaint {
            let what = if *kind == Use::Dev { "dev-depends on" } else { "depends on" };
            findings.push(Finding::of(&manifest, RULE, format!("{what} {dependency}: {why}")));
        }
    }
    findings
}

/// `crates/mpc/engine` stands in folder `mpc` under the name `engine`.
fn place(dir: &str) -> Option<(&'static str, &str)> {
    let (folder, name) = dir.strip_prefix("crates/")?.split_once('/')?;
    let known = FOLDERS.iter().find(|(known, _)| *known == folder)?;
    (!name.contains('/')).then_some((known.0, name))
}

fn forbidden_edge(folder: &str, used: &str) -> Option<String> {
    let rank = |name: &str| FOLDERS.iter().find(|(known, _)| *known == name).map(|(_, rank)| *rank);
    let (from, to) = (rank(folder)?, rank(used)?);
    if folder == used || to < from {
        None
    } else if to == from {
        Some(format!("{folder} and {used} are siblings, they meet in node"))
    } else {
        Some(format!("{used} is below {folder}; move what is shared up, or the test to testing/"))
    }
}

fn forbidden_outside(dir: &str, dependency: &str) -> Option<String> {
    let (_, allowed, why) = RESERVED.iter().find(|(name, _, _)| *name == dependency)?;
    let inside =
        allowed.iter().any(|prefix| dir == *prefix || dir.starts_with(&format!("{prefix}/")));
    (!inside).then(|| (*why).to_owned())
}

fn inherits_lints(repo: &Repo, manifest: &str) -> bool {
    repo.file(manifest).is_some_and(|file| {
        let lines: Vec<&str> = file.text().lines().map(str::trim).collect();
        lines.windows(2).any(|pair| pair == ["[lints]", "workspace = true"])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repo(dir: &str, name: &str, uses: &[(&str, Use)]) -> Repo {
        let manifest = format!("{dir}/Cargo.toml");
        let lints = "[lints]\nworkspace = true\n";
        Repo::drawn(&[
            (&manifest, lints),
            ("crates/base/codec/Cargo.toml", lints),
            ("crates/mpc/engine/Cargo.toml", lints),
            ("crates/authority/charter/Cargo.toml", lints),
            ("crates/testing/testkit/Cargo.toml", lints),
        ])
        .with_package("crates/base/codec", "quorate-codec", &[])
        .with_package("crates/mpc/engine", "quorate-engine", &[])
        .with_package("crates/authority/charter", "quorate-charter", &[])
        .with_package("crates/testing/testkit", "quorate-testkit", &[])
        .with_package(dir, name, uses)
    }

    fn complaints(dir: &str, name: &str, uses: &[(&str, Use)]) -> usize {
        check(&repo(dir, name, uses)).len()
    }

    #[test]
    fn own_folder_and_above_are_free() {
        let uses = [
            ("quorate-codec", Use::Normal),
            ("quorate-engine", Use::Normal),
            ("serde", Use::Normal),
        ];
        assert_eq!(complaints("crates/mpc/schnorr", "quorate-schnorr", &uses), 0);
        assert_eq!(complaints("crates/node/machine", "quorate-machine", &uses), 0);
    }

    #[test]
    fn siblings_and_below_are_not_even_in_tests() {
        for kind in [Use::Normal, Use::Dev, Use::Build] {
            assert_eq!(complaints("crates/mpc/x", "quorate-x", &[("quorate-charter", kind)]), 1);
            assert_eq!(
                complaints("crates/authority/x", "quorate-x", &[("quorate-engine", kind)]),
                1
            );
            assert_eq!(complaints("crates/base/x", "quorate-x", &[("quorate-testkit", kind)]), 1);
        }
    }

    #[test]
    fn the_directory_is_the_name() {
        assert_eq!(complaints("crates/base/x", "quorate-y", &[]), 1);
        assert_eq!(complaints("crates/x", "quorate-x", &[]), 1);
        assert_eq!(complaints("crates/apps/quorate", "quorate", &[]), 0);
    }

    #[test]
    fn outside_packages_stay_where_they_belong() {
        assert_eq!(
            complaints(
                "crates/authority/receipt",
                "quorate-receipt",
                &[("cedar-policy", Use::Normal)]
            ),
            1
        );
        assert_eq!(
            complaints(
                "crates/authority/policy",
                "quorate-policy",
                &[("cedar-policy", Use::Normal)]
            ),
            0
        );
    }

    #[test]
    fn what_seals_is_in_two_crates() {
        let argon2 = [("argon2", Use::Normal)];
        assert_eq!(complaints("crates/node/store", "quorate-store", &argon2), 0);
        assert_eq!(complaints("crates/apps/recovery", "quorate-recovery", &argon2), 0);
        assert_eq!(complaints("crates/apps/quorate", "quorate", &argon2), 1);
    }

    #[test]
    fn lints_are_inherited() {
        let repo = Repo::drawn(&[("crates/base/x/Cargo.toml", "[package]\n")]).with_package(
            "crates/base/x",
            "quorate-x",
            &[],
        );
        assert_eq!(check(&repo).len(), 1);
    }
}
