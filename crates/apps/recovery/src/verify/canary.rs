//! Canaries: bundles of secrets that are of no use but to be restored in a drill (REC-30).

use super::record::Custodians;
use super::report::{Author, Checked, Part};
use super::why::Why;
use quorate_access::Tree;
use quorate_backup::{BackupFault, Bundle, Proven, RecoveryKey, Statement, Subject, bundle_digest};
use quorate_charter::{CustodyTree, State};
use quorate_codec::{Digest, from_bytes};
use quorate_curve::Ed25519;
use quorate_identity::{Name, RecoveryKeyId};

/// A canary of a file, verified: the only bundles that a drill opens (N-84). Public.
pub struct Canary {
    proven: Proven<Ed25519>,
    custodians: Custodians,
    trees: Vec<CustodyTree>,
}

impl Canary {
    /// Names it, as records name bundles (BAK-27).
    pub fn digest(&self) -> Digest {
        bundle_digest(&self.proven.to_bytes())
    }

    /// For which of the trees of the custody it is: both, if they are one.
    pub fn trees(&self) -> &[CustodyTree] {
        &self.trees
    }

    /// Who restores it.
    pub fn tree(&self) -> &Tree<Name> {
        &self.custodians.tree
    }

    /// The custodian who has this key: name and key.
    pub fn custodian(&self, id: &RecoveryKeyId) -> Option<(&Name, &RecoveryKey)> {
        let key = self.custodians.recovery.keys().find(|key| key.id() == *id)?;
        Some((self.custodians.names.get(id)?, key))
    }

    /// The bundle.
    pub(crate) fn proven(&self) -> &Proven<Ed25519> {
        &self.proven
    }

    /// The bundle alone.
    pub(crate) fn into_proven(self) -> Proven<Ed25519> {
        self.proven
    }
}

/// Verifies that bytes are a canary of this file, of a node of the domain and for its custodians. A
/// bundle of anything else is refused: a drill would hand it out (N-84).
pub(super) fn check(state: &State, export: Digest, bytes: &[u8]) -> (Checked, Option<Canary>) {
    let Ok(bundle) = from_bytes::<Bundle<Ed25519>>(bytes) else {
        return (Checked::refused(Part::Canary(None), Why::Form.of_holder()), None);
    };
    let node = bundle.claimed_author();
    let name = state.node(&node).map(|node| node.name.clone());
    let part = Part::Canary(Some(Author { node, name }));
    match verified(state, export, bundle) {
        Ok(canary) => (Checked::held(part), Some(canary)),
        // No record names it, so it is nobody's but the file's.
        Err(why) => (Checked::refused(part, why.of_holder()), None),
    }
}

fn verified(state: &State, export: Digest, bundle: Bundle<Ed25519>) -> Result<Canary, Why> {
    let (author, publics) = (bundle.claimed_author(), bundle.claimed_publics().to_vec());
    if state.node(&author).is_none() {
        return Err(Why::Stranger(author.to_string()));
    }
    let genesis = state.genesis();
    match bundle.claimed_subject() {
        Subject::Canary { genesis: claimed, .. } if *claimed != genesis => {
            return Err(Why::Domain(*claimed));
        }
        Subject::Canary { export: claimed, .. } if *claimed != export => return Err(Why::Export),
        Subject::Canary { .. } => {}
        Subject::Shares { .. } => return Err(Why::not_a_canary("shares")),
        Subject::Contributions { .. } => return Err(Why::not_a_canary("contributions")),
        Subject::Export { .. } => return Err(Why::not_a_canary("an export")),
    }
    if publics.len() != 1 {
        return Err(Why::Count { got: publics.len(), expected: 1 });
    }
    let custody = state.custody();
    let for_tree = |bundle: Bundle<Ed25519>, tree: CustodyTree| {
        let custodians = Custodians::over(custody, tree.of(custody))?;
        let subject = Subject::Canary { genesis, export };
        let (publics, recovery) = (publics.clone(), custodians.recovery.clone());
        let proven = bundle.verify(&Statement { author, subject, publics, recovery });
        let same = |it: &CustodyTree| it.of(custody) == tree.of(custody);
        let trees = CustodyTree::ALL.into_iter().filter(same).collect();
        proven
            .map(|proven| Canary { proven, custodians, trees })
            .map_err(|error| Why::Bundle(error.fault))
    };
    // It says itself for which of the two trees it is.
    match for_tree(bundle.clone(), CustodyTree::Seats) {
        Err(Why::Bundle(BackupFault::Recovery)) => for_tree(bundle, CustodyTree::Keys),
        other => other,
    }
}
