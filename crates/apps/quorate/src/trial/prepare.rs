//! Keys and policy of a trial domain: motions that two administrators sign.

use super::found::CUSTODIANS_DIR;
use super::session;
use crate::commands::charter::{add_signature, file};
use crate::commands::custodian::{bring, open_challenges};
use crate::commands::key::{parse_tree, tree_of_nodes, verified_view};
use crate::domain::{self, DomainDir, read_at_most};
use crate::failure::{Exit, Failure, Result};
use crate::session::{AUDITOR, Session};
use quorate_backup::possession::{Answers, Challenges};
use quorate_charter::{MotionBody, Role, State, most_faults};
use quorate_client::contract::{KeyState, KeyView, MotionView, Status, routes};
use quorate_identity::{Name, Scheme};
use quorate_policy::PolicyBundle;
use quorate_recovery::key_file::KeyFile;
use quorate_recovery::passphrase::Passphrase;
use std::path::Path;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// The keys of a trial domain.
pub const KEYS: [(&str, Scheme); 3] =
    [("treasury", Scheme::EcdsaSecp256k1), ("vault", Scheme::Bip340), ("ops", Scheme::Ed25519)];

/// A domain that does not serve within this time will not by itself.
const SERVING_MAX: Duration = Duration::from_secs(60);
/// Nor will a key that is not made within this one.
const KEY_MAX: Duration = Duration::from_secs(120);
/// Longest file of a custodian, in bytes.
const CUSTODIAN_FILE_MAX: u64 = 16 << 10;
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a trial domain has once it is ready.
pub struct Prepared {
    /// Its keys.
    pub keys: Vec<KeyView>,
}

/// Waits until the domain serves, and orders what is missing of keys and policy.
///
/// # Errors
/// A node's, or that no quorum came together in time (exit 4).
pub async fn prepare(dir: &DomainDir) -> Result<Prepared> {
    let reader = session(dir, crate::session::AUDITOR)?;
    serving(&reader).await?;
    let signers = reader.founding().nodes().filter(|node| node.role == Role::Signer).count();
    let threshold = if signers <= 3 { 2 } else { signers / 2 + 1 };
    order_keys(dir, &KEYS, threshold, 1).await?;
    set_policy(dir).await?;
    let mut keys = Vec::new();
    for (name, _) in KEYS {
        keys.push(active(&reader, &domain::name(name)?).await?);
    }
    Ok(Prepared { keys })
}

/// The custodians of a trial show all nodes that they hold their keys.
///
/// # Errors
/// A node's, or of this machine's files.
async fn show_recovery_keys(dir: &DomainDir) -> Result<()> {
    let first = session(dir, FIRST)?;
    for asked in open_challenges(&first).await? {
        let folder = dir.path().join(CUSTODIANS_DIR);
        let answers = crate::blocking(move || answer(&folder, &asked)).await?;
        bring(&first, &answers).await?;
    }
    Ok(())
}

fn answer(folder: &Path, asked: &Challenges) -> Result<Answers> {
    let path = folder.join(asked.custodian().as_str());
    let read = |path: &Path| {
        let bytes = read_at_most(path, CUSTODIAN_FILE_MAX);
        bytes.map_err(|error| Failure::file(path, &error))
    };
    let passphrase = Zeroizing::new(read(&path.with_extension("passphrase"))?);
    let passphrase = Zeroizing::new(String::from_utf8_lossy(&passphrase).into_owned());
    let file = String::from_utf8_lossy(&read(&path)?).parse::<KeyFile>();
    let damaged = |error: &dyn std::fmt::Display| {
        let message = format!("{}: {error}", path.display());
        Failure::machine("recovery_key", message, "found another trial domain")
    };
    let file = file.map_err(|error| damaged(&error))?;
    let secret = file.open(&Passphrase::from(passphrase.as_str()));
    let key = secret.map_err(|error| damaged(&error))?.key();
    let answers = asked.answer(&key).unwrap_or_else(|never| match never {});
    answers.ok_or_else(|| damaged(&"the nodes ask for another key"))
}

/// Waits until the answering node holds a lease: a quorum of nodes is up and agrees with it.
///
/// # Errors
/// No quorum in time (exit 4).
pub async fn serving(reader: &Session) -> Result<Status> {
    let deadline = Instant::now() + SERVING_MAX;
    loop {
        let status: Result<Status> = reader.get(routes::STATUS.path).await;
        match status {
            Ok(status) if status.leased => return Ok(status),
            _ if Instant::now() < deadline => tokio::time::sleep(LOOK_EVERY).await,
            Ok(_) => return Err(no_quorum("no quorum of nodes came together")),
            Err(failure) => return Err(failure),
        }
    }
}

