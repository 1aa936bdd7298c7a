//! What a node of a successor knows of the keys of the domain before: found in the one backup file
//! that the genesis names, before the node starts (`spec/succession.md`, SUC-10 to SUC-24).
//!
//! ```text
//! backup of the domain before ──► Inherited, a row a key ──► votes for what restores it, plans
//! custodians' parts, at an heir ──► its summand, a row ──► deals it in epoch 0 ──► gone with epoch 1
//! ```

use crate::ceremonies::Before;
use crate::durable::{Record, Table, Write};
use crate::event::Alarm;
use crate::node::{Node, Turn};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use quorate_access::Tree;
use quorate_charter::{
    AttemptOutcome, AttemptPlan, Decided, EpochRecord, KeyOrder, MotionBody, MotionError, Origin,
    Restored, SignedMotion, Summands, Validity, is_same_key,
};
use quorate_codec::{Canonical, Digest};
use quorate_engine::DealSource;
use quorate_identity::{KeyId, Name, NodeId, Scheme};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use zeroize::Zeroizing;

/// A key of the domain before, as a node found it in its backup. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Inherited {
    /// What it makes.
    #[n(0)]
    pub scheme: Scheme,
    /// The public points of its accounts: also of BIP-340, whose keys do not name one.
    #[n(1)]
    pub points: Vec<ByteVec>,
    /// The chain codes of its accounts.
    #[n(2)]
    pub chain_codes: Vec<Digest>,
    /// The key as a motion names it.
    #[n(3)]
    pub restored: Restored,
    /// Who deals it, by which points.
    #[n(4)]
    pub summands: Summands,
}

impl Canonical for Inherited {
    const BYTES_MAX: usize = 512 + Summands::BYTES_MAX + 70 * ACCOUNTS_MAX;
}

/// Most accounts of a key.
const ACCOUNTS_MAX: usize = quorate_charter::limits::ACCOUNTS_MAX as usize;

/// A key as a node takes it up, and what custodians opened of it for this node.
pub struct Legacy {
    /// The key.
    pub inherited: Inherited,
    /// This node's summand of every account: canonical scalars. Nothing where it deals none, or
    /// custodians have not opened it. Secret.
    pub summand: Option<Vec<Zeroizing<[u8; 32]>>>,
}

/// The rows with which a stopped node takes up what it found, in place of what it took up before.
/// What it had of custodians stays. What it deals no more goes again with its start.
pub fn take_up(legacies: &[Legacy]) -> Vec<Write> {
    let mut rows = Vec::new();
    for Legacy { inherited, summand } in legacies {
        let key = inherited.restored.key;
        rows.push(Write::put(Table::Estate, key.as_ref(), quorate_codec::to_bytes(inherited)));
        if let Some(summand) = summand {
            let mut row = Vec::with_capacity(32 * summand.len());
            summand.iter().for_each(|scalar| row.extend_from_slice(scalar.as_ref()));
            rows.push(Write::put(Table::Summand, key.as_ref(), row));
        }
    }
    rows
}

/// Keys of the domain before of which a stopped node has a summand.
pub fn with_summand(records: &[Record]) -> BTreeSet<KeyId> {
    let rows = records.iter().filter(|row| row.table == Table::Summand);
    rows.filter_map(|row| key_of(&row.key)).collect()
}

/// Keys of the domain before that a stopped node knows to be restored: they have an epoch that
/// summands did not make. What custodians opened of them is needed no more.
pub fn restored_keys(records: &[Record]) -> BTreeSet<KeyId> {
    let rows = records.iter().filter(|row| row.table == Table::EpochRecord);
    let decided = rows.filter_map(|row| {
        let (_, epoch) = crate::ceremonies::parse_decided_key(&row.key)?;
        let decided: Decided = quorate_codec::from_bytes(&row.value).ok()?;
        let outcome = quorate_codec::from_bytes(&decided.value).ok().filter(|_| epoch > 0)?;
        let AttemptOutcome::Commit { record, .. } = outcome else { return None };
        let record: EpochRecord = quorate_codec::from_bytes(&record).ok()?;
        Some(record.plan.origin?.restored()?.key)
    });
    decided.collect()
}

/// The rows with which a stopped node gives up what custodians opened for it.
pub fn give_up(records: &[Record]) -> Vec<Write> {
    let rows = records.iter().filter(|row| row.table == Table::Summand);
    rows.map(|row| Write::delete(Table::Summand, row.key.clone())).collect()
}

