//! Words of 32 bits in vectors of 512, 256 or 128 bits.

use super::is_plain;

/// Words of 32 bits side by side.
pub trait Words: Copy {
    /// How many.
    const LANES: usize;
    /// The same word in every lane.
    fn splat(word: u32) -> Self;
    /// The first words of a slice, which has as many; else zeros.
    fn read(words: &[u32]) -> Self;
    /// Writes to the beginning of a slice that has room for all; else nothing.
    fn write(self, words: &mut [u32]);
    /// a + b modulo 2^32, in every lane.
    #[must_use]
    fn plus(self, other: Self) -> Self;
    /// a ⊕ b.
    #[must_use]
    fn xor(self, other: Self) -> Self;
    /// Rotated to the right by 7, 8, 12 or 16 bits, what BLAKE3 needs; other numbers do not compile.
    #[must_use]
    fn rotate<const BITS: u32>(self) -> Self;
}

/// Something that is done with words side by side.
pub trait Work {
    /// What comes out.
    type Output;
    /// Does it. Mark it `#[inline(always)]`, and all that it calls with words: only what is inlined is
    /// compiled for the processor that was found.
    fn run<W: Words>(self) -> Self::Output;
}

/// Does it with the widest vectors that this processor has.
#[inline]
pub fn on_widest<T: Work>(work: T) -> T::Output {
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "the processor was asked first")]
    if !is_plain() {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has what the function is compiled for.
            return unsafe { x86::on_512(work) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the same.
            return unsafe { x86::on_256(work) };
        }
    }
    work.run::<Everywhere>()
}

/// What every processor of this kind can do.
#[cfg(target_arch = "x86_64")]
type Everywhere = x86::Wide128;
/// What every processor can do.
#[cfg(not(target_arch = "x86_64"))]
type Everywhere = [u32; 4];

/// Without vectors; the twin that the others are tested against.
impl Words for [u32; 4] {
    const LANES: usize = 4;

    #[inline(always)]
    fn splat(word: u32) -> Self {
        [word; 4]
    }

    #[inline(always)]
    fn read(words: &[u32]) -> Self {
        words.first_chunk().copied().unwrap_or_default()
    }

    #[inline(always)]
    fn write(self, words: &mut [u32]) {
        if let Some(words) = words.first_chunk_mut() {
            *words = self;
        }
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self, other);
        [a.wrapping_add(e), b.wrapping_add(f), c.wrapping_add(g), d.wrapping_add(h)]
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self, other);
        [a ^ e, b ^ f, c ^ g, d ^ h]
    }

    #[inline(always)]
    fn rotate<const BITS: u32>(self) -> Self {
        const { assert!(matches!(BITS, 7 | 8 | 12 | 16)) };
        self.map(|word| word.rotate_right(BITS))
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "intrinsics of features that only `on_widest` found may be called, and vectors \
              be read from and written to arrays of their size"
)]
mod x86 {
    use super::{Words, Work};
    use std::arch::x86_64::{
        __m128i, __m256i, __m512i, _mm_add_epi32, _mm_loadu_si128, _mm_or_si128, _mm_set1_epi32,
        _mm_slli_epi32, _mm_srli_epi32, _mm_storeu_si128, _mm_xor_si128, _mm256_add_epi32,
        _mm256_loadu_si256, _mm256_or_si256, _mm256_set1_epi32, _mm256_slli_epi32,
        _mm256_srli_epi32, _mm256_storeu_si256, _mm256_xor_si256, _mm512_add_epi32,
        _mm512_loadu_si512, _mm512_ror_epi32, _mm512_set1_epi32, _mm512_storeu_si512,
        _mm512_xor_si512,
    };

