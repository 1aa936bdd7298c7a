//! The end of a process that runs until it is told to stop.

use crate::failure::{Failure, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// SIGTERM, Ctrl-C, and for a child the end of its parent.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    parent: Option<oneshot::Receiver<()>>,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// The machine's.
    pub fn new() -> Result<Self> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                let message = format!("signals cannot be listened for: {error}");
                Failure::machine("process", message, "check the limits of this machine")
            })
        };
        let terminate = listen(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: listen(SignalKind::interrupt())?, parent: None })
    }

    /// Also ends when the standard input does: it is a pipe from the parent, which the system
    /// closes however the parent ends.
    #[must_use]
    pub fn with_parent(mut self) -> Self {
        let (sender, receiver) = oneshot::channel();
        std::thread::spawn(move || {
            // Nothing is ever written to the pipe; reading returns when it is closed.
            let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            let _ = sender.send(());
        });
        self.parent = Some(receiver);
        self
    }

    /// Returns once the process is to end.
    pub async fn ended(&mut self) {
        let parent = async {
            match &mut self.parent {
                Some(parent) => {
                    let _ = parent.await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            () = parent => {}
        }
    }
}
