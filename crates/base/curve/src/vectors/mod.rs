//! Vectors as wide as this processor has them: the one place with unsafe code and intrinsics.
//!
//! Something that is done alike in many lanes is written once, for any [`Words`], as [`Work`];
//! [`on_widest`] runs it with the widest vectors that the processor has. What multiplies is written for
//! any [`Lanes`], as [`LaneWork`]; [`on_lanes`] runs it where the processor multiplies eight numbers at
//! once, and elsewhere the caller does without. All operations are exact and take the same time
//! whatever the words are.

mod lanes;
mod limbs;
mod words;

pub(crate) use lanes::{LaneWork, Lanes, has_lanes, on_lanes};
pub(crate) use limbs::{Columns, LIMB, checked, from_words, limbs, to_words};
use std::sync::atomic::{AtomicBool, Ordering};
pub use words::{Words, Work, on_widest};

/// Whether everybody does with what every processor has.
static IS_PLAIN: AtomicBool = AtomicBool::new(false);

/// From now on, whether everything in this process is done as on a processor without wide vectors:
/// for measurements.
pub fn only_plain(is_plain: bool) {
    IS_PLAIN.store(is_plain, Ordering::Relaxed);
}

fn is_plain() -> bool {
    IS_PLAIN.load(Ordering::Relaxed)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Mutex, PoisonError};

    /// What is done without wide vectors, while nobody else demands the one or the other.
    pub(crate) fn plainly<T>(work: impl FnOnce() -> T) -> T {
        static ONE: Mutex<()> = Mutex::new(());
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        super::only_plain(true);
        let made = work();
        super::only_plain(false);
        made
    }
}
