//! Complaints, echoes and equivocation, judged from signed messages.

use crate::harness::{Deal, Inboxes, Keys, context, dealing, dealt, fresh, node, plans, rewrite};
use minicbor::bytes::ByteVec;
use quorate_codec::{Digest, Transcript, from_bytes, tag, to_bytes};
use quorate_curve::Ed25519;
use quorate_identity::NodeId;
use quorate_keygen::{
    Accusation, DealError, EchoFindings, Equivocation, Message1, Message2, Place, Plan, Signed,
    Terms, Unproven, Verdict, judge_echoes,
};
use std::collections::{BTreeMap, BTreeSet};

const TREE: &str = "2 of (1, 2, 3, 1)";

/// What stands for a signature here: only [`sign`] makes it, and tests call it only for what a
/// participant did sign.
fn mark(ctx0: Digest, author: &NodeId, place: Place, bytes: &[u8]) -> Digest {
    let place = to_bytes(&place);
    Transcript::new(tag::TEST).part(ctx0).part(author).part(place).part(bytes).digest()
}

fn sign(ctx0: Digest, author: NodeId, place: Place, bytes: &[u8]) -> Signed {
    let signature = mark(ctx0, &author, place, bytes).0.to_vec().into();
    Signed { bytes: bytes.to_vec().into(), signature }
}

fn signatures(author: &NodeId, place: Place, signed: &Signed) -> bool {
    mark(context(0), author, place, &signed.bytes).0[..] == signed.signature[..]
}

/// A run in which dealer 2 sends others something else than it should, as far as the second
/// round; and what participant `victim` then complains about.
struct Run {
    terms: Terms<Ed25519>,
    firsts: BTreeMap<NodeId, Vec<u8>>,
    seconds: BTreeMap<NodeId, Vec<u8>>,
    errors: BTreeMap<NodeId, DealError>,
}

fn run(change: impl Fn(&mut Message2)) -> Run {
    run_of(plans(&fresh::<Ed25519>(TREE, 2)), change)
}

fn run_of(plans: Vec<Plan<Ed25519>>, change: impl Fn(&mut Message2)) -> Run {
    let terms = plans[0].terms.clone();
    let seen_by = terms.participants().into_iter().find(|me| *me != node(2)).unwrap();
    let (mut deal, inboxes) = Deal::begin_plans(plans, u64::from);
    let firsts = inboxes[&seen_by].clone();
    let sent = deal.round1(inboxes);
    let mut inboxes = deal.deliver(sent);
    rewrite(&mut inboxes, node(2), |_, second| change(second));
    let seconds = inboxes[&seen_by].clone();
    let results = deal.round2(inboxes).into_iter();
    let errors = results.filter_map(|(me, result)| Some((me, result.err()?))).collect();
    Run { terms, firsts, seconds, errors }
}

impl Run {
    /// What `complainer` signs, which may be a lie.
    fn accuse(&self, dealer: u8, complainer: u8, complaint: &[u8]) -> Accusation {
        let place = Place::Message2;
        let second = sign(context(0), node(dealer), place, &self.seconds[&node(dealer)]);
        let complaint = sign(context(0), node(complainer), Place::Complaint, complaint);
        Accusation::new(&self.firsts, (node(dealer), second), (node(complainer), complaint))
    }

    fn complaint(&self, complainer: u8) -> Vec<u8> {
        self.errors[&node(complainer)].complaint.as_ref().unwrap().to_bytes()
    }

    fn judge(&self, accusation: &Accusation) -> Result<Verdict, Unproven> {
        accusation.judge(&self.terms, &signatures)
    }
}

/// The parts of a complaint, to be changed; its form written out again.
#[derive(minicbor::Encode, minicbor::Decode)]
struct Parts {
    #[n(0)]
    version: u8,
    #[n(1)]
    sid: Digest,
    #[n(2)]
    dealer: NodeId,
    #[n(3)]
    message: Digest,
    #[n(4)]
    key: minicbor::bytes::ByteArray<32>,
}

fn parts(bytes: &[u8]) -> Parts {
    minicbor::decode(bytes).unwrap()
}

fn digest_of(message: &[u8]) -> Digest {
    Transcript::new(tag::DEAL_COMPLAINT).part(message).digest()
}

/// Breaks the first ciphertext for participant 3.
fn broken(second: &mut Message2) {
    dealing(second).sealed[2].0[40] ^= 1;
}

