//! A name that a person types to go on, where nothing can be taken back.

use crate::failure::{Failure, Result};
use quorate_identity::Name;
use std::io::{BufRead, IsTerminal, Write};

/// What is asked, and what is said where nobody agrees.
pub struct Confirmation {
    /// What people are to be sure of.
    pub question: &'static str,
    /// What is said where nobody can be asked.
    pub unasked: &'static str,
    /// What is said where somebody types anything else.
    pub denied: &'static str,
    /// What to do then.
    pub next: &'static str,
}

impl Confirmation {
    /// Asks for the name.
    ///
    /// # Errors
    /// The caller's: no terminal, or another name.
    pub fn ask(&self, name: &Name) -> Result<()> {
        let mut input = std::io::stdin().lock();
        if !input.is_terminal() {
            return Err(Failure::caller("confirmation_needed", self.unasked, self.next));
        }
        let _ = write!(std::io::stderr(), "{} Type {name} to go on: ", self.question);
        let mut typed = String::new();
        let read = input.read_line(&mut typed);
        if read.is_ok() && typed.trim() == name.as_str() {
            return Ok(());
        }
        Err(Failure::caller("not_confirmed", self.denied, self.next))
    }
}
