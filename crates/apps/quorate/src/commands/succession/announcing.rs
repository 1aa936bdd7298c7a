//! `succession announce|list|refuse`: guardians say that another domain takes over; administrators
//! of one that is alive refuse it.

use crate::args::succession::Announce;
use crate::args::{Reader, Signer};
use crate::commands::charter::{file_motion, person};
use crate::commands::genesis::confirm;
use crate::domain::{read_at_most, read_genesis, verify_genesis, write_whole};
use crate::face::Face;
use crate::failure::{Exit, Failure, Result};
use crate::replay;
use crate::session::Session;
use quorate_charter::{
    Cession, CessionError, CessionStatus, Genesis, MotionBody, SignedCession, Span,
};
use quorate_client::contract::{CessionView, HexBytes, SubmitCession, routes};
use quorate_codec::{Canonical, Digest, from_bytes, to_bytes};
use quorate_identity::{GenesisHash, Name, moment, words};
use serde::Serialize;
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

/// Signs the announcement, and tells it to the nodes once enough guardians did. It is durable before
/// anybody hears of it; whoever runs it again tells it again.
///
/// # Errors
/// The caller's: no guardian, another domain, words that are not the founders'. That no node answers,
/// once enough signed.
pub async fn announce(options: Announce, face: Face) -> Result<()> {
    let session = Session::sign(&options.signer)?;
    let founded = read_genesis(&options.successor)?;
    confirm(&founded, options.genesis.as_deref(), face)?;
    let successor = founded.hash();
    verify_genesis(&founded, &successor)?;
    let genesis = founded.genesis().map_err(|error| crate::commands::genesis::refused(&error))?;
    let mut signed = match options.file.exists() {
        true => read(&options.file)?,
        false => draft(&session, &successor, &genesis, options.reason)?,
    };
    check_names(&signed, &successor, &genesis, &session)?;
    signed.sign(person(&session)?, session.signer())?;
    let status = signed.check(session.known()).map_err(|error| refused(&error))?;
    write_whole(&options.file, &to_bytes(&signed), 0o644)?;
    let mut announced = announced(options.file, &signed, status, &session);
    if announced.missing.is_none() {
        let body = SubmitCession { cession: HexBytes(to_bytes(&signed)) };
        let route = routes::ANNOUNCE_SUCCESSION.path;
        let told = session.post_everywhere::<_, Vec<CessionView>>(route, &body).await;
        announced.told = told.is_ok();
        if let Err(failure) = told {
            face.show(&announced, text);
            return Err(failure);
        }
    }
    face.show(&announced, text);
    Ok(())
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
    let cession = signed.body().map_err(|error| refused(&error))?;
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
    let named = |id| session.known().person(id).map(|person| person.name.clone());
    Announced {
        file,
        cession: signed.digest(),
        words: words(&cession.successor.digest()).join(" "),
        successor: cession.successor,
        called: cession.called,
        reason: cession.reason,
        signed_by: signed_by.iter().filter_map(named).collect(),
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

fn read(path: &Path) -> Result<SignedCession> {
    let most = u64::try_from(SignedCession::BYTES_MAX).unwrap_or(u64::MAX);
    let bytes = read_at_most(path, most).map_err(|error| Failure::named_file(path, &error))?;
    from_bytes(&bytes).map_err(|error| {
        let message = format!("{} holds no announcement: {error}", path.display());
        let next = "name the file that `quorate succession announce` wrote, or a new one";
        Failure::caller("bad_cession", message, next)
    })
}

fn refused(error: &CessionError) -> Failure {
    let next = match error {
        CessionError::NotEntitled(_) => "sign with --as GUARDIAN; the roster names them",
        CessionError::NoGuardians => {
            "nobody halts what is left of this domain: stop its nodes by hand, all of them"
        }
        _ => "make the announcement anew, under another file name",
    };
    Failure::caller("bad_cession", error, next)
}

/// Shows what is announced, as one node heard it.
///
/// # Errors
/// The caller's, or a node's.
pub async fn list(reader: &Reader, face: Face) -> Result<()> {
    let session = Session::read(reader)?;
    let views: Vec<CessionView> = session.get(routes::SUCCESSIONS.path).await?;
    for view in &views {
        face.show(view, view_text);
    }
    if views.is_empty() {
        face.tell("no succession is announced");
    }
    Ok(())
}

fn view_text(view: &CessionView) -> String {
    format!(
        "{} say that {} takes over: {}\n  {}\n  genesis {}\n  the node stops for good at {}\n  refuse \
         it: quorate succession refuse {} --as NAME",
        names(&view.by),
        view.called,
        view.reason,
        words(&view.successor).join(" "),
        view.successor,
        moment(view.stops_at_ms),
        view.cession
    )
}

/// Files the motion that refuses it.
///
/// # Errors
/// The caller's, or a node's.
pub async fn refuse(announcement: &str, signer: &Signer, face: Face) -> Result<()> {
    let digest: Digest = replay::parse_hash(announcement, "announcement")?;
    let session = Session::sign(signer)?;
    let state = session.replay().await?;
    let body = MotionBody::Thaw { freezes: vec![digest], barred: Vec::new() };
    file_motion(&session, &state, body, face).await
}
