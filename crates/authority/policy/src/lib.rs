//! Given rules, an intent, approvals and facts: allow, deny or wait, with reasons. The only
//! maker of an [`Authorized`].
//!
//! A [`PolicyBundle`] is four files as bytes; [`Policy`] is what they mean. [`vet`] is what every
//! node does with a proposed one before it votes for it. [`decide()`] judges one request at one
//! head, from statements that were verified against the charter ([`request`]) and an intent that
//! this node decoded itself.
//!
//! The rules are Cedar's, inside guards: an evaluation error denies, rules are checked strictly,
//! and amounts never enter Cedar, whose integers have 64 bits; they are judged here, exactly, and
//! Cedar sees which named limits an intent keeps. Formats and checks: `spec/policy.md`,
//! `spec/requests.md`.

mod authorized;
mod birth;
mod bundle;
mod cases;
mod child;
mod consequence;
mod decide;
mod error;
mod facts;
mod intents;
mod json;
mod judge;
pub mod limits;
mod lists;
mod people;
mod policy;
pub mod request;
mod rules;
mod schema;
mod text;
mod vet;

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod request_attacks;
#[cfg(test)]
mod template;

pub use authorized::{Authorized, SignRequest, StaleAuthorization};
pub use birth::{authorize_birth, birth_payload};
pub use bundle::PolicyBundle;
pub use cases::{CaseReport, CaseResult};
pub use child::{ChildError, child_at, key_at};
pub use decide::{Decision, decide};
pub use error::{PolicyError, PolicyFile};
pub use facts::{Amount, Facts};
pub use judge::WaitingFor;
pub use policy::Policy;
pub use rules::built_in;
pub use vet::vet;
