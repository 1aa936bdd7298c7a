//! Round 3: the parts are summed to signatures, and only what verifies comes out.

use crate::error::last_check;
use crate::sign::{Letters, Session};
use crate::wire::{Reader, scalar_bytes};
use crate::{EcdsaError, Signature, verify};
use dkls23_core::protocols::PartiesMessage;
use dkls23_core::protocols::signing::{Broadcast3to4, SignData};
use k256_14::Secp256k1;
use quorate_identity::NodeId;

/// Waits for the parts of all other parties.
pub struct ExpectParts {
    pub(super) session: Session,
    pub(super) signings: Vec<Signing>,
}

/// One digest's state: the x-coordinate of the nonce point in hex, as the library wants it back,
/// and this node's part.
pub(super) struct Signing {
    pub data: SignData,
    pub nonce_x: String,
    pub part: Broadcast3to4<Secp256k1>,
}

const ITEM_BYTES: usize = 64;

impl ExpectParts {
    /// From whom a message is awaited, ascending.
    pub fn awaits(&self) -> Vec<NodeId> {
        self.session.others()
    }

    /// Sums the parts. Either all signatures come out, in order, or none.
    ///
    /// # Errors
    /// A malformed message is its sender's fault. Where the sum is no signature, the other
    /// party's; among three or more it cannot be told whose. The caller tries again with a fresh
    /// session; nothing is ever adjusted until it verifies (N-12).
    pub fn handle(self, messages: &Letters) -> Result<Vec<Signature>, EcdsaError> {
        let Self { session, signings } = self;
        let received = session.read(messages, signings.len(), ITEM_BYTES, read)?;
        let sign = |(signing, mut parts): (Signing, Vec<Broadcast3to4<Secp256k1>>)| {
            let Signing { data, nonce_x, part } = signing;
            parts.push(part);
            let (s, _) = session
                .party
                .sign_phase4(&data, &nonce_x, &parts, true)
                .map_err(|abort| session.judge(&abort))?;
            finish(&session, &data, &nonce_x, &s)
        };
        signings.into_iter().zip(received).map(sign).collect()
    }
}

/// Verifies once more, with another library than the one that made it.
fn finish(
    session: &Session,
    data: &SignData,
    nonce_x: &str,
    s: &str,
) -> Result<Signature, EcdsaError> {
    let failed = || last_check(&session.others(), "no valid signature came out");
    let bytes: [u8; 64] =
        quorate_codec::hex::decode_array(&format!("0x{nonce_x}{s}")).map_err(|_| failed())?;
    verify(&session.public_key, &data.message_hash, &bytes).map_err(|_| failed())
}

pub(super) fn write(part: &Broadcast3to4<Secp256k1>) -> Vec<u8> {
    [scalar_bytes(&part.u), scalar_bytes(&part.w)].concat()
}

fn read(_: PartiesMessage, reader: &mut Reader<'_>) -> Option<Broadcast3to4<Secp256k1>> {
    Some(Broadcast3to4 { u: reader.scalar()?, w: reader.scalar()? })
}
