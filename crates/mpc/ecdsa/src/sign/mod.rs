//! Signing with an n-of-n sharing of a key among a quorum: DKLs23, protocol 3.6, phases only
//! (ECD-10 to ECD-14). One session signs several digests in the same rounds.
//!
//! ```text
//! round 1   each → each   commitment to a nonce point, oblivious-transfer extension
//! round 2   each → each   multiplication, nonce point opened
//! round 3   each → all    numerator and denominator of s
//! ```

mod round1;
mod round2;
mod round3;

pub use round1::ExpectCommitments;
pub use round2::ExpectProducts;
pub use round3::ExpectParts;

use crate::error::judge;
use crate::pair::Setup;
use crate::wire::{self, Reader};
use crate::{EcdsaError, Fault};
use dkls23_core::protocols::derivation::DerivData;
use dkls23_core::protocols::signing::SignData;
use dkls23_core::protocols::{Abort, Parameters, PartiesMessage, Party, PartyIndex};
use dkls23_core::utilities::zero_shares::{SeedPair, ZeroShare};
use k256_14::Secp256k1;
use quorate_codec::{Digest, Transcript, tag};
use quorate_curve::{NonIdentity, Secp256k1 as Curve, SecretScalar};
use quorate_identity::NodeId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use zeroize::{Zeroize, Zeroizing};

/// Messages to single parties.
pub type Letters = BTreeMap<NodeId, Vec<u8>>;

/// What a session signs, with what and with whom.
pub struct Plan {
    /// Binds everything that all parties agree on, fresh for every session.
    pub binding: Digest,
    /// The quorum, numbered 1, 2, … in this order (ECD-01).
    pub parties: BTreeSet<NodeId>,
    /// This node, one of them.
    pub me: NodeId,
    /// This node's value of the polynomial of degree one below the quorum's size, at its own
    /// number, whose value at zero is the secret key. Secret.
    pub share: SecretScalar<Curve>,
    /// The public key.
    pub public_key: NonIdentity<Curve>,
    /// The set-ups with all others.
    pub pairs: BTreeMap<NodeId, Arc<Setup>>,
    /// What is signed, in order.
    pub digests: Vec<[u8; 32]>,
}

/// Begins a session: the state that waits for the first messages, and the own ones.
///
/// # Errors
/// [`Fault::Caller`] for a plan that does not fit together: fewer than two parties, this node
/// not one of them, a set-up missing, nothing to sign.
pub fn start(plan: Plan) -> Result<(ExpectCommitments, Letters), EcdsaError> {
    let digests = plan.digests.clone();
    let session = Session::new(plan)?;
    round1::commit(session, &digests)
}

/// What all rounds of a session share. The library's party holds the share and copies of the
/// set-ups; it wipes them when dropped.
struct Session {
    party: Party<Secp256k1>,
    run: Digest,
    numbered: BTreeMap<NodeId, PartyIndex>,
    me: NodeId,
    public_key: NonIdentity<Curve>,
}

impl Session {
    fn new(plan: Plan) -> Result<Self, EcdsaError> {
        let count = u8::try_from(plan.parties.len()).unwrap_or(0);
        let parameters = Parameters::new(count, count)
            .map_err(|_| EcdsaError::caller("an ECDSA session has 2 to 255 parties"))?;
        if plan.digests.is_empty() {
            return Err(EcdsaError::caller("there is nothing to sign"));
        }
        let numbered: BTreeMap<NodeId, PartyIndex> = plan
            .parties
            .iter()
            .zip(1..=count)
            .filter_map(|(node, number)| Some((*node, PartyIndex::new(number).ok()?)))
            .collect();
        let party_index = *numbered
            .get(&plan.me)
            .ok_or_else(|| EcdsaError::caller("this node is not in the quorum"))?;
        let run = run_id(&plan);
        let damaged = || EcdsaError::machine("the key of the session is damaged");
        let poly_point = Zeroizing::new(wire::scalar(*plan.share.to_bytes()).ok_or_else(damaged)?);
        let key = plan.public_key.to_bytes();
        let pk = key.first_chunk().and_then(wire::point).ok_or_else(damaged)?;
        let mut party = Party {
            parameters,
            party_index,
            session_id: run.0.to_vec(),
            poly_point: *poly_point,
            pk,
            zero_share: ZeroShare::initialize(Vec::new()),
            mul_senders: BTreeMap::new(),
            mul_receivers: BTreeMap::new(),
            // Only the key and the chain code enter the session ids. Nothing is derived here.
            derivation_data: DerivData {
                depth: 0,
                child_number: 0,
                parent_fingerprint: [0; 4],
                poly_point: wire::scalar([0; 32]).ok_or_else(damaged)?,
                pk,
                chain_code: [0; 32],
            },
            address: String::new(),
        };
        for (node, number) in numbered.iter().filter(|(node, _)| **node != plan.me) {
            let setup = plan
                .pairs
                .get(node)
                .ok_or_else(|| EcdsaError::caller("a pair of the quorum has no set-up"))?;
            party.mul_senders.insert(*number, setup.sender.clone());
            party.mul_receivers.insert(*number, setup.receiver.clone());
            party.zero_share.seeds.push(SeedPair {
                lowest_index: party_index < *number,
                index_counterparty: *number,
                seed: *setup.seed,
            });
        }
        Ok(Self { party, run, numbered, me: plan.me, public_key: plan.public_key })
    }

