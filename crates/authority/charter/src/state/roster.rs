//! Nodes, people and services of a charter.

use super::State;
use crate::enrolment::{Enrolment, Role};
use crate::export::Recipient;
use crate::genesis::{Genesis, GenesisError, Roles, point};
use crate::limits::CESSION_DELAY_MS_MIN;
use crate::member::Authenticators;
use crate::motion::{Declaration, Standing};
use crate::rules::{Matter, Rules, RulesError};
use quorate_access::Tree;
use quorate_identity::{
    ActorId, Credential, Head, KeyId, Name, NodeId, NodePublic, PersonId, ServiceId,
};
use std::collections::{BTreeMap, BTreeSet};

/// A node of the charter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Whether it takes part.
    pub standing: Standing,
    /// Where and by whom it is run, as people declared it.
    pub declared: Declaration,
    /// Its id.
    pub id: NodeId,
    /// Its name.
    pub name: Name,
    /// Its role.
    pub role: Role,
    /// Its public keys.
    pub keys: NodePublic,
    /// The head that the entry made which admitted it; the genesis hash for who founded the domain.
    pub entry: Head,
}

/// A person of the charter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their id.
    pub id: PersonId,
    /// Their name.
    pub name: Name,
    /// Their public keys: each speaks for them.
    pub keys: Authenticators,
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
    /// Its public keys: each speaks for it.
    pub keys: Authenticators,
}

/// Who files requests and calls: name and keys of a person or service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor<'a> {
    /// Their name.
    pub name: &'a Name,
    /// Their public keys.
    pub keys: &'a Authenticators,
}

/// Who there is, and who authorises what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Roster {
    pub domain: Name,
    pub staging: bool,
    pub faults: usize,
    pub rules: Rules,
    pub authority: Authority,
    pub voters: BTreeMap<NodeId, NodePublic>,
    pub nodes: BTreeMap<NodeId, Node>,
    /// Nodes that were revoked.
    pub left: BTreeMap<NodeId, Node>,
    pub people: BTreeMap<PersonId, Person>,
    pub services: BTreeMap<ServiceId, Service>,
    pub teams: BTreeMap<Name, BTreeSet<Name>>,
    /// Names of those who left: never given again.
    pub former_names: BTreeSet<Name>,
    /// Keys that people and services had.
    pub former_keys: BTreeSet<Credential>,
    /// Keys that nodes had, each with the position of the entry that replaced them.
    former: BTreeMap<NodeId, Vec<(NodePublic, u64)>>,
}

/// The rules over ids: who authorises what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authority {
    pub main: Say,
    pub upkeep: Tree<PersonId>,
    pub special: BTreeMap<Matter, Say>,
    /// Which guardians, and how long that is announced.
    pub recovery: Option<(Tree<PersonId>, u64)>,
}

/// Who authorises something, who overrides an objection to it, and how long it is announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Say {
    pub tree: Tree<PersonId>,
    pub overriding: Tree<PersonId>,
    pub delay_ms: u64,
}

impl Authority {
    /// The rules with the ids of people in place of their names.
    pub fn of(rules: &Rules, people: &BTreeMap<PersonId, Person>) -> Result<Self, RulesError> {
        let ids: BTreeMap<&Name, PersonId> =
            people.values().map(|person| (&person.name, person.id)).collect();
        let id =
            |name: &Name| ids.get(name).copied().ok_or_else(|| RulesError::Party(name.clone()));
        let say = |rule: &crate::rules::Rule| {
            let (tree, overriding) = (rule.tree.try_map(id)?, rule.overriding.try_map(id)?);
            Ok::<_, RulesError>(Say { tree, overriding, delay_ms: rule.delay_ms })
        };
        let special = rules.special.iter().map(|(matter, rule)| Ok((*matter, say(rule)?)));
        let recovery = rules.recovery.as_ref();
        let recovery = recovery.map(|it| Ok::<_, RulesError>((it.tree.try_map(id)?, it.delay_ms)));
        Ok(Self {
            main: say(&rules.main)?,
            upkeep: rules.upkeep.try_map(id)?,
            special: special.collect::<Result<_, RulesError>>()?,
            recovery: recovery.transpose()?,
        })
    }

