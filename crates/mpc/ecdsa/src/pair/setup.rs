//! A finished set-up and its stored form.

use crate::EcdsaError;
use crate::wire::{Reader, scalar_bytes};
use dkls23_core::protocols::re_key::re_key;
use dkls23_core::protocols::{Parameters, Party, PartyIndex};
use dkls23_core::utilities::multiplication::{MulReceiver, MulSender};
use dkls23_core::utilities::ot::extension::{BATCH_SIZE, KAPPA};
use k256_14::{Scalar, Secp256k1};
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

/// One node's half of a set-up with one peer. Secret: whoever has both halves of a set-up, or
/// one half and many failed checks of the other end, learns shares. Wiped when dropped, never
/// printed.
pub struct Setup {
    pub(crate) sender: MulSender<Secp256k1>,
    pub(crate) receiver: MulReceiver<Secp256k1>,
    pub(crate) seed: Zeroizing<[u8; 32]>,
}

const VERSION: u8 = 1;
const TRANSFERS: usize = KAPPA as usize;
const GADGET: usize = BATCH_SIZE as usize;

impl Setup {
    /// Length of the stored form, about 52 KB: version; as sender choice bits, one byte each,
    /// seeds and gadget; as receiver both lists of seeds and gadget; the common seed (ECD-09).
    pub const BYTES: usize =
        1 + TRANSFERS * (1 + 32) + GADGET * 32 + TRANSFERS * 64 + GADGET * 32 + 32;

    /// The stored form, to be sealed. Secret.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(Self::BYTES));
        bytes.push(VERSION);
        bytes.extend(self.sender.ote_sender.correlation.iter().map(|bit| u8::from(*bit)));
        bytes.extend(self.sender.ote_sender.seeds.iter().flatten());
        bytes.extend(self.sender.public_gadget.iter().flat_map(scalar_bytes));
        bytes.extend(self.receiver.ote_receiver.seeds0.iter().flatten());
        bytes.extend(self.receiver.ote_receiver.seeds1.iter().flatten());
        bytes.extend(self.receiver.public_gadget.iter().flat_map(scalar_bytes));
        bytes.extend_from_slice(self.seed.as_slice());
        bytes
    }

    /// The inverse of [`to_bytes`](Self::to_bytes).
    ///
    /// # Errors
    /// [`crate::Fault::Machine`]: the store is damaged or from another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EcdsaError> {
        let damaged = || EcdsaError::machine("a stored pair set-up is damaged");
        if bytes.len() != Self::BYTES {
            return Err(damaged());
        }
        Self::read(&mut Reader(bytes)).ok_or_else(damaged)
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        if reader.bytes()? != [VERSION] {
            return None;
        }
        let (mut sender, mut receiver) = blank()?;
        sender.ote_sender.correlation.zeroize();
        for _ in 0..TRANSFERS {
            sender.ote_sender.correlation.push(match reader.bytes()? {
                [0] => false,
                [1] => true,
                _ => return None,
            });
        }
        sender.ote_sender.seeds = reader.arrays(TRANSFERS)?;
        sender.public_gadget = reader.scalars(GADGET)?;
        receiver.ote_receiver.seeds0 = reader.arrays(TRANSFERS)?;
        receiver.ote_receiver.seeds1 = reader.arrays(TRANSFERS)?;
        receiver.public_gadget = reader.scalars(GADGET)?;
        Some(Self { sender, receiver, seed: Zeroizing::new(reader.bytes()?) })
    }
}

/// Halves to be overwritten. The library builds them only in a set-up or in its trusted dealer;
/// the dealer's, of a key that nobody uses, costs a millisecond instead of hundreds.
fn blank() -> Option<(MulSender<Secp256k1>, MulReceiver<Secp256k1>)> {
    let two = Parameters::new(2, 2).ok()?;
    let (mut parties, _) =
        re_key::<Secp256k1>(&two, b"blank", &Scalar::ONE, None, |_| String::new());
    let party: &mut Party<Secp256k1> = parties.first_mut()?;
    let other = PartyIndex::new(2).ok()?;
    Some((party.mul_senders.remove(&other)?, party.mul_receivers.remove(&other)?))
}

impl fmt::Debug for Setup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Setup(secret)")
    }
}
