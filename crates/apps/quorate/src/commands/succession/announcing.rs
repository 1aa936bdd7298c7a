//! `succession announce|list|refuse`: guardians say that another domain takes over; administrators
//! of one that is alive refuse it.

use crate::args::succession::Announce;
use crate::args::{Reader, Signer};
use crate::commands::charter::{file_motion, person};
use crate::commands::genesis::{confirm, refused};
use crate::domain::{read_at_most, read_genesis, verify_genesis, write_whole};
use crate::face::Face;
use crate::failure::{Exit, Failure, Result};
use crate::replay;
use crate::session::Session;
use quorate_charter::{
    Cession, CessionError, CessionStatus, Genesis, MotionBody, Object, SignedCession, Span, State,
};
use quorate_client::contract::{CessionView, HexBytes, SubmitCession, routes};
use quorate_codec::{Canonical, Digest, from_bytes, to_bytes};
use quorate_identity::{GenesisHash, Name, PersonId, moment, words};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// How far an announcement is after one guardian signed it.
#[derive(Serialize)]
struct Announced {
    file: PathBuf,
    cession: Digest,
    successor: GenesisHash,
    words: String,
    called: Name,
    reason: String,
    signed_by: Vec<Name>,
    /// Who must still sign; nothing once enough did.
    missing: Option<String>,
    /// How long after a node heard it that one stops.
    delay_ms: u64,
    /// Whether a node took it.
    told: bool,
}

/// Signs the announcement, and tells it to the nodes once enough guardians did. Whoever signs sees
/// first what they sign and what comes of it. It is durable before anybody hears of it; whoever runs
/// it again tells it again.
///
/// # Errors
/// The caller's: no guardian, another domain, words that are not the founders'. That no node answers,
/// once enough signed.
pub async fn announce(options: Announce, face: Face) -> Result<()> {
    let session = Session::sign(&options.signer)?;
    let founded = read_genesis(&options.successor)?;
    let successor = founded.hash();
    verify_genesis(&founded, &successor)?;
    let genesis = founded.genesis().map_err(|error| refused(&error))?;
    let mut signed = match options.file.exists() {
        true => read(&options.file, options.reason.as_deref())?,
        false => draft(&session, &successor, &genesis, options.reason)?,
    };
    check_names(&signed, &successor, &genesis, &session)?;
    // A signature that does not count spoils those that do.
    signed.retain_valid(session.known());
    let status = signed.check(session.known()).map_err(|error| does_not_hold(&error))?;
    face.brief(&about_to_sign(&status, &session));
    confirm(&founded, options.genesis.as_deref(), face)?;
    let by = person(&session)?;
    face.before(|| {
        let (file, called) = (options.file.display(), &genesis.domain);
        format!(
            "sign that {called} takes over, write it to {file}, and tell it to every node once \
                 enough guardians signed"
        )
    })?;
    signed.sign(by, session.signer())?;
    let status = signed.check(session.known()).map_err(|error| does_not_hold(&error))?;
    write_whole(&options.file, &to_bytes(&signed), 0o644)?;
    let mut announced = announced(options.file, &signed, status, &session);
    if announced.missing.is_none() {
        let body = SubmitCession { cession: HexBytes(to_bytes(&signed)) };
        let route = routes::ANNOUNCE_SUCCESSION.path;
        let told = session.post_everywhere::<_, Vec<CessionView>>(route, &body).await;
        let has_it = |views: &Vec<CessionView>| views.iter().any(|it| it.bytes == body.cession);
        announced.told = told.as_ref().is_ok_and(has_it);
        if let Err(failure) = told {
            face.show(&announced, text);
            return Err(failure);
        }
    }
    face.show(&announced, text);
    Ok(())
}

fn about_to_sign(status: &CessionStatus, session: &Session) -> String {
    let by = named(&status.signed_by, session.known());
    format!(
        "You are about to say, as a guardian, that {called} takes over from {domain}.\n\
         Every node of {domain} that hears it stops for good {span} later.\n  reason   \"{reason}\"\n  \
         signed   {by}\n",
        called = status.cession.called,
        domain = session.known().domain(),
        span = Span(status.delay_ms),
        reason = status.cession.reason,
        by = if by.is_empty() { "by nobody yet".to_owned() } else { names(&by) },
    )
}

