//! Round one: every member commits to its dealing before it sees another (DKG-02 to DKG-04).

use super::round2::{ExpectRound2, Message2};
use super::{Plan, accuse};
use crate::proof::{Proof, Statement};
use crate::seal::{SealKey, SealPublic, Sealed, Slot, seal};
use crate::{DealError, DealFault};
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, Digest, Transcript, tag, to_bytes};
use quorate_curve::Curve;
use quorate_identity::NodeId;
use quorate_sharing::{Commitments, Polynomial};
use rand_core::CryptoRngCore;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The first message of a member. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Message1 {
    /// 1.
    #[n(0)]
    pub version: u8,
    /// sid_i: 32 random bytes.
    #[n(1)]
    pub sid: Digest,
    /// ek_i: the key under which shares are sealed for the sender.
    #[n(2)]
    pub seal_key: SealPublic,
    /// c_i: the commitment to its coefficients.
    #[n(3)]
    pub commitment: Digest,
}

impl Canonical for Message1 {
    const BYTES_MAX: usize = 2 + 3 * 34;
}

impl Message1 {
    /// c_i = H(ctx0, i, sid_i, ek_i, C_i, rho_i).
    pub(crate) fn commit<C: Curve>(
        ctx0: &Digest,
        dealer: &NodeId,
        sid: &Digest,
        seal_key: &SealPublic,
        commitments: &Commitments<C>,
        opening: &Digest,
    ) -> Digest {
        Transcript::new(tag::DEAL_COMMIT)
            .part(ctx0)
            .part(dealer)
            .part(sid)
            .part(seal_key.0)
            .list(commitments.to_bytes())
            .part(opening)
            .digest()
    }
}

/// Begins a dealing: a fresh polynomial, a fresh sealing key, and the first message for all
/// members, this one included.
///
/// A node that sent the message and restarted must not begin again in the same attempt: two
/// first messages of one member are equivocation.
///
/// # Errors
/// [`DealFault::NotMember`].
pub fn start<C: Curve>(
    plan: Plan,
    rng: &mut impl CryptoRngCore,
) -> Result<(ExpectRound1<C>, Vec<u8>), DealError> {
    if !plan.members().contains(&plan.me) {
        return Err(DealError::nobody(DealFault::NotMember));
    }
    let polynomial = Polynomial::random(&plan.tree, rng);
    let commitments = polynomial.commit().map_err(|_| DealError::nobody(DealFault::Sum))?;
    let (key, seal_key) = SealKey::random(rng);
    let (sid, opening) = (random_digest(rng), random_digest(rng));
    let mut seed = Zeroizing::new([0; 32]);
    rng.fill_bytes(seed.as_mut());
    let commitment =
        Message1::commit(&plan.ctx0, &plan.me, &sid, &seal_key, &commitments, &opening);
    let own = to_bytes(&Message1 { version: 1, sid, seal_key, commitment });
    let dealing = Dealing { polynomial, commitments, opening, seed };
    Ok((ExpectRound1 { plan, key, dealing, own: own.clone() }, own))
}

/// Awaits the first message of every member. Secret; holds the polynomial, which ends here.
pub struct ExpectRound1<C: Curve> {
    plan: Plan,
    key: SealKey,
    dealing: Dealing<C>,
    own: Vec<u8>,
}

/// What this member deals.
struct Dealing<C: Curve> {
    polynomial: Polynomial<C>,
    commitments: Commitments<C>,
    opening: Digest,
    seed: Zeroizing<[u8; 32]>,
}

