//! A lost node's seat: what custodians open for the machine that has it now, and what it restores.

use crate::domain::{Dealt, Domain, Kept, custodian_secret, custody, name, written};
use crate::world;
use minicbor::bytes::ByteVec;
use quorate_backup::possession::Challenge;
use quorate_backup::{Opener, RecoveryKey, SoftKey, SoftKind, handing};
use quorate_charter::{Ask, MotionBody};
use quorate_codec::{Transcript, from_bytes, tag, to_bytes};
use quorate_curve::{Curve, SecretScalar};
use quorate_identity::KeyId;
use quorate_recovery::backup_file::{BackupReader, BundleKind};
use quorate_recovery::seat::{
    Arrival, MissingCustodians, Opening, OpeningError, PartFault, RestoreSeatError, RestoredSeat,
    SeatPart, Secrets, VerifiedBackup, claim_digest,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::sync::OnceLock;

/// The node that is lost: a signer of all three keys.
pub const NODE: &str = "node-3";

/// A domain whose charter gave the seat of a lost node to the machine of an arrival, and its backup.
pub struct Lost {
    pub domain: Domain,
    pub arrival: Arrival,
    pub file: Vec<u8>,
}

impl Lost {
    /// The machine of this number claims the seat and gets it.
    pub fn to(mut domain: Domain, number: u8, keys: &[Kept]) -> Self {
        let arrival = arrival(number);
        domain.give_seat(NODE, domain.claim(NODE, &arrival));
        Self { file: written(&domain.items(keys)), arrival, domain }
    }

    fn opening(&self) -> Result<Opening, OpeningError> {
        opening(&self.domain, &self.file)
    }

    fn verified(&self) -> VerifiedBackup {
        let reader = BackupReader::new(self.file.as_slice()).unwrap();
        VerifiedBackup::read(reader, &self.domain.state.genesis()).unwrap()
    }

    /// What a custodian opens.
    pub fn part(&self, who: &str) -> SeatPart {
        part(&self.opening().unwrap(), who)
    }

    pub fn restore(&self, parts: &[SeatPart]) -> Result<RestoredSeat, RestoreSeatError> {
        self.verified().restore(&self.domain.node(NODE), &self.arrival, parts)
    }

    /// Why this part is not taken.
    fn fault(&self, part: SeatPart) -> PartFault {
        let (node, verified) = (self.domain.node(NODE), self.verified());
        let seen = verified.look_at(&node, &self.arrival, &part).unwrap_err();
        let custodian = part.custodian.clone();
        let error = verified.restore(&node, &self.arrival, &[part]).unwrap_err();
        assert_eq!(error, seen);
        match error {
            RestoreSeatError::Part { custodian: whose, fault } if whose == custodian => fault,
            other => panic!("{other}"),
        }
    }

    /// What is sealed in a part, as the new machine alone can look at it.
    fn plain(&self, part: &SeatPart) -> Vec<(ByteVec, u64, ByteVec)> {
        let (genesis, node) = (self.domain.state.genesis(), self.domain.node(NODE));
        let key = custodian_key(&self.domain, part.custodian.as_str());
        let (_, bond) = handing::ask(genesis, node, &key, self.arrival.coins()).unwrap();
        let machine = SoftKey::from_seed(SoftKind::Hybrid, self.arrival.seed());
        let plain = handing::open(&machine, &bond, &context(part), &part.sealed).unwrap();
        minicbor::decode(&plain).unwrap()
    }

    /// A part that the holder of a key makes of what it pleases, in whatever name.
    fn made(&self, holder: &SoftKey, part: &SeatPart, plain: &[u8]) -> SeatPart {
        let (genesis, node) = (self.domain.state.genesis(), self.domain.node(NODE));
        let claim = &self.domain.state.seat(&node).unwrap().claim;
        let ask = claim.asks.iter().find(|ask| ask.key == part.key).unwrap();
        let ask: Challenge = from_bytes(&ask.challenge).unwrap();
        let bond = handing::bond(holder, genesis, node, &ask);
        let bond = bond.unwrap_or_else(|never| match never {}).unwrap();
        let arrival = RecoveryKey::from_bytes(&claim.arrival).unwrap();
        let sealed = handing::seal(&mut rng(), &arrival, &bond, &context(part), plain);
        SeatPart { sealed: sealed.unwrap(), ..part.clone() }
    }

    /// The same part, with every share of it changed in these keys.
    fn lying(&self, who: &str, keys: &[&str]) -> SeatPart {
        let part = self.part(who);
        let mut plain = self.plain(&part);
        let about: Vec<KeyId> = keys.iter().map(|key| key_id(&self.domain, key)).collect();
        for (key, _, opened) in &mut plain {
            if about.iter().any(|about| about.as_ref() == key.as_slice()) {
                falsify(opened);
            }
        }
        self.made(&holder(who), &part, &encoded(&plain))
    }
}

/// One for all tests.
pub fn lost() -> &'static Lost {
    static LOST: OnceLock<Lost> = OnceLock::new();
    LOST.get_or_init(|| Lost::to(world().domain.clone(), 1, &world().keys()))
}

