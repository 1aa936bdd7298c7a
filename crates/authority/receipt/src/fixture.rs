//! A small domain for tests: administrators ada, ben and cleo; approvers alice and bob; the
//! auditor eve; the service bot; three signers and a witness; a key of each scheme, whose secret
//! the tests know; a policy. Everything is signed as in life.

use crate::{Receipt, ReceiptSignature};
use p256::ecdsa::signature::hazmat::PrehashSigner;
use quorate_access::Tree;
use quorate_charter::{
    AccountRecord, AttemptOutcome, AttemptPlan, Backup, BallotBody, CertifiedEntry, Custodian,
    Custody, Decided, Entry, EntryBody, EpochRecord, Genesis, GenesisFile, GenesisPerson,
    GenesisService, Instance, Motion, MotionBody, Role, Roles, Settings, SignedBallotMessage,
    SignedEnrolment, SignedMotion, State,
};
use quorate_codec::{Digest, Transcript, hex, tag};
use quorate_curve::{NonIdentity, Secp256k1};
use quorate_derivation::{Path, derive};
use quorate_identity::{
    ActorId, CredentialSigner, MemorySigner, Name, NodeId, NodeSecrets, NodeSignatures, PersonId,
    Scheme,
};
use quorate_intent::{Decoded, Intent, SigningPayload};
use quorate_policy::request::{
    Approval, NodeDecision, RequestBody, SignedApproval, SignedNodeDecision, SignedRequest, Verdict,
};
use quorate_policy::{Decision, Policy, PolicyBundle, decide, key_at};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// A moment of the fixture, in milliseconds since 1970.
pub const NOW: u64 = 1_800_000_000_000;
/// A minute.
pub const MINUTE: u64 = 60_000;

const NODES: [&str; 4] = ["node-1", "node-2", "node-3", "witness"];
const CEDAR: &str = r#"
    @id("messages") permit(principal == Service::"bot", action == Action::"message", resource);
    @id("digests") permit(principal == Service::"bot", action == Action::"raw.digest", resource);
    @id("transfers") @reason("two people look at every transfer")
    @approvals("all of (alice, bob)")
    permit(principal, action == Action::"evm.transaction", resource);
"#;
const CASES: &str = r#"[{"name":"a call is denied","requester":"service:bot",
    "key":{"name":"ops","scheme":"ed25519"},"facts":{"kind":"bitcoin.psbt"},
    "expect":"deny","rule":"default-deny"}]"#;

/// A domain at one head, and how it got there.
pub struct Domain {
    /// The signed genesis.
    pub file: GenesisFile,
    /// The log.
    pub entries: Vec<CertifiedEntry>,
    /// The state at its end.
    pub state: State,
    /// The nodes with their secrets.
    pub nodes: Vec<(NodeId, NodeSecrets)>,
    seed: u8,
}

impl Domain {
    /// Founds a domain and lets it order its keys and its policy. Other seeds, other domains
    /// with the same names and other keys.
    pub fn new(seed: u8) -> Self {
        let mut domain = Self::founded(seed, 3, 4);
        for (key, scheme) in keys() {
            let tree: Tree<Name> = "2 of (node-1, node-2, node-3)".parse().unwrap();
            let state = &domain.state;
            let access = tree.try_map(|node| state.node_named(node).map(|node| node.id).ok_or(()));
            let access = access.unwrap();
            domain.place(MotionBody::key_create(name(key), scheme, access), 3);
        }
        let [cedar, none, cases] = [CEDAR, "{}", CASES].map(String::from);
        let bundle = PolicyBundle::new(cedar, none.clone(), none, cases).to_bytes();
        domain.place(MotionBody::PolicySet { bundle }, 3);
        domain
    }

