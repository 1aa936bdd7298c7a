//! The program from outside: a custodian opens its part for the heirs of a domain that succeeds a
//! lost one.

use crate::domain::{Domain, Kept, name, signed, written};
use crate::estate::{Estate, SUCCESSOR, estate, holder, of_two_custodies, small};
use crate::harness::{Folder, Run, mode, recovery, typed_at};
use crate::opening::key_file;
use quorate_backup::possession::Challenge;
use quorate_backup::{Opener, SoftKey, SoftKind};
use quorate_charter::{GenesisFile, MotionBody, SeatClaim, Succession};
use quorate_codec::{Digest, from_bytes, to_bytes};
use quorate_curve::{Secp256k1, SecretScalar};
use quorate_identity::{GenesisHash, Head, words};
use quorate_recovery::estate::EstatePart;
use serde_json::{Value, json};

/// A folder with a backup, the genesis of a successor, the key file of a custodian and passphrases.
fn folder(file: &[u8], genesis: &GenesisFile, who: &str) -> Folder {
    let folder = Folder::new();
    folder.write("backup", file);
    folder.write("genesis", to_bytes(genesis));
    folder.write("key", key_file(who, 1));
    folder.write("phrase", "open sesame\n");
    folder.write("wrong", "open barley\n");
    folder
}

fn of(estate: &Estate, who: &str) -> Folder {
    folder(&estate.file, &estate.successor.file, who)
}

/// What is typed to open what is in a folder, for whatever the options say.
fn call(folder: &Folder, domain: &Domain, more: &[&str]) -> Vec<String> {
    let genesis = domain.state.genesis().to_string();
    let (backup, key, output) = (folder.at("backup"), folder.at("key"), folder.at("part"));
    let call = ["open", &backup, "--genesis", &genesis, "--key", &key, "--output", &output];
    call.iter().chain(more).map(|it| (*it).to_owned()).collect()
}

