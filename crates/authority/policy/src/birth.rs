//! The one signature that nobody asks for: a new key signs once, over a message that its epoch
//! record fixes, to show that it can (`quorate.birth`).

use crate::authorized::{Authorized, SignRequest};
use crate::people;
use quorate_charter::{EpochRecord, State};
use quorate_codec::{Digest, Transcript, tag};
use quorate_derivation::Path;
use quorate_identity::Scheme;
use quorate_intent::SigningPayload;

/// The epoch that a key is born in.
const FIRST_EPOCH: u64 = 0;

/// Authorises the birth signature of a key. Nothing about it can be chosen: the record fixes
/// the message, the charter the key (REQ-14).
///
/// `None` unless the record is of this domain, of the first epoch, and of a key that the charter
/// of `state` ordered with this scheme and tree, in this entry. That the record itself was agreed on is for
/// whoever holds its certificate to have checked.
pub fn authorize_birth(state: &State, record: &EpochRecord) -> Option<Authorized<SignRequest>> {
    let key = people::key(state, &record.key)?;
    let ordered = record.genesis == state.genesis()
        && record.epoch == FIRST_EPOCH
        && record.scheme == key.scheme
        && record.tree == key.tree
        && record.entry == key.entry;
    ordered.then(|| {
        Authorized::new(SignRequest {
            key: record.key,
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

/// What a key signs at its birth: a hash over domain, key, epoch and record; as a digest where
/// the scheme signs digests, else as the message (REQ-14).
pub fn birth_payload(record: &EpochRecord) -> SigningPayload {
    let digest = birth_digest(record).0;
    match record.scheme {
        Scheme::EcdsaSecp256k1 | Scheme::Bip340 => SigningPayload::Digest(digest),
        Scheme::Ed25519 => SigningPayload::Message(digest.to_vec()),
    }
}

fn birth_digest(record: &EpochRecord) -> Digest {
    Transcript::new(tag::BIRTH)
        .part(record.genesis)
        .part(record.key)
        .number(record.epoch)
        .part(record.digest())
        .digest()
}
