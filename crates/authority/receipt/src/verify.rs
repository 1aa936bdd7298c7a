//! The proof: every statement of a receipt, each held against what the statements before it
//! proved. The order is that of `spec/receipt.md`.

use crate::error::{Part, ReceiptError, Whose};
use crate::receipt::{Receipt, ReceiptSignature};
use crate::report::{NodeAllowance, Report};
use quorate_charter::{
    AccountRecord, AttemptOutcome, AttemptPlan, Decided, EpochRecord, Instance, KeyOrder, LogError,
    State, verify_log,
};
use quorate_derivation::Path;
use quorate_identity::{GenesisHash, Name, NodeId, Scheme};
use quorate_intent::{Artifact, Decoded};
use quorate_policy::request::{
    SignedApproval, SignedNodeDecision, SignedRequest, Verdict, VerifiedApproval, VerifiedRequest,
};
use quorate_policy::{Decision, Policy, decide, key_at};
use std::collections::BTreeSet;

/// Verifies a receipt of the domain with this genesis hash, offline.
///
/// # Errors
/// [`ReceiptError`]: the first statement that does not hold, and whose it is. Cost: some
/// signature verifications an entry, and one judgement.
pub fn verify(bytes: &[u8], genesis: &GenesisHash) -> Result<Report, ReceiptError> {
    let receipt = read(bytes)?;
    let state = replay(&receipt, genesis)?;
    let request = check_request(receipt.request, &state)?;
    let key = ordered(&request, &state)?;
    let record = check_epoch(&receipt.epoch, key, &state)?;
    let path = derivation_path(&request, &state)?;
    let public_key = public_key(&request, &record, &state)?;
    let decoded = decode(&request, &record, &path, &state)?;
    let approvals = check_approvals(receipt.approvals, &request, &state)?;
    let (rule, reason) = judge(&request, &decoded, &approvals, &state)?;
    let decisions = check_decisions(receipt.decisions, &request, &record, &state)?;
    let artifact = check_signatures(&receipt.signatures, &decoded, key)?;
    Ok(Report {
        domain: state.domain().clone(),
        genesis: state.genesis(),
        staging: state.is_staging(),
        head: state.head(),
        position: state.position(),
        heads: state.heads().copied().collect(),
        request: request.id(),
        requester: requester(&request, &state)?,
        key: key.key,
        key_name: key.name.clone(),
        exported: key.exports.len(),
        scheme: key.scheme,
        epoch: record.plan.epoch,
        account: request.body().account,
        public_key,
        path,
        child_key: decoded.public_key(),
        kind: decoded.kind().to_owned(),
        intent_digest: decoded.intent_digest(),
        effect: decoded.effect(),
        facts: decoded.facts_json(),
        signing_digests: decoded.signing_digests(),
        approvals: approvals.into_iter().map(|(name, _)| name).collect(),
        rule,
        reason,
        decisions,
        artifact,
    })
}

/// Reads the file (RCP-01).
fn read(bytes: &[u8]) -> Result<Receipt, ReceiptError> {
    let receipt: Receipt = quorate_codec::from_bytes(bytes)
        .map_err(|error| failure(Part::Receipt, Whose::Holder, error))?;
    match receipt.version {
        1 => Ok(receipt),
        version => {
            let reason = format!("a receipt of version {version} is not known here");
            Err(failure(Part::Receipt, Whose::Holder, reason))
        }
    }
}

/// The state at the receipt's head, from the genesis hash on (RCP-02, RCP-03).
fn replay(receipt: &Receipt, genesis: &GenesisHash) -> Result<State, ReceiptError> {
    let state = verify_log(&receipt.genesis, genesis, receipt.entries.iter().cloned());
    state.map_err(|error| match error {
        // Another genesis is not the founders' fault.
        LogError::Genesis(error) if receipt.genesis.hash() != *genesis => {
            failure(Part::Genesis, Whose::Holder, error)
        }
        LogError::Genesis(error) => failure(Part::Genesis, Whose::Founders, error),
        LogError::Entry { position, error } => failure(Part::Entry(position), Whose::Voters, error),
    })
}

