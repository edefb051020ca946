//! State: typed stores with a write-back cache over bytes on disk or in memory. What changed is
//! written at a checkpoint, all at once, so that what is on disk is always the state of one.

mod backend;
mod cache;
pub(crate) mod global;
mod keyed;
pub(crate) mod page;
mod windowed;

use std::sync::Arc;

pub(crate) use backend::{Backend, Batch, Disk, Each, Lasts, Memory};
use bytes::Bytes;
use gantry_log::LogRecord;
pub(crate) use global::{GLOBALS, GlobalStore};
pub use keyed::KeyedStore;
pub(crate) use keyed::after;
pub use windowed::WindowStore;

use crate::error::StreamsError;

/// Where a store stands: its bytes begin with this.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) prefix: [u8; PREFIX_BYTES],
    /// How many entries its cache may have.
    pub(crate) entries_max: usize,
}

/// The number of the store, and of the queue.
pub(crate) const PREFIX_BYTES: usize = 6;

/// The prefix of a store in one task.
pub(crate) fn prefix(store: u16, queue: u32) -> [u8; PREFIX_BYTES] {
    let ([a, b], [c, d, e, f]) = (store.to_be_bytes(), queue.to_be_bytes());
    [a, b, c, d, e, f]
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Place({:?})", self.prefix)
    }
}

/// What a checkpoint writes of one store.
#[derive(Default)]
pub(crate) struct Flush<'a> {
    /// To disk; none if that can wait.
    pub(crate) batch: Option<&'a mut Batch>,
    /// To the change log; none where there is none.
    pub(crate) changes: Option<&'a mut Vec<LogRecord>>,
    /// Where keys are written before they are copied.
    pub(crate) key: Vec<u8>,
}

impl Flush<'_> {
    /// An entry is now this, or gone: to the change log. The key is written by a function.
    fn change(&mut self, key: impl FnOnce(&mut Vec<u8>), value: Option<Vec<u8>>) {
        if let Some(changes) = self.changes.as_deref_mut() {
            self.key.clear();
            key(&mut self.key);
            changes.push(LogRecord {
                key: Some(Bytes::copy_from_slice(&self.key)),
                value: value.map(Bytes::from),
                headers: Vec::new(),
                timestamp_ms: LogRecord::AT_STORE,
            });
        }
    }
}

/// A store, to the task that has it.
pub(crate) trait StateStore {
    /// Writes what changed since the last checkpoint; and what is not on disk, if that is asked for:
    /// then it lets go of what the cache need not keep.
    fn flush(&mut self, to: &mut Flush<'_>) -> Result<(), StreamsError>;
    /// Whether so much is not on disk, or held, that it should be written soon.
    fn is_full(&self) -> bool;
    /// How many entries the cache has.
    fn cached(&self) -> usize;
}
