//! What a process does before it holds a secret.

use rustix::process::{Resource, Rlimit, setrlimit};

/// A process that ends badly leaves no image of its memory behind (N-77). Where the system refuses, its
/// own setting stays.
pub fn leave_no_core() {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}
