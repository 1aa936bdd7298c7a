//! What an attempt sets out to do: its leader says so once, and everybody who takes part holds it
//! against what the charter wants of the key and what the certified record says. See
//! `spec/epochs.md`.

use super::keys::KeyBook;
use crate::estate::is_satisfied_by;
use crate::event::Millis;
use crate::node::Node;
use quorate_access::Tree;
use quorate_charter::{AttemptPlan, EpochRecord, KeyOrder, Sharing, Validity, has_commit_set};
use quorate_client::contract::CeremonyPhase;
use quorate_codec::{Digest, Transcript, tag};
use quorate_identity::{Head, KeyId, NodeId};
use std::collections::BTreeSet;

/// What the charter wants of a key now.
pub(super) struct Wanted {
    /// The entry that the epoch will fulfil.
    pub order: Head,
    /// Over whom.
    pub sharing: Sharing,
}

/// Why there is no plan.
pub(super) enum Unplanned {
    /// These must be here first.
    Missing(BTreeSet<NodeId>),
    /// A member was not heard of since this node's start, or a custodian has not shown this node
    /// that it holds its recovery key.
    NotYet,
}

impl Node {
    /// What the charter wants of a key, if there is anything to do at this time (EPO-01, EPO-20).
    pub(super) fn wanted(&self, key: &KeyId, now: Millis) -> Option<Wanted> {
        let order = self.state.key(key).filter(|order| !order.retired)?;
        let book = self.keys.book(key)?;
        let Some(current) = book.current() else {
            let goal = order.goal()?;
            return Some(Wanted { order: goal.order, sharing: goal.sharing?.clone() });
        };
        let plan = &current.record.plan;
        if !book.is_active() && !plan.is_arrival() {
            return None;
        }
        let as_it_is = || Sharing { tree: plan.tree.clone(), faults: plan.faults };
        if let Some(goal) = order.goal().filter(|goal| goal.order != plan.order) {
            let sharing = goal.sharing.cloned().unwrap_or_else(as_it_is);
            return Some(Wanted { order: goal.order, sharing });
        }
        if current.is_owed(&self.state.custody_digest(), &self.state) {
            // Nobody uses what was dealt by those who knew it (IMP-09); and what is backed up for custodians who
            // were replaced, or lies on a lost machine, is shared and backed up anew, whatever was
            // withdrawn (GOV-53, GOV-62).
            return Some(Wanted { order: plan.order, sharing: as_it_is() });
        }
        let due = order.schedule?.due_at(key, plan.epoch, plan.made_at);
        (due <= now).then(|| Wanted { order: plan.order, sharing: as_it_is() })
    }

    /// Everybody who could take part: members of the newest epoch and parties of the wanted tree.
    pub(super) fn candidates(&self, key: &KeyId, wanted: &Wanted) -> BTreeSet<NodeId> {
        let mut nodes = wanted.sharing.tree.parties();
        if let Some(current) = self.keys.current(key) {
            nodes.extend(&current.record.plan.committee);
        }
        nodes.retain(|node| self.state.is_signing(node));
        nodes
    }

    /// Who plans an attempt. Everybody computes the same; the next attempt has another leader
    /// (EPO-04).
    pub(super) fn planner(&self, key: &KeyId, wanted: &Wanted, attempt: u32) -> Option<NodeId> {
        let mut order: Vec<NodeId> = self.candidates(key, wanted).into_iter().collect();
        let epoch = self.keys.book(key).map_or(0, KeyBook::next_epoch);
        order.sort_by_cached_key(|node| rank(key, epoch, node));
        let at = usize::try_from(attempt).ok()?.checked_rem(order.len())?;
        order.get(at).copied()
    }

