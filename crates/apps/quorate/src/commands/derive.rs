//! `key address|derive|xpub`: what follows from a key's certified record, computed here.

use crate::args::Reader;
use crate::domain;
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::session::Session;
use quorate_charter::{EpochRecord, State};
use quorate_client::contract::{ChildKeyView, TEST_FUNDS_ONLY, XpubView};
use quorate_derivation::{Derived, Path};
use quorate_identity::{Name, Scheme};
use quorate_intent::{KeyFacts, Network, ethereum_address, p2pkh, p2sh_p2wpkh, p2tr, p2wpkh};
use quorate_policy::child_at;
use serde::Serialize;
use std::fmt::{self, Write};

/// Which child of which account of a key.
pub struct Place {
    /// The account.
    pub account: u16,
    /// The child; the root is the account itself.
    pub path: Path,
}

impl Place {
    /// Account 0 itself.
    pub fn first() -> Self {
        Self { account: 0, path: Path::root() }
    }

    /// As typed.
    ///
    /// # Errors
    /// The caller's: no path, or one with a hardened step, with the reason.
    pub fn parse(account: u16, path: &str) -> Result<Self> {
        let path = path.parse().map_err(|error| {
            let message = format!("no key can be derived along {path}: {error}");
            let next = "name a path such as m/0/5, without hardened steps";
            Failure::caller("bad_path", message, next)
        })?;
        Ok(Self { account, path })
    }
}

/// Where in a key something is, as people read it.
pub fn place_text(account: u16, path: &dyn fmt::Display) -> String {
    match account {
        0 => path.to_string(),
        account => format!("account {account}, {path}"),
    }
}

/// Which address is asked for.
pub struct AddressOf {
    /// `ethereum` or `bitcoin`.
    pub chain: String,
    /// For Bitcoin, the network.
    pub network: Option<String>,
    /// For Bitcoin, the kind of output.
    pub kind: Option<String>,
}

#[derive(Serialize)]
struct AddressView<'a> {
    key: &'a Name,
    account: u16,
    path: &'a str,
    chain: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    address: String,
    warning: &'static str,
}

/// Shows an address of a key, or of its child at a path.
///
/// # Errors
/// The caller's: no such key, path, chain or address. The node's: its record does not hold.
pub async fn address(
    name: &str,
    place: &Place,
    of: &AddressOf,
    reader: &Reader,
    face: Face,
) -> Result<()> {
    let session = Session::read(reader)?;
    let name = domain::name(name)?;
    let state = session.replay().await?;
    let (record, child) = derived(&session, &state, &name, place).await?;
    let address = address_of(&name, record.plan.scheme, &child, of)?;
    let path = place.path.to_string();
    let view = AddressView {
        key: &name,
        account: place.account,
        path: &path,
        chain: &of.chain,
        network: of.network.as_deref(),
        kind: of.kind.as_deref(),
        address,
        warning: TEST_FUNDS_ONLY,
    };
    face.show(&view, |view| format!("{}\n{}", view.address, view.warning));
    Ok(())
}

/// Shows a child of a key, and its address where one is asked for.
///
/// # Errors
/// As [`address`].
pub async fn child(
    name: &str,
    place: &Place,
    of: Option<&AddressOf>,
    reader: &Reader,
    face: Face,
) -> Result<()> {
    let session = Session::read(reader)?;
    let name = domain::name(name)?;
    let state = session.replay().await?;
    let (record, child) = derived(&session, &state, &name, place).await?;
    let address = of.map(|of| address_of(&name, record.plan.scheme, &child, of)).transpose()?;
    let mut view = ChildKeyView::new(name, place.account, record.plan.scheme, &place.path, child);
    view.address = address;
    face.show(&view, child_text);
    Ok(())
}

/// Shows a key as wallets read it.
///
/// # Errors
/// As [`address`]; no extended form exists for Ed25519 and P-256.
pub async fn xpub(
    name: &str,
    account: u16,
    network: &str,
    reader: &Reader,
    face: Face,
) -> Result<()> {
    let session = Session::read(reader)?;
    let name = domain::name(name)?;
    let state = session.replay().await?;
    let (record, root) =
        derived(&session, &state, &name, &Place { account, path: Path::root() }).await?;
    let view =
        XpubView::new(name, account, record.plan.scheme, &root, network).map_err(|error| {
            let next = "name a key for ecdsa-secp256k1 or bip340, and a network with --network";
            Failure::caller("bad_xpub", error, next)
        })?;
    face.show(&view, xpub_text);
    Ok(())
}

