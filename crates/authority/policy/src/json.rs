//! JSON read so that it has one meaning: no unknown fields, no key twice, plain names (POL-03).

use crate::limits::{ENTRIES_MAX, FILE_BYTES_MAX};
use crate::{PolicyError, PolicyFile};
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// Parses one file of a bundle.
pub(crate) fn parse<T: DeserializeOwned>(file: PolicyFile, text: &str) -> Result<T, PolicyError> {
    if text.len() > FILE_BYTES_MAX {
        return Err(PolicyError::TooLong { file });
    }
    serde_json::from_str(text)
        .map_err(|error| PolicyError::Json { file, reason: error.to_string() })
}

/// Names in a file are what Cedar text quotes: `a-z`, `0-9`, `-`, beginning with a letter.
pub(crate) fn check_names<'a>(
    file: PolicyFile,
    names: impl Iterator<Item = &'a String>,
) -> Result<(), PolicyError> {
    for name in names {
        if !is_plain_name(name) {
            return Err(PolicyError::Name { file, name: name.clone() });
        }
    }
    Ok(())
}

/// 1 to 64 characters of `a-z`, `0-9` and `-`, beginning with a letter.
pub(crate) fn is_plain_name(name: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(plain)
}

/// A JSON object whose keys differ; serde's own maps would keep the last of two equal keys.
#[derive(Debug)]
pub(crate) struct UniqueMap<V>(pub BTreeMap<String, V>);

impl<'de, V: serde::Deserialize<'de>> serde::Deserialize<'de> for UniqueMap<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UniqueVisitor(PhantomData))
    }
}

struct UniqueVisitor<V>(PhantomData<V>);

impl<'de, V: serde::Deserialize<'de>> Visitor<'de> for UniqueVisitor<V> {
    type Value = UniqueMap<V>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((key, value)) = access.next_entry::<String, V>()? {
            if map.len() >= ENTRIES_MAX {
                return Err(A::Error::custom("too many entries"));
            }
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("'{key}' appears twice")));
            }
            map.insert(key, value);
        }
        Ok(UniqueMap(map))
    }
}
