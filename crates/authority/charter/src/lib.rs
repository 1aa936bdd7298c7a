//! The charter: the governance log of a domain, and the statements that hold it together.
//!
//! ```text
//! people sign a motion ──► nodes agree on the entry that places it ──► every node applies it
//!   Motion, SignedMotion      Agreement, Decided, CertifiedEntry          State::apply
//! ```
//!
//! Whatever enters goes through the same four verbs. It is *well-formed* (decoded strictly,
//! within [`limits`]), *verified* (every signature and rule, against the state before),
//! *applied* (a pure step from one [`State`] to the next) and *stored*, which is the caller's
//! business. A [`VerifiedEntry`] can only come from [`State::verify_entry`], so nothing else can
//! be applied.
//!
//! - [`Genesis`] founds a domain; [`GenesisFile`] collects the signatures of all who found it.
//! - [`Motion`] is what people sign, [`Entry`] what nodes agree on, [`verify_log`] replays all.
//! - [`Agreement`] is the one agreement primitive; it decides positions of the log and outcomes
//!   of attempts at a key's epoch ([`AttemptOutcome`]).
//! - [`Hello`], [`Welcome`] and [`Rejoin`] say which incarnation of a node stands where.
//!
//! What this crate does not do: it knows no policy language and no curve. Policies and
//! commitments are opaque bytes here; who needs their meaning checks it before a vote. See
//! `spec/charter.md` and `spec/agreement.md`.

mod agreement;
mod cession;
mod custody;
mod enrolment;
mod entry;
mod epoch;
mod exact;
mod export;
mod few;
mod freeze;
mod genesis;
mod imported;
pub mod limits;
mod line;
mod log;
mod member;
mod motion;
mod origin;
mod presence;
mod rules;
mod seat;
mod state;
mod statement;
mod succession;

pub use agreement::{
    Agreement, BallotBody, BallotError, Decided, DecidedError, Effects, Evidence, Input, Instance,
    Lock, LockKeys, Phase, SignedBallotMessage, Validity, Votes, quorum,
};
pub use cession::{Cession, CessionError, CessionStatus, SignedCession};
pub use custody::{Custodian, Custody, CustodyError, CustodyTree, UnknownTree};
pub use enrolment::{Enrolment, Role, SignedEnrolment};
pub use entry::{CertifiedEntry, Entry, EntryBody, EntryError, ProposedEntry, VerifiedEntry};
pub use epoch::{
    AbortStatement, AccountRecord, AttemptOutcome, AttemptPlan, Backup, EpochRecord,
    EpochStatement, EpochStep, KeyBackup, PreparedStatement, SignedEpochStatement, has_commit_set,
};
pub use export::{Export, ExportError, ExportStatement, Recipient, SignedExportStatement};
pub use freeze::{Freeze, FreezeError, FreezeScope, SignedFreeze};
pub use genesis::{
    Genesis, GenesisError, GenesisFile, GenesisPerson, GenesisService, Missing, Roles, RolesError,
    Settings,
};
pub use imported::{Imported, is_same_key};
pub use log::{LogError, Replay, verify_log};
pub use member::{Authenticators, Member, MemberError, MemberKind, SignedMember};
pub use motion::{
    Change, Declaration, Motion, MotionBody, MotionError, MotionStatus, NodeChange, NodesChange,
    NodesError, Object, PeopleChange, PeopleError, RefreshSchedule, SignedMotion, Span, Standing,
    Window, body_effect, effect, most_accounts, most_faults,
};
pub use origin::{Origin, Restored, Summand, Summands};
pub use presence::{
    Hello, Incarnation, Program, Recognition, Rejoin, RejoinError, SignedHello, SignedRejoin,
    SignedWelcome, Welcome,
};
pub use rules::{Matter, Recovery, Rule, Rules, RulesError, UnknownMatter};
pub use seat::{Ask, Seat, SeatClaim, SignedSeatClaim};
pub use state::{
    Actor, Ahead, Announced, Electorate, Fate, Goal, KeyOrder, LookAhead, Node, Objection, Person,
    Service, Sharing, State,
};
pub use statement::{DomainStatement, NodeStatement, Signed, StatementError};
pub use succession::Succession;
