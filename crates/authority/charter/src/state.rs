//! The state of a charter at one head: pure, and the same at every node that verified the same
//! log.

mod ahead;
mod announced;
mod eras;
mod judge;
mod keys;
mod nodes;
mod people;
mod roster;

pub use ahead::{Ahead, LookAhead};
pub use announced::{Announced, Fate, Objection};
pub use eras::Electorate;
pub use keys::{Goal, KeyOrder, Sharing};
pub use roster::{Actor, Node, Person, Service};

use crate::custody::Custody;
use crate::entry::{Step, VerifiedEntry};
use crate::genesis::{Genesis, GenesisError, Settings};
use crate::motion::{Motion, MotionBody, MotionStatus, NodesChange, Object, PeopleChange};
use crate::origin::Origin;
use crate::presence::{Incarnation, Program, RejoinError, SignedRejoin};
use crate::seat::{Seat, SeatClaim};
use crate::succession::Succession;
use quorate_access::Tree;
use quorate_codec::{Digest, Transcript, tag};
use quorate_identity::{GenesisHash, Head, KeyId, MotionId, Name, NodeId, NodePublic, PersonId};
use quorate_release::Version;
use roster::Roster;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The state of a charter at one head: who there is and what is allowed. It comes from a
/// verified genesis and verified entries, and from nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    genesis: GenesisHash,
    roster: Arc<Roster>,
    head: Head,
    position: u64,
    keys: BTreeMap<KeyId, Arc<KeyOrder>>,
    key_names: BTreeMap<Name, KeyId>,
    policy: Option<Arc<[u8]>>,
    policy_version: u64,
    custody: Arc<Custody>,
    custody_digest: Digest,
    custody_version: u64,
    /// Custodies of the past and the present, by their digests: backups name them.
    custodies: BTreeMap<Digest, Arc<Custody>>,
    /// Who is more than one thing, or was once (GOV-52).
    excepted: BTreeSet<Name>,
    /// Motions that were placed, and what became of them: none is placed twice.
    placed: BTreeMap<MotionId, Fate>,
    /// Those that wait.
    announced: BTreeMap<MotionId, Arc<Announced>>,
    settings: Settings,
    settings_version: u64,
    rules_version: u64,
    /// How often people, services and teams of a name changed.
    member_versions: Arc<BTreeMap<Name, u64>>,
    /// Freezes that were ended.
    thawed: Arc<BTreeSet<Digest>>,
    /// Announced successions that were refused.
    refused: Arc<BTreeSet<Digest>>,
    /// Who may freeze nothing any more.
    barred: Arc<BTreeSet<PersonId>>,
    /// Of nodes that came back, the incarnation that counts, and the position that says so. Another
    /// machine in a node's seat begins anew.
    rejoined: BTreeMap<NodeId, (Option<Incarnation>, u64)>,
    /// The domain before, if there was one.
    succession: Option<Arc<Succession>>,
    /// Seats that were given to another machine.
    seats: Arc<BTreeMap<NodeId, Seat>>,
    /// How often nodes of a name changed.
    node_versions: Arc<BTreeMap<Name, u64>>,
    faults_version: u64,
    /// The oldest version that nodes may run, if one is required, and how often that was set.
    minimum: Option<Version>,
    minimum_version: u64,
    /// The voters of now, and all there ever were, by the position that made them voters.
    electorate: Arc<Electorate>,
    eras: Arc<BTreeMap<u64, Arc<Electorate>>>,
    /// Positions of the entries that last changed who the nodes are, and since which every key is
    /// owed an epoch.
    nodes_changed_at: u64,
    owed_since: u64,
    /// Every head there was, and its position.
    heads: BTreeMap<Head, u64>,
}

impl State {
    /// The state that a genesis founds. Its signatures are the caller's to check.
    pub(crate) fn found(genesis: &Genesis, hash: GenesisHash) -> Result<Self, GenesisError> {
        let custody = Arc::new(genesis.custody.clone());
        let roster = Roster::of(genesis, Head(hash.digest()))?;
        let voters = roster.voters.keys().copied().collect();
        let electorate = Arc::new(Electorate::new(0, voters, roster.faults));
        Ok(Self {
            node_versions: Arc::default(),
            faults_version: 0,
            minimum: None,
            minimum_version: 0,
            eras: Arc::new(BTreeMap::from([(0, Arc::clone(&electorate))])),
            electorate,
            nodes_changed_at: 0,
            owed_since: 0,
            custodies: BTreeMap::from([(custody.digest(), Arc::clone(&custody))]),
            custody_digest: custody.digest(),
            custody,
            custody_version: 0,
            excepted: genesis.excepted.iter().cloned().collect(),
            genesis: hash,
            roster: Arc::new(roster),
            head: Head(hash.digest()),
            position: 0,
            keys: BTreeMap::new(),
            key_names: BTreeMap::new(),
            policy: None,
            policy_version: 0,
            placed: BTreeMap::new(),
            announced: BTreeMap::new(),
            settings: genesis.settings,
            settings_version: 0,
            rules_version: 0,
            member_versions: Arc::default(),
            thawed: Arc::default(),
            refused: Arc::default(),
            barred: Arc::default(),
            rejoined: BTreeMap::new(),
            succession: genesis.succession.clone().map(Arc::new),
            seats: Arc::default(),
            heads: BTreeMap::from([(Head(hash.digest()), 0)]),
        })
    }

