//! Forms of the canonical encoding, and what is asked of a value before it is known to hold.

use quorate_backup::possession::{Answers, Challenges};
use quorate_backup::{Bundle, Recovery, RecoveryKey};
use quorate_charter::{
    AttemptOutcome, AttemptPlan, CertifiedEntry, Custody, Decided, Entry, EpochRecord, Genesis,
    GenesisFile, Rules, SignedBallotMessage, SignedCession, SignedEnrolment, SignedEpochStatement,
    SignedFreeze, SignedHello, SignedMember, SignedMotion, SignedRejoin, SignedSeatClaim,
    SignedWelcome, Succession, effect,
};
use quorate_client::contract::call::CallStatement;
use quorate_codec::{Canonical, from_bytes, to_bytes};
use quorate_curve::{Ed25519, P256, Secp256k1};
use quorate_engine::Backups;
use quorate_identity::{NodeId, Scheme};
use quorate_intent::{Intent, KeyFacts};
use quorate_keygen::{Complaint, Message1, Message2, Misdealing};
use quorate_machine::evidence::Evidence;
use quorate_machine::import::{ImportAnswer, ImportOffer};
use quorate_machine::ingress;
use quorate_machine::wire::Message;
use quorate_policy::request::{
    SignedApproval, SignedCancellation, SignedNodeDecision, SignedRequest,
};
use quorate_policy::{Policy, PolicyBundle};
use quorate_testkit::custodians::Reduced;
use quorate_testkit::founding::Founding;

/// When the bytes come.
pub const NOW_MS: u64 = 1_700_000_000_000;

/// Reads a value that has one form: what it is written as is what was read (ENC-01).
pub fn read<T: Canonical>(bytes: &[u8]) -> Option<T> {
    let value: T = from_bytes(bytes).ok()?;
    assert!(bytes.len() <= T::BYTES_MAX, "longer than any is (ENC-03)");
    assert_eq!(to_bytes(&value), bytes, "two forms of one value (N-10)");
    Some(value)
}

/// Reads one, and does with it what is done before it is known to hold.
fn used<T: Canonical, R>(bytes: &[u8], usage: impl FnOnce(T) -> R) -> bool {
    read(bytes).map(usage).is_some()
}

pub fn motion(bytes: &[u8], domain: &Founding) -> bool {
    used(bytes, |motion: SignedMotion| {
        let state = &domain.state;
        let status = state.check_motion(&motion, NOW_MS);
        let is_authorised = state.authorise(&motion, NOW_MS).is_ok();
        assert_eq!(status.is_ok_and(|status| status.missing.is_none()), is_authorised);
        let _ = (motion.key_id(), state.missing_for(&motion));
        let body = motion.body();
        assert_eq!(to_bytes(&**body), motion.bytes(), "people sign what is shown");
        let _ = (effect(body, state), body.kind(), body.touches());
        // As a node collects signatures: in order, whatever the order of those that come.
        let mut merged = motion.unsigned();
        let _ = merged.merge(&motion);
        assert!(!merged.merge(&motion), "nothing new in what was merged");
    })
}

pub fn entry(bytes: &[u8], domain: &Founding) -> bool {
    used(bytes, |entry: Entry| {
        let _ = (entry.kind(), domain.state.check_next(bytes, NOW_MS, &|_| None));
    })
}

pub fn certified_entry(bytes: &[u8], domain: &Founding) -> bool {
    used(bytes, |entry: CertifiedEntry| {
        let verified = domain.state.verify_entry(&entry);
        if let Ok(again) = CertifiedEntry::from_decided(&entry.to_decided()) {
            assert_eq!(again, entry, "one decision, one entry");
        }
        if let Ok(verified) = verified {
            assert_eq!(domain.state.apply(verified).head(), entry.head());
        }
    })
}

pub fn genesis_file(bytes: &[u8], domain: &Founding) -> bool {
    used(bytes, |file: GenesisFile| {
        let known = file.verify(&domain.hash);
        assert!(known.is_err() || file.genesis_bytes() == domain.file.genesis_bytes(), "GOV-03");
        let _ = (file.verify(&file.hash()), file.missing());
        let mut merged = domain.file.clone();
        let _ = merged.merge(&file);
        assert!(merged.verify(&domain.hash).is_ok(), "whatever it is merged with");
    })
}

pub fn genesis(bytes: &[u8], _: &Founding) -> bool {
    used(bytes, |genesis: Genesis| {
        if let Ok(file) = GenesisFile::create(&genesis) {
            assert!(file.verify(&file.hash()).is_err(), "nobody signed (GOV-04)");
        }
    })
}

