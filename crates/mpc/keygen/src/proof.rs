//! Proof of knowledge of a discrete logarithm, from which the logarithm can be read off the
//! prover's hash queries: randomized Fischlin over Schnorr (Kondi and shelat, ePrint 2022/393;
//! `docs/adr/0002-proofs-of-possession.md`).
//!
//! A Schnorr proof has first message R = k G, challenge e, response z = k + e x. Here many run
//! in parallel, and each counts only if a hash of everything, e and z ends in zeros. To find
//! such answers the prover must hash several challenges of one R, and two answered challenges
//! reveal x to whoever watches the queries, without rewinding.

use minicbor::{Decode, Encode};
use quorate_codec::tag::{self, Tag};
use quorate_codec::{Digest, Stem, Transcript};
use quorate_curve::{Curve, NonIdentity, Point, Scalar, SecretScalar, ShortMultiples};
use quorate_identity::NodeId;
use quorate_sharing::Commitments;
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

/// The parameters of the proof; constants, because a proof with fewer repetitions or shorter
/// challenges is no proof (DEAL-06).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters;

impl Parameters {
    /// Parallel runs of Schnorr's protocol.
    pub const REPETITIONS: usize = 22;
    /// Zero bits that the hash of each run must begin with.
    pub const TARGET_BITS: usize = 6;
    /// Bits of a challenge.
    pub const CHALLENGE_BITS: usize = 16;
    /// After Q hash queries a prover that does not know the logarithm has succeeded with
    /// probability at most Q · 2^-132.
    pub const SOUNDNESS_BITS: usize = Self::REPETITIONS * Self::TARGET_BITS;
    /// Challenges tried in one run before all begin anew: with probability below 2^-365 for all.
    const DRAWS_MAX: usize = 1 << 14;
}

const _: () = assert!(Parameters::SOUNDNESS_BITS >= 128 && Parameters::TARGET_BITS <= 8);
const _: () = assert!(Parameters::CHALLENGE_BITS == u16::BITS as usize);

/// With tag, statement and four lengths, two blocks of SHA-256.
const FILL_BYTES: usize = 50;

const ANSWER_BYTES: usize = 2 + 32;
const PROOF_BYTES: usize = Parameters::REPETITIONS * ANSWER_BYTES;

/// What is proven: `prover` knows the discrete logarithm of `public`. Every field enters every
/// hash (DEAL-07, N-19).
#[derive(Debug, Clone)]
pub(crate) struct Statement<'a, C: Curve> {
    /// What the proof is for; no two purposes share a tag (N-22).
    pub(crate) purpose: Tag,
    /// The run or transcript that it belongs to.
    pub(crate) run: Digest,
    /// Who proves.
    pub(crate) prover: NodeId,
    /// Which of the prover's proofs it is.
    pub(crate) slot: u64,
    /// All commitments of the sharing that the point belongs to.
    pub(crate) sharing: &'a Commitments<C>,
    /// The point.
    pub(crate) public: NonIdentity<C>,
}

/// A proof: for each repetition the challenge, two bytes big-endian, and the canonical response.
/// The first messages follow from them. Public; the same number of bytes always.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Proof(#[cbor(n(0), with = "minicbor::bytes")] [u8; PROOF_BYTES]);

impl Proof {
    /// Length of its canonical encoding.
    pub(crate) const ENCODED_BYTES: usize = 3 + PROOF_BYTES;

    /// Proves the statement with its witness. Variable time in the number of challenges tried,
    /// which is independent of the witness.
    pub(crate) fn prove<C: Curve>(
        statement: &Statement<'_, C>,
        witness: &SecretScalar<C>,
        rng: &mut impl CryptoRngCore,
    ) -> Self {
        loop {
            if let Some(proof) = attempt(statement, witness, rng) {
                return proof;
            }
        }
    }

    /// Whether this proves the statement (DEAL-23).
    pub(crate) fn verifies<C: Curve>(&self, statement: &Statement<'_, C>) -> bool {
        let Some(answers) = self.answers::<C>() else { return false };
        let multiples = ShortMultiples::new(statement.public.point());
        let firsts: Option<Vec<NonIdentity<C>>> = answers
            .iter()
            .map(|(challenge, response)| {
                let first = response.commit() - multiples.times(*challenge);
                first.non_identity().ok()
            })
            .collect();
        let Some(firsts) = firsts else { return false };
        let trial = Trial::new(statement, &firsts);
        (0..)
            .zip(&answers)
            .all(|(run, (challenge, response))| trial.hits(run, *challenge, &response.to_bytes()))
    }

    fn answers<C: Curve>(&self) -> Option<Vec<(u16, Scalar<C>)>> {
        let (answers, _) = self.0.as_chunks::<ANSWER_BYTES>();
        let read = |answer: &[u8; ANSWER_BYTES]| {
            let (challenge, response) = answer.split_first_chunk::<2>()?;
            Some((u16::from_be_bytes(*challenge), Scalar::from_bytes(response).ok()?))
        };
        answers.iter().map(read).collect()
    }
}

