//! What is computed in lanes is what k256 computes, by the processor and by the plain twin.

use super::field::{Element, Wide};
use super::group::{Affine, Point};
use super::*;
use crate::vectors::{self, LaneWork, on_lanes};
use k256::elliptic_curve::PrimeField;
use k256::elliptic_curve::bigint::U256;
use k256::elliptic_curve::ops::Reduce;
use k256::elliptic_curve::subtle::ConditionallySelectable;
use k256::{FieldElement, ProjectivePoint, Scalar};
use proptest::prelude::*;

/// On the plain twin, and by the processor, if it can.
fn everywhere<T: LaneWork + Clone>(work: &T) -> Vec<T::Output> {
    let plain = work.clone().run::<[u64; 8]>();
    [plain].into_iter().chain(on_lanes(work.clone())).collect()
}

const MAX: u64 = u64::MAX;
/// p, the lowest word first.
const P: Limbs = [0xffff_fffe_ffff_fc2f, MAX, MAX, MAX];

/// Five limbs in each lane.
type Five = [[u64; 8]; 5];

/// Carried limbs, of which many are zeros, or as large as they may be.
fn limbs() -> impl Strategy<Value = Five> {
    let limb = |bits: u32| {
        let largest = MAX >> (64 - bits);
        prop_oneof![Just(0), Just(1), Just(largest), Just(largest >> 1), 0..=largest]
    };
    let lanes = move |bits| prop::array::uniform8(limb(bits));
    (prop::array::uniform4(lanes(52)), lanes(49)).prop_map(|([a, b, c, d], e)| [a, b, c, d, e])
}

/// A number of k256.
fn element(limbs: [u64; 5]) -> FieldElement {
    let place = FieldElement::from_u64(1 << 52);
    let number = |limb: &u64| {
        FieldElement::from_u64(limb >> 32) * FieldElement::from_u64(1 << 32)
            + FieldElement::from_u64(limb & 0xffff_ffff)
    };
    limbs
        .iter()
        .rev()
        .fold(FieldElement::ZERO, |sum, limb| (sum * place + number(limb)).normalize())
}

fn lane(limbs: &Five, lane: usize) -> FieldElement {
    element(limbs.map(|lanes| lanes[lane]))
}

fn word_bytes(element: FieldElement) -> Limbs {
    words(&element.normalize().to_bytes().into())
}

/// Every operation of the field on two numbers, and what is said of them.
#[derive(Clone)]
struct OfField(Five, Five);

impl LaneWork for OfField {
    type Output = (Vec<[Limbs; 8]>, [u8; 3]);

    #[inline(always)]
    fn run<L: Lanes>(self) -> Self::Output {
        let (a, b) = (Element::<L>::read(&self.0), Element::<L>::read(&self.1));
        let both = field::Product::of(a, b).plus(a, a);
        let inverse = a.invert();
        let made = [
            a,
            a.times(b),
            a.square(),
            both.element(),
            a.wide().plus(b.wide()).carry(),
            a.wide().minus(b.wide()).carry(),
            both.fold().minus(both.fold().times_21()).carry(),
            field::Product::square(a)
                .fold()
                .minus(field::Product::of(a, b).fold().times_21().thrice())
                .carry(),
            a.wide().thrice().plus(b.wide().eightfold()).plus(a.wide().twice()).carry(),
            a.negate(),
            a.replaced(0b0110_1001, b),
            inverse,
            a.square().root(),
            Element::from_words(a.to_words()),
        ];
        (
            made.map(|element| one_by_one(element.to_words())).to_vec(),
            [a.is_zero(), a.equal(b), a.is_odd()],
        )
    }
}

