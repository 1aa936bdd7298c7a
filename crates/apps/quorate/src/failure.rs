//! Errors at the human edge: what happened, whose fault it is, what to do next.

use quorate_client::contract::{ErrorBody, ErrorCode, Fault};
use quorate_identity::SignerError;
use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// What the exit status tells a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// A dry run came to what it would do: no failure.
    Rehearsed = 0,
    /// The caller must change the call.
    Caller = 2,
    /// The answer is no: denied, rejected, expired, cancelled or failed.
    Refused = 3,
    /// No quorum, or no answer in time.
    Quorum = 4,
    /// A peer misbehaved.
    Peer = 5,
    /// This machine failed.
    Machine = 6,
}

/// A command's failure. Texts never hold a secret.
#[derive(Debug, Clone)]
pub struct Failure {
    body: Box<ErrorBody>,
    exit: Exit,
}

/// What every command returns.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// The caller must change the call.
    pub fn caller(code: &str, message: impl fmt::Display, next: impl fmt::Display) -> Self {
        Self::new(code, Fault::Caller, message, next)
    }

    /// This machine failed.
    pub fn machine(code: &str, message: impl fmt::Display, next: impl fmt::Display) -> Self {
        Self::new(code, Fault::Machine, message, next)
    }

    /// A node, or whoever made a file that came from elsewhere, is wrong.
    pub fn peer(code: &str, message: impl fmt::Display, next: impl fmt::Display) -> Self {
        Self::new(code, Fault::Peer, message, next)
    }

    /// A file of this machine that cannot be read or written.
    pub fn file(path: &Path, error: &io::Error) -> Self {
        Self::machine(
            "file",
            format!("{}: {error}", path.display()),
            "check that the file, its folder and the disk are as they should be",
        )
    }

    /// A file that the caller named and that cannot be read.
    pub fn named_file(path: &Path, error: &io::Error) -> Self {
        Self::caller(
            "file",
            format!("{}: {error}", path.display()),
            "name a file that exists and that you may read",
        )
    }

    /// What a dry run ends with in place of doing it.
    pub fn rehearsed(would: String) -> Self {
        Self::new("dry_run", Fault::Caller, would, "").with_exit(Exit::Rehearsed)
    }

    /// What a dry run would have done, if it is one that came so far.
    pub fn would(&self) -> Option<&str> {
        (self.exit == Exit::Rehearsed).then_some(&self.body.message)
    }

    /// With another exit status than the fault's own: refused, or no quorum.
    #[must_use]
    pub fn with_exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// The stable name of the error.
    pub fn code(&self) -> &str {
        &self.body.code
    }

    /// The error as it is printed with `--json`.
    pub fn body(&self) -> &ErrorBody {
        &self.body
    }

    /// The status for the shell.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.exit as u8)
    }

    fn new(code: &str, fault: Fault, message: impl fmt::Display, next: impl fmt::Display) -> Self {
        Self::from(ErrorBody {
            code: code.to_owned(),
            fault,
            message: message.to_string(),
            next: next.to_string(),
            culprits: Vec::new(),
        })
    }
}

impl From<ErrorBody> for Failure {
    fn from(body: ErrorBody) -> Self {
        let waits_for_others = [ErrorCode::QuorumMissing, ErrorCode::NotServing, ErrorCode::Busy];
        let exit = match body.fault {
            _ if waits_for_others.iter().any(|code| code.as_str() == body.code) => Exit::Quorum,
            Fault::Caller => Exit::Caller,
            Fault::Peer => Exit::Peer,
            Fault::Machine => Exit::Machine,
        };
        Self { body: Box::new(body), exit }
    }
}

impl From<SignerError> for Failure {
    fn from(error: SignerError) -> Self {
        let (code, next) = match &error {
            SignerError::File { .. } => ("key_file", "name a key file that exists"),
            SignerError::Exposed(_) => ("key_file", "run chmod 600 on the key file"),
            SignerError::Malformed => ("key_file", "name an OpenSSH private key file"),
            SignerError::Kind(_) => ("key_kind", "use a key that can sign here, or --agent"),
            SignerError::PassphraseNeeded => {
                ("passphrase_needed", "name a file that holds it with --passphrase-file")
            }
            SignerError::PassphraseWrong => ("wrong_passphrase", "try again with the right one"),
            SignerError::Agent(_) | SignerError::AgentNonsense => {
                ("agent", "check that ssh-agent runs and that SSH_AUTH_SOCK names its socket")
            }
            SignerError::AgentRefused => {
                ("agent", "load the key with ssh-add, and confirm its use")
            }
            SignerError::Faulty => {
                ("key_faulty", "try again; touch the security key when it blinks")
            }
        };
        match error.is_callers_fault() {
            true => Self::caller(code, error, next),
            false => Self::machine(code, error, next),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = match self.body.fault {
            Fault::Peer => "a peer's fault",
            Fault::Caller => "in the call",
            Fault::Machine => "on this machine",
        };
        writeln!(formatter, "error ({whose}): {}", self.body.message)?;
        if !self.body.culprits.is_empty() {
            writeln!(formatter, "  accused: {}", self.body.culprits.join(", "))?;
        }
        write!(formatter, "  next: {}", self.body.next)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fault_decides_the_exit_status_unless_others_are_missing() {
        let failure = Failure::caller("unknown_key", "no such key", "see `key list`");
        assert_eq!(failure.exit, Exit::Caller);
        let missing = ErrorBody::new(ErrorCode::QuorumMissing, "two of three are down", "wait");
        assert_eq!(Failure::from(missing).exit, Exit::Quorum);
        let broken = ErrorBody::new(ErrorCode::Internal, "a bug", "report it");
        assert_eq!(Failure::from(broken).exit, Exit::Machine);
    }
}
