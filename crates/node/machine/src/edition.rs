//! What a version of the programs makes of rows that another version left (STO-20 to STO-22).

use crate::durable::{Record, Table, Write};
use quorate_release::{Version, VersionError};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Key of the row that names the version which wrote a store last.
const WRITER_ROW: &[u8] = b"written-by";
/// Who wrote a store that does not say so.
const FIRST: &str = "0.1.0";

/// A version of the programs, as far as stores are concerned. Public.
#[derive(Debug, Clone, Copy)]
pub struct Edition {
    /// Which version.
    pub version: &'static str,
    /// The oldest version whose stores it takes over (REL-05).
    pub migrates_from: &'static str,
    /// What versions since then changed about rows, ascending.
    pub steps: &'static [Step],
}

/// What one version changed about the rows of the version before.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// The version that brought the change: the first that has it, a pre-release too.
    pub version: &'static str,
    /// From the rows as the version before left them, without the values of those that a start does
    /// not read, what is written; or why it cannot be.
    pub change: fn(&[Record]) -> Result<Vec<Write>, String>,
}

/// What makes a store one of this version.
#[derive(Debug)]
pub struct TakeOver {
    /// Who wrote it last.
    pub from: Version,
    /// What is written, in one commit.
    pub writes: Vec<Write>,
}

/// Why a store is not taken over. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum EditionError {
    /// The caller's fault: this program is older than the store.
    #[error("version {from} of the programs wrote this store, and this is version {version}")]
    Downgrade {
        /// Who wrote the store.
        from: Version,
        /// Who would read it.
        version: Version,
    },
    /// The caller's fault: there are versions between that must not be left out.
    #[error(
        "version {from} of the programs wrote this store, and version {version} takes over those of \
         {oldest} and later ones"
    )]
    TooOld {
        /// Who wrote the store.
        from: Version,
        /// Who would read it.
        version: Version,
        /// The oldest that it takes over.
        oldest: Version,
    },
    /// The machine's fault: the rows are not what that version writes.
    #[error("what version {version} changes about rows cannot be done: {why}")]
    Rows {
        /// Whose change.
        version: Version,
        /// Why.
        why: String,
    },
    /// The machine's fault: the row that names the writer, or this program, names no version.
    #[error("who wrote the store cannot be read: {0}")]
    Writer(#[from] VersionError),
}

impl EditionError {
    /// Whether the caller can mend it; otherwise it is this machine's fault.
    pub fn is_callers_fault(&self) -> bool {
        match self {
            Self::Downgrade { .. } | Self::TooOld { .. } => true,
            Self::Rows { .. } | Self::Writer(_) => false,
        }
    }
}

impl Edition {
    /// What a new store of this version says of itself.
    pub fn mark(&self) -> Write {
        Write::put(Table::Meta, WRITER_ROW, self.version.as_bytes().to_vec())
    }

    /// What makes a store with these rows one of this version; nothing if it is.
    ///
    /// # Errors
    /// [`EditionError`].
    pub fn take_over(&self, rows: &[Record]) -> Result<Option<TakeOver>, EditionError> {
        let (from, version) = (writer(rows)?, self.version.parse::<Version>()?);
        if from == version {
            return Ok(None);
        }
        let oldest: Version = self.migrates_from.parse()?;
        match () {
            () if from > version => return Err(EditionError::Downgrade { from, version }),
            () if from < oldest => return Err(EditionError::TooOld { from, version, oldest }),
            () => {}
        }
        let (mut rows, mut writes) = (after(rows, &[]), Vec::new());
        for step in self.steps {
            let step_of: Version = step.version.parse()?;
            let refused = |why| EditionError::Rows { version: step_of.clone(), why };
            // A version after this one would take it once more.
            if step_of > version {
                return Err(refused(format!("this is version {version}")));
            }
            if step_of > from {
                let change = (step.change)(&rows).map_err(refused)?;
                if let Some(unread) = change.iter().find(|write| is_unread(write)) {
                    let why = format!("a row of {:?} would lose its value", unread.table);
                    return Err(refused(why));
                }
                rows = after(&rows, &change);
                writes.extend(change);
            }
        }
        writes.push(self.mark());
        Ok(Some(TakeOver { from, writes }))
    }
}

/// Whether a step writes a row as a start reads it, without its value.
fn is_unread(write: &Write) -> bool {
    !write.table.is_read_at_start() && write.value.as_ref().is_some_and(|value| value.is_empty())
}

/// The version that wrote these rows last.
///
/// # Errors
/// The row that says so names none.
pub fn writer(rows: &[Record]) -> Result<Version, VersionError> {
    let row = rows.iter().find(|row| row.table == Table::Meta && row.key == WRITER_ROW);
    let named = row.map_or(FIRST.as_bytes(), |row| row.value.as_slice());
    std::str::from_utf8(named).map_err(|_| VersionError)?.parse()
}