fn named(people: &[PersonId], state: &State) -> Vec<Name> {
    let named = people.iter().filter_map(|id| Some(state.person(id)?.name.clone()));
    let mut named: Vec<Name> = named.collect();
    named.sort();
    named
}

fn draft(
    session: &Session,
    successor: &GenesisHash,
    genesis: &Genesis,
    reason: Option<String>,
) -> Result<SignedCession> {
    let reason = reason.ok_or_else(|| {
        let next = "say why with --reason; everybody reads it";
        Failure::caller("reason_needed", "a new announcement has a reason", next)
    })?;
    Ok(SignedCession::new(&Cession {
        version: 1,
        genesis: session.founding().genesis(),
        successor: *successor,
        called: genesis.domain.clone(),
        reason,
        rules: session.known().version(&Object::Rules),
        nonce: Digest(crate::random_bytes()),
    }))
}

/// The announcement is for just that successor, whose founders named this domain.
fn check_names(
    signed: &SignedCession,
    successor: &GenesisHash,
    genesis: &Genesis,
    session: &Session,
) -> Result<()> {
    let ours = session.founding().genesis();
    if genesis.succession.as_ref().map(|it| it.predecessor) != Some(ours) {
        let message = format!("{} does not succeed this domain, {ours}", genesis.domain);
        let next = "name the genesis file of a domain that was founded with --succeeds";
        return Err(Failure::caller("no_successor", message, next));
    }
    let cession = signed.body().map_err(|error| does_not_hold(&error))?;
    if (cession.successor, &cession.called) != (*successor, &genesis.domain) {
        let message = format!(
            "this announcement is for {}, {}, and not for {}, {successor}",
            cession.called, cession.successor, genesis.domain
        );
        let next = "do not sign it; ask whoever gave it to you";
        return Err(Failure::caller("another_successor", message, next).with_exit(Exit::Refused));
    }
    Ok(())
}

fn announced(
    file: PathBuf,
    signed: &SignedCession,
    status: CessionStatus,
    session: &Session,
) -> Announced {
    let CessionStatus { cession, signed_by, missing, delay_ms } = status;
    Announced {
        file,
        cession: signed.digest(),
        words: words(&cession.successor.digest()).join(" "),
        successor: cession.successor,
        called: cession.called,
        reason: cession.reason,
        signed_by: named(&signed_by, session.known()),
        missing: missing.map(|tree| tree.to_string()),
        delay_ms,
        told: false,
    }
}

fn names(names: &[Name]) -> String {
    names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}

fn text(it: &Announced) -> String {
    let mut text = format!(
        "{by} say that {called} takes over: {reason}\n  {words}\n  genesis {successor}\n",
        by = names(&it.signed_by),
        called = it.called,
        reason = it.reason,
        words = it.words,
        successor = it.successor,
    );
    let (file, span) = (it.file.display(), Span(it.delay_ms));
    let _ = match (&it.missing, it.told) {
        (Some(missing), _) => write!(
            text,
            "still to sign: {missing}\nGive {file} to them: quorate succession announce, with the \
             same genesis file"
        ),
        (None, true) => write!(
            text,
            "told to every node that answers. Each stops for good {span} after it heard this, by its \
             own clock, unless administrators refuse it: quorate succession refuse {}",
            it.cession
        ),
        (None, false) => write!(
            text,
            "enough guardians signed, and no node took it. Once one runs, the same command tells it"
        ),
    };
    text
}

fn read(path: &Path, reason: Option<&str>) -> Result<SignedCession> {
    let most = u64::try_from(SignedCession::BYTES_MAX).unwrap_or(u64::MAX);
    let bytes = read_at_most(path, most).map_err(|error| Failure::named_file(path, &error))?;
    let signed: SignedCession = from_bytes(&bytes).map_err(|error| {
        let message = format!("{} holds no announcement: {error}", path.display());
        let next = "name the file that `quorate succession announce` wrote, or a new one";
        Failure::caller("bad_cession", message, next)
    })?;
    let said = signed.body().map_err(|error| does_not_hold(&error))?.reason;
    match reason.is_none_or(|reason| reason == said) {
        true => Ok(signed),
        false => {
            let message = format!("this announcement has another reason: \"{said}\"");
            let next = "leave --reason out to sign that one, or make another under a new file name";
            Err(Failure::caller("another_reason", message, next))
        }
    }
}

