//! `evidence list|get|verify`.

use super::charter::read_offline;
use crate::args::lifecycle::Evidence;
use crate::domain::write_whole;
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::replay;
use crate::session::Session;
use quorate_client::contract::{EvidenceAnswer, EvidenceView, routes};
use quorate_codec::{Canonical, Digest};
use quorate_engine::{Backups, Standard};
use quorate_identity::{GenesisHash, Name};
use quorate_machine::evidence::EvidenceFile;
use serde::Serialize;

/// Runs an `evidence` verb.
///
/// # Errors
/// The caller's, or of whoever made the evidence.
pub async fn run(verb: Evidence, face: Face) -> Result<()> {
    match verb {
        Evidence::List(reader) => {
            let session = Session::read(&reader)?;
            let views: Vec<EvidenceView> = session.get(routes::EVIDENCE_LIST.path).await?;
            views.iter().for_each(|view| face.show(view, text));
            if views.is_empty() {
                face.tell("there is no evidence against anybody");
            }
            Ok(())
        }
        Evidence::Get { evidence, output, reader } => {
            let id: Digest = replay::parse_hash(&evidence, "evidence")?;
            let session = Session::read(&reader)?;
            let answer: EvidenceAnswer = session.get(&routes::evidence(&id)).await?;
            let report = verify(&answer.file.0, &session.founding().genesis())?;
            write_whole(&output, &answer.file.0, 0o644)?;
            let written = output.display().to_string();
            face.show(&report, |it| format!("{}\nwritten to {written}", report_text(it)));
            Ok(())
        }
        Evidence::Verify(file) => {
            let (bytes, hash) = read_offline(&file, EvidenceFile::BYTES_MAX as u64)?;
            face.show(&verify(&bytes, &hash)?, report_text);
            Ok(())
        }
    }
}

/// What a piece of evidence proves.
#[derive(Debug, Serialize)]
struct Report {
    evidence: Digest,
    domain: Name,
    culprits: Vec<Name>,
    what: String,
    place: String,
}

fn verify(bytes: &[u8], hash: &GenesisHash) -> Result<Report> {
    let (finding, evidence, state) = EvidenceFile::verify(bytes, hash, Backups::of::<Standard>())
        .map_err(|error| {
        let message = format!("the evidence does not hold: {error}");
        Failure::peer("bad_evidence", message, "accuse nobody of it; ask who made it")
    })?;
    let name = |node| state.node(node).map(|node| node.name.clone());
    Ok(Report {
        evidence,
        domain: state.domain().clone(),
        culprits: finding.culprits.iter().filter_map(name).collect(),
        what: finding.what.to_owned(),
        place: finding.place(),
    })
}

fn text(view: &EvidenceView) -> String {
    let key = view.key.as_ref().map(|key| format!(" of key {key}")).unwrap_or_default();
    let (who, what, place) = (names(&view.culprits), &view.what, &view.place);
    format!("{}\n  {who}: {what}, {place}{key}", view.evidence)
}

fn report_text(report: &Report) -> String {
    let Report { domain, culprits, what, place, .. } = report;
    format!("the evidence holds, in domain {domain}\n  {}: {what}, {place}", names(culprits))
}

fn names(names: &[Name]) -> String {
    let names: Vec<&str> = names.iter().map(Name::as_str).collect();
    names.join(", ")
}
