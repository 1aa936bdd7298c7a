//! From one epoch of a key to the next, every order of events at small sizes (EPO-07 to EPO-10):
//! members prepare, the voters decide, members learn it late, say that they hold their shares,
//! sign, give up the old ones, and up to f of them are lost for ever at any moment. Agreement is
//! taken as what it promises, one decision; that is modelled in `agreement_model` and `explore`.
//!
//! Statements reach whoever could profit from them at once: what is unsafe with them late is
//! unsafe with them early, because acting on them is a choice of every step.

use crate::support::Domain;
use quorate_access::Tree;
use quorate_charter::has_commit_set;
use quorate_identity::{Name, NodeId};
use stateright::{Checker, Model, Property};
use std::collections::BTreeSet;

/// When a member gives its old shares up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// EPO-09: the new epoch has signed, and a set that survives f losses said that it holds it.
    AsSpecified,
    /// As soon as it knows the decision.
    AtCommit,
    /// Once any quorum said that it holds the new shares.
    OnceAQuorumHolds,
}

/// Whom an epoch may be made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Committee {
    /// EPO-03.
    AsSpecified,
    /// Any quorum.
    AnyQuorum,
}

struct Epochs {
    tree: Tree<NodeId>,
    nodes: Vec<NodeId>,
    faults: usize,
    rule: Rule,
    committee: Committee,
}

/// Bits are members.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    committee: u8,
    lost: u8,
    old: u8,
    new: u8,
    said_prepared: u8,
    knows: u8,
    said_committed: u8,
    outcome: Option<bool>,
    signed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Prepare(u8),
    Decide(bool),
    Learn(u8),
    Sign,
    GiveUpOld(u8),
    Lose(u8),
}

impl Epochs {
    fn set(&self, bits: u8) -> BTreeSet<NodeId> {
        let chosen = self.nodes.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0);
        chosen.map(|(_, node)| *node).collect()
    }

    fn is_quorum(&self, bits: u8) -> bool {
        self.tree.satisfied(&self.set(bits))
    }

    fn survives(&self, bits: u8) -> bool {
        has_commit_set(&self.tree, self.faults, &self.set(bits))
    }

    fn all(&self) -> u8 {
        u8::try_from((1_u32 << self.nodes.len()) - 1).unwrap()
    }

    fn may_give_up(&self, state: &State, member: u8) -> bool {
        let knows = state.outcome == Some(true) && state.knows & member != 0;
        let safe = match self.rule {
            Rule::AsSpecified => state.signed && self.survives(state.said_committed),
            Rule::AtCommit => true,
            Rule::OnceAQuorumHolds => self.is_quorum(state.said_committed),
        };
        knows && safe && state.old & member != 0
    }
}

