//! What opens a node's store: the effects behind each kind of seal (STO-14 to STO-18).
//!
//! ```text
//! make:  --seal KIND ──► Seal (public, into the header) and SealKey
//! open:  header ──► Seal ──► passphrase · credential.rs · tpm.rs · token.rs ──► SealKey ──► store
//! ```
//!
//! The header says *what* opens the store, and is nobody's word before the store has opened. *Where*
//! that is, this machine's operator says in the call: which library to load, which file holds a PIN,
//! which device is the TPM. So a header that somebody wrote makes no process load or read anything.

mod credential;
#[cfg(not(feature = "tpm"))]
mod no_tpm;
mod token;
#[cfg(feature = "tpm")]
mod tpm;

use crate::args::seal::{Opening, SealChoice, Sealing};
use crate::domain;
use crate::failure::{Failure, Result};
use crate::sealed::store_failure;
#[cfg(not(feature = "tpm"))]
use no_tpm as tpm;
use quorate_identity::Name;
use quorate_store::{Cost, Seal, SealKey, SealKind, StoreError, Stretch};
use std::path::Path;
use zeroize::Zeroizing;

/// A seal that was made.
pub struct Made {
    /// What the header will have.
    pub seal: Seal,
    /// The key that it gave when it was asked again.
    pub key: SealKey,
    /// What its counter of starts stands at, if it has one.
    pub count: Option<u64>,
}

/// Makes a seal for a store of this node. What is sealed to a TPM or token is opened again before it
/// is relied on: a store whose seal gives nothing back would be lost.
///
/// # Errors
/// The caller's: something is not named, wrong or missing. The machine's: TPM or token fail.
pub fn make(sealing: &Sealing, with: &Opening, name: &Name) -> Result<Made> {
    let (seal, [key, again]) = match sealing.seal {
        SealChoice::Passphrase => {
            let passphrase = new_passphrase(with.passphrase_file.as_deref(), name)?;
            if passphrase.is_empty() {
                return Err(store_failure(&StoreError::EmptyPassphrase));
            }
            let stretch = Stretch::fresh(Cost::STANDARD);
            let key = stretched(&stretch, passphrase.as_bytes())?;
            return Ok(Made { seal: Seal::Passphrase(stretch), key, count: None });
        }
        SealChoice::SystemdCredential => {
            let (name, stretch) = (sealing.credential.clone(), Stretch::fresh(Cost::STANDARD));
            let key = stretched(&stretch, &credential::read(&name)?)?;
            return Ok(Made { seal: Seal::SystemdCredential { name, stretch }, key, count: None });
        }
        SealChoice::Tpm2 => {
            let key = SealKey::random();
            let object = tpm::seal(&with.device.tpm, &key)?;
            let again = tpm::unseal(&with.device.tpm, &object)?;
            (Seal::Tpm2(object), [key, again])
        }
        SealChoice::Pkcs11 => {
            let label = sealing.key_label.clone().unwrap_or_else(|| format!("quorate-{name}"));
            let (asked, answers) = token::make(sealing.token.as_deref(), &label, &with.device)?;
            (Seal::Pkcs11(asked), answers)
        }
    };
    if !key.is(&again) {
        return Err(Failure::machine(
            "seal_unsteady",
            format!("the {} gave another key when it was asked again", seal.kind()),
            "nothing was sealed by it; use another device",
        ));
    }
    let count = count(&seal, with)?;
    Ok(Made { seal, key, count })
}

/// The key that a seal gives. `stored` is the passphrase file that only a trial domain has.
///
/// # Errors
/// The caller's: something is missing or wrong. The machine's: TPM or token fail, or are others.
pub fn key_of(seal: &Seal, with: &Opening, name: &Name, stored: Option<&Path>) -> Result<SealKey> {
    let kind = seal.kind();
    if with.passphrase_file.is_some() && kind != SealKind::Passphrase {
        return Err(store_failure(&StoreError::OtherSeal { named: kind }));
    }
    match seal {
        Seal::Passphrase(stretch) => {
            let prompt = format!("passphrase of node {name}: ");
            let given = with.passphrase_file.as_deref();
            let passphrase = domain::passphrase(given, stored, &prompt)?;
            stretched(stretch, passphrase.as_bytes())
        }
        Seal::SystemdCredential { name, stretch } => stretched(stretch, &credential::read(name)?),
        Seal::Tpm2(object) => tpm::unseal(&with.device.tpm, object),
        Seal::Pkcs11(asked) => token::answer(asked, &with.device),
    }
}

/// Whether somebody has to type something for such a store to open: a passphrase, or the PIN of a
/// token, at this prompt or at keys of its own.
pub fn is_attended(kind: SealKind, with: &Opening) -> bool {
    kind.is_attended() || kind == SealKind::Pkcs11 && with.device.pin_file.is_none()
}

/// What counts the starts of the node beside its store, if something does (STO-19).
///
/// # Errors
/// Those of the TPM.
pub fn count(seal: &Seal, with: &Opening) -> Result<Option<u64>> {
    match seal {
        Seal::Tpm2(object) => tpm::count(&with.device.tpm, object),
        _ => Ok(None),
    }
}

/// Lets it count one more.
///
/// # Errors
/// Those of the TPM.
pub fn count_up(seal: &Seal, with: &Opening) -> Result<()> {
    match seal {
        Seal::Tpm2(object) => tpm::count_up(&with.device.tpm, object),
        _ => Ok(()),
    }
}

/// Frees what a seal that opens nothing any more has taken of a device.
///
/// # Errors
/// Those of the TPM.
pub fn forget(seal: &Seal, with: &Opening) -> Result<()> {
    match seal {
        Seal::Tpm2(object) => tpm::forget(&with.device.tpm, object),
        _ => Ok(()),
    }
}

fn stretched(stretch: &Stretch, secret: &[u8]) -> Result<SealKey> {
    stretch.key(secret).map_err(|error| store_failure(&error))
}

/// Asks twice where it asks: a mistyped passphrase of a new store is found out too late.
fn new_passphrase(file: Option<&Path>, name: &Name) -> Result<Zeroizing<String>> {
    let prompt = format!("passphrase that seals node {name}: ");
    let passphrase = domain::passphrase(file, None, &prompt)?;
    if file.is_none() && domain::passphrase(None, None, "the same again: ")? != passphrase {
        let message = "the two passphrases are not the same";
        return Err(Failure::caller("passphrase_differs", message, "try again"));
    }
    Ok(passphrase)
}
