//! Keys that the charter gives to somebody whole: this node's part of each, encrypted to the recovery
//! key that people signed and to nobody else (`spec/export.md`).
//!
//! ```text
//! the export took effect ──► may this node? ──► a job proves ──► durable ──► given, signed,
//!                              (KEX-06)           (KEX-08)                    while it may (KEX-09)
//! ```
//!
//! Nothing here asks another node: each decides at its own head whether it makes a part, and again
//! whenever somebody asks for it. One part is made for one export and epoch, and given again as often
//! as it is asked for.

use crate::ceremonies::{KeyBook, share_key};
use crate::durable::{Table, Write};
use crate::event::{Barrier, Millis};
use crate::job::{JobId, Task};
use crate::node::{Node, Turn};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use quorate_charter::{
    Export, ExportStatement, KeyOrder, MotionBody, MotionError, Recipient, SignedExportStatement,
    SignedMotion,
};
use quorate_client::contract::{ErrorBody, ErrorCode, ExportView};
use quorate_codec::{Canonical, Digest};
use quorate_engine::{ExportTerms, Failure, RecoveryKey, bundle_digest};
use quorate_identity::{Head, KeyId, Name, words};
use std::collections::{BTreeMap, BTreeSet};

/// The parts that this node made, and those under way.
#[derive(Default)]
pub(crate) struct Exports {
    /// Which exports are open, as of the head.
    open: BTreeSet<Which>,
    /// Of which epoch this node has a durable part of each.
    made: BTreeMap<Which, Epoch>,
    /// The one that is computed.
    under_way: Option<(JobId, Which, Epoch)>,
    /// What this machine failed to make in this life: it is not tried again and again.
    failed: BTreeSet<(Which, Epoch)>,
}

/// A key, and the entry by which its export took effect.
type Which = (KeyId, Head);

/// Number and attempt of an epoch.
type Epoch = (u64, u32);

/// A part of a key as it is stored and given.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ExportRow {
    /// The bundle (KEX-08).
    #[n(0)]
    pub bundle: ByteVec,
    /// That it is this node's.
    #[n(1)]
    pub statement: SignedExportStatement,
}

impl Canonical for ExportRow {
    const BYTES_MAX: usize = 1 << 30;
}

impl Exports {
    /// Takes note of a row that is there; whether its key is one.
    pub fn load(&mut self, row: &[u8]) -> bool {
        let read = parse_row(row);
        read.map(|(which, epoch)| self.made.insert(which, epoch)).is_some()
    }

    /// The part that a job makes, if it makes one.
    fn take_job(&mut self, job: JobId) -> Option<(Which, Epoch)> {
        let (_, which, epoch) = self.under_way.take_if(|(id, ..)| *id == job)?;
        Some((which, epoch))
    }

    fn is_done(&self, which: &Which, epoch: Epoch) -> bool {
        self.made.get(which) == Some(&epoch) || self.failed.contains(&(*which, epoch))
    }
}

/// Key of the row of a part.
fn row_key((key, export): &Which, (epoch, attempt): Epoch) -> Vec<u8> {
    [export.as_ref(), share_key(key, epoch, attempt).as_slice()].concat()
}

fn parse_row(bytes: &[u8]) -> Option<(Which, Epoch)> {
    let (export, rest) = bytes.split_first_chunk::<32>()?;
    let (key, epoch, attempt) = crate::ceremonies::parse_share_key(rest)?;
    Some(((key, Head(Digest(*export))), (epoch, attempt)))
}

/// Whether the recovery key of a recipient is one: voters look at it before they vote (KEX-04).
pub(crate) fn is_recipient(recipient: &Recipient) -> bool {
    RecoveryKey::from_bytes(&recipient.key).is_ok()
}

impl Node {
    /// A motion as it is filed: the recovery key that gets a key can be read, and not too many such
    /// motions collect signatures, because each key that one names is asked for.
    pub(crate) fn check_export_motion(&self, motion: &SignedMotion) -> Result<(), MotionError> {
        let MotionBody::KeyExport { recipient: Some(recipient), .. } = &motion.body().body else {
            return Ok(());
        };
        let is_other = |it: &&SignedMotion| {
            it.id() != motion.id()
                && matches!(it.body().body, MotionBody::KeyExport { recipient: Some(_), .. })
        };
        if self.governor.motions().filter(is_other).count() >= crate::limits::EXPORT_MOTIONS_MAX {
            return Err(MotionError::TooMany);
        }
        match is_recipient(recipient) {
            true => Ok(()),
            false => Err(quorate_charter::ExportError::Key(recipient.name.clone()).into()),
        }
    }

    /// The charter moved on, or the node starts: which exports are open now.
    pub(crate) fn look_at_exports(&mut self) {
        let of = |order: &KeyOrder| -> Vec<Which> {
            order.open_exports().map(|export| (order.key, export.entry)).collect()
        };
        let exported = self.state.keys().filter(|order| order.is_exported());
        self.exports.open = exported.flat_map(of).collect();
    }

