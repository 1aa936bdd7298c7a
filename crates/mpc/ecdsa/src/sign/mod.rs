//! Signing with an additive sharing of a key among a quorum: DKLs23 (ePrint 2023/765), protocol
//! 3.6. One session signs several digests in the same rounds.
//!
//! ```text
//! round 1   each → each   commitments to nonce points R_i; an extension of the pair, as Bob
//! round 2   each → each   products as Alice, with inputs r_i and sk_i; R_i opened; Γ, ψ, pk_i
//! round 3   each → all    u_i and w_i
//! ```
//!
//! Symbols are the paper's: r_i instance key and R_i its point, φ_i mask, ζ_i share of zero, sk_i
//! key share with it and pk_i its point, χ what a party's own factor of a product is, c and d
//! shares of products, Γ their points, ψ = φ - χ. Every message begins with the name of its round
//! ([`Session::name`]), and nothing is computed with a set-up before names are compared (ECD-04).

pub(crate) mod round1;
pub(crate) mod round2;
pub(crate) mod round3;

pub use round1::ExpectCommitments;
pub use round2::ExpectProducts;
pub use round3::ExpectParts;

use crate::{EcdsaCurve, EcdsaError};
use quorate_codec::tag::{self, Tag};
use quorate_codec::{Digest, Transcript};
use quorate_curve::{NonIdentity, Scalar, SecretScalar, SecretStream};
use quorate_identity::NodeId;
use quorate_pair::Setup;
use quorate_pair::product::Terms;
use rand_core::CryptoRngCore;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Messages to single parties, or of single parties.
pub type Letters = BTreeMap<NodeId, Vec<u8>>;

/// What a session signs, with what and with whom.
pub struct Plan<C: EcdsaCurve> {
    /// Binds everything that all parties agree on, fresh for every session.
    pub binding: Digest,
    /// The quorum.
    pub parties: BTreeSet<NodeId>,
    /// This node, one of them.
    pub me: NodeId,
    /// This node's summand of the secret key: the summands of the quorum add up to it. Secret.
    pub share: SecretScalar<C>,
    /// The public key.
    pub public_key: NonIdentity<C>,
    /// The set-ups with all others.
    pub pairs: BTreeMap<NodeId, Arc<Setup>>,
    /// What is signed, in order.
    pub digests: Vec<[u8; 32]>,
}

/// The most signatures of one session.
pub const COUNT_MAX: usize = 64;

/// Begins a session: the state that waits for the first messages, and the own ones.
///
/// # Errors
/// [`crate::Fault::Caller`] for a plan that does not fit together: fewer than two parties, this
/// node not one of them, a set-up missing, nothing to sign or too much.
pub fn start<C: EcdsaCurve>(
    plan: Plan<C>,
    rng: &mut impl CryptoRngCore,
) -> Result<(ExpectCommitments<C, Digests>, Letters), EcdsaError> {
    let Plan { binding, parties, me, share, public_key, pairs, digests } = plan;
    let place = Place { binding, parties, me, share, public_key, pairs };
    round1::commit(Session::new(place, Digests(digests))?, rng)
}

/// A party's place in a session, whatever the session is for. Secret: the key share.
pub(crate) struct Place<C: EcdsaCurve> {
    pub(crate) binding: Digest,
    pub(crate) parties: BTreeSet<NodeId>,
    pub(crate) me: NodeId,
    pub(crate) share: SecretScalar<C>,
    pub(crate) public_key: NonIdentity<C>,
    pub(crate) pairs: BTreeMap<NodeId, Arc<Setup>>,
}

/// What the values of the first two rounds are for: [`Digests`] that are signed at once, or
/// presignatures.
pub trait Aim {
    /// The tag of the session's name.
    const RUN: Tag;
    /// How many values of each kind there are.
    fn count(&self) -> usize;
    /// How many of them come with bytes that are opened later (ECD-13).
    fn openings(&self) -> usize;
    /// Adds to the session's name what is aimed at.
    fn bind(&self, run: Transcript) -> Transcript;
}

/// What a session signs, in order.
pub struct Digests(Vec<[u8; 32]>);

impl Aim for Digests {
    const RUN: Tag = tag::ECDSA_SESSION;

    fn count(&self) -> usize {
        self.0.len()
    }

    fn openings(&self) -> usize {
        0
    }

    fn bind(&self, run: Transcript) -> Transcript {
        run.list(&self.0)
    }
}

/// What all rounds of a session share. Secret: the key share.
pub(crate) struct Session<C: EcdsaCurve, A> {
    /// Names the session everywhere (ECD-02).
    pub(crate) run: Digest,
    pub(crate) me: NodeId,
    share: SecretScalar<C>,
    pub(crate) public_key: NonIdentity<C>,
    /// All others, ascending, with their set-ups.
    pairs: BTreeMap<NodeId, Arc<Setup>>,
    pub(crate) aim: A,
}

