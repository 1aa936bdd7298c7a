//! Round one: every dealer commits to its dealing before it sees another, every receiver says
//! under which keys shares are sealed for it (DEAL-03 to DEAL-05).

use super::round2::{Dealing2, ExpectRound2, Message2};
use super::terms::{Holding, Plan, Source, Terms};
use super::{VERSION, accuse, check_own, read, weights};
use crate::limits::SECRETS_MAX;
use crate::proof::{Proof, Statement};
use crate::seal::{SealKey, SealPublic, Sealed, Slot, plaintext, seal};
use crate::{DealError, DealFault};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use quorate_access::Selection;
use quorate_access::limits::PARTIES_MAX;
use quorate_codec::{Canonical, Digest, Transcript, tag, to_bytes};
use quorate_curve::{Curve, SecretScalar};
use quorate_identity::NodeId;
use quorate_sharing::{Commitments, Polynomial, additive_share};
use rand_core::CryptoRngCore;
use std::collections::{BTreeMap, BTreeSet};
use zeroize::Zeroizing;

/// The first message of a participant. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Message1 {
    /// 2.
    #[n(0)]
    pub version: u8,
    /// sid_i: 32 random bytes.
    #[n(1)]
    pub sid: Digest,
    /// ek_{i,p}: for each dealer p in the order of the ids, the key under which it seals shares
    /// for the sender; none if the sender is no receiver. One dealer, one key: what is revealed
    /// in a complaint about a dealer opens what this one sealed and nothing else (DEAL-13).
    #[n(2)]
    pub seal_keys: Vec<SealPublic>,
    /// c_i: the commitment to all its coefficients, if the sender is a dealer.
    #[n(3)]
    pub commitment: Option<Digest>,
}

impl Canonical for Message1 {
    const BYTES_MAX: usize = 2 + 2 * 34 + 3 + PARTIES_MAX * 34;
}

impl Message1 {
    /// c_i = H(terms, i, sid_i, list ek_i, number of secrets, list C_{i,j} of each, rho_i).
    pub(crate) fn commit(
        terms: &Digest,
        dealer: &NodeId,
        sid: &Digest,
        seal_keys: &[SealPublic],
        commitments: &[Vec<ByteVec>],
        opening: &Digest,
    ) -> Digest {
        let start = Transcript::new(tag::DEAL_COMMIT)
            .part(terms)
            .part(dealer)
            .part(sid)
            .list(seal_keys.iter().map(|key| key.0))
            .number(commitments.len() as u64);
        let all = commitments
            .iter()
            .fold(start, |transcript, points| transcript.list(points.iter().map(|p| p.as_slice())));
        all.part(opening).digest()
    }

    /// Presence and number of everything, as the sender's roles demand (DEAL-03).
    fn fits(
        &self,
        from: &NodeId,
        dealers: &BTreeSet<NodeId>,
        receivers: &BTreeSet<NodeId>,
    ) -> bool {
        let keys = if receivers.contains(from) { dealers.len() } else { 0 };
        self.version == VERSION
            && self.seal_keys.len() == keys
            && self.seal_keys.iter().all(SealPublic::is_canonical)
            && self.commitment.is_some() == dealers.contains(from)
    }
}

