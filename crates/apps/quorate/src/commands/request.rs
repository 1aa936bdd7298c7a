//! `request create|list|show|approve|reject|wait|cancel`.

use super::derive::{Place, facts_at, not_ready, place_text};
use crate::args::{RequestVerb, Signer};
use crate::domain;
use crate::face::{Face, ask, short};
use crate::failure::{Exit, Failure, Result};
use crate::replay;
use crate::session::Session;
use quorate_charter::State;
use quorate_client::contract::{
    HexBytes, OutcomeView, RequestState, RequestView, Status, SubmitRequest, SubmitStatement,
    VerdictView, routes,
};
use quorate_identity::{ActorId, Name, PersonId, RequestId, Scheme, moment};
use quorate_intent::{
    Decoded, Intent, Network, ethereum_address, p2pkh, p2sh_p2wpkh, p2tr, p2wpkh,
};
use quorate_policy::limits::LIFETIME_MS_MAX;
use quorate_policy::request::{
    Approval, Cancellation, RequestBody, Signed, SignedRequest, Verdict,
};
use std::fmt::Write;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest intent file that is read, in bytes.
const INTENT_BYTES_MAX: u64 = quorate_intent::limits::JSON_BYTES_MAX as u64;

/// Runs a `request` verb.
///
/// # Errors
/// The caller's, a node's, or that the answer is no.
pub async fn run(verb: RequestVerb, face: Face) -> Result<()> {
    match verb {
        RequestVerb::Create { key, account, path, intent, expires, idempotency_key, signer } => {
            let place = Place::parse(account, &path)?;
            let intent = read_intent(&intent)?;
            let session = Session::sign(&signer)?;
            let expiry = Duration::from_secs(expires);
            let view = file_at(&session, &key, &place, intent, expiry, idempotency_key).await?;
            face.show(&view, text);
            Ok(())
        }
        RequestVerb::List(reader) => {
            let session = Session::read(&reader)?;
            let requests: Vec<RequestView> = session.get(routes::REQUESTS.path).await?;
            for request in &requests {
                face.show(request, |request| {
                    let state = state_text(request.state);
                    let effect = request.effect.first().map_or("", String::as_str);
                    format!("{}  {state:<9} {:<12} {effect}", request.request, request.key)
                });
            }
            if requests.is_empty() {
                face.tell("no requests yet");
            }
            Ok(())
        }
        RequestVerb::Show { request, reader } => {
            let id = parse_id(&request)?;
            let view = Session::read(&reader)?.request(&id).await?;
            face.show(&view, text);
            Ok(())
        }
        RequestVerb::Approve { request, digest, signer } => {
            vote(&request, digest.as_deref(), &signer, Verdict::Approve, face).await
        }
        RequestVerb::Reject { request, digest, signer } => {
            vote(&request, digest.as_deref(), &signer, Verdict::Reject, face).await
        }
        RequestVerb::Wait { request, timeout, reader } => {
            let id = parse_id(&request)?;
            let session = Session::read(&reader)?;
            let progress = face.progress("waiting for the request to end");
            let view = wait(&session, &id, Duration::from_secs(timeout)).await;
            drop(progress);
            let view = view?;
            face.show(&view, text);
            refused(&view).map_or(Ok(()), Err)
        }
        RequestVerb::Cancel { request, signer } => {
            let id = parse_id(&request)?;
            let session = Session::sign(&signer)?;
            let view = cancel(&session, &id).await?;
            face.show(&view, text);
            Ok(())
        }
    }
}

/// Files a request under the key itself.
///
/// # Errors
/// As [`file_at`].
pub async fn file(
    session: &Session,
    key: &str,
    intent: Intent,
    expires_in: Duration,
    idempotency_key: Option<String>,
) -> Result<RequestView> {
    file_at(session, key, &Place::first(), intent, expires_in, idempotency_key).await
}

