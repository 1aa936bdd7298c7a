//! A key in a token or HSM that answers a challenge (STO-17).
//!
//! The key is a secret of 32 bytes that the token made, or that its administrator put there, and that
//! never leaves it: it does HMAC-SHA-256 and nothing else. Its answer is the key-encryption key. Nothing
//! is wrapped, so there is no nonce to choose and no ciphertext to change: another challenge, or another
//! key, gives another answer.

use crate::args::seal::Device;
use crate::failure::{Failure, Result};
use cryptoki::error::Error;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use quorate_codec::{Transcript, tag};
use quorate_recovery::failure::{Failure as RecoveryFailure, Fault};
use quorate_recovery::token::{Module, Pin, Token, TokenError, Unlocked};
use quorate_store::{SealKey, TokenChallenge};
use rand_core::{OsRng, RngCore};
use zeroize::Zeroizing;

/// A challenge to the key of this name, which is made where the token has none, and the answer to it,
/// twice.
///
/// # Errors
/// The caller's: something is not named, the PIN is wrong, or the key does not serve. The machine's:
/// the token fails.
pub fn make(
    token: Option<&str>,
    label: &str,
    with: &Device,
) -> Result<(TokenChallenge, [SealKey; 2])> {
    let Some(token) = token else {
        let message = "a token seals only if it is named";
        return Err(Failure::caller("no_token", message, "name it with --token LABEL"));
    };
    let asked = TokenChallenge::fresh(token, label);
    let found = open(&asked, with)?;
    let pin = pin(&found, with)?;
    let unlocked = found.log_in_to_write(pin.as_ref()).map_err(told)?;
    if keys(unlocked.session(), label).map_err(broken)?.is_empty() {
        generate(unlocked.session(), label).map_err(broken)?;
    }
    let answers = [ask(&unlocked, &asked)?, ask(&unlocked, &asked)?];
    Ok((asked, answers))
}

/// The token's answer.
///
/// # Errors
/// As [`make`].
pub fn answer(asked: &TokenChallenge, with: &Device) -> Result<SealKey> {
    let found = open(asked, with)?;
    let pin = pin(&found, with)?;
    let unlocked = found.log_in(pin.as_ref()).map_err(told)?;
    ask(&unlocked, asked)
}

fn ask(unlocked: &Unlocked, asked: &TokenChallenge) -> Result<SealKey> {
    let key = key(unlocked, &asked.key)?;
    let question = Transcript::new(tag::STORE_TOKEN).part(asked.challenge).digest();
    let answer = unlocked.session().sign(&Mechanism::Sha256Hmac, key, question.as_bytes());
    let answer = Zeroizing::new(answer.map_err(broken)?);
    SealKey::from_bytes(&answer).ok_or_else(|| {
        told(TokenError::Device("its answer has not the length of an HMAC-SHA-256".to_owned()))
    })
}

fn open(asked: &TokenChallenge, with: &Device) -> Result<Token> {
    let Some(module) = &with.module else {
        let message = format!(
            "the store is sealed by the token \"{}\", and no PKCS #11 module was named",
            asked.token
        );
        let next = "name the library that came with the token, with --module";
        return Err(Failure::caller("no_module", message, next));
    };
    Module::load(module).and_then(|module| module.token(&asked.token)).map_err(told)
}

fn pin(token: &Token, with: &Device) -> Result<Option<Pin>> {
    Pin::ask(with.pin_file.as_deref(), token).map_err(|failure| seen(&failure))
}

/// The one key that is called so, if it serves.
fn key(unlocked: &Unlocked, label: &str) -> Result<ObjectHandle> {
    let session = unlocked.session();
    match keys(session, label).map_err(broken)?.as_slice() {
        [key] if serves(session, *key).map_err(broken)? => Ok(*key),
        [_] => Err(unsuitable(label)),
        [] => Err(Failure::caller(
            "no_key",
            format!("the token holds no secret key that is called \"{label}\""),
            "put in the token by which the store was sealed; if its key is gone, the store is lost: \
             have the node's seat given to another machine",
        )),
        several => {
            let (label, count) = (label.to_owned(), several.len());
            Err(told(TokenError::SeveralKeys { label, count }))
        }
    }
}

fn keys(session: &Session, label: &str) -> std::result::Result<Vec<ObjectHandle>, Error> {
    session
        .find_objects(&[Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Label(label.into())])
}

/// Whether a key can do what it should, and can never be read: a key that leaves the token would make
/// the token a costly passphrase.
fn serves(session: &Session, key: ObjectHandle) -> std::result::Result<bool, Error> {
    let asked = [
        AttributeType::KeyType,
        AttributeType::Sensitive,
        AttributeType::Extractable,
        AttributeType::Sign,
    ];
    let said = session.get_attributes(key, &asked)?;
    let does_hmac =
        |kind: &KeyType| *kind == KeyType::GENERIC_SECRET || *kind == KeyType::SHA256_HMAC;
    Ok(said.iter().any(|it| matches!(it, Attribute::KeyType(kind) if does_hmac(kind)))
        && said.contains(&Attribute::Sensitive(true))
        && said.contains(&Attribute::Extractable(false))
        && said.contains(&Attribute::Sign(true)))
}

fn generate(session: &Session, label: &str) -> std::result::Result<(), Error> {
    let mut id = [0; 16];
    OsRng.fill_bytes(&mut id);
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::GENERIC_SECRET),
        Attribute::ValueLen(32.into()),
        Attribute::Label(label.into()),
        Attribute::Id(id.into()),
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        Attribute::Verify(false),
        Attribute::Encrypt(false),
        Attribute::Decrypt(false),
        Attribute::Wrap(false),
        Attribute::Unwrap(false),
        Attribute::Derive(false),
    ];
    session.generate_key(&Mechanism::GenericSecretKeyGen, &template).map(|_| ())
}

fn unsuitable(label: &str) -> Failure {
    Failure::caller(
        "unsuitable_key",
        format!(
            "the key \"{label}\" is no secret that does HMAC-SHA-256 and never leaves its token"
        ),
        "name another one with --key-label; where the token has none of that name, one is made",
    )
}

fn broken(error: Error) -> Failure {
    told(error.into())
}

fn told(error: TokenError) -> Failure {
    seen(&error.into())
}

/// The same failure in the words of this program.
fn seen(failure: &RecoveryFailure) -> Failure {
    let (code, (message, next)) = (failure.code(), failure.texts());
    match failure.fault() {
        Fault::Machine => Failure::machine(code, message, next),
        Fault::Caller | Fault::Peer => Failure::caller(code, message, next),
    }
}
