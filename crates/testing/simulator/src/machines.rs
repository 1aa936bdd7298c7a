//! Machines come and go: one is lost and another one takes its node's seat, and one joins that was
//! never there.

use crate::disk::Disk;
use crate::faults::Fault;
use crate::host::Host;
use crate::world::{Happening, Story, World};
use quorate_charter::{
    CertifiedEntry, Declaration, MotionBody, NodeChange, NodesChange, Role, SignedEnrolment,
    Standing,
};
use quorate_identity::{Name, NodeId, NodeSecrets};
use quorate_machine::durable::Table;
use quorate_machine::event::Millis;
use quorate_testkit::founding::name;
use quorate_testkit::seats;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

/// A seat that nobody is in.
pub(crate) struct Vacant {
    pub(crate) node: NodeId,
    /// The motion that gives it away, and when it was filed last.
    motion: MotionBody,
    filed_at: Millis,
}

/// A machine that wants to join.
#[derive(Debug, Clone)]
pub(crate) struct Newcomer {
    pub(crate) name: Name,
    id: NodeId,
}

impl World {
    // ---- seats

    /// A disk is gone for good, and with it a node's keys. Another machine is to take its seat.
    pub(crate) fn lose_a_machine(&mut self, one: NodeId) {
        let one_at_most = self.rolled.is_none_or(|before| before == one);
        let is_new = self.vacant.is_none() && !self.heirs.contains_key(&one);
        // Another entry at every turn would leave no time for epochs.
        let may = self.may_lose_a_machine(one) && one_at_most && !self.is_thin;
        if !may || !is_new || self.story() == Story::Withheld {
            return;
        }
        // What custodians opened for an heir that is lost before comes back in another domain alone.
        if self.story() == Story::Succession && !self.checkers.has_restored() {
            return;
        }
        self.rolled = Some(one);
        let seed = self.draw_digest().0;
        self.heirs.insert(one, seed);
        let secrets = self.secrets(one);
        let mut random = ChaCha20Rng::from_seed(self.draw_digest().0);
        let claim = seats::claim(&self.founding, one, &secrets, || {
            let mut bytes = [0; 32];
            random.fill_bytes(&mut bytes);
            bytes
        });
        let Some(host) = self.hosts.get_mut(&one) else { return };
        host.crash();
        (host.disk, host.old) = (Disk::default(), None);
        let motion = MotionBody::SeatGive { name: host.name.clone(), claim };
        self.vacant = Some(Vacant { node: one, motion, filed_at: 0 });
        self.look_at_disk(one, true);
        self.people.excuse(one);
        self.checkers.excuse(one);
        self.note("lost", &one, &[]);
        self.died(one);
    }

    /// Administrators give a vacant seat away, until it is; then the other machine takes it with what
    /// is on the disks of others: with shares that custodians restored, or without.
    pub(crate) fn settle_the_seat(&mut self) {
        let Some(Vacant { node, motion, filed_at }) = self.vacant.take() else { return };
        let granted = |host: &Host| Some(host.node.as_ref()?.state().seat(&node)?.entry);
        let given = self.hosts.values().find_map(|host| Some((granted(host)?, host.disk.clone())));
        let with_shares = self.draw(2) == 0;
        let keys = with_shares.then_some(&self.founding.recovery_keys);
        // What was not durable yet may be taken back by a crash.
        let given = given.filter(|(entry, disk)| disk.entries().any(|it| it.head() == *entry));
        if let Some((_, disk)) = given {
            let anywhere = |row: &[u8]| {
                let mut disks = self.hosts.values().map(|host| &host.disk);
                disks.find_map(|disk| disk.row(Table::Backup, row)).map(<[u8]>::to_vec)
            };
            let rows = seats::rows(node, disk.all(), anywhere, keys);
            self.coverage.hit(Fault::SeatTaken);
            if let Some(host) = self.hosts.get_mut(&node) {
                host.disk.commit(&rows);
                // A copy from before is of a machine that the charter does not name.
                host.old = None;
            }
            self.look_at_disk(node, true);
            self.after(1_000, Happening::Start { host: node });
            return;
        }
        let again = self.now >= filed_at.saturating_add(60_000);
        if again {
            let mut people = std::mem::take(&mut self.people);
            people.move_motion(self, &motion);
            self.people = people;
        }
        let filed_at = if again { self.now } else { filed_at };
        self.vacant = Some(Vacant { node, motion, filed_at });
    }

    // ---- newcomers

    /// A machine makes its keys; what admits it, so that it votes at once or waits.
    pub(crate) fn enrol_a_machine(&mut self, standing: Standing) -> MotionBody {
        let name = name(&format!("late-{}", self.heirs.len() + 1));
        let role = if self.draw(2) == 0 { Role::Signer } else { Role::Witness };
        let seed = self.draw_digest().0;
        let secrets = NodeSecrets::generate(&mut ChaCha20Rng::from_seed(seed));
        let enrolment = SignedEnrolment::create(name.clone(), role, &secrets);
        let id = enrolment.id();
        self.heirs.insert(id, seed);
        self.newcomers.push(Newcomer { name, id });
        let declared = Declaration::default();
        MotionBody::Nodes(NodesChange::one(NodeChange::Admit { enrolment, declared, standing }))
    }

    /// Machines that were admitted take the charter over from a node that knows them, and start.
    pub(crate) fn let_them_arrive(&mut self) {
        let outside = self.newcomers.iter().filter(|it| !self.hosts.contains_key(&it.id));
        let outside: Vec<Newcomer> = outside.cloned().collect();
        outside.into_iter().for_each(|newcomer| self.let_arrive(newcomer));
    }

    fn let_arrive(&mut self, newcomer: Newcomer) {
        let Newcomer { name, id } = newcomer;
        let admission = |host: &Host| Some(host.node.as_ref()?.state().node(&id)?.entry);
        let mut known = self.hosts.values().filter_map(|host| Some((host, admission(host)?)));
        let Some((from, admission)) = known.next() else { return };
        let entries: Vec<CertifiedEntry> = from.disk.entries().collect();
        // what is in memory may not be durable yet, and taken back by a crash
        if !entries.iter().any(|entry| entry.head() == admission) {
            return;
        }
        let mut disk = Disk::default();
        disk.commit(&quorate_machine::seats::take(&id, &entries, &[], &[]));
        let seed = self.draw_digest().0;
        let seed = u64::from_be_bytes(*seed.first_chunk().expect("32 bytes"));
        self.hosts.insert(id, Host::new(name, disk, seed));
        self.coverage.hit(Fault::MachineJoined);
        self.after(10, Happening::Start { host: id });
    }
}
