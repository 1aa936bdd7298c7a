//! What must be refused, and each time for the reason that it is there for.

use super::said::{
    all_frozen, ceded, decided, did, digest_of, founder, freeze, gina, gives, greeting, hello, hot,
    id, known, lock, next_value, rejoin, say, signed_cession, welcome,
};
use super::stories::{
    Story, asks, claim, custodian, export, give_seat, import, over, point_of_pia, recovery_key,
    recovery_key_of, reshare, restore, restored, second_custody, secp256k1, set_custody,
};
use super::{Refused, judged};
use crate::support::{admit, name, person, secrets};
use quorate_charter::{
    AbortStatement, AttemptOutcome, BallotBody, CertifiedEntry, Cession, Custodian, Custody, Entry,
    EntryBody, EpochStep, Freeze, FreezeScope, Hello, Instance, Lock, MotionBody, NodesChange,
    Restored, Role, Signed, SignedBallotMessage, SignedEnrolment, SignedFreeze, SignedSeatClaim,
    Standing, limits,
};
use quorate_codec::{Digest, hex, tag, to_bytes};
use quorate_identity::{KeyId, NodeId, NodeSignature, NodeSignatures, Scheme};

/// Entries of the vault that voters certified and nobody takes: why, after which entry, what they
/// do, and what is said of them.
const OF_VAULT: [(&str, &str, &str, &str); 43] = [
    ("one person too few", "G", "key hot, by ada", "signatures are missing"),
    ("somebody without a say", "G", "key hot, by ada+finn", "has no say"),
    ("a signature by another key", "G", "key hot, by ada=ben+ben", "of ada does not verify"),
    ("one voter too few", "G", "key hot, votes 2", "3 are needed"),
    ("a motion that was placed", "hot", "again hot", "in the charter already"),
    ("what was not announced takes effect", "hot", "enact hot", "is announced"),
    ("key-reshare: a node signs alone", "hot", "given alone", "tree is refused"),
    ("key-reshare: a witness", "hot", "given witness", "n4 is not a signer"),
    ("key-reshare: more losses than the tree bears", "hot", "given losses", "not of 2"),
    ("key-import: a name that is taken", "cold", "given cold", "a key of the name cold"),
    ("key-import: the negative of a known point", "cold", "given negative", "public key already"),
    ("key-import: a point of another scheme", "cold", "given length", "is none for"),
    ("key-restore: there is no domain before", "hot", "given theirs", "succeeds no other"),
    ("custody-set: another order", "gold", "given order", "do not ascend"),
    ("custody-set: one key of two custodians", "gold", "given twice", "greta and hugo have one"),
    ("custody-set: somebody restores alone", "gold", "given lone", "restores shares is refused"),
    ("custody-set: keys are restored by fewer", "gold", "given weaker", "only by 3"),
    ("custody-set: the name of a node", "gold", "given node", "custodian n1 has"),
    ("custody-set: two roles", "gold", "given roles", "olga is auditor and custodian"),
    ("custody-set: an exception for nothing", "gold", "given needless", "iris needs no"),
    ("custody-set: a key that got a key", "out", "given gil", "no custodian has it"),
    ("seat-give: another machine signed", "hands", "given forged", "signature does not verify"),
    ("seat-give: for another domain", "hands", "given foreign", "for another domain"),
    ("seat-give: for the seat of n3", "hands", "given other", "seat of a node n2"),
    ("seat-give: keys of another node", "hands", "given third", "is, or was, somebody's"),
    ("seat-give: keys that the node had", "seat", "given former", "is, or was, somebody's"),
    ("seat-give: keys asked in another order", "hands", "given asks", "cannot be read"),
    ("nodes-change: another order", "back", "given nodes", "ascending by name"),
    ("node-admit: a key of another node", "back", "given admit", "is, or was, somebody's"),
    ("faults-set: too few voters", "more", "bear 2", "5 voters do not bear 2"),
    ("key-export: to the key of a custodian", "hands", "given greta", "is, or was, somebody's"),
    ("key-export: to the SSH key of a person", "hands", "given pia", "is, or was, somebody's"),
    ("key-export: to the negative of it", "hands", "given minus", "is, or was, somebody's"),
    ("key-export: under the name of a node", "hands", "given n1", "n1 is the name of a node"),
    ("key-export: once more to the same key", "out", "given out", "being exported to this"),
    ("key-export-end: nothing is exported", "hot", "keep hot", "no export of the key hot"),
    ("member-keys: a key of somebody else", "none", "rekey ben ada", "is, or was, somebody's"),
    (
        "administrators-recover: one guardian too few",
        "none",
        "recover, join dora admin, leave cleo, rules 2 ada+ben+dora, by gabi",
        "signatures are missing",
    ),
    (
        "administrators-recover: by administrators",
        "none",
        "recover, join dora admin, leave cleo, rules 2 ada+ben+dora, by ada+ben",
        "has no say",
    ),
    (
        "administrators-recover: an approver",
        "none",
        "recover, join dora approve, by gabi+hans",
        "a recovery enrols administrators",
    ),
    (
        "administrators-recover: it cannot be objected to",
        "dora",
        "object dora, by ada",
        "nobody can object",
    ),
    ("thaw: of nothing", "new", "given nothing", "a thaw names"),
    ("thaw: another order", "new", "given descending", "a thaw names"),
];

