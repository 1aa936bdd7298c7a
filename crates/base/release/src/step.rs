//! From which version to which.

use crate::{Release, Version};

/// Why a machine that runs one version must not go to another (REL-11).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// It would bring back what was mended since.
    #[error("{offered} is older than {installed}, which is installed")]
    Older {
        /// What runs.
        installed: Version,
        /// What the release is.
        offered: Version,
    },
    /// Its makers say that a version before it has a fault, or people demand a later one.
    #[error("{offered} is older than {minimum}, the least that is accepted")]
    BelowMinimum {
        /// What is demanded.
        minimum: Version,
        /// What the release is.
        offered: Version,
    },
    /// Its program would not read the stores that are there.
    #[error("{offered} takes over stores from {from} on, and {installed} is installed")]
    NoMigration {
        /// What runs.
        installed: Version,
        /// The oldest version whose stores are taken over.
        from: Version,
        /// What the release is.
        offered: Version,
    },
}

impl Release {
    /// Whether a machine that runs `installed` may go to this release, where people demand at
    /// least `minimum`. Going back to an older version needs `older_is_meant`; nothing makes a
    /// minimum or a missing migration go away.
    ///
    /// # Errors
    /// [`StepError`].
    pub fn check_step(
        &self,
        installed: &Version,
        minimum: Option<&Version>,
        older_is_meant: bool,
    ) -> Result<(), StepError> {
        if let Some(minimum) = minimum {
            self.check_minimum(minimum)?;
        }
        if !older_is_meant {
            self.check_age(installed)?;
        }
        self.check_stores(installed)
    }

    /// REL-11
    fn check_minimum(&self, minimum: &Version) -> Result<(), StepError> {
        if self.version < *minimum {
            let (minimum, offered) = (minimum.clone(), self.version.clone());
            return Err(StepError::BelowMinimum { minimum, offered });
        }
        Ok(())
    }

    /// REL-11
    fn check_age(&self, installed: &Version) -> Result<(), StepError> {
        if self.version < *installed {
            let (installed, offered) = (installed.clone(), self.version.clone());
            return Err(StepError::Older { installed, offered });
        }
        Ok(())
    }

    /// REL-11
    fn check_stores(&self, installed: &Version) -> Result<(), StepError> {
        if *installed < self.migrates_from {
            let (installed, offered) = (installed.clone(), self.version.clone());
            return Err(StepError::NoMigration {
                installed,
                from: self.migrates_from.clone(),
                offered,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::tests::release;

    fn step(
        offered: &str,
        installed: &str,
        minimum: Option<&str>,
        meant: bool,
    ) -> Result<(), StepError> {
        let minimum: Option<Version> = minimum.map(|minimum| minimum.parse().unwrap());
        release(offered).check_step(&installed.parse().unwrap(), minimum.as_ref(), meant)
    }

    /// REL-11
    #[test]
    fn neg_080_an_older_version_is_refused_unless_it_is_meant() {
        assert_eq!(step("1.1.0", "1.0.0", None, false), Ok(()));
        assert_eq!(step("1.0.0", "1.0.0", None, false), Ok(()));
        assert!(matches!(step("1.0.0-rc.9", "1.0.0", None, false), Err(StepError::Older { .. })));
        assert!(matches!(step("1.0.0", "1.1.0", None, false), Err(StepError::Older { .. })));
        assert_eq!(step("1.0.0", "1.1.0", None, true), Ok(()));
    }

    /// REL-11: a signed version of before a fix stays signed, and is refused all the same.
    #[test]
    fn neg_080_a_fork_kept_after_a_fix_is_below_the_minimum() {
        let kept = step("1.1.0", "1.0.0", Some("1.1.1"), false);
        assert!(matches!(kept, Err(StepError::BelowMinimum { .. })));
        let meant = step("1.1.0", "1.1.0", Some("1.1.1"), true);
        assert!(matches!(meant, Err(StepError::BelowMinimum { .. })), "no flag lets it pass");
        assert_eq!(step("1.1.1", "1.0.0", Some("1.1.1"), false), Ok(()));
    }

    /// REL-11
    #[test]
    fn stores_that_it_does_not_take_over_are_left_alone() {
        for meant in [false, true] {
            let far = step("1.0.0", "0.0.9", None, meant);
            assert!(matches!(far, Err(StepError::NoMigration { .. })));
        }
    }
}
