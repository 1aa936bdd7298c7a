//! The file: everything that proves an export, and the parts that nodes gave (KEX-12).

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use quorate_charter::{CertifiedEntry, Decided, GenesisFile, SignedExportStatement};
use quorate_codec::Canonical;
use quorate_identity::Head;

/// An export as it is carried to whom it is for. Nothing of it is known to hold. Public: whoever does
/// not have the recipient's key learns nothing of the key from it.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct ExportFile {
    /// Version of this form: 1.
    #[n(0)]
    pub version: u8,
    /// The genesis with all signatures under it.
    #[n(1)]
    pub genesis: GenesisFile,
    /// The charter, at least up to the entry of the export and the head at which the epoch was planned.
    #[n(2)]
    pub entries: Vec<CertifiedEntry>,
    /// The certified outcome that made the epoch.
    #[n(3)]
    pub decided: Decided,
    /// The head that the entry made by which the export took effect.
    #[n(4)]
    pub export: Head,
    /// What nodes gave, ascending by node.
    #[n(5)]
    pub parts: Vec<NodePart>,
}

/// What one node gave.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct NodePart {
    /// That it gives it, signed.
    #[n(0)]
    pub statement: SignedExportStatement,
    /// Its shares, encrypted, with the proof of what they are.
    #[n(1)]
    pub bundle: ByteVec,
}

impl ExportFile {
    /// The version of this form.
    pub const VERSION: u8 = 1;
    /// How a file begins: six fields, version 1.
    pub const START: [u8; 2] = [0x86, Self::VERSION];

    /// A file of these parts, put into their order.
    pub fn new(
        genesis: GenesisFile,
        entries: Vec<CertifiedEntry>,
        decided: Decided,
        export: Head,
        mut parts: Vec<NodePart>,
    ) -> Self {
        parts.sort_by_key(|part| part.statement.node());
        Self { version: Self::VERSION, genesis, entries, decided, export, parts }
    }
}

impl Canonical for ExportFile {
    // All shares of as many nodes as a domain has, and a charter.
    const BYTES_MAX: usize = 512 << 20;
}
