//! `inspect`: what a file is. It asks for no secret and shows none.

use super::{backup, key_file_failure};
use crate::drill::{Drill, DrillPart};
use crate::estate::EstatePart;
use crate::export::ExportFile;
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::files;
use crate::key_file::{self, KeyFile, KeyFileError};
use crate::paper::{self, Page, PageFault, fingerprint};
use crate::seat::SeatPart;
use quorate_backup::possession::{Answers, Challenges};
use quorate_backup::{LineError, RecoveryKeyLine};
use quorate_codec::{Canonical, Digest, from_bytes};
use quorate_identity::{GenesisHash, Head, Name, NodeId, RecoveryKeyId, moment, words};
use serde::Serialize;
use std::path::Path;

#[derive(Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
enum Seen {
    KeyFile {
        name: Name,
        kind: String,
        key: RecoveryKeyId,
        words: String,
    },
    PublicKey {
        name: Name,
        kind: String,
        key: RecoveryKeyId,
        words: String,
    },
    Page {
        name: Name,
        kind: String,
        words: String,
        page: u8,
        pages: u8,
        needed: u8,
    },
    Challenges {
        genesis: Words<GenesisHash>,
        custodian: Name,
        key: Words<RecoveryKeyId>,
        nodes: Vec<NodeId>,
    },
    Answers {
        genesis: Words<GenesisHash>,
        key: Words<RecoveryKeyId>,
        nodes: Vec<NodeId>,
    },
    /// A custodian's part for a lost node's seat; what it says is known to hold only where it opens.
    SeatPart {
        genesis: Words<GenesisHash>,
        node: NodeId,
        entry: Head,
        custodian: Name,
        key: Words<RecoveryKeyId>,
    },
    /// A custodian's part for a successor; what it says is known to hold only where it opens.
    EstatePart {
        successor: Words<GenesisHash>,
        predecessor: Words<GenesisHash>,
        backup: Digest,
        custodian: Name,
        key: Words<RecoveryKeyId>,
        heirs: Vec<NodeId>,
    },
    /// A drill, which says of itself what follows.
    Drill {
        genesis: Words<GenesisHash>,
        drill: Digest,
        started_by: Name,
        started_ms: u64,
        asked: Vec<RecoveryKeyId>,
    },
    /// A custodian's part in a drill; what it says is known to hold only where it opens.
    DrillPart {
        drill: Digest,
        custodian: Name,
        key: Words<RecoveryKeyId>,
        made_at_ms: u64,
    },
    Backup(Box<backup::Said>),
    /// What nodes gave of a key that was given to somebody; nothing of it was verified.
    Export {
        genesis: Words<GenesisHash>,
        entry: Head,
        nodes: Vec<NodeId>,
    },
}

/// An id, and its words.
#[derive(Serialize)]
struct Words<T> {
    id: T,
    words: String,
}

/// Runs it.
///
/// # Errors
/// The caller's: it is nothing that is known here.
pub fn run(path: &Path, face: Face) -> Result<()> {
    if backup::is_backup(path) {
        let said = Seen::Backup(Box::new(backup::said(path)?));
        face.show(&said, text);
        return Ok(());
    }
    if files::starts_with(path, &SeatPart::START) {
        let bytes = files::read_public(path, EstatePart::BYTES_MAX)?;
        face.show(&of_part(&bytes).ok_or_else(|| unknown(path))?, text);
        return Ok(());
    }
    if files::starts_with(path, &ExportFile::START) {
        let bytes = files::read_public(path, ExportFile::BYTES_MAX)?;
        // A part in a drill begins so too.
        if let Ok(file) = from_bytes::<ExportFile>(&bytes) {
            face.show(&of_export(&file), text);
            return Ok(());
        }
    }
    let bytes = files::read(path)?;
    let seen = match std::str::from_utf8(&bytes) {
        Ok(text) if text.trim_start().starts_with("quorate-recovery-") => of_text(path, text)?,
        _ => of_bytes(&bytes).ok_or_else(|| unknown(path))?,
    };
    face.show(&seen, text);
    Ok(())
}

fn of_text(path: &Path, text: &str) -> Result<Seen> {
    if text.trim_start().starts_with(paper::START) {
        let page = Page::from_text(text).map_err(|error| match error.fault {
            PageFault::Version(_) => Failure::later(path, error),
            _ => {
                let what = format!("{}: {error}", path.display());
                Failure::caller("bad_page", what, "compare it with the paper, letter by letter")
            }
        })?;
        let heading = page.heading();
        return Ok(Seen::Page {
            name: heading.name().clone(),
            kind: heading.kind().to_string(),
            words: heading.words().to_owned(),
            page: page.number(),
            pages: heading.split().pages(),
            needed: heading.split().needed(),
        });
    }
    if text.starts_with(key_file::START) {
        let file: KeyFile =
            text.parse().map_err(|error: KeyFileError| key_file_failure(path, error))?;
        return Ok(Seen::KeyFile {
            name: file.name().clone(),
            kind: file.kind().to_string(),
            key: file.key(),
            words: words(&file.key().digest()).join(" "),
        });
    }
    let line: RecoveryKeyLine = text.parse().map_err(|error| match error {
        LineError::Version(_) => Failure::later(path, error),
        _ => {
            let what = format!("{}: {error}", path.display());
            Failure::caller("bad_public_key", what, "take it again from where it was made")
        }
    })?;
    Ok(Seen::PublicKey {
        kind: line.key.kind_name().to_owned(),
        key: line.key.id(),
        words: fingerprint(&line.key),
        name: line.name,
    })
}

