//! PEM: PKCS #8 (RFC 5958), with a password (RFC 8018) or without, and the older form of keys on
//! curves (RFC 5915). What OpenSSL writes, and most certificate authorities keep.

use super::{ForeignError, ForeignKey, ITERATIONS_MAX, MEMORY_MAX, expand};
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::{Kdf, Pbkdf2Prf};
use pkcs8::{EncryptedPrivateKeyInfo, ObjectIdentifier, PrivateKeyInfo, SecretDocument};
use quorate_identity::Scheme;
use sec1::EcPrivateKey;

/// Keys on curves (RFC 5480).
const ON_A_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// secp256k1 (SEC 2).
const SECP256K1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.10");
/// P-256 (RFC 5480).
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// Ed25519 (RFC 8410).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

const FORM: ForeignError = ForeignError::Form("a private key in PEM");
const CURVE: ForeignError = ForeignError::Unsupported("another kind of key");

/// Whether a PEM text needs a password.
pub fn is_encrypted(text: &str) -> bool {
    text.contains("ENCRYPTED")
}

/// The key in a PEM text, which the password opens where it has one.
///
/// # Errors
/// [`ForeignError`].
pub fn pem(text: &str, password: &str, scheme: Scheme) -> Result<ForeignKey, ForeignError> {
    if text.contains("Proc-Type") {
        return Err(ForeignError::Unsupported("an encryption of old: let OpenSSL write PKCS #8"));
    }
    let (label, document) = SecretDocument::from_pem(private_key(text)?).map_err(|_| FORM)?;
    match label {
        "ENCRYPTED PRIVATE KEY" => {
            let sealed: EncryptedPrivateKeyInfo<'_> = document.decode_msg().map_err(|_| FORM)?;
            check_cost(&sealed.encryption_algorithm)?;
            let opened = sealed.decrypt(password).map_err(|_| ForeignError::Password)?;
            info(opened.as_bytes(), scheme)
        }
        "PRIVATE KEY" => info(document.as_bytes(), scheme),
        "EC PRIVATE KEY" => on_curve(document.as_bytes(), None, scheme),
        _ => Err(FORM),
    }
}

/// From the first private key on: OpenSSL writes the name of a curve before it.
fn private_key(text: &str) -> Result<&str, ForeignError> {
    const BEGIN: &str = "-----BEGIN ";
    let begins = text.match_indices(BEGIN).map(|(at, _)| text.get(at..).unwrap_or_default());
    let is_key = |block: &&str| {
        let title = block.lines().next().unwrap_or_default();
        title.trim_end().ends_with("PRIVATE KEY-----")
    };
    begins.map(str::trim).find(is_key).ok_or(FORM)
}

/// A file may ask for so much work and no more.
fn check_cost(algorithm: &EncryptionScheme<'_>) -> Result<(), ForeignError> {
    let EncryptionScheme::Pbes2(parameters) = algorithm else {
        return Err(ForeignError::Unsupported("an encryption that RFC 8018 gave up"));
    };
    let is_cheap = match &parameters.kdf {
        Kdf::Pbkdf2(kdf) if kdf.prf == Pbkdf2Prf::HmacWithSha1 => {
            return Err(ForeignError::Unsupported("SHA-1: let OpenSSL write it anew"));
        }
        Kdf::Pbkdf2(kdf) => kdf.iteration_count <= ITERATIONS_MAX,
        Kdf::Scrypt(kdf) => {
            let size =
                kdf.cost_parameter.saturating_mul(u64::from(kdf.block_size)).saturating_mul(128);
            let is_sound = kdf.cost_parameter.is_power_of_two() && kdf.cost_parameter > 1;
            is_sound && size <= MEMORY_MAX && kdf.parallelization <= 64
        }
        _ => return Err(ForeignError::Unsupported("another derivation than scrypt or pbkdf2")),
    };
    if is_cheap { Ok(()) } else { Err(ForeignError::Unsupported("more work than is done here")) }
}

fn info(der: &[u8], scheme: Scheme) -> Result<ForeignKey, ForeignError> {
    let info = PrivateKeyInfo::try_from(der).map_err(|_| FORM)?;
    match (info.algorithm.oid, scheme) {
        (ON_A_CURVE, _) => {
            let curve = info.algorithm.parameters_oid().map_err(|_| CURVE)?;
            on_curve(info.private_key, Some(curve), scheme)
        }
        (ED25519, Scheme::Ed25519) => match info.private_key {
            // An octet string of 32 bytes (RFC 8410, section 7).
            [4, 32, seed @ ..] => expand(seed.try_into().map_err(|_| FORM)?),
            _ => Err(FORM),
        },
        (ED25519, other) => Err(ForeignError::Scheme("a key of Ed25519", other)),
        _ => Err(CURVE),
    }
}

