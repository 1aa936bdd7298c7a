//! The limits of a backup file. They bound what is read of one before anything of it is believed
//! (REC-21, N-15).

use quorate_access::limits::LEAVES_MAX;
use quorate_backup::{Bundle, bundle_bytes_max, part_bytes_max};
use quorate_charter::limits::{KEYS_MAX, NODES_MAX, RECOVERY_KEY_BYTES_MAX, RECOVERY_LEAVES_MAX};
use quorate_charter::{CertifiedEntry, Decided, GenesisFile};
use quorate_codec::Canonical;
use quorate_curve::Ed25519;

/// Longest first line that is looked at, in bytes.
pub const FIRST_LINE_BYTES_MAX: usize = 32;
/// What an item has besides its largest part: its number, heads of lists, ids, times.
const AROUND: usize = 128;
/// Longest item with what a file says of itself, in bytes: a genesis is the most of it.
pub const HEAD_BYTES_MAX: usize = GenesisFile::BYTES_MAX + AROUND;
/// Longest item with an entry of the charter, in bytes.
pub const ENTRY_BYTES_MAX: usize = CertifiedEntry::BYTES_MAX + AROUND;
/// Longest item with the outcome of an attempt, in bytes.
pub const EPOCH_BYTES_MAX: usize = Decided::BYTES_MAX + AROUND;
/// Longest item with a bundle, in bytes. How long one may be follows from the record that names it,
/// and what is longer is not kept.
pub const BUNDLE_BYTES_MAX: usize = Bundle::<Ed25519>::BYTES_MAX + AROUND;
/// Longest item with a canary, in bytes: one secret, for as many leaves as a tree may have.
pub const CANARY_BYTES_MAX: usize = bundle_bytes_max(1, LEAVES_MAX) + AROUND;
/// Longest last item, in bytes.
pub const END_BYTES_MAX: usize = AROUND;
/// Most items that cannot be read, though what follows them may be whole: more are no damage.
pub const MALFORMED_MAX: usize = 1_000;
/// Most epochs of a file: one of every key that a domain can have.
pub const EPOCHS_MAX: usize = KEYS_MAX;
/// Most bundles of one kind that follow an epoch: one of every node that a domain can have.
pub const AUTHORS_MAX: usize = NODES_MAX;
/// Most canaries of a file: one of every node.
pub const CANARIES_MAX: usize = NODES_MAX;
/// Longest that a custodian opens of one key for a seat, in bytes, with key and epoch.
pub const OPENED_BYTES_MAX: usize = part_bytes_max(RECOVERY_LEAVES_MAX) + AROUND;
/// Most that sealing adds, in bytes.
pub const SEALING_BYTES_MAX: usize = 2_048;
/// Longest that a custodian seals for a seat, in bytes: of every key that a domain can have.
pub const SEALED_BYTES_MAX: usize = SEALING_BYTES_MAX + EPOCHS_MAX * OPENED_BYTES_MAX;
/// Longest one-time key to which custodians seal, in bytes.
pub const ONE_TIME_BYTES_MAX: usize = RECOVERY_KEY_BYTES_MAX + 3;
/// Longest ask of one custodian, in bytes.
pub const ASK_BYTES_MAX: usize = RECOVERY_KEY_BYTES_MAX + AROUND;
