//! What neither test vectors nor a domain at work have: made by hand, each whole and signed.

use crate::ingress::scene::{LIAR, NODE, Recording, Told};
use quorate_backup::{Bundle, Keyed, Opener, Recovery, Statement};
use quorate_charter::{
    Ask, AttemptPlan, CertifiedEntry, Cession, Freeze, FreezeScope, GenesisFile, Incarnation,
    Rejoin, SignedCession, SignedFreeze, SignedRejoin, SignedSeatClaim,
};
use quorate_client::contract::call::{Addressed, CallHeaders};
use quorate_client::contract::{
    ErrorAnswer, ErrorBody, ErrorCode, HexBytes, RecordDrill, ShowPossession, SignMotion,
    SubmitCession, SubmitFreeze, SubmitImport, SubmitStatement,
};
use quorate_codec::{Digest, from_bytes, to_bytes};
use quorate_curve::{P256, SecretScalar};
use quorate_identity::{ActorId, GenesisHash, KeyId, NodeSecrets, RecoveryKeyId};
use quorate_keygen::Misdealing;
use quorate_machine::evidence::Evidence;
use quorate_machine::import::{ImportAnswer, ImportOffer};
use quorate_machine::wire::{DealMessage, DealStep, ImportDealing, Message};
use quorate_policy::request::{Approval, Signed, Verdict};
use quorate_recovery::backup_file::{BackupWriter, FileHead, Item};
use quorate_recovery::drill::{Drill, DrillPart};
use quorate_recovery::estate::{EstatePart, SealedPart};
use quorate_recovery::seat::SeatPart;
use quorate_testkit::custodians::Reduced;
use quorate_testkit::forged::Forged;
use quorate_testkit::founding::{Founding, Shape, name};
use quorate_testkit::liar;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::BTreeMap;

/// Everything.
///
/// # Panics
/// It cannot be made.
pub fn made(told: &Told) -> Vec<Vec<u8>> {
    let founding = &told.world.founding;
    let recording = told.recording.borrow();
    let statements = [statements(founding), dealings(founding, &recording)].concat();
    let files = files(told, &recording);
    [statements, files, bodies(founding, &recording), vec![bundle(founding)]].concat()
}

/// A backup of a key on P-256, which the domain has none of.
fn bundle(founding: &Founding) -> Vec<u8> {
    let secret = SecretScalar::<P256>::from_wide(&[9; 64]);
    let publics = vec![secret.commit().non_identity().expect("a key")];
    let (genesis, node, head) = (founding.hash, founding.node(NODE), founding.state.head());
    let of = Keyed::new(genesis, KeyId(Digest([8; 32])), &publics, Digest([7; 32]), head);
    let recovery = Recovery::alone(founding.recovery_keys.of("greta").public().clone());
    let statement = Statement::of_contributions(of, 0, node, publics, recovery);
    let mut rng = ChaCha20Rng::from_seed([78; 32]);
    let bundle: Bundle<P256, Reduced> =
        quorate_backup::prove(statement, &[secret], &mut rng).expect("a proof");
    to_bytes(&bundle)
}

fn statements(founding: &Founding) -> Vec<Vec<u8>> {
    let (genesis, node) = (founding.hash, founding.node(NODE));
    let machine = NodeSecrets::generate(&mut ChaCha20Rng::from_seed([77; 32]));
    let claim = SignedSeatClaim::create(genesis, node, vec![7; 33], Vec::new(), &machine);
    let rejoin = rejoin(founding);
    let succeeding = Founding::succeeding(2, Shape::default());
    let successor = succeeding.file.genesis().expect("a genesis");
    let succession = successor.succession.expect("it succeeds");
    let ada = founding.actor("ada");
    let call = (
        (1_u8, genesis, node, ada, "GET", "/v1/keys", 1_700_000_000_000_u64),
        (vec![5_u8; 16], vec![6_u8; 32]),
    );
    let ((version, genesis, node, actor, method, target, time), (nonce, body)) = call;
    let statement = (
        version,
        genesis,
        node,
        actor,
        method,
        target,
        time,
        minicbor::bytes::ByteVec::from(nonce),
        minicbor::bytes::ByteVec::from(body),
    );
    let addressed = Addressed { genesis, node, method: "GET", target: "/v1/keys", body: b"" };
    let headers =
        CallHeaders::sign(&addressed, ada, 1_700_000_000_000, [5; 16], founding.signer("ada"));
    let lines = headers.expect("a signature").to_pairs().map(|(_, value)| value).join("\n");
    let ids = [ada.to_string(), founding.actor("wallet-service").to_string()];
    let mut all = vec![
        to_bytes(&claim),
        to_bytes(&rejoin),
        to_bytes(&succession),
        to_bytes(&successor.nodes),
        to_bytes(&statement),
        lines.into_bytes(),
    ];
    all.extend(ids.map(String::into_bytes));
    all
}

