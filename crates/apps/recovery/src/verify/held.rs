//! A key of a file that was verified, with what a record names: for those who keep it, and those who
//! open it.

use super::key::Came;
use super::parallel;
use super::record::{Accounts, Certified, Custodians};
use super::why::Why;
use crate::backup_file::BundleKind;
use quorate_access::Tree;
use quorate_backup::{Bundle, Opener, Part, Proven, RecoveryKey};
use quorate_charter::{Decided, EpochRecord};
use quorate_codec::from_bytes;
use quorate_curve::{Curve, Ed25519, NonIdentity, P256, Point, Secp256k1};
use quorate_identity::{KeyId, Name, NodeId, RecoveryKeyId};
use quorate_sharing::Commitments;

/// The newest epoch of a key in a file, certified, with every bundle that its record names and the
/// file has. Public.
pub struct HeldKey {
    decided: Decided,
    certified: Certified,
    came: Vec<Came>,
}

/// The backup of a node's shares, verified, over the curve of its key.
pub(crate) enum ProvenShares {
    Secp256k1(Proven<Secp256k1>),
    Ed25519(Proven<Ed25519>),
    P256(Proven<P256>),
}

/// The backup of a key itself, verified, over its curve.
pub(crate) enum ProvenKey {
    Secp256k1(Contributed<Secp256k1>),
    Ed25519(Contributed<Ed25519>),
    P256(Contributed<P256>),
}

/// What all dealers of a key contributed, in their order, and what it adds up to: the certified
/// public key of every account (BAK-26).
pub(crate) struct Contributed<C: Curve> {
    pub dealers: Vec<Proven<C>>,
    pub publics: Vec<Point<C>>,
}

impl ProvenKey {
    /// Opens what one dealer contributed, by its place among them. `None` if there is no such place.
    pub fn open<O: Opener>(&self, place: usize, opener: &O) -> Result<Option<Part>, O::Error> {
        match self {
            Self::Secp256k1(of) => of.dealers.get(place).map(|it| it.open(opener)).transpose(),
            Self::Ed25519(of) => of.dealers.get(place).map(|it| it.open(opener)).transpose(),
            Self::P256(of) => of.dealers.get(place).map(|it| it.open(opener)).transpose(),
        }
    }
}

impl HeldKey {
    pub(super) fn new(decided: Decided, (certified, came): (Certified, Vec<Came>)) -> Self {
        Self { decided, certified, came }
    }

    /// The key.
    pub fn key(&self) -> KeyId {
        self.record().plan.key
    }

    /// Its epoch.
    pub fn epoch(&self) -> u64 {
        self.record().plan.epoch
    }

    /// The certified outcome of the attempt that made it.
    pub fn decided(&self) -> &Decided {
        &self.decided
    }

    /// The record in it.
    pub fn record(&self) -> &EpochRecord {
        &self.certified.record
    }

    /// Every bundle that came, in the order of the record: of what, whose, and its bytes.
    pub fn bundles(&self) -> impl Iterator<Item = (BundleKind, NodeId, &[u8])> {
        self.came
            .iter()
            .map(|came| (came.named.kind, came.named.author.node, came.bytes.as_slice()))
    }

    /// Lets go of all bundles but that of the shares of this node.
    pub(crate) fn retain_shares_of(&mut self, node: &NodeId) {
        self.came.retain(|came| came.named.is_of(BundleKind::Shares, node));
    }

    /// Lets go of all bundles but those of what dealers contributed.
    pub(crate) fn retain_contributions(&mut self) {
        self.came.retain(|came| came.named.kind == BundleKind::Contributions);
    }

    /// Who contributed to the key itself, ascending; nobody if only its shares are backed up.
    pub(crate) fn dealers(&self) -> &[NodeId] {
        self.certified.key.as_ref().map_or(&[], |(backup, _)| &backup.dealers)
    }

