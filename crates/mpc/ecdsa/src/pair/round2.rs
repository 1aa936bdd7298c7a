//! Round 2: both ends reveal their half of the common seed, from which shares of zero are made.

use crate::pair::round1::ZeroHalf;
use crate::pair::{Plan, Setup};
use crate::wire::{self, Reader};
use crate::{EcdsaError, Fault};
use dkls23_core::protocols::PartyIndex;
use dkls23_core::utilities::multiplication::{MulReceiver, MulSender};
use dkls23_core::utilities::zero_shares::ZeroShare;
use k256_14::Secp256k1;
use quorate_codec::{Transcript, tag};
use quorate_identity::NodeId;
use zeroize::Zeroizing;

/// Waits for the other's half of the seed.
pub struct ExpectReveal {
    plan: Plan,
    sender: MulSender<Secp256k1>,
    receiver: MulReceiver<Secp256k1>,
    seed: Zeroizing<[u8; 32]>,
    commitment: [u8; 32],
}

const SALT_BYTES: usize = 64;

pub(super) fn reveal(
    plan: Plan,
    sender: MulSender<Secp256k1>,
    receiver: MulReceiver<Secp256k1>,
    zero: ZeroHalf,
    commitment: [u8; 32],
) -> (ExpectReveal, Vec<u8>) {
    let item = [zero.seed.as_slice(), &zero.salt].concat();
    let message = wire::encode(plan.context, [item]);
    (ExpectReveal { plan, sender, receiver, seed: zero.seed, commitment }, message)
}

/// What a commitment to a half seed is bound to: the run and the direction.
pub(super) fn zero_context(plan: &Plan, committer: NodeId) -> [u8; 32] {
    Transcript::new(tag::PAIR_CONTEXT).part("zero").part(plan.context).part(committer).digest().0
}

impl ExpectReveal {
    /// From whom a message is awaited.
    pub fn awaits(&self) -> NodeId {
        self.plan.peer
    }

    /// Opens the other's commitment: the set-up is ready.
    ///
    /// # Errors
    /// A malformed message or a commitment that does not open, the peer's fault (ECD-08).
    pub fn handle(self, bytes: &[u8]) -> Result<Setup, EcdsaError> {
        let peer = self.plan.peer;
        let items = wire::decode(bytes, peer, self.plan.context, 1, 32 + SALT_BYTES)?;
        let malformed = || EcdsaError::malformed(peer);
        let mut reader = Reader(items.first().ok_or_else(malformed)?);
        let theirs = Zeroizing::new(reader.bytes::<32>().ok_or_else(malformed)?);
        let salt: [u8; SALT_BYTES] = reader.bytes().ok_or_else(malformed)?;
        let context = zero_context(&self.plan, peer);
        if !ZeroShare::verify_bound_seed(&theirs, &context, &self.commitment, &salt) {
            let fault = Fault::Peers(vec![peer]);
            return Err(EcdsaError { fault, reason: "a commitment does not open" });
        }
        let (me, other) = (self.plan.index(self.plan.me)?, self.plan.index(peer)?);
        let seed = common_seed(me, other, &self.seed, &theirs);
        Ok(Setup { sender: self.sender, receiver: self.receiver, seed })
    }
}

fn common_seed(
    me: PartyIndex,
    other: PartyIndex,
    ours: &[u8; 32],
    theirs: &[u8; 32],
) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(ZeroShare::generate_seed_pair(me, other, ours, theirs).seed)
}
