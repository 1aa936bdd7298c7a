//! A domain founded from a seed: real keys, real signatures, and everybody's secrets at hand.

use crate::custodians::{CUSTODIANS, RecoveryKeys};
use quorate_access::Tree;
use quorate_charter::{
    Custody, Genesis, GenesisFile, GenesisPerson, GenesisService, Motion, MotionBody, Role, Roles,
    Settings, SignedEnrolment, SignedMotion, SignedSeatClaim, State, Succession,
};
use quorate_codec::Digest;
use quorate_identity::{
    ActorId, CredentialSigner, GenesisHash, Head, MemorySigner, Name, NodeId, NodeSecrets, Scheme,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The policy of a founded domain: as in the trial domains of the product, small.
pub const POLICY: [&str; 4] = [
    r#"@id("messages")
@reason("the service signs messages under ops")
permit(principal == Service::"wallet-service", action == Action::"message", resource);

@id("digests-with-approval")
@reason("digests need both approvers")
@approvals("all of (alice, bob)")
permit(principal, action == Action::"raw.digest", resource);

@id("no-transactions")
@reason("nothing moves here")
forbid(principal, action == Action::"evm.transaction", resource);
"#,
    "{}",
    "{}",
    r#"[
  {"name": "a message passes", "requester": "service:wallet-service",
   "key": {"name": "ops", "scheme": "ed25519"}, "facts": {"kind": "message"},
   "expect": "allow", "rule": "messages"},
  {"name": "a transaction is denied", "requester": "service:wallet-service",
   "key": {"name": "treasury", "scheme": "ecdsa-secp256k1"}, "facts": {"kind": "evm.transaction"},
   "expect": "deny", "rule": "no-transactions"}
]"#,
];

/// Who founds.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Nodes that hold shares.
    pub signers: usize,
    /// Nodes that only vote.
    pub witnesses: usize,
    /// Lying voters that the domain tolerates.
    pub faults: u8,
}

impl Default for Shape {
    /// Three signers and a witness, one liar tolerated.
    fn default() -> Self {
        Self { signers: 3, witnesses: 1, faults: 1 }
    }
}

/// A founded domain.
pub struct Founding {
    /// The genesis with all signatures.
    pub file: GenesisFile,
    /// Its hash.
    pub hash: GenesisHash,
    /// The state at genesis.
    pub state: Arc<State>,
    /// Every node's secrets, by id.
    pub nodes: BTreeMap<NodeId, FoundingNode>,
    people: BTreeMap<String, MemorySigner>,
    /// The founding custodians' keys.
    pub recovery_keys: RecoveryKeys,
}

/// A node of a founded domain, or one that joined since.
pub struct FoundingNode {
    /// Its name.
    pub name: Name,
    /// Its role.
    pub role: Role,
    seed: [u8; 32],
    /// Of the keys in the genesis.
    founding: [u8; 32],
}

impl FoundingNode {
    /// A machine that joins later.
    pub fn joining(name: Name, role: Role, seed: [u8; 32]) -> Self {
        Self { name, role, seed, founding: seed }
    }

    /// Another machine: its secrets are others from now on.
    pub fn replace(&mut self, seed: [u8; 32]) {
        self.seed = seed;
    }

    /// Its secrets; the same ones at every call.
    pub fn secrets(&self) -> NodeSecrets {
        NodeSecrets::generate(&mut ChaCha20Rng::from_seed(self.seed))
    }
}

const ADMINISTRATORS: [&str; 3] = ["ada", "ben", "cleo"];
const APPROVERS: [&str; 2] = ["alice", "bob"];
const AUDITOR: &str = "auditor";
const SERVICE: &str = "wallet-service";

/// A name that is known to be one.
///
/// # Panics
/// It is none.
pub fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

impl Founding {
    /// Founds a domain; the same seed and shape give the same one.
    ///
    /// # Panics
    /// The shape is none that a domain can have.
    pub fn new(seed: u64, shape: Shape) -> Self {
        Self::found(seed, shape, false)
    }

