//! What a motion would change, in words.

use super::Motion;
use crate::state::State;

/// The consequence of a motion, in words, one line a fact: what a signer reads.
pub fn effect(motion: &Motion, state: &State) -> Vec<String> {
    todo!()
}
