//! Each thing that a domain can lack, in a domain that lacks nothing else.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use super::*;
use ed25519_dalek::{Signer, SigningKey};
use quorate_access::Tree;
use quorate_charter::{
    BallotBody, CertifiedEntry, Custodian, Custody, Decided, Entry, EntryBody, Genesis,
    GenesisFile, GenesisPerson, Imported, Instance, Motion, MotionBody, NodeChange, NodesChange,
    Recipient, Recovery, RefreshSchedule, Roles, Rule, Settings, SignedBallotMessage,
    SignedEnrolment, SignedMotion,
};
use quorate_client::contract::{
    CessionView, DrillView, KeyOrigin, KeyStatus, LastDrill, NodeRole, NodeStanding, NodeStatus,
    ProgramView, SessionFigures,
};
use quorate_codec::{Digest, Transcript, tag, tag::Tag};
use quorate_identity::{
    Credential, CredentialSignature, CredentialSigner, Head, ImporterSecret, MotionId, NodeSecrets,
    NodeSignatures, RecoveryKeyId, Scheme, SignerError,
};
use rand_core::OsRng;
use sha2::{Digest as _, Sha256, Sha512};

const NOW: u64 = 1_800_000_000_000;
const DAY: u64 = 24 * 60 * 60 * 1_000;
const ADMINISTRATORS: [&str; 4] = ["ada", "ben", "cleo", "dora"];
const GUARDIANS: [&str; 3] = ["gabi", "hans", "ines"];
const OVER_THREE: &str = "2 of (n1, n2, n3)";

/// A domain, and what its nodes say of it.
struct Scene {
    state: State,
    secrets: BTreeMap<NodeId, NodeSecrets>,
    said: Said,
    motions: u8,
}

/// A security key: what people who decide hold.
struct Token {
    key: SigningKey,
    credential: Credential,
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn tree(text: &str) -> Tree<Name> {
    text.parse().unwrap()
}

/// A string of SSH.
fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

impl Token {
    fn of(who: &str) -> Self {
        let mut seed = [7; 32];
        seed[..who.len()].copy_from_slice(who.as_bytes());
        let key = SigningKey::from_bytes(&seed);
        let public = string(key.verifying_key().as_bytes());
        let blob = [string(b"sk-ssh-ed25519@openssh.com"), public, string(b"ssh:")].concat();
        Self { key, credential: Credential::from_blob(&blob).unwrap() }
    }

    /// The same key without a token around it.
    fn as_a_file(who: &str) -> Credential {
        let public = string(Self::of(who).key.verifying_key().as_bytes());
        Credential::from_blob(&[string(b"ssh-ed25519"), public].concat()).unwrap()
    }
}

impl CredentialSigner for Token {
    fn credential(&self) -> &Credential {
        &self.credential
    }

