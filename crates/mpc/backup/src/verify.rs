//! Verifying a backup, with nothing but public data.

use crate::bundle::{Bundle, ClosedRow, challenge, closed_rows, row_digest};
use crate::row::Rows;
use crate::seeds::opened;
use crate::{BackupError, BackupFault, Parameters, Standard, Statement};
use quorate_codec::{Digest, to_bytes};
use quorate_curve::{Curve, NonIdentity, Point, Scalar};
use std::collections::BTreeMap;

/// A backup that was verified: custodians who satisfy its tree restore its secrets from it. The
/// only way to one is [`Bundle::verify`]. Public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven<C: Curve, P: Parameters = Standard> {
    bundle: Bundle<C, P>,
    /// The numbers of the closed rows.
    pub(crate) rows: Vec<u16>,
}

impl<C: Curve, P: Parameters> Proven<C, P> {
    /// What was verified.
    pub fn bundle(&self) -> &Bundle<C, P> {
        &self.bundle
    }

    /// Of what it is a backup.
    pub fn statement(&self) -> &Statement<C> {
        &self.bundle.statement
    }

    /// Its encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_bytes(&self.bundle)
    }

    pub(crate) fn rows_of(&self) -> Rows<'_> {
        let statement = self.bundle.statement.digest::<P>();
        Rows::new(statement, self.bundle.salt.0, &self.bundle.statement.recovery)
    }

    /// The closed rows with their numbers.
    pub(crate) fn closed(&self) -> impl Iterator<Item = (u16, &ClosedRow)> {
        self.rows.iter().copied().zip(&self.bundle.closed)
    }
}

impl<C: Curve, P: Parameters> Bundle<C, P> {
    /// Verifies that this is the backup that it should be. `expected` comes from the charter and
    /// the certified record of the epoch, never from whoever sent the bundle (N-66, N-70).
    ///
    /// Cost: about that of making it.
    ///
    /// # Errors
    /// What is wrong first, naming the author.
    pub fn verify(self, expected: &Statement<C>) -> Result<Proven<C, P>, BackupError> {
        let rows = self.check(expected);
        let author = self.statement.author;
        match rows {
            Ok(rows) => Ok(Proven { bundle: self, rows }),
            Err(fault) => Err(BackupError { author, fault }),
        }
    }

    fn check(&self, expected: &Statement<C>) -> Result<Vec<u16>, BackupFault> {
        self.statement.is_as_expected(expected)?;
        let statement = self.statement.digest::<P>();
        let rows = Rows::new(statement, self.salt.0, &self.statement.recovery);
        if !self.has_its_lengths(rows.ciphertext_bytes()) {
            return Err(BackupFault::Length);
        }
        let chosen = closed_rows::<P>(&self.challenge);
        let mut digests = BTreeMap::new();
        for (number, row) in chosen.iter().zip(&self.closed) {
            digests.insert(*number, self.closed_digest(&rows, *number, row)?);
        }
        let open = opened(&self.told, &self.salt.0, P::ROWS, &chosen).ok_or(BackupFault::Length)?;
        for (number, seed) in open {
            let key = rows.key(number, &seed);
            let ciphertext = rows.encrypt(number, &key).map_err(|_| BackupFault::Recovery)?;
            let masks = rows.masks::<C>(number, &key).take(self.statement.publics.len());
            let hiding = masks.map(|mask| mask.reveal().commit());
            let digest = row_digest(number, &ciphertext, hiding).ok_or(BackupFault::Proof)?;
            digests.insert(number, digest);
        }
        let digests: Vec<Digest> = digests.into_values().collect();
        if challenge(statement, self.salt, &digests) != self.challenge {
            return Err(BackupFault::Proof);
        }
        Ok(chosen)
    }

    /// What the prover must have committed to, if a closed row is what it should be.
    fn closed_digest(
        &self,
        rows: &Rows<'_>,
        number: u16,
        row: &ClosedRow,
    ) -> Result<Digest, BackupFault> {
        if let Some(leaf) = rows.malformed(&row.ciphertext) {
            return Err(BackupFault::Ciphertext { row: number, leaf });
        }
        let (responses, _) = row.responses.as_chunks::<32>();
        let hiding = |(secret, (response, public)): (usize, (&[u8; 32], &NonIdentity<C>))| {
            let response = Scalar::<C>::from_bytes(response)
                .map_err(|_| BackupFault::Response { row: number, secret })?;
            Ok(response.commit() - public.point())
        };
        let pairs = responses.iter().zip(&self.statement.publics).enumerate();
        let hiding: Vec<Point<C>> = pairs.map(hiding).collect::<Result<_, _>>()?;
        row_digest(number, &row.ciphertext, hiding.into_iter()).ok_or(BackupFault::Proof)
    }
}
