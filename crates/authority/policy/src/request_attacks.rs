//! Attacks on requests, votes and authorisations: replayed, misplaced, late, by the wrong
//! person, or about something else.

use crate::fixture::{self, Domain, MINUTE, NOW, message, name, raw_digest};
use crate::limits::LIFETIME_MS_MAX;
use crate::request::{
    Approval, ApprovalError, Cancellation, NodeDecision, NodeOutcome, RequestBody, RequestError,
    Signed, SignedApproval, SignedCancellation, SignedNodeDecision, SignedRequest, Statement,
    StatementError, Verdict, VerifiedApproval, VerifiedRequest,
};
use crate::{
    Authorized, Decision, SignRequest, StaleAuthorization, authorize_birth, birth_payload,
    built_in, decide, vet,
};
use quorate_charter::{AccountRecord, AttemptPlan, Backup, EpochRecord};
use quorate_codec::{Digest, Transcript, tag};
use quorate_derivation::{Path, PathError};
use quorate_identity::{ActorId, CredentialSigner, Scheme};
use quorate_intent::{Decoded, Intent, SigningPayload};

/// A request of somebody, signed by them.
fn request_by(domain: &Domain, who: &str, key: &str, intent: Intent) -> SignedRequest {
    let requester = match who {
        "bot" => ActorId::Service(domain.bot()),
        person => ActorId::Person(domain.person(person)),
    };
    let genesis = domain.state.genesis();
    let body = RequestBody::new(genesis, domain.key(key), intent, [7; 32], NOW + MINUTE, requester);
    Signed::sign(&body, &domain.signer(who)).unwrap()
}

fn verified(domain: &Domain, request: SignedRequest) -> VerifiedRequest {
    request.verify(&domain.state).unwrap()
}

/// A raw digest for `treasury`, by the service bot: it needs alice and one other.
fn digest_request(domain: &Domain, byte: u8) -> VerifiedRequest {
    verified(domain, request_by(domain, "bot", "treasury", raw_digest(byte)))
}

fn vote(domain: &Domain, request: &VerifiedRequest, who: &str, verdict: Verdict) -> SignedApproval {
    let (genesis, person) = (domain.state.genesis(), domain.person(who));
    let vote = Approval::new(genesis, request.id(), person, verdict, NOW + MINUTE / 2);
    Signed::sign(&vote, &domain.signer(who)).unwrap()
}

fn approval(domain: &Domain, request: &VerifiedRequest, who: &str) -> VerifiedApproval {
    vote(domain, request, who, Verdict::Approve).verify(&domain.state).unwrap()
}

fn decoded(request: &VerifiedRequest) -> Decoded {
    let intent = &request.body().intent;
    let key = if intent.kind() == "message" { fixture::ops() } else { fixture::treasury() };
    intent.decode(&key).unwrap()
}

fn decision(domain: &Domain, request: &VerifiedRequest, votes: &[VerifiedApproval]) -> Decision {
    decide(&domain.state, &domain.policy(), request, &decoded(request), votes, NOW)
}

fn outcome(decision: &Decision) -> (&'static str, &str) {
    let outcome = match decision {
        Decision::Allow { .. } => "allow",
        Decision::Wait { .. } => "wait",
        Decision::Deny { .. } => "deny",
    };
    (outcome, decision.rule())
}

fn authorized(decision: Decision) -> Authorized<SignRequest> {
    match decision {
        Decision::Allow { authorized, .. } => authorized,
        other => panic!("not allowed: {other:?}"),
    }
}

#[test]
fn a_request_passes_at_once_or_with_its_approvals() {
    let domain = Domain::new(1);
    let small = verified(&domain, request_by(&domain, "bot", "ops", message("hello")));
    assert_eq!(outcome(&decision(&domain, &small, &[])), ("allow", "messages"));
    let digest = digest_request(&domain, 1);
    let bob = approval(&domain, &digest, "bob");
    let Decision::Wait { waiting_for, .. } = decision(&domain, &digest, std::slice::from_ref(&bob))
    else {
        panic!("does not wait")
    };
    assert_eq!(
        (waiting_for[0].people.as_slice(), waiting_for[0].needed),
        (&[name("alice")][..], 1)
    );
    let alice = approval(&domain, &digest, "alice");
    assert_eq!(outcome(&decision(&domain, &digest, &[bob, alice])), ("allow", "digests"));
}

