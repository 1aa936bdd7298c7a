//! The one signature that nobody asks for: in each epoch a key signs once, over a message that
//! the epoch's record fixes, to show that it can (`quorate.birth`).

use crate::authorized::{Authorized, SignRequest};
use crate::people;
use quorate_charter::{EpochRecord, State};
use quorate_codec::{Digest, Transcript, tag};
use quorate_derivation::Path;
use quorate_identity::Scheme;
use quorate_intent::SigningPayload;

/// Authorises the first signature of a key's epoch: its birth, later a test that the new shares
/// sign. Nothing about it can be chosen: the record fixes the message, the charter the key
/// (REQ-14).
///
/// `None` unless the record is of this domain, and of a key that the charter of `state` ordered
/// with this scheme, tree and number of accounts, in this entry. Account 0 signs for all: the
/// record, which is what is signed, shows that every share of every account is known. That the record itself was agreed on is for
/// whoever holds its certificate to have checked.
pub fn authorize_birth(state: &State, record: &EpochRecord) -> Option<Authorized<SignRequest>> {
    let plan = &record.plan;
    let key = people::key(state, &plan.key)?;
    let ordered = plan.genesis == state.genesis()
        && (plan.scheme, plan.accounts) == (key.scheme, key.accounts)
        && plan.origin == key.origin
        && !plan.is_arrival()
        && key.has_ordered(&plan.order)
        && key.has_ordered_tree(&plan.tree, &plan.order);
    ordered.then(|| {
        Authorized::new(SignRequest {
            key: plan.key,
            account: 0,
            path: Path::root(),
            request: None,
            intent_digest: record.digest(),
            payloads: vec![birth_payload(record)],
            head: state.head(),
            // A birth does not age; it ends with the head.
            expiry_ms: u64::MAX,
        })
    })
}

/// What a key signs first in an epoch: a hash over domain, key, epoch and record; as a digest where
/// the scheme signs digests only, else in the message (REQ-14).
pub fn birth_payload(record: &EpochRecord) -> SigningPayload {
    match record.plan.scheme {
        Scheme::EcdsaSecp256k1 | Scheme::Bip340 => SigningPayload::Digest(birth_digest(record).0),
        Scheme::Ed25519 => SigningPayload::Message(birth_message(record)),
        Scheme::EcdsaP256 => SigningPayload::hashed(&birth_message(record)),
    }
}

/// A message that no request signs: none begins like this (INT-14).
pub(crate) fn birth_message(record: &EpochRecord) -> Vec<u8> {
    [quorate_intent::RESERVED_PREFIX, birth_digest(record).0.as_slice()].concat()
}

fn birth_digest(record: &EpochRecord) -> Digest {
    Transcript::new(tag::BIRTH)
        .part(record.plan.genesis)
        .part(record.plan.key)
        .number(record.plan.epoch)
        .part(record.digest())
        .digest()
}