/// The same of the domain that succeeds it.
const OF_HEIR: [(&str, &str, &str, &str); 3] = [
    ("key-restore: the same key once more", "ops", "given twin", "ops is that key"),
    ("key-restore: a name that is taken", "ops", "given ops", "a key of the name ops"),
    ("key-restore: no account", "ops", "given empty", "not 0"),
];

/// Something, and what is said of it.
struct Case(&'static str, &'static str, &'static str, Vec<u8>, &'static str);

pub fn all(vault: &mut Story<'_>, heir: &mut Story<'_>) -> Vec<Refused> {
    for (name, body) in bodies(vault, heir) {
        vault.drawing.give(name, body);
    }
    let another = Restored { key: KeyId(Digest([9; 32])), ..restored(vault, heir.domain) };
    let over_heirs = || over(heir.domain, "2 of (m1, m2, m3)");
    let twin = restore("twin", over_heirs(), 2, restored(vault, heir.domain));
    heir.drawing.give("twin", twin);
    heir.drawing.give("ops", restore("ops", over_heirs(), 2, another.clone()));
    heir.drawing.give("empty", restore("empty", over_heirs(), 0, another));
    let mut all: Vec<Refused> = OF_VAULT.iter().map(|case| drawn(vault, *case)).collect();
    all.extend(OF_HEIR.iter().map(|case| drawn(heir, *case)));
    let cases = [entries(vault, heir), of_people(vault, heir), of_nodes(vault), ballots(vault)];
    all.extend(cases.into_iter().flatten().map(|case| judged(vault, case)));
    let (genesis, successor) = (heir.domain.hash, vault.domain.hash);
    let unguarded = Cession { genesis, successor, ..ceded(vault, heir.domain) };
    let unguarded = to_bytes(&signed_cession(vault, &unguarded, &["gabi", "hans"]));
    let case = Case("nobody guards this domain", "cession", "G", unguarded, "no guardians");
    all.push(judged(heir, case));
    all
}

fn drawn(story: &mut Story<'_>, (why, after, does, says): (&str, &str, &str, &str)) -> Refused {
    story.drawing.more(&format!("{after} -> {why}[{does}]"));
    let entry = to_bytes(&story.drawing.entry(why));
    refused(story, (why, "entry", after), &entry, says)
}

fn judged(story: &Story<'_>, Case(why, form, after, bytes, says): Case) -> Refused {
    refused(story, (why, form, after), &bytes, says)
}

fn refused(
    story: &Story<'_>,
    (why, form, after): (&str, &str, &str),
    bytes: &[u8],
    says: &str,
) -> Refused {
    let judged = judged::statement(form, story.at(after), bytes);
    let is_said = judged.as_ref().is_err_and(|error| error.contains(says));
    assert!(is_said, "{form}, {why}: {judged:?}");
    Refused {
        why: why.to_owned(),
        form: form.to_owned(),
        domain: story.name(),
        position: story.at(after).position(),
        bytes: hex::encode(bytes),
    }
}

