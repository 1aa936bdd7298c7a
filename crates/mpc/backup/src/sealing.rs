//! Encrypting to a key many times: a bundle does so once in every row.

use crate::key::{Ephemerals, Kind, RecoveryKey, Shared, coordinate_of};
use libcrux_ml_kem::mlkem768::MlKem768PublicKey;
use libcrux_ml_kem::mlkem768::portable::unpacked::{
    self as ml_kem, MlKem768PublicKeyUnpacked as MlKemKey,
};
use quorate_curve::{NonIdentity, P256, SecretStream, x25519};
use rand_core::RngCore;
use rsa::oaep::EncryptingKey;
use rsa::traits::RandomizedEncryptor;
use sha1::Sha1;
use sha3::{Digest, Sha3_256};
use x_wing::KeyExport;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, Zeroizing};

/// A key with what follows from it alone, made once. Public.
pub(crate) enum SealingKey {
    Hybrid(Box<Hybrid>),
    X25519(x25519::Multiples),
    P256(NonIdentity<P256>),
    Rsa(EncryptingKey<Sha1>),
}

impl SealingKey {
    /// Cost: little, but for hybrid keys ML-KEM's matrix.
    pub(crate) fn new(key: &RecoveryKey) -> Self {
        match &key.0 {
            Kind::Hybrid(key) => Self::Hybrid(Box::new(Hybrid::new(key))),
            Kind::X25519(key) => Self::X25519(x25519::Multiples::new(key)),
            Kind::P256(key) => Self::P256(*key),
            Kind::Rsa(key) => Self::Rsa(EncryptingKey::new(key.clone())),
        }
    }

    /// A secret shared with whoever holds this key, and what is sent for this key alone; `None` if
    /// nothing can be encrypted to it, which no key that exists is known to be.
    ///
    /// Cost: one X25519 or P-256 multiplication, for hybrid keys two and ML-KEM's encapsulation,
    /// for RSA one exponentiation by 65537.
    pub(crate) fn encapsulate(
        &self,
        ephemerals: &Ephemerals,
        coins: &[u8; 32],
    ) -> Option<(Vec<u8>, Shared)> {
        match self {
            Self::Hybrid(key) => Some(key.encapsulate(coins)),
            Self::X25519(key) => Some((Vec::new(), key.exchange(ephemerals.x25519.as_bytes()))),
            Self::P256(key) => {
                let shared = key.point().secret_mul(&ephemerals.p256);
                coordinate_of(shared).map(|shared| (Vec::new(), shared))
            }
            Self::Rsa(key) => {
                let mut stream = SecretStream::new(coins);
                let mut shared = Shared::default();
                stream.fill_bytes(shared.as_mut());
                let sent = key.encrypt_with_rng(&mut Coins(stream), shared.as_ref()).ok()?;
                Some((sent, shared))
            }
        }
    }
}

/// A key of X-Wing, its parts apart: ML-KEM's with its matrix, which takes as long to make as all
/// the rest of an encapsulation, and X25519's with its multiples.
pub(crate) struct Hybrid {
    ml_kem: MlKemKey,
    x25519: x25519::Multiples,
    coordinate: [u8; 32],
}

impl Hybrid {
    fn new(key: &x_wing::EncapsulationKey) -> Self {
        let key = key.to_bytes();
        let (front, back) = key.split_at(ML_KEM_KEY_BYTES);
        let (mut lattice, mut coordinate) = ([0; ML_KEM_KEY_BYTES], [0; 32]);
        lattice.copy_from_slice(front);
        coordinate.copy_from_slice(back);
        let mut ml_kem = ml_kem::init_public_key();
        // Whoever read this key found all of its coefficients reduced (BAK-17).
        ml_kem::unpacked_public_key(&MlKem768PublicKey::from(lattice), &mut ml_kem);
        Self { ml_kem, x25519: x25519::Multiples::new(&coordinate), coordinate }
    }

    /// Encapsulation as draft-connolly-cfrg-xwing-kem says, 5.4.1, with 64 bytes of coins.
    fn encapsulate(&self, coins: &[u8; 32]) -> (Vec<u8>, Shared) {
        let mut stream = SecretStream::new(coins);
        let (mut for_ml_kem, mut ephemeral) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
        stream.fill_bytes(for_ml_kem.as_mut());
        stream.fill_bytes(ephemeral.as_mut());

        let (sent, mut raw) = ml_kem::encapsulate(&self.ml_kem, *for_ml_kem);
        let shared = Zeroizing::new(raw);
        raw.zeroize();
        let exchanged = self.x25519.exchange(&ephemeral);
        let ephemeral = PublicKey::from(&StaticSecret::from(*ephemeral)).to_bytes();
        let hash = Sha3_256::new()
            .chain_update(shared.as_ref())
            .chain_update(exchanged.as_ref())
            .chain_update(ephemeral)
            .chain_update(self.coordinate)
            .chain_update(LABEL);
        ([sent.as_ref(), &ephemeral].concat(), Zeroizing::new(hash.finalize().into()))
    }
}

/// Length of the part of a hybrid key that is ML-KEM's.
const ML_KEM_KEY_BYTES: usize = x_wing::ENCAPSULATION_KEY_SIZE - 32;

/// X-Wing's label, which draws an X-wing.
const LABEL: &[u8; 6] = br"\.//^\";

/// A deterministic source in the generation of traits that `rsa` speaks. Wiped when dropped.
struct Coins(SecretStream);

impl rsa::rand_core::TryRng for Coins {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.0.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.0.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

impl rsa::rand_core::TryCryptoRng for Coins {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SoftKey, SoftKind};

    /// Another implementation of X-Wing makes the same of the same coins, and opens it.
    #[test]
    fn a_hybrid_encapsulation_is_that_of_another_implementation() {
        for number in 0..8 {
            let secret = x_wing::DecapsulationKey::from([number; 32]);
            let key = x_wing::Decapsulator::encapsulation_key(&secret);
            let soft = SoftKey::from_seed(SoftKind::Hybrid, &[number; 32]);
            let coins = [number ^ 0xff; 32];
            let mut randomness = [0; x_wing::ENCAPSULATION_RANDOMNESS_SIZE];
            SecretStream::new(&coins).fill_bytes(&mut randomness);
            let (sent, shared) = key.encapsulate_deterministic(&randomness.into());

            let ours = Hybrid::new(key).encapsulate(&coins);
            assert_eq!(
                (ours.0.as_slice(), ours.1.as_slice()),
                (sent.as_slice(), shared.as_slice())
            );
            let opened = crate::Opener::open(&soft, &ours.0).unwrap_or_else(|never| match never {});
            assert_eq!(opened, Some(ours.1));
        }
    }
}
