//! Every limit of this crate, with its intent, and the amounts that `limits.json` sets.

use crate::facts::{Amount, Facts};
use crate::json::{self, UniqueMap};
use crate::{PolicyError, PolicyFile};
use alloy_primitives::U256;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Longest file of a bundle, in bytes: a policy is read by people.
pub const FILE_BYTES_MAX: usize = 64 << 10;
/// Most rules of a policy; a decision looks at all of them.
pub const RULES_MAX: usize = 256;
/// Most operators of one rule: bounds the depth of what Cedar walks recursively, so that no
/// text exhausts a stack and every node judges alike (POL-05).
pub const OPERATORS_MAX: usize = 512;
/// Deepest nesting of brackets in a rule.
pub const NESTING_MAX: usize = 32;
/// Most entries of `limits.json`, of `lists.json`, and lists' lengths together.
pub const ENTRIES_MAX: usize = 4_096;
/// Most cases of `cases.json`.
pub const CASES_MAX: usize = 1_024;
/// Longest reason in a decision, in bytes; longer ones are cut.
pub const REASON_BYTES_MAX: usize = 1_024;
/// Latest expiry of a request or approval, in milliseconds from now: 30 days.
pub const LIFETIME_MS_MAX: u64 = 30 * 24 * 60 * 60 * 1_000;

/// The named amounts of `limits.json`.
#[derive(Debug, Clone)]
pub(crate) struct Limits(BTreeMap<String, Limit>);

/// One limit: the most of one asset that an intent may move, or spend on fees.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limit {
    /// Of what.
    pub asset: String,
    /// How much, in its smallest unit.
    #[serde(with = "crate::facts::decimal")]
    pub max: U256,
    /// What is measured.
    #[serde(default)]
    pub of: Measure,
}

/// What a limit measures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Measure {
    /// What leaves the key for others.
    #[default]
    Amount,
    /// What the chain takes, at most.
    Fee,
}

impl Limits {
    /// Reads `limits.json`.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let UniqueMap(limits) = json::parse::<UniqueMap<Limit>>(PolicyFile::Limits, text)?;
        json::check_names(PolicyFile::Limits, limits.keys())?;
        Ok(Self(limits))
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The limit of a name.
    pub fn get(&self, name: &str) -> Option<&Limit> {
        self.0.get(name)
    }

    /// Names of the limits that an intent keeps (POL-08).
    pub fn within(&self, facts: &Facts) -> Vec<&str> {
        let kept = self.0.iter().filter(|(_, limit)| limit.keeps(facts));
        kept.map(|(name, _)| name.as_str()).collect()
    }
}

impl Limit {
    /// An intent keeps a limit if it states what is measured, states nothing of another asset,
    /// and the exact sum is at most the limit. What a call or a creation moves is not known.
    fn keeps(&self, facts: &Facts) -> bool {
        let measured: &[Amount] = match self.of {
            Measure::Amount if facts.calls || facts.creates => return false,
            Measure::Amount => &facts.moves,
            Measure::Fee => &facts.fees,
        };
        let one_asset = measured.iter().all(|amount| amount.asset == self.asset);
        let sum =
            measured.iter().try_fold(U256::ZERO, |sum, amount| sum.checked_add(amount.amount));
        !measured.is_empty() && one_asset && sum.is_some_and(|sum| sum <= self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits::parse(
            r#"{"one":{"asset":"ether","max":"1000000000000000000"},
                "fair":{"asset":"ether","max":"10","of":"fee"},
                "any":{"asset":"ether","max":"115792089237316195423570985008687907853269984665640564039457584007913129639935"}}"#,
        )
        .unwrap()
    }

    fn moving(amounts: &[(&str, &str)]) -> Facts {
        let amounts = amounts.iter().map(|(asset, amount)| Amount {
            asset: asset.to_string(),
            amount: amount.parse().unwrap(),
        });
        Facts { moves: amounts.collect(), ..Facts::of_kind("evm.transaction") }
    }

    #[test]
    fn pol_08_amounts_are_compared_exactly() {
        let one = "1000000000000000000";
        let more = "1000000000000000001";
        let largest = U256::MAX.to_string();
        for (amounts, within) in [
            (&[("ether", one)][..], vec!["any", "one"]),
            (&[("ether", more)], vec!["any"]),
            (&[("ether", "1"), ("ether", one)], vec!["any"]),
            (&[("ether", &largest)], vec!["any"]),
            (&[("ether", &largest), ("ether", "1")], vec![]),
            (&[("ether", "1"), ("token", "1")], vec![]),
            (&[("token", "1")], vec![]),
            (&[], vec![]),
        ] {
            assert_eq!(limits().within(&moving(amounts)), within, "{amounts:?}");
        }
    }

    #[test]
    fn pol_08_what_a_call_moves_is_not_known_but_its_fee_is() {
        let fee = vec![Amount { asset: "ether".into(), amount: U256::from(10) }];
        let transfer = Facts { fees: fee, ..moving(&[("ether", "1")]) };
        assert_eq!(limits().within(&transfer), ["any", "fair", "one"]);
        let call = Facts { calls: true, ..transfer.clone() };
        let creation = Facts { creates: true, ..transfer };
        assert_eq!(limits().within(&call), ["fair"]);
        assert_eq!(limits().within(&creation), ["fair"]);
    }

    #[test]
    fn pol_03_a_limits_file_has_one_meaning() {
        for bad in [
            "",
            "[]",
            r#"{"a":{"asset":"ether","max":"1"},"a":{"asset":"ether","max":"2"}}"#,
            r#"{"a":{"asset":"ether","max":"1","max":"2"}}"#,
            r#"{"a":{"asset":"ether","max":1}}"#,
            r#"{"a":{"asset":"ether","max":"01"}}"#,
            r#"{"a":{"asset":"ether","max":"-1"}}"#,
            r#"{"a":{"asset":"ether","max":"0x1"}}"#,
            r#"{"a":{"asset":"ether","max":"1","window":"1h"}}"#,
            r#"{"a":{"max":"1"}}"#,
            r#"{"A b":{"asset":"ether","max":"1"}}"#,
            r#"{"a":{"asset":"ether","max":"115792089237316195423570985008687907853269984665640564039457584007913129639936"}}"#,
        ] {
            assert!(Limits::parse(bad).is_err(), "{bad}");
        }
    }
}
