//! Receipts that prove what they say, and every way found to make one prove something else.

use crate::fixture::{Domain, MINUTE, NOW, digest, message, name, sign, transfer};
use crate::{Part, Receipt, ReceiptError, Report, Whose, verify};
use proptest::prelude::*;
use quorate_charter::{AbortStatement, AttemptOutcome, EpochRecord, Instance, MotionBody};
use quorate_derivation::Path;
use quorate_identity::{ActorId, NodeSignature};
use quorate_intent::SigningPayload;
use quorate_policy::request::{Approval, NodeOutcome, Signed, SignedApproval, Verdict};
use std::sync::LazyLock;

static DOMAIN: LazyLock<Domain> = LazyLock::new(|| Domain::new(1));
static OTHER: LazyLock<Domain> = LazyLock::new(|| Domain::new(2));

fn good() -> Receipt {
    DOMAIN.receipt("treasury", transfer(), &["alice", "bob"])
}

fn check(receipt: &Receipt) -> Result<Report, ReceiptError> {
    verify(&receipt.to_bytes(), &DOMAIN.state.genesis())
}

/// The part that fails once a good receipt was changed, and whose it is.
fn broken(change: impl FnOnce(&mut Receipt)) -> (Part, Whose) {
    let mut receipt = good();
    change(&mut receipt);
    let error = check(&receipt).unwrap_err();
    (error.part, error.whose)
}

fn actor(name: &str) -> Whose {
    Whose::Actor(name.to_owned())
}

/// The place, from 1, and the name of the node at an index of the fixture.
fn place_of(receipt: &Receipt, node: usize) -> usize {
    let id = DOMAIN.nodes[node].0;
    1 + receipt.decisions.iter().position(|decision| decision.node() == id).unwrap()
}

#[test]
fn rcp_01_a_receipt_says_what_was_signed_by_whom_and_why() {
    let receipt = good();
    let report = check(&receipt).unwrap();
    assert_eq!((report.domain, report.staging), (name("drawn"), true));
    assert_eq!((report.head, report.position), (DOMAIN.state.head(), 5));
    assert_eq!((report.requester, report.key_name), (name("bot"), name("treasury")));
    assert_eq!(report.request, receipt.request.id());
    assert_eq!(report.approvals, [name("alice"), name("bob")]);
    assert_eq!(report.rule, "transfers");
    let mut nodes: Vec<_> = report.decisions.iter().map(|allowed| allowed.node.clone()).collect();
    nodes.sort();
    assert_eq!(nodes, [name("node-1"), name("node-2")]);
    assert!(report.decisions.iter().all(|allowed| allowed.rule == "transfers"));
    assert!(report.effect[0].starts_with("sends 0.5 ETH"), "{:?}", report.effect);
    assert!(report.artifact.value.starts_with("0x02f8"));
    let json = check(&receipt).unwrap().to_json();
    assert_eq!(json["artifact"]["kind"], "evm.transaction");
    assert_eq!(json["signatures"][0]["encoding"], "rsv");
    assert_eq!(json["decisions"][0]["outcome"], "allow");
}

#[test]
fn rcp_09_receipts_of_every_scheme_verify() {
    for (key, intent) in [
        ("ops", message("release 1.2")),
        ("vault", digest(7)),
        ("releases", message("release 1.2")),
    ] {
        let report = check(&DOMAIN.receipt(key, intent, &[])).unwrap();
        assert_eq!((report.key_name, report.approvals.len()), (name(key), 0));
    }
}

#[test]
fn rcp_11_a_receipt_names_the_child_that_signed() {
    let path: Path = "m/0/5".parse().unwrap();
    let report = check(&DOMAIN.receipt_at(&path)).unwrap();
    assert_eq!((&report.path, report.key_name.as_str()), (&path, "treasury"));
    assert_ne!(report.child_key, report.public_key);
    assert_eq!(report.artifact.signatures[0].public_key, report.child_key);
    assert_eq!(report.to_json()["path"], "m/0/5");
    let own = check(&good()).unwrap();
    assert_eq!((own.path, own.child_key), (Path::root(), own.public_key));
}

