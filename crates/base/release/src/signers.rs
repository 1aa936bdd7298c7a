//! Who releases, and how many of them it takes.

use crate::limits::SIGNERS_BYTES_MAX;
use minicbor::Encode;
use quorate_access::{LintError, LintOptions, Tree};
use quorate_codec::{Digest, Transcript, tag, to_bytes};
use quorate_identity::{Credential, CredentialError, Name};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// The first line of the text.
const HEADER: &str = "quorate-release-signers";
/// The form that follows it.
const FORM: &str = "1";

/// Named keys, and the tree over the names that a release must satisfy (REL-08). Public; whoever
/// verifies brings it along and trusts it, so it is compared like a key: [`digest`](Self::digest).
///
/// ```text
/// quorate-release-signers 1
/// 2 of (ada, ben, cleo)
/// ada ssh-ed25519 AAAA…
/// ben ssh-ed25519 AAAA…
/// cleo sk-ssh-ed25519@openssh.com AAAA…
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signers {
    rule: Tree<Name>,
    people: BTreeMap<Name, Credential>,
}

/// Why a text or a list is no [`Signers`]; the fault of whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignersError {
    /// More text than anybody's list needs.
    #[error("longer than {SIGNERS_BYTES_MAX} bytes")]
    TooLong,
    /// Something else than such a list.
    #[error("the first line is not `{HEADER} {FORM}`")]
    Header,
    /// Written for a later program.
    #[error("it has form {0}, and this program reads form {FORM}")]
    Form(String),
    /// No second line.
    #[error("it has no rule, as `2 of (ada, ben, cleo)`")]
    NoRule,
    /// The second line is no tree.
    #[error("line {line} is no rule: {why}")]
    Rule {
        /// Where, from 1.
        line: usize,
        /// What the tree lacks.
        why: String,
    },
    /// A later line is not a name and a key.
    #[error("line {line} is not a name and an OpenSSH public key{}", .why.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    Line {
        /// Where, from 1.
        line: usize,
        /// What the key lacks.
        why: Option<CredentialError>,
    },
    /// One name, two keys.
    #[error("{0} stands twice")]
    Twice(Name),
    /// Two names, one key: one person would count as two.
    #[error("{0} and {1} have one key")]
    OneKey(Name, Name),
    /// The rule names somebody without a key.
    #[error("the rule names {0}, who has no key")]
    NoKey(Name),
    /// Somebody has a key and no say.
    #[error("{0} has a key, and the rule does not name them")]
    NoSay(Name),
    /// One person could release alone.
    #[error("{0} alone could release")]
    Alone(Name),
}

impl Signers {
    /// Takes a rule and keys.
    ///
    /// # Errors
    /// [`SignersError`]: the rule and the keys name different people, two names have one key, or
    /// one person alone satisfies the rule.
    pub fn new(rule: Tree<Name>, people: BTreeMap<Name, Credential>) -> Result<Self, SignersError> {
        let signers = Self { rule, people };
        signers.check_names()?;
        signers.check_keys()?;
        signers.check_rule()?;
        Ok(signers)
    }

    /// REL-08: the rule and the keys are of the same people.
    fn check_names(&self) -> Result<(), SignersError> {
        let named = self.rule.parties();
        let known: BTreeSet<Name> = self.people.keys().cloned().collect();
        if let Some(name) = named.difference(&known).next() {
            return Err(SignersError::NoKey(name.clone()));
        }
        if let Some(name) = known.difference(&named).next() {
            return Err(SignersError::NoSay(name.clone()));
        }
        Ok(())
    }

    /// REL-08: one person is one name.
    fn check_keys(&self) -> Result<(), SignersError> {
        let mut holders = BTreeMap::new();
        for (name, credential) in &self.people {
            if let Some(other) = holders.insert(credential, name) {
                return Err(SignersError::OneKey(other.clone(), name.clone()));
            }
        }
        Ok(())
    }

