//! `cargo xtask dist`: the programs as they are released, from a recipe that anybody can follow
//! and whose bytes anybody can compare.
//!
//! ```text
//! what git lists ──▶ a copy with nothing else in it ──▶ one cargo build a program ──▶ target/dist
//!   source.rs                                              recipe.rs
//! ```
//!
//! `target/dist` then holds the programs, `SHA256SUMS`, `recipe.txt`, which says in words what the
//! bytes depend on, and `quorate.release`, a manifest that nobody has signed yet. With `--check`
//! everything is built a second time, elsewhere and from an empty folder, and every byte compared.

mod recipe;
mod source;

use crate::Trouble;
use crate::repo::root;
use crate::vectors::hash;
use recipe::Recipe;
use source::Source;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// What is released. Package and program have one name.
const PROGRAMS: [&str; 2] = ["quorate", "quorate-recovery"];
/// Where it goes, below the repository.
const OUTPUT: &str = "target/dist";
/// The manifest; the program of this name writes it.
const MANIFEST: &str = "quorate.release";
/// Where the first and the second build happen. They differ in length and depth, as the folders
/// of two people would.
const FOLDERS: [&str; 2] = ["target/dist-build/one", "target/dist-build/another/and/deeper"];

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    programs: Vec<&'static str>,
    check: bool,
}

impl Options {
    /// Reads names of programs and flags; without a name all are built.
    pub fn parse(words: &[&str]) -> Result<Self, Trouble> {
        let mut options = Self { programs: Vec::new(), check: false };
        for word in words {
            match PROGRAMS.iter().find(|program| *program == word) {
                Some(program) if options.programs.contains(program) => return Err(Trouble::Usage),
                Some(program) => options.programs.push(program),
                None if *word == "--check" => options.check = true,
                None => return Err(Trouble::Usage),
            }
        }
        if options.programs.is_empty() {
            options.programs.extend(PROGRAMS);
        }
        Ok(options)
    }
}

/// Builds, compares if asked to, and writes what belongs to a release.
pub fn run(options: &Options) -> Result<(), Trouble> {
    let source = Source::load()?;
    let recipe = Recipe::of_this_machine(&source)?;
    println!("source {}", source.digest());
    println!("recipe {}", hash(recipe.text().as_bytes()));
    let [first, second] = FOLDERS;
    let built = build(options, &source, &recipe, first)?;
    if options.check {
        let again = build(options, &source, &recipe, second)?;
        compare(&built, &again)?;
    }
    let output = root().join(OUTPUT);
    empty(&output)?;
    let mut sums = String::new();
    for program in &built {
        let to = output.join(program.name);
        std::fs::copy(&program.path, &to).map_err(|error| trouble(&to, &error))?;
        sums.push_str(&format!("{}  {}\n", hash(&program.bytes), program.name));
    }
    write(&output.join("SHA256SUMS"), &sums)?;
    write(&output.join("recipe.txt"), recipe.text())?;
    print!("{sums}");
    manifest(&output, &built, &source, &recipe)
}

/// A program that was built.
struct Built {
    name: &'static str,
    path: PathBuf,
    bytes: Vec<u8>,
}

/// One build of everything, from a copy of the source in an empty folder.
fn build(
    options: &Options,
    source: &Source,
    recipe: &Recipe,
    folder: &str,
) -> Result<Vec<Built>, Trouble> {
    let folder = root().join(folder);
    empty(&folder)?;
    source.lay_out(&folder.join("source"))?;
    let mut built = Vec::new();
    for name in &options.programs {
        let begun = Instant::now();
        let path = recipe.build(&folder, name)?;
        let bytes = std::fs::read(&path).map_err(|error| trouble(&path, &error))?;
        let seconds = begun.elapsed().as_secs();
        println!("{seconds:>5} s  {name}, {} bytes", bytes.len());
        let places = recipe::places(&folder)?;
        let found: Vec<&String> = places.iter().filter(|it| contains(&bytes, it)).collect();
        if !found.is_empty() {
            println!("{name} contains paths of this machine: {found:?}");
            return Err(Trouble::Failed);
        }
        built.push(Built { name, path, bytes });
    }
    Ok(built)
}

