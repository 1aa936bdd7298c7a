//! Builds every test once and runs them part by part.

use super::Count;
use crate::Trouble;
use crate::repo::{self, Package, Repo, root};
use serde_json::Value;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A program of tests that runs for so long hangs. The slowest takes a quarter of it.
const PROGRAM_MAX: Duration = Duration::from_secs(20 * 60);

/// How a program of tests says what became of them.
const RESULT: &str = "test result: ";

/// Whose result is being printed.
static SPEAKS: Mutex<()> = Mutex::new(());

/// A test program that cargo built.
#[derive(Debug, Clone)]
pub struct Program {
    /// The test program itself.
    path: PathBuf,
    /// Folder of its package, in which tests expect to run.
    folder: PathBuf,
    /// Package and target, for people.
    name: String,
}

/// Tests that are reported together.
#[derive(Debug, Clone)]
pub struct Part {
    /// Name of the part.
    pub name: &'static str,
    programs: Vec<Program>,
}

/// Everything that one build made.
#[derive(Debug, Default)]
pub struct Built {
    programs: Vec<Program>,
}

/// Parts, by the folder of the package, first match first.
const PARTS: [(&str, &str); 6] = [
    ("crates/testing/simulator", "simulator"),
    ("crates/testing/oracles", "oracles"),
    ("crates/testing/testkit", "tests"),
    ("crates/testing/targets", "tests"),
    ("crates/testing", "end to end"),
    ("", "tests"),
];

/// Order in which parts run: what fails fastest comes first.
const ORDER: [&str; 4] = ["tests", "oracles", "simulator", "end to end"];

impl Built {
    /// The parts that have tests.
    pub fn parts(&self) -> Vec<Part> {
        let belongs = |program: &&Program, name: &str| part_of(&program.folder) == name;
        let part = |name: &&'static str| Part {
            name,
            programs: self
                .programs
                .iter()
                .filter(|program| belongs(program, name))
                .cloned()
                .collect(),
        };
        ORDER.iter().map(part).filter(|part| !part.programs.is_empty()).collect()
    }
}

fn part_of(folder: &Path) -> &'static str {
    let folder = folder.strip_prefix(root()).unwrap_or(folder);
    PARTS.iter().find(|(prefix, _)| folder.starts_with(prefix)).map_or("tests", |(_, part)| *part)
}

/// Builds all targets of the workspace but benchmarks, which clippy has read; nothing if that fails.
pub fn build() -> Result<Option<Built>, Trouble> {
    let output = Command::new("cargo")
        .args([
            "build",
            "--workspace",
            "--lib",
            "--bins",
            "--examples",
            "--tests",
            // what is released has it
            "--features=quorate/tpm",
            "--locked",
            "--message-format=json-render-diagnostics",
        ])
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Trouble::Machine(format!("cargo: {error}")))?;
    let messages = String::from_utf8_lossy(&output.stdout);
    let programs = messages
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter_map(|it| program(&it))
        .collect();
    Ok(output.status.success().then_some(Built { programs }))
}

/// The test program that a message of cargo announces.
fn program(message: &Value) -> Option<Program> {
    let is_test = message.pointer("/profile/test")?.as_bool()?;
    let path = message.get("executable")?.as_str().filter(|_| is_test)?;
    let folder = Path::new(message.get("manifest_path")?.as_str()?).parent()?;
    let package = folder.strip_prefix(root()).unwrap_or(folder).display();
    let name = format!("{package}: {}", message.pointer("/target/name")?.as_str()?);
    Some(Program { path: path.into(), folder: folder.into(), name })
}

/// Runs the programs of a part, as many side by side as there are cores: a program that waits, or has
/// one long test, leaves them to others.
pub fn run(part: &Part, long: bool) -> Result<Count, Trouble> {
    let hands = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let take = || part.programs.get(next.fetch_add(1, Ordering::Relaxed));
    let work = || {
        let mut count = Count::default();
        while let Some(program) = take() {
            count.add(run_one(program, long)?);
        }
        Ok(count)
    };
    std::thread::scope(|scope| {
        let hands: Vec<_> = (0..hands).map(|_| scope.spawn(work)).collect();
        let mut total = Count::default();
        for hand in hands {
            let count = hand.join().unwrap_or_else(|_| {
                Err(Trouble::Machine("whoever ran tests gave up; please report it".to_owned()))
            });
            total.add(count?);
        }
        Ok(total)
    })
}

