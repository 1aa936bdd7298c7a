//! `verify`: what a backup proves, offline (REC-29).

use super::backup;
use crate::args::Verify;
use crate::backup_file::{BundleKind, FileError, FileFault};
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::verify::{
    BackupPart, Checked, KeyReport, MissingKey, Part, Refusal, Report, Why, verify as verify_file,
};
use quorate_identity::moment;
use quorate_identity::words;
use std::fmt::Write;
use std::path::Path;

/// Runs it.
///
/// # Errors
/// The caller's: no genesis hash, no backup. A peer's: something does not hold, or a key is missing;
/// then the report was shown.
pub fn run(options: &Verify, face: Face) -> Result<()> {
    let genesis = options.genesis.ok_or_else(genesis_needed)?;
    let report = verify_file(backup::open(&options.file)?, &genesis);
    show(&options.file, &report, face)
}

/// Shows a report, and ends as it says.
///
/// # Errors
/// The file does not hold.
pub(super) fn show(path: &Path, report: &Report, face: Face) -> Result<()> {
    face.show(&report.to_json(), |_| text(report));
    match refused(path, report) {
        None => Ok(()),
        Some(failure) => Err(failure),
    }
}

pub(super) fn genesis_needed() -> Failure {
    let what = "a backup brings its own genesis, and whoever made it may have brought another \
                domain's: without the hash of yours nothing is verified";
    let next = "give --genesis HASH, from your notes, a receipt or an administrator; never from the \
                file itself";
    Failure::caller("genesis_needed", what, next)
}

/// Why a file is not to be relied on, if it is not.
pub fn refused(path: &Path, report: &Report) -> Option<Failure> {
    if report.holds() {
        return None;
    }
    let (all, failed) = (
        report.statements().count(),
        report.statements().filter(|statement| !statement.holds()).count(),
    );
    let older = report.keys.iter().filter(|key| key.newer.is_some()).count();
    let mut what = match failed {
        0 => format!("{}: all {all} statements hold", path.display()),
        _ => format!("{}: {failed} of {all} statements do not hold", path.display()),
    };
    for (of, count) in [("keys missing", report.missing.len()), ("older epochs", older)] {
        if count > 0 {
            let _ = write!(what, "; {of}: {count}");
        }
    }
    Some(match damage(report) {
        Some(error) if matches!(error.fault, FileFault::Unread(_)) => {
            Failure::machine("file", what, error.next())
        }
        Some(error) => Failure::peer("backup_refused", what, error.next()),
        None => Failure::peer("backup_refused", what, next(report)),
    })
}

/// What to do with a file that reads whole and does not hold.
fn next(report: &Report) -> &'static str {
    let is_whole = report.statements().all(Checked::holds);
    if !report.is_of_this_domain() {
        "name the hash from your own notes; if it is that one, this is no backup of your domain, \
         whatever its name"
    } else if is_whole && report.keys.iter().all(KeyReport::holds) {
        "what is in it holds: take another backup once the missing keys are made, or retire them"
    } else {
        "do not rely on it: take another backup, keep this one, and find out whose statements do not \
         hold"
    }
}

/// What is wrong with the file as a file.
fn damage(report: &Report) -> Option<&FileError> {
    report.of_file.iter().find_map(|statement| match &statement.result {
        Err(Refusal { why: Why::File(error), .. }) => Some(error),
        _ => None,
    })
}

/// One line a key, and what does not hold below it.
pub fn text(report: &Report) -> String {
    let mut text = head(report);
    for failed in report.of_file.iter().filter(|statement| !statement.holds()) {
        let _ = writeln!(text, "  {failed}");
    }
    text.push('\n');
    for key in &report.keys {
        text.push_str(&line(key));
    }
    for MissingKey { name, is_withdrawn, .. } in &report.missing {
        let why = match is_withdrawn {
            true => "MISSING: its order was withdrawn; if it was never made, retire it",
            false => "MISSING: no epoch of it is in the file",
        };
        let _ = writeln!(text, "  {name:<16} {why}");
    }
    text.push('\n');
    text.push_str(match report.holds() {
        true => {
            "everything holds, and every key of this charter is backed up. Whether it is the newest \
             no file can say: compare the head"
        }
        false => "NOT everything holds",
    });
    text
}

fn head(report: &Report) -> String {
    let mut text = match &report.charter {
        Some(charter) => format!(
            "backup of domain {}{}\n  genesis  {}\n  head     {} at entry {}\n",
            charter.domain,
            if charter.staging { ", a trial" } else { "" },
            words(&report.genesis.digest()).join(" "),
            charter.head,
            charter.position,
        ),
        None => "a backup that is not known to be of this domain\n".to_owned(),
    };
    if let Some(said) = report.said {
        let _ = writeln!(text, "  made     {}, as it says itself", moment(said.made_at_ms));
    }
    text
}

fn line(key: &KeyReport) -> String {
    let scheme = key.scheme.map(|scheme| scheme.to_string()).unwrap_or_default();
    let epoch = key.epoch.map(|epoch| format!("epoch {epoch}")).unwrap_or_default();
    let what = match key.failures().count() {
        0 => [BundleKind::Shares, BundleKind::Contributions].map(|kind| held(key, kind)).concat(),
        failed => format!(", {failed} of {} statements do NOT hold", key.statements.len()),
    };
    let mut text = format!("  {key:<16} {scheme:<15} {epoch}{what}\n");
    if let Some(newer) = key.newer {
        let epoch = key.epoch.unwrap_or_default();
        let _ = writeln!(
            text,
            "    epoch {epoch} is OLD: epoch {newer} of the key is in the same file"
        );
    }
    for note in &key.notes {
        let _ = writeln!(text, "    note: {note}");
    }
    for failed in key.failures() {
        let _ = writeln!(text, "    {failed}");
    }
    text
}

/// How many backups of a kind there are, and for whom.
fn held(key: &KeyReport, kind: BundleKind) -> String {
    let of_kind = |statement: &&Checked| match &statement.part {
        Part::Backup(part) => part.kind == kind,
        _ => false,
    };
    let held: Vec<&Checked> = key.statements.iter().filter(of_kind).collect();
    match held.first().map(|statement| &statement.part) {
        Some(Part::Backup(BackupPart { custodians: Some(custodians), .. })) => {
            format!(", {kind} of {} nodes for {custodians}", held.len())
        }
        _ => String::new(),
    }
}
