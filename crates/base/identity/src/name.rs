//! Names that people give to nodes, people, services and keys.

use minicbor::decode::{Decoder, Error as CborError};
use minicbor::encode::{Encoder, Error as EncodeError, Write};
use quorate_codec::Canonical;
use std::fmt;
use std::str::FromStr;

/// A name: 1 to 32 characters of `a-z`, `0-9` and `-`, beginning with a letter and not ending
/// with a hyphen (IDN-01). Public. Its one form is usable as a file name and in a notation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// The longest name, in bytes.
pub const NAME_BYTES_MAX: usize = 32;

/// A text that is not a [`Name`]; the caller's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a name is 1 to 32 characters of a-z, 0-9 and -, begins with a letter and ends with none of -"
)]
pub struct NameError;

impl Name {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let begins_with_letter = text.starts_with(|first: char| first.is_ascii_lowercase());
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let well_formed = begins_with_letter
            && text.len() <= NAME_BYTES_MAX
            && text.bytes().all(allowed)
            && !text.ends_with('-');
        if well_formed { Ok(Self(text.to_owned())) } else { Err(NameError) }
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl<C> minicbor::Encode<C> for Name {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.str(&self.0)?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Name {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, CborError> {
        decoder.str()?.parse().map_err(|_| CborError::message("not a name"))
    }
}

impl Canonical for Name {
    const BYTES_MAX: usize = 2 + NAME_BYTES_MAX;
}

crate::text::serde_as_text!(Name);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use quorate_codec::{from_bytes, to_bytes};

    #[test]
    fn only_plain_names_are_names() {
        for good in ["a", "node-1", "wallet-service", "a23456789012345678901234567890bc"] {
            assert_eq!(good.parse::<Name>().map(|name| name.to_string()), Ok(good.to_owned()));
        }
        let too_long = "a".repeat(33);
        for bad in ["", "1a", "-a", "a-", "A", "node_1", "nöde", "a b", "a/b", "..", &too_long] {
            assert_eq!(bad.parse::<Name>(), Err(NameError), "{bad:?}");
        }
    }

    #[test]
    fn neg_015_a_name_from_the_wire_obeys_the_same_rule() {
        for bad in ["", "A", "../x", &"a".repeat(33)] {
            assert!(from_bytes::<Name>(&to_bytes(&bad)).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn names_round_trip(text in "[a-z]([a-z0-9-]{0,30}[a-z0-9])?") {
            let name: Name = text.parse().unwrap();
            prop_assert_eq!(from_bytes::<Name>(&to_bytes(&name)), Ok(name));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            let _ = text.parse::<Name>();
        }
    }
}
