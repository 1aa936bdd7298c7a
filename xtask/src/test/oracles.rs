//! Installs the packages of the outside peers under `target/oracles`, from the lock files of
//! `crates/testing/oracles/peers`: every package by version and hash, no install script run, no
//! address recorded, no cache outside `target/`.

use super::Count;
use crate::Trouble;
use crate::repo::root;
use crate::vectors::hash;
use std::path::Path;
use std::process::Command;

const LOCKS: [&str; 4] = ["package.json", "package-lock.json", ".npmrc", "requirements.txt"];

/// Installs them unless these very lock files are installed already.
pub fn install() -> Result<Count, Trouble> {
    let peers = root().join("crates/testing/oracles/peers");
    let place = root().join("target/oracles");
    let stamp = place.join("installed");
    let wanted = fingerprint(&peers)?;
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(Count::of(true));
    }
    std::fs::create_dir_all(&place).map_err(|error| trouble("create", &error))?;
    for lock in LOCKS {
        std::fs::copy(peers.join(lock), place.join(lock)).map_err(|error| trouble(lock, &error))?;
    }
    let steps: [&[&str]; 3] = [
        &[
            "npm",
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--no-update-notifier",
            "--loglevel=error",
            "--cache=npm-cache",
        ],
        &["python3", "-m", "venv", "--clear", "venv"],
        &[
            "venv/bin/python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-cache-dir",
            "--only-binary=:all:",
            "--require-hashes",
            "--requirement=requirements.txt",
        ],
    ];
    for step in steps {
        if !succeeds(&place, step) {
            return Err(Trouble::Machine(format!("`{}` failed in target/oracles", step.join(" "))));
        }
    }
    std::fs::write(&stamp, wanted).map_err(|error| trouble("stamp", &error))?;
    Ok(Count::of(true))
}

fn trouble(what: &str, error: &std::io::Error) -> Trouble {
    Trouble::Machine(format!("target/oracles: {what}: {error}"))
}

fn fingerprint(peers: &Path) -> Result<String, Trouble> {
    let mut all = Vec::new();
    for lock in LOCKS {
        let bytes = std::fs::read(peers.join(lock)).map_err(|error| trouble(lock, &error))?;
        all.extend(hash(&bytes).into_bytes());
    }
    Ok(hash(&all))
}

fn succeeds(place: &Path, step: &[&str]) -> bool {
    let Some((program, arguments)) = step.split_first() else {
        return false;
    };
    // a relative program would be looked up from our folder, not from `place`
    let program = if program.contains('/') { place.join(program) } else { program.into() };
    Command::new(program)
        .args(arguments)
        .current_dir(place)
        .status()
        .is_ok_and(|status| status.success())
}
