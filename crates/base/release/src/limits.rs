//! The limits of a release, so that reading one costs little whoever wrote it (N-15).

/// Most files of a release: two programs for each of many machines.
pub const ARTEFACTS_MAX: usize = 64;

/// Longest name of a file or of the machine that it is for, in bytes.
pub const LABEL_BYTES_MAX: usize = 64;

/// Longest version as text, in bytes.
pub const VERSION_BYTES_MAX: usize = 64;

/// Longest manifest, in bytes: its files, each with two names, length and digest.
pub const RELEASE_BYTES_MAX: usize = 512 + ARTEFACTS_MAX * (2 * (2 + LABEL_BYTES_MAX) + 9 + 34 + 1);

/// Most signatures in a file, as many as a tree has parties.
pub const SIGNATURES_MAX: usize = quorate_access::limits::PARTIES_MAX;

/// Longest manifest with its signatures, in bytes.
pub const FILE_BYTES_MAX: usize = RELEASE_BYTES_MAX + 16 + SIGNATURES_MAX * 1_300;

/// Longest list of signers as text, in bytes.
pub const SIGNERS_BYTES_MAX: usize = 64 * 1024;
