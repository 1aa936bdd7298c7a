//! Echoes that differ: who signed two first messages, and who did not show what it echoed
//! (DEAL-21).

use super::complaint::read_firsts;
use super::{Place, Signatures, Signed};
use crate::Terms;
use crate::deal::VERSION;
use crate::deal::round1::sid;
use crate::deal::round2::Message2;
use quorate_codec::from_bytes;
use quorate_curve::Curve;
use quorate_identity::NodeId;
use std::collections::{BTreeMap, BTreeSet};

/// What echoes that differ come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EchoFindings {
    /// Who signed two different first messages: guilty, and the two prove it to everybody, see
    /// [`Equivocation`](super::Equivocation).
    pub equivocated: BTreeSet<NodeId>,
    /// Who signed an echo and, when it was asked, did not show signed first messages of all
    /// participants with this hash. It may have lied, or lost them, and what it showed is the word
    /// of whoever asked: a reason to choose others, no proof.
    pub unsupported: BTreeSet<NodeId>,
}

/// What echoes that differ come from, in the run with these terms.
///
/// `echoes` holds the signed second message of participants; `shown` what each of them, when it
/// was asked, showed as the signed first messages that it had received. Somebody who was not
/// asked, or whose second message is not signed for this run, is not judged; and nobody is found
/// anything merely because its echo differs (DEAL-21). Depends on nothing but the arguments.
pub fn judge_echoes<C: Curve>(
    terms: &Terms<C>,
    echoes: &BTreeMap<NodeId, Signed>,
    shown: &BTreeMap<NodeId, BTreeMap<NodeId, Signed>>,
    signatures: &impl Signatures,
) -> EchoFindings {
    let participants = terms.participants();
    let digest = terms.digest();
    let mut unsupported = BTreeSet::new();
    for (echoer, second) in echoes.iter().filter(|(from, _)| participants.contains(from)) {
        let Some(shown) = shown.get(echoer) else { continue };
        if !signatures.hold(echoer, Place::Message2, second) {
            continue;
        }
        let read = from_bytes::<Message2>(&second.bytes).ok();
        let echo = read.filter(|read| read.version == VERSION).map(|read| read.echo);
        let all_signed =
            shown.iter().all(|(author, first)| signatures.hold(author, Place::Message1, first));
        let firsts = shown.iter().map(|(author, first)| (*author, first.bytes.as_slice()));
        // Whoever goes on after a first message without its form has deviated too.
        let sid = read_firsts(terms, firsts).ok().map(|firsts| sid(&digest, &firsts));
        if !all_signed || sid.is_none() || sid != echo {
            unsupported.insert(*echoer);
        }
    }
    let two = |author: &&NodeId| has_two_firsts(author, shown, signatures);
    let equivocated = participants.iter().filter(two).copied().collect();
    EchoFindings { equivocated, unsupported }
}

/// Whether two different first messages with this author's signature were shown.
fn has_two_firsts(
    author: &NodeId,
    shown: &BTreeMap<NodeId, BTreeMap<NodeId, Signed>>,
    signatures: &impl Signatures,
) -> bool {
    let firsts = shown.values().filter_map(|firsts| firsts.get(author));
    let signed = firsts.filter(|first| signatures.hold(author, Place::Message1, first));
    let distinct: BTreeSet<&[u8]> = signed.map(|first| first.bytes.as_slice()).collect();
    distinct.len() > 1
}
