//! Numbers of 64 bits in eight lanes, which are multiplied by 52 bits (AVX512-IFMA).

use super::is_plain;

/// Eight numbers of 64 bits side by side. Of some lanes of them: a byte with a bit for each, the lowest
/// for the first.
pub(crate) trait Lanes: Copy {
    /// Whether this is the plain twin, with which arithmetic looks at its bounds.
    const IS_TWIN: bool;
    /// The same number in every lane.
    fn splat(number: u64) -> Self;
    /// One number for each lane.
    fn read(numbers: &[u64; 8]) -> Self;
    /// The number of each lane.
    fn write(self) -> [u64; 8];
    /// One number for each lane, of eight bytes, the highest first.
    fn read_bytes(bytes: &[u8; 64]) -> Self;
    /// The inverse of [`read_bytes`](Self::read_bytes).
    fn write_bytes(self) -> [u8; 64];
    /// a + b modulo 2^64.
    #[must_use]
    fn plus(self, other: Self) -> Self;
    /// a - b modulo 2^64.
    #[must_use]
    fn minus(self, other: Self) -> Self;
    /// The bits of both.
    #[must_use]
    fn and(self, other: Self) -> Self;
    /// The bits of either.
    #[must_use]
    fn or(self, other: Self) -> Self;
    /// Less than 64 bits up.
    #[must_use]
    fn left<const BITS: u32>(self) -> Self;
    /// Less than 64 bits down.
    #[must_use]
    fn right<const BITS: u32>(self) -> Self;
    /// self + the lower 52 bits of ab, modulo 2^64. Only the lower 52 bits of a and b count.
    #[must_use]
    fn add_low(self, a: Self, b: Self) -> Self;
    /// self + the upper 52 bits of ab, which has 104, modulo 2^64. Only the lower 52 bits of a and b
    /// count.
    #[must_use]
    fn add_high(self, a: Self, b: Self) -> Self;
    /// The lanes in which both are the same.
    #[must_use]
    fn equal(self, other: Self) -> u8;
    /// `other` in these lanes, self elsewhere.
    #[must_use]
    fn replaced(self, lanes: u8, other: Self) -> Self;
    /// In each lane what was in the one whose number differs in a bit: in that of 1, 2 or 4.
    #[must_use]
    fn crossed<const DISTANCE: usize>(self) -> Self;
}

/// Something that is done in eight lanes.
pub(crate) trait LaneWork {
    /// What comes out.
    type Output;
    /// Does it. Mark it `#[inline(always)]`, and all that it calls with lanes: only what is inlined is
    /// compiled for the processor that was found.
    fn run<L: Lanes>(self) -> Self::Output;
}

/// Whether this processor multiplies in eight lanes, and may.
pub(crate) fn has_lanes() -> bool {
    #[cfg(target_arch = "x86_64")]
    return !is_plain() && x86::is_there();
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// Does it, if this processor multiplies in eight lanes; else the caller has another way.
#[inline]
pub(crate) fn on_lanes<T: LaneWork>(work: T) -> Option<T::Output> {
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "the processor was asked first")]
    if has_lanes() {
        // SAFETY: the processor has what the function is compiled for.
        return Some(unsafe { x86::on_ifma(work) });
    }
    let _ = work;
    None
}

/// The low 52 bits.
const LOW: u64 = (1 << 52) - 1;

/// Without vectors; the twin that the other is tested against. Calls instead of what they do make of it
/// a small program, which is compiled in time.
impl Lanes for [u64; 8] {
    const IS_TWIN: bool = true;

    #[inline(never)]
    fn splat(number: u64) -> Self {
        [number; 8]
    }

    #[inline(never)]
    fn read(numbers: &[u64; 8]) -> Self {
        *numbers
    }

    #[inline(never)]
    fn write(self) -> [u64; 8] {
        self
    }

