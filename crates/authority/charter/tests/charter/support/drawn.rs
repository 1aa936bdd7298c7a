//! Logs drawn in a tiny language, one chain a line:
//!
//! ```text
//! G -> a[key hot] -> b
//! a -> c[policy 7, by ada]
//! ```
//!
//! `G` is the genesis. A name that is new is an entry after the one before it; in brackets: what
//! its motion does, who signed it (`by ada+ben`) and how many nodes certified it (`votes 2`).
//! Left out, it sets some policy, ada and ben signed, and a quorum certified. An entry after one
//! that does not hold stands where it would stand if it held.
//!
//! | note | the motion |
//! |---|---|
//! | `key NAME`, `key NAME NODES`, `policy NUMBER` | orders a key, also over two of these nodes (`n1+n5`), sets a policy |
//! | `refresh KEY`, `void KEY`, `retire KEY`, `nightly KEY`, `ahead KEY` | is about that key |
//! | `export KEY WHO`, `keep KEY` | gives that key to somebody, ends that |
//! | `lease SECONDS` | sets the settings |
//! | `thaw NUMBER`, `refuse NUMBER` | ends some freeze, refuses some announced succession |
//! | `again ENTRY` | is the very motion of that entry |
//! | `join NAME ROLES`, `serve NAME` | enrols a person (`approve`, `admin+approve`) or a service |
//! | `leave NAME`, `roles NAME ROLES` | revokes a person or service, changes roles |
//! | `rekey NAME KEYS` | gives a person other keys: `ada-2+ada-3` |
//! | `team NAME PEOPLE` | makes a team |
//! | `rules N PEOPLE` | from then on N of these rule; with `join` or `leave` in one motion |
//! | `wait SECONDS` | the rules announce what is dangerous for so long |
//! | `recover`, `no recovery` | guardians sign what the other notes say; nobody recovers any more |
//! | `admit NODE`, `probe NODE` | admits a signer, which votes at once or waits |
//! | `suspend NODE`, `resume NODE`, `expel NODE` | lets a node wait, vote again, leave for ever |
//! | `declare NODE TEXT`, `bear NUMBER` | who runs a node, how many voters may lie |
//! | `require VERSION` | nodes must run at least that |
//! | `object ENTRY`, `override ENTRY`, `withdraw ENTRY` | is about that announced motion |
//! | `enact ENTRY` | none: the announced motion takes effect |
//! | `back NODE` | none: that node asks to come back, in its second life |
//! | `given NAME` | does what the test gave under that name |

use super::{Domain, admit, member, name, recipient, roles, secrets_behind, signed_by};
use quorate_access::Tree;
use quorate_charter::{
    Ahead, CertifiedEntry, Change, Declaration, Entry, EntryBody, Incarnation, LogError,
    MemberKind, MotionBody, NodeChange, NodesChange, PeopleChange, RefreshSchedule, Rejoin, Replay,
    Settings, SignedMotion, SignedRejoin, Standing, State, Window, verify_log,
};
use quorate_codec::Digest;
use quorate_identity::{MotionId, Scheme};
use std::collections::BTreeMap;

pub struct Drawing<'a> {
    domain: &'a Domain,
    given: BTreeMap<String, MotionBody>,
    states: BTreeMap<String, State>,
    motions: BTreeMap<String, SignedMotion>,
    entries: BTreeMap<String, CertifiedEntry>,
}

impl<'a> Drawing<'a> {
    pub fn new(domain: &'a Domain, text: &str) -> Self {
        let states = BTreeMap::from([("G".to_owned(), domain.state.clone())]);
        let (given, motions, entries) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut drawing = Self { domain, given, states, motions, entries };
        drawing.more(text);
        drawing
    }

    /// What a motion does that no other note says: `given NAME` from then on.
    pub fn give(&mut self, name: &str, body: MotionBody) {
        self.given.insert(name.to_owned(), body);
    }

