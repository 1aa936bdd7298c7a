//! `combine`: the way out of a domain, a whole key for other software (REC-46 to REC-49).

use super::confirm::Confirmation;
use super::holder::{Found, Holder};
use super::{backup, verify};
use crate::args::{Combine, Held};
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::files;
use crate::whole::{CombineError, Combined, Combining, Format, Opened};
use quorate_backup::Opener;
use quorate_codec::hex;
use quorate_identity::{GenesisHash, KeyId, Name, Scheme, words};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

#[derive(Serialize)]
struct Shown {
    genesis: GenesisHash,
    genesis_words: String,
    name: Name,
    key: KeyId,
    scheme: Scheme,
    account: usize,
    /// Of the account, as its scheme writes it.
    public_key: String,
    /// Whose keys opened it.
    custodians: Vec<Name>,
    /// Whose key opened something else than was encrypted to it.
    liars: BTreeSet<Name>,
    /// Whose key opened nothing of something.
    silent: BTreeSet<Name>,
    format: Format,
    encrypted: bool,
    output: PathBuf,
}

/// Runs it.
///
/// # Errors
/// The caller's: no such key, other custodians' keys or too few, a wrong passphrase, a form that does
/// not fit. A peer's: the backup does not hold, then its report was shown.
pub fn run(options: &Combine, face: Face) -> Result<()> {
    files::must_be_free(&options.output)?;
    let genesis = options.genesis.ok_or_else(verify::genesis_needed)?;
    options.written.check()?;
    let each = options.custodians.each().ok_or_else(uneven)?;
    let (in_files, in_tokens): (Vec<Held>, Vec<Held>) =
        each.into_iter().partition(|held| held.key.is_some());
    let found: Vec<Found<'_>> = in_files.iter().map(Held::find).collect::<Result<_>>()?;
    let reader = backup::open(&options.file)?;
    let combining = match Combining::read(reader, &genesis, &options.name, options.retired) {
        Err(CombineError::Refused(report)) => return verify::show(&options.file, &report, face),
        other => other.map_err(refused)?,
    };
    options.written.fits(combining.scheme())?;
    combining.account(options.account).map_err(refused)?;
    let known = found.iter().filter_map(Found::known).map(|(key, _)| combining.custodian(key));
    let known: Vec<&Name> = known.collect::<std::result::Result<_, _>>().map_err(refused)?;
    if in_tokens.is_empty() {
        // Nobody types a passphrase in vain. What is in a token is known once that is unlocked.
        combining.suffice(known.iter().copied()).map_err(refused)?;
    }
    face.brief(&brief(options, &combining, &known, in_tokens.len()));
    if !options.yes {
        MEANT.ask(&options.name)?;
    }
    let passphrase = options.written.passphrase()?;
    let (custodians, opened) = open(&combining, found.into_iter().zip(known), &in_tokens)?;
    let combined = combining.combine(opened, options.account).map_err(refused)?;
    options.written.write([(options.output.clone(), &combined.key)], passphrase.as_ref())?;
    face.show(&shown(options, &combining, custodians, combined), text);
    Ok(())
}

/// Asks custodian after custodian, and opens what is theirs.
fn open<'a>(
    combining: &Combining,
    in_files: impl Iterator<Item = (Found<'a>, &'a Name)>,
    in_tokens: &[Held],
) -> Result<(Vec<Name>, Vec<Opened>)> {
    let (mut custodians, mut opened) = (Vec::new(), Vec::new());
    let mut take = |holder: &Holder| -> Result<()> {
        let custodian = combining.custodian(holder.public().id()).map_err(refused)?;
        custodians.push(custodian.clone());
        opened.push(combining.open(holder)?);
        Ok(())
    };
    for (found, name) in in_files {
        take(&found.open_as(&format!("custodian {name}"))?)?;
    }
    for held in in_tokens {
        // One after the other: a process speaks to its tokens through one module.
        take(&held.find()?.open()?)?;
    }
    Ok((custodians, opened))
}

/// Nobody takes a key out of its domain without having read what that means (REC-47).
const MEANT: Confirmation = Confirmation {
    question: "Is the WHOLE key to be put together here, in one file?",
    unasked: "somebody has to confirm that the whole key is put together, and there is no terminal",
    denied: "nothing was opened",
    next: "read what it means, and type the name of the key; or give --yes once that was read",
};

