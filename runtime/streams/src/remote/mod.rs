//! State kept outside the log, so that it is found again on another machine: what a place that keeps
//! it has to do, and how the state of a task is used while it is still fetched from there.
//!
//! A checkpoint is written there before its record goes to the log, which decides whether it counts.
//! So the place is where the log is, or one checkpoint ahead of it if a process was killed between
//! the two; then it goes back by that one. It must keep of each entry what was there before.
#![cfg_attr(not(feature = "mysql"), expect(dead_code, reason = "nothing else keeps state yet"))]

mod load;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(test)]
mod trial;
mod view;

use std::sync::Arc;

use gantry_cluster::Epoch;
use gantry_log::LogRecord;
pub(crate) use load::load;
pub(crate) use view::{Guard, View};

use crate::error::StreamsError;
use crate::settings::Settings;
#[cfg(feature = "mysql")]
use crate::settings::StateStore;
#[cfg(feature = "mysql")]
use crate::store::PREFIX_BYTES;

/// A sub-topology, and the queue that a task of it reads.
pub(crate) type Task = (usize, u32);

/// Where the state of all tasks of a job is kept. Calls block: not for threads of an async runtime.
pub(crate) trait Remote: Send + Sync {
    /// Makes what is kept of a task that of its checkpoint `logged`, the last one in the log. Who had
    /// it by an older right writes no more from here on.
    fn begin(&self, task: Task, by: Epoch, logged: u64) -> Result<Found, StreamsError>;
    /// Writes checkpoints: all of them or nothing. Gives the tasks that somebody has by a newer
    /// right; of those nothing is written.
    fn write(&self, checkpoints: Vec<Checkpoint>) -> Result<Vec<Task>, StreamsError>;
    /// What is kept of a task.
    fn rows(&self, task: Task) -> Arc<dyn Rows>;
    /// What it is, for messages.
    fn place(&self) -> String;
}

/// What there is of a task that begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Somebody has it by a newer right.
    Newer,
    /// Its state. What was taken away up to a checkpoint is not known any more: state that is older
    /// than that cannot be brought up to date.
    State { forgotten: u64 },
}

/// What one checkpoint of a task changes.
pub(crate) struct Checkpoint {
    pub(crate) task: Task,
    pub(crate) by: Epoch,
    pub(crate) number: u64,
    /// By the number of the store.
    pub(crate) changes: Vec<(u16, Vec<LogRecord>)>,
    /// What was taken away up to this checkpoint need not be known any more.
    pub(crate) forget: u64,
}

/// An entry, and in which checkpoint it last changed. No value: it was taken away.
pub(crate) type Row = (Vec<u8>, Option<Vec<u8>>, u64);

/// What is kept of a task. Keys are those of [`Backend`](crate::store::Backend); of a range all are
/// of one store.
pub(crate) trait Rows: Send + Sync {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StreamsError>;
    /// The first ones in order of those that are there, from a key up to before another.
    fn page(&self, from: &[u8], to: &[u8], most: usize) -> Result<Vec<Row>, StreamsError>;
    /// The first ones that changed behind a place up to a checkpoint, in the order of checkpoint and
    /// key; those that are there, or those that were taken away.
    fn changed(&self, behind: &Row, upto: u64, most: usize) -> Result<Vec<Row>, StreamsError>;
}

/// The place that settings name, if any, with the tables of the job. Blocks.
pub(crate) fn open(
    job: &str,
    settings: &Settings,
) -> Result<Option<Arc<dyn Remote>>, StreamsError> {
    #[cfg(feature = "mysql")]
    if let StateStore::MySql(store) = &settings.state_store {
        return Ok(Some(Arc::new(mysql::Database::open(job, store)?)));
    }
    let _ = (job, settings);
    Ok(None)
}

/// Store and key of what stands in a task's state.
#[cfg(feature = "mysql")]
fn parts(key: &[u8]) -> (u16, &[u8]) {
    let store = key.first_chunk().map_or(0, |bytes| u16::from_be_bytes(*bytes));
    (store, key.get(PREFIX_BYTES..).unwrap_or_default())
}

/// The first key behind one.
fn behind(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}
