//! What happens to a key after it was made.

use super::{Offline, Reader, Signer};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `key refresh|reshare|schedule|epochs|advise|retire`
#[derive(Debug, Subcommand)]
pub enum Lifecycle {
    /// Order new shares for the nodes that hold the key, and wait until the old ones are gone.
    Refresh {
        /// The key's name.
        name: String,
        #[command(flatten)]
        wait: Wait,
        #[command(flatten)]
        signer: Signer,
    },
    /// Order shares for other nodes, or another threshold, and wait until the old ones are gone.
    Reshare {
        /// The key's name.
        name: String,
        /// Which nodes can sign then, as a tree: `3 of (node-1, node-2, node-3, node-4)`.
        #[arg(long, value_name = "TREE")]
        access: String,
        /// How many of them may be lost without losing the key. Without it: as many as the tree
        /// bears.
        #[arg(long)]
        faults: Option<u8>,
        #[command(flatten)]
        wait: Wait,
        #[command(flatten)]
        signer: Signer,
    },
    /// Set when the key is refreshed without another order.
    Schedule {
        /// The key's name.
        name: String,
        /// At least every so often: `24h`, `30m`, `7d`.
        #[arg(long, value_name = "TIME", required_unless_present = "off")]
        every: Option<String>,
        /// Up to so much earlier, another part of it for each key and time.
        #[arg(long, value_name = "TIME", default_value = "0s")]
        jitter: String,
        /// Only in this part of the day, in UTC: `02:00-05:00`.
        #[arg(long, value_name = "FROM-TO")]
        window: Option<String>,
        /// Not on schedule any more.
        #[arg(long, conflicts_with_all = ["every", "window"])]
        off: bool,
        #[command(flatten)]
        signer: Signer,
    },
    /// Let nodes begin signatures of an ECDSA key before they are asked for: then one round of
    /// messages makes them. Nothing but a process holds them, and none signs a raw digest.
    Presign {
        /// The key's name.
        name: String,
        /// The most that each node which leads signatures has ready: 1 to 256.
        #[arg(long, value_name = "NUMBER", required_unless_present = "off")]
        most: Option<u16>,
        /// Not any more.
        #[arg(long, conflicts_with = "most")]
        off: bool,
        #[command(flatten)]
        signer: Signer,
    },
    /// The epochs of the key: who held it when, and whose old shares are gone.
    Epochs {
        /// The key's name.
        name: String,
        #[command(flatten)]
        reader: Reader,
    },
    /// What to do after a suspected compromise: is a reshare enough, or must the key be left?
    Advise {
        /// The key's name.
        name: String,
        /// A node that may have been read, and in which epoch: `node-1@3`; `node-1` alone means
        /// in any epoch. Repeat.
        #[arg(long = "touched", value_name = "NODE[@EPOCH]")]
        touched: Vec<String>,
        #[command(flatten)]
        reader: Reader,
    },
    /// End the key for ever: it signs nothing more, its shares are destroyed.
    Retire {
        /// The key's name.
        name: String,
        /// The key's name once more, where there is no terminal to ask at.
        #[arg(long, value_name = "NAME")]
        confirm: Option<String>,
        #[command(flatten)]
        signer: Signer,
    },
}

/// `ceremony ...`
#[derive(Debug, Subcommand)]
pub enum Ceremony {
    /// Everything that is under way.
    List(Reader),
    /// What is under way for one key: who did what, who is missing, what failed before.
    Show {
        /// The key's name.
        name: String,
        /// Stay until it is done.
        #[arg(long)]
        wait: bool,
        /// With `--wait`: so many seconds at most.
        #[arg(long, value_name = "SECONDS", default_value_t = 300)]
        timeout: u64,
        #[command(flatten)]
        reader: Reader,
    },
    /// Forget earlier failures and try again at once.
    Retry {
        /// The key's name.
        name: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// Withdraw what was ordered for a key and is not done.
    Void {
        /// The key's name.
        name: String,
        #[command(flatten)]
        signer: Signer,
    },
}

/// How long to stay.
#[derive(Debug, Clone, Copy, Args)]
pub struct Wait {
    /// So many seconds at most; what was ordered goes on without the caller.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub timeout: u64,
    /// Do not wait at all.
    #[arg(long)]
    pub no_wait: bool,
}

/// `evidence ...`
#[derive(Debug, Subcommand)]
pub enum Evidence {
    /// What a node can prove, and about whom.
    List(Reader),
    /// Fetch a piece as a file, verified.
    Get {
        /// Its name, as listed.
        evidence: String,
        /// The file to write.
        #[arg(long, short)]
        output: PathBuf,
        #[command(flatten)]
        reader: Reader,
    },
    /// Verify a file. Needs no node and no network.
    Verify(Offline),
}

/// `key handover ...`
#[derive(Debug, Subcommand)]
pub enum Handover {
    /// Fetch the certificate as a file, verified.
    Get {
        /// The key's name.
        name: String,
        /// Of which epoch. Without it: the newest.
        #[arg(long)]
        epoch: Option<u64>,
        /// The file to write.
        #[arg(long, short)]
        output: PathBuf,
        #[command(flatten)]
        reader: Reader,
    },
    /// Verify a file. Needs no node and no network.
    Verify(Offline),
}
