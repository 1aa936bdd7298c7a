//! What an implementation makes of bytes that are said to be of a form.

use super::Statement;
use quorate_charter::{
    AttemptOutcome, AttemptPlan, Authenticators, CertifiedEntry, Custody, Decided, EpochRecord,
    Evidence, Incarnation, Instance, Origin, Rules, SignedBallotMessage, SignedCession,
    SignedEnrolment, SignedEpochStatement, SignedExportStatement, SignedFreeze, SignedHello,
    SignedMember, SignedRejoin, SignedSeatClaim, SignedWelcome, State, Succession, Summands, Votes,
};
use quorate_codec::{Canonical, Digest, Transcript, from_bytes, hex, tag, tag::Tag, to_bytes};
use quorate_identity::{CredentialSignature, NodePublic, NodeSignature};
use std::fmt::Display;

/// What is signed, and holds at a state or does not.
pub const STATEMENTS: [&str; 14] = [
    "entry",
    "enrolment",
    "seat-claim",
    "member",
    "freeze",
    "cession",
    "hello",
    "welcome",
    "rejoin",
    "epoch-statement",
    "export-statement",
    "ballot",
    "decided",
    "evidence",
];

/// What is signed by nobody as it is.
pub const VALUES: [&str; 11] = [
    "plan",
    "record",
    "outcome",
    "custody",
    "summands",
    "origin",
    "rules",
    "succession",
    "incarnation",
    "instance",
    "votes",
];

/// Whether it holds at a state; its digest, if it has one, or why it does not.
pub fn statement(form: &str, state: &State, bytes: &[u8]) -> Result<Option<Digest>, String> {
    match form {
        "entry" => {
            let entry: CertifiedEntry = read(bytes)?;
            said(state.verify_entry(&entry))?;
            Ok(Some(entry.head().digest()))
        }
        "enrolment" => {
            let enrolment: SignedEnrolment = read(bytes)?;
            said(enrolment.verify_own())?;
            Ok(Some(enrolment.id().digest()))
        }
        "seat-claim" => {
            let claim: SignedSeatClaim = read(bytes)?;
            said(claim.verify_own())?;
            Ok(Some(claim.digest()))
        }
        "member" => {
            let member: SignedMember = read(bytes)?;
            said(member.verify(&state.genesis()))?;
            Ok(Some(member.digest()))
        }
        "freeze" => {
            let freeze: SignedFreeze = read(bytes)?;
            said(freeze.verify(state))?;
            Ok(Some(freeze.digest()))
        }
        "cession" => {
            let cession: SignedCession = read(bytes)?;
            said(cession.verify(state))?;
            Ok(Some(cession.digest()))
        }
        "hello" => {
            let hello: SignedHello = read(bytes)?;
            said(hello.verify(state))?;
            Ok(Some(hello.digest()))
        }
        "welcome" => {
            let welcome: SignedWelcome = read(bytes)?;
            said(welcome.verify(state))?;
            Ok(Some(welcome.digest()))
        }
        "rejoin" => {
            let rejoin: SignedRejoin = read(bytes)?;
            said(state.check_rejoin(&rejoin))?;
            Ok(Some(rejoin.digest()))
        }
        "epoch-statement" => {
            let statement: SignedEpochStatement = read(bytes)?;
            said(statement.verify(state))?;
            Ok(Some(statement.digest()))
        }
        "export-statement" => {
            let statement: SignedExportStatement = read(bytes)?;
            said(statement.verify(state))?;
            Ok(Some(statement.digest()))
        }
        "ballot" => said(read::<SignedBallotMessage>(bytes)?.verify(state)).map(|_| None),
        "decided" => said(read::<Decided>(bytes)?.verify(state)).map(|()| None),
        "evidence" => {
            let evidence: Evidence = said(minicbor::decode(bytes))?;
            assert_eq!(to_bytes(&evidence), bytes);
            said(evidence.verify(state)).map(|()| None)
        }
        other => panic!("no form is called {other}"),
    }
}