/// Begins a dealing: fresh polynomials for a dealer, fresh sealing keys for a receiver, and the
/// first message for all participants, this one included.
///
/// A node that sent the message and restarted must not begin again in the same attempt: two
/// first messages of one participant are equivocation.
///
/// # Errors
/// [`DealFault::Terms`], [`DealFault::NotMember`]: the caller's. [`DealFault::Holding`]: this
/// machine's.
pub fn start<C: Curve>(
    plan: Plan<C>,
    rng: &mut impl CryptoRngCore,
) -> Result<(ExpectRound1<C>, Vec<u8>), DealError> {
    let Plan { terms, me, holding } = plan;
    terms.check()?;
    let (dealers, receivers) = (terms.dealers(), &terms.receivers);
    if !dealers.contains(&me) && !receivers.contains(&me) {
        return Err(DealError::nobody(DealFault::NotMember));
    }
    let digest = terms.digest();
    let dealing =
        if dealers.contains(&me) { Some(Dealing::new(&terms, me, &holding, rng)?) } else { None };
    drop(holding);
    let mut keys = BTreeMap::new();
    let mut seal_keys = Vec::new();
    for dealer in dealers.iter().filter(|_| receivers.contains(&me)) {
        let (key, public) = SealKey::random(rng);
        keys.insert(*dealer, key);
        seal_keys.push(public);
    }
    let sid = random_digest(rng);
    let commitment = dealing.as_ref().map(|dealing| {
        let (commitments, opening) = (&dealing.commitments, &dealing.opening);
        Message1::commit(&digest, &me, &sid, &seal_keys, commitments, opening)
    });
    let own = to_bytes(&Message1 { version: VERSION, sid, seal_keys, commitment });
    Ok((ExpectRound1 { terms, digest, me, keys, dealing, own: own.clone() }, own))
}

/// Awaits the first message of every participant. Secret; holds the polynomials, which end here but
/// for their constant terms (DEAL-26).
pub struct ExpectRound1<C: Curve> {
    terms: Terms<C>,
    digest: Digest,
    me: NodeId,
    keys: BTreeMap<NodeId, SealKey>,
    dealing: Option<Dealing<C>>,
    own: Vec<u8>,
}

/// What this participant deals.
struct Dealing<C: Curve> {
    polynomials: Vec<Polynomial<C>>,
    committed: Vec<Commitments<C>>,
    commitments: Vec<Vec<ByteVec>>,
    opening: Digest,
    seed: Zeroizing<[u8; 32]>,
}

impl<C: Curve> ExpectRound1<C> {
    /// Whose message each is awaited, this participant's own included.
    pub fn awaits(&self) -> BTreeSet<NodeId> {
        self.terms.participants()
    }

    /// Takes the first message of every participant, the own one included, and answers with the
    /// second for all: only now, with all commitments here, are the coefficients revealed
    /// (DEAL-04, N-24).
    ///
    /// # Errors
    /// [`DealError`]; nothing has been revealed.
    pub fn handle(
        self,
        messages: BTreeMap<NodeId, Vec<u8>>,
        rng: &mut impl CryptoRngCore,
    ) -> Result<(ExpectRound2<C>, Vec<u8>), DealError> {
        check_own(&messages, &self.me, &self.own)?;
        let firsts = read_firsts(&self.terms, &messages)?;
        let sid = sid(&self.digest, &firsts);
        let dealing = match &self.dealing {
            Some(dealing) => Some(dealing.reveal(&self.terms, self.me, &sid, &firsts, rng)?),
            None => None,
        };
        let contributions = self.dealing.map(Dealing::into_constants).unwrap_or_default();
        let own = to_bytes(&Message2 { version: VERSION, echo: sid, dealing });
        let next = ExpectRound2 {
            terms: self.terms,
            digest: self.digest,
            me: self.me,
            keys: self.keys,
            sid,
            firsts,
            first_bytes: messages,
            contributions,
            own: own.clone(),
        };
        Ok((next, own))
    }
}

/// First messages of exactly the participants, each of the form that its sender's roles demand,
/// with keys that can be used (DEAL-03, DEAL-05).
pub(crate) fn read_firsts<C: Curve>(
    terms: &Terms<C>,
    messages: &BTreeMap<NodeId, Vec<u8>>,
) -> Result<BTreeMap<NodeId, Message1>, DealError> {
    let dealers = terms.dealers();
    let firsts =
        read(&terms.participants(), messages, Message1::BYTES_MAX, |from, first: &Message1| {
            first.fits(from, &dealers, &terms.receivers)
        })?;
    let usable = |first: &Message1| first.seal_keys.iter().all(SealPublic::is_usable);
    let culprits = firsts.iter().filter(|(_, first)| !usable(first));
    accuse(culprits.map(|(from, _)| *from).collect(), DealFault::SealKey)?;
    Ok(firsts)
}

