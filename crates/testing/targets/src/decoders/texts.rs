//! Texts that people type, paste and send: what one is read as is written, read again, and the same.

use super::canonical::{compile, decode_intent};
use crate::input::Input;
use quorate_access::{LintOptions, Tree};
use quorate_backup::RecoveryKeyLine;
use quorate_client::contract::HexBytes;
use quorate_client::contract::call::{ACTOR, Addressed, CallHeaders, NONCE, SIGNATURE, TIME};
use quorate_codec::{Digest, from_bytes, to_bytes};
use quorate_derivation::{ExtendedKey, Path};
use quorate_identity::{
    ActorId, Credential, CredentialSignature, ImporterKey, KeyId, Name, NodeId, NodeSignature,
    RequestId, Scheme,
};
use quorate_intent::Intent;
use quorate_policy::PolicyBundle;
use quorate_recovery::key_file::KeyFile;
use quorate_recovery::paper::Page;
use quorate_release::{Signers, Version};
use quorate_testkit::founding::Founding;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

/// Reads a text, and what it is written as once more.
fn text<T: FromStr + Display>(bytes: &[u8]) -> Option<T> {
    let value: T = std::str::from_utf8(bytes).ok()?.parse().ok()?;
    let written = value.to_string();
    let again = written.parse::<T>().ok().expect("what is written is read");
    assert_eq!(again.to_string(), written, "the same once more");
    Some(value)
}

/// The same of a text that has one form only.
fn exact<T: FromStr + Display>(bytes: &[u8]) -> Option<T> {
    let value: T = text(bytes)?;
    assert_eq!(value.to_string().as_bytes(), bytes, "two forms of one value");
    Some(value)
}

/// A body of a call, or an answer: what is written is read as the same.
pub fn json<T: DeserializeOwned + Serialize>(bytes: &[u8], _: &Founding) -> bool {
    let Ok(value) = serde_json::from_slice::<T>(bytes) else { return false };
    let written = serde_json::to_vec(&value).expect("what was read is written");
    let again: T = serde_json::from_slice(&written).expect("what is written is read");
    assert_eq!(serde_json::to_vec(&again).ok(), Some(written), "the same once more");
    true
}

pub fn tree(bytes: &[u8], _: &Founding) -> bool {
    let Some(tree) = text::<Tree<Name>>(bytes) else { return false };
    let parties = tree.parties();
    assert!(tree.satisfied(&parties) && !tree.satisfied(&BTreeSet::new()));
    assert_eq!(tree.missing_for(&parties), None);
    assert_eq!(from_bytes(&to_bytes(&tree)).as_ref(), Ok(&tree), "encoded and decoded");
    let alone = |party: &Name| tree.satisfied(&BTreeSet::from([party.clone()]));
    let passes = tree.lint(&LintOptions::default()).passes();
    assert!(!passes || !parties.iter().any(alone), "the linter lets nobody act alone (ACC-10)");
    true
}

pub fn name(bytes: &[u8], _: &Founding) -> bool {
    exact::<Name>(bytes).is_some()
}

pub fn credential(bytes: &[u8], _: &Founding) -> bool {
    let Some(credential) = text::<Credential>(bytes) else { return false };
    assert_eq!(Credential::from_blob(credential.blob()).as_ref(), Ok(&credential));
    let _ = (credential.fingerprint(), credential.kind());
    true
}

pub fn signature(bytes: &[u8], domain: &Founding) -> bool {
    let _ = CredentialSignature::from_pem(&String::from_utf8_lossy(bytes));
    // As raw bytes, which is what comes over a channel, it is only verified.
    let raw = CredentialSignature::from_bytes(bytes.to_vec());
    for person in domain.state.people() {
        let verified = person.keys.verify(quorate_codec::tag::TEST, b"", &raw);
        assert!(verified.is_err(), "nobody signed this");
    }
    text::<CredentialSignature>(bytes).is_some()
}

pub fn signers(bytes: &[u8], _: &Founding) -> bool {
    let Some(signers) = text::<Signers>(bytes) else { return false };
    let again: Signers = signers.to_string().parse().expect("what is written is read");
    assert_eq!(again.digest(), signers.digest(), "whatever comments it had");
    true
}

pub fn version(bytes: &[u8], _: &Founding) -> bool {
    exact::<Version>(bytes).is_some()
}

pub fn path(bytes: &[u8], _: &Founding) -> bool {
    text::<Path>(bytes).is_some()
}

pub fn extended_key(bytes: &[u8], _: &Founding) -> bool {
    exact::<ExtendedKey>(bytes).is_some()
}

pub fn recovery_key_line(bytes: &[u8], _: &Founding) -> bool {
    text::<RecoveryKeyLine>(bytes).is_some()
}

pub fn key_file(bytes: &[u8], _: &Founding) -> bool {
    exact::<KeyFile>(bytes).is_some()
}

pub fn paper_page(bytes: &[u8], _: &Founding) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(page) = Page::from_text(text) else { return false };
    let again = Page::from_text(&page.to_text()).expect("what is written is read");
    assert_eq!(*again.to_text(), *page.to_text(), "the same once more");
    true
}

pub fn intent(bytes: &[u8], _: &Founding) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(intent) = Intent::from_json(text) else { return false };
    assert_eq!(Intent::from_value(&intent.to_json()).as_ref(), Ok(&intent));
    let bytes = to_bytes(&intent);
    if let Ok(decoded) = from_bytes::<Intent>(&bytes) {
        assert_eq!(decoded, intent, "encoded and decoded (INT-02)");
    }
    decode_intent(&intent);
    true
}

/// The four files of a policy, after each other: each with its length before it.
pub fn policy_files(bytes: &[u8], _: &Founding) -> bool {
    let mut input = Input::new(bytes);
    let mut file = || String::from_utf8(input.part().to_vec()).ok();
    let (Some(cedar), Some(limits), Some(lists), Some(cases)) = (file(), file(), file(), file())
    else {
        return false;
    };
    compile(PolicyBundle::new(cedar, limits, lists, cases));
    true
}

/// The four headers of a call, a line each. No caller's key is behind what is in them.
pub fn call_headers(bytes: &[u8], domain: &Founding) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let lines: Vec<&str> = text.lines().collect();
    let names = [ACTOR, TIME, NONCE, SIGNATURE];
    let header = |name: &str| {
        let place = names.iter().position(|known| *known == name)?;
        lines.get(place).copied()
    };
    let Ok(headers) = CallHeaders::parse(header) else { return false };
    let pairs = headers.to_pairs();
    let written =
        |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, it)| it.as_str());
    assert_eq!(CallHeaders::parse(written).as_ref(), Ok(&headers), "what is written is read");
    let node = *domain.nodes.keys().next().expect("a node");
    let call =
        Addressed { genesis: domain.hash, node, method: "GET", target: "/v1/audit", body: b"" };
    for person in domain.state.people() {
        let mut keys = person.keys.iter();
        assert!(!keys.any(|key| headers.verify(&call, key).is_ok()), "nobody made this call");
    }
    true
}

/// Ids and other short things.
pub fn ids(bytes: &[u8], _: &Founding) -> bool {
    let _ = (text::<KeyId>(bytes), text::<NodeId>(bytes), text::<RequestId>(bytes));
    let _ = (text::<Digest>(bytes), text::<NodeSignature>(bytes), text::<Scheme>(bytes));
    let _ = serde_json::from_slice::<HexBytes>(bytes).ok();
    let _ = ImporterKey::from_bytes(&Input::new(bytes).array());
    text::<ActorId>(bytes).is_some()
}
