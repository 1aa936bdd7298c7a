//! A domain for tests: nodes n1, n2, …, the administrators ada, ben and cleo, the approver finn,
//! the auditor olga and the service bot, all from fixed seeds.

pub mod drawn;

use quorate_charter::{
    CertifiedEntry, Custodian, Custody, Decided, Declaration, Entry, EntryBody, Genesis,
    GenesisFile, GenesisPerson, GenesisService, Instance, MemberKind, Motion, MotionBody,
    NodeChange, Recipient, Role, Roles, Rules, Settings, SignedEnrolment, SignedMember,
    SignedMotion, Standing, State,
};
use quorate_codec::{Digest, to_bytes};
use quorate_identity::{
    CredentialSigner, GenesisHash, MemorySigner, Name, NodeId, NodePublic, NodeSecrets,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::BTreeMap;

/// The moment at which tests happen.
pub const NOW: u64 = 1_800_000_000_000;
/// When their motions expire.
pub const EXPIRY: u64 = NOW + 3_600_000;

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub fn secrets(seed: u8) -> NodeSecrets {
    NodeSecrets::generate(&mut ChaCha20Rng::from_seed([seed; 32]))
}

/// The secrets of these public keys: one of the seeds makes them.
pub fn secrets_behind(keys: &NodePublic) -> NodeSecrets {
    (1..=99).map(secrets).find(|secrets| secrets.public() == *keys).unwrap()
}

pub fn person(text: &str) -> MemorySigner {
    let mut seed = [0x70; 32];
    seed[..text.len()].copy_from_slice(text.as_bytes());
    MemorySigner::from_seed(&seed).unwrap()
}

pub fn roles(text: &str) -> Roles {
    Roles {
        administrator: text.contains("admin"),
        approver: text.contains("approve"),
        auditor: text.contains("audit"),
        operator: text.contains("operate"),
        guardian: text.contains("guard"),
        // `audit:ops+treasury` reads about two keys alone
        reads: text.split_once(':').map(|(_, keys)| keys.split('+').map(name).collect()),
    }
}

/// The custodians greta, hugo and iris, whose keys are only bytes here.
pub fn custody() -> Custody {
    let custodian = |who: &str| Custodian::new(name(who), who.as_bytes().to_vec());
    Custody::some_of(2, ["greta", "hugo", "iris"].map(custodian).to_vec()).unwrap()
}

/// Somebody who gets a key, whose recovery key is only bytes here.
pub fn recipient(who: &str) -> Recipient {
    Recipient { name: name(who), key: format!("the key of {who}").into_bytes() }
}

/// The usual genesis with so many nodes, the last of four a witness, and so many liars.
pub fn genesis(nodes: u8, faults: u8) -> Genesis {
    let role = |number| if nodes > 3 && number == nodes { Role::Witness } else { Role::Signer };
    let enrol = |number| {
        SignedEnrolment::create(name(&format!("n{number}")), role(number), &secrets(number))
    };
    let mut enrolments: Vec<SignedEnrolment> = (1..=nodes).map(enrol).collect();
    enrolments.sort_by_key(|node| node.body().name.clone());
    let founder = |who: &str, what: &str| GenesisPerson {
        name: name(who),
        credential: person(who).credential().clone(),
        roles: roles(what),
    };
    Genesis {
        version: 1,
        domain: name("treasury"),
        staging: true,
        nodes: enrolments,
        people: vec![
            founder("ada", "admin approve"),
            founder("ben", "admin"),
            founder("cleo", "admin"),
            founder("finn", "approve"),
            founder("olga", "audit"),
        ],
        services: vec![GenesisService {
            name: name("bot"),
            credential: person("bot").credential().clone(),
        }],
        rules: Rules::at_once(
            "2 of (ada, ben, cleo)".parse().unwrap(),
            "any of (ada, ben, cleo)".parse().unwrap(),
        ),
        faults,
        settings: Settings::default(),
        nonce: Digest([9; 32]),
        custody: custody(),
        excepted: vec![name("ada")],
        succession: None,
    }
}

/// A founded domain and everybody's keys.
pub struct Domain {
    pub file: GenesisFile,
    pub hash: GenesisHash,
    pub state: State,
    pub nodes: BTreeMap<NodeId, NodeSecrets>,
    motions: std::cell::Cell<u8>,
}

impl Domain {
    pub fn new(nodes: u8, faults: u8) -> Self {
        Self::of(&genesis(nodes, faults))
    }

    pub fn of(genesis: &Genesis) -> Self {
        let mut file = GenesisFile::create(genesis).unwrap();
        for administrator in ["ada", "ben", "cleo"] {
            file.sign(&person(administrator)).unwrap();
        }
        let mut nodes = BTreeMap::new();
        for node in &genesis.nodes {
            let secrets = secrets_behind(&node.body().keys);
            file.countersign(&secrets).unwrap();
            nodes.insert(node.id(), secrets);
        }
        let hash = file.hash();
        let state = file.verify(&hash).unwrap();
        Self { file, hash, state, nodes, motions: 0.into() }
    }

    /// The id of a node by its name.
    pub fn node(&self, node: &str) -> NodeId {
        self.state.node_named(&name(node)).unwrap().id
    }

    /// A motion that would pass at `state`, not signed yet.
    pub fn motion(&self, state: &State, body: MotionBody) -> SignedMotion {
        self.motions.set(self.motions.get() + 1);
        let nonce = Digest([self.motions.get(); 32]);
        SignedMotion::new(&Motion::new(state, body, nonce, EXPIRY))
    }

    /// The order of a key over the first three nodes.
    pub fn key_create(&self, key: &str) -> MotionBody {
        let access = "2 of (n1, n2, n3)".parse::<quorate_access::Tree<Name>>().unwrap();
        let access = access.map(|node| self.state.node_named(node).unwrap().id);
        MotionBody::key_create(name(key), quorate_identity::Scheme::Ed25519, access)
    }

    /// A signed motion as an entry after `state`, certified by the first q nodes.
    pub fn entry(&self, state: &State, motion: &SignedMotion) -> CertifiedEntry {
        self.certify(&Entry::next(state, EntryBody::Motion(motion.clone())), state.quorum())
    }

    /// Any entry, certified by the first `count` nodes.
    pub fn certify(&self, entry: &Entry, count: usize) -> CertifiedEntry {
        let value = to_bytes(entry);
        let decided = self.decide(Instance::Position(entry.position), value, count);
        CertifiedEntry::from_decided(&Decided { genesis: entry.genesis, ..decided }).unwrap()
    }

    /// Any entry, certified by the first `count` voters of a state, under their keys of then.
    pub fn certify_at(&self, state: &State, entry: &Entry, count: usize) -> CertifiedEntry {
        let voters = state.voters().iter().take(count);
        let voters = voters.map(|(id, keys)| (*id, secrets_behind(keys))).collect();
        let instance = Instance::Position(entry.position);
        CertifiedEntry::from_decided(&self.decide_with(voters, instance, to_bytes(entry))).unwrap()
    }

    /// The keys of a node, also of one that joined since: n7 has those of seed 7.
    fn secrets_of(&self, node: &NodeId) -> NodeSecrets {
        let is_its = |number: &u8| {
            let name = name(&format!("n{number}"));
            let made = |role| SignedEnrolment::create(name.clone(), role, &secrets(*number)).id();
            [Role::Signer, Role::Witness].map(made).contains(node)
        };
        match self.nodes.get(node) {
            Some(founder) => NodeSecrets::from_bytes(&founder.to_bytes()).unwrap(),
            None => secrets((1..=12).find(is_its).unwrap()),
        }
    }

    /// A decision by the first `count` nodes.
    pub fn decide(&self, instance: Instance, value: Vec<u8>, count: usize) -> Decided {
        let voters: Vec<NodeId> = self.nodes.keys().copied().take(count).collect();
        self.decide_by(&voters, instance, value)
    }

    /// A decision by these nodes.
    pub fn decide_by(&self, voters: &[NodeId], instance: Instance, value: Vec<u8>) -> Decided {
        let voters = voters.iter().map(|id| (*id, self.secrets_of(id))).collect();
        self.decide_with(voters, instance, value)
    }

    /// A decision by these nodes under these keys.
    pub fn decide_with(
        &self,
        voters: Vec<(NodeId, NodeSecrets)>,
        instance: Instance,
        value: Vec<u8>,
    ) -> Decided {
        let digest = quorate_codec::Transcript::new(quorate_codec::tag::DECISION_VALUE);
        let digest = digest.part(&value).digest();
        let precommit = |(id, secrets): (NodeId, NodeSecrets)| {
            let body = quorate_charter::BallotBody::Precommit(Some(digest));
            let sign = |tag, bytes: &[u8]| secrets.sign(tag, bytes);
            let genesis = self.state.genesis();
            let message =
                quorate_charter::SignedBallotMessage::sign(genesis, instance, 0, id, body, &sign);
            (id, *message.signature())
        };
        let certificate = voters.into_iter().map(precommit).collect();
        Decided {
            version: 1,
            genesis: self.state.genesis(),
            instance,
            ballot: 0,
            value,
            certificate,
        }
    }
}

/// Adds people's signatures: by name, or as `name=key` where somebody has another key by now.
pub fn signed_by(state: &State, mut motion: SignedMotion, people: &[&str]) -> SignedMotion {
    for who in people {
        let (who, key) = who.split_once('=').unwrap_or((who, who));
        let id = state.person_named(&name(who)).unwrap().id;
        motion.sign(id, &person(key)).unwrap();
    }
    motion
}

/// A signer n5, n6, … comes in.
pub fn admit(node: &str, standing: Standing) -> NodeChange {
    let seed = node.trim_start_matches('n').parse().unwrap();
    let enrolment = SignedEnrolment::create(name(node), Role::Signer, &secrets(seed));
    NodeChange::Admit { enrolment, declared: Declaration::default(), standing }
}

/// What somebody says of themselves, with these keys.
pub fn member(genesis: GenesisHash, who: &str, kind: MemberKind, keys: &[&str]) -> SignedMember {
    let keys: Vec<MemorySigner> = keys.iter().map(|key| person(key)).collect();
    let signers: Vec<&dyn CredentialSigner> = keys.iter().map(|key| key as _).collect();
    SignedMember::create(genesis, name(who), kind, &signers).unwrap()
}
