//! Calls of people and services: what may be asked, who may ask, and the answers.
//!
//! A call is parsed and its statements are verified outside
//! [`Node::handle`](crate::node::Node::handle), by [`parse`]; the node answers with a type of the
//! contract or with an error that says whose fault it is. Reads need no lease: a node that
//! abstains still shows what it knows (RQS-06). Nothing waits inside the node: whoever waits for a request
//! watches [`Notice`](crate::event::Notice)s and asks again ([`Parsed::wait_ms`]).

mod answering;
mod parsing;
mod scope;

pub use parsing::{Parsed, parse};
pub use scope::out_of_scope;

use crate::drills::VerifiedDrill;
use crate::import::ImportAnswer;
use quorate_charter::{SignedCession, SignedFreeze, SignedMotion, State};
use quorate_client::contract as view;
use quorate_client::contract::{ErrorBody, RequestState};
use quorate_codec::Digest;
use quorate_derivation::Path;
use quorate_engine::PossessionAnswer;
use quorate_identity::{
    ActorId, CredentialSignature, Head, MotionId, Name, PersonId, RecoveryKeyId, RequestId,
};
use quorate_policy::request::{VerifiedApproval, VerifiedCancellation, VerifiedRequest};
use serde::Serialize;

/// Who calls: somebody of the charter whose signature under the call was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Nobody: the node reads for itself.
    actor: Option<ActorId>,
    may_write: bool,
    /// The keys about which the caller reads; nothing: all.
    reads: Option<Vec<Name>>,
}

impl Caller {
    /// The caller, if the charter knows it. Auditors and operators read only.
    pub fn new(state: &State, actor: ActorId) -> Option<Self> {
        let (may_write, reads) = match &actor {
            ActorId::Service(id) => state.service(id).map(|_| (true, None))?,
            ActorId::Person(id) => {
                let roles = &state.person(id)?.roles;
                let may_write = roles.administrator || roles.approver || roles.guardian;
                (may_write, roles.reads.clone())
            }
        };
        Some(Self { actor: Some(actor), may_write, reads })
    }

    /// The node itself, which reads everything and writes nothing.
    pub fn of_node() -> Self {
        Self { actor: None, may_write: false, reads: None }
    }

    /// The caller's id; nothing: the node itself.
    pub fn actor(&self) -> Option<ActorId> {
        self.actor
    }

    /// Whether the caller reads about all keys.
    pub fn reads_all(&self) -> bool {
        self.reads.is_none()
    }
}

