//! Step 4: what passes, what waits, what is denied.

use super::intents::{Ether, ether, message, psbt};
use super::{SIGNED_MAX, Story, Told, WALLET, unexpected};
use crate::commands::request::{read, state_text, submit_vote, wait};
use crate::face::short;
use crate::failure::Result;
use alloy_primitives::{Address, address};
use bitcoin::{Address as BitcoinAddress, Network, ScriptBuf};
use quorate_client::contract::{Denial, OutcomeView, RequestState, RequestView};
use quorate_policy::request::Verdict;
use serde_json::json;
use std::time::Instant;

/// A listed destination of ether: the second account of a development chain.
pub const PAYEE: Address = address!("70997970C51812dc3A010C7d01b50e0d17dc79C8");
/// A listed destination of bitcoin.
pub const BITCOIN_PAYEE: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
/// A contract that no list names.
const UNLISTED: Address = address!("5FbDB2315678afecb367f032d93F642f64180aa3");
/// `approve(address,uint256)`, the beginning of many thefts.
const APPROVE_SELECTOR: [u8; 4] = [0x09, 0x5e, 0xa7, 0xb3];

/// Signs what may be signed, and shows what may not.
pub async fn tell(story: &mut Story) -> Result<()> {
    let began = Instant::now();
    let progress = story.face.progress("signing");
    let small = Ether { nonce: 0, to: PAYEE, value: ether(500), data: &[] };
    let small = story.sign("treasury", &small.intent()).await?;
    let (waited_for, large) = large(story).await?;
    let denied = forbidden(story).await?;
    let taproot = story.sign("vault", &spend(story, "vault", 1)?).await?;
    let p2wpkh = story.sign("treasury", &spend(story, "treasury", 2)?).await?;
    let greeting = message("deploy 2026.11 approved");
    let signed_message = story.sign("ops", &greeting).await?;
    drop(progress);

    let mut lines: Vec<String> =
        [&small, &large, &taproot, &p2wpkh, &signed_message].map(line).into();
    lines.insert(1, format!("the large one waited for {waited_for}"));
    lines.push(line(&denied.request));
    lines.push(format!("  denied by rule {}: {}", denied.rule, denied.reason));
    let text = "A transfer of 0.5 ETH is signed with nobody asked. One of 25 ETH waits, says for \
                whom, is approved by both approvers, each of whom decoded the bytes on their own, \
                and is signed. A token approval to an unlisted contract is denied, and the \
                deciding rule is named. A PSBT is signed on vault's taproot key path, another on \
                treasury's P2WPKH, and a message with ops.";
    let evidence = json!({
        "signed": [&small, &large, &taproot, &p2wpkh, &signed_message],
        "waited_for": waited_for,
        "denied": &denied,
    });
    story.denials.push(denied);
    story.show(4, "Signatures", began, Told { text: text.to_owned(), lines, evidence });
    Ok(())
}

/// A large transfer: it waits, says for whom, is approved by both, is signed.
async fn large(story: &mut Story) -> Result<(String, RequestView)> {
    let wallet = story.session(WALLET)?;
    let intent = Ether { nonce: 1, to: PAYEE, value: ether(25_000), data: &[] }.intent();
    let filed = story.ask(&wallet, "treasury", &intent).await?;
    let view = judged(&wallet, &filed).await?;
    let waits = view.waiting_for.first().ok_or_else(|| unexpected(&"it waits for nobody"))?;
    let people: Vec<&str> = waits.people.iter().map(quorate_identity::Name::as_str).collect();
    let waited_for = format!("{} of {} (rule {})", waits.needed, people.join(", "), waits.rule);
    for approver in ["alice", "bob"] {
        let session = story.session(approver)?;
        let reading = read(&session, &filed.request).await?;
        submit_vote(&session, &reading, Verdict::Approve).await?;
    }
    Ok((waited_for, story.signed(&wallet, &filed).await?))
}

/// Waits until the answering node has judged a request that is to wait for people.
async fn judged(session: &crate::session::Session, filed: &RequestView) -> Result<RequestView> {
    let deadline = Instant::now() + SIGNED_MAX;
    loop {
        let view = session.request(&filed.request).await?;
        if !view.waiting_for.is_empty() || view.state.is_terminal() || deadline < Instant::now() {
            return Ok(view);
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// A token approval to a contract that no list names.
async fn forbidden(story: &mut Story) -> Result<Denial> {
    let wallet = story.session(WALLET)?;
    let data = [&APPROVE_SELECTOR[..], &[0; 12], PAYEE.as_slice(), &[0xff; 32]].concat();
    let call = Ether { nonce: 2, to: UNLISTED, value: ether(0), data: &data };
    let filed = story.ask(&wallet, "treasury", &call.intent()).await?;
    let request = wait(&wallet, &filed.request, SIGNED_MAX).await?;
    if request.state != RequestState::Denied {
        return Err(unexpected(&"a forbidden call was not denied"));
    }
    let decision = request.decisions.iter().find(|it| it.outcome == OutcomeView::Deny);
    let decision = decision.ok_or_else(|| unexpected(&"no node says why"))?;
    let (rule, reason) = (decision.rule.clone(), decision.reason.clone());
    Ok(Denial { rule, reason, request })
}

/// A PSBT that spends an output of the key and pays a listed address.
pub fn spend(story: &Story, key: &str, coin: u8) -> Result<serde_json::Value> {
    let addresses = story.key(key)?.addresses.clone().unwrap_or_default();
    let own = addresses.p2tr.or(addresses.p2wpkh).unwrap_or_default();
    Ok(psbt(script(&own)?, script(BITCOIN_PAYEE)?, [0, 0, 0, coin]))
}

/// The output script of an address for trying things out.
///
/// # Errors
/// None for addresses that were made here.
pub fn script(address: &str) -> Result<ScriptBuf> {
    let parsed = address.parse::<BitcoinAddress<_>>().map_err(|error| unexpected(&error))?;
    let checked = parsed.require_network(Network::Regtest).map_err(|error| unexpected(&error))?;
    Ok(checked.script_pubkey())
}

fn line(view: &RequestView) -> String {
    let effect = view.effect.first().map_or("", String::as_str);
    format!("{}  {:<8} {:<9} {effect}", short(&view.request), state_text(view.state), view.key)
}
