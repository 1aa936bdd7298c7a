//! Encoding and strict decoding (ENC-01, ENC-02, ENC-03, ENC-04).

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
    use proptest::prelude::*;

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
    fn neg_010_an_absent_last_field_has_one_form() {
        assert_eq!(to_bytes(&Pair(7, None)), [0x81, 0x07]);
        assert_eq!(from_bytes::<Pair>(&[0x81, 0x07]), Ok(Pair(7, None)));
        assert_eq!(from_bytes::<Pair>(&[0x82, 0x07, 0xf6]), Err(DecodeError::NotCanonical));
    }

    #[derive(Debug, PartialEq, Encode, Decode)]
    enum Shape {
        #[n(0)]
        Text(#[n(0)] String),
        #[n(1)]
        Bytes(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
        #[n(2)]
        Pairs(#[n(0)] Vec<Pair>),
        #[n(3)]
        Signed(#[n(0)] i64, #[n(1)] bool),
    }

    impl Canonical for Shape {
        const BYTES_MAX: usize = 256;
    }

    #[test]
    fn neg_010_maps_floats_and_tags_are_refused() {
        for bytes in [
            &[0xa1, 0x00, 0x07][..],                     // a map
            &[0x82, 0x03, 0x82, 0xf9, 0x3c, 0x00, 0xf5], // 1.0 for 1
            &[0x82, 0x03, 0x82, 0xc1, 0x01, 0xf5],       // tagged
            &[0x82, 0x01, 0x81, 0x5f, 0x41, 0x00, 0xff], // a string in pieces
            &[0x82, 0x00, 0x81, 0x61, 0xff],             // not UTF-8
            &[0x82, 0x04, 0x80],                         // an unknown variant
        ] {
            assert!(from_bytes::<Shape>(bytes).is_err(), "{bytes:02x?}");
        }
    }

    #[test]
    fn neg_015_claimed_lengths_cost_nothing() {
        let huge = [0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        for variant in 0..3 {
            let list = [&[0x82, variant, 0x81][..], &huge].concat();
            assert!(from_bytes::<Shape>(&list).is_err());
        }
        let nested = vec![0x81; 256];
        assert!(from_bytes::<Shape>(&nested).is_err());
    }

    fn shapes() -> impl Strategy<Value = Shape> {
        let pair = (any::<u32>(), any::<Option<u32>>()).prop_map(|(left, right)| Pair(left, right));
        prop_oneof![
            ".{0,20}".prop_map(Shape::Text),
            prop::collection::vec(any::<u8>(), 0..40).prop_map(Shape::Bytes),
            prop::collection::vec(pair, 0..8).prop_map(Shape::Pairs),
            (any::<i64>(), any::<bool>()).prop_map(|(number, flag)| Shape::Signed(number, flag)),
        ]
    }

    proptest! {
        #[test]
        fn every_value_round_trips(shape in shapes()) {
            prop_assert_eq!(from_bytes::<Shape>(&to_bytes(&shape)), Ok(shape));
        }

        #[test]
        fn neg_010_a_changed_encoding_is_refused_or_means_something_else(
            shape in shapes(),
            at in any::<prop::sample::Index>(),
            byte: u8,
            insert: bool,
        ) {
            let mut bytes = to_bytes(&shape);
            let at = at.index(bytes.len());
            match insert {
                true => bytes.insert(at, byte),
                false => bytes[at] = byte,
            }
            if let Ok(decoded) = from_bytes::<Shape>(&bytes) {
                prop_assert_eq!(to_bytes(&decoded) == to_bytes(&shape), decoded == shape);
                prop_assert_eq!(to_bytes(&decoded), bytes);
            }
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(decoded) = from_bytes::<Shape>(&bytes) {
                prop_assert_eq!(to_bytes(&decoded), bytes);
            }
        }
    }

    #[test]
    fn neg_015_the_limit_is_checked_before_parsing() {
        let bytes = [0u8; 17];
        assert_eq!(from_bytes::<Pair>(&bytes), Err(DecodeError::TooLong { got: 17, max: 16 }));
    }
}
