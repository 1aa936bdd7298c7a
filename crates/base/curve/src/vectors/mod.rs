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
pub(crate) use limbs::{Columns, LIMB, checked, from_words, limbs, replaced, to_words};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
pub use words::{Words, Work, on_widest};

/// Whether everybody does with what every processor has.
static IS_PLAIN: AtomicBool = AtomicBool::new(false);

/// Does it while everything in this process is done with wide vectors, or as on a processor without
/// them: for tests and measurements, one of which goes at a time.
pub fn with_vectors<T>(is_wanted: bool, work: impl FnOnce() -> T) -> T {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let _after = Restored;
    IS_PLAIN.store(!is_wanted, Ordering::Relaxed);
    work()
}

/// When dropped, after a panic too, vectors are as wide again as the processor has them.
struct Restored;

impl Drop for Restored {
    fn drop(&mut self) {
        IS_PLAIN.store(false, Ordering::Relaxed);
    }
}

fn is_plain() -> bool {
    IS_PLAIN.load(Ordering::Relaxed)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What is done without wide vectors.
    pub(crate) fn plainly<T>(work: impl FnOnce() -> T) -> T {
        with_vectors(false, work)
    }

    #[test]
    fn a_panic_leaves_vectors_as_they_were() {
        let work = || plainly(|| panic!("on purpose"));
        assert!(std::panic::catch_unwind(work).is_err());
        assert!(!with_vectors(true, is_plain));
        assert!(plainly(is_plain));
    }
}
