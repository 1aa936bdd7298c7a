//! The named lists of destinations that `lists.json` sets.

use crate::facts::Facts;
use crate::json::{self, UniqueMap};
use crate::limits::ENTRIES_MAX;
use crate::{PolicyError, PolicyFile};
use alloy_primitives::Address;
use std::collections::{BTreeMap, BTreeSet};

/// Named sets of destinations, each in its one text form.
#[derive(Debug, Clone)]
pub(crate) struct Lists(BTreeMap<String, BTreeSet<String>>);

impl Lists {
    /// Reads `lists.json`.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let UniqueMap(lists) = json::parse::<UniqueMap<Vec<String>>>(PolicyFile::Lists, text)?;
        json::check_names(PolicyFile::Lists, lists.keys())?;
        if lists.values().map(Vec::len).sum::<usize>() > ENTRIES_MAX {
            return Err(PolicyError::TooLong { file: PolicyFile::Lists });
        }
        let read = |(name, entries): (String, Vec<String>)| Ok((name, unique(entries)?));
        lists.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The list of a name.
    pub fn get(&self, name: &str) -> Option<&BTreeSet<String>> {
        self.0.get(name)
    }

    /// Lists that hold every destination; none if there is no destination (POL-09).
    pub fn with_all(&self, facts: &Facts) -> Vec<&str> {
        match facts.to.is_empty() {
            true => Vec::new(),
            false => self.names_where(|list| facts.to.is_subset(list)),
        }
    }

    /// Lists that hold at least one destination.
    pub fn with_any(&self, facts: &Facts) -> Vec<&str> {
        self.names_where(|list| !facts.to.is_disjoint(list))
    }

    fn names_where(&self, holds: impl Fn(&BTreeSet<String>) -> bool) -> Vec<&str> {
        let held = self.0.iter().filter(|(_, list)| holds(list));
        held.map(|(name, _)| name.as_str()).collect()
    }
}

fn unique(entries: Vec<String>) -> Result<BTreeSet<String>, PolicyError> {
    let count = entries.len();
    let mut list = BTreeSet::new();
    for entry in entries {
        check_destination(&entry)?;
        list.insert(entry);
    }
    let repeated = list.len() != count;
    if repeated { Err(PolicyError::Repeated { file: PolicyFile::Lists }) } else { Ok(list) }
}

/// A destination that is not in the text form in which decoders print it would never match, and
/// a rule that forbids it would stay silent.
pub(crate) fn check_destination(entry: &str) -> Result<(), PolicyError> {
    let canonical = match entry.starts_with("0x") {
        true => Address::parse_checksummed(entry, None).is_ok(),
        false => {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            (14..=128).contains(&entry.len()) && entry.bytes().all(plain)
        }
    };
    if canonical { Ok(()) } else { Err(PolicyError::Destination(entry.chars().take(96).collect())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
    const SECOND: &str = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
    const THIRD: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

    fn facts(to: &[&str]) -> Facts {
        Facts {
            to: to.iter().map(|entry| entry.to_string()).collect(),
            ..Facts::of_kind("evm.transaction")
        }
    }

    #[test]
    fn pol_09_all_destinations_or_none() {
        let json = format!(r#"{{"few":["{FIRST}"],"many":["{FIRST}","{THIRD}"],"none":[]}}"#);
        let lists = Lists::parse(&json).unwrap();
        for (to, all, any) in [
            (&[FIRST][..], vec!["few", "many"], vec!["few", "many"]),
            (&[FIRST, THIRD], vec!["many"], vec!["few", "many"]),
            (&[FIRST, SECOND], vec![], vec!["few", "many"]),
            (&[SECOND], vec![], vec![]),
            (&[], vec![], vec![]),
        ] {
            assert_eq!(lists.with_all(&facts(to)), all, "{to:?}");
            assert_eq!(lists.with_any(&facts(to)), any, "{to:?}");
        }
    }

    #[test]
    fn pol_03_a_destination_has_one_text() {
        let lower = FIRST.to_lowercase();
        let upper = THIRD.to_uppercase();
        let flipped = FIRST.replace("C8", "c8");
        for bad in [&lower, &upper, &flipped, "0x00", "", "payee", "bcrt1 q"] {
            assert!(Lists::parse(&format!(r#"{{"l":["{bad}"]}}"#)).is_err(), "{bad}");
        }
        assert!(Lists::parse(&format!(r#"{{"l":["{FIRST}","{FIRST}"]}}"#)).is_err());
        assert!(Lists::parse(r#"{"l":[],"l":[]}"#).is_err());
        assert!(Lists::parse(r#"{"L":[]}"#).is_err());
    }
}
