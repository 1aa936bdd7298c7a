//! Round 1: nonce points are committed to, and transfers are extended. Nothing here depends on the
//! key share.

use super::round2::{self, ExpectProducts, Heard, Signing};
use super::{Aim, Digests, Letters, Session};
use crate::{EcdsaCurve, EcdsaError};
use quorate_codec::tag::{self, Tag};
use quorate_codec::{Digest, Transcript};
use quorate_curve::{NonIdentity, Point, SecretScalar};
use quorate_identity::NodeId;
use quorate_pair::product::Bob;
use rand_core::{CryptoRngCore, RngCore};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Bytes that only a decision makes public. In a box, so that no copy stays behind when it is moved.
pub(crate) type Opening = Box<Zeroizing<[u8; 32]>>;

/// Waits for the commitments of all other parties. Holds nonces, each used once: consumed by the
/// next round, wiped when dropped, never stored.
pub struct ExpectCommitments<C: EcdsaCurve, A: Aim = Digests> {
    session: Session<C, A>,
    nonces: Vec<Nonce<C>>,
    /// What is opened later than the nonce points, if anything.
    openings: Vec<Opening>,
    /// This node's commitments to both.
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

pub(crate) fn commit<C: EcdsaCurve, A: Aim>(
    session: Session<C, A>,
    rng: &mut impl CryptoRngCore,
) -> Result<(ExpectCommitments<C, A>, Letters), EcdsaError> {
    let mut rng = session.hedge(rng, &Letters::new());
    let nonces: Vec<Nonce<C>> = Nonce::several(session.aim.count(), &mut rng)?;
    let points = nonces.iter().map(|nonce| &*nonce.encoded);
    let mut own = commitments(tag::ECDSA_COMMITMENT, &session.run, session.me, points);
    let draw = |_| {
        let mut opening = Opening::default();
        rng.fill_bytes(opening.as_mut_slice());
        opening
    };
    let openings: Vec<Opening> = (0..session.aim.openings()).map(draw).collect();
    let bytes = openings.iter().map(|opening| opening.as_slice());
    own.extend(commitments(tag::ECDSA_OPENING, &session.run, session.me, bytes));
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
    Ok((ExpectCommitments { session, nonces, openings, own, bobs }, letters))
}

/// A party's commitments.
pub(super) fn commitments<'p>(
    tag: Tag,
    run: &Digest,
    party: NodeId,
    values: impl Iterator<Item = &'p [u8]>,
) -> Vec<u8> {
    values.enumerate().flat_map(|(at, value)| commitment(tag, run, party, at, value)).collect()
}

/// A party's commitment to the value at a place. To encoded nonce points and to random bytes it needs
/// no salt, because nobody can guess these.
pub(crate) fn commitment(
    tag: Tag,
    run: &Digest,
    party: NodeId,
    place: usize,
    value: &[u8],
) -> [u8; 32] {
    Transcript::new(tag).part(run).part(party).number(place as u64).part(value).digest().0
}

impl<C: EcdsaCurve, A: Aim> ExpectCommitments<C, A> {
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
    ) -> Result<(ExpectProducts<C, A>, Letters), EcdsaError> {
        let Self { session, nonces, openings, own, bobs } = self;
        let count = session.aim.count();
        let committed_bytes = 32 * (count + session.aim.openings());
        let mut theirs = BTreeMap::new();
        let mut extensions = BTreeMap::new();
        let name = |setup: &_| session.name(1, Some(setup), None);
        // Both directions have extensions of the same length.
        let extension_bytes = |setup: &_| session.terms(session.me).bob_bytes::<C>(setup);
        let bytes = |setup: &_| committed_bytes + extension_bytes(setup);
        for (sender, mut reader) in session.read(messages, name, bytes)? {
            let committed = reader.take(committed_bytes);
            theirs.insert(sender, committed.ok_or_else(|| EcdsaError::malformed(sender))?.to_vec());
            extensions.insert(sender, reader.rest());
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
        let heard = Heard { theirs, digest: heard };
        round2::multiply(session, signings, openings, bobs, heard, &extensions, &mut rng)
    }
}

impl<C: EcdsaCurve> Nonce<C> {
    fn several(count: usize, rng: &mut impl CryptoRngCore) -> Result<Vec<Self>, EcdsaError> {
        let mut draw = || (SecretScalar::random(rng), SecretScalar::random(rng));
        let drawn: Vec<_> = (0..count).map(|_| draw()).collect();
        let keys: Vec<&SecretScalar<C>> = drawn.iter().map(|(key, _)| key).collect();
        // By a chance of 2^-256 one of them is zero.
        let points = points(&keys, "a nonce is zero")?;
        let encoded = NonIdentity::all_to_bytes(&points);
        let made = drawn.into_iter().zip(points).zip(encoded);
        Ok(made.map(|(((key, mask), point), encoded)| Self { key, point, encoded, mask }).collect())
    }
}

/// The points of secret values, none of which is zero but by chance.
pub(super) fn points<C: EcdsaCurve>(
    secrets: &[&SecretScalar<C>],
    reason: &'static str,
) -> Result<Vec<NonIdentity<C>>, EcdsaError> {
    let points = SecretScalar::commit_each(secrets).into_iter().map(Point::non_identity);
    points.collect::<Result<_, _>>().map_err(|_| EcdsaError::machine(reason))
}
