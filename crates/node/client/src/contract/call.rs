//! The signed call: every call, reads too, is a statement by a person or service over the bytes
//! as sent (API-04 to API-08). No bearer token, no cookie, nothing that a thief could reuse.
//!
//! ```text
//! Quorate-Actor:      person:0x… or service:0x…
//! Quorate-Time:       milliseconds since 1970, decimal
//! Quorate-Nonce:      0x and 32 digits, fresh for every call
//! Quorate-Signature:  0x-hex of a binary SSHSIG over CallStatement, namespace quorate/call/v1
//! ```

use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, hex, tag};
use quorate_identity::{
    ActorId, Credential, CredentialSignature, CredentialSigner, GenesisHash, NodeId, SignerError,
};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Header with who calls.
pub const ACTOR: &str = "Quorate-Actor";
/// Header with when.
pub const TIME: &str = "Quorate-Time";
/// Header with what makes the call unique.
pub const NONCE: &str = "Quorate-Nonce";
/// Header with the signature.
pub const SIGNATURE: &str = "Quorate-Signature";

/// How far a call's time may lie from the node's clock, in either direction.
pub const WINDOW_MS: u64 = 60_000;
/// Longest body of a call, in bytes.
pub const BODY_BYTES_MAX: usize = 4 << 20;
/// Longest path and query, in bytes.
pub const TARGET_BYTES_MAX: usize = 2_048;

/// What a caller signs. Binds the domain and the node, so that no other node or domain takes
/// the same signature.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CallStatement {
    /// Version of this form: 1.
    #[n(0)]
    version: u8,
    /// The domain.
    #[n(1)]
    pub genesis: GenesisHash,
    /// The node that is called.
    #[n(2)]
    pub node: NodeId,
    /// Who calls.
    #[n(3)]
    pub actor: ActorId,
    /// `GET` or `POST`.
    #[n(4)]
    pub method: String,
    /// Path and query exactly as sent, beginning with `/`.
    #[n(5)]
    pub target: String,
    /// Milliseconds since 1970 on the caller's clock.
    #[n(6)]
    pub time_ms: u64,
    /// Sixteen fresh random bytes.
    #[cbor(n(7), with = "minicbor::bytes")]
    pub nonce: [u8; 16],
    /// SHA-256 of the body as sent; of nothing where there is none.
    #[cbor(n(8), with = "minicbor::bytes")]
    pub body_sha256: [u8; 32],
}

impl Canonical for CallStatement {
    const BYTES_MAX: usize = 256 + TARGET_BYTES_MAX;
}

/// Which node of which domain a call goes to, and what it asks.
#[derive(Debug, Clone, Copy)]
pub struct Addressed<'a> {
    /// The domain.
    pub genesis: GenesisHash,
    /// The node.
    pub node: NodeId,
    /// `GET` or `POST`.
    pub method: &'a str,
    /// Path and query exactly as sent.
    pub target: &'a str,
    /// The body exactly as sent.
    pub body: &'a [u8],
}

impl Addressed<'_> {
    fn statement(&self, actor: ActorId, time_ms: u64, nonce: [u8; 16]) -> CallStatement {
        CallStatement {
            version: 1,
            genesis: self.genesis,
            node: self.node,
            actor,
            method: self.method.to_owned(),
            target: self.target.to_owned(),
            time_ms,
            nonce,
            body_sha256: Sha256::digest(self.body).into(),
        }
    }
}

/// The four headers of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallHeaders {
    /// Who calls.
    pub actor: ActorId,
    /// When.
    pub time_ms: u64,
    /// What makes the call unique.
    pub nonce: [u8; 16],
    /// The signature; not yet verified.
    pub signature: CredentialSignature,
}

/// Why a call is not taken; the caller's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// A header is missing or malformed.
    #[error("the header {0} is missing or malformed")]
    Header(&'static str),
    /// The signature is not the actor's under this call to this node.
    #[error("the signature of this call does not verify")]
    Signature,
    /// The caller's clock and the node's are too far apart, or the call is old.
    #[error(
        "the call's time is {off_ms} ms from this node's clock, at most {WINDOW_MS} are allowed"
    )]
    Stale {
        /// Distance in milliseconds.
        off_ms: u64,
    },
    /// The same call came before.
    #[error("this call was made before")]
    Replayed,
    /// Too many calls in one window; nothing was done.
    #[error("too many calls at once")]
    Busy,
}