impl<C: Curve> Dealing<C> {
    fn new(
        terms: &Terms<C>,
        me: NodeId,
        holding: &Holding<C>,
        rng: &mut impl CryptoRngCore,
    ) -> Result<Self, DealError> {
        let polynomials = polynomials(terms, &me, holding, rng)?;
        let degenerate = |_| DealError::nobody(DealFault::Sum);
        let committed: Vec<Commitments<C>> = polynomials
            .iter()
            .map(|polynomial| polynomial.commit().map_err(degenerate))
            .collect::<Result<_, _>>()?;
        let weights = weights(committed.len(), rng);
        let weighted = terms.weighted(&weights)?;
        let sum = Commitments::weighted_sum(&committed, &weights).map_err(degenerate)?;
        if terms.pinned(&weighted, &me)?.is_some_and(|expected| expected != sum.constant()) {
            return Err(DealError::nobody(DealFault::Holding));
        }
        let encoded = |all: &Commitments<C>| all.to_bytes().into_iter().map(Into::into).collect();
        let commitments = committed.iter().map(encoded).collect();
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut());
        Ok(Self { polynomials, committed, commitments, opening: random_digest(rng), seed })
    }

    fn reveal(
        &self,
        terms: &Terms<C>,
        me: NodeId,
        sid: &Digest,
        firsts: &BTreeMap<NodeId, Message1>,
        rng: &mut impl CryptoRngCore,
    ) -> Result<Dealing2, DealError> {
        Ok(Dealing2 {
            commitments: self.commitments.clone(),
            opening: self.opening,
            proofs: self.prove(terms, me, sid, rng)?,
            sealed: self.seal(terms, me, sid, firsts)?,
        })
    }

    /// What this participant contributes to every secret; everything else of the polynomials is
    /// wiped (DEAL-26).
    fn into_constants(self) -> Vec<SecretScalar<C>> {
        self.polynomials.into_iter().filter_map(Polynomial::into_constant).collect()
    }

    /// One ciphertext for every leaf of a receiver, the own ones included, with the leaf's share
    /// of every secret (DEAL-13).
    fn seal(
        &self,
        terms: &Terms<C>,
        me: NodeId,
        sid: &Digest,
        firsts: &BTreeMap<NodeId, Message1>,
    ) -> Result<Vec<Sealed>, DealError> {
        let position = terms.dealers().iter().position(|dealer| *dealer == me);
        let mut sealed = Vec::new();
        let mut culprits = Vec::new();
        for row in terms.rows() {
            let slot = Slot { sid: *sid, dealer: me, receiver: *row.party, leaf: row.leaf };
            let keys = firsts.get(row.party).map(|first| &first.seal_keys);
            let key = keys.zip(position).and_then(|(keys, position)| keys.get(position));
            let shares = self.polynomials.iter().map(|polynomial| polynomial.share(&row));
            let share = plaintext(shares).zip(key);
            match share.and_then(|(plaintext, key)| seal(&slot, key, &plaintext, &self.seed)) {
                Some(share) => sealed.push(share),
                None => culprits.push(*row.party),
            }
        }
        culprits.sort_unstable();
        culprits.dedup();
        accuse(culprits, DealFault::SealKey)?;
        Ok(sealed)
    }

    /// One proof for every fresh secret (DEAL-11).
    fn prove(
        &self,
        terms: &Terms<C>,
        me: NodeId,
        sid: &Digest,
        rng: &mut impl CryptoRngCore,
    ) -> Result<Vec<Proof>, DealError> {
        let wanted = terms.source.possessions();
        let degenerate = || DealError::nobody(DealFault::Sum);
        let fresh = (0..).zip(self.polynomials.iter().zip(&self.committed)).take(wanted);
        fresh
            .map(|(at, (polynomial, commitments))| {
                let statement = possession(sid, me, at, commitments).ok_or_else(degenerate)?;
                let witness = polynomial.constant().ok_or_else(degenerate)?;
                Ok(Proof::prove(&statement, witness, rng))
            })
            .collect()
    }
}

