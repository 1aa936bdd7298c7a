//! The log: what it takes in, and everything that it must refuse (GOV-10 to GOV-23).

use crate::support::drawn::Drawing;
use crate::support::{Domain, EXPIRY, NOW, genesis, name, person, signed_by};
use quorate_charter::{
    Ahead, CertifiedEntry, Decided, Entry, EntryBody, EntryError, Instance, LogError, LookAhead,
    Motion, MotionBody, MotionError, Object, Replay, SignedMotion, State, effect, verify_log,
};
use quorate_codec::{Digest, from_bytes, to_bytes};
use quorate_identity::{CertificateError, CredentialSigner, Head, NodeSignatures, Scheme};

fn refusal(drawing: &Drawing<'_>, entries: &str) -> EntryError {
    match drawing.replay(entries) {
        Err(LogError::Entry { error, .. }) => error,
        other => panic!("{entries} should not hold: {other:?}"),
    }
}

#[test]
fn a_log_replays_to_the_state_that_wrote_it() {
    let domain = Domain::new(4, 1);
    let drawing = Drawing::new(&domain, "G -> hot[key hot] -> rules[policy 1] -> cold[key cold]");
    let state = drawing.replay("hot rules cold").unwrap();
    assert_eq!(&state, drawing.state("cold"));
    assert_eq!((state.position(), state.head()), (3, drawing.entry("cold").head()));
    assert_eq!(state.policy(), Some(&b"1"[..]));
    assert_eq!((state.policy_version(), state.keys().count()), (1, 2));
    let hot = state.key_named(&name("hot")).unwrap();
    assert_eq!(hot.key, drawing.motion("hot").key_id());
    assert_eq!(hot.entry, drawing.entry("hot").head());
    assert_eq!(hot.scheme, Scheme::Ed25519);
    let genesis_head = Head(domain.hash.digest());
    assert_eq!(verify_log(&domain.file, &domain.hash, []).unwrap().head(), genesis_head);
}

#[test]
fn entries_survive_their_encoding() {
    let domain = Domain::new(4, 1);
    let entry = Drawing::new(&domain, "G -> a").entry("a");
    assert_eq!(from_bytes::<CertifiedEntry>(&to_bytes(&entry)).unwrap(), entry);
    assert_eq!(CertifiedEntry::from_decided(&entry.to_decided()).unwrap(), entry);
}

/// GOV-20: two entries at one position; whoever has one refuses the other, and both
/// certificates together prove that more than f voters lie (AGR-12).
#[test]
fn neg_072_a_fork_is_refused_and_proven() {
    let domain = Domain::new(4, 1);
    let drawing = Drawing::new(&domain, "G -> a -> b\na -> c\nc -> d");
    let error = refusal(&drawing, "a b d");
    assert!(matches!(
        error,
        EntryError::Position { expected: 3, got: 3 } | EntryError::Fork { .. }
    ));
    assert!(matches!(refusal(&drawing, "a b c"), EntryError::Position { expected: 3, got: 2 }));
    let (b, c) = (drawing.entry("b").to_decided(), drawing.entry("c").to_decided());
    assert!(
        b.conflicts_with(&c) && b.verify(&domain.state).is_ok() && c.verify(&domain.state).is_ok()
    );
    assert!(!b.conflicts_with(&b));
    assert!(!b.conflicts_with(&drawing.entry("a").to_decided()));
}

/// GOV-20: an old entry shown again does not take a node back.
#[test]
fn neg_072_a_rollback_is_refused() {
    let domain = Domain::new(4, 1);
    let drawing = Drawing::new(&domain, "G -> a -> b -> c");
    assert!(matches!(refusal(&drawing, "a b c b"), EntryError::Position { expected: 4, got: 2 }));
    assert!(matches!(refusal(&drawing, "a a"), EntryError::Position { expected: 2, got: 1 }));
}

