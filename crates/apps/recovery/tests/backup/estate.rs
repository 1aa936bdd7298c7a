//! A domain whose nodes are lost, its backup, and the domain that succeeds it, whose heirs the
//! tests are too.

use crate::domain::{
    Dealt, Domain, Kept, custodian_secret, custody, enrolment, estate_claim, name, written,
};
use minicbor::bytes::ByteVec;
use quorate_backup::possession::Challenge;
use quorate_backup::{Opener, RecoveryKey, SoftKey, SoftKind, handing};
use quorate_charter::{Custody, MotionBody, SeatClaim, SignedSeatClaim, Succession};
use quorate_codec::{Digest, Transcript, from_bytes, tag, to_bytes};
use quorate_curve::{Ed25519, Secp256k1};
use quorate_identity::{KeyId, Name, NodeId, Scheme};
use quorate_recovery::backup_file::BackupReader;
use quorate_recovery::estate::{EstatePart, InheritError, Inheritance, Probate, ProbateError};
use quorate_recovery::seat::{Arrival, VerifiedBackup};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::sync::OnceLock;

/// The seed of every domain that succeeds one here.
pub const SUCCESSOR: u8 = 2;

/// Its nodes that may inherit; a test takes the first of them.
const HEIRS: [&str; 3] = ["node-1", "node-2", "node-3"];

/// A domain whose nodes are lost, its backup, and the domain that succeeds it.
pub struct Estate {
    pub domain: Domain,
    pub file: Vec<u8>,
    pub successor: Domain,
    pub verified: VerifiedBackup,
}

/// What a custodian opened of a contribution: of which key, whose, and its part.
pub type Opened = (ByteVec, ByteVec, ByteVec);

impl Estate {
    /// So many nodes of another domain are to have these keys.
    pub fn of(domain: Domain, keys: &[Kept], heirs: usize) -> Self {
        let file = written(&domain.items(keys));
        let verified = verified(&domain, &file);
        let successor = Domain::succeeding(SUCCESSOR, 1, succession(&verified, heirs));
        Self { domain, file, successor, verified }
    }

    pub fn succession(&self) -> &Succession {
        self.successor.state.succession().unwrap()
    }

    /// The heir at a place; here places ascend by id.
    pub fn heir(&self, place: usize) -> NodeId {
        self.succession().claims[place].body().node
    }

    /// What the heir at a place is called.
    pub fn called(&self, place: usize) -> Name {
        self.successor.state.node(&self.heir(place)).unwrap().name.clone()
    }

    pub fn arrival(&self, place: usize) -> Arrival {
        arrival(self.called(place).as_str())
    }