fn run_one(program: &Program, long: bool) -> Result<Count, Trouble> {
    let temporary = root().join("target/tmp");
    let trouble =
        |error: std::io::Error| Trouble::Machine(format!("{}: {error}", program.path.display()));
    std::fs::create_dir_all(&temporary).map_err(trouble)?;
    let mut command = Command::new(&program.path);
    command
        .arg("--show-output")
        .current_dir(&program.folder)
        .env("CARGO_MANIFEST_DIR", &program.folder)
        .env("QUORATE_BIN", root().join("target/debug/quorate"))
        .env("TMPDIR", &temporary)
        .stdin(Stdio::null());
    if long {
        command.env("QUORATE_LONG", "1");
    }
    let begun = Instant::now();
    let file = program.path.file_name().unwrap_or_default().to_string_lossy();
    let said = temporary.join(format!("said-by-{file}-of-{}", std::process::id()));
    let hangs = || !long && begun.elapsed() >= PROGRAM_MAX;
    let Ended { text, errors, status } = to_the_end(command, &said, hangs).map_err(trouble)?;
    let mut count = results(&text);
    // what one program said stays together
    let _speaks = SPEAKS.lock();
    let took = begun.elapsed().as_secs();
    // one that ends in good order before its tests do has shown nothing
    let told = text.lines().any(|line| line.starts_with(RESULT));
    if status.is_some_and(|status| status.success()) && told {
        println!("{:>6} passed  {}, {took} s", count.passed, program.name);
        for line in text.lines().filter(|line| line.starts_with("figures: ")) {
            println!("               {line}");
        }
    } else {
        // a program that died has not said how many of its tests failed
        count.failed = count.failed.max(1);
        println!("{text}{errors}");
        let why = match status {
            None => "and did not end",
            Some(status) if status.success() => "and told no result",
            Some(_) => "and failed",
        };
        println!("{:>6} FAILED  {}, ran {took} s {why}", count.failed, program.name);
    }
    Ok(count)
}

/// How a program ended.
struct Ended {
    text: String,
    errors: String,
    /// Nothing where it had to be ended.
    status: Option<ExitStatus>,
}

/// Runs a program until it ends, or hangs: then it and everything that it started is ended, and what it
/// printed names the tests that did not end. That goes to files beside `said`.
fn to_the_end(mut command: Command, said: &Path, hangs: impl Fn() -> bool) -> io::Result<Ended> {
    let [text, errors] = ["stdout", "stderr"].map(|name| said.with_extension(name));
    command.stdout(File::create(&text)?).stderr(File::create(&errors)?);
    let mut process = command.spawn()?;
    let mut status = process.try_wait()?;
    while status.is_none() && !hangs() {
        std::thread::sleep(Duration::from_millis(50));
        status = process.try_wait()?;
    }
    if status.is_none() {
        let pids = started_by(process.id()).into_iter().map(|pid| pid.to_string());
        let killed = Command::new("kill").arg("-KILL").args(pids).status();
        process.kill()?;
        process.wait()?;
        killed?;
    }
    let read =
        |path: &Path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let ended = Ended { text: read(&text)?, errors: read(&errors)?, status };
    // What is left of it writes into no other program's words.
    fs::remove_file(text)?;
    fs::remove_file(errors)?;
    Ok(ended)
}

/// A process and all that it started.
fn started_by(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|it| fs::read_to_string(it.path().join("children")).ok());
    let children: Vec<u32> =
        lists.flat_map(|list| list.split(' ').flat_map(str::parse).collect::<Vec<_>>()).collect();
    children.into_iter().flat_map(started_by).chain([pid]).collect()
}

