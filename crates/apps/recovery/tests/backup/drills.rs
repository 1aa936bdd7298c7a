//! Drills: what custodians open of a canary, and what whoever started one learns of them.

use crate::domain::{
    Domain, EXPORT, NOW, canary_secret, custodian_secret, custody, name, recoveries, written,
};
use crate::world;
use quorate_backup::possession::Challenge;
use quorate_backup::{Opener, RecoveryKey, SoftKey, SoftKind, bundle_digest, handing};
use quorate_charter::{Ask, CustodyTree, MotionBody};
use quorate_codec::{Digest, Transcript, from_bytes, tag, to_bytes};
use quorate_identity::NodeId;
use quorate_recovery::backup_file::{BackupReader, Item};
use quorate_recovery::drill::{
    Drill, DrillError, DrillOpening, DrillPart, DrillPartFault, FinishError, FinishedDrill,
    HeldDrill, Outcome,
};
use quorate_recovery::seat::Arrival;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::sync::OnceLock;

/// When every drill here is started.
pub const STARTED: u64 = NOW + 1_000;

/// A domain whose backup file has a canary for each tree, and a drill of those who restore shares, as
/// it is kept and as custodians see it.
pub struct Drilled {
    pub file: Vec<u8>,
    pub held: HeldDrill,
    opening: DrillOpening,
}

/// One for all tests.
pub fn drilled() -> &'static Drilled {
    static DRILLED: OnceLock<Drilled> = OnceLock::new();
    DRILLED.get_or_init(|| {
        let file = file(EXPORT);
        let held = started(&file, CustodyTree::Seats, 7).unwrap();
        Drilled { opening: opening(&file, held.drill()).unwrap(), held, file }
    })
}

/// The file of this name.
fn file(export: Digest) -> Vec<u8> {
    let domain = &world().domain;
    let mut items = domain.items(&world().keys());
    let Item::Head(head) = &mut items[0] else { panic!() };
    head.export = export;
    let (seats, keys) = domain.recoveries();
    let canary = |tree| Item::Canary(domain.canary_for(domain.node("node-1"), export, 1, tree));
    items.extend([seats, keys].map(canary));
    written(&items)
}

fn started(file: &[u8], tree: CustodyTree, seed: u64) -> Result<HeldDrill, DrillError> {
    let genesis = world().domain.state.genesis();
    let reader = BackupReader::new(file).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    HeldDrill::start(reader, &genesis, tree, (name("ada"), STARTED), &mut rng)
}

fn opening(file: &[u8], drill: &Drill) -> Result<DrillOpening, DrillError> {
    let reader = BackupReader::new(file).unwrap();
    DrillOpening::read(reader, &world().domain.state.genesis(), drill.clone())
}

fn holder(who: &str) -> SoftKey {
    custodian_secret(SoftKind::X25519, 1, who).key()
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(8)
}

/// What a custodian makes of a drill, so many milliseconds after its start.
fn part_of(held: &HeldDrill, who: &str, after_ms: u64) -> DrillPart {
    let opening = opening(&drilled().file, held.drill()).unwrap();
    opened(&opening, who, after_ms).unwrap()
}

fn opened(opening: &DrillOpening, who: &str, after_ms: u64) -> Option<DrillPart> {
    let holder = holder(who);
    let custodian = opening.for_key(holder.public().id()).unwrap();
    assert_eq!(custodian.name(), &name(who));
    let part = custodian.open(&holder, STARTED + after_ms, &mut rng());
    part.unwrap_or_else(|never| match never {})
}

fn part(who: &str) -> DrillPart {
    opened(&drilled().opening, who, 60_000).unwrap()
}

/// Why this part is not taken.
fn fault(part: &DrillPart) -> DrillPartFault {
    match drilled().held.finish(std::slice::from_ref(part)).unwrap_err() {
        FinishError::Part { custodian, fault } if custodian == part.custodian => fault,
        other => panic!("{other}"),
    }
}

/// The bond of a custodian with a drill, as `spec/recovery.md` says.
fn bond(held: &HeldDrill, who: &str) -> handing::Bond {
    let ask = held.drill().asks.iter().find(|ask| ask.key == holder(who).public().id()).unwrap();
    let asked: Challenge = from_bytes(&ask.challenge).unwrap();
    let (genesis, asking) = (held.drill().genesis, NodeId(held.drill().id()));
    let bond = handing::bond(&holder(who), genesis, asking, &asked);
    bond.unwrap_or_else(|never| match never {}).unwrap()
}

