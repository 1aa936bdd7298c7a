//! A node that lies behind its own past: restored from an old copy, it abstains until the
//! charter takes it back.

use crate::durable::{Table, Write};
use crate::event::Barrier;
use crate::limits;
use crate::node::{Node, Turn};
use crate::presence::hello::is_other_line;
use crate::wire::Message;
use minicbor::{Decode, Encode};
use quorate_charter::{Hello, Incarnation, Rejoin, SignedRejoin};
use quorate_codec::Canonical;

/// That this node was found behind its own past. Durable until the charter takes it back.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Lapse {
    #[n(0)]
    version: u8,
    /// What was found.
    #[n(1)]
    pub reason: String,
    /// The operator wants the node back.
    #[n(2)]
    pub wants_back: bool,
    /// The incarnations that asked to come back: the entry names one of them.
    #[n(3)]
    asked_as: Vec<Incarnation>,
}

impl Canonical for Lapse {
    const BYTES_MAX: usize = 4_096;
}

/// Key of the row that holds a lapse.
pub(crate) const LAPSE_ROW: &[u8] = b"lapse";

impl Node {
    /// Somebody shows our own statement: believed only if it is ours and lies ahead of what this
    /// node knows of itself (NOD-14). Its signature was checked.
    pub(super) fn consider_lapse(&mut self, evidence: &Hello, turn: &mut Turn<'_>) {
        let now = Hello {
            incarnation: self.incarnation,
            head: self.state.head(),
            position: self.state.position(),
            highest_vote: self.governor.highest_vote(),
            ..evidence.clone()
        };
        if evidence.node == self.me && evidence.lies_ahead_of(&now) {
            let reason = format!(
                "this node's data is an old copy: it is at start {}, position {}, its last vote at \
                 {}; it was seen at start {}, position {}, its last vote at {}",
                now.incarnation.count,
                now.position,
                now.highest_vote,
                evidence.incarnation.count,
                evidence.position,
                evidence.highest_vote,
            );
            self.fall_behind(reason, turn);
        }
    }

    /// This node lies behind its own past: it abstains, and its one-time material is void.
    fn fall_behind(&mut self, reason: String, turn: &mut Turn<'_>) {
        if self.presence.lapse.is_some() {
            return;
        }
        self.presence.attested.clear();
        let lapse =
            Lapse { version: 1, reason: reason.clone(), wants_back: false, asked_as: Vec::new() };
        store(&lapse, turn);
        self.presence.lapse = Some(lapse);
        self.fail_all_sessions("this node is lapsed", turn);
        self.leave_ceremonies();
        self.void_pairs(turn);
        self.alarm(format!("lapsed: {reason}"), &[], turn);
    }

    /// The operator wants a lapsed node back: it asks the voters, who place that in the charter
    /// without it (NOD-16).
    pub(crate) fn ask_back(&mut self, turn: &mut Turn<'_>) {
        let incarnation = self.incarnation;
        let Some(lapse) = self.presence.lapse.as_mut().filter(|lapse| lapse.wants_back) else {
            return;
        };
        if !lapse.asked_as.contains(&incarnation) {
            lapse.asked_as.push(incarnation);
            let surplus = lapse.asked_as.len().saturating_sub(limits::REJOINS_ASKED_MAX);
            lapse.asked_as.drain(..surplus);
            store(lapse, turn);
        }
        let rejoin = Rejoin {
            version: 1,
            genesis: self.state.genesis(),
            node: self.me,
            incarnation,
            head: self.state.head(),
        };
        self.broadcast(&Message::Rejoin(SignedRejoin::sign(rejoin, &self.secrets)), turn);
    }

    /// An entry takes a node back: from here on its past counts anew.
    pub(crate) fn on_rejoined(&mut self, rejoin: &Rejoin, turn: &mut Turn<'_>) {
        if rejoin.node != self.me {
            self.presence.heard.remove(&rejoin.node);
            self.presence.remembered.remove(&rejoin.node);
            let key: &[u8] = rejoin.node.as_ref();
            turn.out.writes.push(Write::delete(Table::Peer, key));
            return;
        }
        let lapse = self.presence.lapse.as_ref();
        if lapse.is_some_and(|lapse| lapse.asked_as.contains(&rejoin.incarnation)) {
            self.presence.lapse = None;
            turn.out.writes.push(Write::delete(Table::Meta, LAPSE_ROW));
            turn.out.barrier = Barrier::Full;
            self.audit("this node is back".into(), &[], turn);
        } else if is_other_line(&rejoin.incarnation, &self.incarnation) {
            self.fall_behind("the charter took a later start of this node back".into(), turn);
        }
    }
}

impl Lapse {
    /// The row of a lapse whose operator wants the node back.
    pub fn wanting_back(mut self) -> Write {
        self.wants_back = true;
        self.row()
    }

    fn row(&self) -> Write {
        Write::put(Table::Meta, LAPSE_ROW, quorate_codec::to_bytes(self))
    }
}

fn store(lapse: &Lapse, turn: &mut Turn<'_>) {
    turn.out.writes.push(lapse.row());
    turn.out.barrier = Barrier::Full;
}
