//! Access trees: threshold gates over parties, for nodes that sign, people who approve and
//! custodians who recover alike.
//!
//! ```
//! use quorate_access::Tree;
//! use std::collections::BTreeSet;
//!
//! let tree: Tree<String> = "2 of (ada, ben, all of (cleo, dan))".parse()?;
//! let set = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<BTreeSet<_>>();
//! assert!(tree.satisfied(&set(&["ada", "cleo", "dan"])));
//! assert!(!tree.satisfied(&set(&["ada", "cleo"])));
//! let missing = tree.missing_for(&set(&["ada", "cleo"])).unwrap();
//! assert_eq!(missing.to_string(), "any of (ben, dan)");
//! # Ok::<(), quorate_access::ParseError>(())
//! ```
//!
//! A [`Tree`] that exists is well-formed and within the limits of [`limits`]. Its leaves are
//! known by their position ([`LeafId`]), never by their party, because a party may stand at
//! several leaves; a child's index is its position 1..m, so no index is ever zero, repeated or
//! chosen by anybody (N-01, N-02).
//!
//! What this crate does not do: no field arithmetic (`mpc/sharing` turns [`Row`]s and
//! [`Selection`]s into shares and coefficients) and no signatures. See `spec/access.md`.

mod encoding;
pub mod limits;
mod lint;
mod losses;
mod notation;
mod rows;
mod satisfy;
mod select;
mod tree;

pub use lint::{LintError, LintOptions, LintReport, LintWarning};
pub use notation::ParseError;
pub use rows::{Row, Step};
pub use select::{SelectedLeaf, SelectedStep, Selection};
pub use tree::{Gate, LeafId, Tree, TreeError};
