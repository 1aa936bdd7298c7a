//! Channels between hosts. A channel that breaks takes its frames with it.

use quorate_identity::NodeId;
use std::collections::{BTreeMap, BTreeSet};

/// All channels.
#[derive(Debug, Default)]
pub struct Net {
    links: BTreeMap<(NodeId, NodeId), Link>,
    /// Nodes that cannot reach the others for a while.
    pub cut_off: BTreeSet<NodeId>,
}

/// The channel of one pair.
#[derive(Debug, Clone, Copy, Default)]
struct Link {
    up: bool,
    /// Counts the breaks: a frame of an earlier era never arrives.
    era: u64,
}

fn pair(a: NodeId, b: NodeId) -> (NodeId, NodeId) {
    if a < b { (a, b) } else { (b, a) }
}

impl Net {
    /// Whether the channel of a pair is up.
    pub fn is_up(&self, a: NodeId, b: NodeId) -> bool {
        self.links.get(&pair(a, b)).is_some_and(|link| link.up)
    }

    /// The era of a pair's channel.
    pub fn era(&self, a: NodeId, b: NodeId) -> u64 {
        self.links.get(&pair(a, b)).map_or(0, |link| link.era)
    }

    /// Whether nothing stands between a pair.
    pub fn is_reachable(&self, a: NodeId, b: NodeId) -> bool {
        self.cut_off.contains(&a) == self.cut_off.contains(&b)
    }

    /// Raises a channel; false if it was up.
    pub fn raise(&mut self, a: NodeId, b: NodeId) -> bool {
        let link = self.links.entry(pair(a, b)).or_default();
        !std::mem::replace(&mut link.up, true)
    }

    /// Breaks a channel; false if it was down.
    pub fn sever(&mut self, a: NodeId, b: NodeId) -> bool {
        let link = self.links.entry(pair(a, b)).or_default();
        link.era += 1;
        std::mem::replace(&mut link.up, false)
    }
}