fn does_not_hold(error: &CessionError) -> Failure {
    let next = match error {
        CessionError::NotEntitled(_) => "sign with --as GUARDIAN; the roster names them",
        CessionError::NoGuardians => {
            "nobody halts what is left of this domain: stop its nodes by hand, all of them"
        }
        _ => "make the announcement anew, under another file name",
    };
    Failure::caller("bad_cession", error, next)
}

/// An announcement that this machine verified, and when each node that shows it stops.
#[derive(Serialize)]
struct Seen {
    cession: Digest,
    successor: GenesisHash,
    words: String,
    called: Name,
    reason: String,
    by: Vec<Name>,
    /// When each node stops, by its own word and clock, in milliseconds since 1970.
    stops_at_ms: BTreeMap<Name, u64>,
}

/// What nodes show, of which this machine believes what guardians signed. Every node is asked: each
/// heard by itself, and one may keep something back.
async fn seen(session: &Session, state: &State, only: Option<&str>) -> BTreeMap<Digest, Seen> {
    let mut found: BTreeMap<Digest, Seen> = BTreeMap::new();
    for node in state.nodes().map(|node| &node.name) {
        if only.is_some_and(|only| only != node.as_str()) {
            continue;
        }
        let answer = session.at(node).get::<Vec<CessionView>>(routes::SUCCESSIONS.path).await;
        for view in answer.unwrap_or_default() {
            let signed = from_bytes::<SignedCession>(&view.bytes.0);
            let Ok((signed, status)) = signed
                .map_err(drop)
                .and_then(|it| Ok((it.clone(), it.verify(state).map_err(drop)?)))
            else {
                continue;
            };
            let cession = status.cession;
            let seen = found.entry(signed.digest()).or_insert_with(|| Seen {
                cession: signed.digest(),
                successor: cession.successor,
                words: words(&cession.successor.digest()).join(" "),
                called: cession.called,
                reason: cession.reason,
                by: named(&status.signed_by, state),
                stops_at_ms: BTreeMap::new(),
            });
            seen.stops_at_ms.insert(node.clone(), view.stops_at_ms);
        }
    }
    found
}

/// Shows what is announced, as the nodes heard it.
///
/// # Errors
/// The caller's, or a node's.
pub async fn list(reader: &Reader, face: Face) -> Result<()> {
    let session = Session::read(reader)?;
    let state = session.replay().await?;
    let seen = seen(&session, &state, reader.node.as_deref()).await;
    for one in seen.values() {
        face.show(one, seen_text);
    }
    if seen.is_empty() {
        face.tell("no succession is announced");
    }
    Ok(())
}

fn seen_text(seen: &Seen) -> String {
    let stops = seen.stops_at_ms.iter().map(|(node, at)| format!("{node} {}", moment(*at)));
    format!(
        "a succession is announced; refuse it: quorate succession refuse {id} --as NAME\n  \
         stops    {stops}\n  to       {called}\n           {words}\n           genesis {successor}\n  \
         by       {by}\n  reason   \"{reason}\"",
        id = seen.cession,
        stops = stops.collect::<Vec<_>>().join(", "),
        called = seen.called,
        words = seen.words,
        successor = seen.successor,
        by = names(&seen.by),
        reason = seen.reason,
    )
}

/// Files the motion that refuses it: one that a node shows and that holds, so that nobody is led to
/// refuse something else.
///
/// # Errors
/// The caller's, or a node's.
pub async fn refuse(announcement: &str, signer: &Signer, face: Face) -> Result<()> {
    let digest: Digest = replay::parse_hash(announcement, "announcement")?;
    let session = Session::sign(signer)?;
    let state = session.replay().await?;
    let seen = seen(&session, &state, signer.node.as_deref()).await;
    let one = seen.get(&digest).ok_or_else(|| {
        let message = "no node shows an announced succession of this id that holds";
        let next = "see `quorate succession list`; it may have been refused, or be void by now";
        Failure::caller("not_announced", message, next)
    })?;
    face.brief(&seen_text(one));
    let refused = vec![digest];
    let body = MotionBody::Thaw { freezes: Vec::new(), barred: Vec::new(), refused };
    file_motion(&session, &state, body, face).await
}
