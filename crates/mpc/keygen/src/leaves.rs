//! Proofs that a participant knows each of its final leaf shares (DEAL-16, DEAL-17;
//! `docs/adr/0005-one-proof-for-many-shares.md`).

use crate::limits::SECRETS_MAX;
use crate::proof::{Proof, Statement};
use crate::{DealError, DealFault};
use minicbor::{Decode, Encode};
use quorate_access::limits::LEAVES_MAX;
use quorate_access::{Row, Tree};
use quorate_codec::{Canonical, Digest, Transcript, from_bytes, tag, to_bytes};
use quorate_curve::{Curve, SecretScalar};
use quorate_identity::NodeId;
use quorate_sharing::{Commitments, LeafShares};
use rand_core::CryptoRngCore;

/// For each leaf of a participant, in their order, its proofs: one for each key, or one.
#[derive(Debug, Encode, Decode)]
struct LeafProofs {
    #[n(0)]
    version: u8,
    #[n(1)]
    proofs: Vec<Proof>,
}

const VERSION: u8 = 2;

impl Canonical for LeafProofs {
    // What a run admits follows from its keys and is checked first; this bounds any run.
    const BYTES_MAX: usize = 8 + LEAVES_MAX * SECRETS_MAX * Proof::ENCODED_BYTES;
}

/// What the proofs of a leaf show (DEAL-17). For one key there is no difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knowledge {
    /// A proof for each key: every share can be read off the prover's hash queries. For keys
    /// that are new.
    Each,
    /// One proof for a combination of the shares of all keys, with coefficients that are hashed
    /// from everything: for keys that existed.
    Combined,
}

/// What all participants of a dealing prove about their final leaf shares, made once for a run.
/// Public.
#[derive(Debug)]
pub struct LeafStatements<'a, C: Curve> {
    transcript: Digest,
    tree: &'a Tree<NodeId>,
    /// The sharings that are proven about: those of all keys, or one combination of them.
    sharings: Vec<Commitments<C>>,
    weights: Option<Vec<u128>>,
}

impl<'a, C: Curve> LeafStatements<'a, C> {
    /// About `keys` over `tree`, which the run with this transcript made.
    ///
    /// Cost: of combining, about 16 additions of points for each commitment of every key.
    ///
    /// # Errors
    /// [`DealFault::Terms`]: no keys, or not all over this tree. The caller's fault.
    pub fn new(
        transcript: &Digest,
        tree: &'a Tree<NodeId>,
        keys: &[Commitments<C>],
        knowledge: Knowledge,
    ) -> Result<Self, DealError> {
        let terms = |_| DealError::nobody(DealFault::Terms);
        if keys.is_empty() || keys.iter().any(|key| key.columns() != tree.columns()) {
            return Err(DealError::nobody(DealFault::Terms));
        }
        let weights = match knowledge {
            Knowledge::Each => None,
            Knowledge::Combined => Some(weights(transcript, tree, keys)),
        };
        let sharings = match &weights {
            None => keys.to_vec(),
            Some(weights) => vec![Commitments::weighted_sum(keys, weights).map_err(terms)?],
        };
        Ok(Self { transcript: *transcript, tree, sharings, weights })
    }

    /// Checks that `node` knows its shares: exactly as many proofs as its leaves demand, in
    /// their order.
    ///
    /// # Errors
    /// [`DealFault::LeafProofs`], accusing `node`; [`DealFault::NotMember`] if it has no leaf.
    pub fn verify(&self, node: NodeId, bytes: &[u8]) -> Result<(), DealError> {
        let rows = self.rows(&node);
        if rows.is_empty() {
            return Err(DealError::nobody(DealFault::NotMember));
        }
        if self.proven(&rows, bytes) {
            Ok(())
        } else {
            Err(DealError::of(vec![node], DealFault::LeafProofs))
        }
    }

    /// Proves knowledge of all shares of `node`, one [`LeafShares`] for each key; `None` if some
    /// are missing.
    pub(crate) fn prove(
        &self,
        node: &NodeId,
        shares: &[LeafShares<C>],
        rng: &mut impl CryptoRngCore,
    ) -> Option<Vec<u8>> {
        let combined = match &self.weights {
            None => None,
            Some(weights) => Some([LeafShares::weighted_sum(shares, weights).ok()?]),
        };
        let shares = combined.as_ref().map_or(shares, |one| one.as_slice());
        let mut proofs = Vec::new();
        for row in self.rows(node) {
            for (at, statement) in self.statements(&row)?.iter().enumerate() {
                let share: &SecretScalar<C> = shares.get(at)?.get(row.leaf)?;
                proofs.push(Proof::prove(statement, share, rng));
            }
        }
        Some(to_bytes(&LeafProofs { version: VERSION, proofs }))
    }

    fn proven(&self, rows: &[Row<'_, NodeId>], bytes: &[u8]) -> bool {
        let expected = rows.len() * self.sharings.len();
        if bytes.len() > 8 + expected * Proof::ENCODED_BYTES {
            return false;
        }
        let Ok(message) = from_bytes::<LeafProofs>(bytes) else { return false };
        let statements: Option<Vec<_>> = rows.iter().map(|row| self.statements(row)).collect();
        let Some(statements) = statements else { return false };
        message.version == VERSION
            && message.proofs.len() == expected
            && statements
                .iter()
                .flatten()
                .zip(&message.proofs)
                .all(|(statement, proof)| proof.verifies(statement))
    }

    fn rows(&self, node: &NodeId) -> Vec<Row<'_, NodeId>> {
        self.tree.rows().into_iter().filter(|row| row.party == node).collect()
    }