/// What a node found of the domain before.
#[derive(Default)]
pub(crate) struct Estate {
    keys: BTreeMap<KeyId, Inherited>,
    /// What this node deals of them. Secret.
    summands: BTreeMap<KeyId, Zeroizing<Vec<u8>>>,
}

/// Why a key is not the one that this node found, or cannot be restored.
enum Unfit {
    /// This node found none, or has not looked.
    Unknown,
    /// What is wrong.
    Other(String),
}

impl Estate {
    /// Reads a row; whether it could be read.
    pub fn load(&mut self, table: Table, key: &[u8], row: &[u8]) -> bool {
        let Some(key) = key_of(key) else { return false };
        if table == Table::Summand {
            self.summands.insert(key, Zeroizing::new(row.to_vec()));
            return row.len().is_multiple_of(32);
        }
        let read = quorate_codec::from_bytes::<Inherited>(row).ok();
        let read = read.filter(|it| it.restored.key == key && it.is_whole());
        read.map(|inherited| self.keys.insert(key, inherited)).is_some()
    }

    /// The key that a plan, record or order says is restored, if this node found just that.
    pub fn find(&self, restored: &Restored) -> Option<&Inherited> {
        self.keys.get(&restored.key).filter(|it| it.restored == *restored)
    }

    /// What this node deals of a key.
    fn summand(&self, key: &KeyId) -> Option<Vec<Zeroizing<[u8; 32]>>> {
        let row = self.summands.get(key)?;
        let scalar = |bytes: &[u8]| bytes.try_into().ok().map(Zeroizing::new);
        row.chunks(32).map(scalar).collect()
    }

    /// Whether a motion restores a key as this node found it, over a tree that those who deal it
    /// satisfy (SUC-20, SUC-22).
    fn check(&self, body: &MotionBody) -> Result<(), Unfit> {
        let MotionBody::KeyRestore { scheme, access, accounts, restored, .. } = body else {
            return Ok(());
        };
        let known = self.keys.get(&restored.key).ok_or(Unfit::Unknown)?;
        let other = |what: &str| Err(Unfit::Other(what.to_owned()));
        if (known.scheme, known.points.len()) != (*scheme, usize::from(*accounts)) {
            return other("it makes other signatures, or has another number of accounts");
        }
        if known.restored != *restored {
            return other(
                "its points, or its name there, are not those in the backup that the genesis names",
            );
        }
        match is_satisfied_by(access, &known.summands.dealers()) {
            true => Ok(()),
            false => other(
                "those to whom custodians open it must be in its tree and satisfy it: restore it \
                 over such a tree, and reshare it then",
            ),
        }
    }
}

impl Inherited {
    /// Whether the digests are those of what stands beside them.
    fn is_whole(&self) -> bool {
        let Self { points, chain_codes, restored, summands, .. } = self;
        let slices: Vec<&[u8]> = points.iter().map(|point| point.as_slice()).collect();
        let of = (restored.key, restored.name.clone());
        *restored == Restored::new(of, &slices, chain_codes, summands)
            && chain_codes.len() == points.len()
            && summands.0.iter().all(|summand| summand.points.len() == points.len())
    }
}

/// Whether all of these are parties of a tree, and satisfy it: then nobody learns by dealing what
/// the tree would not give them (SUC-22).
pub(crate) fn is_satisfied_by(tree: &Tree<NodeId>, dealers: &BTreeSet<NodeId>) -> bool {
    dealers.is_subset(&tree.parties()) && tree.satisfied(dealers)
}

/// What is dealt where a key is restored: by whom, by which points.
pub(crate) fn source_of(summands: &Summands, secrets: Vec<Zeroizing<[u8; 32]>>) -> DealSource {
    let of = summands.0.iter().map(|summand| (summand.dealer, summand.points.clone())).collect();
    DealSource::Summands { of, secrets }
}

impl Node {
    /// A motion as it is filed: a key that it restores is one that this node found, so that nobody
    /// signs in vain.
    pub(crate) fn check_restore_motion(&self, motion: &SignedMotion) -> Result<(), MotionError> {
        let body = &motion.body().body;
        self.estate.check(body).map_err(|unfit| match unfit {
            Unfit::Unknown => {
                let why = "this node has not taken up such a key of the domain before";
                MotionError::Estate(why.to_owned())
            }
            Unfit::Other(why) => MotionError::Estate(why),
        })?;
        if let Some(name) = self.same_key_as(body) {
            return Err(MotionError::PublicTaken(name));
        }
        match self.is_early_reshare(body) {
            true => {
                let why = "over this tree it can be shared once it is restored: wait for that";
                Err(MotionError::Estate(why.to_owned()))
            }
            false => Ok(()),
        }
    }

