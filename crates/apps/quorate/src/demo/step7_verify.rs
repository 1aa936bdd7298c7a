//! Step 7: the outside world agrees.
//!
//! Digests are computed here once more, by libraries that are not ours: Keccak by
//! `alloy-primitives`, Bitcoin's sighashes by `bitcoin`. Signatures on secp256k1 are verified by
//! libsecp256k1, those on Ed25519 by `ed25519-dalek`.

use super::{Story, Told, WALLET, unexpected};
use crate::commands::receipt;
use crate::domain::{make_dir, read_at_most};
use crate::failure::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bitcoin::psbt::Psbt;
use bitcoin::secp256k1::{Message, PublicKey, Secp256k1, XOnlyPublicKey, ecdsa, schnorr};
use bitcoin::sighash::{Prevouts, SighashCache};
use bitcoin::{EcdsaSighashType, TapSighashType, TxOut};
use quorate_client::contract::{Encoding, RequestView, SignatureView};
use quorate_codec::hex;
use serde_json::{Value, json};
use std::time::Instant;

/// Verifies every signature, and every receipt offline.
pub async fn tell(story: &mut Story) -> Result<()> {
    let began = Instant::now();
    let progress = story.face.progress("verifying");
    let session = story.session(WALLET)?;
    let genesis = session.founding().genesis();
    let folder = story.dir.path().join("receipts");
    make_dir(&folder)?;
    let mut lines = Vec::new();
    for request in &story.requests {
        let library = verify(request).ok_or_else(|| {
            unexpected(&format!("a signature of request {} does not verify", request.request))
        })?;
        let path = folder.join(format!("{}.receipt", request.request));
        receipt::get(&session, &request.request, &path).await?;
        // From the file, as anybody would who was handed it: no node is asked.
        let bytes = read_at_most(&path, u64::MAX - 1).map_err(|error| unexpected(&error))?;
        receipt::verify(&bytes, &genesis)?;
        let path = path.display().to_string();
        lines.push(format!("{:<9} {library:<13} {path}", request.key));
        story.receipts.push(path);
    }
    drop(progress);
    let text = "Every signature is verified by a library that is not ours, over a digest that is \
                computed anew from what was asked for. Every receipt is verified offline: genesis, \
                the charter up to the head relied on, the key's certified record, the request, \
                the approvals, each node's decision, the signatures.";
    let evidence = json!({ "receipts": &story.receipts });
    story.show(7, "Verified from outside", began, Told { text: text.to_owned(), lines, evidence });
    Ok(())
}

/// Which library verified the signatures of a request; nothing if one does not verify.
fn verify(request: &RequestView) -> Option<&'static str> {
    let intent = &request.intent;
    let verified = match intent.get("kind")?.as_str()? {
        "evm.transaction" => {
            let [signature] = request.signatures.as_slice() else { return None };
            let hash = alloy_primitives::keccak256(bytes(intent, "unsigned")?);
            ecdsa_verifies(signature, hash.0)
        }
        "bitcoin.psbt" => {
            let psbt = BASE64.decode(intent.get("psbt")?.as_str()?).ok()?;
            let psbt = Psbt::deserialize(&psbt).ok()?;
            let inputs = psbt.inputs.len();
            let signatures = &request.signatures;
            signatures.len() == inputs && signatures.iter().all(|it| spends(&psbt, it).is_some())
        }
        "message" => {
            let [signature] = request.signatures.as_slice() else { return None };
            ed25519_verifies(signature, &bytes(intent, "message")?)?;
            return Some("ed25519-dalek");
        }
        _ => return None,
    };
    verified.then_some("libsecp256k1")
}

fn bytes(intent: &Value, field: &str) -> Option<Vec<u8>> {
    hex::decode(intent.get(field)?.as_str()?).ok()
}

/// Whether a signature spends its input of a PSBT.
fn spends(psbt: &Psbt, signature: &SignatureView) -> Option<()> {
    let input = usize::try_from(signature.input?).ok()?;
    let spent: Vec<TxOut> =
        psbt.inputs.iter().map(|input| input.witness_utxo.clone()).collect::<Option<_>>()?;
    let mut cache = SighashCache::new(&psbt.unsigned_tx);
    let own = spent.get(input)?;
    let verified = match signature.encoding {
        Encoding::Der => {
            let all = EcdsaSighashType::All;
            let hash =
                cache.p2wpkh_signature_hash(input, &own.script_pubkey, own.value, all).ok()?;
            ecdsa_verifies(signature, *AsRef::<[u8; 32]>::as_ref(&hash))
        }
        Encoding::Bip340 => {
            let prevouts = Prevouts::All(&spent);
            let default = TapSighashType::Default;
            let hash = cache.taproot_key_spend_signature_hash(input, &prevouts, default).ok()?;
            let key = XOnlyPublicKey::from_slice(&signature.public_key.0).ok()?;
            let bytes = schnorr::Signature::from_slice(&signature.signature.0).ok()?;
            let message = Message::from_digest(*AsRef::<[u8; 32]>::as_ref(&hash));
            // The output itself must be to this key: a witness program of version 1.
            let program = own.script_pubkey.as_bytes().get(2..)?;
            let ours = own.script_pubkey.is_p2tr() && program == signature.public_key.0;
            ours && Secp256k1::verification_only().verify_schnorr(&bytes, &message, &key).is_ok()
        }
        Encoding::Rsv | Encoding::Ed25519 => false,
    };
    verified.then_some(())
}

fn ecdsa_verifies(view: &SignatureView, digest: [u8; 32]) -> bool {
    let bytes = view.signature.0.as_slice();
    let signature = match view.encoding {
        Encoding::Der => ecdsa::Signature::from_der(bytes).ok(),
        Encoding::Rsv => {
            bytes.get(..64).and_then(|bytes| ecdsa::Signature::from_compact(bytes).ok())
        }
        Encoding::Bip340 | Encoding::Ed25519 => None,
    };
    let key = PublicKey::from_slice(&view.public_key.0).ok();
    let message = Message::from_digest(digest);
    let verifies = |(signature, key): (ecdsa::Signature, PublicKey)| {
        Secp256k1::verification_only().verify_ecdsa(&message, &signature, &key).is_ok()
    };
    signature.zip(key).is_some_and(verifies)
}

fn ed25519_verifies(view: &SignatureView, message: &[u8]) -> Option<()> {
    let key = view.public_key.0.as_slice().try_into().ok()?;
    let key = ed25519_dalek::VerifyingKey::from_bytes(key).ok()?;
    let signature = ed25519_dalek::Signature::from_slice(&view.signature.0).ok()?;
    key.verify_strict(message, &signature).ok()
}