    #[inline(never)]
    fn read_bytes(bytes: &[u8; 64]) -> Self {
        let mut numbers = [0; 8];
        for (number, bytes) in numbers.iter_mut().zip(bytes.as_chunks().0) {
            *number = u64::from_be_bytes(*bytes);
        }
        numbers
    }

    #[inline(never)]
    fn write_bytes(self) -> [u8; 64] {
        let mut bytes = [0; 64];
        for (bytes, number) in bytes.as_chunks_mut().0.iter_mut().zip(self) {
            *bytes = number.to_be_bytes();
        }
        bytes
    }

    #[inline(never)]
    fn plus(self, other: Self) -> Self {
        both(self, other, u64::wrapping_add)
    }

    #[inline(never)]
    fn minus(self, other: Self) -> Self {
        both(self, other, u64::wrapping_sub)
    }

    #[inline(never)]
    fn and(self, other: Self) -> Self {
        both(self, other, |a, b| a & b)
    }

    #[inline(never)]
    fn or(self, other: Self) -> Self {
        both(self, other, |a, b| a | b)
    }

    #[inline(never)]
    fn left<const BITS: u32>(self) -> Self {
        self.map(|number| number << BITS)
    }

    #[inline(never)]
    fn right<const BITS: u32>(self) -> Self {
        self.map(|number| number >> BITS)
    }

    #[inline(never)]
    fn add_low(self, a: Self, b: Self) -> Self {
        self.plus(both(a, b, |a, b| product(a, b) as u64 & LOW))
    }

    #[inline(never)]
    fn add_high(self, a: Self, b: Self) -> Self {
        self.plus(both(a, b, |a, b| (product(a, b) >> 52) as u64))
    }

    #[inline(never)]
    fn equal(self, other: Self) -> u8 {
        let lanes = self.into_iter().zip(other).rev();
        lanes.fold(0, |lanes, (a, b)| lanes << 1 | u8::from(a == b))
    }

    #[inline(never)]
    fn replaced(self, lanes: u8, other: Self) -> Self {
        let masks = std::array::from_fn(|lane| u64::from(lanes >> lane & 1).wrapping_neg());
        self.and(masks.map(|mask: u64| !mask)).or(other.and(masks))
    }

    #[inline(never)]
    fn crossed<const DISTANCE: usize>(self) -> Self {
        const { assert!(matches!(DISTANCE, 1 | 2 | 4)) };
        let [a, b, c, d, e, f, g, h] = self;
        match DISTANCE {
            1 => [b, a, d, c, f, e, h, g],
            2 => [c, d, a, b, g, h, e, f],
            _ => [e, f, g, h, a, b, c, d],
        }
    }
}

#[inline(always)]
fn both(a: [u64; 8], b: [u64; 8], made: impl Fn(u64, u64) -> u64) -> [u64; 8] {
    let mut pairs = a.into_iter().zip(b);
    // As many pairs as there are lanes.
    std::array::from_fn(|_| pairs.next().map_or(0, |(a, b)| made(a, b)))
}

fn product(a: u64, b: u64) -> u128 {
    u128::from(a & LOW) * u128::from(b & LOW)
}

#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "intrinsics of features that only `on_lanes` found may be called, and vectors be \
              read from and written to arrays of their size"
)]
mod x86 {
    use super::{LaneWork, Lanes};
    use std::arch::x86_64::{
        __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_cmpeq_epi64_mask, _mm512_loadu_si512,
        _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_mask_blend_epi64, _mm512_or_si512,
        _mm512_permutex_epi64, _mm512_set_epi64, _mm512_set1_epi64, _mm512_shuffle_epi8,
        _mm512_shuffle_epi32, _mm512_shuffle_i64x2, _mm512_slli_epi64, _mm512_srli_epi64,
        _mm512_storeu_si512, _mm512_sub_epi64,
    };

    /// Whether the processor has what [`on_ifma`] is compiled for.
    pub(super) fn is_there() -> bool {
        is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512ifma")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("bmi2")
    }