    /// Whether a motion would have a restored key, of which no epoch is known here, shared over a tree
    /// that those who deal it do not satisfy: it could not be dealt (SUC-22).
    fn is_early_reshare(&self, body: &MotionBody) -> bool {
        let MotionBody::KeyReshare { name, access, .. } = body else { return false };
        let order = self.state.key_named(name).filter(|it| self.keys.current(&it.key).is_none());
        let heirs = order.and_then(|order| self.heirs(order));
        heirs.is_some_and(|heirs| !is_satisfied_by(access, &heirs))
    }

    /// The key of this domain that is the one which a motion restores, if one is: somebody brought it
    /// from elsewhere (IMP-02).
    fn same_key_as(&self, body: &MotionBody) -> Option<Name> {
        let MotionBody::KeyRestore { restored, .. } = body else { return None };
        let points = &self.estate.find(restored)?.points;
        let is_same = |public: &Vec<u8>| points.iter().any(|point| is_same_key(point, public));
        let has_made = |key: &KeyId| {
            let record = self.keys.current(key).map(|made| &made.record);
            record.is_some_and(|record| record.accounts.iter().any(|it| is_same(&it.public_key)))
        };
        let brings = |order: &KeyOrder| order.imported().is_some_and(|it| is_same(&it.public));
        let mut standing = self.state.keys().filter(|order| !order.retired);
        let same = standing.find(|order| brings(order) || has_made(&order.key))?;
        Some(same.name.clone())
    }

    /// A key of the domain before that has a public point and is ordered here (IMP-02).
    pub(crate) fn restored_with(&self, public: &[u8]) -> Option<Name> {
        let mut standing = self.state.keys().filter(|order| !order.retired);
        let has_point = |order: &&KeyOrder| {
            let known = order.origin.as_ref().and_then(Origin::restored);
            let known = known.and_then(|restored| self.estate.find(restored));
            known.is_some_and(|known| known.points.iter().any(|it| is_same_key(it, public)))
        };
        standing.find(has_point).map(|order| order.name.clone())
    }

    /// The same of a proposed entry. What this node has not taken up others may have (AGR-07).
    pub(crate) fn judge_restore(&self, body: &MotionBody) -> Validity {
        match self.estate.check(body) {
            Ok(()) if self.is_early_reshare(body) => Validity::Late,
            // Which keys there are a node may learn after it voted.
            Ok(()) if self.same_key_as(body).is_some() => Validity::Late,
            Ok(()) => Validity::Valid,
            Err(Unfit::Unknown) => Validity::Late,
            Err(Unfit::Other(_)) => Validity::Invalid,
        }
    }

    /// Whether a plan at the first epoch of a restored key has those deal who deal it. Whoever has not
    /// taken up the key cannot tell.
    pub(crate) fn judge_dealers(&self, plan: &AttemptPlan) -> Validity {
        let Some(restored) = plan.restore() else { return Validity::Valid };
        match self.estate.find(restored) {
            Some(known) if known.summands.dealers().iter().eq(&plan.dealers) => Validity::Valid,
            Some(_) => Validity::Invalid,
            None => Validity::Late,
        }
    }

    /// Who deals a key that is restored; nobody if this node has not taken it up.
    pub(crate) fn heirs(&self, order: &KeyOrder) -> Option<BTreeSet<NodeId>> {
        let restored = order.origin.as_ref().and_then(Origin::restored)?;
        Some(self.estate.find(restored)?.summands.dealers())
    }

    /// Whether this node deals a key that is restored, and has not what custodians opened for it.
    pub(crate) fn lacks_summand(&self, order: &KeyOrder) -> bool {
        let restored = order.origin.as_ref().and_then(Origin::restored);
        let is_made = self.keys.current(&order.key).is_some();
        let deals = self.heirs(order).is_some_and(|heirs| heirs.contains(&self.me));
        deals && !is_made && restored.is_some_and(|it| !self.estate.summands.contains_key(&it.key))
    }

    /// What is told at a start of every key that waits for this node's part.
    pub(crate) fn lacking_summands(&self) -> Vec<Alarm> {
        self.lacking_summands_of(0)
    }

