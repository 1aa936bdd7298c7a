//! Signing with presignatures.

use crate::fixture::{TWO_GROUPS, TWO_OF_THREE, key, node, nodes, payload, plan, plans, presigned};
use crate::signing::verifies;
use quorate_codec::Digest;
use quorate_derivation::Path;
use quorate_engine::{Fault, OpenPlan, Permit, Seed, Tweak, local, open, verify};
use quorate_identity::{KeyId, Scheme};

const SCHEME: Scheme = Scheme::EcdsaSecp256k1;

fn seed() -> Seed {
    local::seeds(1)()
}

/// ENG-13: at the root and at a child, with quorums of two trees; the signatures are ordinary ones.
#[test]
fn presignatures_sign_for_the_key_and_its_children() {
    let other = Scheme::EcdsaP256;
    for (scheme, tree, quorum) in
        [(SCHEME, TWO_OF_THREE, "ac"), (SCHEME, TWO_GROUPS, "bce"), (other, TWO_OF_THREE, "bc")]
    {
        let key = key(scheme, tree);
        let payloads = [payload(scheme, "one"), payload(scheme, "two")];
        for path in [vec![], vec![0, 7]] {
            let path = Path::new(path).unwrap();
            let mut stock = presigned(&key, quorum, 2);
            let with = |mut plan: OpenPlan| {
                let (id, terms) = (KeyId(Digest::ZERO), Digest([1; 32]));
                plan.permit = Permit::issue(id, path.clone(), payloads.to_vec(), terms);
                plan.presignatures = stock.remove(&plan.me).unwrap();
                plan
            };
            let plans = plans(&key, quorum, &payloads).into_iter().map(with).collect();
            let signed = local::sign(plans, &mut local::seeds(1)).unwrap();
            assert_eq!(signed.len(), quorum.len());
            let child = key.public.child(&crate::fixture::CHAIN_CODE, &path).unwrap();
            for signatures in signed.values() {
                for (signature, payload) in signatures.iter().zip(&payloads) {
                    assert!(verifies(scheme, &child.public_key(), payload, signature));
                    let again = verify(&child, Tweak::None, payload, signature.bytes());
                    assert_eq!(again.as_ref(), Ok(signature));
                }
            }
        }
    }
}

/// ENG-13: a session takes one presignature for each payload, all of its quorum and of an ECDSA key.
#[test]
fn neg_038_what_does_not_fit_is_the_callers_fault() {
    let key = key(SCHEME, TWO_OF_THREE);
    let me = node("a");
    let one = [payload(SCHEME, "one")];
    let fault = |change: &dyn Fn(&mut OpenPlan)| {
        let mut plan = plan(&key, "ab", me, &one);
        plan.presignatures = presigned(&key, "ab", 1).remove(&me).unwrap();
        change(&mut plan);
        open(plan, seed()).err().map(|failure| failure.fault)
    };
    assert_eq!(fault(&|_| {}), None);
    let more = |plan: &mut OpenPlan| {
        plan.presignatures = presigned(&key, "ab", 2).remove(&me).unwrap();
    };
    assert_eq!(fault(&more), Some(Fault::Caller));
    let others = |plan: &mut OpenPlan| {
        plan.presignatures = presigned(&key, "ac", 1).remove(&me).unwrap();
    };
    assert_eq!(fault(&others), Some(Fault::Caller));
    let curve = crate::fixture::key(Scheme::EcdsaP256, TWO_OF_THREE);
    let another = |plan: &mut OpenPlan| {
        plan.presignatures = presigned(&curve, "ab", 1).remove(&me).unwrap();
    };
    assert_eq!(fault(&another), Some(Fault::Caller));
    let schnorr = crate::fixture::key(Scheme::Bip340, TWO_OF_THREE);
    let mut plan = plan(&schnorr, "ab", me, &[payload(Scheme::Bip340, "one")]);
    plan.presignatures = presigned(&key, "ab", 1).remove(&me).unwrap();
    assert_eq!(open(plan, seed()).err().unwrap().fault, Fault::Caller);
}

/// ENG-08, ENG-13: nodes that were told of different sessions sign nothing with one presignature, and
/// accuse nobody: what they open is the same, what they make of it is not.
#[test]
fn neg_091_terms_that_differ_sign_nothing() {
    let key = key(SCHEME, TWO_OF_THREE);
    let mut stock = presigned(&key, "ab", 1);
    let plans = nodes("ab").into_iter().map(|me| {
        let mut plan = plan(&key, "ab", me, &[payload(SCHEME, "one")]);
        let terms = Digest([if me == node("a") { 1 } else { 9 }; 32]);
        let payloads = vec![payload(SCHEME, "one")];
        plan.permit = Permit::issue(KeyId(Digest::ZERO), Path::root(), payloads, terms);
        plan.presignatures = stock.remove(&me).unwrap();
        plan
    });
    let failed = local::sign(plans.collect(), &mut local::seeds(1)).unwrap_err();
    assert_eq!(failed.culprits(), Some(&[][..]));
    assert_eq!(failed.failure.quarantine, None);
}

#[test]
fn neg_079_presignatures_print_as_nothing() {
    let key = key(SCHEME, TWO_OF_THREE);
    let made = presigned(&key, "ab", 1);
    assert_eq!(format!("{:?}", made[&node("a")]), "[Presignature(secret)]");
    let names = |name: &str| made[&node(name)][0].name();
    assert_eq!(names("a"), names("b"));
}
