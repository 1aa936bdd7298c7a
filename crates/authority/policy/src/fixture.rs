//! A small domain for tests: administrators ada, ben and cleo; approvers alice, bob and carol;
//! the auditor eve; the service bot; three signers and a witness; one Ed25519 key, `ops`, and
//! one ECDSA key, `treasury`; a policy. Everything is signed as in life.

use crate::{Policy, PolicyBundle};
use quorate_access::Tree;
use quorate_charter::{
    BallotBody, CertifiedEntry, Custodian, Custody, Decided, Entry, EntryBody, Genesis,
    GenesisFile, GenesisPerson, GenesisService, Instance, Motion, MotionBody, Role, Roles,
    Settings, SignedBallotMessage, SignedEnrolment, SignedMotion, State,
};
use quorate_codec::{Digest, Transcript, tag};
use quorate_identity::{
    CredentialSigner, KeyId, MemorySigner, Name, NodeId, NodeSecrets, NodeSignatures, PersonId,
    Scheme, ServiceId,
};
use quorate_intent::{Intent, KeyFacts};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// A moment of the fixture, in milliseconds since 1970.
pub const NOW: u64 = 1_800_000_000_000;
/// A minute.
pub const MINUTE: u64 = 60_000;

const ADMINISTRATORS: [&str; 3] = ["ada", "ben", "cleo"];
const APPROVERS: [&str; 3] = ["alice", "bob", "carol"];
const NODES: [&str; 4] = ["node-1", "node-2", "node-3", "witness"];

/// Messages of the service bot pass; raw digests need alice and one other.
pub const CEDAR: &str = r#"
    @id("messages") permit(principal == Service::"bot", action == Action::"message", resource);
    @id("digests") @reason("two people look at a bare digest")
    @approvals("all of (alice, any of (bob, carol))")
    permit(principal, action == Action::"raw.digest", resource);
"#;

/// A domain at one head.
pub struct Domain {
    /// The state.
    pub state: State,
    nodes: Vec<(NodeId, NodeSecrets)>,
    seed: u8,
}

impl Domain {
    /// Founds a domain and lets it order its keys and its policy. Other seeds, other domains
    /// with the same names and other keys.
    pub fn new(seed: u8) -> Self {
        let mut domain = Self::founded(seed);
        for (name, scheme) in [("ops", Scheme::Ed25519), ("treasury", Scheme::EcdsaSecp256k1)] {
            domain.order_key(name, scheme);
        }
        domain.set_policy(&bundle(CEDAR));
        domain
    }

    /// A domain at its genesis.
    pub fn founded(seed: u8) -> Self {
        let secrets = NODES.map(|name| node_secrets(seed, name));
        let enrolments: Vec<SignedEnrolment> = NODES
            .iter()
            .zip(&secrets)
            .map(|(node, secrets)| {
                let role = if *node == "witness" { Role::Witness } else { Role::Signer };
                SignedEnrolment::create(name(node), role, secrets)
            })
            .collect();
        let person = |person: &str, roles| GenesisPerson {
            name: name(person),
            credential: signer(seed, person).credential().clone(),
            roles,
        };
        let administrator = || Roles { administrator: true, ..Roles::default() };
        let approver = || Roles { approver: true, ..Roles::default() };
        let auditor = || Roles { auditor: true, ..Roles::default() };
        let mut people: Vec<GenesisPerson> = ADMINISTRATORS
            .iter()
            .map(|ada| person(ada, administrator()))
            .chain(APPROVERS.iter().map(|alice| person(alice, approver())))
            .chain([person("eve", auditor())])
            .collect();
        people.sort_by(|left, right| left.name.cmp(&right.name));
        let genesis = Genesis {
            version: 1,
            domain: name("drawn"),
            staging: true,
            nodes: enrolments.clone(),
            people,
            services: vec![GenesisService {
                name: name("bot"),
                credential: signer(seed, "bot").credential().clone(),
            }],
            rules: quorate_charter::Rules::at_once(
                "2 of (ada, ben, cleo)".parse().unwrap(),
                "any of (ada, ben, cleo)".parse().unwrap(),
            ),
            faults: 1,
            settings: Settings::default(),
            nonce: Digest([seed; 32]),
            custody: custody(),
            excepted: Vec::new(),
            succession: None,
        };
        let mut file = GenesisFile::create(&genesis).unwrap();
        for ada in ADMINISTRATORS {
            file.sign(&signer(seed, ada)).unwrap();
        }
        for secrets in &secrets {
            file.countersign(secrets).unwrap();
        }
        let state = file.verify(&file.hash()).unwrap();
        let ids = enrolments.iter().map(SignedEnrolment::id);
        Self { state, nodes: ids.zip(secrets).collect(), seed }
    }

    /// Orders a key over `2 of (node-1, node-2, node-3)`.
    pub fn order_key(&mut self, key: &str, scheme: Scheme) {
        self.order_accounts(key, scheme, 1);
    }