/// REQ-06: a vote names the one request it is for.
#[test]
fn neg_076_a_vote_replayed_onto_another_request_does_not_count() {
    let domain = Domain::new(1);
    let (first, second) = (digest_request(&domain, 1), digest_request(&domain, 2));
    let votes = ["alice", "bob"].map(|who| approval(&domain, &first, who));
    assert_eq!(outcome(&decision(&domain, &first, &votes)).0, "allow");
    assert_eq!(outcome(&decision(&domain, &second, &votes)), ("wait", "digests"));
    let checked = votes[0].check(&domain.state, &second, &[], NOW);
    assert_eq!(checked, Err(ApprovalError::OtherRequest(first.id())));
}

/// REQ-02: statements of another domain are refused, though the same people sign in both.
#[test]
fn neg_076_statements_of_another_domain_are_refused() {
    let (here, there) = (Domain::new(1), Domain::new(2));
    let foreign = there.state.genesis();
    let request = request_by(&there, "bot", "treasury", raw_digest(1));
    let refused = request.clone().verify(&here.state);
    assert_eq!(refused.unwrap_err(), StatementError::ForeignDomain(foreign));
    let request = verified(&there, request);
    let refused = vote(&there, &request, "alice", Verdict::Approve).verify(&here.state);
    assert_eq!(refused.unwrap_err(), StatementError::ForeignDomain(foreign));
    // Nor does a statement that was verified there stand here.
    let decision = decide(&here.state, &here.policy(), &request, &decoded(&request), &[], NOW);
    assert_eq!(outcome(&decision), ("deny", built_in::INVALID));
}

/// REQ-02: a signature for one purpose, or by another key, proves nothing here.
#[test]
fn neg_076_a_signature_by_the_wrong_key_or_for_another_purpose_is_refused() {
    let domain = Domain::new(1);
    let request = digest_request(&domain, 1);
    let alice = ActorId::Person(domain.person("alice"));
    let honest = vote(&domain, &request, "alice", Verdict::Approve);
    let bytes = honest.statement().to_vec();
    for (tag, who) in [(tag::APPROVAL, "bob"), (tag::REQUEST, "alice"), (tag::CALL, "alice")] {
        let signature = domain.signer(who).sign(tag, &bytes).unwrap();
        let forged = SignedApproval::from_parts(bytes.clone(), signature);
        assert_eq!(forged.verify(&domain.state).unwrap_err(), StatementError::Signature(alice));
    }
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let forged = SignedApproval::from_parts(changed, honest.signature().clone());
        assert!(forged.verify(&domain.state).is_err(), "byte {at}");
    }
}

/// REQ-06, REQ-07: who may not vote.
#[test]
fn neg_076_a_vote_by_the_wrong_person_does_not_count() {
    let domain = Domain::new(1);
    let request = digest_request(&domain, 1);
    for who in ["ada", "eve"] {
        let vote = approval(&domain, &request, who);
        let checked = vote.check(&domain.state, &request, &[], NOW);
        assert_eq!(checked, Err(ApprovalError::NoApprover(name(who))));
        let votes = [vote, approval(&domain, &request, "alice")];
        assert_eq!(outcome(&decision(&domain, &request, &votes)), ("wait", "digests"));
    }
}

/// REQ-07: who filed a request has no vote on it, and is not asked.
#[test]
fn neg_076_the_initiator_cannot_approve_their_own_request() {
    let domain = Domain::new(1);
    let own = verified(&domain, request_by(&domain, "bob", "treasury", raw_digest(1)));
    let bob = approval(&domain, &own, "bob");
    let checked = bob.check(&domain.state, &own, &[], NOW);
    assert_eq!(checked, Err(ApprovalError::OwnRequest(name("bob"))));
    let alice = approval(&domain, &own, "alice");
    let Decision::Wait { waiting_for, .. } = decision(&domain, &own, &[bob, alice.clone()]) else {
        panic!("does not wait")
    };
    assert_eq!(waiting_for[0].people, [name("carol")]);
    let carol = approval(&domain, &own, "carol");
    assert_eq!(outcome(&decision(&domain, &own, &[alice, carol])).0, "allow");
    // Where the rule cannot be satisfied without the initiator, nobody is kept waiting.
    let alices = verified(&domain, request_by(&domain, "alice", "treasury", raw_digest(1)));
    let bob = approval(&domain, &alices, "bob");
    assert_eq!(outcome(&decision(&domain, &alices, &[bob])), ("deny", "digests"));
}

