//! `cargo xtask bench`: a part of Quorate measured, beside a peer where it has one.

use crate::Trouble;
use crate::repo::root;
use std::process::Command;

/// What can be measured: its name, package and benchmark.
const PARTS: &[(&str, &str, &str)] =
    &[("ecdsa", "quorate-ecdsa", "ecdsa"), ("timing", "quorate-ecdsa", "timing")];

/// Builds a release and measures; one object a line with `--json`.
pub fn run(words: &[&str]) -> Result<(), Trouble> {
    let (name, flags) = words.split_first().ok_or(Trouble::Usage)?;
    let (_, package, bench) =
        PARTS.iter().find(|(part, _, _)| part == name).ok_or(Trouble::Usage)?;
    if !matches!(flags, [] | ["--json"]) {
        return Err(Trouble::Usage);
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args(["bench", "--locked", "--quiet", "--package", package]);
    cargo.args(["--bench", bench, "--"]).args(flags);
    match cargo.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(Trouble::Failed),
        Err(error) => Err(Trouble::Machine(format!("cargo: {error}"))),
    }
}