    /// A domain at its genesis, signed by so many administrators and nodes.
    pub fn founded(seed: u8, administrators: usize, countersigners: usize) -> Self {
        let secrets = NODES.map(|node| node_secrets(seed, node));
        let enrol = |(node, secrets): (&&str, &NodeSecrets)| {
            let role = if *node == "witness" { Role::Witness } else { Role::Signer };
            SignedEnrolment::create(name(node), role, secrets)
        };
        let enrolments: Vec<SignedEnrolment> = NODES.iter().zip(&secrets).map(enrol).collect();
        let administrator = || Roles { administrator: true, ..Roles::default() };
        let approver = || Roles { approver: true, ..Roles::default() };
        let auditor = || Roles { auditor: true, ..Roles::default() };
        let people = [
            ("ada", administrator()),
            ("alice", approver()),
            ("ben", administrator()),
            ("bob", approver()),
            ("cleo", administrator()),
            ("eve", auditor()),
        ];
        let credential = |who: &str| signer(seed, who).credential().clone();
        let person = |(person, roles)| GenesisPerson {
            name: name(person),
            credential: credential(person),
            roles,
        };
        let genesis = Genesis {
            version: 1,
            domain: name("drawn"),
            staging: true,
            nodes: enrolments.clone(),
            people: people.into_iter().map(person).collect(),
            services: vec![GenesisService { name: name("bot"), credential: credential("bot") }],
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
        for ada in ["ada", "ben", "cleo"].iter().take(administrators) {
            file.sign(&signer(seed, ada)).unwrap();
        }
        for secrets in secrets.iter().take(countersigners) {
            file.countersign(secrets).unwrap();
        }
        let complete = Self::complete(&file, seed, &secrets);
        let state = complete.verify(&complete.hash()).unwrap();
        let ids = enrolments.iter().map(SignedEnrolment::id);
        let nodes = ids.zip(secrets).collect();
        Self { file, entries: Vec::new(), state, nodes, seed }
    }

    fn complete(file: &GenesisFile, seed: u8, secrets: &[NodeSecrets]) -> GenesisFile {
        let mut file = file.clone();
        for ada in ["ada", "ben", "cleo"] {
            file.sign(&signer(seed, ada)).unwrap();
        }
        for secrets in secrets {
            file.countersign(secrets).unwrap();
        }
        file
    }

    /// Moves on by one entry: a motion of ada and ben, certified by so many voters.
    pub fn place(&mut self, body: MotionBody, voters: usize) {
        let position = self.state.position() + 1;
        let nonce = Transcript::new(tag::TEST).number(position).digest();
        let motion = Motion::new(&self.state, body, nonce, NOW + MINUTE);
        let mut motion = SignedMotion::new(&motion);
        for ada in ["ada", "ben"] {
            motion.sign(self.person(ada), &self.signer(ada)).unwrap();
        }
        let entry = Entry::next(&self.state, EntryBody::Motion(motion));
        let value = quorate_codec::to_bytes(&entry);
        let decided = self.decide(Instance::Position(position), value, voters);
        let entry = CertifiedEntry::from_decided(&decided).unwrap();
        if let Ok(verified) = self.state.verify_entry(&entry) {
            self.state = self.state.apply(verified);
        }
        self.entries.push(entry);
    }

    /// A decision of so many voters.
    pub fn decide(&self, instance: Instance, value: Vec<u8>, voters: usize) -> Decided {
        let digest = Transcript::new(tag::DECISION_VALUE).part(&value).digest();
        let genesis = self.state.genesis();
        let mut certificate = NodeSignatures::default();
        for (node, secrets) in self.nodes.iter().take(voters) {
            let precommit = BallotBody::Precommit(Some(digest));
            let sign = |tag, bytes: &[u8]| secrets.sign(tag, bytes);
            let vote = SignedBallotMessage::sign(genesis, instance, 0, *node, precommit, &sign);
            certificate.insert(*node, *vote.signature());
        }
        Decided { version: 1, genesis, instance, ballot: 0, value, certificate }
    }

    /// The record of a key's first epoch.
    pub fn record(&self, key: &str) -> EpochRecord {
        let order = self.state.key_named(&name(key)).unwrap();
        let constant = constant_term(order.scheme);
        let sharing = order.last_sharing().unwrap();
        let members: Vec<NodeId> = sharing.tree.parties().into_iter().collect();
        let plan = AttemptPlan {
            version: AttemptPlan::VERSION,
            genesis: self.state.genesis(),
            key: order.key,
            epoch: 0,
            attempt: 1,
            previous: Digest::ZERO,
            scheme: order.scheme,
            tree: sharing.tree.clone(),
            faults: sharing.faults,
            order: order.entry,
            head: self.state.head(),
            made_at: NOW,
            dealers: members.clone(),
            committee: members,
            incarnations: Vec::new(),
            accounts: order.accounts,
            origin: None,
            custody: Digest::ZERO,
            renews: true,
        };
        let account = AccountRecord {
            public_key: public_key(order.scheme),
            commitments: vec![constant.clone(), constant],
            chain_code: Digest([2; 32]),
        };
        EpochRecord {
            version: EpochRecord::VERSION,
            plan,
            accounts: vec![account],
            transcript: Digest([1; 32]),
            backup: Backup { shares: Vec::new(), key: None },
        }
    }

    /// The decision of so many voters that a record holds.
    pub fn certify(&self, record: &EpochRecord, voters: usize) -> Decided {
        let (key, epoch, attempt) = (record.plan.key, record.plan.epoch, record.plan.attempt);
        let record = quorate_codec::to_bytes(record);
        let outcome = AttemptOutcome::Commit { record, prepared: Vec::new() };
        let value = quorate_codec::to_bytes(&outcome);
        self.decide(Instance::Attempt { key, epoch, attempt, era: 0 }, value, voters)
    }

    /// A request of the service bot.
    pub fn request(&self, key: &str, intent: Intent) -> SignedRequest {
        let bot = ActorId::Service(self.state.service_named(&name("bot")).unwrap().id);
        self.request_by(bot, "bot", key, intent)
    }

    /// A request in the name of one, signed by another.
    pub fn request_by(
        &self,
        requester: ActorId,
        signer: &str,
        key: &str,
        intent: Intent,
    ) -> SignedRequest {
        let key = self.state.key_named(&name(key)).unwrap().key;
        let expiry = NOW + 10 * MINUTE;
        let body = RequestBody::new(self.state.genesis(), key, intent, [7; 32], expiry, requester);
        SignedRequest::sign(&body, &self.signer(signer)).unwrap()
    }

    /// A vote on a request.
    pub fn vote(&self, person: &str, verdict: Verdict, request: &SignedRequest) -> SignedApproval {
        let id = self.person(person);
        let (genesis, expiry) = (self.state.genesis(), NOW + 5 * MINUTE);
        let vote = Approval::new(genesis, request.id(), id, verdict, expiry);
        SignedApproval::sign(&vote, &self.signer(person)).unwrap()
    }

    /// What a node states about a request at this head.
    pub fn decision(&self, request: &SignedRequest, approvals: &[SignedApproval]) -> NodeDecision {
        let policy = Policy::compile(self.state.policy().unwrap()).unwrap();
        let request = request.clone().verify(&self.state).unwrap();
        let votes: Vec<_> =
            approvals.iter().map(|vote| vote.clone().verify(&self.state).unwrap()).collect();
        let decoded = self.decode(request.body());
        let decision: Decision = decide(&self.state, &policy, &request, &decoded, &votes, NOW);
        NodeDecision::new(self.state.genesis(), request.id(), self.state.head(), &decision)
    }

    /// A decision as a node signs it.
    pub fn signed(&self, node: usize, decision: &NodeDecision) -> SignedNodeDecision {
        let (id, secrets) = &self.nodes[node];
        SignedNodeDecision::sign(decision, *id, |bytes| secrets.sign(tag::DECISION, bytes))
    }

    /// The whole receipt of a request that bot files, that these people approve and the first
    /// two signers sign.
    pub fn receipt(&self, key: &str, intent: Intent, approvers: &[&str]) -> Receipt {
        let request = self.request(key, intent);
        let vote = |person: &&str| self.vote(person, Verdict::Approve, &request);
        let approvals: Vec<SignedApproval> = approvers.iter().map(vote).collect();
        let decision = self.decision(&request, &approvals);
        let mut decisions = vec![self.signed(0, &decision), self.signed(1, &decision)];
        decisions.sort_by_key(SignedNodeDecision::node);
        let decoded = self.decode(&request.read().unwrap());
        Receipt {
            version: 1,
            genesis: self.file.clone(),
            entries: self.entries.clone(),
            epoch: self.certify(&self.record(key), 3),
            signatures: decoded.signing_payloads().iter().map(|it| sign(key, it)).collect(),
            request,
            approvals,
            decisions,
        }
    }

    fn decode(&self, request: &RequestBody) -> Decoded {
        let record = self.record(self.state.key(&request.key).unwrap().name.as_str());
        let key = key_at(&record, request.account, &request.derivation_path().unwrap()).unwrap();
        request.intent.decode(&key).unwrap()
    }

    /// The receipt of a transfer from the child of `treasury` at `path`, signed by the child's
    /// private key, which exists here because the whole private key does.
    pub fn receipt_at(&self, path: &Path) -> Receipt {
        let body = self.request("treasury", transfer()).read().unwrap().at(0, path);
        let request = SignedRequest::sign(&body, &self.signer("bot")).unwrap();
        let vote = |person: &str| self.vote(person, Verdict::Approve, &request);
        let approvals = vec![vote("alice"), vote("bob")];
        let decision = self.decision(&request, &approvals);
        let mut decisions = vec![self.signed(0, &decision), self.signed(1, &decision)];
        decisions.sort_by_key(SignedNodeDecision::node);
        let child = child_of_treasury(&self.record("treasury").accounts[0].chain_code, path);
        let sign = |payload: &SigningPayload| {
            let SigningPayload::Digest(digest) = payload else { panic!("a digest is signed") };
            let (signature, id) = child.sign_prehash_recoverable(digest).unwrap();
            ReceiptSignature { bytes: signature.to_bytes().into(), recovery_id: Some(id.to_byte()) }
        };
        let signatures = self.decode(&body).signing_payloads().iter().map(sign).collect();
        Receipt {
            request,
            approvals,
            decisions,
            signatures,
            ..self.receipt("treasury", transfer(), &[])
        }
    }

    /// The signer of a person or service of this domain.
    pub fn signer(&self, who: &str) -> MemorySigner {
        signer(self.seed, who)
    }

    /// A person's id.
    pub fn person(&self, person: &str) -> PersonId {
        self.state.person_named(&name(person)).unwrap().id
    }
}

/// A transfer that two people must approve.
pub fn transfer() -> Intent {
    Intent::from_json(
        r#"{"kind":"evm.transaction","chain_id":31337,"unsigned":"0x02f1827a6907843b9aca0084773594008252089470997970c51812dc3a010c7d01b50e0d17dc79c88806f05b59d3b2000080c0"}"#,
    )
    .unwrap()
}

/// A message for `ops`.
pub fn message(text: &str) -> Intent {
    let hex = hex::encode(text.as_bytes());
    Intent::from_json(&format!(r#"{{"kind":"message","message":"{hex}"}}"#)).unwrap()
}

/// A digest for `vault`.
pub fn digest(byte: u8) -> Intent {
    let hex = hex::encode(&[byte; 32]);
    Intent::from_json(&format!(r#"{{"kind":"raw.digest","digest":"{hex}"}}"#)).unwrap()
}

/// A name.
pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// Signs a payload with a key of this name: a message with `ops`, a digest with all others.
pub fn sign(key: &str, payload: &SigningPayload) -> ReceiptSignature {
    let (bytes, recovery_id) = match payload {
        SigningPayload::Message(message) => {
            (ed25519_dalek::Signer::sign(&ops(), message).to_bytes(), None)
        }
        SigningPayload::Digest(digest) if key == "vault" => {
            (vault().sign_raw(digest, &[0; 32]).unwrap().to_bytes(), None)
        }
        SigningPayload::Digest(digest) if key == "releases" => {
            let signature: p256::ecdsa::Signature = releases().sign_prehash(digest).unwrap();
            (signature.normalize_s().unwrap_or(signature).to_bytes().into(), None)
        }
        SigningPayload::Digest(digest) => {
            let (signature, id) = treasury().sign_prehash_recoverable(digest).unwrap();
            (signature.to_bytes().into(), Some(id.to_byte()))
        }
    };
    ReceiptSignature { bytes, recovery_id }
}

fn keys() -> [(&'static str, Scheme); 4] {
    [
        ("ops", Scheme::Ed25519),
        ("treasury", Scheme::EcdsaSecp256k1),
        ("vault", Scheme::Bip340),
        ("releases", Scheme::EcdsaP256),
    ]
}

fn ops() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[5; 32])
}

fn treasury() -> k256::ecdsa::SigningKey {
    k256::ecdsa::SigningKey::from_slice(&[8; 32]).unwrap()
}

/// The private key of a child, by BIP-32 on the private side.
fn child_of_treasury(chain_code: &Digest, path: &Path) -> k256::ecdsa::SigningKey {
    use k256::elliptic_curve::PrimeField;
    let point = treasury().verifying_key().to_encoded_point(true);
    let point = NonIdentity::<Secp256k1>::from_bytes(point.as_bytes()).unwrap();
    let tweak = derive(&point, &chain_code.0, path).unwrap().tweak.to_bytes();
    let tweak = k256::Scalar::from_repr(tweak.into()).unwrap();
    let secret = *treasury().as_nonzero_scalar().as_ref() + tweak;
    k256::ecdsa::SigningKey::from_bytes(&secret.to_bytes()).unwrap()
}

fn vault() -> k256::schnorr::SigningKey {
    k256::schnorr::SigningKey::from_bytes(&[6; 32]).unwrap()
}

fn releases() -> p256::ecdsa::SigningKey {
    p256::ecdsa::SigningKey::from_slice(&[9; 32]).unwrap()
}

/// The public key of a scheme's one key.
pub fn public_key(scheme: Scheme) -> Vec<u8> {
    match scheme {
        Scheme::EcdsaSecp256k1 => {
            treasury().verifying_key().to_encoded_point(true).to_bytes().into()
        }
        Scheme::Bip340 => vault().verifying_key().to_bytes().to_vec(),
        Scheme::Ed25519 => ops().verifying_key().to_bytes().to_vec(),
        Scheme::EcdsaP256 => releases().verifying_key().to_encoded_point(true).to_bytes().into(),
    }
}

/// The constant term of its commitments: for BIP-340 a whole point, here one of odd y.
fn constant_term(scheme: Scheme) -> Vec<u8> {
    match scheme {
        Scheme::Bip340 => [&[3], &public_key(scheme)[..]].concat(),
        _ => public_key(scheme),
    }
}

fn signer(seed: u8, who: &str) -> MemorySigner {
    MemorySigner::from_seed(&Transcript::new(tag::TEST).part([seed]).part(who).digest().0).unwrap()
}

fn node_secrets(seed: u8, node: &str) -> NodeSecrets {
    let seed = Transcript::new(tag::TEST).part([seed]).part("node").part(node).digest();
    NodeSecrets::generate(&mut ChaCha20Rng::from_seed(seed.0))
}

/// Custodians whose keys are only bytes here.
fn custody() -> Custody {
    let custodian = |who: &str| Custodian::new(name(who), who.as_bytes().to_vec());
    Custody::some_of(2, ["greta", "hugo", "iris"].map(custodian).to_vec()).unwrap()
}
