//! The list of released test vectors. It only grows.

use crate::Trouble;
use crate::repo::{Repo, root};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The list, in the form that `sha256sum --check` reads.
pub const LIST: &str = "vectors/SHA256SUMS";

/// Adds the hash of every new vector to the list; existing lines stay as they are.
pub fn run(repo: &Repo) -> Result<(), Trouble> {
    let listed = listed(repo);
    let mut text = repo.file(LIST).map(|file| file.text().to_owned()).unwrap_or_default();
    for (path, hash) in present(repo).iter().filter(|(path, _)| !listed.contains_key(*path)) {
        println!("{hash}  {path}");
        text.push_str(&format!("{hash}  {path}\n"));
    }
    std::fs::write(root().join(LIST), text)
        .map_err(|error| Trouble::Machine(format!("{LIST}: {error}")))
}

/// Hash of every listed vector, by path.
pub fn listed(repo: &Repo) -> BTreeMap<String, String> {
    let text = repo.file(LIST).map(|file| file.text()).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once("  "));
    lines.map(|(hash, path)| (path.to_owned(), hash.to_owned())).collect()
}

/// Hash of every vector that is there, by path.
pub fn present(repo: &Repo) -> BTreeMap<String, String> {
    let is_vector =
        |path: &str| path.starts_with("vectors/") && path != LIST && !path.ends_with(".md");
    let files = repo.files.iter().filter(|file| is_vector(&file.path));
    files.map(|file| (file.path.clone(), hash(&file.bytes))).collect()
}

/// SHA-256 in lower-case hex.
pub fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
