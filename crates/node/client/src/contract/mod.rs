//! Types of the public contract. Field names are part of it: fields may be added, never renamed
//! or removed (API-01). Binary is lower-case 0x-hex, amounts are decimal strings.

mod answer;
mod bench;
pub mod call;
mod cession;
mod charter;
mod custody;
mod derived;
mod domain;
mod error;
mod evidence;
mod freeze;
mod hex_bytes;
mod key;
mod motion;
mod openapi;
mod policy;
mod request;
pub mod routes;
mod status;

pub use answer::{Accounts, Audit, AuditLine, Notice, Totals};
pub use bench::{Bench, ByPart, RefreshBench};
pub use cession::{CessionView, SubmitCession};
pub use charter::{
    Charter, CharterEntry, EntryPage, GenesisAnswer, RosterAnswer, RosterNode, RosterPerson,
    RosterService,
};
pub use custody::{
    BundleAnswer, CustodianView, CustodyView, DrillView, LastDrill, RecordDrill, ShowPossession,
};
pub use derived::{ChildKeyView, DescriptorView, XPUB_WARNING, XpubError, XpubView};
pub use domain::{DemoEnd, Denial, DomainFile, DomainNode, NodeRole, NodeStanding, Outage, Ready};
pub use error::{ErrorAnswer, ErrorBody, ErrorCode, Fault};
pub use evidence::{EvidenceAnswer, EvidenceView};
pub use freeze::{FreezeView, SubmitFreeze};
pub use hex_bytes::HexBytes;
pub use key::{
    Addresses, CeremonyKind, CeremonyNode, CeremonyPhase, CeremonyView, EXPORTED,
    EpochRecordAnswer, EpochState, EpochView, ExportPartAnswer, ExportView, HandoverAnswer,
    IMPORTED, ImportOfferAnswer, KeyOrigin, KeyState, KeyView, RESTORED, SubmitImport,
    TEST_FUNDS_ONLY,
};
pub use motion::{MotionState, MotionView, SignMotion, SubmitMotion};
pub use openapi::openapi;
pub use policy::PolicyView;
pub use request::{
    ApprovalView, ArtifactView, DecisionView, Encoding, OutcomeView, ReceiptAnswer, RefusalView,
    RequestState, RequestView, SignatureView, SubmitRequest, SubmitStatement, VerdictView,
    WaitingView,
};
pub use status::{KeyStatus, NodeStatus, PresignatureStock, ProgramView, SessionFigures, Status};
