//! A whole key as it is written for other software (REC-49): what can be told before anything is opened,
//! and the files.

use crate::args::Written;
use crate::failure::{Failure, Result};
use crate::files::NewFiles;
use crate::passphrase::{Asked, Passphrase};
use crate::whole::{FormError, KeyNetwork, WholeKey};
use quorate_identity::Scheme;
use rand_core::OsRng;
use std::path::PathBuf;

impl Written {
    /// What can be told of the form before anything is read.
    ///
    /// # Errors
    /// The caller's.
    pub fn check(&self) -> Result<()> {
        self.format.can_be(!self.unencrypted).map_err(unwritten)?;
        match self.network {
            Some(_) => self.format.has_network().map_err(unwritten),
            None => Ok(()),
        }
    }

    /// Whether the form has a place for keys of these signatures.
    ///
    /// # Errors
    /// The caller's.
    pub fn fits(&self, scheme: Scheme) -> Result<()> {
        self.format.fits(scheme).map_err(unwritten)
    }

    /// The passphrase that seals what is written, asked for; nothing where it is not to be sealed.
    ///
    /// # Errors
    /// The caller's: none, or two that differ.
    pub fn passphrase(&self) -> Result<Option<Passphrase>> {
        if self.unencrypted {
            return Ok(None);
        }
        let file = self.output_passphrase_file.as_deref();
        let asked = Asked { of: "the whole key", file, option: "--output-passphrase-file" };
        Passphrase::ask_new(asked).map(Some)
    }

    /// Writes keys with mode 0600, all of them or none, and never over anything (REC-06).
    ///
    /// # Errors
    /// The caller's: something is there. The machine's.
    pub fn write<'a>(
        &self,
        keys: impl IntoIterator<Item = (PathBuf, &'a WholeKey)>,
        passphrase: Option<&Passphrase>,
    ) -> Result<()> {
        let network = self.network.unwrap_or(KeyNetwork::Mainnet);
        let mut new = NewFiles::default();
        for (path, key) in keys {
            let text = key.text(self.format, network, passphrase, &mut OsRng);
            new.write(&path, text.map_err(unwritten)?.as_bytes(), 0o600)?;
        }
        new.keep();
        Ok(())
    }
}

fn unwritten(error: FormError) -> Failure {
    let next = match error {
        FormError::Memory => {
            return Failure::machine("memory", error, "free some memory and try again");
        }
        FormError::Unsealed(_) => {
            return Failure::caller(
                "unencrypted_needed",
                error,
                "choose pkcs8 or keystore, which are encrypted; or give --unencrypted, and keep the \
                 file where nobody else gets at it",
            );
        }
        FormError::Scheme(..) | FormError::Seed => {
            "choose --format raw: the scalar, for software that takes it as it is, and for `quorate \
             key import`"
        }
        FormError::Sealed(_) => "leave out --unencrypted",
        FormError::Network(_) => "leave out --network",
    };
    Failure::caller("wrong_format", error, next)
}