/// One attempt: fresh first messages, then for each a challenge whose hash hits.
fn attempt<C: Curve>(
    statement: &Statement<'_, C>,
    witness: &SecretScalar<C>,
    rng: &mut impl CryptoRngCore,
) -> Option<Proof> {
    let nonces: Vec<SecretScalar<C>> =
        (0..Parameters::REPETITIONS).map(|_| SecretScalar::random(rng)).collect();
    let firsts: Option<Vec<NonIdentity<C>>> =
        nonces.iter().map(|nonce| nonce.commit().non_identity().ok()).collect();
    let trial = Trial::new(statement, &firsts?);
    let mut bytes = [0; PROOF_BYTES];
    let (answers, _) = bytes.as_chunks_mut::<ANSWER_BYTES>();
    for ((run, nonce), answer) in (0..).zip(&nonces).zip(answers) {
        let (challenge, response) = trial.search(run, nonce, witness, rng)?;
        let (first, second) = answer.split_first_chunk_mut::<2>()?;
        *first = challenge.to_be_bytes();
        second.copy_from_slice(response.as_ref());
    }
    Some(Proof(bytes))
}

/// The hash that decides which challenges count.
struct Trial(Stem);

impl Trial {
    /// Binds the curve with its generator, the parameters, the whole statement and all first
    /// messages.
    fn new<C: Curve>(statement: &Statement<'_, C>, firsts: &[NonIdentity<C>]) -> Self {
        let generator = Point::<C>::generator().non_identity().map(|point| point.to_bytes());
        let all = Transcript::new(statement.purpose)
            .part(C::NAME)
            .part(generator.unwrap_or_default())
            .number(Parameters::REPETITIONS as u64)
            .number(Parameters::TARGET_BITS as u64)
            .number(Parameters::CHALLENGE_BITS as u64)
            .part(statement.run)
            .part(statement.prover)
            .number(statement.slot)
            .list(statement.sharing.to_bytes())
            .part(statement.public.to_bytes())
            .list(NonIdentity::all_to_bytes(firsts))
            .digest();
        // Ends with a block of the hash, so that a trial takes one more block and not two.
        Self(Transcript::new(tag::PROOF_TRIAL).part(all).part([0; FILL_BYTES]).stem())
    }

    /// Draws challenges, uniformly with repetition, until one hits: in random order, so that
    /// which challenge is found says nothing about those that were not tried.
    ///
    /// Responses that miss stay secret: two to one first message reveal the witness.
    fn search<C: Curve>(
        &self,
        run: u8,
        nonce: &SecretScalar<C>,
        witness: &SecretScalar<C>,
        rng: &mut impl CryptoRngCore,
    ) -> Option<(u16, Zeroizing<[u8; 32]>)> {
        (0..Parameters::DRAWS_MAX).find_map(|_| {
            // The low half of 32 uniform bits.
            let challenge = (rng.next_u32() & u32::from(u16::MAX)) as u16;
            let response = witness.response(nonce, challenge);
            self.hits(run, challenge, &response).then_some((challenge, response))
        })
    }

    /// One part of 35 bytes: with the padding, one block of the hash.
    fn hits(&self, run: u8, challenge: u16, response: &[u8; 32]) -> bool {
        let mut trial = Zeroizing::new([0; 35]);
        let (first, rest) = trial.split_at_mut(1);
        let (second, third) = rest.split_at_mut(2);
        first.copy_from_slice(&[run]);
        second.copy_from_slice(&challenge.to_be_bytes());
        third.copy_from_slice(response);
        let Digest([first, ..]) = self.0.clone().part(trial.as_ref()).digest();
        first.leading_zeros() as usize >= Parameters::TARGET_BITS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use quorate_curve::{Ed25519, Secp256k1};
    use quorate_sharing::Polynomial;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    fn rng() -> ChaCha20Rng {
        ChaCha20Rng::seed_from_u64(5)
    }

    fn node(number: u8) -> NodeId {
        NodeId(Digest([number; 32]))
    }

    fn sharing<C: Curve>(rng: &mut ChaCha20Rng) -> (Polynomial<C>, Commitments<C>) {
        let tree: quorate_access::Tree<u8> = "2 of (1, 2, 3)".parse().unwrap();
        let polynomial = Polynomial::random(&tree, rng);
        let commitments = polynomial.commit().unwrap();
        (polynomial, commitments)
    }

    fn statement<C: Curve>(sharing: &Commitments<C>) -> Statement<'_, C> {
        Statement {
            purpose: tag::DEAL_POP,
            run: Digest([1; 32]),
            prover: node(2),
            slot: 3,
            sharing,
            public: sharing.constant().non_identity().unwrap(),
        }
    }

    fn proven<C: Curve>() -> (Commitments<C>, Proof) {
        let mut rng = rng();
        let (polynomial, commitments) = sharing(&mut rng);
        let witness = polynomial.constant().unwrap();
        let proof = Proof::prove(&statement(&commitments), witness, &mut rng);
        (commitments, proof)
    }

