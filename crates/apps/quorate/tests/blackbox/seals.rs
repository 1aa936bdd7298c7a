//! Stores that open by something else than a passphrase: what is missing, wrong, or another one.

use crate::harness::{Run, command, fresh_dir, quorate};
use crate::unattended::{Credentials, PIN, Place, SoftHsm};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

/// A node of its own, with what it might be sealed by.
struct Bench {
    root: PathBuf,
    hsm: SoftHsm,
    credentials: Credentials,
}

impl Bench {
    fn new(name: &str) -> Self {
        let root = fresh_dir(name);
        let (hsm, credentials) = (SoftHsm::new(&root), Credentials::new(&root));
        credentials.put("quorate-seal", b"\x00\x01 a secret of no node \xff\n");
        fs::write(root.join("phrase"), "typed by somebody\n").unwrap();
        fs::write(root.join("other-phrase"), "typed by somebody else\n").unwrap();
        Self { root, hsm, credentials }
    }

    fn at(&self, name: &str) -> String {
        self.root.join(name).to_str().unwrap().to_owned()
    }

    /// Runs a `node` verb with tokens and credentials in the machine.
    fn node(&self, verb: &str, args: &[&str]) -> Run {
        let dir = self.at("D");
        let mut all = vec!["--json", "node", verb, "north", "--dir", &dir];
        all.extend_from_slice(args);
        self.run(&all)
    }

    fn run(&self, args: &[&str]) -> Run {
        let mut command = command(args);
        self.hsm.give(&mut command);
        self.credentials.give(&mut command);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let run = Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        let said = format!("{}{}", run.stdout, run.stderr);
        for secret in [PIN, "typed by somebody", "a secret of no node"] {
            assert!(!said.contains(secret), "{said}");
        }
        run
    }

    /// Whether the store opens so: a verb that needs it says that this node has not lapsed.
    #[track_caller]
    fn opens(&self, args: &[&str]) {
        assert_eq!(self.node("rejoin", args).refused(2), "not_lapsed");
    }

    fn token(&self) -> [String; 4] {
        ["--module".into(), self.hsm.module(), "--pin-file".into(), self.hsm.at("pin")]
    }
}

fn all<'a>(args: &[&'a str], more: &'a [String]) -> Vec<&'a str> {
    args.iter().copied().chain(more.iter().map(String::as_str)).collect()
}

#[track_caller]
fn is_sealed_by(made: &Value, seal: &str) {
    assert_eq!(made["seal"], seal);
    assert_eq!(made["attended"], seal == "passphrase");
}

/// STO-14: without `--seal` it is a passphrase, as it always was.
#[test]
fn a_passphrase_is_what_seals_unless_something_else_is_named() {
    let bench = Bench::new("seal-passphrase");
    let phrase = bench.at("phrase");
    let made = bench.node("init", &["--passphrase-file", &phrase]).ok();
    is_sealed_by(&made, "passphrase");
    bench.opens(&["--passphrase-file", &phrase]);
    let other = bench.at("other-phrase");
    let wrong = bench.node("rejoin", &["--passphrase-file", &other]);
    assert_eq!(wrong.refused(2), "wrong_passphrase");
    let again = bench.node("init", &["--seal", "tpm2"]);
    assert_eq!(again.refused(2), "store_exists");
    assert_eq!(bench.node("init", &["--seal", "nothing"]).refused(2), "bad_usage");
    // Words for people, and a QR code only where a person looks.
    let (dir, words) = (bench.at("D2"), made["words"].as_str().unwrap());
    let init = ["node", "init", "south", "--dir", &dir, "--passphrase-file", &phrase];
    let text = quorate(&init).stdout;
    assert!(text.contains("cannot start again by itself") && !text.contains('\u{1b}'), "{text}");
    assert!(words.split(' ').count() == 12 && !text.contains('█'));
}

/// STO-15: what systemd hands over opens, and nothing else.
#[test]
fn a_credential_opens_only_where_systemd_hands_it_over_and_only_if_it_is_the_same() {
    let bench = Bench::new("seal-credential");
    let init = |name: &str| {
        bench.node("init", &["--seal", "systemd-credential", "--credential", name]).refused(2)
    };
    assert_eq!(init("missing"), "no_credential");
    assert_eq!(init("../phrase"), "bad_credential");
    bench.credentials.put("empty", b"");
    assert_eq!(init("empty"), "empty_credential");
    let made = bench.node("init", &["--seal", "systemd-credential"]).ok();
    is_sealed_by(&made, "systemd-credential");
    bench.opens(&[]);
    let phrase = bench.at("phrase");
    let typed = bench.node("rejoin", &["--passphrase-file", &phrase]);
    assert_eq!(typed.refused(2), "other_seal");
    // By hand, without systemd.
    let dir = bench.at("D");
    let alone = quorate(&["--json", "node", "rejoin", "north", "--dir", &dir]);
    assert_eq!(alone.refused(2), "no_credential");
    let sound = bench.credentials.get("quorate-seal");
    for wrong in [&b"another one"[..], &sound[..sound.len() - 1]] {
        bench.credentials.put("quorate-seal", wrong);
        assert_eq!(bench.node("rejoin", &[]).refused(2), "wrong_credential");
    }
    bench.credentials.remove("quorate-seal");
    assert_eq!(bench.node("rejoin", &[]).refused(2), "no_credential");
    bench.credentials.put("quorate-seal", &sound);
    bench.opens(&[]);
}

