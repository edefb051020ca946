//! Checkpoints written: several tasks' in one transaction.

use gantry_cluster::Epoch;
use gantry_log::LogRecord;
use mysql::prelude::Queryable;
use mysql::{Params, TxOpts, Value};

use super::super::{Checkpoint, Task};
use super::begin::locked;
use super::client::{Client, Fault};
use super::schema::{KEY_BYTES_MAX, Tables};
use crate::error::StreamsError;

/// Most rows of a statement. A statement has a power of two of them, so that there are few different
/// ones, which are prepared once.
const ROWS_MAX: usize = 512;
/// Most bytes of a statement, if the server takes as many.
const BYTES_MAX: usize = 4 << 20;
/// What a row needs besides its key and value.
const ROW_BYTES: usize = 96;
/// So many of those that were taken away are forgotten at once, or more if more were written: else they
/// would become ever more.
const FORGET: usize = 5_000;

/// A checkpoint before any counts gives its rows.
struct Entry {
    store: u16,
    record: LogRecord,
}

impl Entry {
    fn key(&self) -> &[u8] {
        self.record.key.as_deref().unwrap_or_default()
    }

    fn bytes(&self) -> usize {
        self.key().len() + self.record.value.as_ref().map_or(0, bytes::Bytes::len) + ROW_BYTES
    }
}

pub(super) fn write(
    client: &Client,
    tables: &Tables,
    mut checkpoints: Vec<Checkpoint>,
) -> Result<Vec<Task>, StreamsError> {
    // Who writes several of the same tasks locks them in the same order.
    checkpoints.sort_by_key(|checkpoint| checkpoint.task);
    client.with(|connection| {
        let packet_bytes = connection.packet_bytes;
        let mut transaction = connection.conn.start_transaction(TxOpts::default())?;
        let mut lost = Vec::new();
        for checkpoint in checkpoints {
            let task = checkpoint.task;
            if !write_one(&mut transaction, tables, packet_bytes, checkpoint)? {
                lost.push(task);
            }
        }
        transaction.commit()?;
        Ok(lost)
    })
}

/// False: somebody has the task by a newer right.
fn write_one(
    transaction: &mut mysql::Transaction<'_>,
    tables: &Tables,
    packet_bytes: usize,
    checkpoint: Checkpoint,
) -> Result<bool, Fault> {
    let Checkpoint { task, by, number, changes, forget } = checkpoint;
    let (sub, queue) = task;
    let known = locked(transaction, tables, task)?;
    let Some(known) =
        known.filter(|known| known.by >= by && known.number + 1 == number || known.by > by)
    else {
        return Err(Fault::State(changed(tables, task, by, number)));
    };
    if known.by > by {
        return Ok(false);
    }
    let of_store = |(store, records): (u16, Vec<LogRecord>)| {
        records.into_iter().map(move |record| Entry { store, record })
    };
    let mut entries: Vec<Entry> = changes.into_iter().flat_map(of_store).collect();
    // In the order of the table; of several of the same key the last one stays the last.
    entries.sort_by(|a, b| (a.store, a.key()).cmp(&(b.store, b.key())));
    check(&entries, packet_bytes)?;
    let mut rest = &entries[..];
    while !rest.is_empty() {
        let (some, others) = rest.split_at(fitting(rest, packet_bytes.min(BYTES_MAX)));
        transaction.exec_drop(upsert(tables, some.len()), params(task, number, some))?;
        rest = others;
    }
    let forgotten = known.forgotten.max(forget);
    let update = format!(
        "UPDATE `{}` SET number = ?, forgotten = ? WHERE sub_topology = ? AND queue = ?",
        tables.progress
    );
    transaction.exec_drop(update, (number, forgotten, sub, queue))?;
    if forgotten > 0 {
        let delete = format!(
            "DELETE FROM `{}` WHERE sub_topology = ? AND queue = ? AND gone = 1 AND number <= ? LIMIT {}",
            tables.state,
            FORGET.max(2 * entries.len())
        );
        transaction.exec_drop(delete, (sub, queue, forgotten))?;
    }
    Ok(true)
}

fn changed(tables: &Tables, (sub, queue): Task, by: Epoch, number: u64) -> String {
    format!(
        "the row of sub-topology {sub}, queue {queue} in {} is not as this instance left it (claim {}, session {}, before checkpoint {number}): somebody changed the table, or it was brought back from an older copy. Start the job again",
        tables.progress, by.claim, by.session
    )
}

/// Refuses what the tables cannot take.
fn check(entries: &[Entry], packet_bytes: usize) -> Result<(), Fault> {
    for entry in entries {
        let (store, key, bytes) = (entry.store, entry.key().len(), entry.bytes());
        if key > KEY_BYTES_MAX {
            return Err(Fault::State(format!(
                "an entry of store number {store} has a key of {key} bytes, and {KEY_BYTES_MAX} are the most that a key in MySQL can have. Make the keys shorter, or keep the state in change logs"
            )));
        }
        if bytes > packet_bytes {
            return Err(Fault::State(format!(
                "an entry of store number {store} has {bytes} bytes, and the server's max_allowed_packet is {packet_bytes}: let it be larger"
            )));
        }
    }
    Ok(())
}

/// How many rows go into the next statement: a power of two, at least one.
fn fitting(entries: &[Entry], bytes_max: usize) -> usize {
    let mut bytes = 0_usize;
    let fits = entries.iter().take(ROWS_MAX).take_while(|entry| {
        bytes += entry.bytes();
        bytes <= bytes_max
    });
    let count = fits.count().max(1);
    1 << count.ilog2()
}

/// What was there before the checkpoint is kept. The server sets one column after the other, so those
/// that look at the others come first.
fn upsert(tables: &Tables, rows: usize) -> String {
    let row = "(?, ?, ?, ?, ?, ?, ?, NULL, NULL)";
    let rows = [row].repeat(rows).join(", ");
    format!(
        "INSERT INTO `{}` (sub_topology, queue, store, entry_key, entry_value, number, gone, former_value, former_number) VALUES {rows} ON DUPLICATE KEY UPDATE former_value = IF(number < VALUES(number), entry_value, former_value), former_number = IF(number < VALUES(number), number, former_number), entry_value = VALUES(entry_value), gone = VALUES(gone), number = VALUES(number)",
        tables.state
    )
}

fn params((sub, queue): Task, number: u64, entries: &[Entry]) -> Params {
    let values = entries.iter().flat_map(|entry| {
        let value = entry.record.value.as_ref();
        [
            Value::UInt(sub as u64),
            Value::UInt(queue.into()),
            Value::UInt(entry.store.into()),
            Value::Bytes(entry.key().to_vec()),
            value.map_or(Value::NULL, |value| Value::Bytes(value.to_vec())),
            Value::UInt(number),
            Value::UInt(value.is_none().into()),
        ]
    });
    Params::Positional(values.collect())
}
