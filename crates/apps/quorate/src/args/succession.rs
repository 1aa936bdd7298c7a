//! A domain that succeeds another one, whose nodes are lost.

use super::seal::Opening;
use super::seat::Arriving;
use super::{Reader, Signer};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `succession announce|list|refuse|claim|take|keys|forget`
#[derive(Debug, Subcommand)]
pub enum Succession {
    /// Guardians say that another domain takes over from this one, whose nodes are lost or can agree
    /// on nothing any more: each signs the same file, offline if they like; whoever signs last tells
    /// every node that answers. A node that hears it stops for good after the delay of a recovery.
    Announce(Announce),
    /// Successions that are announced, as one node heard them.
    List(Reader),
    /// File the motion by which administrators refuse an announced succession: this domain goes on.
    Refuse {
        /// The announcement, as `succession list` shows it.
        announcement: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// On a new machine, after `node init`: make the file by which it asks for its part of what
    /// restores the lost domain. Its founders put it into the new genesis.
    Claim {
        #[command(flatten)]
        arriving: Arriving,
        /// A key of the lost domain that is given up. Repeat, as in the genesis.
        #[arg(long = "omit", value_name = "KEY")]
        omitted: Vec<String>,
        /// The file to write.
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
    /// On every machine of the new domain, stopped, once it is founded: take up the keys of the lost
    /// one, with what custodians opened for this machine, if anything.
    Take {
        /// The node's name.
        name: String,
        /// The directory where `node init` put it.
        #[arg(long, default_value = "quorate-domain")]
        dir: PathBuf,
        /// The backup of the lost domain, the same for everybody.
        #[arg(long, value_name = "FILE")]
        backup: PathBuf,
        /// The genesis file of the new domain, the first time; later the stored one counts.
        #[arg(long, value_name = "FILE")]
        genesis_file: Option<PathBuf>,
        /// The genesis hash of the new domain, compared with the founders, the first time.
        #[arg(long, value_name = "HASH")]
        genesis: Option<String>,
        #[command(flatten)]
        opening: Opening,
        /// What custodians opened with `quorate-recovery open --successor`.
        parts: Vec<PathBuf>,
    },
    /// On a stopped machine: give up what custodians opened for it and what opens their parts, once
    /// no key is to be restored any more.
    Forget {
        /// The node's name.
        name: String,
        /// The directory where `node init` put it.
        #[arg(long, default_value = "quorate-domain")]
        dir: PathBuf,
        #[command(flatten)]
        opening: Opening,
    },
    /// The keys of the lost domain, and which of them are restored here.
    Keys {
        /// The backup of the lost domain.
        #[arg(long, value_name = "FILE")]
        backup: PathBuf,
        #[command(flatten)]
        reader: Reader,
    },
}

/// Options of `succession announce`.
#[derive(Debug, Args)]
pub struct Announce {
    /// The announcement: made where there is none, signed where there is one.
    pub file: PathBuf,
    /// The genesis file of the domain that takes over.
    #[arg(long, value_name = "FILE")]
    pub successor: PathBuf,
    /// Its genesis hash, compared with its founders; without it you are asked.
    #[arg(long, value_name = "HASH")]
    pub genesis: Option<String>,
    /// Why: a line that everybody reads, the first time.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    #[command(flatten)]
    pub signer: Signer,
}

/// What a genesis says of the domain that it succeeds.
#[derive(Debug, Args)]
pub struct Succeeds {
    /// The domain succeeds another one, whose nodes are lost: its backup, from which its keys are
    /// restored.
    #[arg(long = "succeeds", value_name = "FILE", requires_all = ["predecessor", "claims", "reason"])]
    pub backup: Option<PathBuf>,
    /// The genesis hash of that domain, from your own notes.
    #[arg(long, value_name = "HASH", requires = "backup")]
    pub predecessor: Option<String>,
    /// The claim of a signer, as `succession claim` wrote it: of two signers or more, and more than
    /// may lie. Repeat, each in its place: who founds anew keeps every machine in the place it had.
    #[arg(long = "claim", value_name = "FILE", requires = "backup")]
    pub claims: Vec<PathBuf>,
    /// A key of the lost domain that is given up: nothing of it is opened. Repeat.
    #[arg(long = "omit", value_name = "KEY", requires = "backup")]
    pub omitted: Vec<String>,
    /// Why, in a line that custodians read and that is shown for ever.
    #[arg(long, value_name = "TEXT", requires = "backup")]
    pub reason: Option<String>,
}

/// Options of `key restore`.
#[derive(Debug, Args)]
pub struct Restore {
    /// What the key was called in the lost domain.
    pub name: String,
    /// The backup of the lost domain.
    #[arg(long, value_name = "FILE")]
    pub backup: PathBuf,
    /// Which nodes can sign, as a tree: `2 of (node-1, node-2, node-3)`. Those who restore it must
    /// be in it, and satisfy it together.
    #[arg(long, value_name = "TREE")]
    pub access: String,
    /// How many of them may be lost without losing the key. Without it: as many as the tree bears.
    #[arg(long)]
    pub faults: Option<u8>,
    /// Call it by another name here.
    #[arg(long, value_name = "NAME")]
    pub called: Option<String>,
    #[command(flatten)]
    pub signer: Signer,
}
