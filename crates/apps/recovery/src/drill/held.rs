//! What whoever starts a drill keeps until it is finished (REC-50).

use super::{Drill, DrillError, asking};
use crate::backup_file::BackupReader;
use crate::limits::CANARY_BYTES_MAX;
use crate::seat::Arrival;
use crate::verify::verify_canaries;
use minicbor::{Decode, Encode};
use quorate_backup::{Bundle, Proven, Recovery, Statement};
use quorate_charter::limits::CUSTODIANS_MAX;
use quorate_charter::{Custodian, CustodyTree};
use quorate_codec::{Canonical, from_bytes, to_bytes};
use quorate_curve::Ed25519;
use quorate_identity::{GenesisHash, Name, RecoveryKeyId};
use rand_core::CryptoRngCore;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use zeroize::{Zeroize, Zeroizing};

/// A drill with its secrets, which open what custodians seal: nothing but shares of a canary. Secret,
/// wiped when dropped, printed as its drill.
pub struct HeldDrill {
    pub(super) drill: Drill,
    pub(super) arrival: Arrival,
    pub(super) canary: Proven<Ed25519>,
    pub(super) names: BTreeMap<RecoveryKeyId, Name>,
    trees: Vec<CustodyTree>,
}

/// Its form.
#[derive(Encode, Decode)]
struct Kept {
    #[n(0)]
    drill: Drill,
    #[cbor(n(1), with = "minicbor::bytes")]
    seed: [u8; 32],
    #[cbor(n(2), with = "minicbor::bytes")]
    coins: [u8; 32],
    #[cbor(n(3), with = "minicbor::bytes")]
    canary: Vec<u8>,
    #[n(4)]
    recovery: Recovery,
    #[n(5)]
    names: Vec<(RecoveryKeyId, Name)>,
    #[n(6)]
    trees: Vec<CustodyTree>,
}

impl HeldDrill {
    /// Verifies a whole backup file of the domain with this genesis hash, which comes from elsewhere,
    /// and asks every custodian of a tree to open its canary.
    ///
    /// Cost: that of [`verify`](crate::verify::verify), and one encapsulation for each custodian.
    ///
    /// # Errors
    /// [`DrillError`].
    pub fn start<R: Read>(
        reader: BackupReader<R>,
        genesis: &GenesisHash,
        tree: CustodyTree,
        (started_by, started_ms): (Name, u64),
        rng: &mut impl CryptoRngCore,
    ) -> Result<Self, DrillError> {
        let (report, state, canaries) = verify_canaries(reader, genesis);
        let (state, export) = match (state, report.said) {
            (Some(state), Some(said)) if report.holds() => (state, said.export),
            _ => return Err(DrillError::Refused(Box::new(report))),
        };
        let canary = canaries.into_iter().find(|canary| canary.trees().contains(&tree));
        let canary = canary.ok_or(DrillError::NoCanaryFor(tree))?;
        let custodians = state.custody().custodians.iter();
        let asked: Vec<&Custodian> =
            custodians.filter(|it| canary.custodian(&it.key_id()).is_some()).collect();
        let arrival = Arrival::random(rng);
        let mut drill = Drill {
            version: Drill::VERSION,
            genesis: *genesis,
            export,
            canary: canary.digest(),
            arrival: arrival.public(),
            asks: Vec::new(),
            started_ms,
            started_by,
        };
        let asks = arrival.asks_of(*genesis, asking(drill.id()), asked.iter().copied());
        drill.asks = asks.ok_or(DrillError::NoCanaryFor(tree))?;
        let names = asked.iter().map(|it| (it.key_id(), it.name.clone())).collect();
        let trees = canary.trees().to_vec();
        Ok(Self { drill, arrival, canary: canary.into_proven(), names, trees })
    }

    /// What custodians get.
    pub fn drill(&self) -> &Drill {
        &self.drill
    }

    /// For which trees of the custody it is.
    pub fn trees(&self) -> &[CustodyTree] {
        &self.trees
    }

    /// The canary, as nodes verify it.
    pub fn canary(&self) -> Vec<u8> {
        self.canary.to_bytes()
    }

    /// All custodians of the canary, by their keys.
    pub fn custodians(&self) -> &BTreeMap<RecoveryKeyId, Name> {
        &self.names
    }

    /// To be kept. Secret.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let names = self.names.iter().map(|(key, name)| (*key, name.clone()));
        let kept = Kept {
            drill: self.drill.clone(),
            seed: *self.arrival.seed(),
            coins: *self.arrival.coins(),
            canary: self.canary.to_bytes(),
            recovery: self.canary.statement().recovery.clone(),
            names: names.collect(),
            trees: self.trees.clone(),
        };
        Zeroizing::new(to_bytes(&kept))
    }

    /// The inverse, for the machine that kept it; `None` for anything else.
    ///
    /// Cost: that of verifying the canary.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let kept: Kept = from_bytes(bytes).ok()?;
        let bundle: Bundle<Ed25519> = from_bytes(&kept.canary).ok()?;
        let statement = Statement {
            author: bundle.claimed_author(),
            subject: bundle.claimed_subject().clone(),
            publics: bundle.claimed_publics().to_vec(),
            recovery: kept.recovery.clone(),
        };
        Some(Self {
            canary: bundle.verify(&statement).ok()?,
            arrival: Arrival::new(&kept.seed, &kept.coins),
            drill: kept.drill.clone(),
            names: kept.names.iter().cloned().collect(),
            trees: kept.trees.clone(),
        })
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.seed.zeroize();
        self.coins.zeroize();
    }
}

impl Canonical for Kept {
    const BYTES_MAX: usize = 128
        + Drill::BYTES_MAX
        + CANARY_BYTES_MAX
        + Recovery::BYTES_MAX
        + CUSTODIANS_MAX * (RecoveryKeyId::BYTES_MAX + Name::BYTES_MAX + 1);
}

impl fmt::Debug for HeldDrill {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "HeldDrill({})", self.drill.id())
    }
}
