//! A custodian's program is read before it is trusted, on a machine without a network: what it is
//! built upon, however far away, is no network and no runtime, and of ours only some crates (REC-01).

use crate::finding::Finding;
use crate::repo::Repo;
use std::collections::{BTreeMap, VecDeque};

const RULE: &str = "offline";

const PROGRAM: &str = "quorate-recovery";
const MANIFEST: &str = "crates/apps/recovery/Cargo.toml";

/// Where ours stand that it may reach.
const OURS: [&str; 5] = [
    "crates/apps/recovery",
    "crates/base/",
    "crates/mpc/sharing",
    "crates/mpc/backup",
    "crates/authority/charter",
];

/// What networks and runtimes rest upon, and those that need none of it.
const NETWORK: [&str; 16] = [
    "async-io",
    "async-std",
    "curl",
    "futures",
    "h2",
    "hyper",
    "mio",
    "native-tls",
    "openssl",
    "polling",
    "quinn",
    "rustls",
    "smol",
    "socket2",
    "tokio",
    "ureq",
];

/// Everything that the program reaches and should not, each by a shortest way there.
pub fn check(repo: &Repo) -> Vec<Finding> {
    let dir =
        |name: &str| repo.packages.iter().find(|of| of.name == name).map(|of| of.dir.as_str());
    let complaint = |name: &str| match dir(name) {
        Some(dir) if OURS.iter().any(|ours| dir == *ours || is_folder_of(ours, dir)) => None,
        Some(_) => {
            Some("it must be readable in an afternoon: move what it needs up, or do without")
        }
        None if NETWORK.contains(&name) => Some("it runs where there is no network"),
        None => None,
    };
    let came_from = reached(repo);
    let found = came_from.keys().filter_map(|name| Some((name, complaint(name)?)));
    found
        .map(|(name, why)| {
            let way = way_to(&came_from, name).join(" → ");
            Finding::of(MANIFEST, RULE, format!("reaches {way}: {why}"))
        })
        .collect()
}

fn is_folder_of(folder: &str, dir: &str) -> bool {
    folder.ends_with('/') && dir.starts_with(folder)
}

/// Every package that the program is built upon, with the one by which it was reached first.
fn reached(repo: &Repo) -> BTreeMap<&str, &str> {
    let (mut came_from, mut open) = (BTreeMap::new(), VecDeque::from([PROGRAM]));
    while let Some(name) = open.pop_front() {
        for used in repo.uses.get(name).into_iter().flatten() {
            if used != PROGRAM && !came_from.contains_key(used.as_str()) {
                came_from.insert(used.as_str(), name);
                open.push_back(used);
            }
        }
    }
    came_from
}

/// From the first step to the package itself.
fn way_to<'a>(came_from: &BTreeMap<&'a str, &'a str>, name: &'a str) -> Vec<&'a str> {
    let mut way: Vec<&str> =
        std::iter::successors(Some(name), |at| came_from.get(at).copied()).collect();
    way.pop();
    way.reverse();
    way
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(edges: &[(&str, &[&str])]) -> Vec<String> {
        let repo = Repo::default()
            .with_package("crates/apps/recovery", PROGRAM, &[])
            .with_package("crates/base/codec", "quorate-codec", &[])
            .with_package("crates/mpc/backup", "quorate-backup", &[])
            .with_package("crates/mpc/backups", "quorate-backups", &[])
            .with_package("crates/authority/charter", "quorate-charter", &[])
            .with_package("crates/authority/policy", "quorate-policy", &[])
            .with_package("crates/node/store", "quorate-store", &[]);
        let drawn = edges.iter().fold(repo, |repo, (name, used)| repo.with_uses(name, used));
        check(&drawn).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn what_it_may_reach_is_free() {
        let edges: &[(&str, &[&str])] = &[
            (PROGRAM, &["quorate-backup", "quorate-charter", "clap"]),
            ("quorate-backup", &["quorate-codec", "rsa"]),
            ("quorate-codec", &["minicbor"]),
            ("quorate-store", &["tokio"]),
        ];
        assert_eq!(found(edges), Vec::<String>::new());
    }

    #[test]
    fn crates_of_a_node_are_found_however_far_away() {
        let why = "it must be readable in an afternoon: move what it needs up, or do without";
        assert_eq!(
            found(&[(PROGRAM, &["quorate-store"])]),
            [format!("reaches quorate-store: {why}")]
        );
        let far: &[(&str, &[&str])] =
            &[(PROGRAM, &["quorate-backup"]), ("quorate-backup", &["quorate-policy"])];
        assert_eq!(found(far), [format!("reaches quorate-backup → quorate-policy: {why}")]);
        assert_eq!(found(&[(PROGRAM, &["quorate-backups"])]).len(), 1, "the whole folder");
    }

    #[test]
    fn a_network_is_found_below_what_comes_from_elsewhere() {
        let edges: &[(&str, &[&str])] = &[
            (PROGRAM, &["clap", "quorate-backup"]),
            ("clap", &["a", "quorate-backup"]),
            ("a", &["tokio"]),
            ("tokio", &["mio", "a"]),
        ];
        let why = "it runs where there is no network";
        assert_eq!(
            found(edges),
            [
                format!("reaches clap → a → tokio → mio: {why}"),
                format!("reaches clap → a → tokio: {why}")
            ]
        );
    }
}
