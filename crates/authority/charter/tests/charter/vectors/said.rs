//! What people and nodes sign beside the log.

use super::Statement;
use super::stories::{Story, claim};
use super::values::{committed, record, void};
use crate::support::{Domain, NOW, member, name, person, secrets};
use quorate_charter::{
    BallotBody, Cession, Decided, EpochStatement, EpochStep, Evidence, ExportStatement, Freeze,
    FreezeScope, Hello, Incarnation, Instance, Lock, MemberKind, NodeStatement, Object, Program,
    Recognition, Rejoin, Role, Signed, SignedBallotMessage, SignedCession, SignedEnrolment,
    SignedFreeze, SignedHello, SignedMember, SignedRejoin, State, Welcome,
};
use quorate_codec::{Digest, Transcript, hex, tag, to_bytes};
use quorate_identity::{
    CredentialSignature, KeyId, NodeId, NodeSecrets, NodeSignature, NodeSignatures, PersonId,
};

pub fn all(vault: &Story<'_>, heir: &Story<'_>) -> Vec<Statement> {
    let at = |entry: &'static str| At { story: vault, state: vault.at(entry) };
    let enrolment = SignedEnrolment::create(name("n6"), Role::Signer, &secrets(6));
    let id = Some(enrolment.id().digest());
    let mut all = vec![
        Statement {
            digest: id,
            ..at("G").node("a node that is to be admitted", "enrolment", &enrolment, &[])
        },
        at("hands").node(
            "a machine for the seat of n2",
            "seat-claim",
            &claim(vault.domain, 22),
            &[],
        ),
        at("G").member("a person with two keys", &gina(vault)),
        at("G").freeze("of everything, by an auditor", &freeze_all(vault), "olga"),
        at("hot").freeze("of one key, by an approver", &freeze(vault), "finn"),
        at("new").cession("by two of three guardians", &cession(vault, heir.domain)),
        at("G").node("n1 in its first life", "hello", &hello(vault, "G", "n1", 1), &["n1"]),
        at("seat").node(
            "n2 by the keys that its seat was given with",
            "hello",
            &hello(vault, "seat", "n2", 22),
            &["n2"],
        ),
        at("hot").node(
            "to n1, which is the one it should be",
            "welcome",
            &welcome(vault, known()),
            &["n3"],
        ),
        at("hot").node(
            "to n1, which was rolled back",
            "welcome",
            &welcome(vault, lapsed(vault)),
            &["n3"],
        ),
        at("seat").node("n1 asks to come back", "rejoin", &rejoin(vault, "seat", "n1", 1), &["n1"]),
        at("out").node(
            "which part n3 gives of an exported key",
            "export-statement",
            &gives(vault, 3),
            &["n3"],
        ),
    ];
    for (name, step) in [
        ("n3 signs under this epoch", EpochStep::Committed),
        ("n3 has no shares of epochs before", EpochStep::ErasedBefore),
        ("n3 has no shares any more", EpochStep::Destroyed),
    ] {
        all.push(at("hot").node(name, "epoch-statement", &did(vault, step, 3), &["n3"]));
    }
    all.extend(ballots(vault).into_iter().map(|(name, it)| at("hot").ballot(name, &it)));
    all.push(at("hot").decision("of the next entry", &vault.drawing.entry("over").to_decided()));
    all.push(at("hot").decision("that an epoch exists", &commits(vault)));
    all.push(at("seat").decision("also by a node that had other keys", &voids(vault)));
    let twice = to_bytes(&twice(vault));
    all.push(at("hot").said("two prevotes of one ballot", "evidence", twice));
    all
}

/// Where something holds: at the state after an entry.
struct At<'a> {
    story: &'a Story<'a>,
    state: &'a State,
}

