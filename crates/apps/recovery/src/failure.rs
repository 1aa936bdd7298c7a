//! Errors at the human edge: what happened, whose fault it is, what to do next. Their form and the
//! exit statuses are those of `quorate`.

use serde::Serialize;
use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// Whose fault an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// Whoever made a file that came from elsewhere.
    Peer,
    /// Whoever called.
    Caller,
    /// This machine: disk, memory, a file that is damaged.
    Machine,
}

/// A command's failure. Texts never hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    code: &'static str,
    fault: Fault,
    message: String,
    next: String,
}

/// What every command returns.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// What happened, in one word for programs.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// What happened, and what to do next.
    pub fn texts(&self) -> (&str, &str) {
        (&self.message, &self.next)
    }

    /// The caller must change the call.
    pub fn caller(code: &'static str, what: impl fmt::Display, next: impl fmt::Display) -> Self {
        Self::new(code, Fault::Caller, what, next)
    }

    /// This machine failed.
    pub fn machine(code: &'static str, what: impl fmt::Display, next: impl fmt::Display) -> Self {
        Self::new(code, Fault::Machine, what, next)
    }

    /// Whoever made a file that came from elsewhere is wrong.
    pub fn peer(code: &'static str, what: impl fmt::Display, next: impl fmt::Display) -> Self {
        Self::new(code, Fault::Peer, what, next)
    }

    /// A file that the caller named and that cannot be read.
    pub fn unread(path: &Path, error: &io::Error) -> Self {
        let what = format!("{}: {error}", path.display());
        Self::caller("file", what, "name a file that exists and that you may read")
    }

    /// A file that cannot be written.
    pub fn unwritten(path: &Path, error: &io::Error) -> Self {
        let next = "check that the folder and the disk are as they should be";
        Self::machine("file", format!("{}: {error}", path.display()), next)
    }

    /// A file that is there already.
    pub fn exists(path: &Path) -> Self {
        let what = format!("{} exists already; nothing was written", path.display());
        Self::caller("file_exists", what, "choose another name, or move it away")
    }

    /// A form of a later program.
    pub fn later(path: &Path, error: impl fmt::Display) -> Self {
        let what = format!("{}: {error}", path.display());
        Self::caller("file_version", what, "use a quorate-recovery that knows this version")
    }

    /// The same under another code, with something else to do next.
    #[must_use]
    pub fn seen_as(self, code: &'static str, next: &str) -> Self {
        Self { code, next: next.to_owned(), ..self }
    }

    /// The status for the shell.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self.fault {
            Fault::Caller => 2,
            Fault::Peer => 5,
            Fault::Machine => 6,
        })
    }

    fn new(
        code: &'static str,
        fault: Fault,
        what: impl fmt::Display,
        next: impl fmt::Display,
    ) -> Self {
        Self { code, fault, message: what.to_string(), next: next.to_string() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = match self.fault {
            Fault::Peer => "a peer's fault",
            Fault::Caller => "in the call",
            Fault::Machine => "on this machine",
        };
        writeln!(formatter, "error ({whose}): {}", self.message)?;
        write!(formatter, "  next: {}", self.next)
    }
}

impl std::error::Error for Failure {}
