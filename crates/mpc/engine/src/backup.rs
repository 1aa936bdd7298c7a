//! Backups of what a dealing made, erased over curves (`spec/backup.md`).

use crate::deal::{Erase, PreparedKeys};
use crate::key::{KeyPublic, KeyShare};
use crate::{Failure, Seed};
use minicbor::{Decode, Encode};
use quorate_access::Tree;
use quorate_backup::{
    BackupError, BackupFault, Bundle, Keyed, Parameters, Recovery, RecoveryKey, Statement, Subject,
    prove,
};
use quorate_codec::Digest;
use quorate_curve::{Curve, Ed25519, NonIdentity, P256, Secp256k1, SecretScalar};
use quorate_identity::{GenesisHash, Head, KeyId, NodeId, Scheme};
use quorate_keygen::Contributions;
use quorate_sharing::Commitments;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What of a dealing is backed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Backed {
    /// A receiver's shares: restores one node to its place.
    #[n(0)]
    Shares,
    /// What a dealer contributed: with all others' it restores the keys, whatever became of their
    /// shares since.
    #[n(1)]
    Contributions,
}

/// What backups of a dealing are bound to beside the dealing itself, and for whom they are. Public.
#[derive(Debug, Clone)]
pub struct BackupTerms {
    /// The domain.
    pub genesis: GenesisHash,
    /// The key.
    pub key: KeyId,
    /// The entry that ordered it, by the head that it made.
    pub ordered_by: Head,
    /// The epoch that is made.
    pub epoch: u64,
    /// How many accounts the key has.
    pub accounts: u16,
    /// Who restores shares.
    pub seats: Recovery,
    /// Who restores keys.
    pub keys: Recovery,
}

/// What a node's part of an exported key is bound to, and for whom it is. Public.
#[derive(Debug, Clone)]
pub struct ExportTerms {
    /// The domain.
    pub genesis: GenesisHash,
    /// The key.
    pub key: KeyId,
    /// The entry that ordered the epoch, by the head that it made.
    pub ordered_by: Head,
    /// Transcript of the dealing that made the epoch.
    pub transcript: Digest,
    /// The epoch.
    pub epoch: u64,
    /// Digest of its record.
    pub record: Digest,
    /// The entry by which the export took effect, by the head that it made.
    pub export: Head,
    /// Who gets the key.
    pub recipient: RecoveryKey,
}

/// What backups of a dealing are held against: the same at everybody who verified it. Public.
#[derive(Debug)]
pub struct BackupSource {
    tree: Tree<NodeId>,
    transcript: Digest,
    half: SourceHalf,
}

/// The curve ends here.
#[derive(Debug)]
pub(crate) enum SourceHalf {
    Secp256k1(OnCurve<Secp256k1>),
    Ed25519(OnCurve<Ed25519>),
    P256(OnCurve<P256>),
}

#[derive(Debug)]
pub(crate) struct OnCurve<C: Curve> {
    /// Of every account.
    accounts: Vec<Commitments<C>>,
    /// Of every dealer, for every account.
    contributions: BTreeMap<NodeId, Vec<NonIdentity<C>>>,
}

/// This node's contributions to a dealing. Secret in its own part: wiped, never printed.
pub(crate) enum Contributed {
    Secp256k1(Contributions<Secp256k1>),
    Ed25519(Contributions<Ed25519>),
    P256(Contributions<P256>),
}

/// Of a dealing, once this node made its backups: its contributions are wiped.
pub struct BackedUp {
    /// The dealing.
    pub dealt: PreparedKeys,
    /// What others' backups are held against.
    pub source: BackupSource,
    /// This node's bundles.
    pub bundles: Vec<(Backed, Vec<u8>)>,
}

/// How backups are made and verified, at one size of proof.
#[derive(Clone, Copy)]
pub struct Backups {
    back_up: BackUp,
    verify: Verify,
    refutes: Refutes,
    export: ExportShares,
}

type BackUp = fn(PreparedKeys, &BackupTerms, NodeId, &[Backed], Seed) -> Result<BackedUp, Failure>;
type Verify = fn(&BackupTerms, &BackupSource, Backed, NodeId, &[u8]) -> Result<(), BackupError>;
type ExportShares =
    fn(&ExportTerms, &[Arc<KeyPublic>], &[Arc<KeyShare>], NodeId, Seed) -> Result<Vec<u8>, Failure>;
