//! Bytes, read from the front. What is not there any more is zero, so that no input is too short.

/// What is left of an input.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.take(N);
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    /// So many bytes, or as many as there are.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A part whose length stands before it, in two bytes.
    pub fn part(&mut self) -> &'a [u8] {
        let length = u16::from_le_bytes(self.array());
        self.take(length.into())
    }
}

/// One of these, whatever the number.
pub fn pick<T: Clone>(all: &[T], number: impl Into<usize>) -> T {
    all[number.into() % all.len()].clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_zero() {
        let mut input = Input::new(&[7, 2, 0, 8, 9, 5]);
        assert_eq!((input.byte(), input.part()), (7, &[8, 9][..]));
        assert_eq!(input.array(), [5, 0, 0]);
        assert!(input.is_empty() && input.part().is_empty());
    }
}
