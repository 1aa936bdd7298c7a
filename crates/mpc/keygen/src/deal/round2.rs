//! Round two: every member reveals its dealing; each verifies all of it (DKG-08 to DKG-15).

use super::round1::{Message1, possession};
use super::{Dealt, Plan, accuse};
use crate::leaves;
use crate::proof::Proof;
use crate::seal::{SealKey, Sealed, Slot};
use crate::{DealError, DealFault};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use quorate_access::Row;
use quorate_access::limits::LEAVES_MAX;
use quorate_codec::{Canonical, Digest, Transcript, tag};
use quorate_curve::{Curve, NonIdentity, SecretScalar};
use quorate_identity::NodeId;
use quorate_sharing::{Commitments, LeafShares};
use rand_core::CryptoRngCore;
use std::collections::BTreeMap;
use std::marker::PhantomData;

/// The second message of a member. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Message2 {
    /// 1.
    #[n(0)]
    pub version: u8,
    /// C_i: one encoded point for every column of the tree.
    #[n(1)]
    pub commitments: Vec<ByteVec>,
    /// rho_i: opens the commitment of the first message.
    #[n(2)]
    pub opening: Digest,
    /// The sender's sid: what it saw of the first round.
    #[n(3)]
    pub echo: Digest,
    /// Proof of possession of the constant term.
    #[n(4)]
    pub proof: Proof,
    /// One sealed share for every leaf, in the order of the leaves.
    #[n(5)]
    pub sealed: Vec<Sealed>,
}

impl Canonical for Message2 {
    const BYTES_MAX: usize = 2
        + 3
        + LEAVES_MAX * 35
        + 2 * 34
        + Proof::ENCODED_BYTES
        + 3
        + LEAVES_MAX * Sealed::ENCODED_BYTES;
}

/// Awaits the second message of every member. Secret.
pub struct ExpectRound2<C: Curve> {
    plan: Plan,
    key: SealKey,
    sid: Digest,
    firsts: BTreeMap<NodeId, Message1>,
    first_bytes: BTreeMap<NodeId, Vec<u8>>,
    own: Vec<u8>,
    curve: PhantomData<C>,
}

impl<C: Curve> ExpectRound2<C> {
    pub(super) fn new(
        plan: Plan,
        key: SealKey,
        sid: Digest,
        firsts: BTreeMap<NodeId, Message1>,
        first_bytes: BTreeMap<NodeId, Vec<u8>>,
        own: Vec<u8>,
    ) -> Self {
        Self { plan, key, sid, firsts, first_bytes, own, curve: PhantomData }
    }

    /// Takes the second message of every member, the own one included, verifies every dealing
    /// and adds them up.
    ///
    /// # Errors
    /// [`DealError`]. Echoes are compared before anything that depends on what members agree
    /// about, so that nobody is accused for having been sent, or told, something else.
    pub fn handle(
        self,
        messages: BTreeMap<NodeId, Vec<u8>>,
        rng: &mut impl CryptoRngCore,
    ) -> Result<Dealt<C>, DealError> {
        let seconds =
            self.plan.read(&messages, &self.own, |message: &Message2| message.version == 1)?;
        self.check_echoes(&seconds)?;
        let dealings = self.dealings(&seconds)?;
        self.check_openings(&seconds, &dealings)?;
        self.check_possession(&seconds, &dealings)?;
        check_distinct(&dealings)?;
        let shares = self.open_all(&seconds, &dealings)?;
        let transcript = self.transcript(&messages);
        self.finish(&dealings, shares, transcript, rng)
    }

    /// Everybody saw the same first round (DKG-10, N-25).
    fn check_echoes(&self, seconds: &BTreeMap<NodeId, Message2>) -> Result<(), DealError> {
        let differing = seconds.iter().filter(|(_, second)| second.echo != self.sid);
        let differing: Vec<NodeId> = differing.map(|(from, _)| *from).collect();
        if differing.is_empty() {
            Ok(())
        } else {
            Err(DealError::nobody(DealFault::Echo { differing }))
        }
    }

    /// Exactly one commitment a column and one sealed share a leaf; valid points other than the
    /// identity, in their one encoding (DKG-08, N-07).
    fn dealings(
        &self,
        seconds: &BTreeMap<NodeId, Message2>,
    ) -> Result<BTreeMap<NodeId, Commitments<C>>, DealError> {
        let tree = &self.plan.tree;
        let mut dealings = BTreeMap::new();
        let mut culprits = Vec::new();
        for (from, second) in seconds {
            let points: Vec<&[u8]> =
                second.commitments.iter().map(|point| point.as_slice()).collect();
            match Commitments::from_bytes(tree, &points) {
                Ok(commitments) if second.sealed.len() == tree.leaf_count() => {
                    dealings.insert(*from, commitments);
                }
                _ => culprits.push(*from),
            }
        }
        accuse(culprits, DealFault::Malformed)?;
        Ok(dealings)
    }