impl<C: EcdsaCurve, A: Aim> Session<C, A> {
    /// Looks at what was planned (ECD-01, ECD-02).
    pub(crate) fn new(place: Place<C>, aim: A) -> Result<Self, EcdsaError> {
        let Place { binding, parties, me, share, public_key, pairs } = place;
        if !(2..=usize::from(u8::MAX)).contains(&parties.len()) {
            return Err(EcdsaError::caller("an ECDSA session has 2 to 255 parties"));
        }
        if !parties.contains(&me) {
            return Err(EcdsaError::caller("this node is not in the quorum"));
        }
        if !(1..=COUNT_MAX).contains(&aim.count()) {
            return Err(EcdsaError::caller("an ECDSA session is for 1 to 64 signatures"));
        }
        let run = Transcript::new(A::RUN)
            .part(binding)
            .part(C::NAME)
            .part(public_key.to_bytes())
            .list(&parties);
        let run = aim.bind(run).digest();
        let with = |peer: &NodeId| {
            let setup = pairs.get(peer).map(|setup| (*peer, Arc::clone(setup)));
            setup.ok_or_else(|| EcdsaError::caller("a pair of the quorum has no set-up"))
        };
        let others = parties.iter().filter(|party| **party != me);
        let pairs = others.map(with).collect::<Result<_, _>>()?;
        Ok(Self { run, me, share, public_key, pairs, aim })
    }

    /// The other parties, ascending.
    pub(crate) fn others(&self) -> Vec<NodeId> {
        self.pairs.keys().copied().collect()
    }

    /// Names a round between this node and a peer, or one of round 3 with everybody: whatever both
    /// must have in common by then.
    fn name(&self, round: u64, setup: Option<&Setup>, heard: Option<&Digest>) -> Digest {
        name(&self.run, round, setup, heard)
    }

    /// What the products are made for in which `receiver` is Bob.
    fn terms(&self, receiver: NodeId) -> Terms {
        Terms { ctx: self.run, receiver, products: self.aim.count() }
    }

    /// Reads the messages of a round between pairs.
    fn read<'m>(
        &self,
        messages: &'m Letters,
        name: impl Fn(&Setup) -> Digest,
        bytes: impl Fn(&Setup) -> usize,
    ) -> Result<BTreeMap<NodeId, Reader<'m>>, EcdsaError> {
        let expected = self.pairs.iter().map(|(peer, setup)| (*peer, name(setup), bytes(setup)));
        read(messages, &expected.collect::<Vec<_>>())
    }

    /// Randomness for one round: fresh bytes, hashed with the share and all that was heard, so that
    /// a generator that repeats itself repeats nothing that matters (ECD-11).
    fn hedge(&self, rng: &mut impl CryptoRngCore, heard: &Letters) -> SecretStream {
        let mut fresh = Zeroizing::new([0; 32]);
        rng.fill_bytes(fresh.as_mut());
        let hedge = Transcript::new(tag::ECDSA_HEDGE)
            .part(fresh.as_slice())
            .part(self.share.to_bytes().as_slice())
            .part(self.run)
            .list(heard.values());
        SecretStream::new(&Zeroizing::new(hedge.digest().0))
    }
}

/// Names a round of a run: whatever its parties must have in common by then.
pub(crate) fn name(
    run: &Digest,
    round: u64,
    setup: Option<&Setup>,
    heard: Option<&Digest>,
) -> Digest {
    Transcript::new(tag::ECDSA_ROUND)
        .part(run)
        .number(round)
        .list(setup.map(Setup::id))
        .list(heard)
        .digest()
}

/// Reads a round's messages: exactly one from each party that is awaited, ascending, each with the
/// expected name and length. All names are compared before anything else (ECD-04).
pub(crate) fn read<'m>(
    messages: &'m Letters,
    awaited: &[(NodeId, Digest, usize)],
) -> Result<BTreeMap<NodeId, Reader<'m>>, EcdsaError> {
    if !messages.keys().eq(awaited.iter().map(|(party, ..)| party)) {
        return Err(EcdsaError::caller("a round takes one message from each other party"));
    }
    let mut readers = BTreeMap::new();
    for ((sender, message), (_, name, bytes)) in messages.iter().zip(awaited) {
        let named = message.split_first_chunk::<32>();
        let (theirs, parts) = named.ok_or_else(|| EcdsaError::malformed(*sender))?;
        if *theirs != name.0 {
            return Err(EcdsaError::unattributed("the parties do not speak of the same"));
        }
        if parts.len() != *bytes {
            return Err(EcdsaError::malformed(*sender));
        }
        readers.insert(*sender, Reader(parts));
    }
    Ok(readers)
}

/// Reads a message from its beginning. Every method takes what comes next, or `None` if the bytes
/// are not the one encoding of it.
pub(crate) struct Reader<'m>(&'m [u8]);

impl<'m> Reader<'m> {
    /// What nobody has taken yet.
    fn rest(self) -> &'m [u8] {
        self.0
    }

    pub(crate) fn take(&mut self, count: usize) -> Option<&'m [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    /// A canonical scalar (N-09).
    pub(crate) fn scalar<C: EcdsaCurve>(&mut self) -> Option<Scalar<C>> {
        Scalar::from_bytes(self.take(32)?).ok()
    }
}
