//! Announced successions at one node: kept durably with when they were heard, told to everybody, and
//! honoured once their delay is over, whether or not anything can be agreed on
//! (`spec/succession.md`, SUC-30 to SUC-34).

use crate::durable::{Table, Write};
use crate::event::{Alarm, Barrier, Millis};
use crate::limits::{CESSION_GRACE_MS_MAX, CESSIONS_MAX, SLEPT_MS};
use crate::node::{Node, Turn};
use crate::wire::Message;
use minicbor::{Decode, Encode};
use quorate_charter::{Cession, CessionError, CessionStatus, SignedCession, Span, State};
use quorate_client::contract::{CessionView, ErrorBody, ErrorCode};
use quorate_codec::{Canonical, Digest};
use quorate_identity::{Name, NodeId};
use std::collections::BTreeMap;

/// The cessions that wait here.
#[derive(Default)]
pub(crate) struct Cessions {
    heard: BTreeMap<Digest, Heard>,
    /// Since when this node runs without a pause, by its clock, and when it last did anything.
    awake_since: Millis,
    last: Millis,
    /// The delay of one is over, and this node, which slept, may still hear that it was refused.
    is_over: bool,
}

/// A cession, and when this node made it durable.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Heard {
    #[n(0)]
    signed: SignedCession,
    #[n(1)]
    at: Millis,
}

impl Canonical for Heard {
    const BYTES_MAX: usize = 16 + SignedCession::BYTES_MAX;
}

impl Cessions {
    /// Takes a row as it was read back. One that does not count any more goes with the next entry.
    pub fn load(&mut self, heard: Heard) {
        self.heard.insert(heard.signed.digest(), heard);
    }

    /// Whether the delay of one is over: nothing is signed any more.
    pub fn are_over(&self) -> bool {
        self.is_over
    }

    /// The one that this node heard first, and when its delay is over.
    fn first_due(&self, state: &State) -> Option<(&Heard, Millis)> {
        let first = self.heard.values().min_by_key(|heard| heard.at)?;
        Some((first, first.at.saturating_add(state.cession_delay_ms())))
    }

    /// When the node stops for good, if the delay is over at `due`: it has been awake for a while by
    /// then. Whoever slept may have been told meanwhile that it was refused.
    fn stops_at(&self, due: Millis, state: &State) -> Millis {
        let grace = state.cession_delay_ms().min(CESSION_GRACE_MS_MAX);
        due.max(self.awake_since.saturating_add(grace))
    }
}

impl Node {
    /// A cession came in, from a person or a peer.
    pub(crate) fn on_cession(
        &mut self,
        signed: SignedCession,
        turn: &mut Turn<'_>,
    ) -> Result<(), CessionError> {
        let digest = signed.digest();
        if self.cessions.heard.contains_key(&digest) {
            return Ok(());
        }
        // Counted before anything is verified: a full node spends nothing on more.
        if self.cessions.heard.len() >= CESSIONS_MAX {
            return Err(CessionError::TooMany);
        }
        let status = signed.verify(&self.state)?;
        let heard = Heard { signed: signed.clone(), at: turn.now };
        let key: &[u8] = digest.as_ref();
        turn.out.writes.push(Write::put(Table::Cession, key, quorate_codec::to_bytes(&heard)));
        turn.out.barrier = Barrier::Full;
        self.cessions.heard.insert(digest, heard);
        self.broadcast(&Message::Cession(Box::new(signed)), turn);
        let text = self.cession_text(&digest, &status);
        self.alarm(text, &[], turn);
        Ok(())
    }

    /// What is announced, for operators: what to do comes first, and the words of others last.
    fn cession_text(&self, digest: &Digest, status: &CessionStatus) -> String {
        let by = self.people_named(status.signed_by.iter());
        let by: Vec<&str> = by.iter().map(Name::as_str).collect();
        let Cession { successor, called, reason, .. } = &status.cession;
        format!(
            "a succession is announced: this node stops for good {} after it heard of it, unless \
             administrators say `quorate succession refuse {digest}`; {called} ({successor}) takes \
             over, say {}: \"{reason}\"",
            Span(status.delay_ms),
            by.join(", "),
        )
    }

    /// Cessions that were announced before this start: they are alarms again.
    pub(crate) fn cession_alarms(&self) -> Vec<Alarm> {
        let heard = self.cessions.heard.iter();
        let counts = heard.filter_map(|(digest, heard)| {
            let status = heard.signed.verify(&self.state).ok()?;
            Some(Alarm { text: self.cession_text(digest, &status), culprits: Vec::new() })
        });
        counts.collect()
    }

