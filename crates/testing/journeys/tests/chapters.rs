//! Chapters of the guide, every command as it is written there: by people at their desks and operators
//! at their machines, who hand files to each other and compare words in between, as the prose has it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed, which is what it is for"
)]

mod intents;

use intents::{message, payment};
use quorate_journeys::{Chapter, Desk, Running, Shown, Trial, network};
use serde_json::{Value, json};
use std::thread::sleep;
use std::time::Duration;

const NODES: [&str; 4] = ["node-1", "node-2", "node-3", "witness"];
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
const CUSTODIANS: [&str; 3] = ["greta", "hugo", "iris"];

/// Somebody of the domain: the desk, and the name.
type Person<'a> = (&'a Desk, &'a str);

fn ask((desk, who): Person<'_>, question: &[&str]) -> Vec<Value> {
    let said = desk.run(&[question, &["--as", who]].concat());
    assert_eq!(said.code, 0, "{}", said.stderr);
    said.lines
}

/// Asks until something holds. The test fails when that never happens, by the time limit of whoever
/// runs it.
fn until(holds: impl Fn() -> bool) {
    while !holds() {
        sleep(Duration::from_millis(100));
    }
}

/// Others sign what somebody filed, each at their own desk; the motion once it is in the charter.
fn enact(by: Person<'_>, filed: &Shown, others: &[Person<'_>]) -> Value {
    let motion = filed.motion();
    for (desk, who) in others {
        desk.types(&format!("quorate charter sign {motion} --as {who}")).ok();
    }
    placed(by, &motion)
}

/// Waits until a motion is in the charter, in force or announced.
fn placed(by: Person<'_>, motion: &str) -> Value {
    loop {
        let view = ask(by, &["charter", "show", motion]).remove(0);
        match view["state"].as_str().unwrap() {
            "collecting" | "deciding" => sleep(Duration::from_millis(100)),
            "enacted" | "announced" | "objected" => return view,
            _ => panic!("{view}"),
        }
    }
}

/// The twelve words that somebody reads to others.
fn words(shown: &Shown) -> String {
    let lines = shown.ok().lines().map(|line| line.trim().trim_start_matches("words "));
    let is_word = |it: &str| !it.is_empty() && it.chars().all(|it| it.is_ascii_lowercase());
    let mut found = lines.filter(|it| it.split(' ').count() == 12 && it.split(' ').all(is_word));
    found.next().unwrap_or_else(|| panic!("no words in {}", shown.text)).to_owned()
}

/// What another one types in place of somebody, where one has to do with the other.
fn swapped(command: &str, pairs: &[(&str, &str)]) -> String {
    let swap = |command: String, (one, other): &(&str, &str)| {
        command.replace(one, "\0").replace(other, one).replace('\0', other)
    };
    pairs.iter().fold(command.to_owned(), swap)
}

/// Somebody makes a key where their directory has it, and says who they are.
fn newcomer(trial: &Trial, who: &str) -> Desk {
    let desk = trial.desk_elsewhere(who);
    trial.join(&desk);
    let key = format!("quorate-domain/people/{who}");
    desk.keygen(&key);
    let (genesis, file) = (trial.genesis(), format!("{who}.enrolment"));
    let enrol =
        format!("quorate person enrol {who} --genesis {genesis} --key {key} --output {file}");
    desk.types(&enrol).ok();
    desk
}

/// Hands the charter as it is now to whoever joined.
fn tell((desk, who): Person<'_>, others: &[&Desk]) {
    desk.types(&format!("quorate charter log --output charter.jsonl --as {who}")).ok();
    for other in others {
        desk.gives("charter.jsonl", other, "quorate-domain/charter.jsonl");
    }
}