    pub fn probate(&self) -> Probate<'_> {
        probate(&self.domain, &self.file, &self.successor).unwrap_or_else(|error| panic!("{error}"))
    }

    /// What these custodians open.
    pub fn parts<const N: usize>(&self, who: [&str; N]) -> [EstatePart; N] {
        let probate = self.probate();
        who.map(|who| part_by(&probate, &holder(who)).unwrap())
    }

    /// What the heir at a place has of these parts.
    pub fn inherit(&self, place: usize, parts: &[EstatePart]) -> Result<Inheritance, InheritError> {
        inherit(&self.verified, &self.successor, self.heir(place), &self.arrival(place), parts)
    }

    /// What all heirs have of them, in their order.
    pub fn inherit_all(&self, parts: &[EstatePart]) -> Vec<Inheritance> {
        let heirs = 0..self.succession().claims.len();
        heirs.map(|place| self.inherit(place, parts).unwrap()).collect()
    }

    /// Whether the heir at a place takes a part, though it is one alone; else why not.
    pub fn take(&self, place: usize, part: &EstatePart) -> Result<(), String> {
        match self.inherit(place, std::slice::from_ref(part)) {
            Ok(_) | Err(InheritError::Missing(_)) => Ok(()),
            Err(error) => {
                let (custodian, fault) = blamed(error);
                assert_eq!(custodian, part.custodian);
                Err(fault)
            }
        }
    }

    /// What is sealed for the heir at a place, as it alone can look at it.
    pub fn plain(&self, place: usize, part: &EstatePart) -> Vec<Opened> {
        let (heir, arrival) = (self.heir(place), self.arrival(place));
        let holder = holder(part.custodian.as_str());
        let (_, bond) =
            handing::ask(part.predecessor, heir, holder.public(), arrival.coins()).unwrap();
        let machine = SoftKey::from_seed(SoftKind::Hybrid, arrival.seed());
        let sealed = part.sealed.iter().find(|sealed| sealed.heir == heir).unwrap();
        let plain = handing::open(&machine, &bond, &context(part, heir), &sealed.bytes).unwrap();
        minicbor::decode(&plain).unwrap()
    }

    /// A part in which the holder of a key seals what it pleases for the heir at a place.
    pub fn made(
        &self,
        holder: &SoftKey,
        part: &EstatePart,
        (place, context): (usize, Digest),
        plain: &[u8],
    ) -> EstatePart {
        let claim = self.succession().claims[place].body();
        let ask = claim.asks.iter().find(|ask| ask.key == part.key).unwrap();
        let ask: Challenge = from_bytes(&ask.challenge).unwrap();
        let bond = handing::bond(holder, claim.genesis, claim.node, &ask);
        let bond = bond.unwrap_or_else(|never| match never {}).unwrap();
        let arrival = RecoveryKey::from_bytes(&claim.arrival).unwrap();
        let mut part = part.clone();
        let sealed = part.sealed.iter_mut().find(|sealed| sealed.heir == claim.node).unwrap();
        sealed.bytes = handing::seal(&mut rng(), &arrival, &bond, &context, plain).unwrap();
        part
    }

    /// The same part, with what its custodian sealed for the heir at a place changed by itself.
    pub fn edited(
        &self,
        part: &EstatePart,
        place: usize,
        edit: impl FnOnce(&mut Vec<Opened>),
    ) -> EstatePart {
        let mut plain = self.plain(place, part);
        edit(&mut plain);
        self.sealing(part, place, &to_bytes(&plain))
    }

    /// The same, whatever it is.
    pub fn sealing(&self, part: &EstatePart, place: usize, plain: &[u8]) -> EstatePart {
        let context = context(part, self.heir(place));
        self.made(&holder(part.custodian.as_str()), part, (place, context), plain)
    }

    /// The domain that succeeds, where one heir's claim is another one.
    pub fn claiming(&self, place: usize, change: impl FnOnce(&mut SeatClaim)) -> Domain {
        let mut succession = self.succession().clone();
        let mut claim = succession.claims[place].body().clone();
        change(&mut claim);
        succession.claims[place] = claim_of(self.called(place).as_str(), claim);
        Domain::succeeding(SUCCESSOR, 1, succession)
    }

    pub fn key(&self, key: &str) -> KeyId {
        key_id(&self.domain, key)
    }
}

/// A domain of two keys, which two of three custodians restore: one that three nodes dealt, and one
/// that two did.
pub struct Small {
    pub domain: Domain,
    pub ops: Dealt<Ed25519>,
    pub vault: Dealt<Secp256k1>,
}

impl Small {
    pub fn keys(&self) -> [Kept; 2] {
        [&self.ops.kept, &self.vault.kept].map(Kept::clone)
    }
}

/// One for all tests.
pub fn small() -> &'static Small {
    static SMALL: OnceLock<Small> = OnceLock::new();
    SMALL.get_or_init(|| {
        let mut domain = Domain::founded(1, SoftKind::X25519);
        domain.place(custody_set(domain.state.custody().clone()));
        domain.order("ops", Scheme::Ed25519, "2 of (node-1, node-2, node-3)", 1);
        let ops = domain.generate("ops");
        domain.order("vault", Scheme::Bip340, "2 of (node-1, node-2)", 1);
        let vault = domain.generate("vault");
        Small { domain, ops, vault }
    })
}

/// Its estate for two heirs: the first has two summands of `ops`.
pub fn estate() -> &'static Estate {
    static ESTATE: OnceLock<Estate> = OnceLock::new();
    ESTATE.get_or_init(|| Estate::of(small().domain.clone(), &small().keys(), 2))
}

/// A key of two dealers from each of two custodies, of which neither is the one of now.
pub fn of_two_custodies() -> (Estate, Dealt<Ed25519>, Dealt<Secp256k1>) {
    let mut domain = Domain::founded(1, SoftKind::X25519);
    domain.place(custody_set(domain.state.custody().clone()));
    domain.order("ops", Scheme::Ed25519, "2 of (node-1, node-2)", 1);
    let ops = domain.generate::<Ed25519>("ops");
    domain.place(custody_set(custody(SoftKind::X25519, 77)));
    domain.order("vault", Scheme::Bip340, "2 of (node-1, node-2)", 1);
    let vault = domain.generate::<Secp256k1>("vault");
    domain.place(custody_set(custody(SoftKind::X25519, 99)));
    let estate = Estate::of(domain, &[ops.kept.clone(), vault.kept.clone()], 2);
    (estate, ops, vault)
}

