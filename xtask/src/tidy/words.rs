//! What no file of the repository contains: paths of one machine, addresses that are not worth a
//! reader's trust, unfinished business, and talk about how the text came to be. Also: no file so
//! long that it became the system.

use crate::finding::Finding;
use crate::repo::{File, Repo};

const RULE: &str = "words";

/// Longest source or text file, in lines.
const LINES_MAX: usize = 900;

/// Markers of unfinished business: finish it, or write an ADR that says why not.
const UNFINISHED: [&str; 4] = ["TODO", "FIXME", "XXX", "HACK"];

/// Beginnings of absolute paths that exist on one machine only.
const MACHINE_PATHS: [&str; 3] = ["/home/", "/root/", "/Users/"];

/// The repository speaks of Quorate, not of who asked for a line or when.
const PROVENANCE: [&str; 6] =
    ["co-authored-by", "generated with", "as requested", "as discussed", "assistant", "this issue"];

/// Hosts that a text may point to: standards, papers, licences. A host without a dot is an
/// example. Package registries and mirrors are a matter of each machine's own set-up.
const HOSTS: [&str; 14] = [
    "127.0.0.1",
    "bips.dev",
    "csrc.nist.gov",
    "datatracker.ietf.org",
    "doi.org",
    "eips.ethereum.org",
    "eprint.iacr.org",
    "example.com",
    "github.com",
    "keepachangelog.com",
    "opensource.org",
    "semver.org",
    "www.apache.org",
    "www.rfc-editor.org",
];

/// Lock files may point nowhere at all.
const LOCKS: [&str; 3] = ["package-lock.json", "requirements.txt", ".npmrc"];

/// Every text file, line by line.
pub fn check(repo: &Repo) -> Vec<Finding> {
    let ours = |file: &&File| file.path != "xtask/src/tidy/words.rs" && file.path != "Cargo.lock";
    repo.files.iter().filter(ours).flat_map(|file| [too_long(file), lines(file)].concat()).collect()
}

fn too_long(file: &File) -> Vec<Finding> {
    let counted = ["rs", "py", "mjs", "md"].iter().any(|extension| file.is(extension));
    let lines = file.text().lines().count();
    if counted && lines > LINES_MAX {
        vec![Finding::of(&file.path, RULE, format!("{lines} lines; split it before {LINES_MAX}"))]
    } else {
        Vec::new()
    }
}

fn lines(file: &File) -> Vec<Finding> {
    let numbered = file.text().lines().enumerate();
    numbered
        .filter_map(|(index, line)| {
            complaint(&file.path, line).map(|what| Finding::at(&file.path, index + 1, RULE, what))
        })
        .collect()
}

fn complaint(path: &str, line: &str) -> Option<String> {
    if let Some(marker) = UNFINISHED.iter().find(|marker| words(line).any(|word| word == **marker))
    {
        return Some(format!("{marker}: finish it, or say in an ADR why not"));
    }
    if let Some(place) = MACHINE_PATHS.iter().find(|place| begins_a_path(line, place)) {
        return Some(format!("{place} exists on one machine only; use a relative path"));
    }
    let lower = line.to_lowercase();
    if let Some(talk) = PROVENANCE.iter().find(|talk| lower.contains(**talk)) {
        return Some(format!("\"{talk}\": speak of Quorate, not of how the text came to be"));
    }
    if numbered_ticket(&lower) {
        return Some("points to a ticket; say the reason itself".to_owned());
    }
    hosts(line).find_map(|host| {
        let lock = LOCKS.iter().any(|name| path.ends_with(name));
        (lock || !HOSTS.contains(&host))
            .then(|| format!("points to {host}; see HOSTS in xtask for where text may point"))
    })
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_ascii_alphanumeric())
}

fn begins_a_path(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        before.is_none_or(|c| {
            !(c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | '>' | '/'))
        })
    })
}

fn numbered_ticket(lower: &str) -> bool {
    lower.match_indices("issue ").any(|(at, word)| {
        let after = lower.get(at + word.len()..).unwrap_or_default();
        after.trim_start_matches('#').starts_with(|c: char| c.is_ascii_digit())
    })
}

fn hosts(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("://").filter_map(|(at, mark)| {
        let scheme = line.get(..at)?;
        (scheme.ends_with("http") || scheme.ends_with("https")).then_some(())?;
        let rest = line.get(at + mark.len()..)?;
        let host =
            rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-')).next()?;
        host.contains('.').then_some(host)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        check(&Repo::drawn(&[(path, text)])).len()
    }

    #[test]
    fn each_kind_is_found() {
        for text in [
            "// TODO later",
            "see /home/me/x",
            "path = \"/root/x\"",
            "as discussed",
            "see issue 12",
            "see Issue #12",
            "https://mirror.invalid/x",
        ] {
            assert_eq!(found("README.md", text), 1, "{text}");
        }
    }

    #[test]
    fn ordinary_text_is_not() {
        for text in [
            "issue a permit",
            "Permit::issue(x)",
            "todo!()",
            "domain/home/x and a.b/root/c",
            "https://www.rfc-editor.org/rfc/rfc8949",
            "http://127.0.0.1:8545",
            "`http://{address}`, https://ADDRESS, http://localhost:1",
        ] {
            assert_eq!(found("README.md", text), 0, "{text}");
        }
    }

    #[test]
    fn lock_files_point_nowhere() {
        assert_eq!(found("x/package-lock.json", "\"https://github.com/x\""), 1);
    }

    #[test]
    fn long_files_are_found() {
        assert_eq!(found("crates/a.rs", &"\n".repeat(LINES_MAX)), 0);
        assert_eq!(found("crates/a.rs", &"\n".repeat(LINES_MAX + 1)), 1);
        assert_eq!(found("vectors/a.json", &"\n".repeat(LINES_MAX + 1)), 0);
    }
}
