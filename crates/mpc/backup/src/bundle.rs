//! The bundle: a statement and its proof, which is the backup itself.

use crate::key::KEY_BYTES_MAX;
use crate::limits::SECRETS_MAX;
use crate::part::counted;
use crate::seeds::cover_bytes_max;
use crate::statement::STATEMENT_BYTES_MAX;
use crate::{Parameters, Standard, Statement, Subject};
use minicbor::{Decode, Decoder, Encode};
use quorate_access::limits::LEAVES_MAX;
use quorate_codec::{Canonical, Digest, Transcript, tag};
use quorate_curve::{Curve, NonIdentity, Point};
use quorate_identity::NodeId;
use std::marker::PhantomData;

/// A backup as its author made it or as it arrived: nothing about it is known to hold before
/// [`verify`](Self::verify). Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Bundle<C: Curve, P: Parameters = Standard> {
    /// 1.
    #[n(0)]
    pub(crate) version: u8,
    /// What it says that it is a backup of.
    #[cbor(n(1), bound = "C: Curve")]
    pub(crate) statement: Statement<C>,
    /// 32 random bytes, which make every hash of this proof its own.
    #[n(2)]
    pub(crate) salt: Digest,
    /// Hash of the statement and of all rows; says which rows stay closed.
    #[n(3)]
    pub(crate) challenge: Digest,
    /// The seeds from which all open rows follow.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub(crate) told: Vec<u8>,
    /// The closed rows, in their order.
    #[cbor(n(5), decode_with = "closed_list")]
    pub(crate) closed: Vec<ClosedRow>,
    #[cbor(skip, bound = "P: Parameters")]
    pub(crate) parameters: PhantomData<fn() -> P>,
}

/// A row that stays closed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ClosedRow {
    /// The key of the row, shared and encrypted.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) ciphertext: Vec<u8>,
    /// For each secret itself plus what hides it, 32 bytes each.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) responses: Vec<u8>,
}

/// Reads no more rows than any proof keeps closed.
fn closed_list<'b, X>(
    decoder: &mut Decoder<'b>,
    context: &mut X,
) -> Result<Vec<ClosedRow>, minicbor::decode::Error> {
    let rows = counted(decoder, CLOSED_MAX)?;
    (0..rows).map(|_| ClosedRow::decode(decoder, context)).collect()
}

/// Most closed rows that are read.
const CLOSED_MAX: usize = 32;

/// A sealed share and what was sent for it, of the longest kind of key.
const PIECE_BYTES_MAX: usize = 1120 + 32;

impl<C: Curve, P: Parameters> Canonical for Bundle<C, P> {
    const BYTES_MAX: usize = STATEMENT_BYTES_MAX
        + P::CLOSED as usize
            * (16 * 16 + LEAVES_MAX * PIECE_BYTES_MAX + 65 + SECRETS_MAX * 32 + 16)
        + 128;
}

/// What a prover commits to of a row, and a verifier computes: of its ciphertext and of the points
/// of what hides the secrets (BAK-11). `None` if one of those hides nothing.
pub(crate) fn row_digest<C: Curve>(
    row: u16,
    ciphertext: &[u8],
    hiding: Vec<Point<C>>,
) -> Option<Digest> {
    let hiding: Vec<NonIdentity<C>> =
        hiding.into_iter().map(|point| point.non_identity().ok()).collect::<Option<_>>()?;
    let row = Transcript::new(tag::BACKUP_ROW).number(row.into()).part(ciphertext);
    Some(row.list(NonIdentity::all_to_bytes(&hiding)).digest())
}

/// The challenge of all rows (BAK-11).
pub(crate) fn challenge(statement: Digest, salt: Digest, rows: &[Digest]) -> Digest {
    Transcript::new(tag::BACKUP_CHALLENGE).part(statement).part(salt).list(rows).digest()
}

/// The rows that a challenge keeps closed, ascending: a uniform choice among all sets of that size
/// (BAK-12).
pub(crate) fn closed_rows<P: Parameters>(challenge: &Digest) -> Vec<u16> {
    let mut draws = draws(challenge);
    let mut rows: Vec<u16> = (0..P::ROWS).collect();
    for place in 0..P::CLOSED.min(P::ROWS) {
        let chosen = place + below(P::ROWS - place, &mut draws);
        rows.swap(place.into(), chosen.into());
    }
    rows.truncate(P::CLOSED.into());
    rows.sort_unstable();
    rows
}

