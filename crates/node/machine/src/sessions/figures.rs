//! How sessions went, by whom they were with (SES-12): no accusation, but who is always there when it
//! fails stands out. Silence is counted with what was proved, and others can cause it.

use super::{Blame, Session};
use quorate_client::contract::SessionFigures;
use quorate_identity::NodeId;
use std::collections::BTreeMap;

/// Figures of every node that was in a session with this one since it started: no more nodes than the
/// charter has had.
#[derive(Default)]
pub(crate) struct Figures(BTreeMap<NodeId, SessionFigures>);

impl Figures {
    /// A session is over, whatever came of it.
    pub(super) fn note_end(&mut self, me: &NodeId, session: &Session) {
        for member in session.terms.quorum.iter().filter(|member| *member != me) {
            self.0.entry(*member).or_default().sessions += 1;
        }
    }

    /// It failed.
    pub(super) fn note_failure(&mut self, me: &NodeId, session: &Session, blame: &Blame) {
        let broke: &[NodeId] = match blame {
            Blame::Nobody => return,
            Blame::Unknown => &[],
            Blame::Of(members) => members,
        };
        for member in session.terms.quorum.iter().filter(|member| *member != me) {
            let figures = self.0.entry(*member).or_default();
            figures.failed += 1;
            figures.broke += u64::from(broke.contains(member));
        }
    }

    /// Those of one node.
    pub fn of(&self, node: &NodeId) -> SessionFigures {
        self.0.get(node).copied().unwrap_or_default()
    }
}