/// A polynomial for each secret, whose constant term is what this dealer is to deal.
fn polynomials<C: Curve>(
    terms: &Terms<C>,
    me: &NodeId,
    holding: &Holding<C>,
    rng: &mut impl CryptoRngCore,
) -> Result<Vec<Polynomial<C>>, DealError> {
    let wrong = || DealError::nobody(DealFault::Holding);
    let constants: Vec<SecretScalar<C>> = match (&terms.source, holding) {
        (Source::Fresh { count }, _) => {
            return Ok((0..*count).map(|_| Polynomial::random(&terms.tree, rng)).collect());
        }
        (Source::Shared { tree, dealers, .. }, Holding::Shares(shares)) => {
            let selection: Selection<NodeId> = tree.select(dealers).ok_or_else(wrong)?;
            let own = shares.iter().map(|shares| additive_share(&selection, me, shares));
            own.collect::<Result<_, _>>().map_err(|_| wrong())?
        }
        (Source::Summands { .. }, Holding::Secrets(secrets)) => {
            secrets.iter().map(|secret| secret.plus(&SecretScalar::zero())).collect()
        }
        (Source::Shared { .. } | Source::Summands { .. }, _) => return Err(wrong()),
    };
    if constants.len() != terms.source.count() {
        return Err(wrong());
    }
    let deal = |secret| Polynomial::with_constant(&terms.tree, secret, rng);
    Ok(constants.into_iter().map(deal).collect())
}

/// The statement that `dealer` knows the constant term of its dealing of the secret at `at`,
/// bound to the run, the dealer and all commitments of this secret.
pub(crate) fn possession<'a, C: Curve>(
    sid: &Digest,
    dealer: NodeId,
    at: u64,
    commitments: &'a Commitments<C>,
) -> Option<Statement<'a, C>> {
    Some(Statement {
        purpose: tag::DEAL_POP,
        run: *sid,
        prover: dealer,
        slot: at,
        sharing: commitments,
        public: commitments.constant().non_identity().ok()?,
    })
}

/// sid = H(terms, all (i, sid_i, list ek_i, c_i) in the order of the ids): contributed by all
/// participants, and the echo of the first round (DEAL-04, N-20).
pub(crate) fn sid(terms: &Digest, firsts: &BTreeMap<NodeId, Message1>) -> Digest {
    let start = Transcript::new(tag::DEAL_SID).part(terms).number(firsts.len() as u64);
    let all = firsts.iter().fold(start, |transcript, (from, first)| {
        let keys = first.seal_keys.iter().map(|key| key.0);
        transcript.part(from).part(first.sid).list(keys).list(first.commitment)
    });
    all.digest()
}

fn random_digest(rng: &mut impl CryptoRngCore) -> Digest {
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    Digest(bytes)
}

const _: () = assert!(SECRETS_MAX >= 1000);

#[cfg(test)]
impl<C: Curve> ExpectRound1<C> {
    /// From now on seals shares of another polynomial with the same constant term, for the
    /// secret at `at`.
    pub(super) fn deal_falsely(&mut self, at: usize, rng: &mut impl CryptoRngCore) {
        let polynomial = &mut self.dealing.as_mut().unwrap().polynomials[at];
        let same = polynomial.constant().unwrap().plus(&SecretScalar::zero());
        *polynomial = Polynomial::with_constant(&self.terms.tree, same, rng);
    }
}