/// STO-17: the token, its PIN and its key, each missing, wrong, or another one.
#[test]
fn a_token_opens_only_with_its_pin_and_only_the_store_that_its_key_sealed() {
    let bench = Bench::new("seal-token");
    let token = bench.token();
    let seal = ["--seal", "pkcs11", "--token", "vault"];
    let module = bench.hsm.module();
    let init = |args: &[&str]| bench.node("init", args);
    assert_eq!(init(&["--seal", "pkcs11", "--module", &module]).refused(2), "no_token");
    assert_eq!(init(&seal).refused(2), "no_module");
    let phrase = bench.at("phrase");
    assert_eq!(init(&[&seal[..], &["--module", &phrase]].concat()).refused(2), "no_module");
    let nobody = ["--seal", "pkcs11", "--token", "nobody"];
    assert_eq!(init(&all(&nobody, &token)).refused(2), "no_token");
    let made = init(&all(&seal, &token)).ok();
    is_sealed_by(&made, "pkcs11");
    let opening = all(&[], &token);
    bench.opens(&opening);

    let with_pin = |pin: &str| {
        let pin = bench.hsm.at(pin);
        bench.node("rejoin", &["--module", &module, "--pin-file", &pin])
    };
    assert_eq!(with_pin("wrong-pin").refused(2), "wrong_pin");
    assert_eq!(with_pin("nowhere").refused(2), "pin_file");
    assert_eq!(bench.node("rejoin", &["--module", &module]).refused(2), "pin_needed");
    assert_eq!(bench.node("rejoin", &[]).refused(2), "no_module");
    bench.opens(&opening);

    // Another token of the same name: without the key, then with another key of that name.
    bench.hsm.swap("elsewhere");
    assert_eq!(bench.node("rejoin", &opening).refused(2), "no_key");
    let dir = bench.at("D2");
    let args = all(&["--json", "node", "init", "north", "--dir", &dir], &[]);
    bench.run(&[&args[..], &all(&seal, &token)].concat()).ok();
    assert_eq!(bench.node("rejoin", &opening).refused(6), "wrong_seal_key");
    bench.hsm.swap("tokens");
    bench.opens(&opening);

    // A key that anybody could read is refused.
    bench.hsm.import_readable_key("readable");
    let readable = [&seal[..], &["--key-label", "readable"]].concat();
    let dir = bench.at("D3");
    let args = all(&["--json", "node", "init", "north", "--dir", &dir], &[]);
    let refused = bench.run(&[&args[..], &all(&readable, &token)].concat());
    assert_eq!(refused.refused(2), "unsuitable_key");
}

/// STO-18: from seal to seal, each time with what opened the store before, and never with it again.
#[test]
fn a_store_is_sealed_anew_and_what_opened_it_opens_it_no_more() {
    let bench = Bench::new("reseal");
    let token = bench.token();
    let (phrase, other) = (bench.at("phrase"), bench.at("other-phrase"));
    bench.node("init", &["--passphrase-file", &phrase]).ok();
    let typed = ["--passphrase-file", phrase.as_str()];

    let wrong = ["--passphrase-file", &other, "--seal", "systemd-credential"];
    assert_eq!(bench.node("reseal", &wrong).refused(2), "wrong_passphrase");
    let missing = [&typed[..], &["--seal", "systemd-credential", "--credential", "none"]].concat();
    assert_eq!(bench.node("reseal", &missing).refused(2), "no_credential");
    bench.opens(&typed);

    let done = bench.node("reseal", &[&typed[..], &["--seal", "systemd-credential"]].concat()).ok();
    is_sealed_by(&done, "systemd-credential");
    assert_eq!(done["before"], "passphrase");
    bench.opens(&[]);
    assert_eq!(bench.node("rejoin", &typed).refused(2), "other_seal");

    let by_token = all(&["--seal", "pkcs11", "--token", "vault"], &token);
    is_sealed_by(&bench.node("reseal", &by_token).ok(), "pkcs11");
    let opening = all(&[], &token);
    bench.opens(&opening);
    assert_eq!(bench.node("rejoin", &[]).refused(2), "no_module");

    let by_phrase = all(&["--seal", "passphrase", "--new-passphrase-file", &other], &token);
    is_sealed_by(&bench.node("reseal", &by_phrase).ok(), "passphrase");
    bench.opens(&["--passphrase-file", &other]);
    assert_eq!(bench.node("rejoin", &typed).refused(2), "wrong_passphrase");
}

