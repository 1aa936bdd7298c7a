//! Base58 with a checksum: extended private keys of BIP-32, and WIF.

use super::{FormError, KeyNetwork, line};
use crate::whole::WholeKey;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Version, depth, parent, child number, chain code, a zero byte, the scalar.
const XPRV_BYTES: usize = 4 + 1 + 4 + 4 + 32 + 1 + 32;
/// Version, the scalar, and the mark of a compressed public key.
const WIF_BYTES: usize = 1 + 32 + 1;
const CHECKSUM_BYTES: usize = 4;
/// 82 bytes are 112 characters; the encoder asks for half as many again as bytes.
const TEXT_BYTES_MAX: usize = 128;

/// A key with nothing above it, as every key of a domain is: made by its nodes, not derived (DER-07).
pub(super) fn xprv(key: &WholeKey, network: KeyNetwork) -> Result<Zeroizing<String>, FormError> {
    let version: [u8; 4] = match network {
        KeyNetwork::Mainnet => [0x04, 0x88, 0xad, 0xe4],
        KeyNetwork::Testnet => [0x04, 0x35, 0x83, 0x94],
    };
    let above = [0; 1 + 4 + 4];
    text::<{ XPRV_BYTES + CHECKSUM_BYTES }>(&[
        &version,
        &above,
        &key.chain_code,
        &[0],
        &*key.secret,
    ])
}

/// In wallet import format, for a compressed public key.
pub(super) fn wif(key: &WholeKey, network: KeyNetwork) -> Result<Zeroizing<String>, FormError> {
    let version = match network {
        KeyNetwork::Mainnet => 0x80,
        KeyNetwork::Testnet => 0xef,
    };
    text::<{ WIF_BYTES + CHECKSUM_BYTES }>(&[&[version], &*key.secret, &[1]])
}

/// These parts, which with the checksum are N bytes, as a line.
fn text<const N: usize>(parts: &[&[u8]]) -> Result<Zeroizing<String>, FormError> {
    let mut bytes = Zeroizing::new([0; N]);
    let (body, checksum) = bytes.split_at_mut(N - CHECKSUM_BYTES);
    let all = parts.iter().copied().flatten();
    body.iter_mut().zip(all).for_each(|(to, from)| *to = *from);
    let sum = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(Sha256::digest(&*body))));
    checksum.iter_mut().zip(sum.iter()).for_each(|(to, from)| *to = *from);
    let mut buffer = Zeroizing::new([0; TEXT_BYTES_MAX]);
    // The room is enough, and what comes is ASCII.
    let length =
        bs58::encode(&*bytes).onto(buffer.as_mut_slice()).map_err(|_| FormError::Memory)?;
    let text = buffer.get(..length).and_then(|text| std::str::from_utf8(text).ok());
    Ok(line(text.ok_or(FormError::Memory)?))
}
