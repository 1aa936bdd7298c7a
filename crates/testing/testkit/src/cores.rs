//! All cores at once, as the program of a node has them.

use quorate_charter::{Ahead, CertifiedEntry, State};
use std::sync::Mutex;
use std::thread;

/// Does each of so many parts.
pub fn on_all_cores(count: usize, part: &(dyn Fn(usize) + Sync)) {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for core in 0..cores {
            scope.spawn(move || (core..count).step_by(cores).for_each(part));
        }
    });
}

/// Verifies what people signed in entries.
///
/// # Panics
/// Where one of the threads does.
pub fn look_ahead(state: &State, entries: &[CertifiedEntry]) -> Ahead {
    let found = Mutex::new(Ahead::default());
    let parts: Vec<_> = entries.chunks(64).collect();
    on_all_cores(parts.len(), &|number| {
        let of_part = Ahead::of(state, parts[number]);
        let mut found = found.lock().expect("a thread that ends");
        *found = std::mem::take(&mut *found).join(of_part);
    });
    found.into_inner().expect("threads that ended")
}
