//! Writes the seeds of all targets: `corpus FOLDER`, a folder for each target.
#![allow(clippy::expect_used, reason = "a program that panics has failed, which is all it can do")]

use quorate_targets::corpus::seeds;
use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).expect("corpus FOLDER");
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../vectors");
    for (target, seeds) in seeds(&vectors)? {
        let folder = folder.join(target);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        let bytes: usize = seeds.values().map(Vec::len).sum();
        println!("{target}: {} seeds, {bytes} bytes", seeds.len());
        for (name, bytes) in seeds {
            std::fs::write(folder.join(name), bytes)?;
        }
    }
    Ok(())
}
