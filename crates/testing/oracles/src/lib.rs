//! The outside world that judges our signatures: programs that are not ours, driven from tests.
//!
//! | oracle | what it is | what it proves |
//! |---|---|---|
//! | [`Ethereum`] | anvil, read back through viem | a chain mines our transaction and the balances move |
//! | [`Bitcoin`] | Bitcoin Core's consensus kernel on a regtest chain | a block with our spend is valid, and is not with one byte flipped |
//! | [`Wallet`] | @scure/bip32 and @bitcoinerlab/descriptors | wallets find our addresses from what we export |
//! | [`BackupReader`] | `spec/backup.md` read once more, in Python without packages | a backup is what the page says |
//! | [`OpenSsl`] | the system's `openssl` | a signature of Ed25519 or of ECDSA on P-256 verifies |
//!
//! All but the last are scripts in `peers/` that speak JSON lines on their standard input and output;
//! each script's head lists its calls. Their packages are installed under `target/oracles` from the
//! hashed lock files beside the scripts by `cargo xtask test`, and from nowhere else. Where a
//! program is missing the test **fails** and says what installs it; nothing is skipped.
//!
//! ```text
//!   test ──▶ Ethereum ──{"call":"send",…}──▶ peers/ethereum.mjs ──▶ anvil
//!        ◀────────────── {"ok":{…}} ◀────────
//! ```
//!
//! A peer ends with its value here: its input closes and it leaves.
//!
//! What this crate does not do: it knows no type of ours. It takes hex and gives JSON.

mod backup;
mod bitcoin;
mod ethereum;
mod openssl;
mod peer;
mod wallet;

pub use backup::BackupReader;
pub use bitcoin::{Bitcoin, Coin, Verdict};
pub use ethereum::{Ethereum, Refusal};
pub use openssl::OpenSsl;
pub use peer::OracleError;
pub use wallet::Wallet;
