//! Passphrases: where they come from, and the key that follows from one (REC-04, REC-07).

use crate::failure::{Failure, Result};
use crate::files;
use argon2::{Algorithm, Argon2, Params, Version};
use std::fmt;
use std::path::Path;
use zeroize::Zeroizing;

/// A passphrase. Secret: wiped when dropped, never printed.
pub struct Passphrase(Zeroizing<String>);

/// Which passphrase is meant, and where it comes from.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// What it opens or seals, as people are asked for it.
    pub of: &'a str,
    /// The file that holds it; without one, people are asked.
    pub file: Option<&'a Path>,
    /// The option by which that file is named.
    pub option: &'static str,
}

impl<'a> Asked<'a> {
    /// That of the one key file that a command is about.
    pub fn of_key(file: Option<&'a Path>) -> Self {
        Self { of: "the key", file, option: "--passphrase-file" }
    }
}

impl Passphrase {
    /// For a file that is to be made: from a file, or asked for twice, because one that was mistyped
    /// is found out too late.
    ///
    /// # Errors
    /// The caller's: empty, different the second time, no file, no terminal.
    pub fn ask_new(asked: Asked<'_>) -> Result<Self> {
        let first = Self::ask(asked, &format!("passphrase that seals {}: ", asked.of))?;
        if first.0.is_empty() {
            let what = "an empty passphrase seals nothing";
            return Err(Failure::caller("empty_passphrase", what, "choose a long one"));
        }
        if asked.file.is_none() && Self::ask(asked, "the same again: ")?.0 != first.0 {
            let what = "the two passphrases are not the same";
            return Err(Failure::caller("passphrase_differs", what, "try again"));
        }
        Ok(first)
    }

    /// For a file that exists: from a file, or asked for.
    ///
    /// # Errors
    /// The caller's: no file, no terminal.
    pub fn ask_known(asked: Asked<'_>) -> Result<Self> {
        Self::ask(asked, &format!("passphrase of {}: ", asked.of))
    }

    fn ask(asked: Asked<'_>, prompt: &str) -> Result<Self> {
        if let Some(path) = asked.file {
            let next = format!("name a readable text file with {}", asked.option);
            let unread = |failure: Failure| failure.seen_as("passphrase_file", &next);
            let text = files::read_text(path).map_err(unread)?;
            return Ok(Self::from(text.trim_end_matches(['\r', '\n'])));
        }
        let typed = rpassword::prompt_password(prompt).map_err(|_| {
            let what = "a passphrase is needed and there is no terminal to ask at";
            let next = format!("name a file that holds it with {}", asked.option);
            Failure::caller("passphrase_needed", what, next)
        })?;
        Ok(Self(Zeroizing::new(typed)))
    }

    /// As other forms than a key file are sealed with it. Secret.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl From<&str> for Passphrase {
    /// The text as it is, spaces included. The caller wipes it.
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Passphrase")
    }
}

/// What one guess of a passphrase costs: the parameters of Argon2id (RFC 9106), which stand in the
/// key file. Public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// That of a node's store: 64 MiB and three passes, a quarter of a second on a small machine.
    pub const STANDARD: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 };

    /// Parameters within the limits, so that a file cannot demand all memory or an hour.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Option<Self> {
        let within = (64..=1 << 20).contains(&memory_kib)
            && (1..=16).contains(&passes)
            && (1..=4).contains(&lanes);
        within.then_some(Self { memory_kib, passes, lanes })
    }

    /// The key that seals; `None` only where memory is short.
    pub(crate) fn derive(
        self,
        phrase: &Passphrase,
        salt: &[u8; 16],
    ) -> Option<Zeroizing<[u8; 32]>> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).ok()?;
        let mut key = Zeroizing::new([0; 32]);
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon2.hash_password_into(phrase.as_bytes(), salt, &mut *key).ok()?;
        Some(key)
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "m={} t={} p={}", self.memory_kib, self.passes, self.lanes)
    }
}

impl std::str::FromStr for Cost {
    type Err = ();

    /// The inverse of `Display`; nothing for what is no cost or beyond the limits.
    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        let numbers = text.split(' ').zip(["m=", "t=", "p="]);
        let number = |(part, label): (&str, &str)| part.strip_prefix(label)?.parse().ok();
        let numbers: Vec<u32> = numbers.map(number).collect::<Option<_>>().ok_or(())?;
        let [memory_kib, passes, lanes] = numbers.try_into().map_err(|_| ())?;
        let cost = Self::new(memory_kib, passes, lanes);
        cost.filter(|cost| cost.to_string() == text).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// REC-04: a file cannot ask for more than the limits.
    #[test]
    fn costs_beyond_the_limits_do_not_exist() {
        assert_eq!(Cost::STANDARD.to_string().parse(), Ok(Cost::STANDARD));
        assert_eq!("m=64 t=1 p=1".parse(), Ok(Cost::new(64, 1, 1).unwrap()));
        for bad in [
            "m=63 t=1 p=1",
            "m=1048577 t=1 p=1",
            "m=64 t=0 p=1",
            "m=64 t=17 p=1",
            "m=64 t=1 p=0",
            "m=64 t=1 p=5",
            "m=4294967296 t=1 p=1",
            "m=64 t=1",
            "m=64 t=1 p=1 p=1",
            "m=064 t=1 p=1",
            "t=1 m=64 p=1",
            "",
        ] {
            assert_eq!(bad.parse::<Cost>(), Err(()), "{bad}");
        }
    }

    #[test]
    fn neg_077_a_passphrase_prints_as_nothing() {
        assert_eq!(format!("{:?}", Passphrase::from("open sesame")), "Passphrase");
    }
}