/// RCP-11: a path is part of what requester and approvers signed, and the child follows from the
/// certified record alone.
#[test]
fn neg_065_a_receipt_for_another_child_does_not_hold() {
    let receipt = |path: &str| DOMAIN.receipt_at(&path.parse().unwrap());
    let mut other = receipt("m/0/5");
    other.signatures = receipt("m/0/6").signatures;
    assert_eq!(check(&other).unwrap_err().part, Part::Signature);
    let mut other = receipt("m/0/5");
    other.signatures = good().signatures;
    assert_eq!(check(&other).unwrap_err().part, Part::Signature);
    let mut other = receipt("m/0/5");
    other.request = receipt("m/0/6").request;
    assert_eq!(check(&other).unwrap_err().part, Part::Approval(1));
    let mut other = receipt("m/0/5");
    let mut body = other.request.read().unwrap();
    body.path = vec![1 << 31];
    other.request = Signed::sign(&body, &DOMAIN.signer("bot")).unwrap();
    assert_eq!(check(&other).unwrap_err().part, Part::Request);
    let mut other = receipt("m/0/5");
    let mut body = other.request.read().unwrap();
    body.account = 1;
    other.request = Signed::sign(&body, &DOMAIN.signer("bot")).unwrap();
    assert_eq!(check(&other).unwrap_err().part, Part::Request);
    let mut record = DOMAIN.record("treasury");
    record.accounts[0].chain_code.0[0] ^= 1;
    let mut other = receipt("m/0/5");
    other.epoch = DOMAIN.certify(&record, 3);
    assert_eq!(check(&other).unwrap_err().part, Part::Signature);
}

#[test]
fn rcp_01_other_bytes_are_no_receipt() {
    let bytes = good().to_bytes();
    let genesis = DOMAIN.state.genesis();
    for bad in [&[][..], &bytes[1..], &bytes[..bytes.len() - 1], &[&bytes[..], &[0]].concat()] {
        let error = verify(bad, &genesis).unwrap_err();
        assert_eq!((error.part, error.whose), (Part::Receipt, Whose::Holder));
    }
    assert_eq!(broken(|receipt| receipt.version = 2), (Part::Receipt, Whose::Holder));
}

#[test]
fn rcp_02_the_genesis_is_the_one_of_the_hash_and_everybody_signed_it() {
    let error = verify(&good().to_bytes(), &OTHER.state.genesis()).unwrap_err();
    assert_eq!((error.part, error.whose), (Part::Genesis, Whose::Holder));
    let swapped = broken(|receipt| receipt.genesis = OTHER.file.clone());
    assert_eq!(swapped, (Part::Genesis, Whose::Holder));
    for (administrators, nodes) in [(2, 4), (3, 3), (0, 0)] {
        let unfinished = Domain::founded(1, administrators, nodes).file;
        let found = broken(|receipt| receipt.genesis = unfinished);
        assert_eq!(found, (Part::Genesis, Whose::Founders));
    }
}

/// Dropped, doubled, reordered and uncertified entries; a log that stops early or runs on.
#[test]
fn neg_072_the_log_is_whole_and_ends_at_the_head_relied_on() {
    let voters = |position| (Part::Entry(position), Whose::Voters);
    assert_eq!(broken(|receipt| drop(receipt.entries.remove(0))), voters(2));
    assert_eq!(broken(|receipt| drop(receipt.entries.remove(2))), voters(4));
    assert_eq!(broken(|receipt| receipt.entries.swap(1, 2)), voters(3));
    assert_eq!(broken(|receipt| receipt.entries[1] = receipt.entries[0].clone()), voters(1));
    assert_eq!(broken(|receipt| receipt.entries[1] = OTHER.entries[1].clone()), voters(2));
    let (part, _) = broken(|receipt| drop(receipt.entries.pop()));
    assert_eq!(part, Part::Policy, "before the policy was set, nothing is allowed");

    let mut domain = Domain::new(1);
    let bundle = domain.state.policy().unwrap().to_vec();
    domain.place(MotionBody::PolicySet { bundle }, 3);
    let (part, whose) = broken(|receipt| receipt.entries = domain.entries.clone());
    assert_eq!(part, Part::Decision(1), "the quorum decided at an older head");
    assert!(matches!(whose, Whose::Node(_)));

    let mut domain = Domain::new(1);
    let bundle = domain.state.policy().unwrap().to_vec();
    domain.place(MotionBody::PolicySet { bundle }, 2);
    assert_eq!(broken(|receipt| receipt.entries = domain.entries.clone()), voters(6));
}

