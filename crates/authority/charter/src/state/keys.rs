//! What the charter orders for a key.

use crate::export::{Export, Recipient};
use crate::imported::Imported;
use crate::motion::RefreshSchedule;
use crate::origin::Origin;
use quorate_access::Tree;
use quorate_identity::{Head, KeyId, Name, NodeId, Scheme};

/// A key that the charter orders. Its public point and its shares' are in its epoch records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOrder {
    /// Its id.
    pub key: KeyId,
    /// Its name.
    pub name: Name,
    /// What it makes.
    pub scheme: Scheme,
    /// How many accounts it has.
    pub accounts: u16,
    /// The head that the entry made which ordered the key.
    pub entry: Head,
    /// How many entries touched it.
    pub version: u64,
    /// When it is refreshed without another order.
    pub schedule: Option<RefreshSchedule>,
    /// How many signatures a leading node may begin ahead of requests.
    pub presignatures: u16,
    /// Whether it was ended for ever.
    pub retired: bool,
    /// Where a key is from that was not made here. It never changes (IMP-08).
    pub origin: Option<Origin>,
    /// To whom it was given whole, oldest first. None is ever forgotten (KEX-05).
    pub exports: Vec<Export>,
    /// What was ordered, oldest first.
    orders: Vec<Order>,
}

/// One order, and the head that its entry made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Order {
    entry: Head,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// A new sharing, over a tree or over the one that there is.
    Sharing(Option<Sharing>),
    /// Nothing of what was ordered before.
    Void,
}

/// Over whom a key is shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sharing {
    /// Which signers together can sign.
    pub tree: Tree<NodeId>,
    /// How many of them may be lost without losing the key.
    pub faults: u8,
}

/// What the charter wants of a key: an epoch that fulfils the newest order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goal<'a> {
    /// The head that the newest order's entry made: the epoch record names it once fulfilled.
    pub order: Head,
    /// Over whom; nothing: over whom it is shared already.
    pub sharing: Option<&'a Sharing>,
}

impl KeyOrder {
    pub(super) fn new(
        key: KeyId,
        name: Name,
        scheme: Scheme,
        accounts: u16,
        sharing: Sharing,
        entry: Head,
    ) -> Self {
        let orders = vec![Order { entry, what: What::Sharing(Some(sharing)) }];
        let (version, schedule, retired, origin, exports) = (1, None, false, None, Vec::new());
        Self {
            key,
            name,
            scheme,
            accounts,
            entry,
            version,
            schedule,
            presignatures: 0,
            retired,
            origin,
            exports,
            orders,
        }
    }

    /// The same for a key that exists already.
    pub(super) fn from(self, origin: Origin) -> Self {
        Self { origin: Some(origin), ..self }
    }

    /// What is known of the key if somebody brings it.
    pub fn imported(&self) -> Option<&Imported> {
        self.origin.as_ref()?.imported()
    }

    /// Whether somebody brings it.
    pub fn is_imported(&self) -> bool {
        self.imported().is_some()
    }

    /// Whether somebody got it, or may get it, whole (KEX-05).
    pub fn is_exported(&self) -> bool {
        !self.exports.is_empty()
    }

    /// Exports for which nodes give their parts: nobody ended them, and the key is not retired.
    pub fn open_exports(&self) -> impl Iterator<Item = &Export> {
        self.exports.iter().filter(|export| export.is_open() && !self.retired)
    }

    /// The export that took effect by the entry with this head.
    pub fn export(&self, entry: &Head) -> Option<&Export> {
        self.exports.iter().find(|export| export.entry == *entry)
    }

    pub(super) fn export_to(&mut self, recipient: Recipient, entry: Head, position: u64) {
        self.exports.push(Export { entry, position, recipient, ended: None });
    }

    pub(super) fn end_exports(&mut self, position: u64) {
        for export in self.exports.iter_mut().filter(|export| export.is_open()) {
            export.ended = Some(position);
        }
    }

    pub(super) fn order(&mut self, entry: Head, sharing: Option<Sharing>) {
        self.orders.push(Order { entry, what: What::Sharing(sharing) });
    }

    pub(super) fn void(&mut self, entry: Head) {
        self.orders.push(Order { entry, what: What::Void });
    }

    /// What the charter wants now; nothing where the newest order was withdrawn, or the key is
    /// retired. A later order includes earlier ones that nobody withdrew (EPO-01).
    pub fn goal(&self) -> Option<Goal<'_>> {
        let newest = self.orders.last().filter(|_| !self.retired)?;
        let standing = self.orders.iter().rev().take_while(|order| order.what != What::Void);
        let mut sharings = standing.clone().filter_map(Order::sharing);
        match newest.what {
            What::Void => None,
            What::Sharing(_) => Some(Goal { order: newest.entry, sharing: sharings.next() }),
        }
    }

    /// Whether an entry with this head ordered a sharing of the key.
    pub fn has_ordered(&self, head: &Head) -> bool {
        self.orders.iter().any(|order| order.entry == *head && order.what != What::Void)
    }

    /// Whether the charter ever ordered the key over this tree, by the entry of this head or an
    /// earlier one.
    pub fn has_ordered_tree(&self, tree: &Tree<NodeId>, head: &Head) -> bool {
        let at = self.orders.iter().position(|order| order.entry == *head);
        let until = self.orders.iter().take(at.map_or(0, |at| at + 1));
        until.filter_map(Order::sharing).any(|sharing| sharing.tree == *tree)
    }

    /// Whether the order of this entry stands: nobody withdrew it.
    pub fn stands(&self, head: &Head) -> bool {
        let standing = self.orders.iter().rev().take_while(|order| order.what != What::Void);
        !self.retired && standing.into_iter().any(|order| order.entry == *head)
    }

    /// Whether the order of one entry came before that of another.
    pub fn is_before(&self, one: &Head, other: &Head) -> bool {
        let at = |head: &Head| self.orders.iter().position(|order| order.entry == *head);
        at(one).zip(at(other)).is_some_and(|(one, other)| one < other)
    }

    /// Whether a node was ever to hold shares of the key.
    pub fn has_ever_named(&self, node: &NodeId) -> bool {
        let sharings = self.orders.iter().filter_map(Order::sharing);
        sharings.into_iter().any(|sharing| sharing.tree.parties().contains(node))
    }

    /// Over whom the charter wants the key shared last, whatever was withdrawn since: for showing
    /// a key that no epoch record tells more about.
    pub fn last_sharing(&self) -> Option<&Sharing> {
        self.orders.iter().rev().find_map(Order::sharing)
    }
}

impl Order {
    fn sharing(&self) -> Option<&Sharing> {
        match &self.what {
            What::Sharing(sharing) => sharing.as_ref(),
            What::Void => None,
        }
    }
}