type Refutes = fn(&BackupTerms, &Tree<NodeId>, Scheme, Backed, NodeId, &[u8]) -> bool;

impl Backups {
    /// With proofs of this size. The product knows [`quorate_backup::Standard`] alone.
    pub fn of<P: Parameters>() -> Self {
        Self {
            back_up: back_up::<P>,
            verify: verify::<P>,
            refutes: refutes::<P>,
            export: export::<P>,
        }
    }

    /// Makes this node's backups of a dealing, of `kinds`.
    ///
    /// Cost: `spec/backup.md`, Cost; the largest part of making a key.
    ///
    /// # Errors
    /// [`crate::Fault::Caller`]: this node has nothing of a kind. [`crate::Fault::Machine`]: the
    /// secrets are not what was dealt.
    pub fn back_up(
        &self,
        dealt: PreparedKeys,
        terms: &BackupTerms,
        me: NodeId,
        kinds: &[Backed],
        seed: Seed,
    ) -> Result<BackedUp, Failure> {
        (self.back_up)(dealt, terms, me, kinds, seed)
    }

    /// Verifies that a bundle is the backup that it should be; what it should be comes from the
    /// terms and the dealing, never from the bundle (N-66, N-70).
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify(
        &self,
        terms: &BackupTerms,
        source: &BackupSource,
        kind: Backed,
        author: NodeId,
        bundle: &[u8],
    ) -> Result<(), BackupError> {
        (self.verify)(terms, source, kind, author, bundle)
    }

    /// Whether a bundle is bad whatever the dealing was: as nobody who knows only the plan of a
    /// dealing over `tree` could be mistaken about. Which secrets it should be of is known to those
    /// alone who saw the dealing, so that much is believed.
    pub fn refutes(
        &self,
        terms: &BackupTerms,
        tree: &Tree<NodeId>,
        scheme: Scheme,
        kind: Backed,
        author: NodeId,
        bundle: &[u8],
    ) -> bool {
        (self.refutes)(terms, tree, scheme, kind, author, bundle)
    }

    /// Encrypts this node's shares of all accounts of a key to whom the charter gave the key, with the
    /// proof that they are these (KEX-08).
    ///
    /// Cost: `spec/backup.md`, Cost, for one leaf.
    ///
    /// # Errors
    /// [`crate::Fault::Caller`]: this node has no shares. [`crate::Fault::Machine`]: they are not
    /// those of the record.
    pub fn export(
        &self,
        terms: &ExportTerms,
        accounts: &[Arc<KeyPublic>],
        shares: &[Arc<KeyShare>],
        me: NodeId,
        seed: Seed,
    ) -> Result<Vec<u8>, Failure> {
        (self.export)(terms, accounts, shares, me, seed)
    }
}

fn back_up<P: Parameters>(
    dealt: PreparedKeys,
    terms: &BackupTerms,
    me: NodeId,
    kinds: &[Backed],
    seed: Seed,
) -> Result<BackedUp, Failure> {
    match dealt.contributed {
        Some(Contributed::Secp256k1(_)) => on::<Secp256k1, P>(dealt, terms, me, kinds, seed),
        Some(Contributed::Ed25519(_)) => on::<Ed25519, P>(dealt, terms, me, kinds, seed),
        Some(Contributed::P256(_)) => on::<P256, P>(dealt, terms, me, kinds, seed),
        None => Err(Failure::caller("this dealing was backed up already")),
    }
}

