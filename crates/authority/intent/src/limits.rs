//! Every limit of this crate, with its intent.

/// Longest intent as a JSON text, in bytes: the longest field in base64 or hex, and room.
pub const JSON_BYTES_MAX: usize = 640 << 10;
/// Longest canonical encoding of an intent, in bytes.
pub const INTENT_BYTES_MAX: usize = PSBT_BYTES_MAX + 256;
/// Longest unsigned EVM transaction, in bytes: what public nodes still relay.
pub const EVM_BYTES_MAX: usize = 128 << 10;
/// Longest message, in bytes: a message is shown to people.
pub const MESSAGE_BYTES_MAX: usize = 64 << 10;
/// Longest PSBT, in bytes: it may carry the transactions that its inputs spend.
pub const PSBT_BYTES_MAX: usize = 256 << 10;
/// Most inputs of a Bitcoin transaction: each is one signature of a session.
pub const INPUTS_MAX: usize = 64;
/// Largest chain id: what EIP-2294 leaves, so that `v` of a legacy transaction fits 64 bits.
pub const CHAIN_ID_MAX: u64 = u64::MAX / 2 - 36;
/// Longest piece of a message that is shown in words, in characters; all of it is in the facts.
pub const SHOWN_CHARACTERS_MAX: usize = 1_024;
