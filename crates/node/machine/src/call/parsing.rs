//! From method, target and body to a [`Call`]: routes, parameters, statements and their
//! signatures.

use super::{Call, Caller};
use crate::drills::VerifiedDrill;
use crate::import::ImportAnswer;
use quorate_charter::{SignedCession, SignedFreeze, SignedMotion, State};
use quorate_client::contract::routes::{self, Route};
use quorate_client::contract::{
    ErrorBody, ErrorCode, HexBytes, RecordDrill, RequestState, ShowPossession, SignMotion,
    SubmitCession, SubmitFreeze, SubmitImport, SubmitMotion, SubmitRequest, SubmitStatement,
};
use quorate_codec::Canonical;
use quorate_derivation::{Path, PathError};
use quorate_engine::PossessionAnswer;
use quorate_identity::{ActorId, CredentialSignature, Name, RequestId};
use quorate_policy::request::{Approval, Cancellation, RequestBody, Signed, Statement, Verified};
use serde::de::DeserializeOwned;

/// A call, and how long its caller wants to wait for the end of the request it asks for.
#[derive(Debug)]
pub struct Parsed {
    /// What is wanted.
    pub call: Call,
    /// Wait until the request that the call asks for has ended, at most so long: ask again at
    /// each notice of it.
    pub wait_ms: Option<u64>,
}

/// Parses a call and verifies the statements inside it against `state`.
///
/// # Errors
/// [`ErrorBody`]; the caller's fault. Cost: at most one signature verification, or that of a canary.
pub fn parse(
    state: &State,
    caller: &Caller,
    method: &str,
    target: &str,
    body: &[u8],
) -> Result<Parsed, ErrorBody> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (route, arguments) = find(method, path)?;
    // A drill binds nobody to anything, so whoever watches over the domain may tell of one (GOV-56).
    // A freeze only stops, and whoever sees that something is wrong must be able to (GOV-91).
    // So does what guardians say together, who are nothing else (SUC-31).
    let open = [routes::RECORD_DRILL, routes::FREEZE, routes::ANNOUNCE_SUCCESSION];
    let is_open = open.contains(&route) && matches!(caller.actor, Some(ActorId::Person(_)));
    if route.method != "GET" && !caller.may_write && !is_open {
        let message = "this caller may only read";
        let next = "call as somebody with a role that files or approves";
        return Err(ErrorBody::new(ErrorCode::Forbidden, message, next));
    }
    let input = Input { state, caller, arguments, query: parse_query(&route, query)?, body };
    let call = input.call(&route)?;
    let wait_ms = match route == routes::WAIT_REQUEST {
        true => Some(
            input.number("timeout_ms")?.unwrap_or(routes::WAIT_MS_MAX).min(routes::WAIT_MS_MAX),
        ),
        false => None,
    };
    Ok(Parsed { call, wait_ms })
}

struct Input<'a> {
    state: &'a State,
    caller: &'a Caller,
    arguments: Vec<&'a str>,
    query: Vec<(&'a str, &'a str)>,
    body: &'a [u8],
}

