//! Child keys and what wallets read, as callers see them. Nodes and clients make the same values
//! from the same certified record; a client that verifies makes them itself.

use super::HexBytes;
use quorate_curve::NonIdentity;
use quorate_derivation::{
    Branch, Derived, Descriptor, ExtendedKey, KeyNetwork, Path, ScriptType, scheme_name,
};
use quorate_identity::{Name, Scheme};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What stands beside every extended key.
pub const XPUB_WARNING: &str = "whoever has this links all addresses of the key, and with the private key of any one child \
     computes that of the key itself";

/// `key derive`: a child of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChildKeyView {
    /// Name of the key.
    #[schema(value_type = String)]
    pub key: Name,
    /// Which account of the key.
    #[serde(default)]
    pub account: u16,
    /// Which child: `m` is the account itself, `m/0/5` a child's child.
    pub path: String,
    /// What the key makes.
    #[schema(value_type = String)]
    pub scheme: Scheme,
    /// How children follow from the key: `bip32`, `slip10`, or `quorate-additive-ed25519/v1`.
    pub derivation: String,
    /// The child's public key: 33 bytes SEC1 for ECDSA, 32 bytes for BIP-340 (x-only, untweaked)
    /// and Ed25519.
    #[schema(value_type = String)]
    pub public_key: HexBytes,
    /// The child's chain code, 32 bytes. Public, but it links the child to its own children.
    #[schema(value_type = String)]
    pub chain_code: HexBytes,
    /// The child's address, where `key derive` was asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// A warning to show beside every address.
    pub warning: String,
}

/// `key xpub`: a key as a wallet reads it, to watch its addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct XpubView {
    /// Name of the key.
    #[schema(value_type = String)]
    pub key: Name,
    /// Which account of the key.
    #[serde(default)]
    pub account: u16,
    /// What the key makes.
    #[schema(value_type = String)]
    pub scheme: Scheme,
    /// `mainnet`, `testnet`, `signet` or `regtest`.
    pub network: String,
    /// The extended public key of BIP-32, at depth 0: `xpub…` on mainnet, else `tpub…`.
    pub xpub: String,
    /// The key's fingerprint, eight hex digits, by which wallets and PSBTs name it.
    pub fingerprint: String,
    /// Output descriptors with checksums, for every kind of output that the key can spend.
    pub descriptors: Vec<DescriptorView>,
    /// What to know before giving it away.
    pub warning: String,
}

/// A list of addresses of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DescriptorView {
    /// The layout below an account that it is: `bip44`, `bip49`, `bip84`, `bip86`.
    pub layout: String,
    /// `pkh`, `sh-wpkh`, `wpkh` or `tr`.
    pub script: String,
    /// `m/0/*` for addresses that others pay to, `m/1/*` for change.
    pub path: String,
    /// The descriptor (BIP-380).
    pub descriptor: String,
}

/// Why a key has no extended form; the caller's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum XpubError {
    /// No network of Bitcoin.
    #[error("an extended key belongs to one of mainnet, testnet, signet, regtest")]
    Network,
    /// No key on secp256k1.
    #[error("extended keys and descriptors exist on secp256k1 only, this key is for {0}")]
    Scheme(Scheme),
    /// The record has no valid point.
    #[error("the key has no valid point")]
    Point,
}

impl ChildKeyView {
    /// The child of an account of a key at a path.
    pub fn new(key: Name, account: u16, scheme: Scheme, path: &Path, derived: Derived) -> Self {
        Self {
            key,
            account,
            path: path.to_string(),
            scheme,
            derivation: scheme_name(scheme).to_owned(),
            public_key: HexBytes(derived.public_key),
            chain_code: HexBytes(derived.chain_code.to_vec()),
            address: None,
            warning: super::TEST_FUNDS_ONLY.to_owned(),
        }
    }
}

