//! Presignatures: the first two rounds of signing, made ahead of time, many in one extension.
//!
//! ```text
//! ahead     start → ExpectCommitments → ExpectProducts → Vec<Presignature>
//! online    decide → ExpectOpenings → sign::ExpectParts → Vec<Signature>
//! ```
//!
//! What is ahead is `sign`'s, with the key itself and nothing that is signed; in round 1 every party
//! also commits to bytes. A decision about a request takes a presignature and opens them. Then the
//! nonce point is moved by a value that nobody could know or try before key, path and digest were
//! fixed (Groth and Shoup, ePrint 2021/1330), and one message makes the signature.
//!
//! A presignature is a nonce, and is kept like one: in memory, used once, gone with the process.

#[cfg(test)]
mod attacks;
mod online;

pub use online::{Decision, ExpectOpenings, decide};

use crate::sign::round1::{self, Opening};
use crate::sign::round2::{Ready, Summand};
use crate::sign::{Aim, ExpectCommitments, ExpectProducts, Letters, Place, Session};
use crate::{EcdsaCurve, EcdsaError};
use quorate_codec::tag::{self, Tag};
use quorate_codec::{Digest, Transcript};
use quorate_curve::{NonIdentity, SecretScalar};
use quorate_identity::NodeId;
use quorate_pair::Setup;
use rand_core::CryptoRngCore;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// How many presignatures are made, with what and with whom.
pub struct Plan<C: EcdsaCurve> {
    /// Binds everything that all parties agree on, fresh for every session.
    pub binding: Digest,
    /// The quorum.
    pub parties: BTreeSet<NodeId>,
    /// This node, one of them.
    pub me: NodeId,
    /// This node's summand of the secret key: the summands of the quorum add up to it. Secret.
    pub share: SecretScalar<C>,
    /// The public key: of the key itself, whatever its children sign later.
    pub public_key: NonIdentity<C>,
    /// The set-ups with all others.
    pub pairs: BTreeMap<NodeId, Arc<Setup>>,
    /// How many: 1 to 64.
    pub count: usize,
}

/// So many presignatures.
pub struct Ahead(usize);

/// One party's part of a signature of which only the message is missing. Used for two messages it
/// gives the party's share of the key away: so it is consumed by [`decide`], never copied, never
/// stored. Secret, wiped when dropped.
pub struct Presignature<C: EcdsaCurve> {
    /// The same at all its parties.
    name: Digest,
    parties: Arc<Parties<C>>,
    summand: Summand<C>,
    opening: Opening,
    /// What the others committed to.
    commitments: BTreeMap<NodeId, [u8; 32]>,
    place: usize,
}

/// What all presignatures of a session have in common.
struct Parties<C: EcdsaCurve> {
    run: Digest,
    me: NodeId,
    others: Vec<NodeId>,
    public_key: NonIdentity<C>,
}

/// Begins: the state that waits for the first messages, and the own ones (ECD-13).
///
/// # Errors
/// [`crate::Fault::Caller`] for a plan that does not fit together, as in [`crate::sign::start`].
pub fn start<C: EcdsaCurve>(
    plan: Plan<C>,
    rng: &mut impl CryptoRngCore,
) -> Result<(ExpectCommitments<C, Ahead>, Letters), EcdsaError> {
    let Plan { binding, parties, me, share, public_key, pairs, count } = plan;
    let place = Place { binding, parties, me, share, public_key, pairs };
    round1::commit(Session::new(place, Ahead(count))?, rng)
}

impl Aim for Ahead {
    const RUN: Tag = tag::ECDSA_AHEAD;

    fn bind(&self, run: Transcript) -> Transcript {
        run.number(self.0 as u64)
    }

    fn count(&self) -> usize {
        self.0
    }

    fn openings(&self) -> usize {
        self.0
    }
}

impl<C: EcdsaCurve> ExpectProducts<C, Ahead> {
    /// Checks every opening and product; nothing is left to say.
    ///
    /// # Errors
    /// A malformed message is its sender's fault; a failed check is cheating.
    pub fn handle(self, messages: &Letters) -> Result<Vec<Presignature<C>>, EcdsaError> {
        let Ready { session, summands, openings, heard } = self.check(messages)?;
        let Session { run, me, public_key, .. } = &session;
        let parties =
            Parties { run: *run, me: *me, others: session.others(), public_key: *public_key };
        let parties = Arc::new(parties);
        let count = summands.len();
        let make = |(place, (summand, opening)): (usize, (Summand<C>, Opening))| {
            let name = Transcript::new(tag::ECDSA_PRESIGNATURE)
                .part(run)
                .part(heard.digest)
                .number(place as u64)
                .part(summand.nonce_point.to_bytes());
            let commitment = |(party, all): (&NodeId, &Vec<u8>)| {
                // Behind those to the nonce points.
                let of_place = all.get(32 * (count + place)..)?.first_chunk()?;
                Some((*party, *of_place))
            };
            let commitments = heard.theirs.iter().filter_map(commitment).collect();
            let parties = Arc::clone(&parties);
            Presignature { name: name.digest(), parties, summand, opening, commitments, place }
        };
        Ok(summands.into_iter().zip(openings).enumerate().map(make).collect())
    }
}

impl<C: EcdsaCurve> Presignature<C> {
    /// Its name, the same at all its parties.
    pub fn name(&self) -> Digest {
        self.name
    }
}

impl<C: EcdsaCurve> fmt::Debug for Presignature<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Presignature(secret)")
    }
}