/// GOV-20: a node is not taken past entries that it has not seen, be it by one whose number is
/// right and whose past is not its own.
#[test]
fn neg_072_a_fast_forward_is_refused() {
    let domain = Domain::new(4, 1);
    let drawing = Drawing::new(&domain, "G -> a -> b -> c");
    assert!(matches!(refusal(&drawing, "a c"), EntryError::Position { expected: 2, got: 3 }));
    assert!(matches!(refusal(&drawing, "b"), EntryError::Position { expected: 1, got: 2 }));
    let unheld = Entry { position: 1, ..drawing.entry("b").entry().clone() };
    let unheld = domain.certify(&unheld, 3);
    assert!(matches!(domain.state.verify_entry(&unheld), Err(EntryError::Fork { .. })));
}

/// GOV-23: a true prefix holds, and says by its head how far it reaches; a past of another
/// genesis holds nowhere.
#[test]
fn neg_072_a_prefix_names_its_head_and_another_past_is_refused() {
    let domain = Domain::new(4, 1);
    let drawing = Drawing::new(&domain, "G -> a -> b");
    assert_eq!(drawing.replay("a").unwrap().head(), drawing.entry("a").head());
    assert_ne!(drawing.replay("a").unwrap().head(), drawing.entry("b").head());
    let other = Domain::of(&quorate_charter::Genesis { nonce: Digest([1; 32]), ..genesis(4, 1) });
    let entries = || [drawing.entry("a"), drawing.entry("b")];
    let refused = verify_log(&other.file, &domain.hash, entries());
    assert!(matches!(refused, Err(LogError::Genesis(_))));
    let refused = verify_log(&other.file, &other.hash, entries());
    let foreign = EntryError::ForeignDomain(domain.hash);
    assert!(matches!(refused, Err(LogError::Entry { position: 1, error }) if error == foreign));
}

/// Entries under the names of a drawing, followed without the certificates that later ones cover.
fn follow(domain: &Domain, entries: &[CertifiedEntry]) -> Result<State, LogError> {
    let mut replay = Replay::from(domain.state.clone());
    replay.extend(entries, Ahead::nothing)?;
    let followed = replay.finish();
    // Whoever looks ahead comes to the same, also in parts.
    let mut ahead = Replay::from(domain.state.clone());
    let in_parts: LookAhead = |state, entries| {
        let (left, right) = entries.split_at(entries.len() / 2);
        Ahead::of(state, left).join(Ahead::of(state, right))
    };
    let looked = ahead.extend(entries, in_parts).and_then(|()| ahead.finish());
    match (&followed, &looked) {
        (Ok(followed), Ok(looked)) => assert_eq!(followed, looked),
        (Err(one), Err(other)) => assert_eq!(one.to_string(), other.to_string()),
        (one, other) => panic!("{one:?}, and looking ahead {other:?}"),
    }
    followed
}

/// The entry with the certificate of too few.
fn uncertified(entry: &CertifiedEntry) -> CertifiedEntry {
    let mut decided = entry.to_decided();
    let certificate = decided.certificate.iter().take(2);
    decided.certificate = certificate.map(|(node, signature)| (*node, *signature)).collect();
    CertifiedEntry::from_decided(&decided).unwrap()
}

/// GOV-24: a certificate covers what came before it, up to the entry that made its voters; without
/// one at the end, or where voters change, nothing is believed.
#[test]
fn neg_072_a_later_certificate_covers_earlier_entries_of_the_same_voters() {
    let domain = Domain::new(4, 1);
    let drawing = Drawing::new(
        &domain,
        "G -> a -> b[key hot] -> in[admit n5] -> c -> out[expel n1] -> d -> e",
    );
    let names = ["a", "b", "in", "c", "out", "d", "e"];
    let whole: Vec<CertifiedEntry> = names.map(|entry| drawing.entry(entry)).into();
    assert_eq!(&follow(&domain, &whole).unwrap(), drawing.state("e"));
    for (at, name) in names.iter().enumerate() {
        let mut entries = whole.clone();
        entries[at] = uncertified(&entries[at]);
        assert!(verify_log(&domain.file, &domain.hash, entries.clone()).is_err(), "{name}");
        let followed = follow(&domain, &entries);
        match name {
            &"in" | &"out" | &"e" => {
                let position = u64::try_from(at).unwrap() + 1;
                let refused = matches!(
                    followed,
                    Err(LogError::Entry { position: it, error: EntryError::Certificate(_) })
                        if it == position
                );
                assert!(refused, "{name}");
            }
            _ => assert_eq!(&followed.unwrap(), drawing.state("e"), "{name}"),
        }
        let until = follow(&domain, &entries[..=at]);
        assert!(until.is_err(), "{name} covers nothing, and nothing covers it");
    }
    // Nobody certified what follows from another past than theirs.
    let other = Drawing::new(&domain, "G -> a[policy 9] -> b");
    let mixed = [other.entry("a"), drawing.entry("b")];
    assert!(follow(&domain, &mixed).is_err());
}