/// Files a request under the child of a key. The intent is decoded here first, so that what no
/// node could read is refused before anybody sees it.
///
/// # Errors
/// The caller's: an unknown key, an intent that cannot be read.
async fn file_at(
    session: &Session,
    key: &str,
    place: &Place,
    intent: Intent,
    expires_in: Duration,
    idempotency_key: Option<String>,
) -> Result<RequestView> {
    let name = domain::name(key)?;
    let state = session.replay().await?;
    let order = replay::key_named(&state, &name)?.key;
    let facts = facts_at(session, &state, &name, place).await?;
    let decoded = facts.map(|facts| intent.decode(&facts)).transpose();
    let decoded = decoded.map_err(|error| bad_intent(&error))?;
    Face::of_process().before(|| {
        let place = place_text(place.account, &place.path);
        let effect = decoded.map_or_else(
            || format!("nobody can read it before {name} is made"),
            |it| it.effect().join("\n  "),
        );
        format!("sign and file a request for key {name} at {place}\n  {effect}")
    })?;
    let lifetime = u64::try_from(expires_in.as_millis()).unwrap_or(u64::MAX);
    let expiry_ms = crate::now_ms().saturating_add(lifetime);
    let nonce = crate::random_bytes();
    let actor = session.actor();
    let body = RequestBody::new(state.genesis(), order, intent, nonce, expiry_ms, actor);
    let body = body.at(place.account, &place.path);
    let signed = Signed::sign(&body, session.signer())?;
    let request = HexBytes(quorate_codec::to_bytes(&signed));
    session.post(routes::SUBMIT_REQUEST.path, &SubmitRequest { request, idempotency_key }).await
}

/// What an approver sees: everything computed here, from bytes and certified records.
pub struct Reading {
    /// The request, as it was signed.
    pub signed: SignedRequest,
    /// What it says.
    pub body: RequestBody,
    /// Its digest.
    pub id: RequestId,
    /// Which child of which account of the key signs.
    pub place: Place,
    /// What its intent means.
    pub decoded: Decoded,
    /// Who has voted, as the node says; it decides nothing here.
    pub voted: Vec<Name>,
    /// The charter that the reading rests on.
    pub state: State,
}

/// Reads a request for somebody who is about to vote on it.
///
/// # Errors
/// The node's: it delivered something else. The caller's: no such request.
pub async fn read(session: &Session, id: &RequestId) -> Result<Reading> {
    let view = session.request(id).await?;
    let bad = |reason: &dyn std::fmt::Display| {
        let message = format!("the request that the node delivered does not hold: {reason}");
        Failure::peer("bad_answer", message, "ask another node with --node, and tell the operators")
    };
    let signed: SignedRequest =
        quorate_codec::from_bytes(&view.bytes.0).map_err(|error| bad(&error))?;
    if signed.id() != *id {
        return Err(bad(&"it is another request"));
    }
    let state = session.replay().await?;
    let verified = signed.clone().verify(&state).map_err(|error| bad(&error))?;
    let body = verified.body().clone();
    let order = state.key(&body.key).ok_or_else(|| bad(&"the charter knows no such key"))?;
    let path = body.derivation_path().map_err(|error| bad(&error))?;
    let place = Place { account: body.account, path };
    let facts = facts_at(session, &state, &order.name, &place).await?;
    let facts = facts.ok_or_else(|| not_ready(&order.name))?;
    let decoded = body.intent.decode(&facts).map_err(|error| {
        let message = format!("the intent cannot be read on this machine: {error}");
        Failure::peer("bad_intent", message, "do not approve it; what cannot be read is denied")
    })?;
    let voted = view.approvals.into_iter().map(|vote| vote.person).collect();
    Ok(Reading { signed, body, id: *id, place, decoded, voted, state })
}

/// Signs and files a vote on a request that was read here.
///
/// # Errors
/// The caller's: no approver, voted already, too late.
pub async fn submit_vote(
    session: &Session,
    reading: &Reading,
    verdict: Verdict,
) -> Result<RequestView> {
    let person = voter(session)?;
    let latest = crate::now_ms().saturating_add(LIFETIME_MS_MAX - 60_000);
    let expiry_ms = reading.body.expiry_ms.min(latest);
    let genesis = reading.state.genesis();
    let vote = Approval::new(genesis, reading.id, person, verdict, expiry_ms);
    let vote = Signed::sign(&vote, session.signer())?;
    let statement = SubmitStatement { statement: HexBytes(quorate_codec::to_bytes(&vote)) };
    session.post(&routes::approvals(&reading.id), &statement).await
}

