//! Round 1: two nonces for every message, and commitments to them (RFC 9591, section 5.1).
//! Nothing here reveals anything about the share.

use crate::round2::{self, ExpectShares};
use crate::signing::{Commitments, Signing};
use crate::suite::SigningKey;
use crate::{Letters, SchnorrError, Suite, Tweak, wire};
use quorate_codec::{Digest, Transcript, tag};
use quorate_curve::{Curve, NonIdentity, Point, SecretScalar, SecretStream};
use quorate_identity::NodeId;
use rand_core::CryptoRngCore;
use std::collections::BTreeMap;
use zeroize::{Zeroize, Zeroizing};

/// What a session signs, with what and with whom.
pub struct Plan<S: Suite> {
    /// What all parties agree on before the session has its context.
    pub terms: Digest,
    /// This node, one of the quorum.
    pub me: NodeId,
    /// This node's summand of the secret key: the summands of the quorum add up to it. Secret.
    pub share: SecretScalar<S::Curve>,
    /// The same of everybody in the quorum, in public. The quorum is numbered 1, 2, … in this
    /// order (SCH-01).
    pub public_shares: BTreeMap<NodeId, NonIdentity<S::Curve>>,
    /// The public key.
    pub public_key: NonIdentity<S::Curve>,
    /// How the key is changed before it signs.
    pub tweak: Tweak,
    /// What is signed, in order.
    pub messages: Vec<Vec<u8>>,
}

/// Waits for the commitments of all other parties, and for the context that covers them. Holds
/// nonces, each used once: consumed by the next round, wiped when dropped, never stored.
pub struct ExpectCommitments<S: Suite> {
    session: Session<S>,
    first_run: Digest,
    /// This node's summand of the key that signs. Secret.
    share: SecretScalar<S::Curve>,
    nonces: Vec<Nonces<S::Curve>>,
    own: Vec<Commitments<S::Curve>>,
    messages: Vec<Vec<u8>>,
}

/// The nonces of one message: d and e. Secret.
pub(crate) struct Nonces<C: Curve> {
    pub hiding: SecretScalar<C>,
    pub binding: SecretScalar<C>,
}

/// What all rounds of a session share. Public values.
pub(crate) struct Session<S: Suite> {
    pub me: NodeId,
    public_shares: BTreeMap<NodeId, NonIdentity<S::Curve>>,
    pub public_key: NonIdentity<S::Curve>,
    pub tweak: Tweak,
    /// The key after its tweak.
    pub key: SigningKey<S::Curve>,
}

/// Makes nonces for every message: the state that waits for the others', and the own message.
///
/// # Errors
/// [`crate::Fault::Caller`] for a plan that does not fit together: this node not in the quorum,
/// nothing to sign, a message or tweak that the scheme does not sign; [`crate::Fault::Machine`]
/// for a share that does not match its public half.
pub fn open<S: Suite>(
    plan: Plan<S>,
    rng: &mut impl CryptoRngCore,
) -> Result<(ExpectCommitments<S>, Vec<u8>), SchnorrError> {
    if !(1..=MESSAGES_MAX).contains(&plan.messages.len()) {
        return Err(SchnorrError::caller("a session signs 1 to 64 messages"));
    }
    if !plan.messages.iter().all(|message| S::admits(message, plan.tweak)) {
        return Err(SchnorrError::caller("the scheme does not sign such a message or tweak"));
    }
    let session = Session::new(&plan)?;
    let first_run = first_run(&plan);
    let nonces = (0..).take(plan.messages.len());
    let nonces: Vec<Nonces<S::Curve>> =
        nonces.map(|position| Nonces::fresh(&plan.share, first_run, position, rng)).collect();
    // Many points together cost less.
    let secrets = nonces.iter().flat_map(|nonces| [&nonces.hiding, &nonces.binding]);
    let secrets: Vec<&SecretScalar<_>> = std::iter::once(&plan.share).chain(secrets).collect();
    let mut points = SecretScalar::commit_each(&secrets).into_iter();
    // What a damaged share makes blames this node (SCH-02).
    if points.next() != plan.public_shares.get(&plan.me).map(NonIdentity::point) {
        return Err(SchnorrError::machine("the share does not match its public half"));
    }
    let points: Result<Vec<NonIdentity<_>>, _> = points.map(Point::non_identity).collect();
    // By a chance of 2^-250 a nonce is zero, and has no commitment.
    let points = points.map_err(|_| SchnorrError::machine("a nonce is zero"))?;
    let items: Vec<Vec<u8>> =
        NonIdentity::all_to_bytes(&points).chunks(2).map(<[Vec<u8>]>::concat).collect();
    let own = Commitments::all(&points, items.iter().map(Vec::as_slice));
    let share = session.signing_share(plan.me, &plan.share);
    let message = wire::encode(first_run, items);
    let expect =
        ExpectCommitments { session, first_run, share, nonces, own, messages: plan.messages };
    Ok((expect, message))
}

