//! The keys, from the rows about their epochs. What there is to verify of each is verified on all cores.

use super::{BootError, Rows, read, unreadable};
use crate::ceremonies::{
    Epoch, Keys, Shares, is_statement_key, parse_dealt_key, parse_dealt_row, parse_decided_key,
    parse_share_key, proof_key, voided_key,
};
use crate::cores::{self, Cores};
use crate::durable::Table;
use crate::event::Alarm;
use crate::wire::Outcome;
use quorate_charter::{Decided, Instance, SignedEpochStatement, State};
use quorate_identity::{KeyId, NodeId};

/// The row of an epoch that was decided.
struct Row<'r> {
    key: KeyId,
    epoch: u64,
    bytes: &'r [u8],
    /// Whether there is no later one of the same key: its certificate stands for those before it.
    is_newest: bool,
}

/// An epoch as its rows say it.
struct Loaded {
    made: Epoch,
    /// Whether a first signature is stored that does not verify.
    has_false_proof: bool,
}

/// Everything about keys. Cost: some signature verifications a key, on all cores.
pub(super) fn load(
    state: &State,
    me: &NodeId,
    rows: &Rows,
    cores: Cores,
    alarms: &mut Vec<Alarm>,
) -> Result<Keys, BootError> {
    let mut keys = Keys::default();
    let epochs = epochs(state, rows);
    let loaded = cores::map(cores, &epochs, |row| epoch(state, rows, row));
    for (row, loaded) in epochs.iter().zip(loaded) {
        // A part that was not done would be a bug of whoever runs them.
        let loaded = loaded.unwrap_or_else(|| Err(damaged(&"it was not looked at")))?;
        if !keys.book_mut(row.key).take_made(loaded.made) {
            return Err(does_not_read(row));
        }
        if loaded.has_false_proof {
            let text = format!("the stored first signature of key {} is damaged", row.key);
            alarms.push(Alarm { text, culprits: Vec::new() });
        }
    }
    for order in state.keys() {
        if let Some(row) = rows.get(Table::EpochRecord, &voided_key(&order.key)) {
            let decided: Decided = read(Table::EpochRecord, row)?;
            decided.verify_kept(state).map_err(|error| damaged(&error))?;
            keys.book_mut(order.key).load_decided(decided);
        }
    }
    for (key, row) in rows.of(Table::EpochRecord) {
        if is_statement_key(key) {
            let statement: SignedEpochStatement = read(Table::EpochRecord, row)?;
            if state.key(&statement.body().key).is_some() {
                keys.book_mut(statement.body().key).load_statement(statement);
            }
        }
    }
    for (key, row) in rows.of(Table::Attempt) {
        if let Some((key, (epoch, attempt))) = parse_dealt_key(key).zip(parse_dealt_row(row)) {
            keys.book_mut(key).load_dealt(epoch, attempt);
        }
    }
    keys.end_earlier_epochs();
    load_shares(&mut keys, state, me, rows, alarms);
    let backups = rows.of(Table::Backup).map(|(key, _)| key);
    for name in keys.check_backups(state, me, backups) {
        let text = format!(
            "backups of key {name} that this node verified are gone from its store: order a refresh"
        );
        alarms.push(Alarm { text, culprits: Vec::new() });
    }
    keys.learn_orders(state, me);
    Ok(keys)
}

/// The rows of epochs of keys that the charter has, ascending by key and epoch.
fn epochs<'r>(state: &State, rows: &'r Rows) -> Vec<Row<'r>> {
    let mut epochs: Vec<Row<'r>> = Vec::new();
    for (key, bytes) in rows.of(Table::EpochRecord) {
        let of = parse_decided_key(key).filter(|(key, _)| state.key(key).is_some());
        if let Some((key, epoch)) = of {
            if let Some(before) = epochs.last_mut() {
                before.is_newest = before.key != key;
            }
            epochs.push(Row { key, epoch, bytes, is_newest: true });
        }
    }
    epochs
}

/// One of them, verified.
fn epoch(state: &State, rows: &Rows, row: &Row<'_>) -> Result<Loaded, BootError> {
    let Row { key, epoch, bytes, is_newest } = row;
    let decided: Decided = read(Table::EpochRecord, bytes)?;
    if *is_newest {
        decided.verify_kept(state).map_err(|error| damaged(&error))?;
    }
    let is_its = matches!(decided.instance, Instance::Attempt { key: of, epoch: at, .. }
        if (of, at) == (*key, *epoch));
    // Nothing may be guessed about what cannot be read: it would be made anew.
    let made = Epoch::new(decided).filter(|made| is_its && made.number() == *epoch);
    let mut made = made.ok_or_else(|| does_not_read(row))?;
    // Without it the epoch is untried: peers tell it again, or a quorum signs another.
    let stored = rows.get(Table::EpochRecord, &proof_key(key, *epoch));
    let proof = stored.and_then(|row| quorate_codec::from_bytes::<Outcome>(row).ok());
    made.proof = proof.filter(|proof| made.is_proven_by(proof));
    let has_false_proof = stored.is_some() && made.proof.is_none();
    Ok(Loaded { made, has_false_proof })
}

fn damaged(error: &dyn std::fmt::Display) -> BootError {
    unreadable(Table::EpochRecord, &error.to_string())
}

fn does_not_read(Row { key, epoch, .. }: &Row<'_>) -> BootError {
    damaged(&format!("epoch {epoch} of key {key} does not read back"))
}

/// A share that is not what the record says is not used (N-60).
fn load_shares(keys: &mut Keys, state: &State, me: &NodeId, rows: &Rows, alarms: &mut Vec<Alarm>) {
    for (key, row) in rows.of(Table::Share) {
        let Some((key, epoch, attempt)) = parse_share_key(key) else { continue };
        // Rows of epochs that are over stayed behind: they are deleted with the first commit.
        if !keys.book_mut(key).may_need(epoch, attempt) {
            keys.note_leftover(key, epoch, attempt);
            continue;
        }
        if let Some(shares) = Shares::from_row(row) {
            keys.book_mut(key).load_shares(epoch, attempt, shares);
        }
    }
    for order in state.keys().filter(|order| !order.retired) {
        let book = keys.book_mut(order.key);
        let wrong = book.drop_false_shares(me);
        if wrong {
            let text = format!("the stored share of key {} is missing or damaged", order.key);
            alarms.push(Alarm { text, culprits: Vec::new() });
        }
    }
}