/// Orders the keys that the charter does not have yet, each with so many accounts. First the
/// custodians show all nodes their recovery keys: no key is made before.
///
/// # Errors
/// A node's.
pub async fn order_keys(
    dir: &DomainDir,
    keys: &[(&str, Scheme)],
    threshold: usize,
    accounts: u16,
) -> Result<()> {
    show_recovery_keys(dir).await?;
    let state = session(dir, FIRST)?.replay().await?;
    let signers = state.nodes().filter(|node| node.role == Role::Signer);
    let mut signers: Vec<&str> = signers.map(|node| node.name.as_str()).collect();
    signers.sort_unstable();
    let tree = parse_tree(&format!("{threshold} of ({})", signers.join(", ")))?;
    let access = tree_of_nodes(&state, &tree)?;
    for (name, scheme) in keys {
        let name = domain::name(name)?;
        if state.key_named(&name).is_none() {
            let (scheme, access, faults) = (*scheme, access.clone(), most_faults(&access));
            let body = MotionBody::KeyCreate { name, scheme, access, faults, accounts };
            enact(dir, &state, body).await?;
        }
    }
    Ok(())
}

/// Sets the policy of a trial domain where none is set yet.
///
/// # Errors
/// A node's.
pub async fn set_policy(dir: &DomainDir) -> Result<()> {
    let first = session(dir, FIRST)?;
    let state = first.replay().await?;
    if state.policy().is_some() {
        return Ok(());
    }
    let bundle = PolicyBundle::new(
        include_str!("../../policy/policy.cedar").to_owned(),
        include_str!("../../policy/limits.json").to_owned(),
        include_str!("../../policy/lists.json").to_owned(),
        include_str!("../../policy/cases.json").to_owned(),
    );
    enact(dir, &state, MotionBody::PolicySet { bundle: bundle.to_bytes() }).await?;
    let deadline = Instant::now() + SERVING_MAX;
    while first.replay().await?.policy().is_none() {
        if deadline <= Instant::now() {
            return Err(no_quorum("the nodes did not place the policy in time"));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// Waits until a key signs.
///
/// # Errors
/// Not in time (exit 4).
pub async fn active(reader: &Session, name: &Name) -> Result<KeyView> {
    let deadline = Instant::now() + KEY_MAX;
    loop {
        match reader.get::<KeyView>(&routes::key(name)).await {
            Ok(key) if key.state == KeyState::Active => return verified_view(reader, name).await,
            Ok(_) => {}
            // The answering node has not seen the order yet.
            Err(failure) if failure.code() == "unknown_key" => {}
            Err(failure) => return Err(failure),
        }
        if deadline <= Instant::now() {
            return Err(no_quorum(&format!("key {name} was not made in time")));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Asks for presignatures of a key, and waits until each of the nodes that hold it has some.
///
/// # Errors
/// A node's; not in time.
pub async fn order_presignatures(dir: &DomainDir, name: &Name, most: u16) -> Result<()> {
    let reader = session(dir, AUDITOR)?;
    let state = session(dir, FIRST)?.replay().await?;
    enact(dir, &state, MotionBody::KeyPresign { name: name.clone(), most }).await?;
    let signers = state.nodes().filter(|node| node.role == Role::Signer);
    let signers: Vec<Name> = signers.map(|node| node.name.clone()).collect();
    let deadline = Instant::now() + SERVING_MAX;
    for node in signers {
        loop {
            let status: Status = reader.at(&node).get(routes::STATUS.path).await?;
            let key = status.keys.iter().find(|key| key.name == *name);
            let stock = key.and_then(|key| key.presignatures.as_ref());
            if stock.is_some_and(|stock| stock.ready > 0) {
                break;
            }
            if deadline <= Instant::now() {
                return Err(no_quorum("the nodes made no presignatures in time"));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    Ok(())
}

/// One administrator orders new shares of a key.
///
/// # Errors
/// A node's.
pub async fn order_refresh(dir: &DomainDir, key: &Name) -> Result<()> {
    let first = session(dir, FIRST)?;
    let state = first.replay().await?;
    file(&first, &state, MotionBody::KeyRefresh { name: key.clone() }).await?;
    Ok(())
}

/// One administrator files a motion, another one signs it.
async fn enact(dir: &DomainDir, state: &State, body: MotionBody) -> Result<MotionView> {
    let filed = file(&session(dir, FIRST)?, state, body).await?;
    add_signature(&session(dir, SECOND)?, &filed.motion).await
}

fn no_quorum(message: &str) -> Failure {
    let next = "see the logs in nodes/NAME/log, and `quorate status`";
    Failure::machine("quorum_missing", message, next).with_exit(Exit::Quorum)
}

/// The administrators who sign in a trial domain; any two of the three would do.
const FIRST: &str = "ada";
/// The other one.
const SECOND: &str = "ben";