    /// REL-08: one person is not enough.
    fn check_rule(&self) -> Result<(), SignersError> {
        match self.rule.lint(&LintOptions::default()).errors.into_iter().next() {
            Some(LintError::Singleton(name)) => Err(SignersError::Alone(name)),
            None => Ok(()),
        }
    }

    /// Who must sign.
    pub fn rule(&self) -> &Tree<Name> {
        &self.rule
    }

    /// Everybody, by name.
    pub fn people(&self) -> &BTreeMap<Name, Credential> {
        &self.people
    }

    /// Whose key this is.
    pub fn holder(&self, credential: &Credential) -> Option<&Name> {
        self.people.iter().find(|(_, of)| *of == credential).map(|(name, _)| name)
    }

    /// What two people compare who want to know that they trust the same: the hash of
    /// `[1, rule, [[name, key], …]]`, whatever comments stand in the text.
    pub fn digest(&self) -> Digest {
        let encoded =
            to_bytes(&Encoded { form: 1, rule: &self.rule, people: self.people.iter().collect() });
        Transcript::new(tag::RELEASE_SIGNERS).part(encoded).digest()
    }
}

#[derive(Encode)]
struct Encoded<'a> {
    #[n(0)]
    form: u8,
    #[n(1)]
    rule: &'a Tree<Name>,
    #[n(2)]
    people: Vec<(&'a Name, &'a Credential)>,
}

impl FromStr for Signers {
    type Err = SignersError;

    /// Empty lines, and those that begin with `#`, say nothing.
    fn from_str(text: &str) -> Result<Self, SignersError> {
        if text.len() > SIGNERS_BYTES_MAX {
            return Err(SignersError::TooLong);
        }
        let lines = (1..).zip(text.lines().map(str::trim));
        let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        match lines.next().and_then(|(_, line)| line.split_once(' ')) {
            Some((HEADER, FORM)) => {}
            Some((HEADER, form)) => return Err(SignersError::Form(form.to_owned())),
            _ => return Err(SignersError::Header),
        }
        let (line, rule) = lines.next().ok_or(SignersError::NoRule)?;
        let rule = rule.parse().map_err(|error: quorate_access::ParseError| {
            SignersError::Rule { line, why: error.to_string() }
        })?;
        let mut people = BTreeMap::new();
        for (line, text) in lines {
            let (name, key) = person(line, text)?;
            if people.insert(name.clone(), key).is_some() {
                return Err(SignersError::Twice(name));
            }
        }
        Self::new(rule, people)
    }
}

fn person(line: usize, text: &str) -> Result<(Name, Credential), SignersError> {
    let malformed = SignersError::Line { line, why: None };
    let (name, key) = text.split_once(' ').ok_or(malformed.clone())?;
    let name = name.parse().map_err(|_| malformed)?;
    let key = key.parse().map_err(|why| SignersError::Line { line, why: Some(why) })?;
    Ok((name, key))
}

