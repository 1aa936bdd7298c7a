//! A bundle that has meaning.

use crate::bundle::PolicyBundle;
use crate::cases::{self, CaseReport};
use crate::error::PolicyError;
use crate::limits::Limits;
use crate::lists::Lists;
use crate::rules::{self, Rule};
use crate::schema;
use cedar_policy::{PolicySet, Schema};
use quorate_codec::Digest;
use quorate_identity::Name;
use std::collections::{BTreeMap, BTreeSet};

/// A compiled policy: parsed, checked strictly, every rule named (POL-02 to POL-06). Public.
///
/// Cost: some milliseconds to compile; under one to judge by.
#[derive(Clone)]
pub struct Policy {
    bundle: PolicyBundle,
    bytes: Vec<u8>,
    pub(crate) schema: &'static Schema,
    pub(crate) set: PolicySet,
    pub(crate) rules: BTreeMap<String, Rule>,
    pub(crate) limits: Limits,
    pub(crate) lists: Lists,
}

impl Policy {
    /// Compiles the bytes of a [`PolicyBundle`]. Runs no case: see
    /// [`run_cases`](Self::run_cases) and [`vet`](crate::vet).
    ///
    /// # Errors
    /// [`PolicyError`]; the fault of whoever wrote the bundle.
    pub fn compile(bytes: &[u8]) -> Result<Self, PolicyError> {
        Self::from_bundle(PolicyBundle::from_bytes(bytes)?)
    }

    /// Compiles a bundle.
    ///
    /// # Errors
    /// As [`compile`](Self::compile).
    pub fn from_bundle(bundle: PolicyBundle) -> Result<Self, PolicyError> {
        let limits = Limits::parse(&bundle.limits)?;
        let lists = Lists::parse(&bundle.lists)?;
        let schema = schema::schema()?;
        let (set, rules) = rules::parse(&bundle.cedar, schema, &limits, &lists)?;
        cases::parse(&bundle.cases)?;
        let bytes = bundle.to_bytes();
        Ok(Self { bundle, bytes, schema, set, rules, limits, lists })
    }

    /// Runs the policy's own test table.
    ///
    /// # Errors
    /// [`PolicyError`] if the table itself does not parse or is empty; cases that fail are in
    /// the report.
    pub fn run_cases(&self) -> Result<CaseReport, PolicyError> {
        Ok(cases::run(self, cases::parse(&self.bundle.cases)?))
    }

    /// The bundle that was compiled.
    pub fn bundle(&self) -> &PolicyBundle {
        &self.bundle
    }

    /// Its encoding: what the charter keeps.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Digest of the bundle.
    pub fn digest(&self) -> Digest {
        self.bundle.digest()
    }

    /// Ids of the rules, ascending.
    pub fn rule_ids(&self) -> impl Iterator<Item = &str> {
        self.rules.keys().map(String::as_str)
    }

    /// Everybody whom a rule names as an approver.
    pub fn approvers(&self) -> BTreeSet<Name> {
        let trees = self.rules.values().filter_map(|rule| rule.approvals.as_ref());
        trees.flat_map(quorate_access::Tree::parties).collect()
    }
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Policy({})", self.digest())
    }
}
