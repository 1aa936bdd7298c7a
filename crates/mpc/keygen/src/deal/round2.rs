//! Round two: every dealer reveals its dealing; everybody verifies all of it (DEAL-08 to
//! DEAL-16).

use super::round1::{Message1, possession};
use super::terms::{Terms, Weighted};
use super::{Contributions, Dealt, DealtKey, VERSION, accuse, check_own, read, weights};
use crate::blame::Complaint;
use crate::leaves::LeafStatements;
use crate::limits::SECRETS_MAX;
use crate::proof::Proof;
use crate::seal::{SealKey, Sealed, Slot, shares_of};
use crate::{DealError, DealFault};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use quorate_access::limits::LEAVES_MAX;
use quorate_access::{LeafId, Row};
use quorate_codec::{Canonical, Digest, Transcript, tag};
use quorate_curve::{Curve, NonIdentity, Point, Scalar, SecretScalar};
use quorate_identity::NodeId;
use quorate_sharing::{Commitments, LeafShares};
use rand_core::CryptoRngCore;
use std::collections::{BTreeMap, BTreeSet};

/// The second message of a participant. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Message2 {
    /// 2.
    #[n(0)]
    pub version: u8,
    /// The sender's sid: what it saw of the first round.
    #[n(1)]
    pub echo: Digest,
    /// What it deals, if it is a dealer.
    #[n(2)]
    pub dealing: Option<Dealing2>,
}

/// What a dealer reveals. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Dealing2 {
    /// For each secret C_{i,j}: one encoded point for every column of the tree.
    #[n(0)]
    pub commitments: Vec<Vec<ByteVec>>,
    /// rho_i: opens the commitment of the first message.
    #[n(1)]
    pub opening: Digest,
    /// One proof of possession for every fresh secret; none for secrets that existed.
    #[n(2)]
    pub proofs: Vec<Proof>,
    /// For each leaf of a receiver, in their order, one ciphertext with its shares of all secrets.
    #[n(3)]
    pub sealed: Vec<Sealed>,
}

impl Canonical for Message2 {
    // What a run admits follows from its terms and is checked first; this bounds any run.
    const BYTES_MAX: usize = 128
        + SECRETS_MAX * (8 + LEAVES_MAX * 36 + Proof::ENCODED_BYTES)
        + LEAVES_MAX * (8 + Sealed::bytes(SECRETS_MAX));
}

/// Awaits the second message of every participant. Secret.
pub struct ExpectRound2<C: Curve> {
    pub(super) terms: Terms<C>,
    pub(super) digest: Digest,
    pub(super) me: NodeId,
    pub(super) keys: BTreeMap<NodeId, SealKey>,
    pub(super) sid: Digest,
    pub(super) firsts: BTreeMap<NodeId, Message1>,
    pub(super) first_bytes: BTreeMap<NodeId, Vec<u8>>,
    pub(super) contributions: Vec<SecretScalar<C>>,
    pub(super) own: Vec<u8>,
}

/// The commitments of one dealer, one for each secret, and their weighted sum.
struct Dealing<C: Curve> {
    each: Vec<Commitments<C>>,
    sum: Commitments<C>,
}

/// What the dealers revealed, as it came and as it was read.
type Public<'a, C> = (BTreeMap<NodeId, &'a Dealing2>, BTreeMap<NodeId, Dealing<C>>);

/// Looks through the messages of a run as somebody who took no part in it (DEAL-25): the checks of
/// both rounds but those that need a share. `weights` make many equations one.
pub(crate) fn look_through<C: Curve>(
    terms: &Terms<C>,
    firsts: BTreeMap<NodeId, Vec<u8>>,
    seconds: Option<&BTreeMap<NodeId, Vec<u8>>>,
    weights: &[u128],
) -> Result<(), DealError> {
    let read_firsts = super::round1::read_firsts(terms, &firsts)?;
    let Some(seconds) = seconds else { return Ok(()) };
    let participants = terms.participants();
    let nobody = || DealError::nobody(DealFault::Terms);
    let digest = terms.digest();
    let run = ExpectRound2 {
        terms: terms.clone(),
        digest,
        me: *participants.first().ok_or_else(nobody)?,
        keys: BTreeMap::new(),
        sid: super::round1::sid(&digest, &read_firsts),
        firsts: read_firsts,
        first_bytes: firsts,
        contributions: Vec::new(),
        own: Vec::new(),
    };
    let bytes_max = terms.message2_bytes_max();
    let seconds =
        read(&participants, seconds, bytes_max, |_, second: &Message2| second.version == VERSION)?;
    run.check_echoes(&seconds)?;
    run.check_public(&seconds, weights, None).map(drop)
}

