//! `export verify` and `export open`: a key that a domain gave to somebody whole (KEX-13, KEX-14).

use super::confirm::Confirmation;
use super::holder::Found;
use super::verify::genesis_needed;
use crate::args::{Export, ExportOpen, ExportVerify};
use crate::export::{ExportFile, ExportFileError, ExportReport, Exported};
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::files;
use crate::whole::{Format, WholeKey};
use quorate_backup::Opener;
use quorate_codec::Canonical;
use quorate_identity::{GenesisHash, Name, RecoveryKeyId, words};
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Runs it.
///
/// # Errors
/// The caller's: no genesis hash, no export, another key than the recipient's. A peer's: the export does
/// not hold; then its report was shown, as far as there is one.
pub fn run(command: &Export, face: Face) -> Result<()> {
    match command {
        Export::Verify(options) => verify(options, face),
        Export::Open(options) => open(options, face),
    }
}

fn read(path: &Path, genesis: Option<GenesisHash>) -> Result<Exported> {
    let genesis = genesis.ok_or_else(genesis_needed)?;
    let bytes = files::read_public(path, ExportFile::BYTES_MAX)?;
    Exported::read(&bytes, &genesis).map_err(|error| refused(path, error))
}

fn verify(options: &ExportVerify, face: Face) -> Result<()> {
    let exported = read(&options.file, options.genesis)?;
    let report = exported.report().map_err(|error| refused(&options.file, error))?;
    face.show(&report, text);
    match failed(&options.file, &report) {
        None => Ok(()),
        Some(failure) => Err(failure),
    }
}

/// Why an export is not to be relied on, if it is not.
fn failed(path: &Path, report: &ExportReport) -> Option<Failure> {
    let false_parts = report.parts.iter().filter(|part| !part.holds).count();
    if let Some(missing) = &report.missing {
        let what = format!(
            "{}: {} of {} parts hold, and parts are missing, of: {missing}",
            path.display(),
            report.parts.len() - false_parts,
            report.parts.len(),
        );
        let next =
            "collect again with `quorate key export get`, until enough of these nodes answer";
        return Some(Failure::peer("export_incomplete", what, next));
    }
    (false_parts > 0).then(|| {
        let what = format!(
            "{}: {false_parts} of {} parts do not hold; the others are enough",
            path.display(),
            report.parts.len(),
        );
        let next = "the key can be opened without them; find out whose they are";
        Failure::peer("export_false", what, next)
    })
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    report: ExportReport,
    format: Format,
    encrypted: bool,
    accounts: Vec<Account>,
}

#[derive(Serialize)]
struct Account {
    account: usize,
    public_key: String,
    output: PathBuf,
}

fn open(options: &ExportOpen, face: Face) -> Result<()> {
    let path = &options.file;
    let refuse = |error| refused(path, error);
    options.written.check()?;
    if !options.all {
        files::must_be_free(&options.output)?;
    }
    let found = options.held.find()?;
    let exported = read(path, options.genesis)?;
    let report = exported.report().map_err(refuse)?;
    options.written.fits(report.scheme)?;
    let targets = targets(options, &report)?;
    let of = |key: RecoveryKeyId| match key == exported.recipient() {
        true => Ok(()),
        false => Err(refused(path, ExportFileError::OtherKey(key))),
    };
    if let Some((key, _)) = found.known() {
        // Nobody types a passphrase in vain.
        of(key)?;
    }
    if let Err(error) = exported.suffices() {
        face.show(&report, text);
        return Err(refused(path, error));
    }
    face.brief(&brief(options, &report, &targets, &found));
    if !options.yes {
        MEANT.ask(&report.name)?;
    }
    let passphrase = options.written.passphrase()?;
    let holder = found.open()?;
    of(holder.public().id())?;
    let whole = exported.whole(exported.open(&holder)?).map_err(refuse)?;
    let keys: Option<Vec<(PathBuf, &WholeKey)>> =
        targets.iter().map(|it| Some((it.output.clone(), whole.get(it.account)?))).collect();
    let keys = keys.ok_or_else(|| refused(path, ExportFileError::Machine))?;
    options.written.write(keys, passphrase.as_ref())?;
    let (format, encrypted) = (options.written.format, !options.written.unencrypted);
    let shown = Shown { report, format, encrypted, accounts: targets };
    face.show(&shown, opened_text);
    Ok(())
}

/// Which accounts are written, and where.
fn targets(options: &ExportOpen, report: &ExportReport) -> Result<Vec<Account>> {
    let accounts = report.public_keys.len();
    let chosen = if options.all { 0..accounts } else { 0..0 };
    let target = |account: usize| {
        let none = ExportFileError::NoAccount { account, accounts };
        let public_key = report.public_keys.get(account).cloned();
        let public_key = public_key.ok_or_else(|| refused(&options.file, none))?;
        let output = match options.all {
            true => options.output.with_added_extension(account.to_string()),
            false => options.output.clone(),
        };
        files::must_be_free(&output)?;
        Ok(Account { account, public_key, output })
    };
    let one = (!options.all).then_some(options.account);
    chosen.chain(one).map(target).collect()
}

