//! Two more domains of the vectors: one that gives way in the end, and the one that succeeds it.

use super::{Log, Placed, member};
use crate::support::drawn::Drawing;
use crate::support::{Domain, genesis, name, person, roles, secrets};
use quorate_access::Tree;
use quorate_charter::{
    Ask, Change, Custodian, Custody, EntryBody, GenesisPerson, Imported, Matter, MotionBody,
    PeopleChange, Recipient, Recovery, Restored, Role, Rule, SignedEnrolment, SignedSeatClaim,
    State, Succession, Summand, Summands,
};
use quorate_codec::{Digest, hex, to_bytes};
use quorate_identity::{Credential, CredentialSigner, ImporterSecret, KeyId, Name, NodeId, Scheme};

/// Everything of the vault but its end.
const VAULT: &str = "G -> hot[given hot] -> over[given over] -> cold[given cold] \
    -> gold[given gold] -> nightly[nightly hot] -> never[given never] -> hands[given hands] \
    -> seat[given seat] -> back[back n1] -> more[admit n5, declare n1 acme] -> fewer[bear 0] \
    -> bear[bear 1] -> out[given out] -> both[given both] -> bot[given bot] \
    -> team[team desk ada+olga] -> none[given none] \
    -> dora[recover, join dora admin, leave cleo, rules 2 ada+ben+dora, by gabi+hans] \
    -> new[enact dora]";

/// The first multiples of the base point of Ed25519, from the point itself on.
const ED25519: [&str; 9] = [
    "0x5866666666666666666666666666666666666666666666666666666666666666",
    "0xc9a3f86aae465f0e56513864510f3997561fa2c9e85ea21dc2292309f3cd6022",
    "0xd4b4f5784868c3020403246717ec169ff79e26608ea126a1ab69ee77d1b16712",
    "0x2f1132ca61ab38dff00f2fea3228f24c6c71d58085b80e47e19515cb27e8d047",
    "0xedc876d6831fd2105d0b4389ca2e283166469289146e2ce06faefe98b22548df",
    "0xf47e49f9d07ad2c1606b4d94067c41f9777d4ffda709b71da1d88628fce34d85",
    "0xb862409fb5c4c4123df2abf7462b88f041ad36dd6864ce872fd5472be363c5b1",
    "0xb4b937fca95b2f1e93e41e62fc3c78818ff38a66096fad6e7973e5c90006d321",
    "0xc0f1225584444ec730446e231390781ffdd2f256e9fcbeb2f40dddc2c2233d7f",
];

/// The generator of secp256k1.
const SECP256K1: &str = "0x0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

/// The generator of P-256 as SSH writes it.
const P256: &str = "0x046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
    4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

/// The public key of the example for P-256 in RFC 6979, A.2.5, as recovery keys write it.
const P256_OF_GIL: &str = "0x0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6";

/// A domain, its log, and whatever else is drawn after an entry of it.
pub struct Story<'a> {
    pub domain: &'a Domain,
    pub drawing: Drawing<'a>,
    entries: Vec<String>,
}

impl<'a> Story<'a> {
    pub fn new(domain: &'a Domain) -> Self {
        Self { domain, drawing: Drawing::new(domain, ""), entries: Vec::new() }
    }

    /// The log goes on with this chain.
    pub fn tell(&mut self, chain: &str) {
        self.drawing.more(chain);
        for word in chain.split("->").skip(1) {
            let entry = word.trim().split('[').next().unwrap();
            assert_eq!(self.at(entry).head(), self.drawing.entry(entry).head(), "{entry} holds");
            self.entries.push(entry.to_owned());
        }
    }

    pub fn at(&self, entry: &str) -> &State {
        self.drawing.state(entry)
    }

    pub fn name(&self) -> String {
        self.domain.file.genesis().unwrap().domain.to_string()
    }

