//! One suite of tests that every curve passes.

use crate::vectors::tests::plainly;
use crate::vectors::with_vectors;
use crate::{
    Curve, Ed25519, Factors, NonIdentity, Order, P256, Point, Scalar, Secp256k1, SecretScalar,
    SecretScalars,
};
use proptest::prelude::*;
use quorate_codec::{hex, to_bytes};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng};
use subtle::ConstantTimeEq;

macro_rules! every_curve {
    ($($test:ident),* $(,)?) => {
        $(mod $test {
            use super::*;
            #[test]
            fn secp256k1() { super::$test::<Secp256k1>() }
            #[test]
            fn p256() { super::$test::<P256>() }
            #[test]
            fn ed25519() { super::$test::<Ed25519>() }
        })*
    };
}

every_curve!(
    neg_005_bytes_that_are_no_point_are_refused,
    neg_006_the_identity_is_refused,
    neg_009_scalars_at_or_above_the_order_are_refused,
    wide_reduction_matches_arithmetic,
    arithmetic_is_consistent,
    a_weighted_sum_is_the_sum_of_its_terms,
    a_linear_combination_is_the_sum_of_its_terms,
    many_points_are_encoded_as_each,
    many_multiples_of_the_generator_are_those_of_each,
    many_multiples_of_points_are_those_of_each,
    neg_005_many_points_are_read_as_each,
    encodings_round_trip,
    secrets_print_as_nothing_and_compare,
    neg_009_whatever_is_read_is_written_the_same,
);

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(7)
}

fn order_bytes<C: Curve>() -> [u8; 32] {
    // q - 1 = -1; adding one to its encoding gives q, whichever end is the low one.
    let mut bytes = (Scalar::<C>::zero() - Scalar::one()).to_bytes();
    let low = if Scalar::<C>::one().to_bytes()[0] == 1 { 0 } else { 31 };
    bytes[low] += 1;
    bytes
}

/// CUR-11: every operation on a row is that on its scalars.
fn scalars_in_a_row_are_those_of_each<C: Order>() {
    let mut rng = rng();
    let mut scalar = || SecretScalar::<C>::random(&mut rng).reveal();
    let (ours, others): (Vec<_>, Vec<_>) = (0..9).map(|_| (scalar(), scalar())).unzip();
    let (one, k) = (scalar(), scalar());
    let bytes = |row: &[Scalar<C>]| row.iter().flat_map(|a| a.to_bytes()).collect::<Vec<u8>>();
    let row = |row: &[Scalar<C>]| SecretScalars::<C>::from_bytes(&bytes(row)).unwrap();
    let choices = [1, 0, 0, 1, 1, 0, 1, 0, 1];
    let chosen = [0b0101_1001, 0b1];
    let check = |made: SecretScalars<C>, each: &dyn Fn(Scalar<C>, Scalar<C>, bool) -> Scalar<C>| {
        let all = ours.iter().zip(&others).zip(choices);
        let each: Vec<_> = all.map(|((a, b), c)| each(*a, *b, c == 1)).collect();
        assert_eq!(made.as_bytes(), bytes(&each));
    };
    let (a, b) = (row(&ours), row(&others));
    let secret = SecretScalar::<C>::from_bytes(&one.to_bytes()).unwrap();
    check(a.minus_plus(&b, &secret), &|a, b, _| a - b + one);
    check(a.plus_where(&chosen, &b), &|a, b, chosen| if chosen { a + b } else { a });
    check(a.minus_where(&chosen, k), &|a, _, chosen| if chosen { a - k } else { a });
    // Choices that are missing are 0.
    for (short, whole) in [(&[][..], [0, 0]), (&chosen[..1], [chosen[0], 0])] {
        let plus = [a.plus_where(short, &b), a.plus_where(&whole, &b)];
        let minus = [a.minus_where(short, k), a.minus_where(&whole, k)];
        for [short, whole] in [plus, minus] {
            assert_eq!(short.as_bytes(), whole.as_bytes());
        }
    }
    let factors = Factors::new(&[k, one]);
    check(a.plus_weighted(&factors, &[&b, &a]), &|a, b, _| a + k * b + one * a);
    let zero = Scalar::<C>::zero();
    let sum = ours.iter().zip(&others).fold(zero, |sum, (a, b)| sum + *a * *b);
    assert_eq!(a.weighted_sum(&Factors::new(&others)).reveal(), sum);
    let sum = ours.iter().zip(choices).filter(|(_, c)| *c == 1).fold(zero, |sum, (a, _)| sum + *a);
    assert_eq!(SecretScalars::sum_where(&chosen, &Factors::new(&ours)).reveal(), sum);
    // Uniform bytes of any length are one number, the highest byte first. The first is the largest.
    for length in [32, 48, 64] {
        let mut uniform = vec![0xff; 9 * length];
        rng.fill_bytes(&mut uniform[length..]);
        let value = |number: &[u8]| {
            number.iter().fold(zero, |value, byte| {
                value * Scalar::from_u64(256) + Scalar::from_u64((*byte).into())
            })
        };
        let values: Vec<_> = uniform.chunks(length).map(value).collect();
        let made = SecretScalars::<C>::from_uniform(uniform, length);
        assert_eq!(made.as_bytes(), bytes(&values));
    }
    assert!(SecretScalars::<C>::from_bytes(&[0; 33]).is_err());
    assert!(SecretScalars::<C>::from_bytes(&order_bytes::<C>()).is_err());
    assert_eq!(format!("{a:?}"), "SecretScalars");
}

