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
    #[error("it is a backup or an export of a key, and no canary")]
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
        Subject::Shares { .. } | Subject::Contributions { .. } | Subject::Export { .. } => {
            return Err(CanaryError::Kind);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Opener, SoftKey, SoftKind, prove};
    use quorate_access::Tree;
    use quorate_codec::{Digest, to_bytes};
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    fn recovery(notation: &str, count: u8) -> Recovery {
        let key = |number: u8| SoftKey::from_seed(SoftKind::Hybrid, &[number; 32]);
        let keys: Vec<_> = (0..count).map(|number| key(number).public().clone()).collect();
        let tree: Tree<u8> = notation.parse().unwrap();
        Recovery::new(&tree.map(|place| usize::from(*place)), &keys).unwrap()
    }

    /// GOV-55: a canary says for which of two trees it is, also where that one is much larger.
    #[test]
    fn a_canary_for_a_larger_tree_is_told_from_none() {
        let (small, large) = (recovery("2 of (0, 1, 2)", 3), recovery("3 of (0, 1, 2, 3, 4)", 5));
        let mut rng = ChaCha20Rng::seed_from_u64(55);
        let secret = SecretScalar::<Ed25519>::random(&mut rng);
        let genesis = GenesisHash(Digest([1; 32]));
        let subject = Subject::Canary { genesis, export: Digest([2; 32]) };
        let author = NodeId(Digest([3; 32]));
        let publics = vec![secret.commit().non_identity().unwrap()];
        let statement = Statement { author, subject, publics, recovery: large.clone() };
        let known = *secret.to_bytes();
        let bundle: Bundle<Ed25519> = prove(statement, &[secret], &mut rng).unwrap();
        let bytes = to_bytes(&bundle);
        assert!(bytes.len() > bundle_bytes_max(1, small.tree().leaf_count()));
        let of = |recovery: &Recovery| restored_canary(&bytes, genesis, recovery, &known);
        assert_eq!(of(&small), Err(CanaryError::Bundle(BackupFault::Recovery)));
        assert_eq!(of(&large), Ok(author));
        let other = GenesisHash(Digest([9; 32]));
        assert_eq!(restored_canary(&bytes, other, &large, &known), Err(CanaryError::Domain));
    }
}