impl CallHeaders {
    /// Signs a call.
    ///
    /// # Errors
    /// [`SignerError`].
    pub fn sign(
        call: &Addressed<'_>,
        actor: ActorId,
        time_ms: u64,
        nonce: [u8; 16],
        signer: &dyn CredentialSigner,
    ) -> Result<Self, SignerError> {
        let statement = quorate_codec::to_bytes(&call.statement(actor, time_ms, nonce));
        let signature = signer.sign(tag::CALL, &statement)?;
        Ok(Self { actor, time_ms, nonce, signature })
    }

    /// Names and values, as they are sent.
    pub fn to_pairs(&self) -> [(&'static str, String); 4] {
        [
            (ACTOR, self.actor.to_string()),
            (TIME, self.time_ms.to_string()),
            (NONCE, hex::encode(&self.nonce)),
            (SIGNATURE, self.signature.to_string()),
        ]
    }

    /// Reads the headers; `header` finds a value by its name.
    ///
    /// # Errors
    /// [`CallError::Header`].
    pub fn parse<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Result<Self, CallError> {
        let read = |name: &'static str| header(name).ok_or(CallError::Header(name));
        let time = read(TIME)?;
        let time_ms = time.parse().ok().filter(|ms: &u64| ms.to_string() == time);
        Ok(Self {
            actor: read(ACTOR)?.parse().map_err(|_| CallError::Header(ACTOR))?,
            time_ms: time_ms.ok_or(CallError::Header(TIME))?,
            nonce: hex::decode_array(read(NONCE)?).map_err(|_| CallError::Header(NONCE))?,
            signature: read(SIGNATURE)?.parse().map_err(|_| CallError::Header(SIGNATURE))?,
        })
    }

    /// Verifies that the holder of `credential` made exactly this call (API-06). Freshness is
    /// [`ReplayGuard::admit`]'s.
    ///
    /// # Errors
    /// [`CallError::Signature`].
    pub fn verify(&self, call: &Addressed<'_>, credential: &Credential) -> Result<(), CallError> {
        let statement = call.statement(self.actor, self.time_ms, self.nonce);
        let verified =
            credential.verify(tag::CALL, &quorate_codec::to_bytes(&statement), &self.signature);
        verified.map_err(|_| CallError::Signature)
    }
}

/// Calls of the current window, so that none is taken twice (API-07, API-08).
///
/// It forgets when the process ends; statements inside a call stand for themselves, so a call
/// repeated after a restart can at most be answered again, to whoever holds the channel.
#[derive(Debug, Default)]
pub struct ReplayGuard {
    seen: BTreeSet<(ActorId, [u8; 16])>,
    by_time: BTreeMap<u64, Vec<(ActorId, [u8; 16])>>,
}

impl ReplayGuard {
    /// Most calls remembered at once.
    pub const CALLS_MAX: usize = 65_536;

    /// Takes a verified call once, within [`WINDOW_MS`] of the node's clock.
    ///
    /// # Errors
    /// [`CallError::Stale`], [`CallError::Replayed`], [`CallError::Busy`].
    pub fn admit(&mut self, headers: &CallHeaders, now_ms: u64) -> Result<(), CallError> {
        let off_ms = now_ms.abs_diff(headers.time_ms);
        if off_ms > WINDOW_MS {
            return Err(CallError::Stale { off_ms });
        }
        self.forget_before(now_ms.saturating_sub(WINDOW_MS));
        let call = (headers.actor, headers.nonce);
        if self.seen.contains(&call) {
            return Err(CallError::Replayed);
        }
        if self.seen.len() >= Self::CALLS_MAX {
            return Err(CallError::Busy);
        }
        self.seen.insert(call);
        self.by_time.entry(headers.time_ms).or_default().push(call);
        Ok(())
    }

    fn forget_before(&mut self, oldest_ms: u64) {
        let current = self.by_time.split_off(&oldest_ms);
        for call in std::mem::replace(&mut self.by_time, current).into_values().flatten() {
            self.seen.remove(&call);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_codec::Digest;
    use quorate_identity::{MemorySigner, PersonId, ServiceId};

    fn id(byte: u8) -> Digest {
        Digest([byte; 32])
    }

    fn call() -> Addressed<'static> {
        Addressed {
            genesis: GenesisHash(id(1)),
            node: NodeId(id(2)),
            method: "POST",
            target: "/v1/requests?wait=1",
            body: b"{}",
        }
    }

    fn signed() -> (CallHeaders, MemorySigner) {
        let signer = MemorySigner::from_seed(&[7; 32]).unwrap();
        let actor = ActorId::Service(ServiceId(id(3)));
        (CallHeaders::sign(&call(), actor, 1_000_000, [9; 16], &signer).unwrap(), signer)
    }

    #[test]
    fn api_05_headers_survive_the_wire() {
        let (headers, signer) = signed();
        let pairs = headers.to_pairs();
        let find = |name: &str| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
        };
        let read = CallHeaders::parse(find).unwrap();
        assert_eq!(read, headers);
        assert_eq!(read.verify(&call(), signer.credential()), Ok(()));
        let without = CallHeaders::parse(|name| find(name).filter(|_| name != NONCE));
        assert_eq!(without, Err(CallError::Header(NONCE)));
        let padded = CallHeaders::parse(|name| if name == TIME { Some("+7") } else { find(name) });
        assert_eq!(padded, Err(CallError::Header(TIME)));
    }

