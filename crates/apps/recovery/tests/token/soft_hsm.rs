//! A token in software, in a folder of its own.

use crate::harness::{Folder, Run, program, run};
use quorate_backup::RecoveryKeyLine;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What unlocks it: nothing that the program says may hold it.
pub const PIN: &str = "7351904682";

/// A folder with a token that is called `vault`, its right PIN and a wrong one. Gone when dropped.
pub struct SoftHsm(pub Folder);

/// How a process finds its tokens.
const CONF: &str = "SOFTHSM2_CONF";
/// How a test that runs again in a process of its own finds its folder.
const AGAIN: &str = "QUORATE_TEST_TOKEN_FOLDER";

/// Where distributions put the module.
const MODULES: [&str; 3] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
];

impl SoftHsm {
    pub fn new() -> Self {
        let hsm = Self(Folder::new());
        std::fs::create_dir(hsm.0.path("tokens")).unwrap();
        let conf = format!("directories.tokendir = {}\nlog.level = ERROR\n", hsm.0.at("tokens"));
        hsm.0.write("conf", conf);
        hsm.0.write("pin", format!("{PIN}\n"));
        hsm.0.write("wrong-pin", "1234567890\n");
        hsm.add_token("vault");
        hsm
    }

    /// Puts in another token.
    pub fn add_token(&self, label: &str) {
        let mut command = Command::new("softhsm2-util");
        command.args(["--init-token", "--free", "--label", label, "--so-pin", "12345678"]);
        let output = command.args(["--pin", PIN]).env(CONF, self.0.path("conf")).output();
        let output = output.unwrap_or_else(|_| panic!("{MISSING}"));
        assert!(output.status.success(), "{output:?}");
    }

    /// Runs a verb with these tokens in the machine.
    pub fn run(&self, args: &[&str]) -> Run {
        let run = run(program().arg("--json").args(args).env(CONF, self.0.path("conf")));
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(!said.contains(PIN) && !said.contains("1234567890"), "{said}");
        run
    }

    /// Runs a verb with the key that is called so in `vault`, and a PIN from a file.
    pub fn with_key(&self, verb: &[&str], label: &str, pin: &str) -> Run {
        let (module, pin) = (module(), self.0.at(pin));
        let key = ["--module", &module, "--token", "vault", "--key-label", label];
        self.run(&[verb, &key, &["--pin-file", &pin]].concat())
    }

    /// Makes a key of this kind in the token, under that name.
    pub fn keygen(&self, kind: &str) {
        self.with_key(&["token", "keygen", "--kind", kind], kind, "pin").ok();
    }

    /// Writes the public half of a key to `LABEL.pub`.
    pub fn public(&self, label: &str) -> Run {
        let output = self.0.at(&format!("{label}.pub"));
        self.with_key(&["token", "public", "--name", label, "--output", &output], label, "pin")
    }

    /// What stands in `LABEL.pub`.
    pub fn line(&self, label: &str) -> RecoveryKeyLine {
        self.0.text(&format!("{label}.pub")).parse().unwrap()
    }

    /// Runs the test that is called so again, with these tokens in its own process: a module finds
    /// them by the environment, which a process does not change once it runs.
    pub fn again(&self, test: &str) {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", test]).env(CONF, self.0.path("conf")).env(AGAIN, self.0.path(""));
        let run = run(&mut command);
        assert!(run.code == Some(0) && run.stdout.contains("1 passed"), "{run:?}");
    }

    /// Where the tokens of this process are, if a test runs again in it.
    pub fn within() -> Option<PathBuf> {
        env::var_os(AGAIN).map(PathBuf::from)
    }
}

/// The module of the token.
pub fn module() -> String {
    let there = MODULES.into_iter().find(|path| Path::new(path).exists());
    there.unwrap_or_else(|| panic!("{MISSING}")).to_owned()
}

const MISSING: &str =
    "SoftHSM is not installed; `cargo xtask test --install` installs it (package softhsm2)";