impl Model for Epochs {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let committees = (1..=self.all()).filter(|bits| match self.committee {
            Committee::AsSpecified => self.survives(*bits),
            Committee::AnyQuorum => self.is_quorum(*bits),
        });
        let start = |committee| State {
            committee,
            lost: 0,
            old: self.all(),
            new: 0,
            said_prepared: 0,
            knows: 0,
            said_committed: 0,
            outcome: None,
            signed: false,
        };
        committees.map(start).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let members = (0..self.nodes.len()).map(|at| 1_u8 << at);
        for member in members.filter(|member| state.lost & member == 0) {
            let is_in = state.committee & member != 0;
            if is_in && state.outcome.is_none() && state.said_prepared & member == 0 {
                actions.push(Action::Prepare(member));
            }
            if state.outcome.is_some() && state.knows & member == 0 {
                actions.push(Action::Learn(member));
            }
            if self.may_give_up(state, member) {
                actions.push(Action::GiveUpOld(member));
            }
            let lost = usize::try_from(state.lost.count_ones()).unwrap();
            if lost < self.faults {
                actions.push(Action::Lose(member));
            }
        }
        if state.outcome.is_none() {
            actions.push(Action::Decide(false));
            if state.said_prepared == state.committee {
                actions.push(Action::Decide(true));
            }
        }
        let signers = state.new & state.knows & !state.lost;
        if state.outcome == Some(true) && !state.signed && self.is_quorum(signers) {
            actions.push(Action::Sign);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Prepare(member) => {
                next.new |= member;
                next.said_prepared |= member;
            }
            Action::Decide(outcome) => next.outcome = Some(outcome),
            Action::Learn(member) => {
                next.knows |= member;
                match state.outcome {
                    Some(true) if state.new & member != 0 => next.said_committed |= member,
                    Some(true) => {}
                    _ => next.new &= !member,
                }
            }
            Action::Sign => next.signed = true,
            Action::GiveUpOld(member) => next.old &= !member,
            Action::Lose(member) => {
                next.lost |= member;
                next.old &= !member;
                next.new &= !member;
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("the key is wholly in one epoch", |model: &Self, state: &State| {
                match state.outcome {
                    Some(true) => model.is_quorum(state.new),
                    _ => model.is_quorum(state.old),
                }
            }),
            Property::always(
                "the old one ends when the new one is safe",
                |model, state: &State| {
                    let gone = model.all() & !state.old & !state.lost;
                    let left = model.faults - usize::try_from(state.lost.count_ones()).unwrap();
                    gone == 0 || model.tree.survives(&model.set(state.new), left)
                },
            ),
            Property::always("what is void leaves nothing that counts", |_, state: &State| {
                state.outcome != Some(false) || state.new & state.knows == 0
            }),
            Property::sometimes(
                "it ends though as many are lost as may be",
                |model: &Self, state: &State| {
                    let lost = usize::try_from(state.lost.count_ones()).unwrap();
                    state.outcome == Some(true) && lost == model.faults && state.old == 0
                },
            ),
        ]
    }
}

fn check(access: &str, faults: usize, rule: Rule, committee: Committee) -> (usize, Vec<String>) {
    let domain = Domain::new(6, 1);
    let tree = access.parse::<Tree<Name>>().unwrap();
    let tree = tree.map(|node| domain.node(node.as_str()));
    let nodes = tree.parties().into_iter().collect();
    let model = Epochs { tree, nodes, faults, rule, committee };
    let checker = model.checker().spawn_bfs().join();
    let names = checker.discoveries().into_keys().map(ToString::to_string);
    (checker.unique_state_count(), names.collect())
}

const SIZES: [(&str, usize); 6] = [
    ("2 of (n1, n2, n3)", 1),
    ("2 of (n1, n2, n3)", 0),
    ("all of (n1, n2)", 0),
    ("2 of (n1, n2, n3, n4)", 2),
    ("3 of (n1, n2, n3, n4, n5)", 1),
    ("all of (2 of (n1, n2, n3), any of (n4, n5))", 1),
];

/// EPO-03, EPO-07, EPO-09, EPO-10.
#[test]
fn neg_053_no_order_of_events_loses_a_key() {
    for (access, faults) in SIZES {
        let (states, found) = check(access, faults, Rule::AsSpecified, Committee::AsSpecified);
        println!("figures: {access}, {faults} lost: {states} states");
        // The only discovery is the example that it can end.
        assert_eq!(found, ["it ends though as many are lost as may be"], "{access} {faults}");
        assert!(states > 20, "{access} {faults}: {states}");
    }
}

/// EPO-03, EPO-09: with weaker rules the model finds how a key is lost.
#[test]
fn neg_053_weaker_rules_lose_keys() {
    let loses = |access, faults, rule, committee| {
        let (_, found) = check(access, faults, rule, committee);
        found.iter().any(|name| !name.starts_with("it ends"))
    };
    let three = "2 of (n1, n2, n3)";
    assert!(loses(three, 1, Rule::AsSpecified, Committee::AnyQuorum));
    assert!(loses("3 of (n1, n2, n3, n4, n5)", 1, Rule::AtCommit, Committee::AnyQuorum));
    assert!(loses("3 of (n1, n2, n3, n4, n5)", 1, Rule::OnceAQuorumHolds, Committee::AnyQuorum));
    // What the committee promises is what makes the decision safe by itself.
    assert!(!loses(three, 1, Rule::AtCommit, Committee::AsSpecified));
}
