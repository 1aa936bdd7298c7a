//! One bundle, held against what a certified record says of it (REC-27, REC-28).

use super::record::Certified;
use super::report::Author;
use super::why::{Refusal, Whose, Why};
use crate::backup_file::BundleKind;
use quorate_backup::{Bundle, Keyed, Proven, Statement, Subject, bundle_bytes_max, bundle_digest};
use quorate_codec::{Digest, from_bytes};
use quorate_curve::{Curve, NonIdentity};
use quorate_identity::NodeId;
use quorate_sharing::Commitments;

/// A bundle that a record names.
pub(super) struct Named {
    pub kind: BundleKind,
    pub author: Author,
    /// Of which epoch it is to be.
    pub epoch: u64,
    digest: Digest,
    bytes_max: usize,
}

/// The public points of a bundle that holds.
pub(super) type Publics<C> = Vec<NonIdentity<C>>;

impl Named {
    /// Whether it is this kind of bundle of this node.
    pub fn is_of(&self, kind: BundleKind, author: &NodeId) -> bool {
        self.kind == kind && self.author.node == *author
    }
}

impl Certified {
    /// Every bundle that the record names: of the shares of its committee, then of what the dealers
    /// of the key contributed, in their order (GOV-42).
    pub(super) fn named(&self) -> Vec<Named> {
        let (plan, backup) = (&self.record.plan, &self.record.backup);
        let accounts = self.record.accounts.len();
        let seats = self.seats.recovery.tree().leaf_count();
        let shares = plan.committee.iter().zip(&backup.shares).map(|(node, digest)| {
            let own = plan.tree.leaves().into_iter().filter(|(_, party)| *party == node).count();
            let bytes_max = bundle_bytes_max(accounts.saturating_mul(own), seats);
            let (kind, epoch) = (BundleKind::Shares, plan.epoch);
            Named { kind, author: self.names.author(*node), epoch, digest: *digest, bytes_max }
        });
        let contributions = self.key.iter().flat_map(|(key, custodians)| {
            let bytes_max = bundle_bytes_max(accounts, custodians.recovery.tree().leaf_count());
            let (kind, epoch) = (BundleKind::Contributions, key.epoch);
            key.dealers.iter().zip(&key.bundles).map(move |(node, digest)| Named {
                kind,
                author: self.names.author(*node),
                epoch,
                digest: *digest,
                bytes_max,
            })
        });
        shares.chain(contributions).collect()
    }

    /// Which statement a bundle must prove. Of contributions the points are those that it says:
    /// whether they are the dealt ones only their sum shows (BAK-26).
    fn statement<C: Curve>(
        &self,
        accounts: &[Commitments<C>],
        named: &Named,
        claimed: &[NonIdentity<C>],
    ) -> Result<Statement<C>, Why> {
        let (record, author) = (&self.record, named.author.node);
        let (genesis, key) = (record.plan.genesis, record.plan.key);
        let keyed = |transcript, order| {
            let publics = accounts.iter().map(|account| account.constant().non_identity().ok());
            let publics: Option<Vec<_>> = publics.collect();
            publics.map(|publics| Keyed::new(genesis, key, &publics, transcript, order))
        };
        match (named.kind, &self.key) {
            (BundleKind::Shares, _) => {
                let (plan, seats) = (&record.plan, self.seats.recovery.clone());
                let of = keyed(record.transcript, plan.order).ok_or(Why::NoShare)?;
                Statement::of_shares(of, plan.epoch, author, &plan.tree, accounts, seats)
                    .ok_or(Why::NoShare)
            }
            (BundleKind::Contributions, Some((backup, keys))) => {
                if claimed.len() != accounts.len() {
                    return Err(Why::Count { got: claimed.len(), expected: accounts.len() });
                }
                let of = keyed(backup.transcript, backup.order).ok_or(Why::NoShare)?;
                let (claimed, keys) = (claimed.to_vec(), keys.recovery.clone());
                Ok(Statement::of_contributions(of, backup.epoch, author, claimed, keys))
            }
            (BundleKind::Contributions, None) => Err(Why::Stray),
        }
    }

    /// Whether bytes are the bundle that the record names; if not, what can be told of them. What
    /// the record does not name is for whoever made the file to answer for.
    pub(super) fn is_named<C: Curve>(&self, named: &Named, bytes: &[u8]) -> Result<(), Refusal> {
        if bundle_digest(bytes) == named.digest {
            return Ok(());
        }
        if bytes.len() > named.bytes_max {
            return Err(Why::TooLong { got: bytes.len(), max: named.bytes_max }.of_holder());
        }
        let differs = match from_bytes::<Bundle<C>>(bytes) {
            Ok(bundle) => self.differs(named, &bundle),
            Err(_) => None,
        };
        Err(differs.unwrap_or(Why::Unnamed).of_holder())
    }

    /// Verifies a bundle that the record names: whoever made it answers for it (REC-27, N-66, N-70).
    pub(super) fn prove<C: Curve>(
        &self,
        accounts: &[Commitments<C>],
        named: &Named,
        bytes: &[u8],
    ) -> Result<Publics<C>, Refusal> {
        let by_author = |why| Refusal { whose: Whose::Node(named.author.to_string()), why };
        let proven = self.proven(accounts, named, bytes).map_err(by_author)?;
        Ok(proven.statement().publics.clone())
    }

    /// The same, for who restores from it.
    pub(super) fn proven<C: Curve>(
        &self,
        accounts: &[Commitments<C>],
        named: &Named,
        bytes: &[u8],
    ) -> Result<Proven<C>, Why> {
        if bytes.len() > named.bytes_max {
            return Err(Why::TooLong { got: bytes.len(), max: named.bytes_max });
        }
        let bundle: Bundle<C> = from_bytes(bytes).map_err(|_| Why::Form)?;
        if let Some(why) = self.differs(named, &bundle) {
            return Err(why);
        }
        let expected = self.statement(accounts, named, bundle.claimed_publics())?;
        bundle.verify(&expected).map_err(|error| Why::Bundle(error.fault))
    }

    /// In what a bundle says that it is something else than what is expected, if it says so.
    fn differs<C: Curve>(&self, named: &Named, bundle: &Bundle<C>) -> Option<Why> {
        let plan = &self.record.plan;
        let (of, claimed) = match (named.kind, bundle.claimed_subject()) {
            (BundleKind::Shares, Subject::Shares { of, epoch, .. })
            | (BundleKind::Contributions, Subject::Contributions { of, epoch }) => (of, *epoch),
            (kind, Subject::Shares { .. }) => return Some(Why::kind("shares", kind)),
            (kind, Subject::Contributions { .. }) => return Some(Why::kind("contributions", kind)),
            (kind, Subject::Canary { .. }) => return Some(Why::kind("a canary", kind)),
            (kind, Subject::Export { .. }) => return Some(Why::kind("an export", kind)),
        };
        if of.genesis != plan.genesis {
            return Some(Why::Domain(of.genesis));
        }
        if of.key != plan.key {
            return Some(Why::Key(of.key));
        }
        if bundle.claimed_author() != named.author.node {
            return Some(Why::Author(self.names.author(bundle.claimed_author()).to_string()));
        }
        let expected = named.epoch;
        (claimed != expected).then_some(Why::Epoch { claimed, expected })
    }
}