impl fmt::Display for Signers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{HEADER} {FORM}\n{}\n", self.rule)?;
        self.people.iter().try_for_each(|(name, key)| writeln!(formatter, "{name} {key}"))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use quorate_identity::{CredentialSigner, MemorySigner};

    /// The key of somebody whose name begins with this letter.
    pub fn key(name: &str) -> MemorySigner {
        MemorySigner::from_seed(&[name.as_bytes()[0]; 32]).unwrap()
    }

    /// Signers of this rule, each with a key of its own.
    pub fn signers(rule: &str) -> Signers {
        let rule: Tree<Name> = rule.parse().unwrap();
        let people = rule.parties().into_iter();
        let people = people.map(|name| (name.clone(), key(name.as_str()).credential().clone()));
        let people = people.collect();
        Signers::new(rule, people).unwrap()
    }

    fn line(name: &str, of: &str) -> String {
        format!("{name} {}\n", key(of).credential())
    }

    fn read(lines: &[&str]) -> Result<Signers, SignersError> {
        lines.concat().parse()
    }

    const HEAD: &str = "quorate-release-signers 1\n2 of (ada, ben)\n";

    #[test]
    fn a_list_survives_its_text() {
        let signers = signers("2 of (ada, ben, all of (cleo, dan))");
        assert_eq!(signers.to_string().parse(), Ok(signers.clone()));
        let commented = signers.to_string().replace("\nada", "\n\n# our eldest\n  ada");
        let read: Signers = commented.parse().unwrap();
        assert_eq!(read.digest(), signers.digest());
        assert_eq!(signers.holder(key("ben").credential()).map(Name::as_str), Some("ben"));
        assert_eq!(signers.holder(key("zoe").credential()), None);
    }

    #[test]
    fn another_rule_or_key_gives_another_digest() {
        let all = signers("all of (ada, ben, cleo)");
        let two = signers("2 of (ada, ben, cleo)");
        assert_ne!(all.digest(), two.digest());
        let mut people = two.people().clone();
        people.insert("ada".parse().unwrap(), key("zoe").credential().clone());
        let swapped = Signers::new(two.rule().clone(), people).unwrap();
        assert_ne!(swapped.digest(), two.digest());
    }

    /// REL-08: nobody counts twice, and nobody alone is enough.
    #[test]
    fn neg_080_a_list_by_which_one_person_could_release_is_refused() {
        let name = |text: &str| -> Name { text.parse().unwrap() };
        let (ada, ben) = (line("ada", "ada"), line("ben", "ben"));
        assert!(read(&[HEAD, &ada, &ben]).is_ok());
        let one_key = read(&[HEAD, &ada, &line("ben", "ada")]);
        assert_eq!(one_key, Err(SignersError::OneKey(name("ada"), name("ben"))));
        let twice = read(&[HEAD, &ada, &ben, &line("ada", "cleo")]);
        assert_eq!(twice, Err(SignersError::Twice(name("ada"))));
        for rule in ["ada", "any of (ada, ben)", "2 of (ada, ada, ben)"] {
            let head = format!("quorate-release-signers 1\n{rule}\n");
            let people = if rule == "ada" { vec![ada.as_str()] } else { vec![ada.as_str(), &ben] };
            let alone = read(&[&[head.as_str()], &people[..]].concat());
            assert_eq!(alone, Err(SignersError::Alone(name("ada"))), "{rule}");
        }
    }

    /// REL-08
    #[test]
    fn a_list_that_says_too_little_or_too_much_is_refused() {
        let name = |text: &str| -> Name { text.parse().unwrap() };
        let (ada, ben) = (line("ada", "ada"), line("ben", "ben"));
        assert_eq!(read(&[]), Err(SignersError::Header));
        assert_eq!(read(&["2 of (ada, ben)\n", &ada, &ben]), Err(SignersError::Header));
        let later = read(&["quorate-release-signers 2\n"]);
        assert_eq!(later, Err(SignersError::Form("2".into())));
        assert_eq!(read(&["quorate-release-signers 1\n"]), Err(SignersError::NoRule));
        assert_eq!(read(&[HEAD, &ada]), Err(SignersError::NoKey(name("ben"))));
        let idle = read(&[HEAD, &ada, &ben, &line("cleo", "cleo")]);
        assert_eq!(idle, Err(SignersError::NoSay(name("cleo"))));
        let rule = read(&["quorate-release-signers 1\n# rule\n3 of (ada, ben)\n"]);
        assert!(matches!(rule, Err(SignersError::Rule { line: 3, .. })));
        for bad in ["ada\n", "Ada ssh-ed25519 AAAA\n"] {
            let bad = read(&[HEAD, bad]);
            assert_eq!(bad, Err(SignersError::Line { line: 3, why: None }));
        }
        let key = read(&[HEAD, "ada ssh-rsa AAAA\n"]);
        assert!(matches!(key, Err(SignersError::Line { line: 3, why: Some(_) })));
        let long = "#".repeat(SIGNERS_BYTES_MAX + 1);
        assert_eq!(read(&[&long]), Err(SignersError::TooLong));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "(quorate-release-signers 1\n)?[a-c0-9 ofs(),\n-]{0,60}") {
            let _ = text.parse::<Signers>();
        }
    }
}
