//! Whether a secret decides a branch or an index, after Langley, "ctgrind: checking that functions are
//! constant time with valgrind", 2010: memcheck is told that the bytes of secrets are not defined,
//! computes with them, and says where the program depends on what is not. It sees the machine code of
//! the portable path, since valgrind computes nothing in 512 bits. Everything that may be known
//! afterwards is declared defined again, by name.
//!
//! `cargo xtask bench branches`; without valgrind around it, it checks nothing and says so. With
//! `--planted` it branches on a secret, which must be found.

#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "it speaks to valgrind, and a measurement that panics has failed"
)]

use quorate_codec::Digest;
use quorate_curve::{
    Curve, Factors, NonIdentity, P256, Point, Scalar, Secp256k1, SecretScalar, SecretScalars,
};
use quorate_ecdsa::EcdsaCurve;
use quorate_ecdsa::presign::{self, Decision};
use quorate_ecdsa::sign::{self, Letters, Plan};
use quorate_identity::NodeId;
use quorate_pair::{Setup, local};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{CryptoRng, Error, RngCore, SeedableRng};
use std::arch::asm;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    if ask(RUNNING, &[]) == 0 {
        eprintln!("not under valgrind: nothing is checked");
        return ExitCode::from(2);
    }
    if std::env::args().any(|argument| argument == "--planted") {
        let secret = secret_bytes::<1>();
        if secret[0] & 1 == 1 {
            black_box(());
        }
        return ExitCode::SUCCESS;
    }
    points::<Secp256k1>();
    points::<P256>();
    rows::<Secp256k1>();
    rows::<P256>();
    signed::<Secp256k1>();
    signed::<P256>();
    presigned::<Secp256k1>();
    presigned::<P256>();
    ExitCode::SUCCESS
}

const RUNNING: u64 = 0x1001;
/// Requests of memcheck, which are numbered after its initials.
const UNDEFINED: u64 = 0x4d43_0001;
const DEFINED: u64 = 0x4d43_0002;

/// Asks valgrind for something about some bytes; 0 where it is not there.
fn ask(what: u64, bytes: &[u8]) -> u64 {
    let request = [what, bytes.as_ptr() as u64, bytes.len() as u64, 0, 0, 0];
    let mut answer = 0_u64;
    // SAFETY: to a processor these instructions change nothing; valgrind, which knows them as a
    // request (valgrind.h, amd64), reads the six numbers and writes the answer.
    unsafe {
        asm!(
            "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51", "xchg rbx, rbx",
            in("rax") request.as_ptr(), inout("rdx") answer,
        );
    }
    answer
}

/// Declares that everybody may know what a value holds itself, without what it points to.
fn declassify<T>(value: &T) {
    // SAFETY: only the address and the length are used.
    let bytes =
        unsafe { std::slice::from_raw_parts(std::ptr::from_ref(value).cast(), size_of::<T>()) };
    ask(DEFINED, bytes);
}

/// Draws what is secret.
struct Secret(ChaCha20Rng);

impl Secret {
    fn new() -> Self {
        Self(ChaCha20Rng::from_seed([7; 32]))
    }
}

impl RngCore for Secret {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }
    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }
    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
        ask(UNDEFINED, bytes);
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Secret {}

fn secret_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    Secret::new().fill_bytes(&mut bytes);
    bytes
}

fn secret_scalar<C: Curve>() -> SecretScalar<C> {
    SecretScalar::from_wide(&secret_bytes())
}

/// Multiples of the generator and of another point.
fn points<C: Curve>() {
    let point: Point<C> = Scalar::<C>::from_u64(99).commit();
    for made in [secret_scalar::<C>().commit(), point.secret_mul(&secret_scalar())] {
        declassify(&made);
        black_box(made.non_identity().unwrap());
    }
}

/// Everything that is done with rows.
fn rows<C: EcdsaCurve>() {
    let row = || SecretScalars::<C>::from_uniform(secret_bytes::<{ 64 * 48 }>().to_vec(), 48);
    let choices = secret_bytes::<8>();
    let factors = Factors::<C>::new(&(1..65).map(Scalar::from_u64).collect::<Vec<_>>());
    black_box(row().weighted_sum(&factors));
    black_box(SecretScalars::sum_where(&choices, &factors));
    black_box(row().plus_where(&choices, &row()));
    black_box(row().minus_where(&choices, Scalar::from_u64(5)));
    black_box(row().minus_plus(&row(), &secret_scalar()));
    black_box(row().plus_weighted(&factors, &[&row(), &row()]));
}

