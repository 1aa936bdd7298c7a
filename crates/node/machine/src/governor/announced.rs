//! Announced motions at one node: the wait that it measures on its own clock, the notice that it
//! gives, and the proposal once the wait is over (`spec/charter.md`, GOV-81, GOV-86).

use crate::durable::{Table, Write};
use crate::event::{Barrier, Millis};
use crate::node::{Node, Turn};
use quorate_charter::{
    Announced, Change, EntryBody, Motion, MotionBody, NodeChange, PeopleChange, Span, State,
    VerifiedEntry,
};
use quorate_identity::{MotionId, Name};
use std::collections::BTreeSet;

/// What an entry does that somebody should hear of.
pub(super) struct Notices {
    /// What it announces, objects to or overrides.
    about: Option<(MotionId, What)>,
    /// What took effect by it that nobody announced.
    at_once: Option<(MotionId, Motion)>,
    /// Whom that, or what it announces, touches.
    touched: Vec<String>,
}

/// What took effect at once by entries that this node gets late, many at a time.
#[derive(Default)]
pub(super) struct Late {
    /// What is said of each motion.
    said: Vec<String>,
    touched: BTreeSet<String>,
}

/// What happened to an announced motion.
enum What {
    Announced,
    Objected,
    Overridden,
}

impl Notices {
    /// `before`: the state before the entry.
    pub(super) fn of(entry: &VerifiedEntry, before: &State) -> Self {
        let changed = entry.enacted().and_then(|motion| match motion.body {
            MotionBody::Object { motion } => Some((motion, What::Objected)),
            MotionBody::Override { motion, .. } => Some((motion, What::Overridden)),
            _ => None,
        });
        let placed = match &entry.entry().body {
            EntryBody::Motion(signed) => Some(signed),
            EntryBody::Enact(_) | EntryBody::Rejoin(_) => None,
        };
        let at_once = placed.and_then(|signed| Some((signed.id(), entry.enacted()?.clone())));
        let body = placed.map(|signed| &signed.body().body);
        Self {
            about: entry.announced().map(|id| (id, What::Announced)).or(changed),
            at_once,
            touched: body.map_or_else(Vec::new, |body| touched(body, before)),
        }
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

    /// Motions whose wait is over by this node's clock, and which no objection holds up.
    pub(super) fn due_announcements(&self, now: Millis) -> Vec<MotionId> {
        let is_due = |it: &&Announced| self.due_here(it).is_some_and(|due| due <= now);
        let may = self.state.announced().filter(|it| !it.is_objected()).filter(is_due);
        may.map(|it| it.id).collect()
    }

    /// When the next announced motion is due here after `now`, or the next node may come back.
    pub(super) fn next_due(&self, now: Millis) -> Option<Millis> {
        let waiting = self.state.announced().filter(|it| !it.is_objected());
        let motions = waiting.filter_map(|it| self.due_here(it));
        let rejoins = self.governor.rejoins.keys().map(|node| self.rejoin_due(node));
        motions.chain(rejoins).filter(|due| *due > now).min()
    }

    /// Begins waits that began with this head, durably; forgets those that are over; and wakes when
    /// the next one ends. A wait whose beginning this node did not see begins now: it may have
    /// taken a seat with the log of others.
    pub(crate) fn look_at_announced(&mut self, turn: &mut Turn<'_>) {
        let begun = begun(&self.state);
        for position in &begun {
            // A clock that was ahead once does not make it wait for ever.
            let heard = self.governor.heard.get(position);
            if heard.is_none_or(|heard| *heard > turn.now) {
                self.governor.heard.insert(*position, turn.now);
                let row = turn.now.to_be_bytes().to_vec();
                turn.out.writes.push(Write::put(Table::Heard, position.to_be_bytes(), row));
                turn.out.barrier = Barrier::Full;
            }
        }
        let over = self.governor.heard.keys().filter(|position| !begun.contains(position));
        for position in over.copied().collect::<Vec<_>>() {
            self.governor.heard.remove(&position);
            turn.out.writes.push(Write::delete(Table::Heard, position.to_be_bytes()));
        }
        self.governor.due_at = self.next_due(turn.now);
    }

    /// Tells operators, people and whoever watches what was announced, objected to, or took effect at
    /// once, and whom it touches (GOV-86).
    pub(super) fn tell_notices(&mut self, notices: &Notices, turn: &mut Turn<'_>) {
        let touched = notices.touched.join(", ");
        if let Some((id, motion)) = notices.at_once.as_ref().filter(|_| !touched.is_empty()) {
            let kind = motion.kind();
            let text = format!("motion {id} ({kind}) took effect at once: it touches {touched}");
            if let Some(late) = &mut self.governor.late {
                late.said.push(text);
                late.touched.extend(notices.touched.iter().cloned());
            } else {
                self.alarm(text, &[], turn);
            }
        }
        let Some((id, what)) = &notices.about else { return };
        let Some(announced) = self.state.announcement(id) else { return };
        let kind = announced.motion.kind();
        let due = Span(self.due_here(announced).map_or(0, |due| due.saturating_sub(turn.now)));
        let text = match what {
            What::Announced => {
                let touches = match touched.is_empty() {
                    true => String::new(),
                    false => format!("; it touches {touched}"),
                };
                format!(
                    "motion {id} ({kind}) is announced and takes effect in {due}: read it, and object \
                     to it if it is wrong{touches}"
                )
            }
            What::Objected => format!(
                "somebody objected to motion {id} ({kind}): it takes effect no earlier than in {due}, \
                 and only if that is overridden"
            ),
            What::Overridden => format!(
                "the objection to motion {id} ({kind}) is overridden: it takes effect in {due}, unless \
                 it is withdrawn"
            ),
        };
        self.alarm(text, &[], turn);
    }

    /// Tells in one word what took effect at once while this node was not there to hear of it (GOV-86).
    pub(super) fn tell_late(&mut self, turn: &mut Turn<'_>) {
        let Some(Late { mut said, touched }) = self.governor.late.take() else { return };
        if said.len() > 1 {
            let touched = touched.into_iter().collect::<Vec<_>>().join(", ");
            let (position, motions) = (self.state.position(), said.len());
            for text in std::mem::take(&mut said) {
                self.audit(text, &[], turn);
            }
            said.push(format!(
                "this node caught up to entry {position}: {motions} motions had taken effect at once; \
                 read them with `quorate charter log`: they touch {touched}"
            ));
        }
        for text in said {
            self.alarm(text, &[], turn);
        }
    }
}

/// Whom a motion touches, by name: people, services, custodians and nodes. Nobody where it is about a
/// key, the policy, times, or another motion.
fn touched(body: &MotionBody, before: &State) -> Vec<String> {
    let names: BTreeSet<Name> = match body {
        // What is said of where a node stands does nothing to it.
        MotionBody::Nodes(change) if change.faults.is_none() => {
            let does = |change: &&NodeChange| !matches!(change, NodeChange::Declare { .. });
            change.changes.iter().filter(does).map(|change| change.name().clone()).collect()
        }
        // How many may lie is about all of them.
        MotionBody::Nodes(change) => {
            let here = before.nodes().map(|node| node.name.clone());
            here.chain(change.names()).collect()
        }
        MotionBody::SeatGive { name, .. } => BTreeSet::from([name.clone()]),
        MotionBody::People(change) | MotionBody::Recover(change) => members(change, before),
        MotionBody::Thaw { barred, .. } => barred.iter().cloned().collect(),
        MotionBody::CustodySet { custody, .. } => {
            let (other, current) = (custody, before.custody());
            let (then, now) = (&other.custodians, &current.custodians);
            // Who restores with whom is about all of them.
            let same = other.seats == current.seats && other.keys == current.keys;
            let changed = then.iter().filter(|it| !same || !now.contains(it));
            let left = now.iter().filter(|it| !same || !then.contains(it));
            changed.chain(left).map(|custodian| custodian.name.clone()).collect()
        }
        MotionBody::ReleaseRequire { minimum } => {
            return vec![format!("every node that runs less than version {minimum}")];
        }
        _ => BTreeSet::new(),
    };
    names.iter().map(Name::to_string).collect()
}

/// Those who change, those who are in a team or were, and, where the rules change, who rules by them.
fn members(change: &PeopleChange, before: &State) -> BTreeSet<Name> {
    let mut names: BTreeSet<Name> = change.names().into_iter().collect();
    for one in &change.changes {
        if let Change::Team { name, members } = one {
            names.extend(members.iter().cloned());
            names.extend(before.teams().get(name).into_iter().flatten().cloned());
        }
    }
    if let Some(rules) = &change.rules {
        for rules in [rules, before.rules()] {
            names.extend(rules.administrators());
            names.extend(rules.guardians());
        }
    }
    names
}

/// Positions with which waits of motions began that are not over.
fn begun(state: &State) -> Vec<u64> {
    state.announced().flat_map(Announced::waits).map(|(position, _)| position).collect()
}
