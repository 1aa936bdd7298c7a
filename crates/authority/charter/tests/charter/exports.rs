//! Keys that are given to somebody whole: ordered, announced, ended, refused, and never forgotten
//! (KEX-01 to KEX-05).

use crate::keys::after;
use crate::succession::succeeding;
use crate::support::drawn::Drawing;
use crate::support::{
    Domain, EXPIRY, NOW, custody, genesis, name, person, recipient, roles, secrets,
};
use quorate_charter::{
    Change, Custodian, Custody, EntryError, ExportError, ExportStatement, Fate, GenesisPerson,
    Matter, MemberKind, Motion, MotionBody, MotionError, NodeChange, NodesChange, Object,
    PeopleChange, PeopleError, Recipient, SignedEnrolment, SignedExportStatement, SignedMember,
    SignedMotion, SignedSeatClaim, State, StatementError, body_effect, effect,
};
use quorate_codec::{Digest, from_bytes, to_bytes};
use quorate_identity::{
    CredentialKind, CredentialSigner, GenesisHash, Head, KeyId, MemorySigner, NodeId, words,
};

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
    let longest = Recipient { name: name("gil"), key: vec![1; 1536] };
    assert_eq!(check(&domain, &state, export("hot", longest)), Ok(()));
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

/// KEX-02, N-27: nor does one that a machine, a service or a node of before had, or that was made for
/// a seat or for an heir.
#[test]
fn neg_027_a_key_of_a_machine_or_of_before_gets_none() {
    let domain = Domain::of(&succeeding(&[1, 2, 3]));
    let claim = |seed: u8, arrival: &[u8]| {
        let (genesis, node) = (domain.hash, domain.node("n2"));
        let claim =
            SignedSeatClaim::create(genesis, node, arrival.to_vec(), Vec::new(), &secrets(seed));
        MotionBody::SeatGive { name: name("n2"), claim }
    };
    let mut drawing = Drawing::new(&domain, "G -> key[key hot]");
    drawing.give("seat", claim(22, b"made for the seat"));
    drawing.more(
        "key -> five[admit n5] -> out[expel n3] -> seat[given seat] -> keys[rekey finn finn-2]",
    );
    let state = drawing.state("keys");
    let of_x25519 = |point: &[u8]| [&[1][..], point].concat();
    let of = |who: &str| {
        of_x25519(person(who).credential().blob().last_chunk::<32>().unwrap().as_slice())
    };
    let sealed = |seed: u8| of_x25519(secrets(seed).public().sealed());
    let to = |key: Vec<u8>| export("hot", Recipient { name: name("gil"), key });
    let taken = MotionError::from(ExportError::KeyTaken(name("gil")));
    for (whose, key) in [
        ("the one-time key of a machine in a seat", b"made for the seat".to_vec()),
        ("the one-time key of an heir", vec![2; 32]),
        ("a machine's in a seat", sealed(22)),
        ("the node's before", sealed(2)),
        ("a node's that was admitted", sealed(5)),
        ("a node's that was revoked", sealed(3)),
        ("a statement key", of_x25519(secrets(1).public().statement())),
        ("a service's", of("bot")),
        ("a person's of now", of("finn-2")),
        ("a person's of before", of("finn")),
    ] {
        assert_eq!(check(&domain, state, to(key)), Err(taken.clone()), "{whose}");
    }
    for (whose, key) in [("nobody's", sealed(77)), ("nobody's", of("gil"))] {
        assert_eq!(check(&domain, state, to(key)), Ok(()), "{whose}");
    }
    // And the other way round: a machine brings no key to a seat that a key was given to.
    let state = drawing.state("key");
    let given = after(&domain, state, vec![to(sealed(22)), keep("hot")]);
    assert_eq!(check(&domain, state, claim(22, b"one-time")), Ok(()));
    let error = check(&domain, &given, claim(22, b"one-time"));
    assert_eq!(error, Err(MotionError::KeyTaken(name("n2"))));
    // Nor as the one-time key to which custodians would open shares.
    let key = sealed(77);
    let given = after(&domain, state, vec![to(key.clone()), keep("hot")]);
    let error = check(&domain, &given, claim(23, &key));
    assert_eq!(error, Err(MotionError::KeyTaken(name("n2"))));
    assert_eq!(check(&domain, &given, claim(23, b"one-time")), Ok(()));
}

