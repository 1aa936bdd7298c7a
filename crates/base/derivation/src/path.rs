//! Paths: which child of a key.

use std::fmt;
use std::str::FromStr;

/// The first hardened index.
pub const HARDENED: u32 = 1 << 31;

/// Most steps of a path (DER-01).
pub const STEPS_MAX: usize = 8;

/// The way from a key to one of its children: at most [`STEPS_MAX`] indices below [`HARDENED`]
/// (DER-01, DER-02). `m` is the key itself, `m/0/5` a child's child. Public.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Box<[u32]>);

/// No path that keys can be derived along; the fault of whoever wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A hardened step.
    #[error(
        "step {step} is hardened ({index}'): a hardened child is computed from the private key, \
         which exists nowhere in one place; only indices below 2147483648 can be derived"
    )]
    Hardened {
        /// Which step, from 1.
        step: usize,
        /// Its index without the hardening.
        index: u32,
    },
    /// Too many steps.
    #[error("a path has at most {STEPS_MAX} steps, this one has {0}")]
    TooLong(usize),
    /// Not the text form.
    #[error("not a path; write m for the key itself, or m/0/5 with plain decimal indices")]
    Text,
}

impl Path {
    /// A path of these indices.
    ///
    /// # Errors
    /// [`PathError::Hardened`], [`PathError::TooLong`].
    pub fn new(steps: Vec<u32>) -> Result<Self, PathError> {
        if steps.len() > STEPS_MAX {
            return Err(PathError::TooLong(steps.len()));
        }
        match (1..).zip(&steps).find(|(_, index)| **index >= HARDENED) {
            Some((step, index)) => Err(PathError::Hardened { step, index: index - HARDENED }),
            None => Ok(Self(steps.into())),
        }
    }

    /// The path to the key itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// The indices, from the key down.
    pub fn steps(&self) -> &[u32] {
        &self.0
    }

    /// Whether this is the key itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("m")?;
        self.0.iter().try_for_each(|index| write!(formatter, "/{index}"))
    }
}

impl FromStr for Path {
    type Err = PathError;

    /// Reads the one text form (DER-02). A hardened step is told apart from a typing error (DER-01).
    fn from_str(text: &str) -> Result<Self, PathError> {
        let mut parts = text.split('/');
        if parts.next() != Some("m") {
            return Err(PathError::Text);
        }
        let mut steps = Vec::new();
        for (step, part) in (1..).zip(parts) {
            let plain = part.strip_suffix(['\'', 'h', 'H']);
            let digits = plain.unwrap_or(part);
            let index: Option<u32> = digits.parse().ok();
            let index = index.filter(|index| index.to_string() == digits).ok_or(PathError::Text)?;
            if plain.is_some() {
                return Err(PathError::Hardened { step, index });
            }
            if steps.len() > STEPS_MAX {
                return Err(PathError::TooLong(text.matches('/').count()));
            }
            steps.push(index);
        }
        Self::new(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn der_02_a_path_has_one_text_form() {
        for text in ["m", "m/0", "m/0/5", "m/2147483647", "m/1/2/3/4/5/6/7/8"] {
            assert_eq!(text.parse::<Path>().unwrap().to_string(), text);
        }
        let bad = [
            "",
            "M",
            "0/5",
            "/0",
            "m/",
            "m//0",
            "m/-1",
            "m/+1",
            "m/01",
            "m/0x1",
            "m/1 ",
            " m",
            "m/4294967296",
            "m/a",
            "m/'",
        ];
        for text in bad {
            assert_eq!(text.parse::<Path>(), Err(PathError::Text), "{text:?}");
        }
    }

    #[test]
    fn der_01_hardened_and_endless_paths_are_refused_with_the_reason() {
        for text in ["m/44'", "m/44h", "m/44H", "m/2147483692"] {
            let error = text.parse::<Path>().unwrap_err();
            assert_eq!(error, PathError::Hardened { step: 1, index: 44 }, "{text}");
            assert!(error.to_string().contains("private key"), "{error}");
        }
        assert_eq!(Path::new(vec![0, HARDENED]), Err(PathError::Hardened { step: 2, index: 0 }));
        assert_eq!(Path::new(vec![0; 9]), Err(PathError::TooLong(9)));
        let long = format!("m{}", "/0".repeat(500));
        assert_eq!(long.parse::<Path>(), Err(PathError::TooLong(500)));
    }
}
