//! What a caller reads who reads about some keys alone (GOV-78): of other keys this node says no more
//! than the charter, which is everybody's.

use super::{Call, Caller, View};
use crate::node::Node;
use crate::views::{unknown_evidence, unknown_key, unknown_request};
use quorate_charter::Instance;
use quorate_client::contract::{ErrorBody, ErrorCode};
use quorate_codec::Digest;
use quorate_identity::{Name, RequestId};

impl Caller {
    /// Whether the caller reads about a key.
    pub(crate) fn reads(&self, key: &Name) -> bool {
        self.reads.as_ref().is_none_or(|keys| keys.binary_search(key).is_ok())
    }
}

impl Node {
    /// Refuses a call about what the caller does not read, as if it were not there.
    pub(super) fn check_scope(&self, caller: &Caller, call: &Call) -> Result<(), ErrorBody> {
        if caller.reads_all() {
            return Ok(());
        }
        match call.about() {
            About::Key(key) if !caller.reads(key) => Err(unknown_key()),
            About::Request(id) if !self.is_read(caller, id) => Err(unknown_request()),
            About::Evidence(id) if !self.is_evidence_read(caller, id) => Err(unknown_evidence()),
            About::Everything => Err(out_of_scope()),
            About::Key(_) | About::Request(_) | About::Evidence(_) => Ok(()),
            About::Charter | About::Lists => Ok(()),
        }
    }

    fn is_evidence_read(&self, caller: &Caller, id: &Digest) -> bool {
        let Some(kept) = self.evidence.get(id) else { return false };
        match kept.finding.instance {
            Instance::Position(_) => true,
            Instance::Attempt { key, .. } => {
                self.state.key(&key).is_some_and(|order| caller.reads(&order.name))
            }
        }
    }

    fn is_read(&self, caller: &Caller, request: &RequestId) -> bool {
        let key = self.requests.book(request).map(|book| book.request.body().key);
        let order = key.and_then(|key| self.state.key(&key));
        order.is_some_and(|order| caller.reads(&order.name))
    }
}

/// What tells of all keys at once is not for those who read about some.
pub fn out_of_scope() -> ErrorBody {
    let message = "this is for those who read about all keys";
    let next = "ask an auditor who does, or look at `quorate charter log`";
    ErrorBody::new(ErrorCode::Forbidden, message, next)
}

/// What a call is about: by that it is decided who may make it.
enum About<'a> {
    /// The charter and what people want of it, which are everybody's.
    Charter,
    /// Several keys, of which each caller is shown those that they read about, by
    /// [`for_caller`](View::for_caller).
    Lists,
    /// One key.
    Key(&'a Name),
    /// One request, of one key.
    Request(&'a RequestId),
    /// One piece of evidence, perhaps of one key.
    Evidence(&'a Digest),
    /// What is only for those who read about all keys.
    Everything,
}

impl Call {
    /// Each call is named here, so that of a new one somebody decides who may make it.
    fn about(&self) -> About<'_> {
        match self {
            Self::Charter
            | Self::Genesis
            | Self::Entries { .. }
            | Self::Roster
            | Self::Custody
            | Self::ShowPossession { .. }
            | Self::RecordDrill(_)
            | Self::Cessions
            | Self::Announce(_)
            | Self::Motions
            | Self::Motion(_)
            | Self::SubmitMotion(_)
            | Self::SignMotion { .. }
            | Self::Policy => About::Charter,
            Self::Status
            | Self::Freezes
            | Self::Freeze(_)
            | Self::Keys
            | Self::Ceremonies
            | Self::Requests { .. }
            | Self::EvidenceList => About::Lists,
            Self::Key(key)
            | Self::EpochRecord(key)
            | Self::Bundle { key, .. }
            | Self::ExportPart { key, .. }
            | Self::Epochs(key)
            | Self::Ceremony(key)
            | Self::RetryCeremony(key)
            | Self::ImportOffer(key)
            | Self::SubmitImport { key, .. }
            | Self::Handover { key, .. }
            | Self::ChildKey { key, .. }
            | Self::Xpub { key, .. } => About::Key(key),
            Self::Request(id) | Self::Receipt(id) => About::Request(id),
            Self::Evidence(id) => About::Evidence(id),
            // Its lines tell of everything that happens here.
            Self::Audit => About::Everything,
            // Whoever files or votes reads about all keys.
            Self::SubmitRequest { .. } | Self::Vote(_) | Self::Cancel(_) => About::Everything,
        }
    }
}

impl View {
    /// What of it the caller reads.
    pub(super) fn for_caller(mut self, caller: &Caller) -> Self {
        match &mut self {
            Self::Status(status) => status.keys.retain(|it| caller.reads(&it.name)),
            Self::Keys(keys) => keys.retain(|it| caller.reads(&it.key)),
            Self::Ceremonies(views) => views.retain(|it| caller.reads(&it.key)),
            Self::EvidenceList(views) => {
                views.retain(|it| it.key.as_ref().is_none_or(|key| caller.reads(key)));
            }
            Self::Freezes(views) => {
                views.retain(|it| it.key.as_ref().is_none_or(|key| caller.reads(key)));
            }
            // Decided before it was looked up; the newest requests are chosen of those that are read.
            Self::Requests(_)
            | Self::Key(_)
            | Self::EpochRecord(_)
            | Self::Bundle(_)
            | Self::ExportPart(_)
            | Self::Epochs(_)
            | Self::ImportOffer(_)
            | Self::Handover(_)
            | Self::ChildKey(_)
            | Self::Xpub(_)
            | Self::Request(_)
            | Self::Receipt(_)
            | Self::Evidence(_)
            | Self::Audit(_) => {}
            // The charter, and what people want of it.
            Self::Charter(_)
            | Self::Genesis(_)
            | Self::Entries(_)
            | Self::Roster(_)
            | Self::Custody(_)
            | Self::Motions(_)
            | Self::Motion(_)
            | Self::Cessions(_)
            | Self::Policy(_) => {}
        }
        self
    }
}
