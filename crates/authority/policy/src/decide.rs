//! The decision: one request, judged by one node at its own head, from what it verified itself.

use crate::authorized::{Authorized, SignRequest};
use crate::facts::Facts;
use crate::judge::{self, Approvers, Ruling, WaitingFor};
use crate::people;
use crate::policy::Policy;
use crate::request::{RequestError, Verdict, VerifiedApproval, VerifiedRequest};
use crate::rules::built_in;
use crate::schema::{Asker, Question};
use quorate_charter::State;
use quorate_derivation::Path;
use quorate_identity::{ActorId, Name};
use quorate_intent::Decoded;
use std::collections::{BTreeMap, BTreeSet};

/// What a node decides about a request.
#[derive(Debug)]
pub enum Decision {
    /// It may be signed, once, under this head.
    Allow {
        /// The rule that permits it.
        rule: String,
        /// Why, in words.
        reason: String,
        /// The proof; spent by the attempt to sign.
        authorized: Authorized<SignRequest>,
    },
    /// A rule permits it once people approve.
    Wait {
        /// The first such rule.
        rule: String,
        /// Why, in words.
        reason: String,
        /// Every such rule, with those who could still satisfy it.
        waiting_for: Vec<WaitingFor>,
    },
    /// It must not be signed.
    Deny {
        /// The rule that forbids it, or one of [`built_in`].
        rule: String,
        /// Why, in words.
        reason: String,
    },
}

impl Decision {
    /// The denial of an intent whose bytes could not be read; unreadable means denied.
    pub fn unreadable(reason: impl std::fmt::Display) -> Self {
        Self::deny(built_in::UNREADABLE, reason)
    }

    /// The denial where the charter has no policy yet.
    pub fn without_policy() -> Self {
        Self::deny(built_in::NO_POLICY, "no policy has been set; without one nothing is signed")
    }

    /// The rule that decided.
    pub fn rule(&self) -> &str {
        match self {
            Self::Allow { rule, .. } | Self::Wait { rule, .. } | Self::Deny { rule, .. } => rule,
        }
    }

    /// Why, in words.
    pub fn reason(&self) -> &str {
        match self {
            Self::Allow { reason, .. } | Self::Wait { reason, .. } | Self::Deny { reason, .. } => {
                reason
            }
        }
    }

    fn deny(rule: &str, reason: impl std::fmt::Display) -> Self {
        Self::Deny { rule: rule.to_owned(), reason: reason.to_string() }
    }
}

/// Decides about `request` at the head of `state`, at `now_ms` on this node's clock (REQ-09).
///
/// `policy` must be the one of `state`, and `decoded` what this node decoded from the request's
/// own intent; both are checked, so neither an older policy nor another transaction's facts can
/// stand behind a decision (N-73, N-74). Votes that do not count at this head, be it for their
/// signer, their expiry or their request, are passed over; of each person the first one counts.
///
/// The only maker of an [`Authorized`] besides [`authorize_birth`](crate::authorize_birth).
/// Cost: under a millisecond.
pub fn decide(
    state: &State,
    policy: &Policy,
    request: &VerifiedRequest,
    decoded: &Decoded,
    approvals: &[VerifiedApproval],
    now_ms: u64,
) -> Decision {
    let votes = Votes::count(state, request, approvals, now_ms);
    let path = match request.body().derivation_path() {
        Ok(path) => path,
        Err(error) => return Decision::deny(built_in::INVALID, RequestError::Path(error)),
    };
    let ruling = weigh(state, policy, request, &path, decoded, &votes, now_ms);
    match ruling.unwrap_or_else(|denial| denial) {
        Ruling::Deny { rule, reason } => Decision::Deny { rule, reason },
        Ruling::Wait { rule, reason, waiting_for } => Decision::Wait { rule, reason, waiting_for },
        Ruling::Allow { rule, reason } => {
            let authorized = Authorized::new(SignRequest {
                key: request.body().key,
                account: request.body().account,
                path,
                request: Some(request.id()),
                intent_digest: request.body().intent.digest(),
                payloads: decoded.signing_payloads(),
                head: state.head(),
                expiry_ms: votes.expiry_ms.min(request.body().expiry_ms),
            });
            Decision::Allow { rule, reason, authorized }
        }
    }
}

/// Everything that can deny before a rule is asked, then the rules.
fn weigh(
    state: &State,
    policy: &Policy,
    request: &VerifiedRequest,
    path: &Path,
    decoded: &Decoded,
    votes: &Votes,
    now_ms: u64,
) -> Result<Ruling, Ruling> {
    let invalid = |reason: &str| judge::deny(built_in::INVALID, reason.to_owned());
    let body = request.body();
    match request.check(now_ms) {
        Ok(()) => {}
        Err(RequestError::Expired) => {
            return Err(judge::deny(built_in::EXPIRED, RequestError::Expired.to_string()));
        }
        Err(error) => return Err(invalid(&error.to_string())),
    }
    if !people::is_policy(state, policy) {
        return Err(invalid("the policy is not the one in force at this head"));
    }
    let asker = people::actor(state, &body.requester).filter(|_| request.stands_at(state));
    let asker = asker.ok_or_else(|| {
        invalid("the requester is not known at this head under the key that signed")
    })?;
    if !people::may_request(state, &body.requester) {
        return Err(invalid("the requester may only read"));
    }
    let key = people::key(state, &body.key);
    let key = key.ok_or_else(|| invalid("the key is not in the charter at this head"))?;
    if body.account >= key.accounts {
        return Err(invalid("the key has no such account"));
    }
    if decoded.intent_digest() != body.intent.digest() || decoded.scheme() != key.scheme {
        return Err(invalid("what was decoded is not the intent of the request"));
    }
    if let Some(person) = &votes.rejected_by {
        return Err(judge::deny(built_in::REJECTED, format!("{person} rejected it")));
    }
    let asker = match body.requester {
        ActorId::Person(_) => Asker::Person(asker.name),
        ActorId::Service(_) => Asker::Service(asker.name),
    };
    let mut eligible = people::approvers(state);
    if let Asker::Person(name) = asker {
        eligible.remove(name);
    }
    let facts = Facts::of(decoded, body.account, path);
    let question = Question { asker, key: &key.name, scheme: key.scheme, facts: &facts };
    Ok(policy.judge(&question, &Approvers { approved: &votes.approved, eligible: &eligible }))
}

/// The votes that count at one head.
struct Votes {
    approved: BTreeSet<Name>,
    rejected_by: Option<Name>,
    /// When the first approval that counts ends.
    expiry_ms: u64,
}

impl Votes {
    fn count(
        state: &State,
        request: &VerifiedRequest,
        votes: &[VerifiedApproval],
        now_ms: u64,
    ) -> Self {
        let mut first = BTreeMap::new();
        for vote in votes {
            if let Ok(name) = vote.check_alone(state, request, now_ms) {
                let counted = first.entry(vote.body().person).or_insert((name, vote.body()));
                // A rejection takes an approval back (REQ-08).
                if vote.body().verdict == Verdict::Reject {
                    *counted = (name, vote.body());
                }
            }
        }
        let of = |verdict| first.values().filter(move |(_, vote)| vote.verdict == verdict);
        let expiries = of(Verdict::Approve).map(|(_, vote)| vote.expiry_ms);
        Self {
            approved: of(Verdict::Approve).map(|(name, _)| (*name).clone()).collect(),
            rejected_by: of(Verdict::Reject).map(|(name, _)| (*name).clone()).next(),
            expiry_ms: expiries.min().unwrap_or(u64::MAX),
        }
    }
}
