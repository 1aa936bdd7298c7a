//! What a machine keeps while it waits for custodians' parts: the secrets behind what it asks.

use quorate_backup::handing::{Bond, ask};
use quorate_backup::possession::Challenge;
use quorate_backup::{Opener, RecoveryKey, SoftKey, SoftKind};
use quorate_charter::{Ask, Custodian, Custody};
use quorate_codec::to_bytes;
use quorate_identity::{GenesisHash, NodeId, RecoveryKeyId};
use rand_core::CryptoRngCore;
use std::collections::BTreeMap;
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The secrets of one claim to a seat, or of one drill: the seed of a hybrid one-time key (BAK-19) to
/// which custodians seal, and the coins of what it asks them. Secret, wiped when dropped, printed as
/// nothing. They serve once: with those of an earlier claim its parts would open too.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Arrival {
    seed: [u8; 32],
    coins: [u8; 32],
}

impl Arrival {
    /// Fresh ones.
    pub fn random(rng: &mut impl CryptoRngCore) -> Self {
        let mut arrival = Self { seed: [0; 32], coins: [0; 32] };
        rng.fill_bytes(&mut arrival.seed);
        rng.fill_bytes(&mut arrival.coins);
        arrival
    }

    /// Those that a machine kept, which the caller wipes.
    pub fn new(seed: &[u8; 32], coins: &[u8; 32]) -> Self {
        Self { seed: *seed, coins: *coins }
    }

    /// The seed, to be kept. Secret.
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The coins, to be kept. Secret.
    pub fn coins(&self) -> &[u8; 32] {
        &self.coins
    }

    /// The one-time key as it stands in a claim.
    pub fn public(&self) -> Vec<u8> {
        self.key().public().to_bytes()
    }

    /// What a claim to the seat of this node asks the keys that restore one by these custodies,
    /// ascending by key. `None` if one of them is none, for which nobody votes.
    pub fn asks<'a>(
        &self,
        genesis: GenesisHash,
        node: NodeId,
        custodies: impl IntoIterator<Item = &'a Custody>,
    ) -> Option<Vec<Ask>> {
        let restoring = |custody: &'a Custody| {
            let restore = custody.seats.parties();
            custody.custodians.iter().filter(move |it| restore.contains(&it.name))
        };
        self.asks_of(genesis, node, custodies.into_iter().flat_map(restoring))
    }

    /// What is asked of the keys of these custodians, ascending by key. `None` if one of them is none.
    pub(crate) fn asks_of<'a>(
        &self,
        genesis: GenesisHash,
        node: NodeId,
        custodians: impl Iterator<Item = &'a Custodian>,
    ) -> Option<Vec<Ask>> {
        let keys: BTreeMap<RecoveryKeyId, &Custodian> =
            custodians.map(|custodian| (custodian.key_id(), custodian)).collect();
        let ask = |(id, custodian): (RecoveryKeyId, &Custodian)| {
            let key = RecoveryKey::from_bytes(&custodian.key).ok()?;
            let (challenge, _) = self.ask(genesis, node, &key)?;
            Some(Ask { key: id, challenge: to_bytes(&challenge) })
        };
        keys.into_iter().map(ask).collect()
    }

    /// The one-time key.
    pub(crate) fn key(&self) -> SoftKey {
        SoftKey::from_seed(SoftKind::Hybrid, &self.seed)
    }

    /// What is asked of the holder of a key, and what makes their part theirs.
    pub(crate) fn ask(
        &self,
        genesis: GenesisHash,
        node: NodeId,
        key: &RecoveryKey,
    ) -> Option<(Challenge, Bond)> {
        ask(genesis, node, key, &self.coins)
    }
}

impl fmt::Debug for Arrival {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Arrival")
    }
}
