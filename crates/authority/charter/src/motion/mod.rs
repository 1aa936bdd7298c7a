//! Motions: what people sign to change the charter.

mod effect;
mod nodes;
mod people;
mod schedule;
mod span;

pub use effect::{body_effect, effect};
pub use nodes::{Declaration, NodeChange, NodesChange, NodesError, Standing};
pub use people::{Change, PeopleChange, PeopleError};
pub use schedule::{RefreshSchedule, Window};
pub use span::Span;

use crate::custody::{Custody, CustodyError};
use crate::exact::{Exact, version_1};
use crate::export::{ExportError, Recipient};
use crate::few::few;
use crate::genesis::{RolesError, Settings};
use crate::imported::Imported;
use crate::limits::{
    ACCOUNT_BYTES, ACCOUNT_ROUND_BYTES, ACCOUNTS_MAX, KEYS_MAX, MOTION_BYTES_MAX,
    MOTION_LIFETIME_MS_MAX, MOTION_SIGNATURES_MAX, OUTCOME_BYTES, PEOPLE_MAX, POLICY_BYTES_MAX,
    PRESIGNATURES_MAX, RUN_BYTES_MAX, SHARES_OF_A_NODE_MAX, VALUE_BYTES_MAX,
};
use crate::origin::Restored;
use crate::seat::SignedSeatClaim;
use crate::state::{State, key_id};
use crate::statement::StatementError;
use minicbor::{Decode, Encode};
use quorate_access::Tree;
use quorate_codec::{Canonical, DecodeError, Digest, Transcript, tag};
use quorate_identity::{
    CredentialSignature, CredentialSigner, GenesisHash, KeyId, MotionId, Name, NodeId, PersonId,
    Scheme, SignerError,
};
use quorate_release::Version;
use std::fmt;
use std::sync::Arc;

/// What people sign: never a position or a predecessor, so that another entry does not void
/// signatures that took days to collect. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Motion {
    /// Version of this form: 1.
    #[cbor(n(0), decode_with = "version_1")]
    pub version: u8,
    /// The domain.
    #[n(1)]
    pub genesis: GenesisHash,
    /// What changes.
    #[n(2)]
    pub body: MotionBody,
    /// The versions that what it touches must have, ascending.
    #[n(3)]
    pub expects: Vec<(Object, u64)>,
    /// Fresh random bytes.
    #[n(4)]
    pub nonce: Digest,
    /// When it ends, in milliseconds since 1970.
    #[n(5)]
    pub expiry_ms: u64,
}

