//! Nodes, people and services of a charter.

use super::State;
use crate::enrolment::Role;
use crate::genesis::{Genesis, GenesisError, Roles, Settings, point};
use quorate_access::Tree;
use quorate_identity::{
    ActorId, Credential, Head, KeyId, Name, NodeId, NodePublic, PersonId, ServiceId,
};
use std::collections::{BTreeMap, BTreeSet};

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

/// What the genesis fixed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Roster {
    pub domain: Name,
    pub staging: bool,
    pub faults: usize,
    pub settings: Settings,
    pub rule: Tree<PersonId>,
    pub upkeep: Tree<PersonId>,
    pub voters: BTreeMap<NodeId, NodePublic>,
    nodes: BTreeMap<NodeId, Node>,
    people: BTreeMap<PersonId, Person>,
    services: BTreeMap<ServiceId, Service>,
    /// Keys that nodes had, each with the position of the entry that replaced them.
    former: BTreeMap<NodeId, Vec<(NodePublic, u64)>>,
}

impl Roster {
    pub fn of(genesis: &Genesis) -> Result<Self, GenesisError> {
        let nodes = genesis.nodes.iter().map(|node| {
            let (id, body) = (node.id(), node.body());
            (id, Node { id, name: body.name.clone(), role: body.role, keys: body.keys })
        });
        let nodes: BTreeMap<NodeId, Node> = nodes.collect();
        let people = genesis.people.iter().map(|person| {
            let id = genesis.person_id(person);
            let (name, credential) = (person.name.clone(), person.credential.clone());
            (id, Person { id, name, credential, roles: person.roles })
        });
        let people: BTreeMap<PersonId, Person> = people.collect();
        let services = genesis.services.iter().map(|service| {
            let id = genesis.service_id(service);
            let (name, credential) = (service.name.clone(), service.credential.clone());
            (id, Service { id, name, credential })
        });
        let services: BTreeMap<ServiceId, Service> = services.collect();
        let administrator = |name: &Name| {
            let person = people.values().find(|person| person.name == *name);
            person.map(|person| person.id).ok_or_else(|| GenesisError::RuleParty(name.clone()))
        };
        let rule = genesis.rule.try_map(administrator)?;
        let upkeep = genesis.upkeep.try_map(administrator)?;
        let voters = nodes.iter().map(|(id, node)| (*id, node.keys)).collect();
        Ok(Self {
            domain: genesis.domain.clone(),
            staging: genesis.staging,
            faults: usize::from(genesis.faults),
            settings: genesis.settings,
            rule,
            upkeep,
            voters,
            nodes,
            people,
            services,
            former: BTreeMap::new(),
        })
    }

    /// Gives a node other keys.
    pub fn rekey(&mut self, id: &NodeId, keys: NodePublic, position: u64) {
        let Some(node) = self.nodes.get_mut(id) else { return };
        let before = std::mem::replace(&mut node.keys, keys);
        self.former.entry(*id).or_default().push((before, position));
        self.voters.insert(*id, keys);
    }
}

impl State {
    /// The nodes, by id.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.roster.nodes.values()
    }

    /// A node.
    pub fn node(&self, id: &NodeId) -> Option<&Node> {
        self.roster.nodes.get(id)
    }

    /// The node of a name.
    pub fn node_named(&self, name: &Name) -> Option<&Node> {
        self.nodes().find(|node| node.name == *name)
    }

    /// The keys under which a node could take part in an attempt at a key that was planned or given up
    /// at `head`: those of now, and those that were replaced since, but none from before the key was
    /// ordered (AGR-11). Only for what others certified as well: what accuses a node is its machine's
    /// of now.
    pub fn keys_for_attempt(&self, node: &NodeId, key: &KeyId, head: &Head) -> Vec<NodePublic> {
        let ordered = self.key(key).and_then(|order| self.position_of(&order.entry));
        let since = self.position_of(head).zip(ordered);
        let since = since.map_or(u64::MAX, |(at, ordered)| at.max(ordered));
        let former = self.roster.former.get(node).into_iter().flatten();
        let former = former.filter(|(_, replaced_at)| since < *replaced_at).map(|(keys, _)| *keys);
        self.voters().get(node).copied().into_iter().chain(former).collect()
    }

    /// All keys that a node has and had.
    pub fn keys_ever(&self, node: &NodeId) -> Vec<NodePublic> {
        let former = self.roster.former.get(node).into_iter().flatten().map(|(keys, _)| *keys);
        self.node(node).map(|node| node.keys).into_iter().chain(former).collect()
    }

    /// Whether any node has other keys than the genesis gave it.
    pub(crate) fn has_former_keys(&self) -> bool {
        !self.roster.former.is_empty()
    }

    /// Whether one of these keys is, or was, somebody's (GOV-05).
    pub(crate) fn knows_a_key_of(&self, keys: &NodePublic) -> bool {
        let of_node = |keys: &NodePublic| [*keys.statement(), *keys.transport(), *keys.sealed()];
        let former = self.roster.former.values().flatten().map(|(keys, _)| keys);
        let nodes = self.nodes().map(|node| &node.keys).chain(former).flat_map(of_node);
        let people = self.people().map(|person| &person.credential);
        let credentials = people.chain(self.services().map(|service| &service.credential));
        let known: BTreeSet<Vec<u8>> =
            nodes.map(|key| key.to_vec()).chain(credentials.map(point)).collect();
        of_node(keys).iter().any(|key| known.contains(key.as_slice()))
    }

    /// The people, by id.
    pub fn people(&self) -> impl Iterator<Item = &Person> {
        self.roster.people.values()
    }

    /// A person.
    pub fn person(&self, id: &PersonId) -> Option<&Person> {
        self.roster.people.get(id)
    }

    /// The person of a name.
    pub fn person_named(&self, name: &Name) -> Option<&Person> {
        self.people().find(|person| person.name == *name)
    }

    /// The services, by id.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.roster.services.values()
    }

    /// A service.
    pub fn service(&self, id: &ServiceId) -> Option<&Service> {
        self.roster.services.get(id)
    }

    /// The service of a name.
    pub fn service_named(&self, name: &Name) -> Option<&Service> {
        self.services().find(|service| service.name == *name)
    }

    /// The person or service behind an id.
    pub fn actor(&self, id: &ActorId) -> Option<Actor<'_>> {
        match id {
            ActorId::Person(id) => self
                .person(id)
                .map(|person| Actor { name: &person.name, credential: &person.credential }),
            ActorId::Service(id) => self
                .service(id)
                .map(|service| Actor { name: &service.name, credential: &service.credential }),
        }
    }

    /// A tree over people with their names in place of their ids.
    pub(crate) fn with_names(&self, tree: &Tree<PersonId>) -> Option<Tree<Name>> {
        tree.try_map(|id| self.person(id).map(|person| person.name.clone()).ok_or(())).ok()
    }
}
