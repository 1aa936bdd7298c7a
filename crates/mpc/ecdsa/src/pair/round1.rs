//! Round 1: both ends run the base transfers, each once as sender and once as receiver, and
//! commit to half of the common seed.

use crate::pair::{ExpectReveal, Plan, round2};
use crate::wire::{self, Reader, point_bytes, scalar_bytes};
use crate::{EcdsaError, Fault};
use dkls23_core::utilities::multiplication::{MulReceiver, MulSender};
use dkls23_core::utilities::ot::base::{OTReceiver, OTSender, Seed};
use dkls23_core::utilities::ot::extension::KAPPA;
use dkls23_core::utilities::proofs::{
    CPProof, DLogProof, EncProof, InteractiveDLogProof, R, RandomCommitments, T,
};
use dkls23_core::utilities::zero_shares::ZeroShare;
use k256_14::{AffinePoint, ProjectivePoint, Scalar, Secp256k1};
use zeroize::{Zeroize, Zeroizing};

/// Waits for the other's first message. Holds the secrets of the base transfers.
pub struct ExpectOffer {
    plan: Plan,
    receiving: Receiving,
    sending: Sending,
    zero: ZeroHalf,
}

/// As receiver of multiplications, hence sender of base transfers.
struct Receiving {
    sender: OTSender<Secp256k1>,
    nonce: Scalar,
}

/// As sender of multiplications, hence receiver of base transfers.
struct Sending {
    receiver: OTReceiver,
    correlation: Vec<bool>,
    secrets: Vec<Scalar>,
}

/// This node's half of the common seed.
pub(super) struct ZeroHalf {
    pub seed: Zeroizing<[u8; 32]>,
    pub salt: Vec<u8>,
}

/// What the other end sent.
struct Offer {
    proof: DLogProof<Secp256k1>,
    nonce: Scalar,
    seed: Seed,
    encryptions: Vec<EncProof<Secp256k1>>,
    commitment: [u8; 32],
}

pub(super) fn offer(plan: Plan) -> (ExpectOffer, Vec<u8>) {
    let (sender, proof, nonce) = MulReceiver::<Secp256k1>::init_phase1(&plan.session(plan.me));
    let (receiver, correlation, secrets, encryptions) =
        MulSender::<Secp256k1>::init_phase1(&plan.session(plan.peer));
    let (seed, commitment, salt) =
        ZeroShare::generate_seed_with_bound_commitment(&round2::zero_context(&plan, plan.me));
    let offer = Offer { proof, nonce, seed: receiver.seed, encryptions, commitment };
    let message = wire::encode(plan.context, [offer.to_bytes()]);
    let expect = ExpectOffer {
        plan,
        receiving: Receiving { sender, nonce },
        sending: Sending { receiver, correlation, secrets },
        zero: ZeroHalf { seed: Zeroizing::new(seed), salt },
    };
    (expect, message)
}

impl ExpectOffer {
    /// From whom a message is awaited.
    pub fn awaits(&self) -> quorate_identity::NodeId {
        self.plan.peer
    }

    /// Finishes the base transfers and reveals the half seed.
    ///
    /// # Errors
    /// A malformed message is the peer's fault (ECD-06); a proof that does not hold is cheating
    /// (ECD-07).
    pub fn handle(self, bytes: &[u8]) -> Result<(ExpectReveal, Vec<u8>), EcdsaError> {
        let Self { plan, receiving, sending, zero } = self;
        let items = wire::decode(bytes, plan.peer, plan.context, 1, Offer::BYTES)?;
        let offer = items
            .first()
            .and_then(|item| Offer::from_bytes(item))
            .ok_or_else(|| EcdsaError::malformed(plan.peer))?;
        let cheating = |_| EcdsaError {
            fault: Fault::Cheater(plan.peer),
            reason: "a proof of the base transfers does not hold",
        };
        let receiver = MulReceiver::init_phase2(
            &receiving.sender,
            &plan.session(plan.me),
            &offer.seed,
            &offer.encryptions,
            &receiving.nonce,
        )
        .map_err(cheating)?;
        let sender = MulSender::init_phase2(
            &sending.receiver,
            &plan.session(plan.peer),
            sending.correlation.clone(),
            &sending.secrets,
            &offer.proof,
            &offer.nonce,
        )
        .map_err(cheating)?;
        Ok(round2::reveal(plan, sender, receiver, zero, offer.commitment))
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        self.sender.s.zeroize();
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.correlation.zeroize();
        self.secrets.zeroize();
    }
}

