//! Whether the time of what works with secrets depends on them, after Reparaz, Balasch and
//! Verbauwhede, "Dude, is my code constant time?", DATE 2017: the same secret again and again against
//! ever other ones, in random order, and Welch's t of the two. A difference that is there shows as a
//! |t| that grows with the square root of the number of traces; below 4.5 none was found. A leak
//! that is planted must be found.
//!
//! Each with the widest vectors and as on a processor without them.
//!
//! `cargo xtask bench timing [--json]`; `QUORATE_TRACES` says how many of each, 1,000,000 if it is
//! not there.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a measurement that panics has failed, which is what it is for"
)]

use quorate_codec::Digest;
use quorate_curve::vectors::with_vectors;
use quorate_curve::{Curve, Factors, P256, Point, Scalar, Secp256k1, SecretScalar, SecretScalars};
use quorate_ecdsa::presign::{self, Decision, Presignature};
use quorate_ecdsa::sign::Letters;
use quorate_identity::NodeId;
use quorate_pair::product::{self, Bob, ProductCurve, Terms};
use quorate_pair::{Setup, local};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::cell::Cell;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

/// Above this a difference is there.
const THRESHOLD: f64 = 4.5;

/// Secrets of the second class, of which one is drawn each time.
const POOL: usize = 64;

fn main() -> ExitCode {
    let is_json = std::env::args().any(|argument| argument == "--json");
    let traces = std::env::var("QUORATE_TRACES").ok().and_then(|traces| traces.parse().ok());
    let traces: usize = traces.unwrap_or(1_000_000);
    let mut all_well = true;
    for path in ["avx512", "portable"] {
        if path == "avx512" && !is_x86_feature_detected!("avx512f") {
            continue;
        }
        let report = &mut |name: &str, is_planted: bool, t: f64| {
            let is_well = (t.abs() >= THRESHOLD) == is_planted;
            all_well &= is_well;
            let word = if is_well { "ok" } else { "FAILED" };
            match is_json {
                true => println!(
                    r#"{{"row":"{name}","path":"{path}","t":{t:.2},"planted":{is_planted},"ok":{is_well}}}"#
                ),
                false => println!("{name:34} {path:9} t {t:8.2}  {word}"),
            }
        };
        with_vectors(path == "avx512", || rows(traces, report));
    }
    if all_well { ExitCode::SUCCESS } else { ExitCode::from(3) }
}

/// Reports the t of each: its name, and whether it is a leak that was planted.
fn rows(traces: usize, report: &mut dyn FnMut(&str, bool, f64)) {
    report("a comparison that leaves early", true, planted(traces));
    report("row: weighted sum", false, weighted_sum::<Secp256k1>(traces / 4));
    report("row: weighted sum, p256", false, weighted_sum::<P256>(traces / 4));
    report("row: sum by choices", false, sum_where::<Secp256k1>(traces));
    report("row: sum by choices, p256", false, sum_where::<P256>(traces));
    report("row: plus by choices", false, plus_where(traces));
    report("row: minus by choices", false, minus_where(traces / 4));
    report("row: minus and plus", false, minus_plus(traces / 4));
    report("row: plus by weights", false, plus_weighted(traces / 4));
    report("row: from uniform bytes", false, from_uniform::<Secp256k1>(traces / 4));
    report("row: from uniform bytes, p256", false, from_uniform::<P256>(traces / 4));
    report("k G, secp256k1", false, base::<Secp256k1>(traces));
    report("k P, secp256k1", false, variable::<Secp256k1>(traces / 4));
    report("k G, p256", false, base::<P256>(traces / 4));
    report("eight k G, secp256k1", false, several_of_base(traces / 4));
    report("eight k P, secp256k1", false, several(traces / 4));
    // A product takes some hundred times as long as the others, and as long to make as a presignature.
    report("product as Alice: digits", false, alice(traces / 20));
    report("product as Bob: choices", false, bob(traces / 20));
    report("online: share", false, online(traces / 20));
}

/// Measures `work` on inputs of both classes: `make` gives one for each secret, by its number, of
/// which 0 is the same for ever.
fn measure<I>(traces: usize, make: impl Fn(usize) -> I, mut work: impl FnMut(&mut I)) -> f64 {
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let mut times: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    for trace in 0..2 * traces + 1_000 {
        let class = (rng.next_u32() & 1) as usize;
        // Both are made the same way, just before, so that both are as warm.
        let mut input = make(class * (1 + rng.next_u32() as usize % (POOL - 1)));
        let before = Instant::now();
        work(black_box(&mut input));
        let time = before.elapsed().as_nanos() as f64;
        if trace >= 1_000 {
            times[class].push(time);
        }
    }
    largest(&times)
}