    #[target_feature(enable = "avx512f")]
    pub(super) fn on_512<T: Work>(work: T) -> T::Output {
        work.run::<Wide512>()
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn on_256<T: Work>(work: T) -> T::Output {
        work.run::<Wide256>()
    }

    /// For every processor with 64 bits: SSE2 is part of what they are.
    #[derive(Clone, Copy)]
    pub(super) struct Wide128(__m128i);

    impl Words for Wide128 {
        const LANES: usize = 4;

        #[inline(always)]
        fn splat(word: u32) -> Self {
            // SAFETY: every processor of this kind has SSE2.
            Self(unsafe { _mm_set1_epi32(word.cast_signed()) })
        }

        #[inline(always)]
        fn read(words: &[u32]) -> Self {
            let words: [u32; 4] = words.first_chunk().copied().unwrap_or_default();
            // SAFETY: as above; four words are read, which there are.
            Self(unsafe { _mm_loadu_si128(words.as_ptr().cast()) })
        }

        #[inline(always)]
        fn write(self, words: &mut [u32]) {
            if let Some(words) = words.first_chunk_mut::<4>() {
                // SAFETY: as above; four words are written, for which there is room.
                unsafe { _mm_storeu_si128(words.as_mut_ptr().cast(), self.0) };
            }
        }

        #[inline(always)]
        fn plus(self, other: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm_add_epi32(self.0, other.0) })
        }

        #[inline(always)]
        fn xor(self, other: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm_xor_si128(self.0, other.0) })
        }

        #[inline(always)]
        fn rotate<const BITS: u32>(self) -> Self {
            const { assert!(matches!(BITS, 7 | 8 | 12 | 16)) };
            // SAFETY: as above.
            Self(unsafe {
                let (low, high) = match BITS {
                    7 => (_mm_srli_epi32::<7>(self.0), _mm_slli_epi32::<25>(self.0)),
                    8 => (_mm_srli_epi32::<8>(self.0), _mm_slli_epi32::<24>(self.0)),
                    12 => (_mm_srli_epi32::<12>(self.0), _mm_slli_epi32::<20>(self.0)),
                    _ => (_mm_srli_epi32::<16>(self.0), _mm_slli_epi32::<16>(self.0)),
                };
                _mm_or_si128(low, high)
            })
        }
    }

    /// Made by `on_512` alone: whoever has its name as a parameter runs with AVX512.
    #[derive(Clone, Copy)]
    pub(super) struct Wide512(__m512i);

    /// Made by `on_256` alone.
    #[derive(Clone, Copy)]
    pub(super) struct Wide256(__m256i);

    impl Words for Wide512 {
        const LANES: usize = 16;

        #[inline(always)]
        fn splat(word: u32) -> Self {
            // SAFETY: only `on_512` names this type.
            Self(unsafe { _mm512_set1_epi32(word.cast_signed()) })
        }

        #[inline(always)]
        fn read(words: &[u32]) -> Self {
            let words: [u32; 16] = words.first_chunk().copied().unwrap_or_default();
            // SAFETY: as above; sixteen words are read, which there are.
            Self(unsafe { _mm512_loadu_si512(words.as_ptr().cast()) })
        }

        #[inline(always)]
        fn write(self, words: &mut [u32]) {
            if let Some(words) = words.first_chunk_mut::<16>() {
                // SAFETY: as above; sixteen words are written, for which there is room.
                unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), self.0) };
            }
        }

        #[inline(always)]
        fn plus(self, other: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm512_add_epi32(self.0, other.0) })
        }

        #[inline(always)]
        fn xor(self, other: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm512_xor_si512(self.0, other.0) })
        }

        #[inline(always)]
        fn rotate<const BITS: u32>(self) -> Self {
            const { assert!(matches!(BITS, 7 | 8 | 12 | 16)) };
            // SAFETY: as above.
            Self(unsafe {
                match BITS {
                    7 => _mm512_ror_epi32::<7>(self.0),
                    8 => _mm512_ror_epi32::<8>(self.0),
                    12 => _mm512_ror_epi32::<12>(self.0),
                    _ => _mm512_ror_epi32::<16>(self.0),
                }
            })
        }
    }

    impl Words for Wide256 {
        const LANES: usize = 8;

        #[inline(always)]
        fn splat(word: u32) -> Self {
            // SAFETY: only `on_256` names this type.
            Self(unsafe { _mm256_set1_epi32(word.cast_signed()) })
        }

        #[inline(always)]
        fn read(words: &[u32]) -> Self {
            let words: [u32; 8] = words.first_chunk().copied().unwrap_or_default();
            // SAFETY: as above; eight words are read, which there are.
            Self(unsafe { _mm256_loadu_si256(words.as_ptr().cast()) })
        }

        #[inline(always)]
        fn write(self, words: &mut [u32]) {
            if let Some(words) = words.first_chunk_mut::<8>() {
                // SAFETY: as above; eight words are written, for which there is room.
                unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), self.0) };
            }
        }

        #[inline(always)]
        fn plus(self, other: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm256_add_epi32(self.0, other.0) })
        }

        #[inline(always)]
        fn xor(self, other: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm256_xor_si256(self.0, other.0) })
        }

        #[inline(always)]
        fn rotate<const BITS: u32>(self) -> Self {
            const { assert!(matches!(BITS, 7 | 8 | 12 | 16)) };
            // SAFETY: as above.
            Self(unsafe {
                let (low, high) = match BITS {
                    7 => (_mm256_srli_epi32::<7>(self.0), _mm256_slli_epi32::<25>(self.0)),
                    8 => (_mm256_srli_epi32::<8>(self.0), _mm256_slli_epi32::<24>(self.0)),
                    12 => (_mm256_srli_epi32::<12>(self.0), _mm256_slli_epi32::<20>(self.0)),
                    _ => (_mm256_srli_epi32::<16>(self.0), _mm256_slli_epi32::<16>(self.0)),
                };
                _mm256_or_si256(low, high)
            })
        }
    }

    #[cfg(test)]
    pub(super) use tests::widths;

    #[cfg(test)]
    mod tests {
        use super::{Work, on_256, on_512};

        /// The same with every width that the processor has.
        pub(in super::super) fn widths<T: Work + Clone>(work: &T) -> Vec<T::Output> {
            let mut all = vec![work.clone().run::<super::Wide128>()];
            if is_x86_feature_detected!("avx512f") {
                // SAFETY: the processor has what the function is compiled for.
                all.push(unsafe { on_512(work.clone()) });
            }
            if is_x86_feature_detected!("avx2") {
                // SAFETY: the same.
                all.push(unsafe { on_256(work.clone()) });
            }
            all
        }
    }
}

