//! What is dealt, by whom and to whom (DEAL-01, DEAL-02).

use crate::limits::SECRETS_MAX;
use crate::proof::Proof;
use crate::seal::Sealed;
use crate::{DealError, DealFault, Knowledge};
use quorate_access::{Row, Selection, Tree};
use quorate_codec::{Digest, Transcript, tag, to_bytes};
use quorate_curve::{Curve, NonIdentity, Point, SecretScalar};
use quorate_identity::NodeId;
use quorate_sharing::{Commitments, LeafShares, additive_public};
use std::collections::{BTreeMap, BTreeSet};

/// What all participants of a dealing must agree on. Public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms<C: Curve> {
    /// The context: suite, operation, genesis, ordering entry, keys, epoch, attempt, incarnations.
    /// The caller's; a new one for every attempt (DEAL-01).
    pub ctx0: Digest,
    /// The tree over which is dealt.
    pub tree: Tree<NodeId>,
    /// Which of the tree's parties take part and will hold shares. They satisfy the tree; of
    /// fresh keys they are all. Who is absent is repaired by a later refresh.
    pub receivers: BTreeSet<NodeId>,
    /// Which secrets, and who deals them.
    pub source: Source<C>,
}

/// Which secrets are dealt, and who deals them (DEAL-02). Public. Always a vector, and never
/// anything but whole secrets: what looks like dealing zero to refresh is dealing the shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source<C: Curve> {
    /// Key generation: every party deals a random secret for each of `count` new keys, and
    /// proves that it knows it.
    Fresh {
        /// How many keys.
        count: usize,
    },
    /// Refresh, reshare and repair: the dealers deal their additive shares of keys that exist.
    Shared {
        /// The tree over which the keys are shared so far.
        tree: Tree<NodeId>,
        /// Who deals: exactly the parties of their own canonical selection in that tree.
        dealers: BTreeSet<NodeId>,
        /// The commitments to each key, from its certified epoch record and never from a dealer.
        old: Vec<Commitments<C>>,
    },
    /// Import and restore: each dealer deals a summand of every key, and its points are known. One
    /// dealer deals the keys themselves.
    Summands {
        /// Who, and the points of its summands, in the order of the keys; from elsewhere than the
        /// run.
        of: BTreeMap<NodeId, Vec<NonIdentity<C>>>,
    },
}

/// What a participant brings along. Secret, wiped when dropped, printed as its kind only.
#[derive(Debug)]
pub enum Holding<C: Curve> {
    /// Nothing: whoever deals fresh secrets, and whoever only receives.
    Nothing,
    /// The shares of each old key, for a dealer of [`Source::Shared`].
    Shares(Vec<LeafShares<C>>),
    /// Its summand of each key, for a dealer of [`Source::Summands`].
    Secrets(Vec<SecretScalar<C>>),
}

/// The terms, and who this participant is.
#[derive(Debug)]
pub struct Plan<C: Curve> {
    /// What all agree on.
    pub terms: Terms<C>,
    /// The node that runs this.
    pub me: NodeId,
    /// What it brings along.
    pub holding: Holding<C>,
}

impl<C: Curve> Source<C> {
    /// How many secrets are dealt.
    pub fn count(&self) -> usize {
        match self {
            Self::Fresh { count } => *count,
            Self::Shared { old, .. } => old.len(),
            Self::Summands { of } => of.values().next().map_or(0, Vec::len),
        }
    }

    /// What the final leaf proofs show: each share of a new key, one combination of shares of
    /// keys that existed (DEAL-17).
    pub fn knowledge(&self) -> Knowledge {
        match self {
            Self::Fresh { .. } => Knowledge::Each,
            Self::Shared { .. } | Self::Summands { .. } => Knowledge::Combined,
        }
    }

    /// How many proofs of possession a dealing has: where the public point of a secret is not
    /// known before, one for each (DEAL-11).
    pub(crate) fn possessions(&self) -> usize {
        match self {
            Self::Fresh { count } => *count,
            Self::Shared { .. } | Self::Summands { .. } => 0,
        }
    }

    /// The points that the keys will have, where they are known before.
    pub(crate) fn publics(&self) -> Option<Vec<Point<C>>> {
        let sum_at = |place: usize, of: &BTreeMap<NodeId, Vec<NonIdentity<C>>>| {
            let points = of.values().filter_map(|points| points.get(place));
            Point::weighted_sum(&points.map(|point| (point.point(), 1)).collect::<Vec<_>>())
        };
        match self {
            Self::Fresh { .. } => None,
            Self::Shared { old, .. } => Some(old.iter().map(Commitments::constant).collect()),
            Self::Summands { of } => Some((0..self.count()).map(|at| sum_at(at, of)).collect()),
        }
    }

    /// The source alone, whole and in one form.
    fn absorb(&self, transcript: Transcript) -> Transcript {
        let counted = |name: &str| transcript.clone().part(name).number(self.count() as u64);
        match self {
            Self::Fresh { .. } => counted("fresh"),
            Self::Shared { tree, dealers, old } => {
                let start = counted("shared").part(to_bytes(tree)).list(dealers);
                old.iter().fold(start, |transcript, key| transcript.list(key.to_bytes()))
            }
            Self::Summands { of } => {
                let start = counted("summands").number(of.len() as u64);
                of.iter().fold(start, |transcript, (dealer, points)| {
                    transcript.part(dealer).list(NonIdentity::all_to_bytes(points))
                })
            }
        }
    }
}

