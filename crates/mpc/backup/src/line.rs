//! The public half of a recovery key as a line of text, which people carry to whoever enrols it.

use crate::key::{KEY_BYTES_MAX, KeyError, RecoveryKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use quorate_identity::{NAME_BYTES_MAX, Name};
use std::fmt;
use std::str::FromStr;

/// `quorate-recovery-key-1 NAME BASE64`: a recovery key, and what its custodian calls it (BAK-24).
/// Public. It is read with or without the end of the line, and in no other form.
///
/// Nothing proves that the key is the named custodian's: people compare its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryKeyLine {
    /// What its custodian calls it.
    pub name: Name,
    /// The key.
    pub key: RecoveryKey,
}

/// A text that is no such line; its author's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Something else.
    #[error("not a line quorate-recovery-key-1 NAME BASE64")]
    Form,
    /// A line of another version.
    #[error("a recovery key of version {0}, known is 1")]
    Version(u32),
    /// The form is right, the key is none.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// How every version begins.
const START: &str = "quorate-recovery-key-";

/// The longest line that is read.
const LINE_BYTES_MAX: usize = START.len() + 16 + NAME_BYTES_MAX + KEY_BYTES_MAX.div_ceil(3) * 4;

impl fmt::Display for RecoveryKeyLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{START}1 {} {}", self.name, STANDARD.encode(self.key.to_bytes()))
    }
}

impl FromStr for RecoveryKeyLine {
    type Err = LineError;

    fn from_str(text: &str) -> Result<Self, LineError> {
        let line = text.strip_suffix('\n').unwrap_or(text);
        if line.len() > LINE_BYTES_MAX {
            return Err(LineError::Form);
        }
        let rest = line.strip_prefix(START).ok_or(LineError::Form)?;
        let (version, rest) = rest.split_once(' ').ok_or(LineError::Form)?;
        match version.parse() {
            Ok(1) => {}
            Ok(other) => return Err(LineError::Version(other)),
            Err(_) => return Err(LineError::Form),
        }
        let (name, key) = rest.split_once(' ').ok_or(LineError::Form)?;
        let name = name.parse().map_err(|_| LineError::Form)?;
        let key = STANDARD.decode(key).map_err(|_| LineError::Form)?;
        let read = Self { name, key: RecoveryKey::from_bytes(&key)? };
        // Numbers have more than one form.
        if read.to_string() == line { Ok(read) } else { Err(LineError::Form) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Opener, SoftKey, SoftKind};
    use proptest::prelude::*;

    fn line(kind: SoftKind) -> RecoveryKeyLine {
        let key = SoftKey::from_seed(kind, &[7; 32]).public().clone();
        RecoveryKeyLine { name: "vault-north".parse().unwrap(), key }
    }

    #[test]
    fn a_line_is_read_as_it_was_written() {
        for kind in [SoftKind::Hybrid, SoftKind::X25519, SoftKind::P256] {
            let line = line(kind);
            assert_eq!(line.to_string().parse(), Ok(line.clone()));
            assert_eq!(format!("{line}\n").parse(), Ok(line));
        }
    }

    /// BAK-24: a line has one form.
    #[test]
    fn neg_010_other_forms_are_refused() {
        let good = line(SoftKind::P256).to_string();
        let [start, name, key] = good.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let padded = key.trim_end_matches('=');
        let loose = format!("{}B{}", &padded[..padded.len() - 1], &key[padded.len()..]);
        assert_ne!(loose, key);
        for (why, bad) in [
            ("empty", String::new()),
            ("no key", format!("{start} {name}")),
            ("no name", format!("{start} {key}")),
            ("two spaces", format!("{start}  {name} {key}")),
            ("a space before", format!(" {good}")),
            ("a space behind", format!("{good} ")),
            ("two ends of the line", format!("{good}\n\n")),
            ("a carriage return", format!("{good}\r\n")),
            ("two lines", format!("{good}\n{good}")),
            ("more behind", format!("{good} {name}")),
            ("a name that is none", format!("{start} Vault {key}")),
            ("no padding", format!("{start} {name} {padded}")),
            ("bits left over", format!("{start} {name} {loose}")),
            ("a version that is none", good.replace("key-1", "key-x")),
            ("another form of the version", good.replace("key-1", "key-01")),
            ("much too long", format!("{start} {name} {}", "A".repeat(4096))),
        ] {
            assert_eq!(bad.parse::<RecoveryKeyLine>(), Err(LineError::Form), "{why}");
        }
        let later = good.replace("key-1", "key-2");
        assert_eq!(later.parse::<RecoveryKeyLine>(), Err(LineError::Version(2)));
        let none = format!("{start} {name} {}", STANDARD.encode([9; 33]));
        assert!(matches!(none.parse::<RecoveryKeyLine>(), Err(LineError::Key(_))));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "(quorate-recovery-key-)?.*") {
            let _ = text.parse::<RecoveryKeyLine>();
        }
    }
}