/// GOV-24: what people signed is verified of every entry, however many are followed at once.
#[test]
fn neg_072_people_are_not_covered_by_nodes() {
    let domain = Domain::new(4, 1);
    let names: Vec<String> = (0..80).map(|number| format!("e{number}")).collect();
    let chain = names.iter().map(|name| format!("{name}[policy {}]", &name[1..]));
    let chain = format!("G -> {}", chain.collect::<Vec<_>>().join(" -> "));
    let drawing = Drawing::new(&domain, &chain);
    let whole: Vec<CertifiedEntry> = names.iter().map(|name| drawing.entry(name)).collect();
    assert_eq!(&follow(&domain, &whole).unwrap(), drawing.state("e79"));
    // Every node certifies what ada and ben did not sign.
    let mut state = domain.state.clone();
    let mut forged = Vec::new();
    for (at, entry) in whole.iter().enumerate() {
        let EntryBody::Motion(mut motion) = entry.entry().body.clone() else { panic!() };
        if at == 50 {
            let one = motion.signatures[0].1.clone();
            motion.signatures[0].1 = motion.signatures[1].1.clone();
            motion.signatures[1].1 = one;
        }
        let entry = Entry {
            prev: forged.last().map_or(domain.state.head(), CertifiedEntry::head),
            body: EntryBody::Motion(motion),
            ..entry.entry().clone()
        };
        let entry = domain.certify(&entry, 4);
        if let Ok(verified) = state.verify_entry(&entry) {
            state = state.apply(verified);
        }
        forged.push(entry);
    }
    assert_eq!(state.position(), 50);
    let followed = follow(&domain, &forged);
    let Err(LogError::Entry { position: 51, error: EntryError::Motion(error) }) = followed else {
        panic!("{followed:?}");
    };
    assert!(matches!(error, MotionError::Signature(_)), "{error}");
}

/// GOV-16: nodes that all vote for it do not replace people.
#[test]
fn neg_072_a_motion_that_too_few_signed_is_refused() {
    let domain = Domain::new(4, 1);
    let drawing = Drawing::new(&domain, "G -> a[by ada]\nG -> b[by nobody]\nG -> c[by ben+cleo]");
    let missing = |entry| match refusal(&drawing, entry) {
        EntryError::Motion(MotionError::Unauthorised(Some(missing))) => missing.to_string(),
        other => panic!("{other}"),
    };
    assert_eq!(missing("a"), "any of (ben, cleo)");
    assert_eq!(missing("b"), "2 of (ada, ben, cleo)");
    assert!(drawing.replay("c").is_ok());
    assert_eq!(
        domain.state.missing_for(drawing.motion("a")).unwrap().to_string(),
        "any of (ben, cleo)"
    );
    assert_eq!(domain.state.missing_for(drawing.motion("c")), None);
}