const CHALLENGE_BYTES: usize = T as usize / 8;
const PROOFS: usize = R as usize;
const TRANSFERS: usize = KAPPA as usize;

impl Offer {
    const PROOF_BYTES: usize = 33 + PROOFS * (33 + CHALLENGE_BYTES + 32);
    const ENCRYPTION_BYTES: usize = 7 * 33 + 4 * 32;
    /// Length of the encoding, about 96 KB.
    const BYTES: usize = Self::PROOF_BYTES + 32 + 32 + TRANSFERS * Self::ENCRYPTION_BYTES + 32;

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::BYTES);
        bytes.extend_from_slice(&point_bytes(&self.proof.point));
        for (commitment, proof) in self.proof.rand_commitments.iter().zip(&self.proof.proofs) {
            bytes.extend_from_slice(&point_bytes(commitment));
            bytes.extend_from_slice(&proof.challenge);
            bytes.extend_from_slice(&scalar_bytes(&proof.challenge_response));
        }
        bytes.extend_from_slice(&scalar_bytes(&self.nonce));
        bytes.extend_from_slice(&self.seed);
        for proof in &self.encryptions {
            write_encryption(proof, &mut bytes);
        }
        bytes.extend_from_slice(&self.commitment);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let point = reader.point()?;
        let mut rand_commitments = Vec::with_capacity(PROOFS);
        let mut proofs = Vec::with_capacity(PROOFS);
        for _ in 0..PROOFS {
            rand_commitments.push(reader.point()?);
            let challenge: [u8; CHALLENGE_BYTES] = reader.bytes()?;
            // The response of a proof of nothing with this nonce is the nonce itself: the one
            // way to build the library's type from its parts.
            let response = reader.scalar()?;
            proofs.push(InteractiveDLogProof::prove_step2(&Scalar::ZERO, &response, &challenge));
        }
        Some(Self {
            proof: DLogProof { point, rand_commitments, proofs },
            nonce: reader.scalar()?,
            seed: reader.bytes()?,
            encryptions: (0..TRANSFERS)
                .map(|_| read_encryption(&mut reader))
                .collect::<Option<_>>()?,
            commitment: reader.bytes()?,
        })
    }
}

/// The parts of an encryption proof that the verifier cannot compute itself: base G and the
/// second statement follow from the others.
fn write_encryption(proof: &EncProof<Secp256k1>, bytes: &mut Vec<u8>) {
    let points = [
        &proof.proof0.base_h,
        &proof.proof0.point_u,
        &proof.proof0.point_v,
        &proof.commitments0.rc_g,
        &proof.commitments0.rc_h,
        &proof.commitments1.rc_g,
        &proof.commitments1.rc_h,
    ];
    for point in points {
        bytes.extend_from_slice(&point_bytes(point));
    }
    let scalars = [
        &proof.proof0.challenge_response,
        &proof.proof1.challenge_response,
        &proof.challenge0,
        &proof.challenge1,
    ];
    for scalar in scalars {
        bytes.extend_from_slice(&scalar_bytes(scalar));
    }
}

fn read_encryption(reader: &mut Reader<'_>) -> Option<EncProof<Secp256k1>> {
    let (base_h, first, point_v) = (reader.point()?, reader.point()?, reader.point()?);
    let commitments0 = RandomCommitments { rc_g: reader.point()?, rc_h: reader.point()? };
    let commitments1 = RandomCommitments { rc_g: reader.point()?, rc_h: reader.point()? };
    let second = (ProjectivePoint::from(first) - ProjectivePoint::from(base_h)).to_affine();
    let base_g = AffinePoint::GENERATOR;
    let mut statement = |point_u| {
        let challenge_response = reader.scalar()?;
        Some(CPProof { base_g, base_h, point_u, point_v, challenge_response })
    };
    let (proof0, proof1) = (statement(first)?, statement(second)?);
    Some(EncProof {
        proof0,
        proof1,
        commitments0,
        commitments1,
        challenge0: reader.scalar()?,
        challenge1: reader.scalar()?,
    })
}
