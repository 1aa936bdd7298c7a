//! The PIN of a token (REC-42).

use super::Token;
use crate::failure::{Failure, Result};
use crate::files;
use cryptoki::types::AuthPin;
use std::fmt;
use std::path::Path;
use zeroize::Zeroizing;

/// What unlocks a token. Secret: wiped when dropped, never printed.
pub struct Pin(AuthPin);

impl Pin {
    /// From the file, or asked for; `None` if the token has keys of its own to type it with.
    ///
    /// # Errors
    /// The caller's: an empty one, no file, no terminal.
    pub fn ask(file: Option<&Path>, token: &Token) -> Result<Option<Self>> {
        let text = match file {
            Some(path) => {
                let next = "name a readable text file with --pin-file";
                files::read_text(path).map_err(|failure| failure.seen_as("pin_file", next))?
            }
            None if token.has_keys() => return Ok(None),
            None => {
                let typed = rpassword::prompt_password(token.prompt()).map_err(|_| {
                    let what = "a PIN is needed and there is no terminal to ask at";
                    let next = "name a file that holds it with --pin-file";
                    Failure::caller("pin_needed", what, next)
                })?;
                Zeroizing::new(typed)
            }
        };
        Self::new(text.trim_end_matches(['\r', '\n'])).map(Some)
    }

    /// A PIN as it is. The caller wipes the text.
    ///
    /// # Errors
    /// An empty one is none, and a token would count it as a wrong one.
    pub fn new(text: &str) -> Result<Self> {
        if text.is_empty() {
            let what = "the PIN is empty; the token was not asked";
            return Err(Failure::caller("empty_pin", what, "try again"));
        }
        Ok(Self(AuthPin::new(Box::from(text))))
    }

    pub(super) fn secret(&self) -> &AuthPin {
        &self.0
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Pin")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neg_077_a_pin_prints_as_nothing() {
        assert_eq!(format!("{:?}", Pin::new("1234").unwrap()), "Pin");
    }

    /// REC-42: an empty one never reaches a token.
    #[test]
    fn an_empty_pin_is_none() {
        assert_eq!(Pin::new("").unwrap_err().code(), "empty_pin");
    }
}
