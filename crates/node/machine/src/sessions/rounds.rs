//! The engine's rounds, and the signatures at the end.

use crate::job::{JobId, Task};
use crate::node::{Node, Turn};
use crate::sessions::{Blame, Phase};
use crate::wire::{Message, Outcome, RunId, SessionMessage, SessionStep, SignatureBytes};
use quorate_engine::{self as engine, Failure, Inbound, Outbound, Progress, To};

impl Node {
    /// A round of a session was computed.
    pub(crate) fn on_session_advanced(
        &mut self,
        id: JobId,
        result: Result<Progress, Failure>,
        turn: &mut Turn<'_>,
    ) {
        let Some(run) = self.sessions.take_job(&id) else {
            return self.late_result(result.err(), turn);
        };
        match result {
            Err(failure) => self.session_failure(run, failure, turn),
            Ok(Progress::Next { round, outbound }) => {
                let Some(session) = self.sessions.live.get_mut(&run) else { return };
                let Phase::Computing { number } = session.phase else { return };
                let number = number.saturating_add(1);
                session.phase = Phase::ExpectRound { number, round };
                self.sessions.deadlines.set(run, turn.now + self.pace.session_timeout_ms);
                self.send_round(run, number, outbound, turn);
                self.advance_if_complete(run, turn);
            }
            Ok(Progress::Done(engine::Outcome::Signatures(signatures))) => {
                self.release(run, &signatures, turn);
            }
            Ok(Progress::Done(engine::Outcome::Presignatures(made))) => {
                self.on_made(run, made, turn);
            }
            Ok(Progress::Done(_)) => {
                self.fail_session(run, "the engine made something else", Blame::Nobody, turn);
            }
        }
    }

    /// The signatures exist because they verify (N-43); everybody hears of them.
    fn release(&mut self, run: RunId, signatures: &[engine::Signature], turn: &mut Turn<'_>) {
        let Some(session) = self.sessions.live.get(&run) else { return };
        let signatures = signatures.iter().map(|signature| SignatureBytes {
            bytes: signature.bytes().to_vec(),
            recovery_id: signature.recovery_id(),
        });
        let outcome = Outcome {
            target: session.terms.target,
            head: session.terms.head,
            quorum: session.terms.quorum.clone(),
            signatures: signatures.collect(),
        };
        self.end_session(run);
        self.broadcast(&Message::Outcome(outcome.clone()), turn);
        self.on_outcome(self.me, outcome, turn);
    }

    /// Computes the next round once all its messages are here.
    pub(super) fn advance_if_complete(&mut self, run: RunId, turn: &mut Turn<'_>) {
        let Some(session) = self.sessions.live.get_mut(&run) else { return };
        let Phase::ExpectRound { number, round } = &session.phase else { return };
        let (number, is_brief) = (*number, session.is_brief);
        let awaited = round.awaits();
        if !awaited.iter().all(|node| session.rounds.contains_key(&(number, *node))) {
            return;
        }
        let phase = std::mem::replace(&mut session.phase, Phase::Computing { number });
        let Phase::ExpectRound { round, .. } = phase else { return };
        let mut message = |from| {
            let bytes = session.rounds.remove(&(number, from))?;
            Some(Inbound { from, bytes })
        };
        let inbox = awaited.into_iter().filter_map(&mut message).collect();
        let seed = turn.seed();
        let job = self.start_job(Task::Advance { round, inbox, seed, is_brief }, turn);
        self.sessions.await_job(run, job);
    }

    fn send_round(&mut self, run: RunId, number: u8, outbound: Vec<Outbound>, turn: &mut Turn<'_>) {
        for Outbound { to, bytes } in outbound {
            let step = SessionStep::Round { number, bytes };
            match to {
                To::All => self.send_to_session(run, step, turn),
                To::One(peer) => {
                    self.send(peer, &Message::Session(SessionMessage { run, step }), turn);
                }
            }
        }
    }
}