impl<S: Suite> ExpectCommitments<S> {
    /// From whom a message is awaited, ascending.
    pub fn awaits(&self) -> Vec<NodeId> {
        self.session.others()
    }

    /// Computes this node's signature shares, the first values that depend on its share. The
    /// context covers everybody's commitments; all parties have compared it (SCH-06).
    ///
    /// # Errors
    /// A malformed message, or a commitment that is no point of prime order, is its sender's
    /// fault.
    pub fn handle(
        self,
        context: Digest,
        messages: &Letters,
    ) -> Result<(ExpectShares<S>, Vec<u8>), SchnorrError> {
        let Self { session, first_run, share, nonces, own, messages: signed } = self;
        let bytes = Commitments::<S::Curve>::BYTES;
        let received = session.read(messages, first_run, signed.len(), bytes, read)?;
        let mut signings = Vec::with_capacity(signed.len());
        for ((mut commitments, own), message) in received.into_iter().zip(own).zip(signed) {
            commitments.insert(session.me, own);
            signings.push(Signing::new(&session.key, message, commitments)?);
        }
        round2::share(session, second_run(first_run, context), signings, nonces, &share)
    }
}

/// The most messages of one session.
const MESSAGES_MAX: usize = 64;

/// Something of each other party.
type ByParty<T> = BTreeMap<NodeId, T>;

impl<S: Suite> Session<S> {
    fn new(plan: &Plan<S>) -> Result<Self, SchnorrError> {
        if plan.public_shares.len() > usize::from(u8::MAX) {
            return Err(SchnorrError::caller("a session has at most 255 parties"));
        }
        if !plan.public_shares.contains_key(&plan.me) {
            return Err(SchnorrError::caller("this node is not in the quorum"));
        }
        let sum: Point<S::Curve> = plan.public_shares.values().map(NonIdentity::point).sum();
        if sum != plan.public_key.point() {
            return Err(SchnorrError::caller("the public shares do not add up to the key"));
        }
        let key = S::signing_key(&plan.public_key, plan.tweak)
            .ok_or_else(|| SchnorrError::caller("the key has no such tweak"))?;
        Ok(Self {
            me: plan.me,
            public_shares: plan.public_shares.clone(),
            public_key: plan.public_key,
            tweak: plan.tweak,
            key,
        })
    }

    /// The other parties, ascending.
    pub fn others(&self) -> Vec<NodeId> {
        self.public_shares.keys().copied().filter(|node| *node != self.me).collect()
    }

    /// Whether a party adds what the tweak adds: the first, for all.
    fn adds(&self, party: &NodeId) -> bool {
        self.public_shares.keys().next() == Some(party)
    }

    /// A summand of the key that signs, of this summand of the key: they add up to it as
    /// [`SigningKey`] says.
    fn signing_share(
        &self,
        party: NodeId,
        share: &SecretScalar<S::Curve>,
    ) -> SecretScalar<S::Curve> {
        let zero = SecretScalar::zero();
        let signed = if self.key.is_negated { zero.minus(share) } else { zero.plus(share) };
        if self.adds(&party) { signed.plus_public(self.key.addend) } else { signed }
    }

