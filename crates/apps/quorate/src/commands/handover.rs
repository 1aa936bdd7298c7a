//! `key handover get|verify`.

use super::charter::read_offline;
use crate::args::lifecycle::Handover as Verb;
use crate::domain::{self, write_whole};
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::session::Session;
use quorate_access::Tree;
use quorate_charter::Origin;
use quorate_client::contract::{HandoverAnswer, KeyOrigin, routes};
use quorate_codec::{Canonical, Digest, hex};
use quorate_identity::{GenesisHash, Name};
use quorate_machine::handover::Handover;
use serde::Serialize;
use std::fmt::Write;

/// Accounts whose public keys are printed for people; all of them in JSON.
const SHOWN_MAX: usize = 8;

/// Runs a `key handover` verb.
///
/// # Errors
/// The caller's, or of whoever made the certificate.
pub async fn run(verb: Verb, face: Face) -> Result<()> {
    match verb {
        Verb::Get { name, epoch, output, reader } => {
            let session = Session::read(&reader)?;
            let target = routes::handover(&domain::name(&name)?, epoch);
            let answer: HandoverAnswer = session.get(&target).await?;
            let report = verify(&answer.file.0, &session.founding().genesis())?;
            write_whole(&output, &answer.file.0, 0o644)?;
            let written = output.display().to_string();
            face.show(&report, |it| format!("{}\nwritten to {written}", text(it)));
            Ok(())
        }
        Verb::Verify(file) => {
            let (bytes, hash) = read_offline(&file, Handover::BYTES_MAX as u64)?;
            face.show(&verify(&bytes, &hash)?, text);
            Ok(())
        }
    }
}

/// What a certificate proves.
#[derive(Debug, Serialize)]
struct Report {
    domain: Name,
    staging: bool,
    key: Name,
    epoch: u64,
    record: Digest,
    public_keys: Vec<String>,
    epoch_before: Option<u64>,
    access_before: Option<Tree<Name>>,
    access: Tree<Name>,
    dealers: Vec<Name>,
    holders: Vec<Name>,
    origin: KeyOrigin,
    /// To how many the charter gave the key whole, as far as it goes here.
    exported: usize,
    signed: bool,
}

fn verify(bytes: &[u8], hash: &GenesisHash) -> Result<Report> {
    let report = Handover::verify(bytes, hash).map_err(|error| {
        let message = format!("the certificate does not hold: {error}");
        Failure::peer("bad_handover", message, "do not rely on it; ask another node for one")
    })?;
    let (epoch_before, access_before) = report.before.unzip();
    Ok(Report {
        domain: report.domain,
        staging: report.staging,
        key: report.key,
        epoch: report.epoch,
        record: report.record,
        public_keys: report.public_keys.iter().map(|key| hex::encode(key)).collect(),
        epoch_before,
        access_before,
        access: report.access,
        dealers: report.dealers,
        holders: report.holders,
        origin: match report.origin {
            None => KeyOrigin::Generated,
            Some(Origin::Imported(_)) => KeyOrigin::Imported,
            Some(Origin::Restored(_)) => KeyOrigin::Restored,
        },
        exported: report.exported,
        signed: report.signed,
    })
}

fn text(report: &Report) -> String {
    let Report { domain, key, epoch, .. } = report;
    let trial = if report.staging { " (staging)" } else { "" };
    let mut text =
        format!("the certificate holds: epoch {epoch} of key {key}, in domain {domain}{trial}\n");
    match (&report.epoch_before, &report.access_before) {
        (Some(epoch), Some(access)) => {
            let _ = writeln!(text, "  before      epoch {epoch}, {access}");
            let _ = writeln!(text, "  the public key stayed the same");
        }
        _ if report.origin == KeyOrigin::Imported => {
            let _ = writeln!(text, "  before      somebody held the whole key");
        }
        _ if report.origin == KeyOrigin::Restored => {
            let _ = writeln!(text, "  before      it was a key of the domain before");
        }
        _ => {
            let _ = writeln!(text, "  before      nothing: the key was made in this epoch");
        }
    }
    for (account, key) in report.public_keys.iter().enumerate().take(SHOWN_MAX) {
        let _ = writeln!(text, "  account {account:<3} {key}");
    }
    if let Some(more) = report.public_keys.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
        let _ = writeln!(text, "  and {more} accounts more");
    }
    let _ = writeln!(text, "  access      {}", report.access);
    let _ = writeln!(text, "  dealt by    {}", names(&report.dealers));
    let _ = writeln!(text, "  held by     {}", names(&report.holders));
    if report.exported > 0 {
        let _ = writeln!(
            text,
            "  exported    somebody got the whole key, and can sign alone, for ever"
        );
    }
    let signed = match report.signed {
        true => "the new shares have signed",
        false => "no signature of the new shares is in it",
    };
    let _ = write!(text, "  {signed}");
    text
}

fn names(names: &[Name]) -> String {
    let names: Vec<&str> = names.iter().map(Name::as_str).collect();
    names.join(", ")
}
