//! Changes of people, services, teams and rules (GOV-74 to GOV-77).

use super::State;
use super::roster::{Authority, Person, Roster, Service};
use crate::genesis::{Roles, check_roles};
use crate::limits::{PEOPLE_CHANGES_MAX, PEOPLE_MAX, SERVICES_MAX, TEAMS_MAX};
use crate::member::{Authenticators, Member, MemberKind};
use crate::motion::{Change, MotionBody, PeopleChange, PeopleError};
use quorate_codec::{Digest, Transcript, tag, tag::Tag};
use quorate_identity::{MotionId, Name, PersonId, ServiceId};
use std::collections::BTreeSet;

impl State {
    /// Who there is after a change by this motion; refuses what must not be (GOV-75 to GOV-77).
    pub(super) fn changed_people(
        &self,
        motion: MotionId,
        change: &PeopleChange,
    ) -> Result<Roster, PeopleError> {
        let names = change.names();
        let is_ordered = names.len() == change.changes.len()
            && names.is_sorted_by(|left, right| left < right)
            && names.len() <= PEOPLE_CHANGES_MAX;
        if !is_ordered || (names.is_empty() && change.rules.is_none()) {
            return Err(PeopleError::Changes);
        }
        let of_services = change.of_services(|name| self.service_named(name).is_some());
        if of_services > 0 && (of_services < names.len() || change.rules.is_some()) {
            return Err(PeopleError::Mixed);
        }
        let mut roster = (*self.roster).clone();
        let known = self.known_points();
        let mut new_keys = BTreeSet::new();
        for one in &change.changes {
            if let Some(member) = one.member() {
                self.check_new_keys(member.body(), &known, &mut new_keys)?;
            }
            self.change_one(&mut roster, motion, one)?;
        }
        if names.is_empty() && change.rules.as_ref() == Some(self.rules()) {
            return Err(PeopleError::Changes);
        }
        if let Some(rules) = &change.rules {
            roster.rules = rules.clone();
        }
        self.check_after(&mut roster, &change.excepted)?;
        Ok(roster)
    }

    /// A recovery brings administrators in, takes former ones out or gives them new keys, and says
    /// what the rules are; guardians do not make themselves more than they are (GOV-85).
    pub(super) fn check_recovery(&self, change: &PeopleChange) -> Result<(), PeopleError> {
        let administrates = |roles: &Roles| *roles == Roles::administrating();
        let is_administrator =
            |name: &Name| self.person_named(name).is_some_and(|person| person.roles.administrator);
        let belongs = |one: &Change| match one {
            Change::Enrol { roles, .. } => administrates(roles),
            Change::Revoke { name } => is_administrator(name),
            Change::Keys { .. } => is_administrator(one.name()),
            Change::Roles { .. } | Change::Team { .. } => false,
        };
        let rules = change.rules.as_ref().ok_or(PeopleError::Recovery)?;
        let is_only_that = change.changes.iter().all(belongs) && change.excepted.is_empty();
        match is_only_that && rules.recovery == self.rules().recovery {
            true => Ok(()),
            false => Err(PeopleError::Recovery),
        }
    }

    /// Keys that are nobody's and never were, and whose holder shows that it has them (N-27).
    fn check_new_keys(
        &self,
        member: &Member,
        known: &BTreeSet<Vec<u8>>,
        new: &mut BTreeSet<Vec<u8>>,
    ) -> Result<(), PeopleError> {
        let own = match member.kind {
            MemberKind::Person => self.person_named(&member.name).map(|person| &person.keys),
            MemberKind::Service => self.service_named(&member.name).map(|service| &service.keys),
        };
        for key in &member.keys {
            let is_own = own.is_some_and(|own| own.contains(key));
            let point = crate::genesis::point(key);
            // A recovery key of P-256 is written by the first coordinate alone (KEX-02).
            let was_given = self.exported_to().any(|recipient| recipient.is_point(&point));
            let is_known = known.contains(&point) || was_given;
            if !new.insert(point) || (is_known && !is_own) {
                return Err(PeopleError::KeyTaken(member.name.clone()));
            }
        }
        Ok(())
    }

