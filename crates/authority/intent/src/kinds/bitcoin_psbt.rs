//! `bitcoin.psbt`: an unsigned Bitcoin transaction with the outputs it spends (BIP-174), all of
//! them the key's own: P2WPKH, P2SH-P2WPKH or P2PKH of an ECDSA key, BIP-86 P2TR of a BIP-340 key.

use super::{Content, Kind};
use crate::address::{
    Network, of_script, p2pkh_script, p2sh_p2wpkh_script, p2tr_script, p2wpkh_script,
};
use crate::decoded::{IntentFacts, SignatureEncoding, SignatureItem, SigningPayload};
use crate::error::{InputProblem, IntentError};
use crate::key::{Key, Verified};
use crate::limits::{INPUTS_MAX, PSBT_BYTES_MAX};
use crate::text::Base64;
use crate::words::{BITCOIN, amount_in_words};
use alloy_primitives::U256;
use bitcoin::hashes::Hash;
use bitcoin::psbt::{Input, Psbt, PsbtSighashType};
use bitcoin::script::{Builder, PushBytesBuf};
use bitcoin::sighash::{Prevouts, SighashCache};
use bitcoin::{
    Amount, EcdsaSighashType, OutPoint, ScriptBuf, TapSighashType, Transaction, TxIn, TxOut,
    Witness,
};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};


/// The network that addresses are written for, and the PSBT (INT-12).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BitcoinPsbt {
    #[n(0)]
    network: Network,
    #[n(1)]
    psbt: Base64<PSBT_BYTES_MAX>,
}

impl Kind for BitcoinPsbt {
    fn decode(&self, key: &Key) -> Result<Box<dyn Content>, IntentError> {
        let spender = Spender::new(key)?;
        let psbt = parse(self.psbt.bytes())?;
        let transaction = &psbt.unsigned_tx;
        let count = transaction.input.len();
        if !(1..=INPUTS_MAX).contains(&count) {
            return Err(IntentError::Inputs(count));
        }
        let mut spent = Vec::with_capacity(count);
        let mut outpoints = BTreeSet::new();
        for (input, (from, map)) in transaction.input.iter().zip(&psbt.inputs).enumerate() {
            let problem = |problem| IntentError::Input { input, problem };
            if from.previous_output.is_null() || !outpoints.insert(from.previous_output) {
                return Err(problem(InputProblem::Outpoint));
            }
            let coin = spender.coin(&from.previous_output, map, count).map_err(problem)?;
            spent.push(coin);
        }
        let outputs = outputs(transaction, &spender, self.network)?;
        let paid_in = sum(spent.iter().map(|coin| coin.output.value))?;
        let paid_out = sum(outputs.iter().map(|output| output.value))?;
        let fee = paid_in.checked_sub(paid_out).ok_or(IntentError::NegativeFee {
            inputs: paid_in.to_sat(),
            outputs: paid_out.to_sat(),
        })?;
        let payloads = spender.payloads(transaction, &spent)?;
        let transaction = spender.with_redeem_scripts(psbt.unsigned_tx, &spent);
        let network = self.network;
        Ok(Box::new(Parsed { network, spender, transaction, spent, outputs, fee, payloads }))
    }
}

/// Reads a PSBT to its last byte.
fn parse(mut bytes: &[u8]) -> Result<Psbt, IntentError> {
    let psbt = Psbt::deserialize_from_reader(&mut bytes);
    let psbt = psbt.map_err(|error| IntentError::Psbt(error.to_string()))?;
    if psbt.version != 0 {
        return Err(IntentError::Psbt(format!("version {}", psbt.version)));
    }
    if bytes.is_empty() { Ok(psbt) } else { Err(IntentError::PsbtTrailing) }
}

/// The key as a spender of coins.
#[derive(Debug)]
struct Spender {
    /// The key that signatures verify under.
    public_key: Vec<u8>,
    /// The key's output scripts, each with its form.
    scripts: Vec<(Form, ScriptBuf)>,
    scheme: SpenderScheme,
}

#[derive(Debug)]
enum SpenderScheme {
    /// What BIP-143 signs for, and P2SH-P2WPKH reveals.
    Ecdsa {
        p2wpkh: ScriptBuf,
    },
    P2tr {
        internal: [u8; 32],
        untweaked: ScriptBuf,
    },
}

/// How an output pays to the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    P2wpkh,
    P2shP2wpkh,
    P2pkh,
    P2tr,
}

