//! Hellos, welcomes and rejoins (GOV-30 to GOV-34).

use crate::support::{Domain, NOW};
use quorate_charter::{
    Entry, EntryBody, EntryError, Hello, Incarnation, Program, Recognition, Rejoin, RejoinError,
    SignedHello, SignedRejoin, SignedWelcome, StatementError, Welcome,
};
use quorate_codec::{Digest, from_bytes, to_bytes};

fn id(number: u8) -> Digest {
    Digest([number; 32])
}

fn hello(domain: &Domain, incarnation: Incarnation, position: u64, highest_vote: u64) -> Hello {
    Hello {
        version: 1,
        genesis: domain.hash,
        node: domain.node("n1"),
        incarnation,
        head: domain.state.head(),
        position,
        highest_vote,
        nonce: id(0xaa),
        time_ms: NOW,
        program: Program { version: "1.0.0".parse().unwrap(), digest: Digest([3; 32]) },
    }
}

fn sign(domain: &Domain, hello: Hello) -> SignedHello {
    SignedHello::sign(hello, &domain.nodes[&domain.node("n1")])
}

#[test]
fn statements_verify_at_their_domain_and_survive_their_encoding() {
    let domain = Domain::new(4, 1);
    let hello = sign(&domain, hello(&domain, Incarnation::first(id(1)), 0, 0));
    assert_eq!(hello.verify(&domain.state), Ok(hello.body()));
    assert_eq!(from_bytes::<SignedHello>(&to_bytes(&hello)).unwrap(), hello);
    let welcome = SignedWelcome::sign(
        Welcome {
            version: 1,
            genesis: domain.hash,
            node: domain.node("n1"),
            to: domain.node("n2"),
            recognition: Recognition::Lapsed(Box::new(hello)),
            head: domain.state.head(),
            position: 0,
            highest_vote: 0,
            locked: false,
            nonce: id(2),
            time_ms: NOW,
        },
        &domain.nodes[&domain.node("n1")],
    );
    assert!(welcome.verify(&domain.state).is_ok());
    assert_eq!(from_bytes::<SignedWelcome>(&to_bytes(&welcome)).unwrap(), welcome);
}

/// GOV-30: another domain, another version, another node's key, a node that is not there.
#[test]
fn neg_059_statements_of_strangers_and_forgers_are_refused() {
    let domain = Domain::new(4, 1);
    let good = hello(&domain, Incarnation::first(id(1)), 0, 0);
    let refused = |hello: Hello| sign(&domain, hello).verify(&domain.state).unwrap_err();
    let foreign = quorate_identity::GenesisHash(id(7));
    assert_eq!(
        refused(Hello { genesis: foreign, ..good.clone() }),
        StatementError::ForeignDomain(foreign)
    );
    assert_eq!(refused(Hello { version: 2, ..good.clone() }), StatementError::Version(2));
    assert_eq!(
        refused(Hello { node: domain.node("n2"), ..good.clone() }),
        StatementError::Signature
    );
    let stranger = Domain::new(5, 1).node("n5");
    assert_eq!(refused(Hello { node: stranger, ..good }), StatementError::UnknownNode(stranger));
}

/// GOV-32: a restored snapshot is found by its own earlier words, and an honest restart is not.
#[test]
fn neg_072_a_node_that_was_rolled_back_is_shown_its_own_hello() {
    let domain = Domain::new(4, 1);
    let hello = |incarnation, position, vote| hello(&domain, incarnation, position, vote);
    let first = Incarnation::first(id(1));
    let second = first.next(id(2));
    let seen = hello(second, 5, 6);

    let honest = [hello(second, 5, 6), hello(second.next(id(3)), 5, 6), hello(second, 9, 9)];
    for now in honest {
        assert!(!seen.lies_ahead_of(&now), "{now:?}");
    }
    // Several starts that nobody saw prove nothing, unless positions went back.
    let later = second.next(id(3)).next(id(4));
    assert!(!seen.lies_ahead_of(&hello(later, 5, 6)));
    let rolled_back = [
        hello(first, 5, 6),                         // the life before
        hello(first.next(id(9)), 5, 6),             // a second life from the same past
        hello(first.next(id(9)).next(id(3)), 5, 6), // and its child
        hello(second, 4, 6),                        // memory of an earlier moment
        hello(second.next(id(3)), 4, 6),            // a head that went back
        hello(later, 5, 5),                         // a vote forgotten
    ];
    for now in rolled_back {
        assert!(seen.lies_ahead_of(&now), "{now:?}");
    }
    let other = Hello { node: domain.node("n2"), ..hello(first, 0, 0) };
    assert!(!seen.lies_ahead_of(&other), "another node's past proves nothing");
}

