//! Step 1: a domain is founded.

use super::{Story, Told, unexpected};
use crate::domain::DomainDir;
use crate::face::Face;
use crate::failure::Result;
use crate::session::{AUDITOR, Session};
use crate::trial::{self, Founding, Running, found, serving};
use quorate_client::contract::{Charter, DomainFile, routes};
use quorate_identity::words;
use serde_json::json;
use std::time::Instant;

/// Founds the domain, starts its nodes, and asks each one which genesis it replayed.
pub async fn tell(dir: &DomainDir, face: Face) -> Result<Story> {
    let began = Instant::now();
    let _progress = face.progress("founding a domain, and starting its nodes");
    let at = dir.clone();
    let founding = Founding { domain: "demo", ..Founding::default() };
    crate::blocking(move || found(&at, &founding)).await?;
    let running = Running::start(dir).await?;
    let file = dir.read()?;
    let reader = trial::session(dir, AUDITOR)?;
    let checked = check(&reader, &file).await;
    drop(_progress);
    if let Err(failure) = checked {
        running.stop().await;
        return Err(failure);
    }
    let story = Story {
        face,
        dir: dir.clone(),
        running,
        keys: Vec::new(),
        requests: Vec::new(),
        receipts: Vec::new(),
        denials: Vec::new(),
        refusals: Vec::new(),
        outages: Vec::new(),
    };
    story.show(1, "A domain is founded", began, told(&file));
    Ok(story)
}

/// Every node must have replayed the same genesis itself.
async fn check(reader: &Session, file: &DomainFile) -> Result<()> {
    serving(reader).await?;
    for node in &file.nodes {
        let charter: Charter = reader.at(&node.name).get(routes::CHARTER.path).await?;
        if charter.genesis != file.genesis {
            return Err(unexpected(&format!("{} runs another domain", node.name)));
        }
    }
    Ok(())
}

fn told(file: &DomainFile) -> Told {
    let text = "Three signers and a witness run, each a process of its own with its own \
                directory, identity and sealed store. The genesis names the administrators ada, \
                ben and cleo, the approvers alice and bob, and the service wallet-service. All \
                administrators signed it, all nodes countersigned it, and each node replayed it \
                itself.";
    let mut lines = vec![
        format!("genesis {}", file.genesis),
        format!("        {}", words(&file.genesis.digest()).join(" ")),
    ];
    lines.extend(
        file.nodes
            .iter()
            .map(|node| format!("{:<8} process {:<8} {}", node.name, node.pid, node.api)),
    );
    Told { text: text.to_owned(), lines, evidence: json!({ "domain": file }) }
}
