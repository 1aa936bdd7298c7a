//! Announced motions at one node: the wait that it measures on its own clock, the notice that it
//! gives, and the proposal once the wait is over (`spec/charter.md`, GOV-81, GOV-84).

use crate::durable::{Table, Write};
use crate::event::Millis;
use crate::node::{Node, Turn};
use quorate_charter::{Announced, MotionBody, Span, State, VerifiedEntry};
use quorate_identity::MotionId;

/// What an entry does that somebody should hear of.
pub(super) struct Notices {
    /// Motions that are announced by it, or objected to.
    about: Vec<MotionId>,
    objected: bool,
}

impl Notices {
    pub(super) fn of(entry: &VerifiedEntry) -> Self {
        let objected = entry.enacted().and_then(|motion| match motion.body {
            MotionBody::Object { motion } => Some(motion),
            _ => None,
        });
        let about = entry.announced().into_iter().chain(objected).collect();
        Self { about, objected: objected.is_some() }
    }
}

impl Node {
    /// When this node stored the entry of a position, if a wait began with it.
    pub(super) fn stored_at(&self, position: u64) -> Option<Millis> {
        self.governor.heard.get(&position).copied()
    }

    /// When an announced motion may take effect by this node's clock.
    pub(crate) fn due_here(&self, announced: &Announced) -> Option<Millis> {
        announced.due(&|position| self.stored_at(position))
    }

    /// Motions whose wait is over by this node's clock, and which nothing holds up. Those that set
    /// custodians wait until their keys were shown here (GOV-54).
    pub(super) fn due_announcements(&self, now: Millis) -> Vec<MotionId> {
        let is_due = |it: &&Announced| self.due_here(it).is_some_and(|due| due <= now);
        let may = self.state.announced().filter(|it| !it.is_objected()).filter(is_due);
        let may = may.filter(|it| match &it.motion.body {
            MotionBody::CustodySet { custody, .. } => self.is_shown(custody),
            _ => true,
        });
        may.map(|it| it.id).collect()
    }

    /// Begins waits that began with this head, durably; forgets those that are over; and wakes when
    /// the next one ends. A wait whose beginning this node did not see begins now: it may have
    /// taken a seat with the log of others.
    pub(crate) fn look_at_announced(&mut self, turn: &mut Turn<'_>) {
        let begun = begun(&self.state);
        for position in &begun {
            if !self.governor.heard.contains_key(position) {
                self.governor.heard.insert(*position, turn.now);
                let row = turn.now.to_be_bytes().to_vec();
                turn.out.writes.push(Write::put(Table::Heard, position.to_be_bytes(), row));
                turn.out.barrier = true;
            }
        }
        let over = self.governor.heard.keys().filter(|position| !begun.contains(position));
        for position in over.copied().collect::<Vec<_>>() {
            self.governor.heard.remove(&position);
            turn.out.writes.push(Write::delete(Table::Heard, position.to_be_bytes()));
        }
        let waiting = self.state.announced().filter(|it| !it.is_objected());
        let dues = waiting.filter_map(|it| self.due_here(it)).filter(|due| *due > turn.now);
        self.governor.due_at = dues.min();
    }

    /// Tells operators, people and whoever watches what was announced or objected to.
    pub(super) fn tell_notices(&mut self, notices: &Notices, turn: &mut Turn<'_>) {
        for id in &notices.about {
            let Some(announced) = self.state.announcement(id) else { continue };
            let kind = announced.motion.kind();
            let due = self.due_here(announced).map_or(0, |due| due.saturating_sub(turn.now));
            let text = match notices.objected {
                false => format!(
                    "motion {id} ({kind}) is announced and takes effect in {}: read it, and object \
                     to it if it is wrong",
                    Span(due)
                ),
                true => format!(
                    "somebody objected to motion {id} ({kind}): it takes effect no earlier than in \
                     {}, and only if that is overridden",
                    Span(due)
                ),
            };
            self.alarm(text, &[], turn);
        }
    }
}

/// Positions with which waits of motions began that are not over.
fn begun(state: &State) -> Vec<u64> {
    let began = |it: &Announced| it.objection.map_or(it.position, |objection| objection.position);
    state.announced().map(began).collect()
}
