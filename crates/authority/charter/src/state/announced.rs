//! Motions that were announced and wait: how long, who may object, and who overrides (GOV-80 to
//! GOV-85).

use super::State;
use crate::limits::ANNOUNCED_MAX;
use crate::motion::{Change, Motion, MotionBody, MotionError, PeopleChange};
use crate::rules::{Matter, objected_ms};
use quorate_access::Tree;
use quorate_identity::{MotionId, Name, PersonId};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A dangerous motion that is authorised and waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// Its id.
    pub id: MotionId,
    /// What it says.
    pub motion: Arc<Motion>,
    /// What it was about when it was announced.
    pub matter: Matter,
    /// Who signed it, without those whose keys were replaced since.
    pub signed_by: BTreeSet<PersonId>,
    /// The position of the entry that announced it.
    pub position: u64,
    /// How long it waits after that, in milliseconds: as the rules said when it was announced.
    pub delay_ms: u64,
    /// Who objected first, if somebody did.
    pub objection: Option<Objection>,
    /// The position of the entry that overrode that, if one did.
    pub overridden: Option<u64>,
}

/// An objection to an announced motion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Objection {
    /// Who objected.
    pub by: PersonId,
    /// The motion by which they did: an override names it.
    pub motion: MotionId,
    /// The position of its entry.
    pub position: u64,
}

/// What became of a motion that was placed in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It took effect, at this position.
    Enacted(u64),
    /// It is announced and waits.
    Announced,
    /// It was withdrawn, at this position.
    Withdrawn(u64),
    /// What it touches changed before it took effect, at this position.
    Superseded(u64),
}

impl Announced {
    /// Positions with which waits of it began, and how long each lasts: the delay after it was
    /// announced; once somebody objected, a longer one after that; once that was overridden, the
    /// delay again, so that nobody overrides in silence (GOV-81, GOV-82).
    pub fn waits(&self) -> Vec<(u64, u64)> {
        let Some(objection) = self.objection else { return vec![(self.position, self.delay_ms)] };
        let overridden = self.overridden.map(|position| (position, self.delay_ms));
        let objected = (objection.position, objected_ms(self.delay_ms));
        std::iter::once(objected).chain(overridden).collect()
    }

    /// When it may take effect by the clock of whoever stored the entries of positions when
    /// `stored_at` says. Nothing if that clock never saw them (GOV-81).
    pub fn due(&self, stored_at: &dyn Fn(u64) -> Option<u64>) -> Option<u64> {
        let ends = self.waits().into_iter();
        let ends = ends.map(|(since, wait)| Some(stored_at(since)?.saturating_add(wait)));
        ends.collect::<Option<Vec<u64>>>()?.into_iter().max()
    }

    /// Whether somebody objected and nobody overrode that.
    pub fn is_objected(&self) -> bool {
        self.objection.is_some() && self.overridden.is_none()
    }

    /// The version of the announcement: what motions about it expect.
    pub(super) fn version(&self) -> u64 {
        1 + u64::from(self.objection.is_some()) + u64::from(self.overridden.is_some())
    }

    /// Whom it names: whoever changes them meanwhile would decide about it.
    fn names(&self) -> BTreeSet<Name> {
        match &self.motion.body {
            MotionBody::People(change) | MotionBody::Recover(change) => {
                let rules = change.rules.iter();
                let in_rules = rules.flat_map(|it| &it.administrators() | &it.guardians());
                change.names().into_iter().chain(in_rules).collect()
            }
            MotionBody::CustodySet { custody, .. } => {
                custody.custodians.iter().map(|custodian| custodian.name.clone()).collect()
            }
            MotionBody::KeyExport { recipient: Some(recipient), .. } => {
                BTreeSet::from([recipient.name.clone()])
            }
            _ => BTreeSet::new(),
        }
    }
}

impl State {
    /// Motions that are announced and wait, by id.
    pub fn announced(&self) -> impl Iterator<Item = &Announced> {
        self.announced.values().map(AsRef::as_ref)
    }

    /// An announced motion.
    pub fn announcement(&self, id: &MotionId) -> Option<&Announced> {
        self.announced.get(id).map(AsRef::as_ref)
    }

    /// What became of a motion that was placed in the log.
    pub fn fate(&self, id: &MotionId) -> Option<Fate> {
        self.placed.get(id).copied()
    }

