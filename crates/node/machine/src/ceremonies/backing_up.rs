//! Backups of what an attempt dealt: made by everybody who has something, verified by everybody
//! who takes part, before anybody says PREPARED (`spec/epochs.md`, EPO-30 to EPO-34). So an epoch
//! that exists is one that custodians can restore.

use super::ceremony::{Ceremony, Phase};
use super::keys::{contributions_key, share_key};
use super::proven::Found;
use crate::durable::{Table, Write};
use crate::evidence::{BACKUP_ROUND, Evidence, Proof};
use crate::job::{JobId, Task};
use crate::limits;
use crate::node::{Node, Turn};
use crate::wire::{BundleMessage, DealStep, Message};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use quorate_charter::{AttemptPlan, Backup, Custody, EpochRecord, KeyBackup, State};
use quorate_codec::{Canonical, Digest};
use quorate_engine::{
    Backed, BackedUp, BackupError, BackupFault, BackupSource, BackupTerms, Backups, Failure, Place,
    PreparedKeys, Recovery, RecoveryKey, Signed, bundle_bytes_max, bundle_digest,
};
use quorate_identity::{KeyId, Name, NodeId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a participant says of its backups: the digest of each bundle that it should make. It is
/// signed like a message of a round, so that two of one participant prove that it lied; the
/// bundles themselves follow unsigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Announcement {
    /// 1.
    #[n(0)]
    version: u8,
    /// Of its shares, if it is a member.
    #[n(1)]
    shares: Option<Digest>,
    /// Of what it contributed, if it dealt and the key itself is backed up anew.
    #[n(2)]
    contributions: Option<Digest>,
}

impl Announcement {
    const VERSION: u8 = 1;

    /// Reads what a participant announced; nothing if it is not exactly what it should announce.
    pub fn read(bytes: &[u8], expected: &[Backed]) -> Option<Self> {
        let said: Self = quorate_codec::from_bytes(bytes).ok()?;
        let of = |kind| said.of(kind).is_some() == expected.contains(&kind);
        let fits = of(Backed::Shares) && of(Backed::Contributions);
        (said.version == Self::VERSION && fits).then_some(said)
    }

    /// The bundle of a kind.
    pub fn of(&self, kind: Backed) -> Option<Digest> {
        match kind {
            Backed::Shares => self.shares,
            Backed::Contributions => self.contributions,
        }
    }
}

impl Canonical for Announcement {
    const BYTES_MAX: usize = 80;
}

/// The backups of an attempt under way.
#[derive(Default)]
pub(crate) struct BackingUp {
    /// What its backups are bound to.
    terms: Option<Arc<BackupTerms>>,
    /// What was dealt, once this node made its own.
    dealt: Option<Box<PreparedKeys>>,
    source: Option<Arc<BackupSource>>,
    said: BTreeMap<NodeId, (Vec<u8>, Announcement)>,
    bundles: BTreeMap<(Backed, NodeId), Arc<Vec<u8>>>,
    /// The jobs that verify some of them.
    judging: BTreeMap<JobId, (Backed, NodeId)>,
    verified: BTreeSet<(Backed, NodeId)>,
}

impl BackingUp {
    pub fn new(terms: BackupTerms) -> Self {
        Self { terms: Some(Arc::new(terms)), ..Self::default() }
    }

    fn is_judging(&self, which: &(Backed, NodeId)) -> bool {
        self.judging.values().any(|judged| judged == which)
    }
}

/// What a participant of an attempt has to back up: a member its shares, a dealer what it
/// contributed, where the key itself is backed up anew (EPO-30).
pub(crate) fn backed_by(plan: &AttemptPlan, node: &NodeId) -> Vec<Backed> {
    let shares = plan.committee.contains(node).then_some(Backed::Shares);
    let contributes = plan.renews && plan.dealers.contains(node);
    shares.into_iter().chain(contributes.then_some(Backed::Contributions)).collect()
}

/// What the backups of an attempt are bound to: its plan, and the custody that it names. Nothing
/// where the custodians' keys are none.
pub(crate) fn backup_terms(custody: &Custody, plan: &AttemptPlan) -> Option<BackupTerms> {
    let (seats, keys) = recoveries(custody)?;
    let AttemptPlan { genesis, key, order, epoch, accounts, .. } = *plan;
    Some(BackupTerms { genesis, key, ordered_by: order, epoch, accounts, seats, keys })
}

