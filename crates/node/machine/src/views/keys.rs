//! Keys, their epochs, and what is under way for them, as callers see them.

use super::{key_not_ready, unknown_key};
use crate::call::BundlePlace;
use crate::ceremonies::KeyBook;
use crate::event::Millis;
use crate::handover::Handover;
use crate::node::Node;
use quorate_access::Tree;
use quorate_charter::{AttemptPlan, EpochRecord, KeyOrder, Origin};
use quorate_client::contract::{
    ChildKeyView, EXPORTED, EpochRecordAnswer, EpochState, EpochView, ErrorBody, ErrorCode,
    HandoverAnswer, IMPORTED, KeyOrigin, KeyState, KeyView, RESTORED, TEST_FUNDS_ONLY, XpubView,
};
use quorate_codec::Digest;
use quorate_derivation::Path;
use quorate_identity::{Name, NodeId};
use quorate_policy::child_at;

impl Node {
    /// Where a backup lies that the newest record of a key names, if this node keeps it.
    pub(crate) fn view_bundle(
        &self,
        name: &Name,
        bundle: &Digest,
    ) -> Result<BundlePlace, ErrorBody> {
        let order = self.state.key_named(name).ok_or_else(unknown_key)?;
        let place = self.keys.book(&order.key).and_then(|book| book.bundle_place(&self.me, bundle));
        place.map(|(row, at)| BundlePlace { row, at }).ok_or_else(|| {
            let message = "this node keeps no such backup of the key";
            ErrorBody::new(ErrorCode::UnknownBundle, message, "ask a node that holds shares of it")
        })
    }

    /// All keys of the charter.
    pub(crate) fn view_keys(&self, now: Millis) -> Vec<KeyView> {
        let mut keys: Vec<KeyView> =
            self.state.keys().filter_map(|order| self.key_view(order, now)).collect();
        keys.sort_by(|left, right| left.key.cmp(&right.key));
        keys
    }

    /// One key.
    pub(crate) fn view_key(&self, name: &Name, now: Millis) -> Result<KeyView, ErrorBody> {
        let order = self.state.key_named(name);
        order.and_then(|order| self.key_view(order, now)).ok_or_else(unknown_key)
    }

    /// The certified record of a key's newest epoch.
    pub(crate) fn view_record(&self, name: &Name) -> Result<EpochRecordAnswer, ErrorBody> {
        let order = self.state.key_named(name).ok_or_else(unknown_key)?;
        let current = self.keys.current(&order.key).ok_or_else(key_not_ready)?;
        Ok(EpochRecordAnswer {
            key: order.key,
            head: self.state.head(),
            record: quorate_codec::to_bytes(&current.decided).into(),
        })
    }

    /// The epochs of a key that this node remembers, newest first.
    pub(crate) fn view_epochs(&self, name: &Name) -> Result<Vec<EpochView>, ErrorBody> {
        let order = self.state.key_named(name).ok_or_else(unknown_key)?;
        let book = self.keys.book(&order.key).ok_or_else(key_not_ready)?;
        Ok(book.certified().filter_map(|(plan, _)| self.epoch_view(order, book, plan)).collect())
    }

    fn epoch_view(
        &self,
        order: &KeyOrder,
        book: &KeyBook,
        plan: &AttemptPlan,
    ) -> Option<EpochView> {
        let live = book.epoch(plan.epoch);
        let is_current = plan.epoch.saturating_add(1) == book.next_epoch();
        let state = match live {
            Some(_) if is_current => EpochState::Current,
            Some(_) => EpochState::Kept,
            None => EpochState::Over,
        };
        let said = |nodes: Option<Vec<NodeId>>| self.names_of(&nodes.unwrap_or_default());
        Some(EpochView {
            key: order.name.clone(),
            epoch: plan.epoch,
            state,
            access: self.named(&plan.tree)?,
            faults: plan.faults,
            holders: self.names_of(&plan.committee),
            dealers: self.names_of(&plan.dealers),
            made_at_ms: plan.made_at,
            attempt: plan.attempt,
            record: book.record_digest(plan.epoch)?,
            previous: plan.previous,
            order: plan.order,
            // Nothing else ends an epoch before it.
            signed: live.is_none_or(|made| made.proof.is_some()),
            committed: said(live.map(|made| made.committed.keys().copied().collect())),
            erased_earlier: said(live.map(|made| made.erased.keys().copied().collect())),
        })
    }

    /// The certificate that an epoch of a key was handed on (EPO-12).
    pub(crate) fn view_handover(
        &self,
        name: &Name,
        epoch: Option<u64>,
    ) -> Result<HandoverAnswer, ErrorBody> {
        let order = self.state.key_named(name).ok_or_else(unknown_key)?;
        let book = self.keys.book(&order.key).filter(|book| book.record().is_some());
        let book = book.ok_or_else(key_not_ready)?;
        let epoch = epoch.unwrap_or_else(|| book.next_epoch().saturating_sub(1));
        let mut known = book.certified().skip_while(|(plan, _)| plan.epoch != epoch);
        let after = known.next().map(|(_, decided)| decided.clone());
        let before = known.next().map(|(_, decided)| decided.clone());
        let after = after.filter(|_| epoch == 0 || before.is_some()).ok_or_else(|| {
            let message = "this node does not remember that epoch and the one before it";
            let next = "see `quorate key epochs`, or ask another node with --node";
            ErrorBody::new(ErrorCode::BadCall, message, next)
        })?;
        let signature = book.epoch(epoch).and_then(|made| made.proof.clone());
        // Of one that is over, the charter as it was when the next was planned: later those who
        // certified it may be gone.
        let next = book.certified().take_while(|(plan, _)| plan.epoch != epoch).last();
        let until = next.and_then(|(plan, _)| self.state.position_of(&plan.head));
        let until = until.and_then(|at| usize::try_from(at).ok()).unwrap_or(usize::MAX);
        let entries = self.governor.log().iter().take(until).cloned().collect();
        let file = Handover::new(self.file.clone(), entries, before, after, signature);
        Ok(HandoverAnswer { epoch, file: quorate_codec::to_bytes(&file).into() })
    }