/// The largest t of all times, and of those that are not among the slowest: interruptions say nothing.
fn largest(times: &[Vec<f64>; 2]) -> f64 {
    let mut sorted: Vec<f64> = times.iter().flatten().copied().collect();
    sorted.sort_by(f64::total_cmp);
    let cuts = [1.0, 0.99, 0.9].map(|part| sorted[((sorted.len() - 1) as f64 * part) as usize]);
    let each = cuts.map(|cut| {
        let below = |class: &Vec<f64>| class.iter().copied().filter(|t| *t <= cut).collect();
        welch(below(&times[0]), below(&times[1]))
    });
    each.into_iter().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap()
}

fn welch(one: Vec<f64>, other: Vec<f64>) -> f64 {
    let moments = |all: &[f64]| {
        let count = all.len() as f64;
        let mean = all.iter().sum::<f64>() / count;
        let variance = all.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    };
    let ((a, of_a), (b, of_b)) = (moments(&one), moments(&other));
    (a - b) / (of_a + of_b).sqrt()
}

/// Secret number `number`: bytes that follow from it.
fn secret<const N: usize>(number: usize) -> [u8; N] {
    let mut bytes = [0; N];
    ChaCha20Rng::seed_from_u64(number as u64).fill_bytes(&mut bytes);
    bytes
}

/// As many in a row as a product has transfers.
const TRANSFERS: usize = 416;

/// Bytes of which a row is made.
fn uniform<C: ProductCurve>(number: usize) -> Vec<u8> {
    let mut bytes = vec![0; TRANSFERS * C::PAD_BYTES];
    ChaCha20Rng::seed_from_u64(number as u64).fill_bytes(&mut bytes);
    bytes
}

fn row<C: ProductCurve>(number: usize) -> SecretScalars<C> {
    SecretScalars::from_uniform(uniform::<C>(number), C::PAD_BYTES)
}

fn scalar<C: Curve>(number: usize) -> SecretScalar<C> {
    SecretScalar::from_wide(&secret(number))
}

fn planted(traces: usize) -> f64 {
    // The first secret is what is compared with.
    let right = secret::<64>(0);
    measure(traces, secret::<64>, |guess| {
        let differs = right.iter().zip(guess).position(|(a, b)| black_box(a) != black_box(b));
        black_box(differs);
    })
}

fn weighted_sum<C: ProductCurve>(traces: usize) -> f64 {
    measure(traces, row::<C>, |row| drop(black_box(row.weighted_sum(C::gadget()))))
}

fn sum_where<C: ProductCurve>(traces: usize) -> f64 {
    measure(traces, secret::<{ TRANSFERS / 8 }>, |choices| {
        drop(black_box(SecretScalars::sum_where(choices, C::gadget())));
    })
}

fn plus_where(traces: usize) -> f64 {
    let (one, other) = (row::<Secp256k1>(1), row(2));
    measure(traces, secret::<{ TRANSFERS / 8 }>, |choices| {
        drop(black_box(one.plus_where(choices, &other)));
    })
}

fn minus_where(traces: usize) -> f64 {
    let make = |number: usize| (row::<Secp256k1>(number), secret::<{ TRANSFERS / 8 }>(number));
    let said = Scalar::from_u64(u64::MAX);
    measure(traces, make, |(row, choices)| drop(black_box(row.minus_where(choices, said))))
}

fn minus_plus(traces: usize) -> f64 {
    let make = |number: usize| (row::<Secp256k1>(number), row(POOL + number), scalar(number));
    measure(traces, make, |(one, other, input)| drop(black_box(one.minus_plus(other, input))))
}

fn plus_weighted(traces: usize) -> f64 {
    let weights = Factors::new(&[1, 2].map(|number| scalar(number).reveal()));
    let make = |number: usize| [0, 1, 2].map(|at| row::<Secp256k1>(at * POOL + number));
    measure(traces, make, |[first, second, check]| {
        drop(black_box(check.plus_weighted(&weights, &[first, second])));
    })
}

fn from_uniform<C: ProductCurve>(traces: usize) -> f64 {
    measure(traces, uniform::<C>, |bytes| {
        drop(black_box(SecretScalars::<C>::from_uniform(std::mem::take(bytes), C::PAD_BYTES)));
    })
}

fn base<C: Curve>(traces: usize) -> f64 {
    measure(traces, scalar::<C>, |scalar| {
        black_box(scalar.commit());
    })
}

fn variable<C: Curve>(traces: usize) -> f64 {
    let point = scalar::<C>(99).commit();
    let point = point.non_identity().unwrap().point();
    measure(traces, scalar, |scalar| {
        black_box(point.secret_mul(scalar));
    })
}

/// Eight, because as many are computed with side by side.
fn eight(number: usize) -> [SecretScalar<Secp256k1>; 8] {
    std::array::from_fn(|at| scalar(at * POOL + number))
}

fn several_of_base(traces: usize) -> f64 {
    measure(traces, eight, |scalars| {
        drop(black_box(SecretScalar::commit_each(&scalars.each_ref())));
    })
}

