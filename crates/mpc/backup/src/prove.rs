//! Making a backup.

use crate::bundle::{Bundle, ClosedRow, challenge, closed_rows, row_digest};
use crate::limits::SECRETS_MAX;
use crate::row::{RowKey, Rows};
use crate::seeds::{SEED_BYTES, Seed, cover, seeds};
use crate::{Parameters, ProveError, Statement};
use quorate_codec::{Digest, Transcript, tag};
use quorate_curve::{Curve, SecretScalar};
use rand_core::CryptoRngCore;
use std::marker::PhantomData;
use zeroize::Zeroizing;

/// Encrypts secrets to a recovery tree, in a way that everybody can verify without any of them.
///
/// Source: Camenisch and Damgård, "Verifiable encryption, group encryption, and their applications
/// to separable group signatures and signature sharing schemes", ASIACRYPT 2000, with all rows but
/// u opened; `spec/backup.md`.
///
/// Cost: N rows, each with one encapsulation for every leaf of the recovery tree and one
/// multiplication of G for every secret.
///
/// # Errors
/// [`ProveError`], always the caller's or this machine's fault.
pub fn prove<C: Curve, P: Parameters>(
    statement: Statement<C>,
    secrets: &[SecretScalar<C>],
    rng: &mut impl CryptoRngCore,
) -> Result<Bundle<C, P>, ProveError> {
    check(&statement, secrets)?;
    let digest = statement.digest::<P>();
    let mut salt = Digest::ZERO;
    rng.fill_bytes(&mut salt.0);
    let root = root(&digest, secrets, rng);
    let rows = Rows::new(digest, salt.0, &statement.recovery);

    let seeds = seeds(&root, &salt.0, P::ROWS);
    let row = |(number, seed)| Row::new::<C>(&rows, number, rows.key(number, seed), secrets.len());
    let made = (0..).zip(&seeds).map(row).collect::<Result<Vec<_>, _>>()?;
    let (challenge, told, closed) = close::<C, P>(&rows, digest, salt, &root, &made, secrets);
    Ok(Bundle {
        version: Bundle::<C, P>::VERSION,
        statement,
        salt,
        challenge,
        told,
        closed,
        parameters: PhantomData,
    })
}

/// What follows from the rows, once they are made: the challenge, the seeds that are told, and the
/// rows that stay closed.
fn close<C: Curve, P: Parameters>(
    rows: &Rows<'_>,
    statement: Digest,
    salt: Digest,
    root: &Seed,
    made: &[Row],
    secrets: &[SecretScalar<C>],
) -> (Digest, Vec<u8>, Vec<ClosedRow>) {
    let digests: Vec<Digest> = made.iter().map(|row| row.digest).collect();
    let challenge = challenge(statement, salt, &digests);
    let chosen = closed_rows::<P>(&challenge);
    let told = cover(root, &salt.0, P::ROWS, &chosen);
    let of = |row: &u16| made.get(usize::from(*row)).map(|made| made.close(rows, *row, secrets));
    (challenge, told, chosen.iter().filter_map(of).collect())
}

/// The secrets are those that the statement makes public.
fn check<C: Curve>(
    statement: &Statement<C>,
    secrets: &[SecretScalar<C>],
) -> Result<(), ProveError> {
    if !(1..=SECRETS_MAX).contains(&secrets.len()) || secrets.len() != statement.publics.len() {
        return Err(ProveError::Count { got: secrets.len(), max: SECRETS_MAX });
    }
    let points = SecretScalar::commit_all(secrets);
    match points.iter().zip(&statement.publics).position(|(point, public)| *point != public.point())
    {
        Some(secret) => Err(ProveError::Secret { secret }),
        None => Ok(()),
    }
}

/// The root of all seeds: of fresh bytes, and of all that is proven, so that even a source of
/// chance that repeats itself never has a row under two statements (BAK-05).
fn root<C: Curve>(
    statement: &Digest,
    secrets: &[SecretScalar<C>],
    rng: &mut impl CryptoRngCore,
) -> Seed {
    let mut fresh = Zeroizing::new([0; 32]);
    rng.fill_bytes(fresh.as_mut());
    let transcript = Transcript::new(tag::BACKUP_ROOT).part(fresh.as_ref()).part(statement);
    let all = secrets.iter().fold(transcript, |all, secret| all.part(secret.to_bytes().as_ref()));
    let hash = Zeroizing::new(all.digest().0);
    let mut root = Seed::new([0; SEED_BYTES]);
    root.iter_mut().zip(hash.iter()).for_each(|(to, from)| *to = *from);
    root
}

/// A row while nobody knows yet whether it stays closed.
struct Row {
    key: RowKey,
    ciphertext: Vec<u8>,
    digest: Digest,
}

impl Row {
    /// A row that hides so many secrets of a curve.
    fn new<C: Curve>(
        rows: &Rows<'_>,
        number: u16,
        key: RowKey,
        count: usize,
    ) -> Result<Self, ProveError> {
        let ciphertext = rows.encrypt(number, &key).map_err(|leaf| ProveError::Key { leaf })?;
        let masks: Vec<_> = rows.masks::<C>(number, &key).take(count).collect();
        let hiding = SecretScalar::commit_all(&masks);
        let digest = row_digest(number, &ciphertext, hiding).ok_or(ProveError::Chance)?;
        Ok(Self { key, ciphertext, digest })
    }

    fn close<C: Curve>(
        &self,
        rows: &Rows<'_>,
        number: u16,
        secrets: &[SecretScalar<C>],
    ) -> ClosedRow {
        let masks = rows.masks::<C>(number, &self.key);
        let responses =
            masks.zip(secrets).flat_map(|(mask, secret)| *secret.plus(&mask).to_bytes());
        ClosedRow { ciphertext: self.ciphertext.clone(), responses: responses.collect() }
    }
}

#[cfg(test)]
mod cheating;
