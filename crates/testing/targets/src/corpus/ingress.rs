//! Seeds of a node: what peers told it and people called at it, in a domain like its own.

use super::{Seeds, made};
use crate::ingress::arrival::{Arrival, Kind, filing};
use crate::ingress::play;
use crate::ingress::scene::{CALLERS, LIAR, NODE, Told};
use quorate_client::contract::routes;
use quorate_codec::{Digest, to_bytes};
use quorate_machine::wire::{
    Generation, KeyProgress, Message, PairMessage, PairStep, SessionMessage, SessionStep,
};
use std::collections::BTreeMap;

/// Longer messages say nothing that shorter ones do not.
const FRAME_BYTES_MAX: usize = 8 << 10;

pub fn seeds(told: &Told) -> Seeds {
    let recording = told.recording.borrow();
    let mut kinds: BTreeMap<&str, Vec<Vec<u8>>> = BTreeMap::new();
    let asked = asked(told);
    for message in recording.heard.iter().map(|(_, message)| message).chain(&asked) {
        let bytes = to_bytes(message);
        let known = kinds.entry(kind_of(message)).or_default();
        if bytes.len() <= FRAME_BYTES_MAX && !known.contains(&bytes) {
            known.push(bytes);
        }
    }
    let mut seeds = Seeds::new();
    for (kind, frames) in kinds.iter().filter(|(_, frames)| !frames.is_empty()) {
        let last = frames.len() - 1;
        // The first and the last of each kind, told by an honest peer, a liar and a stranger.
        for (count, frame) in [&frames[0], &frames[last]].into_iter().enumerate() {
            let who = u8::try_from(count).unwrap_or_default();
            let arrivals = [Kind::Frame, Kind::Lie, Kind::Strange]
                .map(|kind| Arrival { kind, who, bytes: frame }.write().unwrap_or_default());
            seeds.insert(format!("{kind}.{}", count + 1), arrivals.concat());
        }
    }
    seeds.insert("life.1".to_owned(), life(&kinds));
    seeds.insert("signed.1".to_owned(), signed(told));
    seeds.extend(calls(told));
    seeds
}

/// The node takes part of it, at least.
pub fn is_fresh(name: &str, bytes: &[u8]) -> bool {
    let needs_some = ["calls", "fetch", "filed", "freeze", "hello", "life", "progress", "request"];
    let some = needs_some.iter().any(|kind| name.starts_with(kind));
    let became = play(bytes);
    let is_signed = became.signed > 0 || !name.starts_with("signed");
    is_signed && (became.taken > 0 || !some)
}

/// What no peer said while nothing went wrong: questions, and what people and liars say.
pub fn asked(told: &Told) -> Vec<Message> {
    let founding = &told.world.founding;
    let key = told.world.state(NODE).keys().map(|order| order.key).next();
    let progress = |key| KeyProgress { key, epoch: 1, attempt: 0, known: Digest([3; 32]) };
    let (nonce, run) = (Digest([4; 32]), Digest([5; 32]));
    let liar = founding.node(LIAR);
    let ready = Generation { peer: liar, generation: Digest([6; 32]) };
    vec![
        Message::Fetch(0),
        Message::Fetch(u64::MAX),
        Message::FetchRecords(Vec::new()),
        Message::FetchRecords(key.into_iter().map(progress).collect()),
        Message::Pair(PairMessage { run, step: PairStep::Ask { nonce } }),
        Message::Pair(PairMessage { run, step: PairStep::Lack }),
        Message::Pairs(vec![ready]),
        Message::Session(SessionMessage { run, step: SessionStep::Abort }),
        Message::Freeze(made::freeze(founding)),
        Message::Cession(Box::new(made::cession(founding))),
        Message::Rejoin(made::rejoin(founding)),
        made::evidence(told),
    ]
}

