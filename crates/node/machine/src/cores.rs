//! Work that has many equal parts, on as many cores as whoever starts a node gives it. This crate has no
//! threads of its own.

use std::sync::OnceLock;

/// Does each of so many parts once, in any order, maybe several at once; returns when all are done.
pub type Cores = fn(usize, &(dyn Fn(usize) + Sync));

/// One part after the other, where it is.
pub fn one_by_one(count: usize, part: &(dyn Fn(usize) + Sync)) {
    (0..count).for_each(part);
}

/// What comes of each, in order; nothing of a part that was not done.
pub(crate) fn map<T: Sync, R: Send + Sync>(
    cores: Cores,
    of: &[T],
    make: impl Fn(&T) -> R + Sync,
) -> Vec<Option<R>> {
    let made: Vec<OnceLock<R>> = of.iter().map(|_| OnceLock::new()).collect();
    cores(of.len(), &|number| {
        if let Some((made, of)) = made.get(number).zip(of.get(number)) {
            // Done twice, it comes to the same.
            let _ = made.set(make(of));
        }
    });
    made.into_iter().map(OnceLock::into_inner).collect()
}