/// Uniform numbers of 16 bits that follow from a challenge, without end.
fn draws(challenge: &Digest) -> impl Iterator<Item = u16> {
    let block = Transcript::new(tag::BACKUP_CLOSED).part(challenge).stem();
    let blocks = (0_u64..).map(move |number| block.clone().number(number).digest().0);
    blocks.flat_map(|block| {
        let (pairs, _) = block.as_chunks::<2>();
        pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect::<Vec<_>>()
    })
}

/// A uniform number below `limit`, which is not zero: draws from the last multiple on are left out.
fn below(limit: u16, draws: &mut impl Iterator<Item = u16>) -> u16 {
    let whole = u32::from(limit) * ((1 << 16) / u32::from(limit));
    draws.find(|draw| u32::from(*draw) < whole).unwrap_or_default() % limit
}

/// Names a bundle by its bytes, as records of epochs do (BAK-27). Nothing of it is verified by that.
pub fn bundle_digest(bytes: &[u8]) -> Digest {
    Transcript::new(tag::BACKUP_BUNDLE).part(bytes).digest()
}

/// The longest bundle of so many secrets for a recovery tree with so many leaves, in bytes: what is
/// longer need not be read.
pub const fn bundle_bytes_max(secrets: usize, leaves: usize) -> usize {
    let statement = secrets * 35 + leaves * (KEY_BYTES_MAX + 80) + LEAVES_MAX * 4 + 512;
    let row = 16 * 16 + leaves * PIECE_BYTES_MAX + 65 + secrets * 32 + 16;
    statement + CLOSED_MAX * row
}

impl<C: Curve, P: Parameters> Bundle<C, P> {
    pub(crate) const VERSION: u8 = 1;

    /// Whose backup it says that it is, to look up what it should be. Nothing of it is known to
    /// hold, and anybody can write it.
    pub fn claimed_author(&self) -> NodeId {
        self.statement.author
    }

    /// What it says that it is a backup of, to look up what it should be.
    pub fn claimed_subject(&self) -> &Subject {
        &self.statement.subject
    }

    /// Of which secrets it says so, to see whether it is a backup at all. Nothing of it is known to
    /// hold.
    pub fn claimed_publics(&self) -> &[NonIdentity<C>] {
        &self.statement.publics
    }

    /// Whether every part has the length that the statement demands (BAK-09).
    pub(crate) fn has_its_lengths(&self, ciphertext_bytes: usize) -> bool {
        let count = self.statement.publics.len();
        let is_whole = |row: &ClosedRow| {
            row.ciphertext.len() == ciphertext_bytes && row.responses.len() == 32 * count
        };
        (1..=SECRETS_MAX).contains(&count)
            && self.closed.len() == usize::from(P::CLOSED)
            && self.told.len() <= cover_bytes_max(P::ROWS, P::CLOSED)
            && self.closed.iter().all(is_whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq)]
    enum Small {}

    impl Parameters for Small {
        const ROWS: u16 = 5;
        const CLOSED: u16 = 2;
    }

    /// BAK-12: each of the ten pairs about as often as the others.
    #[test]
    fn every_choice_of_rows_is_as_likely_as_the_others() {
        let mut seen = std::collections::BTreeMap::<Vec<u16>, u32>::new();
        for number in 0..20_000_u64 {
            let challenge = Transcript::new(tag::BACKUP_CHALLENGE).number(number).digest();
            *seen.entry(closed_rows::<Small>(&challenge)).or_default() += 1;
        }
        assert_eq!(seen.len(), 10);
        // 2000 each, deviation 42: six of it
        assert!(seen.values().all(|count| (1748..2252).contains(count)), "{seen:?}");
    }

    #[test]
    fn as_many_rows_stay_closed_as_they_should() {
        let closed = closed_rows::<Standard>(&Digest([3; 32]));
        assert_eq!(closed.len(), 32);
        assert!(closed.windows(2).all(|pair| pair[0] < pair[1]) && closed[31] < 221);
    }
}
