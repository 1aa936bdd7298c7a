//! Who opens: a private half in a key file or in a token. What the command line names is found
//! first, so that nobody types a secret in vain, and opened once people saw what for.

use super::read_key_file;
use crate::args::{Held, InToken};
use crate::failure::{Failure, Result};
use crate::key_file::{KeyFile, SealError};
use crate::passphrase::{Asked, Passphrase};
use crate::token::{Module, Pin, Token, TokenError, TokenKey};
use quorate_backup::{Opener, RecoveryKey, Shared, SoftKey};
use quorate_identity::{Name, RecoveryKeyId};
use std::path::Path;

/// A private half that is there and was not opened yet.
pub enum Found<'a> {
    /// In a key file.
    File {
        /// Where.
        path: &'a Path,
        /// What it says of itself.
        file: KeyFile,
        /// Where its passphrase is, if not with a person.
        passphrase_file: Option<&'a Path>,
    },
    /// In a token.
    Token {
        /// Which.
        token: Box<Token>,
        /// How it was named.
        named: InToken,
    },
}

/// A private half that opens: everything that a custodian's command needs of it.
pub enum Holder {
    /// In memory.
    File(SoftKey),
    /// In its token.
    Token(TokenKey),
}

impl Held {
    /// Finds the private half. No secret is asked for.
    ///
    /// # Errors
    /// The caller's: no key file, no module, no token.
    pub fn find(&self) -> Result<Found<'_>> {
        match (&self.key, self.in_token()) {
            (_, Some(named)) => Ok(Found::Token { token: Box::new(named.find()?), named }),
            (Some(path), None) => {
                let (file, passphrase_file) =
                    (read_key_file(path)?, self.passphrase_file.as_deref());
                Ok(Found::File { path, file, passphrase_file })
            }
            // Not reached: the command line demands one of the two.
            (None, None) => {
                let what = "no private half is named";
                Err(Failure::caller("bad_usage", what, "name one with --key or --module"))
            }
        }
    }
}

impl InToken {
    /// The token in which the key is.
    ///
    /// # Errors
    /// The caller's: no module, no token.
    pub fn find(&self) -> Result<Token> {
        Ok(Module::load(&self.module)?.token(&self.token)?)
    }
}

impl Found<'_> {
    /// Which key it is, and what it is called, as far as that is known before it is opened.
    pub fn known(&self) -> Option<(RecoveryKeyId, &Name)> {
        match self {
            Self::File { file, .. } => Some((file.key(), file.name())),
            Self::Token { .. } => None,
        }
    }

    /// Asks for the passphrase or the PIN, and opens it.
    ///
    /// # Errors
    /// The caller's: a wrong passphrase or PIN, no such key. The machine's, or the token's.
    pub fn open(self) -> Result<Holder> {
        self.open_as("the key")
    }

    /// The same where there are several: whose it is, is said when the passphrase is asked for.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_as(self, of: &str) -> Result<Holder> {
        match self {
            Self::File { path, file, passphrase_file } => {
                let asked = Asked { of, ..Asked::of_key(passphrase_file) };
                let passphrase = Passphrase::ask_known(asked)?;
                let secret = file.open(&passphrase).map_err(|error| unopened(path, error))?;
                Ok(Holder::File(secret.key()))
            }
            Self::Token { token, named } => {
                let pin = Pin::ask(named.pin_file.as_deref(), &token)?;
                Ok(Holder::Token(token.log_in(pin.as_ref())?.key(&named.key_label)?))
            }
        }
    }
}

impl Opener for Holder {
    type Error = TokenError;

    fn public(&self) -> &RecoveryKey {
        match self {
            Self::File(key) => key.public(),
            Self::Token(key) => key.public(),
        }
    }

    fn open(&self, with: &[u8]) -> std::result::Result<Option<Shared>, TokenError> {
        match self {
            Self::File(key) => key.open(with).map_err(|never| match never {}),
            Self::Token(key) => key.open(with),
        }
    }
}

fn unopened(path: &Path, error: SealError) -> Failure {
    let what = format!("{}: {error}", path.display());
    match error {
        SealError::Passphrase => {
            Failure::caller("wrong_passphrase", what, "try again with the right one")
        }
        SealError::OtherKey => {
            let next = "do not use it, and find out who made it; write it again from its pages";
            Failure::machine("key_file_damaged", what, next)
        }
        SealError::Memory => Failure::machine("memory", what, "free some memory and try again"),
    }
}
