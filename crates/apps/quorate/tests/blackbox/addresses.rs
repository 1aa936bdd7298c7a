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
        [("vault", "p2wpkh"), ("treasury", "p2tr"), ("ops", "p2tr"), ("vault", "p2sh-p2wpkh")]
    {
        assert_eq!(of(key, kind).refused(2), "bad_address", "{key} {kind}");
    }
    assert_eq!(address(&["vault", "--chain", "ethereum"]).refused(2), "bad_address");
    assert_eq!(address(&["vault", "--chain", "dogecoin"]).refused(2), "bad_chain");
    let nowhere = address(&["vault", "--chain", "bitcoin", "--type", "p2tr"]);
    assert_eq!(nowhere.refused(2), "bad_network");
}

#[test]
fn children_have_addresses_of_their_own_and_hardened_steps_are_refused_with_the_reason() {
    let regtest = ["--chain", "bitcoin", "--network", "regtest", "--type"];
    let of = |key: &str, kind: &str, path: &str| {
        let mut args = vec![key];
        args.extend_from_slice(&regtest);
        args.extend_from_slice(&[kind, "--path", path]);
        address(&args)
    };
    let mut seen = std::collections::BTreeSet::new();
    for (kind, prefix) in [("p2wpkh", "bcrt1q"), ("p2sh-p2wpkh", "2"), ("p2pkh", "")] {
        for path in ["m", "m/0/5", "m/1/5"] {
            let view = of("treasury", kind, path).ok();
            let text = view["address"].as_str().unwrap().to_owned();
            assert!(text.starts_with(prefix), "{text}");
            assert_eq!(view["path"], path);
            assert!(seen.insert(text));
        }
    }
    assert_ne!(
        of("vault", "p2tr", "m/0").ok()["address"],
        of("vault", "p2tr", "m").ok()["address"]
    );
    for path in ["m/44'", "m/0h", "0/5", "m/", "m/0/0/0/0/0/0/0/0/0", "m/4294967296"] {
        assert_eq!(of("treasury", "p2wpkh", path).refused(2), "bad_path", "{path}");
        let derive = shared().run(&["key", "derive", "ops", "--path", path]);
        assert_eq!(derive.refused(2), "bad_path", "{path}");
    }
    let derived =
        shared().run(&["key", "derive", "treasury", "--path", "m/0/5", "--chain", "ethereum"]);
    let derived = derived.ok();
    assert_eq!((&derived["derivation"], &derived["path"]), (&"bip32".into(), &"m/0/5".into()));
    let ethereum = address(&["treasury", "--chain", "ethereum", "--path", "m/0/5"]).ok();
    assert_eq!(derived["address"], ethereum["address"]);
}

#[test]
fn extended_keys_are_for_the_scheme_of_the_key_and_warn() {
    let xpub = |key: &str, network: &str| shared().run(&["key", "xpub", key, "--network", network]);
    let treasury = xpub("treasury", "mainnet").ok();
    assert!(treasury["xpub"].as_str().unwrap().starts_with("xpub661MyMwAqRbc"));
    assert_eq!(treasury["descriptors"].as_array().unwrap().len(), 6);
    assert!(treasury["warning"].as_str().unwrap().contains("private key"));
    let vault = xpub("vault", "signet").ok();
    assert!(vault["descriptors"][0]["descriptor"].as_str().unwrap().starts_with("tr(["));
    assert_eq!(xpub("ops", "mainnet").refused(2), "bad_xpub");
    assert_eq!(xpub("vault", "main").refused(2), "bad_xpub");
    assert_eq!(xpub("nobody", "mainnet").refused(2), "unknown_key");
}