/// The key of the example for P-256 in RFC 6979, A.2.5, as OpenSSH writes it.
const P256: &str = "-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAaAAAABNlY2RzYS
1zaGEyLW5pc3RwMjU2AAAACG5pc3RwMjU2AAAAQQRg/tS6JVqdMclh63TGNW1owEm4kjth
+mzmaWIuYPKftnkD/hAIuLyZpBrp6VYovGTy8bIMLX6fUXejwpTURiKZAAAAoAAAAAEAAA
ABAAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBGD+1LolWp0xyWHr
dMY1bWjASbiSO2H6bOZpYi5g8p+2eQP+EAi4vJmkGunpVii8ZPLxsgwtfp9Rd6PClNRGIp
kAAAAhAMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2chAAAAAAECAwQFBgc=
-----END OPENSSH PRIVATE KEY-----
";

fn p256() -> MemorySigner {
    MemorySigner::from_openssh(P256, None).unwrap()
}

/// Gil's recovery key, if it has the point of that key or its negative: SSH writes both coordinates,
/// a recovery key the first, and which of two points it is.
fn gils_of_p256() -> [Recipient; 2] {
    let coordinates = *p256().credential().blob().last_chunk::<64>().unwrap();
    [2, 3].map(|sign| {
        let key = [&[2, sign], &coordinates[..32]].concat();
        Recipient { name: name("gil"), key }
    })
}

/// A recovery key of that kind with another first coordinate.
fn hals_of_p256() -> Recipient {
    let [mut other, _] = gils_of_p256();
    other.key[33] ^= 1;
    Recipient { name: name("hal"), ..other }
}

/// KEX-02, N-27: a person's SSH key of P-256 is known by its first coordinate, for ever.
#[test]
fn neg_027_an_ssh_key_of_p256_gets_no_key() {
    let mut genesis = genesis(4, 1);
    genesis.people.push(GenesisPerson {
        name: name("pia"),
        credential: p256().credential().clone(),
        roles: roles("approve"),
    });
    assert_eq!(p256().credential().kind(), CredentialKind::P256);
    let domain = Domain::of(&genesis);
    let drawing = Drawing::new(
        &domain,
        "G -> key[key hot] -> keys[rekey pia pia-2]
         key -> left[leave pia]",
    );
    for entry in ["key", "keys", "left"] {
        let state = drawing.state(entry);
        for gil in gils_of_p256() {
            let error = check(&domain, state, export("hot", gil));
            assert_eq!(error, Err(ExportError::KeyTaken(name("gil")).into()), "{entry}");
        }
        assert_eq!(check(&domain, state, export("hot", hals_of_p256())), Ok(()), "{entry}");
    }
}

/// What somebody says of themselves with that key.
fn with_p256(domain: &Domain, who: &str, kind: MemberKind) -> SignedMember {
    SignedMember::create(domain.hash, name(who), kind, &[&p256()]).unwrap()
}