/// Waits for the end of a request.
///
/// # Errors
/// No end within `timeout`: says what is missing (exit 4).
pub async fn wait(session: &Session, id: &RequestId, timeout: Duration) -> Result<RequestView> {
    let deadline = Instant::now() + timeout;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let view: RequestView = session.get(&routes::wait_request(id, left_ms)).await?;
        if view.state.is_terminal() {
            return Ok(view);
        }
        if deadline <= Instant::now() {
            return Err(still_waiting(session, &view).await);
        }
    }
}

/// The failure that a final state is, unless it is the signature.
pub fn refused(view: &RequestView) -> Option<Failure> {
    let (message, next) = match view.state {
        RequestState::Signed | RequestState::Waiting | RequestState::Signing => return None,
        RequestState::Denied => (denial(view), "change the intent, or propose another policy"),
        RequestState::Rejected => {
            let against = view.approvals.iter().filter(|vote| vote.verdict == VerdictView::Reject);
            let who: Vec<&str> = against.map(|vote| vote.person.as_str()).collect();
            (format!("rejected by {}", who.join(", ")), "talk to them, then file another request")
        }
        RequestState::Expired => {
            ("its time ran out".to_owned(), "file it again, with a later --expires")
        }
        RequestState::Cancelled => {
            ("its requester cancelled it".to_owned(), "file it again if it is still wanted")
        }
        RequestState::Failed => (
            "no attempt to sign it succeeded".to_owned(),
            "see `quorate status` and the audit trail of the nodes, then file it again",
        ),
    };
    let state = state_text(view.state);
    let message = format!("the request is {state}: {message}");
    Some(Failure::caller(state, message, next).with_exit(Exit::Refused))
}

/// Takes a request back.
async fn cancel(session: &Session, id: &RequestId) -> Result<RequestView> {
    Face::of_process().before(|| format!("sign and send that request {id} is cancelled"))?;
    let genesis = session.founding().genesis();
    let statement = Cancellation::new(genesis, *id, session.actor());
    let statement = Signed::sign(&statement, session.signer())?;
    let statement = SubmitStatement { statement: HexBytes(quorate_codec::to_bytes(&statement)) };
    session.post(&routes::cancellation(id), &statement).await
}

async fn vote(
    request: &str,
    digest: Option<&str>,
    by: &Signer,
    verdict: Verdict,
    face: Face,
) -> Result<()> {
    let id = parse_id(request)?;
    let expected: Option<RequestId> =
        digest.map(|digest| replay::parse_hash(digest, "digest")).transpose()?;
    let session = Session::sign(by)?;
    voter(&session)?;
    let reading = read(&session, &id).await?;
    may_vote(&session, &reading)?;
    let verb = match verdict {
        Verdict::Approve => "Approve",
        Verdict::Reject => "Reject",
    };
    let shown = reading_text(&reading);
    if !face.is_dry_run() {
        face.brief(&shown);
    }
    let recomputed = reading.signed.id();
    let confirmed = match expected {
        Some(expected) if expected == recomputed => true,
        Some(expected) => {
            return Err(Failure::caller(
                "digest_mismatch",
                format!("the digest computed here is {recomputed}, not {expected}"),
                "nothing was signed; find out who gave you the other digest, and why",
            ));
        }
        None if face.is_dry_run() => true,
        None if session.dir().is_trial() && face.has_terminal() => true,
        None => ask(&format!("{verb} it?")).ok_or_else(|| {
            Failure::caller(
                "digest_needed",
                "there is no terminal to ask at, and no digest was given",
                format!("read the request, then give --digest with its request_digest to {verb}"),
            )
        })?,
    };
    if !confirmed {
        return Err(Failure::caller("not_confirmed", "nothing was signed", "run it again to vote"));
    }
    face.before(|| format!("{} request {id}\n{shown}", verb.to_lowercase()))?;
    let view = submit_vote(&session, &reading, verdict).await?;
    face.show(&view, text);
    Ok(())
}

