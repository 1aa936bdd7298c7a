//! Somebody between nodes: every byte for one of them goes through their hands, both ways.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Stands where a node is thought to listen, and passes on what comes; changes it when told to.
/// Ends with this value.
pub struct Relay {
    address: String,
    hands: Arc<Hands>,
}

/// What all its threads share.
struct Hands {
    /// Where it leads.
    to: Mutex<String>,
    /// One bit of one piece in so many is turned over; 0 for none.
    bends: AtomicUsize,
    pieces: AtomicUsize,
    bent: AtomicUsize,
    /// All that went through, each direction of each connection by itself.
    seen: Mutex<Vec<Arc<Mutex<Vec<u8>>>>>,
    /// What is open.
    open: Mutex<Vec<TcpStream>>,
    ended: AtomicBool,
}

impl Relay {
    /// Listens at an address, and leads to another.
    ///
    /// # Panics
    /// Somebody listens there.
    pub fn between(address: &str, to: &str) -> Self {
        let hands = Arc::new(Hands {
            to: Mutex::new(to.to_owned()),
            bends: AtomicUsize::new(0),
            pieces: AtomicUsize::new(0),
            bent: AtomicUsize::new(0),
            seen: Mutex::default(),
            open: Mutex::default(),
            ended: AtomicBool::new(false),
        });
        let listener = TcpListener::bind(address).expect("an address");
        let relay = Self { address: address.to_owned(), hands: Arc::clone(&hands) };
        thread::spawn(move || hands.stand(&listener));
        relay
    }

    /// Changes one piece in so many from now on; none for 0.
    pub fn bend(&self, one_in: usize) {
        self.hands.bends.store(one_in, Ordering::Relaxed);
    }

    /// How many pieces it has changed.
    pub fn bent(&self) -> usize {
        self.hands.bent.load(Ordering::Relaxed)
    }

    /// Leads somewhere else from now on, and cuts what is open.
    ///
    /// # Panics
    /// One of its threads has.
    pub fn lead_to(&self, to: &str) {
        to.clone_into(&mut self.hands.to.lock().expect("a lock"));
        self.hands.cut();
    }

    /// Whether these bytes went through in one piece or several.
    ///
    /// # Panics
    /// One of its threads has.
    pub fn has_seen(&self, bytes: &[u8]) -> bool {
        let all = self.hands.seen.lock().expect("a lock");
        all.iter().any(|one| {
            let one = one.lock().expect("a lock");
            one.windows(bytes.len()).any(|window| window == bytes)
        })
    }

    /// How many bytes went through.
    ///
    /// # Panics
    /// One of its threads has.
    pub fn bytes(&self) -> usize {
        let all = self.hands.seen.lock().expect("a lock");
        all.iter().map(|one| one.lock().expect("a lock").len()).sum()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.hands.ended.store(true, Ordering::Relaxed);
        self.hands.cut();
        // So that whoever waits for the next connection sees it.
        drop(TcpStream::connect(&self.address));
    }
}

impl Hands {
    fn stand(self: &Arc<Self>, listener: &TcpListener) {
        while let Ok((caller, _)) = listener.accept() {
            if self.ended.load(Ordering::Relaxed) {
                return;
            }
            let to = self.to.lock().expect("a lock").clone();
            // A node that is not there is not there for its callers either.
            let Ok(called) = TcpStream::connect(to) else { continue };
            let copies = [&caller, &called].map(|it| it.try_clone().expect("a handle"));
            let more = [&caller, &called].map(|it| it.try_clone().expect("a handle"));
            self.open.lock().expect("a lock").extend(more);
            let [caller_too, called_too] = copies;
            for (from, to) in [(caller, called_too), (called, caller_too)] {
                let hands = Arc::clone(self);
                thread::spawn(move || hands.pass(from, to));
            }
        }
    }

    /// One direction of a connection, to its end.
    fn pass(&self, mut from: TcpStream, mut to: TcpStream) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        self.seen.lock().expect("a lock").push(Arc::clone(&seen));
        let mut buffer = [0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let piece = buffer.get_mut(..length).expect("as much as was read");
            seen.lock().expect("a lock").extend_from_slice(piece);
            self.may_bend(piece);
            if to.write_all(piece).is_err() {
                break;
            }
        }
        for end in [from, to] {
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    /// Turns one bit over, now here, now there, when it is this piece's turn.
    fn may_bend(&self, piece: &mut [u8]) {
        let number = self.pieces.fetch_add(1, Ordering::Relaxed);
        let one_in = self.bends.load(Ordering::Relaxed);
        if one_in > 0 && number % one_in == one_in - 1 {
            let at = number.wrapping_mul(7_919) % piece.len();
            *piece.get_mut(at).expect("a place in it") ^= 1 << (number % 8);
            self.bent.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn cut(&self) {
        for end in self.open.lock().expect("a lock").drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}
