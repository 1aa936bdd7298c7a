//! What a file proves, offline and with public data alone (KEX-13).

use super::{ExportFile, ExportFileError, NodePart, PartFault};
use crate::verify::{Accounts, Certified, ProvenShares, Replay, parallel};
use quorate_backup::{
    Bundle, Keyed, Proven, Recovery, RecoveryKey, Statement, bundle_bytes_max, bundle_digest,
};
use quorate_charter::{EpochRecord, Export, KeyOrder, State};
use quorate_codec::from_bytes;
use quorate_curve::Curve;
use quorate_identity::{GenesisHash, NodeId, RecoveryKeyId};
use quorate_sharing::Commitments;

/// An export whose charter, epoch and entry hold, with every part judged. Public.
pub struct Exported {
    pub(super) state: State,
    pub(super) certified: Certified,
    pub(super) export: Export,
    recipient: RecoveryKey,
    pub(super) parts: Vec<Judged>,
}

/// A part of a node, and what is wrong with it, if anything is.
pub(super) struct Judged {
    pub node: NodeId,
    pub held: Result<ProvenShares, PartFault>,
}

impl Exported {
    /// Verifies a file of the domain with this genesis hash, which comes from elsewhere: the charter,
    /// the certified epoch, that an entry gave the key to the recipient, and each part.
    ///
    /// Cost: some signature verifications for every entry, and `spec/backup.md`, Cost, for every part.
    ///
    /// # Errors
    /// [`ExportFileError`]; what is wrong with single parts is in the report.
    pub fn read(bytes: &[u8], genesis: &GenesisHash) -> Result<Self, ExportFileError> {
        let file: ExportFile = from_bytes(bytes).map_err(|_| ExportFileError::Form)?;
        Self::of(&file, genesis)
    }

    /// The same of a file that was read.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn of(file: &ExportFile, genesis: &GenesisHash) -> Result<Self, ExportFileError> {
        if file.version != ExportFile::VERSION {
            return Err(ExportFileError::Version(file.version));
        }
        let mut replay = Replay::begin(&file.genesis, genesis).map_err(ExportFileError::Genesis)?;
        for entry in &file.entries {
            let entered = replay.enter(entry);
            entered.map_err(|refusal| ExportFileError::Entry(entry.position(), refusal))?;
        }
        let certified = Certified::read(replay.state(), &file.decided);
        let certified = certified.map_err(ExportFileError::Record)?;
        let plan = &certified.record.plan;
        if !replay.has_passed(&plan.head) {
            return Err(ExportFileError::Behind);
        }
        let state = replay.into_state();
        let order = state.key(&plan.key).ok_or(ExportFileError::Machine)?;
        let export = order.export(&file.export).cloned();
        let export = export.ok_or_else(|| ExportFileError::NoExport(order.name.clone()))?;
        let recipient = RecoveryKey::from_bytes(&export.recipient.key)
            .map_err(|_| ExportFileError::Recipient(export.recipient.name.clone()))?;
        let mut exported = Self { state, certified, export, recipient, parts: Vec::new() };
        exported.parts = match &exported.certified.accounts {
            Accounts::Secp256k1(accounts) => {
                exported.judge_all(accounts, &file.parts, ProvenShares::Secp256k1)
            }
            Accounts::Ed25519(accounts) => {
                exported.judge_all(accounts, &file.parts, ProvenShares::Ed25519)
            }
            Accounts::P256(accounts) => {
                exported.judge_all(accounts, &file.parts, ProvenShares::P256)
            }
        };
        Ok(exported)
    }

    /// The charter in the file.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The certified record of the epoch.
    pub fn record(&self) -> &EpochRecord {
        &self.certified.record
    }

    /// The id of the recovery key that the key was exported to.
    pub fn recipient(&self) -> RecoveryKeyId {
        self.recipient.id()
    }

    /// The key, as the charter has it.
    ///
    /// # Errors
    /// Never: it was looked up before.
    pub fn order(&self) -> Result<&KeyOrder, ExportFileError> {
        self.state.key(&self.record().plan.key).ok_or(ExportFileError::Machine)
    }

    /// Nodes whose part holds.
    pub fn sound(&self) -> impl Iterator<Item = NodeId> {
        self.parts.iter().filter(|part| part.held.is_ok()).map(|part| part.node)
    }

    fn judge_all<C: Curve>(
        &self,
        accounts: &[Commitments<C>],
        parts: &[NodePart],
        proven: fn(Proven<C>) -> ProvenShares,
    ) -> Vec<Judged> {
        let ascends =
            parts.is_sorted_by(|left, right| left.statement.node() < right.statement.node());
        parallel::map(parts, |part| {
            let held = match ascends {
                true => self.judge(accounts, part).map(proven),
                false => Err(PartFault::Order),
            };
            Judged { node: part.statement.node(), held }
        })
    }

    /// Whether a part is the one that this node has to give: the node's word first, then what is
    /// expected of it, made from the charter and the record alone (N-66, N-70).
    fn judge<C: Curve>(
        &self,
        accounts: &[Commitments<C>],
        part: &NodePart,
    ) -> Result<Proven<C>, PartFault> {
        let record = &self.certified.record;
        let (plan, digest) = (&record.plan, record.digest());
        let node = part.statement.node();
        if !plan.committee.contains(&node) {
            return Err(PartFault::Stranger);
        }
        let said = part.statement.verify(&self.state);
        let said = said.map_err(|error| PartFault::Statement(error.to_string()))?;
        for (holds, what) in [
            (said.key == plan.key, "key"),
            (said.export == self.export.entry, "export"),
            ((said.epoch, said.record) == (plan.epoch, digest), "epoch"),
        ] {
            if !holds {
                return Err(PartFault::For(what));
            }
        }
        if bundle_digest(&part.bundle) != said.bundle {
            return Err(PartFault::Unnamed);
        }
        let own = plan.tree.leaves().into_iter().filter(|(_, party)| **party == node).count();
        if part.bundle.len() > bundle_bytes_max(accounts.len().saturating_mul(own), 1) {
            return Err(PartFault::Form);
        }
        let bundle: Bundle<C> = from_bytes(&part.bundle).map_err(|_| PartFault::Form)?;
        let publics = accounts.iter().map(|account| account.constant().non_identity().ok());
        let publics = publics.collect::<Option<Vec<_>>>().ok_or(PartFault::Stranger)?;
        let of = Keyed::new(plan.genesis, plan.key, &publics, record.transcript, plan.order);
        let expected = Statement::of_export(
            of,
            (plan.epoch, digest),
            self.export.entry,
            node,
            &plan.tree,
            accounts,
            Recovery::alone(self.recipient.clone()),
        );
        let expected = expected.ok_or(PartFault::Stranger)?;
        bundle.verify(&expected).map_err(|error| PartFault::Bundle(error.fault))
    }
}