impl<C: Curve> ExpectRound2<C> {
    /// Whose message each is awaited, this participant's own included.
    pub fn awaits(&self) -> BTreeSet<NodeId> {
        self.terms.participants()
    }

    /// Takes the second message of every participant, the own one included, verifies every
    /// dealing and adds them up.
    ///
    /// `rng` also gives the weights under which the shares of many secrets are checked as one.
    ///
    /// # Errors
    /// [`DealError`]. Echoes are compared before anything that depends on what participants agree
    /// about, so that nobody is accused for having been sent, or told, something else.
    pub fn handle(
        self,
        messages: BTreeMap<NodeId, Vec<u8>>,
        rng: &mut impl CryptoRngCore,
    ) -> Result<Dealt<C>, DealError> {
        check_own(&messages, &self.me, &self.own)?;
        let bytes_max = self.terms.message2_bytes_max();
        let seconds =
            read(&self.terms.participants(), &messages, bytes_max, |_, second: &Message2| {
                second.version == VERSION
            })?;
        self.check_echoes(&seconds)?;
        let weights = weights(self.terms.source.count(), rng);
        // The own proofs were made here and have not changed.
        let (revealed, dealings) = self.check_public(&seconds, &weights, Some(&self.me))?;
        let shares = self.open_all(&messages, &revealed, &dealings, &weights)?;
        let transcript = self.transcript(&messages);
        self.finish(&dealings, shares, &weights, transcript, rng)
    }