/// What a motion changes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum MotionBody {
    /// Orders a new key.
    #[n(0)]
    KeyCreate {
        /// The key's name.
        #[n(0)]
        name: Name,
        /// What it makes.
        #[n(1)]
        scheme: Scheme,
        /// Which signers together can sign.
        #[n(2)]
        access: Tree<NodeId>,
        /// How many of them may be lost without losing the key.
        #[n(3)]
        faults: u8,
        /// How many accounts it has: secrets of their own, held and renewed together.
        #[n(4)]
        accounts: u16,
    },
    /// Sets the policy.
    #[n(1)]
    PolicySet {
        /// The policy bundle, opaque here.
        #[cbor(n(0), with = "minicbor::bytes")]
        bundle: Vec<u8>,
    },
    /// Orders a new sharing of a key among those who hold it.
    #[n(2)]
    KeyRefresh {
        /// The key's name.
        #[n(0)]
        name: Name,
    },
    /// Orders a sharing of a key over another tree.
    #[n(3)]
    KeyReshare {
        /// The key's name.
        #[n(0)]
        name: Name,
        /// Which signers together can sign then.
        #[n(1)]
        access: Tree<NodeId>,
        /// How many of them may be lost without losing the key.
        #[n(2)]
        faults: u8,
    },
    /// Withdraws what was ordered for a key and is not done.
    #[n(4)]
    KeyVoid {
        /// The key's name.
        #[n(0)]
        name: Name,
    },
    /// Sets when a key is refreshed without another order.
    #[n(5)]
    KeySchedule {
        /// The key's name.
        #[n(0)]
        name: Name,
        /// When; nothing ends it.
        #[n(1)]
        schedule: Option<RefreshSchedule>,
    },
    /// Ends a key for ever: it signs nothing more, and its shares are destroyed.
    #[n(6)]
    KeyRetire {
        /// The key's name.
        #[n(0)]
        name: Name,
    },
    /// Orders that a key which exists elsewhere is brought here.
    #[n(7)]
    KeyImport {
        /// The key's name.
        #[n(0)]
        name: Name,
        /// What it makes.
        #[n(1)]
        scheme: Scheme,
        /// Which signers together can sign.
        #[n(2)]
        access: Tree<NodeId>,
        /// How many of them may be lost without losing the key.
        #[n(3)]
        faults: u8,
        /// The key, and who brings it.
        #[n(4)]
        imported: Imported,
    },
    /// Sets who restores what is lost: every key is shared and backed up anew for them.
    #[n(8)]
    CustodySet {
        /// Who, in place of those before.
        #[n(0)]
        custody: Custody,
        /// Who is more than one thing then and was not before, ascending.
        #[cbor(n(1), decode_with = "few::<PEOPLE_MAX, _, _>")]
        excepted: Vec<Name>,
    },
    /// Gives the seat of a node to another machine: from then on the node has other keys.
    #[n(9)]
    SeatGive {
        /// The node's name.
        #[n(0)]
        name: Name,
        /// What the machine says of itself.
        #[n(1)]
        claim: SignedSeatClaim,
    },
    /// Orders that a key of the domain before is restored here.
    #[n(10)]
    KeyRestore {
        /// The key's name.
        #[n(0)]
        name: Name,
        /// What it makes.
        #[n(1)]
        scheme: Scheme,
        /// Which signers together can sign.
        #[n(2)]
        access: Tree<NodeId>,
        /// How many of them may be lost without losing the key.
        #[n(3)]
        faults: u8,
        /// How many accounts it has.
        #[n(4)]
        accounts: u16,
        /// Which key it is.
        #[n(5)]
        restored: Restored,
    },
    /// Changes people, services, teams and rules.
    #[n(11)]
    People(#[n(0)] PeopleChange),
    /// Guardians bring administrators back: new ones, under new rules.
    #[n(12)]
    Recover(#[n(0)] PeopleChange),
    /// Sets times that hold for all nodes.
    #[n(13)]
    SettingsSet {
        /// The times.
        #[n(0)]
        settings: Settings,
    },
    /// Objects to an announced motion: it waits longer, and needs those who override.
    #[n(14)]
    Object {
        /// The motion.
        #[n(0)]
        motion: MotionId,
    },
    /// Overrides an objection.
    #[n(15)]
    Override {
        /// The motion that was objected to.
        #[n(0)]
        motion: MotionId,
        /// The motion that objected: whoever signs knows of it.
        #[n(1)]
        objection: MotionId,
    },
    /// Withdraws an announced motion.
    #[n(16)]
    Withdraw {
        /// The motion.
        #[n(0)]
        motion: MotionId,
    },
    /// Ends freezes, and refuses announced successions: what is named never counts again.
    #[n(17)]
    Thaw {
        /// Which, ascending.
        #[n(0)]
        freezes: Vec<Digest>,
        /// Who may freeze nothing from then on, ascending by name.
        #[cbor(n(1), decode_with = "few::<PEOPLE_MAX, _, _>")]
        barred: Vec<Name>,
        /// Which announced successions are refused, ascending.
        #[n(2)]
        refused: Vec<Digest>,
    },
    /// Changes who the nodes are, who votes, and how many may lie.
    #[n(18)]
    Nodes(#[n(0)] NodesChange),
    /// Requires nodes to run at least a version.
    #[n(19)]
    ReleaseRequire {
        /// The oldest version that is heard from then on.
        #[n(0)]
        minimum: Version,
    },
    /// Gives a key to somebody, whole; or ends that.
    #[n(20)]
    KeyExport {
        /// The key's name.
        #[n(0)]
        name: Name,
        /// Who gets it; nothing: nobody gets any more of it than they have.
        #[n(1)]
        recipient: Option<Recipient>,
    },
    /// Sets how many signatures of a key nodes may begin before it is known what is signed.
    #[n(21)]
    KeyPresign {
        /// The key's name.
        #[n(0)]
        name: Name,
        /// The most of each leading node; 0 ends it.
        #[n(1)]
        most: u16,
    },
}

/// Something with a version that a motion touches. An object that was never touched has version
/// 0, and every motion that touches it adds 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum Object {
    /// The policy.
    #[n(0)]
    Policy,
    /// The key of this name.
    #[n(1)]
    Key(#[n(0)] Name),
    /// The custodians and their trees.
    #[n(2)]
    Custody,
    /// The node of this name, and its seat.
    #[n(3)]
    Node(#[n(0)] Name),
    /// The person, service or team of this name.
    #[n(4)]
    Member(#[n(0)] Name),
    /// The rules.
    #[n(5)]
    Rules,
    /// The times that hold for all nodes.
    #[n(6)]
    Settings,
    /// An announced motion: 1 once it is, 2 once somebody objected, 3 once that was overridden.
    #[n(7)]
    Announced(#[n(0)] MotionId),
    /// How many voters may lie.
    #[n(8)]
    Faults,
    /// The oldest version that nodes may run.
    #[n(9)]
    Release,
}

/// A motion's exact bytes and the signatures collected so far, ascending by person.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedMotion {
    #[n(0)]
    said: Exact<Motion>,
    /// Who signed the bytes; one signature a person.
    #[n(1)]
    pub signatures: Vec<(PersonId, CredentialSignature)>,
}

/// How far a motion is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MotionStatus {
    /// What it says.
    pub motion: Arc<Motion>,
    /// Who signed it.
    pub signed_by: Vec<PersonId>,
    /// Who must still sign it; nothing once it is authorised.
    pub missing: Option<Tree<PersonId>>,
}

/// Why a motion is refused; the fault of who wrote or filed it, except where it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MotionError {
    /// It is for another domain (N-76).
    #[error("the motion is for another domain, {0}")]
    ForeignDomain(GenesisHash),
    /// It is in the log already.
    #[error("the motion is in the charter already")]
    Placed,
    /// What it touched before changed since; a new motion is needed.
    #[error("{object} has version {got} by now, the motion expects {expected}")]
    Superseded {
        /// What changed.
        object: Object,
        /// The version expected.
        expected: u64,
        /// The version now.
        got: u64,
    },
    /// It does not expect versions of exactly what it touches.
    #[error("a motion must expect a version of exactly what it touches")]
    Expects,
    /// Its time ran out.
    #[error("the motion has expired")]
    Expired,
    /// It ends too far in the future.
    #[error("the motion expires in more than {} days", MOTION_LIFETIME_MS_MAX / 86_400_000)]
    TooLate,
    /// The policy is too long.
    #[error("a policy of {0} bytes is too long, at most {POLICY_BYTES_MAX} are allowed")]
    PolicyTooLong(usize),
    /// The policy does not hold, as those found who know policies.
    #[error("the policy does not hold: {0}")]
    Policy(String),
    /// The domain has as many keys as it may have.
    #[error("the charter has {KEYS_MAX} keys, no more are allowed")]
    TooManyKeys,
    /// A key under the name of another one.
    #[error("there is a key of the name {0} already; choose another name")]
    NameTaken(Name),
    /// A public point that is none of the scheme.
    #[error("the public point is none for {0} signatures")]
    Public(Scheme),
    /// Another key has the point, or its negative.
    #[error("the key {0} has this public key already; retire it before it is imported again")]
    PublicTaken(Name),
    /// Nothing can be restored in a domain that succeeds none.
    #[error("this domain succeeds no other: there is nothing to restore")]
    NoPredecessor,
    /// Another key is the same key of the domain before.
    #[error("the key {0} is that key of the domain before; retire it before it is restored again")]
    RestoredTaken(Name),
    /// It is not the key that this node found in the backup of the domain before, or cannot be
    /// restored over this tree.
    #[error("the key is not restored: {0}")]
    Estate(String),
    /// A key over a node that holds no shares.
    #[error("{0} is not a signer of this domain")]
    NoSigner(String),
    /// A tree that must not be used.
    #[error("the access tree is refused: {0}")]
    Access(String),
    /// A key that is to survive more losses than its tree bears.
    #[error("the access tree bears the loss of {most} nodes, not of {asked}")]
    Faults {
        /// Asked for.
        asked: u8,
        /// Possible.
        most: u8,
    },
    /// A key with no account, or with more than one dealing makes.
    #[error("a key over this access tree has 1 to {most} accounts, not {asked}")]
    Accounts {
        /// Asked for.
        asked: u16,
        /// Possible.
        most: u16,
    },
    /// No key of the name.
    #[error("there is no key of the name {0}")]
    UnknownKey(Name),
    /// The key was retired.
    #[error("the key {0} was retired for ever")]
    Retired(Name),
    /// Custodians or recovery trees are refused.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// An export is refused.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// Somebody would be more than one thing and is not excepted, or is for nothing.
    #[error(transparent)]
    Roles(#[from] RolesError),
    /// The charter knows no node of the name, or the claim is for the seat of another one.
    #[error("the claim is not for the seat of a node {0} of this domain")]
    UnknownSeat(Name),
    /// The claim does not hold.
    #[error("the claim to the seat does not hold: {0}")]
    Claim(#[source] StatementError),
    /// A key of the claim is somebody's, or was.
    #[error("a key of the claim to the seat of {0} is, or was, somebody's in this domain")]
    KeyTaken(Name),
    /// The one-time key of the claim, or what it asks custodians, cannot be read.
    #[error("what the claim to the seat of {0} asks of custodians cannot be read")]
    Arrival(Name),
    /// People, services or rules are refused.
    #[error(transparent)]
    People(#[from] PeopleError),
    /// A change of nodes is refused.
    #[error(transparent)]
    Nodes(#[from] NodesError),
    /// A minimum that is no later than the one in force.
    #[error("version {0} is required already; a minimum only rises")]
    Minimum(Version),
    /// A setting outside its range.
    #[error("the setting {0} is out of range")]
    Setting(&'static str),
    /// No motion of this id is announced.
    #[error("no motion {0} is announced: it took effect, was withdrawn, or never was")]
    NotAnnounced(MotionId),
    /// Nobody brings administrators back in this domain.
    #[error("this domain has no recovery rule")]
    NoRecovery,
    /// Nobody may object to it.
    #[error("nobody can object to a recovery of administrators; those who rule can withdraw it")]
    NoObjection,
    /// Nobody objected, or it is overridden already.
    #[error("there is no objection to override")]
    NoOverride,
    /// An announced motion that waits for those who override an objection.
    #[error("somebody objected, and that was not overridden")]
    Objected,
    /// As many motions are announced as may be.
    #[error("as many motions of this matter are announced as may be; withdraw one")]
    TooManyAnnounced,
    /// A thaw of nothing, or of more than one motion ends.
    #[error(
        "a thaw names the freezes that it ends or the successions that it refuses, ascending, and people of this domain"
    )]
    Thaw,
    /// More presignatures than nodes keep.
    #[error("a node keeps at most {PRESIGNATURES_MAX} presignatures of a key, not {0}")]
    Presignatures(u16),
    /// Signatures of this scheme have no part that could be made before.
    #[error("only ECDSA has presignatures; {0} signs in two messages as it is")]
    NoPresignatures(Scheme),
    /// A schedule outside its limits.
    #[error("the schedule is refused: {0}")]
    Schedule(&'static str),
    /// The list of signatures is not ascending, or too long.
    #[error("the signatures are not one a person, in order")]
    Signatures,
    /// Somebody signed who has no say.
    #[error("{0} has no say in motions")]
    NoSay(PersonId),
    /// A signature that does not verify.
    #[error("the signature of {0} does not verify")]
    Signature(Name),
    /// The signatures do not satisfy the rule yet.
    #[error("signatures are missing: {}", .0.as_ref().map(ToString::to_string).unwrap_or_default())]
    Unauthorised(Option<Tree<Name>>),
    /// The machine's limit: too many motions of theirs, or of this kind, collect signatures.
    #[error("too many motions collect signatures; wait until some are decided")]
    TooMany,
}

impl Motion {
    /// A motion that expects what it touches to stand as it does in `state`.
    pub fn new(state: &State, body: MotionBody, nonce: Digest, expiry_ms: u64) -> Self {
        let expects = Vec::new();
        let mut motion =
            Self { version: 1, genesis: state.genesis(), body, expects, nonce, expiry_ms };
        let touched = motion.touches().into_iter();
        motion.expects = touched.map(|object| (object.clone(), state.version(&object))).collect();
        motion
    }

    /// What it is about, in two words: `key-create`, `policy-set`, ...
    pub fn kind(&self) -> &'static str {
        match self.body {
            MotionBody::KeyCreate { .. } => "key-create",
            MotionBody::PolicySet { .. } => "policy-set",
            MotionBody::KeyRefresh { .. } => "key-refresh",
            MotionBody::KeyReshare { .. } => "key-reshare",
            MotionBody::KeyVoid { .. } => "key-void",
            MotionBody::KeySchedule { .. } => "key-schedule",
            MotionBody::KeyRetire { .. } => "key-retire",
            MotionBody::KeyImport { .. } => "key-import",
            MotionBody::KeyRestore { .. } => "key-restore",
            MotionBody::CustodySet { .. } => "custody-set",
            MotionBody::SeatGive { .. } => "seat-give",
            MotionBody::People(ref change) => change.kind(),
            MotionBody::Recover(_) => "administrators-recover",
            MotionBody::SettingsSet { .. } => "settings-set",
            MotionBody::Object { .. } => "object",
            MotionBody::Override { .. } => "override",
            MotionBody::Withdraw { .. } => "withdraw",
            MotionBody::Thaw { .. } => "thaw",
            MotionBody::Nodes(ref change) => change.kind(),
            MotionBody::ReleaseRequire { .. } => "release-require",
            MotionBody::KeyExport { recipient: Some(_), .. } => "key-export",
            MotionBody::KeyExport { recipient: None, .. } => "key-export-end",
            MotionBody::KeyPresign { .. } => "key-presign",
        }
    }

    /// What it touches, ascending (GOV-12).
    pub fn touches(&self) -> Vec<Object> {
        match &self.body {
            // Upkeep and thawing disturb nothing that waits for more signatures.
            MotionBody::KeyRefresh { .. } | MotionBody::Thaw { .. } => Vec::new(),
            MotionBody::PolicySet { .. } => vec![Object::Policy],
            MotionBody::CustodySet { .. } => vec![Object::Custody],
            MotionBody::SeatGive { name, .. } => vec![Object::Node(name.clone())],
            MotionBody::SettingsSet { .. } => vec![Object::Settings],
            MotionBody::ReleaseRequire { .. } => vec![Object::Release],
            MotionBody::People(change) | MotionBody::Recover(change) => {
                let members = change.names().into_iter().map(Object::Member);
                members.chain(change.rules.as_ref().map(|_| Object::Rules)).collect()
            }
            MotionBody::Nodes(change) => {
                let nodes = change.names().into_iter().map(Object::Node);
                nodes.chain(change.faults.map(|_| Object::Faults)).collect()
            }
            MotionBody::Object { motion }
            | MotionBody::Override { motion, .. }
            | MotionBody::Withdraw { motion } => vec![Object::Announced(*motion)],
            MotionBody::KeyCreate { name, .. }
            | MotionBody::KeyReshare { name, .. }
            | MotionBody::KeyVoid { name }
            | MotionBody::KeySchedule { name, .. }
            | MotionBody::KeyPresign { name, .. }
            | MotionBody::KeyRetire { name }
            | MotionBody::KeyImport { name, .. }
            | MotionBody::KeyRestore { name, .. }
            | MotionBody::KeyExport { name, .. } => vec![Object::Key(name.clone())],
        }
    }
}

impl MotionBody {
    /// Orders a key with one account that survives as many losses as its tree does.
    pub fn key_create(name: Name, scheme: Scheme, access: Tree<NodeId>) -> Self {
        let faults = most_faults(&access);
        Self::KeyCreate { name, scheme, access, faults, accounts: 1 }
    }

    /// The name of the key that it is about, if it changes nothing but what is said of one.
    pub fn key(&self) -> Option<&Name> {
        match self {
            Self::KeyCreate { name, .. }
            | Self::KeyRefresh { name }
            | Self::KeyReshare { name, .. }
            | Self::KeyVoid { name }
            | Self::KeySchedule { name, .. }
            | Self::KeyPresign { name, .. }
            | Self::KeyRetire { name }
            | Self::KeyImport { name, .. }
            | Self::KeyRestore { name, .. }
            | Self::KeyExport { name, .. } => Some(name),
            Self::PolicySet { .. }
            | Self::CustodySet { .. }
            | Self::SeatGive { .. }
            | Self::SettingsSet { .. }
            | Self::ReleaseRequire { .. }
            | Self::People(_)
            | Self::Recover(_)
            | Self::Nodes(_)
            | Self::Object { .. }
            | Self::Override { .. }
            | Self::Withdraw { .. }
            | Self::Thaw { .. } => None,
        }
    }

    /// The announced motion that it is about, if it is about one.
    pub fn announced(&self) -> Option<MotionId> {
        match self {
            Self::Object { motion } | Self::Override { motion, .. } | Self::Withdraw { motion } => {
                Some(*motion)
            }
            _ => None,
        }
    }

    /// Whether it is upkeep: it changes neither who can sign nor what is allowed (GOV-16).
    pub fn is_upkeep(&self) -> bool {
        matches!(self, Self::KeyRefresh { .. })
    }
}

/// As many accounts as a key over a tree may have (GOV-18).
pub fn most_accounts(access: &Tree<NodeId>) -> u16 {
    let (own, column, leaf) = ACCOUNT_BYTES;
    let each = own + column * access.columns() + leaf * access.leaves().len();
    let (own, column, leaf) = ACCOUNT_ROUND_BYTES;
    let said = own + column * access.columns() + leaf * access.leaves().len();
    let run = said * access.parties().len();
    let leaves =
        |party: &NodeId| access.leaves().into_iter().filter(|(_, of)| *of == party).count();
    let heaviest = access.parties().iter().map(leaves).max().unwrap_or(1);
    let most = ((VALUE_BYTES_MAX - OUTCOME_BYTES) / each)
        .min(RUN_BYTES_MAX / run.max(1))
        .min(SHARES_OF_A_NODE_MAX / heaviest.max(1));
    u16::try_from(most).unwrap_or(u16::MAX).min(ACCOUNTS_MAX)
}

/// As many losses as a tree bears.
pub fn most_faults(access: &Tree<NodeId>) -> u8 {
    u8::try_from(access.tolerance()).unwrap_or(u8::MAX)
}

impl SignedMotion {
    /// A motion that nobody has signed yet.
    pub fn new(motion: &Motion) -> Self {
        Self { said: Exact::of(motion.clone()), signatures: Vec::new() }
    }

    /// A motion of these bytes that nobody has signed yet.
    ///
    /// # Errors
    /// Not the canonical encoding of a motion, or of a version that is not known here; the fault of
    /// who wrote it.
    pub fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self { said: Exact::read(bytes.to_vec())?, signatures: Vec::new() })
    }

    /// The same without signatures.
    pub fn unsigned(&self) -> Self {
        Self { signatures: Vec::new(), ..self.clone() }
    }

    /// The bytes that people sign.
    pub fn bytes(&self) -> &[u8] {
        self.said.bytes()
    }

    /// The id: the hash of the signed bytes (GOV-11).
    pub fn id(&self) -> MotionId {
        MotionId(Transcript::new(tag::MOTION).part(self.bytes()).digest())
    }

    /// The id of the key that it orders, if it orders one.
    pub fn key_id(&self) -> KeyId {
        key_id(&self.id())
    }

    /// What it says, unverified: for showing to whoever is about to sign.
    pub fn body(&self) -> &Arc<Motion> {
        self.said.body()
    }

    /// Takes over signatures from another copy of the same motion; whether any was new. Of each
    /// person the first signature stays.
    pub fn merge(&mut self, other: &Self) -> bool {
        if self.bytes() != other.bytes() {
            return false;
        }
        let add = |(person, signature): &(PersonId, CredentialSignature)| {
            self.add(*person, signature.clone())
        };
        other.signatures.iter().map(add).fold(false, |any, new| any | new)
    }

    /// Adds a signature; whether it is the person's first.
    pub fn add(&mut self, person: PersonId, signature: CredentialSignature) -> bool {
        let at = self.signatures.binary_search_by_key(&person, |(id, _)| *id);
        let is_full = self.signatures.len() >= MOTION_SIGNATURES_MAX;
        match at {
            Err(at) if !is_full => {
                self.signatures.insert(at, (person, signature));
                true
            }
            _ => false,
        }
    }

    /// Signs it as this person.
    ///
    /// # Errors
    /// [`SignerError`].
    pub fn sign(
        &mut self,
        person: PersonId,
        signer: &dyn CredentialSigner,
    ) -> Result<(), SignerError> {
        let signature = signer.sign(tag::MOTION, self.bytes())?;
        self.add(person, signature);
        Ok(())
    }
}

impl fmt::Display for Object {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy => formatter.write_str("the policy"),
            Self::Key(name) => write!(formatter, "key {name}"),
            Self::Custody => formatter.write_str("the custodians"),
            Self::Node(name) => write!(formatter, "node {name}"),
            Self::Release => formatter.write_str("the oldest version that nodes may run"),
            Self::Faults => formatter.write_str("how many voters may lie"),
            Self::Member(name) => name.fmt(formatter),
            Self::Rules => formatter.write_str("the rules"),
            Self::Settings => formatter.write_str("the settings"),
            Self::Announced(motion) => write!(formatter, "the announced motion {motion}"),
        }
    }
}

impl Canonical for Motion {
    const BYTES_MAX: usize = MOTION_BYTES_MAX;
}

impl Canonical for SignedMotion {
    const BYTES_MAX: usize = MOTION_BYTES_MAX
        + 16
        + MOTION_SIGNATURES_MAX * (1 + PersonId::BYTES_MAX + CredentialSignature::BYTES_MAX);
}