/// Reads what is signed by nobody; its digest, if it has one.
pub fn value(form: &str, bytes: &[u8]) -> Result<Option<Digest>, String> {
    match form {
        "plan" => Ok(Some(read::<AttemptPlan>(bytes)?.context())),
        "record" => {
            let record: EpochRecord = read(bytes)?;
            assert!(record.is_as_ordered());
            Ok(Some(record.digest()))
        }
        "outcome" => {
            read::<AttemptOutcome>(bytes)?;
            Ok(Some(Transcript::new(tag::DECISION_VALUE).part(bytes).digest()))
        }
        "custody" => {
            let custody: Custody = read(bytes)?;
            said(custody.check())?;
            Ok(Some(custody.digest()))
        }
        "summands" => Ok(Some(read::<Summands>(bytes)?.digest())),
        "origin" => read::<Origin>(bytes).map(|_| None),
        "rules" => read::<Rules>(bytes).map(|_| None),
        "succession" => read::<Succession>(bytes).map(|_| None),
        "incarnation" => read::<Incarnation>(bytes).map(|_| None),
        "instance" => read::<Instance>(bytes).map(|_| None),
        "votes" => read::<Votes>(bytes).map(|_| None),
        other => panic!("no form is called {other}"),
    }
}

/// Whether the signatures are of those who are named, under the tag, over exactly these bytes.
pub fn are_signed(it: &Statement, state: &State) -> bool {
    let bytes = |text: &String| hex::decode(text).unwrap();
    let (Some(named), Some(signed)) = (&it.tag, &it.signed) else {
        return it.signatures.is_empty();
    };
    let tag = tag::ALL.iter().find(|tag| tag.name() == named).unwrap();
    let (signed, signers) = (bytes(signed), signers(it, state));
    let mut pairs = signers.iter().zip(&it.signatures);
    !signers.is_empty()
        && signers.len() == it.signatures.len()
        && pairs.all(|(signer, signature)| signer.signed(*tag, &signed, bytes(signature)))
}

/// Who can have signed something.
enum Signer {
    /// A node, under any key that it has or had.
    Node(Vec<NodePublic>),
    /// A person or service.
    Member(Authenticators),
}

impl Signer {
    fn signed(&self, tag: Tag, bytes: &[u8], signature: Vec<u8>) -> bool {
        match self {
            Self::Node(keys) => {
                let signature = NodeSignature(signature.try_into().unwrap());
                keys.iter().any(|keys| keys.verify(tag, bytes, &signature).is_ok())
            }
            Self::Member(keys) => {
                let signature = CredentialSignature::from_bytes(signature);
                keys.verify(tag, bytes, &signature).is_ok()
            }
        }
    }
}

/// The keys that are in a statement, or else those of the people and nodes that are named.
fn signers(it: &Statement, state: &State) -> Vec<Signer> {
    let bytes = hex::decode(&it.bytes).unwrap();
    let named = |who: &String| {
        let name = who.parse().unwrap();
        match (state.node_named(&name), state.person_named(&name)) {
            (Some(node), _) => Signer::Node(state.keys_ever(&node.id)),
            (None, person) => Signer::Member(person.unwrap().keys.clone()),
        }
    };
    match it.form.as_str() {
        "enrolment" => {
            vec![Signer::Node(vec![read::<SignedEnrolment>(&bytes).unwrap().body().keys])]
        }
        "seat-claim" => {
            vec![Signer::Node(vec![read::<SignedSeatClaim>(&bytes).unwrap().body().keys])]
        }
        "member" => {
            let keys = read::<SignedMember>(&bytes).unwrap().body().keys.clone();
            keys.iter().map(|key| Signer::Member(Authenticators::one(key.clone()))).collect()
        }
        _ => it.by.iter().map(named).collect(),
    }
}

fn read<T: Canonical>(bytes: &[u8]) -> Result<T, String> {
    let value = said(from_bytes(bytes))?;
    assert_eq!(to_bytes(&value), bytes);
    Ok(value)
}

fn said<T>(result: Result<T, impl Display>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}
