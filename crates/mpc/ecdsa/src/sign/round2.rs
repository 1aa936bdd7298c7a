//! Round 2: nonce and key share are multiplied across each pair, and everything that was multiplied
//! is checked against opened points.

use super::round1::{Nonce, Opening, commitments, points};
use super::round3::{self, ExpectParts};
use super::{Aim, Digests, Letters, Reader, Session};
use crate::{EcdsaCurve, EcdsaError};
use quorate_codec::{Digest, tag};
use quorate_curve::{NonIdentity, Point, Scalar, SecretScalar};
use quorate_identity::NodeId;
use quorate_pair::product::{self, Bob, Multiplied, Shares};
use rand_core::CryptoRngCore;
use std::collections::BTreeMap;

/// Waits for the products of all other parties.
pub struct ExpectProducts<C: EcdsaCurve, A: Aim = Digests> {
    session: Session<C, A>,
    signings: Vec<Signing<C>>,
    /// pk_i of each.
    publics: Vec<NonIdentity<C>>,
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
        Self { nonce, share, products: [SecretScalar::zero(), SecretScalar::zero()] }
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
    let mut products = Vec::with_capacity(session.pairs.len());
    for (peer, setup) in &session.pairs {
        let extension = extensions.get(peer).copied().unwrap_or_default();
        let inputs: Vec<[&SecretScalar<C>; 2]> =
            signings.iter().map(|signing| [&signing.nonce.key, &signing.share]).collect();
        let sent = product::send(setup, &session.terms(*peer), extension, &inputs, rng);
        products.push(sent.map_err(EcdsaError::between(*peer))?);
    }
    // pk, then Γ^u and Γ^v for each other party. Many points together cost less.
    let shares = products.iter().flat_map(|(shares, _)| shares.iter().flatten());
    let secrets: Vec<_> = signings.iter().map(|signing| &signing.share).chain(shares).collect();
    let points = points(&secrets, "a share is zero")?;
    let encoded = NonIdentity::all_to_bytes(&points);
    let (publics, gammas) = encoded.split_at(signings.len());
    let mut gammas = gammas.chunks(2);
    let mut letters = Letters::new();
    for (((peer, setup), bob), (shares, products)) in
        session.pairs.iter().zip(bobs.values()).zip(&products)
    {
        let name = session.name(2, Some(setup), Some(&heard.digest));
        let mut letter = [name.as_ref(), products.as_slice()].concat();
        let each = signings.iter_mut().zip(shares).zip(bob.factors()).zip(publics);
        for ((((signing, shares), factor), public), gammas) in each.zip(gammas.by_ref()) {
            signing.say(factor, gammas, public, &mut letter);
            signing.add(shares);
        }
        letters.insert(*peer, letter);
    }
    let publics = points.into_iter().take(signings.len()).collect();
    Ok((ExpectProducts { session, signings, publics, openings, bobs, heard }, letters))
}

impl<C: EcdsaCurve> Signing<C> {
    /// R_i, Γ^u, Γ^v, ψ, pk_i.
    fn say(
        &self,
        factor: &SecretScalar<C>,
        gammas: &[Vec<u8>],
        public: &[u8],
        letter: &mut Vec<u8>,
    ) {
        let psi = self.nonce.mask.minus(factor).reveal().to_bytes();
        letter.extend_from_slice(&self.nonce.encoded);
        letter.extend(gammas.iter().flatten());
        letter.extend_from_slice(&psi);
        letter.extend_from_slice(public);
    }
}

/// The parts of a [`Said`] before its points are read.
struct Parts<'m, C: EcdsaCurve> {
    /// R_j, Γ^u, Γ^v, pk_j.
    points: [&'m [u8]; 4],
    psi: Scalar<C>,
}

impl<'m, C: EcdsaCurve> Parts<'m, C> {
    const BYTES: usize = 4 * C::POINT_BYTES + 32;

    fn read(reader: &mut Reader<'m>) -> Option<Self> {
        let mut point = || reader.take(C::POINT_BYTES);
        let (nonce, u, v) = (point()?, point()?, point()?);
        let psi = reader.scalar()?;
        Some(Self { points: [nonce, u, v, reader.take(C::POINT_BYTES)?], psi })
    }
}