    /// Who has a say in a matter.
    pub fn say(&self, matter: Matter) -> &Say {
        self.special.get(&matter).unwrap_or(&self.main)
    }

    /// Everybody with a say in anything.
    pub fn administrators(&self) -> BTreeSet<PersonId> {
        let trees = std::iter::once(&self.main).chain(self.special.values());
        trees.flat_map(|say| say.tree.parties()).collect()
    }

    /// Everybody who recovers.
    pub fn guardians(&self) -> BTreeSet<PersonId> {
        self.recovery.as_ref().map(|(tree, _)| tree.parties()).unwrap_or_default()
    }
}

impl Roster {
    pub fn of(genesis: &Genesis, entry: Head) -> Result<Self, GenesisError> {
        let nodes = genesis.nodes.iter().map(|node| {
            let (id, body) = (node.id(), node.body());
            (id, Node::of(id, body, Standing::Votes, Declaration::default(), entry))
        });
        let nodes: BTreeMap<NodeId, Node> = nodes.collect();
        let people = genesis.people.iter().map(|person| {
            let id = genesis.person_id(person);
            let (name, key) = (person.name.clone(), person.credential.clone());
            (id, Person { id, name, keys: Authenticators::one(key), roles: person.roles.clone() })
        });
        let people: BTreeMap<PersonId, Person> = people.collect();
        let services = genesis.services.iter().map(|service| {
            let id = genesis.service_id(service);
            let (name, key) = (service.name.clone(), service.credential.clone());
            (id, Service { id, name, keys: Authenticators::one(key) })
        });
        let services: BTreeMap<ServiceId, Service> = services.collect();
        let authority = Authority::of(&genesis.rules, &people)?;
        let voters = nodes.iter().map(|(id, node)| (*id, node.keys)).collect();
        Ok(Self {
            left: BTreeMap::new(),
            domain: genesis.domain.clone(),
            staging: genesis.staging,
            faults: usize::from(genesis.faults),
            rules: genesis.rules.clone(),
            authority,
            voters,
            nodes,
            people,
            services,
            teams: BTreeMap::new(),
            former_names: BTreeSet::new(),
            former_keys: BTreeSet::new(),
            former: BTreeMap::new(),
        })
    }

    /// Gives a node other keys.
    pub fn rekey(&mut self, id: &NodeId, keys: NodePublic, position: u64) {
        let Some(node) = self.nodes.get_mut(id) else { return };
        let before = std::mem::replace(&mut node.keys, keys);
        self.former.entry(*id).or_default().push((before, position));
        self.count_voters();
    }

    /// Ends a node: its keys count for what was under way, and for nothing later.
    pub fn revoke_node(&mut self, id: &NodeId, position: u64) {
        let Some(node) = self.nodes.remove(id) else { return };
        self.former.entry(*id).or_default().push((node.keys, position));
        self.former_names.insert(node.name.clone());
        self.left.insert(*id, node);
        self.count_voters();
    }

    /// Who votes now.
    pub fn count_voters(&mut self) {
        let voting = self.nodes.values().filter(|node| node.standing == Standing::Votes);
        self.voters = voting.map(|node| (node.id, node.keys)).collect();
    }
}

impl Node {
    pub(super) fn of(
        id: NodeId,
        body: &Enrolment,
        standing: Standing,
        declared: Declaration,
        entry: Head,
    ) -> Self {
        let (name, role, keys) = (body.name.clone(), body.role, body.keys);
        Self { standing, declared, id, name, role, keys, entry }
    }

