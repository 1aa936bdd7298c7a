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
pub mod receipt;
mod release;
pub mod request;
mod rule;
mod seat;
mod status;
mod succession;

pub use release::{PRODUCT, running};

use crate::args::custody::Custodian;
use crate::args::lifecycle::Ceremony;
use crate::args::people::{Person, Rule, Service};
use crate::args::seat::Seat;
use crate::args::succession::Succession;
use crate::args::{Charter, Cli, Command, Key, NodeVerb, PolicyVerb};
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::{args, bench, demo, trial};

/// Runs one command to its end.
///
/// # Errors
/// What it says, with whose fault it is and what to do next.
pub async fn run(cli: Cli, face: Face) -> Result<()> {
    if face.is_dry_run() && !files_a_motion(&cli.command) {
        let next = "leave --dry-run out; verbs that only read change nothing anyway";
        return Err(Failure::caller("no_dry_run", "this verb files no motion", next));
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

/// Whether a verb files a motion, which a dry run only shows.
fn files_a_motion(command: &Command) -> bool {
    match command {
        Command::Person(verb) => {
            !matches!(verb, Person::Enrol(_) | Person::Inspect { .. } | Person::List(_))
        }
        Command::Service(verb) => !matches!(verb, Service::Enrol(_) | Service::List(_)),
        Command::Rule(verb) => matches!(verb, Rule::Set { .. } | Rule::Times { .. }),
        Command::RecoverAdministrators(_) | Command::Thaw(_) => true,
        Command::Succession(verb) => matches!(verb, Succession::Refuse { .. }),
        Command::Charter(verb) => matches!(
            verb,
            Charter::Object { .. }
                | Charter::Override { .. }
                | Charter::Withdraw { .. }
                | Charter::Propose { .. }
        ),
        Command::Policy(verb) => matches!(verb, PolicyVerb::Propose { .. }),
        Command::Release(verb) => matches!(verb, args::release::Release::Require { .. }),
        Command::Custodian(verb) => matches!(verb, Custodian::Set { .. }),
        Command::Seat(verb) => matches!(verb, Seat::Give { .. }),
        Command::Node(NodeVerb::Membership(verb)) => verb.files_a_motion(),
        Command::Key(verb) => match verb {
            Key::Create { .. } | Key::Restore(_) => true,
            Key::Lifecycle(verb) => verb.files_a_motion(),
            Key::Export(verb) => verb.files_a_motion(),
            _ => false,
        },
        Command::Ceremony(verb) => matches!(verb, Ceremony::Void { .. }),
        _ => false,
    }
}
