//! The command line.

use crate::paper::Split;
use crate::secret::Kind;
use crate::token::TokenKind;
use crate::whole::{Format, KeyNetwork};
use clap::{ArgGroup, Args, Parser, Subcommand};
use quorate_identity::{GenesisHash, Name};
use std::path::PathBuf;

/// A custodian's hand, on a machine without a network: makes a recovery key, keeps it in a file or on
/// paper, shows that it is held, opens for a lost node what is backed up for it, and with the others
/// takes a whole key out of its domain.
#[derive(Debug, Parser)]
#[command(
    name = "quorate-recovery",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// Print JSON: one object.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a recovery key: FILE with the private half, sealed under a passphrase, and FILE.pub.
    Keygen(Keygen),
    /// Write FILE and FILE.pub again from pages that `keygen --paper` made.
    FromPaper(FromPaper),
    /// Tell what a file is, without any secret.
    Inspect {
        /// A key file, a public key, a page, challenges, answers, a part for a seat or a successor, a
        /// drill, a part of one, an export, or a backup.
        file: PathBuf,
    },
    /// Verify a backup: every certificate and every proof in it, with public data alone.
    Verify(Verify),
    /// Show the nodes that ask for it that the key is held here.
    Answer(Answer),
    /// Open what is yours: of a lost node's shares, for the machine to which the charter gave its seat;
    /// or of the keys of a lost domain, for the nodes of the one that succeeds it. For no other.
    Open(Open),
    /// Put one WHOLE key together and write it for other software: the way out, after which no node
    /// and no policy protects it.
    Combine(Combine),
    /// Take part in a drill: open what a backup has for practice, and nothing else.
    Drill(Drill),
    /// A key that the domain gave to somebody WHOLE: verify what its nodes gave, or open it as the one
    /// who gets it.
    #[command(subcommand)]
    Export(Export),
    /// Keep the private half in a token: a smartcard, a security key, an HSM.
    #[command(subcommand)]
    Token(TokenCommand),
}

/// The verbs of `token`.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Tell which tokens are there. No PIN is asked for.
    List {
        /// The PKCS #11 library that came with the token.
        #[arg(long, value_name = "PATH")]
        module: PathBuf,
    },
    /// Make a key in the token, which never leaves it.
    Keygen(TokenKeygen),
    /// Write the public half of a key that is in the token, once the token has shown that it opens.
    Public(TokenPublic),
}

/// Options of `token keygen`.
#[derive(Debug, Args)]
pub struct TokenKeygen {
    /// Where, and what it will be called there.
    #[command(flatten)]
    pub key: InToken,
    /// Which algorithm.
    #[arg(long, value_enum, default_value_t = TokenKind::P256)]
    pub kind: TokenKind,
}

/// Options of `token public`.
#[derive(Debug, Args)]
pub struct TokenPublic {
    /// Which key.
    #[command(flatten)]
    pub key: InToken,
    /// What the key is called in the domain: 1 to 32 characters of a-z, 0-9 and -.
    #[arg(long)]
    pub name: Name,
    /// Where to put the public half.
    #[arg(long, value_name = "FILE.pub")]
    pub output: PathBuf,
}

/// Options of `keygen`.
#[derive(Debug, Args)]
pub struct Keygen {
    /// What the key is called: 1 to 32 characters of a-z, 0-9 and -.
    #[arg(long)]
    pub name: Name,
    /// Which algorithm.
    #[arg(long, value_enum, default_value_t = Kind::Hybrid)]
    pub kind: Kind,
    /// Where the key goes.
    #[command(flatten)]
    pub keep: Keep,
    /// Make N pages besides, of which any K restore the key.
    #[arg(long, value_name = "K/N", requires = "paper_dir")]
    pub paper: Option<Split>,
    /// Where to put the pages, to be printed. Whoever has K of them has the key.
    #[arg(long, value_name = "DIR", requires = "paper")]
    pub paper_dir: Option<PathBuf>,
}

/// Options of `from-paper`.
#[derive(Debug, Args)]
pub struct FromPaper {
    /// Where the key goes.
    #[command(flatten)]
    pub keep: Keep,
    /// Pages, each typed into a file of its own.
    #[arg(required = true)]
    pub pages: Vec<PathBuf>,
}

/// Where a private half is kept.
#[derive(Debug, Args)]
pub struct Keep {
    /// The key file to write; FILE.pub gets the public half. Neither is ever overwritten.
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// File with the passphrase that seals it. Without it: a prompt, twice.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// Options of `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The backup.
    pub file: PathBuf,
    /// The genesis hash of the domain, from elsewhere: the words that its founders compared, a
    /// receipt, your own notes; never from the backup.
    #[arg(long, value_name = "HASH")]
    pub genesis: Option<GenesisHash>,
}