/// Custodians show their keys, the first as the chapter has it and the others likewise.
fn show_recovery_keys(chapter: &mut Chapter, ada: &Desk, custodians: &[Desk; 3]) {
    let (asked, answers) = ("greta.challenges", "greta.answers");
    let [greta, others @ ..] = custodians;
    let collect = chapter.run("quorate custodian challenges", ada, &[]);
    collect.ok();
    ada.gives(asked, greta, asked);
    let answer = chapter.run("quorate-recovery answer", greta, &[]);
    answer.ok();
    greta.gives(answers, ada, answers);
    let bring = chapter.run("quorate custodian answer", ada, &[]);
    bring.ok();
    for (who, custodian) in CUSTODIANS[1..].iter().zip(others) {
        let theirs = |it: &str| it.replace("greta", who);
        ada.types(&theirs(&collect.command)).ok();
        ada.gives(&theirs(asked), custodian, &theirs(asked));
        custodian.types(&theirs(&answer.command)).ok();
        custodian.gives(&theirs(answers), ada, &theirs(answers));
        ada.types(&theirs(&bring.command)).ok();
    }
}

#[test]
fn founding_for_real() {
    let folder = tempfile::TempDir::new().unwrap();
    let desk = |who: &str| Desk::new(folder.path().join(who));
    let at = network();
    let hosts = [1, 2, 3, 4].map(at);
    let hosts = hosts.each_ref().map(String::as_str);
    let mut chapter = Chapter::open("founding.md");

    // 1: node-2 and node-3 as node-1
    let operators = NODES.map(desk);
    let [first, second, third, witness] = &operators;
    let here = |desk: &Desk| desk.path("srv");
    let (dir, theirs) = (here(first), here(witness));
    let is = [("/srv/quorate", dir.as_str()), ("0.0.0.0", hosts[0])];
    let init = chapter.run("quorate node init node-1", first, &is);
    // on a terminal the words are there once more, for a camera
    assert!(init.ok().contains('▀') && init.text.contains('█'), "{}", init.text);
    let as_another = |command: &str, at: usize| {
        swapped(command, &[(NODES[0], NODES[at]), (hosts[0], hosts[at])])
    };
    let is = [("/srv/quorate", theirs.as_str()), ("0.0.0.0", hosts[3])];
    let mut told =
        vec![words(&init), words(&chapter.run("quorate node init witness", witness, &is))];
    told.push(words(&second.types(&as_another(&init.command, 1))));
    told.push(words(&third.types(&as_another(&init.command, 2))));

    // 2
    let (ada, cleo, writer) = (desk("ada"), desk("cleo"), desk("writer"));
    let mut ben = desk("ben");
    ada.keygen(".ssh/id_ed25519");
    ada.gives(".ssh/id_ed25519.pub", &writer, "ada.pub");
    ben.keygen_in_agent("ben");
    ben.gives("ben.pub", &writer, "ben.pub");
    cleo.keygen("cleo");
    cleo.gives("cleo.pub", &writer, "cleo.pub");
    for other in ["alice", "bob", "auditor", "wallet"] {
        writer.keygen(other);
    }
    let custodians = CUSTODIANS.map(desk);
    for (who, custodian) in CUSTODIANS.iter().zip(&custodians) {
        custodian.types(&format!("quorate-recovery keygen --name {who} --output {who}.key")).ok();
        custodian.gives(&format!("{who}.key.pub"), &writer, &format!("{who}.key.pub"));
    }

    // 3
    for (node, operator) in NODES.iter().zip(&operators) {
        let enrolment = format!("srv/nodes/{node}/enrolment.cbor");
        operator.gives(&enrolment, &writer, &format!("{node}/enrolment.cbor"));
    }
    let genesis = chapter.run("quorate genesis create", &writer, &[]).hash();
    let is = [("0x…", genesis.as_str())];

    // 4: the file goes round
    let shown = chapter.run("quorate genesis show", &writer, &[]);
    assert_eq!(shown.hash(), genesis);
    assert!(told.iter().all(|words| shown.text.contains(words)), "{}", shown.text);
    let file = "harbour.genesis";
    writer.gives(file, &ada, file);
    chapter.run("quorate genesis sign harbour.genesis --as ada", &ada, &is).ok();
    ada.gives(file, &ben, file);
    chapter.run("quorate genesis sign harbour.genesis --as ben", &ben, &is).ok();
    ben.gives(file, &cleo, file);
    // who names no hash is shown everything, and asked
    let signed = cleo.types("quorate genesis sign harbour.genesis --as cleo --key cleo");
    assert!(signed.ok().contains("not signed yet by node-1, node-2, node-3, witness"));
    cleo.gives(file, first, file);
    let own = [is[0], ("/srv/quorate", dir.as_str())];
    let sign = chapter.run("quorate genesis sign harbour.genesis --node-dir", first, &own);
    sign.ok();
    for at in 1..4 {
        operators[at - 1].gives(file, &operators[at], file);
        operators[at].types(&as_another(&sign.command, at)).ok();
    }
    assert!(
        witness.types("quorate genesis show harbour.genesis").ok().contains("signed by everybody")
    );
    let kept = chapter.run("quorate genesis transcript", witness, &[]);
    assert!(kept.ok().contains("complete: every founder signed"), "{}", kept.text);
    let transcript = std::fs::read_to_string(witness.path("harbour.transcript")).unwrap();
    let everybody = [&NODES[..], &CUSTODIANS, &["ada", "ben", "cleo", "alice", "wallet-service"]];
    assert!(everybody.concat().iter().all(|who| transcript.contains(who)), "{transcript}");
    assert!(told.iter().all(|words| transcript.contains(words)), "{transcript}");
    for desk in [first, second, third, &ada, &ben] {
        witness.gives(file, desk, file);
    }

    // 5: the first one soon again, as it starts later
    let names = ["n1.example.com", "n2.example.com", "n3.example.com", "w.example.com"];
    let named = [0, 1, 2, 3].map(|at| (names[at], hosts[at]));
    let is_at = [&own[..], &named[1..]].concat();
    let node = chapter.start("quorate node run node-1", first, &is_at, "serves at");
    let other = |at: usize| operators[at].starts(&as_another(&node.command, at), "serves at");
    let _others: Vec<Running> = (1..4).map(other).collect();
    drop(node);
    let _again = first.starts(&format!("quorate node run node-1 --dir {dir}"), "serves at");

    // 6
    let join = chapter.run("quorate genesis join", &ada, &[&is[..], &named].concat());
    join.ok();
    chapter.run("cp ", &ada, &[]).ok();
    let status = chapter.run("quorate status", &ada, &[]);
    assert!(status.ok().contains("harbour") && !status.text.contains("STAGING"), "{}", status.text);
    ben.types(&join.command).ok();
    ben.types("cp ben.pub quorate-domain/people/ben.pub").ok();

    // 7
    show_recovery_keys(&mut chapter, &ada, &custodians);
    let listed = chapter.run("quorate custodian list", &ada, &[]);
    let shown = "has shown the recovery key to every node that answers";
    assert_eq!(listed.ok().matches(shown).count(), 3, "{}", listed.text);
    assert!(!listed.text.contains("not asked"), "{}", listed.text);
    chapter.finish();

    // The domain makes keys, which it was founded for.
    let tree = "2 of (node-1, node-2, node-3)";
    let order = format!("quorate key create treasury --scheme ed25519 --access '{tree}' --as ada");
    let ada = (&ada, "ada");
    let ordered = enact(ada, &ada.0.types(&order), &[(&ben, "ben")]);
    assert_eq!(ordered["state"], "enacted");
    until(|| ask(ada, &["key", "show", "treasury"])[0]["state"] == "active");
}