/// REQ-08: one vote a person, until it expires.
#[test]
fn neg_076_a_vote_twice_or_after_its_expiry_does_not_count() {
    let domain = Domain::new(1);
    let request = digest_request(&domain, 1);
    let alice = approval(&domain, &request, "alice");
    let again = vote(&domain, &request, "alice", Verdict::Reject).verify(&domain.state).unwrap();
    let check = |vote: &VerifiedApproval, earlier: &[VerifiedApproval], now| {
        vote.check(&domain.state, &request, earlier, now)
    };
    assert_eq!(check(&alice, &[], NOW), Ok(()));
    let twice = Err(ApprovalError::Twice(name("alice")));
    // Whoever approved may still reject, and whoever rejected not approve.
    assert_eq!(check(&again, std::slice::from_ref(&alice), NOW), Ok(()));
    assert_eq!(check(&alice, std::slice::from_ref(&again), NOW), twice);
    assert_eq!(check(&alice, std::slice::from_ref(&alice), NOW), twice);
    let both = [alice.clone(), again.clone()];
    assert_eq!(outcome(&decision(&domain, &request, &both)), ("deny", built_in::REJECTED));
    let doubled = [alice.clone(), alice.clone()];
    assert_eq!(outcome(&decision(&domain, &request, &doubled)), ("wait", "digests"));
    let ends = alice.body().expiry_ms;
    assert_eq!(check(&alice, &[], ends - 1), Ok(()));
    assert_eq!(check(&alice, &[], ends), Err(ApprovalError::Expired(name("alice"))));
    let votes = [alice, approval(&domain, &request, "bob")];
    let at =
        |now| decide(&domain.state, &domain.policy(), &request, &decoded(&request), &votes, now);
    assert_eq!(outcome(&at(ends - 1)).0, "allow");
    assert_eq!(outcome(&at(ends)), ("wait", "digests"));
    let person = domain.person("bob");
    let far = NOW + LIFETIME_MS_MAX + 1;
    let far = Approval::new(domain.state.genesis(), request.id(), person, Verdict::Approve, far);
    let far = Signed::sign(&far, &domain.signer("bob")).unwrap().verify(&domain.state).unwrap();
    assert_eq!(check(&far, &[], NOW), Err(ApprovalError::TooLate(name("bob"))));
}

/// REQ-08: after a vote has ended, its author may vote anew.
#[test]
fn a_person_votes_again_after_their_vote_has_expired() {
    let domain = Domain::new(1);
    let request = digest_request(&domain, 1);
    let first = approval(&domain, &request, "alice");
    let now = first.body().expiry_ms;
    let (genesis, person) = (domain.state.genesis(), domain.person("alice"));
    let again = Approval::new(genesis, request.id(), person, Verdict::Approve, now + 1);
    let again = Signed::sign(&again, &domain.signer("alice")).unwrap();
    let again = again.verify(&domain.state).unwrap();
    assert_eq!(again.check(&domain.state, &request, &[first], now), Ok(()));
}

#[test]
fn req_09_a_rejection_denies_whatever_the_rules_say() {
    let domain = Domain::new(1);
    let request = verified(&domain, request_by(&domain, "bot", "ops", message("hello")));
    let reject = vote(&domain, &request, "carol", Verdict::Reject).verify(&domain.state).unwrap();
    let decision = decision(&domain, &request, &[reject]);
    assert_eq!(outcome(&decision), ("deny", built_in::REJECTED));
    assert_eq!(decision.reason(), "carol rejected it");
}