/// STO-16: the TPM that sealed it, and no other one.
#[cfg(feature = "tpm")]
#[test]
fn a_tpm_opens_only_what_it_sealed() {
    use crate::unattended::Swtpm;
    let bench = Bench::new("seal-tpm");
    let (tpm, other) = (Swtpm::new(&bench.root, "tpm"), Swtpm::new(&bench.root, "other"));
    let at = tpm.name();
    let made = bench.node("init", &["--seal", "tpm2", "--tpm", &at]).ok();
    is_sealed_by(&made, "tpm2");
    for _ in 0..3 {
        bench.opens(&["--tpm", &at]);
    }
    assert_eq!(bench.node("rejoin", &["--tpm", &other.name()]).refused(6), "other_tpm");
    for nowhere in ["swtpm:host=127.0.0.1,port=1", "device:/dev/null/none", "nonsense"] {
        assert_eq!(bench.node("rejoin", &["--tpm", nowhere]).refused(2), "no_tpm", "{nowhere}");
    }
    let phrase = bench.at("phrase");
    let typed = bench.node("rejoin", &["--tpm", &at, "--passphrase-file", &phrase]);
    assert_eq!(typed.refused(2), "other_seal");
    // The machine loses power, and its TPM with it.
    let tpm = tpm.power_cut();
    bench.opens(&["--tpm", &tpm.name()]);
    // A TPM has few places: what is given up is freed.
    for _ in 0..12 {
        let again = ["--tpm", &tpm.name(), "--seal", "tpm2"];
        bench.node("reseal", &again).ok();
    }
    // To another TPM, while there are both.
    let moved = ["--tpm", &tpm.name(), "--seal", "tpm2", "--new-tpm", &other.name()];
    is_sealed_by(&bench.node("reseal", &moved).ok(), "tpm2");
    bench.opens(&["--tpm", &other.name()]);
    assert_eq!(bench.node("rejoin", &["--tpm", &tpm.name()]).refused(6), "other_tpm");
    // Cleared: with the seed of its owner, what it sealed is gone.
    let other = other.cleared();
    assert_eq!(bench.node("rejoin", &["--tpm", &other.name()]).refused(6), "other_tpm");
}

/// STO-19: a store is put back to an old copy, by somebody or by its operator; and a crash is none.
#[cfg(feature = "tpm")]
#[test]
fn an_old_copy_does_not_start_beside_a_tpm_that_counted_on() {
    use crate::unattended::Swtpm;
    let bench = Bench::new("seal-counter");
    let tpm = Swtpm::new(&bench.root, "tpm");
    let at = tpm.name();
    bench.node("init", &["--seal", "tpm2", "--tpm", &at]).ok();
    // A start counts, and ends because this node has no domain.
    let start = |at: &str| bench.node("run", &["--tpm", at]);
    assert_eq!(start(&at).refused(2), "genesis_needed");
    let files = ["store.redb", "store.redb.slots"].map(|name| bench.at("D/nodes/north/") + name);
    let old = files.clone().map(|path| fs::read(path).unwrap());
    let put_back = || files.iter().zip(&old).for_each(|(path, old)| fs::write(path, old).unwrap());
    // A copy that nothing was started since is as good as the store.
    put_back();
    for _ in 0..2 {
        assert_eq!(start(&at).refused(2), "genesis_needed");
    }
    put_back();
    for _ in 0..2 {
        assert_eq!(start(&at).refused(6), "older_copy");
    }
    let reseal = bench.node("reseal", &["--tpm", &at, "--seal", "tpm2"]);
    assert_eq!(reseal.refused(6), "older_copy");
    // Its operator says that it was on purpose.
    assert_eq!(bench.node("rejoin", &["--tpm", &at]).ok()["rejoins"], false);
    assert_eq!(start(&at).refused(2), "genesis_needed");
    // The power goes after the store was written and before the TPM counted.
    let before = tpm.memory();
    assert_eq!(start(&at).refused(2), "genesis_needed");
    let tpm = tpm.put_back(&before);
    for _ in 0..2 {
        assert_eq!(start(&tpm.name()).refused(2), "genesis_needed");
    }
    bench.opens(&["--tpm", &tpm.name()]);
}

#[cfg(not(feature = "tpm"))]
#[test]
fn a_program_that_speaks_to_no_tpm_says_so() {
    let bench = Bench::new("seal-no-tpm");
    assert_eq!(bench.node("init", &["--seal", "tpm2"]).refused(2), "no_tpm_support");
}
