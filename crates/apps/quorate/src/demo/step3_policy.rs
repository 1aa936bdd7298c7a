//! Step 3: what may be signed.

use super::{Story, Told};
use crate::failure::Result;
use crate::session::AUDITOR;
use crate::trial::set_policy;
use quorate_client::contract::{PolicyView, routes};
use serde_json::json;
use std::time::Instant;

/// Sets the policy by a motion.
pub async fn tell(story: &mut Story) -> Result<()> {
    let began = Instant::now();
    let progress = story.face.progress("a policy is being set");
    set_policy(&story.dir).await?;
    let policy: PolicyView = story.session(AUDITOR)?.get(routes::POLICY.path).await?;
    drop(progress);
    story.show(3, "A policy is set", began, told(&policy));
    Ok(())
}

fn told(policy: &PolicyView) -> Told {
    let text = "Two of three administrators signed the motion; every node compiled the policy and \
                ran its own test table before it voted. Ether up to 1 ETH to listed addresses \
                passes; more, or elsewhere, needs both approvers; calls and creations are denied \
                unless listed; PSBTs to listed addresses and messages under ops from \
                wallet-service pass; raw digests and all else are denied.";
    let lines =
        vec![format!("policy {}", policy.policy), format!("rules  {}", policy.rules.join(", "))];
    Told { text: text.to_owned(), lines, evidence: json!({ "policy": policy }) }
}
