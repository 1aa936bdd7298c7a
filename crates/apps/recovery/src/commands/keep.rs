//! How `keygen` and `from-paper` keep a secret: a sealed file, and the public half beside it.

use crate::args::Keep;
use crate::failure::{Failure, Result};
use crate::files::{self, NewFiles};
use crate::key_file::{KeyFile, SealError};
use crate::paper::fingerprint;
use crate::passphrase::{Asked, Cost, Passphrase};
use crate::secret::{Kind, Secret};
use quorate_backup::RecoveryKeyLine;
use quorate_identity::{Name, RecoveryKeyId};
use rand_core::{OsRng, RngCore};
use serde::Serialize;
use std::path::PathBuf;

/// What a kept key is. Public.
#[derive(Serialize)]
pub struct Kept {
    name: Name,
    kind: &'static str,
    key: RecoveryKeyId,
    words: String,
    file: PathBuf,
    public: PathBuf,
}

impl Keep {
    /// Where the public half goes.
    fn public(&self) -> PathBuf {
        self.output.with_added_extension("pub")
    }

    /// The passphrase, once it is clear that nothing would be overwritten.
    ///
    /// # Errors
    /// The caller's.
    pub fn passphrase(&self) -> Result<Passphrase> {
        files::must_be_free(&self.output)?;
        files::must_be_free(&self.public())?;
        Passphrase::ask_new(Asked::of_key(self.passphrase_file.as_deref()))
    }

    /// Seals a secret, opens it again, and writes both files.
    ///
    /// # Errors
    /// The caller's, or the machine's.
    pub fn write(
        &self,
        (name, secret): (&Name, &Secret),
        passphrase: &Passphrase,
        to: &mut NewFiles,
    ) -> Result<Kept> {
        let mut salt = [0; 16];
        OsRng.fill_bytes(&mut salt);
        let sealed = KeyFile::seal(name.clone(), secret, passphrase, Cost::STANDARD, salt);
        let text = sealed.map_err(|error| failed(&error))?.to_string();
        // What cannot be read back is no key: better to know now.
        let read: KeyFile = text.parse().map_err(|error| failed(&error))?;
        let key = secret.public();
        read.open(passphrase).map_err(|error: SealError| failed(&error))?;
        let line = RecoveryKeyLine { name: name.clone(), key: key.clone() };
        let kept = Kept {
            name: name.clone(),
            kind: Kind::as_str(secret.kind()),
            key: key.id(),
            words: fingerprint(&key),
            file: self.output.clone(),
            public: self.public(),
        };
        to.write(&kept.file, text.as_bytes(), 0o600)?;
        to.write(&kept.public, format!("{line}\n").as_bytes(), 0o644)?;
        Ok(kept)
    }
}

impl Kept {
    /// For people.
    pub fn text(&self) -> String {
        format!(
            "recovery key {} ({}), sealed in {}\n\nIts words, for whoever enrols it; read them to \
             them:\n  {}\n\nSend them {}",
            self.name,
            self.kind,
            self.file.display(),
            self.words,
            self.public.display()
        )
    }
}

/// What should not be, and memory that is short.
fn failed(error: &dyn std::error::Error) -> Failure {
    let what = format!("the key could not be sealed: {error}");
    Failure::machine("not_sealed", what, "free some memory and try again")
}