fn on<C: Erase, P: Parameters>(
    mut dealt: PreparedKeys,
    terms: &BackupTerms,
    me: NodeId,
    kinds: &[Backed],
    seed: Seed,
) -> Result<BackedUp, Failure> {
    let other = || Failure::machine("the dealing is of another curve than its keys");
    let Contributions { publics, own } =
        dealt.contributed.take().and_then(C::contributions).ok_or_else(other)?;
    let tree = dealt.keys.first().ok_or_else(other)?.public.tree().clone();
    let commitments = dealt.keys.iter().map(|key| C::commitments(&key.public.half).cloned());
    let accounts = commitments.collect::<Option<Vec<_>>>().ok_or_else(other)?;
    let on_curve = OnCurve { accounts, contributions: publics };
    let statement = |kind| on_curve.statement(terms, &tree, dealt.transcript, kind, me);
    let shares = || -> Option<Vec<SecretScalar<C>>> {
        let of = |key: &crate::PreparedKey| {
            let shares = C::shares(&key.share.as_ref()?.half)?;
            // A copy, because the proof takes them in one row.
            Some(shares.iter().map(|(_, share)| share.plus(&SecretScalar::zero())).collect())
        };
        let all: Vec<Vec<SecretScalar<C>>> = dealt.keys.iter().map(of).collect::<Option<_>>()?;
        Some(all.into_iter().flatten().collect())
    };
    let mut rng = seed.rng();
    let mut bundles = Vec::new();
    for kind in kinds {
        let nothing = || Failure::caller("this node has nothing of the kind to back up");
        let statement = statement(*kind).ok_or_else(nothing)?;
        let bundle: Result<Bundle<C, P>, _> = match kind {
            Backed::Shares => prove(statement, &shares().ok_or_else(nothing)?, &mut rng),
            Backed::Contributions => prove(statement, &own, &mut rng),
        };
        let bundle = bundle.map_err(|error| Failure::machine(error.to_string()))?;
        bundles.push((*kind, quorate_codec::to_bytes(&bundle)));
    }
    let source = BackupSource { tree, transcript: dealt.transcript, half: C::source(on_curve) };
    Ok(BackedUp { dealt, source, bundles })
}

fn verify<P: Parameters>(
    terms: &BackupTerms,
    source: &BackupSource,
    kind: Backed,
    author: NodeId,
    bundle: &[u8],
) -> Result<(), BackupError> {
    match &source.half {
        SourceHalf::Secp256k1(half) => {
            verify_on::<Secp256k1, P>(terms, source, half, kind, author, bundle)
        }
        SourceHalf::Ed25519(half) => {
            verify_on::<Ed25519, P>(terms, source, half, kind, author, bundle)
        }
        SourceHalf::P256(half) => verify_on::<P256, P>(terms, source, half, kind, author, bundle),
    }
}

fn verify_on<C: Curve, P: Parameters>(
    terms: &BackupTerms,
    source: &BackupSource,
    half: &OnCurve<C>,
    kind: Backed,
    author: NodeId,
    bundle: &[u8],
) -> Result<(), BackupError> {
    let wrong = |fault| BackupError { author, fault };
    let expected = half.statement(terms, &source.tree, source.transcript, kind, author);
    let expected = expected.ok_or_else(|| wrong(BackupFault::Author))?;
    let bundle: Bundle<C, P> =
        quorate_codec::from_bytes(bundle).map_err(|_| wrong(BackupFault::Form))?;
    bundle.verify(&expected).map(drop)
}

fn refutes<P: Parameters>(
    terms: &BackupTerms,
    tree: &Tree<NodeId>,
    scheme: Scheme,
    kind: Backed,
    author: NodeId,
    bundle: &[u8],
) -> bool {
    match scheme {
        Scheme::EcdsaSecp256k1 | Scheme::Bip340 => {
            refutes_on::<Secp256k1, P>(terms, tree, kind, author, bundle)
        }
        Scheme::Ed25519 => refutes_on::<Ed25519, P>(terms, tree, kind, author, bundle),
        Scheme::EcdsaP256 => refutes_on::<P256, P>(terms, tree, kind, author, bundle),
    }
}

fn refutes_on<C: Curve, P: Parameters>(
    terms: &BackupTerms,
    tree: &Tree<NodeId>,
    kind: Backed,
    author: NodeId,
    bundle: &[u8],
) -> bool {
    let Ok(bundle) = quorate_codec::from_bytes::<Bundle<C, P>>(bundle) else { return true };
    let (Subject::Shares { of, .. } | Subject::Contributions { of, .. }) = bundle.claimed_subject()
    else {
        return true;
    };
    // As it says itself, what only the dealing tells; everything else as it must be.
    let BackupTerms { genesis, key, ordered_by, epoch, .. } = *terms;
    let of = Keyed { genesis, key, ordered_by: ordered_by.0, ..of.clone() };
    let publics = bundle.claimed_publics().to_vec();
    let own = tree.leaves().into_iter().filter(|(_, party)| **party == author).count();
    let each = match kind {
        Backed::Shares => own,
        Backed::Contributions => 1,
    };
    // Also before any arithmetic: it takes no longer than the key of the plan makes it.
    if publics.len() != usize::from(terms.accounts) * each {
        return true;
    }
    let expected = match kind {
        Backed::Shares => {
            Statement::claiming_shares(of, epoch, author, tree, publics, terms.seats.clone())
        }
        Backed::Contributions => {
            Statement::of_contributions(of, epoch, author, publics, terms.keys.clone())
        }
    };
    bundle.verify(&expected).is_err()
}