impl<C: Curve> ExpectRound1<C> {
    /// Takes the first message of every member, the own one included, and answers with the
    /// second for all: only now, with all commitments here, are the coefficients revealed
    /// (DKG-03, N-24).
    ///
    /// # Errors
    /// [`DealError`]; nothing has been revealed.
    pub fn handle(
        self,
        messages: BTreeMap<NodeId, Vec<u8>>,
        rng: &mut impl CryptoRngCore,
    ) -> Result<(ExpectRound2<C>, Vec<u8>), DealError> {
        let firsts = self.plan.read(&messages, &self.own, |message: &Message1| {
            message.version == 1 && message.seal_key.is_canonical()
        })?;
        let sid = sid::<C>(&self.plan, &firsts);
        let sealed = self.dealing.seal(&self.plan, &sid, &firsts)?;
        let proof = self.dealing.prove(self.plan.me, &sid, rng)?;
        let own = to_bytes(&Message2 {
            version: 1,
            commitments: self.dealing.commitments.to_bytes().into_iter().map(Into::into).collect(),
            opening: self.dealing.opening,
            echo: sid,
            proof,
            sealed,
        });
        let next = ExpectRound2::new(self.plan, self.key, sid, firsts, messages, own.clone());
        Ok((next, own))
    }
}

impl<C: Curve> Dealing<C> {
    /// One sealed share for every leaf, the own ones included. Members whose key is of small
    /// order are culprits.
    fn seal(
        &self,
        plan: &Plan,
        sid: &Digest,
        firsts: &BTreeMap<NodeId, Message1>,
    ) -> Result<Vec<Sealed>, DealError> {
        let mut sealed = Vec::new();
        let mut culprits = Vec::new();
        for row in plan.tree.rows() {
            let slot = Slot { sid: *sid, dealer: plan.me, receiver: *row.party, leaf: row.leaf };
            let key = firsts.get(row.party).map(|first| first.seal_key);
            let share = self.polynomial.share(&row);
            let share =
                key.zip(share).and_then(|(key, share)| seal(&slot, &key, &share, &self.seed));
            match share {
                Some(share) => sealed.push(share),
                None => culprits.push(*row.party),
            }
        }
        culprits.sort_unstable();
        culprits.dedup();
        accuse(culprits, DealFault::SealKey)?;
        Ok(sealed)
    }

    fn prove(
        &self,
        me: NodeId,
        sid: &Digest,
        rng: &mut impl CryptoRngCore,
    ) -> Result<Proof, DealError> {
        let statement = possession(sid, me, &self.commitments);
        let proven = statement.zip(self.polynomial.constant());
        let (statement, witness) = proven.ok_or(DealError::nobody(DealFault::Sum))?;
        Ok(Proof::prove(&statement, witness, rng))
    }
}

/// The statement that `dealer` knows the constant term of its dealing, bound to the run, the
/// dealer and all its commitments.
pub(crate) fn possession<'a, C: Curve>(
    sid: &Digest,
    dealer: NodeId,
    commitments: &'a Commitments<C>,
) -> Option<Statement<'a, C>> {
    Some(Statement {
        purpose: tag::DEAL_POP,
        run: *sid,
        prover: dealer,
        slot: 0,
        sharing: commitments,
        public: commitments.constant().non_identity().ok()?,
    })
}

/// sid = H(ctx0, curve, tree, all (i, sid_i, ek_i, c_i) in the order of the ids): contributed by
/// all members, and the echo of the first round (N-20).
fn sid<C: Curve>(plan: &Plan, firsts: &BTreeMap<NodeId, Message1>) -> Digest {
    let start = plan.transcript::<C>(tag::DEAL_SID).number(firsts.len() as u64);
    let all = firsts.iter().fold(start, |transcript, (from, first)| {
        transcript.part(from).part(first.sid).part(first.seal_key.0).part(first.commitment)
    });
    all.digest()
}

fn random_digest(rng: &mut impl CryptoRngCore) -> Digest {
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    Digest(bytes)
}

#[cfg(test)]
impl<C: Curve> ExpectRound1<C> {
    /// From now on seals shares of another polynomial with the same constant term.
    pub(super) fn deal_falsely(&mut self, rng: &mut impl CryptoRngCore) {
        let same = self.dealing.polynomial.constant().unwrap().times(quorate_curve::Scalar::one());
        self.dealing.polynomial = Polynomial::with_constant(&self.plan.tree, same, rng);
    }
}
