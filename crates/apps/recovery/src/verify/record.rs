//! What a certified record says: the sharing of a key, and by which bundles it is backed up for
//! whom (REC-25, REC-26).

use super::report::Names;
use super::why::{Refusal, Why};
use quorate_access::Tree;
use quorate_backup::{Recovery, RecoveryKey};
use quorate_charter::{
    AccountRecord, AttemptOutcome, AttemptPlan, Custodian, Custody, Decided, EpochRecord,
    KeyBackup, KeyOrder, State,
};
use quorate_codec::Digest;
use quorate_curve::{Curve, Ed25519, P256, Secp256k1};
use quorate_identity::{Name, NodeId, RecoveryKeyId, Scheme};
use quorate_sharing::Commitments;
use std::collections::BTreeMap;

/// A record that a quorum of voters certified, about a key of the charter, and what follows from it.
pub(crate) struct Certified {
    pub record: EpochRecord,
    pub accounts: Accounts,
    /// Who restores the shares of one node.
    pub seats: Custodians,
    /// The backup of the key itself, and who restores it; nothing of what an importer dealt.
    pub key: Option<(KeyBackup, Custodians)>,
    pub names: Names,
}

/// The sharings of all accounts.
pub(crate) enum Accounts {
    Secp256k1(Vec<Commitments<Secp256k1>>),
    Ed25519(Vec<Commitments<Ed25519>>),
    P256(Vec<Commitments<P256>>),
}

/// Who restores.
pub(crate) struct Custodians {
    pub tree: Tree<Name>,
    pub recovery: Recovery,
    /// What those are called whose keys these are.
    pub names: BTreeMap<RecoveryKeyId, Name>,
}

impl Certified {
    /// Reads the outcome of an attempt at a key, as the charter has it.
    pub fn read(state: &State, decided: &Decided) -> Result<Self, Refusal> {
        // Nobody stands behind what is not certified.
        decided.verify(state).map_err(|error| Why::Certificate(error.to_string()).of_holder())?;
        let record = record(decided).map_err(Why::of_voters)?;
        let order = in_charter(state, &record).map_err(Why::of_holder)?;
        Self::of(state, decided, record, order).map_err(Why::of_voters)
    }

    fn of(
        state: &State,
        decided: &Decided,
        record: EpochRecord,
        order: &KeyOrder,
    ) -> Result<Self, Why> {
        for reason in [
            is_of_attempt(&record, decided),
            is_of_key(&record, order, state),
            names_backups(&record, order),
        ] {
            reason.map_err(Why::Record)?;
        }
        let accounts = match record.plan.scheme {
            Scheme::EcdsaSecp256k1 | Scheme::Bip340 => Accounts::Secp256k1(accounts(&record)?),
            Scheme::Ed25519 => Accounts::Ed25519(accounts(&record)?),
            Scheme::EcdsaP256 => Accounts::P256(accounts(&record)?),
        };
        let seats = custodians(state, &record.plan.custody, |custody| &custody.seats)?;
        let key = record.backup.key.clone();
        let key = key.map(|key| {
            let keys = custodians(state, &key.custody, |custody| &custody.keys);
            keys.map(|keys| (key, keys))
        });
        Ok(Self { accounts, seats, key: key.transpose()?, names: Names::of(state), record })
    }
}

/// The record in a decision.
fn record(decided: &Decided) -> Result<EpochRecord, Why> {
    let unread = |_| Why::Record("the outcome that was certified is none");
    match quorate_codec::from_bytes(&decided.value).map_err(unread)? {
        AttemptOutcome::Commit { record, .. } => {
            let unread = |_| Why::Record("the record that was certified is none");
            quorate_codec::from_bytes(&record).map_err(unread)
        }
        AttemptOutcome::Void { .. } => Err(Why::Record("the attempt made nothing: it is void")),
    }
}

/// The order of the key that a record is about. What the charter does not have may stand in entries
/// that were left out of the file, so nobody who certified it is at fault.
fn in_charter<'a>(state: &'a State, record: &EpochRecord) -> Result<&'a KeyOrder, Why> {
    let plan = &record.plan;
    let order = state.key(&plan.key);
    let order = order.ok_or(Why::Record("it is of a key that this charter does not order"))?;
    if !order.has_ordered(&plan.order) {
        return Err(Why::Record("no entry of this charter ordered it"));
    }
    match state.custody_of(&plan.custody) {
        Some(_) => Ok(order),
        None => Err(Why::Custody(plan.custody)),
    }
}

/// A check: nothing, or what is wrong.
type Check = Result<(), &'static str>;