/// The request, by somebody whom the charter knows at the head (RCP-05).
fn check_request(signed: SignedRequest, state: &State) -> Result<VerifiedRequest, ReceiptError> {
    let whose = signed.read().map_or(Whose::Holder, |body| {
        let name = state.actor(&body.requester).map(|actor| actor.name.to_string());
        Whose::Actor(name.unwrap_or_else(|| body.requester.to_string()))
    });
    signed.verify(state).map_err(|error| failure(Part::Request, whose, error))
}

/// The key of the request, as the charter ordered it (RCP-05).
fn ordered<'a>(request: &VerifiedRequest, state: &'a State) -> Result<&'a KeyOrder, ReceiptError> {
    let key = request.body().key;
    let missing = || format!("key {key} is not in the charter at this head");
    let order = state.key(&key);
    order.ok_or_else(|| failure(Part::Request, by_requester(request, state), missing()))
}

/// The record of the key's epoch: certified by the voters, about this key as it was ordered, with
/// a public key that its commitments have (RCP-04).
fn check_epoch(
    decided: &Decided,
    key: &KeyOrder,
    state: &State,
) -> Result<EpochRecord, ReceiptError> {
    let wrong = |reason: &str| failure(Part::EpochRecord, Whose::Voters, reason);
    decided.verify(state).map_err(|error| wrong(&error.to_string()))?;
    let outcome = quorate_codec::from_bytes(&decided.value);
    let record = match outcome.map_err(|error| wrong(&error.to_string()))? {
        AttemptOutcome::Commit { record, .. } => record,
        AttemptOutcome::Void { .. } => return Err(wrong("the attempt was void")),
    };
    let record: EpochRecord =
        quorate_codec::from_bytes(&record).map_err(|error| wrong(&error.to_string()))?;
    let Instance::Attempt { key: decided_key, epoch, attempt, .. } = decided.instance else {
        return Err(wrong("the decision is about a position of the charter"));
    };
    let plan = &record.plan;
    let checks = [
        (record.version == EpochRecord::VERSION, "its version is not known here"),
        (plan.version == AttemptPlan::VERSION, "the version of its plan is not known here"),
        (plan.genesis == state.genesis(), "it is for another domain"),
        (decided_key == key.key && plan.key == key.key, "it is for another key"),
        ((plan.epoch, plan.attempt) == (epoch, attempt), "it is for another attempt"),
        (key.has_ordered(&plan.order), "no entry ordered it"),
        (plan.scheme == key.scheme, "the charter ordered another scheme"),
        (
            key.has_ordered_tree(&plan.tree, &plan.order),
            "the charter did not order this access tree",
        ),
        (plan.origin == key.origin, "it is silent or wrong about where the key was made"),
        (!plan.is_arrival(), "nothing is signed under what an importer dealt"),
        (plan.accounts == key.accounts, "the charter ordered another number of accounts"),
        (
            record.accounts.len() == usize::from(plan.accounts),
            "it has not as many accounts as its plan says",
        ),
        (
            record.accounts.iter().all(|account| has_public_key(account, plan.scheme)),
            "its public key is not that of its commitments",
        ),
    ];
    match checks.into_iter().find(|(holds, _)| !holds) {
        Some((_, reason)) => Err(wrong(reason)),
        None => Ok(record),
    }
}

/// Whether the public key is the constant term of the commitments, in the scheme's encoding:
/// for BIP-340 the x-coordinate alone.
fn has_public_key(account: &AccountRecord, scheme: Scheme) -> bool {
    let constant = account.commitments.first().map(Vec::as_slice).unwrap_or_default();
    let encoded = match scheme {
        Scheme::EcdsaSecp256k1 | Scheme::EcdsaP256 | Scheme::Ed25519 => Some(constant),
        Scheme::Bip340 => constant.split_first().map(|(_, x)| x),
    };
    encoded.is_some_and(|encoded| !encoded.is_empty() && encoded == account.public_key)
}

