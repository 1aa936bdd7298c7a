//! Round 2: nonce and key share are multiplied across each pair, and everything that was
//! multiplied is checked against the opened points.

use crate::EcdsaError;
use crate::sign::{ExpectParts, Letters, Session, round3};
use crate::wire::{self, Reader, point_bytes, scalar_bytes};
use dkls23_core::protocols::signing::{KeepPhase2to3, SignData, TransmitPhase2to3, UniqueKeep2to3};
use dkls23_core::protocols::{PartiesMessage, PartyIndex};
use dkls23_core::utilities::multiplication::{L, MulDataToReceiver, OT_WIDTH};
use dkls23_core::utilities::ot::extension::BATCH_SIZE;
use k256_14::Secp256k1;
use quorate_identity::NodeId;
use std::collections::BTreeMap;

/// Waits for the products of all other parties.
pub struct ExpectProducts {
    pub(super) session: Session,
    pub(super) signings: Vec<Signing>,
}

/// One digest's state. The nonce in it is used once and wiped.
pub(super) struct Signing {
    pub data: SignData,
    pub unique: UniqueKeep2to3<Secp256k1>,
    pub kept: BTreeMap<PartyIndex, KeepPhase2to3<Secp256k1>>,
}

const SALT_BYTES: usize = 64;
const INPUTS: usize = L as usize;
const WIDTH: usize = OT_WIDTH as usize;
const BATCH: usize = BATCH_SIZE as usize;
/// Session binding; two checks, psi, public share, nonce point, its salt; corrections, salt and
/// check values of the multiplication: 53 700 bytes.
const ITEM_BYTES: usize =
    32 + 2 * 33 + 32 + 2 * 33 + SALT_BYTES + WIDTH * BATCH * 32 + 32 + 32 + 2 * INPUTS * 32;

impl ExpectProducts {
    /// From whom a message is awaited, ascending.
    pub fn awaits(&self) -> Vec<NodeId> {
        self.session.others()
    }

    /// Checks every product and computes this node's part of the signatures, the first value
    /// that depends on its key share and leaves for all: the same bytes for everybody.
    ///
    /// # Errors
    /// A malformed message is its sender's fault; a failed check is cheating.
    pub fn handle(self, messages: &Letters) -> Result<(ExpectParts, Vec<u8>), EcdsaError> {
        let Self { session, signings } = self;
        let received = session.read(messages, signings.len(), ITEM_BYTES, read)?;
        let mut next = Vec::with_capacity(signings.len());
        for (signing, received) in signings.into_iter().zip(received) {
            let Signing { data, unique, kept } = signing;
            let (nonce_x, part) = session
                .party
                .sign_phase3(&data, unique, kept, &received)
                .map_err(|abort| session.judge(&abort))?;
            next.push(round3::Signing { data, nonce_x, part });
        }
        let message = wire::encode(session.run, next.iter().map(|s| round3::write(&s.part)));
        Ok((ExpectParts { session, signings: next }, message))
    }
}

pub(super) fn write(message: &TransmitPhase2to3<Secp256k1>) -> Vec<u8> {
    let product = &message.mul_transmit;
    let mut bytes = Vec::with_capacity(ITEM_BYTES);
    bytes.extend_from_slice(&message.session_binding);
    bytes.extend_from_slice(&point_bytes(&message.gamma_u));
    bytes.extend_from_slice(&point_bytes(&message.gamma_v));
    bytes.extend_from_slice(&scalar_bytes(&message.psi));
    bytes.extend_from_slice(&point_bytes(&message.public_share));
    bytes.extend_from_slice(&point_bytes(&message.instance_point));
    bytes.extend_from_slice(&message.salt);
    bytes.extend(product.vector_of_tau.iter().flatten().flat_map(scalar_bytes));
    bytes.extend_from_slice(&product.ote_salt);
    bytes.extend_from_slice(&product.verify_r);
    bytes.extend(product.verify_u.iter().flat_map(scalar_bytes));
    bytes.extend(product.gamma_sender.iter().flat_map(scalar_bytes));
    bytes
}

fn read(parties: PartiesMessage, reader: &mut Reader<'_>) -> Option<TransmitPhase2to3<Secp256k1>> {
    Some(TransmitPhase2to3 {
        parties,
        session_binding: reader.bytes()?,
        gamma_u: reader.point()?,
        gamma_v: reader.point()?,
        psi: reader.scalar()?,
        public_share: reader.point()?,
        instance_point: reader.point()?,
        salt: reader.bytes::<SALT_BYTES>()?.to_vec(),
        mul_transmit: MulDataToReceiver {
            vector_of_tau: (0..WIDTH).map(|_| reader.scalars(BATCH)).collect::<Option<_>>()?,
            ote_salt: reader.bytes()?,
            verify_r: reader.bytes()?,
            verify_u: reader.scalars(INPUTS)?,
            gamma_sender: reader.scalars(INPUTS)?,
        },
    })
}