    /// Plans the attempt that is next: everybody who is here and has not failed too often deals
    /// and receives, as far as the key's own losses allow it (EPO-03, EPO-05).
    pub(super) fn make_plan(
        &self,
        order: &KeyOrder,
        wanted: &Wanted,
        now: Millis,
    ) -> Result<AttemptPlan, Unplanned> {
        let key = order.key;
        let Some(book) = self.keys.book(&key) else { return Err(Unplanned::NotYet) };
        if !self.is_shown(self.state.custody()) || self.lacks_summand(order) {
            return Err(Unplanned::NotYet);
        }
        let here = |node: &NodeId| {
            self.state.is_signing(node) && (*node == self.me || self.presence.is_here(node))
        };
        let failures = |node: &NodeId| book.failures.get(node).copied().unwrap_or_default();
        let (tree, faults) = (&wanted.sharing.tree, usize::from(wanted.sharing.faults));
        let parties = tree.parties();
        let mut committee: BTreeSet<NodeId> = parties.iter().copied().filter(here).collect();
        let is_enough = match book.current() {
            None => committee == parties,
            Some(_) => has_commit_set(tree, faults, &committee),
        };
        if !is_enough {
            return Err(Unplanned::Missing(parties.difference(&committee).copied().collect()));
        }
        let dealers = match book.current() {
            None if order.is_imported() => BTreeSet::new(),
            None if order.origin.is_some() => self.heirs(order).ok_or(Unplanned::NotYet)?,
            None => committee.clone(),
            Some(current) => {
                let plan = &current.record.plan;
                // Who failed again and again is left out where the others are enough.
                let mut failing: Vec<NodeId> =
                    committee.iter().copied().filter(|node| failures(node) > 1).collect();
                failing.sort_by_cached_key(|node| {
                    (std::cmp::Reverse(failures(node)), rank(&key, plan.epoch, node))
                });
                for node in failing {
                    committee.remove(&node);
                    if !has_commit_set(tree, faults, &committee) {
                        committee.insert(node);
                    }
                }
                // Of itself a node knows whether it has anything to deal.
                let deals = |node: &NodeId| *node != self.me || current.shares.is_some();
                let able = plan.committee.iter().copied();
                let mut able: Vec<NodeId> = able.filter(|node| here(node) && deals(node)).collect();
                able.sort_by_cached_key(|node| (failures(node), rank(&key, plan.epoch, node)));
                let mut chosen = BTreeSet::new();
                for node in able {
                    if !plan.tree.satisfied(&chosen) {
                        chosen.insert(node);
                    }
                }
                let selection = plan.tree.select(&chosen);
                let absent = || plan.committee.iter().copied().filter(|node| !here(node));
                selection.ok_or_else(|| Unplanned::Missing(absent().collect()))?.parties()
            }
        };
        let participants: BTreeSet<NodeId> = dealers.union(&committee).copied().collect();
        let ours = self.incarnation.id;
        let incarnations = self.presence.incarnations(ours, participants.iter(), &self.me);
        let mut plan = AttemptPlan {
            version: AttemptPlan::VERSION,
            genesis: self.state.genesis(),
            key,
            epoch: book.next_epoch(),
            attempt: book.attempt,
            previous: book.current().map_or(Digest::ZERO, |current| current.digest),
            scheme: order.scheme,
            tree: tree.clone(),
            faults: wanted.sharing.faults,
            order: wanted.order,
            head: self.state.head(),
            made_at: now,
            dealers: dealers.into_iter().collect(),
            committee: committee.into_iter().collect(),
            incarnations: incarnations.ok_or(Unplanned::NotYet)?,
            accounts: order.accounts,
            origin: order.origin.clone(),
            custody: self.state.custody_digest(),
            renews: false,
        };
        let before = book.record().map(AsRef::as_ref);
        plan.renews = plan.needs_key_backup(before)
            || (!plan.is_arrival() && before.is_some_and(|before| self.may_lack_backup(before)))
            || self.keys.lacks_key_backup(&key, &self.me);
        Ok(plan)
    }

    /// Whether somebody who is said to keep the backup of a key itself was taken back since its last
    /// epoch was planned, and may have lost it (NOD-16).
    fn may_lack_backup(&self, before: &EpochRecord) -> bool {
        let (tip, planned_at) = (self.state.head(), before.plan.head);
        let holders = before.backup.key.iter().flat_map(|key| &key.holders);
        let mut back_at = holders.filter_map(|node| self.state.rejoined_at(node));
        back_at.any(|back_at| !self.governor.is_since(&planned_at, back_at, &tip))
    }

    /// Whether this node would take part in a plan: it is its leader's, of this moment, of
    /// everybody's lives as this node knows them, and everything that voters check holds (EPO-04,
    /// EPO-05). `Unknown`: it may be, once this node knows more.
    pub(super) fn judge_plan(&self, from: NodeId, plan: &AttemptPlan, now: Millis) -> Validity {
        let key = plan.key;
        let Some(wanted) = self.wanted(&key, now.saturating_add(self.tolerance_ms())) else {
            return Validity::Unknown;
        };
        // Nobody else's plan costs an attempt anything (CER-09).
        if self.planner(&key, &wanted, plan.attempt) != Some(from) {
            return Validity::Unknown;
        }
        // Whoever plans chooses no electorate of before (AGR-13).
        let since = self.state.position_of(&plan.head);
        if since.is_none_or(|at| at < self.state.electorate_now().era()) {
            return Validity::Unknown;
        }
        // Nothing is backed up to a key that nobody may hold (EPO-31).
        if !self.is_shown(self.state.custody()) {
            return Validity::Unknown;
        }
        // It could not deal, and ends no attempt for that: others wait for it (SUC-23).
        if plan.restore().is_some() && self.state.key(&key).is_some_and(|it| self.lacks_summand(it))
        {
            return Validity::Unknown;
        }
        // Whoever takes part says that it keeps the backup of the key itself (EPO-37).
        if !plan.renews && self.keys.lacks_key_backup(&key, &self.me) {
            return Validity::Unknown;
        }
        let participants = plan.participants();
        // Who has no part in it may hear of it late, and of lives that began since.
        if !participants.contains(&self.me) {
            return self.check_plan(plan);
        }
        let ours = self.incarnation.id;
        let known = self.presence.incarnations(ours, participants.iter(), &self.me);
        let Some(known) = known else { return Validity::Unknown };
        let is_timely =
            plan.made_at.abs_diff(now) <= self.tolerance_ms().saturating_add(self.patience(&key));
        match self.check_plan(plan) {
            Validity::Valid if !is_timely || plan.incarnations != known => Validity::Invalid,
            checked => checked,
        }
    }