    fn change_one(
        &self,
        roster: &mut Roster,
        motion: MotionId,
        change: &Change,
    ) -> Result<(), PeopleError> {
        match change {
            Change::Enrol { roles, .. } => {
                let member = self.shown_member(change)?;
                roster.check_free(&member.name)?;
                if member.kind == MemberKind::Service {
                    self.check_no_custodian(&member.name)?;
                }
                roster.enrol(motion, member, roles.clone())
            }
            Change::Keys { .. } => {
                let Member { name, kind, keys, .. } = self.shown_member(change)?;
                roster.set_keys(name, *kind, keys.clone())
            }
            Change::Revoke { name } => roster.revoke(name),
            Change::Roles { name, roles } => roster.set_roles(name, roles.clone()),
            Change::Team { name, members } => {
                self.check_no_custodian(name)?;
                roster.set_team(name, members)
            }
        }
    }

    /// A custodian's name is a person's, or nobody's (GOV-50): of now, or of an announced custody.
    fn check_no_custodian(&self, name: &Name) -> Result<(), PeopleError> {
        let announced = self.announced().filter_map(|it| match &it.motion.body {
            MotionBody::CustodySet { custody, .. } => Some(custody),
            _ => None,
        });
        let mut custodies = announced.chain([self.custody()]);
        match custodies.any(|custody| custody.named(name).is_some()) {
            true => Err(PeopleError::NameTaken(name.clone())),
            false => Ok(()),
        }
    }

    /// What a change says of a member, shown by the member's own keys.
    fn shown_member<'c>(&self, change: &'c Change) -> Result<&'c Member, PeopleError> {
        let signed = change.member().ok_or(PeopleError::Changes)?;
        let name = signed.body().name.to_string();
        signed.verify(&self.genesis()).map_err(|error| PeopleError::Member { name, error })
    }

    /// Everything together must be as a genesis must be.
    fn check_after(&self, roster: &mut Roster, excepted: &[Name]) -> Result<(), PeopleError> {
        let numbers = [
            ("people", roster.people.len(), PEOPLE_MAX),
            ("services", roster.services.len(), SERVICES_MAX),
            ("teams", roster.teams.len(), TEAMS_MAX),
        ];
        if let Some((what, ..)) = numbers.into_iter().find(|(_, number, most)| number > most) {
            return Err(PeopleError::TooMany(what));
        }
        let who = |has: fn(&Roles) -> bool| -> BTreeSet<Name> {
            let people = roster.people.values().filter(|person| has(&person.roles));
            people.map(|person| person.name.clone()).collect()
        };
        let administrators = who(|roles| roles.administrator);
        let guardians = who(|roles| roles.guardian);
        roster.rules.check(&administrators, &guardians)?;
        roster.authority = Authority::of(&roster.rules, &roster.people)?;
        let known: BTreeSet<Name> =
            roster.people.values().map(|person| person.name.clone()).collect();
        let mut members = roster.teams.values().flatten();
        if let Some(stranger) = members.find(|name| !known.contains(*name)) {
            return Err(PeopleError::Unknown(stranger.clone()));
        }
        let people = roster.people.values().map(|person| (&person.name, &person.roles));
        Ok(check_roles(people, self.custody(), excepted, self.excepted())?)
    }
}

impl Roster {
    /// Nobody has the name, or ever had it (GOV-76, N-27).
    pub(super) fn is_free(&self, name: &Name) -> bool {
        let is_taken = self.nodes.values().any(|node| node.name == *name)
            || self.people.values().any(|person| person.name == *name)
            || self.services.values().any(|service| service.name == *name)
            || self.teams.contains_key(name)
            || self.former_names.contains(name);
        !is_taken
    }

    fn check_free(&self, name: &Name) -> Result<(), PeopleError> {
        if self.is_free(name) { Ok(()) } else { Err(PeopleError::NameTaken(name.clone())) }
    }