    /// Everything about the dealings that is to be seen without a share: the same for everybody.
    fn check_public<'a>(
        &self,
        seconds: &'a BTreeMap<NodeId, Message2>,
        weights: &[u128],
        trusted: Option<&NodeId>,
    ) -> Result<Public<'a, C>, DealError> {
        let revealed = self.revealed(seconds)?;
        let dealings = self.dealings(&revealed, weights)?;
        self.check_openings(&revealed)?;
        self.check_possession(&revealed, &dealings, trusted)?;
        self.check_distinct(&dealings)?;
        self.check_constants(&dealings, weights)?;
        Ok((revealed, dealings))
    }

    /// Everybody saw the same first round (DEAL-10, N-25).
    fn check_echoes(&self, seconds: &BTreeMap<NodeId, Message2>) -> Result<(), DealError> {
        let differing = seconds.iter().filter(|(_, second)| second.echo != self.sid);
        let differing: Vec<NodeId> = differing.map(|(from, _)| *from).collect();
        if differing.is_empty() {
            Ok(())
        } else {
            Err(DealError::nobody(DealFault::Echo { differing }))
        }
    }

    /// A dealing of exactly every dealer, with exactly as much of everything as the terms demand
    /// (DEAL-08, N-07).
    fn revealed<'a>(
        &self,
        seconds: &'a BTreeMap<NodeId, Message2>,
    ) -> Result<BTreeMap<NodeId, &'a Dealing2>, DealError> {
        let dealers = self.terms.dealers();
        let fits = |from: &NodeId, second: &Message2| match &second.dealing {
            Some(dealing) => dealers.contains(from) && dealing.fits(&self.terms),
            None => !dealers.contains(from),
        };
        let misfits = seconds.iter().filter(|(from, second)| !fits(from, second));
        accuse(misfits.map(|(from, _)| *from).collect(), DealFault::Malformed)?;
        let dealt =
            |(from, second): (&NodeId, &'a Message2)| Some((*from, second.dealing.as_ref()?));
        Ok(seconds.iter().filter_map(dealt).collect())
    }

    /// Valid points other than the identity, in their one encoding (DEAL-08).
    fn dealings(
        &self,
        revealed: &BTreeMap<NodeId, &Dealing2>,
        weights: &[u128],
    ) -> Result<BTreeMap<NodeId, Dealing<C>>, DealError> {
        let mut dealings = BTreeMap::new();
        let mut culprits = Vec::new();
        for (from, dealing) in revealed {
            match dealing.read(&self.terms) {
                Some(each) => {
                    // By a chance of 2^-128 the weighted sum is the identity.
                    let sum = Commitments::weighted_sum(&each, weights);
                    let sum = sum.map_err(|_| DealError::nobody(DealFault::Sum))?;
                    dealings.insert(*from, Dealing { each, sum });
                }
                None => culprits.push(*from),
            }
        }
        accuse(culprits, DealFault::Malformed)?;
        Ok(dealings)
    }

    /// Every commitment of round one opens to what round two revealed (DEAL-09).
    fn check_openings(&self, revealed: &BTreeMap<NodeId, &Dealing2>) -> Result<(), DealError> {
        let opens = |from: &NodeId, dealing: &Dealing2| {
            self.firsts.get(from).is_some_and(|first| dealing.opens(&self.digest, from, first))
        };
        let false_ones = revealed.iter().filter(|(from, dealing)| !opens(from, dealing));
        accuse(false_ones.map(|(from, _)| *from).collect(), DealFault::Opening)
    }

    /// Everybody knows the fresh secrets that it deals (DEAL-11, N-18, N-23).
    fn check_possession(
        &self,
        revealed: &BTreeMap<NodeId, &Dealing2>,
        dealings: &BTreeMap<NodeId, Dealing<C>>,
        trusted: Option<&NodeId>,
    ) -> Result<(), DealError> {
        let proven = |from: &NodeId, proofs: &[Proof]| {
            let all = dealings.get(from).map(|dealing| (0..).zip(&dealing.each).zip(proofs));
            all.into_iter().flatten().all(|((at, commitments), proof)| {
                let statement = possession(&self.sid, *from, at, commitments);
                statement.is_some_and(|statement| proof.verifies(&statement))
            })
        };
        let others = revealed.iter().filter(|(from, _)| Some(*from) != trusted);
        let false_ones = others.filter(|(from, dealing)| !proven(from, &dealing.proofs));
        accuse(false_ones.map(|(from, _)| *from).collect(), DealFault::Possession)
    }

    /// No fresh secret is dealt twice. Who does so alone has proven it itself; members that do so
    /// together may share a broken source of randomness (DEAL-12, N-18).
    fn check_distinct(&self, dealings: &BTreeMap<NodeId, Dealing<C>>) -> Result<(), DealError> {
        if self.terms.source.possessions() == 0 {
            return Ok(());
        }
        let mut by_constant: BTreeMap<Vec<u8>, BTreeSet<NodeId>> = BTreeMap::new();
        let mut repeaters = Vec::new();
        for (from, dealing) in dealings {
            let constants =
                dealing.each.iter().filter_map(|key| key.constant().non_identity().ok());
            let constants: Vec<NonIdentity<C>> = constants.collect();
            let distinct: BTreeSet<Vec<u8>> =
                NonIdentity::all_to_bytes(&constants).into_iter().collect();
            if distinct.len() < dealing.each.len() {
                repeaters.push(*from);
            }
            for constant in distinct {
                by_constant.entry(constant).or_default().insert(*from);
            }
        }
        accuse(repeaters, DealFault::Repeated)?;
        let together = by_constant.into_values().filter(|dealers| dealers.len() > 1).flatten();
        let together: BTreeSet<NodeId> = together.collect();
        let members: Vec<NodeId> = together.into_iter().collect();
        if members.is_empty() {
            Ok(())
        } else {
            Err(DealError::nobody(DealFault::Duplicate { members }))
        }
    }

    /// Every dealer of secrets that existed deals exactly its part of them: without this one
    /// dealer could shift or destroy every key (DEAL-18).
    fn check_constants(
        &self,
        dealings: &BTreeMap<NodeId, Dealing<C>>,
        weights: &[u128],
    ) -> Result<(), DealError> {
        let weighted: Option<Weighted<C>> = self.terms.weighted(weights)?;
        let mut culprits = Vec::new();
        for (from, dealing) in dealings {
            let expected = self.terms.pinned(&weighted, from)?;
            if expected.is_some_and(|expected| expected != dealing.sum.constant()) {
                culprits.push(*from);
            }
        }
        accuse(culprits, DealFault::Constant)
    }

    /// Opens this participant's shares of every dealing, checks them against the dealer's
    /// commitments and adds them up by leaf; one [`LeafShares`] for each secret (DEAL-14).
    fn open_all(
        &self,
        messages: &BTreeMap<NodeId, Vec<u8>>,
        revealed: &BTreeMap<NodeId, &Dealing2>,
        dealings: &BTreeMap<NodeId, Dealing<C>>,
        weights: &[u128],
    ) -> Result<Vec<LeafShares<C>>, DealError> {
        let rows = self.terms.rows();
        let own = rows.iter().enumerate().filter(|(_, row)| *row.party == self.me);
        let mut sums: Vec<Vec<(LeafId, SecretScalar<C>)>> =
            weights.iter().map(|_| Vec::new()).collect();
        for (position, row) in own {
            let mut leaf: Vec<SecretScalar<C>> =
                weights.iter().map(|_| SecretScalar::zero()).collect();
            for (dealer, dealing) in dealings {
                let sealed = revealed.get(dealer).and_then(|all| all.sealed.get(position));
                let shares = self.open(dealer, row, sealed, dealing, weights);
                let shares = shares.map_err(|secret| {
                    self.bad_share(dealer, messages.get(dealer), row.leaf, secret)
                })?;
                leaf = leaf.iter().zip(&shares).map(|(sum, share)| sum.plus(share)).collect();
            }
            sums.iter_mut().zip(leaf).for_each(|(sum, share)| sum.push((row.leaf, share)));
        }
        Ok(sums.into_iter().map(|shares| shares.into_iter().collect()).collect())
    }

    /// The shares of one leaf from one dealer; or of which secret the share is wrong, if the
    /// ciphertext opens to canonical ones at all.
    fn open(
        &self,
        dealer: &NodeId,
        row: &Row<'_, NodeId>,
        sealed: Option<&Sealed>,
        dealing: &Dealing<C>,
        weights: &[u128],
    ) -> Result<Vec<SecretScalar<C>>, Option<usize>> {
        let slot = Slot { sid: self.sid, dealer: *dealer, receiver: self.me, leaf: row.leaf };
        let opened =
            self.keys.get(dealer).zip(sealed).and_then(|(key, sealed)| key.open(&slot, sealed));
        let shares = opened.and_then(|opened| shares_of(&opened, weights.len())).ok_or(None)?;
        let zero = SecretScalar::zero();
        let sum = shares
            .iter()
            .zip(weights)
            .fold(zero, |sum, (share, weight)| sum.plus(&share.times(Scalar::from_u128(*weight))));
        if sum.commit() == dealing.sum.leaf(row) {
            return Ok(shares);
        }
        let wrong =
            |(share, key): (&SecretScalar<C>, &Commitments<C>)| share.commit() != key.leaf(row);
        Err(shares.iter().zip(&dealing.each).position(wrong))
    }

    /// The run ends; the complaint proves to others what only this receiver can see (DEAL-19).
    fn bad_share(
        &self,
        dealer: &NodeId,
        message: Option<&Vec<u8>>,
        leaf: LeafId,
        secret: Option<usize>,
    ) -> DealError {
        let reason = DealFault::SubShare { dealer: *dealer, receiver: self.me, leaf, secret };
        let proof = self.keys.get(dealer).zip(message);
        let complaint =
            proof.map(|(key, message)| Box::new(Complaint::new(self.sid, *dealer, message, key)));
        DealError { complaint, ..DealError::nobody(reason) }
    }

    /// H of every message of both rounds in full, by participant.
    fn transcript(&self, seconds: &BTreeMap<NodeId, Vec<u8>>) -> Digest {
        let start = Transcript::new(tag::DEAL_TRANSCRIPT).part(self.digest);
        let start = start.number(seconds.len() as u64);
        let participants = self.first_bytes.iter().zip(seconds.values());
        let all = participants.fold(start, |transcript, ((from, first), second)| {
            transcript.part(from).part(first).part(second)
        });
        all.digest()
    }

    /// The sums, checked once more as a whole (DEAL-15).
    fn finish(
        self,
        dealings: &BTreeMap<NodeId, Dealing<C>>,
        shares: Vec<LeafShares<C>>,
        weights: &[u128],
        transcript: Digest,
        rng: &mut impl CryptoRngCore,
    ) -> Result<Dealt<C>, DealError> {
        let degenerate = || DealError::nobody(DealFault::Sum);
        let tree = &self.terms.tree;
        let add = |at: usize| {
            let parts = dealings.values().filter_map(|dealing| dealing.each.get(at));
            Commitments::sum(parts).map_err(|_| degenerate())
        };
        let sums: Vec<Commitments<C>> = (0..weights.len()).map(add).collect::<Result<_, _>>()?;
        if !self.are_keys(&sums) {
            return Err(degenerate());
        }
        let held = !shares.iter().any(LeafShares::is_empty);
        let leaf_proofs = if held {
            let commitments =
                Commitments::weighted_sum(&sums, weights).map_err(|_| degenerate())?;
            let weighted = LeafShares::weighted_sum(&shares, weights).map_err(|_| degenerate())?;
            if !weighted.matches(tree, &self.me, &commitments) {
                return Err(degenerate());
            }
            let knowledge = self.terms.source.knowledge();
            let statements = LeafStatements::new(&transcript, tree, &sums, knowledge)?;
            Some(statements.prove(&self.me, &shares, rng).ok_or_else(degenerate)?)
        } else {
            None
        };
        let fresh = self.terms.source.possessions() > 0;
        let key = |(commitments, shares): (Commitments<C>, LeafShares<C>)| {
            let public = commitments.constant().non_identity().map_err(|_| degenerate())?;
            let chain_code = fresh.then(|| self.chain_code(&public));
            Ok(DealtKey { commitments, shares, chain_code })
        };
        let keys = sums.into_iter().zip(shares).map(key).collect::<Result<_, _>>()?;
        let constants = |(from, dealing): (&NodeId, &Dealing<C>)| {
            let constants = dealing.each.iter().map(|each| each.constant().non_identity());
            Ok((*from, constants.collect::<Result<_, _>>().map_err(|_| degenerate())?))
        };
        let publics = dealings.iter().map(constants).collect::<Result<_, _>>()?;
        let contributions = Contributions { publics, own: self.contributions };
        Ok(Dealt { keys, transcript, leaf_proofs, contributions })
    }

    /// No public share is the identity, of absent parties neither, and keys that existed are the same as before: what
    /// follows from the checks of every dealing, once more from the results.
    fn are_keys(&self, sums: &[Commitments<C>]) -> bool {
        let rows = self.terms.tree.rows();
        let shared = |key: &Commitments<C>| rows.iter().all(|row| !key.leaf(row).is_identity());
        let same = |publics: Vec<Point<C>>| {
            publics.len() == sums.len()
                && publics.iter().zip(sums).all(|(public, key)| *public == key.constant())
        };
        sums.iter().all(shared) && self.terms.source.publics().is_none_or(same)
    }

    fn chain_code(&self, public: &NonIdentity<C>) -> [u8; 32] {
        Transcript::new(tag::CHAIN_CODE).part(self.sid).part(public.to_bytes()).digest().0
    }
}

