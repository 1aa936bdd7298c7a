//! What arrives at a node: `[arrival]…`, each `[kind][who][length][bytes]`.
//!
//! One real node of a small domain starts from a disk on which a key, a policy and an open request
//! are. Its peers are played: three of them honest, who recognise it and attest its head, and nothing
//! else; one of them, the liar, also signs whatever the bytes say. Frames come from them and from
//! strangers, calls from people of the charter and from nobody; channels go down and up; time goes on.
//!
//! Nobody's bytes make the node panic, sign, tell a secret or lose its shares; a stranger changes
//! nothing that lasts, and who may only read changes nothing but what they may; and whatever came, the
//! node starts again from its disk.

pub mod arrival;
mod guard;
mod lies;
mod played;
pub mod scene;

use crate::input::Input;
use arrival::Arrival;
use played::Played;
use scene::with_scene;

/// More arrivals find nothing more, and take longer.
const ARRIVALS_MAX: usize = 16;

/// The target.
///
/// # Panics
/// Something does not hold.
pub fn run(bytes: &[u8]) {
    play(bytes);
}

/// What became of what arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Became {
    /// How much of it the node took.
    pub taken: usize,
    /// How many requests it shows as signed, each with a receipt that holds.
    pub signed: usize,
}

/// Lets everything arrive.
///
/// # Panics
/// Something does not hold.
pub fn play(bytes: &[u8]) -> Became {
    let mut input = Input::new(bytes);
    with_scene(|scene| {
        let mut played = Played::new(scene);
        let mut taken = 0;
        for _ in 0..ARRIVALS_MAX {
            if input.is_empty() {
                break;
            }
            taken += usize::from(played.arrive(&Arrival::read(&mut input)));
        }
        Became { taken, signed: played.end() }
    })
}
