//! How a program is built, in words and as a command. What the words say is what the bytes depend
//! on: two people whose `recipe.txt` is the same should get the same programs.
//!
//! Nothing of the machine's environment reaches the build but where its tools are. No path of it
//! reaches a program: compilers are told to write other names in their place.

use super::source::Source;
use crate::Trouble;
use crate::repo::root;
use crate::vectors::hash;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the environment may say: where tools are and where packages come from. The lock file has
/// the digest of every package, so another place cannot change one.
const KEPT: [&str; 6] = ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "TMPDIR"];
/// Beginnings of more such names.
const KEPT_BEGINNINGS: [&str; 2] = ["CARGO_SOURCE_", "CARGO_REGISTR"];
/// What the environment says beside that.
const FIXED: [(&str, &str); 4] =
    [("CARGO_INCREMENTAL", "0"), ("SOURCE_DATE_EPOCH", "0"), ("LC_ALL", "C"), ("TZ", "UTC")];

/// A recipe.
pub struct Recipe {
    target: String,
    text: String,
}

impl Recipe {
    /// The recipe with the tools of this machine.
    pub fn of_this_machine(source: &Source) -> Result<Self, Trouble> {
        let compiler = says("rustc", &["-vV"])?;
        let target = compiler.lines().find_map(|line| line.strip_prefix("host: "));
        let target = target.unwrap_or_default().to_owned();
        let first = |program, arguments: &[&str]| -> Result<String, Trouble> {
            Ok(says(program, arguments)?.lines().next().unwrap_or_default().to_owned())
        };
        let mut lines = vec!["quorate recipe 1".to_owned()];
        lines.extend(compiler.lines().map(str::to_owned));
        lines.push(first("cargo", &["--version"])?);
        // ring compiles C and assembler, and the system's linker and library end every program
        lines.push(first("cc", &["--version"])?);
        lines.push(first("ld", &["--version"])?);
        lines.push(first("ldd", &["--version"])?);
        // the library that the program of nodes speaks to a TPM with
        let tss = first("pkg-config", &["--modversion", "tss2-esys"])?;
        if tss.is_empty() {
            let next = "apt-get install libtss2-dev pkg-config";
            return Err(Trouble::Machine(format!("no tss2-esys to build with: {next}")));
        }
        lines.push(format!("tss2-esys {tss}"));
        lines.push(format!("Cargo.lock {}", hash(source.file("Cargo.lock"))));
        for program in super::PROGRAMS {
            lines.push(format!("cargo {}", arguments(&target, program).join(" ")));
        }
        lines.extend(FIXED.map(|(name, value)| format!("{name}={value}")));
        let names = NAMES.map(|(_, name)| name);
        lines.push(format!("--remap-path-prefix and -ffile-prefix-map to {}", names.join(", ")));
        Ok(Self { target, text: lines.join("\n") + "\n" })
    }

    /// The words.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The machine that programs are for.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Builds one program from `folder/source` and says where it is. Each has a build of its own:
    /// cargo gives packages that are built together the features that any of them asks for, and
    /// a program must not depend on which others were built.
    pub fn build(&self, folder: &Path, program: &str) -> Result<PathBuf, Trouble> {
        let source = folder.join("source");
        // what is missing is fetched as this machine does it; the build itself reaches no network
        let fetch = ["fetch", "--locked", "--target", &self.target];
        run(Command::new("cargo").args(fetch).current_dir(&source))?;
        let replaced = replaced(folder)?;
        let rust: Vec<String> =
            replaced.iter().map(|(path, name)| remap("--remap-path-prefix", path, name)).collect();
        let c: Vec<String> =
            replaced.iter().map(|(path, name)| remap("-ffile-prefix-map", path, name)).collect();
        let mut command = Command::new("cargo");
        command
            .args(arguments(&self.target, program))
            .current_dir(&source)
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| is_kept(name)))
            .envs(FIXED)
            .env("CARGO_TARGET_DIR", folder.join("target"))
            .env("CARGO_ENCODED_RUSTFLAGS", rust.join("\u{1f}"))
            .env("CFLAGS", c.join(" "));
        run(&mut command)?;
        Ok(folder.join("target").join(&self.target).join("release").join(program))
    }
}

/// What cargo is told.
fn arguments<'a>(target: &'a str, program: &'a str) -> Vec<&'a str> {
    let mut arguments = vec![
        "build",
        "--release",
        "--locked",
        "--offline",
        "--target",
        target,
        "--package",
        program,
    ];
    // what is released opens every kind of store
    if program == "quorate" {
        arguments.extend(["--features", "tpm"]);
    }
    arguments
}

