//! What the node answers.

use super::{Answer, Call, Caller, View};
use crate::event::{Barrier, CallId, Reply};
use crate::node::{Node, Turn};
use crate::outcome;
use crate::requests::{FileError, Stage, VoteError};
use crate::wire::Message;
use quorate_charter::{MotionError, SignedMotion};
use quorate_client::contract::{ErrorBody, ErrorCode};
use quorate_identity::{CredentialSignature, MotionId, PersonId, RequestId};
use quorate_policy::request::VerifiedRequest;

impl Node {
    /// Answers a call. What a caller hears of as taken or as signed is durable before the answer
    /// leaves: a power cut does not take it back.
    pub(crate) fn on_call(&mut self, id: CallId, caller: &Caller, call: Call, turn: &mut Turn<'_>) {
        let answer = self.check_scope(caller, &call);
        let answer = answer.and_then(|()| self.answer(caller, call, turn));
        let answer = answer.map(|view| view.for_caller(caller));
        if self.requests.has_untold {
            // The others have the outcome too (SES-09).
            turn.out.barrier.raise(Barrier::Light);
        }
        turn.out.replies.push(Reply { id, answer });
    }

    fn answer(&mut self, caller: &Caller, call: Call, turn: &mut Turn<'_>) -> Answer {
        Ok(match call {
            Call::Status => View::Status(self.view_status(turn.now)),
            Call::Charter => View::Charter(self.view_charter()),
            Call::Genesis => View::Genesis(self.view_genesis()),
            Call::Entries { after } => View::Entries(self.view_entries(after)),
            Call::Roster => View::Roster(self.view_roster()),
            Call::Custody => View::Custody(Box::new(self.view_custody())),
            Call::ShowPossession { key, answer } => {
                let by = caller.actor().and_then(|actor| self.state.actor(&actor));
                let by = by.map(|actor| actor.name.to_string());
                self.show_possession(key, &answer, &by.unwrap_or_default(), turn)?;
                View::Custody(Box::new(self.view_custody()))
            }
            Call::RecordDrill(drill) => {
                self.record_drill(&drill, turn)?;
                View::Custody(Box::new(self.view_custody()))
            }
            Call::Freezes => View::Freezes(self.view_freezes()),
            Call::Freeze(freeze) => {
                self.file_freeze(freeze, turn)?;
                View::Freezes(self.view_freezes())
            }
            Call::Cessions => View::Cessions(self.view_cessions()),
            Call::Announce(cession) => {
                self.file_cession(*cession, turn)?;
                View::Cessions(self.view_cessions())
            }
            Call::Motions => View::Motions(self.view_motions(turn.now)),
            Call::Motion(id) => View::Motion(Box::new(self.view_motion(&id, turn.now)?)),
            Call::SubmitMotion(motion) => return self.submit_motion(motion, turn),
            Call::SignMotion { motion, person, signature } => {
                return self.sign_motion(&motion, person, signature, turn);
            }
            Call::Keys => View::Keys(self.view_keys(turn.now)),
            Call::Key(name) => View::Key(Box::new(self.view_key(&name, turn.now)?)),
            Call::EpochRecord(name) => View::EpochRecord(self.view_record(&name)?),
            Call::Bundle { key, bundle } => View::Bundle(self.view_bundle(&key, &bundle)?),
            Call::ExportPart { key, export } => {
                View::ExportPart(self.view_part(&key, &export, turn.now)?)
            }
            Call::Epochs(name) => View::Epochs(self.view_epochs(&name)?),
            Call::Ceremonies => View::Ceremonies(self.view_ceremonies(turn.now)),
            Call::Ceremony(name) => View::Ceremonies(self.view_ceremony(&name, turn.now)?),
            Call::RetryCeremony(name) => {
                self.retry_ceremony(&name, turn);
                View::Ceremonies(self.view_ceremony(&name, turn.now)?)
            }
            Call::ImportOffer(name) => View::ImportOffer(self.view_import_offer(&name)?),
            Call::SubmitImport { key, answer } => {
                self.view_submitted_import(&key, *answer, turn)?
            }
            Call::Handover { key, epoch } => View::Handover(self.view_handover(&key, epoch)?),
            Call::ChildKey { key, account, path } => {
                View::ChildKey(Box::new(self.view_child(&key, account, &path)?))
            }
            Call::Xpub { key, account, network } => {
                View::Xpub(Box::new(self.view_xpub(&key, account, &network)?))
            }
            Call::Policy => View::Policy(Box::new(self.view_policy()?)),
            Call::Requests { state } => View::Requests(self.view_requests(state, caller)),
            Call::Request(id) => return self.shown(&id),
            Call::SubmitRequest { request, idempotency } => {
                // It would wait here for ever.
                if let Some(why) = &self.halted {
                    let message = format!("this node stopped for good: {why}");
                    let next = "see `quorate status`, and ask another node";
                    return Err(ErrorBody::new(ErrorCode::NotServing, message, next));
                }
                return self.submit_request(*request, idempotency, turn);
            }
            Call::Vote(vote) => {
                let statement = Message::Approval(vote.signed().clone());
                let taken = self.vote_request(*vote, turn);
                return self.voted(taken, &statement, turn);
            }
            Call::Cancel(cancellation) => {
                let statement = Message::Cancellation(cancellation.signed().clone());
                let taken = self.cancel_request(*cancellation, turn);
                return self.voted(taken, &statement, turn);
            }
            Call::Receipt(id) => View::Receipt(self.view_receipt(&id)?),
            Call::EvidenceList => View::EvidenceList(self.view_evidence()),
            Call::Evidence(id) => View::Evidence(self.view_evidence_file(&id)?),
            Call::Audit => View::Audit(self.view_audit()),
        })
    }

