//! The verbs, each a file.

mod answer;
mod backup;
mod combine;
mod confirm;
mod drill;
mod export;
mod from_paper;
mod holder;
mod inspect;
mod keep;
mod keygen;
mod open;
mod token;
pub mod verify;
mod written;

use crate::args::Command;
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::files;
use crate::key_file::{KeyFile, KeyFileError};
use std::path::Path;

/// Runs a verb.
///
/// # Errors
/// Its own, of the caller, of this machine, or of whoever made a file.
pub fn run(command: Command, face: Face) -> Result<()> {
    match command {
        Command::Keygen(options) => keygen::run(&options, face),
        Command::FromPaper(options) => from_paper::run(&options, face),
        Command::Inspect { file } => inspect::run(&file, face),
        Command::Verify(options) => verify::run(&options, face),
        Command::Answer(options) => answer::run(&options, face),
        Command::Token(command) => token::run(&command, face),
        Command::Open(options) => open::run(&options, face),
        Command::Combine(options) => combine::run(&options, face),
        Command::Drill(options) => drill::run(&options, face),
        Command::Export(command) => export::run(&command, face),
    }
}

/// Reads a key file.
fn read_key_file(path: &Path) -> Result<KeyFile> {
    let text = files::read_text(path)?;
    text.parse().map_err(|error| key_file_failure(path, error))
}

fn key_file_failure(path: &Path, error: KeyFileError) -> Failure {
    let what = format!("{}: {error}", path.display());
    match error {
        KeyFileError::Other => {
            let next = "name the file that `quorate-recovery keygen` wrote";
            Failure::caller("bad_key_file", what, next)
        }
        KeyFileError::Version(_) => Failure::later(path, error),
        KeyFileError::Damaged => {
            let next =
                "take another copy of it, or write it again with `quorate-recovery from-paper`";
            Failure::machine("key_file_damaged", what, next)
        }
    }
}
