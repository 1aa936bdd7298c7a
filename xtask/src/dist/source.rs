//! What is built: the files of the repository and nothing else, so that no file that merely lies
//! about can change a program.

use super::trouble;
use crate::Trouble;
use crate::repo::{self, File, root};
use crate::vectors::hash;
use std::path::Path;
use std::process::Command;

/// The files of the repository as they are committed.
pub struct Source {
    files: Vec<File>,
}

impl Source {
    /// Reads what git lists; in an unpacked archive, which has no git, every file that is there.
    pub fn load() -> Result<Self, Trouble> {
        let mut files = match root().join(".git").exists() {
            true => committed()?,
            false => repo::files()?,
        };
        files.sort_by(|a, b| a.path.cmp(&b.path));
        if let Some(file) = files.iter().find(|file| file.path.contains(['\n', '\\'])) {
            // `sha256sum` would write such a name in another way
            return Err(Trouble::Machine(format!("{:?} is no name to release", file.path)));
        }
        Ok(Self { files })
    }

    /// The digest that a manifest names: SHA-256 of the list that `sha256sum` makes of all files,
    /// sorted by their names (REL-03).
    pub fn digest(&self) -> String {
        let line = |file: &File| format!("{}  {}\n", hash(&file.bytes), file.path);
        hash(self.files.iter().map(line).collect::<String>().as_bytes())
    }

    /// The contents of one file.
    pub fn file(&self, path: &str) -> &[u8] {
        let file = self.files.iter().find(|file| file.path == path);
        file.map(|file| file.bytes.as_slice()).unwrap_or_default()
    }

    /// Writes all files below an empty folder.
    pub fn lay_out(&self, folder: &Path) -> Result<(), Trouble> {
        for file in &self.files {
            let path = folder.join(&file.path);
            let parent = path.parent().unwrap_or(folder);
            let written =
                std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&path, &file.bytes));
            written.map_err(|error| trouble(&path, &error))?;
        }
        Ok(())
    }
}

/// What git lists, if it is what was committed.
fn committed() -> Result<Vec<File>, Trouble> {
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    if !changed.is_empty() {
        print!("only what is committed is released; these files have changed:\n{changed}");
        return Err(Trouble::Failed);
    }
    let read = |path: &str| {
        let bytes = std::fs::read(root().join(path));
        let bytes = bytes.map_err(|error| trouble(Path::new(path), &error))?;
        Ok(File { path: path.to_owned(), bytes })
    };
    let listed = git(&["ls-files", "-z"])?;
    listed.split('\0').filter(|path| !path.is_empty()).map(read).collect()
}

fn git(arguments: &[&str]) -> Result<String, Trouble> {
    let output = Command::new("git").args(arguments).current_dir(root()).output();
    let output = output.map_err(|error| Trouble::Machine(format!("git: {error}")))?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        return Err(Trouble::Machine(format!("git failed: {reason}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(files: &[(&str, &str)]) -> Source {
        let file = |(path, text): &(&str, &str)| File {
            path: (*path).to_owned(),
            bytes: text.as_bytes().to_vec(),
        };
        Source { files: files.iter().map(file).collect() }
    }

    #[test]
    fn the_digest_is_that_of_the_list_of_sha256sum() {
        let list = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a/b\n";
        assert_eq!(drawn(&[("a/b", "abc")]).digest(), hash(list.as_bytes()));
    }

    #[test]
    fn neg_080_names_and_contents_both_count() {
        let honest = drawn(&[("a", "x"), ("b", "y")]).digest();
        for (what, other) in [
            ("contents", drawn(&[("a", "x"), ("b", "z")])),
            ("name", drawn(&[("a", "x"), ("c", "y")])),
            ("swapped", drawn(&[("a", "y"), ("b", "x")])),
            ("one more", drawn(&[("a", "x"), ("b", "y"), ("c", "")])),
        ] {
            assert_ne!(other.digest(), honest, "{what}");
        }
    }
}