/// The recovery trees of a custody: who restores shares, and who restores keys.
pub(crate) fn recoveries(custody: &Custody) -> Option<(Recovery, Recovery)> {
    let key = |custodian: &quorate_charter::Custodian| {
        Some((custodian.name.clone(), RecoveryKey::from_bytes(&custodian.key).ok()?))
    };
    let keys: BTreeMap<Name, RecoveryKey> =
        custody.custodians.iter().map(key).collect::<Option<_>>()?;
    Some((Recovery::over(&custody.seats, &keys)?, Recovery::over(&custody.keys, &keys)?))
}

/// The bundles of one kind, as they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct BundlesRow {
    /// In the order in which the record names them.
    #[n(0)]
    pub bundles: Vec<ByteVec>,
}

impl Canonical for BundlesRow {
    const BYTES_MAX: usize = 1 << 30;
}

impl Ceremony {
    /// Which backups it takes, by kind and author.
    fn backups(&self) -> BTreeSet<(Backed, NodeId)> {
        let of = |node: NodeId| {
            let kinds = backed_by(&self.plan, &node);
            kinds.into_iter().map(move |kind| (kind, node))
        };
        self.plan.participants().into_iter().flat_map(of).collect()
    }

    /// Whose backups are missing here.
    pub(super) fn awaited_backups(&self) -> Vec<NodeId> {
        let backup = &self.backup;
        let is_here = |it: &_| backup.verified.contains(it) || backup.is_judging(it);
        let open = self.backups().into_iter().filter(|it| !is_here(it));
        open.map(|(_, node)| node).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// This node's own bundles, to be told again.
    pub(super) fn own_bundles(&self, me: &NodeId) -> Vec<BundleMessage> {
        let own = self.backup.bundles.iter().filter(|((_, author), _)| author == me);
        own.map(|((kind, _), bytes)| self.bundle_message(*kind, bytes.to_vec())).collect()
    }

    /// The same, while a peer may lack them.
    pub(super) fn bundles_for(&self, peer: &NodeId, me: &NodeId) -> Vec<BundleMessage> {
        let is_open = matches!(self.phase, Phase::ExpectBackups | Phase::ExpectPrepared);
        match is_open && !self.prepared.contains_key(peer) {
            true => self.own_bundles(me),
            false => Vec::new(),
        }
    }

    /// Forgets what was only needed until the attempt was prepared, or given up.
    pub(super) fn drop_backups(&mut self, me: &NodeId) {
        self.backup.dealt = None;
        let is_kept = self.is_open();
        self.backup.bundles.retain(|(_, author), _| is_kept && author == me);
    }

    fn bundle_message(&self, kind: Backed, bytes: Vec<u8>) -> BundleMessage {
        let (key, context) = (self.plan.key, self.context);
        BundleMessage { key, context, kind, bytes }
    }

    /// What the record says of the backups, once all are verified.
    fn backup(&self, before: Option<&EpochRecord>, transcript: Digest) -> Option<Backup> {
        let said = |kind, node| self.backup.said.get(node).and_then(|(_, said)| said.of(kind));
        let plan = &self.plan;
        let shares = plan.committee.iter().map(|node| said(Backed::Shares, node));
        let shares = shares.collect::<Option<_>>()?;
        if !self.plan.renews {
            let key = before.and_then(|before| before.backup.key.clone());
            return Some(Backup { shares, key });
        }
        let bundles = plan.dealers.iter().map(|node| said(Backed::Contributions, node));
        let key = KeyBackup {
            epoch: plan.epoch,
            attempt: plan.attempt,
            order: plan.order,
            transcript,
            custody: plan.custody,
            dealers: plan.dealers.clone(),
            bundles: bundles.collect::<Option<_>>()?,
            holders: plan.committee.clone(),
        };
        Some(Backup { shares, key: Some(key) })
    }

    /// The rows of all bundles, which this node verified (N-95).
    pub(super) fn bundle_rows(&self) -> Vec<Write> {
        let AttemptPlan { key, epoch, attempt, .. } = self.plan;
        let row = |kind, authors: &[NodeId], place: Vec<u8>| {
            let of = |author: &NodeId| self.backup.bundles.get(&(kind, *author));
            let bundles = authors.iter().filter_map(of).map(|it| it.to_vec().into()).collect();
            Write::put(Table::Backup, place, quorate_codec::to_bytes(&BundlesRow { bundles }))
        };
        let shares = row(Backed::Shares, &self.plan.committee, share_key(&key, epoch, attempt));
        let dealers = &self.plan.dealers;
        let place = contributions_key(&key, epoch, attempt);
        let contributions = self.plan.renews.then(|| row(Backed::Contributions, dealers, place));
        [shares].into_iter().chain(contributions).collect()
    }
}

impl Node {
    /// The dealing is verified: back up what this node got of it, before it says so.
    pub(super) fn back_up(&mut self, key: KeyId, dealt: PreparedKeys, turn: &mut Turn<'_>) {
        let (me, proofs) = (self.me, self.proofs);
        let Some(ceremony) = self.ceremony(&key) else { return };
        if !matches!(ceremony.phase, Phase::Computing { .. }) {
            return;
        }
        ceremony.phase = Phase::Computing { number: BACKUP_ROUND };
        let kinds = backed_by(&ceremony.plan, &me);
        let Some(terms) = ceremony.backup.terms.clone() else { return };
        self.keys.due.set(key, turn.now.saturating_add(self.patience(&key)));
        let (dealt, seed) = (Box::new(dealt), turn.seed());
        let job = self.start_job(Task::BackUp { proofs, dealt, terms, me, kinds, seed }, turn);
        self.keys.await_job(key, job);
    }

