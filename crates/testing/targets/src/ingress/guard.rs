//! What no arrival brings about.

use super::scene::Scene;
use quorate_client::contract::{RequestState, routes};
use quorate_machine::call::View;
use quorate_machine::durable::Table;
use quorate_machine::event::Output;
use quorate_machine::wire::{Message, SessionMessage, SessionStep};
use quorate_testkit::world::Disk;

/// What only a quorum, or a dealing with honest peers, may change: shares, set-ups, keys and the
/// node's own keys.
const KEPT: [Table; 6] =
    [Table::Share, Table::Pair, Table::Identity, Table::EpochRecord, Table::Summand, Table::Estate];

/// What a look, or a word of an auditor, may change: what the node notes by itself, and what every
/// person may say (GOV-56, GOV-91).
const NOTED: [Table; 6] =
    [Table::Audit, Table::Meta, Table::Peer, Table::Heard, Table::Freeze, Table::Drill];

/// Nothing that only a quorum changes is another than before, and the node has not stopped for good:
/// that takes two decisions about one thing, and honest voters make one.
pub fn nothing_lost(before: &Disk, after: &Disk) {
    let kept = |disk: &Disk| -> Disk {
        let rows = disk.iter().filter(|((table, _), _)| KEPT.contains(table));
        rows.map(|(key, row)| (key.clone(), row.clone())).collect()
    };
    assert!(kept(before) == kept(after), "shares or keys changed");
    let entries = before.iter().filter(|((table, _), _)| *table == Table::Entry);
    for (key, entry) in entries {
        assert_eq!(after.get(key), Some(entry), "an entry of the charter changed (GOV-20)");
    }
    assert!(!after.contains_key(&(Table::Meta, b"halt".to_vec())), "it stopped for good (NOD-18)");
}

/// Who only reads changes nothing but what the node notes.
pub fn only_reads(before: &Disk, after: &Disk, target: &str) {
    let changed = |table: &Table| {
        let rows = |disk: &Disk| -> Vec<Vec<u8>> {
            let rows = disk.iter().filter(|((of, _), _)| of == table);
            rows.map(|((_, key), row)| [key.as_slice(), row].concat()).collect()
        };
        !NOTED.contains(table) && rows(before) != rows(after)
    };
    let changed: Vec<Table> = Table::ALL.into_iter().filter(changed).collect();
    assert!(changed.is_empty(), "{target} changed {changed:?} (RQS-06)");
}

/// Nothing leaves that is secret, and nothing of a session before its attempt is durable (SES-06).
pub fn leaves(scene: &Scene, disk: &Disk, output: &Output) {
    for envelope in output.early.iter().chain(&output.envelopes) {
        no_secret(scene, &envelope.bytes);
        let message: Message =
            quorate_codec::from_bytes(&envelope.bytes).expect("what a node sends is read");
        if let Message::Session(SessionMessage { step: SessionStep::Round { .. }, .. }) = message {
            let attempts =
                |disk: &Disk| disk.keys().filter(|(table, _)| *table == Table::Attempt).count();
            assert!(attempts(disk) > attempts(&scene.disk), "no attempt is durable");
        }
    }
    for reply in &output.replies {
        let answer = match &reply.answer {
            Ok(view) => serde_json::to_vec(view),
            Err(error) => serde_json::to_vec(error),
        };
        no_secret(scene, &answer.expect("an answer is written"));
    }
    output.alarms.iter().for_each(|alarm| no_secret(scene, alarm.text.as_bytes()));
}

/// Not as bytes, and not as digits.
fn no_secret(scene: &Scene, bytes: &[u8]) {
    for secret in &scene.secrets {
        let digits = quorate_codec::hex::encode(secret);
        let digits = digits.trim_start_matches("0x").as_bytes();
        let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        assert!(!has(secret) && !has(digits), "a secret leaves");
    }
}

/// Of what is shown as signed, the receipt shows that it was allowed (RCP-01). How many there are.
pub fn receipts_hold(scene: &Scene, mut ask: impl FnMut(&str) -> Option<View>) -> usize {
    let Some(View::Requests(requests)) = ask(routes::REQUESTS.path) else {
        panic!("no requests are shown")
    };
    let mut signed = 0;
    for request in requests.iter().filter(|request| request.state == RequestState::Signed) {
        let path = routes::RECEIPT.path.replace("{request}", &request.request.to_string());
        // Who took part in nothing may lack the decisions of the others (RQS-06).
        let Some(View::Receipt(answer)) = ask(&path) else { continue };
        signed += 1;
        let verified = quorate_receipt::verify(&answer.receipt.0, &scene.founding.hash);
        assert!(verified.is_ok(), "signed and not allowed: {:?}", verified.err());
    }
    signed
}
