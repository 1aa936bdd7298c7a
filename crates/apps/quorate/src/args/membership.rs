//! Nodes that come and go.

use super::{Reader, Signer};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The verbs of `node` that people run, not operators.
#[derive(Debug, Subcommand)]
pub enum Membership {
    /// Show what the enrolment of a node says, and its words.
    Inspect {
        /// The enrolment, as `node init` wrote it.
        file: PathBuf,
    },
    /// File the motion that admits a node, once its words were compared with those that its machine
    /// shows. It is on probation until `node resume`, unless you say otherwise.
    Admit {
        /// The enrolment, as `node init` wrote it.
        file: PathBuf,
        /// It votes at once, whether it runs or not.
        #[arg(long)]
        votes: bool,
        #[command(flatten)]
        declared: Declared,
        #[command(flatten)]
        faults: Faults,
        #[command(flatten)]
        signer: Signer,
    },
    /// Show the admission hash of a node, as each node of the domain has it: what the new node's
    /// operator types.
    Admission {
        /// The new node's name.
        name: String,
        #[command(flatten)]
        reader: Reader,
    },
    /// File the motion that lets a node vote, and sign if it is a signer: after probation, or after
    /// it was suspended. It must run what the others run.
    Resume {
        /// The node's name.
        name: String,
        /// It runs this program, by the digest of its file, and that is meant, whatever the others
        /// run.
        #[arg(long, value_name = "DIGEST")]
        program: Option<String>,
        #[command(flatten)]
        faults: Faults,
        #[command(flatten)]
        signer: Signer,
    },
    /// File the motion by which a node neither votes nor signs any more until it is resumed. It takes
    /// effect at once.
    Suspend {
        /// The node's name.
        name: String,
        #[command(flatten)]
        faults: Faults,
        #[command(flatten)]
        signer: Signer,
    },
    /// File the motion by which a node leaves for ever. It takes effect at once; then every key is
    /// shared anew by those who stay.
    Revoke {
        /// The node's name.
        name: String,
        #[command(flatten)]
        faults: Faults,
        #[command(flatten)]
        signer: Signer,
    },
    /// Say how a node gets new keys, step by step: they are made on the machine that will hold them, so
    /// no single command does it.
    Rotate {
        /// The node's name.
        name: String,
        #[command(flatten)]
        reader: Reader,
    },
    /// File the motion that says where and by whom a node is run: for `posture`, nothing else.
    Declare {
        /// The node's name.
        name: String,
        #[command(flatten)]
        declared: Declared,
        #[command(flatten)]
        signer: Signer,
    },
    /// File the motion that sets how many voters may lie.
    Faults {
        /// How many.
        faults: u8,
        #[command(flatten)]
        signer: Signer,
    },
    /// Note in this directory where people and services reach a node that joined.
    At {
        /// The node's name.
        name: String,
        /// Its address for people and services: `HOST:PORT`.
        #[arg(long)]
        api: String,
        #[command(flatten)]
        reader: Reader,
    },
    /// All nodes: their roles, whether they vote, what is declared of them.
    List(Reader),
}

/// Where and by whom a node is run.
#[derive(Debug, Clone, Args)]
pub struct Declared {
    /// Who runs it.
    #[arg(long, default_value = "")]
    pub operator: String,
    /// On whose machines: a cloud, a data centre.
    #[arg(long, default_value = "")]
    pub cloud: String,
    /// Under whose law.
    #[arg(long, default_value = "")]
    pub jurisdiction: String,
}

/// With the change of a node.
#[derive(Debug, Clone, Args)]
pub struct Faults {
    /// How many voters may lie from then on. Without it: as many as before.
    #[arg(long)]
    pub faults: Option<u8>,
}

/// What a node starts from that was admitted to a domain that exists.
#[derive(Debug, Clone, Args)]
pub struct Admitted {
    /// The charter, the first time, as `charter log --output` wrote it at any node: nothing of it is
    /// believed but what follows from the admission hash.
    #[arg(long, value_name = "FILE", requires = "admission")]
    pub charter: Option<PathBuf>,
    /// The admission hash that an administrator read to you from two nodes, the first time.
    #[arg(long, value_name = "HASH", requires = "charter", conflicts_with_all = ["genesis", "genesis_file"])]
    pub admission: Option<String>,
}
