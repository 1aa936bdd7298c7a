//! This node as a voter.

use crate::ceremonies::{Found, recoveries};
use crate::durable::{Table, Write};
use crate::event::{Barrier, Millis};
use crate::evidence::Evidence;
use crate::exports::is_recipient;
use crate::limits;
use crate::node::{Node, Turn};
use crate::seats::is_readable;
use crate::wire::Message;
use quorate_charter::{
    Agreement, CertifiedEntry, Decided, Effects, EntryBody, EntryError, Input, Instance, LockKeys,
    Motion, MotionBody, MotionError, ProposedEntry, SignedBallotMessage, Validity,
};
use quorate_identity::{KeyId, NodeId};
use std::sync::Arc;

impl Node {
    /// A proposal or vote, its signatures checked. Whoever passes it on need not be its author.
    pub(crate) fn on_ballot(
        &mut self,
        from: NodeId,
        message: SignedBallotMessage,
        keys: LockKeys,
        turn: &mut Turn<'_>,
    ) {
        let instance = message.instance();
        match instance {
            Instance::Position(position) if position <= self.state.position() => {
                // The peer is behind: show it what was decided.
                self.send_entries(from, position.saturating_sub(1), turn);
                return;
            }
            Instance::Position(position)
                if position > self.state.position() + limits::POSITIONS_AHEAD =>
            {
                self.fetch_from(from, turn);
                return;
            }
            Instance::Position(_) => {}
            Instance::Attempt { key, epoch, attempt, era } => {
                if !self.is_current_attempt(from, &key, (epoch, attempt, era), turn) {
                    return;
                }
            }
        }
        if self.is_passed_over(&message.voter()) || !self.has_room_for_value(&message) {
            return;
        }
        let heard = match keys {
            LockKeys::OfNow => Input::Message,
            LockKeys::OfThen => Input::Dated,
        };
        self.step_agreement(instance, heard(message), turn);
    }

    /// Whether what is kept of a voter's proposals leaves room for one more. There are as many attempts
    /// to propose in as keys: whoever fills their own room is told again as it empties (AGR-08).
    fn has_room_for_value(&self, message: &SignedBallotMessage) -> bool {
        let more = message.proposed_bytes();
        let of = self.governor.agreements.get(&message.instance());
        // What is kept already is told again by everybody.
        if more == 0 || of.is_some_and(|it| it.keeps_a_proposal_of(message.ballot())) {
            return true;
        }
        let voter = message.voter();
        let kept = self.governor.agreements.values().map(|it| it.bytes_kept_from(&voter));
        kept.sum::<usize>().saturating_add(more) <= limits::PROPOSALS_BYTES_MAX
    }

    /// Asks the voters to decide an instance, with this value if nobody proposes another.
    pub(crate) fn propose(&mut self, instance: Instance, value: Vec<u8>, turn: &mut Turn<'_>) {
        self.step_agreement(instance, Input::Propose(value), turn);
    }

    /// Goes on where votes of an earlier life, or a position without them, left off.
    pub(crate) fn resume_agreements(&mut self, turn: &mut Turn<'_>) {
        let position = self.state.position();
        let votes = self.governor.votes.keys().copied();
        let undecided: Vec<Instance> = votes
            .filter(|instance| match instance {
                Instance::Position(voted) => *voted > position,
                Instance::Attempt { .. } => true,
            })
            .collect();
        for instance in undecided {
            self.step_agreement(instance, Input::Timeout, turn);
        }
        self.propose_next(turn);
    }

    /// Forgets others' votes about positions to come: one of them may be a former machine's, or that
    /// of a node which votes no more, and no certificate may hold it. Its own votes this node keeps;
    /// the others tell theirs again.
    pub(crate) fn restart_positions(&mut self, turn: &mut Turn<'_>) {
        let is_position = |instance: &Instance| matches!(instance, Instance::Position(_));
        self.governor.agreements.retain(|instance, _| !is_position(instance));
        for (instance, votes) in &mut self.governor.votes {
            if is_position(instance) && votes.forget_others(&self.me) {
                let (key, row) =
                    (quorate_codec::to_bytes(instance), quorate_codec::to_bytes(votes));
                turn.out.writes.push(Write::put(Table::Votes, key, row));
            }
        }
    }