    /// The domain: the hash of its genesis.
    pub fn genesis(&self) -> GenesisHash {
        self.genesis
    }

    /// The domain's name.
    pub fn domain(&self) -> &Name {
        &self.roster.domain
    }

    /// Whether this is a trial.
    pub fn is_staging(&self) -> bool {
        self.roster.staging
    }

    /// The tip of the log that this state follows from; the genesis hash before the first entry.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The head's position; 0 before the first entry.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The position of a head that the log went through.
    pub fn position_of(&self, head: &Head) -> Option<u64> {
        self.heads.get(head).copied()
    }

    /// Every head that the log went through, from the genesis to the tip, in no order.
    pub fn heads(&self) -> impl Iterator<Item = &Head> {
        self.heads.keys()
    }

    /// How many voters may lie.
    pub fn faults(&self) -> usize {
        self.roster.faults
    }

    /// How many voters decide (AGR-01).
    pub fn quorum(&self) -> usize {
        self.electorate.quorum()
    }

    /// Times that hold for all nodes.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The oldest version that nodes may run, if one is required.
    pub fn minimum(&self) -> Option<&Version> {
        self.minimum.as_ref()
    }

    /// Whether a node that runs this is heard (GOV-35).
    pub fn allows(&self, program: &Program) -> bool {
        self.minimum().is_none_or(|minimum| program.version >= *minimum)
    }

    /// Which administrators together authorise motions about matters without a rule of their own.
    pub fn rule(&self) -> &Tree<PersonId> {
        &self.roster.authority.main.tree
    }

    /// Which administrators together authorise upkeep.
    pub fn upkeep(&self) -> &Tree<PersonId> {
        &self.roster.authority.upkeep
    }

    /// The voters with their keys: signers and witnesses.
    pub fn voters(&self) -> &BTreeMap<NodeId, NodePublic> {
        &self.roster.voters
    }

    /// Whether a node votes.
    pub fn is_voter(&self, node: &NodeId) -> bool {
        self.roster.voters.contains_key(node)
    }

    /// The keys, by id.
    pub fn keys(&self) -> impl Iterator<Item = &KeyOrder> {
        self.keys.values().map(AsRef::as_ref)
    }

    /// A key.
    pub fn key(&self, id: &KeyId) -> Option<&KeyOrder> {
        self.keys.get(id).map(AsRef::as_ref)
    }

    /// The key of a name.
    pub fn key_named(&self, name: &Name) -> Option<&KeyOrder> {
        self.key(self.key_names.get(name)?)
    }

    /// The policy in force, as it was set.
    pub fn policy(&self) -> Option<&[u8]> {
        self.policy.as_deref()
    }

    /// How often the policy was set.
    pub fn policy_version(&self) -> u64 {
        self.policy_version
    }

    /// Who restores what is lost.
    pub fn custody(&self) -> &Custody {
        &self.custody
    }

    /// Its digest.
    pub fn custody_digest(&self) -> Digest {
        self.custody_digest
    }

    /// The custody of this digest, if the charter ever set it.
    pub fn custody_of(&self, digest: &Digest) -> Option<&Custody> {
        self.custodies.get(digest).map(AsRef::as_ref)
    }

    /// Who is more than one of administrator, approver, auditor, operator and custodian, or was
    /// once: the charter excepted them by name (GOV-52).
    pub fn excepted(&self) -> &BTreeSet<Name> {
        &self.excepted
    }

    /// The version of something that motions touch; 0 if none ever did.
    pub fn version(&self, object: &Object) -> u64 {
        match object {
            Object::Policy => self.policy_version,
            Object::Key(name) => self.key_named(name).map_or(0, |order| order.version),
            Object::Custody => self.custody_version,
            Object::Node(name) => self.node_versions.get(name).copied().unwrap_or_default(),
            Object::Faults => self.faults_version,
            Object::Release => self.minimum_version,
            Object::Member(name) => self.member_versions.get(name).copied().unwrap_or_default(),
            Object::Rules => self.rules_version,
            Object::Settings => self.settings_version,
            Object::Announced(motion) => self.announcement(motion).map_or(0, Announced::version),
        }
    }

