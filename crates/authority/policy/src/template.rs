//! The policy that the demonstration sets: it compiles, its own table passes, and every rule is
//! in it.

use crate::{Policy, PolicyBundle};

fn template() -> PolicyBundle {
    PolicyBundle::new(
        include_str!("../../../apps/quorate/policy/policy.cedar").to_owned(),
        include_str!("../../../apps/quorate/policy/limits.json").to_owned(),
        include_str!("../../../apps/quorate/policy/lists.json").to_owned(),
        include_str!("../../../apps/quorate/policy/cases.json").to_owned(),
    )
}

#[test]
fn the_demonstrations_policy_passes_its_own_table() {
    let policy = Policy::compile(&template().to_bytes()).unwrap();
    let report = policy.run_cases().unwrap();
    assert_eq!(report.passed(), Ok(()));
    assert_eq!(report.untested, Vec::<String>::new());
}

#[test]
fn without_any_one_rule_the_table_fails() {
    let bundle = template();
    let rules: Vec<&str> = bundle.cedar.split("@id(").collect();
    assert_eq!(rules.len(), 9);
    for left_out in 1..rules.len() {
        let kept = rules.iter().enumerate().filter(|(index, _)| *index != left_out);
        let kept: Vec<&str> = kept.map(|(_, rule)| *rule).collect();
        let cedar = kept.join("@id(");
        let thinner = PolicyBundle { cedar, ..bundle.clone() };
        let policy = Policy::compile(&thinner.to_bytes()).unwrap();
        assert!(policy.run_cases().unwrap().passed().is_err(), "{}", rules[left_out]);
    }
}