    /// This node's own backups are made: announce them, and tell them.
    pub(crate) fn on_backed_up(
        &mut self,
        id: JobId,
        result: Result<BackedUp, Failure>,
        turn: &mut Turn<'_>,
    ) {
        let me = self.me;
        let Some(key) = self.keys.take_job(&id) else { return };
        let BackedUp { dealt, source, bundles } = match result {
            Ok(made) => made,
            Err(failure) => return self.void_attempt(key, &failure.reason, &[], turn),
        };
        let Some(ceremony) = self.ceremony(&key) else { return };
        if !matches!(ceremony.phase, Phase::Computing { .. }) {
            return;
        }
        let digest = |kind| {
            let of = bundles.iter().find(|(made, _)| *made == kind);
            of.map(|(_, bundle)| bundle_digest(bundle))
        };
        let said = Announcement {
            version: Announcement::VERSION,
            shares: digest(Backed::Shares),
            contributions: digest(Backed::Contributions),
        };
        ceremony.phase = Phase::ExpectBackups;
        ceremony.backup.dealt = Some(Box::new(dealt));
        ceremony.backup.source = Some(Arc::new(source));
        for (kind, bundle) in bundles {
            ceremony.backup.bundles.insert((kind, me), Arc::new(bundle));
            // It was made here, and the prover checked what goes into it.
            ceremony.backup.verified.insert((kind, me));
        }
        let (own, peers) = (ceremony.own_bundles(&me), ceremony.plan.participants());
        self.keys.due.set(key, turn.now.saturating_add(self.patience(&key)));
        let bytes = quorate_codec::to_bytes(&said);
        self.send_deal(key, DealStep::Round { number: BACKUP_ROUND, bytes }, turn);
        for bundle in own {
            let message = Message::Bundle(bundle);
            for peer in peers.iter().filter(|peer| **peer != me) {
                self.send(*peer, &message, turn);
            }
        }
        self.judge_backups(key, turn);
    }

    /// A participant announces its backups; who announces others than it should has lied.
    pub(super) fn on_announced(
        &mut self,
        from: NodeId,
        key: KeyId,
        signed: Signed,
        turn: &mut Turn<'_>,
    ) {
        let Some(ceremony) = self.ceremony(&key).filter(|ceremony| ceremony.is_open()) else {
            return;
        };
        if ceremony.backup.said.contains_key(&from) {
            return;
        }
        let expected = backed_by(&ceremony.plan, &from);
        let Some(said) = Announcement::read(&signed.bytes, &expected) else {
            let why = "a participant announced other backups than it should make";
            self.blame_backup(key, from, signed, (Backed::Shares, Vec::new()), turn);
            return self.void_attempt(key, why, &[from], turn);
        };
        let bytes = signed.signature.to_vec();
        ceremony.backup.said.entry(from).or_insert((bytes, said));
        self.judge_backups(key, turn);
    }

    /// A bundle that a participant announced, or will.
    pub(crate) fn on_bundle(&mut self, from: NodeId, message: BundleMessage, turn: &mut Turn<'_>) {
        let BundleMessage { key, context, kind, bytes } = message;
        let Some(ceremony) = self.ceremony(&key) else { return };
        let expected =
            ceremony.context == context && backed_by(&ceremony.plan, &from).contains(&kind);
        let plan = ceremony.plan.clone();
        let custody = self.state.custody_of(&plan.custody);
        let longest = custody.map_or(0, |custody| longest_bundle(&plan, custody, kind, &from));
        if !expected || bytes.len() > longest {
            return;
        }
        let Some(ceremony) = self.ceremony(&key) else { return };
        ceremony.backup.bundles.entry((kind, from)).or_insert_with(|| Arc::new(bytes));
        self.judge_backups(key, turn);
    }