    /// Whether a motion is in the log.
    pub fn has_placed(&self, motion: &MotionId) -> bool {
        self.placed.contains_key(motion)
    }

    /// The state after an entry. Pure, and total: an entry that was verified against another
    /// state changes nothing.
    #[must_use]
    pub fn apply(&self, entry: VerifiedEntry) -> Self {
        let mut next = self.clone();
        next.advance(entry);
        next
    }

    /// The same in place: whoever replays a long log copies nothing.
    pub fn advance(&mut self, entry: VerifiedEntry) {
        if entry.entry().prev != self.head || entry.entry().genesis != self.genesis {
            return;
        }
        self.head = entry.head();
        self.position += 1;
        self.heads.insert(self.head, self.position);
        match entry.step() {
            Step::Announces { id, status, delay_ms } => self.announce(*id, status, *delay_ms),
            Step::Enacts { id, motion, signed_by } => {
                self.announced.remove(id);
                self.placed.insert(*id, Fate::Enacted(self.position));
                self.enact(*id, motion, signed_by);
                self.drop_superseded();
            }
            Step::Rejoins => {}
        }
        if let Some(rejoin) = entry.rejoin() {
            self.rejoined.insert(rejoin.node, (Some(rejoin.incarnation), self.position));
            self.owed_since = self.position;
        }
    }

    /// Whether a lapsed node's wish may enter the log: its own statement, a vote, and an incarnation
    /// later than any that came back before, at a head that it had not before it did (GOV-34). Whoever waits writes nothing into the log.
    ///
    /// # Errors
    /// [`RejoinError`].
    pub fn check_rejoin(&self, rejoin: &SignedRejoin) -> Result<(), RejoinError> {
        let body = rejoin.verify(self)?;
        let (node, count) = (body.node, body.incarnation.count);
        if !self.is_voter(&node) {
            return Err(RejoinError::NoVote(node));
        }
        let is_later = self.rejoined(&node).is_none_or(|recorded| count > recorded.count);
        // Asked before it last came back, it is a leftover that somebody kept.
        let knows = |at: u64| self.position_of(&body.head).is_some_and(|asked| asked >= at);
        if is_later && self.rejoined_at(&node).is_none_or(knows) {
            Ok(())
        } else {
            Err(RejoinError::Stale { node, count })
        }
    }

    /// Whether a wish to rejoin that was waiting before this head may wait on: it is not the one
    /// that this head placed.
    pub fn awaits_rejoin(&self, node: &NodeId) -> bool {
        let placed_now = |(_, position): &(_, u64)| *position == self.position;
        self.node(node).is_some() && !self.rejoined.get(node).is_some_and(placed_now)
    }

    /// The incarnation in which a node last came back, if it ever lapsed.
    pub fn rejoined(&self, node: &NodeId) -> Option<&Incarnation> {
        self.rejoined.get(node).and_then(|(incarnation, _)| incarnation.as_ref())
    }

    /// Whether a freeze of this digest was ended.
    pub fn has_thawed(&self, freeze: &Digest) -> bool {
        self.thawed.contains(freeze)
    }

    /// Whether an announced succession of this digest was refused.
    pub fn has_refused(&self, cession: &Digest) -> bool {
        self.refused.contains(cession)
    }

    /// Whether somebody may freeze: every person may, until a thaw bars them (GOV-91).
    pub fn may_freeze(&self, person: &PersonId) -> bool {
        self.person(person).is_some() && !self.is_barred(person)
    }

    /// Whether a thaw barred somebody from freezing.
    pub fn is_barred(&self, person: &PersonId) -> bool {
        self.barred.contains(person)
    }

    /// The domain that this one succeeds, if it does.
    pub fn succession(&self) -> Option<&Succession> {
        self.succession.as_deref()
    }

    /// That a node's seat was given to another machine, if it was.
    pub fn seat(&self, node: &NodeId) -> Option<&Seat> {
        self.seats.get(node)
    }

    /// The position of the entry that last took a node back, or gave its seat away, if one did.
    pub fn rejoined_at(&self, node: &NodeId) -> Option<u64> {
        self.rejoined.get(node).map(|(_, position)| *position)
    }