impl At<'_> {
    /// What nobody signs as a whole.
    fn said(&self, name: &str, form: &str, bytes: Vec<u8>) -> Statement {
        Statement {
            name: name.to_owned(),
            form: form.to_owned(),
            domain: self.story.name(),
            position: self.state.position(),
            by: Vec::new(),
            tag: None,
            signed: None,
            signatures: Vec::new(),
            digest: None,
            bytes: hex::encode(&bytes),
        }
    }

    /// What one node says.
    fn node<T: NodeStatement>(
        &self,
        name: &str,
        form: &str,
        it: &Signed<T>,
        by: &[&str],
    ) -> Statement {
        Statement {
            by: by.iter().map(|who| (*who).to_owned()).collect(),
            tag: Some(T::TAG.name().to_owned()),
            signed: Some(hex::encode(it.bytes())),
            signatures: vec![hex::encode(&it.signature().0)],
            digest: Some(it.digest()),
            ..self.said(name, form, to_bytes(it))
        }
    }

    fn member(&self, name: &str, it: &SignedMember) -> Statement {
        let signature = |it: &CredentialSignature| hex::encode(it.as_bytes());
        Statement {
            tag: Some(tag::MEMBER.name().to_owned()),
            signed: Some(hex::encode(it.bytes())),
            signatures: it.signatures.iter().map(signature).collect(),
            digest: Some(it.digest()),
            ..self.said(name, "member", to_bytes(it))
        }
    }

    fn freeze(&self, name: &str, it: &SignedFreeze, by: &str) -> Statement {
        Statement {
            by: vec![by.to_owned()],
            tag: Some(tag::FREEZE.name().to_owned()),
            signed: Some(hex::encode(&it.bytes)),
            signatures: vec![hex::encode(it.signature.as_bytes())],
            digest: Some(it.digest()),
            ..self.said(name, "freeze", to_bytes(it))
        }
    }

    fn cession(&self, name: &str, it: &SignedCession) -> Statement {
        let called = |id: &PersonId| self.state.person(id).unwrap().name.to_string();
        let signature = |it: &CredentialSignature| hex::encode(it.as_bytes());
        Statement {
            by: it.signatures.iter().map(|(who, _)| called(who)).collect(),
            tag: Some(tag::CESSION.name().to_owned()),
            signed: Some(hex::encode(&it.bytes)),
            signatures: it.signatures.iter().map(|(_, it)| signature(it)).collect(),
            digest: Some(it.digest()),
            ..self.said(name, "cession", to_bytes(it))
        }
    }

    fn ballot(&self, name: &str, it: &SignedBallotMessage) -> Statement {
        Statement {
            by: vec![self.state.node(&it.voter()).unwrap().name.to_string()],
            tag: Some(it.body().phase().tag().name().to_owned()),
            signed: Some(hex::encode(&it.statement())),
            signatures: vec![hex::encode(&it.signature().0)],
            ..self.said(name, "ballot", to_bytes(it))
        }
    }

    /// What voters sign of a decision are their precommits.
    fn decision(&self, name: &str, it: &Decided) -> Statement {
        let called = |id: &NodeId| self.state.node(id).unwrap().name.to_string();
        let body = BallotBody::Precommit(Some(digest_of(&it.value)));
        let any = |_, _: &[u8]| NodeSignature([0; 64]);
        let voter = *it.certificate.iter().next().unwrap().0;
        let precommit =
            SignedBallotMessage::sign(it.genesis, it.instance, it.ballot, voter, body, &any);
        Statement {
            by: it.certificate.iter().map(|(who, _)| called(who)).collect(),
            tag: Some(tag::PRECOMMIT.name().to_owned()),
            signed: Some(hex::encode(&precommit.statement())),
            signatures: it.certificate.iter().map(|(_, it)| hex::encode(&it.0)).collect(),
            ..self.said(name, "decided", to_bytes(it))
        }
    }
}

/// The keys of a node of the vault as it was founded.
pub fn founder<'a>(vault: &'a Story<'_>, node: &str) -> &'a NodeSecrets {
    &vault.domain.nodes[&vault.domain.node(node)]
}

/// The id of a person.
pub fn id(vault: &Story<'_>, who: &str) -> PersonId {
    vault.domain.state.person_named(&name(who)).unwrap().id
}

pub fn hot(vault: &Story<'_>) -> KeyId {
    vault.at("hot").key_named(&name("hot")).unwrap().key
}

pub fn gina(vault: &Story<'_>) -> SignedMember {
    member(vault.domain.hash, "gina", MemberKind::Person, &["gina", "gina-2"])
}

/// What stops everything.
pub fn all_frozen(vault: &Story<'_>) -> Freeze {
    Freeze {
        version: 1,
        genesis: vault.domain.hash,
        scope: FreezeScope::Domain,
        by: id(vault, "olga"),
        reason: "a laptop was stolen".to_owned(),
        nonce: Digest([1; 32]),
    }
}

fn freeze_all(vault: &Story<'_>) -> SignedFreeze {
    SignedFreeze::sign(&all_frozen(vault), &person("olga")).unwrap()
}

