//! Nobody should be several things at once: whoever is, is named for ever (GOV-52).

use crate::custody::Custody;
use crate::genesis::Roles;
use crate::limits::READS_MAX;
use quorate_identity::Name;
use std::collections::BTreeSet;

/// Why somebody's roles are refused; the fault of who wrote them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RolesError {
    /// Somebody who is two things.
    #[error("{name} is {} at once; whoever is more than one thing must be excepted by name", .roles.join(" and "))]
    Several {
        /// Who.
        name: Name,
        /// What.
        roles: Vec<&'static str>,
    },
    /// An exception that excepts nobody, or one made before.
    #[error("{0} needs no exception")]
    NotNeeded(Name),
    /// The exceptions do not ascend by name.
    #[error("the exceptions do not ascend by name")]
    Order,
    /// Somebody who reads less than everything and is no auditor, or no list of keys.
    #[error(
        "{0} reads about some keys alone: that is for an auditor who is nothing else, with 1 to \
         {READS_MAX} names of keys, ascending"
    )]
    Reads(Name),
    /// Somebody's name is that of a node or a service.
    #[error("the custodian {0} has the name of a node or a service")]
    Name(Name),
}

/// Nobody is two of administrator, approver, auditor, operator, guardian and custodian but who is excepted,
/// now or before, and nobody else is excepted (GOV-52).
pub(crate) fn check_roles<'a>(
    people: impl Iterator<Item = (&'a Name, &'a Roles)>,
    custody: &Custody,
    excepted: &[Name],
    before: &BTreeSet<Name>,
) -> Result<(), RolesError> {
    if !excepted.is_sorted_by(|left, right| left < right) {
        return Err(RolesError::Order);
    }
    let mut needed = BTreeSet::new();
    for (name, roles) in people {
        if !roles.reads_well() {
            return Err(RolesError::Reads(name.clone()));
        }
        let custodian = custody.named(name).map(|_| "custodian");
        let roles: Vec<&str> = roles.named().into_iter().chain(custodian).collect();
        if roles.len() < 2 || before.contains(name) {
            continue;
        }
        if excepted.binary_search(name).is_err() {
            return Err(RolesError::Several { name: name.clone(), roles });
        }
        needed.insert(name);
    }
    match excepted.iter().find(|name| !needed.contains(name)) {
        Some(name) => Err(RolesError::NotNeeded(name.clone())),
        None => Ok(()),
    }
}