#[test]
fn people_come_and_go() {
    let trial = Trial::founded();
    let genesis = trial.genesis();
    let desks = ["ada", "ben", "cleo"].map(|who| trial.desk(who));
    let [ada, ben, cleo] = desks.each_ref();
    let (ada, ben) = ((ada, "ada"), (ben, "ben"));
    let listed = |who: &str| ask(ada, &["person", "list"]).iter().any(|it| it["name"] == who);
    let guardians = ["gabi", "hans", "ines"].map(|who| newcomer(&trial, who));
    let [gabi, hans, ines] = guardians.each_ref();
    for (desk, who) in [(gabi, "gabi"), (hans, "hans"), (ines, "ines")] {
        desk.gives(&format!("{who}.enrolment"), ada.0, &format!("{who}.enrolment"));
    }
    let admit = "quorate person admit gabi.enrolment hans.enrolment ines.enrolment --role guardian \
                 --recovery '2 of (gabi, hans, ines)' --as ada";
    enact(ada, &ada.0.types(admit), &[ben]);
    let mut chapter = Chapter::open("people.md");

    // Somebody joins. An ordinary key stands for one that waits to be touched.
    let mut gina = trial.desk_elsewhere("gina");
    gina.keygen_in_agent(".ssh/id_ed25519_sk");
    let enrol = chapter.run("quorate person enrol gina", &gina, &[("0x…", &genesis)]);
    gina.gives("gina.enrolment", ada.0, "gina.enrolment");
    assert_eq!(words(&chapter.run("quorate person inspect", ada.0, &[])), words(&enrol));
    let motion = chapter.run("quorate person admit gina", ada.0, &[]).motion();
    let signed = chapter.run("quorate charter sign", ben.0, &[("MOTION", &motion)]);
    assert!(signed.ok().contains(&words(&enrol)), "{}", signed.text);
    placed(ada, &motion);
    let dora = newcomer(&trial, "dora");
    dora.gives("dora.enrolment", ada.0, "dora.enrolment");
    enact(ada, &chapter.run("quorate person admit dora", ada.0, &[]), &[ben]);
    chapter.run("quorate charter log", ada.0, &[]).ok();
    ada.0.gives("charter.jsonl", &gina, "charter.jsonl");
    ada.0.gives("charter.jsonl", &dora, "quorate-domain/charter.jsonl");
    let all = [ben, (&dora, "dora")];
    trial.join(&gina);
    chapter.run("cp charter.jsonl", &gina, &[]).ok();
    chapter.run("cp ~/.ssh", &gina, &[]).ok();
    // a trial is named first, in colour unless somebody wants none
    let status = chapter.run("quorate status", &gina, &[]);
    assert!(status.ok().starts_with("\x1b[1;97;4"), "{:?}", status.text);
    let plain = gina.types(&format!("NO_COLOR=1 {}", status.command));
    assert!(plain.ok().starts_with("STAGING: trial is"), "{:?}", plain.text);

    // She has another key, and later goes.
    gina.keygen("again");
    let others = [(".ssh/id_ed25519_sk.pub", "again"), ("gina.enrolment", "gina-again.enrolment")];
    gina.types(&swapped(&enrol.command.replace("~/", ""), &others)).ok();
    gina.gives("gina-again.enrolment", ada.0, "gina-again.enrolment");
    enact(ada, &chapter.run("quorate person rotate", ada.0, &[]), &all);
    gina.types("quorate status --as gina").refused();
    tell(ada, &[&gina]);
    gina.types("cp again quorate-domain/people/gina && quorate status --as gina").ok();
    assert!(listed("gina"));
    enact(ada, &chapter.run("quorate person revoke", ada.0, &[]), &all);
    gina.types("quorate status --as gina").refused();
    assert!(!listed("gina"));

    // The rules: the first change is in force at once, the second is announced for as long as the
    // first one says.
    let rules = chapter.run("quorate rule show", ada.0, &[]);
    assert!(rules.ok().contains("needs 3 of (ada, ben, cleo, dora)"), "{}", rules.text);
    let slower = chapter.run("quorate rule set --delay", ada.0, &[]);
    assert_eq!(enact(ada, &slower, &all)["state"], "enacted");
    assert_eq!(ask(ada, &["rule", "show"])[0]["rules"][0]["delay_ms"], 2 * DAY_MS);
    let special = chapter.run("quorate rule set --rule-for", ada.0, &[]);
    assert_eq!(enact(ada, &special, &all)["state"], "announced");
    let motion = special.motion();
    let is = [("MOTION", motion.as_str())];
    let shown = || ask(ada, &["charter", "status"])[0]["announced"].clone();
    assert!(chapter.run("quorate charter status", cleo, &[]).ok().contains(&motion));
    placed(ada, &chapter.run("quorate charter object", cleo, &is).motion());
    assert_eq!(shown()[0]["objected_by"], "cleo");
    enact(ada, &chapter.run("quorate charter override", ada.0, &is), &all);
    assert_eq!(shown()[0]["overridden"], true);
    enact(ada, &chapter.run("quorate charter withdraw", ada.0, &is), &all);
    assert_eq!(shown(), json!([]));

    // Guardians announce who comes in the place of two that are lost.
    let emil = newcomer(&trial, "emil");
    emil.gives("emil.enrolment", gabi, "emil.enrolment");
    tell(ada, &[gabi, hans]);
    let motion = chapter.run("quorate recover-administrators", gabi, &[]).motion();
    chapter.run("quorate charter sign", hans, &[("MOTION", &motion)]).ok();
    chapter.finish();
    assert_eq!(placed(ada, &motion)["state"], "announced");
    assert_eq!(shown()[0]["delay_ms"], 14 * DAY_MS);
    assert!(shown()[0]["effect"].to_string().contains("emil"), "{}", shown());
    ada.0.types(&format!("quorate charter object {motion} --as ada")).refused();
}