impl Input<'_> {
    fn call(&self, route: &Route) -> Result<Call, ErrorBody> {
        Ok(match *route {
            routes::STATUS => Call::Status,
            routes::CHARTER => Call::Charter,
            routes::GENESIS => Call::Genesis,
            routes::ENTRIES => Call::Entries { after: self.number("after")?.unwrap_or_default() },
            routes::ROSTER => Call::Roster,
            routes::CUSTODY => Call::Custody,
            routes::SHOW_POSSESSION => self.show_possession()?,
            routes::RECORD_DRILL => self.record_drill()?,
            routes::FREEZES => Call::Freezes,
            routes::FREEZE => self.freeze()?,
            routes::SUCCESSIONS => Call::Cessions,
            routes::ANNOUNCE_SUCCESSION => self.cession()?,
            routes::MOTIONS => Call::Motions,
            routes::MOTION => Call::Motion(self.argument(ErrorCode::UnknownMotion)?),
            routes::SUBMIT_MOTION => self.submit_motion()?,
            routes::SIGN_MOTION => self.sign_motion()?,
            routes::KEYS => Call::Keys,
            routes::KEY => Call::Key(self.name()?),
            routes::EPOCH_RECORD => Call::EpochRecord(self.name()?),
            routes::BUNDLE | routes::EXPORT_PART
                if matches!(self.caller.actor, Some(ActorId::Service(_))) =>
            {
                let (message, next) =
                    ("services read no backups and no exports", "ask as a person");
                return Err(ErrorBody::new(ErrorCode::Forbidden, message, next));
            }
            routes::BUNDLE => {
                Call::Bundle { key: self.name()?, bundle: self.second(ErrorCode::UnknownBundle)? }
            }
            routes::EXPORT_PART => Call::ExportPart {
                key: self.name()?,
                export: self.second(ErrorCode::UnknownExport)?,
            },
            routes::EPOCHS => Call::Epochs(self.name()?),
            routes::CEREMONIES => Call::Ceremonies,
            routes::CEREMONY => Call::Ceremony(self.name()?),
            routes::RETRY_CEREMONY => self.retry_ceremony()?,
            routes::IMPORT_OFFER => Call::ImportOffer(self.name()?),
            routes::SUBMIT_IMPORT => self.submit_import()?,
            routes::HANDOVER => Call::Handover { key: self.name()?, epoch: self.number("epoch")? },
            routes::CHILD_KEY => {
                let (key, account) = (self.name()?, self.account()?);
                Call::ChildKey { key, account, path: self.path()? }
            }
            routes::XPUB => {
                let network = self.text("network").unwrap_or_default().to_owned();
                Call::Xpub { key: self.name()?, account: self.account()?, network }
            }
            routes::POLICY => Call::Policy,
            routes::REQUESTS => Call::Requests { state: self.request_state()? },
            routes::REQUEST | routes::WAIT_REQUEST => {
                Call::Request(self.argument(ErrorCode::UnknownRequest)?)
            }
            routes::SUBMIT_REQUEST => self.submit_request()?,
            routes::VOTE_REQUEST => self.vote()?,
            routes::CANCEL_REQUEST => self.cancel()?,
            routes::RECEIPT => Call::Receipt(self.argument(ErrorCode::UnknownRequest)?),
            routes::EVIDENCE_LIST => Call::EvidenceList,
            routes::EVIDENCE => Call::Evidence(self.argument(ErrorCode::UnknownEvidence)?),
            routes::AUDIT => Call::Audit,
            _ => return Err(unknown_call()),
        })
    }

    fn freeze(&self) -> Result<Call, ErrorBody> {
        let SubmitFreeze { freeze } = self.json()?;
        decode::<SignedFreeze>(&freeze, ErrorCode::BadFreeze).map(Call::Freeze)
    }

    fn cession(&self) -> Result<Call, ErrorBody> {
        let SubmitCession { cession } = self.json()?;
        let cession = decode::<SignedCession>(&cession, ErrorCode::BadCession)?;
        Ok(Call::Announce(Box::new(cession)))
    }

    fn submit_motion(&self) -> Result<Call, ErrorBody> {
        let SubmitMotion { motion } = self.json()?;
        let motion = decode::<SignedMotion>(&motion, ErrorCode::BadMotion)?;
        Ok(Call::SubmitMotion(motion))
    }

    fn sign_motion(&self) -> Result<Call, ErrorBody> {
        let Some(ActorId::Person(person)) = self.caller.actor else {
            let next = "sign as an administrator";
            return Err(ErrorBody::new(ErrorCode::BadMotion, "only people sign motions", next));
        };
        let SignMotion { signature } = self.json()?;
        let signature = CredentialSignature::from_bytes(signature.0);
        let motion = self.argument(ErrorCode::UnknownMotion)?;
        Ok(Call::SignMotion { motion, person, signature })
    }

    fn retry_ceremony(&self) -> Result<Call, ErrorBody> {
        let has_a_say = match self.caller.actor {
            Some(ActorId::Person(person)) => self.state.upkeep().parties().contains(&person),
            Some(ActorId::Service(_)) | None => false,
        };
        if !has_a_say {
            let (message, next) = ("only who has a say in upkeep does this", "sign as one of them");
            return Err(ErrorBody::new(ErrorCode::Forbidden, message, next));
        }
        Ok(Call::RetryCeremony(self.name()?))
    }

    fn show_possession(&self) -> Result<Call, ErrorBody> {
        let ShowPossession { key, answer } = self.json()?;
        let answer = decode::<PossessionAnswer>(&answer, ErrorCode::BadStatement)?;
        Ok(Call::ShowPossession { key, answer })
    }

    fn record_drill(&self) -> Result<Call, ErrorBody> {
        let by = self.caller.actor.and_then(|actor| self.state.actor(&actor));
        let by = by.map(|actor| actor.name.clone());
        let (Some(ActorId::Person(_)), Some(by)) = (self.caller.actor, by) else {
            let (message, next) = ("services hold no drills", "bring it as a person");
            return Err(ErrorBody::new(ErrorCode::Forbidden, message, next));
        };
        let drill: RecordDrill = self.json()?;
        let drill = VerifiedDrill::verify(self.state, by, &drill).map_err(|error| {
            let next = "finish the drill again with `quorate drill finish`, or hold another one";
            ErrorBody::new(ErrorCode::BadStatement, error.to_string(), next)
        })?;
        Ok(Call::RecordDrill(Box::new(drill)))
    }

    fn submit_import(&self) -> Result<Call, ErrorBody> {
        let SubmitImport { dealing } = self.json()?;
        let answer = Box::new(decode::<ImportAnswer>(&dealing, ErrorCode::BadStatement)?);
        Ok(Call::SubmitImport { key: self.name()?, answer })
    }

    fn submit_request(&self) -> Result<Call, ErrorBody> {
        let SubmitRequest { request, idempotency_key: idempotency } = self.json()?;
        if idempotency.as_deref().is_some_and(|key| !is_idempotency_key(key)) {
            let message = "an idempotency key has 1 to 64 characters of a-z, A-Z, 0-9, - and _";
            return Err(ErrorBody::new(ErrorCode::BadCall, message, "choose another key"));
        }
        let request = Box::new(self.statement::<RequestBody>(&request)?);
        Ok(Call::SubmitRequest { request, idempotency })
    }

    fn vote(&self) -> Result<Call, ErrorBody> {
        let SubmitStatement { statement } = self.json()?;
        let vote = self.statement::<Approval>(&statement)?;
        self.is_about(vote.body().request)?;
        Ok(Call::Vote(Box::new(vote)))
    }

    fn cancel(&self) -> Result<Call, ErrorBody> {
        let SubmitStatement { statement } = self.json()?;
        let cancellation = self.statement::<Cancellation>(&statement)?;
        self.is_about(cancellation.body().request)?;
        Ok(Call::Cancel(Box::new(cancellation)))
    }

    /// The statement must be about the request that the path names.
    fn is_about(&self, request: RequestId) -> Result<(), ErrorBody> {
        let named: RequestId = self.argument(ErrorCode::UnknownRequest)?;
        if named == request {
            return Ok(());
        }
        let message = "the statement is about another request than the path";
        Err(ErrorBody::new(ErrorCode::BadStatement, message, "file it under its own request"))
    }

    fn statement<T: Statement>(&self, bytes: &HexBytes) -> Result<Verified<T>, ErrorBody> {
        let signed: Signed<T> = decode(bytes, ErrorCode::BadStatement)?;
        signed.verify(self.state).map_err(|error| bad(ErrorCode::BadStatement, error))
    }

    fn json<T: DeserializeOwned>(&self) -> Result<T, ErrorBody> {
        serde_json::from_slice(self.body).map_err(|error| bad(ErrorCode::BadCall, error))
    }

    fn argument<T: std::str::FromStr>(&self, unknown: ErrorCode) -> Result<T, ErrorBody> {
        self.at(0, unknown)
    }

    fn second<T: std::str::FromStr>(&self, unknown: ErrorCode) -> Result<T, ErrorBody> {
        self.at(1, unknown)
    }

    fn at<T: std::str::FromStr>(&self, place: usize, unknown: ErrorCode) -> Result<T, ErrorBody> {
        let text = self.arguments.get(place).copied().unwrap_or_default();
        text.parse().map_err(|_| {
            ErrorBody::new(unknown, "there is no such thing here", "check the id in the path")
        })
    }

    fn name(&self) -> Result<Name, ErrorBody> {
        self.argument(ErrorCode::UnknownKey)
    }

    /// An account, 0 where none is given.
    fn account(&self) -> Result<u16, ErrorBody> {
        let number = self.number("account")?.unwrap_or_default();
        number.try_into().map_err(|_| {
            let next = "name one below the number of accounts that the key has";
            ErrorBody::new(ErrorCode::BadCall, "no key has so many accounts", next)
        })
    }

    /// A path, `m` where none is given. A hardened one is refused with the reason.
    fn path(&self) -> Result<Path, ErrorBody> {
        self.text("path").unwrap_or("m").parse().map_err(|error: PathError| {
            let next = "name a path such as m/0/5, without hardened steps";
            ErrorBody::new(ErrorCode::BadCall, error.to_string(), next)
        })
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(given, _)| *given == name).map(|(_, value)| *value)
    }

    fn number(&self, name: &'static str) -> Result<Option<u64>, ErrorBody> {
        let number = self.text(name).map(|text| {
            let number: Option<u64> = text.parse().ok();
            number.filter(|number| number.to_string() == text)
        });
        match number {
            None => Ok(None),
            Some(Some(number)) => Ok(Some(number)),
            Some(None) => {
                let message = format!("{name} is a decimal number");
                Err(ErrorBody::new(ErrorCode::BadCall, message, "correct the parameter"))
            }
        }
    }

    fn request_state(&self) -> Result<Option<RequestState>, ErrorBody> {
        let Some(text) = self.text("state") else { return Ok(None) };
        serde_json::from_value(text.into()).map(Some).map_err(|_| {
            let next =
                "use waiting, signing, signed, denied, rejected, expired, cancelled or failed";
            ErrorBody::new(ErrorCode::BadCall, "there is no such state", next)
        })
    }
}

