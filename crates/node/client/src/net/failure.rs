//! What goes wrong between a caller and a node, as errors of the contract.

use crate::contract::{ErrorBody, Fault};
use quorate_identity::SignerError;
use quorate_transport::TransportError;
use std::io;

fn error(code: &str, fault: Fault, message: String, next: &str) -> ErrorBody {
    ErrorBody { code: code.to_owned(), fault, message, next: next.to_owned(), culprits: Vec::new() }
}

pub(super) fn unreachable(address: &str, source: &io::Error) -> ErrorBody {
    let message = format!("the node at {address} cannot be reached: {source}");
    error(
        "unreachable",
        Fault::Peer,
        message,
        "check that the node runs and that this is its address",
    )
}

pub(super) fn no_answer(address: &str) -> ErrorBody {
    let message = format!("the node at {address} does not answer in time");
    error("no_answer", Fault::Peer, message, "try again, or ask another node")
}

pub(super) fn broken_off(address: &str) -> ErrorBody {
    let message = format!("the node at {address} broke off");
    error(
        "broken_off",
        Fault::Peer,
        message,
        "try again; filing the same statement twice is harmless",
    )
}

pub(super) fn nonsense(address: &str) -> ErrorBody {
    let message = format!("the node at {address} answers what no node of this version answers");
    error(
        "bad_answer",
        Fault::Peer,
        message,
        "compare the versions of the node and of this program",
    )
}

pub(super) fn bare_status(address: &str, status: u16) -> ErrorBody {
    let message = format!("the node at {address} answers with status {status} and no reason");
    error(
        "bad_answer",
        Fault::Peer,
        message,
        "compare the versions of the node and of this program",
    )
}

/// The handshake failed: another key is the one cause that an operator must act on.
pub(super) fn no_handshake(address: &str, source: &io::Error) -> ErrorBody {
    if tls_refused(source) {
        let message = format!("whoever answers at {address} does not hold the node's key");
        let next = "check the address; if it is right, somebody stands between you and the node";
        return error("wrong_node_key", Fault::Peer, message, next);
    }
    let message = format!("no secure channel to {address}: {source}");
    error("unreachable", Fault::Peer, message, "check that a node listens at this address")
}

fn tls_refused(source: &io::Error) -> bool {
    let tls =
        source.get_ref().and_then(|inner| inner.downcast_ref::<tokio_rustls::rustls::Error>());
    matches!(tls, Some(tokio_rustls::rustls::Error::InvalidCertificate(_)))
}

pub(super) fn no_tls(source: &TransportError) -> ErrorBody {
    error(source.code(), Fault::Machine, source.to_string(), source.next())
}

pub(super) fn unsigned(source: &SignerError) -> ErrorBody {
    let fault = if source.is_callers_fault() { Fault::Caller } else { Fault::Machine };
    error("signer", fault, source.to_string(), "check the key that signs this call")
}

pub(super) fn unwritable() -> ErrorBody {
    let message = "the call cannot be written down".to_owned();
    error("bad_call", Fault::Caller, message, "check the path and the body of the call")
}
