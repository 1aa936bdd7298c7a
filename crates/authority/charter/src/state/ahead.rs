//! Signatures that were verified ahead of the entries that carry them, by whoever has cores to spare.

use super::State;
use crate::entry::{CertifiedEntry, EntryBody};
use crate::limits::MOTION_SIGNATURES_MAX;
use crate::member::Authenticators;
use crate::motion::SignedMotion;
use quorate_codec::tag;
use quorate_identity::{Credential, CredentialSignature, MotionId, PersonId};
use std::collections::BTreeMap;

/// Which signatures under motions verify, and under which key. What is not in it is verified when it
/// is met; so it changes how long that takes, and nothing else.
#[derive(Debug, Default)]
pub struct Ahead(BTreeMap<(MotionId, PersonId), (CredentialSignature, Credential)>);

/// Looks ahead at entries that come next or later, perhaps in parts and at once: [`Ahead::of`] each,
/// and [`Ahead::join`]. [`Ahead::nothing`] does not.
pub type LookAhead = fn(&State, &[CertifiedEntry]) -> Ahead;

impl Ahead {
    /// Nothing was verified ahead.
    pub fn nothing(_: &State, _: &[CertifiedEntry]) -> Self {
        Self::default()
    }

    /// Verifies signatures under the motions of `entries`, which come next or later, by the keys that
    /// people have in `state`. Cost: one signature verification a signer.
    pub fn of(state: &State, entries: &[CertifiedEntry]) -> Self {
        let motions = entries.iter().filter_map(|entry| match &entry.entry().body {
            EntryBody::Motion(motion) => Some(motion),
            EntryBody::Rejoin(_) | EntryBody::Enact(_) => None,
        });
        Self(motions.flat_map(|motion| verified(state, motion)).collect())
    }

    /// What either found.
    #[must_use]
    pub fn join(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Verifies what was not yet of the signatures under a motion that is kept. Cost: as of
    /// [`of`](Self::of), the first time.
    pub fn learn(&mut self, state: &State, motion: &SignedMotion) {
        let id = motion.id();
        let is_known = |(person, signature): &(PersonId, CredentialSignature)| {
            state.person(person).is_some_and(|it| self.has(id, *person, signature, &it.keys))
        };
        if !motion.signatures.iter().all(is_known) {
            self.0.extend(verified(state, motion));
        }
    }

    /// Forgets all motions but these.
    pub fn retain(&mut self, is_kept: impl Fn(&MotionId) -> bool) {
        self.0.retain(|(motion, _), _| is_kept(motion));
    }

    /// Whether a signature of this person under this motion was found to verify under one of `keys`.
    pub(crate) fn has(
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
        let key = keys.verify(tag::MOTION, motion.bytes(), signature).ok()?;
        Some(((id, *person), (signature.clone(), key.clone())))
    });
    verified.collect()
}