fn export<P: Parameters>(
    terms: &ExportTerms,
    accounts: &[Arc<KeyPublic>],
    shares: &[Arc<KeyShare>],
    me: NodeId,
    seed: Seed,
) -> Result<Vec<u8>, Failure> {
    match accounts.first().map(|account| account.scheme()) {
        Some(Scheme::EcdsaSecp256k1 | Scheme::Bip340) => {
            export_on::<Secp256k1, P>(terms, accounts, shares, me, seed)
        }
        Some(Scheme::Ed25519) => export_on::<Ed25519, P>(terms, accounts, shares, me, seed),
        Some(Scheme::EcdsaP256) => export_on::<P256, P>(terms, accounts, shares, me, seed),
        None => Err(Failure::caller("the key has no account")),
    }
}

fn export_on<C: Erase, P: Parameters>(
    terms: &ExportTerms,
    accounts: &[Arc<KeyPublic>],
    shares: &[Arc<KeyShare>],
    me: NodeId,
    seed: Seed,
) -> Result<Vec<u8>, Failure> {
    let other = || Failure::machine("the shares are of another key than the record");
    let tree = accounts.first().ok_or_else(other)?.tree();
    let commitments = accounts.iter().map(|key| C::commitments(&key.half).cloned());
    let commitments = commitments.collect::<Option<Vec<_>>>().ok_or_else(other)?;
    let publics = commitments.iter().map(|account| account.constant().non_identity().ok());
    let publics = publics.collect::<Option<Vec<NonIdentity<C>>>>().ok_or_else(other)?;
    let own = |share: &Arc<KeyShare>| -> Option<Vec<SecretScalar<C>>> {
        let shares = C::shares(&share.half)?;
        // A copy, because the proof takes them in one row.
        Some(shares.iter().map(|(_, share)| share.plus(&SecretScalar::zero())).collect())
    };
    let own = shares.iter().map(own).collect::<Option<Vec<_>>>().ok_or_else(other)?;
    let own: Vec<SecretScalar<C>> = own.into_iter().flatten().collect();
    let ExportTerms { genesis, key, ordered_by, transcript, epoch, record, export, .. } = *terms;
    let of = Keyed::new(genesis, key, &publics, transcript, ordered_by);
    let recipient = Recovery::alone(terms.recipient.clone());
    let statement =
        Statement::of_export(of, (epoch, record), export, me, tree, &commitments, recipient);
    let statement = statement.ok_or_else(|| Failure::caller("this node has no shares"))?;
    let bundle: Bundle<C, P> = prove(statement, &own, &mut seed.rng())
        .map_err(|error| Failure::machine(error.to_string()))?;
    Ok(quorate_codec::to_bytes(&bundle))
}

impl<C: Curve> OnCurve<C> {
    /// What a node's backup says; nothing where it has nothing of the kind.
    fn statement(
        &self,
        terms: &BackupTerms,
        tree: &Tree<NodeId>,
        transcript: Digest,
        kind: Backed,
        author: NodeId,
    ) -> Option<Statement<C>> {
        let BackupTerms { genesis, key, ordered_by, epoch, .. } = *terms;
        let publics: Option<Vec<_>> =
            self.accounts.iter().map(|account| account.constant().non_identity().ok()).collect();
        let of = Keyed::new(genesis, key, &publics?, transcript, ordered_by);
        match kind {
            Backed::Shares => {
                let seats = terms.seats.clone();
                Statement::of_shares(of, epoch, author, tree, &self.accounts, seats)
            }
            Backed::Contributions => {
                let publics = self.contributions.get(&author)?.clone();
                let keys = terms.keys.clone();
                Some(Statement::of_contributions(of, epoch, author, publics, keys))
            }
        }
    }
}

impl fmt::Debug for Backups {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Backups")
    }
}

impl fmt::Debug for BackedUp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "BackedUp({:?}, {})", self.dealt, self.bundles.len())
    }
}