/// KEX-02, N-27: and what got a key becomes nobody's SSH key, whoever they are and whether or not the
/// export was ended.
#[test]
fn neg_027_a_key_of_p256_that_got_one_is_nobodys_ssh_key() {
    let domain = Domain::new(4, 1);
    let state = after(&domain, &domain.state, vec![domain.key_create("hot")]);
    let with = |who, kind| with_p256(&domain, who, kind);
    let (person, service) = (MemberKind::Person, MemberKind::Service);
    let changes = [
        ("pia", Change::Enrol { member: with("pia", person), roles: roles("approve") }),
        ("robot", Change::Enrol { member: with("robot", service), roles: roles("") }),
        ("ben", Change::Keys { member: with("ben", person) }),
        ("bot", Change::Keys { member: with("bot", service) }),
    ];
    for (who, change) in changes {
        let body = MotionBody::People(PeopleChange::one(change));
        assert_eq!(check(&domain, &state, body.clone()), Ok(()), "{who}");
        let hals = after(&domain, &state, vec![export("hot", hals_of_p256())]);
        assert_eq!(check(&domain, &hals, body.clone()), Ok(()), "{who}");
        let taken = MotionError::from(PeopleError::KeyTaken(name(who)));
        for gil in gils_of_p256() {
            let gils = after(&domain, &state, vec![export("hot", gil)]);
            assert_eq!(check(&domain, &gils, body.clone()), Err(taken.clone()), "{who}");
            let ended = after(&domain, &gils, vec![keep("hot")]);
            assert_eq!(check(&domain, &ended, body.clone()), Err(taken.clone()), "{who}");
        }
    }
}

/// KEX-02, GOV-80: of an export and an enrolment that are announced with one key, the first to take
/// effect is the only one.
#[test]
fn neg_027_one_key_of_what_is_announced_serves_one_thing() {
    let domain = slow();
    let member = with_p256(&domain, "pia", MemberKind::Person);
    let joins = Change::Enrol { member, roles: roles("approve") };
    for gil in gils_of_p256() {
        let mut drawing = Drawing::new(&domain, "G -> key[key hot]");
        drawing.give("export", export("hot", gil));
        drawing.give("join", MotionBody::People(PeopleChange::one(joins.clone())));
        drawing.more(
            "key -> told[given export] -> in[given join] -> given[enact told] -> late[enact in]
             in -> joined[enact in] -> never[enact told]",
        );
        assert!(drawing.state("given").key_named(&name("hot")).unwrap().is_exported());
        assert!(drawing.refusal("given", "late").contains("no motion"));
        assert!(drawing.state("joined").person_named(&name("pia")).is_some());
        assert!(drawing.refusal("joined", "never").contains("no motion"));
        assert_eq!(drawing.state("joined").announced().count(), 0);
    }
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

/// KEX-11: a node says for one domain which part it gives, and nobody says it for another one.
#[test]
fn neg_076_what_a_node_says_of_its_part_is_its_own() {
    let domain = Domain::new(4, 1);
    let said = |change: fn(&mut ExportStatement)| {
        let mut statement = ExportStatement {
            version: 1,
            genesis: domain.hash,
            node: domain.node("n1"),
            key: KeyId(Digest([1; 32])),
            epoch: 3,
            record: Digest([2; 32]),
            export: Head(Digest([3; 32])),
            bundle: Digest([4; 32]),
        };
        change(&mut statement);
        SignedExportStatement::sign(statement, &secrets(1))
    };
    let honest = said(|_| ());
    assert_eq!(honest.verify(&domain.state), Ok(honest.body()));
    assert_eq!(from_bytes::<SignedExportStatement>(&to_bytes(&honest)), Ok(honest.clone()));
    let refused = |change| said(change).verify(&domain.state).unwrap_err();
    let (foreign, stranger) = (GenesisHash(Digest([7; 32])), NodeId(Digest([7; 32])));
    assert_eq!(refused(|it| it.version = 2), StatementError::Version(2));
    let error = refused(|it| it.genesis = GenesisHash(Digest([7; 32])));
    assert_eq!(error, StatementError::ForeignDomain(foreign));
    let error = refused(|it| it.node = NodeId(Digest([7; 32])));
    assert_eq!(error, StatementError::UnknownNode(stranger));
    let forged = SignedExportStatement::sign(honest.body().clone(), &secrets(2));
    assert_eq!(forged.verify(&domain.state), Err(StatementError::Signature));
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