#[test]
fn rcp_04_the_record_is_certified_and_about_this_very_key() {
    let wrong = (Part::EpochRecord, Whose::Voters);
    let record = |change: &dyn Fn(&mut EpochRecord)| {
        let mut record = DOMAIN.record("treasury");
        change(&mut record);
        broken(|receipt| receipt.epoch = DOMAIN.certify(&record, 3))
    };
    let uncertified = DOMAIN.certify(&DOMAIN.record("treasury"), 2);
    assert_eq!(broken(|receipt| receipt.epoch = uncertified), wrong);
    assert_eq!(broken(|receipt| receipt.epoch.ballot = 1), wrong);
    assert_eq!(broken(|receipt| receipt.epoch.value.push(0)), wrong);
    let foreign = OTHER.certify(&OTHER.record("treasury"), 3);
    assert_eq!(broken(|receipt| receipt.epoch = foreign), wrong);
    let vault = DOMAIN.certify(&DOMAIN.record("vault"), 3);
    assert_eq!(broken(|receipt| receipt.epoch = vault), wrong);
    // What even a quorum of lying voters cannot say without contradicting the charter.
    assert_eq!(record(&|record| record.version = 1), wrong);
    assert_eq!(record(&|record| record.plan.genesis = OTHER.state.genesis()), wrong);
    assert_eq!(record(&|record| record.plan.scheme = DOMAIN.record("vault").plan.scheme), wrong);
    assert_eq!(record(&|record| record.plan.order = DOMAIN.state.head()), wrong);
    assert_eq!(record(&|record| record.plan.tree = OTHER.record("vault").plan.tree), wrong);
    assert_eq!(record(&|record| record.accounts[0].commitments[0][5] ^= 1), wrong);
    assert_eq!(record(&|record| record.accounts[0].commitments.clear()), wrong);
    assert_eq!(record(&|record| record.accounts[0].public_key.clear()), wrong);
    assert_eq!(record(&|record| record.accounts.clear()), wrong);
    let twice = |record: &mut EpochRecord| record.accounts.push(record.accounts[0].clone());
    assert_eq!(record(&twice), wrong);
    let two = |record: &mut EpochRecord| {
        twice(record);
        record.plan.accounts = 2;
    };
    assert_eq!(record(&two), wrong);
    let order = DOMAIN.record("treasury");
    let (key, epoch, attempt) = (order.plan.key, order.plan.epoch, order.plan.attempt);
    let value = |outcome: &AttemptOutcome| quorate_codec::to_bytes(outcome);
    let (node, head) = (order.plan.committee[0], order.plan.order);
    let abort = AbortStatement { node, head, signature: NodeSignature([9; 64]) };
    let void = value(&AttemptOutcome::Void { attempt, abort });
    let void = DOMAIN.decide(Instance::Attempt { key, epoch, attempt, era: 0 }, void, 3);
    assert_eq!(broken(|receipt| receipt.epoch = void), wrong);
    let commit = DOMAIN.certify(&order, 3).value;
    for instance in [
        Instance::Attempt { key, epoch, attempt: 2, era: 0 },
        Instance::Attempt { key, epoch: 1, attempt, era: 0 },
        Instance::Position(5),
    ] {
        let moved = DOMAIN.decide(instance, commit.clone(), 3);
        assert_eq!(broken(|receipt| receipt.epoch = moved), wrong);
    }
}

#[test]
fn neg_076_a_request_of_another_domain_or_signer_is_refused() {
    let foreign = broken(|receipt| receipt.request = OTHER.request("treasury", transfer()));
    assert_eq!(foreign.0, Part::Request);
    let bot = ActorId::Service(DOMAIN.state.service_named(&name("bot")).unwrap().id);
    let forged = DOMAIN.request_by(bot, "eve", "treasury", transfer());
    assert_eq!(broken(|receipt| receipt.request = forged), (Part::Request, actor("bot")));
    // The right signer, and another transaction: nobody approved or allowed that.
    let other = DOMAIN.request("treasury", digest(9));
    let (part, whose) = broken(|receipt| receipt.request = other);
    assert_eq!((part, whose), (Part::Approval(1), actor("alice")));
    // Who may only read files nothing.
    let eve = ActorId::Person(DOMAIN.person("eve"));
    let reader = DOMAIN.request_by(eve, "eve", "ops", message("x"));
    let mut receipt = DOMAIN.receipt("ops", message("x"), &[]);
    receipt.request = reader;
    assert_eq!(check(&receipt).unwrap_err().part, Part::Policy);
}

