//! Round 2: nonce and key share are multiplied across each pair, and everything that was multiplied
//! is checked against opened points.

use super::round1::{Nonce, Opening, commitments};
use super::round3::{self, ExpectParts};
use super::{Aim, Digests, Letters, Reader, Session};
use crate::{EcdsaCurve, EcdsaError};
use quorate_codec::{Digest, tag};
use quorate_curve::{NonIdentity, Point, Scalar, SecretScalar};
use quorate_identity::NodeId;
use quorate_pair::product::{self, Bob, Shares};
use rand_core::CryptoRngCore;
use std::collections::BTreeMap;

/// Waits for the products of all other parties.
pub struct ExpectProducts<C: EcdsaCurve, A: Aim = Digests> {
    session: Session<C, A>,
    signings: Vec<Signing<C>>,
    openings: Vec<Opening>,
    bobs: BTreeMap<NodeId, Bob<C>>,
    heard: Heard,
}

/// What was committed to in round 1.
pub(crate) struct Heard {
    /// By each other party: points, then what is opened later.
    pub(crate) theirs: BTreeMap<NodeId, Vec<u8>>,
    /// A hash of everybody's.
    pub(crate) digest: Digest,
}

/// What the first two rounds leave, once everything is checked. Nothing in it depends on what is
/// signed.
pub(crate) struct Ready<C: EcdsaCurve, A> {
    pub(crate) session: Session<C, A>,
    pub(crate) summands: Vec<Summand<C>>,
    pub(crate) openings: Vec<Opening>,
    pub(crate) heard: Heard,
}

/// What a party has for one signature: used once, wiped when dropped. Secret but for R.
pub(crate) struct Summand<C: EcdsaCurve> {
    /// R.
    pub(crate) nonce_point: NonIdentity<C>,
    /// u_i, a summand of k φ.
    pub(crate) u: SecretScalar<C>,
    /// v_i, a summand of x φ.
    pub(crate) v: SecretScalar<C>,
    /// φ_i.
    pub(crate) mask: SecretScalar<C>,
}

/// One digest's state. The nonce in it is used once and wiped.
pub(super) struct Signing<C: EcdsaCurve> {
    nonce: Nonce<C>,
    /// sk_i: this node's summand of the key, with a share of zero.
    share: SecretScalar<C>,
    /// pk_i.
    public: Point<C>,
    /// Σ c^u and Σ c^v over all others; then with d^u and d^v.
    products: Shares<C>,
}

/// What another party says of one digest.
struct Said<C: EcdsaCurve> {
    /// R_j, as it was sent.
    encoded: Vec<u8>,
    nonce_point: NonIdentity<C>,
    /// Γ^u and Γ^v.
    gammas: [NonIdentity<C>; 2],
    /// ψ.
    psi: Scalar<C>,
    /// pk_j.
    public: NonIdentity<C>,
}

impl<C: EcdsaCurve> Signing<C> {
    pub(super) fn new<A>(session: &Session<C, A>, place: usize, nonce: Nonce<C>) -> Self {
        // ζ_i: of each pair one adds what the other subtracts.
        let mut zero = SecretScalar::zero();
        for (peer, setup) in &session.pairs {
            let of_pair = setup.share_of_zero(&session.run, place as u64);
            zero = match session.me < *peer {
                true => zero.plus(&of_pair),
                false => zero.minus(&of_pair),
            };
        }
        let share = session.share.plus(&zero);
        let public = share.commit();
        Self { nonce, share, public, products: [SecretScalar::zero(), SecretScalar::zero()] }
    }

    fn add(&mut self, [u, v]: &Shares<C>) {
        let [sum_u, sum_v] = &self.products;
        self.products = [sum_u.plus(u), sum_v.plus(v)];
    }
}