/// What stands where a path of the machine would, in the order in which compilers are told: the
/// last that fits counts.
#[derive(Debug, Clone, Copy)]
enum Place {
    CargoHome,
    Packages,
    Toolchain,
    Folder,
}

const NAMES: [(Place, &str); 4] = [
    (Place::CargoHome, "cargo"),
    (Place::Packages, "packages"),
    (Place::Toolchain, "rust"),
    (Place::Folder, "build"),
];

/// Every path that must not be in a program, with its name.
fn replaced(folder: &Path) -> Result<Vec<(PathBuf, &'static str)>, Trouble> {
    let mut replaced = Vec::new();
    for (place, name) in NAMES {
        match place {
            Place::CargoHome => replaced.push((cargo_home()?, name)),
            // one folder for each registry or mirror, whose name says which
            Place::Packages => {
                let folders = std::fs::read_dir(cargo_home()?.join("registry/src"));
                let folders = folders.into_iter().flatten().flatten();
                let mut folders: Vec<PathBuf> = folders.map(|folder| folder.path()).collect();
                folders.sort();
                replaced.extend(folders.into_iter().map(|folder| (folder, name)));
            }
            Place::Toolchain => {
                let sysroot = says("rustc", &["--print", "sysroot"])?;
                replaced.push((PathBuf::from(sysroot.trim()), name));
            }
            Place::Folder => replaced.push((folder.to_path_buf(), name)),
        }
    }
    match replaced.iter().find(|(path, _)| path.to_string_lossy().contains([' ', '=', '\u{1f}'])) {
        Some((path, _)) => {
            let path = path.display();
            Err(Trouble::Machine(format!("{path}: compilers cannot be told such a path")))
        }
        None => Ok(replaced),
    }
}

/// The same paths as texts, and that of the repository.
pub fn places(folder: &Path) -> Result<Vec<String>, Trouble> {
    let replaced = replaced(folder)?.into_iter().map(|(path, _)| path);
    let places = replaced.chain([root()]).map(|path| path.to_string_lossy().into_owned());
    Ok(places.collect())
}

fn remap(flag: &str, path: &Path, name: &str) -> String {
    format!("{flag}={}={name}", path.display())
}

fn cargo_home() -> Result<PathBuf, Trouble> {
    let set = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo"));
    set.or_else(home).ok_or_else(|| Trouble::Machine("neither CARGO_HOME nor HOME is set".into()))
}

fn is_kept(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    KEPT.contains(&name.as_ref()) || KEPT_BEGINNINGS.iter().any(|start| name.starts_with(start))
}

/// What a tool says of itself.
fn says(program: &str, arguments: &[&str]) -> Result<String, Trouble> {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C").output();
    let output = output.map_err(|error| Trouble::Machine(format!("{program}: {error}")))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn run(command: &mut Command) -> Result<(), Trouble> {
    let status = command.stdin(Stdio::null()).status();
    let status = status.map_err(|error| Trouble::Machine(format!("cargo: {error}")))?;
    if status.success() { Ok(()) } else { Err(Trouble::Failed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neg_080_the_environment_adds_nothing_to_a_build() {
        for kept in ["PATH", "CARGO_HOME", "CARGO_SOURCE_X_REPLACE_WITH"] {
            assert!(is_kept(&kept.into()), "{kept}");
        }
        for dropped in
            ["RUSTFLAGS", "CFLAGS", "RUSTC_WRAPPER", "CARGO_PROFILE_RELEASE_LTO", "LD_PRELOAD"]
        {
            assert!(!is_kept(&dropped.into()), "{dropped}");
        }
    }

    #[test]
    fn what_is_released_opens_stores_of_a_tpm() {
        let told = |program| arguments("machine", program).join(" ");
        assert!(told("quorate").ends_with("--package quorate --features tpm"));
        assert!(told("quorate-recovery").ends_with("--package quorate-recovery"));
    }

    #[test]
    fn every_kind_of_place_has_a_name() {
        let folder = Path::new("/somewhere");
        let replaced = replaced(folder).unwrap();
        assert_eq!(replaced.last(), Some(&(folder.to_path_buf(), "build")));
        assert!(replaced.iter().any(|(_, name)| *name == "rust"));
        assert_eq!(remap("--x", folder, "y"), "--x=/somewhere=y");
    }
}
