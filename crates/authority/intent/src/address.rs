//! Addresses of keys: EIP-55, the three forms that pay to an ECDSA key, the BIP-86 form of P2TR.

use crate::error::IntentError;
use alloy_primitives::{Address, keccak256};
use bitcoin::key::TweakedPublicKey;
use bitcoin::{CompressedPublicKey, ScriptBuf, XOnlyPublicKey};
use k256::ecdsa::VerifyingKey;
use k256::elliptic_curve::ff::PrimeField;
use k256::elliptic_curve::point::AffineCoordinates;
use k256::{ProjectivePoint, Scalar, schnorr};
use quorate_identity::Scheme;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// A Bitcoin network. Only the text of addresses depends on it: a Bitcoin signature is bound to
/// the coins it spends, not to a network.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[cbor(index_only)]
pub enum Network {
    /// The one whose coins are worth something.
    #[n(0)]
    Mainnet,
    /// The public test networks 3 and 4.
    #[n(1)]
    Testnet,
    /// The signed test network.
    #[n(2)]
    Signet,
    /// A network of one's own.
    #[n(3)]
    Regtest,
}

/// A text that names no network; the caller's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a network is one of mainnet, testnet, signet, regtest")]
pub struct NetworkError;

impl Network {
    /// All networks.
    pub const ALL: [Self; 4] = [Self::Mainnet, Self::Testnet, Self::Signet, Self::Regtest];

    /// The text form.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mainnet => "mainnet",
            Self::Testnet => "testnet",
            Self::Signet => "signet",
            Self::Regtest => "regtest",
        }
    }

    pub(crate) fn known(self) -> bitcoin::Network {
        match self {
            Self::Mainnet => bitcoin::Network::Bitcoin,
            Self::Testnet => bitcoin::Network::Testnet,
            Self::Signet => bitcoin::Network::Signet,
            Self::Regtest => bitcoin::Network::Regtest,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        Self::ALL.into_iter().find(|network| network.name() == text).ok_or(NetworkError)
    }
}

/// The Ethereum address of an ECDSA key (33 bytes, compressed), in its EIP-55 form (INT-09).
///
/// # Errors
/// [`IntentError::Key`].
pub fn ethereum_address(public_key: &[u8]) -> Result<String, IntentError> {
    Ok(evm_address(&ecdsa(public_key)?).to_string())
}

/// The P2WPKH address of an ECDSA key (33 bytes, compressed) (INT-09).
///
/// # Errors
/// [`IntentError::Key`].
pub fn p2wpkh(public_key: &[u8], network: Network) -> Result<String, IntentError> {
    let script = p2wpkh_script(&ecdsa(public_key)?)?;
    of_script(&script, network).ok_or(IntentError::Key(Scheme::EcdsaSecp256k1))
}

/// The P2WPKH address of an ECDSA key inside P2SH, in base58: the form of BIP-49 (INT-09).
///
/// # Errors
/// [`IntentError::Key`].
pub fn p2sh_p2wpkh(public_key: &[u8], network: Network) -> Result<String, IntentError> {
    let script = p2sh_p2wpkh_script(&ecdsa(public_key)?)?;
    of_script(&script, network).ok_or(IntentError::Key(Scheme::EcdsaSecp256k1))
}

/// The P2PKH address of an ECDSA key, in base58: the form of BIP-44 (INT-09).
///
/// # Errors
/// [`IntentError::Key`].
pub fn p2pkh(public_key: &[u8], network: Network) -> Result<String, IntentError> {
    let script = p2pkh_script(&ecdsa(public_key)?)?;
    of_script(&script, network).ok_or(IntentError::Key(Scheme::EcdsaSecp256k1))
}

/// The P2TR address of a BIP-340 key (32 bytes, x-only) as BIP-86 has it: no script path exists
/// (INT-09).
///
/// # Errors
/// [`IntentError::Key`].
pub fn p2tr(x_only: &[u8], network: Network) -> Result<String, IntentError> {
    let wrong = || IntentError::Key(Scheme::Bip340);
    let internal = x_only.try_into().map_err(|_| wrong())?;
    let script = p2tr_script(&taproot_output_key(&internal)?)?;
    of_script(&script, network).ok_or_else(wrong)
}

/// The output key Q = P + H_TapTweak(P) G of an internal key without scripts (BIP-341, BIP-86),
/// x-only. Each node computes it itself (INT-10, N-28).
///
/// # Errors
/// [`IntentError::Key`] if the bytes are no x-coordinate.
pub fn taproot_output_key(internal: &[u8; 32]) -> Result<[u8; 32], IntentError> {
    let wrong = || IntentError::Key(Scheme::Bip340);
    let point = schnorr::VerifyingKey::from_bytes(internal).map_err(|_| wrong())?;
    let tag = Sha256::digest(b"TapTweak");
    let hash = Sha256::new().chain_update(tag).chain_update(tag).chain_update(internal);
    // A hash at or above the group order is refused, as BIP-341 says.
    let tweak = Option::<Scalar>::from(Scalar::from_repr(hash.finalize())).ok_or_else(wrong)?;
    let output = ProjectivePoint::from(*point.as_affine()) + ProjectivePoint::GENERATOR * tweak;
    if output == ProjectivePoint::IDENTITY {
        return Err(wrong());
    }
    Ok(output.to_affine().x().into())
}

/// The 20 bytes of an Ethereum address.
pub(crate) fn evm_address(key: &VerifyingKey) -> Address {
    let point = key.to_encoded_point(false);
    let hash = keccak256(point.as_bytes().get(1..).unwrap_or_default());
    Address::from_word(hash)
}

/// The P2WPKH output script of a key.
pub(crate) fn p2wpkh_script(key: &VerifyingKey) -> Result<ScriptBuf, IntentError> {
    Ok(ScriptBuf::new_p2wpkh(&compressed(key)?.wpubkey_hash()))
}

/// The P2SH output script around that.
pub(crate) fn p2sh_p2wpkh_script(key: &VerifyingKey) -> Result<ScriptBuf, IntentError> {
    Ok(ScriptBuf::new_p2sh(&p2wpkh_script(key)?.script_hash()))
}

/// The P2PKH output script of a key.
pub(crate) fn p2pkh_script(key: &VerifyingKey) -> Result<ScriptBuf, IntentError> {
    Ok(ScriptBuf::new_p2pkh(&compressed(key)?.pubkey_hash()))
}

fn compressed(key: &VerifyingKey) -> Result<CompressedPublicKey, IntentError> {
    let key = CompressedPublicKey::from_slice(key.to_encoded_point(true).as_bytes());
    key.map_err(|_| IntentError::Key(Scheme::EcdsaSecp256k1))
}

/// The P2TR output script of an output key.
pub(crate) fn p2tr_script(output: &[u8; 32]) -> Result<ScriptBuf, IntentError> {
    let key = XOnlyPublicKey::from_slice(output).map_err(|_| IntentError::Key(Scheme::Bip340))?;
    Ok(ScriptBuf::new_p2tr_tweaked(TweakedPublicKey::dangerous_assume_tweaked(key)))
}

/// The one text form of a script's address, where it has an address.
pub(crate) fn of_script(script: &ScriptBuf, network: Network) -> Option<String> {
    let address = bitcoin::Address::from_script(script, network.known()).ok()?;
    Some(address.to_string())
}

fn ecdsa(public_key: &[u8]) -> Result<VerifyingKey, IntentError> {
    let key = VerifyingKey::from_sec1_bytes(public_key).ok();
    let key = key.filter(|_| public_key.len() == 33);
    key.ok_or(IntentError::Key(Scheme::EcdsaSecp256k1))
}
