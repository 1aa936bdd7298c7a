//! The whole story in under a minute, with real processes and the evidence to look at. A file a
//! step; each step ends with one short paragraph.

pub mod intents;
mod step1_found;
mod step2_keys;
mod step3_policy;
pub mod step4_sign;
mod step5_lie;
mod step6_outage;
mod step7_verify;

use crate::args::Demo;
use crate::commands::request::{file, wait};
use crate::domain::DomainDir;
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::session::Session;
use crate::signals::Signals;
use crate::trial::{self, Running};
use quorate_client::contract::{
    DemoEnd, Denial, KeyView, Outage, RefusalView, RequestState, RequestView,
};
use quorate_intent::Intent;
use serde::Serialize;
use serde_json::Value;
use std::fs;
use std::time::{Duration, Instant};

/// Longest time that any one request of the story takes.
const SIGNED_MAX: Duration = Duration::from_secs(40);
/// When the demo's requests expire.
const EXPIRES_IN: Duration = Duration::from_secs(3_600);
/// The program that asks.
const WALLET: &str = "wallet-service";

/// Tells the story.
///
/// # Errors
/// The first step that did not end as it should.
pub async fn run(options: Demo, face: Face) -> Result<()> {
    let path = options.dir.unwrap_or_else(|| {
        std::env::temp_dir().join(format!("quorate-demo-{}", std::process::id()))
    });
    // Only what this run makes is ever removed again.
    let removable = !options.keep && !path.exists();
    let dir = DomainDir::new(path);
    let mut signals = Signals::new()?;
    let told = tokio::select! {
        told = tell(&dir, face) => told,
        () = signals.ended() => Err(interrupted()),
    };
    if removable {
        // A node that is still ending may leave a file behind; the system cleans its folder up.
        let _ = fs::remove_dir_all(dir.path());
    } else if told.is_ok() {
        let dir = dir.path().display();
        face.tell(&format!("\nKept in {dir}. Go on with it: quorate up --dir {dir}"));
    }
    told
}

/// What has happened so far, and what runs.
pub struct Story {
    face: Face,
    dir: DomainDir,
    running: Running,
    keys: Vec<KeyView>,
    requests: Vec<RequestView>,
    receipts: Vec<String>,
    denials: Vec<Denial>,
    refusals: Vec<RefusalView>,
    outages: Vec<Outage>,
}

/// One step as programs see it.
#[derive(Serialize)]
struct Step {
    step: u8,
    title: &'static str,
    text: String,
    evidence: Value,
    seconds: f64,
}

async fn tell(dir: &DomainDir, face: Face) -> Result<()> {
    face.tell(
        "One person acts as all operators, administrators and approvers here, on one machine, \
         to try things out.\nReal founding is `quorate genesis` and `quorate node init`, each on \
         its own machine.\n",
    );
    let mut story = step1_found::tell(dir, face).await?;
    let told = remaining_steps(&mut story).await;
    let Story { running, keys, requests, receipts, denials, refusals, outages, .. } = story;
    running.stop().await;
    told?;
    let domain = dir.read()?;
    let end = DemoEnd {
        ok: true,
        domain: domain.domain,
        genesis: domain.genesis,
        dir: dir.path().display().to_string(),
        keys,
        requests,
        receipts,
        denials,
        refusals,
        outages,
    };
    face.show(&end, |_| "All seven steps ended as they should.".to_owned());
    Ok(())
}

async fn remaining_steps(story: &mut Story) -> Result<()> {
    step2_keys::tell(story).await?;
    step3_policy::tell(story).await?;
    step4_sign::tell(story).await?;
    step5_lie::tell(story).await?;
    step6_outage::tell(story).await?;
    step7_verify::tell(story).await
}

impl Story {
    /// Shows a step: its number and title, what happened, and what to look at.
    fn show(&self, step: u8, title: &'static str, began: Instant, told: Told) {
        let seconds = began.elapsed().as_secs_f64();
        let step = Step { step, title, text: told.text, evidence: told.evidence, seconds };
        self.face.show(&step, |step| {
            let evidence: Vec<String> =
                told.lines.iter().map(|line| format!("     {line}\n")).collect();
            let (number, title, text) = (step.step, step.title, wrap(&step.text));
            format!("{number}. {title} ({seconds:.1} s)\n{text}\n{}", evidence.concat())
        });
    }

    /// A session of somebody of the story.
    fn session(&self, who: &str) -> Result<Session> {
        trial::session(&self.dir, who)
    }

    /// Files a request as the wallet.
    async fn ask(&self, session: &Session, key: &str, intent: &Value) -> Result<RequestView> {
        let intent = Intent::from_value(intent).map_err(|error| unexpected(&error))?;
        file(session, key, intent, EXPIRES_IN, None).await
    }

    /// Files a request as the wallet and waits for the signature.
    async fn sign(&mut self, key: &str, intent: &Value) -> Result<RequestView> {
        let session = self.session(WALLET)?;
        let filed = self.ask(&session, key, intent).await?;
        self.signed(&session, &filed).await
    }

    /// Waits for the signature of a request.
    async fn signed(&mut self, session: &Session, filed: &RequestView) -> Result<RequestView> {
        let view = wait(session, &filed.request, SIGNED_MAX).await?;
        if view.state != RequestState::Signed {
            return Err(crate::commands::request::refused(&view)
                .unwrap_or_else(|| unexpected(&"the request ended without a signature")));
        }
        self.requests.push(view.clone());
        Ok(view)
    }

    /// A key's view, once it was made.
    fn key(&self, name: &str) -> Result<&KeyView> {
        let found = self.keys.iter().find(|key| key.key.as_str() == name);
        found.ok_or_else(|| unexpected(&format!("key {name} is missing")))
    }
}

/// What a step has to say.
struct Told {
    text: String,
    lines: Vec<String>,
    evidence: Value,
}

/// Something that does not happen unless a step is broken.
fn unexpected(what: &dyn std::fmt::Display) -> Failure {
    Failure::machine("demo", what, "run `quorate demo --keep` and look at the nodes' logs")
}

fn interrupted() -> Failure {
    Failure::caller("interrupted", "the demo was interrupted", "run it again")
}

/// Breaks a paragraph into lines that are comfortable to read.
fn wrap(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + 1 + word.len() <= LINE_MAX => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| format!("   {line}")).collect::<Vec<_>>().join("\n")
}

const LINE_MAX: usize = 92;