/// REQ-04, DER-01: late, too far ahead, or with a path along which no key can be derived.
#[test]
fn neg_065_a_request_outside_its_time_or_with_a_hardened_path_is_denied() {
    let domain = Domain::new(1);
    let honest = request_by(&domain, "bot", "ops", message("hello"));
    let with = |change: &dyn Fn(&mut RequestBody)| {
        let mut body = honest.read().unwrap();
        change(&mut body);
        verified(&domain, Signed::sign(&body, &domain.signer("bot")).unwrap())
    };
    let expired = with(&|body| body.expiry_ms = NOW);
    assert_eq!(expired.check(NOW), Err(RequestError::Expired));
    assert_eq!(outcome(&decision(&domain, &expired, &[])), ("deny", built_in::EXPIRED));
    let far = with(&|body| body.expiry_ms = NOW + LIFETIME_MS_MAX + 1);
    assert_eq!(far.check(NOW), Err(RequestError::TooLate));
    let hardened = with(&|body| body.path = vec![0, 1 << 31]);
    let error = PathError::Hardened { step: 2, index: 0 };
    assert_eq!(hardened.check(NOW), Err(RequestError::Path(error)));
    let endless = with(&|body| body.path = vec![0; 9]);
    assert_eq!(endless.check(NOW), Err(RequestError::Path(PathError::TooLong(9))));
    for request in [far, hardened, endless] {
        assert_eq!(outcome(&decision(&domain, &request, &[])), ("deny", built_in::INVALID));
    }
}

/// REQ-12, POL-07: a path is part of what is authorised, and rules may ask for it.
#[test]
fn neg_065_the_path_is_what_was_authorised_and_rules_see_it() {
    let mut domain = Domain::new(1);
    let at = |domain: &Domain, path: &str| {
        let honest = request_by(domain, "bot", "ops", message("hello")).read().unwrap();
        let body = honest.at(0, &path.parse().unwrap());
        verified(domain, Signed::sign(&body, &domain.signer("bot")).unwrap())
    };
    for path in ["m", "m/0", "m/1/7"] {
        let Decision::Allow { authorized, .. } = decision(&domain, &at(&domain, path), &[]) else {
            panic!("{path} is allowed")
        };
        assert_eq!(authorized.get().path, path.parse().unwrap());
    }
    let receiving = fixture::CEDAR.replace(
        r#"action == Action::"message", resource);"#,
        r#"action == Action::"message", resource) when { context.path like "m/0/*" };"#,
    );
    domain.set_policy(&fixture::bundle(&receiving));
    for (path, allowed) in [("m", false), ("m/0", false), ("m/0/7", true), ("m/1/7", false)] {
        let decision = decision(&domain, &at(&domain, path), &[]);
        assert_eq!(outcome(&decision).0 == "allow", allowed, "{path}");
    }
}

/// REQ-12, POL-07: so is the account; one that the key does not have is nobody's.
#[test]
fn neg_065_the_account_is_what_was_authorised_and_rules_see_it() {
    let mut domain = Domain::new(1);
    domain.order_accounts("accounts", Scheme::Ed25519, 3);
    let at = |domain: &Domain, key: &str, account: u16| {
        let honest = request_by(domain, "bot", key, message("hello")).read().unwrap();
        let body = honest.at(account, &Path::root());
        verified(domain, Signed::sign(&body, &domain.signer("bot")).unwrap())
    };
    for account in 0..3 {
        let Decision::Allow { authorized, .. } =
            decision(&domain, &at(&domain, "accounts", account), &[])
        else {
            panic!("account {account} is allowed")
        };
        assert_eq!(authorized.get().account, account);
    }
    let none = decision(&domain, &at(&domain, "accounts", 3), &[]);
    assert_eq!(outcome(&none), ("deny", built_in::INVALID));
    let none = decision(&domain, &at(&domain, "ops", 1), &[]);
    assert_eq!(outcome(&none), ("deny", built_in::INVALID));
    let first = fixture::CEDAR.replace(
        r#"action == Action::"message", resource);"#,
        r#"action == Action::"message", resource) when { context.account == 1 };"#,
    );
    domain.set_policy(&fixture::bundle(&first));
    for (account, allowed) in [(0, false), (1, true), (2, false)] {
        let decision = decision(&domain, &at(&domain, "accounts", account), &[]);
        assert_eq!(outcome(&decision).0 == "allow", allowed, "{account}");
    }
}

/// REQ-09: an auditor only reads; a stranger is nobody.
#[test]
fn neg_076_an_auditor_or_stranger_cannot_file() {
    let domain = Domain::new(1);
    let eves = verified(&domain, request_by(&domain, "eve", "ops", message("hello")));
    let decision = decision(&domain, &eves, &[]);
    assert_eq!(outcome(&decision), ("deny", built_in::INVALID));
    assert!(decision.reason().contains("only read"), "{}", decision.reason());
    let honest = request_by(&domain, "bot", "ops", message("hello"));
    let mut body = honest.read().unwrap();
    body.requester = ActorId::Person(quorate_identity::PersonId(Digest([9; 32])));
    let unknown = Signed::sign(&body, &domain.signer("bot")).unwrap().verify(&domain.state);
    assert_eq!(unknown.unwrap_err(), StatementError::UnknownSigner(body.requester));
}

