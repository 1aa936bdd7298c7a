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
        if caller.reads.is_none() {
            return Ok(());
        }
        if let Some(key) = call.key() {
            return if caller.reads(key) { Ok(()) } else { Err(unknown_key()) };
        }
        match call {
            Call::Request(id) | Call::Receipt(id) if !self.is_read(caller, id) => {
                Err(unknown_request())
            }
            Call::Evidence(id) if !self.is_evidence_read(caller, id) => Err(unknown_evidence()),
            // Its lines tell of everything that happens here.
            Call::Audit => Err(out_of_scope()),
            _ => Ok(()),
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

impl Call {
    /// The key that it is about, if it is about one.
    fn key(&self) -> Option<&Name> {
        match self {
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
            | Self::Xpub { key, .. } => Some(key),
            _ => None,
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
            _ => {}
        }
        self
    }
}