/// What is shown of dealings: complaints, evidence, and what an importer gets and answers.
fn dealings(founding: &Founding, recording: &Recording) -> Vec<Vec<u8>> {
    let deals: Vec<&DealMessage> = recording
        .heard
        .iter()
        .filter_map(|(_, message)| match message {
            Message::Deal(message) => Some(message),
            _ => None,
        })
        .collect();
    let plan = plan(recording);
    let round = |number: u8| {
        let is_it = |deal: &&&DealMessage| matches!(deal.step, DealStep::Round { number: of, .. } if of == number);
        (*deals.iter().find(is_it).expect("a message of the round")).clone()
    };
    let (first, second) = (round(1), round(2));
    let DealStep::Round { bytes, .. } = &second.step else { return Vec::new() };
    let dealer = founding.node(LIAR);
    let complaint = liar::Complaint::about(dealer, bytes, [9; 32]);
    let signed = |message: &DealMessage| {
        let DealStep::Round { bytes, .. } = &message.step else { return None };
        let signature = message.signature.0.to_vec().into();
        Some(quorate_keygen::Signed { bytes: bytes.clone().into(), signature })
    };
    let of = |message: &DealMessage| {
        signed(message).map(|signed| BTreeMap::from([(dealer, signed)])).unwrap_or_default()
    };
    let misdealing = Misdealing::new(of(&first), of(&second));
    let secrets = founding.nodes[&dealer].secrets();
    let twice = || Forged::twice(1, plan.clone(), dealer, &secrets);
    let offer =
        ImportOffer { version: ImportOffer::VERSION, plan: plan.clone(), firsts: Vec::new() };
    let dealing = ImportDealing { first, second };
    let answer = ImportAnswer { version: 1, firsts: Vec::new(), dealing };
    vec![
        to_bytes(&complaint),
        to_bytes(&misdealing),
        to_bytes(&twice().read::<Evidence>()),
        twice().file(1, founding.file.clone()),
        to_bytes(&offer),
        to_bytes(&answer),
    ]
}

/// What custodians and operators carry.
fn files(told: &Told, recording: &Recording) -> Vec<Vec<u8>> {
    let founding = &told.world.founding;
    let (genesis, node) = (founding.hash, founding.node(NODE));
    let key = founding.recovery_keys.of("greta").public().id();
    let (custodian, sealed) = (name("greta"), vec![3; 64]);
    let entry = founding.state.head();
    let seat =
        SeatPart { version: 1, genesis, node, entry, custodian: custodian.clone(), key, sealed };
    let estate = EstatePart {
        version: 1,
        successor: GenesisHash(Digest([4; 32])),
        predecessor: genesis,
        backup: Digest([5; 32]),
        custodian: custodian.clone(),
        key,
        sealed: vec![SealedPart { heir: node, bytes: vec![6; 48] }],
    };
    let drill = Drill {
        version: 1,
        genesis,
        export: Digest([7; 32]),
        canary: Digest([8; 32]),
        arrival: vec![9; 33],
        asks: vec![Ask { key, challenge: vec![2; 33] }],
        started_ms: 1_700_000_000_000,
        started_by: name("ada"),
    };
    let part = DrillPart {
        version: 1,
        drill: drill.id(),
        custodian,
        key,
        made_at_ms: 1_700_000_000_001,
        sealed: vec![1; 64],
    };
    let backup = backup(&founding.file, recording);
    vec![to_bytes(&seat), to_bytes(&estate), to_bytes(&drill), to_bytes(&part), backup]
}

/// A backup file of the charter alone.
fn backup(genesis: &GenesisFile, recording: &Recording) -> Vec<u8> {
    let told = recording.heard.iter().flat_map(|(_, message)| match message {
        Message::Entries(entries) => entries.clone(),
        Message::Decided(decided) => CertifiedEntry::from_decided(decided).into_iter().collect(),
        _ => Vec::new(),
    });
    let entries: BTreeMap<u64, CertifiedEntry> =
        told.map(|entry| (entry.position(), entry)).collect();
    let (made_at_ms, export) = (1_700_000_000_000, Digest([7; 32]));
    let head = FileHead { made_at_ms, export, genesis: genesis.clone() };
    let mut writer = BackupWriter::new(Vec::new(), head).expect("a file");
    for (_, entry) in (1..).zip(entries.into_values()) {
        writer.write(&Item::Entry(entry)).expect("an entry in its place");
    }
    writer.finish().expect("a file")
}