    fn enrol(
        &mut self,
        motion: MotionId,
        member: &Member,
        roles: Roles,
    ) -> Result<(), PeopleError> {
        let Member { name, kind, keys, .. } = member.clone();
        if roles.named().is_empty() == (kind == MemberKind::Person) {
            return Err(PeopleError::NoRole(name));
        }
        match kind {
            MemberKind::Person => {
                let id = PersonId(member_id(tag::PERSON_ID, motion, &name));
                self.people.insert(id, Person { id, name, keys, roles });
            }
            MemberKind::Service => {
                let id = ServiceId(member_id(tag::SERVICE_ID, motion, &name));
                self.services.insert(id, Service { id, name, keys });
            }
        }
        Ok(())
    }

    fn person_mut(&mut self, name: &Name) -> Result<&mut Person, PeopleError> {
        let person = self.people.values_mut().find(|person| person.name == *name);
        person.ok_or_else(|| PeopleError::Unknown(name.clone()))
    }

    fn service_mut(&mut self, name: &Name) -> Result<&mut Service, PeopleError> {
        let service = self.services.values_mut().find(|service| service.name == *name);
        service.ok_or_else(|| PeopleError::Unknown(name.clone()))
    }

    fn set_keys(
        &mut self,
        name: &Name,
        kind: MemberKind,
        keys: Authenticators,
    ) -> Result<(), PeopleError> {
        let held = match kind {
            MemberKind::Person => &mut self.person_mut(name)?.keys,
            MemberKind::Service => &mut self.service_mut(name)?.keys,
        };
        if *held == keys {
            return Err(PeopleError::Same(name.clone()));
        }
        let before = std::mem::replace(held, keys.clone());
        self.former_keys.extend(before.iter().filter(|key| !keys.contains(key)).cloned());
        Ok(())
    }

    fn set_roles(&mut self, name: &Name, roles: Roles) -> Result<(), PeopleError> {
        let person = self.person_mut(name)?;
        if roles.named().is_empty() {
            return Err(PeopleError::NoRole(name.clone()));
        }
        if person.roles == roles {
            return Err(PeopleError::Same(name.clone()));
        }
        person.roles = roles;
        Ok(())
    }

    fn revoke(&mut self, name: &Name) -> Result<(), PeopleError> {
        let person = self.people.values().find(|person| person.name == *name);
        let keys = match person.map(|person| person.id) {
            Some(id) => self.people.remove(&id).map(|person| person.keys),
            None => {
                let id = self.service_mut(name)?.id;
                self.services.remove(&id).map(|service| service.keys)
            }
        };
        self.former_keys.extend(keys.iter().flatten().cloned());
        self.former_names.insert(name.clone());
        for members in self.teams.values_mut() {
            members.remove(name);
        }
        let empty = self.teams.iter().filter(|(_, members)| members.is_empty());
        let empty: Vec<Name> = empty.map(|(team, _)| team.clone()).collect();
        for team in empty {
            self.teams.remove(&team);
            self.former_names.insert(team);
        }
        Ok(())
    }

    fn set_team(&mut self, name: &Name, members: &[Name]) -> Result<(), PeopleError> {
        if !members.is_sorted_by(|left, right| left < right) {
            return Err(PeopleError::Changes);
        }
        if !self.teams.contains_key(name) {
            self.check_free(name)?;
        }
        let members: BTreeSet<Name> = members.iter().cloned().collect();
        if self.teams.get(name).map_or(members.is_empty(), |before| *before == members) {
            return Err(PeopleError::Same(name.clone()));
        }
        match members.is_empty() {
            true => {
                self.teams.remove(name);
                self.former_names.insert(name.clone());
            }
            false => {
                self.teams.insert(name.clone(), members);
            }
        }
        Ok(())
    }
}

/// An id is the hash of what enrolled its holder, and never changes (GOV-74).
fn member_id(tag: Tag, motion: MotionId, name: &Name) -> Digest {
    Transcript::new(tag).part(motion).part(name.as_str()).digest()
}
