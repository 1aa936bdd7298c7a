//! Keys as callers see them.

use super::{key_not_ready, unknown_key};
use crate::node::Node;
use quorate_charter::{EpochRecord, KeyOrder};
use quorate_client::contract::{
    ChildKeyView, EpochRecordAnswer, ErrorBody, ErrorCode, KeyExport, KeyState, KeyView,
    TEST_FUNDS_ONLY,
};
use quorate_derivation::Path;
use quorate_identity::Name;
use quorate_policy::child_at;

impl Node {
    /// All keys of the charter.
    pub(crate) fn view_keys(&self) -> Vec<KeyView> {
        let mut keys: Vec<KeyView> =
            self.state.keys().filter_map(|order| self.key_view(order)).collect();
        keys.sort_by(|left, right| left.key.cmp(&right.key));
        keys
    }

    /// One key.
    pub(crate) fn view_key(&self, name: &Name) -> Result<KeyView, ErrorBody> {
        let order = self.state.key_named(name);
        order.and_then(|order| self.key_view(order)).ok_or_else(unknown_key)
    }

    /// The certified epoch record of a key.
    pub(crate) fn view_record(&self, name: &Name) -> Result<EpochRecordAnswer, ErrorBody> {
        let order = self.state.key_named(name).ok_or_else(unknown_key)?;
        let book = self.keys.book(&order.key);
        let decided = book.and_then(|book| book.decided.as_ref()).ok_or_else(key_not_ready)?;
        Ok(EpochRecordAnswer {
            key: order.key,
            head: self.state.head(),
            record: quorate_codec::to_bytes(decided).into(),
        })
    }

    /// A child of an active key, derived here from its certified record.
    pub(crate) fn view_child(&self, name: &Name, path: &Path) -> Result<ChildKeyView, ErrorBody> {
        let record = self.active_record(name)?;
        let derived = child_at(record, path).map_err(|error| {
            ErrorBody::new(ErrorCode::BadCall, error.to_string(), "name another index")
        })?;
        Ok(ChildKeyView::new(name.clone(), record.scheme, path, derived))
    }

    /// An active key as wallets read it.
    pub(crate) fn view_export(&self, name: &Name, network: &str) -> Result<KeyExport, ErrorBody> {
        let record = self.active_record(name)?;
        let bad = |error: &dyn std::fmt::Display| {
            let next = "name a key on secp256k1 and a network with ?network=";
            ErrorBody::new(ErrorCode::BadCall, error.to_string(), next)
        };
        let root = child_at(record, &Path::root()).map_err(|error| bad(&error))?;
        KeyExport::new(name.clone(), record.scheme, &root, network).map_err(|error| bad(&error))
    }

    /// The record of a key that signs: nothing is derived of a key before its birth.
    fn active_record(&self, name: &Name) -> Result<&EpochRecord, ErrorBody> {
        let order = self.state.key_named(name).ok_or_else(unknown_key)?;
        let book = self.keys.book(&order.key).filter(|book| book.is_active());
        book.and_then(|book| book.record.as_deref()).ok_or_else(key_not_ready)
    }

    /// A key; nothing only where its tree names a node that the charter does not know.
    fn key_view(&self, order: &KeyOrder) -> Option<KeyView> {
        let book = self.keys.book(&order.key);
        let record = book.and_then(|book| book.record.as_ref());
        let active = book.is_some_and(|book| book.is_active());
        let state = match record {
            None => KeyState::Ordered,
            Some(_) if !active => KeyState::Born,
            Some(_) => KeyState::Active,
        };
        Some(KeyView {
            key: order.name.clone(),
            id: order.key,
            scheme: order.scheme,
            // No address is shown before the birth signature.
            public_key: record.filter(|_| active).map(|record| record.public_key.clone().into()),
            access: order.tree.try_map(|node| self.name_of(node).ok_or(())).ok()?,
            epoch: record.map_or(0, |record| record.epoch),
            state,
            backup: "unproven".to_owned(),
            warning: TEST_FUNDS_ONLY.to_owned(),
            addresses: None,
        })
    }
}