/// What can be told before anything is signed; the nodes judge it again.
fn may_vote(session: &Session, reading: &Reading) -> Result<()> {
    let name = session.name();
    if reading.body.requester == session.actor() {
        let message = format!("{name} filed this request and cannot vote on it");
        return Err(Failure::caller("vote_refused", message, "ask another approver"));
    }
    if reading.voted.contains(name) {
        let message = format!("{name} has already voted on this request; the first vote counts");
        return Err(Failure::caller("vote_refused", message, "see it with `request show`"));
    }
    Ok(())
}

fn voter(session: &Session) -> Result<PersonId> {
    match session.actor() {
        ActorId::Person(person) => Ok(person),
        ActorId::Service(_) => Err(Failure::caller(
            "vote_refused",
            format!("{} is a service; only people vote on requests", session.name()),
            "name an approver with --as",
        )),
    }
}

fn read_intent(file: &str) -> Result<Intent> {
    let bytes = match file {
        "-" => {
            let mut bytes = Vec::new();
            let read = std::io::stdin().lock().take(INTENT_BYTES_MAX + 1).read_to_end(&mut bytes);
            read.map(|_| bytes)
        }
        path => domain::read_at_most(Path::new(path), INTENT_BYTES_MAX),
    };
    let bytes = bytes.map_err(|error| Failure::named_file(Path::new(file), &error))?;
    let text = String::from_utf8(bytes).map_err(|error| bad_intent(&error))?;
    Intent::from_json(&text).map_err(|error| bad_intent(&error))
}

fn bad_intent(error: &dyn std::fmt::Display) -> Failure {
    Failure::caller("bad_intent", error, "nothing was filed; correct the intent")
}

fn parse_id(text: &str) -> Result<RequestId> {
    replay::parse_hash(text, "request")
}

/// Why nothing has come of a request yet.
async fn still_waiting(session: &Session, view: &RequestView) -> Failure {
    let mut missing: Vec<String> = Vec::new();
    for waiting in &view.waiting_for {
        let people: Vec<&str> = waiting.people.iter().map(Name::as_str).collect();
        missing.push(format!(
            "{} of {} (rule {})",
            waiting.needed,
            people.join(", "),
            waiting.rule
        ));
    }
    if let Ok(status) = session.get::<Status>(routes::STATUS.path).await {
        let keys = status.keys.iter().filter(|key| key.name == view.key && !key.can_sign);
        missing.extend(keys.flat_map(|key| key.missing.iter().cloned()));
        if !status.leased {
            missing.push(format!("a lease of {}: too few nodes attest its head", status.node));
        }
    }
    let missing = match missing.is_empty() {
        true => "nothing that this node knows of; it may only need more time".to_owned(),
        false => missing.join("; "),
    };
    Failure::peer(
        "timeout",
        format!("the request is still {}; missing: {missing}", state_text(view.state)),
        "wait again, or see `quorate status`; the request goes on by itself",
    )
    .with_exit(Exit::Quorum)
}

fn denial(view: &RequestView) -> String {
    let denial = view.decisions.iter().find(|decision| decision.outcome == OutcomeView::Deny);
    denial.map_or_else(String::new, |denial| format!("rule {}: {}", denial.rule, denial.reason))
}

/// A request's state as the contract names it.
pub fn state_text(state: RequestState) -> &'static str {
    match state {
        RequestState::Waiting => "waiting",
        RequestState::Signing => "signing",
        RequestState::Signed => "signed",
        RequestState::Denied => "denied",
        RequestState::Rejected => "rejected",
        RequestState::Expired => "expired",
        RequestState::Cancelled => "cancelled",
        RequestState::Failed => "failed",
    }
}