    /// A tree over nodes with their names; nothing where the charter does not know one.
    pub(crate) fn named(&self, tree: &Tree<NodeId>) -> Option<Tree<Name>> {
        tree.try_map(|node| self.name_of(node).ok_or(())).ok()
    }

    /// A child of an account of an active key, derived here from its certified record.
    pub(crate) fn view_child(
        &self,
        name: &Name,
        account: u16,
        path: &Path,
    ) -> Result<ChildKeyView, ErrorBody> {
        let record = self.active_record(name)?;
        let derived = child_at(record, account, path).map_err(|error| {
            ErrorBody::new(ErrorCode::BadCall, error.to_string(), "name another account or index")
        })?;
        Ok(ChildKeyView::new(name.clone(), account, record.plan.scheme, path, derived))
    }

    /// An account of an active key as wallets read it.
    pub(crate) fn view_xpub(
        &self,
        name: &Name,
        account: u16,
        network: &str,
    ) -> Result<XpubView, ErrorBody> {
        let record = self.active_record(name)?;
        let bad = |error: &dyn std::fmt::Display| {
            let next = "name a key on secp256k1, one of its accounts, and a network with ?network=";
            ErrorBody::new(ErrorCode::BadCall, error.to_string(), next)
        };
        let root = child_at(record, account, &Path::root()).map_err(|error| bad(&error))?;
        XpubView::new(name.clone(), account, record.plan.scheme, &root, network)
            .map_err(|error| bad(&error))
    }

    /// The record of a key that signs: nothing is derived of a key before its birth.
    fn active_record(&self, name: &Name) -> Result<&EpochRecord, ErrorBody> {
        let order = self.state.key_named(name).ok_or_else(unknown_key)?;
        let book = self.keys.book(&order.key).filter(|book| book.is_active());
        book.and_then(KeyBook::record).map(AsRef::as_ref).ok_or_else(key_not_ready)
    }

    /// A key; nothing only where its tree names a node that the charter does not know.
    fn key_view(&self, order: &KeyOrder, now: Millis) -> Option<KeyView> {
        let book = self.keys.book(&order.key);
        let record = book.and_then(|book| book.record());
        let plan = record.map(|record| &record.plan);
        let active = book.is_some_and(KeyBook::is_active);
        let state = match record {
            _ if order.retired => KeyState::Retired,
            None => KeyState::Ordered,
            Some(_) if !active => KeyState::Born,
            Some(_) => KeyState::Active,
        };
        let last = order.last_sharing()?;
        let (tree, faults) =
            plan.map_or((&last.tree, last.faults), |plan| (&plan.tree, plan.faults));
        let holders = plan.map(|plan| plan.committee.clone()).unwrap_or_default();
        let without: Vec<NodeId> = match plan {
            Some(plan) => tree.parties().difference(&plan.members()).copied().collect(),
            None => Vec::new(),
        };
        let due = order.schedule.zip(plan);
        let due = due.map(|(schedule, plan)| schedule.due_at(&order.key, plan.epoch, plan.made_at));
        let first = record.filter(|_| active).and_then(|record| record.account(0));
        Some(KeyView {
            key: order.name.clone(),
            id: order.key,
            scheme: order.scheme,
            // No address is shown before the birth signature.
            public_key: first.map(|account| account.public_key.clone().into()),
            accounts: order.accounts,
            access: self.named(tree)?,
            epoch: plan.map_or(0, |plan| plan.epoch),
            faults,
            holders: self.names_of(&holders),
            without_shares: self.names_of(&without),
            made_at_ms: plan.map(|plan| plan.made_at),
            schedule: order.schedule.map(|schedule| schedule.to_string()),
            refresh_due_ms: due,
            state,
            origin: match order.origin {
                Some(Origin::Imported(_)) => KeyOrigin::Imported,
                Some(Origin::Restored(_)) => KeyOrigin::Restored,
                None => KeyOrigin::Generated,
            },
            backup: match record.filter(|_| active) {
                Some(record) if record.is_backed_up_for(&self.state.custody_digest()) => "proven",
                Some(_) => "outdated",
                None => "none",
            }
            .to_owned(),
            exports: self.view_exports(order, now),
            warning: warning(order),
            addresses: None,
        })
    }
}

/// What stands beside a key in every view.
fn warning(order: &KeyOrder) -> String {
    let origin = match order.origin {
        Some(Origin::Imported(_)) => Some(IMPORTED),
        Some(Origin::Restored(_)) => Some(RESTORED),
        None => None,
    };
    let exported = order.is_exported().then_some(EXPORTED);
    let all = [Some(TEST_FUNDS_ONLY), origin, exported];
    all.into_iter().flatten().collect::<Vec<_>>().join("; ")
}
