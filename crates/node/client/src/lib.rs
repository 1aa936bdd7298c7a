//! The public face of a node: what may be asked, what comes back, and how a call is signed.
//!
//! [`contract`] holds the types of every call and answer, exactly as they appear in JSON on the
//! wire and on stdout, the table of calls, and the signed-call rule. It knows no network and no
//! chain, so nodes, the command line and other clients share it. `spec/api.md` is its page.
//!
//! The feature `net` adds the client itself, `net::Client`.

pub mod contract;
#[cfg(feature = "net")]
pub mod net;
