//! Nodes as processes of their own. Each child holds the reading end of a pipe whose writing end
//! is ours: when this process ends, however it ends, the child reads the end of the pipe and
//! stops by itself.

use crate::domain::DomainDir;
use crate::failure::{Failure, Result};
use quorate_client::contract::{DomainNode, ErrorAnswer};
use quorate_identity::Name;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// A node that has not said within this time that it serves will not.
const READY_MAX: Duration = Duration::from_secs(60);
/// A node that has not ended so long after it was asked to is killed.
const STOP_MAX: Duration = Duration::from_secs(10);
/// How much of a log is looked at for the reason of an end, in bytes.
const LOG_TAIL: usize = 16 << 10;

/// A node that runs as a child of this process.
pub struct Supervised {
    name: Name,
    process: Child,
    log: PathBuf,
    log_begins: usize,
    said: Lines<BufReader<ChildStdout>>,
}

impl Supervised {
    /// Starts the process of a node; it opens its store while others start.
    ///
    /// # Errors
    /// The machine's: no process could be made.
    pub fn launch(dir: &DomainDir, name: &Name) -> Result<Self> {
        let log = dir.node_dir(name).join("log");
        let stderr = fs::OpenOptions::new().create(true).append(true).open(&log);
        let stderr = stderr.map_err(|error| Failure::file(&log, &error))?;
        let log_begins = fs::metadata(&log).map_or(0, |log| log.len());
        let log_begins = usize::try_from(log_begins).unwrap_or(usize::MAX);
        let program = std::env::current_exe().map_err(|error| cannot_run(name, &error))?;
        let mut process = Command::new(program)
            .args(["--json", "node", "run", name.as_str(), "--supervised", "--dir"])
            .arg(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .map_err(|error| cannot_run(name, &error))?;
        let stdout = process.stdout.take().ok_or_else(|| cannot_run(name, &"it has no output"))?;
        let said = BufReader::new(stdout).lines();
        Ok(Self { name: name.clone(), process, log, log_begins, said })
    }

    /// Waits until the node says that it serves; its line of `domain.json`.
    ///
    /// # Errors
    /// The node's own, when it could not start.
    pub async fn ready(&mut self) -> Result<DomainNode> {
        let line = tokio::time::timeout(READY_MAX, self.said.next_line()).await;
        let line = line.ok().and_then(std::result::Result::ok).flatten();
        match line.and_then(|line| serde_json::from_str(&line).ok()) {
            Some(node) => Ok(node),
            None => {
                self.kill().await;
                Err(self.why_it_ended())
            }
        }
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Whether the process ended by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.process.try_wait(), Ok(None))
    }

    /// Ends it at once, as a power cut would.
    pub async fn kill(&mut self) {
        // It may have ended already.
        let _ = self.process.kill().await;
    }

    /// Asks it to end, and waits until it did.
    pub async fn stop(mut self) {
        drop(self.process.stdin.take());
        if tokio::time::timeout(STOP_MAX, self.process.wait()).await.is_err() {
            self.kill().await;
        }
    }

    /// The error that the node printed last.
    fn why_it_ended(&self) -> Failure {
        let log = fs::read(&self.log).unwrap_or_default();
        let begin = log.len().saturating_sub(LOG_TAIL).max(self.log_begins);
        let tail = log.get(begin..).unwrap_or_default();
        let tail = String::from_utf8_lossy(tail);
        let last = tail.lines().rev().find_map(|line| serde_json::from_str(line).ok());
        match last {
            Some(ErrorAnswer { error }) => Failure::from(error),
            None => Failure::machine(
                "node_ended",
                format!("node {} ended before it served", self.name),
                format!("see {}", self.log.display()),
            ),
        }
    }
}

fn cannot_run(name: &Name, error: &dyn std::fmt::Display) -> Failure {
    Failure::machine(
        "process",
        format!("the process of node {name} could not be started: {error}"),
        "check the limits on processes and memory of this machine",
    )
}