/// What the notes of these entries name.
fn bodies(vault: &Story<'_>, heir: &Story<'_>) -> Vec<(&'static str, MotionBody)> {
    let domain = vault.domain;
    let negative = [&[3][..], &secp256k1()[1..]].concat();
    let theirs = over(domain, "2 of (n1, n2, n3)");
    let theirs = restore("theirs", theirs, 2, restored(vault, heir.domain));
    let two = |change: &dyn Fn(&mut Custody)| {
        let custodians = vec![custodian("greta", 51), custodian("hugo", 54), custodian("iris", 53)];
        let mut custody = Custody::some_of(2, custodians).unwrap();
        change(&mut custody);
        set_custody(custody, &[])
    };
    let three = "all of (greta, hugo, iris)";
    let named = |who: &str| {
        let mut custodians = vec![custodian("greta", 51), custodian("hugo", 54)];
        custodians.push(custodian(who, 53));
        set_custody(Custody::some_of(2, custodians).unwrap(), &[])
    };
    let gil = {
        let order = vault.at("out").key_named(&name("hot")).unwrap();
        order.exports[0].recipient.key.clone()
    };
    let claims = |node: &str, seed: u8, genesis| {
        let (node, asks) = (domain.node(node), asks(&second_custody()));
        SignedSeatClaim::create(genesis, node, recovery_key(62), asks, &secrets(seed))
    };
    let forged = Signed::sign(claim(domain, 22).body().clone(), &secrets(23));
    let mut asked = claim(domain, 22).body().clone();
    asked.asks.reverse();
    let pia = point_of_pia();
    let minus = [&[pia[0] ^ 1], &pia[1..]].concat();
    let nodes = ["n6", "n5"].map(|node| admit(node, Standing::Waits)).to_vec();
    let mut admitted = admit("n7", Standing::Waits);
    if let quorate_charter::NodeChange::Admit { enrolment, .. } = &mut admitted {
        *enrolment = SignedEnrolment::create(name("n7"), Role::Signer, &secrets(1));
    }
    let thaw = |refused: Vec<Digest>| MotionBody::Thaw {
        freezes: Vec::new(),
        barred: Vec::new(),
        refused,
    };
    let descending = vec![Digest([2; 32]), Digest([1; 32])];
    vec![
        ("alone", reshare(domain, "any of (n1, all of (n2, n3))", 0)),
        ("witness", reshare(domain, "all of (n1, n4)", 0)),
        ("losses", reshare(domain, "2 of (n1, n2, n3)", 2)),
        ("negative", import(domain, "warm", Scheme::Bip340, negative)),
        ("length", import(domain, "warm", Scheme::Ed25519, secp256k1())),
        ("theirs", theirs),
        ("order", two(&|it| it.custodians.reverse())),
        ("twice", two(&|it| it.custodians[1].key = recovery_key(51))),
        ("lone", two(&|it| it.seats = "any of (greta, hugo, iris)".parse().unwrap())),
        ("weaker", two(&|it| it.seats = three.parse().unwrap())),
        ("node", named("n1")),
        ("roles", named("olga")),
        ("needless", set_custody(second_custody(), &["iris", "olga"])),
        ("gil", two(&|it| it.custodians[2] = Custodian::new(name("iris"), gil.clone()))),
        ("forged", give_seat(forged)),
        ("foreign", give_seat(claims("n2", 22, heir.domain.hash))),
        ("other", give_seat(claims("n3", 22, domain.hash))),
        ("third", give_seat(claims("n2", 3, domain.hash))),
        ("former", give_seat(claims("n2", 2, domain.hash))),
        ("asks", give_seat(Signed::sign(asked, &secrets(22)))),
        ("nodes", MotionBody::Nodes(NodesChange { changes: nodes, faults: None })),
        ("admit", MotionBody::Nodes(NodesChange::one(admitted))),
        ("greta", export("gil", recovery_key(51))),
        ("pia", export("gil", recovery_key_of(&pia))),
        ("minus", export("gil", recovery_key_of(&minus))),
        ("n1", export("n1", recovery_key(65))),
        ("nothing", thaw(Vec::new())),
        ("descending", thaw(descending)),
    ]
}

