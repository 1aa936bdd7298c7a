//! Why a channel could not be set up at all.

use quorate_identity::NodeId;
use std::io;
use std::net::SocketAddr;

/// Why nothing listens or dials. What happens to single connections is logged, not returned:
/// they are tried again.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The machine's fault: another process listens there.
    #[error("the port of {0} is taken by another process")]
    PortTaken(SocketAddr),
    /// The machine's fault.
    #[error("cannot listen at {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The caller's fault: two nodes with one transport key, or this node among its peers
    /// (N-27).
    #[error("the peers are not distinct: {0}")]
    Roster(NodeId),
    /// The machine's fault: the TLS library refuses a key or a setting.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

impl TransportError {
    /// Whether the caller can mend it; otherwise it is this machine's fault.
    pub fn is_callers_fault(&self) -> bool {
        matches!(self, Self::Roster(_))
    }

    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::PortTaken(_) => "port_taken",
            Self::Listen { .. } => "listen",
            Self::Roster(_) => "roster",
            Self::Tls(_) => "tls",
        }
    }

    /// What to do next.
    pub fn next(&self) -> &'static str {
        match self {
            Self::PortTaken(_) => "stop the other process, or choose another port",
            Self::Listen { .. } => "check the address and the rights of this process",
            Self::Roster(_) => "check the genesis: every node has keys of its own",
            Self::Tls(_) => "report this: keys that were made here always fit",
        }
    }
}

impl From<rustls::Error> for TransportError {
    fn from(error: rustls::Error) -> Self {
        Self::Tls(error.to_string())
    }
}
