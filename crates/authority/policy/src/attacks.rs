//! Attacks on the rules: what Cedar alone would let pass, and what a careless author would.

use crate::judge::{Approvers, Ruling};
use crate::limits::OPERATORS_MAX;
use crate::schema::{Asker, Question};
use crate::{Amount, Facts, Policy, PolicyBundle, PolicyError, PolicyFile, built_in};
use alloy_primitives::U256;
use quorate_identity::{Name, Scheme};
use std::collections::BTreeSet;

const PAYEE: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const OTHER: &str = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
const LIMITS: &str = r#"{"small":{"asset":"ether","max":"1000"}}"#;
const ONE_CASE: &str = r#"[{"name":"n","requester":"service:bot",
    "key":{"name":"ops","scheme":"ed25519"},"facts":{"kind":"raw.digest"},
    "expect":"deny","rule":"default-deny"}]"#;

fn bundle(cedar: &str) -> PolicyBundle {
    let lists = format!(r#"{{"payees":["{PAYEE}"],"banned":["{OTHER}"]}}"#);
    PolicyBundle::new(cedar.into(), LIMITS.into(), lists, ONE_CASE.into())
}

fn compile(cedar: &str) -> Result<Policy, PolicyError> {
    Policy::compile(&bundle(cedar).to_bytes())
}

fn names(names: &[&str]) -> BTreeSet<Name> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

/// Judges a transfer by the service `bot`, with the given people's approvals.
fn judge(policy: &Policy, facts: &Facts, approved: &[&str]) -> Ruling {
    let (bot, key) = ("bot".parse().unwrap(), "treasury".parse().unwrap());
    let question =
        Question { asker: Asker::Service(&bot), key: &key, scheme: Scheme::EcdsaSecp256k1, facts };
    let approvers =
        Approvers { approved: &names(approved), eligible: &names(&["alice", "bob", "carol"]) };
    policy.judge(&question, &approvers)
}

fn transfer(to: &str, amount: u64) -> Facts {
    Facts {
        network: "eip155:31337".into(),
        to: BTreeSet::from([to.to_owned()]),
        moves: vec![Amount { asset: "ether".into(), amount: U256::from(amount) }],
        ..Facts::of_kind("evm.transaction")
    }
}

const OPEN: &str = r#"@id("open") permit(principal, action, resource);"#;

fn rule_of(ruling: &Ruling) -> (&'static str, &str) {
    let outcome = match ruling {
        Ruling::Allow { .. } => "allow",
        Ruling::Wait { .. } => "wait",
        Ruling::Deny { .. } => "deny",
    };
    (outcome, ruling.rule())
}

#[test]
fn pol_10_forbid_wins_and_is_named_with_its_reason() {
    let policy = compile(&format!(
        r#"{OPEN} @id("no-banned") @reason("never to the banned")
           forbid(principal, action, resource) when {{ context.to_any_in.contains("banned") }};"#
    ))
    .unwrap();
    assert_eq!(rule_of(&judge(&policy, &transfer(PAYEE, 1), &[])), ("allow", "open"));
    let ruling = judge(&policy, &transfer(OTHER, 1), &["alice"]);
    assert_eq!(rule_of(&ruling), ("deny", "no-banned"));
    assert_eq!(ruling.reason(), "never to the banned");
    let mut both = transfer(OTHER, 1);
    both.to.insert(PAYEE.to_owned());
    assert_eq!(rule_of(&judge(&policy, &both, &[])), ("deny", "no-banned"));
}

/// POL-11: Cedar would skip the forbid.
#[test]
fn neg_073_a_forbid_whose_condition_overflows_denies() {
    let policy = compile(&format!(
        r#"{OPEN} @id("overflowing") forbid(principal, action, resource)
           when {{ context.destinations + 9223372036854775807 > 0 }};"#
    ))
    .unwrap();
    let ruling = judge(&policy, &transfer(PAYEE, 1), &[]);
    assert_eq!(rule_of(&ruling), ("deny", built_in::EVALUATION_ERROR));
    assert!(ruling.reason().contains("overflowing"), "{}", ruling.reason());
    let nowhere = Facts::of_kind("message");
    assert_eq!(rule_of(&judge(&policy, &nowhere, &[])), ("deny", "overflowing"));
}

/// POL-11: Cedar would skip this one too.
#[test]
fn neg_073_a_forbid_that_reads_a_missing_entity_denies() {
    let policy = compile(&format!(
        r#"{OPEN} @id("reads-vault") forbid(principal, action, resource)
           when {{ Key::"vault".scheme == "bip340" }};"#
    ))
    .unwrap();
    let ruling = judge(&policy, &transfer(PAYEE, 1), &[]);
    assert_eq!(rule_of(&ruling), ("deny", built_in::EVALUATION_ERROR));
    assert!(ruling.reason().contains("reads-vault"), "{}", ruling.reason());
}

/// POL-11: no error is harmless.
#[test]
fn neg_073_a_permit_in_error_denies_what_another_rule_permits() {
    let policy = compile(&format!(
        r#"{OPEN} @id("broken") permit(principal, action, resource)
           when {{ 9223372036854775807 + context.destinations == 0 }};"#
    ))
    .unwrap();
    let ruling = judge(&policy, &transfer(PAYEE, 1), &[]);
    assert_eq!(rule_of(&ruling), ("deny", built_in::EVALUATION_ERROR));
}

#[test]
fn pol_06_a_missing_field_is_refused_before_it_can_be_skipped() {
    for condition in [
        r#"context.amount > 5"#,
        r#"context.selector == "0xa9059cbb""#,
        r#"principal.name == "alice""#,
        r#"context.calls == "yes""#,
        r#"context.to.contains(5)"#,
        r#"context has nothing && context.calls"#,
        r#"resource in Group::"all""#,
    ] {
        let refused = compile(&format!(
            r#"{OPEN} @id("typo") forbid(principal, action, resource) when {{ {condition} }};"#
        ));
        assert!(matches!(refused, Err(PolicyError::Schema(_))), "{condition}: {refused:?}");
    }
    let guarded = compile(&format!(
        r#"{OPEN} @id("guarded") forbid(principal, action, resource)
           when {{ context has selector && context.selector == "0xa9059cbb" }};"#
    ));
    let policy = guarded.unwrap();
    let call = Facts { selector: Some("0xa9059cbb".into()), calls: true, ..transfer(PAYEE, 0) };
    assert_eq!(rule_of(&judge(&policy, &call, &[])), ("deny", "guarded"));
    assert_eq!(rule_of(&judge(&policy, &transfer(PAYEE, 0), &[])), ("allow", "open"));
}

#[test]
fn pol_06_unknown_actions_limits_lists_and_addresses_are_refused() {
    let unknown_action =
        compile(r#"@id("a") permit(principal, action == Action::"evm.transfer", resource);"#);
    assert!(matches!(unknown_action, Err(PolicyError::Schema(_))));
    let lower = PAYEE.to_lowercase();
    for (condition, file) in [
        (r#"context.within.contains("smal")"#, Some(PolicyFile::Limits)),
        (r#"context.within.containsAny(["small", "smal"])"#, Some(PolicyFile::Limits)),
        (r#"context.to_in.contains("payee")"#, Some(PolicyFile::Lists)),
        (r#"!context.to_any_in.containsAll(["banned", "band"])"#, Some(PolicyFile::Lists)),
        (r#"["smal"].containsAny(context.within)"#, Some(PolicyFile::Limits)),
        (r#"context["within"].contains("smal")"#, Some(PolicyFile::Limits)),
        (&format!(r#"context.to.contains("{lower}")"#), None),
    ] {
        let cedar =
            format!(r#"@id("a") forbid(principal, action, resource) when {{ {condition} }};"#);
        match (compile(&cedar), file) {
            (Err(PolicyError::Unknown { file: found, .. }), Some(file)) => assert_eq!(found, file),
            (Err(PolicyError::Destination(_)), None) => {}
            (other, _) => panic!("{condition}: {other:?}"),
        }
    }
}

#[test]
fn pol_06_a_selector_that_could_never_match_is_refused() {
    for (selector, known) in [("0xa9059cbb", true), ("0xA9059CBB", false), ("a9059cbb", false)] {
        let compiled = compile(&format!(
            r#"@id("a") forbid(principal, action, resource)
               when {{ context has selector && context.selector == "{selector}" }};"#
        ));
        let refused = matches!(compiled, Err(PolicyError::Selector(_)));
        assert_eq!(refused, !known, "{selector}");
    }
}

/// POL-08: amounts above what Cedar can count do not wrap into small ones.
#[test]
fn neg_073_an_amount_of_more_than_64_bits_is_compared_exactly() {
    let policy = compile(
        r#"@id("small-one") permit(principal, action, resource)
           when { context.within.contains("small") };"#,
    )
    .unwrap();
    for exponent in [63, 64, 128, 255] {
        for offset in [0_u64, 1, 1_000] {
            let mut facts = transfer(PAYEE, 0);
            facts.moves[0].amount = (U256::from(1) << exponent) + U256::from(offset);
            let ruling = judge(&policy, &facts, &[]);
            assert_eq!(rule_of(&ruling), ("deny", built_in::DEFAULT_DENY), "2^{exponent}+{offset}");
        }
    }
    assert_eq!(rule_of(&judge(&policy, &transfer(PAYEE, 1_000), &[])), ("allow", "small-one"));
}

#[test]
fn pol_04_every_rule_has_its_own_plain_name_and_known_annotations() {
    let permit = "permit(principal, action, resource);";
    let refused = |text: &str| compile(text).unwrap_err();
    assert!(matches!(refused(permit), PolicyError::Unnamed(_)));
    assert!(matches!(refused(""), PolicyError::Count(0)));
    assert!(matches!(refused("permit("), PolicyError::Syntax(_)));
    let twice = format!(r#"@id("a") {permit} @id("a") {permit}"#);
    assert_eq!(refused(&twice), PolicyError::SameId("a".into()));
    for id in ["", "A", "a b", "default-deny", "rejected", "1st"] {
        assert_eq!(refused(&format!(r#"@id("{id}") {permit}"#)), PolicyError::BadId(id.into()));
    }
    let misspelt = format!(r#"@id("a") @approval("alice") {permit}"#);
    assert!(matches!(refused(&misspelt), PolicyError::Annotation { .. }));
    for tree in ["", "alice bob", "3 of (alice, bob)", "all of (Alice, bob)"] {
        let text = format!(r#"@id("a") @approvals("{tree}") {permit}"#);
        assert!(matches!(refused(&text), PolicyError::Approvals { .. }), "{tree}");
    }
    let on_forbid = r#"@id("a") @approvals("alice") forbid(principal, action, resource);"#;
    assert_eq!(refused(on_forbid), PolicyError::ApprovalsOnForbid("a".into()));
    let template = r#"@id("a") permit(principal == ?principal, action, resource);"#;
    assert_eq!(refused(template), PolicyError::Template);
}

#[test]
fn pol_05_the_largest_accepted_rules_are_judged_on_a_small_stack() {
    let chain = |operators: usize| {
        let conditions = vec!["context.calls"; operators / 3].join(" || ");
        format!(
            r#"{OPEN} @id("chain") forbid(principal, action, resource) when {{ {conditions} }};"#
        )
    };
    assert_eq!(compile(&chain(3 * OPERATORS_MAX)).unwrap_err(), PolicyError::Involved);
    let nested = |depth: usize| {
        let (open, close) = ("(".repeat(depth), ")".repeat(depth));
        format!(
            r#"{OPEN} @id("deep") forbid(principal, action, resource)
               when {{ {open}context.calls{close} }};"#
        )
    };
    assert_eq!(compile(&nested(20_000)).unwrap_err(), PolicyError::Involved);
    let ifs = "if context.calls then true else ".repeat(OPERATORS_MAX / 4 - 8);
    let ifs =
        format!(r#"{OPEN} @id("ifs") forbid(principal, action, resource) when {{ {ifs} false }};"#);
    for cedar in [chain(OPERATORS_MAX - 8), nested(30), ifs] {
        let judged = std::thread::Builder::new().stack_size(1 << 20).spawn(move || {
            let policy = compile(&cedar).unwrap();
            rule_of(&judge(&policy, &transfer(PAYEE, 1), &[])).0
        });
        assert_eq!(judged.unwrap().join().unwrap(), "allow");
    }
}

#[test]
fn pol_12_a_permit_without_approvals_suffices_and_others_wait_in_words() {
    let policy = compile(
        r#"@id("large") @reason("any amount, anywhere") @approvals("all of (alice, any of (bob, carol))")
           permit(principal, action == Action::"evm.transaction", resource);
           @id("small-one") permit(principal, action == Action::"evm.transaction", resource)
           when { context.within.contains("small") && context.to_in.contains("payees") };"#,
    )
    .unwrap();
    assert_eq!(rule_of(&judge(&policy, &transfer(PAYEE, 1000), &[])), ("allow", "small-one"));
    let large = transfer(PAYEE, 1001);
    for (approved, people, needed) in [
        (&[][..], &["alice", "bob", "carol"][..], 2),
        (&["bob"], &["alice"], 1),
        (&["alice"], &["bob", "carol"], 1),
        (&["dora"], &["alice", "bob", "carol"], 2),
    ] {
        let Ruling::Wait { rule, waiting_for, .. } = judge(&policy, &large, approved) else {
            panic!("{approved:?} does not wait")
        };
        assert_eq!(rule, "large");
        assert_eq!(waiting_for.len(), 1);
        assert_eq!(waiting_for[0].people.iter().cloned().collect::<BTreeSet<_>>(), names(people));
        assert_eq!(waiting_for[0].needed, needed, "{approved:?}");
    }
    assert_eq!(rule_of(&judge(&policy, &large, &["alice", "carol"])), ("allow", "large"));
}

#[test]
fn pol_13_a_rule_that_nobody_can_satisfy_denies_instead_of_waiting() {
    let policy = compile(
        r#"@id("ghosts") @approvals("all of (alice, ghost)")
           permit(principal, action, resource);"#,
    )
    .unwrap();
    for approved in [&[][..], &["alice"]] {
        let ruling = judge(&policy, &transfer(PAYEE, 1), approved);
        assert_eq!(rule_of(&ruling), ("deny", "ghosts"));
    }
}

#[test]
fn pol_14_a_default_denial_lists_the_nearest_permits() {
    let policy = compile(
        r#"@id("transfers") @reason("small ether to payees")
           permit(principal, action == Action::"evm.transaction", resource)
           when { context.within.contains("small") && context.to_in.contains("payees") };
           @id("words") permit(principal, action == Action::"message", resource);"#,
    )
    .unwrap();
    let ruling = judge(&policy, &transfer(OTHER, 1), &[]);
    assert_eq!(rule_of(&ruling), ("deny", built_in::DEFAULT_DENY));
    assert!(ruling.reason().contains("transfers (small ether to payees)"), "{}", ruling.reason());
    assert!(ruling.reason().contains("destinations: banned"), "{}", ruling.reason());
    assert!(ruling.reason().contains("keeps: small"), "{}", ruling.reason());
    assert!(!ruling.reason().contains("words"));
    let raw = judge(&policy, &Facts::of_kind("raw.digest"), &[]);
    assert_eq!(raw.reason(), "no rule permits any raw.digest");
}

/// POL-11: a question outside the schema.
#[test]
fn neg_073_an_unknown_kind_is_denied() {
    let policy = compile(OPEN).unwrap();
    let ruling = judge(&policy, &Facts::of_kind("solana.transaction"), &[]);
    assert_eq!(rule_of(&ruling), ("deny", built_in::EVALUATION_ERROR));
}

#[test]
fn pol_15_the_table_must_exist_and_pass() {
    let with = |cases: &str| {
        let bundle = PolicyBundle { cases: cases.to_owned(), ..bundle(OPEN) };
        Policy::compile(&bundle.to_bytes())
    };
    assert_eq!(with("[]").unwrap_err(), PolicyError::NoCases);
    assert!(matches!(with("{}"), Err(PolicyError::Json { .. })));
    let case = |expect: &str, rule: &str| {
        ONE_CASE.replace("\"deny\"", &format!("\"{expect}\"")).replace("default-deny", rule)
    };
    let report = |cases: &str| with(cases).unwrap().run_cases().unwrap();
    assert_eq!(report(&case("allow", "open")).passed(), Ok(()));
    assert!(report(&case("allow", "open")).untested.is_empty());
    for (expect, rule) in [("deny", "open"), ("allow", "opened"), ("wait", "open")] {
        let failed = report(&case(expect, rule)).passed();
        assert!(matches!(failed, Err(PolicyError::Cases(_))), "{expect} {rule}");
    }
    let stranger = ONE_CASE.replace("\"expect\"", r#""approvals":["eve"],"expect""#);
    assert!(report(&stranger).cases[0].failure.as_ref().unwrap().contains("eve"));
}

#[test]
fn pol_01_a_bundle_has_one_encoding_and_a_known_version() {
    let bundle = bundle(OPEN);
    let bytes = bundle.to_bytes();
    assert_eq!(PolicyBundle::from_bytes(&bytes), Ok(bundle.clone()));
    let mut newer = bytes.clone();
    newer[1] = 2;
    assert_eq!(PolicyBundle::from_bytes(&newer), Err(PolicyError::Version(2)));
    let trailing = [&bytes[..], &[0]].concat();
    assert!(matches!(PolicyBundle::from_bytes(&trailing), Err(PolicyError::Bundle(_))));
    let changed = PolicyBundle { lists: "{}".into(), ..bundle.clone() };
    assert_ne!(changed.digest(), bundle.digest());
    let too_long = PolicyBundle { cedar: format!("{OPEN}{}", " ".repeat(64 << 10)), ..bundle };
    assert!(Policy::compile(&too_long.to_bytes()).is_err());
}
