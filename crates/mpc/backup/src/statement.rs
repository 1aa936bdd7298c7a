//! What a bundle says that it is a backup of.

use crate::limits::SECRETS_MAX;
use crate::part::counted;
use crate::{BackupFault, Parameters, Recovery};
use minicbor::{Decode, Decoder, Encode};
use quorate_access::Tree;
use quorate_access::limits::LEAVES_MAX;
use quorate_codec::{Canonical, Digest, Transcript, tag, to_bytes};
use quorate_curve::{Curve, NonIdentity};
use quorate_identity::{GenesisHash, Head, KeyId, NodeId};
use quorate_sharing::Commitments;

/// Everything that a proof is bound to. Public: whoever verifies makes it from the charter and from
/// the certified record of the epoch, and compares (BAK-03).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Statement<C: Curve> {
    /// Whose secrets they are.
    #[n(0)]
    pub author: NodeId,
    /// What they are secrets of.
    #[n(1)]
    pub subject: Subject,
    /// The public point of each, in the order that the subject says.
    #[cbor(n(2), bound = "C: Curve", decode_with = "points")]
    pub publics: Vec<NonIdentity<C>>,
    /// Who restores them.
    #[n(3)]
    pub recovery: Recovery,
}

/// What secrets a bundle holds. A batch is the unit of disclosure: whoever restores one secret
/// restores all, so a subject never mixes what has different owners or targets (BAK-02).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Subject {
    /// The shares of the author in one epoch of a key: of its accounts in their order, each with
    /// the author's leaves in their order.
    #[n(0)]
    Shares {
        /// Which key.
        #[n(0)]
        of: Keyed,
        /// Which epoch.
        #[n(1)]
        epoch: u64,
        /// The author's leaves.
        #[n(2)]
        leaves: Vec<u16>,
        /// Hash of the tree over which the key is shared.
        #[n(3)]
        tree: Digest,
    },
    /// What the author dealt at the birth of a key, of its accounts in their order: with what the
    /// other dealers dealt it is the key, whatever was refreshed since.
    #[n(1)]
    Contributions {
        /// Which key.
        #[n(0)]
        of: Keyed,
        /// The epoch whose dealing it was.
        #[n(1)]
        epoch: u64,
    },
    /// A secret of no use but to be restored in a drill.
    #[n(2)]
    Canary {
        /// In which domain.
        #[n(0)]
        genesis: GenesisHash,
        /// Of which export: 32 random bytes.
        #[n(1)]
        export: Digest,
    },
    /// The shares of the author in one epoch of a key, for whom the charter gave that key. No backup:
    /// no custodian opens it, and nothing is restored from it to a node.
    #[n(3)]
    Export {
        /// Which key.
        #[n(0)]
        of: Keyed,
        /// Which epoch.
        #[n(1)]
        epoch: u64,
        /// The author's leaves.
        #[n(2)]
        leaves: Vec<u16>,
        /// Hash of the tree over which the key is shared.
        #[n(3)]
        tree: Digest,
        /// Digest of the epoch's record.
        #[n(4)]
        record: Digest,
        /// The head that the entry made by which the export took effect.
        #[n(5)]
        export: Digest,
    },
}

/// A key of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Keyed {
    /// The domain.
    #[n(0)]
    pub genesis: GenesisHash,
    /// The key.
    #[n(1)]
    pub key: KeyId,
    /// Hash of the public keys of all its accounts.
    #[n(2)]
    pub publics: Digest,
    /// Hash of the dealing by which the secrets came to be.
    #[n(3)]
    pub transcript: Digest,
    /// The entry of the charter that ordered it.
    #[n(4)]
    pub ordered_by: Digest,
}

impl Keyed {
    /// A key whose accounts have these public keys, in the domain and as ordered by the entry that
    /// made this head, its secrets as they came to be by the dealing with this transcript.
    pub fn new<C: Curve>(
        genesis: GenesisHash,
        key: KeyId,
        publics: &[NonIdentity<C>],
        transcript: Digest,
        ordered_by: Head,
    ) -> Self {
        let publics = Transcript::new(tag::BACKUP_PUBLICS).list(NonIdentity::all_to_bytes(publics));
        let ordered_by = ordered_by.0;
        Self { genesis, key, publics: publics.digest(), transcript, ordered_by }
    }
}

impl<C: Curve> Statement<C> {
    /// That these are the shares of `author` in an epoch of a key whose accounts are shared over
    /// `tree` (BAK-25). `None` if the author has none, which is the caller's fault.
    ///
    /// Cost: some small multiples for each share.
    pub fn of_shares(
        of: Keyed,
        epoch: u64,
        author: NodeId,
        tree: &Tree<NodeId>,
        accounts: &[Commitments<C>],
        recovery: Recovery,
    ) -> Option<Self> {
        let publics = public_shares(author, tree, accounts)?;
        Some(Self::claiming_shares(of, epoch, author, tree, publics, recovery))
    }