/// The public key of the account that the request names (RCP-11).
fn public_key(
    request: &VerifiedRequest,
    record: &EpochRecord,
    state: &State,
) -> Result<Vec<u8>, ReceiptError> {
    let account = record.account(request.body().account);
    let missing = || "the key has no such account".to_owned();
    account
        .map(|account| account.public_key.clone())
        .ok_or_else(|| failure(Part::Request, by_requester(request, state), missing()))
}

/// The path of the request, along which no step is hardened (RCP-11).
fn derivation_path(request: &VerifiedRequest, state: &State) -> Result<Path, ReceiptError> {
    let path = request.body().derivation_path();
    path.map_err(|error| failure(Part::Request, by_requester(request, state), error))
}

/// The intent, read by our decoders for the key of the record, or for its child at the path, which
/// is derived here from the record alone (RCP-05, RCP-11, N-65).
fn decode(
    request: &VerifiedRequest,
    record: &EpochRecord,
    path: &Path,
    state: &State,
) -> Result<Decoded, ReceiptError> {
    let key = key_at(record, request.body().account, path)
        .map_err(|error| failure(Part::EpochRecord, Whose::Voters, error))?;
    let decoded = request.body().intent.decode(&key);
    decoded.map_err(|error| failure(Part::Request, by_requester(request, state), error))
}

/// The approvals: each by an approver at the head, for this request and for it, one a person
/// (RCP-06). Time is not judged again: the nodes' decisions stand for it.
fn check_approvals(
    signed: Vec<SignedApproval>,
    request: &VerifiedRequest,
    state: &State,
) -> Result<Vec<(Name, VerifiedApproval)>, ReceiptError> {
    let mut approvals: Vec<(Name, VerifiedApproval)> = Vec::with_capacity(signed.len());
    for (place, signed) in (1..).zip(signed) {
        let part = Part::Approval(place);
        let person = signed.read().ok().map(|body| body.person);
        let known = person.and_then(|person| state.person(&person));
        let whose = match (known, person) {
            (Some(person), _) => Whose::Actor(person.name.to_string()),
            (None, Some(id)) => Whose::Actor(id.to_string()),
            (None, None) => Whose::Holder,
        };
        let fail = |reason: String| failure(part.clone(), whose.clone(), reason);
        let vote = signed.verify(state).map_err(|error| fail(error.to_string()))?;
        if vote.body().verdict != Verdict::Approve {
            return Err(fail("it is a rejection".to_owned()));
        }
        let before = vote.body().expiry_ms.saturating_sub(1);
        let checked = vote.check(state, request, &[], before);
        checked.map_err(|error| fail(error.to_string()))?;
        let name = known.map(|person| person.name.clone());
        let name = name.ok_or_else(|| fail("the approver is not known".to_owned()))?;
        if approvals.iter().any(|(earlier, _)| *earlier == name) {
            return Err(fail("the same person approved twice".to_owned()));
        }
        approvals.push((name, vote));
    }
    Ok(approvals)
}

/// The policy of the head, judged here over the same statements, must let the request pass: the
/// rule and why (RCP-07). The moment is the last at which all of them were in time together.
fn judge(
    request: &VerifiedRequest,
    decoded: &Decoded,
    approvals: &[(Name, VerifiedApproval)],
    state: &State,
) -> Result<(String, String), ReceiptError> {
    let wrong = |reason: String| failure(Part::Policy, Whose::Voters, reason);
    let bytes = state.policy().ok_or_else(|| wrong("no policy was set".to_owned()))?;
    let policy = Policy::compile(bytes).map_err(|error| wrong(error.to_string()))?;
    let votes: Vec<VerifiedApproval> = approvals.iter().map(|(_, vote)| vote.clone()).collect();
    let expiries = votes.iter().map(|vote| vote.body().expiry_ms);
    let first = expiries.chain([request.body().expiry_ms]).min().unwrap_or_default();
    let moment = first.saturating_sub(1);
    match decide(state, &policy, request, decoded, &votes, moment) {
        Decision::Allow { rule, reason, .. } => Ok((rule, reason)),
        Decision::Wait { rule, reason, .. } => {
            Err(wrong(format!("rule {rule} waits for more approvals: {reason}")))
        }
        Decision::Deny { rule, reason } => Err(wrong(format!("rule {rule} denies it: {reason}"))),
    }
}

