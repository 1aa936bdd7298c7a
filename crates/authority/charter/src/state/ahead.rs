//! Signatures that were verified ahead of the entries that carry them, on all cores.

use super::State;
use crate::entry::{CertifiedEntry, EntryBody};
use crate::limits::MOTION_SIGNATURES_MAX;
use crate::member::Authenticators;
use crate::motion::SignedMotion;
use quorate_codec::tag;
use quorate_identity::{Credential, CredentialSignature, MotionId, PersonId};
use std::collections::BTreeMap;
use std::num::NonZero;
use std::thread;

/// Fewer entries than these are not worth a thread.
const ENTRIES_OF_A_THREAD: usize = 32;

/// Which signatures under motions verify, and under which key. What is not in it is verified when it
/// is met; so it changes how long that takes, and nothing else.
#[derive(Default)]
pub(crate) struct Ahead(BTreeMap<(MotionId, PersonId), (CredentialSignature, Credential)>);

impl Ahead {
    /// Verifies signatures under the motions of `entries`, which come next or later, by the keys that
    /// people have in `state`.
    pub fn of(state: &State, entries: &[CertifiedEntry]) -> Self {
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let threads = threads.min(entries.len() / ENTRIES_OF_A_THREAD);
        if threads < 2 {
            return Self::default();
        }
        let verify = |part: &[CertifiedEntry]| {
            let motions = part.iter().filter_map(|entry| match &entry.entry().body {
                EntryBody::Motion(motion) => Some(motion),
                EntryBody::Rejoin(_) | EntryBody::Enact(_) => None,
            });
            motions.flat_map(|motion| verified(state, motion)).collect::<Vec<_>>()
        };
        let parts = entries.chunks(entries.len().div_ceil(threads));
        let found = thread::scope(|scope| {
            let workers: Vec<_> = parts.map(|part| scope.spawn(move || verify(part))).collect();
            // Whatever a worker did not find is found when it is met.
            workers.into_iter().flat_map(|it| it.join().unwrap_or_default()).collect()
        });
        Self(found)
    }

    /// Whether a signature of this person under this motion was found to verify under one of `keys`.
    pub fn has(
        &self,
        motion: MotionId,
        person: PersonId,
        signature: &CredentialSignature,
        keys: &Authenticators,
    ) -> bool {
        let found = self.0.get(&(motion, person));
        found.is_some_and(|(verified, key)| verified == signature && keys.contains(key))
    }
}

type Found = ((MotionId, PersonId), (CredentialSignature, Credential));

fn verified(state: &State, motion: &SignedMotion) -> Vec<Found> {
    // More are refused unread.
    if motion.signatures.len() > MOTION_SIGNATURES_MAX {
        return Vec::new();
    }
    let id = motion.id();
    let verified = motion.signatures.iter().filter_map(|(person, signature)| {
        let keys = &state.person(person)?.keys;
        let key = keys.verify(tag::MOTION, &motion.bytes, signature).ok()?;
        Some(((id, *person), (signature.clone(), key.clone())))
    });
    verified.collect()
}
