//! Dealing keys: verifiable sharing of a vector of secrets over an access tree. Key generation,
//! refresh, reshare, repair and import are the same protocol with another [`Source`].
//!
//! | | who deals what | over |
//! |---|---|---|
//! | key generation | every member random secrets, with proofs of possession | the new tree |
//! | refresh | a quorum its additive shares of the keys | the same tree |
//! | reshare | the same | another tree |
//! | repair | the same; who lost its shares only receives | the same tree |
//! | import | one node keys that it knows | the new tree |
//!
//! ```text
//!  start ──► message 1: run id, sealing keys of a receiver, commitment of a dealer
//!    ▼                                                     (everybody to everybody)
//!  ExpectRound1 ──► message 2: echo, and of a dealer coefficients, proofs, sealed shares
//!    ▼
//!  ExpectRound2 ──► Dealt: commitments and own shares of each key, transcript, leaf proofs
//!    └─ a bad share ──► Complaint ──► Accusation::judge ──► Verdict
//! ```
//!
//! A round is consumed by the messages that it awaits, so none runs twice. Messages arrive as
//! bytes whose sender is known; signing them is the caller's part, as are durable shares,
//! PREPARED statements and the decision (`spec/deal.md`).
//!
//! Parties of the tree that are absent take no part: nothing is sealed for them, their public
//! shares follow from the commitments like all others, and a later dealing repairs them.
//!
//! A participant that is online and honest ends with shares of keys that all honest ones know,
//! or with a [`DealError`] that accuses only whom it can prove guilty. Who only the receiver of a
//! bad share can see to be guilty, others see from its [`Complaint`].
//!
//! What this crate does not do: it sends and stores nothing, and erases no old shares.

mod blame;
mod deal;
mod error;
mod leaves;
pub mod limits;
mod proof;
mod seal;

pub use blame::{
    Accusation, Complaint, EchoFindings, Equivocation, Misdealing, Place, Signatures, Signed,
    Unproven, Verdict, judge_echoes,
};
pub use deal::round1::{ExpectRound1, Message1};
pub use deal::round2::{Dealing2, ExpectRound2, Message2};
pub use deal::{Contributions, Dealt, DealtKey, Holding, Plan, Source, Terms, start};
pub use error::{DealError, DealFault, Whose};
pub use leaves::{Knowledge, LeafStatements};
pub use proof::{Parameters, Proof};
pub use seal::{SealPublic, Sealed};