    /// Founds a domain that succeeds another one, whose keys are given out among all its signers.
    ///
    /// # Panics
    /// The shape is none that a domain can have.
    pub fn succeeding(seed: u64, shape: Shape) -> Self {
        Self::found(seed, shape, true)
    }

    fn found(seed: u64, shape: Shape, succeeds: bool) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut random = || {
            let mut bytes = [0; 32];
            rng.fill_bytes(&mut bytes);
            bytes
        };
        let everybody = ADMINISTRATORS.iter().chain(&APPROVERS).chain([&AUDITOR, &SERVICE]);
        let people: BTreeMap<String, MemorySigner> = everybody
            .map(|who| (who.to_string(), MemorySigner::from_seed(&random()).expect("a key")))
            .collect();
        let mut drafts = Vec::new();
        for number in 0..shape.signers + shape.witnesses {
            let (role, text) = if number < shape.signers {
                (Role::Signer, format!("node-{}", number + 1))
            } else {
                (Role::Witness, format!("witness-{}", number - shape.signers + 1))
            };
            let seed = random();
            drafts.push(FoundingNode { name: name(&text), role, seed, founding: seed });
        }
        let recovery_keys = RecoveryKeys::new(&CUSTODIANS, &mut random);
        let custody = recovery_keys.custody(2);
        let mut genesis = genesis(&people, &drafts, shape.faults, custody, Digest(random()));
        if succeeds {
            genesis.succession = Some(succession(&drafts));
        }
        let mut file = GenesisFile::create(&genesis).expect("a well-formed genesis");
        for who in ADMINISTRATORS {
            file.sign(&people[who]).expect("an administrator signs");
        }
        for node in &drafts {
            file.countersign(&node.secrets()).expect("a node countersigns");
        }
        let hash = file.hash();
        let state = Arc::new(file.verify(&hash).expect("a founded domain"));
        let id = |node: &FoundingNode| state.node_named(&node.name).expect("a node").id;
        let nodes = drafts.into_iter().map(|node| (id(&node), node)).collect();
        Self { file, hash, state, nodes, people, recovery_keys }
    }

    /// The machine of the founding is a node's again.
    ///
    /// # Panics
    /// There is no such node.
    pub fn restore_founding_keys(&mut self, node: &NodeId) {
        let node = self.nodes.get_mut(node).expect("a node");
        node.seed = node.founding;
    }

    /// The signer of a person or service.
    ///
    /// # Panics
    /// Nobody of that name.
    pub fn signer(&self, who: &str) -> &MemorySigner {
        &self.people[who]
    }

    /// The id of a person or service.
    ///
    /// # Panics
    /// Nobody of that name.
    pub fn actor(&self, who: &str) -> ActorId {
        let name = name(who);
        let person = self.state.person_named(&name).map(|person| ActorId::Person(person.id));
        let service =
            || self.state.service_named(&name).map(|service| ActorId::Service(service.id));
        person.or_else(service).expect("somebody")
    }

    /// The id of a node.
    ///
    /// # Panics
    /// No node of that name.
    pub fn node(&self, who: &str) -> NodeId {
        let mut nodes = self.nodes.iter();
        let known = nodes.find(|(_, node)| node.name.as_str() == who);
        *known.expect("a node").0
    }

    /// `2 of` the first three signers, or all of fewer.
    ///
    /// # Panics
    /// Fewer than two signers.
    pub fn two_of_three(&self) -> Tree<NodeId> {
        self.some_of(2, 3)
    }

    /// `threshold of` the first signers, or all of fewer.
    ///
    /// # Panics
    /// Fewer signers than the threshold.
    pub fn some_of(&self, threshold: u8, signers: usize) -> Tree<NodeId> {
        let nodes = self.state.nodes().filter(|node| node.role == Role::Signer);
        let leaves = nodes.take(signers).map(|node| Tree::Leaf(node.id)).collect();
        Tree::gate(threshold, leaves).expect("enough signers")
    }

    /// A motion with the signatures of these administrators.
    ///
    /// # Panics
    /// Somebody who cannot sign.
    pub fn motion(
        &self,
        state: &State,
        body: MotionBody,
        nonce: Digest,
        expiry_ms: u64,
        signers: &[&str],
    ) -> SignedMotion {
        let motion = Motion::new(state, body, nonce, expiry_ms);
        let mut signed = SignedMotion::new(&motion);
        for who in signers {
            let ActorId::Person(person) = self.actor(who) else { panic!("{who} is a service") };
            signed.sign(person, self.signer(who)).expect("an administrator signs");
        }
        signed
    }

    /// The body that orders a key over [`two_of_three`](Self::two_of_three).
    pub fn key_order(&self, key: &str, scheme: Scheme) -> MotionBody {
        MotionBody::key_create(name(key), scheme, self.two_of_three())
    }
}