    pub fn log(&self) -> Log {
        let state = self.at(self.entries.last().unwrap());
        Log {
            domain: self.name(),
            genesis_hash: self.domain.hash.to_string(),
            genesis_file: hex::encode(&to_bytes(&self.domain.file)),
            nodes: state.nodes().map(|node| member(&node.name, &node.id)).collect(),
            people: state.people().map(|person| member(&person.name, &person.id)).collect(),
            services: state.services().map(|service| member(&service.name, &service.id)).collect(),
            entries: self.entries.iter().map(|entry| self.placed(entry)).collect(),
            keys: state.keys().map(|key| member(&key.name, &key.key)).collect(),
        }
    }

    fn placed(&self, entry: &str) -> Placed {
        let certified = self.drawing.entry(entry);
        let motion = match &certified.entry().body {
            EntryBody::Motion(motion) => Some(motion.id().to_string()),
            EntryBody::Enact(motion) => Some(motion.to_string()),
            EntryBody::Rejoin(_) => None,
        };
        Placed::new(&certified, motion)
    }
}

/// A multiple of the base point of Ed25519.
pub fn ed25519(times: usize) -> Vec<u8> {
    hex::decode(ED25519[times - 1]).unwrap()
}

/// The generator of secp256k1.
pub fn secp256k1() -> Vec<u8> {
    hex::decode(SECP256K1).unwrap()
}

/// A recovery key of X25519 (BAK-17), from a seed that no node has.
pub fn recovery_key(seed: u8) -> Vec<u8> {
    [&[1][..], secrets(seed).public().sealed()].concat()
}

/// A recovery key of P-256, from the point as recovery keys write it.
pub fn recovery_key_of(point: &[u8]) -> Vec<u8> {
    [&[2], point].concat()
}

/// The point that pia's SSH key is of, as recovery keys write it.
pub fn point_of_pia() -> Vec<u8> {
    let point = hex::decode(P256).unwrap();
    [&[2 + point[64] % 2][..], &point[1..33]].concat()
}

fn credential_of_pia() -> Credential {
    let mut blob = Vec::new();
    for part in [&b"ecdsa-sha2-nistp256"[..], b"nistp256", &hex::decode(P256).unwrap()] {
        blob.extend((part.len() as u32).to_be_bytes());
        blob.extend(part);
    }
    Credential::from_blob(&blob).unwrap()
}

pub fn custodian(who: &str, seed: u8) -> Custodian {
    Custodian::new(name(who), recovery_key(seed))
}

/// Those who restore what the vault loses, until it has others.
fn first_custody() -> Custody {
    Custody::some_of(2, vec![custodian("greta", 51), custodian("hugo", 52), custodian("iris", 53)])
        .unwrap()
}

/// The others: hugo has another key, iris is to have one, olga joins them.
pub fn second_custody() -> Custody {
    let mut custodians = vec![custodian("greta", 51), custodian("hugo", 54)];
    custodians.extend([custodian("iris", 53), custodian("olga", 55)]);
    custodians[2].expires_ms = Some(crate::support::NOW);
    let seats = "2 of (greta, hugo, iris, olga)".parse().unwrap();
    Custody { custodians, seats, keys: "3 of (greta, hugo, iris, olga)".parse().unwrap() }
}

/// What a machine asks of custodians: a challenge to each key, opaque here.
pub fn asks(custody: &Custody) -> Vec<Ask> {
    let ask = |it: &Custodian| Ask { key: it.key_id(), challenge: recovery_key(61)[1..].to_vec() };
    let mut asks: Vec<Ask> = custody.custodians.iter().map(ask).collect();
    asks.sort_by_key(|ask| ask.key);
    asks
}

/// The machine of a seed claims the seat of n2.
pub fn claim(vault: &Domain, seed: u8) -> SignedSeatClaim {
    let (node, asks) = (vault.node("n2"), asks(&second_custody()));
    SignedSeatClaim::create(vault.hash, node, recovery_key(62), asks, &secrets(seed))
}