fn opening(domain: &Domain, file: &[u8]) -> Result<Opening, OpeningError> {
    let reader = BackupReader::new(file).unwrap();
    Opening::read(reader, &domain.state.genesis(), &name(NODE))
}

fn part(opening: &Opening, who: &str) -> SeatPart {
    let holder = holder(who);
    let custodian = opening.for_key(holder.public().id()).unwrap();
    let part = custodian.open(&holder, &mut rng()).unwrap_or_else(|never| match never {});
    part.unwrap()
}

fn arrival(number: u8) -> Arrival {
    Arrival::new(&[number; 32], &[!number; 32])
}

fn holder(who: &str) -> SoftKey {
    custodian_secret(SoftKind::X25519, 1, who).key()
}

fn custodian_key(domain: &Domain, who: &str) -> RecoveryKey {
    let custodian = domain.state.custody().named(&name(who)).unwrap();
    RecoveryKey::from_bytes(&custodian.key).unwrap()
}

fn key_id(domain: &Domain, key: &str) -> KeyId {
    domain.state.key_named(&name(key)).unwrap().key
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(7)
}

/// As `spec/recovery.md` says (REC-37).
fn context(part: &SeatPart) -> quorate_codec::Digest {
    let context = Transcript::new(tag::RECOVERY_SEAT_PART).part(part.genesis).part(part.node);
    context.part(part.entry).part(part.key).digest()
}

fn encoded(plain: &[(ByteVec, u64, ByteVec)]) -> Vec<u8> {
    to_bytes(&plain.to_vec())
}

/// Changes every share: those of one leaf stand last, 32 of 34 bytes.
fn falsify(opened: &mut ByteVec) {
    let mut bytes = opened.to_vec();
    let first = bytes.len() - 32 * 34;
    (0..32).for_each(|row| bytes[first + 34 * row + 2] ^= 1);
    *opened = bytes.into();
}

/// Whether these are the lost node's shares of a key.
pub fn are<C: Curve>(got: &[SecretScalar<C>], dealt: &Dealt<C>, domain: &Domain) -> bool {
    let expected = &dealt.shares[&domain.node(NODE)];
    got.len() == expected.len()
        && got.iter().zip(expected).all(|(got, it)| got.to_bytes() == it.to_bytes())
}

/// Whether these are the lost node's shares of all three keys.
#[track_caller]
fn assert_whole(restored: &RestoredSeat) {
    let (lost, world) = (lost(), world());
    assert_eq!(restored.keys.len(), 3);
    for key in &restored.keys {
        let order = lost.domain.state.key(&key.key).unwrap();
        let whole = match (order.name.as_str(), &key.secrets) {
            ("ops", Secrets::Ed25519(got)) => are(got, &world.ops, &lost.domain),
            ("treasury", Secrets::Secp256k1(got)) => are(got, &world.treasury, &lost.domain),
            ("vault", Secrets::Secp256k1(got)) => are(got, &world.vault, &lost.domain),
            other => panic!("{other:?}"),
        };
        assert!(whole, "{}", order.name);
        assert_eq!(key.epoch, u64::from(order.name.as_str() == "ops"));
    }
}

fn named(domain: &Domain, whose: &[(&str, &str)]) -> Vec<(quorate_identity::Name, KeyId)> {
    let mut all: Vec<_> = whose.iter().map(|(who, key)| (name(who), key_id(domain, key))).collect();
    all.sort();
    all
}