#[expect(clippy::needless_range_loop, reason = "a lane of each")]
fn field_is_that_of_k256(a: Five, b: Five) {
    for (made, said) in everywhere(&OfField(a, b)) {
        for at in 0..8_usize {
            let (a, b) = (lane(&a, at), lane(&b, at));
            let sum = a * b + a * a;
            let n = |k: u64| FieldElement::from_u64(k);
            let chosen = if 0b0110_1001 >> at & 1 == 1 { b } else { a };
            let inverse = a.invert().unwrap_or(FieldElement::ZERO);
            let root = a.square().sqrt().unwrap();
            let wanted = [
                a,
                a * b,
                a.square(),
                sum,
                a + b,
                a + b.negate(1),
                sum.normalize() * n(20).negate(1),
                a * a + (n(63) * a * b).negate(1),
                n(5) * a + n(8) * b,
                a.negate(1),
                chosen,
                inverse,
                root,
                a,
            ];
            for (place, wanted) in wanted.into_iter().enumerate() {
                assert_eq!(made[place][at], word_bytes(wanted), "{place}");
            }
            let wanted = [
                a.normalizes_to_zero(),
                (a + b.negate(1)).normalizes_to_zero(),
                a.normalize().is_odd(),
            ];
            let said = said.map(|lanes| lanes >> at & 1 == 1);
            assert_eq!(said, wanted.map(bool::from));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// CUR-12.
    #[test]
    fn the_field_is_that_of_k256(a in limbs(), b in limbs()) {
        field_is_that_of_k256(a, b);
    }
}

/// CUR-12: 0, p, 2p, their neighbours, 2^256, and the largest number that may be multiplied.
#[test]
fn the_field_is_that_of_k256_at_its_ends() {
    let [p, before, after] = [P, [P[0] - 1, MAX, MAX, MAX], [P[0] + 1, MAX, MAX, MAX]];
    let [p, before, after] = [p, before, after].map(vectors::limbs);
    let low = (1 << 52) - 1;
    // 2p = 2^257 - 2^33 - 1954.
    let twice = [low - (1 << 33) - 1953, low, low, low, (1 << 49) - 1];
    let largest = [low, low, low, low, (1 << 49) - 1];
    let two_256 = [0, 0, 0, 0, 1 << 48];
    let all = [p, before, after, twice, largest, two_256, [0; 5], [1, 0, 0, 0, 0]];
    assert_eq!(word_bytes(element(twice)), [0; 4]);
    let five: Five = std::array::from_fn(|limb| all.map(|limbs| limbs[limb]));
    for by in 0..8 {
        let mut turned = five;
        turned.iter_mut().for_each(|lanes| lanes.rotate_left(by));
        field_is_that_of_k256(five, turned);
    }
}

/// Carries what may be carried at most.
#[derive(Clone)]
struct Largest;

impl LaneWork for Largest {
    type Output = [Limbs; 8];

    #[inline(always)]
    fn run<L: Lanes>(self) -> Self::Output {
        let limbs = [L::splat(MAX >> 1); 5];
        one_by_one(Wide::of(limbs).carry().to_words())
    }
}

/// CUR-12.
#[test]
fn the_largest_limbs_are_carried() {
    for made in everywhere(&Largest) {
        assert_eq!(made, [word_bytes(element([MAX >> 1; 5])); 8]);
    }
}

fn scalar(number: U256) -> Scalar {
    <Scalar as Reduce<U256>>::reduce(number)
}

/// Scalars at which a step could go wrong, and others.
fn scalars() -> Vec<Scalar> {
    let lambda = scalar(variable::LAMBDA);
    let two_128 = Scalar::from(u128::MAX) + Scalar::ONE;
    let fifteens = scalar(U256::MAX);
    let sevens = scalar(U256::from_be_slice(&[0x77; 32]));
    let eights = scalar(U256::from_be_slice(&[0x88; 32]));
    let special = [
        Scalar::ZERO,
        Scalar::ONE,
        Scalar::from(2_u64),
        Scalar::from(16_u64),
        lambda,
        lambda.square(),
        lambda + Scalar::ONE,
        two_128,
        two_128 - Scalar::ONE,
        two_128 * lambda,
        (two_128 - Scalar::ONE) * (lambda + Scalar::ONE),
        two_128 * two_128 - Scalar::ONE,
        Scalar::from(variable::MINUS_B1),
        Scalar::from(variable::B2) * lambda,
        fifteens,
        sevens,
        eights,
        Scalar::TWO_INV,
    ];
    let others = (3_u64..12).map(|k| Scalar::from(k).square() * fifteens - Scalar::from(u128::MAX));
    special.into_iter().chain(others).flat_map(|k| [k, -k]).collect()
}

/// CUR-12.
#[test]
fn multiples_of_the_generator_are_those_of_k256() {
    let scalars = scalars();
    let expected: Vec<AffinePoint> =
        scalars.iter().map(|k| (ProjectivePoint::GENERATOR * k).to_affine()).collect();
    for count in (0..=9).chain([scalars.len()]) {
        let some: Vec<&Scalar> = scalars[..count].iter().collect();
        let plain = generator::Multiples(&some).run::<[u64; 8]>();
        for made in plain.into_iter().chain(multiples_of_generator(&some)) {
            assert_eq!(made, expected[..count]);
        }
    }
    for (scalar, expected) in scalars.iter().zip(&expected) {
        if let Some(made) = multiples_of_generator(&[scalar]) {
            assert_eq!(made, [*expected]);
        }
    }
    let many: Vec<&Scalar> = scalars.iter().cycle().take(150).collect();
    if let Some(made) = multiples_of_generator(&many) {
        assert!(made.iter().eq(expected.iter().cycle().take(150)));
    }
}

/// CUR-12.
#[test]
fn multiples_of_points_are_those_of_k256() {
    let scalars = scalars();
    let some = (ProjectivePoint::GENERATOR * scalars.last().unwrap()).to_affine();
    let image = (ProjectivePoint::from(some) * scalar(variable::LAMBDA)).to_affine();
    let points = [AffinePoint::GENERATOR, some, -some, some, AffinePoint::IDENTITY, image];
    let terms: Vec<_> = scalars.into_iter().zip(points.into_iter().cycle()).collect();
    let expected: Vec<AffinePoint> =
        terms.iter().map(|(k, point)| (ProjectivePoint::from(*point) * k).to_affine()).collect();
    for count in (0..=9).chain([terms.len()]) {
        let some: Vec<_> = terms[..count].iter().map(|(k, point)| (k, *point)).collect();
        let plain = variable::Multiples(&some).run::<[u64; 8]>();
        for made in plain.into_iter().chain(multiples(&some)) {
            assert_eq!(made, expected[..count]);
        }
    }
    for ((k, _), other) in terms.iter().zip(terms.iter().rev()) {
        let alone = [(k, other.1)];
        if let Some(made) = multiples(&alone) {
            assert_eq!(made, [(ProjectivePoint::from(other.1) * k).to_affine()]);
        }
    }
}

/// CUR-12: k₁ + λk₂ = k, and neither half has more digits than are looked up.
#[test]
fn halves_of_scalars_make_them_and_are_short() {
    let mut k = scalar(U256::MAX);
    let more = (0..2_000).map(|_| {
        k = k.square() + Scalar::ONE;
        k
    });
    for k in scalars().into_iter().chain(more) {
        let halves = variable::split(&k);
        let [first, second] = halves.each_ref().map(|half| {
            let (size, highest) = half.parts();
            assert!(highest <= variable::HIGHEST as u128);
            Scalar::conditional_select(&Scalar::from(size), &-Scalar::from(size), half.sign())
        });
        assert_eq!(first + second * scalar(variable::LAMBDA), k);
    }
}

/// CUR-12: the constants are what their comments say.
#[test]
fn the_endomorphism_multiplies_by_lambda() {
    let lambda = scalar(variable::LAMBDA);
    assert_ne!(lambda, Scalar::ONE);
    assert_eq!(lambda.square() * lambda, Scalar::ONE);
    let [a, b, c, d] = variable::BETA;
    let image = point([&[a, b, c, d], &[0; 4]]);
    assert!(image.is_none(), "no point");
    let [x, y] = coordinates(&AffinePoint::GENERATOR).unwrap();
    let number = |words: &Limbs| FieldElement::from_bytes(&bytes(words).into()).unwrap();
    let x = word_bytes(number(&[a, b, c, d]) * number(&x));
    let image = point([&x, &y]).unwrap();
    assert_eq!(image, (ProjectivePoint::GENERATOR * lambda).to_affine());
    let (b1, b2) = (-Scalar::from(variable::MINUS_B1), Scalar::from(variable::B2));
    assert_eq!(b2 + b1 * lambda, Scalar::ZERO);
    assert_eq!(b2 - b1 + b2 * lambda, Scalar::ZERO);
}

/// Sums of points in lanes by every formula, which are (x, y, z) before they are compared.
#[derive(Clone)]
struct Sums(Vec<[AffinePoint; 2]>);

impl LaneWork for Sums {
    type Output = Vec<Vec<AffinePoint>>;

    #[inline(always)]
    fn run<L: Lanes>(self) -> Self::Output {
        let side = |side: usize| {
            let mut words = [[[0; 4]; 8]; 2];
            let mut identities = 0;
            for (lane, points) in self.0.iter().enumerate() {
                match coordinates(&points[side]) {
                    Some([x, y]) => [words[0][lane], words[1][lane]] = [x, y],
                    None => identities |= 1 << lane,
                }
            }
            let [x, y] = words.map(|words| Element::<L>::from_words(side_by_side(&words)));
            // Not with z = 1, which addition is not told.
            let z = x.wide().plus(Element::small(3).wide()).carry();
            let point = Point { x: x.times(z), y: y.times(z), z };
            (Affine { x, y }, point.replaced(identities, Point::identity()), identities)
        };
        let ((_, a, _), (b, projective, identities)) = (side(0), side(1));
        let mixed = a.plus_affine(b).replaced(identities, a);
        let paired = a.paired::<2>(projective);
        let sums = [a.plus(projective), mixed, a.double(), a.negated(u8::MAX), paired];
        sums.iter().map(|sum| points(&[(*sum, u8::MAX)]).unwrap()).collect()
    }
}

/// CUR-12: equal points, opposite ones and the identity among them.
#[test]
fn sums_of_points_are_those_of_k256() {
    let points =
        [7_u64, 1, 2, 99].map(|k| (ProjectivePoint::GENERATOR * Scalar::from(k)).to_affine());
    let [a, b, c, d] = points;
    let o = AffinePoint::IDENTITY;
    let pairs = vec![[a, b], [a, a], [a, -a], [a, o], [o, b], [o, o], [b, c], [d, b]];
    for made in everywhere(&Sums(pairs.clone())) {
        for (lane, [a, b]) in pairs.iter().enumerate() {
            let sum = |a: AffinePoint, b: AffinePoint| (ProjectivePoint::from(a) + b).to_affine();
            assert_eq!(made[0][lane], sum(*a, *b));
            assert_eq!(made[1][lane], sum(*a, *b));
            assert_eq!(made[2][lane], sum(*a, *a));
            assert_eq!(made[3][lane], -*a);
            let other = pairs[lane ^ 2];
            let paired = if lane & 2 == 0 { sum(*a, other[0]) } else { sum(*b, other[1]) };
            assert_eq!(made[4][lane], paired);
        }
    }
}

/// CUR-01, CUR-03, CUR-13: good ones among bad ones, by the lanes as by k256.
#[test]
fn neg_005_encodings_are_read_together_as_each_alone() {
    let good = |k: &Scalar| {
        let point = (ProjectivePoint::GENERATOR * k).to_affine();
        point.to_encoded_point(true).as_bytes().to_vec()
    };
    let some = scalars();
    let mut encodings: Vec<Vec<u8>> =
        some.iter().filter(|k| !bool::from(k.is_zero())).map(good).collect();
    let of = |tag: u8, x: Limbs| [&[tag][..], &bytes(&x)].concat();
    for small in 0..20 {
        encodings.push(of(2 + (small & 1) as u8, [small, 0, 0, 0]));
        // The same x and p, where that is below 2^256.
        encodings.push(of(3, [P[0] + small, MAX, MAX, MAX]));
        encodings.push(of(2, [P[0] - small, MAX, MAX, MAX]));
    }
    let whole = (ProjectivePoint::GENERATOR).to_affine().to_encoded_point(false);
    encodings.push(whole.as_bytes().to_vec());
    let first = encodings[0].clone();
    for tag in [0, 1, 4, 5, 6, 7, 0x82, 0xff] {
        encodings.push([&[tag], &first[1..]].concat());
    }
    encodings.extend([vec![], vec![2], vec![0], first[..32].to_vec(), [&first[..], &[0]].concat()]);
    // In another order, so that good ones and bad ones come together.
    let count = encodings.len();
    let encodings: Vec<Vec<u8>> = (0..count).map(|at| encodings[at * 41 % count].clone()).collect();
    let alone = |bytes: &Vec<u8>| {
        let compressed = bytes.len() == 33 && matches!(bytes[0], 2 | 3);
        let encoded = EncodedPoint::from_bytes(bytes).ok().filter(|_| compressed)?;
        Option::<AffinePoint>::from(AffinePoint::from_encoded_point(&encoded))
    };
    let expected: Vec<Option<AffinePoint>> = encodings.iter().map(alone).collect();
    assert!(expected.iter().flatten().count() > some.len());
    assert!(expected.iter().filter(|point| point.is_none()).count() > 40);
    let encodings: Vec<&[u8]> = encodings.iter().map(Vec::as_slice).collect();
    let plain = decode::Decode(&encodings).run::<[u64; 8]>();
    for made in [plain].into_iter().chain(decode(&encodings)) {
        assert_eq!(made, expected);
    }
}
