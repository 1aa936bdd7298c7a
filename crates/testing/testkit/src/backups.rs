//! Whether backups restore what they should: opened by two custodians, compared with the record.

use crate::custodians::{CUSTODIANS, RecoveryKeys, Reduced};
use quorate_backup::{
    Bundle, Keyed, Proven, Recovery, Restored, SoftKey, Statement, bundle_digest,
};
use quorate_charter::{AccountRecord, EpochRecord};
use quorate_codec::{Digest, from_bytes};
use quorate_curve::{Curve, Ed25519, NonIdentity, P256, Point, Secp256k1, SecretScalar};
use quorate_engine::{KeyPublic, KeyShare};
use quorate_identity::{Head, NodeId, Scheme};
use quorate_machine::{BundlesRow, Shares, publics_of};
use quorate_sharing::Commitments;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Key of the row in which members keep the backups of an epoch's shares.
pub fn shares_row(record: &EpochRecord) -> Vec<u8> {
    row(b"", record, record.plan.epoch, record.plan.attempt)
}

/// Key of the row in which they keep the backup of the key itself, if there is one.
pub fn key_row(record: &EpochRecord) -> Option<Vec<u8>> {
    let made = record.backup.key.as_ref()?;
    Some(row(b"k", record, made.epoch, made.attempt))
}

fn row(kind: &[u8], record: &EpochRecord, epoch: u64, attempt: u32) -> Vec<u8> {
    let key: &[u8] = record.plan.key.as_ref();
    [kind, key, &epoch.to_be_bytes(), &attempt.to_be_bytes()].concat()
}

/// The bundles of a row, if they are exactly those with these digests.
///
/// # Errors
/// What is wrong with the row.
pub fn bundles(row: Option<&[u8]>, named: &[Digest]) -> Result<Vec<Vec<u8>>, String> {
    let row = row.ok_or("there is no row of it")?;
    let row: BundlesRow = from_bytes(row).map_err(|error| error.to_string())?;
    let bundles: Vec<Vec<u8>> = row.bundles.into_iter().map(Into::into).collect();
    let digests: Vec<Digest> = bundles.iter().map(|bundle| bundle_digest(bundle)).collect();
    if digests == named { Ok(bundles) } else { Err("these are other bundles".to_owned()) }
}

/// Whether the first and the last founding custodian restore every member's shares from these
/// bundles, and with what the dealers contributed, if that is given, the key itself.
///
/// # Errors
/// What they cannot restore.
pub fn restores(
    record: &EpochRecord,
    shares: &[Vec<u8>],
    contributions: Option<&[Vec<u8>]>,
    keys: &RecoveryKeys,
) -> Result<(), String> {
    match record.plan.scheme {
        Scheme::EcdsaSecp256k1 | Scheme::Bip340 => {
            restores_on::<Secp256k1>(record, shares, contributions, keys)
        }
        Scheme::Ed25519 => restores_on::<Ed25519>(record, shares, contributions, keys),
        Scheme::EcdsaP256 => restores_on::<P256>(record, shares, contributions, keys),
    }
}

fn restores_on<C: Curve>(
    record: &EpochRecord,
    shares: &[Vec<u8>],
    contributions: Option<&[Vec<u8>]>,
    keys: &RecoveryKeys,
) -> Result<(), String> {
    let plan = &record.plan;
    let accounts = accounts::<C>(record)?;
    let publics = publics(&accounts)?;
    let of = |transcript: Digest, order: Head| {
        Keyed::new(plan.genesis, plan.key, &publics, transcript, order)
    };
    let recovery = keys.recovery(2);
    for (author, bundle) in plan.committee.iter().zip(shares) {
        let expected = share_statement::<C>(record, *author, keys)?;
        let restored = secrets(bundle, &expected, keys)?;
        if restored != expected.publics.iter().map(NonIdentity::point).collect::<Vec<_>>() {
            return Err(format!("other shares of {author}"));
        }
    }
    let Some(contributions) = contributions else { return Ok(()) };
    let made = record.backup.key.as_ref().ok_or("no backup of the key itself")?;
    let mut sums = vec![Point::<C>::identity(); accounts.len()];
    for (author, bytes) in made.dealers.iter().zip(contributions) {
        let bundle: Bundle<C, Reduced> = from_bytes(bytes).map_err(|error| error.to_string())?;
        let expected = Statement::of_contributions(
            of(made.transcript, made.order),
            made.epoch,
            *author,
            bundle.claimed_publics().to_vec(),
            recovery.clone(),
        );
        let restored = secrets(bytes, &expected, keys)?;
        sums.iter_mut().zip(restored).for_each(|(sum, part)| *sum = *sum + part);
    }
    match sums == publics.iter().map(NonIdentity::point).collect::<Vec<_>>() {
        true => Ok(()),
        false => Err("contributions that do not add up to the key".to_owned()),
    }
}

