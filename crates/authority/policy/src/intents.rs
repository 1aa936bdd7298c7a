//! Where intents meet the policy: their kinds are Cedar's actions, their facts what rules see.

use crate::facts::{Amount, Facts};
use alloy_primitives::U256;
use quorate_derivation::Path;
use quorate_identity::Scheme;
use quorate_intent::{Decoded, Intent, KeyFacts};

/// Every kind of intent that can be decoded.
pub(crate) use quorate_intent::KINDS;

impl Facts {
    /// What this node's own decoder read from the bytes (N-73), for the child of an account of
    /// the key at `path`.
    pub fn of(decoded: &Decoded, account: u16, path: &Path) -> Self {
        let facts = decoded.facts();
        Self {
            kind: decoded.kind().to_owned(),
            account,
            path: path.to_string(),
            network: facts.network,
            to: facts.to,
            moves: facts.moves.into_iter().map(Amount::from).collect(),
            fees: facts.fees.into_iter().map(Amount::from).collect(),
            calls: facts.calls,
            creates: facts.creates,
            selector: facts.selector,
        }
    }
}

impl From<(String, U256)> for Amount {
    fn from((asset, amount): (String, U256)) -> Self {
        Self { asset, amount }
    }
}

/// Facts of an intent for a key with this public key, decoded as a node would.
pub(crate) fn facts_of(
    intent: &Intent,
    scheme: Scheme,
    public_key: Vec<u8>,
) -> Result<Facts, String> {
    let decoded = intent.decode(&KeyFacts { scheme, public_key });
    decoded.map(|decoded| Facts::of(&decoded, 0, &Path::root())).map_err(|error| error.to_string())
}
