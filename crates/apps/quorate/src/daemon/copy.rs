//! A public copy of the charter beside the store, so that it can be verified while no node runs.
//! Nothing rests on it: whoever reads it verifies it from the genesis on.

use super::driver::Inbox;
use crate::replay;
use quorate_charter::{GenesisFile, State};
use quorate_client::contract::ErrorBody;
use quorate_machine::call::{Call, Caller, View};
use quorate_machine::event::Event;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;

/// Writes the copy anew, then adds every entry that comes.
pub async fn keep(
    path: PathBuf,
    genesis: GenesisFile,
    inbox: Inbox,
    mut state: watch::Receiver<Arc<State>>,
) {
    let mut file = match begin(&path, &genesis) {
        Ok(file) => file,
        Err(error) => return cannot(&path, &error),
    };
    let mut written = 0;
    loop {
        let now = state.borrow_and_update().clone();
        while written < now.position() {
            match entries(&inbox, written).await {
                Ok(lines) if !lines.is_empty() => {
                    let text: String = lines.concat();
                    if let Err(error) = file.write_all(text.as_bytes()) {
                        return cannot(&path, &error);
                    }
                    written += u64::try_from(lines.len()).unwrap_or(u64::MAX);
                }
                // Tried again at the next head.
                Ok(_) | Err(_) => break,
            }
        }
        if state.changed().await.is_err() {
            return;
        }
    }
}

fn begin(path: &Path, genesis: &GenesisFile) -> std::io::Result<File> {
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(path)?;
    file.write_all(replay::genesis_line(genesis).as_bytes())?;
    Ok(file)
}

/// The lines of the entries after a position.
async fn entries(inbox: &Inbox, after: u64) -> Result<Vec<String>, ErrorBody> {
    let caller = Caller::of_node();
    let call = Box::new(Call::Entries { after });
    let answer = inbox.call(|id| Event::Call { id, caller, call }).await;
    let Some(View::Entries(page)) = answer.transpose()? else { return Ok(Vec::new()) };
    let lines = page.entries.iter().map(|entry| replay::entry(&entry.entry));
    Ok(lines.filter_map(Result::ok).map(|entry| replay::entry_line(&entry)).collect())
}

fn cannot(path: &Path, error: &std::io::Error) {
    tracing::warn!(path = %path.display(), %error, "the public copy of the charter is not kept");
}
