//! Records that are none of the key, however many certified them.

use crate::domain::{custody, name};
use crate::{refused, world};
use quorate_backup::SoftKind;
use quorate_charter::{
    AbortStatement, AttemptOutcome, Custodian, Custody, Decided, EpochRecord, Imported, Instance,
    MotionBody, Origin,
};
use quorate_codec::{Digest, to_bytes};
use quorate_identity::{Head, ImporterSecret, NodeId, Scheme};
use quorate_recovery::verify::{Whose, Why, verify_key};

const OTHER: Digest = Digest([0x77; 32]);

/// Why a decision is refused before any bundle is looked at.
fn refusal(decided: &Decided) -> (Whose, Why) {
    let mut refused = refused(&verify_key(&world().domain.state, decided, []));
    let (part, whose, why) = refused.swap_remove(0);
    assert_eq!(part, "the record");
    (whose, why)
}

/// What is wrong with a record of three voters, who answer for it.
fn wrong(record: &EpochRecord) -> String {
    let (whose, why) = refusal(&world().domain.certify(record, 3));
    assert_eq!(whose, Whose::Voters, "{why}");
    why.to_string()
}

/// The same where the charter of the file may be too short, which is not theirs.
fn unknown(record: &EpochRecord) -> String {
    let (whose, why) = refusal(&world().domain.certify(record, 3));
    assert_eq!(whose, Whose::Holder, "{why}");
    why.to_string()
}

