//! `quorate`: a node's daemon, and the operator's hand.
//!
//! ```text
//! commands/   the verbs, each group a file     session.rs  who calls, whom to ask
//! daemon/     one node as a process            replay.rs   the charter, verified here
//! trial/      up: all operators at once        demo/       the story, a step a file
//! ```
//!
//! What a person sees is `face` and `failure`; where things lie is `domain`. The program itself is one
//! line, so that another version of it can be made from what is here.

mod args;
mod bench;
mod commands;
mod daemon;
mod demo;
mod domain;
mod face;
mod failure;
mod foreign;
mod qr;
mod replay;
mod sealed;
mod sealing;
mod session;
mod signals;
mod takeover;
mod trial;

pub use quorate_machine::edition::{Edition, Step};

use args::Cli;
use clap::Parser;
use clap::error::ErrorKind;
use face::Face;
use failure::{Failure, Result};
use rand_core::RngCore;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// This version of the programs.
pub const THIS: Edition = Edition {
    version: env!("CARGO_PKG_VERSION"),
    migrates_from: "0.1.0",
    // nothing about rows has changed since
    steps: &[],
};

/// The version that runs.
static RUNNING: OnceLock<Edition> = OnceLock::new();

/// What runs here.
fn edition() -> &'static Edition {
    RUNNING.get_or_init(|| THIS)
}

/// Runs the program as this version of it, from the arguments of the process to its exit code.
pub fn run(edition: Edition) -> ExitCode {
    // The first one counts: a process is one program.
    let _ = RUNNING.set(edition);
    quorate_recovery::process::leave_no_core();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return unparsed(&error),
    };
    let face = Face::new(cli.json, cli.dry_run).wear();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => {
            let outcome = runtime.block_on(commands::run(cli, face));
            // A prompt or a computation that nobody waits for must not hold up the end.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => {
            let message = format!("no threads could be made: {error}");
            Err(Failure::machine("process", message, "check the limits of this machine"))
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            face.end(&failure);
            failure.exit_code()
        }
    }
}

/// Help goes to stdout and is no failure; everything else is the caller's.
fn unparsed(error: &clap::Error) -> ExitCode {
    let asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let bare = std::env::args_os().len() <= 1;
    if asked_for || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let text = error.render().to_string();
        // A closed pipe is nobody's failure.
        let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
        return if asked_for || bare { ExitCode::SUCCESS } else { ExitCode::from(2) };
    }
    let wants_json = std::env::args_os().any(|argument| argument == "--json");
    if wants_json {
        let text = error.render().to_string();
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
        let message = lines.first().map_or("", |line| line.trim_start_matches("error: "));
        let failure = Failure::caller("bad_usage", message, "see `quorate help`");
        Face::new(true, false).fail(&failure);
    } else {
        let _ = error.print();
    }
    ExitCode::from(2)
}

/// Milliseconds since 1970 on this machine's clock.
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Fresh random bytes from the operating system.
fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand_core::OsRng.fill_bytes(&mut bytes);
    bytes
}

/// Runs something long beside the threads that wait for many things at once.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let lost = || Failure::machine("internal", "a computation was lost", "try again");
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(lost()))
}
