//! What came of verifying, statement by statement.

use super::why::{Refusal, Whose};
use crate::backup_file::BundleKind;
use quorate_access::Tree;
use quorate_charter::State;
use quorate_codec::Digest;
use quorate_identity::{GenesisHash, Head, KeyId, Name, NodeId, Scheme};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;

/// What came of a whole file (REC-29, REC-32). Only [`verify`](super::verify()) makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The domain that was asked about.
    pub genesis: GenesisHash,
    /// What the file says of itself, which nothing proves.
    pub said: Option<Said>,
    /// The hash at its end, which names this very file (REC-22).
    pub digest: Option<Digest>,
    /// The charter as far as it holds; none of it if the genesis does not.
    pub charter: Option<CharterSeen>,
    /// What belongs to no key: file, genesis, charter, canaries.
    pub of_file: Vec<Checked>,
    /// The keys of the file, in its order.
    pub keys: Vec<KeyReport>,
    /// Keys of the charter of which the file has no epoch.
    pub missing: Vec<MissingKey>,
}

/// What a file says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// When it was made, in milliseconds since 1970.
    pub made_at_ms: u64,
    /// Its random name.
    pub export: Digest,
}

/// A charter that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CharterSeen {
    /// The name of the domain.
    pub domain: Name,
    /// Whether it is a trial.
    pub staging: bool,
    /// The head of its last entry: whether it is still the newest no file can say.
    pub head: Head,
    /// The position of that entry.
    pub position: u64,
}

/// What came of one key of a file. Only [`verify_key`](super::verify_key) and
/// [`verify`](super::verify()) make one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyReport {
    /// The key; nothing where the item says of none.
    pub key: Option<KeyId>,
    /// Its name, if the charter has it.
    pub name: Option<Name>,
    /// What it makes, if the charter has it.
    pub scheme: Option<Scheme>,
    /// The epoch.
    pub epoch: Option<u64>,
    /// The record, then every backup that it names, then what they are together, then what else
    /// stood there.
    pub statements: Vec<Checked>,
    /// A newer epoch of the key in the same file, or the same once more.
    pub newer: Option<u64>,
    /// What is true and should be known.
    pub notes: Vec<Note>,
}

/// What is no failure and worth knowing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// The charter has other custodians by now.
    CustodyChanged,
    /// The charter ordered another epoch after this one.
    Ordered,
    /// The charter retired the key.
    Retired,
    /// What was imported has no backup of the key itself before its next epoch.
    SharesAlone,
}

/// A key of the charter without an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingKey {
    /// The key.
    pub key: KeyId,
    /// Its name.
    pub name: Name,
    /// Whether the charter wants no epoch of it: it may never have been made.
    pub is_withdrawn: bool,
}

/// A statement, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Which statement.
    pub part: Part,
    /// Whether it holds.
    pub result: Result<(), Refusal>,
}

/// A statement of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The file itself is whole.
    File,
    /// The genesis is that of the domain.
    Genesis,
    /// The charter holds to its end.
    Charter,
    /// This entry of it, where it does not.
    Entry(u64),
    /// The record of an epoch is certified and is one of the key.
    Record,
    /// A backup.
    Backup(BackupPart),
    /// What the dealers contributed is the key.
    Sum,
    /// A canary, of the node that it says.
    Canary(Option<Author>),
}

/// Which backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupPart {
    /// Of what.
    pub kind: BundleKind,
    /// Whose.
    pub author: Author,
    /// Of which epoch; nothing where no record says.
    pub epoch: Option<u64>,
    /// Who restores it; nothing where no record says.
    pub custodians: Option<Tree<Name>>,
}

/// A node, and its name if the charter has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The node.
    pub node: NodeId,
    /// Its name.
    pub name: Option<Name>,
}

/// What nodes are called.
#[derive(Debug, Clone)]
pub(crate) struct Names(BTreeMap<NodeId, Name>);

impl Names {
    /// As the charter has them.
    pub fn of(state: &State) -> Self {
        let nodes = state.voters().keys().filter_map(|id| state.node(id));
        Self(nodes.map(|node| (node.id, node.name.clone())).collect())
    }

    /// A node with its name.
    pub fn author(&self, node: NodeId) -> Author {
        Author { node, name: self.0.get(&node).cloned() }
    }
}

impl Report {
    /// Every statement, in the order of the file.
    pub fn statements(&self) -> impl Iterator<Item = &Checked> {
        let of_keys = self.keys.iter().flat_map(|key| &key.statements);
        self.of_file.iter().chain(of_keys)
    }

    /// Whether every statement holds, no epoch is older than another one of its key, and no key is
    /// missing (REC-29).
    pub fn holds(&self) -> bool {
        self.holds_without(&[])
    }

    /// The same where these keys are given up: they may be missing (SUC-05).
    pub fn holds_without(&self, omitted: &[Name]) -> bool {
        self.of_file.iter().all(Checked::holds)
            && self.keys.iter().all(KeyReport::holds)
            && self.missing.iter().all(|missing| omitted.contains(&missing.name))
    }

    /// Whether its genesis is the one that it was held against.
    pub fn is_of_this_domain(&self) -> bool {
        self.charter.is_some()
    }

