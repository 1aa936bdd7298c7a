//! Steps of a program: seven bytes each, so that a byte that changes changes one step.

use crate::input::Input;

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// A motion of this kind, in an entry.
    Motion(Kind),
    /// An announced motion takes effect.
    Enact,
    /// A node comes back.
    Rejoin,
    /// Time goes on.
    Wait,
    /// A change of a member is put aside, for the next motion about people.
    PutMember,
    /// A change of a node is put aside, for the next motion about nodes.
    PutNode,
    /// An entry of before, once more; or what it places, in another entry.
    Again,
}

/// What a motion is about.
#[allow(missing_docs, reason = "the kinds of motion of the charter")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    KeyCreate,
    PolicySet,
    KeyRefresh,
    KeyReshare,
    KeyVoid,
    KeySchedule,
    KeyRetire,
    KeyImport,
    KeyRestore,
    CustodySet,
    SeatGive,
    People,
    Rules,
    Recover,
    SettingsSet,
    Object,
    Override,
    Withdraw,
    Thaw,
    Nodes,
    ReleaseRequire,
    KeyExport,
    KeyPresign,
}

/// What is wrong with a step, besides what follows from the rest of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    None,
    /// The voters take it before it is due, or after it expired.
    Hurried,
    /// The entry is for the position after the next.
    Position,
    /// The entry follows the head before.
    Fork,
    /// The entry is for another domain.
    Domain,
    /// The entry is of another version.
    Version,
    /// Everybody signs with the key of the next one.
    OthersKeys,
    /// Everybody signs with the first key that they had.
    FormerKeys,
    /// The motion is changed after people signed.
    Changed,
    /// The motion is for another domain.
    MotionDomain,
    /// The motion expects other versions.
    Stale,
    /// The motion expired long ago.
    Expired,
    /// The nodes certified another ballot.
    Ballot,
    /// One of the certificate is no node.
    Stranger,
    /// One of the certificate signed with a key of somebody else.
    Forged,
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What.
    pub act: Act,
    /// The first operand.
    pub a: u8,
    /// The second one.
    pub b: u8,
    /// Who signs: a bit for each of the people.
    pub signers: u8,
    /// How many voters certify: 0 for a quorum, else one less than this.
    pub votes: u8,
    /// Which voter begins.
    pub first: u8,
    /// What is wrong.
    pub flaw: Flaw,
}

/// Acts by their numbers.
const ACTS: [Act; 29] = [
    Act::Motion(Kind::KeyCreate),
    Act::Motion(Kind::PolicySet),
    Act::Motion(Kind::KeyRefresh),
    Act::Motion(Kind::KeyReshare),
    Act::Motion(Kind::KeyVoid),
    Act::Motion(Kind::KeySchedule),
    Act::Motion(Kind::KeyRetire),
    Act::Motion(Kind::KeyImport),
    Act::Motion(Kind::KeyRestore),
    Act::Motion(Kind::CustodySet),
    Act::Motion(Kind::SeatGive),
    Act::Motion(Kind::People),
    Act::Motion(Kind::Rules),
    Act::Motion(Kind::Recover),
    Act::Motion(Kind::SettingsSet),
    Act::Motion(Kind::Object),
    Act::Motion(Kind::Override),
    Act::Motion(Kind::Withdraw),
    Act::Motion(Kind::Thaw),
    Act::Motion(Kind::Nodes),
    Act::Motion(Kind::ReleaseRequire),
    Act::Enact,
    Act::Rejoin,
    Act::Wait,
    Act::PutMember,
    Act::PutNode,
    Act::Again,
    Act::Motion(Kind::KeyExport),
    Act::Motion(Kind::KeyPresign),
];

/// Flaws by their numbers; the numbers above them are none.
const FLAWS: [Flaw; 15] = [
    Flaw::None,
    Flaw::Hurried,
    Flaw::Position,
    Flaw::Fork,
    Flaw::Domain,
    Flaw::Version,
    Flaw::OthersKeys,
    Flaw::FormerKeys,
    Flaw::Changed,
    Flaw::MotionDomain,
    Flaw::Stale,
    Flaw::Expired,
    Flaw::Ballot,
    Flaw::Stranger,
    Flaw::Forged,
];

impl Step {
    /// One without a flaw, signed by these and certified by a quorum.
    pub fn new(act: Act, a: u8, b: u8, signers: u8) -> Self {
        Self { act, a, b, signers, votes: 0, first: 0, flaw: Flaw::None }
    }

    /// The next step of a program.
    pub fn read(input: &mut Input<'_>) -> Self {
        let [act, a, b, signers, votes, first, flaw] = input.array();
        let act = ACTS[usize::from(act) % ACTS.len()];
        let flaw = FLAWS.get(usize::from(flaw)).copied().unwrap_or(Flaw::None);
        Self { act, a, b, signers, votes, first, flaw }
    }

    /// What [`read`](Self::read) reads as it.
    ///
    /// # Panics
    /// Never: every act and flaw has its number.
    pub fn write(&self) -> [u8; 7] {
        let act = ACTS.iter().position(|act| *act == self.act);
        let flaw = FLAWS.iter().position(|flaw| *flaw == self.flaw);
        let number = |place: Option<usize>| {
            place.and_then(|place| u8::try_from(place).ok()).expect("a number")
        };
        let Self { a, b, signers, votes, first, .. } = *self;
        [number(act), a, b, signers, votes, first, number(flaw)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_as_they_were_written() {
        for act in ACTS {
            for flaw in FLAWS {
                let step = Step { votes: 3, first: 1, flaw, ..Step::new(act, 5, 9, 0x80) };
                assert_eq!(Step::read(&mut Input::new(&step.write())), step);
            }
        }
    }
}
