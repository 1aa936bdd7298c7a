//! `cargo xtask bench`: a part of Quorate measured, beside a peer where it has one.

use crate::Trouble;
use crate::repo::root;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

/// What can be measured: its name, package and benchmark.
const PARTS: &[(&str, &str, &str)] = &[
    ("ecdsa", "quorate-ecdsa", "ecdsa"),
    ("timing", "quorate-ecdsa", "timing"),
    (BRANCHES, "quorate-ecdsa", "branches"),
];

/// What runs under valgrind.
const BRANCHES: &str = "branches";
/// What may branch on a secret, and why.
const ACCEPTED: &str = "crates/mpc/ecdsa/benches/branches.supp";
/// With what valgrind ends where it found something.
const FOUND: i32 = 3;

/// Builds a release and measures; one object a line with `--json`.
pub fn run(words: &[&str]) -> Result<(), Trouble> {
    let (name, flags) = words.split_first().ok_or(Trouble::Usage)?;
    let (_, package, bench) =
        PARTS.iter().find(|(part, _, _)| part == name).ok_or(Trouble::Usage)?;
    let is_branches = *name == BRANCHES;
    match flags {
        [] => {}
        ["--json"] if !is_branches => {}
        _ => return Err(Trouble::Usage),
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args(["bench", "--locked", "--quiet", "--package", package]);
    cargo.args(["--bench", bench]);
    if is_branches {
        return branches(cargo);
    }
    succeeded(status(cargo.arg("--").args(flags))?)
}

/// Runs what speaks to valgrind under it: the branch that is planted is found, and nothing else.
fn branches(mut cargo: Command) -> Result<(), Trouble> {
    cargo.args(["--no-run", "--message-format=json"]).stderr(Stdio::inherit());
    let built = cargo.output().map_err(|error| Trouble::Machine(format!("cargo: {error}")))?;
    succeeded(built.status)?;
    let program = executable(&String::from_utf8_lossy(&built.stdout))
        .ok_or_else(|| Trouble::Machine("cargo named no program".to_owned()))?;
    let valgrind = |flags: &[&str]| {
        let mut valgrind = Command::new("valgrind");
        valgrind.current_dir(root()).args(["--quiet", "--num-callers=20"]);
        valgrind.arg(format!("--error-exitcode={FOUND}"));
        valgrind.arg(format!("--suppressions={ACCEPTED}")).arg(&program).args(flags);
        valgrind
    };
    let planted = status(valgrind(&["--planted"]).stderr(Stdio::null()))?;
    if planted.code() != Some(FOUND) {
        println!("the branch that is planted was not found");
        return Err(Trouble::Failed);
    }
    succeeded(status(&mut valgrind(&[]))?)?;
    println!("the branch that is planted was found, and no other");
    Ok(())
}

/// The program that cargo says it built.
fn executable(lines: &str) -> Option<PathBuf> {
    let lines = lines.lines().rev().filter_map(|line| serde_json::from_str(line).ok());
    let named = |line: serde_json::Value| Some(PathBuf::from(line.get("executable")?.as_str()?));
    lines.into_iter().find_map(named)
}

fn status(command: &mut Command) -> Result<ExitStatus, Trouble> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.status().map_err(|error| Trouble::Machine(format!("{program}: {error}")))
}

fn succeeded(status: ExitStatus) -> Result<(), Trouble> {
    if status.success() { Ok(()) } else { Err(Trouble::Failed) }
}