/// GOV-33, AGR-09: what counts towards a lease.
#[test]
fn neg_101_a_locked_node_attests_nothing() {
    let domain = Domain::new(4, 1);
    let head = domain.state.head();
    let welcome = Welcome {
        version: 1,
        genesis: domain.hash,
        node: domain.node("n2"),
        to: domain.node("n1"),
        recognition: Recognition::Recognised(id(1)),
        head,
        position: 0,
        highest_vote: 0,
        locked: false,
        nonce: id(2),
        time_ms: NOW,
    };
    assert!(welcome.attests(&head, &id(2)));
    assert!(!Welcome { locked: true, ..welcome.clone() }.attests(&head, &id(2)));
    assert!(!welcome.attests(&head, &id(3)), "an old nonce");
    assert!(!welcome.attests(&quorate_identity::Head(id(4)), &id(2)), "another head");
    let earlier = sign(&domain, hello(&domain, Incarnation::first(id(1)), 0, 0));
    let lapsed = Welcome { recognition: Recognition::Lapsed(Box::new(earlier)), ..welcome };
    assert!(!lapsed.attests(&head, &id(2)));
}

/// GOV-34: a node comes back by an entry, each time by a later incarnation.
#[test]
fn a_lapsed_node_comes_back_once_an_incarnation() {
    let domain = Domain::new(4, 1);
    let node = domain.node("n1");
    let rejoin_at = |incarnation, head| {
        let body = Rejoin { version: 1, genesis: domain.hash, node, incarnation, head };
        SignedRejoin::sign(body, &domain.nodes[&node])
    };
    let second = Incarnation::first(id(1)).next(id(2));
    let asked = rejoin_at(second, domain.state.head());
    assert_eq!(domain.state.check_rejoin(&asked), Ok(()));
    assert!(domain.state.awaits_rejoin(&node));

    let entry = Entry::next(&domain.state, EntryBody::Rejoin(asked.clone()));
    assert_eq!(entry.kind(), "rejoin");
    assert!(domain.state.check_next(&to_bytes(&entry), NOW, &|_| None).is_ok());
    let verified = domain.state.verify_entry(&domain.certify(&entry, 3)).unwrap();
    let state = domain.state.apply(verified);
    assert_eq!(state.rejoined(&node), Some(&second));
    assert_eq!(state.rejoined_at(&node), Some(1));
    assert!(!state.awaits_rejoin(&node));
    assert_eq!(state.check_rejoin(&asked), Err(RejoinError::Stale { node, count: 2 }));
    // A later incarnation comes back as well, but not by what it asked before it last did (GOV-34).
    let third = second.next(id(3));
    assert!(state.check_rejoin(&rejoin_at(third, state.head())).is_ok());
    let leftover = state.check_rejoin(&rejoin_at(third, domain.state.head()));
    assert_eq!(leftover, Err(RejoinError::Stale { node, count: 3 }));
    // Whoever came back was restored from something that lies somewhere: every key is owed an epoch.
    assert!(state.owes_epochs_since(&domain.state.head()));
    assert!(!state.owes_epochs_since(&state.head()));

    let stale = Entry::next(&state, EntryBody::Rejoin(asked.clone()));
    let refused = state.verify_entry(&domain.certify(&stale, 3));
    assert!(matches!(refused, Err(EntryError::Rejoin(_))));

    // Nobody rejoins for another node.
    let forged = SignedRejoin::sign(asked.body().clone(), &domain.nodes[&domain.node("n2")]);
    let refused = RejoinError::Statement(StatementError::Signature);
    assert_eq!(domain.state.check_rejoin(&forged), Err(refused));
}
