//! Motions and rejoins on their way into the log.

use super::Governor;
use crate::durable::{Table, Write};
use crate::event::{Barrier, Millis};
use crate::limits;
use crate::node::{Node, Turn};
use crate::seats::check_seat_motion;
use crate::wire::Message;
use quorate_charter::{MotionBody, MotionError, MotionStatus, SignedMotion, SignedRejoin};
use quorate_identity::{MotionId, NodeId};

impl Node {
    /// Takes a motion, or further signatures for one, and tells everybody what is new.
    pub(crate) fn on_motion(
        &mut self,
        motion: SignedMotion,
        turn: &mut Turn<'_>,
    ) -> Result<MotionId, MotionError> {
        let id = motion.id();
        if self.state.has_placed(&id) {
            return Ok(id);
        }
        let mut merged = match self.governor.motions.get(&id) {
            Some(known) => known.clone(),
            None if !self.has_room_for(&motion) => return Err(MotionError::TooMany),
            None => motion.unsigned(),
        };
        if !merged.merge(&motion) {
            return match self.governor.motions.contains_key(&id) {
                true => Ok(id),
                // Nobody's motion yet: it needs a first signature.
                false => Err(MotionError::Unauthorised(self.state.missing_for(&motion))),
            };
        }
        self.state.check_motion(&motion, turn.now)?;
        self.check_import_motion(&motion)?;
        self.check_custody_motion(&motion)?;
        check_seat_motion(&motion)?;
        self.check_export_motion(&motion)?;
        self.check_restore_motion(&motion)?;
        if !self.governor.motions.contains_key(&id) {
            self.check_policy_motion(&motion)?;
        }
        let key: &[u8] = id.as_ref();
        turn.out.writes.push(Write::put(Table::Motion, key, quorate_codec::to_bytes(&merged)));
        turn.out.barrier = Barrier::Full;
        self.broadcast(&Message::Motion(merged.clone()), turn);
        self.governor.motions.insert(id, merged);
        self.look_at_custody(turn);
        self.propose_next(turn);
        Ok(id)
    }

    /// Whether one of those who signed a new motion has few that wait. Nobody takes others' room: who
    /// fills their own neither keeps an objection out nor their own removal (GOV-16).
    fn has_room_for(&self, motion: &SignedMotion) -> bool {
        let signed = |motion: &SignedMotion, person| {
            motion.signatures.iter().any(|(signer, _)| signer == person)
        };
        motion.signatures.iter().any(|(person, _)| {
            let waiting = self.governor.motions.values().filter(|known| signed(known, person));
            waiting.count() < limits::MOTIONS_PER_SIGNER_MAX
        })
    }

    /// A lapsed node asks to come back.
    pub(crate) fn on_rejoin(&mut self, rejoin: SignedRejoin, turn: &mut Turn<'_>) {
        if self.state.check_rejoin(&rejoin).is_err() {
            return;
        }
        let node = rejoin.node();
        let count = rejoin.body().incarnation.count;
        let known = self.governor.rejoins.get(&node);
        if known.is_some_and(|known| known.body().incarnation.count >= count) {
            return;
        }
        self.governor.rejoins.insert(node, rejoin.clone());
        self.broadcast(&Message::Rejoin(rejoin), turn);
        self.governor.due_at = self.next_due(turn.now);
        self.propose_next(turn);
    }

    /// When a node may come back by this node's clock: not soon after it did. Each time every key is
    /// shared anew, so whoever lies would keep all busy (GOV-34).
    pub(super) fn rejoin_due(&self, node: &NodeId) -> Millis {
        let last = self.governor.came_back.get(node);
        last.map_or(0, |at| at.saturating_add(limits::REJOIN_PAUSE_MS))
    }

    /// Where every motion stands that is not an entry. What can never become one any more is
    /// forgotten. Signatures are verified the first time alone: this is asked at every entry and
    /// every motion, and there may be many.
    pub(super) fn sift_motions(&mut self, turn: &mut Turn<'_>) -> Vec<(MotionId, MotionStatus)> {
        let Governor { motions, verified, .. } = &mut self.governor;
        verified.retain(|id| motions.contains_key(id));
        let (mut standing, mut dead) = (Vec::new(), Vec::new());
        for (id, motion) in motions.iter() {
            verified.learn(&self.state, motion);
            match self.state.check_known_motion(motion, turn.now, verified) {
                Ok(status) => standing.push((*id, status)),
                Err(_) => dead.push(*id),
            }
        }
        for id in dead {
            let key: &[u8] = id.as_ref();
            turn.out.writes.push(Write::delete(Table::Motion, key));
            let motion = self.governor.motions.remove(&id);
            let motion = motion.filter(|_| !self.state.has_placed(&id));
            self.governor.over.extend(motion);
            if self.governor.over.len() > limits::MOTIONS_OVER_MAX {
                self.governor.over.pop_front();
            }
        }
        standing
    }

    /// A motion as it is filed: a policy that it sets compiles, passes its own table, and asks for
    /// people who are there (POL-15, POL-16).
    fn check_policy_motion(&self, motion: &SignedMotion) -> Result<(), MotionError> {
        let MotionBody::PolicySet { bundle } = &motion.body().body else { return Ok(()) };
        let vetted = quorate_policy::vet(bundle, &self.state);
        vetted.map(|_| ()).map_err(|error| MotionError::Policy(error.to_string()))
    }
}
