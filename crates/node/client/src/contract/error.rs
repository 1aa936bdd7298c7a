//! Errors at the human edge: what happened, whose fault it is, what to do next.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `{"error": …}`: the body of every answer that is not a success, and what the command line
/// prints on stderr with `--json` (API-03).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorAnswer {
    /// The error.
    pub error: ErrorBody,
}

/// One error. Texts never hold a secret and never quote bytes of a caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// Stable, for programs. Those of nodes are in [`ErrorCode`]; new ones may appear.
    pub code: String,
    /// Whose fault it is.
    pub fault: Fault,
    /// What happened.
    pub message: String,
    /// What to do next.
    pub next: String,
    /// Names of the nodes that are accused, where somebody is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub culprits: Vec<String>,
}

/// Whose fault an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// A node, or whoever made a file that came from elsewhere.
    Peer,
    /// Whoever called.
    Caller,
    /// The machine that reports the error: disk, clock, port, memory.
    Machine,
}

impl ErrorBody {
    /// An error of a node; `code` decides whose fault it is.
    pub fn new(code: ErrorCode, message: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            code: code.as_str().to_owned(),
            fault: code.fault(),
            message: message.into(),
            next: next.into(),
            culprits: Vec::new(),
        }
    }

    /// The same, accusing.
    #[must_use]
    pub fn with_culprits(mut self, culprits: Vec<String>) -> Self {
        self.culprits = culprits;
        self
    }
}

impl From<ErrorBody> for ErrorAnswer {
    fn from(error: ErrorBody) -> Self {
        Self { error }
    }
}

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal, $fault:ident;)*) => {
        /// Every error that a node's interface answers, with its HTTP status and its fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)*
        }

        impl ErrorCode {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The text in `code`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The HTTP status of the answer.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// Whose fault it is.
            pub fn fault(self) -> Fault {
                match self { $(Self::$name => Fault::$fault,)* }
            }
        }
    };
}

error_codes! {
    /// The call itself is malformed: body, header, parameter.
    BadCall = "bad_call", 400, Caller;
    /// The call's signature does not verify, or its signer is unknown (API-06).
    Unauthenticated = "unauthenticated", 401, Caller;
    /// The call's time lies outside the window around the node's clock (API-07).
    StaleCall = "stale_call", 401, Caller;
    /// The call's nonce was used before (API-08).
    ReplayedCall = "replayed_call", 401, Caller;
    /// The signer is known but may not do this.
    Forbidden = "forbidden", 403, Caller;
    /// No such path or method.
    UnknownCall = "unknown_call", 404, Caller;
    /// No key of that name.
    UnknownKey = "unknown_key", 404, Caller;
    /// No request of that id.
    UnknownRequest = "unknown_request", 404, Caller;
    /// The node keeps no such evidence.
    UnknownEvidence = "unknown_evidence", 404, Caller;
    /// The node keeps no such backup.
    UnknownBundle = "unknown_bundle", 404, Caller;
    /// The charter exports the key by no such entry.
    UnknownExport = "unknown_export", 404, Caller;
    /// No motion of that id.
    UnknownMotion = "unknown_motion", 404, Caller;
    /// No person or service of that id.
    UnknownActor = "unknown_actor", 404, Caller;
    /// No node of that name.
    UnknownNode = "unknown_node", 404, Caller;
    /// The key is ordered but not made yet.
    KeyNotReady = "key_not_ready", 409, Caller;
    /// The key was ended for ever.
    KeyRetired = "key_retired", 409, Caller;
    /// The node gives nothing of an exported key now.
    ExportNotReady = "export_not_ready", 409, Caller;
    /// There is no receipt: the request is not signed.
    NotSigned = "not_signed", 409, Caller;
    /// A signed statement is malformed, expired, of another domain or wrongly signed.
    BadStatement = "bad_statement", 400, Caller;
    /// The intent's bytes could not be read.
    BadIntent = "bad_intent", 400, Caller;
    /// A motion is malformed, not valid at this head, or its signer has no say.
    BadMotion = "bad_motion", 400, Caller;
    /// A freeze that does not count.
    BadFreeze = "bad_freeze", 400, Caller;
    /// An announcement of a succession that does not count.
    BadCession = "bad_cession", 400, Caller;
    /// An approval, rejection or cancellation was not taken.
    VoteRefused = "vote_refused", 409, Caller;
    /// The request has ended.
    RequestEnded = "request_ended", 409, Caller;
    /// The idempotency key was used for something else.
    IdempotencyConflict = "idempotency_conflict", 409, Caller;
    /// The body is longer than the call allows.
    TooLong = "too_long", 413, Caller;
    /// A limit of the node is reached; nothing was done.
    Busy = "busy", 503, Machine;
    /// The node does not take part now: no lease, lapsed, or its clock is off.
    NotServing = "not_serving", 503, Machine;
    /// Too few nodes answer.
    QuorumMissing = "quorum_missing", 503, Peer;
    /// A bug or a broken disk.
    Internal = "internal", 500, Machine;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn api_03_an_error_says_what_whose_and_what_next() {
        let error = ErrorBody::new(ErrorCode::UnknownKey, "no key spare", "see `key list`");
        let answer = ErrorAnswer::from(error.clone());
        assert_eq!(
            serde_json::to_value(&answer).unwrap(),
            serde_json::json!({"error": {"code": "unknown_key", "fault": "caller",
                "message": "no key spare", "next": "see `key list`"}}),
        );
        let accusing = ErrorAnswer::from(error.with_culprits(vec!["node-2".to_owned()]));
        let json = serde_json::to_value(&accusing).unwrap();
        assert_eq!(json["error"]["culprits"], serde_json::json!(["node-2"]));
        assert_eq!(serde_json::from_value::<ErrorAnswer>(json).unwrap(), accusing);
    }

    #[test]
    fn api_03_codes_are_distinct_and_client_errors_are_the_callers() {
        let texts: BTreeSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            assert_eq!(code.status() < 500, code.fault() == Fault::Caller, "{code:?}");
        }
    }
}