    /// The points that the dealers at each of these sets of places contributed to every account,
    /// added up and encoded, as their bundles say it: of a file that was verified these are the ones
    /// that they prove. `None` if a bundle is not there, or a sum is no point of a key.
    pub(crate) fn contribution_sums<'a>(
        &self,
        places: impl Iterator<Item = &'a Vec<usize>>,
    ) -> Option<Vec<Vec<Vec<u8>>>> {
        match &self.certified.accounts {
            Accounts::Secp256k1(_) => self.sums::<Secp256k1>(places),
            Accounts::Ed25519(_) => self.sums::<Ed25519>(places),
            Accounts::P256(_) => self.sums::<P256>(places),
        }
    }

    fn sums<'a, C: Curve>(
        &self,
        places: impl Iterator<Item = &'a Vec<usize>>,
    ) -> Option<Vec<Vec<Vec<u8>>>> {
        let points = |place: &usize| {
            let dealer = self.dealers().get(*place)?;
            let came = self.came.iter();
            let mut came = came.filter(|it| it.named.is_of(BundleKind::Contributions, dealer));
            let bundle: Bundle<C> = from_bytes(&came.next()?.bytes).ok()?;
            Some(bundle.claimed_publics().to_vec())
        };
        let sum = |places: &Vec<usize>| {
            let all: Vec<_> = places.iter().map(points).collect::<Option<_>>()?;
            let at = |account: usize| {
                let terms = all.iter().map(|points| Some((points.get(account)?.point(), 1)));
                let terms: Vec<_> = terms.collect::<Option<_>>()?;
                Point::weighted_sum(&terms).non_identity().ok()
            };
            let sums = (0..self.record().accounts.len()).map(at);
            let sums: Vec<NonIdentity<C>> = sums.collect::<Option<_>>()?;
            Some(NonIdentity::all_to_bytes(&sums).into_iter().collect())
        };
        places.map(sum).collect()
    }

    /// Lets go of all bundles.
    pub(crate) fn without_bundles(self) -> Self {
        Self { came: Vec::new(), ..self }
    }

    /// Whether the node had shares of this epoch.
    pub(crate) fn has_shares_of(&self, node: &NodeId) -> bool {
        self.came.iter().any(|came| came.named.is_of(BundleKind::Shares, node))
    }

    /// Who restores the shares of one node.
    pub fn seats(&self) -> &Tree<Name> {
        &self.certified.seats.tree
    }

    /// The custodian among these who has this key: name and key.
    pub(crate) fn custodian(&self, id: &RecoveryKeyId) -> Option<(&Name, &RecoveryKey)> {
        let seats = &self.certified.seats;
        let key = seats.recovery.keys().find(|key| key.id() == *id)?;
        Some((seats.names.get(id)?, key))
    }

    /// Who restores the key itself. `None` if only its shares are backed up (REC-26).
    pub fn whole(&self) -> Option<&Tree<Name>> {
        self.keys().map(|keys| &keys.tree)
    }

    /// What the custodian among these is called who has this key.
    pub(crate) fn whole_custodian(&self, id: &RecoveryKeyId) -> Option<&Name> {
        self.keys()?.names.get(id)
    }

    /// The same with the key itself.
    pub(crate) fn whole_key(&self, id: &RecoveryKeyId) -> Option<(&Name, &RecoveryKey)> {
        let keys = self.keys()?;
        Some((keys.names.get(id)?, keys.recovery.keys().find(|key| key.id() == *id)?))
    }

    fn keys(&self) -> Option<&Custodians> {
        self.certified.key.as_ref().map(|(_, keys)| keys)
    }

    /// The backup of a node's shares, verified again: who opens or restores does so of nothing else
    /// (BAK-14). `None` if it does not hold, or there is none.
    ///
    /// Cost: `spec/backup.md`, Cost.
    pub(crate) fn shares_of(&self, node: &NodeId) -> Option<ProvenShares> {
        let came = self.came.iter().find(|came| came.named.is_of(BundleKind::Shares, node))?;
        let (certified, named, bytes) = (&self.certified, &came.named, &came.bytes);
        let proven: Result<_, Why> = match &certified.accounts {
            Accounts::Secp256k1(accounts) => {
                certified.proven(accounts, named, bytes).map(ProvenShares::Secp256k1)
            }
            Accounts::Ed25519(accounts) => {
                certified.proven(accounts, named, bytes).map(ProvenShares::Ed25519)
            }
            Accounts::P256(accounts) => {
                certified.proven(accounts, named, bytes).map(ProvenShares::P256)
            }
        };
        proven.ok()
    }

    /// The backup of the key itself, each bundle verified again as those of shares are. `None` if one
    /// does not hold, or is not there.
    ///
    /// Cost: `spec/backup.md`, Cost, for each dealer.
    pub(crate) fn contributions(&self) -> Option<ProvenKey> {
        match &self.certified.accounts {
            Accounts::Secp256k1(accounts) => self.contributed(accounts).map(ProvenKey::Secp256k1),
            Accounts::Ed25519(accounts) => self.contributed(accounts).map(ProvenKey::Ed25519),
            Accounts::P256(accounts) => self.contributed(accounts).map(ProvenKey::P256),
        }
    }

    fn contributed<C: Curve>(&self, accounts: &[Commitments<C>]) -> Option<Contributed<C>> {
        let (backup, _) = self.certified.key.as_ref()?;
        let came = |node: &NodeId| {
            self.came.iter().find(|came| came.named.is_of(BundleKind::Contributions, node))
        };
        let came: Vec<&Came> = backup.dealers.iter().map(came).collect::<Option<_>>()?;
        let proven = |came: &&Came| self.certified.proven(accounts, &came.named, &came.bytes).ok();
        let dealers = parallel::map(&came, proven).into_iter().collect::<Option<_>>()?;
        Some(Contributed { dealers, publics: accounts.iter().map(Commitments::constant).collect() })
    }
}
