//! One peer process and its JSON lines.

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Why an oracle gave no answer. That it *refused* something is an answer, not an error.
#[derive(Debug, thiserror::Error)]
pub enum OracleError {
    /// The program, or a package it needs, is not installed.
    #[error("{what} is not installed; `cargo xtask test --install` installs it")]
    Missing {
        /// What was looked for.
        what: String,
    },
    /// The process ended, or said something that is not the protocol.
    #[error("the peer broke off: {0}")]
    Broken(String),
    /// The peer could not carry out the call.
    #[error("the peer refused the call: {0}")]
    Call(String),
    /// A file or pipe failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// A running peer. Dropping it closes its input, which ends it.
pub(crate) struct Peer {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// What the peer said of itself when it was ready.
    pub(crate) ready: Value,
}

impl Peer {
    /// Starts `command` and waits for its `{"ready": …}` line.
    pub(crate) fn start(mut command: Command) -> Result<Self, OracleError> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                OracleError::Missing { what: command.get_program().to_string_lossy().into_owned() }
            }
            _ => OracleError::Io(error),
        })?;
        let input = process.stdin.take();
        let output = process.stdout.take().map(BufReader::new);
        let output = output.ok_or_else(|| OracleError::Broken("no output pipe".into()))?;
        let mut peer = Self { process, input, output, ready: Value::Null };
        peer.ready = field(peer.line()?, "ready")?;
        Ok(peer)
    }

    /// One call and its answer.
    pub(crate) fn call(&mut self, request: &Value) -> Result<Value, OracleError> {
        let input = self.input.as_mut();
        let input = input.ok_or_else(|| OracleError::Broken("input is closed".into()))?;
        writeln!(input, "{request}")?;
        input.flush()?;
        let mut answer = self.line()?;
        match answer.get_mut("error").map(Value::take) {
            Some(error) => Err(OracleError::Call(error.to_string())),
            None => field(answer, "ok"),
        }
    }

    fn line(&mut self) -> Result<Value, OracleError> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err(OracleError::Broken("its output ended".into()));
        }
        serde_json::from_str(&line).map_err(|_| OracleError::Broken(line))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.input.take());
        // nobody is left to tell: the process was asked to end and is waited for
        let _ = self.process.wait();
    }
}

fn field(mut answer: Value, name: &str) -> Result<Value, OracleError> {
    let found = answer.get_mut(name).map(Value::take);
    found.ok_or_else(|| OracleError::Broken(answer.to_string()))
}

/// Text field of an answer; a missing one is the peer's failure.
pub(crate) fn text(answer: &Value, name: &str) -> Result<String, OracleError> {
    let found = answer.get(name).and_then(Value::as_str);
    found.map(str::to_owned).ok_or_else(|| OracleError::Broken(format!("no {name} in {answer}")))
}

/// A script of this crate.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}

/// Where `cargo xtask test` installs the packages of the peers.
pub(crate) fn installed(name: &str) -> Result<PathBuf, OracleError> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target/oracles").join(name);
    if path.exists() {
        Ok(path)
    } else {
        Err(OracleError::Missing { what: format!("target/oracles/{name}") })
    }
}