/// A node wants to come back.
pub fn rejoin(founding: &Founding) -> SignedRejoin {
    let (genesis, node) = (founding.hash, founding.node(NODE));
    let (id, previous) = (Digest([1; 32]), Digest([2; 32]));
    let incarnation = Incarnation { version: 1, count: 3, id, previous };
    let rejoin = Rejoin { version: 1, genesis, node, incarnation, head: founding.state.head() };
    SignedRejoin::sign(rejoin, &founding.nodes[&node].secrets())
}

/// Another domain takes over, say two who are no guardians.
///
/// # Panics
/// It is not signed.
pub fn cession(founding: &Founding) -> SignedCession {
    let cession = Cession {
        version: 1,
        genesis: founding.hash,
        successor: GenesisHash(Digest([7; 32])),
        called: name("phoenix"),
        reason: "two sites burnt down".to_owned(),
        rules: 0,
        nonce: Digest([8; 32]),
    };
    let mut signed = SignedCession::new(&cession);
    for who in ["ada", "ben"] {
        let ActorId::Person(person) = founding.actor(who) else { continue };
        signed.sign(person, founding.signer(who)).expect("a signature");
    }
    signed
}

/// An auditor stops everything.
///
/// # Panics
/// It is not signed.
pub fn freeze(founding: &Founding) -> SignedFreeze {
    let ActorId::Person(by) = founding.actor("auditor") else { panic!("an auditor is a person") };
    let freeze = Freeze {
        version: 1,
        genesis: founding.hash,
        scope: FreezeScope::Domain,
        by,
        reason: "something is wrong".to_owned(),
        nonce: Digest([8; 32]),
    };
    SignedFreeze::sign(&freeze, founding.signer("auditor")).expect("a signature")
}

/// A node signed two messages for one place.
///
/// # Panics
/// Nothing was planned yet.
pub fn evidence(told: &Told) -> Message {
    let recording = told.recording.borrow();
    let dealer = told.world.founding.node(LIAR);
    let secrets = told.world.founding.nodes[&dealer].secrets();
    Forged::twice(1, plan(&recording), dealer, &secrets).told()
}

/// The last plan of a dealing that was heard.
fn plan(recording: &Recording) -> AttemptPlan {
    let mut plans = recording.heard.iter().filter_map(|(_, message)| match message {
        Message::Deal(DealMessage { step: DealStep::Plan { plan }, .. }) => from_bytes(plan).ok(),
        _ => None,
    });
    plans.next_back().expect("a plan")
}

/// Bodies of calls.
fn bodies(founding: &Founding, recording: &Recording) -> Vec<Vec<u8>> {
    let hex = |bytes: Vec<u8>| HexBytes(bytes);
    let (freeze, cession) = (freeze(founding), cession(founding));
    let ActorId::Person(by) = founding.actor("alice") else { return Vec::new() };
    let request = recording.signed.first().expect("a request").request;
    let vote = Approval::new(founding.hash, request, by, Verdict::Approve, 1_800_000_000_000);
    let vote = Signed::sign(&vote, founding.signer("alice")).expect("a signature");
    let key: RecoveryKeyId = founding.recovery_keys.of("hugo").public().id();
    let drill = RecordDrill {
        canary: hex(vec![1; 40]),
        secret: hex(vec![2; 32]),
        took_part: vec![key],
        started_ms: 1_700_000_000_000,
        finished_ms: 1_700_000_000_001,
    };
    let error = ErrorAnswer {
        error: ErrorBody::new(ErrorCode::BadCall, "something is wrong", "correct it"),
    };
    let json = [
        serde_json::to_vec(&SubmitFreeze { freeze: hex(to_bytes(&freeze)) }),
        serde_json::to_vec(&SubmitCession { cession: hex(to_bytes(&cession)) }),
        serde_json::to_vec(&SubmitStatement { statement: hex(to_bytes(&vote)) }),
        serde_json::to_vec(&SignMotion { signature: hex(vec![4; 80]) }),
        serde_json::to_vec(&SubmitImport { dealing: hex(vec![5; 80]) }),
        serde_json::to_vec(&ShowPossession { key, answer: hex(vec![6; 34]) }),
        serde_json::to_vec(&drill),
        serde_json::to_vec(&error),
    ];
    let statements = [to_bytes(&freeze), to_bytes(&cession)];
    json.into_iter().map(|body| body.expect("json")).chain(statements).collect()
}
