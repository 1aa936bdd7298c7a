//! Records of a key's epochs, and the outcome of an attempt at one (GOV-40).

use crate::imported::Imported;
use crate::limits::VALUE_BYTES_MAX;
use crate::origin::{Origin, Restored};
use crate::statement::{DomainStatement, NodeStatement, Signed};
use minicbor::decode::{Decoder, Error as CborError};
use minicbor::encode::{Encoder, Error as EncodeError, Write};
use minicbor::{Decode, Encode};
use quorate_access::Tree;
use quorate_codec::{Canonical, Digest, Transcript, tag, tag::Tag};
use quorate_identity::{GenesisHash, Head, KeyId, NodeId, NodeSignature, Scheme};
use std::collections::BTreeSet;

/// What an attempt at an epoch sets out to do, as its leader planned it and every participant
/// found right. Its digest is the context of the dealing, so that nobody deals who planned
/// anything else. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AttemptPlan {
    /// Version of this form: 3.
    #[n(0)]
    pub version: u8,
    /// The domain.
    #[n(1)]
    pub genesis: GenesisHash,
    /// The key.
    #[n(2)]
    pub key: KeyId,
    /// The epoch to make; key generation makes epoch 0.
    #[n(3)]
    pub epoch: u64,
    /// Counts the attempts at this epoch.
    #[n(4)]
    pub attempt: u32,
    /// Digest of the record of the epoch before; zero for epoch 0.
    #[n(5)]
    pub previous: Digest,
    /// What the key makes.
    #[n(6)]
    pub scheme: Scheme,
    /// Who will be able to sign.
    #[n(7)]
    pub tree: Tree<NodeId>,
    /// How many members of the committee may be lost without losing the key.
    #[n(8)]
    pub faults: u8,
    /// Head made by the newest entry about this key that the epoch fulfils.
    #[n(9)]
    pub order: Head,
    /// The leader's head.
    #[n(10)]
    pub head: Head,
    /// When, by the leader's clock, in milliseconds since 1970.
    #[n(11)]
    pub made_at: u64,
    /// Which nodes deal, ascending; none in the first epoch of a key that is imported, because the
    /// importer does.
    #[n(12)]
    pub dealers: Vec<NodeId>,
    /// Who will hold shares: parties of the tree, ascending.
    #[n(13)]
    pub committee: Vec<NodeId>,
    /// The incarnations of dealers and committee together, in the order of their ids.
    #[n(14)]
    pub incarnations: Vec<Digest>,
    /// How many accounts the key has.
    #[n(15)]
    pub accounts: u16,
    /// Where a key is from that was not made here, as the charter says it, in every epoch (IMP-08).
    #[n(16)]
    pub origin: Option<Origin>,
    /// For whom it is backed up: digest of the custody at the leader's head.
    #[n(17)]
    pub custody: Digest,
    /// Whether the key itself is backed up anew. It may be at any time, and must be where
    /// [`needs_key_backup`](Self::needs_key_backup) says so.
    #[n(18)]
    pub renews: bool,
}

/// What one epoch of a key is: how it was made, and under which public shares. Everything in it
/// is public. Records of one key form a hash chain. One record holds all accounts of the key, so
/// that one decision makes all of them or none (EPO-23).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct EpochRecord {
    /// Version of this form: 4.
    #[n(0)]
    pub version: u8,
    /// The attempt that made it.
    #[n(1)]
    pub plan: AttemptPlan,
    /// The accounts of the key, from account 0 on, as many as the plan says.
    #[n(2)]
    pub accounts: Vec<AccountRecord>,
    /// Hash of the whole dealing.
    #[n(3)]
    pub transcript: Digest,
    /// The backups that every member of the committee verified and keeps.
    #[n(4)]
    pub backup: Backup,
}

/// One account of a key: a secret of its own, dealt together with the others.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AccountRecord {
    /// The commitments of the sharing: encoded points, one a column of the tree.
    #[cbor(n(0), with = "byte_lists")]
    pub commitments: Vec<Vec<u8>>,
    /// The public key.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub public_key: Vec<u8>,
    /// Chain code for public derivation. It stays with the account for ever.
    #[n(2)]
    pub chain_code: Digest,
}