    fn shown(&mut self, id: &RequestId) -> Answer {
        Ok(View::Request(Box::new(self.view_request(id)?)))
    }

    fn submit_motion(&mut self, motion: SignedMotion, turn: &mut Turn<'_>) -> Answer {
        let id = self.on_motion(motion, turn).map_err(motion_error)?;
        Ok(View::Motion(Box::new(self.view_motion(&id, turn.now)?)))
    }

    fn sign_motion(
        &mut self,
        id: &MotionId,
        person: PersonId,
        signature: CredentialSignature,
        turn: &mut Turn<'_>,
    ) -> Answer {
        if self.state.has_placed(id) {
            return Ok(View::Motion(Box::new(self.view_motion(id, turn.now)?)));
        }
        let Some(known) = self.governor.motion(id) else {
            return Err(crate::views::unknown_motion());
        };
        let mut signed = known.unsigned();
        signed.add(person, signature);
        self.submit_motion(signed, turn)
    }

    fn submit_request(
        &mut self,
        request: VerifiedRequest,
        idempotency: Option<String>,
        turn: &mut Turn<'_>,
    ) -> Answer {
        self.check_readable(&request)?;
        let id = self.file_request(request, idempotency, turn).map_err(file_error)?;
        self.shown(&id)
    }

    /// What cannot be read is refused at the door; from a peer it would be denied.
    fn check_readable(&self, request: &VerifiedRequest) -> Result<(), ErrorBody> {
        let body = request.body();
        let record = self.keys.book(&body.key).and_then(|book| book.record());
        let Some(record) = record else { return Ok(()) };
        // A path that leads nowhere is refused by who files it, with its own words.
        if body.derivation_path().is_err() {
            return Ok(());
        }
        let decoded = outcome::decode(body, record);
        decoded.map(|_| ()).map_err(|why| {
            ErrorBody::new(ErrorCode::BadIntent, why, "correct the intent and file it again")
        })
    }

    fn voted(
        &mut self,
        taken: Result<RequestId, VoteError>,
        statement: &Message,
        turn: &mut Turn<'_>,
    ) -> Answer {
        let id = taken.map_err(vote_error)?;
        self.broadcast(statement, turn);
        turn.out.barrier = Barrier::Full;
        self.shown(&id)
    }
}

fn motion_error(error: MotionError) -> ErrorBody {
    match error {
        MotionError::TooMany => {
            let next = "wait until some motions are decided, then file it again";
            ErrorBody::new(ErrorCode::Busy, error.to_string(), next)
        }
        error => {
            let next = "look at the charter as it is now, correct the motion, and file it again";
            ErrorBody::new(ErrorCode::BadMotion, error.to_string(), next)
        }
    }
}

fn file_error(error: FileError) -> ErrorBody {
    match error {
        FileError::Busy => ErrorBody::new(
            ErrorCode::Busy,
            "too many requests are under way",
            "wait until some have ended, then file it again",
        ),
        FileError::Refused(error) => ErrorBody::new(
            ErrorCode::BadStatement,
            error.to_string(),
            "correct the request, sign it and file it again",
        ),
        FileError::UnknownKey => crate::views::unknown_key(),
        FileError::KeyNotReady => crate::views::key_not_ready(),
        FileError::KeyRetired => ErrorBody::new(
            ErrorCode::KeyRetired,
            "the key was ended for ever and signs nothing",
            "use another key",
        ),
        FileError::Conflict => ErrorBody::new(
            ErrorCode::IdempotencyConflict,
            "the idempotency key was used for another request",
            "use a fresh idempotency key for another content",
        ),
    }
}

fn vote_error(error: VoteError) -> ErrorBody {
    match error {
        VoteError::UnknownRequest => crate::views::unknown_request(),
        VoteError::Final(stage) => {
            let message = match stage {
                Stage::Signed => "the request is signed already",
                Stage::Denied => "the request was denied",
                Stage::Rejected => "the request was rejected",
                Stage::Expired => "the request has expired",
                Stage::Cancelled => "the request was taken back",
                Stage::Failed | Stage::Waiting | Stage::Signing => "the request was given up",
            };
            ErrorBody::new(ErrorCode::RequestEnded, message, "file a new request if need be")
        }
        VoteError::Refused(why) => {
            ErrorBody::new(ErrorCode::VoteRefused, why, "see who may vote with `request show`")
        }
    }
}
