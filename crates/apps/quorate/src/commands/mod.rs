//! The verbs, a file for each group.

mod backup;
pub mod charter;
pub mod custodian;
pub mod derive;
mod drill;
mod evidence;
pub mod genesis;
mod handover;
pub mod key;
mod lifecycle;
pub mod node;
mod policy;
pub mod receipt;
mod release;
pub mod request;
mod seat;
mod status;
mod succession;

pub use release::{MIGRATES_FROM, PRODUCT};

use crate::args::{Cli, Command};
use crate::face::Face;
use crate::failure::Result;
use crate::{bench, demo, trial};

/// Runs one command to its end.
///
/// # Errors
/// What it says, with whose fault it is and what to do next.
pub async fn run(cli: Cli, face: Face) -> Result<()> {
    match cli.command {
        Command::Demo(options) => demo::run(options, face).await,
        Command::Up(options) => trial::up(options, face).await,
        Command::Genesis(verb) => genesis::run(verb, face),
        Command::Node(verb) => node::run(verb, face).await,
        Command::Seat(verb) => seat::run(verb, face).await,
        Command::Succession(verb) => succession::run(verb, face).await,
        Command::Status(reader) => status::run(&reader, face).await,
        Command::Key(verb) => key::run(verb, face).await,
        Command::Backup(verb) => backup::run(verb, face).await,
        Command::Custodian(verb) => custodian::run(verb, face).await,
        Command::Drill(verb) => drill::run(verb, face).await,
        Command::Ceremony(verb) => lifecycle::ceremony(verb, face).await,
        Command::Policy(verb) => policy::run(verb, face).await,
        Command::Charter(verb) => charter::run(verb, face).await,
        Command::Request(verb) => request::run(verb, face).await,
        Command::Receipt(verb) => receipt::run(verb, face).await,
        Command::Evidence(verb) => evidence::run(verb, face).await,
        Command::Release(verb) => release::run(verb, face),
        Command::VerifyRelease(options) => release::verify(&options, face),
        Command::Bench(options) => bench::run(options, face).await,
    }
}
