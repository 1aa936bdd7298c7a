//! Operators of simulated nodes: they do what a node asks for, and install what came out.

use crate::host::{Host, NEXT_VERSION};
use crate::world::{Story, World};
use quorate_identity::NodeId;
use quorate_machine::boot::{rejoin, release};
use quorate_machine::durable::{Record, Table, Write};

impl World {
    /// The operator of a node starts it again.
    pub(crate) fn switch_off(&mut self, id: NodeId) {
        if let Some(host) = self.hosts.get_mut(&id) {
            host.crash();
            self.died(id);
        }
    }

    /// Operators do what a lapsed node asks for.
    pub(crate) fn help(&mut self) {
        let ids: Vec<NodeId> = self.hosts.keys().copied().collect();
        for id in ids {
            self.rejoin_if_lapsed(id);
            if self.healed {
                self.release_if_quarantined(id);
            }
        }
        if self.healed {
            self.install_everywhere();
            self.settle_the_seat();
            self.let_them_arrive();
            let mut people = std::mem::take(&mut self.people);
            people.finish(self);
            self.people = people;
        }
    }

    /// Before a node starts, some operators install what came out; more of them if it is required.
    pub(crate) fn install(&mut self, id: NodeId) {
        if self.story() != Story::Governance {
            return;
        }
        let is_required = self.checkers.newest().minimum().is_some();
        if self.draw(if is_required { 2 } else { 3 }) == 0
            && let Some(host) = self.hosts.get_mut(&id)
        {
            host.version = NEXT_VERSION;
        }
    }

    /// In a healed world operators install it one after the other, each at its own node.
    fn install_everywhere(&mut self) {
        let newest = self.checkers.newest();
        let is_vacant = |id: &NodeId| self.vacant.as_ref().is_some_and(|it| it.node == *id);
        let mut off = self.hosts.iter().filter(|(_, host)| host.node.is_none());
        if off.any(|(id, _)| newest.node(id).is_some() && !is_vacant(id)) {
            return;
        }
        let is_behind = |host: &Host| host.node.is_some() && host.version != NEXT_VERSION;
        let behind = self.hosts.iter().find(|(_, host)| is_behind(host)).map(|(id, _)| *id);
        if let Some(id) = behind.filter(|_| self.story() == Story::Governance) {
            self.switch_off(id);
            if let Some(host) = self.hosts.get_mut(&id) {
                host.version = NEXT_VERSION;
            }
        }
    }

    /// The operator of a lapsed node stops it, asks for it to come back, and starts it.
    fn rejoin_if_lapsed(&mut self, id: NodeId) {
        let Some(host) = self.hosts.get_mut(&id).filter(|host| host.node.is_some()) else { return };
        if self.now < host.look_at {
            return;
        }
        if let Ok(write) = rejoin(&host.disk.records()) {
            host.look_at = self.now + 120_000;
            host.crash();
            host.disk.commit(&[write]);
            self.died(id);
        }
    }

    /// The operator of a node that keeps pairs in quarantine looked into it: nobody lies any more.
    fn release_if_quarantined(&mut self, id: NodeId) {
        let Some(host) = self.hosts.get_mut(&id).filter(|host| host.node.is_some()) else { return };
        let records = host.disk.records();
        let of_pair = |record: &&Record| record.table == Table::Quarantine;
        let peers = records.iter().filter(of_pair);
        let peers = peers.filter_map(|record| record.key.as_slice().try_into().ok());
        let releases: Vec<Write> = peers
            .filter_map(|peer| release(&records, &NodeId(quorate_codec::Digest(peer))).ok())
            .collect();
        if self.now < host.look_at || releases.is_empty() {
            return;
        }
        host.look_at = self.now + 120_000;
        host.crash();
        host.disk.commit(&releases);
        self.died(id);
    }
}