    /// Signs nothing once the delay of a cession is over by this node's clock, and stops for good once
    /// it has been awake for a while then: until that it votes, or a domain that slept could not
    /// refuse. Nobody's agreement is needed: it is there for when none can be had. Before anything
    /// else that an event brings.
    pub(crate) fn drive_cessions(&mut self, turn: &mut Turn<'_>) {
        let cessions = &mut self.cessions;
        if turn.now.saturating_sub(cessions.last) > SLEPT_MS {
            cessions.awake_since = turn.now;
        }
        cessions.last = turn.now;
        let due = self.cessions.first_due(&self.state).filter(|(_, due)| *due <= turn.now);
        let Some((first, due)) = due.filter(|_| self.halted.is_none()) else { return };
        let Ok(Cession { successor, called, reason, .. }) = first.signed.body() else { return };
        let why = format!("{called} ({successor}) takes over: \"{reason}\"");
        if self.cessions.stops_at(due, &self.state) <= turn.now {
            let why =
                format!("keep this disk until every key signs elsewhere, then destroy it; {why}");
            self.halt(why, turn);
        } else if !self.cessions.is_over {
            self.cessions.is_over = true;
            self.alarm(format!("this node signs nothing any more: {why}"), &[], turn);
            self.fail_all_sessions("another domain takes over", turn);
        }
    }

    /// When a cession changes what this node does.
    pub(crate) fn cession_wakes_at(&self) -> Option<Millis> {
        let (_, due) = self.cessions.first_due(&self.state)?;
        let wakes = match self.cessions.is_over {
            true => self.cessions.stops_at(due, &self.state),
            false => due,
        };
        Some(wakes).filter(|_| self.halted.is_none())
    }

    /// Tells a peer which successions are announced.
    pub(crate) fn share_cessions(&mut self, peer: NodeId, turn: &mut Turn<'_>) {
        let signed: Vec<SignedCession> =
            self.cessions.heard.values().map(|heard| heard.signed.clone()).collect();
        for cession in signed {
            self.send(peer, &Message::Cession(Box::new(cession)), turn);
        }
    }

    /// The head moved: one that was refused, that other rules are in force for by now, or that too few
    /// guardians of now signed under keys of now, counts no longer. What made this node stop stays, so
    /// that it can say so.
    pub(crate) fn look_at_cessions(&mut self, turn: &mut Turn<'_>) {
        if self.halted.is_some() || self.cessions.heard.is_empty() {
            return;
        }
        let state = std::sync::Arc::clone(&self.state);
        let why = |heard: &Heard| heard.signed.verify(&state).err();
        let gone = self.cessions.heard.iter().filter_map(|(id, it)| Some((*id, why(it)?)));
        for (digest, why) in gone.collect::<Vec<_>>() {
            self.cessions.heard.remove(&digest);
            let key: &[u8] = digest.as_ref();
            turn.out.writes.push(Write::delete(Table::Cession, key));
            self.audit(format!("the succession {digest} counts no longer: {why}"), &[], turn);
        }
        // A clock that was ahead once does not make it wait for ever; one that q voters bear out.
        if self.presence.has_lease(turn.now, &self.state, &self.me) {
            for (digest, heard) in
                self.cessions.heard.iter_mut().filter(|(_, heard)| heard.at > turn.now)
            {
                heard.at = turn.now;
                let (key, row): (&[u8], _) = (digest.as_ref(), quorate_codec::to_bytes(heard));
                turn.out.writes.push(Write::put(Table::Cession, key, row));
            }
        }
        let is_due = self.cessions.first_due(&self.state).is_some_and(|(_, due)| due <= turn.now);
        if self.cessions.is_over && !is_due {
            self.cessions.is_over = false;
            self.audit("this node signs again".to_owned(), &[], turn);
            self.look_at_all(turn);
        }
    }

    /// The successions that are announced here.
    pub(crate) fn view_cessions(&self) -> Vec<CessionView> {
        let delay_ms = self.state.cession_delay_ms();
        let view = |(digest, heard): (&Digest, &Heard)| {
            let cession = heard.signed.body().ok()?;
            let signed_by = heard.signed.signatures.iter().map(|(person, _)| person);
            let due = heard.at.saturating_add(delay_ms);
            Some(CessionView {
                cession: *digest,
                successor: cession.successor.digest(),
                called: cession.called,
                reason: cession.reason,
                by: self.people_named(signed_by),
                stops_at_ms: self.cessions.stops_at(due, &self.state),
                bytes: quorate_codec::to_bytes(&heard.signed).into(),
            })
        };
        self.cessions.heard.iter().filter_map(view).collect()
    }

    /// A cession as a person files it.
    pub(crate) fn file_cession(
        &mut self,
        signed: SignedCession,
        turn: &mut Turn<'_>,
    ) -> Result<(), ErrorBody> {
        self.on_cession(signed, turn).map_err(|error| {
            let next = "have enough guardians sign one with `quorate succession announce`";
            ErrorBody::new(ErrorCode::BadCession, error.to_string(), next)
        })
    }
}