/// REC-33, REC-36 to REC-39: two of three custodians give a lost node's shares to the machine that has
/// its seat, and what it is to keep besides is in the same file.
#[test]
fn two_of_three_custodians_restore_a_seat() {
    let lost = lost();
    for pair in [["greta", "hugo"], ["iris", "greta"]] {
        let parts = pair.map(|who| {
            let part = lost.part(who);
            let read: SeatPart = from_bytes(&to_bytes(&part)).unwrap();
            assert_eq!(read, part);
            read
        });
        let restored = lost.restore(&parts).unwrap();
        assert_whole(&restored);
        assert!(restored.liars.is_empty() && restored.silent.is_empty());
    }
    let verified = lost.verified();
    assert!(verified.report().holds());
    let ops = verified.key(&key_id(&lost.domain, "ops")).unwrap();
    let kept = &world().ops.kept;
    assert_eq!((ops.record(), ops.epoch()), (&kept.record, 1));
    assert_eq!(*ops.decided(), lost.domain.certify(&kept.record, 3));
    let mut bundles: Vec<_> =
        ops.bundles().map(|(kind, who, it)| (kind, who, it.to_vec())).collect();
    let mut expected: Vec<_> =
        kept.bundles.iter().map(|it| (it.kind, it.author, it.bytes.clone())).collect();
    bundles.sort();
    expected.sort();
    assert_eq!(bundles, expected);
    assert_eq!(bundles.iter().filter(|it| it.0 == BundleKind::Shares).count(), 3);
}

/// REC-35: everything that a person is shown comes from the charter of the file.
#[test]
fn an_opening_tells_what_is_opened_for_whom() {
    let lost = lost();
    let opening = lost.opening().unwrap();
    let seat = lost.domain.state.seat(&lost.domain.node(NODE)).unwrap();
    assert_eq!(opening.seat(), seat);
    let claim = lost.domain.claim(NODE, &lost.arrival);
    assert_eq!((opening.claim(), claim_digest(claim.body())), (claim.digest(), claim.digest()));
    let custodian = opening.for_key(holder("iris").public().id()).unwrap();
    assert_eq!(custodian.name().as_str(), "iris");
    assert_eq!((custodian.keys().count(), custodian.of_others().count()), (3, 0));
    assert_eq!(opening.later(), []);
}

/// REC-38: without parts nothing is restored, and a machine may do without; with too few of them it is
/// told who could still help.
#[test]
fn who_is_missing_is_told_by_name() {
    let lost = lost();
    assert!(lost.restore(&[]).unwrap().keys.is_empty());
    let error = lost.restore(&[lost.part("hugo")]).unwrap_err();
    let RestoreSeatError::Missing(missing) = &error else { panic!("{error}") };
    let told: Vec<String> = missing.iter().map(MissingCustodians::to_string).collect();
    let mut sorted = told.clone();
    sorted.sort();
    let who = "any of (greta, iris)";
    assert_eq!(sorted, ["ops", "treasury", "vault"].map(|key| format!("{key}: {who}")));
    assert_eq!(error.to_string(), format!("custodians are missing: {who}"));
}

/// REC-39, BAK-16: whoever lies is named with the key, and the others restore.
#[test]
fn neg_096_a_lying_custodian_is_named_and_the_seat_is_restored() {
    let lost = lost();
    let lying = lost.lying("hugo", &["ops", "vault"]);
    let parts = [lying.clone(), lost.part("greta"), lost.part("iris")];
    let restored = lost.restore(&parts).unwrap();
    assert_whole(&restored);
    let liars: Vec<_> = restored.liars.into_iter().collect();
    assert_eq!(liars, named(&lost.domain, &[("hugo", "ops"), ("hugo", "vault")]));
    assert!(restored.silent.is_empty());

    // Two do not tell who of them lies, and get nothing.
    let error = lost.restore(&[lying, lost.part("greta")]).unwrap_err();
    assert!(matches!(error, RestoreSeatError::False(_)), "{error}");
}

/// REC-39: who left out a key that they could open is told.
#[test]
fn a_silent_custodian_is_named() {
    let lost = lost();
    let part = lost.part("hugo");
    let mut plain = lost.plain(&part);
    plain.retain(|(key, ..)| key.as_slice() != key_id(&lost.domain, "vault").as_ref());
    let some = lost.made(&holder("hugo"), &part, &encoded(&plain));
    let restored = lost.restore(&[lost.part("greta"), some, lost.part("iris")]).unwrap();
    assert_whole(&restored);
    let silent: Vec<_> = restored.silent.into_iter().collect();
    assert_eq!(silent, named(&lost.domain, &[("hugo", "vault")]));
}

