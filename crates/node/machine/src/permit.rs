//! The one door from a decision to the engine: a [`Permit`] consumes an [`Authorized`].
//! `xtask tidy` refuses `Permit::issue` anywhere else outside tests and benches.

use quorate_codec::Digest;
use quorate_engine::{Payload, Permit, Tweak};
use quorate_intent::{Decoded, SigningPayload};
use quorate_policy::{Authorized, SignRequest};

/// Turns an authorisation into the engine's permit for one session with these terms. That the
/// authorisation holds at the head of the terms was checked when it was taken.
pub(crate) fn permit(authorized: Authorized<SignRequest>, terms: Digest) -> Permit {
    let request = authorized.into_inner();
    let payloads = request.payloads.iter().map(payload).collect();
    Permit::issue(request.key, request.path, payloads, terms)
}

/// What the engine signs for a payload of an intent.
pub(crate) fn payload(payload: &SigningPayload) -> Payload {
    match payload {
        SigningPayload::Digest(digest) => Payload::Digest(*digest),
        SigningPayload::Message(message) => Payload::Message(message.clone()),
    }
}

/// How the key is changed to sign an intent: recomputed here from the decoded bytes (N-28).
pub(crate) fn tweak(decoded: &Decoded) -> Tweak {
    if decoded.is_taproot() { Tweak::TaprootKeyPath } else { Tweak::None }
}