/// Options of `answer`.
#[derive(Debug, Args)]
pub struct Answer {
    /// The challenges, as they came from the domain.
    pub challenges: PathBuf,
    /// Whose private half answers.
    #[command(flatten)]
    pub held: Held,
    /// Where to put the answers, to be carried back.
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
}

/// Where the private half is that a command opens with: in a key file, or in a token.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("half").args(["key", "module"]).required(true)))]
pub struct Held {
    /// The key file.
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// File with the passphrase of the key file. Without it: a prompt.
    #[arg(long, value_name = "FILE", conflicts_with = "module")]
    pub passphrase_file: Option<PathBuf>,
    /// The key is in a token: the PKCS #11 library that came with it, which is trusted with the PIN.
    #[arg(long, value_name = "PATH", requires_all = ["token", "key_label"])]
    pub module: Option<PathBuf>,
    /// What the token is called.
    #[arg(long, value_name = "LABEL", conflicts_with = "key")]
    pub token: Option<String>,
    /// What the key is called in the token.
    #[arg(long, value_name = "LABEL", conflicts_with = "key")]
    pub key_label: Option<String>,
    /// File with the PIN of the token. Without it: a prompt.
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    pub pin_file: Option<PathBuf>,
}

/// A key in a token.
#[derive(Debug, Clone, Args)]
pub struct InToken {
    /// The PKCS #11 library that came with the token. It is trusted with the PIN.
    #[arg(long, value_name = "PATH")]
    pub module: PathBuf,
    /// What the token is called.
    #[arg(long, value_name = "LABEL")]
    pub token: String,
    /// What the key is called in the token.
    #[arg(long, value_name = "LABEL")]
    pub key_label: String,
    /// File with the PIN. Without it: a prompt.
    #[arg(long, value_name = "FILE")]
    pub pin_file: Option<PathBuf>,
}

impl Held {
    /// The key in a token, if it is one.
    pub fn in_token(&self) -> Option<InToken> {
        Some(InToken {
            module: self.module.clone()?,
            token: self.token.clone()?,
            key_label: self.key_label.clone()?,
            pin_file: self.pin_file.clone(),
        })
    }
}

/// Options of `open`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("for").args(["seat", "successor"]).required(true)))]
pub struct Open {
    /// The backup: for a seat one that was exported after the seat was given, for a successor the one
    /// from which it restores.
    pub file: PathBuf,
    /// The genesis hash of the domain that is backed up, from elsewhere: never from the backup.
    #[arg(long, value_name = "HASH")]
    pub genesis: Option<GenesisHash>,
    /// Open for one seat: the node that was lost.
    #[arg(long, value_name = "NODE")]
    pub seat: Option<Name>,
    /// Open for a whole new domain: its genesis file, signed by all its founders.
    #[arg(long, value_name = "FILE")]
    pub successor: Option<PathBuf>,
    /// What guardians of the lost domain signed with `quorate succession announce`, if they did.
    #[arg(long, value_name = "FILE", requires = "successor")]
    pub announcement: Option<PathBuf>,
    /// Whose private half opens.
    #[command(flatten)]
    pub held: Held,
    /// Where to put your part, to be carried to the new machine or machines.
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// The words were compared with those on the new machine, or with the founders: do not ask.
    #[arg(long)]
    pub yes: bool,
}

/// Options of `combine`.
#[derive(Debug, Args)]
pub struct Combine {
    /// The backup.
    pub file: PathBuf,
    /// The genesis hash of the domain, from elsewhere: never from the backup.
    #[arg(long, value_name = "HASH")]
    pub genesis: Option<GenesisHash>,
    /// The key, as the domain calls it.
    #[arg(long, value_name = "KEY-NAME")]
    pub name: Name,
    /// Which of its accounts.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub account: usize,
    /// Also if the domain retired the key.
    #[arg(long)]
    pub retired: bool,
    /// How it is written.
    #[command(flatten)]
    pub written: Written,
    /// Whose private halves open.
    #[command(flatten)]
    pub custodians: Custodians,
    /// Where to put the whole key.
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// What this means was read before: do not ask.
    #[arg(long)]
    pub yes: bool,
}

/// How a whole key is written.
#[derive(Debug, Args)]
pub struct Written {
    /// How it is written.
    #[arg(long, value_enum)]
    pub format: Format,
    /// For which coins, of xprv and wif: mainnet without it.
    #[arg(long, value_enum)]
    pub network: Option<KeyNetwork>,
    /// Leave the file unencrypted, which of xprv, wif and raw it always is.
    #[arg(long)]
    pub unencrypted: bool,
    /// File with the passphrase that seals the whole key. Without it: a prompt, twice.
    #[arg(long, value_name = "FILE", conflicts_with = "unencrypted")]
    pub output_passphrase_file: Option<PathBuf>,
}