fn node(number: u8) -> NodeId {
    NodeId(Digest([number; 32]))
}

/// What two nodes sign with: their summands are secret, and their set-ups from when they were read
/// from the store.
fn plans<C: EcdsaCurve>() -> [Plan<C>; 2] {
    let nodes = [node(1), node(2)];
    let mut open = ChaCha20Rng::from_seed([3; 32]);
    let (at_one, at_two) = local::pair_up(nodes[0], nodes[1], Digest::ZERO, &mut open).unwrap();
    let summands = [secret_scalar::<C>(), secret_scalar::<C>()];
    let public_key = summands[0].commit() + summands[1].commit();
    declassify(&public_key);
    let public_key: NonIdentity<C> = public_key.non_identity().unwrap();
    let [one, two] = summands;
    let plan = |me: NodeId, peer: NodeId, share, setup: &Setup| Plan {
        binding: Digest([4; 32]),
        parties: nodes.into_iter().collect(),
        me,
        share,
        public_key,
        pairs: [(peer, hidden(setup))].into_iter().collect(),
        digests: vec![[7; 32]],
    };
    [plan(nodes[0], nodes[1], one, &at_one), plan(nodes[1], nodes[0], two, &at_two)]
}

/// A session of three rounds, up to what is said in the last one.
fn signed<C: EcdsaCurve>() {
    let mut rng = Secret::new();
    let (mut first, mut letters) = (Vec::new(), BTreeMap::new());
    for plan in plans::<C>() {
        let me = plan.me;
        let (state, sent) = sign::start(plan, &mut rng).unwrap();
        first.push((me, state));
        post(&mut letters, me, sent);
    }
    let (mut second, mut answers) = (Vec::new(), BTreeMap::new());
    for (me, state) in first {
        let (state, sent) = state.handle(&letters[&me], &mut rng).unwrap();
        second.push((me, state));
        post(&mut answers, me, sent);
    }
    for (me, state) in second {
        black_box(state.handle(&answers[&me]).unwrap());
    }
}

/// A presignature, and what is said when something is decided.
fn presigned<C: EcdsaCurve>() {
    let mut rng = Secret::new();
    let plans = plans::<C>();
    let public_key = plans[0].public_key;
    let (mut first, mut letters) = (Vec::new(), BTreeMap::new());
    for Plan { binding, parties, me, share, public_key, pairs, .. } in plans {
        let plan = presign::Plan { binding, parties, me, share, public_key, pairs, count: 1 };
        let (state, sent) = presign::start(plan, &mut rng).unwrap();
        first.push((me, state));
        post(&mut letters, me, sent);
    }
    let (mut second, mut answers) = (Vec::new(), BTreeMap::new());
    for (me, state) in first {
        let (state, sent) = state.handle(&letters[&me], &mut rng).unwrap();
        second.push((me, state));
        post(&mut answers, me, sent);
    }
    let (mut opened, mut openings) = (Vec::new(), BTreeMap::new());
    for (me, state) in second {
        let presignatures = state.handle(&answers[&me]).unwrap();
        let (digests, tweak) = (vec![[7; 32]], Scalar::zero());
        let decision = Decision { presignatures, digests, tweak, public_key };
        let (state, bytes) = presign::decide(decision).unwrap();
        let other = [node(1), node(2)].into_iter().find(|node| *node != me).unwrap();
        opened.push((me, state));
        post(&mut openings, me, [(other, bytes)].into_iter().collect());
    }
    for (me, state) in opened {
        black_box(state.handle(Digest::ZERO, &openings[&me]).unwrap());
    }
}

/// A set-up whose strings, digits and leaves are secret.
fn hidden(setup: &Setup) -> Arc<Setup> {
    let bytes = setup.to_bytes();
    // Behind the version and what names it.
    ask(UNDEFINED, &bytes[33..]);
    Arc::new(Setup::from_bytes(&bytes).unwrap())
}

/// What is sent is public.
fn post(inboxes: &mut BTreeMap<NodeId, Letters>, from: NodeId, letters: Letters) {
    for (to, bytes) in letters {
        ask(DEFINED, &bytes);
        inboxes.entry(to).or_default().insert(from, bytes);
    }
}
