//! A disk that forgets what was not committed.

use quorate_charter::CertifiedEntry;
use quorate_machine::durable::{Record, Table, Write};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The durable rows of one simulated node.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    rows: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
}

impl Disk {
    /// Everything.
    pub fn all(&self) -> &BTreeMap<(Table, Vec<u8>), Vec<u8>> {
        &self.rows
    }

    /// Applies writes, as one transaction would.
    pub fn commit(&mut self, writes: &[Write]) {
        for write in writes {
            let key = (write.table, write.key.clone());
            match &write.value {
                Some(value) => {
                    self.rows.insert(key, value.to_vec());
                }
                None => {
                    self.rows.remove(&key);
                }
            }
        }
    }

    /// The writes that take these back.
    pub fn inverse(&self, writes: &[Write]) -> Vec<Write> {
        let before = |write: &Write| match self.row(write.table, &write.key) {
            Some(row) => Write::put(write.table, write.key.clone(), row.to_vec()),
            None => Write::delete(write.table, write.key.clone()),
        };
        writes.iter().map(before).collect()
    }

    /// The rows of a table: keys and values.
    pub fn rows(&self, table: Table) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        let rows = self.rows.range((table, Vec::new())..);
        let rows = rows.take_while(move |((of, _), _)| *of == table);
        rows.map(|((_, key), value)| (key.as_slice(), value.as_slice()))
    }

    /// The entries of the charter.
    pub fn entries(&self) -> impl Iterator<Item = CertifiedEntry> {
        self.rows(Table::Entry).filter_map(|(_, row)| quorate_codec::from_bytes(row).ok())
    }

    /// One row.
    pub fn row(&self, table: Table, key: &[u8]) -> Option<&[u8]> {
        self.rows.get(&(table, key.to_vec())).map(Vec::as_slice)
    }

    /// What a start reads back.
    pub fn records(&self) -> Vec<Record> {
        let record = |((table, key), value): (&(Table, Vec<u8>), &Vec<u8>)| {
            Record::at_start(*table, key.clone(), Zeroizing::new(value.clone()))
        };
        self.rows.iter().map(record).collect()
    }
}