    /// The matter that a motion is about (GOV-72).
    pub fn matter(&self, body: &MotionBody) -> Matter {
        match body {
            MotionBody::PolicySet { .. } => Matter::Policy,
            MotionBody::CustodySet { .. } => Matter::Custody,
            MotionBody::SeatGive { .. } | MotionBody::Nodes(_) => Matter::Nodes,
            MotionBody::SettingsSet { .. } | MotionBody::ReleaseRequire { .. } => Matter::Settings,
            MotionBody::Thaw { .. } => Matter::Freezes,
            MotionBody::People(change) => self.matter_of_change(change),
            MotionBody::Recover(_) => Matter::Rules,
            MotionBody::Object { motion }
            | MotionBody::Override { motion, .. }
            | MotionBody::Withdraw { motion } => {
                self.announcement(motion).map_or(Matter::Rules, |it| it.matter)
            }
            MotionBody::KeyCreate { .. }
            | MotionBody::KeyRefresh { .. }
            | MotionBody::KeyReshare { .. }
            | MotionBody::KeyVoid { .. }
            | MotionBody::KeySchedule { .. }
            | MotionBody::KeyPresign { .. }
            | MotionBody::KeyRetire { .. }
            | MotionBody::KeyImport { .. }
            | MotionBody::KeyRestore { .. }
            | MotionBody::KeyExport { .. } => Matter::Keys,
        }
    }

    /// A change of the rules, or of somebody who stands in them, is about the rules: whoever
    /// changes the keys of administrators has their say. So is one that names somebody whom an
    /// announced motion of another matter names: else a laxer rule would decide about that (GOV-72).
    fn matter_of_change(&self, change: &PeopleChange) -> Matter {
        let is_service = |name: &Name| self.service_named(name).is_some();
        let is_of_services = change.of_services(is_service) > 0;
        let plain = if is_of_services { Matter::Services } else { Matter::People };
        let authority = &self.roster.authority;
        let mut in_rules = authority.administrators();
        in_rules.extend(authority.guardians());
        let touches_them = |change: &Change| {
            let person = self.person_named(change.name());
            person.is_some_and(|person| in_rules.contains(&person.id))
                && !matches!(change, Change::Team { .. })
        };
        let others = self.announced().filter(|it| it.matter != plain);
        let named: BTreeSet<Name> = others.flat_map(Announced::names).collect();
        let crosses = change.names().iter().any(|name| named.contains(name));
        let is_of_rules = change.rules.is_some() || change.changes.iter().any(touches_them);
        if is_of_rules || crosses { Matter::Rules } else { plain }
    }

    /// Who together authorises a motion that says this (GOV-16).
    ///
    /// # Errors
    /// [`MotionError`]: nobody does.
    pub fn authority_for(&self, body: &MotionBody) -> Result<Tree<PersonId>, MotionError> {
        let authority = &self.roster.authority;
        match body {
            body if body.is_upkeep() => Ok(authority.upkeep.clone()),
            MotionBody::Recover(_) => {
                let recovery = authority.recovery.as_ref();
                recovery.map(|(tree, _)| tree.clone()).ok_or(MotionError::NoRecovery)
            }
            MotionBody::Object { motion } => self.objectors(motion),
            MotionBody::Override { motion, .. } => {
                let announced = self.must_be_announced(motion)?;
                Ok(authority.say(announced.matter).overriding.clone())
            }
            MotionBody::Withdraw { motion } => {
                let announced = self.must_be_announced(motion)?;
                Ok(authority.say(announced.matter).tree.clone())
            }
            body => Ok(authority.say(self.matter(body)).tree.clone()),
        }
    }

    /// Any administrator or guardian whom the motion does not remove may object, and any two of those
    /// whom it does together: alone they cannot, or one stolen key would object to its own end. Nobody
    /// objects to a recovery, which waits the longest and which those who rule can withdraw
    /// (GOV-83, N-102).
    fn objectors(&self, motion: &MotionId) -> Result<Tree<PersonId>, MotionError> {
        let announced = self.must_be_announced(motion)?;
        let change = match &announced.motion.body {
            MotionBody::Recover(_) => return Err(MotionError::NoObjection),
            MotionBody::People(change) => Some(change),
            _ => None,
        };
        let mut everybody = self.roster.authority.administrators();
        everybody.extend(self.roster.authority.guardians());
        let removed = change.map(|change| self.removed_by(change)).unwrap_or_default();
        let leaf = |person: &PersonId| Tree::Leaf(*person);
        let mut any: Vec<_> = everybody.difference(&removed).map(leaf).collect();
        let together: Vec<_> = everybody.intersection(&removed).map(leaf).collect();
        if together.len() > 1 {
            any.extend(Tree::gate(2, together).ok());
        }
        let tree = match any.len() {
            1 => any.pop(),
            _ => Tree::gate(1, any).ok(),
        };
        tree.ok_or(MotionError::NoObjection)
    }

    /// Whom a change takes their say, their keys or their place.
    fn removed_by(&self, change: &PeopleChange) -> BTreeSet<PersonId> {
        let changed = change.changes.iter().filter(|change| {
            matches!(change, Change::Revoke { .. } | Change::Keys { .. } | Change::Roles { .. })
        });
        let mut names: BTreeSet<Name> = changed.map(|change| change.name().clone()).collect();
        if let Some(rules) = &change.rules {
            let stay: BTreeSet<Name> = &rules.administrators() | &rules.guardians();
            let have = &self.rules().administrators() | &self.rules().guardians();
            names.extend(have.difference(&stay).cloned());
        }
        names.iter().filter_map(|name| self.person_named(name)).map(|person| person.id).collect()
    }

