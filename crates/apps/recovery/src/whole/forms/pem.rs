//! PKCS #8 in PEM (RFC 5958, RFC 7468), around a key of secp256k1 or P-256 (RFC 5915); encrypted by PBES2 (RFC
//! 8018), with scrypt and AES-256 in CBC mode.

use super::FormError;
use crate::passphrase::Passphrase;
use crate::whole::WholeKey;
use pkcs8::der::asn1::AnyRef;
use pkcs8::pkcs5::pbes2;
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{LineEnding, ObjectIdentifier, PrivateKeyInfo, SecretDocument};
use quorate_identity::Scheme;
use rand_core::CryptoRngCore;
use sec1::EcPrivateKey;
use zeroize::Zeroizing;

/// Keys on curves (RFC 5480).
const ON_A_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// secp256k1 (SEC 2).
const SECP256K1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.10");
/// P-256 (RFC 5480).
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// N = 2^14, r = 8, p = 5: as dear as N = 2^17 with p = 1, and OpenSSL does not read what needs more
/// than 32 MiB.
const SCRYPT: (u8, u32, u32) = (14, 8, 5);

/// The key, sealed if there is a passphrase.
pub(super) fn text(
    key: &WholeKey,
    passphrase: Option<&Passphrase>,
    rng: &mut impl CryptoRngCore,
) -> Result<Zeroizing<String>, FormError> {
    // Nothing here fails but for memory: all lengths are known.
    let memory = |_| FormError::Memory;
    let curve = match key.scheme {
        Scheme::EcdsaSecp256k1 | Scheme::Bip340 => &SECP256K1,
        Scheme::EcdsaP256 => &P256,
        Scheme::Ed25519 => return Err(FormError::Seed),
    };
    let key =
        EcPrivateKey { private_key: &*key.secret, parameters: None, public_key: Some(key.point()) };
    let key = SecretDocument::encode_msg(&key).map_err(memory)?;
    let parameters = Some(AnyRef::from(curve));
    let algorithm = AlgorithmIdentifierRef { oid: ON_A_CURVE, parameters };
    let info = PrivateKeyInfo::new(algorithm, key.as_bytes());
    let (label, document) = match passphrase {
        None => ("PRIVATE KEY", SecretDocument::encode_msg(&info).map_err(memory)?),
        Some(passphrase) => ("ENCRYPTED PRIVATE KEY", sealed(&info, passphrase, rng)?),
    };
    document.to_pem(label, LineEnding::LF).map_err(memory)
}

fn sealed(
    info: &PrivateKeyInfo<'_>,
    passphrase: &Passphrase,
    rng: &mut impl CryptoRngCore,
) -> Result<SecretDocument, FormError> {
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    rng.fill_bytes(&mut salt);
    rng.fill_bytes(&mut iv);
    let (log_n, r, p) = SCRYPT;
    let scrypt = scrypt::Params::new(log_n, r, p, 32).map_err(|_| FormError::Memory)?;
    let parameters = pbes2::Parameters::scrypt_aes256cbc(scrypt, &salt, &iv);
    let parameters = parameters.map_err(|_| FormError::Memory)?;
    info.encrypt_with_params(parameters, passphrase.as_bytes()).map_err(|_| FormError::Memory)
}