/// Multiplies as Alice with every other party, and says what it needs to check that.
pub(super) fn multiply<C: EcdsaCurve, A: Aim>(
    session: Session<C, A>,
    mut signings: Vec<Signing<C>>,
    openings: Vec<Opening>,
    bobs: BTreeMap<NodeId, Bob<C>>,
    heard: Heard,
    extensions: &BTreeMap<NodeId, &[u8]>,
    rng: &mut impl CryptoRngCore,
) -> Result<(ExpectProducts<C, A>, Letters), EcdsaError> {
    let mut letters = Letters::new();
    for ((peer, setup), bob) in session.pairs.iter().zip(bobs.values()) {
        let extension = extensions.get(peer).copied().unwrap_or_default();
        let inputs: Vec<[&SecretScalar<C>; 2]> =
            signings.iter().map(|signing| [&signing.nonce.key, &signing.share]).collect();
        let (shares, products) =
            product::send(setup, &session.terms(*peer), extension, &inputs, rng)
                .map_err(EcdsaError::between(*peer))?;
        let name = session.name(2, Some(setup), Some(&heard.digest));
        let mut letter = [name.as_ref(), &products].concat();
        for ((signing, shares), factor) in signings.iter_mut().zip(&shares).zip(bob.factors()) {
            signing.say(shares, factor, &mut letter)?;
            signing.add(shares);
        }
        letters.insert(*peer, letter);
    }
    Ok((ExpectProducts { session, signings, openings, bobs, heard }, letters))
}

impl<C: EcdsaCurve> Signing<C> {
    /// R_i, Γ^u, Γ^v, ψ, pk_i.
    fn say(
        &self,
        [u, v]: &Shares<C>,
        factor: &SecretScalar<C>,
        letter: &mut Vec<u8>,
    ) -> Result<(), EcdsaError> {
        // By a chance of 2^-256 one of them is the identity.
        let points = [u.commit(), v.commit(), self.public].map(Point::non_identity);
        let points: Result<Vec<_>, _> = points.into_iter().collect();
        let points = points.map_err(|_| EcdsaError::machine("a share is zero"))?;
        let psi = self.nonce.mask.minus(factor).reveal().to_bytes();
        if let [u, v, public] = NonIdentity::all_to_bytes(&points).as_slice() {
            for part in [&self.nonce.encoded, u, v, psi.as_slice(), public] {
                letter.extend_from_slice(part);
            }
        }
        Ok(())
    }
}

impl<C: EcdsaCurve> Said<C> {
    const BYTES: usize = 4 * C::POINT_BYTES + 32;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            encoded: reader.0.get(..C::POINT_BYTES)?.to_vec(),
            nonce_point: reader.point()?,
            gammas: [reader.point()?, reader.point()?],
            psi: reader.scalar()?,
            public: reader.point()?,
        })
    }
}

impl<C: EcdsaCurve> ExpectProducts<C, Digests> {
    /// Checks every opening and product and computes this node's part of the signatures, the first
    /// value that depends on its key share and leaves for all: the same bytes for everybody (ECD-05,
    /// ECD-07, ECD-08).
    ///
    /// # Errors
    /// A malformed message is its sender's fault; a failed check is cheating.
    pub fn handle(self, messages: &Letters) -> Result<(ExpectParts<C>, Vec<u8>), EcdsaError> {
        let Ready { session, summands, heard, .. } = self.check(messages)?;
        let name = session.name(3, None, Some(&heard.digest));
        let others = session.others();
        let signings = session.aim.0.into_iter().zip(summands).collect();
        Ok(round3::say(others, session.public_key, name, signings))
    }
}

impl<C: EcdsaCurve, A: Aim> ExpectProducts<C, A> {
    /// From whom a message is awaited, ascending.
    pub fn awaits(&self) -> Vec<NodeId> {
        self.session.others()
    }

