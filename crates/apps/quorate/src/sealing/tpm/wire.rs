//! What somebody hears who listens between the processor and the TPM (STO-16).

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed"
)]

use super::{seal, unseal};
use quorate_store::SealKey;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Everything that went over the wire, in both directions.
type Heard = Arc<Mutex<Vec<u8>>>;

/// A TPM in software that ends with this value.
struct Swtpm(Child);

impl Drop for Swtpm {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// Starts one at a port; what steers it is at the next.
fn start(state: &str) -> (Swtpm, u16) {
    for port in (30_000_u16..32_000).step_by(2).skip(std::process::id() as usize % 499) {
        if pair(port).is_none() {
            continue;
        }
        let channel = |port| format!("type=tcp,port={port},bindaddr=127.0.0.1");
        let mut command = Command::new("swtpm");
        command.args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"]);
        command.args(["--tpmstate", &format!("dir={state}"), "--server", &channel(port)]);
        command.args(["--ctrl", &channel(port + 1)]).stdin(Stdio::null()).stderr(Stdio::null());
        let tpm = command.spawn().unwrap_or_else(|_| {
            panic!("swtpm is not installed; `cargo xtask test --install` installs it")
        });
        let mut tpm = Swtpm(tpm);
        while tpm.0.try_wait().unwrap().is_none() {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return (tpm, port);
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
    panic!("no port is free")
}

/// Two ports beside each other, if both are free.
fn pair(port: u16) -> Option<[TcpListener; 2]> {
    let bind = |port| TcpListener::bind(("127.0.0.1", port)).ok();
    Some([bind(port)?, bind(port + 1)?])
}

/// Stands between a program and the TPM, and writes down what is said.
fn listen_in(tpm: u16) -> (u16, Heard) {
    let heard = Heard::default();
    let free = (32_000_u16..33_000).step_by(2).skip(std::process::id() as usize % 249);
    let (port, listeners) = free.into_iter().find_map(|port| Some((port, pair(port)?))).unwrap();
    for (listener, to) in listeners.into_iter().zip([tpm, tpm + 1]) {
        let heard = Arc::clone(&heard);
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let far = TcpStream::connect(("127.0.0.1", to)).unwrap();
                carry(near.try_clone().unwrap(), far.try_clone().unwrap(), Arc::clone(&heard));
                carry(far, near, Arc::clone(&heard));
            }
        });
    }
    (port, heard)
}

fn carry(mut from: TcpStream, mut to: TcpStream, heard: Heard) {
    thread::spawn(move || {
        let mut bytes = [0; 4_096];
        while let Ok(read @ 1..) = from.read(&mut bytes) {
            heard.lock().unwrap().extend_from_slice(&bytes[..read]);
            if to.write_all(&bytes[..read]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
}

fn is_in(heard: &Heard, what: &[u8]) -> bool {
    heard.lock().unwrap().windows(what.len()).any(|window| window == what)
}

#[test]
fn sto_16_who_listens_to_the_wire_does_not_hear_the_key() {
    let state = tempfile::tempdir().unwrap();
    let (_tpm, port) = start(state.path().to_str().unwrap());
    let (port, heard) = listen_in(port);
    let name = format!("swtpm:host=127.0.0.1,port={port}");
    let key = SealKey::random();
    let object = seal(&name, &key).unwrap();
    assert!(unseal(&name, &object).unwrap().is(&key));
    // The object's public part is heard, so whatever is said is.
    assert!(is_in(&heard, &object.public));
    assert!(!is_in(&heard, key.as_bytes()));
    // What is no object of its own is not unsealed, whatever bytes stand in its place.
    for at in [0, 2, 8, object.public.len() - 1] {
        let mut changed = object.clone();
        changed.public[at] ^= 0x40;
        assert_eq!(unseal(&name, &changed).unwrap_err().code(), "other_tpm", "public {at}");
    }
    for at in [0, 1, 5, object.private.len() / 2, object.private.len() - 1] {
        let mut changed = object.clone();
        changed.private[at] ^= 0x40;
        assert_eq!(unseal(&name, &changed).unwrap_err().code(), "other_tpm", "private {at}");
    }
}
