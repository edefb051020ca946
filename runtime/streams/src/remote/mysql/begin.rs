//! A task taken over: who had it before writes no more, and what never counted is taken back.

use gantry_cluster::Epoch;
use mysql::TxOpts;
use mysql::prelude::Queryable;

use super::super::{Found, Task};
use super::client::{Client, Fault};
use super::schema::Tables;
use crate::error::StreamsError;

/// A task's row: its last checkpoint, by what right it was written, and what is forgotten.
pub(super) struct Progress {
    pub(super) number: u64,
    pub(super) by: Epoch,
    pub(super) forgotten: u64,
}

/// The row of a task, which nobody else changes until the transaction ends.
pub(super) fn locked(
    transaction: &mut mysql::Transaction<'_>,
    tables: &Tables,
    (sub, queue): Task,
) -> Result<Option<Progress>, Fault> {
    let statement = format!(
        "SELECT number, claim, session, forgotten FROM `{}` WHERE sub_topology = ? AND queue = ? FOR UPDATE",
        tables.progress
    );
    let row: Option<(u64, u64, u64, u64)> = transaction.exec_first(statement, (sub, queue))?;
    Ok(row.map(|(number, claim, session, forgotten)| Progress {
        number,
        by: Epoch { claim, session },
        forgotten,
    }))
}

pub(super) fn begin(
    client: &Client,
    tables: &Tables,
    task: Task,
    by: Epoch,
    logged: u64,
) -> Result<Found, StreamsError> {
    client.with(|connection| {
        let mut transaction = connection.conn.start_transaction(TxOpts::default())?;
        let (sub, queue) = task;
        let insert = format!(
            "INSERT IGNORE INTO `{}` (sub_topology, queue, number, claim, session, forgotten) VALUES (?, ?, 0, 0, 0, 0)",
            tables.progress
        );
        transaction.exec_drop(insert, (sub, queue))?;
        let Some(known) = locked(&mut transaction, tables, task)? else {
            return Err(Fault::State(format!("the row of task {task:?} cannot be read")));
        };
        if known.by > by {
            return Ok(Found::Newer);
        }
        if known.number == logged + 1 {
            revert(&mut transaction, tables, task, logged)?;
        } else if known.number != logged {
            return Err(Fault::State(differs(tables, task, known.number, logged)));
        }
        let update = format!(
            "UPDATE `{}` SET number = ?, claim = ?, session = ? WHERE sub_topology = ? AND queue = ?",
            tables.progress
        );
        transaction.exec_drop(update, (logged, by.claim, by.session, sub, queue))?;
        transaction.commit()?;
        Ok(Found::State { forgotten: known.forgotten })
    })
}

/// What is there is neither that of the log nor one checkpoint ahead.
fn differs(tables: &Tables, (sub, queue): Task, found: u64, logged: u64) -> String {
    let is = if found < logged { "behind" } else { "ahead of" };
    format!(
        "the state of sub-topology {sub}, queue {queue} is of checkpoint {found}, {is} the log, in which the last one is {logged}: it is of another log, or one of the two was brought back from an older copy, or the job kept its state elsewhere before. Bring back what belongs together; or give the job another name; or, to begin anew, delete {tables}, the job's topics and its state_dir"
    )
}

/// Gives each entry back what it was before a checkpoint that never counted.
fn revert(
    transaction: &mut mysql::Transaction<'_>,
    tables: &Tables,
    (sub, queue): Task,
    logged: u64,
) -> Result<(), Fault> {
    // Both values of `gone` are named, so that the index leads to the numbers.
    let newer = "sub_topology = ? AND queue = ? AND gone IN (0, 1) AND number > ?";
    let delete = format!("DELETE FROM `{}` WHERE {newer} AND former_number IS NULL", tables.state);
    transaction.exec_drop(delete, (sub, queue, logged))?;
    let update = format!(
        "UPDATE `{}` SET entry_value = former_value, gone = former_value IS NULL, number = former_number WHERE {newer}",
        tables.state
    );
    Ok(transaction.exec_drop(update, (sub, queue, logged))?)
}