    /// Every commitment of round one opens to what round two revealed (DKG-09).
    fn check_openings(
        &self,
        seconds: &BTreeMap<NodeId, Message2>,
        dealings: &BTreeMap<NodeId, Commitments<C>>,
    ) -> Result<(), DealError> {
        let opens = |from: &NodeId, second: &Message2| {
            let first = self.firsts.get(from)?;
            let opened = Message1::commit(
                &self.plan.ctx0,
                from,
                &first.sid,
                &first.seal_key,
                dealings.get(from)?,
                &second.opening,
            );
            (opened == first.commitment).then_some(())
        };
        let false_ones = seconds.iter().filter(|(from, second)| opens(from, second).is_none());
        accuse(false_ones.map(|(from, _)| *from).collect(), DealFault::Opening)
    }

    /// Everybody knows its constant term (DKG-11, N-18, N-23).
    fn check_possession(
        &self,
        seconds: &BTreeMap<NodeId, Message2>,
        dealings: &BTreeMap<NodeId, Commitments<C>>,
    ) -> Result<(), DealError> {
        let proven = |from: &NodeId, second: &Message2| {
            let statement = possession(&self.sid, *from, dealings.get(from)?)?;
            second.proof.verifies(&statement).then_some(())
        };
        // The own proof was made here and has not changed.
        let others = seconds.iter().filter(|(from, _)| **from != self.plan.me);
        let false_ones = others.filter(|(from, second)| proven(from, second).is_none());
        accuse(false_ones.map(|(from, _)| *from).collect(), DealFault::Possession)
    }

    /// Opens this member's shares of every dealing, checks each against its dealer's commitments
    /// and adds them up by leaf (DKG-13).
    fn open_all(
        &self,
        seconds: &BTreeMap<NodeId, Message2>,
        dealings: &BTreeMap<NodeId, Commitments<C>>,
    ) -> Result<LeafShares<C>, DealError> {
        let rows = self.plan.tree.rows();
        let own = rows.iter().enumerate().filter(|(_, row)| *row.party == self.plan.me);
        own.map(|(position, row)| {
            let mut sum = SecretScalar::zero();
            for (dealer, second) in seconds {
                let sealed = second.sealed.get(position);
                let share = sealed
                    .zip(dealings.get(dealer))
                    .and_then(|(sealed, dealing)| self.open(dealer, row, sealed, dealing));
                let bad =
                    DealFault::SubShare { dealer: *dealer, receiver: self.plan.me, leaf: row.leaf };
                sum = sum.plus(&share.ok_or(DealError::nobody(bad))?);
            }
            Ok((row.leaf, sum))
        })
        .collect()
    }

    fn open(
        &self,
        dealer: &NodeId,
        row: &Row<'_, NodeId>,
        sealed: &Sealed,
        dealing: &Commitments<C>,
    ) -> Option<SecretScalar<C>> {
        let slot = Slot { sid: self.sid, dealer: *dealer, receiver: self.plan.me, leaf: row.leaf };
        let share = self.key.open(&slot, sealed)?;
        (share.commit() == dealing.leaf(row)).then_some(share)
    }

    /// H of every message of both rounds in full, by member.
    fn transcript(&self, seconds: &BTreeMap<NodeId, Vec<u8>>) -> Digest {
        let start: Transcript =
            self.plan.transcript::<C>(tag::DEAL_TRANSCRIPT).number(seconds.len() as u64);
        let members = self.first_bytes.iter().zip(seconds.values());
        let all = members.fold(start, |transcript, ((from, first), second)| {
            transcript.part(from).part(first).part(second)
        });
        all.digest()
    }

    /// The sums, checked once more as a whole (DKG-14).
    fn finish(
        &self,
        dealings: &BTreeMap<NodeId, Commitments<C>>,
        shares: LeafShares<C>,
        transcript: Digest,
        rng: &mut impl CryptoRngCore,
    ) -> Result<Dealt<C>, DealError> {
        let degenerate = || DealError::nobody(DealFault::Sum);
        let commitments = Commitments::sum(dealings.values()).map_err(|_| degenerate())?;
        let public = commitments.constant().non_identity().map_err(|_| degenerate())?;
        let tree = &self.plan.tree;
        let public_shares = commitments.leaves(tree);
        if public_shares.values().any(|share| share.is_identity())
            || !shares.matches(tree, &self.plan.me, &commitments)
        {
            return Err(degenerate());
        }
        let chain_code = self.chain_code(&public);
        let proofs = leaves::prove(&transcript, tree, &commitments, &self.plan.me, &shares, rng);
        let leaf_proofs = proofs.ok_or_else(degenerate)?;
        Ok(Dealt { commitments, shares, transcript, chain_code, leaf_proofs })
    }

    fn chain_code(&self, public: &NonIdentity<C>) -> [u8; 32] {
        Transcript::new(tag::CHAIN_CODE).part(self.sid).part(public.to_bytes()).digest().0
    }
}

/// No two members dealt the same secret (DKG-12, N-18).
fn check_distinct<C: Curve>(dealings: &BTreeMap<NodeId, Commitments<C>>) -> Result<(), DealError> {
    let constants: Vec<_> = dealings.iter().map(|(from, all)| (from, all.constant())).collect();
    let twice = |constant| constants.iter().filter(|(_, other)| *other == constant).count() > 1;
    let members = constants.iter().filter(|(_, constant)| twice(*constant));
    let members: Vec<NodeId> = members.map(|(from, _)| **from).collect();
    if members.is_empty() {
        Ok(())
    } else {
        Err(DealError::nobody(DealFault::Duplicate { members }))
    }
}
