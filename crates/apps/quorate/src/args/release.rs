//! Releases: made and signed by those who release, verified by everybody else.

use super::Signer;
use crate::commands::PRODUCT;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `release create|sign|show|require`
#[derive(Debug, Subcommand)]
pub enum Release {
    /// Write what a release consists of, for those who release to sign.
    // Its own `--version` is that of the release.
    #[command(disable_version_flag = true)]
    Create(Box<Create>),
    /// Read what a release says, then sign it.
    Sign(Box<Sign>),
    /// File the motion that requires every node to run at least a version. It takes effect once so
    /// many do that nothing stops; whoever runs an older one is not heard from then on.
    Require {
        /// The version.
        #[arg(value_name = "VERSION")]
        minimum: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// Show what a release says, its digest, and who has signed.
    Show {
        /// The release.
        file: PathBuf,
        /// The list of those who release, to tell whose signatures there are.
        #[arg(long, value_name = "FILE")]
        signers: Option<PathBuf>,
    },
}

/// What a release is made from.
#[derive(Debug, Args)]
pub struct Create {
    /// What is released.
    #[arg(long, default_value = PRODUCT)]
    pub product: String,
    /// Which version of it.
    #[arg(long, default_value = crate::edition().version)]
    pub version: String,
    /// The oldest version whose stores it takes over.
    #[arg(long, value_name = "VERSION", default_value = crate::edition().migrates_from)]
    pub migrates_from: String,
    /// Digest of the source, as `cargo xtask dist` prints it.
    #[arg(long, value_name = "DIGEST")]
    pub source: String,
    /// The recipe that it was built by, as `cargo xtask dist` writes it.
    #[arg(long, value_name = "FILE")]
    pub recipe: PathBuf,
    /// `TARGET=FILE`, a file of the release and the machine it is for. Repeat.
    #[arg(long = "artefact", value_name = "TARGET=FILE", required = true)]
    pub artefacts: Vec<String>,
    /// The file to write.
    #[arg(long, short)]
    pub output: PathBuf,
}

/// Options of `release sign`.
#[derive(Debug, Args)]
pub struct Sign {
    /// The release, which gains the signature.
    pub file: PathBuf,
    /// The list of those who release.
    #[arg(long, value_name = "FILE")]
    pub signers: PathBuf,
    /// Your name in it.
    #[arg(long = "as", value_name = "NAME")]
    pub who: String,
    /// Your OpenSSH private key.
    #[arg(long, value_name = "FILE", required_unless_present = "agent")]
    pub key: Option<PathBuf>,
    /// Sign with ssh-agent (SSH_AUTH_SOCK names its socket).
    #[arg(long, conflicts_with = "key")]
    pub agent: bool,
    /// File with the passphrase of the key.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// A file that you built yourself from the source: nothing is signed if the release has
    /// another one under its name. Repeat.
    #[arg(long = "artefact", value_name = "FILE")]
    pub artefacts: Vec<PathBuf>,
    /// The digest of the release that you compared with the others. Without it you are asked.
    #[arg(long, value_name = "DIGEST")]
    pub release: Option<String>,
}

/// Options of `verify-release`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The release.
    #[arg(long, value_name = "FILE")]
    pub manifest: PathBuf,
    /// The list of those who release, which you compared with somebody: nothing else is trusted.
    #[arg(long, value_name = "FILE")]
    pub signers: PathBuf,
    /// A file that should be one of the release. Repeat.
    #[arg(long = "artefact", value_name = "FILE")]
    pub artefacts: Vec<PathBuf>,
    /// Verify that the program which runs now is the one of the release.
    #[arg(long)]
    pub running: bool,
    /// What is installed where the release is to go. Without it: the version that runs now.
    #[arg(long, value_name = "VERSION", default_value = crate::edition().version)]
    pub installed: String,
    /// Refuse what is older than this, such as the first version without a known fault.
    #[arg(long, value_name = "VERSION")]
    pub minimum: Option<String>,
    /// Going back to an older version is meant.
    #[arg(long)]
    pub allow_downgrade: bool,
}
