//! Bringing a key that exists already.

use super::lifecycle::Wait;
use super::{Reader, Signer};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// `key import begin|order|offer|deal|submit`
#[derive(Debug, Subcommand)]
pub enum Import {
    /// Offline: read the key, show its public point, make the importer's one-time identity.
    Begin {
        /// ecdsa-secp256k1, bip340, ed25519 or ecdsa-p256.
        #[arg(long)]
        scheme: String,
        #[command(flatten)]
        secret: Secret,
        /// Where to put the importer's identity, for `key import deal`. The key is not in it.
        #[arg(long, value_name = "FILE")]
        ceremony: PathBuf,
        /// Where to put what is ordered, for `key import order`. Public.
        #[arg(long, value_name = "FILE")]
        request: PathBuf,
    },
    /// File the motion that orders the import.
    Order {
        /// The key's name.
        name: String,
        /// What `key import begin` wrote.
        #[arg(long, value_name = "FILE")]
        request: PathBuf,
        /// Which nodes can sign, as a tree: `2 of (node-1, node-2, node-3)`.
        #[arg(long, value_name = "TREE")]
        access: String,
        /// How many of its nodes may be lost without losing the key. Without it: as many as the
        /// tree bears.
        #[arg(long)]
        faults: Option<u8>,
        #[command(flatten)]
        signer: Signer,
    },
    /// Fetch what the importer needs, once the import is ordered and all nodes are ready.
    Offer {
        /// The key's name.
        name: String,
        /// Where to put it. Public.
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
        /// Wait for the nodes, so many seconds at most.
        #[arg(long, value_name = "SECONDS", default_value_t = 60)]
        timeout: u64,
        #[command(flatten)]
        reader: Reader,
    },
    /// Offline: deal the key to the nodes of an offer, everything in it verified here.
    Deal {
        /// What `key import offer` wrote.
        #[arg(long, value_name = "FILE")]
        offer: PathBuf,
        /// The genesis hash of the domain, from a source that you trust and not from the offer.
        #[arg(long, value_name = "HASH")]
        genesis: String,
        /// What `key import begin` wrote.
        #[arg(long, value_name = "FILE")]
        ceremony: PathBuf,
        #[command(flatten)]
        secret: Secret,
        /// Where to put what was dealt. Sealed for the nodes, otherwise public.
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Bring what was dealt to the nodes, and wait until they refreshed it.
    Submit {
        /// The key's name.
        name: String,
        /// What `key import deal` wrote.
        #[arg(long, value_name = "FILE")]
        dealing: PathBuf,
        #[command(flatten)]
        wait: Wait,
        #[command(flatten)]
        signer: Signer,
    },
}

/// Where the key is read: from a file, from standard input, or at a prompt; never from an argument
/// or the environment.
#[derive(Debug, Args)]
pub struct Secret {
    /// How the key is written down.
    #[arg(long, value_enum)]
    pub format: Format,
    /// File with the key; `-` for standard input. Without it: a prompt.
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// File with the password of the keystore or PEM, or the passphrase of the mnemonic. Without
    /// it: a prompt for the former, and no passphrase for a mnemonic.
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Of a mnemonic: which key, `m/44'/60'/0'/0/0`.
    #[arg(long, required_if_eq("format", "mnemonic"))]
    pub path: Option<String>,
    /// Of WIF: mainnet, testnet, signet or regtest.
    #[arg(long, required_if_eq("format", "wif"))]
    pub network: Option<String>,
}

/// How a key is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The scalar, 64 hexadecimal digits.
    Raw,
    /// A seed of Ed25519 (RFC 8032), 64 hexadecimal digits.
    Seed,
    /// Bitcoin's wallet import format, compressed.
    Wif,
    /// English words (BIP-39), and a path below them.
    Mnemonic,
    /// Ethereum's encrypted keystore, version 3.
    Keystore,
    /// PEM as OpenSSL writes it, with a password or without: secp256k1, P-256 or Ed25519.
    Pem,
}