/// REC-37, BAK-30: nobody speaks for a custodian without its key, and nobody is blamed for what others
/// made in their name.
#[test]
fn neg_019_a_part_in_somebody_elses_name_does_not_open_and_blames_nobody() {
    let lost = lost();
    let plain = encoded(&lost.plain(&lost.part("hugo")));
    for forger in ["iris", "greta"] {
        let forged = lost.made(&holder(forger), &lost.part("hugo"), &plain);
        assert_eq!(lost.fault(forged), PartFault::Sealed, "{forger}");
    }
    // What one opened itself, under the name and key of another.
    let (mine, theirs) = (lost.part("iris"), lost.part("hugo"));
    let (custodian, key) = (theirs.custodian.clone(), theirs.key);
    assert_eq!(lost.fault(SeatPart { custodian, key, ..mine.clone() }), PartFault::Sealed);
    let custodian = theirs.custodian.clone();
    assert_eq!(lost.fault(SeatPart { custodian, ..mine.clone() }), PartFault::NoCustodian);
    // With the own key, what another one opened.
    let others = lost.made(&holder("iris"), &mine, &plain);
    assert_eq!(lost.fault(others), PartFault::Form);

    let mut changed = theirs.clone();
    *changed.sealed.last_mut().unwrap() ^= 1;
    assert_eq!(lost.fault(changed), PartFault::Sealed);
    let twice = lost.restore(&[theirs.clone(), theirs.clone()]).unwrap_err();
    let fault = PartFault::Twice;
    assert_eq!(twice, RestoreSeatError::Part { custodian: theirs.custodian, fault });
}

/// REC-34: nothing is opened for anybody but the machine that an entry gave the seat to.
#[test]
fn neg_071_without_an_entry_nothing_is_opened() {
    let world = world();
    let file = written(&world.domain.items(&world.keys()));
    let refused = opening(&world.domain, &file).err().unwrap();
    assert_eq!(refused, OpeningError::NotGiven(name(NODE)));
    let reader = BackupReader::new(file.as_slice()).unwrap();
    let genesis = world.domain.state.genesis();
    let verified = VerifiedBackup::read(reader, &genesis).unwrap();
    let node = world.domain.node(NODE);
    let refused = verified.restore(&node, &arrival(1), &[]).unwrap_err();
    assert_eq!(refused, RestoreSeatError::NotGiven(node));

    let reader = BackupReader::new(lost().file.as_slice()).unwrap();
    let nobody = Opening::read(reader, &genesis, &name("node-9")).err().unwrap();
    assert_eq!(nobody, OpeningError::NoNode(name("node-9")));
}

/// REC-34, REC-37: a claim that was overtaken gets nothing, neither from the old parts nor from the
/// new ones.
#[test]
fn neg_076_parts_for_another_claim_do_not_open() {
    let first = lost();
    let second = Lost::to(first.domain.clone(), 2, &world().keys());
    let (old, new) = (first.part("greta"), second.part("greta"));
    assert_eq!(second.fault(old.clone()), PartFault::Entry);
    assert_eq!(second.fault(SeatPart { entry: new.entry, ..old }), PartFault::Sealed);
    let error = second.verified().restore(&second.domain.node(NODE), &first.arrival, &[new]);
    let another = RestoreSeatError::AnotherClaim(second.domain.node(NODE));
    assert_eq!(error.unwrap_err(), another);
}

/// REC-37: a part serves one seat of one domain.
#[test]
fn neg_083_a_part_for_another_seat_or_domain_does_not_open() {
    let lost = lost();
    let part = lost.part("greta");
    let (other, node) = (lost.domain.node("node-1"), part.node);
    assert_eq!(lost.fault(SeatPart { node: other, ..part.clone() }), PartFault::Seat(other));
    let genesis = Domain::founded(2, SoftKind::X25519).state.genesis();
    assert_eq!(lost.fault(SeatPart { genesis, ..part.clone() }), PartFault::Domain);

    // Made for the seat of node-1 with the same secrets, and said to be for this one.
    let mut domain = world().domain.clone();
    domain.give_seat("node-1", domain.claim("node-1", &lost.arrival));
    let file = written(&domain.items(&world().keys()));
    let reader = BackupReader::new(file.as_slice()).unwrap();
    let opening = Opening::read(reader, &domain.state.genesis(), &name("node-1")).unwrap();
    let elsewhere = SeatPart { node, entry: part.entry, ..crate::seats::part(&opening, "greta") };
    assert_eq!(lost.fault(elsewhere), PartFault::Sealed);
}