pub fn decided(bytes: &[u8], domain: &Founding) -> bool {
    used(bytes, |decided: Decided| {
        let state = &domain.state;
        let _ = (decided.verify(state), decided.verify_kept(state), decided.verify_now(state));
        let _ = (decided.planned_at(), CertifiedEntry::from_decided(&decided));
        assert!(!decided.conflicts_with(&decided));
    })
}

pub fn ballot(bytes: &[u8], domain: &Founding) -> bool {
    used(bytes, |message: SignedBallotMessage| message.verify(&domain.state))
}

pub fn freeze(bytes: &[u8], domain: &Founding) -> bool {
    used(bytes, |freeze: SignedFreeze| freeze.verify(&domain.state))
}

pub fn cession(bytes: &[u8], domain: &Founding) -> bool {
    used(bytes, |mut cession: SignedCession| {
        let judged = (cession.verify(&domain.state).is_ok(), cession.check(&domain.state).is_ok());
        cession.retain_valid(&domain.state);
        judged
    })
}

pub fn enrolment(bytes: &[u8], _: &Founding) -> bool {
    used(bytes, |enrolment: SignedEnrolment| (enrolment.id(), enrolment.verify_own()))
}

pub fn member(bytes: &[u8], domain: &Founding) -> bool {
    used(bytes, |member: SignedMember| (member.digest(), member.verify(&domain.hash).is_ok()))
}

pub fn seat_claim(bytes: &[u8], _: &Founding) -> bool {
    used(bytes, |claim: SignedSeatClaim| claim.verify_own())
}

pub fn hello(bytes: &[u8], domain: &Founding) -> bool {
    used(bytes, |hello: SignedHello| {
        let now = hello.body().clone();
        assert!(!hello.body().lies_ahead_of(&now), "of itself (GOV-32)");
        hello.verify(&domain.state).is_ok()
    })
}

pub fn welcome(bytes: &[u8], domain: &Founding) -> bool {
    used(bytes, |welcome: SignedWelcome| welcome.verify(&domain.state).is_ok())
}

pub fn rejoin(bytes: &[u8], domain: &Founding) -> bool {
    used(bytes, |rejoin: SignedRejoin| domain.state.check_rejoin(&rejoin))
}

pub fn plan(bytes: &[u8], _: &Founding) -> bool {
    used(bytes, |plan: AttemptPlan| {
        (plan.context(), plan.members(), plan.participants(), plan.has_commit_set())
    })
}

pub fn record(bytes: &[u8], _: &Founding) -> bool {
    used(bytes, |record: EpochRecord| {
        assert!(record.continues(&record), "its own accounts");
        let _ = (record.digest(), record.is_as_ordered(), record.has_backup(None));
        (record.has_backup(Some(&record)), record.account(0).is_some())
    })
}

pub fn outcome(bytes: &[u8], _: &Founding) -> bool {
    used(bytes, |_: AttemptOutcome| ())
}

pub fn epoch_statement(bytes: &[u8], domain: &Founding) -> bool {
    used(bytes, |statement: SignedEpochStatement| statement.verify(&domain.state).is_ok())
}

pub fn custody(bytes: &[u8], _: &Founding) -> bool {
    used(bytes, |custody: Custody| (custody.check(), custody.digest()))
}

pub fn rules(bytes: &[u8], _: &Founding) -> bool {
    used(bytes, |rules: Rules| (rules.administrators(), rules.guardians()))
}

pub fn succession(bytes: &[u8], _: &Founding) -> bool {
    used(bytes, |_: Succession| ())
}

pub fn request(bytes: &[u8], domain: &Founding) -> bool {
    used(bytes, |request: SignedRequest| {
        let _ = request.read();
        request.verify(&domain.state).is_ok()
    })
}

pub fn approval(bytes: &[u8], domain: &Founding) -> bool {
    used(bytes, |vote: SignedApproval| vote.verify(&domain.state).is_ok())
}

pub fn cancellation(bytes: &[u8], domain: &Founding) -> bool {
    used(bytes, |cancellation: SignedCancellation| cancellation.verify(&domain.state).is_ok())
}

pub fn decision(bytes: &[u8], domain: &Founding) -> bool {
    used(bytes, |decision: SignedNodeDecision| {
        let _ = decision.node();
        decision.verify(&domain.state).is_ok()
    })
}

/// A key of each scheme: the generators, which are as good as any.
fn keys() -> [KeyFacts; 4] {
    const X: &str = "0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    const B: &str = "0x5866666666666666666666666666666666666666666666666666666666666666";
    const P: &str = "0x036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
    let bytes = |text| quorate_codec::hex::decode(text).expect("hex");
    let facts = |scheme, public_key| KeyFacts { scheme, public_key };
    [
        facts(Scheme::EcdsaSecp256k1, [&[2][..], &bytes(X)].concat()),
        facts(Scheme::Bip340, bytes(X)),
        facts(Scheme::Ed25519, bytes(B)),
        facts(Scheme::EcdsaP256, bytes(P)),
    ]
}