    /// Orders such a key with so many accounts.
    pub fn order_accounts(&mut self, key: &str, scheme: Scheme, accounts: u16) {
        let tree: Tree<Name> = "2 of (node-1, node-2, node-3)".parse().unwrap();
        let access = tree.try_map(|node| self.state.node_named(node).map(|node| node.id).ok_or(()));
        let (name, access, faults) = (name(key), access.unwrap(), 1);
        self.place(MotionBody::KeyCreate { name, scheme, access, faults, accounts });
    }

    /// Sets a policy.
    pub fn set_policy(&mut self, bundle: &PolicyBundle) {
        self.place(MotionBody::PolicySet { bundle: bundle.to_bytes() });
    }

    /// Moves on by one entry: a motion of ada and ben, certified by three voters.
    fn place(&mut self, body: MotionBody) {
        let position = self.state.position() + 1;
        let nonce = Transcript::new(tag::TEST).number(position).digest();
        let motion = Motion::new(&self.state, body, nonce, NOW + MINUTE);
        let mut motion = SignedMotion::new(&motion);
        for ada in ["ada", "ben"] {
            motion.sign(self.person(ada), &self.signer(ada)).unwrap();
        }
        let entry = Entry::next(&self.state, EntryBody::Motion(motion));
        let value = quorate_codec::to_bytes(&entry);
        let digest = Transcript::new(tag::DECISION_VALUE).part(&value).digest();
        let (genesis, instance) = (self.state.genesis(), Instance::Position(position));
        let mut certificate = NodeSignatures::default();
        for (node, secrets) in self.nodes.iter().take(3) {
            let precommit = BallotBody::Precommit(Some(digest));
            let sign = |tag, bytes: &[u8]| secrets.sign(tag, bytes);
            let vote = SignedBallotMessage::sign(genesis, instance, 0, *node, precommit, &sign);
            certificate.insert(*node, *vote.signature());
        }
        let decided = Decided { version: 1, genesis, instance, ballot: 0, value, certificate };
        let entry = CertifiedEntry::from_decided(&decided).unwrap();
        self.state = self.state.apply(self.state.verify_entry(&entry).unwrap());
    }

    /// The policy of the head.
    pub fn policy(&self) -> Policy {
        Policy::compile(self.state.policy().unwrap()).unwrap()
    }

    /// The signer of a person or service of this domain.
    pub fn signer(&self, who: &str) -> MemorySigner {
        signer(self.seed, who)
    }

    /// A person's id.
    pub fn person(&self, person: &str) -> PersonId {
        self.state.person_named(&name(person)).unwrap().id
    }

    /// The id of the service bot.
    pub fn bot(&self) -> ServiceId {
        self.state.service_named(&name("bot")).unwrap().id
    }

    /// A key's id.
    pub fn key(&self, key: &str) -> KeyId {
        self.state.key_named(&name(key)).unwrap().key
    }

    /// A node and its secrets.
    pub fn node(&self, index: usize) -> (NodeId, &NodeSecrets) {
        let (node, secrets) = &self.nodes[index];
        (*node, secrets)
    }
}

/// A bundle with these rules, no limits, no lists, and one case.
pub fn bundle(cedar: &str) -> PolicyBundle {
    let case = r#"[{"name":"a call is denied","requester":"service:bot",
        "key":{"name":"ops","scheme":"ed25519"},
        "facts":{"kind":"evm.transaction","calls":true},
        "expect":"deny","rule":"default-deny"}]"#;
    PolicyBundle::new(cedar.into(), "{}".into(), "{}".into(), case.into())
}

/// A name.
pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// A message for `ops`.
pub fn message(text: &str) -> Intent {
    let hex = quorate_codec::hex::encode(text.as_bytes());
    Intent::from_json(&format!(r#"{{"kind":"message","message":"{hex}"}}"#)).unwrap()
}

/// A raw digest for `treasury`.
pub fn raw_digest(byte: u8) -> Intent {
    let hex = quorate_codec::hex::encode(&[byte; 32]);
    Intent::from_json(&format!(r#"{{"kind":"raw.digest","digest":"{hex}"}}"#)).unwrap()
}

/// The public key of `ops` (RFC 8032, test 1).
pub fn ops() -> KeyFacts {
    let hex = "0xd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    facts(Scheme::Ed25519, hex)
}

/// The public key of `treasury`: the generator.
pub fn treasury() -> KeyFacts {
    let hex = "0x0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    facts(Scheme::EcdsaSecp256k1, hex)
}

fn facts(scheme: Scheme, hex: &str) -> KeyFacts {
    KeyFacts { scheme, public_key: quorate_codec::hex::decode(hex).unwrap() }
}

fn signer(seed: u8, who: &str) -> MemorySigner {
    MemorySigner::from_seed(&Transcript::new(tag::TEST).part([seed]).part(who).digest().0).unwrap()
}

fn node_secrets(seed: u8, node: &str) -> NodeSecrets {
    let seed = Transcript::new(tag::TEST).part([seed]).part(node).digest().0;
    NodeSecrets::generate(&mut ChaCha20Rng::from_seed(seed))
}

/// Custodians whose keys are only bytes here.
fn custody() -> Custody {
    let custodian = |who: &str| Custodian::new(name(who), who.as_bytes().to_vec());
    Custody::some_of(2, ["greta", "hugo", "iris"].map(custodian).to_vec()).unwrap()
}
