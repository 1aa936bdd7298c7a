//! A machine's wish to take the seat of a node that was lost (`spec/charter.md`, GOV-60), or to get
//! what restores the keys of a domain that its own succeeds (`spec/succession.md`, SUC-01).

use crate::limits::{ASKS_MAX, RECOVERY_KEY_BYTES_MAX};
use crate::statement::{NodeStatement, Signed, StatementError};
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, tag, tag::Tag};
use quorate_identity::{GenesisHash, Head, NodeId, NodePublic, NodeSecrets, RecoveryKeyId};

/// Which seat, and the keys of the machine that wants it, signed by the statement key among them.
/// Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SeatClaim {
    /// Version of this form: 1.
    #[n(0)]
    pub version: u8,
    /// The domain of which something is to be restored.
    #[n(1)]
    pub genesis: GenesisHash,
    /// The node whose seat it is; of a successor the founding node.
    #[n(2)]
    pub node: NodeId,
    /// The keys that the node is to have from then on.
    #[n(3)]
    pub keys: NodePublic,
    /// The one-time key to which custodians encrypt what they open for the node (BAK-17). Opaque
    /// here: who votes for it looks at it.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub arrival: Vec<u8>,
    /// What the machine asks of the recovery keys that may restore its shares, ascending by key:
    /// whoever answers for one must hold it (BAK-20).
    #[n(5)]
    pub asks: Vec<Ask>,
}

/// A challenge to a custodian's recovery key, opaque here.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Ask {
    /// The key.
    #[n(0)]
    pub key: RecoveryKeyId,
    /// The challenge.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub challenge: Vec<u8>,
}

/// A claim and the signature of the machine that makes it. People compare the words of its digest.
pub type SignedSeatClaim = Signed<SeatClaim>;

/// That the charter gave a seat to another machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// The head that the entry made.
    pub entry: Head,
    /// Its position.
    pub position: u64,
    /// The claim that it granted.
    pub claim: SeatClaim,
}

impl SeatClaim {
    /// Whether one-time key and challenges have lengths that such have, and the keys that are asked
    /// ascend. What they are is for those who know curves.
    pub(crate) fn is_well_formed(&self) -> bool {
        let is_length = |bytes: &[u8]| (1..=RECOVERY_KEY_BYTES_MAX).contains(&bytes.len());
        is_length(&self.arrival)
            && self.asks.iter().all(|ask| is_length(&ask.challenge))
            && self.asks.is_sorted_by(|left, right| left.key < right.key)
            && self.asks.len() <= ASKS_MAX
    }
}

impl Canonical for SeatClaim {
    const BYTES_MAX: usize = 16
        + GenesisHash::BYTES_MAX
        + NodeId::BYTES_MAX
        + NodePublic::BYTES_MAX
        + RECOVERY_KEY_BYTES_MAX
        + ASKS_MAX * Ask::BYTES_MAX;
}

impl Canonical for Ask {
    const BYTES_MAX: usize = 8 + RecoveryKeyId::BYTES_MAX + RECOVERY_KEY_BYTES_MAX;
}

impl NodeStatement for SeatClaim {
    const TAG: Tag = tag::SEAT_CLAIM;

    fn version(&self) -> u8 {
        self.version
    }
}

impl SignedSeatClaim {
    /// Claims a seat with the keys that are to be in it.
    pub fn create(
        genesis: GenesisHash,
        node: NodeId,
        arrival: Vec<u8>,
        asks: Vec<Ask>,
        secrets: &NodeSecrets,
    ) -> Self {
        let claim = SeatClaim { version: 1, genesis, node, keys: secrets.public(), arrival, asks };
        Self::sign(claim, secrets)
    }

    /// Verifies form and signature; proves that whoever wrote it holds the statement key.
    ///
    /// # Errors
    /// [`StatementError`]; the fault of whoever supplied it.
    pub fn verify_own(&self) -> Result<(), StatementError> {
        self.check_version()?;
        self.check_signature(&self.body().keys)
    }
}