    fn sign(
        &self,
        tag: Tag,
        bytes: &[u8],
    ) -> std::result::Result<CredentialSignature, SignerError> {
        let around = [string(tag.name().as_bytes()), string(b""), string(b"sha512")].concat();
        let signed = [&b"SSHSIG"[..], &around, &string(&Sha512::digest(bytes))].concat();
        let trailer = [1, 0, 0, 0, 1];
        let touched =
            [&Sha256::digest(b"ssh:")[..], &trailer, &Sha256::digest(&signed)[..]].concat();
        let signature = self.key.sign(&touched).to_bytes();
        let kind = string(b"sk-ssh-ed25519@openssh.com");
        let signature = [kind, string(&signature), trailer.to_vec()].concat();
        let blob = string(self.credential.blob());
        let parts = [&b"SSHSIG"[..], &1_u32.to_be_bytes(), &blob, &around, &string(&signature)];
        let signature = CredentialSignature::from_bytes(parts.concat());
        self.credential.verify(tag, bytes, &signature).map_err(|_| SignerError::Faulty)?;
        Ok(signature)
    }
}

/// A domain with nothing to be found, after `change` at its founding.
fn founded(nodes: &[&str], change: impl FnOnce(&mut Genesis)) -> Scene {
    let mut scene = bare(nodes, change);
    scene.enact(MotionBody::PolicySet { bundle: b"a policy".to_vec() });
    scene.has_key("treasury", OVER_THREE);
    scene
}

fn clean() -> Scene {
    founded(&["n1", "n2", "n3", "w"], |_| {})
}

/// The same without a policy and without keys.
fn bare(nodes: &[&str], change: impl FnOnce(&mut Genesis)) -> Scene {
    let secrets: Vec<NodeSecrets> =
        nodes.iter().map(|_| NodeSecrets::generate(&mut OsRng)).collect();
    let enrol = |(node, secrets): (&&str, &NodeSecrets)| {
        let role = if node.starts_with('w') { Role::Witness } else { Role::Signer };
        SignedEnrolment::create(name(node), role, secrets)
    };
    let enrolments: Vec<SignedEnrolment> = nodes.iter().zip(&secrets).map(enrol).collect();
    let ids: Vec<NodeId> = enrolments.iter().map(SignedEnrolment::id).collect();
    let mut genesis = genesis(enrolments);
    change(&mut genesis);
    let mut file = GenesisFile::create(&genesis).unwrap();
    for who in ADMINISTRATORS {
        file.sign(&Token::of(who)).unwrap();
    }
    for secrets in &secrets {
        file.countersign(secrets).unwrap();
    }
    let state = file.verify(&file.hash()).unwrap();
    let custody = genesis.custody;
    let said =
        Said { nodes: Vec::new(), keys: Vec::new(), custody: custody_view(&state, &custody) };
    let mut scene =
        Scene { state, secrets: ids.into_iter().zip(secrets).collect(), said, motions: 0 };
    for node in nodes {
        scene.declares(node, node, node, node);
        scene.said.nodes.push((name(node), Some(status(node, nodes))));
    }
    scene
}

fn genesis(nodes: Vec<SignedEnrolment>) -> Genesis {
    let person = |who: &str, roles: Roles| GenesisPerson {
        name: name(who),
        credential: Token::of(who).credential,
        roles,
    };
    let administrator = || Roles { administrator: true, ..Roles::default() };
    let mut people: Vec<GenesisPerson> =
        ADMINISTRATORS.iter().map(|who| person(who, administrator())).collect();
    people.push(person("finn", Roles { approver: true, ..Roles::default() }));
    let guardian = || Roles { guardian: true, ..Roles::default() };
    people.extend(GUARDIANS.iter().map(|who| person(who, guardian())));
    let custodian = |who: &str| Custodian::new(name(who), who.as_bytes().to_vec());
    let main = Rule {
        tree: tree("2 of (ada, ben, cleo, dora)"),
        delay_ms: DAY,
        overriding: tree("3 of (ada, ben, cleo, dora)"),
    };
    Genesis {
        version: 1,
        domain: name("sound"),
        staging: false,
        faults: if nodes.len() > 6 { 2 } else { u8::from(nodes.len() > 3) },
        nodes,
        people,
        services: Vec::new(),
        rules: Rules {
            main,
            upkeep: tree("any of (ada, ben)"),
            special: Vec::new(),
            recovery: Some(Recovery { tree: tree("2 of (gabi, hans, ines)"), delay_ms: 30 * DAY }),
        },
        settings: Settings::default(),
        nonce: Digest([9; 32]),
        custody: Custody::some_of(2, ["kira", "leo", "mia"].map(custodian).to_vec()).unwrap(),
        excepted: Vec::new(),
        succession: None,
    }
}

fn custody_view(state: &State, custody: &Custody) -> CustodyView {
    let view = |custodian: &Custodian| CustodianView {
        name: custodian.name.clone(),
        key: RecoveryKeyId(Digest::ZERO),
        kind: "x25519".to_owned(),
        fingerprint: Vec::new(),
        expires_ms: None,
        is_shown: true,
        challenge: None,
        proposed: None,
        gets: None,
        drilled_ms: None,
    };
    let last = LastDrill {
        canary: Digest::ZERO,
        started_ms: NOW - DAY,
        finished_ms: NOW - DAY,
        by: name("ada"),
        took_part: Vec::new(),
    };
    let drill = |tree: &str| DrillView {
        tree: tree.to_owned(),
        since_ms: 0,
        due_ms: NOW + DAY,
        last: Some(last.clone()),
    };
    CustodyView {
        genesis: state.genesis(),
        node: state.nodes().next().unwrap().id,
        digest: custody.digest(),
        seats: custody.seats.clone(),
        keys: custody.keys.clone(),
        custodians: custody.custodians.iter().map(view).collect(),
        excepted: Vec::new(),
        drills: vec![drill("seats"), drill("keys")],
    }
}

/// What a sound node says.
fn status(node: &str, nodes: &[&str]) -> Status {
    let line = |node: &&str| NodeStatus {
        name: name(node),
        role: if node.starts_with('w') { NodeRole::Witness } else { NodeRole::Signer },
        standing: NodeStanding::Votes,
        program: Some(ProgramView { version: "1.2.0".to_owned(), digest: Digest([1; 32]) }),
        alive: true,
        absent_since_ms: None,
        head: None,
        lag: Some(0),
        quarantined: None,
        sessions: SessionFigures::default(),
    };
    Status {
        domain: name("sound"),
        head: Head(Digest::ZERO),
        position: 0,
        node: name(node),
        leased: true,
        seal: Some("tpm2".to_owned()),
        attended: Some(false),
        memory: Some("asked".to_owned()),
        outdated: None,
        lapsed: None,
        halted: None,
        successions: Vec::new(),
        nodes: nodes.iter().map(line).collect(),
        keys: vec![KeyStatus {
            name: name("treasury"),
            can_sign: true,
            missing: Vec::new(),
            notes: Vec::new(),
            epoch: Some(3),
            oldest_epoch_ms: Some(NOW - DAY),
            refresh_overdue_ms: 0,
            backup_holds: Some(true),
            presignatures: None,
        }],
    }
}

impl Scene {
    /// Moves on by one entry, certified by all nodes.
    fn place(&mut self, body: EntryBody) {
        let entry = Entry::next(&self.state, body);
        let (genesis, instance) = (self.state.genesis(), Instance::Position(entry.position));
        let value = quorate_codec::to_bytes(&entry);
        let digest = Transcript::new(tag::DECISION_VALUE).part(&value).digest();
        let mut certificate = NodeSignatures::default();
        for node in self.state.voters().keys() {
            let sign = |tag, bytes: &[u8]| self.secrets[node].sign(tag, bytes);
            let vote = BallotBody::Precommit(Some(digest));
            let vote = SignedBallotMessage::sign(genesis, instance, 0, *node, vote, &sign);
            certificate.insert(*node, *vote.signature());
        }
        let decided = Decided { version: 1, genesis, instance, ballot: 0, value, certificate };
        let entry = CertifiedEntry::from_decided(&decided).unwrap();
        let verified = self.state.verify_entry(&entry).unwrap();
        self.state = self.state.apply(verified);
    }