/// The backups of an epoch, by the digests of their bundles (GOV-42). Each member of the committee
/// verified them all before it signed PREPARED.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Backup {
    /// Of every member's shares, in the order of the committee: restored by the custody's `seats`.
    #[n(0)]
    pub shares: Vec<Digest>,
    /// Of the key itself, made in this epoch or an earlier one; none of a key that was not made
    /// here, before its birth.
    #[n(1)]
    pub key: Option<KeyBackup>,
}

/// The backup of a key itself, which outlives its epochs: what the dealers of one dealing
/// contributed, restored by the custody's `keys`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct KeyBackup {
    /// The epoch in whose dealing it was made.
    #[n(0)]
    pub epoch: u64,
    /// Which attempt at it.
    #[n(1)]
    pub attempt: u32,
    /// The entry that had ordered it.
    #[n(2)]
    pub order: Head,
    /// Hash of that dealing.
    #[n(3)]
    pub transcript: Digest,
    /// For whom: digest of the custody then.
    #[n(4)]
    pub custody: Digest,
    /// Its dealers, ascending.
    #[n(5)]
    pub dealers: Vec<NodeId>,
    /// The digest of each one's bundle, in their order.
    #[n(6)]
    pub bundles: Vec<Digest>,
    /// Who verified it and keeps it, ascending: the committee of that epoch.
    #[n(7)]
    pub holders: Vec<NodeId>,
}

/// A member's statement that it verified the dealing and made its shares durable. The signature
/// is over the dealing's last message (`spec/node.md`, CER-03); who knows that message verifies
/// it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PreparedStatement {
    /// The member.
    #[n(0)]
    pub node: NodeId,
    /// Proof that it knows its final leaf shares.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub leaf_proofs: Vec<u8>,
    /// Its signature.
    #[n(2)]
    pub signature: NodeSignature,
}

/// A member's statement that it gave an attempt up. The signature is over that message of the
/// dealing (`spec/node.md`, CER-03).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct AbortStatement {
    /// The member.
    #[n(0)]
    pub node: NodeId,
    /// Its head when it did.
    #[n(1)]
    pub head: Head,
    /// Its signature.
    #[n(2)]
    pub signature: NodeSignature,
}

/// What the voters decide about an attempt: exactly one of these, once (N-57, N-87).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum AttemptOutcome {
    /// The epoch exists.
    #[n(0)]
    Commit {
        /// The epoch record.
        #[cbor(n(0), with = "minicbor::bytes")]
        record: Vec<u8>,
        /// PREPARED of every member, ascending by node.
        #[n(1)]
        prepared: Vec<PreparedStatement>,
    },
    /// The attempt made nothing; the next one may begin.
    #[n(1)]
    Void {
        /// The attempt.
        #[n(0)]
        attempt: u32,
        /// Who gave it up: nobody else's word ends an attempt.
        #[n(1)]
        abort: AbortStatement,
    },
}

impl AttemptPlan {
    /// The version of this form.
    pub const VERSION: u8 = 3;

    /// The context of the dealing: everything on which its participants must agree.
    pub fn context(&self) -> Digest {
        Transcript::new(tag::DEAL_CONTEXT).part(quorate_codec::to_bytes(self)).digest()
    }

    /// The members that hold shares.
    pub fn members(&self) -> BTreeSet<NodeId> {
        self.committee.iter().copied().collect()
    }

    /// Whether a key comes here that exists: in the first epoch of one that was not made here, and
    /// in no other (IMP-08).
    pub fn is_arrival(&self) -> bool {
        self.epoch == 0 && self.origin.is_some()
    }

    /// What the importer deals, where it is the one who deals.
    pub fn import(&self) -> Option<&Imported> {
        self.origin.as_ref().filter(|_| self.is_arrival())?.imported()
    }

    /// What the nodes deal that custodians opened, where they do.
    pub fn restore(&self) -> Option<&Restored> {
        self.origin.as_ref().filter(|_| self.is_arrival())?.restored()
    }