/// The rows once these writes are durable, as a start reads them.
fn after(rows: &[Record], writes: &[Write]) -> Vec<Record> {
    let place = |row: &Record| ((row.table, row.key.clone()), row.value.clone());
    let mut all: BTreeMap<(Table, Vec<u8>), Zeroizing<Vec<u8>>> = rows.iter().map(place).collect();
    for write in writes {
        let place = (write.table, write.key.clone());
        match write.value.clone() {
            Some(value) => _ = all.insert(place, value),
            None => _ = all.remove(&place),
        }
    }
    let record = |((table, key), value)| Record::at_start(table, key, value);
    all.into_iter().map(record).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use super::*;

    fn row(key: &[u8], value: &[u8]) -> Record {
        Record::at_start(Table::Meta, key.to_vec(), Zeroizing::new(value.to_vec()))
    }

    fn count(rows: &[Record]) -> Result<Vec<Write>, String> {
        let count = rows.iter().find(|row| row.key == b"count").ok_or("no count")?;
        let doubled: Vec<u8> = count.value.iter().map(|one| one * 2).collect();
        Ok(vec![Write::put(Table::Meta, b"doubled", doubled), Write::delete(Table::Meta, b"count")])
    }

    fn rename(rows: &[Record]) -> Result<Vec<Write>, String> {
        let doubled = rows.iter().find(|row| row.key == b"doubled").ok_or("nothing doubled")?;
        Ok(vec![Write::put(Table::Meta, b"twice", doubled.value.to_vec())])
    }

    const LATER: Edition = Edition {
        version: "1.4.1",
        migrates_from: "1.1.0",
        steps: &[
            Step { version: "1.2.0", change: count },
            Step { version: "1.4.0", change: rename },
        ],
    };

    fn written_by(version: &str) -> Vec<Record> {
        vec![row(b"count", &[3]), row(WRITER_ROW, version.as_bytes())]
    }

    #[test]
    fn every_step_since_the_writer_is_taken_in_order() {
        let taken = LATER.take_over(&written_by("1.1.3")).unwrap().unwrap();
        assert_eq!(taken.from.to_string(), "1.1.3");
        let rows = after(&written_by("1.1.3"), &taken.writes);
        let left: Vec<(&[u8], &[u8])> =
            rows.iter().map(|it| (&it.key[..], &it.value[..])).collect();
        let expected: [(&[u8], &[u8]); 3] =
            [(b"doubled", &[6]), (b"twice", &[6]), (WRITER_ROW, b"1.4.1")];
        assert_eq!(left, expected);
        // what is of this version is left alone
        assert!(LATER.take_over(&rows).unwrap().is_none());
    }

    #[test]
    fn steps_of_before_are_not_taken_again() {
        let rows = [row(b"doubled", &[9]), row(WRITER_ROW, b"1.3.0")];
        let taken = LATER.take_over(&rows).unwrap().unwrap();
        let keys: Vec<&[u8]> = taken.writes.iter().map(|write| write.key.as_slice()).collect();
        assert_eq!(keys, [b"twice".as_slice(), WRITER_ROW]);
        let rows = [row(WRITER_ROW, b"1.4.0")];
        assert_eq!(LATER.take_over(&rows).unwrap().unwrap().writes.len(), 1);
    }

    #[test]
    fn a_step_of_a_later_version_is_none_of_this_one() {
        let before = Edition { version: "1.4.0-rc.1", ..LATER };
        let refused = before.take_over(&written_by("1.1.3")).unwrap_err();
        assert!(matches!(refused, EditionError::Rows { .. }), "{refused}");
    }

    #[test]
    fn a_step_loses_no_value_that_it_was_not_shown() {
        fn moved(rows: &[Record]) -> Result<Vec<Write>, String> {
            let row = rows.iter().find(|row| row.table == Table::Backup).ok_or("no backup")?;
            Ok(vec![Write::put(Table::Backup, b"moved", row.value.to_vec())])
        }
        let steps = &[Step { version: "1.4.1", change: moved }];
        let backup = Zeroizing::new(b"long".to_vec());
        let rows =
            [Record::at_start(Table::Backup, b"key".to_vec(), backup), row(WRITER_ROW, b"1.2.0")];
        let refused = Edition { steps, ..LATER }.take_over(&rows).unwrap_err();
        assert!(matches!(refused, EditionError::Rows { .. }), "{refused}");
    }

    #[test]
    fn neg_080_a_store_of_a_later_version_is_refused() {
        for later in ["1.4.2", "1.5.0-rc.1", "2.0.0"] {
            let refused = LATER.take_over(&written_by(later)).unwrap_err();
            assert!(refused.is_callers_fault());
            assert!(matches!(refused, EditionError::Downgrade { .. }), "{refused}");
        }
    }

    #[test]
    fn what_is_too_old_or_does_not_fit_is_refused() {
        // one that does not say is of the first version
        let refused = LATER.take_over(&[row(b"count", &[1])]).unwrap_err();
        assert!(matches!(refused, EditionError::TooOld { .. }), "{refused}");
        let refused = LATER.take_over(&[row(WRITER_ROW, b"1.1.0")]).unwrap_err();
        assert!(matches!(refused, EditionError::Rows { .. }), "{refused}");
        for spoilt in [b"one".as_slice(), b"\xff", b""] {
            let refused = LATER.take_over(&[row(WRITER_ROW, spoilt)]).unwrap_err();
            assert!(matches!(refused, EditionError::Writer(_)) && !refused.is_callers_fault());
        }
    }
}
