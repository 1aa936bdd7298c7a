//! One node that lies in the dealings in which it takes part: what it sends is changed and signed
//! again with its real key, so that nothing but the checks of a dealing stands against it.

use crate::world::World;
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use quorate_codec::{Canonical, Digest, Transcript, tag};
use quorate_identity::{GenesisHash, NodeId, NodeSecrets};
use quorate_keygen::{Message1, Message2};
use quorate_machine::wire::{DealMessage, DealStep, Message};

/// The liar.
pub struct Liar {
    /// Which node it is.
    pub node: NodeId,
    genesis: GenesisHash,
    secrets: NodeSecrets,
}

impl Liar {
    /// A node of a world, by its name.
    pub fn new(world: &World, node: &str) -> Self {
        let node = world.id(node);
        let secrets = world.founding.nodes[&node].secrets();
        Self { node, genesis: world.founding.state.genesis(), secrets }
    }

    /// The message with the liar's signature under what it says now.
    pub fn signed(&self, mut message: DealMessage) -> Message {
        let DealMessage { key, epoch, attempt, context, step, .. } = &message;
        let said = (&self.genesis, key, *epoch, *attempt, *context, step);
        message.signature = self.secrets.sign(tag::DEAL_MESSAGE, &quorate_codec::to_bytes(&said));
        Message::Deal(message)
    }

    /// Another step in the place of a message.
    pub fn saying(&self, message: &DealMessage, step: DealStep) -> Message {
        self.signed(DealMessage { step, ..message.clone() })
    }
}

/// The first message of a dealing, if the step is one.
///
/// # Panics
/// It is malformed.
pub fn first(step: &DealStep) -> Option<Message1> {
    match step {
        DealStep::Round { number: 1, bytes } => {
            Some(quorate_codec::from_bytes(bytes).expect("a first message"))
        }
        _ => None,
    }
}

/// The second message of a dealing, if the step is one.
///
/// # Panics
/// It is malformed.
pub fn second(step: &DealStep) -> Option<Message2> {
    match step {
        DealStep::Round { number: 2, bytes } => {
            Some(quorate_codec::from_bytes(bytes).expect("a second message"))
        }
        _ => None,
    }
}

/// A message of a round, as a step.
pub fn round<M: Canonical>(number: u8, message: &M) -> DealStep {
    DealStep::Round { number, bytes: quorate_codec::to_bytes(message) }
}

/// The parts of a complaint (DEAL-19), written out again: real ones come from the engine alone.
#[derive(Debug, Clone, Encode, Decode)]
pub struct Complaint {
    /// 1.
    #[n(0)]
    pub version: u8,
    /// The run.
    #[n(1)]
    pub sid: Digest,
    /// The accused.
    #[n(2)]
    pub dealer: NodeId,
    /// Digest of its second message.
    #[n(3)]
    pub message: Digest,
    /// The key that is revealed.
    #[n(4)]
    pub key: ByteArray<32>,
}

impl Complaint {
    /// About the second message of a dealer.
    ///
    /// # Panics
    /// It is malformed.
    pub fn about(dealer: NodeId, second: &[u8], key: [u8; 32]) -> Self {
        let read: Message2 = quorate_codec::from_bytes(second).expect("a second message");
        let message = Transcript::new(tag::DEAL_COMPLAINT).part(second).digest();
        Self { version: 1, sid: read.echo, dealer, message, key: key.into() }
    }

    /// As a step.
    pub fn step(&self) -> DealStep {
        DealStep::Complaint { bytes: minicbor::to_vec(self).expect("always encodes") }
    }
}
