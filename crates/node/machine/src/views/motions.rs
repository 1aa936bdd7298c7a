//! Motions as callers see them.

use super::unknown_motion;
use crate::node::Node;
use quorate_charter::{Announced, EntryBody, Fate, MotionBody, SignedMotion, effect};
use quorate_client::contract::{ErrorBody, MotionState, MotionView};
use quorate_identity::MotionId;

impl Node {
    /// All motions: those in the log, those that are over, those that collect signatures.
    pub(crate) fn view_motions(&self, now: u64) -> Vec<MotionView> {
        let placed = self.governor.log().iter().filter_map(|entry| match &entry.entry().body {
            EntryBody::Motion(motion) => Some((motion, Some(entry.position()))),
            EntryBody::Rejoin(_) | EntryBody::Enact(_) => None,
        });
        let over = self.governor.over().map(|motion| (motion, None));
        let open = self.governor.motions().map(|motion| (motion, None));
        let all = placed.chain(over).chain(open);
        all.map(|(motion, position)| self.motion_view(motion, position, now)).collect()
    }

    /// One motion.
    pub(crate) fn view_motion(&self, id: &MotionId, now: u64) -> Result<MotionView, ErrorBody> {
        let known = match self.governor.motion(id) {
            Some(motion) => Some((motion, None)),
            None => self.governor.placed(id).map(|(motion, position)| (motion, Some(position))),
        };
        let view = known.map(|(motion, position)| self.motion_view(motion, position, now));
        view.ok_or_else(unknown_motion)
    }

    fn motion_view(&self, signed: &SignedMotion, position: Option<u64>, now: u64) -> MotionView {
        let motion = signed.body();
        let missing = self.state.missing_for(signed).filter(|_| position.is_none());
        let announced = self.state.announcement(&signed.id());
        let state = match position {
            Some(_) => match self.state.fate(&signed.id()) {
                Some(Fate::Announced) => match announced.is_some_and(Announced::is_objected) {
                    true => MotionState::Objected,
                    false => MotionState::Announced,
                },
                Some(Fate::Withdrawn(_)) => MotionState::Withdrawn,
                Some(Fate::Superseded(_)) => MotionState::Superseded,
                Some(Fate::Enacted(_)) | None => MotionState::Enacted,
            },
            None if motion.expiry_ms <= now => MotionState::Expired,
            None if self.governor.is_over(&signed.id()) => MotionState::Superseded,
            None if missing.is_some() => MotionState::Collecting,
            None => MotionState::Deciding,
        };
        let is_open = matches!(state, MotionState::Deciding | MotionState::Announced);
        let waits_for = match &motion.body {
            MotionBody::Nodes(change) if is_open => {
                self.behind_for(change).map(|why| why.to_string())
            }
            MotionBody::ReleaseRequire { minimum } if is_open => self.lacking_for(minimum),
            MotionBody::KeyExport { recipient: Some(recipient), .. }
                if is_open && !self.is_key_shown(&recipient.key_id()) =>
            {
                Some(format!("{} has to show this node the recovery key", recipient.name))
            }
            _ => None,
        };
        let needed = missing.as_ref().map_or(0, quorate_access::Tree::fewest);
        MotionView {
            motion: signed.id(),
            state,
            signed_by: self.people_named(signed.signatures.iter().map(|(person, _)| person)),
            needed: u32::try_from(needed).unwrap_or(u32::MAX),
            missing: missing.map(|tree| tree.to_string()),
            kind: motion.kind().to_owned(),
            effect: effect(motion, &self.state),
            expires_ms: motion.expiry_ms,
            position,
            due_ms: announced.and_then(|announced| self.due_here(announced)),
            objected_by: announced
                .and_then(|announced| announced.objection)
                .and_then(|objection| self.state.person(&objection.by))
                .map(|person| person.name.clone()),
            waits_for,
            bytes: signed.bytes().to_vec().into(),
        }
    }
}
