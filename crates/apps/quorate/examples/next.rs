//! The program as a later version of it will be, as far as older ones and their stores are concerned:
//! tests let it run beside this one. What it changes about rows is small, and can be seen.

use minicbor::Encode;
use quorate::{Edition, Step, THIS};
use quorate_identity::NodeId;
use quorate_machine::durable::{Record, Table, Write};
use std::process::ExitCode;

const NEXT: Edition = Edition {
    version: "0.2.0",
    migrates_from: THIS.version,
    steps: &[Step { version: "0.2.0", change: begin_trail }],
};

/// A line of the audit trail, as nodes store it.
#[derive(Encode)]
struct Line {
    #[n(0)]
    at: u64,
    #[n(1)]
    text: String,
    #[n(2)]
    culprits: Vec<NodeId>,
}

fn main() -> ExitCode {
    quorate::run(NEXT)
}

/// A version after this one says in the audit trail how many entries of the charter it found.
fn begin_trail(rows: &[Record]) -> Result<Vec<Write>, String> {
    let of = |table| rows.iter().filter(move |row| row.table == table);
    let last = of(Table::Audit).filter_map(|row| row.key.as_slice().try_into().ok());
    let last = last.map(u64::from_be_bytes).max().unwrap_or_default();
    let text = format!("rows of an earlier version, with {} entries", of(Table::Entry).count());
    let line = minicbor::to_vec(Line { at: 0, text, culprits: Vec::new() });
    let line = line.map_err(|error| error.to_string())?;
    Ok(vec![Write::put(Table::Audit, (last + 1).to_be_bytes(), line)])
}
