//! Ethereum's keystore, version 3 (Web3 Secret Storage): the scalar under AES-128-CTR, whose key comes
//! from a passphrase by scrypt, checked by a hash of Keccak.

use super::FormError;
use crate::passphrase::Passphrase;
use crate::whole::WholeKey;
use aes::Aes128;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use k256::PublicKey;
use k256::elliptic_curve::sec1::ToEncodedPoint;
use quorate_codec::hex;
use rand_core::CryptoRngCore;
use serde_json::json;
use sha3::{Digest, Keccak256};
use zeroize::Zeroizing;

/// N = 2^18, r = 8, p = 1: what wallets write themselves.
const SCRYPT: (u8, u32, u32) = (18, 8, 1);

/// The key, sealed. Nothing in it is secret without the passphrase.
pub(super) fn text(
    key: &WholeKey,
    passphrase: &Passphrase,
    rng: &mut impl CryptoRngCore,
) -> Result<Zeroizing<String>, FormError> {
    let (mut salt, mut iv, mut id) = ([0; 32], [0; 16], [0; 16]);
    [salt.as_mut_slice(), &mut iv, &mut id].into_iter().for_each(|bytes| rng.fill_bytes(bytes));
    let (log_n, r, p) = SCRYPT;
    let params = scrypt::Params::new(log_n, r, p, 32).map_err(|_| FormError::Memory)?;
    let mut derived = Zeroizing::new([0; 32]);
    scrypt::scrypt(passphrase.as_bytes(), &salt, &params, &mut *derived)
        .map_err(|_| FormError::Memory)?;
    let (cipher_key, mac_key) = derived.split_at(16);
    // In its place, so that no copy of the plain scalar stays behind.
    let mut sealed = key.secret.clone();
    let mut cipher = Ctr128BE::<Aes128>::new_from_slices(cipher_key, &iv);
    cipher.as_mut().map_err(|_| FormError::Memory)?.apply_keystream(&mut *sealed);
    let mac = Keccak256::new_with_prefix(mac_key).chain_update(*sealed).finalize();
    let file = json!({
        "version": 3,
        "id": uuid(id),
        "address": address(key)?,
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": { "iv": digits(&iv) },
            "ciphertext": digits(&*sealed),
            "kdf": "scrypt",
            "kdfparams": { "dklen": 32, "n": 1_u32 << log_n, "p": p, "r": r, "salt": digits(&salt) },
            "mac": digits(&mac),
        },
    });
    Ok(Zeroizing::new(format!("{file}\n")))
}

/// The last 20 bytes of the hash of the public point: by it a wallet finds the key in the file.
fn address(key: &WholeKey) -> Result<String, FormError> {
    // A point that came of a scalar is one.
    let public = PublicKey::from_sec1_bytes(key.point()).map_err(|_| FormError::Memory)?;
    let long = public.to_encoded_point(false);
    let hash = Keccak256::digest(long.as_bytes().get(1..).unwrap_or_default());
    Ok(digits(hash.get(12..).unwrap_or_default()))
}

/// Without the `0x` that such files leave out.
fn digits(bytes: &[u8]) -> String {
    hex::encode(bytes).trim_start_matches("0x").to_owned()
}

/// A random UUID (RFC 9562, version 4).
fn uuid(mut bytes: [u8; 16]) -> String {
    let [.., version, _, variant, _, _, _, _, _, _, _] = &mut bytes;
    *version = (*version & 0x0f) | 0x40;
    *variant = (*variant & 0x3f) | 0x80;
    let digits = digits(&bytes);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}