    #[target_feature(enable = "avx512f,avx512ifma,avx512bw,avx512dq,avx512vl,bmi2")]
    pub(super) fn on_ifma<T: LaneWork>(work: T) -> T::Output {
        work.run::<Ifma>()
    }

    /// Made by `on_ifma` alone: whoever has its name as a parameter runs with AVX512-IFMA.
    #[derive(Clone, Copy)]
    pub(super) struct Ifma(__m512i);

    impl Ifma {
        /// The bytes of each number the other way round.
        #[inline(always)]
        fn turned(self) -> Self {
            const LOW: i64 = 0x0001_0203_0405_0607;
            const HIGH: i64 = 0x0809_0a0b_0c0d_0e0f;
            // SAFETY: only `on_ifma` names this type. Bytes are taken from their own half of 128 bits.
            Self(unsafe {
                let places = _mm512_set_epi64(HIGH, LOW, HIGH, LOW, HIGH, LOW, HIGH, LOW);
                _mm512_shuffle_epi8(self.0, places)
            })
        }
    }

    impl Lanes for Ifma {
        const IS_TWIN: bool = false;

        #[inline(always)]
        fn splat(number: u64) -> Self {
            // SAFETY: only `on_ifma` names this type.
            Self(unsafe { _mm512_set1_epi64(number.cast_signed()) })
        }

        #[inline(always)]
        fn read(numbers: &[u64; 8]) -> Self {
            // SAFETY: as above; eight numbers are read, which there are.
            Self(unsafe { _mm512_loadu_si512(numbers.as_ptr().cast()) })
        }

        #[inline(always)]
        fn write(self) -> [u64; 8] {
            let mut numbers = [0; 8];
            // SAFETY: as above; eight numbers are written, for which there is room.
            unsafe { _mm512_storeu_si512(numbers.as_mut_ptr().cast(), self.0) };
            numbers
        }

        #[inline(always)]
        fn read_bytes(bytes: &[u8; 64]) -> Self {
            // SAFETY: as above; 64 bytes are read, which there are.
            Self(unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }).turned()
        }

