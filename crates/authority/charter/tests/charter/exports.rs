//! Keys that are given to somebody whole: ordered, announced, ended, refused, and never forgotten
//! (KEX-01 to KEX-05).

use crate::keys::after;
use crate::support::drawn::Drawing;
use crate::support::{Domain, EXPIRY, NOW, custody, genesis, name, person, recipient, secrets};
use quorate_charter::{
    Custodian, Custody, EntryError, ExportError, Fate, Matter, Motion, MotionBody, MotionError,
    NodeChange, NodesChange, Object, Recipient, SignedEnrolment, SignedMotion, State, body_effect,
    effect,
};
use quorate_codec::Digest;
use quorate_identity::{CredentialSigner, words};

const SECOND: u64 = 1_000;

fn export(key: &str, to: Recipient) -> MotionBody {
    MotionBody::KeyExport { name: name(key), recipient: Some(to) }
}

fn keep(key: &str) -> MotionBody {
    MotionBody::KeyExport { name: name(key), recipient: None }
}

fn check(domain: &Domain, state: &State, body: MotionBody) -> Result<(), MotionError> {
    state.check_motion(&domain.motion(state, body), NOW).map(drop)
}

/// A domain that announces what is dangerous a minute before.
fn slow() -> Domain {
    let mut slow = genesis(4, 1);
    slow.rules.main.delay_ms = 60 * SECOND;
    Domain::of(&slow)
}

/// KEX-01: two entries with a delay between them, that can be objected to and withdrawn; the charter
/// knows of an export only once it took effect.
#[test]
fn an_export_is_announced_and_stands_once_it_takes_effect() {
    let domain = slow();
    let drawing = Drawing::new(
        &domain,
        "G -> key[key hot] -> told[export hot gil] -> done[enact told]
         told -> no[object told, by cleo] -> early[enact told]
         told -> back[withdraw told] -> late[enact told]
         key -> alone[export hot gil, by ada]",
    );
    let told = drawing.state("told");
    let order = |state: &str| drawing.state(state).key_named(&name("hot")).unwrap().clone();
    assert!(!order("told").is_exported(), "what is only announced gives nobody anything");
    let announced = told.announcement(&drawing.id("told")).unwrap();
    assert_eq!((announced.matter, announced.delay_ms), (Matter::Keys, 60 * SECOND));
    assert!(!announced.motion.body.is_upkeep());
    assert!(drawing.refusal("key", "alone").starts_with("signatures are missing"));
    assert_eq!(drawing.refusal("no", "early"), MotionError::Objected.to_string());
    assert!(drawing.refusal("back", "late").contains("no motion"));
    assert!(!order("back").is_exported() && !order("no").is_exported());
    let done = order("done");
    let exported = &done.exports[0];
    assert_eq!(exported.recipient, recipient("gil"));
    assert_eq!((exported.entry, exported.position), (drawing.state("done").head(), 3));
    assert!(exported.is_open() && done.is_exported());
    assert_eq!(done.export(&exported.entry), Some(exported));
    assert_eq!(done.export(&drawing.state("told").head()), None);
    assert_eq!(drawing.replay("key told done").unwrap(), *drawing.state("done"));
}

/// KEX-01: an order of the same key that is placed first supersedes it, and the other way round.
#[test]
fn an_export_touches_its_key() {
    let domain = slow();
    let drawing = Drawing::new(
        &domain,
        "G -> key[key hot] -> told[export hot gil] -> void[void hot] -> late[enact told]
         told -> end[retire hot] -> done[enact told] -> ended[enact end]
         told -> again[export hot hal] -> both[enact again]",
    );
    let motion =
        Motion::new(drawing.state("key"), export("hot", recipient("gil")), Digest::ZERO, NOW);
    assert_eq!(motion.expects, [(Object::Key(name("hot")), 1)]);
    assert_eq!(drawing.state("void").fate(&drawing.id("told")), Some(Fate::Superseded(3)));
    assert!(drawing.refusal("void", "late").contains("no motion"));
    assert_eq!(drawing.state("done").fate(&drawing.id("end")), Some(Fate::Superseded(4)));
    assert_eq!(drawing.state("both").fate(&drawing.id("told")), Some(Fate::Superseded(4)));
    assert_eq!(drawing.state("both").version(&Object::Key(name("hot"))), 2);
}

/// KEX-05: ended at once, without a delay; and remembered whatever comes.
#[test]
fn an_export_ends_and_is_never_forgotten() {
    let domain = slow();
    let drawing = Drawing::new(
        &domain,
        "G -> key[key hot] -> told[export hot gil] -> done[enact told]
         done -> kept[keep hot] -> again[keep hot]
         done -> fresh[refresh hot] -> off[retire hot] -> gone[enact off]
         key -> none[keep hot]",
    );
    let order = |state: &str| drawing.state(state).key_named(&name("hot")).unwrap().clone();
    assert_eq!(order("kept").exports[0].ended, Some(4));
    assert_eq!(order("kept").open_exports().count(), 0);
    assert!(order("kept").is_exported(), "for ever");
    let not_open = ExportError::NotOpen(name("hot")).to_string();
    assert_eq!(drawing.refusal("kept", "again"), not_open);
    assert_eq!(drawing.refusal("key", "none"), not_open);
    assert_eq!(order("fresh").open_exports().count(), 1, "new shares end none");
    assert_eq!(order("gone").open_exports().count(), 0, "of a retired key nothing is given");
    assert!(order("gone").is_exported());
}

