//! Where this program was built without the library that speaks to TPMs.

use crate::failure::{Failure, Result};
use quorate_store::{SealKey, TpmObject};

/// Refuses.
///
/// # Errors
/// Always.
pub fn seal(_name: &str, _key: &SealKey) -> Result<TpmObject> {
    Err(refused())
}

/// Refuses.
///
/// # Errors
/// Always.
pub fn unseal(_name: &str, _object: &TpmObject) -> Result<SealKey> {
    Err(refused())
}

/// Refuses.
///
/// # Errors
/// Always.
pub fn count(_name: &str, _object: &TpmObject) -> Result<Option<u64>> {
    Err(refused())
}

/// Refuses.
///
/// # Errors
/// Always.
pub fn count_up(_name: &str, _object: &TpmObject) -> Result<()> {
    Err(refused())
}

/// Refuses.
///
/// # Errors
/// Always.
pub fn forget(_name: &str, _object: &TpmObject) -> Result<()> {
    Err(refused())
}

fn refused() -> Failure {
    Failure::caller(
        "no_tpm_support",
        "this program was built without support for TPMs",
        "use a released program, or build one with `--features tpm` (it needs libtss2-dev)",
    )
}
