//! Domains for trying things out: one person acts as everybody, on one machine.
//!
//! The domain itself is real: processes, sealed stores, channels, signatures, agreement. What is
//! not real is that one machine holds everybody's keys and passphrases, and both [`up`] and the
//! demo say so. Real founding is `genesis` and `node init`, each on its own machine.

mod found;
mod prepare;
mod running;
mod supervise;

pub use found::{Founding, found};
pub use prepare::{
    KEYS, Prepared, active, order_keys, order_presignatures, order_refresh, serving, set_policy,
};
pub use running::Running;
pub use supervise::Supervised;

use crate::args::Up;
use crate::domain::DomainDir;
use crate::face::Face;
use crate::failure::{Failure, Result};
use crate::session::Session;
use quorate_client::contract::Ready;
use std::time::Duration;

/// How often it is looked at whether a node ended by itself.
const REAP_EVERY: Duration = Duration::from_millis(200);

/// Founds a domain or continues one, and leaves it running until a signal comes.
///
/// # Errors
/// The caller's: the directory is something else, or in use. The machine's.
pub async fn up(options: Up, face: Face) -> Result<()> {
    let dir = DomainDir::new(&options.dir);
    let mut signals = crate::signals::Signals::new()?;
    if options.supervised {
        signals = signals.with_parent();
    }
    let started = tokio::select! {
        started = start(&dir, options.signers, face) => started?,
        () = signals.ended() => return Ok(()),
    };
    let (mut running, ready) = started;
    face.show(&ready, text);
    loop {
        tokio::select! {
            () = signals.ended() => break,
            () = tokio::time::sleep(REAP_EVERY) => running.reap(face),
        }
    }
    running.stop().await;
    Ok(())
}

async fn start(dir: &DomainDir, signers: u8, face: Face) -> Result<(Running, Ready)> {
    if dir.is_founded() && !dir.is_trial() {
        return Err(Failure::caller(
            "not_a_trial",
            format!("the domain in {} was founded for real", dir.path().display()),
            "start its node of this machine with `quorate node run`",
        ));
    }
    if !dir.is_founded() {
        let _progress = face.progress("founding a domain");
        let founding = Founding { signers, ..Founding::default() };
        let at = dir.clone();
        crate::blocking(move || found(&at, &founding)).await?;
    }
    let running = {
        let _progress = face.progress("starting the nodes");
        Running::start(dir).await?
    };
    let prepared = {
        let _progress = face.progress("making keys that nobody holds, and setting the policy");
        prepare::prepare(dir).await
    };
    match prepared {
        Ok(Prepared { keys }) => {
            let file = dir.read()?;
            let ready = Ready {
                ready: true,
                domain: file.domain,
                genesis: file.genesis,
                dir: dir.path().display().to_string(),
                nodes: file.nodes,
                keys,
            };
            Ok((running, ready))
        }
        Err(failure) => {
            running.stop().await;
            Err(failure)
        }
    }
}

/// A session of one of the people or services whose keys lie in a trial domain.
///
/// # Errors
/// The caller's: nobody of that name.
pub fn session(dir: &DomainDir, who: &str) -> Result<Session> {
    Session::open(dir.path(), who, None, None)
}

fn text(ready: &Ready) -> String {
    let dir = &ready.dir;
    let nodes: Vec<String> =
        ready.nodes.iter().map(|node| format!("  {:<10} {}", node.name, node.api)).collect();
    let keys: Vec<String> = ready
        .keys
        .iter()
        .map(|key| format!("  {:<10} {}, {}", key.key, key.scheme, key.access))
        .collect();
    format!(
        "domain {} is up in {dir}\n  genesis {}\n\n{}\n\n{}\n\n\
         One machine holds everybody's keys here: for trying things out, with test funds only.\n\
         Real founding is `quorate genesis` and `quorate node init`, each on its own machine.\n\n\
         Try, in another terminal:\n  \
         quorate status --dir {dir}\n  \
         quorate policy show --dir {dir}\n  \
         quorate key address treasury --chain ethereum --dir {dir}\n  \
         quorate request create --key ops --intent intent.json --as wallet-service --dir {dir}\n\n\
         It runs until you press Ctrl-C.",
        ready.domain,
        ready.genesis,
        nodes.join("\n"),
        keys.join("\n")
    )
}
