//! The verbs, a file for each group.

mod backup;
pub mod charter;
pub mod custodian;
pub mod derive;
mod drill;
mod evidence;
mod export;
mod freeze;
pub mod genesis;
mod handover;
pub mod key;
mod lifecycle;
mod membership;
pub mod node;
mod people;
mod policy;
mod posture;
mod programs;
pub mod receipt;
mod release;
pub mod request;
mod rule;
mod seat;
mod status;
mod succession;

pub use release::{PRODUCT, running};

use crate::args::{Cli, Command, NodeVerb};
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::{bench, demo, trial};

/// Runs one command to its end.
///
/// # Errors
/// What it says, with whose fault it is and what to do next.
pub async fn run(cli: Cli, face: Face) -> Result<()> {
    if face.is_dry_run() {
        may_rehearse(&cli.command)?;
    }
    match cli.command {
        Command::Demo(options) => demo::run(options, face).await,
        Command::Up(options) => trial::up(options, face).await,
        Command::Genesis(verb) => genesis::run(verb, face),
        Command::Node(verb) => node::run(verb, face).await,
        Command::Seat(verb) => seat::run(verb, face).await,
        Command::Succession(verb) => succession::run(verb, face).await,
        Command::Status(reader) => status::run(&reader, face).await,
        Command::Posture(options) => posture::run(options, face).await,
        Command::Key(verb) => key::run(verb, face).await,
        Command::Backup(verb) => backup::run(verb, face).await,
        Command::Custodian(verb) => custodian::run(verb, face).await,
        Command::Drill(verb) => drill::run(verb, face).await,
        Command::Ceremony(verb) => lifecycle::ceremony(verb, face).await,
        Command::Policy(verb) => policy::run(verb, face).await,
        Command::Charter(verb) => charter::run(verb, face).await,
        Command::Person(verb) => people::person(verb, face).await,
        Command::Service(verb) => people::service(verb, face).await,
        Command::Rule(verb) => rule::run(verb, face).await,
        Command::Freeze(options) => freeze::freeze(options, face).await,
        Command::Thaw(options) => freeze::thaw(options, face).await,
        Command::RecoverAdministrators(options) => people::recover(*options, face).await,
        Command::Request(verb) => request::run(verb, face).await,
        Command::Receipt(verb) => receipt::run(verb, face).await,
        Command::Evidence(verb) => evidence::run(verb, face).await,
        Command::Release(verb) => release::run(verb, face).await,
        Command::VerifyRelease(options) => release::verify(&options, face),
        Command::Bench(options) => bench::run(options, face).await,
    }
}

/// Every verb that is done once it ends has a dry run: [`Face::before`] ends it. What runs has none.
fn may_rehearse(command: &Command) -> Result<()> {
    let (message, next) = match command {
        Command::Node(NodeVerb::Run { .. }) => (
            "a node that runs votes and signs; it cannot do that for show",
            "look at what it would start from: `quorate genesis show FILE`, `quorate charter verify \
             --file FILE`; then start it without --dry-run",
        ),
        Command::Up(_) => (
            "`up` founds a domain and runs its nodes; it cannot do that for show",
            "try it in a new folder with --dir, which you may delete afterwards",
        ),
        Command::Demo(_) | Command::Bench(_) => (
            "this founds a domain of its own and runs its nodes; it cannot do that for show",
            "leave --dry-run out: nothing of that domain stays unless you ask for it",
        ),
        _ => return Ok(()),
    };
    Err(Failure::caller("no_dry_run", message, next))
}