    /// The first epoch under which the key signs: that after the first, where it was not made here
    /// (IMP-09).
    pub fn birth_epoch(&self) -> u64 {
        u64::from(self.origin.is_some())
    }

    /// Whether the key itself must be backed up anew in this epoch: where it never was, where the
    /// custodians are others by now, or where a member holds no copy of the last backup. Of a key
    /// that arrives only shares are backed up (GOV-43).
    pub fn needs_key_backup(&self, before: Option<&EpochRecord>) -> bool {
        let last = before.and_then(|before| before.backup.key.as_ref());
        let is_kept = last.is_some_and(|last| {
            last.custody == self.custody
                && self.committee.iter().all(|member| last.holders.contains(member))
        });
        !self.is_arrival() && !is_kept
    }

    /// Every node that takes part: dealers and members.
    pub fn participants(&self) -> BTreeSet<NodeId> {
        self.dealers.iter().chain(&self.committee).copied().collect()
    }

    /// Whether so many of the tree's parties hold shares that the key survives the losses that
    /// it is to survive; all of them where it is to survive none that its tree could (EPO-03).
    pub fn has_commit_set(&self) -> bool {
        has_commit_set(&self.tree, usize::from(self.faults), &self.members())
    }
}

/// Whether a key over `tree` that is to survive `faults` losses may be held by just `members`
/// (EPO-03). Where the tree bears no loss, all its parties must be there.
pub fn has_commit_set(tree: &Tree<NodeId>, faults: usize, members: &BTreeSet<NodeId>) -> bool {
    let parties = tree.parties();
    if !members.is_subset(&parties) {
        return false;
    }
    match tree.tolerance() {
        0 => *members == parties,
        _ => tree.survives(members, faults),
    }
}

impl EpochRecord {
    /// The version of this form.
    pub const VERSION: u8 = 4;

    /// Whether it names a backup of every member's shares, and of the key itself the one that it
    /// should: made with this epoch, or the one that the epoch before had (GOV-43). Whoever signs
    /// under an epoch for which this does not hold would sign with a key that can be lost.
    pub fn has_backup(&self, before: Option<&Self>) -> bool {
        let Backup { shares, key } = &self.backup;
        let plan = &self.plan;
        let last = before.and_then(|before| before.backup.key.as_ref());
        let has_key = match (plan.is_arrival(), plan.renews, key) {
            (true, renews, key) => key.is_none() && !renews,
            (false, false, key) => {
                !plan.needs_key_backup(before) && key.is_some() && key.as_ref() == last
            }
            (false, true, None) => false,
            (false, true, Some(key)) => {
                (key.epoch, key.attempt) == (plan.epoch, plan.attempt)
                    && key.order == plan.order
                    && key.transcript == self.transcript
                    && key.custody == plan.custody
                    && key.dealers == plan.dealers
                    && key.bundles.len() == plan.dealers.len()
                    && key.holders == plan.committee
            }
        };
        shares.len() == plan.committee.len() && has_key
    }

    /// Whether shares and key are backed up for the custody with this digest. What is not is owed
    /// an epoch (GOV-53).
    pub fn is_backed_up_for(&self, custody: &Digest) -> bool {
        let key = self.backup.key.as_ref().map(|key| key.custody);
        self.plan.custody == *custody && key == Some(*custody)
    }

    /// An account of the key.
    pub fn account(&self, number: u16) -> Option<&AccountRecord> {
        self.accounts.get(usize::from(number))
    }

    /// Whether the epoch goes on with the accounts of the one before: the same public keys under
    /// the same chain codes, in the same places (EPO-06, EPO-23).
    pub fn continues(&self, before: &Self) -> bool {
        let identities = |record: &Self| {
            let accounts = record.accounts.iter();
            let identity =
                |account: &AccountRecord| (account.public_key.clone(), account.chain_code);
            accounts.map(identity).collect::<Vec<_>>()
        };
        identities(self) == identities(before)
    }

    /// Of a key that was not made here: whether constant terms and chain codes are those that people
    /// signed (IMP-07, SUC-23). Of one that was, always.
    pub fn is_as_ordered(&self) -> bool {
        self.plan.origin.as_ref().is_none_or(|origin| origin.is_of(&self.accounts))
    }

