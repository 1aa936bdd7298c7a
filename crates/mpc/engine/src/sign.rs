//! Signing sessions, erased.

use crate::{Failure, Inbound, KeyPublic, KeyShare, PairSetup, Permit, Progress, Seed, Tweak};
use quorate_codec::Digest;
use quorate_identity::NodeId;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// What a signing session begins with.
#[derive(Debug)]
pub struct OpenPlan {
    /// The permission, consumed.
    pub permit: Permit,
    /// How the key is changed before it signs.
    pub tweak: Tweak,
    /// The key.
    pub public: Arc<KeyPublic>,
    /// This node's shares of it.
    pub share: Arc<KeyShare>,
    /// Who takes part: exactly the parties of a canonical selection.
    pub quorum: BTreeSet<NodeId>,
    /// This node, one of the quorum.
    pub me: NodeId,
    /// The set-ups with all others of the quorum; ECDSA only.
    pub pairs: BTreeMap<NodeId, Arc<PairSetup>>,
}

/// A session whose first message is out. Holds nonces: consumed by [`begin`](Self::begin), never
/// stored. Secret.
pub struct Opening {
    _private: (),
}

/// Checks everything that can be checked before a session, and makes the first message, which
/// depends on no share.
///
/// # Errors
/// [`crate::Fault::Caller`] for a quorum, payload, tweak or set-up that does not fit;
/// [`crate::Fault::Machine`] for damaged material.
pub fn open(plan: OpenPlan, seed: Seed) -> Result<(Opening, Vec<u8>), Failure> {
    let _ = (plan, seed);
    todo!()
}

impl Opening {
    /// Begins, once the first messages of all parties are here and the context, which covers
    /// them, is agreed. `firsts` holds the message of every other party of the quorum.
    ///
    /// # Errors
    /// [`Failure`]: the session is over, its nonces are wiped.
    pub fn begin(
        self,
        context: Digest,
        firsts: Vec<Inbound>,
        seed: Seed,
    ) -> Result<Progress, Failure> {
        let _ = (context, firsts, seed);
        todo!()
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Opening(secret)")
    }
}
