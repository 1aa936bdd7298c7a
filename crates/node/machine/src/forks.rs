//! Two certified decisions about one thing prove that more voters lie than the domain tolerates
//! (`spec/agreement.md`, AGR-12). Who holds them stops for good and tells everybody both, so that
//! each verifies them itself and stops as well; nobody's word is needed, and no quorum.

use crate::ceremonies::Found;
use crate::durable::{Table, Write};
use crate::event::Barrier;
use crate::evidence::Evidence;
use crate::node::{Node, Turn};
use crate::wire::Message;
use minicbor::{Decode, Encode};
use quorate_charter::Decided;
use quorate_codec::Canonical;
use quorate_identity::NodeId;

/// Key of the row that holds both decisions.
pub(crate) const FORK_ROW: &[u8] = b"fork";

/// What people are told.
const ADVICE: &str = "more nodes lie than this domain tolerates: keep its data as evidence, and \
    found anew with nodes you trust";

/// Two decisions about one thing.
#[derive(Debug, Clone, Encode, Decode)]
pub(crate) struct Fork {
    /// What this node acted on.
    #[n(0)]
    known: Decided,
    /// What it was shown.
    #[n(1)]
    other: Decided,
}

impl Canonical for Fork {
    const BYTES_MAX: usize = 2 * Decided::BYTES_MAX + 16;
}

impl Node {
    /// This node acted on one decision and is shown another one, which was verified.
    pub(crate) fn on_fork(&mut self, known: Decided, other: Decided, turn: &mut Turn<'_>) {
        if self.fork.is_some() {
            return;
        }
        self.prove_double_votes(&known, &other, turn);
        // Voters of before, or few of a time when fewer lies were borne, stop nobody.
        if !other.convicts(&self.state) {
            return;
        }
        let reason = format!("two certified decisions about {}; {ADVICE}", known.instance);
        let fork = Fork { known, other };
        turn.out.writes.push(Write::put(Table::Meta, FORK_ROW, quorate_codec::to_bytes(&fork)));
        turn.out.barrier = Barrier::Full;
        self.fork = Some(fork);
        for peer in self.presence.connected() {
            self.share_fork(peer, turn);
        }
        // Where it stopped for something else before, this is worse.
        self.halted = None;
        self.halt(reason, turn);
    }

    /// Who voted for both in one ballot is guilty, whether or not enough did to stop for.
    fn prove_double_votes(&mut self, known: &Decided, other: &Decided, turn: &mut Turn<'_>) {
        for twice in known.double_votes(other) {
            self.prove(Found::Here, Evidence::votes(twice), turn);
        }
    }

    /// Shows a peer both decisions: whichever it acted on, the other one stops it.
    pub(crate) fn share_fork(&mut self, peer: NodeId, turn: &mut Turn<'_>) {
        let Some(Fork { known, other }) = self.fork.clone() else { return };
        // A power cut may have come before that was stored.
        self.prove_double_votes(&known, &other, turn);
        for decided in [known, other] {
            self.send(peer, &Message::Decided(decided), turn);
        }
    }
}