/// DEAL-19, DEAL-20: the receiver of a bad share proves it to everybody, at its first leaf or its
/// last; the object survives being written down.
#[test]
fn neg_094_a_bad_share_convicts_its_dealer() {
    for (leaf, victim) in [(0, 1), (3, 1), (2, 3)] {
        let run = run(|second| {
            dealing(second).sealed[leaf].0[40] ^= 1;
        });
        assert_eq!(run.errors.keys().collect::<Vec<_>>(), [&node(victim)]);
        let accusation = run.accuse(2, victim, &run.complaint(victim));
        assert_eq!(run.judge(&accusation), Ok(Verdict::Dealer(node(2))));
        let written: Accusation = from_bytes(&to_bytes(&accusation)).unwrap();
        assert_eq!(run.judge(&written).unwrap().guilty(), node(2));
    }
}

/// DEAL-08, DEAL-20: where parties are absent, a judge finds the ciphertexts of the complainer in
/// their places; who is absent has nothing to complain about.
#[test]
fn neg_094_complaints_are_judged_where_parties_are_absent() {
    let keys = Keys::new(TREE, 2);
    // The absent one has the first leaf and the last.
    let plans = || keys.plans(&keys.terms_without(&[2, 3], TREE, &[1]));
    let bad = run_of(plans(), |second| dealing(second).sealed[1].0[40] ^= 1);
    assert_eq!(bad.errors.keys().collect::<Vec<_>>(), [&node(3)]);
    let accusation = bad.accuse(2, 3, &bad.complaint(3));
    assert_eq!(bad.judge(&accusation), Ok(Verdict::Dealer(node(2))));
    let good = run_of(plans(), |_| ());
    let mut parts = parts(&bad.complaint(3));
    parts.message = digest_of(&good.seconds[&node(2)]);
    let accusation = good.accuse(2, 3, &to_bytes(&parts));
    assert_eq!(good.judge(&accusation), Ok(Verdict::Complainer(node(3))));
    let absent = bad.accuse(2, 1, &bad.complaint(3));
    assert_eq!(bad.judge(&absent), Err(Unproven::Roles));
    // As many ciphertexts as the tree has leaves are two too many.
    let padded = run_of(plans(), |second| {
        let again = dealt(second).sealed.clone();
        dealing(second).sealed.extend(again);
    });
    assert!(padded.errors.values().all(|error| error.culprits == [node(2)]));
    parts.message = digest_of(&padded.seconds[&node(2)]);
    let accusation = padded.accuse(2, 3, &to_bytes(&parts));
    assert_eq!(padded.judge(&accusation), Ok(Verdict::Dealer(node(2))));
}

/// DEAL-20: a receiver that complains about good shares exposes its own and is guilty; so is one
/// that reveals another key than it announced, or signs what is no complaint.
#[test]
fn neg_094_a_false_complaint_convicts_who_complains() {
    let bad = run(broken);
    let good = run(|_| ());
    assert!(good.errors.is_empty() && good.firsts == bad.firsts);
    // The same run and the same keys, but the dealer was honest.
    let about_good = |complainer: u8, change: &dyn Fn(&mut Parts)| {
        let mut parts = parts(&bad.complaint(3));
        parts.message = digest_of(&good.seconds[&node(2)]);
        change(&mut parts);
        good.judge(&good.accuse(2, complainer, &to_bytes(&parts)))
    };
    let complainer = Ok(Verdict::Complainer(node(3)));
    assert_eq!(about_good(3, &|_| ()), complainer);
    assert_eq!(about_good(3, &|parts| parts.key = [7; 32].into()), complainer);
    // Another participant cannot use the key that 3 revealed.
    assert_eq!(about_good(1, &|_| ()), Ok(Verdict::Complainer(node(1))));
    let garbage = good.accuse(2, 3, b"no complaint");
    assert_eq!(good.judge(&garbage), complainer);
    // Against the dealer that did lie, another key shows nothing either.
    let mut wrong_key = parts(&bad.complaint(3));
    wrong_key.key = [7; 32].into();
    assert_eq!(bad.judge(&bad.accuse(2, 3, &to_bytes(&wrong_key))), complainer);
}

