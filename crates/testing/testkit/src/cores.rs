//! All cores at once, as the program of a node has them.

use quorate_charter::{Ahead, CertifiedEntry, State};
use std::thread;

/// Verifies what people signed in entries, on all cores.
///
/// # Panics
/// Where one of the threads does.
pub fn look_ahead(state: &State, entries: &[CertifiedEntry]) -> Ahead {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let parts = entries.chunks(entries.len().div_ceil(cores).max(1));
        let parts: Vec<_> = parts.map(|part| scope.spawn(move || Ahead::of(state, part))).collect();
        let found = parts.into_iter().map(|part| part.join().expect("a thread that ends"));
        found.fold(Ahead::default(), Ahead::join)
    })
}