/// RCP-06.
#[test]
fn neg_076_approvals_count_for_one_request_of_one_domain_once() {
    let request = good().request;
    let second = |vote: SignedApproval| broken(|receipt| receipt.approvals[1] = vote);
    let wrong = |who: &str| (Part::Approval(2), actor(who));
    let other = DOMAIN.request("ops", message("another"));
    assert_eq!(second(DOMAIN.vote("bob", Verdict::Approve, &other)), wrong("bob"));
    assert_eq!(second(DOMAIN.vote("bob", Verdict::Reject, &request)), wrong("bob"));
    assert_eq!(second(DOMAIN.vote("alice", Verdict::Approve, &request)), wrong("alice"));
    assert_eq!(second(DOMAIN.vote("ada", Verdict::Approve, &request)), wrong("ada"));
    assert_eq!(second(DOMAIN.vote("eve", Verdict::Approve, &request)), wrong("eve"));
    assert_eq!(second(OTHER.vote("bob", Verdict::Approve, &request)).0, Part::Approval(2));
    let (genesis, bob) = (DOMAIN.state.genesis(), DOMAIN.person("bob"));
    let vote = Approval::new(genesis, request.id(), bob, Verdict::Approve, NOW + MINUTE);
    let forged = SignedApproval::sign(&vote, &DOMAIN.signer("alice")).unwrap();
    assert_eq!(second(forged), wrong("bob"));
    // One's own request.
    let alice = ActorId::Person(DOMAIN.person("alice"));
    let own = DOMAIN.request_by(alice, "alice", "treasury", transfer());
    let mut receipt = good();
    receipt.approvals = vec![DOMAIN.vote("alice", Verdict::Approve, &own)];
    receipt.request = own;
    let error = check(&receipt).unwrap_err();
    assert_eq!((error.part, error.whose), (Part::Approval(1), actor("alice")));
}

/// Nodes that lie together cannot make a receipt for what the policy does not allow.
#[test]
fn rcp_07_the_policy_of_the_head_is_judged_again() {
    let fewer = broken(|receipt| drop(receipt.approvals.pop()));
    assert_eq!(fewer, (Part::Policy, Whose::Voters));
    let mut lie = good();
    lie.request = DOMAIN.request("treasury", digest(9));
    lie.approvals.clear();
    let bot_digest = check(&lie).unwrap_err();
    assert_eq!(bot_digest.part, Part::Decision(1), "allowed, but these nodes said so of another");
    let psbt = r#"{"kind":"evm.message","message":"0x00"}"#;
    let denied = DOMAIN.request("treasury", quorate_intent::Intent::from_json(psbt).unwrap());
    let mut decision = DOMAIN.decision(&denied, &[]);
    assert_eq!(decision.outcome, NodeOutcome::Deny);
    decision.outcome = NodeOutcome::Allow;
    let mut receipt = good();
    receipt.request = denied;
    receipt.approvals.clear();
    receipt.decisions = vec![DOMAIN.signed(0, &decision), DOMAIN.signed(1, &decision)];
    let error = check(&receipt).unwrap_err();
    assert_eq!(error.part, Part::Policy);
    assert!(error.reason.contains("denies it"), "{error}");
}