/// DEAL-20: what is not signed, is of another run, or is about another message, proves nothing.
/// In particular a dealer that signed a second, good dealing cannot make a true complaint false.
#[test]
fn neg_094_an_accusation_of_mixed_parts_proves_nothing() {
    let bad = run(broken);
    let good = run(|_| ());
    let accusation = bad.accuse(2, 3, &bad.complaint(3));
    let changed = |change: &dyn Fn(&mut Accusation)| {
        let mut accusation = accusation.clone();
        change(&mut accusation);
        bad.judge(&accusation).unwrap_err()
    };
    let other_second = good.accuse(2, 3, &[]).second;
    assert_eq!(changed(&|a| a.second = other_second.clone()), Unproven::Run);
    assert_eq!(changed(&|a| a.second.signature = vec![0; 32].into()), Unproven::Signature);
    assert_eq!(changed(&|a| a.complaint.signature = vec![0; 32].into()), Unproven::Signature);
    assert_eq!(changed(&|a| a.dealer = node(3)), Unproven::Signature);
    assert_eq!(changed(&|a| a.complainer = node(9)), Unproven::Roles);
    assert_eq!(changed(&|a| a.dealer = node(9)), Unproven::Roles);
    assert_eq!(changed(&|a| drop(a.firsts.remove(0))), Unproven::Firsts);
    assert_eq!(changed(&|a| a.firsts[0].1 = vec![1].into()), Unproven::Firsts);
    // One form: in order, and nobody twice.
    assert_eq!(changed(&|a| a.firsts.swap(0, 1)), Unproven::Firsts);
    assert_eq!(changed(&|a| a.firsts.insert(0, a.firsts[0].clone())), Unproven::Firsts);
    assert_eq!(changed(&|a| a.version = 2), Unproven::Version);
    // First messages that nobody sent: the complainer's with another key, to frame the dealer.
    let framed = |a: &mut Accusation| {
        let mut first: Message1 = from_bytes(&a.firsts[2].1).unwrap();
        first.seal_keys[1] = first.seal_keys[0];
        a.firsts[2] = (node(3), to_bytes(&first).into());
    };
    assert_eq!(changed(&framed), Unproven::Run);
    let other = Terms { ctx0: context(1), ..bad.terms.clone() };
    assert_eq!(accusation.judge(&other, &signatures), Err(Unproven::Run));
    let mut other_run = parts(&bad.complaint(3));
    other_run.sid = Digest([1; 32]);
    assert_eq!(bad.judge(&bad.accuse(2, 3, &to_bytes(&other_run))), Err(Unproven::Run));
}

/// DEAL-20: a liar tells the dealer another first message than all others, and then complains with
/// the one that the others have: what the dealer sealed does not open in their run, and it is not
/// convicted, because it never echoed that run.
#[test]
fn neg_094_a_dealer_is_not_judged_in_a_run_that_it_did_not_echo() {
    let bad = run(broken);
    let (mut deal, mut inboxes) = Deal::begin_plans(plans(&bad.terms), u64::from);
    rewrite(&mut inboxes, node(3), |to, first: &mut Message1| {
        if to == node(2) {
            first.sid = Digest([1; 32]);
        }
    });
    let second = deal.round1(inboxes).remove(&node(2)).unwrap().unwrap();
    // The liar's key for the dealer, as everybody saw it announced.
    let mut complaint = parts(&bad.complaint(3));
    complaint.message = digest_of(&second);
    let mut accusation = bad.accuse(2, 3, &to_bytes(&complaint));
    accusation.second = sign(context(0), node(2), Place::Message2, &second);
    assert_eq!(bad.judge(&accusation), Err(Unproven::Run));
}

/// DEAL-20: whatever byte of a true accusation, or of one against an honest dealer, is changed on
/// its way, nobody honest is convicted and nothing panics.
#[test]
fn neg_094_no_changed_byte_convicts_somebody_honest() {
    let bad = run(broken);
    let good = run(|_| ());
    let mut false_one = parts(&bad.complaint(3));
    false_one.message = digest_of(&good.seconds[&node(2)]);
    let cases = [
        (&bad, to_bytes(&bad.accuse(2, 3, &bad.complaint(3))), Verdict::Dealer(node(2))),
        (&good, to_bytes(&good.accuse(2, 3, &to_bytes(&false_one))), Verdict::Complainer(node(3))),
    ];
    for (run, bytes, verdict) in cases {
        assert_eq!(run.judge(&from_bytes(&bytes).unwrap()), Ok(verdict));
        for at in (0..bytes.len()).step_by(11) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            let judged = from_bytes::<Accusation>(&changed).map(|changed| run.judge(&changed));
            let convicted = judged.ok().and_then(Result::ok);
            assert!(convicted.is_none_or(|convicted| convicted == verdict), "byte {at}");
        }
    }
}