/// The verbs of `export`.
#[derive(Debug, Subcommand)]
pub enum Export {
    /// Verify what nodes gave of a key: the charter, the certified epoch and every proof in it, with
    /// public data alone.
    Verify(ExportVerify),
    /// Put the WHOLE key together, as the one who gets it, and write it for other software.
    Open(Box<ExportOpen>),
}

/// Options of `export verify`.
#[derive(Debug, Args)]
pub struct ExportVerify {
    /// The export, as `quorate key export get` wrote it.
    pub file: PathBuf,
    /// The genesis hash of the domain, from elsewhere: never from the export.
    #[arg(long, value_name = "HASH")]
    pub genesis: Option<GenesisHash>,
}

/// Options of `export open`.
#[derive(Debug, Args)]
pub struct ExportOpen {
    /// The export, as `quorate key export get` wrote it.
    pub file: PathBuf,
    /// The genesis hash of the domain, from elsewhere: never from the export.
    #[arg(long, value_name = "HASH")]
    pub genesis: Option<GenesisHash>,
    /// Which of its accounts.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub account: usize,
    /// All of its accounts: OUTPUT.0, OUTPUT.1, and so on.
    #[arg(long, conflicts_with = "account")]
    pub all: bool,
    /// How it is written.
    #[command(flatten)]
    pub written: Written,
    /// Whose private half opens.
    #[command(flatten)]
    pub held: Held,
    /// Where to put the whole key.
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// What this means was read before: do not ask.
    #[arg(long)]
    pub yes: bool,
}

/// Where the private halves of several custodians are: in key files, in tokens, or both.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("halves").args(["key", "token"]).required(true).multiple(true)))]
pub struct Custodians {
    /// A custodian's key file; once for each.
    #[arg(long, value_name = "FILE")]
    pub key: Vec<PathBuf>,
    /// File with the passphrase of a key file; once for each, in their order. Without it: prompts.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub passphrase_file: Vec<PathBuf>,
    /// The PKCS #11 library that came with the tokens, which is trusted with the PINs.
    #[arg(long, value_name = "PATH", requires = "token")]
    pub module: Option<PathBuf>,
    /// What a custodian's token is called; once for each.
    #[arg(long, value_name = "LABEL", requires_all = ["module", "key_label"])]
    pub token: Vec<String>,
    /// What the key is called in the token; once for each token, in their order.
    #[arg(long, value_name = "LABEL", requires = "token")]
    pub key_label: Vec<String>,
    /// File with the PIN of a token; once for each, in their order. Without it: prompts.
    #[arg(long, value_name = "FILE", requires = "token")]
    pub pin_file: Vec<PathBuf>,
}

impl Custodians {
    /// Each alone, key files before tokens. `None` if there are more or fewer of something than of
    /// what it belongs to.
    pub fn each(&self) -> Option<Vec<Held>> {
        let passphrase_files = one_for_each(&self.passphrase_file, self.key.len())?;
        let pin_files = one_for_each(&self.pin_file, self.token.len())?;
        if self.key_label.len() != self.token.len() {
            return None;
        }
        let nothing = || Held {
            key: None,
            passphrase_file: None,
            module: None,
            token: None,
            key_label: None,
            pin_file: None,
        };
        let in_file = |(key, passphrase_file): (&PathBuf, Option<PathBuf>)| Held {
            key: Some(key.clone()),
            passphrase_file,
            ..nothing()
        };
        let files = self.key.iter().zip(passphrase_files).map(in_file);
        let labels = self.token.iter().zip(&self.key_label);
        let in_token = |((token, label), pin_file): ((&String, &String), Option<PathBuf>)| Held {
            module: self.module.clone(),
            token: Some(token.clone()),
            key_label: Some(label.clone()),
            pin_file,
            ..nothing()
        };
        Some(files.chain(labels.zip(pin_files).map(in_token)).collect())
    }
}

/// A file for each, or for none.
fn one_for_each(files: &[PathBuf], count: usize) -> Option<Vec<Option<PathBuf>>> {
    match files {
        [] => Some(vec![None; count]),
        _ => (files.len() == count).then(|| files.iter().cloned().map(Some).collect()),
    }
}

/// Options of `drill`.
#[derive(Debug, Args)]
pub struct Drill {
    /// The backup from which the drill was started.
    pub file: PathBuf,
    /// The drill, as `quorate drill start` wrote it.
    pub drill: PathBuf,
    /// The genesis hash of the domain, from elsewhere: never from the backup or the drill.
    #[arg(long, value_name = "HASH")]
    pub genesis: Option<GenesisHash>,
    /// Whose private half opens.
    #[command(flatten)]
    pub held: Held,
    /// Where to put your part, to be carried back.
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory;

    /// A verb whose arguments contradict each other would panic when somebody first types it.
    #[test]
    fn every_verb_can_be_typed() {
        Cli::command().debug_assert();
    }
}
