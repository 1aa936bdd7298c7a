//! Seeds of the decoders: everything that is found in test vectors and in what nodes and people say,
//! tried with every form. So a new form finds seeds by itself.

use super::Seeds;
use super::ingress::asked;
use super::made::made;
use crate::decoders::{FORMS, is_read, number_of};
use crate::ingress::scene::{NODE, Told};
use quorate_client::contract::routes;
use quorate_codec::{hex, to_bytes};
use quorate_machine::call::View;
use quorate_machine::durable::Table;
use quorate_policy::PolicyBundle;
use quorate_testkit::fields::Value;
use quorate_testkit::founding::POLICY;
use std::collections::BTreeSet;
use std::path::Path;

/// Longer ones say nothing that shorter ones do not.
const SEED_BYTES_MAX: usize = 6 << 10;

/// Forms whose every real example is long.
const LONG: [&str; 4] = ["receipt", "handover", "backup-file", "bundle-ed25519"];
const LONG_BYTES_MAX: usize = 24 << 10;

pub fn seeds(vectors: &Path, told: &mut Told) -> std::io::Result<Seeds> {
    let mut found = BTreeSet::new();
    for file in std::fs::read_dir(vectors)? {
        let path = file?.path();
        if path.extension().is_some_and(|it| it == "json") {
            let json: serde_json::Value = serde_json::from_slice(&std::fs::read(path)?)?;
            in_json(&json, &mut found);
        }
    }
    in_world(told, &mut found);
    made(told).iter().for_each(|bytes| in_bytes(bytes, &mut found));
    asked(told).iter().for_each(|message| in_bytes(&to_bytes(message), &mut found));
    Ok(FORMS.iter().flat_map(|form| chosen(form.name, &found)).collect())
}

/// The form that the name begins with reads it.
pub fn is_fresh(name: &str, bytes: &[u8]) -> bool {
    let form = name.rsplit_once('.').map_or(name, |(form, _)| form);
    let is_form = FORMS.iter().any(|known| known.name == form);
    is_form && bytes.first() == Some(&number_of(form)) && is_read(bytes)
}

/// Of everything that is of a form the shortest, the longest and one in the middle.
fn chosen(form: &str, found: &BTreeSet<Vec<u8>>) -> Vec<(String, Vec<u8>)> {
    let number = number_of(form);
    let most = if LONG.contains(&form) { LONG_BYTES_MAX } else { SEED_BYTES_MAX };
    let short = found.iter().filter(|bytes| bytes.len() <= most);
    let tried = short.map(|bytes| [&[number], bytes.as_slice()].concat());
    let mut read: Vec<Vec<u8>> = tried.filter(|bytes| is_read(bytes)).collect();
    read.sort_by_key(Vec::len);
    if form == "message" {
        // One of each kind, the shortest: its number stands after the head of the pair.
        let mut kinds = BTreeSet::new();
        read.retain(|bytes| kinds.insert(bytes.get(1..4).map(<[u8]>::to_vec)));
        return named(form, read);
    }
    let last = read.len().saturating_sub(1);
    let places = BTreeSet::from([0, last / 2, last]);
    let chosen = read.into_iter().enumerate().filter(|(place, _)| places.contains(place));
    named(form, chosen.map(|(_, bytes)| bytes))
}

fn named(form: &str, seeds: impl IntoIterator<Item = Vec<u8>>) -> Vec<(String, Vec<u8>)> {
    let seeds = seeds.into_iter().zip(1..);
    seeds.map(|(bytes, count)| (format!("{form}.{count}"), bytes)).collect()
}

/// Every text, and whatever it is the digits of.
fn in_json(json: &serde_json::Value, found: &mut BTreeSet<Vec<u8>>) {
    match json {
        serde_json::Value::String(text) => {
            found.insert(text.as_bytes().to_vec());
            if let Ok(bytes) = hex::decode(text) {
                in_bytes(&bytes, found);
            }
        }
        serde_json::Value::Array(all) => all.iter().for_each(|one| in_json(one, found)),
        serde_json::Value::Object(all) => {
            found.insert(json.to_string().into_bytes());
            all.values().for_each(|one| in_json(one, found));
        }
        _ => {}
    }
}

/// The bytes, and every value inside.
fn in_bytes(bytes: &[u8], found: &mut BTreeSet<Vec<u8>>) {
    if found.insert(bytes.to_vec())
        && let Some(value) = Value::try_read(bytes)
    {
        in_value(&value, found);
    }
}

fn in_value(value: &Value, found: &mut BTreeSet<Vec<u8>>) {
    match value {
        Value::Bytes(bytes) => in_bytes(bytes, found),
        Value::Text(text) => {
            found.insert(text.as_bytes().to_vec());
        }
        Value::List(values) => {
            found.insert(value.write());
            values.iter().for_each(|value| in_value(value, found));
        }
        Value::Nothing | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What nodes said, what a node keeps and shows, and what people write.
fn in_world(told: &mut Told, found: &mut BTreeSet<Vec<u8>>) {
    let heard: Vec<Vec<u8>> =
        told.recording.borrow().heard.iter().map(|(_, message)| to_bytes(message)).collect();
    heard.iter().for_each(|message| in_bytes(message, found));
    let kept = told.world.host(NODE).disk.clone();
    let open = kept.iter().filter(|((table, _), _)| !table.is_erasable());
    let open = open.filter(|((table, _), _)| *table != Table::Identity);
    open.for_each(|(_, row)| in_bytes(row, found));
    in_bytes(&to_bytes(&told.world.founding.file), found);
    in_bytes(told.world.founding.file.genesis_bytes(), found);
    shown(told, found);
    for (_, _, body) in &told.recording.borrow().called {
        found.extend(body.clone());
    }
    let files = POLICY.map(str::to_owned);
    let parts = files.iter().flat_map(|file| {
        let length = u16::try_from(file.len()).unwrap_or_default().to_le_bytes();
        [&length[..], file.as_bytes()].concat()
    });
    found.insert(parts.collect());
    let [cedar, limits, lists, cases] = files;
    found.insert(PolicyBundle::new(cedar, limits, lists, cases).to_bytes());
    for person in told.world.founding.state.people() {
        person.keys.iter().for_each(|key| {
            found.insert(key.to_string().into_bytes());
        });
    }
}

/// The answers to all calls that need no argument but a key or a request.
fn shown(told: &mut Told, found: &mut BTreeSet<Vec<u8>>) {
    let signed = told.recording.borrow().signed.first().map(|view| view.request);
    let signed = signed.expect("a request that was signed").to_string();
    for route in routes::ALL.iter().filter(|route| route.method == "GET") {
        let target = route.path.replace("{request}", &signed).replace("{key}", "ops");
        if let Ok(view) = told.world.call(NODE, "auditor", "GET", &target, b"") {
            if let View::Audit(_) = view {
                continue;
            }
            let json = serde_json::to_value(&view).unwrap_or_default();
            in_json(&json, found);
            // Views say their kind around what the contract has.
            if let serde_json::Value::Object(kinds) = &json {
                kinds.values().for_each(|inner| in_json(inner, found));
            }
        }
    }
}
