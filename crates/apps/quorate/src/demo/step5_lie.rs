//! Step 5: a lying coordinator.
//!
//! The liar is played with node-1's own identity: its transport key opens a channel to node-2,
//! and its proposal is right in everything but what is to be signed.

use super::step4_sign::spend;
use super::{SIGNED_MAX, Story, Told, WALLET, unexpected};
use crate::domain::{self, DomainDir};
use crate::failure::{Failure, Result};
use crate::sealed::{self, SealedNode};
use crate::session::Session;
use quorate_charter::State;
use quorate_client::contract::{RefusalView, RequestState, RequestView};
use quorate_codec::{Digest, Transcript, tag};
use quorate_identity::{Name, NodeId};
use quorate_machine::wire::{Message, SessionMessage, SessionStep, Target, Terms};
use quorate_transport::{MeshEvent, MeshHandle, MeshPlan, Peer};
use serde_json::json;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// Lets the liar propose, and shows the refusal.
pub async fn tell(story: &mut Story) -> Result<()> {
    let began = Instant::now();
    let progress = story.face.progress("node-1 lies");
    let honest = domain::name("node-2")?;
    story.running.end("node-1").await;
    story.running.end("node-3").await;
    let wallet = story.session(WALLET)?.at(&honest);
    let filed = story.ask(&wallet, "vault", &spend(story, "vault", 5)?).await?;
    allowed(&wallet, &filed).await?;
    let state = wallet.replay().await?;
    let refusal = {
        let liar = Liar::wake(&story.dir, &state, &honest).await?;
        let refusal = liar.propose(&wallet, &state, &filed).await;
        liar.mesh.shutdown().await;
        refusal?
    };
    drop(progress);
    let progress = story.face.progress("node-1 and node-3 come back, honest");
    story.running.revive("node-1").await?;
    story.running.revive("node-3").await?;
    let signed = story.signed(&wallet, &filed).await?;
    drop(progress);

    let text = "node-1 and node-3 are stopped, and a request that the policy allows is filed at \
                node-2. Somebody with node-1's own keys proposes to sign it, with another \
                transaction behind the same request. node-2 computed for itself what is to be \
                signed; it refuses, and says why. With honest nodes back, the request is signed \
                as it was asked for.";
    let lines = vec![
        format!("request {}", filed.request),
        format!("{} refused {}: {}", refusal.node, refusal.proposed_by, refusal.reason),
        format!("afterwards signed, {} signature", signed.signatures.len()),
    ];
    let evidence = json!({ "refusal": &refusal, "request": &signed });
    story.refusals.push(refusal);
    story.show(5, "A lying coordinator", began, Told { text: text.to_owned(), lines, evidence });
    Ok(())
}

/// Waits until node-2 has allowed the request itself.
async fn allowed(session: &Session, filed: &RequestView) -> Result<()> {
    let deadline = Instant::now() + SIGNED_MAX;
    while session.request(&filed.request).await?.state != RequestState::Signing {
        if deadline < Instant::now() {
            return Err(unexpected(&"node-2 did not allow a request that the policy allows"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Somebody who holds all of node-1's keys.
struct Liar {
    me: NodeId,
    target: NodeId,
    mesh: MeshHandle,
    connected: bool,
}

impl Liar {
    async fn wake(dir: &DomainDir, state: &State, honest: &Name) -> Result<Self> {
        let name = domain::name("node-1")?;
        let SealedNode { secrets, enrolment, .. } = {
            let (dir, name) = (dir.clone(), name.clone());
            crate::blocking(move || sealed::open_trial(&dir, &name)).await?
        };
        let target = state.node_named(honest).ok_or_else(|| unexpected(&"node-2 is unknown"))?;
        let address = dir.read_node(honest)?.peer.to_string();
        let peers = BTreeMap::from([(target.id, Peer { keys: target.keys, address })]);
        let plan = MeshPlan { me: enrolment.id(), peers, delay: Duration::ZERO };
        let listener = quorate_transport::listen((Ipv4Addr::LOCALHOST, 0).into()).await;
        let listener = listener.map_err(|error| transport(&error))?;
        let (mesh, mut events) = quorate_transport::start(&secrets, plan, listener)
            .map_err(|error| transport(&error))?;
        let up = async {
            loop {
                match events.recv().await {
                    Some(MeshEvent::Connected(_)) => return true,
                    Some(_) => {}
                    None => return false,
                }
            }
        };
        let connected = tokio::time::timeout(SIGNED_MAX, up).await.unwrap_or(false);
        // Whatever node-2 says to its peer is of no interest, but has to go somewhere.
        tokio::spawn(async move { while events.recv().await.is_some() {} });
        Ok(Self { me: enrolment.id(), target: target.id, mesh, connected })
    }

    /// Proposes to sign something else for the request until node-2 has refused.
    async fn propose(
        &self,
        session: &Session,
        state: &State,
        filed: &RequestView,
    ) -> Result<RefusalView> {
        if !self.connected {
            return Err(unexpected(&"the liar got no channel to node-2"));
        }
        let key = state.key_named(&filed.key).ok_or_else(|| unexpected(&"no such key"))?.key;
        let mut quorum = vec![self.me, self.target];
        quorum.sort();
        let terms = Terms {
            version: 1,
            genesis: state.genesis(),
            head: state.head(),
            target: Target::Request(filed.request),
            key,
            epoch_record: Digest::ZERO,
            payloads: another_transaction(),
            incarnations: vec![Digest::ZERO; quorum.len()],
            quorum,
            account: 0,
            presignatures: Vec::new(),
            path: Vec::new(),
            child_key: Vec::new(),
        };
        let deadline = Instant::now() + SIGNED_MAX;
        loop {
            let step = SessionStep::Propose {
                terms: terms.clone(),
                attempt: 0,
                first: crate::random_bytes::<32>().to_vec(),
                generations: Vec::new(),
            };
            let proposal = SessionMessage { run: Digest(crate::random_bytes()), step };
            self.mesh.send(self.target, quorate_codec::to_bytes(&Message::Session(proposal)));
            tokio::time::sleep(Duration::from_millis(100)).await;
            let view = session.request(&filed.request).await?;
            if let Some(refusal) = view.refusals.into_iter().next() {
                return Ok(refusal);
            }
            if deadline < Instant::now() {
                return Err(unexpected(&"node-2 did not refuse the lie"));
            }
        }
    }
}

/// What a session for another transaction would bind.
fn another_transaction() -> Digest {
    let digest = crate::random_bytes::<32>();
    let payload = [b"d".as_slice(), &digest].concat();
    Transcript::new(tag::INTENT).part("payloads").part("taproot-key-path").list([payload]).digest()
}

fn transport(error: &quorate_transport::TransportError) -> Failure {
    Failure::machine(error.code(), error, error.next())
}
