//! Another machine in the seat of a node that was lost.

use super::Signer;
use super::seal::Opening;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `seat claim|give|take`
#[derive(Debug, Subcommand)]
pub enum Seat {
    /// On the new machine, after `node init` under the lost node's name: make the file by which it
    /// asks for the seat.
    Claim {
        #[command(flatten)]
        arriving: Arriving,
        /// The file to write.
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
    /// File the motion that gives a node's seat to the machine that made a claim. The lost machine is
    /// refused from then on, for ever.
    Give {
        /// The claim.
        claim: PathBuf,
        #[command(flatten)]
        signer: Signer,
    },
    /// On the new machine: take the seat that the charter gave it, with what custodians opened for it,
    /// or without where the other nodes can share anew.
    Take {
        #[command(flatten)]
        arriving: Arriving,
        /// What custodians opened for this machine with `quorate-recovery open`.
        parts: Vec<PathBuf>,
    },
}

/// The new machine, and what it knows of the domain.
#[derive(Debug, Clone, Args)]
pub struct Arriving {
    /// The node's name.
    pub name: String,
    /// The directory where `node init` put it.
    #[arg(long, default_value = "quorate-domain")]
    pub dir: PathBuf,
    /// A backup of the domain, as `backup export` wrote it.
    #[arg(long, value_name = "FILE")]
    pub backup: PathBuf,
    /// The genesis hash that you compared with the administrators.
    #[arg(long, value_name = "HASH")]
    pub genesis: String,
    /// What opens the node's store.
    #[command(flatten)]
    pub opening: Opening,
}
