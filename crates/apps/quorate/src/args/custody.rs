//! Who restores what is lost.

use super::{Reader, Signer};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `custodian list|challenges|answer|set`
#[derive(Debug, Subcommand)]
pub enum Custodian {
    /// Who restores what, and who has shown every node that the recovery key is held.
    List(Reader),
    /// Collect what the nodes ask a custodian to show, as a file for the machine with the recovery
    /// key: `quorate-recovery answer` answers it there.
    Challenges {
        /// The custodian's name.
        name: String,
        /// Of the key that this motion would enrol. Without it: of the key that the charter has.
        #[arg(long, value_name = "MOTION")]
        motion: Option<String>,
        /// The file to write.
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        reader: Reader,
    },
    /// Bring a custodian's answers to the nodes that asked.
    Answer {
        /// The file that `quorate-recovery answer` wrote.
        file: PathBuf,
        #[command(flatten)]
        signer: Signer,
    },
    /// File the motion that sets who restores: in place of those before, all of them.
    Set {
        #[command(flatten)]
        custody: Custody,
        /// Who will be more than one of administrator, approver, auditor, operator and custodian,
        /// and was not before. Repeat.
        #[arg(long = "except", value_name = "NAME")]
        excepted: Vec<String>,
        #[command(flatten)]
        signer: Signer,
    },
}

/// Custodians and recovery trees, as they are typed.
#[derive(Debug, Clone, Args)]
pub struct Custody {
    /// A custodian's public recovery key: FILE.pub, as `quorate-recovery keygen` wrote it. Repeat.
    #[arg(long = "custodian", value_name = "FILE", required = true)]
    pub custodians: Vec<PathBuf>,
    /// `NAME=TIME`: a custodian is to get another key, or to have held a drill, within so long:
    /// `greta=400d`. Repeat.
    #[arg(long = "expires", value_name = "NAME=TIME")]
    pub expires: Vec<String>,
    /// Which custodians restore shares, as a tree. Without it: more than half.
    #[arg(long, value_name = "TREE")]
    pub seats: Option<String>,
    /// Which custodians restore keys from the backup that outlives their epochs, as a tree. Without it:
    /// as for shares.
    #[arg(long, value_name = "TREE")]
    pub keys: Option<String>,
}
