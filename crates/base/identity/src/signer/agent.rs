//! A key in ssh-agent (draft-ietf-sshm-ssh-agent): two messages, over a Unix socket.

use super::{CredentialSigner, SignerError};
use crate::{Credential, CredentialSignature, sshsig};
use quorate_codec::tag::Tag;
use ssh_encoding::{Decode, Encode};
use ssh_key::{PublicKey, Signature, SshSig};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest message in either direction, in bytes; the limit of OpenSSH's own agent.
const MESSAGE_BYTES_MAX: usize = 256 * 1024;

/// Most keys that are read from an agent.
const KEYS_MAX: u32 = 1024;

/// Longest wait for an answer: a person may have to find and touch a security key.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
const FAILURE: u8 = 5;

/// Signs with a key that an ssh-agent holds; the only way to use a security key. One connection
/// a signature, so that an agent may restart in between.
#[derive(Debug)]
pub struct AgentSigner {
    socket: PathBuf,
    credential: Credential,
}

impl AgentSigner {
    /// A signer for `credential` at the agent that listens on `socket`.
    ///
    /// # Errors
    /// [`SignerError`]; `AgentRefused` if the agent does not have the key.
    pub fn connect(socket: &Path, credential: &Credential) -> Result<Self, SignerError> {
        match Self::list(socket)?.contains(credential) {
            true => Ok(Self { socket: socket.to_owned(), credential: credential.clone() }),
            false => Err(SignerError::AgentRefused),
        }
    }

    /// The acceptable keys that the agent on `socket` holds; other kinds are left out.
    ///
    /// # Errors
    /// [`SignerError`].
    pub fn list(socket: &Path) -> Result<Vec<Credential>, SignerError> {
        let answer = ask(socket, &[REQUEST_IDENTITIES])?;
        let mut reader = payload(&answer, IDENTITIES_ANSWER)?;
        let count = u32::decode(&mut reader).map_err(nonsense)?;
        if count > KEYS_MAX {
            return Err(SignerError::AgentNonsense);
        }
        let mut credentials = Vec::new();
        for _ in 0..count {
            let blob = Vec::<u8>::decode(&mut reader).map_err(nonsense)?;
            let _comment = Vec::<u8>::decode(&mut reader).map_err(nonsense)?;
            credentials.extend(Credential::from_blob(&blob));
        }
        Ok(credentials)
    }
}

impl CredentialSigner for AgentSigner {
    fn credential(&self) -> &Credential {
        &self.credential
    }

    fn sign(&self, tag: Tag, bytes: &[u8]) -> Result<CredentialSignature, SignerError> {
        let signed = sshsig::signed_data(tag, bytes).map_err(|_| SignerError::Faulty)?;
        let answer = ask(&self.socket, &sign_request(self.credential.blob(), &signed)?)?;
        let mut reader = payload(&answer, SIGN_RESPONSE)?;
        let signature = Vec::<u8>::decode(&mut reader).map_err(nonsense)?;
        let signature = Signature::try_from(signature.as_slice()).map_err(nonsense)?;
        let key = PublicKey::from_bytes(self.credential.blob()).map_err(nonsense)?;
        let sshsig = SshSig::new(key.key_data().clone(), tag.name(), sshsig::HASH, signature);
        let sshsig = sshsig.map_err(nonsense)?;
        let signature =
            CredentialSignature::from_sshsig(&sshsig).map_err(|_| SignerError::Faulty)?;
        // An agent is not trusted to have signed what it was asked to, or with a touch.
        let verified = self.credential.verify(tag, bytes, &signature);
        verified.map_err(|_| SignerError::Faulty)?;
        Ok(signature)
    }
}

/// Key, data, and no flags: those concern RSA only.
fn sign_request(blob: &[u8], signed: &[u8]) -> Result<Vec<u8>, SignerError> {
    let mut request = vec![SIGN_REQUEST];
    blob.encode(&mut request).map_err(nonsense)?;
    signed.encode(&mut request).map_err(nonsense)?;
    0_u32.encode(&mut request).map_err(nonsense)?;
    Ok(request)
}

/// Sends one message and reads one.
fn ask(socket: &Path, request: &[u8]) -> Result<Vec<u8>, SignerError> {
    let mut stream = UnixStream::connect(socket).map_err(SignerError::Agent)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT)).map_err(SignerError::Agent)?;
    stream.set_write_timeout(Some(ANSWER_TIMEOUT)).map_err(SignerError::Agent)?;
    let mut frame = (request.len() as u32).to_be_bytes().to_vec();
    frame.extend_from_slice(request);
    stream.write_all(&frame).map_err(SignerError::Agent)?;

    let mut length = [0; 4];
    stream.read_exact(&mut length).map_err(SignerError::Agent)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > MESSAGE_BYTES_MAX {
        return Err(SignerError::AgentNonsense);
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).map_err(SignerError::Agent)?;
    Ok(answer)
}

/// What stands behind the type of an answer.
fn payload(answer: &[u8], expected: u8) -> Result<&[u8], SignerError> {
    match answer.split_first() {
        Some((kind, payload)) if *kind == expected => Ok(payload),
        Some((&FAILURE, _)) => Err(SignerError::AgentRefused),
        _ => Err(SignerError::AgentNonsense),
    }
}

fn nonsense<E>(_: E) -> SignerError {
    SignerError::AgentNonsense
}