/// The route of a path, and what stands in place of its arguments.
fn find<'a>(method: &str, path: &'a str) -> Result<(Route, Vec<&'a str>), ErrorBody> {
    let matches = |route: &Route| {
        let (mut given, mut pattern) = (path.split('/'), route.path.split('/'));
        let mut arguments = Vec::new();
        loop {
            match (given.next(), pattern.next()) {
                (None, None) => return Some((*route, arguments)),
                (Some(given), Some(pattern)) if pattern.starts_with('{') => arguments.push(given),
                (Some(given), Some(pattern)) if given == pattern => {}
                _ => return None,
            }
        }
    };
    let routes = routes::ALL.iter().filter(|route| route.method == method);
    routes.filter_map(matches).next().ok_or_else(unknown_call)
}

fn parse_query<'a>(route: &Route, query: &'a str) -> Result<Vec<(&'a str, &'a str)>, ErrorBody> {
    let mut parameters: Vec<(&str, &str)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let known = route.query.iter().any(|(known, _)| *known == name);
        if !known || parameters.iter().any(|(given, _)| *given == name) {
            let message = "a parameter is unknown here or given twice";
            return Err(ErrorBody::new(ErrorCode::BadCall, message, "see the list of calls"));
        }
        parameters.push((name, value));
    }
    Ok(parameters)
}