#[test]
fn nodes_come_and_go() {
    let mut trial = Trial::founded();
    let (ada, ben) = (trial.desk("ada"), trial.desk("ben"));
    let (ada, ben) = ((&ada, "ada"), (&ben, "ben"));
    let listed = |node: &str| {
        let nodes = ask(ada, &["node", "list"]);
        nodes.iter().find(|it| it["name"] == node).map(|it| it["standing"].clone())
    };
    let machine = trial.desk_elsewhere("node-5");
    let (dir, host) = (machine.path("srv"), network()(5));
    let here = [("10.0.0.5", host.as_str()), ("/srv/quorate", dir.as_str())];
    let mut chapter = Chapter::open("nodes.md");

    // It joins, on probation.
    let told = words(&chapter.run("quorate node init", &machine, &here));
    machine.gives("srv/nodes/node-5/enrolment.cbor", ada.0, "enrolment.cbor");
    assert_eq!(words(&chapter.run("quorate node inspect", ada.0, &[])), told);
    let motion = chapter.run("quorate node admit", ada.0, &[]).motion();
    let signed = chapter.run("quorate charter sign", ben.0, &[("MOTION", &motion)]);
    assert!(signed.ok().contains(&told), "{}", signed.text);
    placed(ada, &motion);
    assert_eq!(listed("node-5"), Some(json!("waits")));
    let admission = chapter.run("quorate node admission", ada.0, &[]).hash();
    chapter.run("quorate charter log", ada.0, &[]).ok();
    ada.0.gives("charter.jsonl", &machine, "charter.jsonl");
    let peers = NODES.map(|node| trial.addresses(node).0);
    let written = ["10.0.0.1:7101", "10.0.0.2:7101", "10.0.0.3:7101", "10.0.0.4:7101"];
    let mut is = vec![("0x…", admission.as_str()), here[1]];
    is.extend(written.into_iter().zip(peers.iter().map(String::as_str)));
    let _running = chapter.start("quorate node run node-5", &machine, &is, "serves at");
    chapter.run("quorate node at node-5", ada.0, &here[..1]).ok();
    let is_here = |status: &Value| {
        let nodes = status["nodes"].as_array().unwrap();
        nodes.iter().any(|it| it["name"] == "node-5" && it["alive"] == true && it["lag"] == 0)
    };
    until(|| is_here(&ask(ada, &["status"])[0]));
    show_recovery_keys(&mut chapter, ada.0, &CUSTODIANS.map(|who| trial.desk_of_custodian(who)));

    // It votes, and has shares.
    enact(ada, &chapter.run("quorate node resume node-5", ada.0, &[]), &[ben]);
    assert_eq!(listed("node-5"), Some(json!("votes")));
    let reshare = chapter.run("quorate key reshare", ada.0, &[]);
    enact(ada, &reshare, &[ben]);
    let key = |key: &str| ask(ada, &["key", "show", key]).remove(0);
    let shared = |it: &str, epoch: u64| until(|| key(it)["epoch"].as_u64() >= Some(epoch));
    shared("treasury", 1);
    assert!(key("treasury")["access"].to_string().contains("node-5"), "{}", key("treasury"));

    // One is suspended, and comes back.
    enact(ada, &chapter.run("quorate node suspend", ada.0, &[]), &[ben]);
    assert_eq!(listed("node-3"), Some(json!("waits")));
    enact(ada, &chapter.run("quorate node resume", ada.0, &[]), &[ben]);
    assert_eq!(listed("node-3"), Some(json!("votes")));

    // Another one leaves for ever: one key is shared anew by itself, the others by order.
    let revoke = chapter.run("quorate node revoke", ada.0, &[]);
    let advice = "one who can sign less; order a reshare of each over those who stay";
    assert!(revoke.ok().contains(advice), "{}", revoke.text);
    let motion = revoke.motion();
    ben.0.types(&format!("quorate charter sign {motion} --as ben")).ok();
    let at_another = ["charter", "show", &motion, "--node", "node-2"];
    until(|| ask(ada, &at_another)[0]["state"] == "enacted");
    trial.kill("node-1");
    assert_eq!(listed("node-1"), None);
    shared("treasury", 2);
    for key in ["ops", "vault"] {
        let order = reshare.command.replace("treasury", key);
        enact(ada, &ada.0.types(&order), &[ben]);
        shared(key, 1);
    }
    trial.signed(&trial.request("ops", &message("without it"), "wallet-service"));
    chapter.finish();
}

