//! How many rows a proof has, and how many of them stay closed.

/// The size of a proof. Types, not fields of a message: nobody can ask for a weaker proof (N-67).
/// Only tests have others than [`Standard`].
pub trait Parameters: Send + Sync + 'static {
    /// N: how many rows the prover commits to.
    const ROWS: u16;
    /// u: how many of them stay closed and carry the secret.
    const CLOSED: u16;
}

/// 221 rows of which 32 stay closed: C(221, 32) is at least 2^128 (BAK-01).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standard {}

impl Parameters for Standard {
    const ROWS: u16 = 221;
    const CLOSED: u16 = 32;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BAK-01: the binomial by Pascal's triangle, as a floating sum of logarithms would not do.
    #[test]
    fn neg_067_there_are_at_least_2_to_the_128_choices_of_closed_rows() {
        let (rows, closed) = (usize::from(Standard::ROWS), usize::from(Standard::CLOSED));
        // Saturating: once above 2^128 a sum stays there.
        let mut line = vec![Some(1_u128)];
        for _ in 0..rows {
            let sums = line.windows(2).map(|pair| pair[0]?.checked_add(pair[1]?));
            line = [Some(1)].into_iter().chain(sums).chain([Some(1)]).collect();
        }
        assert_eq!(line[closed], None, "not below 2^128");
        assert!(line[closed - 1].is_some(), "and not by much more than is needed");
    }
}