/// What is about to happen: seen before anything is typed.
fn brief(options: &Combine, combining: &Combining, known: &[&Name], tokens: usize) -> String {
    let state = combining.state();
    let mut text = format!(
        "domain {}{}\n  genesis     {}\n\nThe WHOLE key {} is about to be put together on this machine.\n",
        state.domain(),
        if state.is_staging() { ", a trial" } else { "" },
        words(&state.genesis().digest()).join(" "),
        combining.name(),
    );
    let _ = writeln!(text, "  signatures  {}", combining.scheme());
    for (number, account) in combining.accounts().iter().enumerate() {
        let written = if number == options.account { ", which is written" } else { "" };
        let public = hex::encode(&account.public_key);
        let _ = writeln!(text, "  account {number:<3} {public}{written}");
    }
    let mut here: Vec<String> = known.iter().map(ToString::to_string).collect();
    if tokens > 0 {
        here.push(format!("keys in tokens: {tokens}"));
    }
    let sealed = if options.written.unencrypted { "NOT encrypted" } else { "encrypted" };
    let _ = write!(
        text,
        "  needs       {}\n  here        {}\n  as          {}, {sealed}\n\n\
         Afterwards the key exists whole in one place, {}.\n\
         No policy, no approval and no limit of the domain protects it any more.\n\
         Whoever has the file, or ever had a copy of it, signs with the key for ever, and with all keys \
         derived from it: no node hears of that, and no refresh takes it back.\n\
         All accounts of the key are opened on this machine for it.\n\n\
         Move what the key protects to a new key at once, and destroy the file.\n",
        combining.custodians(),
        here.join(", "),
        options.written.format,
        options.output.display(),
    );
    text
}

fn shown(
    options: &Combine,
    combining: &Combining,
    custodians: Vec<Name>,
    combined: Combined,
) -> Shown {
    let genesis = combining.state().genesis();
    let account = combining.accounts().get(options.account);
    Shown {
        genesis,
        genesis_words: words(&genesis.digest()).join(" "),
        name: combining.name().clone(),
        key: combining.key(),
        scheme: combining.scheme(),
        account: options.account,
        public_key: account.map(|it| hex::encode(&it.public_key)).unwrap_or_default(),
        custodians,
        liars: combined.liars,
        silent: combined.silent,
        format: options.written.format,
        encrypted: !options.written.unencrypted,
        output: options.output.clone(),
    }
}

fn text(shown: &Shown) -> String {
    let mut text = format!(
        "The whole key {} is in {}: account {}, {}.\nLet the software that it is for show that public \
         key, move what it protects to a new key at once, then destroy the file and every copy.",
        shown.name,
        shown.output.display(),
        shown.account,
        shown.public_key,
    );
    for (names, what) in [
        (&shown.liars, "opened something else than was encrypted to them: damaged, or false"),
        (&shown.silent, "opened nothing of something that they could open: damaged"),
    ] {
        if !names.is_empty() {
            let names: Vec<&str> = names.iter().map(Name::as_str).collect();
            let _ =
                write!(text, "\n\nThe keys of these custodians {what}:\n  {}", names.join(", "));
        }
    }
    text
}

fn uneven() -> Failure {
    let what = "not as many passphrase files as key files, or labels or PIN files as tokens";
    let next = "give one for each, in their order; or no file at all, and they are asked for";
    Failure::caller("bad_usage", what, next)
}

fn refused(error: CombineError) -> Failure {
    let what = error.to_string();
    let caller = |code, next| Failure::caller(code, &what, next);
    match error {
        CombineError::Refused(_) => {
            Failure::peer("backup_refused", what, "take another backup of the domain")
        }
        CombineError::NoKey(_) => caller(
            "unknown_key",
            "name the key as the domain calls it; `quorate-recovery verify` shows all that are here",
        ),
        CombineError::Retired(_) => {
            caller("key_retired", "if it is this key that you mean, give --retired")
        }
        CombineError::NotHere(_) => {
            caller("not_in_backup", "take a backup that was exported before the key was retired")
        }
        CombineError::SharesAlone(_) => caller(
            "shares_alone",
            "whoever imported the key had it whole; else have its next epoch made, with which the key \
             itself is backed up, and take a backup that was exported afterwards",
        ),
        CombineError::NoAccount { .. } => caller("unknown_account", "name one of them"),
        CombineError::NoCustodian(key) => {
            let what = format!("{what}: it is \"{}\"", words(&key.digest()).join(" "));
            let next = "name the key files with which the custodians were enrolled when the backup was \
                        made";
            Failure::caller("another_key", what, next)
        }
        CombineError::Twice(_) => caller("custodian_twice", "name each custodian's key once"),
        CombineError::Missing(_) => {
            caller("custodians_missing", "nothing came of it: all of these have to be here at once")
        }
        CombineError::False | CombineError::GaveUp => Failure::peer(
            "parts_false",
            what,
            "a key that opens something else than was encrypted to it is damaged, or not what it \
             seems: take other copies of the keys, and further custodians",
        ),
        CombineError::Machine => {
            Failure::machine("internal", what, "do not use this machine; try on another one")
        }
    }
}