/// One output that is spent.
#[derive(Debug)]
struct Coin {
    output: TxOut,
    form: Form,
    /// The sighash type byte that the signature ends with.
    sighash: Sighash,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sighash {
    /// Taproot only: everything, said by saying nothing.
    Default,
    All,
}

impl Spender {
    fn new(key: &Key) -> Result<Self, IntentError> {
        match key {
            Key::Ecdsa(ecdsa) => Ok(Self {
                public_key: key.bytes(),
                scripts: vec![
                    (Form::P2wpkh, p2wpkh_script(ecdsa)?),
                    (Form::P2shP2wpkh, p2sh_p2wpkh_script(ecdsa)?),
                    (Form::P2pkh, p2pkh_script(ecdsa)?),
                ],
                scheme: SpenderScheme::Ecdsa { p2wpkh: p2wpkh_script(ecdsa)? },
            }),
            Key::Bip340 { internal, output } => Ok(Self {
                public_key: output.to_vec(),
                scripts: vec![(Form::P2tr, p2tr_script(output)?)],
                scheme: SpenderScheme::P2tr {
                    internal: *internal,
                    untweaked: p2tr_script(internal)?,
                },
            }),
            Key::Ed25519(_) | Key::EcdsaP256(_) => {
                Err(key.unfit("bitcoin.psbt", "ecdsa-secp256k1 or bip340"))
            }
        }
    }

    /// Finds the coin of one input and makes sure that it is this key's to spend, whole and by
    /// its key alone.
    fn coin(&self, from: &OutPoint, map: &Input, count: usize) -> Result<Coin, InputProblem> {
        let signed = !map.partial_sigs.is_empty()
            || map.final_script_sig.is_some()
            || map.final_script_witness.is_some()
            || map.tap_key_sig.is_some()
            || !map.tap_script_sigs.is_empty();
        if signed {
            return Err(InputProblem::Signed);
        }
        let scripts = map.witness_script.is_some()
            || map.tap_merkle_root.is_some()
            || !map.tap_scripts.is_empty();
        if scripts {
            return Err(InputProblem::Script);
        }
        let output = spent_output(from, map)?;
        let form = self.check_owner(&output.script_pubkey, map)?;
        let only_witness = map.non_witness_utxo.is_none();
        if only_witness && (form == Form::P2pkh || (form != Form::P2tr && count > 1)) {
            return Err(InputProblem::NoPreviousTransaction);
        }
        Ok(Coin { output, form, sighash: self.sighash(map.sighash_type)? })
    }

    /// The script must be the very one that this node computes from the key (N-28).
    fn check_owner(&self, script: &ScriptBuf, map: &Input) -> Result<Form, InputProblem> {
        if let SpenderScheme::P2tr { internal, untweaked } = &self.scheme {
            if script == untweaked {
                return Err(InputProblem::Untweaked);
            }
            if map.tap_internal_key.is_some_and(|named| named.serialize() != *internal) {
                return Err(InputProblem::InternalKey);
            }
        }
        let form = self.form(script);
        match (&map.redeem_script, &self.scheme) {
            (None, _) => {}
            // The one script that P2SH-P2WPKH has; it hides nothing.
            (Some(redeem), SpenderScheme::Ecdsa { p2wpkh })
                if redeem == p2wpkh && form == Some(Form::P2shP2wpkh) => {}
            (Some(_), _) => return Err(InputProblem::Script),
        }
        form.ok_or(InputProblem::NotOurs)
    }

    /// The form of an output script, if it is the key's own.
    fn form(&self, script: &ScriptBuf) -> Option<Form> {
        self.scripts.iter().find(|(_, own)| own == script).map(|(form, _)| *form)
    }

    /// The transaction with what its id depends on and no signature decides: the scripts that
    /// P2SH-P2WPKH inputs reveal.
    fn with_redeem_scripts(&self, mut transaction: Transaction, spent: &[Coin]) -> Transaction {
        if let SpenderScheme::Ecdsa { p2wpkh } = &self.scheme {
            let inputs = transaction.input.iter_mut().zip(spent);
            for (input, _) in inputs.filter(|(_, coin)| coin.form == Form::P2shP2wpkh) {
                input.script_sig = pushes(&[p2wpkh.as_bytes()]);
            }
        }
        transaction
    }

    fn sighash(&self, asked: Option<PsbtSighashType>) -> Result<Sighash, InputProblem> {
        match (&self.scheme, asked.map(PsbtSighashType::to_u32)) {
            (SpenderScheme::Ecdsa { .. }, None | Some(1)) => Ok(Sighash::All),
            (SpenderScheme::P2tr { .. }, None | Some(0)) => Ok(Sighash::Default),
            (SpenderScheme::P2tr { .. }, Some(1)) => Ok(Sighash::All),
            _ => Err(InputProblem::Sighash),
        }
    }