    /// The same of everybody, in public.
    pub fn public_signing_shares(&self) -> BTreeMap<NodeId, Point<S::Curve>> {
        let shares = self.public_shares.iter().map(|(party, public)| {
            let public = public.point();
            let signed = if self.key.is_negated { -public } else { public };
            let added = self.adds(party).then(|| self.key.addend.commit());
            (*party, added.into_iter().fold(signed, |sum, addend| sum + addend))
        });
        shares.collect()
    }

    /// Reads a round's messages, exactly one from each other party: per message to be signed the
    /// parsed item of every sender. Senders are known from the channel, never from the bytes.
    pub fn read<T>(
        &self,
        messages: &Letters,
        run: Digest,
        count: usize,
        item_bytes: usize,
        parse: impl Fn(&[&[u8]]) -> Option<Vec<T>>,
    ) -> Result<Vec<ByParty<T>>, SchnorrError> {
        if !messages.keys().eq(self.others().iter()) {
            return Err(SchnorrError::caller("a round takes one message from each other party"));
        }
        let mut parsed: Vec<ByParty<T>> = (0..count).map(|_| BTreeMap::new()).collect();
        for (sender, bytes) in messages {
            let items = wire::decode(bytes, *sender, run, count, item_bytes)?;
            let items: Vec<&[u8]> = items.iter().map(Vec::as_slice).collect();
            let items = parse(&items).ok_or_else(|| SchnorrError::malformed(*sender))?;
            for (item, signing) in items.into_iter().zip(&mut parsed) {
                signing.insert(*sender, item);
            }
        }
        Ok(parsed)
    }
}

/// Names a session before it has a context: whatever the parties must agree on and FROST does not
/// bind (SCH-06).
fn first_run<S: Suite>(plan: &Plan<S>) -> Digest {
    let tweak: &[u8] = match plan.tweak {
        Tweak::None => b"none",
        Tweak::TaprootKeyPath => b"taproot-key-path",
    };
    let quorum = plan
        .public_shares
        .iter()
        .map(|(node, share)| [AsRef::<[u8]>::as_ref(node), &share.to_bytes()].concat());
    Transcript::new(tag::SCHNORR_SESSION)
        .part(S::CONTEXT)
        .part(plan.terms)
        .part(plan.public_key.to_bytes())
        .part(tweak)
        .list(quorum)
        .list(&plan.messages)
        .digest()
}

fn second_run(first_run: Digest, context: Digest) -> Digest {
    Transcript::new(tag::SCHNORR_SESSION).part("shares").part(first_run).part(context).digest()
}

impl<C: Curve> Nonces<C> {
    /// Two nonces from fresh randomness, hedged with the share and everything known by now, which
    /// the run covers (SCH-05, N-37): a broken random source alone makes no nonce known, a repeated
    /// seed repeats none in another session or for another message.
    fn fresh(
        share: &SecretScalar<C>,
        run: Digest,
        position: u64,
        rng: &mut impl CryptoRngCore,
    ) -> Self {
        let mut fresh = Zeroizing::new([0; 32]);
        rng.fill_bytes(fresh.as_mut());
        let hedge = Transcript::new(tag::NONCE_HEDGE)
            .part(fresh)
            .part(share.to_bytes())
            .part(run)
            .number(position);
        let mut seed = hedge.digest();
        let mut rng = SecretStream::new(&seed.0);
        seed.0.zeroize();
        Self { hiding: SecretScalar::random(&mut rng), binding: SecretScalar::random(&mut rng) }
    }
}

/// Pairs of points of prime order, each in its one encoding (SCH-04, N-05, N-06, N-08, N-09).
fn read<C: Curve>(items: &[&[u8]]) -> Option<Vec<Commitments<C>>> {
    let encodings: Vec<&[u8]> = items.iter().flat_map(|item| item.chunks(C::POINT_BYTES)).collect();
    let points: Result<Vec<NonIdentity<C>>, _> =
        NonIdentity::all_from_bytes(&encodings).into_iter().collect();
    Some(Commitments::all(&points.ok()?, items.iter().copied()))
}
