//! Addresses of keys.

use crate::harness::shared;

fn address(args: &[&str]) -> crate::harness::Run {
    let mut all = vec!["key", "address"];
    all.extend_from_slice(args);
    shared().run(&all)
}

#[test]
fn each_scheme_has_its_addresses_and_no_others() {
    let ethereum = address(&["treasury", "--chain", "ethereum"]).ok();
    assert_eq!(ethereum["address"].as_str().unwrap().len(), 42);
    let regtest = ["--chain", "bitcoin", "--network", "regtest", "--type"];
    let of = |key: &str, kind: &str| {
        let mut args = vec![key];
        args.extend_from_slice(&regtest);
        args.push(kind);
        address(&args)
    };
    let p2wpkh = of("treasury", "p2wpkh").ok();
    assert!(p2wpkh["address"].as_str().unwrap().starts_with("bcrt1q"));
    let p2tr = of("vault", "p2tr").ok();
    assert!(p2tr["address"].as_str().unwrap().starts_with("bcrt1p"));
    for (key, kind) in
        [("vault", "p2wpkh"), ("treasury", "p2tr"), ("ops", "p2tr"), ("vault", "p2pkh")]
    {
        assert_eq!(of(key, kind).refused(2), "bad_address", "{key} {kind}");
    }
    assert_eq!(address(&["vault", "--chain", "ethereum"]).refused(2), "bad_address");
    assert_eq!(address(&["vault", "--chain", "dogecoin"]).refused(2), "bad_chain");
    let nowhere = address(&["vault", "--chain", "bitcoin", "--type", "p2tr"]);
    assert_eq!(nowhere.refused(2), "bad_network");
}