/// Entries that no motion spoils.
fn entries(vault: &Story<'_>, heir: &Story<'_>) -> Vec<Case> {
    let first = vault.drawing.entry("hot");
    let certified = |after: &str, entry: &Entry| {
        let state = vault.at(after);
        to_bytes(&vault.domain.certify_at(state, entry, state.quorum()))
    };
    let next = |after: &str, body| certified(after, &Entry::next(vault.at(after), body));
    let again = rejoin(vault, "seat", "n1", 1);
    let forged = rejoin(vault, "seat", "n1", 3);
    let version = Entry { version: 2, ..first.entry().clone() };
    let former = {
        let voters = ["n1", "n2", "n3"].map(|node| vault.domain.node(node));
        let value = vault.drawing.entry("back").bytes().to_vec();
        let decided = vault.domain.decide_by(&voters, Instance::Position(9), value);
        to_bytes(&CertifiedEntry::from_decided(&decided).unwrap())
    };
    let longer = [to_bytes(&first), vec![0]].concat();
    let foreign = to_bytes(&heir.drawing.entry("ops"));
    let later = to_bytes(&vault.drawing.entry("over"));
    let fork =
        Entry { prev: vault.domain.state.head(), ..vault.drawing.entry("over").entry().clone() };
    vec![
        Case("another version", "entry", "G", certified("G", &version), "version 2"),
        Case("another domain", "entry", "G", foreign, "of another domain"),
        Case("another position", "entry", "G", later, "the next one is 1"),
        Case("another head before it", "entry", "hot", certified("hot", &fork), "follows head"),
        Case("a byte too many", "entry", "G", longer, "not the canonical"),
        Case("keys that a voter had", "entry", "seat", former, "does not verify"),
        Case(
            "the same life again",
            "entry",
            "back",
            next("back", EntryBody::Rejoin(again)),
            "later",
        ),
        Case(
            "another node asks for it",
            "entry",
            "seat",
            next("seat", EntryBody::Rejoin(forged)),
            "signature does not verify",
        ),
    ]
}