/// REC-38: parts of other epochs are told by both numbers, and whose they are.
#[test]
fn neg_070_parts_of_another_epoch_are_told_apart() {
    let lost = lost();
    let [_, treasury, vault] = world().keys();
    let before = [world().ops_before.kept.clone(), treasury, vault];
    let file = written(&lost.domain.items(&before));
    let older = part(&opening(&lost.domain, &file).unwrap(), "greta");
    let key = key_id(&lost.domain, "ops");
    assert_eq!(lost.fault(older), PartFault::Other { key, epoch: 0 });
}

/// REC-36: what was dealt after the entry is the new machine's own, and nothing of a retired key is
/// opened.
#[test]
fn only_what_was_lost_is_opened() {
    let lost = lost();
    let mut domain = lost.domain.clone();
    domain.place(MotionBody::KeyRefresh { name: name("vault") });
    let vault = domain.refresh("vault", &world().vault).kept;
    domain.place(MotionBody::KeyRetire { name: name("treasury") });
    let [ops, treasury, _] = world().keys();
    let opened = opening(&domain, &written(&domain.items(&[ops, treasury.clone(), vault.clone()])));
    let opened = opened.unwrap();
    let keys: Vec<KeyId> = opened.lost().map(|key| key.key()).collect();
    assert_eq!(keys, [key_id(&domain, "ops")]);
    assert_eq!(opened.later(), [(key_id(&domain, "vault"), 1)]);

    domain.place(MotionBody::KeyRetire { name: name("ops") });
    let nothing = opening(&domain, &written(&domain.items(&[treasury, vault]))).err().unwrap();
    assert_eq!(nothing, OpeningError::Nothing { node: name(NODE), later: 1 });
}

/// REC-33: of a file that does not hold nothing is opened, nothing is restored, and the report is that
/// of `verify`.
#[test]
fn neg_083_a_file_that_does_not_hold_opens_nothing() {
    let lost = lost();
    let [mut ops, treasury, vault] = world().keys();
    // Not even a bundle of another node.
    let other = lost.domain.node("node-1");
    let bundle = ops.bundles.iter_mut().find(|it| it.author == other).unwrap();
    bundle.bytes[500] ^= 1;
    let file = written(&lost.domain.items(&[ops, treasury, vault]));
    let report = crate::verified(&file, &lost.domain.state.genesis());
    assert!(!report.holds());
    let refused = opening(&lost.domain, &file).err().unwrap();
    assert_eq!(refused, OpeningError::Refused(Box::new(report.clone())));
    let reader = BackupReader::new(file.as_slice()).unwrap();
    let refused = VerifiedBackup::read(reader, &lost.domain.state.genesis()).err().unwrap();
    assert_eq!(*refused, report);

    let cut = &lost.file[..lost.file.len() - 1];
    assert!(matches!(opening(&lost.domain, cut), Err(OpeningError::Refused(_))));
}

/// REC-36: the custody of then counts; and who was not asked cannot be told from others, so opens
/// nothing.
#[test]
fn neg_070_the_custody_of_the_backup_counts_and_who_is_not_asked_opens_nothing() {
    let mut domain = world().domain.clone();
    let now = custody(SoftKind::X25519, 77);
    domain.place(MotionBody::CustodySet { custody: now, excepted: Vec::new() });
    let lost = Lost::to(domain, 1, &world().keys());
    let opening = lost.opening().unwrap();
    let new = custodian_secret(SoftKind::X25519, 77, "greta").public().id();
    assert_eq!(opening.for_key(new).err(), Some(OpeningError::NoCustodian(new)));
    // Only the custodians of now were asked, and nobody answers in another's place.
    let then = holder("greta").public().id();
    assert_eq!(opening.for_key(then).err(), Some(OpeningError::NotAsked(name("greta"))));

    let mut domain = world().domain.clone();
    let node = domain.node(NODE);
    let asks = arrival(1).asks(domain.state.genesis(), node, [domain.state.custody()]).unwrap();
    let hugo = holder("hugo").public().id();
    let asks: Vec<Ask> = asks.into_iter().filter(|it| it.key != hugo).collect();
    domain.give_seat(NODE, domain.claim_asking(node, &arrival(1), asks));
    let file = written(&domain.items(&world().keys()));
    let opening = crate::seats::opening(&domain, &file).unwrap();
    let refused = opening.for_key(holder("hugo").public().id()).err();
    assert_eq!(refused, Some(OpeningError::NotAsked(name("hugo"))));
    assert!(opening.for_key(holder("greta").public().id()).is_ok());
}

