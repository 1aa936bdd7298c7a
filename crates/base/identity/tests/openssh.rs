//! Our signatures and OpenSSH's own programs accept each other (IDN-08, IDN-09).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_codec::tag;
use quorate_identity::{
    AgentSigner, Credential, CredentialKind, CredentialSignature, CredentialSigner, FileSigner,
    NodeSecrets, SignerError,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const MESSAGE: &[u8] = b"what is signed";

/// A directory in which OpenSSH's programs work.
struct Ssh(TempDir);

impl Ssh {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn keygen(&self, kind: &str, passphrase: &str) -> PathBuf {
        let path = self.path(kind);
        let path_text = path.to_str().unwrap();
        run("ssh-keygen", &["-q", "-t", kind, "-N", passphrase, "-C", "ada", "-f", path_text], b"");
        path
    }

    fn credential(&self, key: &Path) -> Credential {
        fs::read_to_string(key.with_extension("pub")).unwrap().parse().unwrap()
    }

    /// Whether `ssh-keygen -Y verify` accepts a signature of ada.
    fn accepts(&self, credential: &Credential, namespace: &str, pem: &str, message: &[u8]) -> bool {
        let (allowed, signature) = (self.path("allowed"), self.path("signature"));
        fs::write(&allowed, format!("ada {}\n", credential.to_openssh())).unwrap();
        fs::write(&signature, pem).unwrap();
        let files = [allowed.to_str().unwrap(), signature.to_str().unwrap()];
        let arguments =
            ["-Y", "verify", "-I", "ada", "-n", namespace, "-f", files[0], "-s", files[1]];
        output("ssh-keygen", &arguments, message).status.success()
    }
}

fn output(program: &str, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(program)
        .args(arguments)
        .env_remove("SSH_AUTH_SOCK")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} is needed: {error}"));
    // A program that does not read may have closed its end.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn run(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let output = output(program, arguments, input);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {error}");
    output.stdout
}

#[test]
fn ssh_keygen_accepts_what_we_sign_with_its_files() {
    for (kind, passphrase) in
        [("ed25519", ""), ("ecdsa", ""), ("ed25519", "secret"), ("ecdsa", "secret")]
    {
        let ssh = Ssh::new();
        let key = ssh.keygen(kind, passphrase);
        let passphrase = (!passphrase.is_empty()).then_some(passphrase.as_bytes());
        let signer = FileSigner::open(&key, passphrase).unwrap();
        assert_eq!(signer.credential(), &ssh.credential(&key));

        let signature = signer.sign(tag::APPROVAL, MESSAGE).unwrap();
        let pem = signature.to_pem().unwrap();
        let credential = signer.credential();
        assert!(ssh.accepts(credential, tag::APPROVAL.name(), &pem, MESSAGE), "{kind}");
        assert!(!ssh.accepts(credential, tag::REQUEST.name(), &pem, MESSAGE), "{kind}");
        assert!(!ssh.accepts(credential, tag::APPROVAL.name(), &pem, b"another"), "{kind}");
    }
}

#[test]
fn we_accept_what_ssh_keygen_signs() {
    for (kind, expected) in [("ed25519", CredentialKind::Ed25519), ("ecdsa", CredentialKind::P256)]
    {
        let ssh = Ssh::new();
        let key = ssh.keygen(kind, "");
        let arguments = ["-Y", "sign", "-n", tag::MOTION.name(), "-f", key.to_str().unwrap()];
        let pem = String::from_utf8(run("ssh-keygen", &arguments, MESSAGE)).unwrap();
        let signature = CredentialSignature::from_pem(&pem).unwrap();

        let credential = ssh.credential(&key);
        assert_eq!(credential.kind(), expected);
        assert_eq!(credential.verify(tag::MOTION, MESSAGE, &signature), Ok(()));
        assert!(credential.verify(tag::APPROVAL, MESSAGE, &signature).is_err());
        assert!(credential.verify(tag::MOTION, b"another", &signature).is_err());
        let listed = run("ssh-keygen", &["-l", "-f", key.to_str().unwrap()], b"");
        assert!(String::from_utf8(listed).unwrap().contains(&credential.fingerprint()));
    }
}

#[test]
fn wrong_passphrases_and_other_kinds_of_key_are_told_apart() {
    let ssh = Ssh::new();
    let key = ssh.keygen("ed25519", "secret");
    let open = |passphrase: Option<&[u8]>| FileSigner::open(&key, passphrase).unwrap_err();
    assert!(matches!(open(None), SignerError::PassphraseNeeded));
    assert!(matches!(open(Some(b"wrong")), SignerError::PassphraseWrong));
    let rsa = ssh.keygen("rsa", "");
    assert!(matches!(FileSigner::open(&rsa, None).unwrap_err(), SignerError::Kind(_)));
    let line = fs::read_to_string(rsa.with_extension("pub")).unwrap();
    assert!(Credential::from_openssh(&line).is_err());
}