fn genesis(id: GenesisHash) -> Words<GenesisHash> {
    Words { id, words: words(&id.digest()).join(" ") }
}

fn key(id: RecoveryKeyId) -> Words<RecoveryKeyId> {
    Words { id, words: words(&id.digest()).join(" ") }
}

fn of_part(bytes: &[u8]) -> Option<Seen> {
    if let Ok(part) = from_bytes::<EstatePart>(bytes) {
        let EstatePart { backup, custodian, .. } = part;
        let (successor, predecessor) = (genesis(part.successor), genesis(part.predecessor));
        let heirs = part.sealed.iter().map(|sealed| sealed.heir).collect();
        let key = key(part.key);
        return Some(Seen::EstatePart { successor, predecessor, backup, custodian, key, heirs });
    }
    let part: SeatPart = from_bytes(bytes).ok()?;
    let SeatPart { node, entry, custodian, .. } = part;
    let (genesis, key) = (genesis(part.genesis), key(part.key));
    Some(Seen::SeatPart { genesis, node, entry, custodian, key })
}

fn of_export(file: &ExportFile) -> Seen {
    Seen::Export {
        genesis: genesis(file.genesis.hash()),
        entry: file.export,
        nodes: file.parts.iter().map(|part| part.statement.node()).collect(),
    }
}

fn of_bytes(bytes: &[u8]) -> Option<Seen> {
    if let Ok(asked) = from_bytes::<Challenges>(bytes) {
        return Some(Seen::Challenges {
            genesis: genesis(asked.genesis()),
            custodian: asked.custodian().clone(),
            key: key(asked.key()),
            nodes: asked.iter().map(|(node, _)| node).collect(),
        });
    }
    if let Ok(drill) = from_bytes::<Drill>(bytes) {
        return Some(Seen::Drill {
            genesis: genesis(drill.genesis),
            drill: drill.id(),
            started_ms: drill.started_ms,
            asked: drill.asks.iter().map(|ask| ask.key).collect(),
            started_by: drill.started_by,
        });
    }
    if let Ok(DrillPart { drill, custodian, key: of, made_at_ms, .. }) = from_bytes(bytes) {
        return Some(Seen::DrillPart { drill, custodian, key: key(of), made_at_ms });
    }
    let answers = from_bytes::<Answers>(bytes).ok()?;
    Some(Seen::Answers {
        genesis: genesis(answers.genesis()),
        key: key(answers.key()),
        nodes: answers.iter().map(|(node, _)| node).collect(),
    })
}

fn unknown(path: &Path) -> Failure {
    let what = format!(
        "{} is no key file, public key, page, challenges, answers, part, drill, export or backup that this \
         program knows, or it is damaged",
        path.display()
    );
    Failure::caller("bad_file", what, "take it again from where it was made")
}

fn text(seen: &Seen) -> String {
    match seen {
        Seen::Backup(said) => said.text(),
        Seen::KeyFile { name, kind, words, .. } => format!(
            "a key file: the private half of recovery key {name} ({kind}), sealed under a \
             passphrase\n  {words}"
        ),
        Seen::PublicKey { name, kind, words, .. } => {
            format!("the public half of recovery key {name} ({kind})\n  {words}")
        }
        Seen::Page { name, kind, words, page, pages, needed } => format!(
            "page {page} of {pages} of recovery key {name} ({kind}); any {needed} pages are the \
             key\n  {words}"
        ),
        Seen::Challenges { genesis, custodian, key, nodes } => format!(
            "challenges of {} nodes of the domain\n  {}\nto custodian {custodian}, whose key is\n  {}",
            nodes.len(),
            genesis.words,
            key.words
        ),
        Seen::SeatPart { genesis, node, entry, custodian, key } => format!(
            "custodian {custodian}'s part for the seat of node {node}, sealed to the machine that entry \
             {entry} gave it to, in the domain\n  {}\nmade with the key\n  {}",
            genesis.words, key.words
        ),
        Seen::EstatePart { successor, predecessor, custodian, key, heirs, .. } => format!(
            "custodian {custodian}'s part for {} nodes of the new domain\n  {}\nof the keys of the \
             domain\n  {}\nmade with the key\n  {}",
            heirs.len(),
            successor.words,
            predecessor.words,
            key.words
        ),
        Seen::Drill { genesis, started_by, started_ms, asked, .. } => format!(
            "a drill for {} custodians, which says that {started_by} started it on {}, in the domain\n  {}",
            asked.len(),
            moment(*started_ms),
            genesis.words
        ),
        Seen::DrillPart { drill, custodian, key, made_at_ms } => format!(
            "custodian {custodian}'s part in drill {drill}, made on {}, with the key\n  {}",
            moment(*made_at_ms),
            key.words
        ),
        Seen::Export { genesis, entry, nodes } => format!(
            "parts of {} nodes of a key that entry {entry} gave to somebody, in the domain\n  {}\nNOTHING \
             of it is verified: quorate-recovery export verify",
            nodes.len(),
            genesis.words
        ),
        Seen::Answers { genesis, key, nodes } => format!(
            "answers to {} nodes of the domain\n  {}\nthat this key is held:\n  {}",
            nodes.len(),
            genesis.words,
            key.words
        ),
    }
}
