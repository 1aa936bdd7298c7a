//! Verifying a backup, with nothing but public data.

use crate::bundle::{Bundle, ClosedRow, challenge, closed_rows, row_digest};
use crate::row::Rows;
use crate::seeds::opened;
use crate::{BackupError, BackupFault, Parameters, Standard, Statement};
use quorate_codec::{Digest, to_bytes};
use quorate_curve::{Curve, Point, Scalar, SecretScalar};
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

    /// Names the bundle: the hash of its statement and of all its rows.
    pub fn id(&self) -> Digest {
        self.bundle.challenge
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
    /// What is wrong first, and whose backup was looked for.
    pub fn verify(self, expected: &Statement<C>) -> Result<Proven<C, P>, BackupError> {
        match self.check(expected) {
            Ok(rows) => Ok(Proven { bundle: self, rows }),
            Err(fault) => Err(BackupError { author: expected.author, fault }),
        }
    }

    fn check(&self, expected: &Statement<C>) -> Result<Vec<u16>, BackupFault> {
        if self.version != Self::VERSION {
            return Err(BackupFault::Version);
        }
        self.statement.is_as_expected(expected)?;
        let statement = self.statement.digest::<P>();
        // The same keys as the bundle's: those are ready, where other bundles were verified.
        let rows = Rows::new(statement, self.salt.0, &expected.recovery);
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
            let masks: Vec<Scalar<C>> = masks.map(SecretScalar::reveal).collect();
            let hiding = Scalar::commit_all(&masks);
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
        let read = |(secret, response): (usize, &[u8; 32])| {
            let response = Scalar::<C>::from_bytes(response);
            response.map_err(|_| BackupFault::Response { row: number, secret })
        };
        let responses = responses.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        let pairs = Scalar::commit_all(&responses).into_iter().zip(&self.statement.publics);
        let hiding: Vec<Point<C>> = pairs.map(|(sum, public)| sum - public.point()).collect();
        row_digest(number, &row.ciphertext, hiding).ok_or(BackupFault::Proof)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Opener, Recovery, RecoveryKey, SoftKey, SoftKind, Subject, prove};
    use quorate_access::{LeafId, Tree};
    use quorate_curve::Ed25519;
    use quorate_identity::{GenesisHash, NodeId};
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    fn custodians() -> Vec<SoftKey> {
        let kinds = [SoftKind::X25519, SoftKind::P256, SoftKind::Hybrid];
        (1..).zip(kinds).map(|(number, kind)| SoftKey::from_seed(kind, &[number; 32])).collect()
    }

    /// The canary of an author, to all three kinds of keys and an RSA key that nobody has.
    fn made(author: u8) -> (Statement<Ed25519>, Bundle<Ed25519>) {
        let rsa = RecoveryKey::from_bytes(&[&[3][..], &[0xf1; 256]].concat()).unwrap();
        let keys: Vec<_> =
            custodians().iter().map(|key| key.public().clone()).chain([rsa]).collect();
        let tree: Tree<u8> = "2 of (0, 1, 2, 3)".parse().unwrap();
        let recovery = Recovery::new(&tree.map(|place| usize::from(*place)), &keys).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(author.into());
        let secret = SecretScalar::random(&mut rng);
        let publics = vec![secret.commit().non_identity().unwrap()];
        let export = Digest([2; 32]);
        let subject = Subject::Canary { genesis: GenesisHash(Digest([1; 32])), export };
        let author = NodeId(Digest([author; 32]));
        let statement = Statement { author, subject, publics, recovery };
        (statement.clone(), prove(statement, &[secret], &mut rng).unwrap())
    }

    /// N-83: a row of somebody else's bundle has no place in another, and its pieces open to
    /// something else there: to whom they are opened learns nothing of the victim's row.
    #[test]
    fn neg_083_a_transplanted_row_is_refused_and_does_not_open() {
        let (victim, theirs) = made(8);
        let (statement, mut bundle) = made(9);
        let row = theirs.closed[0].clone();
        bundle.closed[0].ciphertext.clone_from(&row.ciphertext);
        let fault = bundle.clone().verify(&statement).unwrap_err().fault;
        assert_eq!(fault, BackupFault::Proof);

        let at_home = theirs.verify(&victim).unwrap();
        let number = at_home.rows[0];
        let (leaf, key) = (LeafId(0), &custodians()[0]);
        let opened = |rows: &Rows<'_>| {
            let share = rows.open(number, &row.ciphertext, leaf, key);
            share.unwrap_or_else(|never| match never {}).map(|share| share.to_bytes())
        };
        let abroad = Rows::new(statement.digest::<Standard>(), bundle.salt.0, &statement.recovery);
        assert!(opened(&at_home.rows_of()).is_some());
        assert_ne!(opened(&abroad), opened(&at_home.rows_of()));
    }

    /// N-86: what no custodian's device should be given is refused, and for which leaf it is said.
    #[test]
    fn neg_086_malformed_pieces_of_closed_rows_are_refused() {
        let (statement, bundle) = made(9);
        bundle.clone().verify(&statement).unwrap();
        let row = bundle.closed[5].ciphertext.clone();
        // [X25519 32][P-256 33][32][32][hybrid 1120][32][RSA 256][32]
        let hybrid = 32 + 33 + 32 + 32;
        let rsa = hybrid + 1120 + 32;
        assert_eq!(row.len(), rsa + 256 + 32);
        let with = |at: usize, bytes: &[u8]| {
            let mut row = row.clone();
            row[at..at + bytes.len()].copy_from_slice(bytes);
            let mut bundle = bundle.clone();
            bundle.closed[5].ciphertext = row;
            bundle.verify(&statement).unwrap_err().fault
        };
        let number = closed_rows::<Standard>(&bundle.challenge)[5];
        let malformed = |leaf| BackupFault::Ciphertext { row: number, leaf: LeafId(leaf) };
        let mut one = [0; 32];
        one[0] = 1;
        assert_eq!(with(0, &[0; 32]), malformed(0));
        assert_eq!(with(0, &one), malformed(0));
        assert_eq!(with(0, &[0xff; 32]), malformed(0));
        assert_eq!(with(32, &[0; 33]), malformed(1));
        assert_eq!(
            with(32, &[row[32] ^ 1]),
            BackupFault::Proof,
            "the other point of that coordinate"
        );
        assert_eq!(with(hybrid + 1088, &one), malformed(2));
        assert_eq!(with(rsa, &[0xff; 256]), malformed(3));
        assert_eq!(with(rsa, &[0; 256]), BackupFault::Proof);
        let mut bundle = bundle;
        bundle.closed[5].responses = [0xff; 32].to_vec();
        let response = BackupFault::Response { row: number, secret: 0 };
        assert_eq!(bundle.verify(&statement).unwrap_err().fault, response);
    }

    /// BAK-09: every part has one length.
    #[test]
    fn neg_015_parts_of_other_lengths_are_refused() {
        let (statement, bundle) = made(9);
        let refused = |change: fn(&mut Bundle<Ed25519>)| {
            let mut changed = bundle.clone();
            change(&mut changed);
            assert_eq!(changed.verify(&statement).unwrap_err().fault, BackupFault::Length);
        };
        refused(|bundle| bundle.told.truncate(bundle.told.len() - 16));
        refused(|bundle| bundle.told.extend([0; 16]));
        refused(|bundle| bundle.told.push(0));
        refused(|bundle| bundle.told.extend([0; 1 << 14]));
        refused(|bundle| drop(bundle.closed.pop()));
        refused(|bundle| bundle.closed.push(bundle.closed[0].clone()));
        refused(|bundle| bundle.closed[0].ciphertext.push(0));
        refused(|bundle| bundle.closed[31].ciphertext.truncate(9));
        refused(|bundle| bundle.closed[0].responses.extend([0; 32]));
        refused(|bundle| bundle.closed[0].responses.clear());
    }
}
