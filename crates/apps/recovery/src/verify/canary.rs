//! Canaries: bundles of secrets that are of no use but to be restored in a drill (REC-30).

use super::record::Custodians;
use super::report::{Author, Checked, Part};
use super::why::Why;
use quorate_backup::{BackupFault, Bundle, Statement, Subject};
use quorate_charter::State;
use quorate_codec::{Digest, from_bytes};
use quorate_curve::Ed25519;

/// Verifies that bytes are a canary of this file, of a node of the domain and for its custodians. A
/// bundle of anything else is refused: a drill would hand it out (N-84).
pub(super) fn check(state: &State, export: Digest, bytes: &[u8]) -> Checked {
    let Ok(bundle) = from_bytes::<Bundle<Ed25519>>(bytes) else {
        return Checked::refused(Part::Canary(None), Why::Form.of_holder());
    };
    let node = bundle.claimed_author();
    let name = state.node(&node).map(|node| node.name.clone());
    let part = Part::Canary(Some(Author { node, name }));
    match verified(state, export, bundle) {
        Ok(()) => Checked::held(part),
        // No record names it, so it is nobody's but the file's.
        Err(why) => Checked::refused(part, why.of_holder()),
    }
}

fn verified(state: &State, export: Digest, bundle: Bundle<Ed25519>) -> Result<(), Why> {
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
    }
    if publics.len() != 1 {
        return Err(Why::Count { got: publics.len(), expected: 1 });
    }
    let custody = state.custody();
    let statement = |tree| {
        let recovery = Custodians::over(custody, tree)?.recovery;
        let subject = Subject::Canary { genesis, export };
        Ok(Statement { author, subject, publics: publics.clone(), recovery })
    };
    // Which of the two trees is tried is for the drill to say.
    let as_seats = bundle.clone().verify(&statement(&custody.seats)?);
    let proven = match as_seats {
        Err(error) if error.fault == BackupFault::Recovery => {
            bundle.verify(&statement(&custody.keys)?)
        }
        other => other,
    };
    proven.map(drop).map_err(|error| Why::Bundle(error.fault))
}
