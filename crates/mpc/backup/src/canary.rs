//! A canary that was restored: what proves to everybody that custodians did it.

use crate::{BackupFault, Bundle, Recovery, Statement, Subject, bundle_bytes_max};
use quorate_access::limits::LEAVES_MAX;
use quorate_codec::from_bytes;
use quorate_curve::{Ed25519, SecretScalar};
use quorate_identity::{GenesisHash, NodeId};

/// Why a canary was not restored. The fault of whoever brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CanaryError {
    /// It is no bundle of one secret over edwards25519.
    #[error("it is no canary")]
    Form,
    /// It is a bundle of shares or contributions, which nobody should have opened (N-84).
    #[error("it is a backup of a key, and no canary")]
    Kind,
    /// It is a canary of another domain.
    #[error("it is a canary of another domain")]
    Domain,
    /// It does not hold, or is for other custodians.
    #[error("{0}")]
    Bundle(BackupFault),
    /// What was brought is not its secret.
    #[error("what was brought is not what the canary holds")]
    Secret,
}

/// Verifies that bytes are a canary of a domain that the custodians of this tree restore, and that a
/// secret is the one that it holds; the node that it says is its author, of which nothing is known.
///
/// Cost: `spec/backup.md`, Cost, for one secret.
///
/// # Errors
/// [`CanaryError`].
pub fn restored_canary(
    bytes: &[u8],
    genesis: GenesisHash,
    recovery: &Recovery,
    secret: &[u8],
) -> Result<NodeId, CanaryError> {
    // Also of one for another tree it is to be told that it is.
    if bytes.len() > bundle_bytes_max(1, LEAVES_MAX) {
        return Err(CanaryError::Form);
    }
    let bundle: Bundle<Ed25519> = from_bytes(bytes).map_err(|_| CanaryError::Form)?;
    let subject = bundle.claimed_subject().clone();
    match &subject {
        Subject::Canary { genesis: claimed, .. } if *claimed == genesis => {}
        Subject::Canary { .. } => return Err(CanaryError::Domain),
        Subject::Shares { .. } | Subject::Contributions { .. } => return Err(CanaryError::Kind),
    }
    let [public] = bundle.claimed_publics() else { return Err(CanaryError::Form) };
    let (author, public) = (bundle.claimed_author(), *public);
    let statement =
        Statement { author, subject, publics: vec![public], recovery: recovery.clone() };
    // The secret first: it costs less, and what is brought for nothing is refused by it.
    let secret = SecretScalar::<Ed25519>::from_bytes(secret).map_err(|_| CanaryError::Secret)?;
    if secret.commit() != public.point() {
        return Err(CanaryError::Secret);
    }
    bundle.verify(&statement).map(|_| author).map_err(|error| CanaryError::Bundle(error.fault))
}