/// What finn freezes, and a thaw ends.
pub fn freeze(vault: &Story<'_>) -> SignedFreeze {
    let (scope, by) = (FreezeScope::Key(hot(vault)), id(vault, "finn"));
    let reason = "a payment that nobody knows".to_owned();
    let freeze = Freeze { scope, by, reason, nonce: Digest([2; 32]), ..all_frozen(vault) };
    SignedFreeze::sign(&freeze, &person("finn")).unwrap()
}

/// That the heir takes over, as guardians may say once administrators are back.
pub fn ceded(vault: &Story<'_>, heir: &Domain) -> Cession {
    Cession {
        version: 1,
        genesis: vault.domain.hash,
        successor: heir.hash,
        called: name("vault-2"),
        reason: "both data centres burned down".to_owned(),
        rules: vault.at("new").version(&Object::Rules),
        nonce: Digest([3; 32]),
    }
}

pub fn signed_cession(vault: &Story<'_>, cession: &Cession, by: &[&str]) -> SignedCession {
    let mut signed = SignedCession::new(cession);
    for who in by {
        signed.sign(id(vault, who), &person(who)).unwrap();
    }
    signed
}

pub fn cession(vault: &Story<'_>, heir: &Domain) -> SignedCession {
    signed_cession(vault, &ceded(vault, heir), &["gabi", "hans"])
}

/// What a node says when it starts for the first time, at the head that an entry made.
pub fn greeting(vault: &Story<'_>, entry: &str, node: &str) -> Hello {
    let state = vault.at(entry);
    Hello {
        version: 1,
        genesis: vault.domain.hash,
        node: vault.domain.node(node),
        incarnation: Incarnation::first(Digest([1; 32])),
        head: state.head(),
        position: state.position(),
        highest_vote: state.position() + 1,
        nonce: Digest([4; 32]),
        time_ms: NOW,
        program: Program { version: "1.0.0".parse().unwrap(), digest: Digest([5; 32]) },
    }
}

/// The same, signed by the machine of a seed.
pub fn hello(vault: &Story<'_>, entry: &str, node: &str, seed: u8) -> SignedHello {
    SignedHello::sign(greeting(vault, entry, node), &secrets(seed))
}

pub fn known() -> Recognition {
    Recognition::Recognised(Digest([1; 32]))
}

/// Of n1, which said once that it was further than it is now.
fn lapsed(vault: &Story<'_>) -> Recognition {
    Recognition::Lapsed(Box::new(hello(vault, "over", "n1", 1)))
}

/// What n3 answers n1.
pub fn welcome(vault: &Story<'_>, recognition: Recognition) -> Signed<Welcome> {
    let state = vault.at("hot");
    let welcome = Welcome {
        version: 1,
        genesis: vault.domain.hash,
        node: vault.domain.node("n3"),
        to: vault.domain.node("n1"),
        recognition,
        head: state.head(),
        position: state.position(),
        highest_vote: state.position(),
        locked: false,
        nonce: Digest([4; 32]),
        time_ms: NOW,
    };
    Signed::sign(welcome, founder(vault, "n3"))
}

/// A node asks to come back in its second life, by the machine of a seed.
pub fn rejoin(vault: &Story<'_>, entry: &str, node: &str, seed: u8) -> SignedRejoin {
    let (node, head) = (vault.domain.node(node), vault.at(entry).head());
    let incarnation = Incarnation::first(Digest([1; 32])).next(Digest([2; 32]));
    let body = Rejoin { version: 1, genesis: vault.domain.hash, node, incarnation, head };
    Signed::sign(body, &secrets(seed))
}

/// That n3 gives just this part of the key hot, by the machine of a seed.
pub fn gives(vault: &Story<'_>, seed: u8) -> Signed<ExportStatement> {
    let record = record(vault);
    let body = ExportStatement {
        version: 1,
        genesis: vault.domain.hash,
        node: vault.domain.node("n3"),
        key: record.plan.key,
        epoch: record.plan.epoch,
        record: record.digest(),
        export: vault.at("out").head(),
        bundle: Digest([6; 32]),
    };
    Signed::sign(body, &secrets(seed))
}

/// What n3 did with the first epoch of the key hot, by the machine of a seed.
pub fn did(vault: &Story<'_>, step: EpochStep, seed: u8) -> Signed<EpochStatement> {
    let record = record(vault);
    let body = EpochStatement {
        version: 1,
        genesis: vault.domain.hash,
        node: vault.domain.node("n3"),
        key: record.plan.key,
        epoch: record.plan.epoch,
        record: record.digest(),
        step,
    };
    Signed::sign(body, &secrets(seed))
}