    /// Whether it may hold shares and take part in signatures.
    pub fn signs(&self) -> bool {
        self.role == Role::Signer && self.standing == Standing::Votes
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

    /// A node of now, or one that was revoked: for telling who it was.
    pub fn node_ever(&self, id: &NodeId) -> Option<&Node> {
        self.node(id).or_else(|| self.roster.left.get(id))
    }

    /// Nodes that were revoked, by id.
    pub fn former_nodes(&self) -> impl Iterator<Item = &Node> {
        self.roster.left.values()
    }

    /// Whether a node may hold shares and take part in signatures now.
    pub fn is_signing(&self, id: &NodeId) -> bool {
        self.node(id).is_some_and(Node::signs)
    }

    /// The keys of a node that was not revoked.
    pub fn keys_of_now(&self, id: &NodeId) -> Option<&NodePublic> {
        self.node(id).map(|node| &node.keys)
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
        self.keys_of_now(node).copied().into_iter().chain(former).collect()
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

    /// Whether one of these keys of a node is, or was, somebody's (GOV-05).
    pub(crate) fn knows_a_key_of(&self, keys: &NodePublic) -> bool {
        let known = self.known_points();
        [keys.statement(), keys.transport(), keys.sealed()]
            .iter()
            .any(|key| known.contains(key.as_slice()))
    }

    /// The public points of everybody, of now and before, those to whom keys were exported included
    /// (GOV-05, KEX-02).
    pub(super) fn known_points(&self) -> BTreeSet<Vec<u8>> {
        let mut known = self.points_of_people_and_nodes();
        known.extend(self.exported_to().map(|recipient| recipient.point().to_vec()));
        known
    }

    /// Everybody to whom a key was exported.
    pub(super) fn exported_to(&self) -> impl Iterator<Item = &Recipient> {
        self.keys().flat_map(|order| &order.exports).map(|export| &export.recipient)
    }

    /// The public points of nodes, people and services, of now and before.
    pub(super) fn points_of_people_and_nodes(&self) -> BTreeSet<Vec<u8>> {
        let of_node = |keys: &NodePublic| [*keys.statement(), *keys.transport(), *keys.sealed()];
        let former = self.roster.former.values().flatten().map(|(keys, _)| keys);
        let nodes = self.nodes().map(|node| &node.keys).chain(former).flat_map(of_node);
        let people = self.people().flat_map(|person| &person.keys);
        let services = self.services().flat_map(|service| &service.keys);
        let credentials = people.chain(services).chain(&self.roster.former_keys);
        nodes.map(|key| key.to_vec()).chain(credentials.map(point)).collect()
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
            ActorId::Person(id) => {
                self.person(id).map(|person| Actor { name: &person.name, keys: &person.keys })
            }
            ActorId::Service(id) => {
                self.service(id).map(|service| Actor { name: &service.name, keys: &service.keys })
            }
        }
    }

    /// Teams, and who is in them.
    pub fn teams(&self) -> &BTreeMap<Name, BTreeSet<Name>> {
        &self.roster.teams
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.roster.rules
    }

    /// The guardians who bring administrators back, and announce a succession, and how long that takes
    /// in milliseconds; nothing where founders wanted none.
    pub fn recovery(&self) -> Option<(&Tree<PersonId>, u64)> {
        self.roster.authority.recovery.as_ref().map(|(tree, delay_ms)| (tree, *delay_ms))
    }

    /// How long after a node heard that another domain takes over it stops: as long as a recovery
    /// takes, and long enough to be noticed where that takes no time, but in a trial.
    pub fn cession_delay_ms(&self) -> u64 {
        let least_ms = if self.is_staging() { 0 } else { CESSION_DELAY_MS_MIN };
        self.recovery().map_or(0, |(_, delay_ms)| delay_ms).max(least_ms)
    }

    /// A tree over people with their names in place of their ids.
    pub(crate) fn with_names(&self, tree: &Tree<PersonId>) -> Option<Tree<Name>> {
        tree.try_map(|id| self.person(id).map(|person| person.name.clone()).ok_or(())).ok()
    }
}
