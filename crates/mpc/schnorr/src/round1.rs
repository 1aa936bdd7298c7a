//! Round 1: two nonces for every message, and commitments to them (RFC 9591, section 5.1).
//! Nothing here reveals anything about the share.

use crate::round2::{self, ExpectShares};
use crate::{Letters, SchnorrError, Suite, Tweak, wire};
use frost_core::Identifier;
use frost_core::keys::{KeyPackage, PublicKeyPackage, SigningShare, VerifyingShare};
use frost_core::round1::{NonceCommitment, SigningCommitments, SigningNonces};
use frost_core::{Ciphersuite, SigningPackage, VerifyingKey};
use quorate_codec::{Digest, Transcript, tag};
use quorate_curve::{Curve, NonIdentity, SecretScalar, SecretStream};
use quorate_identity::NodeId;
use rand_core::CryptoRngCore;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// What a session signs, with what and with whom.
pub struct Plan<S: Suite> {
    /// What all parties agree on before the session has its context.
    pub terms: Digest,
    /// This node, one of the quorum.
    pub me: NodeId,
    /// This node's value of the polynomial of degree one below the quorum's size, at its own
    /// number, whose value at zero is the secret key. Secret.
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
    key: KeyPackage<S::Library>,
    nonces: Vec<SigningNonces<S::Library>>,
}

/// Something of each party, by its number.
type ByNumber<S, T> = BTreeMap<Identifier<<S as Suite>::Library>, T>;

/// What all rounds of a session share. Public values.
pub(crate) struct Session<S: Suite> {
    pub me: NodeId,
    pub numbered: BTreeMap<NodeId, Identifier<S::Library>>,
    pub keys: PublicKeyPackage<S::Library>,
    pub public_key: NonIdentity<S::Curve>,
    pub tweak: Tweak,
    pub messages: Vec<Vec<u8>>,
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
    if plan.messages.is_empty() {
        return Err(SchnorrError::caller("there is nothing to sign"));
    }
    if !plan.messages.iter().all(|message| S::admits(message, plan.tweak)) {
        return Err(SchnorrError::caller("the scheme does not sign such a message or tweak"));
    }
    let own = plan
        .public_shares
        .get(&plan.me)
        .ok_or_else(|| SchnorrError::caller("this node is not in the quorum"))?;
    // The library would not notice (SCH-02).
    if plan.share.commit() != own.point() {
        return Err(SchnorrError::machine("the share does not match its public half"));
    }
    let (session, key) = Session::new(&plan)?;
    let make =
        |(position, message): (u64, &Vec<u8>)| fresh_nonces(&plan, position, message, &key, rng);
    let nonces: Vec<SigningNonces<_>> = (0..).zip(&plan.messages).map(make).collect();
    let items: Option<Vec<_>> =
        nonces.iter().map(|nonces| write::<S>(nonces.commitments())).collect();
    // By a chance of 2^-250 a nonce is zero, and has no commitment.
    let items = items.ok_or_else(|| SchnorrError::machine("a nonce is zero"))?;
    let first_run = first_run(&plan);
    let message = wire::encode(first_run, items);
    Ok((ExpectCommitments { session, first_run, key, nonces }, message))
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
        let Self { session, first_run, key, nonces } = self;
        let received = session.read(messages, first_run, 2 * S::Curve::POINT_BYTES, read::<S>)?;
        let mut packages = Vec::with_capacity(nonces.len());
        let mut shares = Vec::with_capacity(nonces.len());
        for ((nonces, theirs), message) in nonces.iter().zip(received).zip(&session.messages) {
            let mut commitments = theirs;
            commitments.insert(*key.identifier(), *nonces.commitments());
            let package = SigningPackage::new(commitments, message);
            let share = S::sign(&package, nonces, &key, session.tweak)
                .map_err(|_| SchnorrError::machine("the library refused this node's own share"))?;
            packages.push(package);
            shares.push(share);
        }
        let run = second_run(first_run, context);
        Ok(round2::share(session, run, packages, shares))
    }
}