/// What is wanted. One variant a route of the contract that the node itself answers.
#[derive(Debug)]
pub enum Call {
    /// Who is alive, which keys can sign, what is missing.
    Status,
    /// Domain, genesis and head.
    Charter,
    /// The genesis with all signatures.
    Genesis,
    /// Certified entries after a position.
    Entries {
        /// The position; 0 for the first page.
        after: u64,
    },
    /// Nodes, people and services.
    Roster,
    /// Who restores what is lost.
    Custody,
    /// Brings a custodian's answer to this node's challenge.
    ShowPossession {
        /// Of which recovery key.
        key: RecoveryKeyId,
        /// The answer; the node compares it.
        answer: PossessionAnswer,
    },
    /// Brings a drill in which custodians restored a canary.
    RecordDrill(Box<VerifiedDrill>),
    /// Freezes that count.
    Freezes,
    /// Stops signing.
    Freeze(SignedFreeze),
    /// Successions that are announced.
    Cessions,
    /// Announces one.
    Announce(Box<SignedCession>),
    /// All motions.
    Motions,
    /// One motion.
    Motion(MotionId),
    /// Files a motion.
    SubmitMotion(SignedMotion),
    /// Adds the caller's signature to a motion.
    SignMotion {
        /// The motion.
        motion: MotionId,
        /// Who signs: the caller.
        person: PersonId,
        /// The signature; the node verifies it.
        signature: CredentialSignature,
    },
    /// All keys.
    Keys,
    /// One key.
    Key(Name),
    /// A key's certified epoch record.
    EpochRecord(Name),
    /// Where a backup of a key lies.
    Bundle {
        /// The key.
        key: Name,
        /// The digest of the bundle, as the record names it.
        bundle: Digest,
    },
    /// Where this node's part of a key lies that is given to somebody.
    ExportPart {
        /// The key.
        key: Name,
        /// The entry by which its export took effect, by the head that it made.
        export: Head,
    },
    /// The epochs of a key.
    Epochs(Name),
    /// What is under way for keys.
    Ceremonies,
    /// What is under way for one key.
    Ceremony(Name),
    /// Tries again at once what is under way for a key.
    RetryCeremony(Name),
    /// What the importer of a key needs.
    ImportOffer(Name),
    /// Brings what the importer of a key dealt.
    SubmitImport {
        /// The key.
        key: Name,
        /// The importer's messages; the node verifies them.
        answer: Box<ImportAnswer>,
    },
    /// The certificate that an epoch of a key was handed on.
    Handover {
        /// The key.
        key: Name,
        /// Which epoch; the newest if nothing.
        epoch: Option<u64>,
    },
    /// A child of an account of a key.
    ChildKey {
        /// The key.
        key: Name,
        /// Which account.
        account: u16,
        /// Which child.
        path: Path,
    },
    /// An account of a key as wallets read it.
    Xpub {
        /// The key.
        key: Name,
        /// Which account.
        account: u16,
        /// For which network, as it was asked for.
        network: String,
    },
    /// The policy in force.
    Policy,
    /// The newest requests.
    Requests {
        /// Only those in this state.
        state: Option<RequestState>,
    },
    /// One request.
    Request(RequestId),
    /// Files a request.
    SubmitRequest {
        /// The request, its signature verified.
        request: Box<VerifiedRequest>,
        /// Names this filing.
        idempotency: Option<String>,
    },
    /// Approves or rejects.
    Vote(Box<VerifiedApproval>),
    /// Takes a request back.
    Cancel(Box<VerifiedCancellation>),
    /// The receipt of a signed request.
    Receipt(RequestId),
    /// Everything that the node can prove.
    EvidenceList,
    /// A piece of evidence as a file.
    Evidence(Digest),
    /// The newest lines of the audit trail.
    Audit,
}

/// Where a bundle lies among the rows of backups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BundlePlace {
    /// Key of the row.
    pub row: Vec<u8>,
    /// Its place in the row, from 0.
    pub at: usize,
}

/// The answer to a call: a type of the contract, or what went wrong and whose fault it is.
pub type Answer = Result<View, ErrorBody>;

/// A successful answer; serialises as the type of the contract that it holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[allow(missing_docs, reason = "each variant is the type of the contract that it holds")]
pub enum View {
    Status(view::Status),
    Charter(view::Charter),
    Genesis(view::GenesisAnswer),
    Entries(view::EntryPage),
    Roster(view::RosterAnswer),
    Custody(Box<view::CustodyView>),
    Motions(Vec<view::MotionView>),
    Freezes(Vec<view::FreezeView>),
    Cessions(Vec<view::CessionView>),
    Motion(Box<view::MotionView>),
    Keys(Vec<view::KeyView>),
    Key(Box<view::KeyView>),
    EpochRecord(view::EpochRecordAnswer),
    /// No type of the contract: who drives the node reads the row and answers with the bundle.
    Bundle(BundlePlace),
    /// The key of a row, as above.
    ExportPart(Vec<u8>),
    Epochs(Vec<view::EpochView>),
    Ceremonies(Vec<view::CeremonyView>),
    ImportOffer(view::ImportOfferAnswer),
    Handover(view::HandoverAnswer),
    ChildKey(Box<view::ChildKeyView>),
    Xpub(Box<view::XpubView>),
    Policy(Box<view::PolicyView>),
    Requests(Vec<view::RequestView>),
    Request(Box<view::RequestView>),
    Receipt(view::ReceiptAnswer),
    EvidenceList(Vec<view::EvidenceView>),
    Evidence(view::EvidenceAnswer),
    Audit(view::Audit),
}
