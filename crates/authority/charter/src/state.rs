//! The state of a charter at one head.

use crate::enrolment::Role;
use crate::entry::{CertifiedEntry, EntryError, ProposedEntry, VerifiedEntry};
use crate::genesis::{Roles, Settings};
use crate::motion::{MotionError, MotionStatus, Object, SignedMotion};
use crate::presence::{Incarnation, RejoinError, SignedRejoin};
use quorate_access::Tree;
use quorate_identity::{
    ActorId, Credential, GenesisHash, Head, KeyId, Name, NodeId, NodePublic, PersonId, Scheme,
    ServiceId,
};
use std::collections::BTreeMap;

/// A node of the charter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its id.
    pub id: NodeId,
    /// Its name.
    pub name: Name,
    /// Its role.
    pub role: Role,
    /// Its public keys.
    pub keys: NodePublic,
}

/// A person of the charter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their id.
    pub id: PersonId,
    /// Their name.
    pub name: Name,
    /// Their public key.
    pub credential: Credential,
    /// What they may do.
    pub roles: Roles,
}

/// A service of the charter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its id.
    pub id: ServiceId,
    /// Its name.
    pub name: Name,
    /// Its public key.
    pub credential: Credential,
}

/// Who files requests and calls: name and key of a person or service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor<'a> {
    /// Their name.
    pub name: &'a Name,
    /// Their public key.
    pub credential: &'a Credential,
}

/// A key that the charter orders. Its public point is in its first epoch record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOrder {
    /// Its id.
    pub key: KeyId,
    /// Its name.
    pub name: Name,
    /// What it makes.
    pub scheme: Scheme,
    /// Which signers together can sign.
    pub tree: Tree<NodeId>,
    /// The head that the ordering entry made.
    pub entry: Head,
}

/// The state of a charter at one head: who and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {}

#[allow(unused, missing_docs)]
impl State {
    pub fn genesis(&self) -> GenesisHash { todo!() }
    pub fn domain(&self) -> &Name { todo!() }
    pub fn is_staging(&self) -> bool { todo!() }
    pub fn head(&self) -> Head { todo!() }
    pub fn position(&self) -> u64 { todo!() }
    pub fn faults(&self) -> usize { todo!() }
    pub fn quorum(&self) -> usize { todo!() }
    pub fn settings(&self) -> &Settings { todo!() }
    pub fn rule(&self) -> &Tree<PersonId> { todo!() }
    pub fn voters(&self) -> &BTreeMap<NodeId, NodePublic> { todo!() }
    pub fn is_voter(&self, node: &NodeId) -> bool { todo!() }
    pub fn nodes(&self) -> impl Iterator<Item = &Node> { [].into_iter() }
    pub fn node(&self, id: &NodeId) -> Option<&Node> { todo!() }
    pub fn node_named(&self, name: &Name) -> Option<&Node> { todo!() }
    pub fn people(&self) -> impl Iterator<Item = &Person> { [].into_iter() }
    pub fn person(&self, id: &PersonId) -> Option<&Person> { todo!() }
    pub fn person_named(&self, name: &Name) -> Option<&Person> { todo!() }
    pub fn services(&self) -> impl Iterator<Item = &Service> { [].into_iter() }
    pub fn service(&self, id: &ServiceId) -> Option<&Service> { todo!() }
    pub fn service_named(&self, name: &Name) -> Option<&Service> { todo!() }
    pub fn actor(&self, id: &ActorId) -> Option<Actor<'_>> { todo!() }
    pub fn keys(&self) -> impl Iterator<Item = &KeyOrder> { [].into_iter() }
    pub fn key(&self, id: &KeyId) -> Option<&KeyOrder> { todo!() }
    pub fn key_named(&self, name: &Name) -> Option<&KeyOrder> { todo!() }
    pub fn policy(&self) -> Option<&[u8]> { todo!() }
    pub fn policy_version(&self) -> u64 { todo!() }
    pub fn version(&self, object: &Object) -> u64 { todo!() }
    pub fn check_motion(&self, motion: &SignedMotion, now_ms: u64) -> Result<MotionStatus, MotionError> { todo!() }
    pub fn authorise(&self, motion: &SignedMotion, now_ms: u64) -> Result<(), MotionError> { todo!() }
    pub fn missing_for(&self, motion: &SignedMotion) -> Option<Tree<Name>> { todo!() }
    pub fn check_next(&self, bytes: &[u8], now_ms: u64) -> Result<ProposedEntry, EntryError> { todo!() }
    pub fn verify_entry(&self, entry: &CertifiedEntry) -> Result<VerifiedEntry, EntryError> { todo!() }
    #[must_use]
    pub fn apply(&self, entry: VerifiedEntry) -> Self { todo!() }
    pub fn check_rejoin(&self, rejoin: &SignedRejoin) -> Result<(), RejoinError> { todo!() }
    pub fn awaits_rejoin(&self, node: &NodeId) -> bool { todo!() }
    pub fn rejoined(&self, node: &NodeId) -> Option<&Incarnation> { todo!() }
}
