//! Echoes that differ: whoever signed two first messages, or an echo of first messages that it
//! cannot show (DEAL-21).

use super::complaint::read_firsts;
use super::{Place, Signatures, Signed};
use crate::Terms;
use crate::deal::round1::sid;
use crate::deal::round2::Message2;
use quorate_codec::from_bytes;
use quorate_curve::Curve;
use quorate_identity::NodeId;
use std::collections::{BTreeMap, BTreeSet};

/// Who is guilty of echoes that differ, in the run with these terms.
///
/// `echoes` holds the signed second message of participants; `shown` what each of them, when it
/// was asked, showed as the signed first messages that it had received. Guilty is whoever
/// signed two different first messages, and whoever signed an echo but did not show signed first
/// messages of all participants with this hash. Somebody who was not asked, or whose second
/// message is not signed for this run, is not judged; and nobody is guilty merely because its
/// echo differs: an honest participant has what it echoed, and signs one first message (DEAL-21).
/// Depends on nothing but the arguments.
pub fn judge_echoes<C: Curve>(
    terms: &Terms<C>,
    echoes: &BTreeMap<NodeId, Signed>,
    shown: &BTreeMap<NodeId, BTreeMap<NodeId, Signed>>,
    signatures: &impl Signatures,
) -> BTreeSet<NodeId> {
    let participants = terms.participants();
    let digest = terms.digest();
    let mut guilty = BTreeSet::new();
    for (echoer, second) in echoes.iter().filter(|(from, _)| participants.contains(from)) {
        let Some(shown) = shown.get(echoer) else { continue };
        if !signatures.hold(echoer, Place::Message2, second) {
            continue;
        }
        let echo = from_bytes::<Message2>(&second.bytes).ok().map(|second| second.echo);
        let all_signed =
            shown.iter().all(|(author, first)| signatures.hold(author, Place::Message1, first));
        let firsts = shown.iter().map(|(author, first)| (*author, first.bytes.as_slice()));
        // Whoever goes on after a first message without its form has deviated too.
        let sid = read_firsts(terms, firsts).ok().map(|firsts| sid(&digest, &firsts));
        if !all_signed || sid.is_none() || sid != echo {
            guilty.insert(*echoer);
        }
    }
    guilty.extend(participants.iter().filter(|author| has_two_firsts(author, shown, signatures)));
    guilty
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
