//! Round 2: signature shares (RFC 9591, section 5.2) are summed (section 5.3), and only what
//! verifies comes out. If it does not, the liar is found by its share (section 5.4).

use crate::round1::{Nonces, Session};
use crate::signing::Signing;
use crate::{Letters, SchnorrError, Signature, Suite, signature, wire};
use quorate_codec::Digest;
use quorate_curve::{Scalar, SecretScalar};
use quorate_identity::NodeId;
use std::collections::{BTreeMap, BTreeSet};

/// Waits for the signature shares of all other parties. Holds no secret: the nonces are gone.
pub struct ExpectShares<S: Suite> {
    session: Session<S>,
    run: Digest,
    signings: Vec<Signing<S>>,
    own: Vec<Scalar<S::Curve>>,
}

/// What all parties said of one message.
pub(crate) struct Sum<'s, S: Suite> {
    pub signing: &'s Signing<S>,
    pub shares: BTreeMap<NodeId, Scalar<S::Curve>>,
    /// z.
    pub sum: Scalar<S::Curve>,
}

const SHARE_BYTES: usize = 32;

/// This node's share of every signature, with its summand of the key that signs.
pub(crate) fn share<S: Suite>(
    session: Session<S>,
    run: Digest,
    signings: Vec<Signing<S>>,
    nonces: Vec<Nonces<S::Curve>>,
    share: &SecretScalar<S::Curve>,
) -> Result<(ExpectShares<S>, Vec<u8>), SchnorrError> {
    let mut own = Vec::with_capacity(signings.len());
    for (signing, nonces) in signings.iter().zip(nonces) {
        let factor = signing.factor(&session.me);
        let factor = factor.ok_or_else(|| SchnorrError::machine("a nonce was not committed to"))?;
        own.push(signature_share(signing, factor, nonces, share));
    }
    let message = wire::encode(run, own.iter().map(|share| share.to_bytes().to_vec()));
    Ok((ExpectShares { session, run, signings, own }, message))
}

/// z_i = ±(d_i + ρ_i e_i) + c X_i. It uses the nonces up.
pub(crate) fn signature_share<S: Suite>(
    signing: &Signing<S>,
    factor: Scalar<S::Curve>,
    Nonces { hiding, binding }: Nonces<S::Curve>,
    share: &SecretScalar<S::Curve>,
) -> Scalar<S::Curve> {
    let nonce = hiding.plus(&binding.times(factor));
    let nonce = if signing.is_negated { SecretScalar::zero().minus(&nonce) } else { nonce };
    nonce.plus(&share.times(signing.challenge)).reveal()
}

impl<S: Suite> ExpectShares<S> {
    /// From whom a message is awaited, ascending.
    pub fn awaits(&self) -> Vec<NodeId> {
        self.session.others()
    }

    /// Sums the shares. Either all signatures come out, in order, or none (SCH-12).
    ///
    /// # Errors
    /// A malformed message is its sender's fault; a sum that does not verify is that of exactly
    /// those whose share does not (SCH-13, N-42).
    pub fn handle(self, messages: &Letters) -> Result<Vec<Signature>, SchnorrError> {
        let Self { session, run, signings, own } = self;
        let received = session.read(messages, run, signings.len(), SHARE_BYTES, read)?;
        let mut sums = Vec::with_capacity(signings.len());
        for ((signing, own), mut shares) in signings.iter().zip(own).zip(received) {
            shares.insert(session.me, own);
            let sum = shares.values().fold(Scalar::zero(), |sum, share| sum + *share);
            sums.push(Sum { signing, shares, sum });
        }
        signature::all(&session, run, &sums).ok_or_else(|| session.blame(&sums))
    }
}

/// Canonical scalars (SCH-08).
fn read<C: quorate_curve::Curve>(items: &[&[u8]]) -> Option<Vec<Scalar<C>>> {
    items.iter().map(|item| Scalar::from_bytes(item).ok()).collect()
}

impl<S: Suite> Session<S> {
    /// Looks at every share of every message.
    fn blame(&self, sums: &[Sum<'_, S>]) -> SchnorrError {
        let publics = self.public_signing_shares();
        let shares =
            sums.iter().flat_map(|sum| sum.shares.iter().map(|share| (sum.signing, share)));
        let wrong = shares.filter(|(signing, (party, share))| {
            !publics.get(*party).is_some_and(|public| signing.holds(party, *public, **share))
        });
        let guilty: BTreeSet<NodeId> = wrong.map(|(_, (party, _))| *party).collect();
        if guilty.contains(&self.me) {
            return SchnorrError::machine("this node's own signature share is wrong");
        }
        if guilty.is_empty() {
            return SchnorrError::machine("right shares do not add up to a signature");
        }
        SchnorrError::peers(guilty.into_iter().collect(), "a signature share is wrong")
    }
}
