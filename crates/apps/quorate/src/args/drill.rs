//! Drills: custodians practise restoring, without touching a share.

use super::Signer;
use clap::{Args, Subcommand};
use quorate_charter::CustodyTree;
use std::path::PathBuf;

/// `drill start|finish`
#[derive(Debug, Subcommand)]
pub enum Drill {
    /// Ask custodians to restore what a backup file has for practice: make the file that each of them
    /// opens with `quorate-recovery drill`.
    Start(Start),
    /// Restore it from their parts, tell how everybody did, and show the nodes that it was restored.
    Finish {
        /// The drill, as `drill start` wrote it.
        drill: PathBuf,
        /// What custodians gave back.
        parts: Vec<PathBuf>,
        #[command(flatten)]
        signer: Signer,
    },
}

/// Options of `drill start`.
#[derive(Debug, Args)]
pub struct Start {
    /// A backup of the domain, as `backup export` wrote it.
    #[arg(long, value_name = "FILE")]
    pub backup: PathBuf,
    /// Who practises: those who restore shares (`seats`), or whole keys (`keys`).
    #[arg(long, value_name = "TREE", default_value_t = CustodyTree::Seats)]
    pub tree: CustodyTree,
    /// The file to write, for the custodians.
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    /// The genesis hash to hold the backup against. Without it: that of the domain directory.
    #[arg(long, value_name = "HASH")]
    pub genesis: Option<String>,
    /// The domain directory, which keeps what opens the custodians' parts.
    #[arg(long, default_value = "quorate-domain")]
    pub dir: PathBuf,
    /// Who starts it: custodians see the name.
    #[arg(long = "as", value_name = "NAME")]
    pub who: String,
}
