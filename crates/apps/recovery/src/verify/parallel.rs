//! The same work on many things, on as many threads as the machine has.

use std::panic::resume_unwind;
use std::thread::{available_parallelism, scope};

/// What `work` makes of each, in their order.
pub(crate) fn map<T: Sync, R: Send>(all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = available_parallelism().map_or(1, usize::from).min(all.len());
    if threads < 2 {
        return all.iter().map(work).collect();
    }
    // Every so manieth, so that dear ones, which stand together, are spread.
    let share = |first: usize| -> Vec<(usize, R)> {
        let mine = all.iter().enumerate().skip(first).step_by(threads);
        mine.map(|(at, it)| (at, work(it))).collect()
    };
    let share = &share;
    let mut done: Vec<(usize, R)> = scope(|scope| {
        let running: Vec<_> = (0..threads).map(|first| scope.spawn(move || share(first))).collect();
        let ended = running.into_iter().map(|thread| thread.join());
        // What panics in a thread panics here.
        ended.flat_map(|done| done.unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_the_order_of_what_they_are_of() {
        for count in [0, 1, 2, 3, 100] {
            let all: Vec<usize> = (0..count).collect();
            let twice: Vec<usize> = all.iter().map(|one| one * 2).collect();
            assert_eq!(map(&all, |one| one * 2), twice);
        }
    }
}
