//! Reading a backup file.

use super::error::{FileError, FileFault};
use super::item::{FileEnd, Item, ItemKind};
use super::order::Order;
use super::{FIRST_LINE, START};
use crate::limits::FIRST_LINE_BYTES_MAX;
use crate::lines::{First, first};
use quorate_codec::{Stem, Transcript, from_bytes, tag};
use std::io::{self, BufRead, BufReader, Read};

/// Reads a backup file, an item at a time, and never keeps more of it than that. Ends after the last
/// item, or after an error behind which nothing can be read; one that is damaged in itself is an
/// error, and the next one follows.
///
/// What it gives is well-formed and in its order, and nothing else is known of it. Whether the file
/// is whole is known at its end.
#[derive(Debug)]
pub struct BackupReader<R: Read> {
    source: BufReader<R>,
    position: Position,
    order: Order,
    hash: Hash,
    has_ended: bool,
}

/// How far a reader is.
#[derive(Debug, Default)]
struct Position {
    items: u64,
    bytes: u64,
}

/// A stem, which prints as nothing of what it has hashed.
struct Hash(Stem);

impl<R: Read> BackupReader<R> {
    /// Begins to read.
    ///
    /// # Errors
    /// [`FileError`]: it is no backup file, or one of another version.
    pub fn new(source: R) -> Result<Self, FileError> {
        let mut source = BufReader::new(source);
        let fault = first_line(&mut source).err();
        if let Some(fault) = fault {
            return Err(FileError { item: 0, offset: 0, fault });
        }
        Ok(Self {
            source,
            position: Position { items: 0, bytes: FIRST_LINE.len() as u64 },
            order: Order::new(),
            hash: Hash(begun()),
            has_ended: false,
        })
    }

    fn read(&mut self) -> Result<Item, FileFault> {
        let length = self.length()?;
        let mut bytes = Vec::new();
        if length < ItemKind::BYTES {
            return Err(FileFault::Unknown);
        }
        self.fill(&mut bytes, ItemKind::BYTES)?;
        let kind = ItemKind::of(&bytes).ok_or(FileFault::Unknown)?;
        let max = kind.bytes_max();
        // Nothing is made room for before it is known to be allowed (N-15).
        if length > max {
            return Err(FileFault::Length { kind, got: length, max });
        }
        self.fill(&mut bytes, length - ItemKind::BYTES)?;
        let before = self.hash.0.clone();
        self.hash.0 = before.clone().part(&bytes);
        let item = match from_bytes(&bytes) {
            Ok(item) => item,
            Err(why) => {
                self.order.skip(kind)?;
                return Err(FileFault::Malformed { kind, why });
            }
        };
        self.order.take(&item)?;
        if let Item::End(end) = &item {
            self.check_end(end, before)?;
        }
        Ok(item)
    }

    /// The end knows what stands before it, and nothing stands behind it (REC-22).
    fn check_end(&mut self, end: &FileEnd, before: Stem) -> Result<(), FileFault> {
        if end.items != self.position.items {
            return Err(FileFault::Count { said: end.items, got: self.position.items });
        }
        if end.digest != before.digest() {
            return Err(FileFault::Digest);
        }
        match self.source.fill_buf().map_err(unread)? {
            [] => Ok(()),
            _ => Err(FileFault::Trailing),
        }
    }

    /// How long the next item is.
    fn length(&mut self) -> Result<usize, FileFault> {
        let mut bytes = Vec::new();
        match self.fill(&mut bytes, 4) {
            Err(FileFault::Cut { missing: 4 }) => return Err(FileFault::NoEnd),
            other => other?,
        }
        let length = bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
        length.and_then(|length| usize::try_from(length).ok()).ok_or(FileFault::Unknown)
    }

    fn fill(&mut self, bytes: &mut Vec<u8>, more: usize) -> Result<(), FileFault> {
        let read = self.source.by_ref().take(more as u64).read_to_end(bytes).map_err(unread)?;
        self.position.bytes += read as u64;
        if read == more { Ok(()) } else { Err(FileFault::Cut { missing: more - read }) }
    }
}

impl<R: Read> Iterator for BackupReader<R> {
    type Item = Result<Item, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let (item, offset) = (self.position.items + 1, self.position.bytes);
        let read = self.read().map_err(|fault| FileError { item, offset, fault });
        self.position.items = item;
        self.has_ended = match &read {
            Ok(item) => matches!(item, Item::End(_)),
            Err(error) => !error.is_passing(),
        };
        Some(read)
    }
}

/// The hash of a file, begun with its first line.
pub(super) fn begun() -> Stem {
    Transcript::new(tag::RECOVERY_BACKUP).part(FIRST_LINE).stem()
}

fn first_line(source: &mut impl BufRead) -> Result<(), FileFault> {
    let mut line = Vec::new();
    source.take(FIRST_LINE_BYTES_MAX as u64).read_until(b'\n', &mut line).map_err(unread)?;
    let line = std::str::from_utf8(&line).map_err(|_| FileFault::Other)?;
    if line == FIRST_LINE {
        return Ok(());
    }
    match first(line, START) {
        First::Version(version) if version != 1 => Err(FileFault::Version(version)),
        _ => Err(FileFault::Other),
    }
}

fn unread(error: io::Error) -> FileFault {
    FileFault::Unread(error.to_string())
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Hash")
    }
}
