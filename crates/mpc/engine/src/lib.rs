//! One face for all schemes: key generation, pair set-up, signing. Generics over curves end here.
#![allow(clippy::todo, clippy::unimplemented)]

mod failure;
mod key;
mod keygen;
pub mod local;
mod pair;
mod permit;
mod round;
mod seed;
mod sign;
mod signature;

pub use failure::{Failure, Fault};
pub use key::{KeyPublic, KeyShare};
pub use keygen::{KeygenPlan, Prepared, start_keygen, verify_leaf_proofs};
pub use pair::{PairPlan, PairSetup, start_pair_setup};
pub use permit::{Payload, Permit, Tweak};
pub use round::{Inbound, Outbound, Outcome, Progress, Round, To};
pub use seed::Seed;
pub use sign::{OpenPlan, Opening, open};
pub use signature::{Signature, output_key, verify};