#[test]
fn neg_076_decisions_are_for_this_request_at_this_head_and_allow_it() {
    let receipt = good();
    let place = place_of(&receipt, 0);
    let wrong = |node: &str| (Part::Decision(place), Whose::Node(node.to_owned()));
    let first = |decision| broken(|receipt| receipt.decisions[place - 1] = decision);
    let honest = DOMAIN.decision(&receipt.request, &receipt.approvals);
    let change = |change: &dyn Fn(&mut quorate_policy::request::NodeDecision)| {
        let mut decision = honest.clone();
        change(&mut decision);
        first(DOMAIN.signed(0, &decision))
    };
    assert_eq!(change(&|decision| decision.outcome = NodeOutcome::Deny), wrong("node-1"));
    assert_eq!(change(&|decision| decision.outcome = NodeOutcome::Wait), wrong("node-1"));
    assert_eq!(
        change(&|decision| decision.head = DOMAIN.entries[2].head()),
        wrong("node-1"),
        "at an older head"
    );
    let other = DOMAIN.request("ops", message("another")).id();
    assert_eq!(change(&|decision| decision.request = other), wrong("node-1"));
    let foreign = OTHER.state.genesis();
    assert_eq!(change(&|decision| decision.genesis = foreign), wrong("node-1"));
    assert_eq!(first(DOMAIN.signed(3, &honest)), wrong("witness"));
    assert_eq!(first(OTHER.signed(0, &honest)).0, Part::Decision(place), "a stranger");
    let forged =
        quorate_policy::request::SignedNodeDecision::sign(&honest, DOMAIN.nodes[0].0, |bytes| {
            DOMAIN.nodes[2].1.sign(quorate_codec::tag::DECISION, bytes)
        });
    assert_eq!(first(forged), wrong("node-1"));
    let (part, _) = broken(|receipt| receipt.decisions[1] = receipt.decisions[0].clone());
    assert_eq!(part, Part::Decision(2), "twice the same node");
    assert_eq!(broken(|receipt| receipt.decisions.reverse()).0, Part::Decision(2));
}

#[test]
fn rcp_08_those_who_allowed_it_are_a_quorum_of_the_key() {
    let quorum = (Part::Quorum, Whose::Holder);
    assert_eq!(broken(|receipt| drop(receipt.decisions.pop())), quorum);
    assert_eq!(broken(|receipt| receipt.decisions.clear()), quorum);
    let mut all = good();
    all.decisions.push(DOMAIN.signed(2, &DOMAIN.decision(&all.request, &all.approvals)));
    all.decisions.sort_by_key(|decision| decision.node());
    assert_eq!(check(&all).unwrap().decisions.len(), 3);
}

#[test]
fn neg_073_the_signature_is_the_keys_over_what_was_decoded() {
    let wrong = (Part::Signature, Whose::Key("treasury".to_owned()));
    assert_eq!(broken(|receipt| receipt.signatures[0].bytes[40] ^= 1), wrong);
    assert_eq!(broken(|receipt| receipt.signatures[0].recovery_id = Some(2)), wrong);
    assert_eq!(broken(|receipt| receipt.signatures.clear()), wrong);
    let doubled = broken(|receipt| receipt.signatures.push(receipt.signatures[0].clone()));
    assert_eq!(doubled, wrong);
    let other = sign("treasury", &SigningPayload::Digest([9; 32]));
    assert_eq!(broken(|receipt| receipt.signatures[0] = other), wrong);
    // Another key's signature over the very digest.
    let report = check(&good()).unwrap();
    let stranger = k256::ecdsa::SigningKey::from_slice(&[9; 32]).unwrap();
    let (signature, _) = stranger.sign_prehash_recoverable(&report.signing_digests[0]).unwrap();
    let stranger = broken(|receipt| {
        receipt.signatures[0].bytes = signature.to_bytes().into();
        receipt.signatures[0].recovery_id = None;
    });
    assert_eq!(stranger, wrong);
}

#[test]
fn rcp_10_an_error_says_which_statement_failed_and_whose_it_is() {
    let mut receipt = good();
    receipt.approvals[0] = DOMAIN.vote("alice", Verdict::Reject, &receipt.request);
    assert_eq!(
        check(&receipt).unwrap_err().to_string(),
        "approval 1 does not hold: it is a rejection; it is a statement of alice"
    );
}

/// No single flipped byte of a receipt leaves it standing.
#[test]
fn neg_010_every_byte_of_a_receipt_counts() {
    let bytes = good().to_bytes();
    let genesis = DOMAIN.state.genesis();
    for at in (0..bytes.len()).step_by(41) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        assert!(verify(&flipped, &genesis).is_err(), "byte {at} of {}", bytes.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_bytes_make_the_verifier_panic(
        noise in prop::collection::vec(any::<u8>(), 0..200),
        at in any::<prop::sample::Index>(),
        length in 0_usize..40,
    ) {
        let genesis = DOMAIN.state.genesis();
        prop_assert!(verify(&noise, &genesis).is_err());
        let good = good().to_bytes();
        let at = at.index(good.len());
        let end = good.len().min(at + length);
        let spliced = [&good[..at], &noise, &good[end..]].concat();
        prop_assert!(spliced == good || verify(&spliced, &genesis).is_err());
    }
}
