//! Round 2: signature shares (RFC 9591, section 5.2) are summed (section 5.3), and only what
//! verifies comes out. If it does not, the liar is found by its share.

use crate::round1::Session;
use crate::{Letters, SchnorrError, Signature, Suite, verify, wire};
use frost_core::round2::SignatureShare;
use frost_core::{CheaterDetection, Error, Identifier, SigningPackage};
use quorate_codec::Digest;
use quorate_identity::NodeId;
use std::collections::BTreeMap;

/// Waits for the signature shares of all other parties. Holds no secret: the nonces are gone.
pub struct ExpectShares<S: Suite> {
    session: Session<S>,
    run: Digest,
    packages: Vec<SigningPackage<S::Library>>,
    own: Vec<SignatureShare<S::Library>>,
}

const SHARE_BYTES: usize = 32;

pub(crate) fn share<S: Suite>(
    session: Session<S>,
    run: Digest,
    packages: Vec<SigningPackage<S::Library>>,
    own: Vec<SignatureShare<S::Library>>,
) -> (ExpectShares<S>, Vec<u8>) {
    let message = wire::encode(run, own.iter().map(SignatureShare::serialize));
    (ExpectShares { session, run, packages, own }, message)
}

impl<S: Suite> ExpectShares<S> {
    /// From whom a message is awaited, ascending.
    pub fn awaits(&self) -> Vec<NodeId> {
        self.session.others()
    }

    /// Sums the shares. Either all signatures come out, in order, or none (SCH-12).
    ///
    /// # Errors
    /// A malformed message is its sender's fault; a sum that does not verify is that of exactly
    /// those whose share does not (SCH-13, N-42).
    pub fn handle(self, messages: &Letters) -> Result<Vec<Signature>, SchnorrError> {
        let Self { session, run, packages, own } = self;
        let parse = |item: &[u8]| SignatureShare::deserialize(item).ok();
        let received = session.read(messages, run, SHARE_BYTES, parse)?;
        let identifier = *session
            .numbered
            .get(&session.me)
            .ok_or_else(|| SchnorrError::caller("this node is not in the quorum"))?;
        let keys = S::tweaked(session.keys.clone(), session.tweak);
        let sign = |((package, own), mut shares): ((_, _), BTreeMap<Identifier<_>, _>)| {
            shares.insert(identifier, own);
            let all = CheaterDetection::AllCheaters;
            let signature = frost_core::aggregate_custom(&package, &shares, &keys, all)
                .map_err(|error| session.blame(&error))?;
            let bytes = signature.serialize().map_err(|error| session.blame(&error))?;
            verify::<S>(&session.public_key, session.tweak, package.message(), &bytes)
                .map_err(|_| SchnorrError::machine("the library's sum does not verify"))
        };
        packages.into_iter().zip(own).zip(received).map(sign).collect()
    }
}

impl<S: Suite> Session<S> {
    fn blame(&self, error: &Error<S::Library>) -> SchnorrError {
        let Error::InvalidSignatureShare { culprits } = error else {
            return SchnorrError::machine("the library refused this node's own state");
        };
        let guilty = self.numbered.iter().filter(|(_, number)| culprits.contains(number));
        let guilty: Vec<NodeId> = guilty.map(|(node, _)| *node).collect();
        if guilty.contains(&self.me) {
            return SchnorrError::machine("this node's own signature share is wrong");
        }
        SchnorrError::peers(guilty, "a signature share is wrong")
    }
}