    /// A motion takes effect, however long it is announced.
    fn enact(&mut self, body: MotionBody) {
        self.motions += 1;
        let motion = Motion::new(&self.state, body, Digest([self.motions; 32]), NOW);
        let mut signed = SignedMotion::new(&motion);
        for who in ADMINISTRATORS {
            let person = self.state.person_named(&name(who)).unwrap().id;
            signed.sign(person, &Token::of(who)).unwrap();
        }
        let id: MotionId = signed.id();
        self.place(EntryBody::Motion(signed));
        if self.state.announcement(&id).is_some() {
            self.place(EntryBody::Enact(id));
        }
    }

    fn access(&self, text: &str) -> Tree<NodeId> {
        tree(text).map(|node| self.state.node_named(node).unwrap().id)
    }

    fn has_key(&mut self, key: &str, access: &str) {
        let access = self.access(access);
        self.enact(MotionBody::key_create(name(key), Scheme::EcdsaSecp256k1, access));
        self.is_scheduled(key);
        self.said.keys.push(KeyView {
            key: name(key),
            id: self.state.key_named(&name(key)).unwrap().key,
            scheme: Scheme::EcdsaSecp256k1,
            accounts: 1,
            public_key: None,
            access: tree(OVER_THREE),
            epoch: 3,
            faults: 1,
            holders: Vec::new(),
            without_shares: Vec::new(),
            made_at_ms: None,
            schedule: None,
            refresh_due_ms: None,
            state: KeyState::Active,
            origin: KeyOrigin::Generated,
            backup: "proven".to_owned(),
            exports: Vec::new(),
            warning: String::new(),
            addresses: None,
        });
    }

    fn is_scheduled(&mut self, key: &str) {
        let schedule = Some(RefreshSchedule { every_ms: DAY, jitter_ms: 0, window: None });
        self.enact(MotionBody::KeySchedule { name: name(key), schedule });
    }

