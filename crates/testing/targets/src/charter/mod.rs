//! The charter as a machine of steps: `[domain][step]…`, seven bytes a step.
//!
//! A program runs over a founded domain with real keys. People file motions of all kinds, signed by
//! those who may and by others; voters certify entries as they should, too few of them, or too
//! early; entries stand in the wrong place, or come again. After every step everything that
//! `spec/charter.md` promises is held against what the program did, which this target knows by itself:
//! who signed what with which key, who certified, and how much time went by.

mod body;
mod domain;
mod run;
mod standing;
pub mod step;
mod transition;

use crate::input::Input;
use domain::{DOMAINS, Domain};
use run::Run;
use std::cell::OnceCell;
use step::Step;

/// A longer program finds nothing more, and takes longer.
const STEPS_MAX: usize = 24;

/// The target.
///
/// # Panics
/// Something does not hold.
pub fn run(bytes: &[u8]) {
    play(bytes);
}

/// Runs a program; how many of its entries entered the log.
///
/// # Panics
/// Something does not hold.
pub fn play(bytes: &[u8]) -> usize {
    let mut input = Input::new(bytes);
    let kind = usize::from(input.byte()) % DOMAINS;
    with_domain(kind, |domain| {
        let mut run = Run::new(domain);
        for _ in 0..STEPS_MAX {
            if input.is_empty() {
                break;
            }
            run.step(&Step::read(&mut input));
        }
        run.replay()
    })
}

/// A program of these steps.
pub fn program(domain: u8, steps: &[Step]) -> Vec<u8> {
    std::iter::once(domain).chain(steps.iter().flat_map(Step::write)).collect()
}

fn with_domain<T>(kind: usize, work: impl FnOnce(&Domain) -> T) -> T {
    thread_local! {
        static KNOWN: [OnceCell<Domain>; DOMAINS] =
            const { [OnceCell::new(), OnceCell::new(), OnceCell::new()] };
    }
    KNOWN.with(|known| work(known[kind].get_or_init(|| Domain::new(kind))))
}
