//! Wallet import format: Base58Check of a version byte, the scalar, and a byte that says that the
//! public key is compressed.

use super::{ForeignError, ForeignKey};
use quorate_identity::Scheme;
use quorate_intent::Network;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Version, scalar, mark, checksum.
const LENGTH_MAX: usize = 1 + 32 + 1 + 4;

/// A key in wallet import format, for this network.
///
/// # Errors
/// [`ForeignError`].
pub fn wif(text: &str, network: Network, scheme: Scheme) -> Result<ForeignKey, ForeignError> {
    if matches!(scheme, Scheme::Ed25519 | Scheme::EcdsaP256) {
        return Err(ForeignError::Scheme("WIF", scheme));
    }
    let form = ForeignError::Form("a key in WIF");
    let mut buffer = Zeroizing::new([0; LENGTH_MAX]);
    let length = bs58::decode(text.trim()).onto(&mut *buffer).map_err(|_| form.clone())?;
    let checked = buffer.get(..length).and_then(|bytes| bytes.split_last_chunk::<4>());
    let (bytes, checksum) = checked.ok_or_else(|| form.clone())?;
    let sum = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(Sha256::digest(bytes))));
    if !sum.starts_with(checksum) {
        return Err(form);
    }
    let (version, rest) = bytes.split_first().ok_or_else(|| form.clone())?;
    let (expected, name) = match network {
        Network::Mainnet => (0x80, "mainnet"),
        Network::Testnet | Network::Signet | Network::Regtest => {
            (0xef, "testnet, signet or regtest")
        }
    };
    match *version {
        0x80 | 0xef if *version != expected => return Err(ForeignError::Network(name)),
        0x80 | 0xef => {}
        _ => return Err(form),
    }
    match rest.split_first_chunk::<32>() {
        Some((secret, [1])) => ForeignKey::new(secret, scheme, None),
        Some((_, [])) => Err(ForeignError::Uncompressed),
        _ => Err(form),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_codec::hex;

    /// IMP-10: the scalar 1, whose WIF everybody knows.
    #[test]
    fn a_key_in_wif_is_read_for_its_network_only() {
        let main = "KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWn";
        let test = "cMahea7zqjxrtgAbB7LSGbcQUr1uX1ojuat9jZodMN87JcbXMTcA";
        let generator = "0x0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
        let read = |text: &str, network| wif(text, network, Scheme::EcdsaSecp256k1);
        for (text, network) in [(main, Network::Mainnet), (test, Network::Regtest)] {
            let key = read(text, network).unwrap();
            assert_eq!(hex::encode(&key.public().unwrap()), generator);
        }
        assert!(matches!(read(main, Network::Testnet), Err(ForeignError::Network(_))));
        assert!(matches!(read(test, Network::Mainnet), Err(ForeignError::Network(_))));
        let uncompressed = "5HpHagT65TZzG1PH3CSu63k8DbpvD8s5ip4nEB3kEsreAnchuDf";
        assert_eq!(read(uncompressed, Network::Mainnet).unwrap_err(), ForeignError::Uncompressed);
        let mistyped = main.replace("HnoWn", "HnoWm");
        assert!(matches!(read(&mistyped, Network::Mainnet), Err(ForeignError::Form(_))));
        assert!(matches!(read("", Network::Mainnet), Err(ForeignError::Form(_))));
        for scheme in [Scheme::Ed25519, Scheme::EcdsaP256] {
            let other = wif(main, Network::Mainnet, scheme);
            assert!(matches!(other, Err(ForeignError::Scheme(..))));
        }
    }
}