    pub(super) fn must_be_announced(&self, id: &MotionId) -> Result<&Announced, MotionError> {
        self.announcement(id).ok_or(MotionError::NotAnnounced(*id))
    }

    /// How long a motion is announced before it takes effect, in milliseconds; 0: it takes effect
    /// at once (GOV-80).
    pub fn delay_of(&self, body: &MotionBody) -> u64 {
        if let MotionBody::Recover(_) = body {
            return self.roster.authority.recovery.as_ref().map_or(0, |(_, delay_ms)| *delay_ms);
        }
        match self.is_dangerous(body) {
            true => self.roster.authority.say(self.matter(body)).delay_ms,
            false => 0,
        }
    }

    /// Whether as many motions of its matter are announced as may be: recoveries count for
    /// themselves.
    pub(super) fn is_crowded(&self, body: &MotionBody) -> bool {
        let is_recovery = |body: &MotionBody| matches!(body, MotionBody::Recover(_));
        let matter = self.matter(body);
        let alike = self
            .announced()
            .filter(|it| it.matter == matter && is_recovery(&it.motion.body) == is_recovery(body));
        alike.count() >= ANNOUNCED_MAX
    }

    /// Whether those who signed an announced motion would be enough to announce it now.
    pub(super) fn is_still_authorised(&self, announced: &Announced) -> bool {
        let authority = &self.roster.authority;
        match (&announced.motion.body, &authority.recovery) {
            (MotionBody::Recover(_), recovery) => {
                recovery.as_ref().is_some_and(|(tree, _)| tree.satisfied(&announced.signed_by))
            }
            _ => authority.say(announced.matter).tree.satisfied(&announced.signed_by),
        }
    }

    /// Whether a motion changes who can sign, who decides, or what is allowed, or cannot be undone.
    fn is_dangerous(&self, body: &MotionBody) -> bool {
        match body {
            MotionBody::PolicySet { .. }
            | MotionBody::KeyReshare { .. }
            | MotionBody::KeyRetire { .. }
            | MotionBody::CustodySet { .. }
            | MotionBody::SeatGive { .. }
            | MotionBody::SettingsSet { .. }
            | MotionBody::Recover(_) => true,
            MotionBody::Nodes(change) => change.is_dangerous(),
            // Ending one only stops.
            MotionBody::KeyExport { recipient, .. } => recipient.is_some(),
            MotionBody::People(change) => {
                change.rules.is_some() || change.changes.iter().any(|one| self.widens(one))
            }
            MotionBody::KeyCreate { .. }
            | MotionBody::KeyRefresh { .. }
            | MotionBody::KeyVoid { .. }
            | MotionBody::KeySchedule { .. }
            | MotionBody::KeyPresign { .. }
            | MotionBody::KeyImport { .. }
            | MotionBody::KeyRestore { .. }
            | MotionBody::Object { .. }
            | MotionBody::Override { .. }
            | MotionBody::Withdraw { .. }
            | MotionBody::ReleaseRequire { .. }
            | MotionBody::Thaw { .. } => false,
        }
    }

    /// Whether somebody else can do afterwards what decides about signatures. Taking that away is
    /// no danger, and often urgent.
    fn widens(&self, change: &Change) -> bool {
        match change {
            Change::Keys { .. } => true,
            // A service asks for what the policy may allow to whoever asks.
            Change::Enrol { roles, .. } => roles.decides() || roles.named().is_empty(),
            Change::Roles { name, roles } => {
                let before = self.person_named(name).map(|it| it.roles.clone()).unwrap_or_default();
                let gains = |had: bool, has: bool| has && !had;
                gains(before.administrator, roles.administrator)
                    || gains(before.approver, roles.approver)
                    || gains(before.guardian, roles.guardian)
            }
            Change::Revoke { .. } | Change::Team { .. } => false,
        }
    }

    /// What an objection, an overriding or a withdrawal needs beside signatures.
    pub(super) fn check_about_announced(&self, body: &MotionBody) -> Result<(), MotionError> {
        match body {
            MotionBody::Object { motion } => match self.must_be_announced(motion)?.objection {
                None => self.objectors(motion).map(|_| ()),
                Some(_) => Err(MotionError::Objected),
            },
            MotionBody::Override { motion, objection } => {
                let announced = self.must_be_announced(motion)?;
                let objected = announced.objection.filter(|_| announced.is_objected());
                match objected.is_some_and(|it| it.motion == *objection) {
                    true => Ok(()),
                    false => Err(MotionError::NoOverride),
                }
            }
            MotionBody::Withdraw { motion } => self.must_be_announced(motion).map(|_| ()),
            _ => Ok(()),
        }
    }
}