fn context(part: &DrillPart) -> Digest {
    let context = Transcript::new(tag::RECOVERY_DRILL_PART).part(part.drill).part(part.key);
    context.number(part.made_at_ms).digest()
}

/// What is sealed in a part, as whoever started the drill alone can look at it.
fn plain(held: &HeldDrill, part: &DrillPart) -> Vec<u8> {
    let kept = held.to_bytes();
    let kept: (Drill, minicbor::bytes::ByteArray<32>) = {
        let mut decoder = minicbor::Decoder::new(&kept);
        decoder.array().unwrap();
        (decoder.decode().unwrap(), decoder.decode().unwrap())
    };
    let machine = SoftKey::from_seed(SoftKind::Hybrid, &kept.1);
    let bond = bond(held, part.custodian.as_str());
    handing::open(&machine, &bond, &context(part), &part.sealed).unwrap().to_vec()
}

/// A part that the holder of a key makes of what it pleases.
fn made(held: &HeldDrill, part: &DrillPart, plain: &[u8]) -> DrillPart {
    let arrival = RecoveryKey::from_bytes(&held.drill().arrival).unwrap();
    let bond = bond(held, part.custodian.as_str());
    let sealed = handing::seal(&mut rng(), &arrival, &bond, &context(part), plain).unwrap();
    DrillPart { sealed, ..part.clone() }
}

/// The same part with every share changed, or with none: they stand last, 32 of 34 bytes.
fn changed(part: &DrillPart, none: bool) -> DrillPart {
    let held = &drilled().held;
    let mut plain = plain(held, part);
    let first = plain.len() - 32 * 34;
    match none {
        false => (0..32).for_each(|row| plain[first + 34 * row + 2] ^= 1),
        true => {
            plain.truncate(first);
            plain.extend([0x40; 32]);
        }
    }
    made(held, part, &plain)
}

fn outcomes(finished: &FinishedDrill) -> Vec<(String, Outcome, bool)> {
    let one =
        |it: &quorate_recovery::drill::Graded| (it.name.to_string(), it.outcome, it.is_needed);
    finished.custodians.iter().map(one).collect()
}

fn expected(all: &[(&str, Outcome, bool)]) -> Vec<(String, Outcome, bool)> {
    all.iter().map(|(who, outcome, needed)| ((*who).to_owned(), *outcome, *needed)).collect()
}

/// REC-50 to REC-55: from a file to the canary, with what is read and written in between.
#[test]
fn custodians_give_back_the_canary_and_everybody_is_graded() {
    let held = &drilled().held;
    let drill: Drill = from_bytes(&to_bytes(held.drill())).unwrap();
    assert_eq!(&drill, held.drill());
    assert_eq!((drill.started_ms, &drill.started_by, drill.asks.len()), (STARTED, &name("ada"), 3));
    let held = HeldDrill::from_bytes(&held.to_bytes()).unwrap();
    assert_eq!(held.trees(), [CustodyTree::Seats]);
    let parts = [part("greta"), opened(&drilled().opening, "iris", 5_000).unwrap()];
    for part in &parts {
        assert_eq!(&from_bytes::<DrillPart>(&to_bytes(part)).unwrap(), part);
    }
    let finished = held.finish(&parts).unwrap();
    assert_eq!(finished.canary(), canary_secret(EXPORT).to_bytes());
    let all = [
        ("greta", Outcome::TookPart, true),
        ("hugo", Outcome::Missing, false),
        ("iris", Outcome::TookPart, true),
    ];
    assert_eq!((outcomes(&finished), finished.spare), (expected(&all), 0));
    let made: Vec<Option<u64>> = finished.custodians.iter().map(|it| it.made_at_ms).collect();
    assert_eq!(made, [Some(STARTED + 60_000), None, Some(STARTED + 5_000)]);
    let mut keys = ["greta", "iris"].map(|who| holder(who).public().id());
    keys.sort();
    assert_eq!(finished.took_part(), keys);

    let all = ["greta", "hugo", "iris"].map(part);
    let finished = held.finish(&all).unwrap();
    assert!(outcomes(&finished).iter().all(|(.., needed)| !needed));
    assert_eq!((finished.spare, finished.took_part().len()), (1, 3));
}

