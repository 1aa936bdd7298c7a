//! That a key was handed on from one epoch to the next, for anybody to verify with the hash of the
//! genesis alone (EPO-12): who ordered it, who dealt, who holds shares now, that each of them knows
//! its shares, and that no public key changed.

use crate::ceremonies::{follows, proof_is_valid, prove_commit, publics_of};
use crate::wire::Outcome;
use minicbor::{Decode, Encode};
use quorate_access::Tree;
use quorate_charter::limits::VALUE_BYTES_MAX;
use quorate_charter::{
    AttemptOutcome, CertifiedEntry, Decided, DecidedError, EpochRecord, GenesisFile, KeyOrder,
    Origin, State, verify_log,
};
use quorate_codec::{Canonical, Digest};
use quorate_identity::{GenesisHash, Name, NodeId};

/// The certificate: one file, complete in itself. Public.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Handover {
    /// Version of this form: 1.
    #[n(0)]
    version: u8,
    /// The genesis with all signatures under it.
    #[n(1)]
    genesis: GenesisFile,
    /// The charter up to a head at which the epoch was ordered.
    #[n(2)]
    entries: Vec<CertifiedEntry>,
    /// The certified outcome that made the epoch before; nothing for the first epoch.
    #[n(3)]
    before: Option<Decided>,
    /// That of the epoch.
    #[n(4)]
    after: Decided,
    /// The epoch's first signature, if the node that answered knows it.
    #[n(5)]
    signature: Option<Outcome>,
}

/// What a certificate proves. Only [`Handover::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandoverReport {
    /// Name of the domain.
    pub domain: Name,
    /// Whether it is a trial.
    pub staging: bool,
    /// The key.
    pub key: Name,
    /// The epoch.
    pub epoch: u64,
    /// Digest of its record.
    pub record: Digest,
    /// Public keys of all accounts, from account 0 on.
    pub public_keys: Vec<Vec<u8>>,
    /// The epoch before: its number and over whom the key was shared. Nothing for the first one.
    pub before: Option<(u64, Tree<Name>)>,
    /// Over whom it is shared now.
    pub access: Tree<Name>,
    /// Who dealt.
    pub dealers: Vec<Name>,
    /// Who holds shares, and proved that it knows them.
    pub holders: Vec<Name>,
    /// Whether somebody once held the whole key.
    pub origin: Option<Origin>,
    /// To how many the charter gave the key whole, as far as it goes in this file (KEX-05).
    pub exported: usize,
    /// Whether the new shares have signed.
    pub signed: bool,
}