/// The decisions: each signed by a node that holds a part of the key, for this request, at this
/// head, and allowing it; together a quorum of the key (RCP-08).
fn check_decisions(
    signed: Vec<SignedNodeDecision>,
    request: &VerifiedRequest,
    record: &EpochRecord,
    state: &State,
) -> Result<Vec<NodeAllowance>, ReceiptError> {
    let members = record.plan.members();
    let mut quorum: BTreeSet<NodeId> = BTreeSet::new();
    let mut allowances = Vec::with_capacity(signed.len());
    for (place, signed) in (1..).zip(signed) {
        let id = signed.node();
        let node = state.node(&id);
        let name = node.map_or_else(|| id.to_string(), |node| node.name.to_string());
        let fail = |reason: &str| failure(Part::Decision(place), Whose::Node(name.clone()), reason);
        let verified = signed.verify(state).map_err(|error| fail(&error.to_string()))?;
        let body = verified.body();
        let checks = [
            (members.contains(&id), "the node holds no part of the key"),
            (body.request == request.id(), "it is about another request"),
            (body.head == state.head(), "it was made at another head"),
            (body.is_allowance(), "it does not allow the request"),
            (quorum.last().is_none_or(|last| *last < id), "decisions are not ascending by node"),
        ];
        if let Some((_, reason)) = checks.into_iter().find(|(holds, _)| !holds) {
            return Err(fail(reason));
        }
        quorum.insert(id);
        let node = node.ok_or_else(|| fail("the node is not known"))?.name.clone();
        allowances.push(NodeAllowance {
            node,
            rule: body.rule.clone(),
            reason: body.reason.clone(),
        });
    }
    if !record.plan.tree.satisfied(&quorum) {
        let names = allowances.iter().map(|allowance| allowance.node.as_str());
        let names = names.collect::<Vec<_>>().join(", ");
        let reason = format!("those who allowed it are no quorum of the key: {names}");
        return Err(failure(Part::Quorum, Whose::Holder, reason));
    }
    Ok(allowances)
}

/// The signatures, under the certified key, over what our decoders computed (RCP-09).
fn check_signatures(
    signatures: &[ReceiptSignature],
    decoded: &Decoded,
    key: &KeyOrder,
) -> Result<Artifact, ReceiptError> {
    let pair = |signature: &ReceiptSignature| (signature.bytes, signature.recovery_id);
    let signatures: Vec<_> = signatures.iter().map(pair).collect();
    let finished = decoded.finish(&signatures);
    finished.map_err(|error| failure(Part::Signature, Whose::Key(key.name.to_string()), error))
}

fn requester(request: &VerifiedRequest, state: &State) -> Result<Name, ReceiptError> {
    let actor = state.actor(&request.body().requester).map(|actor| actor.name.clone());
    let unknown = || failure(Part::Request, Whose::Holder, "the requester is not known");
    actor.ok_or_else(unknown)
}

fn by_requester(request: &VerifiedRequest, state: &State) -> Whose {
    let name = requester(request, state).map(|name| name.to_string());
    Whose::Actor(name.unwrap_or_else(|_| request.body().requester.to_string()))
}

fn failure(part: Part, whose: Whose, reason: impl ToString) -> ReceiptError {
    ReceiptError { part, whose, reason: reason.to_string() }
}