    fn announce(&mut self, id: MotionId, status: &MotionStatus, delay_ms: u64) {
        let (motion, position) = (status.motion.clone(), self.position);
        let signed_by = status.signed_by.iter().copied().collect();
        let matter = self.matter(&motion.body);
        let (objection, overridden) = (None, None);
        let announced =
            Announced { id, motion, matter, signed_by, position, delay_ms, objection, overridden };
        self.announced.insert(id, Arc::new(announced));
        self.placed.insert(id, Fate::Announced);
    }

    /// Announced motions whose ground is gone, or whose signers would not be enough any more, take
    /// effect no more (GOV-80).
    fn drop_superseded(&mut self) {
        let stands = |it: &Announced| self.may_still_enact(it);
        let over = self.announced.values().filter(|it| !stands(it)).map(|it| it.id);
        for id in over.collect::<Vec<_>>() {
            self.announced.remove(&id);
            self.placed.insert(id, Fate::Superseded(self.position));
        }
    }

    fn enact(&mut self, id: MotionId, motion: &Motion, signed_by: &[PersonId]) {
        let head = self.head;
        match &motion.body {
            MotionBody::KeyCreate { name, scheme, access, faults, accounts } => {
                let key = key_id(&id);
                let sharing = Sharing { tree: access.clone(), faults: *faults };
                let order = KeyOrder::new(key, name.clone(), *scheme, *accounts, sharing, head);
                self.key_names.insert(name.clone(), key);
                self.keys.insert(key, Arc::new(order));
            }
            MotionBody::KeyImport { name, scheme, access, faults, imported } => {
                let key = key_id(&id);
                let sharing = Sharing { tree: access.clone(), faults: *faults };
                let order = KeyOrder::new(key, name.clone(), *scheme, 1, sharing, head);
                self.key_names.insert(name.clone(), key);
                self.keys.insert(key, Arc::new(order.from(Origin::Imported(imported.clone()))));
            }
            MotionBody::KeyRestore { name, scheme, access, faults, accounts, restored } => {
                let key = key_id(&id);
                let sharing = Sharing { tree: access.clone(), faults: *faults };
                let order = KeyOrder::new(key, name.clone(), *scheme, *accounts, sharing, head);
                self.key_names.insert(name.clone(), key);
                self.keys.insert(key, Arc::new(order.from(Origin::Restored(restored.clone()))));
            }
            MotionBody::PolicySet { bundle } => {
                self.policy = Some(bundle.as_slice().into());
                self.policy_version += 1;
            }
            MotionBody::KeyRefresh { name } => {
                // Upkeep disturbs no motion that waits for more signatures (GOV-12).
                self.change(name, |order| order.order(head, None));
            }
            MotionBody::KeyReshare { name, access, faults } => {
                let sharing = Sharing { tree: access.clone(), faults: *faults };
                self.touch(name, |order| order.order(head, Some(sharing)));
            }
            MotionBody::KeyVoid { name } => self.touch(name, |order| order.void(head)),
            MotionBody::KeySchedule { name, schedule } => {
                self.touch(name, |order| order.schedule = *schedule);
            }
            MotionBody::KeyPresign { name, most } => {
                self.touch(name, |order| order.presignatures = *most);
            }
            MotionBody::KeyRetire { name } => self.touch(name, |order| order.retired = true),
            MotionBody::KeyExport { name, recipient } => {
                let position = self.position;
                self.touch(name, |order| match recipient {
                    Some(recipient) => order.export_to(recipient.clone(), head, position),
                    None => order.end_exports(position),
                });
            }
            MotionBody::CustodySet { custody, excepted } => {
                self.custody = Arc::new(custody.clone());
                self.custody_version += 1;
                self.custody_digest = custody.digest();
                self.custodies.insert(self.custody_digest, Arc::clone(&self.custody));
                self.excepted.extend(excepted.iter().cloned());
            }
            MotionBody::SeatGive { name, claim } => self.give_seat(name, claim.body()),
            MotionBody::Nodes(change) => self.change_nodes(change),
            MotionBody::People(change) | MotionBody::Recover(change) => {
                self.change_people(id, change);
            }
            MotionBody::ReleaseRequire { minimum } => {
                self.minimum = Some(minimum.clone());
                self.minimum_version += 1;
            }
            MotionBody::SettingsSet { settings } => {
                self.settings = *settings;
                self.settings_version += 1;
            }
            MotionBody::Object { motion } => {
                let position = self.position;
                let by = signed_by.first().copied();
                self.change_announced(motion, |it| {
                    it.objection = by.map(|by| Objection { by, motion: id, position });
                });
            }
            MotionBody::Override { motion, .. } => {
                let position = self.position;
                self.change_announced(motion, |it| it.overridden = Some(position));
            }
            MotionBody::Withdraw { motion } => {
                self.announced.remove(motion);
                self.placed.insert(*motion, Fate::Withdrawn(self.position));
            }
            MotionBody::Thaw { freezes, barred, refused } => {
                let people = barred.iter().filter_map(|name| self.person_named(name));
                let people: Vec<PersonId> = people.map(|person| person.id).collect();
                Arc::make_mut(&mut self.barred).extend(people);
                Arc::make_mut(&mut self.thawed).extend(freezes.iter().copied());
                Arc::make_mut(&mut self.refused).extend(refused.iter().copied());
            }
        }
    }