    /// The other parties, ascending.
    fn others(&self) -> Vec<NodeId> {
        self.numbered.keys().copied().filter(|node| *node != self.me).collect()
    }

    fn node(&self, index: PartyIndex) -> Option<NodeId> {
        self.numbered.iter().find(|(_, number)| **number == index).map(|(node, _)| *node)
    }

    /// What the library calls one signing, by its position in the session.
    fn signing(&self, position: usize, digest: &[u8; 32]) -> SignData {
        let own = self.party.party_index;
        SignData {
            sign_id: (position as u64).to_be_bytes().to_vec(),
            counterparties: self.numbered.values().copied().filter(|index| *index != own).collect(),
            message_hash: *digest,
        }
    }

    fn judge(&self, abort: &Abort) -> EcdsaError {
        judge(abort, &self.others(), |index| self.node(index))
    }

    /// Sorts a round's letters by receiver: one item per signing and receiver.
    fn letters(&self, items: Vec<Vec<(PartyIndex, Vec<u8>)>>) -> Letters {
        let mut by_receiver: BTreeMap<PartyIndex, Vec<Vec<u8>>> = BTreeMap::new();
        for (receiver, item) in items.into_iter().flatten() {
            by_receiver.entry(receiver).or_default().push(item);
        }
        by_receiver
            .into_iter()
            .filter_map(|(receiver, items)| {
                Some((self.node(receiver)?, wire::encode(self.run, items)))
            })
            .collect()
    }

    /// Reads a round's messages, exactly one from each other party: per signing the parsed item
    /// of every sender.
    fn read<T>(
        &self,
        messages: &Letters,
        signings: usize,
        item_bytes: usize,
        parse: impl Fn(PartiesMessage, &mut Reader<'_>) -> Option<T>,
    ) -> Result<Vec<Vec<T>>, EcdsaError> {
        if !messages.keys().eq(self.others().iter()) {
            return Err(EcdsaError::caller("a round takes one message from each other party"));
        }
        let mut parsed: Vec<Vec<T>> = (0..signings).map(|_| Vec::new()).collect();
        for (sender, bytes) in messages {
            let parties = PartiesMessage {
                sender: *self.numbered.get(sender).ok_or(OUTSIDER)?,
                receiver: self.party.party_index,
            };
            let items = wire::decode(bytes, *sender, self.run, signings, item_bytes)?;
            for (item, signing) in items.iter().zip(&mut parsed) {
                let item = parse(parties.clone(), &mut Reader(item))
                    .ok_or_else(|| EcdsaError::malformed(*sender))?;
                signing.push(item);
            }
        }
        Ok(parsed)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.party.zeroize();
    }
}

const OUTSIDER: EcdsaError =
    EcdsaError { fault: Fault::Caller, reason: "a message from outside the quorum" };

/// Names a session everywhere: hash of the binding, the numbering, the key and what is signed
/// (ECD-10).
fn run_id(plan: &Plan) -> Digest {
    Transcript::new(tag::ECDSA_SESSION)
        .part(plan.binding)
        .part(plan.public_key.to_bytes())
        .list(&plan.parties)
        .list(&plan.digests)
        .digest()
}