/// Decodes an intent for each kind of key: what is shown and what is signed follow from its bytes.
pub fn decode_intent(intent: &Intent) {
    for key in keys() {
        if let Ok(decoded) = intent.decode(&key) {
            let payloads = decoded.signing_payloads();
            assert!(!payloads.is_empty(), "something is signed");
            let again = intent.decode(&key).expect("what was decoded once");
            assert_eq!(again.signing_payloads(), payloads, "the same every time (INT-03)");
        }
    }
}

pub fn intent(bytes: &[u8], _: &Founding) -> bool {
    used(bytes, |intent: Intent| {
        decode_intent(&intent);
        let again = Intent::from_value(&intent.to_json());
        assert_eq!(again.as_ref(), Ok(&intent), "as JSON and back (INT-02)");
    })
}

/// Compiles a policy and runs its own table.
pub fn compile(bundle: PolicyBundle) {
    if let Ok(policy) = Policy::from_bundle(bundle) {
        assert_eq!(policy.bundle().to_bytes(), policy.bytes());
        let _ = policy.run_cases();
    }
}

pub fn policy(bytes: &[u8], _: &Founding) -> bool {
    used(bytes, |bundle: PolicyBundle| compile(bundle))
}

/// Checked as if any node of the domain had sent it, or a stranger.
pub fn message(bytes: &[u8], domain: &Founding) -> bool {
    let state = &domain.state;
    for sender in domain.nodes.keys() {
        let _ = ingress::check(state, *sender, bytes);
    }
    let stranger = NodeId(domain.hash.digest());
    assert!(ingress::check(state, stranger, bytes).is_err(), "a stranger is not heard (N-59)");
    used(bytes, |_: Message| ())
}

pub fn dealing_1(bytes: &[u8], _: &Founding) -> bool {
    used(bytes, |_: Message1| ())
}

pub fn dealing_2(bytes: &[u8], _: &Founding) -> bool {
    used(bytes, |_: Message2| ())
}

pub fn complaint(bytes: &[u8], _: &Founding) -> bool {
    used(bytes, |_: Complaint| ())
}

pub fn misdealing(bytes: &[u8], _: &Founding) -> bool {
    used(bytes, |_: Misdealing| ())
}

pub fn evidence(bytes: &[u8], domain: &Founding) -> bool {
    used(bytes, |evidence: Evidence| {
        let _ = (evidence.id(), evidence.verify(&domain.state, Backups::of::<Reduced>()));
    })
}

pub fn call(bytes: &[u8], _: &Founding) -> bool {
    used(bytes, |_: CallStatement| ())
}

pub fn bundle_ed25519(bytes: &[u8], _: &Founding) -> bool {
    used(bytes, |bundle: Bundle<Ed25519, Reduced>| {
        let _ = (bundle.claimed_author(), bundle.claimed_publics().len());
    })
}

pub fn bundle_secp256k1(bytes: &[u8], _: &Founding) -> bool {
    used(bytes, |bundle: Bundle<Secp256k1, Reduced>| {
        let _ = (bundle.claimed_author(), bundle.claimed_publics().len());
    })
}

pub fn bundle_p256(bytes: &[u8], _: &Founding) -> bool {
    used(bytes, |bundle: Bundle<P256, Reduced>| {
        let _ = (bundle.claimed_author(), bundle.claimed_publics().len());
    })
}

pub fn challenges(bytes: &[u8], _: &Founding) -> bool {
    used(bytes, |_: Challenges| ())
}

pub fn answers(bytes: &[u8], _: &Founding) -> bool {
    used(bytes, |_: Answers| ())
}

pub fn recovery(bytes: &[u8], _: &Founding) -> bool {
    used(bytes, |_: Recovery| ())
}

/// Not of the encoding, and of one form all the same.
pub fn recovery_key(bytes: &[u8], _: &Founding) -> bool {
    let key = RecoveryKey::from_bytes(bytes).ok();
    if let Some(key) = &key {
        assert_eq!(key.to_bytes(), bytes, "two forms of one key (BAK-17)");
        let _ = (key.id(), key.kind());
    }
    key.is_some()
}

pub fn import_offer(bytes: &[u8], domain: &Founding) -> bool {
    used(bytes, |offer: ImportOffer| offer.check(&domain.state).is_ok())
}

pub fn import_answer(bytes: &[u8], _: &Founding) -> bool {
    used(bytes, |_: ImportAnswer| ())
}
