//! Runs the program and reads what it says.

use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a run of the program left.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the program to its end, with nothing to read.
pub fn recovery(args: &[&str]) -> Run {
    run(program().args(args))
}

/// The program that was built.
pub fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_quorate-recovery"))
}

/// Runs a command to its end, with nothing to read.
pub fn run(command: &mut Command) -> Run {
    let output = command.stdin(Stdio::null()).output().unwrap();
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs the program at a terminal, which `script` plays, and types the next of these lines whenever one
/// of the prompts stands there; what the terminal showed and the exit status.
pub fn typed_at(args: &[&str], prompts: &[&str], lines: &[&str]) -> (String, Option<i32>) {
    let quoted: Vec<String> = args.iter().map(|argument| format!("'{argument}'")).collect();
    let call = format!("'{}' {}", env!("CARGO_BIN_EXE_quorate-recovery"), quoted.join(" "));
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--flush", "--command", &call, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut shown = String::new();
    let mut one = [0];
    let mut asked = lines.iter();
    while stdout.read(&mut one).unwrap_or(0) == 1 {
        shown.push(one[0].into());
        if prompts.iter().any(|prompt| shown.ends_with(prompt)) {
            writeln!(stdin, "{}", asked.next().unwrap()).unwrap();
        }
    }
    assert!(asked.next().is_none(), "{shown}");
    (shown, child.wait().unwrap().code())
}

impl Run {
    /// The one object of a run that was done.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// The error of a run that ended with this status; its form is checked.
    #[track_caller]
    pub fn refused(&self, code: i32) -> (String, String) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stdout, "");
        let error: Value =
            serde_json::from_str(&self.stderr).unwrap_or_else(|_| panic!("{self:?}"));
        let error = error["error"].as_object().unwrap();
        assert_eq!(error.keys().collect::<Vec<_>>(), ["code", "fault", "message", "next"]);
        assert!(error.values().all(|text| text.as_str().is_some_and(|text| !text.is_empty())));
        let fault = match code {
            2 => "caller",
            5 => "peer",
            _ => "machine",
        };
        assert_eq!(error["fault"], fault);
        let text = |name: &str| error[name].as_str().unwrap().to_owned();
        (text("code"), text("message"))
    }
}

/// A folder with two passphrases in it, gone when dropped.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        fs::write(folder.path().join("right"), "correct horse\n").unwrap();
        fs::write(folder.path().join("wrong"), "correct house\n").unwrap();
        Self(folder)
    }

    /// A key of its own, in a file of this name.
    #[track_caller]
    pub fn keygen(&self, name: &str, kind: &str) -> Value {
        let args = ["keygen", "--name", name, "--kind", kind, "--output", &self.at(name)];
        self.run(&args, Some("right")).ok()
    }

    /// Runs a verb, with a passphrase from one of the files here.
    pub fn run(&self, args: &[&str], passphrase: Option<&str>) -> Run {
        let mut all = vec!["--json".to_owned()];
        all.extend(args.iter().map(|text| (*text).to_owned()));
        if let Some(name) = passphrase {
            all.extend(["--passphrase-file".to_owned(), self.at(name)]);
        }
        recovery(&all.iter().map(String::as_str).collect::<Vec<_>>())
    }

    pub fn inspect(&self, name: &str) -> Run {
        self.run(&["inspect", &self.at(name)], None)
    }

    /// The path of a name in here.
    pub fn at(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    /// Names of everything in a folder in here, sorted.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// The rights of a file.
pub fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