/// The examples in documentation, which only cargo can run, of the packages that have any.
pub fn documentation(repo: &Repo) -> Result<Count, Trouble> {
    let packages = with_examples(repo);
    if packages.is_empty() {
        return Ok(Count::default());
    }
    let output = Command::new("cargo")
        .args(["test", "--doc", "--locked"])
        .args(packages.iter().flat_map(|package| ["--package", package]))
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Trouble::Machine(format!("cargo: {error}")))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut count = results(&text);
    if !output.status.success() {
        count.failed = count.failed.max(1);
        println!("{text}{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(count)
}

/// Packages whose sources have an example in their documentation: a fence that names no other language.
fn with_examples(repo: &Repo) -> Vec<&str> {
    let opens = |file: &repo::File| {
        let comments = file.text().lines().filter_map(|line| {
            let line = line.trim_start();
            line.strip_prefix("///").or_else(|| line.strip_prefix("//!"))
        });
        let fences = comments.filter_map(|line| line.trim().strip_prefix("```"));
        // every second one closes
        fences.step_by(2).any(|language| !language.starts_with("text"))
    };
    let has = |package: &&Package| {
        let sources = format!("{}/src/", package.dir);
        let mut files = repo.files.iter().filter(|it| it.is("rs") && it.path.starts_with(&sources));
        files.any(opens)
    };
    repo.packages.iter().filter(has).map(|package| package.name.as_str()).collect()
}

/// Sums the lines `test result: ok. 3 passed; 0 failed; …`.
fn results(text: &str) -> Count {
    let mut count = Count::default();
    for line in text.lines().filter(|line| line.starts_with(RESULT)) {
        count.add(Count {
            passed: number_before(line, " passed"),
            failed: number_before(line, " failed"),
        });
    }
    count
}

fn number_before(line: &str, word: &str) -> u64 {
    let before = line.split(word).next().unwrap_or_default();
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_summed() {
        let text = "test a ... ok\ntest result: ok. 3 passed; 0 failed; 1 ignored; 0 measured\ntest result: FAILED. 1 passed; 2 failed;\n";
        assert_eq!(results(text), Count { passed: 4, failed: 2 });
        assert_eq!(results("nothing"), Count::default());
    }

    #[test]
    fn a_program_that_tells_no_result_has_failed() {
        let run = |path: &str| {
            let (path, name) = (path.into(), path.to_owned());
            run_one(&Program { path, folder: root(), name }, false).unwrap()
        };
        assert_eq!(run("/bin/true"), Count { passed: 0, failed: 1 });
        assert_eq!(run("/bin/false"), Count { passed: 0, failed: 1 });
    }

    #[test]
    fn packages_with_examples_are_those_that_have_any() {
        let file = |path: &str, text: &str| repo::File { path: path.into(), bytes: text.into() };
        let fence = "```";
        let repo = Repo {
            files: vec![
                file("a/src/lib.rs", &format!("//! {fence}text\n//! a\n//! {fence}\n")),
                file("a/tests/b.rs", &format!("/// {fence}\n/// a();\n/// {fence}\n")),
                file("b/src/lib.rs", &format!("//! {fence}text\n//! {fence}\nfn b() {{}}\n")),
                file("b/src/c.rs", &format!("    /// {fence}\n    /// c();\n    /// {fence}\n")),
                file("c/src/lib.rs", &format!("/// {fence}should_panic\n/// {fence}\n")),
            ],
            packages: ["a", "b", "c"].map(package).into(),
            ..Repo::default()
        };
        assert_eq!(with_examples(&repo), ["b", "c"]);
    }

    fn package(name: &str) -> Package {
        let (name, dir) = (name.to_owned(), name.to_owned());
        Package { name, dir, roots: Vec::new(), dependencies: Vec::new() }
    }

    #[test]
    fn packages_fall_into_parts() {
        assert_eq!(part_of(&root().join("crates/testing/simulator")), "simulator");
        assert_eq!(part_of(&root().join("crates/testing/journeys")), "end to end");
        assert_eq!(part_of(&root().join("crates/base/codec")), "tests");
        assert_eq!(part_of(&root().join("xtask")), "tests");
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_all_it_started() {
        let folder = root().join("target/tmp");
        fs::create_dir_all(&folder).unwrap();
        let run = |name: &str, script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]).stdin(Stdio::null());
            let said = folder.join(format!("{name}-{}", std::process::id()));
            let has_said = |name: &str| {
                fs::read(said.with_extension(name)).is_ok_and(|said| said.ends_with(b"\n"))
            };
            to_the_end(command, &said, || has_said("stdout")).unwrap()
        };
        let done = run("ends", "echo why >&2; printf done; exit 3");
        assert_eq!((done.text.as_str(), done.errors.as_str()), ("done", "why\n"));
        assert_eq!(done.status.and_then(|status| status.code()), Some(3));
        let hung = run("hangs", "sleep 1000 & echo $!; wait");
        assert!(hung.status.is_none());
        let child: u32 = hung.text.trim().parse().unwrap();
        let state = || fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        while !(state().is_empty() || state().contains(") Z")) {
            std::thread::yield_now();
        }
    }

    #[test]
    fn only_test_programs_are_run() {
        let message = |test: bool| {
            serde_json::json!({
                "profile": {"test": test}, "executable": "/t/a", "manifest_path": "/t/Cargo.toml",
                "target": {"name": "a"},
            })
        };
        assert!(program(&message(true)).is_some());
        assert!(program(&message(false)).is_none());
    }
}