impl<S: Suite> Session<S> {
    fn new(plan: &Plan<S>) -> Result<(Self, KeyPackage<S::Library>), SchnorrError> {
        let damaged = |_| SchnorrError::machine("the key of the session is damaged");
        let count = u8::try_from(plan.public_shares.len())
            .map_err(|_| SchnorrError::caller("a session has at most 255 parties"))?;
        let mut numbered = BTreeMap::new();
        let mut verifying_shares = BTreeMap::new();
        for ((node, public), number) in plan.public_shares.iter().zip(1..=count) {
            let identifier = Identifier::try_from(u16::from(number)).map_err(damaged)?;
            numbered.insert(*node, identifier);
            verifying_shares.insert(identifier, VerifyingShare::new(S::element(public)));
        }
        let own = || SchnorrError::caller("this node is not in the quorum");
        let identifier = *numbered.get(&plan.me).ok_or_else(own)?;
        let verifying_share = *verifying_shares.get(&identifier).ok_or_else(own)?;
        let verifying_key = VerifyingKey::new(S::element(&plan.public_key));
        let key = KeyPackage::new(
            identifier,
            // `Copy`, hence made here and moved straight into the package, which wipes it.
            SigningShare::deserialize(plan.share.to_bytes().as_ref()).map_err(damaged)?,
            verifying_share,
            verifying_key,
            count.into(),
        );
        let session = Self {
            me: plan.me,
            numbered,
            keys: PublicKeyPackage::new(verifying_shares, verifying_key, Some(count.into())),
            public_key: plan.public_key,
            tweak: plan.tweak,
            messages: plan.messages.clone(),
        };
        Ok((session, key))
    }

    /// The other parties, ascending.
    pub fn others(&self) -> Vec<NodeId> {
        self.numbered.keys().copied().filter(|node| *node != self.me).collect()
    }

    /// Reads a round's messages, exactly one from each other party: per message to be signed the
    /// parsed item of every sender. Senders are known from the channel, never from the bytes.
    pub fn read<T>(
        &self,
        messages: &Letters,
        run: Digest,
        item_bytes: usize,
        parse: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<Vec<ByNumber<S, T>>, SchnorrError> {
        if !messages.keys().eq(self.others().iter()) {
            return Err(SchnorrError::caller("a round takes one message from each other party"));
        }
        let count = self.messages.len();
        let mut parsed: Vec<ByNumber<S, T>> = (0..count).map(|_| BTreeMap::new()).collect();
        for (sender, bytes) in messages {
            let identifier = self
                .numbered
                .get(sender)
                .ok_or_else(|| SchnorrError::caller("a message from outside the quorum"))?;
            let items = wire::decode(bytes, *sender, run, count, item_bytes)?;
            for (item, signing) in items.iter().zip(&mut parsed) {
                let item = parse(item).ok_or_else(|| SchnorrError::malformed(*sender))?;
                signing.insert(*identifier, item);
            }
        }
        Ok(parsed)
    }
}

/// Names a session before it has a context: whatever the parties must agree on and the library
/// does not bind (SCH-06).
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
        .part(S::Library::ID)
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

/// Two nonces from fresh randomness, hedged with the share and everything known by now (SCH-05,
/// N-37): a broken random source alone makes no nonce known, a repeated seed repeats none in
/// another session or for another message.
fn fresh_nonces<S: Suite>(
    plan: &Plan<S>,
    position: u64,
    message: &[u8],
    key: &KeyPackage<S::Library>,
    rng: &mut impl CryptoRngCore,
) -> SigningNonces<S::Library> {
    let mut fresh = Zeroizing::new([0; 32]);
    rng.fill_bytes(fresh.as_mut());
    let hedged = Transcript::new(tag::NONCE_HEDGE)
        .part(fresh)
        .part(plan.share.to_bytes())
        .part(plan.terms)
        .list(plan.public_shares.keys())
        .number(position)
        .part(message)
        .digest();
    let mut rng = SecretStream::new(&Zeroizing::new(hedged.0));
    frost_core::round1::commit(key.signing_share(), &mut rng).0
}

fn write<S: Suite>(commitments: &SigningCommitments<S::Library>) -> Option<Vec<u8>> {
    let hiding = commitments.hiding().serialize().ok()?;
    let binding = commitments.binding().serialize().ok()?;
    Some([hiding, binding].concat())
}

/// Two points of prime order in their one encoding (SCH-04, N-05, N-06, N-08, N-09).
fn read<S: Suite>(item: &[u8]) -> Option<SigningCommitments<S::Library>> {
    let (hiding, binding) = item.split_at_checked(S::Curve::POINT_BYTES)?;
    let point = |bytes| {
        let point = NonIdentity::<S::Curve>::from_bytes(bytes).ok()?;
        Some(NonceCommitment::new(S::element(&point)))
    };
    Some(SigningCommitments::new(point(hiding)?, point(binding)?))
}