/// A custody of which two restore whole keys.
pub fn custody_set(custody: Custody) -> MotionBody {
    let custody = Custody { keys: "2 of (greta, hugo, iris)".parse().unwrap(), ..custody };
    MotionBody::CustodySet { custody, excepted: Vec::new() }
}

pub fn verified(domain: &Domain, file: &[u8]) -> VerifiedBackup {
    VerifiedBackup::read(BackupReader::new(file).unwrap(), &domain.state.genesis()).unwrap()
}

pub fn probate<'a>(
    domain: &Domain,
    file: &[u8],
    successor: &'a Domain,
) -> Result<Probate<'a>, ProbateError> {
    let reader = BackupReader::new(file).unwrap();
    Probate::read(reader, &domain.state.genesis(), &successor.state)
}

/// Why nothing is opened.
pub fn refusal(domain: &Domain, file: &[u8], successor: &Domain) -> ProbateError {
    probate(domain, file, successor).err().unwrap()
}

pub fn part_by(probate: &Probate<'_>, holder: &SoftKey) -> Result<EstatePart, ProbateError> {
    let custodian = probate.for_key(holder.public().id()).unwrap();
    custodian.open(holder, &mut rng()).unwrap_or_else(|never| match never {})
}

pub fn inherit(
    verified: &VerifiedBackup,
    successor: &Domain,
    heir: NodeId,
    arrival: &Arrival,
    parts: &[EstatePart],
) -> Result<Inheritance, InheritError> {
    verified.inherit(&successor.state, (&heir, arrival), parts)
}

/// What founders say of the domain of a backup, from which so many of them are to inherit.
pub fn succession(verified: &VerifiedBackup, heirs: usize) -> Succession {
    let predecessor = verified.state().genesis();
    let claim = |heir: &&str| {
        let (arrival, node) = (arrival(heir), enrolment(SUCCESSOR, heir).id());
        let asks = verified.asks_for_estate(&arrival, node).unwrap();
        estate_claim((SUCCESSOR, heir), predecessor, arrival.public(), asks)
    };
    let mut claims: Vec<SignedSeatClaim> = HEIRS[..heirs].iter().map(claim).collect();
    claims.sort_by_key(|claim| claim.body().node);
    let (head, backup) = (verified.state().head(), verified.digest());
    let reason = "all of it burnt".to_owned();
    Succession { predecessor, head, backup, reason, claims, omitted: Vec::new() }
}

pub fn claim_of(heir: &str, claim: SeatClaim) -> SignedSeatClaim {
    estate_claim((SUCCESSOR, heir), claim.genesis, claim.arrival, claim.asks)
}

/// The secrets of an heir's claim.
pub fn arrival(heir: &str) -> Arrival {
    let number = heir.as_bytes()[heir.len() - 1];
    Arrival::new(&[number; 32], &[!number; 32])
}

pub fn holder(who: &str) -> SoftKey {
    custodian_secret(SoftKind::X25519, 1, who).key()
}

pub fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(7)
}

/// As `spec/succession.md` says (SUC-12).
pub fn context(part: &EstatePart, heir: NodeId) -> Digest {
    let context = Transcript::new(tag::RECOVERY_ESTATE_PART).part(part.successor);
    let context = context.part(part.predecessor).part(part.backup);
    context.part(heir).part(part.key).digest()
}

pub fn key_id(domain: &Domain, key: &str) -> KeyId {
    domain.state.key_named(&name(key)).unwrap().key
}

/// Changes every share: those of one leaf stand last, 32 of 34 bytes.
pub fn falsify(opened: &mut ByteVec) {
    let mut bytes = opened.to_vec();
    let first = bytes.len() - 32 * 34;
    (0..32).for_each(|row| bytes[first + 34 * row + 2] ^= 1);
    *opened = bytes.into();
}

/// Leaves every share out, as for a key that opens nothing.
pub fn empty(opened: &mut ByteVec) {
    let mut bytes = opened.to_vec();
    bytes.truncate(bytes.len() - 32 * 34);
    bytes.extend([0x40; 32]);
    *opened = bytes.into();
}

/// Whose part an error is about, and what is wrong with it, as it prints: the library has no name
/// for its type.
#[track_caller]
pub fn blamed(error: InheritError) -> (Name, String) {
    match error {
        InheritError::Part { custodian, fault } => (custodian, format!("{fault:?}")),
        other => panic!("{other}"),
    }
}