impl XpubView {
    /// An account of a key as wallets read it, from its own point and chain code (DER-07, DER-09).
    ///
    /// # Errors
    /// [`XpubError`].
    pub fn new(
        key: Name,
        account: u16,
        scheme: Scheme,
        root: &Derived,
        network: &str,
    ) -> Result<Self, XpubError> {
        let kind = match network {
            "mainnet" => KeyNetwork::Mainnet,
            "testnet" | "signet" | "regtest" => KeyNetwork::Testnet,
            _ => return Err(XpubError::Network),
        };
        let scripts = ScriptType::of(scheme);
        if scripts.is_empty() {
            return Err(XpubError::Scheme(scheme));
        }
        let point = NonIdentity::from_bytes(&root.point).map_err(|_| XpubError::Point)?;
        let extended = ExtendedKey::root(kind, point, root.chain_code);
        let view = |(script, branch): (ScriptType, Branch)| DescriptorView {
            layout: script.layout().to_owned(),
            script: script.name().to_owned(),
            path: branch.path().to_owned(),
            descriptor: Descriptor { script, key: extended, branch }.to_string(),
        };
        let both = |script: &ScriptType| [Branch::Receive, Branch::Change].map(|it| (*script, it));
        let fingerprint = extended.fingerprint();
        Ok(Self {
            key,
            account,
            scheme,
            network: network.to_owned(),
            xpub: extended.to_string(),
            fingerprint: fingerprint.iter().map(|byte| format!("{byte:02x}")).collect(),
            descriptors: scripts.iter().flat_map(both).map(view).collect(),
            warning: XPUB_WARNING.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_derivation::derive_encoded;

    fn root(scheme: Scheme) -> Derived {
        let point = match scheme {
            // The base point of Ed25519.
            Scheme::Ed25519 => [&[0x58][..], &[0x66; 31]].concat(),
            Scheme::EcdsaP256 => {
                let hex = "0x036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
                quorate_codec::hex::decode(hex).unwrap()
            }
            _ => {
                let hex = "0x0379be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
                quorate_codec::hex::decode(hex).unwrap()
            }
        };
        derive_encoded(scheme, &point, &[9; 32], &Path::root()).unwrap()
    }

    fn xpub(scheme: Scheme, network: &str) -> Result<XpubView, XpubError> {
        XpubView::new("vault".parse().unwrap(), 0, scheme, &root(scheme), network)
    }

    #[test]
    fn der_09_every_scheme_has_the_descriptors_of_what_it_can_spend() {
        let names = |scheme| -> Vec<(String, String)> {
            let all = xpub(scheme, "mainnet").unwrap().descriptors;
            all.into_iter().map(|view| (view.script, view.path)).collect()
        };
        let pairs = |scripts: &[&str]| -> Vec<(String, String)> {
            let both = |script: &&str| ["m/0/*", "m/1/*"].map(|it| (script.to_string(), it.into()));
            scripts.iter().flat_map(both).collect()
        };
        assert_eq!(names(Scheme::EcdsaSecp256k1), pairs(&["pkh", "sh-wpkh", "wpkh"]));
        assert_eq!(names(Scheme::Bip340), pairs(&["tr"]));
        let ed25519 = xpub(Scheme::Ed25519, "mainnet");
        assert_eq!(ed25519, Err(XpubError::Scheme(Scheme::Ed25519)));
        let p256 = xpub(Scheme::EcdsaP256, "mainnet");
        assert_eq!(p256, Err(XpubError::Scheme(Scheme::EcdsaP256)));
        assert_eq!(xpub(Scheme::Bip340, "main"), Err(XpubError::Network));
    }

    #[test]
    fn der_07_the_real_parity_is_in_the_extended_key() {
        for (network, prefix) in
            [("mainnet", "xpub661"), ("signet", "tpubD6N"), ("regtest", "tpub")]
        {
            let view = xpub(Scheme::Bip340, network).unwrap();
            assert!(view.xpub.starts_with(prefix), "{}", view.xpub);
            let read: ExtendedKey = view.xpub.parse().unwrap();
            assert_eq!((read.key.to_bytes()[0], read.chain_code), (3, [9; 32]));
        }
    }
}
