//! `receipt get|verify`.

use super::charter::{check_head, read_offline};
use crate::args::Receipt;
use crate::domain::write_whole;
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::replay;
use crate::session::Session;
use quorate_client::contract::{ReceiptAnswer, routes};
use quorate_identity::{GenesisHash, Name, RequestId};
use quorate_receipt::Report;
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;

/// Longest receipt that is read, in bytes.
const RECEIPT_BYTES_MAX: u64 = quorate_receipt::RECEIPT_BYTES_MAX as u64;

/// Runs a `receipt` verb.
///
/// # Errors
/// The caller's, or of whoever made the receipt.
pub async fn run(verb: Receipt, face: Face) -> Result<()> {
    match verb {
        Receipt::Get { request, output, reader } => {
            let id: RequestId = replay::parse_hash(&request, "request")?;
            let session = Session::read(&reader)?;
            let written = get(&session, &id, &output).await?;
            face.show(&written, |it| format!("receipt verified and written to {}", it.receipt));
            Ok(())
        }
        Receipt::Verify { offline, pinned } => {
            let (bytes, hash) = read_offline(&offline, RECEIPT_BYTES_MAX)?;
            let report = verify(&bytes, &hash)?;
            check_head(
                &pinned,
                |head| report.heads.contains(head),
                || {
                    format!(
                        "this receipt relies on head {} at position {}",
                        report.head, report.position
                    )
                },
            )?;
            face.show(&report.to_json(), |_| text(&report));
            Ok(())
        }
    }
}

/// What `receipt get` says.
#[derive(Debug, Serialize)]
pub struct Written {
    /// Where the receipt is.
    pub receipt: String,
    /// What it is for.
    pub request: RequestId,
    /// Its length.
    pub bytes: usize,
}

/// Fetches a receipt, verifies it, and writes it.
///
/// # Errors
/// The caller's: not signed. The node's: the receipt does not hold.
pub async fn get(session: &Session, id: &RequestId, output: &Path) -> Result<Written> {
    let answer: ReceiptAnswer = session.get(&routes::receipt(id)).await?;
    verify(&answer.receipt.0, &session.founding().genesis())?;
    write_whole(output, &answer.receipt.0, 0o644)?;
    let receipt = output.display().to_string();
    Ok(Written { receipt, request: *id, bytes: answer.receipt.0.len() })
}

/// Verifies a receipt. Needs no node and no network.
///
/// # Errors
/// Of whoever made it, naming the statement that does not hold.
pub fn verify(bytes: &[u8], hash: &GenesisHash) -> Result<Report> {
    quorate_receipt::verify(bytes, hash).map_err(|error| {
        let message = format!("the receipt does not hold: {error}");
        Failure::peer("bad_receipt", message, "do not rely on it; get it again from another node")
    })
}

fn text(report: &Report) -> String {
    let trial = if report.staging { " (staging)" } else { "" };
    let mut text = format!("the receipt holds, in domain {}{trial}\n", report.domain);
    for line in &report.effect {
        let _ = writeln!(text, "  {line}");
    }
    let place = super::derive::place_text(report.account, &report.path);
    let _ = writeln!(text, "  key         {} at {place} ({})", report.key_name, report.scheme);
    if report.exported > 0 {
        let _ = writeln!(
            text,
            "  exported    somebody had the whole key by then, and could sign alone"
        );
    }
    let _ = writeln!(text, "  asked by    {}", report.requester);
    let approvals: Vec<&str> = report.approvals.iter().map(Name::as_str).collect();
    if !approvals.is_empty() {
        let _ = writeln!(text, "  approved by {}", approvals.join(", "));
    }
    let _ = writeln!(text, "  rule        {}: {}", report.rule, report.reason);
    let nodes: Vec<&str> = report.decisions.iter().map(|it| it.node.as_str()).collect();
    let _ = writeln!(text, "  allowed by  {}", nodes.join(", "));
    let _ = writeln!(text, "  request     {}", report.request);
    // Whether this head is still the newest no file can say.
    let _ = write!(text, "  relied on   head {} at position {}", report.head, report.position);
    text
}
