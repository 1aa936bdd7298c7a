//! What goes into a node and what comes out of it.

use crate::call::{Answer, Call, Caller};
use crate::durable::Write;
use crate::ingress::Checked;
use crate::job::{Job, JobId, JobResult};
use quorate_identity::{Head, KeyId, NodeId, RequestId};

/// Milliseconds since 1970 on the node's own clock.
pub type Millis = u64;

/// Names a call until its reply is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// Something that happened to a node.
#[derive(Debug)]
pub enum Event {
    /// Time passed; the node asked to be woken.
    Tick,
    /// A channel to a node of the charter, authenticated by its transport key, is up.
    Connected(NodeId),
    /// The channel to a node is down.
    Disconnected(NodeId),
    /// A frame came over an authenticated channel and its statements were checked.
    Frame {
        /// The peer at the other end.
        from: NodeId,
        /// What it sent.
        frame: Box<Checked>,
    },
    /// A signed call came in; its signature was checked.
    Call {
        /// Names the reply.
        id: CallId,
        /// Who called.
        caller: Caller,
        /// What is wanted.
        call: Box<Call>,
    },
    /// A job is done, or was lost.
    JobDone {
        /// The job's name.
        id: JobId,
        /// What came of it.
        result: JobResult,
    },
}

/// What a node wants done after an event, in this order: writes, then everything else.
#[derive(Debug, Default)]
pub struct Output {
    /// Rows to change, all in one transaction.
    pub writes: Vec<Write>,
    /// Whether envelopes and replies must wait until the writes are durable.
    pub barrier: Barrier,
    /// Frames that promise nothing, and need not wait for the writes.
    pub early: Vec<Envelope>,
    /// Frames to send.
    pub envelopes: Vec<Envelope>,
    /// Arithmetic to run.
    pub jobs: Vec<Job>,
    /// Replies to calls.
    pub replies: Vec<Reply>,
    /// When the node wants its next [`Event::Tick`] at the latest.
    pub wake_at: Option<Millis>,
    /// Impossible or hostile things that an operator must see.
    pub alarms: Vec<Alarm>,
    /// What changed, for those who watch.
    pub notices: Vec<Notice>,
}

/// What envelopes and replies wait for (NOD-01, STO-10). Of several the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Barrier {
    /// Nothing: the writes may ride along with a later transaction.
    #[default]
    None,
    /// Until the writes are durable. A disk that loses power *and* then spoils the pages it wrote last
    /// may take a node back behind them: only for what nobody is harmed by if one node forgets it.
    Light,
    /// Until the writes are durable, so that no start goes back behind them, whatever the disk
    /// spoils.
    Full,
}

impl Barrier {
    /// Whether anything waits.
    pub fn holds(self) -> bool {
        self != Self::None
    }

    /// Waits for at least this.
    pub(crate) fn raise(&mut self, to: Self) {
        *self = (*self).max(to);
    }
}

/// A frame for one peer. Lost when there is no channel; every protocol repeats what matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The peer.
    pub to: NodeId,
    /// A canonical [`crate::wire::Message`].
    pub bytes: Vec<u8>,
}

/// The answer to a call.
#[derive(Debug)]
pub struct Reply {
    /// The call.
    pub id: CallId,
    /// The answer.
    pub answer: Answer,
}

/// Something an operator must see. The text names nodes and checks, never a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// What happened and why it should not have.
    pub text: String,
    /// Whom it accuses, with the evidence in the audit trail.
    pub culprits: Vec<NodeId>,
}

/// Something that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// A request has a new state, decision or approval.
    Request(RequestId),
    /// A request has ended.
    Ended(RequestId),
    /// The charter has a new head.
    Head(Head),
    /// A key has a new state.
    Key(KeyId),
}