    /// Who there is and who decides from now on. A change that does not hold changes nothing: it
    /// was refused before it came here.
    fn change_people(&mut self, id: MotionId, change: &PeopleChange) {
        let Ok(roster) = self.changed_people(id, change) else { return };
        self.disown(change);
        self.roster = Arc::new(roster);
        self.excepted.extend(change.excepted.iter().cloned());
        if change.rules.is_some() {
            self.rules_version += 1;
        }
        let versions = Arc::make_mut(&mut self.member_versions);
        for name in change.names() {
            *versions.entry(name).or_default() += 1;
        }
    }

    /// What was announced counts without those whose keys are replaced, or who leave: somebody else
    /// may have signed for them. Who has new keys may freeze again.
    fn disown(&mut self, change: &PeopleChange) {
        let gone = change.changes.iter().filter(|one| one.replaces_keys());
        let gone = gone.filter_map(|one| self.person_named(one.name()));
        let gone: BTreeSet<PersonId> = gone.map(|person| person.id).collect();
        for announced in self.announced.values_mut() {
            if !announced.signed_by.is_disjoint(&gone) {
                Arc::make_mut(announced).signed_by.retain(|person| !gone.contains(person));
            }
        }
        Arc::make_mut(&mut self.barred).retain(|person| !gone.contains(person));
    }

    fn change_announced(&mut self, id: &MotionId, change: impl FnOnce(&mut Announced)) {
        if let Some(announced) = self.announced.get_mut(id) {
            change(Arc::make_mut(announced));
        }
    }

    /// The node begins a new life under other keys: everything of the earlier one is void.
    fn give_seat(&mut self, name: &Name, claim: &SeatClaim) {
        let (entry, position) = (self.head, self.position);
        let seat = Seat { entry, position, claim: claim.clone() };
        Arc::make_mut(&mut self.seats).insert(claim.node, seat);
        self.rejoined.insert(claim.node, (None, position));
        Arc::make_mut(&mut self.roster).rekey(&claim.node, claim.keys, position);
        self.touch_nodes([name.clone()]);
        self.owed_since = position;
    }

    /// Who the nodes are from now on. A change that does not hold changes nothing: it was refused
    /// before it came here.
    fn change_nodes(&mut self, change: &NodesChange) {
        let Ok(roster) = self.changed_nodes(change) else { return };
        let voters: BTreeSet<NodeId> = roster.voters.keys().copied().collect();
        let before = self.faults();
        let is_new = (&voters, roster.faults) != (self.electorate.voters(), before);
        self.roster = Arc::new(roster);
        if is_new {
            let electorate = Electorate::new(self.position, voters, self.roster.faults);
            self.electorate = Arc::new(electorate);
            Arc::make_mut(&mut self.eras).insert(self.position, Arc::clone(&self.electorate));
        }
        if change.faults.is_some() {
            self.faults_version += 1;
        }
        if change.revokes() || self.roster.faults > before {
            self.owed_since = self.position;
        }
        self.touch_nodes(change.names());
    }

    fn touch_nodes(&mut self, names: impl IntoIterator<Item = Name>) {
        let versions = Arc::make_mut(&mut self.node_versions);
        for name in names {
            *versions.entry(name).or_default() += 1;
        }
        self.nodes_changed_at = self.position;
    }

    fn touch(&mut self, name: &Name, change: impl FnOnce(&mut KeyOrder)) {
        self.change(name, |order| {
            order.version += 1;
            change(order);
        });
    }

    fn change(&mut self, name: &Name, change: impl FnOnce(&mut KeyOrder)) {
        let order = self.key_names.get(name).and_then(|key| self.keys.get_mut(key));
        if let Some(order) = order.map(Arc::make_mut) {
            change(order);
        }
    }
}

/// The id of the key that a motion orders.
pub(crate) fn key_id(motion: &MotionId) -> KeyId {
    KeyId(Transcript::new(tag::KEY_ID).part(motion).digest())
}
