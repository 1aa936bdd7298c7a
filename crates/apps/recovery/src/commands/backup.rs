//! A backup file as `inspect` and `verify` meet it: opened, and what it says of itself (REC-31).

use crate::backup_file::{BackupReader, FileError, FileFault, FileHead, Item, START};
use crate::failure::{Failure, Result};
use crate::files;
use crate::verify::Replay;
use quorate_charter::{AttemptOutcome, Custody, Decided, EpochRecord, Instance, State};
use quorate_codec::{Digest, from_bytes};
use quorate_identity::moment;
use quorate_identity::{GenesisHash, KeyId, Name, RecoveryKeyId, Scheme, words};
use serde::Serialize;
use std::fmt::Write;
use std::fs::File;
use std::path::Path;

/// What a backup says of itself. Nothing of it was verified but that it reads as a whole file.
#[derive(Serialize)]
pub struct Said {
    /// Never: no proof was looked at, and no hash from elsewhere was given.
    verified: bool,
    genesis: GenesisHash,
    words: String,
    domain: Name,
    staging: bool,
    made_at_ms: u64,
    export: Digest,
    /// How many entries of the charter it has.
    entries: u64,
    custodians: Vec<CustodianSaid>,
    /// Who restores the shares of one node.
    seats: String,
    /// Who restores whole keys.
    whole_keys: String,
    keys: Vec<KeySaid>,
    canaries: u64,
}

#[derive(Serialize)]
struct CustodianSaid {
    name: Name,
    key: RecoveryKeyId,
    expires_ms: Option<u64>,
}

/// A key, with its name where the charter in the file tells it.
#[derive(Serialize)]
struct KeySaid {
    key: Option<KeyId>,
    name: Option<Name>,
    scheme: Option<Scheme>,
    epoch: Option<u64>,
    bundles: u64,
}

/// Whether a file begins as backups do.
pub fn is_backup(path: &Path) -> bool {
    files::starts_with(path, START.as_bytes())
}

/// Begins to read one.
///
/// # Errors
/// The caller's: there is no such file, it is no backup, or of another version.
pub fn open(path: &Path) -> Result<BackupReader<File>> {
    let file = File::open(path).map_err(|error| Failure::unread(path, &error))?;
    BackupReader::new(file).map_err(|error| failure(path, &error))
}

/// What a backup says of itself.
///
/// # Errors
/// It does not read as a whole one.
pub fn said(path: &Path) -> Result<Said> {
    let mut reader = open(path)?;
    let mut next = || reader.next().transpose().map_err(|error| failure(path, &error));
    let Some(Item::Head(head)) = next()? else {
        let end = FileError { item: 1, offset: 0, fault: FileFault::NoEnd };
        return Err(failure(path, &end));
    };
    let mut said = Said::new(path, &head)?;
    // Names are in the charter; that it is this domain's is not known.
    let mut replay = Replay::begin(&head.genesis, &head.genesis.hash()).ok();
    while let Some(item) = next()? {
        match item {
            Item::Entry(entry) => {
                said.entries += 1;
                let _ = replay.as_mut().map(|replay| replay.enter(&entry));
            }
            Item::Epoch(decided) => {
                said.keys.push(KeySaid::of(&decided, replay.as_ref().map(Replay::state)));
            }
            Item::Bundle(_) => {
                if let Some(key) = said.keys.last_mut() {
                    key.bundles += 1;
                }
            }
            Item::Canary(_) => said.canaries += 1,
            Item::Head(_) | Item::End(_) => {}
        }
    }
    if let Some(replay) = &replay {
        said.tell_custody(replay.state().custody());
    }
    Ok(said)
}

/// A file that cannot be read as what it should be.
fn failure(path: &Path, error: &FileError) -> Failure {
    let what = format!("{}: {}", path.display(), error.what());
    match error.fault {
        FileFault::Other => Failure::caller("bad_file", what, error.next()),
        FileFault::Version(_) => Failure::caller("file_version", what, error.next()),
        FileFault::Unread(_) => Failure::machine("file", what, error.next()),
        _ => Failure::machine("backup_damaged", what, error.next()),
    }
}

impl Said {
    fn new(path: &Path, head: &FileHead) -> Result<Self> {
        let genesis = head.genesis.genesis().map_err(|error| {
            let what = format!("{}: {error}", path.display());
            Failure::peer("bad_backup", what, "do not use it, and take another backup")
        })?;
        let mut said = Self {
            verified: false,
            genesis: head.genesis.hash(),
            words: words(&head.genesis.hash().digest()).join(" "),
            domain: genesis.domain,
            staging: genesis.staging,
            made_at_ms: head.made_at_ms,
            export: head.export,
            entries: 0,
            custodians: Vec::new(),
            seats: String::new(),
            whole_keys: String::new(),
            keys: Vec::new(),
            canaries: 0,
        };
        said.tell_custody(&genesis.custody);
        Ok(said)
    }

    fn tell_custody(&mut self, custody: &Custody) {
        let custodians = custody.custodians.iter().map(|custodian| CustodianSaid {
            name: custodian.name.clone(),
            key: custodian.key_id(),
            expires_ms: custodian.expires_ms,
        });
        self.custodians = custodians.collect();
        self.seats = custody.seats.to_string();
        self.whole_keys = custody.keys.to_string();
    }

    /// For people.
    pub fn text(&self) -> String {
        let trial = if self.staging { ", a trial" } else { "" };
        let mut text = format!(
            "a backup, which says of itself what follows; NOTHING of it is verified\n  domain      \
             {}{trial}\n  genesis     {}\n  made        {}\n  charter     {} entries\n  one node    \
             restored by {}\n  whole keys  restored by {}\n",
            self.domain,
            self.words,
            moment(self.made_at_ms),
            self.entries,
            self.seats,
            self.whole_keys,
        );
        for KeySaid { key, name, scheme, epoch, bundles } in &self.keys {
            let key = key.map(|key| key.to_string()).unwrap_or_default();
            let name = name.as_ref().map_or(key, Name::to_string);
            let scheme = scheme.map(|scheme| scheme.to_string()).unwrap_or_default();
            let epoch = epoch.map(|epoch| format!("epoch {epoch}")).unwrap_or_default();
            let _ = writeln!(text, "  {name:<16} {scheme:<15} {epoch}, {bundles} bundles");
        }
        text.push_str("`quorate-recovery verify` tells what of it holds");
        text
    }
}

impl KeySaid {
    fn of(decided: &Decided, state: Option<&State>) -> Self {
        let (key, epoch) = match decided.instance {
            Instance::Attempt { key, epoch, .. } => (Some(key), Some(epoch)),
            Instance::Position(_) => (None, None),
        };
        let order = state.zip(key).and_then(|(state, key)| state.key(&key));
        let name = order.map(|order| order.name.clone());
        Self { key, name, scheme: scheme(decided), epoch, bundles: 0 }
    }
}

fn scheme(decided: &Decided) -> Option<Scheme> {
    match from_bytes(&decided.value).ok()? {
        AttemptOutcome::Commit { record, .. } => {
            from_bytes::<EpochRecord>(&record).ok().map(|record| record.plan.scheme)
        }
        AttemptOutcome::Void { .. } => None,
    }
}