/// DEAL-13, DEAL-19: a dealer that puts another dealer's ciphertext in its own place provokes a
/// complaint. What is revealed is the key for this dealer alone, and opens nothing of the other.
#[test]
fn neg_062_a_complaint_opens_nothing_but_the_accused_dealers_shares() {
    let good = run(|_| ());
    let theirs: Message2 = from_bytes(&good.seconds[&node(3)]).unwrap();
    let stolen = run(|second| {
        dealing(second).sealed[0] = dealt(&theirs).sealed[0].clone();
    });
    let complaint = stolen.complaint(1);
    let accusation = stolen.accuse(2, 1, &complaint);
    assert_eq!(stolen.judge(&accusation), Ok(Verdict::Dealer(node(2))));
    // Held against the honest dealer, the revealed key is not the one announced for it.
    let mut about_honest = parts(&complaint);
    about_honest.dealer = node(3);
    about_honest.message = digest_of(&stolen.seconds[&node(3)]);
    let accusation = stolen.accuse(3, 1, &to_bytes(&about_honest));
    assert_eq!(stolen.judge(&accusation), Ok(Verdict::Complainer(node(1))));
    let keys: Vec<[u8; 32]> = stolen
        .firsts
        .values()
        .flat_map(|first| from_bytes::<Message1>(first).unwrap().seal_keys)
        .map(|key| key.0)
        .collect();
    assert_eq!(keys.len(), 9);
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 9, "a key for each pair");
}

/// DEAL-20: a dealer whose signed second message is no dealing needs no key to be convicted.
#[test]
fn neg_007_a_signed_message_that_is_no_dealing_convicts_its_dealer() {
    let bad = run(broken);
    let guilty = |bytes: Vec<u8>| {
        let mut parts = parts(&bad.complaint(3));
        parts.message = digest_of(&bytes);
        let mut accusation = bad.accuse(2, 3, &to_bytes(&parts));
        accusation.second = sign(context(0), node(2), Place::Message2, &bytes);
        bad.judge(&accusation)
    };
    let dealer = Ok(Verdict::Dealer(node(2)));
    assert_eq!(guilty(vec![0]), dealer);
    let changes: [fn(&mut Message2); 4] = [
        |second| second.dealing = None,
        |second| dealing(second).opening = Digest([1; 32]),
        |second| drop(dealing(second).commitments.pop()),
        |second| dealing(second).commitments[0][0] = vec![2; 32].into(),
    ];
    for change in changes {
        let mut second: Message2 = from_bytes(&bad.seconds[&node(2)]).unwrap();
        change(&mut second);
        assert_eq!(guilty(to_bytes(&second)), dealer);
    }
}

/// What everybody received in round one, signed, and the echo that it then signed.
fn shown_and_echoed(
    inboxes: &Inboxes,
    seconds: &BTreeMap<NodeId, Vec<u8>>,
) -> (BTreeMap<NodeId, Shown>, BTreeMap<NodeId, Signed>) {
    let signed = |inbox: &BTreeMap<NodeId, Vec<u8>>| {
        let first = |(from, bytes): (&NodeId, &Vec<u8>)| {
            (*from, sign(context(0), *from, Place::Message1, bytes))
        };
        inbox.iter().map(first).collect()
    };
    let shown = inboxes.iter().map(|(me, inbox)| (*me, signed(inbox))).collect();
    let echoes = seconds
        .iter()
        .map(|(me, bytes)| (*me, sign(context(0), *me, Place::Message2, bytes)))
        .collect();
    (shown, echoes)
}

/// The first messages that somebody shows.
type Shown = BTreeMap<NodeId, Signed>;

fn set(numbers: &[u8]) -> BTreeSet<NodeId> {
    numbers.iter().map(|number| node(*number)).collect()
}

fn found(equivocated: &[u8], unsupported: &[u8]) -> EchoFindings {
    EchoFindings { equivocated: set(equivocated), unsupported: set(unsupported) }
}

