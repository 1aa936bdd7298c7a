//! Step 2: three keys that no machine ever holds.

use super::{Story, Told, unexpected};
use crate::commands::key::test_addresses;
use crate::domain;
use crate::failure::Result;
use crate::session::AUDITOR;
use crate::trial::{KEYS, active, order_keys};
use quorate_client::contract::KeyView;
use quorate_intent::KeyFacts;
use serde_json::json;
use std::time::Instant;

/// Orders the keys by motions and waits until each has signed its birth message.
pub async fn tell(story: &mut Story) -> Result<()> {
    let began = Instant::now();
    let progress = story.face.progress("three keys are being made, jointly");
    order_keys(&story.dir, &KEYS, 2, 1).await?;
    let reader = story.session(AUDITOR)?;
    for (name, _) in KEYS {
        let mut view = active(&reader, &domain::name(name)?).await?;
        let public_key = view.public_key.clone().ok_or_else(|| unexpected(&"no public key"))?;
        let facts = KeyFacts { scheme: view.scheme, public_key: public_key.0 };
        view.addresses = Some(test_addresses(&facts)?);
        story.keys.push(view);
    }
    drop(progress);
    story.show(2, "Three keys are made", began, told(&story.keys));
    Ok(())
}

fn told(keys: &[KeyView]) -> Told {
    let text = "Two administrators signed a motion for each key. The nodes made it jointly: each \
                dealt, each verified all others, and a quorum signed the key's birth message \
                before the key counts. No machine holds a key, now or ever; any two of the three \
                signers can use it.";
    let mut lines = Vec::new();
    for key in keys {
        lines.push(format!("{:<9} {:<16} {}", key.key, key.scheme, key.access));
        let addresses = key.addresses.iter().flat_map(|addresses| {
            [&addresses.ethereum, &addresses.p2wpkh, &addresses.p2tr].into_iter().flatten()
        });
        lines.extend(addresses.map(|address| format!("          {address}")));
    }
    Told { text: text.to_owned(), lines, evidence: json!({ "keys": keys }) }
}