    /// The record's place in contexts and in its chain.
    pub fn digest(&self) -> Digest {
        Transcript::new(tag::EPOCH_RECORD).part(quorate_codec::to_bytes(self)).digest()
    }
}

impl Canonical for AttemptPlan {
    const BYTES_MAX: usize = 24_576;
}

impl Canonical for EpochRecord {
    const BYTES_MAX: usize = 1 << 20;
}

/// What a node says about an epoch of a key (GOV-41). Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct EpochStatement {
    /// Version of this form: 1.
    #[n(0)]
    pub version: u8,
    /// The domain.
    #[n(1)]
    pub genesis: GenesisHash,
    /// Who says it.
    #[n(2)]
    pub node: NodeId,
    /// The key.
    #[n(3)]
    pub key: KeyId,
    /// The epoch.
    #[n(4)]
    pub epoch: u64,
    /// Digest of the epoch's record.
    #[n(5)]
    pub record: Digest,
    /// What.
    #[n(6)]
    pub step: EpochStep,
}

/// What a node did with an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum EpochStep {
    /// It signs under this epoch from now on, with durable shares that match the record; shares
    /// of earlier epochs are kept.
    #[n(0)]
    Committed,
    /// It destroyed its shares of all epochs before this one. A promise, no proof.
    #[n(1)]
    ErasedBefore,
    /// It destroyed its shares of this epoch and of all before: the key is retired. A promise,
    /// no proof.
    #[n(2)]
    Destroyed,
}

/// An [`EpochStatement`] with its signature.
pub type SignedEpochStatement = Signed<EpochStatement>;

impl Canonical for EpochStatement {
    const BYTES_MAX: usize = 256;
}

impl NodeStatement for EpochStatement {
    const TAG: Tag = tag::EPOCH_STATEMENT;

    fn version(&self) -> u8 {
        self.version
    }
}

impl DomainStatement for EpochStatement {
    fn genesis(&self) -> GenesisHash {
        self.genesis
    }

    fn node(&self) -> NodeId {
        self.node
    }
}

impl Canonical for AttemptOutcome {
    const BYTES_MAX: usize = VALUE_BYTES_MAX;
}

/// A list of byte strings.
pub(crate) mod byte_lists {
    use super::*;
    use minicbor::bytes::ByteSlice;

    pub fn encode<C, W: Write>(
        lists: &[Vec<u8>],
        encoder: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.array(lists.len() as u64)?;
        lists
            .iter()
            .try_for_each(|bytes| <&ByteSlice>::from(bytes.as_slice()).encode(encoder, context))
    }

    pub fn decode<'b, C>(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Vec<Vec<u8>>, CborError> {
        let count = decoder.array()?.unwrap_or(u64::MAX);
        let mut lists = Vec::new();
        for _ in 0..count {
            lists.push(decoder.bytes()?.to_vec());
        }
        Ok(lists)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_identity::ImporterSecret;

    fn node(number: u8) -> NodeId {
        NodeId(Digest([number; 32]))
    }

    fn nodes(numbers: &[u8]) -> BTreeSet<NodeId> {
        numbers.iter().copied().map(node).collect()
    }

    fn some_of(threshold: u8, count: u8) -> Tree<NodeId> {
        let leaves = (1..=count).map(|number| Tree::Leaf(node(number))).collect();
        Tree::gate(threshold, leaves).unwrap()
    }

    fn account(byte: u8) -> AccountRecord {
        let commitments = vec![vec![byte; 33], vec![byte + 1; 33]];
        AccountRecord { commitments, public_key: vec![byte; 33], chain_code: Digest([byte; 32]) }
    }

