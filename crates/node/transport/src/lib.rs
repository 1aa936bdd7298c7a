//! Channels: between nodes, and from people and services to a node.
//!
//! Every channel is TLS 1.3 with raw public keys (RFC 7250) that were pinned before: no names,
//! no authorities, no first use. Between nodes both ends prove their transport key
//! ([`start`]); towards people and services only the node does ([`ApiListener`],
//! [`tls::api_client`]), because every call is signed by itself.
//!
//! What this crate does not do: it does not read frames. They come from the authenticated peer,
//! in order, whole, within limits, and nothing else is known about them. See
//! `spec/transport.md`.

mod api;
mod error;
mod frame;
pub mod limits;
mod mesh;
mod refusal;
pub mod tls;

pub use api::{ApiListener, ApiStream};
pub use error::TransportError;
pub use mesh::{MeshEvent, MeshEvents, MeshHandle, MeshPlan, Peer, start};

use std::io::ErrorKind;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Listens at `address`; port 0 takes a free one.
///
/// # Errors
/// [`TransportError::PortTaken`], [`TransportError::Listen`]: the machine's.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, TransportError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => TransportError::PortTaken(address),
        _ => TransportError::Listen { address, source },
    })
}