/// GOV-15: every signature present must be a valid one of somebody with a say, under exactly
/// these bytes.
#[test]
fn neg_072_forged_signatures_are_refused() {
    let domain = Domain::new(4, 1);
    let state = &domain.state;
    let unsigned = domain.motion(state, domain.key_create("hot"));
    let id = |who: &str| state.person_named(&name(who)).unwrap().id;
    let check = |motion: &SignedMotion| state.check_motion(motion, NOW).unwrap_err();

    // Ben's signature under ada's name.
    let mut forged = signed_by(state, unsigned.clone(), &["ben"]);
    forged.sign(id("ada"), &person("ben")).unwrap();
    assert_eq!(check(&forged), MotionError::Signature(name("ada")));
    // Of another motion.
    let other = signed_by(state, domain.motion(state, domain.key_create("hot")), &["ada", "ben"]);
    let mut moved = unsigned.clone();
    moved.signatures = other.signatures;
    assert!(matches!(check(&moved), MotionError::Signature(_)));
    // An approver has no say, and neither has a stranger.
    let mut approver = signed_by(state, unsigned.clone(), &["ada", "ben"]);
    approver.sign(id("finn"), &person("finn")).unwrap();
    assert_eq!(check(&approver), MotionError::NoSay(id("finn")));
    // One signature twice is not two.
    let mut twice = signed_by(state, unsigned.clone(), &["ada"]);
    twice.signatures.push(twice.signatures[0].clone());
    assert_eq!(check(&twice), MotionError::Signatures);
    // A signature for another purpose (N-22).
    let mut request = unsigned;
    let signature = person("ada").sign(quorate_codec::tag::REQUEST, request.bytes()).unwrap();
    request.add(id("ada"), signature);
    assert_eq!(check(&request), MotionError::Signature(name("ada")));
}

/// GOV-12, GOV-13: a motion counts once, and only while what it touches stands as it expects.
#[test]
fn neg_072_a_replayed_motion_is_refused() {
    let domain = Domain::new(4, 1);
    let drawing =
        Drawing::new(&domain, "G -> a[key hot] -> b[again a]\na -> c[policy 1] -> d[again c]");
    assert_eq!(refusal(&drawing, "a b"), EntryError::Motion(MotionError::Placed));
    assert_eq!(refusal(&drawing, "a c d"), EntryError::Motion(MotionError::Placed));
    assert_eq!(drawing.state("a").check_motion(drawing.motion("a"), NOW), Err(MotionError::Placed));
}

/// N-76: nothing that was signed for one domain counts in another, be it the same people and
/// nodes.
#[test]
fn neg_076_nothing_crosses_over_from_another_domain() {
    let ours = Domain::new(4, 1);
    let theirs = Domain::of(&quorate_charter::Genesis { nonce: Digest([1; 32]), ..genesis(4, 1) });
    let motion = theirs.motion(&theirs.state, MotionBody::PolicySet { bundle: b"x".to_vec() });
    let motion = signed_by(&theirs.state, motion, &["ada", "ben", "cleo"]);
    assert!(theirs.state.authorise(&motion, NOW).is_ok());
    let foreign = MotionError::ForeignDomain(theirs.hash);
    assert_eq!(ours.state.check_motion(&motion, NOW), Err(foreign.clone()));

    let entry = Entry::next(&ours.state, EntryBody::Motion(motion));
    let refused = ours.state.verify_entry(&ours.certify(&entry, 4));
    assert_eq!(refused, Err(EntryError::Motion(foreign)));

    // A certificate of the other domain's voters, who are the same machines.
    let good =
        signed_by(&ours.state, ours.motion(&ours.state, ours.key_create("hot")), &["ada", "ben"]);
    let entry = Entry::next(&ours.state, EntryBody::Motion(good));
    let decided = theirs.decide(Instance::Position(1), to_bytes(&entry), 4);
    let decided = Decided { genesis: ours.hash, ..decided };
    let refused = ours.state.verify_entry(&CertifiedEntry::from_decided(&decided).unwrap());
    assert!(matches!(refused, Err(EntryError::Certificate(_))));
}

/// GOV-22, AGR-11: too few voters, strangers, votes of the other phase, and another value.
#[test]
fn neg_072_certificates_that_prove_nothing_are_refused() {
    let domain = Domain::new(4, 1);
    let state = &domain.state;
    let motion = signed_by(state, domain.motion(state, domain.key_create("hot")), &["ada", "ben"]);
    let entry = Entry::next(state, EntryBody::Motion(motion.clone()));
    let good = domain.certify(&entry, 3);
    assert!(state.verify_entry(&good).is_ok());
    let refused = |decided: Decided| {
        let certified = CertifiedEntry::from_decided(&decided).unwrap();
        match state.verify_entry(&certified) {
            Err(EntryError::Certificate(quorate_charter::DecidedError::Certificate(error))) => {
                error
            }
            other => panic!("{other:?}"),
        }
    };
    let few = domain.certify(&entry, 2).to_decided();
    assert_eq!(refused(few), CertificateError::Few { got: 2, needed: 3 });
    let ballot = Decided { ballot: 1, ..good.to_decided() };
    assert!(matches!(refused(ballot), CertificateError::Signature(_)));

    let other = Entry::next(state, EntryBody::Motion(signed_by(state, motion, &["cleo"])));
    let certificate = good.certificate().clone();
    let value = Decided { value: to_bytes(&other), certificate, ..good.to_decided() };
    assert!(matches!(refused(value), CertificateError::Signature(_)));
}

