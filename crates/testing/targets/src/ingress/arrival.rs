//! One thing that arrives.

use crate::input::Input;

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A frame from a peer, as it is.
    Frame,
    /// A frame from the liar, who signs it anew where it is signed by its sender.
    Lie,
    /// A frame from a node that is none of the domain.
    Strange,
    /// A call that reads: the target.
    Get,
    /// A call that files: the length of the target, the target, the body.
    Post,
    /// Time goes on: eight bytes of milliseconds, a day at most.
    Wait,
    /// The channel to a peer goes down and comes up again.
    Flap,
}

/// The kinds by their numbers.
const KINDS: [Kind; 7] =
    [Kind::Frame, Kind::Lie, Kind::Strange, Kind::Get, Kind::Post, Kind::Wait, Kind::Flap];

/// One arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival<'a> {
    /// What it is.
    pub kind: Kind,
    /// From whom: a peer or caller by number.
    pub who: u8,
    /// What it says.
    pub bytes: &'a [u8],
}

impl<'a> Arrival<'a> {
    /// The next one of an input.
    pub fn read(input: &mut Input<'a>) -> Self {
        let [kind, who] = input.array();
        let kind = KINDS[usize::from(kind) % KINDS.len()];
        Self { kind, who, bytes: input.part() }
    }

    /// What [`read`](Self::read) reads as it; nothing if it is too long to arrive.
    pub fn write(&self) -> Option<Vec<u8>> {
        let kind = KINDS.iter().position(|kind| *kind == self.kind)?;
        let length = u16::try_from(self.bytes.len()).ok()?.to_le_bytes();
        let head = [u8::try_from(kind).ok()?, self.who];
        Some([&head[..], &length, self.bytes].concat())
    }
}

/// What a call that files says: its target and its body.
pub fn filing(target: &str, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(target.len()).unwrap_or_default().to_le_bytes();
    [&length[..], target.as_bytes(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_read_as_they_were_written() {
        for kind in KINDS {
            let arrival = Arrival { kind, who: 3, bytes: b"something" };
            let written = arrival.write().unwrap();
            assert_eq!(Arrival::read(&mut Input::new(&written)), arrival);
        }
        assert!(Arrival { kind: Kind::Frame, who: 0, bytes: &[0; 1 << 16] }.write().is_none());
    }
}