    /// The digest of each input: that of the first Bitcoin for P2PKH, BIP-143 for P2WPKH, BIP-341
    /// over all spent outputs for taproot.
    fn payloads(
        &self,
        transaction: &Transaction,
        spent: &[Coin],
    ) -> Result<Vec<SigningPayload>, IntentError> {
        let prevouts: Vec<&TxOut> = spent.iter().map(|coin| &coin.output).collect();
        let mut cache = SighashCache::new(transaction);
        let digest = |(index, coin): (usize, &Coin)| {
            let digest = match (&self.scheme, coin.sighash) {
                (SpenderScheme::Ecdsa { .. }, _) if coin.form == Form::P2pkh => {
                    let all = EcdsaSighashType::All.to_u32();
                    let hash = cache.legacy_signature_hash(index, &coin.output.script_pubkey, all);
                    hash.ok().map(|hash| hash.to_byte_array())
                }
                (SpenderScheme::Ecdsa { p2wpkh }, _) => {
                    let (all, value) = (EcdsaSighashType::All, coin.output.value);
                    let hash = cache.p2wpkh_signature_hash(index, p2wpkh, value, all);
                    hash.ok().map(|hash| hash.to_byte_array())
                }
                (SpenderScheme::P2tr { .. }, sighash) => {
                    let sighash = match sighash {
                        Sighash::Default => TapSighashType::Default,
                        Sighash::All => TapSighashType::All,
                    };
                    let prevouts = Prevouts::All(&prevouts);
                    let hash = cache.taproot_key_spend_signature_hash(index, &prevouts, sighash);
                    hash.ok().map(|hash| hash.to_byte_array())
                }
            };
            let problem = InputProblem::NotOurs;
            let digest = digest.ok_or(IntentError::Input { input: index, problem })?;
            Ok(SigningPayload::Digest(digest))
        };
        spent.iter().enumerate().map(digest).collect()
    }

    fn is_taproot(&self) -> bool {
        matches!(self.scheme, SpenderScheme::P2tr { .. })
    }

    /// Puts the signature into an input, where its form wants it; the signature as callers see it.
    fn sign(&self, input: &mut TxIn, coin: &Coin, signature: &Verified) -> SignatureItem {
        let (encoding, bytes) = match self.scheme {
            SpenderScheme::Ecdsa { .. } => {
                // A verified signature has an r and s that encode.
                let der = k256::ecdsa::Signature::from_slice(&signature.bytes);
                let der = der.map(|signature| signature.to_der().as_bytes().to_vec());
                (SignatureEncoding::Der, der.unwrap_or_default())
            }
            SpenderScheme::P2tr { .. } => (SignatureEncoding::Bip340, signature.bytes.to_vec()),
        };
        let mut element = bytes.clone();
        element.extend((coin.sighash == Sighash::All).then_some(1));
        match coin.form {
            Form::P2pkh => input.script_sig = pushes(&[&element, &self.public_key]),
            Form::P2tr => input.witness = Witness::from_slice(&[element]),
            Form::P2wpkh | Form::P2shP2wpkh => {
                input.witness = Witness::from_slice(&[&element, &self.public_key]);
            }
        }
        let public_key = self.public_key.clone();
        SignatureItem { input: None, public_key, encoding, signature: bytes }
    }
}

/// A script that pushes these bytes, each at most 520.
fn pushes(items: &[&[u8]]) -> ScriptBuf {
    let push = |builder: Builder, item: &&[u8]| match PushBytesBuf::try_from(item.to_vec()) {
        Ok(bytes) => builder.push_slice(bytes),
        // Longer than any signature or key.
        Err(_) => builder,
    };
    items.iter().fold(Builder::new(), push).into_script()
}

/// The output that an input spends, as the PSBT has it. Where the whole previous transaction is
/// there, it must be the one that is named, and must say the same.
fn spent_output(from: &OutPoint, map: &Input) -> Result<TxOut, InputProblem> {
    let named = map.witness_utxo.clone();
    let Some(previous) = &map.non_witness_utxo else {
        return named.ok_or(InputProblem::NoUtxo);
    };
    let index = usize::try_from(from.vout).map_err(|_| InputProblem::WrongPreviousTransaction)?;
    let output = previous.output.get(index).filter(|_| previous.compute_txid() == from.txid);
    let output = output.ok_or(InputProblem::WrongPreviousTransaction)?;
    match named {
        Some(named) if named != *output => Err(InputProblem::Contradiction),
        _ => Ok(output.clone()),
    }
}

/// One output of the transaction.
#[derive(Debug)]
struct Payment {
    address: String,
    value: Amount,
    /// It goes back to the key itself.
    change: bool,
}

fn outputs(
    transaction: &Transaction,
    own: &Spender,
    network: Network,
) -> Result<Vec<Payment>, IntentError> {
    if transaction.output.is_empty() {
        return Err(IntentError::NoOutputs);
    }
    let payment = |(index, output): (usize, &TxOut)| {
        let address = of_script(&output.script_pubkey, network);
        let address = address.ok_or(IntentError::Output(index))?;
        Ok(Payment { address, value: output.value, change: own.form(&output.script_pubkey).is_some() })
    };
    transaction.output.iter().enumerate().map(payment).collect()
}

/// A sum of amounts that can exist.
fn sum(mut amounts: impl Iterator<Item = Amount>) -> Result<Amount, IntentError> {
    let add = |sum: Amount, next| sum.checked_add(next).filter(|sum| *sum <= Amount::MAX_MONEY);
    amounts.try_fold(Amount::ZERO, add).ok_or(IntentError::Amounts)
}

#[derive(Debug)]
struct Parsed {
    network: Network,
    spender: Spender,
    transaction: Transaction,
    spent: Vec<Coin>,
    outputs: Vec<Payment>,
    fee: Amount,
    payloads: Vec<SigningPayload>,
}

impl Parsed {
    /// Destinations other than the key, and what each receives in all outputs together.
    fn payments(&self) -> BTreeMap<&str, u64> {
        let mut payments = BTreeMap::new();
        for output in self.outputs.iter().filter(|output| !output.change) {
            // Their sum is below 21 million bitcoin.
            let sats = payments.entry(output.address.as_str()).or_insert(0_u64);
            *sats = sats.saturating_add(output.value.to_sat());
        }
        payments
    }
}

impl Content for Parsed {
    fn facts(&self) -> IntentFacts {
        let payments = self.payments();
        let amount = |sats: u64| vec![(BITCOIN.to_owned(), U256::from(sats))];
        IntentFacts {
            network: format!("bitcoin:{}", self.network),
            to: payments.keys().map(|address| (*address).to_owned()).collect(),
            moves: amount(payments.values().sum()),
            fees: amount(self.fee.to_sat()),
            ..IntentFacts::default()
        }
    }