/// DEAL-21, DEAL-22: who signed two first messages is guilty, and none of those whom it told
/// different things.
#[test]
fn neg_025_who_signed_two_first_messages_is_guilty_of_differing_echoes() {
    let terms = fresh::<Ed25519>("2 of (1, 2, 3)", 1);
    let (mut deal, mut inboxes) = Deal::begin_plans(plans(&terms), u64::from);
    rewrite(&mut inboxes, node(2), |to, first: &mut Message1| {
        if to == node(1) {
            first.sid = Digest([1; 32]);
        }
    });
    let sent = deal.round1(inboxes.clone());
    let seconds = sent.into_iter().map(|(me, sent)| (me, sent.unwrap())).collect();
    let (shown, echoes) = shown_and_echoed(&inboxes, &seconds);
    assert_eq!(judge_echoes(&terms, &echoes, &shown, &signatures), found(&[2], &[]));
    let proof = Equivocation {
        author: node(2),
        place: Place::Message1,
        one: shown[&node(1)][&node(2)].clone(),
        other: shown[&node(3)][&node(2)].clone(),
    };
    assert!(proof.is_proven(&signatures));
    let same = Equivocation { other: proof.one.clone(), ..proof.clone() };
    assert!(!same.is_proven(&signatures));
    let other_place = Equivocation { place: Place::Message2, ..proof.clone() };
    assert!(!other_place.is_proven(&signatures));
    let other_author = Equivocation { author: node(1), ..proof };
    assert!(!other_author.is_proven(&signatures));
}

/// DEAL-21: who echoes what it does not show is found out, not convicted; who echoes something else because it was
/// told another context, or was not asked, is not.
#[test]
fn neg_089_a_false_echo_accuses_its_author_and_nobody_else() {
    let terms = fresh::<Ed25519>("2 of (1, 2, 3)", 1);
    let (mut deal, inboxes) = Deal::begin_plans(plans(&terms), u64::from);
    let sent = deal.round1(inboxes.clone());
    let seconds: BTreeMap<NodeId, Vec<u8>> =
        sent.into_iter().map(|(me, sent)| (me, sent.unwrap())).collect();
    let mut second: Message2 = from_bytes(&seconds[&node(2)]).unwrap();
    second.echo = Digest([1; 32]);
    let lie = BTreeMap::from([(node(2), to_bytes(&second))]);
    let mut lying = seconds.clone();
    lying.extend(lie);
    let (shown, echoes) = shown_and_echoed(&inboxes, &lying);
    let judge = |shown: &BTreeMap<_, _>, echoes: &BTreeMap<_, _>| {
        judge_echoes(&terms, echoes, shown, &signatures)
    };
    assert_eq!(judge(&shown, &echoes), found(&[], &[2]));
    // Nobody lied; somebody shows fewer, more, unsigned or malformed messages.
    let (honest, echoes) = shown_and_echoed(&inboxes, &seconds);
    assert_eq!(judge(&honest, &echoes), found(&[], &[]));
    let cases: [&dyn Fn(&mut Shown); 4] = [
        &|shown| drop(shown.remove(&node(1))),
        &|shown| drop(shown.insert(node(9), shown[&node(1)].clone())),
        &|shown| shown.get_mut(&node(1)).unwrap().signature = vec![0; 32].into(),
        &|shown| {
            let bytes: ByteVec = vec![0x80].into();
            let signed = sign(context(0), node(3), Place::Message1, &bytes);
            shown.insert(node(3), signed);
        },
    ];
    for (at, change) in cases.iter().enumerate() {
        let mut shown = honest.clone();
        change(shown.get_mut(&node(3)).unwrap());
        // The last showed a second message that it signed itself: that alone is proof.
        let equivocated: &[u8] = if at == 3 { &[3] } else { &[] };
        assert_eq!(judge(&shown, &echoes), found(equivocated, &[3]), "case {at}");
    }
    // Not asked, or another context: not judged.
    let mut shown = honest.clone();
    shown.remove(&node(2));
    let (_, lying) = shown_and_echoed(&inboxes, &lying);
    assert_eq!(judge(&shown, &lying), found(&[], &[]));
    let other = sign(context(1), node(2), Place::Message2, &seconds[&node(1)]);
    let mut echoes = echoes;
    echoes.insert(node(2), other);
    assert_eq!(judge(&honest, &echoes), found(&[], &[]));
}