    #[test]
    fn neg_076_a_call_counts_for_one_node_one_domain_and_its_exact_bytes() {
        let (headers, signer) = signed();
        let altered = [
            Addressed { genesis: GenesisHash(id(9)), ..call() },
            Addressed { node: NodeId(id(9)), ..call() },
            Addressed { method: "GET", ..call() },
            Addressed { target: "/v1/requests?wait=2", ..call() },
            Addressed { body: b"{ }", ..call() },
        ];
        for call in altered {
            assert_eq!(headers.verify(&call, signer.credential()), Err(CallError::Signature));
        }
        let another_actor =
            CallHeaders { actor: ActorId::Person(PersonId(id(3))), ..headers.clone() };
        let another_time = CallHeaders { time_ms: 1_000_001, ..headers.clone() };
        let another_nonce = CallHeaders { nonce: [8; 16], ..headers.clone() };
        for headers in [another_actor, another_time, another_nonce] {
            assert_eq!(headers.verify(&call(), signer.credential()), Err(CallError::Signature));
        }
        let stranger = MemorySigner::from_seed(&[8; 32]).unwrap();
        assert_eq!(headers.verify(&call(), stranger.credential()), Err(CallError::Signature));
    }

    #[test]
    fn neg_022_a_signature_under_another_tag_is_no_call() {
        let (headers, signer) = signed();
        let statement = call().statement(headers.actor, headers.time_ms, headers.nonce);
        let bytes = quorate_codec::to_bytes(&statement);
        let elsewhere = signer.sign(tag::REQUEST, &bytes).unwrap();
        let headers = CallHeaders { signature: elsewhere, ..headers };
        assert_eq!(headers.verify(&call(), signer.credential()), Err(CallError::Signature));
    }

    #[test]
    fn neg_076_a_call_is_taken_once_and_only_in_its_window() {
        let (headers, _) = signed();
        let mut guard = ReplayGuard::default();
        let off_ms = WINDOW_MS + 1;
        for now in [1_000_000 - off_ms, 1_000_000 + off_ms] {
            assert_eq!(guard.admit(&headers, now), Err(CallError::Stale { off_ms }));
        }
        assert_eq!(guard.admit(&headers, 1_000_000 - WINDOW_MS), Ok(()));
        for now in [1_000_000 - WINDOW_MS, 1_000_000, 1_000_000 + WINDOW_MS] {
            assert_eq!(guard.admit(&headers, now), Err(CallError::Replayed));
        }
        let other = CallHeaders { nonce: [1; 16], ..headers };
        assert_eq!(guard.admit(&other, 1_000_000), Ok(()));
    }

    #[test]
    fn neg_015_the_guard_forgets_what_is_stale_and_holds_no_more_than_its_limit() {
        let (headers, _) = signed();
        let mut guard = ReplayGuard::default();
        let nonce = |number: usize| {
            let mut nonce = [0; 16];
            nonce[..8].copy_from_slice(&(number as u64).to_be_bytes());
            nonce
        };
        for number in 0..ReplayGuard::CALLS_MAX {
            let headers = CallHeaders { nonce: nonce(number), ..headers.clone() };
            assert_eq!(guard.admit(&headers, 1_000_000), Ok(()));
        }
        let one_more = CallHeaders { nonce: nonce(ReplayGuard::CALLS_MAX), ..headers.clone() };
        assert_eq!(guard.admit(&one_more, 1_000_000), Err(CallError::Busy));
        let later = CallHeaders { time_ms: 1_000_002 + WINDOW_MS, ..one_more };
        assert_eq!(guard.admit(&later, 1_000_001 + WINDOW_MS), Ok(()));
        assert_eq!(guard.seen.len(), 1);
    }
}
