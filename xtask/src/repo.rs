//! The repository as a value: its files and its packages. Checks are functions of this value, so
//! their tests draw small repositories in memory.

use crate::Trouble;
use crate::source::Source;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders that are not ours to judge.
const SKIPPED: [&str; 4] = [".git", "target", "node_modules", "demo"];

/// One file of the repository.
#[derive(Debug, Clone)]
pub struct File {
    /// Path relative to the root, with `/`.
    pub path: String,
    /// Contents.
    pub bytes: Vec<u8>,
}

impl File {
    /// The contents as text; a binary file has none.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap_or_default()
    }

    /// Whether the name ends with `.extension`.
    pub fn is(&self, extension: &str) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, last)| last == extension)
    }
}

/// What kind of use a dependency is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Of the library or binary itself.
    Normal,
    /// Of tests, benches and examples.
    Dev,
    /// Of the build script.
    Build,
}

/// One package of the workspace.
#[derive(Debug, Clone)]
pub struct Package {
    /// Name in its manifest.
    pub name: String,
    /// Folder relative to the root.
    pub dir: String,
    /// Root file of each target, relative to the root.
    pub roots: Vec<String>,
    /// Names of what it depends on.
    pub dependencies: Vec<(String, Use)>,
}

/// One package from outside, as the lock file resolves it.
#[derive(Debug, Clone)]
pub struct Outside {
    /// Name and version.
    pub name: String,
    /// SPDX expression of its manifest.
    pub licence: String,
    /// Whether it comes from the registry and not from a folder or a git address.
    pub from_registry: bool,
}

/// The repository.
#[derive(Debug, Clone, Default)]
pub struct Repo {
    /// All files, sorted by path.
    pub files: Vec<File>,
    /// All packages of the workspace.
    pub packages: Vec<Package>,
    /// All packages that the workspace builds upon.
    pub outside: Vec<Outside>,
    /// What each package, ours or from outside, is built with and upon, by names: tests left out,
    /// and versions of one name taken together.
    pub uses: BTreeMap<String, BTreeSet<String>>,
}

impl Repo {
    /// Reads the working tree and asks cargo about the packages.
    pub fn load() -> Result<Self, Trouble> {
        let mut files = files()?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let metadata = metadata()?;
        let (own, others): (Vec<&Value>, Vec<&Value>) =
            list(&metadata, "packages").partition(|package| package["source"].is_null());
        Ok(Self {
            files,
            packages: own.into_iter().map(package).collect(),
            outside: others.into_iter().map(outside).collect(),
            uses: uses(&metadata),
        })
    }

    /// A file by its path.
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Every Rust file, read.
    pub fn sources(&self) -> impl Iterator<Item = (&File, Source)> {
        self.files
            .iter()
            .filter(|file| file.is("rs"))
            .map(|file| (file, Source::read(&file.path, file.text())))
    }
}

/// The folder of the workspace.
pub fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

/// Every file of the working tree, in no order.
pub fn files() -> Result<Vec<File>, Trouble> {
    let mut files = Vec::new();
    walk(&root(), &root(), &mut files)
        .map_err(|error| Trouble::Machine(format!("cannot read the repository: {error}")))?;
    Ok(files)
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<File>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            if !SKIPPED.iter().any(|skipped| entry.file_name() == *skipped) {
                walk(root, &path, files)?;
            }
        } else if kind.is_file() {
            files.push(File { path: relative(root, &path), bytes: std::fs::read(&path)? });
        }
    }
    Ok(())
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}

/// What cargo knows of the packages, for the one platform that this release serves.
fn metadata() -> Result<Value, Trouble> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(root())
        .output()
        .map_err(|error| Trouble::Machine(format!("cargo: {error}")))?;
    serde_json::from_slice(&output.stdout).map_err(|_| {
        let reason = String::from_utf8_lossy(&output.stderr);
        Trouble::Machine(format!("cargo metadata failed: {reason}"))
    })
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten()
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn package(value: &Value) -> Package {
    let inside = |path: &Value| relative(&root(), Path::new(path.as_str().unwrap_or_default()));
    let manifest = inside(&value["manifest_path"]);
    Package {
        name: string(&value["name"]),
        dir: manifest.trim_end_matches("Cargo.toml").trim_end_matches('/').to_owned(),
        roots: list(value, "targets").map(|target| inside(&target["src_path"])).collect(),
        dependencies: list(value, "dependencies")
            .map(|dependency| {
                let kind = match dependency["kind"].as_str() {
                    Some("dev") => Use::Dev,
                    Some("build") => Use::Build,
                    _ => Use::Normal,
                };
                (string(&dependency["name"]), kind)
            })
            .collect(),
    }
}

/// The edges that cargo resolved, but for those of tests alone.
fn uses(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let packages = list(metadata, "packages");
    let names: BTreeMap<&str, &str> = packages
        .filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?)))
        .collect();
    let name = |id: &Value| names.get(id.as_str()?).map(|name| (*name).to_owned());
    let mut uses = BTreeMap::<String, BTreeSet<String>>::new();
    for node in list(&metadata["resolve"], "nodes") {
        let is_built = |used: &&Value| list(used, "dep_kinds").any(|kind| kind["kind"] != "dev");
        let used = list(node, "deps").filter(is_built).filter_map(|used| name(&used["pkg"]));
        uses.entry(name(&node["id"]).unwrap_or_default()).or_default().extend(used);
    }
    uses
}

fn outside(value: &Value) -> Outside {
    Outside {
        name: format!("{} {}", string(&value["name"]), string(&value["version"])),
        licence: string(&value["license"]),
        from_registry: string(&value["source"]).starts_with("registry+"),
    }
}

#[cfg(test)]
impl Repo {
    /// A repository drawn for a test: `(path, text)` each.
    pub fn drawn(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| File {
            path: (*path).to_owned(),
            bytes: text.as_bytes().to_vec(),
        };
        Self { files: files.iter().map(file).collect(), ..Self::default() }
    }

    /// The same in which a package is built upon others.
    pub fn with_uses(mut self, name: &str, used: &[&str]) -> Self {
        let used = used.iter().map(|name| (*name).to_owned());
        self.uses.entry(name.to_owned()).or_default().extend(used);
        self
    }

    /// The same with a package in `dir`.
    pub fn with_package(mut self, dir: &str, name: &str, dependencies: &[(&str, Use)]) -> Self {
        self.packages.push(Package {
            name: name.to_owned(),
            dir: dir.to_owned(),
            roots: vec![format!("{dir}/src/lib.rs")],
            dependencies: dependencies
                .iter()
                .map(|(name, kind)| ((*name).to_owned(), *kind))
                .collect(),
        });
        self
    }
}
