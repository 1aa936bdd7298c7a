//! Backups that everybody can verify.

use super::Reader;
use clap::Subcommand;
use std::path::PathBuf;

/// `backup export|verify|status`
#[derive(Debug, Subcommand)]
pub enum Backup {
    /// Write the charter, every key's certified record and every backup that it names into one file,
    /// to be kept somewhere else. What is written was verified, and can be verified again without
    /// any node.
    Export {
        /// The file to write; `-` for the standard output.
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        reader: Reader,
    },
    /// Verify a backup file: every certificate and every proof, without any node or secret.
    Verify {
        /// The file.
        file: PathBuf,
        /// The genesis hash to hold it against: from your notes, never from the file.
        #[arg(long, value_name = "HASH", conflicts_with = "dir")]
        genesis: Option<String>,
        /// Take the genesis hash of this domain directory.
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// Whether every key is backed up for the custodians of now, and none of them is to have another
    /// recovery key, or to hold a drill, by now.
    Status(Reader),
}
