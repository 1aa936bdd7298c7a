//! Encoding and strict decoding.

use minicbor::{Decode, Encode};

/// A type that may arrive from outside: it knows how long its encoding can be at most.
///
/// The limit is checked before anything is parsed, so a decoder never allocates more than a
/// small multiple of it (N-15).
pub trait Canonical: Encode<()> + for<'b> Decode<'b, ()> {
    /// The longest encoding that is accepted, in bytes.
    const BYTES_MAX: usize;
}

/// Why bytes were refused. The texts are safe to show; they never quote the input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The input is longer than [`Canonical::BYTES_MAX`].
    #[error("{got} bytes, at most {max} are allowed")]
    TooLong {
        /// Length of the input.
        got: usize,
        /// The limit of the type.
        max: usize,
    },
    /// The input is not an encoding of the type.
    #[error("malformed: {0}")]
    Malformed(String),
    /// The input means a value whose one encoding is different: longer integers, unknown
    /// fields, trailing bytes.
    #[error("not the canonical encoding")]
    NotCanonical,
}

/// The canonical encoding of `value`.
pub fn to_bytes<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to a Vec cannot fail, and no derived encoder raises an error of its own.
    let written = minicbor::encode(value, &mut bytes);
    debug_assert!(written.is_ok());
    bytes
}

/// Decodes exactly the canonical encoding of one value and refuses everything else.
///
/// # Errors
/// [`DecodeError`]; always the sender's fault.
pub fn from_bytes<T: Canonical>(bytes: &[u8]) -> Result<T, DecodeError> {
    if bytes.len() > T::BYTES_MAX {
        return Err(DecodeError::TooLong { got: bytes.len(), max: T::BYTES_MAX });
    }
    let value: T =
        minicbor::decode(bytes).map_err(|error| DecodeError::Malformed(error.to_string()))?;
    if to_bytes(&value) != bytes {
        return Err(DecodeError::NotCanonical);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Encode, Decode)]
    struct Pair(#[n(0)] u32, #[n(1)] Option<u32>);

    impl Canonical for Pair {
        const BYTES_MAX: usize = 16;
    }

    #[test]
    fn round_trips() {
        let pair = Pair(7, Some(9));
        assert_eq!(from_bytes::<Pair>(&to_bytes(&pair)), Ok(pair));
    }

    #[test]
    fn neg_010_longer_integers_trailing_bytes_and_unknown_fields_are_refused() {
        let canonical = [0x82, 0x07, 0x09];
        assert_eq!(from_bytes::<Pair>(&canonical), Ok(Pair(7, Some(9))));
        let long_integer = [0x82, 0x18, 0x07, 0x09];
        let trailing = [0x82, 0x07, 0x09, 0x00];
        let unknown_field = [0x83, 0x07, 0x09, 0x01];
        let indefinite = [0x9f, 0x07, 0x09, 0xff];
        for bytes in [&long_integer[..], &trailing, &unknown_field, &indefinite] {
            assert_eq!(from_bytes::<Pair>(bytes), Err(DecodeError::NotCanonical), "{bytes:?}");
        }
    }

    #[test]
    fn neg_015_the_limit_is_checked_before_parsing() {
        let bytes = [0u8; 17];
        assert_eq!(from_bytes::<Pair>(&bytes), Err(DecodeError::TooLong { got: 17, max: 16 }));
    }
}
