//! Changes of people, services and rules, in one step: nobody loses a say and keeps it for a
//! moment, and nobody gains one before the rules say how much (GOV-75).

use crate::few::few;
use crate::genesis::{Roles, RolesError};
use crate::limits::{PEOPLE_CHANGES_MAX, PEOPLE_MAX};
use crate::member::{MemberError, MemberKind, SignedMember};
use crate::rules::{Rules, RulesError};
use minicbor::{Decode, Encode};
use quorate_identity::Name;

/// What changes about people and services, and about the rules with them. Public.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PeopleChange {
    /// One a member, ascending by name.
    #[cbor(n(0), decode_with = "few::<PEOPLE_CHANGES_MAX, _, _>")]
    pub changes: Vec<Change>,
    /// The rules from then on, where they change.
    #[n(1)]
    pub rules: Option<Rules>,
    /// Who is more than one thing then and was not before, ascending.
    #[cbor(n(2), decode_with = "few::<PEOPLE_MAX, _, _>")]
    pub excepted: Vec<Name>,
}

/// What changes about one person, service or team.
#[allow(clippy::large_enum_variant, reason = "changes are few, and never in long lists")]
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Change {
    /// A person or service joins.
    #[n(0)]
    Enrol {
        /// What they say of themselves.
        #[n(0)]
        member: SignedMember,
        /// What they may do; a service has no roles, and files requests.
        #[n(1)]
        roles: Roles,
    },
    /// A person or service leaves for ever; the name is never given to another one.
    #[n(1)]
    Revoke {
        /// Who.
        #[n(0)]
        name: Name,
    },
    /// A person or service has these keys from then on, and no others.
    #[n(2)]
    Keys {
        /// What they say of themselves.
        #[n(0)]
        member: SignedMember,
    },
    /// A person may do this from then on, and nothing else.
    #[n(3)]
    Roles {
        /// Who.
        #[n(0)]
        name: Name,
        /// What they may do.
        #[n(1)]
        roles: Roles,
    },
    /// These people are a team, or none any more: people who work, live or fall together. A team
    /// decides nothing; rules that it satisfies alone are shown.
    #[n(4)]
    Team {
        /// What it is called.
        #[n(0)]
        name: Name,
        /// Who is in it, ascending; nobody ends it.
        #[cbor(n(1), decode_with = "few::<PEOPLE_MAX, _, _>")]
        members: Vec<Name>,
    },
}

/// Why a change of people is refused; the fault of who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeopleError {
    /// Nothing changes, or too much at once, or the list does not ascend.
    #[error("a motion changes 1 to {PEOPLE_CHANGES_MAX} members, ascending by name, or the rules")]
    Changes,
    /// A statement that does not hold.
    #[error("what {name} says of itself does not hold: {error}")]
    Member {
        /// Who.
        name: String,
        /// Why.
        error: MemberError,
    },
    /// The name is somebody's, or was.
    #[error("the name {0} is, or was, somebody's in this domain; names are never given again")]
    NameTaken(Name),
    /// A key is somebody's, or was (N-27).
    #[error("a key of {0} is, or was, somebody's in this domain; make a new one")]
    KeyTaken(Name),
    /// There is nobody of this name.
    #[error("there is no person, service or team of the name {0}")]
    Unknown(Name),
    /// A person without a role, or a service with one.
    #[error("{0} must have a role if they are a person, and none if they are a service")]
    NoRole(Name),
    /// Nothing would change.
    #[error("nothing would change for {0}")]
    Same(Name),
    /// More people, services or teams than a domain may have.
    #[error("the domain has as many {0} as it may have")]
    TooMany(&'static str),
    /// The rules do not fit the people.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// Somebody would be more than one thing and is not excepted, or is for nothing.
    #[error(transparent)]
    Roles(#[from] RolesError),
    /// Services change together with people, or with the rules.
    #[error("services change by motions of their own: people and rules need other signatures")]
    Mixed,
    /// A recovery without rules, or one that does more than to bring administrators back.
    #[error("a recovery enrols administrators and sets the rules, and does nothing else")]
    Recovery,
}

impl PeopleChange {
    /// One change, under the rules that there are.
    pub fn one(change: Change) -> Self {
        Self { changes: vec![change], rules: None, excepted: Vec::new() }
    }

    /// Other rules for the people that there are.
    pub fn rules(rules: Rules) -> Self {
        Self { changes: Vec::new(), rules: Some(rules), excepted: Vec::new() }
    }

    /// What it is about, in two words.
    pub fn kind(&self) -> &'static str {
        match (self.changes.as_slice(), &self.rules) {
            ([], _) => "rules-set",
            ([Change::Enrol { member, .. }], _) => match member.body().kind {
                MemberKind::Service => "service-enrol",
                MemberKind::Person => "person-enrol",
            },
            ([Change::Revoke { .. }], _) => "member-revoke",
            ([Change::Keys { .. }], _) => "member-keys",
            ([Change::Roles { .. }], _) => "person-roles",
            ([Change::Team { .. }], _) => "team-set",
            _ => "people-change",
        }
    }

    /// The names of those who change, ascending where the change is well-formed.
    pub fn names(&self) -> Vec<Name> {
        self.changes.iter().map(|change| change.name().clone()).collect()
    }

    /// How many of its changes are about services.
    pub(crate) fn of_services(&self, is_service: impl Fn(&Name) -> bool) -> usize {
        let of_service = |change: &&Change| match change {
            Change::Enrol { member, .. } | Change::Keys { member } => {
                member.body().kind == MemberKind::Service
            }
            Change::Revoke { name } => is_service(name),
            Change::Roles { .. } | Change::Team { .. } => false,
        };
        self.changes.iter().filter(of_service).count()
    }
}

impl Change {
    /// Who changes.
    pub fn name(&self) -> &Name {
        match self {
            Self::Enrol { member, .. } | Self::Keys { member } => &member.body().name,
            Self::Revoke { name } | Self::Roles { name, .. } | Self::Team { name, .. } => name,
        }
    }

    /// Whether somebody's keys count for nothing from then on.
    pub(crate) fn replaces_keys(&self) -> bool {
        matches!(self, Self::Revoke { .. } | Self::Keys { .. })
    }

    /// The statement that it carries.
    pub(crate) fn member(&self) -> Option<&SignedMember> {
        match self {
            Self::Enrol { member, .. } | Self::Keys { member } => Some(member),
            _ => None,
        }
    }
}