    /// Tells of an export that took effect by the entry of this very head.
    pub(crate) fn tell_export(&mut self, turn: &mut Turn<'_>) {
        let state = std::sync::Arc::clone(&self.state);
        let new = state.keys().find_map(|order| Some((order, order.export(&state.head())?)));
        if let Some((order, export)) = new {
            let text = format!(
                "key {} is given whole to {}: whoever holds that recovery key can sign alone from now \
                 on, for ever; if nobody meant that: quorate freeze at once, then key export end and key \
                 refresh, and thaw only after that",
                order.name, export.recipient.name
            );
            self.alarm(text, &[], turn);
        }
    }

    /// Makes what is due, one part at a time, and deletes what is of an export that ended or of an
    /// epoch that was replaced.
    pub(crate) fn drive_exports(&mut self, turn: &mut Turn<'_>) {
        if self.exports.open.is_empty() && self.exports.made.is_empty() {
            return;
        }
        let over = self.exports.made.iter().filter(|(which, epoch)| {
            !self.exports.open.contains(*which) || self.newest(&which.0) != Some(**epoch)
        });
        let over: Vec<(Which, Epoch)> = over.map(|(which, epoch)| (*which, *epoch)).collect();
        for (which, epoch) in over {
            self.exports.made.remove(&which);
            turn.out.writes.push(Write::delete(Table::Export, row_key(&which, epoch)));
        }
        if self.exports.under_way.is_some() {
            return;
        }
        let due = self.exports.open.iter().find_map(|which| {
            let epoch = self.newest(&which.0)?;
            let is_due = !self.exports.is_done(which, epoch)
                && self.hinders_export(which, turn.now).is_none();
            is_due.then_some((*which, epoch))
        });
        if let Some((which, epoch)) = due {
            self.make_part(which, epoch, turn);
        }
    }

    /// Number and attempt of the newest epoch of a key that this node knows.
    fn newest(&self, key: &KeyId) -> Option<Epoch> {
        let plan = &self.keys.book(key)?.record()?.plan;
        Some((plan.epoch, plan.attempt))
    }