/// What voters sign in place of a value.
pub fn digest_of(value: &[u8]) -> Digest {
    Transcript::new(tag::DECISION_VALUE).part(value).digest()
}

/// What a founder says in a ballot.
pub fn say(
    vault: &Story<'_>,
    instance: Instance,
    ballot: u32,
    who: &str,
    body: BallotBody,
) -> SignedBallotMessage {
    let sign = |tag, bytes: &[u8]| founder(vault, who).sign(tag, bytes);
    let (genesis, voter) = (vault.domain.hash, vault.domain.node(who));
    SignedBallotMessage::sign(genesis, instance, ballot, voter, body, &sign)
}

/// The entry that is decided after the first one.
pub fn next_value(vault: &Story<'_>) -> Vec<u8> {
    vault.drawing.entry("over").bytes().to_vec()
}

/// That these prevoted that entry in the first ballot.
pub fn lock(vault: &Story<'_>, who: &[&str]) -> Lock {
    let mut prevotes = NodeSignatures::default();
    for who in who {
        let body = BallotBody::Prevote(Some(digest_of(&next_value(vault))));
        let message = say(vault, Instance::Position(2), 0, who, body);
        prevotes.insert(message.voter(), *message.signature());
    }
    Lock { ballot: 0, prevotes }
}

fn ballots(vault: &Story<'_>) -> Vec<(&'static str, SignedBallotMessage)> {
    let value = next_value(vault);
    let (digest, bytes) = (Some(digest_of(&value)), || value.clone().into());
    let of_outcome = Some(digest_of(&to_bytes(&committed(vault))));
    let lock = Some(lock(vault, &["n1", "n2", "n3"]));
    let next = Instance::Position(2);
    let attempt = attempt(vault, 0);
    let said = |ballot, who, body| say(vault, next, ballot, who, body);
    let of_attempt = |who, body| say(vault, attempt, 0, who, body);
    vec![
        ("a proposal", said(0, "n1", BallotBody::Proposal { value: bytes(), lock: None })),
        (
            "one that others prevoted",
            said(1, "n2", BallotBody::Proposal { value: bytes(), lock: lock.clone() }),
        ),
        ("a prevote", said(0, "n3", BallotBody::Prevote(digest))),
        ("a prevote for nothing", said(0, "n3", BallotBody::Prevote(None))),
        ("a precommit by a witness", said(0, "n4", BallotBody::Precommit(digest))),
        ("a precommit for nothing", said(1, "n1", BallotBody::Precommit(None))),
        (
            "a value for whoever proposes",
            said(0, "n2", BallotBody::Offer { value: bytes(), lock: None }),
        ),
        (
            "one that others prevoted, for whoever proposes",
            said(1, "n2", BallotBody::Offer { value: bytes(), lock }),
        ),
        ("a prevote about an attempt", of_attempt("n1", BallotBody::Prevote(of_outcome))),
        ("a precommit about an attempt", of_attempt("n1", BallotBody::Precommit(of_outcome))),
    ]
}

/// An attempt at an epoch of the key hot, decided by the founding voters.
fn attempt(vault: &Story<'_>, epoch: u64) -> Instance {
    Instance::Attempt { key: hot(vault), epoch, attempt: 0, era: 0 }
}

/// A decision by these founders.
pub fn decided(vault: &Story<'_>, epoch: u64, value: Vec<u8>, by: &[&str]) -> Decided {
    let by: Vec<NodeId> = by.iter().map(|who| vault.domain.node(who)).collect();
    vault.domain.decide_by(&by, attempt(vault, epoch), value)
}

fn commits(vault: &Story<'_>) -> Decided {
    decided(vault, 0, to_bytes(&committed(vault)), &["n1", "n2", "n3"])
}

/// Given up before n2 had other keys, and certified by those that it had.
fn voids(vault: &Story<'_>) -> Decided {
    decided(vault, 1, to_bytes(&void(vault)), &["n1", "n2", "n3"])
}

/// The two prevotes of n3, as one piece.
fn twice(vault: &Story<'_>) -> Evidence {
    let prevote = |digest| say(vault, Instance::Position(2), 0, "n3", BallotBody::Prevote(digest));
    let both = (prevote(Some(digest_of(&next_value(vault)))), prevote(None));
    minicbor::decode(&to_bytes(&both)).unwrap()
}
