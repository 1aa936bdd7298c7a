//! Versions, as Semantic Versioning 2.0 orders them.

use crate::limits::VERSION_BYTES_MAX;
use minicbor::decode::{Decoder, Error as CborError};
use minicbor::encode::{Encoder, Error as EncodeError, Write};
use quorate_codec::Canonical;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A semantic version without build metadata: `1.4.0` or `1.4.0-rc.2` (REL-02). Public. Its text
/// is its one form: no leading zeros, at most 64 bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Version {
    numbers: [u32; 3],
    before: Vec<Identifier>,
}

/// One part of what stands behind the hyphen. Numbers come before words.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Identifier {
    Number(u64),
    Word(String),
}

/// A text that is no [`Version`]; the fault of whoever wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a version is written MAJOR.MINOR.PATCH, as 1.4.0 or 1.4.0-rc.2, without build metadata")]
pub struct VersionError;

impl Ord for Version {
    /// By the numbers; what is before a release comes before it.
    fn cmp(&self, other: &Self) -> Ordering {
        let released = |version: &Self| version.before.is_empty();
        let numbers = self.numbers.cmp(&other.numbers);
        let whether_released = released(self).cmp(&released(other));
        numbers.then(whether_released).then_with(|| self.before.cmp(&other.before))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        if text.len() > VERSION_BYTES_MAX {
            return Err(VersionError);
        }
        let (numbers, before) = match text.split_once('-') {
            Some((numbers, before)) => (numbers, Some(before)),
            None => (text, None),
        };
        let numbers: Vec<u32> = numbers.split('.').map(number).collect::<Result<_, _>>()?;
        let numbers = numbers.try_into().map_err(|_| VersionError)?;
        let before = before.into_iter().flat_map(|before| before.split('.'));
        Ok(Self { numbers, before: before.map(identifier).collect::<Result<_, _>>()? })
    }
}

/// A number in its one form.
fn number<N: FromStr>(text: &str) -> Result<N, VersionError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || (text.len() > 1 && text.starts_with('0')) {
        return Err(VersionError);
    }
    text.parse().map_err(|_| VersionError)
}

fn identifier(text: &str) -> Result<Identifier, VersionError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(VersionError);
    }
    match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => number(text).map(Identifier::Number),
        false => Ok(Identifier::Word(text.to_owned())),
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(formatter, "{major}.{minor}.{patch}")?;
        for (place, part) in self.before.iter().enumerate() {
            formatter.write_str(if place == 0 { "-" } else { "." })?;
            match part {
                Identifier::Number(number) => write!(formatter, "{number}")?,
                Identifier::Word(word) => formatter.write_str(word)?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl<C> minicbor::Encode<C> for Version {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.str(&self.to_string())?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Version {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, CborError> {
        decoder.str()?.parse().map_err(CborError::message)
    }
}

impl Canonical for Version {
    const BYTES_MAX: usize = 2 + VERSION_BYTES_MAX;
}

impl serde::Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Version {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use quorate_codec::{from_bytes, to_bytes};

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn versions_come_one_after_the_other() {
        let ascending = [
            "0.1.0",
            "0.1.1-1",
            "0.1.1-alpha",
            "0.1.1-alpha.1",
            "0.1.1-alpha.2",
            "0.1.1-alpha.10",
            "0.1.1-alpha.beta",
            "0.1.1-beta",
            "0.1.1-rc-1",
            "0.1.1",
            "0.2.0",
            "0.10.0",
            "1.0.0-rc.1",
            "1.0.0",
        ];
        for pair in ascending.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
        for text in ascending {
            assert_eq!(version(text).to_string(), text);
            let json = serde_json::to_string(&version(text)).unwrap();
            assert_eq!(serde_json::from_str::<Version>(&json).unwrap(), version(text));
        }
    }

    /// REL-02: two texts never mean the same version, so none can be taken for another.
    #[test]
    fn neg_080_a_version_has_one_form() {
        let long = format!("1.0.0-{}", "a".repeat(VERSION_BYTES_MAX));
        for bad in [
            "",
            "1",
            "1.0",
            "1.0.0.0",
            "01.0.0",
            "1.00.0",
            "1.0.0-",
            "1.0.0-01",
            "1.0.0-a..b",
            "1.0.0+build",
            "1.0.0-a+b",
            "v1.0.0",
            " 1.0.0",
            "1.0.0 ",
            "1.0.x",
            "-1.0.0",
            "+1.0.0",
            "4294967296.0.0",
            "1.0.0-18446744073709551616",
            "1.0.0-ä",
            &long,
        ] {
            assert_eq!(bad.parse::<Version>(), Err(VersionError), "{bad:?}");
            assert!(from_bytes::<Version>(&to_bytes(&bad)).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn versions_round_trip(text in "[1-9][0-9]{0,3}\\.[1-9][0-9]?\\.[0-9](-[a-z]{1,3}(\\.[a-z0-9]{0,2}[a-z])?)?") {
            let read = version(&text);
            prop_assert_eq!(read.to_string(), text);
            prop_assert_eq!(from_bytes::<Version>(&to_bytes(&read)), Ok(read));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "[0-9a.+-]{0,20}") {
            if let Ok(read) = text.parse::<Version>() {
                prop_assert_eq!(read.to_string(), text);
            }
        }
    }
}