/// CUR-11, CUR-14: and none is left out or counted twice where they are more than go together.
fn long_rows_are_added_up<C: Order>() {
    let mut rng = rng();
    for count in [448, 449, 900] {
        let mut scalars = || -> Vec<Scalar<C>> {
            (0..count).map(|_| SecretScalar::random(&mut rng).reveal()).collect()
        };
        let (ours, others) = (scalars(), scalars());
        let bytes: Vec<u8> = ours.iter().flat_map(|a| a.to_bytes()).collect();
        let row = SecretScalars::<C>::from_bytes(&bytes).unwrap();
        let products = ours.iter().zip(&others).map(|(a, b)| *a * *b);
        let sum = products.fold(Scalar::zero(), |sum, product| sum + product);
        assert_eq!(row.weighted_sum(&Factors::new(&others)).reveal(), sum, "{count}");
    }
}

#[test]
fn scalars_in_a_row_are_those_of_each_on_curves_that_multiply_them() {
    for is_wanted in [true, false] {
        with_vectors(is_wanted, || {
            scalars_in_a_row_are_those_of_each::<Secp256k1>();
            scalars_in_a_row_are_those_of_each::<P256>();
            long_rows_are_added_up::<Secp256k1>();
            long_rows_are_added_up::<P256>();
        });
    }
}

/// CUR-01.
fn neg_005_bytes_that_are_no_point_are_refused<C: Curve>() {
    let mut rng = rng();
    let good = SecretScalar::<C>::random(&mut rng).commit().non_identity().unwrap().to_bytes();
    assert!(NonIdentity::<C>::from_bytes(&good).is_ok());
    assert!(NonIdentity::<C>::from_bytes(&good[1..]).is_err());
    assert!(NonIdentity::<C>::from_bytes(&[&good[..], &[0]].concat()).is_err());
    let refused = (0..64)
        .filter(|_| {
            let mut bytes = good.clone();
            rng.fill_bytes(&mut bytes[1..]);
            NonIdentity::<C>::from_bytes(&bytes).is_err()
        })
        .count();
    assert!(refused > 10, "about half of all strings are no point: {refused}");
}

/// CUR-01, CUR-04: no second encoding, and no bytes that make the decoder panic.
fn neg_009_whatever_is_read_is_written_the_same<C: Curve>() {
    let strings = prop::collection::vec(any::<u8>(), 0..=66);
    proptest!(|(mut bytes in strings, first in 0_u8..8, fitting: bool)| {
        if fitting {
            bytes.resize(C::POINT_BYTES, 0);
            bytes[0] = first;
        }
        if let Ok(point) = NonIdentity::<C>::from_bytes(&bytes) {
            prop_assert_eq!(point.to_bytes(), bytes.clone());
        }
        if let Ok(scalar) = Scalar::<C>::from_bytes(&bytes) {
            prop_assert_eq!(scalar.to_bytes().to_vec(), bytes);
        }
    });
}

/// CUR-01.
#[test]
fn neg_009_uncompressed_and_hybrid_points_are_refused() {
    use k256::elliptic_curve::sec1::ToEncodedPoint;
    let generator = k256::ProjectivePoint::GENERATOR.to_affine().to_encoded_point(false);
    let mut bytes = generator.as_bytes().to_vec();
    for first in [4, 5, 6, 7] {
        bytes[0] = first;
        assert!(NonIdentity::<Secp256k1>::from_bytes(&bytes).is_err());
        assert!(NonIdentity::<Secp256k1>::from_bytes(&bytes[..33]).is_err());
    }
}