impl<C: EcdsaCurve> Said<C> {
    /// All that was said, for each digest and party; many points together cost less. The number of
    /// one that has a part which is no point.
    fn all(parts: &[Parts<'_, C>]) -> Result<Vec<Self>, usize> {
        let encodings: Vec<&[u8]> = parts.iter().flat_map(|parts| parts.points).collect();
        let points = NonIdentity::all_from_bytes(&encodings);
        let said = |(number, (parts, points)): (usize, (&Parts<'_, C>, &[Result<_, _>]))| {
            let [Ok(nonce_point), Ok(u), Ok(v), Ok(public)] = *points else { return Err(number) };
            let [encoded, ..] = parts.points;
            let (encoded, psi) = (encoded.to_vec(), parts.psi);
            Ok(Self { encoded, nonce_point, gammas: [u, v], psi, public })
        };
        parts.iter().zip(points.chunks(4)).enumerate().map(said).collect()
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
        let Self { session, mut signings, publics, openings, mut bobs, heard } = self;
        let count = session.aim.count();
        let name = |setup: &_| session.name(2, Some(setup), Some(&heard.digest));
        let bytes = |_: &_| session.terms(session.me).alice_bytes() + count * Parts::<C>::BYTES;
        let mut products: BTreeMap<NodeId, &[u8]> = BTreeMap::new();
        let mut parts = Vec::with_capacity(count * session.pairs.len());
        for (sender, mut reader) in session.read(messages, name, bytes)? {
            let malformed = || EcdsaError::malformed(sender);
            let product = reader.take(session.terms(session.me).alice_bytes());
            products.insert(sender, product.ok_or_else(malformed)?);
            for _ in 0..count {
                parts.push(Parts::read(&mut reader).ok_or_else(malformed)?);
            }
        }
        let said = Said::all(&parts).map_err(|number| {
            let sender = products.keys().nth(number.checked_div(count).unwrap_or_default());
            sender.map_or(EcdsaError::machine("a party without a name"), |it| {
                EcdsaError::malformed(*it)
            })
        })?;
        for (sender, each) in products.keys().zip(said.chunks(count)) {
            let points = each.iter().map(|said| said.encoded.as_slice());
            let opened = commitments(tag::ECDSA_COMMITMENT, &session.run, *sender, points);
            if heard.theirs.get(sender).and_then(|all| all.get(..32 * count)) != Some(&*opened) {
                return Err(EcdsaError::peer(*sender, "a commitment does not open"));
            }
        }
        let mut multiplied = Vec::with_capacity(said.len());
        for (sender, products) in &products {
            let missing = || EcdsaError::machine("a product was not begun");
            let bob = bobs.remove(sender).ok_or_else(missing)?;
            multiplied.extend(bob.finish(products).map_err(EcdsaError::between(*sender))?);
        }
        let holds = Said::hold(&said, &multiplied);
        for (sender, holds) in products.keys().zip(holds.chunks(count)) {
            if holds.contains(&false) {
                return Err(EcdsaError::cheater(*sender, "a product is not of what was opened"));
            }
        }
        for multiplied in multiplied.chunks(count) {
            for (signing, (_, shares)) in signings.iter_mut().zip(multiplied) {
                signing.add(shares);
            }
        }
        let mut summands = Vec::with_capacity(count);
        for (place, (signing, public)) in signings.into_iter().zip(&publics).enumerate() {
            let others: Vec<&Said<C>> = said.iter().skip(place).step_by(count).collect();
            summands.push(signing.sum(&session, public, &others)?);
        }
        Ok(Ready { session, summands, openings, heard })
    }
}

impl<C: EcdsaCurve> Said<C> {
    /// Whether χ R_j = Γ^u + d^u G and χ pk_j = Γ^v + d^v G, of each (ECD-08).
    fn hold(all: &[Self], multiplied: &[Multiplied<C>]) -> Vec<bool> {
        let terms = all.iter().zip(multiplied).flat_map(|(said, (factor, _))| {
            [&said.nonce_point, &said.public].map(|point| (factor, point.point()))
        });
        let shares = multiplied.iter().flat_map(|(_, shares)| shares);
        let products = Point::secret_mul_all(&terms.collect::<Vec<_>>());
        let shares = SecretScalar::commit_each(&shares.collect::<Vec<_>>());
        let mut holds = Vec::with_capacity(all.len());
        for ((said, products), shares) in all.iter().zip(products.chunks(2)).zip(shares.chunks(2)) {
            let sides = products.iter().zip(shares).zip(&said.gammas);
            let right = sides.filter(|((left, share), gamma)| **left == gamma.point() + **share);
            holds.push(right.count() == said.gammas.len());
        }
        holds
    }
}

impl<C: EcdsaCurve> Signing<C> {
    /// R, u_i and v_i, once the public shares are known to be a sharing of the key (ECD-09).
    fn sum<A: Aim>(
        self,
        session: &Session<C, A>,
        own: &NonIdentity<C>,
        others: &[&Said<C>],
    ) -> Result<Summand<C>, EcdsaError> {
        let wrong = |reason| EcdsaError::last_check(&session.others(), reason);
        let public: Point<C> = others.iter().map(|said| said.public.point()).sum();
        if own.point() + public != session.public_key.point() {
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