    /// What anybody can check of a plan with the charter and the newest record: every voter does
    /// before it votes to commit (EPO-05). `Late`: an entry since then wants something else.
    pub(super) fn check_plan(&self, plan: &AttemptPlan) -> Validity {
        let Some(order) = self.state.key(&plan.key) else { return Validity::Unknown };
        // A head that this node does not know may be a later one.
        let Some(planned_at) = self.state.position_of(&plan.head) else { return Validity::Unknown };
        let current = self.keys.current(&plan.key);
        let next = current.map_or(0, |current| current.number().saturating_add(1));
        if plan.epoch > next {
            return Validity::Unknown;
        }
        // First of all: a tree that nobody ordered is not worth a walk.
        let standing = self.standing(plan, order);
        if matches!(standing, Validity::Invalid | Validity::Unknown) {
            return standing;
        }
        let ascending = |nodes: &[NodeId]| nodes.is_sorted_by(|left, right| left < right);
        let sound = plan.version == AttemptPlan::VERSION
            && plan.genesis == self.state.genesis()
            && plan.epoch == next
            && self.state.position_of(&plan.order).is_some_and(|at| at <= planned_at)
            && self.is_planned_in_order(plan)
            && (plan.scheme, plan.accounts) == (order.scheme, order.accounts)
            && plan.origin == order.origin
            && ascending(&plan.dealers)
            && ascending(&plan.committee)
            && plan.incarnations.len() == plan.participants().len()
            && plan.has_commit_set()
            && (plan.renews || !plan.needs_key_backup(current.map(|made| made.record.as_ref())))
            && !(plan.renews && plan.is_arrival());
        let from_before = follows(plan, current.map(|made| (&made.record.plan, made.digest)));
        if !sound || !from_before {
            return Validity::Invalid;
        }
        let standing = match self.judge_dealers(plan) {
            Validity::Valid => standing,
            other => return other,
        };
        // Who left, or waits, neither deals nor gets shares (GOV-67); nor does an attempt go on that
        // was planned under other voters.
        let are_signing = plan.participants().iter().all(|node| self.state.is_signing(node));
        let standing = match are_signing && planned_at >= self.state.electorate_now().era() {
            true => standing,
            false => Validity::Late,
        };
        // For other custodians than those of now nothing is backed up any more (EPO-31).
        match plan.custody == self.state.custody_digest() {
            true => standing,
            false if self.state.custody_of(&plan.custody).is_some() => Validity::Late,
            false => Validity::Unknown,
        }
    }

    /// Whether a plan is of no earlier head than that of the epoch before it. So what was planned
    /// before a seat was given away ends with the first epoch that is planned after it, whoever has
    /// the former keys (AGR-11). A head that this node does not know is a later one.
    pub(super) fn is_planned_in_order(&self, plan: &AttemptPlan) -> bool {
        let at = |head| self.state.position_of(head);
        let before = self.keys.current(&plan.key).filter(|made| made.number() < plan.epoch);
        let before = before.and_then(|made| at(&made.record.plan.head));
        before.is_none_or(|before| at(&plan.head).is_none_or(|at| before <= at))
    }

