//! What can be wrong with a token, and what to do next.

use crate::failure::Failure;
use cryptoki::error::Error;
use std::path::PathBuf;

/// Why a key in a token is not found, not made, or does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// No library of this kind at this path; the caller's fault.
    #[error("{} is no PKCS #11 module: {why}", path.display())]
    NoModule {
        /// What was named.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// Another one, or none; the caller's fault.
    #[error("no token here is called \"{label}\"{}", there(others))]
    NoToken {
        /// What was named.
        label: String,
        /// What is there.
        others: Vec<String>,
    },
    /// Nobody can tell which is meant; the caller's fault.
    #[error("{count} tokens here are called \"{label}\"")]
    SeveralTokens {
        /// What was named.
        label: String,
        /// How many.
        count: usize,
    },
    /// The caller's fault. It was tried once.
    #[error("the token \"{token}\" says that the PIN is wrong; a token locks after few wrong ones")]
    WrongPin {
        /// Which token.
        token: String,
    },
    /// Too many were wrong.
    #[error("the token \"{token}\" has locked its PIN")]
    LockedPin {
        /// Which token.
        token: String,
    },
    /// Another one, or none; the caller's fault.
    #[error("the token holds no private key that is called \"{label}\"{}", there(others))]
    NoKey {
        /// What was named.
        label: String,
        /// What is there.
        others: Vec<String>,
    },
    /// Nobody can tell which is meant; the caller's fault.
    #[error("the token holds {count} keys that are called \"{label}\"")]
    SeveralKeys {
        /// What was named.
        label: String,
        /// How many.
        count: usize,
    },
    /// There is a key where one should be made; the caller's fault.
    #[error("the token holds a key that is called \"{label}\" already; nothing was made")]
    KeyExists {
        /// What was named.
        label: String,
    },
    /// The key is none that a backup can be encrypted to; the caller's fault.
    #[error("the key \"{label}\" is of no use here: {why}")]
    Unsuitable {
        /// Which key.
        label: String,
        /// What it lacks.
        why: &'static str,
    },
    /// The token, its reader or its module failed.
    #[error("the token failed: {0}")]
    Device(String),
}

impl From<Error> for TokenError {
    /// The names of a call and of its result, as PKCS #11 has them: nothing that went in or came out.
    fn from(error: Error) -> Self {
        match error {
            Error::Pkcs11(result, call) => Self::Device(format!("{result:?} in C_{call:?}")),
            other => Self::Device(other.to_string()),
        }
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        let caller = |code, next| Self::caller(code, &error, next);
        match &error {
            TokenError::NoModule { .. } => {
                caller("no_module", "name the library that came with the token, with --module")
            }
            TokenError::NoToken { .. } | TokenError::SeveralTokens { .. } => caller(
                "no_token",
                "put it in, and no other of that name; `quorate-recovery token list` shows what \
                 is there",
            ),
            TokenError::WrongPin { .. } => {
                caller("wrong_pin", "find out the right one before you try again")
            }
            TokenError::LockedPin { .. } => {
                caller("pin_locked", "unlock it with the tool that came with the token")
            }
            TokenError::NoKey { .. } | TokenError::SeveralKeys { .. } => caller(
                "no_key",
                "name the one that you mean with --key-label; if two are called so, rename one \
                 with the tool that came with the token",
            ),
            TokenError::KeyExists { .. } => caller("key_exists", "choose another label"),
            TokenError::Unsuitable { .. } => caller(
                "unsuitable_key",
                "make another one, for instance with `quorate-recovery token keygen`",
            ),
            TokenError::Device(_) => Self::machine(
                "token_failed",
                &error,
                "see that the token is in its reader and that nothing else uses it, and try again",
            ),
        }
    }
}

fn there(others: &[String]) -> String {
    if others.is_empty() {
        return String::new();
    }
    let quoted: Vec<String> = others.iter().map(|label| format!("\"{label}\"")).collect();
    format!(", but {}", quoted.join(", "))
}