    /// That these are the shares of `author` in an epoch of a key with this record, for the recipient
    /// of the export that took effect by the entry which made the head `export` (KEX-08). `None` if
    /// the author has none, which is the caller's fault.
    ///
    /// Cost: some small multiples for each share.
    pub fn of_export(
        of: Keyed,
        (epoch, record): (u64, Digest),
        export: Head,
        author: NodeId,
        tree: &Tree<NodeId>,
        accounts: &[Commitments<C>],
        recipient: Recovery,
    ) -> Option<Self> {
        let publics = public_shares(author, tree, accounts)?;
        let (leaves, tree) = (leaves_of(author, tree), tree_digest(tree));
        let subject = Subject::Export { of, epoch, leaves, tree, record, export: export.0 };
        Some(Self { author, subject, publics, recovery: recipient })
    }

    /// The same of points that somebody else says are the public shares: to see whether a bundle
    /// about them proves anything. What should be theirs is for
    /// [`of_shares`](Self::of_shares).
    pub fn claiming_shares(
        of: Keyed,
        epoch: u64,
        author: NodeId,
        tree: &Tree<NodeId>,
        publics: Vec<NonIdentity<C>>,
        recovery: Recovery,
    ) -> Self {
        let (leaves, tree) = (leaves_of(author, tree), tree_digest(tree));
        Self { author, subject: Subject::Shares { of, epoch, leaves, tree }, publics, recovery }
    }

    /// That these are the logarithms of what `author` contributed to each account of a key in the
    /// dealing that made an epoch (BAK-26).
    pub fn of_contributions(
        of: Keyed,
        epoch: u64,
        author: NodeId,
        publics: Vec<NonIdentity<C>>,
        recovery: Recovery,
    ) -> Self {
        Self { author, subject: Subject::Contributions { of, epoch }, publics, recovery }
    }

    /// Names the statement and the parameters of its proof: everything of the proof is hashed
    /// behind it (BAK-04).
    pub(crate) fn digest<P: Parameters>(&self) -> Digest {
        Transcript::new(tag::BACKUP_STATEMENT)
            .part(C::NAME)
            .number(P::ROWS.into())
            .number(P::CLOSED.into())
            .part(to_bytes(self))
            .digest()
    }

    /// Compares what a bundle says with what it should be (BAK-03).
    pub(crate) fn is_as_expected(&self, expected: &Self) -> Result<(), BackupFault> {
        if self.author != expected.author {
            return Err(BackupFault::Author);
        }
        if self.subject != expected.subject {
            return Err(BackupFault::Subject);
        }
        if self.recovery != expected.recovery {
            return Err(BackupFault::Recovery);
        }
        if self.publics != expected.publics {
            return Err(BackupFault::Secrets);
        }
        Ok(())
    }
}

/// The public shares of a party, of all accounts in their order; `None` if it has none.
fn public_shares<C: Curve>(
    author: NodeId,
    tree: &Tree<NodeId>,
    accounts: &[Commitments<C>],
) -> Option<Vec<NonIdentity<C>>> {
    let rows: Vec<_> = tree.rows().into_iter().filter(|row| *row.party == author).collect();
    let share = |account: &Commitments<C>, row| account.leaf(row).non_identity().ok();
    let of_account = |account| rows.iter().map(move |row| share(account, row));
    let publics = accounts.iter().flat_map(of_account).collect::<Option<Vec<_>>>()?;
    (!publics.is_empty()).then_some(publics)
}

fn leaves_of(author: NodeId, tree: &Tree<NodeId>) -> Vec<u16> {
    let leaves = tree.leaves().into_iter().filter(|(_, party)| **party == author);
    leaves.map(|(leaf, _)| leaf.0).collect()
}

fn tree_digest(tree: &Tree<NodeId>) -> Digest {
    Transcript::new(tag::BACKUP_TREE).part(to_bytes(tree)).digest()
}

/// Reads no more points than a bundle has secrets.
fn points<'b, X, C: Curve>(
    decoder: &mut Decoder<'b>,
    context: &mut X,
) -> Result<Vec<NonIdentity<C>>, minicbor::decode::Error> {
    let points = counted(decoder, SECRETS_MAX)?;
    (0..points).map(|_| NonIdentity::decode(decoder, context)).collect()
}

/// The longest encoding of a statement. Points have at most 33 bytes.
pub(crate) const STATEMENT_BYTES_MAX: usize =
    SECRETS_MAX * 35 + LEAVES_MAX * 4 + Recovery::BYTES_MAX + 512;

impl<C: Curve> Canonical for Statement<C> {
    const BYTES_MAX: usize = STATEMENT_BYTES_MAX;
}