/// CUR-03.
fn neg_006_the_identity_is_refused<C: Curve>() {
    assert!(Point::<C>::identity().non_identity().is_err());
    assert!(NonIdentity::<C>::from_bytes(&[0]).is_err());
    assert!(NonIdentity::<C>::from_bytes(&vec![0; C::POINT_BYTES]).is_err());
    let mut edwards_identity = vec![0; C::POINT_BYTES];
    edwards_identity[0] = 1;
    assert!(NonIdentity::<C>::from_bytes(&edwards_identity).is_err());
}

/// CUR-04.
fn neg_009_scalars_at_or_above_the_order_are_refused<C: Curve>() {
    let order = order_bytes::<C>();
    for bytes in [order, [0xff; 32]] {
        assert!(Scalar::<C>::from_bytes(&bytes).is_err());
        assert!(SecretScalar::<C>::from_bytes(&bytes).is_err());
    }
    assert!(Scalar::<C>::from_bytes(&[0; 31]).is_err());
}

/// CUR-05.
fn wide_reduction_matches_arithmetic<C: Curve>() {
    let mut all_ones = Scalar::<C>::zero();
    for _ in 0..64 {
        all_ones = all_ones * Scalar::from_u64(256) + Scalar::from_u64(255);
    }
    assert_eq!(Scalar::<C>::from_wide(&[0xff; 64]), all_ones);
}

fn arithmetic_is_consistent<C: Curve>() {
    let mut rng = rng();
    let (a, b) = (SecretScalar::<C>::random(&mut rng), SecretScalar::<C>::random(&mut rng));
    assert_eq!(a.commit() + b.commit(), a.plus(&b).commit());
    assert_eq!(b.commit().secret_mul(&a), a.times_secret(&b).commit());
    for k in [0u16, 1, 2, 3, 7, 128, 255, 256, 65535] {
        assert_eq!(a.commit().small_mul(k), a.commit() * Scalar::from_u64(k.into()));
        let multiples = crate::ShortMultiples::new(a.commit());
        assert_eq!(multiples.times(k), a.commit().small_mul(k));
    }
    let three = Scalar::<C>::from_u64(3).non_zero().unwrap();
    assert_eq!(three.invert().scalar() * three.scalar(), Scalar::one());
    assert_eq!(a.commit() - a.commit(), Point::identity());
    // Public and secret scalars have the same multiples of G, at all digits.
    let minus_one = Scalar::<C>::zero() - Scalar::one();
    for k in [Scalar::zero(), Scalar::one(), minus_one, Scalar::from_u128(u128::MAX)] {
        assert_eq!(k.commit(), SecretScalar::zero().plus_public(k).commit());
        assert_eq!(k.commit(), Point::generator() * k);
    }
    for _ in 0..16 {
        let k = Scalar::<C>::from_bytes(SecretScalar::<C>::random(&mut rng).to_bytes().as_ref());
        assert_eq!(k.unwrap().commit(), Point::generator() * k.unwrap());
    }
}

/// CUR-07: at every width of the windows, with coefficients at both ends.
fn a_weighted_sum_is_the_sum_of_its_terms<C: Curve>() {
    let mut rng = rng();
    assert!(Point::<C>::weighted_sum(&[]).is_identity());
    for count in [1, 7, 8, 70, 520] {
        let terms: Vec<(Point<C>, u128)> = (0..count)
            .map(|at| {
                let point = Point::generator().small_mul(rng.next_u32() as u16);
                let random = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
                (point, [0, 1, u128::MAX, random].into_iter().cycle().nth(at).unwrap())
            })
            .collect();
        let one_by_one: Point<C> = terms.iter().map(|(p, k)| *p * Scalar::from_u128(*k)).sum();
        assert_eq!(Point::weighted_sum(&terms), one_by_one, "{count}");
    }
    assert_eq!(Scalar::<C>::from_u128(u128::MAX) + Scalar::one(), {
        let two_64 = Scalar::from_u64(u64::MAX) + Scalar::one();
        two_64 * two_64
    });
}