    /// What is told of keys that wait for this node's part, and that an entry from this position on
    /// ordered.
    pub(crate) fn lacking_summands_of(&self, position: u64) -> Vec<Alarm> {
        let is_new = |order: &&KeyOrder| {
            let at = self.state.position_of(&order.entry);
            !order.retired && at.is_some_and(|at| at >= position)
        };
        let lacking = self.state.keys().filter(is_new).filter(|it| self.lacks_summand(it));
        let alarm = |order: &KeyOrder| Alarm {
            text: format!(
                "the key {} waits for what custodians opened for this node, which is not here: stop it, \
                 and take their parts",
                order.name
            ),
            culprits: Vec::new(),
        };
        lacking.map(alarm).collect()
    }

    /// What this node brings along to the first epoch of a restored key.
    pub(crate) fn restore_source(&self, restored: &Restored) -> Result<DealSource, &'static str> {
        let known = self.estate.find(restored);
        let known = known.ok_or("this node has not taken up this key of the domain before")?;
        let summand = match known.summands.dealers().contains(&self.me) {
            false => Vec::new(),
            true => self
                .estate
                .summand(&restored.key)
                .ok_or("what custodians opened for this node is not here")?,
        };
        Ok(source_of(&known.summands, summand))
    }

    /// The chain codes of a key that was not made here, in its first epoch.
    pub(crate) fn brought_chain_codes(&self, plan: &AttemptPlan) -> Vec<Digest> {
        let restored = plan.restore().and_then(|restored| self.estate.find(restored));
        let restored = restored.map(|known| known.chain_codes.clone());
        let imported = || plan.import().map(|imported| vec![imported.chain_code]);
        restored.or_else(imported).unwrap_or_default()
    }

    /// What a dealing goes on from: the record before, or whose summands it adds up (BLM-02).
    pub(crate) fn goes_on_from(&self, plan: &AttemptPlan) -> Before {
        let made = self.keys.current(&plan.key).map(|current| Arc::clone(&current.record));
        let summands = || self.estate.find(plan.restore()?).map(|it| it.summands.clone());
        match made {
            Some(record) => Before::Epoch(record),
            None => summands().map_or(Before::Nothing, Before::Summands),
        }
    }

    /// What is told at a start while a successor's node has not looked at what its domain succeeds:
    /// it can judge nothing that restores a key.
    pub(crate) fn untaken_estate(&self) -> Option<Alarm> {
        let is_restored = |order: &KeyOrder| {
            order.origin.as_ref().is_some_and(|origin| origin.restored().is_some())
        };
        self.state.succession()?;
        let is_open = self.estate.keys.is_empty() && !self.state.keys().any(is_restored);
        let text = "this domain succeeds another one, whose keys this node has not taken up: stop it, \
                    and take them up from the backup";
        is_open.then(|| Alarm { text: text.to_owned(), culprits: Vec::new() })
    }

    /// A key that was restored got its second epoch, which may end those before: nobody deals its
    /// summands any more, but for another order of the same key (SUC-24).
    pub(crate) fn forget_summand(&mut self, key: &KeyId, turn: &mut Turn<'_>) {
        let of = |order: &KeyOrder| Some(order.origin.as_ref()?.restored()?.key);
        let Some(lost) = self.state.key(key).and_then(of) else { return };
        let is_over = |key: &KeyId| {
            let made = self.keys.current(key);
            made.is_some_and(|made| made.number() > 0 && made.may_end_earlier())
        };
        let mut same = self.state.keys().filter(|order| of(order) == Some(lost));
        let is_wanted = same.any(|order| !order.retired && !is_over(&order.key));
        if is_over(key) && !is_wanted && self.estate.summands.remove(&lost).is_some() {
            turn.out.writes.push(Write::delete(Table::Summand, lost.as_ref()));
        }
    }

    /// The same for all keys, at a start.
    pub(crate) fn forget_summands(&mut self, turn: &mut Turn<'_>) {
        // Whoever halted or is lapsed destroys nothing: it may be the last to have it.
        if self.abstains().is_some() {
            return;
        }
        let keys: Vec<KeyId> = self.state.keys().map(|order| order.key).collect();
        keys.iter().for_each(|key| self.forget_summand(key, turn));
    }
}

fn key_of(bytes: &[u8]) -> Option<KeyId> {
    bytes.try_into().ok().map(|bytes| KeyId(Digest(bytes)))
}