        #[inline(always)]
        fn write_bytes(self) -> [u8; 64] {
            let mut bytes = [0; 64];
            // SAFETY: as above; 64 bytes are written, for which there is room.
            unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), self.turned().0) };
            bytes
        }

        #[inline(always)]
        fn plus(self, other: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm512_add_epi64(self.0, other.0) })
        }

        #[inline(always)]
        fn minus(self, other: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm512_sub_epi64(self.0, other.0) })
        }

        #[inline(always)]
        fn and(self, other: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm512_and_si512(self.0, other.0) })
        }

        #[inline(always)]
        fn or(self, other: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm512_or_si512(self.0, other.0) })
        }

        #[inline(always)]
        fn left<const BITS: u32>(self) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm512_slli_epi64::<BITS>(self.0) })
        }

        #[inline(always)]
        fn right<const BITS: u32>(self) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm512_srli_epi64::<BITS>(self.0) })
        }

        #[inline(always)]
        fn add_low(self, a: Self, b: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm512_madd52lo_epu64(self.0, a.0, b.0) })
        }

        #[inline(always)]
        fn add_high(self, a: Self, b: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm512_madd52hi_epu64(self.0, a.0, b.0) })
        }

        #[inline(always)]
        fn equal(self, other: Self) -> u8 {
            // SAFETY: as above.
            unsafe { _mm512_cmpeq_epi64_mask(self.0, other.0) }
        }

        #[inline(always)]
        fn replaced(self, lanes: u8, other: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm512_mask_blend_epi64(lanes, self.0, other.0) })
        }

        #[inline(always)]
        fn crossed<const DISTANCE: usize>(self) -> Self {
            const { assert!(matches!(DISTANCE, 1 | 2 | 4)) };
            // SAFETY: as above.
            Self(unsafe {
                match DISTANCE {
                    1 => _mm512_shuffle_epi32::<0b01_00_11_10>(self.0),
                    2 => _mm512_permutex_epi64::<0b01_00_11_10>(self.0),
                    _ => _mm512_shuffle_i64x2::<0b01_00_11_10>(self.0, self.0),
                }
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::plainly;
    use super::*;
    use proptest::prelude::*;

    fn from_little_endian(bytes: &[u8; 64]) -> [u64; 8] {
        let mut numbers = bytes.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
        std::array::from_fn(|_| numbers.next().unwrap())
    }

    /// Every operation.
    #[derive(Clone)]
    struct Everything([[u64; 8]; 3], u8);

    impl LaneWork for Everything {
        type Output = (Vec<[u64; 8]>, u8);

        #[inline(always)]
        fn run<L: Lanes>(self) -> Self::Output {
            let [a, b, c] = [L::read(&self.0[0]), L::read(&self.0[1]), L::read(&self.0[2])];
            let made = [
                a.plus(b),
                a.minus(b),
                a.and(b),
                a.or(b),
                a.left::<3>(),
                a.right::<52>(),
                c.add_low(a, b),
                c.add_high(a, b),
                a.replaced(self.1, b),
                a.crossed::<1>(),
                a.crossed::<2>(),
                a.crossed::<4>(),
                L::splat(self.0[0][0]),
                L::read_bytes(&a.write_bytes()),
                L::read(&from_little_endian(&a.write_bytes())),
            ];
            (made.map(L::write).to_vec(), a.equal(a.replaced(self.1, b)))
        }
    }

    fn numbers() -> impl Strategy<Value = [u64; 8]> {
        let number = prop_oneof![Just(0), Just(u64::MAX), Just(LOW), Just(1), any::<u64>()];
        prop::array::uniform8(number)
    }

    proptest! {
        /// CUR-10: the processor does what the plain twin does, and that what it is said to do.
        #[test]
        fn the_lanes_of_the_processor_are_the_plain_twin(
            numbers in prop::array::uniform3(numbers()),
            lanes: u8,
        ) {
            let work = Everything(numbers, lanes);
            let plain = work.clone().run::<[u64; 8]>();
            let [a, b, c] = numbers;
            for lane in 0..8 {
                let made = |which: usize| plain.0[which][lane];
                let (a_low, b_low) = (u128::from(a[lane] & LOW), u128::from(b[lane] & LOW));
                let (low, high) = ((a_low * b_low) as u64 & LOW, ((a_low * b_low) >> 52) as u64);
                prop_assert_eq!(made(0), a[lane].wrapping_add(b[lane]));
                prop_assert_eq!(made(1), a[lane].wrapping_sub(b[lane]));
                prop_assert_eq!(made(2), a[lane] & b[lane]);
                prop_assert_eq!(made(3), a[lane] | b[lane]);
                prop_assert_eq!(made(4), a[lane] << 3);
                prop_assert_eq!(made(5), a[lane] >> 52);
                prop_assert_eq!(made(6), c[lane].wrapping_add(low));
                prop_assert_eq!(made(7), c[lane].wrapping_add(high));
                prop_assert_eq!(made(8), if lanes >> lane & 1 == 1 { b[lane] } else { a[lane] });
                prop_assert_eq!(made(9), a[lane ^ 1]);
                prop_assert_eq!(made(10), a[lane ^ 2]);
                prop_assert_eq!(made(11), a[lane ^ 4]);
                prop_assert_eq!(made(12), a[0]);
                prop_assert_eq!(made(13), a[lane]);
                prop_assert_eq!(made(14), a[lane].swap_bytes());
                prop_assert_eq!(plain.1 >> lane & 1 == 1, lanes >> lane & 1 == 0 || a[lane] == b[lane]);
            }
            if let Some(found) = on_lanes(work) {
                prop_assert_eq!(found, plain);
            }
        }
    }

    #[test]
    fn nothing_is_done_in_lanes_if_only_plain_is_wanted() {
        let work = Everything([[1; 8]; 3], 0);
        assert!(plainly(|| on_lanes(work)).is_none());
    }
}