/// Of few and of many terms, with zero, one, equal points and the identity among them.
fn a_linear_combination_is_the_sum_of_its_terms<C: Curve>() {
    let mut rng = rng();
    for count in [0, 1, 2, 5, 9, 200] {
        let terms: Vec<(Scalar<C>, Point<C>)> = (0..count)
            .map(|at| {
                let point = Point::generator().small_mul(at % 7);
                let random = SecretScalar::random(&mut rng).reveal();
                let scalars = [random, Scalar::zero(), Scalar::one(), Scalar::zero() - random];
                (scalars.into_iter().cycle().nth(at.into()).unwrap(), point)
            })
            .collect();
        let one_by_one: Point<C> = terms.iter().map(|(k, point)| *point * *k).sum();
        assert_eq!(Point::linear_combination(&terms), one_by_one, "{count}");
    }
}

fn many_points_are_encoded_as_each<C: Curve>() {
    let mut rng = rng();
    let points: Vec<NonIdentity<C>> =
        (0..5).map(|_| SecretScalar::random(&mut rng).commit().non_identity().unwrap()).collect();
    let each: Vec<Vec<u8>> = points.iter().map(NonIdentity::to_bytes).collect();
    assert_eq!(NonIdentity::all_to_bytes(&points), each);
    let (x, k) = (SecretScalar::<C>::random(&mut rng), SecretScalar::random(&mut rng));
    let response = Scalar::from_bytes(x.response(&k, 77).as_ref()).unwrap();
    assert_eq!(response.commit(), k.commit() + x.commit().small_mul(77));
}

fn many_multiples_of_the_generator_are_those_of_each<C: Curve>() {
    let mut rng = rng();
    for count in [0, 1, 31, 32, 520] {
        let mut secret: Vec<_> = (0..count).map(|_| SecretScalar::<C>::random(&mut rng)).collect();
        if let Some(last) = secret.last_mut() {
            *last = SecretScalar::zero().plus_public(Scalar::zero() - Scalar::one());
        }
        let each: Vec<Point<C>> = secret.iter().map(SecretScalar::commit).collect();
        assert_eq!(SecretScalar::commit_all(&secret), each, "{count}");
        let references: Vec<_> = secret.iter().collect();
        assert_eq!(SecretScalar::commit_each(&references), each, "{count}");
        assert_eq!(plainly(|| SecretScalar::commit_all(&secret)), each, "{count}");
        let public: Vec<_> = secret.into_iter().map(SecretScalar::reveal).collect();
        assert_eq!(Scalar::commit_all(&public), each, "{count}");
        assert_eq!(plainly(|| Scalar::commit_all(&public)), each, "{count}");
    }
}

/// CUR-12: whatever their coordinates are known from, and the same without wide vectors.
fn many_multiples_of_points_are_those_of_each<C: Curve>() {
    let mut rng = rng();
    let read = |point: Point<C>| {
        let bytes = point.non_identity().unwrap().to_bytes();
        NonIdentity::from_bytes(&bytes).unwrap().point()
    };
    let mut terms = Vec::new();
    for number in 0..6 {
        let sum = SecretScalar::<C>::random(&mut rng).commit() + Point::generator();
        let point = [sum, read(sum), -read(sum), Point::identity(), sum + read(sum), sum + -sum];
        terms.push((SecretScalar::<C>::random(&mut rng), point[number]));
    }
    terms.push((SecretScalar::zero(), Point::generator()));
    let terms: Vec<_> = terms.iter().map(|(k, point)| (k, *point)).collect();
    for count in [0, 1, 2, 7] {
        let terms = &terms[..count];
        let each: Vec<Point<C>> = terms.iter().map(|(k, point)| point.secret_mul(k)).collect();
        assert_eq!(Point::secret_mul_all(terms), each);
        assert_eq!(plainly(|| Point::secret_mul_all(terms)), each);
        for ((k, point), product) in terms.iter().zip(&each) {
            assert_eq!(plainly(|| point.secret_mul(k)), *product);
            let k = SecretScalar::<C>::from_bytes(k.to_bytes().as_ref()).unwrap().reveal();
            assert_eq!(*point * k, *product);
        }
    }
}

