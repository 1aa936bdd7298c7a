//! What every node does with a proposed policy before it votes for it.

use crate::error::PolicyError;
use crate::people;
use crate::policy::Policy;
use quorate_charter::State;

/// Compiles a bundle, runs its own table, and checks that those whom its rules want to approve
/// are approvers at this head (POL-15, POL-16).
///
/// # Errors
/// [`PolicyError`]; the fault of whoever wrote the bundle. Cost: some milliseconds.
pub fn vet(bytes: &[u8], state: &State) -> Result<Policy, PolicyError> {
    let policy = Policy::compile(bytes)?;
    policy.run_cases()?.passed()?;
    let approvers = people::approvers(state);
    let short = policy.rules.values().find_map(|rule| {
        let tree = rule.approvals.as_ref().filter(|tree| !tree.satisfied(&approvers))?;
        Some(PolicyError::NoApprovers { rule: rule.id.clone(), tree: tree.to_string() })
    });
    short.map_or(Ok(policy), Err)
}