    fn declares(&mut self, node: &str, operator: &str, cloud: &str, jurisdiction: &str) {
        let [operator, cloud, jurisdiction] = [operator, cloud, jurisdiction].map(str::to_owned);
        let declared = Declaration { operator, cloud, jurisdiction };
        let change = NodeChange::Declare { name: name(node), declared };
        self.enact(MotionBody::Nodes(NodesChange::one(change)));
    }

    fn suspends(&mut self, node: &str) {
        let change = NodeChange::Stand { name: name(node), standing: Standing::Waits };
        self.enact(MotionBody::Nodes(NodesChange::one(change)));
    }

    fn status(&mut self, node: &str) -> &mut Status {
        let mut nodes = self.said.nodes.iter_mut();
        nodes.find(|(it, _)| it.as_str() == node).unwrap().1.as_mut().unwrap()
    }

    fn runs(&mut self, node: &str, version: &str, digest: u8) {
        let status = self.status(node);
        let line = status.nodes.iter_mut().find(|line| line.name.as_str() == node).unwrap();
        let (version, digest) = (version.to_owned(), Digest([digest; 32]));
        line.program = Some(ProgramView { version, digest });
    }

    fn custodian(&mut self, who: &str) -> &mut CustodianView {
        let mut all = self.said.custody.custodians.iter_mut();
        all.find(|it| it.name.as_str() == who).unwrap()
    }

    fn findings(&self) -> Vec<Finding> {
        assess(&self.state, &self.said, NOW)
    }