/// REC-54: who could still help is told by name.
#[test]
fn who_is_missing_is_told_by_name() {
    let missing = drilled().held.finish(&[part("hugo")]).unwrap_err();
    assert_eq!(missing.to_string(), "custodians are missing: any of (greta, iris)");
    let keys = started(&drilled().file, CustodyTree::Keys, 9).unwrap();
    assert_eq!(keys.trees(), [CustodyTree::Keys]);
    let opening = opening(&drilled().file, keys.drill()).unwrap();
    let parts = ["greta", "iris"].map(|who| opened(&opening, who, 0).unwrap());
    assert_eq!(keys.finish(&parts).unwrap_err(), FinishError::Missing("hugo".parse().unwrap()));
    let none = drilled().held.finish(&[]).unwrap_err();
    assert!(matches!(none, FinishError::Missing(_)));
}

/// REC-55, BAK-16: whoever lies is named, and so is whose device opened nothing.
#[test]
fn neg_096_a_custodian_who_lies_in_a_drill_is_named() {
    let held = &drilled().held;
    for (none, outcome) in [(false, Outcome::Lied), (true, Outcome::Failed)] {
        let bad = changed(&part("hugo"), none);
        let finished = held.finish(&[part("greta"), bad.clone(), part("iris")]).unwrap();
        let all = [
            ("greta", Outcome::TookPart, true),
            ("hugo", outcome, false),
            ("iris", Outcome::TookPart, true),
        ];
        assert_eq!(outcomes(&finished), expected(&all));
        assert_eq!(finished.took_part().len(), 2);
        let error = held.finish(&[part("greta"), bad]).unwrap_err();
        assert_eq!(error, FinishError::False);
    }
}

/// REC-52: whatever a DRILL names, nothing is opened but a canary of the file.
#[test]
fn neg_084_a_drill_that_names_shares_opens_nothing() {
    let Drilled { file, held, .. } = drilled();
    let world = world();
    let [ops, ..] = world.keys();
    let other = world.domain.canary_for(
        world.domain.node("node-2"),
        EXPORT,
        1,
        world.domain.recoveries().0,
    );
    // Shares of a node, and what one contributed to the key.
    let bundles = [ops.bundles.first(), ops.bundles.last()].into_iter().flatten();
    let digests = bundles.map(|bundle| bundle_digest(&bundle.bytes));
    for canary in digests.chain([bundle_digest(&other), Digest::ZERO]) {
        let crafted = Drill { canary, ..held.drill().clone() };
        assert_eq!(opening(file, &crafted).err(), Some(DrillError::NoCanary));
    }
}

/// REC-52: shares in the place of a canary are no canary of a file that holds, however well proven.
#[test]
fn neg_084_shares_in_the_place_of_a_canary_are_not_opened() {
    let (world, held) = (world(), &drilled().held);
    let [ops, ..] = world.keys();
    for bundle in [ops.bundles.first(), ops.bundles.last()].into_iter().flatten() {
        let mut items = world.domain.items(&world.keys());
        items.push(Item::Canary(bundle.bytes.clone()));
        let file = written(&items);
        let crafted = Drill { canary: bundle_digest(&bundle.bytes), ..held.drill().clone() };
        assert!(matches!(opening(&file, &crafted), Err(DrillError::Refused(_))));
    }
}

/// REC-51, REC-52: another file, another domain, other custodians.
#[test]
fn neg_070_a_drill_is_about_one_file_and_one_custody() {
    let Drilled { file, held, .. } = drilled();
    let later = self::file(Digest([0xe6; 32]));
    let refused = opening(&later, held.drill()).err();
    assert_eq!(refused, Some(DrillError::File));
    // Not even with the name of the file at hand.
    let crafted = Drill { export: Digest([0xe6; 32]), ..held.drill().clone() };
    assert_eq!(opening(&later, &crafted).err(), Some(DrillError::NoCanary));

    let other = Domain::founded(2, SoftKind::X25519).state.genesis();
    let crafted = Drill { genesis: other, ..held.drill().clone() };
    assert_eq!(opening(file, &crafted).err(), Some(DrillError::Domain));
    let reader = BackupReader::new(file.as_slice()).unwrap();
    let refused = DrillOpening::read(reader, &other, crafted).err();
    assert!(matches!(refused, Some(DrillError::Refused(_))));

    let opening = opening(file, held.drill()).unwrap();
    let stranger = custodian_secret(SoftKind::X25519, 77, "greta").public().id();
    assert_eq!(opening.for_key(stranger).err(), Some(DrillError::NoCustodian(stranger)));
    assert_eq!(opening.canary().trees(), [CustodyTree::Seats]);

    // Without a canary there is no drill, and one of a custody of before is none of the file.
    let plain = written(&world().domain.items(&world().keys()));
    let none = started(&plain, CustodyTree::Seats, 1).err();
    assert_eq!(none, Some(DrillError::NoCanaryFor(CustodyTree::Seats)));
    let mut domain = world().domain.clone();
    let now = custody(SoftKind::X25519, 77);
    let (_, then) = recoveries(domain.state.custody());
    domain.place(MotionBody::CustodySet { custody: now, excepted: Vec::new() });
    let mut items = domain.items(&world().keys());
    items.push(Item::Canary(domain.canary_for(domain.node("node-1"), EXPORT, 1, then)));
    let refused = started(&written(&items), CustodyTree::Keys, 1).err();
    assert!(matches!(refused, Some(DrillError::Refused(_))));
}

