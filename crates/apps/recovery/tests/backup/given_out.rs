//! Among whom the keys of a lost domain are given out, and which are given up (SUC-05, SUC-10, SUC-11).

use crate::domain::{Domain, name, written};
use crate::estate::{
    Estate, SUCCESSOR, estate, holder, part_by, probate, refusal, small, succession, verified,
};
use quorate_backup::SoftKind;
use quorate_charter::Succession;
use quorate_curve::Ed25519;
use quorate_identity::Scheme;
use quorate_recovery::backup_file::BackupReader;
use quorate_recovery::estate::{EstateFault, LeftOut, ProbateError, Unrestorable};
use quorate_recovery::seat::VerifiedBackup;

/// SUC-10: who gets which contributions follows from the places that the founders gave them, and not
/// from ids that whoever makes a machine can choose.
#[test]
fn neg_003_heirs_stand_in_the_places_that_the_founders_say() {
    let estate = estate();
    let mut turned = estate.succession().clone();
    turned.claims.reverse();
    let of = |succession: &Succession| {
        let (keys, _) = estate.verified.estate(succession, 1).unwrap();
        let ops = keys.into_iter().find(|key| key.name == name("ops")).unwrap();
        // Three dealers: the first in place has two of what they contributed.
        let points = ops.summands.0.into_iter().map(|summand| (summand.dealer, summand.points));
        points.collect::<Vec<_>>()
    };
    let (before, after) = (of(estate.succession()), of(&turned));
    assert_eq!(before.len(), 2);
    let swapped: Vec<_> =
        before.iter().zip(before.iter().rev()).map(|(it, other)| (it.0, other.1.clone())).collect();
    assert_eq!(after, swapped);
}

/// SUC-10: no key is given out among as few as may lie; custodians, founders and heirs tell alike.
#[test]
fn neg_003_so_many_as_may_lie_have_no_key_together() {
    let estate = estate();
    for (faults, is_fine) in [(0, true), (1, true), (2, false)] {
        let found = estate.verified.estate(estate.succession(), faults);
        assert_eq!(found.is_ok(), is_fine, "{faults}");
        if let Err(error) = found {
            let EstateFault::Holders { key, heirs } = error else { panic!("{error}") };
            assert!([name("ops"), name("vault")].contains(&key));
            assert_eq!(heirs, 2);
        }
    }
    // What two dealers contributed goes to two, however many heirs there are.
    let three = Estate::of(small().domain.clone(), &small().keys(), 3);
    let fault = EstateFault::Holders { key: name("vault"), heirs: 2 };
    assert_eq!(three.verified.estate(three.succession(), 2).unwrap_err(), fault);
    let given_up = Succession { omitted: vec![name("vault")], ..three.succession().clone() };
    let (keys, left_out) = three.verified.estate(&given_up, 2).unwrap();
    assert_eq!(keys.iter().map(|key| key.name.clone()).collect::<Vec<_>>(), [name("ops")]);
    assert_eq!(left_out, [LeftOut { name: name("vault"), why: Unrestorable::Omitted }]);
}

/// SUC-05: a key that was ordered and never made keeps no other from coming back, once the founders
/// give it up; and nothing is opened of one that is given up.
#[test]
fn a_key_that_is_given_up_hinders_no_other() {
    let mut domain = small().domain.clone();
    domain.order("never", Scheme::Ed25519, "2 of (node-1, node-2)", 1);
    let file = written(&domain.items(&small().keys()));
    let genesis = domain.state.genesis();
    let read = |omitted: &[&str]| {
        let omitted: Vec<_> = omitted.iter().map(|key| name(key)).collect();
        let reader = BackupReader::new(&file[..]).unwrap();
        VerifiedBackup::read_without(reader, &genesis, &omitted)
    };
    assert!(read(&[]).is_err() && read(&["vault"]).is_err());
    let backup = read(&["never"]).unwrap();
    let known = succession(&backup, 2);
    let silent = Domain::succeeding(SUCCESSOR, 1, known.clone());
    let refused = refusal(&domain, &file, &silent);
    assert!(matches!(refused, ProbateError::Refused(_)), "{refused}");

    let omitted = vec![name("never"), name("vault")];
    let successor =
        Domain::succeeding(SUCCESSOR, 1, Succession { omitted: omitted.clone(), ..known.clone() });
    let opened = probate(&domain, &file, &successor).ok().unwrap();
    let keys: Vec<_> = opened.keys().map(|key| key.key()).collect();
    assert_eq!(keys, [crate::estate::key_id(&domain, "ops")]);
    let left_out: Vec<_> = opened.left_out().iter().map(|it| (it.name.clone(), it.why)).collect();
    assert_eq!(left_out.len(), 2);
    for key in omitted {
        assert!(left_out.contains(&(key, Unrestorable::Omitted)));
    }
    let holders: Vec<_> = opened.keys().map(|key| opened.holders(key).len()).collect();
    assert_eq!(holders, [2]);
    assert!(part_by(&opened, &holder("greta")).is_ok());

    let none = Succession { omitted: vec![name("what")], ..known };
    let none = Domain::succeeding(SUCCESSOR, 1, none);
    let fault = EstateFault::NoKey(name("what"));
    let estate = backup.estate(none.state.succession().unwrap(), 1);
    assert_eq!(estate.unwrap_err(), fault);
}

/// SUC-11: dealers who agreed on it can have contributed what adds up to nothing at one heir, so that
/// the others alone would have the key: it is left out, and hinders no other.
#[test]
fn neg_018_a_key_whose_parts_cancel_out_at_an_heir_is_left_out() {
    let mut domain = Domain::founded(1, SoftKind::X25519);
    domain.place(crate::estate::custody_set(domain.state.custody().clone()));
    domain.order("ops", Scheme::Ed25519, "2 of (node-1, node-2, node-3)", 1);
    let ops = domain.generate_cancelling::<Ed25519>("ops", [0, 2]).kept;
    domain.order("fine", Scheme::Ed25519, "2 of (node-1, node-2)", 1);
    let fine = domain.generate::<Ed25519>("fine").kept;
    let file = written(&domain.items(&[ops, fine]));
    let backup = verified(&domain, &file);
    // Places 0 and 2 are the first of two heirs'; of three each has one.
    let (keys, left_out) = backup.estate(&succession(&backup, 2), 1).unwrap();
    assert_eq!(keys.iter().map(|key| key.name.clone()).collect::<Vec<_>>(), [name("fine")]);
    assert_eq!(left_out, [LeftOut { name: name("ops"), why: Unrestorable::Cancelled }]);
    let successor = Domain::succeeding(SUCCESSOR, 1, succession(&backup, 2));
    let opened = probate(&domain, &file, &successor).ok().unwrap();
    assert_eq!(opened.left_out(), left_out);
    let (keys, left_out) = backup.estate(&succession(&backup, 3), 1).unwrap();
    assert_eq!((keys.len(), left_out.len()), (2, 0));
}
