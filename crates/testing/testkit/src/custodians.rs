//! Custodians of a founded domain: recovery keys in memory, and what they answer.

use crate::founding::{Founding, name};
use quorate_backup::possession::{Challenge, answer};
use quorate_backup::{Opener, Parameters, SoftKey, SoftKind};
use quorate_charter::{Custodian, Custody};
use quorate_client::contract::CustodyView;
use quorate_codec::from_bytes;
use quorate_identity::Name;
use quorate_machine::call::Call;
use std::collections::BTreeMap;

/// Who restores in a founded domain, two of them together.
pub const CUSTODIANS: [&str; 3] = ["greta", "hugo", "iris"];

/// A proof for worlds in which thousands of epochs are made. Whoever cheats in it succeeds once in
/// C(16, 8) = 12 870 times; what larger ones bear is tested where they are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reduced {}

impl Parameters for Reduced {
    const ROWS: u16 = 16;
    const CLOSED: u16 = 8;
}

/// Recovery keys that follow from seeds, by custodian.
pub struct RecoveryKeys(BTreeMap<Name, SoftKey>);

impl RecoveryKeys {
    /// One for each of these custodians.
    pub fn new(custodians: &[&str], mut random: impl FnMut() -> [u8; 32]) -> Self {
        let mut key = |who: &&str| (name(who), SoftKey::from_seed(SoftKind::X25519, &random()));
        Self(custodians.iter().map(&mut key).collect())
    }

    /// A custody of all of them, of whom so many together restore.
    ///
    /// # Panics
    /// Fewer than the threshold.
    pub fn custody(&self, threshold: u8) -> Custody {
        let one =
            |(who, key): (&Name, &SoftKey)| Custodian::new(who.clone(), key.public().to_bytes());
        Custody::some_of(threshold, self.0.iter().map(one).collect()).expect("enough custodians")
    }

    /// The key of a custodian.
    ///
    /// # Panics
    /// Nobody of that name.
    pub fn of(&self, who: &str) -> &SoftKey {
        &self.0[&name(who)]
    }

    /// What these custodians bring to a node that has not seen all their keys held.
    pub fn answers(&self, view: &CustodyView) -> Vec<Call> {
        let open = view.custodians.iter().filter(|custodian| !custodian.is_shown);
        let answered = open.filter_map(|custodian| {
            let key = self.0.get(&custodian.name)?;
            let challenge: Challenge = from_bytes(&custodian.challenge.as_ref()?.0).ok()?;
            let answer = answer(key, view.genesis, view.node, &challenge).ok()??;
            Some(Call::ShowPossession { key: custodian.key, answer })
        });
        answered.collect()
    }
}

impl Founding {
    /// What the founding custodians bring to a node.
    pub fn answers(&self, view: &CustodyView) -> Vec<Call> {
        self.recovery_keys.answers(view)
    }
}