/// REQ-09: what is judged is the intent of the request, decoded by this node.
#[test]
fn neg_073_facts_of_another_intent_cannot_stand_behind_a_request() {
    let domain = Domain::new(1);
    let request = verified(&domain, request_by(&domain, "bot", "ops", message("hello")));
    let other = message("give me everything").decode(&fixture::ops()).unwrap();
    let decision = decide(&domain.state, &domain.policy(), &request, &other, &[], NOW);
    assert_eq!(outcome(&decision), ("deny", built_in::INVALID));
    // Nor the same intent, decoded for a key of another scheme.
    let digest = digest_request(&domain, 1);
    let bip340 = quorate_intent::KeyFacts {
        scheme: Scheme::Bip340,
        public_key: fixture::treasury().public_key[1..].to_vec(),
    };
    let elsewhere = digest.body().intent.decode(&bip340).unwrap();
    let decision = decide(&domain.state, &domain.policy(), &digest, &elsewhere, &[], NOW);
    assert_eq!(outcome(&decision), ("deny", built_in::INVALID));
}

/// REQ-12: what is authorised are the payloads that this node computed from the bytes.
#[test]
fn neg_073_an_authorisation_holds_what_was_decoded() {
    let domain = Domain::new(1);
    let request = verified(&domain, request_by(&domain, "bot", "ops", message("hello")));
    let authorized = authorized(decision(&domain, &request, &[]));
    let sign = authorized.get();
    assert_eq!(sign.payloads, [SigningPayload::Message(b"hello".to_vec())]);
    assert_eq!(sign.intent_digest, request.body().intent.digest());
    assert_eq!((sign.key, sign.request), (domain.key("ops"), Some(request.id())));
    assert_eq!(sign.head, domain.state.head());
    assert_eq!(Decision::unreadable("no transaction").rule(), built_in::UNREADABLE);
    assert_eq!(Decision::without_policy().rule(), built_in::NO_POLICY);
}

