//! Round 1: nonce points are committed to, and transfers are extended. Nothing here depends on the
//! key share.

use super::round2::{self, ExpectProducts, Signing};
use super::{Letters, Session};
use crate::{EcdsaCurve, EcdsaError};
use quorate_codec::{Digest, Transcript, tag};
use quorate_curve::{NonIdentity, SecretScalar};
use quorate_identity::NodeId;
use quorate_pair::product::Bob;
use rand_core::{CryptoRngCore, RngCore};
use std::collections::BTreeMap;

/// Waits for the commitments of all other parties. Holds nonces, each used once: consumed by the
/// next round, wiped when dropped, never stored.
pub struct ExpectCommitments<C: EcdsaCurve> {
    session: Session<C>,
    nonces: Vec<Nonce<C>>,
    /// What this node committed to.
    own: Vec<u8>,
    bobs: BTreeMap<NodeId, Bob<C>>,
}

/// What a party draws for one digest.
pub(super) struct Nonce<C: EcdsaCurve> {
    /// r_i, the instance key.
    pub(super) key: SecretScalar<C>,
    /// R_i, and its encoding.
    pub(super) point: NonIdentity<C>,
    pub(super) encoded: Vec<u8>,
    /// φ_i, the mask.
    pub(super) mask: SecretScalar<C>,
}

pub(super) fn commit<C: EcdsaCurve>(
    session: Session<C>,
    rng: &mut impl CryptoRngCore,
) -> Result<(ExpectCommitments<C>, Letters), EcdsaError> {
    let mut rng = session.hedge(rng, &Letters::new());
    let nonces = session.digests.iter().map(|_| Nonce::random(&mut rng)).collect::<Option<_>>();
    // By a chance of 2^-256 one of them is zero.
    let nonces: Vec<Nonce<C>> = nonces.ok_or_else(|| EcdsaError::machine("a nonce is zero"))?;
    let own = commitments(&session.run, session.me, nonces.iter().map(|nonce| &*nonce.encoded));
    let mut letters = Letters::new();
    let mut bobs = BTreeMap::new();
    for (peer, setup) in &session.pairs {
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);
        let (bob, extension) = Bob::start(setup, &session.terms(session.me), &nonce);
        let name = session.name(1, Some(setup), None);
        letters.insert(*peer, [name.as_ref(), &own, &extension].concat());
        bobs.insert(*peer, bob);
    }
    Ok((ExpectCommitments { session, nonces, own, bobs }, letters))
}

/// A party's commitments to its nonce points, encoded, 32 bytes each: they need no salt, because
/// nobody can guess a point.
pub(super) fn commitments<'p>(
    run: &Digest,
    party: NodeId,
    points: impl Iterator<Item = &'p [u8]>,
) -> Vec<u8> {
    let commit = |(place, point): (usize, &[u8])| {
        let commitment = Transcript::new(tag::ECDSA_COMMITMENT).part(run).part(party);
        commitment.number(place as u64).part(point).digest().0
    };
    points.enumerate().flat_map(commit).collect()
}

impl<C: EcdsaCurve> ExpectCommitments<C> {
    /// From whom a message is awaited, ascending.
    pub fn awaits(&self) -> Vec<NodeId> {
        self.session.others()
    }

    /// Checks the extensions, multiplies as Alice, opens the nonce points.
    ///
    /// # Errors
    /// A malformed message is its sender's fault; a failed check is cheating.
    pub fn handle(
        self,
        messages: &Letters,
        rng: &mut impl CryptoRngCore,
    ) -> Result<(ExpectProducts<C>, Letters), EcdsaError> {
        let Self { session, nonces, own, bobs } = self;
        let count = session.digests.len();
        let mut theirs = BTreeMap::new();
        let mut extensions = BTreeMap::new();
        let name = |setup: &_| session.name(1, Some(setup), None);
        // Both directions have extensions of the same length.
        let extension_bytes = |setup: &_| session.terms(session.me).bob_bytes::<C>(setup);
        let bytes = |setup: &_| 32 * count + extension_bytes(setup);
        for (sender, mut reader) in session.read(messages, name, bytes)? {
            let committed = reader.take(32 * count);
            theirs.insert(sender, committed.ok_or_else(|| EcdsaError::malformed(sender))?.to_vec());
            extensions.insert(sender, reader.0);
        }
        // Everybody's, the own ones among them: what was said differently to different parties is
        // found before anything of round 2 is used (ECD-04).
        let mut everybodys: BTreeMap<NodeId, &[u8]> =
            theirs.iter().map(|(party, committed)| (*party, committed.as_slice())).collect();
        everybodys.insert(session.me, &own);
        let heard = Transcript::new(tag::ECDSA_COMMITMENTS).list(everybodys.values()).digest();
        let signings = (0..count).zip(nonces).map(|(at, nonce)| Signing::new(&session, at, nonce));
        let signings: Vec<Signing<C>> = signings.collect();
        let mut rng = session.hedge(rng, messages);
        round2::multiply(session, signings, bobs, theirs, heard, &extensions, &mut rng)
    }
}

impl<C: EcdsaCurve> Nonce<C> {
    fn random(rng: &mut impl CryptoRngCore) -> Option<Self> {
        let (key, mask) = (SecretScalar::random(rng), SecretScalar::random(rng));
        let point = key.commit().non_identity().ok()?;
        let encoded = point.to_bytes();
        Some(Self { key, point, encoded, mask })
    }
}