#[test]
fn when_something_smells_wrong() {
    let trial = Trial::founded();
    let (ada, ben) = (trial.desk("ada"), trial.desk("ben"));
    let (ada, ben) = ((&ada, "ada"), (&ben, "ben"));
    let olga = newcomer(&trial, "olga");
    olga.gives("olga.enrolment", ada.0, "olga.enrolment");
    let admit = "quorate person admit olga.enrolment --role operator --as ada";
    enact(ada, &ada.0.types(admit), &[ben]);
    tell(ada, &[&olga]);
    let mut chapter = Chapter::open("wrong.md");

    // Nothing is signed from then on, with one key, with any.
    let pay =
        |nonce| trial.request("treasury", &payment(&trial.listed("0x"), nonce), "wallet-service");
    let say = |text: &str| trial.request("ops", &message(text), "wallet-service");
    let waits = |request: &Value| {
        let id = request["request"].as_str().unwrap();
        trial.run(&["request", "wait", id, "--timeout", "2"]).error(4);
    };
    chapter.run("quorate freeze --key treasury", &olga, &[]).ok();
    let payment = pay(0);
    waits(&payment);
    trial.signed(&say("this key goes on"));
    chapter.run("quorate freeze --all", &olga, &[]).ok();
    let saying = say("until now");
    waits(&saying);
    let listed = chapter.run("quorate freeze --list", &olga, &[]);
    for reason in ["a payment nobody asked for", "a laptop is gone"] {
        assert!(listed.ok().contains(reason), "{}", listed.text);
        assert_eq!(listed.text.matches(reason).count(), 1, "{}", listed.text);
    }
    let status = chapter.run("quorate status", &olga, &[]);
    assert!(status.ok().contains("olga froze it"), "{}", status.text);

    // They look.
    assert!(
        chapter.run("quorate charter status", &olga, &[]).ok().contains("nothing is announced")
    );
    let changed = chapter.run("quorate charter diff", &olga, &[("N", "1")]);
    assert!(changed.ok().contains("olga"), "{}", changed.text);
    assert!(chapter.run("quorate evidence list", &olga, &[]).ok().contains("no evidence"));
    let other = chapter.run("quorate status --node", &olga, &[("NODE", "node-2")]);
    assert!(other.ok().contains("as node-2 sees it"), "{}", other.text);
    assert!(chapter.run("quorate person list", &olga, &[]).ok().contains("olga  operator"));
    assert!(chapter.run("quorate node list", &olga, &[]).ok().contains("witness"));
    assert!(chapter.run("quorate rule show", &olga, &[]).ok().contains("2 of (ada, ben, cleo)"));
    assert!(chapter.run("quorate posture", &olga, &[]).ok().contains("staging"));

    // It goes on, as far as administrators say.
    let freezes = ask(ada, &["freeze", "--list"]);
    let of = |key: &Value| {
        let freeze = freezes.iter().find(|it| &it["key"] == key).unwrap();
        freeze["freeze"].as_str().unwrap().to_owned()
    };
    let (one, all) = (of(&json!("treasury")), of(&Value::Null));
    enact(ada, &chapter.run("quorate thaw", ada.0, &[("0x…", &one)]), &[ben]);
    waits(&payment);
    enact(ada, &chapter.run("quorate thaw", ada.0, &[("0x…", &all)]), &[ben]);
    chapter.finish();
    trial.signed(&payment);
    trial.signed(&saying);
    olga.types("quorate freeze --all --reason again --as olga").refused();
}