/// CUR-13: and the same without wide vectors.
fn neg_005_many_points_are_read_as_each<C: Curve>() {
    let mut rng = rng();
    let mut encodings: Vec<Vec<u8>> = Vec::new();
    for number in 0..20_u8 {
        let point = SecretScalar::<C>::random(&mut rng).commit().non_identity().unwrap();
        encodings.push(point.to_bytes());
        let mut other = point.to_bytes();
        other[5] ^= number;
        encodings.push(other);
    }
    encodings.push(Vec::new());
    encodings.push(encodings[0][1..].to_vec());
    let encodings: Vec<&[u8]> = encodings.iter().map(Vec::as_slice).collect();
    for count in [0, 1, 2, 8, encodings.len()] {
        let encodings = &encodings[encodings.len() - count..];
        let each: Vec<_> =
            encodings.iter().map(|bytes| NonIdentity::<C>::from_bytes(bytes)).collect();
        assert_eq!(NonIdentity::<C>::all_from_bytes(encodings), each);
        assert_eq!(plainly(|| NonIdentity::<C>::all_from_bytes(encodings)), each);
        for (bytes, point) in encodings.iter().zip(each) {
            assert!(point.is_err() || point.unwrap().to_bytes() == *bytes);
        }
    }
}

fn encodings_round_trip<C: Curve>() {
    let secret = SecretScalar::<C>::random(&mut rng());
    let point = secret.commit().non_identity().unwrap();
    assert_eq!(point.to_bytes().len(), C::POINT_BYTES);
    assert_eq!(NonIdentity::from_bytes(&point.to_bytes()), Ok(point));
    let again = SecretScalar::<C>::from_bytes(secret.to_bytes().as_ref()).unwrap();
    assert!(bool::from(again.ct_eq(&secret)));
    let cbor = to_bytes(&point);
    assert_eq!(quorate_codec::minicbor::decode::<NonIdentity<C>>(&cbor).unwrap(), point);
}

/// CUR-06.
fn secrets_print_as_nothing_and_compare<C: Curve>() {
    let secret = SecretScalar::<C>::random(&mut rng());
    let text = format!("{secret:?}");
    assert!(!text.contains(&hex::encode(secret.to_bytes().as_ref())[2..10]));
    assert!(!bool::from(secret.ct_eq(&SecretScalar::zero())));
}

/// CUR-05: no bit of a wide hash is cut off, so none makes a scalar likelier than another.
#[test]
fn neg_013_every_bit_of_a_wide_hash_counts() {
    fn distinct_scalars_of_single_bits<C: Curve>() -> usize {
        let scalars = (0..512).map(|bit| {
            let mut bytes = [0; 64];
            bytes[bit / 8] = 1 << (bit % 8);
            Scalar::<C>::from_wide(&bytes).to_bytes()
        });
        scalars.collect::<std::collections::BTreeSet<_>>().len()
    }
    assert_eq!(distinct_scalars_of_single_bits::<Secp256k1>(), 512);
    assert_eq!(distinct_scalars_of_single_bits::<P256>(), 512);
    assert_eq!(distinct_scalars_of_single_bits::<Ed25519>(), 512);
}

/// CUR-01, CUR-02.
#[test]
fn neg_008_points_with_torsion_and_second_encodings_are_refused() {
    use curve25519_dalek_5::constants::EIGHT_TORSION;
    let good = SecretScalar::<Ed25519>::random(&mut rng()).commit().non_identity().unwrap();
    let edwards = curve25519_dalek_5::edwards::CompressedEdwardsY::from_slice(&good.to_bytes())
        .unwrap()
        .decompress()
        .unwrap();
    for torsion in EIGHT_TORSION {
        let small = torsion.compress().to_bytes();
        assert!(NonIdentity::<Ed25519>::from_bytes(&small).is_err(), "small order");
        let mixed = (edwards + torsion).compress().to_bytes();
        let is_good = mixed.as_slice() == good.to_bytes();
        assert_eq!(NonIdentity::<Ed25519>::from_bytes(&mixed).is_ok(), is_good, "mixed order");
    }
    // y from p on, and x = 0 with the sign bit set.
    for (lowest, highest) in (0xed..=0xff).flat_map(|low| [(low, 0x7f), (low, 0xff)]) {
        let mut second = [0xff; 32];
        (second[0], second[31]) = (lowest, highest);
        assert!(NonIdentity::<Ed25519>::from_bytes(&second).is_err());
    }
    for lowest in [0x01, 0xec] {
        let mut second = if lowest == 1 { [0; 32] } else { [0xff; 32] };
        (second[0], second[31]) = (lowest, second[31] | 0x80);
        assert!(NonIdentity::<Ed25519>::from_bytes(&second).is_err());
    }
}
