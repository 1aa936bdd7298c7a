//! Announced successions at one node: kept durably with when they were heard, told to everybody, and
//! honoured once their delay is over, whether or not anything can be agreed on
//! (`spec/succession.md`, SUC-30 to SUC-34).

use crate::durable::{Table, Write};
use crate::event::Millis;
use crate::limits;
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
pub(crate) struct Cessions(BTreeMap<Digest, Heard>);

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
        self.0.insert(heard.signed.digest(), heard);
    }

    /// When this node stops, if one of them counts that long.
    pub fn due_at(&self, state: &State) -> Option<Millis> {
        let (_, delay_ms) = state.recovery()?;
        self.0.values().map(|heard| heard.at.saturating_add(delay_ms)).min()
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
        if self.cessions.0.contains_key(&digest) {
            return Ok(());
        }
        // Counted before anything is verified: whoever floods costs nothing but this.
        if self.cessions.0.len() >= limits::CESSIONS_MAX {
            return Err(CessionError::TooMany);
        }
        let status = signed.verify(&self.state)?;
        let CessionStatus { cession, signed_by, delay_ms, .. } = status;
        let heard = Heard { signed: signed.clone(), at: turn.now };
        let key: &[u8] = digest.as_ref();
        turn.out.writes.push(Write::put(Table::Cession, key, quorate_codec::to_bytes(&heard)));
        turn.out.barrier = true;
        self.cessions.0.insert(digest, heard);
        self.broadcast(&Message::Cession(Box::new(signed)), turn);
        let by = self.people_named(signed_by.iter());
        let by: Vec<&str> = by.iter().map(Name::as_str).collect();
        let (successor, called, reason) = (&cession.successor, &cession.called, &cession.reason);
        let text = format!(
            "{} announced that {called}, {successor}, takes over: {reason}. This node stops for good \
             in {}, unless administrators refuse it: quorate succession refuse {digest}",
            by.join(", "),
            Span(delay_ms)
        );
        self.alarm(text, &[], turn);
        Ok(())
    }

    /// Stops for good once the delay of a cession is over by this node's clock. Nobody's agreement is
    /// needed: it is there for when none can be had.
    pub(crate) fn drive_cessions(&mut self, turn: &mut Turn<'_>) {
        let due = self.cessions.due_at(&self.state).is_some_and(|due| due <= turn.now);
        let first = self.cessions.0.values().min_by_key(|heard| heard.at);
        let Some(first) = first.filter(|_| due && self.halted.is_none()) else { return };
        let Ok(Cession { successor, called, reason, .. }) = first.signed.body() else { return };
        let why = format!(
            "{called}, {successor}, takes over: {reason}; keep this disk until every key has signed \
             there, then destroy it"
        );
        self.halt(why, turn);
    }

    /// When a cession makes this node stop.
    pub(crate) fn cession_wakes_at(&self) -> Option<Millis> {
        self.cessions.due_at(&self.state).filter(|_| self.halted.is_none())
    }

    /// Tells a peer which successions are announced.
    pub(crate) fn share_cessions(&mut self, peer: NodeId, turn: &mut Turn<'_>) {
        let signed: Vec<SignedCession> =
            self.cessions.0.values().map(|heard| heard.signed.clone()).collect();
        for cession in signed {
            self.send(peer, &Message::Cession(Box::new(cession)), turn);
        }
    }

    /// The head moved: one that was refused, or that too few guardians of now signed under keys of
    /// now, counts no longer. What made this node stop stays, so that it can say so.
    pub(crate) fn look_at_cessions(&mut self, turn: &mut Turn<'_>) {
        if self.halted.is_some() {
            return;
        }
        let state = std::sync::Arc::clone(&self.state);
        let why = |heard: &Heard| heard.signed.verify(&state).err();
        let over = self.cessions.0.iter().filter_map(|(digest, it)| Some((*digest, why(it)?)));
        for (digest, why) in over.collect::<Vec<_>>() {
            self.cessions.0.remove(&digest);
            let key: &[u8] = digest.as_ref();
            turn.out.writes.push(Write::delete(Table::Cession, key));
            self.audit(
                format!("the announced succession {digest} counts no longer: {why}"),
                &[],
                turn,
            );
        }
        // A clock that was ahead once does not make it wait for ever.
        for (digest, heard) in self.cessions.0.iter_mut().filter(|(_, it)| it.at > turn.now) {
            heard.at = turn.now;
            let key: &[u8] = digest.as_ref();
            turn.out.writes.push(Write::put(Table::Cession, key, quorate_codec::to_bytes(heard)));
        }
    }

    /// The successions that are announced here.
    pub(crate) fn view_cessions(&self) -> Vec<CessionView> {
        let delay_ms = self.state.recovery().map_or(0, |(_, delay_ms)| delay_ms);
        let view = |(digest, heard): (&Digest, &Heard)| {
            let cession = heard.signed.body().ok()?;
            let signed_by = heard.signed.signatures.iter().map(|(person, _)| person);
            Some(CessionView {
                cession: *digest,
                successor: cession.successor.digest(),
                called: cession.called,
                reason: cession.reason,
                by: self.people_named(signed_by),
                stops_at_ms: heard.at.saturating_add(delay_ms),
                bytes: quorate_codec::to_bytes(&heard.signed).into(),
            })
        };
        self.cessions.0.iter().filter_map(view).collect()
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