/// Runs `open` for a successor with these options besides.
fn open(folder: &Folder, domain: &Domain, more: &[&str]) -> Run {
    let genesis = folder.at("genesis");
    let call = call(folder, domain, &[&["--successor", genesis.as_str()][..], more].concat());
    recovery(&call.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The same for programs, with a passphrase and without questions.
fn opened(folder: &Folder, domain: &Domain, phrase: &str) -> Run {
    let phrase = folder.at(phrase);
    open(folder, domain, &["--json", "--yes", "--passphrase-file", &phrase])
}

/// What is said where nothing is opened; nothing is written either.
#[track_caller]
fn refused(folder: &Folder, domain: &Domain, status: i32) -> (String, String) {
    let refused = opened(folder, domain, "phrase").refused(status);
    assert!(!folder.path("part").exists());
    refused
}

/// Keys that are named in what a program reads, with their epochs; the order is that of ids.
fn named(keys: &Value) -> Vec<(String, u64)> {
    let keys = keys.as_array().unwrap().iter();
    let mut named: Vec<_> = keys
        .map(|it| (it["name"].as_str().unwrap().to_owned(), it["epoch"].as_u64().unwrap()))
        .collect();
    named.sort();
    named
}

fn words_of(genesis: GenesisHash) -> String {
    words(&genesis.digest()).join(" ")
}

/// SUC-02, SUC-12: from a backup and a genesis to parts that every heir opens, and what programs
/// read.
#[test]
fn a_custodian_opens_its_part_for_a_successor() {
    let estate = estate();
    let (before, new) = (estate.domain.state.genesis(), estate.successor.state.genesis());
    let heirs: Vec<Value> = (0..2)
        .map(|place| {
            let claim = estate.succession().claims[place].digest();
            json!({ "name": estate.called(place), "node": estate.heir(place), "claim": claim,
                "claim_words": words(&claim).join(" ") })
        })
        .collect();
    let parts = ["greta", "iris"].map(|who| {
        let folder = of(estate, who);
        let mut shown = opened(&folder, &estate.domain, "phrase").ok();
        assert_eq!(mode(&folder.path("part")), 0o600);
        let part: EstatePart = from_bytes(&folder.read("part")).unwrap();
        let seen = folder.inspect("part").ok();
        let keys = shown["opened"].take();
        assert_eq!(named(&keys), [("ops".to_owned(), 0), ("vault".to_owned(), 0)]);
        assert_eq!(keys[0]["key"], json!(small().keys().map(|it| it.record.plan.key).iter().min()));
        let expected = json!({
            "successor": new, "successor_words": words_of(new), "domain": "redrawn",
            "predecessor": before, "predecessor_words": words_of(before),
            "head": estate.domain.state.head(), "backup": estate.succession().backup,
            "reason": "all of it burnt", "announced_by": [], "announcement_lacks": null,
            "heirs": heirs, "custodian": who, "key": part.key,
            "expired_ms": null, "opened": null, "of_others": [], "left_out": [],
            "output": folder.at("part"),
        });
        assert_eq!(shown, expected);

        let key = json!({ "id": part.key, "words": words(&part.key.digest()).join(" ") });
        let expected = json!({
            "what": "estate_part", "custodian": who, "key": key,
            "successor": { "id": new, "words": words_of(new) },
            "predecessor": { "id": before, "words": words_of(before) },
            "backup": estate.succession().backup, "heirs": [estate.heir(0), estate.heir(1)],
        });
        assert_eq!(seen, expected);
        let people = recovery(&["inspect", &folder.at("part")]).stdout;
        let start = format!("custodian {who}'s part for 2 nodes of the new domain\n  ");
        assert!(people.starts_with(&(start + &words_of(new))), "{people}");
        part
    });
    for place in [0, 1] {
        assert_eq!(estate.inherit(place, &parts).unwrap().keys.len(), 2);
    }
}

/// SUC-02: people see whose words to compare before they type anything; and where nobody can be
/// asked, nothing is opened.
#[test]
fn the_words_of_the_successor_are_shown_first() {
    let estate = estate();
    let folder = of(estate, "greta");
    let phrase = folder.at("phrase");
    let run = open(&folder, &estate.domain, &["--passphrase-file", &phrase]);
    assert_eq!(run.code, Some(2), "{run:?}");
    let claim = |place: usize| {
        let words = words(&estate.succession().claims[place].digest()).join(" ");
        format!("  {}. {:<16} {words}\n", place + 1, estate.called(place))
    };
    let both = format!("{}, {} together", estate.called(0), estate.called(1));
    for shown in [
        "the domain before   drawn, a trial\n",
        "the new domain      redrawn, a trial\n",
        &format!("  genesis  {}\n", words_of(estate.domain.state.genesis())),
        &format!("  genesis  {}\n", words_of(estate.successor.state.genesis())),
        &format!("  last entry known  3, {}\n", estate.domain.state.head()),
        "  reason   all of it burnt\n",
        &claim(0),
        &claim(1),
        "If you opened for another one before, stop",
        "ada (a stranger there)",
        "those who are known from there could NOT rule it together",
        "witness (witness); 1 of them may lie\n",
        "Custodian greta opens what restores\n",
        &format!("  ops              epoch 0, to {}\n", both),
        &format!("  vault            epoch 0, to {}\n", both),
    ] {
        assert!(run.stdout.contains(shown), "{shown}: {run:?}");
    }
    assert!(run.stderr.contains("there is no terminal"), "{run:?}");
    assert!(
        run.stderr.contains("compare the words of the new domain with its founders"),
        "{run:?}"
    );
    let (code, _) =
        open(&folder, &estate.domain, &["--json", "--passphrase-file", &phrase]).refused(2);
    assert_eq!(code, "confirmation_needed");
    let (code, _) = opened(&folder, &estate.domain, "wrong").refused(2);
    assert_eq!(code, "wrong_passphrase");
    assert!(!folder.path("part").exists());
}

/// SUC-02: who compared the words types the name of the new domain, then the passphrase; who types
/// anything else, and be it the name of the domain before, is not even asked for it.
#[test]
fn a_custodian_confirms_by_the_name_of_the_new_domain() {
    let estate = estate();
    let folder = of(estate, "greta");
    let genesis = folder.at("genesis");
    let call = call(&folder, &estate.domain, &["--successor", &genesis]);
    let call: Vec<&str> = call.iter().map(String::as_str).collect();
    let prompts = ["to go on: ", "of the key: "];
    for no in ["yes", "", "drawn"] {
        let (shown, code) = typed_at(&call, &prompts, &[no]);
        assert_eq!(code, Some(2), "{shown}");
        assert!(shown.contains("nothing was opened"), "{shown}");
        assert!(!folder.path("part").exists());
    }
    let (shown, code) = typed_at(&call, &prompts, &["redrawn", "open sesame"]);
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("2 keys are opened for the new domain redrawn; carry "), "{shown}");
    assert!(folder.path("part").exists());
}

/// REC-06: what is there stays, and is found before anything else is.
#[test]
fn nothing_is_overwritten() {
    let estate = estate();
    let folder = of(estate, "greta");
    folder.write("part", "mine");
    folder.write("genesis", "no genesis");
    assert_eq!(opened(&folder, &estate.domain, "wrong").refused(2).0, "file_exists");
    assert_eq!(folder.text("part"), "mine");
}

/// It is said for whom something is opened: a seat or a successor.
#[test]
fn one_of_seat_and_successor_has_to_be_named() {
    let folder = of(estate(), "greta");
    let genesis = folder.at("genesis");
    for named in [&[][..], &["--seat", "node-3", "--successor", &genesis]] {
        let more = [named, &["--json", "--yes"]].concat();
        let call = call(&folder, &estate().domain, &more);
        let run = recovery(&call.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(run.refused(2).0, "bad_usage", "{named:?}");
    }
    let (backup, key, output) = (folder.at("backup"), folder.at("key"), folder.at("part"));
    let call = ["--json", "open", &backup, "--key", &key, "--output", &output];
    let run = recovery(&[&call[..], &["--successor", &genesis]].concat());
    assert_eq!(run.refused(2).0, "genesis_needed");
    assert!(!folder.path("part").exists());
}

/// SUC-02, GOV-04: nothing is opened for a domain that is not founded, or that somebody changed
/// after it was signed, or that says nothing of the one before.
#[test]
fn neg_072_a_genesis_that_not_everybody_signed_opens_nothing() {
    let estate = estate();
    let folder = of(estate, "greta");
    let refusal = || refused(&folder, &estate.domain, 2);
    let genesis = estate.successor.file.genesis().unwrap();
    let all_but_one = signed(&genesis, SUCCESSOR, &["node-1", "node-2", "witness"]);
    assert_eq!(all_but_one.hash(), estate.successor.file.hash());
    folder.write("genesis", to_bytes(&all_but_one));
    let expected = "the new domain is not founded yet: node-3 have not signed";
    assert_eq!(refusal(), ("bad_genesis".to_owned(), expected.to_owned()));
    folder.write("genesis", to_bytes(&GenesisFile::create(&genesis).unwrap()));
    let (code, message) = refusal();
    assert_eq!(code, "bad_genesis");
    assert!(message.contains("ada, ben, cleo, node-1, node-2, node-3, witness"), "{message}");

    let mut bytes = to_bytes(&estate.successor.file);
    let reason = b"all of it burnt";
    let at = bytes.windows(reason.len()).position(|it| it == reason).unwrap();
    bytes[at..][..reason.len()].copy_from_slice(b"all of it burst");
    assert!(from_bytes::<GenesisFile>(&bytes).unwrap().genesis().is_ok());
    folder.write("genesis", bytes);
    let (code, message) = refusal();
    assert_eq!(code, "bad_genesis");
    assert!(message.contains("is not the genesis of a domain: the signature of "), "{message}");
    folder.write("genesis", "hello");
    assert_eq!(refusal().0, "bad_genesis");

    let none = Domain::founded(SUCCESSOR, SoftKind::X25519);
    folder.write("genesis", to_bytes(&none.file));
    let (code, message) = refusal();
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("no_succession", "the new domain succeeds no other")
    );
}

/// SUC-02: another file than the founders named, or another domain, is told by what to do about it.
#[test]
fn neg_070_another_backup_than_the_founders_named_is_told() {
    let estate = estate();
    let Estate { domain, file, successor, .. } = estate;
    let mut moved = domain.clone();
    moved.place(MotionBody::KeyRefresh { name: name("ops") });
    let newer = written(&moved.items(&small().keys()));
    let (code, message) = refused(&folder(&newer, &successor.file, "greta"), &moved, 5);
    assert_eq!(code, "backup_overtaken");
    assert!(message.contains("ends at entry 3; this one ends at 4"), "{message}");

    let with = |change: &dyn Fn(&mut Succession)| {
        let mut succession = estate.succession().clone();
        change(&mut succession);
        let successor = Domain::succeeding(SUCCESSOR, 1, succession);
        folder(file, &successor.file, "greta")
    };
    let later = with(&|it| (it.head, it.backup) = (moved.state.head(), Digest([9; 32])));
    assert_eq!(refused(&later, domain, 2).0, "another_backup");
    let other = with(&|it| it.backup = Digest([9; 32]));
    let (code, message) = refused(&other, domain, 2);
    assert_eq!(code, "another_backup");
    assert!(message.ends_with("though both end at entry 3"), "{message}");
    let made_up = with(&|it| it.head = Head(Digest([9; 32])));
    assert_eq!(refused(&made_up, domain, 5).0, "bad_succession");

    let elsewhere = Domain::founded(3, SoftKind::X25519);
    let theirs = written(&elsewhere.items(&[]));
    let (code, message) = refused(&folder(&theirs, &successor.file, "greta"), &elsewhere, 2);
    assert_eq!(code, "another_domain");
    assert!(message.contains(&domain.state.genesis().to_string()), "{message}");
}

/// SUC-11, SUC-12: a stranger's key, claims that ask nothing or what does not open, and a backup of
/// which nothing is left to restore.
#[test]
fn neg_071_who_is_not_asked_opens_nothing() {
    let estate = estate();
    let stranger = of(estate, "greta");
    stranger.write("key", key_file("greta", 9));
    let (code, message) = refused(&stranger, &estate.domain, 2);
    assert_eq!(code, "another_key");
    assert!(message.starts_with("this key restores none of them: it is \""), "{message}");

    let claiming = |change: &dyn Fn(&mut SeatClaim)| {
        folder(&estate.file, &estate.claiming(1, change).file, "greta")
    };
    let greta = holder("greta").public().id();
    let silent = claiming(&|claim| claim.asks.retain(|ask| ask.key != greta));
    let (code, message) = refused(&silent, &estate.domain, 5);
    let expected = format!("{} asks nothing of custodian greta", estate.called(1));
    assert_eq!((code.as_str(), message), ("bad_claim", expected));
    let unreadable = claiming(&|claim| claim.arrival = vec![9; 40]);
    let (code, message) = refused(&unreadable, &estate.domain, 5);
    let expected = format!("what {} claims cannot be read", estate.heir(1));
    assert_eq!((code.as_str(), message), ("bad_claim", expected));
    // What a key of another kind is asked.
    let hybrid = SoftKey::from_seed(SoftKind::Hybrid, &[9; 32]);
    let (genesis, heir) = (estate.domain.state.genesis(), estate.heir(1));
    let (asked, _) = Challenge::new(genesis, heir, hybrid.public(), &[1; 32]).unwrap();
    let asked = to_bytes(&asked);
    let misshapen = claiming(&|claim| {
        claim.asks.iter_mut().for_each(|ask| ask.challenge.clone_from(&asked));
    });
    let (code, message) = refused(&misshapen, &estate.domain, 5);
    let asks = |place: usize| {
        format!("what {} asks of you does not open with your key", estate.called(place))
    };
    assert_eq!((code.as_str(), message), ("bad_claim", asks(1)));

    let mut retired = estate.domain.clone();
    for key in ["ops", "vault"] {
        retired.place(MotionBody::KeyRetire { name: name(key) });
    }
    let nothing = Estate::of(retired, &small().keys(), 2);
    assert_eq!(refused(&of(&nothing, "greta"), &nothing.domain, 2).0, "nothing_to_restore");
}

/// SUC-02: a file that does not hold is refused as `verify` refuses it, report and status.
#[test]
fn neg_083_a_file_that_does_not_hold_is_refused_as_verify_does() {
    let estate = estate();
    let [mut ops, vault] = small().keys();
    ops.bundles[0].bytes[500] ^= 1;
    let folder =
        folder(&written(&estate.domain.items(&[ops, vault])), &estate.successor.file, "greta");
    let (backup, genesis) = (folder.at("backup"), estate.domain.state.genesis().to_string());
    let verified = recovery(&["--json", "verify", &backup, "--genesis", &genesis]);
    let run = opened(&folder, &estate.domain, "phrase");
    assert_eq!((run.code, &run.stdout, &run.stderr), (Some(5), &verified.stdout, &verified.stderr));
    assert_eq!(verified.code, Some(5));
    assert!(!folder.path("part").exists());
}

/// SUC-11, GOV-50: what is not restored is told to people and programs, and who is overdue is
/// hindered in nothing.
#[test]
fn what_is_left_out_is_told_and_who_is_overdue_opens() {
    let mut domain = small().domain.clone();
    let secret = SecretScalar::<Secp256k1>::from_wide(&[9; 64]);
    domain.order_import("old", &secret);
    let old: Kept = domain.import("old", &secret).kept;
    domain.place(MotionBody::KeyRetire { name: name("vault") });
    let mut custody = domain.state.custody().clone();
    custody.custodians[0].expires_ms = Some(1_000);
    domain.place(MotionBody::CustodySet { custody, excepted: Vec::new() });
    let keys = [small().keys().as_slice(), &[old]].concat();
    let estate = Estate::of(domain, &keys, 2);
    let (shares, retired) = ("only its shares are backed up, not the key itself", "it was retired");

    let shown = opened(&of(&estate, "greta"), &estate.domain, "phrase").ok();
    assert_eq!(named(&shown["opened"]), [("ops".to_owned(), 0)]);
    assert_eq!((&shown["expired_ms"], &shown["of_others"]), (&json!(1_000), &json!([])));
    let mut left_out = shown["left_out"].as_array().unwrap().clone();
    left_out.sort_by_key(|it| it["name"].to_string());
    let expected = [("old", shares), ("vault", retired)];
    let expected = expected.map(|(key, why)| json!({ "name": key, "why": why }));
    assert_eq!(left_out, expected);
    let shown = opened(&of(&estate, "hugo"), &estate.domain, "phrase").ok();
    assert_eq!(shown["expired_ms"], Value::Null);

    let told = of(&estate, "greta");
    let phrase = told.at("phrase");
    let run = open(&told, &estate.domain, &["--yes", "--passphrase-file", &phrase]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let heirs = [0, 1].map(|place| estate.called(place).to_string()).join(", ");
    for line in [
        "Not restored:".to_owned(),
        format!("  {:<16} {shares}", "old"),
        format!("  {:<16} {retired}", "vault"),
        "Warning: the key of greta is overdue since 1970-01-01 00:00:01 UTC. It opens.".to_owned(),
        format!(
            "1 keys are opened for the new domain redrawn; carry {} to each of {heirs}: each reads \
             its own part, and nobody else any",
            told.at("part")
        ),
        format!("Not restored: vault, {retired}"),
        format!("Not restored: old, {shares}"),
    ] {
        assert!(run.stdout.lines().any(|it| it == line), "{line}: {run:?}");
    }
}

/// SUC-11: keys of which other custodians restore what is opened are told as theirs.
#[test]
fn keys_of_other_custodians_are_told() {
    let (estate, ..) = of_two_custodies();
    for (seed, own, other) in [(1, "ops", "vault"), (77, "vault", "ops")] {
        let folder = of(&estate, "greta");
        folder.write("key", key_file("greta", seed));
        let shown = opened(&folder, &estate.domain, "phrase").ok();
        assert_eq!(named(&shown["opened"]), [(own.to_owned(), 0)]);
        assert_eq!(named(&shown["of_others"]), [(other.to_owned(), 0)]);
    }
}