/// Nobody puts a whole key together without having read what that means.
const MEANT: Confirmation = Confirmation {
    question: "Is the WHOLE key to be put together here?",
    unasked: "somebody has to confirm that the whole key is put together, and there is no terminal",
    denied: "nothing was opened",
    next: "read what it means, and type the name of the key; or give --yes once that was read",
};

/// What is about to happen: seen before anything is typed.
fn brief(
    options: &ExportOpen,
    report: &ExportReport,
    targets: &[Account],
    found: &Found<'_>,
) -> String {
    let mut text = format!(
        "{}\n\nThe WHOLE key {} is about to be put together on this machine.\n",
        text(report),
        report.name
    );
    for Account { account, public_key, output } in targets {
        let _ = writeln!(text, "  account {account:<3} {public_key} in {}", output.display());
    }
    let sealed = if options.written.unencrypted { "NOT encrypted" } else { "encrypted" };
    let with = match found.known() {
        Some((_, name)) => format!("with the recovery key {name}"),
        None => "with the key in the token".to_owned(),
    };
    let _ = write!(
        text,
        "  as          {}, {sealed}, {with}\n\n\
         Whoever has the file, or ever had a copy of it, signs with the key for ever, and with all keys \
         derived from it; the domain that gave it still signs with it too.\n\
         All accounts of the key are opened on this machine for it.\n",
        options.written.format,
    );
    text
}

/// What an export proves, for people.
fn text(report: &ExportReport) -> String {
    let mut text = format!(
        "key {} of domain {}{}, given whole to {}\n  genesis     {}\n  entry       {} of the charter, which \
         goes up to entry {}\n  recipient   {}\n  epoch       {}, shared by {}\n",
        report.name,
        report.domain,
        if report.staging { ", a trial" } else { "" },
        report.recipient,
        report.genesis_words,
        report.exported_at,
        report.position,
        report.recovery_words,
        report.epoch,
        report.access,
    );
    for (account, public_key) in report.public_keys.iter().enumerate() {
        let _ = writeln!(text, "  account {account:<3} {public_key}");
    }
    for part in &report.parts {
        let _ = match &part.why {
            None => writeln!(text, "  part        {} holds", part.node),
            Some(why) if part.lied => writeln!(text, "  part        {} is FALSE: {why}", part.node),
            Some(why) => writeln!(text, "  part        {} does not hold: {why}", part.node),
        };
    }
    if let Some(at) = report.ended_at {
        let _ = writeln!(
            text,
            "  note        entry {at} ended the export: nodes give nothing more for it"
        );
    }
    if report.retired {
        text.push_str("  note        the domain retired the key\n");
    }
    text.push_str(match &report.missing {
        None => "the parts that hold are the whole key, for whoever has the recipient's key",
        Some(_) => "the parts that hold are NOT enough for the key",
    });
    if let Some(missing) = &report.missing {
        let _ = write!(text, "\n  missing     {missing}");
    }
    text
}

fn opened_text(shown: &Shown) -> String {
    let name: &Name = &shown.report.name;
    let mut text = String::new();
    for Account { account, public_key, output } in &shown.accounts {
        let _ = writeln!(
            text,
            "The whole key {name} is in {}: account {account}, {public_key}.",
            output.display()
        );
    }
    let false_parts = shown.report.parts.iter().filter(|part| !part.holds);
    let names: Vec<&str> = false_parts.map(|part| part.node.as_str()).collect();
    if !names.is_empty() {
        let _ = writeln!(text, "Parts that do not hold were left out: {}", names.join(", "));
    }
    text.push_str(
        "Let the software that it is for show that public key; `quorate key import` reads the file \
         elsewhere. Keep it as the whole key that it is, and destroy what you do not need of it.",
    );
    text
}

fn refused(path: &Path, error: ExportFileError) -> Failure {
    let what = format!("{}: {error}", path.display());
    let caller = |code, next| Failure::caller(code, &what, next);
    match error {
        ExportFileError::Form => {
            caller("bad_file", "name the file that `quorate key export get` wrote")
        }
        ExportFileError::Version(_) => Failure::later(path, error),
        ExportFileError::Genesis(_)
        | ExportFileError::Entry(..)
        | ExportFileError::Record(_)
        | ExportFileError::Behind
        | ExportFileError::NoExport(_)
        | ExportFileError::Recipient(_) => Failure::peer(
            "export_refused",
            what,
            "do not rely on it: collect again with `quorate key export get`; if the hash is that of \
             another domain, name the one from your own notes",
        ),
        ExportFileError::OtherKey(key) => {
            let what = format!("{what}: it is \"{}\"", words(&key.digest()).join(" "));
            let next = "name the key that the motion named; only whoever holds that one opens it";
            Failure::caller("another_key", what, next)
        }
        ExportFileError::Missing(_) => Failure::peer(
            "export_incomplete",
            what,
            "collect again with `quorate key export get`, until enough of these nodes answer",
        ),
        ExportFileError::NotOpened(_) => Failure::machine(
            "not_opened",
            what,
            "the key or its device failed: try again, on another machine or with a copy of the key",
        ),
        ExportFileError::NoAccount { .. } => caller("unknown_account", "name one of them"),
        ExportFileError::Machine => {
            Failure::machine("internal", what, "do not use this machine; try on another one")
        }
    }
}