/// KEX-02: a key that is there and stands, under a name that is nobody else's.
#[test]
fn what_cannot_be_exported_or_to_that_name_is_refused() {
    let domain = Domain::new(4, 1);
    let keys = ["hot", "old"].map(|key| domain.key_create(key));
    let state = after(&domain, &domain.state, keys.into());
    let state = after(&domain, &state, vec![MotionBody::KeyRetire { name: name("old") }]);
    let refused = |body| check(&domain, &state, body).unwrap_err();
    assert_eq!(check(&domain, &state, export("hot", recipient("gil"))), Ok(()));
    assert_eq!(check(&domain, &state, export("hot", recipient("ben"))), Ok(()), "a person may");
    let to = |key| export(key, recipient("gil"));
    assert_eq!(refused(to("cold")), MotionError::UnknownKey(name("cold")));
    assert_eq!(refused(to("old")), MotionError::Retired(name("old")));
    for taken in ["n1", "bot", "greta"] {
        let error = refused(export("hot", recipient(taken)));
        assert_eq!(error, ExportError::Name(name(taken)).into());
    }
    for key in [Vec::new(), vec![1; 1537]] {
        let error = refused(export("hot", Recipient { name: name("gil"), key }));
        assert_eq!(error, ExportError::Key(name("gil")).into());
    }
}

/// KEX-02, N-27: a recovery key that serves, served, or would serve something else gets no key.
#[test]
fn neg_027_a_key_that_serves_something_else_gets_none() {
    let domain = slow();
    let mut other = custody();
    other.custodians[1].key = b"another key of hugo".to_vec();
    let set =
        |custody: &Custody| MotionBody::CustodySet { custody: custody.clone(), excepted: vec![] };
    let fast = Domain::new(4, 1);
    let state = after(&fast, &fast.state, vec![fast.key_create("hot"), set(&other)]);
    let to = |key: &[u8]| export("hot", Recipient { name: name("gil"), key: key.to_vec() });
    let taken = MotionError::from(ExportError::KeyTaken(name("gil")));
    let node = *secrets(2).public().transport();
    // The point stands last in the blob of an Ed25519 key.
    let ada = person("ada").credential().blob().last_chunk::<32>().copied().unwrap();
    let cases: [(&str, Vec<u8>); 5] = [
        ("a custodian's of now", b"greta".to_vec()),
        ("a custodian's who has another one", b"hugo".to_vec()),
        ("the one that replaced it", b"another key of hugo".to_vec()),
        ("a node's", [&[1][..], &node].concat()),
        ("an administrator's", [&[1][..], &ada].concat()),
    ];
    for (whose, key) in cases {
        assert_eq!(check(&fast, &state, to(&key)), Err(taken.clone()), "{whose}");
    }
    assert_eq!(check(&fast, &state, to(b"made for it")), Ok(()));
    // One that a custody which is announced would name.
    let drawing = Drawing::new(&domain, "G -> key[key hot]");
    let announced = after(&domain, drawing.state("key"), vec![set(&other)]);
    assert_eq!(announced.announced().count(), 1);
    assert_eq!(check(&domain, &announced, to(b"another key of hugo")), Err(taken));
    assert_eq!(check(&domain, &announced, to(b"made for it")), Ok(()));
}

/// KEX-02, N-27: and a key that keys were exported to serves nothing else any more, nor once what was
/// announced of it took effect.
#[test]
fn neg_027_a_key_that_got_one_serves_nothing_else() {
    let domain = slow();
    let enrolled = |seed: u8| {
        let role = quorate_charter::Role::Signer;
        let enrolment = SignedEnrolment::create(name("n5"), role, &secrets(seed));
        let (declared, standing) = (Default::default(), quorate_charter::Standing::Waits);
        let changes = vec![NodeChange::Admit { enrolment, declared, standing }];
        MotionBody::Nodes(NodesChange { changes, faults: None })
    };
    let custodian = |key: &[u8]| {
        let mut custodians = custody().custodians;
        custodians[0] = Custodian::new(name("gwen"), key.to_vec());
        let custody = Custody::some_of(2, custodians).unwrap();
        MotionBody::CustodySet { custody, excepted: vec![] }
    };
    let node = [&[1][..], secrets(5).public().transport()].concat();
    let state = after(&domain, &domain.state, vec![domain.key_create("hot")]);
    assert_eq!(check(&domain, &state, custodian(&node)), Ok(()));
    assert_eq!(check(&domain, &state, enrolled(5)), Ok(()));
    let to = Recipient { name: name("gil"), key: node.clone() };
    let announced = after(&domain, &state, vec![export("hot", to.clone())]);
    let refused = MotionError::from(ExportError::Recipient(name("gwen")));
    assert_eq!(check(&domain, &announced, custodian(&node)), Err(refused.clone()));
    // In whichever place it stands among the custodians.
    for place in 0..custody().custodians.len() {
        let mut custodians = custody().custodians;
        let who = custodians[place].name.clone();
        custodians[place] = Custodian::new(who.clone(), node.clone());
        let custody = Custody::some_of(2, custodians).unwrap();
        let set = MotionBody::CustodySet { custody, excepted: vec![] };
        let refused = MotionError::from(ExportError::Recipient(who));
        assert_eq!(check(&domain, &announced, set), Err(refused), "{place}");
    }
    let fast = Domain::new(4, 1);
    let state =
        after(&fast, &fast.state, vec![fast.key_create("hot"), export("hot", to), keep("hot")]);
    assert_eq!(check(&fast, &state, custodian(&node)), Err(refused));
    assert!(check(&fast, &state, enrolled(5)).is_err());
    assert_eq!(check(&fast, &state, enrolled(6)), Ok(()));
}