/// REC-33, REC-51: of a file that does not hold nothing is opened, not even its canary.
#[test]
fn neg_083_a_file_that_does_not_hold_gives_no_drill() {
    let (world, held) = (world(), &drilled().held);
    let [mut ops, treasury, vault] = world.keys();
    ops.bundles[0].bytes[500] ^= 1;
    let mut items = world.domain.items(&[ops, treasury, vault]);
    let (seats, _) = world.domain.recoveries();
    let author = world.domain.node("node-1");
    items.push(Item::Canary(world.domain.canary_for(author, EXPORT, 1, seats)));
    let file = written(&items);
    let report = Box::new(crate::verified(&file, &world.domain.state.genesis()));
    let refused = opening(&file, held.drill()).err();
    assert_eq!(refused, Some(DrillError::Refused(report.clone())));
    assert_eq!(started(&file, CustodyTree::Seats, 1).err(), Some(DrillError::Refused(report)));
}

/// BAK-22, REC-53: a piece of a real backup in the place of what is asked gives a part that opens for
/// nobody: what the device makes of it stays within the custodian's machine.
#[test]
fn neg_083_a_piece_of_shares_that_is_asked_opens_nothing() {
    let Drilled { file, held, .. } = drilled();
    let [ops, ..] = world().keys();
    let key = holder("greta").public().id();
    // An ephemeral key of a closed row: 32 bytes somewhere behind the seeds.
    let bytes = &ops.bundles[0].bytes;
    let piece = &bytes[bytes.len() - 2_000..][..32];
    let mut crafted = held.drill().clone();
    let ask = crafted.asks.iter_mut().find(|ask| ask.key == key).unwrap();
    ask.challenge = to_bytes(&minicbor::bytes::ByteVec::from(piece.to_vec()));
    let opening = opening(file, &crafted).unwrap();
    if let Some(part) = opened(&opening, "greta", 0) {
        assert_eq!(fault(&part), DrillPartFault::Sealed);
    }
    crafted.asks.retain(|ask| ask.key != key);
    let opening = self::opening(file, &crafted).unwrap();
    assert_eq!(opening.for_key(key).err(), Some(DrillError::NotAsked(name("greta"))));
}

/// REC-50: what a machine asks for a seat is nothing in a drill, and the other way about.
#[test]
fn neg_083_a_part_of_a_drill_is_none_of_a_seat() {
    let Drilled { file, held, .. } = drilled();
    let (genesis, node) = (world().domain.state.genesis(), world().domain.node("node-3"));
    let arrival = Arrival::new(&[1; 32], &[2; 32]);
    let asks = arrival.asks(genesis, node, [world().domain.state.custody()]).unwrap();
    let crafted = Drill { asks, arrival: arrival.public(), ..held.drill().clone() };
    let opening = opening(file, &crafted).unwrap();
    let part = opened(&opening, "greta", 0).unwrap();
    // The machine knows the bond for its seat, and none for a drill.
    let key = holder("greta");
    let (_, bond) = handing::ask(genesis, node, key.public(), arrival.coins()).unwrap();
    let machine = SoftKey::from_seed(SoftKind::Hybrid, arrival.seed());
    assert!(handing::open(&machine, &bond, &context(&part), &part.sealed).is_none());
}