/// A request that the node hears of only from its peers, to its end.
fn signed(told: &Told) -> Vec<u8> {
    let recording = told.recording.borrow();
    let peers: Vec<_> = {
        let node = told.world.id(NODE);
        told.world.nodes().into_iter().filter(|peer| *peer != node).collect()
    };
    let requests = recording.called.iter().filter(|(_, target, _)| target == "/v1/requests");
    // The first one waits on the disk.
    let body = requests.filter_map(|(_, _, body)| body.as_ref()).nth(1);
    let filed = Arrival {
        kind: Kind::Post,
        who: 6,
        bytes: &body.map_or(Vec::new(), |body| filing("/v1/requests", body)),
    }
    .write();
    let after = recording.heard.iter().skip(recording.on_disk);
    let mut decisions = Vec::new();
    let mut outcome = None;
    for (from, message) in after {
        let who = peers.iter().position(|peer| peer == from).and_then(|who| u8::try_from(who).ok());
        let frame = |bytes: &[u8]| {
            Arrival { kind: Kind::Frame, who: who.unwrap_or_default(), bytes }.write()
        };
        match message {
            Message::Decision(_) if outcome.is_none() && decisions.len() < 8 => {
                decisions.extend(frame(&to_bytes(message)));
            }
            Message::Outcome(_) if outcome.is_none() => outcome = frame(&to_bytes(message)),
            _ => {}
        }
    }
    filed.into_iter().chain(decisions).chain(outcome).flatten().collect()
}

/// One of each kind after the other.
fn life(kinds: &BTreeMap<&str, Vec<Vec<u8>>>) -> Vec<u8> {
    let short = kinds.values().filter_map(|frames| frames.iter().min_by_key(|bytes| bytes.len()));
    let frames = short.filter(|bytes| bytes.len() < 1_024).zip(0..).take(13);
    let arrivals =
        frames.filter_map(|(bytes, who)| Arrival { kind: Kind::Frame, who, bytes }.write());
    let later = 90_000_u64.to_le_bytes();
    let wait = Arrival { kind: Kind::Wait, who: 0, bytes: &later }.write();
    let flap = Arrival { kind: Kind::Flap, who: 1, bytes: &[] }.write();
    arrivals.chain(wait).chain(flap).flatten().collect()
}

/// Everything that can be read, and what was filed.
fn calls(told: &Told) -> Seeds {
    let recording = told.recording.borrow();
    let signed = recording.signed.first().map(|view| view.request.to_string());
    let fill = |path: &str| {
        let request = signed.clone().unwrap_or_default();
        path.replace("{request}", &request).replace("{key}", "ops")
    };
    let reads = routes::ALL.iter().filter(|route| route.method == "GET");
    let targets: Vec<String> = reads.map(|route| fill(route.path)).collect();
    let mut seeds = Seeds::new();
    for (count, targets) in targets.chunks(12).enumerate() {
        let get =
            |target: &String| Arrival { kind: Kind::Get, who: 5, bytes: target.as_bytes() }.write();
        let bytes = targets.iter().filter_map(get).flatten().collect();
        seeds.insert(format!("calls.{}", count + 1), bytes);
    }
    for (count, (who, target, body)) in recording.called.iter().enumerate() {
        let Some(body) = body else { continue };
        let who = CALLERS.iter().position(|known| known == who).unwrap_or_default();
        let who = u8::try_from(who).unwrap_or_default();
        let bytes = filing(target, body);
        // Also by an auditor, who may not, and by nobody.
        let file = |who| Arrival { kind: Kind::Post, who, bytes: &bytes }.write();
        let all = [who, 5, 7].into_iter().filter_map(file).flatten().collect();
        seeds.insert(format!("filed.{}", count + 1), all);
    }
    seeds
}

fn kind_of(message: &Message) -> &'static str {
    match message {
        Message::Hello(_) => "hello",
        Message::Welcome(_) => "welcome",
        Message::Fetch(_) => "fetch",
        Message::Entries(_) => "entries",
        Message::FetchRecords(_) => "fetch-records",
        Message::Decided(_) => "decided",
        Message::Motion(_) => "motion",
        Message::Ballot(_) => "ballot",
        Message::Rejoin(_) => "rejoin",
        Message::Deal(_) => "deal",
        Message::Pair(_) => "pair",
        Message::Request(_) => "request",
        Message::Approval(_) => "approval",
        Message::Cancellation(_) => "cancellation",
        Message::Decision(_) => "decision",
        Message::Session(_) => "session",
        Message::Outcome(_) => "outcome",
        Message::Pairs(_) => "pairs",
        Message::Progress(_) => "progress",
        Message::Epoch(_) => "epoch",
        Message::Import(_) => "import",
        Message::Evidence(_) => "evidence",
        Message::Bundle(_) => "bundle",
        Message::Freeze(_) => "freeze",
        Message::Cession(_) => "cession",
    }
}