    /// A record over two of three, of a key with these accounts.
    fn record(accounts: Vec<AccountRecord>) -> EpochRecord {
        let head = Head(Digest::ZERO);
        let plan = AttemptPlan {
            version: AttemptPlan::VERSION,
            genesis: GenesisHash(Digest::ZERO),
            key: KeyId(Digest::ZERO),
            epoch: 0,
            attempt: 0,
            previous: Digest::ZERO,
            scheme: Scheme::EcdsaSecp256k1,
            tree: some_of(2, 3),
            faults: 1,
            order: head,
            head,
            made_at: 0,
            dealers: nodes(&[1, 2, 3]).into_iter().collect(),
            committee: nodes(&[1, 2, 3]).into_iter().collect(),
            incarnations: vec![Digest::ZERO; 3],
            accounts: 1,
            origin: None,
            custody: Digest::ZERO,
            renews: true,
        };
        let transcript = Digest::ZERO;
        let key = KeyBackup {
            epoch: plan.epoch,
            attempt: plan.attempt,
            order: plan.order,
            transcript,
            custody: plan.custody,
            dealers: plan.dealers.clone(),
            bundles: vec![Digest::ZERO; plan.dealers.len()],
            holders: plan.committee.clone(),
        };
        let shares = vec![Digest::ZERO; plan.committee.len()];
        let backup = Backup { shares, key: Some(key) };
        EpochRecord { version: EpochRecord::VERSION, plan, accounts, transcript, backup }
    }

    /// The first record of a key that was imported.
    fn imported() -> EpochRecord {
        let importer = ImporterSecret::from_bytes(&[1; 32]).public();
        let (public, chain_code) = (vec![1; 33], Digest([1; 32]));
        let mut import = record(vec![account(1)]);
        import.plan.origin = Some(Origin::Imported(Imported { public, chain_code, importer }));
        import
    }

    /// EPO-03.
    #[test]
    fn a_committee_survives_the_losses_that_its_key_is_to_survive() {
        let (bears_one, bears_none) = (some_of(2, 3), some_of(2, 2));
        let cases = [
            (&bears_one, 1, &[1, 2, 3][..], true),
            (&bears_one, 1, &[1, 2], false),
            (&bears_one, 0, &[1, 2], true),
            (&bears_one, 0, &[1], false),
            // A stranger makes up for nobody, and is none of the committee.
            (&bears_one, 1, &[1, 2, 4], false),
            (&bears_one, 0, &[1, 2, 4], false),
            (&bears_one, 1, &[1, 2, 3, 4], false),
            (&bears_none, 0, &[1, 2], true),
            (&bears_none, 0, &[1], false),
        ];
        for (tree, faults, members, holds) in cases {
            assert_eq!(has_commit_set(tree, faults, &nodes(members)), holds, "{members:?}");
            let mut plan = record(vec![account(1)]).plan;
            plan.tree = tree.clone();
            plan.faults = u8::try_from(faults).unwrap();
            plan.committee = nodes(members).into_iter().collect();
            assert_eq!(plan.has_commit_set(), holds, "{members:?}");
        }
    }