    /// DEAL-06, DEAL-23.
    #[test]
    fn a_proof_verifies_and_has_its_length() {
        let (commitments, proof) = proven::<Secp256k1>();
        assert!(proof.verifies(&statement(&commitments)));
        assert_eq!(quorate_codec::to_bytes(&proof).len(), Proof::ENCODED_BYTES);
        assert_eq!(Parameters::SOUNDNESS_BITS, 132);
        let (commitments, proof) = proven::<Ed25519>();
        assert!(proof.verifies(&statement(&commitments)));
    }

    /// DEAL-07: each field alone is changed, and the proof no longer holds.
    #[test]
    fn neg_019_every_field_of_a_statement_is_in_the_hash() {
        let (commitments, proof) = proven::<Ed25519>();
        let honest = statement(&commitments);
        let tree: quorate_access::Tree<u8> = "2 of (1, 2, 3)".parse().unwrap();
        let with_column = |column: usize| {
            let points = commitments.to_bytes();
            let read = |bytes: &Vec<u8>| NonIdentity::from_bytes(bytes).unwrap().point();
            let mut points: Vec<Point<Ed25519>> = points.iter().map(read).collect();
            points[column] = points[column] + Point::generator();
            Commitments::new(&tree, points).unwrap()
        };
        let others = [with_column(0), with_column(1)];
        let generator = Point::generator().non_identity().unwrap();
        for changed in [
            Statement { purpose: tag::DEAL_LEAF_POK, ..honest.clone() },
            Statement { run: Digest([2; 32]), ..honest.clone() },
            Statement { prover: node(3), ..honest.clone() },
            Statement { slot: 4, ..honest.clone() },
            Statement { sharing: &others[0], ..honest.clone() },
            Statement { sharing: &others[1], ..honest.clone() },
            Statement { public: generator, ..honest.clone() },
        ] {
            assert!(!proof.verifies(&changed), "{changed:?}");
        }
        assert!(proof.verifies(&honest));
    }

    /// DEAL-07: the same logarithm on another curve.
    #[test]
    fn neg_019_the_curve_and_its_generator_are_in_the_hash() {
        let mut rng = rng();
        let (_, ours) = sharing::<Secp256k1>(&mut rng);
        let firsts = [ours.constant().non_identity().unwrap()];
        let base = Trial::new(&statement(&ours), &firsts).0.digest();
        let mut more = statement(&ours);
        more.slot += 1;
        assert_ne!(Trial::new(&more, &firsts).0.digest(), base);
        let (_, theirs) = sharing::<quorate_curve::P256>(&mut rng);
        let their_firsts = [theirs.constant().non_identity().unwrap()];
        assert_ne!(Trial::new(&statement(&theirs), &their_firsts).0.digest(), base);
    }

    /// DEAL-23: no first message can be left out or added.
    #[test]
    fn neg_019_all_first_messages_are_in_the_hash() {
        let (_, commitments) = sharing::<Ed25519>(&mut rng());
        let one = commitments.constant().non_identity().unwrap();
        let two = Point::generator().non_identity().unwrap();
        let digest = |firsts: &[NonIdentity<Ed25519>]| {
            Trial::new(&statement(&commitments), firsts).0.digest()
        };
        let all = [digest(&[one]), digest(&[two]), digest(&[one, two]), digest(&[two, one])];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), 4);
    }

    /// DEAL-07: proofs of possession and of leaf shares never stand for each other, though the
    /// point, its logarithm and all else are the same.
    #[test]
    fn neg_022_a_proof_serves_one_purpose() {
        let mut rng = rng();
        let (polynomial, commitments) = sharing::<Ed25519>(&mut rng);
        let witness = polynomial.constant().unwrap();
        let possession = statement(&commitments);
        let leaf = Statement { purpose: tag::DEAL_LEAF_POK, ..possession.clone() };
        for (made, other) in [(&possession, &leaf), (&leaf, &possession)] {
            let proof = Proof::prove(made, witness, &mut rng);
            assert!(proof.verifies(made));
            assert!(!proof.verifies(other));
        }
    }

    /// DEAL-23: a prover without the logarithm, who answers as simulators do.
    #[test]
    fn neg_023_answers_without_the_logarithm_miss() {
        let (commitments, _) = proven::<Ed25519>();
        let mut rng = ChaCha20Rng::seed_from_u64(6);
        let other = SecretScalar::random(&mut rng);
        let proof = Proof::prove(&statement(&commitments), &other, &mut rng);
        assert!(!proof.verifies(&statement(&commitments)));
        assert!(!Proof([0; PROOF_BYTES]).verifies(&statement(&commitments)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// DEAL-23: a proof has one form.
        #[test]
        fn neg_009_a_changed_proof_is_none(at in 0..PROOF_BYTES, flip in 1_u8..) {
            let (commitments, mut proof) = proven::<Ed25519>();
            proof.0[at] ^= flip;
            prop_assert!(!proof.verifies(&statement(&commitments)));
        }
    }
}
