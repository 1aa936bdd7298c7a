//! A domain that `quorate up` founded once for the program under test, and copies of it that run at
//! addresses of their own. Founding takes seconds of every core, and most tests begin after it.

use crate::program::binary;
use crate::trial::{announced, begin_up, signal};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::UNIX_EPOCH;
use tempfile::TempDir;

static COPIES: AtomicU8 = AtomicU8::new(0);

/// Copies the founded domain, which does not run, to a directory that is not there yet.
pub(crate) fn copy_to(dir: &Path) {
    let folder = binary().parent().and_then(Path::parent).expect("a target folder").join("tmp");
    fs::create_dir_all(&folder).expect("a folder");
    // Whoever comes first founds it, and others wait.
    let lock = File::create(folder.join("founded.lock")).expect("a lock");
    lock.lock().expect("a lock");
    copy(&founded(&folder), dir);
    drop(lock);
    // Nodes of different copies have the same keys, and must never find each other: so each copy has a
    // loopback address of its own, and no port that another one left is taken for a peer's.
    let number = COPIES.fetch_add(1, Ordering::Relaxed);
    let [.., high, low] = std::process::id().to_be_bytes();
    let host = format!("127.{}.{high}.{low}", 64 + number % 128);
    let mut moved = BTreeMap::new();
    let nodes = fs::read_dir(dir.join("nodes")).expect("nodes").flatten();
    let files = nodes.map(|node| node.path().join("node.json")).chain([dir.join("domain.json")]);
    for file in files {
        let text = fs::read_to_string(&file).expect("addresses");
        fs::write(&file, elsewhere(&text, &host, &mut moved)).expect("addresses");
    }
}

/// The text with the same free address for each address that is in it; nobody else gets one as long as
/// its listener is there.
fn elsewhere(text: &str, host: &str, moved: &mut BTreeMap<String, TcpListener>) -> String {
    const HERE: &str = "127.0.0.1:";
    let mut parts = text.split(HERE);
    let mut new = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(part.len());
        let (port, rest) = part.split_at(end);
        let free = || TcpListener::bind((host, 0)).expect("a port");
        let listener = moved.entry(port.to_owned()).or_insert_with(free);
        new.push_str(&listener.local_addr().expect("an address").to_string());
        new.push_str(rest);
    }
    new
}

/// The directory of the domain that the program under test founded.
fn founded(folder: &Path) -> PathBuf {
    let built = fs::metadata(binary()).expect("the program; build it with `cargo build`");
    let since = built.modified().expect("a time").duration_since(UNIX_EPOCH).expect("since 1970");
    let place = folder.join(format!("founded-{}-{}", since.as_nanos(), built.len()));
    // Of a long time ago it is not what has just been founded.
    let is_fresh = |place: &Path| {
        let made = fs::metadata(place).and_then(|it| it.modified()).ok();
        made.and_then(|made| made.elapsed().ok()).is_some_and(|age| age.as_secs() < 3_600)
    };
    if !is_fresh(&place) {
        for old in fs::read_dir(folder).expect("a folder").flatten() {
            if old.file_name().to_string_lossy().starts_with("founded-") {
                fs::remove_dir_all(old.path()).expect("an old one is removed");
            }
        }
        let making = TempDir::new_in(folder).expect("a folder");
        let dir = making.path().join("domain");
        let mut up = begin_up(&dir);
        announced(&mut up);
        signal("-TERM", up.id());
        up.wait().expect("its end");
        fs::rename(&dir, &place).expect("it is moved");
    }
    place
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory").flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match from.is_dir() {
            true => copy(&from, &to),
            false => drop(fs::copy(&from, &to).expect("a copy")),
        }
    }
    let mode = fs::metadata(from).expect("a directory").permissions();
    fs::set_permissions(to, mode).expect("its mode");
}