    /// Checks everything, in the order of ECD-07 to ECD-09.
    pub(crate) fn check(self, messages: &Letters) -> Result<Ready<C, A>, EcdsaError> {
        let Self { session, mut signings, openings, mut bobs, heard } = self;
        let count = session.aim.count();
        let name = |setup: &_| session.name(2, Some(setup), Some(&heard.digest));
        let bytes = |_: &_| session.terms(session.me).alice_bytes() + count * Said::<C>::BYTES;
        let mut said: BTreeMap<NodeId, (&[u8], Vec<Said<C>>)> = BTreeMap::new();
        for (sender, mut reader) in session.read(messages, name, bytes)? {
            let malformed = || EcdsaError::malformed(sender);
            let products = reader.take(session.terms(session.me).alice_bytes());
            let products = products.ok_or_else(malformed)?;
            let each = (0..count).map(|_| Said::read(&mut reader)).collect::<Option<Vec<_>>>();
            said.insert(sender, (products, each.ok_or_else(malformed)?));
        }
        for (sender, (_, each)) in &said {
            let points = each.iter().map(|said| said.encoded.as_slice());
            let opened = commitments(tag::ECDSA_COMMITMENT, &session.run, *sender, points);
            if heard.theirs.get(sender).and_then(|all| all.get(..32 * count)) != Some(&*opened) {
                return Err(EcdsaError::peer(*sender, "a commitment does not open"));
            }
        }
        for (sender, (products, each)) in &said {
            let missing = || EcdsaError::machine("a product was not begun");
            let bob = bobs.remove(sender).ok_or_else(missing)?;
            let products = bob.finish(products).map_err(EcdsaError::between(*sender))?;
            for ((signing, (factor, shares)), said) in signings.iter_mut().zip(&products).zip(each)
            {
                if !said.holds(shares, factor) {
                    return Err(EcdsaError::cheater(
                        *sender,
                        "a product is not of what was opened",
                    ));
                }
                signing.add(shares);
            }
        }
        let mut summands = Vec::with_capacity(count);
        for (place, signing) in signings.into_iter().enumerate() {
            let others: Vec<&Said<C>> =
                said.values().filter_map(|(_, each)| each.get(place)).collect();
            summands.push(signing.sum(&session, &others)?);
        }
        Ok(Ready { session, summands, openings, heard })
    }
}

impl<C: EcdsaCurve> Said<C> {
    /// χ R_j = Γ^u + d^u G and χ pk_j = Γ^v + d^v G (ECD-08).
    fn holds(&self, shares: &Shares<C>, factor: &SecretScalar<C>) -> bool {
        let opened = [&self.nonce_point, &self.public];
        let each = opened.into_iter().zip(&self.gammas).zip(shares);
        each.fold(true, |holds, ((opened, gamma), share)| {
            holds & (opened.point().secret_mul(factor) == gamma.point() + share.commit())
        })
    }
}

impl<C: EcdsaCurve> Signing<C> {
    /// R, u_i and v_i, once the public shares are known to be a sharing of the key (ECD-09).
    fn sum<A: Aim>(
        self,
        session: &Session<C, A>,
        others: &[&Said<C>],
    ) -> Result<Summand<C>, EcdsaError> {
        let wrong = |reason| EcdsaError::last_check(&session.others(), reason);
        let public: Point<C> = others.iter().map(|said| said.public.point()).sum();
        if self.public + public != session.public_key.point() {
            return Err(wrong("the parties' shares are not a sharing of the key"));
        }
        let points: Point<C> = others.iter().map(|said| said.nonce_point.point()).sum();
        let nonce_point = (self.nonce.point.point() + points)
            .non_identity()
            .map_err(|_| wrong("the nonce points add up to the identity"))?;
        let Nonce { key, mask, .. } = self.nonce;
        // φ_i + Σ ψ.
        let psis = others.iter().fold(Scalar::zero(), |sum, said| sum + said.psi);
        let masks = mask.plus_public(psis);
        let [products_u, products_v] = &self.products;
        Ok(Summand {
            nonce_point,
            u: key.times_secret(&masks).plus(products_u),
            v: self.share.times_secret(&masks).plus(products_v),
            mask,
        })
    }
}