/// What people say.
fn of_people(vault: &Story<'_>, heir: &Story<'_>) -> Vec<Case> {
    let gina = gina(vault);
    let (mut one, mut swapped) = (gina.clone(), gina);
    one.signatures.truncate(1);
    swapped.signatures.reverse();
    let frozen = |change: &dyn Fn(&mut Freeze), by: &str| {
        let mut freeze = all_frozen(vault);
        change(&mut freeze);
        to_bytes(&SignedFreeze::sign(&freeze, &person(by)).unwrap())
    };
    let finns = |it: &mut Freeze| it.by = id(vault, "finn");
    let unknown = |it: &mut Freeze| it.scope = FreezeScope::Key(KeyId(Digest([9; 32])));
    let cession = ceded(vault, heir.domain);
    let ceded = |change: &dyn Fn(&mut Cession), by: &[&str]| {
        let mut cession = cession.clone();
        change(&mut cession);
        to_bytes(&signed_cession(vault, &cession, by))
    };
    let guardians = ["gabi", "hans"];
    let mut stolen = signed_cession(vault, &cession, &guardians);
    stolen.sign(id(vault, "hans"), &person("ada")).unwrap();
    let mut reversed = signed_cession(vault, &cession, &guardians);
    reversed.signatures.reverse();
    let same = ceded(&|_| (), &guardians);
    vec![
        Case("one of two keys signed", "member", "G", to_bytes(&one), "not every key signed"),
        Case("in another order", "member", "G", to_bytes(&swapped), "not every key signed"),
        Case("another version", "freeze", "G", frozen(&|it| it.version = 2, "olga"), "version 2"),
        Case(
            "another domain",
            "freeze",
            "G",
            frozen(&|it| it.genesis = heir.domain.hash, "olga"),
            "for another domain",
        ),
        Case("another key", "freeze", "G", frozen(&|_| (), "finn"), "does not verify"),
        Case("a key that is none", "freeze", "G", frozen(&unknown, "olga"), "no such key"),
        Case("no reason", "freeze", "G", frozen(&|it| it.reason.clear(), "olga"), "one line"),
        Case(
            "a reason of two lines",
            "freeze",
            "G",
            frozen(&|it| it.reason = "stop\nat once".to_owned(), "olga"),
            "one line",
        ),
        Case("it was ended", "freeze", "thaw", to_bytes(&freeze(vault)), "was ended"),
        Case("who was barred", "freeze", "thaw", frozen(&finns, "finn"), "may freeze nothing"),
        Case(
            "another version",
            "cession",
            "new",
            ceded(&|it| it.version = 2, &guardians),
            "version 2",
        ),
        Case(
            "another domain",
            "cession",
            "new",
            ceded(&|it| it.genesis = heir.domain.hash, &guardians),
            "of another domain",
        ),
        Case(
            "to itself",
            "cession",
            "new",
            ceded(&|it| it.successor = it.genesis, &guardians),
            "does not succeed itself",
        ),
        Case("no reason", "cession", "new", ceded(&|it| it.reason.clear(), &guardians), "one line"),
        Case("one guardian too few", "cession", "new", ceded(&|_| (), &["ines"]), "too few"),
        Case(
            "no guardian",
            "cession",
            "new",
            ceded(&|_| (), &["gabi", "hans", "ada"]),
            "is no guardian",
        ),
        Case("another key", "cession", "new", to_bytes(&stolen), "of hans does not verify"),
        Case("another order", "cession", "new", to_bytes(&reversed), "must ascend"),
        Case("under other rules", "cession", "none", same.clone(), "rules of this domain changed"),
        Case("those who rule refused it", "cession", "thaw", same, "refused it"),
    ]
}

/// What nodes say.
fn of_nodes(vault: &Story<'_>) -> Vec<Case> {
    let enrolment = SignedEnrolment::create(name("n6"), Role::Signer, &secrets(6));
    let enrolment = Signed::sign(enrolment.body().clone(), &secrets(7));
    let forged = Signed::sign(claim(vault.domain, 22).body().clone(), &secrets(23));
    let greets = |change: &dyn Fn(&mut Hello)| {
        let mut hello = greeting(vault, "G", "n1");
        change(&mut hello);
        to_bytes(&Signed::sign(hello, founder(vault, "n1")))
    };
    let stranger = NodeId(Digest([9; 32]));
    let foreign = quorate_identity::GenesisHash(Digest([9; 32]));
    let former = to_bytes(&hello(vault, "seat", "n2", 2));
    let welcome = Signed::sign(welcome(vault, known()).body().clone(), founder(vault, "n2"));
    let (committed, part) = (did(vault, EpochStep::Committed, 2), gives(vault, 2));
    let claimed = "node's signature does not verify";
    vec![
        Case("another node signed", "enrolment", "G", to_bytes(&enrolment), claimed),
        Case("another machine signed", "seat-claim", "hands", to_bytes(&forged), claimed),
        Case("another version", "hello", "G", greets(&|it| it.version = 2), "version 2"),
        Case("another domain", "hello", "G", greets(&|it| it.genesis = foreign), "another domain"),
        Case("a stranger", "hello", "G", greets(&|it| it.node = stranger), "is not known"),
        Case("keys that the node had", "hello", "seat", former, claimed),
        Case("another node signed", "welcome", "hot", to_bytes(&welcome), claimed),
        Case(
            "the same life again",
            "rejoin",
            "back",
            to_bytes(&rejoin(vault, "seat", "n1", 1)),
            "not later",
        ),
        Case(
            "another node signed",
            "rejoin",
            "seat",
            to_bytes(&rejoin(vault, "seat", "n1", 3)),
            claimed,
        ),
        Case("another node signed", "epoch-statement", "hot", to_bytes(&committed), claimed),
        Case("another node signed", "export-statement", "out", to_bytes(&part), claimed),
    ]
}