    /// More chains, also after entries that are there.
    pub fn more(&mut self, text: &str) {
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let mut words = line.split("->").map(str::trim);
            let mut parent = words.next().unwrap().to_owned();
            for word in words {
                parent = self.draw(&parent, word);
            }
        }
    }

    pub fn state(&self, entry: &str) -> &State {
        &self.states[entry]
    }

    pub fn entry(&self, entry: &str) -> CertifiedEntry {
        self.entries[entry].clone()
    }

    pub fn motion(&self, entry: &str) -> &SignedMotion {
        &self.motions[entry]
    }

    /// The id of an entry's motion.
    pub fn id(&self, entry: &str) -> MotionId {
        self.motions[entry].id()
    }

    /// Why an entry does not hold after the one that it was drawn after.
    pub fn refusal(&self, parent: &str, entry: &str) -> String {
        self.states[parent].verify_entry(&self.entries[entry]).unwrap_err().to_string()
    }

    /// Replays these entries in this order. What holds, holds for whoever follows it as well.
    pub fn replay(&self, entries: &str) -> Result<State, LogError> {
        let entries = entries.split_whitespace().map(|entry| self.entry(entry));
        let entries: Vec<CertifiedEntry> = entries.collect();
        let verified = verify_log(&self.domain.file, &self.domain.hash, entries.clone());
        let mut replay = Replay::from(self.domain.state.clone());
        let followed = replay.extend(&entries, Ahead::nothing).and_then(|()| replay.finish());
        match (&verified, &followed) {
            (Ok(verified), Ok(followed)) => assert_eq!(verified, followed),
            (Ok(_), Err(error)) => panic!("verified and not followed: {error}"),
            (Err(_), _) => {}
        }
        verified
    }

    fn draw(&mut self, parent: &str, word: &str) -> String {
        let (entry, notes) = word.split_once('[').unwrap_or((word, ""));
        if self.entries.contains_key(entry) {
            return entry.to_owned();
        }
        let mut body = MotionBody::PolicySet { bundle: entry.as_bytes().to_vec() };
        let (mut by, mut again) = ("ada+ben", None);
        let state = self.states[parent].clone();
        let mut votes = state.quorum();
        let mut change = PeopleChange { changes: vec![], rules: None, excepted: vec![] };
        let mut nodes = NodesChange { changes: vec![], faults: None };
        let stand = |node: &str, standing| NodeChange::Stand { name: name(node), standing };
        let (mut recovers, mut places) = (false, None);
        let notes = notes.trim_end_matches(']').split(',').map(str::trim);
        for note in notes.filter(|note| !note.is_empty()) {
            match note.split_once(' ').unwrap_or((note, "")) {
                ("key", key) => {
                    body = match key.split_once(' ') {
                        None => self.domain.key_create(key),
                        Some((key, nodes)) => key_over(&state, key, nodes),
                    };
                }
                ("policy", number) => body = MotionBody::PolicySet { bundle: number.into() },
                ("again", other) => again = Some(self.motions[other].clone()),
                ("join", who) => {
                    let (who, what) = who.split_once(' ').unwrap();
                    let member = member(state.genesis(), who, MemberKind::Person, &[who]);
                    change.changes.push(Change::Enrol { member, roles: roles(what) });
                }
                ("serve", who) => {
                    let member = member(state.genesis(), who, MemberKind::Service, &[who]);
                    change.changes.push(Change::Enrol { member, roles: roles("") });
                }
                ("leave", who) => change.changes.push(Change::Revoke { name: name(who) }),
                ("roles", who) => {
                    let (who, what) = who.split_once(' ').unwrap();
                    change.changes.push(Change::Roles { name: name(who), roles: roles(what) });
                }
                ("rekey", who) => {
                    let (who, keys) = who.split_once(' ').unwrap();
                    let keys: Vec<&str> = keys.split('+').collect();
                    let member = member(state.genesis(), who, MemberKind::Person, &keys);
                    change.changes.push(Change::Keys { member });
                }
                ("team", who) => {
                    let (team, people) = who.split_once(' ').unwrap();
                    let members = people.split('+').map(name).collect();
                    change.changes.push(Change::Team { name: name(team), members });
                }
                ("rules", who) => {
                    let (number, people) = who.split_once(' ').unwrap();
                    let people = people.replace('+', ", ");
                    let rules = change.rules.get_or_insert_with(|| state.rules().clone());
                    rules.main.tree = format!("{number} of ({people})").parse().unwrap();
                    rules.main.overriding = rules.main.tree.clone();
                    rules.upkeep = format!("any of ({people})").parse().unwrap();
                }
                ("wait", seconds) => {
                    let rules = change.rules.get_or_insert_with(|| state.rules().clone());
                    rules.main.delay_ms = seconds.parse::<u64>().unwrap() * 1_000;
                }
                ("no", "recovery") => {
                    let rules = change.rules.get_or_insert_with(|| state.rules().clone());
                    rules.recovery = None;
                }
                ("recover", _) => {
                    recovers = true;
                    change.rules.get_or_insert_with(|| state.rules().clone());
                }
                ("refresh", key) => body = MotionBody::KeyRefresh { name: name(key) },
                ("void", key) => body = MotionBody::KeyVoid { name: name(key) },
                ("retire", key) => body = MotionBody::KeyRetire { name: name(key) },
                ("export", key) => {
                    let (key, who) = key.split_once(' ').unwrap();
                    let recipient = Some(recipient(who));
                    body = MotionBody::KeyExport { name: name(key), recipient };
                }
                ("keep", key) => {
                    body = MotionBody::KeyExport { name: name(key), recipient: None };
                }
                ("nightly", key) => {
                    let window = Some(Window { from: 120, minutes: 180 });
                    let (every_ms, jitter_ms) = (86_400_000, 3_600_000);
                    let schedule = Some(RefreshSchedule { every_ms, jitter_ms, window });
                    body = MotionBody::KeySchedule { name: name(key), schedule };
                }
                ("ahead", key) => {
                    body = MotionBody::KeyPresign { name: name(key), most: 64 };
                }
                ("lease", seconds) => {
                    let lease_ms = seconds.parse::<u64>().unwrap() * 1_000;
                    let settings = Settings { lease_ms, ..Settings::default() };
                    body = MotionBody::SettingsSet { settings };
                }
                ("thaw", number) => {
                    let freezes = vec![Digest([number.parse().unwrap(); 32])];
                    body =
                        MotionBody::Thaw { freezes, barred: vec![name("olga")], refused: vec![] };
                }
                ("refuse", number) => {
                    let refused = vec![Digest([number.parse().unwrap(); 32])];
                    body = MotionBody::Thaw { freezes: vec![], barred: vec![], refused };
                }
                ("admit", node) => nodes.changes.push(admit(node, Standing::Votes)),
                ("probe", node) => nodes.changes.push(admit(node, Standing::Waits)),
                ("suspend", node) => nodes.changes.push(stand(node, Standing::Waits)),
                ("resume", node) => nodes.changes.push(stand(node, Standing::Votes)),
                ("expel", node) => nodes.changes.push(NodeChange::Revoke { name: name(node) }),
                ("declare", node) => {
                    let (node, operator) = node.split_once(' ').unwrap();
                    let operator = operator.to_owned();
                    let declared = Declaration { operator, ..Declaration::default() };
                    nodes.changes.push(NodeChange::Declare { name: name(node), declared });
                }
                ("require", version) => {
                    body = MotionBody::ReleaseRequire { minimum: version.parse().unwrap() };
                }
                ("bear", number) => nodes.faults = Some(number.parse().unwrap()),
                ("object", other) => body = MotionBody::Object { motion: self.id(other) },
                ("override", other) => {
                    let motion = self.id(other);
                    let objection = state.announcement(&motion).and_then(|it| it.objection);
                    let objection = objection.map_or(motion, |it| it.motion);
                    body = MotionBody::Override { motion, objection };
                }
                ("withdraw", other) => body = MotionBody::Withdraw { motion: self.id(other) },
                ("enact", other) => places = Some(EntryBody::Enact(self.id(other))),
                ("back", node) => places = Some(EntryBody::Rejoin(back(&state, node))),
                ("given", name) => body = self.given[name].clone(),
                ("by", people) => by = people,
                ("votes", count) => votes = count.parse().unwrap(),
                (other, _) => panic!("'{other}' means nothing"),
            }
        }
        change.changes.sort_by_key(|one| one.name().clone());
        nodes.changes.sort_by_key(|change| change.name().clone());
        if !nodes.changes.is_empty() || nodes.faults.is_some() {
            body = MotionBody::Nodes(nodes);
        }
        let changes = !change.changes.is_empty() || change.rules.is_some();
        body = match (changes, recovers) {
            (true, true) => MotionBody::Recover(change),
            (true, false) => MotionBody::People(change),
            (false, _) => body,
        };
        let people: Vec<&str> = by.split('+').filter(|one| *one != "nobody").collect();
        let motion =
            again.unwrap_or_else(|| signed_by(&state, self.domain.motion(&state, body), &people));
        let body = places.unwrap_or_else(|| EntryBody::Motion(motion.clone()));
        let certified = self.domain.certify_at(&state, &Entry::next(&state, body), votes);
        let next = match state.verify_entry(&certified) {
            Ok(verified) => state.apply(verified),
            Err(_) => state,
        };
        self.states.insert(entry.to_owned(), next);
        self.motions.insert(entry.to_owned(), motion);
        self.entries.insert(entry.to_owned(), certified);
        entry.to_owned()
    }
}

/// A node asks to come back, in its second life.
fn back(state: &State, node: &str) -> SignedRejoin {
    let node = state.node_named(&name(node)).unwrap();
    let incarnation = Incarnation::first(Digest([1; 32])).next(Digest([2; 32]));
    let (genesis, head) = (state.genesis(), state.head());
    let body = Rejoin { version: 1, genesis, node: node.id, incarnation, head };
    SignedRejoin::sign(body, &secrets_behind(&node.keys))
}

/// The order of a key that any two of these nodes use.
fn key_over(state: &State, key: &str, nodes: &str) -> MotionBody {
    let leaf = |node| Tree::Leaf(state.node_named(&name(node)).unwrap().id);
    let access = Tree::gate(2, nodes.split('+').map(leaf).collect()).unwrap();
    MotionBody::key_create(name(key), Scheme::Ed25519, access)
}
