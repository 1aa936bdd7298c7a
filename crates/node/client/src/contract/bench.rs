//! Measurements.

use quorate_identity::Scheme;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `bench`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Bench {
    /// The scheme measured.
    #[schema(value_type = String)]
    pub scheme: Scheme,
    /// Signatures made.
    pub count: u32,
    /// Median time of a signature on the full path, in milliseconds.
    pub p50_ms: f64,
    /// The time that one in a hundred exceeded.
    pub p99_ms: f64,
    /// Signatures a second.
    pub per_second: f64,
    /// CPU time of all nodes a signature, in milliseconds.
    pub cpu_ms: ByPart,
    /// Bytes sent between nodes a signature; for the store, bytes of the rows written.
    pub bytes_per_signature: ByPart,
    /// Syncs of all nodes' disks a signature, by what waited for them; the store's own are the
    /// second ones of those that take two.
    pub fsyncs_per_signature: ByPart,
    /// Median time of one fsync on this disk, measured in the same run.
    pub fsync_p50_ms: f64,
    /// Cores of this machine.
    pub cores: u32,
}

/// `bench --refresh`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RefreshBench {
    /// The scheme measured.
    #[schema(value_type = String)]
    pub scheme: Scheme,
    /// Accounts of the key.
    pub accounts: u16,
    /// Refreshes made.
    pub count: u32,
    /// Time from the order of the key until it signed, in milliseconds.
    pub created_ms: f64,
    /// Median time from the order of a refresh until the new shares have signed and every node
    /// has destroyed the old ones, in milliseconds.
    pub p50_ms: f64,
    /// The longest.
    pub max_ms: f64,
    /// CPU time of all nodes a refresh, in milliseconds.
    pub cpu_ms: ByPart,
    /// Bytes sent between nodes a refresh; for the store, bytes of the rows written.
    pub bytes_per_refresh: ByPart,
    /// Syncs of all nodes' disks a refresh.
    pub fsyncs_per_refresh: ByPart,
    /// The most memory that any node held until the end, in bytes.
    pub memory_peak: u64,
    /// Median time of one fsync on this disk, measured in the same run.
    pub fsync_p50_ms: f64,
    /// Cores of this machine.
    pub cores: u32,
}

/// A quantity by the part of the product that causes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ByPart {
    /// Threshold arithmetic.
    pub engine: f64,
    /// Channels between nodes.
    pub transport: f64,
    /// The sealed store.
    pub store: f64,
    /// Decoding and judging.
    pub policy: f64,
    /// Everything else.
    pub other: f64,
}