fn reading_text(reading: &Reading) -> String {
    let state = &reading.state;
    let requester = state.actor(&reading.body.requester).map(|actor| actor.name.to_string());
    let key = state.key(&reading.body.key).map(|key| key.name.to_string());
    let mut text = String::from("decoded on this machine:\n");
    for line in reading.decoded.effect() {
        let _ = writeln!(text, "  {line}");
    }
    let place = place_text(reading.place.account, &reading.place.path);
    let _ = writeln!(text, "  with key      {} at {place}", key.unwrap_or_default());
    let public_key = quorate_codec::hex::encode(&reading.decoded.public_key());
    let _ = writeln!(text, "  public key    {public_key}");
    for (what, address) in own_addresses(&reading.decoded) {
        let _ = writeln!(text, "  {what:<13} {address}");
    }
    let _ = writeln!(text, "  asked for by  {}", requester.unwrap_or_default());
    let _ = writeln!(text, "  expires       {}", moment(reading.body.expiry_ms));
    let _ = write!(text, "  digest        {}", reading.id);
    text
}

/// The addresses that the signing key has on the network of what is signed, computed here: where
/// the money comes from.
fn own_addresses(decoded: &Decoded) -> Vec<(&'static str, String)> {
    let (key, network) = (decoded.public_key(), decoded.facts().network);
    let bitcoin = network.strip_prefix("bitcoin:").and_then(|name| name.parse::<Network>().ok());
    let addresses = match (decoded.scheme(), bitcoin) {
        (Scheme::EcdsaSecp256k1, Some(network)) => vec![
            ("p2wpkh", p2wpkh(&key, network)),
            ("p2sh-p2wpkh", p2sh_p2wpkh(&key, network)),
            ("p2pkh", p2pkh(&key, network)),
        ],
        (Scheme::Bip340, Some(network)) => vec![("p2tr", p2tr(&key, network))],
        (Scheme::EcdsaSecp256k1, None) if decoded.kind().starts_with("evm.") => {
            vec![("from", ethereum_address(&key))]
        }
        _ => Vec::new(),
    };
    addresses.into_iter().filter_map(|(what, address)| Some((what, address.ok()?))).collect()
}

fn text(view: &RequestView) -> String {
    let mut text = format!("request {}\n", view.request);
    for line in &view.effect {
        let _ = writeln!(text, "  {line}");
    }
    let place = place_text(view.account, &view.path);
    let _ = writeln!(text, "  with key {} at {place} for {}", view.key, view.requester_name);
    let _ = write!(text, "  {}", state_text(view.state));
    if !view.state.is_terminal() {
        let _ = write!(text, ", expires {}", moment(view.expires_ms));
    }
    for waiting in &view.waiting_for {
        let people: Vec<&str> = waiting.people.iter().map(Name::as_str).collect();
        let (needed, people) = (waiting.needed, people.join(", "));
        let _ = write!(text, "\n  waits for {needed} of {people} (rule {})", waiting.rule);
    }
    for vote in &view.approvals {
        let verdict = match vote.verdict {
            VerdictView::Approve => "approved",
            VerdictView::Reject => "rejected",
        };
        let _ = write!(text, "\n  {verdict} by {}", vote.person);
    }
    for decision in &view.decisions {
        let outcome = match decision.outcome {
            OutcomeView::Allow => "allows",
            OutcomeView::Deny => "denies",
            OutcomeView::Wait => "waits",
        };
        let (node, rule, reason) = (&decision.node, &decision.rule, &decision.reason);
        let _ = write!(text, "\n  {node} {outcome}: rule {rule}, {reason}");
    }
    for refusal in &view.refusals {
        let (node, proposer) = (&refusal.node, &refusal.proposed_by);
        let _ = write!(text, "\n  {node} refused a proposal of {proposer}: {}", refusal.reason);
    }
    if let Some(artifact) = &view.artifact {
        let _ = write!(text, "\n  {} {}", artifact.kind, short(&artifact.value));
        let _ = write!(text, " ({} signatures; see --json)", view.signatures.len());
    }
    text
}