    /// Forgets what a node said in attempts: its keys count no more, or not for what was planned since.
    pub(crate) fn forget_votes_of(&mut self, node: &NodeId, turn: &mut Turn<'_>) {
        for agreement in self.governor.agreements.values_mut() {
            agreement.forget(node);
        }
        for (instance, votes) in &mut self.governor.votes {
            if *node != self.me && votes.forget(node) {
                let (key, row) =
                    (quorate_codec::to_bytes(instance), quorate_codec::to_bytes(votes));
                turn.out.writes.push(Write::put(Table::Votes, key, row));
            }
        }
    }

    pub(super) fn step_agreement(&mut self, instance: Instance, input: Input, turn: &mut Turn<'_>) {
        if !self.may_take_part() || !self.may_vote_on(&instance) {
            return;
        }
        let state = Arc::clone(&self.state);
        let electorate = state.electorate(&instance).ok().filter(|it| it.contains(&self.me));
        let Some(electorate) = electorate else { return };
        let mut agreement = match self.governor.agreements.remove(&instance) {
            Some(agreement) => agreement,
            None => {
                let votes = self.governor.votes.get(&instance).cloned();
                let voters = (state.genesis(), electorate);
                Agreement::new(instance, voters, self.me, votes, self.pace.ballot_ms)
            }
        };
        let effects = {
            let judge = |value: &[u8]| self.judge_value(instance, value, turn.now);
            let sign = |tag, bytes: &[u8]| self.secrets.sign(tag, bytes);
            agreement.handle(input, turn.now, &sign, &judge)
        };
        self.governor.agreements.insert(instance, agreement);
        self.act_on(instance, effects, turn);
    }

    /// Whether this node may vote about this: the key stands, and no vote that an earlier life cast can
    /// be lost. None ever is without a lapse, and after one this node votes only on what is younger
    /// (CER-10, NOD-16). Positions are: it comes back at the entry that says so, decided without it,
    /// and votes beyond.
    fn may_vote_on(&self, instance: &Instance) -> bool {
        match instance {
            Instance::Position(_) => true,
            Instance::Attempt { key, .. } => {
                let stands = self.state.key(key).is_some_and(|order| !order.retired);
                stands && self.is_of_this_life(key)
            }
        }
    }

    fn act_on(&mut self, instance: Instance, effects: Effects, turn: &mut Turn<'_>) {
        if let Some(votes) = effects.votes {
            let key = quorate_codec::to_bytes(&instance);
            let row = quorate_codec::to_bytes(&votes);
            turn.out.writes.push(Write::put(Table::Votes, key, row));
            turn.out.barrier = Barrier::Full;
            let before = self.governor.highest_vote();
            self.governor.votes.insert(instance, votes);
            if self.governor.highest_vote() > before {
                self.greet_all(turn);
            }
        }
        for message in effects.broadcast {
            self.broadcast(&Message::Ballot(message), turn);
        }
        match effects.wake_at {
            Some(at) => self.governor.wakes.set(instance, at),
            None => self.governor.wakes.remove(&instance),
        }
        for evidence in effects.evidence {
            self.prove(Found::Here, Evidence::votes(evidence), turn);
        }
        if let Some(decided) = effects.decided {
            self.on_decided(decided, turn);
        }
    }

    /// An instance is decided, here or as a peer shows; the certificate was verified.
    pub(crate) fn on_decided(&mut self, decided: Decided, turn: &mut Turn<'_>) {
        match decided.instance {
            Instance::Position(_) => {
                let Ok(entry) = CertifiedEntry::from_decided(&decided) else { return };
                if entry.position() <= self.state.position() {
                    return self.compare_with_log(&entry, turn);
                }
                if entry.position() == self.state.position() + 1 && self.append(entry.clone(), turn)
                {
                    self.broadcast(&Message::Entries(vec![entry]), turn);
                }
            }
            Instance::Attempt { .. } => self.on_attempt_decided(decided, turn),
        }
    }

    /// Forgets the votes of a decided instance and of those that it ends, durably; of positions
    /// the newest row stays, so that the highest vote is never forgotten (NOD-15).
    pub(crate) fn close_instance(&mut self, instance: Instance, turn: &mut Turn<'_>) {
        let is_over = |other: &Instance| match (*other, instance) {
            (Instance::Position(at), Instance::Position(decided)) => at <= decided,
            (
                Instance::Attempt { key, epoch, attempt, .. },
                Instance::Attempt { key: its_key, epoch: its_epoch, attempt: decided, .. },
            ) => key == its_key && (epoch, attempt) <= (its_epoch, decided),
            _ => false,
        };
        let governor = &mut self.governor;
        let live = governor.agreements.keys().filter(|other| is_over(other));
        for over in live.copied().collect::<Vec<_>>() {
            governor.agreements.remove(&over);
            governor.wakes.remove(&over);
        }
        let newest = Instance::Position(governor.highest_vote());
        let voted = governor.votes.keys().filter(|other| is_over(other) && **other != newest);
        for over in voted.copied().collect::<Vec<_>>() {
            governor.votes.remove(&over);
            turn.out.writes.push(Write::delete(Table::Votes, quorate_codec::to_bytes(&over)));
        }
    }