    /// GOV-43: a record names a backup of every member's shares and the one of its key that it
    /// should.
    #[test]
    fn neg_095_an_epoch_without_all_its_backups_is_none() {
        let first = record(vec![account(1)]);
        assert!(first.has_backup(None) && first.plan.needs_key_backup(None));
        let mut next = first.clone();
        (next.plan.epoch, next.plan.renews) = (1, false);
        assert!(!next.plan.needs_key_backup(Some(&first)));
        assert!(next.has_backup(Some(&first)), "the key's backup outlives epochs");
        assert!(!next.has_backup(None), "a backup of another epoch's dealing");
        let broken: [fn(&mut EpochRecord); 10] = [
            |it| it.backup.shares.truncate(2),
            |it| it.backup.key = None,
            |it| it.backup.key.as_mut().unwrap().epoch = 1,
            |it| it.backup.key.as_mut().unwrap().attempt = 1,
            |it| it.backup.key.as_mut().unwrap().order = Head(Digest([1; 32])),
            |it| it.backup.key.as_mut().unwrap().transcript = Digest([1; 32]),
            |it| it.backup.key.as_mut().unwrap().custody = Digest([1; 32]),
            |it| it.backup.key.as_mut().unwrap().dealers.truncate(2),
            |it| it.backup.key.as_mut().unwrap().bundles.truncate(2),
            |it| it.backup.key.as_mut().unwrap().holders.truncate(2),
        ];
        for (case, change) in broken.into_iter().enumerate() {
            let (mut first, mut next, before) = (first.clone(), next.clone(), first.clone());
            change(&mut first);
            assert!(!first.has_backup(None), "{case}");
            change(&mut next);
            assert!(!next.has_backup(Some(&before)), "{case}");
        }
        // Others hold it, or others would restore it: it is made anew.
        let mut others = next.clone();
        others.plan.committee = nodes(&[1, 2, 4]).into_iter().collect();
        assert!(others.plan.needs_key_backup(Some(&first)) && !others.has_backup(Some(&first)));
        let mut others = next.clone();
        others.plan.custody = Digest([1; 32]);
        assert!(others.plan.needs_key_backup(Some(&first)) && !others.has_backup(Some(&first)));
        let mut anew = next.clone();
        anew.plan.renews = true;
        assert!(!anew.has_backup(Some(&first)), "the one of the epoch before");
        anew.backup.key.as_mut().unwrap().epoch = 1;
        assert!(anew.has_backup(Some(&first)), "without need, for whatever reason");
        let mut fewer = next.clone();
        fewer.plan.committee = nodes(&[1, 2]).into_iter().collect();
        fewer.backup.shares.truncate(2);
        assert!(fewer.has_backup(Some(&first)), "who left holds it in vain");
    }

    /// IMP-08: what somebody else dealt is no backup that nodes could make.
    #[test]
    fn an_import_has_no_backup_of_the_key_until_its_birth() {
        let mut first = imported();
        assert!(!first.has_backup(None));
        first.backup.key = None;
        assert!(!first.has_backup(None) && !first.plan.needs_key_backup(None));
        first.plan.renews = false;
        assert!(first.has_backup(None));
        let mut next = first.clone();
        next.plan.epoch = 1;
        assert!(next.plan.needs_key_backup(Some(&first)) && !next.has_backup(Some(&first)));
    }

    /// EPO-06, EPO-23: other shares, and nothing else.
    #[test]
    fn neg_056_an_epoch_goes_on_with_the_same_accounts_in_the_same_places() {
        let before = record(vec![account(1), account(5)]);
        let mut next = before.clone();
        for account in &mut next.accounts {
            account.commitments.reverse();
        }
        assert!(next.continues(&before));
        let broken = |change: fn(&mut Vec<AccountRecord>)| {
            let mut broken = next.clone();
            change(&mut broken.accounts);
            !broken.continues(&before)
        };
        assert!(broken(|accounts| accounts[1].public_key[0] ^= 1));
        assert!(broken(|accounts| accounts[1].chain_code = Digest::ZERO));
        assert!(broken(|accounts| accounts.reverse()));
        assert!(broken(|accounts| _ = accounts.pop()));
        assert!(broken(|accounts| accounts.push(account(9))));
    }

    /// IMP-07, IMP-08: an imported key has one account, which is the one that people signed; it is
    /// dealt by the importer once.
    #[test]
    fn neg_054_an_imported_key_is_the_one_that_people_signed() {
        let generated = record(vec![account(1)]);
        assert!(generated.is_as_ordered() && !generated.plan.is_arrival());
        assert_eq!(generated.plan.birth_epoch(), 0);
        let import = imported();
        assert!(import.is_as_ordered() && import.plan.is_arrival());
        assert_eq!(import.plan.birth_epoch(), 1);
        let broken = |change: fn(&mut Vec<AccountRecord>)| {
            let mut broken = import.clone();
            change(&mut broken.accounts);
            !broken.is_as_ordered()
        };
        assert!(broken(|accounts| accounts[0].commitments.reverse()));
        assert!(broken(|accounts| accounts[0].commitments.clear()));
        assert!(broken(|accounts| accounts[0].chain_code = Digest::ZERO));
        assert!(broken(|accounts| accounts.push(account(5))));
        assert!(broken(Vec::clear));
        let mut refreshed = import.clone();
        refreshed.plan.epoch = 1;
        assert!(!refreshed.plan.is_arrival());
    }
}