fn accounts<C: Curve>(record: &EpochRecord) -> Result<Vec<Commitments<C>>, String> {
    let read = |account: &AccountRecord| {
        Commitments::<C>::from_bytes(&record.plan.tree, &account.commitments)
            .map_err(|error| error.to_string())
    };
    record.accounts.iter().map(read).collect()
}

fn publics<C: Curve>(accounts: &[Commitments<C>]) -> Result<Vec<NonIdentity<C>>, String> {
    let points = accounts.iter().map(|account| account.constant().non_identity());
    points.collect::<Result<_, _>>().map_err(|error| error.to_string())
}

/// What a member's backup of its shares must say.
fn share_statement<C: Curve>(
    record: &EpochRecord,
    member: NodeId,
    keys: &RecoveryKeys,
) -> Result<Statement<C>, String> {
    let (plan, accounts) = (&record.plan, accounts::<C>(record)?);
    let publics = publics(&accounts)?;
    let keyed = Keyed::new(plan.genesis, plan.key, &publics, record.transcript, plan.order);
    let recovery = keys.recovery(2);
    Statement::of_shares(keyed, plan.epoch, member, &plan.tree, &accounts, recovery)
        .ok_or_else(|| "a member without shares".to_owned())
}

/// What the first and the last founding custodian give back of a member's shares: for every account
/// those of its leaves.
///
/// # Panics
/// The bundles are not the record's, or restore nothing.
pub fn shares_of(
    record: &EpochRecord,
    bundles: &[Vec<u8>],
    member: NodeId,
    keys: &RecoveryKeys,
) -> Shares {
    let secrets = match record.plan.scheme {
        Scheme::EcdsaSecp256k1 | Scheme::Bip340 => {
            secrets_of::<Secp256k1>(record, bundles, member, keys)
        }
        Scheme::Ed25519 => secrets_of::<Ed25519>(record, bundles, member, keys),
        Scheme::EcdsaP256 => secrets_of::<P256>(record, bundles, member, keys),
    };
    let publics = publics_of(record).expect("a record of this curve");
    let each = secrets.len() / publics.len();
    let accounts = secrets.chunks(each).zip(&publics);
    let share = |(own, public): (&[Zeroizing<[u8; 32]>], &KeyPublic)| {
        KeyShare::restored(&member, public, own).expect("the member's shares")
    };
    Shares::new(accounts.map(share).collect())
}

fn secrets_of<C: Curve>(
    record: &EpochRecord,
    bundles: &[Vec<u8>],
    member: NodeId,
    keys: &RecoveryKeys,
) -> Vec<Zeroizing<[u8; 32]>> {
    let place = record.plan.committee.iter().position(|node| *node == member).expect("a member");
    let expected = share_statement::<C>(record, member, keys).expect("the statement of a member");
    let restored = restored(&bundles[place], &expected, keys).expect("honest custodians");
    restored.iter().map(SecretScalar::to_bytes).collect()
}

/// The public points of what two custodians restore from a bundle.
fn secrets<C: Curve>(
    bundle: &[u8],
    expected: &Statement<C>,
    keys: &RecoveryKeys,
) -> Result<Vec<Point<C>>, String> {
    Ok(restored(bundle, expected, keys)?.iter().map(SecretScalar::commit).collect())
}

/// What two custodians restore from a bundle.
fn restored<C: Curve>(
    bundle: &[u8],
    expected: &Statement<C>,
    keys: &RecoveryKeys,
) -> Result<Vec<SecretScalar<C>>, String> {
    let bundle: Bundle<C, Reduced> = from_bytes(bundle).map_err(|error| error.to_string())?;
    let proven = bundle.verify(expected).map_err(|error| error.to_string())?;
    let open = |key: &SoftKey| proven.open(key).unwrap_or_else(|never| match never {});
    let parts = [CUSTODIANS[0], CUSTODIANS[2]].map(|who| open(keys.of(who)));
    let Restored { secrets, liars, silent } =
        Proven::restore(&proven, &parts).map_err(|error| error.to_string())?;
    match liars.is_empty() && silent.is_empty() {
        true => Ok(secrets),
        false => Err("an honest custodian is blamed".to_owned()),
    }
}

impl RecoveryKeys {
    /// The recovery tree of their custody: so many of all of them.
    ///
    /// # Panics
    /// Fewer than the threshold.
    pub fn recovery(&self, threshold: u8) -> Recovery {
        let custody = self.custody(threshold);
        let key = |custodian: &quorate_charter::Custodian| {
            let name = custodian.name.clone();
            (name, quorate_backup::Opener::public(self.of(custodian.name.as_str())).clone())
        };
        let keys: BTreeMap<_, _> = custody.custodians.iter().map(key).collect();
        Recovery::over(&custody.seats, &keys).expect("a key for everybody")
    }
}