/// Lists the accounts of a key, each verified here.
///
/// # Errors
/// As [`address`].
pub async fn accounts(name: &str, reader: &Reader, face: Face) -> Result<()> {
    let session = Session::read(reader)?;
    let name = domain::name(name)?;
    let state = session.replay().await?;
    let record = session.key_record(&state, &name).await?.ok_or_else(|| not_ready(&name))?;
    for (account, made) in (0_u16..).zip(&record.accounts) {
        let public_key = quorate_codec::hex::encode(&made.public_key);
        let view = AccountView { key: &name, account, public_key };
        face.show(&view, |view| format!("{:>4}  {}", view.account, view.public_key));
    }
    Ok(())
}

#[derive(Serialize)]
struct AccountView<'a> {
    key: &'a Name,
    account: u16,
    public_key: String,
}

/// What a decoder must know of a child of a key; `None` while the key is not made.
///
/// # Errors
/// As [`address`].
pub async fn facts_at(
    session: &Session,
    state: &State,
    name: &Name,
    place: &Place,
) -> Result<Option<KeyFacts>> {
    let Some(record) = session.key_record(state, name).await? else { return Ok(None) };
    let public_key = at(&record, place)?.public_key;
    Ok(Some(KeyFacts { scheme: record.plan.scheme, public_key }))
}

async fn derived(
    session: &Session,
    state: &State,
    name: &Name,
    place: &Place,
) -> Result<(EpochRecord, Derived)> {
    let record = session.key_record(state, name).await?.ok_or_else(|| not_ready(name))?;
    let child = at(&record, place)?;
    Ok((record, child))
}

/// The caller's: the key is not made yet.
pub fn not_ready(name: &Name) -> Failure {
    let next = "wait until `quorate key show` says that it is active";
    Failure::caller("key_not_ready", format!("key {name} is not made yet"), next)
}

fn at(record: &EpochRecord, place: &Place) -> Result<Derived> {
    child_at(record, place.account, &place.path).map_err(|error| {
        let next = "name another account or index; `quorate key accounts` lists them";
        Failure::caller("bad_path", error, next)
    })
}

fn address_of(name: &Name, scheme: Scheme, child: &Derived, of: &AddressOf) -> Result<String> {
    let public_key = &child.public_key;
    let address = match of.chain.as_str() {
        "ethereum" if of.network.is_none() && of.kind.is_none() => ethereum_address(public_key),
        "ethereum" => {
            let message = "an Ethereum address is the same on every network and has one type";
            return Err(Failure::caller("bad_address", message, "leave --network and --type out"));
        }
        "bitcoin" => {
            let network = network(of.network.as_deref())?;
            match of.kind.as_deref() {
                Some("p2wpkh") => p2wpkh(public_key, network),
                Some("p2sh-p2wpkh") => p2sh_p2wpkh(public_key, network),
                Some("p2pkh") => p2pkh(public_key, network),
                Some("p2tr") => p2tr(public_key, network),
                _ => {
                    let message = "a Bitcoin address is of type p2wpkh, p2sh-p2wpkh, p2pkh or p2tr";
                    return Err(Failure::caller("bad_address", message, "name it with --type"));
                }
            }
        }
        _ => {
            let message = "addresses exist on the chains ethereum and bitcoin";
            return Err(Failure::caller("bad_chain", message, "name one of them with --chain"));
        }
    };
    let fits = match (of.chain.as_str(), of.kind.as_deref()) {
        ("bitcoin", Some("p2tr")) => Scheme::Bip340,
        _ => Scheme::EcdsaSecp256k1,
    };
    address.ok().filter(|_| scheme == fits).ok_or_else(|| {
        Failure::caller(
            "bad_address",
            format!("key {name} is for {scheme}; this address needs a key for {fits}"),
            "name another key, or another address",
        )
    })
}

fn network(text: Option<&str>) -> Result<Network> {
    let networks = "mainnet, testnet, signet, regtest";
    text.and_then(|text| text.parse().ok()).ok_or_else(|| {
        let message = format!("a Bitcoin address belongs to one of the networks {networks}");
        Failure::caller("bad_network", message, "name it with --network")
    })
}

fn child_text(view: &ChildKeyView) -> String {
    let place = place_text(view.account, &view.path);
    let mut text = format!("key {} at {place} ({})\n", view.key, view.scheme);
    let _ = writeln!(text, "  derivation  {}", view.derivation);
    let _ = writeln!(text, "  public key  {:?}", view.public_key);
    if let Some(address) = &view.address {
        let _ = writeln!(text, "  address     {address}");
    }
    let _ = write!(text, "  {}", view.warning);
    text
}

fn xpub_text(view: &XpubView) -> String {
    let mut text = format!("key {} ({}) on {}\n", view.key, view.scheme, view.network);
    let _ = writeln!(text, "  {}", view.xpub);
    for it in &view.descriptors {
        let _ = writeln!(text, "  {:<6} {}  {}", it.layout, it.path, it.descriptor);
    }
    let _ = write!(text, "  {}", view.warning);
    text
}