    /// Verifies what is here, each bundle in a job of its own: so that its end is progress. Of each
    /// attempt one at a time, and a few of all where cores are idle: more would be left behind by
    /// attempts that end, and stand in the way of signing.
    fn judge_backups(&mut self, key: KeyId, turn: &mut Turn<'_>) {
        let (proofs, under_way) = (self.proofs, self.keys.backup_jobs.len());
        let Some(ceremony) = self.ceremony(&key) else { return };
        if !matches!(ceremony.phase, Phase::ExpectBackups) {
            return;
        }
        let backup = &ceremony.backup;
        let Some((terms, source)) = backup.terms.clone().zip(backup.source.clone()) else { return };
        let open = ceremony.backups();
        let open = open.difference(&backup.verified).filter(|it| !backup.is_judging(it));
        let mut next = Vec::new();
        let mut mistaken = Vec::new();
        for (kind, author) in open.copied() {
            let is_first = backup.judging.is_empty() && next.is_empty();
            if !is_first && under_way + next.len() >= limits::BUNDLES_JUDGED_AT_ONCE {
                break;
            }
            let said = backup.said.get(&author).and_then(|(_, said)| said.of(kind));
            let Some((said, bundle)) = said.zip(backup.bundles.get(&(kind, author))) else {
                continue;
            };
            if bundle_digest(bundle) != said {
                // Unsigned, so no evidence: what was announced may still come.
                mistaken.push((kind, author));
                continue;
            }
            let (terms, source) = (Arc::clone(&terms), Arc::clone(&source));
            let bundle = Arc::clone(bundle);
            let task = Task::VerifyBackup { proofs, terms, source, kind, author, bundle };
            next.push(((kind, author), task));
        }
        let announced_to_others = !mistaken.is_empty();
        for it in mistaken {
            ceremony.backup.bundles.remove(&it);
        }
        for (which, task) in next {
            let job = self.start_job(task, turn);
            self.keys.backup_jobs.insert(job, key);
            if let Some(ceremony) = self.ceremony(&key) {
                ceremony.backup.judging.insert(job, which);
            }
        }
        if announced_to_others {
            // Perhaps its author announced the right one to others (EPO-32).
            self.show_messages(key, turn);
        }
        self.prepare_if_backed_up(key, turn);
    }

    /// A bundle was verified.
    pub(crate) fn on_backup_verified(
        &mut self,
        id: JobId,
        result: Result<(), BackupError>,
        turn: &mut Turn<'_>,
    ) {
        let Some(key) = self.keys.backup_jobs.remove(&id) else { return };
        let Some(ceremony) = self.ceremony(&key) else { return };
        // Of an attempt that ended meanwhile it is nobody's.
        let Some((kind, author)) = ceremony.backup.judging.remove(&id) else { return };
        if !ceremony.is_open() {
            return;
        }
        match result {
            Ok(()) => {
                ceremony.backup.verified.insert((kind, author));
                self.keys.due.set(key, turn.now.saturating_add(self.patience(&key)));
                self.judge_backups(key, turn);
            }
            Err(error) => {
                let bundle = ceremony.backup.bundles.remove(&(kind, author));
                let bundle = bundle.map(|bundle| bundle.to_vec()).unwrap_or_default();
                if let Some((signature, said)) = ceremony.backup.said.get(&author) {
                    let bytes = quorate_codec::to_bytes(said);
                    let signed =
                        Signed { bytes: bytes.into(), signature: signature.clone().into() };
                    self.blame_backup(key, author, signed, (kind, bundle), turn);
                }
                if matches!(error.fault, BackupFault::Subject | BackupFault::Secrets) {
                    // It may be the backup of another dealing: one dealer told each of us another,
                    // and our messages show which (BLM-05).
                    self.show_messages(key, turn);
                }
                self.void_attempt(key, &error.fault.to_string(), &[author], turn);
            }
        }
    }

