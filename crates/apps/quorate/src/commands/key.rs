//! `key create|list|show`; accounts and children are in [`super::derive`], what happens to a key later in
//! [`super::lifecycle`].

use super::charter::file_motion;
use super::derive::{self, AddressOf, Place};
use super::export;
use super::handover;
use super::lifecycle;
use super::succession;
use crate::args::{Key, Reader, Signer};
use crate::domain;
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::replay;
use crate::session::Session;
use quorate_access::Tree;
use quorate_charter::{Export, MotionBody, State, most_faults};
use quorate_client::contract::{Addresses, ExportView, KeyOrigin, KeyState, KeyView, routes};
use quorate_identity::{Name, NodeId, Scheme, moment};
use quorate_intent::{KeyFacts, Network, ethereum_address, p2tr, p2wpkh};
use std::fmt::Write;

/// Runs a `key` verb.
///
/// # Errors
/// The caller's, or a node's.
pub async fn run(verb: Key, face: Face) -> Result<()> {
    match verb {
        Key::Create { name, scheme, access, faults, count, signer } => {
            let order = Order { name, scheme, access, faults, accounts: count };
            create(&order, &signer, face).await
        }
        Key::Import(verb) => lifecycle::import::run(verb, face).await,
        Key::Restore(options) => succession::restore(&options, face).await,
        Key::Lifecycle(verb) => lifecycle::run(verb, face).await,
        Key::List(reader) => list(&reader, face).await,
        Key::Show { name, reader } => {
            let session = Session::read(&reader)?;
            let view = verified_view(&session, &domain::name(&name)?).await?;
            face.show(&view, text);
            Ok(())
        }
        Key::Handover(verb) => handover::run(verb, face).await,
        Key::Accounts { name, reader } => derive::accounts(&name, &reader, face).await,
        Key::Address { name, chain, network, kind, account, path, reader } => {
            let wanted = AddressOf { chain, network, kind };
            let place = Place::parse(account, &path)?;
            derive::address(&name, &place, &wanted, &reader, face).await
        }
        Key::Derive { name, account, path, chain, network, kind, reader } => {
            let wanted = chain.map(|chain| AddressOf { chain, network, kind });
            let place = Place::parse(account, &path)?;
            derive::child(&name, &place, wanted.as_ref(), &reader, face).await
        }
        Key::Export(verb) => export::run(verb, face).await,
        Key::Xpub { name, account, network, reader } => {
            derive::xpub(&name, account, &network, &reader, face).await
        }
    }
}

/// A key as it was asked for.
struct Order {
    name: String,
    scheme: String,
    access: String,
    faults: Option<u8>,
    accounts: u16,
}

async fn create(order: &Order, by: &Signer, face: Face) -> Result<()> {
    let name = domain::name(&order.name)?;
    let scheme: Scheme = order
        .scheme
        .parse()
        .map_err(|error| Failure::caller("bad_scheme", error, "name one of them with --scheme"))?;
    let tree = parse_tree(&order.access)?;
    let session = Session::sign(by)?;
    let state = session.replay().await?;
    let access = tree_of_nodes(&state, &tree)?;
    let faults = order.faults.unwrap_or_else(|| most_faults(&access));
    let accounts = order.accounts;
    let body = MotionBody::KeyCreate { name, scheme, access, faults, accounts };
    file_motion(&session, &state, body, face).await
}

/// An access tree as typed.
///
/// # Errors
/// The caller's.
pub fn parse_tree(text: &str) -> Result<Tree<Name>> {
    text.parse().map_err(|error| {
        let next = "write it as: 2 of (node-1, node-2, node-3)";
        Failure::caller("bad_access", format!("not an access tree: {error}"), next)
    })
}

/// The tree over ids for one over names.
///
/// # Errors
/// The caller's: a node that the charter does not know.
pub fn tree_of_nodes(state: &State, tree: &Tree<Name>) -> Result<Tree<NodeId>> {
    tree.try_map(|name| {
        state.node_named(name).map(|node| node.id).ok_or_else(|| {
            let known: Vec<&str> = state.nodes().map(|node| node.name.as_str()).collect();
            Failure::caller(
                "unknown_node",
                format!("there is no node {name} in this domain"),
                format!("the nodes are: {}", known.join(", ")),
            )
        })
    })
}

async fn list(reader: &Reader, face: Face) -> Result<()> {
    let keys: Vec<KeyView> = Session::read(reader)?.get(routes::KEYS.path).await?;
    for key in &keys {
        face.show(key, |key| {
            let state = state_text(key.state);
            let accounts = match key.accounts {
                1 => String::new(),
                accounts => format!(", {accounts} accounts"),
            };
            let origin = match key.origin {
                KeyOrigin::Generated => "",
                KeyOrigin::Imported => "  imported: whoever still has a copy can sign alone",
                KeyOrigin::Restored => "  restored from the domain before",
            };
            let exported = match key.exports.is_empty() {
                true => "",
                false => "  exported: somebody got it whole, and can sign alone",
            };
            let (name, scheme, access) = (&key.key, key.scheme, &key.access);
            format!("{name:<16} {scheme:<16} {state:<8} {access}{accounts}{origin}{exported}")
        });
    }
    if keys.is_empty() {
        face.tell("no keys yet; order one with `quorate key create`");
    }
    Ok(())
}

