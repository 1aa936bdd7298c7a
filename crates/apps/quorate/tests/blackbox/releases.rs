//! Releases made, signed by people one after the other, and verified before they are installed;
//! and every way in which somebody might have another one installed.

use crate::harness::{Run, command, fresh_dir, quorate};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The place where a release is made: keys of four people, a list of three of them, two files.
struct Place {
    root: PathBuf,
}

impl Place {
    fn new() -> Self {
        let place = Self { root: fresh_dir("release") };
        for person in ["ada", "ben", "cleo", "zoe"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", person, "-f", &place.path(person)])
                .status()
                .unwrap();
            assert!(made.success());
        }
        place.list("signers", "2 of (ada, ben, cleo)", &["ada", "ben", "cleo"]);
        place.write("quorate-recovery", b"the program of custodians");
        place.write("recipe.txt", b"quorate recipe 1\n");
        fs::copy(env!("CARGO_BIN_EXE_quorate"), place.path("quorate")).unwrap();
        place
    }

    fn path(&self, name: &str) -> String {
        self.root.join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.root.join(name), bytes).unwrap();
    }

    fn list(&self, name: &str, rule: &str, people: &[&str]) {
        let mut text = format!("quorate-release-signers 1\n# who releases\n{rule}\n");
        for person in people {
            let line = fs::read_to_string(self.path(&format!("{person}.pub"))).unwrap();
            text.push_str(&format!("{person} {line}"));
        }
        self.write(name, text.as_bytes());
    }

    /// Makes a release of both files; further options come last.
    fn create(&self, output: &str, more: &[&str]) -> Run {
        let source = format!("0x{}", "11".repeat(32));
        let file = |name: &str| format!("{TARGET}={}", self.path(name));
        let (main, recovery) = (file("quorate"), file("quorate-recovery"));
        let (recipe, output) = (self.path("recipe.txt"), self.path(output));
        let mut args = vec!["--json", "release", "create", "--source", &source];
        args.extend(["--recipe", &recipe, "--artefact", &main, "--artefact", &recovery]);
        args.extend(["--output", &output]);
        args.extend(more);
        quorate(&args)
    }

    fn sign(&self, file: &str, who: &str, key: &str, more: &[&str]) -> Run {
        let (file, key, signers) = (self.path(file), self.path(key), self.path("signers"));
        let mut args = vec!["--json", "release", "sign", &file, "--signers", &signers];
        args.extend(["--as", who, "--key", &key]);
        args.extend(more);
        quorate(&args)
    }

    /// Makes a release that these people signed; its digest.
    fn released(&self, output: &str, by: &[&str], more: &[&str]) -> String {
        let digest = self.create(output, more).ok()["release"].as_str().unwrap().to_owned();
        for person in by {
            self.sign(output, person, person, &["--release", &digest]).ok();
        }
        digest
    }

    fn verify(&self, file: &str, more: &[&str]) -> Run {
        let (file, signers) = (self.path(file), self.path("signers"));
        let mut args = vec!["--json", "verify-release", "--manifest", &file, "--signers", &signers];
        args.extend(more);
        quorate(&args)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn names(view: &Value, field: &str) -> Vec<String> {
    let list = view[field].as_array().unwrap();
    list.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn people_sign_one_after_the_other_and_others_verify() {
    let place = Place::new();
    let made = place.create("r", &[]).ok();
    let digest = made["release"].as_str().unwrap();
    assert_eq!(made["words"].as_str().unwrap().split(' ').count(), 12);
    assert_eq!(made["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(made["artefacts"][1]["file"], "quorate-recovery");
    assert_eq!(made["artefacts"][1]["length"], 25);

    let first = place.sign("r", "cleo", "cleo", &["--release", digest]).ok();
    assert_eq!(first["signers"]["missing"], "any of (ada, ben)");
    // Ada built the files herself.
    let own = [place.path("quorate"), place.path("quorate-recovery")];
    let more = ["--release", digest, "--artefact", &own[0], "--artefact", &own[1]];
    let second = place.sign("r", "ada", "ada", &more).ok();
    assert_eq!(second["signers"]["missing"], Value::Null);
    let (file, signers) = (place.path("r"), place.path("signers"));
    let shown = quorate(&["--json", "release", "show", &file, "--signers", &signers]).ok();
    assert_eq!(names(&shown, "signed_by"), ["ada", "cleo"]);
    assert_eq!(shown["release"], digest);
    let unknown = quorate(&["--json", "release", "show", &file]).ok();
    assert_eq!(names(&unknown, "other_keys").len(), 2);

    let held = place.verify("r", &["--artefact", &own[0], "--artefact", &own[1], "--running"]).ok();
    assert_eq!(held["verified"], true);
    assert_eq!(names(&held, "signed_by"), ["ada", "cleo"]);
    assert_eq!(held["compared"].as_array().unwrap().len(), 2);
    assert_eq!(held["running"]["file"], "quorate");
    let words = quorate(&["verify-release", "--manifest", &file, "--signers", &signers]);
    assert_eq!(words.code, Some(0));
    for part in [
        "verified: release of quorate",
        "signed by ada, cleo",
        "signed by enough",
        "no file was compared",
    ] {
        assert!(words.stdout.contains(part), "{part} in {words:?}");
    }
}

/// What people sign is what plain OpenSSH signs: REL-06.
#[test]
fn openssh_verifies_the_signature_over_the_bytes_of_the_release() {
    use quorate_identity::CredentialSigner;
    let place = Place::new();
    place.released("r", &["ada", "ben"], &[]);
    let bytes = fs::read(place.path("r")).unwrap();
    let file = quorate_release::ReleaseFile::read(&bytes).unwrap();
    let signer = quorate_identity::FileSigner::open(&place.root.join("ada"), None).unwrap();
    let signature = signer.sign(quorate_codec::tag::RELEASE, file.signed_bytes()).unwrap();
    let pem = signature.to_pem().unwrap();
    // Ed25519 signs the same bytes the same way: this is the signature in the file.
    let within = |needle: &[u8]| bytes.windows(needle.len()).any(|part| part == needle);
    assert!(within(signature.as_bytes()));
    place.write("ada.sig", pem.as_bytes());
    place.write("said", file.signed_bytes());
    let line = fs::read_to_string(place.path("ada.pub")).unwrap();
    place.write("allowed", format!("ada {line}").as_bytes());
    let verified = Command::new("ssh-keygen")
        .args(["-Y", "verify", "-f", &place.path("allowed"), "-I", "ada"])
        .args(["-n", "quorate/release/v1", "-s", &place.path("ada.sig")])
        .stdin(fs::File::open(place.path("said")).unwrap())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(verified.success());
}

/// REL-09
#[test]
fn neg_080_a_release_that_too_few_signed_is_not_installed() {
    let place = Place::new();
    let digest = place.released("r", &["ada"], &[]);
    let run = place.verify("r", &[]);
    assert_eq!(run.refused(3), "under_signed");
    assert!(run.message().contains("signed by ada; what is missing: any of (ben, cleo)"));
    // Twice by one person is once, and a key of nobody counts for nothing.
    place.sign("r", "ada", "ada", &["--release", &digest]).ok();
    assert_eq!(place.verify("r", &[]).refused(3), "under_signed");
    assert_eq!(place.sign("r", "zoe", "zoe", &["--release", &digest]).refused(2), "unknown_signer");
    assert_eq!(place.sign("r", "ben", "zoe", &["--release", &digest]).refused(2), "wrong_key");
    assert_eq!(place.verify("r", &[]).refused(3), "under_signed");
    place.sign("r", "ben", "ben", &["--release", &digest]).ok();
    place.verify("r", &[]).ok();
    // Who releases elsewhere releases nothing here.
    place.list("signers", "2 of (zoe, ben)", &["zoe", "ben"]);
    let run = place.verify("r", &[]);
    assert_eq!(run.refused(3), "under_signed");
    assert!(run.message().contains("what is missing: zoe"));
}

/// REL-07: signatures of one release carried to another.
#[test]
fn neg_080_signatures_for_another_release_are_none() {
    let place = Place::new();
    place.released("old", &["ada", "ben"], &[]);
    place.create("new", &["--version", "9.9.9"]).ok();
    let (old, new) = (fs::read(place.path("old")).unwrap(), fs::read(place.path("new")).unwrap());
    let old_body = quorate_release::ReleaseFile::read(&old).unwrap().signed_bytes().len();
    let new_body = quorate_release::ReleaseFile::read(&new).unwrap().signed_bytes().len();
    assert_eq!(old_body, new_body, "so that the forgery is a splice");
    let at = new.len() - 1;
    let forged = [&new[..at], &old[at..]].concat();
    place.write("forged", &forged);
    let run = place.verify("forged", &[]);
    assert_eq!(run.refused(3), "false_signature");
    place.verify("old", &[]).ok();
}

/// REL-12: each way in which a file is not the one that was released.
#[test]
fn neg_080_a_file_that_is_another_one_is_not_installed() {
    let place = Place::new();
    place.released("r", &["ada", "ben"], &[]);
    fs::create_dir(place.root.join("got")).unwrap();
    let got = |name: &str, bytes: &[u8]| {
        let path = format!("got/{name}");
        place.write(&path, bytes);
        place.verify("r", &["--artefact", &place.path(&path)])
    };
    let honest = b"the program of custodians";
    got("quorate-recovery", honest).ok();
    for (what, run) in [
        ("swapped", got("quorate", honest)),
        ("cut short", got("quorate-recovery", &honest[1..])),
        ("one byte", got("quorate-recovery", b"the program of Custodians")),
        ("longer", got("quorate-recovery", b"the program of custodians\n")),
        ("under another name", got("quorate-helper", honest)),
        ("empty", got("quorate-recovery", b"")),
    ] {
        assert_eq!(run.refused(3), "artefact_differs", "{what}");
    }
    assert_eq!(place.verify("r", &["--artefact", &place.path("none")]).refused(2), "file");
}

/// REL-13
#[test]
fn neg_080_a_program_that_runs_and_was_not_released_is_found() {
    let place = Place::new();
    let mut other = fs::read(place.path("quorate")).unwrap();
    other.push(0);
    place.write("quorate", &other);
    place.released("r", &["ada", "ben"], &[]);
    let run = place.verify("r", &["--running"]);
    assert_eq!(run.refused(3), "running_differs");
    // The one that was released says yes of itself. Another process writes it: what this one has
    // open for writing, a child that is just being made may hold open too, and then it does not run.
    let copied = Command::new("cp").args([place.path("quorate"), place.path("run")]).status();
    assert!(copied.unwrap().success());
    let released = Command::new(place.path("run"))
        .args(["--json", "verify-release", "--manifest", &place.path("r"), "--running"])
        .args(["--signers", &place.path("signers")])
        .output()
        .unwrap();
    assert!(released.status.success(), "{released:?}");
}

/// REL-10, REL-11
#[test]
fn neg_080_another_product_an_older_version_and_one_below_the_minimum_are_refused() {
    let place = Place::new();
    place.released("other", &["ada", "ben"], &["--product", "wallet"]);
    assert_eq!(place.verify("other", &[]).refused(3), "other_product");

    place.released("r", &["ada", "ben"], &["--version", "1.1.0", "--migrates-from", "0.9.0"]);
    let installed = |version: &str, more: &[&str]| {
        place.verify("r", &[&["--installed", version], more].concat())
    };
    installed("1.0.0", &[]).ok();
    installed("1.1.0", &[]).ok();
    let run = installed("1.2.0", &[]);
    assert_eq!(run.refused(3), "release_older");
    assert!(run.message().contains("1.1.0 is older than 1.2.0"));
    installed("1.2.0", &["--allow-downgrade"]).ok();
    // A version that was signed, and found at fault later.
    for more in [&["--minimum", "1.1.1"][..], &["--minimum", "1.1.1", "--allow-downgrade"]] {
        assert_eq!(installed("1.0.0", more).refused(3), "release_below_minimum");
        assert_eq!(installed("1.2.0", more).refused(3), "release_below_minimum");
    }
    installed("1.0.0", &["--minimum", "1.1.0"]).ok();
    assert_eq!(installed("0.8.0", &[]).refused(3), "no_migration");
    // Without a word it is the version that runs.
    assert_eq!(place.verify("r", &[]).refused(3), "no_migration");
    assert_eq!(installed("one", &[]).refused(2), "bad_version");
}

/// REL-01, REL-07
#[test]
fn neg_080_files_that_are_damaged_or_of_a_later_form_are_refused() {
    let place = Place::new();
    place.released("r", &["ada", "ben"], &[]);
    let bytes = fs::read(place.path("r")).unwrap();
    place.write("cut", &bytes[..bytes.len() - 1]);
    assert_eq!(place.verify("cut", &[]).refused(2), "bad_release");
    let mut later = bytes.clone();
    later[1] = 2;
    place.write("later", &later);
    let run = place.verify("later", &[]);
    assert_eq!(run.refused(2), "release_form");
    assert!(run.message().contains("form 2"));
    place.write("long", &vec![0x80; 1 << 20]);
    assert_eq!(place.verify("long", &[]).refused(2), "file");
    assert_eq!(place.verify("none", &[]).refused(2), "file");
    for (list, why) in [
        ("", "the first line"),
        ("quorate-release-signers 2\n", "form 2"),
        ("quorate-release-signers 1\nada\n", "ada, who has no key"),
    ] {
        place.write("signers", list.as_bytes());
        let run = place.verify("r", &[]);
        assert_eq!(run.refused(2), "bad_signers");
        assert!(run.message().contains(why), "{why} in {run:?}");
    }
    place.list("signers", "any of (ada, ben)", &["ada", "ben"]);
    assert!(place.verify("r", &[]).message().contains("ada alone could release"));
}

#[test]
fn nothing_is_signed_that_was_not_compared() {
    let place = Place::new();
    let digest = place.released("r", &[], &[]);
    assert_eq!(place.sign("r", "ada", "ada", &[]).refused(2), "release_needed");
    let other = format!("0x{}", "22".repeat(32));
    assert_eq!(
        place.sign("r", "ada", "ada", &["--release", &other]).refused(2),
        "release_mismatch"
    );
    assert_eq!(place.sign("r", "ada", "ada", &["--release", "0x12"]).refused(2), "bad_digest");
    // Somebody who built it and got other bytes does not sign.
    fs::create_dir(place.root.join("mine")).unwrap();
    place.write("mine/quorate-recovery", b"the program of CUSTODIANS");
    let mine = place.path("mine/quorate-recovery");
    let run = place.sign("r", "ada", "ada", &["--release", &digest, "--artefact", &mine]);
    assert_eq!(run.refused(3), "artefact_differs");
    let shown = quorate(&["--json", "release", "show", &place.path("r")]).ok();
    assert!(names(&shown, "other_keys").is_empty());
    // A release that others signed is not written over.
    assert_eq!(place.create("r", &[]).refused(2), "file_exists");
    let double = format!("{TARGET}={}", place.path("quorate"));
    assert_eq!(place.create("d", &["--artefact", &double]).refused(2), "bad_release");
    assert_eq!(place.create("d", &["--version", "1.0"]).refused(2), "bad_version");
    let help = command(&["release", "create", "--help"]).output().unwrap();
    assert!(String::from_utf8(help.stdout).unwrap().contains("--version <VERSION>"));
}