/// N-59: a node that is in no roster certifies nothing.
#[test]
fn neg_059_a_node_outside_the_roster_counts_for_nothing() {
    let domain = Domain::new(4, 1);
    let outside = Domain::new(5, 1);
    let drawing = Drawing::new(&domain, "G -> a");
    let decided = drawing.entry("a").to_decided();
    let stranger = outside.node("n5");
    let mut certificate: NodeSignatures =
        decided.certificate.iter().take(2).map(|(id, signature)| (*id, *signature)).collect();
    let digest = quorate_codec::Transcript::new(quorate_codec::tag::TEST).digest();
    certificate.insert(
        stranger,
        outside.nodes[&stranger].sign(quorate_codec::tag::PRECOMMIT, digest.as_ref()),
    );
    let forged = Decided { certificate, ..decided };
    let refused = domain.state.verify_entry(&CertifiedEntry::from_decided(&forged).unwrap());
    let error = CertificateError::Stranger(stranger);
    assert_eq!(refused, Err(EntryError::Certificate(error.into())));
}

/// N-59, GOV-14: a key over a witness, over a stranger, or over one node alone.
#[test]
fn neg_059_keys_are_ordered_over_signers_only() {
    let domain = Domain::new(4, 1);
    let outside = Domain::new(5, 1).node("n5");
    let order = |access: &str| {
        let access = access.parse::<quorate_access::Tree<quorate_identity::Name>>().unwrap();
        let id = |node: &quorate_identity::Name| {
            domain.state.node_named(node).map_or(outside, |node| node.id)
        };
        let body = MotionBody::key_create(name("hot"), Scheme::Bip340, access.map(id));
        domain.state.check_motion(&domain.motion(&domain.state, body), NOW)
    };
    assert!(order("2 of (n1, n2, n3)").is_ok());
    assert_eq!(order("2 of (n1, n2, n4)"), Err(MotionError::NoSigner("n4".into())));
    assert_eq!(order("2 of (n1, n2, n5)"), Err(MotionError::NoSigner(outside.to_string())));
    let alone = "n1 alone is a quorum".to_owned();
    assert_eq!(order("any of (n1, all of (n2, n3))"), Err(MotionError::Access(alone)));
}

/// GOV-12: what touches other things does not disturb; what touches the same is superseded.
#[test]
fn motions_disturb_only_what_they_touch() {
    let domain = Domain::new(4, 1);
    let first = &domain.state;
    let sign = |body| signed_by(first, domain.motion(first, body), &["ada", "cleo"]);
    let waiting = sign(MotionBody::PolicySet { bundle: b"old".to_vec() });
    let cold = sign(domain.key_create("cold"));
    let rival = sign(domain.key_create("hot"));
    let drawing = Drawing::new(&domain, "G -> hot[key hot] -> rules[policy 1]");
    assert!(drawing.state("hot").authorise(&waiting, NOW).is_ok());
    let superseded = |object, got| Err(MotionError::Superseded { object, expected: 0, got });
    assert_eq!(drawing.state("rules").authorise(&waiting, NOW), superseded(Object::Policy, 1));
    assert_eq!(
        drawing.state("hot").authorise(&rival, NOW),
        superseded(Object::Key(name("hot")), 1),
    );
    assert!(drawing.state("rules").authorise(&cold, NOW).is_ok());
}

/// GOV-12: a motion that expects the version of the key there is does not make a second one.
#[test]
fn no_two_keys_have_one_name() {
    let domain = Domain::new(4, 1);
    let drawing = Drawing::new(&domain, "G -> hot[key hot]");
    let state = drawing.state("hot");
    let again = domain.motion(state, domain.key_create("hot"));
    assert_eq!(state.check_motion(&again, NOW), Err(MotionError::NameTaken(name("hot"))));
}