    /// A job was lost: the attempt ends.
    pub(crate) fn backup_job_lost(&mut self, id: JobId, turn: &mut Turn<'_>) -> bool {
        let Some(key) = self.keys.backup_jobs.remove(&id) else { return false };
        let is_ours = |ceremony: &mut Ceremony| {
            ceremony.backup.judging.remove(&id).is_some() && ceremony.is_open()
        };
        if self.ceremony(&key).is_some_and(is_ours) {
            self.void_attempt(key, "this machine lost a computation", &[], turn);
        }
        true
    }

    /// Everybody's backups are verified: now the shares count (EPO-32).
    fn prepare_if_backed_up(&mut self, key: KeyId, turn: &mut Turn<'_>) {
        let before = self.keys.current(&key).map(|current| Arc::clone(&current.record));
        let Some(ceremony) = self.ceremony(&key) else { return };
        let is_whole = matches!(ceremony.phase, Phase::ExpectBackups)
            && ceremony.backups().is_subset(&ceremony.backup.verified);
        let dealt = is_whole.then(|| ceremony.backup.dealt.take()).flatten();
        let Some(dealt) = dealt else { return };
        match ceremony.backup(before.as_deref(), dealt.transcript) {
            Some(backup) => self.prepare(key, *dealt, backup, turn),
            None => self.void_attempt(key, "a backup is not announced", &[], turn),
        }
    }

    /// What a participant signed of its backups does not hold.
    fn blame_backup(
        &mut self,
        key: KeyId,
        author: NodeId,
        said: Signed,
        (kind, bundle): (Backed, Vec<u8>),
        turn: &mut Turn<'_>,
    ) {
        let ceremony = self.keys.book(&key).and_then(|book| book.ceremony.as_ref());
        let Some(plan) = ceremony.map(|ceremony| ceremony.plan.clone()) else { return };
        let Some(custody) = self.state.custody_of(&plan.custody).cloned() else { return };
        let proof = FalseBackup { plan, custody, author, said, kind, bundle: bundle.into() };
        self.prove(Found::Here, Evidence::new(Proof::Backup(Box::new(proof))), turn);
    }
}

/// The longest bundle that a participant has to make, as far as its key and tree make it.
fn longest_bundle(plan: &AttemptPlan, custody: &Custody, kind: Backed, author: &NodeId) -> usize {
    let accounts = usize::from(plan.accounts);
    let leaves = plan.tree.leaves().into_iter().filter(|(_, party)| *party == author);
    match kind {
        Backed::Shares => bundle_bytes_max(accounts * leaves.count(), custody.seats.leaves().len()),
        Backed::Contributions => bundle_bytes_max(accounts, custody.keys.leaves().len()),
    }
}

/// What a participant signed of a backup that proves nothing (BLM-10). Public.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct FalseBackup {
    /// What the attempt set out to do.
    #[n(0)]
    pub plan: AttemptPlan,
    /// The custody that its plan names.
    #[n(1)]
    custody: Custody,
    /// Who signed it.
    #[n(2)]
    pub author: NodeId,
    /// The announcement.
    #[n(3)]
    said: Signed,
    /// Of which backup it is.
    #[n(4)]
    kind: Backed,
    /// The bundle; empty where the announcement itself is none.
    #[n(5)]
    bundle: ByteVec,
}

impl FalseBackup {
    /// Whether it is about a custody that the charter has, or had, and no longer than what is said
    /// in such an attempt: what is not is not worth the arithmetic (BLM-06).
    pub fn may_concern(&self, state: &State) -> bool {
        let plan = &self.plan;
        state.custody_of(&plan.custody) == Some(&self.custody)
            && self.said.bytes.len() <= Announcement::BYTES_MAX
            && self.bundle.len() <= longest_bundle(plan, &self.custody, self.kind, &self.author)
    }

    /// Whether it proves its author guilty: the announcement is none, or the announced bundle is no
    /// backup whatever was dealt. What the author had to make follows from what it signed: the
    /// plan, which names the custody.
    pub fn is_proven(
        &self,
        proofs: Backups,
        holds: impl Fn(&NodeId, Place, &Signed) -> bool,
    ) -> bool {
        let Self { plan, custody, author, said, kind, bundle } = self;
        let expected = backed_by(plan, author);
        if custody.digest() != plan.custody || !holds(author, Place::Backup, said) {
            return false;
        }
        let Some(announced) = Announcement::read(&said.bytes, &expected) else { return true };
        let Some(terms) = backup_terms(custody, plan) else { return false };
        announced.of(*kind) == Some(bundle_digest(bundle))
            && proofs.refutes(&terms, &plan.tree, plan.scheme, *kind, *author, bundle)
    }
}
