//! The public half of a key in a token, as it is read from there (REC-41).

use super::{TokenError, Unlocked};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectHandle};
use p256::PublicKey;
use p256::elliptic_curve::sec1::ToEncodedPoint;
use quorate_backup::RecoveryKey;

/// The object identifier of P-256 in DER, as `CKA_EC_PARAMS` has it.
pub(super) const P256_PARAMS: [u8; 10] =
    [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// 65537.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// Reads the key that belongs to a private half of this kind.
///
/// # Errors
/// [`TokenError::Unsuitable`] for what is no recovery key, [`TokenError::Device`].
pub(super) fn read(
    token: &Unlocked,
    private: ObjectHandle,
    (kind, label): (KeyType, &str),
) -> Result<RecoveryKey, TokenError> {
    let object = token.public_of(private, (kind, label))?;
    let bytes = if kind == KeyType::EC { p256(token, object)? } else { rsa(token, object)? };
    let key = bytes.and_then(|bytes| RecoveryKey::from_bytes(&bytes).map_err(|_| NOT_SERVED));
    key.map_err(|why| TokenError::Unsuitable { label: label.to_owned(), why })
}

/// The encoding of a key (BAK-17), or why there is none.
type Encoding = Result<Vec<u8>, &'static str>;

const NOT_SERVED: &str = "only P-256, and RSA with 2048, 3072 or 4096 bits, are served";
const NO_PUBLIC: &str = "the token does not have its public half";

fn p256(token: &Unlocked, object: ObjectHandle) -> Result<Encoding, TokenError> {
    match token.attribute(object, AttributeType::EcParams)? {
        Some(Attribute::EcParams(params)) if params == P256_PARAMS => {}
        Some(_) => return Ok(Err(NOT_SERVED)),
        None => return Ok(Err(NO_PUBLIC)),
    }
    let Some(Attribute::EcPoint(octets)) = token.attribute(object, AttributeType::EcPoint)? else {
        return Ok(Err(NO_PUBLIC));
    };
    let short = short_point(&octets).ok_or("its public half is no point of P-256");
    Ok(short.map(|point| [&[2], point.as_slice()].concat()))
}

fn rsa(token: &Unlocked, object: ObjectHandle) -> Result<Encoding, TokenError> {
    let modulus = token.attribute(object, AttributeType::Modulus)?;
    let exponent = token.attribute(object, AttributeType::PublicExponent)?;
    Ok(match (modulus, exponent) {
        (Some(Attribute::Modulus(modulus)), Some(Attribute::PublicExponent(exponent))) => {
            match trimmed(&exponent) == EXPONENT {
                true => Ok([&[3], trimmed(&modulus)].concat()),
                false => Err("its exponent is not 65537"),
            }
        }
        _ => Err(NO_PUBLIC),
    })
}

/// An integer without the zeros that some tokens put before it.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    bytes.get(start..).unwrap_or_default()
}

/// A point of P-256 as it stands in `CKA_EC_POINT`, compressed. PKCS #11 wants it within an octet
/// string of DER; not every token does that.
fn short_point(octets: &[u8]) -> Option<Vec<u8>> {
    let within = match octets {
        [0x04, length, point @ ..] if usize::from(*length) == point.len() => point,
        _ => &[],
    };
    // A bare point may look like the head of such a string; a string is never a point.
    let point = PublicKey::from_sec1_bytes(octets).or_else(|_| PublicKey::from_sec1_bytes(within));
    Some(point.ok()?.to_encoded_point(true).as_bytes().to_vec())
}

/// The long form of a point of P-256 of 33 bytes: the one that every token takes.
pub(super) fn long_point(short: &[u8]) -> Option<Vec<u8>> {
    Some(PublicKey::from_sec1_bytes(short).ok()?.to_encoded_point(false).as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_backup::{Opener, SoftKey, SoftKind};

    /// REC-41: every form in which tokens have a point.
    #[test]
    fn a_point_is_read_in_four_forms_and_no_other() {
        let key = SoftKey::from_seed(SoftKind::P256, &[7; 32]).public().to_bytes();
        let short = &key[1..];
        let long = long_point(short).unwrap();
        let wrapped = |point: &[u8]| [&[4, point.len() as u8], point].concat();
        for form in [short.to_vec(), long.clone(), wrapped(short), wrapped(&long)] {
            assert_eq!(short_point(&form).as_deref(), Some(short));
        }
        let mut off = long.clone();
        off[64] ^= 1;
        for bad in [&[][..], &[4], &[0], &long[..64], &wrapped(&long)[..66], &off, &wrapped(&off)] {
            assert_eq!(short_point(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn zeros_before_an_integer_do_not_count() {
        assert_eq!(trimmed(&[0, 0, 1, 0, 1]), EXPONENT);
        assert_eq!(trimmed(&[1, 0, 1]), EXPONENT);
        assert_eq!(trimmed(&[0, 0]), [0; 0]);
    }
}