/// A scalar of the scheme's curve, as the form around it or the form itself says.
fn on_curve(
    der: &[u8],
    around: Option<ObjectIdentifier>,
    scheme: Scheme,
) -> Result<ForeignKey, ForeignError> {
    let own = match scheme {
        Scheme::EcdsaSecp256k1 | Scheme::Bip340 => Some(SECP256K1),
        Scheme::EcdsaP256 => Some(P256),
        Scheme::Ed25519 => None,
    };
    let key = EcPrivateKey::try_from(der).map_err(|_| FORM)?;
    let inside = key.parameters.and_then(|parameters| parameters.named_curve());
    let mut named = [around, inside].into_iter().flatten();
    let curve = named.next().filter(|curve| named.all(|other| other == *curve));
    match curve.ok_or(CURVE)? {
        curve if Some(curve) == own => {}
        SECP256K1 => return Err(ForeignError::Scheme("a key of secp256k1", scheme)),
        P256 => return Err(ForeignError::Scheme("a key of P-256", scheme)),
        _ => return Err(CURVE),
    }
    let secret = key.private_key.try_into().map_err(|_| FORM)?;
    let foreign = ForeignKey::new(secret, scheme, None)?;
    match key.public_key {
        Some(public) if !is_public_of(public, &foreign)? => Err(ForeignError::Public),
        _ => Ok(foreign),
    }
}