/// A tree over nodes of a domain.
pub fn over(domain: &Domain, access: &str) -> Tree<NodeId> {
    access.parse::<Tree<Name>>().unwrap().map(|node| domain.node(node.as_str()))
}

pub fn imported(public: Vec<u8>) -> Imported {
    let importer = ImporterSecret::from_bytes(&[7; 32]).public();
    Imported { public, chain_code: Digest([8; 32]), importer }
}

pub fn import(vault: &Domain, key: &str, scheme: Scheme, public: Vec<u8>) -> MotionBody {
    let access = over(vault, "2 of (n1, n2, n3)");
    MotionBody::KeyImport { name: name(key), scheme, access, faults: 1, imported: imported(public) }
}

pub fn reshare(vault: &Domain, access: &str, faults: u8) -> MotionBody {
    MotionBody::KeyReshare { name: name("hot"), access: over(vault, access), faults }
}

pub fn give_seat(claim: SignedSeatClaim) -> MotionBody {
    MotionBody::SeatGive { name: name("n2"), claim }
}

pub fn set_custody(custody: Custody, excepted: &[&str]) -> MotionBody {
    MotionBody::CustodySet { custody, excepted: excepted.iter().map(|who| name(who)).collect() }
}

pub fn export(to: &str, key: Vec<u8>) -> MotionBody {
    let recipient = Some(Recipient { name: name(to), key });
    MotionBody::KeyExport { name: name("hot"), recipient }
}

/// A domain with guardians, a slow rule for its settings, and a person with a key of P-256.
pub fn vault() -> Domain {
    let mut vault = genesis(4, 1);
    (vault.domain, vault.nonce) = (name("vault"), Digest([10; 32]));
    vault.rules.recovery =
        Some(Recovery { tree: "2 of (gabi, hans, ines)".parse().unwrap(), delay_ms: 600_000 });
    let tree: Tree<Name> = "all of (ada, ben)".parse().unwrap();
    let slow = Rule { delay_ms: 60_000, ..Rule::at_once(tree) };
    vault.rules.special = vec![(Matter::Settings, slow)];
    let founder = |who: &str, credential: Credential, what: &str| GenesisPerson {
        name: name(who),
        credential,
        roles: roles(what),
    };
    let guardian = |who| founder(who, person(who).credential().clone(), "guard");
    vault.people.extend(["gabi", "hans", "ines"].map(guardian));
    vault.people.push(founder("pia", credential_of_pia(), "approve"));
    vault.people.sort_by(|left, right| left.name.cmp(&right.name));
    vault.custody = first_custody();
    Domain::of(&vault)
}

/// What happens there until its guardians announce a successor.
pub fn of_vault(vault: &Domain) -> Story<'_> {
    let mut story = Story::new(vault);
    let people = |change, excepted: &[&str]| {
        let excepted = excepted.iter().map(|who| name(who)).collect();
        MotionBody::People(PeopleChange { changes: vec![change], rules: None, excepted })
    };
    let bot = ["bot-2", "bot-3"].map(person);
    let bot = quorate_charter::SignedMember::create(
        vault.hash,
        name("bot"),
        quorate_charter::MemberKind::Service,
        &[&bot[0], &bot[1]],
    );
    let scheme = Scheme::Ed25519;
    let access = over(vault, "2 of (n1, n2, n3)");
    let both = Change::Roles { name: name("ben"), roles: roles("admin operate") };
    let gil = recovery_key_of(&hex::decode(P256_OF_GIL).unwrap());
    for (name, body) in [
        (
            "hot",
            MotionBody::KeyCreate { name: name("hot"), scheme, access, faults: 1, accounts: 2 },
        ),
        ("over", reshare(vault, "any of (all of (n1, n2), all of (n2, n3))", 0)),
        ("cold", import(vault, "cold", Scheme::EcdsaSecp256k1, secp256k1())),
        ("gold", import(vault, "gold", scheme, ed25519(7))),
        ("never", MotionBody::KeySchedule { name: name("hot"), schedule: None }),
        ("hands", set_custody(second_custody(), &["olga"])),
        ("seat", give_seat(claim(vault, 22))),
        ("out", export("gil", gil)),
        ("both", people(both, &["ben"])),
        ("bot", people(Change::Keys { member: bot.unwrap() }, &[])),
        ("none", people(Change::Team { name: name("desk"), members: Vec::new() }, &[])),
    ] {
        story.drawing.give(name, body);
    }
    story.tell(VAULT);
    story
}

