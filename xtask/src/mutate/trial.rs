//! A copy of the tree in `target/mutate`, with artefacts of its own, in which tests are run.

use super::mutants::Tests;
use crate::Trouble;
use crate::repo::{Repo, root};
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a test program may take. One that a mutant keeps from ending counts as failed.
const PROGRAM_MAX: Duration = Duration::from_secs(300);

/// Programs that take long: they run last.
pub const LONG: [&str; 2] = ["malicious_dealing", "malicious_nodes"];

/// What came of running tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// All passed.
    Passed,
    /// A test failed: this one.
    Failed(String),
    /// The copy does not compile.
    NotCompiled,
}

/// The copy.
pub struct Trial {
    tree: PathBuf,
    target: PathBuf,
}

/// A test program.
struct Program {
    name: String,
    executable: PathBuf,
}

impl Trial {
    /// Brings the copy up to date. What other crates were compiled to is taken over from `target/`.
    pub fn prepare(repo: &Repo) -> Result<Self, Trouble> {
        let folder = root().join("target/mutate");
        let trial = Self { tree: folder.join("tree"), target: folder.join("target") };
        trial.copy(repo).map_err(machine)?;
        for part in ["deps", "build", ".fingerprint"] {
            let (from, to) = (root().join("target/debug").join(part), trial.target.join("debug"));
            link_foreign(&from, &to.join(part), true).map_err(machine)?;
        }
        Ok(trial)
    }

    /// Puts other text in a file of the copy.
    pub fn write(&self, path: &str, text: &str) -> Result<(), Trouble> {
        fs::write(self.tree.join(path), text).map_err(machine)
    }

    /// With `mutated` compiled without optimisation, runs these tests of a package, and stops at the
    /// first that fails.
    pub fn test(
        &self,
        mutated: &str,
        (package, dir): (&str, &str),
        tests: &Tests,
    ) -> Result<Seen, Trouble> {
        let programs = self.build(mutated, package, tests)?;
        let Some(mut programs) = programs else { return Ok(Seen::NotCompiled) };
        programs.sort_by_key(|program| LONG.contains(&program.name.as_str()));
        for program in programs {
            if let Some(failed) = self.run(&program, dir, tests).map_err(machine)? {
                return Ok(Seen::Failed(failed));
            }
        }
        Ok(Seen::Passed)
    }

    fn copy(&self, repo: &Repo) -> std::io::Result<()> {
        let listed = Command::new("git")
            .args(["ls-files", "--cached", "--others", "--exclude-standard"])
            .current_dir(root())
            .output()?;
        let mut kept = Vec::new();
        for path in String::from_utf8_lossy(&listed.stdout).lines() {
            let Ok(bytes) = fs::read(root().join(path)) else { continue };
            let to = self.tree.join(path);
            // What has not changed keeps its time, so that it is not compiled again.
            if fs::read(&to).ok().as_deref() != Some(&bytes) {
                to.parent().map_or(Ok(()), fs::create_dir_all)?;
                fs::write(&to, bytes)?;
            }
            kept.push(to);
        }
        // Files that are gone would go on being compiled.
        let roots = repo.packages.iter().map(|package| self.tree.join(&package.dir));
        roots.for_each(|folder| remove_others(&folder, &kept));
        Ok(())
    }

    /// The test programs of a package; `None` if it does not compile. The crate that changes each
    /// time is compiled quickly, not well.
    fn build(
        &self,
        mutated: &str,
        package: &str,
        tests: &Tests,
    ) -> Result<Option<Vec<Program>>, Trouble> {
        let all = ["--lib", "--tests", "--bins"].into_iter().filter(|_| tests.programs.is_empty());
        let output = Command::new("cargo")
            .args(["test", "--locked", "--no-run"])
            .args(all)
            .args(&tests.programs)
            .args(["--message-format", "json", "-p", package])
            .args(["--config", &format!("profile.dev.package.{mutated}.opt-level=0")])
            .env("CARGO_TARGET_DIR", &self.target)
            .current_dir(&self.tree)
            .stderr(Stdio::null())
            .output()
            .map_err(machine)?;
        if !output.status.success() {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let program = |message: Value| {
            let executable = message.pointer("/executable")?.as_str()?;
            let name = message.pointer("/target/name")?.as_str()?.to_owned();
            let is_test = message.pointer("/profile/test")?.as_bool() == Some(true);
            is_test.then(|| Program { name, executable: executable.into() })
        };
        Ok(Some(messages.filter_map(program).collect()))
    }

    /// The first test that fails, if one does.
    fn run(&self, program: &Program, dir: &str, tests: &Tests) -> std::io::Result<Option<String>> {
        let seen = self.target.join("seen");
        let mut child = Command::new(&program.executable)
            .args(&tests.names)
            .current_dir(self.tree.join(dir))
            .stdout(File::create(&seen)?)
            .stderr(Stdio::null())
            .spawn()?;
        let begun = Instant::now();
        let mut status = None;
        while status.is_none() {
            std::thread::sleep(Duration::from_millis(20));
            status = child.try_wait()?;
            let failed = failed(&fs::read_to_string(&seen)?);
            let is_late = status.is_none() && begun.elapsed() > PROGRAM_MAX;
            if status.is_none() && (failed.is_some() || is_late) {
                child.kill()?;
                child.wait()?;
            }
            if failed.is_some() || is_late {
                let failed = failed.unwrap_or_else(|| "does not end".to_owned());
                return Ok(Some(format!("{}::{failed}", program.name)));
            }
        }
        let passed = status.is_some_and(|status| status.success());
        Ok((!passed).then(|| format!("{}::ends early", program.name)))
    }
}

/// The first test that failed, as a test program says.
fn failed(text: &str) -> Option<String> {
    let said =
        text.lines().find_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
    said.map(str::to_owned)
}

/// Links what was compiled from packages that are not ours: it is the same in the copy.
fn link_foreign(from: &Path, to: &Path, top: bool) -> std::io::Result<()> {
    if !from.is_dir() || (top && to.is_dir()) {
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let ours = ["quorate", "libquorate", "xtask", "libxtask"];
        if top && ours.iter().any(|ours| name.to_string_lossy().starts_with(ours)) {
            continue;
        }
        let target = to.join(&name);
        if entry.file_type()?.is_dir() {
            link_foreign(&entry.path(), &target, false)?;
        } else if fs::hard_link(entry.path(), &target).is_err() {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

fn remove_others(folder: &Path, kept: &[PathBuf]) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            remove_others(&path, kept);
        } else if !kept.contains(&path) {
            // What stays behind fails to compile, and is seen.
            let _ = fs::remove_file(&path);
        }
    }
}

fn machine(error: std::io::Error) -> Trouble {
    Trouble::Machine(format!("mutate: {error}"))
}