    fn details(&self) -> Value {
        let inputs = self.transaction.input.iter().zip(&self.spent).map(|(input, coin)| {
            json!({
                "txid": input.previous_output.txid.to_string(),
                "vout": input.previous_output.vout,
                "sats": coin.output.value.to_sat().to_string(),
                "sequence": input.sequence.0,
            })
        });
        let outputs = self.outputs.iter().map(|output| {
            let sats = output.value.to_sat().to_string();
            json!({"address": output.address, "sats": sats, "change": output.change})
        });
        // The id of a transaction with P2PKH inputs depends on their signatures.
        let is_fixed = self.spent.iter().all(|coin| coin.form != Form::P2pkh);
        json!({
            "txid": is_fixed.then(|| self.transaction.compute_txid().to_string()),
            "version": self.transaction.version.0,
            "lock_time": self.transaction.lock_time.to_consensus_u32(),
            "inputs": inputs.collect::<Vec<_>>(),
            "outputs": outputs.collect::<Vec<_>>(),
            "fee_sats": self.fee.to_sat().to_string(),
        })
    }

    fn effect(&self) -> Vec<String> {
        let network = self.network;
        let mut lines: Vec<String> = self
            .payments()
            .into_iter()
            .map(|(address, sats)| format!("sends {} to {address} on {network}", bitcoin(sats)))
            .collect();
        let change = self.outputs.iter().filter(|output| output.change);
        let change: u64 = change.map(|output| output.value.to_sat()).sum();
        if change > 0 {
            lines.push(format!("returns {} to the key itself", bitcoin(change)));
        }
        let (fee, inputs) = (bitcoin(self.fee.to_sat()), self.spent.len());
        lines.push(format!("pays a fee of {fee}, out of {inputs} of the key's coins"));
        let lock_time = self.transaction.lock_time.to_consensus_u32();
        if lock_time != 0 && self.transaction.is_lock_time_enabled() {
            lines.push(format!("is not valid before lock time {lock_time}"));
        }
        lines
    }

    fn payloads(&self) -> Vec<SigningPayload> {
        self.payloads.clone()
    }

    fn is_taproot(&self) -> bool {
        self.spender.is_taproot()
    }

    /// The artifact is the signed raw transaction with all its witnesses.
    fn finish(&self, signatures: &[Verified]) -> (Vec<u8>, Vec<SignatureItem>) {
        let mut transaction = self.transaction.clone();
        let mut items = Vec::with_capacity(signatures.len());
        let inputs = transaction.input.iter_mut().zip(&self.spent).zip(signatures);
        for (index, ((input, coin), signature)) in (0_u32..).zip(inputs) {
            let item = self.spender.sign(input, coin, signature);
            items.push(SignatureItem { input: Some(index), ..item });
        }
        (bitcoin::consensus::serialize(&transaction), items)
    }
}

fn bitcoin(sats: u64) -> String {
    format!("{} ({sats} sats)", amount_in_words(BITCOIN, sats))
}
