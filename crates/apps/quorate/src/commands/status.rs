//! `status`.

use crate::args::Reader;
use crate::face::{Face, short};
use crate::failure::Result;
use crate::session::Session;
use quorate_client::contract::{PresignatureStock, SessionFigures, Status, routes};
use quorate_identity::moment;
use serde::Serialize;
use std::fmt::Write;

/// Who is alive, which keys can sign, and what is missing.
///
/// # Errors
/// The caller's, or that no node answers.
pub async fn run(reader: &Reader, face: Face) -> Result<()> {
    let session = Session::read(reader)?;
    let mut status: Status = session.get(routes::STATUS.path).await?;
    if !status.leased {
        status = session.better(status).await;
    }
    let shown = Shown { staging: session.known().is_staging(), status };
    face.show(&shown, text);
    Ok(())
}

/// A node's word, and what this machine knows itself.
#[derive(Serialize)]
struct Shown {
    /// Whether the domain is for staging, as its genesis says.
    staging: bool,
    #[serde(flatten)]
    status: Status,
}

fn text(Shown { staging, status }: &Shown) -> String {
    let trial = if *staging { " (staging)" } else { "" };
    let mut text = format!(
        "domain {}{trial} at position {} (head {}), as {} sees it\n",
        status.domain,
        status.position,
        short(&status.head),
        status.node
    );
    if let Some(why) = &status.halted {
        let _ = writeln!(text, "{} stopped for good: {why}", status.node);
    } else if let Some(why) = &status.lapsed {
        let _ = writeln!(
            text,
            "{node} is lapsed and takes part in nothing: {why}\nif you put back its data, stop it \
             and run `quorate node rejoin {node}`; if you did not, find out who did",
            node = status.node
        );
    } else if let Some(why) = &status.outdated {
        let _ = writeln!(text, "{} takes part in nothing: {why}", status.node);
    } else if !status.leased {
        let _ = writeln!(text, "{} holds no lease: it signs nothing now", status.node);
    }
    for it in status.successions.iter().filter(|_| status.halted.is_none()) {
        let _ = writeln!(
            text,
            "a succession is announced: {node} stops for good at {at}, unless administrators refuse \
             it; see `quorate succession list`",
            node = status.node,
            at = moment(it.stops_at_ms),
        );
    }
    if let Some(seal) = &status.seal {
        let _ = writeln!(text, "{}'s store is sealed by {seal}", status.node);
    }
    let _ = writeln!(text, "\nnodes");
    for node in &status.nodes {
        let role = match node.role {
            quorate_client::contract::NodeRole::Signer => "signer",
            quorate_client::contract::NodeRole::Witness => "witness",
        };
        let alive = match (node.alive, node.absent_since_ms) {
            (true, _) => "alive".to_owned(),
            (false, None) => "silent".to_owned(),
            (false, Some(since)) => format!("silent since {}", moment(since)),
        };
        let lag = match node.lag {
            Some(0) => "up to date".to_owned(),
            Some(lag) => format!("{lag} behind"),
            None => "not heard yet".to_owned(),
        };
        let waits = match node.standing {
            quorate_client::contract::NodeStanding::Votes => "",
            quorate_client::contract::NodeStanding::Waits => ", waits: no vote, no signatures",
        };
        let runs = node.program.as_ref().map(|it| format!(", runs {}", it.version));
        let runs = runs.unwrap_or_default();
        let _ = writeln!(text, "  {:<16} {role:<8} {alive:<7} {lag}{runs}{waits}", node.name);
        if let Some(why) = &node.quarantined {
            let _ = writeln!(text, "  {:<16} quarantined by {}: {why}", "", status.node);
        }
        let SessionFigures { sessions, failed, broke } = node.sessions;
        if failed > 0 {
            let _ = writeln!(
                text,
                "  {:<16} was in {failed} of {sessions} sessions that failed for {}; in {broke} it was \
                 silent or false, or was made to look so",
                "", status.node
            );
        }
    }
    let _ = writeln!(text, "\nkeys");
    for key in &status.keys {
        let can = match key.can_sign {
            true => "can sign".to_owned(),
            false => format!("cannot sign; missing: {}", key.missing.join(", ")),
        };
        let _ = writeln!(text, "  {:<16} {can}", key.name);
        if let Some(PresignatureStock { ready, most }) = &key.presignatures {
            let of = format!("{ready} presignatures ready, of at most {most}");
            let _ = writeln!(text, "  {:<16} {of}", "");
        }
        for note in &key.notes {
            let _ = writeln!(text, "  {:<16} {note}", "");
        }
    }
    if status.keys.is_empty() {
        let _ = writeln!(text, "  none yet");
    }
    text.trim_end().to_owned()
}
