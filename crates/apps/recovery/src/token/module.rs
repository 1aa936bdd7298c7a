//! The module that a token comes with, and the tokens that it reaches (REC-40, REC-41).

use super::{Pin, TokenError, Unlocked};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use serde::Serialize;
use std::path::Path;

/// A module that was loaded. It is ended when this is dropped.
pub struct Module(Pkcs11);

/// A token in its slot, which nobody has unlocked yet.
pub struct Token {
    module: Module,
    slot: Slot,
    info: TokenInfo,
}

/// What a token says of itself to everybody. Public.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Described {
    /// What it is called.
    pub label: String,
    /// Who made it.
    pub maker: String,
    /// What it is.
    pub model: String,
    /// Its serial number.
    pub serial: String,
    /// Whether it takes no PIN any more.
    pub is_locked: bool,
}

impl Module {
    /// Loads the library at this path, and no other: a bare name is not looked for elsewhere
    /// (REC-40).
    ///
    /// # Errors
    /// [`TokenError::NoModule`], [`TokenError::Device`].
    pub fn load(path: &Path) -> Result<Self, TokenError> {
        let none = |why: String| TokenError::NoModule { path: path.to_owned(), why };
        let whole = path.canonicalize().map_err(|error| none(error.to_string()))?;
        let module = Pkcs11::new(whole).map_err(|error| none(error.to_string()))?;
        module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
        Ok(Self(module))
    }

    /// What tokens are there.
    ///
    /// # Errors
    /// [`TokenError::Device`].
    pub fn tokens(&self) -> Result<Vec<Described>, TokenError> {
        let all = self.slots()?.into_iter();
        Ok(all.map(|(_, info)| Described::new(&info)).collect())
    }

    /// The one token that is called so.
    ///
    /// # Errors
    /// [`TokenError::NoToken`], [`TokenError::SeveralTokens`], [`TokenError::Device`].
    pub fn token(self, label: &str) -> Result<Token, TokenError> {
        let (mut named, others): (Vec<_>, Vec<_>) =
            self.slots()?.into_iter().partition(|(_, info)| info.label() == label);
        let (label, count) = (label.to_owned(), named.len());
        match named.pop() {
            Some((slot, info)) if count == 1 => Ok(Token { module: self, slot, info }),
            Some(_) => Err(TokenError::SeveralTokens { label, count }),
            None => {
                let others = others.iter().map(|(_, info)| info.label().to_owned()).collect();
                Err(TokenError::NoToken { label, others })
            }
        }
    }

    fn slots(&self) -> Result<Vec<(Slot, TokenInfo)>, TokenError> {
        let slots = self.0.get_slots_with_initialized_token()?;
        let info = |slot| Ok((slot, self.0.get_token_info(slot)?));
        slots.into_iter().map(info).collect()
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        // Nothing is left that it could spoil.
        let _ = self.0.clone().finalize();
    }
}

impl Described {
    fn new(info: &TokenInfo) -> Self {
        Self {
            label: info.label().to_owned(),
            maker: info.manufacturer_id().to_owned(),
            model: info.model().to_owned(),
            serial: info.serial_number().to_owned(),
            is_locked: info.user_pin_locked(),
        }
    }
}

impl Token {
    /// What it is called.
    pub fn label(&self) -> &str {
        self.info.label()
    }

    /// Whether its PIN is typed at its own reader, so that no program sees it.
    pub(super) fn has_keys(&self) -> bool {
        self.info.protected_authentication_path()
    }

    /// What asks for the PIN, and warns where a wrong one would lock the token.
    pub(super) fn prompt(&self) -> String {
        let few = match (self.info.user_pin_final_try(), self.info.user_pin_count_low()) {
            (true, _) => ", which locks if this one is wrong",
            (false, true) => ", at which wrong ones were tried",
            (false, false) => "",
        };
        format!("PIN of the token {}{few}: ", self.label())
    }

    /// Unlocks it, to use what is in it. The PIN is tried once (REC-42).
    ///
    /// # Errors
    /// [`TokenError::WrongPin`], [`TokenError::LockedPin`], [`TokenError::Device`].
    pub fn log_in(self, pin: Option<&Pin>) -> Result<Unlocked, TokenError> {
        let session = self.module.0.open_ro_session(self.slot)?;
        self.unlock(session, pin)
    }

    /// Unlocks it, to make something in it. The PIN is tried once (REC-42).
    ///
    /// # Errors
    /// As [`log_in`](Self::log_in).
    pub fn log_in_to_write(self, pin: Option<&Pin>) -> Result<Unlocked, TokenError> {
        let session = self.module.0.open_rw_session(self.slot)?;
        self.unlock(session, pin)
    }

    fn unlock(self, session: Session, pin: Option<&Pin>) -> Result<Unlocked, TokenError> {
        let token = self.label().to_owned();
        if self.info.user_pin_locked() {
            return Err(TokenError::LockedPin { token });
        }
        match session.login(UserType::User, pin.map(Pin::secret)) {
            Ok(()) => Ok(Unlocked::new(session, self.module)),
            Err(error) => Err(not_unlocked(error, token)),
        }
    }
}

/// Whether it was the PIN.
fn not_unlocked(error: Error, token: String) -> TokenError {
    match error {
        Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _) => {
            TokenError::WrongPin { token }
        }
        Error::Pkcs11(RvError::PinLocked, _) => TokenError::LockedPin { token },
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cryptoki::context::Function;

    /// REC-42: a PIN that is wrong, one that is locked, and a token that failed are told apart.
    #[test]
    fn only_a_wrong_pin_is_called_so() {
        let told = |error| not_unlocked(Error::Pkcs11(error, Function::Login), "vault".into());
        let token = || "vault".to_owned();
        for wrong in [RvError::PinIncorrect, RvError::PinInvalid, RvError::PinLenRange] {
            assert_eq!(told(wrong), TokenError::WrongPin { token: token() });
        }
        assert_eq!(told(RvError::PinLocked), TokenError::LockedPin { token: token() });
        for failed in [RvError::DeviceError, RvError::DeviceRemoved, RvError::PinExpired] {
            assert!(matches!(told(failed), TokenError::Device(_)), "{failed:?}");
        }
    }
}