/// A change, and a part of what is then said.
type Case = (fn(&mut EpochRecord), &'static str);

fn key(record: &mut EpochRecord) -> &mut quorate_charter::KeyBackup {
    record.backup.key.as_mut().unwrap()
}

fn imported() -> Imported {
    let importer = ImporterSecret::from_bytes(&[1; 32]).public();
    Imported { public: vec![2; 33], chain_code: OTHER, importer }
}

/// REC-25: a record is one of the key as the charter ordered it, or none.
#[test]
fn neg_055_a_record_of_something_else_is_refused_however_certified() {
    let cases: [Case; 13] = [
        (|it| it.version = 5, "version of the record"),
        (|it| it.plan.version = 4, "version of its plan"),
        (|it| it.plan.genesis.0 = OTHER, "another domain"),
        (|it| it.plan.scheme = Scheme::Bip340, "another scheme"),
        (
            |it| {
                it.plan.tree = "2 of (a, b)"
                    .parse::<quorate_access::Tree<String>>()
                    .unwrap()
                    .map(|_| NodeId(OTHER))
            },
            "did not order this access tree",
        ),
        (|it| it.plan.origin = Some(Origin::Imported(imported())), "where the key was made"),
        (|it| it.plan.accounts = 3, "another number of accounts"),
        (|it| _ = it.accounts.pop(), "not as many accounts"),
        (|it| it.plan.committee.reverse(), "does not ascend"),
        (|it| _ = it.plan.committee.pop(), "too small"),
        (|it| it.plan.dealers.push(NodeId(OTHER)), "no node of the domain"),
        (|it| it.accounts[1].commitments[1][0] = 9, "account 1 is no sharing"),
        (|it| it.accounts[0].public_key[1] ^= 1, "public key of account 0"),
    ];
    let good = &world().treasury.kept.record;
    for (change, expected) in cases {
        let mut record = good.clone();
        change(&mut record);
        let said = wrong(&record);
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let mut record = good.clone();
    record.plan.key.0 = OTHER;
    assert_eq!(unknown(&record), "it is of a key that this charter does not order");
    let mut record = good.clone();
    record.plan.order = Head(OTHER);
    assert_eq!(unknown(&record), "no entry of this charter ordered it");
}

/// REC-26: a record names the backups that GOV-42 and GOV-43 demand, or is none to rely on.
#[test]
fn neg_095_a_record_without_its_backups_is_refused() {
    let all_members = "does not name a backup of every member's shares";
    let another = "of another dealing than the record's";
    let cases: [Case; 13] = [
        (|it| _ = it.backup.shares.pop(), all_members),
        (|it| it.backup.shares.push(OTHER), all_members),
        (|it| it.backup.key = None, "no backup of the key itself"),
        (|it| _ = key(it).bundles.pop(), "every dealer"),
        (
            |it| {
                key(it).bundles.clear();
                key(it).dealers.clear();
            },
            "every dealer",
        ),
        (
            |it| {
                key(it).dealers.reverse();
                it.plan.dealers.reverse();
            },
            "do not ascend",
        ),
        (|it| key(it).custody = OTHER, "for other custodians"),
        (|it| _ = key(it).holders.pop(), "keeps no backup"),
        (|it| key(it).order = Head(OTHER), "ordered the dealing"),
        (|it| key(it).epoch = 1, another),
        (|it| key(it).attempt = 2, another),
        (|it| key(it).transcript = OTHER, another),
        (
            |it| {
                key(it).dealers.pop();
                key(it).bundles.pop();
            },
            another,
        ),
    ];
    let good = &world().treasury.kept.record;
    for (change, expected) in cases {
        let mut record = good.clone();
        change(&mut record);
        let said = wrong(&record);
        assert!(said.contains(expected), "{expected}: {said}");
    }
    // A backup of the key that was made by an order of later.
    let mut record = world().ops_before.kept.record.clone();
    key(&mut record).order = world().ops.kept.record.plan.order;
    assert!(wrong(&record).contains("ordered the dealing"));
}

/// REC-25: custodians are those whom the charter set, with keys that are some.
#[test]
fn neg_066_custodians_whom_the_charter_never_set_are_refused() {
    let good = &world().treasury.kept.record;
    let with = |digest| {
        let mut record = good.clone();
        record.plan.custody = digest;
        key(&mut record).custody = digest;
        record
    };
    let strangers = custody(SoftKind::X25519, 66).digest();
    assert_eq!(unknown(&with(strangers)), Why::Custody(strangers).to_string());

    // The charter takes what it cannot read; nodes would not have voted for it.
    let mut domain = world().domain.clone();
    let unreadable = |who| Custodian::new(name(who), who.as_bytes().to_vec());
    let custody = Custody::some_of(2, ["greta", "hugo"].map(unreadable).to_vec()).unwrap();
    let digest = custody.digest();
    domain.place(MotionBody::CustodySet { custody, excepted: Vec::new() });
    let report = verify_key(&domain.state, &domain.certify(&with(digest), 3), []);
    let expected = ("the record".to_owned(), Whose::Voters, Why::CustodianKey(name("greta")));
    assert_eq!(refused(&report), [expected]);
}

/// REC-25: without the certificate of a quorum a record is nobody's word.
#[test]
fn neg_057_a_record_that_no_quorum_certified_is_refused() {
    let (domain, record) = (&world().domain, &world().vault.kept.record);
    let (whose, why) = refusal(&domain.certify(record, 2));
    let few = "the certificate does not hold: 2 signatures, 3 are needed";
    assert_eq!((whose, why), (Whose::Holder, Why::Certificate(few.to_owned())));

    let mut other = record.clone();
    other.transcript = OTHER;
    let stolen = Decided { value: domain.certify(&other, 3).value, ..domain.certify(record, 3) };
    let (whose, why) = refusal(&stolen);
    assert!(whose == Whose::Holder && matches!(why, Why::Certificate(_)), "{why}");
    assert!(world().domain.certify(record, 3).verify(&domain.state).is_ok());
}

/// REC-25: what was decided is this attempt, and it made something.
#[test]
fn neg_087_another_decision_is_no_record() {
    let (domain, record) = (&world().domain, &world().vault.kept.record);
    let value = domain.certify(record, 3).value;
    let (key, attempt) = (record.plan.key, 1);
    let decided = |instance, value: &[u8]| {
        let (whose, why) = refusal(&domain.decide(instance, value.to_vec(), 3));
        assert_eq!(whose, Whose::Voters);
        why.to_string()
    };
    let this = Instance::Attempt { key, epoch: 0, attempt, era: 0 };
    for other in [
        Instance::Attempt { key, epoch: 1, attempt, era: 0 },
        Instance::Attempt { key, epoch: 0, attempt: 2, era: 0 },
        Instance::Attempt { key: world().ops.kept.record.plan.key, epoch: 0, attempt, era: 0 },
        Instance::Position(3),
    ] {
        assert!(decided(other, &value).contains("another attempt"), "{other}");
    }
    assert!(decided(this, b"else").contains("outcome that was certified is none"));
    let none = AttemptOutcome::Commit { record: vec![1, 2, 3], prepared: Vec::new() };
    assert!(decided(this, &to_bytes(&none)).contains("record that was certified is none"));
    let node = domain.node("node-1");
    let signature = *domain.certify(record, 3).certificate.iter().next().unwrap().1;
    let abort = AbortStatement { node, head: domain.state.head(), signature };
    let void = AttemptOutcome::Void { attempt, abort };
    assert!(decided(this, &to_bytes(&void)).contains("it is void"));
}