    /// Why this node gives nothing of a key for an export now, if it does not (KEX-06). The same is
    /// asked before a part is made, before it is stored, and whenever it is given.
    fn hinders_export(&self, (key, export): &Which, now: Millis) -> Option<&'static str> {
        let order = self.state.key(key);
        let open = order.and_then(|order| order.open_exports().find(|it| it.entry == *export));
        let Some(export) = open else { return Some("the export ended, or the key is retired") };
        let book = self.keys.book(key);
        let has_shares = |book: &KeyBook| book.current().is_some_and(|it| it.shares.is_some());
        match book {
            _ if self.abstains().is_some() => Some("the node takes part in nothing"),
            _ if !self.may_sign(now) => {
                Some("the node has no fresh word of the others about the charter's head")
            }
            _ if self.freezes.of_key(key).is_some() => Some("the key is frozen"),
            Some(book) if !book.is_active() => Some("the key is not made yet"),
            Some(book) if !has_shares(book) => Some("the node holds no share of the newest epoch"),
            None => Some("the key is not made yet"),
            Some(_) if !self.is_key_shown(&export.recipient.key_id()) => {
                Some("the recipient has not shown this node the recovery key")
            }
            Some(_) => None,
        }
    }

    fn make_part(&mut self, which: Which, epoch: Epoch, turn: &mut Turn<'_>) {
        let (key, export) = which;
        let recipient = self.state.key(&key).and_then(|order| order.export(&export));
        let recipient = recipient.and_then(|it| RecoveryKey::from_bytes(&it.recipient.key).ok());
        let made = self.keys.current(&key);
        let Some(((recipient, made), shares)) =
            recipient.zip(made).zip(made.and_then(|made| made.shares.clone()))
        else {
            return;
        };
        let plan = &made.record.plan;
        let terms = ExportTerms {
            genesis: self.state.genesis(),
            key,
            ordered_by: plan.order,
            transcript: made.record.transcript,
            epoch: plan.epoch,
            record: made.digest,
            export,
            recipient,
        };
        let (accounts, shares) = (made.accounts.clone(), shares.all());
        let (proofs, me, seed) = (self.proofs, self.me, turn.seed());
        let terms = Box::new(terms);
        let task = Task::Export { proofs, terms, accounts, shares, me, seed };
        let job = self.start_job(task, turn);
        self.exports.under_way = Some((job, which, epoch));
    }

    /// A part is computed: it is stored if it may still be given, and else forgotten.
    pub(crate) fn on_exported(
        &mut self,
        job: JobId,
        made: Result<Vec<u8>, Failure>,
        turn: &mut Turn<'_>,
    ) {
        let Some((which, epoch)) = self.exports.take_job(job) else { return };
        let (key, export) = which;
        let is_newest = self.newest(&key) == Some(epoch);
        if !is_newest || self.hinders_export(&which, turn.now).is_some() {
            return;
        }
        let Some(record) = self.keys.current(&key).map(|made| made.digest) else { return };
        let bundle = match made {
            Ok(bundle) => bundle,
            Err(failure) => return self.export_failed(which, epoch, &failure.reason, turn),
        };
        let body = ExportStatement {
            version: 1,
            genesis: self.state.genesis(),
            node: self.me,
            key,
            epoch: epoch.0,
            record,
            export,
            bundle: bundle_digest(&bundle),
        };
        let statement = SignedExportStatement::sign(body, &self.secrets);
        let row = ExportRow { bundle: bundle.into(), statement };
        let row = quorate_codec::to_bytes(&row);
        turn.out.writes.push(Write::put(Table::Export, row_key(&which, epoch), row));
        turn.out.barrier = Barrier::Full;
        self.exports.made.insert(which, epoch);
        let text = format!("this node's part of key {} is ready for {}", self.key_name(&key), {
            let order = self.state.key(&key).and_then(|order| order.export(&export));
            order.map(|export| export.recipient.name.to_string()).unwrap_or_default()
        });
        self.alarm(text, &[], turn);
    }

    fn export_failed(&mut self, which: Which, epoch: Epoch, why: &str, turn: &mut Turn<'_>) {
        self.exports.failed.insert((which, epoch));
        let name = self.key_name(&which.0);
        self.alarm(format!("this node's part of key {name} was not made: {why}"), &[], turn);
    }

    /// A job was lost: its part is tried again after the next start, or of the next epoch.
    pub(crate) fn export_job_lost(&mut self, job: JobId, turn: &mut Turn<'_>) -> bool {
        let Some((which, epoch)) = self.exports.take_job(job) else { return false };
        self.export_failed(which, epoch, "this machine lost the computation", turn);
        true
    }

    fn key_name(&self, key: &KeyId) -> String {
        self.state.key(key).map(|order| order.name.to_string()).unwrap_or_default()
    }

    /// In which row this node's part of a key lies, if it may be given now (KEX-09).
    pub(crate) fn view_part(
        &self,
        name: &Name,
        export: &Head,
        now: Millis,
    ) -> Result<Vec<u8>, ErrorBody> {
        let order = self.state.key_named(name).ok_or_else(crate::views::unknown_key)?;
        if order.export(export).is_none() {
            let next = "see `quorate key show` for the exports of the key";
            let message = "no entry of the charter exports the key so";
            return Err(ErrorBody::new(ErrorCode::UnknownExport, message, next));
        }
        let which = (order.key, *export);
        let hindered = |why: &str| {
            let next = "see `quorate key show`; ask again once it is mended, or ask another node";
            let message = format!("this node gives nothing of the key: {why}");
            ErrorBody::new(ErrorCode::ExportNotReady, message, next)
        };
        if let Some(why) = self.hinders_export(&which, now) {
            return Err(hindered(why));
        }
        let epoch = self.newest(&order.key);
        match epoch.filter(|epoch| self.exports.made.get(&which) == Some(epoch)) {
            Some(epoch) => Ok(row_key(&which, epoch)),
            None if epoch.is_some_and(|epoch| self.exports.failed.contains(&(which, epoch))) => {
                Err(hindered(
                    "its part could not be made; a restart, or another epoch, tries again",
                ))
            }
            None => Err(hindered("its part is being made")),
        }
    }

    /// To whom a key was given whole, and what this node has for it.
    pub(crate) fn view_exports(&self, order: &KeyOrder, now: Millis) -> Vec<ExportView> {
        let view = |export: &Export| {
            let which = (order.key, export.entry);
            let is_open = order.open_exports().any(|it| it.entry == export.entry);
            let made = self.exports.made.get(&which).filter(|_| is_open);
            let epoch = made.filter(|epoch| self.newest(&order.key).as_ref() == Some(epoch));
            let awaits = self.hinders_export(&which, now).filter(|_| is_open);
            let id = export.recipient.key_id();
            ExportView {
                recipient: export.recipient.name.clone(),
                recovery_key: id,
                fingerprint: words(&id.digest()).map(str::to_owned).to_vec(),
                entry: export.entry,
                position: export.position,
                is_open,
                ended_at: export.ended,
                epoch: epoch.map(|(epoch, _)| *epoch),
                awaits: awaits.map(str::to_owned),
            }
        };
        order.exports.iter().map(view).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_rows_read_back() {
        let which = (KeyId(Digest([7; 32])), Head(Digest([8; 32])));
        assert_eq!(parse_row(&row_key(&which, (3, 5))), Some((which, (3, 5))));
        assert_eq!(parse_row(&[0; 40]), None);
    }
}
