//! Whether a genesis is well-formed.

use super::{Genesis, GenesisError, GenesisPerson, check_roles};
use crate::limits::{NODES_MAX, PEOPLE_MAX, SERVICES_MAX};
use quorate_identity::{Credential, CredentialKind, Name};
use std::collections::{BTreeMap, BTreeSet};

impl Genesis {
    /// The founding administrators.
    pub fn administrators(&self) -> impl Iterator<Item = &GenesisPerson> {
        self.people.iter().filter(|person| person.roles.administrator)
    }

    /// Checks everything but the signatures under it.
    ///
    /// # Errors
    /// [`GenesisError`].
    pub fn check(&self) -> Result<(), GenesisError> {
        if self.version != 1 {
            return Err(GenesisError::Version(self.version));
        }
        self.check_numbers()?;
        self.check_order()?;
        self.check_names()?;
        self.check_enrolments()?;
        self.check_keys()?;
        self.check_rules()?;
        self.check_custody()?;
        self.check_settings()?;
        self.succession.as_ref().map_or(Ok(()), |succession| succession.check(self))
    }

    fn check_numbers(&self) -> Result<(), GenesisError> {
        let numbers = [
            ("nodes", self.nodes.len(), 1, NODES_MAX),
            ("people", self.people.len(), 1, PEOPLE_MAX),
            ("services", self.services.len(), 0, SERVICES_MAX),
        ];
        for (what, got, min, max) in numbers {
            if got < min || got > max {
                return Err(GenesisError::Number { what, got, min, max });
            }
        }
        let (nodes, faults) = (self.nodes.len(), usize::from(self.faults));
        if nodes > 3 * faults { Ok(()) } else { Err(GenesisError::Faults { nodes, faults }) }
    }

    /// One order, so that one domain has one genesis.
    fn check_order(&self) -> Result<(), GenesisError> {
        let ascends = |names: Vec<&Name>| names.is_sorted();
        let lists = [
            ("nodes", self.nodes.iter().map(|node| &node.body().name).collect()),
            ("people", self.people.iter().map(|person| &person.name).collect()),
            ("services", self.services.iter().map(|service| &service.name).collect()),
        ];
        for (what, names) in lists {
            if !ascends(names) {
                return Err(GenesisError::Order(what));
            }
        }
        Ok(())
    }

    /// Nodes, people and services share one space of names (GOV-05, N-27).
    fn check_names(&self) -> Result<(), GenesisError> {
        let nodes = self.nodes.iter().map(|node| &node.body().name);
        let people = self.people.iter().map(|person| &person.name);
        let services = self.services.iter().map(|service| &service.name);
        let mut seen = BTreeSet::new();
        let again = nodes.chain(people).chain(services).find(|name| !seen.insert(*name));
        again.map_or(Ok(()), |name| Err(GenesisError::NameTwice(name.clone())))
    }

    fn check_enrolments(&self) -> Result<(), GenesisError> {
        for node in &self.nodes {
            let name = || node.body().name.clone();
            node.verify_own().map_err(|error| GenesisError::Enrolment { name: name(), error })?;
        }
        Ok(())
    }

    /// No key stands in two places, be it in another kind of identity (GOV-05, N-27).
    fn check_keys(&self) -> Result<(), GenesisError> {
        let mut owners: BTreeMap<Vec<u8>, &Name> = BTreeMap::new();
        let mut claim = |key: Vec<u8>, name| match owners.insert(key, name) {
            Some(first) => {
                let (first, second) = (first.clone(), Name::clone(name));
                Err(GenesisError::KeyTwice { first, second })
            }
            None => Ok(()),
        };
        for node in &self.nodes {
            let keys = &node.body().keys;
            for key in [keys.statement(), keys.transport(), keys.sealed()] {
                claim(key.to_vec(), &node.body().name)?;
            }
        }
        let people = self.people.iter().map(|person| (&person.name, &person.credential));
        let services = self.services.iter().map(|service| (&service.name, &service.credential));
        for (name, credential) in people.chain(services) {
            claim(point(credential), name)?;
        }
        Ok(())
    }

    /// Everybody has a role; administrators are those with a say, and nobody else (GOV-06, GOV-71).
    fn check_rules(&self) -> Result<(), GenesisError> {
        let has_role = |person: &GenesisPerson| !person.roles.named().is_empty();
        if let Some(person) = self.people.iter().find(|person| !has_role(person)) {
            return Err(GenesisError::NoRole(person.name.clone()));
        }
        let who = |has: fn(&GenesisPerson) -> bool| -> BTreeSet<Name> {
            let people = self.people.iter().filter(|person| has(person));
            people.map(|person| person.name.clone()).collect()
        };
        let administrators = who(|person| person.roles.administrator);
        let guardians = who(|person| person.roles.guardian);
        Ok(self.rules.check(&administrators, &guardians)?)
    }

    /// Custodians who can restore, under names that are no node's and no service's, and nobody who
    /// is two things without being excepted (GOV-50, GOV-52).
    fn check_custody(&self) -> Result<(), GenesisError> {
        self.custody.check()?;
        let nodes = self.nodes.iter().map(|node| &node.body().name);
        let mut taken = nodes.chain(self.services.iter().map(|service| &service.name));
        if let Some(name) = taken.find(|name| self.custody.named(name).is_some()) {
            return Err(GenesisError::NameTwice(name.clone()));
        }
        let people = self.people.iter().map(|person| (&person.name, &person.roles));
        check_roles(people, &self.custody, &self.excepted, &BTreeSet::new())?;
        Ok(())
    }

    fn check_settings(&self) -> Result<(), GenesisError> {
        self.settings.check().map_err(GenesisError::Setting)
    }
}

/// The public point inside a credential, so that one key is recognised in two kinds of identity:
/// an Ed25519 key may be a node's, a person's, or in a security key.
pub(crate) fn point(credential: &Credential) -> Vec<u8> {
    let mut strings = SshStrings(credential.blob());
    let position = match credential.kind() {
        CredentialKind::Ed25519 | CredentialKind::SecurityKey => 1,
        CredentialKind::P256 => 2,
    };
    strings.nth(position).unwrap_or(credential.blob()).to_vec()
}

/// The length-prefixed strings of a key blob (RFC 4251, 5).
struct SshStrings<'a>(&'a [u8]);

impl<'a> Iterator for SshStrings<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (string, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }
}
