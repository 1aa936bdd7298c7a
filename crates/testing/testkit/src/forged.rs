//! Evidence as somebody else would write it: of a node that signed two messages for one place.

use minicbor::Encode;
use quorate_charter::{AttemptPlan, CertifiedEntry, GenesisFile};
use quorate_codec::{Canonical, tag};
use quorate_identity::{NodeId, NodeSecrets};
use quorate_keygen::{Equivocation, Place, Signed};
use quorate_machine::wire::DealStep;

/// A piece of evidence.
#[derive(Encode)]
pub struct Forged {
    #[n(0)]
    version: u8,
    #[n(1)]
    proof: Proof,
}

#[derive(Encode)]
enum Proof {
    #[n(1)]
    Twice(#[n(0)] AttemptPlan, #[n(1)] Equivocation),
}

/// As it is told to peers.
#[derive(Encode)]
enum Told {
    #[n(21)]
    Evidence(#[n(0)] Forged),
}

/// As people keep it.
#[derive(Encode)]
struct File {
    #[n(0)]
    version: u8,
    #[n(1)]
    genesis: GenesisFile,
    #[n(2)]
    entries: Vec<CertifiedEntry>,
    #[n(3)]
    evidence: Forged,
}

impl Forged {
    /// Two messages for one place of an attempt, signed with these secrets and said to be of
    /// `author`.
    pub fn twice(version: u8, plan: AttemptPlan, author: NodeId, secrets: &NodeSecrets) -> Self {
        let message = |byte: u8| {
            let step = DealStep::Round { number: 1, bytes: vec![byte] };
            let (key, epoch, attempt) = (plan.key, plan.epoch, plan.attempt);
            let said = (&plan.genesis, &key, epoch, attempt, Some(plan.context()), &step);
            let signature = secrets.sign(tag::DEAL_MESSAGE, &quorate_codec::to_bytes(&said));
            Signed { bytes: vec![byte].into(), signature: signature.0.to_vec().into() }
        };
        let (one, other) = (message(1), message(2));
        let proof = Equivocation { author, place: Place::Message1, one, other };
        Self { version, proof: Proof::Twice(plan, proof) }
    }

    /// As whoever reads it gets it.
    ///
    /// # Panics
    /// It is not read.
    pub fn read<T: Canonical>(self) -> T {
        reread(&self)
    }

    /// As a message of a node.
    ///
    /// # Panics
    /// It is not read.
    pub fn told<T: Canonical>(self) -> T {
        reread(&Told::Evidence(self))
    }

    /// The bytes of a file with it.
    pub fn file(self, version: u8, genesis: GenesisFile) -> Vec<u8> {
        quorate_codec::to_bytes(&File { version, genesis, entries: Vec::new(), evidence: self })
    }
}

fn reread<T: Canonical>(written: &impl Encode<()>) -> T {
    quorate_codec::from_bytes(&quorate_codec::to_bytes(written)).expect("what is read")
}