/// KEX-02: to one recovery key once at a time, and to no more than a few.
#[test]
fn few_exports_of_a_key_are_open_at_once() {
    let domain = Domain::new(4, 1);
    let mut state = after(&domain, &domain.state, vec![domain.key_create("hot")]);
    for who in ["gil", "hal", "ina", "jon"] {
        state = after(&domain, &state, vec![export("hot", recipient(who))]);
        let again = check(&domain, &state, export("hot", recipient(who)));
        assert_eq!(again, Err(ExportError::Open(name("hot")).into()));
    }
    let more = || check(&domain, &state, export("hot", recipient("kim")));
    assert_eq!(more(), Err(ExportError::TooMany(name("hot")).into()));
    let ended = after(&domain, &state, vec![keep("hot")]);
    assert_eq!(check(&domain, &ended, export("hot", recipient("gil"))), Ok(()));
    let order = ended.key_named(&name("hot")).unwrap();
    assert_eq!((order.exports.len(), order.open_exports().count()), (4, 0));
    // Nor are many of all keys together.
    for number in 0..16 {
        let key = format!("key-{number}");
        let mut bodies = vec![domain.key_create(&key)];
        bodies.extend(["gil", "hal", "ina", "jon"].map(|who| export(&key, recipient(who))));
        state = after(&domain, &state, bodies);
        if number == 14 {
            state = after(&domain, &state, vec![keep("hot")]);
        }
    }
    state = after(&domain, &state, vec![domain.key_create("more")]);
    let more = check(&domain, &state, export("more", recipient("gil")));
    assert_eq!(more, Err(ExportError::TooManyOpen.into()));
    let ended = after(&domain, &state, vec![keep("key-3")]);
    assert_eq!(check(&domain, &ended, export("more", recipient("gil"))), Ok(()));
}

/// KEX-03: what people read before they sign: who, how many before and after, for how long, which
/// words to compare.
#[test]
fn whoever_signs_reads_what_an_export_means() {
    let domain = slow();
    let state = after(&domain, &domain.state, vec![domain.key_create("hot")]);
    let motion = Motion::new(&state, export("hot", recipient("gil")), Digest::ZERO, EXPIRY);
    assert_eq!(motion.kind(), "key-export");
    let said = effect(&motion, &state).join("\n");
    let words = words(&recipient("gil").key_id().digest()).join(" ");
    for part in [
        "gives the whole key hot to whoever holds the recovery key of gil",
        "at least 2 nodes sign together; then 1 holder signs alone, without any node, for ever",
        "no policy, no approval, no limit and no quorum",
        &format!("the recovery key of gil is: {words}"),
        "exported for ever",
        "takes effect 1 minute later",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let fast = Domain::new(4, 1);
    let state =
        after(&fast, &fast.state, vec![fast.key_create("hot"), export("hot", recipient("gil"))]);
    let again = body_effect(&export("hot", recipient("hal")), &state).join("\n");
    assert!(again.contains("it was exported 1 times before"), "{again}");
    let ends = Motion::new(&state, keep("hot"), Digest::ZERO, EXPIRY);
    assert_eq!(ends.kind(), "key-export-end");
    let said = effect(&ends, &state).join("\n");
    assert!(said.contains("nothing of the key hot to gil any more"), "{said}");
    assert!(said.contains("whoever collected enough until now has the whole key"), "{said}");
}

/// A motion for another domain exports nothing here (N-76).
#[test]
fn neg_076_an_export_of_another_domain_counts_for_nothing() {
    let (domain, other) = (Domain::new(4, 1), slow());
    let state = after(&domain, &domain.state, vec![domain.key_create("hot")]);
    let theirs = after(&other, &other.state, vec![other.key_create("hot")]);
    let motion = Motion::new(&theirs, export("hot", recipient("gil")), Digest::ZERO, EXPIRY);
    let signed = SignedMotion::new(&motion);
    assert!(matches!(state.check_motion(&signed, NOW), Err(MotionError::ForeignDomain(_))));
    let entry = other.entry(&theirs, &signed);
    assert!(matches!(state.verify_entry(&entry), Err(EntryError::ForeignDomain(_))));
}
