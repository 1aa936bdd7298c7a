//! A key that is given to somebody whole.

use super::{Reader, Signer};
use clap::Subcommand;
use std::path::PathBuf;

/// `key export ...`
#[derive(Debug, Subcommand)]
pub enum Export {
    /// File the motion that gives the WHOLE key to whoever holds a recovery key, for ever.
    Order {
        /// The key's name.
        name: String,
        /// The public recovery key of who gets it: FILE.pub, as `quorate-recovery keygen` wrote it, made
        /// for this and used for nothing else.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        #[command(flatten)]
        signer: Signer,
    },
    /// File the motion that ends the exports of a key: nodes give nothing of it any more. What was
    /// given is given.
    End {
        /// The key's name.
        name: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// Collect the nodes' parts of the key, encrypted to whom it is for, each verified, into one file
    /// for `quorate-recovery export open`.
    Get {
        /// The key's name.
        name: String,
        /// To whom, where the key is being given to several.
        #[arg(long, value_name = "NAME")]
        to: Option<String>,
        /// The file to write.
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        reader: Reader,
    },
}
