//! The text form of BIP-32 for public keys.

use bitcoin_hashes::{Hash, hash160};
use quorate_curve::{NonIdentity, Secp256k1};
use std::fmt;
use std::str::FromStr;

/// Bytes behind the base58: version, depth, parent, child number, chain code, key.
const BYTES: usize = 78;
/// Longest text that is read; 78 bytes and a checksum are 111 or 112 characters.
const TEXT_BYTES_MAX: usize = 128;

/// For which coins an extended key is: the two kinds of version bytes of BIP-32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyNetwork {
    /// `xpub`.
    Mainnet,
    /// `tpub`: every network for trying things out.
    Testnet,
}

impl KeyNetwork {
    const ALL: [Self; 2] = [Self::Mainnet, Self::Testnet];

    fn version(self) -> [u8; 4] {
        match self {
            Self::Mainnet => [0x04, 0x88, 0xb2, 0x1e],
            Self::Testnet => [0x04, 0x35, 0x87, 0xcf],
        }
    }
}

/// A public key with all that its children follow from (DER-07). Public, but whoever has it links
/// all children to each other, and with one child's private key finds the parent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtendedKey {
    /// The coins.
    pub network: KeyNetwork,
    /// Steps below a master key.
    pub depth: u8,
    /// Fingerprint of the key above; zeros at depth 0.
    pub parent: [u8; 4],
    /// The last step; 0 at depth 0.
    pub child_number: u32,
    /// Chain code.
    pub chain_code: [u8; 32],
    /// The key, with its real parity.
    pub key: NonIdentity<Secp256k1>,
}

/// A text that is no extended public key; the fault of whoever wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an extended public key of BIP-32")]
pub struct XpubError;

impl ExtendedKey {
    /// A key with nothing above it, as every key of a domain is: made by its nodes, not derived
    /// (DER-07).
    pub fn root(network: KeyNetwork, key: NonIdentity<Secp256k1>, chain_code: [u8; 32]) -> Self {
        Self { network, depth: 0, parent: [0; 4], child_number: 0, chain_code, key }
    }

    /// The first four bytes of HASH160 of the key, by which wallets know it.
    pub fn fingerprint(&self) -> [u8; 4] {
        fingerprint(&self.key)
    }
}

/// The first four bytes of HASH160 of a compressed key.
pub fn fingerprint(key: &NonIdentity<Secp256k1>) -> [u8; 4] {
    let hash = hash160::Hash::hash(&key.to_bytes()).to_byte_array();
    hash.first_chunk().copied().unwrap_or_default()
}

impl fmt::Display for ExtendedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.extend(self.network.version());
        bytes.push(self.depth);
        bytes.extend(self.parent);
        bytes.extend(self.child_number.to_be_bytes());
        bytes.extend(self.chain_code);
        bytes.extend(self.key.to_bytes());
        formatter.write_str(&base58ck::encode_check(&bytes))
    }
}

impl FromStr for ExtendedKey {
    type Err = XpubError;

    /// Reads what BIP-32 calls valid and nothing else (DER-08).
    fn from_str(text: &str) -> Result<Self, XpubError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(XpubError);
        }
        let bytes = base58ck::decode_check(text).map_err(|_| XpubError)?;
        let mut rest = bytes.as_slice();
        let version: [u8; 4] = take(&mut rest)?;
        let [depth] = take(&mut rest)?;
        let parent = take(&mut rest)?;
        let child_number = u32::from_be_bytes(take(&mut rest)?);
        let chain_code = take(&mut rest)?;
        let key = NonIdentity::from_bytes(rest).map_err(|_| XpubError)?;
        let network = KeyNetwork::ALL.into_iter().find(|network| network.version() == version);
        let network = network.ok_or(XpubError)?;
        match depth > 0 || (parent == [0; 4] && child_number == 0) {
            true => Ok(Self { network, depth, parent, child_number, chain_code, key }),
            false => Err(XpubError),
        }
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], XpubError> {
    let (head, rest) = bytes.split_first_chunk().ok_or(XpubError)?;
    *bytes = rest;
    Ok(*head)
}
