//! Which item may follow which.

use super::error::FileFault;
use super::item::{BundleKind, Item, ItemKind, StoredBundle};
use crate::limits::{AUTHORS_MAX, CANARIES_MAX, EPOCHS_MAX, MALFORMED_MAX};

/// Where a reader or writer is in a file.
#[derive(Debug)]
pub(super) struct Order {
    place: Place,
    epochs: usize,
    /// How many items of one sort stand in a row: bundles of one kind, canaries.
    in_a_row: usize,
    malformed: usize,
}

/// After which part of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Charter,
    Epoch,
    Shares,
    Contributions,
    Canaries,
    End,
}

impl Order {
    pub fn new() -> Self {
        Self { place: Place::Start, epochs: 0, in_a_row: 0, malformed: 0 }
    }

    /// Takes the next item, if it may stand here (REC-21).
    pub fn take(&mut self, item: &Item) -> Result<(), FileFault> {
        let next = self.after(item).ok_or_else(|| self.refuses(item))?;
        self.go_to(next)
    }

    /// That an item does not belong here.
    pub fn refuses(&self, item: &Item) -> FileFault {
        FileFault::Order { got: item.kind(), after: self.place.name() }
    }

    /// Goes on after an item that could not be read: what follows it may still be whole.
    pub fn skip(&mut self, kind: ItemKind) -> Result<(), FileFault> {
        self.malformed += 1;
        if self.malformed > MALFORMED_MAX {
            return Err(FileFault::TooMany {
                what: "items that cannot be read",
                max: MALFORMED_MAX,
            });
        }
        match kind {
            ItemKind::Head => self.go_to(Place::Charter),
            ItemKind::Epoch => self.go_to(Place::Epoch),
            // Its place is that of its neighbours.
            ItemKind::Entry | ItemKind::Bundle | ItemKind::Canary | ItemKind::End => Ok(()),
        }
    }

    fn after(&self, item: &Item) -> Option<Place> {
        use Place::{Canaries, Charter, Contributions, End, Epoch, Shares, Start};
        match (item, self.place) {
            (Item::Head(_), Start) | (Item::Entry(_), Charter) => Some(Charter),
            (Item::Epoch(_), Charter | Epoch | Shares | Contributions) => Some(Epoch),
            (Item::Bundle(StoredBundle { kind, .. }), place) => match (kind, place) {
                (BundleKind::Shares, Epoch | Shares) => Some(Shares),
                (BundleKind::Contributions, Epoch | Shares | Contributions) => Some(Contributions),
                _ => None,
            },
            (Item::Canary(_), Charter | Epoch | Shares | Contributions | Canaries) => {
                Some(Canaries)
            }
            (Item::End(_), Charter | Epoch | Shares | Contributions | Canaries) => Some(End),
            _ => None,
        }
    }

    /// Counts what may not come without end.
    fn go_to(&mut self, next: Place) -> Result<(), FileFault> {
        self.in_a_row = if next == self.place { self.in_a_row + 1 } else { 1 };
        self.place = next;
        self.epochs += usize::from(next == Place::Epoch);
        let (what, got, max) = match next {
            Place::Epoch => ("epochs", self.epochs, EPOCHS_MAX),
            Place::Shares => ("bundles of shares", self.in_a_row, AUTHORS_MAX),
            Place::Contributions => ("bundles of contributions", self.in_a_row, AUTHORS_MAX),
            Place::Canaries => ("canaries", self.in_a_row, CANARIES_MAX),
            Place::Start | Place::Charter | Place::End => return Ok(()),
        };
        if got > max { Err(FileFault::TooMany { what, max }) } else { Ok(()) }
    }
}

impl Place {
    fn name(self) -> &'static str {
        match self {
            Self::Start => "the first line",
            Self::Charter => "the charter",
            Self::Epoch => "an epoch",
            Self::Shares => "shares",
            Self::Contributions => "contributions",
            Self::Canaries => "canaries",
            Self::End => "the end",
        }
    }
}
