//! What this crate asks of a charter: who is who at a head, and what it ordered.

use crate::policy::Policy;
use quorate_charter::{Actor, KeyOrder, State};
use quorate_identity::{ActorId, KeyId, Name, NodeId, NodePublic, PersonId};
use std::collections::BTreeSet;

/// The person or service behind an id.
pub(crate) fn actor<'a>(state: &'a State, id: &ActorId) -> Option<Actor<'a>> {
    state.actor(id)
}

/// Names of all approvers.
pub(crate) fn approvers(state: &State) -> BTreeSet<Name> {
    let approvers = state.people().filter(|person| person.roles.approver);
    approvers.map(|person| person.name.clone()).collect()
}

/// Whether a person is an approver.
pub(crate) fn is_approver(state: &State, id: &PersonId) -> bool {
    state.person(id).is_some_and(|person| person.roles.approver)
}

/// Whether somebody may file requests: every service, and every person with a role beyond
/// reading.
pub(crate) fn may_request(state: &State, id: &ActorId) -> bool {
    match id {
        ActorId::Service(id) => state.service(id).is_some(),
        ActorId::Person(id) => state
            .person(id)
            .is_some_and(|person| person.roles.approver || person.roles.administrator),
    }
}

/// The public keys of a node.
pub(crate) fn node<'a>(state: &'a State, id: &NodeId) -> Option<&'a NodePublic> {
    state.node(id).map(|node| &node.keys)
}

/// What the charter ordered of a key.
pub(crate) fn key<'a>(state: &'a State, id: &KeyId) -> Option<&'a KeyOrder> {
    state.key(id)
}

/// Whether a policy is the one in force.
pub(crate) fn is_policy(state: &State, policy: &Policy) -> bool {
    state.policy().is_some_and(|bytes| bytes == policy.bytes())
}
