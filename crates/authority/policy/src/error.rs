//! Why a bundle is no policy.

use crate::limits::{FILE_BYTES_MAX, NESTING_MAX, OPERATORS_MAX, RULES_MAX};
use quorate_codec::DecodeError;
use std::fmt;

/// A file of a policy directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyFile {
    /// `policy.cedar`.
    Cedar,
    /// `limits.json`.
    Limits,
    /// `lists.json`.
    Lists,
    /// `cases.json`.
    Cases,
}

impl PolicyFile {
    /// The four files, in the order of the bundle.
    pub const ALL: [Self; 4] = [Self::Cedar, Self::Limits, Self::Lists, Self::Cases];

    /// Its name in a policy directory.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cedar => "policy.cedar",
            Self::Limits => "limits.json",
            Self::Lists => "lists.json",
            Self::Cases => "cases.json",
        }
    }
}

impl fmt::Display for PolicyFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Why a bundle is no policy; the fault of whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The bundle itself does not decode.
    #[error("not a policy bundle: {0}")]
    Bundle(#[from] DecodeError),
    /// A form of bundle that this version does not know.
    #[error("a policy bundle of version {0} is not known here")]
    Version(u8),
    /// A file is too long.
    #[error("{file} is longer than {FILE_BYTES_MAX} bytes or has too many entries")]
    TooLong {
        /// The file.
        file: PolicyFile,
    },
    /// A JSON file does not parse.
    #[error("{file}: {reason}")]
    Json {
        /// The file.
        file: PolicyFile,
        /// Where and why.
        reason: String,
    },
    /// A name that Cedar text could not quote plainly.
    #[error("{file}: '{name}' is not a name of a-z, 0-9 and -, beginning with a letter")]
    Name {
        /// The file.
        file: PolicyFile,
        /// The name.
        name: String,
    },
    /// An entry appears twice.
    #[error("{file}: an entry appears twice")]
    Repeated {
        /// The file.
        file: PolicyFile,
    },
    /// A destination that is not in its one text form.
    #[error("lists.json: '{0}' is not an EIP-55 address or a lower-case bech32 address")]
    Destination(String),
    /// A selector that is not in its one text form.
    #[error("policy.cedar: '{0}' is not a selector: 0x and eight lower-case hex digits")]
    Selector(String),
    /// Too many operators or brackets.
    #[error(
        "policy.cedar: a rule has more than {OPERATORS_MAX} operators or brackets nested deeper \
         than {NESTING_MAX}; split it, or use a list"
    )]
    Involved,
    /// Cedar cannot parse the text.
    #[error("policy.cedar does not parse: {0}")]
    Syntax(String),
    /// Templates have no place here.
    #[error("policy.cedar: templates are not used")]
    Template,
    /// No rule, or too many.
    #[error("policy.cedar has {0} rules; 1 to {RULES_MAX} are allowed")]
    Count(usize),
    /// A rule without `@id`.
    #[error("policy.cedar: a rule has no @id(\"…\"): {0}")]
    Unnamed(String),
    /// An `@id` twice.
    #[error("policy.cedar: two rules have the id '{0}'")]
    SameId(String),
    /// An `@id` that is no plain name, or means something else.
    #[error("policy.cedar: '{0}' cannot be a rule's id: it is reserved, or not of a-z, 0-9 and -")]
    BadId(String),
    /// An annotation that nobody reads; a misspelt one must not pass silently.
    #[error(
        "policy.cedar: rule '{rule}' has an unknown annotation @{name}; known are @id, @reason, @approvals"
    )]
    Annotation {
        /// The rule.
        rule: String,
        /// The annotation.
        name: String,
    },
    /// `@approvals` that is no tree.
    #[error("policy.cedar: @approvals of rule '{rule}': {reason}")]
    Approvals {
        /// The rule.
        rule: String,
        /// Why.
        reason: String,
    },
    /// `@approvals` on a forbid.
    #[error("policy.cedar: rule '{0}' forbids; approvals cannot lift it, so it has no @approvals")]
    ApprovalsOnForbid(String),
    /// The strict check against the schema found errors, or warnings, which count as errors.
    #[error("policy.cedar does not pass the strict check: {0}")]
    Schema(String),
    /// A rule asks for a limit or list that the bundle does not have.
    #[error("policy.cedar: rule '{rule}' names '{name}', which is not in {file}")]
    Unknown {
        /// The rule.
        rule: String,
        /// The name.
        name: String,
        /// Where it should be.
        file: PolicyFile,
    },
    /// The test table has no case.
    #[error("cases.json has no case: a policy that nothing was tried on cannot be proposed")]
    NoCases,
    /// Cases whose outcome is not the expected one.
    #[error("cases.json: {}", .0.join("; "))]
    Cases(Vec<String>),
    /// A rule wants approvals that nobody at this head can give.
    #[error("rule '{rule}' needs {tree}, but at this head too few of them are approvers")]
    NoApprovers {
        /// The rule.
        rule: String,
        /// Its tree.
        tree: String,
    },
}