/// REC-34: what a claim asks that no key of the custodian's kind takes.
#[test]
fn neg_086_what_is_asked_and_malformed_never_reaches_the_device() {
    let mut domain = world().domain.clone();
    let node = domain.node(NODE);
    let hybrid = SoftKey::from_seed(SoftKind::Hybrid, &[9; 32]);
    let (asked, _) =
        Challenge::new(domain.state.genesis(), node, hybrid.public(), &[1; 32]).unwrap();
    let mut asks = vec![
        Ask { key: holder("greta").public().id(), challenge: to_bytes(&asked) },
        Ask { key: holder("hugo").public().id(), challenge: vec![0xff] },
    ];
    asks.sort_by_key(|ask| ask.key);
    domain.give_seat(NODE, domain.claim_asking(node, &arrival(1), asks));
    let opening = opening(&domain, &written(&domain.items(&world().keys()))).unwrap();
    let greta = holder("greta");
    let custodian = opening.for_key(greta.public().id()).unwrap();
    let part = custodian.open(&greta, &mut rng()).unwrap_or_else(|never| match never {});
    assert_eq!(part, None);
    let refused = opening.for_key(holder("hugo").public().id()).err();
    assert_eq!(refused, Some(OpeningError::NotAsked(name("hugo"))));
}

/// REC-37: what is sealed has one form.
#[test]
fn neg_010_what_is_sealed_has_one_form() {
    let lost = lost();
    let part = lost.part("greta");
    let plain = lost.plain(&part);
    let with = |plain: &[u8]| lost.made(&holder("greta"), &part, plain);
    let good = encoded(&plain);
    assert_eq!(good[0], 0x83);
    assert!(lost.verified().look_at(&part.node, &lost.arrival, &with(&good)).is_ok());
    let mut swapped = plain.clone();
    swapped.swap(0, 1);
    let twice = [plain[0].clone(), plain[0].clone()];
    for (what, bytes) in [
        ("another order", encoded(&swapped)),
        ("one twice", encoded(&twice)),
        ("bytes behind", [&good[..], &[0]].concat()),
        ("a longer number", [&[0x98, 3], &good[1..]].concat()),
        ("cut", good[..good.len() - 1].to_vec()),
        ("nothing", Vec::new()),
        ("no part", encoded(&[(plain[0].0.clone(), 0, vec![0x80].into())])),
    ] {
        assert_eq!(lost.fault(with(&bytes)), PartFault::Form, "{what}");
    }
    assert!(lost.restore(&[with(&[0x80])]).unwrap().keys.is_empty(), "somebody opened nothing");
}

/// The wrong version, and what is none.
#[test]
fn neg_015_a_file_of_a_part_is_read_strictly() {
    let part = lost().part("greta");
    let bytes = to_bytes(&part);
    assert_eq!(bytes[..2], SeatPart::START);
    let mut later = bytes.clone();
    later[1] = 2;
    let refused = from_bytes::<SeatPart>(&later).unwrap_err().to_string();
    assert!(refused.contains("version 2"), "{refused}");
    assert!(from_bytes::<SeatPart>(&bytes[..bytes.len() - 1]).is_err());
    assert!(from_bytes::<SeatPart>(&[&bytes[..], &[0]].concat()).is_err());
    let shown = format!("{part:?} {:?}", lost().arrival);
    assert!(shown.contains("Arrival") && shown.len() < 250, "{shown}");
}

/// N-77: what was restored prints as its number.
#[test]
fn neg_077_what_was_restored_prints_as_nothing() {
    let lost = lost();
    let restored = lost.restore(&[lost.part("greta"), lost.part("hugo")]).unwrap();
    let shown = format!("{restored:?}");
    assert!(shown.contains("Secrets(2)"), "{shown}");
    let share = world().ops.shares[&lost.domain.node(NODE)][0].to_bytes();
    assert!(!shown.contains(&quorate_codec::hex::encode(share.as_ref())[2..]));
}
