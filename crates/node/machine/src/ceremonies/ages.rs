//! How old the epochs of keys are, and when that is an alarm (EPO-24).

use crate::event::Millis;
use crate::limits;
use crate::node::{Node, Turn};
use quorate_charter::KeyOrder;
use quorate_identity::KeyId;

impl Node {
    /// When the oldest epoch of a key was planned whose shares are still kept here or, where this
    /// node keeps none, by others.
    pub(crate) fn oldest_epoch(&self, key: &KeyId) -> Option<Millis> {
        let book = self.keys.book(key)?;
        book.live_epochs()
            .first()
            .and_then(|epoch| book.epoch(*epoch))
            .map(|made| made.planned_at())
    }

    /// For how long the refresh of a key is overdue.
    pub(crate) fn overdue_ms(&self, order: &KeyOrder, now: Millis) -> Option<Millis> {
        let plan = &self.keys.current(&order.key)?.record.plan;
        let due = order.schedule?.due_at(&order.key, plan.epoch, plan.made_at);
        now.checked_sub(due).filter(|late| *late > 0 && !order.retired)
    }

    /// Raises an alarm for every key whose shares have become too old: its refresh is late by half
    /// of the time between two, or shares of an epoch that was replaced are still kept.
    pub(crate) fn watch_ages(&mut self, turn: &mut Turn<'_>) {
        let state = std::sync::Arc::clone(&self.state);
        for order in state.keys().filter(|order| !order.retired) {
            let Some(why) = self.too_old(order, turn.now) else { continue };
            let Some(book) = self.keys.books.get_mut(&order.key) else { continue };
            let next = book.next_epoch();
            if book.alarmed_for != Some(next) {
                book.alarmed_for = Some(next);
                self.alarm(format!("key {}: {why}", order.name), &[], turn);
            }
        }
    }

    fn too_old(&self, order: &KeyOrder, now: Millis) -> Option<String> {
        let current = self.keys.current(&order.key)?;
        let late = self.overdue_ms(order, now).unwrap_or_default();
        let every = order.schedule.map_or(Millis::MAX, |schedule| schedule.every_ms);
        if late >= every / 2 {
            let text = format!("its refresh is overdue by {} s; see who is missing", late / 1_000);
            return Some(text);
        }
        let is_kept = self.keys.book(&order.key)?.live_epochs().len() > 1;
        let replaced = now.saturating_sub(current.planned_at());
        (is_kept && replaced >= limits::EPOCH_KEPT_MS_MAX).then(|| {
            let hours = replaced / 3_600_000;
            format!("shares of a replaced epoch are kept since {hours} h; see who is missing")
        })
    }
}