/// Both builds gave the same bytes, or it is said where they begin to differ.
fn compare(first: &[Built], second: &[Built]) -> Result<(), Trouble> {
    let mut same = true;
    for (one, other) in first.iter().zip(second) {
        match first_difference(&one.bytes, &other.bytes) {
            None => println!("{}: twice the same bytes", one.name),
            Some(at) => {
                same = false;
                println!("{}: the builds differ from byte {at} on; compare", one.name);
                println!("  {}\n  {}", one.path.display(), other.path.display());
            }
        }
    }
    if same { Ok(()) } else { Err(Trouble::Failed) }
}

/// The unsigned manifest, written by the program that was just built.
fn manifest(
    output: &Path,
    built: &[Built],
    source: &Source,
    recipe: &Recipe,
) -> Result<(), Trouble> {
    let Some(quorate) = built.iter().find(|program| program.name == "quorate") else {
        println!("no manifest: the program that writes it was not built");
        return Ok(());
    };
    // its version is that of the program itself
    let mut command = Command::new(output.join(quorate.name));
    command.current_dir(output).args(["release", "create"]);
    command.args(["--source", &format!("0x{}", source.digest()), "--recipe", "recipe.txt"]);
    for program in built {
        command.arg("--artefact").arg(format!("{}={}", recipe.target(), program.name));
    }
    let status = command.args(["--output", MANIFEST]).status();
    let status = status.map_err(|error| trouble(&output.join(quorate.name), &error))?;
    if status.success() { Ok(()) } else { Err(Trouble::Failed) }
}

/// The first place in which two files differ.
fn first_difference(one: &[u8], other: &[u8]) -> Option<usize> {
    let at = one.iter().zip(other).position(|(a, b)| a != b);
    at.or((one.len() != other.len()).then_some(one.len().min(other.len())))
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len().max(1)).any(|window| window == text.as_bytes())
}

/// A folder with nothing in it.
fn empty(folder: &Path) -> Result<(), Trouble> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(|error| trouble(folder, &error))?;
    }
    std::fs::create_dir_all(folder).map_err(|error| trouble(folder, &error))
}

fn write(path: &Path, text: &str) -> Result<(), Trouble> {
    std::fs::write(path, text).map_err(|error| trouble(path, &error))
}

fn trouble(path: &Path, error: &std::io::Error) -> Trouble {
    Trouble::Machine(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_named_or_all() {
        let parsed = Options::parse(&[]).unwrap();
        assert_eq!(parsed, Options { programs: PROGRAMS.to_vec(), check: false });
        let parsed = Options::parse(&["quorate-recovery", "--check"]).unwrap();
        assert_eq!(parsed, Options { programs: vec!["quorate-recovery"], check: true });
        assert!(Options::parse(&["codec"]).is_err());
        assert!(Options::parse(&["quorate", "quorate"]).is_err());
    }

    #[test]
    fn a_difference_is_found_where_it_begins() {
        assert_eq!(first_difference(b"abc", b"abc"), None);
        assert_eq!(first_difference(b"abc", b"abd"), Some(2));
        assert_eq!(first_difference(b"abc", b"ab"), Some(2));
        assert_eq!(first_difference(b"", b"a"), Some(0));
    }

    #[test]
    fn what_a_program_contains_is_found() {
        assert!(contains(b"xx/here/yy", "/here"));
        assert!(!contains(b"xx/her", "/here"));
    }

    fn built(bytes: &[u8]) -> Vec<Built> {
        vec![Built { name: "quorate", path: PathBuf::from("quorate"), bytes: bytes.to_vec() }]
    }

    #[test]
    fn neg_080_builds_that_differ_in_one_byte_fail() {
        assert!(compare(&built(b"same"), &built(b"same")).is_ok());
        assert!(compare(&built(b"same"), &built(b"sane")).is_err());
    }
}