/// `key show`, with everything in it that matters verified here: the order in the charter, and
/// the public key in the certified epoch record.
///
/// # Errors
/// The caller's: no such key. The node's: it says something else than what is certified.
pub async fn verified_view(session: &Session, name: &Name) -> Result<KeyView> {
    let state = session.replay().await?;
    let order = replay::key_named(&state, name)?;
    let view: KeyView = session.get(&routes::key(name)).await?;
    // A node that is further may tell of more, and none of fewer (KEX-05).
    let is_told = |export: &Export| view.exports.iter().any(|it| it.entry == export.entry);
    if !order.exports.iter().all(is_told) {
        return Err(Failure::peer(
            "bad_answer",
            format!("the node keeps back that key {name} was exported"),
            "ask another node with --node, and show this to the operators",
        ));
    }
    let certified = session.key_facts(&state, name).await?;
    let stated = view.public_key.as_ref().map(|key| key.0.as_slice());
    let made = certified.as_ref().map(|facts| facts.public_key.as_slice());
    // A node may show no public key of a key that is certified but not active yet.
    match stated.is_none() || stated == made {
        true => Ok(view),
        false => Err(Failure::peer(
            "bad_answer",
            format!("the node shows another public key of {name} than the certified one"),
            "ask another node with --node, and show this to the operators",
        )),
    }
}

/// All addresses that a key can have, on the networks for trying things out.
///
/// # Errors
/// The node's: a public key that is none.
pub fn test_addresses(facts: &KeyFacts) -> Result<Addresses> {
    let bad = |error: &dyn std::fmt::Display| Failure::peer("bad_key", error, "ask another node");
    let mut addresses = Addresses::default();
    match facts.scheme {
        Scheme::EcdsaSecp256k1 => {
            let ethereum = ethereum_address(&facts.public_key).map_err(|error| bad(&error))?;
            let bitcoin =
                p2wpkh(&facts.public_key, Network::Regtest).map_err(|error| bad(&error))?;
            addresses.ethereum = Some(ethereum);
            addresses.p2wpkh = Some(bitcoin);
        }
        Scheme::Bip340 => {
            let bitcoin = p2tr(&facts.public_key, Network::Regtest).map_err(|error| bad(&error))?;
            addresses.p2tr = Some(bitcoin);
        }
        Scheme::Ed25519 | Scheme::EcdsaP256 => {}
    }
    Ok(addresses)
}

/// To whom a key was given, and what the answering node has for them.
fn export_text(export: &ExportView) -> String {
    let ExportView { recipient, position, .. } = export;
    let words = export.fingerprint.join(" ");
    let open = match (export.is_open, export.epoch, &export.awaits) {
        (false, ..) => "nodes give nothing more for it".to_owned(),
        (true, _, Some(why)) => format!("open; this node gives nothing now: {why}"),
        (true, Some(epoch), None) => format!("open; this node's part of epoch {epoch} is ready"),
        (true, None, None) => "open; this node's part is being made".to_owned(),
    };
    format!("whole to {recipient} at entry {position} ({words}): {open}")
}

pub(super) fn state_text(state: KeyState) -> &'static str {
    match state {
        KeyState::Ordered => "ordered",
        KeyState::Born => "born",
        KeyState::Active => "active",
        KeyState::Retired => "retired",
    }
}

pub(super) fn text(key: &KeyView) -> String {
    let mut text = format!("key {} ({})\n", key.key, key.scheme);
    let _ = writeln!(text, "  state       {}, epoch {}", state_text(key.state), key.epoch);
    if let Some(public_key) = &key.public_key {
        let _ = writeln!(text, "  public key  {public_key:?}");
    }
    if key.accounts > 1 {
        let _ =
            writeln!(text, "  accounts    {}; the public key is that of account 0", key.accounts);
    }
    let _ = writeln!(text, "  access      {}", key.access);
    let losses = match key.faults {
        0 => "the loss of one node can be the loss of the key".to_owned(),
        faults => format!("survives the loss of {faults}"),
    };
    let _ = writeln!(text, "  losses      {losses}");
    if !key.without_shares.is_empty() {
        let names: Vec<&str> = key.without_shares.iter().map(Name::as_str).collect();
        let _ = writeln!(text, "  no shares   {}; they get some with a refresh", names.join(", "));
    }
    if let Some(made_at) = key.made_at_ms {
        let _ = writeln!(text, "  shared      {}", moment(made_at));
    }
    if let Some(schedule) = &key.schedule {
        let _ = writeln!(text, "  refreshed   {schedule}");
    }
    if let Some(due) = key.refresh_due_ms {
        let _ = writeln!(text, "  due         {}", moment(due));
    }
    match key.origin {
        KeyOrigin::Generated => {}
        KeyOrigin::Imported => {
            let _ = writeln!(text, "  origin      imported; see `quorate key advise {}`", key.key);
        }
        KeyOrigin::Restored => text.push_str("  origin      restored from the domain before\n"),
    }
    let _ = writeln!(text, "  backup      {}", key.backup);
    for export in &key.exports {
        let _ = writeln!(text, "  exported    {}", export_text(export));
    }
    let _ = write!(text, "  {}", key.warning);
    text
}