    /// Finds exactly this, whatever the order of equals.
    #[track_caller]
    fn finds(&self, expected: &[(Grade, &str)]) {
        let findings = self.findings();
        let mut found: Vec<(Grade, &str)> =
            findings.iter().map(|finding| (finding.grade, finding.what.as_str())).collect();
        assert!(found.is_sorted_by_key(|(grade, _)| *grade), "the worst first: {found:?}");
        let mut expected = expected.to_vec();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
        let worst_expected = expected.iter().map(|(grade, _)| *grade).min();
        assert_eq!(worst(&findings), worst_expected.unwrap_or(Grade::A));
        for finding in &findings {
            assert!(!finding.why.is_empty() && !finding.fix.is_empty(), "{finding:?}");
        }
    }
}

const FOUR: [&str; 4] = ["n1", "n2", "n3", "w"];
const SEVEN: [&str; 7] = ["n1", "n2", "n3", "n4", "n5", "n6", "w"];

#[test]
fn a_sound_domain_stands_at_a() {
    clean().finds(&[]);
    founded(&SEVEN, |_| {}).finds(&[]);
}

#[test]
fn who_decides_is_counted() {
    founded(&FOUR, |genesis| genesis.staging = true)
        .finds(&[(Grade::D, "the domain is for staging")]);
    founded(&["n1", "n2", "n3"], |_| {}).finds(&[
        (Grade::C, "3 voters bear a crash, and no lie"),
        (Grade::B, "there is no witness"),
    ]);
    founded(&["n1", "n2", "n3", "n4"], |_| {}).finds(&[(Grade::B, "there is no witness")]);
    let mut scene = clean();
    scene.suspends("w");
    scene.finds(&[
        (Grade::D, "all 3 voters are needed to decide"),
        (Grade::B, "node w waits: it neither votes nor signs"),
    ]);
    let mut scene = founded(&SEVEN, |_| {});
    scene.suspends("n6");
    scene.finds(&[
        (Grade::C, "6 voters, 2 of whom may lie: with a liar nothing is decided"),
        (Grade::B, "node n6 waits: it neither votes nor signs"),
    ]);
}

/// Operators, clouds and jurisdictions alike.
#[test]
fn who_has_several_nodes_in_one_hand_is_seen() {
    let declared = |nodes: &[&str], part: usize, hand: &str| {
        let mut scene = clean();
        for node in nodes {
            let mut parts = [format!("o {node}"), format!("c {node}"), format!("j {node}")];
            parts[part] = hand.to_owned();
            scene.declares(node, &parts[0], &parts[1], &parts[2]);
            // Two that open by themselves in one place are another finding.
            scene.status(node).attended = None;
            scene.status(node).seal = None;
        }
        scene
    };
    for (part, what) in ["operator", "cloud", "jurisdiction"].into_iter().enumerate() {
        let silent = format!("no {what} is declared of n1");
        declared(&["n1"], part, "").finds(&[(Grade::B, &silent)]);
        let alone = format!("the nodes of {what} Acme can use key treasury alone");
        declared(&["n1", "n2"], part, "Acme").finds(&[(Grade::D, &alone)]);
        let needed = format!("without the 2 nodes of {what} Acme nothing is decided");
        declared(&["n1", "w"], part, "Acme").finds(&[(Grade::C, &needed)]);
        let mut scene = declared(&["n1", "n2", "w"], part, "Acme");
        scene.enact(MotionBody::KeyRetire { name: name("treasury") });
        let decide = format!("the nodes of {what} Acme decide alone");
        scene.finds(&[(Grade::D, &decide)]);
    }
}

#[test]
fn rules_are_slow_and_bear_a_loss() {
    founded(&FOUR, |genesis| genesis.rules.main.delay_ms = DAY / 2 - 1).finds(&[(
        Grade::C,
        "everything else: dangerous motions are announced for less than half a day",
    )]);
    founded(&FOUR, |genesis| genesis.rules.main.overriding = genesis.rules.main.tree.clone())
        .finds(&[(Grade::B, "everything else: as few override an objection as rule")]);
    let special = |matter, rule: &str, overriding: &str| {
        let (tree, overriding) = (tree(rule), tree(overriding));
        vec![(matter, Rule { tree, delay_ms: DAY, overriding })]
    };
    founded(&FOUR, |genesis| {
        genesis.rules.special =
            special(Matter::Freezes, "all of (ada, ben)", "3 of (ada, ben, cleo, dora)");
    })
    .finds(&[(Grade::C, "freezes: everybody of all of (ada, ben) is needed")]);
    founded(&FOUR, |genesis| {
        genesis.rules.main.tree = tree("3 of (ada, ben, cleo, dora)");
        genesis.rules.main.overriding = tree("all of (ada, ben, cleo, dora)");
        let all = "3 of (ada, ben, cleo, dora)";
        genesis.rules.special = special(Matter::Rules, "2 of (ada, ben, cleo, dora)", all);
    })
    .finds(&[(Grade::C, "the rules change more easily than what they rule")]);
    founded(&FOUR, |genesis| {
        genesis.rules.recovery = None;
        genesis.people.retain(|person| !person.roles.guardian);
    })
    .finds(&[(Grade::C, "nobody brings administrators back")]);
    founded(&FOUR, |genesis| {
        genesis.rules.recovery.as_mut().unwrap().tree = tree("all of (gabi, hans, ines)");
    })
    .finds(&[(Grade::B, "every guardian of all of (gabi, hans, ines) is needed")]);
}

#[test]
fn people_who_decide_hold_tokens_and_are_one_thing() {
    founded(&FOUR, |genesis| {
        let finn = genesis.people.iter_mut().find(|it| it.name.as_str() == "finn").unwrap();
        finn.credential = Token::as_a_file("finn");
    })
    .finds(&[(Grade::C, "finn decide with keys that may be files")]);
    founded(&FOUR, |genesis| {
        genesis.people[0].roles.approver = true;
        genesis.excepted = vec![name("ada")];
    })
    .finds(&[(Grade::B, "ada are, or were, more than one thing at once")]);
}

#[test]
fn keys_bear_a_loss_and_are_nobodys_whole() {
    let mut scene = bare(&FOUR, |_| {});
    scene.has_key("treasury", OVER_THREE);
    scene.finds(&[(Grade::B, "there is no policy")]);

    let mut scene = clean();
    scene.has_key("cold", "all of (n1, n2)");
    scene.finds(&[(Grade::C, "key cold: every one of its nodes is needed")]);

    let mut scene = clean();
    scene.enact(MotionBody::KeySchedule { name: name("treasury"), schedule: None });
    scene.finds(&[(Grade::B, "key treasury is never refreshed by itself")]);

    let mut scene = clean();
    let importer = ImporterSecret::from_bytes(&[1; 32]).public();
    let imported = Imported { public: vec![7; 32], chain_code: Digest::ZERO, importer };
    let (scheme, access) = (Scheme::Ed25519, scene.access(OVER_THREE));
    let name = name("old");
    scene.enact(MotionBody::KeyImport { name, scheme, access, faults: 1, imported });
    scene.is_scheduled("old");
    scene.finds(&[(Grade::B, "key old was imported")]);
}

#[test]
fn a_key_that_was_given_to_somebody_stays_one() {
    let mut scene = clean();
    let recipient = Recipient { name: name("zoe"), key: b"a key for that".to_vec() };
    let export = |recipient| MotionBody::KeyExport { name: name("treasury"), recipient };
    scene.enact(export(Some(recipient)));
    let exported = (Grade::C, "key treasury was exported");
    scene.finds(&[exported, (Grade::C, "key treasury: an export is open")]);
    scene.enact(export(None));
    scene.finds(&[exported]);
    scene.enact(MotionBody::KeyRetire { name: name("treasury") });
    scene.finds(&[]);
}

#[test]
fn shares_are_young() {
    let age = |at| {
        let mut scene = clean();
        scene.status("n2").keys[0].oldest_epoch_ms = Some(at);
        scene
    };
    age(NOW - SHARES_AGE_MS_MAX).finds(&[]);
    age(NOW - SHARES_AGE_MS_MAX - 1)
        .finds(&[(Grade::C, "key treasury: its shares are older than 90 days")]);
    let mut scene = clean();
    scene.status("n3").keys[0].refresh_overdue_ms = 1;
    scene.finds(&[(Grade::C, "key treasury: its refresh is overdue")]);
}

#[test]
fn keys_are_backed_up_for_the_custodians_of_now() {
    let backup = |backup: &str, state| {
        let mut scene = clean();
        let key = &mut scene.said.keys[0];
        (key.backup, key.state) = (backup.to_owned(), state);
        scene
    };
    backup("outdated", KeyState::Active)
        .finds(&[(Grade::C, "key treasury is backed up for custodians who were replaced")]);
    backup("none", KeyState::Ordered)
        .finds(&[(Grade::B, "key treasury has no backup: it is not made yet")]);
    backup("none", KeyState::Retired).finds(&[]);
    let holds = |holds| {
        let mut scene = clean();
        scene.status("n1").keys[0].backup_holds = holds;
        scene
    };
    holds(None).finds(&[]);
    holds(Some(false)).finds(&[(Grade::C, "node n1 keeps backups that do not hold: treasury")]);
}

#[test]
fn custodians_hold_keys_that_last_and_held_a_drill() {
    let all = tree("all of (kira, leo, mia)");
    let mut scene = clean();
    scene.said.custody.seats = all.clone();
    scene.finds(&[(
        Grade::C,
        "every custodian of all of (kira, leo, mia) is needed to restore shares",
    )]);
    let mut scene = clean();
    scene.said.custody.keys = all;
    scene.finds(&[(
        Grade::C,
        "every custodian of all of (kira, leo, mia) is needed to restore keys",
    )]);

    let expires = |at, change: fn(&mut CustodianView)| {
        let mut scene = clean();
        let leo = scene.custodian("leo");
        leo.expires_ms = Some(at);
        change(leo);
        scene
    };
    expires(NOW, |_| {}).finds(&[(Grade::C, "to have another recovery key by now: leo")]);
    let soon = (Grade::B, "to have another recovery key within 30 days: leo");
    expires(NOW + 1, |_| {}).finds(&[soon]);
    expires(NOW + 30 * DAY, |_| {}).finds(&[soon]);
    expires(NOW + 30 * DAY + 1, |_| {}).finds(&[]);
    // One whom a motion would enrol, and one who gets a key, are no custodians.
    expires(NOW, |it| it.proposed = Some(MotionId(Digest::ZERO))).finds(&[]);
    expires(NOW, |it| it.gets = Some(name("treasury"))).finds(&[]);

    let mut scene = clean();
    scene.custodian("mia").is_shown = false;
    scene.finds(&[(Grade::C, "nobody showed the node that was asked the recovery key of mia")]);

    let mut scene = clean();
    scene.said.custody.drills[0].last = None;
    scene.said.custody.drills[1].due_ms = NOW;
    scene.finds(&[
        (Grade::B, "no drill was held for seats"),
        (Grade::C, "the drill for keys is overdue"),
    ]);
}

#[test]
fn nodes_run_and_hear_each_other() {
    let mut scene = clean();
    scene.said.nodes[3].1 = None;
    scene.finds(&[(Grade::C, "node w does not answer")]);
    let changes: [fn(&mut Status); 3] = [
        |status| status.halted = Some("it was revoked".to_owned()),
        |status| status.lapsed = Some("an old copy".to_owned()),
        |status| status.outdated = Some("an old program".to_owned()),
    ];
    for change in changes {
        let mut scene = clean();
        change(scene.status("n2"));
        scene.finds(&[(Grade::C, "node n2 takes part in nothing")]);
    }
    let mut scene = clean();
    scene.status("n1").nodes[1].quarantined = Some("a check failed".to_owned());
    scene.finds(&[(Grade::C, "node n1 has quarantined a peer")]);

    let mut scene = clean();
    scene.status("n1").successions.push(CessionView {
        cession: Digest::ZERO,
        successor: Digest::ZERO,
        called: name("after"),
        reason: "a fire".to_owned(),
        by: vec![name("gabi")],
        stops_at_ms: NOW + DAY,
        bytes: Vec::new().into(),
    });
    scene.finds(&[(Grade::D, "node n1 was told that another domain takes over")]);
    scene.status("n1").halted = Some("another domain took over".to_owned());
    scene.finds(&[(Grade::C, "node n1 takes part in nothing")]);
}

#[test]
fn nodes_run_one_program() {
    let mut scene = clean();
    scene.runs("n2", "1.1.0", 2);
    scene.finds(&[(Grade::C, "node n2 runs version 1.1.0, others a later one")]);
    let mut scene = clean();
    scene.runs("n2", "1.2.0", 2);
    scene.finds(&[(Grade::C, "nodes run different programs of one version")]);
}

/// What a kind of seal alone does not say: a token whose PIN is typed is attended.
#[test]
fn what_opens_by_itself_is_spread_and_what_does_not_is_known() {
    let sealed = |seal: &str, attended| {
        let mut scene = clean();
        let status = scene.status("n1");
        (status.seal, status.attended) = (Some(seal.to_owned()), attended);
        scene
    };
    let passphrase = (Grade::B, "node n1 opens with a passphrase");
    sealed("passphrase", Some(true)).finds(&[passphrase]);
    sealed("passphrase", None).finds(&[passphrase]);
    sealed("pkcs11", Some(true))
        .finds(&[(Grade::B, "node n1 opens with a PIN that is typed (pkcs11)")]);
    sealed("pkcs11", Some(false)).finds(&[]);
    sealed("pkcs11", None).finds(&[]);

    // One theft starts them all: more than may lie, and no more than may lie.
    let mut scene = clean();
    for node in ["n1", "w"] {
        scene.declares(node, node, "one rack", node);
    }
    let needed = (Grade::C, "without the 2 nodes of cloud one rack nothing is decided");
    scene.finds(&[needed, (Grade::C, "n1 and w open by themselves in one place: one rack")]);
    scene.status("w").attended = Some(true);
    scene.status("w").seal = Some("passphrase".to_owned());
    scene.finds(&[needed, (Grade::B, "node w opens with a passphrase")]);
    let mut scene = founded(&SEVEN, |_| {});
    for node in ["n6", "w"] {
        scene.declares(node, node, "one rack", node);
    }
    scene.finds(&[(Grade::B, "n6 and w open by themselves in one place: one rack")]);
}

/// N-92: it weighs more where presignatures lie in memory for hours.
#[test]
fn copies_of_memory_are_noticed() {
    for notices in [Some("asked"), Some("told"), Some("physical"), None] {
        let mut scene = clean();
        scene.status("n1").memory = notices.map(str::to_owned);
        scene.finds(&[]);
    }
    let mut scene = clean();
    for node in ["n1", "w"] {
        scene.status(node).memory = Some("never".to_owned());
    }
    scene.finds(&[(Grade::B, "n1, w would not notice a copy of their memory")]);
    scene.enact(MotionBody::KeyPresign { name: name("treasury"), most: 8 });
    scene.finds(&[(Grade::C, "n1, w would not notice a copy of their memory")]);
}

#[test]
fn a_grade_is_read_and_the_worst_counts() {
    assert_eq!("C".parse(), Ok(Grade::C));
    assert_eq!("E".parse::<Grade>(), Err(()));
    assert_eq!(worst(&[]), Grade::A);
    assert!(Grade::D < Grade::C && Grade::B < Grade::A, "worse is less");
}
