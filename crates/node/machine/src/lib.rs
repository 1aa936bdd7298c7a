//! One node, deciding: a deterministic machine. See `spec/node.md`.

pub mod durable;