/// Whether an encoded point, compressed or not, is that of a key.
fn is_public_of(public: &[u8], key: &ForeignKey) -> Result<bool, ForeignError> {
    let made = key.public()?;
    let (Some((tag, point)), Some((sign, x))) = (public.split_first(), made.split_first()) else {
        return Ok(false);
    };
    Ok(match (tag, point.len()) {
        (4, 64) => point.starts_with(x) && point.last().is_some_and(|y| y & 1 == sign & 1),
        _ => public == made.as_slice(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_codec::hex;

    // Made by OpenSSL 3.0 for these tests; the password is `foo`.
    const EC: &str = "-----BEGIN EC PRIVATE KEY-----
MHQCAQEEIIPVoqPV2NMUhGKXk2P/zZ8XqGLpcRwFkZzbWKX9kQ86oAcGBSuBBAAK
oUQDQgAE2bBdes5Z86YGmRSY4uP1hskmVl5ENuZxco9LMjiFfu6If4fIhuaXLA2H
UXdn6EaiyABr5vdVR+LghzqAJvtmTQ==
-----END EC PRIVATE KEY-----
";
    const EC_PLAIN: &str = "-----BEGIN PRIVATE KEY-----
MIGEAgEAMBAGByqGSM49AgEGBSuBBAAKBG0wawIBAQQgg9Wio9XY0xSEYpeTY//N
nxeoYulxHAWRnNtYpf2RDzqhRANCAATZsF16zlnzpgaZFJji4/WGySZWXkQ25nFy
j0syOIV+7oh/h8iG5pcsDYdRd2foRqLIAGvm91VH4uCHOoAm+2ZN
-----END PRIVATE KEY-----
";
    const EC_PBKDF2: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhvNG7/52lJigICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEEB+ZMfu/c+31dJnxOoSP/0EgZC1
UnKBvvKYsztOmdSy9sRI82kw4VmSkJ3t/Iemabwgq05JvcDIMvbwEzxORgTNCGjM
jwTlh0g/rLjcy/i1nPZJi4I9C8f4wqK8nqodJLUhbXkVqD7ltxfVBewBAiSwV7M2
9gcVjq7tK+KNixKilaFd9W5AaUNAYn57j89/a2LqJI5FrBuZR9TWwotABhNVW2s=
-----END ENCRYPTED PRIVATE KEY-----
";
    const EC_SCRYPT: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHjME4GCSqGSIb3DQEFDTBBMCAGCSsGAQQB2kcECzATBAgfzxATCh2OVQIBEAIB
CAIBATAdBglghkgBZQMEASoEEKXxVWNNNdHhx1L0j9cIHQYEgZASPa5wePuFu0sW
xUSgzmpI/NdTpkliZCIWPfX9H3zLM+tWsnJR2dCIwrmyLYgR8MFgZwbEYd4XU8bE
1hi/ZGTgCc5+Jqtyt3DAdmVYs0XFOXoG53dzQ/BgHApMfqHAgQzQu628WMPYua7V
AJExbxZRtcZvSydALB8a9KodMFHTVbmUJ9hG2PKK1Bp4XrG3xKQ=
-----END ENCRYPTED PRIVATE KEY-----
";
    const EC_PUBLIC: &str = "0x03d9b05d7ace59f3a606991498e2e3f586c926565e4436e671728f4b3238857eee";
    const ED: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINsKhW2H/t6qDi3EuqLzR3e76+ldhPr3JcYHgP7VCPwt
-----END PRIVATE KEY-----
";
    const ED_PBKDF2: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAiOAe/YPjYauQICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEGFkWbam6IcYzeOHyChsBoQEQPpV
hZCYCZ6yAB3fynKO4ZHnGEAtlgZ0Amj5clJPGGySDbcKqvRRnsaOUnjS3aN7tC1T
RwMjY27fykEjmcC/QoI=
-----END ENCRYPTED PRIVATE KEY-----
";
    const ED_PUBLIC: &str = "0x8a11fec48a76add6491b3b4d00cfb8eb2e21b71a264ffa9dbe14728593123262";
    const P256: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgm/D9uaFGSg2czvsZ
r/PUH+ajAFmVvL/hUctAuS2xgcyhRANCAATQ3t7QJpTcsiAtUrbTixIjBuFBqYkI
MTynzEr/1Ra6AhWRhm1Lmjk72ZtZ83H3UV2MI6azVuplUrJXnj6Rgf4Q
-----END PRIVATE KEY-----
";

    const P256_PUBLIC: &str =
        "0x02d0deded02694dcb2202d52b6d38b122306e141a98908313ca7cc4affd516ba02";

    /// IMP-10.
    #[test]
    fn what_openssl_writes_is_read_with_and_without_a_password() {
        let public = |text: &str, scheme| {
            let password = if is_encrypted(text) { "foo" } else { "" };
            hex::encode(&pem(text, password, scheme).unwrap().public().unwrap())
        };
        for text in [EC, EC_PLAIN, EC_PBKDF2, EC_SCRYPT] {
            assert_eq!(public(text, Scheme::EcdsaSecp256k1), EC_PUBLIC);
            assert_eq!(public(text, Scheme::Bip340), EC_PUBLIC);
            let other = pem(text, "foo", Scheme::Ed25519).unwrap_err();
            assert!(matches!(other, ForeignError::Scheme(..)), "{other}");
        }
        assert_eq!(public(P256, Scheme::EcdsaP256), P256_PUBLIC);
        for text in [EC, EC_PLAIN, EC_PBKDF2, EC_SCRYPT, ED] {
            let other = pem(text, "foo", Scheme::EcdsaP256).unwrap_err();
            assert!(matches!(other, ForeignError::Scheme(..)), "{other}");
        }
        for text in [ED, ED_PBKDF2] {
            assert_eq!(public(text, Scheme::Ed25519), ED_PUBLIC);
            let other = pem(text, "foo", Scheme::Bip340).unwrap_err();
            assert!(matches!(other, ForeignError::Scheme(..)), "{other}");
        }
    }

    /// IMP-10.
    #[test]
    fn other_keys_passwords_and_texts_are_refused() {
        let read = |text: &str, password| pem(text, password, Scheme::EcdsaSecp256k1).unwrap_err();
        for text in [EC_PBKDF2, EC_SCRYPT] {
            assert_eq!(read(text, "bar"), ForeignError::Password);
        }
        assert!(matches!(read(P256, ""), ForeignError::Scheme(..)));
        for text in ["", "-----BEGIN PRIVATE KEY-----", &EC[..80], &EC.replace("EC ", "RSA ")] {
            assert_eq!(read(text, ""), FORM, "{text}");
        }
        // The name of the curve before it, as `openssl ecparam -genkey` writes it.
        let named = format!(
            "-----BEGIN EC PARAMETERS-----\nBgUrgQQACg==\n-----END EC PARAMETERS-----\n{EC}"
        );
        assert!(pem(&named, "", Scheme::EcdsaSecp256k1).is_ok());
        let old = EC.replace("KEY-----\nMHQ", "KEY-----\nProc-Type: 4,ENCRYPTED\n\nMHQ");
        assert!(matches!(read(&old, ""), ForeignError::Unsupported(_)));
        // Another public key beside it: the last byte of its coordinate y.
        assert_eq!(read(&EC.replace("vtmTQ==", "vtmTg=="), ""), ForeignError::Public);
        // The base64 text in which the byte of a version was changed.
        assert_eq!(read(&EC.replace("MHQCAQEE", "MHQCAQIE"), ""), FORM);
    }
}