/// REQ-09: another policy than that of the head decides nothing.
#[test]
fn neg_074_an_older_policy_decides_nothing() {
    let mut domain = Domain::new(1);
    let older = domain.policy();
    let request = verified(&domain, request_by(&domain, "bot", "ops", message("hello")));
    let strict = fixture::CEDAR.replace(r#"Service::"bot""#, r#"Service::"other""#);
    domain.set_policy(&fixture::bundle(&strict));
    let stale = decide(&domain.state, &older, &request, &decoded(&request), &[], NOW);
    assert_eq!(outcome(&stale), ("deny", built_in::INVALID));
    assert_eq!(outcome(&decision(&domain, &request, &[])), ("deny", built_in::DEFAULT_DENY));
    let unset = Domain::founded(1);
    let stale = decide(&unset.state, &older, &request, &decoded(&request), &[], NOW);
    assert_eq!(outcome(&stale), ("deny", built_in::INVALID));
}

/// REQ-13: an authorisation holds at its head and until its expiry, and once.
#[test]
fn neg_074_an_authorisation_does_not_outlive_its_head_or_its_votes() {
    let mut domain = Domain::new(1);
    let request = digest_request(&domain, 1);
    let votes = ["alice", "bob"].map(|who| approval(&domain, &request, who));
    let allow = |domain: &Domain| authorized(decision(domain, &request, &votes));
    let decided = domain.state.head();
    let ends = votes[0].body().expiry_ms;
    assert_eq!(allow(&domain).expiry_ms(), ends);
    assert!(allow(&domain).redeem(decided, ends - 1).is_ok());
    assert_eq!(allow(&domain).redeem(decided, ends), Err(StaleAuthorization::Expired));
    let before = allow(&domain);
    domain.order_key("another", Scheme::Ed25519);
    let now = domain.state.head();
    let stale = Err(StaleAuthorization::Head { decided, now });
    assert_eq!(before.redeem(now, NOW), stale);
    assert!(allow(&domain).redeem(now, NOW).is_ok());
}

/// REQ-10: only who filed it takes it back.
#[test]
fn neg_076_a_cancellation_by_another_or_for_another_takes_nothing_back() {
    let domain = Domain::new(1);
    let (request, other) = (digest_request(&domain, 1), digest_request(&domain, 2));
    let genesis = domain.state.genesis();
    let cancel = |who: &str, requester| -> SignedCancellation {
        let cancellation = Cancellation::new(genesis, request.id(), requester);
        Signed::sign(&cancellation, &domain.signer(who)).unwrap()
    };
    let bot = ActorId::Service(domain.bot());
    let honest = cancel("bot", bot).verify(&domain.state).unwrap();
    assert!(honest.is_for(&request) && !honest.is_for(&other));
    let bobs = cancel("bob", ActorId::Person(domain.person("bob"))).verify(&domain.state);
    assert!(!bobs.unwrap().is_for(&request));
    assert!(cancel("bob", bot).verify(&domain.state).is_err());
}

/// REQ-11: a decision is its node's, for one domain.
#[test]
fn neg_076_a_decision_counts_only_as_its_own_nodes_in_its_own_domain() {
    let (domain, other) = (Domain::new(1), Domain::new(2));
    let request = digest_request(&domain, 1);
    let (genesis, head) = (domain.state.genesis(), domain.state.head());
    let (node, secrets) = domain.node(0);
    let sign = |bytes: &[u8]| secrets.sign(tag::DECISION, bytes);
    let denied = Decision::unreadable("x".repeat(3_000));
    let body = NodeDecision::new(genesis, request.id(), head, &denied);
    assert!(body.is_denial() && !body.is_allowance());
    assert_eq!((body.outcome, body.reason.len()), (NodeOutcome::Deny, 1_024));
    let signed = SignedNodeDecision::sign(&body, node, sign);
    assert_eq!(signed.clone().verify(&domain.state).unwrap().body(), &body);
    let stranger = signed.clone().verify(&other.state);
    assert_eq!(stranger.unwrap_err(), StatementError::UnknownNode(node));
    let as_another = SignedNodeDecision::sign(&body, domain.node(1).0, sign);
    assert!(matches!(as_another.verify(&domain.state), Err(StatementError::NodeSignature(_))));
    let foreign = NodeDecision::new(other.state.genesis(), request.id(), head, &denied);
    let foreign = SignedNodeDecision::sign(&foreign, node, sign).verify(&domain.state);
    assert!(matches!(foreign, Err(StatementError::ForeignDomain(_))));
    let as_vote = SignedNodeDecision::sign(&body, node, |bytes| secrets.sign(tag::HELLO, bytes));
    assert!(as_vote.verify(&domain.state).is_err());
}

/// REQ-01, REQ-03: bytes as they were signed, an id over all of them.
#[test]
fn req_03_the_id_covers_every_field() {
    let domain = Domain::new(1);
    let honest = request_by(&domain, "bot", "ops", message("hello"));
    let body = honest.read().unwrap();
    let changes: [&dyn Fn(&mut RequestBody); 6] = [
        &|body| body.key = quorate_identity::KeyId(Digest([1; 32])),
        &|body| body.intent = message("hellp"),
        &|body| body.path = vec![1],
        &|body| body.nonce = [8; 32],
        &|body| body.expiry_ms += 1,
        &|body| body.requester = ActorId::Person(domain.person("alice")),
    ];
    for change in changes {
        let mut other = body.clone();
        change(&mut other);
        let other = Signed::sign(&other, &domain.signer("bot")).unwrap();
        assert_ne!(other.id(), honest.id());
    }
    let bytes = quorate_codec::to_bytes(&honest);
    let again: SignedRequest = quorate_codec::from_bytes(&bytes).unwrap();
    assert_eq!((again.id(), again.statement()), (honest.id(), honest.statement()));
    let hash = Transcript::new(RequestBody::TAG).part(honest.statement()).digest();
    assert_eq!(honest.id().digest(), hash);
}

/// POL-16: a rule that wants approval by those who cannot give it at this head.
#[test]
fn neg_074_a_policy_that_nobody_could_satisfy_is_not_voted_for() {
    let domain = Domain::new(1);
    let with = |tree: &str| {
        fixture::bundle(&fixture::CEDAR.replace("all of (alice, any of (bob, carol))", tree))
    };
    assert!(vet(&with("all of (alice, bob)").to_bytes(), &domain.state).is_ok());
    for tree in ["all of (alice, zoe)", "ada", "2 of (alice, ada, eve)"] {
        assert!(vet(&with(tree).to_bytes(), &domain.state).is_err(), "{tree}");
    }
    let mut failing = with("alice");
    failing.cases = failing.cases.replace("default-deny", "messages");
    assert!(vet(&failing.to_bytes(), &domain.state).is_err());
}

fn record(domain: &Domain, key: &str) -> EpochRecord {
    let order = domain.state.key(&domain.key(key)).unwrap();
    let sharing = order.last_sharing().unwrap();
    let members: Vec<_> = sharing.tree.parties().into_iter().collect();
    let plan = AttemptPlan {
        version: AttemptPlan::VERSION,
        genesis: domain.state.genesis(),
        key: order.key,
        epoch: 0,
        attempt: 0,
        previous: Digest([0; 32]),
        scheme: order.scheme,
        tree: sharing.tree.clone(),
        faults: sharing.faults,
        order: order.entry,
        head: domain.state.head(),
        made_at: 0,
        dealers: members.clone(),
        committee: members,
        incarnations: Vec::new(),
        accounts: order.accounts,
        origin: None,
        custody: Digest::ZERO,
        renews: true,
    };
    let account = AccountRecord {
        commitments: vec![vec![2; 33]],
        public_key: vec![2; 33],
        chain_code: Digest([4; 32]),
    };
    EpochRecord {
        version: EpochRecord::VERSION,
        plan,
        accounts: vec![account],
        transcript: Digest([3; 32]),
        backup: Backup { shares: Vec::new(), key: None },
    }
}

/// REQ-14: only what the charter ordered is born, and the record fixes the message.
#[test]
fn neg_073_a_birth_signs_what_its_record_fixes_and_nothing_else() {
    let (domain, other) = (Domain::new(1), Domain::new(2));
    let ops = record(&domain, "ops");
    let birth = authorize_birth(&domain.state, &ops).unwrap();
    assert_eq!(birth.get().payloads, [birth_payload(&ops)]);
    assert_eq!((birth.get().key, birth.get().request), (ops.plan.key, None));
    assert!(
        matches!(birth_payload(&ops), SigningPayload::Message(message) if message.len() == 32 + 17)
    );
    let treasury = record(&domain, "treasury");
    assert!(matches!(birth_payload(&treasury), SigningPayload::Digest(_)));
    // On P-256 requests have messages signed by their hash, and this one no request has.
    let mut nist = ops.clone();
    nist.plan.scheme = Scheme::EcdsaP256;
    let message = crate::birth::birth_message(&nist);
    assert_eq!(birth_payload(&nist), SigningPayload::hashed(&message));
    let text = quorate_codec::hex::encode(&message);
    let asked = format!(r#"{{"kind":"message","message":"{text}"}}"#);
    let generator = "0x036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
    let public_key = quorate_codec::hex::decode(generator).unwrap();
    let facts = quorate_intent::KeyFacts { scheme: Scheme::EcdsaP256, public_key };
    let refused = quorate_intent::Intent::from_json(&asked).unwrap().decode(&facts);
    assert_eq!(refused.unwrap_err(), quorate_intent::IntentError::Reserved);
    let changes: [&dyn Fn(&mut AttemptPlan); 6] = [
        &|plan| plan.accounts = 2,
        &|plan| plan.genesis = other.state.genesis(),
        &|plan| plan.key = domain.key("treasury"),
        &|plan| plan.scheme = Scheme::Bip340,
        &|plan| plan.tree = quorate_access::Tree::Leaf(plan.committee[0]),
        &|plan| plan.order = domain.state.head(),
    ];
    for (index, change) in changes.iter().enumerate() {
        let mut changed = ops.clone();
        change(&mut changed.plan);
        assert!(authorize_birth(&domain.state, &changed).is_none(), "change {index}");
        assert_ne!(birth_payload(&changed), birth_payload(&ops), "change {index}");
    }
    let mut next = ops.clone();
    next.plan.epoch = 1;
    assert_ne!(birth_payload(&next), birth_payload(&ops));
    assert!(authorize_birth(&other.state, &ops).is_none());
}