/// A domain before that was lost, and what every signer claims of it.
fn succession(nodes: &[FoundingNode]) -> Succession {
    let predecessor = GenesisHash(Digest([0xbe; 32]));
    let claim = |(at, node): (usize, &FoundingNode)| {
        let secrets = node.secrets();
        let id = SignedEnrolment::create(node.name.clone(), node.role, &secrets).id();
        let arrival = vec![u8::try_from(at).expect("few nodes"); 32];
        SignedSeatClaim::create(predecessor, id, arrival, Vec::new(), &secrets)
    };
    let signers = nodes.iter().filter(|node| node.role == Role::Signer);
    let claims = signers.enumerate().map(claim).collect();
    let (head, backup) = (Head(Digest([0xad; 32])), Digest([0xba; 32]));
    let reason = "a fire".to_owned();
    Succession { predecessor, head, backup, reason, claims, omitted: Vec::new() }
}

fn genesis(
    people: &BTreeMap<String, MemorySigner>,
    nodes: &[FoundingNode],
    faults: u8,
    custody: Custody,
    nonce: Digest,
) -> Genesis {
    let person = |who: &str| GenesisPerson {
        name: name(who),
        credential: people[who].credential().clone(),
        roles: Roles {
            administrator: ADMINISTRATORS.contains(&who),
            approver: APPROVERS.contains(&who),
            auditor: who == AUDITOR,
            operator: false,
            guardian: false,
            reads: None,
        },
    };
    let mut named: Vec<&str> = [&ADMINISTRATORS[..], &APPROVERS[..], &[AUDITOR]].concat();
    named.sort_unstable();
    let mut enrolments: Vec<(Name, SignedEnrolment)> = nodes
        .iter()
        .map(|node| {
            let secrets = node.secrets();
            let enrolment = SignedEnrolment::create(node.name.clone(), node.role, &secrets);
            (node.name.clone(), enrolment)
        })
        .collect();
    enrolments.sort_by(|(a, _), (b, _)| a.cmp(b));
    Genesis {
        version: 1,
        domain: name("testing"),
        staging: true,
        nodes: enrolments.into_iter().map(|(_, enrolment)| enrolment).collect(),
        people: named.into_iter().map(person).collect(),
        services: vec![GenesisService {
            name: name(SERVICE),
            credential: people[SERVICE].credential().clone(),
        }],
        rules: quorate_charter::Rules::at_once(
            "2 of (ada, ben, cleo)".parse().expect("a tree"),
            "any of (ada, ben, cleo)".parse().expect("a tree"),
        ),
        faults,
        settings: Settings::default(),
        nonce,
        custody,
        excepted: Vec::new(),
        succession: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_founds_one_domain() {
        let one = Founding::new(1, Shape::default());
        assert_eq!(Founding::new(1, Shape::default()).hash, one.hash);
        assert_ne!(Founding::new(2, Shape::default()).hash, one.hash);
        assert_eq!(one.state.voters().len(), 4);
        assert_eq!(one.two_of_three().parties().len(), 3);
    }
}
