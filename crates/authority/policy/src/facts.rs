//! What a policy knows of an intent: facts that a decoder read from its bytes, never fields
//! that somebody wrote beside them (N-73).

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Facts about one intent. Everything a rule may ask is derived from these.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// The kind of intent: the Cedar action.
    pub kind: String,
    /// Which account of the key signs.
    #[serde(default)]
    pub account: u16,
    /// Which child of the account signs: `m` for the account itself, or `m/0/5`.
    #[serde(default = "root")]
    pub path: String,
    /// Where it takes effect: `eip155:31337`, `bitcoin:regtest`; empty for what is no
    /// transaction.
    #[serde(default)]
    pub network: String,
    /// Every destination but the key itself, each in its one text form.
    #[serde(default)]
    pub to: BTreeSet<String>,
    /// What leaves the key for others, as far as the bytes say.
    #[serde(default)]
    pub moves: Vec<Amount>,
    /// What the chain takes, at most.
    #[serde(default)]
    pub fees: Vec<Amount>,
    /// It calls a contract: it carries input data for its destination.
    #[serde(default)]
    pub calls: bool,
    /// It creates a contract.
    #[serde(default)]
    pub creates: bool,
    /// The first four bytes of a call's input, 0x-hex.
    #[serde(default)]
    pub selector: Option<String>,
}

/// An exact amount of one asset, in its smallest unit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    /// `ether`, `bitcoin`, …
    pub asset: String,
    /// In the smallest unit; a decimal string in JSON.
    #[serde(with = "decimal")]
    pub amount: U256,
}

impl Facts {
    /// An intent of this kind that does nothing.
    pub fn of_kind(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            account: 0,
            path: root(),
            network: String::new(),
            to: BTreeSet::new(),
            moves: Vec::new(),
            fees: Vec::new(),
            calls: false,
            creates: false,
            selector: None,
        }
    }
}

/// The path of the key itself.
pub(crate) fn root() -> String {
    "m".to_owned()
}

/// A 256-bit number as a decimal string without sign and leading zeros.
pub(crate) mod decimal {
    use alloy_primitives::U256;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(number: &U256, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<U256, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = U256::from_str_radix(&text, 10).ok();
        let number = number.filter(|number| number.to_string() == text);
        number.ok_or_else(|| D::Error::custom("amounts are decimal strings below 2^256"))
    }
}
