//! What is wrong with an intent. Always the fault of who made it; the texts end with what to do.

use crate::limits;
use quorate_identity::Scheme;

/// Why an intent is refused, or its signatures are. The caller's fault; texts are safe to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntentError {
    /// A message that only nodes sign for themselves.
    #[error(
        "messages that begin with `quorate.birth/v1` are signed by nodes for themselves alone; sign another one"
    )]
    Reserved,
    /// The JSON is not an intent: malformed, unknown or repeated fields, unknown kind.
    #[error("not an intent: {0}; see spec/intent.md for the fields of each kind")]
    Json(String),
    /// The JSON text is too long.
    #[error(
        "the intent is {got} bytes of JSON, at most {max} are read; split it",
        max = limits::JSON_BYTES_MAX
    )]
    TooLong {
        /// Its length.
        got: usize,
    },
    /// The kind cannot be signed with a key of this scheme.
    #[error("{kind} cannot be signed with a key for {scheme}; use a key for {needed}")]
    Scheme {
        /// The kind of intent.
        kind: &'static str,
        /// The key's scheme.
        scheme: Scheme,
        /// The schemes that can.
        needed: &'static str,
    },
    /// The public key is not one of its scheme.
    #[error("not a valid public key for {0}; give the key as `key show` prints it")]
    Key(Scheme),
    /// The bytes are no unsigned EVM transaction.
    #[error(
        "the unsigned transaction is malformed ({0}); give the RLP that is signed, such as viem's \
         serializeTransaction of an unsigned transaction"
    )]
    Rlp(String),
    /// The bytes mean a transaction whose one encoding is different.
    #[error(
        "the unsigned transaction is not in its canonical encoding; encode it again, and without a \
         signature"
    )]
    NotCanonical,
    /// A transaction type that is not signed here.
    #[error(
        "transaction type {0:#04x} is not supported; use a legacy (EIP-155), 0x01 (EIP-2930) or \
         0x02 (EIP-1559) transaction"
    )]
    TransactionType(u8),
    /// A legacy transaction that is valid on every chain.
    #[error(
        "the legacy transaction names no chain and would be valid on all of them; encode it in its \
         EIP-155 form"
    )]
    NoChain,
    /// The chain id of the intent is not that of the transaction.
    #[error(
        "the intent says chain {stated}, the transaction is for chain {inside}; make them the same"
    )]
    ChainId {
        /// What the intent says.
        stated: u64,
        /// What the bytes say.
        inside: u64,
    },
    /// A chain id that no chain has.
    #[error("chain id {0} is not one (1 to {max}); correct it", max = limits::CHAIN_ID_MAX)]
    ChainIdRange(u64),
    /// The priority fee is more than the whole fee.
    #[error("the priority fee is above the maximum fee, no chain takes that; lower it")]
    PriorityFee,
    /// A nonce that no account reaches.
    #[error("the nonce is 2^64 - 1, no chain takes that (EIP-2681); use the account's next nonce")]
    Nonce,
    /// The bytes are no PSBT.
    #[error(
        "the PSBT is malformed ({0}); give a version 0 PSBT (BIP-174) of an unsigned transaction"
    )]
    Psbt(String),
    /// Bytes follow the PSBT.
    #[error("bytes follow the PSBT; remove them")]
    PsbtTrailing,
    /// The transaction has no inputs, or too many.
    #[error("the transaction has {0} inputs; one to {max} are signed at once", max = limits::INPUTS_MAX)]
    Inputs(usize),
    /// The transaction has no outputs.
    #[error("the transaction has no outputs; add one")]
    NoOutputs,
    /// Something is wrong with one input.
    #[error("input {input}: {problem}")]
    Input {
        /// Its index.
        input: usize,
        /// What is wrong.
        problem: InputProblem,
    },
    /// An output pays to a script without an address, so nobody could be shown where it goes.
    #[error("output {0} has no address; pay to an address")]
    Output(usize),
    /// The outputs take more than the inputs bring.
    #[error("the outputs take {outputs} sats, the inputs bring {inputs}; lower the outputs")]
    NegativeFee {
        /// Sum of the inputs, in sats.
        inputs: u64,
        /// Sum of the outputs, in sats.
        outputs: u64,
    },
    /// Amounts beyond all bitcoin that will exist.
    #[error("the amounts exceed 21 million bitcoin; correct them")]
    Amounts,
    /// Another number of signatures than payloads.
    #[error("{got} signatures for {needed} payloads; bring one for each, in order")]
    SignatureCount {
        /// How many came.
        got: usize,
        /// How many there must be.
        needed: usize,
    },
    /// A signature does not verify under the key over what was decoded.
    #[error("signature {0} does not verify under the key; it was made for something else")]
    Signature(usize),
}

/// What is wrong with one input of a Bitcoin transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InputProblem {
    /// The output that it spends is not in the PSBT.
    #[error("the output it spends is missing; add its witness UTXO")]
    NoUtxo,
    /// The whole previous transaction is needed.
    #[error(
        "an ECDSA signature commits to the amount of its own input at most (P2PKH: to none), so the \
         fee could be hidden; add the non-witness UTXO of each input"
    )]
    NoPreviousTransaction,
    /// The previous transaction is another one, or lacks the output.
    #[error("the non-witness UTXO is not the transaction it spends; correct it")]
    WrongPreviousTransaction,
    /// Witness UTXO and previous transaction disagree.
    #[error("the witness UTXO contradicts the non-witness UTXO; correct it")]
    Contradiction,
    /// The key cannot spend it.
    #[error(
        "the output it spends is not the key's own at this path; for an ECDSA key it must be its \
         P2WPKH, P2SH-P2WPKH or P2PKH output, for a BIP-340 key its BIP-86 P2TR output (`key \
         address`)"
    )]
    NotOurs,
    /// A taproot output whose key was not tweaked: it may hide a script.
    #[error(
        "the output key is the key itself, untweaked, so a script path cannot be ruled out; move the \
         coins to the address that `key address` shows"
    )]
    Untweaked,
    /// It asks for a script path or another kind of script.
    #[error(
        "it carries scripts (redeem but that of P2SH-P2WPKH, witness, or taproot script path); only \
         key spends are signed"
    )]
    Script,
    /// The internal key named is another one.
    #[error("the taproot internal key is another one; correct it")]
    InternalKey,
    /// It asks for another sighash type.
    #[error("it asks for another sighash type than ALL (taproot: DEFAULT or ALL); remove that")]
    Sighash,
    /// It has signatures already.
    #[error("it carries signatures already; give the unsigned PSBT")]
    Signed,
    /// It is spent twice in the same transaction, or is no output at all.
    #[error("it spends the same output as another input, or none; remove it")]
    Outpoint,
}
