//! Round 1: a nonce point is committed to, and the transfers of the multiplication are extended.
//! Nothing here depends on the key share.

use crate::EcdsaError;
use crate::sign::{ExpectProducts, Letters, Session, round2};
use crate::wire::Reader;
use dkls23_core::protocols::signing::{KeepPhase1to2, SignData, TransmitPhase1to2, UniqueKeep1to2};
use dkls23_core::protocols::{PartiesMessage, PartyIndex};
use dkls23_core::utilities::ot::extension::{
    EXTENDED_BATCH_SIZE, KAPPA, OT_SECURITY, OTEDataToSender,
};
use k256_14::Secp256k1;
use quorate_identity::NodeId;
use std::collections::BTreeMap;

/// Waits for the commitments of all other parties.
pub struct ExpectCommitments {
    session: Session,
    signings: Vec<Signing>,
}

/// One digest's state. The nonce in it is used once and wiped.
struct Signing {
    data: SignData,
    unique: UniqueKeep1to2<Secp256k1>,
    kept: BTreeMap<PartyIndex, KeepPhase1to2<Secp256k1>>,
}

const ROW_BYTES: usize = EXTENDED_BATCH_SIZE as usize / 8;
const CHECK_BYTES: usize = OT_SECURITY as usize / 8;
const ROWS: usize = KAPPA as usize;
/// Session binding, commitment, nonce of the extension, its matrix, its check values: 26 746 bytes.
const ITEM_BYTES: usize = 32 + 32 + 32 + ROWS * ROW_BYTES + CHECK_BYTES + ROWS * CHECK_BYTES;

pub(super) fn commit(
    session: Session,
    digests: &[[u8; 32]],
) -> Result<(ExpectCommitments, Letters), EcdsaError> {
    let mut signings = Vec::with_capacity(digests.len());
    let mut items = Vec::with_capacity(digests.len());
    for (position, digest) in digests.iter().enumerate() {
        let data = session.signing(position, digest);
        let (unique, kept, messages) =
            session.party.sign_phase1(&data).map_err(|abort| session.judge(&abort))?;
        items.push(messages.iter().map(|m| (m.parties.receiver, write(m))).collect());
        signings.push(Signing { data, unique, kept });
    }
    let letters = session.letters(items);
    Ok((ExpectCommitments { session, signings }, letters))
}

impl ExpectCommitments {
    /// From whom a message is awaited, ascending.
    pub fn awaits(&self) -> Vec<NodeId> {
        self.session.others()
    }

    /// Checks the extensions, multiplies as sender, opens the nonce points.
    ///
    /// # Errors
    /// A malformed message is its sender's fault; a failed check is cheating.
    pub fn handle(self, messages: &Letters) -> Result<(ExpectProducts, Letters), EcdsaError> {
        let Self { session, signings } = self;
        let received = session.read(messages, signings.len(), ITEM_BYTES, read)?;
        let mut next = Vec::with_capacity(signings.len());
        let mut items = Vec::with_capacity(signings.len());
        for (signing, received) in signings.into_iter().zip(received) {
            let Signing { data, unique, kept } = signing;
            let (unique, kept, messages) = session
                .party
                .sign_phase2(&data, unique, kept, &received)
                .map_err(|abort| session.judge(&abort))?;
            items.push(messages.iter().map(|m| (m.parties.receiver, round2::write(m))).collect());
            next.push(round2::Signing { data, unique, kept });
        }
        let letters = session.letters(items);
        Ok((ExpectProducts { session, signings: next }, letters))
    }
}

fn write(message: &TransmitPhase1to2) -> Vec<u8> {
    let extension = &message.mul_transmit;
    let mut bytes = Vec::with_capacity(ITEM_BYTES);
    bytes.extend_from_slice(&message.session_binding);
    bytes.extend_from_slice(&message.commitment);
    bytes.extend_from_slice(&extension.nonce);
    bytes.extend(extension.u.iter().flatten());
    bytes.extend_from_slice(&extension.verify_x);
    bytes.extend(extension.verify_t.iter().flatten());
    bytes
}

fn read(parties: PartiesMessage, reader: &mut Reader<'_>) -> Option<TransmitPhase1to2> {
    Some(TransmitPhase1to2 {
        parties,
        session_binding: reader.bytes()?,
        commitment: reader.bytes()?,
        mul_transmit: OTEDataToSender {
            nonce: reader.bytes()?,
            u: reader.arrays(ROWS)?,
            verify_x: reader.bytes()?,
            verify_t: reader.arrays(ROWS)?,
        },
    })
}
