//! One run of the program.

use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What a run of the program left behind.
#[derive(Debug, Clone)]
pub struct Said {
    /// The exit code; -1 where a signal ended it.
    pub code: i32,
    /// The lines of stdout, each parsed as JSON.
    pub lines: Vec<Value>,
    /// The whole of stderr.
    pub stderr: String,
}

impl Said {
    /// The one object that a successful run printed.
    pub fn ok(&self) -> &Value {
        assert_eq!(self.code, 0, "exit {}: {}", self.code, self.stderr);
        let last = self.lines.last();
        last.unwrap_or_else(|| panic!("nothing was printed; stderr: {}", self.stderr))
    }

    /// The error object of a run that failed, whoever's fault it was.
    pub fn refused(&self) -> Value {
        assert_ne!(self.code, 0, "it was done: {:?}", self.lines);
        self.error(self.code)
    }

    /// The error object of a run that failed with this exit code. Every error says what
    /// happened, whose fault it is and what to do next.
    pub fn error(&self, code: i32) -> Value {
        assert_eq!(self.code, code, "stdout {:?}, stderr {}", self.lines, self.stderr);
        let object: Value = serde_json::from_str(self.stderr.trim())
            .unwrap_or_else(|error| panic!("{error} in {:?}", self.stderr));
        let error = object.get("error").cloned().expect("an error object");
        for field in ["code", "fault", "message", "next"] {
            let text = error.get(field).and_then(Value::as_str).unwrap_or_default();
            assert!(!text.is_empty(), "no {field} in {error}");
        }
        error
    }
}

/// The program under test: what the build made, or what `QUORATE_BIN` names.
pub fn binary() -> PathBuf {
    match std::env::var_os("QUORATE_BIN") {
        Some(named) => named.into(),
        None => built("quorate"),
    }
}

/// The program as a later version of it will be.
pub fn next() -> PathBuf {
    built("examples/next")
}

/// A program that the build made.
pub(crate) fn built(name: &str) -> PathBuf {
    // tests lie in target/PROFILE/deps, the program in target/PROFILE
    let here = std::env::current_exe().expect("the test knows where it is");
    let profile = here.parent().and_then(|deps| deps.parent()).expect("a target folder");
    profile.join(name)
}

/// Runs the program with `--json` and no terminal.
pub fn quorate(arguments: &[&str]) -> Said {
    quorate_with(arguments, "")
}

/// Runs another program with `--json` and no terminal.
pub fn run(program: PathBuf, arguments: &[&str]) -> Said {
    said(program, arguments, "")
}

/// Runs a custodian's program with `--json` and no terminal.
pub fn recovery(arguments: &[&str]) -> Said {
    run(built("quorate-recovery"), arguments)
}

/// Runs the program with `--json` and this standard input.
pub(crate) fn quorate_with(arguments: &[&str], input: &str) -> Said {
    said(binary(), arguments, input)
}

fn said(program: PathBuf, arguments: &[&str], input: &str) -> Said {
    use std::io::Write;
    let mut process = Command::new(program)
        .args(arguments)
        .arg("--json")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts; build it with `cargo build`");
    let mut stdin = process.stdin.take().expect("a pipe");
    // a program that does not read its input may be gone already
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = process.wait_with_output().expect("the program ends");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let parse = |line: &str| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"))
    };
    Said {
        code: output.status.code().unwrap_or(-1),
        lines: stdout.lines().filter(|line| !line.is_empty()).map(parse).collect(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
