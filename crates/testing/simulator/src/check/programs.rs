//! 13. Who runs less than the charter requires, where it stands, takes part in nothing: it votes,
//!     decides, deals and signs nowhere any more, gives no key away, and recognises nobody.

use crate::disk::Disk;
use quorate_charter::{Program, State};
use quorate_identity::NodeId;
use quorate_machine::call::View;
use quorate_machine::durable::Table;
use quorate_machine::event::Output;
use quorate_machine::wire::{Message, SessionStep};
use std::collections::BTreeSet;

/// The law.
pub const LAW: &str = "13: who runs less than the charter requires takes part in nothing";

/// Votes, decisions and statements of epochs that nodes made: what they said before, they may tell again.
#[derive(Debug, Default)]
pub struct Programs(BTreeSet<(NodeId, Vec<u8>)>);

impl Programs {
    /// A disk as it is at the beginning: what its node said of epochs, it may tell again.
    pub fn begin(&mut self, node: NodeId, disk: &Disk) {
        let statements = disk.rows(Table::EpochRecord).filter(|(row, _)| row.starts_with(b"s"));
        let statements = statements.filter_map(|(_, value)| quorate_codec::from_bytes(value).ok());
        let frames = statements.map(|it| quorate_codec::to_bytes(&Message::Epoch(it)));
        self.0.extend(frames.map(|frame| (node, frame)));
    }

    /// How a node takes part that should not; `before`: where it stood when the event came that it
    /// answers.
    pub fn takes_part(
        &mut self,
        node: NodeId,
        program: &Program,
        before: &State,
        output: &Output,
    ) -> Option<String> {
        let frames = output.envelopes.iter().map(|envelope| &envelope.bytes);
        let says: Vec<&str> = frames.filter_map(|frame| self.says(node, frame)).collect();
        let gives = output.replies.iter().any(|it| matches!(it.answer, Ok(View::ExportPart(_))));
        let says = says.first().copied().or(gives.then_some("gives a key away"));
        let says = says.filter(|_| !before.allows(program))?;
        let version = &program.version;
        Some(format!("{node} runs {version}, which the charter does not allow, and {says}"))
    }

    /// What a frame says for the first time, in its sender's own name, that counts for something.
    fn says(&mut self, node: NodeId, frame: &[u8]) -> Option<&'static str> {
        let mut is_new = || self.0.insert((node, frame.to_vec()));
        match quorate_codec::from_bytes(frame).ok()? {
            Message::Welcome(_) => Some("recognises another"),
            Message::Ballot(it) => (it.voter() == node && is_new()).then_some("votes"),
            Message::Decision(it) => (it.node() == node && is_new()).then_some("decides"),
            Message::Epoch(it) => (it.node() == node && is_new()).then_some("confirms an epoch"),
            Message::Deal(_) | Message::Pair(_) => Some("deals"),
            Message::Session(it) => (it.step != SessionStep::Abort).then_some("signs"),
            _ => None,
        }
    }
}