/// A certificate that does not hold; the fault of whoever made it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandoverError {
    /// No certificate, or not of this version.
    #[error("this is no handover certificate of a known form: {0}")]
    Malformed(String),
    /// The charter in it does not follow from the genesis that it is held against.
    #[error("its charter does not hold: {0}")]
    Charter(String),
    /// A decision that the voters did not make, or that is about something else.
    #[error("the record of {0} does not hold: {1}")]
    Record(&'static str, String),
    /// The epoch does not follow the one before.
    #[error("the epoch does not follow the one before: {0}")]
    Chain(&'static str),
}

impl Canonical for Handover {
    const BYTES_MAX: usize = 64 << 20;
}

const _: () = assert!(Handover::BYTES_MAX > 4 * VALUE_BYTES_MAX);

impl Handover {
    pub(crate) fn new(
        genesis: GenesisFile,
        entries: Vec<CertifiedEntry>,
        before: Option<Decided>,
        after: Decided,
        signature: Option<Outcome>,
    ) -> Self {
        Self { version: 1, genesis, entries, before, after, signature }
    }

    /// Verifies a certificate offline.
    ///
    /// # Errors
    /// [`HandoverError`]. Cost: some signature verifications an entry, some multiplications an
    /// account.
    pub fn verify(bytes: &[u8], genesis: &GenesisHash) -> Result<HandoverReport, HandoverError> {
        let it: Self = quorate_codec::from_bytes(bytes)
            .map_err(|error| HandoverError::Malformed(error.to_string()))?;
        if it.version != 1 {
            return Err(HandoverError::Malformed(format!("version {}", it.version)));
        }
        let state = verify_log(&it.genesis, genesis, it.entries.iter().cloned());
        let state = state.map_err(|error| HandoverError::Charter(error.to_string()))?;
        let after = Certified::read(&it.after, &state, Decided::verify, "the epoch")?;
        let before = it.before.as_ref();
        let before =
            before.map(|it| Certified::read(it, &state, Decided::verify_kept, "the epoch before"));
        let before = before.transpose()?;
        let plan = &after.record.plan;
        let chain = |holds: bool, why| if holds { Ok(()) } else { Err(HandoverError::Chain(why)) };
        match &before {
            Some(before) => {
                let earlier = &before.record.plan;
                let is_next = earlier.key == plan.key && earlier.epoch < plan.epoch;
                chain(is_next, "it is of another key, or none before")?;
                chain(after.record.continues(&before.record), "a public key changed")?;
            }
            None => {
                chain(plan.epoch == 0, "the epoch before is missing")?;
                chain(after.record.is_as_ordered(), "it is not the key that was imported")?;
            }
        }
        let newest = before.as_ref().map(|before| &before.record.plan);
        let decided = state.electorate(&it.after.instance).ok();
        let by_its_voters = decided == state.electorate_for(after.order, newest);
        chain(by_its_voters, "others decided about it than those who should")?;
        let digest = before.as_ref().map(|before| before.record.digest());
        let earlier = before.as_ref().map(|before| &before.record.plan).zip(digest);
        chain(follows(plan, earlier), "its dealers were not those who held the key")?;
        chain(plan.has_commit_set(), "too few hold its shares")?;
        let earlier = before.as_ref().map(|before| &before.record);
        chain(after.record.has_backup(earlier), "it is not backed up as it should be")?;
        let publics = publics_of(&after.record);
        let first = publics.as_ref().and_then(|publics| publics.first());
        let is_valid =
            |outcome| first.is_some_and(|first| proof_is_valid(&after.record, first, outcome));
        let signed = it.signature.as_ref().map(is_valid);
        chain(signed != Some(false), "its first signature does not verify")?;
        let name = |node: &NodeId| state.node_ever(node).map(|node| node.name.clone());
        let names = |nodes: &[NodeId]| nodes.iter().filter_map(name).collect();
        let named = |tree: &Tree<NodeId>| tree.try_map(|node| name(node).ok_or(())).ok();
        let unknown = || HandoverError::Record("the epoch", "it names unknown nodes".to_owned());
        let accounts = after.record.accounts.iter();
        Ok(HandoverReport {
            domain: state.domain().clone(),
            staging: state.is_staging(),
            key: after.order.name.clone(),
            epoch: plan.epoch,
            record: after.record.digest(),
            public_keys: accounts.map(|account| account.public_key.clone()).collect(),
            before: match &before {
                Some(before) => {
                    let earlier = &before.record.plan;
                    Some((earlier.epoch, named(&earlier.tree).ok_or_else(unknown)?))
                }
                None => None,
            },
            access: named(&plan.tree).ok_or_else(unknown)?,
            dealers: names(&plan.dealers),
            holders: names(&plan.committee),
            origin: plan.origin.clone(),
            exported: after.order.exports.len(),
            signed: signed == Some(true),
        })
    }
}

/// A record that the voters certified, of a key as the charter ordered it.
struct Certified<'a> {
    record: EpochRecord,
    order: &'a KeyOrder,
}

impl<'a> Certified<'a> {
    fn read(
        decided: &Decided,
        state: &'a State,
        verify: fn(&Decided, &State) -> Result<(), DecidedError>,
        what: &'static str,
    ) -> Result<Self, HandoverError> {
        let wrong = |why: &dyn std::fmt::Display| HandoverError::Record(what, why.to_string());
        verify(decided, state).map_err(|error| wrong(&error))?;
        let outcome = quorate_codec::from_bytes(&decided.value).map_err(|error| wrong(&error))?;
        let AttemptOutcome::Commit { record: bytes, prepared } = outcome else {
            return Err(wrong(&"the attempt was void"));
        };
        let record: EpochRecord =
            quorate_codec::from_bytes(&bytes).map_err(|error| wrong(&error))?;
        let plan = &record.plan;
        let (key, epoch, attempt) = (plan.key, plan.epoch, plan.attempt);
        let order = state.key(&key).ok_or_else(|| wrong(&"the charter has no such key"))?;
        let is_ordered = plan.genesis == state.genesis()
            && decided.instance.is_attempt(&key, epoch, attempt)
            && (plan.scheme, plan.accounts) == (order.scheme, order.accounts)
            && plan.origin == order.origin
            && order.has_ordered(&plan.order)
            && order.has_ordered_tree(&plan.tree, &plan.order);
        if !is_ordered || record.version != EpochRecord::VERSION {
            return Err(wrong(&"it is not what the charter ordered"));
        }
        let is_whole = prepared.iter().map(|statement| &statement.node).eq(&plan.committee);
        let is_new = epoch == 0 && !plan.is_arrival();
        match is_whole && prove_commit(state, &record, &bytes, is_new, &prepared).is_ok() {
            true => Ok(Self { record, order }),
            false => Err(wrong(&"not every holder proved that it knows its shares")),
        }
    }
}