impl Dealing2 {
    /// As much of everything as the terms demand (DEAL-08).
    pub(crate) fn fits<C: Curve>(&self, terms: &Terms<C>) -> bool {
        let (count, columns) = (terms.source.count(), terms.tree.columns());
        self.commitments.len() == count
            && self.commitments.iter().all(|points| points.len() == columns)
            && self.proofs.len() == terms.source.possessions()
            && self.sealed.len() == terms.rows().len()
            && self.sealed.iter().all(|sealed| sealed.0.len() == Sealed::bytes(count))
    }

    /// The commitments to every secret, if all are valid.
    pub(crate) fn read<C: Curve>(&self, terms: &Terms<C>) -> Option<Vec<Commitments<C>>> {
        let read = |points: &Vec<ByteVec>| {
            let points: Vec<&[u8]> = points.iter().map(|point| point.as_slice()).collect();
            Commitments::from_bytes(&terms.tree, &points).ok()
        };
        self.commitments.iter().map(read).collect()
    }

    /// Whether this is what the dealer's first message committed to (DEAL-09).
    pub(crate) fn opens(&self, terms: &Digest, dealer: &NodeId, first: &Message1) -> bool {
        let (keys, commitments) = (&first.seal_keys, &self.commitments);
        let opened = Message1::commit(terms, dealer, &first.sid, keys, commitments, &self.opening);
        first.commitment == Some(opened)
    }
}