/// GOV-12: a motion may not leave out, or add, what it expects.
#[test]
fn a_motion_expects_exactly_what_it_touches() {
    let domain = Domain::new(4, 1);
    let body = domain.key_create("hot");
    let motion = Motion::new(&domain.state, body, Digest([1; 32]), EXPIRY);
    for expects in [
        vec![],
        vec![(Object::Policy, 0)],
        vec![(Object::Policy, 0), (Object::Key(name("hot")), 0)],
    ] {
        let motion = SignedMotion::new(&Motion { expects, ..motion.clone() });
        assert_eq!(domain.state.check_motion(&motion, NOW), Err(MotionError::Expects));
    }
    assert!(domain.state.check_motion(&SignedMotion::new(&motion), NOW).is_ok());
}

/// GOV-13, GOV-22: time is judged when people and voters act, not when the log is replayed.
#[test]
fn an_expired_motion_enters_only_by_its_certificate() {
    let domain = Domain::new(4, 1);
    let state = &domain.state;
    let motion = signed_by(state, domain.motion(state, domain.key_create("hot")), &["ada", "ben"]);
    let value = to_bytes(&Entry::next(state, EntryBody::Motion(motion.clone())));
    assert!(state.check_next(&value, EXPIRY - 1, &|_| None).is_ok());
    assert!(matches!(state.check_next(&value, EXPIRY, &|_| None), Err(EntryError::Late(_))));
    assert_eq!(state.check_motion(&motion, EXPIRY), Err(MotionError::Expired));
    let early = EXPIRY - quorate_charter::limits::MOTION_LIFETIME_MS_MAX - 1;
    assert_eq!(state.check_motion(&motion, early), Err(MotionError::TooLate));
    assert!(state.verify_entry(&domain.entry(state, &motion)).is_ok());
    // An expired motion that is wrong besides is wrong, not late.
    let forged = signed_by(state, domain.motion(state, domain.key_create("hot")), &["ada"]);
    let value = to_bytes(&Entry::next(state, EntryBody::Motion(forged)));
    assert!(matches!(state.check_next(&value, EXPIRY, &|_| None), Err(EntryError::Motion(_))));
}

#[test]
fn a_verified_entry_changes_nothing_elsewhere() {
    let domain = Domain::new(4, 1);
    let drawing = Drawing::new(&domain, "G -> a -> b");
    let verified = drawing.state("a").verify_entry(&drawing.entry("b")).unwrap();
    assert_eq!(domain.state.apply(verified), domain.state);
}

#[test]
fn signatures_merge_and_keep_the_first() {
    let domain = Domain::new(4, 1);
    let state = &domain.state;
    let motion = domain.motion(state, domain.key_create("hot"));
    let mut ours = signed_by(state, motion.clone(), &["ada"]);
    let theirs = signed_by(state, motion, &["ben", "ada"]);
    assert!(ours.merge(&theirs));
    assert!(!ours.merge(&theirs));
    assert_eq!(ours.signatures.len(), 2);
    let other = signed_by(state, domain.motion(state, domain.key_create("hot")), &["cleo"]);
    assert!(!ours.merge(&other));
    let status = state.check_motion(&ours, NOW).unwrap();
    assert_eq!((status.missing, status.signed_by.len()), (None, 2));
}

#[test]
fn a_motion_says_what_it_does() {
    let domain = Domain::new(4, 1);
    let state = &domain.state;
    let key = Motion::new(state, domain.key_create("hot"), Digest([1; 32]), EXPIRY);
    assert_eq!(key.kind(), "key-create");
    let words = effect(&key, state).join("\n");
    for part in ["hot", "ed25519", "2 of (n1, n2, n3)", "at least 2 nodes"] {
        assert!(words.contains(part), "{words}");
    }
    let body = MotionBody::PolicySet { bundle: b"rules".to_vec() };
    let policy = Motion::new(state, body, Digest([1; 32]), EXPIRY);
    assert_eq!(policy.kind(), "policy-set");
    assert!(effect(&policy, state).join("\n").contains("5 bytes"));
}
