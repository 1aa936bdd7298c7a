//! Writing a backup file.

use super::FIRST_LINE;
use super::error::WriteError;
use super::item::{FileEnd, FileHead, Item};
use super::order::Order;
use super::reader::begun;
use quorate_codec::{Stem, to_bytes};
use std::io::Write;

/// Writes a backup file, an item at a time. It writes often and little, so a file should stand
/// behind a buffer; whether what was written is durable is the caller's business.
pub struct BackupWriter<W: Write> {
    sink: W,
    order: Order,
    hash: Stem,
    items: u64,
}

impl<W: Write> BackupWriter<W> {
    /// Begins a file with what it says of itself.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn new(mut sink: W, head: FileHead) -> Result<Self, WriteError> {
        sink.write_all(FIRST_LINE.as_bytes())?;
        let mut writer = Self { sink, order: Order::new(), hash: begun(), items: 0 };
        writer.put(&Item::Head(head))?;
        Ok(writer)
    }

    /// Writes the next item. The end is written by [`finish`](Self::finish), which knows what it
    /// says.
    ///
    /// # Errors
    /// [`WriteError`]: it does not belong here, or is longer than such an item may be, and nothing
    /// was written; or writing failed, and the file is not to be used.
    pub fn write(&mut self, item: &Item) -> Result<(), WriteError> {
        match item {
            Item::End(_) => Err(WriteError::Order(self.order.refuses(item))),
            item => self.put(item),
        }
    }

    fn put(&mut self, item: &Item) -> Result<(), WriteError> {
        let bytes = to_bytes(item);
        let (kind, got) = (item.kind(), bytes.len());
        let max = kind.bytes_max();
        let length = u32::try_from(got).ok().filter(|_| got <= max);
        let length = length.ok_or(WriteError::TooLong { kind, got, max })?;
        self.order.take(item).map_err(WriteError::Order)?;
        self.sink.write_all(&length.to_be_bytes())?;
        self.sink.write_all(&bytes)?;
        self.hash = self.hash.clone().part(&bytes);
        self.items += 1;
        Ok(())
    }

    /// Ends the file, flushes it and gives back what it was written to.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn finish(mut self) -> Result<W, WriteError> {
        let end = FileEnd { items: self.items, digest: self.hash.clone().digest() };
        self.put(&Item::End(end))?;
        self.sink.flush()?;
        Ok(self.sink)
    }
}

impl<W: Write> std::fmt::Debug for BackupWriter<W> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "BackupWriter({} items)", self.items)
    }
}