    /// What is proven about one leaf: for the key at position j the slot is j · 2^16 + leaf.
    fn statements(&self, row: &Row<'_, NodeId>) -> Option<Vec<Statement<'_, C>>> {
        let numbered = (0_u64..).zip(&self.sharings);
        let statement = |(at, sharing)| {
            Some(Statement {
                purpose: tag::DEAL_LEAF_POK,
                run: self.transcript,
                prover: *row.party,
                slot: at << 16 | u64::from(row.leaf.0),
                sharing,
                public: sharing.leaf(row).non_identity().ok()?,
            })
        };
        numbered.map(statement).collect()
    }
}

/// Coefficients that are known only once all shares are fixed: hashed from the transcript, which
/// fixes every message, and from all commitments. The first is one (DEAL-17).
fn weights<C: Curve>(
    transcript: &Digest,
    tree: &Tree<NodeId>,
    keys: &[Commitments<C>],
) -> Vec<u128> {
    let start = Transcript::new(tag::DEAL_LEAF_WEIGHTS)
        .part("statement")
        .part(transcript)
        .part(C::NAME)
        .part(to_bytes(tree))
        .number(keys.len() as u64);
    let all = keys.iter().fold(start, |transcript, key| transcript.list(key.to_bytes())).digest();
    let stem = Transcript::new(tag::DEAL_LEAF_WEIGHTS).part("weight").part(all).stem();
    let weight = |at: u64| {
        let Digest(bytes) = stem.clone().number(at).digest();
        let (high, _) = bytes.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
        u128::from_be_bytes(*high)
    };
    (0..keys.len() as u64).map(|at| if at == 0 { 1 } else { weight(at) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_curve::{Ed25519, Scalar};
    use quorate_sharing::Polynomial;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    type Sharings = (Tree<NodeId>, Vec<Commitments<Ed25519>>, Vec<LeafShares<Ed25519>>);

    fn node(number: u8) -> NodeId {
        NodeId(Digest([number; 32]))
    }

    /// Three keys, and what party 1 holds of them at its two leaves.
    fn sharings() -> Sharings {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let tree: Tree<u8> = "2 of (1, 2, 1)".parse().unwrap();
        let tree = tree.map(|number| node(*number));
        let polynomials: Vec<Polynomial<Ed25519>> =
            (0..3).map(|_| Polynomial::random(&tree, &mut rng)).collect();
        let held = |polynomial: &Polynomial<Ed25519>| {
            let own = tree.rows().into_iter().filter(|row| *row.party == node(1));
            own.map(|row| (row.leaf, polynomial.share(&row).unwrap())).collect()
        };
        let shares = polynomials.iter().map(held).collect();
        let keys = polynomials.iter().map(|all| all.commit().unwrap()).collect();
        (tree, keys, shares)
    }

    /// DEAL-17: whoever lacks the share of one key at one leaf, however many others it has,
    /// proves nothing: the combination needs them all.
    #[test]
    fn neg_093_a_proof_for_many_keys_needs_every_share() {
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        let (tree, keys, shares) = sharings();
        for knowledge in [Knowledge::Each, Knowledge::Combined] {
            let statements =
                LeafStatements::new(&Digest([1; 32]), &tree, &keys, knowledge).unwrap();
            let proofs = statements.prove(&node(1), &shares, &mut rng).unwrap();
            statements.verify(node(1), &proofs).unwrap();
            for (secret, leaf) in [(0, 0), (1, 2), (2, 0)] {
                let (_, _, mut lacking) = sharings();
                let guess = |(at, share): (quorate_access::LeafId, &SecretScalar<_>)| {
                    let off = if at.0 == leaf { Scalar::one() } else { Scalar::zero() };
                    (at, share.plus_public(off))
                };
                lacking[secret] = shares[secret].iter().map(guess).collect();
                let proofs = statements.prove(&node(1), &lacking, &mut rng).unwrap();
                assert!(statements.verify(node(1), &proofs).is_err(), "{secret} {leaf}");
            }
        }
    }

    /// DEAL-17: two wrong shares whose errors cancel in a sum without weights.
    #[test]
    fn neg_093_errors_do_not_cancel() {
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        let (tree, keys, mut shares) = sharings();
        let statements =
            LeafStatements::new(&Digest([1; 32]), &tree, &keys, Knowledge::Combined).unwrap();
        let shifted = |shares: &LeafShares<Ed25519>, by: Scalar<Ed25519>| {
            shares.iter().map(|(leaf, share)| (leaf, share.plus_public(by))).collect()
        };
        shares[1] = shifted(&shares[1], Scalar::one());
        shares[2] = shifted(&shares[2], Scalar::zero() - Scalar::one());
        let proofs = statements.prove(&node(1), &shares, &mut rng).unwrap();
        assert!(statements.verify(node(1), &proofs).is_err());
    }

    /// DEAL-17: the weights depend on the transcript, the tree, the number of keys and every
    /// commitment, and the first is one.
    #[test]
    fn neg_019_weights_are_hashed_from_everything() {
        let (tree, keys, _) = sharings();
        let base = weights(&Digest([1; 32]), &tree, &keys);
        assert_eq!((base.len(), base.first()), (3, Some(&1)));
        let other_tree: Tree<u8> = "2 of (1, 2, 2)".parse().unwrap();
        let other_tree = other_tree.map(|number| node(*number));
        let swapped = [keys[0].clone(), keys[2].clone(), keys[1].clone()];
        let changed = [
            weights(&Digest([2; 32]), &tree, &keys),
            weights(&Digest([1; 32]), &other_tree, &keys),
            weights(&Digest([1; 32]), &tree, &swapped),
            weights(&Digest([1; 32]), &tree, &keys[..2]),
        ];
        for other in changed {
            assert_ne!(other[1], base[1]);
        }
        assert_ne!(base[1], base[2]);
    }
}