fn several(traces: usize) -> f64 {
    let points = eight(99).map(|scalar| scalar.commit());
    measure(traces, eight, |scalars| {
        let terms: Vec<_> = scalars.iter().zip(points).collect();
        drop(black_box(Point::secret_mul_all(&terms)));
    })
}

fn nodes() -> [NodeId; 2] {
    [1, 2].map(|number| NodeId(Digest([number; 32])))
}

fn pair_up(number: usize) -> (Setup, Setup) {
    let [one, two] = nodes();
    let mut rng = ChaCha20Rng::seed_from_u64(number as u64);
    local::pair_up(one, two, Digest::ZERO, &mut rng).unwrap()
}

fn terms() -> Terms {
    Terms { ctx: Digest::ZERO, receiver: NodeId(Digest([2; 32])), products: 1 }
}

/// The digits of the set-up are the secret: each has its own Bob.
fn alice(traces: usize) -> f64 {
    let stored: Vec<_> = (0..POOL)
        .map(|number| {
            let (alice, bob) = pair_up(number);
            let (_, message) = Bob::<Secp256k1>::start(&bob, &terms(), &[1; 32]);
            (alice.to_bytes(), message)
        })
        .collect();
    let inputs = [1, 2].map(scalar::<Secp256k1>);
    let make = |number: usize| {
        let (alice, message) = &stored[number];
        (Setup::from_bytes(alice).unwrap(), message.clone())
    };
    measure(traces, make, |(alice, message)| {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let inputs = [[&inputs[0], &inputs[1]]];
        let products = product::send(alice, &terms(), message, &inputs, &mut rng).unwrap();
        drop(black_box(products));
    })
}

/// The choices, which follow from the nonce, are the secret.
fn bob(traces: usize) -> f64 {
    let (alice, bob) = pair_up(0);
    let inputs = [1, 2].map(scalar::<Secp256k1>);
    let said: Vec<Vec<u8>> = (0..POOL)
        .map(|number| {
            let (_, message) = Bob::<Secp256k1>::start(&bob, &terms(), &secret(number));
            let mut rng = ChaCha20Rng::seed_from_u64(3);
            let inputs = [[&inputs[0], &inputs[1]]];
            product::send(&alice, &terms(), &message, &inputs, &mut rng).unwrap().1
        })
        .collect();
    measure(
        traces,
        |number| (secret(number), said[number].clone()),
        |(nonce, said)| {
            let (state, _) = Bob::<Secp256k1>::start(&bob, &terms(), nonce);
            drop(black_box(state.finish(said).unwrap()));
        },
    )
}

/// Our share, of one key, and our presignature are the secret. What is said of them is public, and is
/// another one with each.
fn online(traces: usize) -> f64 {
    let (at_one, at_two) = pair_up(0);
    let pairs = [at_one, at_two].map(Arc::new);
    let key = scalar::<Secp256k1>(99).reveal();
    let seed = Cell::new(0);
    let make = |number: usize| {
        // What is public differs each time in both classes: its time may depend on it.
        seed.set(seed.get() + 1);
        let [one, two] = ahead(&pairs, key, number, seed.get()).map(|presignatures| Decision {
            presignatures,
            digests: vec![[7; 32]],
            tweak: Scalar::zero(),
            public_key: key.commit().non_identity().unwrap(),
        });
        let (_, opening) = presign::decide(two).unwrap();
        (Some(one), Letters::from([(nodes()[1], opening)]))
    };
    measure(traces, make, |(decision, openings)| {
        let (state, _) = presign::decide(decision.take().unwrap()).unwrap();
        drop(black_box(state.handle(Digest::ZERO, openings).unwrap()));
    })
}

/// A presignature at each of both nodes.
fn ahead(
    pairs: &[Arc<Setup>; 2],
    key: Scalar<Secp256k1>,
    number: usize,
    seed: u64,
) -> [Vec<Presignature<Secp256k1>>; 2] {
    let share = scalar(number).reveal();
    let plan = |at: usize, share: Scalar<Secp256k1>| presign::Plan {
        binding: Digest::ZERO,
        parties: nodes().into(),
        me: nodes()[at],
        share: SecretScalar::from_bytes(&share.to_bytes()).unwrap(),
        public_key: key.commit().non_identity().unwrap(),
        pairs: [(nodes()[1 - at], Arc::clone(&pairs[at]))].into(),
        count: 1,
    };
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let from = |at: usize, said: Letters| -> Letters {
        said.into_values().map(|said| (nodes()[at], said)).collect()
    };
    let (one, said) = presign::start(plan(0, share), &mut rng).unwrap();
    let (two, heard) = presign::start(plan(1, key - share), &mut rng).unwrap();
    let (one, answer) = one.handle(&from(1, heard), &mut rng).unwrap();
    let (two, other) = two.handle(&from(0, said), &mut rng).unwrap();
    [one.handle(&from(1, other)).unwrap(), two.handle(&from(0, answer)).unwrap()]
}