impl<C: Curve> Terms<C> {
    /// Those who deal.
    pub fn dealers(&self) -> BTreeSet<NodeId> {
        match &self.source {
            Source::Fresh { .. } => self.tree.parties(),
            Source::Shared { dealers, .. } => dealers.clone(),
            Source::Summands { of } => of.keys().copied().collect(),
        }
    }

    /// Everybody who sends and awaits messages: dealers and receivers, each once.
    pub fn participants(&self) -> BTreeSet<NodeId> {
        &self.dealers() | &self.receivers
    }

    /// The leaves for which is dealt, in their order: those of the receivers. A dealing has one
    /// ciphertext for each, in the same places (DEAL-08).
    pub(crate) fn rows(&self) -> Vec<Row<'_, NodeId>> {
        self.tree.rows().into_iter().filter(|row| self.receivers.contains(row.party)).collect()
    }

    /// H of all of it; everything that is hashed in a run begins with this (DEAL-01).
    pub(crate) fn digest(&self) -> Digest {
        let start = Transcript::new(tag::DEAL_TERMS)
            .part(self.ctx0)
            .part(C::NAME)
            .part(to_bytes(&self.tree))
            .list(&self.receivers);
        self.source.absorb(start).digest()
    }

    /// Whether this can be dealt at all: between one and [`SECRETS_MAX`] secrets, dealers that
    /// are the parties of their canonical selection, commitments as long as their tree, a summand of
    /// every key of each dealer, receivers
    /// that are parties of the new tree and satisfy it, all of them if the keys are new (DEAL-02).
    ///
    /// # Errors
    /// [`DealFault::Terms`], the caller's.
    pub(crate) fn check(&self) -> Result<(), DealError> {
        let parties = self.tree.parties();
        let sound = (1..=SECRETS_MAX).contains(&self.source.count())
            && self.receivers.is_subset(&parties)
            && self.tree.satisfied(&self.receivers)
            && match &self.source {
                Source::Fresh { .. } => self.receivers == parties,
                Source::Summands { of } => {
                    of.values().all(|points| points.len() == self.source.count())
                }
                Source::Shared { tree, dealers, old } => {
                    let columns = tree.columns();
                    tree.select(dealers).is_some_and(|chosen| chosen.parties() == *dealers)
                        && old.iter().all(|key| key.columns() == columns)
                }
            };
        if sound { Ok(()) } else { Err(DealError::nobody(DealFault::Terms)) }
    }

    /// The points that `dealer` must deal, each weighted and added up: X_p G of the weighted
    /// sharing, or the sum of its weighted summands. `None` where it may deal what it likes.
    ///
    /// # Errors
    /// Only for terms that were not checked.
    pub(crate) fn pinned(
        &self,
        weighted: &Option<Weighted<C>>,
        dealer: &NodeId,
    ) -> Result<Option<Point<C>>, DealError> {
        let degenerate = |_| DealError::nobody(DealFault::Sum);
        match (&self.source, weighted) {
            (Source::Shared { tree, .. }, Some(Weighted::Sharing(selection, old))) => {
                let public = additive_public(tree, old, selection, dealer);
                public.map(Some).map_err(degenerate)
            }
            (_, Some(Weighted::Summands(of))) => Ok(of.get(dealer).copied()),
            _ => Ok(None),
        }
    }

    /// What is known of the secrets before, weighted: made once, then compared with every dealer.
    ///
    /// # Errors
    /// Only for terms that were not checked, or by a chance of 2^-128.
    pub(crate) fn weighted(&self, weights: &[u128]) -> Result<Option<Weighted<C>>, DealError> {
        let degenerate = || DealError::nobody(DealFault::Sum);
        match &self.source {
            Source::Fresh { .. } => Ok(None),
            Source::Shared { tree, dealers, old } => {
                let selection = tree.select(dealers).ok_or_else(degenerate)?;
                let old = Commitments::weighted_sum(old, weights).map_err(|_| degenerate())?;
                Ok(Some(Weighted::Sharing(selection, old)))
            }
            Source::Summands { of } => {
                let sum = |points: &Vec<NonIdentity<C>>| {
                    let points = points.iter().map(NonIdentity::point);
                    let terms: Vec<_> = points.zip(weights.iter().copied()).collect();
                    Point::weighted_sum(&terms)
                };
                let sums = of.iter().map(|(dealer, points)| (*dealer, sum(points)));
                Ok(Some(Weighted::Summands(sums.collect())))
            }
        }
    }

    /// The most bytes that the second message of a participant can have.
    pub(crate) fn message2_bytes_max(&self) -> usize {
        const HEAD: usize = 9;
        let count = self.source.count();
        let dealing = HEAD + count * (HEAD + self.tree.columns() * (3 + C::POINT_BYTES));
        let proofs = HEAD + self.source.possessions() * Proof::ENCODED_BYTES;
        let sealed = HEAD + self.rows().len() * (HEAD + Sealed::bytes(count));
        HEAD + 2 * 34 + dealing + proofs + sealed
    }
}

/// What is known of the secrets before they are dealt.
pub(crate) enum Weighted<C: Curve> {
    /// The old sharing, and who deals which part of it.
    Sharing(Selection<NodeId>, Commitments<C>),
    /// The sum of each dealer's summands.
    Summands(BTreeMap<NodeId, Point<C>>),
}