#[cfg(test)]
#[cfg(target_arch = "x86_64")]
mod tests {
    use super::super::tests::plainly;
    use super::*;
    use proptest::prelude::*;

    /// Every operation, on sixteen words in as many steps as the width takes.
    #[derive(Clone)]
    struct Everything([u32; 16], [u32; 16]);

    impl Work for Everything {
        type Output = Vec<u32>;

        #[inline(always)]
        fn run<W: Words>(self) -> Vec<u32> {
            let mut output = vec![0; 7 * 16];
            for first in (0..16).step_by(W::LANES) {
                let (a, b) = (W::read(&self.0[first..]), W::read(&self.1[first..]));
                let made = [
                    a.plus(b),
                    a.xor(b),
                    a.rotate::<7>(),
                    a.rotate::<8>(),
                    a.rotate::<12>(),
                    a.rotate::<16>(),
                    W::splat(self.0[0]),
                ];
                for (place, made) in made.into_iter().enumerate() {
                    made.write(&mut output[16 * place + first..]);
                }
            }
            output
        }
    }

    proptest! {
        /// CUR-10: every width does what the plain twin does.
        #[test]
        fn every_width_is_the_plain_twin(a in any::<[u32; 16]>(), b in any::<[u32; 16]>()) {
            let work = Everything(a, b);
            let plain = work.clone().run::<[u32; 4]>();
            for (place, (a, b)) in a.iter().zip(&b).enumerate() {
                prop_assert_eq!(plain[place], a.wrapping_add(*b));
                prop_assert_eq!(plain[16 + place], a ^ b);
                prop_assert_eq!(plain[32 + place], a.rotate_right(7));
                prop_assert_eq!(plain[48 + place], a.rotate_right(8));
            }
            for wide in x86::widths(&work) {
                prop_assert_eq!(&wide, &plain);
            }
            prop_assert_eq!(on_widest(work.clone()), plain.clone());
            prop_assert_eq!(plainly(|| on_widest(work)), plain);
        }
    }
}