/// REC-53, REC-54: a part is of one drill, of one custodian, made at the time that it says, and counts
/// once.
#[test]
fn neg_076_a_part_serves_one_drill_once() {
    let held = &drilled().held;
    let again = started(&drilled().file, CustodyTree::Seats, 10).unwrap();
    let (part, other) = (part("greta"), part_of(&again, "greta", 60_000));
    assert_ne!(part.drill, other.drill);
    assert_eq!(fault(&other), DrillPartFault::Drill);
    let with = |change: &dyn Fn(&mut DrillPart)| {
        let mut part = part.clone();
        change(&mut part);
        fault(&part)
    };
    assert_eq!(fault(&DrillPart { drill: part.drill, ..other }), DrillPartFault::Sealed);
    assert_eq!(with(&|it| it.made_at_ms += 1), DrillPartFault::Sealed);
    assert_eq!(with(&|it| it.sealed[40] ^= 1), DrillPartFault::Sealed);
    assert_eq!(with(&|it| it.sealed.clear()), DrillPartFault::Sealed);
    assert_eq!(with(&|it| it.custodian = name("hugo")), DrillPartFault::NoCustodian);
    let hugo = holder("hugo").public().id();
    assert_eq!(with(&|it| it.key = hugo), DrillPartFault::NoCustodian);
    let as_hugo = |it: &mut DrillPart| (it.key, it.custodian) = (hugo, name("hugo"));
    assert_eq!(with(&as_hugo), DrillPartFault::Sealed);

    let twice = held.finish(&[part.clone(), part.clone()]).unwrap_err();
    let fault_of = |fault| FinishError::Part { custodian: name("greta"), fault };
    assert_eq!(twice, fault_of(DrillPartFault::Twice));
    assert_eq!(fault(&made(held, &part, b"hello")), DrillPartFault::Form);
    let keys = started(&drilled().file, CustodyTree::Keys, 11).unwrap();
    let elsewhere = plain(&keys, &part_of(&keys, "greta", 0));
    assert_eq!(fault(&made(held, &part, &elsewhere)), DrillPartFault::Bundle);
    let of_hugo = plain(held, &self::part("hugo"));
    assert_eq!(fault(&made(held, &part, &of_hugo)), DrillPartFault::Form);
}

/// REC-50, REC-53: every file has one form.
#[test]
fn neg_010_files_of_a_drill_are_read_strictly() {
    let held = &drilled().held;
    let (drill, part) = (to_bytes(held.drill()), to_bytes(&part("greta")));
    for bytes in [&drill, &part] {
        let mut later = bytes.clone();
        assert_eq!(later[1], 1);
        later[1] = 2;
        let refused = from_bytes::<Drill>(&later).map(drop).unwrap_err().to_string();
        let refused = match from_bytes::<DrillPart>(&later) {
            Err(error) if !refused.contains("version 2") => error.to_string(),
            _ => refused,
        };
        assert!(refused.contains("version 2"), "{refused}");
    }
    assert!(from_bytes::<Drill>(&part).is_err() && from_bytes::<DrillPart>(&drill).is_err());
    assert!(from_bytes::<Drill>(&drill[..drill.len() - 1]).is_err());
    assert!(from_bytes::<DrillPart>(&[&part[..], &[0]].concat()).is_err());
    let with = |change: &dyn Fn(&mut Vec<Ask>)| {
        let mut drill = held.drill().clone();
        change(&mut drill.asks);
        from_bytes::<Drill>(&to_bytes(&drill))
    };
    assert!(with(&|asks| asks.truncate(1)).is_ok());
    assert!(with(&|asks| asks.swap(0, 1)).is_err());
    assert!(with(&|asks| asks[1] = asks[0].clone()).is_err());
    assert!(with(&Vec::clear).is_err());
    let kept = held.to_bytes();
    assert!(HeldDrill::from_bytes(&kept[..kept.len() - 1]).is_none());
    assert!(HeldDrill::from_bytes(&drill).is_none());
}

/// N-77: nothing of a drill prints its secrets.
#[test]
fn neg_077_a_drill_prints_as_its_name() {
    let held = &drilled().held;
    let finished = held.finish(&[part("greta"), part("hugo")]).unwrap();
    let shown = format!("{held:?} {finished:?} {:?}", part("greta"));
    let canary = quorate_codec::hex::encode(finished.canary().as_ref());
    assert!(shown.len() < 1_200 && !shown.contains(&canary[2..]), "{shown}");
}
