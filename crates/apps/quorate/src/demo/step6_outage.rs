//! Step 6: nodes die, signing goes on, stops, and goes on.

use super::intents::message;
use super::{Story, Told, WALLET, unexpected};
use crate::domain;
use crate::failure::Result;
use crate::session::{AUDITOR, Session};
use quorate_client::contract::{Outage, RequestState, Status, routes};
use quorate_identity::Name;
use serde_json::json;
use std::time::{Duration, Instant};

/// How long the demo looks at a request that cannot be signed.
const STUCK_FOR: Duration = Duration::from_secs(2);
/// A node that is gone is noticed within this time.
const NOTICED_MAX: Duration = Duration::from_secs(20);

/// Kills one signer, then a second, then brings both back.
pub async fn tell(story: &mut Story) -> Result<()> {
    let began = Instant::now();
    let progress = story.face.progress("killing nodes");
    let first = domain::name("node-1")?;

    story.running.kill("node-3").await;
    let one_down = story.sign("ops", &message("one signer is down")).await?;
    story.outages.push(Outage { down: names(&["node-3"])?, signed: true, missing: Vec::new() });

    story.running.kill("node-2").await;
    let wallet = story.session(WALLET)?.at(&first);
    let stuck = story.ask(&wallet, "ops", &message("two signers are down")).await?;
    let missing = missing(&story.session(AUDITOR)?.at(&first), "ops").await?;
    tokio::time::sleep(STUCK_FOR).await;
    let view = wallet.request(&stuck.request).await?;
    if view.state == RequestState::Signed {
        return Err(unexpected(&"one signer alone signed"));
    }
    let down = names(&["node-2", "node-3"])?;
    story.outages.push(Outage { down, signed: false, missing: missing.clone() });

    drop(progress);
    let progress = story.face.progress("the nodes come back");
    story.running.revive("node-2").await?;
    story.running.revive("node-3").await?;
    let afterwards = story.signed(&wallet, &stuck).await?;
    story.outages.push(Outage { down: Vec::new(), signed: true, missing: Vec::new() });
    drop(progress);

    let text = "One signer is killed as a power cut would: signing goes on. A second is killed: \
                signing stops, and status says what is missing. Both start again, each with a \
                new incarnation that the others recognise, and the same request is signed.";
    let lines = vec![
        format!("node-3 down          request {} signed", one_down.request),
        format!("node-2, node-3 down  request {} waits", stuck.request),
        format!("                     missing: {}", missing.join(", ")),
        format!("both back            request {} signed", afterwards.request),
    ];
    let evidence = json!({ "outages": &story.outages });
    story.show(
        6,
        "Nodes die and come back",
        began,
        Told { text: text.to_owned(), lines, evidence },
    );
    Ok(())
}

/// Waits until status says that the key cannot sign, and what is missing.
async fn missing(reader: &Session, key: &str) -> Result<Vec<String>> {
    let deadline = Instant::now() + NOTICED_MAX;
    loop {
        let status: Status = reader.get(routes::STATUS.path).await?;
        let stuck = status.keys.into_iter().find(|it| it.name.as_str() == key && !it.can_sign);
        match stuck {
            Some(key) => return Ok(key.missing),
            None if deadline < Instant::now() => {
                return Err(unexpected(&"the missing nodes were not noticed"));
            }
            None => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

fn names(names: &[&str]) -> Result<Vec<Name>> {
    names.iter().map(|name| domain::name(name)).collect()
}