    /// The report for programs.
    pub fn to_json(&self) -> Value {
        let charter = self.charter.as_ref().map(|charter| {
            json!({ "domain": charter.domain, "staging": charter.staging,
                "head": charter.head, "position": charter.position })
        });
        let said =
            self.said.map(|said| json!({ "made_at_ms": said.made_at_ms, "export": said.export }));
        let missing = self
            .missing
            .iter()
            .map(|it| json!({ "key": it.key, "name": it.name, "withdrawn": it.is_withdrawn }));
        json!({
            "holds": self.holds(),
            "genesis": self.genesis,
            "charter": charter,
            "digest": self.digest,
            "unverified": said,
            "statements": self.of_file.iter().map(Checked::to_json).collect::<Vec<_>>(),
            "keys": self.keys.iter().map(KeyReport::to_json).collect::<Vec<_>>(),
            "missing": missing.collect::<Vec<_>>(),
        })
    }
}

impl KeyReport {
    /// Whether every statement holds, and no newer one is beside it.
    pub fn holds(&self) -> bool {
        self.newer.is_none() && self.statements.iter().all(Checked::holds)
    }

    pub(super) fn of_epoch(&self) -> Option<(KeyId, u64)> {
        self.key.zip(self.epoch)
    }

    /// The statements that do not hold.
    pub fn failures(&self) -> impl Iterator<Item = &Checked> {
        self.statements.iter().filter(|statement| !statement.holds())
    }

    /// The report for programs.
    pub fn to_json(&self) -> Value {
        json!({
            "key": self.key,
            "name": self.name,
            "scheme": self.scheme,
            "epoch": self.epoch,
            "holds": self.holds(),
            "newer": self.newer,
            "notes": self.notes.iter().map(|note| note.code()).collect::<Vec<_>>(),
            "statements": self.statements.iter().map(Checked::to_json).collect::<Vec<_>>(),
        })
    }
}

impl Checked {
    /// A statement that holds.
    pub(super) fn held(part: Part) -> Self {
        Self { part, result: Ok(()) }
    }

    /// A statement that does not.
    pub(super) fn refused(part: Part, refusal: Refusal) -> Self {
        Self { part, result: Err(refusal) }
    }

    /// Whether it holds.
    pub fn holds(&self) -> bool {
        self.result.is_ok()
    }

    /// The statement for programs.
    pub fn to_json(&self) -> Value {
        let mut view = self.part.to_json();
        let Some(fields) = view.as_object_mut() else { return view };
        fields.insert("holds".to_owned(), self.holds().into());
        if let Err(Refusal { whose, why }) = &self.result {
            fields.insert("reason".to_owned(), why.to_string().into());
            fields.insert("answers".to_owned(), whose.code().into());
        }
        view
    }
}

impl Part {
    /// Its place among what belongs to no key.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::File => 0,
            Self::Genesis => 1,
            Self::Charter | Self::Entry(_) => 2,
            Self::Record | Self::Backup(_) | Self::Sum | Self::Canary(_) => 3,
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::File => json!({ "part": "file" }),
            Self::Genesis => json!({ "part": "genesis" }),
            Self::Charter => json!({ "part": "charter" }),
            Self::Entry(position) => json!({ "part": "entry", "position": position }),
            Self::Record => json!({ "part": "record" }),
            Self::Backup(BackupPart { kind, author, epoch, custodians }) => {
                let custodians = custodians.as_ref().map(Tree::to_string);
                json!({ "part": kind, "author": author.to_string(), "node": author.node,
                    "epoch": epoch, "custodians": custodians })
            }
            Self::Sum => json!({ "part": "sum" }),
            Self::Canary(author) => {
                json!({ "part": "canary", "author": author.as_ref().map(Author::to_string) })
            }
        }
    }
}

impl Note {
    /// For programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::CustodyChanged => "custody_changed",
            Self::Ordered => "ordered",
            Self::Retired => "retired",
            Self::SharesAlone => "shares_alone",
        }
    }
}

impl Whose {
    fn code(&self) -> String {
        match self {
            Self::Holder => "holder".to_owned(),
            Self::Founders => "founders".to_owned(),
            Self::Voters => "voters".to_owned(),
            Self::Node(name) => format!("node:{name}"),
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::CustodyChanged => {
                "it is backed up for the custodians of before; the charter has others by now"
            }
            Self::Ordered => "the charter ordered another epoch after this one",
            Self::Retired => "the charter retired it",
            Self::SharesAlone => {
                "it was imported and no epoch was made since: its shares alone are backed up, not the \
                 key itself"
            }
        })
    }
}

impl fmt::Display for KeyReport {
    /// Which key it is about.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, &self.key) {
            (Some(name), _) => formatter.pad(name.as_str()),
            (None, Some(key)) => formatter.pad(&key.to_string()),
            (None, None) => formatter.pad("a key that cannot be told"),
        }
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.result {
            Ok(()) => write!(formatter, "{}: it holds", self.part),
            Err(refusal) => write!(formatter, "{}: {refusal}", self.part),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => formatter.write_str("the file"),
            Self::Genesis => formatter.write_str("the genesis"),
            Self::Charter => formatter.write_str("the charter"),
            Self::Entry(position) => write!(formatter, "entry {position} of the charter"),
            Self::Record => formatter.write_str("the record"),
            Self::Backup(part) => part.fmt(formatter),
            Self::Sum => formatter.write_str("the contributions of all dealers together"),
            Self::Canary(Some(author)) => write!(formatter, "the canary of {author}"),
            Self::Canary(None) => formatter.write_str("a canary"),
        }
    }
}

impl fmt::Display for BackupPart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the {} of {}", self.kind, self.author)?;
        if let Some(epoch) = self.epoch {
            write!(formatter, " in epoch {epoch}")?;
        }
        match &self.custodians {
            Some(custodians) => write!(formatter, ", for {custodians}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Author {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => name.fmt(formatter),
            None => self.node.fmt(formatter),
        }
    }
}