/// What voters say.
fn ballots(vault: &Story<'_>) -> Vec<Case> {
    let value = next_value(vault);
    let (digest, next) = (Some(digest_of(&value)), Instance::Position(2));
    let proposes = |ballot, lock| {
        let body = BallotBody::Proposal { value: value.clone().into(), lock: Some(lock) };
        to_bytes(&say(vault, next, ballot, "n2", body))
    };
    let few = lock(vault, &["n1", "n2"]);
    let enough = lock(vault, &["n1", "n2", "n3"]);
    let mut forged = enough.clone();
    let others = forged.prevotes.iter().map(|(_, signature)| *signature).next().unwrap();
    forged.prevotes.insert(vault.domain.node("n3"), others);
    let said = |voter, genesis, tag| {
        let sign = |_, bytes: &[u8]| founder(vault, "n1").sign(tag, bytes);
        let body = BallotBody::Precommit(digest);
        to_bytes(&SignedBallotMessage::sign(genesis, next, 0, voter, body, &sign))
    };
    let (one, genesis) = (vault.domain.node("n1"), vault.domain.hash);
    let foreign = quorate_identity::GenesisHash(Digest([9; 32]));
    let beyond = say(vault, next, limits::BALLOT_MAX + 1, "n1", BallotBody::Prevote(None));
    let attempt = Instance::Attempt { key: hot(vault), epoch: 0, attempt: 0, era: 7 };
    let era = say(vault, attempt, 0, "n1", BallotBody::Prevote(None));
    let prevote = |who, digest| say(vault, next, 0, who, BallotBody::Prevote(digest));
    let same = (prevote("n3", digest), prevote("n3", digest));
    let different = (prevote("n3", digest), prevote("n2", None));
    // Given up once n2 had other keys: its former ones say nothing about it.
    let (node, head) = (vault.domain.node("n1"), vault.at("seat").head());
    let abort = AbortStatement { node, head, signature: NodeSignature([9; 64]) };
    let late = to_bytes(&AttemptOutcome::Void { attempt: 0, abort });
    let two = decided(vault, 0, b"an outcome".to_vec(), &["n1", "n2"]);
    let late = decided(vault, 1, late, &["n1", "n2", "n3"]);
    let unlocked = Lock { ballot: 0, prevotes: NodeSignatures::default() };
    vec![
        Case(
            "a prevote in its place",
            "ballot",
            "hot",
            said(one, genesis, tag::PREVOTE),
            "does not verify",
        ),
        Case(
            "another domain",
            "ballot",
            "hot",
            said(one, foreign, tag::PRECOMMIT),
            "another domain",
        ),
        Case(
            "another node",
            "ballot",
            "hot",
            said(vault.domain.node("n2"), genesis, tag::PRECOMMIT),
            "does not verify",
        ),
        Case(
            "a stranger",
            "ballot",
            "hot",
            said(NodeId(Digest([9; 32])), genesis, tag::PRECOMMIT),
            "is not a voter",
        ),
        Case("a ballot beyond all", "ballot", "hot", to_bytes(&beyond), "is out of range"),
        Case("no voters of such an era", "ballot", "hot", to_bytes(&era), "no voters of era 7"),
        Case("a lock of this ballot", "ballot", "hot", proposes(0, enough), "of an earlier ballot"),
        Case("a lock by too few", "ballot", "hot", proposes(1, few), "3 are needed"),
        Case("a lock by nobody", "ballot", "hot", proposes(1, unlocked), "3 are needed"),
        Case(
            "a lock with a forged prevote",
            "ballot",
            "hot",
            proposes(1, forged),
            "does not verify",
        ),
        Case("one voter too few", "decided", "hot", to_bytes(&two), "3 are needed"),
        Case("keys that a voter had", "decided", "seat", to_bytes(&late), "does not verify"),
        Case("the same twice", "evidence", "hot", to_bytes(&same), "does not verify"),
        Case("two voters", "evidence", "hot", to_bytes(&different), "does not verify"),
    ]
}