fn all(checks: &[(bool, &'static str)]) -> Check {
    match checks.iter().find(|(holds, _)| !holds) {
        Some((_, reason)) => Err(reason),
        None => Ok(()),
    }
}

/// Whether it is of the attempt that was decided.
fn is_of_attempt(record: &EpochRecord, decided: &Decided) -> Check {
    let plan = &record.plan;
    let (key, epoch, attempt) = (plan.key, plan.epoch, plan.attempt);
    all(&[
        (record.version == EpochRecord::VERSION, "the version of the record is not known here"),
        (plan.version == AttemptPlan::VERSION, "the version of its plan is not known here"),
        (plan.genesis == decided.genesis, "it is for another domain"),
        (
            decided.instance.is_attempt(&key, epoch, attempt),
            "it is of another attempt than the one that was decided",
        ),
    ])
}

/// Whether it is a record of the key as the charter ordered it.
fn is_of_key(record: &EpochRecord, order: &KeyOrder, state: &State) -> Check {
    let plan = &record.plan;
    let at = |head| state.position_of(head);
    all(&[
        (
            at(&plan.head).is_none_or(|head| at(&plan.order).is_some_and(|order| order <= head)),
            "it was planned before it was ordered",
        ),
        (plan.scheme == order.scheme, "the charter ordered another scheme"),
        (
            order.has_ordered_tree(&plan.tree, &plan.order),
            "the charter did not order this access tree",
        ),
        (plan.origin == order.origin, "it is silent or wrong about where the key was made"),
        (plan.accounts == order.accounts, "the charter ordered another number of accounts"),
        (
            record.accounts.len() == usize::from(plan.accounts),
            "it has not as many accounts as its plan says",
        ),
        (record.is_as_ordered(), "it is another key than the one that was imported"),
        (ascending(&plan.committee), "its committee does not ascend"),
        (plan.has_commit_set(), "its committee is too small for its tree, or none of it"),
        (
            plan.participants().iter().all(|node| state.node_ever(node).is_some()),
            "somebody who takes part in it is no node of the domain",
        ),
    ])
}

/// Whether it names a backup of every member's shares, and the one of the key itself that it must
/// have whatever the record before says (GOV-42, GOV-43; N-95).
fn names_backups(record: &EpochRecord, order: &KeyOrder) -> Check {
    let (plan, backup) = (&record.plan, &record.backup);
    if backup.shares.len() != plan.committee.len() {
        return Err("it does not name a backup of every member's shares");
    }
    let key = match (plan.is_arrival(), &backup.key) {
        (true, None) => return Ok(()),
        (true, Some(_)) => return Err("it names a backup of a key that no node dealt"),
        (false, None) => return Err("it names no backup of the key itself"),
        (false, Some(key)) => key,
    };
    let is_own = (key.epoch, key.attempt) == (plan.epoch, plan.attempt)
        && (key.order, key.transcript) == (plan.order, record.transcript)
        && key.dealers == plan.dealers;
    all(&[
        (
            !key.dealers.is_empty() && key.bundles.len() == key.dealers.len(),
            "it does not name a backup of what every dealer contributed",
        ),
        (ascending(&key.dealers), "the dealers of the backup of the key itself do not ascend"),
        (
            key.custody == plan.custody,
            "the backup of the key itself is for other custodians than the record's",
        ),
        (
            plan.committee.iter().all(|member| key.holders.contains(member)),
            "a member of its committee keeps no backup of the key itself",
        ),
        (
            order.has_ordered(&key.order) && !order.is_before(&plan.order, &key.order),
            "no entry until then ordered the dealing of the backup of the key itself",
        ),
        (
            (plan.birth_epoch()..plan.epoch).contains(&key.epoch) || is_own,
            "the backup of the key itself is of another dealing than the record's, and of none before",
        ),
    ])
}

fn ascending(nodes: &[NodeId]) -> bool {
    nodes.is_sorted_by(|left, right| left < right)
}

/// The sharing of every account over the tree of the record, with the public key that the account
/// says.
fn accounts<C: Curve>(record: &EpochRecord) -> Result<Vec<Commitments<C>>, Why> {
    let (tree, scheme) = (&record.plan.tree, record.plan.scheme);
    let read = |(number, account): (usize, &AccountRecord)| {
        let sharing = Commitments::from_bytes(tree, &account.commitments);
        let sharing = sharing.map_err(|_| Why::Account(number))?;
        match has_public_key(account, scheme) {
            true => Ok(sharing),
            false => Err(Why::PublicKey(number)),
        }
    };
    record.accounts.iter().enumerate().map(read).collect()
}

/// Whether the public key is the constant term, for BIP-340 its coordinate alone.
fn has_public_key(account: &AccountRecord, scheme: Scheme) -> bool {
    let Some(constant) = account.commitments.first() else { return false };
    match scheme {
        Scheme::EcdsaSecp256k1 | Scheme::EcdsaP256 | Scheme::Ed25519 => {
            *constant == account.public_key
        }
        Scheme::Bip340 => constant.get(1..) == Some(account.public_key.as_slice()),
    }
}

/// Who restores by one of the trees of the custody that a record names, with their keys.
fn custodians(
    state: &State,
    digest: &Digest,
    tree: fn(&Custody) -> &Tree<Name>,
) -> Result<Custodians, Why> {
    let custody = state.custody_of(digest).ok_or(Why::Custody(*digest))?;
    Custodians::over(custody, tree(custody))
}

impl Custodians {
    /// Those of a tree of a custody.
    pub fn over(custody: &Custody, tree: &Tree<Name>) -> Result<Self, Why> {
        let key = |custodian: &Custodian| match RecoveryKey::from_bytes(&custodian.key) {
            Ok(key) => Ok((custodian.name.clone(), key)),
            Err(_) => Err(Why::CustodianKey(custodian.name.clone())),
        };
        let keys: BTreeMap<Name, RecoveryKey> =
            custody.custodians.iter().map(key).collect::<Result<_, _>>()?;
        let recovery = Recovery::over(tree, &keys).ok_or(Why::CustodyTree)?;
        let in_tree = tree.parties();
        let keys = keys.into_iter().filter(|(name, _)| in_tree.contains(name));
        let names = keys.map(|(name, key)| (key.id(), name)).collect();
        Ok(Self { tree: tree.clone(), recovery, names })
    }
}
