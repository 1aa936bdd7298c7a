//! Online: decisions open what was committed to, and one message makes the signatures.

use super::{Parties, Presignature};
use crate::sign::round1::commitment;
use crate::sign::round2::Summand;
use crate::sign::round3::{self, ExpectParts};
use crate::sign::{Letters, name};
use crate::{EcdsaCurve, EcdsaError};
use quorate_codec::{Digest, Transcript, tag};
use quorate_curve::{NonIdentity, Scalar};
use quorate_identity::NodeId;
use std::sync::Arc;

/// What is signed, and with which presignatures: one for each digest.
pub struct Decision<C: EcdsaCurve> {
    /// Consumed, whatever comes of it.
    pub presignatures: Vec<Presignature<C>>,
    /// What is signed, in order.
    pub digests: Vec<[u8; 32]>,
    /// By how much the secret key is larger that signs: a path's tweak, zero for the key itself.
    pub tweak: Scalar<C>,
    /// The key that signs.
    pub public_key: NonIdentity<C>,
}

/// Waits for the bytes that the other parties open.
pub struct ExpectOpenings<C: EcdsaCurve> {
    decision: Decision<C>,
    parties: Arc<Parties<C>>,
}

/// Opens what this node committed to: the state that waits for the same of the others, and the
/// message for all (ECD-14). The caller has taken the presignatures out of its stock.
///
/// # Errors
/// [`crate::Fault::Caller`]: not one presignature for each digest, not of one quorum and key, or not
/// of the key that signs.
pub fn decide<C: EcdsaCurve>(
    decision: Decision<C>,
) -> Result<(ExpectOpenings<C>, Vec<u8>), EcdsaError> {
    let Decision { presignatures, digests, tweak, public_key } = &decision;
    if presignatures.len() != digests.len() {
        return Err(EcdsaError::caller("a signature takes one presignature"));
    }
    let Some(first) = presignatures.first() else {
        return Err(EcdsaError::caller("there is nothing to sign"));
    };
    let parties = Arc::clone(&first.parties);
    if !presignatures.iter().all(|one| one.parties.is_like(&parties)) {
        return Err(EcdsaError::caller("presignatures of different quorums or keys"));
    }
    // What a presignature of another key signed would be a signature of that key.
    if parties.public_key.point() + tweak.commit() != public_key.point() {
        return Err(EcdsaError::caller("presignatures of another key"));
    }
    let message = presignatures.iter().flat_map(|one| **one.opening).collect();
    Ok((ExpectOpenings { decision, parties }, message))
}

impl<C: EcdsaCurve> Parties<C> {
    fn is_like(&self, other: &Self) -> bool {
        self.me == other.me && self.others == other.others && self.public_key == other.public_key
    }
}

impl<C: EcdsaCurve> ExpectOpenings<C> {
    /// From whom a message is awaited, ascending.
    pub fn awaits(&self) -> Vec<NodeId> {
        self.parties.others.clone()
    }

    /// Checks what was opened, moves the nonce points, and computes this node's part of the
    /// signatures: the same bytes for everybody (ECD-15, ECD-16). `binding` covers the context.
    ///
    /// # Errors
    /// A malformed message, or one that opens something else, is its sender's fault.
    pub fn handle(
        self,
        binding: Digest,
        messages: &Letters,
    ) -> Result<(ExpectParts<C>, Vec<u8>), EcdsaError> {
        let Self { decision, parties } = self;
        let Decision { presignatures, digests, tweak, public_key } = decision;
        if !messages.keys().eq(&parties.others) {
            return Err(EcdsaError::caller("a round takes one message from each other party"));
        }
        for (sender, message) in messages {
            if message.len() != 32 * presignatures.len() {
                return Err(EcdsaError::malformed(*sender));
            }
            for (one, opened) in presignatures.iter().zip(message.chunks(32)) {
                let fits =
                    commitment(tag::ECDSA_OPENING, &one.parties.run, *sender, one.place, opened);
                if one.commitments.get(sender) != Some(&fits) {
                    return Err(EcdsaError::peer(*sender, "a commitment does not open"));
                }
            }
        }
        let mut opened = messages.clone();
        opened.insert(parties.me, presignatures.iter().flat_map(|one| **one.opening).collect());
        let names = presignatures.iter().map(Presignature::name).collect();
        let decided = Decided {
            binding,
            public_key: parties.public_key,
            tweak,
            child: public_key,
            names,
            digests: digests.clone(),
            opened,
        };
        let decided = decided.digest();
        let mut moved = Vec::with_capacity(digests.len());
        for (at, (one, digest)) in presignatures.into_iter().zip(digests).enumerate() {
            let by = Transcript::new(tag::ECDSA_MOVE).part(decided).number(at as u64).wide();
            moved.push((digest, one.summand.moved(Scalar::from_wide(&by), tweak)?));
        }
        let name = name(&decided, 3, None, None);
        Ok(round3::say(parties.others.clone(), public_key, name, moved))
    }
}

/// Everything that the parties of a decision have in common. Public.
pub(super) struct Decided<C: EcdsaCurve> {
    pub binding: Digest,
    pub public_key: NonIdentity<C>,
    pub tweak: Scalar<C>,
    pub child: NonIdentity<C>,
    pub names: Vec<Digest>,
    pub digests: Vec<[u8; 32]>,
    /// What each party opened, of all presignatures.
    pub opened: Letters,
}

impl<C: EcdsaCurve> Decided<C> {
    /// D, from which the moves follow (ECD-15).
    pub fn digest(&self) -> Digest {
        Transcript::new(tag::ECDSA_DECIDED)
            .part(self.binding)
            .part(C::NAME)
            .part(self.public_key.to_bytes())
            .part(self.tweak.to_bytes())
            .part(self.child.to_bytes())
            .list(self.opened.keys())
            .list(&self.names)
            .list(&self.digests)
            .list(self.opened.values())
            .digest()
    }
}

impl<C: EcdsaCurve> Summand<C> {
    /// Of the nonce point R + by · G, and of the key that is larger by `tweak`.
    fn moved(self, by: Scalar<C>, tweak: Scalar<C>) -> Result<Self, EcdsaError> {
        let Self { nonce_point, u, v, mask } = self;
        let nonce_point = (nonce_point.point() + by.commit())
            .non_identity()
            .map_err(|_| EcdsaError::unattributed("the moved nonce point is the identity"))?;
        let (u, v) = (u.plus(&mask.times(by)), v.plus(&mask.times(tweak)));
        Ok(Self { nonce_point, u, v, mask })
    }
}
