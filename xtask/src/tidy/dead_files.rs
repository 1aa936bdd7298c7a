//! Every Rust file is reached from the root of a target by `mod`.

use crate::finding::Finding;
use crate::repo::Repo;
use crate::source::Source;
use std::collections::BTreeSet;

/// Files that no target compiles.
pub fn check(repo: &Repo) -> Vec<Finding> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<(String, bool)> = repo
        .packages
        .iter()
        .flat_map(|package| &package.roots)
        .cloned()
        .chain(fuzzed(repo))
        .map(|root| (root, true))
        .collect();
    while let Some((path, is_root)) = open.pop() {
        if reached.insert(path.clone())
            && let Some(file) = repo.file(&path)
        {
            let children = children(&path, is_root, file.text());
            open.extend(
                children
                    .into_iter()
                    .filter(|child| repo.file(child).is_some())
                    .map(|child| (child, false)),
            );
        }
    }
    let rust = repo.files.iter().filter(|file| file.is("rs"));
    let dead = rust.filter(|file| !reached.contains(&file.path));
    dead.map(|file| {
        Finding::of(&file.path, "dead file", "no `mod` reaches it; declare it or delete it")
    })
    .collect()
}

/// Programs for a fuzzer: of a workspace of their own, whose manifest names each of them.
fn fuzzed(repo: &Repo) -> Vec<String> {
    let manifest = repo.file("fuzz/Cargo.toml").map(|file| file.text()).unwrap_or_default();
    let named = |line: &str| Some(line.strip_prefix("path = \"")?.strip_suffix('"')?.to_owned());
    manifest.lines().filter_map(named).map(|path| format!("fuzz/{path}")).collect()
}

/// Where the modules that a file declares may stand.
fn children(path: &str, is_root: bool, text: &str) -> Vec<String> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = name.trim_end_matches(".rs");
    let base =
        if is_root || stem == "mod" { folder.to_owned() } else { format!("{folder}/{stem}") };
    let source = Source::read(path, text);
    let raw: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (number, line) in source.numbered() {
        if let Some(module) = declared(&line.code) {
            found.push(format!("{base}/{module}.rs"));
            found.push(format!("{base}/{module}/mod.rs"));
        }
        // the contents of strings are not code, so the attribute is read from the raw line
        if line.code.trim_start().starts_with("#[path") || line.code.contains("include!(") {
            let named =
                raw.get(number - 1).and_then(|raw| raw.split('"').nth(1)).unwrap_or_default();
            found.push(normal(&format!("{folder}/{named}")));
        }
    }
    found
}

/// `pub(crate) mod name;` declares `name`; a module with a body declares no file.
fn declared(code: &str) -> Option<&str> {
    let statement = code.trim().strip_suffix(';')?;
    let (before, name) = statement.rsplit_once(' ')?;
    (before == "mod" || before.ends_with(" mod")).then_some(name)
}

fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            ".." => parts.truncate(parts.len().saturating_sub(1)),
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead(files: &[(&str, &str)]) -> Vec<String> {
        let repo = Repo::drawn(files).with_package("crates/base/x", "quorate-x", &[]);
        check(&repo).into_iter().map(|finding| finding.path).collect()
    }

    #[test]
    fn modules_are_followed_down() {
        let files = [
            (
                "crates/base/x/src/lib.rs",
                "mod a;\npub(crate) mod b;\n#[path = \"odd/name.rs\"]\nmod c;\n",
            ),
            ("crates/base/x/src/a.rs", "mod deep;"),
            ("crates/base/x/src/a/deep.rs", ""),
            ("crates/base/x/src/b/mod.rs", "mod leaf;"),
            ("crates/base/x/src/b/leaf.rs", ""),
            ("crates/base/x/src/odd/name.rs", ""),
        ];
        assert_eq!(dead(&files), Vec::<String>::new());
    }

    #[test]
    fn programs_of_the_fuzzer_are_named_by_their_manifest() {
        let manifest = "[dependencies]\nx = { path = \"../x\" }\n[[bin]]\npath = \"a/one.rs\"\n";
        let files = [("fuzz/Cargo.toml", manifest), ("fuzz/a/one.rs", ""), ("fuzz/a/two.rs", "")];
        assert_eq!(dead(&files), ["fuzz/a/two.rs"]);
    }

    #[test]
    fn what_nobody_declares_is_dead() {
        let files = [
            ("crates/base/x/src/lib.rs", "// mod a;\nmod b { }\n"),
            ("crates/base/x/src/a.rs", ""),
            ("crates/base/x/src/b.rs", ""),
        ];
        assert_eq!(dead(&files), ["crates/base/x/src/a.rs", "crates/base/x/src/b.rs"]);
    }
}