    /// Whether the charter wants an epoch like this (EPO-01).
    fn standing(&self, plan: &AttemptPlan, order: &KeyOrder) -> Validity {
        let before = self.keys.current(&plan.key).map(|current| &current.record.plan);
        let is_as_before =
            before.is_some_and(|before| (&before.tree, before.faults) == (&plan.tree, plan.faults));
        let goal = order.goal();
        let is_wanted = goal.is_some_and(|goal| {
            let sharing = goal.sharing.map(|wanted| (&wanted.tree, wanted.faults));
            let fits = match sharing {
                Some(sharing) => sharing == (&plan.tree, plan.faults),
                None => is_as_before,
            };
            // An order since then that wants the same ends nothing that is under way. No record holds
            // under an order from before its tree was ordered (EPO-01).
            fits && order.stands(&plan.order) && order.has_ordered_tree(&plan.tree, &plan.order)
        });
        let is_same_order = before.is_some_and(|before| before.order == plan.order);
        let is_fulfilled = before
            .is_some_and(|before| is_same_order || order.is_before(&plan.order, &before.order));
        let has_newer = goal.is_some_and(|goal| goal.order != plan.order);
        let is_owed = is_same_order
            && is_as_before
            && !has_newer
            && self
                .keys
                .current(&plan.key)
                .is_some_and(|made| made.is_owed(&plan.custody, &self.state));
        let is_scheduled = is_same_order && is_as_before && order.schedule.is_some();
        let is_due = (is_wanted && !is_fulfilled) || is_owed || (is_scheduled && !has_newer);
        if is_due && !order.retired {
            Validity::Valid
        } else if order.has_ordered_tree(&plan.tree, &plan.order) {
            // It was wanted, or this node does not know yet that it is.
            Validity::Late
        } else {
            Validity::Unknown
        }
    }

    /// How far another node's clock may be off this one's.
    fn tolerance_ms(&self) -> u64 {
        self.state.settings().clock_bound_ms.saturating_mul(2)
    }
}

/// An attempt that is under way or wanted, for showing.
pub(crate) struct Outlook {
    pub tree: Tree<NodeId>,
    pub attempt: u32,
    pub phase: CeremonyPhase,
    pub nodes: BTreeSet<NodeId>,
    pub dealers: BTreeSet<NodeId>,
    pub receivers: BTreeSet<NodeId>,
    pub missing: Vec<NodeId>,
    prepared: BTreeSet<NodeId>,
    dealt: BTreeSet<NodeId>,
}

impl Outlook {
    /// What a node did last, as this one saw it.
    pub fn phase_of(&self, node: &NodeId) -> &'static str {
        if self.prepared.contains(node) {
            "prepared"
        } else if self.dealt.contains(node) {
            "dealing"
        } else {
            "waiting"
        }
    }
}

impl Node {
    /// The attempt at a key that is under way or wanted, if one is.
    pub(crate) fn outlook(&self, key: &KeyId, now: Millis) -> Option<Outlook> {
        let book = self.keys.book(key)?;
        if let Some(ceremony) = &book.ceremony {
            let plan = &ceremony.plan;
            return Some(Outlook {
                tree: plan.tree.clone(),
                attempt: plan.attempt,
                phase: ceremony.phase_view(),
                nodes: plan.participants(),
                dealers: plan.dealers.iter().copied().collect(),
                receivers: plan.members(),
                missing: Self::awaited_in(ceremony),
                prepared: ceremony.prepared.keys().copied().collect(),
                dealt: ceremony.heard_from(),
            });
        }
        let order = self.state.key(key)?;
        let wanted = self.wanted(key, now)?;
        let missing = match self.make_plan(order, &wanted, now) {
            Err(Unplanned::Missing(missing)) => missing.into_iter().collect(),
            Err(Unplanned::NotYet) | Ok(_) => Vec::new(),
        };
        let before = self.keys.current(key).map(|current| current.record.plan.members());
        Some(Outlook {
            attempt: book.attempt,
            phase: CeremonyPhase::Waiting,
            nodes: self.candidates(key, &wanted),
            dealers: before.unwrap_or_else(|| wanted.sharing.tree.parties()),
            receivers: wanted.sharing.tree.parties(),
            missing,
            prepared: BTreeSet::new(),
            dealt: BTreeSet::new(),
            tree: wanted.sharing.tree,
        })
    }
}

/// Whether those deal who may: of a new key all its parties, of one that exists the parties of their
/// own canonical selection among those who hold shares; nobody of the domain in an import, and those
/// who know summands where a key is restored (EPO-05).
pub(crate) fn follows(plan: &AttemptPlan, before: Option<(&AttemptPlan, Digest)>) -> bool {
    let dealers: BTreeSet<NodeId> = plan.dealers.iter().copied().collect();
    match before {
        None => {
            let parties = plan.tree.parties();
            let may_deal = match (plan.import(), plan.restore()) {
                (Some(_), _) => dealers.is_empty(),
                (None, Some(_)) => is_satisfied_by(&plan.tree, &dealers),
                (None, None) => dealers == parties,
            };
            plan.previous == Digest::ZERO && may_deal && plan.members() == parties
        }
        Some((before, digest)) => {
            let selection = before.tree.select(&dealers);
            plan.previous == digest
                && dealers.is_subset(&before.members())
                && selection.is_some_and(|selection| selection.parties() == dealers)
        }
    }
}

fn rank(key: &KeyId, epoch: u64, node: &NodeId) -> Digest {
    Transcript::new(tag::PLANNER).part(key).number(epoch).part(node).digest()
}
