//! `token`: recovery keys whose private half is in a token (REC-40 to REC-45).

use crate::args::{TokenCommand, TokenKeygen, TokenPublic};
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::files::{self, NewFiles};
use crate::paper::fingerprint;
use crate::token::{Described, Module, Pin};
use quorate_backup::{Opener, RecoveryKeyLine};
use quorate_identity::{Name, RecoveryKeyId};
use rand_core::OsRng;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Runs it.
///
/// # Errors
/// The caller's, the token's, or the machine's.
pub fn run(command: &TokenCommand, face: Face) -> Result<()> {
    match command {
        TokenCommand::List { module } => list(module, face),
        TokenCommand::Keygen(options) => keygen(options, face),
        TokenCommand::Public(options) => public(options, face),
    }
}

#[derive(Serialize)]
struct Listed {
    tokens: Vec<Described>,
}

fn list(module: &Path, face: Face) -> Result<()> {
    let tokens = Module::load(module)?.tokens()?;
    face.show(&Listed { tokens }, |listed| {
        let line = |token: &Described| {
            let Described { label, maker, model, serial, is_locked } = token;
            let locked = if *is_locked { ", its PIN is locked" } else { "" };
            format!("{label}: {maker} {model}, serial number {serial}{locked}")
        };
        match listed.tokens.as_slice() {
            [] => "no token is there".to_owned(),
            tokens => tokens.iter().map(line).collect::<Vec<_>>().join("\n"),
        }
    });
    Ok(())
}

#[derive(Serialize)]
struct Made {
    token: String,
    key_label: String,
}

fn keygen(options: &TokenKeygen, face: Face) -> Result<()> {
    let named = &options.key;
    let token = named.find()?;
    let pin = Pin::ask(named.pin_file.as_deref(), &token)?;
    token.log_in_to_write(pin.as_ref())?.generate(options.kind, &named.key_label)?;
    let made = Made { token: named.token.clone(), key_label: named.key_label.clone() };
    face.show(&made, |made| {
        format!(
            "a key that is called {} is in the token {} now, and never leaves it\n\nNext, write its \
             public half:\n  quorate-recovery token public",
            made.key_label, made.token
        )
    });
    Ok(())
}

#[derive(Serialize)]
struct Shown {
    name: Name,
    kind: &'static str,
    key: RecoveryKeyId,
    words: String,
    public: PathBuf,
    /// As the token says.
    never_leaves: bool,
}

fn public(options: &TokenPublic, face: Face) -> Result<()> {
    files::must_be_free(&options.output)?;
    let named = &options.key;
    let token = named.find()?;
    let pin = Pin::ask(named.pin_file.as_deref(), &token)?;
    let held = token.log_in(pin.as_ref())?.key(&named.key_label)?;
    // REC-44: a line whose key does not open is a backup that nobody restores.
    if !held.opens(&mut OsRng)? {
        let what = "the token does not open what is encrypted to the public half that it shows";
        let next = "do not use this key; see whether two of its keys share a label or an id";
        return Err(Failure::machine("token_failed", what, next));
    }
    let key = held.public().clone();
    let shown = Shown {
        name: options.name.clone(),
        kind: key.kind_name(),
        key: key.id(),
        words: fingerprint(&key),
        public: options.output.clone(),
        never_leaves: held.never_leaves()?,
    };
    let line = RecoveryKeyLine { name: options.name.clone(), key };
    let mut new = NewFiles::default();
    new.write(&options.output, format!("{line}\n").as_bytes(), 0o644)?;
    new.keep();
    face.show(&shown, text);
    Ok(())
}

fn text(shown: &Shown) -> String {
    let Shown { name, kind, words, public, never_leaves, .. } = shown;
    let copies = match never_leaves {
        true => "",
        false => {
            "\n\nThe token does not say that this key was made in it and cannot be copied out of it: \
             there may be copies elsewhere"
        }
    };
    format!(
        "recovery key {name} ({kind}); the token opened what was encrypted to it\n\nIts words, for \
         whoever enrols it; read them to them:\n  {words}\n\nSend them {}{copies}",
        public.display()
    )
}