/// Who rules the vault thaws what was frozen and refuses what was announced: it goes on.
pub fn go_on(story: &mut Story<'_>, freeze: Digest, cession: Digest) {
    let (freezes, refused) = (vec![freeze], vec![cession]);
    let barred = vec![name("finn")];
    story.drawing.give("thaw", MotionBody::Thaw { freezes, barred, refused });
    story.tell("new -> thaw[given thaw]");
}

/// A domain of other machines that succeeds the vault as it stood before it went on.
pub fn heir(vault: &Story<'_>) -> Domain {
    let mut heir = genesis(4, 1);
    (heir.domain, heir.nonce) = (name("vault-2"), Digest([11; 32]));
    heir.nodes = (1..=4)
        .map(|number| {
            let role = if number == 4 { Role::Witness } else { Role::Signer };
            SignedEnrolment::create(name(&format!("m{number}")), role, &secrets(10 + number))
        })
        .collect();
    heir.custody = first_custody();
    let claim = |(number, arrival): (u8, u8)| {
        let node = heir.nodes[usize::from(number) - 1].id();
        let (arrival, asks) = (recovery_key(arrival), asks(&second_custody()));
        SignedSeatClaim::create(vault.domain.hash, node, arrival, asks, &secrets(10 + number))
    };
    heir.succession = Some(Succession {
        predecessor: vault.domain.hash,
        head: vault.at("new").head(),
        backup: Digest([0xba; 32]),
        reason: "both data centres burned down".to_owned(),
        claims: [(3, 63), (1, 64)].map(claim).to_vec(),
        omitted: vec![name("cold"), name("gold")],
    });
    Domain::of(&heir)
}

/// Who deals the key that the heir restores, and by which points.
pub fn summands(heir: &Domain) -> Summands {
    let mut dealers = [heir.node("m1"), heir.node("m3")];
    dealers.sort();
    let points = [[1, 4], [2, 5]].map(|account| account.map(ed25519).to_vec());
    let summand = |(dealer, points)| Summand { dealer, points };
    Summands(dealers.into_iter().zip(points).map(summand).collect())
}

/// The key that was called hot in the vault.
pub fn restored(vault: &Story<'_>, heir: &Domain) -> Restored {
    let key: KeyId = vault.at("hot").key_named(&name("hot")).unwrap().key;
    let points = [3, 9].map(ed25519);
    let points = points.each_ref().map(Vec::as_slice);
    let chain_codes = [Digest([5; 32]), Digest([6; 32])];
    Restored::new((key, name("hot")), &points, &chain_codes, &summands(heir))
}

pub fn restore(
    called: &str,
    access: Tree<NodeId>,
    accounts: u16,
    restored: Restored,
) -> MotionBody {
    let scheme = Scheme::Ed25519;
    MotionBody::KeyRestore { name: name(called), scheme, access, faults: 1, accounts, restored }
}

/// What happens in the domain that succeeds the vault.
pub fn of_heir<'a>(vault: &Story<'_>, heir: &'a Domain) -> Story<'a> {
    let mut story = Story::new(heir);
    let access = over(heir, "2 of (m1, m2, m3)");
    story.drawing.give("ops", restore("ops", access, 2, restored(vault, heir)));
    story.tell("G -> ops[given ops] -> policy[policy 1]");
    story
}
