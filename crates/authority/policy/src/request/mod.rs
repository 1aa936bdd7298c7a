//! What people and nodes say about a request: the request itself, approvals and rejections, the
//! requester's cancellation, each node's decision. See `spec/requests.md`.
//!
//! A statement that came in is `Signed`; once its signer was found at a head and the signature
//! verified, it is `Verified`. Only verified statements are judged.

mod approval;
mod body;
mod cancellation;
mod decision;
mod statement;

pub use approval::{Approval, ApprovalError, SignedApproval, Verdict, VerifiedApproval};
pub use body::{RequestBody, RequestError, SignedRequest, VerifiedRequest};
pub use cancellation::{Cancellation, SignedCancellation, VerifiedCancellation};
pub use decision::{NodeDecision, NodeOutcome, SignedNodeDecision, VerifiedNodeDecision};
pub use statement::{Signed, Statement, StatementError, Verified};

/// The one version of these statements that exists.
const VERSION: u8 = 1;
