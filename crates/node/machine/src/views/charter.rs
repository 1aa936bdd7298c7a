//! The charter as it can be read and verified from outside.

use super::{role_view, standing_view};
use crate::limits;
use crate::node::Node;
use quorate_charter::{CertifiedEntry, EntryBody};
use quorate_client::contract::{
    Charter, CharterEntry, EntryPage, ErrorBody, ErrorCode, GenesisAnswer, PolicyView,
    RosterAnswer, RosterNode, RosterPerson, RosterService,
};
use quorate_identity::Name;

impl Node {
    /// Where the node stands.
    pub(crate) fn view_charter(&self) -> Charter {
        Charter {
            domain: self.state.domain().clone(),
            genesis: self.state.genesis(),
            head: self.state.head(),
            position: self.state.position(),
        }
    }

    /// The genesis with all signatures.
    pub(crate) fn view_genesis(&self) -> GenesisAnswer {
        GenesisAnswer { genesis_file: quorate_codec::to_bytes(&self.file).into() }
    }

    /// A page of certified entries.
    pub(crate) fn view_entries(&self, after: u64) -> EntryPage {
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        let entries = self.governor.log().iter().skip(skip).take(limits::ENTRIES_PER_ANSWER);
        EntryPage {
            entries: entries.map(entry_view).collect(),
            head: self.state.head(),
            position: self.state.position(),
        }
    }

    /// Names of people, for those whom the charter knows, ascending.
    pub(crate) fn people_named<'a>(
        &self,
        people: impl Iterator<Item = &'a quorate_identity::PersonId>,
    ) -> Vec<Name> {
        let people = people.filter_map(|id| self.state.person(id));
        let mut names: Vec<Name> = people.map(|person| person.name.clone()).collect();
        names.sort();
        names
    }

    /// Names and ids at the head.
    pub(crate) fn view_roster(&self) -> RosterAnswer {
        let nodes = self.state.nodes().map(|node| RosterNode {
            name: node.name.clone(),
            id: node.id,
            role: role_view(node.role),
            standing: standing_view(node.standing),
            operator: node.declared.operator.clone(),
            cloud: node.declared.cloud.clone(),
            jurisdiction: node.declared.jurisdiction.clone(),
        });
        let people = self.state.people().map(|person| RosterPerson {
            name: person.name.clone(),
            id: person.id,
            roles: person.roles.named().into_iter().map(str::to_owned).collect(),
            keys: person.keys.iter().map(ToString::to_string).collect(),
        });
        let services = self.state.services().map(|service| RosterService {
            name: service.name.clone(),
            id: service.id,
            keys: service.keys.iter().map(ToString::to_string).collect(),
        });
        RosterAnswer {
            genesis: self.state.genesis(),
            head: self.state.head(),
            nodes: nodes.collect(),
            people: people.collect(),
            services: services.collect(),
        }
    }

    /// The policy in force.
    pub(crate) fn view_policy(&self) -> Result<PolicyView, ErrorBody> {
        let Some(policy) = &self.policy else {
            let message = "the charter has no policy yet; without one nothing is signed";
            let next = "propose one with `policy propose`";
            return Err(ErrorBody::new(ErrorCode::UnknownCall, message, next));
        };
        let bundle = policy.bundle();
        Ok(PolicyView {
            head: self.state.head(),
            policy: policy.digest(),
            rules: policy.rule_ids().map(str::to_owned).collect(),
            cedar: bundle.cedar.clone(),
            limits: bundle.limits.clone(),
            lists: bundle.lists.clone(),
            cases: bundle.cases.clone(),
        })
    }
}

fn entry_view(certified: &CertifiedEntry) -> CharterEntry {
    let motion = match &certified.entry().body {
        EntryBody::Motion(signed) => Some(signed.id()),
        EntryBody::Enact(id) => Some(*id),
        EntryBody::Rejoin(_) => None,
    };
    CharterEntry {
        position: certified.position(),
        head: certified.head(),
        motion,
        kind: certified.entry().kind().to_owned(),
        entry: quorate_codec::to_bytes(certified).into(),
    }
}
