//! The client: signed calls to one node over TLS that pins the node's key (API-10).
//!
//! Time and nonces are taken here, at the edge. What a node answers as an error comes back as it
//! is; what goes wrong on the way has an [`ErrorBody`](crate::contract::ErrorBody) of its own.

mod client;
mod connection;
mod events;
mod failure;

pub use client::Client;
pub use events::Events;