fn decode<T: Canonical>(bytes: &HexBytes, code: ErrorCode) -> Result<T, ErrorBody> {
    quorate_codec::from_bytes(&bytes.0).map_err(|error| bad(code, error))
}

fn bad(code: ErrorCode, error: impl ToString) -> ErrorBody {
    ErrorBody::new(code, error.to_string(), "correct it and call again")
}

fn unknown_call() -> ErrorBody {
    let next = "see /v1/openapi.json for the list of calls";
    ErrorBody::new(ErrorCode::UnknownCall, "there is no such call", next)
}

fn is_idempotency_key(key: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=64).contains(&key.len()) && key.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_found_by_its_own_path() {
        for route in routes::ALL {
            let (found, arguments) = find(route.method, route.path).unwrap();
            assert_eq!(found, *route);
            assert_eq!(arguments.len(), route.path.matches('{').count());
        }
        for (method, path) in [("GET", "/v1/keys/a/b/c"), ("PUT", "/v1/keys"), ("GET", "/v1/keys/")]
        {
            let found = find(method, path);
            assert!(found.is_err() || found.unwrap().1 == [""], "{method} {path}");
        }
    }

    #[test]
    fn parameters_are_known_and_given_once() {
        assert_eq!(parse_query(&routes::ENTRIES, "after=3").unwrap(), [("after", "3")]);
        for query in ["before=3", "after=3&after=4", "after=3&x"] {
            assert!(parse_query(&routes::ENTRIES, query).is_err(), "{query}");
        }
        assert!(parse_query(&routes::STATUS, "").unwrap().is_empty());
    }

    #[test]
    fn idempotency_keys_are_plain() {
        assert!(is_idempotency_key("Retry-1_a"));
        for key in ["", "a b", "ä", &"x".repeat(65)] {
            assert!(!is_idempotency_key(key), "{key}");
        }
    }
}
