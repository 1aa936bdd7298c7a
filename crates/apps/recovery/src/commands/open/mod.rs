//! `open`: what a custodian opens for machines that have nothing: for one with a lost node's seat, or
//! for the heirs of a domain that succeeds a lost one.

mod estate;
mod seat;

use crate::args::Open;
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::verify::HeldKey;
use quorate_charter::State;
use quorate_identity::{KeyId, Name};
use serde::Serialize;
use std::time::{SystemTime, UNIX_EPOCH};

/// Runs it.
///
/// # Errors
/// The caller's: another key, a wrong passphrase, nobody to open for. A peer's: the backup does not
/// hold, then its report was shown; or a claim asks what does not open.
pub fn run(options: &Open, face: Face) -> Result<()> {
    match (&options.seat, &options.successor) {
        (Some(seat), _) => seat::run(options, seat, face),
        (None, Some(successor)) => estate::run(options, successor, face),
        // Not reached: the command line demands one of the two.
        (None, None) => {
            let what = "it is not said for whom something is opened";
            Err(Failure::caller(
                "bad_usage",
                what,
                "name a --seat, or the genesis of a --successor",
            ))
        }
    }
}

/// A key of which something was opened, for programs.
#[derive(Serialize)]
struct KeyOpened {
    key: KeyId,
    name: Option<Name>,
    epoch: u64,
}

impl KeyOpened {
    fn new(state: &State, key: KeyId, epoch: u64) -> Self {
        Self { key, name: state.key(&key).map(|order| order.name.clone()), epoch }
    }

    fn of(state: &State, held: &HeldKey) -> Self {
        Self::new(state, held.key(), held.epoch())
    }

    fn called(&self) -> String {
        self.name.as_ref().map_or_else(|| self.key.to_string(), Name::to_string)
    }
}

/// A line about a key.
fn line(state: &State, held: &HeldKey) -> String {
    let named = KeyOpened::of(state, held);
    format!("  {:<16} epoch {}\n", named.called(), named.epoch)
}

/// When the custodian of this name should have been renewed, if that has passed by the clock of this
/// machine. An alarm, and no hindrance (GOV-50).
fn expired_ms(state: &State, custodian: &Name) -> Option<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let expires = state.custody().named(custodian)?.expires_ms?;
    (u128::from(expires) < now).then_some(expires)
}
