//! Lower-case `0x` hex, the text form of all binary at the human edge (ENC-07).

/// Why a text is not the hex it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HexError {
    /// It does not begin with `0x`.
    #[error("hex must begin with 0x")]
    Prefix,
    /// A digit is not one of `0-9a-f`, or their number is odd.
    #[error("hex must be an even number of lower-case digits")]
    Digits,
    /// The number of bytes is not the expected one.
    #[error("{got} bytes where {expected} are expected")]
    Length {
        /// Bytes found.
        got: usize,
        /// Bytes expected.
        expected: usize,
    },
}

/// `0x` and two lower-case digits a byte.
pub fn encode(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("0x");
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The inverse of [`encode`]; refuses upper case, a missing prefix and odd lengths.
///
/// # Errors
/// [`HexError`]; the caller's fault.
pub fn decode(text: &str) -> Result<Vec<u8>, HexError> {
    pairs(text)?.iter().map(byte).collect()
}

/// Like [`decode`], for exactly `N` bytes. Nothing of them stays behind in a buffer, so a secret can
/// be read with it.
///
/// # Errors
/// [`HexError`]; the caller's fault.
pub fn decode_array<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    let pairs = pairs(text)?;
    let mut bytes = [0; N];
    if pairs.len() != N {
        // A wrong digit is said first, as where any number of bytes would do.
        pairs.iter().try_for_each(|pair| byte(pair).map(|_| ()))?;
        return Err(HexError::Length { got: pairs.len(), expected: N });
    }
    for (place, pair) in bytes.iter_mut().zip(pairs) {
        *place = byte(pair)?;
    }
    Ok(bytes)
}

fn pairs(text: &str) -> Result<&[[u8; 2]], HexError> {
    let digits = text.strip_prefix("0x").ok_or(HexError::Prefix)?.as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    if rest.is_empty() { Ok(pairs) } else { Err(HexError::Digits) }
}

fn byte([high, low]: &[u8; 2]) -> Result<u8, HexError> {
    Ok(digit(*high)? << 4 | digit(*low)?)
}

fn digit(character: u8) -> Result<u8, HexError> {
    match character {
        b'0'..=b'9' => Ok(character - b'0'),
        b'a'..=b'f' => Ok(character - b'a' + 10),
        _ => Err(HexError::Digits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_round_trip(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(decode(&encode(&bytes)), Ok(bytes));
        }

        #[test]
        fn whatever_decodes_is_its_own_encoding(text in "(0x)?[0-9a-fA-Fx é]{0,12}") {
            if let Ok(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }

    #[test]
    fn only_one_text_means_the_bytes() {
        assert_eq!(decode(&encode(&[0, 0x7f, 0xff])), Ok(vec![0, 0x7f, 0xff]));
        assert_eq!(decode("00"), Err(HexError::Prefix));
        assert_eq!(decode("0xFF"), Err(HexError::Digits));
        assert_eq!(decode("0xfff"), Err(HexError::Digits));
        assert_eq!(decode_array::<2>("0xff"), Err(HexError::Length { got: 1, expected: 2 }));
    }
}