    /// Forgets attempts at a key that is retired, durably: nobody decides about it any more.
    pub(crate) fn drop_attempts_at(&mut self, key: &KeyId, turn: &mut Turn<'_>) {
        let is_of = |it: &Instance| matches!(it, Instance::Attempt { key: of, .. } if of == key);
        let governor = &mut self.governor;
        let open = governor.agreements.keys().chain(governor.votes.keys()).filter(|it| is_of(it));
        for over in open.copied().collect::<Vec<_>>() {
            governor.agreements.remove(&over);
            governor.wakes.remove(&over);
            if governor.votes.remove(&over).is_some() {
                turn.out.writes.push(Write::delete(Table::Votes, quorate_codec::to_bytes(&over)));
            }
        }
    }

    /// Whether an announced motion would take effect although this node holds an objection to it, or
    /// its withdrawal, with enough signatures: whoever keeps that out of the log, by not voting, is
    /// not to have the motion either (GOV-82).
    fn is_contested(&self, proposed: &ProposedEntry, now: Millis) -> bool {
        let EntryBody::Enact(id) = &proposed.entry().body else { return false };
        let mut motions = self.governor.motions.values();
        motions.any(|signed| {
            let contests = matches!(&signed.body().body,
                MotionBody::Object { motion } | MotionBody::Withdraw { motion } if motion == id);
            contests && self.state.authorise(signed, now).is_ok()
        })
    }

    /// Judges a proposed value. What needs mathematics or Cedar is checked here, before a vote.
    pub(super) fn judge_value(&self, instance: Instance, value: &[u8], now: Millis) -> Validity {
        let is_found = |motion: &Motion| self.judge_restore(&motion.body) != Validity::Invalid;
        let is_in_time = |proposed: &ProposedEntry| {
            let node = proposed.rejoins();
            node.is_none_or(|node| self.rejoin_due(&node) <= now)
                && proposed.custody().is_none_or(|custody| self.is_shown(custody))
                && proposed.recipient().is_none_or(|it| self.is_key_shown(&it.key_id()))
                && proposed.nodes().is_none_or(|change| self.behind_for(change).is_none())
                && proposed.minimum().is_none_or(|minimum| self.lacking_for(minimum).is_none())
                && proposed
                    .import()
                    .is_none_or(|(scheme, imported)| self.check_import(scheme, imported).is_ok())
        };
        let is_sound = |proposed: &ProposedEntry| {
            proposed.motion().is_none_or(is_found)
                && proposed
                    .policy()
                    .is_none_or(|bytes| quorate_policy::vet(bytes, &self.state).is_ok())
                && proposed.custody().is_none_or(|custody| recoveries(custody).is_some())
                && proposed.claim().is_none_or(is_readable)
                && proposed.recipient().is_none_or(is_recipient)
                && proposed.import().is_none_or(|(scheme, imported)| {
                    !matches!(self.check_import(scheme, imported), Err(MotionError::Public(_)))
                })
        };
        match instance {
            Instance::Attempt { key, epoch, attempt, .. } => {
                self.judge_outcome(key, epoch, attempt, value, now)
            }
            Instance::Position(_) => {
                match self.state.check_next(value, now, &|position| self.stored_at(position)) {
                    Ok(proposed) if self.is_contested(&proposed, now) => Validity::Late,
                    Ok(proposed) if is_sound(&proposed) => {
                        // Not for what was not shown here, or found, nor while keys are behind, nor for
                        // a key that this node knows already; but whoever saw that a quorum found it
                        // right is bound to nothing else, whatever it learns since (GOV-54, GOV-35,
                        // GOV-66, SUC-20, IMP-02, AGR-07).
                        match is_in_time(&proposed) {
                            true => proposed
                                .motion()
                                .map_or(Validity::Valid, |it| self.judge_restore(&it.body)),
                            false => Validity::Late,
                        }
                    }
                    Err(EntryError::Late(proposed)) if is_sound(&proposed) => Validity::Late,
                    Ok(_) | Err(_) => Validity::Invalid,
                }
            }
        }
    }
}