/// A real ssh-agent, ended with its handle.
struct Agent {
    process: Child,
    socket: PathBuf,
}

impl Agent {
    fn start(ssh: &Ssh) -> Self {
        let socket = ssh.path("agent");
        let process = Command::new("ssh-agent")
            .args(["-D", "-a", socket.to_str().unwrap()])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while !socket.exists() {
            assert!(started.elapsed() < Duration::from_secs(20), "ssh-agent does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { process, socket }
    }

    fn ssh_add(&self, arguments: &[&str]) {
        let added =
            Command::new("ssh-add").args(arguments).env("SSH_AUTH_SOCK", &self.socket).output();
        assert!(added.unwrap().status.success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn ssh_agent_signs_for_us() {
    let ssh = Ssh::new();
    let agent = Agent::start(&ssh);
    for kind in ["ed25519", "ecdsa", "rsa"] {
        agent.ssh_add(&["-q", ssh.keygen(kind, "").to_str().unwrap()]);
    }
    let keys = ["ed25519", "ecdsa"].map(|kind| ssh.credential(&ssh.path(kind)));
    assert_eq!(AgentSigner::list(&agent.socket).unwrap(), keys);

    for credential in &keys {
        let signer = AgentSigner::connect(&agent.socket, credential).unwrap();
        let signature = signer.sign(tag::APPROVAL, MESSAGE).unwrap();
        assert_eq!(credential.verify(tag::APPROVAL, MESSAGE, &signature), Ok(()));
        let pem = signature.to_pem().unwrap();
        assert!(ssh.accepts(credential, tag::APPROVAL.name(), &pem, MESSAGE));

        agent.ssh_add(&[
            "-q",
            "-d",
            ssh.path(match credential.kind() {
                CredentialKind::P256 => "ecdsa",
                _ => "ed25519",
            })
            .to_str()
            .unwrap(),
        ]);
        let unloaded = signer.sign(tag::APPROVAL, MESSAGE).unwrap_err();
        assert!(matches!(unloaded, SignerError::AgentRefused));
        let absent = AgentSigner::connect(&agent.socket, credential).unwrap_err();
        assert!(matches!(absent, SignerError::AgentRefused));
    }

    let socket = agent.socket.clone();
    drop(agent);
    assert!(matches!(AgentSigner::list(&socket).unwrap_err(), SignerError::Agent(_)));
}

/// An agent that answers every message with the same bytes.
fn false_agent(ssh: &Ssh, answer: &'static [u8]) -> PathBuf {
    let socket = ssh.path("false-agent");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // The request is five bytes; it is read so that the client can write it.
            let _ = stream.read_exact(&mut [0; 5]);
            let _ = stream.write_all(answer);
        }
    });
    socket
}

#[test]
fn neg_015_an_agent_that_answers_nonsense_is_told_apart() {
    let answers: [&[u8]; 6] = [
        &[0xff; 8],                                         // a length of 4 GiB
        &[0, 0, 0, 0],                                      // an empty message
        &[0, 0, 0, 1, 99],                                  // an unknown kind
        &[0, 0, 0, 1, 12],                                  // no count
        &[0, 0, 0, 5, 12, 0xff, 0xff, 0xff, 0xff],          // four billion keys
        &[0, 0, 0, 9, 12, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0], // a key of 4 GiB
    ];
    for answer in answers {
        let ssh = Ssh::new();
        let listed = AgentSigner::list(&false_agent(&ssh, answer));
        assert!(matches!(listed, Err(SignerError::AgentNonsense)), "{answer:?}: {listed:?}");
    }
    let ssh = Ssh::new();
    let refused = AgentSigner::list(&false_agent(&ssh, &[0, 0, 0, 1, 5]));
    assert!(matches!(refused, Err(SignerError::AgentRefused)));
    let ssh = Ssh::new();
    let short = AgentSigner::list(&false_agent(&ssh, &[0, 0, 0, 9, 12]));
    assert!(matches!(short, Err(SignerError::Agent(_))));
}

#[test]
fn openssl_reads_the_transport_key() {
    let secrets = NodeSecrets::generate(&mut ChaCha20Rng::from_seed([1; 32]));
    let arguments = ["pkey", "-inform", "DER", "-pubout", "-outform", "DER"];
    let public = run("openssl", &arguments, &secrets.transport_pkcs8());
    assert_eq!(public, secrets.public().transport_spki());
}
